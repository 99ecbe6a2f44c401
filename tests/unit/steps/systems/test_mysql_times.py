"""MySQL's dates: all that a calendar has, and none that it has not."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from runners.steps.systems.mysql_times import calendar_days, in_calendar


def packed(years, months, days):
    """Return each of these days of each of these months of each of these years, as MySQL sends them."""
    year, month, day = np.meshgrid(years, months, days, indexing="ij")
    return (year | month << 16 | day << 24).ravel().astype(np.uint32)


@pytest.mark.parametrize(("first", "last"), [(1, 4), (1895, 1905), (1969, 2001), (9990, 9999)])
def test_the_days_of_some_years_are_those_of_the_calendar(first, last):
    dates = packed(range(first, last + 1), range(256), range(256))
    begin, end = (one.toordinal() - date(1970, 1, 1).toordinal() for one in (date(first, 1, 1), date(last, 12, 31)))
    assert calendar_days(dates[in_calendar(dates)]).tolist() == list(range(begin, end + 1))


def test_there_is_no_date_in_a_year_that_no_calendar_has():
    assert not in_calendar(packed([0, 10_000, 10_001, 65_535], range(1, 13), range(1, 29))).any()
