"""AWS Glue jobs: start a run, ask for many at once, stop them, find one that was never recorded.

Glue has no start token, so each run carries the task's key as an argument, by which ``find`` recognises it.
"""

from __future__ import annotations

import json
import logging
import math
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError
from pydantic import BaseModel, ConfigDict, Field, model_validator

from runners.errors import StartRefusedError, StopFailedError
from runners.job import Failed, Running, Succeeded, Unknown
from runners.links import log_link, page_link
from runners.log import job_fields
from runners.retries import error_code, repeated, when_throttled
from runners.services import Service, checked, iso, run_told_by
from runners.services.calls import CLOCK_SKEW, batches, described, grouped, starting
from runners.services.messages import without_values

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mypy_boto3_glue import GlueClient
    from mypy_boto3_glue.type_defs import ErrorDetailTypeDef, JobRunTypeDef

    from runners.job import ActiveJob, Status

log = logging.getLogger(__name__)

FAILED = "GlueJobFailedError"
KEY_ARGUMENT = "--runner_task_key"  # by which a run says for which task it was started

RUNNING_STATES = frozenset({"STARTING", "RUNNING", "STOPPING", "WAITING"})
SUCCEEDED_STATES = frozenset({"SUCCEEDED"})
# STOPPED is no success: whoever stopped the run did so before its output was complete. EXPIRED runs waited for
# capacity in vain.
FAILED_STATES = frozenset({"STOPPED", "FAILED", "TIMEOUT", "ERROR", "EXPIRED"})

_LATER = frozenset({"ConcurrentRunsExceededException", "ResourceNumberLimitExceededException"})
_GONE = "EntityNotFoundException"
_PAGE = 200  # runs; the most that GetJobRuns gives
_MAX_PAGES = 10  # of one job's runs, newest first, before single runs are asked for
_WORKER_OF_ONE_DPU = "G.1X"
_FEWEST_WORKERS = 2  # of a Spark job
_DPU_IF_UNSAID = 10.0  # what StartJobRun's page in Glue's API reference gives as the default of a Spark job
# "Worker types" in Glue's developer guide; one that is not known here counts as one DPU a worker.
_DPU_OF_WORKER = {"G.025X": 0.25, "G.2X": 2, "G.4X": 4, "G.8X": 8, "G.12X": 12, "G.16X": 16} | {
    "R.2X": 2,
    "R.4X": 4,
    "R.8X": 8,
    "Z.2X": 2,
}
_STOP_BATCH = 25  # runs; the most that BatchStopJobRun takes
_LOG_GROUP = "/aws-glue/jobs"  # where a run's logs lie if it does not say


class GlueRequest(BaseModel):
    """The input of a task for Glue; every other key is passed to the job as an argument, ``--key``."""

    model_config = ConfigDict(extra="allow", frozen=True)

    GlueJobName: str = Field(min_length=1, max_length=255)
    """The job to run."""

    GlueJobCapacity: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    """Capacity in data processing units (DPU); the job's own if absent. Where Glue takes workers only, it is that
    many of ``G.1X``, at least two. Not with ``WorkerType``."""

    WorkerType: str | None = Field(default=None, min_length=1, max_length=255)
    """A kind of worker such as ``G.1X``; needs ``NumberOfWorkers``."""

    NumberOfWorkers: int | None = Field(default=None, ge=1)
    """How many workers; needs ``WorkerType``."""

    Timeout: int | None = Field(default=None, ge=1)
    """Minutes until Glue ends the run; the job's own if absent."""

    @model_validator(mode="after")
    def _capacity_is_said_in_one_way(self) -> GlueRequest:
        if (self.WorkerType is None) != (self.NumberOfWorkers is None):
            raise ValueError("WorkerType and NumberOfWorkers go together; give both or neither")
        if self.GlueJobCapacity is not None and self.WorkerType is not None:
            raise ValueError("give GlueJobCapacity, or WorkerType with NumberOfWorkers, not both")
        return self

    def call(self, task_key: str) -> dict[str, Any]:
        """Return the parameters of StartJobRun."""
        own = {
            "MaxCapacity": self.GlueJobCapacity,
            "WorkerType": self.WorkerType,
            "NumberOfWorkers": self.NumberOfWorkers,
            "Timeout": self.Timeout,
        }
        arguments = {
            name if name.startswith("--") else f"--{name}": _argument(value)
            for name, value in (self.model_extra or {}).items()
            if value is not None
        }
        return {
            "JobName": self.GlueJobName,
            "Arguments": {**arguments, KEY_ARGUMENT: task_key},
            **{name: value for name, value in own.items() if value is not None},
        }


class Glue(Service):
    """Glue as a service."""

    name = "glue"
    asked_for = ("GlueJobName",)

    def __init__(self, glue: GlueClient) -> None:
        self._glue = glue
        self._region = glue.meta.region_name

    def validate(self, request: Mapping[str, Any]) -> None:
        """Check a task's input."""
        checked(GlueRequest, request)

    def dpu(self, request: Mapping[str, Any]) -> float:
        """Return the DPU that a request says; 10 if it leaves them to the job's own definition."""
        if capacity := request.get("GlueJobCapacity"):
            return float(capacity)
        if workers := request.get("NumberOfWorkers"):
            return float(workers) * _DPU_OF_WORKER.get(str(request.get("WorkerType")), 1)
        return _DPU_IF_UNSAID

    def start(self, job: ActiveJob) -> str:
        """Start a run that carries the task's key."""
        call = checked(GlueRequest, job.request).call(job.task_key)
        with starting("Glue", lambda reason: _not_started(job, reason), _LATER):
            return self._start_run(call)

    def _start_run(self, call: dict[str, Any]) -> str:
        start = when_throttled(self._glue.start_job_run)
        try:
            return start(**call)["JobRunId"]
        except ClientError as error:
            # Since Glue 2.0 the capacity of a Spark job is said in workers only, which cannot be seen from its name.
            if "MaxCapacity" not in call or error_code(error) != "InvalidInputException":
                raise
        return start(**_in_workers(call))["JobRunId"]

    def find(self, job: ActiveJob) -> str | None:
        """Look for a run with the task's key among the job's runs since the claim."""
        for run in self._runs_since(_job_name(job), [job]):
            if run.get("Arguments", {}).get(KEY_ARGUMENT) == job.task_key:
                return run["Id"]
        return None

    def describe(self, jobs: Sequence[ActiveJob]) -> dict[str, Status]:
        """Return the status of each run; the runs of one job are read together, up to 200 a call."""
        return described("Glue", grouped(jobs, _job_name).values(), self._describe_runs)

    def stop(self, jobs: Sequence[ActiveJob]) -> None:
        """Stop runs, 25 a call; Glue refuses to stop a run that has ended, which is no error.

        Raises:
            StopFailedError: a run goes on.

        """
        for name, group in grouped(jobs, _job_name).items():
            runs = {job.run_id: job for job in group if job.run_id}
            for batch in batches(list(runs), _STOP_BATCH):
                answer = repeated(self._glue.batch_stop_job_run)(JobName=name, JobRunIds=batch)
                for refusal in answer.get("Errors", []):
                    self._refused_to_stop(name, runs[refusal["JobRunId"]], refusal.get("ErrorDetail", {}))

    def run_of_event(self, event: Mapping[str, Any]) -> str | None:
        """Return the run of a ``Glue Job State Change``."""
        return run_told_by(event, "aws.glue", "Glue Job State Change", "jobRunId")

    def _refused_to_stop(self, name: str, job: ActiveJob, detail: ErrorDetailTypeDef) -> None:
        reason = f"{detail.get('ErrorCode')}: {detail.get('ErrorMessage')}"
        log.info("Glue did not stop a run", extra={"action": "stop_refused", **job_fields(job), "reason": reason})
        status = self._describe_run(name, str(job.run_id), job)
        if isinstance(status, Running) and status.state != "STOPPING":
            raise StopFailedError(
                f"Glue did not stop run {job.run_id} of job {name}, which is {status.state}: {reason}"
            )

    def _describe_runs(self, jobs: Sequence[ActiveJob]) -> dict[str, Status]:
        """Return the status of runs of one job."""
        name = _job_name(jobs[0])
        missing = {job.run_id: job for job in jobs if job.run_id}
        statuses: dict[str, Status] = {}
        if len(missing) > 1:
            for run in self._runs_since(name, jobs):
                if job := missing.pop(run["Id"], None):
                    statuses[job.task_key] = self._status(job, run)
                    if not missing:
                        return statuses
        for run_id, job in missing.items():
            statuses[job.task_key] = self._describe_run(name, run_id, job)
        return statuses

    def _describe_run(self, name: str, run_id: str, job: ActiveJob) -> Status:
        try:
            return self._status(job, repeated(self._glue.get_job_run)(JobName=name, RunId=run_id)["JobRun"])
        except ClientError as error:
            if error_code(error) != _GONE:
                raise
            return Unknown(FAILED, _cause(job, run_id, "UNKNOWN", "Glue does not know this run (any more)"))

    def _runs_since(self, name: str, jobs: Sequence[ActiveJob]) -> Iterator[JobRunTypeDef]:
        """Yield a job's runs, newest first, back to the oldest claim, at most so many pages; none if it is gone."""
        oldest = min(job.claimed_at for job in jobs) - CLOCK_SKEW
        query: dict[str, Any] = {"JobName": name, "MaxResults": _PAGE}
        for _ in range(_MAX_PAGES):
            try:
                page = repeated(self._glue.get_job_runs)(**query)
            except ClientError as error:
                if error_code(error) != _GONE:
                    raise
                return
            for run in page["JobRuns"]:
                if "StartedOn" in run and run["StartedOn"] < oldest:  # a queued run may have none yet
                    return
                yield run
            if not page.get("NextToken"):
                return
            query["NextToken"] = page["NextToken"]

    def _status(self, job: ActiveJob, run: JobRunTypeDef) -> Status:
        state = run["JobRunState"]
        if state in SUCCEEDED_STATES:
            return Succeeded(self._output(run))
        if state in FAILED_STATES:
            message = run.get("ErrorMessage") or run.get("StateDetail") or f"the run ended as {state}"
            return Failed(FAILED, {**_cause(job, run["Id"], state, message), **self._links(run)})
        # A state that AWS adds later is taken as running: the task's own time-out has the last word.
        return Running(state)

    def _output(self, run: JobRunTypeDef) -> dict[str, Any]:
        seconds = run.get("ExecutionTime", 0)
        return {
            "GlueJobName": run["JobName"],
            "GlueJobRunId": run["Id"],
            "GlueJobRunState": run["JobRunState"],
            "GlueJobStartedOn": iso(run.get("StartedOn")),
            "GlueJobCompletedOn": iso(run.get("CompletedOn")),
            "GlueJobLastModifiedOn": iso(run.get("LastModifiedOn")),
            "ExecutionTimeSeconds": seconds,
            # Glue gives DPUSeconds for auto-scaled and flexible runs only; otherwise it is capacity by time.
            "DPUSeconds": run.get("DPUSeconds", round(run.get("MaxCapacity", 0.0) * seconds, 3)),
            **self._links(run),
        }

    def _links(self, run: JobRunTypeDef) -> dict[str, str]:
        page = f"gluestudio/home?region={self._region}#/job/{run['JobName']}/run/{run['Id']}"
        logs = (run.get("LogGroupName") or _LOG_GROUP).rstrip("/")
        return {
            "ConsoleLink": page_link(self._region, page),
            "LogsLink": log_link(self._region, f"{logs}/output", run["Id"]),
            "ErrorLogsLink": log_link(self._region, f"{logs}/error", run["Id"]),
        }


def _job_name(job: ActiveJob) -> str:
    return str(job.request["GlueJobName"])


def _not_started(job: ActiveJob, reason: str) -> StartRefusedError:
    arguments = [
        _argument(value) for name, value in job.request.items() if name not in GlueRequest.model_fields and value
    ]
    return StartRefusedError(FAILED, _cause(job, "", "NOT_STARTED", without_values(reason, arguments)))


def _cause(job: ActiveJob, run_id: str, state: str, message: str) -> dict[str, Any]:
    return {
        "GlueJobName": _job_name(job),
        "GlueJobRunId": run_id,
        "GlueJobRunState": state,
        "ErrorMessage": message,
    }


def _in_workers(call: dict[str, Any]) -> dict[str, Any]:
    """Say a capacity in workers of one DPU each."""
    workers = max(_FEWEST_WORKERS, math.ceil(call["MaxCapacity"]))
    others = {name: value for name, value in call.items() if name != "MaxCapacity"}
    return {**others, "WorkerType": _WORKER_OF_ONE_DPU, "NumberOfWorkers": workers}


def _argument(value: Any) -> str:
    """Return a value as Glue's command line keeps it: a text as it is, anything else as JSON.

    JSON gets no two curly brackets in a row, with which the launcher of Spark marks its own variables.
    """
    if isinstance(value, str):
        return value
    spaced = json.dumps(value, indent=0).replace("\n", " ")  # now only texts within have two in a row
    return spaced.replace("{{", r"{\u007b").replace("}}", r"}\u007d")
