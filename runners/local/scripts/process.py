"""Starts the process of one script, watches over it, and ends it with all that it started.

Knows how a script is run on this machine, with or without Spark; knows nothing of jobs, their states or moto.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import runners
from runners.errors import LocalAWSError
from runners.local.s3 import objects
from runners.local.s3.objects import S3Path

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import timedelta

    from mypy_boto3_s3 import S3Client

    from runners.local.scripts.child import Plan

PACKAGE_ROOT = Path(runners.__file__).parents[1]
SPARK_DEFAULTS = {
    "spark.sql.session.timeZone": "UTC",  # as at AWS
    "spark.sql.shuffle.partitions": "8",
}
"""Settings of Spark that a script's own win over."""
SPARK_ON_ONE_MACHINE = {
    "spark.master": "local[*]",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
}
"""Settings of Spark that nobody wins over."""


@dataclass(frozen=True)
class Script:
    """What is run, and with what."""

    file: Path
    arguments: Sequence[str] = ()
    modules: Sequence[Path] = ()
    """What goes on the Python path: archives, and directories of modules."""
    spark_settings: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)


class ScriptProcess:
    """A running script. Its output lies in ``stdout`` and ``stderr`` of its directory."""

    def __init__(self, script: Script, directory: Path) -> None:
        """Start it in a directory of its own, made for it alone."""
        self._error_file = directory / "error"
        work = directory / "work"
        work.mkdir()
        self._end_of_life_line, self._life_line = os.pipe()
        try:
            plan: Plan = {
                "script": str(script.file),
                "arguments": list(script.arguments),
                "error_file": str(self._error_file),
                "life_line": self._end_of_life_line,
            }
            (directory / "plan.json").write_text(json.dumps(plan), encoding="utf-8")
            with (directory / "stdout").open("wb") as stdout, (directory / "stderr").open("wb") as stderr:
                self._process = subprocess.Popen(  # noqa: S603 - running a person's own script is the purpose
                    [sys.executable, "-m", "runners.local.scripts.child", str(directory / "plan.json")],
                    stdin=subprocess.DEVNULL,
                    stdout=stdout,
                    stderr=stderr,
                    cwd=work,
                    env=_environment(directory, script),
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


def fetched(client: S3Client, location: str, directory: Path) -> Path:
    """Bring a script from S3 into a directory. Raises ``LocalAWSError`` or ``botocore``'s ``ClientError``."""
    script = objects.download(client, location, directory).get(S3Path.parse(location).key)
    if script is None:
        raise LocalAWSError(f"the script location {location} is no object: name the file")
    return script


def modules(client: S3Client, paths: Iterable[str], directory: Path) -> list[Path]:
    """Bring modules from S3 into a directory; answers what goes on the Python path, an archive or a directory."""
    files = [
        file
        for number, path in enumerate(paths)
        for file in objects.download(client, path, directory / f"extra-{number}").values()
    ]
    return [file.parent if file.suffix == ".py" else file for file in files]


def _environment(directory: Path, script: Script) -> dict[str, str]:
    """Pass on the environment without a person's AWS settings, with room and libraries for this script."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    spark_conf = directory / "spark-conf"
    scratch = directory / "tmp"
    spark_conf.mkdir()
    scratch.mkdir()
    settings = {**SPARK_DEFAULTS, **script.spark_settings, **SPARK_ON_ONE_MACHINE}
    written = "".join(f"{name} {value}\n" for name, value in settings.items())
    (spark_conf / "spark-defaults.conf").write_text(written, encoding="utf-8")
    path = [*map(str, script.modules), str(PACKAGE_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {
        **inherited,
        # In the environment, not in sys.path, so that Spark's workers have them as well.
        "PYTHONPATH": os.pathsep.join(path),
        "PYTHONUNBUFFERED": "1",
        "PYTHONIOENCODING": "utf-8",
        "TMPDIR": str(scratch),
        "SPARK_CONF_DIR": str(spark_conf),
        "SPARK_LOCAL_DIRS": str(scratch),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "PYSPARK_PYTHON": sys.executable,
        **script.environment,
    }
