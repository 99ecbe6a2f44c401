"""What is told of steps to the outside: metrics as log lines, and lineage. It decides nothing and stops nothing.

A line is written for each run at its end, in CloudWatch's embedded metric format. A custom metric costs $0.30 a month
for each value of its dimensions, so the one dimension is ``Service``, always ``steps``; the step's type and the ends
are plain properties, by which Logs Insights finds them. No call is made to AWS.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from runners.log import SECRETS
from runners.steps.observer import StepObserver, StepObservers
from runners.telemetry import step_events
from runners.telemetry.metrics import DURATION, FAILED, NAMESPACE, STARTED, SUCCEEDED, Kind, Metric
from runners.telemetry.openlineage import FLUSH_TIMEOUT, sink_of

if TYPE_CHECKING:
    from typing import TextIO

    from runners.steps.errors import StepError
    from runners.steps.observer import Figures, StepRun
    from runners.steps.settings import StepSettings
    from runners.telemetry.openlineage import Sink

SERVICE = "steps"

ROWS = Metric("Rows", "runners_step_rows_total", Kind.COUNT, "Rows that steps have written")
BYTES = Metric("Bytes", "runners_step_bytes_total", Kind.COUNT, "Bytes that steps have sent or received", "Bytes")
ATTEMPTS = Metric("Attempts", "runners_step_attempts_total", Kind.COUNT, "Attempts of steps, repeated ones included")

STEP_METRICS = (STARTED, SUCCEEDED, FAILED, DURATION, ROWS, BYTES, ATTEMPTS)
"""All that are told of steps; those that jobs have as well mean the same here."""

_LONGEST = 200  # characters of a property

_utc_now = partial(datetime.now, UTC)


class StepMetrics(StepObserver):
    """Writes the metrics of each run, when it has ended.

    Args:
        stream: where the lines go; standard output if None.
        now: the clock, for requests that were refused.

    """

    def __init__(self, stream: TextIO | None = None, now: Callable[[], datetime] = _utc_now) -> None:
        self._stream = stream
        self._now = now

    def refused(self, step_type: str, error: StepError) -> None:
        """Count a failure."""
        self._write(self._now(), {FAILED: 1}, {"StepType": step_type, "Error": error.name})

    def succeeded(self, run: StepRun, figures: Figures, at: datetime) -> None:
        """Count a success, and what was moved."""
        self._write(at, {STARTED: 1, SUCCEEDED: 1, **_moved(figures)}, _named(run))

    def failed(self, run: StepRun, error: StepError, figures: Figures, at: datetime) -> None:
        """Count a failure; what it had moved was not published, and is not counted."""
        moved = {metric: value for metric, value in _moved(figures).items() if metric not in {ROWS, BYTES}}
        self._write(at, {STARTED: 1, FAILED: 1, **moved}, {**_named(run), "Error": error.name})

    def _write(self, at: datetime, values: Mapping[Metric, float], properties: Mapping[str, str]) -> None:
        directive = {
            "Namespace": NAMESPACE,
            "Dimensions": [["Service"]],
            "Metrics": [{"Name": metric.name, "Unit": metric.unit} for metric in values],
        }
        line: dict[str, Any] = {
            "_aws": {"Timestamp": int(at.timestamp() * 1000), "CloudWatchMetrics": [directive]},
            "Service": SERVICE,
            **{name: SECRETS.known_hidden_in(value)[:_LONGEST] for name, value in properties.items() if value},
            **{metric.name: value for metric, value in values.items()},
        }
        stream = self._stream or sys.stdout
        stream.write(f"{json.dumps(line)}\n")
        stream.flush()


class StepLineage(StepObserver):
    """Tells a sink of the start and the end of each run.

    Args:
        sink: takes the events.

    """

    def __init__(self, sink: Sink) -> None:
        self._sink = sink

    def started(self, run: StepRun) -> None:
        """Send ``START``."""
        self._sink.send(step_events.start(run))

    def succeeded(self, run: StepRun, figures: Figures, at: datetime) -> None:
        """Send ``COMPLETE``."""
        self._sink.send(step_events.complete(run, figures, at))

    def failed(self, run: StepRun, error: StepError, figures: Figures, at: datetime) -> None:
        """Send ``FAIL``."""
        self._sink.send(step_events.fail(run, error, figures, at))

    def flush(self) -> None:
        """Wait a moment for what is on its way."""
        self._sink.flush(FLUSH_TIMEOUT)


def step_observer_of(settings: StepSettings) -> StepObserver:
    """Return what the settings ask for: metrics as log lines, lineage events, both or nothing.

    Raises:
        ConfigurationError: the settings name no place for lineage events.

    """
    observers: list[StepObserver] = []
    if settings.metrics == "emf":
        observers.append(StepMetrics())
    if settings.lineage:
        observers.append(StepLineage(sink_of(settings.lineage)))
    return StepObservers(*observers)


def _moved(figures: Figures) -> dict[Metric, float]:
    return {
        DURATION: figures["seconds"],
        ROWS: figures["rows"],
        BYTES: figures["bytes"],
        ATTEMPTS: figures["attempts"],
    }


def _named(run: StepRun) -> dict[str, str]:
    return {"StepType": run.step_type, "Source": run.source, "Target": run.target, "StepId": run.step_id}
