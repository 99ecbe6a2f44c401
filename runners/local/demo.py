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
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from rich.console import Console
from rich.live import Live
from rich.table import Table

from runners.deployment.deployment import Deployment
from runners.deployment.environment import ROOT
from runners.errors import RunnersError
from runners.local.execution_view import StateVisit, as_markdown, visits
from runners.local.expected_join import Row, expected_join
from runners.local.server import EmbeddedAWS, how_to_use

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mypy_boto3_s3 import S3Client
    from mypy_boto3_stepfunctions import SFNClient

    from runners.deployment.environment import Environment

SALES = ROOT / "samples" / "SalesPipeline_QuickSightSample.csv"
MARKETING = ROOT / "samples" / "MarketingData_QuickSightSample.csv"
RESULTS = ROOT / "build" / "demo"
JOINED = RESULTS / "joined.csv"
KEEP = "KEEP"  # environment variable: leave the embedded AWS running afterwards

UPLOAD_AFTER = timedelta(seconds=1.5)
LOOK_EVERY = timedelta(seconds=0.2)
GIVE_UP_AFTER = timedelta(minutes=5)
_PREVIEW_ROWS = 5
_PREVIEW_COLUMNS = ("date", "forecasted_monthly_revenue", "opportunities", "Website_Visits")
_STYLES = {"succeeded": "green", "running": "yellow", "failed": "bold red", "timed out": "bold red"}


class DemoError(RunnersError):
    """The workflow did not do what it should; the message says what was found instead."""


def main() -> None:
    """Run the demo, and with ``KEEP=1`` leave the embedded AWS running until Ctrl-C.

    Raises:
        DemoError: the execution failed, or the rows are wrong.

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
        history = _run(environment, console)
        console.rule("[bold]3. Look at the joined rows")
        _check(environment, console)
        _save(history)
        _timings(console, visits(history))
        console.print(
            f"[green]Done in {time.monotonic() - began:.1f} s.[/] The execution's history lies in {_shown(RESULTS)}/."
        )
        if os.environ.get(KEEP):
            _keep(aws, console)


def _run(environment: Environment, console: Console) -> list[dict[str, Any]]:
    """Start an execution, upload the samples, follow it to its end, and return its history."""
    step_functions: SFNClient = boto3.client("stepfunctions")
    s3: S3Client = boto3.client("s3")
    account = f"{environment.region}:{environment.account_id}"
    arn = f"arn:aws:states:{account}:stateMachine:{environment.state_machine}"
    execution = step_functions.start_execution(stateMachineArn=arn)["executionArn"]
    console.print(f"Started {execution}")
    uploads = {environment.sales_prefix: SALES, environment.marketing_prefix: MARKETING}
    started = time.monotonic()
    with closing(_View(console)) as view:
        while True:
            history = _history(step_functions, execution)
            status = step_functions.describe_execution(executionArn=execution)
            view.show(visits(history))
            if status["status"] != "RUNNING":
                break
            elapsed = timedelta(seconds=time.monotonic() - started)
            if uploads and elapsed > UPLOAD_AFTER:
                for prefix, path in uploads.items():
                    view.say(f"Uploading {_shown(path)} to s3://{environment.data_bucket}/{prefix}")
                    s3.upload_file(str(path), str(environment.data_bucket), f"{prefix}{path.name}")
                uploads = {}
            if elapsed > GIVE_UP_AFTER:
                raise DemoError(f"the execution has not ended after {GIVE_UP_AFTER}; its states are shown above")
            time.sleep(LOOK_EVERY.total_seconds())
    if status["status"] != "SUCCEEDED":
        cause = f"{status.get('error', '')} {status.get('cause', '')}".strip()
        raise DemoError(f"the execution ended as {status['status']}: {cause}")
    return _history(step_functions, execution)


def _history(step_functions: SFNClient, execution: str) -> list[dict[str, Any]]:
    pages = step_functions.get_paginator("get_execution_history").paginate(executionArn=execution)
    return [dict(event) for page in pages for event in page["events"]]


class _View:
    """The states as they change: a table that is redrawn on a terminal, a line a change elsewhere."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, auto_refresh=False) if console.is_terminal else None
        self._shown: dict[int, str] = {}
        if self._live:
            self._live.start()

    def show(self, states: Sequence[StateVisit]) -> None:
        if self._live:
            self._live.update(_states_table(states), refresh=True)
            return
        for place, state in enumerate(states):
            if self._shown.get(place) != state.status:
                self._shown[place] = state.status
                self._console.print(f"{_now():%H:%M:%S}  {state.name}: {state.status}")

    def say(self, text: str) -> None:
        self._console.print(f"{_now():%H:%M:%S}  {text}")

    def close(self) -> None:
        if self._live:
            self._live.stop()


def _states_table(states: Sequence[StateVisit]) -> Table:
    table = Table("State", "Status", "Seconds", box=None, pad_edge=False)
    for state in states:
        seconds = f"{state.took(_now()).total_seconds():.1f}"
        table.add_row(state.name, f"[{_STYLES.get(state.status, 'dim')}]{state.status}[/]", seconds)
    return table


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
        DemoError: names the first difference.

    """
    for place, (row, right) in enumerate(zip(found, expected, strict=False), start=1):
        if row != right:
            wrong = sorted(name for name in row.keys() | right.keys() if row.get(name) != right.get(name))
            raise DemoError(
                f"row {place} of the join is wrong in {', '.join(wrong)}: "
                f"{ {name: row.get(name) for name in wrong} } instead of { {name: right.get(name) for name in wrong} }"
            )
    if len(found) != len(expected):
        raise DemoError(f"the join has {len(found)} rows instead of {len(expected)}")


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
        console.print(_states_table(states))


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


def _now() -> datetime:
    return datetime.now(UTC)
