"""The runner of waits for data: a turn for each tick of its schedule. Its waits are released by events as well."""

from __future__ import annotations

from functools import cache

from runners import clients
from runners.composition import runner_of
from runners.lambdas.invocation import Context, Event, settings, turn
from runners.runner import Runner
from runners.services.data_arrivals import DataArrivals


@cache
def _runner() -> Runner:
    return runner_of(DataArrivals(clients.s3()), settings())


def handler(event: Event, context: Context) -> None:  # noqa: ARG001  # Lambda's signature
    """Answer an invocation by the schedule."""
    turn(_runner(), context)
