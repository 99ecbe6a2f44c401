"""Rows of MySQL's binary protocol as Arrow record batches: each column of a whole buffer at once, never row by row.

A row packet is a zero, one bit a column that says which are NULL, and the values one after the other: numbers as they
are, times in up to 11 bytes, all else behind its length. Where a column begins in each row follows from the column
before. Texts and bytes are not copied here: Arrow is told where they stand, and copies them in one go.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from pymysql.constants import FIELD_TYPE  # type: ignore[import-untyped]

from runners.steps.ends import logical
from runners.steps.errors import DataNotRepresentable, SourceFailed
from runners.steps.systems.mysql_times import Clock, calendar_days, date_texts, in_calendar, time_texts
from runners.steps.systems.mysql_types import DATES, TIMES, ZeroDates
from runners.steps.systems.mysql_wire import Column, Packets

Places = np.ndarray[Any, np.dtype[np.int64]]
Mask = np.ndarray[Any, np.dtype[np.bool_]]
Numbers = np.ndarray[Any, Any]

_DAY = 86_400_000_000  # microseconds
_INLINE = 12  # bytes of a text that stand in Arrow's view of it; a longer one stands elsewhere
_IN_ONE_BYTE = 250  # the longest length
_WIDTHS = {0xFC: (2, "<u2"), 0xFD: (3, "<u4"), 0xFE: (8, "<u8")}  # of lengths that do not fit into one byte
_NUMBERS = {
    FIELD_TYPE.TINY: "1",
    FIELD_TYPE.SHORT: "2",
    FIELD_TYPE.YEAR: "2",
    FIELD_TYPE.INT24: "4",
    FIELD_TYPE.LONG: "4",
    FIELD_TYPE.LONGLONG: "8",
    FIELD_TYPE.FLOAT: "4",
    FIELD_TYPE.DOUBLE: "8",
}  # their bytes


@dataclass(frozen=True)
class Decoder:
    """Decodes the row packets of one result.

    Attributes:
        columns: as the server describes them.
        schema: what they become.
        zero_dates: what becomes of dates that no calendar has.

    """

    columns: Sequence[Column]
    schema: pa.Schema
    zero_dates: ZeroDates

    def batch(self, packets: Packets) -> pa.RecordBatch:
        """Return the rows of a buffer.

        Raises:
            DataNotRepresentable: a value has no place in its column's Arrow type.
            SourceFailed: the packets are no rows of these columns.

        """
        values = _Values(packets, len(self.columns))
        arrays = [
            self._array(values, number, column, field)
            for number, (column, field) in enumerate(zip(self.columns, self.schema, strict=True))
        ]
        if not np.array_equal(values.at, packets.ends):
            raise SourceFailed("the server's rows could not be read: they are not as it has described them")
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema)

    def _array(self, values: _Values, number: int, column: Column, field: pa.Field) -> pa.Array:
        null = values.nulls(number)
        code = column.type_code
        if code in _NUMBERS:
            return _number(values, null, code, field)
        if code in DATES:
            return self._date(values, null, column, field)
        if code == FIELD_TYPE.TIME:
            return _time(values, null, column.scale)
        return _text(values, null, field)

    def _date(self, values: _Values, null: Mask | None, column: Column, field: pa.Field) -> pa.Array:
        date, clock, micros = values.date(null)
        if logical(field):
            return date_texts(date, Clock(clock, micros), null, column.scale if column.type_code in TIMES else None)
        real = in_calendar(date)
        if null is not None:
            real |= null
        if not real.all():
            if self.zero_dates == "refused":
                raise DataNotRepresentable(
                    f"a value of the column {field.name} is a date that no calendar has, such as 0000-00-00; set "
                    "ZeroDatesAs to text or null",
                    column=field.name,
                )
            null = ~real if null is None else null | ~real
        days = calendar_days(date)
        if column.type_code not in TIMES:
            return _fixed(days.astype(np.int32), null, field.type)
        seconds = (clock & 0xFF) * 3600 + (clock >> 8 & 0xFF) * 60 + (clock >> 16 & 0xFF)
        return _fixed(days * _DAY + seconds * 1_000_000 + micros, null, field.type)


class _Values:
    """The values of a buffer's rows, column by column: where the next one begins in each row."""

    def __init__(self, packets: Packets, columns: int) -> None:
        self.buffer = packets.buffer
        self.rows = len(packets.starts)
        self._bits = packets.starts + 1
        self.at: Places = self._bits + (columns + 9) // 8
        self._bytes = np.frombuffer(packets.buffer, np.uint8)

    def nulls(self, column: int) -> Mask | None:
        """Return which rows have no value; None if all have one."""
        place, bit = divmod(column + 2, 8)
        null = (self._bytes[self._bits + place] >> bit & 1).astype(np.bool_)
        return null if null.any() else None

    def read(self, kind: str, at: Places) -> Numbers:
        """Return a number at each place, aligned or not."""
        size = np.dtype(kind).itemsize
        everywhere = np.ndarray((len(self.buffer) - size + 1,), kind, self.buffer, strides=(1,))
        return everywhere[at]

    def numbers(self, kind: str, null: Mask | None) -> Numbers:
        """Return the next numbers, and go on behind them."""
        found = self.read(kind, self.at)
        size = np.dtype(kind).itemsize
        self.at = self.at + (size if null is None else np.where(null, 0, size))
        return found

    def date(self, null: Mask | None) -> tuple[Numbers, Numbers, Numbers]:
        """Return the next dates (year in 16 bits, month, day), times of day (hour, minute, second) and microseconds."""
        length = self._lengths(null)
        at = self.at
        date = np.where(length > 0, self.read("<u4", at), 0)
        clock = np.where(length > 4, self.read("<u4", at + 4), 0).astype(np.int64)  # noqa: PLR2004  # the protocol's
        micros = np.where(length > 7, self.read("<u4", at + 7), 0).astype(np.int64)  # noqa: PLR2004
        self.at = at + length
        return date, clock, micros

    def span(self, null: Mask | None) -> tuple[Numbers, Numbers, Numbers, Numbers]:
        """Return the next spans of time: whether negative, days, and the rest as of ``date``."""
        length = self._lengths(null)
        at = self.at
        some = length > 0
        negative = some & (self.read("u1", at) > 0)
        days = np.where(some, self.read("<u4", at + 1), 0).astype(np.int64)
        clock = np.where(some, self.read("<u4", at + 5), 0).astype(np.int64)
        micros = np.where(length > 8, self.read("<u4", at + 8), 0).astype(np.int64)  # noqa: PLR2004
        self.at = at + length
        return negative, days, clock, micros

    def texts(self, null: Mask | None) -> tuple[Places, Places]:
        """Return where the next bytes begin, and how many they are."""
        length = self._lengths(null)
        first = length.copy()
        for mark, (width, kind) in _WIDTHS.items() if (first > _IN_ONE_BYTE).any() else ():
            longer = np.nonzero(first == mark)[0]
            if len(longer):
                size = self.read(kind, self.at[longer]).astype(np.int64)
                length[longer] = size & 0xFFFFFF if width == 3 else size  # noqa: PLR2004  # three bytes of four
                self.at[longer] += width
        starts = self.at
        self.at = starts + length
        return starts, length

    def _lengths(self, null: Mask | None) -> Places:
        """Return the byte that says how long a value is, and go on behind it."""
        length = self._bytes[self.at].astype(np.int64)
        if null is None:
            self.at = self.at + 1
        else:
            length[null] = 0
            self.at = self.at + ~null
        return length


def _number(values: _Values, null: Mask | None, code: int, field: pa.Field) -> pa.Array:
    if not pa.types.is_boolean(field.type):
        # A year has no sign, and none needs one.
        letter = "f" if pa.types.is_floating(field.type) else "u" if pa.types.is_unsigned_integer(field.type) else "i"
        return _fixed(values.numbers(f"<{letter}{_NUMBERS[code]}", null), null, field.type)
    numbers = values.numbers("u1", null)
    wrong = numbers > 1
    if (wrong if null is None else wrong & ~null).any():
        raise DataNotRepresentable(
            f"a value of the column {field.name}, a tinyint(1), is neither 0 nor 1; leave BooleansFromTinyint out",
            column=field.name,
        )
    return pa.array(numbers == 1, mask=null)


def _time(values: _Values, null: Mask | None, scale: int) -> pa.Array:
    negative, days, clock, micros = values.span(null)
    return time_texts(negative, days, Clock(clock, micros), null, scale)


def _text(values: _Values, null: Mask | None, field: pa.Field) -> pa.Array:
    starts, lengths = values.texts(null)
    views = np.zeros((values.rows, 4), np.int32)
    views[:, 0] = lengths
    inline = lengths <= _INLINE
    short = np.nonzero(inline)[0]
    long = np.nonzero(~inline)[0]
    if len(short):
        # Reading beyond the end of a short text does no harm: it is not looked at.
        views.view(np.uint8)[short, 4:] = values.read(f"V{_INLINE}", starts[short]).view(np.uint8).reshape(-1, _INLINE)
    if len(long):
        views[long, 1] = values.read("<i4", starts[long])
        views[long, 3] = starts[long]
    found = pa.Array.from_buffers(
        pa.binary_view(), values.rows, [_validity(null), pa.py_buffer(views), pa.py_buffer(values.buffer)]
    )
    return _cast(found, field)


def _cast(found: pa.Array, field: pa.Field) -> pa.Array:
    """Return bytes as the field's type, copied out of the buffer."""
    copied = found.cast(pa.binary())
    if pa.types.is_binary(field.type):
        return copied
    try:
        text = copied.cast(pa.string())
        return text.cast(field.type) if pa.types.is_decimal(field.type) else text
    except pa.ArrowInvalid:  # what it says repeats the value
        raise DataNotRepresentable(
            f"a value of the column {field.name} is no {field.type}", column=field.name
        ) from None


def _fixed(numbers: Numbers, null: Mask | None, kind: pa.DataType) -> pa.Array:
    return pa.Array.from_buffers(kind, len(numbers), [_validity(null), pa.py_buffer(np.ascontiguousarray(numbers))])


def _validity(null: Mask | None) -> pa.Buffer | None:
    return None if null is None else pa.py_buffer(np.packbits(~null, bitorder="little"))
