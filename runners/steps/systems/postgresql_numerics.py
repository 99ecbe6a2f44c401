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
    words = np.ascontiguousarray(raw).view(">i2").reshape(len(raw), -1).T.astype(np.int64)
    count, first, sign, shown = words[:_HEADER]
    whole, fraction = _groups(kind)
    fits = ((sign == 0) | (sign == _NEGATIVE)) & (shown <= kind.scale)
    fits &= (count == 0) | ((first < whole) & (first - count >= -1 - fraction))
    if not (fits | null).all():
        return None
    left_out = fraction * _GROUP - kind.scale  # digits of the last group, which are zeros
    powers = np.array([10 ** max(_GROUP * place - left_out, 0) for place in range(whole + fraction)] or [1], np.int64)
    digits = np.zeros(len(raw), np.int64)
    for number, group in enumerate(words[_HEADER:]):
        there = np.where((number < count) & ~null, group, 0)
        place = np.clip(first - number + fraction, 0, len(powers) - 1)  # 0 is the last
        if left_out:
            there = np.where(place == 0, there // 10**left_out, there)
        digits += there * powers[place]
    digits = np.where(sign == _NEGATIVE, -digits, digits)
    both = np.stack([digits, digits >> 63], axis=1)  # the sign in all upper bits
    return pa.Array.from_buffers(kind, len(raw), [valid, pa.py_buffer(both)])


def _groups(kind: pa.DataType) -> tuple[int, int]:
    """Return how many groups of digits there are at most before the point, and behind it."""
    return -(-(kind.precision - kind.scale) // _GROUP), -(-kind.scale // _GROUP)
