"""One Step Functions activity: poll it, report on its tasks, keep them alive, within the sizes that the API accepts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from runners.errors import TaskGoneError
from runners.job import Failed, Outcome
from runners.limits import fit_json, fit_text
from runners.log import SECRETS
from runners.retries import error_code, repeated
from runners.task import Task

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mypy_boto3_stepfunctions import SFNClient

# Sizes of the API in characters (botocore's service model); what is sent is ASCII, so they are bytes as well.
MAX_WORKER_NAME = 80
MAX_ERROR = 256
MAX_CAUSE = 32_768
MAX_OUTPUT = 262_144

_GONE = frozenset({"TaskTimedOut", "TaskDoesNotExist", "InvalidToken"})


class Activity:
    """An activity, as a worker sees it.

    Args:
        arn: the activity's ARN.
        worker_name: what the execution's history shows as the worker; cut to 80 characters.
        polls: a client whose read time-out is longer than a poll and which never repeats a call.
        reports: a client for everything else.
        input_of_every_task: given to each task in place of its own input, for an activity whose name alone says
            what is wanted.

    """

    def __init__(
        self,
        arn: str,
        worker_name: str,
        polls: SFNClient,
        reports: SFNClient,
        input_of_every_task: Mapping[str, Any] | None = None,
    ) -> None:
        self.arn = arn
        self._worker_name = worker_name[:MAX_WORKER_NAME]
        self._polls = polls
        self._reports = reports
        self._input = None if input_of_every_task is None else json.dumps(input_of_every_task)

    def poll(self) -> Task | None:
        """Open one poll and return its task, or None when it stayed empty; takes up to a minute.

        Raises:
            botocore's errors, unrepeated: a repeated poll loses the task that was on the wire.

        """
        answer = self._polls.get_activity_task(activityArn=self.arn, workerName=self._worker_name)
        token = answer.get("taskToken")
        if not token:
            return None
        SECRETS.add(token)
        return Task(token=token, input=answer.get("input", "{}") if self._input is None else self._input)

    def report(self, token: str, outcome: Outcome) -> None:
        """Report an outcome. Too long an output, error or cause is shortened, never refused.

        Raises:
            TaskGoneError: nobody waits for this task any more.

        """
        SECRETS.add(token)
        if isinstance(outcome, Failed):
            error, cause = fit_text(outcome.error, MAX_ERROR), fit_json(outcome.cause, MAX_CAUSE)
            _send(lambda: self._reports.send_task_failure(taskToken=token, error=error, cause=cause))
        else:
            output = fit_json(outcome.output, MAX_OUTPUT)
            _send(lambda: self._reports.send_task_success(taskToken=token, output=output))

    def heartbeat(self, token: str) -> None:
        """Say that the task is being worked on.

        Raises:
            TaskGoneError: nobody waits for this task any more; this is how a worker learns of it.

        """
        SECRETS.add(token)
        _send(lambda: self._reports.send_task_heartbeat(taskToken=token))


def _send(call: Callable[[], object]) -> None:
    try:
        repeated(call)()
    except ClientError as error:
        if (code := error_code(error)) in _GONE:
            raise TaskGoneError(f"Step Functions answered {code}") from None
        raise
