"""``runners worker glue athena …``: the runners of these services in one process, until it is told to stop."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING

from runners import log
from runners.composition import SERVICES
from runners.observer import Observer
from runners.worker import health, parts
from runners.worker.settings import TABLE, settings_of, variables_of
from runners.worker.worker import SIGNALS, Worker

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def add_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``worker`` to the command line."""
    worker = commands.add_parser("worker", help="run the runners of some services in this process, until it is stopped")
    worker.add_argument(
        "services", nargs="+", choices=list(SERVICES), metavar="SERVICE", help=f"of {', '.join(SERVICES)}"
    )
    worker.add_argument(
        "--environment",
        help="a file in config/; left out: what the variable RUNNERS_ACTIVE_JOBS_TABLE and others say, and if that is "
        "not set, the file that ETL_ENVIRONMENT names, else local",
    )
    worker.add_argument(
        "--health-port",
        type=int,
        default=health.PORT,
        help="where /health and /metrics are, 0 for nowhere (default: %(default)s)",
    )
    worker.add_argument(
        "--health-address",
        default=health.ADDRESS,
        help="on which address, 0.0.0.0 for every one (default: %(default)s)",
    )
    worker.set_defaults(command=_run)


def _run(options: argparse.Namespace) -> int:
    services = list(dict.fromkeys(options.services))
    settings = settings_of(services, _variables(services, options.environment))
    log.configure(next(iter(settings.values())).log_level)
    parts.check(settings.values())
    observer = Observer()
    worker = Worker(observer, _say)
    with ExitStack() as until_the_end:
        for each in SIGNALS:
            signal.signal(each, worker.on_signal)
        where = "nowhere"
        if options.health_port:
            page = health.health_page(worker.figures, worker.problems)
            server = health.HealthServer(options.health_address, options.health_port, {"/health": page})
            until_the_end.callback(server.close)
            where = f"{server.url}/health"
        polls = sum(each.polls for each in settings.values())
        _say(f"runs {', '.join(services)} with {polls} polls; health: {where}. Ctrl+C or SIGTERM stops it.")
        status = worker.run(parts.parts_of(settings.values(), observer, worker.thread_ended))
        if worker.forced:
            sys.stderr.flush()
            os._exit(status)  # polls are open still, and would be waited for
    _say("stopped.")
    return status


def _variables(services: Sequence[str], environment: str | None) -> Mapping[str, str]:
    """Return the variables that say all: those of the process, with those of a file beneath if one is asked for."""
    if environment is None and os.environ.get(TABLE):
        return os.environ
    from runners.operations.opened import Opened  # noqa: PLC0415  # its extra is not needed by a worker without a file

    opened = Opened(environment)
    opened.lead_the_way()
    return variables_of(opened.environment, services) | os.environ


def _say(line: str) -> None:
    print(f"runners worker: {line}", file=sys.stderr, flush=True)
