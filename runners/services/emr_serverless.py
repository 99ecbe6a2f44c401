"""EMR Serverless jobs: start a run, ask for many of an application at once, cancel them, find one never recorded.

A start carries the task's key as its client token, so it may be repeated. As EMR Serverless does not show the token
again, the key also stands at the end of the run's name, by which ``find`` recognises the run.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Literal

from botocore.exceptions import ClientError
from pydantic import BaseModel, ConfigDict, Field, model_validator

from runners.errors import StartRefusedError, StopFailedError
from runners.job import Failed, Running, Succeeded, Unknown
from runners.links import page_link
from runners.log import job_fields
from runners.retries import error_code, error_message, repeated
from runners.services import Service, checked, iso, run_told_by
from runners.services.api_inputs import handed_on
from runners.services.calls import CLOCK_SKEW, described, grouped, starting, under_key
from runners.services.keyed_names import ROOM, is_keyed, keyed
from runners.services.messages import without_values

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mypy_boto3_emr_serverless import EMRServerlessClient
    from mypy_boto3_emr_serverless.type_defs import JobRunSummaryTypeDef, JobRunTypeDef

    from runners.job import ActiveJob, Status

log = logging.getLogger(__name__)

FAILED = "EmrServerlessJobFailedError"

RUNNING_STATES = frozenset({"SUBMITTED", "PENDING", "SCHEDULED", "QUEUED", "RUNNING", "CANCELLING"})
SUCCEEDED_STATES = frozenset({"SUCCESS"})
FAILED_STATES = frozenset({"FAILED", "CANCELLED"})  # a run that exceeds its time-out is cancelled

# The application is between two states, or another call has the same token; nothing was started.
_LATER = frozenset({"ConflictException", "ServiceQuotaExceededException"})
# EMR Serverless answers so about an application or a run that it does not know, and to cancel a run that has ended.
_UNKNOWN = frozenset({"ResourceNotFoundException", "ValidationException"})
_MAX_NAME = 256  # characters
_PAGE = 50  # runs; the most that ListJobRuns gives
_MAX_PAGES = 20  # of an application's runs, before single runs are asked for
_UNNAMED = "etl-runners"  # what a run is called if the task does not say
# Objects of the API whose keys are the user's, so they are passed as they are.
_FREE_KEYS = frozenset({"properties", "encryptionContext", "logTypes"})

_STRICT = ConfigDict(extra="forbid", frozen=True)


class SparkJob(BaseModel):
    """A Spark job; the API's ``sparkSubmit``."""

    model_config = _STRICT

    EntryPoint: str = Field(min_length=1, max_length=4096)
    """The script or JAR in S3; ``entryPoint``."""

    EntryPointArguments: tuple[str, ...] | None = Field(default=None, max_length=1024)
    """Its arguments; ``entryPointArguments``."""

    SparkSubmitParameters: str | None = Field(default=None, min_length=1, max_length=102_400)
    """Options such as ``--conf spark.executor.cores=4``; ``sparkSubmitParameters``."""


class HiveJob(BaseModel):
    """A Hive query; the API's ``hive``."""

    model_config = _STRICT

    Query: str = Field(min_length=1, max_length=10_280)
    """The query's file in S3, or its text; ``query``."""

    InitQueryFile: str | None = Field(default=None, min_length=1, max_length=256)
    """A file that is run first; ``initQueryFile``."""

    Parameters: str | None = Field(default=None, min_length=1, max_length=102_400)
    """Options such as ``--hiveconf hive.exec.scratchdir=s3://…``; ``parameters``."""


class Driver(BaseModel):
    """What a run does: one of the two; the API's ``jobDriver``."""

    model_config = _STRICT

    SparkSubmit: SparkJob | None = None
    """A Spark job."""

    Hive: HiveJob | None = None
    """A Hive query."""

    @model_validator(mode="after")
    def _says_one_thing(self) -> Driver:
        if (self.SparkSubmit is None) == (self.Hive is None):
            raise ValueError("give SparkSubmit or Hive, one of the two")
        return self


class Retries(BaseModel):
    """How often EMR Serverless itself tries again; the API's ``retryPolicy``."""

    model_config = _STRICT

    MaxAttempts: int | None = Field(default=None, ge=1)
    """Attempts of a run in mode BATCH; ``maxAttempts``."""

    MaxFailedAttemptsPerHour: int | None = Field(default=None, ge=1)
    """Failed attempts an hour of a run in mode STREAMING; ``maxFailedAttemptsPerHour``."""


class SessionPolicy(BaseModel):
    """What narrows a run's rights within those of its role; the API's ``executionIamPolicy``."""

    model_config = _STRICT

    Policy: str | None = Field(default=None, min_length=1, max_length=2048)
    """A policy document; ``policy``."""

    PolicyArns: tuple[str, ...] | None = Field(default=None, max_length=10)
    """ARNs of managed policies; ``policyArns``."""


class EmrServerlessRequest(BaseModel):
    """The input of a task for EMR Serverless: the parameters of StartJobRun.

    Names begin with a capital, as in Step Functions' own integration; the API's begin with a small letter.
    """

    model_config = _STRICT

    ApplicationId: str = Field(pattern=r"^[0-9a-z]{1,64}$")
    """The application; ``applicationId``."""

    ExecutionRoleArn: str = Field(min_length=20, max_length=2048, pattern=r"^arn:")
    """The role as which the run accesses data; ``executionRoleArn``."""

    ExecutionIamPolicy: SessionPolicy | None = None
    """What narrows the run's rights within those of the role."""

    JobDriver: Driver
    """What the run does."""

    ConfigurationOverrides: dict[str, Any] | None = None
    """``configurationOverrides``: ``{"ApplicationConfiguration": [{"Classification": …, "Properties": {…}}],
    "MonitoringConfiguration": {…}, "DiskEncryptionConfiguration": {…}}``. Each name is the API's with a capital; what
    stands in ``Properties``, ``EncryptionContext`` and ``LogTypes`` is passed as it is."""

    Tags: dict[str, str] | None = Field(default=None, max_length=200)
    """Tags of the run; ``tags``."""

    ExecutionTimeoutMinutes: int | None = Field(default=None, ge=0, le=1_000_000)
    """Minutes after which EMR Serverless cancels the run, 720 if absent; ``executionTimeoutMinutes``."""

    Name: str = Field(default=_UNNAMED, min_length=1, max_length=_MAX_NAME - ROOM)
    """The run's name, to which the task's key is added; ``name``."""

    Mode: Literal["BATCH", "STREAMING"] | None = None
    """BATCH if absent; ``mode``. A run in mode STREAMING ends when it is stopped or fails."""

    RetryPolicy: Retries | None = None
    """How often EMR Serverless itself tries again."""

    def call(self, task_key: str) -> dict[str, Any]:
        """Return the parameters of StartJobRun."""
        said: dict[str, Any] = _as_in_the_api(self.model_dump(exclude_none=True, exclude={"Tags"}))
        tags = {} if self.Tags is None else {"tags": self.Tags}
        return {**said, **tags, "name": keyed(self.Name, task_key), "clientToken": task_key}


class EmrServerless(Service):
    """EMR Serverless as a service."""

    name = "emrserverless"
    asked_for = ("ApplicationId", "Name")

    def __init__(self, emr_serverless: EMRServerlessClient) -> None:
        self._emr_serverless = emr_serverless
        self._region = emr_serverless.meta.region_name

    def validate(self, request: Mapping[str, Any]) -> None:
        """Check a task's input."""
        checked(EmrServerlessRequest, request)

    def start(self, job: ActiveJob) -> str:
        """Start a run under the task's key; started again under the same key, it is the same run."""
        call = checked(EmrServerlessRequest, job.request).call(job.task_key)
        with starting("EMR Serverless", lambda reason: _not_started(job, reason), _LATER):
            return under_key(self._emr_serverless.start_job_run)(**call)["jobRunId"]

    def find(self, job: ActiveJob) -> str | None:
        """Look for a run with the task's key among the application's runs since the claim."""
        for run in self._runs_since(_application(job), [job]):
            if is_keyed(run.get("name", ""), job.task_key):
                return run["id"]
        return None

    def describe(self, jobs: Sequence[ActiveJob]) -> dict[str, Status]:
        """Return the status of each run: the states of an application's are read together, each end by itself."""
        return described("EMR Serverless", grouped(jobs, _application).values(), self._describe_runs)

    def stop(self, jobs: Sequence[ActiveJob]) -> None:
        """Cancel runs; one that has ended is no error.

        Raises:
            StopFailedError: a run goes on.

        """
        for job in jobs:
            if job.run_id:
                self._cancel(job, job.run_id)

    def run_of_event(self, event: Mapping[str, Any]) -> str | None:
        """Return the run of an ``EMR Serverless Job Run State Change``."""
        return run_told_by(event, "aws.emr-serverless", "EMR Serverless Job Run State Change", "jobRunId")

    def _cancel(self, job: ActiveJob, run_id: str) -> None:
        try:
            repeated(self._emr_serverless.cancel_job_run)(applicationId=_application(job), jobRunId=run_id)
        except ClientError as error:
            if error_code(error) not in _UNKNOWN:
                raise
            reason = error_message(error)
        else:
            return
        log.info(
            "EMR Serverless did not stop a run",
            extra={"action": "stop_refused", **job_fields(job), "reason": reason},
        )
        status = self._describe_run(job)
        if isinstance(status, Running) and status.state != "CANCELLING":
            raise StopFailedError(f"EMR Serverless did not cancel run {run_id}, which is {status.state}: {reason}")

    def _describe_runs(self, jobs: Sequence[ActiveJob]) -> dict[str, Status]:
        """Return the status of runs of one application.

        A list tells the state of many, but only a single run its end and what it cost.
        """
        states: dict[str, str] = {}
        if len(jobs) > 1:
            wanted = {job.run_id for job in jobs}
            for run in self._runs_since(_application(jobs[0]), jobs):
                if run["id"] in wanted:
                    states[run["id"]] = run["state"]
                    if len(states) == len(wanted):
                        break
        running: dict[str, Status] = {
            job.task_key: Running(states[str(job.run_id)])
            for job in jobs
            if states.get(str(job.run_id)) in RUNNING_STATES
        }
        others = ([job] for job in jobs if job.task_key not in running)
        return running | described("EMR Serverless", others, lambda one: {one[0].task_key: self._describe_run(one[0])})

    def _describe_run(self, job: ActiveJob) -> Status:
        try:
            answer = repeated(self._emr_serverless.get_job_run)(
                applicationId=_application(job), jobRunId=str(job.run_id)
            )
        except ClientError as error:
            if error_code(error) not in _UNKNOWN:
                raise
            message = "EMR Serverless does not know this run (any more), or its application"
            return Unknown(FAILED, _cause(job, "UNKNOWN", message))
        return self._status(job, answer["jobRun"])

    def _runs_since(self, application: str, jobs: Sequence[ActiveJob]) -> Iterator[JobRunSummaryTypeDef]:
        """Yield an application's runs since the oldest claim, bounded by a number of pages; none if it is gone."""
        query: dict[str, Any] = {
            "applicationId": application,
            "maxResults": _PAGE,
            "createdAtAfter": min(job.claimed_at for job in jobs) - CLOCK_SKEW,
        }
        for _ in range(_MAX_PAGES):
            try:
                page = repeated(self._emr_serverless.list_job_runs)(**query)
            except ClientError as error:
                if error_code(error) not in _UNKNOWN:
                    raise
                return
            yield from page["jobRuns"]
            if not page.get("nextToken"):
                return
            query["nextToken"] = page["nextToken"]

    def _status(self, job: ActiveJob, run: JobRunTypeDef) -> Status:
        state = str(run["state"])
        if state in SUCCEEDED_STATES:
            return Succeeded(self._output(run))
        if state in FAILED_STATES:
            message = run.get("stateDetails") or f"the run ended as {state}"
            return Failed(FAILED, {**_cause(job, state, message), **self._end(run)})
        # A state that AWS adds later is taken as running: the task's own time-out has the last word.
        return Running(state)

    def _output(self, run: JobRunTypeDef) -> dict[str, Any]:
        return {
            "ApplicationId": run["applicationId"],
            "JobRunId": run["jobRunId"],
            "JobRunState": run["state"],
            "Name": run.get("name"),
            "Attempt": run.get("attempt"),
            **self._end(run),
        }

    def _end(self, run: JobRunTypeDef) -> dict[str, Any]:
        """Return what is told of a run that has ended, however it did.

        No price: it depends on the processor, of which EMR Serverless tells only at the application.
        """
        return {
            "CreatedAt": iso(run.get("createdAt")),
            "StartedAt": iso(run.get("startedAt")),
            "EndedAt": iso(run.get("endedAt")),
            "TotalExecutionDurationSeconds": run.get("totalExecutionDurationSeconds"),
            "BilledResourceUtilization": _utilization(run.get("billedResourceUtilization")),
            "TotalResourceUtilization": _utilization(run.get("totalResourceUtilization")),
            "ConsoleLink": page_link(
                self._region,
                f"emr/home?region={self._region}#/serverless-applications/{run['applicationId']}/{run['jobRunId']}",
            ),
        }


def _application(job: ActiveJob) -> str:
    return str(job.request["ApplicationId"])


def _as_in_the_api(value: Any) -> Any:
    """Return a value with the names that StartJobRun has for its fields."""
    if isinstance(value, dict):
        named = {name[:1].lower() + name[1:]: item for name, item in value.items()}
        return {name: item if name in _FREE_KEYS else _as_in_the_api(item) for name, item in named.items()}
    return [_as_in_the_api(item) for item in value] if isinstance(value, list | tuple) else value


def _utilization(hours: Mapping[str, Any] | None) -> dict[str, float | None] | None:
    """Return what a run used, in hours of a processor and of a gigabyte."""
    if hours is None:
        return None
    return {
        "VCPUHour": hours.get("vCPUHour"),
        "MemoryGBHour": hours.get("memoryGBHour"),
        "StorageGBHour": hours.get("storageGBHour"),
    }


def _not_started(job: ActiveJob, reason: str) -> StartRefusedError:
    return StartRefusedError(FAILED, _cause(job, "NOT_STARTED", without_values(reason, handed_on(job.request))))


def _cause(job: ActiveJob, state: str, message: str) -> dict[str, Any]:
    return {
        "ApplicationId": _application(job),
        "JobRunId": job.run_id or "",
        "JobRunState": state,
        "ErrorMessage": message,
    }
