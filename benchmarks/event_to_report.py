"""How long a runner takes from an event of EventBridge until it has reported the outcome, AWS's answers left out.

Measured on the real clock, one event after the other, amid a thousand other active jobs: the wall time until Step
Functions has the outcome, less what was slept for latency. A Lambda's cold start is not in it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime

from benchmarks import results
from benchmarks.results import Figure
from benchmarks.simulation import KINDS, RealTime, World, log_to_nowhere, percentile
from runners.job import ActiveJob, Outcome
from runners.observer import Observer

EVENTS = 500
OTHER_JOBS = 1_000
MILLISECONDS_AT_MOST = 50


class _Reports(Observer):
    """Notes when the last outcome was acknowledged."""

    def __init__(self, clock: RealTime) -> None:
        self._clock = clock
        self.at = 0.0
        self.slept = 0.0

    def ended(self, job: ActiveJob, outcome: Outcome, at: datetime) -> None:  # noqa: ARG002
        """Note it."""
        self.at = time.perf_counter()
        self.slept = self._clock.slept_seconds


def measure(events: int = EVENTS, other_jobs: int = OTHER_JOBS) -> Iterator[Figure]:
    """Measure for Glue."""
    own, whole = zip(*seconds_of(events, other_jobs), strict=True)
    yield Figure("From event to report, own time, 99 %", 1000 * percentile(own, 0.99), "ms", MILLISECONDS_AT_MOST)
    yield Figure("From event to report, own time, half", 1000 * percentile(own, 0.5), "ms")
    yield Figure("From event to report, with AWS's answers, 99 %", 1000 * percentile(whole, 0.99), "ms")


def seconds_of(events: int, other_jobs: int) -> list[tuple[float, float]]:
    """Return for each event the runner's own time until its report, and the whole time."""
    log_to_nowhere()
    clock = RealTime()
    world = World(KINDS["glue"], clock)
    reports = _Reports(clock)
    runner = world.runner(reports)
    clock.is_slept = False
    world.start_jobs(runner, other_jobs + events)
    clock.is_slept = True
    told: list[dict[str, object]] = []
    world.aws.on_event(told.append)
    measured = []
    for run in world.service.runs()[other_jobs:]:
        world.service.end(run.id)
        event = next(one for one in reversed(told) if one["source"] != "aws.states")
        slept, began = clock.slept_seconds, time.perf_counter()
        runner.on_event(event)
        whole = reports.at - began
        measured.append((whole - (reports.slept - slept), whole))
    return measured


if __name__ == "__main__":
    results.run("event_to_report", measure)
