"""One Parquet file of a full load, written by DuckDB with the types that DMS gives to its data types.

Rows are collected in a temporary database on disk, so that memory stays small, and written in one go. A value that its
Parquet type cannot hold is an error, where DMS may write NULL or a rounded value.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from runners.local.dms.columns import BINARY_KINDS, DmsType, Kind
from runners.local.dms.errors import TableError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from runners.local.dms.columns import Row
    from runners.local.dms.s3_settings import S3Settings

MEMORY_LIMIT = "256MB"

# DMS type → DuckDB's, which is written as the Parquet type of the user guide; TIME has microseconds, where DMS has
# milliseconds only.
TYPES = {
    Kind.BOOLEAN: "BOOLEAN",
    Kind.BYTES: "BLOB",
    Kind.BLOB: "BLOB",
    Kind.DATE: "DATE",
    Kind.TIME: "TIME",
    Kind.DATETIME: "TIMESTAMP",
    Kind.INT1: "TINYINT",
    Kind.INT2: "SMALLINT",
    Kind.INT4: "INTEGER",
    Kind.INT8: "BIGINT",
    Kind.UINT1: "UTINYINT",
    Kind.UINT2: "USMALLINT",
    Kind.UINT4: "UINTEGER",
    Kind.UINT8: "UBIGINT",
    Kind.REAL4: "FLOAT",
    Kind.REAL8: "DOUBLE",
    Kind.STRING: "VARCHAR",
    Kind.WSTRING: "VARCHAR",
    Kind.CLOB: "VARCHAR",
    Kind.NCLOB: "VARCHAR",
}
# DuckDB also reads what Parquet, or those who read it, cannot hold: the ends of time, years before Christ (which it
# takes for years after), the 25th hour.
_DATE, _TIME = r"\d{4}-\d\d-\d\d", r"([01]\d|2[0-3]):\d\d(:\d\d(\.\d{1,6})?)?"
FORMS = {Kind.DATE: re.compile(_DATE), Kind.TIME: re.compile(_TIME), Kind.DATETIME: re.compile(f"{_DATE} {_TIME}")}


class ParquetFile:
    """A file that is being written."""

    def __init__(self, path: Path, columns: Sequence[tuple[str, DmsType]], settings: S3Settings) -> None:
        import duckdb  # noqa: PLC0415  # takes time to import

        self.size = 0
        """Bytes of the values written so far; the file is smaller."""
        self._path = path
        self._columns = columns
        self._settings = settings
        self._types = [_type(kind, milliseconds=settings.milliseconds) for _, kind in columns]
        self._rows = duckdb.connect(
            str(path.with_suffix(".rows")),
            config={"memory_limit": MEMORY_LIMIT, "threads": 1, "preserve_insertion_order": True},
        )
        named = ", ".join(f"{_quoted(name)} {kind}" for (name, _), kind in zip(columns, self._types, strict=True))
        self._rows.execute(f"CREATE TABLE collected ({named})")
        values = ", ".join(_cast(place, kind, self._types[place]) for place, (_, kind) in enumerate(columns))
        self._insert = f"INSERT INTO collected SELECT {values}"

    def write(self, rows: Sequence[Row]) -> None:
        """Collect rows; raises ``TableError`` that names the column of a value which its type cannot hold."""
        import duckdb  # noqa: PLC0415

        values = [list(column) for column in zip(*rows, strict=True)]
        for (name, kind), given in zip(self._columns, values, strict=True):
            form = FORMS.get(kind.kind)
            if form and not all(value is None or form.fullmatch(value) for value in given):
                raise _not_held(name, kind)
        try:
            self._rows.execute(self._insert, values)
        except duckdb.Error:
            # DuckDB's message quotes the value.
            raise self._error(values) from None
        self.size += sum(len(value) for given in values for value in given if value)

    def close(self) -> None:
        """Write the file."""
        settings = self._settings
        self._rows.execute(
            f"COPY collected TO '{str(self._path).replace(chr(39), chr(39) * 2)}' (FORMAT parquet, "
            f"COMPRESSION {'gzip' if settings.gzip else 'uncompressed'}, ROW_GROUP_SIZE {settings.row_group_rows}, "
            f"PARQUET_VERSION {settings.parquet_version})"
        )
        self._rows.close()

    def discard(self) -> None:
        """Let go of the rows, without writing them."""
        self._rows.close()

    def _error(self, values: Sequence[list[str | None]]) -> TableError:
        for place, (name, kind) in enumerate(self._columns):
            trial = f"v IS NOT NULL AND {_trial(kind, self._types[place])} IS NULL"
            wrong = f"SELECT count(*) FROM (SELECT unnest($1::VARCHAR[]) AS v) WHERE {trial}"  # noqa: S608
            found = self._rows.execute(wrong, [values[place]]).fetchone()
            if found and found[0]:
                return _not_held(name, kind)
        return TableError("A row cannot be written as Parquet")


def _not_held(name: str, kind: DmsType) -> TableError:
    return TableError(f"The column {name} holds a value that {kind.kind} in Parquet cannot hold")


def _type(kind: DmsType, *, milliseconds: bool) -> str:
    if kind.kind is Kind.NUMERIC:
        return f"DECIMAL({kind.precision},{kind.scale})"
    return "TIMESTAMP_MS" if kind.kind is Kind.DATETIME and milliseconds else TYPES[kind.kind]


def _cast(place: int, kind: DmsType, wanted: str) -> str:
    value = f"unnest(${place + 1}::VARCHAR[])"
    return f"unhex({value})" if kind.kind in BINARY_KINDS else f"CAST({value} AS {wanted})"


def _trial(kind: DmsType, wanted: str) -> str:
    return "TRY(unhex(v))" if kind.kind in BINARY_KINDS else f"TRY_CAST(v AS {wanted})"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
