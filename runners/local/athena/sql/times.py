"""Literals of time, and the patterns that dates are read and written by: MySQL's and Joda's, for DuckDB.

A pattern is a literal here, so that each part of it can be checked; a part that DuckDB reads or writes otherwise is
refused by its name.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from runners.local.athena.sql.errors import QueryError, not_run
from runners.local.athena.sql.types import DAYS_TO_SECONDS, MOST_FRACTION_DIGITS, YEARS_TO_MONTHS, Type, zoned
from runners.local.athena.sql.values import Value, text

if TYPE_CHECKING:
    from sqlglot import exp

_TIMESTAMP = re.compile(
    r"\s*(\d{4}-\d{1,2}-\d{1,2})(?: "
    r"(\d{1,2}:\d{1,2})(?::(\d{1,2})(?:\.(\d+))?)?)?\s*(?:([+-]\d{2}:?\d{2}|[A-Za-z].*))?\s*"
)
_OFFSET = re.compile(r"([+-])(\d{2}):?(\d{2})")


def timestamp_literal(written: str, at: str) -> Value:
    """Read TIMESTAMP '2024-01-31 10:00:00.5 Europe/Zurich': its text says how many digits it has, and its zone."""
    found = _TIMESTAMP.fullmatch(written)
    digits = len(found[4] or "") if found else 0
    if found is None or (found[5] and not found[2]):
        raise QueryError("INVALID_LITERAL", f"{at}'{written}' is not a valid TIMESTAMP literal")
    if digits > MOST_FRACTION_DIGITS:
        raise not_run(f"{at}TIMESTAMP with {digits} digits of a second")
    fraction = f".{found[4]}" if found[4] else ""
    clock = f"{found[1]} {found[2] or '00:00'}:{found[3] or '00'}{fraction}"
    local = f"CAST({text(clock)} AS TIMESTAMP)"
    try:
        datetime.strptime(clock.partition(".")[0], "%Y-%m-%d %H:%M:%S")  # noqa: DTZ007 - the zone comes after
    except ValueError:
        raise QueryError("INVALID_LITERAL", f"{at}'{written}' is not a valid TIMESTAMP literal") from None
    if not found[5]:
        return Value(local, Type("timestamp", size=(digits,)))
    zone = zone_of(found[5].strip(), at)
    return Value(f"({local} AT TIME ZONE {text(zone)})", zoned(digits, zone))


def zone_of(written: str, at: str = "") -> str:
    """Check the name of a time zone; offsets other than that of UTC have no name that DuckDB knows."""
    offset = _OFFSET.fullmatch(written)
    if written.upper() in ("UTC", "Z", "GMT", "ETC/UTC") or (offset and offset[2] == offset[3] == "00"):
        return "UTC"
    if offset is not None:
        raise not_run(f"{at}the time zone {written}", "name the zone by its region, e.g. Europe/Zurich")
    try:
        ZoneInfo(written)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise QueryError("INVALID_LITERAL", f"{at}'{written}' is not a valid time zone") from None
    return written


_MILLISECONDS = {"SECOND": 1000, "MINUTE": 60_000, "HOUR": 3_600_000, "DAY": 86_400_000}
_MONTHS = {"MONTH": 1, "YEAR": 12}


def interval_literal(node: exp.Interval, at: str) -> Value:
    """Read INTERVAL '3' DAY, or INTERVAL '1-6' YEAR TO MONTH, as milliseconds or as months."""
    unit = node.args.get("unit")
    name = unit.sql("trino").upper() if unit is not None else ""
    written = node.this.name if node.this is not None else ""
    if name == "YEAR TO MONTH" and (parts := re.fullmatch(r"([+-]?)(\d+)-(\d+)", written)):
        months = int(parts[2]) * 12 + int(parts[3])
        return Value(f"CAST({'-' if parts[1] == '-' else ''}{months} AS INTEGER)", YEARS_TO_MONTHS)
    whole = re.fullmatch(r"[+-]?\d+", written)
    if name in _MONTHS and whole:
        return Value(f"CAST({int(written) * _MONTHS[name]} AS INTEGER)", YEARS_TO_MONTHS)
    if name in _MILLISECONDS and whole:
        return Value(f"CAST({int(written) * _MILLISECONDS[name]} AS BIGINT)", DAYS_TO_SECONDS)
    if name == "SECOND" and (found := re.fullmatch(r"([+-]?)(\d+)\.(\d{1,3})", written)):
        milliseconds = int(found[2]) * 1000 + int(found[3].ljust(3, "0"))
        return Value(f"CAST({'-' if found[1] == '-' else ''}{milliseconds} AS BIGINT)", DAYS_TO_SECONDS)
    if name in ("WEEK", "QUARTER", "MILLISECOND", ""):
        raise QueryError("SYNTAX_ERROR", f"{at}mismatched input '{name or 'INTERVAL'}'")
    raise not_run(f"{at}INTERVAL '{written}' {name}", "write it in one unit")


# Patterns

_ONE_OR_TWO, _LETTERS, _HALF = r"\d{1,2}", "[A-Za-z]+", "[AaPp][Mm]"
Parts = Sequence[tuple[str, str]]
# A part of a pattern → DuckDB's directive, and what Trino reads by it.
MYSQL: dict[str, tuple[str, str]] = {
    "a": ("%a", _LETTERS), "b": ("%b", _LETTERS), "c": ("%-m", _ONE_OR_TWO), "d": ("%d", _ONE_OR_TWO),
    "e": ("%-d", _ONE_OR_TWO), "f": ("%f", r"\d{1,6}"), "H": ("%H", _ONE_OR_TWO), "h": ("%I", _ONE_OR_TWO),
    "I": ("%I", _ONE_OR_TWO), "i": ("%M", _ONE_OR_TWO), "j": ("%j", r"\d{1,3}"), "k": ("%-H", _ONE_OR_TWO),
    "l": ("%-I", _ONE_OR_TWO), "M": ("%B", _LETTERS), "m": ("%m", _ONE_OR_TWO), "p": ("%p", _HALF),
    "S": ("%S", _ONE_OR_TWO), "s": ("%S", _ONE_OR_TWO), "W": ("%A", _LETTERS), "Y": ("%Y", r"\d{1,4}"),
    "y": ("%y", r"\d{2}"), "%": ("%%", "%"), "v": ("%V", _ONE_OR_TWO), "x": ("%G", r"\d{1,4}"),
}  # fmt: skip
MYSQL_SHORT = {"r": "%h:%i:%s %p", "T": "%H:%i:%s"}
REFUSED_BY_TRINO = "DUuVwX"
JODA: dict[str, tuple[str, str]] = {
    "yyyy": ("%Y", r"\d{1,4}"), "YYYY": ("%Y", r"\d{1,4}"), "yy": ("%y", r"\d{2}"), "MM": ("%m", _ONE_OR_TWO),
    "M": ("%-m", _ONE_OR_TWO), "MMM": ("%b", _LETTERS), "MMMM": ("%B", _LETTERS), "dd": ("%d", _ONE_OR_TWO),
    "d": ("%-d", _ONE_OR_TWO), "HH": ("%H", _ONE_OR_TWO), "H": ("%-H", _ONE_OR_TWO), "hh": ("%I", _ONE_OR_TWO),
    "h": ("%-I", _ONE_OR_TWO), "mm": ("%M", _ONE_OR_TWO), "m": ("%-M", _ONE_OR_TWO), "ss": ("%S", _ONE_OR_TWO),
    "s": ("%-S", _ONE_OR_TWO), "SSS": ("%g", r"\d{1,3}"), "a": ("%p", _HALF), "E": ("%a", _LETTERS),
    "EEE": ("%a", _LETTERS), "EEEE": ("%A", _LETTERS), "DDD": ("%j", r"\d{1,3}"),
}  # fmt: skip
# What the two read otherwise: the day of a year or a week beside a date, and an hour of twelve without its half.
_NOT_READ = {"%j", "%a", "%A", "%V", "%G"}
_HOURS_OF_TWELVE = {"%I", "%-I"}
_DAYS_AND_MONTHS = {"%m", "%-m", "%b", "%B", "%d", "%-d"}


def mysql_parts(pattern: str) -> Parts:
    """Take a pattern of date_format() and date_parse() apart."""
    for letter, meaning in MYSQL_SHORT.items():
        pattern = re.sub(f"(?<!%)((?:%%)*)%{letter}", rf"\g<1>{meaning}", pattern)
    parts = []
    for letter, other in re.findall(r"%(.)|(.)", pattern, re.DOTALL):
        if other:
            parts.append(_literally(other))
        elif letter in REFUSED_BY_TRINO:
            raise QueryError("INVALID_FUNCTION_ARGUMENT", f"%{letter} not supported in date format string")
        else:
            parts.append(MYSQL.get(letter) or _literally(letter))
    return parts


def joda_parts(pattern: str) -> Parts:
    """Take a pattern of format_datetime() and parse_datetime() apart; a text in it stands between quotes."""
    parts = []
    for found in re.finditer(
        r"''|'(?P<text>(?:[^']|'')+)'|(?P<letters>([A-Za-z])\3*)|(?P<other>.)", pattern, re.DOTALL
    ):
        if found["letters"] is None:
            parts.append(_literally(found["other"] or (found["text"] or "'").replace("''", "'")))
        elif found["letters"] in JODA:
            parts.append(JODA[found["letters"]])
        else:
            raise not_run(f"{found['letters']} in a pattern of dates")
    return parts


def _literally(written: str) -> tuple[str, str]:
    return written.replace("%", "%%"), re.escape(written)


def written_by(local: str, parts: Parts) -> str:
    """Write a timestamp of DuckDB's by a pattern; its second has milliseconds at most."""
    return f"strftime(date_trunc('milliseconds', {local}), {text(''.join(part for part, _ in parts))})"


def read_by(value: str, parts: Parts, pattern: str, *, pivots: bool = True) -> str:
    """Read a text by a pattern as a timestamp: what does not fit is an error, what is not in it is as Trino has it.

    ``pivots`` says whether a year of two digits is one from 1970 to 2069; to Joda that depends on today.
    """
    directives = {part for part, _ in parts if part.startswith("%")}
    refused = directives & _NOT_READ
    if not refused and "%p" not in directives:
        refused = directives & _HOURS_OF_TWELVE
    if refused or ("%y" in directives and not pivots):
        raise not_run(f"reading a date by the pattern {pattern!r}")
    shape = "".join(shape for _, shape in parts)
    if "%f" in directives:
        value = _of_microseconds(value, parts)
    directive = "".join("%f" if part == "%g" else part for part, _ in parts)
    if not directives & {"%Y", "%y"}:
        shape_year = "2000" if directives & _DAYS_AND_MONTHS else "1970"
        return f"trino_parsed({value}, {text(shape)}, {text('|' + shape_year)}, {text(directive + '|%Y')})"
    made = f"trino_parsed({value}, {text(shape)}, '', {text(directive)})"
    return f"trino_since_1970({made})" if "%y" in directives else made


def _of_microseconds(value: str, parts: Parts) -> str:
    """Cut a fraction of seven to nine digits, which Trino reads and DuckDB does not, to the six that matter."""
    before = "".join(shape for _, shape in parts[: [part for part, _ in parts].index("%f")])
    six_of_nine, six = rf"^({before}\d{{6}})\d{{1,3}}(\D|$)", r"\1\2"
    return f"regexp_replace({value}, {text(six_of_nine)}, {text(six)})"
