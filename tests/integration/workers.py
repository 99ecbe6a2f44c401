"""A real ``runners worker`` process against the embedded AWS, and what its runners need there."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

from runners.deployment import environment as environments
from runners.deployment.templates import body, parameters
from tests.integration.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from runners.local.server import EmbeddedAWS

COMMAND = (sys.executable, "-m", "runners", "worker")
LOCAL = environments.load("local")


def variables_of(aws: EmbeddedAWS) -> dict[str, str]:
    """The environment of a process that finds the embedded AWS, and nothing of this one's own AWS."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "RUNNERS_", "ETL_"))}
    return own | aws.environment()


def make_table(aws: EmbeddedAWS) -> str:
    """Make the table of active jobs as its template makes it, and return its name."""
    values = parameters("runner-resources", LOCAL, {})
    aws.client("cloudformation").create_stack(
        StackName="runner-resources",
        TemplateBody=body("runner-resources"),
        Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in values.items()],
    )
    return LOCAL.active_jobs_table


def make_activity(aws: EmbeddedAWS, name: str) -> str:
    """Make an activity and return its ARN."""
    return str(aws.client("stepfunctions").create_activity(name=name)["activityArn"])


def make_glue_job(aws: EmbeddedAWS, script: str, name: str = "job") -> str:
    """Make a Glue job that runs a script in Python's shell, any number of times at once, and return its name."""
    bucket = f"scripts-of-{name.lower()}"
    aws.client("s3").create_bucket(Bucket=bucket)
    aws.client("s3").put_object(Bucket=bucket, Key="script.py", Body=script.encode())
    aws.client("glue").create_job(
        Name=name,
        Role="role",
        Command={"Name": "pythonshell", "ScriptLocation": f"s3://{bucket}/script.py"},
        ExecutionProperty={"MaxConcurrentRuns": 1000},
    )
    return name


def make_state_machine(aws: EmbeddedAWS, name: str, activity_arn: str, input_: Mapping[str, Any], **fields: Any) -> str:
    """Make a state machine with one task of an activity, and return its ARN."""
    task = {"Type": "Task", "Resource": activity_arn, "Parameters": input_, "End": True, **fields}
    return str(
        aws.client("stepfunctions").create_state_machine(
            name=name,
            roleArn=f"arn:aws:iam::{LOCAL.account_id}:role/role",
            definition=json.dumps({"StartAt": "Work", "States": {"Work": task}}),
        )["stateMachineArn"]
    )


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class WorkerProcess:
    """One worker; what it says and logs goes to a file."""

    def __init__(self, variables: Mapping[str, str], log: Path, *arguments: str) -> None:
        self._log = log
        self.port = free_port()
        with log.open("ab") as file:
            self._begins = file.tell()
            self.process = subprocess.Popen(
                [*COMMAND, "--health-port", str(self.port), *arguments],
                env=dict(variables),
                stdin=subprocess.DEVNULL,
                stderr=file,
                start_new_session=True,
            )

    def ask(self, path: str) -> tuple[int, str]:
        """Return the status and the body of an answer over HTTP; status 0 while nobody listens."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def health(self) -> dict[str, Any]:
        """Return what ``/health`` answers; nothing while nobody listens."""
        return dict(json.loads(self.ask("/health")[1] or "{}"))

    def polls(self) -> bool:
        """Whether every runner has open polls."""
        runners = self.health().get("runners", {})
        return bool(runners) and all(runner["open_polls"] for runner in runners.values())

    def until_it_polls(self) -> WorkerProcess:
        """Wait until every runner has open polls."""
        eventually(self.polls)
        return self

    def send(self, number: signal.Signals) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    def status(self) -> int:
        """Wait for the end of the process and return its exit status."""
        return self.process.wait(30)

    def kill(self) -> None:
        """Kill the process."""
        self.process.kill()
        self.process.wait(30)

    def said(self) -> str:
        """Return all that it has written."""
        return self._log.read_bytes()[self._begins :].decode()
