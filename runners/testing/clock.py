"""Clocks for tests: one that stands still until it is stepped, views of it that go wrong, and the real one.

Whatever in this package needs the time or waits asks a clock, so that a day can pass in a moment. Nothing here knows
what is timed.
"""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

BEGINNING = datetime(2026, 1, 31, 4, 5, 6, tzinfo=UTC)


class Time(Protocol):
    """What the simulated AWS needs of a clock."""

    virtual: bool
    """Whether time passes only by steps, so that nobody may wait for it."""

    def __call__(self) -> datetime:
        """Return the time, aware, in UTC."""
        ...

    def sleep(self, seconds: float) -> None:
        """Let that much time pass."""


class Clock:
    """A clock that stands still until it is stepped; may be used from several threads.

    Args:
        start: the time that it shows at first, aware.

    """

    virtual = True

    def __init__(self, start: datetime = BEGINNING) -> None:
        self._now = start.astimezone(UTC)
        self._lock = threading.Lock()

    @property
    def now(self) -> datetime:
        """The time that it shows, aware, in UTC."""
        return self._now

    def __call__(self) -> datetime:
        """Return the time that it shows, aware, in UTC."""
        return self._now

    def step(self, seconds: float) -> None:
        """Go on by some seconds.

        Raises:
            ValueError: the seconds are negative; a process whose clock goes wrong has a ``skewed`` one.

        """
        if seconds < 0:
            raise ValueError(f"a clock cannot be stepped back, by {seconds} s; give the process a skewed clock")
        with self._lock:
            self._now += timedelta(seconds=seconds)

    def sleep(self, seconds: float) -> None:
        """Step instead of waiting."""
        self.step(seconds)

    def skewed(self, seconds: float) -> SkewedClock:
        """Return the clock of a process that is some seconds ahead of this one, or behind if negative."""
        return SkewedClock(self, seconds)


class SkewedClock:
    """What a process sees whose clock goes wrong: another clock, and some seconds more or less."""

    virtual = True

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock = clock
        self._skew = timedelta(seconds=seconds)

    def __call__(self) -> datetime:
        """Return the time as the process sees it, aware, in UTC."""
        return self._clock() + self._skew

    def sleep(self, seconds: float) -> None:
        """Let the time pass for everybody."""
        self._clock.sleep(seconds)


class WallClock:
    """The real time."""

    virtual = False

    def __call__(self) -> datetime:
        """Return the time, aware, in UTC."""
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)
