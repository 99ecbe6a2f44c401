"""The command ``runners lint``: where texts come from, and where findings go.

What it needs is imported when it runs: a worker has the command line, and none of the extras that this stands on.
"""

from __future__ import annotations

import json
import os
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from runners.errors import ConfigurationError
from runners.retries import error_code, repeated

if TYPE_CHECKING:
    import argparse

    from mypy_boto3_stepfunctions import SFNClient

    from runners.deployment.environment import Environment
    from runners.lint.knowledge import Knowledge
    from runners.lint.linting import Report

_STANDARD_INPUT = "-"
_STATE_MACHINE = re.compile(r"arn:[^:]+:states:(?P<region>[^:]+):(?P<account>\d{12}):stateMachine:.+")
_YAML, _JSON = (".yaml", ".yml"), (".json",)
_UNKNOWN = ("StateMachineDoesNotExist", "InvalidArn", "ResourceNotFound")


def add_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``lint`` to the commands of ``runners``."""
    parser = commands.add_parser(
        "lint",
        help="find what is wrong with state machines",
        description="Find what is wrong with state machines, above all with their activity tasks. The exit status is "
        "1 if there is an error. docs/lint.md explains each rule.",
    )
    parser.add_argument(
        "sources",
        nargs="+",
        metavar="FILE|ARN",
        help="a definition (JSON or YAML), a CloudFormation template, - for standard input, or a state machine's ARN",
    )
    parser.add_argument("--environment", help="a file in config/; ETL_ENVIRONMENT says which, else local")
    parser.add_argument(
        "--activity",
        action="append",
        default=[],
        metavar="NAME",
        help="an activity that a worker of your own polls; may be given more than once",
    )
    parser.add_argument("--strict", action="store_true", help="count warnings as errors")
    parser.add_argument("--json", action="store_true", help="print JSON, for programs")
    parser.set_defaults(command=_lint)


def _lint(options: argparse.Namespace) -> int:
    """Lint all sources, print what was found, and return the exit status."""
    from runners.lint import printing  # noqa: PLC0415  # see above
    from runners.lint.findings import Severity  # noqa: PLC0415
    from runners.lint.linting import Report  # noqa: PLC0415

    name, knowledge = _knowledge(options)
    report = Report()
    for source in dict.fromkeys(options.sources):
        report.add(_of_arn(source, knowledge) if source.startswith("arn:") else _of_file(source, knowledge))
    if options.strict:
        report.findings = [
            replace(finding, severity=Severity.ERROR) if finding.severity == Severity.WARNING else finding
            for finding in report.findings
        ]
    if options.json:
        print(printing.as_json(report, name))  # noqa: T201  # what the command is for
    else:
        for line in printing.lines(report, name, coloured=_is_coloured()):
            print(line)  # noqa: T201
    return 1 if printing.counts(report)[Severity.ERROR] else 0


def _knowledge(options: argparse.Namespace) -> tuple[str, Knowledge]:
    """Return the environment's name and what is known with it; no name where there are no environments at all."""
    from runners.deployment import environment  # noqa: PLC0415
    from runners.lint.knowledge import Knowledge  # noqa: PLC0415

    name = environment.chosen(options.environment)
    loaded = None
    if environment.CONFIG.is_dir() or options.environment:
        loaded = environment.load(name)
    return name if loaded else "", Knowledge(loaded, tuple(options.activity))


def _of_file(source: str, knowledge: Knowledge) -> Report:
    from runners.lint.linting import UNREADABLE, Report, finding, lint  # noqa: PLC0415

    shown = "<stdin>" if source == _STANDARD_INPUT else source
    try:
        content = sys.stdin.buffer.read() if source == _STANDARD_INPUT else Path(source).read_bytes()
        text = content.decode("utf-8")
    except OSError as error:
        return Report([finding(UNREADABLE, shown, f"{error.strerror}; is the name right?")])
    except UnicodeDecodeError:
        return Report([finding(UNREADABLE, shown, "this is no text in UTF-8")])
    suffix = Path(source).suffix.lower()
    is_yaml = suffix in _YAML if suffix in (*_YAML, *_JSON) else None
    return lint(text, shown, knowledge, is_yaml=is_yaml)


def _of_arn(arn: str, knowledge: Knowledge) -> Report:
    """Lint a state machine of the environment's account, and its activities against those that there are."""
    from runners.deployment.account import Account  # noqa: PLC0415
    from runners.lint.linting import lint  # noqa: PLC0415

    if knowledge.environment is None:
        raise ConfigurationError(f"{arn} is in an AWS account, but there is no config/ that says which to ask")
    _check_place(arn, knowledge.environment)
    account = Account(knowledge.environment)
    account.check()
    step_functions: SFNClient = account.client("stepfunctions")
    described = _described(arn, step_functions)
    deployed = frozenset(_activities(step_functions))
    return lint(
        _laid_out(described["definition"]),
        arn,
        replace(knowledge, deployed=deployed),
        express=described.get("type") == "EXPRESS",
    )


def _check_place(arn: str, environment: Environment) -> None:
    found = _STATE_MACHINE.fullmatch(arn)
    if not found:
        raise ConfigurationError(
            f"{arn} is no state machine's ARN, which looks like "
            f"arn:aws:states:{environment.region}:{environment.account_id}:stateMachine:NAME"
        )
    if (found["account"], found["region"]) != (environment.account_id, environment.region):
        raise ConfigurationError(
            f"{arn} is not in the account {environment.account_id} and the region {environment.region} of the "
            "environment. Choose another with --environment, or correct the ARN."
        )


def _described(arn: str, step_functions: SFNClient) -> Any:
    try:
        return repeated(step_functions.describe_state_machine)(stateMachineArn=arn)
    except ClientError as error:
        if error_code(error) not in _UNKNOWN:
            raise
        raise ConfigurationError(
            f"there is no state machine {arn}. `aws stepfunctions list-state-machines` shows those that there are."
        ) from None


def _activities(step_functions: SFNClient) -> list[str]:
    pages = repeated(lambda: list(step_functions.get_paginator("list_activities").paginate()))()
    return [activity["activityArn"] for page in pages for activity in page["activities"]]


def _laid_out(definition: str) -> str:
    """Return a definition with lines, if it came as a single one, so that a position says something."""
    if "\n" in definition.strip():
        return definition
    try:
        return json.dumps(json.loads(definition, object_pairs_hook=_distinct), indent=2, ensure_ascii=False)
    except ValueError:
        return definition


def _distinct(members: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object, unless a name is in it twice, which would be lost."""
    if len({name for name, _ in members}) < len(members):
        raise ValueError("a name stands there twice")
    return dict(members)


def _is_coloured() -> bool:
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
