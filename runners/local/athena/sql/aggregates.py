"""Trino's aggregates and window functions, as far as they are known here.

Each is written by ``over(name, arguments…)``, which puts DISTINCT, ORDER BY, FILTER and OVER where DuckDB wants them:
one call of Trino's may be two of DuckDB's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from runners.local.athena.sql.operators import quotient
from runners.local.athena.sql.signatures import also, function, table
from runners.local.athena.sql.types import BIGINT, DOUBLE, MOST_DIGITS, decimal, mapping, stored
from runners.local.athena.sql.values import Value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runners.local.athena.sql.signatures import Bindings
    from runners.local.athena.sql.types import Type

Over = Callable[..., str]


def _sum_of_whole(over: Over, value: Value) -> str:
    return f"trino_sum({over('sum', value.sql)})"


def _sum_of_decimals(over: Over, value: Value) -> str:
    return f"CAST({over('sum', value.sql)} AS DECIMAL({MOST_DIGITS}, {value.type.size[1]}))"


def _average_of_decimals(over: Over, value: Value) -> str:
    of = value.type
    total = Value(f"CAST({over('sum', value.sql)} AS DECIMAL(38, {of.size[1]}))", decimal(MOST_DIGITS, of.size[1]))
    count = Value(f"CAST({over('count', value.sql)} AS DECIMAL(19, 0))", decimal(19))
    made = quotient(total, count, of)
    return f"CASE WHEN {count.sql} > 0 THEN {made} END"


def _sum_type(bindings: Bindings, _: Sequence[Value]) -> Type:
    return decimal(MOST_DIGITS, bindings["D"].size[1])


def _extreme(name: str) -> Callable[[Over, Value], str]:
    def write(over: Over, value: Value) -> str:
        if value.type.name in ("real", "double"):  # NaN is the greatest to DuckDB; Trino leaves it out
            return over(name, f"trino_a_number({value.sql})")
        return over(name, value.sql)

    return write


def _extremes(name: str) -> Callable[[Over, Value, Value], str]:
    def write(over: Over, value: Value, count: Value) -> str:
        return over(name, _comparable(value).sql, count.sql)

    return write


def _by(name: str) -> Callable[[Over, Value, Value], str]:
    return lambda over, value, by: over(name, value.sql, _comparable(by).sql)


def _comparable(value: Value) -> Value:
    if value.type.name in ("real", "double"):
        return Value(f"trino_a_number({value.sql})", value.type)
    return value


def _map_of(over: Over, key: Value, value: Value) -> str:
    entry = f"struct_pack(k := {key.sql}, v := {value.sql})"
    return f"trino_map_agg({over('list', entry)})"


def _histogram(over: Over, value: Value) -> str:
    return f"CAST({over('histogram', value.sql)} AS MAP({stored(value.type)}, BIGINT))"


def _counted_if(over: Over, condition: Value) -> str:
    return f"coalesce(CAST({over('count_if', condition.sql)} AS BIGINT), 0)"  # DuckDB gives NULL for no rows


def _percentile(over: Over, value: Value, percentage: Value) -> str:
    if percentage.type.name == "array":
        asked = f"list_transform({percentage.sql}, lambda n: trino_percentage(n))"
    else:
        asked = f"trino_percentage({percentage.sql})"
    return over("quantile_disc", value.sql, asked)


def _listed(over: Over, value: Value, separator: Value | None = None) -> str:
    return over("string_agg", value.sql, separator.sql if separator else "''")


AGGREGATES = also(
    table(
        function("count() -> bigint", lambda over: over("count", "*")),
        function("count(T) -> bigint", lambda over, x: over("count", x.sql)),
        function("count_if(boolean) -> bigint", _counted_if),
        function("sum(W) -> bigint", _sum_of_whole, lambda *_: BIGINT),
        function("sum(D) -> D", _sum_of_decimals, _sum_type),
        function("sum(real) -> real", lambda over, x: f"CAST({over('sum', x.sql)} AS FLOAT)"),
        function("sum(double) -> double", lambda over, x: over("sum", x.sql)),
        function("sum(interval day to second) -> interval day to second", _sum_of_whole),
        function("avg(W) -> double", lambda over, x: over("avg", x.sql), lambda *_: DOUBLE),
        function("avg(D) -> D", _average_of_decimals),
        function("avg(real) -> real", lambda over, x: f"CAST({over('avg', x.sql)} AS FLOAT)"),
        function("avg(double) -> double", lambda over, x: over("avg", x.sql)),
        function("min(O) -> O", _extreme("min")),
        function("max(O) -> O", _extreme("max")),
        function("min(O, bigint) -> array(O)", _extremes("min")),
        function("max(O, bigint) -> array(O)", _extremes("max")),
        function("min_by(T, O) -> T", _by("arg_min_null")),
        function("max_by(T, O) -> T", _by("arg_max_null")),
        function("arbitrary(T) -> T", lambda over, x: over("any_value", x.sql)),
        function("bool_and(boolean) -> boolean", lambda over, x: over("bool_and", x.sql)),
        function("bool_or(boolean) -> boolean", lambda over, x: over("bool_or", x.sql)),
        function("array_agg(T) -> array(T)", lambda over, x: over("list", x.sql)),
        function("map_agg(K, V) -> map(K, V)", _map_of),
        function("histogram(O) -> map(O, bigint)", _histogram, lambda b, _: _counts(b["O"])),
        function("listagg(varchar) -> varchar", _listed),
        function("listagg(varchar, varchar) -> varchar", _listed),
        # As many as there are: within the error of 2.3 % that is documented, as 0 % is.
        function("approx_distinct(T) -> bigint", lambda over, x: over("count", f"DISTINCT {x.sql}")),
        function("approx_percentile(W, double) -> W", _percentile),
        function("approx_percentile(double, double) -> double", _percentile),
        function("approx_percentile(W, array(double)) -> array(W)", _percentile),
        function("approx_percentile(double, array(double)) -> array(double)", _percentile),
        *(
            function(f"{name}(double) -> double", lambda over, x, known=known: over(known, x.sql))
            for name, known in {
                "stddev": "stddev_samp", "stddev_pop": "stddev_pop", "variance": "var_samp", "var_pop": "var_pop",
            }.items()
        ),
        *(
            function(f"bitwise_{word}_agg(bigint) -> bigint", lambda over, x, known=f"bit_{word}": over(known, x.sql))
            for word in ("and", "or", "xor")
        ),
    ),
    every="bool_and", any_value="arbitrary", stddev_samp="stddev", var_samp="variance",
)  # fmt: skip
ORDERED = {"array_agg", "listagg", "map_agg", "arbitrary", "any_value", "sum", "count", "min", "max"}
NOT_DISTINCT = {"map_agg", "min_by", "max_by", "approx_distinct", "approx_percentile", "histogram", "listagg"}
ALONE = {"approx_distinct", "approx_percentile", "listagg", "map_agg"}  # neither over a window, nor with DISTINCT


def _counts(of: Type) -> Type:
    return mapping(of, BIGINT)


def _shifted(name: str) -> Callable[..., str]:
    def write(over: Over, value: Value, offset: Value | None = None, default: Value | None = None) -> str:
        parts = [value.sql] + ([f"trino_offset({offset.sql})"] if offset else [])
        return over(name, *parts, *([default.sql] if default else []))

    return write


WINDOWS = table(
    *(
        function(f"{name}() -> {of}", lambda over, name=name: over(name))
        for name, of in {
            "row_number": "bigint", "rank": "bigint", "dense_rank": "bigint", "percent_rank": "double",
            "cume_dist": "double",
        }.items()
    ),
    function("ntile(bigint) -> bigint", lambda over, count: over("ntile", f"trino_buckets({count.sql})")),
    *(function(f"{name}(T) -> T", _shifted(name)) for name in ("lag", "lead", "first_value", "last_value")),
    *(function(f"{name}(T, bigint) -> T", _shifted(name)) for name in ("lag", "lead")),
    *(function(f"{name}(T, bigint, T) -> T", _shifted(name)) for name in ("lag", "lead")),
    function("nth_value(T, bigint) -> T", lambda over, x, place: over("nth_value", x.sql, f"trino_place({place.sql})")),
)  # fmt: skip
NEED_ORDER = {"lag", "lead"}
OF_FRAMES = {"first_value", "last_value", "nth_value"}
MAY_IGNORE_NULLS = {"lag", "lead", *OF_FRAMES}
