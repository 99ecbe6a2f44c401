"""What a person types beside the build commands: ``runners COMMAND``. Each command stands in a module of its own.

Such a module has ``add_command(commands)``, which gives its parser a default ``command``: a function that takes what
was typed and returns the exit status, or nothing for success.
"""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from runners import __version__
from runners.errors import RunnersError
from runners.lint import command as lint
from runners.local import command as local
from runners.operations import arrivals, doctor, jobs, redrive
from runners.retries import error_code
from runners.step_command import command as step
from runners.worker import command as worker

if TYPE_CHECKING:
    from collections.abc import Sequence

_OF_TABLES = frozenset({"Query", "GetItem", "PutItem", "DeleteItem"})
INTERRUPTED = 130  # exit statuses, as shells have them
CUT_OFF = 141


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status; an error that has a name is told in one message."""
    options = _parser().parse_args(arguments)
    try:
        status: int | None = options.command(options)
        sys.stdout.flush()
        return status or 0
    except BrokenPipeError:
        # Whoever reads has seen enough, like `head`. What is still buffered must not fail at the very end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return CUT_OFF
    except RunnersError as error:
        print(f"runners: {error}", file=sys.stderr)
        return 1
    except (ClientError, BotoCoreError) as error:
        print(f"runners: {_explained(error)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="runners", description="ETL runners: run them, look after them, and run AWS on a laptop."
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    jobs.add_command(commands)
    arrivals.add_command(commands)
    redrive.add_command(commands)
    doctor.add_command(commands)
    lint.add_command(commands)
    local.add_command(commands)
    worker.add_command(commands)
    step.add_command(commands)
    return parser


def _explained(error: BotoCoreError | ClientError) -> str:
    from runners.deployment.account import explained  # noqa: PLC0415  # its extra is not needed by a worker

    if error_code(error) == "ResourceNotFoundException" and getattr(error, "operation_name", "") in _OF_TABLES:
        return "the table does not exist in this account and region. Type `pynt deploy` first."
    return explained(error)
