"""Trino's functions of arrays and maps, those with lambdas among them as far as they are like others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runners.local.athena.sql.casts import NoCastError, cast, in_zone
from runners.local.athena.sql.errors import QueryError, not_run
from runners.local.athena.sql.operators import refuse_comparison_of
from runners.local.athena.sql.signatures import Writes, function, table
from runners.local.athena.sql.text_functions import glued
from runners.local.athena.sql.types import (
    DATE,
    UNKNOWN,
    VARCHAR,
    YEARS_TO_MONTHS,
    Type,
    array,
    field_names,
    row,
    stored,
)
from runners.local.athena.sql.values import Value, text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runners.local.athena.sql.signatures import Bindings


def _joined(_: Bindings, items: Value, delimiter: Value, instead: Value | None = None) -> str:
    element = items.type.arguments[0]
    if element.arguments:
        raise not_run(f"array_join() of {items.type}")
    try:
        written = turned_items(items, VARCHAR)
    except NoCastError:
        raise QueryError("FUNCTION_NOT_FOUND", f"array_join() takes no {items.type}") from None
    if instead is None:
        return glued(written, delimiter)
    made = glued(f"list_transform({written}, lambda item: coalesce(item, {instead.sql}))", delimiter)
    return f"CASE WHEN {instead.sql} IS NOT NULL THEN {made} END"


def turned_items(items: Value, to: Type) -> str:
    """Cast the elements of an array."""
    return (
        cast(items, array(to)).sql
        if items.type.arguments[0] != UNKNOWN
        else f"CAST({items.sql} AS {stored(array(to))})"
    )


def _comparable(written: str) -> Writes:
    def write(_: Bindings, *values: Value) -> str:
        for value in values:
            of = value.type.arguments[0] if value.type.name == "array" else value.type
            refuse_comparison_of(of)
            if of.name in ("row", "array", "real", "double"):
                raise not_run(f"a search in arrays of {of}")
        return written.format(*(value.sql for value in values))

    return write


def _maps_together(_: Bindings, *values: Value) -> str:
    present = " AND ".join(f"{value.sql} IS NOT NULL" for value in values)
    return f"CASE WHEN {present} THEN map_concat({', '.join(value.sql for value in values)}) END"


def _zipped(_: Bindings, *values: Value) -> str:
    longest = f"greatest({', '.join(f'len({value.sql})' for value in values)})"
    fields = ", ".join(f"field{place} := ({value.sql})[i]" for place, value in enumerate(values))
    present = " AND ".join(f"{value.sql} IS NOT NULL" for value in values)
    return (
        f"CASE WHEN {present} THEN list_transform(generate_series(1, {longest}), lambda i: struct_pack({fields})) END"
    )


def _zipped_type(_: Bindings, values: Sequence[Value]) -> Type:
    return array(row((None, value.type.arguments[0] if value.type.arguments else UNKNOWN) for value in values))


def _from_entries(_: Bindings, entries: Value) -> str:
    key, value = field_names(entries.type.arguments[0])
    entry = f"struct_pack(k := struct_extract(entry, {text(key)}), v := struct_extract(entry, {text(value)}))"
    return f"trino_map(list_transform({entries.sql}, lambda entry: {entry}))"


def _entries(_: Bindings, entries: Value) -> str:
    entry = "struct_pack(field0 := entry.key, field1 := entry.value)"
    return f"list_transform(map_entries({entries.sql}), lambda entry: {entry})"


def _sequence(_: Bindings, start: Value, stop: Value, step: Value | None = None) -> str:
    if start.type.name == "bigint":
        by = step.sql if step else f"CASE WHEN {start.sql} <= {stop.sql} THEN 1 ELSE -1 END"
        return f"trino_sequence({start.sql}, {stop.sql}, {by})"
    if start.type.name not in ("date", "timestamp") or (step is None and start.type != DATE):
        raise not_run(f"sequence() of {start.type}")
    one = "CAST(86400000 AS BIGINT)"
    by = step.sql if step else f"CASE WHEN {start.sql} <= {stop.sql} THEN {one} ELSE - {one} END"
    unit = "months" if step and step.type == YEARS_TO_MONTHS else "milliseconds"
    series = f"trino_sequence_of_{unit}({in_zone(start)}, {in_zone(stop)}, {by})"
    return f"CAST({series} AS DATE[])" if start.type == DATE else series


_COLLECTIONS = table(
    function("$subscript(array(E), bigint) -> E", "trino_subscript({0}, {1})"),
    function("$subscript(map(K, V), K) -> V", lambda _, m, key: f"trino_entry({m.sql}, {key.sql}, {_shown(key)})"),
    function("element_at(array(E), bigint) -> E", "trino_element_at({0}, {1})"),
    function("element_at(map(K, V), K) -> V", "({0})[{1}]"),
    function("cardinality(array(E)) -> bigint", "len({0})"),
    function("cardinality(map(K, V)) -> bigint", "CAST(cardinality({0}) AS BIGINT)"),
    function("contains(array(E), E) -> boolean", _comparable("trino_contains({0}, {1})")),
    function("array_position(array(E), E) -> bigint", _comparable("trino_position({0}, {1})")),
    function("array_remove(array(E), E) -> array(E)", _comparable("trino_remove({0}, {1})")),
    function("array_distinct(array(E)) -> array(E)", _comparable("trino_distinct({0})")),
    function("array_union(array(E), array(E)) -> array(E)", _comparable("trino_union({0}, {1})")),
    function("array_intersect(array(E), array(E)) -> array(E)", _comparable("trino_intersect({0}, {1})")),
    function("array_except(array(E), array(E)) -> array(E)", _comparable("trino_except({0}, {1})")),
    function("arrays_overlap(array(E), array(E)) -> boolean", _comparable("trino_overlap({0}, {1})")),
    function("array_max(array(E)) -> E", _comparable("trino_array_extreme({0}, list_max({0}))")),
    function("array_min(array(E)) -> E", _comparable("trino_array_extreme({0}, list_min({0}))")),
    function("array_sort(array(O)) -> array(O)", "list_sort({0}, 'ASC', 'NULLS LAST')"),
    function("array_join(array(E), varchar) -> varchar", _joined),
    function("array_join(array(E), varchar, varchar) -> varchar", _joined),
    function("flatten(array(array(E))) -> array(E)", "flatten({0})"),
    function("repeat(E, bigint) -> array(E)", "list_transform(trino_range({1}), lambda i: {0})"),
    function("slice(array(E), bigint, bigint) -> array(E)", "trino_slice({0}, {1}, {2})"),
    function("trim_array(array(E), bigint) -> array(E)", "trino_trim_array({0}, {1})"),
    function("sequence(bigint, bigint) -> array(bigint)", _sequence),
    function("sequence(bigint, bigint, bigint) -> array(bigint)", _sequence),
    function("sequence(M, M) -> array(M)", _sequence),
    function("sequence(M, M, interval day to second) -> array(M)", _sequence),
    function("sequence(M, M, interval year to month) -> array(M)", _sequence),
    function("zip(array(_), ...) -> array(unknown)", _zipped, _zipped_type),
    function("map() -> map(unknown, unknown)", "CAST(MAP {{}} AS MAP(INTEGER, INTEGER))"),
    function("map(array(K), array(V)) -> map(K, V)", "trino_map_of_arrays({0}, {1})"),
    function("map_from_entries(array(row(K, V))) -> map(K, V)", _from_entries),
    function("map_entries(map(K, V)) -> array(row(K, V))", _entries),
    function("map_keys(map(K, V)) -> array(K)", "map_keys({0})"),
    function("map_values(map(K, V)) -> array(V)", "map_values({0})"),
    function("map_concat(map(K, V), map(K, V), ...) -> map(K, V)", _maps_together),
)  # fmt: skip

# With lambdas: the SQL of one is a pair of its variables and its body, see ``calls``.
_WITH_LAMBDAS = table(
    function("transform(array(T), function(T, U)) -> array(U)", "list_transform({0}, {1})"),
    function("filter(array(T), function(T, boolean)) -> array(T)", "list_filter({0}, {1})"),
    function("any_match(array(T), function(T, boolean)) -> boolean", "trino_any(list_transform({0}, {1}))"),
    function("all_match(array(T), function(T, boolean)) -> boolean", "trino_all(list_transform({0}, {1}))"),
    function("none_match(array(T), function(T, boolean)) -> boolean", "(NOT trino_any(list_transform({0}, {1})))"),
)


def _shown(key: Value) -> str:
    try:
        return cast(key, VARCHAR).sql if key.type.name not in ("real", "double") else text("?")
    except NoCastError:
        return text("?")


COLLECTIONS = {**_COLLECTIONS, **_WITH_LAMBDAS}
