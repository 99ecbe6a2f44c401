# ruff: noqa: N803  # arguments are named as boto3 names them
from __future__ import annotations

import json
from collections import Counter

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError
from botocore.validate import validate_parameters

from runners.completions import Completions, CompletionStatus
from runners.errors import ConfigurationError, InvalidInputError, StartLaterError, StartRefusedError
from runners.job import Failed, Running, Succeeded
from runners.services.lambda_function import (
    FAILED,
    FAILED_STATES,
    RUNNING_STATES,
    SUCCEEDED_STATES,
    LambdaFunction,
)
from tests.unit.completions_table import TABLE, LambdaContext, create_table
from tests.unit.doubles import CountingClient, Faults, active_job, client_error


class LambdaDouble:
    """Lambda's client, which takes every event."""

    def __init__(self):
        self.meta = boto3.client("lambda").meta
        self.call = Faults()
        self.invoked = []

    def invoke(self, **call):
        return self.call("invoke", lambda: self.invoked.append(call) or {"StatusCode": 202})


@pytest.fixture
def client():
    return LambdaDouble()


@pytest.fixture
def dynamodb(aws):
    client = boto3.client("dynamodb")
    create_table(client)
    return CountingClient(client)


@pytest.fixture
def service(client, dynamodb, clock):
    return LambdaFunction(client, dynamodb, TABLE, clock)


@pytest.fixture
def completions(dynamodb, clock):
    """What functions do."""
    return Completions(TABLE, dynamodb._client, now=clock)


def job_of(number=0, **request):
    return active_job(number, runner="lambda", request={"FunctionName": "loader"} | request)


def started(number=0, **request):
    job = job_of(number, **request)
    return job.started(job.task_key)


KEY = job_of().task_key


# Requests


def test_a_function_s_name_is_enough(service, client):
    service.validate({"FunctionName": "loader"})
    assert service.start(job_of()) == KEY
    assert client.invoked == [
        {
            "FunctionName": "loader",
            "InvocationType": "Event",
            "Payload": json.dumps({"CompletionKey": KEY}).encode(),
        }
    ]


def test_a_payload_goes_along_with_the_key(service, client):
    payload = {"Day": "2026-01-31", "Töne": ["ü"], "Depth": {"of": {"it": None}}}
    service.start(job_of(Payload=payload, Qualifier="live"))
    (call,) = client.invoked
    validate_parameters(call, client.meta.service_model.operation_model("Invoke").input_shape)
    assert json.loads(call["Payload"]) == payload | {"CompletionKey": KEY}
    assert call["Qualifier"] == "live"
    assert "Töne".encode() in call["Payload"]


@pytest.mark.parametrize(
    "name",
    [
        "loader",
        "loader:live",
        "123456789012:function:loader",
        "arn:aws:lambda:us-east-1:123456789012:function:loader:7",
        "arn:aws:lambda:us-east-1:123456789012:function:loader:$LATEST",
    ],
)
def test_a_function_may_be_named_as_lambda_allows_and_the_link_leads_to_it(service, completions, name):
    service.validate({"FunctionName": name})
    completions.succeed(KEY, None)
    output = service.describe([started(FunctionName=name)])[KEY].output
    assert output["ConsoleLink"].endswith("lambda/home?region=us-east-1#/functions/loader")


@pytest.mark.parametrize(
    ("request_", "field", "problem"),
    [
        ({}, "FunctionName", "Field required"),
        ({"FunctionName": ""}, "FunctionName", "at least 1"),
        ({"FunctionName": "hush hush"}, "FunctionName", "match pattern"),
        ({"FunctionName": "f", "Qualifier": "hush hush"}, "Qualifier", "match pattern"),
        ({"FunctionName": "f", "Payload": ["hush"]}, "Payload", "valid dictionary"),
        ({"FunctionName": "f", "Payload": {"CompletionKey": "hush"}}, "Payload", "added by the runner"),
        ({"FunctionName": "f", "InvocationType": "hush"}, "InvocationType", "not permitted"),
    ],
)
def test_a_wrong_request_is_refused_by_field_and_never_by_value(service, request_, field, problem):
    with pytest.raises(InvalidInputError) as caught:
        service.validate(request_)
    assert list(caught.value.problems) == [field]
    assert problem in caught.value.problems[field]
    assert "hush" not in str(caught.value)


def test_a_service_without_a_table_is_told_which_variable_is_missing(client):
    with pytest.raises(ConfigurationError, match="RUNNERS_COMPLETIONS_TABLE"):
        LambdaFunction(client, boto3.client("dynamodb"), "")


# Starting


@pytest.mark.parametrize("code", ["TooManyRequestsException", "ResourceConflictException", "ResourceNotReadyException"])
def test_a_function_that_is_not_ready_or_too_busy_is_invoked_later(service, client, code):
    client.call.before("invoke", client_error(code), times=5)
    with pytest.raises(StartLaterError, match=code):
        service.start(job_of())


def test_an_invocation_that_never_reached_lambda_is_made_later(service, client):
    client.call.before("invoke", EndpointConnectionError(endpoint_url="https://lambda"), times=5)
    with pytest.raises(StartLaterError, match="cannot be reached"):
        service.start(job_of())


@pytest.mark.parametrize("code", ["ResourceNotFoundException", "RequestTooLargeException", "AccessDeniedException"])
def test_an_invocation_that_lambda_will_never_take_is_refused_with_what_it_said(service, client, code):
    client.call.before("invoke", client_error(code, "no such function"))
    with pytest.raises(StartRefusedError) as caught:
        service.start(job_of())
    assert caught.value.error == FAILED == "LambdaJobFailedError"
    assert caught.value.cause == {
        "FunctionName": "loader",
        "CompletionKey": KEY,
        "Status": "NOT_STARTED",
        "ErrorMessage": f"{code}: no such function",
    }


def test_an_invocation_whose_answer_was_lost_is_repeated(service, client):
    client.call.after("invoke", ReadTimeoutError(endpoint_url="https://lambda"))
    assert service.start(job_of()) == KEY


def test_an_invocation_that_stays_unclear_is_neither_called_refused_nor_put_off(service, client):
    client.call.before("invoke", client_error("ServiceException", status=500), times=5)
    with pytest.raises(ClientError, match="ServiceException"):
        service.start(job_of())


# Finding


def test_a_job_that_an_invocation_has_begun_is_found_and_another_is_not(service, completions):
    completions.begin(KEY)
    assert service.find(job_of()) == KEY
    assert service.find(job_of(1)) is None


# States


def test_every_status_of_a_completion_is_decided_once():
    decided = Counter([*RUNNING_STATES, *SUCCEEDED_STATES, *FAILED_STATES])
    assert decided == Counter(CompletionStatus)


def status_of(service):
    return service.describe([started()])[KEY]


def test_a_job_that_no_invocation_has_begun_waits(service):
    assert status_of(service) == Running("INVOKED")


def test_a_job_that_was_begun_runs(service, completions):
    completions.begin(KEY, LambdaContext())
    assert status_of(service) == Running("BEGUN")


def test_a_success_has_what_the_function_reported_with_times_and_links(service, completions, clock):
    completions.begin(KEY, LambdaContext())
    clock.step(61.5)
    completions.succeed(KEY, {"Rows": 5})
    status = status_of(service)
    assert isinstance(status, Succeeded)
    output = dict(status.output)
    assert output.pop("ConsoleLink").endswith("lambda/home?region=us-east-1#/functions/loader")
    assert "$252Faws$252Flambda$252Floader/log-events/2026$252F01" in output.pop("LogsLink")
    assert output == {
        "FunctionName": "loader",
        "CompletionKey": KEY,
        "Status": "SUCCEEDED",
        "BegunAt": "2026-01-31T04:05:06+00:00",
        "EndedAt": "2026-01-31T04:06:07.500000+00:00",
        "DurationSeconds": 61.5,
        "Payload": {"Rows": 5},
    }
    json.dumps(status.output)


def test_a_failure_has_what_the_function_reported(service, completions):
    completions.begin(KEY)
    completions.fail(KEY, "QualityError", {"ErrorMessage": "too few rows", "Rows": 5, "Status": "not ours"})
    status = status_of(service)
    assert isinstance(status, Failed)
    assert status.error == "LambdaJobFailedError"
    said = {name: status.cause[name] for name in ("ErrorType", "ErrorMessage", "Rows", "Status", "DurationSeconds")}
    assert said == {
        "ErrorType": "QualityError",
        "ErrorMessage": "too few rows",
        "Rows": 5,
        "Status": "FAILED",
        "DurationSeconds": 0.0,
    }
    assert "LogsLink" not in status.cause


def test_a_report_of_a_job_that_nobody_began_has_no_duration(service, completions):
    completions.succeed(KEY, None)
    output = status_of(service).output
    assert (output["BegunAt"], output["DurationSeconds"], output["Payload"]) == (None, None, None)


def test_an_output_that_was_shortened_says_so(service, completions):
    completions.succeed(KEY, "x" * 300_000)
    assert status_of(service).output["TruncatedFields"] == ["Payload"]


def test_an_invocation_that_ended_without_a_report_has_failed(service, completions, clock):
    completions.begin(KEY, LambdaContext())
    clock.step(300 + 60)
    assert status_of(service) == Running("BEGUN")
    clock.step(1)
    status = status_of(service)
    assert isinstance(status, Failed)
    assert "ended without a report" in status.cause["ErrorMessage"]
    assert "LogsLink" in status.cause


def test_a_job_that_was_handed_over_outlives_its_invocation(service, completions, clock):
    completions.begin(KEY, LambdaContext())
    completions.hand_over(KEY)
    clock.step(86_400)
    assert status_of(service) == Running("BEGUN")


def test_a_status_that_comes_later_is_taken_as_running(service, dynamodb):
    dynamodb.put_item(TableName=TABLE, Item={"completion_key": {"S": KEY}, "status": {"S": "PONDERING"}})
    assert status_of(service) == Running("PONDERING")


def test_a_report_that_cannot_be_read_keeps_no_other_job_from_its_status(service, completions, dynamodb):
    unreadable = {"completion_key": {"S": KEY}, "status": {"S": "SUCCEEDED"}, "output": {"S": "loaded 5 rows"}}
    dynamodb.put_item(TableName=TABLE, Item=unreadable)
    completions.succeed(job_of(1).task_key, 5)
    statuses = service.describe([started(0), started(1)])
    assert set(statuses) == {job_of(1).task_key}


# Asking for many


def test_two_hundred_and_fifty_jobs_are_asked_for_in_three_calls(service, completions, dynamodb):
    completions.succeed(job_of(249).task_key, 249)
    statuses = service.describe([started(number) for number in range(250)])
    assert len(statuses) == 250
    assert Counter(map(type, statuses.values())) == {Running: 249, Succeeded: 1}
    assert dynamodb.call.calls == {"batch_get_item": 3}


class BusyTable:
    """A table that answers about so many keys of each question as a test says, and leaves the others."""

    def __init__(self, dynamodb, *answered):
        self._dynamodb = dynamodb
        self._answered = iter(answered)
        self.questions = []

    def batch_get_item(self, RequestItems):
        (asked,) = RequestItems.values()
        self.questions.append(len(asked["Keys"]))
        assert asked["ConsistentRead"] is True
        count = next(self._answered)
        answer = {"Responses": {}, "UnprocessedKeys": {}}
        if count:
            part = {TABLE: asked | {"Keys": asked["Keys"][:count]}}
            answer["Responses"] = self._dynamodb.batch_get_item(RequestItems=part)["Responses"]
        if asked["Keys"][count:]:
            answer["UnprocessedKeys"] = {TABLE: asked | {"Keys": asked["Keys"][count:]}}
        return answer


def test_what_the_table_leaves_of_a_question_is_asked_again(client, dynamodb, completions, clock):
    for number in range(10):
        completions.succeed(job_of(number).task_key, number)
    table = BusyTable(dynamodb, 4, 4, 2)
    statuses = LambdaFunction(client, table, TABLE, clock).describe([started(number) for number in range(10)])
    assert [statuses[job_of(number).task_key].output["Payload"] for number in range(10)] == list(range(10))
    assert table.questions == [10, 6, 2]


def test_what_a_busy_table_does_not_answer_is_left_out(client, dynamodb, completions, clock):
    for number in range(3):
        completions.succeed(job_of(number).task_key, number)
    table = BusyTable(dynamodb, 1, 0)
    statuses = LambdaFunction(client, table, TABLE, clock).describe([started(number) for number in range(3)])
    assert set(statuses) == {job_of(0).task_key}


def test_jobs_that_the_table_does_not_answer_about_are_left_out_and_the_others_are_not(service, dynamodb):
    dynamodb.call.before("batch_get_item", client_error("AccessDeniedException"))
    assert set(service.describe([started(number) for number in range(101)])) == {job_of(100).task_key}


# Stopping


def test_a_job_that_no_invocation_has_begun_is_cancelled_and_never_begins(service, completions):
    service.stop([started()])
    assert completions.begin(KEY) is False
    status = status_of(service)
    assert isinstance(status, Failed)
    assert status.cause["Status"] == "CANCELLED"
    assert "cancelled before" in status.cause["ErrorMessage"]


def test_a_job_that_was_begun_goes_on_and_others_are_cancelled(service, completions):
    completions.begin(KEY)
    service.stop([started(0), started(1)])
    assert status_of(service) == Running("BEGUN")
    assert completions.begin(job_of(1).task_key) is False


def test_stopping_twice_is_no_error_and_a_stop_that_fails_is_one(service, dynamodb):
    service.stop([started()])
    service.stop([started()])
    dynamodb.call.before("put_item", client_error("AccessDeniedException"))
    with pytest.raises(ClientError, match="AccessDenied"):
        service.stop([started(1)])


def test_a_cancellation_expires(service, dynamodb, clock):
    service.stop([started()])
    (item,) = dynamodb.scan(TableName=TABLE)["Items"]
    assert int(item["expires_at"]["N"]) == int(clock.now.timestamp()) + 90 * 86_400


# Events


def event(**changes):
    return {
        "version": "0",
        "id": "3317b2af-7005-947d-b652-f55e762e571a",
        "detail-type": "Job Completion",
        "source": "etl.runners",
        "account": "123456789012",
        "time": "2026-01-31T04:05:06Z",
        "region": "us-east-1",
        "resources": [],
        "detail": {"completionKey": KEY, "status": "SUCCEEDED"},
    } | changes


def test_an_event_of_a_completion_speaks_of_its_key(service):
    assert service.run_of_event(event()) == KEY


@pytest.mark.parametrize(
    "other",
    [
        {},
        event(source="aws.lambda"),
        event(**{"detail-type": "Something Else"}),
        event(detail={}),
        {"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}},
    ],
)
def test_any_other_event_speaks_of_no_job(service, other):
    assert service.run_of_event(other) is None
