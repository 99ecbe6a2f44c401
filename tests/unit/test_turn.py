from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from runners.turn import POLL_TAKES_AT_MOST, Slots, take_turn
from tests.unit.doubles import FakeActivity, Faults

LONG = timedelta(minutes=10)
SOON = timedelta(milliseconds=1)
DEADLINE = 10  # seconds until a test gives up


class FakeRunner:
    """A runner that counts sweeps and keeps the tasks that it takes."""

    def __init__(self):
        self.faults = Faults()
        self.taken = []
        self.jobs = 0

    def take(self, task):
        self.faults("take", lambda: self.taken.append(task))

    def sweep(self):
        return self.faults("sweep", lambda: self.jobs)


class Gate:
    """An activity whose polls stay open until they are let go, and then stay empty or bring a task."""

    arn = "arn:gate"

    def __init__(self):
        self.open = 0
        self.most_open = 0
        self._answers = []
        self._changed = threading.Condition()

    def poll(self):
        with self._changed:
            self.open += 1
            self.most_open = max(self.open, self.most_open)
            self._changed.notify_all()
            assert self._changed.wait_for(lambda: self._answers, DEADLINE)
            self.open -= 1
            return self._answers.pop()

    def wait_until_open(self, number):
        with self._changed:
            assert self._changed.wait_for(lambda: self.open >= number, DEADLINE)

    def let_go(self, *answers):
        with self._changed:
            self._answers.extend(answers)
            self._changed.notify_all()


@pytest.fixture
def runner():
    return FakeRunner()


@pytest.fixture
def activity():
    return FakeActivity(Faults())


def turn(runner, polled, places=100, sweep_interval=LONG, time_left=lambda: LONG):
    take_turn(runner, polled, places, sweep_interval, time_left)


def in_background(*arguments, **options):
    thread = threading.Thread(target=turn, args=arguments, kwargs=options, daemon=True)
    thread.start()
    return thread


def ends(thread):
    thread.join(DEADLINE)
    return not thread.is_alive()


def test_a_turn_takes_all_tasks_that_its_polls_bring_and_ends_with_an_empty_one(runner, activity):
    activity.scheduled.extend(activity.hand_out() for _ in range(5))
    scheduled = list(activity.scheduled)
    turn(runner, [activity])
    assert runner.taken == scheduled


def test_all_activities_are_polled(runner):
    activities = [FakeActivity(Faults()) for _ in range(3)]
    for activity in activities:
        activity.scheduled.append(activity.hand_out(activity.hand_out().token))
    turn(runner, activities)
    assert len(runner.taken) == 3


def test_an_activity_gets_as_many_open_polls_as_it_is_named(runner):
    gate = Gate()
    background = in_background(runner, [gate] * 4)
    gate.wait_until_open(4)
    gate.let_go(*[None] * 4)
    assert ends(background)


def test_tasks_are_taken_side_by_side(runner, activity):
    together = threading.Barrier(2, timeout=DEADLINE)
    activity.scheduled.extend(activity.hand_out() for _ in range(2))
    runner.take = lambda task: together.wait() >= 0 and runner.taken.append(task)
    turn(runner, [activity] * 2)
    assert len(runner.taken) == 2


def test_a_poll_is_opened_only_where_a_job_could_be_started(runner):
    runner.jobs = 98
    gate = Gate()
    background = in_background(runner, [gate] * 10, places=100)
    gate.wait_until_open(2)
    gate.let_go(*[None] * 10)
    assert ends(background)
    assert gate.most_open == 2


def test_no_poll_is_opened_while_all_places_are_taken(runner, activity):
    runner.jobs = 5
    times = iter([LONG, timedelta(seconds=80)])
    turn(runner, [activity], places=5, time_left=lambda: next(times, timedelta(0)))
    assert activity._call.calls["poll"] == 0


def test_a_poll_that_waits_for_a_place_is_opened_when_a_sweep_finds_one_free(runner, activity):
    runner.jobs = 5
    activity.scheduled.append(activity.hand_out())

    def sweep():
        runner.jobs -= 1
        return runner.jobs + 1

    runner.sweep = sweep
    turn(runner, [activity], places=5, sweep_interval=SOON)
    assert len(runner.taken) == 1


def test_no_poll_is_opened_that_could_not_end_in_time(runner, activity):
    turn(runner, [activity], time_left=lambda: timedelta(seconds=80))
    assert activity._call.calls["poll"] == 0
    assert runner.faults.calls["sweep"] == 1


def test_polling_ends_when_the_time_is_over(runner, activity):
    activity.scheduled.extend(activity.hand_out() for _ in range(9))
    times = iter([LONG, LONG, LONG, LONG])
    turn(runner, [activity], time_left=lambda: next(times, timedelta(0)))
    assert len(runner.taken) == 2


def test_there_are_sweeps_beside_open_polls(runner):
    gate = Gate()
    swept = threading.Event()

    def sweep():
        runner.faults.calls["sweep"] += 1
        if runner.faults.calls["sweep"] == 4:
            swept.set()
        return 0

    runner.sweep = sweep
    background = in_background(runner, [gate], sweep_interval=SOON)
    gate.wait_until_open(1)
    assert swept.wait(DEADLINE)
    gate.let_go(None)
    assert ends(background)


def test_no_poll_is_opened_before_a_sweep_has_counted_the_jobs(runner, activity, caplog):
    runner.faults.before("sweep", ConnectionError())
    activity.scheduled.append(activity.hand_out())
    turn(runner, [activity], sweep_interval=timedelta(milliseconds=1))
    assert len(runner.taken) == 1
    assert runner.faults.calls["sweep"] >= 2
    assert "a sweep failed" in caplog.text


def test_without_a_sweep_that_succeeds_a_turn_ends_when_its_time_is_over(runner, activity):
    runner.faults.before("sweep", ConnectionError(), times=1000)
    activity.scheduled.append(activity.hand_out())
    turn(runner, [activity], time_left=lambda: POLL_TAKES_AT_MOST)
    assert runner.taken == []


def test_a_poll_that_fails_harms_no_other(runner, activity, caplog):
    broken = FakeActivity(Faults())
    broken._call.before("poll", ConnectionError())
    activity.scheduled.append(activity.hand_out())
    turn(runner, [broken, activity])
    assert len(runner.taken) == 1
    assert "a poll failed" in caplog.text


def test_a_task_that_cannot_be_taken_harms_no_other(runner, activity):
    runner.faults.before("take", ValueError())
    activity.scheduled.extend(activity.hand_out() for _ in range(2))
    turn(runner, [activity] * 2)
    assert len(runner.taken) == 1


def test_without_activities_a_turn_is_a_sweep(runner):
    turn(runner, [])
    assert runner.faults.calls["sweep"] == 1


def test_a_task_keeps_the_place_of_its_poll_until_it_is_claimed(runner, activity):
    activity.scheduled.extend(activity.hand_out() for _ in range(2))
    swept = threading.Event()
    at_once = []

    def sweep():  # finds nothing, for the task that a poll has brought is not claimed yet
        if at_once:
            swept.set()
        return 0

    def take(task):
        at_once.append(task)
        assert swept.wait(DEADLINE)
        runner.taken.append(len(at_once))
        at_once.remove(task)

    runner.sweep, runner.take = sweep, take
    turn(runner, [activity] * 2, places=1, sweep_interval=SOON)
    assert runner.taken == [1, 1]


# Places


@pytest.fixture
def one_place():
    slots = Slots(1)
    slots.count(lambda: 0)
    return slots


def test_no_place_is_free_before_the_jobs_were_counted():
    assert not Slots(1).open(timedelta(0))


def test_an_open_poll_takes_a_place_and_gives_it_back_if_it_stays_empty(one_place):
    assert one_place.open(timedelta(0))
    assert not one_place.open(timedelta(0))
    one_place.closed(brought_task=False)
    assert one_place.open(timedelta(0))


def test_a_poll_that_brought_a_task_leaves_its_place_to_the_job(one_place):
    one_place.open(timedelta(0))
    one_place.closed(brought_task=True)
    assert not one_place.open(timedelta(0))
    one_place.count(lambda: 0)
    assert one_place.open(timedelta(0))


def test_a_job_taken_while_a_sweep_counts_is_not_forgotten(one_place):
    one_place.open(timedelta(0))

    def sweep():
        one_place.closed(brought_task=True)
        return 0

    one_place.count(sweep)
    assert not one_place.open(timedelta(0))


def test_the_patience_for_a_place_may_have_run_out_already():
    assert not Slots(0).open(timedelta(seconds=-1))
