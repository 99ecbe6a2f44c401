"""An object was created in S3: release every wait that it completes, and record the arrival. It opens no poll."""

from __future__ import annotations

from functools import cache

from runners import clients
from runners.arrival import arrivals_of
from runners.arrivals import Arrivals
from runners.composition import runner_of
from runners.errors import ConfigurationError
from runners.lambdas.invocation import Context, Event, settings
from runners.runner import Runner, utc_now
from runners.services.data_arrivals import DataArrivals
from runners.telemetry import observer_of


@cache
def _parts() -> tuple[DataArrivals, Runner, Arrivals]:
    own = settings()
    if not own.arrivals_table:
        raise ConfigurationError("RUNNERS_ARRIVALS_TABLE is not set: say in which table arrivals are recorded")
    service = DataArrivals(clients.s3())
    runner = runner_of(service, own, observer_of(own, service))
    return service, runner, Arrivals(own.arrivals_table, clients.dynamodb())


def handler(event: Event, context: Context) -> None:  # noqa: ARG001  # Lambda's signature
    """Answer a notification of S3, or EventBridge's ``Object Created``."""
    service, runner, table = _parts()
    arrivals = arrivals_of(event)
    try:
        if arrivals:
            runner.check(service.concerned(runner.started_jobs(), arrivals))
        for arrival in arrivals:
            table.record(arrival, utc_now())
    finally:
        runner.observer.flush()
