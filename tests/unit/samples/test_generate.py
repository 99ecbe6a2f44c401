"""The committed samples are what the generator makes, and have the dirt of exported files."""

from __future__ import annotations

import csv
import subprocess
import sys
from collections import Counter
from datetime import date, datetime
from itertools import pairwise
from pathlib import Path

import pytest

SAMPLES = Path(__file__).parents[3] / "samples"
SALES, MARKETING = "SalesPipeline_QuickSightSample.csv", "MarketingData_QuickSightSample.csv"


def records(name: str) -> list[dict[str, str]]:
    with (SAMPLES / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def day(text: str) -> date:
    return datetime.strptime(text, "%m/%d/%Y").date()  # noqa: DTZ007 - a date has no zone


@pytest.fixture(scope="module")
def sales() -> list[dict[str, str]]:
    return records(SALES)


@pytest.fixture(scope="module")
def marketing() -> list[dict[str, str]]:
    return records(MARKETING)


def test_the_generator_makes_the_committed_files_byte_by_byte(tmp_path: Path) -> None:
    subprocess.run([sys.executable, str(SAMPLES / "generate.py"), str(tmp_path)], check=True)
    for name in (SALES, MARKETING):
        assert (tmp_path / name).read_bytes() == (SAMPLES / name).read_bytes(), name


def test_the_files_have_the_numbers_of_rows_that_the_docs_name(
    sales: list[dict[str, str]], marketing: list[dict[str, str]]
) -> None:
    assert len(sales) == 20_995
    assert len(marketing) == 1_462


def test_the_headers_are_those_of_the_real_files() -> None:
    sales_line, marketing_line = (
        (SAMPLES / name).read_text(encoding="utf-8").partition("\n")[0] for name in (SALES, MARKETING)
    )
    assert sales_line == (
        "Date,Salesperson,Lead Name,Segment,Region,Target Close,Forecasted Monthly Revenue,Opportunity Stage,"
        "Weighted Revenue,Closed Opportunity,Active Opportunity,Latest Status Entry"
    )
    assert marketing_line == (
        "Date,New visitors SEO,New visitors CPC,New visitors Social Media,Return visitors,Twitter mentions,"
        "Twitter follower adds,Twitter followers cumulative,Mailing list adds ,Mailing list cumulative,"
        "Website Pageviews,Website Visits,Website Unique Visits,Mobile uniques,Tablet uniques,Desktop uniques,"
        "Free sign up,Paid conversion,Events"
    )


def test_dates_are_not_padded(marketing: list[dict[str, str]]) -> None:
    assert marketing[0]["Date"] == "1/1/2011"
    assert not any(part.startswith("0") for row in marketing for part in row["Date"].split("/"))


def test_cells_are_empty_in_each_file(sales: list[dict[str, str]], marketing: list[dict[str, str]]) -> None:
    for column in ("Date", "Forecasted Monthly Revenue", "Opportunity Stage", "Latest Status Entry"):
        assert any(row[column] == "" for row in sales), column
    assert any(row["New visitors SEO"] == "" for row in marketing)


def test_cells_hold_commas_and_quotes(sales: list[dict[str, str]]) -> None:
    assert any("," in row["Lead Name"] for row in sales)
    assert any('"' in row["Latest Status Entry"] for row in sales)


def test_a_day_of_sales_has_several_rows_and_a_day_of_marketing_one(
    sales: list[dict[str, str]], marketing: list[dict[str, str]]
) -> None:
    assert max(Counter(row["Date"] for row in sales if row["Date"]).values()) > 10
    assert set(Counter(row["Date"] for row in marketing).values()) == {1}


def test_each_file_has_days_that_the_other_lacks(sales: list[dict[str, str]], marketing: list[dict[str, str]]) -> None:
    sales_days = {row["Date"] for row in sales if row["Date"]}
    marketing_days = {row["Date"] for row in marketing}
    assert sales_days - marketing_days
    assert marketing_days - sales_days
    assert len(sales_days & marketing_days) > 500


def test_marketing_has_every_day_of_four_years(marketing: list[dict[str, str]]) -> None:
    days = [day(row["Date"]) for row in marketing]
    assert (days[0], days[-1]) == (date(2011, 1, 1), date(2015, 1, 1))
    assert all((later - earlier).days == 1 for earlier, later in pairwise(days))


@pytest.mark.parametrize(
    ("added", "cumulative"),
    [
        ("Twitter follower adds", "Twitter followers cumulative"),
        ("Mailing list adds ", "Mailing list cumulative"),
    ],
)
def test_what_is_cumulative_grows_by_what_is_added(
    marketing: list[dict[str, str]], added: str, cumulative: str
) -> None:
    compared = 0
    for before, row in pairwise(marketing):
        if before[cumulative] and row[cumulative] and row[added]:
            assert int(row[cumulative]) == int(before[cumulative]) + int(row[added])
            compared += 1
    assert compared > 1_400


def test_the_uniques_of_all_devices_are_the_unique_visits(marketing: list[dict[str, str]]) -> None:
    devices = ("Mobile uniques", "Tablet uniques", "Desktop uniques")
    whole = [row for row in marketing if all(row[name] for name in (*devices, "Website Unique Visits"))]
    assert len(whole) > 1_400
    assert all(sum(int(row[name]) for name in devices) == int(row["Website Unique Visits"]) for row in whole)


def test_all_stages_occur(sales: list[dict[str, str]]) -> None:
    stages = {row["Opportunity Stage"] for row in sales}
    assert stages == {"", "Lead", "Qualified", "Proposal", "Negotiation", "Won", "Lost"}
