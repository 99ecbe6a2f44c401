"""The executor: everything that is around every step, once.

It validates before anything is touched, finds the step type, renders templates, tries again what is transient, and
tells the log, metrics and lineage. What leaves it, result or error, is plain JSON without a secret.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, TypedDict
from uuid import uuid4

import boto3
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from runners.limits import fit_json
from runners.steps.catalog import find
from runners.steps.context import Progress, StepContext
from runners.steps.errors import StepError, StepStopped, ValidationFailed
from runners.steps.failures import failure_of, frames_of
from runners.steps.observer import Figures, StepObserver, StepObservers, StepRun
from runners.steps.redaction import redacted
from runners.steps.request import StepRequest
from runners.steps.templates import Templates

if TYPE_CHECKING:
    from runners.steps.connections import Connections
    from runners.steps.cursors import Cursors
    from runners.steps.step import Step

log = logging.getLogger(__name__)

ANSWER_LIMIT = 200_000  # bytes; a state's output may have 262,144, and a state machine often adds it to its input
LONGEST_WAIT = 60.0  # seconds between two attempts
_LOOK = 0.5  # seconds from one look whether to stop to the next, while waiting

_utc_now = partial(datetime.now, UTC)


class Metrics(Figures):
    """What a run has moved and taken, and from where to where."""

    source: str
    target: str


class StepResult(TypedDict):
    """What a run answers, as plain JSON."""

    success: Literal[True]
    message: str
    """What was done, in a sentence."""
    result: dict[str, Any]
    """What the step returned; shortened, with ``TruncatedFields``, where it is too long for a state's output."""
    metrics: Metrics


@dataclass(frozen=True)
class Executor:
    """Runs steps; one does for a process.

    Attributes:
        connections: looks connections up.
        cursors: how far incremental steps have come.
        observer: is told of runs.
        client: makes a boto3 client of a service.
        attempts: how often a step is tried, at most.
        now: the clock, in UTC.
        sleep: waits for seconds.

    """

    connections: Connections
    cursors: Cursors
    observer: StepObserver = field(default_factory=StepObserver)
    client: Callable[..., Any] = boto3.client
    attempts: int = 3
    now: Callable[[], datetime] = _utc_now
    sleep: Callable[[float], None] = time.sleep

    def execute(
        self,
        request: Mapping[str, Any],
        deadline: datetime | None = None,
        progress: Callable[[int, int], None] | None = None,
        stopping: Callable[[], bool] | None = None,
        may_publish: Callable[[], bool] | None = None,
    ) -> StepResult:
        """Run a step to its end.

        Args:
            request: as ``StepRequest`` says.
            deadline: when the step must have ended; it is stopped then, with nothing published.
            progress: is called with the rows and bytes so far, which begin again with each attempt.
            stopping: whether it should end now, with nothing published.
            may_publish: whether it may publish what it has made, asked right before (``StepContext.may_publish``).

        Raises:
            StepError: by its name for the state machine. It holds no secret.

        """
        raise NotImplementedError
