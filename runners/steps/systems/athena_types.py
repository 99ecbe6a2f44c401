"""Athena's types and Arrow's, and the texts of results in CSV, which tell NULL from an empty text by quotes."""

from __future__ import annotations

import re
from binascii import unhexlify
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from runners.steps.ends import as_text
from runners.steps.errors import DataNotRepresentable, SourceFailed, TargetFailed
from runners.steps.systems.exact_casts import DIGITS, exactly_cast, is_bytes, is_text

_SIZED = re.compile(r"(\w+)\((\d+)(?:, ?(\d+))?\)")
_NOT_UTC = r"^\S+ \S+ (?:[^U].*|U[^T].*)$"
_NESTED = frozenset({"array", "map", "row"})

_OF_RESULTS: Mapping[str, pa.DataType] = {
    "boolean": pa.bool_(),
    "tinyint": pa.int16(),
    "smallint": pa.int16(),
    "integer": pa.int32(),
    "bigint": pa.int64(),
    "real": pa.float32(),
    "float": pa.float32(),
    "double": pa.float64(),
    **dict.fromkeys(("varchar", "char", "string"), pa.string()),
    "varbinary": pa.binary(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
    "timestamp with time zone": pa.timestamp("us", "UTC"),
}
_TEXTS = {"json": "json", "time": "time", "uuid": "uuid", "ipaddress": "text"}
_TEXTS |= dict.fromkeys(("interval day to second", "interval year to month"), "interval")

_OF_TABLES: Mapping[str, pa.DataType] = {
    "boolean": pa.bool_(),
    "tinyint": pa.int8(),
    "smallint": pa.int16(),
    "int": pa.int32(),
    "integer": pa.int32(),
    "bigint": pa.int64(),
    "float": pa.float32(),
    "double": pa.float64(),
    **dict.fromkeys(("string", "varchar", "char"), pa.string()),
    "binary": pa.binary(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("ms"),
}
_CREATED: tuple[tuple[Callable[[pa.DataType], bool], str], ...] = (
    (pa.types.is_boolean, "boolean"),
    (pa.types.is_int8, "tinyint"),
    (lambda kind: pa.types.is_int16(kind) or pa.types.is_uint8(kind), "smallint"),
    (lambda kind: pa.types.is_int32(kind) or pa.types.is_uint16(kind), "int"),
    (lambda kind: pa.types.is_int64(kind) or pa.types.is_uint32(kind), "bigint"),
    (pa.types.is_uint64, "decimal(20,0)"),
    (pa.types.is_float64, "double"),
    (pa.types.is_floating, "float"),
    (is_text, "string"),
    (pa.types.is_time, "string"),
    (is_bytes, "binary"),
    (pa.types.is_date, "date"),
    (lambda kind: pa.types.is_timestamp(kind) and kind.tz is None, "timestamp"),
    (lambda kind: pa.types.is_decimal(kind) and kind.precision <= DIGITS and kind.scale >= 0, ""),
)


# Results


def result_schema(columns: Sequence[Mapping[str, Any]]) -> pa.Schema:
    """Return the schema of a result.

    Args:
        columns: as GetQueryResults describes them.

    Raises:
        SourceFailed: two have the same name, or one a type that results do not write exactly.

    """
    names = [column["Name"] for column in columns]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise SourceFailed(f"two columns of the query have the name {', '.join(twice)}: give them other ones by AS")
    return pa.schema([_result_field(column) for column in columns])


def _result_field(column: Mapping[str, Any]) -> pa.Field:
    name, kind = column["Name"], column["Type"].lower()
    if kind == "decimal":
        return pa.field(name, pa.decimal128(column["Precision"], column["Scale"]))
    if kind in _OF_RESULTS:
        return pa.field(name, _OF_RESULTS[kind])
    if kind in _TEXTS:
        return as_text(name, _TEXTS[kind])
    what = "json_format(CAST(… AS JSON))" if kind in _NESTED else "CAST(… AS varchar)"
    raise SourceFailed(
        f"the column {name} is {kind}, which a result does not write exactly: select {what}", column=name
    )


def typed(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """Return the texts of a result as values.

    Raises:
        DataNotRepresentable: a value is none of its column.

    """
    columns = []
    for field, texts in zip(schema, batch.columns, strict=True):
        try:
            columns.append(_typed(texts, field))
        except (pa.ArrowInvalid, ValueError):
            # What Arrow says repeats a value.
            raise DataNotRepresentable(
                f"a value of the column {field.name} is no {field.type}", column=field.name
            ) from None
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _typed(texts: pa.Array, field: pa.Field) -> pa.Array:
    kind = field.type
    if pa.types.is_binary(kind):
        return pa.array(
            [None if text is None else unhexlify(text.replace(" ", "")) for text in texts.to_pylist()], kind
        )
    if pa.types.is_timestamp(kind) and kind.tz:
        if pc.any(pc.match_substring_regex(texts, _NOT_UTC)).as_py():
            raise DataNotRepresentable(
                f"a value of the column {field.name} has a zone that would be lost: select it AT TIME ZONE 'UTC'",
                column=field.name,
            )
        return pc.replace_substring_regex(texts, " UTC$", "+00:00").cast(kind)
    return texts.cast(kind)


# Tables


def created_as(field: pa.Field) -> str:
    """Return the type that a column of a new table has for a field.

    Raises:
        DataNotRepresentable: there is none.

    """
    for holds, name in _CREATED:
        if holds(field.type):
            return name or f"decimal({field.type.precision},{field.type.scale})"
    raise DataNotRepresentable(
        f"the column {field.name} is {field.type}, for which tables of Parquet have no type: cast it, a time with a "
        "zone to timestamp",
        column=field.name,
    )


def stored_type(name: str, of_table: str) -> pa.DataType:
    """Return the type in which a file holds a column of a table.

    Raises:
        TargetFailed: this kind of column is not written.

    """
    sized = _SIZED.fullmatch(of_table.lower())
    if sized and sized[1] == "decimal":
        return pa.decimal128(int(sized[2]), int(sized[3] or 0))
    kind = _OF_TABLES.get(sized[1] if sized else of_table.lower())
    if kind is None:
        raise TargetFailed(f"the table's column {name} is {of_table}, which is not written here")
    return kind


def stored(column: pa.Array, field: pa.Field, of_table: str) -> pa.Array:
    """Return a column's values in the type in which a file holds them.

    Raises:
        DataNotRepresentable: a value would be changed.

    """
    kind = stored_type(field.name, of_table)
    found = exactly_cast(column, field, kind, of_table)
    sized = _SIZED.fullmatch(of_table.lower())
    if is_text(kind) and sized and (pc.max(pc.utf8_length(found)).as_py() or 0) > int(sized[2]):
        raise DataNotRepresentable(f"a text of the column {field.name} is longer than {of_table}", column=field.name)
    return found
