"""What EventBridge's schedule expressions mean: ``rate(5 minutes)`` and ``cron(0/15 8-18 ? * MON-FRI *)``.

Values only: no clock, no thread. AWS's cron has six fields (minutes, hours, day of month, month, day of week, year),
in UTC, Sunday is 1. ``*``, ``?``, lists, ranges, steps and names are understood; ``L``, ``W`` and ``#`` are refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from runners.errors import LocalAWSError

_RATE = re.compile(r"rate\((\d+) (minute|hour|day)s?\)")
_CRON = re.compile(r"cron\((.+)\)")
_MONTHS = {
    name: number
    for number, name in enumerate(
        ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"), start=1
    )
}
_WEEKDAYS = {name: number for number, name in enumerate(("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"), start=1)}
_DAYS_AHEAD = 366 * 8  # a 29th of February may be eight years away


@dataclass(frozen=True)
class Rate:
    """Every so often, beginning at once."""

    interval: timedelta

    def first(self, now: datetime) -> datetime | None:
        """Answer when a rule that is new or enabled anew fires first: at once."""
        return now

    def after(self, fired: datetime) -> datetime | None:
        """Answer when a rule fires again that fired at a moment."""
        return fired + self.interval


@dataclass(frozen=True)
class Cron:
    """At the minutes, in UTC, that six sets of numbers allow."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    years: frozenset[int]

    def first(self, now: datetime) -> datetime | None:
        """Answer when a rule that is new or enabled anew fires first."""
        return self.after(now)

    def after(self, fired: datetime) -> datetime | None:
        """Answer the first minute after a moment, or None if there is none any more."""
        moment = fired.astimezone(UTC)
        midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
        for day in (midnight + timedelta(days=ahead) for ahead in range(_DAYS_AHEAD)):
            if not self._allows(day):
                continue
            for hour in sorted(self.hours):
                for minute in sorted(self.minutes):
                    due = day.replace(hour=hour, minute=minute)
                    if due > moment:
                        return due
        return None

    def _allows(self, day: datetime) -> bool:
        weekday = day.isoweekday() % 7 + 1
        return day.year in self.years and day.month in self.months and day.day in self.days and weekday in self.weekdays


def parse_schedule(expression: str) -> Rate | Cron:
    """Read a schedule expression; ``LocalAWSError`` says what of it is not understood."""
    if rate := _RATE.fullmatch(expression):
        number, unit = int(rate[1]), f"{rate[2]}s"
        if number < 1:
            raise LocalAWSError(f"The schedule {expression} has no length: write at least rate(1 minute)")
        return Rate(timedelta(**{unit: number}))
    fields = cron[1].split() if (cron := _CRON.fullmatch(expression)) else []
    if len(fields) != len(("minutes", "hours", "day of month", "month", "day of week", "year")):
        raise LocalAWSError(f"The schedule {expression} is neither rate(...) nor cron(...) with six fields")
    try:
        return Cron(
            minutes=_field(fields[0], 0, 59),
            hours=_field(fields[1], 0, 23),
            days=_field(fields[2], 1, 31),
            months=_field(fields[3], 1, 12, _MONTHS),
            weekdays=_field(fields[4], 1, 7, _WEEKDAYS),
            years=_field(fields[5], 1970, 2199),
        )
    except ValueError as error:
        raise LocalAWSError(f"The schedule {expression} is not understood: {error}") from error


def _field(text: str, lowest: int, highest: int, names: dict[str, int] | None = None) -> frozenset[int]:
    allowed: set[int] = set()
    for part in text.split(","):
        span, _, step = part.partition("/")
        start, end = _span(span, lowest, highest, names or {}, stepped=bool(step))
        if not lowest <= start <= end <= highest:
            raise ValueError(f"{part} is not within {lowest} to {highest}")
        allowed.update(range(start, end + 1, int(step or 1)))
    return frozenset(allowed)


def _span(span: str, lowest: int, highest: int, names: dict[str, int], *, stepped: bool) -> tuple[int, int]:
    if span in {"*", "?"}:
        return lowest, highest
    start, dash, end = span.partition("-")
    first = _number(start, names)
    if dash:
        return first, _number(end, names)
    return first, highest if stepped else first


def _number(text: str, names: dict[str, int]) -> int:
    if text.upper() in names:
        return names[text.upper()]
    if not text.isdigit():
        raise ValueError(f"{text} is not a number here (L, W and # are not supported)")
    return int(text)
