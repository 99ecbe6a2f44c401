"""One step of an EMR cluster: what it was asked for, and its state from start to end.

A record of moto's with a lock, no more: it starts no process.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from moto.core.utils import utcnow
from moto.emr.models import Step as MotoStep

from runners.errors import LocalAWSError
from runners.local.emr import spark_submit

if TYPE_CHECKING:
    from collections.abc import Callable

    from runners.local.emr.spark_submit import SparkJob

PENDING, CANCEL_PENDING, RUNNING = "PENDING", "CANCEL_PENDING", "RUNNING"
COMPLETED, CANCELLED, FAILED = "COMPLETED", "CANCELLED", "FAILED"
ACTIVE = frozenset({PENDING, CANCEL_PENDING, RUNNING})
RUNNER = "command-runner.jar"


class Step(MotoStep):
    """A step, as far as it has come. A final state stays."""

    def __init__(self, **asked: Any) -> None:
        super().__init__(state=PENDING, **asked)
        self.failure_details: dict[str, str] | None = None
        self._kill: Callable[[], None] | None = None
        self._lock = threading.RLock()

    @property
    def status(self) -> dict[str, Any]:
        """The state, as ``DescribeStep`` has it."""
        with self._lock:
            answer = {
                "State": self.state,
                "StateChangeReason": {},
                "FailureDetails": self.failure_details,
                "Timeline": {
                    "CreationDateTime": self.creation_date_time,
                    "StartDateTime": self.start_date_time,
                    "EndDateTime": self.end_date_time,
                },
            }
        return {name: value for name, value in answer.items() if value is not None}

    def start(self) -> None:
        """Do nothing: moto starts a first step by itself, these are started when there is room."""

    def job(self) -> SparkJob:
        """Read what it runs. Raises ``LocalAWSError`` for anything but a PySpark script by ``spark-submit``."""
        if self.jar != RUNNER:
            raise LocalAWSError(f"the embedded EMR runs {RUNNER} alone, and no {self.jar}")
        command, *arguments = [*self.args] or [""]
        if command != spark_submit.COMMAND:
            raise LocalAWSError(f"{RUNNER} of the embedded EMR runs {spark_submit.COMMAND} alone, and no {command!r}")
        return spark_submit.parse(arguments)

    def begin(self) -> bool:
        """Start to run; false if it was cancelled before."""
        with self._lock:
            if self.state != PENDING:
                return False
            self.state, self.start_date_time = RUNNING, utcnow()
            return True

    def can_be_killed_by(self, kill: Callable[[], None]) -> None:
        """Note how its process is ended; it is ended now if the step was cancelled before."""
        with self._lock:
            self._kill = kill
            if self.state == CANCEL_PENDING:
                kill()

    def cancel(self) -> bool:
        """Ask it to end; false if it has ended, or is asked to already."""
        with self._lock:
            if self.state == PENDING:
                self.end(CANCELLED)
                return True
            if self.state != RUNNING:
                return False
            self.state = CANCEL_PENDING
            if self._kill:
                self._kill()
            return True

    def end(self, state: str, failure_details: dict[str, str] | None = None) -> None:
        """Close it. One that was cancelled is cancelled, however its process came to its end."""
        with self._lock:
            if self.state not in ACTIVE:
                return
            cancelled = self.state == CANCEL_PENDING
            self.state = CANCELLED if cancelled else state
            self.failure_details = None if cancelled else failure_details
            self.end_date_time: Any = utcnow()
            self._kill = None
