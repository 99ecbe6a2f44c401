"""How fast jobs are started: not faster than a quota, slower once a service says "too many", then faster again.

The pace is one process's own. That several processes share a quota shows in the service's answers, by which each
finds its part: additive increase, multiplicative decrease.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

FIRST_GUESS = 10.0  # starts per second, once a service of which no quota is known has said "too many"
SLOWEST = 0.1  # starts per second
FAST = 100.0  # starts per second, beyond which a service of which no quota is known has no bound again
RAISED_BY = 0.05  # of the highest pace, for each start that went well
ONE_ANSWER = timedelta(seconds=1)  # refusals within it answer to the same burst, and count as one


class Pace:
    """Gives out starts, at so many per second.

    Args:
        highest: starts per second that are never exceeded; None for no bound until the service says "too many".
        at_once: how many starts may come in a burst before that counts.
        now: the clock.
        sleep: waits so many seconds.

    """

    def __init__(
        self,
        highest: float | None,
        at_once: int = 1,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._highest = highest
        self._at_once = at_once
        self._now = now
        self._sleep = sleep
        self._lock = Lock()
        self.per_second = highest
        """The pace as it is now; None for as fast as may be."""
        self._next: datetime | None = None  # when the next start is due, if there were no bursts
        self._lowered_at: datetime | None = None

    def take(self, patience: timedelta) -> bool:
        """Wait until a start may be made; False, at once, if that would take longer than ``patience``."""
        with self._lock:
            if self.per_second is None:
                return True
            now, interval = self._now(), timedelta(seconds=1 / self.per_second)
            due = max(self._next or now, now)
            wait = due - now - interval * (self._at_once - 1)
            if wait > max(patience, timedelta(0)):
                return False
            self._next = due + interval
        if wait > timedelta(0):
            self._sleep(wait.total_seconds())
        return True

    def lower(self) -> None:
        """Go half as fast: the service said that it was asked too often."""
        with self._lock:
            now = self._now()
            if self._lowered_at is not None and now - self._lowered_at < ONE_ANSWER:
                return
            self._lowered_at = now
            self.per_second = FIRST_GUESS if self.per_second is None else max(SLOWEST, self.per_second / 2)
            self._next = now + timedelta(seconds=self._at_once / self.per_second)  # the burst is used up

    def raise_again(self) -> None:
        """Go a little faster, if the pace was lowered: a start went well."""
        with self._lock:
            if self.per_second is None or self.per_second == self._highest:
                return
            bound = self._highest or FIRST_GUESS
            self.per_second += bound * RAISED_BY
            if self._highest is not None:
                self.per_second = min(self._highest, self.per_second)
            elif self.per_second > FAST:
                self.per_second = None
