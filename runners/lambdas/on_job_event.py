"""What EventBridge tells a runner: a run of its service has ended, an execution has begun or has ended.

An event is a hint that spares the wait for the next tick of the schedule; whatever it says is looked at again. It may
be lost, come twice or late, and most events of executions are of state machines that ask this runner for nothing.
"""

from __future__ import annotations

from datetime import timedelta

from runners.lambdas.invocation import Context, Event, Parts, turn_of

EXECUTIONS = ("aws.states", "Step Functions Execution Status Change")
A_WHILE = timedelta(seconds=15)
"""Polls of another invocation that are open so long will do: what an event tells of brings its task by then."""


def on_job_event(event: Event, context: Context, parts: Parts) -> bool:
    """Answer an event. False if it is none that the runner understands, such as a tick of the schedule."""
    if (event.get("source"), event.get("detail-type")) == EXECUTIONS:
        _on_execution(event["detail"], context, parts)
    elif parts.runner.service.run_of_event(event):
        ended = parts.progress.jobs_ended
        parts.runner.on_event(event)
        if parts.progress.jobs_ended > ended and parts.executions.ask_again():
            _poll_soon(context, parts)
    else:
        return False
    return True


def _on_execution(detail: Event, context: Context, parts: Parts) -> None:
    if not parts.executions.concern_us(detail["stateMachineArn"]):
        return
    if detail["status"] == "RUNNING":
        _poll_soon(context, parts, detail["executionArn"])
    elif detail["status"] != "SUCCEEDED":  # one that succeeded has waited for all of its tasks
        parts.runner.on_execution_ended(detail["executionArn"])


def _poll_soon(context: Context, parts: Parts, begun: str = "") -> None:
    """Take a turn, unless polls are open: of a thousand events that come together, one does."""
    if not parts.watch.is_kept(A_WHILE):
        turn_of(parts, context).take_for_event(A_WHILE, begun)
