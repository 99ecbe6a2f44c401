"""The types of columns as the Glue catalog names them: found in values, and widened until they hold all values.

A type is a name such as ``bigint``, an ``Array`` or a ``Struct``; no type at all (None) is that of a value that says
nothing, such as a null. Reads no file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

BOOLEAN, INT, BIGINT, DOUBLE, STRING = "boolean", "int", "bigint", "double", "string"

_WHOLE = re.compile(r"[+-]?\d{1,19}")
_DECIMAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_OF_JSON: dict[type, str | None] = {type(None): None, bool: BOOLEAN, float: DOUBLE, str: STRING}
_WIDTHS = {INT: 32, BIGINT: 64}
_NUMBERS = ("tinyint", "smallint", INT, BIGINT, "float", DOUBLE)  # each holds those before it, well enough


@dataclass(frozen=True)
class Array:
    """A list of values of one type."""

    element: Type


@dataclass(frozen=True)
class Struct:
    """Named fields, each with its type."""

    fields: tuple[tuple[str, Type], ...]


Type = str | Array | Struct | None


@dataclass(frozen=True)
class Column:
    """A column of a table: its name in lower case, and its type as the catalog writes it."""

    name: str
    type: Type

    def written(self) -> dict[str, str]:
        """Answer the column as the catalog has it."""
        return {"Name": self.name, "Type": written(self.type)}


def of_text(text: str) -> Type:
    """Find the type of a text in a CSV file, as Glue's CSV classifier does: it knows no dates and no times."""
    value = text.strip()
    if not value:
        return None
    if _WHOLE.fullmatch(value):
        return BIGINT if _fits(int(value), BIGINT) else DOUBLE
    if _DECIMAL.fullmatch(value):
        return DOUBLE
    return BOOLEAN if value.lower() in {"true", "false"} else STRING


def of_json(value: Any) -> Type:
    """Find the type of a value in a JSON document."""
    if isinstance(value, int) and not isinstance(value, bool):
        return next((name for name in _WIDTHS if _fits(value, name)), DOUBLE)
    if isinstance(value, list):
        element: Type = None
        for item in value:
            element = widened(element, of_json(item))
        return Array(element)
    if isinstance(value, dict):
        return Struct(tuple((str(name).lower(), of_json(part)) for name, part in value.items()))
    return _OF_JSON[type(value)]


def widened(one: Type, other: Type) -> Type:
    """Answer the type that holds the values of both; it is text where nothing narrower does."""
    if one == other or other is None:
        return one
    if one is None:
        return other
    if isinstance(one, Array) and isinstance(other, Array):
        return Array(widened(one.element, other.element))
    if isinstance(one, Struct) and isinstance(other, Struct):
        return Struct(tuple(merged(dict(one.fields), dict(other.fields)).items()))
    if one in _NUMBERS and other in _NUMBERS:
        return max(one, other, key=_NUMBERS.index)
    return STRING


def merged(one: dict[str, Type], other: dict[str, Type]) -> dict[str, Type]:
    """Answer the fields of both, in the order in which they appear, each wide enough for both."""
    return {**one, **{name: widened(one.get(name), type_) for name, type_ in other.items()}}


def written(type_: Type) -> str:
    """Write a type as the catalog has it; what no value told is text."""
    if isinstance(type_, Array):
        return f"array<{written(type_.element)}>"
    if isinstance(type_, Struct):
        return f"struct<{','.join(f'{name}:{written(part)}' for name, part in type_.fields)}>"
    return type_ or STRING


def _fits(value: int, name: str) -> bool:
    limit = 1 << (_WIDTHS[name] - 1)
    return -limit <= value < limit
