"""The examples are those by which Glue documents its exclude patterns."""

from __future__ import annotations

import pytest

from runners.errors import LocalAWSError
from runners.local.crawlers.exclusions import excluding

FILES = [
    "departments/finance.json",
    "departments/market-us.json",
    "departments/market-emea.json",
    "employees/hr.json",
    "employees/john.csv",
    "employees/juan.txt",
    "readme.csv",
]


@pytest.mark.parametrize(
    ("pattern", "left_out"),
    [
        ("departments/**", {"departments/finance.json", "departments/market-us.json", "departments/market-emea.json"}),
        ("departments/market*", {"departments/market-us.json", "departments/market-emea.json"}),
        ("**.csv", {"employees/john.csv", "readme.csv"}),
        ("employees/*.csv", {"employees/john.csv"}),
        ("*.csv", {"readme.csv"}),
        ("*/*.{csv,txt}", {"employees/john.csv", "employees/juan.txt"}),
        ("employees/j[!o]*", {"employees/juan.txt"}),
        ("employees/j[a-o]h?.csv", {"employees/john.csv"}),
        ("readme\\.csv", {"readme.csv"}),
        ("a,b", set()),
    ],
)
def test_a_pattern_leaves_out_what_it_matches(pattern: str, left_out: set[str]) -> None:
    excluded = excluding([pattern])
    assert {file for file in FILES if excluded(file)} == left_out


def test_days_beyond_the_first_week_can_be_left_out() -> None:
    excluded = excluding(["2015/01/{[!0],0[8-9]}**", "2015/0[2-9]/**", "2015/1[0-2]/**"])
    kept = ["2015/01/01/a", "2015/01/07/a"]
    left_out = ["2015/01/08/a", "2015/01/31/a", "2015/02/01/a", "2015/12/24/a"]
    assert [name for name in kept + left_out if not excluded(name)] == kept


@pytest.mark.parametrize("pattern", ["{a", "a}", "[z-a]"])
def test_a_pattern_that_is_none_is_refused(pattern: str) -> None:
    with pytest.raises(LocalAWSError, match="is no glob"):
        excluding([pattern])
