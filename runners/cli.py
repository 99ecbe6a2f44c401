"""What a person types beside the build commands: ``runners local``, ``runners jobs``, ``runners arrivals``."""

from __future__ import annotations

import argparse
import sys
from itertools import chain
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from runners import __version__
from runners.active_jobs import ActiveJobs
from runners.arrivals import Arrivals
from runners.composition import SERVICES
from runners.errors import RunnersError
from runners.retries import error_code

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mypy_boto3_dynamodb import DynamoDBClient

    from runners.deployment.environment import Environment
    from runners.job import ActiveJob

INTERRUPTED = 130  # exit status, as shells have it


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status; an error that has a name is told in one message."""
    options = _parser().parse_args(arguments)
    try:
        status: int | None = options.command(options)
        return status or 0
    except RunnersError as error:
        print(f"runners: {error}", file=sys.stderr)
        return 1
    except (ClientError, BotoCoreError) as error:
        print(f"runners: {_explained(error)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="runners", description="ETL runners: look at them, and run AWS on a laptop.")
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    local = commands.add_parser("local", help="keep an embedded AWS running on this machine")
    local.add_argument("--port", type=int, default=4566, help="where it listens on 127.0.0.1 (default: 4566)")
    local.set_defaults(command=_local)

    jobs = commands.add_parser("jobs", help="list the active jobs of a runner")
    jobs.add_argument("runner", choices=list(SERVICES))
    jobs.set_defaults(command=_jobs)

    arrivals = commands.add_parser("arrivals", help="list the objects whose arrival in the data bucket was noticed")
    arrivals.add_argument("prefix", nargs="?", default="", help="what their keys begin with")
    arrivals.set_defaults(command=_arrivals)

    for command in (jobs, arrivals):
        command.add_argument("--environment", help="a file in config/; ETL_ENVIRONMENT says which, else local")
    return parser


def _local(options: argparse.Namespace) -> int:
    from runners.local import server  # noqa: PLC0415  # the embedded AWS is an extra, and slow to import

    return server.main(["--port", str(options.port)])


def _jobs(options: argparse.Namespace) -> None:
    environment, dynamodb = _tables_of(options.environment)
    jobs = ActiveJobs(environment.active_jobs_table, dynamodb).of_runner(options.runner)
    rows = (
        (f"{job.claimed_at:%Y-%m-%d %H:%M:%S}", job.stage, _asked(job), job.run_id or "-", job.task_key) for job in jobs
    )
    _print_table(("claimed (UTC)", "stage", "asked for", "run", "task key"), rows)


def _asked(job: ActiveJob) -> str:
    """Answer what a job is, without the arguments that its task may have: those may be secret."""
    return " ".join(str(job.request[name]) for name in SERVICES[job.runner].asked_for if job.request.get(name)) or "-"


def _arrivals(options: argparse.Namespace) -> None:
    environment, dynamodb = _tables_of(options.environment)
    table = Arrivals(environment.arrivals_table, dynamodb)
    arrivals = table.of_bucket(str(environment.data_bucket), options.prefix)
    rows = ((f"{each.time:%Y-%m-%d %H:%M:%S}", f"{each.size}", each.key) for each in arrivals)
    _print_table(("arrived (UTC)", "bytes", "key"), rows)


def _tables_of(name: str | None) -> tuple[Environment, DynamoDBClient]:
    """Answer an environment and a client for its tables: in its own region, and surely in its own account."""
    from runners.deployment import account, environment  # noqa: PLC0415  # their extra is not needed by a worker

    loaded = environment.load(name)
    right_account = account.Account(loaded)
    right_account.check()
    return loaded, right_account.client("dynamodb")


def _explained(error: BotoCoreError | ClientError) -> str:
    from runners.deployment.account import explained  # noqa: PLC0415  # as above

    if isinstance(error, ClientError) and error_code(error) == "ResourceNotFoundException":
        return "the table does not exist in this account and region. Type `pynt deploy` first."
    return explained(error)


def _print_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows with a tab between their cells, as they come, so that they can be cut and sorted."""
    rows = iter(rows)
    first = next(rows, None)  # read before the header is printed: a table that cannot be read prints none
    print("\t".join(header))
    for row in chain([first] if first else [], rows):
        print("\t".join(row))
