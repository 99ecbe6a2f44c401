"""SQLite: tables in a file, by Python's own library; read as they are declared, written in one transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from runners.steps.column_types import ColumnType, typed_column
from runners.steps.connections import Connection
from runners.steps.ends import Read, Rows, Sink
from runners.steps.errors import (
    ConnectionFailed,
    DataNotRepresentable,
    DataQualityFailed,
    SourceFailed,
    SourceUnavailable,
    StepError,
    TargetFailed,
    TargetUnavailable,
)
from runners.steps.systems.sql import SqlSource, SqlTarget
from runners.steps.systems.sqlite_reading import batches, run
from runners.steps.systems.sqlite_writing import SqliteSink
from runners.steps.templates import SQLITE, SqlDialect

if TYPE_CHECKING:
    import pyarrow as pa

    from runners.steps.context import StepContext

_WAIT = 30.0  # seconds for whoever else writes to the file
_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_SAYS_NO_VALUE = ("no such ", "UNIQUE constraint failed", "NOT NULL constraint failed", "FOREIGN KEY constraint failed")


class SqliteConnection(Connection):
    """Where a SQLite database is."""

    path: str = Field(min_length=1)
    """The path of its file."""


class SqliteSource(SqlSource):
    """Rows of a query, or of a table, in SQLite.

    A column is of the type that it is declared with; of one that is computed, all values are looked at first. A value
    that is not of its column's type is refused.
    """

    dialect: ClassVar[SqlDialect] = SQLITE
    example: ClassVar[dict[str, Any]] = {"ConnectionName": "till", "Table": "sales"}

    Types: dict[str, ColumnType] = Field(default_factory=dict)
    """Types of columns whose declaration says too little, or the wrong thing."""

    @contextmanager
    def open(self, context: StepContext) -> Iterator[Rows]:
        """Begin to read, as of now."""
        statement = self.statement(context.templates)
        explained = partial(explained_by, self.ConnectionName, SourceUnavailable, SourceFailed)
        given = {name: typed_column(name, kind) for name, kind in self.Types.items()}
        with closing(opened(context, self.ConnectionName, "ro")) as connection:
            with explained():
                connection.execute("BEGIN")
                schema, cursor = run(connection, statement, given)

            def read() -> Iterator[pa.RecordBatch]:
                with explained():
                    yield from batches(cursor, schema)

            yield Read(schema, read())

    def place(self) -> str:
        """Return the connection, and the table if it is one."""
        return f"sqlite://{self.ConnectionName}/{self.Table or ''}".rstrip("/")


class SqliteTarget(SqlTarget):
    """A table in SQLite."""

    dialect: ClassVar[SqlDialect] = SQLITE
    example: ClassVar[dict[str, Any]] = {"ConnectionName": "till", "Table": "sales", "Mode": "overwrite"}

    @contextmanager
    def open(self, schema: pa.Schema, context: StepContext) -> Iterator[Sink]:
        """Begin a transaction; without a commit it is rolled back, and a file that was new is gone."""
        explained = partial(explained_by, self.ConnectionName, TargetUnavailable, TargetFailed)
        path = Path(context.connections.get(self.ConnectionName, SqliteConnection).path)
        is_new = not path.exists()
        try:
            with closing(opened(context, self.ConnectionName, "rwc" if self.CreateTable else "rw")) as connection:
                with explained():
                    sink = SqliteSink(self, connection, schema, context, explained)
                try:
                    yield sink
                finally:
                    sink.abandon()
        finally:
            if is_new and path.exists() and not path.stat().st_size:
                path.unlink()

    def place(self) -> str:
        """Return the connection and the table."""
        return f"sqlite://{self.ConnectionName}/{self.Table}"


def opened(context: StepContext, name: str, mode: str) -> sqlite3.Connection:
    """Open a database; transactions are left to whoever uses it, in any thread.

    Raises:
        ConnectionFailed: there is no such file, or it cannot be opened.

    """
    path = Path(context.connections.get(name, SqliteConnection).path).absolute()
    try:
        return sqlite3.connect(
            f"{path.as_uri()}?mode={mode}", uri=True, timeout=_WAIT, isolation_level=None, check_same_thread=False
        )
    except sqlite3.OperationalError:
        raise ConnectionFailed(
            f"the file of the connection {name!r} is not there, or cannot be opened; a target's CreateTable makes it",
            connection=name,
        ) from None


@contextmanager
def explained_by(name: str, unavailable: type[StepError], failed: type[StepError]) -> Iterator[None]:
    """Raise SQLite's errors as those of steps, with its words only where these hold no value."""
    try:
        yield
    except sqlite3.Error as error:
        said = str(error)
        words = f": {said}" if said.startswith(_SAYS_NO_VALUE) else ""
        details = {"connection": name, "code": getattr(error, "sqlite_errorname", "")}
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in _BUSY:
            raise unavailable(f"the database of {name!r} is locked by another; try again", **details) from None
        if isinstance(error, sqlite3.IntegrityError):
            raise DataQualityFailed(
                f"a row breaks a constraint of the database of {name!r}{words}", **details
            ) from None
        if said.startswith("Could not decode to UTF-8"):
            raise DataNotRepresentable(f"a text in the database of {name!r} is no UTF-8", **details) from None
        raise failed(f"the database of {name!r} refused a statement{words} ({details['code']})", **details) from None
