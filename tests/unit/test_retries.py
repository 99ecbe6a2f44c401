from __future__ import annotations

import threading
from types import SimpleNamespace

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    IncompleteReadError,
    NoCredentialsError,
    ReadTimeoutError,
)
from botocore.retries.standard import ThrottledRetryableChecker

from runners.retries import (
    THROTTLED,
    THROTTLES,
    Throttle,
    Throttles,
    error_code,
    error_message,
    is_throttled,
    is_transient,
    is_unclear,
    is_unsent,
    repeated,
    when_throttled,
)
from tests.unit.doubles import client_error

THROTTLING = client_error("ThrottlingException")
SLOW_DOWN = client_error("SlowDown", status=503)
SERVER = client_error("InternalServerError", status=500)
BAD_REQUEST = client_error("ValidationException")
READ_TIMEOUT = ReadTimeoutError(endpoint_url="https://aws")
CLOSED = ConnectionClosedError(endpoint_url="https://aws")
GARBLED = HTTPClientError(error="incomplete read")
CUT_OFF = IncompleteReadError(actual_bytes=1, expected_bytes=2)
UNREACHED = EndpointConnectionError(endpoint_url="https://aws")
CONNECT_TIMEOUT = ConnectTimeoutError(endpoint_url="https://aws")


def test_every_code_by_which_botocore_knows_throttling_is_known():
    ec2_only = {"EC2ThrottledException"}
    assert set(ThrottledRetryableChecker._THROTTLED_ERROR_CODES) - ec2_only <= THROTTLED


@pytest.mark.parametrize("error", [THROTTLING, SLOW_DOWN])
def test_a_throttled_call_took_no_effect(error):
    assert is_throttled(error)
    assert not is_unclear(error)
    assert is_transient(error)


@pytest.mark.parametrize("error", [SERVER, READ_TIMEOUT, CLOSED, GARBLED, CUT_OFF])
def test_a_call_whose_answer_is_lost_may_have_taken_effect(error):
    assert is_unclear(error)
    assert not is_throttled(error)
    assert not is_unsent(error)
    assert is_transient(error)


@pytest.mark.parametrize("error", [UNREACHED, CONNECT_TIMEOUT])
def test_a_call_that_never_reached_aws_took_no_effect(error):
    assert is_unsent(error)
    assert not is_unclear(error)
    assert is_transient(error)


@pytest.mark.parametrize("error", [BAD_REQUEST, NoCredentialsError(), ValueError()])
def test_what_will_not_change_is_not_transient(error):
    assert not is_transient(error)


def test_code_and_message_are_those_of_aws():
    assert (error_code(BAD_REQUEST), error_message(BAD_REQUEST)) == ("ValidationException", "because")
    assert (error_code(ValueError("oh")), error_message(ValueError("oh"))) == ("", "oh")
    assert error_code(ClientError({}, "Operation")) == ""


def tries_of(policy, error, failures):
    tries = []

    @policy
    def call():
        tries.append(1)
        if len(tries) <= failures:
            raise error
        return "done"

    try:
        return call(), len(tries)
    except Exception as raised:
        return raised, len(tries)


@pytest.mark.parametrize("error", [THROTTLING, SERVER, READ_TIMEOUT, UNREACHED])
def test_a_harmless_call_is_repeated_until_it_succeeds(error, naps):
    assert tries_of(repeated, error, failures=4) == ("done", 5)
    assert len(naps) == 4


def test_a_harmless_call_is_given_up_after_five_tries_with_aws_s_own_error():
    assert tries_of(repeated, THROTTLING, failures=5) == (THROTTLING, 5)


def test_a_call_that_will_not_succeed_is_not_repeated(naps):
    assert tries_of(repeated, BAD_REQUEST, failures=1) == (BAD_REQUEST, 1)
    assert naps == []


@pytest.mark.parametrize("error", [THROTTLING, UNREACHED, CONNECT_TIMEOUT])
def test_a_start_is_repeated_when_it_surely_had_no_effect(error):
    assert tries_of(when_throttled, error, failures=2) == ("done", 3)
    assert tries_of(when_throttled, error, failures=3) == (error, 3)


@pytest.mark.parametrize("error", [SERVER, READ_TIMEOUT, CLOSED, BAD_REQUEST])
def test_a_start_that_may_have_had_an_effect_is_not_repeated(error):
    assert tries_of(when_throttled, error, failures=1) == (error, 1)


def test_waits_grow_but_stay_within_seconds(naps):
    tries_of(repeated, THROTTLING, failures=5)
    assert all(0 <= nap <= 5 for nap in naps)


# Counting


@pytest.fixture
def counted(monkeypatch):
    throttles = Throttles()
    monkeypatch.setattr("runners.retries.THROTTLES", throttles)
    return throttles


class FakeClient:
    """A client of Glue whose every call is refused."""

    meta = SimpleNamespace(service_model=SimpleNamespace(service_name="glue"))

    def __init__(self, error):
        self._error = error

    def start_job_run(self):
        raise self._error


@pytest.mark.parametrize(("policy", "tries"), [(repeated, 5), (when_throttled, 3)])
def test_every_throttled_try_is_counted_the_last_one_too(policy, tries, naps, counted):
    with pytest.raises(ClientError):
        policy(FakeClient(SLOW_DOWN).start_job_run)()
    assert counted.counts() == {Throttle("glue", "Operation", "SlowDown"): tries}


def test_a_call_that_does_not_say_whose_it_is_is_counted_by_its_operation(naps, counted):
    tries_of(repeated, THROTTLING, failures=1)
    assert counted.counts() == {Throttle("", "Operation", "ThrottlingException"): 1}


@pytest.mark.parametrize("error", [SERVER, UNREACHED, BAD_REQUEST, ValueError()])
def test_other_errors_are_no_throttles(error, naps, counted):
    tries_of(repeated, error, failures=1)
    assert not counted.counts()


def test_throttles_of_many_threads_are_all_counted():
    throttles = Throttles()
    threads = [
        threading.Thread(target=lambda: [throttles.count(THROTTLING) for _ in range(500)], daemon=True)
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(throttles.counts().values()) == 4_000


def test_what_was_counted_is_given_as_a_copy():
    throttles = Throttles()
    throttles.count(THROTTLING)
    throttles.counts().clear()
    assert sum(throttles.counts().values()) == 1
    assert isinstance(THROTTLES, Throttles)
