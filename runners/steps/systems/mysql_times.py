"""MySQL's dates and times: which of them a calendar has, and how those that it has not are written as text."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

Mask = np.ndarray[Any, np.dtype[np.bool_]]
Numbers = np.ndarray[Any, Any]

_MOST_DIGITS = 6  # of a second's fraction
_LAST_DAYS = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31, *([0] * 243)], np.int64)


class Clock(NamedTuple):
    """Times of day."""

    time: Numbers
    """Hour, minute and second, each in 8 bits."""

    micros: Numbers
    """Microseconds."""


def in_calendar(date: Numbers) -> Mask:
    """Return which dates there are; each is a year in 16 bits, then a month, then a day in 8."""
    year, month, day = _parts(date)
    leap = (month == 2) & (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))  # noqa: PLR2004
    real: Mask = (year > 0) & (day > 0) & (day <= _LAST_DAYS[month] + leap)
    return real


def calendar_days(date: Numbers) -> Numbers:
    """Return the days since 1970 of dates that there are."""
    year, month, day = _parts(date)
    months = ((year - 1970) * 12 + month - 1).astype("datetime64[M]")
    return months.astype("datetime64[D]").astype(np.int64) + day - 1


def date_texts(date: Numbers, clock: Clock, null: Mask | None, scale: int | None) -> pa.Array:
    """Return dates as text, with the time of day unless ``scale``, the digits of its fraction, is None."""
    year, month, day = _parts(date)
    columns: list[Numbers | str] = [*_digits(year, 4), "-", *_digits(month, 2), "-", *_digits(day, 2)]
    if scale is not None:
        columns += [" ", *_digits(clock.time & 0xFF, 2), *_minutes(clock, scale)]
    return _joined(columns, len(date), null)


def time_texts(negative: Numbers, days: Numbers, clock: Clock, null: Mask | None, scale: int) -> pa.Array:
    """Return times as text, such as ``-838:59:59.000000``, with ``scale`` digits of a fraction."""
    hours = pc.utf8_lpad(pa.array(days * 24 + (clock.time & 0xFF)).cast(pa.string()), 2, "0")
    signs = pc.if_else(pa.array(negative), "-", "")
    rest = _joined(_minutes(clock, scale), len(days), null)
    return pc.binary_join_element_wise(signs, hours, rest, "")


def _parts(date: Numbers) -> tuple[Numbers, Numbers, Numbers]:
    whole = date.astype(np.int64)
    return whole & 0xFFFF, whole >> 16 & 0xFF, whole >> 24


def _minutes(clock: Clock, scale: int) -> list[Numbers | str]:
    minutes, seconds = clock.time >> 8 & 0xFF, clock.time >> 16 & 0xFF
    columns: list[Numbers | str] = [":", *_digits(minutes, 2), ":", *_digits(seconds, 2)]
    shown = min(scale, _MOST_DIGITS)
    return [*columns, ".", *_digits(clock.micros, _MOST_DIGITS)[:shown]] if shown else columns


def _digits(numbers: Numbers, width: int) -> list[Numbers]:
    return [numbers // 10**place % 10 + ord("0") for place in range(width - 1, -1, -1)]


def _joined(columns: list[Numbers | str], rows: int, null: Mask | None) -> pa.Array:
    """Return texts of which each has these characters."""
    texts = np.empty((rows, len(columns)), np.uint8)
    for place, column in enumerate(columns):
        texts[:, place] = ord(column) if isinstance(column, str) else column
    offsets = np.arange(rows + 1, dtype=np.int32) * len(columns)
    validity = None if null is None else pa.py_buffer(np.packbits(~null, bitorder="little"))
    return pa.Array.from_buffers(pa.string(), rows, [validity, pa.py_buffer(offsets), pa.py_buffer(texts)])
