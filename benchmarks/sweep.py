"""How long a sweep over ten thousand active jobs takes in one process, and how much memory, on the real clock.

Each service has a process of its own. Latency is really slept, and CPU is the machine's; that of the simulated AWS,
which has to be in the same process, counts against the runner.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass

from benchmarks import results
from benchmarks.results import Figure
from benchmarks.simulation import KINDS, SWEEP_INTERVAL_SECONDS, Kind, RealTime, World, log_to_nowhere
from runners.runner import Runner

JOBS = 10_000
LATER_SWEEPS = 12  # three minutes
OLDEST_SECONDS = 1_800.0
MEASURED = ("athena", "glue")
SECONDS_AT_MOST = 10
MEGABYTES_AT_MOST = 256
_KILOBYTES_IN_A_MEGABYTE = 1024


@dataclass(frozen=True)
class Swept:
    """What was measured of one service.

    Attributes:
        first_seconds: the wall time of the first sweep of a fresh process, which follows another one.
        first_ever_seconds: the same if nobody has swept before, and every job needs everything at once.
        later_seconds: that of the longest of those that followed, one every 15 s.
        later_cpu_seconds: the process's CPU in that time, per sweep.
        megabytes: the most memory that the process had.

    """

    first_seconds: float
    first_ever_seconds: float
    later_seconds: float
    later_cpu_seconds: float
    megabytes: float


def measure(jobs: int = JOBS) -> Iterator[Figure]:
    """Measure each service in a process of its own."""
    for name in MEASURED:
        command = [sys.executable, "-m", "benchmarks.sweep", name, str(jobs)]
        answer = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603  # our own
        yield from figures(f"{jobs:,} jobs of {KINDS[name].title}", Swept(**json.loads(answer.stdout)))


def figures(what: str, swept: Swept) -> Iterator[Figure]:
    """Return what was measured as figures."""
    yield Figure(f"{what}: first sweep of a process", swept.first_seconds, "s", SECONDS_AT_MOST)
    yield Figure(f"{what}: first sweep of a process, if nobody has swept before", swept.first_ever_seconds, "s")
    yield Figure(f"{what}: longest of the sweeps after it", swept.later_seconds, "s", SECONDS_AT_MOST)
    yield Figure(f"{what}: CPU of a sweep after it", swept.later_cpu_seconds, "s")
    yield Figure(f"{what}: most memory", swept.megabytes, "MB", MEGABYTES_AT_MOST)


def swept(kind: Kind, jobs: int, sweeps: int = LATER_SWEEPS) -> Swept:
    """Sweep over so many jobs, whose ages are spread evenly over half an hour."""
    log_to_nowhere()
    clock = RealTime()
    world = World(kind, clock)
    _put_into_place(world, clock, jobs)
    runner = world.runner()
    first_ever = _seconds_of(runner.sweep)
    before = time.process_time()
    later = [_seconds_later(first_ever, runner, clock)]
    for _ in range(sweeps - 1):
        later.append(_seconds_later(later[-1], runner, clock))
    cpu = (time.process_time() - before) / sweeps
    first = _seconds_later(later[-1], world.runner(), clock)
    return Swept(
        first,
        first_ever,
        max(later),
        cpu,
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _KILOBYTES_IN_A_MEGABYTE,
    )


def _put_into_place(world: World, clock: RealTime, jobs: int) -> None:
    clock.is_slept = False
    world.start_jobs(world.runner(starts_per_second=1e6), jobs, lambda: clock.skip(OLDEST_SECONDS / jobs))
    clock.is_slept = True


def _seconds_later(last: float, runner: Runner, clock: RealTime) -> float:
    """Let the next sweep begin when it is due, and return how long it took."""
    clock.skip(max(0.0, SWEEP_INTERVAL_SECONDS - last))
    return _seconds_of(runner.sweep)


def _seconds_of(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


if __name__ == "__main__":
    if arguments := sys.argv[1:]:
        print(json.dumps(asdict(swept(KINDS[arguments[0]], int(arguments[1])))))  # noqa: T201  # to the process above
    else:
        results.run("sweep", measure)
