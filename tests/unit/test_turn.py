from __future__ import annotations

import math
import threading
import time
from datetime import timedelta
from types import SimpleNamespace

import pytest

from runners.job import Succeeded
from runners.observer import Observers
from runners.progress import Progress
from runners.turn import NEXT_TURN, POLL_TAKES_AT_MOST, STARTING_TAKES_AT_MOST, Slots, Turn
from tests.integration.waiting import eventually
from tests.unit.doubles import Clock, FakeActivity, Faults, active_job

LONG = timedelta(minutes=10)
TICK = timedelta(seconds=55)
SOON = timedelta(milliseconds=1)
DEADLINE = 10  # seconds until a test gives up


BEGUN = "arn:aws:states:us-east-1:123456789012:execution:etl:1"


class FakeRunner:
    """A runner that counts sweeps and keeps the tasks that it takes."""

    def __init__(self):
        self.faults = Faults()
        self.progress = Progress()
        self.observer = Observers(self.progress)
        self.service = SimpleNamespace(name="fake")
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
        self.polls = 0
        self._answers = []
        self._changed = threading.Condition()

    def poll(self):
        with self._changed:
            self.open += 1
            self.polls += 1
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


class Countdown:
    """The time that is left, which goes by when a test, or whoever waits, says so."""

    def __init__(self, left):
        self.left = left

    def __call__(self):
        return self.left

    def step(self, time):
        self.left -= time

    def sleep(self, seconds):
        self.step(timedelta(seconds=seconds))


class FakeExecutions:
    """Running executions, which may have so many tasks with us at a time; any number of answers, the last for ever."""

    def __init__(self, *answers):
        self._answers = list(answers)
        self.asked = 0
        self.begun = []

    def look_afresh(self):
        pass

    def tasks_at_most(self, begun=""):
        self.asked += 1
        self.begun.append(begun)
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


class FakeWatch:
    """A watch of which another has taken hold, or nobody."""

    def __init__(self, *, free=True, overdue=False):
        self.free = free
        self.overdue = overdue
        self.log = []

    def is_overdue(self):
        return self.overdue

    def take(self, unless_kept):
        self.log.append(("take", unless_kept))
        return self.free

    def end(self):
        self.log.append("end")


@pytest.fixture
def runner():
    return FakeRunner()


@pytest.fixture
def activity():
    return FakeActivity(Faults())


def turn(runner, polled, **changes):
    took = time.monotonic()
    options = {
        "executions": FakeExecutions(math.inf),
        "watch": FakeWatch(),
        "progress": runner.progress,
        "places": 100,
        "sweep_interval": LONG,
        "time_left": lambda: LONG - timedelta(seconds=time.monotonic() - took),
        "sleep": lambda _: None,
    }
    begun = changes.pop("begun", None)
    taken = Turn(runner, polled, **(options | changes))
    if begun is None:
        taken.take(TICK)
    else:
        taken.take_for_event(TICK, begun)


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
    for number, activity in enumerate(activities):
        activity.arn = f"arn:{number}"
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
    turn(runner, [activity], places=5)
    assert activity._call.calls["poll"] == 0


def test_a_poll_is_opened_when_a_sweep_finds_a_place_free(runner, activity):
    runner.jobs = 4
    gate = Gate()
    swept = threading.Event()

    def sweep():
        if not gate.most_open:
            return 4  # the first one, before any poll
        swept.set()
        return 2

    runner.sweep = sweep
    background = in_background(runner, [gate] * 2, places=5, sweep_interval=SOON)
    gate.wait_until_open(2)
    assert swept.is_set()
    gate.let_go(None, None)
    assert ends(background)


def test_no_poll_is_opened_that_could_not_end_in_time(runner, activity):
    turn(runner, [activity], time_left=lambda: timedelta(seconds=80))
    assert activity._call.calls["poll"] == 0
    assert runner.faults.calls["sweep"] == 1


def test_polling_ends_when_the_time_is_over(runner, activity):
    activity.scheduled.extend(activity.hand_out() for _ in range(9))
    clock = Countdown(LONG)
    runner.take = lambda task: (runner.taken.append(task), clock.step(LONG / 3))
    turn(runner, [activity], time_left=clock)
    assert len(runner.taken) == 3


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


def test_no_poll_is_opened_if_the_jobs_cannot_be_counted(runner, activity, caplog):
    runner.faults.before("sweep", ConnectionError())
    turn(runner, [activity])
    assert activity._call.calls["poll"] == 0
    assert "a sweep failed" in caplog.text


def test_a_poll_that_fails_harms_no_other(runner, activity, caplog):
    broken = FakeActivity(Faults())
    broken.arn = "arn:broken"
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


# Whether tasks may come


def test_a_turn_without_tasks_to_come_is_a_sweep(runner, activity):
    watch = FakeWatch()
    turn(runner, [activity], executions=FakeExecutions(0), watch=watch)
    assert activity._call.calls["poll"] == 0
    assert runner.faults.calls["sweep"] == 1
    assert watch.log == []


def test_no_poll_is_opened_while_all_executions_wait_for_our_jobs(runner, activity):
    runner.jobs = 7
    turn(runner, [activity], executions=FakeExecutions(7))
    assert activity._call.calls["poll"] == 0


def test_as_many_polls_are_opened_as_tasks_may_come(runner):
    runner.jobs = 5
    gate = Gate()
    background = in_background(runner, [gate] * 10, executions=FakeExecutions(7))
    gate.wait_until_open(2)
    gate.let_go(None, None)
    assert ends(background)
    assert gate.most_open == 2


def test_jobs_that_a_sweep_has_seen_end_leave_their_executions_to_ask_again(runner, activity):
    def sweep():
        runner.observer.ended(active_job(), Succeeded({}), Clock().now)
        runner.observer.abandoned(active_job(1), Clock().now)
        return 2

    runner.sweep = sweep
    turn(runner, [activity], executions=FakeExecutions(1))
    assert activity._call.calls["poll"] == 1


def test_an_execution_that_has_just_begun_counts_for_the_first_question_only(runner, activity):
    activity.scheduled.append(activity.hand_out())
    executions = FakeExecutions(1, 0)
    turn(runner, [activity] * 4, executions=executions, begun=BEGUN)
    assert len(runner.taken) == 1
    assert activity._call.calls["poll"] == 1
    assert executions.begun == [BEGUN, ""]


def test_polls_end_without_a_wait_when_all_executions_have_their_tasks_with_us(runner, activity):
    activity.scheduled.extend(activity.hand_out() for _ in range(3))
    watch = FakeWatch()
    runner.sweep = lambda: len(runner.taken)
    turn(runner, [activity] * 2, executions=FakeExecutions(3), watch=watch)
    assert len(runner.taken) == 3
    assert activity._call.calls["poll"] == 3
    assert watch.log == [("take", TICK), "end"]


def test_before_a_turn_ends_it_looks_once_more_for_what_lists_did_not_show(runner, activity):
    activity.scheduled.extend(activity.hand_out() for _ in range(5))
    executions = FakeExecutions(1, 4, 5)
    runner.sweep = lambda: len(runner.taken)
    turn(runner, [activity] * 2, executions=executions)
    assert len(runner.taken) == 5


def test_an_event_while_somebody_else_polls_costs_no_sweep(runner, activity):
    turn(runner, [activity], watch=FakeWatch(free=False), begun=BEGUN)
    assert runner.faults.calls["sweep"] == 0
    assert activity._call.calls["poll"] == 0


def test_an_event_that_nobody_need_be_asked_for_gives_the_watch_back(runner, activity):
    watch = FakeWatch()
    turn(runner, [activity], executions=FakeExecutions(0), watch=watch, begun="")
    assert watch.log == [("take", TICK), "end"]
    assert activity._call.calls["poll"] == 0


def test_before_a_turn_ends_it_looks_whether_jobs_have_ended(runner, activity):
    activity.scheduled.extend(activity.hand_out() for _ in range(2))
    jobs = iter([0, 0, 1, 1])  # the first one ends beside the turn
    runner.sweep = lambda: next(jobs)
    turn(runner, [activity], executions=FakeExecutions(1))
    assert len(runner.taken) == 2


def test_executions_are_not_asked_about_all_the_time(runner, activity):
    activity.scheduled.extend(activity.hand_out() for _ in range(10))
    clock = Countdown(LONG)
    executions = FakeExecutions(*range(1, 11), 10)
    turn(runner, [activity], executions=executions, time_left=clock, sleep=clock.sleep)
    assert len(runner.taken) == 10
    assert LONG - clock.left >= timedelta(seconds=executions.asked - 2)


def test_all_activities_are_polled_if_a_task_may_come_by_any(runner):
    gates = [Gate(), Gate()]
    gates[1].arn = "arn:other"
    background = in_background(runner, gates, executions=FakeExecutions(1))
    for gate in gates:
        gate.wait_until_open(1)
        gate.let_go(None)
    assert ends(background)


def test_a_poll_now_and_then_finds_what_cannot_be_seen(runner, activity):
    activity.scheduled.append(activity.hand_out())
    turn(runner, [activity] * 4, executions=FakeExecutions(0), watch=FakeWatch(overdue=True))
    assert len(runner.taken) == 1


def test_whoever_is_on_watch_is_left_to_poll(runner, activity):
    watch = FakeWatch(free=False)
    turn(runner, [activity], watch=watch)
    assert activity._call.calls["poll"] == 0
    assert watch.log == [("take", TICK)]


def test_an_empty_poll_ends_polling_as_the_next_turn_has_begun(runner, activity):
    gate = Gate()
    gate.arn = activity.arn
    background = in_background(runner, [activity, gate])  # the former is empty
    gate.wait_until_open(1)
    eventually(lambda: activity._call.calls["poll"])
    gate.let_go(activity.hand_out())
    assert ends(background)
    assert (gate.polls, activity._call.calls["poll"]) == (1, 1)


def test_a_turn_goes_on_as_long_as_its_sweeps_start_what_had_to_wait(runner):
    starts = [1, 1, 0, 1]

    def sweep():
        for _ in range(starts[runner.faults.calls["sweep"]]):
            runner.observer.started(active_job())
        runner.faults.calls["sweep"] += 1
        return 5

    runner.sweep = sweep
    turn(runner, [])
    assert runner.faults.calls["sweep"] == 3


def test_what_still_has_to_wait_is_left_to_the_next_turn(runner):
    clock = Countdown(LONG)

    def sweep():
        runner.observer.started(active_job())
        clock.step(timedelta(seconds=15))
        return 5

    runner.sweep = sweep
    turn(runner, [], time_left=clock)
    assert NEXT_TURN <= LONG - clock.left < NEXT_TURN + timedelta(seconds=15)


def test_after_the_last_task_no_poll_is_opened_that_could_not_end_in_time(runner, activity):
    activity.scheduled.extend(activity.hand_out() for _ in range(2))
    clock = Countdown(POLL_TAKES_AT_MOST + STARTING_TAKES_AT_MOST + timedelta(seconds=1))
    runner.take = lambda task: (runner.taken.append(task), clock.step(timedelta(seconds=1)))
    turn(runner, [activity], executions=FakeExecutions(1, 9), time_left=clock, sleep=clock.sleep)
    assert len(runner.taken) == 1


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
