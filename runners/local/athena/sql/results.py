"""Writes the values of a result as Athena does, in its CSV files and in what GetQueryResults gives.

It takes what DuckDB's Python client gives for a value of the type. It never changes a value.
"""

from __future__ import annotations

import struct
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from runners.local.athena.sql.types import type_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from runners.local.athena.sql.types import Type

NULL = "null"  # inside an array, a map or a row; alone, NULL is no text at all
LEAST_FRACTION_DIGITS = 3  # of a second; Athena shows milliseconds also where the type has none
MICROSECOND_DIGITS = 6


def text_of(value: object, of: str) -> str | None:
    """Write a value of a type, e.g. ``[1, 2]`` for ``array(integer)``; None for NULL.

    >>> text_of({"a": 1, "b": None}, "row(a integer, b varchar)")
    '{a=1, b=null}'
    """
    return None if value is None else _text(value, type_of(of))


def _text(value: Any, of: Type) -> str:
    if value is None:
        return NULL
    if of.arguments:
        return _PARTS[of.name](value, of)
    return _PLAIN.get(of.name, _as_it_is)(value, of)


def _array(value: Any, of: Type) -> str:
    return f"[{', '.join(_text(item, of.arguments[0]) for item in value)}]"


def _map(value: Any, of: Type) -> str:
    pairs = ((_text(key, of.arguments[0]), _text(item, of.arguments[1])) for key, item in _items(value))
    return f"{{{', '.join(f'{key}={item}' for key, item in pairs)}}}"


def _row(value: Any, of: Type) -> str:
    return f"{{{', '.join(_fields(value, of))}}}"


def _items(value: Any) -> list[tuple[Any, Any]]:
    """Give the pairs of a map; DuckDB's client gives lists of keys and values where a key cannot be hashed."""
    if set(value) == {"key", "value"} and isinstance(value["key"], list) and isinstance(value["value"], list):
        return list(zip(value["key"], value["value"], strict=True))
    return list(value.items())


def _fields(value: Any, of: Type) -> list[str]:
    values = value.values() if isinstance(value, dict) else value
    texts = [_text(item, part) for item, part in zip(values, of.arguments, strict=True)]
    names = (f"field{place}" if name is None else name for place, name in enumerate(of.fields))
    return [f"{name}={text}" for name, text in zip(names, texts, strict=True)]


def _timestamp(value: datetime, of: Type) -> str:
    if not isinstance(value, datetime):
        return str(value)  # infinity
    digits = max(of.size[0], LEAST_FRACTION_DIGITS)
    return f"{value:%Y-%m-%d %H:%M:%S}.{value:%f}"[: digits - MICROSECOND_DIGITS or None].zfill(20 + digits)


def _days_to_seconds(milliseconds: int, _: Type) -> str:
    seconds, rest = divmod(abs(milliseconds), 1000)
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    day, hour = divmod(hours, 24)
    return f"{'-' if milliseconds < 0 else ''}{day} {hour:02}:{minute:02}:{second:02}.{rest:03}"


def floating(value: float, *, single: bool = False) -> str:
    """Write a number as Java does: ``1.0``, ``1.0E10``, ``Infinity``; the shortest digits that tell it apart."""
    if value != value:  # noqa: PLR0124 - NaN alone differs from itself
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "Infinity" if value > 0 else "-Infinity"
    sign, digits, exponent = Decimal(_shortest(value) if single else repr(value)).as_tuple()
    digits_text = "".join(map(str, digits)).rstrip("0") or "0"
    point = len(digits) + int(exponent)  # digits before the point
    minus = "-" if sign else ""
    if digits_text == "0":
        return f"{minus}0.0"
    if -2 <= point <= 7:  # noqa: PLR2004 - from 0.001 to below ten million, Java writes no exponent
        whole = digits_text[:point].ljust(point, "0") if point > 0 else "0"
        fraction = digits_text[point:] if point > 0 else "0" * -point + digits_text
        return f"{minus}{whole}.{fraction or '0'}"
    return f"{minus}{digits_text[0]}.{digits_text[1:] or '0'}E{point - 1}"


def _shortest(value: float) -> str:
    """Find the fewest digits that a single-precision number is told by."""
    kept = struct.unpack("f", struct.pack("f", value))[0]
    texts = (f"{value:.{digits}g}" for digits in range(1, 10))
    return next(text for text in texts if struct.unpack("f", struct.pack("f", float(text)))[0] == kept)


def _as_it_is(value: Any, _: Type) -> str:
    return value.isoformat() if isinstance(value, date) else str(value)


_PARTS: dict[str, Callable[[Any, Type], str]] = {"array": _array, "map": _map, "row": _row}
_PLAIN: dict[str, Callable[[Any, Type], str]] = {
    "double": lambda value, _: floating(value),
    "real": lambda value, _: floating(value, single=True),
    "decimal": lambda value, of: f"{Decimal(value):.{of.size[1]}f}",
    "boolean": lambda value, _: "true" if value else "false",
    "varbinary": lambda value, _: bytes(value).hex(" "),
    "timestamp": _timestamp,
    "interval day to second": _days_to_seconds,
    "interval year to month": lambda value, _: f"{'-' if value < 0 else ''}{abs(value) // 12}-{abs(value) % 12}",
}
