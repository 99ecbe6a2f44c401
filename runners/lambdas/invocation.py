"""What the functions share: settings read once a process, and a turn within the time that an invocation has."""

from __future__ import annotations

import os
from contextlib import contextmanager
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from runners import clients, log
from runners.composition import polled_activities, runner_of, running_executions
from runners.executions import RunningExecutions
from runners.observer import Observers
from runners.progress import Progress
from runners.runner import Runner
from runners.settings import Settings
from runners.telemetry import observer_of
from runners.turn import Turn
from runners.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_stepfunctions import SFNClient

    from runners.services import Service

NEXT_TICK = timedelta(seconds=55)
"""A tick leaves polls to another invocation that has just opened its own: such as last until the next tick."""


class Context(Protocol):
    """What Lambda tells an invocation about itself."""

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds until Lambda ends the invocation."""


Event = dict[str, Any]


class Parts(NamedTuple):
    """What a function that polls keeps from one invocation to the next."""

    runner: Runner
    executions: RunningExecutions
    watch: Watch
    progress: Progress


@cache
def settings() -> Settings:
    """Read the settings and set up the log, once a process."""
    read = Settings.from_environment(os.environ)
    log.configure(read.log_level)
    return read


@cache
def _clients() -> tuple[SFNClient, SFNClient]:
    return clients.step_functions_polls(), clients.step_functions()


def parts_of(service: Service) -> Parts:
    """Make the parts of a service's runner; to be kept, as telemetry and what is known of executions are."""
    own = settings()
    progress = Progress()
    return Parts(
        runner_of(service, own, Observers(progress, observer_of(own, service))),
        running_executions(own, _clients()[1]),
        Watch(service.name, own.active_jobs_table, clients.dynamodb()),
        progress,
    )


@contextmanager
def at_work(parts: Parts) -> Iterator[Parts]:
    """Write what telemetry holds back before Lambda freezes the process: it may never be thawed."""
    try:
        yield parts
    finally:
        parts.runner.observer.flush()


def turn_of(parts: Parts, context: Context) -> Turn:
    """Return a turn of the runner that ends in time."""
    own = settings()
    return Turn(
        parts.runner,
        polled_activities(own, *_clients()),
        parts.executions,
        parts.watch,
        parts.progress,
        places=own.max_active_jobs,
        sweep_interval=own.sweep_interval,
        time_left=lambda: timedelta(milliseconds=context.get_remaining_time_in_millis()),
    )


def turn(parts: Parts, context: Context) -> None:
    """Give the runner the turn of a tick (see ``Turn.take``)."""
    turn_of(parts, context).take(NEXT_TICK)
