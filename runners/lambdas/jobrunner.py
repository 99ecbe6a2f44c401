"""The runner of any service: a turn for each tick of its schedule, and an answer to each event.

The service may be waits for data, which ``ons3objectcreated`` releases as well.
"""

from __future__ import annotations

from functools import cache

from runners.composition import service_of
from runners.lambdas.invocation import Context, Event, Parts, at_work, parts_of, settings, turn
from runners.lambdas.on_job_event import on_job_event


@cache
def _parts() -> Parts:
    return parts_of(service_of(settings()))


def handler(event: Event, context: Context) -> None:
    """Answer an invocation by the schedule, or by an event of the service or of an execution."""
    with at_work(_parts()) as parts:
        if not on_job_event(event, context, parts):
            turn(parts, context)
