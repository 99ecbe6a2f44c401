"""The command line of ``spark-submit``, as far as one machine can follow it: a PySpark script with its settings.

Options that only size a cluster say nothing here, and are let through; what needs one, or a JVM's program, is refused
by its name. Runs nothing.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runners.errors import LocalAWSError
from runners.local.s3.objects import is_s3_path

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

COMMAND = "spark-submit"
CONF = frozenset({"--conf", "-c"})
PY_FILES = "--py-files"
WITHOUT_MEANING = frozenset(
    {
        "--master",
        "--deploy-mode",
        "--name",
        "--queue",
        "--num-executors",
        "--executor-cores",
        "--executor-memory",
        "--total-executor-cores",
        "--driver-cores",
        "--driver-memory",
    }
)
"""Options with a value that place and size a job on a cluster."""
FLAGS = frozenset({"--verbose", "-v", "--supervise"})


@dataclass(frozen=True)
class SparkJob:
    """A PySpark script, and what it is run with."""

    location: str
    """``s3://bucket/key.py``."""
    arguments: tuple[str, ...]
    settings: Mapping[str, str]
    """Of Spark, by their names."""
    modules: tuple[str, ...] = ()
    """Archives and modules in S3 that the script imports."""


def parse(arguments: Sequence[str]) -> SparkJob:
    """Read what follows ``spark-submit``. Raises ``LocalAWSError`` for what cannot be run here."""
    left = list(arguments)
    settings: dict[str, str] = {}
    modules: tuple[str, ...] = ()
    while left and left[0].startswith("-"):
        option, *joined = _apart(left.pop(0))
        left = [*joined, *left]
        if option in FLAGS:
            continue
        if option not in CONF | WITHOUT_MEANING | {PY_FILES}:
            raise LocalAWSError(f"{COMMAND} {option} is not known to the embedded EMR: leave it out")
        if not left:
            raise LocalAWSError(f"{COMMAND} {option} has no value: give one")
        value = left.pop(0)
        if option in CONF:
            settings |= _setting(value)
        elif option == PY_FILES:
            modules = tuple(part.strip() for part in value.split(",") if part.strip())
    if not left:
        raise LocalAWSError(f"{COMMAND} names no script: give one in S3, s3://bucket/key.py")
    return SparkJob(_script(left[0]), tuple(left[1:]), settings, modules)


def _apart(argument: str) -> list[str]:
    """Take ``--option=value`` apart."""
    name, equals, value = argument.partition("=")
    return [name, value] if equals and name.startswith("--") else [argument]


def _setting(text: str) -> dict[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise LocalAWSError(f"{COMMAND} --conf takes name=value, and was given {name!r}")
    return {name.strip(): value.strip()}


def _script(location: str) -> str:
    if not location.endswith(".py") or not is_s3_path(location):
        kind = "a JAR, which the embedded EMR does not run" if location.endswith(".jar") else "no PySpark script in S3"
        raise LocalAWSError(f"{location} is {kind}: give s3://bucket/key.py")
    return location


def split(parameters: str) -> list[str]:
    """Take a line of options apart, as a shell does. Raises ``LocalAWSError`` for one with an open quote."""
    try:
        return shlex.split(parameters)
    except ValueError as error:
        raise LocalAWSError(f"the options of {COMMAND} cannot be read: {error}") from error
