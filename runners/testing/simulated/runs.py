"""Runs of simulated services: what each was started for, how it is, and how it ends, as a test or the time decides."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from runners.testing.simulated.account import Account, Client

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime


@dataclass(eq=False, slots=True)
class Run:
    """A run at a service.

    Attributes:
        id: the service's name for it.
        name: of what is run, e.g. of the Glue job.
        task_key: of the task for which it was started, if the service was told.
        parameters: of the call that started it.
        started_at, ended_at: when that was; None if it has not ended.
        state: the service's own word.
        number: greater than that of every run that was started before.
        details: what else its description shows, under the service's names.

    """

    id: str
    name: str
    task_key: str | None
    parameters: dict[str, Any] = field(repr=False)
    started_at: datetime
    state: str
    number: int
    ended_at: datetime | None = None
    details: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def live(self) -> bool:
        """Whether it has not ended."""
        return self.ended_at is None


class Runs(Client):
    """A client of a service that has runs, and what a test does with them."""

    succeeds_as = "SUCCEEDED"
    """The state of a run that ended well."""

    def __init__(self, account: Account) -> None:
        super().__init__(account)
        self.duration: timedelta | Callable[[Run], timedelta | None] | None = None
        """After what time a run succeeds by itself; None: when a test ends it."""
        self.stop_takes = timedelta(0)
        """How long it takes a run to stop."""
        self._runs: dict[str, Run] = {}

    def runs(self, task_key: str | None = None) -> list[Run]:
        """Return the runs as they are now, the oldest first; those that were started for a task, if it is given."""
        with self._account.settled():
            return [run for run in self._runs.values() if task_key in {None, run.task_key}]

    def live(self, task_key: str | None = None) -> list[Run]:
        """Return the runs that have not ended."""
        return [run for run in self.runs(task_key) if run.live]

    def end(self, run_id: str, state: str | None = None, **details: Any) -> None:
        """Let a run end; one that has ended stays as it is.

        Args:
            run_id: which.
            state: how; well, if it is not given.
            details: what its description shows then, e.g. ``ErrorMessage="no such table"`` of Glue.

        """
        with self._account.settled():
            self._end(self._runs[run_id], state or self.succeeds_as, **details)

    def _started(self, run: Run) -> Run:
        self._runs[run.id] = run
        takes = self.duration(run) if callable(self.duration) else self.duration
        if takes is not None:
            self._account.at(run.started_at + takes, lambda: self._end(run, self.succeeds_as))
        return run

    def _end(self, run: Run, state: str, **details: Any) -> None:
        if not run.live:
            return
        before = run.state
        run.state = state
        run.ended_at = self._account.now()
        run.details.update(details)
        self._ended(run, before)

    def _stop(self, run: Run, stopping: str, stopped: str, **details: Any) -> None:
        if not self.stop_takes:
            self._end(run, stopped, **details)
            return
        run.state = stopping
        self._account.at(self._account.now() + self.stop_takes, lambda: self._end(run, stopped, **details))

    def _ended(self, run: Run, before: str) -> None:
        """Tell of a run that has ended, which was in a state before."""
