from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any

from moto.events.models import EventsBackend

from runners.local.athena.queries import Query, QueryRequest
from runners.local.athena.running import Running
from runners.local.athena.statements import statement

if TYPE_CHECKING:
    import pytest

PATIENCE_SECONDS = 30


def query(sql: str = "SHOW DATABASES") -> Query:
    return Query(QueryRequest(sql, "db", "primary", "s3://b/o/", {}, {}), statement(sql))


class BrokenGlue:
    """A Glue that breaks as no AWS does, with words that belong in no log."""

    def get_paginator(self, _: str) -> Any:
        raise RuntimeError("secret")


def test_an_engine_that_breaks_fails_the_query_and_keeps_what_it_read_out_of_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    running = Running(lambda _service, _region: BrokenGlue())
    one = query()
    with caplog.at_level(logging.ERROR):
        running.submit(one, "us-east-1", [])
        assert one.ended.wait(PATIENCE_SECONDS)
        running.stop()
    assert str(one.error) == "GENERIC_INTERNAL_ERROR: The embedded engine broke: RuntimeError"
    (record,) = caplog.records
    assert (record.action, record.query_id, record.error) == ("athena_query_broke", one.query_id, "RuntimeError")  # type: ignore[attr-defined]
    assert record.where.startswith("test_running.py:")  # type: ignore[attr-defined]
    assert "secret" not in caplog.text


def test_an_engine_that_ends_cancels_its_queries_and_tells_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[Any] = []
    monkeypatch.setattr(EventsBackend, "put_events", lambda _, events: sent.extend(events))
    asked = threading.Event()
    one = query()

    class EndlessGlue:
        def get_paginator(self, _: str) -> Any:
            asked.set()
            while True:
                one.go_on()
                threading.Event().wait(0.01)

    running = Running(lambda _service, _region: EndlessGlue())
    one.on_change = running.announce("123456789012", "us-east-1")
    running.submit(one, "us-east-1", [])
    assert asked.wait(PATIENCE_SECONDS)
    running.stop()
    assert one.state == "CANCELLED"
    assert len(sent) == 2
