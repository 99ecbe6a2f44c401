from __future__ import annotations

import builtins
import json
from datetime import timedelta

import boto3
import pytest

from runners.completions import Completions, CompletionStatus
from runners.errors import ConfigurationError, InvalidInputError, StartLaterError
from runners.job import Failed, Running, Succeeded
from runners.services import step
from runners.services.step import LOST, SILENCE, SILENCE_WHILE_PUBLISHING, SPAWNED, STOPPED, StepProcesses
from runners.steps import catalog
from runners.steps.errors import StepFailed
from tests.unit.completions_table import TABLE, create_table
from tests.unit.doubles import CountingClient, active_job, client_error

PARAMETERS = {"FunctionName": "loader"}
EXECUTION = "arn:aws:states:us-east-1:123456789012:execution:nightly:1"
MOMENT = timedelta(seconds=1)


class Process:
    """A process of a step, which does nothing by itself."""

    def __init__(self, request):
        self.told = json.load(request)
        self.exit_status = None
        self.terminated = False

    def poll(self):
        return self.exit_status

    def terminate(self):
        self.terminated = True


class Machine:
    """The machine of a worker, on which processes are started."""

    def __init__(self):
        self.processes = []
        self.is_full = False

    def spawn(self, request):
        if self.is_full:
            raise OSError(11, "Resource temporarily unavailable")
        self.processes.append(Process(request))
        return self.processes[-1]


@pytest.fixture
def machine():
    return Machine()


@pytest.fixture
def dynamodb(aws):
    client = boto3.client("dynamodb")
    create_table(client)
    return CountingClient(client)


@pytest.fixture
def service(dynamodb, machine, clock):
    return StepProcesses(dynamodb, TABLE, 2, spawn=machine.spawn, now=clock)


@pytest.fixture
def completions(dynamodb, clock):
    """What the processes do."""
    return Completions(TABLE, dynamodb._client, now=clock)


def job_of(number=0, **request):
    return active_job(number, runner="step", request={"StepType": "CallLambda", "Parameters": PARAMETERS} | request)


def started(clock, number=0):
    job = job_of(number)
    return job.started(job.task_key, clock())


KEY = job_of().task_key


# Requests


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"StepId": "eu", "StateMachine": "nightly", "ExecutionId": EXECUTION},
        {"ExecutionDate": "2026-01-31T04:05:06Z", "Outputs": {"rows": 1}},
    ],
)
def test_an_input_is_taken_as_the_lambda_function_of_steps_takes_it(service, more):
    service.validate({"StepType": "CallLambda", "Parameters": PARAMETERS, **more})


@pytest.mark.parametrize(
    ("request_", "field", "problem"),
    [
        ({}, "StepType", "Field required"),
        ({"StepType": "CallLambda", "Parameter": {}}, "Parameter", "did you mean Parameters?"),
        ({"StepType": "CallLamda"}, "StepType", "did you mean CallLambda?"),
        ({"StepType": "CallLambda", "Parameters": {}}, "Parameters.FunctionName", "Field required"),
        (
            {"StepType": "CallLambda", "Parameters": {**PARAMETERS, "Functionname": "hush"}},
            "Parameters.Functionname",
            "did you mean FunctionName?",
        ),
    ],
)
def test_an_input_that_is_wrong_is_refused_by_the_name_of_the_field(service, request_, field, problem):
    with pytest.raises(InvalidInputError) as caught:
        service.validate(request_)
    assert problem in caught.value.problems[field]
    assert "hush" not in str(caught.value)


def test_a_worker_without_the_extra_says_what_to_install(service, monkeypatch):
    imported = builtins.__import__

    def without_pyarrow(name, *more, **others):
        if name == "runners.steps.request":
            raise ModuleNotFoundError("No module named 'pyarrow'", name="pyarrow")
        return imported(name, *more, **others)

    monkeypatch.setattr(builtins, "__import__", without_pyarrow)
    with pytest.raises(ConfigurationError, match=r"pyarrow.*etl-runners\[steps\]"):
        service.validate({"StepType": "CallLambda", "Parameters": PARAMETERS})


def test_a_step_type_that_cannot_be_imported_says_so_itself(service, monkeypatch):
    def cannot_be_imported(name):
        raise StepFailed(f"{name} cannot be imported")

    monkeypatch.setattr(catalog, "find", cannot_be_imported)
    service.validate({"StepType": "Theirs"})


def test_a_table_must_be_named(dynamodb):
    with pytest.raises(ConfigurationError, match="RUNNERS_COMPLETIONS_TABLE"):
        StepProcesses(dynamodb, "", 1)


# Starting


def test_a_process_is_told_what_to_do_on_its_standard_input(service, machine):
    job = job_of(StepId="eu")
    assert service.start(job) == job.task_key
    (process,) = machine.processes
    assert process.told == {"key": job.task_key, "request": job.request}


def test_the_execution_that_waits_goes_along(service, machine):
    service.start(active_job(runner="step", request={"StepType": "CallLambda"}, execution=EXECUTION))
    assert machine.processes[0].told["request"] == {"StepType": "CallLambda", "ExecutionId": EXECUTION}


def test_no_more_processes_run_than_may_and_one_that_ended_makes_room(service, machine):
    service.start(job_of(0))
    service.start(job_of(1))
    with pytest.raises(StartLaterError, match="as many as may"):
        service.start(job_of(2))
    machine.processes[0].exit_status = 0
    service.start(job_of(2))
    assert len(machine.processes) == 3


def test_a_stopped_process_takes_room_until_it_has_ended(service, machine):
    service.start(job_of(0))
    service.start(job_of(1))
    service.stop([job_of(0)])
    with pytest.raises(StartLaterError):
        service.start(job_of(2))
    machine.processes[0].exit_status = -15
    service.start(job_of(2))


def test_a_machine_without_room_for_a_process_makes_the_step_wait(service, machine):
    machine.is_full = True
    with pytest.raises(StartLaterError, match="Resource temporarily unavailable"):
        service.start(job_of())


def test_a_process_that_has_begun_is_found_and_one_that_has_not_may_be_started_again(service, completions):
    assert service.find(job_of()) is None
    completions.begin(KEY)
    assert service.find(job_of()) == KEY


# How it goes on


def test_a_process_that_has_not_begun_is_running_for_a_while(service, clock):
    assert service.describe([started(clock)]) == {KEY: Running(SPAWNED)}


def test_a_step_runs_as_long_as_it_beats(service, completions, clock):
    job = started(clock)
    completions.begin(KEY)
    for _ in range(5):
        clock.step(SILENCE.total_seconds())
        assert completions.beat(KEY, rows=1000, bytes=8000) is True
        assert service.describe([job]) == {KEY: Running("BEGUN")}


def test_a_step_s_output_is_that_of_the_lambda_function_and_what_is_known_of_the_process(service, completions, clock):
    job = started(clock)
    completions.begin(KEY)
    begun_at = clock()
    clock.step(90)
    completions.succeed(KEY, {"success": True, "message": "done", "result": {"rows": 3}, "metrics": {"rows": 3}})
    assert service.describe([job])[KEY] == Succeeded(
        {
            "success": True,
            "message": "done",
            "result": {"rows": 3},
            "metrics": {"rows": 3},
            "StepType": "CallLambda",
            "CompletionKey": KEY,
            "Status": "SUCCEEDED",
            "BegunAt": begun_at.isoformat(),
            "EndedAt": clock().isoformat(),
            "DurationSeconds": 90.0,
        }
    )


def test_a_step_fails_by_the_name_of_its_own_error(service, completions, clock):
    completions.begin(KEY)
    completions.fail(KEY, "SourceUnavailable", {"error": "SourceUnavailable", "message": "away", "transient": True})
    failed = service.describe([started(clock)])[KEY]
    assert failed.error == "SourceUnavailable"
    assert failed.cause["message"] == "away"
    assert failed.cause["StepType"] == "CallLambda"


def test_many_steps_are_asked_for_a_hundred_at_a_time(service, dynamodb, clock):
    assert len(service.describe([started(clock, number) for number in range(250)])) == 250
    assert dynamodb.call.calls["batch_get_item"] == 3


def test_nothing_is_concluded_when_the_table_does_not_answer(service, dynamodb, clock):
    job = started(clock)
    clock.step((SILENCE + MOMENT).total_seconds())
    dynamodb.call.before("batch_get_item", client_error("AccessDeniedException"))
    assert service.describe([job]) == {}


# A step that is lost


def lost(service, job):
    status = service.describe([job])[job.task_key]
    assert isinstance(status, Failed)
    assert status.error == LOST
    return status.cause["ErrorMessage"]


def test_a_process_that_never_begins_is_given_up_and_cannot_begin_any_more(service, completions, clock):
    job = started(clock)
    clock.step((SILENCE + MOMENT).total_seconds())
    assert "nothing was heard of its process for more than 90 seconds" in lost(service, job)
    assert completions.begin(KEY) is False


def test_a_step_that_stops_beating_is_given_up_and_publishes_nothing_any_more(service, completions, clock):
    job = started(clock)
    completions.begin(KEY)
    completions.beat(KEY, rows=1)
    clock.step((SILENCE + MOMENT).total_seconds())
    assert "nothing was heard" in lost(service, job)
    assert completions.finish(KEY) is False
    assert completions.beat(KEY, rows=2) is False
    completions.succeed(KEY, {})
    assert service.describe([job])[KEY].error == LOST


def test_a_step_that_begins_and_never_beats_is_given_up(service, completions, clock):
    job = started(clock)
    completions.begin(KEY)
    clock.step((SILENCE + MOMENT).total_seconds())
    lost(service, job)
    assert completions.finish(KEY) is False


def test_a_step_that_publishes_is_given_more_time(service, completions, clock):
    job = started(clock)
    completions.begin(KEY)
    completions.finish(KEY)
    clock.step((SILENCE + MOMENT).total_seconds())
    assert service.describe([job]) == {KEY: Running("BEGUN")}
    clock.step(SILENCE_WHILE_PUBLISHING.total_seconds())
    assert "600 seconds" in lost(service, job)


@pytest.mark.parametrize(
    "says",
    [
        lambda completions: completions.beat(KEY, rows=1),
        lambda completions: completions.finish(KEY),
        lambda completions: completions.succeed(KEY, {}),
    ],
    ids=["a beat", "that it publishes", "a report"],
)
@pytest.mark.parametrize("has_beaten", [True, False])
def test_a_step_that_is_heard_of_while_it_is_given_up_is_not(
    service, completions, dynamodb, clock, *, says, has_beaten
):
    job = started(clock)
    completions.begin(KEY)
    if has_beaten:
        completions.beat(KEY, rows=0)
    clock.step((SILENCE + MOMENT).total_seconds())
    read = dynamodb._client.batch_get_item

    def read_and_then(**call):
        answer = read(**call)
        says(completions)
        return answer

    dynamodb._client.batch_get_item = read_and_then
    assert service.describe([job]) == {KEY: Running("BEGUN")}


def test_a_process_that_begins_while_it_is_given_up_is_not(service, completions, dynamodb, clock):
    job = started(clock)
    clock.step((SILENCE + MOMENT).total_seconds())
    read = dynamodb._client.batch_get_item
    dynamodb._client.batch_get_item = lambda **call: (read(**call), completions.begin(KEY))[0]
    assert service.describe([job]) == {KEY: Running(SPAWNED)}


@pytest.mark.parametrize(("exit_status", "said"), [(-9, "killed by signal 9"), (1, "with exit status 1")])
def test_a_process_that_ended_without_a_report_is_lost_at_once(
    service, completions, machine, clock, *, exit_status, said
):
    job = started(clock)
    service.start(job)
    completions.begin(KEY)
    machine.processes[0].exit_status = exit_status
    assert said in lost(service, job)


def test_a_second_process_that_found_the_job_begun_says_nothing_of_the_first(service, completions, machine, clock):
    job = started(clock)
    service.start(job)
    completions.begin(KEY)
    machine.processes[0].exit_status = 0
    assert service.describe([job]) == {KEY: Running("BEGUN")}


def test_a_first_process_counts_beside_a_second_one_for_the_same_task(service, machine, clock):
    for number in (0, 0):
        service.start(started(clock, number))
    with pytest.raises(StartLaterError, match="2 steps run in this worker"):
        service.start(started(clock, 1))


def test_giving_up_that_fails_for_another_reason_concludes_nothing(service, dynamodb, clock):
    job = started(clock)
    clock.step((SILENCE + MOMENT).total_seconds())
    dynamodb.call.before("update_item", client_error("AccessDeniedException"))
    assert service.describe([job]) == {}


# Stopping


def test_a_step_that_has_not_begun_never_will_once_it_is_stopped(service, completions, clock):
    service.stop([started(clock)])
    assert completions.begin(KEY) is False
    assert service.describe([started(clock)])[KEY].error == STOPPED


def test_a_step_of_this_worker_is_told_to_end(service, completions, machine, clock):
    job = started(clock)
    service.start(job)
    completions.begin(KEY)
    service.stop([job])
    assert machine.processes[0].terminated
    assert service.describe([job])[KEY].error == STOPPED


def test_a_step_of_another_machine_hears_of_it_at_its_next_beat(service, completions, clock):
    completions.begin(KEY)
    service.stop([started(clock)])
    assert completions.beat(KEY, rows=1) is False
    assert completions.finish(KEY) is False


def test_a_step_that_publishes_is_not_stopped_any_more(service, completions, machine, clock):
    job = started(clock)
    service.start(job)
    completions.begin(KEY)
    completions.finish(KEY)
    service.stop([job])
    assert not machine.processes[0].terminated
    completions.succeed(KEY, {"success": True})
    assert isinstance(service.describe([job])[KEY], Succeeded)


def test_stopping_a_step_that_has_ended_is_no_error(service, completions, machine, clock):
    job = started(clock)
    service.start(job)
    machine.processes[0].exit_status = 0
    completions.begin(KEY)
    completions.succeed(KEY, {"success": True})
    service.stop([job, job])
    assert not machine.processes[0].terminated


@pytest.mark.parametrize("call", ["put_item", "update_item"])
def test_a_stop_that_is_refused_is_worth_another_try(service, completions, dynamodb, clock, call):
    completions.begin(KEY)
    dynamodb.call.before(call, client_error("AccessDeniedException"))
    with pytest.raises(Exception, match="AccessDenied"):
        service.stop([started(clock)])


def test_no_event_speaks_of_a_step(service):
    assert service.run_of_event({"source": "etl.runners", "detail": {"completionKey": KEY}}) is None


def test_every_status_of_a_record_is_decided():
    assert set(CompletionStatus) == step.RUNNING_STATES | step.SUCCEEDED_STATES | step.FAILED_STATES
