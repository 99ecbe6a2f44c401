"""MySQL's dates and times: which of them a calendar has, and how those that it has not are written as text."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

Mask = np.ndarray[Any, np.dtype[np.bool_]]
Numbers = np.ndarray[Any, Any]

_MOST_DIGITS = 6  # of a second's fraction
_YEARS = 10_000  # the last one is 9999
_MONTHS = 16  # places in the tables of a year, of which 1 to 12 are months


class Clock(NamedTuple):
    """Times of day."""

    time: Numbers
    """Hour, minute and second, each in 8 bits."""

    micros: Numbers
    """Microseconds."""


def in_calendar(date: Numbers) -> Mask:
    """Return which dates there are; each is a year in 16 bits, then a month, then a day in 8."""
    day = date >> 24
    real: Mask = (day > 0) & (day <= _calendar().length[_month(date)])
    return real


def calendar_days(date: Numbers) -> Numbers:
    """Return the days since 1970 of dates that there are."""
    days: Numbers = _calendar().before[_month(date)] + (date >> 24)
    return days


class _Calendar(NamedTuple):
    """What is known of each month, by ``_month``."""

    before: Numbers
    """Days from 1970 to the day before its first."""

    length: Numbers
    """How many days it has; none if there is no such month."""


@cache
def _calendar() -> _Calendar:
    begins = (np.arange(12, 12 * _YEARS + 1) - 12 * 1970).astype("datetime64[M]").astype("datetime64[D]")
    days = begins.astype(np.int64)
    before, length = (np.zeros((_YEARS + 1, _MONTHS), np.int64) for _ in range(2))
    before[1:_YEARS, 1:13] = days[:-1].reshape(-1, 12) - 1
    length[1:_YEARS, 1:13] = np.diff(days).reshape(-1, 12)
    return _Calendar(before.ravel(), length.ravel())


def _month(date: Numbers) -> Numbers:
    """Return the places of dates' months in the calendar; of those that there are not, one of a month without days."""
    year, month = np.minimum(date & 0xFFFF, _YEARS), np.minimum(date >> 16 & 0xFF, _MONTHS - 1)
    place: Numbers = year * _MONTHS + month
    return place


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
