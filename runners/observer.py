"""What is told of a runner's work as it happens, for metrics and lineage. It decides nothing and stops nothing.

An observer is told of facts, after they have become true; a process that dies in between has told nobody. So metrics
and lineage are best effort, while outcomes are not.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime, timedelta

    from runners.job import ActiveJob, Outcome

log = logging.getLogger(__name__)


class Observer:
    """Is told of a runner's work and makes nothing of it; override what is of interest.

    Calls come from several threads at once. Whatever is raised is logged and harms no job (see ``Observers``).
    """

    def claimed(self, job: ActiveJob) -> None:
        """Tell that a task was claimed, at ``job.claimed_at``."""

    def refused(self, runner: str, task_key: str) -> None:
        """Tell that a task's input was invalid, and that its failure was reported."""

    def started(self, job: ActiveJob) -> None:
        """Tell that a job runs as ``job.run_id`` since ``job.started_at``; it had waited since ``job.claimed_at``."""

    def ended(self, job: ActiveJob, outcome: Outcome, at: datetime) -> None:
        """Tell that an outcome was reported and acknowledged; a job that was never started has no ``run_id``."""

    def abandoned(self, job: ActiveJob, at: datetime) -> None:
        """Tell that nobody waited for a job any more, and that its record was closed."""

    def put_off(self, job: ActiveJob, reason: str) -> None:
        """Tell that a service was too busy to start a job, which waits."""

    def polled(self, runner: str, *, brought_task: bool) -> None:
        """Tell that a poll has ended."""

    def swept(self, runner: str, jobs: Sequence[ActiveJob], at: datetime) -> None:
        """Tell which active jobs a sweep has found."""

    def heartbeat_was_late(self, job: ActiveJob, by: timedelta) -> None:
        """Tell that a heartbeat was sent that much later than it was due."""

    def flush(self) -> None:
        """Hand on what was held back, within seconds: the process may be frozen, or end, at any moment after."""


class Observers(Observer):
    """Passes on what it is told to several observers, and shields the runner from what they raise."""

    def __init__(self, *observers: Observer) -> None:
        self._observers = observers

    def claimed(self, job: ActiveJob) -> None:
        """Pass it on."""
        self._tell(lambda observer: observer.claimed(job))

    def refused(self, runner: str, task_key: str) -> None:
        """Pass it on."""
        self._tell(lambda observer: observer.refused(runner, task_key))

    def started(self, job: ActiveJob) -> None:
        """Pass it on."""
        self._tell(lambda observer: observer.started(job))

    def ended(self, job: ActiveJob, outcome: Outcome, at: datetime) -> None:
        """Pass it on."""
        self._tell(lambda observer: observer.ended(job, outcome, at))

    def abandoned(self, job: ActiveJob, at: datetime) -> None:
        """Pass it on."""
        self._tell(lambda observer: observer.abandoned(job, at))

    def put_off(self, job: ActiveJob, reason: str) -> None:
        """Pass it on."""
        self._tell(lambda observer: observer.put_off(job, reason))

    def polled(self, runner: str, *, brought_task: bool) -> None:
        """Pass it on."""
        self._tell(lambda observer: observer.polled(runner, brought_task=brought_task))

    def swept(self, runner: str, jobs: Sequence[ActiveJob], at: datetime) -> None:
        """Pass it on."""
        self._tell(lambda observer: observer.swept(runner, jobs, at))

    def heartbeat_was_late(self, job: ActiveJob, by: timedelta) -> None:
        """Pass it on."""
        self._tell(lambda observer: observer.heartbeat_was_late(job, by))

    def flush(self) -> None:
        """Pass it on."""
        self._tell(lambda observer: observer.flush())

    def _tell(self, tell: Callable[[Observer], Any]) -> None:
        for observer in self._observers:
            try:
                tell(observer)
            except Exception:
                log.exception(
                    "an observer failed", extra={"action": "observer_failed", "observer": type(observer).__name__}
                )
