"""Trino's functions of dates, timestamps and intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runners.local.athena.sql.casts import cast, in_zone
from runners.local.athena.sql.errors import QueryError, not_run
from runners.local.athena.sql.operators import MILLISECONDS_OF_A_DAY, moved
from runners.local.athena.sql.signatures import Writes, function, table
from runners.local.athena.sql.times import Parts, joda_parts, mysql_parts, read_by, written_by, zone_of
from runners.local.athena.sql.types import (
    DATE,
    DAYS_TO_SECONDS,
    YEARS_TO_MONTHS,
    Type,
    stored,
    zoned,
)
from runners.local.athena.sql.values import Value, literal_of, text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from runners.local.athena.sql.signatures import Bindings

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

TIMES = table(
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
