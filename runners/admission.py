"""Which of the jobs that wait may start, under the limits of a runner's config. Values only: it starts nothing.

Jobs start in the order of their priority and, within one, of their arrival. A job that waits rises, so that nobody
starves. One that does not fit into what all share holds the others back until it fits: else small jobs would
pass a large one for ever. One whose own name is full holds back none but its namesakes.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from runners.job import Stage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

    from runners.job import ActiveJob
    from runners.settings import Settings

RISES_EVERY = timedelta(minutes=10)
"""How long a job waits until it counts as one priority higher."""


@dataclass(frozen=True, slots=True)
class Demand:
    """What a job takes of its runner's limits: the name that counts, and data processing units."""

    name: str
    dpu: float = 0.0


@dataclass(frozen=True, slots=True)
class Limits:
    """How many jobs may run at a time: in all, by name, and by data processing units; None is no limit."""

    running: int | None = None
    by_name: Mapping[str, int] = field(default_factory=dict)
    dpu: float | None = None

    @classmethod
    def of(cls, settings: Settings) -> Limits:
        """Return the limits that the settings give."""
        return cls(settings.max_running_jobs, settings.max_running_by_name, settings.max_dpu)

    def __bool__(self) -> bool:
        """Whether there is any limit."""
        return bool(self.running or self.by_name or self.dpu)

    def forbid(self, demand: Demand) -> bool:
        """Whether a job would not fit even if it were the only one."""
        return self.dpu is not None and demand.dpu > self.dpu


def waits(job: ActiveJob) -> bool:
    """Whether a job is claimed and surely not started: nobody is about to start it, and anybody may."""
    return job.stage is Stage.CLAIMED and not job.maybe_started


def runs(job: ActiveJob) -> bool:
    """Whether a job runs, or may be about to."""
    return job.stage is Stage.STARTED or (job.stage is Stage.CLAIMED and job.maybe_started)


def in_order(jobs: Iterable[ActiveJob], now: datetime) -> list[ActiveJob]:
    """Return jobs in the order in which they may start."""

    def rank(job: ActiveJob) -> tuple[int, datetime, str]:
        return (-job.priority - (now - job.claimed_at) // RISES_EVERY, job.claimed_at, job.task_key)

    return sorted(jobs, key=rank)


def admitted(
    waiting: Iterable[ActiveJob],
    running: Iterable[ActiveJob],
    limits: Limits,
    demand_of: Callable[[ActiveJob], Demand],
    now: datetime,
) -> list[ActiveJob]:
    """Return which of the waiting jobs may start beside those that run, in their order."""
    demands = [demand_of(job) for job in running]
    names = Counter(demand.name for demand in demands)
    count, dpu = len(demands), sum(demand.dpu for demand in demands)
    chosen = []
    for job in in_order(waiting, now):
        demand = demand_of(job)
        if limits.forbid(demand):
            continue
        if names[demand.name] >= limits.by_name.get(demand.name, names[demand.name] + 1):
            continue
        if limits.running is not None and count >= limits.running:
            break
        if limits.dpu is not None and dpu + demand.dpu > limits.dpu:
            break
        chosen.append(job)
        names[demand.name] += 1
        count, dpu = count + 1, dpu + demand.dpu
    return chosen
