"""What the three transformations make of the samples, counted again in plain Python."""

from __future__ import annotations

import csv
from collections import defaultdict
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from runners.local.spark_sql import sql_on_duckdb

ROOT = Path(__file__).parents[3]
SALES, MARKETING = "SalesPipeline_QuickSightSample.csv", "MarketingData_QuickSightSample.csv"
Rows = list[tuple[Any, ...]]


def query(name: str) -> str:
    return (ROOT / "glue-scripts" / f"{name}.sql").read_text(encoding="utf-8")


def transform(name: str, **inputs: tuple[str, Path]) -> tuple[list[tuple[str, str]], Rows]:
    """Columns with their types, and rows."""
    with sql_on_duckdb.connect() as connection:
        for view, (file_format, path) in inputs.items():
            sql_on_duckdb.create_view(connection, view, file_format, [path])
        table = connection.table(sql_on_duckdb.run_query(connection, query(name), list(inputs)))
        return list(zip(table.columns, map(str, table.types), strict=True)), table.fetchall()


def records(name: str) -> list[dict[str, str]]:
    with (ROOT / "samples" / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def day(text: str) -> date:
    return datetime.strptime(text, "%m/%d/%Y").date()  # noqa: DTZ007 - a date has no zone


def cents(text: str) -> Decimal:
    return Decimal(text or "0").quantize(Decimal("0.01"))


def counted_sales() -> Rows:
    days: dict[date, list[Any]] = defaultdict(lambda: [Decimal("0.00"), 0, 0, Decimal("0.00")])
    for row in records(SALES):
        if not row["Date"]:
            continue
        sums = days[day(row["Date"])]
        revenue = cents(row["Forecasted Monthly Revenue"])
        sums[0] += revenue
        sums[1] += 1
        if row["Opportunity Stage"] == "Lead":
            sums[2] += 1
            sums[3] += revenue
    return [(day, *sums) for day, sums in sorted(days.items())]


def counted_marketing() -> Rows:
    return [
        (
            day(row["Date"]),
            *(int(cell) if cell else None for name, cell in row.items() if name not in {"Date", "Events"}),
            row["Events"] or None,
        )
        for row in records(MARKETING)
    ]


def sample(name: str) -> tuple[str, Path]:
    return "csv", ROOT / "samples" / name


def test_sales_are_one_row_a_day_with_the_sums_that_plain_python_counts() -> None:
    columns, rows = transform("process_sales_data", sales=sample(SALES))
    assert columns == [
        ("date", "DATE"),
        ("forecasted_monthly_revenue", "DECIMAL(18,2)"),
        ("opportunities", "BIGINT"),
        ("leads_generated", "BIGINT"),
        ("forecasted_lead_revenue", "DECIMAL(18,2)"),
    ]
    assert rows == counted_sales()


def test_marketing_keeps_every_row_under_names_without_white_space() -> None:
    columns, rows = transform("process_marketing_data", marketing=sample(MARKETING))
    header = [name.strip().replace(" ", "_") for name in records(MARKETING)[0]]
    assert [name for name, _ in columns] == header
    assert dict(columns)["Mailing_list_adds"] == "INTEGER"
    assert (dict(columns)["Date"], dict(columns)["Events"]) == ("DATE", "VARCHAR")
    assert rows == counted_marketing()


def test_the_join_has_the_days_of_both_ascending_and_the_date_once(tmp_path: Path) -> None:
    parquet = {}
    for name, sample_name in (("sales", SALES), ("marketing", MARKETING)):
        with sql_on_duckdb.connect() as connection:
            sql_on_duckdb.create_view(connection, name, *sample(sample_name)[:1], [sample(sample_name)[1]])
            table = sql_on_duckdb.run_query(connection, query(f"process_{name}_data"), [name])
            connection.execute(f"COPY {table} TO '{tmp_path / name}.parquet'")
        parquet[name] = ("parquet", tmp_path / f"{name}.parquet")
    columns, rows = transform("join_marketing_and_sales_data", **parquet)

    marketing = {row[0]: row[1:] for row in counted_marketing()}
    expected = [(*row, *marketing[row[0]]) for row in counted_sales() if row[0] in marketing]
    assert len(expected) > 500
    assert rows == expected
    assert [name for name, _ in columns][:6] == [
        "date",
        "forecasted_monthly_revenue",
        "opportunities",
        "leads_generated",
        "forecasted_lead_revenue",
        "New_visitors_SEO",
    ]
    assert len({name.lower() for name, _ in columns}) == len(columns) == 23


SALES_HEADER = (
    "Date,Salesperson,Lead Name,Segment,Region,Target Close,Forecasted Monthly Revenue,Opportunity Stage,"
    "Weighted Revenue,Closed Opportunity,Active Opportunity,Latest Status Entry"
)


def sale(date_cell: str, revenue: str, stage: str) -> str:
    return f"{date_cell},A,B,C,D,,{revenue},{stage},,0,1,"


@pytest.fixture
def sales_of_days(tmp_path: Path) -> Any:
    def run(*lines: str) -> Rows:
        file = tmp_path / "sales.csv"
        file.write_text("\n".join([SALES_HEADER, *lines]) + "\n", encoding="utf-8")
        return transform("process_sales_data", sales=("csv", file))[1]

    return run


def test_a_sale_without_a_date_belongs_to_no_day(sales_of_days: Any) -> None:
    rows = sales_of_days(sale("", "5", "Lead"), sale("soon", "5", "Lead"), sale("2/30/2014", "5", "Lead"))
    assert rows == []


def test_blanks_around_a_date_do_not_make_it_another_day(sales_of_days: Any) -> None:
    rows = sales_of_days(sale(" 3/1/2014 ", "5", "Won"), sale("03/01/2014", "7", "Won"))
    assert rows == [(date(2014, 3, 1), Decimal("12.00"), 2, 0, Decimal("0.00"))]


def test_a_sale_without_a_revenue_counts_as_an_opportunity_and_adds_nothing(sales_of_days: Any) -> None:
    rows = sales_of_days(sale("3/1/2014", "", "Lead"), sale("3/1/2014", "unknown", "Lead"))
    assert rows == [(date(2014, 3, 1), Decimal("0.00"), 2, 2, Decimal("0.00"))]
