"""SQLite as a source, which AWS DMS does not have: a file on the laptop in place of a database server.

SQLite keeps any value in any column. A column's declared type says what it is, and a value of another kind makes its
table erroneous: it is neither guessed nor converted.
"""

from __future__ import annotations

import re
import sqlite3
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runners.local.dms.columns import Column, DmsType, Kind, SourceTable, TableName
from runners.local.dms.errors import EndpointError, TableError
from runners.local.dms.sources import batches, condition_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from runners.local.dms.columns import Row
    from runners.local.dms.table_mappings import Filter

SCHEMA = "main"
SIZED = re.compile(r"(?P<base>[\w ]*?)\s*\(\s*(?P<first>\d+)\s*(?:,\s*(?P<second>\d+)\s*)?\)\s*")
DATE = re.compile(r"\d{4}-\d\d-\d\d")
TIME = re.compile(r"\d\d:\d\d(:\d\d(\.\d{1,6})?)?")
DATETIME = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d{1,6})?)?")


class SqliteSource:
    """One connection to a database file, which is opened for reading only."""

    def __init__(self, path: str, endpoint: str) -> None:
        self._endpoint = endpoint
        if not Path(path).is_file():
            raise EndpointError(f"The endpoint {endpoint} cannot be reached: its DatabaseName is no file")
        try:
            # Cancelled from another thread, by the one method that SQLite allows there.
            self._connection = sqlite3.connect(
                f"{Path(path).resolve().as_uri()}?mode=ro", uri=True, check_same_thread=False
            )
            self._connection.execute("SELECT 1 FROM sqlite_master")
        except sqlite3.Error as error:
            raise EndpointError(f"The endpoint {endpoint} cannot be reached: {error}") from None

    def tables(self) -> list[TableName]:
        """Answer the tables and views, all of the schema ``main``."""
        with _reported("Reading the catalogue"):
            found = self._connection.execute(
                "SELECT name, type FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' "
                "ESCAPE '\\' ORDER BY name"
            ).fetchall()
        return [TableName(SCHEMA, name, is_view=kind == "view") for name, kind in found]

    def describe(self, name: TableName) -> SourceTable:
        """Answer a table's columns by their declared types."""
        with _reported(f"Reading the catalogue for {name}"):
            found = self._connection.execute("SELECT * FROM pragma_table_info(?)", (name.name,)).fetchall()
        columns = tuple(
            Column(column, _type(declared), declared, _quoted(column), nullable=not required)
            for _, column, declared, required, _, _ in found
        )
        keys = sorted((place, column) for _, column, _, _, _, place in found if place)
        return SourceTable(name, columns, tuple(column for _, column in keys))

    def read(
        self,
        table: SourceTable,
        columns: Sequence[Column],
        filters: Sequence[Filter],
        *,
        native: bool = False,  # noqa: ARG002  # PostgreSQL's own
    ) -> Iterator[list[Row]]:
        """Read the rows; a value that its column's type does not hold raises ``TableError``."""
        where, bound = condition_of(table, filters, '"', "?")
        selected = ", ".join(column.expression for column in columns)
        statement = f"SELECT {selected} FROM {_quoted(table.name.name)}{where}"  # noqa: S608
        forms = [(column, _FORMS[column.type.kind]) for column in columns]
        with _reported(f"Reading {table.name}"):
            for rows in batches(self._connection.execute(statement, [value for _, value in bound])):
                yield [
                    tuple(_formed(table, pair, value) for pair, value in zip(forms, row, strict=True)) for row in rows
                ]

    def cancel(self) -> None:
        """End a read that another thread does."""
        self._connection.interrupt()

    def close(self) -> None:
        """Close the file."""
        self._connection.close()


@contextmanager
def _reported(doing: str) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise TableError(f"{doing} failed: {error}") from None


def _type(declared: str) -> DmsType:
    sized = SIZED.fullmatch(declared)
    base = (sized["base"] if sized else declared).strip().upper()
    first = int(sized["first"]) if sized else None
    if base in {"DECIMAL", "NUMERIC"}:
        return DmsType.decimal(first, int(sized["second"] or 0) if sized else None)
    for words, kind in _KINDS:
        if any(word in base for word in words):
            return DmsType(
                kind, length=first if kind is Kind.WSTRING else None, scale=6 if kind is Kind.DATETIME else None
            )
    return DmsType(Kind.BLOB if base in {"", "BLOB"} else Kind.NCLOB)


# Words of a declared type → its kind; the first that fits counts.
_KINDS: tuple[tuple[tuple[str, ...], Kind], ...] = (
    (("BOOL",), Kind.BOOLEAN),
    (("DATETIME", "TIMESTAMP"), Kind.DATETIME),
    (("DATE",), Kind.DATE),
    (("TIME",), Kind.TIME),
    (("POINT",), Kind.REAL8),
    (("INT",), Kind.INT8),
    (("CHAR",), Kind.WSTRING),
    (("REAL", "FLOA", "DOUB"), Kind.REAL8),
    (("CLOB", "TEXT", "JSON"), Kind.NCLOB),
)


def _formed(table: SourceTable, pair: tuple[Column, Callable[[Column, Any], str | None]], value: Any) -> str | None:
    if value is None:
        return None
    column, form = pair
    text = form(column, value)
    if text is None:
        raise TableError(
            f"{table.name} holds a value of the kind {type(value).__name__} in {column.name}, which its declared type "
            f"{column.source_type!r} does not hold"
        )
    return text


def _number(column: Column, value: Any) -> str | None:
    """Answer a decimal that its column holds without rounding."""
    if not isinstance(value, int | float | str) or (isinstance(value, str) and column.type.kind is Kind.NUMERIC):
        return None
    if column.type.kind is Kind.STRING:
        return str(value)
    number, scale = Decimal(str(value)), column.type.scale or 0
    if not number.is_finite() or number != round(number, scale):
        return None
    whole = (column.type.precision or 0) - scale
    return f"{number:.{scale}f}" if abs(number) < Decimal(10) ** whole else None


def _text_of(pattern: re.Pattern[str]) -> Callable[[Column, Any], str | None]:
    return lambda _column, value: value if isinstance(value, str) and pattern.fullmatch(value) else None


def _real(_column: Column, value: Any) -> str | None:
    if not isinstance(value, float | int):
        return None
    return {"inf": "Infinity", "-inf": "-Infinity"}.get(text := repr(float(value)), text)


_FORMS: dict[Kind, Callable[[Column, Any], str | None]] = {
    Kind.INT8: lambda _column, value: str(value) if isinstance(value, int) else None,
    Kind.BOOLEAN: lambda _column, value: {0: "false", 1: "true"}.get(value) if isinstance(value, int) else None,
    Kind.REAL8: _real,
    Kind.NUMERIC: _number,
    Kind.STRING: _number,
    Kind.DATE: _text_of(DATE),
    Kind.TIME: _text_of(TIME),
    Kind.DATETIME: lambda column, value: (text := _text_of(DATETIME)(column, value)) and text.replace("T", " "),
    Kind.WSTRING: lambda _column, value: value if isinstance(value, str) else None,
    Kind.NCLOB: lambda _column, value: value if isinstance(value, str) else None,
    Kind.BLOB: lambda _column, value: value.hex() if isinstance(value, bytes) else None,
}


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
