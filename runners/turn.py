"""A turn: one bounded piece of a runner's work. It sweeps always, and polls if tasks may come, with sweeps beside.

No poll is ever aborted: one is opened only if it can end in time, only if the job it may bring could be started, and
only if running executions may have a task for it. An open poll that stays empty has taken its minute, and the next
turn has begun: then this one opens no more, and waits only for those that are open.
"""

from __future__ import annotations

import logging
import math
import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import timedelta
from threading import Condition
from typing import TYPE_CHECKING

from runners.clients import POLL_READ_TIMEOUT

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from runners.activity import Activity
    from runners.executions import RunningExecutions
    from runners.progress import Progress
    from runners.runner import Runner
    from runners.watch import Watch

log = logging.getLogger(__name__)

POLL_TAKES_AT_MOST = timedelta(seconds=POLL_READ_TIMEOUT)
STARTING_TAKES_AT_MOST = timedelta(seconds=10)  # for a task that comes at the very end of a poll
NEXT_TURN = timedelta(seconds=60)  # from one tick of the schedule to the next, at least
ASKED_EVERY = timedelta(seconds=1)  # about running executions, while polls bring tasks, at most
_AT_ONCE = timedelta(0)


class Slots:
    """Places for jobs: an open poll takes one, and keeps it if it brings a task.

    Args:
        places: jobs and open polls at a time, at most.

    """

    def __init__(self, places: int) -> None:
        self._places = places
        self._allowed: float = math.inf
        self._active: int | None = None  # unknown until a sweep has counted
        self._open = 0
        self._taken_since_count = 0
        self._changed = Condition()

    def open(self, patience: timedelta) -> bool:
        """Take a place for a poll, waiting for one; False if none came free in time.

        No place is free before a sweep has counted the jobs: while their table is away, no task could be claimed.
        """
        with self._changed:
            free = self._changed.wait_for(self._has_free_place, max(0.0, patience.total_seconds()))
            self._open += free
            return free

    def closed(self, *, brought_task: bool) -> None:
        """Give a poll's place back, or leave it to the job that was made of the task that the poll has brought."""
        with self._changed:
            self._open -= 1
            self._active = (self._active or 0) + brought_task
            self._taken_since_count += brought_task
            self._changed.notify_all()

    def count(self, sweep: Callable[[], int]) -> None:
        """Run a sweep and correct the number of jobs by what it has found."""
        with self._changed:
            self._taken_since_count = 0
        found = sweep()
        with self._changed:
            # A job taken meanwhile may or may not be among those found: rather too many than too few.
            self._active = found + self._taken_since_count
            self._changed.notify_all()

    def allow(self, jobs: float) -> None:
        """Say how many jobs executions can want at a time; for more, no poll is opened."""
        with self._changed:
            self._allowed = jobs
            self._changed.notify_all()

    @property
    def active(self) -> int:
        """How many jobs there are, as far as is known."""
        return self._active or 0

    @property
    def free(self) -> bool:
        """Whether a poll could take a place now."""
        with self._changed:
            return self._has_free_place()

    def _has_free_place(self) -> bool:
        return self._active is not None and self._active + self._open < min(self._places, self._allowed)


class Turn:
    """One turn of a runner.

    Args:
        runner: whose turn it is.
        polled: the activities to poll; one that stands here several times gets as many open polls.
        executions: those that may have tasks.
        watch: says which of several turns at the same time polls.
        progress: the runner's observer.
        places: jobs at a time, at most.
        sweep_interval: from one sweep to the next.
        time_left: how long the turn may still take.
        sleep: waits so many seconds.

    """

    def __init__(
        self,
        runner: Runner,
        polled: Sequence[Activity],
        executions: RunningExecutions,
        watch: Watch,
        progress: Progress,
        *,
        places: int,
        sweep_interval: timedelta,
        time_left: Callable[[], timedelta],
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._runner = runner
        self._polled = polled
        self._executions = executions
        self._watch = watch
        self._progress = progress
        self._sweep_interval = sweep_interval
        self._time_left = time_left
        self._sleep = sleep
        self._slots = Slots(places)
        self._began = self._swept = self._asked = time_left()  # moments are told by the time that was left then
        self._stayed_empty: set[str] = set()  # activities of which a poll did
        self._starts_go_on = False
        self._looked_for_more = False

    def take(self, unless_kept: timedelta) -> None:
        """Sweep, poll if tasks may come, and go on while that brings something and there is time.

        Args:
            unless_kept: somebody else's open polls will do if they last so long.

        """
        if self._sweep_and_look() and self._watch.take(unless_kept):
            self._poll()
            self._watch.end()
        self._start_what_waits()

    def take_for_event(self, unless_kept: timedelta, begun: str = "") -> None:
        """Do the same for an event, but do not even sweep if somebody else polls: events come by the thousand.

        Args:
            unless_kept: as above.
            begun: the ARN of an execution that has just begun, if the event tells of one.

        """
        if not self._watch.take(unless_kept):
            return
        if self._sweep_and_look(begun):
            self._poll()
        self._watch.end()
        self._start_what_waits()

    def _sweep_and_look(self, begun: str = "") -> bool:
        """Sweep, and return whether polls are worth it."""
        if not self._polled or not self._time_for_a_poll():
            self._sweep()
            return False
        self._look(begun, or_else=self._unseen)
        return self._slots.free

    def _sweep(self) -> None:
        self._swept = self._time_left()
        started, ended = self._progress.jobs_started, self._progress.jobs_ended
        try:
            # What a sweep has found and seen end is active no more.
            self._slots.count(lambda: max(0, self._runner.sweep() - (self._progress.jobs_ended - ended)))
        except Exception:
            log.exception("a sweep failed; the next one goes on", extra={"action": "sweep_failed"})
        self._starts_go_on = self._progress.jobs_started > started

    def _start_what_waits(self) -> None:
        """Sweep as long as a sweep starts jobs that had to wait, until the next turn does."""
        while self._starts_go_on and self._began - self._time_left() < NEXT_TURN:
            self._sweep()

    # Polling

    def _look(self, begun: str = "", or_else: Callable[[], float] = lambda: 0) -> None:
        """See for how many jobs polls are worth it, and sweep.

        In this order: a job that ends in between lets a poll too many be opened. In the other one it would still be
        counted, and hide the task of an execution that has begun.
        """
        jobs = self._wanted(begun)
        self._sweep()
        self._allow(jobs, or_else)

    def _ask(self) -> None:
        """See for how many jobs polls are worth it, by what the last sweep has counted."""
        self._allow(self._wanted())

    def _wanted(self, begun: str = "") -> float:
        self._asked = self._time_left()
        return self._executions.tasks_at_most(begun)

    def _allow(self, jobs: float, or_else: Callable[[], float] = lambda: 0) -> None:
        """Open polls for as many jobs as executions can want, or else for another number."""
        active = self._slots.active
        if jobs <= active:
            jobs = or_else()
        if jobs > active and len({activity.arn for activity in self._polled}) > 1:
            jobs = math.inf  # it is not known by which activity a task will come, so all are polled
        self._slots.allow(jobs)

    def _unseen(self) -> float:
        """Return for how many jobs polls are worth it though nothing is known of them: now and then, for any."""
        return math.inf if self._watch.is_overdue() else 0

    def _poll(self) -> None:
        """Keep polls open where tasks may come, until no more may come or one of each activity has stayed empty."""
        polls: dict[Future[bool], Activity] = {}
        idle = list(self._polled)
        with ThreadPoolExecutor(len(idle), thread_name_prefix="poll") as pool:
            while True:
                idle = [activity for activity in idle if activity.arn not in self._stayed_empty]
                while idle and self._may_open(idle[-1]):
                    activity = idle.pop()
                    polls[pool.submit(self._keep_polling, activity)] = activity
                if not polls:
                    if not idle or not self._more_may_come():
                        return
                    continue
                ended = wait(polls, max(0.0, self._until_sweep()), FIRST_COMPLETED).done
                idle += [polls[poll] for poll in ended if poll.result()]
                polls = {poll: activity for poll, activity in polls.items() if poll not in ended}
                if self._until_sweep() <= 0:
                    self._look()
                elif polls and ended and idle:
                    self._rest(ASKED_EVERY)
                    self._ask()

    def _more_may_come(self) -> bool:
        """Look once more, as all polls have ended because all tasks were there that could be.

        Events of other executions are left to us as long as we are on watch; so is what follows a job whose end another
        invocation has reported. What lists of executions do not show yet is left to the next tick.
        """
        if self._looked_for_more:
            self._rest(ASKED_EVERY)
        self._looked_for_more = True
        self._executions.look_afresh()  # state machines may be new, and jobs may have ended
        self._look()
        return self._slots.free and self._time_for_a_poll()

    def _keep_polling(self, activity: Activity) -> bool:
        """Poll as long as polls bring tasks and there is a place for more; False once one stayed empty or failed."""
        while True:
            task = None
            try:
                task = activity.poll()
                self._runner.observer.polled(self._runner.service.name, brought_task=task is not None)
                if task is None:
                    self._stayed_empty.add(activity.arn)
                    return False
                self._runner.take(task)
            except Exception:
                log.exception("a poll failed", extra={"action": "poll_failed", "activity": activity.arn})
                return False
            finally:
                # Only now: a sweep counts a job once it is claimed, and until then the poll's place stands for it.
                self._slots.closed(brought_task=task is not None)
            if not self._may_open(activity):
                return True

    def _may_open(self, activity: Activity) -> bool:
        may = activity.arn not in self._stayed_empty and self._time_for_a_poll()
        return may and self._slots.open(_AT_ONCE)

    def _time_for_a_poll(self) -> bool:
        return self._time_left() > POLL_TAKES_AT_MOST + STARTING_TAKES_AT_MOST

    def _until_sweep(self) -> float:
        """Return the seconds until the next sweep is due."""
        return (self._sweep_interval - (self._swept - self._time_left())).total_seconds()

    def _rest(self, since_asked: timedelta) -> None:
        """Wait until the last question about executions is as old."""
        self._sleep(max(0.0, (since_asked - (self._asked - self._time_left())).total_seconds()))
