from __future__ import annotations

import itertools
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from runners.local.step_functions import activity_tasks
from tests.integration.waiting import eventually, in_background

if TYPE_CHECKING:
    from runners.local.server import EmbeddedAWS

ROLE = "arn:aws:iam::123456789012:role/role"
ENDS = {"ExecutionSucceeded", "ExecutionFailed", "ExecutionAborted", "ExecutionTimedOut"}


class StepFunctions:
    """What a test does with Step Functions: activities by name, state machines from a few states, executions."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self._names = itertools.count(1)

    def activity(self, name: str = "activity") -> str:
        return str(self.client.create_activity(name=name)["activityArn"])

    def state_machine(self, start_at: str, /, **more: Any) -> str:
        states = more.pop("states")
        definition = json.dumps({"StartAt": start_at, "States": states, **more})
        created = self.client.create_state_machine(
            name=f"machine-{next(self._names)}", definition=definition, roleArn=ROLE
        )
        return str(created["stateMachineArn"])

    def start(self, machine: str, /, **values: Any) -> str:
        started = self.client.start_execution(stateMachineArn=machine, input=json.dumps(values))
        return str(started["executionArn"])

    def run_task(self, **task: Any) -> str:
        """Start an execution of one state that is a task of the activity."""
        state = {"Type": "Task", "Resource": self.activity(), "End": True, **task}
        return self.start(self.state_machine("Task", states={"Task": state, "Caught": {"Type": "Succeed"}}))

    def poll(self, name: str = "activity", worker: str | None = None) -> Any:
        named = {"workerName": worker} if worker else {}
        return self.client.get_activity_task(activityArn=self.activity(name), **named)

    def take(self, name: str = "activity", worker: str | None = None) -> str:
        """Poll until there is a task, and answer its token."""
        return str(eventually(lambda: self.poll(name, worker).get("taskToken")))

    def status(self, execution: str) -> str:
        return str(self.client.describe_execution(executionArn=execution)["status"])

    def end_of(self, execution: str) -> Any:
        eventually(lambda: self.status(execution) != "RUNNING")
        return self.client.describe_execution(executionArn=execution)

    def events(self, execution: str, **more: Any) -> list[Any]:
        return list(self.client.get_execution_history(executionArn=execution, **more)["events"])

    def types(self, execution: str) -> list[str]:
        return [event["type"] for event in self.events(execution)]


@pytest.fixture
def sfn(embedded_aws: EmbeddedAWS) -> StepFunctions:
    return StepFunctions(embedded_aws.client("stepfunctions"))


# Polls


def test_a_poll_that_finds_no_task_answers_empty_after_its_wait(sfn: StepFunctions) -> None:
    answer = sfn.poll()
    assert not answer.get("taskToken")
    assert not answer.get("input")


def test_a_poll_that_waits_gets_the_task_as_soon_as_it_is_there(sfn: StepFunctions) -> None:
    waiting = in_background(sfn.poll)
    machine = sfn.state_machine("T", states={"T": {"Type": "Task", "Resource": sfn.activity(), "End": True}})
    execution = sfn.start(machine, number=1)
    task = waiting()
    assert json.loads(task["input"]) == {"number": 1}
    sfn.client.send_task_success(taskToken=task["taskToken"], output='{"answer": 42}')
    ended = sfn.end_of(execution)
    assert ended["status"] == "SUCCEEDED"
    assert json.loads(ended["output"]) == {"answer": 42}
    assert ended["stopDate"] >= ended["startDate"]


def test_a_task_is_handed_out_once(sfn: StepFunctions) -> None:
    polls = [in_background(sfn.poll) for _ in range(4)]
    sfn.run_task()
    tokens = [token for answer in (poll() for poll in polls) if (token := answer.get("taskToken"))]
    assert len(tokens) == 1


def test_tasks_are_handed_out_in_the_order_of_their_arrival(sfn: StepFunctions) -> None:
    executions = []
    for number in range(3):
        executions.append(sfn.run_task(Parameters={"number": number}))
        eventually(lambda: "ActivityScheduled" in sfn.types(executions[-1]))
    assert [json.loads(sfn.poll()["input"])["number"] for _ in range(3)] == [0, 1, 2]


def test_the_history_names_the_worker(sfn: StepFunctions) -> None:
    execution = sfn.run_task()
    sfn.take(worker="worker-1")
    (started,) = eventually(lambda: [e for e in sfn.events(execution) if e["type"] == "ActivityStarted"])
    assert started["activityStartedEventDetails"] == {"workerName": "worker-1"}


def test_a_poll_of_an_unknown_activity_is_refused(sfn: StepFunctions) -> None:
    with pytest.raises(sfn.client.exceptions.ActivityDoesNotExist):
        sfn.client.get_activity_task(activityArn=sfn.activity() + "-other")
    with pytest.raises(sfn.client.exceptions.ActivityDoesNotExist):
        sfn.client.get_activity_task(activityArn="no-arn")


def test_too_many_polls_of_one_activity_are_refused(sfn: StepFunctions, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(activity_tasks, "MAX_POLLERS", 0)
    with pytest.raises(sfn.client.exceptions.ActivityWorkerLimitExceeded):
        sfn.poll()


def test_an_activity_that_exists_is_answered_when_it_is_created_again(sfn: StepFunctions) -> None:
    assert sfn.activity("one") == sfn.activity("one")
    assert [activity["name"] for activity in sfn.client.list_activities()["activities"]] == ["one"]


def test_a_deleted_activity_forgets_its_tasks(sfn: StepFunctions) -> None:
    execution = sfn.run_task()
    eventually(lambda: "ActivityScheduled" in sfn.types(execution))
    arn = sfn.activity()
    sfn.client.delete_activity(activityArn=arn)
    with pytest.raises(sfn.client.exceptions.ActivityDoesNotExist):
        sfn.client.get_activity_task(activityArn=arn)
    assert not sfn.poll().get("taskToken")


# Answers


def test_a_failure_reaches_the_state_with_error_and_cause(sfn: StepFunctions) -> None:
    catch = [{"ErrorEquals": ["JobFailed"], "ResultPath": "$.failure", "Next": "Caught"}]
    execution = sfn.run_task(Catch=catch)
    sfn.client.send_task_failure(taskToken=sfn.take(), error="JobFailed", cause="It broke")
    assert json.loads(sfn.end_of(execution)["output"]) == {"failure": {"Error": "JobFailed", "Cause": "It broke"}}


def test_a_failure_that_nothing_catches_is_that_of_the_execution(sfn: StepFunctions) -> None:
    execution = sfn.run_task()
    sfn.client.send_task_failure(taskToken=sfn.take(), error="JobFailed", cause="It broke")
    ended = sfn.end_of(execution)
    assert (ended["status"], ended["error"], ended["cause"]) == ("FAILED", "JobFailed", "It broke")


def test_a_second_outcome_of_one_token_is_refused(sfn: StepFunctions) -> None:
    execution, token = sfn.run_task(), sfn.take()
    sfn.client.send_task_success(taskToken=token, output="1")
    for again in (
        lambda: sfn.client.send_task_success(taskToken=token, output="2"),
        lambda: sfn.client.send_task_failure(taskToken=token),
        lambda: sfn.client.send_task_heartbeat(taskToken=token),
    ):
        with pytest.raises(sfn.client.exceptions.TaskTimedOut):
            again()
    assert sfn.end_of(execution)["output"] == "1"


def test_an_unknown_token_is_invalid(sfn: StepFunctions) -> None:
    with pytest.raises(sfn.client.exceptions.InvalidToken):
        sfn.client.send_task_heartbeat(taskToken="unknown")


def test_a_task_without_heartbeat_accepts_heartbeats(sfn: StepFunctions) -> None:
    execution, token = sfn.run_task(), sfn.take()
    sfn.client.send_task_heartbeat(taskToken=token)
    sfn.client.send_task_success(taskToken=token, output="{}")
    assert sfn.end_of(execution)["status"] == "SUCCEEDED"


def test_output_that_is_not_json_is_refused_and_the_task_goes_on(sfn: StepFunctions) -> None:
    execution, token = sfn.run_task(), sfn.take()
    with pytest.raises(sfn.client.exceptions.InvalidOutput) as refused:
        sfn.client.send_task_success(taskToken=token, output="{secret")
    assert "secret" not in str(refused.value)
    sfn.client.send_task_success(taskToken=token, output="{}")
    assert sfn.end_of(execution)["status"] == "SUCCEEDED"


@pytest.mark.parametrize(
    ("send", "value"),
    [
        ("send_task_success", {"output": json.dumps("x" * 262_144)}),
        ("send_task_failure", {"error": "x" * 257}),
        ("send_task_failure", {"cause": "x" * 32_769}),
    ],
)
def test_what_is_longer_than_aws_allows_is_refused(sfn: StepFunctions, send: str, value: dict[str, str]) -> None:
    sfn.run_task()
    token = sfn.take()
    # The services's own description checks some limits: past it, as other SDKs go.
    with pytest.raises(sfn.client.exceptions.ValidationException, match="length less than or equal to"):
        getattr(sfn.client, send)(taskToken=token, **value)


def test_output_of_the_greatest_length_is_taken(sfn: StepFunctions) -> None:
    execution = sfn.run_task(ResultPath=None)
    sfn.client.send_task_success(taskToken=sfn.take(), output=json.dumps("x" * 262_142))
    assert sfn.end_of(execution)["status"] == "SUCCEEDED"


# Time


@pytest.mark.parametrize("name", ["States.Timeout", "States.HeartbeatTimeout"])
def test_a_lost_heartbeat_is_retried_by_either_name(sfn: StepFunctions, name: str) -> None:
    retry = [{"ErrorEquals": [name], "IntervalSeconds": 1, "BackoffRate": 1, "MaxAttempts": 1}]
    execution = sfn.run_task(HeartbeatSeconds=2, TimeoutSeconds=60, Retry=retry)
    lost = sfn.take()
    again = sfn.take()
    assert again != lost
    with pytest.raises(sfn.client.exceptions.TaskTimedOut):
        sfn.client.send_task_heartbeat(taskToken=lost)
    sfn.client.send_task_success(taskToken=again, output="{}")
    assert sfn.end_of(execution)["status"] == "SUCCEEDED"
    (timed_out,) = [event for event in sfn.events(execution) if event["type"] == "ActivityTimedOut"]
    assert timed_out["activityTimedOutEventDetails"] == {"error": "States.Timeout"}


def test_a_retry_is_given_up_after_its_attempts(sfn: StepFunctions) -> None:
    retry = [{"ErrorEquals": ["Lost"], "IntervalSeconds": 1, "BackoffRate": 1.0, "MaxAttempts": 1}]
    execution = sfn.run_task(Retry=retry)
    for _ in range(2):
        sfn.client.send_task_failure(taskToken=sfn.take(), error="Lost")
    assert sfn.end_of(execution)["error"] == "Lost"
    assert sfn.types(execution).count("ActivityScheduled") == 2


def test_heartbeats_keep_a_task_alive(sfn: StepFunctions) -> None:
    execution = sfn.run_task(HeartbeatSeconds=2, TimeoutSeconds=60)
    token = sfn.take()
    started = datetime.now(tz=UTC)

    def beat() -> bool:
        sfn.client.send_task_heartbeat(taskToken=token)
        return (datetime.now(tz=UTC) - started).total_seconds() > 2.5

    eventually(beat)
    sfn.client.send_task_success(taskToken=token, output="{}")
    assert sfn.end_of(execution)["status"] == "SUCCEEDED"


def test_the_clock_of_heartbeats_begins_when_the_task_is_handed_out(sfn: StepFunctions) -> None:
    execution = sfn.run_task(HeartbeatSeconds=2)
    eventually(lambda: "ActivityScheduled" in sfn.types(execution))
    before = datetime.now(tz=UTC)
    eventually(lambda: (datetime.now(tz=UTC) - before).total_seconds() > 2.2)
    token = sfn.take()
    sfn.client.send_task_success(taskToken=token, output="{}")
    assert sfn.end_of(execution)["status"] == "SUCCEEDED"


def test_a_task_that_nobody_takes_times_out_and_is_never_handed_out(sfn: StepFunctions) -> None:
    catch = [{"ErrorEquals": ["States.Timeout"], "Next": "Caught"}]
    execution = sfn.run_task(TimeoutSeconds=1, Catch=catch)
    assert json.loads(sfn.end_of(execution)["output"])["Error"] == "States.Timeout"
    assert not sfn.poll().get("taskToken")


def test_a_task_that_takes_too_long_is_answered_with_timed_out(sfn: StepFunctions) -> None:
    execution = sfn.run_task(TimeoutSeconds=1)
    token = sfn.take()
    assert sfn.end_of(execution)["error"] == "States.Timeout"
    with pytest.raises(sfn.client.exceptions.TaskTimedOut):
        sfn.client.send_task_success(taskToken=token, output="{}")


def test_an_execution_that_times_out_says_when_and_refuses_its_tasks(sfn: StepFunctions) -> None:
    task = {"Type": "Task", "Resource": sfn.activity(), "End": True}
    machine = sfn.state_machine("T", states={"T": task}, TimeoutSeconds=1)
    execution = sfn.start(machine)
    token = sfn.take()
    ended = sfn.end_of(execution)
    assert ended["status"] == "TIMED_OUT"
    assert ended["stopDate"] >= ended["startDate"]
    (listed,) = sfn.client.list_executions(stateMachineArn=machine)["executions"]
    assert listed["stopDate"] == ended["stopDate"]
    assert sfn.types(execution)[-1] == "ExecutionTimedOut"
    with pytest.raises(sfn.client.exceptions.TaskTimedOut):
        sfn.client.send_task_heartbeat(taskToken=token)


# Stops


def test_a_stopped_execution_is_aborted_at_once_and_refuses_its_tasks(sfn: StepFunctions) -> None:
    execution, token = sfn.run_task(HeartbeatSeconds=600), sfn.take()
    stopped = sfn.client.stop_execution(executionArn=execution, error="Enough", cause="Not needed any more")
    described = sfn.client.describe_execution(executionArn=execution)
    assert (described["status"], described["error"], described["cause"]) == (
        "ABORTED",
        "Enough",
        "Not needed any more",
    )
    assert described["stopDate"] == stopped["stopDate"]
    assert sfn.types(execution)[-1] == "ExecutionAborted"
    for answer in (
        lambda: sfn.client.send_task_heartbeat(taskToken=token),
        lambda: sfn.client.send_task_success(taskToken=token, output="{}"),
    ):
        with pytest.raises(sfn.client.exceptions.TaskTimedOut):
            answer()


def test_a_task_of_a_stopped_execution_is_not_handed_out(sfn: StepFunctions) -> None:
    execution = sfn.run_task()
    eventually(lambda: "ActivityScheduled" in sfn.types(execution))
    sfn.client.stop_execution(executionArn=execution)
    assert not sfn.poll().get("taskToken")


def test_an_execution_stopped_as_soon_as_it_started_is_aborted(sfn: StepFunctions) -> None:
    wait = {"Type": "Wait", "Seconds": 600, "End": True}
    machine = sfn.state_machine("W", states={"W": wait})
    executions = [sfn.start(machine) for _ in range(10)]
    for execution in executions:
        sfn.client.stop_execution(executionArn=execution)
    assert {sfn.status(execution) for execution in executions} == {"ABORTED"}
    assert all(sfn.types(execution)[-1] == "ExecutionAborted" for execution in executions)


def test_an_execution_that_has_ended_stays_as_it_is_when_it_is_stopped(sfn: StepFunctions) -> None:
    execution = sfn.start(sfn.state_machine("S", states={"S": {"Type": "Succeed"}}))
    ended = sfn.end_of(execution)
    assert sfn.client.stop_execution(executionArn=execution)["stopDate"] == ended["stopDate"]
    assert sfn.status(execution) == "SUCCEEDED"


def test_a_retry_that_waits_can_be_stopped(sfn: StepFunctions) -> None:
    retry = [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 600}]
    execution = sfn.run_task(Retry=retry)
    sfn.client.send_task_failure(taskToken=sfn.take(), error="Failed")
    eventually(lambda: "ActivityFailed" in sfn.types(execution))
    sfn.client.stop_execution(executionArn=execution)
    assert sfn.status(execution) == "ABORTED"


def test_a_deleted_state_machine_stops_its_executions(sfn: StepFunctions) -> None:
    machine = sfn.state_machine("T", states={"T": {"Type": "Task", "Resource": sfn.activity(), "End": True}})
    sfn.start(machine)
    token = sfn.take()
    sfn.client.delete_state_machine(stateMachineArn=machine)
    with pytest.raises(sfn.client.exceptions.TaskTimedOut):
        sfn.client.send_task_heartbeat(taskToken=token)


# Parallel


def branches(sfn: StepFunctions, **more: Any) -> str:
    names = ("left", "right")
    states = [
        {"StartAt": name, "States": {name: {"Type": "Task", "Resource": sfn.activity(name), "End": True}}}
        for name in names
    ]
    parallel = {"Type": "Parallel", "Branches": states, "End": True, **more}
    return sfn.start(sfn.state_machine("Both", states={"Both": parallel, "Caught": {"Type": "Succeed"}}))


def test_a_branch_that_fails_cancels_the_other_and_its_task(sfn: StepFunctions) -> None:
    execution = branches(sfn, Catch=[{"ErrorEquals": ["States.ALL"], "ResultPath": "$.failure", "Next": "Caught"}])
    left, right = sfn.take("left"), sfn.take("right")
    sfn.client.send_task_failure(taskToken=left, error="LeftFailed", cause="because")
    ended = sfn.end_of(execution)
    assert json.loads(ended["output"])["failure"] == {"Error": "LeftFailed", "Cause": "because"}
    with pytest.raises(sfn.client.exceptions.TaskTimedOut):
        sfn.client.send_task_heartbeat(taskToken=right)
    types = sfn.types(execution)
    assert "ActivityTimedOut" not in types
    assert types[-1] == "ExecutionSucceeded"


def test_a_cancelled_branch_adds_nothing_to_the_history(sfn: StepFunctions) -> None:
    execution = branches(sfn)
    left = sfn.take("left")
    sfn.client.send_task_failure(taskToken=left, error="LeftFailed")
    assert sfn.end_of(execution)["error"] == "LeftFailed"
    before = sfn.events(execution)
    assert not sfn.poll("right").get("taskToken")
    assert sfn.events(execution) == before
    assert before[-1]["type"] == "ExecutionFailed"


def test_the_history_of_branches_can_be_read_at_any_moment(sfn: StepFunctions) -> None:
    execution = branches(sfn)
    seen: list[list[Any]] = []

    def read() -> bool:
        seen.append(sfn.events(execution))
        return seen[-1][-1]["type"] in ENDS

    ended = in_background(lambda: eventually(read))
    for name in ("left", "right"):
        sfn.client.send_task_success(taskToken=sfn.take(name), output=json.dumps(name))
    ended()
    last = seen[-1]
    assert [event["id"] for event in last] == list(range(1, len(last) + 1))
    assert all(event["previousEventId"] < event["id"] for event in last)
    assert all(events == last[: len(events)] for events in seen)
    assert json.loads(sfn.end_of(execution)["output"]) == ["left", "right"]


# Maps


def mapped(sfn: StepFunctions, **more: Any) -> str:
    task = {"Type": "Task", "Resource": sfn.activity(), "End": True}
    processor = {"ProcessorConfig": {"Mode": "INLINE"}, "StartAt": "T", "States": {"T": task}}
    state = {"Type": "Map", "ItemProcessor": processor, "End": True, **more}
    return sfn.start(sfn.state_machine("Each", states={"Each": {**state, "ItemsPath": "$.items"}}), items=[1, 2, 3])


def test_each_item_of_a_map_is_a_task_of_its_own(sfn: StepFunctions) -> None:
    execution = mapped(sfn)
    for _ in range(3):
        task = eventually(lambda: (answer := sfn.poll()).get("taskToken") and answer)
        sfn.client.send_task_success(taskToken=task["taskToken"], output=str(int(task["input"]) * 10))
    assert json.loads(sfn.end_of(execution)["output"]) == [10, 20, 30]
    ids = [event["id"] for event in sfn.events(execution)]
    assert ids == list(range(1, len(ids) + 1))


def test_an_item_that_fails_ends_the_map_and_a_stop_ends_its_tasks(sfn: StepFunctions) -> None:
    execution = mapped(sfn)
    tokens = [sfn.take() for _ in range(3)]
    sfn.client.send_task_failure(taskToken=tokens[0], error="ItemFailed")
    assert sfn.end_of(execution)["error"] == "ItemFailed"
    for token in tokens[1:]:
        with pytest.raises(sfn.client.exceptions.TaskTimedOut):
            sfn.client.send_task_heartbeat(taskToken=token)
    stopped = mapped(sfn)
    token = sfn.take()
    sfn.client.stop_execution(executionArn=stopped)
    with pytest.raises(sfn.client.exceptions.TaskTimedOut):
        sfn.client.send_task_heartbeat(taskToken=token)


# Histories


def test_a_history_is_read_by_pages_forward_and_backward(sfn: StepFunctions) -> None:
    execution = sfn.run_task()
    sfn.client.send_task_success(taskToken=sfn.take(), output="{}")
    sfn.end_of(execution)
    everything = [event["id"] for event in sfn.events(execution)]
    for reverse, wanted in ((False, everything), (True, everything[::-1])):
        pages = sfn.client.get_paginator("get_execution_history").paginate(
            executionArn=execution, reverseOrder=reverse, PaginationConfig={"PageSize": 2}
        )
        read = [[event["id"] for event in page["events"]] for page in pages]
        assert list(itertools.chain.from_iterable(read)) == wanted
        assert max(map(len, read)) == 2


def test_a_page_token_that_is_none_is_refused(sfn: StepFunctions) -> None:
    execution = sfn.run_task()
    with pytest.raises(sfn.client.exceptions.ClientError, match="nextToken"):
        sfn.client.get_execution_history(executionArn=execution, nextToken="bm9uZQ==")


def test_a_history_can_be_read_without_the_data(sfn: StepFunctions) -> None:
    execution = sfn.run_task(Parameters={"secret": "value"})
    eventually(lambda: "ActivityScheduled" in sfn.types(execution))
    assert "secret" in str(sfn.events(execution))
    assert "secret" not in str(sfn.events(execution, includeExecutionData=False))


# Executions


def test_an_execution_without_a_name_gets_one_of_its_own(sfn: StepFunctions) -> None:
    machine = sfn.state_machine("S", states={"S": {"Type": "Succeed"}})
    first, second = sfn.start(machine), sfn.start(machine)
    names = {execution["name"] for execution in sfn.client.list_executions(stateMachineArn=machine)["executions"]}
    assert names == {first.rpartition(":")[2], second.rpartition(":")[2]}
    assert "None" not in names


def test_a_name_that_is_not_allowed_is_refused(sfn: StepFunctions) -> None:
    machine = sfn.state_machine("S", states={"S": {"Type": "Succeed"}})
    with pytest.raises(sfn.client.exceptions.InvalidName):
        sfn.client.start_execution(stateMachineArn=machine, name="a*b")


def test_an_input_that_is_too_long_is_refused(sfn: StepFunctions) -> None:
    machine = sfn.state_machine("S", states={"S": {"Type": "Succeed"}})
    with pytest.raises(sfn.client.exceptions.InvalidExecutionInput):
        sfn.client.start_execution(stateMachineArn=machine, input=json.dumps("x" * 262_144))


def test_executions_are_listed_by_status(sfn: StepFunctions) -> None:
    task = {"Type": "Task", "Resource": sfn.activity(), "End": True}
    machine = sfn.state_machine("T", states={"T": task})
    running, stopped = sfn.start(machine), sfn.start(machine)
    sfn.client.stop_execution(executionArn=stopped)

    def listed(status: str) -> list[str]:
        answer = sfn.client.list_executions(stateMachineArn=machine, statusFilter=status)
        return [execution["executionArn"] for execution in answer["executions"]]

    assert listed("RUNNING") == [running]
    assert listed("ABORTED") == [stopped]


def test_the_start_time_of_the_execution_is_iso_text(sfn: StepFunctions) -> None:
    execution = sfn.run_task(Parameters={"since.$": "$$.Execution.StartTime"})
    task = eventually(lambda: (answer := sfn.poll()).get("taskToken") and answer)
    since = datetime.fromisoformat(json.loads(task["input"])["since"])
    assert since == sfn.client.describe_execution(executionArn=execution)["startDate"]


def test_a_fail_state_takes_error_and_cause_from_its_input(sfn: StepFunctions) -> None:
    fail = {"Type": "Fail", "ErrorPath": "$.error", "CausePath": "$.cause"}
    execution = sfn.start(sfn.state_machine("F", states={"F": fail}), error="Wrong", cause="By its input")
    ended = sfn.end_of(execution)
    assert (ended["status"], ended["error"], ended["cause"]) == ("FAILED", "Wrong", "By its input")


def test_a_state_machine_publishes_to_a_topic_of_this_aws(embedded_aws: EmbeddedAWS, sfn: StepFunctions) -> None:
    sns, sqs = embedded_aws.client("sns"), embedded_aws.client("sqs")
    topic = sns.create_topic(Name="topic")["TopicArn"]
    queue = sqs.create_queue(QueueName="queue")["QueueUrl"]
    raw = {"RawMessageDelivery": "true"}
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint="arn:aws:sqs:us-east-1:123456789012:queue", Attributes=raw)
    publish = {
        "Type": "Task",
        "Resource": "arn:aws:states:::sns:publish",
        "Parameters": {"TopicArn": topic, "Message.$": "$.told"},
        "End": True,
    }
    execution = sfn.start(sfn.state_machine("P", states={"P": publish}), told="it happened")
    assert sfn.end_of(execution)["status"] == "SUCCEEDED"
    (message,) = sqs.receive_message(QueueUrl=queue)["Messages"]
    assert message["Body"] == "it happened"


def test_a_task_of_an_activity_that_is_gone_fails_the_execution(sfn: StepFunctions) -> None:
    task = {"Type": "Task", "Resource": sfn.activity("gone"), "End": True}
    machine = sfn.state_machine("T", states={"T": task})
    sfn.client.delete_activity(activityArn=sfn.activity("gone"))
    end = sfn.end_of(sfn.start(machine))
    assert end["error"] == "States.Runtime"
    assert f"The activity {task['Resource']} does not exist" in end["cause"]


def test_a_token_that_travels_by_a_queue_is_answered_like_that_of_an_activity(
    embedded_aws: EmbeddedAWS, sfn: StepFunctions
) -> None:
    sqs = embedded_aws.client("sqs")
    queue = sqs.create_queue(QueueName="queue")["QueueUrl"]
    send = {
        "Type": "Task",
        "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
        "Parameters": {"QueueUrl": queue, "MessageBody": {"token.$": "$$.Task.Token"}},
        "HeartbeatSeconds": 30,
        "TimeoutSeconds": 60,
        "Retry": [{"ErrorEquals": ["Again"], "IntervalSeconds": 1, "MaxAttempts": 1}],
        "End": True,
    }
    execution = sfn.start(sfn.state_machine("S", states={"S": send}))

    def token() -> str:
        messages = eventually(lambda: sqs.receive_message(QueueUrl=queue).get("Messages"))
        return str(json.loads(messages[0]["Body"])["token"])

    sfn.client.send_task_failure(taskToken=token(), error="Again")
    second = token()
    eventually(lambda: sfn.types(execution).count("TaskSubmitted") == 2)
    sfn.client.send_task_heartbeat(taskToken=second)
    sfn.client.send_task_success(taskToken=second, output='"done"')
    assert sfn.end_of(execution)["output"] == '"done"'


def test_a_state_machine_in_jsonata_is_refused_when_it_is_created(sfn: StepFunctions) -> None:
    for more, state in (({"QueryLanguage": "JSONata"}, {}), ({}, {"QueryLanguage": "JSONata"})):
        with pytest.raises(sfn.client.exceptions.InvalidDefinition, match="JSONata"):
            sfn.state_machine("P", states={"P": {"Type": "Pass", "End": True, **state}}, **more)


def test_many_executions_with_their_tasks_run_at_the_same_time(sfn: StepFunctions) -> None:
    machine = sfn.state_machine("T", states={"T": {"Type": "Task", "Resource": sfn.activity(), "End": True}})
    executions = {sfn.start(machine, number=number) for number in range(30)}

    def work() -> int:
        done = 0
        while (task := sfn.poll()).get("taskToken"):
            sfn.client.send_task_success(taskToken=task["taskToken"], output=task["input"])
            done += 1
        return done

    assert sum(result() for result in [in_background(work) for _ in range(4)]) == len(executions)
    assert {sfn.end_of(execution)["status"] for execution in executions} == {"SUCCEEDED"}
