"""Which jobs the runner lets start when not all of them may, and how fast."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from runners.active_jobs import ActiveJobs
from runners.errors import InvalidInputError, StartLaterError
from runners.job import Stage, Succeeded
from runners.pace import FIRST_GUESS
from runners.runner import INVALID_INPUT, PATIENCE, Runner
from runners.settings import Settings
from tests.unit.conftest import ACTIVE_JOBS
from tests.unit.doubles import FakeActivity, FakeService, Faults, MemoryActiveJobs

TOO_FAST = StartLaterError("too many requests", throttled=True)
TOO_MANY = StartLaterError("too many runs")


class World:
    """A runner with limits, and all that it talks to."""

    def __init__(self, clock, table=None, **settings):
        self.clock = clock
        self.faults = Faults()
        self.activity = FakeActivity(self.faults)
        self.service = FakeService(self.faults)
        self.table = table or MemoryActiveJobs(self.faults)
        self.settings = Settings(active_jobs_table="active-jobs", **settings)
        self.runner = self.new_process()
        self.taken = []

    def new_process(self):
        return Runner(self.service, self.activity, self.table, self.settings, now=self.clock, sleep=self.clock.step)

    def take(self, name="a job", runner=None, **request):
        task = self.activity.hand_out(json.dumps({"Name": name} | request))
        self.clock.step(0.001)
        (runner or self.runner).take(task)
        self.taken.append(task)
        return task

    def sweep_after(self, seconds, runner=None):
        self.clock.step(seconds)
        (runner or self.runner).sweep()

    def running(self):
        """The numbers of the tasks whose jobs run, in the order of their start."""
        keys = [task.key for task in self.taken]
        return [keys.index(run.task_key) for run in self.service.runs.values() if run.state == "RUNNING"]

    def end(self, task):
        self.service.end(self.service.runs_of(task.key)[0])

    def record(self, task):
        return self.table.records[task.key]


@pytest.fixture
def one_at_a_time(clock):
    return World(clock, max_running_jobs=1)


def test_a_job_over_the_limit_waits_claimed_and_follows_when_there_is_room(one_at_a_time):
    world = one_at_a_time
    first, second = world.take(), world.take()
    assert world.running() == [0]
    assert world.record(second).stage is Stage.CLAIMED
    world.end(first)
    world.sweep_after(15)
    assert isinstance(world.activity.outcomes[first.token], Succeeded)
    assert world.running() == [1]


def test_a_job_that_waits_is_kept_alive_and_costs_no_write(one_at_a_time):
    world = one_at_a_time
    world.take()
    second = world.take()
    before = world.record(second)
    for _ in range(20):
        world.sweep_after(30)
    assert world.activity.heartbeats[second.token] >= 19
    assert world.record(second) == before


def test_a_job_that_waits_for_an_execution_that_was_aborted_is_never_started(one_at_a_time):
    world = one_at_a_time
    first, second = world.take(), world.take()
    world.activity.abort(second)
    world.sweep_after(31)
    world.end(first)
    world.sweep_after(31)
    assert not world.table.records
    assert len(world.service.runs) == 1


def test_a_job_that_waited_is_started_only_if_its_task_is_waited_for_still(one_at_a_time):
    world = one_at_a_time
    first, second = world.take(), world.take()
    world.activity.abort(second)
    world.end(first)
    world.sweep_after(1)  # no heartbeat is due
    assert not world.table.records
    assert len(world.service.runs) == 1


def test_the_higher_priority_starts_first(one_at_a_time):
    world = one_at_a_time
    first = world.take()
    world.take()
    world.take(Priority=5)
    world.end(first)
    world.sweep_after(15)
    assert world.running() == [2]


def test_neither_priority_nor_execution_is_given_to_the_service(one_at_a_time):
    task = one_at_a_time.take(Priority=5, ExecutionArn="arn:execution")
    record = one_at_a_time.record(task)
    assert (record.priority, record.execution) == (5, "arn:execution")
    assert record.request == {"Name": "a job"}


@pytest.mark.parametrize(
    ("field", "value"),
    [("Priority", "high"), ("Priority", 1001), ("Priority", True), ("Priority", 0.5), ("ExecutionArn", 7)],
)
def test_a_priority_or_an_execution_that_is_none_is_refused_by_name(one_at_a_time, field, value):
    task = one_at_a_time.take(**{field: value})
    outcome = one_at_a_time.activity.outcomes[task.token]
    assert outcome.error == INVALID_INPUT
    assert list(outcome.cause["Problems"]) == [field]


def test_a_name_that_has_its_limit_holds_back_no_other(clock):
    world = World(clock, max_running_by_name={"sales": 1})
    world.take("sales")
    world.take("sales")
    world.take("join")
    assert world.running() == [0, 2]


def test_jobs_run_together_as_far_as_their_dpu_go(clock):
    world = World(clock, max_dpu=10)
    first = world.take(Dpu=6)
    world.take(Dpu=6)
    world.take(Dpu=1)  # fits, but would make the one before wait for ever
    assert world.running() == [0]
    world.end(first)
    world.sweep_after(15)
    assert world.running() == [1, 2]


def test_a_job_that_waits_for_more_dpu_than_a_lowered_limit_holds_back_nobody_and_fails(clock):
    before = World(clock, max_dpu=10)
    before.take(Dpu=10)
    large, small = before.take(Dpu=8), before.take(Dpu=2)
    before.end(before.taken[0])
    lowered = Settings(active_jobs_table="active-jobs", max_dpu=5)
    runner = Runner(before.service, before.activity, before.table, lowered, now=clock, sleep=clock.step)
    before.sweep_after(31, runner)
    assert before.activity.outcomes[large.token].error == INVALID_INPUT
    assert before.record(small).stage is Stage.STARTED


def test_a_job_that_needs_more_dpu_than_there_are_is_refused(clock):
    world = World(clock, max_dpu=10)
    task = world.take(Dpu=11)
    assert world.activity.outcomes[task.token].error == INVALID_INPUT
    assert not world.table.records


def test_who_has_read_the_jobs_before_another_process_let_one_start_lets_none_start(one_at_a_time, monkeypatch):
    world, other = one_at_a_time, one_at_a_time.new_process()
    read, overtaken = world.table.of_runner, []

    def read_and_overtaken(runner):
        jobs = list(read(runner))
        if not overtaken:
            overtaken.append(1)
            world.take(runner=other, Priority=5)
        return iter(jobs)

    monkeypatch.setattr(world.table, "of_runner", read_and_overtaken)
    world.take()
    assert world.running() == [0]  # the other's, which was taken first in the end
    assert len(world.service.runs) == 1


def test_a_job_does_not_pass_by_one_that_waits_for_the_pace(clock):
    world = World(clock, starts_per_second=0.1)
    world.take()
    world.take()
    assert world.running() == [0]
    clock.step(10)
    world.take()
    assert world.running() == [0, 1]


def test_two_processes_together_keep_to_the_limit(dynamodb, active_jobs, clock):
    world = World(clock, ActiveJobs(ACTIVE_JOBS, dynamodb), max_running_jobs=3)
    processes = [world.new_process(), world.new_process()]
    for number in range(8):
        world.take(runner=processes[number % 2])
    assert world.running() == [0, 1, 2]


def test_who_admits_by_an_old_look_at_the_table_is_refused_and_looks_again(clock, monkeypatch):
    world = World(clock, max_running_jobs=1)
    other, admit = world.new_process(), world.table.admit
    late = []

    def overtaken(jobs, admissions):
        if not late:
            late.append("under way")
            late.append(world.take("urgent", other, Priority=9))
        return admit(jobs, admissions)

    monkeypatch.setattr(world.table, "admit", overtaken)
    world.take()
    assert len(world.running()) == 1
    assert world.service.runs_of(late[1].key), late


def test_when_an_event_ends_a_job_the_next_starts_at_once(one_at_a_time):
    world = one_at_a_time
    first = world.take()
    world.take()
    world.end(first)
    world.runner.on_event({"run_id": world.record(first).run_id})
    assert world.running() == [1]


def test_a_table_that_is_away_while_jobs_are_admitted_delays_them_to_the_next_sweep(one_at_a_time):
    world = one_at_a_time
    world.faults.before("admissions", ConnectionError("away"))
    world.take()
    assert world.running() == []
    world.sweep_after(15)
    assert world.running() == [0]


# Services that are too busy


def test_a_name_that_the_service_is_too_busy_for_is_tried_by_one_job_at_a_time(clock):
    world = World(clock)
    world.faults.before("start", TOO_MANY)
    for _ in range(10):
        world.take()
    assert world.faults.calls["start"] == 1
    world.take("another job")
    assert world.running() == [10]
    world.faults.before("start", TOO_MANY)
    world.sweep_after(15)
    assert world.running() == [10]
    world.sweep_after(15)
    assert len(world.running()) == 11


def test_a_job_that_ends_makes_room_for_the_next_of_its_name(clock):
    world = World(clock, retry_start_seconds=3600)
    first = world.take()
    world.faults.before("start", TOO_MANY)
    world.take()
    third = world.take()
    world.end(first)
    world.sweep_after(15)
    assert world.running() == [world.taken.index(third)]


def test_a_service_that_is_asked_too_often_is_asked_less_and_then_more_again(clock):
    world = World(clock, starts_per_second=8)
    world.faults.before("start", TOO_FAST)
    world.take()
    assert world.runner._pace.per_second == 4
    for _ in range(40):
        world.take()
        world.sweep_after(15)
    assert len(world.running()) == 41
    assert world.runner._pace.per_second == 8


def test_a_service_of_unknown_quota_finds_its_pace(clock):
    world = World(clock)
    world.faults.before("start", TOO_FAST)
    world.take()
    assert world.runner._pace.per_second == FIRST_GUESS


def test_no_more_jobs_start_in_a_second_than_the_config_says(clock):
    world = World(clock, starts_per_second=2)
    before = clock.now
    for _ in range(11):
        world.take()
    assert clock.now - before >= timedelta(seconds=5)
    assert len(world.running()) == 11


def test_a_task_that_the_pace_would_keep_waiting_too_long_is_claimed_and_waits(clock):
    world = World(clock, starts_per_second=0.1)
    world.take()
    before = clock.now
    second = world.take()
    assert clock.now - before < PATIENCE
    assert world.record(second).stage is Stage.CLAIMED
    world.sweep_after(15)
    assert world.running() == [0, 1]


def test_while_the_limit_is_reached_a_task_that_comes_costs_no_look_at_the_others(clock):
    world = World(clock, max_running_jobs=2)
    for _ in range(3):
        world.take()
    looks = world.faults.calls["of_runner"]
    for _ in range(20):
        world.take()
    assert world.faults.calls["of_runner"] == looks
    world.end(world.taken[0])
    world.sweep_after(15)
    assert len(world.running()) == 2


def test_a_job_whose_request_the_service_s_rules_refuse_by_now_fails(clock, monkeypatch):
    world = World(clock)

    def stricter(job):
        raise InvalidInputError({"Name": "too short"})

    monkeypatch.setattr(world.service, "start", stricter)
    task = world.take()
    assert world.activity.outcomes[task.token].error == INVALID_INPUT
    assert not world.table.records
