from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import ClientError

from runners.activity import Activity
from runners.errors import RunnersError, TaskGoneError
from runners.executions import RunningExecutions
from runners.job import Failed, Succeeded
from runners.testing import Clock, NotSimulatedError, SimulatedAWS, WallClock
from runners.testing.simulated import step_functions as simulated
from tests.integration.waiting import eventually
from tests.unit.testing.modelled import Modelled


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def aws(clock):
    return SimulatedAWS(clock)


@pytest.fixture
def client(aws):
    return Modelled(aws.step_functions)


@pytest.fixture
def arn(client):
    return client.create_activity(name="Glue")["activityArn"]


@pytest.fixture
def activity(client, arn):
    return Activity(arn, "a worker", polls=client, reports=client)


def code_of(call, **parameters):
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    return caught.value.response["Error"]["Code"]


# Tasks


def test_a_poll_brings_a_task_with_its_input_once(client, activity, arn):
    execution = client.run(arn, {"GlueJobName": "sales"})
    task = activity.poll()
    assert json.loads(task.input) == {"GlueJobName": "sales"}
    assert task.token == execution.task.token
    assert execution.task.worker == "a worker"
    assert activity.poll() is None


def test_tasks_are_handed_out_in_their_order(client, activity, arn):
    tokens = [client.run(arn).task.token for _ in range(3)]
    assert [activity.poll().token for _ in range(3)] == tokens


def test_an_input_may_ask_for_the_arn_of_its_execution(client, activity, arn):
    execution = client.run(arn, {"ExecutionArn.$": "$$.Execution.Id", "GlueJobName": "sales"})
    assert json.loads(activity.poll().input) == {"ExecutionArn": execution.arn, "GlueJobName": "sales"}


def test_a_success_ends_the_execution(client, activity, arn, clock):
    execution = client.run(arn)
    task = activity.poll()
    clock.step(60)
    activity.report(task.token, Succeeded({"Rows": 1}))
    assert execution.status == "SUCCEEDED"
    assert execution.ended_at == clock()
    outcome = execution.task.outcome
    assert (outcome.kind, json.loads(outcome.output), outcome.effective) == ("succeeded", {"Rows": 1}, True)


def test_a_failure_ends_the_execution(client, activity, arn):
    execution = client.run(arn)
    activity.report(activity.poll().token, Failed("GlueJobFailedError", {"State": "FAILED"}))
    assert execution.status == "FAILED"
    outcome = execution.task.outcome
    assert (outcome.kind, outcome.error, json.loads(outcome.cause)) == (
        "failed",
        "GlueJobFailedError",
        {"State": "FAILED"},
    )


def test_a_task_takes_one_outcome(client, activity, arn):
    execution = client.run(arn)
    token = activity.poll().token
    activity.report(token, Succeeded({}))
    with pytest.raises(TaskGoneError, match="TaskTimedOut"):
        activity.report(token, Failed("Error", {}))
    with pytest.raises(TaskGoneError):
        activity.heartbeat(token)
    assert execution.task.outcome.kind == "succeeded"
    assert execution.task.reports == 2
    assert client.refused == {"send_task_failure": 1, "send_task_heartbeat": 1}


def test_a_token_that_was_never_given_out_is_invalid(client):
    for call in (client.send_task_heartbeat, client.send_task_failure):
        assert code_of(call, taskToken="no token") == "InvalidToken"
    assert code_of(client.send_task_success, taskToken="no token", output="{}") == "InvalidToken"


@pytest.mark.parametrize("output", ["no JSON", '"' + "x" * 262_144 + '"'])
def test_an_output_that_is_not_fit_is_refused_and_the_task_waits_on(client, arn, output):
    execution = client.run(arn)
    assert code_of(client.send_task_success, taskToken=execution.task.token, output=output) == "InvalidOutput"
    assert execution.task.outcome is None


@pytest.mark.parametrize("sent", [{"error": "x" * 257}, {"cause": "x" * 32_769}])
def test_a_failure_that_is_too_long_is_refused_and_the_task_waits_on(client, arn, sent):
    execution = client.run(arn)
    assert code_of(client.send_task_failure, taskToken=execution.task.token, **sent) == "ValidationException"
    assert execution.task.outcome is None


def test_an_activity_must_be_there(client, arn):
    other = arn.replace("Glue", "Athena")
    assert code_of(client.get_activity_task, activityArn=other) == "ActivityDoesNotExist"
    with pytest.raises(RunnersError, match="create_activity"):
        client.run(other)


# Time-outs


def test_a_task_without_heartbeats_times_out_by_them(client, activity, arn, clock):
    execution = client.run(arn, heartbeat_seconds=60)
    clock.step(3_600)  # its heartbeats count from when it is handed out
    token = activity.poll().token
    for _ in range(3):
        clock.step(59)
        activity.heartbeat(token)
    clock.step(59.9)
    assert execution.task in client.tasks()
    assert execution.task.outcome is None
    clock.step(0.1)
    assert client.tasks()[0].outcome.error == "States.HeartbeatTimeout"
    assert execution.status == "FAILED"
    assert execution.task.heartbeats == 3
    with pytest.raises(TaskGoneError):
        activity.heartbeat(token)


def test_a_task_times_out_whether_handed_out_or_not(client, activity, arn, clock):
    waiting, handed_out = client.run(arn, timeout_seconds=60), client.run(arn, timeout_seconds=90)
    clock.step(60)
    assert activity.poll().token == handed_out.task.token
    assert waiting.task.outcome.error == "States.Timeout"
    clock.step(30)
    with pytest.raises(TaskGoneError):
        activity.report(handed_out.task.token, Succeeded({}))
    assert not handed_out.task.outcome.effective


def test_a_task_that_times_out_is_tried_again_with_a_new_token(client, activity, arn, clock):
    execution = client.run(arn, {"GlueJobName": "sales"}, heartbeat_seconds=60, retries=1)
    first = activity.poll()
    clock.step(60)
    second = activity.poll()
    assert second.token != first.token
    assert second.input == first.input
    assert execution.status == "RUNNING"
    activity.report(second.token, Succeeded({}))
    assert [task.outcome.kind for task in execution.tasks] == ["timed_out", "succeeded"]
    assert execution.status == "SUCCEEDED"
    assert client.transitions == 2


def test_when_the_last_try_times_out_the_execution_fails(client, activity, arn, clock):
    execution = client.run(arn, timeout_seconds=60, retries=2)
    for _ in range(3):
        clock.step(60)
        assert activity.poll() is None or execution.status == "RUNNING"
    assert execution.status == "FAILED"
    assert len(execution.tasks) == 3


# Executions


def test_nobody_waits_for_a_task_whose_execution_was_aborted(client, activity, arn):
    handed_out, waiting = client.run(arn), client.run(arn)
    token = activity.poll().token
    client.abort(handed_out)
    client.stop_execution(executionArn=waiting.arn)
    assert handed_out.task.outcome.kind == waiting.task.outcome.kind == "aborted"
    with pytest.raises(TaskGoneError):
        activity.heartbeat(token)
    assert activity.poll() is None
    client.abort(handed_out)
    assert handed_out.status == "ABORTED"


def test_an_execution_may_wait_for_several_tasks(client, activity, arn):
    execution = client.run(arn)
    client.run(arn, execution=execution)
    activity.report(activity.poll().token, Succeeded({}))
    assert execution.status == "RUNNING"
    activity.report(activity.poll().token, Succeeded({}))
    assert execution.status == "SUCCEEDED"
    with pytest.raises(RunnersError, match="only a running one"):
        client.run(arn, execution=execution)


def test_one_failure_ends_the_other_tasks(client, activity, arn):
    execution = client.run(arn)
    client.run(arn, execution=execution)
    activity.report(activity.poll().token, Failed("Error", {}))
    assert [task.outcome.kind for task in execution.tasks] == ["failed", "aborted"]
    assert client.task(execution.task.token) is execution.task


def test_the_end_of_an_execution_is_told_by_an_event(aws, client, activity, arn, clock):
    execution = client.run(arn)
    client.abort(execution)
    began, ended = aws.events
    assert (began["detail"]["status"], ended["detail"]["status"]) == ("RUNNING", "ABORTED")
    assert ended["source"] == "aws.states"
    assert ended["detail-type"] == "Step Functions Execution Status Change"
    assert ended["detail"]["executionArn"] == execution.arn
    assert ended["time"] == clock().strftime("%Y-%m-%dT%H:%M:%SZ")


def test_it_can_be_seen_which_executions_run_that_use_an_activity(client, arn):
    done, running = client.run(arn, heartbeat_seconds=60), client.run(arn, heartbeat_seconds=60)
    client.run(arn, heartbeat_seconds=90)
    client.abort(done)
    machines = client.list_state_machines()["stateMachines"]
    assert len(machines) == 2
    for machine in machines:
        described = client.describe_state_machine(stateMachineArn=machine["stateMachineArn"])
        assert arn in described["definition"]
    executions = client.list_executions(stateMachineArn=done.machine)["executions"]
    assert [one["executionArn"] for one in executions] == [running.arn, done.arn]
    executions = client.list_executions(stateMachineArn=done.machine, statusFilter="RUNNING")["executions"]
    assert [one["executionArn"] for one in executions] == [running.arn]
    assert client.describe_execution(executionArn=done.arn)["status"] == "ABORTED"


def test_the_gate_of_polls_counts_the_executions_that_may_ask(client, arn):
    gate = RunningExecutions(client, arn.__eq__)
    assert gate.tasks_at_most() == 0
    executions = [client.run(arn) for _ in range(3)]
    gate = RunningExecutions(client, arn.__eq__)
    assert gate.tasks_at_most() == 3
    client.abort(executions[0])
    assert gate.tasks_at_most() == 2


def test_lists_come_in_pages(client, arn):
    for seconds in range(3):
        client.run(arn, timeout_seconds=seconds + 1)
    first = client.list_state_machines(maxResults=2)
    second = client.list_state_machines(maxResults=2, nextToken=first["nextToken"])
    assert len(first["stateMachines"]) == 2
    assert len(second["stateMachines"]) == 1
    assert "nextToken" not in second


def test_what_is_not_there_has_its_own_error(client, arn):
    machine = arn.replace("activity", "stateMachine")
    execution = arn.replace("activity", "execution")
    assert code_of(client.describe_state_machine, stateMachineArn=machine) == "StateMachineDoesNotExist"
    assert code_of(client.list_executions, stateMachineArn=machine) == "StateMachineDoesNotExist"
    assert code_of(client.start_execution, stateMachineArn=machine) == "StateMachineDoesNotExist"
    assert code_of(client.describe_execution, executionArn=execution) == "ExecutionDoesNotExist"
    assert code_of(client.stop_execution, executionArn=execution) == "ExecutionDoesNotExist"


def machine_of(client, **state):
    definition = json.dumps({"StartAt": "Job", "States": {"Job": {"Type": "Task", "End": True, **state}}})
    return client.create_state_machine(name="machine", definition=definition, roleArn=ROLE)["stateMachineArn"]


ROLE = "arn:aws:iam::123456789012:role/role"


@pytest.mark.parametrize(
    ("retry", "tries"),
    [
        ([], 1),
        ([{"ErrorEquals": ["States.Timeout"], "MaxAttempts": 2}], 3),
        ([{"ErrorEquals": ["Other"], "MaxAttempts": 9}, {"ErrorEquals": ["States.ALL"]}], 4),
    ],
)
def test_a_state_machine_of_one_task_is_run_as_it_says(client, activity, clock, retry, tries):
    machine = machine_of(client, Resource=activity.arn, HeartbeatSeconds=60, Retry=retry)
    started = client.start_execution(stateMachineArn=machine, input='{"GlueJobName": "sales"}')
    polled = 0
    while task := activity.poll():
        polled += 1
        assert task.input == '{"GlueJobName": "sales"}'
        clock.step(60)
    assert polled == tries
    assert client.describe_execution(executionArn=started["executionArn"])["status"] == "FAILED"


def test_any_other_state_machine_is_refused_loudly(client):
    machine = machine_of(client, Resource="arn:aws:states:::glue:startJobRun.sync")
    with pytest.raises(NotSimulatedError, match="nothing but a task"):
        client.start_execution(stateMachineArn=machine)


# On the real time


@pytest.fixture
def real():
    aws = SimulatedAWS(WallClock())
    aws.step_functions.create_activity(name="Glue")
    yield aws
    aws.step_functions.close()


def test_an_open_poll_is_woken_by_a_task(real, arn):
    client = real.step_functions
    with ThreadPoolExecutor() as pool:
        polls = [pool.submit(client.get_activity_task, activityArn=arn) for _ in range(2)]
        eventually(lambda: client.calls["get_activity_task"] == 2)
        tokens = {client.run(arn).task.token for _ in range(2)}
        assert {poll.result()["taskToken"] for poll in polls} == tokens


def test_a_poll_ends_empty_after_its_minute(real, arn, monkeypatch):
    monkeypatch.setattr(simulated, "POLL_SECONDS", 0.01)
    assert "taskToken" not in real.step_functions.get_activity_task(activityArn=arn)


def test_a_task_that_times_out_while_polls_are_open_is_handed_out_again(real, arn):
    client = real.step_functions
    execution = client.run(arn, heartbeat_seconds=0.01, retries=1)
    client.get_activity_task(activityArn=arn)
    assert client.get_activity_task(activityArn=arn)["taskToken"] == execution.tasks[1].token


def test_an_activity_has_so_many_open_polls_at_most(real, arn, monkeypatch):
    monkeypatch.setattr(simulated, "MAX_POLLERS", 1)
    client = real.step_functions
    with ThreadPoolExecutor() as pool:
        poll = pool.submit(client.get_activity_task, activityArn=arn)
        eventually(lambda: client.calls["get_activity_task"] == 1)
        assert code_of(client.get_activity_task, activityArn=arn) == "ActivityWorkerLimitExceeded"
        client.close()
        assert "taskToken" not in poll.result()
    assert "taskToken" not in client.get_activity_task(activityArn=arn)
