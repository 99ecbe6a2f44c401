"""``pynt sample[steps]``: a day's products of a PostgreSQL, exported into S3, checked, and told to a Slack channel.

What the objects hold is compared with what PostgreSQL answers to plain SQL, and the message with its sums.
"""

from __future__ import annotations

import json
import tempfile
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import duckdb

from runners.deployment.environment import ROOT, STEPS_SERVICE
from runners.local.following import WorkflowError
from runners.local.s3.objects import download
from runners.local.samples.postgresql import description, postgresql
from runners.local.samples.slack_channel import slack_channel
from runners.local.samples.stage import Row, compare, stage

if TYPE_CHECKING:
    from rich.console import Console

    from runners.local.samples.slack_channel import SlackChannel
    from runners.local.samples.stage import Stage

STATE_MACHINE = "DailyProductExport"
SHOP = ROOT / "samples" / "steps" / "products.sql"
DATABASE, CHANNEL = "shop", "team-chat"  # connections
DAY, DAY_WITHOUT_PRODUCTS = "2026-01-30", "2026-02-28"
COLUMNS = "id, sku, name, category, price, stock, attributes, changed_at"
_SHOWN_ROWS = 5
_SHOWN_COLUMNS = ("id", "sku", "category", "price", "stock")


def main(console: Console) -> None:
    """Export a day's products, and then try a day that has none.

    Raises:
        LocalAWSError: a package is missing.
        WorkflowError: an execution did not end as it should, or the export is not what PostgreSQL has.

    """
    console.rule("[bold]Start a PostgreSQL with a shop, and a Slack channel")
    with postgresql() as connection, slack_channel() as channel:
        connection.execute(SHOP.read_text(encoding="utf-8"))
        (products,) = connection.execute("SELECT count(*) FROM shop.products").fetchone()
        console.print(f"shop.products has {products:,} rows.")
        with stage(console, [STEPS_SERVICE], steps_connections=(DATABASE, CHANNEL)) as on:
            _describe(on, DATABASE, {**description(connection), "dbname": connection.info.dbname})
            _describe(on, CHANNEL, {"webhook_url": channel.webhook_url})
            on.create_stack("sample-steps")
            console.rule(f"[bold]Export the products of {DAY}")
            _check_export(on, on.run(STATE_MACHINE, {"Day": DAY}), _products(connection))
            _check_message(on, channel, connection)
            console.rule(f"[bold]Try {DAY_WITHOUT_PRODUCTS}, when no product changed")
            _check_refusal(on, channel)


def _describe(on: Stage, name: str, connection: dict[str, Any]) -> None:
    """Describe a connection where the steps look for it."""
    boto3.client("ssm").put_parameter(
        Name=f"/etl/{on.name}/connections/{name}", Type="SecureString", Value=json.dumps(connection)
    )


def _products(connection: Any) -> list[dict[str, Any]]:
    """Return a day's products as PostgreSQL has them."""
    cursor = connection.execute(
        f"SELECT {COLUMNS} FROM shop.products WHERE (changed_at AT TIME ZONE 'UTC')::date = %s ORDER BY id",  # noqa: S608  # columns
        (DAY,),
    )
    names = [column.name for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _check_export(on: Stage, output: dict[str, Any], products: list[dict[str, Any]]) -> None:
    """Show what was exported, and see that both objects hold the products with every value as it was."""
    exports = output["Exports"]
    found = _parquet_rows(exports["Parquet"]["object"])
    shown = [{name: product[name] for name in _SHOWN_COLUMNS} for product in found[:_SHOWN_ROWS]]
    on.show(f"The first {_SHOWN_ROWS} of {len(found):,} rows, some columns", shown)
    compare([_as_text(row, "NULL") for row in found], [_as_text(row, "NULL") for row in products], "the Parquet object")
    compare(on.csv_rows(exports["Csv"]["object"]), [_as_text(row, "") for row in products], "the CSV object")
    for export in exports.values():
        on.console.print(f"{export['object']}  {export['bytes']:,} bytes")
    on.console.print(f"Both hold the {len(products):,} products of the day, every value as PostgreSQL has it.")


def _check_message(on: Stage, channel: SlackChannel, connection: Any) -> None:
    """Show what the channel was told, and see that it has the sums that PostgreSQL makes."""
    (message,) = channel.messages
    on.console.print(f"The Slack channel was told:\n{message}", markup=False)
    sums = connection.execute(
        "SELECT category, count(*), sum(stock), min(price), max(price) FROM shop.products "
        "WHERE (changed_at AT TIME ZONE 'UTC')::date = %s GROUP BY category ORDER BY category",
        (DAY,),
    ).fetchall()
    told = [line.split() for line in message.splitlines()]
    for row in sums:
        if [str(value) for value in row] not in told:
            raise WorkflowError(f"the message does not have the sums of {row[0]}: {row[1:]}")


def _check_refusal(on: Stage, channel: SlackChannel) -> None:
    """See that a day without products fails the check, is told as a failure, and leaves no object behind."""
    try:
        on.run(STATE_MACHINE, {"Day": DAY_WITHOUT_PRODUCTS})
    except WorkflowError as failure:
        if "DataQualityFailed" not in str(failure):
            raise
    else:
        raise WorkflowError("an export without a row succeeded, although the state machine asks for one at least")
    left = boto3.client("s3").list_objects_v2(Bucket=on.bucket, Prefix=f"exports/products/day={DAY_WITHOUT_PRODUCTS}/")
    if left["KeyCount"] or len(channel.messages) > 1:
        raise WorkflowError("an export that was refused was published, or told as one that was made")
    on.console.print("It failed with DataQualityFailed, as it should: nothing was written, and the channel not told.")


def _parquet_rows(location: str) -> list[dict[str, Any]]:
    """Return the rows of a Parquet object, as an engine reads it that has nothing to do with the steps."""
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        (path,) = download(boto3.client("s3"), location, Path(folder)).values()
        read = connection.read_parquet(str(path))
        return [dict(zip(read.columns, row, strict=True)) for row in read.fetchall()]


def _as_text(product: dict[str, Any], null: str) -> Row:
    """Return a product as a CSV file has it, but for what stands for no value."""
    texts = {name: null if value is None else str(value) for name, value in product.items()}
    attributes = product["attributes"]
    if not isinstance(attributes, str):
        texts["attributes"] = json.dumps(attributes)
    texts["changed_at"] = f"{product['changed_at'].astimezone(UTC):%Y-%m-%d %H:%M:%S}+00"
    return texts
