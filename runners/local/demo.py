"""The sample workflow, from deployment to the joined rows, on the embedded AWS: what ``make demo`` shows.

The templates, the build commands and the functions are those that go to AWS. It ends with status 0 only if the
execution succeeded and the rows are what plain Python makes of the sample files.
"""

from __future__ import annotations

import csv
import json
import os
import time
import warnings
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from rich.console import Console
from rich.table import Table

from runners.deployment.deployment import Deployment
from runners.deployment.environment import ROOT
from runners.local.execution_view import StateVisit, as_markdown, visits
from runners.local.expected_join import Row, expected_join
from runners.local.following import WorkflowError, follow, states_table
from runners.local.server import EmbeddedAWS, how_to_use

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mypy_boto3_s3 import S3Client
    from mypy_boto3_stepfunctions import SFNClient

    from runners.deployment.environment import Environment

SALES = ROOT / "samples" / "SalesPipeline_QuickSightSample.csv"
MARKETING = ROOT / "samples" / "MarketingData_QuickSightSample.csv"
RESULTS = ROOT / "build" / "demo"
JOINED = RESULTS / "joined.csv"
KEEP = "KEEP"  # environment variable: leave the embedded AWS running afterwards

UPLOAD_AFTER = timedelta(seconds=1.5)
_PREVIEW_ROWS = 5
_PREVIEW_COLUMNS = ("date", "forecasted_monthly_revenue", "opportunities", "Website_Visits")


def main() -> None:
    """Run the demo, and with ``KEEP=1`` leave the embedded AWS running until Ctrl-C.

    Raises:
        WorkflowError: the execution failed, or the rows are wrong.

    """
    began = time.monotonic()
    # moto warns of each resource that it cannot make itself, once an interrupt has taken its extensions away.
    warnings.filterwarnings("ignore", module=r"moto\.")
    console = Console(highlight=False, soft_wrap=True)
    with EmbeddedAWS() as aws:
        os.environ.update(aws.environment())
        console.rule("[bold]1. Deploy to the embedded AWS")
        console.print(f"It listens on {aws.endpoint_url}, keeps everything in memory, and needs no account.")
        deployment = Deployment("local")
        deployment.deploy()
        environment = deployment.environment
        console.rule("[bold]2. Run the workflow")
        history = run_workflow(environment, console)
        console.rule("[bold]3. Look at the joined rows")
        _check(environment, console)
        _save(history)
        _timings(console, visits(history))
        console.print(
            f"[green]Done in {time.monotonic() - began:.1f} s.[/] The execution's history lies in {_shown(RESULTS)}/."
        )
        if os.environ.get(KEEP):
            _keep(aws, console)


def run_workflow(environment: Environment, console: Console) -> list[dict[str, Any]]:
    """Start an execution, upload the samples, follow it to its end, and return its history.

    Raises:
        WorkflowError: it failed.

    """
    step_functions: SFNClient = boto3.client("stepfunctions")
    s3: S3Client = boto3.client("s3")
    account = f"{environment.region}:{environment.account_id}"
    arn = f"arn:aws:states:{account}:stateMachine:{environment.state_machine}"
    execution = step_functions.start_execution(stateMachineArn=arn)["executionArn"]
    console.print(f"Started {execution}")
    uploads = {environment.sales_prefix: SALES, environment.marketing_prefix: MARKETING}

    def upload(elapsed: timedelta, say: Callable[[str], None]) -> None:
        if elapsed < UPLOAD_AFTER:
            return
        for prefix, path in uploads.items():
            say(f"Uploading {_shown(path)} to s3://{environment.data_bucket}/{prefix}")
            s3.upload_file(str(path), str(environment.data_bucket), f"{prefix}{path.name}")
        uploads.clear()

    return follow(step_functions, execution, console, upload)


def _check(environment: Environment, console: Console) -> None:
    """Download the join, show its beginning, and compare every row with what plain Python makes of the samples."""
    found = _download(environment, console)
    expected = expected_join(SALES, MARKETING)
    table = Table(*_PREVIEW_COLUMNS, title=f"The first {_PREVIEW_ROWS} of {len(found)} rows, some columns", box=None)
    for row in found[:_PREVIEW_ROWS]:
        table.add_row(*(row.get(name, "") for name in _PREVIEW_COLUMNS))
    console.print(table)
    compare(found, expected)
    console.print(f"All {len(expected)} rows are what plain Python makes of the two sample files.")


def compare(found: Sequence[Row], expected: Sequence[Row]) -> None:
    """See that the rows are the expected ones, in their order.

    Raises:
        WorkflowError: names the first difference.

    """
    for place, (row, right) in enumerate(zip(found, expected, strict=False), start=1):
        if row != right:
            wrong = sorted(name for name in row.keys() | right.keys() if row.get(name) != right.get(name))
            raise WorkflowError(
                f"row {place} of the join is wrong in {', '.join(wrong)}: "
                f"{ {name: row.get(name) for name in wrong} } instead of { {name: right.get(name) for name in wrong} }"
            )
    if len(found) != len(expected):
        raise WorkflowError(f"the join has {len(found)} rows instead of {len(expected)}")


def _download(environment: Environment, console: Console) -> list[Row]:
    """Say where the join lies, copy its CSV here, and return its rows."""
    s3: S3Client = boto3.client("s3")
    bucket = str(environment.data_bucket)
    RESULTS.mkdir(parents=True, exist_ok=True)
    rows: list[Row] = []
    for thing in s3.list_objects_v2(Bucket=bucket, Prefix=f"{environment.output_prefix}joined/").get("Contents", []):
        console.print(f"s3://{bucket}/{thing['Key'].rpartition('/')[0]}/  {thing['Size']:,} bytes")
        if thing["Key"].endswith(".csv"):
            s3.download_file(bucket, thing["Key"], str(JOINED))
            with JOINED.open(newline="", encoding="utf-8") as file:
                rows += csv.DictReader(file)
    console.print(f"The CSV is copied to {_shown(JOINED)}.")
    return rows


def _save(history: Sequence[dict[str, Any]]) -> None:
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "history.json").write_text(json.dumps(history, indent=2, default=str), encoding="utf-8")
    (RESULTS / "history.md").write_text(as_markdown(history), encoding="utf-8")


def _timings(console: Console, states: Sequence[StateVisit]) -> None:
    """Say how long each state took, where the table above has not said it."""
    if not console.is_terminal:
        console.rule("[bold]4. How long each state took")
        console.print(states_table(states))


def _keep(aws: EmbeddedAWS, console: Console) -> None:
    console.print(
        f"{how_to_use(aws)}It stays up until Ctrl-C. After these, try `aws s3 ls` in another terminal.", markup=False
    )
    try:
        while True:
            time.sleep(1)
    except KeyboardInterrupt:
        console.print("Ended.")


def _shown(path: Path) -> Path:
    return path.relative_to(ROOT)
