"""Starts the process of one Glue job run, watches over it, and ends it with all that it started.

Knows how a script is prepared and run on this machine; knows nothing of run states, retries or moto.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import runners
from runners.errors import LocalAWSError
from runners.local.s3 import objects
from runners.local.s3.objects import S3Path

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import timedelta

    from mypy_boto3_s3 import S3Client

    from runners.local.glue.child import Plan
    from runners.local.glue.job_run import JobRun, RunRequest

GLUE_LIBS = Path(__file__).parent / "libs"
PACKAGE_ROOT = Path(runners.__file__).parents[1]
SPARK_SETTINGS = {
    "spark.master": "local[*]",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.sql.session.timeZone": "UTC",  # as inside Glue
    "spark.sql.shuffle.partitions": "8",
}


class JobProcess:
    """A running script. Its output lies in ``stdout`` and ``stderr`` of the run's directory."""

    def __init__(self, run: JobRun, directory: Path, client: S3Client, environment: Mapping[str, str]) -> None:
        """Fetch the script and start it.

        ``directory`` is the run's own, and empty. Raises ``LocalAWSError`` or ``botocore``'s ``ClientError`` when
        the script or what it needs cannot be had.
        """
        self._error_file = directory / "error"
        work = directory / "work"
        work.mkdir()
        self._end_of_life_line, self._life_line = os.pipe()
        try:
            extra = _extra_modules(run.request, directory, client)
            plan = _plan(run, directory, client, self._error_file, self._end_of_life_line)
            (directory / "plan.json").write_text(json.dumps(plan), encoding="utf-8")
            with (directory / "stdout").open("wb") as stdout, (directory / "stderr").open("wb") as stderr:
                self._process = subprocess.Popen(  # noqa: S603 - running a person's own script is the purpose
                    [sys.executable, "-m", "runners.local.glue.child", str(directory / "plan.json")],
                    stdin=subprocess.DEVNULL,
                    stdout=stdout,
                    stderr=stderr,
                    cwd=work,
                    env={**_environment(directory, extra), **environment},
                    pass_fds=(self._end_of_life_line,),
                    start_new_session=True,
                )
        except BaseException:
            os.close(self._life_line)
            raise
        finally:
            os.close(self._end_of_life_line)

    def ended_within(self, patience: timedelta) -> bool:
        """Wait for the end of the process, but not for ever."""
        try:
            self._process.wait(max(0.0, patience.total_seconds()))
        except subprocess.TimeoutExpired:
            return False
        self.kill()  # what the script left running in the background
        return True

    def kill(self) -> None:
        """End the process and all that it started, at once."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def close(self) -> None:
        """Make sure that nothing is left."""
        self.kill()
        self._process.wait()
        os.close(self._life_line)

    def error_message(self) -> str | None:
        """Why the script failed, or nothing if it did not."""
        if self._process.returncode == 0:
            return None
        with suppress(FileNotFoundError):
            return self._error_file.read_text(encoding="utf-8")
        return f"Command failed with exit code {self._process.returncode}"


def _plan(run: JobRun, directory: Path, client: S3Client, error_file: Path, life_line: int) -> Plan:
    request = run.request
    _require_modules(request.arguments.get("--additional-python-modules", ""))
    location = request.arguments.get("--scriptLocation") or request.command.get("ScriptLocation", "")
    script = objects.download(client, location, directory / "script").get(S3Path.parse(location).key)
    if script is None:
        raise LocalAWSError(f"the script location {location} is no object: name the file")
    return {
        "script": str(script),
        "arguments": [part for pair in _arguments(run).items() for part in pair],
        "error_file": str(error_file),
        "life_line": life_line,
    }


def _extra_modules(request: RunRequest, directory: Path, client: S3Client) -> list[Path]:
    """Fetch ``--extra-py-files``; answers what goes on the Python path, an archive or the directory of a module."""
    files = [
        file
        for number, path in enumerate(_listed(request.arguments.get("--extra-py-files", "")))
        for file in objects.download(client, path, directory / f"extra-{number}").values()
    ]
    return [file.parent if file.suffix == ".py" else file for file in files]


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


def _environment(directory: Path, modules: Sequence[Path]) -> dict[str, str]:
    """Pass on the environment without a person's AWS settings, with room and libraries for this run."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    spark_conf = directory / "spark-conf"
    scratch = directory / "tmp"
    spark_conf.mkdir()
    scratch.mkdir()
    settings = "".join(f"{name} {value}\n" for name, value in SPARK_SETTINGS.items())
    (spark_conf / "spark-defaults.conf").write_text(settings, encoding="utf-8")
    return {
        "RUNNERS_SQL_ENGINE": "duckdb",  # unless it is set outside
        **inherited,
        # In the environment, not in sys.path, so that Spark's workers have them as well.
        "PYTHONPATH": os.pathsep.join(
            [*map(str, modules), str(GLUE_LIBS), str(PACKAGE_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        ),
        "PYTHONUNBUFFERED": "1",
        "PYTHONIOENCODING": "utf-8",
        "TMPDIR": str(scratch),
        "SPARK_CONF_DIR": str(spark_conf),
        "SPARK_LOCAL_DIRS": str(scratch),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "PYSPARK_PYTHON": sys.executable,
    }


def notes(request: RunRequest) -> Iterator[str]:
    """Say what Glue would do for such a run and the embedded Glue does not."""
    if request.connections:
        yield f"connections are not opened by the embedded Glue: {', '.join(request.connections)}"
    if request.arguments.get("--job-bookmark-option") == "job-bookmark-enable":
        yield "job bookmarks are not kept by the embedded Glue: this run reads everything"
    if request.arguments.get("--extra-jars"):
        yield "--extra-jars is not passed on by the embedded Glue"
