from __future__ import annotations

import logging

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ParamValidationError, ReadTimeoutError

from runners.errors import StartLaterError, StartRefusedError
from runners.job import Running
from runners.services.calls import batches, described, grouped, starting, under_key
from tests.unit.doubles import active_job, client_error


def start(error):
    with starting("Fake", lambda reason: StartRefusedError("FakeError", {"Reason": reason}), later={"FakeIsFull"}):
        raise error


def test_a_start_that_succeeds_is_left_alone():
    with starting("Fake", lambda _: StartRefusedError("FakeError", {})):
        run_id = "run"
    assert run_id == "run"


@pytest.mark.parametrize("code", ["FakeIsFull", "ThrottlingException", "ExpiredTokenException"])
def test_a_service_that_is_busy_starts_the_job_later(code):
    with pytest.raises(StartLaterError, match=f"Fake answered {code}: because"):
        start(client_error(code))


def test_a_service_that_cannot_be_reached_starts_the_job_later():
    with pytest.raises(StartLaterError, match="Fake cannot be reached"):
        start(EndpointConnectionError(endpoint_url="https://fake"))


@pytest.mark.parametrize("code", ["ValidationException", "AccessDeniedException", "WhateverFakeSays"])
def test_a_request_that_the_service_will_never_take_is_refused_with_its_words(code):
    with pytest.raises(StartRefusedError) as caught:
        start(client_error(code))
    assert caught.value.cause == {"Reason": f"{code}: because"}


@pytest.mark.parametrize(
    "error",
    [
        client_error("InternalFailure", status=500),
        client_error("WhateverFakeSays", status=503),
        client_error("OperationTimeoutException"),
        client_error("InternalServiceException"),
        client_error("ServiceUnavailableException"),
        ReadTimeoutError(endpoint_url="https://fake"),
    ],
)
def test_an_answer_that_may_hide_a_start_stays_unclear(error):
    with pytest.raises((ClientError, ReadTimeoutError)) as caught:
        start(error)
    assert caught.value is error


THROTTLED = client_error("ThrottlingException")
LOST = ReadTimeoutError(endpoint_url="https://fake")


def start_that_meets(*errors):
    planned = list(errors)

    def start(name):
        if planned:
            raise planned.pop(0)
        return f"run of {name}"

    return under_key(start)


def test_a_start_under_a_key_is_repeated_until_it_succeeds():
    assert start_that_meets(LOST, THROTTLED, client_error("InternalFailure", status=500))("job") == "run of job"


@pytest.mark.parametrize("last", [[THROTTLED] * 4, [client_error("ValidationException")]])
def test_a_start_that_may_have_taken_effect_stays_unclear_whatever_a_later_attempt_meets(last):
    with pytest.raises(ReadTimeoutError):
        start_that_meets(LOST, *last)("job")


@pytest.mark.parametrize("errors", [[THROTTLED] * 5, [client_error("ValidationException")]])
def test_a_start_that_surely_took_no_effect_raises_what_the_service_said(errors):
    with pytest.raises(ClientError) as caught:
        start_that_meets(*errors)("job")
    assert caught.value is errors[-1]


@pytest.mark.parametrize(
    "report",
    [
        "Invalid type for parameter Name, value: hush, type: <class 'str'>, valid types: <class 'int'>",
        "Invalid length for parameter Name, value: hush\nhush, valid min length: 8",
    ],
)
def test_a_parameter_that_boto3_refuses_is_named_without_its_value(report):
    with pytest.raises(StartRefusedError) as caught:
        start(ParamValidationError(report=report))
    assert "parameter Name" in str(caught.value.cause)
    assert "valid" in str(caught.value.cause)
    assert "hush" not in str(caught.value.cause)


def test_batches_hold_at_most_their_size_and_keep_the_order():
    assert list(batches([1, 2, 3, 4, 5], 2)) == [[1, 2], [3, 4], [5]]
    assert list(batches([], 2)) == []


@pytest.mark.parametrize(
    "error", [client_error("ThrottlingException"), ReadTimeoutError(endpoint_url="https://fake"), KeyError("State")]
)
def test_a_batch_that_is_not_answered_is_left_out_and_stops_no_other(error, caplog):
    jobs = [active_job(number) for number in range(3)]

    def ask(batch):
        if batch == [jobs[1]]:
            raise error
        return {job.task_key: Running("RUNNING") for job in batch}

    with caplog.at_level(logging.WARNING):
        statuses = described("Fake", batches(jobs, 1), ask)
    assert statuses == {jobs[0].task_key: Running("RUNNING"), jobs[2].task_key: Running("RUNNING")}
    assert [record.action for record in caplog.records] == ["describe_failed"]


def test_jobs_are_grouped_by_what_they_share_each_once_and_in_their_order():
    jobs = [active_job(number, request={"Name": name}) for number, name in enumerate(["b", "a", "b"])]
    groups = grouped(jobs, lambda job: job.request["Name"])
    assert list(groups.items()) == [("b", [jobs[0], jobs[2]]), ("a", [jobs[1]])]
