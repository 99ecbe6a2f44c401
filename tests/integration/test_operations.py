"""What an operator types at night, against a deployed environment in the embedded AWS."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from runners import cli
from tests.integration.test_workflow import ENDLESS, Workflows, workflows  # noqa: F401 - a fixture
from tests.integration.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture(autouse=True)
def default_session_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    """Type a command and answer what it tells a machine."""

    def type_it(*arguments: str, status: int = 0) -> Any:
        def answered() -> str | None:
            capsys.readouterr()
            came = cli.main([*arguments, "--json"])
            typed = capsys.readouterr()
            if came and "nothing was done." in typed.err:
                return None  # a turn of the runner has the job in hand just now; an operator would do as it says
            assert came == status, typed.err
            return typed.out

        return json.loads(eventually(answered, within_seconds=90))

    return type_it


def take_a_turn() -> None:
    """Let the runner of Glue jobs sweep now, and not with the next tick of its schedule."""
    boto3.client("lambda").invoke(FunctionName="gluerunner", Payload=b"{}")


@pytest.fixture
def executions(workflows: Workflows, told: Callable[..., Any]) -> Iterator[list[str]]:  # noqa: F811 - the fixture
    """Two executions that wait for runs of a job of which Glue runs one at a time; stopped in the end."""
    workflows.glue_job("RunsOn", ENDLESS)
    parameters = {"GlueJobName": "RunsOn", "ExecutionArn.$": "$$.Execution.Id"}
    task = workflows.task(workflows.environment.glue_runner_activity, **parameters)
    task["States"]["Only"] |= {"TimeoutSeconds": 600, "HeartbeatSeconds": 300}  # nothing here is a matter of seconds
    started = [workflows.start(task) for _ in range(2)]
    yield started
    for execution in started:
        workflows.step_functions.stop_execution(executionArn=execution)
    eventually(lambda: take_a_turn() or told("jobs", "list", "glue") == [], within_seconds=30)


def test_a_run_is_found_shown_and_stopped_and_a_task_that_waits_is_released(
    workflows: Workflows,  # noqa: F811 - the fixture
    executions: list[str],
    told: Callable[..., Any],
) -> None:
    def jobs() -> dict[str, Any]:
        return {job["stage"]: job for job in told("jobs", "list", "glue")}

    by_stage = eventually(lambda: found if set(found := jobs()) == {"STARTED", "waiting"} else None)
    eventually(lambda: workflows.run_states("RunsOn") == ["RUNNING"])
    running, waiting = by_stage["STARTED"], by_stage["waiting"]
    assert {running["execution"], waiting["execution"]} == set(executions)
    assert running["asked_for"] == "RunsOn"

    shown = told("jobs", "show", running["task_key"][:8])
    assert shown["service_says"] == "RUNNING"
    assert shown["console"].endswith(running["execution"])
    assert told("jobs", "show", running["run_id"])["task_key"] == running["task_key"]

    assert told("jobs", "release", waiting["task_key"], "--error", "NotTonight", "--yes")["task_waited"] is True
    released = workflows.ended(waiting["execution"])
    assert (released["status"], released["error"]) == ("FAILED", "NotTonight")

    assert told("jobs", "stop", running["task_key"][:8], "--yes")["run_id"] == running["run_id"]
    eventually(lambda: workflows.run_states("RunsOn") == ["STOPPED"])
    eventually(lambda: take_a_turn() or told("jobs", "list", "glue") == [], within_seconds=30)
    stopped = workflows.ended(running["execution"])
    assert (stopped["status"], stopped["error"]) == ("FAILED", "GlueJobFailedError")


def test_the_doctor_finds_a_healthy_environment_healthy_and_says_what_it_could_not_check(
    workflows: Workflows,  # noqa: F811 - the fixture
    told: Callable[..., Any],
) -> None:
    findings = told("doctor")

    assert [finding for finding in findings if finding["level"] == "problem"] == []
    assert {finding["subject"] for finding in findings if finding["level"] == "not checked"} == {
        "function arrivalrunner",
        "function gluerunner",
        "function ons3objectcreated",
        "permissions",
        "quota glue",
        "quota invocations",
    }
    well = {finding["subject"] for finding in findings if finding["level"] == "ok"}
    assert {"activity GlueRunnerActivity", "table DataArrivals", "stack gluerunner-lambda", "clock"} <= well


def test_the_doctor_finds_a_schedule_that_was_switched_off(
    workflows: Workflows,  # noqa: F811 - the fixture
    told: Callable[..., Any],
) -> None:
    events = boto3.client("events")
    found = boto3.client("cloudformation").describe_stack_resource(
        StackName="gluerunner-lambda", LogicalResourceId="Schedule"
    )
    rule = found["StackResourceDetail"]["PhysicalResourceId"]
    events.disable_rule(Name=rule)
    try:
        problems = [finding for finding in told("doctor", "glue", status=1) if finding["level"] == "problem"]
    finally:
        events.enable_rule(Name=rule)

    (finding,) = problems
    assert finding["subject"] == "rule gluerunner-lambda/Schedule"
    assert rule in finding["advice"]


def test_an_event_in_the_dead_letter_queue_is_given_to_its_function_again(
    workflows: Workflows,  # noqa: F811 - the fixture
    told: Callable[..., Any],
) -> None:
    sqs = boto3.client("sqs")
    queue = sqs.get_queue_url(QueueName=workflows.environment.dead_letter_queue)["QueueUrl"]
    function = boto3.client("lambda").get_function_configuration(FunctionName="ons3objectcreated")["FunctionArn"]
    workflows.s3.put_object(Bucket=workflows.bucket, Key="late/a.csv", Body=b"x")
    eventually(lambda: told("arrivals", "late/"))
    workflows.dynamodb.delete_item(
        TableName=workflows.environment.arrivals_table,
        Key={"bucket": {"S": workflows.bucket}, "key": {"S": "late/a.csv"}},
    )
    event = {
        "Records": [
            {
                "eventName": "ObjectCreated:Put",
                "eventTime": "2026-01-31T04:05:06.000Z",
                "s3": {
                    "bucket": {"name": workflows.bucket},
                    "object": {"key": "late/a.csv", "size": 1, "eTag": "e", "sequencer": "0A"},
                },
            }
        ]
    }
    record = {
        "requestContext": {"functionArn": f"{function}:$LATEST", "condition": "RetriesExhausted"},
        "requestPayload": event,
    }
    sqs.send_message(QueueUrl=queue, MessageBody=json.dumps(record))
    doctor = {finding["subject"]: finding["level"] for finding in told("doctor", "arrivals")}
    assert doctor[f"queue {workflows.environment.dead_letter_queue}"] == "warning"

    (redriven,) = told("redrive", "events", "--yes")

    assert (redriven["event"], redriven["done"]) == ("ObjectCreated:Put", True)
    eventually(lambda: told("arrivals", "late/"))
    assert told("redrive", "events") == []


def test_an_execution_that_failed_is_listed_with_why_it_cannot_be_redriven_here(
    workflows: Workflows,  # noqa: F811 - the fixture
    told: Callable[..., Any],
) -> None:
    failing = {"StartAt": "Fail", "States": {"Fail": {"Type": "Fail", "Error": "NoRows"}}}
    execution = workflows.start(failing, "fails-at-once")
    workflows.ended(execution)

    (listed,) = told("redrive", "executions", "--state-machine", "fails-at-once", "--yes")

    assert (listed["execution"], listed["error"]) == (execution, "NoRows")
    assert (listed["redriven"], listed["obstacle"]) == (False, "Step Functions did not say whether it can be redriven")
