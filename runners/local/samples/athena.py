"""``pynt sample[athena]``: Athena over the joined marketing and sales data that the main workflow has made."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import duckdb

from runners.local.demo import MARKETING, SALES, run_workflow
from runners.local.expected_join import expected_join
from runners.local.following import WorkflowError
from runners.local.s3.objects import download
from runners.local.samples.stage import Row, compare, stage

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console

    from runners.local.samples.stage import Stage

STATE_MACHINE = "AthenaRunnerTestETLOrchestrator"
TABLE = "best_days"
BEST_DAY = Decimal(300_000)  # as the state machine asks


def main(console: Console) -> None:
    """Run the main workflow, then ask Athena about what it has made.

    Raises:
        WorkflowError: an execution failed, or Athena's answer is not what plain Python makes of the sample files.

    """
    with stage(console, ["athena"], athena_work_groups=("primary",)) as on:
        console.rule("[bold]Make the joined data")
        run_workflow(on.environment, console)
        on.create_stack("sample-athena")
        console.rule("[bold]Ask Athena about it")
        output = on.run(STATE_MACHINE)
        revenue = output["Revenue"]
        days = expected_join(SALES, MARKETING)
        found = on.csv_rows(revenue["AthenaResultOutputLocation"])
        on.show(f"{revenue['AthenaResultOutputLocation']}", found)
        compare(found, by_quarter(days), "the revenue by quarter")
        _check_best_days(on, days)
        console.print(
            f"Scanned {revenue['AthenaQueryDataScannedInBytes']:,} bytes in "
            f"{revenue['AthenaQueryEngineExecutionTimeInMillis']} ms; in AWS for about "
            f"${revenue['AthenaEstimatedCostUSD']:.6f}."
        )


def _check_best_days(on: Stage, days: Iterable[Row]) -> None:
    """Read the Parquet files of the table that Athena has created, and see that they hold the best days."""
    table = boto3.client("glue").get_table(DatabaseName=on.environment.glue_database, Name=TABLE)["Table"]
    location = table["StorageDescriptor"]["Location"]
    with tempfile.TemporaryDirectory() as folder:
        paths = [str(path) for path in download(boto3.client("s3"), location, Path(folder)).values()]
        found = [str(day) for (day,) in duckdb.read_parquet(paths).project("date").order("date").fetchall()]
    expected = sorted(day["date"] for day in days if Decimal(day["forecasted_monthly_revenue"]) > BEST_DAY)
    if found != expected:
        raise WorkflowError(f"the table {TABLE} holds {len(found)} days, and should hold the {len(expected)} best")
    on.console.print(f"The table {TABLE} holds the {len(expected)} days with more than {BEST_DAY:,}, in {location}.")


def by_quarter(days: Iterable[Row]) -> list[Row]:
    """Return in plain Python what the state machine asks Athena for."""
    quarters: dict[tuple[int, int], list[Row]] = defaultdict(list)
    for day in days:
        year, month = int(day["date"][:4]), int(day["date"][5:7])
        quarters[year, (month + 2) // 3].append(day)
    return [_quarter(year, quarter, rows) for (year, quarter), rows in sorted(quarters.items())]


def _quarter(year: int, quarter: int, days: list[Row]) -> Row:
    revenue = sum((Decimal(day["forecasted_monthly_revenue"]) for day in days), Decimal(0))
    visits = sum(int(day["Website_Visits"] or 0) for day in days)
    return {
        "year": str(year),
        "quarter": str(quarter),
        "days": str(len(days)),
        "opportunities": str(sum(int(day["opportunities"]) for day in days)),
        "revenue": str(revenue),
        "visits": str(visits),
        "revenue_per_visit": str((revenue / visits).quantize(Decimal("0.01"), ROUND_HALF_UP)),
    }
