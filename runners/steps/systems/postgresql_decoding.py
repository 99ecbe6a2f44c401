"""Rows in PostgreSQL's binary format as Arrow batches, a column of all rows at a time.

A row is the number of its fields (two bytes) and then each field: its length (four bytes, -1 for NULL) and its bytes;
numbers are big-endian. Where a row begins is known from COPY's messages, and where its next field does from the
lengths of those before, so one pass over the columns finds everything.
"""

from __future__ import annotations

from binascii import hexlify
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from runners.steps.ends import logical
from runners.steps.errors import DataNotRepresentable
from runners.steps.systems import postgresql_numerics as numerics
from runners.steps.systems.postgresql_types import (
    DATE,
    JSONB,
    NUMBERS,
    NUMERIC,
    TIMESTAMP,
    TIMESTAMPTZ,
    UUID,
    comes_as_text,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from runners.steps.systems.postgresql_copy import Piece
    from runners.steps.systems.postgresql_types import Column

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
"""What a binary COPY begins with: its signature, no flags, no extension."""

TRAILER = b"\xff\xff"
"""What it ends with, in place of a row."""

_DAY = 86_400_000_000  # microseconds
EPOCH_DAYS = 10_957
"""Days from 1970, Arrow's epoch, to 2000, PostgreSQL's."""
EPOCHS = {DATE: EPOCH_DAYS, TIMESTAMP: EPOCH_DAYS * _DAY, TIMESTAMPTZ: EPOCH_DAYS * _DAY}
"""The same in the units of each type that counts from there."""
_FIRST_DAY, _LAST_DAY = -730_119, 2_921_939  # 0001-01-01 and 9999-12-31, from 2000 on
_BOUNDS = {
    DATE: (_FIRST_DAY, _LAST_DAY),
    TIMESTAMP: (_FIRST_DAY * _DAY, (_LAST_DAY + 1) * _DAY - 1),
    TIMESTAMPTZ: (_FIRST_DAY * _DAY, (_LAST_DAY + 1) * _DAY - 1),
}
_LENGTH = 4  # bytes


class Decoder:
    """Makes batches of the pieces of a binary COPY.

    Args:
        columns: the columns as the server sends them.
        schema: what they travel as.

    """

    def __init__(self, columns: Sequence[Column], schema: pa.Schema) -> None:
        self._columns = columns
        self._schema = schema
        self._widths = [_width(column, field) for column, field in zip(columns, schema, strict=True)]

    def batches(self, pieces: Iterable[Piece]) -> Iterator[pa.RecordBatch]:
        """Yield a batch for each piece that has rows.

        Raises:
            DataNotRepresentable: Arrow has no such value as one that came.

        """
        begin = len(HEADER)
        for data, lengths in pieces:
            ends = np.cumsum(lengths)
            starts = ends - lengths
            starts[0] += begin  # in the first message
            begin = 0
            starts = starts[ends - starts > len(TRAILER)]  # no row is as short
            if len(starts):
                yield self._batch(data, starts)

    def _batch(self, data: bytes, starts: np.ndarray) -> pa.RecordBatch:
        padded = data + bytes(_LENGTH + max(self._widths))  # a length is read together with what may follow it
        place = starts + 2
        arrays = []
        for column, field, width in zip(self._columns, self._schema, self._widths, strict=True):
            fields = _fields(padded, place, width)
            lengths = fields["length"].astype(np.int64)
            null, valid = lengths < 0, None
            if null.any():
                lengths[null] = 0
                valid = _bitmap(~null)
            if not width:
                values = _values(padded, place + _LENGTH, lengths, valid)
                arrays.append(_typed(values, column, field))
            elif column.oid == NUMERIC:
                arrays.append(_decimals(field, fields["value"], null, valid))
            else:
                arrays.append(_numbers(column, field.type, fields["value"], null, valid))
            place = place + _LENGTH + lengths
        return pa.RecordBatch.from_arrays(arrays, schema=self._schema)


def _width(column: Column, field: pa.Field) -> int:
    """Return how many bytes a value has, at most; 0 for one that is of any length."""
    if comes_as_text(column, field):
        return 0
    if column.oid == NUMERIC:
        return numerics.width(field.type)
    number = NUMBERS.get(column.oid)
    return 0 if number is None else number.bit_width // 8 or 1


def _fields(data: bytes, places: np.ndarray, width: int) -> np.ndarray:
    """Return the fields that begin at some places, each as its length and ``width`` bytes of its value."""
    size = _LENGTH + width
    everywhere: np.ndarray = np.ndarray((len(data) - size + 1,), f"V{size}", data, strides=(1,))
    found: np.ndarray = everywhere[places]
    # First the bytes, and then what they are: numpy would copy each member by itself.
    return found.view([("length", ">i4"), ("value", f"V{width}")])


def _bitmap(bits: np.ndarray) -> pa.Buffer:
    return pa.py_buffer(np.packbits(bits, bitorder="little"))


def _numbers(column: Column, kind: pa.DataType, raw: np.ndarray, null: np.ndarray, valid: pa.Buffer | None) -> pa.Array:
    if pa.types.is_boolean(kind):
        bits = _bitmap(np.ascontiguousarray(raw).view(np.uint8) != 0)
        return pa.Array.from_buffers(kind, len(raw), [valid, bits])
    sort, width = ("f" if pa.types.is_floating(kind) else "i"), kind.bit_width // 8
    values = np.ascontiguousarray(raw).view(f">{sort}{width}").astype(f"{sort}{width}")
    if valid is not None:
        values[null] = 0
    if column.oid in EPOCHS:
        least, most = _BOUNDS[column.oid]
        if len(values) and not least <= values.min() <= values.max() <= most:
            raise DataNotRepresentable(
                f"the column {column.name} has infinity, or a date beyond the years 1 to 9999: name it in AsText",
                column=column.name,
            )
        values += values.dtype.type(EPOCHS[column.oid])
    return pa.Array.from_buffers(kind, len(values), [valid, pa.py_buffer(values)])


def _decimals(field: pa.Field, raw: np.ndarray, null: np.ndarray, valid: pa.Buffer | None) -> pa.Array:
    found = numerics.decimals(raw, null, valid, field.type)
    if found is None:
        raise _misfit(field, "NaN")
    return found


def _values(data: bytes, starts: np.ndarray, lengths: np.ndarray, valid: pa.Buffer | None) -> pa.Array:
    """Return the bytes that lie scattered in ``data``, as an array of binary values."""
    # All bytes are an array of binary values already: in turns one that is left out and one that is wanted.
    ends = np.empty(2 * len(starts) + 1, np.int32)
    ends[0], ends[1::2], ends[2::2] = 0, starts, starts + lengths
    every = pa.Array.from_buffers(pa.binary(), 2 * len(starts), [None, pa.py_buffer(ends), pa.py_buffer(data)])
    wanted = every.take(pa.array(np.arange(1, 2 * len(starts), 2)))
    return pa.Array.from_buffers(pa.binary(), len(starts), [valid, *wanted.buffers()[1:]])


def _typed(values: pa.Array, column: Column, field: pa.Field) -> pa.Array:
    if column.oid == UUID:
        return _uuids(values)
    if column.oid == JSONB:
        # A version comes first. Arrow's binary_slice without an end fails where values are many.
        values = pc.binary_replace_slice(values, 0, 1, b"")
    try:
        if pa.types.is_decimal(field.type):
            return values.cast(pa.string()).cast(field.type)
        return values.cast(field.type)
    except pa.ArrowInvalid:
        # What Arrow says repeats a value.
        is_text = not logical(field) and pa.types.is_string(field.type)
        raise _misfit(field, "text that is not in UTF-8" if is_text else "NaN") from None


def _misfit(field: pa.Field, what: str) -> DataNotRepresentable:
    return DataNotRepresentable(
        f"the column {field.name} has {what}, which {field.type} cannot hold: name it in AsText or convert it in the "
        "query",
        column=field.name,
    )


def _uuids(values: pa.Array) -> pa.Array:
    """Return the 16 bytes of each as text in lower case."""
    present = len(values) - values.null_count
    packed = np.frombuffer(hexlify(memoryview(values.buffers()[2])[: 16 * present]), np.uint8).reshape(present, 32)
    hyphen = np.full((present, 1), ord("-"), np.uint8)
    parts = [packed[:, :8], hyphen, packed[:, 8:12], hyphen, packed[:, 12:16], hyphen]
    texts = np.hstack([*parts, packed[:, 16:20], hyphen, packed[:, 20:]])
    ends = np.zeros(len(values) + 1, np.int32)
    np.cumsum(np.asarray(values.is_valid()) * np.int32(36), out=ends[1:])
    return pa.Array.from_buffers(
        pa.string(), len(values), [values.buffers()[0], pa.py_buffer(ends), pa.py_buffer(np.ascontiguousarray(texts))]
    )
