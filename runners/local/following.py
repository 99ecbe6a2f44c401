"""Following an execution of a state machine on the terminal until it ends, its states as they change.

It looks, and tells; it changes nothing of the execution.
"""

from __future__ import annotations

import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from rich.live import Live
from rich.table import Table

from runners.errors import RunnersError
from runners.local.execution_view import StateVisit, visits

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mypy_boto3_stepfunctions import SFNClient
    from rich.console import Console

LOOK_EVERY = timedelta(seconds=0.2)
GIVE_UP_AFTER = timedelta(minutes=5)
_STYLES = {"succeeded": "green", "running": "yellow", "failed": "bold red", "timed out": "bold red"}


class WorkflowError(RunnersError):
    """A workflow did not do what it should; the message says what was found instead."""


def follow(
    step_functions: SFNClient,
    execution: str,
    console: Console,
    meanwhile: Callable[[timedelta, Callable[[str], None]], None] = lambda _elapsed, _say: None,
) -> list[dict[str, Any]]:
    """Show an execution until it has succeeded, and return its history.

    Args:
        step_functions: the client.
        execution: the execution's ARN.
        console: where it is shown.
        meanwhile: called at each look with the time since the beginning, and with what prints a line.

    Raises:
        WorkflowError: the execution ended in another way, or has not ended in time.

    """
    started = time.monotonic()
    with closing(_View(console)) as view:
        while True:
            status = step_functions.describe_execution(executionArn=execution)  # first: then the history is as new
            view.show(visits(history(step_functions, execution)))
            if status["status"] != "RUNNING":
                break
            elapsed = timedelta(seconds=time.monotonic() - started)
            meanwhile(elapsed, view.say)
            if elapsed > GIVE_UP_AFTER:
                raise WorkflowError(f"the execution has not ended after {GIVE_UP_AFTER}; its states are shown above")
            time.sleep(LOOK_EVERY.total_seconds())
    if status["status"] != "SUCCEEDED":
        cause = f"{status.get('error', '')} {status.get('cause', '')}".strip()
        raise WorkflowError(f"the execution ended as {status['status']}: {cause}")
    return history(step_functions, execution)


def history(step_functions: SFNClient, execution: str) -> list[dict[str, Any]]:
    """Return all events of an execution."""
    pages = step_functions.get_paginator("get_execution_history").paginate(executionArn=execution)
    return [dict(event) for page in pages for event in page["events"]]


class _View:
    """The states as they change: a table that is redrawn on a terminal, a line a change elsewhere."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, auto_refresh=False) if console.is_terminal else None
        self._shown: dict[int, str] = {}
        if self._live:
            self._live.start()

    def show(self, states: Sequence[StateVisit]) -> None:
        if self._live:
            self._live.update(states_table(states), refresh=True)
            return
        for place, state in enumerate(states):
            if self._shown.get(place) != state.status:
                self._shown[place] = state.status
                self._console.print(f"{now():%H:%M:%S}  {state.name}: {state.status}")

    def say(self, text: str) -> None:
        self._console.print(f"{now():%H:%M:%S}  {text}")

    def close(self) -> None:
        if self._live:
            self._live.stop()


def states_table(states: Sequence[StateVisit]) -> Table:
    """Return the states with their status and how long each took."""
    table = Table("State", "Status", "Seconds", box=None, pad_edge=False)
    for state in states:
        seconds = f"{state.took(now()).total_seconds():.1f}"
        table.add_row(state.name, f"[{_STYLES.get(state.status, 'dim')}]{state.status}[/]", seconds)
    return table


def now() -> datetime:
    """Return the time, aware, in UTC."""
    return datetime.now(UTC)
