"""How fast DynamoDB is asked: less at a time and after a pause when it is too much, and more again when it is not.

A table has a throughput that others use, too; what it refuses is asked again until it is done, or patience is over.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from threading import Lock

from runners.steps.errors import StepError

LONGEST_PAUSE = 10.0  # seconds
PATIENCE = 300.0  # seconds of pauses without any progress in between
_FIRST_PAUSE = 0.1  # seconds; twice as long each time
_QUICKER_AFTER = 4  # calls that were not too much, until one asks for more at a time


class Pace:
    """How much to ask for at a time; shared by threads.

    Args:
        most: the largest amount that a call may ask for.
        check_stop: raises when the step is to stop.
        sleep: waits for seconds.

    """

    def __init__(self, most: int, check_stop: Callable[[], None], sleep: Callable[[float], None] = time.sleep) -> None:
        self._most = most
        self._check_stop = check_stop
        self._sleep = sleep
        self._lock = Lock()
        self._waited = 0.0
        self._pause = _FIRST_PAUSE
        self._well = 0
        self.size = most

    def went_well(self) -> None:
        """Note that a call was not too much."""
        with self._lock:
            self._waited, self._pause = 0.0, _FIRST_PAUSE
            self._well += 1
            if self._well >= _QUICKER_AFTER and self.size < self._most:
                self.size, self._well = min(self._most, self.size * 2), 0

    def was_too_much(self, unavailable: type[StepError]) -> None:
        """Ask for half as much from now on, and pause.

        Raises:
            StepError: ``unavailable``, when there was no progress for ``PATIENCE``; ``StepStopped``.

        """
        with self._lock:
            self.size, self._well = max(1, self.size // 2), 0
            pause = self._pause * random.uniform(0.5, 1.0)  # noqa: S311  # so that threads do not come back together
            self._pause = min(LONGEST_PAUSE, self._pause * 2)
            self._waited += pause
            over = self._waited > PATIENCE
        if over:
            raise unavailable(f"DynamoDB has refused every call for {PATIENCE:.0f} seconds, as they were too many")
        self._check_stop()
        self._sleep(pause)
