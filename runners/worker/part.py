"""A part of the worker: one runner with its open polls, and its sweeps beside them, each in a thread of its own.

No poll is ever aborted: a part that stops opens no new ones, waits for those that are open, and takes what they bring.
What AWS answers wrongly or not at all is tried again, later and later; any other error is the end of the part.
"""

from __future__ import annotations

import logging
import random
import time
from collections import Counter
from datetime import timedelta
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from runners.retries import error_code
from runners.turn import Slots

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from runners.activity import Activity
    from runners.runner import Runner
    from runners.settings import Settings
    from runners.task import Task

log = logging.getLogger(__name__)

FIRST_PAUSE = 1.0  # seconds, at most, after a poll that failed; twice as much after each further one
LONGEST_PAUSE = 30.0  # seconds
PATIENCE = timedelta(seconds=1)  # for a free place, before a poll looks whether it is to stop
FILE_ACTIVITIES_INTERVAL = 60.0  # seconds from one look for new ones to the next
LATE_HEARTBEATS = 3  # by then, tasks time out for want of one
LATE_AT_LEAST = timedelta(minutes=2)  # a sweep of very many jobs may take its time

_GONE = "ActivityDoesNotExist"
_SWEEP = "sweep"  # the name of the sweeping thread; a polling thread's is its activity's ARN


def pause_after(failures: int, chance: Callable[[], float] = random.random) -> float:
    """Return the seconds to wait after that many failures in a row: any up to a bound, which grows.

    Polls that failed together would otherwise come back together.
    """
    return chance() * min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(failures - 1, 10))


class Part:
    """One runner at work.

    Args:
        runner: whose tasks are polled for, and whose jobs are swept.
        polled: the runner's own activity, once for each open poll.
        settings: the runner's settings.
        file_activities: finds the activities that stand for one file, each of which gets one poll.
        thread_ended: is called, from any thread, whenever a thread has ended (see ``lives`` and ``error``).
        clock: counts seconds.

    """

    def __init__(
        self,
        runner: Runner,
        polled: Sequence[Activity],
        settings: Settings,
        *,
        file_activities: Callable[[], Sequence[Activity]] = list,
        thread_ended: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = runner.service.name
        self.error: Exception | None = None
        """What has ended a thread of this part, if it was not told to stop."""
        self._runner = runner
        self._polled = polled
        self._settings = settings
        self._file_activities = file_activities
        self._thread_ended = thread_ended
        self._clock = clock
        self._slots = Slots(settings.max_active_jobs)
        self._stopping = Event()
        self._polled_out = Event()
        self._lock = Lock()
        self._threads: Counter[str] = Counter()
        self._open_polls = 0
        self._active_jobs: int | None = None
        self._last_good_sweep = clock()
        self._polls_fail_since: float | None = None

    def start(self) -> None:
        """Begin to sweep and to poll; returns at once."""
        self._run(_SWEEP, self._keep_sweeping)
        for activity in self._polled:
            self._run(activity.arn, lambda activity=activity: self._keep_polling(activity))  # type: ignore[misc]

    def stop(self) -> None:
        """Open no more polls; returns at once, while open ones are waited out with sweeps beside them."""
        with self._lock:
            self._stopping.set()
            self._see_whether_polled_out()

    def flush(self) -> None:
        """Hand on what metrics and lineage hold back."""
        self._runner.observer.flush()

    # How it is

    @property
    def lives(self) -> bool:
        """Whether a thread of this part still runs."""
        with self._lock:
            return self._threads.total() > 0

    @property
    def open_polls(self) -> int:
        """How many polls are open now."""
        return self._open_polls

    def figures(self) -> dict[str, float | int | None]:
        """Return how this part is, in figures; ``active_jobs`` is None until a sweep has counted them."""
        return {
            "active_jobs": self._active_jobs,
            "open_polls": self._open_polls,
            "seconds_since_last_good_sweep": round(self._clock() - self._last_good_sweep, 1),
        }

    def problems(self) -> list[str]:
        """Return what is wrong with this part, in words; nothing if it does its work."""
        now, failing = self._clock(), self._polls_fail_since
        bound = max(LATE_HEARTBEATS * self._settings.heartbeat_interval, LATE_AT_LEAST).total_seconds()
        found = []
        if self.error is not None:
            found.append(f"{self.name}: a thread has ended with {type(self.error).__name__}")
        if (age := now - self._last_good_sweep) > bound:
            found.append(f"{self.name}: no sweep has succeeded for {age:.0f} s, and {bound:.0f} s is the bound")
        if failing is not None and (age := now - failing) > bound:
            found.append(f"{self.name}: polls have failed for {age:.0f} s, and {bound:.0f} s is the bound")
        return found

    # Threads

    def _run(self, name: str, work: Callable[[], None]) -> None:
        with self._lock:
            if self._stopping.is_set():
                return
            self._threads[name] += 1
        # A daemon, so that a signal can end the process at once; whoever stops the part waits until it lives no more.
        Thread(target=self._guarded, args=(name, work), name=f"{self.name} {name}", daemon=True).start()

    def _guarded(self, name: str, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:
            self.error = error
            log.critical(
                "a part of the worker has died",
                extra={"action": "part_died", "runner": self.name, "work": name},
                exc_info=True,
            )
        finally:
            with self._lock:
                self._threads[name] -= 1
                self._see_whether_polled_out()
            self._thread_ended()

    def _see_whether_polled_out(self) -> None:
        if self._stopping.is_set() and self._threads.total() == self._threads[_SWEEP]:
            self._polled_out.set()

    # Polling

    def _keep_polling(self, activity: Activity) -> None:
        """Poll until the part is told to stop, or the activity of a file was deleted."""
        failures = 0
        while not self._stopping.is_set():
            if not self._slots.open(PATIENCE):
                continue
            if self._stopping.is_set():  # while it waited for a place
                self._slots.closed(brought_task=False)
                return
            try:
                self._poll(activity)
            except (ClientError, BotoCoreError) as error:
                if error_code(error) == _GONE and activity not in self._polled:
                    log.info("a file's activity is gone", extra={"action": "polls_ended", "activity": activity.arn})
                    return
                failures += 1
                self._polls_fail_since = self._polls_fail_since or self._clock()
                self._log_failure(activity, failures, error)
                self._stopping.wait(pause_after(failures))
            else:
                failures = 0
                self._polls_fail_since = None

    def _poll(self, activity: Activity) -> None:
        """Open one poll in a place that is taken already, and take the task that it brings."""
        task = None
        try:
            task = self._answer(activity)
            self._runner.observer.polled(self.name, brought_task=task is not None)
            if task is not None:
                self._take(task)
        finally:
            # Only now: a sweep counts a job once it is claimed, and until then the poll's place stands for it.
            self._slots.closed(brought_task=task is not None)

    def _answer(self, activity: Activity) -> Task | None:
        with self._lock:
            self._open_polls += 1
        try:
            return activity.poll()
        finally:
            with self._lock:
                self._open_polls -= 1

    def _take(self, task: Task) -> None:
        try:
            self._runner.take(task)
        except Exception:
            # No task may take the worker down with it. Its heartbeat times out, and its state's Retry brings it back.
            log.exception("a task was not taken", extra={"action": "take_failed", "task_key": task.key})

    def _log_failure(self, activity: Activity, failures: int, error: Exception) -> None:
        log.warning(
            "a poll failed; another follows",
            extra={
                "action": "poll_failed",
                "runner": self.name,
                "activity": activity.arn,
                "failures": failures,
                "error": str(error),
            },
        )

    # Sweeping

    def _keep_sweeping(self) -> None:
        """Sweep until the last poll has ended: jobs need their heartbeats for so long."""
        next_look = self._clock()
        while True:
            self._sweep()
            if self._clock() >= next_look:
                next_look = self._clock() + FILE_ACTIVITIES_INTERVAL
                self._poll_new_file_activities()
            if self._polled_out.wait(self._settings.sweep_interval.total_seconds()):
                return

    def _sweep(self) -> None:
        try:
            self._slots.count(self._counted_sweep)
        except (ClientError, BotoCoreError) as error:
            log.error(  # noqa: TRY400  # it is AWS that failed: where in the code tells nobody anything
                "a sweep failed; the next one goes on",
                extra={"action": "sweep_failed", "runner": self.name, "error": str(error)},
            )
        else:
            self._last_good_sweep = self._clock()

    def _counted_sweep(self) -> int:
        self._active_jobs = self._runner.sweep()
        return self._active_jobs

    def _poll_new_file_activities(self) -> None:
        for activity in self._file_activities():
            if not self._threads[activity.arn]:
                self._run(activity.arn, lambda activity=activity: self._keep_polling(activity))  # type: ignore[misc]
