from __future__ import annotations

import threading
from typing import Any

import pytest

from runners.local.dms import full_load, replication
from runners.local.dms.columns import TableName
from runners.local.dms.errors import EndpointError
from runners.local.dms.events import Subject
from runners.local.dms.full_load import StoppedError, TableLoad
from runners.local.dms.replication import RELOAD, RESUME, START, Replication
from tests.integration.waiting import eventually


class FakeLoad:
    """A load that ends as it is told, once it is let go on."""

    def __init__(self, error: Exception | None = None, *, waits: bool = False) -> None:
        self.tables = [TableLoad(TableName("s", "t"))]
        self.error = error
        self.completed: list[TableLoad] = []
        self.reloaded = False
        self._go_on = threading.Event()
        if not waits:
            self._go_on.set()

    def run(self, completed: Any = (), *, reloaded: bool = False) -> None:
        self.completed, self.reloaded = list(completed), reloaded
        assert self._go_on.wait(10)
        if self.error:
            raise self.error
        self.tables[0].enter(full_load.COMPLETED)

    def stop(self) -> None:
        self.error = StoppedError("stopped")
        self._go_on.set()


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The verbs of the events that were sent."""
    verbs: list[str] = []
    monkeypatch.setattr(replication.events, "send", lambda _subject, occurrence, _text: verbs.append(occurrence.verb))
    return verbs


@pytest.fixture
def made(said: list[str]) -> Replication:
    return Replication(Subject("123456789012", "us-east-1", "arn", "name"))


def run(made: Replication, load: Any, start_type: str = START) -> None:
    assert made.start(start_type, lambda _started: load)
    eventually(lambda: made.status not in replication.ACTIVE)


def test_a_load_that_ends_stops_the_replication_for_a_good_reason(made: Replication, said: list[str]) -> None:
    run(made, FakeLoad())
    assert (made.status, made.stop_reason, made.failure) == ("stopped", replication.FINISHED, "")
    assert made.statistics()["FullLoadProgressPercent"] == 100
    eventually(lambda: said == ["STARTED", "STOPPED"])


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (
            EndpointError("gone"),
            "Last Error Endpoint initialization failed. gone Stop Reason FATAL_ERROR Error Level FATAL",
        ),
        (ValueError("hush-hush"), "Last Error ValueError Stop Reason FATAL_ERROR Error Level FATAL"),
    ],
)
def test_a_load_that_breaks_fails_the_replication(
    made: Replication, said: list[str], error: Exception, failure: str
) -> None:
    run(made, FakeLoad(error))
    assert (made.status, made.stop_reason, made.failure) == ("failed", replication.FATAL, failure)
    eventually(lambda: said == ["STARTED", "FAILED"])


def test_a_replication_that_goes_on_is_not_started_and_can_be_stopped(made: Replication) -> None:
    load = FakeLoad(waits=True)
    assert made.start(START, lambda _started: load)  # type: ignore[arg-type, return-value]
    assert not made.start(RELOAD, lambda _started: load)  # type: ignore[arg-type, return-value]
    made.stop()
    eventually(lambda: made.status == "stopped")
    assert made.stop_reason == replication.NORMAL


def test_a_replication_that_is_ended_for_good_says_nothing_more(made: Replication, said: list[str]) -> None:
    made.start(START, lambda _started: FakeLoad(waits=True))  # type: ignore[arg-type, return-value]
    eventually(lambda: said == ["STARTED"])
    made.end()
    assert (made.status, said) == ("stopped", ["STARTED"])


def test_a_resume_is_given_what_is_completed_and_a_reload_is_not(made: Replication) -> None:
    first, resumed, reloaded = FakeLoad(), FakeLoad(), FakeLoad()
    run(made, first)
    fresh = made.fresh_started
    run(made, resumed, RESUME)
    assert resumed.completed == first.tables
    assert made.fresh_started == fresh
    run(made, reloaded, RELOAD)
    assert (reloaded.completed, reloaded.reloaded) == ([], True)
    assert made.fresh_started != fresh


def test_a_replication_that_is_ready_has_nothing_to_tell(made: Replication) -> None:
    statistics = made.statistics()
    assert (made.status, made.has_run, made.tables) == ("ready", False, [])
    assert (statistics["FullLoadProgressPercent"], statistics["ElapsedTimeMillis"]) == (0, 0)
    made.stop()
    made.end()
    assert made.status == "ready"
