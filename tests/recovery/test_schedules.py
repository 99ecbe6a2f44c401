"""Whatever the schedule: exactly one outcome, never two live jobs, nothing left running, nothing left recorded."""

from __future__ import annotations

import logging
import os
import random
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runners.testing import Fault
from tests.recovery.world import Kind, World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SCHEDULES = int(os.environ.get("SCHEDULES", "10000"))  # in all
STEPS = (20, 90)  # of a schedule, with two bytes each

KINDS = [
    *[Kind(service) for service in ("glue", "athena", "dms", "batch")],
    *[Kind(service, most_running=1) for service in ("glue", "athena")],
    *[Kind(service, most_running=2) for service in ("glue", "batch")],
    Kind("glue", most_running=2, stop_abandoned_jobs=False),
    *[Kind(service, stop_abandoned_jobs=False) for service in ("glue", "dms")],
    Kind("glue", heartbeats=False),
    *[Kind(service, freezes=True) for service in ("glue", "athena")],
]


class OneByOne:
    """A pool without threads: a process does one thing after the other, so that a schedule says all."""

    def __init__(self, *_: object, **__: object) -> None: ...

    def __enter__(self) -> OneByOne:
        return self

    def __exit__(self, *_: object) -> None: ...

    def map(self, act: Callable[[object], object], items: list[object]) -> list[object]:
        return [act(item) for item in items]


@pytest.fixture(autouse=True)
def no_threads_no_naps_no_log(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("runners.side_by_side.ThreadPoolExecutor", OneByOne)
    monkeypatch.setattr("tenacity.nap.time", SimpleNamespace(sleep=lambda seconds: None))
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def as_test(kind: Kind, schedule: bytes, trace: list[str]) -> str:
    """Return a schedule as a test that can be pasted into this module."""
    lines = "\n".join(f"    # {number:3} {event}" for number, event in enumerate(trace))
    return (
        f"\n\ndef test_a_schedule_that_once_failed():\n{lines}\n"
        f"    World({kind!r}).play(\n        bytes.fromhex({schedule.hex()!r})\n    )\n"
    )


def goes_on(world: World, number: int, *, until: str = "", fault: Fault | None = None) -> None:
    """Let a process go on until it stands before a call of this name, of which then comes what ``fault`` says."""
    while world.processes[number].busy and world.processes[number].call != until:
        world.go_on(number)
    if fault is not None:
        world.go_on(number, fault)


def sweep(world: World, number: int) -> None:
    world.begin(number, "sweep", lambda process: process.runner.sweep())


@pytest.mark.parametrize("service", ["glue", "batch"])
def test_a_claim_that_is_repeated_after_its_job_has_run_starts_no_second_run(service: str) -> None:
    world = World(Kind(service, most_running=1))
    world.execution_begins(0)
    world.begin(0, "poll", world.poll)
    goes_on(world, 0, until="put_item", fault=Fault.ANSWER_LOST)
    sweep(world, 1)
    goes_on(world, 1)
    world.end(world.jobs.live()[0])
    world.pass_time(30)
    sweep(world, 1)
    goes_on(world, 1)
    assert [execution.status for execution in world.executions] == ["SUCCEEDED"]
    assert not world.records()
    goes_on(world, 0)
    world.becomes_quiet()
    world.check_in_the_end()


def test_two_processes_whose_clocks_are_the_same_do_not_both_get_a_lease(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.recovery.world.SKEWS", (0.0, 0.0, 0.0))
    world = World(Kind("glue"))
    world.execution_begins(0)
    world.begin(0, "poll", world.poll)
    goes_on(world, 0, until="put_item", fault=Fault.CRASH_AFTER)
    world.pass_time(121)
    for number in (1, 2):
        sweep(world, number)
        goes_on(world, number, until="put_item")
    for number in (1, 2):
        world.go_on(number)
    for number in (1, 2):
        goes_on(world, number, until="start_job_run")
    world.becomes_quiet()
    world.check_in_the_end()


def test_a_singleton_is_not_given_back_while_its_job_is_being_started() -> None:
    world = World(Kind("dms", stop_abandoned_jobs=False))
    world.execution_begins(0)
    world.begin(0, "poll", world.poll)
    goes_on(world, 0, until="start_replication_task")
    world.execution_is_aborted(0)
    sweep(world, 1)
    goes_on(world, 1)
    world.execution_begins(0)
    world.begin(2, "poll", world.poll)
    goes_on(world, 2, until="start_replication_task")
    goes_on(world, 0)
    world.becomes_quiet()
    world.check_in_the_end()


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_whatever_the_schedule_nothing_is_lost_and_nothing_runs_twice(
    kind: Kind, record_property: Callable[[str, object], None]
) -> None:
    played = {"schedules": 0, "steps": 0}

    @settings(
        max_examples=-(-SCHEDULES // len(KINDS)),
        deadline=None,
        database=None,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    @given(seed=st.integers(0, 2**64 - 1), length=st.integers(*STEPS))
    def holds(seed: int, length: int) -> None:
        schedule = random.Random(seed).randbytes(2 * length)
        world = World(kind)
        try:
            world.play(schedule)
        except AssertionError as error:
            shortest = shortened(kind, schedule)
            raise AssertionError(f"{error}\n{as_test(kind, *shortest)}") from error
        finally:
            played["schedules"] += 1
            played["steps"] += world.steps

    holds()
    for name, count in played.items():
        record_property(name, count)


def shortened(kind: Kind, schedule: bytes) -> tuple[bytes, list[str]]:
    """Leave out what a failing schedule does not need, step by step, and return it with its trace."""
    position, size = 0, 16
    while size:
        shorter = schedule[:position] + schedule[position + size :]
        if fails(kind, shorter) is not None:
            schedule = shorter
        else:
            position += size
        if position >= len(schedule):
            position, size = 0, size // 2 if size > 2 else 0
    return schedule, fails(kind, schedule) or []


def fails(kind: Kind, schedule: bytes) -> list[str] | None:
    """Return the trace of a schedule that fails; None if it does not."""
    world = World(kind)
    try:
        world.play(schedule)
    except AssertionError:
        return world.trace
    return None
