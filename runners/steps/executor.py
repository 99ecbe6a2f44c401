"""The executor: everything that is around every step, once.

It validates before anything is touched, finds the step type, renders templates, tries again what is transient, and
tells the log, metrics and lineage. What leaves it, result or error, is plain JSON without a secret.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypedDict
from uuid import uuid4

import boto3

from runners.limits import fit_json
from runners.steps.attempts import Attempts, Bounds
from runners.steps.catalog import find
from runners.steps.context import Progress, StepContext
from runners.steps.errors import StepError
from runners.steps.failures import failure_of, frames_of
from runners.steps.observer import Figures, StepObserver, StepRun
from runners.steps.redaction import redacted
from runners.steps.request import StepRequest
from runners.steps.templates import Templates

if TYPE_CHECKING:
    from runners.steps.connections import Connections
    from runners.steps.cursors import Cursors
    from runners.steps.step import Step

log = logging.getLogger(__name__)

RESULT_LIMIT = 200_000  # bytes; a state's output may have 262,144, and its input is often in it as well

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
        observer: is told of runs; it must not raise (see ``StepObservers``).
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
            may_publish: whether it may publish what it has made; asked right before it does.

        Raises:
            StepError: by its name for the state machine. It holds no secret.

        """
        bounds = Bounds(self.now, deadline, stopping or (lambda: False))
        try:
            prepared = self._prepared(request)

            def attempt(counts: Progress) -> Any:
                return prepared.step.run(self._context(prepared, counts, bounds, may_publish or (lambda: True)))

            attempts = Attempts(attempt, bounds, self.attempts, self.sleep, progress, _fields(prepared.run))
            return self._told(prepared.run, attempts)
        finally:
            self.observer.flush()

    def _prepared(self, request: Mapping[str, Any]) -> _Prepared:
        """Validate a request, with nothing touched yet."""
        given = request if isinstance(request, Mapping) else {}  # a state may pass on anything
        try:
            asked = StepRequest.checked(given)
            templates = Templates(asked.variables(self.now()))
            kind = find(asked.StepType)
            step = kind(kind.Parameters.read(asked.Parameters, templates))
            return _Prepared(self._run_of(asked, step), asked, templates, step)
        except Exception as error:
            frames, failure = frames_of(error), failure_of(error)
        step_type = str(given.get("StepType", ""))
        fields = {"action": "step_refused", "step_type": step_type, **_told_of(failure), "frames": frames}
        log.warning("a step was refused", extra=fields)
        self.observer.refused(step_type, failure)
        raise failure

    def _run_of(self, asked: StepRequest, step: Step) -> StepRun:
        return StepRun(
            run_id=str(uuid4()),
            step_type=asked.StepType,
            execution_id=asked.ExecutionId,
            step_id=asked.StepId,
            source=redacted(step.source),
            target=redacted(step.target),
            started_at=self.now(),
        )

    def _context(
        self, prepared: _Prepared, progress: Progress, bounds: Bounds, may_publish: Callable[[], bool]
    ) -> StepContext:
        asked = prepared.asked
        return StepContext(
            step_type=asked.StepType,
            connections=self.connections,
            templates=prepared.templates,
            cursors=self.cursors,
            execution_id=asked.ExecutionId,
            step_id=asked.StepId,
            given=asked.given,
            progress=progress,
            client=self.client,
            stopping=bounds.is_to_stop,
            may_publish=may_publish,
        )

    def _told(self, run: StepRun, attempts: Attempts) -> StepResult:
        """Run a step, and tell the log and the observer how it goes."""
        log.info("a step begins", extra={"action": "step_started", **_fields(run)})
        self.observer.started(run)
        try:
            returned = redacted(attempts.result())
        except StepError as failure:
            figures = self._figures(run, attempts)
            fields = {"action": "step_failed", **_fields(run), **figures, **_told_of(failure)}
            log.error("a step has failed", extra=fields)  # noqa: TRY400  # its frames were logged before
            self.observer.failed(run, failure, figures, self.now())
            raise
        figures = self._figures(run, attempts)
        log.info("a step has ended", extra={"action": "step_succeeded", **_fields(run), **figures})
        self.observer.succeeded(run, figures, self.now())
        return _answer(run, returned, figures)

    def _figures(self, run: StepRun, attempts: Attempts) -> Figures:
        return {
            "rows": attempts.progress.rows,
            "bytes": attempts.progress.bytes,
            "seconds": round((self.now() - run.started_at).total_seconds(), 3),
            "attempts": attempts.count,
        }


class _Prepared(NamedTuple):
    """A step that is ready to run."""

    run: StepRun
    asked: StepRequest
    templates: Templates
    step: Step


def _answer(run: StepRun, returned: Any, figures: Figures) -> StepResult:
    result = returned if isinstance(returned, dict) else {"value": returned}
    done = "has ended well"
    if run.source and run.target and isinstance(result.get("rows"), int):
        done = "had moved its rows before" if result.get("repeated") else f"moved {figures['rows']} rows"
    source, target = redacted([run.source, run.target])  # more secrets are known now than when it began
    ends = f" from {source} to {target}" if source and target else f" at {source or target}" if source or target else ""
    return {
        "success": True,
        "message": f"{run.step_type} {done}{ends}",
        "result": json.loads(fit_json(result, RESULT_LIMIT)),
        "metrics": {**figures, "source": source, "target": target},
    }


def _fields(run: StepRun) -> dict[str, Any]:
    """Return what a line in the log says of a run."""
    return {
        "step_type": run.step_type,
        "execution": run.execution_id,
        "step_id": run.step_id,
        "run_id": run.run_id,
        "source": run.source,
        "target": run.target,
    }


def _told_of(failure: StepError) -> dict[str, Any]:
    return {"error": failure.name, "reason": failure.message}
