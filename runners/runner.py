"""The runner: the one place where the rules live by which a task becomes a job and a job an outcome.

1. A task is claimed in the table before anything is started for it, under a lease.
2. Only the holder of the lease starts the job; whoever takes the lease later first looks for what was started.
3. The record is closed when its outcome was acknowledged, or nobody waits for it any more, and not before.

Everything here may be repeated, run twice at the same time, or stop at any line: the next sweep goes on from the
record. What a service is like stands in ``runners.services``; this module knows none of them.
"""

from __future__ import annotations

import logging
import time
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from runners.admission import Demand, Limits, admitted, runs, waits
from runners.coalesced import Coalesced
from runners.errors import InvalidInputError, StartLaterError, StartRefusedError, TaskGoneError
from runners.job import ActiveJob, Failed, Outcome, Running, Stage, Status, Unknown
from runners.log import job_fields
from runners.observer import Observer, Observers
from runners.pace import Pace
from runners.services.calls import batches
from runners.side_by_side import side_by_side
from runners.task import Task, read_input, taken_apart
from runners.timetable import Timetable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from runners.active_jobs import ActiveJobs
    from runners.activity import Activity
    from runners.services import Service
    from runners.settings import Settings

log = logging.getLogger(__name__)

INVALID_INPUT = "InvalidInput"
CLAIM_FAILED = "ClaimFailedError"
CALLS_AT_ONCE = 32  # heartbeats and reports of one sweep
PATIENCE = timedelta(seconds=5)  # for a start that the pace does not admit yet; then the job is claimed and waits
BATCH = 10  # jobs whose start is admitted at once: few enough to be started well within their lease
FEW = 50  # jobs, for which a heartbeat more is no matter
MOST_SKEW = timedelta(seconds=30)  # by which clocks may differ for the guarantees to hold
KNOWN_WITHIN = timedelta(minutes=5)  # of its start, a service knows a run; most know it at once
LOOKS = (timedelta(0), timedelta(seconds=0.3), timedelta(seconds=0.6))  # pauses before looks for an event's record


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
        sleep: waits so many seconds.
        observer: is told of the runner's work.

    """

    def __init__(
        self,
        service: Service,
        activity: Activity,
        active_jobs: ActiveJobs,
        settings: Settings,
        *,
        now: Callable[[], datetime] = utc_now,
        sleep: Callable[[float], object] = time.sleep,
        observer: Observer | None = None,
    ) -> None:
        self.service = service
        self.observer = Observers() if observer is None else Observers(observer)
        self._activity = activity
        self._active_jobs = active_jobs
        self._settings = settings
        self._now = now
        self._sleep = sleep
        self._times = Timetable(settings.sweep_interval, settings.heartbeat_interval)
        self._limits = Limits.of(settings)
        highest = settings.starts_per_second or service.starts_per_second
        self._pace = Pace(highest, service.starts_at_once, now, sleep)
        self._busy_until: dict[str, datetime] = {}  # by name: jobs that would be refused, as one just was
        self._sweep_noted_at = _NEVER
        self._waiting = 0  # jobs, when last looked
        self._is_full = False  # then, and nothing has ended here since: no need to read all jobs for each that comes
        self._admissions = Coalesced(self._admit)

    # Taking a task

    def take(self, task: Task) -> None:
        """Make a job of a task that a poll has handed out. Whatever goes wrong, the task is not lost."""
        try:
            wanted = taken_apart(read_input(task.input))
            self.service.validate(wanted.request)
            self._may_ever_start(wanted.request)
        except InvalidInputError as error:
            self._refuse(task, error)
            return
        except Exception as error:
            self._refuse(task, InvalidInputError({"(input)": f"could not be checked: {type(error).__name__}"}))
            return
        handed_out_at = self._now()
        at_once = self._may_start_at_once(wanted.request)
        now = self._now()
        job = ActiveJob(
            runner=self.service.name,
            task_key=task.key,
            token=task.token,
            request=wanted.request,
            claimed_at=now,
            lease_expires_at=now + self._settings.lease if at_once else now,
            maybe_started=at_once,
            priority=wanted.priority,
            execution=wanted.execution,
        )
        if self._claim(job):
            self._times.heartbeat_sent(job, handed_out_at)  # the clock of the heartbeat starts with the poll
            if at_once:
                _alone(self._start, job)
            else:
                self._waiting += 1
                if not self._is_full:
                    self._admit_soon(_AT_ONCE)

    def _may_ever_start(self, request: Mapping[str, Any]) -> None:
        demand = self._demand(request)
        if self._limits.forbid(demand):
            asked = f"asks for {demand.dpu:g} DPU, more than the {self._limits.dpu:g} of all jobs together"
            raise InvalidInputError({"(input)": asked})

    def _may_start_at_once(self, request: Mapping[str, Any]) -> bool:
        """Whether a job may pass by the table's waiting jobs: there are neither limits nor, as far as known, any."""
        if self._limits or self._waiting or self._is_busy(self._demand(request).name):
            return False
        return self._pace.take(PATIENCE)

    def _demand(self, request: Mapping[str, Any]) -> Demand:
        return Demand(self.service.job_name(request), self.service.dpu(request))

    def _demand_of(self, job: ActiveJob) -> Demand:
        return self._demand(job.request)

    def _is_busy(self, name: str) -> bool:
        return self._busy_until.get(name, _NEVER) > self._now()

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
            return
        self.observer.refused(self.service.name, task.key)

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
            log.exception("a task was not claimed", extra={"action": "claim_failed", **job_fields(job)})
            cause = {"ErrorMessage": f"the table of active jobs did not take the claim: {type(error).__name__}"}
            self._report(job, Failed(CLAIM_FAILED, cause))
            return False
        action = "task_claimed" if claimed else "task_claimed_before"
        log.info("a task was handed out", extra={"action": action, **job_fields(job)})
        if claimed:
            self.observer.claimed(job)
        return claimed

    # Letting waiting jobs start

    def _admit_soon(self, patience: timedelta) -> None:
        """Let waiting jobs start, if they may; what several threads ask for meanwhile is done once for all."""
        try:
            self._admissions(patience)
        except Exception:
            log.exception("waiting jobs were not looked at", extra={"action": "admission_failed"})

    def _admit(self, patience: timedelta) -> None:
        """Let those jobs start that the limits and the names that are busy admit, and within ``patience`` the pace."""
        patience_ends = self._now() + patience
        while self._admit_some(patience_ends):
            pass

    def _admit_some(self, patience_ends: datetime) -> bool:
        """Go through the waiting jobs once; return whether it is worth another look."""
        # Timeline: another process may admit jobs after this read and before our write. It counts them up in the same
        # transaction, so that ours, which rests on what we read, is refused, and we read anew.
        admissions = self._active_jobs.admissions(self.service.name) if self._limits else 0
        jobs = list(self._active_jobs.of_runner(self.service.name))
        self._each(self._refuse_waiting, filter(self._never_fits, jobs))
        self._waiting = sum(map(waits, jobs))
        were_busy, started = set(self._busy_until), 0
        for batch in batches(self._admitted(jobs), BATCH):
            free = [job for job in batch if not self._is_busy(self._demand_of(job).name)]
            paced = [job for job in free if self._pace.take(patience_ends - self._now())]
            leased = self._leased(paced, admissions)
            if paced and not leased:
                return True  # somebody else admits jobs too
            admissions += bool(leased)
            self._waiting -= len(leased)
            started += len(leased)
            self._each(self._start_if_waited_for, leased)
            if len(paced) < len(free):
                return False
        self._is_full = self._limits.running is not None and sum(map(runs, jobs)) + started >= self._limits.running
        # One was tried, and the others of its name may follow.
        return self._waiting > 0 and bool(were_busy - self._busy_until.keys())

    def _never_fits(self, job: ActiveJob) -> bool:
        """Whether a job waits in vain, as a limit was lowered meanwhile; it would hold back all others."""
        return waits(job) and self._limits.forbid(self._demand_of(job))

    def _refuse_waiting(self, job: ActiveJob) -> None:
        try:
            self._may_ever_start(job.request)
        except InvalidInputError as error:
            self._finish(job, Failed(INVALID_INPUT, {"Problems": error.problems}))

    def _admitted(self, jobs: Sequence[ActiveJob]) -> list[ActiveJob]:
        """Return the waiting jobs that may start, beside those that run."""
        now = self._now()
        due = [job for job in jobs if waits(job) and job.lease_expires_at <= now]
        free = [job for job in due if not self._is_busy(self._demand_of(job).name)]
        chosen = admitted(free, filter(runs, jobs), self._limits, self._demand_of, now)
        tried: set[str] = set()
        return [job for job in chosen if not self._is_tried(job, tried)]

    def _is_tried(self, job: ActiveJob, tried: set[str]) -> bool:
        """Whether one of the jobs before, whose names are ``tried``, will show if a name that was busy still is."""
        name = self._demand_of(job).name
        if name in tried:
            return True
        if name in self._busy_until:
            tried.add(name)
        return False

    def _leased(self, jobs: Sequence[ActiveJob], admissions: int) -> list[ActiveJob]:
        """Take the right to start jobs; return those of which we got it."""
        leased = [job.leased(self._now(), self._settings.lease) for job in jobs]
        if self._limits:
            return leased if leased and self._active_jobs.admit(leased, admissions) else []
        return [job for job in leased if self._active_jobs.advance(job)]

    def _start_if_waited_for(self, job: ActiveJob) -> None:
        """Start a job that has waited and whose lease is ours, unless its task is gone.

        Timeline: the answer to the claim is lost, another process lets the job start, reports its outcome and closes
        the record, and only then the claim is repeated. What waits now has run already.
        """
        now = self._now()
        try:
            self._activity.heartbeat(job.token)
        except TaskGoneError as gone:
            self._abandon_unstarted(job, gone)
            return
        self._times.heartbeat_sent(job, now)
        self._start(job)

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
            self._put_off(job, later)
        except StartRefusedError as refused:
            self._finish(job, Failed(refused.error, refused.cause))
        except InvalidInputError as error:  # by rules that were not yet those when the task was taken
            self._finish(job, Failed(INVALID_INPUT, {"Problems": error.problems}))
        except Exception:
            # It may have been started. When the lease is over, a sweep looks for the run.
            log.exception("a start is unclear", extra={"action": "start_unclear", **job_fields(job)})
        else:
            self._pace.raise_again()
            self._busy_until.pop(self._demand_of(job).name, None)
            self._started(job, run_id)

    def _put_off(self, job: ActiveJob, later: StartLaterError) -> None:
        until = self._now() + self._settings.retry_start_after
        log.info("a job has to wait", extra={"action": "start_put_off", **job_fields(job), "reason": str(later)})
        if later.throttled:
            self._pace.lower()
        else:
            self._busy_until[self._demand_of(job).name] = until
        self._waiting += 1
        self._is_full = False
        if self._active_jobs.advance(job.put_off(until)):
            self.observer.put_off(job, str(later))

    def _lease_is_short(self, job: ActiveJob) -> bool:
        """Whether a call made now could take effect after the lease."""
        return job.lease_expires_at - self._now() <= self._settings.start_takes_at_most

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
        started = job.started(run_id, self._now())
        log.info("a job runs", extra={"action": "job_started", **job_fields(started)})
        if not self._active_jobs.advance(started):
            self._started_in_vain(started, run_id)
            return
        self.observer.started(started)
        if self.service.ends_at_once or self._active_jobs.was_parked(self.service.name, run_id):
            self.check([started])

    def _started_in_vain(self, started: ActiveJob, run_id: str) -> None:
        """See whether a run is wanted whose job went on while we were starting it; if not, stop it."""
        while (current := self._active_jobs.read(started)) is not None and current.stage is Stage.CLAIMED:
            # Another holds the lease, and may be starting a second run: whoever records its run first keeps it.
            # What we know of the start goes with it: the other may have put the job off, and forgotten its mark.
            if self._active_jobs.advance(replace(started, version=current.version + 1, attempt=current.attempt)):
                self.observer.started(started)
                return
        if current is not None:
            unwanted = current.run_id != run_id
        else:
            # A singleton was seen to before the record was closed, and what runs there now may be another job's.
            unwanted = self._settings.stop_abandoned_jobs and started.singleton is None
        log.warning(
            "a job went on without us",
            extra={"action": "job_overtaken", **job_fields(started)},
        )
        if unwanted:
            self.service.stop([started])

    def _start_again(self, job: ActiveJob) -> None:
        """Go on with a job whose start is unclear, or whoever was about to start it is gone."""
        now = self._now()
        if job.lease_expires_at > now:
            return
        leased = job.leased(now, self._settings.lease)
        if not self._active_jobs.advance(leased):
            return
        run_id = self.service.find(leased)
        if run_id is None:
            self._start(leased)
        elif leased.singleton is None or not self._lease_is_short(leased):
            self._started(leased, run_id)
        # Else the search took too long, and what it found may be another job's by now.

    # Going through the active jobs

    def sweep(self) -> int:
        """Bring every active job of this runner one step forward; return how many there are."""
        jobs = list(self._active_jobs.of_runner(self.service.name))
        now = self._now()
        self._times.forget_others(jobs)
        if not self._times.knows(jobs):
            self._times.swept_before(self._last_sweep(now))
        self.observer.swept(self.service.name, jobs, now)
        # First of all: a service that answers late or never must not cost its jobs their lives.
        gone: set[str] = set()
        self._each(lambda job: self._keep_alive(job, gone), (job for job in jobs if job.stage is not Stage.REPORTING))
        alive = [job for job in jobs if job.task_key not in gone]
        self.check(job for job in alive if job.stage is Stage.STARTED and self._times.check_is_due(job, now))
        self._each(self._go_on, (job for job in alive if job.stage is not Stage.STARTED and not waits(job)))
        if self.service.has_singletons:
            self._active_jobs.release_lost(self.service.name, {job.task_key for job in jobs})
        if jobs:
            self._note_sweep(now)
        self._waiting = sum(map(waits, jobs))
        if self._waiting:
            self._admit_soon(self._settings.sweep_interval)
        return len(jobs)

    def _last_sweep(self, now: datetime) -> datetime | None:
        """Return when another process has kept all jobs alive; None if that is not known, or its clock is wrong."""
        try:
            swept_at = self._active_jobs.swept_at(self.service.name)
        except Exception:
            log.exception("it is not known when the last sweep was", extra={"action": "last_sweep_unknown"})
            return None
        if swept_at is None or swept_at - now > MOST_SKEW:
            return None
        self._sweep_noted_at = max(self._sweep_noted_at, swept_at)
        return swept_at

    def _note_sweep(self, now: datetime) -> None:
        """Note the sweep for processes that follow, now and then."""
        if now - self._sweep_noted_at < self._settings.heartbeat_interval / 2:
            return
        try:
            self._active_jobs.note_sweep(self.service.name, now)
        except Exception:
            log.exception("a sweep was not noted", extra={"action": "last_sweep_unknown"})
        else:
            self._sweep_noted_at = now

    def check(self, jobs: Iterable[ActiveJob]) -> None:
        """Ask the service about started jobs, many at once, and act on what it says."""
        jobs = list(jobs)
        if not jobs:
            return
        now = self._now()
        for job in jobs:
            self._times.checked(job, now)
        try:
            statuses = self.service.describe(jobs)
        except Exception:
            # Nothing is known of any of them, so nothing is concluded; but they are kept alive.
            log.exception("a service did not say how its jobs are", extra={"action": "describe_failed"})
            statuses = {}
        self._each(lambda job: self._act_on(job, statuses.get(job.task_key)), jobs)

    def on_event(self, event: Mapping[str, Any]) -> None:
        """Look again at the run that an event of EventBridge speaks of; the event itself is only a hint.

        If its run is not recorded yet, the event is parked: whoever records the run looks at it then.
        """
        run_id = self.service.run_of_event(event)
        if not run_id:
            return
        for pause in LOOKS:
            # The index is a moment late: a record that was there before the event was parked may show only after it.
            self._sleep(pause.total_seconds())
            jobs = self._active_jobs.of_run(self.service.name, run_id)
            if jobs:
                self.check(job for job in jobs if job.stage is Stage.STARTED)
                if (self._limits or self._waiting) and not self._is_full:
                    self._admit_soon(_AT_ONCE)  # in the place of one that has ended
                return
            if pause == LOOKS[0]:
                self._active_jobs.park(self.service.name, run_id, self._now())

    def on_execution_ended(self, execution: str) -> None:
        """See at once, and not when a heartbeat is due, that nobody waits for the jobs of an execution any more.

        Jobs of which is not known whose they are might be its jobs, too; they are asked for if they are few.
        """
        jobs = list(self._active_jobs.of_runner(self.service.name))
        nobody_s = [job for job in jobs if job.execution is None]
        jobs = [job for job in jobs if job.execution == execution] + nobody_s[: FEW if len(nobody_s) <= FEW else 0]
        self._each(self._send_heartbeat, (job for job in jobs if job.stage is not Stage.REPORTING))

    def started_jobs(self) -> list[ActiveJob]:
        """Return the jobs of this runner that run now."""
        return [job for job in self._active_jobs.of_runner(self.service.name) if job.stage is Stage.STARTED]

    def _each(self, act: Callable[[ActiveJob], object], jobs: Iterable[ActiveJob]) -> None:
        """Do the same for many jobs, side by side; what goes wrong with one stops no other."""
        side_by_side(lambda job: _alone(act, job), jobs, CALLS_AT_ONCE)

    def _act_on(self, job: ActiveJob, status: Status | None) -> None:
        if status is None or isinstance(status, Running) or self._may_be_known_soon(job, status):
            self._keep_alive(job)
        elif job.singleton is None or job.lease_expires_at <= self._now():
            self._finish(job, status)
        # Else somebody is about to stop the singleton, which must not be another job's before that is over.

    def _may_be_known_soon(self, job: ActiveJob, status: Outcome) -> bool:
        """Whether a service that does not know a run may only be a moment behind its own start."""
        return isinstance(status, Unknown) and self._now() - (job.started_at or job.claimed_at) < KNOWN_WITHIN

    def _go_on(self, job: ActiveJob) -> None:
        if job.outcome is not None:
            self._finish(job, job.outcome)
        elif self._keep_alive(job):
            self._start_again(job)

    def _keep_alive(self, job: ActiveJob, gone: set[str] | None = None) -> bool:
        """Send a heartbeat if one is due. False if nobody waits any more: then the job is stopped and closed.

        Its key is in ``gone`` then, whatever becomes of the stop.
        """
        return not self._times.heartbeat_is_due(job, self._now()) or self._send_heartbeat(job, gone)

    def _send_heartbeat(self, job: ActiveJob, gone: set[str] | None = None) -> bool:
        now = self._now()
        try:
            self._activity.heartbeat(job.token)
        except TaskGoneError as error:
            if gone is not None:
                gone.add(job.task_key)
            self._abandon(job, error)
            return False
        late_by = self._times.heartbeat_sent(job, now)
        if late_by is not None:
            log.warning(
                "a heartbeat was late",
                extra={"action": "heartbeat_late", **job_fields(job), "late_by_seconds": late_by.total_seconds()},
            )
            self.observer.heartbeat_was_late(job, late_by)
        return True

    def _abandon(self, job: ActiveJob, gone: TaskGoneError) -> None:
        if self._is_being_started(job):
            return  # when the lease is over, the run can be found
        if self._settings.stop_abandoned_jobs:
            stopped = self.stop(job)
            if stopped is None:
                return
            job = stopped
        self._abandon_unstarted(job, gone)

    def _abandon_unstarted(self, job: ActiveJob, gone: TaskGoneError) -> None:
        """Close the record of a job that nobody waits for, and of which nothing runs that should not."""
        log.warning(
            "nobody waits for a job any more",
            extra={"action": "job_abandoned", **job_fields(job), "reason": str(gone)},
        )
        if self._close(job):
            self.observer.abandoned(job, self._now())

    def _is_being_started(self, job: ActiveJob) -> bool:
        """Whether somebody may be starting or stopping a job just now."""
        return job.lease_expires_at > self._now() and job.maybe_started

    def stop(self, job: ActiveJob) -> ActiveJob | None:
        """Stop the run of a job, if it has one, and return the record as it is then.

        None if it could not be tried: somebody may be starting or stopping it just now, or the record has changed. It
        is worth another try when the lease is over.

        Raises:
            StopFailedError, or any other error of the service: the run may go on.

        """
        if self._is_being_started(job):
            return None
        is_unclear = job.run_id is None and job.maybe_started
        if job.mark is not None or is_unclear:
            # A run without a name of its own may be another job's once the record is closed; and if two processes
            # look for what is unclear, one may close the record while the other still asks for the run.
            job = job.leased(self._now(), self._settings.lease)
            if not self._active_jobs.advance(job):
                return None
        run_id = self._unclear_run(job) if is_unclear else job.run_id
        if (job.mark is not None or is_unclear) and self._lease_is_short(job):
            return None  # the search took too long, and what it found may be another job's by now
        if run_id:
            self.service.stop([replace(job, run_id=run_id)])
        return job

    def _unclear_run(self, job: ActiveJob) -> str | None:
        """Return the run of a job whose start is unclear, to stop it."""
        run_id = self.service.find(job)
        if run_id is None and self.service.was_submitted(job) and not self._lease_is_short(job):
            with suppress(StartRefusedError):
                run_id = self.service.start(job)
        return run_id

    # Reporting

    def _finish(self, job: ActiveJob, outcome: Outcome) -> None:
        """Report an outcome and close the record. If the report fails, the next sweep repeats it."""
        told = self._report(job, outcome)
        if told is None:
            if job.stage is Stage.CLAIMED:
                # A job that never ran cannot be asked again for its outcome, so it is kept.
                self._active_jobs.advance(job.reporting(outcome))
            return
        if told:
            action = "failure_reported" if isinstance(outcome, Failed) else "success_reported"
            log.info("an outcome was reported", extra={"action": action, **job_fields(job)})
            self.observer.ended(job, outcome, self._now())
        if self._close(job) and not told:
            self.observer.abandoned(job, self._now())
        self._busy_until.pop(self._demand_of(job).name, None)

    def _close(self, job: ActiveJob) -> bool:
        # Whoever has changed the record meanwhile may be about to start or stop the singleton.
        closed = self._active_jobs.close(job)
        self._is_full = False
        if closed and job.singleton is not None:
            self._active_jobs.release(job, job.singleton)
        return closed

    def _report(self, job: ActiveJob, outcome: Outcome) -> bool | None:
        """Report an outcome; False if nobody waits for it any more, None if it has to be repeated."""
        try:
            self._activity.report(job.token, outcome)
        except TaskGoneError as gone:
            log.warning(
                "nobody waits for an outcome any more",
                extra={"action": "outcome_unwanted", **job_fields(job), "reason": str(gone)},
            )
            return False
        except Exception:
            log.exception("an outcome was not acknowledged", extra={"action": "report_failed", **job_fields(job)})
            return None
        return True


def _alone(act: Callable[[ActiveJob], object], job: ActiveJob) -> None:
    """Act on one job; what goes wrong with it stops no other, and the next sweep comes back to it."""
    try:
        act(job)
    except Exception:
        log.exception("a job was passed over", extra={"action": "job_passed_over", **job_fields(job)})


_NEVER = datetime.min.replace(tzinfo=UTC)
_AT_ONCE = timedelta(0)
