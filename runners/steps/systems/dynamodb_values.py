"""DynamoDB's attributes and Arrow's columns, each value exactly the same in the other, or refused.

DynamoDB knows numbers of 38 decimal digits, and neither NaN, nor dates, nor a schema. Dates and times are texts in
ISO 8601 there.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

import pyarrow as pa

from runners.steps.ends import logical
from runners.steps.errors import DataNotRepresentable
from runners.steps.systems.json_values import NotJsonError, parsed, text_of

Attribute = dict[str, Any]
"""A value with its type, as the API has it: ``{"S": "a"}``."""

DIGITS = 38
LARGEST_ITEM = 400 << 10  # bytes
_LARGEST_EXPONENT = 125
_SMALLEST_EXPONENT = -130
_NUMBER_BYTES = 21  # of any number, at most
_OVERHEAD = 3  # bytes of a list or a map


class _UnfitError(ValueError):
    """A value has no exact form; says why, without the value."""


# From DynamoDB


def plain(attribute: Attribute) -> Any:
    """Return an attribute as Python has it: numbers are ``Decimal``, binaries ``bytes``, sets ``frozenset``."""
    ((kind, value),) = attribute.items()
    made = _PLAIN.get(kind)
    return made(value) if made else value


_PLAIN: dict[str, Callable[[Any], Any]] = {
    "N": Decimal,
    "NULL": lambda _: None,
    "M": lambda value: {name: plain(item) for name, item in value.items()},
    "L": lambda value: list(map(plain, value)),
    "NS": lambda value: frozenset(map(Decimal, value)),
    "SS": frozenset,
    "BS": frozenset,
}


def as_document(item: Mapping[str, Attribute]) -> str:
    """Return an item in DynamoDB's own JSON, which says the type of each value; binaries are base64."""
    return json.dumps(item, default=_base64, ensure_ascii=False, separators=(",", ":"))


def from_document(text: str) -> dict[str, Attribute]:
    """Return the item of ``as_document``.

    Raises:
        DataNotRepresentable: it is none.

    """
    try:
        return {name: _decoded(attribute) for name, attribute in json.loads(text).items()}
    except (ValueError, AttributeError, TypeError, RecursionError):
        raise DataNotRepresentable("a value of the column of items is no item in DynamoDB's own JSON") from None


def read_text(value: Any) -> str:
    """Return a text that is one."""
    if not isinstance(value, str):
        raise TypeError
    return value


def read_binary(value: Any) -> bytes:
    """Return bytes that are such."""
    if not isinstance(value, bytes):
        raise TypeError
    return value


def read_json(value: Any) -> str:
    """Return any value as JSON, unless there is a binary in it; a set becomes a list in order."""
    return text_of(_jsonable(value))


def _jsonable(value: Any) -> Any:
    match value:
        case dict():
            return {name: _jsonable(item) for name, item in value.items()}
        case list():
            return [_jsonable(item) for item in value]
        case frozenset():
            return [_jsonable(item) for item in sorted(value)]
        case bytes():
            raise TypeError
    return value


def _base64(value: Any) -> str:
    return base64.b64encode(bytes(value)).decode()


def _decoded(attribute: Attribute) -> Attribute:
    ((kind, value),) = attribute.items()
    match kind:
        case "B":
            return {"B": base64.b64decode(value, validate=True)}
        case "BS":
            return {"BS": [base64.b64decode(one, validate=True) for one in value]}
        case "M":
            return {"M": {name: _decoded(item) for name, item in value.items()}}
        case "L":
            return {"L": [_decoded(item) for item in value]}
        case "S" | "N" | "BOOL" | "NULL" | "SS" | "NS":
            return {kind: value}
    raise ValueError


# To DynamoDB


def attribute_of(value: Any) -> Attribute:
    """Return a value that is bound to a query, or stands in JSON, as an attribute.

    Raises:
        ValueError: there is none that is the same.

    """
    if value is None:
        return {"NULL": True}
    for types, kind, made in _ATTRIBUTES:
        if isinstance(value, types):
            return {kind: made(value)}
    raise _UnfitError(f"there is no attribute for {type(value).__name__}")


def attributes_of(field: pa.Field, column: pa.Array, *, as_set: bool = False) -> list[Attribute | None]:
    """Return a column's values as attributes, None where there is no value.

    Args:
        field: says what its texts are.
        column: the values.
        as_set: whether lists in its JSON become sets.

    Raises:
        DataNotRepresentable: DynamoDB has no form that is the same.

    """
    made = _maker(field, as_set)
    try:
        return [None if value is None else made(value) for value in _values(column)]
    except _UnfitError as error:
        why = str(error)
    except NotJsonError:
        why = "it is no JSON"
    except (ValueError, OverflowError, ArithmeticError):
        why = "it is beyond what can be written"  # what others say may repeat the value
    raise DataNotRepresentable(f"a value of the column {field.name} has no form in DynamoDB: {why}", column=field.name)


def kind_of(field: pa.Field) -> str:
    """Return the type that a column's attributes have, ``S``, ``N`` or ``B``; empty for any other."""
    kind, means = field.type, logical(field)
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind) or means == "decimal":
        return "N"
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind):
        return "B"
    is_text = pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_temporal(kind)
    return "S" if is_text and means != "json" else ""


def size_of(item: Mapping[str, Attribute]) -> int:
    """Return about how many bytes an item has, as DynamoDB counts; never less."""
    return sum(len(name.encode()) + _size(attribute) for name, attribute in item.items())


def _values(column: pa.Array) -> Sequence[Any]:
    kind = column.type
    if pa.types.is_timestamp(kind) and kind.unit == "ns":
        # Python has no nanoseconds; Arrow refuses those that are not whole microseconds.
        column = column.cast(pa.timestamp("us", kind.tz))
    return column.to_pylist()  # type: ignore[no-any-return]


def _maker(field: pa.Field, as_set: bool) -> Callable[[Any], Attribute]:
    means = logical(field)
    if means == "decimal":
        return lambda value: {"N": _number(Decimal(value))}
    if means == "json":
        return (lambda value: _set(parsed(value))) if as_set else (lambda value: attribute_of(parsed(value)))
    return attribute_of


def _set(value: Any) -> Attribute:
    if isinstance(value, list) and value and len(set(map(str, value))) == len(value):
        if all(isinstance(one, str) for one in value):
            return {"SS": value}
        if all(isinstance(one, int | Decimal) and not isinstance(one, bool) for one in value):
            return {"NS": [_number(one) for one in value]}
    raise _UnfitError("a set has texts or numbers, one at least, and none of them twice")


def _number(value: float | Decimal) -> str:
    # The shortest decimal that is this float, and no other.
    number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    if not number.is_finite():
        raise _UnfitError("it has neither NaN nor Infinity")
    if not number:
        return "0"
    significant = len("".join(map(str, number.as_tuple().digits)).strip("0"))
    if significant > DIGITS:
        raise _UnfitError(f"its numbers have {DIGITS} digits at most")
    if not _SMALLEST_EXPONENT <= number.adjusted() <= _LARGEST_EXPONENT:
        raise _UnfitError("its numbers are between 1E-130 and 9.9E+125")
    return str(number)


def _moment(value: datetime | date | time) -> str:
    return value.isoformat().replace("+00:00", "Z")


_ATTRIBUTES: tuple[tuple[type | tuple[type, ...], str, Callable[[Any], Any]], ...] = (
    (bool, "BOOL", bool),  # before int, of which it is one
    ((int, float, Decimal), "N", _number),
    (str, "S", str),
    (bytes, "B", bytes),
    ((date, time), "S", _moment),  # a datetime is a date, too
    (dict, "M", lambda value: {name: attribute_of(item) for name, item in value.items()}),
    ((list, tuple), "L", lambda value: list(map(attribute_of, value))),
)


def _size(attribute: Attribute) -> int:
    ((kind, value),) = attribute.items()
    made = _SIZES.get(kind)
    return made(value) if made else 1


_SIZES: dict[str, Callable[[Any], int]] = {
    "S": lambda value: len(value.encode()),
    "B": len,
    "N": lambda value: min(_NUMBER_BYTES, len(value) // 2 + 2),
    "SS": lambda value: sum(len(one.encode()) for one in value),
    "NS": lambda value: sum(_size({"N": one}) for one in value),
    "BS": lambda value: sum(map(len, value)),
    "M": lambda value: _OVERHEAD + size_of(value) + len(value),
    "L": lambda value: _OVERHEAD + sum(_size(one) + 1 for one in value),
}
