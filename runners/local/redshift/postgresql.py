"""Runs statements on the PostgreSQL that stands for every cluster, workgroup and database of Redshift.

Which one, the environment variable ``RUNNERS_REDSHIFT_POSTGRESQL`` says, as a URL of libpq; nothing of it is ever
shown. What PostgreSQL says of a statement is passed on in its words. Knows nothing of moto.
"""

from __future__ import annotations

import os
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, NamedTuple

import psycopg
from psycopg.conninfo import conninfo_to_dict

from runners.errors import LocalAWSError
from runners.local.redshift.sql_parameters import bound
from runners.local.redshift.statement import ABORTED, FAILED, FINISHED, STARTED, Result

if TYPE_CHECKING:
    from runners.local.redshift.statement import Part, Statement

VARIABLE = "RUNNERS_REDSHIFT_POSTGRESQL"
CONNECT_TIMEOUT = 10  # seconds
CANCEL_TIMEOUT = 5  # seconds


class NoPostgreSQLError(LocalAWSError):
    """The environment names no PostgreSQL that could run a statement."""


def configured() -> dict[str, Any]:
    """Read from the environment how to connect. Raises ``NoPostgreSQLError``, without a word of what stands there."""
    url = os.environ.get(VARIABLE)
    if not url:
        raise NoPostgreSQLError(
            "the embedded Redshift Data API runs statements on a PostgreSQL, and none is configured: set "
            f"{VARIABLE}=postgresql://user:password@host:port/database where the embedded AWS is started"
        )
    try:
        return {name: value for name, value in conninfo_to_dict(url).items() if value is not None}
    except psycopg.Error:
        raise NoPostgreSQLError(f"{VARIABLE} is no URL that libpq can read: postgresql://…") from None


def run(statement: Statement, connection_settings: dict[str, Any]) -> None:
    """Run a statement to its end, however that is."""
    settings: dict[str, Any] = {"connect_timeout": CONNECT_TIMEOUT, **connection_settings}
    try:
        connection = psycopg.connect(**settings, autocommit=True, application_name="embedded Redshift Data API")
    except psycopg.Error as error:
        statement.parts[0].move(FAILED, error=f"PostgreSQL cannot be reached: {error}")
        statement.end(FAILED)
        return
    with connection:
        if statement.begin(connection.info.backend_pid, lambda: connection.cancel_safe(timeout=CANCEL_TIMEOUT)):
            statement.end(_outcome(statement, connection))


def _outcome(statement: Statement, connection: psycopg.Connection[Any]) -> str:
    part = statement.parts[0]
    try:
        with connection.transaction() if statement.is_batch else nullcontext():
            for part in statement.parts:
                _run_part(part, statement, connection)
    except _AbortedError:
        return ABORTED
    except psycopg.Error as error:
        if isinstance(error, psycopg.errors.QueryCanceled) and statement.is_to_abort:
            return ABORTED
        part.move(FAILED, error=_in_its_words(error))
        return FAILED
    return FINISHED


class _AbortedError(LocalAWSError):
    """Somebody aborted the statements before the next one ran."""


def _run_part(part: Part, statement: Statement, connection: psycopg.Connection[Any]) -> None:
    if statement.is_to_abort:
        raise _AbortedError
    part.move(STARTED)
    query, parameters = bound(part.sql, statement.parameters)
    with connection.cursor() as cursor:
        # Prepared, so that it is one statement and no more.
        cursor.execute(query.encode(), parameters, prepare=True)
        part.move(FINISHED, result=_result(cursor))


def _in_its_words(error: psycopg.Error) -> str:
    primary = error.diag.message_primary
    return f"{error.diag.severity or 'ERROR'}: {primary}" if primary else str(error)


def _result(cursor: psycopg.Cursor[Any]) -> Result:
    if cursor.description is None or cursor.pgresult is None:
        return Result(rows=cursor.rowcount)
    result = cursor.pgresult
    readers = [_reader(column.type_code) for column in cursor.description]
    records, size = [], 0
    for row in range(result.ntuples):
        values = [result.get_value(row, number) for number in range(result.nfields)]
        size += sum(len(value) for value in values if value is not None)
        records.append([_field(value, reader) for value, reader in zip(values, readers, strict=True)])
    return Result(len(records), tuple(_metadata(cursor, column) for column in cursor.description), tuple(records), size)


class _Reader(NamedTuple):
    """Into which field of the Data API a value of PostgreSQL's text goes, and how."""

    field: str
    read: Any


def _reader(type_code: int) -> _Reader:
    known = psycopg.adapters.types.get(type_code)
    return _READERS.get(known.name if known else "", _TEXT)


_TEXT = _Reader("stringValue", bytes.decode)
_READERS = {
    "bool": _Reader("booleanValue", lambda value: value == b"t"),
    "int2": _Reader("longValue", int),
    "int4": _Reader("longValue", int),
    "int8": _Reader("longValue", int),
    "float4": _Reader("doubleValue", float),
    "float8": _Reader("doubleValue", float),
    "bytea": _Reader("blobValue", lambda value: bytes.fromhex(value.decode().removeprefix("\\x"))),
}


def _field(value: bytes | None, reader: _Reader) -> dict[str, Any]:
    return {"isNull": True} if value is None else {reader.field: reader.read(value)}


def _metadata(cursor: psycopg.Cursor[Any], column: psycopg.Column) -> dict[str, Any]:
    known = cursor.adapters.types.get(column.type_code)
    name = known.name if known else ""
    return {
        "name": column.name,
        "label": column.name,
        "typeName": name,
        "isSigned": name in {"int2", "int4", "int8", "float4", "float8", "numeric"},
        "isCaseSensitive": name in {"text", "varchar", "bpchar"},
        "isCurrency": False,
        "nullable": 1,
        "precision": column.precision or 0,
        "scale": column.scale or 0,
        "length": column.internal_size or 0,
    }
