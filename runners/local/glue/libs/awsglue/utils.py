"""Reads a job's arguments, as ``getResolvedOptions`` inside Glue does. Needs no PySpark."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

RESERVED = ("JOB_ID", "JOB_RUN_ID", "SECURITY_CONFIGURATION")
RESERVED_WITH_VALUE = (
    "job-bookmark-option",
    "job-bookmark-from",
    "job-bookmark-to",
    "TempDir",
    "encryption-type",
    "redshift_tmp_dir",
)


class GlueArgumentError(Exception):
    """An argument that the script asks for was not given to the job, or cannot be asked for."""


def getResolvedOptions(args: Sequence[str], options: Sequence[str]) -> dict[str, str]:  # noqa: N802 - Glue's name
    """Find the values of named arguments in ``sys.argv``.

    An argument is written ``--name value`` or ``--name=value``; the last one wins. Of what Glue passes by itself,
    what is there comes along (``JOB_RUN_ID``, ``TempDir`` …). Names that the script does not ask for are skipped.
    Raises ``GlueArgumentError`` that names every argument that is missing.

    >>> getResolvedOptions(["script.py", "--day", "2014-03-01"], ["day"])
    {'day': '2014-03-01'}
    """
    reserved = [name for name in options if name in (*RESERVED, *RESERVED_WITH_VALUE) and name != "TempDir"]
    if reserved:
        raise GlueArgumentError(f"reserved by Glue, take another name: {', '.join(reserved)}")
    wanted = {*options, *RESERVED, *RESERVED_WITH_VALUE}
    found = dict(_pairs(args[1:], wanted))
    missing = [f"--{name}" for name in options if name not in found]
    if missing:
        raise GlueArgumentError(f"the following arguments are required: {', '.join(missing)}")
    return found


def _pairs(arguments: Sequence[str], wanted: set[str]) -> Iterator[tuple[str, str]]:
    """Pair each wanted name with its value; a value may begin with dashes, as long as it is no wanted name."""
    position = 0
    while position < len(arguments):
        name, equals, value = arguments[position].removeprefix("--").partition("=")
        is_name = arguments[position].startswith("--") and name in wanted
        position += 1
        if not is_name:
            continue
        if not equals:
            if position >= len(arguments) or _is_name(arguments[position], wanted):
                raise GlueArgumentError(f"argument --{name}: expected one argument")
            value = arguments[position]
            position += 1
        yield name, value


def _is_name(argument: str, wanted: set[str]) -> bool:
    return argument.startswith("--") and argument[2:].partition("=")[0] in wanted
