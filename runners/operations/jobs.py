"""``runners jobs``: what the runners do now, and a hand in it for whoever is called at night."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from runners.active_jobs import ActiveJobs
from runners.composition import SERVICES
from runners.operations import records
from runners.operations.opened import Opened, add_environment
from runners.operations.printing import clock_time, print_json, print_table, rough
from runners.runner import utc_now

if TYPE_CHECKING:
    from datetime import datetime

    from runners.job import ActiveJob


def add_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``jobs`` to the command line."""
    jobs = commands.add_parser("jobs", help="list the active jobs; show, stop or release one")
    verbs = jobs.add_subparsers(required=True, metavar="list|show|stop|release|SERVICE")

    listed = verbs.add_parser("list", help="list the active jobs; `runners jobs glue` is short for `list glue`")
    listed.add_argument("services", nargs="*", type=service, metavar="SERVICE", help="whose jobs; all if left out")
    add_environment(listed)
    listed.set_defaults(command=_list)
    for name in SERVICES:
        short = verbs.add_parser(name)
        add_environment(short)
        short.set_defaults(command=_list, services=[name])


def service(name: str) -> str:
    """Read a service's name from the command line."""
    from runners.deployment.environment import nearest  # noqa: PLC0415  # its extra is not needed by a worker

    if name not in SERVICES:
        known = list(SERVICES)
        raise argparse.ArgumentTypeError(
            f"there is no service {name!r}{nearest(name, known)} There are: {', '.join(known)}."
        )
    return name


def _list(options: argparse.Namespace) -> None:
    opened = Opened(options.environment)
    table = ActiveJobs(opened.environment.active_jobs_table, opened.client("dynamodb"))
    now = utc_now()
    jobs = sorted(records.of_runners(table, options.services or SERVICES), key=lambda job: job.claimed_at)
    if options.json:
        print_json([records.document_of(job, now) for job in jobs])
        return
    print_table(_HEADER, (_row(job, now) for job in jobs))


_HEADER = (
    "claimed (UTC)",
    "age",
    "service",
    "stage",
    "priority",
    "attempt",
    "asked for",
    "run",
    "execution",
    "task key",
)


def _row(job: ActiveJob, now: datetime) -> tuple[str, ...]:
    return (
        clock_time(job.claimed_at),
        rough(now - job.claimed_at),
        job.runner,
        records.stage_of(job),
        str(job.priority),
        str(job.attempt),
        records.asked_for(job),
        job.run_id or "",
        records.execution_name(job),
        records.short_key(job),
    )
