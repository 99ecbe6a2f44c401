"""How often a service is asked about its runs, for each active job and sweep.

Counted: nothing waits and nothing is timed. A fresh process asks about every job in its first sweep; later sweeps ask
about those that are due.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from benchmarks import results
from benchmarks.results import Figure
from benchmarks.simulation import KINDS, NO_TIME, SWEEP_INTERVAL_SECONDS, Kind, World
from runners.testing.clock import Clock

JOBS = 1_000
SWEEPS = 240  # an hour of them
AT_MOST: Mapping[str, float] = {"athena": 1 / 50, "glue": 1 / 100, "dms": 1 / 50}
"""To be reached, in calls per job and sweep."""


def measure(jobs: int = JOBS, sweeps: int = SWEEPS) -> Iterator[Figure]:
    """Count for each service."""
    for name, kind in KINDS.items():
        first, later = counted(kind, jobs, sweeps)
        yield Figure(f"{kind.title}: calls per job, first sweep of a process", first, "calls", AT_MOST.get(name))
        yield Figure(f"{kind.title}: calls per job and sweep, over an hour", later, "calls", AT_MOST.get(name))
    yield Figure("A loop that reads one job per call", 1, "calls")


def counted(kind: Kind, jobs: int, sweeps: int) -> tuple[float, float]:
    """Return the calls per job of a fresh process's first sweep, and those per job and sweep thereafter."""
    clock = Clock()
    world = World(kind, clock, latency=NO_TIME, quotas=None)
    world.start_jobs(world.runner(), jobs)
    runner = world.runner()
    before = world.asked()
    runner.sweep()
    first = world.asked() - before
    for _ in range(sweeps):
        clock.step(SWEEP_INTERVAL_SECONDS)
        runner.sweep()
    return first / jobs, (world.asked() - before - first) / (jobs * sweeps)


if __name__ == "__main__":
    results.run("status_calls", measure)
