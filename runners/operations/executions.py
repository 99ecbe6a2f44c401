"""Executions that failed, and their redrive: Step Functions goes on with the states that did not succeed.

Only Step Functions decides what can be redriven: standard workflows, up to 14 days after their end, with room left in
their history. It is asked about each execution, and its reason is told.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from runners.retries import error_code, error_message

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from mypy_boto3_stepfunctions import SFNClient
    from mypy_boto3_stepfunctions.literals import ExecutionStatusType

UNSUCCESSFUL: tuple[ExecutionStatusType, ...] = ("FAILED", "TIMED_OUT", "ABORTED")
_REFUSED = frozenset({"ExecutionNotRedrivable", "ExecutionLimitExceeded", "ExecutionDoesNotExist"})
_UNKNOWN = "Step Functions did not say whether it can be redriven"


@dataclass(frozen=True)
class FailedExecution:
    """An execution that did not succeed."""

    arn: str
    """Its ARN."""

    state_machine: str
    """The name of its state machine."""

    status: str
    """``FAILED``, ``TIMED_OUT`` or ``ABORTED``."""

    stopped_at: datetime
    """When it ended."""

    error: str
    """The error that it ended with; empty if it was aborted."""

    redrives: int
    """How often it was redriven before."""

    obstacle: str
    """Why it cannot be redriven; empty if it can."""

    @property
    def name(self) -> str:
        """Its name."""
        return self.arn.rsplit(":", 1)[-1]


def state_machines(step_functions: SFNClient) -> dict[str, str]:
    """Return the ARNs of the account's standard state machines by their names."""
    pages = step_functions.get_paginator("list_state_machines").paginate()
    machines = (machine for page in pages for machine in page["stateMachines"])
    return {machine["name"]: machine["stateMachineArn"] for machine in machines if machine["type"] == "STANDARD"}


def failed(
    step_functions: SFNClient, machines: Iterable[str], statuses: Iterable[ExecutionStatusType], since: datetime
) -> Iterator[FailedExecution]:
    """Yield the executions of state machines that ended so since then, and what Step Functions says of each."""
    statuses = tuple(statuses)
    for machine in machines:
        for status in statuses:
            pages = step_functions.get_paginator("list_executions").paginate(
                stateMachineArn=machine, statusFilter=status
            )
            for page in pages:
                for execution in page["executions"]:
                    if execution["stopDate"] >= since:
                        yield _described(step_functions, execution["executionArn"])


def redrive(step_functions: SFNClient, execution: FailedExecution) -> str:
    """Redrive an execution; return why Step Functions refused it, or an empty text."""
    try:
        # The token makes a repeated call harmless: of one and the same failure there is one redrive.
        token = f"{execution.name[:80]}-{execution.redrives}"
        step_functions.redrive_execution(executionArn=execution.arn, clientToken=token)
    except ClientError as error:
        if error_code(error) not in _REFUSED:
            raise
        return f"{error_code(error)}: {error_message(error)}"
    return ""


def _described(step_functions: SFNClient, arn: str) -> FailedExecution:
    told = step_functions.describe_execution(executionArn=arn)
    redrivable = told.get("redriveStatus") == "REDRIVABLE"
    return FailedExecution(
        arn=arn,
        state_machine=told["stateMachineArn"].rsplit(":", 1)[-1],
        status=told["status"],
        stopped_at=told["stopDate"],
        error=told.get("error", ""),
        redrives=told.get("redriveCount", 0),
        obstacle="" if redrivable else told.get("redriveStatusReason") or told.get("redriveStatus") or _UNKNOWN,
    )
