"""A transaction in a database, for steps that run statements and move no rows; each system begins its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from runners.steps.errors import TargetFailed, TargetUnavailable
from runners.steps.templates import MYSQL, POSTGRESQL, SQLITE, SQLSERVER, SqlDialect

if TYPE_CHECKING:
    from runners.steps.context import StepContext
    from runners.steps.templates import Statement

Explains = Callable[[], AbstractContextManager[None]]
"""Makes a block in which what the driver raises becomes an error of steps."""


class Transaction:
    """A transaction over a driver's connection; whoever began it undoes what is not committed.

    Args:
        connection: a connection of Python's database API.
        explains: says what the driver's errors are.
        form: makes a statement what the driver's ``execute`` takes.

    """

    def __init__(self, connection: Any, explains: Explains, form: Callable[[Statement], tuple[Any, ...]]) -> None:
        self._connection = connection
        self._explains = explains
        self._form = form
        self._cursor = connection.cursor()

    def execute(self, statement: Statement) -> int | None:
        """Run a statement and return how many rows it was about; None where the database does not say."""
        with self._explains():
            self._cursor.execute(*self._form(statement))
            return None if self._cursor.rowcount < 0 else int(self._cursor.rowcount)

    def fetch(self, most: int) -> tuple[list[str], Sequence[tuple[Any, ...]]]:
        """Return the columns and the first rows of the last statement; nothing if it has none."""
        if self._cursor.description is None:
            return [], []
        with self._explains():
            return [column[0] for column in self._cursor.description], self._cursor.fetchmany(most)

    def commit(self) -> None:
        """Let all of it take effect."""
        with self._explains():
            self._connection.commit()


class System(NamedTuple):
    """How a kind of database takes statements."""

    dialect: SqlDialect
    """How they are written."""

    begin: Callable[[str, StepContext], AbstractContextManager[Transaction]]
    """Begins a transaction, by the name of a connection."""


@contextmanager
def _postgresql(name: str, context: StepContext) -> Iterator[Transaction]:
    from runners.steps.systems import postgresql_session as system  # noqa: PLC0415  # only what is used is imported

    with system.session(name, context, system.TARGET) as opened:
        yield Transaction(
            opened,
            lambda: system.explained(name, system.TARGET),
            # The driver writes the values in: a statement that defines something takes no parameters beside it.
            lambda statement: (system.bound(opened, statement) if statement.parameters else statement.text,),
        )


@contextmanager
def _mysql(name: str, context: StepContext) -> Iterator[Transaction]:
    from runners.steps.systems import mysql_session as system  # noqa: PLC0415  # as above

    with closing(system.opened(context, name, system.WRITING)) as opened:
        with system.errors_of(name, system.WRITING):
            opened.begin()
        yield Transaction(
            opened,
            lambda: system.errors_of(name, system.WRITING),
            lambda statement: (statement.text, statement.parameters),
        )


@contextmanager
def _sqlite(name: str, context: StepContext) -> Iterator[Transaction]:
    from runners.steps.systems import sqlite as system  # noqa: PLC0415  # as above
    from runners.steps.systems.sqlite_reading import bound  # noqa: PLC0415  # as above

    explains = partial(system.explained_by, name, TargetUnavailable, TargetFailed)
    with closing(system.opened(context, name, "rw")) as opened:
        with explains():
            opened.execute("BEGIN IMMEDIATE")
        yield Transaction(opened, explains, lambda statement: (statement.text, bound(statement)))


@contextmanager
def _sqlserver(name: str, context: StepContext) -> Iterator[Transaction]:
    from runners.steps.systems import sqlserver_session as system  # noqa: PLC0415  # as above

    with system.session(name, context, system.TARGET) as opened:
        yield Transaction(
            opened.connection,
            lambda: system.explained(system.TARGET),
            lambda statement: system.batch(statement, {}),
        )


TRANSACTIONS: dict[str, System] = {
    "MsSql": System(SQLSERVER, _sqlserver),
    "MySql": System(MYSQL, _mysql),
    "PostgreSql": System(POSTGRESQL, _postgresql),
    "Sqlite": System(SQLITE, _sqlite),
}
"""The systems by the names that pairs have for them."""
