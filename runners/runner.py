"""The runner: the one place where the rules live by which a task becomes a job and a job an outcome.

1. A task is claimed in the table before anything is started for it, under a lease.
2. Only the holder of the lease starts the job; whoever takes the lease later first looks for what was started.
3. The record is closed when its outcome was acknowledged, or nobody waits for it any more, and not before.

Everything here may be repeated, run twice at the same time, or stop at any line: the next sweep goes on from the
record. What a service is like stands in ``runners.services``; this module knows none of them.
"""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from runners.errors import InvalidInputError, StartLaterError, StartRefusedError, TaskGoneError
from runners.job import ActiveJob, Failed, Outcome, Running, Stage, Status
from runners.task import Task, read_input

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from runners.active_jobs import ActiveJobs
    from runners.activity import Activity
    from runners.services import Service
    from runners.settings import Settings

log = logging.getLogger(__name__)

INVALID_INPUT = "InvalidInput"
CLAIM_FAILED = "ClaimFailedError"
CALLS_AT_ONCE = 32  # heartbeats and reports of one sweep
# What must be left of a lease for a start: two calls up to their read time-outs, attempts that did not connect, waits.
START_TAKES_AT_MOST = timedelta(seconds=90)


def utc_now() -> datetime:
    """Return the time, aware, in UTC."""
    return datetime.now(UTC)


class Runner:
    """Takes the tasks of one service: starts its jobs, keeps them alive, reports how they end.

    Args:
        service: what runs the jobs.
        activity: by which outcomes and heartbeats are sent; any of the runner's activities will do.
        active_jobs: the table.
        settings: the runner's settings.
        now: the clock.

    """

    def __init__(
        self,
        service: Service,
        activity: Activity,
        active_jobs: ActiveJobs,
        settings: Settings,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self.service = service
        self._activity = activity
        self._active_jobs = active_jobs
        self._settings = settings
        self._now = now
        self._heartbeats: dict[str, datetime] = {}

    # Taking a task

    def take(self, task: Task) -> None:
        """Make a job of a task that a poll has handed out. Whatever goes wrong, the task is not lost."""
        try:
            request = read_input(task.input)
            self.service.validate(request)
        except InvalidInputError as error:
            self._refuse(task, error)
            return
        except Exception as error:
            self._refuse(task, InvalidInputError({"(input)": f"could not be checked: {type(error).__name__}"}))
            return
        now = self._now()
        job = ActiveJob(
            runner=self.service.name,
            task_key=task.key,
            token=task.token,
            request=request,
            claimed_at=now,
            lease_expires_at=now + self._settings.lease,
        )
        if self._claim(job):
            self._heartbeats[job.task_key] = now  # the clock of the heartbeat starts with the poll
            _alone(self._start, job)

    def _refuse(self, task: Task, error: InvalidInputError) -> None:
        failed = Failed(INVALID_INPUT, {"Problems": error.problems})
        log.warning(
            "a task's input is invalid",
            extra={"action": "input_refused", "task_key": task.key, "fields": sorted(error.problems)},
        )
        try:
            self._activity.report(task.token, failed)
        except TaskGoneError:
            pass
        except Exception:
            log.exception("a refusal was not acknowledged", extra={"action": "report_failed", "task_key": task.key})
            self._claim(self._refused(task, failed))

    def _refused(self, task: Task, failed: Failed) -> ActiveJob:
        now = self._now()
        return ActiveJob(
            runner=self.service.name,
            task_key=task.key,
            token=task.token,
            request={},
            claimed_at=now,
            lease_expires_at=now,
            stage=Stage.REPORTING,
            outcome=failed,
        )

    def _claim(self, job: ActiveJob) -> bool:
        try:
            claimed = self._active_jobs.claim(job)
        except Exception as error:
            # The table is away. The state machine must hear of it, or it would wait until its heartbeat times out.
            log.exception("a task was not claimed", extra={"action": "claim_failed", "task_key": job.task_key})
            cause = {"ErrorMessage": f"the table of active jobs did not take the claim: {type(error).__name__}"}
            self._try_report(job, Failed(CLAIM_FAILED, cause))
            return False
        action = "task_claimed" if claimed else "task_claimed_before"
        log.info("a task was handed out", extra={"action": action, "task_key": job.task_key})
        return claimed

    # Starting a job

    def _start(self, job: ActiveJob) -> None:
        """Start a job whose lease is ours, and record what came of it."""
        try:
            prepared = self._prepared(job)
            if prepared is None:
                return  # the lease was over, and somebody else goes on with the job
            job = prepared
            if self._lease_is_short(job):
                return  # what came before took too long; a later sweep takes the lease anew
            run_id = self.service.start(job)
        except StartLaterError as later:
            log.info(
                "a job has to wait",
                extra={"action": "start_put_off", "task_key": job.task_key, "reason": str(later)},
            )
            self._active_jobs.advance(job.put_off(self._now() + self._settings.retry_start_after))
        except StartRefusedError as refused:
            self._finish(job, Failed(refused.error, refused.cause))
        except Exception:
            # It may have been started. When the lease is over, a sweep looks for the run.
            log.exception("a start is unclear", extra={"action": "start_unclear", "task_key": job.task_key})
        else:
            self._started(job, run_id)

    def _lease_is_short(self, job: ActiveJob) -> bool:
        """Whether a call made now could take effect after the lease."""
        return job.lease_expires_at - self._now() <= START_TAKES_AT_MOST

    def _prepared(self, job: ActiveJob) -> ActiveJob | None:
        """Take the singleton that a job needs, and record what has to be known before it is started.

        Most services need neither, and then nothing is written. None if the record was not ours any more.
        """
        if job.mark is not None:
            return job  # by a start that failed in an unclear way, of which nothing was found
        singleton = self.service.singleton(job)
        if singleton is not None and not self._active_jobs.hold(job, singleton):
            raise StartLaterError(f"another active job has {singleton}")
        mark = self.service.mark(job)
        if not mark and singleton is None:
            return job
        marked = job.marked(mark, singleton)
        return marked if self._active_jobs.advance(marked) else None

    def _started(self, job: ActiveJob, run_id: str) -> None:
        started = job.started(run_id)
        log.info("a job runs", extra={"action": "job_started", "task_key": job.task_key, "run_id": run_id})
        if not self._active_jobs.advance(started):
            self._started_in_vain(started, run_id)
        elif self.service.ends_at_once:
            self.check([started])

    def _started_in_vain(self, started: ActiveJob, run_id: str) -> None:
        """See whether a run is wanted whose job went on while we were starting it; if not, stop it."""
        while (current := self._active_jobs.read(started)) is not None and current.stage is Stage.CLAIMED:
            # Another holds the lease, and may be starting a second run: whoever records its run first keeps it.
            # What we know of the start goes with it: the other may have put the job off, and forgotten its mark.
            if self._active_jobs.advance(replace(started, version=current.version + 1)):
                return
        if current is not None:
            unwanted = current.run_id != run_id
        else:
            # A singleton was seen to before the record was closed, and what runs there now may be another job's.
            unwanted = self._settings.stop_abandoned_jobs and started.singleton is None
        log.warning(
            "a job went on without us",
            extra={"action": "job_overtaken", "task_key": started.task_key, "run_id": run_id},
        )
        if unwanted:
            self.service.stop([started])

    def _start_again(self, job: ActiveJob) -> None:
        """Go on with a claimed job that nobody is starting: it had to wait, or whoever started it is gone."""
        now = self._now()
        if job.lease_expires_at > now:
            return
        leased = job.leased(now, self._settings.lease)
        if not self._active_jobs.advance(leased):
            return
        run_id = self.service.find(leased) if job.maybe_started else None
        if run_id is None:
            self._start(leased)
        elif leased.singleton is None or not self._lease_is_short(leased):
            self._started(leased, run_id)
        # Else the search took too long, and what it found may be another job's by now.

    # Going through the active jobs

    def sweep(self) -> int:
        """Bring every active job of this runner one step forward; return how many there are."""
        jobs = list(self._active_jobs.of_runner(self.service.name))
        self._heartbeats = {job.task_key: self._heartbeats.get(job.task_key, _NEVER) for job in jobs}
        self.check([job for job in jobs if job.stage is Stage.STARTED])
        self._each(self._go_on, (job for job in jobs if job.stage is not Stage.STARTED))
        return len(jobs)

    def check(self, jobs: Iterable[ActiveJob]) -> None:
        """Ask the service about started jobs, many at once, and act on what it says."""
        jobs = list(jobs)
        if not jobs:
            return
        try:
            statuses = self.service.describe(jobs)
        except Exception:
            # Nothing is known of any of them, so nothing is concluded; but they are kept alive.
            log.exception("a service did not say how its jobs are", extra={"action": "describe_failed"})
            statuses = {}
        self._each(lambda job: self._act_on(job, statuses.get(job.task_key)), jobs)

    def on_event(self, event: Mapping[str, Any]) -> None:
        """Look again at the run that an event of EventBridge speaks of; the event itself is only a hint."""
        if run_id := self.service.run_of_event(event):
            self.check(job for job in self._active_jobs.of_run(self.service.name, run_id) if job.stage is Stage.STARTED)

    def started_jobs(self) -> list[ActiveJob]:
        """Return the jobs of this runner that run now."""
        return [job for job in self._active_jobs.of_runner(self.service.name) if job.stage is Stage.STARTED]

    def _each(self, act: Callable[[ActiveJob], None], jobs: Iterable[ActiveJob]) -> None:
        """Do the same for many jobs, side by side; what goes wrong with one stops no other."""
        with ThreadPoolExecutor(CALLS_AT_ONCE, thread_name_prefix="sweep") as pool:
            list(pool.map(lambda job: _alone(act, job), jobs))

    def _act_on(self, job: ActiveJob, status: Status | None) -> None:
        if status is None or isinstance(status, Running):
            self._keep_alive(job)
        elif job.singleton is None or job.lease_expires_at <= self._now():
            self._finish(job, status)
        # Else somebody is about to stop the singleton, which must not be another job's before that is over.

    def _go_on(self, job: ActiveJob) -> None:
        if job.stage is Stage.REPORTING and job.outcome is not None:
            self._finish(job, job.outcome)
        elif self._keep_alive(job):
            self._start_again(job)

    def _keep_alive(self, job: ActiveJob) -> bool:
        """Send a heartbeat if one is due. False if nobody waits any more: then the job is stopped and closed."""
        now = self._now()
        if now - self._heartbeats.get(job.task_key, _NEVER) < self._settings.heartbeat_interval:
            return True
        try:
            self._activity.heartbeat(job.token)
        except TaskGoneError as gone:
            self._abandon(job, gone)
            return False
        self._heartbeats[job.task_key] = now
        return True

    def _abandon(self, job: ActiveJob, gone: TaskGoneError) -> None:
        log.warning(
            "nobody waits for a job any more",
            extra={"action": "job_abandoned", "task_key": job.task_key, "run_id": job.run_id, "reason": str(gone)},
        )
        if self._settings.stop_abandoned_jobs:
            if job.lease_expires_at > self._now() and job.maybe_started:
                return  # somebody may be starting or stopping it just now; when the lease is over, the run can be found
            if job.mark is not None:
                # Its run has no name of its own: once the record is closed, what we would stop may be another job's.
                job = job.leased(self._now(), self._settings.lease)
                if not self._active_jobs.advance(job):
                    return
            run_id = job.run_id or (self.service.find(job) if job.maybe_started else None)
            if job.mark is not None and self._lease_is_short(job):
                return  # the search took too long, and what it found may be another job's by now
            if run_id:
                self.service.stop([job.started(run_id)])
        self._close(job)

    # Reporting

    def _finish(self, job: ActiveJob, outcome: Outcome) -> None:
        """Report an outcome and close the record. If the report fails, the next sweep repeats it."""
        if not self._try_report(job, outcome):
            if job.stage is Stage.CLAIMED:
                # A job that never ran cannot be asked again for its outcome, so it is kept.
                self._active_jobs.advance(job.reporting(outcome))
            return
        action = "failure_reported" if isinstance(outcome, Failed) else "success_reported"
        log.info("an outcome was reported", extra={"action": action, "task_key": job.task_key, "run_id": job.run_id})
        self._close(job)
        self._heartbeats.pop(job.task_key, None)

    def _close(self, job: ActiveJob) -> None:
        # Whoever has changed the record meanwhile may be about to start or stop the singleton.
        if self._active_jobs.close(job) and job.singleton is not None:
            self._active_jobs.release(job, job.singleton)

    def _try_report(self, job: ActiveJob, outcome: Outcome) -> bool:
        """Report an outcome; True if there is nothing left to report."""
        try:
            self._activity.report(job.token, outcome)
        except TaskGoneError as gone:
            log.warning(
                "nobody waits for an outcome any more",
                extra={"action": "outcome_unwanted", "task_key": job.task_key, "reason": str(gone)},
            )
        except Exception:
            log.exception(
                "an outcome was not acknowledged", extra={"action": "report_failed", "task_key": job.task_key}
            )
            return False
        return True


def _alone(act: Callable[[ActiveJob], None], job: ActiveJob) -> None:
    """Act on one job; what goes wrong with it stops no other, and the next sweep comes back to it."""
    try:
        act(job)
    except Exception:
        log.exception("a job was passed over", extra={"action": "job_passed_over", "task_key": job.task_key})


_NEVER = datetime.min.replace(tzinfo=UTC)
