"""One query: what was asked for, and its states, times and figures from its start to its end.

A value with a lock, no more: it runs nothing. Its dictionary is what Athena answers for a query execution.
"""

from __future__ import annotations

import threading
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from runners.local.athena.sql.translation import QueryError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from runners.local.athena.results import ColumnInfo
    from runners.local.athena.statements import Statement

QUEUED, RUNNING = "QUEUED", "RUNNING"
SUCCEEDED, FAILED, CANCELLED = "SUCCEEDED", "FAILED", "CANCELLED"
FINAL = frozenset({SUCCEEDED, FAILED, CANCELLED})

ENGINE_VERSION = {"SelectedEngineVersion": "AUTO", "EffectiveEngineVersion": "Athena engine version 3"}

SYSTEM, USER = 1, 2
# Athena's name of an error → the number that its catalog of errors has for the kind; any other is a failed query.
ERROR_TYPES = {
    "SYNTAX_ERROR": 1006,
    "TABLE_NOT_FOUND": 1006,
    "COLUMN_NOT_FOUND": 1006,
    "SCHEMA_NOT_FOUND": 1006,
    "FUNCTION_NOT_FOUND": 1006,
    "TYPE_MISMATCH": 1006,
    "HIVE_BAD_DATA": 1001,
    "HIVE_CURSOR_ERROR": 1001,
}
FAILED_QUERY = 1009
SYSTEM_ERROR_TYPES = {"GENERIC_INTERNAL_ERROR": 200, "EXCEEDED_LOCAL_MEMORY_LIMIT": 1}


class QueryCancelledError(QueryError):
    """The query was ended while it ran, by somebody or by a limit."""

    def __init__(self, message: str = "Query cancelled by user") -> None:
        super().__init__("USER_CANCELED", message)


def now() -> datetime:
    """Tell the time, in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class QueryRequest:
    """What one query is asked to be, with the settings of its work group laid over it."""

    sql: str
    database: str
    """Of tables that the query names without one."""
    work_group: str
    output: str
    """Where its results go: an ``s3://`` path that ends with a slash."""
    context: Mapping[str, str]
    """As it was given: ``Database`` and ``Catalog``."""
    result_configuration: Mapping[str, Any] = field(default_factory=dict)
    parameters: tuple[str, ...] = ()
    reuse_max_age: timedelta | None = None
    """How old a result may be that is taken instead of running the query; None if none may."""
    output_is_enforced: bool = False
    """Whether the work group alone says where results go."""
    scan_limit_bytes: int | None = None
    """How much the query may read before it is cancelled."""

    @property
    def encryption(self) -> Mapping[str, str]:
        """How objects are encrypted, as arguments of PutObject."""
        settings = self.result_configuration.get("EncryptionConfiguration") or {}
        option = settings.get("EncryptionOption")
        if option == "SSE_KMS":
            return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": settings["KmsKey"]}
        return {"ServerSideEncryption": "AES256"} if option == "SSE_S3" else {}


@dataclass
class Outcome:
    """What a query that succeeded has left."""

    columns: tuple[ColumnInfo, ...] = ()
    output: str = ""
    """The object that holds the result, or what begins the names of those that describe it."""
    manifest: str | None = None
    update_count: int | None = None
    scanned_bytes: int = 0
    has_rows: bool = True
    """Whether there is an object with the rows."""
    has_header: bool = True
    """Whether the first row names the columns."""
    is_reused: bool = False
    """Whether it is the result of an earlier query."""


class Change(NamedTuple):
    """One change of a query's state."""

    previous: str | None
    current: str
    number: int
    """From 1 on."""


@dataclass
class Query:
    """A query, as far as it has come. Its state only moves forward, and a final one stays."""

    request: QueryRequest
    statement: Statement
    on_change: Callable[[Query, Change], None] = lambda _query, _change: None
    """Told of each change, without a lock held: it may take its time, and look at the query."""
    query_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    state: str = QUEUED
    changes: int = 0
    """How many states it has had."""
    outcome: Outcome = field(default_factory=Outcome)
    error: QueryError | None = None
    submitted_at: datetime = field(default_factory=now)
    started_at: datetime | None = None
    planned_at: datetime | None = None
    completed_at: datetime | None = None
    ended: threading.Event = field(default_factory=threading.Event, repr=False)
    """Set once its state is final."""
    _lock: threading.RLock = field(default_factory=threading.RLock, repr=False)
    _cancel: Callable[[], None] | None = field(default=None, repr=False)
    _is_cancelled: bool = False
    _untold: list[Change] = field(default_factory=list, repr=False)

    @property
    def status(self) -> str:
        """The state, by moto's name."""
        return self.state

    def submit(self) -> None:
        """Say that it waits."""
        self._move(QUEUED)
        self._tell()

    def run(self, cancel: Callable[[], None]) -> bool:
        """Note that it runs, and how to end that at once; false if it was cancelled while it waited."""
        with self._lock:
            if self.state != QUEUED:
                return False
            self._cancel = cancel
            self.started_at = now()
            self._move(RUNNING)
        self._tell()
        return True

    def planned(self) -> None:
        """Note that all is known which the query needs, and its own work begins."""
        self.planned_at = now()

    def cancel(self) -> None:
        """End the query; one that has ended stays as it is."""
        with self._lock:
            if self.state == QUEUED:
                self.error = QueryCancelledError()
                self._end(CANCELLED)
            elif self.state == RUNNING and not self._is_cancelled:
                self._is_cancelled = True
                if self._cancel:
                    self._cancel()
        self._tell()

    def go_on(self, scanned_bytes: int = 0) -> None:
        """Raise ``QueryCancelledError`` if somebody has cancelled the query, or it has read more than it may."""
        if self._is_cancelled:
            raise QueryCancelledError
        limit = self.request.scan_limit_bytes
        if limit is not None and scanned_bytes > limit:
            raise QueryCancelledError("Query cancelled! : Bytes scanned limit was exceeded")

    def succeed(self, outcome: Outcome) -> None:
        """Close the query with what it has left."""
        with self._lock:
            self.outcome = outcome
            self._end(SUCCEEDED)
        self._tell()

    def fail(self, error: QueryError, scanned_bytes: int = 0) -> None:
        """Close the query with an error; one that was cancelled is cancelled, whatever the error."""
        with self._lock:
            self.outcome.scanned_bytes = scanned_bytes
            self.error = QueryCancelledError() if self._is_cancelled else error
            self._end(CANCELLED if isinstance(self.error, QueryCancelledError) else FAILED)
        self._tell()

    def _end(self, state: str) -> None:
        if self.state not in FINAL:
            self.completed_at = now()
            self._cancel = None
            self._move(state)
            self.ended.set()

    def _move(self, state: str) -> None:
        self.changes += 1
        previous = self.state if self.changes > 1 else None
        self._untold.append(Change(previous, state, self.changes))
        self.state = state

    def _tell(self) -> None:
        while True:
            with self._lock:
                if not self._untold:
                    return
                change = self._untold.pop(0)
            self.on_change(self, change)

    # What the API answers

    def as_dict(self) -> dict[str, Any]:
        """Answer the query as Athena's ``QueryExecution``; what Athena leaves out is left out."""
        request = self.request
        with self._lock:
            answer = {
                "QueryExecutionId": self.query_id,
                "Query": request.sql,
                "StatementType": self.statement.statement_type,
                "SubstatementType": self.statement.substatement_type,
                "ResultConfiguration": {**request.result_configuration, "OutputLocation": self._output()},
                "ResultReuseConfiguration": {"ResultReuseByAgeConfiguration": self._reuse()},
                "QueryExecutionContext": dict(request.context),
                "Status": self._status(),
                "Statistics": self._statistics(),
                "WorkGroup": request.work_group,
                "EngineVersion": ENGINE_VERSION,
                "ExecutionParameters": list(request.parameters) or None,
            }
        return {key: value for key, value in answer.items() if value is not None}

    def _output(self) -> str:
        return self.outcome.output or self.statement.output_of(self.request.output, self.query_id)

    def _reuse(self) -> dict[str, Any]:
        age = self.request.reuse_max_age
        return {"Enabled": False} if age is None else {"Enabled": True, "MaxAgeInMinutes": age // timedelta(minutes=1)}

    def _status(self) -> dict[str, Any]:
        answer: dict[str, Any] = {
            "State": self.state,
            "SubmissionDateTime": self.submitted_at.timestamp(),
            "CompletionDateTime": self.completed_at and self.completed_at.timestamp(),
        }
        if isinstance(self.error, QueryCancelledError):
            answer["StateChangeReason"] = self.error.message
        elif self.error is not None:
            answer["StateChangeReason"] = str(self.error)
            answer["AthenaError"] = athena_error(self.error)
        return {key: value for key, value in answer.items() if value is not None}

    def _statistics(self) -> dict[str, Any]:
        end = self.completed_at or now()
        started = self.started_at or end
        planned = self.planned_at or end
        answer = {
            "EngineExecutionTimeInMillis": _milliseconds(end - started),
            "DataScannedInBytes": self.outcome.scanned_bytes,
            "DataManifestLocation": self.outcome.manifest,
            "TotalExecutionTimeInMillis": _milliseconds(end - self.submitted_at),
            "QueryQueueTimeInMillis": _milliseconds(started - self.submitted_at),
            "QueryPlanningTimeInMillis": _milliseconds(min(planned, end) - started),
            "ServicePreProcessingTimeInMillis": 0,
            "ServiceProcessingTimeInMillis": 0,
            "ResultReuseInformation": {"ReusedPreviousResult": self.outcome.is_reused},
        }
        return {key: value for key, value in answer.items() if value is not None}


def athena_error(error: QueryError) -> dict[str, Any]:
    """Answer an error as Athena's ``AthenaError``: what went wrong in the engine itself is the system's fault."""
    category = SYSTEM if error.kind in SYSTEM_ERROR_TYPES else USER
    return {
        "ErrorCategory": category,
        "ErrorType": SYSTEM_ERROR_TYPES.get(error.kind) or ERROR_TYPES.get(error.kind, FAILED_QUERY),
        "Retryable": False,
        "ErrorMessage": str(error),
    }


def _milliseconds(duration: timedelta) -> int:
    return duration // timedelta(milliseconds=1)
