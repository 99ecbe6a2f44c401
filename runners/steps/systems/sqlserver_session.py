"""A session with SQL Server by pymssql: connecting, statements with bound values, and errors without values.

pymssql writes values into the statement: it takes every ``%s`` for a placeholder, also one in a literal, and leaves
doubled ``%`` as they are. So a statement never goes beside values: both go as literals of variables to
``sp_executesql``, which binds them, and the batch around it has no other ``%``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import date, datetime, time
from decimal import Decimal
from math import isfinite
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from pydantic import Field, SecretStr

from runners.steps.connections import Connection
from runners.steps.errors import (
    AuthenticationFailed,
    ConnectionFailed,
    DataNotRepresentable,
    DataQualityFailed,
    SourceFailed,
    SourceUnavailable,
    StepError,
    TargetFailed,
    TargetUnavailable,
    TemplateFailed,
)
from runners.steps.libraries import library

if TYPE_CHECKING:
    from runners.steps.context import StepContext
    from runners.steps.sql_dialect import Statement

_EXTRA = "mssql"
_SETTINGS = (
    "SET ANSI_NULLS, ANSI_NULL_DFLT_ON, ANSI_PADDING, ANSI_WARNINGS, ARITHABORT, CONCAT_NULL_YIELDS_NULL ON",
    "SET QUOTED_IDENTIFIER, XACT_ABORT ON",
    "SET LANGUAGE us_english",
    "SET TEXTSIZE 2147483647",
)
"""How each session is: what would be cut or overflow is an error, and ends the transaction."""

_NOT_LET_IN = frozenset({18452, 18456, 18470, 18486, 18487, 18488})
_TRANSIENT = frozenset(
    {1204, 1205, 1222, 3960, 10928, 10929, 20002, 20003, 20004, 20006, 20009, 20047}
    | {40197, 40501, 40540, 40613, 49918, 49919, 49920}
)
_OF_DATA: Mapping[int, str] = {
    515: "a row has no value in a column that must have one",
    547: "a row violates a constraint of the table",
    2601: "two rows have the same value where a unique index allows one",
    2627: "two rows have the same key, or one that is there already",
}
_NOT_REPRESENTABLE = frozenset(
    {220, 232, 241, 242, 244, 245, 248, 517, 2628, 8114, 8115, 8152, 8169, 9807, 13608, 13609}
)
_ABOUT_SQL = frozenset({102, 105, 137, 156, 170, 207, 208, 209, 229, 230, 262, 1033, 8156, 8180})
"""Errors whose text quotes nothing but the statement, and names in it."""

_NOT_QUOTABLE = re.compile(r"\x00|\\\r?\n|[^\x00-\x7f]")
r"""What a literal may not keep: pymssql ends at NUL, SQL Server leaves out a backslash before a line's end, and other
letters go through the character sets of FreeTDS."""

_SHORT = 4_000  # characters of an nvarchar that is no nvarchar(max)
_DIGITS = 38


class MsSqlConnection(Connection):
    """Where a SQL Server is, and who asks."""

    host: str = Field(min_length=1)
    """The server; ``host\\instance`` for a named instance."""

    port: int = 1433
    """Its port."""

    username: str
    """The user, of SQL Server itself."""

    password: SecretStr
    """The password."""

    dbname: str = Field(min_length=1)
    """The database."""

    encryption: Literal["require", "request", "off"] = "require"
    """Whether to speak TLS."""

    connect_timeout_seconds: int = Field(default=30, ge=1, le=900)
    """Seconds to wait for a session."""

    def opened(self) -> Any:
        """Return a connection, in whose transaction statements run.

        Raises:
            AuthenticationFailed, ConnectionFailed.

        """
        driver = library("pymssql", _EXTRA)
        try:
            return driver.connect(
                server=self.host,
                port=str(self.port),
                user=self.username,
                password=self.password.get_secret_value(),
                database=self.dbname,
                login_timeout=self.connect_timeout_seconds,
                encryption=self.encryption,
                appname="etl-runners",
                charset="UTF-8",
                conn_properties=_SETTINGS,
            )
        except driver.Error as error:
            number = number_of(error)
            if number in _NOT_LET_IN:
                raise AuthenticationFailed(f"SQL Server did not let the user in: error {number}") from None
            raise ConnectionFailed(f"SQL Server could not be reached, or not the database: error {number}") from None


class Side(NamedTuple):
    """Whose errors are raised."""

    unavailable: type[StepError]
    failed: type[StepError]


SOURCE = Side(SourceUnavailable, SourceFailed)
TARGET = Side(TargetUnavailable, TargetFailed)


class Session:
    """A connection with one cursor.

    Args:
        connection: pymssql's.
        side: whose errors are raised.

    """

    def __init__(self, connection: Any, side: Side) -> None:
        self.connection = connection
        self._side = side
        self._cursor = connection.cursor()

    def run(self, text: str) -> None:
        """Run a statement without values, in the session's own scope, where a temporary table stays."""
        with explained(self._side):
            self._cursor.execute(text)

    def ask(self, statement: Statement, casts: Mapping[int, str] | None = None) -> None:
        """Run a statement with its values bound.

        Args:
            statement: ``@p1`` is its first value.
            casts: types that values are cast to at the end, by their numbers from 1.

        """
        with explained(self._side):
            self._cursor.execute(*batch(statement, casts or {}))

    def rows(self, statement: Statement) -> Sequence[tuple[Any, ...]]:
        """Run a statement with its values bound, and return its few rows."""
        self.ask(statement)
        with explained(self._side):
            return self._cursor.fetchall()  # type: ignore[no-any-return]

    def some(self, count: int) -> Sequence[tuple[Any, ...]]:
        """Return the next rows of what was asked; none at the end."""
        with explained(self._side):
            return self._cursor.fetchmany(count)  # type: ignore[no-any-return]

    def commit(self) -> None:
        """Let all of it take effect."""
        with explained(self._side):
            self.connection.commit()


@contextmanager
def session(name: str, context: StepContext, side: Side) -> Iterator[Session]:
    """Open a session; what it has not committed is undone at the end."""
    connection = context.connections.opened(name, MsSqlConnection, MsSqlConnection.opened)
    try:
        yield Session(connection, side)
    finally:
        with suppress(Exception):  # it may be broken already; the server undoes what was not committed
            connection.close()


def batch(statement: Statement, casts: Mapping[int, str]) -> tuple[str, tuple[Any, ...]]:
    """Return a statement and its values as one batch, and what pymssql writes into it."""
    values = [_bound(value) for value in statement.parameters or ()]
    lines = ["DECLARE @statement nvarchar(max) = CAST(%s AS nvarchar(max));"]
    kinds = []
    for number, (kind, _) in enumerate(values, 1):
        last = casts.get(number, kind)
        cast = f"CAST(%s AS {kind})" if last == kind else f"CAST(CAST(%s AS {kind}) AS {last})"
        kinds.append(f"@p{number} {last}")
        lines.append(f"DECLARE @p{number} {last} = {cast};")
    marks = "".join(f", @p{number}" for number in range(1, len(values) + 1))
    called = f", N'{', '.join(kinds)}'{marks}" if values else ""
    lines.append(f"EXEC sp_executesql @statement{called}")
    return "\n".join(lines), (quotable(statement.text), *(value for _, value in values))


def declarations(statement: Statement) -> str:
    """Return a statement's parameters with their types, as ``sp_executesql`` has them."""
    return ", ".join(f"@p{number} {_bound(value)[0]}" for number, value in enumerate(statement.parameters or (), 1))


def quotable(text: str) -> str | bytearray:
    """Return a text as a literal keeps it: if need be as bytes, which are written as hexadecimal digits."""
    return bytearray(text.encode("utf-16-le")) if _NOT_QUOTABLE.search(text) else text


def number_of(error: BaseException) -> int:
    """Return SQL Server's number of an error, or FreeTDS's; 0 if there is none."""
    found: Any = error.args
    while isinstance(found, tuple) and found:
        found = found[0]
    return found if isinstance(found, int) else 0


@contextmanager
def explained(side: Side) -> Iterator[None]:
    """Raise what pymssql raises as an error of steps, without the values that SQL Server quotes."""
    driver = library("pymssql", _EXTRA)
    try:
        yield
    except driver.Error as error:
        raise _explanation(error, side) from None


def _explanation(error: BaseException, side: Side) -> StepError:
    number = number_of(error)
    if number in _TRANSIENT:
        return side.unavailable(f"SQL Server does not answer just now: error {number}", number=number)
    if number in _OF_DATA and side is TARGET:
        return DataQualityFailed(_OF_DATA[number], number=number)
    if number in _NOT_REPRESENTABLE:
        return DataNotRepresentable(
            f"a value does not fit into the type that it is to have: error {number} of SQL Server", number=number
        )
    said = f", {_text_of(error)}" if number in _ABOUT_SQL else ""
    return side.failed(f"SQL Server refused the statement: error {number}{said}", number=number)


def _text_of(error: BaseException) -> str:
    found: Any = error.args
    while isinstance(found, tuple) and found:
        found = found[-1]
    text = found.decode("utf-8", "replace") if isinstance(found, bytes) else str(found)
    # What FreeTDS adds of its own says nothing more.
    return text.partition("DB-Lib error")[0].strip()


def _bound(value: Any) -> tuple[str, Any]:
    """Return the type of a value, and what is cast to it.

    Raises:
        TemplateFailed: SQL Server has no such value.

    """
    if value is None:
        return f"nvarchar({_SHORT})", None
    for kinds, made in _BOUND:
        if isinstance(value, kinds):
            return made(value)
    raise TemplateFailed(f"SQL Server has no value for one that is bound: {type(value).__name__}")


def _text(value: str) -> tuple[str, str | bytearray]:
    length = len(value.encode("utf-16-le")) // 2
    return f"nvarchar({_SHORT if length <= _SHORT else 'max'})", quotable(value)


def _number(value: int | Decimal) -> tuple[str, str]:
    number = Decimal(value)
    text = f"{number:f}" if number.is_finite() else ""
    whole, _, fraction = text.lstrip("-").partition(".")
    if not text or len(whole.lstrip("0")) + len(fraction) > _DIGITS:
        raise TemplateFailed(f"a number that is bound has more than the {_DIGITS} digits of SQL Server, or is none")
    if not fraction and abs(number) < 2**63:
        return "bigint", text
    return f"decimal({_DIGITS}, {len(fraction)})", text


def _float(value: float) -> tuple[str, str]:
    if not isfinite(value):
        raise TemplateFailed("a number that is bound is NaN or infinite, which SQL Server does not know")
    return "float", repr(value)


def _moment(value: datetime) -> tuple[str, str]:
    return ("datetimeoffset(6)" if value.tzinfo else "datetime2(6)"), value.isoformat()


_BOUND: tuple[tuple[type | tuple[type, ...], Callable[[Any], tuple[str, Any]]], ...] = (
    (bool, lambda value: ("bit", int(value))),  # before int, of which it is one
    (str, _text),
    (bytes, lambda value: ("varbinary(max)", bytearray(value))),
    ((int, Decimal), _number),
    (float, _float),
    (datetime, _moment),  # before date, of which it is one
    (date, lambda value: ("date", value.isoformat())),
    (time, lambda value: ("time(6)", value.isoformat())),
)
