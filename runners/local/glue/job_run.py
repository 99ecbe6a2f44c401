"""One run of a Glue job: what it was asked for, and its state from start to end.

A value with a lock, no more: it starts no process and knows nothing of moto's server. Its dictionary is what Glue
answers for a run.
"""

from __future__ import annotations

import secrets
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

WAITING, STARTING, RUNNING, STOPPING = "WAITING", "STARTING", "RUNNING", "STOPPING"
SUCCEEDED, FAILED, TIMEOUT, STOPPED = "SUCCEEDED", "FAILED", "TIMEOUT", "STOPPED"
ACTIVE = frozenset({STARTING, RUNNING, STOPPING})
FINAL = frozenset({SUCCEEDED, FAILED, TIMEOUT, STOPPED})

LOG_GROUP = "/aws-glue/jobs"
DPU_PER_WORKER = {
    "Standard": 1.0,
    "G.025X": 0.25,
    "G.1X": 1.0,
    "G.2X": 2.0,
    "G.4X": 4.0,
    "G.8X": 8.0,
    "G.12X": 12.0,
    "G.16X": 16.0,
    "Z.2X": 2.0,
    "R.1X": 1.0,
    "R.2X": 2.0,
    "R.4X": 4.0,
    "R.8X": 8.0,
}
FIRST_VERSION_OF_WORKERS_ONLY = 2  # "you cannot specify a Maximum capacity" (StartJobRun)
FIRST_VERSION_WITH_SHORT_TIMEOUT = 5  # Glue 5.0 took the default timeout down from two days to eight hours


def now() -> datetime:
    """Tell the time, in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class RunRequest:
    """What one run is asked to be: the job's settings with those of ``StartJobRun`` laid over them."""

    job_name: str
    command: Mapping[str, str]
    arguments: Mapping[str, str]
    """With dashes, as Glue has them: ``{"--day": "2014-03-01"}``."""
    timeout_minutes: int
    max_capacity: float
    """In DPU."""
    worker_type: str | None = None
    number_of_workers: int | None = None
    glue_version: str = "0.9"
    execution_class: str = "STANDARD"
    queuing: bool = False
    max_retries: int = 0
    connections: tuple[str, ...] = ()
    security_configuration: str | None = None
    notification_property: Mapping[str, int] | None = None

    @classmethod
    def of(cls, job: Any, asked: Mapping[str, Any]) -> RunRequest:
        """Lay the parameters of ``StartJobRun`` over moto's record of a job."""
        capacity = _capacity(job, asked)
        queuing = asked.get("JobRunQueuingEnabled")
        return cls(
            job_name=job.name,
            command=job.command or {},
            arguments={
                **(job.default_arguments or {}),
                **(asked.get("Arguments") or {}),
                **(job.non_overridable_arguments or {}),
            },
            timeout_minutes=asked.get("Timeout") or job.timeout or _default_timeout(job),
            glue_version=job.glue_version or "0.9",
            execution_class=asked.get("ExecutionClass") or job.execution_class,
            queuing=bool(getattr(job, "job_run_queuing_enabled", False) if queuing is None else queuing),
            max_retries=job.max_retries or 0,
            connections=tuple((job.connections or {}).get("Connections", ())),
            security_configuration=asked.get("SecurityConfiguration") or job.security_configuration,
            notification_property=asked.get("NotificationProperty") or job.notification_property,
            **capacity,
        )


@dataclass
class JobRun:
    """A run, as far as it has come. Its state only moves forward, and a final one stays."""

    request: RunRequest
    attempt: int = 0
    previous_run_id: str | None = None
    run_id: str = field(default_factory=lambda: f"jr_{secrets.token_hex(32)}")
    state: str = STARTING
    state_detail: str | None = None
    error_message: str | None = None
    started_on: datetime = field(default_factory=now)
    last_modified_on: datetime = field(default_factory=now)
    running_since: datetime | None = None
    completed_on: datetime | None = None
    _lock: threading.RLock = field(default_factory=threading.RLock, repr=False)
    _kill: Callable[[], None] | None = field(default=None, repr=False)

    @property
    def job_run_id(self) -> str:
        """The run's id, by the name that moto's pages are counted by."""
        return self.run_id

    @property
    def status(self) -> str:
        """The state, by moto's name."""
        return self.state

    def advance(self) -> None:
        """Do nothing: moto moves its own runs forward when they are looked at, these move by themselves."""

    def retry(self) -> JobRun:
        """Make the next attempt at the same request, named as Glue names it."""
        first_id = self.run_id.partition("_attempt_")[0]
        attempt = self.attempt + 1
        return JobRun(self.request, attempt, previous_run_id=self.run_id, run_id=f"{first_id}_attempt_{attempt}")

    def wait(self, reason: str) -> None:
        """Hold the run back until there is room for it."""
        self._move(WAITING, state_detail=reason)

    def start(self) -> bool:
        """Begin what has waited; false if it was stopped meanwhile."""
        with self._lock:
            if self.state == WAITING:
                self._move(STARTING)
            return self.state == STARTING

    def run(self, kill: Callable[[], None]) -> None:
        """Note that the script runs, and how to end it at once; it is ended now if a stop was asked for before."""
        with self._lock:
            self._kill = kill
            self.running_since = now()
            if self.state == STOPPING:
                kill()
            else:
                self._move(RUNNING)

    def stop(self) -> bool:
        """Ask the run to stop; false if it has ended or is stopping already."""
        with self._lock:
            if self.state == WAITING:
                self.end(STOPPED)
                return True
            if self.state not in {STARTING, RUNNING}:
                return False
            self._move(STOPPING)
            if self._kill:
                self._kill()
            return True

    def end(self, state: str, error_message: str | None = None) -> None:
        """Close the run. One that was asked to stop is stopped, however its script came to its end."""
        with self._lock:
            if self.state in FINAL:
                return
            if self.state == STOPPING:
                state, error_message = STOPPED, None
            self._move(state)
            self.completed_on = self.last_modified_on
            self.error_message = error_message
            self._kill = None

    def _move(self, state: str, state_detail: str | None = None) -> None:
        with self._lock:
            self.state, self.state_detail, self.last_modified_on = state, state_detail, now()

    @property
    def execution_seconds(self) -> int:
        """How long the script has run, or ran, in whole seconds."""
        if self.running_since is None:
            return 0
        return round(((self.completed_on or now()) - self.running_since).total_seconds())

    def as_dict(self) -> dict[str, Any]:
        """Answer the run as Glue's ``JobRun``; what Glue leaves out is left out."""
        request = self.request
        with self._lock:
            answer = {
                "Id": self.run_id,
                "Attempt": self.attempt,
                "PreviousRunId": self.previous_run_id,
                "JobName": request.job_name,
                "JobMode": "SCRIPT",
                "JobRunQueuingEnabled": request.queuing,
                "StartedOn": self.started_on,
                "LastModifiedOn": self.last_modified_on,
                "CompletedOn": self.completed_on,
                "JobRunState": self.state,
                "StateDetail": self.state_detail,
                "Arguments": dict(request.arguments),
                "ErrorMessage": self.error_message,
                "PredecessorRuns": [],
                "AllocatedCapacity": int(request.max_capacity),
                "ExecutionTime": self.execution_seconds,
                "Timeout": request.timeout_minutes,
                "MaxCapacity": request.max_capacity,
                "WorkerType": request.worker_type,
                "NumberOfWorkers": request.number_of_workers,
                "SecurityConfiguration": request.security_configuration,
                "LogGroupName": LOG_GROUP,
                "NotificationProperty": request.notification_property,
                "GlueVersion": request.glue_version,
                "DPUSeconds": self._dpu_seconds(),
                "ExecutionClass": request.execution_class,
            }
        return {name: value for name, value in answer.items() if value is not None}

    def _dpu_seconds(self) -> float | None:
        """Glue gives them for flexible execution and for auto scaling, once the run has ended, and not otherwise."""
        scales = self.request.arguments.get("--enable-auto-scaling", "").lower() == "true"
        if self.completed_on is None or not (scales or self.request.execution_class == "FLEX"):
            return None
        return self.request.max_capacity * self.execution_seconds


def _capacity(job: Any, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Find what the run may use. A worker type in the request sets the job's DPU aside, and the other way round."""
    worker_type, workers, dpu = job.worker_type, job.number_of_workers, job.max_capacity or job.allocated_capacity
    if asked_dpu := asked.get("MaxCapacity") or asked.get("AllocatedCapacity"):
        worker_type, workers, dpu = None, None, asked_dpu
    elif asked.get("WorkerType") or asked.get("NumberOfWorkers"):
        worker_type = asked.get("WorkerType") or worker_type
        workers = asked.get("NumberOfWorkers") or workers
    if worker_type and workers:
        dpu = DPU_PER_WORKER[worker_type] * workers
    return {
        "worker_type": worker_type,
        "number_of_workers": workers,
        "max_capacity": float(dpu or (0.0625 if (job.command or {}).get("Name") == "pythonshell" else 10)),
    }


def takes_only_workers(job: Any) -> bool:
    """Whether a job's capacity is said in workers alone: Spark since Glue 2.0."""
    return (job.command or {}).get("Name") == "glueetl" and _major_version(job) >= FIRST_VERSION_OF_WORKERS_ONLY


def _default_timeout(job: Any) -> int:
    is_spark = (job.command or {}).get("Name") == "glueetl"
    short = is_spark and _major_version(job) >= FIRST_VERSION_WITH_SHORT_TIMEOUT
    return 480 if short else 2880


def _major_version(job: Any) -> int:
    version = str(job.glue_version or "0.9").partition(".")[0]
    return int(version) if version.isdecimal() else 0
