from __future__ import annotations

import signal
import threading
from queue import Empty

import pytest

from runners.worker import worker as workers
from runners.worker.worker import Worker


class FakePart:
    """A part that lives until a test, or its stop, ends it."""

    def __init__(self, name="fake", *, ends_when_stopped=True):
        self.name = name
        self.lives = False
        self.error = None
        self.open_polls = 2
        self.stopped = 0
        self.flushed = 0
        self._ends_when_stopped = ends_when_stopped

    def start(self):
        self.lives = True

    def stop(self):
        self.stopped += 1
        self.lives = self.lives and not self._ends_when_stopped

    def flush(self):
        self.flushed += 1

    def figures(self):
        return {"open_polls": self.open_polls}

    def problems(self):
        return [f"{self.name}: wrong"] if self.error else []


@pytest.fixture
def said():
    return []


@pytest.fixture
def worker(said):
    return Worker(said.append)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_every_part_and_is_a_success(worker, said, number):
    parts = [FakePart("one"), FakePart("two")]
    worker.on_signal(number)
    assert worker.run(parts) == 0
    assert [part.stopped for part in parts] == [1, 1]
    assert said == [f"Stopping ({number.name}): open polls are waited out, 4 of them, for up to 70 seconds."]


def test_a_part_that_dies_stops_the_others_and_is_a_failure(worker, said):
    dying, other = FakePart("dying", ends_when_stopped=False), FakePart("other")
    dying.start = lambda: setattr(dying, "error", KeyError())
    worker.thread_ended()
    assert worker.run([dying, other]) == 1
    assert other.stopped == 1
    assert "a part has died" in said[0]
    assert worker.problems() == ["dying: wrong"]


def test_a_thread_that_ends_as_it_should_stops_nothing(worker):
    part = FakePart()
    worker.thread_ended()
    worker.on_signal(signal.SIGTERM)
    assert worker.run([part]) == 0
    assert part.stopped == 1


def test_a_second_interrupt_tells_how_to_force_it_and_a_third_does(worker, said):
    part = FakePart(ends_when_stopped=False)
    for _ in range(3):
        worker.on_signal(signal.SIGINT)
    assert worker.run([part]) == 1
    assert worker.forced
    assert part.stopped == 1
    assert "Still waiting for 2 open polls" in said[1]
    assert "is lost until its heartbeat times out" in said[1]
    assert said[2].startswith("Ended at once, with 2 open polls.")


def test_sigquit_ends_it_at_once(worker):
    worker.on_signal(signal.SIGQUIT)
    assert worker.run([FakePart(ends_when_stopped=False)]) == 1
    assert worker.forced


def test_more_sigterms_force_nothing(worker, said):
    part = FakePart(ends_when_stopped=False)
    part.stop = lambda: None
    for _ in range(5):
        worker.on_signal(signal.SIGTERM)
    worker.on_signal(signal.SIGQUIT)
    assert worker.run([part]) == 1
    assert len(said) == 2


def test_metrics_are_handed_on_from_time_to_time_and_at_the_end(worker, monkeypatch):
    part = FakePart()
    news = iter([Empty(), signal.SIGTERM])

    def get(timeout):
        assert timeout == workers.FLUSH_INTERVAL
        item = next(news)
        if isinstance(item, Empty):
            raise item
        return item

    monkeypatch.setattr(worker, "_news", type("News", (), {"get": staticmethod(get)}))
    assert worker.run([part]) == 0
    assert part.flushed == 2


def test_its_figures_are_those_of_its_parts(worker):
    worker.parts = [FakePart("one")]
    assert worker.figures() == {"stopping": False, "runners": {"one": {"open_polls": 2}}}


def test_signals_are_waited_for_in_a_thread_of_their_own(worker, monkeypatch):
    blocked = []
    signals = iter([signal.SIGTERM])
    no_more = threading.Event()

    def wait(_):
        return next(signals, None) or no_more.wait()

    monkeypatch.setattr(workers.signal, "pthread_sigmask", lambda *given: blocked.append(given))
    monkeypatch.setattr(workers.signal, "sigwait", wait)
    part = FakePart()
    worker.listen_for_signals()
    assert worker.run([part]) == 0
    assert blocked == [(signal.SIG_BLOCK, workers.SIGNALS)]
