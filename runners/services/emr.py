"""Steps of EMR clusters: add one, ask for ten at once, cancel them, find one that was never recorded.

EMR has no start token, so the task's key stands at the end of the step's name, by which ``find`` recognises it.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote

from botocore.exceptions import ClientError
from pydantic import BaseModel, ConfigDict, Field, model_validator

from runners.errors import StartLaterError, StartRefusedError, StopFailedError
from runners.job import Failed, Running, Succeeded, Unknown
from runners.links import page_link
from runners.log import job_fields
from runners.retries import error_code, error_message, repeated, when_throttled
from runners.services import Service, checked, iso, run_told_by
from runners.services.api_inputs import handed_on
from runners.services.calls import CLOCK_SKEW, batches, described, grouped, starting
from runners.services.keyed_names import ROOM, is_keyed, keyed
from runners.services.messages import without_values

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mypy_boto3_emr import EMRClient
    from mypy_boto3_emr.type_defs import StepStatusTypeDef, StepSummaryTypeDef

    from runners.job import ActiveJob, Status

log = logging.getLogger(__name__)

FAILED = "EmrStepFailedError"

RUNNING_STATES = frozenset({"PENDING", "CANCEL_PENDING", "RUNNING"})
SUCCEEDED_STATES = frozenset({"COMPLETED"})
# Whoever cancels a step, or terminates its cluster, does so before the step's output is complete.
FAILED_STATES = frozenset({"CANCELLED", "FAILED", "INTERRUPTED"})

_MAX_NAME = 256  # characters
_MAX_TEXTS = 10_240  # characters of a HadoopJarStep altogether
_BATCH = 10  # steps; the most that ListSteps takes ids of
_STOP_BATCH = 256  # steps; the most that CancelSteps takes
_MAX_PAGES = 20  # of 50 steps each, newest first, in which an unrecorded one is looked for
# A cluster has 256 steps that wait or run. Its answer has no code of its own.
_TOO_MANY_STEPS = "Maximum number of active steps"
# ListSteps and CancelSteps answer so about a cluster or a step that they do not know.
_UNKNOWN = frozenset({"InvalidRequestException"})

_STRICT = ConfigDict(extra="forbid", frozen=True)


class KeyValue(BaseModel):
    """A Java property."""

    model_config = _STRICT

    Key: str = Field(min_length=1)
    """Its name."""

    Value: str
    """Its value."""


class Program(BaseModel):
    """What a step runs."""

    model_config = _STRICT

    Jar: str = Field(min_length=1)
    """A JAR in S3 or on the cluster, such as ``command-runner.jar``."""

    MainClass: str | None = None
    """The class to run; the one that the JAR names if absent."""

    Args: tuple[str, ...] = ()
    """Arguments of the main class, such as ``["spark-submit", "s3://…/job.py"]``."""

    Properties: tuple[KeyValue, ...] = ()
    """Java properties."""

    @model_validator(mode="after")
    def _is_not_longer_than_emr_takes(self) -> Program:
        texts = [self.Jar, self.MainClass or "", *self.Args]
        texts += [text for item in self.Properties for text in (item.Key, item.Value)]
        if sum(map(len, texts)) > _MAX_TEXTS:
            raise ValueError(f"the texts of a HadoopJarStep may have {_MAX_TEXTS} characters altogether")
        return self


class NewStep(BaseModel):
    """A step, as AddJobFlowSteps takes it."""

    model_config = _STRICT

    Name: str = Field(min_length=1, max_length=_MAX_NAME - ROOM)
    """Its name, to which the task's key is added."""

    ActionOnFailure: Literal["TERMINATE_JOB_FLOW", "TERMINATE_CLUSTER", "CANCEL_AND_WAIT", "CONTINUE"] = "CONTINUE"
    """What EMR does if the step fails; unless another is asked for, the cluster and its other steps go on."""

    HadoopJarStep: Program
    """What it runs."""


class EmrRequest(BaseModel):
    """The input of a task for EMR steps: the parameters of AddJobFlowSteps, with one step."""

    model_config = _STRICT

    ClusterId: str = Field(min_length=1, max_length=256)
    """The cluster, such as ``j-2AXXXXXXGAPLF``."""

    Step: NewStep
    """The step."""

    ExecutionRoleArn: str | None = Field(default=None, min_length=20, max_length=2048)
    """The step's runtime role, if the cluster has them."""

    def call(self, task_key: str) -> dict[str, Any]:
        """Return the parameters of AddJobFlowSteps."""
        step = self.Step.model_dump(exclude_none=True) | {"Name": keyed(self.Step.Name, task_key)}
        role = {} if self.ExecutionRoleArn is None else {"ExecutionRoleArn": self.ExecutionRoleArn}
        return {"JobFlowId": self.ClusterId, "Steps": [step], **role}


class Emr(Service):
    """Steps of EMR clusters as a service."""

    name = "emr"
    asked_for = ("ClusterId",)

    def __init__(self, elasticmapreduce: EMRClient) -> None:
        self._elasticmapreduce = elasticmapreduce
        self._region = elasticmapreduce.meta.region_name

    def validate(self, request: Mapping[str, Any]) -> None:
        """Check a task's input."""
        checked(EmrRequest, request)

    def start(self, job: ActiveJob) -> str:
        """Add a step whose name carries the task's key."""
        call = checked(EmrRequest, job.request).call(job.task_key)
        with starting("EMR", lambda reason: _not_started(job, reason)):
            return self._add_step(call)

    def _add_step(self, call: dict[str, Any]) -> str:
        try:
            return when_throttled(self._elasticmapreduce.add_job_flow_steps)(**call)["StepIds"][0]
        except ClientError as error:
            if _TOO_MANY_STEPS not in error_message(error):
                raise
            raise StartLaterError(f"cluster {call['JobFlowId']} has as many steps as EMR allows") from None

    def find(self, job: ActiveJob) -> str | None:
        """Look for a step with the task's key among the cluster's steps since the claim, newest first."""
        try:
            for step in self._steps_since(job):
                if is_keyed(step.get("Name", ""), job.task_key):
                    return step["Id"]
        except ClientError as error:
            if error_code(error) not in _UNKNOWN:
                raise
        return None  # no such step, or no such cluster any more

    def describe(self, jobs: Sequence[ActiveJob]) -> dict[str, Status]:
        """Return the status of each step, ten of a cluster a call."""
        return described("EMR", _batches(jobs, _BATCH), self._describe_steps)

    def stop(self, jobs: Sequence[ActiveJob]) -> None:
        """Cancel steps; one that has ended is no error.

        Raises:
            StopFailedError: a step goes on.

        """
        for batch in _batches([job for job in jobs if job.run_id], _STOP_BATCH):
            self._refused_to_stop(batch, self._cancel(batch))

    def run_of_event(self, event: Mapping[str, Any]) -> str | None:
        """Return the step of an ``EMR Step Status Change``."""
        return run_told_by(event, "aws.emr", "EMR Step Status Change", "stepId")

    def _cancel(self, jobs: Sequence[ActiveJob]) -> dict[str, str]:
        """Cancel steps of one cluster; return why some were not, by step."""
        steps = [str(job.run_id) for job in jobs]
        try:
            # An interrupt lets the step end its YARN application and tidy up; killing its process would leave that.
            answer = repeated(self._elasticmapreduce.cancel_steps)(
                ClusterId=_cluster(jobs[0]), StepIds=steps, StepCancellationOption="SEND_INTERRUPT"
            )
        except ClientError as error:
            if error_code(error) not in _UNKNOWN:
                raise
            return dict.fromkeys(steps, error_message(error))
        infos = answer.get("CancelStepsInfoList", [])
        return {info["StepId"]: info.get("Reason", "") for info in infos if info.get("Status") == "FAILED"}

    def _refused_to_stop(self, jobs: Sequence[ActiveJob], reasons: Mapping[str, str]) -> None:
        refused = [job for job in jobs if job.run_id in reasons]
        statuses = self.describe(refused)
        for job in refused:
            reason = reasons[str(job.run_id)]
            log.info(
                "EMR did not stop a step",
                extra={"action": "stop_refused", **job_fields(job), "reason": reason},
            )
            status = statuses.get(job.task_key, Running("in a state that EMR did not tell"))
            if isinstance(status, Running) and status.state != "CANCEL_PENDING":
                raise StopFailedError(f"EMR did not cancel step {job.run_id}, which is {status.state}: {reason}")

    def _describe_steps(self, jobs: Sequence[ActiveJob]) -> dict[str, Status]:
        """Return the status of steps of one cluster."""
        try:
            answer = repeated(self._elasticmapreduce.list_steps)(
                ClusterId=_cluster(jobs[0]), StepIds=[str(job.run_id) for job in jobs]
            )
        except ClientError as error:
            if error_code(error) not in _UNKNOWN:
                raise
            if len(jobs) > 1:  # one step that EMR does not know spoils the question about the others
                return described("EMR", ([job] for job in jobs), self._describe_steps)
            return {jobs[0].task_key: _unknown(jobs[0])}
        steps = {step["Id"]: step for step in answer["Steps"]}
        return {job.task_key: self._status(job, steps.get(str(job.run_id))) for job in jobs}

    def _steps_since(self, job: ActiveJob) -> Iterator[StepSummaryTypeDef]:
        """Yield a cluster's steps, newest first, back to the claim, bounded by a number of pages."""
        query: dict[str, Any] = {"ClusterId": _cluster(job)}
        for _ in range(_MAX_PAGES):
            page = repeated(self._elasticmapreduce.list_steps)(**query)
            for step in page["Steps"]:
                created = step["Status"].get("Timeline", {}).get("CreationDateTime")
                if created is not None and created < job.claimed_at - CLOCK_SKEW:
                    return
                yield step
            if not page.get("Marker"):
                return
            query["Marker"] = page["Marker"]

    def _status(self, job: ActiveJob, step: StepSummaryTypeDef | None) -> Status:
        if step is None:
            return _unknown(job)
        status = step["Status"]
        state = str(status["State"])
        if state in SUCCEEDED_STATES:
            return Succeeded(self._output(job, step))
        if state in FAILED_STATES:
            return Failed(FAILED, {**_cause(job, state, _reason(state, status)), **self._end(job, step)})
        # A state that AWS adds later is taken as running: the task's own time-out has the last word.
        return Running(state)

    def _output(self, job: ActiveJob, step: StepSummaryTypeDef) -> dict[str, Any]:
        return {
            "ClusterId": _cluster(job),
            "StepId": step["Id"],
            "StepName": step.get("Name"),
            "StepState": step["Status"]["State"],
            **self._end(job, step),
        }

    def _end(self, job: ActiveJob, step: StepSummaryTypeDef) -> dict[str, Any]:
        """Return what is told of a step that has ended, however it did."""
        timeline = step["Status"].get("Timeline", {})
        start, end = timeline.get("StartDateTime"), timeline.get("EndDateTime")
        page = f"emr/home?region={self._region}#/clusterDetails/{quote(_cluster(job))}"
        return {
            "CreationDateTime": iso(timeline.get("CreationDateTime")),
            "StartDateTime": iso(start),
            "EndDateTime": iso(end),
            "ElapsedTimeSeconds": (end - start).total_seconds() if start and end else None,
            "LogFile": step["Status"].get("FailureDetails", {}).get("LogFile") or step.get("LogUri"),
            "ConsoleLink": page_link(self._region, page),
        }


def _cluster(job: ActiveJob) -> str:
    return str(job.request["ClusterId"])


def _batches(jobs: Sequence[ActiveJob], size: int) -> Iterator[Sequence[ActiveJob]]:
    """Yield the jobs, at most ``size`` of one cluster at a time."""
    for group in grouped(sorted(jobs, key=_cluster), _cluster).values():
        yield from batches(group, size)


def _not_started(job: ActiveJob, reason: str) -> StartRefusedError:
    return StartRefusedError(FAILED, _cause(job, "NOT_STARTED", without_values(reason, handed_on(job.request))))


def _unknown(job: ActiveJob) -> Unknown:
    return Unknown(FAILED, _cause(job, "UNKNOWN", "EMR does not know this step (any more), or its cluster"))


def _reason(state: str, status: StepStatusTypeDef) -> str:
    """Return why a step ended, in EMR's words if it has any."""
    details = status.get("FailureDetails", {})
    words = [details.get("Reason"), details.get("Message"), status.get("StateChangeReason", {}).get("Message")]
    return " ".join(filter(None, words)) or f"the step ended as {state}"


def _cause(job: ActiveJob, state: str, message: str) -> dict[str, Any]:
    return {
        "ClusterId": _cluster(job),
        "StepId": job.run_id or "",
        "StepState": state,
        "ErrorMessage": message,
    }
