from __future__ import annotations

import json
import threading
from datetime import timedelta
from email.message import Message
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.error import HTTPError, URLError

import pytest

from runners.errors import ConfigurationError
from runners.job import Failed, Stage, Succeeded
from runners.telemetry.lineage_events import Events
from runners.telemetry.openlineage import Dropped, FileSink, HttpSink, Lineage, sink_of
from tests.unit.doubles import Clock, active_job

AT = Clock().now + timedelta(seconds=90)
LONG = 30.0  # seconds; more than any of this takes


class ListSink:
    def __init__(self):
        self.events = []
        self.flushed = []

    def send(self, event):
        self.events.append(event)

    def flush(self, timeout):
        self.flushed.append(timeout)


@pytest.fixture
def sink():
    return ListSink()


@pytest.fixture
def lineage(sink):
    return Lineage(Events("here", lambda job: "name"), sink)


def started(number=0):
    return active_job(number, stage=Stage.STARTED, run_id=f"run-{number}", started_at=Clock().now)


def kinds(sink):
    return [event["eventType"] for event in sink.events]


def test_a_job_has_a_start_and_an_end(lineage, sink):
    lineage.started(started())
    lineage.ended(started(), Succeeded({}), AT)
    assert kinds(sink) == ["START", "COMPLETE"]
    assert [event["eventTime"][11:19] for event in sink.events] == ["04:05:06", "04:06:36"]


def test_a_job_that_was_never_started_has_a_start_all_the_same(lineage, sink):
    lineage.ended(active_job(), Failed("Refused", {}), AT)
    assert kinds(sink) == ["START", "FAIL"]


def test_a_job_that_nobody_waits_for_is_aborted_if_it_was_started(lineage, sink):
    lineage.abandoned(active_job(), AT)
    assert kinds(sink) == []
    lineage.abandoned(started(), AT)
    assert kinds(sink) == ["ABORT"]


def test_flushing_waits_for_a_bounded_time(lineage, sink):
    lineage.flush()
    assert sink.flushed == [2.0]


# To a file


def test_events_are_appended_as_lines(tmp_path):
    path = tmp_path / "lineage.jsonl"
    sinks = [FileSink(path), FileSink(path)]
    for number in range(4):
        sinks[number % 2].send({"number": number})
    sinks[0].flush(LONG)
    assert [json.loads(line) for line in path.read_text().splitlines()] == [{"number": number} for number in range(4)]
    assert path.stat().st_mode & 0o077 == 0


def test_lines_of_many_threads_stay_whole(tmp_path):
    path = tmp_path / "lineage.jsonl"
    text = "x" * 5_000
    sink = FileSink(path)
    threads = [threading.Thread(target=lambda: [sink.send({"text": text}) for _ in range(20)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = path.read_text().splitlines()
    assert len(lines) == 160
    assert all(json.loads(line) == {"text": text} for line in lines)


def test_a_file_that_cannot_be_written_costs_the_event_and_no_more(tmp_path):
    sink = FileSink(tmp_path / "no folder" / "lineage.jsonl")
    sink.send({})
    assert sink.dropped.total == 1


def test_a_line_that_was_cut_short_is_counted(tmp_path, monkeypatch):
    monkeypatch.setattr("runners.telemetry.openlineage.os.write", lambda _file, line: len(line) - 1)
    sink = FileSink(tmp_path / "lineage.jsonl")
    sink.send({})
    assert sink.dropped.total == 1


# Over HTTP


class Posts:
    """Takes posts; each waits until it is let go, and answers with the next error if there is one."""

    def __init__(self, *errors):
        self.bodies = []
        self.begun = threading.Semaphore(0)
        self.go = threading.Event()
        self._errors = list(errors)

    def __call__(self, url, body):
        self.begun.release()
        assert self.go.wait(LONG)
        if self._errors and (error := self._errors.pop(0)):
            raise error
        self.bodies.append(json.loads(body))


def test_events_are_posted_in_order():
    posts = Posts()
    posts.go.set()
    sink = HttpSink("http://here", posts)
    for number in range(50):
        sink.send({"number": number})
    sink.flush(LONG)
    assert posts.bodies == [{"number": number} for number in range(50)]


def test_an_event_that_finds_too_many_waiting_is_dropped_and_nobody_waits(caplog):
    posts = Posts()
    sink = HttpSink("http://here", posts, limit=2)
    for number in range(5):  # the first is on its way and stays there
        sink.send({"number": number})
    assert sink.dropped.total == 3
    posts.go.set()
    sink.flush(LONG)
    assert posts.bodies == [{"number": 0}, {"number": 1}]


def test_flushing_does_not_wait_for_a_server_that_does_not_answer():
    posts = Posts()
    sink = HttpSink("http://here", posts)
    sink.send({})
    assert posts.begun.acquire(timeout=LONG)
    sink.flush(0.0)
    assert posts.bodies == []
    posts.go.set()
    sink.flush(LONG)
    assert posts.bodies == [{}]


def http_error(status):
    return HTTPError("http://here", status, "oh", Message(), None)


@pytest.mark.parametrize(
    ("errors", "arrived"),
    [
        ([URLError("away")], [{"n": 1}, {"n": 2}]),
        ([http_error(503)], [{"n": 1}, {"n": 2}]),
        ([URLError("away"), TimeoutError()], [{"n": 2}]),
        ([http_error(503), http_error(503)], [{"n": 2}]),
        ([http_error(400)], [{"n": 2}]),
        ([ValueError()], [{"n": 2}]),
    ],
)
def test_an_event_that_does_not_arrive_is_sent_once_more_where_that_may_help(errors, arrived):
    posts = Posts(*errors)
    posts.go.set()
    sink = HttpSink("http://here", posts)
    sink.send({"n": 1})
    sink.send({"n": 2})
    sink.flush(LONG)
    assert posts.bodies == arrived
    assert sink.dropped.total == 2 - len(arrived)


def test_an_event_arrives_at_a_server():
    got = []

    class Server(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.append((self.path, self.headers["Content-Type"], json.loads(body)))
            self.send_response(201)
            self.end_headers()

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Server) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        sink = sink_of(f"http://127.0.0.1:{server.server_port}/marquez/")
        sink.send({"a": 1})
        sink.flush(LONG)
        server.shutdown()
        thread.join()
    assert got == [("/marquez/api/v1/lineage", "application/json", {"a": 1})]
    assert sink.dropped.total == 0


# What was dropped


def test_drops_are_logged_once_a_minute_with_their_count(caplog):
    seconds = [0.0]
    dropped = Dropped(clock=lambda: seconds[0])
    for at in (0, 1, 59, 60, 61):
        seconds[0] = at
        dropped.count("away")
    lines = [(record.action, record.dropped, record.dropped_in_all) for record in caplog.records]
    assert lines == [("lineage_dropped", 1, 1), ("lineage_dropped", 3, 4)]
    assert dropped.total == 5


# Which sink


@pytest.mark.parametrize("place", ["file:/var/lineage.jsonl", "file:///var/lineage.jsonl"])
def test_a_file_is_named_by_its_path(place):
    sink = sink_of(place)
    assert isinstance(sink, FileSink)
    assert str(sink._path) == "/var/lineage.jsonl"


@pytest.mark.parametrize("place", ["https://lineage", "https://lineage/", "https://lineage/api/v1/lineage"])
def test_a_server_is_named_by_its_address_with_or_without_the_path(place):
    assert sink_of(place)._url == "https://lineage/api/v1/lineage"


@pytest.mark.parametrize("place", ["somewhere", "file:", "file:///", "http://", "ftp://lineage"])
def test_no_place_is_refused(place):
    with pytest.raises(ConfigurationError, match="RUNNERS_LINEAGE"):
        sink_of(place)
