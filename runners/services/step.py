"""Steps as a service, for what outlives a Lambda function: each runs in a process of its own beside the worker.

The process says in the table of completions that it has begun, beats with its progress, and reports how it ended. Of
several processes for one task only the first to begin works. One that is not heard of for long is given up, and its
task fails with ``StepLost``, for the state machine's ``Retry``; it asks before it publishes, so that it does not after
that.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from runners.completions import TABLE_VARIABLE, CompletionStatus
from runners.errors import ConfigurationError, InvalidInputError
from runners.job import Failed, Running, Succeeded
from runners.services import Service, checked
from runners.services.calls import batches, described
from runners.services.child_processes import ChildProcesses, Spawn, python_module
from runners.services.completion_records import AT_ONCE, duration
from runners.services.step_records import StepRecords

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mypy_boto3_dynamodb import DynamoDBClient

    from runners.job import ActiveJob, Status
    from runners.steps.request import StepRequest

FAILED = "StepFailed"  # a step's own errors have names of their own
LOST = "StepLost"
STOPPED = "StepStopped"
SPAWNED = "SPAWNED"  # while the process has not begun

RUNNING_STATES = frozenset({CompletionStatus.BEGUN})
SUCCEEDED_STATES = frozenset({CompletionStatus.SUCCEEDED})
FAILED_STATES = frozenset({CompletionStatus.FAILED, CompletionStatus.CANCELLED})

MODULE = "runners.step_process"
SILENCE = timedelta(seconds=90)  # several beats, and by how much the clocks of machines may differ
SILENCE_WHILE_PUBLISHING = timedelta(minutes=10)  # a repeat beside a commit that still goes on is worth avoiding

_utc_now = partial(datetime.now, UTC)


class StepProcesses(Service):
    """Steps as a service; the run id is the task's key.

    Args:
        dynamodb: a client.
        completions_table: where the processes report.
        processes: at a time in this worker.
        variables: environment variables of the processes, besides those of the worker.
        spawn: starts a process; that of ``MODULE``, unless a test has its own.
        now: the clock.

    Raises:
        ConfigurationError: no table is named.

    """

    name = "step"
    asked_for = ("StepType",)

    def __init__(
        self,
        dynamodb: DynamoDBClient,
        completions_table: str,
        processes: int,
        *,
        variables: Mapping[str, str] | None = None,
        spawn: Spawn | None = None,
        now: Callable[[], datetime] = _utc_now,
    ) -> None:
        self._records = StepRecords(completions_table, dynamodb, now)
        place = {TABLE_VARIABLE: completions_table, "AWS_DEFAULT_REGION": dynamodb.meta.region_name}
        self._children = ChildProcesses(spawn or python_module(MODULE, {**place, **(variables or {})}), processes)
        self._now = now

    def validate(self, request: Mapping[str, Any]) -> None:
        """Check a task's input: its form, the step type, and the parameters as the step's own model has them.

        Raises:
            InvalidInputError: names each field that is wrong.
            ConfigurationError: the extra ``steps`` is not installed, so that nothing can be said of it.

        """
        asked = checked(self._request, request)
        from runners.steps.catalog import find  # noqa: PLC0415  # see _request
        from runners.steps.errors import ClientMissing, StepFailed, StepNotFound, ValidationFailed  # noqa: PLC0415

        try:
            find(asked.StepType).Parameters.checked(asked.Parameters)
        except StepNotFound as error:
            raise InvalidInputError({"StepType": error.message}) from None
        except (ClientMissing, StepFailed):
            return  # the step says so itself, by the name of that error
        except ValidationFailed as error:
            problems = error.details.get("problems", {"(parameters)": error.message})
            raise InvalidInputError({f"Parameters.{place}": problem for place, problem in problems.items()}) from None

    def start(self, job: ActiveJob) -> str:
        """Start a process; a second one for the same task would do nothing, because it is begun once only."""
        execution = {"ExecutionId": job.execution} if job.execution else {}
        self._children.start(job.task_key, {"key": job.task_key, "request": {**job.request, **execution}})
        return job.task_key

    def find(self, job: ActiveJob) -> str | None:
        """Return the key if a process has begun, or never will; else another may be started."""
        return job.task_key if self._records.has(job.task_key) else None

    def describe(self, jobs: Sequence[ActiveJob]) -> dict[str, Status]:
        """Return what each process has said last, up to 100 a call."""
        return described("DynamoDB", batches(jobs, AT_ONCE), self._describe_jobs)

    def stop(self, jobs: Sequence[ActiveJob]) -> None:
        """Keep steps from beginning and from publishing. One on another machine sees it at its next beat."""
        for job in jobs:
            if self._records.stop(job.task_key):
                self._children.stop(job.task_key)

    def run_of_event(self, event: Mapping[str, Any]) -> None:  # noqa: ARG002  # whatever it is
        """Return nothing: steps run beside workers, which sweep, and get no events."""
        return

    @property
    def _request(self) -> type[StepRequest]:
        """The model of a request; what it stands on is not installed where other services run."""
        try:
            from runners.steps.request import StepRequest  # noqa: PLC0415
        except ModuleNotFoundError as error:
            raise ConfigurationError(
                f"{error.name} is not installed, which steps need: pip install 'etl-runners[steps]'"
            ) from error
        return StepRequest

    def _describe_jobs(self, jobs: Sequence[ActiveJob]) -> dict[str, Status]:
        ended = self._children.ended()  # before the records are read, as a process reports before it ends
        records = self._records.read([job.task_key for job in jobs])
        answered = ([job] for job in jobs if job.task_key in records)
        return described("a step", answered, lambda one: {one[0].task_key: self._status(one[0], records, ended)})

    def _status(self, job: ActiveJob, records: Mapping[str, Mapping[str, str]], ended: Mapping[str, int]) -> Status:
        record = records[job.task_key]
        outcome = _reported(job, record) or self._lost(job, record, ended.get(job.task_key))
        if outcome is None:
            return Running(record.get("status", SPAWNED))
        self._children.forget(job.task_key)
        return outcome

    def _lost(self, job: ActiveJob, record: Mapping[str, str], exit_status: int | None) -> Failed | None:
        """Give a step up whose process has ended without a report, or is not heard of."""
        said_at = record.get("beat_at") or record.get("begun_at")
        silent_since = datetime.fromisoformat(said_at) if said_at else job.started_at or job.claimed_at
        patience = SILENCE_WHILE_PUBLISHING if "finishing_at" in record else SILENCE
        if exit_status:  # 0 is also that of a second process, which found that another has begun
            reason = f"its process ended without a report, {_in_words(exit_status)}"
        elif self._now() - silent_since > patience:
            reason = f"nothing was heard of its process for more than {patience.total_seconds():.0f} seconds"
        else:
            return None
        failed = Failed(LOST, {**_output(job, record), "ErrorMessage": f"the step was given up: {reason}"})
        return failed if self._records.give_up(job.task_key, record, failed) else None


def _reported(job: ActiveJob, record: Mapping[str, str]) -> Succeeded | Failed | None:
    """Return the outcome that a record tells of."""
    state = record.get("status")
    if state in SUCCEEDED_STATES:
        output = json.loads(record["output"])
        return Succeeded({**output.pop("Payload"), **output, **_output(job, record)})
    if state == CompletionStatus.FAILED:
        return Failed(record["error"], {**json.loads(record["cause"]), **_output(job, record)})
    if state == CompletionStatus.CANCELLED:
        said = {"ErrorMessage": "the step was stopped before it had published anything"}
        return Failed(STOPPED, {**said, **_output(job, record)})
    return None


def _output(job: ActiveJob, record: Mapping[str, str]) -> dict[str, Any]:
    return {
        "StepType": job.request["StepType"],
        "CompletionKey": job.task_key,
        "Status": record.get("status", SPAWNED),
        "BegunAt": record.get("begun_at"),
        "EndedAt": record.get("ended_at"),
        "DurationSeconds": duration(record),
    }


def _in_words(exit_status: int) -> str:
    if exit_status < 0:
        return f"killed by signal {-exit_status} (9 is also how a machine ends what takes too much memory)"
    return f"with exit status {exit_status}; its log says why"
