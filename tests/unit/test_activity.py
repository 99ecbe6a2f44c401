from __future__ import annotations

import json
import traceback
from types import SimpleNamespace

import boto3
import pytest
from botocore.stub import ANY, Stubber

from runners.activity import MAX_CAUSE, MAX_ERROR, MAX_OUTPUT, MAX_WORKER_NAME, Activity
from runners.errors import TaskGoneError
from runners.job import Failed, Succeeded

ARN = "arn:aws:states:us-east-1:123456789012:activity:GlueRunnerActivity"
TOKEN = "secret-token"


@pytest.fixture
def step_functions():
    return boto3.client("stepfunctions")


@pytest.fixture
def stubber(step_functions):
    with Stubber(step_functions) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


@pytest.fixture
def activity(step_functions):
    return Activity(ARN, "worker", polls=step_functions, reports=step_functions)


def sent(step_functions):
    """Keep what is sent in calls, beside the stubber."""
    calls = []
    step_functions.meta.events.register(
        "provide-client-params.sfn.*", lambda params, **_: calls.append(params), unique_id="sent"
    )
    return calls


def test_a_poll_that_brings_a_task_returns_it(activity, stubber):
    stubber.add_response(
        "get_activity_task", {"taskToken": TOKEN, "input": '{"a": 1}'}, {"activityArn": ARN, "workerName": "worker"}
    )
    task = activity.poll()
    assert (task.token, task.input) == (TOKEN, '{"a": 1}')


@pytest.mark.parametrize("answer", [{}, {"taskToken": ""}])
def test_a_poll_that_stays_empty_returns_none(answer):
    polls = SimpleNamespace(get_activity_task=lambda **_: answer)
    assert Activity(ARN, "worker", polls, polls).poll() is None


def test_a_task_without_input_has_an_empty_one(activity, stubber):
    stubber.add_response("get_activity_task", {"taskToken": TOKEN})
    assert activity.poll().input == "{}"


def test_a_failed_poll_is_not_repeated_for_that_would_lose_a_task(activity, stubber, naps):
    stubber.add_client_error("get_activity_task", "ThrottlingException")
    with pytest.raises(stubber.client.exceptions.ClientError):
        activity.poll()
    assert naps == []


def test_an_activity_that_stands_for_something_gives_its_own_input(step_functions, stubber):
    activity = Activity(ARN, "worker", step_functions, step_functions, input_of_every_task={"Bucket": "data"})
    stubber.add_response("get_activity_task", {"taskToken": TOKEN, "input": '"whatever"'})
    assert json.loads(activity.poll().input) == {"Bucket": "data"}


def test_a_long_worker_name_is_cut(step_functions, stubber):
    stubber.add_response("get_activity_task", {}, {"activityArn": ARN, "workerName": "w" * MAX_WORKER_NAME})
    Activity(ARN, "w" * 100, step_functions, step_functions).poll()


def test_a_success_is_reported_with_its_output_as_json(activity, stubber):
    stubber.add_response("send_task_success", {}, {"taskToken": TOKEN, "output": '{"Size":3}'})
    activity.report(TOKEN, Succeeded({"Size": 3}))


def test_a_failure_is_reported_with_its_error_and_its_cause_as_json(activity, stubber):
    stubber.add_response(
        "send_task_failure", {}, {"taskToken": TOKEN, "error": "GlueJobFailedError", "cause": '{"a":1}'}
    )
    activity.report(TOKEN, Failed("GlueJobFailedError", {"a": 1}))


def test_an_output_that_is_too_long_is_shortened_and_says_so(activity, step_functions, stubber):
    calls = sent(step_functions)
    stubber.add_response("send_task_success", {}, {"taskToken": TOKEN, "output": ANY})
    activity.report(TOKEN, Succeeded({"GlueJobName": "sales", "Log": "ü" * 300_000}))
    output = calls[0]["output"]
    assert len(output.encode()) <= MAX_OUTPUT == 262_144
    assert json.loads(output)["GlueJobName"] == "sales"
    assert json.loads(output)["TruncatedFields"] == ["Log"]


def test_a_cause_and_an_error_that_are_too_long_are_shortened(activity, step_functions, stubber):
    calls = sent(step_functions)
    stubber.add_response("send_task_failure", {}, {"taskToken": TOKEN, "error": ANY, "cause": ANY})
    activity.report(TOKEN, Failed("E" * 300, {"ErrorMessage": "m" * 40_000, "GlueJobName": "sales"}))
    assert len(calls[0]["error"]) <= MAX_ERROR == 256
    assert len(calls[0]["cause"].encode()) <= MAX_CAUSE == 32_768
    assert json.loads(calls[0]["cause"])["TruncatedFields"] == ["ErrorMessage"]


def test_the_limits_are_those_of_the_service_model(step_functions):
    model = step_functions.meta.service_model
    shapes = {
        "SensitiveError": MAX_ERROR,
        "SensitiveCause": MAX_CAUSE,
        "SensitiveData": MAX_OUTPUT,
        "Name": MAX_WORKER_NAME,
    }
    assert {name: model.shape_for(name).metadata["max"] for name in shapes} == shapes


def test_a_heartbeat_says_that_the_task_is_worked_on(activity, stubber):
    stubber.add_response("send_task_heartbeat", {}, {"taskToken": TOKEN})
    activity.heartbeat(TOKEN)


CALLS = {
    "send_task_heartbeat": lambda activity: activity.heartbeat(TOKEN),
    "send_task_success": lambda activity: activity.report(TOKEN, Succeeded({})),
    "send_task_failure": lambda activity: activity.report(TOKEN, Failed("E", {})),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("code", ["TaskTimedOut", "TaskDoesNotExist", "InvalidToken"])
def test_a_task_that_is_gone_is_told_apart_and_its_token_kept_secret(activity, stubber, call, code):
    stubber.add_client_error(call, code, f"Invalid Token: '{TOKEN}'")
    with pytest.raises(TaskGoneError, match=code) as caught:
        CALLS[call](activity)
    assert TOKEN not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("call", CALLS)
def test_a_throttled_report_is_repeated(activity, stubber, call, naps):
    stubber.add_client_error(call, "ThrottlingException")
    stubber.add_client_error(call, "InternalFailure", http_status_code=500)
    stubber.add_response(call, {})
    CALLS[call](activity)
    assert len(naps) == 2


@pytest.mark.parametrize("call", CALLS)
def test_another_error_is_not_taken_for_a_task_that_is_gone(activity, stubber, call):
    stubber.add_client_error(call, "AccessDeniedException")
    with pytest.raises(stubber.client.exceptions.ClientError, match="AccessDenied"):
        CALLS[call](activity)
