"""``runners step run|list|describe``: steps by hand, on a laptop, as the Lambda function and a worker run them.

What steps stand on is imported when it is needed: whoever has not installed the extra is told so.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runners import log
from runners.errors import ConfigurationError
from runners.operations.opened import Opened
from runners.operations.printing import print_fields, print_json, print_table, show_warnings

if TYPE_CHECKING:
    from runners.step_command.descriptions import Field
    from runners.steps.executor import Executor, StepResult
    from runners.steps.settings import StepSettings

INTERRUPTED = 130  # exit status, as shells have it
CONNECTIONS = Path("config")

_ON_A_LAPTOP = "local"


def add_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``step`` to the command line."""
    step = commands.add_parser("step", help="run a step here; list and describe the step types")
    verbs = step.add_subparsers(required=True, metavar="run|list|describe")

    run = verbs.add_parser("run", help="run a step in this process")
    run.add_argument(
        "file", metavar="FILE", help='JSON or YAML, {"StepType": …, "Parameters": {…}}; - for standard input'
    )
    run.add_argument(
        "--param",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="what templates find as {{ params.NAME }}; may be given several times",
    )
    run.add_argument(
        "--date", metavar="DAY", type=_day, help="what templates take for the execution's date (default: now)"
    )
    run.add_argument(
        "--execution-id",
        metavar="ARN",
        help="run it as a step of this execution: what it has published before is not published again",
    )
    run.add_argument(
        "--environment",
        help="a file in config/, for the account and the region; left out: AWS as this shell has it",
    )
    run.add_argument(
        "--connections",
        metavar="FILE",
        help="a JSON file of connections by name; left out: config/connections.ENVIRONMENT.json if there is one, else "
        "Parameter Store",
    )
    run.set_defaults(command=_run)

    listed = verbs.add_parser("list", help="list the step types, and what is missing to run them")
    listed.set_defaults(command=_list)

    describe = verbs.add_parser("describe", help="show what a step type does and takes, and an example")
    describe.add_argument("name", metavar="NAME", help="e.g. PostgreSqlToS3")
    describe.set_defaults(command=_describe)
    for verb in (run, listed, describe):
        verb.add_argument("--json", action="store_true", help="print JSON, for machines")


@contextmanager
def _with_the_extra() -> Iterator[None]:
    """Say what to install where what steps stand on is not there."""
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("runners"):
            raise
        raise ConfigurationError(
            f"{error.name} is not installed, which steps need: pip install 'etl-runners[steps]'"
        ) from error


def _list(options: argparse.Namespace) -> None:
    with _with_the_extra():
        from runners.step_command.descriptions import summaries  # noqa: PLC0415
    found = summaries()
    if options.json:
        print_json([vars(one) for one in found])
    else:
        print_table(("STEP TYPE", "WHAT IT DOES", "MISSING"), [(one.name, one.does, one.missing) for one in found])


def _describe(options: argparse.Namespace) -> None:
    with _with_the_extra():
        from runners.step_command.descriptions import connections_of, document, fields_of  # noqa: PLC0415
        from runners.steps.catalog import find  # noqa: PLC0415
    said = document(options.name)
    if options.json:
        print_json(said)
        return
    print(f"{said['name']}: {said['summary']}\n")
    _print_parameters(fields_of(find(options.name).Parameters))
    for end, kind in connections_of(options.name).items():
        print(f"\nThe connection of {end}, by its ConnectionName (docs/steps/connections.md):\n")
        _print_parameters(fields_of(kind))
    print("\nExample:\n")
    print_json(said["example"])


def _print_parameters(fields: Iterable[Field]) -> None:
    for field in fields:
        print("\n    ".join(filter(None, [field.name, field.about, field.text.replace("``", "`")])))


def _day(text: str) -> str:
    """Return a day or a moment as it was given; what is neither is refused by the command line itself."""
    try:
        datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            "it is a day such as 2026-01-31, or a moment such as 2026-01-31T03:00:00Z"
        ) from None
    return text


def _run(options: argparse.Namespace) -> int:
    with _with_the_extra():
        from runners.step_command.request_file import params_of, read_request  # noqa: PLC0415
        from runners.step_parts import executor_of  # noqa: PLC0415
        from runners.steps.errors import StepError, StepStopped  # noqa: PLC0415
    request = read_request(options.file)
    request["Params"] = {**request.get("Params", {}), **params_of(options.param)}
    more = {"ExecutionId": options.execution_id, "ExecutionDate": options.date}
    request |= {name: value for name, value in more.items() if value}
    executor = executor_of(_settings(options))
    with _interruptible() as stopping:
        try:
            answer = _watched(executor, request, stopping, live=sys.stderr.isatty())
        except StepError as error:
            if isinstance(error, StepStopped) and stopping():
                print("runners: stopped; nothing was published.", file=sys.stderr)
                return INTERRUPTED
            if not options.json:
                raise
            print_json({"success": False, **error.document()})
            return 1
    _show(answer, as_json=options.json)
    return 0


def _watched(executor: Executor, request: Mapping[str, Any], stopping: Callable[[], bool], *, live: bool) -> StepResult:
    from runners.step_command.progress import showing  # noqa: PLC0415

    with showing(str(request.get("StepType", "")), live=live) as moved:
        return executor.execute(request, progress=moved, stopping=stopping)


def _show(answer: StepResult, *, as_json: bool) -> None:
    if as_json:
        print_json(answer)
        return
    print(answer["message"])
    fields = {**answer["result"], **answer["metrics"]}
    print_fields((name, value if isinstance(value, str) else json.dumps(value)) for name, value in fields.items())


def _settings(options: argparse.Namespace) -> StepSettings:
    """Return the settings of the shell, in the place of which those stand that are given."""
    from runners.steps.settings import StepSettings  # noqa: PLC0415

    settings = StepSettings.from_environment(os.environ)
    if os.environ.get("RUNNERS_LOG_LEVEL"):
        log.configure(settings.log_level)
    else:
        show_warnings("step_refused", "step_failed")  # which are told anyhow
    if options.environment:
        opened = Opened(options.environment)
        opened.lead_the_way()
        settings = settings.model_copy(update={"environment": opened.name})
    elif not os.environ.get("RUNNERS_ENVIRONMENT"):
        settings = settings.model_copy(update={"environment": os.environ.get("ETL_ENVIRONMENT", _ON_A_LAPTOP)})
    file = options.connections or settings.connections_file or _file_of(settings.environment)
    return settings.model_copy(update={"connections_file": file})


def _file_of(environment: str) -> str:
    path = CONNECTIONS / f"connections.{environment}.json"
    return str(path) if path.is_file() else ""


@contextmanager
def _interruptible() -> Iterator[Callable[[], bool]]:
    """Let Ctrl+C stop the step with nothing published; a second one ends it at once. Yields whether it came."""
    came: list[int] = []

    def interrupt(number: int, _: object) -> None:
        if came:
            raise KeyboardInterrupt
        came.append(number)
        print("runners: stopping; press Ctrl+C again to end at once.", file=sys.stderr)

    before = signal.signal(signal.SIGINT, interrupt)
    try:
        yield lambda: bool(came)
    finally:
        signal.signal(signal.SIGINT, before)
