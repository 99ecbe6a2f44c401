"""The rules of the runner, over doubles of its activity, its service and its table."""

from __future__ import annotations

import json
import logging
import threading
from datetime import timedelta

import pytest

from runners.active_jobs import ActiveJobs
from runners.errors import StartLaterError, StartRefusedError
from runners.job import Failed, Stage, Succeeded, Unknown
from runners.observer import Observer
from runners.runner import CLAIM_FAILED, INVALID_INPUT, Runner, utc_now
from runners.services.glue import Glue
from runners.settings import Settings
from runners.task import Task
from tests.unit.conftest import ACTIVE_JOBS
from tests.unit.doubles import (
    CountingClient,
    FakeActivity,
    FakeService,
    FakeSingleton,
    Faults,
    MemoryActiveJobs,
    Run,
    active_job,
    client_error,
)
from tests.unit.services.test_glue import GlueDouble, run_of

LOST = ConnectionError("the answer got lost")


class World:
    """A runner and all that it talks to."""

    def __init__(self, clock, *, ends_at_once=False, service=FakeService, **settings):
        self.clock = clock
        self.faults = Faults()
        self.activity = FakeActivity(self.faults)
        self.service = service(self.faults, ends_at_once=ends_at_once)
        self.table = MemoryActiveJobs(self.faults)
        self.settings = Settings(active_jobs_table="active-jobs", **settings)
        self.runner = self.new_process()

    def new_process(self):
        return Runner(self.service, self.activity, self.table, self.settings, now=self.clock, sleep=self.clock.step)

    def take(self, text='{"Name": "a job"}'):
        task = self.activity.hand_out(text)
        self.runner.take(task)
        return task

    def sweep_after(self, seconds, runner=None):
        self.clock.step(seconds)
        return (runner or self.runner).sweep()

    def record(self, task):
        return self.table.records.get(task.key)

    def live_runs(self, task):
        return self.service.runs_of(task.key, "RUNNING")

    def outcome(self, task):
        return self.activity.outcomes.get(task.token)


@pytest.fixture
def world(clock):
    return World(clock)


# Taking a task


def test_a_task_becomes_a_run_and_its_record_names_it(world):
    task = world.take()
    assert world.record(task).stage is Stage.STARTED
    assert [world.record(task).run_id] == world.live_runs(task)
    assert world.record(task).request == {"Name": "a job"}


def test_an_input_may_be_a_json_string_that_contains_an_object(world):
    task = world.take(json.dumps(json.dumps({"Name": "a job", "Colour": "red"})))
    assert world.record(task).request == {"Name": "a job", "Colour": "red"}


@pytest.mark.parametrize(
    ("text", "field"),
    [("no json", "(input)"), ("[1]", "(input)"), ('"no json either"', "(input)"), ('{"Colour": "red"}', "Name")],
)
def test_bad_input_is_refused_at_once_with_a_cause_that_names_each_field_and_nothing_is_kept(world, text, field):
    task = world.take(text)
    assert world.outcome(task).error == INVALID_INPUT
    assert list(world.outcome(task).cause["Problems"]) == [field]
    assert not world.table.records
    assert not world.service.runs


def test_a_refusal_that_is_not_acknowledged_is_recorded_and_repeated_by_the_next_sweep(world):
    world.faults.before("report", LOST, times=2)
    task = world.take("no json")
    assert world.record(task).stage is Stage.REPORTING
    world.sweep_after(15)
    assert world.record(task).stage is Stage.REPORTING
    world.sweep_after(15)
    assert world.outcome(task).error == INVALID_INPUT
    assert not world.table.records
    assert not world.service.runs


def test_a_refusal_that_nobody_waits_for_leaves_nothing_behind(world):
    task = world.activity.hand_out("no json")
    world.activity.abort(task)
    world.runner.take(task)
    assert not world.table.records


def test_a_refusal_is_not_lost_to_an_exception_even_if_the_table_is_away(world):
    world.faults.before("report", LOST)
    world.faults.before("claim", LOST)
    task = world.take("no json")
    assert world.outcome(task).error == CLAIM_FAILED


def test_an_input_that_cannot_be_checked_is_refused_without_its_value(world, monkeypatch, caplog):
    monkeypatch.setattr(world.service, "validate", lambda request: 1 // 0)
    task = world.take('{"Name": "hush"}')
    assert world.outcome(task) == Failed(
        INVALID_INPUT, {"Problems": {"(input)": "could not be checked: ZeroDivisionError"}}
    )
    assert "hush" not in caplog.text


# Claiming


def test_the_same_task_taken_twice_starts_one_job(world):
    task = world.take()
    world.new_process().take(task)
    assert len(world.service.runs_of(task.key)) == 1


def test_a_task_that_cannot_be_claimed_fails_and_starts_nothing(world):
    world.faults.before("claim", client_error("ResourceNotFoundException"))
    task = world.take()
    assert world.outcome(task).error == CLAIM_FAILED
    assert "ClientError" in world.outcome(task).cause["ErrorMessage"]
    assert not world.service.runs


def test_a_claim_that_took_effect_though_it_failed_leaves_no_record(world):
    world.faults.after("claim", LOST)
    task = world.take()
    assert world.outcome(task).error == CLAIM_FAILED
    world.sweep_after(121)
    assert not world.table.records
    assert not world.service.runs


def test_a_claim_that_took_longer_than_its_lease_starts_nothing_until_a_sweep_has_the_lease(world, monkeypatch):
    claim = world.table.claim

    def slow_claim(job):
        world.clock.step(121)
        return claim(job)

    monkeypatch.setattr(world.table, "claim", slow_claim)
    task = world.take()
    assert not world.service.runs
    world.runner.sweep()
    assert len(world.live_runs(task)) == 1


# Starting


def test_a_job_that_the_service_cannot_start_yet_is_kept_alive_and_started_by_a_later_sweep(world):
    world.faults.before("start", StartLaterError("too many runs"), times=2)
    task = world.take()
    assert world.record(task).stage is Stage.CLAIMED
    world.sweep_after(31)
    assert world.record(task).stage is Stage.CLAIMED
    world.sweep_after(31)
    assert world.activity.heartbeats[task.token] == 4  # each time as one was due, and before it was tried
    assert world.record(task).stage is Stage.STARTED
    assert world.faults.calls["find"] == 0  # it was certain that nothing was started


def test_a_job_that_has_to_wait_is_not_tried_before_its_time(world):
    world.faults.before("start", StartLaterError("too many runs"))
    world.take()
    world.sweep_after(9)
    assert world.faults.calls["start"] == 1
    world.sweep_after(1)
    assert world.faults.calls["start"] == 2


def test_a_refused_start_is_reported_and_closes_the_record(world):
    world.faults.before("start", StartRefusedError("FakeError", {"ErrorMessage": "no such job"}))
    task = world.take()
    assert world.outcome(task) == Failed("FakeError", {"ErrorMessage": "no such job"})
    assert not world.table.records


def test_a_refused_start_whose_report_fails_is_recorded_and_reported_by_the_next_sweep(world):
    world.faults.before("start", StartRefusedError("FakeError", {}))
    world.faults.before("report", LOST)
    task = world.take()
    assert world.record(task).stage is Stage.REPORTING
    world.sweep_after(15)
    assert world.outcome(task) == Failed("FakeError", {})
    assert world.faults.calls["start"] == 1
    assert not world.table.records


def test_an_unclear_start_that_took_effect_is_found_after_the_lease_and_not_started_again(world):
    world.faults.after("start", LOST)
    task = world.take()
    assert world.record(task).stage is Stage.CLAIMED
    world.sweep_after(119)
    assert world.faults.calls["find"] == 0  # the lease is not over
    world.sweep_after(1)
    assert [world.record(task).run_id] == world.service.runs_of(task.key)
    assert world.faults.calls["start"] == 1


def test_an_unclear_start_that_had_no_effect_is_made_again_after_the_lease(world):
    world.faults.before("start", LOST)
    task = world.take()
    world.sweep_after(120)
    assert world.faults.calls["find"] == 1
    assert [world.record(task).run_id] == world.live_runs(task)


def test_while_a_search_fails_the_job_is_kept_alive_and_nothing_is_started(world):
    world.faults.before("start", LOST)
    world.faults.before("find", LOST)
    task = world.take()
    world.sweep_after(120)
    assert world.faults.calls["start"] == 1
    assert world.activity.heartbeats[task.token] == 1
    world.sweep_after(120)
    assert len(world.live_runs(task)) == 1


def test_a_search_that_used_up_the_lease_starts_nothing(world, monkeypatch):
    world.faults.before("start", LOST)
    task = world.take()
    monkeypatch.setattr(world.service, "find", lambda job: world.clock.step(76))
    world.sweep_after(120)
    assert not world.service.runs
    monkeypatch.undo()
    world.sweep_after(120)
    assert len(world.live_runs(task)) == 1


def test_a_process_that_died_before_it_started_anything_is_succeeded_by_another(world):
    world.faults.before("start", KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        world.take()
    task_key = next(iter(world.table.records))
    world.sweep_after(120, world.new_process())
    assert len(world.service.runs_of(task_key, "RUNNING")) == 1


def test_the_lease_of_a_living_process_is_respected(world, monkeypatch):
    other = world.new_process()
    start = world.service.start

    def start_while_another_sweeps(job):
        world.sweep_after(74, other)
        return start(job)

    monkeypatch.setattr(world.service, "start", start_while_another_sweeps)
    task = world.take()
    assert world.service.runs_of(task.key) == [world.record(task).run_id]


def test_two_processes_that_go_on_with_one_job_at_once_start_it_once(world, monkeypatch):
    world.faults.before("start", LOST)
    task = world.take()
    both_have_read = threading.Barrier(2)
    of_runner = world.table.of_runner

    def read_together(name):
        jobs = list(of_runner(name))
        both_have_read.wait(timeout=10)
        return iter(jobs)

    monkeypatch.setattr(world.table, "of_runner", read_together)
    monkeypatch.setattr(world.service, "find", lambda job: None)  # each looks before the other has started it
    world.clock.step(120)
    sweeps = [threading.Thread(target=world.new_process().sweep) for _ in range(2)]
    for sweep in sweeps:
        sweep.start()
    for sweep in sweeps:
        sweep.join(timeout=10)
    assert len(world.service.runs_of(task.key)) == 1
    assert world.record(task).stage is Stage.STARTED


def overtaken_while_starting(world, monkeypatch, others_act):
    """Take a task, and let others act on its job after its run was started and before that is recorded."""
    start = world.service.start

    def slow_start(job):
        run_id = start(job)
        monkeypatch.setattr(world.service, "start", start)
        others_act(world.table.records[job.task_key])
        return run_id

    monkeypatch.setattr(world.service, "start", slow_start)
    return world.take()


def test_a_run_that_was_started_while_its_record_was_closed_is_stopped(world, monkeypatch):
    task = overtaken_while_starting(world, monkeypatch, world.table.close)
    assert [run.state for run in world.service.runs.values()] == ["STOPPED"]
    assert world.record(task) is None


def test_a_run_that_was_started_while_its_record_was_closed_goes_on_if_abandoned_jobs_do(clock, monkeypatch):
    world = World(clock, stop_abandoned_jobs=False)
    task = overtaken_while_starting(world, monkeypatch, world.table.close)
    assert len(world.live_runs(task)) == 1


def test_a_run_whose_job_was_given_another_run_meanwhile_is_stopped(world, monkeypatch):
    def start_another(job):
        world.service.start(job)
        world.table.advance(job.started("run-1"))

    task = overtaken_while_starting(world, monkeypatch, start_another)
    assert world.service.runs["run-0"].state == "STOPPED"
    assert world.live_runs(task) == ["run-1"]
    assert world.record(task).run_id == "run-1"


def test_a_run_that_another_process_has_found_and_recorded_goes_on(world, monkeypatch):
    task = overtaken_while_starting(world, monkeypatch, lambda job: world.table.advance(job.started("run-0")))
    assert world.live_runs(task) == ["run-0"]


def test_a_late_run_is_recorded_where_none_is_so_that_whoever_has_the_lease_gives_way(world, monkeypatch):
    def lease_again(job):
        world.table.advance(job.leased(world.clock(), timedelta(seconds=120)))

    task = overtaken_while_starting(world, monkeypatch, lease_again)
    assert world.record(task).stage is Stage.STARTED
    assert world.record(task).run_id == "run-0"
    assert world.live_runs(task) == ["run-0"]


def test_a_late_run_gives_way_to_one_that_is_recorded_at_the_same_moment(world, monkeypatch):
    def record_another_at_the_last_moment(job):
        leased = job.leased(world.clock(), timedelta(seconds=120))
        world.table.advance(leased)
        read = world.table.read

        def read_and_be_overtaken(job):
            monkeypatch.setattr(world.table, "read", read)
            current = read(job)
            world.table.advance(leased.started(world.service.start(job)))
            return current

        monkeypatch.setattr(world.table, "read", read_and_be_overtaken)

    task = overtaken_while_starting(world, monkeypatch, record_another_at_the_last_moment)
    assert world.live_runs(task) == [world.record(task).run_id] == ["run-1"]


def test_a_late_run_of_a_job_that_is_about_to_be_reported_as_failed_is_stopped(world, monkeypatch):
    def refuse(job):
        world.table.advance(job.reporting(Failed("FakeError", {})))

    task = overtaken_while_starting(world, monkeypatch, refuse)
    assert not world.live_runs(task)
    world.sweep_after(15)
    assert world.outcome(task) == Failed("FakeError", {})


def test_a_job_that_may_end_at_once_is_asked_about_as_soon_as_it_is_recorded(clock):
    world = World(clock, ends_at_once=True)
    start = world.service.start

    def start_and_end(job):
        run_id = start(job)
        world.service.end(run_id)
        return run_id

    world.service.start = start_and_end
    task = world.take()
    assert world.outcome(task) == Succeeded({"RunId": "run-0"})
    assert not world.table.records


# A service with one machine, whose runs have no keys


@pytest.fixture
def one_machine(clock):
    return World(clock, service=FakeSingleton)


def test_what_was_before_a_start_is_recorded_before_it(one_machine, monkeypatch):
    seen = []
    start = one_machine.service.start
    monkeypatch.setattr(
        one_machine.service,
        "start",
        lambda job: (seen.append(one_machine.table.records[job.task_key]), start(job))[1],
    )
    one_machine.take()
    assert [(record.mark, record.singleton, record.stage) for record in seen] == [
        ({"Runs": 0}, "machine", Stage.CLAIMED)
    ]


def test_a_service_that_needs_no_mark_costs_no_write_for_one(world):
    world.take()
    assert world.faults.calls["advance"] == 1


def test_only_one_job_at_a_time_has_a_singleton_and_the_next_follows_when_it_is_reported(one_machine):
    first, second = one_machine.take(), one_machine.take()
    assert one_machine.record(second).stage is Stage.CLAIMED
    one_machine.sweep_after(31)
    assert one_machine.service.runs_of(second.key) == []
    one_machine.service.end("run-0")
    one_machine.sweep_after(31)
    one_machine.sweep_after(31)
    assert one_machine.outcome(first) == Succeeded({"RunId": "run-0"})
    assert one_machine.live_runs(second) == ["run-1"]


def test_a_job_that_the_singleton_is_too_busy_for_forgets_its_mark(one_machine):
    one_machine.service.runs["run-0"] = Run("somebody else's")
    task = one_machine.take()
    assert one_machine.faults.calls["mark"] == 1
    assert one_machine.record(task).mark is None


def test_a_start_whose_answer_got_lost_is_told_from_earlier_runs_by_its_mark(one_machine):
    one_machine.service.runs["run-0"] = Run("somebody else's", "SUCCEEDED")
    one_machine.faults.after("start", LOST)
    task = one_machine.take()
    one_machine.sweep_after(121)
    assert one_machine.record(task).run_id == "run-1"
    assert len(one_machine.service.runs) == 2


def test_a_start_that_had_no_effect_is_made_again_under_the_same_mark(one_machine):
    one_machine.faults.before("start", LOST)
    task = one_machine.take()
    one_machine.sweep_after(121)
    assert one_machine.live_runs(task) == ["run-0"]
    assert one_machine.faults.calls["mark"] == 1


def test_a_mark_that_took_longer_than_the_lease_starts_nothing(one_machine, monkeypatch):
    mark = one_machine.service.mark
    monkeypatch.setattr(one_machine.service, "mark", lambda job: (one_machine.clock.step(60), mark(job))[1])
    task = one_machine.take()
    assert one_machine.service.runs == {}
    assert one_machine.record(task).mark == {"Runs": 0}


def test_a_job_whose_record_went_on_while_it_was_marked_starts_nothing(one_machine, monkeypatch):
    mark = one_machine.service.mark

    def overtaken(job):
        one_machine.table.records[job.task_key] = job.leased(one_machine.clock(), timedelta(seconds=120))
        return mark(job)

    monkeypatch.setattr(one_machine.service, "mark", overtaken)
    one_machine.take()
    assert one_machine.service.runs == {}


def test_an_aborted_run_of_a_singleton_is_stopped_by_one_process_only(one_machine):
    task = one_machine.take()
    one_machine.activity.abort(task)
    stale = one_machine.record(task)
    one_machine.sweep_after(31)
    assert one_machine.service.runs["run-0"].state == "STOPPED"
    successor = one_machine.take()
    one_machine.new_process().check([stale])  # another process had read the record before it was closed
    assert one_machine.live_runs(successor) == ["run-1"]


def test_an_aborted_job_whose_search_used_up_its_lease_stops_nothing_it_may_have_found(one_machine, monkeypatch):
    one_machine.faults.after("start", LOST)
    task = one_machine.take()
    one_machine.activity.abort(task)
    find = one_machine.service.find
    monkeypatch.setattr(one_machine.service, "find", lambda job: (one_machine.clock.step(60), find(job))[1])
    one_machine.sweep_after(121)
    assert one_machine.live_runs(task) == ["run-0"]
    monkeypatch.setattr(one_machine.service, "find", find)
    one_machine.sweep_after(121)
    assert one_machine.live_runs(task) == []
    assert one_machine.record(task) is None


def test_a_late_run_is_recorded_with_the_mark_that_was_taken_before_it(one_machine, monkeypatch):
    def put_off(job):
        one_machine.table.advance(job.put_off(one_machine.clock()))

    task = overtaken_while_starting(one_machine, monkeypatch, put_off)
    record = one_machine.record(task)
    assert (record.stage, record.run_id, record.mark, record.singleton) == (
        Stage.STARTED,
        "run-0",
        {"Runs": 0},
        "machine",
    )


def test_a_run_of_a_singleton_that_was_recorded_too_late_stops_no_other_job_s(one_machine, monkeypatch):
    others = []

    def stop_and_go_on_with_another_job(job):
        one_machine.service.stop([job])
        one_machine.table.close(job)
        others.append(one_machine.take())

    overtaken_while_starting(one_machine, monkeypatch, stop_and_go_on_with_another_job)
    assert one_machine.live_runs(others[0]) == ["run-1"]


def test_a_search_that_used_up_the_lease_of_a_singleton_s_job_takes_no_other_job_s_run(one_machine, monkeypatch):
    one_machine.faults.before("start", LOST)
    task = one_machine.take()
    find = one_machine.service.find
    others = []

    def slow(job):
        one_machine.clock.step(121)
        one_machine.table.close(job)
        monkeypatch.setattr(one_machine.service, "find", find)
        others.append(one_machine.take())
        return find(job)

    monkeypatch.setattr(one_machine.service, "find", slow)
    one_machine.sweep_after(121)
    assert one_machine.record(task) is None
    assert one_machine.live_runs(others[0]) == ["run-0"]


def test_a_singleton_stays_with_a_job_that_another_process_is_about_to_stop(one_machine, monkeypatch):
    task, successor = one_machine.take(), one_machine.take()
    one_machine.service.end("run-0")
    report = one_machine.activity.report

    def overtaken(token, outcome):
        report(token, outcome)  # now nobody answers another process's heartbeat, so it takes the lease to stop the run
        assert one_machine.table.advance(one_machine.record(task).leased(one_machine.clock(), timedelta(seconds=120)))

    monkeypatch.setattr(one_machine.activity, "report", overtaken)
    one_machine.runner.check([one_machine.record(task)])
    monkeypatch.setattr(one_machine.activity, "report", report)
    one_machine.sweep_after(31)
    one_machine.sweep_after(31)
    assert one_machine.live_runs(successor) == []
    one_machine.sweep_after(121)  # the other process has died, and its lease is over
    one_machine.sweep_after(31)
    assert one_machine.record(task) is None
    assert one_machine.live_runs(successor) == ["run-1"]


def test_a_singleton_is_free_again_when_its_job_is_closed(one_machine):
    one_machine.take()
    one_machine.service.end("run-0")
    one_machine.sweep_after(1)
    assert one_machine.table.holders == {}


# Sweeping


def test_a_thousand_active_jobs_are_all_kept_alive_or_reported_with_one_question_to_the_service(world):
    tasks = [world.take() for _ in range(1000)]
    ended = tasks[::2]
    for task in ended:
        world.service.end(world.record(task).run_id)
    assert world.sweep_after(31) == 1000
    assert world.faults.calls["describe"] == 1
    assert all(isinstance(world.outcome(task), Succeeded) for task in ended)
    assert all(world.activity.heartbeats[task.token] == 1 for task in tasks[1::2])
    assert set(world.table.records) == {task.key for task in tasks[1::2]}


def test_a_thousand_glue_jobs_over_several_pages_of_the_table_take_few_calls(dynamodb, active_jobs, clock):
    table, glue, activity = CountingClient(dynamodb), GlueDouble(), FakeActivity(Faults())
    runner = Runner(
        Glue(glue), activity, ActiveJobs(ACTIVE_JOBS, table), Settings(active_jobs_table=ACTIVE_JOBS), now=clock
    )
    request = {"GlueJobName": "sales", "padding": "x" * 1_500}
    jobs = [active_job(number, runner="glue", request=request).started(f"jr_{number}") for number in range(1000)]
    for job in jobs:
        active_jobs.claim(job)
        activity.waiting.add(job.token)
    glue.runs["sales"] = [run_of(number, "RUNNING" if number % 10 else "SUCCEEDED") for number in range(1000)]

    assert runner.sweep() == 1000

    assert table.call.calls["query"] > 1
    assert sum(glue.call.calls.values()) == 5
    ended = {job.token for job in jobs[::10]}
    assert set(activity.outcomes) == ended
    assert set(activity.heartbeats) == {job.token for job in jobs}
    assert max(activity.heartbeats.values()) == 1
    assert len(list(active_jobs.of_runner("glue"))) == 900


def test_an_ended_run_is_reported_and_its_record_closed(world):
    good, bad = world.take(), world.take()
    world.service.end("run-0")
    world.service.end("run-1", "FAILED")
    world.sweep_after(15)
    assert world.outcome(good) == Succeeded({"RunId": "run-0"})
    assert world.outcome(bad) == Failed("FakeError", {"RunId": "run-1", "State": "FAILED"})
    assert not world.table.records


def test_the_error_of_one_job_does_not_stop_the_others(world, monkeypatch):
    tasks = [world.take() for _ in range(5)]
    heartbeat = world.activity.heartbeat

    def fails_for_one(token):
        if token == tasks[1].token:
            raise ValueError("something unheard of")
        heartbeat(token)

    monkeypatch.setattr(world.activity, "heartbeat", fails_for_one)
    world.sweep_after(31)
    assert [world.activity.heartbeats[task.token] for task in tasks] == [1, 0, 1, 1, 1]
    assert len(world.table.records) == 5


def test_a_service_that_cannot_be_asked_keeps_no_job_from_its_heartbeat(world):
    world.faults.before("start", StartLaterError("too many runs"))
    waiting, running = world.take(), world.take()
    world.faults.before("describe", KeyError("StartedOn"))
    world.sweep_after(31)
    assert world.activity.heartbeats[waiting.token] == 2  # as it was due, and before it was tried again
    assert world.activity.heartbeats[running.token] == 2  # it had to wait as well
    assert world.record(waiting).stage is Stage.STARTED


def test_heartbeats_do_not_wait_for_what_a_service_answers(world, monkeypatch):
    task = world.take()
    before = []
    monkeypatch.setattr(
        world.service, "describe", lambda jobs: before.append(world.activity.heartbeats[task.token]) or {}
    )
    world.sweep_after(31)
    assert before == [1]


def test_nothing_is_concluded_about_a_job_that_the_service_says_nothing_of(world, monkeypatch):
    task = world.take()
    monkeypatch.setattr(world.service, "describe", lambda jobs: {})
    world.sweep_after(31)
    assert world.record(task).stage is Stage.STARTED
    assert world.activity.heartbeats[task.token] == 1


def test_heartbeats_are_sent_no_more_often_than_their_interval(world):
    task = world.take()
    for _ in range(4):
        world.sweep_after(15)
    assert world.activity.heartbeats[task.token] == 2


def test_a_new_process_sends_heartbeats_at_once_if_nobody_has_swept(world):
    task = world.take()
    world.sweep_after(1, world.new_process())
    assert world.activity.heartbeats[task.token] == 1


def test_a_new_process_sends_only_those_heartbeats_that_are_due_since_the_last_sweep(world):
    tasks = [world.take() for _ in range(40)]
    world.sweep_after(60)
    sent = sum(world.activity.heartbeats.values())
    world.sweep_after(1, world.new_process())
    assert sum(world.activity.heartbeats.values()) < sent + 10
    for _ in range(3):
        world.sweep_after(15, world.new_process())
    assert all(world.activity.heartbeats[task.token] >= 2 for task in tasks)


@pytest.mark.parametrize("error", [LOST, None])
def test_a_new_process_that_cannot_trust_the_last_sweep_sends_all_heartbeats(world, error):
    task = world.take()
    world.sweep_after(60)
    if error is None:
        world.table.last_sweep = world.clock.now + timedelta(minutes=10)  # by somebody whose clock is wrong
    else:
        world.faults.before("swept_at", error)
    world.sweep_after(1, world.new_process())
    assert world.activity.heartbeats[task.token] == 2


def test_a_sweep_that_could_not_be_noted_does_its_work(world):
    world.faults.before("note_sweep", LOST)
    task = world.take()
    world.sweep_after(60)
    assert world.activity.heartbeats[task.token] == 1


def test_a_job_whose_heartbeats_fail_is_reported_all_the_same(world):
    task = world.take()
    world.service.end("run-0")
    world.faults.before("heartbeat", client_error("AccessDeniedException"), times=9)
    world.sweep_after(31)
    assert world.outcome(task) == Succeeded({"RunId": "run-0"})
    assert not world.table.records


def test_a_heartbeat_that_fails_is_sent_again_by_the_next_sweep(world):
    task = world.take()
    world.faults.before("heartbeat", LOST)
    world.sweep_after(31)
    assert world.record(task) is not None
    world.sweep_after(1)
    assert world.activity.heartbeats[task.token] == 1


def test_a_report_that_fails_is_repeated_by_the_next_sweep(world):
    task = world.take()
    world.service.end("run-0")
    world.faults.before("report", LOST)
    world.sweep_after(15)
    assert world.outcome(task) is None
    assert world.record(task) is not None
    world.sweep_after(15)
    assert world.outcome(task) == Succeeded({"RunId": "run-0"})
    assert not world.table.records


def test_an_outcome_that_nobody_waits_for_closes_the_record(world):
    task = world.take()
    world.service.end("run-0")
    world.activity.abort(task)
    world.sweep_after(15)
    assert not world.table.records
    assert not world.activity.outcomes


def test_a_report_whose_record_could_not_be_closed_is_closed_by_the_next_sweep(world):
    task = world.take()
    world.service.end("run-0")
    world.faults.before("close", LOST)
    world.sweep_after(15)
    assert world.record(task) is not None
    world.sweep_after(15)
    assert not world.table.records
    assert world.outcome(task) == Succeeded({"RunId": "run-0"})


# Executions that are no more


def test_an_aborted_execution_stops_its_run_and_closes_the_record(world):
    task = world.take()
    world.activity.abort(task)
    world.sweep_after(31)
    assert world.service.runs["run-0"].state == "STOPPED"
    assert not world.table.records


def test_a_setting_leaves_the_run_of_an_aborted_execution_running(clock):
    world = World(clock, stop_abandoned_jobs=False)
    task = world.take()
    world.activity.abort(task)
    world.sweep_after(31)
    assert world.live_runs(task) == ["run-0"]
    assert not world.table.records


def test_a_stop_that_fails_keeps_the_record_for_the_next_sweep(world):
    task = world.take()
    world.activity.abort(task)
    world.faults.before("stop", LOST)
    world.sweep_after(31)
    assert world.record(task) is not None
    world.sweep_after(1)
    assert world.service.runs["run-0"].state == "STOPPED"
    assert not world.table.records


def test_an_aborted_job_that_waits_to_start_is_never_started(world):
    world.faults.before("start", StartLaterError("too many runs"))
    task = world.take()
    world.activity.abort(task)
    world.sweep_after(31)
    assert world.faults.calls["start"] == 1
    assert world.faults.calls["find"] == 0
    assert not world.table.records


def test_an_aborted_job_whose_start_is_unclear_is_looked_for_and_stopped_when_the_lease_is_over(world):
    world.faults.after("start", LOST)
    task = world.take()
    world.activity.abort(task)
    world.sweep_after(31)
    assert world.record(task) is not None  # whoever has the lease may be starting it just now
    world.sweep_after(89)
    assert world.service.runs["run-0"].state == "STOPPED"
    assert not world.table.records


def test_an_aborted_job_that_was_never_started_is_closed_when_the_lease_is_over(world):
    world.faults.before("start", LOST)
    task = world.take()
    world.activity.abort(task)
    world.sweep_after(120)
    assert not world.table.records
    assert not world.service.runs


# Events


def test_an_event_makes_the_runner_look_at_its_run_and_no_other(world):
    first, second = world.take(), world.take()
    world.service.end("run-0")
    world.service.end("run-1")
    world.runner.on_event({"run_id": "run-0"})
    assert isinstance(world.outcome(first), Succeeded)
    assert world.outcome(second) is None


def test_an_event_is_only_a_hint_and_the_service_has_the_last_word(world):
    task = world.take()
    world.runner.on_event({"run_id": "run-0", "state": "SUCCEEDED"})
    assert world.outcome(task) is None
    assert world.record(task) is not None


@pytest.mark.parametrize("event", [{}, {"run_id": "somebody-else's"}])
def test_an_event_about_no_run_of_ours_does_nothing(world, event):
    world.take()
    world.runner.on_event(event)
    assert world.faults.calls["describe"] == 0


def test_an_event_that_comes_twice_reports_once(world):
    task = world.take()
    world.service.end("run-0")
    world.runner.on_event({"run_id": "run-0"})
    world.runner.on_event({"run_id": "run-0"})
    assert world.faults.calls["report"] == 1
    assert isinstance(world.outcome(task), Succeeded)


def test_started_jobs_are_those_with_a_run(world):
    world.faults.before("start", StartLaterError("too many runs"))
    world.take()
    running = world.take('{"Name": "another job"}')
    assert [job.task_key for job in world.runner.started_jobs()] == [running.key]


# Secrets


def test_no_token_is_in_any_log_line_whatever_goes_wrong(world, caplog):
    caplog.set_level(logging.DEBUG)
    for name in ("report", "claim", "start", "advance", "heartbeat", "describe", "stop", "find", "close"):
        world.faults.before(name, LOST)
    tasks = [world.take("no json"), *(world.take() for _ in range(4))]
    world.activity.abort(tasks[2])
    for _ in range(6):
        world.sweep_after(121)
    assert caplog.records
    shown = caplog.text + "".join(str(vars(record)) for record in caplog.records)
    assert "a job was passed over" in shown
    assert "secret-token" not in shown


def test_no_token_and_no_input_is_in_the_representation_of_a_task_or_a_job():
    shown = repr([Task(token="secret-token", input="hush"), active_job(request={"Password": "hush"})])
    assert "secret-token" not in shown
    assert "hush" not in shown


def test_the_clock_is_aware_and_in_utc():
    assert utc_now().utcoffset() == timedelta(0)


# Events and what comes early


def test_an_event_that_comes_before_its_record_is_looked_at_when_the_run_is_recorded(world, monkeypatch):
    start = world.service.start

    def quick(job):
        run_id = start(job)
        world.service.end(run_id)
        world.new_process().on_event({"run_id": run_id})
        return run_id

    monkeypatch.setattr(world.service, "start", quick)
    task = world.take()
    assert isinstance(world.outcome(task), Succeeded)
    assert not world.table.records


def test_an_event_whose_record_the_index_does_not_show_yet_is_looked_at_within_a_second(world, monkeypatch):
    task = world.take()
    run_id = world.record(task).run_id
    world.service.end(run_id)
    of_run, late = world.table.of_run, [[], []]
    monkeypatch.setattr(world.table, "of_run", lambda *key: late.pop() if late else of_run(*key))
    before = world.clock.now
    world.runner.on_event({"run_id": run_id})
    assert isinstance(world.outcome(task), Succeeded)
    assert world.clock.now - before < timedelta(seconds=1)


def test_a_run_of_somebody_else_is_parked_once(world):
    world.runner.on_event({"run_id": "not ours"})
    assert world.faults.calls["park"] == 1
    assert not world.table.records


def test_when_an_execution_is_aborted_its_jobs_are_stopped_at_once(world):
    task = world.take('{"Name": "a job", "ExecutionArn": "arn:one"}')
    other = world.take('{"Name": "a job", "ExecutionArn": "arn:two"}')
    world.activity.abort(task)
    world.runner.on_execution_ended("arn:one")
    assert not world.live_runs(task)
    assert world.record(task) is None
    assert world.live_runs(other)


def test_a_job_of_which_is_not_known_who_waits_is_seen_to_when_any_execution_is_aborted(world):
    task = world.take()
    world.activity.abort(task)
    world.runner.on_execution_ended("arn:one")
    assert world.record(task) is None


def test_many_such_jobs_are_left_to_the_next_heartbeats(world):
    for _ in range(51):
        world.take()
    world.runner.on_execution_ended("arn:one")
    assert world.faults.calls["heartbeat"] == 0


def test_an_execution_that_is_said_to_have_ended_but_still_waits_keeps_its_job(world):
    task = world.take('{"Name": "a job", "ExecutionArn": "arn:one"}')
    world.runner.on_execution_ended("arn:one")
    assert world.live_runs(task)
    assert world.record(task).stage is Stage.STARTED


# What observers are told


class Told(Observer):
    """Remembers what it was told."""

    def __init__(self):
        self.facts = []

    def __getattribute__(self, name):
        if name in {"claimed", "refused", "started", "ended", "abandoned", "put_off", "heartbeat_was_late"}:
            return lambda *values: self.facts.append(name)
        return super().__getattribute__(name)


@pytest.fixture
def told(world):
    observer = Told()
    world.runner = Runner(
        world.service,
        world.activity,
        world.table,
        world.settings,
        now=world.clock,
        sleep=world.clock.step,
        observer=observer,
    )
    return observer.facts


def test_observers_are_told_of_a_job_from_its_claim_to_its_end(world, told):
    world.faults.before("start", StartLaterError("too many runs"))
    task = world.take()
    world.sweep_after(20)
    world.service.end(world.record(task).run_id)
    world.sweep_after(50)
    assert told == ["claimed", "put_off", "started", "ended"]


def test_observers_are_told_of_refusals_late_heartbeats_and_jobs_that_nobody_waits_for(world, told):
    world.take("{}")
    task = world.take()
    world.sweep_after(100)
    world.activity.abort(task)
    world.sweep_after(100)
    assert told == ["refused", "claimed", "started", "heartbeat_was_late", "abandoned"]


def test_an_observer_that_fails_harms_no_job(world):
    class Broken(Observer):
        def started(self, job):
            raise ValueError("broken")

    world.runner = Runner(
        world.service, world.activity, world.table, world.settings, now=world.clock, observer=Broken()
    )
    assert world.record(world.take()).stage is Stage.STARTED


# Runs that the service does not know


def test_a_run_that_the_service_does_not_know_yet_runs_for_five_minutes(world, monkeypatch):
    task = world.take()
    unknown = {task.key: Unknown("FakeError", {"State": "UNKNOWN"})}
    monkeypatch.setattr(world.service, "describe", lambda jobs: unknown)
    world.sweep_after(299)
    assert world.record(task).stage is Stage.STARTED
    world.sweep_after(31)
    assert world.outcome(task).error == "FakeError"
    assert not world.table.records
