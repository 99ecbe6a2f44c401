"""Cells of a sheet as columns of types: numbers are doubles, times have no zone, and an empty cell is NULL."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import pyarrow as pa

from runners.steps.errors import DataQualityFailed

_WHOLE = 2**53  # up to which a double is exactly the integer that it seems


class _UnfitError(Exception):
    """A cell is not of its column's type."""


def found_column(name: str, cells: Sequence[Any]) -> pa.Field:
    """Return a column of the type that its first cells have; of several types it is a text."""
    kinds = {_kind(cell) for cell in cells if cell != ""}
    for wider, narrower in (("float64", "int64"), ("timestamp", "date")):  # a time at midnight comes as a date
        if kinds == {wider, narrower}:
            kinds = {wider}
    return pa.field(name, _FOUND.get(kinds.pop(), pa.string()) if len(kinds) == 1 else pa.string())


def read_cells(field: pa.Field, cells: Sequence[Any], file: str) -> pa.Array:
    """Return cells as a column.

    Raises:
        DataQualityFailed: one is not of the column's type.

    """
    read = next(read for is_such, read in _READERS if is_such(field.type))
    try:
        return pa.array([None if cell == "" else read(cell) for cell in cells], field.type)
    except (_UnfitError, ValueError, ArithmeticError, TypeError):
        # What others say repeats the value.
        raise DataQualityFailed(
            f"a cell of the column {field.name} of {file} is no {field.type}", column=field.name
        ) from None


def _kind(cell: Any) -> str:
    match cell:
        case bool():
            return "bool"
        case int() | float():
            return "int64" if cell == int(cell) and abs(cell) < _WHOLE else "float64"
        case datetime():
            return "timestamp"
        case date():
            return "date"
        case time():
            return "time"
    return "string"


_FOUND: Mapping[str, pa.DataType] = {
    "bool": pa.bool_(),
    "int64": pa.int64(),
    "float64": pa.float64(),
    "timestamp": pa.timestamp("us"),
    "date": pa.date32(),
    "time": pa.time64("us"),
}


def _bool(cell: Any) -> bool:
    if not isinstance(cell, bool):
        raise _UnfitError
    return cell


def _integer(cell: Any) -> int:
    if isinstance(cell, str):
        return int(cell)
    if isinstance(cell, bool) or not isinstance(cell, int | float) or cell != int(cell):
        raise _UnfitError
    return int(cell)


def _float(cell: Any) -> float:
    if isinstance(cell, bool) or not isinstance(cell, int | float | str):
        raise _UnfitError
    return float(cell)


def _decimal(cell: Any) -> Decimal:
    if isinstance(cell, bool) or not isinstance(cell, int | float | str):
        raise _UnfitError
    return Decimal(cell if isinstance(cell, str) else repr(cell))


def _text(cell: Any) -> str:
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float) and cell == int(cell):
        return str(int(cell))
    return str(cell)


def _date(cell: Any) -> date:
    if isinstance(cell, datetime):
        if cell.time() != time(0):
            raise _UnfitError
        return cell.date()
    return cell if isinstance(cell, date) else date.fromisoformat(cell)


def _time(cell: Any) -> time:
    return cell if isinstance(cell, time) else time.fromisoformat(cell)


def _timestamp(cell: Any) -> datetime:
    if isinstance(cell, date) and not isinstance(cell, datetime):
        return datetime(cell.year, cell.month, cell.day)  # noqa: DTZ001  # Excel knows no zones
    found = cell if isinstance(cell, datetime) else datetime.fromisoformat(cell)
    if found.tzinfo is not None:
        raise _UnfitError
    return found


def _timestamp_with_zone(cell: Any) -> datetime:
    found = datetime.fromisoformat(cell)
    if found.tzinfo is None:
        raise _UnfitError
    return found.astimezone(UTC)


def _binary(cell: Any) -> bytes:
    if not isinstance(cell, str) or not cell.startswith("\\x"):
        raise _UnfitError
    return bytes.fromhex(cell[2:])


_READERS: tuple[tuple[Callable[[pa.DataType], bool], Callable[[Any], Any]], ...] = (
    (pa.types.is_boolean, _bool),
    (pa.types.is_integer, _integer),
    (pa.types.is_floating, _float),
    (pa.types.is_decimal, _decimal),
    (pa.types.is_string, _text),
    (pa.types.is_date, _date),
    (pa.types.is_time, _time),
    (lambda kind: pa.types.is_timestamp(kind) and kind.tz is None, _timestamp),
    (pa.types.is_timestamp, _timestamp_with_zone),
    (pa.types.is_binary, _binary),
)
"""What reads the cells of each type."""
