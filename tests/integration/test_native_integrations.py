"""Step Functions' own ``.sync`` in the embedded AWS, alone and beside a runner's activity."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.waiting import eventually

if TYPE_CHECKING:
    from runners.local.server import EmbeddedAWS

ROLE = "arn:aws:iam::123456789012:role/role"


class Workflows:
    """Runs state machines, and makes the Glue jobs that they start."""

    def __init__(self, aws: EmbeddedAWS) -> None:
        self.step_functions = aws.client("stepfunctions")
        self.glue, self.s3 = aws.client("glue"), aws.client("s3")
        self.bucket = f"native-{uuid.uuid4().hex[:12]}"
        self.s3.create_bucket(Bucket=self.bucket)

    def job(self, script: str) -> str:
        name = f"job-{uuid.uuid4().hex[:12]}"
        self.s3.put_object(Bucket=self.bucket, Key=f"{name}.py", Body=script.encode())
        command = {"Name": "pythonshell", "ScriptLocation": f"s3://{self.bucket}/{name}.py", "PythonVersion": "3.9"}
        self.glue.create_job(Name=name, Role=ROLE, Command=command)
        return name

    def machine(self, **states: dict[str, Any]) -> str:
        definition = {"StartAt": next(iter(states)), "States": states}
        machine = self.step_functions.create_state_machine(
            name=f"machine-{uuid.uuid4().hex[:12]}", definition=json.dumps(definition), roleArn=ROLE
        )
        return str(machine["stateMachineArn"])

    def start(self, **states: dict[str, Any]) -> str:
        return str(self.step_functions.start_execution(stateMachineArn=self.machine(**states))["executionArn"])

    def ended(self, execution: str) -> dict[str, Any]:
        def description() -> dict[str, Any] | None:
            found = dict(self.step_functions.describe_execution(executionArn=execution))
            return None if found["status"] == "RUNNING" else found

        found: dict[str, Any] = eventually(description, within_seconds=30)
        return found

    def run(self, **states: dict[str, Any]) -> dict[str, Any]:
        return self.ended(self.start(**states))


@pytest.fixture
def workflows(embedded_aws: EmbeddedAWS) -> Workflows:
    return Workflows(embedded_aws)


def glue(job: str, **more: Any) -> dict[str, Any]:
    resource = "arn:aws:states:::glue:startJobRun.sync"
    return {"Type": "Task", "Resource": resource, "Parameters": {"JobName": job}, "End": True, **more}


def test_a_native_state_waits_for_its_glue_job(workflows: Workflows) -> None:
    execution = workflows.run(Native=glue(workflows.job("print('done')")))
    assert execution["status"] == "SUCCEEDED"
    assert json.loads(execution["output"])["JobRunState"] == "SUCCEEDED"


def test_a_native_state_fails_with_its_glue_job(workflows: Workflows) -> None:
    execution = workflows.run(Native=glue(workflows.job("raise ValueError('wrong')")))
    assert (execution["status"], execution["error"]) == ("FAILED", "States.TaskFailed")
    assert json.loads(execution["cause"])["ErrorMessage"] == "ValueError: wrong"


def test_an_execution_that_is_stopped_stops_its_native_job(workflows: Workflows) -> None:
    job = workflows.job("import time\ntime.sleep(600)\n")
    execution = workflows.start(Native=glue(job))

    def state() -> str:
        runs = workflows.glue.get_job_runs(JobName=job)["JobRuns"]
        return str(runs[0]["JobRunState"]) if runs else ""

    assert eventually(lambda: state() == "RUNNING", within_seconds=30)
    workflows.step_functions.stop_execution(executionArn=execution)
    assert eventually(lambda: state() == "STOPPED", within_seconds=30)


def test_a_native_state_whose_job_cannot_start_names_the_services_error(workflows: Workflows) -> None:
    execution = workflows.run(Native=glue("no-such-job"))
    assert (execution["status"], execution["error"]) == ("FAILED", "Glue.EntityNotFoundException")


def athena(workflows: Workflows, sql: str) -> dict[str, Any]:
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::athena:startQueryExecution.sync",
        "Parameters": {
            "QueryString": sql,
            "ResultConfiguration": {"OutputLocation": f"s3://{workflows.bucket}/results/"},
        },
        "End": True,
    }


def test_a_native_state_waits_for_its_query(workflows: Workflows) -> None:
    execution = workflows.run(Native=athena(workflows, "SELECT 7 / 2 AS half"))
    assert execution["status"] == "SUCCEEDED", execution
    query = json.loads(execution["output"])["QueryExecution"]
    assert query["Status"]["State"] == "SUCCEEDED"
    key = query["ResultConfiguration"]["OutputLocation"].split("/", 3)[3]
    body = workflows.s3.get_object(Bucket=workflows.bucket, Key=key)["Body"].read()
    assert body.decode() == '"half"\n"3"\n'


def test_a_native_state_fails_with_its_query(workflows: Workflows) -> None:
    execution = workflows.run(Native=athena(workflows, "SELECT nothing_of_the_kind"))
    assert (execution["status"], execution["error"]) == ("FAILED", "States.TaskFailed")
    assert "COLUMN_NOT_FOUND" in execution["cause"]


def test_a_native_query_that_cannot_start_names_the_services_error(workflows: Workflows) -> None:
    state = athena(workflows, "SELECT 1")
    state["Parameters"]["WorkGroup"] = "no-such-group"
    execution = workflows.run(Native=state)
    assert (execution["status"], execution["error"]) == ("FAILED", "Athena.InvalidRequestException")


def test_a_native_job_that_nothing_here_waits_for_is_refused_by_name(workflows: Workflows) -> None:
    state = {"Type": "Task", "Resource": "arn:aws:states:::databrew:startJobRun.sync", "End": True}
    execution = workflows.run(Native={**state, "Parameters": {"Name": "job"}})
    assert execution["status"] == "FAILED"
    assert "does not wait for arn:aws:states:::databrew:startJobRun.sync" in execution["cause"]


@pytest.mark.parametrize(
    ("resource", "parameters", "told"),
    [
        ("batch:submitJob.sync", {"JobName": "j", "JobQueue": "q", "JobDefinition": "d"}, "Batch is not available"),
        ("batch:submitJob", {"JobName": "j", "JobQueue": "q", "JobDefinition": "d"}, "Batch is not available"),
        ("ecs:runTask.sync", {"Cluster": "c", "TaskDefinition": "d"}, "ECS is not available"),
    ],
)
def test_a_native_state_of_a_service_that_is_not_here_fails_with_that_services_refusal(
    workflows: Workflows, resource: str, parameters: dict[str, str], told: str
) -> None:
    state = {"Type": "Task", "Resource": f"arn:aws:states:::{resource}", "Parameters": parameters, "End": True}
    execution = workflows.run(Native=state)
    assert execution["status"] == "FAILED"
    assert f"{told} in the embedded AWS" in execution["cause"]


@pytest.mark.parametrize(
    ("resource", "output"), [("startExecution.sync", '{"Day":"1"}'), ("startExecution.sync:2", {"Day": "1"})]
)
def test_a_native_state_waits_for_another_state_machine(workflows: Workflows, resource: str, output: Any) -> None:
    inner = workflows.machine(Inner={"Type": "Pass", "End": True})
    execution = workflows.run(Outer=another(resource, inner))
    assert execution["status"] == "SUCCEEDED", execution
    assert json.loads(execution["output"])["Output"] == output


def test_a_native_state_fails_with_the_other_state_machine(workflows: Workflows) -> None:
    inner = workflows.machine(Inner={"Type": "Fail", "Error": "NoRows", "Cause": "there are none"})
    execution = workflows.run(Outer=another("startExecution.sync:2", inner))
    assert (execution["status"], execution["error"]) == ("FAILED", "States.TaskFailed")
    assert json.loads(execution["cause"])["Error"] == "NoRows"


def another(resource: str, state_machine: str) -> dict[str, Any]:
    parameters = {"StateMachineArn": state_machine, "Input": {"Day": "1"}}
    return {"Type": "Task", "Resource": f"arn:aws:states:::states:{resource}", "Parameters": parameters, "End": True}


def test_a_state_machine_may_mix_a_native_state_and_a_runners_activity(workflows: Workflows) -> None:
    activity = workflows.step_functions.create_activity(name=f"activity-{uuid.uuid4().hex[:12]}")["activityArn"]
    native = glue(workflows.job("print('done')"), ResultPath="$.Native", Next="By A Runner")
    del native["End"]
    execution = workflows.start(
        **{
            "Native": native,
            "By A Runner": {"Type": "Task", "Resource": activity, "ResultPath": "$.Runner", "End": True},
        }
    )

    def task_of_runner() -> dict[str, Any] | None:
        answer = dict(workflows.step_functions.get_activity_task(activityArn=activity))
        return answer if "taskToken" in answer else None

    task = eventually(task_of_runner, within_seconds=30)
    assert json.loads(task["input"])["Native"]["JobRunState"] == "SUCCEEDED"
    workflows.step_functions.send_task_success(taskToken=task["taskToken"], output='{"Rows": 3}')
    assert json.loads(workflows.ended(execution)["output"])["Runner"] == {"Rows": 3}
