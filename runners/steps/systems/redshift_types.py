"""Redshift's types and Arrow's: of results of the Data API, and of tables that Parquet files are copied to."""

from __future__ import annotations

from binascii import hexlify, unhexlify
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from runners.steps.ends import as_text, logical
from runners.steps.errors import DataNotRepresentable, TargetFailed
from runners.steps.formats.plain_text import plain_text
from runners.steps.systems.exact_casts import DIGITS, exactly_cast, is_bytes, is_text, is_zoned
from runners.steps.systems.redshift_session import value_of

LONGEST_TEXT = 65_535
"""Bytes of a text in UTF-8, at most."""

_OF_RESULTS: Mapping[str, pa.DataType] = {
    "bool": pa.bool_(),
    "int2": pa.int16(),
    "int4": pa.int32(),
    "int8": pa.int64(),
    "float4": pa.float32(),
    "float8": pa.float64(),
    **dict.fromkeys(("char", "bpchar", "varchar", "text", "name"), pa.string()),
    **dict.fromkeys(("varbyte", "bytea"), pa.binary()),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
    "timestamptz": pa.timestamp("us", "UTC"),
}
_TEXTS = {"super": "json", "json": "json", "time": "time", "timetz": "timetz", "interval": "interval", "uuid": "uuid"}


# Results


def result_schema(columns: Sequence[Mapping[str, Any]]) -> pa.Schema:
    """Return the schema of a result; what Arrow does not know is text."""
    return pa.schema([_result_field(column) for column in columns])


def _result_field(column: Mapping[str, Any]) -> pa.Field:
    name, kind = column["name"], column["typeName"].lower()
    if kind == "numeric" and 0 < column["precision"] <= DIGITS:
        return pa.field(name, pa.decimal128(column["precision"], column["scale"]))
    if kind in _OF_RESULTS:
        return pa.field(name, _OF_RESULTS[kind])
    return as_text(name, "decimal" if kind == "numeric" else _TEXTS.get(kind, "text"))


def batch_of(records: Sequence[Sequence[Mapping[str, Any]]], schema: pa.Schema) -> pa.RecordBatch:
    """Return rows of a result as a batch.

    Raises:
        DataNotRepresentable: a value is none of its column.

    """
    columns = []
    for place, field in enumerate(schema):
        try:
            columns.append(_column([value_of(row[place]) for row in records], field.type))
        except (pa.ArrowException, ValueError, TypeError):
            # What Arrow says repeats a value.
            raise DataNotRepresentable(
                f"a value of the column {field.name} is no {field.type}", column=field.name
            ) from None
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _column(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    if is_bytes(kind):
        return pa.array([unhexlify(value) if isinstance(value, str) else value for value in values], kind)
    if pa.types.is_floating(kind):
        # NaN and infinities come as texts, as JSON does not know them.
        return pa.array([float(value) if isinstance(value, str) else value for value in values], kind)
    if pa.types.is_decimal(kind) or pa.types.is_temporal(kind):
        return pa.array(values, pa.string()).cast(kind)
    return pa.array(values, kind)


# Tables


class TableColumn(NamedTuple):
    """A column of a table, as ``information_schema`` describes it."""

    name: str
    """Its name."""

    kind: str
    """Its type, e.g. ``character varying``."""

    length: int
    """Bytes of a text, at most; 0 for others."""

    precision: int
    """Digits of a number."""

    scale: int
    """Digits of its fraction."""


class Fitted(NamedTuple):
    """A column that is made to fit."""

    name: str
    """The table's name for it."""

    stored: pa.DataType
    """The type in which a Parquet file holds it."""

    arrives: str
    """The type in which it is copied into a table beside the target."""

    converted: str
    """What makes the table's type of it; ``{}`` is its name."""

    fit: Callable[[pa.Array], pa.Array]
    """Makes the stored type of its values."""


def created_as(field: pa.Field) -> str:
    """Return the type that a column of a new table has for a field.

    Raises:
        DataNotRepresentable: Redshift has none.

    """
    for holds, name in _CREATED:
        if holds(field.type):
            return name
    if pa.types.is_decimal(field.type) and field.type.precision <= DIGITS and field.type.scale >= 0:
        return f"decimal({field.type.precision}, {field.type.scale})"
    raise DataNotRepresentable(
        f"the column {field.name} is {field.type}, for which Redshift has no type: cast it", column=field.name
    )


def fitted(field: pa.Field, column: TableColumn) -> Fitted:
    """Return how a column is made to fit the table's.

    Raises:
        TargetFailed: this kind of column is not written.
        DataNotRepresentable: no value of the column's type is one of the table's.

    """
    kind, sized = column.kind.lower(), f"{column.kind}({column.length})" if column.length else column.kind
    if kind == "numeric":
        stored = pa.decimal128(column.precision or DIGITS, column.scale or 0)
        sized = f"decimal({stored.precision}, {stored.scale})"
        return Fitted(column.name, stored, sized, "{}", lambda values: exactly_cast(values, field, stored, sized))
    if kind in _AS_THEY_ARE:
        stored, arrives = _AS_THEY_ARE[kind]
        return Fitted(column.name, stored, arrives, "{}", lambda values: exactly_cast(values, field, stored, kind))
    for names, wanted, converted, written in _OTHERWISE:
        if kind in names and wanted(field.type):
            stored = pa.timestamp("us") if is_zoned(field.type) else pa.string()
            arrives = "timestamp" if is_zoned(field.type) else f"varchar({LONGEST_TEXT})"
            return Fitted(column.name, stored, arrives, converted, partial(written, field=field, column=column))
    raise TargetFailed(
        f"the column {field.name} is {logical(field) or field.type}, and the table's is {sized}: cast it",
        column=field.name,
    )


def _texts(values: pa.Array, field: pa.Field, column: TableColumn) -> pa.Array:
    texts = values.cast(pa.string())
    longest = column.length or LONGEST_TEXT
    if (pc.max(pc.binary_length(texts)).as_py() or 0) > longest:
        raise DataNotRepresentable(
            f"a text of the column {field.name} has more than {longest} bytes", column=field.name
        )
    return texts


def _zoned(values: pa.Array, field: pa.Field, column: TableColumn) -> pa.Array:
    del column
    exact = exactly_cast(values, field, pa.timestamp("us", "UTC"), "timestamp with time zone")
    return exact.cast(pa.timestamp("us"))


def _times(values: pa.Array, field: pa.Field, column: TableColumn) -> pa.Array:
    del column
    return plain_text(exactly_cast(values, field, pa.time64("us"), "time"), field.name)


def _hexadecimal(values: pa.Array, field: pa.Field, column: TableColumn) -> pa.Array:
    texts = [None if value is None else hexlify(value).decode() for value in values.to_pylist()]
    return _texts(pa.array(texts, pa.string()), field, column._replace(length=0))


_CREATED: tuple[tuple[Callable[[pa.DataType], bool], str], ...] = (
    (pa.types.is_boolean, "boolean"),
    (lambda kind: kind in {pa.int8(), pa.int16(), pa.uint8()}, "smallint"),
    (lambda kind: kind in {pa.int32(), pa.uint16()}, "integer"),
    (lambda kind: kind in {pa.int64(), pa.uint32()}, "bigint"),
    (pa.types.is_uint64, "decimal(20, 0)"),
    (pa.types.is_float64, "double precision"),
    (pa.types.is_floating, "real"),
    (is_text, f"varchar({LONGEST_TEXT})"),
    (is_bytes, "varbyte(64000)"),
    (pa.types.is_date, "date"),
    (pa.types.is_time, "time"),
    (is_zoned, "timestamptz"),
    (pa.types.is_timestamp, "timestamp"),
)
_AS_THEY_ARE: Mapping[str, tuple[pa.DataType, str]] = {
    "boolean": (pa.bool_(), "boolean"),
    "smallint": (pa.int16(), "smallint"),
    "integer": (pa.int32(), "integer"),
    "bigint": (pa.int64(), "bigint"),
    "real": (pa.float32(), "real"),
    "double precision": (pa.float64(), "double precision"),
    "date": (pa.date32(), "date"),
    "timestamp without time zone": (pa.timestamp("us"), "timestamp"),
}
_OTHERWISE: tuple[tuple[frozenset[str], Callable[[pa.DataType], bool], str, Callable[..., pa.Array]], ...] = (
    (frozenset({"character varying", "character", "text"}), is_text, "{}", _texts),
    (frozenset({"super"}), is_text, "JSON_PARSE({})", _texts),
    (frozenset({"timestamp with time zone"}), is_zoned, "{} AT TIME ZONE 'UTC'", _zoned),
    (frozenset({"time without time zone"}), pa.types.is_time, "CAST({} AS time)", _times),
    (frozenset({"binary varying"}), is_bytes, "FROM_HEX({})", _hexadecimal),
)
"""What Parquet files bring in another type, and what makes the table's of it."""
