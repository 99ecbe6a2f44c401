from dataclasses import replace

import pytest

from runners.errors import StopFailedError
from runners.job import Stage
from runners.operations import interventions
from runners.operations.interventions import RELEASED, InterventionRefusedError
from runners.runner import Runner
from runners.settings import Settings
from tests.unit.doubles import FakeActivity, FakeService, FakeSingleton, Faults, MemoryActiveJobs


class World:
    """A runner with one task, and what an operator does beside it."""

    def __init__(self, clock, service=FakeService):
        self.clock, self.faults = clock, Faults()
        self.activity = FakeActivity(self.faults)
        self.service = service(self.faults)
        self.table = MemoryActiveJobs(self.faults)
        settings = Settings(active_jobs_table="active-jobs")
        self.runner = Runner(self.service, self.activity, self.table, settings, now=clock, sleep=clock.step)

    def take(self):
        task = self.activity.hand_out()
        self.runner.take(task)
        return task

    @property
    def job(self):
        (job,) = self.table.records.values()
        return job

    def stop(self):
        return interventions.stop_run(self.runner, self.table, self.job, self.clock.now)

    def release(self, job=None, **options):
        job = job or self.job
        return interventions.release(self.activity, self.table, job, RELEASED, self.clock.now, **options)

    def sweep_after(self, seconds):
        self.clock.step(seconds)
        return self.runner.sweep()


@pytest.fixture
def world(clock):
    return World(clock)


def test_a_run_that_is_stopped_fails_its_task_with_the_next_sweep(world):
    task = world.take()

    assert world.stop() == "run-0"

    assert world.service.runs["run-0"].state == "STOPPED"
    world.sweep_after(60)
    assert world.activity.outcomes[task.token].error == "FakeError"
    assert world.table.records == {}


def test_a_singleton_that_is_stopped_is_reported_without_waiting_for_a_lease(clock):
    world = World(clock, FakeSingleton)
    task = world.take()

    world.stop()

    world.sweep_after(60)
    assert world.activity.outcomes[task.token].error == "FakeError"
    assert world.table.holders == {}


def test_a_run_that_nobody_recorded_is_found_and_stopped(world):
    world.faults.after("start", ConnectionError("the answer got lost"))
    world.take()
    world.clock.step(200)

    assert world.stop() == "run-0"
    assert world.service.runs["run-0"].state == "STOPPED"


def test_a_run_that_is_only_found_by_its_token_is_stopped(world):
    world.faults.after("start", ConnectionError("the answer got lost"))
    world.take()
    world.clock.step(200)
    world.service.find = lambda job: None
    world.service.was_submitted = lambda job: True
    world.service.start = lambda job: "run-0"  # the same, as it is asked for under the same token

    assert world.stop() is None
    assert world.service.runs["run-0"].state == "STOPPED"
    assert world.job.lease_expires_at <= world.clock.now


def test_a_job_that_somebody_may_be_starting_is_neither_stopped_nor_released(world):
    world.faults.after("start", ConnectionError("the answer got lost"))
    world.take()
    before = world.job

    for act in (world.stop, world.release):
        with pytest.raises(InterventionRefusedError, match="until 2026-01-31 04:07:06 UTC"):
            act()
    assert world.job == before
    assert world.service.runs["run-0"].state == "RUNNING"


def test_a_job_without_a_run_cannot_be_stopped(world):
    world.take()
    world.table.records = {
        world.job.task_key: replace(world.job, stage=Stage.CLAIMED, run_id=None, maybe_started=False)
    }

    with pytest.raises(InterventionRefusedError, match="waits to be started"):
        world.stop()


def test_a_job_that_has_ended_cannot_be_stopped(world):
    world.take()
    world.table.records = {world.job.task_key: replace(world.job, stage=Stage.REPORTING)}

    with pytest.raises(InterventionRefusedError, match="ended already"):
        world.stop()


def test_of_two_who_stop_a_singleton_one_finds_out_that_the_other_was_quicker(clock):
    world = World(clock, FakeSingleton)
    world.take()
    stale = replace(world.job, version=world.job.version - 1)

    with pytest.raises(InterventionRefusedError, match="went on while"):
        interventions.stop_run(world.runner, world.table, stale, clock.now)
    assert world.service.runs["run-0"].state == "RUNNING"


def test_a_run_that_its_service_does_not_stop_is_told(world):
    world.take()
    world.faults.before("stop", StopFailedError("it is going on"))

    with pytest.raises(StopFailedError):
        world.stop()
    assert world.job.stage is Stage.STARTED


def test_a_released_task_fails_with_the_operators_error_and_its_run_goes_on(world):
    task = world.take()

    came = world.release()

    assert (came.task_waited, came.closed) == (True, True)
    outcome = world.activity.outcomes[task.token]
    assert outcome.error == "ReleasedByOperator"
    assert outcome.cause["RunId"] == "run-0"
    assert world.table.records == {}
    assert world.service.runs["run-0"].state == "RUNNING"


def test_a_released_job_gives_back_its_singleton(clock):
    world = World(clock, FakeSingleton)
    world.take()

    world.release()

    assert world.table.holders == {}


def test_force_releases_a_job_that_somebody_may_be_starting(world):
    world.faults.after("start", ConnectionError("the answer got lost"))
    task = world.take()

    assert world.release(force=True).closed
    assert world.activity.outcomes[task.token].error == RELEASED


def test_a_task_that_nobody_waits_for_is_released_all_the_same(world):
    task = world.take()
    world.activity.abort(task)

    came = world.release()

    assert (came.task_waited, came.closed) == (False, True)
    assert world.table.records == {}


def test_a_record_that_has_changed_is_left_alone(world):
    task = world.take()
    stale = replace(world.job, version=world.job.version - 1)

    with pytest.raises(InterventionRefusedError, match="went on while"):
        world.release(stale)
    assert task.token not in world.activity.outcomes


def test_a_release_that_is_interrupted_is_completed_by_a_sweep(world):
    task = world.take()
    world.faults.before("report", KeyboardInterrupt())

    with pytest.raises(KeyboardInterrupt):
        world.release()

    world.sweep_after(60)
    assert world.activity.outcomes[task.token].error == RELEASED
    assert world.table.records == {}
