"""The attempts of one run of a step: again while it is worth it, after longer and longer waits, within its time."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from tenacity import RetryCallState, Retrying, retry_if_exception, wait_random_exponential
from tenacity.stop import stop_base

from runners.steps.context import Progress
from runners.steps.errors import StepError, StepStopped
from runners.steps.failures import failure_of, frames_of

log = logging.getLogger(__name__)

LONGEST_WAIT = 60.0  # seconds between two attempts
_LOOK = 0.5  # seconds from one look whether to stop to the next, while waiting


@dataclass(frozen=True)
class Bounds:
    """Until when a run may go on.

    Attributes:
        now: the clock.
        deadline: when it must have ended; None for never.
        stopping: whether it should end now.

    """

    now: Callable[[], datetime]
    deadline: datetime | None = None
    stopping: Callable[[], bool] = lambda: False

    def is_late(self, by: float = 0.0) -> bool:
        """Whether the time is over, or will be in so many seconds."""
        return self.deadline is not None and self.now() + timedelta(seconds=by) >= self.deadline

    def is_to_stop(self) -> bool:
        """Whether it is to end, for whatever reason."""
        return self.is_late() or self.stopping()


@dataclass
class Attempts:
    """Tries a step until it succeeds, fails for good or has no time left.

    Attributes:
        attempt: runs the step once, counting what it moves.
        bounds: until when.
        limit: how often, at most.
        sleep: waits for seconds.
        moved: is called with the rows and bytes so far, which begin again with each attempt.
        fields: what lines in the log say of the run.
        count: how many there were.
        progress: what the last one has moved.

    """

    attempt: Callable[[Progress], Any]
    bounds: Bounds
    limit: int
    sleep: Callable[[float], None]
    moved: Callable[[int, int], None] | None
    fields: dict[str, Any]
    count: int = 0
    progress: Progress = Progress()  # noqa: RUF009  # nobody counts on it

    def result(self) -> Any:
        """Return what the step has returned.

        Raises:
            StepError: how the last attempt failed; it can be shown.

        """
        retrying = Retrying(
            retry=retry_if_exception(lambda error: isinstance(error, StepError) and error.transient),
            stop=_NotWorthIt(self),
            wait=wait_random_exponential(multiplier=1, max=LONGEST_WAIT),
            before_sleep=self._say_that_it_is_repeated,
            sleep=self._sleep,
            reraise=True,
        )
        return retrying(self._once)

    def _once(self) -> Any:
        self.count += 1
        self.progress = Progress(self.moved)
        try:
            return self.attempt(self.progress)
        except Exception as error:
            frames, failure = frames_of(error), failure_of(error)
        # Raised out here, as in the block above what others have written would be its context.
        if isinstance(failure, StepStopped) and self.bounds.is_late():
            failure = StepStopped(
                "the step's time was over before it had published anything: give it more, or let a worker run it"
            )
        failure.details["attempts"] = self.count
        log.info(
            "an attempt has failed",
            extra={"action": "step_attempt_failed", **self.fields, "error": failure.name, "frames": frames},
        )
        raise failure

    def _say_that_it_is_repeated(self, state: RetryCallState) -> None:
        failure = state.outcome.exception() if state.outcome else None
        log.warning(
            "a step is tried again in a moment",
            extra={
                "action": "step_repeated",
                **self.fields,
                "error": type(failure).__name__,
                "reason": str(failure),
                "attempt": self.count,
                "seconds_until_next": round(state.upcoming_sleep, 3),
            },
        )

    def _sleep(self, seconds: float) -> None:
        """Wait, unless the step is to stop meanwhile: the next attempt then finds that it is."""
        until = self.bounds.now() + timedelta(seconds=seconds)
        while (left := (until - self.bounds.now()).total_seconds()) > 0 and not self.bounds.is_to_stop():
            self.sleep(min(left, _LOOK))


class _NotWorthIt(stop_base):
    """Ends the attempts when there were enough, or when the next one would begin too late."""

    def __init__(self, attempts: Attempts) -> None:
        self._attempts = attempts

    def __call__(self, retry_state: RetryCallState) -> bool:
        bounds = self._attempts.bounds
        enough = self._attempts.count >= self._attempts.limit
        return enough or bounds.stopping() or bounds.is_late(by=retry_state.upcoming_sleep)
