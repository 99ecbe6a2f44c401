"""The process of one Glue job run: its script from S3, with the arguments and the libraries that Glue gives it.

Knows what a job's arguments ask for; knows nothing of run states, retries or moto.
"""

from __future__ import annotations

import importlib.metadata
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from runners.errors import LocalAWSError
from runners.local.scripts.process import Script, ScriptProcess, fetched, modules

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mypy_boto3_s3 import S3Client

    from runners.local.glue.job_run import JobRun, RunRequest

GLUE_LIBS = Path(__file__).parent / "libs"
SQL_ENGINE = "RUNNERS_SQL_ENGINE"


def started(run: JobRun, directory: Path, client: S3Client, environment: Mapping[str, str]) -> ScriptProcess:
    """Fetch the script of a run and start it.

    ``directory`` is the run's own, and empty. Raises ``LocalAWSError`` or ``botocore``'s ``ClientError`` when the
    script or what it needs cannot be had.
    """
    arguments = run.request.arguments
    extra = modules(client, _listed(arguments.get("--extra-py-files", "")), directory)
    _require_modules(arguments.get("--additional-python-modules", ""))
    location = arguments.get("--scriptLocation") or run.request.command.get("ScriptLocation", "")
    script = Script(
        fetched(client, location, directory / "script"),
        [part for pair in _arguments(run).items() for part in pair],
        modules=[*extra, GLUE_LIBS],
        environment={SQL_ENGINE: os.environ.get(SQL_ENGINE, "duckdb"), **environment},
    )
    return ScriptProcess(script, directory)


def _arguments(run: JobRun) -> dict[str, str]:
    """Tell the script the run's arguments, and what Glue adds."""
    return {
        **run.request.arguments,
        "--JOB_NAME": run.request.job_name,
        "--JOB_RUN_ID": run.run_id,
    }


def _require_modules(argument: str) -> None:
    """Glue would install them; here they must be there already. Versions are not compared."""
    for requirement in _listed(argument):
        name = re.match(r"[A-Za-z0-9._-]+", requirement)
        try:
            importlib.metadata.version(name.group() if name else "")
        except (importlib.metadata.PackageNotFoundError, ValueError):
            raise LocalAWSError(
                f"--additional-python-modules asks for {requirement}, which the embedded Glue does not install: "
                f"install it beside etl-runners, e.g. pip install '{requirement}'"
            ) from None


def _listed(argument: str) -> Iterator[str]:
    return (part.strip() for part in argument.split(",") if part.strip())


def notes(request: RunRequest) -> Iterator[str]:
    """Say what Glue would do for such a run and the embedded Glue does not."""
    if request.connections:
        yield f"connections are not opened by the embedded Glue: {', '.join(request.connections)}"
    if request.arguments.get("--job-bookmark-option") == "job-bookmark-enable":
        yield "job bookmarks are not kept by the embedded Glue: this run reads everything"
    if request.arguments.get("--extra-jars"):
        yield "--extra-jars is not passed on by the embedded Glue"
