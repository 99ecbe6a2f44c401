"""The same calls, played against the simulated AWS and against the embedded one, get the same answers and errors.

The embedded AWS interprets state machines and has what moto lacks, so that the simulation is held to something that
was written apart from it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from runners.testing import SimulatedAWS, WallClock
from tests.integration.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable

    from runners.local.server import EmbeddedAWS

ROLE = "arn:aws:iam::123456789012:role/role"
NO_ID = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(params=["simulated", "embedded"])
def client(request: pytest.FixtureRequest, role_arn: str, embedded_aws: EmbeddedAWS) -> Callable[[str], Any]:
    """Answer the client of a service, of the one AWS or of the other."""
    if request.param == "embedded":
        return embedded_aws.client
    aws = SimulatedAWS(WallClock())
    clients = {"stepfunctions": aws.step_functions, "glue": aws.glue, "athena": aws.athena, "dms": aws.dms}
    return clients.__getitem__


@pytest.fixture
def step_functions(client: Callable[[str], Any]) -> Any:
    return client("stepfunctions")


@pytest.fixture
def activity(step_functions: Any) -> str:
    return str(step_functions.create_activity(name="activity")["activityArn"])


def code_of(call: Callable[..., Any], **parameters: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    return str(caught.value.response["Error"]["Code"])


def execution_of(step_functions: Any, activity: str, **state: Any) -> str:
    """Start an execution of one state, the task of an activity."""
    task = {"Type": "Task", "Resource": activity, "End": True, **state}
    definition = json.dumps({"StartAt": "Job", "States": {"Job": task}})
    machine = step_functions.create_state_machine(name="machine", definition=definition, roleArn=ROLE)
    started = step_functions.start_execution(stateMachineArn=machine["stateMachineArn"], input='{"Name": "sales"}')
    return str(started["executionArn"])


def polled(step_functions: Any, activity: str) -> dict[str, Any]:
    """Poll until there is a task."""
    return dict(eventually(lambda: _task_of(step_functions, activity)))


def _task_of(step_functions: Any, activity: str) -> dict[str, Any] | None:
    answer = step_functions.get_activity_task(activityArn=activity, workerName="a worker")
    return answer if answer.get("taskToken") else None


def has_ended(step_functions: Any, execution: str, status: str) -> bool:
    return bool(eventually(lambda: step_functions.describe_execution(executionArn=execution)["status"] == status))


def test_a_task_is_reported_once(step_functions: Any, activity: str) -> None:
    execution = execution_of(step_functions, activity)
    task = polled(step_functions, activity)
    assert json.loads(task["input"]) == {"Name": "sales"}
    token = task["taskToken"]
    step_functions.send_task_heartbeat(taskToken=token)
    step_functions.send_task_success(taskToken=token, output="{}")
    assert code_of(step_functions.send_task_success, taskToken=token, output="{}") == "TaskTimedOut"
    assert code_of(step_functions.send_task_failure, taskToken=token) == "TaskTimedOut"
    assert code_of(step_functions.send_task_heartbeat, taskToken=token) == "TaskTimedOut"
    assert has_ended(step_functions, execution, "SUCCEEDED")


def test_a_failure_fails_the_execution(step_functions: Any, activity: str) -> None:
    execution = execution_of(step_functions, activity)
    step_functions.send_task_failure(taskToken=polled(step_functions, activity)["taskToken"], error="Error", cause="{}")
    assert has_ended(step_functions, execution, "FAILED")


def test_a_task_without_heartbeats_is_gone_and_tried_again(step_functions: Any, activity: str) -> None:
    retry = [{"ErrorEquals": ["States.Timeout", "States.HeartbeatTimeout"], "MaxAttempts": 1, "IntervalSeconds": 1}]
    execution = execution_of(step_functions, activity, HeartbeatSeconds=1, TimeoutSeconds=60, Retry=retry)
    first = polled(step_functions, activity)["taskToken"]
    second = polled(step_functions, activity)["taskToken"]
    assert first != second
    assert code_of(step_functions.send_task_heartbeat, taskToken=first) == "TaskTimedOut"
    step_functions.send_task_success(taskToken=second, output="{}")
    assert has_ended(step_functions, execution, "SUCCEEDED")


def test_nobody_waits_for_a_task_of_an_execution_that_was_stopped(step_functions: Any, activity: str) -> None:
    execution = execution_of(step_functions, activity)
    token = polled(step_functions, activity)["taskToken"]
    step_functions.stop_execution(executionArn=execution)
    assert has_ended(step_functions, execution, "ABORTED")
    eventually(lambda: code_of(step_functions.send_task_heartbeat, taskToken=token) == "TaskTimedOut")


def test_running_executions_are_listed(step_functions: Any, activity: str) -> None:
    execution = execution_of(step_functions, activity)
    (machine,) = step_functions.list_state_machines()["stateMachines"]
    described = step_functions.describe_state_machine(stateMachineArn=machine["stateMachineArn"])
    assert activity in described["definition"]
    query = {"stateMachineArn": machine["stateMachineArn"], "statusFilter": "RUNNING"}
    assert [one["executionArn"] for one in step_functions.list_executions(**query)["executions"]] == [execution]
    step_functions.stop_execution(executionArn=execution)
    eventually(lambda: step_functions.list_executions(**query)["executions"] == [])


def test_what_step_functions_does_not_know_it_refuses(step_functions: Any, activity: str) -> None:
    other = activity.replace("activity:activity", "activity:other")
    assert code_of(step_functions.get_activity_task, activityArn=other) == "ActivityDoesNotExist"
    assert code_of(step_functions.send_task_heartbeat, taskToken="no token") == "InvalidToken"
    machine = "arn:aws:states:us-east-1:123456789012:stateMachine:other"
    assert code_of(step_functions.describe_state_machine, stateMachineArn=machine) == "StateMachineDoesNotExist"
    execution = "arn:aws:states:us-east-1:123456789012:execution:other:0"
    assert code_of(step_functions.describe_execution, executionArn=execution) == "ExecutionDoesNotExist"


def test_glue_stops_what_runs_and_says_what_it_does_not_know(client: Callable[[str], Any]) -> None:
    glue = client("glue")
    assert code_of(glue.start_job_run, JobName="other") == "EntityNotFoundException"
    assert code_of(glue.get_job_run, JobName="other", RunId="jr_0") == "EntityNotFoundException"
    answer = glue.batch_stop_job_run(JobName="other", JobRunIds=["jr_0"])
    assert answer["SuccessfulSubmissions"] == []
    assert [one["JobRunId"] for one in answer["Errors"]] == ["jr_0"]


def test_athena_knows_a_query_by_its_token(client: Callable[[str], Any], embedded_aws: EmbeddedAWS) -> None:
    embedded_aws.client("s3").create_bucket(Bucket="results")
    athena = client("athena")
    query = {"QueryString": "SELECT 1", "ResultConfiguration": {"OutputLocation": "s3://results/p/"}}
    token = {"ClientRequestToken": "0" * 64}
    first, second = (athena.start_query_execution(**query, **token)["QueryExecutionId"] for _ in range(2))
    assert first == second
    query["QueryString"] = "SELECT 2"
    assert code_of(athena.start_query_execution, **query, **token) == "InvalidRequestException"
    answer = athena.batch_get_query_execution(QueryExecutionIds=[first, NO_ID])
    assert [one["QueryExecutionId"] for one in answer["QueryExecutions"]] == [first]
    assert [one["QueryExecutionId"] for one in answer["UnprocessedQueryExecutionIds"]] == [NO_ID]
    assert code_of(athena.get_query_execution, QueryExecutionId=NO_ID) == "InvalidRequestException"
    assert code_of(athena.batch_get_query_execution, QueryExecutionIds=[NO_ID] * 51) == "InvalidRequestException"


def test_dms_refuses_what_it_does_not_know(client: Callable[[str], Any]) -> None:
    dms = client("dms")
    arn = {"ReplicationTaskArn": "arn:aws:dms:us-east-1:123456789012:task:OTHER"}
    filters = [{"Name": "replication-task-id", "Values": ["other"]}]
    assert code_of(dms.describe_replication_tasks, Filters=filters) == "ResourceNotFoundFault"
    start = {"StartReplicationTaskType": "start-replication"}
    assert code_of(dms.start_replication_task, **arn, **start) == "ResourceNotFoundFault"
    assert code_of(dms.stop_replication_task, **arn) == "ResourceNotFoundFault"
