"""Trino's functions of numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runners.local.athena.sql.errors import not_run
from runners.local.athena.sql.signatures import Gives, Writes, function, table
from runners.local.athena.sql.types import (
    MOST_DIGITS,
    Type,
    decimal,
    stored,
)
from runners.local.athena.sql.values import Value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runners.local.athena.sql.signatures import Bindings, Function


def _rounded_digits(bindings: Bindings, _: Sequence[Value]) -> Type:
    digits, scale = bindings["D"].size
    return decimal(min(MOST_DIGITS, digits - scale + min(scale, 1)), 0)


def _one_digit_more(bindings: Bindings, _: Sequence[Value]) -> Type:
    digits, scale = bindings["D"].size
    return decimal(min(MOST_DIGITS, digits + 1), scale)


def _whole_digits(bindings: Bindings, _: Sequence[Value]) -> Type:
    digits, scale = bindings["D"].size
    return decimal(max(digits - scale, 1), 0)


def _to(called: str, gives: Gives) -> Writes:
    def written(bindings: Bindings, *values: Value) -> str:
        return f"CAST({called.format(*(value.sql for value in values))} AS {stored(gives(bindings, values))})"

    return written


def _decimal_function(signature: str, called: str, gives: Gives) -> Function:
    return function(signature, _to(called, gives), gives)


_OF_DOUBLE = {
    "sqrt": "CASE WHEN {0} < 0 THEN CAST('NaN' AS DOUBLE) ELSE sqrt({0}) END", "exp": "exp({0})",
    "ln": "trino_ln({0})", "log2": "trino_log2({0})", "log10": "trino_log10({0})", "radians": "radians({0})",
    "degrees": "degrees({0})", "sin": "sin({0})", "cos": "cos({0})", "tan": "tan({0})", "atan": "atan({0})",
}  # fmt: skip

NUMBERS = table(
    function("abs(W) -> W", "abs({0})"),
    function("abs(D) -> D", "CAST(abs({0}) AS {D})"),
    function("abs(F) -> F", "abs({0})"),
    *(function(f"{name}(W) -> W", "{0}") for name in ("ceiling", "floor", "round")),
    function("ceiling(F) -> F", "ceil({0})"),
    function("floor(F) -> F", "floor({0})"),
    function("round(F) -> F", "round({0})"),
    function("truncate(F) -> F", "trunc({0})"),
    _decimal_function("ceiling(D) -> D", "ceil({0})", _rounded_digits),
    _decimal_function("floor(D) -> D", "floor({0})", _rounded_digits),
    _decimal_function("round(D) -> D", "round({0})", _rounded_digits),
    _decimal_function("truncate(D) -> D", "trunc({0})", _whole_digits),
    _decimal_function("round(D, integer) -> D", "trino_round_decimal({0}, {1})", _one_digit_more),
    function("round(W, integer) -> W", "trino_round_whole({0}, {1})"),
    function("round(double, integer) -> double", "trino_round_double({0}, {1})"),
    function("sign(W) -> W", "CAST(sign({0}) AS {W})"),
    function("sign(D) -> D", "CAST(sign({0}) AS DECIMAL(1, 0))", lambda *_: decimal(1, 0)),
    *(function(f"{name}(double) -> double", sql) for name, sql in _OF_DOUBLE.items()),
    function("log(double, double) -> double", "(trino_ln({1}) / trino_ln({0}))"),
    function("atan2(double, double) -> double", "atan2({0}, {1})"),
    function("power(double, double) -> double", "pow({0}, {1})"),
    function("pi() -> double", "pi()"),
    function("e() -> double", "exp(1e0)"),
    function("nan() -> double", "CAST('NaN' AS DOUBLE)"),
    function("infinity() -> double", "CAST('Infinity' AS DOUBLE)"),
    function("is_nan(double) -> boolean", "isnan({0})"),
    function("is_finite(double) -> boolean", "isfinite({0})"),
    function("is_infinite(double) -> boolean", "isinf({0})"),
    function("random() -> double", "random()"),
    function("bitwise_and(bigint, bigint) -> bigint", "({0} & {1})"),
    function("bitwise_or(bigint, bigint) -> bigint", "({0} | {1})"),
    function("bitwise_xor(bigint, bigint) -> bigint", "xor({0}, {1})"),
    function("bitwise_not(bigint) -> bigint", "(~ {0})"),
    function("greatest(O, ...) -> O", lambda _, *values: _extreme("greatest", values)),
    function("least(O, ...) -> O", lambda _, *values: _extreme("least", values)),
)


def _extreme(name: str, values: Sequence[Value]) -> str:
    """One NULL makes it NULL; what is not a number has no place among numbers in one version of Trino or the other."""
    if values[0].type.name in ("real", "double"):
        raise not_run(f"{name}() of {values[0].type}", "use CASE")
    present = " AND ".join(f"{value.sql} IS NOT NULL" for value in values)
    return f"CASE WHEN {present} THEN {name}({', '.join(value.sql for value in values)}) END"
