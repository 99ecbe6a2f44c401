"""What the joined sample data must be, worked out from the CSV files by plain Python, without SQL or any engine.

The demo compares with it what the Glue jobs wrote; so does a test.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

Row = dict[str, str]


def expected_join(sales: Path, marketing: Path) -> list[Row]:
    """Return the rows of the join by date, ascending; values as a CSV has them, an empty text for NULL."""
    days = _sales_by_day(sales)
    return [
        {"date": day.isoformat(), **days[day], **figures}
        for day, figures in sorted(_marketing_by_day(marketing).items())
        if day in days
    ]


def _sales_by_day(path: Path) -> dict[date, Row]:
    opportunities: dict[date, list[tuple[Decimal, bool]]] = defaultdict(list)
    for row in _read(path):
        if day := _day(row["Date"]):
            revenue = Decimal(row["Forecasted Monthly Revenue"] or 0)
            opportunities[day].append((revenue, row["Opportunity Stage"].strip() == "Lead"))
    return {day: _day_of_sales(found) for day, found in opportunities.items()}


def _day_of_sales(opportunities: list[tuple[Decimal, bool]]) -> Row:
    leads = [revenue for revenue, is_lead in opportunities if is_lead]
    return {
        "forecasted_monthly_revenue": f"{sum(revenue for revenue, _ in opportunities):.2f}",
        "opportunities": str(len(opportunities)),
        "leads_generated": str(len(leads)),
        "forecasted_lead_revenue": f"{sum(leads, Decimal()):.2f}",
    }


def _marketing_by_day(path: Path) -> dict[date, Row]:
    return {
        day: {"_".join(name.split()): value for name, value in row.items() if name != "Date"}
        for row in _read(path)
        if (day := _day(row["Date"]))
    }


def _read(path: Path) -> list[Row]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _day(text: str) -> date | None:
    try:
        return datetime.strptime(text.strip(), "%m/%d/%Y").date()  # noqa: DTZ007  # a day has no zone
    except ValueError:
        return None
