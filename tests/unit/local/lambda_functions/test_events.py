from __future__ import annotations

import json
import threading
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from runners.errors import LocalAWSError
from runners.local.lambda_functions.events import MAX_AT_ONCE, AsynchronousInvocations
from runners.local.lambda_functions.sandbox import Invocation
from tests.integration.waiting import eventually

ARN = "arn:aws:lambda:us-east-1:123456789012:function:function"


class World:
    """A function whose invocations end as planned, and what was sent to destinations."""

    def __init__(self) -> None:
        self.function: Any = SimpleNamespace(
            function_name="function",
            function_arn=ARN,
            version="$LATEST",
            event_invoke_config=[],
            dead_letter_config={},
        )
        self.plan: list[Any] = []
        self.runs: list[Any] = []
        self.go_on = threading.Event()
        self.go_on.set()
        self.at_once = 0
        self.most_at_once = 0
        self._lock = threading.Lock()
        self.events = AsynchronousInvocations(
            lambda arn: self.function if arn == ARN else None, self.run, self.client, [timedelta(milliseconds=1)]
        )

    def run(self, _function: Any, event: Any) -> tuple[str, Invocation]:
        with self._lock:
            self.runs.append(event)
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
            planned = self.plan.pop(0) if self.plan else None
        assert self.go_on.wait(30)
        with self._lock:
            self.at_once -= 1
        if isinstance(planned, Exception):
            raise planned
        failed = planned == "fails"
        payload = json.dumps({"errorMessage": "failed"} if failed else "done")
        return "request", Invocation(payload, failed=failed, log="", duration_seconds=0)

    def client(self, service: str) -> Any:
        raise AssertionError(f"nothing should be sent to {service}")

    def configure(self, **config: Any) -> None:
        self.function.event_invoke_config = [SimpleNamespace(config=config)]


@pytest.fixture
def world() -> World:
    return World()


def test_events_run_in_their_order_when_one_at_a_time_is_there(world: World) -> None:
    for number in range(3):
        world.events.put(ARN, number)
        eventually(lambda: len(world.runs) == number + 1)  # noqa: B023
    assert world.runs == [0, 1, 2]


def test_no_more_than_some_run_at_the_same_time(world: World) -> None:
    world.go_on.clear()
    for number in range(MAX_AT_ONCE + 5):
        world.events.put(ARN, number)
    eventually(lambda: world.at_once == MAX_AT_ONCE)
    world.go_on.set()
    eventually(lambda: len(world.runs) == MAX_AT_ONCE + 5)
    assert world.most_at_once == MAX_AT_ONCE


def test_a_failed_event_is_tried_again_until_it_succeeds(world: World) -> None:
    world.plan = ["fails", "fails"]
    world.events.put(ARN, "event")
    eventually(lambda: len(world.runs) == 3)


def test_retries_are_as_many_as_the_function_says(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.configure(MaximumRetryAttempts=0)
    world.plan = ["fails"] * 5
    world.events.put(ARN, "event")
    eventually(lambda: "failed 1 times" in caplog.text)
    assert world.runs == ["event"]


def test_an_event_of_a_function_that_is_gone_is_dropped(world: World) -> None:
    world.events.put("gone", "event")
    world.events.put(ARN, "other")
    eventually(lambda: world.runs == ["other"])


def test_an_error_of_the_engine_loses_one_event_and_no_other(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.plan = [LocalAWSError("no sandbox")]
    world.events.put(ARN, "lost")
    eventually(lambda: "was lost" in caplog.text)
    world.events.put(ARN, "kept")
    eventually(lambda: world.runs == ["lost", "kept"])


def test_a_destination_that_is_not_supported_is_said(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.configure(DestinationConfig={"OnSuccess": {"Destination": "arn:aws:events:us-east-1:1:event-bus/bus"}})
    world.events.put(ARN, "event")
    eventually(lambda: "does not deliver to the destination" in caplog.text)


def test_after_the_end_nothing_runs_and_nothing_is_tried_again(world: World) -> None:
    world.go_on.clear()
    world.plan = ["fails", LocalAWSError("the sandbox was ended")]
    for number in range(2):
        world.events.put(ARN, number)
    eventually(lambda: world.at_once == 2)
    closing = threading.Thread(target=world.events.close)
    closing.start()
    eventually(world.events._closing.is_set)
    world.go_on.set()
    closing.join(10)
    assert not closing.is_alive()
    world.events.put(ARN, "late")
    assert sorted(world.runs) == [0, 1]
