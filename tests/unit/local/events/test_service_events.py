from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

from moto.events.models import EventsBackend

from runners.local.events import service_events

if TYPE_CHECKING:
    import pytest


def test_an_event_of_a_service_reaches_the_default_bus_of_its_account_and_region(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sent: list[tuple[str, str, Any]] = []
    monkeypatch.setattr(
        EventsBackend, "put_events", lambda bus, events: sent.append((bus.account_id, bus.region_name, events))
    )
    service_events.send("123456789012", "eu-west-1", "aws.dms", "Task", {"state": "x"}, resources=["arn:aws:dms"])
    ((account, region, (event,)),) = sent
    assert (account, region) == ("123456789012", "eu-west-1")
    assert (event["Source"], event["DetailType"], event["Resources"]) == ("aws.dms", "Task", ["arn:aws:dms"])
    assert json.loads(event["Detail"]) == {"state": "x"}


def test_a_target_that_fails_does_not_fail_the_service(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise ValueError("no such target")

    monkeypatch.setattr(EventsBackend, "put_events", fail)
    with caplog.at_level(logging.ERROR):
        service_events.send("123456789012", "us-east-1", "aws.glue", "Glue Job State Change", {})
    assert [record.__dict__["action"] for record in caplog.records] == ["service_event"]
