"""One job run of EMR Serverless: what it was asked for, and its state from start to end.

A value with a lock, no more: it starts no process and knows nothing of moto's server. Its dictionaries are what EMR
Serverless answers.
"""

from __future__ import annotations

import secrets
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from runners.local.emr import spark_submit
from runners.local.emr.spark_submit import SparkJob

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SUBMITTED, PENDING, SCHEDULED, RUNNING = "SUBMITTED", "PENDING", "SCHEDULED", "RUNNING"
CANCELLING, SUCCESS, FAILED, CANCELLED = "CANCELLING", "SUCCESS", "FAILED", "CANCELLED"
FINAL = frozenset({SUCCESS, FAILED, CANCELLED})
DEFAULT_TIMEOUT_MINUTES = 720
LONGEST_DETAILS = 1024  # characters


def now() -> datetime:
    """Tell the time, in UTC."""
    return datetime.now(UTC)


@dataclass
class JobRun:
    """A run, as far as it has come. A final state stays."""

    asked: Mapping[str, Any]
    account: str
    region: str
    release_label: str
    tell: Callable[[JobRun, str], None]
    """Is told of each new state, and the one before."""
    run_id: str = field(default_factory=lambda: f"00{secrets.token_hex(7)}")
    state: str = SUBMITTED
    state_details: str = ""
    created_at: datetime = field(default_factory=now)
    updated_at: datetime = field(default_factory=now)
    started_at: datetime | None = None
    ended_at: datetime | None = None
    _lock: threading.RLock = field(default_factory=threading.RLock, repr=False)
    _kill: Callable[[], None] | None = field(default=None, repr=False)

    @property
    def application_id(self) -> str:
        """The application's id."""
        return str(self.asked["applicationId"])

    @property
    def arn(self) -> str:
        """The run's ARN."""
        place = f"/applications/{self.application_id}/jobruns/{self.run_id}"
        return f"arn:aws:emr-serverless:{self.region}:{self.account}:{place}"

    @property
    def timeout(self) -> timedelta | None:
        """How long it may run; nothing if for ever."""
        minutes = self.asked.get("executionTimeoutMinutes", DEFAULT_TIMEOUT_MINUTES)
        return timedelta(minutes=minutes) if minutes else None

    @property
    def logs(self) -> str | None:
        """Where its output goes in S3."""
        monitoring = (self.asked.get("configurationOverrides") or {}).get("monitoringConfiguration") or {}
        place = (monitoring.get("s3MonitoringConfiguration") or {}).get("logUri")
        if not place:
            return None
        return f"{place.rstrip('/')}/applications/{self.application_id}/jobs/{self.run_id}/SPARK_DRIVER/"

    def job(self) -> SparkJob:
        """Read what it runs. Raises ``LocalAWSError`` for anything but a PySpark script."""
        driver = self.asked["jobDriver"]["sparkSubmit"]
        options = spark_submit.split(driver.get("sparkSubmitParameters") or "")
        configured = {
            name: value
            for part in (self.asked.get("configurationOverrides") or {}).get("applicationConfiguration") or ()
            if part.get("classification") == "spark-defaults"
            for name, value in (part.get("properties") or {}).items()
        }
        job = spark_submit.parse([*options, driver["entryPoint"], *(driver.get("entryPointArguments") or ())])
        return SparkJob(job.location, job.arguments, {**configured, **job.settings}, job.modules)

    def move(self, state: str, details: str = "") -> bool:
        """Go on to a state, and tell of it; false if it was cancelled before, or has ended."""
        before = self._move(state, details)
        if before is not None:
            self.tell(self, before)
        return before is not None

    def _move(self, state: str, details: str) -> str | None:
        """Go on to a state; answers the one before, or nothing if it stays as it is."""
        with self._lock:
            before = self.state
            if before in FINAL or (before == CANCELLING and state not in FINAL):
                return None
            if before == CANCELLING:
                state, details = CANCELLED, self.state_details
            self.state, self.state_details, self.updated_at = state, details[:LONGEST_DETAILS], now()
            if state == RUNNING:
                self.started_at = self.updated_at
            if state in FINAL:
                self.ended_at, self._kill = self.updated_at, None
            return before

    def can_be_killed_by(self, kill: Callable[[], None]) -> None:
        """Note that its script runs, and how to end it; it is ended now if the run was cancelled before."""
        with self._lock:
            self._kill = kill
        if not self.move(RUNNING):
            kill()

    def cancel(self, details: str = "The job run was cancelled.") -> bool:
        """Ask it to end; false if it has ended, or is asked to already."""
        with self._lock:
            before, kill = self._move(CANCELLING, details), self._kill
        if before is None:
            return False
        if kill:
            kill()
        self.tell(self, before)
        return True

    @property
    def execution_seconds(self) -> int:
        """How long its script has run, or ran."""
        return round(((self.ended_at or now()) - self.started_at).total_seconds()) if self.started_at else 0

    def as_dict(self) -> dict[str, Any]:
        """Answer it as ``GetJobRun`` does; it used no machine of AWS's."""
        with self._lock:
            ended = self.state in FINAL
            answer = {
                **self._common(),
                "jobRunId": self.run_id,
                "jobDriver": self.asked["jobDriver"],
                "configurationOverrides": self.asked.get("configurationOverrides"),
                "tags": self.asked.get("tags") or {},
                "executionTimeoutMinutes": self.asked.get("executionTimeoutMinutes", DEFAULT_TIMEOUT_MINUTES),
                "totalExecutionDurationSeconds": self.execution_seconds,
                "startedAt": self.started_at,
                "endedAt": self.ended_at,
                "totalResourceUtilization": _nothing() if ended else None,
                "billedResourceUtilization": _nothing() if ended else None,
            }
        return {name: value for name, value in answer.items() if value is not None}

    def summary(self) -> dict[str, Any]:
        """Answer it as ``ListJobRuns`` does."""
        with self._lock:
            answer = {**self._common(), "id": self.run_id, "type": "Spark"}
        return {name: value for name, value in answer.items() if value is not None}

    def _common(self) -> dict[str, Any]:
        return {
            "applicationId": self.application_id,
            "name": self.asked.get("name"),
            "arn": self.arn,
            "createdBy": f"arn:aws:iam::{self.account}:root",
            "createdAt": self.created_at,
            "updatedAt": self.updated_at,
            "executionRole": self.asked["executionRoleArn"],
            "state": self.state,
            "stateDetails": self.state_details,
            "releaseLabel": self.release_label,
            "mode": "BATCH",
            "attempt": 1,
        }


def _nothing() -> dict[str, float]:
    return {"vCPUHour": 0.0, "memoryGBHour": 0.0, "storageGBHour": 0.0}
