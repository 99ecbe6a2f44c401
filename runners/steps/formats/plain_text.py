r"""Values as plain text, exactly: as PostgreSQL writes them, so that all text formats agree.

Numbers have no thousands and no exponent that a decimal would not have; times have no zeros at the end of their
fraction; those with a zone are in UTC, with ``+00``; binary is ``\x`` and hexadecimal digits.
"""

from __future__ import annotations

from binascii import hexlify
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from runners.steps.errors import DataNotRepresentable

_PLAIN_SCALE = 6  # digits behind the point, up to which Arrow writes a decimal without an exponent
_DECIMAL128 = 38  # digits
_DECIMAL256 = 76  # digits
_DAYS = (-719_162, 2_932_896)  # 0001-01-01 and 9999-12-31, counted from 1970: what four digits of a year can say
_DAY = 86_400  # seconds
_UNITS = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}  # in a second


def simplified(column: pa.Array, name: str) -> pa.Array:
    """Return a column of the same values whose type has few enough sorts: none that is large, encoded, or a view.

    Raises:
        DataNotRepresentable: values of its type cannot be written as text.

    """
    kind = column.type
    if pa.types.is_dictionary(kind) or pa.types.is_run_end_encoded(kind):
        decoded = column.dictionary_decode() if pa.types.is_dictionary(kind) else pc.run_end_decode(column)
        return simplified(decoded, name)
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return column.cast(pa.string())
    if pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind) or pa.types.is_fixed_size_binary(kind):
        return column.cast(pa.binary())
    if pa.types.is_date64(kind):
        return column.cast(pa.date32())
    if pa.types.is_float16(kind):
        return column.cast(pa.float32())
    if pa.types.is_nested(kind) or pa.types.is_duration(kind) or pa.types.is_interval(kind):
        raise DataNotRepresentable(
            f"the column {name} is {kind}, which has no form as text here; let the source give it as a text",
            column=name,
        )
    return column


def plain_text(column: pa.Array, name: str) -> pa.Array:
    """Return each value of a simplified column as text; NULL stays NULL.

    Args:
        column: the values.
        name: the column's name, for errors.

    Raises:
        DataNotRepresentable: a date is beyond the years 1 to 9999.

    """
    kind = column.type
    if pa.types.is_timestamp(kind):
        return _timestamps(column, name)
    if pa.types.is_time(kind):
        return _without_zeros(column.cast(pa.string()))
    if pa.types.is_date(kind):
        check_dates(column, name)
    if pa.types.is_decimal(kind) and has_exponents(kind):
        return _decimals(column)
    if pa.types.is_floating(kind):
        return _floats(column)
    if pa.types.is_binary(kind):
        return _hexadecimal(column)
    return column.cast(pa.string())


def has_exponents(kind: pa.DataType) -> bool:
    """Whether Arrow's own text of such a decimal may have an exponent."""
    return not 0 <= kind.scale <= _PLAIN_SCALE


def is_finite(column: pa.Array) -> bool:
    """Whether a column of floats has neither NaN nor Infinity."""
    return pc.all(pc.is_finite(column)).as_py() is not False


def check_dates(column: pa.Array, name: str) -> None:
    """See whether all dates and times are within the years 1 to 9999.

    Raises:
        DataNotRepresentable: one is not.

    """
    kind = column.type
    least, most = _DAYS
    if pa.types.is_timestamp(kind):
        a_day = _DAY * _UNITS[kind.unit]
        # Years of which nanoseconds can tell are all within.
        least, most = (least * a_day, (most + 1) * a_day - 1) if kind.unit != "ns" else (-(2**63), 2**63 - 1)
    found = pc.min_max(column.view(pa.int64() if pa.types.is_timestamp(kind) else pa.int32()))
    low, high = found["min"].as_py(), found["max"].as_py()
    if low is not None and not least <= low <= high <= most:
        raise DataNotRepresentable(
            f"the column {name} has a date beyond the years 1 to 9999, which has no form as text", column=name
        )


def whole_seconds(column: pa.Array) -> bool:
    """Whether no timestamp of a column has a fraction of a second."""
    unit = _UNITS[column.type.unit]
    ticks = np.asarray(column.view(pa.int64()).fill_null(0))
    return unit == 1 or not np.any(ticks % unit)


def _timestamps(column: pa.Array, name: str) -> pa.Array:
    check_dates(column, name)
    zoned = column.type.tz is not None
    unit = "s" if whole_seconds(column) else column.type.unit
    texts = _without_zeros(column.cast(pa.timestamp(column.type.unit)).cast(pa.timestamp(unit)).cast(pa.string()))
    return pc.binary_join_element_wise(texts, pa.scalar("+00"), "") if zoned else texts


def _without_zeros(texts: pa.Array) -> pa.Array:
    """Cut the zeros at the end of the fractions of times, which Arrow writes with as many digits each."""
    example = texts.drop_null().slice(0, 1).to_pylist()
    if not example or "." not in example[0]:
        return texts
    return pc.ascii_rtrim(pc.ascii_rtrim(texts, characters="0"), characters=".")


def _strings(lengths: np.ndarray, letters: Any, like: pa.Array) -> pa.Array:
    """Return texts from their lengths and all their letters, NULL where another column is."""
    offsets = np.zeros(len(lengths) + 1, np.int32)
    np.cumsum(lengths, out=offsets[1:])
    valid = pc.is_valid(like).buffers()[1] if like.null_count else None
    return pa.Array.from_buffers(pa.string(), len(like), [valid, pa.py_buffer(offsets), pa.py_buffer(letters)])


def _floats(column: pa.Array) -> pa.Array:
    texts = column.cast(pa.string())
    if is_finite(column):
        return texts
    infinity = pa.scalar(float("inf"), column.type)
    texts = pc.if_else(pc.is_nan(column), "NaN", texts)
    texts = pc.if_else(pc.equal(column, infinity), "Infinity", texts)
    return pc.if_else(pc.equal(column, pc.negate(infinity)), "-Infinity", texts)


def _decimals(column: pa.Array) -> pa.Array:
    """Write decimals from their digits as one integer, to which the point is set."""
    kind = column.type
    if kind.scale < 0:
        return column.cast(pa.decimal256(_DECIMAL256, 0)).cast(pa.string())
    wide = pa.decimal256(_DECIMAL256, 0) if pa.types.is_decimal256(kind) else pa.decimal128(_DECIMAL128, 0)
    if not (pa.types.is_decimal128(kind) or pa.types.is_decimal256(kind)):
        column = column.cast(pa.decimal128(_DECIMAL128, kind.scale))
    digits = pa.Array.from_buffers(wide, len(column), column.buffers(), column.null_count, column.offset)
    texts = digits.cast(pa.string())
    negative = pc.starts_with(texts, "-")
    texts = pc.utf8_lpad(pc.utf8_ltrim(texts, "-"), kind.scale + 1, "0")
    whole, fraction = pc.utf8_slice_codeunits(texts, 0, -kind.scale), pc.utf8_slice_codeunits(texts, -kind.scale)
    return pc.binary_join_element_wise(pc.if_else(negative, "-", ""), whole, pa.scalar("."), fraction, "")


def _hexadecimal(column: pa.Array) -> pa.Array:
    _, offsets, data = column.buffers()
    ends = np.frombuffer(offsets, np.int32)[column.offset : column.offset + len(column) + 1]
    digits = hexlify(memoryview(data)[ends[0] : ends[-1]]) if data else b""
    return pc.binary_join_element_wise(pa.scalar("\\x"), _strings(np.diff(ends) * 2, digits, column), "")
