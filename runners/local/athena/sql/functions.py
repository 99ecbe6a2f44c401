"""Trino's scalar functions, as far as they are known here: what they take, what they give, and DuckDB's SQL for them.

What is not in ``SCALARS`` is refused by its name. A function that needs Trino's rules calls a macro of ``macros``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from runners.local.athena.sql.casts import NoCastError, cast, in_zone
from runners.local.athena.sql.errors import QueryError, not_run
from runners.local.athena.sql.operators import MILLISECONDS_OF_A_DAY, moved, refuse_comparison_of
from runners.local.athena.sql.patterns import Regex, json_path, pattern_of, replacement_of
from runners.local.athena.sql.signatures import Gives, Writes, also, function, table
from runners.local.athena.sql.times import Parts, joda_parts, mysql_parts, read_by, written_by, zone_of
from runners.local.athena.sql.types import (
    DATE,
    DAYS_TO_SECONDS,
    MOST_DIGITS,
    UNKNOWN,
    VARCHAR,
    YEARS_TO_MONTHS,
    Type,
    array,
    decimal,
    field_names,
    is_whole,
    row,
    stored,
    zoned,
)
from runners.local.athena.sql.values import Value, text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from runners.local.athena.sql.signatures import Bindings, Function

# The characters that Java calls whitespace, which trim() removes.
BLANKS = (
    "\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f "
    "\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2008\u2009\u200a\u2028\u2029\u205f\u3000"
)


def literal_of(value: Value, what: str) -> str:
    """Give the text of a literal, which a unit, a pattern, a zone and a path have to be."""
    if value.constant is None:
        raise not_run(f"{what} that is no literal")
    return value.constant


# Texts

_TEXTS = table(
    function("length(varchar) -> bigint", "length({0})"),
    function("length(varbinary) -> bigint", "octet_length({0})"),
    function("lower(C) -> C", "trino_lower({0})"),
    function("upper(C) -> C", "trino_upper({0})"),
    function("trim(C) -> C", f"trim({{0}}, {text(BLANKS)})"),
    function("ltrim(C) -> C", f"ltrim({{0}}, {text(BLANKS)})"),
    function("rtrim(C) -> C", f"rtrim({{0}}, {text(BLANKS)})"),
    function("trim(C, varchar) -> C", "trim({0}, {1})"),
    function("ltrim(C, varchar) -> C", "ltrim({0}, {1})"),
    function("rtrim(C, varchar) -> C", "rtrim({0}, {1})"),
    function("substr(C, bigint) -> C", "trino_substr({0}, {1})"),
    function("substr(C, bigint, bigint) -> C", "trino_substr_of_length({0}, {1}, {2})"),
    function("strpos(varchar, varchar) -> bigint", "trino_strpos({0}, {1})"),
    function("replace(varchar, varchar) -> varchar", "trino_replace({0}, {1}, '')"),
    function("replace(varchar, varchar, varchar) -> varchar", "trino_replace({0}, {1}, {2})"),
    function("reverse(C) -> C", "trino_reverse({0})"),
    function("reverse(array(E)) -> array(E)", "list_reverse({0})"),
    function("lpad(varchar, bigint, varchar) -> varchar", "trino_lpad({0}, {1}, {2})"),
    function("rpad(varchar, bigint, varchar) -> varchar", "trino_rpad({0}, {1}, {2})"),
    function("split(varchar, varchar) -> array(varchar)", "trino_split({0}, {1})"),
    function("split(varchar, varchar, bigint) -> array(varchar)", "trino_split_at_most({0}, {1}, {2})"),
    function("split_part(varchar, varchar, bigint) -> varchar", "trino_split_part({0}, {1}, {2})"),
    function("split_to_map(varchar, varchar, varchar) -> map(varchar, varchar)", "trino_split_to_map({0}, {1}, {2})"),
    function("starts_with(varchar, varchar) -> boolean", "starts_with({0}, {1})"),
    function("ends_with(varchar, varchar) -> boolean", "ends_with({0}, {1})"),
    function("chr(bigint) -> varchar", "trino_chr({0})"),
    function("codepoint(varchar) -> integer", "trino_codepoint({0})"),
    function("translate(varchar, varchar, varchar) -> varchar", "translate({0}, {1}, {2})"),
    function("concat_ws(varchar, varchar, ...) -> varchar", "concat_ws({all})"),
    function("concat_ws(varchar, array(varchar)) -> varchar", lambda _, glue, items: _glued(items.sql, glue)),
    function("to_utf8(varchar) -> varbinary", "encode({0})"),
    function("from_utf8(varbinary) -> varchar", "decode({0})"),
    function("to_hex(varbinary) -> varchar", "hex({0})"),
    function("from_hex(varchar) -> varbinary", "unhex({0})"),
    function("to_base64(varbinary) -> varchar", "to_base64({0})"),
    function("from_base64(varchar) -> varbinary", "from_base64({0})"),
    function("md5(varbinary) -> varbinary", "unhex(md5({0}))"),
    function("sha256(varbinary) -> varbinary", "unhex(sha256({0}))"),
    function("concat(varchar, varchar, ...) -> varchar", lambda _, *parts: _concatenated(parts, "({} || {})")),
    function("concat(varbinary, varbinary, ...) -> varbinary", lambda _, *parts: _concatenated(parts, "({} || {})")),
    function(
        "concat(array(E), array(E), ...) -> array(E)", lambda _, *parts: _concatenated(parts, "list_concat({}, {})")
    ),
    function("concat(array(E), E) -> array(E)", "trino_append({0}, {1})"),
    function("concat(E, array(E)) -> array(E)", "trino_prepend({0}, {1})"),
    function("format(varchar, _, ...) -> varchar", lambda _, *parts: _formatted(parts)),
)


def _concatenated(parts: Sequence[Value], joined: str) -> str:
    """Join, where NULL makes all NULL: DuckDB takes a list that is NULL as an empty one."""
    made = parts[0].sql
    for part in parts[1:]:
        made = joined.format(made, part.sql)
    if joined.startswith("list"):
        present = " AND ".join(f"{part.sql} IS NOT NULL" for part in parts)
        return f"CASE WHEN {present} THEN {made} END"
    return made


_FORMAT = re.compile(
    r"%(?P<percent>%)|%(?P<zero>0?)(?P<width>\d*)(?:\.(?P<digits>\d+))?(?P<kind>[sdf])|(?P<text>[^%]+)|(?P<bad>%)"
)


def _formatted(parts: Sequence[Value]) -> str:
    pattern, values = literal_of(parts[0], "a pattern of format()"), list(parts[1:])
    made = []
    for found in _FORMAT.finditer(pattern):
        if found["percent"] or found["text"]:
            made.append(text(found["percent"] or found["text"]))
            continue
        if found["bad"] or not values or (found["width"] and (found["kind"], found["zero"]) != ("d", "0")):
            raise not_run(f"format() with the pattern {pattern!r}")
        made.append(_formatted_value(values.pop(0), found, pattern))
    return f"({' || '.join(made) or text('')})"


def _formatted_value(value: Value, found: re.Match[str], pattern: str) -> str:
    kind, of = found["kind"], value.type
    if kind == "s" and (of.name in ("varchar", "boolean", "decimal", "date") or is_whole(of)):
        return f"coalesce({cast(value, VARCHAR).sql}, 'null')"
    if kind == "d" and is_whole(of):
        written = f"CAST({value.sql} AS VARCHAR)"
        return f"coalesce(trino_zeros({written}, {found['width'] or 0}), 'null')"
    if kind == "f" and of.name in ("decimal", "real", "double"):
        wanted = decimal(MOST_DIGITS, int(found["digits"] or 6))
        exact = value.sql if of.name == "decimal" else f"trino_shortest({value.sql})"
        return f"coalesce(CAST(CAST({exact} AS {stored(wanted)}) AS VARCHAR), 'null')"
    raise not_run(f"format() of {of} with the pattern {pattern!r}")


# Regular expressions


def _matched(value: Value, pattern: Value, *, finds_all: bool) -> tuple[str, Regex]:
    """Check a regular expression, and let the text be checked when it is matched."""
    regex = pattern_of(literal_of(pattern, "a regular expression"), finds_all=finds_all)
    return f"trino_matched({value.sql}, {text(regex.forbidden)})", regex


def _is_like(_: Bindings, value: Value, pattern: Value) -> str:
    matched, regex = _matched(value, pattern, finds_all=False)
    return f"regexp_matches({matched}, {text(regex.written)})"


def _parted(_: Bindings, value: Value, pattern: Value) -> str:
    matched, regex = _matched(value, pattern, finds_all=True)
    return f"regexp_split_to_array({matched}, {text(regex.written)})"


def _replaced(_: Bindings, value: Value, pattern: Value, replacement: Value | None = None) -> str:
    matched, regex = _matched(value, pattern, finds_all=True)
    by = replacement_of(literal_of(replacement, "a replacement"), regex.groups) if replacement else ""
    return f"regexp_replace({matched}, {text(regex.written)}, {text(by)}, 'g')"


def _first_group(_: Bindings, value: Value, pattern: Value, group: Value | None = None) -> str:
    return f"({_groups(value, pattern, group, finds_all=False)})[1]"


def _all_groups(_: Bindings, value: Value, pattern: Value, group: Value | None = None) -> str:
    return _groups(value, pattern, group, finds_all=True)


def _groups(value: Value, pattern: Value, group: Value | None, *, finds_all: bool) -> str:
    """All matches: DuckDB's function for one takes a group that takes part in no match for an empty text."""
    matched, regex = _matched(value, pattern, finds_all=finds_all)
    number = f"trino_group({group.sql}, {regex.groups})" if group else "0"
    return f"regexp_extract_all({matched}, {text(regex.written)}, {number})"


_PATTERNS = table(
    function("regexp_like(varchar, varchar) -> boolean", _is_like),
    function("regexp_extract(varchar, varchar) -> varchar", _first_group),
    function("regexp_extract(varchar, varchar, bigint) -> varchar", _first_group),
    function("regexp_extract_all(varchar, varchar) -> array(varchar)", _all_groups),
    function("regexp_extract_all(varchar, varchar, bigint) -> array(varchar)", _all_groups),
    function("regexp_count(varchar, varchar) -> bigint", lambda _, x, y: f"len({_all_groups(_, x, y)})"),
    function("regexp_replace(varchar, varchar) -> varchar", _replaced),
    function("regexp_replace(varchar, varchar, varchar) -> varchar", _replaced),
    function("regexp_split(varchar, varchar) -> array(varchar)", _parted),
)

# Numbers


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

_NUMBERS = table(
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


# Times

_MILLISECONDS = {"millisecond": 1, "second": 1000, "minute": 60_000, "hour": 3_600_000}
_DAYS = {"day": 1, "week": 7}
_MONTHS = {"month": 1, "quarter": 3, "year": 12}


def _unit(value: Value, of: Type) -> str:
    unit = literal_of(value, "a unit of time").lower()
    if unit not in (*_MILLISECONDS, *_DAYS, *_MONTHS) or (of == DATE and unit in _MILLISECONDS):
        kind = "DATE" if of == DATE else "TIMESTAMP"
        raise QueryError("INVALID_FUNCTION_ARGUMENT", f"'{unit}' is not a valid {kind} field")
    return unit


def _truncated(_: Bindings, unit_of: Value, moment: Value) -> str:
    unit = _unit(unit_of, moment.type)
    if moment.type.name != "timestamp with time zone":
        return f"CAST(date_trunc({text(unit)}, {moment.sql}) AS {stored(moment.type)})"
    if unit in _MILLISECONDS and moment.type.zone != "UTC":
        raise not_run(f"date_trunc({unit!r}, …) in another zone than UTC")
    return f"(date_trunc({text(unit)}, {in_zone(moment)}) AT TIME ZONE {text(moment.type.zone)})"


def _added(_: Bindings, unit_of: Value, count: Value, moment: Value) -> str:
    unit = _unit(unit_of, moment.type)
    if unit in _MONTHS:
        return moved(moment, f"({count.sql} * {_MONTHS[unit]})", YEARS_TO_MONTHS).sql
    if unit in _DAYS and moment.type == DATE:
        return f"CAST({moment.sql} + CAST({count.sql} * {_DAYS[unit]} AS INTEGER) AS DATE)"
    if unit in _DAYS and moment.type.zone not in ("", "UTC"):
        raise not_run(f"date_add({unit!r}, …) in another zone than UTC")
    milliseconds = _MILLISECONDS.get(unit) or _DAYS[unit] * MILLISECONDS_OF_A_DAY
    return moved(moment, f"({count.sql} * {milliseconds})", DAYS_TO_SECONDS).sql


def _difference(_: Bindings, unit_of: Value, start: Value, end: Value) -> str:
    unit = _unit(unit_of, start.type)
    if unit in _MONTHS:
        return f"datesub({text(unit)}, {in_zone(start)}, {in_zone(end)})"
    if unit in _DAYS:
        difference = f"epoch_ms({in_zone(end)}) - epoch_ms({in_zone(start)})"
        return f"(({difference}) // {_DAYS[unit] * MILLISECONDS_OF_A_DAY})"
    return f"((epoch_ms({end.sql}) - epoch_ms({start.sql})) // {_MILLISECONDS[unit]})"


def _part(name: str) -> Writes:
    return lambda _, moment: f"CAST({name}({in_zone(moment)}) AS BIGINT)"


def _written(moment: Value, pattern: Value, taken_apart: Callable[[str], Parts]) -> str:
    return written_by(in_zone(moment), taken_apart(literal_of(pattern, "a pattern of dates")))


def _read(value: Value, pattern: Value, taken_apart: Callable[[str], Parts], *, pivots: bool) -> str:
    written = literal_of(pattern, "a pattern of dates")
    return read_by(value.sql, taken_apart(written), written, pivots=pivots)


def _zoned(bindings: Bindings, values: Sequence[Value]) -> Type:
    digits = bindings["Z"].size[0] if "Z" in bindings else 3
    return zoned(digits, zone_of(literal_of(values[-1], "a time zone")))


def _at_zone(_: Bindings, moment: Value, zone: Value) -> str:
    del zone  # it says only how the moment is shown
    return moment.sql if moment.type.zone else f"({moment.sql} AT TIME ZONE 'UTC')"


def _unit_added_type(bindings: Bindings, values: Sequence[Value]) -> Type:
    of = bindings["M"]
    unit = (values[0].constant or "").lower()
    if of.name == "timestamp" and unit == "millisecond":
        return Type("timestamp", size=(max(of.size[0], 3),))
    return of


_DATE_PARTS = {"year": "year", "quarter": "quarter", "month": "month", "week": "week", "day": "day",
               "day_of_week": "isodow", "day_of_year": "dayofyear", "year_of_week": "isoyear"}  # fmt: skip
_TIME_PARTS = {"hour": "hour", "minute": "minute", "second": "second"}

_TIMES = table(
    *(function(f"{name}(M) -> bigint", _part(known)) for name, known in _DATE_PARTS.items()),
    *(function(f"{name}(Z) -> bigint", _part(known)) for name, known in _TIME_PARTS.items()),
    function("millisecond(Z) -> bigint", lambda _, x: f"CAST(millisecond({in_zone(x)}) % 1000 AS BIGINT)"),
    function("date_trunc(varchar, M) -> M", _truncated),
    function("date_add(varchar, bigint, M) -> M", _added, _unit_added_type),
    function("date_diff(varchar, M, M) -> bigint", _difference),
    function("date(M) -> date", lambda _, moment: cast(moment, DATE).sql),
    function("date(varchar) -> date", "trino_date({0})"),
    function("last_day_of_month(M) -> date", lambda _, moment: f"last_day({cast(moment, DATE).sql})"),
    function("date_format(M, varchar) -> varchar", lambda _, x, f: _written(x, f, mysql_parts)),
    function("format_datetime(M, varchar) -> varchar", lambda _, x, f: _written(x, f, joda_parts)),
    function("date_parse(varchar, varchar) -> timestamp",
             lambda _, x, f: _read(x, f, mysql_parts, pivots=True)),
    function("parse_datetime(varchar, varchar) -> timestamp with time zone",
             lambda _, x, f: f"({_read(x, f, joda_parts, pivots=False)} AT TIME ZONE 'UTC')"),
    function("from_unixtime(double) -> timestamp with time zone", "trino_from_unixtime({0})"),
    function("from_unixtime(double, varchar) -> timestamp with time zone", "trino_from_unixtime({0})", _zoned),
    function("to_unixtime(Z) -> double", "(epoch_us({0}) / 1000000e0)"),
    function("at_timezone(Z, varchar) -> timestamp with time zone", _at_zone, _zoned),
    function("with_timezone(timestamp, varchar) -> timestamp with time zone",
             lambda _, x, zone: f"({x.sql} AT TIME ZONE {text(zone_of(literal_of(zone, 'a time zone')))})",
             lambda _, values: zoned(values[0].type.size[0], zone_of(literal_of(values[1], "a time zone")))),
    function("from_iso8601_timestamp(varchar) -> timestamp with time zone", "trino_iso8601({0})"),
    function("from_iso8601_date(varchar) -> date", "trino_iso8601_date({0})"),
    function("to_iso8601(M) -> varchar", lambda _, x: _iso8601(x)),
    function("to_milliseconds(interval day to second) -> bigint", "{0}"),
    function("now() -> timestamp with time zone", "trino_rounded(get_current_timestamp(), 1000)"),
    function("current_timezone() -> varchar", "'UTC'"),
)  # fmt: skip


def _iso8601(value: Value) -> str:
    if value.type == DATE:
        return f"strftime({value.sql}, '%Y-%m-%d')"
    digits = value.type.size[0]
    if value.type.zone not in ("", "UTC"):
        raise not_run("to_iso8601() in another zone than UTC")
    fraction = f" || '.' || left(strftime({in_zone(value)}, '%f'), {digits})" if digits else ""
    zone = " || 'Z'" if value.type.zone else ""
    return f"(strftime({in_zone(value)}, '%Y-%m-%dT%H:%M:%S'){fraction}{zone})"


# Arrays and maps


def _joined(_: Bindings, items: Value, delimiter: Value, instead: Value | None = None) -> str:
    element = items.type.arguments[0]
    if element.arguments:
        raise not_run(f"array_join() of {items.type}")
    try:
        written = turned_items(items, VARCHAR)
    except NoCastError:
        raise QueryError("FUNCTION_NOT_FOUND", f"array_join() takes no {items.type}") from None
    if instead is None:
        return _glued(written, delimiter)
    return _glued(f"list_transform({written}, lambda item: coalesce(item, {instead.sql}))", delimiter)


def _glued(items: str, glue: Value) -> str:
    """Join texts; DuckDB's own function takes nothing but a literal between them."""
    if glue.constant is None:
        return f"trino_array_join({items}, {glue.sql})"
    return f"CASE WHEN {items} IS NOT NULL THEN coalesce(array_to_string({items}, {text(glue.constant)}), '') END"


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


_ARRAYS = table(
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
    function("map_concat(map(K, V), map(K, V), ...) -> map(K, V)", "map_concat({all})"),
)  # fmt: skip

# With lambdas: the SQL of one is a pair of its variables and its body, see ``calls``.
_LAMBDAS = table(
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


# JSON


def _extracted(called: str) -> Writes:
    return lambda _, document, path: f"{called}({document.sql}, {text(json_path(literal_of(path, 'a path of JSON')))})"


_JSON = table(
    *(function(f"json_extract({of}, varchar) -> json", _extracted("trino_json_extract")) for of in ("varchar", "json")),
    *(
        function(f"json_extract_scalar({of}, varchar) -> varchar", _extracted("trino_json_scalar"))
        for of in ("varchar", "json")
    ),
    *(function(f"json_array_length({of}) -> bigint", "trino_json_array_length({0})") for of in ("varchar", "json")),
    function("json_parse(varchar) -> json", "trino_json_parse({0})"),
    function("json_format(json) -> varchar", "{0}"),
    function("is_json_scalar(json) -> boolean", "(json_type({0}) NOT IN ('OBJECT', 'ARRAY'))"),
)  # fmt: skip

SCALARS = also(
    {**_TEXTS, **_PATTERNS, **_NUMBERS, **_TIMES, **_ARRAYS, **_LAMBDAS, **_JSON},
    ceil="ceiling", substring="substr", pow="power", rand="random", day_of_month="day", dow="day_of_week",
    doy="day_of_year", week_of_year="week", yow="year_of_week", position="strpos",
)  # fmt: skip
