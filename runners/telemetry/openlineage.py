"""Lineage: tells of jobs as OpenLineage events, to a file or over HTTP, and never slows or fails a run for it.

An event that cannot be delivered is dropped; how many were is logged, at most once a minute.
"""

from __future__ import annotations

import json
import logging
import os
from collections import deque
from http import HTTPStatus
from pathlib import Path
from threading import Condition, Lock, Thread
from time import monotonic
from typing import TYPE_CHECKING, Any, Protocol
from urllib.error import HTTPError
from urllib.parse import urlsplit, urlunsplit
from urllib.request import Request, urlopen

from runners.errors import ConfigurationError
from runners.observer import Observer

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from runners.job import ActiveJob, Outcome
    from runners.telemetry.lineage_events import Events

log = logging.getLogger(__name__)

HTTP_PATH = "/api/v1/lineage"
HTTP_TIMEOUT = 5.0  # seconds, of one request
HTTP_TRIES = 2  # of one event
HTTP_QUEUE = 10_000  # events that wait to be sent; some 2 kB each
FLUSH_TIMEOUT = 2.0  # seconds that the end of a turn waits for events to be sent
_TOLD_EVERY = 60.0  # seconds from one line about dropped events to the next
_MODE = 0o600  # of a new file: for its owner only


class Sink(Protocol):
    """Where events go."""

    def send(self, event: dict[str, Any]) -> None:
        """Take an event, without waiting for it to arrive and without raising."""

    def flush(self, timeout: float) -> None:
        """Wait until all have arrived or were dropped, or ``timeout`` seconds are over."""


class Lineage(Observer):
    """Tells a sink of the start and the end of each job.

    Args:
        events: makes the events.
        sink: takes them.

    """

    def __init__(self, events: Events, sink: Sink) -> None:
        self._events = events
        self._sink = sink

    def started(self, job: ActiveJob) -> None:
        """Send ``START``."""
        self._sink.send(self._events.start(job, job.started_at or job.claimed_at))

    def ended(self, job: ActiveJob, outcome: Outcome, at: datetime) -> None:
        """Send ``COMPLETE`` or ``FAIL``; before it ``START`` for a job that was never started, as each run has one."""
        if job.run_id is None:
            self._sink.send(self._events.start(job, job.claimed_at))
        self._sink.send(self._events.end(job, outcome, at))

    def abandoned(self, job: ActiveJob, at: datetime) -> None:
        """Send ``ABORT``, unless the job was never started: of such a one nothing was told."""
        if job.run_id is not None:
            self._sink.send(self._events.abort(job, at))

    def flush(self) -> None:
        """Wait a moment for what is on its way."""
        self._sink.flush(FLUSH_TIMEOUT)


class Dropped:
    """Counts events that were dropped, and logs how many, at most once a minute."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._lock = Lock()
        self._told_at = float("-inf")
        self._untold = 0
        self.total = 0

    def count(self, why: str) -> None:
        """Count one more."""
        with self._lock:
            self.total += 1
            self._untold += 1
            if self._clock() - self._told_at < _TOLD_EVERY:
                return
            dropped, self._untold, self._told_at = self._untold, 0, self._clock()
        log.warning(
            "lineage events were dropped",
            extra={"action": "lineage_dropped", "dropped": dropped, "dropped_in_all": self.total, "reason": why},
        )


class FileSink:
    """Appends each event to a file as a line, in one write, so that several processes may share the file.

    Args:
        path: the file; it is made if there is none, its folder is not.
        dropped: counts what could not be written.

    """

    def __init__(self, path: Path, dropped: Dropped | None = None) -> None:
        self._path = path
        self.dropped = dropped or Dropped()

    def send(self, event: dict[str, Any]) -> None:
        """Append an event."""
        line = f"{json.dumps(event)}\n".encode()
        try:
            file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, _MODE)
            try:
                written = os.write(file, line)
            finally:
                os.close(file)
        except OSError as error:
            self.dropped.count(type(error).__name__)
        else:
            if written < len(line):
                self.dropped.count("the disk is full")

    def flush(self, timeout: float) -> None:
        """Do nothing: each event was written when it came."""


class HttpSink:
    """Posts each event from a thread of its own, in order.

    Args:
        url: the address of ``/api/v1/lineage``.
        post: posts a document to an address; raises OSError if it was not taken.
        limit: events that wait at a time, at most; further ones are dropped.
        dropped: counts what could not be sent.

    """

    def __init__(
        self,
        url: str,
        post: Callable[[str, bytes], None] | None = None,
        limit: int = HTTP_QUEUE,
        dropped: Dropped | None = None,
    ) -> None:
        self._url = url
        self._post = post or _post
        self._limit = limit
        self.dropped = dropped or Dropped()
        self._waiting: deque[dict[str, Any]] = deque()
        self._unsent = 0  # waiting, or on its way
        self._changed = Condition()
        self._thread: Thread | None = None

    def send(self, event: dict[str, Any]) -> None:
        """Put an event into the queue."""
        with self._changed:
            if taken := self._unsent < self._limit:
                self._waiting.append(event)
                self._unsent += 1
                self._changed.notify_all()
                if self._thread is None:
                    self._thread = Thread(target=self._send_all, name="lineage", daemon=True)
                    self._thread.start()
        if not taken:
            self.dropped.count("too many events wait")

    def flush(self, timeout: float) -> None:
        """Wait until the queue is empty, ``timeout`` seconds at most."""
        with self._changed:
            self._changed.wait_for(lambda: self._unsent == 0, timeout)

    def _send_all(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: bool(self._waiting))
                event = self._waiting.popleft()
            try:
                self._send_one(json.dumps(event).encode())
            except Exception as error:
                self.dropped.count(type(error).__name__)
            with self._changed:
                self._unsent -= 1
                self._changed.notify_all()

    def _send_one(self, document: bytes) -> None:
        for tries_left in reversed(range(HTTP_TRIES)):
            try:
                return self._post(self._url, document)
            except HTTPError as error:
                error.close()
                if error.code < HTTPStatus.INTERNAL_SERVER_ERROR or not tries_left:
                    raise
            except OSError:
                if not tries_left:
                    raise
        return None


def sink_of(place: str) -> Sink:
    """Return the sink that the setting ``lineage`` names.

    Raises:
        ConfigurationError: it names none.

    """
    parts = urlsplit(place)
    if parts.scheme == "file" and place.removeprefix("file:").strip("/"):
        return FileSink(Path(place.removeprefix("file://").removeprefix("file:")))
    if parts.scheme in {"http", "https"} and parts.hostname:
        path = parts.path if parts.path.endswith(HTTP_PATH) else parts.path.rstrip("/") + HTTP_PATH
        return HttpSink(urlunsplit(parts._replace(path=path)))
    raise ConfigurationError(
        "RUNNERS_LINEAGE names no place for lineage events: give file:PATH, or an http(s):// address"
    )


def _post(url: str, document: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    request = Request(url, data=document, headers=headers, method="POST")  # noqa: S310  # the scheme was looked at
    with urlopen(request, timeout=HTTP_TIMEOUT) as answer:  # noqa: S310  # the same
        answer.read()
