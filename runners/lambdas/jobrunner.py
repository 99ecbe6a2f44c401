"""The runner of any service's jobs: a turn for each tick of its schedule, a look at one run for each event of it."""

from __future__ import annotations

from functools import cache

from runners.composition import runner_of, service_of
from runners.lambdas.invocation import Context, Event, settings, turn
from runners.runner import Runner


@cache
def _runner() -> Runner:
    return runner_of(service_of(settings()), settings())


def handler(event: Event, context: Context) -> None:
    """Answer an invocation by the schedule, or by an event of the service such as ``Glue Job State Change``."""
    runner = _runner()
    if runner.service.run_of_event(event):
        runner.on_event(event)
    else:
        turn(runner, context)
