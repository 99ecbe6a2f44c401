"""Dates in templates."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from runners.steps.errors import TemplateFailed
from runners.steps.templates import SQLITE, Templates

VARIABLES = {
    "ds": date(2026, 1, 31),
    "execution_date": datetime(2026, 1, 31, 23, 30, tzinfo=UTC),
    "summer": datetime(2026, 3, 28, 23, 30, tzinfo=UTC),  # the night in which clocks go forward
}


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{ ds | add_days(-31) }}", "2025-12-31"),
        ("{{ add_days(ds, 1) }}", "2026-02-01"),
        ("{{ ds | add_months(1) }}", "2026-02-28"),
        ("{{ ds | add_months(-11) }}", "2025-02-28"),
        ("{{ ds | add_months(12) }}", "2027-01-31"),
        ("{{ execution_date | add_months(1) }}", "2026-02-28T23:30:00+00:00"),
        ("{{ ds | start_of_month }} {{ ds | add_months(-2) | end_of_month }}", "2026-01-01 2025-11-30"),
        ("{{ ds | start_of_week }} {{ '2026-01-26' | start_of_week }}", "2026-01-26 2026-01-26"),
        ("{{ ds | date_format('%Y/%m/%d') }}", "2026/01/31"),
        ("{{ execution_date | to_date }}", "2026-01-31"),
        ("{{ execution_date | tz('Europe/Berlin') }}", "2026-02-01T00:30:00+01:00"),
        ("{{ execution_date | to_timezone('Asia/Tokyo') | to_date }}", "2026-02-01"),
        ("{{ execution_date | tz('America/New_York') | start_of_month }}", "2026-01-01"),
        ("{{ execution_date | add_hours(1) }}", "2026-02-01T00:30:00+00:00"),
        ("{{ summer | tz('Europe/Berlin') | add_hours(2) }}", "2026-03-29T03:30:00+02:00"),
        ("{{ summer | tz('Europe/Berlin') | add_days(1) }}", "2026-03-30T00:30:00+02:00"),
        ("{{ '2026-01-31T08:00:00Z' | tz('Europe/Berlin') }}", "2026-01-31T09:00:00+01:00"),
        ("{{ '2026-01-31T08:00:00' | add_hours(1) }}", "2026-01-31T09:00:00"),
    ],
)
def test_dates_are_reckoned_with(template, text):
    assert Templates(VARIABLES).text(template) == text


def test_in_sql_dates_are_bound_as_dates_and_moments_as_moments():
    statement = Templates(VARIABLES).sql("{{ ds | add_days(1) }} {{ execution_date | tz('Europe/Berlin') }}", SQLITE)
    assert statement.parameters == (date(2026, 2, 1), datetime.fromisoformat("2026-02-01T00:30:00+01:00"))


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{{ 'tomorrow' | add_days(1) }}", "a date in a template is none"),
        ("{{ 5 | to_date }}", "a date in a template is none"),
        ("{{ ds | add_days('1') }}", "not a whole number"),
        ("{{ ds | add_days(true) }}", "not a whole number"),
        ("{{ ds | add_days(10000000) }}", "beyond the years"),
        ("{{ ds | add_months(-100000) }}", "beyond the years"),
        ("{{ ds | tz('Europe/Berlin') }}", "needs a moment"),
        ("{{ '2026-01-31T08:00:00' | tz('Europe/Berlin') }}", "with a time zone"),
        ("{{ execution_date | tz('Europe/Belrin') }}", "a time zone that there is not"),
        ("{{ execution_date | tz('../../etc/passwd') }}", "a time zone that there is not"),
        ("{{ ds | add_hours(1) }}", "needs a moment"),
        ("{{ ds | date_format(5) }}", "strftime"),
    ],
)
def test_what_is_no_date_is_refused_without_its_text(template, said):
    with pytest.raises(TemplateFailed) as raised:
        Templates(VARIABLES).text(template)
    assert said in raised.value.message
    assert "tomorrow" not in raised.value.message
