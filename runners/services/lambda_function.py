"""Lambda functions that outlive a synchronous call: invoke one, and learn from its own report how it ended.

The function gets the task's key as ``CompletionKey`` in its event and reports under it (``runners.completions``).
Lambda itself is never asked how an invocation goes on: it does not tell. One that runs cannot be stopped.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, JsonValue, field_validator

from runners.completions import EVENT_SOURCE, EVENT_TYPE, KEY, CompletionStatus
from runners.errors import StartRefusedError
from runners.job import Failed, Running, Succeeded
from runners.links import log_link, page_link
from runners.services import Service, checked, run_told_by
from runners.services.calls import batches, described, starting, under_key
from runners.services.completion_records import AT_ONCE, CompletionRecords, duration

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_lambda import LambdaClient

    from runners.job import ActiveJob, Status

FAILED = "LambdaJobFailedError"
INVOKED = "INVOKED"  # while no invocation has begun: Lambda keeps an event for up to six hours

RUNNING_STATES = frozenset({CompletionStatus.BEGUN})
SUCCEEDED_STATES = frozenset({CompletionStatus.SUCCEEDED})
FAILED_STATES = frozenset({CompletionStatus.FAILED, CompletionStatus.CANCELLED})

_LATER = frozenset({"ResourceConflictException", "ResourceNotReadyException", "SnapStartNotReadyException"})
_SILENCE = timedelta(minutes=1)  # after the end of an invocation, until it is sure that its report is not on its way

_utc_now = partial(datetime.now, UTC)


class LambdaRequest(BaseModel):
    """The input of a task for Lambda."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    FunctionName: str = Field(min_length=1, max_length=256, pattern=r"^[A-Za-z0-9:_.$-]+$")
    """The function: a name, an ARN, or either with a version or an alias."""

    Qualifier: str | None = Field(default=None, min_length=1, max_length=128, pattern=r"^[A-Za-z0-9_.$-]+$")
    """A version or an alias of the function."""

    # A state's input is at most 256 KB, and Lambda takes events of 1 MB: there is no size to check.
    Payload: dict[str, JsonValue] = Field(default_factory=dict)
    """What the function gets as its event, besides its ``CompletionKey``."""

    @field_validator("Payload")
    @classmethod
    def _the_key_is_the_runner_s(cls, payload: dict[str, JsonValue]) -> dict[str, JsonValue]:
        if KEY in payload:
            raise ValueError(f"{KEY} is added by the runner; call yours something else")
        return payload

    def call(self, task_key: str) -> dict[str, Any]:
        """Return the parameters of Invoke."""
        event = json.dumps({**self.Payload, KEY: task_key}, ensure_ascii=False).encode()
        qualified = {} if self.Qualifier is None else {"Qualifier": self.Qualifier}
        return {"FunctionName": self.FunctionName, "InvocationType": "Event", "Payload": event, **qualified}


class LambdaFunction(Service):
    """Lambda as a service; the run id is the completion key.

    Raises:
        ConfigurationError: no table is named.

    """

    name = "lambda"
    asked_for = ("FunctionName", "Qualifier")

    def __init__(
        self,
        lambda_functions: LambdaClient,
        dynamodb: DynamoDBClient,
        completions_table: str,
        now: Callable[[], datetime] = _utc_now,
    ) -> None:
        self._lambda = lambda_functions
        self._records = CompletionRecords(completions_table, dynamodb, now)
        self._now = now
        self._region = lambda_functions.meta.region_name

    def validate(self, request: Mapping[str, Any]) -> None:
        """Check a task's input."""
        checked(LambdaRequest, request)

    def start(self, job: ActiveJob) -> str:
        """Invoke the function asynchronously; doing so twice does no harm, because a job is begun once only."""
        call = checked(LambdaRequest, job.request).call(job.task_key)
        with starting("Lambda", lambda reason: _not_started(job, reason), _LATER):
            under_key(self._lambda.invoke)(**call)
        return job.task_key

    def find(self, job: ActiveJob) -> str | None:
        """Return the key if an invocation has begun or was cancelled; else it may be invoked again."""
        return job.task_key if self._records.has(job.task_key) else None

    def describe(self, jobs: Sequence[ActiveJob]) -> dict[str, Status]:
        """Return what was reported of each job, up to 100 a call."""
        return described("DynamoDB", batches(jobs, AT_ONCE), self._describe_jobs)

    def stop(self, jobs: Sequence[ActiveJob]) -> None:
        """Keep invocations from beginning. One that has begun goes on: Lambda cannot stop it."""
        for job in jobs:
            self._records.cancel(job.task_key)

    def run_of_event(self, event: Mapping[str, Any]) -> str | None:
        """Return the key of a ``Job Completion``, which ``runners.completions`` sends."""
        return run_told_by(event, EVENT_SOURCE, EVENT_TYPE, "completionKey")

    def _describe_jobs(self, jobs: Sequence[ActiveJob]) -> dict[str, Status]:
        """Return the status of each job, except where the table has not answered about its record."""
        records = self._records.read([job.task_key for job in jobs])
        # One by one: a report that its function has written in a way of its own is nobody else's trouble.
        answered = ([job] for job in jobs if job.task_key in records)
        return described(
            "Lambda", answered, lambda one: {one[0].task_key: self._status(one[0], records[one[0].task_key])}
        )

    def _status(self, job: ActiveJob, record: Mapping[str, str]) -> Status:
        state = record.get("status", INVOKED)
        if state in SUCCEEDED_STATES:
            return Succeeded({**self._output(job, record), **json.loads(record["output"])})
        if state == CompletionStatus.FAILED:
            said = {"ErrorType": record["error"], **json.loads(record["cause"])}
            return Failed(FAILED, {**said, **self._output(job, record)})
        if state == CompletionStatus.CANCELLED:
            return self._failed(job, record, "the job was cancelled before an invocation had begun")
        if "ends_at" in record and self._now() - datetime.fromisoformat(record["ends_at"]) > _SILENCE:
            return self._failed(job, record, "the invocation ended without a report: it timed out, or its process died")
        return Running(state)

    def _failed(self, job: ActiveJob, record: Mapping[str, str], message: str) -> Failed:
        return Failed(FAILED, {**self._output(job, record), "ErrorMessage": message})

    def _output(self, job: ActiveJob, record: Mapping[str, str]) -> dict[str, Any]:
        name = str(job.request["FunctionName"]).rsplit(":function:", 1)[-1].split(":", 1)[0]
        output = {
            "FunctionName": job.request["FunctionName"],
            "CompletionKey": job.task_key,
            "Status": record["status"],
            "BegunAt": record.get("begun_at"),
            "EndedAt": record.get("ended_at"),
            "DurationSeconds": duration(record),
            "ConsoleLink": page_link(self._region, f"lambda/home?region={self._region}#/functions/{name}"),
        }
        if "log_stream" in record:
            output["LogsLink"] = log_link(self._region, record["log_group"], record["log_stream"])
        return output


def _not_started(job: ActiveJob, reason: str) -> StartRefusedError:
    cause = {
        "FunctionName": job.request["FunctionName"],
        "CompletionKey": job.task_key,
        "Status": "NOT_STARTED",
        "ErrorMessage": reason,
    }
    return StartRefusedError(FAILED, cause)
