"""``runners jobs``: what the runners do now, and a hand in it for whoever is called at night."""

from __future__ import annotations

import argparse
from functools import cached_property
from typing import TYPE_CHECKING

from runners import clients
from runners.active_jobs import ActiveJobs
from runners.activity import Activity
from runners.composition import SERVICES, runner_of, service_of
from runners.operations import interventions, records
from runners.operations.opened import Opened, add_environment
from runners.operations.printing import (
    clock_time,
    confirmed,
    print_fields,
    print_json,
    print_table,
    rough,
    show_warnings,
)
from runners.runner import utc_now
from runners.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from runners.job import ActiveJob
    from runners.services import Service


def add_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``jobs`` to the command line."""
    jobs = commands.add_parser("jobs", help="list the active jobs; show, stop or release one")
    verbs = jobs.add_subparsers(required=True, metavar="list|show|stop|release|SERVICE")

    listed = verbs.add_parser("list", help="list the active jobs; `runners jobs glue` is short for `list glue`")
    listed.add_argument("services", nargs="*", type=service_name, metavar="SERVICE", help="whose jobs; all if left out")
    listed.set_defaults(command=_list)
    add_environment(listed)
    for name in SERVICES:
        short = verbs.add_parser(name)
        short.set_defaults(command=_list, services=[name])
        add_environment(short)

    _add_verb(verbs, "show", "show what is known of a job, and what its service says of it now", _show)
    stop = _add_verb(verbs, "stop", "stop a job's run at its service; its task fails with the next sweep", _stop)
    release = _add_verb(
        verbs, "release", "fail the task of a job that hangs and close its record; its run is left alone", _release
    )
    release.add_argument(
        "--error", default=interventions.RELEASED, help="the error that the state fails with (default: %(default)s)"
    )
    release.add_argument("--force", action="store_true", help="even while somebody may be starting the job")
    for verb in (stop, release):
        verb.add_argument("--yes", action="store_true", help="do not ask")


def service_name(name: str) -> str:
    """Read a service's name from the command line.

    Raises:
        argparse.ArgumentTypeError: there is no such service.

    """
    from runners.deployment.environment import nearest  # noqa: PLC0415  # its extra is not needed by a worker

    if name not in SERVICES:
        known = list(SERVICES)
        raise argparse.ArgumentTypeError(
            f"there is no service {name!r}{nearest(name, known)} There are: {', '.join(known)}."
        )
    return name


class Jobs:
    """The table of active jobs of an environment, and the services that run them.

    Args:
        environment: its name, or None for the chosen one.

    """

    def __init__(self, environment: str | None) -> None:
        self._opened = Opened(environment)
        self._opened.lead_the_way()

    @cached_property
    def table(self) -> ActiveJobs:
        """The table."""
        return ActiveJobs(self._opened.environment.active_jobs_table, self._opened.client("dynamodb"))

    @property
    def region(self) -> str:
        """The environment's region."""
        return self._opened.environment.region

    @cached_property
    def activity(self) -> Activity:
        """By which outcomes are reported: a token is what entitles, so it is no activity in particular."""
        reports = clients.step_functions()
        return Activity("", "operator", polls=reports, reports=reports)

    def service(self, name: str) -> Service:
        """Return a service of the environment."""
        return service_of(self.settings(name))

    def settings(self, name: str) -> Settings:
        """Return the settings of a runner, as far as an operator needs them."""
        environment = self._opened.environment
        return Settings(
            active_jobs_table=environment.active_jobs_table,
            completions_table=environment.completions_table_of(name),
            service=name,
            worker_name="operator",
        )


def _add_verb(
    verbs: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    meaning: str,
    command: Callable[[argparse.Namespace], int | None],
) -> argparse.ArgumentParser:
    verb = verbs.add_parser(name, help=meaning)
    verb.add_argument("key", help="the task key or its beginning, as `list` prints it; or the run")
    verb.set_defaults(command=command)
    add_environment(verb)
    return verb


# list

_HEADER = ("claimed (UTC)", "age", "service", "stage", "prio", "try", "asked for", "run", "execution", "task key")


def _list(options: argparse.Namespace) -> None:
    jobs = Jobs(options.environment)
    now = utc_now()
    found = sorted(records.of_runners(jobs.table, options.services or SERVICES), key=lambda job: job.claimed_at)
    if options.json:
        print_json([records.document_of(job, now) for job in found])
    elif found:
        print_table(_HEADER, [_row(job, now) for job in found])
    else:
        print("No job is active.")


def _row(job: ActiveJob, now: datetime) -> tuple[str, ...]:
    return (
        clock_time(job.claimed_at),
        rough(now - job.claimed_at),
        job.runner,
        records.stage_of(job),
        str(job.priority),
        str(job.attempt),
        records.asked_for(job),
        records.short_run(job),
        records.execution_name(job),
        records.short_key(job),
    )


# show


def _show(options: argparse.Namespace) -> None:
    show_warnings()
    jobs = Jobs(options.environment)
    job = records.found(jobs.table, options.key)
    now = utc_now()
    said = records.said_of(jobs.service(job.runner), job, now)
    link = records.console_link(jobs.region, job)
    if options.json:
        print_json({**records.document_of(job, now), "console": link, "service_says": said})
        return
    print_fields([*records.fields_of(job, now), ("console", link), (f"{job.runner} says", said)])


# stop, release


def _stop(options: argparse.Namespace) -> int:
    show_warnings()
    jobs = Jobs(options.environment)
    job = records.found(jobs.table, options.key)
    if not _agreed(options, job, f"Stop this run at {job.runner}"):
        return 1
    settings = jobs.settings(job.runner)
    runner = runner_of(service_of(settings), settings)
    run_id = interventions.stop_run(runner, jobs.table, job, utc_now())
    run = f"run {run_id}" if run_id else "the run of this task"
    _told(
        options,
        {"stopped": True, "run_id": run_id, "task_key": job.task_key},
        f"{job.runner} was told to stop {run}. The next sweep reports how it ended; then the task fails.",
    )
    return 0


def _release(options: argparse.Namespace) -> int:
    jobs = Jobs(options.environment)
    job = records.found(jobs.table, options.key)
    if not _agreed(options, job, f"Fail this task with {options.error}, close its record and leave its run alone"):
        return 1
    came = interventions.release(jobs.activity, jobs.table, job, options.error, utc_now(), force=options.force)
    task = f"The task failed with {options.error}." if came.task_waited else "Nobody waited for the task any more."
    record = "Its record is closed." if came.closed else "A runner is closing its record just now."
    run = f"Run {job.run_id} was left alone: stop it at {job.runner} if it must not go on." if job.run_id else ""
    _told(
        options,
        {"released": True, "task_waited": came.task_waited, "run_id": job.run_id, "task_key": job.task_key},
        " ".join(filter(None, (task, record, run))),
    )
    return 0


def _agreed(options: argparse.Namespace, job: ActiveJob, question: str) -> bool:
    if not options.json:
        print_fields(records.fields_of(job, utc_now()))
    return confirmed(question, yes=options.yes)


def _told(options: argparse.Namespace, document: dict[str, object], sentence: str) -> None:
    if options.json:
        print_json(document)
    else:
        print(sentence)
