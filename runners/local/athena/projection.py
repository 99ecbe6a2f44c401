"""Partition projection, read backwards: which partition, if any, an object's place in S3 belongs to.

Athena makes up all partitions of a table's projection and looks for their objects. Here the objects are there first,
and their paths are matched against the template: the same partitions come out, and none has to be made up that is
empty. Pure: lists nothing.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import unquote

from runners.local.athena.sql.translation import QueryError

if TYPE_CHECKING:
    from collections.abc import Callable

    from runners.local.athena.catalog import Table

_PLACE = re.compile(r"\$\{([^}]+)\}")
_NOW = re.compile(r"NOW\s*(?:([+-])\s*(\d+)\s*([A-Z]+?)S?)?", re.IGNORECASE)
_UNITS = {"second": "seconds", "minute": "minutes", "hour": "hours", "day": "days", "week": "weeks"}
_MONTHS = {"month": 1, "year": 12}
# A letter of Java's patterns → what Python's formats call it, how many digits it has, the unit that it counts.
_FIELDS = {
    "yyyy": ("%Y", 4, "year"),
    "MM": ("%m", 2, "month"),
    "dd": ("%d", 2, "day"),
    "HH": ("%H", 2, "hour"),
    "mm": ("%M", 2, "minute"),
    "ss": ("%S", 2, "second"),
}
_PATTERN_PART = re.compile(r"'((?:[^']|'')*)'|([A-Za-z])\2*|[^A-Za-z']+")


class Projected(ABC):
    """The values that a column's projection has."""

    pattern: str
    """What one looks like in a path, as a regular expression."""

    @abstractmethod
    def has(self, value: str) -> bool:
        """Whether this text is one of the values."""


@dataclass(frozen=True)
class Projection:
    """The projection of a table."""

    names: tuple[str, ...]
    columns: dict[str, Projected]
    folder: str
    """Below which all objects of the table are: ``s3://bucket/…/``."""
    path: re.Pattern[str]
    is_hive_style: bool

    @property
    def injected(self) -> tuple[str, ...]:
        """The columns whose values a query must name."""
        return tuple(name for name in self.names if isinstance(self.columns[name], Injected))

    def values_at(self, path: str) -> tuple[str, ...] | None:
        """Answer the values of the partition in which an object (``s3://…``) lies; None if in no one."""
        match = self.path.match(path)
        if match is None:
            return None
        decode = unquote if self.is_hive_style else str
        values = tuple(decode(match[f"column{place}"]) for place in range(len(self.names)))
        projected = zip(self.names, values, strict=True)
        return values if all(self.columns[name].has(value) for name, value in projected) else None


def projection_of(table: Table, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> Projection | None:
    """Read a table's projection; None if it has none. Raises ``QueryError`` of properties that make no sense."""
    if table.properties.get("projection.enabled", "").lower() != "true" or not table.partition_columns:
        return None
    names = table.partition_names
    columns = {name: _column(table, name, now) for name in names}
    template = table.properties.get("storage.location.template")
    places = template or table.location.rstrip("/") + "/" + "/".join(f"{name}=${{{name}}}" for name in names)
    places = places.rstrip("/") + "/"
    used = set(_PLACE.findall(places))
    if used != set(names):
        raise _invalid(table, "storage.location.template", f"it must have each of {', '.join(names)}, and nothing else")
    path = re.compile(_expression(places, names, columns))
    folder = _PLACE.split(places)[0].rpartition("/")[0] + "/"
    return Projection(names, columns, folder, path, is_hive_style=template is None)


def _expression(template: str, names: tuple[str, ...], columns: dict[str, Projected]) -> str:
    seen: set[str] = set()
    parts = []
    for place, part in enumerate(_PLACE.split(template)):
        if place % 2 == 0:
            parts.append(re.escape(part))
            continue
        group = f"column{names.index(part)}"
        parts.append(f"(?P={group})" if part in seen else f"(?P<{group}>{columns[part].pattern})")
        seen.add(part)
    return "".join(parts)


def _column(table: Table, name: str, now: Callable[[], datetime]) -> Projected:
    def setting(key: str, default: str | None = None) -> str:
        value = table.properties.get(f"projection.{name}.{key}", default)
        if value is None:
            raise _invalid(table, f"projection.{name}.{key}", "it is missing")
        return value

    kind = setting("type").lower()
    try:
        match kind:
            case "enum":
                return Enumerated(tuple(value.strip() for value in setting("values").split(",")))
            case "integer":
                low, high = (int(bound) for bound in setting("range").split(","))
                return Integers(low, high, int(setting("interval", "1")), int(setting("digits", "0")))
            case "date":
                unit = table.properties.get(f"projection.{name}.interval.unit", "")
                return _dates(setting("format"), setting("range"), setting("interval", "1"), unit, now())
            case "injected":
                return Injected()
    except ValueError as error:
        raise _invalid(table, f"projection.{name}", str(error)) from error
    raise _invalid(table, f"projection.{name}.type", "it is one of enum, integer, date and injected")


def _invalid(table: Table, key: str, why: str) -> QueryError:
    return QueryError("INVALID_TABLE_PROPERTY", f"the property {key} of {table}: {why}")


class Enumerated(Projected):
    """Values that are listed."""

    def __init__(self, values: tuple[str, ...]) -> None:
        self._values = frozenset(values)
        self.pattern = "|".join(re.escape(value) for value in sorted(values, key=len, reverse=True))

    def has(self, value: str) -> bool:
        """Whether it is listed."""
        return value in self._values


class Integers(Projected):
    """Whole numbers from ``low`` to ``high``, both among them, written with at least so many digits."""

    def __init__(self, low: int, high: int, interval: int, digits: int) -> None:
        if interval < 1:
            raise ValueError("the interval is at least 1")
        self._low, self._high, self._interval, self._digits = low, high, interval, digits
        self.pattern = rf"-?\d{{{digits},}}" if digits else r"-?\d+"

    def has(self, value: str) -> bool:
        """Whether it is one of the numbers, written as they are."""
        number = int(value)
        in_range = self._low <= number <= self._high and (number - self._low) % self._interval == 0
        return in_range and value == f"{number:0{self._digits}d}"


class Injected(Projected):
    """Any value: the query has to name it."""

    pattern = "[^/]+"

    def has(self, value: str) -> bool:
        """Take every value."""
        return bool(value)


class Dates(Projected):
    """Points in time from ``low`` to ``high``, both among them."""

    def __init__(self, written: JavaFormat, low: datetime, high: datetime, interval: int, unit: str) -> None:
        if interval < 1:
            raise ValueError("the interval is at least 1")
        self._written, self._low, self._high, self._interval, self._unit = written, low, high, interval, unit
        self.pattern = written.pattern

    def has(self, value: str) -> bool:
        """Whether it is a whole number of intervals after the first."""
        try:
            moment = self._written.read(value)
        except ValueError:
            return False
        if not self._low <= moment <= self._high:
            return False
        if self._unit in _MONTHS:
            months = (moment.year - self._low.year) * 12 + moment.month - self._low.month
            return months % (self._interval * _MONTHS[self._unit]) == 0
        return (moment - self._low) % timedelta(**{_UNITS[self._unit]: self._interval}) == timedelta()


class JavaFormat:
    """A pattern of dates in Java's letters, e.g. ``yyyy/MM/dd``."""

    def __init__(self, written: str) -> None:
        self.units: list[str] = []
        pattern, python = [], []
        at = 0
        while at < len(written):
            part = _PATTERN_PART.match(written, at)
            if part is None:
                raise ValueError(f"{written!r} has a quote without its other")
            at = part.end()
            literal = (part[1].replace("''", "'") or "'") if part[1] is not None else part[0]
            if part[2] is None:
                pattern.append(re.escape(literal))
                python.append(literal.replace("%", "%%"))
            elif part[0] in _FIELDS:
                letter, digits, unit = _FIELDS[part[0]]
                pattern.append(rf"\d{{{digits}}}")
                python.append(letter)
                self.units.append(unit)
            else:
                known = ", ".join(_FIELDS)
                raise ValueError(f"the embedded Athena reads {known} in formats of dates, and no {part[0]}")
        self.pattern, self._python = "".join(pattern), "".join(python)

    @property
    def finest_unit(self) -> str:
        """The smallest unit that the format shows."""
        return next((unit for unit in (*_UNITS, *_MONTHS) if unit in self.units), "day")

    def read(self, value: str) -> datetime:
        """Read a date; ``ValueError`` if it is none."""
        return datetime.strptime(value, self._python).replace(tzinfo=UTC)

    def cut(self, moment: datetime) -> datetime:
        """Take away of a moment what the format does not show."""
        return self.read(moment.strftime(self._python))


def _dates(written: str, bounds: str, interval: str, unit: str, now: datetime) -> Dates:
    java = JavaFormat(written)
    low, high = (_bound(bound.strip(), java, now) for bound in bounds.split(","))
    return Dates(java, low, high, int(interval), _unit(unit) if unit else java.finest_unit)


def _bound(bound: str, java: JavaFormat, now: datetime) -> datetime:
    match = _NOW.fullmatch(bound)
    if match is None:
        return java.read(bound)
    if match[1] is None:
        return java.cut(now)
    count = int(match[2]) * (-1 if match[1] == "-" else 1)
    unit = _unit(match[3])
    if unit in _MONTHS:
        months = now.year * 12 + now.month - 1 + count * _MONTHS[unit]
        return java.cut(_in_month(now, months // 12, months % 12 + 1))
    return java.cut(now + timedelta(**{_UNITS[unit]: count}))


def _in_month(moment: datetime, year: int, month: int) -> datetime:
    """Bring a moment into another month, to its last day if it has fewer."""
    for day in range(moment.day, 27, -1):
        try:
            return moment.replace(year=year, month=month, day=day)
        except ValueError:
            continue
    return moment.replace(year=year, month=month)


def _unit(written: str) -> str:
    unit = written.lower().removesuffix("s")
    if unit not in _UNITS and unit not in _MONTHS:
        raise ValueError(f"{written} is no unit of time")
    return unit
