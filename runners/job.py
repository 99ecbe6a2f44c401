"""Jobs as values, without I/O: an active job, the status that a service gives it, and the outcome to report."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any


@dataclass(frozen=True, slots=True)
class Succeeded:
    """The job is done; ``output`` becomes the result of the state, a JSON object."""

    output: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Failed:
    """The job will not succeed; the state fails with this error name and this cause, a JSON object."""

    error: str
    cause: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Unknown(Failed):
    """The service does not know the run. Of one that was just started it may know in a moment; else it has failed."""


@dataclass(frozen=True, slots=True)
class Running:
    """The job has not ended; ``state`` is the service's own word for how it is."""

    state: str


Outcome = Succeeded | Failed
Status = Running | Outcome


class Stage(StrEnum):
    """How far an active job has come. Its record is deleted when its outcome was acknowledged."""

    CLAIMED = "CLAIMED"
    """The task is ours; the job may or may not have been started."""
    STARTED = "STARTED"
    """The job runs at its service, under ``run_id``."""
    REPORTING = "REPORTING"
    """The outcome is known and recorded, but was not acknowledged yet."""


@dataclass(frozen=True, slots=True)
class ActiveJob:
    """The record of a job, from the moment its task is claimed until its outcome is acknowledged.

    Attributes:
        runner: the name of the runner, e.g. ``glue``.
        task_key: ``sha256`` of the task's token; the key under which the job is started.
        token: the task's token, left out of ``repr``.
        request: the task's validated input, left out of ``repr``.
        claimed_at: when the task was claimed (UTC).
        stage: how far the job has come.
        version: counts the writes; every change is made on the condition that it is still this one.
        lease_expires_at: until then only the holder of the lease may start this job, or stop it (UTC).
        maybe_started: whether a start was tried whose effect is not known; then the run is looked for before
            another is started.
        mark: what the service was like just before the start, where only that tells this start from earlier ones;
            None until it was recorded.
        singleton: what of the service no other active job can have while this one does.
        run_id: the service's name for the run, once it is recorded.
        started_at: when that was recorded (UTC).
        priority: jobs that have to wait start in this order, highest first (``Priority`` in the input).
        execution: the ARN of the execution that waits, if its input tells (``ExecutionArn``).
        attempt: counts the starts that were tried, and the searches for what became of them.
        outcome: what is to be reported, in stage ``REPORTING``.

    """

    runner: str
    task_key: str
    token: str = field(repr=False)
    request: dict[str, Any] = field(repr=False)
    claimed_at: datetime
    lease_expires_at: datetime
    maybe_started: bool = True
    stage: Stage = Stage.CLAIMED
    version: int = 1
    mark: dict[str, Any] | None = None
    singleton: str | None = None
    run_id: str | None = None
    started_at: datetime | None = None
    priority: int = 0
    execution: str | None = None
    attempt: int = 1
    outcome: Outcome | None = None

    def leased(self, now: datetime, lease: timedelta) -> ActiveJob:
        """Return the job with the right to start or to stop it taken for ``lease``."""
        leased = replace(self, version=self.version + 1, lease_expires_at=now + lease, maybe_started=True)
        return replace(leased, attempt=self.attempt + 1) if self.maybe_started else leased

    def put_off(self, until: datetime) -> ActiveJob:
        """Return the job with the right to start it given back until ``until``: it was surely not started."""
        waiting = replace(self, version=self.version + 1, lease_expires_at=until, maybe_started=False, mark=None)
        return replace(waiting, attempt=self.attempt + 1)

    def marked(self, mark: dict[str, Any], singleton: str | None) -> ActiveJob:
        """Return the job with what its service is like before it is started, and the singleton that it has."""
        return replace(self, version=self.version + 1, mark=mark, singleton=singleton)

    def started(self, run_id: str, at: datetime | None = None) -> ActiveJob:
        """Return the job as it is once the service runs it: its lease has served its purpose."""
        started = replace(self, version=self.version + 1, stage=Stage.STARTED, run_id=run_id, started_at=at)
        return replace(started, lease_expires_at=self.claimed_at)

    def reporting(self, outcome: Outcome) -> ActiveJob:
        """Return the job with an outcome that is still to be acknowledged."""
        return replace(self, version=self.version + 1, stage=Stage.REPORTING, outcome=outcome)
