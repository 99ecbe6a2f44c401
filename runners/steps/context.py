"""What a step has at hand while it runs: who asks, connections, templates, clients, progress, and whether to stop."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING, Any

import boto3

from runners.steps.errors import StepStopped

if TYPE_CHECKING:
    from runners.steps.connections import Connections
    from runners.steps.cursors import Cursors
    from runners.steps.templates import Templates


class Progress:
    """Counts what a step has moved; from any thread.

    Args:
        moved: is called with the counts, whenever they have changed, in the thread that counted.

    """

    def __init__(self, moved: Callable[[int, int], None] | None = None) -> None:
        self._moved = moved
        self._lock = Lock()
        self.rows = 0
        self.bytes = 0

    def count(self, rows: int = 0, size: int = 0) -> None:
        """Count rows that were written, and bytes that went over the wire."""
        with self._lock:
            self.rows += rows
            self.bytes += size
            now = (self.rows, self.bytes)
        if self._moved is not None:
            self._moved(*now)


@dataclass(frozen=True)
class StepContext:
    """What a step has at hand.

    Attributes:
        step_type: the step's name, e.g. ``PostgreSqlToS3``.
        execution_id: the ARN of the execution that asks; empty on a laptop.
        step_id: tells apart steps of one execution that have the same type and parameters, such as those of a Map.
        given: all that tells the step from others of its type, as it came: what its templates name is part of it.
        connections: looks connections up by name.
        templates: renders texts, and SQL with bound values.
        cursors: how far incremental steps have come.
        progress: what has been moved so far.
        client: makes a boto3 client of a service.
        stopping: whether the step should end now, with nothing published.
        key_of_run: the repeat key of this run alone, or of an earlier one that it completes; empty for the step's.
        may_publish: whether it may publish what it has made; asked right before it does. A step that was given up, as
            nothing was heard of it for long, must not: its repeat may be at work already.

    """

    step_type: str
    connections: Connections
    templates: Templates
    cursors: Cursors
    execution_id: str = ""
    step_id: str = ""
    given: Mapping[str, Any] = field(default_factory=dict, repr=False)
    progress: Progress = field(default_factory=Progress)
    client: Callable[..., Any] = boto3.client
    stopping: Callable[[], bool] = lambda: False
    may_publish: Callable[[], bool] = lambda: True
    key_of_run: str = ""

    @cached_property
    def repeat_key(self) -> str:
        """The same 64 characters for each repeat of the same step of the same execution, and no other step.

        A target that only ever adds writes it beside its data, so that a repeat adds nothing. Outside an execution
        it is empty: there a second run is meant.
        """
        if self.key_of_run or not self.execution_id:
            return self.key_of_run
        named = [self.execution_id, self.step_id, self.step_type, self.given]
        return hashlib.sha256(json.dumps(named, sort_keys=True, default=str).encode()).hexdigest()

    def check_stop(self) -> None:
        """End the step if it is to stop.

        Raises:
            StepStopped: it is.

        """
        if self.stopping():
            raise StepStopped("the step was stopped before it had published anything")

    def check_publish(self) -> None:
        """End the step unless it may publish what it has made; right before a commit.

        Raises:
            StepStopped: it may not.

        """
        self.check_stop()
        if not self.may_publish():
            raise StepStopped("the step was stopped or given up before it had published anything")
