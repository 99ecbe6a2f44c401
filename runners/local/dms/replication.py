"""The life of a replication: ready, running, stopped or failed, and again, with what is told of it.

One class for tasks and for serverless replications, which differ in what they are called. It holds no data and copies
none: that is ``full_load``.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from runners.local.dms import events, full_load
from runners.local.dms.errors import DmsError, EndpointError
from runners.local.dms.full_load import FullLoad, StoppedError, TableLoad

if TYPE_CHECKING:
    from collections.abc import Callable

    from runners.local.dms.events import Occurrence, Subject

READY = "ready"
STARTING = "starting"
RUNNING = "running"
STOPPING = "stopping"
STOPPED = "stopped"
FAILED = "failed"
ACTIVE = frozenset({STARTING, RUNNING, STOPPING})

START = "start-replication"
RESUME = "resume-processing"
RELOAD = "reload-target"
START_TYPES = frozenset({START, RESUME, RELOAD})

FINISHED = "Stop Reason FULL_LOAD_ONLY_FINISHED"
NORMAL = "Stop Reason NORMAL"
FATAL = "Stop Reason FATAL_ERROR"
FLAGS = {START: "fresh start", RESUME: "resume", RELOAD: "fresh start"}

logger = logging.getLogger(__name__)


class Replication:
    """A replication that can be started over and over. Safe to use from several threads."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.status = READY
        self.stop_reason = ""
        self.failure = ""
        """What DMS calls the last failure message; also set where tables of a finished load are in error."""
        self.start_type = ""
        self.created = datetime.now(UTC)
        self.started: datetime | None = None
        self.fresh_started: datetime | None = None
        self.stopped: datetime | None = None
        self._loaded_from: datetime | None = None
        self._loaded_to: datetime | None = None
        self._lock = threading.RLock()
        self._load: FullLoad | None = None
        self._previous: list[TableLoad] = []
        self._thread: threading.Thread | None = None
        self._silent = False

    @property
    def has_run(self) -> bool:
        """Whether it was started before."""
        return self.started is not None

    @property
    def tables(self) -> list[TableLoad]:
        """The tables of the load that goes on, or of the last one."""
        with self._lock:
            return list((self._load.tables if self._load else None) or self._previous)

    def start(self, start_type: str, load: Callable[[datetime], FullLoad]) -> bool:
        """Start a load in a thread of its own; ``load`` makes it, given the time of the start.

        Answers whether it was started: one that goes on already is not. The caller has seen to the type of the start.
        """
        with self._lock:
            if self.status in ACTIVE:
                return False
            now = datetime.now(UTC)
            self._previous = self.tables
            self._load = load(now)
            self.start_type, self.status = start_type, STARTING
            self.stop_reason = self.failure = ""
            self.started, self.stopped = now, None
            if start_type != RESUME or self.fresh_started is None:
                self.fresh_started = now
            self._loaded_from = self._loaded_to = None
            self._thread = threading.Thread(target=self._run, args=(self._load,), name="dms-replication", daemon=True)
            self._thread.start()
            return True

    def stop(self) -> None:
        """Ask the load to end; the status is stopping until it has."""
        with self._lock:
            if self.status in ACTIVE and self._load:
                self.status = STOPPING
                self._load.stop()

    def end(self) -> None:
        """Stop for good, without a word to anybody, and return once no load goes on."""
        self._silent = True
        self.stop()
        if self._thread:
            self._thread.join()

    def statistics(self) -> dict[str, Any]:
        """Answer how far it is, as DMS describes it."""
        tables = self.tables
        states = Counter(load.state for load in tables)
        errored = sum(states[state] for state in full_load.IN_ERROR)
        done = states[full_load.COMPLETED]
        end = self.stopped or datetime.now(UTC)
        return {
            "FullLoadProgressPercent": 100 * (done + errored) // len(tables) if tables else 100 * bool(self._loaded_to),
            "ElapsedTimeMillis": int((end - self.started).total_seconds() * 1000) if self.started else 0,
            "TablesLoaded": done,
            "TablesLoading": states[full_load.LOADING],
            "TablesQueued": states[full_load.BEFORE_LOAD],
            "TablesErrored": errored,
            "FreshStartDate": self.fresh_started,
            "StartDate": self.started,
            "StopDate": self.stopped,
            "FullLoadStartDate": self._loaded_from,
            "FullLoadFinishDate": self._loaded_to,
        }

    def _run(self, load: FullLoad) -> None:
        with self._lock:
            if self.status == STARTING:
                self.status = RUNNING
        self._say(events.STARTED, f"Replication task started, with flag = {FLAGS[self.start_type]}")
        self._loaded_from = datetime.now(UTC)
        completed = [table for table in self._previous if table.state == full_load.COMPLETED]
        try:
            load.run(completed if self.start_type == RESUME else (), reloaded=self.start_type == RELOAD)
        except StoppedError:
            self._end(STOPPED, NORMAL, "")
        except DmsError as error:
            self._end(FAILED, FATAL, _failure(str(error), endpoint=isinstance(error, EndpointError)))
        except Exception as error:  # never a task that runs for ever
            logger.exception("a replication broke", extra={"action": "dms_replication_broke"})
            self._end(FAILED, FATAL, _failure(type(error).__name__, endpoint=False))
        else:
            self._loaded_to = datetime.now(UTC)
            self._end(STOPPED, FINISHED, _errors_of(load.tables))

    def _end(self, status: str, reason: str, failure: str) -> None:
        with self._lock:
            self.stop_reason, self.failure = reason, failure
            self.stopped = datetime.now(UTC)
            self.status = status
        if status == FAILED:
            self._say(events.FAILED, f"Replication task has failed. Reason: {failure}.")
        else:
            self._say(events.STOPPED, f"Replication task has stopped. {reason}.")

    def _say(self, occurrence: Occurrence, message: str) -> None:
        if not self._silent:
            events.send(self.subject, occurrence, message)


def _failure(message: str, *, endpoint: bool) -> str:
    said = f"Endpoint initialization failed. {message}" if endpoint else message
    return f"Last Error {said} {FATAL} Error Level FATAL"


def _errors_of(tables: list[TableLoad]) -> str:
    """Say why tables of a finished load are in error; empty when none is."""
    errors = [load.error for load in tables if load.state in full_load.IN_ERROR]
    return f"Last Error {'; '.join(errors)} {FINISHED} Error Level RECOVERABLE" if errors else ""
