"""Casting columns to the types of a table, for targets that take Parquet: exactly, or not at all.

Arrow itself refuses most of what does not fit, but rounds floats, cuts times and reads texts in its own way.
"""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa

from runners.steps.ends import logical
from runners.steps.errors import DataNotRepresentable

DIGITS = 38
"""Digits of a decimal, at most."""


def exactly_cast(column: pa.Array, field: pa.Field, kind: pa.DataType, of_table: str) -> pa.Array:
    """Return a column in another type.

    Args:
        column: the values.
        field: the column they are of.
        kind: the type.
        of_table: the table's name for the type.

    Raises:
        DataNotRepresentable: a value would be another one.

    """
    if not _fits(field, kind):
        raise DataNotRepresentable(
            f"the column {field.name} is {logical(field) or field.type}, and the table's is {of_table}: cast it",
            column=field.name,
        )
    try:
        if pa.types.is_integer(column.type) and pa.types.is_decimal(kind):
            column = column.cast(pa.decimal128(DIGITS, 0))  # Arrow wants room for every integer that there is
        return column.cast(kind)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        # What Arrow says repeats a value.
        raise DataNotRepresentable(
            f"a value of the column {field.name}, which is {field.type}, is no {of_table}", column=field.name
        ) from None


def is_text(kind: pa.DataType) -> bool:
    """Whether a type is one of texts."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def is_bytes(kind: pa.DataType) -> bool:
    """Whether a type is one of bytes."""
    is_variable = pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind)
    return bool(is_variable or pa.types.is_fixed_size_binary(kind))


def is_zoned(kind: pa.DataType) -> bool:
    """Whether a type is one of times with a zone."""
    return bool(pa.types.is_timestamp(kind) and kind.tz is not None)


def _fits(field: pa.Field, kind: pa.DataType) -> bool:
    given, wanted = _family(field.type), _family(kind)
    if given == wanted == "float":
        return bool(field.type.bit_width <= kind.bit_width)
    is_number = (given, wanted) == ("text", "decimal") and logical(field) == "decimal"
    return given == wanted or is_number or (given, wanted) in _FITTING


def _family(kind: pa.DataType) -> str:
    return next((name for is_one, name in _FAMILIES if is_one(kind)), str(kind))


_FAMILIES: tuple[tuple[Callable[[pa.DataType], bool], str], ...] = (
    (pa.types.is_integer, "integer"),
    (pa.types.is_floating, "float"),
    (pa.types.is_decimal, "decimal"),
    (is_text, "text"),
    (is_bytes, "bytes"),
    (pa.types.is_date, "date"),
    (pa.types.is_time, "time"),
    (is_zoned, "time with a zone"),
    (pa.types.is_timestamp, "timestamp"),
)
_FITTING = frozenset({("integer", "decimal"), ("integer", "float"), ("time", "text")})
"""What is exact between families, or refused by Arrow."""
