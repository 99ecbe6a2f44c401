"""The Glue runner: a turn for each tick of its schedule, a look at one run for each event of Glue."""

from __future__ import annotations

from functools import cache

from runners import clients
from runners.composition import runner_of
from runners.lambdas.invocation import Context, Event, settings, turn
from runners.runner import Runner
from runners.services.glue import Glue


@cache
def _runner() -> Runner:
    return runner_of(Glue(clients.glue()), settings())


def handler(event: Event, context: Context) -> None:
    """Answer an invocation by the schedule or by ``Glue Job State Change``."""
    runner = _runner()
    if runner.service.run_of_event(event):
        runner.on_event(event)
    else:
        turn(runner, context)
