"""The runner of waits for data: a turn for each tick of its schedule. Its waits are released by events as well."""

from __future__ import annotations

from functools import cache

from runners import clients
from runners.lambdas.invocation import Context, Event, Parts, at_work, parts_of, turn
from runners.lambdas.on_job_event import on_job_event
from runners.services.data_arrivals import DataArrivals


@cache
def _parts() -> Parts:
    return parts_of(DataArrivals(clients.s3()))


def handler(event: Event, context: Context) -> None:
    """Answer an invocation by the schedule, or by an event of an execution."""
    with at_work(_parts()) as parts:
        if not on_job_event(event, context, parts):
            turn(parts, context)
