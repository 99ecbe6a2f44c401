"""How long a task waits for a worker: from its scheduling at Step Functions until it is claimed in the table.

Measured on the real clock, with the polls and sweeps of a worker's part, and a task every 50 ms on average, at random.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from datetime import datetime

from benchmarks import results
from benchmarks.results import Figure
from benchmarks.simulation import KINDS, RealTime, World, log_to_nowhere, percentile
from runners.job import ActiveJob
from runners.observer import Observer
from runners.worker.part import Part

TASKS = 600
TASKS_PER_SECOND = 20.0
MILLISECONDS_AT_MOST = 250
SEED = 4


class _Claims(Observer):
    """Notes when which task was claimed."""

    def __init__(self, clock: RealTime, expected: int) -> None:
        self._clock = clock
        self._expected = expected
        self.at: dict[str, datetime] = {}
        self.complete = threading.Event()

    def claimed(self, job: ActiveJob) -> None:
        """Note it."""
        self.at[job.token] = self._clock()
        if len(self.at) == self._expected:
            self.complete.set()


def measure(tasks: int = TASKS, tasks_per_second: float = TASKS_PER_SECOND) -> Iterator[Figure]:
    """Measure for Glue."""
    waits = [1000 * seconds for seconds in seconds_of(tasks, tasks_per_second)]
    yield Figure("From scheduled to claimed by a worker, 99 %", percentile(waits, 0.99), "ms", MILLISECONDS_AT_MOST)
    yield Figure("From scheduled to claimed by a worker, half", percentile(waits, 0.5), "ms")


def seconds_of(tasks: int, tasks_per_second: float) -> list[float]:
    """Return how long each task has waited."""
    log_to_nowhere()
    clock = RealTime()
    world = World(KINDS["glue"], clock)
    claims = _Claims(clock, tasks)
    settings = world.settings()
    part = Part(world.runner(claims), [world.activity] * settings.polls, settings)
    part.start()
    chance = random.Random(SEED)  # noqa: S311  # a schedule, no secret
    scheduled = []
    for _ in range(tasks):
        time.sleep(chance.expovariate(tasks_per_second))
        scheduled += world.schedule(1)
    claims.complete.wait()
    stopped(part, world)
    return [(claims.at[one.task.token] - one.task.scheduled_at).total_seconds() for one in scheduled]


def stopped(part: Part, world: World) -> None:
    """Stop a part, and wait for its end."""
    part.stop()
    world.aws.step_functions.close()
    while part.lives:
        time.sleep(0.01)


if __name__ == "__main__":
    results.run("pickup", measure)
