"""What a runner's work means in metrics: which are moved by what is told. It gives none of them out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from runners.job import Stage, Succeeded
from runners.observer import Observer
from runners.telemetry import metrics
from runners.telemetry.usage import usage_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, timedelta

    from runners.job import ActiveJob, Outcome
    from runners.telemetry.metrics import Metric


class Measured(Observer, ABC):
    """Makes metrics of what it is told; how they are given out is its subclasses' concern."""

    @abstractmethod
    def record(self, metric: Metric, value: float, runner: str, job: ActiveJob | None = None) -> None:
        """Take a value of a metric, told of a runner and, where one is concerned, of a job."""

    def refused(self, runner: str, task_key: str) -> None:  # noqa: ARG002  # metrics are of no single task
        """Count a failure."""
        self.record(metrics.FAILED, 1, runner)

    def started(self, job: ActiveJob) -> None:
        """Count a start, and how long it took to come."""
        self.record(metrics.STARTED, 1, job.runner, job)
        if job.started_at is not None:
            waited = (job.started_at - job.claimed_at).total_seconds()
            self.record(metrics.QUEUE_WAIT, max(0.0, waited), job.runner, job)

    def ended(self, job: ActiveJob, outcome: Outcome, at: datetime) -> None:
        """Count an outcome, how long the job ran and what it has used."""
        self.record(metrics.SUCCEEDED if isinstance(outcome, Succeeded) else metrics.FAILED, 1, job.runner, job)
        if job.run_id is not None and job.started_at is not None:
            took = (at - job.started_at).total_seconds()
            self.record(metrics.DURATION, max(0.0, took), job.runner, job)
        usage = usage_of(job.runner, outcome)
        for metric, value in (
            (metrics.DPU_SECONDS, usage.dpu_seconds),
            (metrics.BYTES_SCANNED, usage.bytes_scanned),
            (metrics.COST_USD, usage.cost_usd),
        ):
            if value is not None:
                self.record(metric, value, job.runner, job)

    def abandoned(self, job: ActiveJob, at: datetime) -> None:  # noqa: ARG002  # it is counted, not timed
        """Count a job for which nobody waits."""
        self.record(metrics.ABANDONED, 1, job.runner, job)

    def put_off(self, job: ActiveJob, reason: str) -> None:  # noqa: ARG002  # it is in the log
        """Count a start that has to be tried again."""
        self.record(metrics.PUT_OFF, 1, job.runner, job)

    def polled(self, runner: str, *, brought_task: bool) -> None:
        """Count a poll that brought nothing."""
        if not brought_task:
            self.record(metrics.EMPTY_POLLS, 1, runner)

    def swept(self, runner: str, jobs: Sequence[ActiveJob], at: datetime) -> None:  # noqa: ARG002  # of now
        """Note how many jobs there are, and how many of them wait."""
        self.record(metrics.ACTIVE, len(jobs), runner)
        self.record(metrics.WAITING, sum(job.stage is Stage.CLAIMED for job in jobs), runner)

    def heartbeat_was_late(self, job: ActiveJob, by: timedelta) -> None:  # noqa: ARG002  # that it was is enough
        """Count a late heartbeat."""
        self.record(metrics.LATE_HEARTBEATS, 1, job.runner, job)
