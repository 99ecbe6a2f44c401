"""A turn: one bounded piece of a runner's work. Polls go on as long as they bring tasks, with sweeps beside them.

No poll is ever aborted: one is opened only if it can end in time, and only if the job it may bring could be started.
"""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import timedelta
from threading import Condition
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from runners.activity import Activity
    from runners.runner import Runner

log = logging.getLogger(__name__)

POLL_TAKES_AT_MOST = timedelta(seconds=70)  # the client's read time-out
STARTING_TAKES_AT_MOST = timedelta(seconds=10)  # for a task that comes at the very end of a poll


class Slots:
    """Places for jobs: an open poll takes one, and keeps it if it brings a task.

    Args:
        places: jobs and open polls at a time, at most.

    """

    def __init__(self, places: int) -> None:
        self._places = places
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

    def _has_free_place(self) -> bool:
        return self._active is not None and self._active + self._open < self._places


def take_turn(
    runner: Runner,
    polled: Sequence[Activity],
    places: int,
    sweep_interval: timedelta,
    time_left: Callable[[], timedelta],
) -> None:
    """Sweep, poll, and sweep again beside the open polls, until each poll has stayed empty or the time is over.

    Args:
        runner: whose turn it is.
        polled: the activities to poll; one that stands here several times gets as many open polls.
        places: jobs at a time, at most.
        sweep_interval: from one sweep to the next.
        time_left: how long the turn may still take.

    """
    slots = Slots(places)
    _sweep(runner, slots)
    with ThreadPoolExecutor(max(1, len(polled)), thread_name_prefix="poll") as pool:
        polls = [pool.submit(_keep_polling, runner, activity, slots, time_left) for activity in polled]
        while wait(polls, timeout=sweep_interval.total_seconds()).not_done:
            _sweep(runner, slots)


def _sweep(runner: Runner, slots: Slots) -> None:
    try:
        slots.count(runner.sweep)
    except Exception:
        log.exception("a sweep failed; the next one goes on", extra={"action": "sweep_failed"})


def _keep_polling(runner: Runner, activity: Activity, slots: Slots, time_left: Callable[[], timedelta]) -> None:
    """Poll as long as polls bring tasks. An empty one has taken its minute, and the next turn has begun."""
    needed = POLL_TAKES_AT_MOST + STARTING_TAKES_AT_MOST
    while time_left() > needed and slots.open(patience=time_left() - needed):
        task = None
        try:
            task = activity.poll()
            if task is None:
                return
            runner.take(task)
        except Exception:
            log.exception("a poll failed", extra={"action": "poll_failed", "activity": activity.arn})
            return
        finally:
            # Only now: a sweep counts a job once it is claimed, and until then the poll's place stands for it.
            slots.closed(brought_task=task is not None)
