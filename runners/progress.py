"""How far a runner has come in this process: how many jobs it has started, and how many it has seen end.

An invocation decides by it what is left to do. Nothing is recorded, and other processes are not known.
"""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

from runners.observer import Observer

if TYPE_CHECKING:
    from datetime import datetime

    from runners.job import ActiveJob, Outcome


class Progress(Observer):
    """Counts; to be handed to a runner as its observer."""

    def __init__(self) -> None:
        self.jobs_started = 0
        """Jobs that were started."""
        self.jobs_ended = 0
        """Jobs that are active no more."""
        self._lock = Lock()

    def started(self, job: ActiveJob) -> None:  # noqa: ARG002  # each counts alike
        """Count it."""
        with self._lock:
            self.jobs_started += 1

    def ended(self, job: ActiveJob, outcome: Outcome, at: datetime) -> None:  # noqa: ARG002
        """Count it."""
        with self._lock:
            self.jobs_ended += 1

    def abandoned(self, job: ActiveJob, at: datetime) -> None:  # noqa: ARG002
        """Count it."""
        with self._lock:
            self.jobs_ended += 1
