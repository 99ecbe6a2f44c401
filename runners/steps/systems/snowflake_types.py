"""Snowflake's types and Arrow's: of results, and of tables that Parquet files are copied to.

Times have nanoseconds there, and come to the connector's Arrow in forms that overflow or cut: Snowflake writes them as
texts instead, which are read exactly. Written times, numbers with a fraction and bytes go as texts, too.
"""

from __future__ import annotations

from binascii import hexlify
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Literal, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from runners.steps.ends import as_text, logical
from runners.steps.errors import DataNotRepresentable, SourceFailed, TargetFailed
from runners.steps.formats.plain_text import plain_text
from runners.steps.systems.exact_casts import DIGITS, exactly_cast, is_bytes, is_text, is_zoned
from runners.steps.systems.text_times import exact_times

OffsetsAs = Literal["utc", "text"]

_KINDS = (
    *("FIXED", "REAL", "TEXT", "DATE", "TIMESTAMP", "VARIANT", "TIMESTAMP_LTZ", "TIMESTAMP_TZ", "TIMESTAMP_NTZ"),
    *("OBJECT", "ARRAY", "BINARY", "TIME", "BOOLEAN", "GEOGRAPHY", "GEOMETRY", "VECTOR"),
)
"""Types by the codes that the connector has for them."""

_INT64_DIGITS = 18  # of a number that always is one of 64 bits
_MICROSECONDS = 6  # digits of a fraction
_DATE_TIME = "YYYY-MM-DD HH24:MI:SS.FF9"


class Column(NamedTuple):
    """A column of a result or a table, as the connector describes it."""

    name: str
    """Its name."""

    kind: str
    """Its type, e.g. ``FIXED``."""

    precision: int
    """Digits of a number."""

    scale: int
    """Digits of a fraction."""

    @classmethod
    def of(cls, described: Any) -> Column:
        """Return a column of a description."""
        name, code, _, _, precision, scale, *_ = described
        return cls(name, _KINDS[code] if code < len(_KINDS) else "", precision or 0, scale or 0)


# Results


class Reading(NamedTuple):
    """How a column is read."""

    field: pa.Field
    """What it becomes."""

    selected: str
    """What is selected of it; ``{}`` is its name."""

    finished: Callable[[pa.Array], pa.Array]
    """Makes the field's values of the connector's."""


def reading(column: Column, offsets_as: OffsetsAs) -> Reading:
    """Return how a column is read.

    Raises:
        SourceFailed: its type is none that is known.

    """
    name = column.name
    if column.kind == "FIXED":
        is_short = column.scale == 0 and column.precision <= _INT64_DIGITS
        return _plain(name, pa.int64() if is_short else pa.decimal128(column.precision, column.scale), "{}")
    if column.kind in _PLAIN:
        return _plain(name, _PLAIN[column.kind], "{}")
    if column.kind in {"VARIANT", "OBJECT", "ARRAY"}:
        return Reading(as_text(name, "json"), "TO_JSON({})", lambda values: values.cast(pa.string()))
    if column.kind in _TIMES:
        kind, form = _TIMES[column.kind]
        selected = f"TO_VARCHAR({{}}, '{form}')"
        if column.kind == "TIMESTAMP_TZ" and offsets_as == "text":
            return Reading(as_text(name, "timestamp"), selected, lambda values: values.cast(pa.string()))
        advice = "round it in the query, or select TO_VARCHAR of it"
        return Reading(pa.field(name, kind), selected, partial(exact_times, kind=kind, name=name, advice=advice))
    raise SourceFailed(
        f"the column {name} is {column.kind or 'of an unknown type'}, which cannot be read: select TO_VARCHAR of it",
        column=name,
    )


def _plain(name: str, kind: pa.DataType, selected: str) -> Reading:
    def finished(values: pa.Array) -> pa.Array:
        if pa.types.is_integer(values.type) and pa.types.is_decimal(kind):
            values = values.cast(pa.decimal128(DIGITS, 0))  # Arrow wants room for every integer that there is
        return values.cast(kind)

    return Reading(pa.field(name, kind), selected, finished)


def batch_of(batch: pa.RecordBatch, readings: list[Reading], schema: pa.Schema) -> pa.RecordBatch:
    """Return a batch of the connector's with the types of the fields.

    Raises:
        DataNotRepresentable: a value is none of its column.

    """
    columns = []
    for read, values in zip(readings, batch.columns, strict=True):
        try:
            columns.append(read.finished(values))
        except (pa.ArrowException, ValueError):
            # What Arrow says repeats a value.
            raise DataNotRepresentable(
                f"a value of the column {read.field.name} is no {read.field.type}", column=read.field.name
            ) from None
    return pa.RecordBatch.from_arrays(columns, schema=schema)


_PLAIN: Mapping[str, pa.DataType] = {
    "REAL": pa.float64(),
    "TEXT": pa.string(),
    "DATE": pa.date32(),
    "BINARY": pa.binary(),
    "BOOLEAN": pa.bool_(),
}
_TIMES: Mapping[str, tuple[pa.DataType, str]] = {
    "TIME": (pa.time64("us"), "HH24:MI:SS.FF9"),
    "TIMESTAMP": (pa.timestamp("us"), _DATE_TIME),
    "TIMESTAMP_NTZ": (pa.timestamp("us"), _DATE_TIME),
    "TIMESTAMP_LTZ": (pa.timestamp("us", "UTC"), f"{_DATE_TIME} TZH:TZM"),
    "TIMESTAMP_TZ": (pa.timestamp("us", "UTC"), f"{_DATE_TIME} TZH:TZM"),
}


# Tables


class Fitted(NamedTuple):
    """A column that is made to fit."""

    name: str
    """The table's name for it."""

    stored: pa.DataType
    """The type in which a Parquet file holds it."""

    converted: str
    """What makes the table's type of it; ``{}`` is what the file has."""

    fit: Callable[[pa.Array], pa.Array]
    """Makes the stored type of its values."""


def created_as(field: pa.Field) -> str:
    """Return the type that a column of a new table has for a field.

    Raises:
        DataNotRepresentable: Snowflake has none.

    """
    if logical(field) == "json":
        return "VARIANT"
    for holds, name in _CREATED:
        if holds(field.type):
            return name
    if pa.types.is_decimal(field.type) and field.type.precision <= DIGITS and field.type.scale >= 0:
        return f"NUMBER({field.type.precision}, {field.type.scale})"
    raise DataNotRepresentable(
        f"the column {field.name} is {field.type}, for which Snowflake has no type: cast it", column=field.name
    )


def fitted(field: pa.Field, column: Column) -> Fitted:
    """Return how a column is made to fit the table's.

    Raises:
        TargetFailed: this kind of column is not written.

    """
    for kinds, wanted, stored, converted, written in _WRITTEN:
        if column.kind in kinds and wanted(field):
            sizes = {"precision": column.precision, "scale": column.scale, "kind": column.kind}
            made = converted.format("{}", **sizes)
            return Fitted(column.name, stored, made, partial(written, field=field, column=column))
    raise TargetFailed(
        f"the column {field.name} is {logical(field) or field.type}, and the table's is {column.kind}: cast it",
        column=field.name,
    )


def _as_it_is(kind: pa.DataType, values: pa.Array, field: pa.Field, column: Column) -> pa.Array:
    return exactly_cast(values, field, kind, column.kind)


def _number(values: pa.Array, field: pa.Field, column: Column) -> pa.Array:
    kind = pa.decimal128(column.precision or DIGITS, column.scale)
    return plain_text(exactly_cast(values, field, kind, f"NUMBER({kind.precision}, {kind.scale})"), field.name)


def _moment(values: pa.Array, field: pa.Field, column: Column) -> pa.Array:
    """Write times as texts, if they are not finer than the column."""
    kind = field.type
    if pa.types.is_timestamp(kind) or pa.types.is_time(kind):
        exact = pa.time64("us") if pa.types.is_time(kind) else pa.timestamp("us", kind.tz)
        values = exactly_cast(values, field, exact, column.kind)
        step = 10 ** max(0, _MICROSECONDS - column.scale)
        ticks = values.cast(pa.int64())
        if pc.any(pc.not_equal(pc.multiply(pc.divide(ticks, step), step), ticks)).as_py():
            raise DataNotRepresentable(
                f"a value of the column {field.name} is finer than {column.kind}({column.scale})", column=field.name
            )
    texts = plain_text(values, field.name)
    return pc.binary_join_element_wise(texts, pa.scalar(":00"), "") if is_zoned(kind) else texts


def _hexadecimal(values: pa.Array, field: pa.Field, column: Column) -> pa.Array:
    del field, column
    return pa.array([None if value is None else hexlify(value).decode() for value in values.to_pylist()], pa.string())


_CREATED: tuple[tuple[Callable[[pa.DataType], bool], str], ...] = (
    (pa.types.is_boolean, "BOOLEAN"),
    (pa.types.is_uint64, "NUMBER(20, 0)"),
    (pa.types.is_integer, "NUMBER(19, 0)"),
    (pa.types.is_floating, "FLOAT"),
    (is_text, "VARCHAR"),
    (is_bytes, "BINARY"),
    (pa.types.is_date, "DATE"),
    (pa.types.is_time, "TIME(6)"),
    (is_zoned, "TIMESTAMP_TZ(6)"),
    (pa.types.is_timestamp, "TIMESTAMP_NTZ(6)"),
)


def _of(*holds: Callable[[pa.DataType], bool]) -> Callable[[pa.Field], bool]:
    return lambda field: any(one(field.type) for one in holds)


def _is_number(field: pa.Field) -> bool:
    is_one = pa.types.is_integer(field.type) or pa.types.is_decimal(field.type)
    return bool(is_one or logical(field) == "decimal")


_WRITTEN: tuple[tuple[frozenset[str], Callable[[pa.Field], bool], pa.DataType, str, Callable[..., pa.Array]], ...] = (
    (frozenset({"BOOLEAN"}), _of(pa.types.is_boolean), pa.bool_(), "{}::BOOLEAN", partial(_as_it_is, pa.bool_())),
    (frozenset({"FIXED"}), _is_number, pa.string(), "{}::VARCHAR::NUMBER({precision}, {scale})", _number),
    (
        frozenset({"REAL"}),
        _of(pa.types.is_floating, pa.types.is_integer),
        pa.float64(),
        "{}::FLOAT",
        partial(_as_it_is, pa.float64()),
    ),
    (frozenset({"TEXT"}), _of(is_text), pa.string(), "{}::VARCHAR", partial(_as_it_is, pa.string())),
    (
        frozenset({"VARIANT", "OBJECT", "ARRAY"}),
        _of(is_text),
        pa.string(),
        "PARSE_JSON({}::VARCHAR)::{kind}",
        partial(_as_it_is, pa.string()),
    ),
    (frozenset({"BINARY"}), _of(is_bytes), pa.string(), "TO_BINARY({}::VARCHAR, 'HEX')", _hexadecimal),
    (frozenset({"DATE"}), _of(pa.types.is_date), pa.string(), "{}::VARCHAR::DATE", _moment),
    (frozenset({"TIME"}), _of(pa.types.is_time), pa.string(), "{}::VARCHAR::TIME({scale})", _moment),
    (
        frozenset({"TIMESTAMP_NTZ"}),
        lambda field: pa.types.is_timestamp(field.type) and field.type.tz is None,
        pa.string(),
        "{}::VARCHAR::TIMESTAMP_NTZ({scale})",
        _moment,
    ),
    (
        frozenset({"TIMESTAMP_TZ", "TIMESTAMP_LTZ"}),
        _of(is_zoned),
        pa.string(),
        "{}::VARCHAR::{kind}({scale})",
        _moment,
    ),
)
"""Of which columns which are made, in which type the file has them, and what makes the table's of it."""
