"""Reading SQLite: the types that columns are declared with, and a refusal for each value that is not of its type."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa

from runners.steps.ends import BATCH_BYTES
from runners.steps.errors import DataNotRepresentable, SourceFailed, TemplateFailed
from runners.steps.systems.sqlite_types import declared_field
from runners.steps.templates import SQLITE, Statement

_FIRST_ROWS, _MOST_ROWS = 1_000, 50_000  # of a batch
_EXACT_INTEGER = 1 << 53  # beyond which a double does not tell integers apart
_VIEW = "etl_runners_columns"
_FOUND: dict[frozenset[str], pa.DataType] = {
    frozenset(): pa.string(),
    frozenset({"integer"}): pa.int64(),
    frozenset({"real"}): pa.float64(),
    frozenset({"integer", "real"}): pa.float64(),
    frozenset({"text"}): pa.string(),
    frozenset({"blob"}): pa.binary(),
}


def run(
    connection: sqlite3.Connection, statement: Statement, given: Mapping[str, pa.Field]
) -> tuple[pa.Schema, sqlite3.Cursor]:
    """Run a query; its columns are of the types that are given or declared, else of those of all their values.

    Raises:
        SourceFailed: it is no query, or has two columns of one name.
        DataNotRepresentable: a column without a declared type has values of several types.

    """
    values = bound(statement)
    declared = _declared(connection, statement)
    cursor = connection.execute(statement.text, values)
    names = [str(column[0]) for column in cursor.description]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise SourceFailed(f"the query gives two columns of the name {twice[0]!r}; give one another name by AS")
    fields = {name: given.get(name) or declared_field(name, kind) for name, kind in zip(names, declared, strict=True)}
    unknown = [name for name, field in fields.items() if field is None]
    found = _looked_up(connection, statement, values, unknown) if unknown else {}
    return pa.schema([field or found[name] for name, field in fields.items()]), cursor


def batches(cursor: sqlite3.Cursor, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a cursor, in batches of about ``BATCH_BYTES``.

    Raises:
        DataNotRepresentable: a value is not of its column's type.

    """
    rows = _FIRST_ROWS
    while fetched := cursor.fetchmany(rows):
        columns = [_array(field, values) for field, values in zip(schema, zip(*fetched, strict=True), strict=True)]
        batch = pa.RecordBatch.from_arrays(columns, schema=schema)
        rows = max(1, min(_MOST_ROWS, len(fetched) * BATCH_BYTES // max(batch.nbytes, 1)))
        yield batch


def bound(statement: Statement) -> tuple[Any, ...]:
    """Return a statement's values as SQLite keeps them: times as text, in UTC, and decimals as text."""
    return tuple(map(_bound, statement.parameters or ()))


def _bound(value: Any) -> Any:
    if isinstance(value, datetime):
        return (value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value).isoformat(" ")
    if isinstance(value, int) and not -(1 << 63) <= value < 1 << 63:
        raise TemplateFailed("a {{ value }} of the query is beyond 64 bits")
    if isinstance(value, float) and value != value:  # noqa: PLR0124  # NaN
        raise TemplateFailed("a {{ value }} of the query is NaN, which SQLite takes for NULL")
    return value if value is None or isinstance(value, str | int | float | bytes) else str(value)


def _declared(connection: sqlite3.Connection, statement: Statement) -> list[str]:
    """Return the declared types of a query's columns, empty for what is computed: those of a view of it."""
    # A view takes no values, and needs none to be declared.
    query = re.sub(rf"(?P<closed>{SQLITE.closed})|\?", lambda found: found["closed"] or "NULL", statement.text)
    try:
        connection.execute(f"CREATE TEMP VIEW {_VIEW} AS {query}")
    except sqlite3.OperationalError as error:
        if "incomplete" in str(error) or 'near "' in str(error):
            raise SourceFailed("the query is no SELECT that SQLite understands") from None
        raise
    described = connection.execute(f"PRAGMA temp.table_xinfo({_VIEW})").fetchall()
    connection.execute(f"DROP VIEW temp.{_VIEW}")
    return [str(column[2]) for column in described]


def _looked_up(
    connection: sqlite3.Connection, statement: Statement, values: Sequence[Any], names: Sequence[str]
) -> dict[str, pa.Field]:
    """Return the fields of columns without a declared type, by the types of all their values."""
    types = ", ".join(f"typeof({_quoted(name)})" for name in names)
    inner = statement.text.rstrip().rstrip(";")
    rows = connection.execute(f"SELECT DISTINCT {types} FROM (\n{inner}\n)", values).fetchall()  # noqa: S608
    found = {}
    for place, name in enumerate(names):
        kinds = frozenset(row[place] for row in rows) - {"null"}
        if kinds not in _FOUND:
            raise DataNotRepresentable(
                f"the column {name} has no declared type, and values of several: {', '.join(sorted(kinds))}; say in "
                "Types which it has",
                column=name,
            )
        found[name] = pa.field(name, _FOUND[kinds])
    return found


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _array(field: pa.Field, values: Sequence[Any]) -> pa.Array:
    kinds = set(map(type, values)) - {type(None)}
    try:
        if (made := _made(field.type, values, kinds)) is not None:
            return made
    except (pa.ArrowInvalid, OverflowError, UnicodeError):  # what they say repeats the value
        pass
    raise DataNotRepresentable(
        f"a value of the column {field.name} is no {field.type}, as which it is declared or given", column=field.name
    )


def _made(kind: pa.DataType, values: Sequence[Any], kinds: set[type]) -> pa.Array | None:
    """Return values as a column of a type; None if one is not of it."""
    if pa.types.is_boolean(kind):
        fits = kinds <= {int} and set(values) <= {0, 1, None}
        return pa.array([value if value is None else value == 1 for value in values], kind) if fits else None
    if pa.types.is_integer(kind) or pa.types.is_binary(kind):
        return pa.array(values, kind) if kinds <= {int if pa.types.is_integer(kind) else bytes} else None
    if pa.types.is_floating(kind):
        exact = all(abs(value) <= _EXACT_INTEGER for value in values if type(value) is int)
        return pa.array(values, kind) if kinds <= {int, float} and exact else None
    if pa.types.is_decimal(kind) or pa.types.is_string(kind):
        return _texts(kind, values, kinds)
    return pa.array(values, pa.string()).cast(kind) if kinds <= {str} else None


def _texts(kind: pa.DataType, values: Sequence[Any], kinds: set[type]) -> pa.Array | None:
    if pa.types.is_string(kind):
        return pa.array(values, kind) if kinds <= {str} else None
    if not kinds <= {int, float, str}:
        return None
    # A double is the decimal that it is written as, not the one next to it.
    return pa.array([value if value is None else _plain(value) for value in values], pa.string()).cast(kind)


def _plain(value: float | str) -> str:
    return value if isinstance(value, str) else f"{Decimal(repr(value)):f}"
