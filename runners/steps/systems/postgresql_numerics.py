"""Numerics in PostgreSQL's binary format as Arrow's decimals, a column at a time, where 64 bits hold their digits.

A numeric is four numbers of two bytes: how many groups of four digits follow, the place of the first (0 is the one
before the point), the sign, and the digits to show behind the point; and then the groups. Zeros at both ends are left
out. That the server writes no text, and nobody reads one, saves each of them a tenth of its work.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

MOST_DIGITS = 18
"""Digits that 64 bits hold."""

_GROUP = 4  # digits
_HEADER = 4  # numbers before the groups
_NEGATIVE = 0x4000


def is_short(kind: pa.DataType) -> bool:
    """Whether a type is a decimal of which 64 bits hold the digits."""
    return bool(pa.types.is_decimal128(kind)) and kind.precision <= MOST_DIGITS


def width(kind: pa.DataType) -> int:
    """Return how many bytes a numeric of a type takes, at most."""
    whole, fraction = _groups(kind)
    return 2 * (_HEADER + whole + fraction)


def decimals(raw: np.ndarray, null: np.ndarray, valid: pa.Buffer | None, kind: pa.DataType) -> pa.Array | None:
    """Return numerics as decimals; None if one is NaN, or is none of the type.

    Args:
        raw: the bytes of each, ``width`` of them; what is behind its end does not matter.
        null: which are NULL.
        valid: the same, as Arrow has it.
        kind: a decimal that ``is_short``.

    """
    words = np.ascontiguousarray(raw).view(">i2").reshape(len(raw), -1).T.astype(np.int64, order="C")
    count, first, sign, shown = words[:_HEADER]
    whole, fraction = _groups(kind)
    count = np.where(null, 0, count)
    fits = ((sign == 0) | (sign == _NEGATIVE)) & (shown <= kind.scale)
    fits &= (count == 0) | ((first < whole) & (first - count >= -1 - fraction))
    if not (fits | null).all():
        return None
    digits = _digits(words[_HEADER:], count, first + fraction, fraction * _GROUP - kind.scale)
    both = np.empty((len(raw), 2), np.int64)
    both[:, 0] = np.where(sign == _NEGATIVE, -digits, digits)
    both[:, 1] = both[:, 0] >> 63  # the sign in all upper bits
    return pa.Array.from_buffers(kind, len(raw), [valid, pa.py_buffer(both)])


def _digits(groups: np.ndarray, count: np.ndarray, first: np.ndarray, left_out: int) -> np.ndarray:
    """Return the digits of all groups as one number.

    Args:
        groups: the first ones, the second ones, …
        count: how many of them each number has.
        first: the place of the first, where 0 is the last that there may be.
        left_out: how many digits of that last one are beyond the scale, and so zeros.

    """
    powers = np.array([10 ** max(_GROUP * place - left_out, 0) for place in range(len(groups))], np.int64)
    if left_out:
        powers[0] = 0  # it is divided instead
    digits, last = np.zeros_like(count), np.zeros_like(count)
    for number, group in enumerate(groups):
        there = np.where(number < count, group, 0)
        place = first - number
        digits += there * powers.take(place, mode="clip")
        if left_out:
            last = np.where(place == 0, there, last)
    return digits + last // 10**left_out if left_out else digits


def _groups(kind: pa.DataType) -> tuple[int, int]:
    """Return how many groups of digits there are at most before the point, and behind it."""
    return -(-(kind.precision - kind.scale) // _GROUP), -(-kind.scale // _GROUP)
