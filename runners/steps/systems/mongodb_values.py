"""BSON's values and Arrow's columns, each value exactly the same in the other, or refused.

BSON knows decimals of 34 digits, and times only as milliseconds in UTC. What JSON text cannot say stands in it as
MongoDB's Extended JSON, e.g. ``{"$oid": …}``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import partial
from typing import Any, Literal
from uuid import UUID

import pyarrow as pa
import pyarrow.compute as pc

from runners.steps.ends import logical
from runners.steps.errors import DataNotRepresentable
from runners.steps.libraries import library
from runners.steps.systems.json_columns import Column, declared
from runners.steps.systems.json_values import NotJsonError, parsed

TimesAs = Literal["date", "text"]

_WHOLE_IN_A_DOUBLE = 2**53
_INT32 = (-(2**31), 2**31 - 1)
_INT64 = (-(2**63), 2**63 - 1)


def bson(module: str = "bson") -> Any:
    """Return a module of PyMongo's own ``bson``."""
    return library(module, "mongodb")


class _UnfitError(ValueError):
    """A value has no exact form; says why, without the value."""


# From MongoDB


def extended(value: Any, *, canonical: bool = False) -> str:
    """Return a value as Extended JSON.

    Args:
        value: of any type of BSON.
        canonical: whether each number says its type, too; otherwise plain JSON stays plain.

    """
    module = bson("bson.json_util")
    options = module.CANONICAL_JSON_OPTIONS if canonical else module.RELAXED_JSON_OPTIONS
    return str(module.dumps(value, json_options=options, ensure_ascii=False, separators=(",", ":")))


def conditions(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what Extended JSON in parameters stands for."""
    found: dict[str, Any] = bson("bson.json_util").loads(json.dumps(given), json_options=_options())
    return found


def readers() -> dict[str, Callable[[Any], Any]]:
    """Return what reads the values of each type of columns, but for decimals with a size."""
    decimal, object_id = bson("bson.decimal128").Decimal128, bson("bson.objectid").ObjectId
    of_text = {
        kind: declared({kind: Column(Type=kind)}).readers[0] for kind in ("date", "time", "timestamp", "timestamptz")
    }
    return {
        **of_text,
        "bool": _bool,
        "int32": partial(_integer, decimal),
        "int64": partial(_integer, decimal),
        "float64": _float,
        "decimal": partial(_decimal_text, decimal),
        "string": partial(_text, (str, object_id, UUID)),
        "date": partial(_date, of_text["date"]),
        "timestamptz": partial(_moment, of_text["timestamptz"]),
        "binary": _bytes,
        "json": extended,
    }


def read_number(value: Any) -> int | Decimal:
    """Return a number that is exact: an integer or a decimal, which a double is not."""
    if isinstance(value, bool) or not isinstance(value, int | bson("bson.decimal128").Decimal128):
        raise TypeError
    return value if isinstance(value, int) else value.to_decimal()


def _bool(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _integer(decimal: Any, value: Any) -> int:
    number = value.to_decimal() if isinstance(value, decimal) else value
    if isinstance(number, bool) or not isinstance(number, int | float | Decimal) or number != int(number):
        raise TypeError
    if isinstance(number, float) and abs(number) > _WHOLE_IN_A_DOUBLE:
        raise ValueError
    return int(number)


def _float(value: Any) -> float:
    if isinstance(value, float):
        return value
    if isinstance(value, bool) or not isinstance(value, int) or int(float(value)) != value:
        raise TypeError
    return float(value)


def _decimal_text(decimal: Any, value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | decimal):
        raise TypeError
    number = Decimal(value) if isinstance(value, int) else value.to_decimal()
    return f"{number:f}" if number.is_finite() else str(number)


def _text(kinds: tuple[type, ...], value: Any) -> str:
    if not isinstance(value, kinds):
        raise TypeError
    return str(value)


def _date(of_text: Callable[[Any], Any], value: Any) -> Any:
    if not isinstance(value, datetime):
        return of_text(value)
    if value.astimezone(UTC).time() != time():
        raise ValueError
    return value.astimezone(UTC).date()


def _moment(of_text: Callable[[Any], Any], value: Any) -> Any:
    return value if isinstance(value, datetime) else of_text(value)


def _bytes(value: Any) -> bytes:
    # Of another subtype than 0 it is no ``bytes`` alone, and the subtype would be lost.
    if type(value) is not bytes:
        raise TypeError
    return value


# To MongoDB


def values_of(field: pa.Field, column: pa.Array, times_as: TimesAs) -> Sequence[Any]:
    """Return a column's values as PyMongo takes them, None for NULL.

    Args:
        field: says what its texts are.
        column: the values.
        times_as: whether dates, and times with a zone, become BSON's dates, or texts in ISO 8601.

    Raises:
        DataNotRepresentable: BSON has no form that is the same.

    """
    try:
        made, column = _maker(field, column, times_as)
        values = column.to_pylist()
        return values if made is None else [None if value is None else made(value) for value in values]
    except _UnfitError as error:
        why = str(error)
    except NotJsonError:
        why = "it is no JSON"
    except (pa.ArrowException, TypeError, ValueError, ArithmeticError, bson("bson.errors").BSONError):
        why = "it is beyond what can be written"  # what others say repeats the value
    raise DataNotRepresentable(f"a value of the column {field.name} has no form in MongoDB: {why}", column=field.name)


def _maker(field: pa.Field, column: pa.Array, times_as: TimesAs) -> tuple[Callable[[Any], Any] | None, pa.Array]:
    """Return what makes BSON of a column's values, and the column of the type that it takes them from."""
    kind, means = column.type, logical(field)
    if means in {"decimal", "json", "uuid"}:
        made: dict[str, Callable[[Any], Any]] = {"decimal": _decimal128, "json": _json, "uuid": _uuid}
        return made[means], column
    if pa.types.is_decimal(kind):
        return _decimal128, column
    if pa.types.is_temporal(kind):
        return _of_time(column, times_as)
    if pa.types.is_integer(kind):
        is_long = kind in {pa.int64(), pa.uint64(), pa.uint32()}
        return (bson("bson.int64").Int64, column.cast(pa.int64())) if is_long else (None, column)
    if pa.types.is_nested(kind):
        raise _UnfitError(f"{kind} has none; give it as JSON")
    return None, column


def _of_time(column: pa.Array, times_as: TimesAs) -> tuple[Callable[[Any], Any], pa.Array]:
    kind = column.type
    if pa.types.is_timestamp(kind) and kind.unit != "us":
        column = column.cast(pa.timestamp("us", kind.tz))
    is_zoned = pa.types.is_timestamp(kind) and kind.tz is not None
    if times_as == "text" or not (is_zoned or pa.types.is_date(kind)):
        return _iso, column
    if is_zoned:
        ticks = column.cast(pa.int64())
        if pc.any(pc.not_equal(pc.multiply(pc.divide(ticks, 1000), 1000), ticks)).as_py():
            raise _UnfitError("its dates have milliseconds, and this is finer; set TimesAs to text")
        return _as_it_is, column
    return _midnight, column.cast(pa.date32())


def _as_it_is(value: Any) -> Any:
    return value


def _iso(value: datetime | date | time) -> str:
    return value.isoformat().replace("+00:00", "Z")


def _midnight(value: date) -> datetime:
    return datetime(value.year, value.month, value.day, tzinfo=UTC)


def _decimal128(value: Decimal | str) -> Any:
    try:
        return bson("bson.decimal128").Decimal128(Decimal(value))
    except ArithmeticError:
        raise _UnfitError("its decimals have 34 digits at most") from None


def _uuid(text: str) -> Any:
    return bson("bson.binary").Binary.from_uuid(UUID(text))


def _json(text: str) -> Any:
    return _of_json(parsed(text))


def _of_json(value: Any) -> Any:
    match value:
        case dict():
            made = {name: _of_json(item) for name, item in value.items()}
            is_extended = any(name[:1] == "$" for name in made)
            return bson("bson.json_util").object_hook(made, _options()) if is_extended else made
        case list():
            return list(map(_of_json, value))
        case bool():
            return value
        case int():
            return _integer_of_json(value)
        case Decimal():
            return float(value) if Decimal(repr(float(value))) == value else _decimal128(value)
    return value


def _options() -> Any:
    return bson("bson.json_util").RELAXED_JSON_OPTIONS.with_options(tz_aware=True)


def _integer_of_json(value: int) -> Any:
    if _INT32[0] <= value <= _INT32[1]:
        return value
    if not _INT64[0] <= value <= _INT64[1]:
        raise _UnfitError("its integers have 64 bits")
    return bson("bson.int64").Int64(value)
