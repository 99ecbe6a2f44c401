from __future__ import annotations

import threading
from types import SimpleNamespace

import pytest
from botocore.exceptions import EndpointConnectionError

from runners.observer import Observer
from runners.settings import Settings
from runners.worker import part as parts
from runners.worker.part import LONGEST_PAUSE, Part, pause_after
from tests.integration.waiting import eventually
from tests.unit.doubles import FakeActivity, Faults, client_error

MOMENT = 0.001  # seconds
ENDED = 10  # seconds until a test gives up


class Seconds:
    """A clock that counts seconds, and stands still until it is stepped."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


class Polls(Observer):
    """Counts the polls that it is told of."""

    def __init__(self):
        self.brought = []
        self.flushed = 0

    def polled(self, runner, *, brought_task):
        self.brought.append((runner, brought_task))

    def flush(self):
        self.flushed += 1


class FakeRunner:
    """A runner that counts its sweeps and keeps the tasks that it takes."""

    service = SimpleNamespace(name="fake")

    def __init__(self):
        self.call = Faults()
        self.observer = Polls()
        self.taken = []
        self.jobs = 0

    def take(self, task):
        self.call("take", lambda: self.taken.append(task))

    def sweep(self):
        return self.call("sweep", lambda: self.jobs)


class Gate(FakeActivity):
    """An activity whose polls stay open until they are let go."""

    def __init__(self, arn="arn:gate"):
        super().__init__(Faults())
        self.arn = arn
        self.open = 0
        self.most_open = 0
        self._answers = []
        self._changed = threading.Condition()

    def poll(self):
        with self._changed:
            self.open += 1
            self.most_open = max(self.most_open, self.open)
            self._changed.notify_all()
            assert self._changed.wait_for(lambda: self._answers, ENDED)
            self.open -= 1
            self._changed.notify_all()
            answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def wait_until_open(self, number):
        with self._changed:
            assert self._changed.wait_for(lambda: self.open == number, ENDED)

    def let_go(self, *answers):
        with self._changed:
            self._answers.extend(answers)
            self._changed.notify_all()


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch):
    monkeypatch.setattr(parts, "FIRST_PAUSE", MOMENT)
    monkeypatch.setattr(parts, "LONGEST_PAUSE", MOMENT)
    monkeypatch.setattr(parts, "PATIENCE", parts.timedelta(seconds=MOMENT))


@pytest.fixture
def runner():
    return FakeRunner()


@pytest.fixture
def gate():
    return Gate()


@pytest.fixture
def clock():
    return Seconds()


@pytest.fixture
def part(runner, clock):
    """Make a part; it is stopped at the end of the test."""
    made = []

    def make(*polled, file_activities=list, thread_ended=lambda: None, **changes):
        settings = Settings(active_jobs_table="table", sweep_interval_seconds=MOMENT, **changes)
        made.append(
            Part(runner, polled, settings, file_activities=file_activities, thread_ended=thread_ended, clock=clock)
        )
        made[-1].start()
        return made[-1]

    yield make
    for each in made:
        each.stop()
        for activity in (*each._polled, *each._file_activities()):
            activity.let_go(*[None] * 100)
        eventually(lambda each=each: not each.lives)


def sweeps(runner):
    return runner.call.calls["sweep"]


# Polling


def test_it_keeps_polling_whether_or_not_polls_bring_tasks(part, runner, gate):
    part(gate)
    task = gate.hand_out()
    for answer in (None, task, None):
        gate.wait_until_open(1)
        gate.let_go(answer)
    eventually(lambda: len(runner.observer.brought) == 3)
    assert runner.taken == [task]
    assert runner.observer.brought == [("fake", False), ("fake", True), ("fake", False)]


def test_an_activity_gets_as_many_open_polls_as_it_is_named(part, gate):
    made = part(gate, gate, gate)
    gate.wait_until_open(3)
    assert made.open_polls == 3


def test_a_poll_that_fails_is_followed_by_another(part, runner, gate):
    part(gate)
    gate.let_go(EndpointConnectionError(endpoint_url="https://states"))
    gate.let_go(client_error("ThrottlingException"))
    task = gate.hand_out()
    gate.let_go(task)
    eventually(lambda: runner.taken == [task])


def test_a_task_that_cannot_be_taken_harms_no_other(part, runner, gate, caplog):
    runner.call.before("take", ValueError("bad input"))
    part(gate)
    tasks = [gate.hand_out(), gate.hand_out()]
    gate.let_go(*tasks)
    eventually(lambda: runner.taken)
    assert "a task was not taken" in caplog.text
    assert "secret-token" not in caplog.text


def test_no_poll_is_opened_for_more_jobs_than_there_may_be(part, runner, gate):
    runner.jobs = 98
    part(gate, gate, gate, max_active_jobs=100)
    gate.wait_until_open(2)
    assert gate.most_open == 2


def test_no_poll_is_opened_before_a_sweep_has_counted_the_jobs(part, runner, gate):
    runner.call.before("sweep", client_error("InternalServerError"), times=10**6)
    part(gate)
    eventually(lambda: sweeps(runner) > 3)
    assert gate.most_open == 0


@pytest.mark.parametrize(("failures", "longest"), [(1, 1.0), (2, 2.0), (5, 16.0), (6, 30.0), (5000, 30.0)])
def test_pauses_between_polls_that_fail_grow_to_a_bound(monkeypatch, failures, longest):
    monkeypatch.undo()
    assert pause_after(failures, lambda: 1.0) == longest <= LONGEST_PAUSE
    assert pause_after(failures, lambda: 0.0) == 0
    assert 0 <= pause_after(failures) <= longest


# Sweeping


def test_there_are_sweeps_beside_open_polls(part, runner, gate):
    part(gate)
    gate.wait_until_open(1)
    before = sweeps(runner)
    eventually(lambda: sweeps(runner) > before + 2)


def test_a_sweep_that_fails_at_aws_is_followed_by_another(part, runner, gate, caplog):
    runner.call.before("sweep", client_error("InternalServerError"))
    part(gate)
    gate.wait_until_open(1)
    said = next(record for record in caplog.records if record.getMessage().startswith("a sweep failed"))
    assert "InternalServerError" in said.error
    assert said.exc_info is None  # it is not ours, and comes again and again while AWS is away


# Files that have an activity each


def test_activities_of_files_are_polled_once_each_and_looked_for_again(part, gate, clock):
    files = [Gate("arn:first")]
    part(gate, file_activities=lambda: files)
    files[0].wait_until_open(1)
    files.append(Gate("arn:second"))
    clock.now += parts.FILE_ACTIVITIES_INTERVAL
    files[1].wait_until_open(1)
    assert files[0].most_open == 1


def test_a_files_activity_that_was_deleted_is_polled_no_more_unless_it_comes_again(part, gate, clock, caplog):
    caplog.set_level("INFO")
    file = Gate("arn:file")
    made = part(gate, file_activities=lambda: [file])
    file.wait_until_open(1)
    file.let_go(client_error("ActivityDoesNotExist"))
    eventually(lambda: "a file's activity is gone" in caplog.text)
    assert made.error is None
    clock.now += parts.FILE_ACTIVITIES_INTERVAL
    file.wait_until_open(1)


def test_the_runners_own_activity_is_polled_on_even_if_it_was_deleted(part, runner, gate):
    part(gate)
    task = gate.hand_out()
    gate.let_go(client_error("ActivityDoesNotExist"))
    gate.wait_until_open(1)
    gate.let_go(task)
    eventually(lambda: runner.taken == [task])


# Its end


def test_once_stopped_it_waits_for_open_polls_and_takes_what_they_bring(part, runner, gate):
    made = part(gate, gate)
    gate.wait_until_open(2)
    made.stop()
    task = gate.hand_out()
    gate.let_go(None)
    gate.wait_until_open(1)
    assert made.lives
    gate.let_go(task)
    eventually(lambda: not made.lives)
    assert runner.taken == [task]
    assert gate.most_open == 2


def test_a_place_that_comes_free_only_after_it_was_stopped_is_not_used(part, runner, gate):
    made = part(gate)
    gate.wait_until_open(1)
    slots = made._slots
    slots.open = lambda patience, opens=slots.open: made.stop() or opens(patience)
    gate.let_go(None)
    eventually(lambda: not made.lives)
    assert slots._open == 0
    assert len(runner.observer.brought) == 1


def test_it_sweeps_until_its_last_poll_has_ended(part, runner, gate):
    made = part(gate)
    gate.wait_until_open(1)
    made.stop()
    before = sweeps(runner)
    eventually(lambda: sweeps(runner) > before + 2)


def test_a_part_without_open_polls_ends_at_once(part, runner, gate):
    runner.jobs = 1
    made = part(gate, max_active_jobs=1)
    eventually(lambda: sweeps(runner))
    made.stop()
    eventually(lambda: not made.lives)
    assert gate.most_open == 0


def test_a_part_that_is_stopped_before_its_start_never_runs(runner, gate):
    made = Part(runner, [gate], Settings(active_jobs_table="table"))
    made.stop()
    made.start()
    assert not made.lives
    assert sweeps(runner) == 0


@pytest.mark.parametrize("thread", ["poll", "sweep"])
def test_an_error_that_is_not_awss_is_the_end_of_its_thread_and_is_told(part, runner, gate, caplog, thread):
    told = threading.Event()
    if thread == "sweep":
        runner.call.before("sweep", KeyError("a mistake"))
    else:
        gate.let_go(KeyError("a mistake"))
    made = part(gate, thread_ended=told.set)
    assert told.wait(ENDED)
    assert isinstance(made.error, KeyError)
    assert "a part of the worker has died" in caplog.text
    assert made.problems() == ["fake: a thread has ended with KeyError"]


# How it is


def test_a_part_that_does_its_work_has_no_problems(part, runner, gate):
    runner.jobs = 3
    made = part(gate)
    gate.wait_until_open(1)
    assert made.problems() == []
    assert made.figures() == {"active_jobs": 3, "open_polls": 1, "seconds_since_last_good_sweep": 0.0}


def test_a_sweep_that_is_long_overdue_is_a_problem(part, runner, gate, clock):
    runner.call.before("sweep", client_error("AccessDeniedException"), times=10**6)
    made = part(gate, heartbeat_interval_seconds=60)
    clock.now += 180
    assert made.problems() == []
    clock.now += 1
    assert made.problems() == ["fake: no sweep has succeeded for 181 s, and 180 s is the bound"]


def test_polls_that_have_failed_for_long_are_a_problem_until_one_succeeds(part, gate, clock):
    gate.let_go(client_error("AccessDeniedException"))
    made = part(gate)
    gate.wait_until_open(1)
    clock.now += 121
    eventually(lambda: made.problems() == ["fake: polls have failed for 121 s, and 120 s is the bound"])
    gate.let_go(None)
    eventually(lambda: made.problems() == [])


def test_what_metrics_hold_back_is_handed_on(part, runner, gate):
    part(gate).flush()
    assert runner.observer.flushed == 1
