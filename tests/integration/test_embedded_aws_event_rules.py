from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.functions import Lambda, log_lines, package
from tests.integration.waiting import eventually

if TYPE_CHECKING:
    from runners.local.server import EmbeddedAWS

ECHO = """
    import json

    def handler(event, context):
        print(json.dumps(event))
"""
QUEUE_ARN = "arn:aws:sqs:us-east-1:123456789012:queue"


class Events:
    """What a test does with EventBridge, with a function that logs each event it gets."""

    def __init__(self, aws: EmbeddedAWS, role: str) -> None:
        self.client = aws.client("events")
        self.logs = aws.client("logs")
        self.function = Lambda(aws.client("lambda"), role).create(code=package(ECHO))

    def rule(self, name: str = "rule", /, target: dict[str, Any] | None = None, **rule: Any) -> None:
        if "EventPattern" in rule:
            rule["EventPattern"] = json.dumps(rule["EventPattern"])
        self.client.put_rule(Name=name, **rule)
        self.client.put_targets(Rule=name, Targets=[{"Id": "1", "Arn": self.function, **(target or {})}])

    def put(self, source: str = "app", /, **detail: Any) -> None:
        entry = {"Source": source, "DetailType": "Something Happened", "Detail": json.dumps(detail)}
        answer = self.client.put_events(Entries=[{**entry, "Resources": ["a-resource"]}])
        assert answer["FailedEntryCount"] == 0

    def received(self) -> list[Any]:
        return [json.loads(line) for line in log_lines(self.logs) if line[:1] in '{["']


@pytest.fixture
def events(embedded_aws: EmbeddedAWS, role_arn: str) -> Events:
    return Events(embedded_aws, role_arn)


def test_an_event_that_fits_a_pattern_reaches_the_function_as_aws_sends_it(events: Events) -> None:
    events.rule(EventPattern={"source": ["app"], "detail": {"state": ["DONE"]}})
    events.put("other", state="DONE")
    events.put(state="GOING")
    events.put(state="DONE")
    (event,) = eventually(events.received)
    assert event["detail"] == {"state": "DONE"}
    assert event["detail-type"] == "Something Happened"
    assert event["resources"] == ["a-resource"]
    assert event["account"] == "123456789012"
    assert event["time"].endswith("Z")
    assert "ingestion-time" not in event


def test_a_rule_that_is_disabled_gets_nothing(events: Events) -> None:
    events.rule("disabled", EventPattern={"source": ["app"]}, State="DISABLED", target={"Input": '"no"'})
    events.rule("enabled", EventPattern={"source": ["app"]}, target={"Input": '"yes"'})
    events.put()
    assert eventually(events.received) == ["yes"]


def test_a_rule_that_has_but_a_schedule_gets_no_events(events: Events) -> None:
    events.rule("scheduled", ScheduleExpression="cron(0 0 1 1 ? 2199)", target={"Input": '"no"'})
    events.rule("patterned", EventPattern={"source": ["app"]}, target={"Input": '"yes"'})
    events.put()
    assert eventually(events.received) == ["yes"]


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ({"Input": '{"constant": 1}'}, {"constant": 1}),
        ({"InputPath": "$.detail"}, {"state": "DONE"}),
        (
            {"InputTransformer": {"InputPathsMap": {"s": "$.detail.state"}, "InputTemplate": '{"was": "<s>"}'}},
            {"was": "DONE"},
        ),
    ],
)
def test_a_target_gets_what_it_asks_for(events: Events, target: dict[str, Any], expected: Any) -> None:
    events.rule(EventPattern={"source": ["app"]}, target=target)
    events.put(state="DONE")
    assert eventually(events.received) == [expected]


def test_events_reach_topics_queues_and_state_machines(embedded_aws: EmbeddedAWS, events: Events) -> None:
    sqs, sns, sfn = (embedded_aws.client(name) for name in ("sqs", "sns", "stepfunctions"))
    queue = sqs.create_queue(QueueName="queue")["QueueUrl"]
    topic = sns.create_topic(Name="topic")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=QUEUE_ARN, Attributes={"RawMessageDelivery": "true"})
    definition = json.dumps({"StartAt": "S", "States": {"S": {"Type": "Succeed"}}})
    machine = sfn.create_state_machine(name="m", definition=definition, roleArn="arn:aws:iam::123456789012:role/r")
    arn = machine["stateMachineArn"]
    for number, target in enumerate((QUEUE_ARN, topic, arn)):
        events.rule(f"rule-{number}", EventPattern={"source": ["app"]}, target={"Arn": target})
    events.put(number=7)
    bodies: list[Any] = []

    def both() -> bool:
        messages = sqs.receive_message(QueueUrl=queue).get("Messages", [])
        bodies.extend(json.loads(message["Body"]) for message in messages)
        return len(bodies) == 2

    eventually(both)
    assert [body["detail"] for body in bodies] == [{"number": 7}] * 2
    (execution,) = sfn.list_executions(stateMachineArn=arn)["executions"]
    described = sfn.describe_execution(executionArn=execution["executionArn"])
    assert json.loads(described["input"])["detail"] == {"number": 7}


def test_a_target_that_fails_or_is_not_supported_fails_nobody(events: Events, caplog: pytest.LogCaptureFixture) -> None:
    events.rule("failing", EventPattern={"source": ["app"]}, target={"Arn": f"{events.function}-gone"})
    batch = "arn:aws:batch:us-east-1:123456789012:job-queue/q"
    events.rule("unsupported", EventPattern={"source": ["app"]}, target={"Arn": batch})
    events.rule("working", EventPattern={"source": ["app"]})
    events.put()
    assert eventually(events.received)
    assert "failing could not deliver" in caplog.text
    assert f"delivers no events to {batch}" in caplog.text


def test_an_upload_is_told_by_eventbridge(embedded_aws: EmbeddedAWS, events: Events) -> None:
    s3 = embedded_aws.client("s3")
    s3.create_bucket(Bucket="data")
    s3.put_bucket_notification_configuration(Bucket="data", NotificationConfiguration={"EventBridgeConfiguration": {}})
    events.rule(EventPattern={"source": ["aws.s3"], "detail-type": ["Object Created"]})
    for key in ("one", "two"):
        s3.put_object(Bucket="data", Key=key, Body=b"123")
    eventually(lambda: len(events.received()) == 2)
    told = events.received()
    assert {event["detail"]["object"]["key"] for event in told} == {"one", "two"}
    assert all(event["time"].endswith("Z") for event in told)
    assert len({event["id"] for event in told}) == 2


def test_a_rate_fires_at_once_with_a_scheduled_event(events: Events) -> None:
    events.rule(ScheduleExpression="rate(1 hour)")
    (event,) = eventually(events.received)
    assert event["detail-type"] == "Scheduled Event"
    assert event["source"] == "aws.events"
    assert event["resources"] == ["arn:aws:events:us-east-1:123456789012:rule/rule"]
    assert event["detail"] == {}


def test_a_schedule_that_is_enabled_again_fires_again(events: Events) -> None:
    events.rule(ScheduleExpression="rate(1 hour)", State="DISABLED", target={"Input": '"fired"'})
    events.rule("witness", ScheduleExpression="rate(1 hour)", target={"Input": '"witness"'})
    assert eventually(events.received) == ["witness"]
    events.client.enable_rule(Name="rule")
    assert eventually(lambda: len(events.received()) == 2 and events.received()) == ["witness", "fired"]


def test_a_schedule_that_is_not_understood_is_said_in_the_log(events: Events, caplog: pytest.LogCaptureFixture) -> None:
    events.rule(ScheduleExpression="cron(0 12 L * ? *)")
    assert eventually(lambda: "will never fire" in caplog.text)
    assert events.received() == []


# Executions


class Executions:
    """State machines whose executions EventBridge hears of, and what a queue gets of it."""

    def __init__(self, aws: EmbeddedAWS) -> None:
        self.sfn, self.sqs = aws.client("stepfunctions"), aws.client("sqs")
        self.queue = self.sqs.create_queue(QueueName="queue")["QueueUrl"]
        self.told: list[Any] = []
        pattern = {"source": ["aws.states"], "detail-type": ["Step Functions Execution Status Change"]}
        events = aws.client("events")
        events.put_rule(Name="executions", EventPattern=json.dumps(pattern))
        events.put_targets(Rule="executions", Targets=[{"Id": "1", "Arn": QUEUE_ARN}])

    def start(self, **state: Any) -> str:
        definition = json.dumps({"StartAt": "Only", "States": {"Only": state}})
        role = "arn:aws:iam::123456789012:role/role"
        machine = self.sfn.create_state_machine(name="machine", definition=definition, roleArn=role)["stateMachineArn"]
        return str(self.sfn.start_execution(stateMachineArn=machine, name="mine", input='{"a": 1}')["executionArn"])

    def events(self, number: int) -> list[Any]:
        """Wait until so many events came."""

        def came() -> list[Any]:
            messages = self.sqs.receive_message(QueueUrl=self.queue).get("Messages", [])
            self.told += [json.loads(message["Body"]) for message in messages]
            return self.told if len(self.told) >= number else []

        told: list[Any] = eventually(came)
        return told


@pytest.fixture
def executions(embedded_aws: EmbeddedAWS) -> Executions:
    return Executions(embedded_aws)


def test_eventbridge_hears_that_an_execution_begins_and_how_it_ends(executions: Executions) -> None:
    arn = executions.start(Type="Pass", Result="done", End=True)
    begun, ended = sorted(executions.events(2), key=lambda event: event["detail"]["stopDate"] or 0)
    assert begun["resources"] == ended["resources"] == [arn]
    assert begun["detail"] | {"startDate": 0} == {
        "executionArn": arn,
        "stateMachineArn": "arn:aws:states:us-east-1:123456789012:stateMachine:machine",
        "stateMachineVersionArn": None,
        "stateMachineAliasArn": None,
        "name": "mine",
        "status": "RUNNING",
        "startDate": 0,
        "stopDate": None,
        "input": '{"a": 1}',
        "inputDetails": {"included": True},
        "output": None,
        "outputDetails": None,
        "error": None,
        "cause": None,
        "redriveCount": 0,
        "redriveDate": None,
        "redriveStatus": "NOT_REDRIVABLE",
        "redriveStatusReason": "The embedded AWS redrives no executions",
    }
    assert (ended["detail"]["status"], ended["detail"]["output"]) == ("SUCCEEDED", '"done"')
    assert ended["detail"]["stopDate"] >= ended["detail"]["startDate"] == begun["detail"]["startDate"]


def test_eventbridge_hears_of_a_failure_with_its_error(executions: Executions) -> None:
    executions.start(Type="Fail", Error="Broken", Cause="because")
    detail = {event["detail"]["status"]: event["detail"] for event in executions.events(2)}["FAILED"]
    assert (detail["error"], detail["cause"]) == ("Broken", "because")


def test_eventbridge_hears_of_an_execution_that_was_stopped_once(executions: Executions) -> None:
    arn = executions.start(Type="Wait", Seconds=3600, End=True)
    executions.events(1)
    for _ in range(2):
        executions.sfn.stop_execution(executionArn=arn)
    assert [event["detail"]["status"] for event in executions.events(2)] == ["RUNNING", "ABORTED"]
