"""What every sample needs: an embedded AWS with the services that it switches on, and state machines run to their end.

The templates, the build commands and the functions are those that go to AWS.
"""

from __future__ import annotations

import csv
import io
import json
import os
import time
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import boto3
from rich.table import Table

from runners.deployment.deployment import Deployment
from runners.deployment.environment import WORKFLOW_SERVICE
from runners.local.following import WorkflowError, follow
from runners.local.server import EmbeddedAWS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rich.console import Console

    from runners.deployment.environment import Environment

Row = dict[str, str]


class Stage:
    """A deployed embedded AWS, on which a sample runs."""

    def __init__(self, deployment: Deployment, console: Console) -> None:
        self.console = console
        self._deployment = deployment

    @property
    def name(self) -> str:
        """The environment's name."""
        return self._deployment.name

    @property
    def environment(self) -> Environment:
        """The environment that is deployed."""
        return self._deployment.environment

    @property
    def bucket(self) -> str:
        """The data bucket's name."""
        return str(self.environment.data_bucket)

    def create_stack(self, name: str) -> None:
        """Create a sample's own stack."""
        self._deployment.create_stack(name)

    def run(self, state_machine: str, given: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Run a state machine to its end and return its output.

        Args:
            state_machine: its name.
            given: the execution's input; none if left out.

        Raises:
            WorkflowError: the execution failed.

        """
        step_functions = boto3.client("stepfunctions")
        account = f"{self.environment.region}:{self.environment.account_id}"
        arn = f"arn:aws:states:{account}:stateMachine:{state_machine}"
        execution = step_functions.start_execution(stateMachineArn=arn, input=json.dumps(given or {}))["executionArn"]
        self.console.print(f"Started {execution}")
        follow(step_functions, execution, self.console)
        output: dict[str, Any] = json.loads(step_functions.describe_execution(executionArn=execution)["output"])
        return output

    def csv_rows(self, location: str) -> list[Row]:
        """Return the rows of a CSV file in S3, such as the result of a query."""
        body = boto3.client("s3").get_object(**_place(location))["Body"].read().decode()
        return list(csv.DictReader(io.StringIO(body)))

    def show(self, title: str, rows: Sequence[Mapping[str, object]]) -> None:
        """Print rows as a table; all have the same columns."""
        table = Table(*rows[0], title=title, title_justify="left", box=None, pad_edge=False)
        for row in rows:
            table.add_row(*map(str, row.values()))
        self.console.print(table)


@contextmanager
def stage(console: Console, services: Sequence[str], **settings: Any) -> Iterator[Stage]:
    """Start an embedded AWS, deploy the local environment with more services to it, and end it afterwards.

    Args:
        console: where is told what happens.
        services: the services that the sample needs besides the main workflow's.
        settings: what those runners may use, such as ``crawlers=("Uploads",)``.

    """
    began = time.monotonic()
    # moto warns of each resource that it cannot make itself, once an interrupt has taken its extensions away.
    warnings.filterwarnings("ignore", module=r"moto\.")
    with EmbeddedAWS() as aws:
        os.environ.update(aws.environment())
        console.rule("[bold]Deploy to the embedded AWS")
        deployment = Deployment("local")
        deployment.environment = deployment.environment.changed(services=(WORKFLOW_SERVICE, *services), **settings)
        deployment.deploy()
        yield Stage(deployment, console)
        console.print(f"[green]Done in {time.monotonic() - began:.1f} s.[/]")


def compare(found: Sequence[Mapping[str, object]], expected: Sequence[Mapping[str, object]], of: str) -> None:
    """See that rows are the expected ones, in their order.

    Raises:
        WorkflowError: names the first difference.

    """
    for place, (row, right) in enumerate(zip(found, expected, strict=False), start=1):
        if row != right:
            raise WorkflowError(f"row {place} of {of} is {dict(row)} instead of {dict(right)}")
    if len(found) != len(expected):
        raise WorkflowError(f"{of} has {len(found)} rows instead of {len(expected)}")


def _place(location: str) -> dict[str, str]:
    parts = urlsplit(location)
    return {"Bucket": parts.netloc, "Key": parts.path.lstrip("/")}
