"""What is told of steps as they run, for metrics and lineage. It decides nothing and stops nothing."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypedDict

from runners.steps.errors import StepError

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class StepRun:
    """One run of a step, with all its attempts.

    Attributes:
        run_id: a UUID.
        step_type: the step's name.
        execution_id: the ARN of the execution that asks; empty on a laptop.
        step_id: tells apart like steps of one execution.
        source: where data comes from, as lineage names it; empty if nowhere.
        target: where it goes.
        started_at: when the first attempt began.

    """

    run_id: str
    step_type: str
    execution_id: str
    step_id: str
    source: str
    target: str
    started_at: datetime


class Figures(TypedDict):
    """What a run has moved and taken; of the last attempt, but for ``seconds`` and ``attempts``."""

    rows: int
    """Rows that were written."""
    bytes: int
    """Bytes that went over the wire, where they can be seen."""
    seconds: float
    """Seconds from the start to the end."""
    attempts: int
    """How often it was tried."""


class StepObserver:
    """Is told of steps and makes nothing of it; override what is of interest."""

    def refused(self, step_type: str, error: StepError) -> None:
        """Tell that a request was wrong, so that nothing was begun; it may name a step type that there is not."""

    def started(self, run: StepRun) -> None:
        """Tell that a run begins."""

    def succeeded(self, run: StepRun, figures: Figures, at: datetime) -> None:
        """Tell that what it made was published."""

    def failed(self, run: StepRun, error: StepError, figures: Figures, at: datetime) -> None:
        """Tell that it has failed for good; nothing was published."""

    def flush(self) -> None:
        """Hand on what was held back, within seconds: the process may be frozen, or end, at any moment after."""


class StepObservers(StepObserver):
    """Passes on what it is told to several observers, and shields the step from what they raise."""

    def __init__(self, *observers: StepObserver) -> None:
        self._observers = observers

    def refused(self, step_type: str, error: StepError) -> None:
        """Pass it on."""
        self._tell(lambda observer: observer.refused(step_type, error))

    def started(self, run: StepRun) -> None:
        """Pass it on."""
        self._tell(lambda observer: observer.started(run))

    def succeeded(self, run: StepRun, figures: Figures, at: datetime) -> None:
        """Pass it on."""
        self._tell(lambda observer: observer.succeeded(run, figures, at))

    def failed(self, run: StepRun, error: StepError, figures: Figures, at: datetime) -> None:
        """Pass it on."""
        self._tell(lambda observer: observer.failed(run, error, figures, at))

    def flush(self) -> None:
        """Pass it on."""
        self._tell(lambda observer: observer.flush())

    def _tell(self, tell: Callable[[StepObserver], Any]) -> None:
        for observer in self._observers:
            try:
                tell(observer)
            except Exception as error:
                log.error(  # noqa: TRY400  # the text of what it raised may hold anything
                    "an observer failed",
                    extra={
                        "action": "observer_failed",
                        "observer": type(observer).__name__,
                        "error": type(error).__name__,
                    },
                )
