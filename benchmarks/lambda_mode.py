"""A Lambda function of a runner on the virtual clock: its schedule, its events, its environments, its bill.

What an invocation does is the real turn, or the real answer to an event. CPU takes no time here; waiting does.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Generic, TypeVar

from benchmarks.virtual_time import VirtualTime

MEMORY_GB = 0.25
TIMEOUT_SECONDS = 180.0
SCHEDULE_SECONDS = 60.0
COLD_START_SECONDS = 1.0
"""Assumed, and billed: importing the package and boto3 with a quarter of a GB."""
EVENT_DELIVERY_SECONDS = 0.5
"""Assumed: from a job's end to the invocation. AWS promises nothing and is usually quicker."""

Environment = TypeVar("Environment")


class Function(Generic[Environment]):
    """A function: each invocation gets an environment of its own, an idle one if there is one.

    Args:
        clock: the time that invocations are billed by.
        make: makes what an environment keeps from one invocation to the next.

    """

    def __init__(self, clock: VirtualTime, make: Callable[[], Environment]) -> None:
        self.invocations = 0
        self.seconds = 0.0
        """Billed, those of cold starts included."""
        self.environments = 0
        """How many there were, each with a cold start."""
        self.running = 0
        """Invocations that run now, or are about to."""
        self._clock = clock
        self._make = make
        self._idle: list[Environment] = []

    @property
    def gb_seconds(self) -> float:
        """What is billed."""
        return self.seconds * MEMORY_GB

    def invoke(self, handle: Callable[[Environment, Callable[[], timedelta]], object], delay: float = 0.0) -> None:
        """Have it run, beside what runs already; returns at once.

        Args:
            handle: what it does, with its environment and the time that it has left.
            delay: seconds until it begins.

        """
        self.running += 1
        self._clock.start(lambda: self._run(handle, delay))

    def every(
        self, interval: float, end: Callable[[], bool], handle: Callable[[Environment, Callable[[], timedelta]], object]
    ) -> None:
        """Have it run by a schedule, the first time at once, until the end has come; returns then."""
        while not end():
            self.invoke(handle)
            self._clock.sleep(interval)

    def _run(self, handle: Callable[[Environment, Callable[[], timedelta]], object], delay: float) -> None:
        if delay:
            self._clock.sleep(delay)
        began = self._clock.seconds
        if self._idle:
            environment = self._idle.pop()
        else:
            self.environments += 1
            environment = self._make()
            self._clock.sleep(COLD_START_SECONDS)
        self.invocations += 1
        deadline = self._clock.seconds + TIMEOUT_SECONDS
        try:
            handle(environment, lambda: timedelta(seconds=deadline - self._clock.seconds))
        finally:
            self.seconds += self._clock.seconds - began
            self._idle.append(environment)
            self.running -= 1
