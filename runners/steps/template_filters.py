"""What templates can do with dates and times: ``{{ ds | add_days(-1) }}``, or ``{{ add_days(ds, -1) }}``.

Dates stay dates, and moments stay moments with their time zone, until they are bound to SQL or written as text. A text
in ISO 8601, such as a parameter, is taken for the date or the moment that it is.
"""

from __future__ import annotations

import calendar
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from runners.steps.errors import TemplateFailed

_MONTHS = 12  # of a year


def to_date(value: date | str) -> date:
    """Return the day of a moment, in its own time zone, or of a text.

    Raises:
        TemplateFailed: it is neither, nor a date; so does every function here.

    """
    moment = _moment(value)
    return moment.date() if isinstance(moment, datetime) else moment


def add_days(value: date | str, days: int) -> date:
    """Return a date or moment some days later; the clock on the wall shows the same time then."""
    return _later(_moment(value), timedelta(days=_whole(days, "days")))


def add_hours(value: date | str, hours: int) -> date:
    """Return a moment some hours later."""
    moment = _moment(value)
    if not isinstance(moment, datetime):
        raise TemplateFailed("add_hours needs a moment, not a date: take execution_date")
    later = _later(moment.astimezone(ZoneInfo("UTC")) if moment.tzinfo else moment, timedelta(hours=hours))
    return later.astimezone(moment.tzinfo) if isinstance(later, datetime) and moment.tzinfo else later


def add_months(value: date | str, months: int) -> date:
    """Return a date or moment some months later; the last day of a month that has no such day."""
    moment = _moment(value)
    year, month = divmod(moment.year * _MONTHS + moment.month - 1 + _whole(months, "months"), _MONTHS)
    if not date.min.year <= year <= date.max.year:
        raise TemplateFailed("a date in a template would be beyond the years 1 to 9999")
    last = calendar.monthrange(year, month + 1)[1]
    return moment.replace(year=year, month=month + 1, day=min(moment.day, last))


def start_of_week(value: date | str) -> date:
    """Return the Monday of a week."""
    day = to_date(value)
    return _later(day, timedelta(days=-day.weekday()))


def start_of_month(value: date | str) -> date:
    """Return the first day of a month."""
    return to_date(value).replace(day=1)


def end_of_month(value: date | str) -> date:
    """Return the last day of a month."""
    day = to_date(value)
    return day.replace(day=calendar.monthrange(day.year, day.month)[1])


def date_format(value: date | str, form: str) -> str:
    """Return a date or moment as text, in the form of Python's ``strftime``, e.g. ``%Y/%m/%d``."""
    moment = _moment(value)
    try:
        return moment.strftime(form)
    except (ValueError, TypeError, UnicodeError):
        raise TemplateFailed("date_format has a form that strftime does not know") from None


def tz(value: date | str, zone: str) -> datetime:
    """Return a moment in a time zone, e.g. ``Europe/Berlin``."""
    moment = _moment(value)
    if not isinstance(moment, datetime) or moment.tzinfo is None:
        raise TemplateFailed("tz needs a moment with a time zone: take execution_date")
    try:
        return moment.astimezone(ZoneInfo(zone))
    except (ZoneInfoNotFoundError, ValueError, TypeError, OSError, OverflowError):
        raise TemplateFailed("tz names a time zone that there is not; give one such as Europe/Berlin") from None


FILTERS: Mapping[str, Callable[..., Any]] = {
    "add_days": add_days,
    "add_hours": add_hours,
    "add_months": add_months,
    "date_format": date_format,
    "end_of_month": end_of_month,
    "start_of_month": start_of_month,
    "start_of_week": start_of_week,
    "to_date": to_date,
    "to_timezone": tz,
    "tz": tz,
}
"""The filters by their names; each is a function as well."""


def _moment(value: object) -> date:
    """Return a date or a moment as it is, or what a text says."""
    if isinstance(value, date):
        return value
    if isinstance(value, str):
        try:
            return date.fromisoformat(value) if len(value) <= len("2026-01-31") else datetime.fromisoformat(value)
        except ValueError:  # its text repeats the value
            pass
    raise TemplateFailed("a date in a template is none: give one as 2026-01-31, or a moment as 2026-01-31T08:00:00Z")


def _whole(number: object, of: str) -> int:
    if not isinstance(number, int) or isinstance(number, bool):
        raise TemplateFailed(f"the number of {of} in a template is not a whole number")
    return number


def _later(moment: date, by: timedelta) -> date:
    try:
        return moment + by
    except OverflowError:
        raise TemplateFailed("a date in a template would be beyond the years 1 to 9999") from None
