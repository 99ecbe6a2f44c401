"""A hand in what the runners do: a run stopped at its service, a task that hangs failed and its record closed.

What is done goes through the record's version, as in ``runners.runner``: of a runner and an operator who act on the
same job at the same time, one finds out that the other was quicker.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from runners.errors import RunnersError, TaskGoneError
from runners.job import Failed, Stage
from runners.operations.printing import clock_time
from runners.operations.records import short_key

if TYPE_CHECKING:
    from datetime import datetime

    from runners.active_jobs import ActiveJobs
    from runners.activity import Activity
    from runners.job import ActiveJob
    from runners.runner import Runner

RELEASED = "ReleasedByOperator"
"""The error that a released task fails with; Retry and Catch of its state machine can name it."""


class InterventionRefusedError(RunnersError):
    """Nothing was done: it would do harm now, there is nothing to do, or somebody else was quicker."""


@dataclass(frozen=True)
class Release:
    """What came of the release of a job."""

    task_waited: bool
    """Whether somebody still waited for the task; else the record alone was in the way."""

    closed: bool
    """Whether the record was closed; else a runner is closing it just now."""


def stop_run(runner: Runner, active_jobs: ActiveJobs, job: ActiveJob, now: datetime) -> str | None:
    """Stop the run of a job at its service and return the run's id; a sweep then reports how it ended.

    None if the run was stopped, but its service tells its id only to whoever starts it again under its token.

    Raises:
        InterventionRefusedError: it has no run, somebody may be starting it now, or the record has changed.
        StopFailedError, or another error of the service: the run may go on.

    """
    if job.stage is Stage.REPORTING:
        raise InterventionRefusedError(
            f"job {short_key(job)} has ended already, only its outcome is still to be acknowledged: there is nothing "
            "to stop. If that hangs, `runners jobs release` closes it."
        )
    _check_lease(job, now)
    run_id = job.run_id or (runner.service.find(job) if job.maybe_started else None)
    if run_id is None and not (job.maybe_started and runner.service.was_submitted(job)):
        raise InterventionRefusedError(
            f"job {short_key(job)} has no run that could be stopped: it waits to be started. "
            "`runners jobs release` fails its task."
        )
    stopped = runner.stop(job)
    if stopped is None:
        raise InterventionRefusedError(_overtaken(job))
    if stopped.version > job.version:
        # It was stopped under a lease, and no sweep may report it before that is over: give it back.
        active_jobs.advance(replace(stopped, version=stopped.version + 1, lease_expires_at=job.claimed_at))
    return run_id


def release(
    activity: Activity, active_jobs: ActiveJobs, job: ActiveJob, error: str, now: datetime, *, force: bool = False
) -> Release:
    """Fail a job's task, close its record and give back its singleton. Its run, if it has one, is left alone.

    The outcome is recorded before it is reported: if this is interrupted, a sweep completes it.

    Args:
        activity: by which the failure is reported.
        active_jobs: the table.
        job: as it was read just now.
        error: the name of the error that the state fails with.
        now: the time.
        force: whether to do so although somebody may be starting or stopping the job.

    Raises:
        InterventionRefusedError: somebody holds the lease, or the record has changed; nothing was done.

    """
    if not force:
        _check_lease(job, now)
    cause = {
        "ErrorMessage": "an operator released the task; its run, if there is one, was left alone",
        "Runner": job.runner,
        "RunId": job.run_id,
        "TaskKey": job.task_key,
        "Stage": job.stage.value,
    }
    failed = Failed(error, cause)
    reporting = job.reporting(failed)
    if not active_jobs.advance(reporting):
        raise InterventionRefusedError(_overtaken(job))
    try:
        activity.report(job.token, failed)
        task_waited = True
    except TaskGoneError:
        task_waited = False
    closed = active_jobs.close(reporting)
    if closed and job.singleton is not None:
        active_jobs.release(job, job.singleton)
    return Release(task_waited, closed)


def _check_lease(job: ActiveJob, now: datetime) -> None:
    if job.stage is not Stage.REPORTING and job.lease_expires_at > now and job.maybe_started:
        raise InterventionRefusedError(
            f"somebody may be starting or stopping job {short_key(job)} just now, until "
            f"{clock_time(job.lease_expires_at)} UTC; nothing was done. Try again then."
        )


def _overtaken(job: ActiveJob) -> str:
    return (
        f"job {short_key(job)} went on while you looked at it; nothing was done. Look again with `runners jobs show "
        f"{short_key(job)}`."
    )
