"""The types of a result of SQL Server, and the Arrow types that hold their values exactly.

pymssql cuts times to microseconds, and what it makes of money, XML and times with a zone differs from version to
version: these SQL Server itself turns into something that is always the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from runners.steps.ends import as_text
from runners.steps.errors import DataNotRepresentable, SourceFailed
from runners.steps.systems.text_times import exact_times

FineTimesAs = Literal["microseconds", "text"]
OffsetsAs = Literal["utc", "text"]

_MICROSECONDS = 6  # digits of a fraction that Arrow's types here keep


class Column(NamedTuple):
    """A column of a result, as SQL Server describes it."""

    name: str
    """Its name."""

    kind: str
    """Its type without sizes, e.g. ``decimal``."""

    precision: int
    """Digits of a number."""

    scale: int
    """Digits of a fraction."""

    nullable: bool
    """Whether it may have no value."""


class Reading(NamedTuple):
    """How a column is read."""

    field: pa.Field
    """What it becomes."""

    selected: str
    """What is selected of it; ``{}`` is its name."""

    driver: pa.DataType
    """The type of what the driver gives."""

    finished: Callable[[pa.Array], pa.Array]
    """Makes the field's values of the driver's."""


def reading(column: Column, fine_times_as: FineTimesAs, offsets_as: OffsetsAs) -> Reading:
    """Return how a column is read.

    Raises:
        SourceFailed: its type is none that is known.

    """
    if column.kind in {"datetime2", "time", "datetimeoffset"}:
        return _of_time(column, fine_times_as, offsets_as)
    if column.kind in _PLAIN:
        return _as_it_is(column, _PLAIN[column.kind])
    if column.kind in {"decimal", "numeric"}:
        return _as_it_is(column, pa.decimal128(column.precision, column.scale))
    if column.kind in _CONVERTED:
        selected, kind = _CONVERTED[column.kind]
        return Reading(pa.field(column.name, kind, column.nullable), selected, kind, _unchanged)
    if column.kind in _TEXTS:
        selected, means = _TEXTS[column.kind]
        field = as_text(column.name, means, nullable=column.nullable)
        return Reading(field, selected, pa.string(), pc.utf8_lower if means == "uuid" else _unchanged)
    raise SourceFailed(
        f"the column {column.name} is {column.kind or 'of a type without a name'}, which cannot be read: cast it in "
        "the query",
        column=column.name,
    )


def batch_of(rows: Sequence[tuple[Any, ...]], readings: Sequence[Reading], schema: pa.Schema) -> pa.RecordBatch:
    """Return rows of the driver as a batch.

    Raises:
        DataNotRepresentable: a value has no place in its column's type.

    """
    columns = []
    for values, read in zip(zip(*rows, strict=True), readings, strict=True):
        try:
            columns.append(read.finished(pa.array(values, read.driver)))
        except (pa.ArrowException, TypeError, ValueError, OverflowError):
            # What Arrow says repeats a value.
            raise DataNotRepresentable(
                f"a value of the column {read.field.name} is no {read.field.type}", column=read.field.name
            ) from None
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _as_it_is(column: Column, kind: pa.DataType) -> Reading:
    return Reading(pa.field(column.name, kind, column.nullable), "{}", kind, _unchanged)


def _of_time(column: Column, fine_times_as: FineTimesAs, offsets_as: OffsetsAs) -> Reading:
    """Let SQL Server write times as text that the driver would cut or move."""
    is_fine = column.scale > _MICROSECONDS
    has_offset = column.kind == "datetimeoffset"
    kind = _TIMES[column.kind]
    if not is_fine and not has_offset:
        return _as_it_is(column, kind)
    selected = "CONVERT(varchar(34), {}, 121)"
    if (is_fine and fine_times_as == "text") or (has_offset and offsets_as == "text"):
        means = "time" if column.kind == "time" else "timestamp"
        return Reading(as_text(column.name, means, nullable=column.nullable), selected, pa.string(), _unchanged)

    advice = f"set FineTimesAs to text, or cast it to {column.kind}(6)"

    def finished(texts: pa.Array) -> pa.Array:
        return exact_times(texts, kind, column.name, advice)

    return Reading(pa.field(column.name, kind, column.nullable), selected, pa.string(), finished)


def _unchanged(values: pa.Array) -> pa.Array:
    return values


def type_of(described: str) -> str:
    """Return a type without its sizes: ``decimal`` of ``decimal(10,2)``."""
    return re.sub(r"\(.*", "", described).strip().lower()


_PLAIN: dict[str, pa.DataType] = {
    "bit": pa.bool_(),
    "tinyint": pa.int16(),  # 0 to 255
    "smallint": pa.int16(),
    "int": pa.int32(),
    "bigint": pa.int64(),
    "real": pa.float32(),
    "float": pa.float64(),
    **dict.fromkeys(("char", "varchar", "text", "nchar", "nvarchar", "ntext", "sysname"), pa.string()),
    **dict.fromkeys(("binary", "varbinary", "image", "timestamp", "rowversion"), pa.binary()),
    "date": pa.date32(),
    "smalldatetime": pa.timestamp("us"),
    "datetime": pa.timestamp("us"),
}
_TIMES: dict[str, pa.DataType] = {
    "datetime2": pa.timestamp("us"),
    "time": pa.time64("us"),
    "datetimeoffset": pa.timestamp("us", "UTC"),
}
_CONVERTED: dict[str, tuple[str, pa.DataType]] = {
    "money": ("CAST({} AS decimal(19, 4))", pa.decimal128(19, 4)),
    "smallmoney": ("CAST({} AS decimal(10, 4))", pa.decimal128(10, 4)),
    **dict.fromkeys(("geography", "geometry", "hierarchyid"), ("CAST({} AS varbinary(max))", pa.binary())),
}
_TEXTS: dict[str, tuple[str, str]] = {
    "uniqueidentifier": ("CONVERT(varchar(36), {})", "uuid"),
    "xml": ("CAST({} AS nvarchar(max))", "text"),
    "json": ("CAST({} AS nvarchar(max))", "json"),
}
