"""What became of executions and of their tasks at the simulated Step Functions; values without behaviour."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Reported:
    """How a task ended: as a worker has reported, or by itself.

    Attributes:
        kind: ``succeeded`` or ``failed`` (reported), ``timed_out`` or ``aborted`` (by itself).
        output: of success, as it was sent.
        error: the name of the error.
        cause: of failure, as it was sent.
        at: when.

    """

    kind: str
    at: datetime
    output: str | None = None
    error: str | None = None
    cause: str | None = None

    @property
    def effective(self) -> bool:
        """Whether a worker has reported it, and Step Functions has taken it."""
        return self.kind in {"succeeded", "failed"}


@dataclass(eq=False, slots=True)
class WaitingTask:
    """A task of an activity, and all that became of it.

    Attributes:
        token: by which it is reported.
        activity: the ARN of its activity.
        execution: that waits for it.
        input: as it is handed out, JSON.
        heartbeat_seconds, timeout_seconds: as the state machine has them, None if it does not.
        retries: how often it is scheduled anew, with a new token, when it times out.
        scheduled_at, handed_out_at, last_heartbeat_at: when that was; None if not yet.
        worker: the name of the worker to which it was handed out.
        heartbeats: how many were taken.
        reports: how many outcomes were sent, those included that were refused.
        outcome: how it ended; None while somebody waits for it.

    """

    token: str = field(repr=False)
    activity: str
    execution: Execution = field(repr=False)
    input: str = field(repr=False)
    heartbeat_seconds: float | None
    timeout_seconds: float | None
    retries: int
    scheduled_at: datetime
    handed_out_at: datetime | None = None
    last_heartbeat_at: datetime | None = None
    worker: str | None = None
    heartbeats: int = 0
    reports: int = 0
    outcome: Reported | None = None


@dataclass(eq=False, slots=True)
class Execution:
    """An execution; it ends when all its tasks have succeeded, or one has failed for good.

    Attributes:
        arn: its ARN.
        machine: the ARN of its state machine.
        started_at, ended_at: when that was; None if not yet.
        status: ``RUNNING``, ``SUCCEEDED``, ``FAILED`` or ``ABORTED``.
        tasks: of its activities, those that were scheduled anew included.

    """

    arn: str
    machine: str
    started_at: datetime
    status: str = "RUNNING"
    ended_at: datetime | None = None
    tasks: list[WaitingTask] = field(default_factory=list)

    @property
    def task(self) -> WaitingTask:
        """The task that was scheduled last."""
        return self.tasks[-1]
