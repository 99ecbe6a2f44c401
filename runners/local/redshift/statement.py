"""One call of ``ExecuteStatement`` or ``BatchExecuteStatement``: what was asked, and its state from start to end.

Values with a lock, no more: nothing here reaches a database or knows moto's server. The dictionaries are what the
Data API answers.
"""

from __future__ import annotations

import threading
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

SUBMITTED, STARTED, FINISHED, FAILED, ABORTED = "SUBMITTED", "STARTED", "FINISHED", "FAILED", "ABORTED"
FINAL = frozenset({FINISHED, FAILED, ABORTED})
NONE = -1
"""How the Data API writes a number that it does not have."""
RECORDS_OF_ONE_PAGE = 1000


def now() -> datetime:
    """Tell the time, in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Result:
    """What a statement gave: rows, if it gives any, or how many it touched."""

    rows: int = NONE
    columns: tuple[dict[str, Any], ...] | None = None
    records: tuple[list[dict[str, Any]], ...] = ()
    bytes: int = 0

    def page(self, token: str | None) -> dict[str, Any]:
        """Answer a page of the rows; raises ``ValueError`` for a token that was never given."""
        at = int(token or 0)
        rest = {"NextToken": str(at + RECORDS_OF_ONE_PAGE)} if len(self.records) > at + RECORDS_OF_ONE_PAGE else {}
        return {
            "Records": list(self.records[at : at + RECORDS_OF_ONE_PAGE]),
            "ColumnMetadata": list(self.columns or ()),
            "TotalNumRows": len(self.records),
            **rest,
        }


@dataclass
class Part:
    """One SQL statement. Its state only moves forward."""

    part_id: str
    sql: str
    status: str = SUBMITTED
    created_at: datetime = field(default_factory=now)
    updated_at: datetime = field(default_factory=now)
    started_at: datetime | None = None
    error: str | None = None
    result: Result | None = None

    def move(self, status: str, *, error: str | None = None, result: Result | None = None) -> None:
        """Go on to a state."""
        self.status, self.error, self.result, self.updated_at = status, error, result, now()
        if status == STARTED:
            self.started_at = self.updated_at

    @property
    def duration(self) -> int:
        """How long it ran, in nanoseconds."""
        if self.started_at is None or self.status not in FINAL:
            return NONE
        return round((self.updated_at - self.started_at).total_seconds() * 1e6) * 1000

    def as_dict(self) -> dict[str, Any]:
        """Answer it as ``DescribeStatement`` has a statement of several."""
        result = self.result or Result()
        answer = {
            "Id": self.part_id,
            "Status": self.status,
            "CreatedAt": self.created_at,
            "UpdatedAt": self.updated_at,
            "Duration": self.duration,
            "Error": self.error,
            "QueryString": self.sql,
            "HasResultSet": result.columns is not None,
            "ResultRows": result.rows,
            "ResultSize": result.bytes if result.columns is not None else NONE,
            "RedshiftQueryId": NONE,
        }
        return {name: value for name, value in answer.items() if value is not None}


@dataclass
class Statement:
    """A call, with the statements that it runs. A final state stays."""

    asked: Mapping[str, Any]
    statement_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    created_at: datetime = field(default_factory=now)
    process_id: int | None = None
    """Of the database's process."""
    parts: list[Part] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)
    _status: str = SUBMITTED
    _abort_asked: bool = False
    _interrupt: Callable[[], None] | None = None
    _lock: threading.RLock = field(default_factory=threading.RLock, repr=False)

    def __post_init__(self) -> None:
        """Give each of several statements a number, as the Data API does."""
        if self.is_batch:
            numbered = enumerate(self.asked["Sqls"], start=1)
            self.parts = [Part(f"{self.statement_id}:{number}", sql) for number, sql in numbered]
        else:
            self.parts = [Part(self.statement_id, self.asked["Sql"])]

    @property
    def is_batch(self) -> bool:
        """Whether it is one of several statements."""
        return "Sqls" in self.asked

    @property
    def status(self) -> str:
        """The state."""
        return self._status

    @property
    def parameters(self) -> dict[str, str]:
        """The values of its parameters by their names."""
        return {parameter["name"]: parameter["value"] for parameter in self.asked.get("Parameters") or ()}

    def begin(self, process_id: int, interrupt: Callable[[], None]) -> bool:
        """Note that it runs, and how to interrupt it; false if it was aborted before."""
        with self._lock:
            if self._abort_asked:
                return False
            self._status, self.process_id, self._interrupt = STARTED, process_id, interrupt
            return True

    @property
    def is_to_abort(self) -> bool:
        """Whether somebody asked to abort it."""
        return self._abort_asked

    def abort(self) -> bool:
        """Ask it to end; false if it has ended."""
        with self._lock:
            if self._status in FINAL:
                return False
            self._abort_asked = True
            if self._status == SUBMITTED:
                self.end(ABORTED)
            return True

    def interrupt(self) -> None:
        """Interrupt what the database does for it, if it does anything."""
        with self._lock:
            interrupt = None if self._status in FINAL else self._interrupt
        if interrupt:
            interrupt()

    def end(self, status: str) -> None:
        """Close it; what of it has not run is aborted."""
        with self._lock:
            if self._status in FINAL:
                return
            for part in self.parts:
                if part.status not in FINAL:
                    part.move(ABORTED)
            self._status = status
            self._interrupt = None
            self.ended.set()

    def part(self, part_id: str) -> Part | None:
        """Find the statement of an id: of several, each has its own."""
        return next((part for part in self.parts if part.part_id == part_id), None)

    @property
    def rows(self) -> int:
        """How many rows all of it gave or touched."""
        known = [part.result.rows for part in self.parts if part.result and part.result.rows != NONE]
        return sum(known) if known else NONE

    def describe(self) -> dict[str, Any]:
        """Answer it as ``DescribeStatement`` does."""
        with self._lock:
            parts = [part.as_dict() for part in self.parts]
            if not self.is_batch:
                answer = {**parts[0], "Status": self._status}
            else:
                answer = {
                    "Id": self.statement_id,
                    "Status": self._status,
                    "CreatedAt": self.created_at,
                    "UpdatedAt": max(part.updated_at for part in self.parts),
                    "Duration": self._duration(),
                    "Error": next((part.error for part in self.parts if part.error), None),
                    "HasResultSet": any(part["HasResultSet"] for part in parts),
                    "ResultRows": self.rows,
                    "ResultSize": _sum([part["ResultSize"] for part in parts]),
                    "RedshiftQueryId": NONE,
                    "SubStatements": parts,
                }
            answer |= {"RedshiftPid": self.process_id, "QueryParameters": self.asked.get("Parameters"), **self.place()}
        return {name: value for name, value in answer.items() if value is not None}

    def summary(self) -> dict[str, Any]:
        """Answer it as ``ListStatements`` does."""
        described = self.describe()
        kept = ("Id", "QueryParameters", "SecretArn", "Status", "CreatedAt", "UpdatedAt")
        sqls = [part.sql for part in self.parts]
        return {
            **{name: described[name] for name in kept if name in described},
            **({"StatementName": self.asked["StatementName"]} if "StatementName" in self.asked else {}),
            **({"QueryStrings": sqls} if self.is_batch else {"QueryString": sqls[0]}),
            "IsBatchStatement": self.is_batch,
        }

    def place(self) -> dict[str, Any]:
        """Answer where it was asked to run, and as whom."""
        names = ("ClusterIdentifier", "WorkgroupName", "Database", "DbUser", "SecretArn")
        return {name: self.asked[name] for name in names if name in self.asked}

    def _duration(self) -> int:
        return _sum([part.duration for part in self.parts])


def _sum(numbers: Sequence[int]) -> int:
    known = [number for number in numbers if number != NONE]
    return sum(known) if known else NONE
