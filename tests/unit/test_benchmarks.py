"""The benchmarks, small: each gets through and says what it measured; how fast that was is no test's business."""

from __future__ import annotations

import json
import threading
from dataclasses import asdict
from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from benchmarks import (
    NAMES,
    cost,
    event_to_report,
    patterns,
    pickup,
    results,
    simulation,
    starts,
    status_calls,
    sweep,
    writes,
)
from benchmarks.lambda_mode import COLD_START_SECONDS, Function
from benchmarks.prices import Bill
from benchmarks.results import Figure
from benchmarks.simulation import KINDS, percentile
from benchmarks.virtual_time import BEGIN, NobodyCanGoOnError, VirtualTime, virtual_time
from runners import pace, turn
from runners.testing.clock import Clock

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FIELDS = ["figure", "value", "unit", "reach", "holds", "machine", "date"]


# Results


def test_figures_are_kept_with_what_was_to_be_reached_and_whether_it_was(tmp_path: Path) -> None:
    figures = [
        Figure("calls", 0.0212345, "calls", at_most=0.02),
        Figure("pace", 95, "%", at_least=90),
        Figure("n", 1, "s"),
    ]
    results.written("some", figures, tmp_path)
    kept = results.read("some", tmp_path)
    assert [list(entry) for entry in kept] == [FIELDS] * 3
    assert [(entry["value"], entry["reach"], entry["holds"]) for entry in kept] == [
        (0.02123, "≤ 0.02", False),
        (95, "≥ 90", True),
        (1, None, None),
    ]


def test_a_benchmark_that_never_ran_has_no_figures(tmp_path: Path) -> None:
    assert results.read("never", tmp_path) == []


def test_the_table_says_which_figure_was_missed(tmp_path: Path) -> None:
    text = results.table(results.written("some", [Figure("slow", 12_000, "s", at_most=10)], tmp_path))
    assert "12,000 s" in text
    assert "MISSED" in text


@pytest.mark.parametrize("name", NAMES)
def test_results_that_are_kept_have_the_format(name: str) -> None:
    for entry in json.loads((results.RESULTS / f"{name}.json").read_text(encoding="utf-8")):
        assert list(entry) == FIELDS
        assert isinstance(entry["value"], float | int)
        assert (entry["reach"] is None) == (entry["holds"] is None)


def test_a_bill_adds_up_what_each_part_costs() -> None:
    bill = Bill(transitions=1e6, lambda_requests=1e6, write_units=1e6, read_units=1e6)
    assert bill.usd == pytest.approx(25 + 0.2 + 0.625 + 0.125)
    assert bill.times(2).usd == pytest.approx(2 * bill.usd)


def test_a_percentile_is_one_of_the_values() -> None:
    assert percentile(range(100), 0.99) == 99
    assert percentile([3.0], 0.5) == 3.0


# Virtual time


@pytest.fixture
def time() -> VirtualTime:
    return VirtualTime()


def test_the_clock_jumps_when_all_threads_wait(time: VirtualTime) -> None:
    order: list[tuple[str, float]] = []

    def sleep(name: str, seconds: float) -> None:
        time.sleep(seconds)
        order.append((name, time.seconds))

    time.start(lambda: sleep("long", 3_600))
    time.start(lambda: sleep("short", 60))
    time.sleep(7_200)
    assert order == [("short", 60), ("long", 3_600)]
    assert time() == BEGIN + timedelta(hours=2)


def test_threads_that_all_wait_for_each_other_are_found_out(time: VirtualTime) -> None:
    with virtual_time() as clock:
        event = turn.Condition()
        with event, pytest.raises(NobodyCanGoOnError):
            event.wait()
        assert clock.seconds == 0


def test_an_error_of_any_thread_ends_the_simulation(time: VirtualTime) -> None:
    def fail() -> None:
        time.sleep(3)
        raise ValueError("of the other thread")

    time.start(fail)
    with pytest.raises(ValueError, match="of the other thread"):
        time.sleep(10)


def test_the_real_pools_conditions_and_defaults_are_there_again_afterwards() -> None:
    before = (turn.ThreadPoolExecutor, turn.Condition, pace.Pace.__init__.__defaults__)
    with virtual_time():
        assert turn.Condition is not before[1]
        assert pace.Pace.__init__.__defaults__ != before[2]
    assert (turn.ThreadPoolExecutor, turn.Condition, pace.Pace.__init__.__defaults__) == before


def test_a_virtual_pool_does_as_many_things_at_a_time_as_it_has_threads() -> None:
    with virtual_time() as clock:
        with turn.ThreadPoolExecutor(2) as pool:
            assert list(pool.map(lambda number: clock.sleep(1) or number, range(5))) == list(range(5))
        assert clock.seconds == 3


def test_a_virtual_future_raises_what_was_raised() -> None:
    with virtual_time(), turn.ThreadPoolExecutor(1) as pool, pytest.raises(ZeroDivisionError):
        pool.submit(lambda: 1 / 0).result()


def test_waiting_for_futures_ends_with_the_first_or_at_its_time() -> None:
    with virtual_time() as clock, turn.ThreadPoolExecutor(2) as pool:
        futures = [pool.submit(clock.sleep, seconds) for seconds in (5, 50)]
        assert turn.wait(futures, 1).done == set()
        assert turn.wait(futures, None, turn.FIRST_COMPLETED).done == {futures[0]}
        assert clock.seconds == 5


@pytest.mark.parametrize("notified", [True, False])
def test_a_virtual_condition_waits_until_notified_or_its_time(notified: bool) -> None:
    with virtual_time() as clock:
        condition, there = turn.Condition(), []

        def come() -> None:
            clock.sleep(2)
            with condition:
                there.extend([1] * notified)
                condition.notify_all()

        clock.start(come)
        with condition:
            assert condition.wait_for(lambda: there, timeout=9) == [1] * notified
        assert clock.seconds == (2 if notified else 9)


def test_a_virtual_lock_lets_one_thread_in_at_a_time() -> None:
    with virtual_time() as clock:
        lock = pace.Lock()
        entered: list[float] = []

        def enter() -> None:
            with lock:
                entered.append(clock.seconds)
                clock.sleep(1)

        for _ in range(3):
            clock.start(enter)
        clock.sleep(5)
        assert entered == [0, 1, 2]
        assert not lock.locked()
        with lock:
            assert not lock.acquire(timeout=3)
        assert clock.seconds == 8


def test_an_invocation_is_billed_with_its_cold_start_and_the_next_one_has_none(time: VirtualTime) -> None:
    function = Function(time, lambda: None)
    for _ in range(2):
        function.invoke(lambda _, time_left: time.sleep(min(5.0, time_left().total_seconds())))
        time.sleep(60)
    assert (function.invocations, function.environments, function.running) == (2, 1, 0)
    assert function.seconds == pytest.approx(5 + COLD_START_SECONDS + 5)


# Benchmarks


def named(measure: Callable[[], object]) -> dict[str, Figure]:
    figures = list(measure())  # type: ignore[call-overload]
    assert all(isinstance(figure.value, float | int) for figure in figures)
    by_name = {figure.figure: figure for figure in figures}
    assert len(by_name) == len(figures)
    return by_name


def test_status_calls_are_counted_for_each_service() -> None:
    figures = named(lambda: status_calls.measure(jobs=100, sweeps=2))
    assert figures["Athena: calls per job, first sweep of a process"].value == 2 / 100
    assert figures["Glue: calls per job, first sweep of a process"].value == 1 / 100
    assert figures["DMS: calls per job, first sweep of a process"].value == 2 / 100
    assert figures["Batch: calls per job, first sweep of a process"].value == 1 / 100


def test_a_sweep_is_measured() -> None:
    swept = sweep.swept(KINDS["glue"], jobs=20, sweeps=1)
    assert len(list(sweep.figures("20 jobs", swept))) == 5
    assert swept.first_seconds > simulation.LATENCY.total_seconds()
    assert swept.megabytes > 0


def test_starts_are_measured() -> None:
    started, throttled = starts.seconds_of(20)
    assert len(started) == 20
    assert throttled == 0
    assert starts.quota_seconds(1_000) == 46


def test_events_are_measured() -> None:
    measured = event_to_report.seconds_of(events=3, other_jobs=5)
    assert len(measured) == 3
    assert all(0 <= own < whole for own, whole in measured)


def test_pickups_are_measured() -> None:
    waited = pickup.seconds_of(tasks=5, tasks_per_second=200)
    assert len(waited) == 5
    assert min(waited) >= simulation.LATENCY.total_seconds()


@pytest.mark.parametrize(
    "measure",
    [
        lambda: starts.measure(tasks=90),
        lambda: event_to_report.measure(events=2, other_jobs=1),
        lambda: pickup.measure(tasks=2, tasks_per_second=200),
        lambda: cost.compared(jobs=3, job_seconds=300),
        lambda: sweep.measure(jobs=3),
    ],
    ids=["starts", "event_to_report", "pickup", "cost", "sweep"],
)
def test_a_benchmark_gives_each_figure_once(measure: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> None:
    few = sweep.Swept(1.0, 2.0, 1.0, 0.1, 100.0)
    answer = SimpleNamespace(stdout=json.dumps(asdict(few)))
    monkeypatch.setattr(sweep.subprocess, "run", lambda *_, **__: answer)
    assert named(measure)


def test_writes_are_counted() -> None:
    figures = named(lambda: writes.measure(jobs=4))
    assert figures["Table writes in a job's life, without limits"].value == 3
    assert figures["Table writes of a runner itself, a minute"].value <= 2
    assert len(figures) == 7


def test_the_cost_of_jobs_is_counted_by_the_functions_own_code() -> None:
    spent = cost.runner_spends(jobs=5, job_seconds=300, within_seconds=10)
    assert spent.bill.transitions == 5
    assert spent.bill.write_units >= 25
    assert spent.bill.lambda_requests >= 10
    assert len(spent.late) == len(spent.waited) == 5
    assert max(spent.late) < 60


def test_an_idle_runner_is_invoked_each_minute_and_writes_next_to_nothing() -> None:
    bill = cost.idle_day(seconds=600)
    assert bill.lambda_requests == 10
    assert bill.transitions == 0
    assert bill.write_units <= 2


def test_a_simulation_is_the_same_each_time() -> None:
    once, again = (cost.runner_spends(jobs=3, job_seconds=120, within_seconds=5) for _ in range(2))
    assert once == again


def test_a_loop_in_the_state_machine_makes_three_transitions_a_look() -> None:
    followed = patterns.wait_describe_choice(jobs=3, job_seconds=600, wait_seconds=60, within_seconds=1)
    assert followed.bill.transitions == 3 + 3 * followed.status_calls
    assert max(followed.late) <= 61


def test_a_plain_loop_has_fifty_jobs_at_a_time() -> None:
    followed = patterns.plain_loop(jobs=60, job_seconds=600, within_seconds=1)
    assert len(followed.late) == 60
    assert sum(seconds < 120 for seconds in followed.started) == 50


def test_only_the_transitions_of_sync_are_known() -> None:
    assert patterns.sync(10) == patterns.Followed(Bill(transitions=10))


def test_a_clock_that_is_told_not_to_sleep_takes_no_time_but_skips() -> None:
    clock = simulation.RealTime()
    clock.is_slept = False
    clock.sleep(1e6)
    assert clock.slept_seconds == 0
    before = clock()
    clock.skip(3_600)
    assert clock() - before >= timedelta(hours=1)


def test_no_thread_is_left_by_a_simulation() -> None:
    before = threading.active_count()
    cost.idle_day(seconds=120)
    assert threading.active_count() <= before + 1  # the last one may be about to end


def test_a_service_that_is_simulated_has_a_real_one() -> None:
    for kind in KINDS.values():
        world = simulation.World(kind, Clock())
        assert world.runner().service.name == kind.client
