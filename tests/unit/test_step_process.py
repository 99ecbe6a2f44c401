from __future__ import annotations

import io
import json
import signal
from typing import Any

import boto3
import pytest
from botocore.parsers import ResponseParserError

from runners import step_process
from runners.completions import Completions, CompletionStatus, texts_of
from runners.services.step_records import StepRecords
from runners.step_process import FORCED, REPORTED, StepJob, main
from runners.steps.errors import SourceUnavailable, StepStopped
from tests.integration.waiting import eventually
from tests.unit.completions_table import TABLE, create_table
from tests.unit.doubles import CountingClient, client_error

KEY = "0123456789abcdef"
REQUEST = {"StepType": "Greet", "Parameters": {"Name": "hush"}}
RESULT = {"success": True, "message": "done", "result": {"rows": 3}, "metrics": {}}


class Executor:
    """Runs a function of a test in the place of a step."""

    def __init__(self, step=lambda **_: RESULT):
        self.step = step
        self.requests = []

    def execute(self, request, **more):
        self.requests.append(request)
        return self.step(**more)


class Exits:
    """Takes note of a process's forced end, and lets the step that did not stop go on."""

    def __init__(self):
        self.status: list[int] = []

    def __call__(self, status: int) -> None:
        self.status.append(status)


@pytest.fixture
def dynamodb(aws):
    client = boto3.client("dynamodb")
    create_table(client)
    return CountingClient(client)


@pytest.fixture
def completions(dynamodb):
    return Completions(TABLE, dynamodb)


@pytest.fixture
def exits():
    return Exits()


@pytest.fixture
def job(completions, exits):
    """A job that beats all the time, and is not patient."""
    return StepJob(KEY, completions, beat_interval=0.001, grace=0.0, end=exits)


def record(dynamodb) -> dict[str, str]:
    item: Any = dynamodb._client.get_item(TableName=TABLE, Key={"completion_key": {"S": KEY}}).get("Item", {})
    return texts_of(item)


def test_a_step_that_ends_is_reported_with_its_result(job, dynamodb):
    executor = Executor()
    job.run(REQUEST, executor)
    assert executor.requests == [REQUEST]
    assert record(dynamodb)["status"] == CompletionStatus.SUCCEEDED
    assert json.loads(record(dynamodb)["output"]) == {"Payload": RESULT}


def test_a_step_that_fails_is_reported_by_its_error(job, dynamodb):
    def fails(**_):
        raise SourceUnavailable("the shop is closed", connection="shop")

    job.run(REQUEST, Executor(fails))
    assert record(dynamodb)["error"] == "SourceUnavailable"
    assert json.loads(record(dynamodb)["cause"]) == {
        "error": "SourceUnavailable",
        "message": "the shop is closed",
        "transient": True,
        "connection": "shop",
    }


def test_a_job_that_another_process_has_begun_is_left_to_it(job, completions):
    completions.begin(KEY)
    executor = Executor()
    job.run(REQUEST, executor)
    assert executor.requests == []


def test_beats_tell_how_much_was_moved(job, dynamodb):
    def moves(progress, **_):
        progress(1000, 8000)
        eventually(lambda: record(dynamodb).get("rows") == "1000")
        assert record(dynamodb)["bytes"] == "8000"
        return RESULT

    job.run(REQUEST, Executor(moves))
    assert record(dynamodb)["status"] == CompletionStatus.SUCCEEDED


def test_a_step_stops_when_a_beat_hears_that_it_was_cancelled(job, dynamodb):
    def is_cancelled(stopping, **_):
        StepRecords(TABLE, dynamodb).stop(KEY)
        eventually(stopping)
        raise StepStopped("stopped")

    job.run(REQUEST, Executor(is_cancelled))
    assert record(dynamodb)["status"] == CompletionStatus.CANCELLED


def test_a_step_that_was_cancelled_may_not_publish(job, dynamodb):
    allowed = []

    def publishes(may_publish, **_):
        StepRecords(TABLE, dynamodb).stop(KEY)
        allowed.append(may_publish())
        raise StepStopped("stopped")

    job.run(REQUEST, Executor(publishes))
    assert allowed == [False]


def test_a_step_that_is_told_to_stop_and_does_not_ends_with_its_process(job, dynamodb, exits):
    def goes_on(**_):
        job.stop()
        job.stop()
        eventually(lambda: exits.status)
        return RESULT

    job.run(REQUEST, Executor(goes_on))
    assert set(exits.status) == {FORCED}
    assert record(dynamodb)["error"] == "StepStopped"


def test_a_process_ends_even_if_that_cannot_be_reported(job, dynamodb, exits):
    def goes_on(**_):
        dynamodb.call.before("update_item", client_error("AccessDeniedException"), 2)  # the beat, the report
        job.stop()
        eventually(lambda: exits.status)
        return RESULT

    job.run(REQUEST, Executor(goes_on))
    assert set(exits.status) == {FORCED}


def test_a_step_that_publishes_is_left_to_its_end(job, dynamodb, exits):
    def publishes(may_publish, **_):
        assert may_publish()
        job.stop()
        beats = dynamodb.call.calls["update_item"]
        eventually(lambda: dynamodb.call.calls["update_item"] > beats + 2)
        return RESULT

    job.run(REQUEST, Executor(publishes))
    assert exits.status == []
    assert record(dynamodb)["status"] == CompletionStatus.SUCCEEDED


@pytest.mark.parametrize(
    "error", [client_error("ProvisionedThroughputExceededException"), ResponseParserError("a page of a proxy")]
)
def test_a_beat_that_is_not_taken_stops_nothing(job, dynamodb, error):
    dynamodb.call.before("update_item", error)

    def works(stopping, **_):
        eventually(lambda: "beat_at" in record(dynamodb))
        assert not stopping()
        return RESULT

    job.run(REQUEST, Executor(works))
    assert record(dynamodb)["status"] == CompletionStatus.SUCCEEDED


def test_the_process_is_told_on_its_standard_input_and_heeds_signals(aws, dynamodb, monkeypatch):
    def stopped_by_a_signal(stopping, **_):
        signal.raise_signal(signal.SIGTERM)
        assert stopping()
        raise StepStopped("stopped by a signal")

    executor = Executor(stopped_by_a_signal)
    monkeypatch.setenv("RUNNERS_COMPLETIONS_TABLE", TABLE)
    monkeypatch.setattr(step_process, "executor_of", lambda _: executor)
    before = {number: signal.getsignal(number) for number in step_process._SIGNALS}
    try:
        assert main(io.BytesIO(json.dumps({"key": KEY, "request": REQUEST}).encode())) == REPORTED
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert executor.requests == [REQUEST]
    assert record(dynamodb)["error"] == "StepStopped"
