"""``runners redrive``: what failed goes on once its cause is mended: executions, and events that nobody handled."""

from __future__ import annotations

import argparse
import re
from datetime import timedelta
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from runners.errors import ConfigurationError
from runners.operations import dead_letters, executions
from runners.operations.opened import Opened, add_environment
from runners.operations.printing import clock_time, confirmed, plural, print_json, print_table
from runners.retries import error_code, error_message
from runners.runner import utc_now

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_stepfunctions.literals import ExecutionStatusType

    from runners.operations.dead_letters import DeadLetter
    from runners.operations.executions import FailedExecution

HIDDEN_FOR = timedelta(minutes=5)
"""How long messages are hidden from other readers while a person looks at them."""

_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def add_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``redrive`` to the command line."""
    redrive = commands.add_parser("redrive", help="go on with failed executions, or with events that were not handled")
    what = redrive.add_subparsers(required=True, metavar="executions|events")

    failed = what.add_parser("executions", help="list executions that failed, and redrive those that can be")
    failed.add_argument("--state-machine", metavar="NAME", help="of this one alone (default: of all)")
    failed.add_argument("--since", type=duration, default="12h", help="that ended within, such as 45m, 12h, 3d")
    failed.add_argument(
        "--status", type=_statuses, default=",".join(executions.UNSUCCESSFUL), help="ended so (default: %(default)s)"
    )
    failed.set_defaults(command=_executions)

    events = what.add_parser("events", help="give the events in the dead-letter queue to their functions again")
    events.set_defaults(command=_events)
    for command in (failed, events):
        command.add_argument("--yes", action="store_true", help="do not ask")
        add_environment(command)


def duration(text: str) -> timedelta:
    """Read a duration such as ``45m``, ``12h`` or ``3d``.

    Raises:
        argparse.ArgumentTypeError: it is none.

    """
    read = re.fullmatch(r"(\d{1,5})([mhd])", text)
    if read is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no duration: type a number and m, h or d, such as 12h")
    return timedelta(**{_UNITS[read[2]]: int(read[1])})


def _statuses(text: str) -> tuple[ExecutionStatusType, ...]:
    chosen = [name.strip().upper() for name in text.split(",")]
    if wrong := [name for name in chosen if name not in executions.UNSUCCESSFUL]:
        raise argparse.ArgumentTypeError(f"there is no {wrong[0]!r} here: {', '.join(executions.UNSUCCESSFUL)}")
    return tuple(status for status in executions.UNSUCCESSFUL if status in chosen)


# executions


def _executions(options: argparse.Namespace) -> int:
    opened = Opened(options.environment)
    step_functions = opened.client("stepfunctions")
    machines = executions.state_machines(step_functions)
    chosen = [_known(options.state_machine, machines)] if options.state_machine else list(machines.values())
    found = sorted(
        executions.failed(step_functions, chosen, options.status, utc_now() - options.since),
        key=lambda execution: execution.stopped_at,
    )
    redrivable = [execution for execution in found if not execution.obstacle]
    if not options.json:
        print_table(_EXECUTIONS, [_execution_row(execution) for execution in found])
    came: dict[str, str] = {}
    if redrivable and confirmed(f"Redrive {plural(len(redrivable), 'execution')}", yes=options.yes):
        for execution in redrivable:
            came[execution.arn] = executions.redrive(step_functions, execution)
            if not options.json:
                print(f"{execution.name}: {came[execution.arn] or 'goes on'}")
    if options.json:
        print_json([_execution_document(execution, came.get(execution.arn)) for execution in found])
    elif not redrivable:
        print("There is nothing that can be redriven.")
        if found and opened.environment.embedded:
            print("The embedded AWS cannot redrive: start the executions anew.")
    return 1 if any(came.values()) else 0


_EXECUTIONS = ("ended (UTC)", "status", "state machine", "execution", "error", "redriven", "can be redriven")


def _execution_row(execution: FailedExecution) -> tuple[str, ...]:
    return (
        clock_time(execution.stopped_at),
        execution.status,
        execution.state_machine,
        execution.name,
        execution.error,
        plural(execution.redrives, "time") if execution.redrives else "",
        f"no: {execution.obstacle}" if execution.obstacle else "yes",
    )


def _execution_document(execution: FailedExecution, refusal: str | None) -> dict[str, object]:
    return {
        "execution": execution.arn,
        "status": execution.status,
        "ended_at": execution.stopped_at,
        "error": execution.error,
        "redrives": execution.redrives,
        "obstacle": execution.obstacle or refusal or None,
        "redriven": refusal == "",
    }


def _known(name: str, machines: dict[str, str]) -> str:
    from runners.deployment.environment import nearest  # noqa: PLC0415  # its extra is not needed by a worker

    if name not in machines:
        raise ConfigurationError(f"there is no standard state machine {name!r}{nearest(name, sorted(machines))}")
    return machines[name]


# events


def _events(options: argparse.Namespace) -> int:
    opened = Opened(options.environment)
    sqs, functions = opened.client("sqs"), opened.client("lambda")
    queue = sqs.get_queue_url(QueueName=opened.environment.dead_letter_queue)["QueueUrl"]
    letters = dead_letters.received(sqs, queue, HIDDEN_FOR)
    left = list(letters)
    came: list[tuple[DeadLetter, str]] = []
    try:
        if not options.json:
            print_table(_LETTERS, [_letter_row(letter) for letter in letters])
        wanted = [letter for letter in letters if letter.function]
        if wanted and confirmed(_plan(wanted), yes=options.yes):
            for letter in wanted:
                refusal = _redelivered(sqs, functions, queue, letter)
                came.append((letter, refusal))
                if not refusal:
                    left.remove(letter)
    finally:
        dead_letters.put_back(sqs, queue, left)
    _print_letters(options, letters, came)
    return 1 if any(refusal for _, refusal in came) else 0


_LETTERS = ("failed at", "function", "event", "reason", "what is done")


def _letter_row(letter: DeadLetter) -> tuple[str, ...]:
    done = "forgotten: the schedule ticks on" if letter.is_tick else "given to the function again"
    return (
        letter.failed_at[:19].replace("T", " "),
        letter.function_name,
        letter.kind,
        letter.reason,
        done if letter.function else "left there: it names no function",
    )


def _plan(letters: list[DeadLetter]) -> str:
    ticks = sum(letter.is_tick for letter in letters)
    parts = [f"Give {plural(len(letters) - ticks, 'event')} to their functions again"] if len(letters) > ticks else []
    if ticks:
        parts.append(f"{'forget' if parts else 'Forget'} {plural(ticks, 'tick')} of schedules")
    return " and ".join(parts)


def _redelivered(sqs: SQSClient, functions: LambdaClient, queue: str, letter: DeadLetter) -> str:
    """Redeliver one message; return what AWS has against it, or an empty text."""
    try:
        accepted = dead_letters.redeliver(sqs, functions, queue, letter)
    except ClientError as error:
        return f"{error_code(error)}: {error_message(error)}"
    return "" if accepted else "Lambda did not accept it"


def _print_letters(options: argparse.Namespace, letters: list[DeadLetter], came: list[tuple[DeadLetter, str]]) -> None:
    if options.json:
        refusals = {letter.receipt: refusal for letter, refusal in came}
        print_json([_letter_document(letter, refusals.get(letter.receipt)) for letter in letters])
        return
    for letter, refusal in came:
        if refusal:
            print(f"{letter.function_name}: {letter.kind} stays in the queue: {refusal}")
    if came:
        print(f"{plural(sum(not refusal for _, refusal in came), 'message')} of {len(letters)} done.")
    elif not letters:
        print("The dead-letter queue is empty.")


def _letter_document(letter: DeadLetter, refusal: str | None) -> dict[str, object]:
    return {
        "function": letter.function,
        "event": letter.kind,
        "failed_at": letter.failed_at,
        "reason": letter.reason,
        "done": refusal == "",
        "refusal": refusal or None,
    }
