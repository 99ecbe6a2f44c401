"""The deployed product at work in the embedded AWS: its own templates, packages and functions."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from rich.console import Console

from runners.deployment.deployment import Deployment
from runners.deployment.environment import Environment
from runners.deployment.progress import Progress
from runners.local.server import EmbeddedAWS
from tests.integration.waiting import eventually

ROLE = "arn:aws:iam::123456789012:role/workflows"
ENDLESS = "import time\nwhile True:\n    time.sleep(0.1)\n"
BROKEN = "raise ValueError('the figures do not add up')\n"


class Workflows:
    """What the tests do with the deployed environment."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.bucket = str(environment.data_bucket)
        self.step_functions = boto3.client("stepfunctions")
        self.s3 = boto3.client("s3")
        self.glue = boto3.client("glue")
        self.dynamodb = boto3.client("dynamodb")
        self._made = 0

    def activity(self, name: str) -> str:
        return f"arn:aws:states:{self.environment.region}:{self.environment.account_id}:activity:{name}"

    def start(self, definition: dict[str, Any], name: str | None = None) -> str:
        """Start an execution of a new state machine."""
        self._made += 1
        machine = self.step_functions.create_state_machine(
            name=name or f"workflow-{self._made}", definition=json.dumps(definition), roleArn=ROLE
        )
        return str(self.step_functions.start_execution(stateMachineArn=machine["stateMachineArn"])["executionArn"])

    def task(self, activity: str, **parameters: Any) -> dict[str, Any]:
        """A state machine of one task."""
        task = {
            "Type": "Task",
            "Resource": self.activity(activity),
            "Parameters": {"ExecutionArn.$": "$$.Execution.Id", **parameters},
            "TimeoutSeconds": 120,
            "HeartbeatSeconds": self.environment.task_heartbeat_seconds,
            "End": True,
        }
        return {"StartAt": "Only", "States": {"Only": task}}

    def wait_task(self, **parameters: Any) -> dict[str, Any]:
        return self.task(self.environment.data_arrival_activity, Bucket=self.bucket, **parameters)

    def glue_job(self, name: str, script: str) -> None:
        bucket, key = str(self.environment.artifact_bucket), f"tests/{name}.py"
        self.s3.put_object(Bucket=bucket, Key=key, Body=script.encode())
        self.glue.create_job(
            Name=name,
            Role=ROLE,
            Command={"Name": "glueetl", "ScriptLocation": f"s3://{bucket}/{key}", "PythonVersion": "3"},
        )

    def ended(self, execution: str) -> dict[str, Any]:
        """Wait for the end of an execution and describe it."""

        def description() -> dict[str, Any] | None:
            found = dict(self.step_functions.describe_execution(executionArn=execution))
            return None if found["status"] == "RUNNING" else found

        ended: dict[str, Any] = eventually(description, within_seconds=100)
        return ended

    def event_types(self, execution: str) -> list[str]:
        history = self.step_functions.get_execution_history(executionArn=execution)
        return [event["type"] for event in history["events"]]

    def taken(self, execution: str, tasks: int = 1) -> None:
        """Wait until runners have taken so many tasks of an execution."""
        eventually(lambda: self.event_types(execution).count("ActivityStarted") == tasks)

    def runs(self, job: str) -> list[dict[str, Any]]:
        return [dict(run) for run in self.glue.get_job_runs(JobName=job)["JobRuns"]]

    def run_states(self, job: str) -> list[str]:
        return [run["JobRunState"] for run in self.runs(job)]

    def active_jobs(self) -> list[dict[str, Any]]:
        items = self.dynamodb.scan(TableName=self.environment.active_jobs_table)["Items"]
        return [dict(item) for item in items if "." not in item["runner"]["S"]]  # others are of runners, not of jobs


@pytest.fixture(scope="module")
def workflows() -> Iterator[Workflows]:
    with EmbeddedAWS() as aws, pytest.MonkeyPatch.context() as patch:
        for name, value in aws.environment().items():
            patch.setenv(name, value)
        deployment = Deployment("local", Progress(Console(file=io.StringIO())))
        deployment.environment = deployment.environment.changed(other_glue_jobs=["Broken", "Endless", "Quick"])
        deployment.deploy()
        yield Workflows(deployment.environment)


def test_an_aborted_execution_stops_its_glue_run_and_leaves_no_record(workflows: Workflows) -> None:
    workflows.glue_job("Endless", ENDLESS)
    execution = workflows.start(workflows.task(workflows.environment.glue_runner_activity, GlueJobName="Endless"))
    eventually(lambda: workflows.run_states("Endless") == ["RUNNING"])

    workflows.step_functions.stop_execution(executionArn=execution)

    eventually(lambda: workflows.run_states("Endless") == ["STOPPED"])
    eventually(lambda: not workflows.active_jobs())


def test_a_failed_job_tells_the_topic_and_ends_the_execution_as_failed(workflows: Workflows) -> None:
    environment = workflows.environment
    script = workflows.s3.get_object(
        Bucket=str(environment.artifact_bucket), Key=f"{environment.glue_scripts_prefix}process_sales_data.sql"
    )["Body"].read()
    sqs, sns = boto3.client("sqs"), boto3.client("sns")
    queue = sqs.create_queue(QueueName="told")["QueueUrl"]
    topic = f"arn:aws:sns:{environment.region}:{environment.account_id}:{environment.failure_topic}"
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=f"arn:aws:sqs:{environment.region}:123456789012:told")
    key = f"{environment.glue_scripts_prefix}process_sales_data.sql"
    workflows.s3.put_object(Bucket=str(environment.artifact_bucket), Key=key, Body=b"SELECT nothing FROM sales")
    arn = f"arn:aws:states:{environment.region}:{environment.account_id}:stateMachine:{environment.state_machine}"
    execution = workflows.step_functions.start_execution(stateMachineArn=arn)["executionArn"]
    workflows.taken(execution, 2)

    workflows.s3.put_object(
        Bucket=workflows.bucket, Key=f"{environment.sales_prefix}today.csv", Body=b"Date\n1/1/2026\n"
    )
    description = workflows.ended(execution)
    workflows.s3.put_object(Bucket=str(environment.artifact_bucket), Key=key, Body=script)

    assert description["status"] == "FAILED"
    assert description["error"] == "GlueJobFailedError"
    assert "ProcessSalesData" in description["cause"]
    messages = eventually(lambda: sqs.receive_message(QueueUrl=queue).get("Messages"))
    told = json.loads(messages[0]["Body"])["Message"]
    assert execution in told
    assert "GlueJobFailedError" in told


def test_a_job_that_fails_is_reported_with_its_run_and_its_message(workflows: Workflows) -> None:
    workflows.glue_job("Broken", BROKEN)

    description = workflows.ended(
        workflows.start(workflows.task(workflows.environment.glue_runner_activity, GlueJobName="Broken"))
    )

    cause = json.loads(description["cause"])
    assert description["error"] == "GlueJobFailedError"
    assert cause["GlueJobRunId"] == workflows.runs("Broken")[0]["Id"]
    assert cause["GlueJobRunState"] == "FAILED"
    assert "the figures do not add up" in cause["ErrorMessage"]


def test_invalid_input_fails_at_once_and_names_each_field(workflows: Workflows) -> None:
    definition = workflows.task(workflows.environment.glue_runner_activity, NumberOfWorkers=0)

    description = workflows.ended(workflows.start(definition))

    assert description["error"] == "InvalidInput"
    assert set(json.loads(description["cause"])["Problems"]) == {"GlueJobName", "NumberOfWorkers"}


def test_an_object_that_came_before_its_wait_releases_it_as_soon_as_it_begins(workflows: Workflows) -> None:
    workflows.s3.put_object(Bucket=workflows.bucket, Key="early/a b+c.csv", Body=b"x")

    output = json.loads(workflows.ended(workflows.start(workflows.wait_task(Prefix="early/")))["output"])

    assert output["Bucket"] == workflows.bucket
    assert [(found["Key"], found["Size"]) for found in output["Objects"]] == [("early/a b+c.csv", 1)]
    assert output["Objects"][0]["VersionId"]


def test_one_object_releases_all_waits_for_it_and_no_other(workflows: Workflows) -> None:
    first = workflows.start(workflows.wait_task(Key="shared/a.csv"))
    second = workflows.start(workflows.wait_task(Pattern="shared/*.csv"))
    other = workflows.start(workflows.wait_task(Key="shared/b.csv"))
    for execution in (first, second, other):
        workflows.taken(execution)

    workflows.s3.put_object(Bucket=workflows.bucket, Key="shared/a.csv", Body=b"x")

    assert workflows.ended(first)["status"] == "SUCCEEDED"
    assert workflows.ended(second)["status"] == "SUCCEEDED"
    assert workflows.step_functions.describe_execution(executionArn=other)["status"] == "RUNNING"
    workflows.step_functions.stop_execution(executionArn=other)


def test_an_arrival_is_recorded_even_if_nobody_waits_for_it(workflows: Workflows) -> None:
    workflows.s3.put_object(Bucket=workflows.bucket, Key="unwanted/a b.csv", Body=b"12345")

    def recorded() -> dict[str, Any] | None:
        key = {"bucket": {"S": workflows.bucket}, "key": {"S": "unwanted/a b.csv"}}
        answer = workflows.dynamodb.get_item(TableName=workflows.environment.arrivals_table, Key=key)
        item: dict[str, Any] | None = answer.get("Item")
        return item

    assert eventually(recorded)["size"] == {"N": "5"}


def test_a_state_machine_with_one_activity_a_file_and_inputs_as_texts_runs_unchanged(workflows: Workflows) -> None:
    """As older orchestrators write them: no time-outs, an activity for the file, a Pass state with a quoted input."""
    workflows.glue_job("Quick", "print('done')\n")
    activity = f"{workflows.bucket}-Orders_Sample.csv"
    workflows.step_functions.create_activity(name=activity)
    definition = {
        "StartAt": "Wait For Orders",
        "States": {
            "Wait For Orders": {"Type": "Task", "Resource": workflows.activity(activity), "Next": "Prepare"},
            "Prepare": {"Type": "Pass", "Result": '{"GlueJobName" : "Quick"}', "Next": "Process Orders"},
            "Process Orders": {
                "Type": "Task",
                "Resource": workflows.activity(workflows.environment.glue_runner_activity),
                "Catch": [{"ErrorEquals": ["GlueJobFailedError"], "Next": "Fallback"}],
                "End": True,
            },
            "Fallback": {"Type": "Pass", "Result": "fallback", "End": True},
        },
    }
    execution = workflows.start(definition)
    workflows.s3.put_object(Bucket=workflows.bucket, Key="anywhere/Orders_Sample.csv", Body=b"x")
    # Such an activity is found when a turn begins: with the next tick of the schedule, or this one.
    boto3.client("lambda").invoke(FunctionName="arrivalrunner", InvocationType="Event", Payload=b"{}")

    output = json.loads(workflows.ended(execution)["output"])

    assert (output["GlueJobName"], output["GlueJobRunState"]) == ("Quick", "SUCCEEDED")
    history = workflows.step_functions.get_execution_history(executionArn=execution)["events"]
    released = next(event for event in history if event["type"] == "ActivitySucceeded")
    released_by = json.loads(released["activitySucceededEventDetails"]["output"])
    assert released_by["S3BucketName"] == workflows.bucket
    assert released_by["S3Key"] == "anywhere/Orders_Sample.csv"
    assert released_by["SFNActivityArn"] == workflows.activity(activity)
