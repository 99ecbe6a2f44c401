"""Sessions of PostgreSQL: where the server is, how to enter, which settings hold, and what its errors become here.

What the server says of an error repeats values of the data, so it is never passed on: the error's code is, with the
names of the column or the constraint that it is about.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from math import isfinite
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import psycopg
from psycopg.adapt import Dumper
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

if TYPE_CHECKING:
    from runners.steps.context import StepContext
    from runners.steps.templates import Statement

Session = psycopg.Connection[tuple[Any, ...]]

_SETTINGS = {
    "TimeZone": "UTC",
    "DateStyle": "ISO, YMD",
    "IntervalStyle": "iso_8601",
    "extra_float_digits": "1",  # as many as tell each number from its neighbours
    "bytea_output": "hex",
    "standard_conforming_strings": "on",
    # A server whose client is gone without a word ends its transaction, and so lets go of its locks, in a minute.
    "tcp_keepalives_idle": "30",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
}
_KEEPALIVES: dict[str, Any] = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}
"""The same for a client whose server is gone, in seconds."""

_NOT_LET_IN = re.compile(r"authentication failed|no password supplied|role .* does not exist|no pg_hba\.conf entry")
_WRONG_ADDRESS = re.compile(r"failed to resolve|could not translate host name|FATAL:  database .* does not exist")
_TRANSIENT = ("08", "40", "53", "57", "58")  # classes: connection, conflict, resources, intervention, system
_NEVER_TRANSIENT = frozenset({"57014"})  # the statement's own time-out
_ALSO_TRANSIENT = frozenset({"55P03"})  # a lock was not to be had
_STANDBY = "25006"  # the server only reads
_NAMES_ONLY = frozenset(
    {"3D000", "3F000", "42P01", "42P02", "42P07", "42501", "42703", "42702", "42704", "42809", "428C9"}
)
"""Codes whose message repeats names alone: of tables, columns, roles."""


class PostgreSqlConnection(Connection):
    """Where a PostgreSQL server is, and how to enter."""

    host: str
    """Its name or address, or the folder of its socket."""

    port: int = Field(default=5432, ge=1, le=65_535)
    """The port."""

    username: str
    """The role."""

    password: SecretStr = SecretStr("")
    """The role's password."""

    dbname: str
    """The database."""

    sslmode: Literal["disable", "allow", "prefer", "require", "verify-ca", "verify-full"] = "prefer"
    """Whether to encrypt, and to verify the server, as libpq names it."""

    sslrootcert: str | None = None
    """The file with the certificates that are trusted, or ``system``; libpq's own if left out."""

    connect_timeout: int = Field(default=10, ge=2)
    """Seconds to wait for the server to answer."""


class Side(NamedTuple):
    """Which errors are raised: those of a source, or those of a target."""

    unavailable: type[StepError]
    failed: type[StepError]
    is_target: bool


SOURCE = Side(SourceUnavailable, SourceFailed, is_target=False)
TARGET = Side(TargetUnavailable, TargetFailed, is_target=True)


@contextmanager
def session(name: str, context: StepContext, side: Side) -> Iterator[Session]:
    """Open a session in a transaction; what is not committed at the block's end is undone.

    Args:
        name: the connection's name.
        context: looks connections up.
        side: a source's session only reads.

    Raises:
        ConnectionFailed, AuthenticationFailed: the server is not found, or does not let us in.
        SourceUnavailable, TargetUnavailable: it does not answer just now.

    """
    opened = context.connections.opened(name, PostgreSqlConnection, lambda described: _connected(name, described, side))
    try:
        opened.read_only = not side.is_target
        with explained(name, side):
            begin(opened)
        yield opened
    finally:
        opened.close()


def begin(opened: Session) -> None:
    """Begin a transaction in which values are written as they are expected here."""
    # Per transaction, as a pooler gives the next one to another session.
    chosen = "; ".join(f"SET LOCAL {setting} = '{value}'" for setting, value in _SETTINGS.items())
    opened.execute(chosen.encode())


def bound(opened: Session, statement: Statement) -> str:
    """Return a statement with its values written into it by the driver, as COPY takes no parameters beside it.

    Raises:
        TemplateFailed: a value is of no type that PostgreSQL knows, or a text that it cannot hold.

    """
    for kind in (int, float, Decimal):
        opened.adapters.register_dumper(kind, _Number)
    try:
        text = psycopg.ClientCursor(opened).mogrify(statement.text.encode(), statement.parameters)
        text.encode()
    except (psycopg.Error, UnicodeError) as error:
        raise TemplateFailed(
            f"a value of the query cannot be bound ({type(error).__name__}): texts are Unicode without NUL, and no "
            "value is an object; a % beside values is doubled"
        ) from None
    return text


class _Number(Dumper):
    """Writes a number into a statement: a negative one in brackets, as -5::text would be -(5::text)."""

    def dump(self, obj: float | Decimal) -> bytes:
        """Return it as text."""
        return str(obj).encode()

    def quote(self, obj: float | Decimal) -> bytes:
        """Return it as SQL."""
        text = str(obj)
        if not isfinite(obj):
            return f"'{text}'::{'numeric' if isinstance(obj, Decimal) else 'float8'}".encode()
        return (f"({text})" if text.startswith("-") else text).encode()


@contextmanager
def explained(name: str, side: Side) -> Iterator[None]:
    """Raise what the server or the driver refuses as an error of steps.

    Args:
        name: the connection's name.
        side: which errors.

    """
    try:
        yield
    except psycopg.Error as error:
        raise explanation(error, name, side) from None


def explanation(error: psycopg.Error, name: str, side: Side) -> StepError:
    """Return the error of steps for one of the driver's, without a value of the data in it."""
    code = error.sqlstate or ""
    details = {"connection": name, "sqlstate": code} | _named(error)
    if _is_transient(error, code, side):
        return side.unavailable(f"PostgreSQL {name} does not go on just now: {_said(error)}", **details)
    if code.startswith("28"):
        return AuthenticationFailed(f"PostgreSQL {name} does not let us in: {_said(error)}", **details)
    if side.is_target and code.startswith("22"):
        return DataNotRepresentable(
            f"PostgreSQL {name} has no such value as one that was written: {_said(error)}", **details
        )
    if side.is_target and code.startswith("23"):
        return DataQualityFailed(f"rows break a rule of the table at {name}: {_said(error)}", **details)
    return side.failed(f"PostgreSQL {name} refused: {_said(error)}", **details)


def _connected(name: str, described: PostgreSqlConnection, side: Side) -> Session:
    try:
        return psycopg.connect(
            host=described.host,
            port=described.port,
            user=described.username,
            password=described.password.get_secret_value(),
            dbname=described.dbname,
            sslmode=described.sslmode,
            connect_timeout=described.connect_timeout,
            client_encoding="utf8",
            application_name="etl-runners",
            **_KEEPALIVES,
            sslrootcert=described.sslrootcert,
        )
    except psycopg.Error as error:
        said = str(error)
    if _NOT_LET_IN.search(said):
        raise AuthenticationFailed(f"PostgreSQL {name} does not take the credentials", connection=name)
    if _WRONG_ADDRESS.search(said):
        raise ConnectionFailed(f"PostgreSQL {name} is not there: look at its host and dbname", connection=name)
    raise side.unavailable(f"PostgreSQL {name} cannot be reached: look at its host, port and network", connection=name)


def _is_transient(error: psycopg.Error, code: str, side: Side) -> bool:
    if not code:  # the driver's own word: the server is gone
        return isinstance(error, psycopg.OperationalError)
    if code == _STANDBY:
        return side.is_target  # of a primary that has just become one, or will be again
    return (code.startswith(_TRANSIENT) or code in _ALSO_TRANSIENT) and code not in _NEVER_TRANSIENT


def _said(error: psycopg.Error) -> str:
    """Return what an error is, without what it repeats of values."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(error).__name__).lower()
    said = f"{words} ({error.sqlstate})" if error.sqlstate else words
    if error.sqlstate in _NAMES_ONLY and error.diag.message_primary:
        said = f"{error.diag.message_primary} ({error.sqlstate})"
    about = [f"{what} {which}" for what, which in _named(error).items()]
    return ", ".join([said, *about])


def _named(error: psycopg.Error) -> dict[str, str]:
    """Return the names of what an error is about."""
    diagnosis = error.diag
    found = re.match(r"COPY [^:]*, line \d+, column ([^:\n]+)", diagnosis.context or "")  # a value comes after a colon
    named = {
        "table": diagnosis.table_name,
        "column": diagnosis.column_name or (found[1] if found else None),
        "constraint": diagnosis.constraint_name,
        "character": diagnosis.statement_position,
    }
    return {what: which for what, which in named.items() if which}
