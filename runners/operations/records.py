"""The records of active jobs as an operator sees them: found by a short key, and told without anything secret.

A task's token and its input's values are never among what is told, but for the fields in ``Service.asked_for``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runners.composition import SERVICES
from runners.errors import ConfigurationError
from runners.job import Stage

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from runners.active_jobs import ActiveJobs
    from runners.job import ActiveJob

SHORT = 10  # digits of a task key: enough for any number of jobs that run at a time
WAITING = "waiting"
_SHOWN_AT_MOST = 5  # of several jobs that may be meant


def of_runners(active_jobs: ActiveJobs, runners: Iterable[str]) -> Iterator[ActiveJob]:
    """Yield the active jobs of several runners."""
    for runner in runners:
        yield from active_jobs.of_runner(runner)


def found(active_jobs: ActiveJobs, key: str) -> ActiveJob:
    """Return the one active job whose task key begins so, or whose run has this id.

    Raises:
        ConfigurationError: there is none, or more than one.

    """
    begins = key.lower()
    jobs = [job for job in of_runners(active_jobs, SERVICES) if job.task_key.startswith(begins) or job.run_id == key]
    if not jobs:
        raise ConfigurationError(
            f"no active job has the key or the run {key!r}: it may have ended just now. "
            "`runners jobs list` shows those that there are."
        )
    if len(jobs) > 1:
        some = ", ".join(f"{job.task_key[: len(key) + 2]} ({job.runner})" for job in jobs[:_SHOWN_AT_MOST])
        raise ConfigurationError(f"{key!r} may mean {len(jobs)} jobs: {some}. Type more of the key.")
    return jobs[0]


def short_key(job: ActiveJob) -> str:
    """Return the beginning of a job's key, by which every command finds it."""
    return job.task_key[:SHORT]


def stage_of(job: ActiveJob) -> str:
    """Return how far a job has come; ``waiting`` for one that is held back and surely was not started."""
    if job.stage is Stage.CLAIMED and not job.maybe_started:
        return WAITING
    return job.stage.value


def asked_for(job: ActiveJob) -> str:
    """Return what a job is, without the arguments that its task may have: those may be secret."""
    return " ".join(str(job.request[name]) for name in SERVICES[job.runner].asked_for if job.request.get(name))


def execution_name(job: ActiveJob) -> str:
    """Return the name of the execution that waits for a job; empty if its input does not tell."""
    return job.execution.rsplit(":", 1)[-1] if job.execution else ""


def document_of(job: ActiveJob, now: datetime) -> dict[str, Any]:
    """Return what is told of a job to a machine."""
    return {
        "service": job.runner,
        "task_key": job.task_key,
        "stage": stage_of(job),
        "asked_for": asked_for(job),
        "claimed_at": job.claimed_at,
        "age_seconds": int((now - job.claimed_at).total_seconds()),
        "started_at": job.started_at,
        "run_id": job.run_id,
        "execution": job.execution,
        "priority": job.priority,
        "attempt": job.attempt,
        "lease_expires_at": job.lease_expires_at,
        "maybe_started": job.maybe_started,
        "singleton": job.singleton,
        "version": job.version,
    }
