"""How fast a worker starts a thousand tasks that wait, against the pace that AWS's quota on starts allows.

Measured on the real clock: Athena takes 80 starts at once and 20 a second in the long run, and refuses others.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

from benchmarks import results
from benchmarks.pickup import stopped
from benchmarks.results import Figure
from benchmarks.simulation import KINDS, RealTime, World, log_to_nowhere
from runners.job import ActiveJob
from runners.observer import Observer
from runners.testing.simulated import AWS_QUOTAS
from runners.worker.part import Part

TASKS = 1_000
PERCENT_AT_LEAST = 90
POINTS_EVERY = 5  # seconds, in the curve of started tasks
QUOTA = AWS_QUOTAS["athena"]["start_query_execution"]


class _Starts(Observer):
    """Notes when tasks were started."""

    def __init__(self, expected: int) -> None:
        self._expected = expected
        self.at: list[float] = []
        self.complete = threading.Event()

    def started(self, job: ActiveJob) -> None:  # noqa: ARG002
        """Note it."""
        self.at.append(time.perf_counter())
        if len(self.at) >= self._expected:
            self.complete.set()


def quota_seconds(tasks: int) -> float:
    """Return in what time the quota lets so many be started."""
    return max(0.0, tasks - QUOTA.burst) / QUOTA.per_second


def measure(tasks: int = TASKS) -> Iterator[Figure]:
    """Measure for Athena."""
    started, throttled = seconds_of(tasks)
    share = 100 * quota_seconds(tasks) / started[-1]
    yield Figure(f"Pace of {tasks:,} starts, of what the quota allows", share, "%", at_least=PERCENT_AT_LEAST)
    yield Figure(f"{tasks:,} tasks started", started[-1], "s")
    yield Figure(f"{tasks:,} tasks started, as fast as the quota allows", quota_seconds(tasks), "s")
    yield Figure("Starts that Athena refused", throttled, "calls")
    for seconds in range(0, int(started[-1]) + POINTS_EVERY, POINTS_EVERY):
        yield Figure(f"started after {seconds} s", sum(at <= seconds for at in started), "tasks")


def seconds_of(tasks: int) -> tuple[list[float], int]:
    """Return when each task was started, after the worker's first poll, and how many starts were throttled."""
    log_to_nowhere()
    clock = RealTime()
    world = World(KINDS["athena"], clock)
    starts = _Starts(tasks)
    settings = world.settings()
    part = Part(world.runner(starts), [world.activity] * settings.polls, settings)
    world.schedule(tasks)
    began = time.perf_counter()
    part.start()
    starts.complete.wait()
    stopped(part, world)
    return sorted(at - began for at in starts.at), world.service.throttled["start_query_execution"]


if __name__ == "__main__":
    results.run("starts", measure)
