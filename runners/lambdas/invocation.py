"""What the functions share: settings read once a process, and a turn within the time that an invocation has."""

from __future__ import annotations

import os
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol

from runners import clients, log
from runners.composition import polled_activities
from runners.runner import Runner
from runners.settings import Settings
from runners.turn import take_turn

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient


class Context(Protocol):
    """What Lambda tells an invocation about itself."""

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds until Lambda ends the invocation."""


Event = dict[str, Any]


@cache
def settings() -> Settings:
    """Read the settings and set up the log, once a process."""
    read = Settings.from_environment(os.environ)
    log.configure(read.log_level)
    return read


@cache
def _clients() -> tuple[SFNClient, SFNClient]:
    return clients.step_functions_polls(), clients.step_functions()


def turn(runner: Runner, context: Context) -> None:
    """Give the runner a turn that ends in time."""
    own = settings()
    take_turn(
        runner,
        polled_activities(own, *_clients()),
        own.max_active_jobs,
        own.sweep_interval,
        lambda: timedelta(milliseconds=context.get_remaining_time_in_millis()),
    )
