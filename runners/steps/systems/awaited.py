"""Waiting for what a service does by itself, such as a query: looked at ever more seldom, and stopped with the step."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from runners.steps.errors import StepStopped

if TYPE_CHECKING:
    from runners.steps.context import StepContext

Found = TypeVar("Found")

FIRST_PAUSE = 0.1  # seconds
LONGEST_PAUSE = 5.0  # seconds
_GROWTH = 1.5


def awaited(look: Callable[[], Found | None], stop: Callable[[], object], context: StepContext) -> Found:
    """Return what is found at last.

    Args:
        look: returns None while there is nothing yet.
        stop: ends what is waited for, if the step is to stop.
        context: says whether it is.

    Raises:
        StepStopped: the step was to stop.

    """
    pause = FIRST_PAUSE
    while (found := look()) is None:
        try:
            context.check_stop()
        except StepStopped:
            stop()
            raise
        time.sleep(pause)
        pause = min(LONGEST_PAUSE, pause * _GROWTH)
    return found
