"""What Step Functions tells EventBridge of an execution: that it has begun, and how it has ended.

Of standard state machines only, and in the shape that AWS documents as ``Step Functions Execution Status Change``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runners.local.events import service_events

if TYPE_CHECKING:
    from datetime import datetime

MAX_DATA = 248 * 1024  # characters of input and output together; what is longer is left out


def send_status(execution: Any) -> None:
    """Tell of the status that an execution (moto's) has now."""
    if execution.sm_type == "EXPRESS":
        return
    service_events.send(
        execution.account_id,
        execution.region_name,
        "aws.states",
        "Step Functions Execution Status Change",
        _detail(execution),
        resources=[execution.exec_arn],
    )


def _detail(execution: Any) -> dict[str, Any]:
    given, made = execution.execution_input, execution.output
    if len(given) + len(made or "") > MAX_DATA:
        given = None
    if len(made or "") > MAX_DATA:
        made = None
    return {
        "executionArn": execution.exec_arn,
        "stateMachineArn": execution.state_machine_arn,
        "stateMachineVersionArn": None,
        "stateMachineAliasArn": None,
        "name": execution.name,
        "status": execution.status,
        "startDate": _milliseconds(execution.start_date),
        "stopDate": _milliseconds(execution.stop_date),
        "input": given,
        "inputDetails": {"included": given is not None},
        "output": made,
        "outputDetails": None if execution.output is None else {"included": made is not None},
        "error": execution.error,
        "cause": execution.cause,
        "redriveCount": 0,
        "redriveDate": None,
        "redriveStatus": "NOT_REDRIVABLE",
        "redriveStatusReason": "The embedded AWS redrives no executions",
    }


def _milliseconds(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp() * 1000)
