"""Turns a value of one type into one of another, asked by CAST or not, by Trino's rules.

DuckDB's casts take more than Trino's (``'1e3'`` and ``'1_000'`` are whole numbers to it) and round otherwise. What
Trino does not cast is an error here as there; what the two would write differently is refused by its name.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING

from runners.local.athena.sql.errors import not_run
from runners.local.athena.sql.types import (
    JSON,
    UNKNOWN,
    VARCHAR,
    Type,
    field_names,
    quoted,
    stored,
)
from runners.local.athena.sql.values import Value, text

if TYPE_CHECKING:
    from collections.abc import Callable

FLOATING = ("real", "double")
MOMENTS = ("date", "timestamp", "timestamp with time zone")
FIRST_YEAR = 1000  # before, the two write years differently


class NoCastError(Exception):
    """Trino has no such cast; who asked for it says where."""


def turned(value: Value, to: Type) -> Value:
    """Turn a value into a type that it turns into without being asked, see ``types.turns_into``."""
    if value.type == to or (value.type.name == to.name == "varchar"):
        return Value(value.sql, to, value.constant)
    return cast(value, to)


def cast(value: Value, to: Type) -> Value:
    """Cast a value; raises ``NoCastError`` where Trino has no such cast."""
    source = value.type
    if source == UNKNOWN:
        return Value(f"CAST(NULL AS {stored(to)})", to)
    if source == to:
        return value
    if "char" in (source.name, to.name):
        return _of_char(value, to)
    if JSON in (source, to):
        return Value(_from_json(value.sql, to) if source == JSON else _to_json(value.sql, source), to)
    if source.arguments or to.arguments:
        return Value(_of_parts(value, to), to)
    for sources, targets, write in _RULES:
        if source.name in sources and to.name in targets:
            return Value(write(value, to), to, value.constant if source.name == to.name == "varchar" else None)
    raise NoCastError


def _of_char(value: Value, to: Type) -> Value:
    if value.type.name == "char" and to == VARCHAR:
        return Value(value.sql, VARCHAR)  # with the blanks that a char is padded with
    raise not_run("a char(n) other than as it is read", "cast it to varchar")


# Texts


def _cut(value: Value, to: Type) -> str:
    length = value.type.size
    if not to.size or (length and length <= to.size):
        return value.sql
    return f"left({value.sql}, {to.size[0]})"


def _from_text(value: Value, to: Type) -> str:
    if to.name in ("date", "timestamp") and value.constant is not None and _is_moment(value.constant, to):
        return f"CAST({text(value.constant)} AS {stored(to)})"
    if to.name == "decimal":
        return f"CAST(trino_decimal_text({value.sql}, {text(str(to).upper())}) AS {stored(to)})"
    if to.name == "timestamp":
        return rounded(f"trino_timestamp({value.sql})", to.size[0])
    if to.name == "timestamp with time zone":
        return rounded(f"trino_timestamp_in_utc({value.sql})", to.size[0])
    return f"trino_{to.name}({value.sql})"


def _is_moment(written: str, to: Type) -> bool:
    """Whether a literal is a plain date or time, which DuckDB may read once and for all."""
    try:
        read = date.fromisoformat(written) if to.name == "date" else datetime.fromisoformat(written)
    except ValueError:
        return False
    pattern = "%Y-%m-%d" if to.name == "date" else "%Y-%m-%d %H:%M:%S"
    return read.strftime(pattern) == written and read.year >= FIRST_YEAR


def _whole_to_text(value: Value, to: Type) -> str:
    return _fitting(f"CAST({value.sql} AS VARCHAR)", value, to)


def _fitting(written: str, value: Value, to: Type) -> str:
    """Fail where a text is longer than its type says, as Trino does for what is no text before."""
    return f"trino_fitting({written}, {to.size[0]}, {text(str(value.type))})" if to.size else written


def _floating_to_text(value: Value, to: Type) -> str:
    raise not_run(
        f"CAST({value.type} AS {to})",
        "how it is written depends on Trino's version; cast to a decimal first, or use format()",
    )


def _moment_to_text(value: Value, to: Type) -> str:
    return _fitting(written_moment(value), value, to)


def written_moment(value: Value) -> str:
    """Write a date or a timestamp as Trino casts it to a text."""
    if value.type.name == "date":
        return f"strftime({value.sql}, '%Y-%m-%d')"
    digits = value.type.size[0]
    local = in_zone(value)
    fraction = f" || '.' || left(strftime({local}, '%f'), {digits})" if digits else ""
    zone = f" || {text(' ' + value.type.zone)}" if value.type.zone else ""
    return f"(strftime({local}, '%Y-%m-%d %H:%M:%S'){fraction}{zone})"


def _interval_to_text(value: Value, to: Type) -> str:
    raise not_run(f"CAST({value.type} AS {to})")


# Numbers


def _number_to_whole(value: Value, to: Type) -> str:
    if value.type.name in FLOATING:
        return f"trino_{to.name}_of_double(CAST({value.sql} AS DOUBLE))"
    return f"CAST({value.sql} AS {stored(to)})"


def _number_to_decimal(value: Value, to: Type) -> str:
    """Round half up; floating point by all of its digits, which DuckDB would round by before."""
    if value.type.name in FLOATING:
        return f"CAST(trino_digits({value.sql}, {text(str(to))}) AS {stored(to)})"
    return f"CAST({value.sql} AS {stored(to)})"


def _number_to_floating(value: Value, to: Type) -> str:
    if value.type.name == "decimal":  # DuckDB would divide, and be off by a bit
        return f"CAST(CAST({value.sql} AS VARCHAR) AS {stored(to)})"
    return f"CAST({value.sql} AS {stored(to)})"


def _number_to_boolean(value: Value, _: Type) -> str:
    return f"({value.sql} <> 0)"


def _boolean_to_number(value: Value, to: Type) -> str:
    return f"CAST(CAST({value.sql} AS INTEGER) AS {stored(to)})"


def _boolean_to_text(value: Value, to: Type) -> str:
    return _fitting(f"CAST({value.sql} AS VARCHAR)", value, to)


# Times


def rounded(moment: str, digits: int) -> str:
    """Round a timestamp of DuckDB's to so many digits of its second, half up."""
    return moment if digits >= 6 else f"trino_rounded({moment}, {10 ** (6 - digits)})"  # noqa: PLR2004 - microseconds


def in_zone(value: Value) -> str:
    """Give the wall clock's time of a date or a timestamp; of one with a zone, there."""
    if value.type.name == "timestamp with time zone":
        return f"({value.sql} AT TIME ZONE {text(value.type.zone)})"
    return value.sql if value.type.name == "timestamp" else f"CAST({value.sql} AS TIMESTAMP)"


def _moment_to_moment(value: Value, to: Type) -> str:
    if to.name == "date":
        return f"CAST({in_zone(value)} AS DATE)"
    digits = value.type.size[0] if value.type.size else 0
    if to.name == "timestamp":
        made = in_zone(value)
    elif value.type.name == "timestamp with time zone":
        made = value.sql
    else:
        made = f"({in_zone(value)} AT TIME ZONE 'UTC')"
    return rounded(made, to.size[0]) if digits > to.size[0] else made


# Arrays, maps and rows


def _of_parts(value: Value, to: Type) -> str:
    source = value.type
    if source.name != to.name or len(source.arguments) != len(to.arguments):
        raise NoCastError
    if stored(source) == stored(to) and all(
        one == other or (one.name == other.name == "varchar" and not other.size)
        for one, other in zip(source.arguments, to.arguments, strict=True)
    ):
        return value.sql
    if source.name == "row":
        return _row(value, to)
    name = f"part{_depth(source)}"
    if source.name == "array":
        part = cast(Value(name, source.arguments[0]), to.arguments[0])
        return f"list_transform({value.sql}, lambda {name}: {part.sql})"
    key = cast(Value(f"{name}.key", source.arguments[0]), to.arguments[0])
    item = cast(Value(f"{name}.value", source.arguments[1]), to.arguments[1])
    made = f"list_transform(map_entries({value.sql}), lambda {name}: struct_pack(k := {key.sql}, v := {item.sql}))"
    return f"map_from_entries({made})"


def _row(value: Value, to: Type) -> str:
    parts = [
        cast(Value(f"struct_extract({value.sql}, {text(name)})", of), wanted)
        for name, of, wanted in zip(field_names(value.type), value.type.arguments, to.arguments, strict=True)
    ]
    packed = ", ".join(f"{quoted(name)} := {part.sql}" for name, part in zip(field_names(to), parts, strict=True))
    return f"CASE WHEN {value.sql} IS NOT NULL THEN struct_pack({packed}) END"


def _depth(of: Type) -> int:
    return 1 + max((_depth(part) for part in of.arguments), default=0)


# JSON, kept as its text


def _to_json(sql: str, source: Type) -> str:  # noqa: PLR0911 - one a type
    match source.name:
        case "boolean" | "tinyint" | "smallint" | "integer" | "bigint" | "decimal":
            return f"CAST({sql} AS VARCHAR)"
        case "varchar":
            return f"CAST(to_json({sql}) AS VARCHAR)"
        case "double":
            return f"trino_json_of_double({sql})"
        case "date" | "timestamp":
            return f"('\"' || {written_moment(Value(sql, source))} || '\"')"
        case "array":
            name = f"part{_depth(source)}"
            item = f"coalesce({_to_json(name, source.arguments[0])}, 'null')"
            return f"('[' || array_to_string(list_transform({sql}, lambda {name}: {item}), ',') || ']')"
        case "map" if source.arguments[0].name == "varchar":
            name = f"part{_depth(source)}"
            item = f"coalesce({_to_json(f'{name}.value', source.arguments[1])}, 'null')"
            pair = f"CAST(to_json({name}.key) AS VARCHAR) || ':' || {item}"
            entries = f"list_sort(map_entries({sql}))"
            return f"('{{' || array_to_string(list_transform({entries}, lambda {name}: {pair}), ',') || '}}')"
        case "row" if all(source.fields):
            fields = zip(source.fields, source.arguments, strict=True)
            pairs = [
                f"{text(_json_key(name))} || coalesce({_to_json(f'struct_extract({sql}, {text(name)})', of)}, 'null')"
                for name, of in fields
                if name is not None
            ]
            joined = " || ',' || ".join(pairs)
            return f"CASE WHEN {sql} IS NOT NULL THEN '{{' || {joined} || '}}' END"
        case "real" | "map" | "row" | "timestamp with time zone":
            raise not_run(f"CAST({source} AS json)")
    raise NoCastError


def _json_key(name: str | None) -> str:
    escaped = (name or "").replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}":'


def _from_json(sql: str, to: Type) -> str:
    match to.name:
        case "boolean" | "tinyint" | "smallint" | "integer" | "bigint" | "double" | "varchar":
            made = f"trino_json_as_{to.name}({sql})"
            return f"trino_fitting({made}, {to.size[0]}, 'json')" if to.size else made
        case "json":  # within an array or a map, where null is a value of JSON
            return f"coalesce({sql}, 'null')"
        case "array":
            name = f"part{_depth(to)}"
            item = _from_json(f"CAST({name} AS VARCHAR)", to.arguments[0])
            return f"list_transform(trino_json_items({sql}), lambda {name}: {item})"
        case "map" if to.arguments[0].name == "varchar":
            name = f"part{_depth(to)}"
            item = _from_json(f"CAST({name}.value AS VARCHAR)", to.arguments[1])
            entry = f"struct_pack(k := {name}.key, v := {item})"
            return f"map_from_entries(list_transform(map_entries(trino_json_fields({sql})), lambda {name}: {entry}))"
        case "row" if all(to.fields):
            return _row_from_json(sql, to)
        case "real" | "decimal" | "map" | "row" | "date" | "timestamp":
            raise not_run(f"CAST(json AS {to})", "cast to a type of JSON's own, and from there on")
    raise NoCastError


def _row_from_json(sql: str, to: Type) -> str:
    fields = f"trino_json_fields({sql})"
    parts = [
        f"{quoted(name)} := {_from_json(f'CAST({fields}[{text(name)}] AS VARCHAR)', of)}"
        for name, of in zip(field_names(to), to.arguments, strict=True)
    ]
    return f"CASE WHEN {fields} IS NOT NULL THEN struct_pack({', '.join(parts)}) END"


_WHOLES = ("tinyint", "smallint", "integer", "bigint")
_NUMBERS = (*_WHOLES, "decimal", *FLOATING)
# (from which types, to which, how)
_RULES: tuple[tuple[tuple[str, ...], tuple[str, ...], Callable[[Value, Type], str]], ...] = (
    (("varchar",), ("varchar",), _cut),
    (("varchar",), ("boolean", *_NUMBERS, *MOMENTS), _from_text),
    (("varchar",), ("varbinary",), lambda value, _: f"encode({value.sql})"),
    ((*_WHOLES, "decimal"), ("varchar",), _whole_to_text),
    (FLOATING, ("varchar",), _floating_to_text),
    (MOMENTS, ("varchar",), _moment_to_text),
    (("interval day to second", "interval year to month"), ("varchar",), _interval_to_text),
    (_NUMBERS, _WHOLES, _number_to_whole),
    (_NUMBERS, ("decimal",), _number_to_decimal),
    (_NUMBERS, FLOATING, _number_to_floating),
    (_NUMBERS, ("boolean",), _number_to_boolean),
    (("boolean",), _NUMBERS, _boolean_to_number),
    (("boolean",), ("varchar",), _boolean_to_text),
    (MOMENTS, MOMENTS, _moment_to_moment),
)
