from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from runners import completions as module
from runners.completions import MAX_CAUSE, MAX_OUTPUT, Completions, CompletionStatus, completing, texts_of
from runners.errors import ConfigurationError
from tests.unit.completions_table import TABLE, LambdaContext, create_table
from tests.unit.doubles import CountingClient, Faults, client_error

KEY = "0123456789abcdef"
EVENT = {"CompletionKey": KEY, "Day": "2026-01-31"}


class EventsDouble:
    """EventBridge's client, which remembers what it was sent."""

    def __init__(self):
        self.call = Faults()
        self.sent = []
        self.answer = {"Entries": [{"EventId": "1"}]}

    def put_events(self, Entries):  # noqa: N803  # boto3's name
        return self.call("put_events", lambda: self.sent.extend(Entries) or self.answer)


@pytest.fixture
def dynamodb(aws):
    client = boto3.client("dynamodb")
    create_table(client)
    return CountingClient(client)


@pytest.fixture
def events():
    return EventsDouble()


@pytest.fixture
def completions(dynamodb, events, clock):
    return Completions(TABLE, dynamodb, events, clock)


@pytest.fixture
def in_lambda(completions, monkeypatch):
    """Let decorated handlers find these completions."""
    monkeypatch.setattr(module, "_of_environment", lambda: completions)


def record(dynamodb, key=KEY):
    item = dynamodb.get_item(TableName=TABLE, Key={"completion_key": {"S": key}}).get("Item")
    return None if item is None else texts_of(item)


def status(dynamodb):
    return record(dynamodb)["status"]


# Beginning


def test_the_first_to_begin_a_job_may_and_no_other(completions):
    assert completions.begin(KEY) is True
    assert completions.begin(KEY) is False
    assert completions.begin("another") is True


def test_a_beginning_whose_answer_was_lost_is_still_the_first(completions, dynamodb):
    # boto3's client repeats the request by itself: the same item comes twice.
    put = dynamodb._client.put_item
    dynamodb._client.put_item = lambda **parameters: (put(**parameters), put(**parameters))[1]
    assert completions.begin(KEY) is True


def test_a_beginning_that_fails_is_an_error_so_that_lambda_tries_again(completions, dynamodb):
    dynamodb.call.before("put_item", client_error("ResourceNotFoundException"))
    with pytest.raises(ClientError, match="ResourceNotFound"):
        completions.begin(KEY)


def test_a_record_tells_when_the_invocation_must_have_ended_and_where_it_logs(completions, dynamodb, clock):
    completions.begin(KEY, LambdaContext())
    found = record(dynamodb)
    assert found.pop("begun_by")
    assert found == {
        "completion_key": KEY,
        "status": "BEGUN",
        "begun_at": "2026-01-31T04:05:06+00:00",
        "ends_at": "2026-01-31T04:10:06+00:00",
        "log_group": "/aws/lambda/loader",
        "log_stream": "2026/01/31/[$LATEST]0123",
    }


def test_a_record_expires_ninety_days_after_the_last_that_was_said(completions, dynamodb, clock):
    def expiry():
        item = dynamodb.get_item(TableName=TABLE, Key={"completion_key": {"S": KEY}})["Item"]
        return datetime.fromtimestamp(int(item["expires_at"]["N"]), UTC)

    completions.begin(KEY)
    assert expiry() == clock.now + timedelta(days=90)
    clock.step(60)
    completions.succeed(KEY, None)
    assert expiry() == clock.now + timedelta(days=90)


# Reporting


def test_a_success_is_recorded_with_its_output(completions, dynamodb, clock):
    completions.begin(KEY)
    clock.step(61.5)
    completions.succeed(KEY, {"Rows": 5})
    found = record(dynamodb)
    assert (found["status"], found["ended_at"]) == ("SUCCEEDED", "2026-01-31T04:06:07.500000+00:00")
    assert json.loads(found["output"]) == {"Payload": {"Rows": 5}}


def test_a_failure_is_recorded_with_its_error_and_cause(completions, dynamodb):
    completions.begin(KEY)
    completions.fail(KEY, "QualityError", {"ErrorMessage": "too few rows", "Rows": 5})
    found = record(dynamodb)
    assert (found["status"], found["error"]) == ("FAILED", "QualityError")
    assert json.loads(found["cause"]) == {"ErrorMessage": "too few rows", "Rows": 5}


def test_the_first_report_counts_and_others_do_no_harm(completions, dynamodb, events):
    completions.begin(KEY)
    completions.succeed(KEY, 1)
    before = record(dynamodb)
    completions.fail(KEY, "LateError", {})
    completions.succeed(KEY, 2)
    assert record(dynamodb) == before
    assert len(events.sent) == 1


def test_the_key_alone_is_enough_to_report(completions, dynamodb):
    completions.succeed(KEY, "done by something else")
    assert status(dynamodb) == "SUCCEEDED"
    assert completions.begin(KEY) is False


def test_a_cancelled_job_is_neither_begun_nor_reported(completions, dynamodb):
    item = {"completion_key": {"S": KEY}, "status": {"S": CompletionStatus.CANCELLED}}
    dynamodb.put_item(TableName=TABLE, Item=item)
    assert completions.begin(KEY) is False
    completions.succeed(KEY, 1)
    assert status(dynamodb) == "CANCELLED"


def test_a_report_that_fails_is_an_error(completions, dynamodb):
    dynamodb.call.before("update_item", client_error("AccessDeniedException"))
    with pytest.raises(ClientError, match="AccessDenied"):
        completions.succeed(KEY, 1)


@pytest.mark.parametrize(
    ("output", "kept"),
    [
        (None, None),
        ("a text", "a text"),
        ([1, 2.5, True], [1, 2.5, True]),
        ({"day": datetime(2026, 1, 31, tzinfo=UTC)}, {"day": "2026-01-31 00:00:00+00:00"}),
        ({"share": float("nan"), "most": float("inf")}, {"share": "NaN", "most": "Infinity"}),
        ({1: "ü"}, {"1": "ü"}),
    ],
)
def test_an_output_is_kept_as_json(completions, dynamodb, output, kept):
    completions.succeed(KEY, output)
    assert json.loads(record(dynamodb)["output"]) == {"Payload": kept}


def test_a_long_output_or_cause_is_shortened_and_says_so(completions, dynamodb):
    completions.succeed(KEY, ["x" * 1000] * 1000)
    output = record(dynamodb)["output"]
    assert len(output) <= MAX_OUTPUT
    assert json.loads(output)["TruncatedFields"] == ["Payload"]
    completions.fail("other", "E" * 1000, {"ErrorMessage": "ü" * 100_000})
    failed = record(dynamodb, "other")
    assert len(failed["cause"]) <= MAX_CAUSE
    assert len(failed["error"]) == 256


def test_the_longest_output_fits_into_a_record(completions, dynamodb):
    completions.begin(KEY, LambdaContext())
    completions.succeed(KEY, "ü" * 1_000_000)
    size = sum(len(name) + len(text) for name, text in record(dynamodb).items())
    assert size < 400 * 1024 * 0.9


def test_a_job_that_was_handed_over_has_no_end_until_it_is_reported(completions, dynamodb):
    completions.begin(KEY, LambdaContext())
    completions.hand_over(KEY)
    assert "ends_at" not in record(dynamodb)
    assert status(dynamodb) == "BEGUN"


def test_handing_over_what_was_reported_already_changes_nothing(completions, dynamodb):
    completions.begin(KEY, LambdaContext())
    completions.succeed(KEY, 1)
    before = record(dynamodb)
    completions.hand_over(KEY)
    assert record(dynamodb) == before
    completions.hand_over("never begun")
    assert record(dynamodb, "never begun") is None


# The event


def test_the_runner_is_told_of_a_report_by_an_event(completions, events):
    completions.begin(KEY)
    completions.fail(KEY, "QualityError", {})
    (entry,) = events.sent
    assert (entry["Source"], entry["DetailType"]) == ("etl.runners", "Job Completion")
    assert json.loads(entry["Detail"]) == {"completionKey": KEY, "status": "FAILED"}


@pytest.mark.parametrize("error", [client_error("AccessDeniedException"), EndpointConnectionError(endpoint_url="x")])
def test_a_report_counts_though_its_event_could_not_be_sent(completions, events, dynamodb, caplog, error):
    events.call.before("put_events", error)
    completions.succeed(KEY, 1)
    assert status(dynamodb) == "SUCCEEDED"
    assert "was not sent" in caplog.text


def test_a_report_counts_though_its_event_was_not_taken(completions, events, dynamodb, caplog):
    events.answer = {"Entries": [{"ErrorCode": "ThrottlingException"}]}
    completions.succeed(KEY, 1)
    assert status(dynamodb) == "SUCCEEDED"
    assert "was not sent" in caplog.text


def test_whoever_gives_no_client_for_events_reports_without_them(dynamodb):
    Completions(TABLE, dynamodb).succeed(KEY, 1)
    assert status(dynamodb) == "SUCCEEDED"


# Handlers


def test_what_a_handler_returns_is_reported(in_lambda, dynamodb):
    @completing
    def handler(event, context):
        """Load."""
        return {"Day": event["Day"], "Key": event["CompletionKey"]}

    assert handler(EVENT, LambdaContext()) == {"Day": "2026-01-31", "Key": KEY}
    assert handler.__doc__ == "Load."
    assert json.loads(record(dynamodb)["output"])["Payload"]["Day"] == "2026-01-31"


@pytest.mark.parametrize("error", [ValueError("too few rows"), SystemExit("too few rows")])
def test_what_a_handler_raises_is_reported_and_raised_again(in_lambda, dynamodb, error):
    @completing
    def handler(event, context):
        raise error

    with pytest.raises(type(error), match="too few rows"):
        handler(EVENT, LambdaContext())
    assert record(dynamodb)["error"] == type(error).__name__
    assert json.loads(record(dynamodb)["cause"]) == {"ErrorMessage": "too few rows"}


def test_an_invocation_that_is_repeated_does_nothing(in_lambda, dynamodb):
    ran = []
    handler = completing(lambda event, context: ran.append(event))
    handler(EVENT, LambdaContext())
    assert handler(EVENT, LambdaContext()) is None
    assert len(ran) == 1


def test_a_retry_of_an_invocation_that_failed_does_nothing(in_lambda, dynamodb):
    outcomes = iter([ValueError("the first time"), None])

    @completing
    def handler(event, context):
        raise next(outcomes)

    with pytest.raises(ValueError, match="the first time"):
        handler(EVENT, None)
    assert handler(EVENT, None) is None
    assert status(dynamodb) == "FAILED"


@pytest.mark.parametrize("event", [{"Day": "x"}, [], "text", None])
def test_an_event_without_a_key_is_handled_as_it_is(in_lambda, dynamodb, event):
    assert completing(lambda event, context: [event])(event, None) == [event]
    assert dynamodb.scan(TableName=TABLE)["Items"] == []


def test_an_output_that_is_no_json_is_a_failure(in_lambda, dynamodb):
    with pytest.raises(TypeError):
        completing(lambda event, context: {("a", "b"): 1})(EVENT, None)
    assert (status(dynamodb), record(dynamodb)["error"]) == ("FAILED", "TypeError")


def test_a_handler_that_hands_over_reports_nothing_when_it_returns(in_lambda, dynamodb, completions):
    handler = completing(hand_over=True)(lambda event, context: "started")
    assert handler(EVENT, LambdaContext()) == "started"
    assert status(dynamodb) == "BEGUN"
    assert "ends_at" not in record(dynamodb)
    completions.succeed(KEY, "ended")
    assert status(dynamodb) == "SUCCEEDED"


def test_a_handler_that_fails_to_hand_over_is_a_failure(in_lambda, dynamodb):
    @completing(hand_over=True)
    def handler(event, context):
        raise ValueError("nobody there")

    with pytest.raises(ValueError, match="nobody there"):
        handler(EVENT, LambdaContext())
    assert status(dynamodb) == "FAILED"


# In a function of a user


def test_a_function_finds_its_table_in_its_environment(aws, monkeypatch):
    create_table(boto3.client("dynamodb"), "of-the-environment")
    monkeypatch.setenv("RUNNERS_COMPLETIONS_TABLE", "of-the-environment")
    module._of_environment.cache_clear()
    try:
        assert completing(lambda event, context: 1)(EVENT, None) == 1
    finally:
        module._of_environment.cache_clear()
    (item,) = boto3.client("dynamodb").scan(TableName="of-the-environment")["Items"]
    assert texts_of(item)["status"] == "SUCCEEDED"


def test_a_function_without_a_table_is_told_which_variable_is_missing(monkeypatch):
    monkeypatch.delenv("RUNNERS_COMPLETIONS_TABLE", raising=False)
    with pytest.raises(ConfigurationError, match="RUNNERS_COMPLETIONS_TABLE"):
        Completions.of_environment()


def test_the_module_needs_nothing_but_its_three_neighbours_and_boto3():
    package = Path(module.__file__).parent
    code = (
        "import sys; import runners.completions; "
        "print(sorted(name for name in sys.modules if name.startswith(('runners', 'tenacity', 'pydantic'))))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=package.parent, capture_output=True, text=True, check=True, timeout=60
    )
    assert ran.stdout.strip() == "['runners', 'runners.completions', 'runners.errors', 'runners.limits']"
