"""The records of active jobs as an operator sees them: found by a short key, and told without anything secret.

A task's token and its input's values are never among what is told, but for the fields in ``Service.asked_for``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runners.admission import waits
from runners.composition import SERVICES
from runners.errors import ConfigurationError
from runners.job import Failed, Running, Stage
from runners.links import page_link
from runners.operations.printing import clock_time, rough, said_by

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from runners.active_jobs import ActiveJobs
    from runners.job import ActiveJob, Outcome
    from runners.services import Service

SHORT = 10  # digits of a task key: enough for any number of jobs that run at a time
WAITING = "waiting"
_NAME = 16  # letters of a name of a run or an execution in a table
_SHOWN_AT_MOST = 5  # of several jobs that may be meant


def of_runners(active_jobs: ActiveJobs, runners: Iterable[str]) -> Iterator[ActiveJob]:
    """Yield the active jobs of several runners."""
    for runner in runners:
        yield from active_jobs.of_runner(runner)


def found(active_jobs: ActiveJobs, key: str) -> ActiveJob:
    """Return the one active job whose task key begins so, or whose run has this id (or the part of it in a table).

    Raises:
        ConfigurationError: there is none, or more than one.

    """
    begins = key.lower()
    jobs = [job for job in of_runners(active_jobs, SERVICES) if job.task_key.startswith(begins) or _runs_as(job, key)]
    if not jobs:
        raise ConfigurationError(
            f"no active job has the key or the run {key!r}: it may have ended just now. "
            "`runners jobs list` shows those that there are."
        )
    if len(jobs) > 1:
        some = ", ".join(f"{job.task_key[: len(key) + 2]} ({job.runner})" for job in jobs[:_SHOWN_AT_MOST])
        raise ConfigurationError(f"{key!r} may mean {len(jobs)} jobs: {some}. Type more of the key.")
    return jobs[0]


def _runs_as(job: ActiveJob, name: str) -> bool:
    return job.run_id is not None and name.rstrip("…") in (job.run_id, short_run(job).rstrip("…"))


def short_key(job: ActiveJob) -> str:
    """Return the beginning of a job's key, by which every command finds it."""
    return job.task_key[:SHORT]


def stage_of(job: ActiveJob) -> str:
    """Return how far a job has come; ``waiting`` for one that is held back and surely was not started."""
    return WAITING if waits(job) else job.stage.value


def asked_for(job: ActiveJob) -> str:
    """Return what a job is, without the arguments that its task may have: those may be secret."""
    return SERVICES[job.runner].job_name(job.request)


def short_run(job: ActiveJob) -> str:
    """Return the beginning of a run's name, without what all ARNs of its kind share; empty if there is no run."""
    name = (job.run_id or "").rsplit("/", 1)[-1] if (job.run_id or "").startswith("arn:") else job.run_id or ""
    return name if len(name) <= _NAME else f"{name[:_NAME]}…"


def execution_name(job: ActiveJob) -> str:
    """Return the beginning of the name of the execution that waits for a job; empty if its input does not tell."""
    name = job.execution.rsplit(":", 1)[-1] if job.execution else ""
    return name if len(name) <= _NAME else f"{name[:_NAME]}…"


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


def fields_of(job: ActiveJob, now: datetime) -> list[tuple[str, str]]:
    """Return what is told of a job to a person, by its name; what there is not is empty."""
    return [
        ("service", job.runner),
        ("asked for", asked_for(job)),
        ("stage", f"{stage_of(job)}: {_MEANINGS[stage_of(job)]}"),
        ("claimed", _moment(job.claimed_at, now)),
        ("started", _moment(job.started_at, now) if job.started_at else ""),
        ("run", job.run_id or ""),
        ("execution", job.execution or ""),
        ("priority", str(job.priority)),
        ("attempt", str(job.attempt)),
        ("lease", _lease(job, now)),
        ("singleton", job.singleton or ""),
        ("outcome", _told(job.outcome) if job.outcome else ""),
        ("task key", job.task_key),
        ("version", str(job.version)),
    ]


def said_of(service: Service, job: ActiveJob, now: datetime) -> str:
    """Ask a service how a job is now, and return what it says; of one without a run, whether there is one after all."""
    try:
        if job.run_id is not None:
            status = service.describe([job]).get(job.task_key)
        elif job.stage is Stage.CLAIMED and job.maybe_started and job.lease_expires_at <= now:
            return _search(service, job)
        else:
            return ""
    except Exception as error:  # whatever the service answered: what the record says is worth showing all the same
        return f"nothing; asking it failed: {said_by(error)}"
    if status is None:
        return "nothing just now"
    if isinstance(status, Running):
        return status.state
    return f"{_told(status)}; the next sweep reports it"


def _search(service: Service, job: ActiveJob) -> str:
    if run_id := service.find(job):
        return f"run {run_id} was started for this task, and is not recorded yet"
    return "a run may have been started; a sweep finds out" if service.was_submitted(job) else "no run was started"


def console_link(region: str, job: ActiveJob) -> str:
    """Return the address of the page of the execution that waits; empty if its input does not tell."""
    return (
        page_link(region, f"states/home?region={region}#/v2/executions/details/{job.execution}")
        if job.execution
        else ""
    )


_MEANINGS = {
    WAITING: "held back until its service or a limit lets it start",
    Stage.CLAIMED.value: "being started, or to be looked for",
    Stage.STARTED.value: "runs at its service",
    Stage.REPORTING.value: "has ended; its outcome is not acknowledged yet",
}
_SAID = ("State", "Status", "ErrorMessage")  # what the names of fields end with that say how a job ended


def _told(outcome: Outcome) -> str:
    """Return an outcome in words: the error, the state and the message that services give, and no other value."""
    if not isinstance(outcome, Failed):
        return "succeeded"
    said = [text for name, text in outcome.cause.items() if name.endswith(_SAID) and isinstance(text, str)]
    return ": ".join([f"failed with {outcome.error}", *said])


def _moment(moment: datetime, now: datetime) -> str:
    return f"{clock_time(moment)} UTC, {rough(now - moment)} ago"


def _lease(job: ActiveJob, now: datetime) -> str:
    if waits(job):
        return "" if job.lease_expires_at <= now else f"not tried again for {rough(job.lease_expires_at - now)}"
    if job.stage is not Stage.CLAIMED and job.lease_expires_at <= now:
        return ""  # it has served its purpose
    if job.lease_expires_at > now:
        return f"held for another {rough(job.lease_expires_at - now)}, until {clock_time(job.lease_expires_at)} UTC"
    return f"over for {rough(now - job.lease_expires_at)}"
