"""Arrow batches as rows in PostgreSQL's binary format, a column of all rows at a time.

Each column becomes one array of its fields, length and bytes; Arrow then joins them row by row, and what it has joined
is COPY's payload as it stands. The server has no text to parse, which is most of its work otherwise.
"""

from __future__ import annotations

from binascii import unhexlify
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from runners.steps.errors import DataNotRepresentable
from runners.steps.systems.postgresql_decoding import EPOCHS
from runners.steps.systems.postgresql_types import (
    BOOL,
    BYTEA,
    DATE,
    JSONB,
    NUMBERS,
    NUMERIC,
    TEXTS,
    TIME,
    TIMESTAMP,
    TIMESTAMPTZ,
    UUID,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runners.steps.systems.postgresql_types import Column

ENCODED = frozenset({*NUMBERS, *TEXTS, BYTEA, JSONB, NUMERIC, TIME, UUID})
"""Types that are written here."""

_NULL = pa.scalar(b"\xff\xff\xff\xff", pa.binary())
_EMPTY = pa.scalar(b"", pa.binary())
_UUID = "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"
_GROUP = 4  # digits that PostgreSQL keeps as one number
_NEGATIVE = 0x4000  # a numeric's sign
_DAY = 86_400_000_000  # microseconds
_FIRST_DAY, _LAST_DAY = -2_451_545, 2_145_031_948  # from 2000 on: 4714-11-24 BC and 5874897-12-31
_LAST_TIMESTAMP = 2**63 - 1 - EPOCHS[TIMESTAMP]  # Arrow's own, of which PostgreSQL has all
_BOUNDS = {
    DATE: (_FIRST_DAY, _LAST_DAY),
    TIMESTAMP: (_FIRST_DAY * _DAY, _LAST_TIMESTAMP),
    TIMESTAMPTZ: (_FIRST_DAY * _DAY, _LAST_TIMESTAMP),
}


def encoded(arrays: Sequence[pa.Array], columns: Sequence[Column]) -> memoryview:
    """Return rows as COPY takes them, without its header and trailer.

    Args:
        arrays: the columns' values, each of the Arrow type that is the column's own.
        columns: the columns that they are for.

    Raises:
        DataNotRepresentable: PostgreSQL has no such value.

    """
    fields = [pa.scalar(len(columns).to_bytes(2, "big"), pa.binary())]
    for values, column in zip(arrays, columns, strict=True):
        fields += _fields(values, column)
    rows = pc.binary_join_element_wise(*fields, _EMPTY, null_handling="replace", null_replacement=b"")
    _, ends, data = rows.buffers()
    return memoryview(data)[: np.frombuffer(ends, np.int32)[len(rows)]]


def _fields(values: pa.Array, column: Column) -> list[pa.Array]:
    """Return the arrays that make a column's fields when they are joined."""
    oid = column.oid
    if oid == NUMERIC:
        return [_fixed(_numerics(values), values)]
    if oid == UUID:
        return [_fixed(_uuids(values, column), values)]
    if oid in NUMBERS or oid == TIME:
        return [_fixed(_numbers(values, column), values)]
    binary = values if pa.types.is_binary(values.type) else values.view(pa.binary())
    if oid == JSONB:  # a version comes first
        binary = pc.binary_join_element_wise(pa.scalar(b"\x01", pa.binary()), binary, _EMPTY)
    return [_lengths(binary), binary]


def _lengths(binary: pa.Array) -> pa.Array:
    ends = np.frombuffer(binary.buffers()[1], np.int32, len(binary) + 1, binary.offset * 4)
    lengths = np.diff(ends).astype(">i4")
    if binary.null_count:
        lengths[np.asarray(binary.is_null())] = -1
    return _binary(lengths.view(np.uint8).reshape(-1, 4))


def _fixed(rows: np.ndarray, values: pa.Array) -> pa.Array:
    """Return fields from the bytes of each value, all of one length; NULL where ``values`` has none."""
    count, width = rows.shape
    with_length = np.empty((count, 4 + width), np.uint8)
    with_length[:, :4] = np.frombuffer(width.to_bytes(4, "big"), np.uint8)
    with_length[:, 4:] = rows
    fields = _binary(with_length)
    return pc.if_else(values.is_valid(), fields, _NULL) if values.null_count else fields


def _binary(rows: np.ndarray) -> pa.Array:
    """Return each row of bytes as a binary value."""
    count, width = rows.shape
    ends = np.arange(count + 1, dtype=np.int32) * np.int32(width)
    return pa.Array.from_buffers(pa.binary(), count, [None, pa.py_buffer(ends), pa.py_buffer(rows)])


def _numbers(values: pa.Array, column: Column) -> np.ndarray:
    kind = values.type
    if column.oid == BOOL:
        return np.asarray(values.fill_null(False)).astype(np.uint8).reshape(-1, 1)  # Arrow's order
    whole = values if pa.types.is_integer(kind) or pa.types.is_floating(kind) else values.view(f"int{kind.bit_width}")
    numbers = np.asarray(whole.fill_null(0))
    if column.oid in EPOCHS:
        least, most = (bound + EPOCHS[column.oid] for bound in _BOUNDS[column.oid])
        if len(numbers) and not least <= numbers.min() <= numbers.max() <= most:
            raise DataNotRepresentable(
                f"the column {column.name} has a date that PostgreSQL does not have", column=column.name
            )
        numbers = numbers - numbers.dtype.type(EPOCHS[column.oid])
    width = numbers.dtype.itemsize
    return numbers.astype(numbers.dtype.newbyteorder(">")).view(np.uint8).reshape(-1, width)


def _numerics(values: pa.Array) -> np.ndarray:
    """Return decimals as PostgreSQL keeps them: groups of four digits on both sides of the point."""
    precision, scale = values.type.precision, values.type.scale
    whole_groups, fraction_groups = -(-(precision - scale) // _GROUP), -(-scale // _GROUP)
    wide = pa.decimal256(76, 0) if pa.types.is_decimal256(values.type) else pa.decimal128(38, 0)
    unscaled = pa.Array.from_buffers(wide, len(values), values.buffers(), values.null_count, values.offset)
    texts = pc.fill_null(unscaled.cast(pa.string()), "0")
    negative = np.asarray(pc.starts_with(texts, "-"))
    texts = pc.utf8_lpad(pc.utf8_ltrim(texts, "-"), precision, "0")  # each as long as the others
    digits = np.zeros((len(values), _GROUP * (whole_groups + fraction_groups)), np.uint8)
    first = _GROUP * whole_groups - (precision - scale)
    digits[:, first : first + precision] = np.frombuffer(texts.buffers()[2], np.uint8)[
        : len(values) * precision
    ].reshape(-1, precision) - ord("0")
    groups = digits.reshape(len(values), -1, _GROUP).astype(np.int16) @ np.array([1000, 100, 10, 1], np.int16)
    numerics = np.empty((len(values), 4 + groups.shape[1]), ">i2")
    numerics[:, 0], numerics[:, 1], numerics[:, 3] = groups.shape[1], whole_groups - 1, scale
    numerics[:, 2] = np.where(negative, _NEGATIVE, 0)
    numerics[:, 4:] = groups
    return numerics.view(np.uint8)


def _uuids(values: pa.Array, column: Column) -> np.ndarray:
    """Return the 16 bytes of each, zeros for NULL."""
    texts = pc.fill_null(values, "00000000-0000-0000-0000-000000000000")
    if not pc.all(pc.match_substring_regex(texts, _UUID)).as_py():
        raise DataNotRepresentable(f"the column {column.name} has a text that is no uuid", column=column.name)
    hexadecimal = pc.replace_substring(texts, "-", "")
    ends = np.frombuffer(hexadecimal.buffers()[1], np.int32, len(texts) + 1, hexadecimal.offset * 4)
    data = memoryview(hexadecimal.buffers()[2])[ends[0] : ends[-1]]
    return np.frombuffer(unhexlify(data), np.uint8).reshape(-1, 16)
