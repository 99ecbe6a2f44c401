"""Functions that report under a completion key, run by a runner through an activity, in the embedded AWS."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import runners
from runners.active_jobs import ActiveJobs
from runners.activity import Activity
from runners.job import Failed, Running
from runners.local.server import EmbeddedAWS
from runners.runner import Runner
from runners.services.lambda_function import LambdaFunction
from runners.settings import Settings
from tests.integration.functions import Lambda, package
from tests.integration.waiting import eventually
from tests.unit.completions_table import TABLE, create_table

ROLE = "arn:aws:iam::123456789012:role/workflows"
# Every run of a handler leaves an object, so that tests can count what was done.
CODE = """
    import json, os, uuid
    import boto3
    from runners.completions import Completions, completing

    def done(event):
        boto3.client("s3").put_object(Bucket="done", Key=event["Name"] + "/" + uuid.uuid4().hex)

    @completing
    def handler(event, context):
        done(event)
        if "Failure" in event:
            raise ValueError(event["Failure"])
        if event.get("Exit"):
            os._exit(1)
        return {"Doubled": event["Number"] * 2}

    @completing(hand_over=True)
    def hand_over(event, context):
        boto3.client("lambda").invoke(FunctionName="helper", InvocationType="Event", Payload=json.dumps(event))

    def helper(event, context):
        done(event)
        Completions.of_environment().succeed(event["CompletionKey"], "by the helper")
"""


class Workplace:
    """What the tests do: state machines of one task, and the runner that takes it."""

    def __init__(self, aws: EmbeddedAWS) -> None:
        self.client = aws.client
        self.step_functions = aws.client("stepfunctions")
        arn = self.step_functions.create_activity(name="LambdaRunnerActivity")["activityArn"]
        self.activity = Activity(arn, "test", self.step_functions, self.step_functions)
        self.service = LambdaFunction(aws.client("lambda"), aws.client("dynamodb"), TABLE)
        self.active_jobs = ActiveJobs("active-jobs", aws.client("dynamodb"))
        settings = Settings(active_jobs_table="active-jobs", heartbeat_interval_seconds=0.01)
        self.runner = Runner(self.service, self.activity, self.active_jobs, settings)

    def start(self, name: str, **request: Any) -> str:
        """Start an execution whose one task is for the runner, and let the runner take it."""
        task = {
            "Type": "Task",
            "Resource": self.activity.arn,
            "Parameters": {"FunctionName": "worker", **request},
            "TimeoutSeconds": 60,
            "End": True,
        }
        definition = json.dumps({"StartAt": "Only", "States": {"Only": task}})
        machine = self.step_functions.create_state_machine(name=name, definition=definition, roleArn=ROLE)
        execution = self.step_functions.start_execution(stateMachineArn=machine["stateMachineArn"])["executionArn"]
        self.runner.take(eventually(self.activity.poll))
        return str(execution)

    def ended(self, execution: str, *, sweeping: bool = True) -> dict[str, Any] | None:
        if sweeping:
            self.runner.sweep()
        found = dict(self.step_functions.describe_execution(executionArn=execution))
        return None if found["status"] == "RUNNING" else found

    def times_done(self, name: str) -> int:
        return int(self.client("s3").list_objects_v2(Bucket="done", Prefix=f"{name}/")["KeyCount"])

    def invocations(self, function: str) -> int:
        """How many invocations of a function have ended."""
        logs = self.client("logs")
        group = f"/aws/lambda/{function}"
        if not logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]:
            return 0
        events = logs.filter_log_events(logGroupName=group)["events"]
        return sum(event["message"].startswith("REPORT") for event in events)


@pytest.fixture(scope="module")
def workplace() -> Iterator[Workplace]:
    aws = EmbeddedAWS(
        activity_poll_wait=timedelta(milliseconds=500),
        retry_delays=(timedelta(milliseconds=20), timedelta(milliseconds=20)),
    )
    with aws:
        dynamodb = aws.client("dynamodb")
        create_table(dynamodb)
        _create_active_jobs(dynamodb)
        aws.client("s3").create_bucket(Bucket="done")
        role = aws.client("iam").create_role(RoleName="role", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
        functions = Lambda(aws.client("lambda"), role)
        environment = {"Variables": {"RUNNERS_COMPLETIONS_TABLE": TABLE}}
        handlers = {
            "worker": "handler",
            "fragile": "handler",
            "idle": "handler",
            "starter": "hand_over",
            "helper": "helper",
        }
        for name, handler in handlers.items():
            functions.create(name, _package(), Handler=f"app.{handler}", Environment=environment)
        yield Workplace(aws)


def _package() -> bytes:
    """Make the zip that the module's own description asks for."""
    folder = Path(runners.__file__).parent
    modules = ("__init__", "completions", "errors", "limits")
    return package(CODE, **{f"runners/{name}": (folder / f"{name}.py").read_text() for name in modules})


def _create_active_jobs(dynamodb: Any) -> None:
    names = ("runner", "task_key", "run_id")
    dynamodb.create_table(
        TableName="active-jobs",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[
            {"AttributeName": "runner", "KeyType": "HASH"},
            {"AttributeName": "task_key", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in names],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by_run",
                "KeySchema": [{"AttributeName": "run_id", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
    )


def test_what_a_function_returns_is_the_output_of_its_state(workplace: Workplace) -> None:
    execution = workplace.start("returns", Payload={"Name": "returns", "Number": 21})

    ended = eventually(lambda: workplace.ended(execution))

    assert ended["status"] == "SUCCEEDED"
    output = json.loads(ended["output"])
    assert output["Payload"] == {"Doubled": 42}
    assert output["Status"] == "SUCCEEDED"
    assert "$252Faws$252Flambda$252Fworker" in output["LogsLink"]
    assert list(workplace.active_jobs.of_runner("lambda")) == []


def test_what_a_function_raises_is_the_failure_of_its_state_and_lambda_s_retries_do_nothing(
    workplace: Workplace,
) -> None:
    payload = {"Name": "raises", "Failure": "too few rows"}
    execution = workplace.start("raises", FunctionName="fragile", Payload=payload)

    ended = eventually(lambda: workplace.ended(execution))

    assert (ended["status"], ended["error"]) == ("FAILED", "LambdaJobFailedError")
    cause = json.loads(ended["cause"])
    assert (cause["ErrorType"], cause["ErrorMessage"]) == ("ValueError", "too few rows")
    eventually(lambda: workplace.invocations("fragile") == 2)  # the retry succeeds, because it does nothing
    assert workplace.times_done("raises") == 1


def test_a_function_that_is_invoked_twice_works_once(workplace: Workplace) -> None:
    before = workplace.invocations("worker")
    execution = workplace.start("twice", Payload={"Name": "twice", "Number": 1})
    (job,) = workplace.active_jobs.of_runner("lambda")
    assert workplace.service.start(job) == job.run_id

    ended = eventually(lambda: workplace.ended(execution))

    assert ended["status"] == "SUCCEEDED"
    eventually(lambda: workplace.invocations("worker") == before + 2)
    assert workplace.times_done("twice") == 1


def test_an_event_lets_the_runner_report_at_once(workplace: Workplace) -> None:
    sqs, events = workplace.client("sqs"), workplace.client("events")
    queue = sqs.create_queue(QueueName="completions")["QueueUrl"]
    pattern = {"source": ["etl.runners"], "detail-type": ["Job Completion"]}
    events.put_rule(Name="completions", EventPattern=json.dumps(pattern))
    target = {"Id": "queue", "Arn": "arn:aws:sqs:us-east-1:123456789012:completions"}
    events.put_targets(Rule="completions", Targets=[target])
    execution = workplace.start("event", Payload={"Name": "event", "Number": 1})

    (message,) = eventually(lambda: sqs.receive_message(QueueUrl=queue).get("Messages"))
    workplace.runner.on_event(json.loads(message["Body"]))

    ended = eventually(lambda: workplace.ended(execution, sweeping=False))
    assert ended["status"] == "SUCCEEDED"


def test_a_job_that_was_handed_over_ends_when_what_it_started_says_so(workplace: Workplace) -> None:
    execution = workplace.start("hands-over", FunctionName="starter", Payload={"Name": "hands-over"})

    ended = eventually(lambda: workplace.ended(execution))

    assert json.loads(ended["output"])["Payload"] == "by the helper"
    assert workplace.times_done("hands-over") == 1


def test_a_function_that_dies_is_known_to_have_failed_once_its_time_is_over(workplace: Workplace) -> None:
    execution = workplace.start("dies", Payload={"Name": "dies", "Number": 1, "Exit": True})
    (job,) = workplace.active_jobs.of_runner("lambda")
    eventually(lambda: workplace.service.describe([job])[job.task_key] == Running("BEGUN"))

    workplace.service._now = lambda: datetime.now(UTC) + timedelta(minutes=5)
    try:
        ended = eventually(lambda: workplace.ended(execution))
    finally:
        workplace.service._now = lambda: datetime.now(UTC)

    assert ended["status"] == "FAILED"
    assert "ended without a report" in json.loads(ended["cause"])["ErrorMessage"]


def test_an_execution_that_is_aborted_keeps_its_function_from_beginning(workplace: Workplace) -> None:
    functions = workplace.client("lambda")
    functions.put_function_concurrency(FunctionName="idle", ReservedConcurrentExecutions=0)
    execution = workplace.start("aborted", FunctionName="idle", Payload={"Name": "aborted", "Number": 1})
    (job,) = workplace.active_jobs.of_runner("lambda")

    workplace.step_functions.stop_execution(executionArn=execution)
    eventually(lambda: workplace.runner.sweep() == 0)
    functions.delete_function_concurrency(FunctionName="idle")

    eventually(lambda: workplace.invocations("idle") == 1)
    assert workplace.times_done("aborted") == 0
    status = workplace.service.describe([replace(job, run_id=job.task_key)])[job.task_key]
    assert isinstance(status, Failed)
    assert status.cause["Status"] == "CANCELLED"
