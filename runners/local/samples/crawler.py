"""``pynt sample[crawler]``: a Glue crawler that finds the tables in what was uploaded."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import boto3

from runners.local.demo import MARKETING, SALES
from runners.local.following import WorkflowError
from runners.local.samples.stage import stage

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from runners.local.samples.stage import Stage

STATE_MACHINE = "CrawlerRunnerTestETLOrchestrator"
CRAWLER = "UploadsCrawler"


def main(console: Console) -> None:
    """Upload the sample files, run the crawler, and show what it has found.

    Raises:
        WorkflowError: the execution failed, or the tables are not those of the files.

    """
    with stage(console, ["crawler"], crawlers=(CRAWLER,)) as on:
        console.rule("[bold]Upload the files")
        files = {
            "sales": (on.environment.sales_prefix, SALES),
            "marketing": (on.environment.marketing_prefix, MARKETING),
        }
        for prefix, path in files.values():
            console.print(f"Uploading {path.name} to s3://{on.bucket}/{prefix}")
            boto3.client("s3").upload_file(str(path), on.bucket, f"{prefix}{path.name}")
        on.create_stack("sample-crawler")
        console.rule("[bold]Let the crawler find the tables")
        crawl = on.run(STATE_MACHINE)["Crawl"]
        console.print(f"Tables created: {crawl['TablesCreated']}, updated: {crawl['TablesUpdated']}")
        for table, (_, path) in files.items():
            _check(on, crawl["DatabaseName"], table, path)


def _check(on: Stage, database: str, table: str, path: Path) -> None:
    """Show a table, and see that its columns are those of the file."""
    found = boto3.client("glue").get_table(DatabaseName=database, Name=table)["Table"]["StorageDescriptor"]["Columns"]
    on.show(f"{database}.{table}", [{"column": column["Name"], "type": column["Type"]} for column in found])
    with path.open(newline="", encoding="utf-8") as file:
        expected = [name.strip().lower() for name in next(csv.reader(file))]
    names = [column["Name"] for column in found]
    if names != expected:
        raise WorkflowError(f"the table {table} has the columns {names}, but {path.name} has {expected}")
