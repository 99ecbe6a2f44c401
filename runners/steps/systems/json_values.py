"""JSON whose numbers stay exactly what they are: read, looked into by a path, and written again."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any, Final


class NotJsonError(Exception):
    """A text is no JSON. It repeats nothing of it."""


class _Missing:
    """Stands for what there is not; null is there."""


MISSING: Final = _Missing()


def parsed(text: bytes | str) -> Any:
    """Return the value of a JSON text; numbers are ``int`` and ``Decimal``.

    Raises:
        NotJsonError: it is none, or is nested or long beyond reason.

    """
    try:
        return json.loads(text, parse_float=Decimal, parse_constant=Decimal)
    except (ValueError, RecursionError):
        raise NotJsonError from None


def at(value: Any, path: str) -> Any:
    """Return what stands at a path, ``MISSING`` if nothing does.

    Args:
        value: a JSON value.
        path: ``data.items`` or, for names with dots in them, a JSON pointer, ``/data/items``; places in a list are
            numbers. Empty for the value itself.

    """
    for name in _names(path):
        if isinstance(value, dict):
            value = value.get(name, MISSING)
        elif isinstance(value, list) and name.isdecimal() and int(name) < len(value):
            value = value[int(name)]
        else:
            return MISSING
    return value


def text_of(value: Any) -> str:
    """Return a value as JSON text, its numbers as they were.

    Raises:
        ValueError: a number is NaN or infinite, which JSON does not know.

    """
    match value:
        case dict():
            return "{" + ",".join(f"{_quoted(name)}:{text_of(item)}" for name, item in value.items()) + "}"
        case list():
            return "[" + ",".join(map(text_of, value)) + "]"
        case str():
            return _quoted(value)
        case Decimal():
            if not value.is_finite():
                raise ValueError("JSON has no such number")
            return str(value)
        case _:
            return json.dumps(value, allow_nan=False)


def _names(path: str) -> list[str]:
    if path.startswith("/"):
        return [part.replace("~1", "/").replace("~0", "~") for part in path[1:].split("/")]
    return path.split(".") if path else []


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
