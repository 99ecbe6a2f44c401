"""Carries a PySpark script out from its first line to its last, and keeps what it printed where it was asked to.

What EMR's steps and EMR Serverless's job runs have in common; knows the states of neither.
"""

from __future__ import annotations

import gzip
import importlib.util
import logging
import os
import shutil
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from boto3.exceptions import Boto3Error
from botocore.exceptions import ClientError

from runners.errors import LocalAWSError, RunnersError
from runners.local.s3 import objects
from runners.local.scripts.process import Script, ScriptProcess, fetched, modules

if TYPE_CHECKING:
    from collections.abc import Callable

    from runners.local.emr.spark_submit import SparkJob

ENVIRONMENT = ("spark.emr-serverless.driverEnv.", "spark.yarn.appMasterEnv.")
"""How settings begin that are variables of the script's environment."""
LOOK_INTERVAL = timedelta(seconds=1)
"""How often the time that is left is looked at."""


class Surroundings(Protocol):
    """What a run needs of the embedded AWS."""

    def client(self, service: str, region: str | None = None) -> Any:
        """Answer a boto3 client of this AWS."""

    def environment(self) -> dict[str, str]:
        """Answer the environment variables that point boto3 to this AWS."""


logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Run:
    """What is to be carried out."""

    job: SparkJob
    region: str
    logs: str | None = None
    """``s3://bucket/prefix`` below which the output goes, packed."""
    timeout: timedelta | None = None


class RunTimedOutError(LocalAWSError):
    """The script took longer than it may."""


class ScriptFailedError(LocalAWSError):
    """The script failed; the message is the last line of its traceback."""


def require_spark() -> None:
    """Raise ``LocalAWSError``, with what to install, where there is no Spark."""
    if importlib.util.find_spec("pyspark") is None:
        raise LocalAWSError("PySpark is not installed: pip install -e '.[spark]' (needs Java 17)")
    if not (shutil.which("java") or os.environ.get("JAVA_HOME")):
        raise LocalAWSError("PySpark needs Java 17 on the PATH or in JAVA_HOME: install it")


def carry_out(run: Run, aws: Surroundings, started: Callable[[Callable[[], None]], None]) -> None:
    """Run a script to its end; ``started`` is given what kills it.

    Raises ``RunTimedOutError``, ``ScriptFailedError``, or another ``RunnersError`` where it cannot be started.
    """
    require_spark()
    client = aws.client("s3", run.region)
    with tempfile.TemporaryDirectory(prefix="runners-spark-run-", ignore_cleanup_errors=True) as name:
        directory = Path(name)
        environment = {
            **_variables(run.job),
            **aws.environment(),
            "AWS_REGION": run.region,
            "AWS_DEFAULT_REGION": run.region,
        }
        try:
            script = Script(
                fetched(client, run.job.location, directory / "script"),
                run.job.arguments,
                modules=modules(client, run.job.modules, directory),
                spark_settings=run.job.settings,
                environment=environment,
            )
        except ClientError as error:
            raise LocalAWSError(f"{run.job.location} cannot be had: {error}") from error
        process = ScriptProcess(script, directory)
        try:
            started(process.kill)
            _wait(process, run.timeout)
        finally:
            process.close()
            _keep_output(run, client, directory)


def _variables(job: SparkJob) -> dict[str, str]:
    return {
        name.removeprefix(prefix): value
        for name, value in job.settings.items()
        for prefix in ENVIRONMENT
        if name.startswith(prefix)
    }


def _wait(process: ScriptProcess, timeout: timedelta | None) -> None:
    deadline = datetime.now(UTC) + timeout if timeout else None
    while not process.ended_within(LOOK_INTERVAL):
        if deadline and datetime.now(UTC) > deadline:
            raise RunTimedOutError(f"the script took longer than {timeout}")
    if message := process.error_message():
        raise ScriptFailedError(message)


def _keep_output(run: Run, client: Any, directory: Path) -> None:
    """Bring what was printed to S3. A place that cannot be written to does not fail the run, as at AWS."""
    if run.logs is None:
        return
    packed = {}
    for name in ("stdout", "stderr"):
        packed[f"{name}.gz"] = directory / f"{name}.gz"
        packed[f"{name}.gz"].write_bytes(gzip.compress((directory / name).read_bytes()))
    try:
        objects.upload(client, packed, run.logs)
    except (RunnersError, ClientError, Boto3Error) as error:
        logger.warning("output not kept", extra={"action": "output_not_kept", "place": run.logs, "error": str(error)})
