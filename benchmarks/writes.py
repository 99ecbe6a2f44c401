"""How often the table is written in the life of a job, and how many write units that takes, with limits and without.

Counted: nothing waits and nothing is timed. A job is claimed, started, kept alive and asked about by sweeps for half an
hour, reported by its event, and closed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from benchmarks import results
from benchmarks.results import Figure
from benchmarks.simulation import KINDS, NO_TIME, SWEEP_INTERVAL_SECONDS, World
from runners.active_jobs import SWEEPS
from runners.testing.clock import Clock

JOBS = 200
JOB_SECONDS = 1_800.0
AT_MOST = 5
WRITES = ("put_item", "update_item", "delete_item")
LIMITS: Mapping[str, Mapping[str, Any]] = {
    "without limits": {},
    "with limits that are never reached": {"max_running_jobs": 10_000},
    "with a limit that half of the jobs wait for": {"max_running_jobs": JOBS // 2},
}


@dataclass(frozen=True)
class Written:
    """Writes per job.

    Attributes:
        items: that were written, those of transactions counted one by one.
        units: that AWS bills: of items, of the index, and twice those of transactions.
        notes_a_minute: how often the runner notes when it has swept, however many jobs there are.

    """

    items: float
    units: float
    notes_a_minute: float


def measure(jobs: int = JOBS) -> Iterator[Figure]:
    """Count for Glue."""
    for which, limits in LIMITS.items():
        written = written_by(jobs, limits)
        yield Figure(f"Table writes in a job's life, {which}", written.items, "writes", AT_MOST)
        yield Figure(f"Write units in a job's life, {which}", written.units, "units")
    yield Figure("Table writes of a runner itself, a minute", written.notes_a_minute, "writes")


def written_by(jobs: int, limits: Mapping[str, Any]) -> Written:
    """Count what a runner writes for so many jobs that come at once."""
    clock = Clock()
    world = World(KINDS["glue"], clock, NO_TIME, quotas=None)
    world.service.duration = timedelta(seconds=JOB_SECONDS)
    items = _ItemsWritten(world)
    began = clock()
    runner = world.runner(**limits)
    events: list[Mapping[str, Any]] = []
    world.aws.on_event(events.append)
    executions = world.schedule(jobs)
    while (task := world.activity.poll()) is not None:
        runner.take(task)
    while any(execution.status == "RUNNING" for execution in executions):
        world.aws.settle()
        while events:
            runner.on_event(events.pop(0))
        runner.sweep()
        clock.step(SWEEP_INTERVAL_SECONDS)
    table = world.aws.dynamodb.tables[world.table]
    minutes = (clock() - began).total_seconds() / 60
    return Written(items.count() / jobs, table.write_units / jobs, items.notes / minutes)


class _ItemsWritten:
    """Counts the items of all writes, those of transactions too."""

    def __init__(self, world: World) -> None:
        self._dynamodb = world.aws.dynamodb
        self._in_transactions = 0
        self.notes = 0
        """How often the runner noted a sweep, which is no job's."""
        put = self._dynamodb.put_item
        transact = self._dynamodb.transact_write_items

        def counted(**parameters: Any) -> Any:
            self._in_transactions += len(parameters["TransactItems"])
            return transact(**parameters)

        def put_and_noted(**parameters: Any) -> Any:
            self.notes += parameters["Item"]["runner"]["S"].endswith(SWEEPS)
            return put(**parameters)

        self._dynamodb.put_item = put_and_noted  # type: ignore[method-assign]  # as below
        self._dynamodb.transact_write_items = counted  # type: ignore[method-assign]  # around the real one

    def count(self) -> int:
        """Return how many items were written for jobs."""
        return self._in_transactions + sum(self._dynamodb.calls[name] for name in WRITES) - self.notes


if __name__ == "__main__":
    results.run("writes", measure)
