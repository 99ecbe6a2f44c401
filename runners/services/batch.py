"""AWS Batch jobs: submit one, ask for many at once, terminate them, find one that was never recorded.

A request is the input of SubmitJob, written as in Step Functions' own integration. Batch has no start token, so the
task's key ends the job's name, by which ``find`` recognises it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError
from pydantic import Field

from runners.errors import StartRefusedError, StopFailedError
from runners.job import Failed, Running, Succeeded, Unknown
from runners.links import log_link, page_link
from runners.retries import error_code, error_message, repeated, when_throttled
from runners.services import Service, checked, iso, run_told_by
from runners.services.api_inputs import ApiInput, handed_on, request_model
from runners.services.calls import batches, described, starting
from runners.services.messages import without_values

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mypy_boto3_batch import BatchClient
    from mypy_boto3_batch.type_defs import JobDetailTypeDef

    from runners.job import ActiveJob, Status

FAILED = "BatchJobFailedError"
STOP_REASON = "The task that this job was submitted for is no longer waited for"

RUNNING_STATES = frozenset({"SUBMITTED", "PENDING", "RUNNABLE", "STARTING", "RUNNING"})
SUCCEEDED_STATES = frozenset({"SUCCEEDED"})
FAILED_STATES = frozenset({"FAILED"})

_DESCRIBE_BATCH = 100  # jobs; the most that DescribeJobs takes
_LONGEST_NAME = 128 - 1 - 64  # characters; Batch's limit without the hyphen and the task's key
_LOG_GROUP = "/aws/batch/job"  # where logs lie if the job definition does not say


class BatchFields(ApiInput):
    """The field of a request for Batch that differs from SubmitJob's."""

    jobName: str = Field(alias="JobName", max_length=_LONGEST_NAME, pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")  # noqa: N815
    """What the job's name begins with; a hyphen and the task's key follow."""


class Batch(Service):
    """Batch as a service."""

    name = "batch"
    asked_for = ("JobName", "JobDefinition", "JobQueue")

    def __init__(self, batch: BatchClient) -> None:
        self._batch = batch
        self._region = batch.meta.region_name
        shape = batch.meta.service_model.operation_model("SubmitJob").input_shape
        self._request = request_model(shape, BatchFields)

    def validate(self, request: Mapping[str, Any]) -> None:
        """Check a task's input."""
        checked(self._request, request)

    def start(self, job: ActiveJob) -> str:
        """Submit a job whose name ends with the task's key."""
        call = checked(self._request, job.request).call()
        with starting("Batch", lambda reason: _not_started(job, reason)):
            submitted = when_throttled(self._batch.submit_job)(**{**call, "jobName": _name(job)})
        return submitted["jobId"]

    def find(self, job: ActiveJob) -> str | None:
        """Look for the job of this name in its queue, in any state."""
        query: dict[str, Any] = {
            "jobQueue": job.request["JobQueue"],
            "filters": [{"name": "JOB_NAME", "values": [_name(job)]}],
        }
        while True:
            try:
                page = repeated(self._batch.list_jobs)(**query)
            except ClientError as error:
                if error_code(error) != "ClientException":
                    raise
                return None  # no such queue, or not any more
            for found in page["jobSummaryList"]:
                if found["jobName"] == _name(job):  # the filter does not tell capitals from small letters
                    return found["jobId"]
            if not page.get("nextToken"):
                return None
            query["nextToken"] = page["nextToken"]

    def describe(self, jobs: Sequence[ActiveJob]) -> dict[str, Status]:
        """Return the status of each job, up to 100 a call."""
        return described("Batch", batches(jobs, _DESCRIBE_BATCH), self._describe_jobs)

    def stop(self, jobs: Sequence[ActiveJob]) -> None:
        """Terminate jobs, one a call; one that has not started is cancelled, one that has ended stays as it is.

        Raises:
            StopFailedError: a job goes on.

        """
        for job in jobs:
            if job.run_id is None:
                continue
            try:
                repeated(self._batch.terminate_job)(jobId=job.run_id, reason=STOP_REASON)
            except ClientError as error:
                if error_code(error) != "ClientException":
                    raise
                self._refused_to_stop(job, error)

    def run_of_event(self, event: Mapping[str, Any]) -> str | None:
        """Return the job of a ``Batch Job State Change``."""
        return run_told_by(event, "aws.batch", "Batch Job State Change", "jobId")

    def _refused_to_stop(self, job: ActiveJob, error: ClientError) -> None:
        status = self._describe_jobs([job])[job.task_key]
        if isinstance(status, Running):
            raise StopFailedError(
                f"Batch did not terminate job {job.run_id}, which is {status.state}: {error_message(error)}"
            ) from None

    def _describe_jobs(self, jobs: Sequence[ActiveJob]) -> dict[str, Status]:
        answer = repeated(self._batch.describe_jobs)(jobs=[str(job.run_id) for job in jobs])
        details = {detail["jobId"]: detail for detail in answer.get("jobs", [])}
        return {job.task_key: self._status_of(job, details.get(str(job.run_id))) for job in jobs}

    def _status_of(self, job: ActiveJob, detail: JobDetailTypeDef | None) -> Status:
        if detail is not None:
            return self._status(detail)
        return Unknown(FAILED, _cause(job, str(job.run_id), "UNKNOWN", "Batch does not know this job (any more)"))

    def _status(self, detail: JobDetailTypeDef) -> Status:
        state = detail["status"]
        if state in SUCCEEDED_STATES:
            return Succeeded(self._output(detail))
        if state in FAILED_STATES:
            reasons = [detail.get("statusReason"), _telling_container(detail).get("reason")]
            message = "; ".join(filter(None, reasons)) or f"the job ended as {state}"
            return Failed(FAILED, {**self._output(detail), "ErrorMessage": message})
        # A state that AWS adds later is taken as running: the task's own time-out has the last word.
        return Running(state)

    def _output(self, detail: JobDetailTypeDef) -> dict[str, Any]:
        container = _telling_container(detail)
        started, stopped = detail.get("startedAt"), detail.get("stoppedAt")
        output = {
            "JobName": detail["jobName"],
            "JobId": detail["jobId"],
            "JobQueue": detail["jobQueue"],
            "JobDefinition": detail["jobDefinition"],
            "Status": detail["status"],
            "StatusReason": detail.get("statusReason"),
            "CreatedAt": _iso(detail.get("createdAt")),
            "StartedAt": _iso(started),
            "StoppedAt": _iso(stopped),
            "ExecutionTimeSeconds": (stopped - started) / 1000 if started and stopped else None,
            "ExitCode": container.get("exitCode"),
            "Reason": container.get("reason"),
            "Attempts": len(detail.get("attempts") or detail.get("eksAttempts") or []),
            "ConsoleLink": page_link(self._region, f"batch/home?region={self._region}#jobs/detail/{detail['jobId']}"),
        }
        if summary := detail.get("arrayProperties", {}).get("statusSummary"):
            output["ArrayStatusSummary"] = dict(summary)
        if link := self._log_link(container):
            output["LogsLink"] = link
        return output

    def _log_link(self, container: Mapping[str, Any]) -> str | None:
        """Return where a container's last attempt has logged, if that is in CloudWatch."""
        configuration = container.get("logConfiguration", {})
        stream = container.get("logStreamName")
        if not stream or configuration.get("logDriver", "awslogs") != "awslogs":
            return None
        options = configuration.get("options", {})
        region = options.get("awslogs-region", self._region)
        return log_link(region, options.get("awslogs-group", _LOG_GROUP), stream)


def _telling_container(detail: JobDetailTypeDef) -> Mapping[str, Any]:
    """Return the container that tells how a job ended: the first that failed, else the first; empty if none."""
    containers: list[Mapping[str, Any]] = [
        *([detail["container"]] if detail.get("container") else []),
        *(
            container
            for task in detail.get("ecsProperties", {}).get("taskProperties", [])
            for container in task.get("containers", [])
        ),
        *detail.get("eksProperties", {}).get("podProperties", {}).get("containers", []),
    ]
    failed = (container for container in containers if container.get("exitCode") or container.get("reason"))
    return next(failed, containers[0] if containers else {})


def _name(job: ActiveJob) -> str:
    return f"{job.request['JobName']}-{job.task_key}"


def _iso(milliseconds: int | None) -> str | None:
    return iso(None if milliseconds is None else datetime.fromtimestamp(milliseconds / 1000, UTC))


def _not_started(job: ActiveJob, reason: str) -> StartRefusedError:
    return StartRefusedError(FAILED, _cause(job, "", "NOT_STARTED", without_values(reason, handed_on(job.request))))


def _cause(job: ActiveJob, run_id: str, state: str, message: str) -> dict[str, Any]:
    return {
        "JobName": _name(job),
        "JobId": run_id,
        "JobQueue": job.request["JobQueue"],
        "JobDefinition": job.request["JobDefinition"],
        "Status": state,
        "ErrorMessage": message,
    }
