"""``pynt sample[dms]``: tables of a real PostgreSQL, copied into S3, found there by a crawler, and asked by Athena.

What Athena answers about the copy is compared with what PostgreSQL answers about the original.
"""

from __future__ import annotations

import csv
import json
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import boto3

from runners.local.demo import SALES
from runners.local.samples.postgresql import description, postgresql
from runners.local.samples.stage import compare, stage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

STATE_MACHINE = "DmsRunnerTestETLOrchestrator"
CRAWLER = "ReplicatedCrawler"
DATABASE = "replicated"
SECRET = "etl-runners/sample-source"  # noqa: S105  # a secret's name

TABLES = """
    CREATE SCHEMA sales;
    CREATE TABLE sales.salespeople (
        id integer PRIMARY KEY, name text NOT NULL, region varchar(10) NOT NULL, UNIQUE (name, region)
    );
    CREATE TABLE sales.opportunities (
        id bigint PRIMARY KEY, salesperson_id integer NOT NULL REFERENCES sales.salespeople, lead text,
        entered_on date NOT NULL, monthly_revenue numeric(12, 2), closed boolean NOT NULL
    );
"""
QUESTION = """
    SELECT s.region, count(*) AS opportunities, sum(o.monthly_revenue) AS revenue,
           min(o.entered_on) AS first_day, max(o.entered_on) AS last_day
    FROM sales.opportunities AS o JOIN sales.salespeople AS s ON s.id = o.salesperson_id
    GROUP BY s.region ORDER BY s.region COLLATE "C"
"""


def main(console: Console) -> None:
    """Copy, crawl and ask.

    Raises:
        LocalAWSError: a package is missing.
        WorkflowError: the execution failed, or Athena's answer is not PostgreSQL's.

    """
    console.rule("[bold]Start a PostgreSQL with sales data")
    with postgresql() as connection:
        answer = _fill(connection, console)
        with stage(
            console,
            ["dms", "crawler", "athena"],
            crawlers=(CRAWLER,),
            athena_work_groups=("primary",),
            other_athena_databases=(DATABASE,),
        ) as on:
            secret = json.dumps(description(connection))
            boto3.client("secretsmanager").create_secret(Name=SECRET, SecretString=secret)
            on.create_stack("sample-dms")
            console.rule("[bold]Copy the tables, find them, ask about them")
            output = on.run(STATE_MACHINE)
            copied = output["Copy"]
            console.print(
                f"Copied {copied['RowsLoaded']:,} rows of {copied['TablesLoaded']} tables; "
                f"the crawler has created {output['Crawl']['TablesCreated']} tables."
            )
            found = on.csv_rows(output["Revenue"]["AthenaResultOutputLocation"])
            on.show("What Athena answers about the copy", found)
            compare(found, answer, "Athena's answer")
            console.print("PostgreSQL answers the same about the original.")


def _fill(connection: Any, console: Console) -> list[dict[str, str]]:
    """Make tables of the sample file, and return PostgreSQL's own answer to the sample's question."""
    people: dict[tuple[str, str], int] = {}
    with connection.cursor() as cursor:
        cursor.execute(TABLES)
        opportunities = [_opportunity(place, row, people) for place, row in enumerate(_rows(), start=1)]
        with cursor.copy("COPY sales.salespeople FROM STDIN") as copy:
            for (name, region), number in people.items():
                copy.write_row((number, name, region))
        with cursor.copy("COPY sales.opportunities FROM STDIN") as copy:
            for opportunity in opportunities:
                copy.write_row(opportunity)
        console.print(f"sales.salespeople has {len(people):,} rows, sales.opportunities {len(opportunities):,}.")
        names = [column.name for column in cursor.execute(QUESTION).description]
        return [dict(zip(names, map(str, row), strict=True)) for row in cursor.fetchall()]


def _rows() -> Iterator[dict[str, str]]:
    with SALES.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if _day(row["Date"]):
                yield row


def _opportunity(number: int, row: dict[str, str], people: dict[tuple[str, str], int]) -> tuple[Any, ...]:
    person = people.setdefault((row["Salesperson"], row["Region"]), len(people) + 1)
    revenue = row["Forecasted Monthly Revenue"] or None
    return number, person, row["Lead Name"], _day(row["Date"]), revenue, row["Closed Opportunity"] == "1"


def _day(text: str) -> date | None:
    try:
        return datetime.strptime(text.strip(), "%m/%d/%Y").date()  # noqa: DTZ007  # a day has no zone
    except ValueError:
        return None
