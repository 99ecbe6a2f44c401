"""Which Arrow type a column of a MySQL result has: the one it is declared with, whatever its values are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import pyarrow as pa
from pymysql.constants import FIELD_TYPE, FLAG  # type: ignore[import-untyped]

from runners.steps.ends import as_text
from runners.steps.systems.mysql_wire import Column

ZeroDates = Literal["refused", "text", "null"]
"""What becomes of dates that no calendar has."""

TIMES = frozenset({FIELD_TYPE.DATETIME, FIELD_TYPE.TIMESTAMP})
DATES = TIMES | {FIELD_TYPE.DATE, FIELD_TYPE.NEWDATE}

_BINARY = 63  # the number of the collation of bytes
_INTEGERS: dict[int, tuple[pa.DataType, pa.DataType]] = {
    FIELD_TYPE.TINY: (pa.int8(), pa.uint8()),
    FIELD_TYPE.SHORT: (pa.int16(), pa.uint16()),
    FIELD_TYPE.INT24: (pa.int32(), pa.uint32()),
    FIELD_TYPE.LONG: (pa.int32(), pa.uint32()),
    FIELD_TYPE.LONGLONG: (pa.int64(), pa.uint64()),
    FIELD_TYPE.YEAR: (pa.int16(), pa.int16()),
}
_FLOATS = {FIELD_TYPE.FLOAT: pa.float32(), FIELD_TYPE.DOUBLE: pa.float64()}
_DECIMALS = frozenset({FIELD_TYPE.DECIMAL, FIELD_TYPE.NEWDECIMAL})
_BYTES = frozenset({FIELD_TYPE.BIT, FIELD_TYPE.GEOMETRY})
_DECIMAL128, _MOST_DIGITS = 38, 76
_LOGICAL = frozenset({"json", "uuid"})


def is_boolean(column: Column) -> bool:
    """Whether a column is a ``tinyint(1)``, which is what ``BOOLEAN`` becomes."""
    return column.type_code == FIELD_TYPE.TINY and column.length == 1


def unsigned(column: Column) -> bool:
    """Whether a column's numbers have no sign."""
    return bool(column.flags & FLAG.UNSIGNED)


def digits(column: Column) -> tuple[int, int]:
    """Return a decimal's precision and scale; the server tells how long it is when printed, with sign and point."""
    precision = column.length - (column.scale > 0) - (not unsigned(column))
    return min(max(precision, column.scale, 1), _MOST_DIGITS), column.scale


def field(column: Column, data_type: str, zero_dates: ZeroDates, *, booleans: bool) -> pa.Field:
    """Return the field of a column.

    Args:
        column: as the result describes it.
        data_type: what the catalogue says of the table's column it comes from, such as ``json``, where that says more;
            or empty.
        zero_dates: how dates travel that no calendar has.
        booleans: whether ``tinyint(1)`` is a boolean.

    """
    code = column.type_code
    if code in _INTEGERS:
        kind = pa.bool_() if booleans and is_boolean(column) else _INTEGERS[code][unsigned(column)]
        return pa.field(column.name, kind)
    if code in _FLOATS:
        return pa.field(column.name, _FLOATS[code])
    if code in _DECIMALS:
        precision, scale = digits(column)
        of = pa.decimal128 if precision <= _DECIMAL128 else pa.decimal256
        return pa.field(column.name, of(precision, scale))
    if code in DATES or code == FIELD_TYPE.TIME:
        return _time(column, zero_dates)
    if code in _BYTES or (column.charset == _BINARY and code not in {FIELD_TYPE.JSON, FIELD_TYPE.NULL}):
        return pa.field(column.name, pa.binary())
    logical = "json" if code == FIELD_TYPE.JSON else data_type
    return as_text(column.name, logical) if logical in _LOGICAL else pa.field(column.name, pa.string())


def _time(column: Column, zero_dates: ZeroDates) -> pa.Field:
    if column.type_code == FIELD_TYPE.TIME:
        return as_text(column.name, "time")  # up to 838 hours, and negative ones
    if zero_dates == "text":
        return as_text(column.name, "timestamp" if column.type_code in TIMES else "date")
    kinds: dict[int, Callable[[], pa.DataType]] = {
        FIELD_TYPE.DATETIME: lambda: pa.timestamp("us"),
        FIELD_TYPE.TIMESTAMP: lambda: pa.timestamp("us", "UTC"),
    }
    return pa.field(column.name, kinds.get(column.type_code, pa.date32)())
