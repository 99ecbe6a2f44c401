"""Arithmetic and comparisons by Trino's rules: the digits of decimals, truncation, NaN, errors instead of NULL."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from runners.local.athena.sql.casts import in_zone, turned
from runners.local.athena.sql.errors import QueryError, not_run
from runners.local.athena.sql.types import (
    BIGINT,
    DAYS_TO_SECONDS,
    MOST_DIGITS,
    UNKNOWN,
    YEARS_TO_MONTHS,
    Type,
    common,
    decimal,
    digits_of,
    field_names,
    is_number,
    is_whole,
    stored,
)
from runners.local.athena.sql.values import Value, text

if TYPE_CHECKING:
    from collections.abc import Sequence

INTERVALS = (DAYS_TO_SECONDS, YEARS_TO_MONTHS)
MOMENTS = ("date", "timestamp", "timestamp with time zone")
MILLISECONDS_OF_A_DAY = 24 * 60 * 60 * 1000


def calculated(sign: str, left: Value, right: Value) -> Value | None:
    """Add, subtract, multiply, divide or take the remainder; None if Trino has no such operator."""
    if UNKNOWN in (left.type, right.type):
        left, right = _instead_of_null(left, right), _instead_of_null(right, left)
    if is_number(left.type) and is_number(right.type):
        of = common(left.type, right.type)
        assert of is not None  # noqa: S101 - numbers have a type in common
        if of.name == "decimal":
            return _decimals(sign, left, right)
        return Value(_NUMBERS[sign, is_whole(of)].format(turned(left, of).sql, turned(right, of).sql), of)
    return _times(sign, left, right)


def _instead_of_null(value: Value, other: Value) -> Value:
    if value.type != UNKNOWN:
        return value
    of = other.type if is_number(other.type) or other.type in INTERVALS else DAYS_TO_SECONDS
    return turned(value, BIGINT if other.type == UNKNOWN else of)


# (the sign, whether of whole numbers) → how it is written
_NUMBERS = {
    ("+", True): "({} + {})", ("-", True): "({} - {})", ("*", True): "({} * {})",
    ("/", True): "trino_divide({}, {})", ("%", True): "trino_remainder({}, {})",
    ("+", False): "({} + {})", ("-", False): "({} - {})", ("*", False): "({} * {})",
    ("/", False): "trino_divide_doubles({}, {})", ("%", False): "trino_remainder_of_doubles({}, {})",
}  # fmt: skip


def _decimals(sign: str, left: Value, right: Value) -> Value:
    (p, s), (q, t) = digits_of(left.type), digits_of(right.type)
    one, other = turned(left, decimal(p, s)), turned(right, decimal(q, t))
    scale = max(s, t)
    match sign:
        case "+" | "-":
            of = decimal(min(MOST_DIGITS, max(p - s, q - t) + scale + 1), scale)
            one, other = (_widened(value, of) for value in (one, other))
            return Value(f"CAST({one.sql} {sign} {other.sql} AS {stored(of)})", of)
        case "*":
            if s + t > MOST_DIGITS:
                raise QueryError("NUMERIC_VALUE_OUT_OF_RANGE", f"DECIMAL scale must be at most 38: {s + t}")
            of = decimal(min(MOST_DIGITS, p + q), s + t)
            return Value(f"CAST({one.sql} * {other.sql} AS {stored(of)})", of)
        case "/":
            of = decimal(min(MOST_DIGITS, p + t + max(t - s, 0)), scale)
            return Value(quotient(one, other, of), of)
        case _:
            of = decimal(min(p - s, q - t) + scale, scale)
            wide = decimal(min(MOST_DIGITS, max(p - s, q - t) + scale), scale)
            one, other = (_widened(value, wide) for value in (one, other))
            return Value(f"CAST(trino_remainder({one.sql}, {other.sql}) AS {stored(of)})", of)


def _widened(value: Value, to: Type) -> Value:
    return Value(f"CAST({value.sql} AS {stored(to)})", to)


def quotient(one: Value, other: Value, of: Type) -> str:
    """Divide decimals exactly, rounded half up, as whole numbers of their last digits."""
    shift = of.size[1] - digits_of(one.type)[1] + digits_of(other.type)[1]
    digits = [f"trino_unscaled({value.sql})" for value in (one, other)]
    whole = f"trino_divide_rounded({digits[0]}, {digits[1]}, CAST({text(str(10**shift))} AS HUGEINT))"
    return f"CAST(trino_pointed({whole}, {of.size[1]}) AS {stored(of)})"


def _times(sign: str, left: Value, right: Value) -> Value | None:  # noqa: PLR0911 - one a pair of kinds
    one, other = left.type, right.type
    if one in INTERVALS and other == one and sign in "+-":
        return Value(f"({left.sql} {sign} {right.sql})", one)
    if one in INTERVALS and is_number(other) and sign in "*/":
        return _scaled(sign, left, right)
    if other in INTERVALS and is_number(one) and sign == "*":
        return _scaled(sign, right, left)
    if other in INTERVALS and one.name in MOMENTS and sign in "+-":
        return moved(left, f"({'-' if sign == '-' else ''}{right.sql})", other)
    if one in INTERVALS and other.name in MOMENTS and sign == "+":
        return moved(right, left.sql, one)
    if one.name in MOMENTS and other.name in MOMENTS and sign == "-":
        return _between(left, right)
    return None


def _scaled(sign: str, interval: Value, by: Value) -> Value | None:
    if not is_whole(by.type):
        raise not_run(f"{interval.type} {sign} {by.type}", "multiply by a whole number")
    if sign == "/":
        return Value(f"trino_divide({interval.sql}, {by.sql})", interval.type)
    return Value(f"({interval.sql} * {by.sql})", interval.type)


def moved(moment: Value, by: str, of: Type) -> Value:
    """Add an interval, as it is kept, to a date or a timestamp; that of a zone moves by its wall clock's months."""
    added = f"to_milliseconds({by})" if of == DAYS_TO_SECONDS else f"to_months(CAST({by} AS INTEGER))"
    if moment.type.name == "date":
        if of == DAYS_TO_SECONDS:
            return Value(f"trino_add_days({moment.sql}, {by})", moment.type)
        return Value(f"CAST({moment.sql} + {added} AS DATE)", moment.type)
    kept = Type(
        moment.type.name, size=(max(moment.type.size[0], 3 if of == DAYS_TO_SECONDS else 0),), zone=moment.type.zone
    )
    if moment.type.name == "timestamp" or of == DAYS_TO_SECONDS:
        return Value(f"({moment.sql} + {added})", kept)
    return Value(f"(({in_zone(moment)} + {added}) AT TIME ZONE {text(moment.type.zone)})", kept)


def _between(left: Value, right: Value) -> Value | None:
    of = common(left.type, right.type)
    if of is None:
        return None
    one, other = turned(left, of), turned(right, of)
    if of.name == "date":
        return Value(f"(CAST({one.sql} - {other.sql} AS BIGINT) * {MILLISECONDS_OF_A_DAY})", DAYS_TO_SECONDS)
    return Value(f"(epoch_ms({one.sql}) - epoch_ms({other.sql}))", DAYS_TO_SECONDS)


def is_negated(of: Type) -> bool:
    """Whether a minus may stand before a value of the type."""
    return is_number(of) or of in INTERVALS or of == UNKNOWN


# Conditions

_MAY_FAIL = re.compile(r"\btrino_(?!equal|different|less|greater)")


def one_after_the_other(word: str, terms: Sequence[str]) -> str:
    """Join conditions by AND or OR, and let none fail where those before it decide: DuckDB goes by their cost.

    ``y <> 0 AND x / y > 2`` is no error in Trino, in whatever order they are cheaper to check.
    """
    first = next((place for place, term in enumerate(terms) if place and _MAY_FAIL.search(term)), None)
    if first is None:
        return f"({f' {word} '.join(terms)})"
    before = f"({f' {word} '.join(terms[:first])})"
    rest = one_after_the_other(word, terms[first:])
    decided, result = ("IS FALSE", "false") if word == "AND" else ("IS TRUE", "true")
    return f"({before} {word} CASE WHEN {before} {decided} THEN {result} ELSE {rest} END)"


# Comparisons


def refuse_comparison_of(of: Type) -> None:
    """Refuse types whose values DuckDB would compare otherwise."""
    if of.name in ("map", "char", "json"):
        raise not_run(f"a comparison of {of}")


_OF_FLOATING = {
    "=": "equal",
    "<>": "different",
    "<": "less",
    "<=": "less_or_equal",
    ">": "greater",
    ">=": "greater_or_equal",
}


def compared(sign: str, left: Value, right: Value) -> str:
    """Compare two values of one type."""
    of = left.type
    refuse_comparison_of(of)
    if of.name in ("real", "double"):
        return f"trino_{_OF_FLOATING[sign]}({left.sql}, {right.sql})"
    if of.name == "row":
        return _rows(sign, left, right)
    if of.name == "array":
        if sign not in ("=", "<>") or of.arguments[0].arguments or of.arguments[0].name in ("real", "double", "json"):
            raise not_run(f"{sign} of {of}")
        same = f"trino_same_arrays({left.sql}, {right.sql})"
        return same if sign == "=" else f"(NOT {same})"
    return f"({left.sql} {sign} {right.sql})"


def _rows(sign: str, left: Value, right: Value) -> str:
    if sign not in ("=", "<>"):
        raise not_run(f"{sign} of {left.type}")
    parts = [
        compared(
            "=",
            Value(f"struct_extract({left.sql}, {text(name)})", of),
            Value(f"struct_extract({right.sql}, {text(name)})", of),
        )
        for name, of in zip(field_names(left.type), left.type.arguments, strict=True)
    ]
    same = f"({' AND '.join(parts)})"
    return same if sign == "=" else f"(NOT {same})"
