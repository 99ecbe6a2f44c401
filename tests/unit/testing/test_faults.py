from __future__ import annotations

import threading

import boto3
import pytest
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ReadTimeoutError,
)
from moto import mock_aws

from runners.retries import error_code, is_throttled, is_transient, is_unclear, is_unsent
from runners.testing import Crash, Fault, FaultyClient, KillPoint, NotSimulatedError, SimulatedAWS, kill_points

KEY = {"runner": {"S": "glue"}, "task_key": {"S": "0"}}
TABLE = "active-jobs"


@pytest.fixture
def aws():
    aws = SimulatedAWS()
    aws.active_jobs_table(TABLE)
    return aws


def put(client, fault):
    """Put an item by a call that goes wrong, and say what was raised and whether it is there."""
    faulty = FaultyClient(client.dynamodb, lambda operation, parameters: fault)
    with pytest.raises(BaseException) as caught:  # noqa: PT011  # which it is, the tests say
        faulty.put_item(TableName=TABLE, Item=KEY)
    return caught.value, bool(client.dynamodb.tables[TABLE].items())


@pytest.mark.parametrize(
    ("fault", "error", "effect"),
    [
        (Fault.CRASH_BEFORE, Crash, False),
        (Fault.CRASH_AFTER, Crash, True),
        (Fault.ANSWER_LOST, ReadTimeoutError, True),
        (Fault.NOT_SENT, EndpointConnectionError, False),
        (Fault.NOT_CONNECTED, ConnectTimeoutError, False),
        (Fault.THROTTLED, ClientError, False),
        (Fault.SERVER_ERROR, ClientError, False),
        (Fault.SERVER_ERROR_AFTER, ClientError, True),
    ],
)
def test_a_call_goes_wrong_with_or_without_effect(aws, fault, error, effect):
    raised, took_effect = put(aws, fault)
    assert isinstance(raised, error)
    assert took_effect is effect is fault.takes_effect
    assert fault.crashes is isinstance(raised, Crash)


def test_what_is_raised_means_to_the_runners_what_it_is_to_mean(aws):
    assert is_unclear(put(aws, Fault.ANSWER_LOST)[0])
    assert is_unclear(put(aws, Fault.SERVER_ERROR)[0])
    assert is_unclear(put(aws, Fault.SERVER_ERROR_AFTER)[0])
    assert is_unsent(put(aws, Fault.NOT_SENT)[0])
    assert is_unsent(put(aws, Fault.NOT_CONNECTED)[0])
    assert is_throttled(put(aws, Fault.THROTTLED)[0])
    assert not is_transient(put(aws, Fault.CRASH_AFTER)[0])


@pytest.mark.parametrize(
    ("service", "code"),
    [
        ("stepfunctions", "ThrottlingException"),
        ("batch", "TooManyRequestsException"),
        ("lambda", "TooManyRequestsException"),
        ("s3", "SlowDown"),
    ],
)
def test_each_service_throttles_in_its_own_words(service, code):
    error = Fault.THROTTLED.error(service, "Operation")
    assert error_code(error) == code
    assert is_throttled(error)


def test_an_exception_of_ones_own_is_raised_in_place_of_the_call(aws):
    raised, took_effect = put(aws, LookupError("the table is away"))
    assert isinstance(raised, LookupError)
    assert not took_effect


def test_a_call_that_goes_well_answers_and_all_are_counted(aws):
    faults = iter([Fault.THROTTLED, None, None])
    client = FaultyClient(aws.dynamodb, lambda operation, parameters: next(faults))
    with pytest.raises(ClientError):
        client.put_item(TableName=TABLE, Item=KEY)
    client.put_item(TableName=TABLE, Item=KEY)
    assert client.get_item(TableName=TABLE, Key=KEY)["Item"] == KEY
    assert client.calls == {"put_item": 2, "get_item": 1}


def test_who_decides_is_told_the_method_and_its_parameters(aws):
    asked = []
    client = FaultyClient(aws.dynamodb, lambda operation, parameters: asked.append((operation, dict(parameters))))
    client.get_item(TableName=TABLE, Key=KEY)
    assert asked == [("get_item", {"TableName": TABLE, "Key": KEY})]


def test_what_is_no_call_is_the_clients_own(aws):
    client = FaultyClient(aws.dynamodb, lambda operation, parameters: Fault.CRASH_BEFORE)
    assert client.meta is aws.dynamodb.meta
    assert client.tables is aws.dynamodb.tables
    with pytest.raises(NotSimulatedError):
        client.no_such_method  # noqa: B018


@mock_aws
def test_a_client_of_boto3_goes_wrong_likewise():
    sqs = FaultyClient(boto3.client("sqs"), lambda operation, parameters: Fault.ANSWER_LOST)
    with pytest.raises(ReadTimeoutError):
        sqs.create_queue(QueueName="jobs")
    assert len(boto3.client("sqs").list_queues()["QueueUrls"]) == 1
    assert sqs.meta.region_name == "us-east-1"
    assert sqs.calls == {"create_queue": 1}


# Where a process stops


def three_calls(aws, decide):
    client = FaultyClient(aws.dynamodb, decide)
    for number in range(3):
        client.put_item(TableName=TABLE, Item={**KEY, "task_key": {"S": str(number)}})


def test_a_process_stops_before_and_after_each_of_its_calls():
    written = []
    for point in kill_points(lambda decide: three_calls(filled(), decide)):
        aws = filled()
        with pytest.raises(Crash):
            three_calls(aws, point)
        assert point.reached
        written.append(len(aws.dynamodb.tables[TABLE].items()))
    assert written == [0, 1, 1, 2, 2, 3]


def filled():
    aws = SimulatedAWS()
    aws.active_jobs_table(TABLE)
    return aws


def test_a_process_may_lose_each_of_its_answers_instead():
    points = list(kill_points(lambda decide: three_calls(filled(), decide), faults=(Fault.ANSWER_LOST,)))
    assert [(point.number, point.fault) for point in points] == [(number, Fault.ANSWER_LOST) for number in range(3)]
    aws = filled()
    with pytest.raises(ReadTimeoutError):
        three_calls(aws, points[1])
    FaultyClient(aws.dynamodb, points[1]).get_item(TableName=TABLE, Key=KEY)  # the process lives on


def test_a_process_that_is_gone_makes_no_call_in_any_thread(aws):
    point = KillPoint(0, Fault.CRASH_AFTER)
    client = FaultyClient(aws.dynamodb, point)
    with pytest.raises(Crash):
        client.put_item(TableName=TABLE, Item=KEY)
    crashed = []

    def other():
        try:
            client.delete_item(TableName=TABLE, Key=KEY)
        except Crash:
            crashed.append(True)

    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
    assert crashed
    assert aws.dynamodb.tables[TABLE].items() == [KEY]
    assert point.calls == ["put_item"]


def test_a_point_that_is_not_reached_stops_nothing(aws):
    point = KillPoint(7)
    three_calls(aws, point)
    assert not point.reached
    assert not KillPoint().reached


def test_a_point_is_printed_as_it_can_be_pasted():
    point = KillPoint(3, Fault.CRASH_AFTER)
    assert repr(eval(repr(point))) == repr(point) == "KillPoint(3, Fault.CRASH_AFTER)"
