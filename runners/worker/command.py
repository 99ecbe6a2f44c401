"""``runners worker glue athena …``: the runners of these services in one process, until it is told to stop."""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from runners import log
from runners.composition import SERVICES
from runners.observer import Observer
from runners.settings import PREFIX
from runners.worker.health import ADDRESS, PORT, HealthServer, health_page, metrics_page
from runners.worker.parts import check, parts_of
from runners.worker.settings import TABLE, laid_over, settings_of, variables_of
from runners.worker.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from runners.telemetry.prometheus import PrometheusMetrics


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
        default=PORT,
        help="where /health and /metrics are, 0 for nowhere (default: %(default)s)",
    )
    worker.add_argument(
        "--health-address",
        default=ADDRESS,
        help="on which address, 0.0.0.0 for every one (default: %(default)s)",
    )
    worker.set_defaults(command=_run)


def _run(options: argparse.Namespace) -> int:
    services = list(dict.fromkeys(options.services))
    settings = settings_of(services, _variables(services, options.environment))
    log.configure(settings[0].log_level)
    check(settings)
    worker = Worker(_say)
    worker.listen_for_signals()
    metrics = _metrics()
    parts = parts_of(settings, metrics or Observer(), worker.thread_ended)
    with _health(options, worker, metrics) as where:
        polls = sum(each.polls for each in settings)
        _say(f"runs {', '.join(services)} with {polls} polls; {where}. Ctrl+C or SIGTERM stops it.")
        status = worker.run(parts)
    if worker.forced:
        os._exit(status)  # sweeps still run, and would be waited for
    _say("stopped.")
    return status


@contextmanager
def _health(options: argparse.Namespace, worker: Worker, metrics: PrometheusMetrics | None) -> Iterator[str]:
    """Tell on the port how the worker is; yields where that is, in words."""
    if not options.health_port:
        yield "health is told nowhere"
        return
    pages = {"/health": health_page(worker.figures, worker.problems)}
    if metrics is not None:
        pages["/metrics"] = metrics_page(metrics.render)
    server = HealthServer(options.health_address, options.health_port, pages)
    try:
        yield " and ".join(server.url + page for page in pages)
    finally:
        server.close()


def _metrics() -> PrometheusMetrics | None:
    """Return the metrics for Prometheus, if the extra that they need is installed."""
    try:
        from runners.telemetry.prometheus import PrometheusMetrics  # noqa: PLC0415  # as said
    except ImportError:
        _say("prometheus-client is not installed (extra `worker`), so there is no /metrics.")
        return None
    return PrometheusMetrics()


def _variables(services: Sequence[str], environment: str | None) -> Mapping[str, str]:
    """Return the variables that say all: those of the process, with those of a file beneath if one is asked for."""
    if environment is None and os.environ.get(TABLE):
        return os.environ
    from runners.operations.opened import Opened  # noqa: PLC0415  # its extra is not needed by a worker without a file

    opened = Opened(environment)
    opened.lead_the_way()
    of_file = {f"{PREFIX}ENVIRONMENT": opened.name, **variables_of(opened.environment, services)}
    return laid_over(of_file, os.environ, services)


def _say(line: str) -> None:
    print(f"runners worker: {line}", file=sys.stderr, flush=True)
