"""The front door of activities: tasks that wait for a worker, workers that wait for a task, and their tokens.

moto's interpreter of state machines schedules a task here and waits at it; ``GetActivityTask`` takes it, and
``SendTask*`` answers it. A task is handed out once, takes one outcome, and when nobody waits for it any more it is
neither handed out nor answered. Knows nothing of HTTP, and nothing of state machines beyond the few methods of an
endpoint that moto 5.2.5's interpreter calls (``moto/stepfunctions/parser/asl/eval/callback/callback.py``).
"""

from __future__ import annotations

import threading
import time
from collections import deque
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING

from moto.stepfunctions.parser.api import ActivityDoesNotExist, ActivityWorkerLimitExceeded, InvalidToken, TaskTimedOut
from moto.stepfunctions.parser.asl.eval.callback.callback import ActivityTaskStartOutcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from moto.stepfunctions.parser.asl.eval.callback.callback import CallbackOutcome

MAX_POLLERS = 1000  # of one activity, as at AWS
_NOBODY_WAITS = "Task Timed Out: 'Provided task does not exist anymore'"  # AWS's own words


class WaitingTask:
    """One task token, from the moment at which it is scheduled until nobody waits for its outcome.

    All changes happen under one condition, so that each outcome is either accepted and seen by the execution, or
    refused: moto 5.2.5 loses one that comes before the heartbeats are set up, and takes any number of them.
    """

    def __init__(self, token: str, task_input: str = "") -> None:
        self.callback_id = token
        self.input = task_input
        self._changed = threading.Condition()
        self._start: ActivityTaskStartOutcome | None = None
        self._outcome: CallbackOutcome | None = None
        self._abandoned = False
        self._beaten = False
        self._last_sign_of_life = time.monotonic()

    # What workers do

    def hand_out(self, worker_name: str | None) -> bool:
        """Give the task to a worker; False when nobody waits for it any more."""
        with self._changed:
            if self._abandoned:
                return False
            self._start = ActivityTaskStartOutcome(worker_name)
            self._last_sign_of_life = time.monotonic()
            self._changed.notify_all()
            return True

    def report(self, outcome: CallbackOutcome) -> None:
        """Take the outcome; ``TaskTimedOut`` when there is one already or nobody waits for it."""
        with self._changed:
            self._refuse_when_nobody_waits()
            self._outcome = outcome
            self._changed.notify_all()

    def heartbeat(self) -> None:
        """Take a sign of life, whether or not the state asks for them; else as ``report``."""
        with self._changed:
            self._refuse_when_nobody_waits()
            self._beaten = True
            self._last_sign_of_life = time.monotonic()
            self._changed.notify_all()

    def abandon(self) -> None:
        """Nobody waits for the outcome any more; what waits at this task is woken."""
        with self._changed:
            self._abandoned = True
            self._changed.notify_all()

    def was_abandoned(self) -> bool:
        """Say whether nobody waits for the outcome any more."""
        with self._changed:
            return self._abandoned

    def _refuse_when_nobody_waits(self) -> None:
        if self._abandoned or self._outcome is not None:
            raise TaskTimedOut(_NOBODY_WAITS)

    # What moto's interpreter asks of an endpoint

    def get_activity_task_start_endpoint(self) -> SimpleNamespace:
        """Answer that at which the interpreter waits for a worker: ``wait(timeout_seconds=...)``."""
        return SimpleNamespace(wait=self._wait_for_start)

    def setup_heartbeat_endpoint(self, heartbeat_seconds: float) -> SimpleNamespace:
        """Answer that at which the interpreter waits for the next sign of life: ``clear_and_wait()``."""
        return SimpleNamespace(clear_and_wait=partial(self._wait_for_sign_of_life, heartbeat_seconds))

    def wait(self, timeout: float | None = None) -> CallbackOutcome | None:
        """Wait for the outcome; None when it did not come in time, and then it never will."""
        with self._changed:
            self._wait_for(lambda: self._outcome is not None, timeout)
            return self._outcome

    def get_outcome(self) -> CallbackOutcome | None:
        """Answer the outcome, if it is there."""
        with self._changed:
            return self._outcome

    def interrupt_all(self) -> None:
        """As ``abandon``: how the interpreter leaves a task of ``.waitForTaskToken``."""
        self.abandon()

    def _wait_for_start(self, timeout_seconds: float) -> ActivityTaskStartOutcome | None:
        with self._changed:
            self._wait_for(lambda: self._start is not None, timeout_seconds)
            return None if self._abandoned else self._start

    def _wait_for_sign_of_life(self, heartbeat_seconds: float) -> bool:
        with self._changed:
            left = self._last_sign_of_life + heartbeat_seconds - time.monotonic()
            alive = self._wait_for(lambda: self._beaten or self._outcome is not None, max(left, 0))
            self._beaten = False
            return alive

    def _wait_for(self, happened: Callable[[], bool], timeout: float | None) -> bool:
        """Wait until it happened; when it did not in time, nobody waits for this task any more."""
        self._changed.wait_for(lambda: happened() or self._abandoned, timeout)
        if not happened():
            self._abandoned = True
        return happened()


class _Queue:
    """The tasks of one activity that wait for a worker, and how many polls wait for a task."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.tasks: deque[WaitingTask] = deque()
        self.pollers = 0
        self.deleted = False


class ActivityTasks:
    """All tokens of one AWS, and a queue for each activity.

    ``exists`` says whether an activity with an ARN exists. ``closed`` is set once nobody waits for anything any more.
    """

    def __init__(self, exists: Callable[[str], bool]) -> None:
        self._exists = exists
        self._lock = threading.Lock()
        self._queues: dict[str, _Queue] = {}
        self._tasks: dict[str, WaitingTask] = {}
        self.closed = threading.Event()

    def schedule(self, token: str, activity_arn: str, task_input: str) -> WaitingTask:
        """Queue a task for the workers of an activity; ``ActivityDoesNotExist`` if there is none."""
        queue = self._queue(activity_arn)
        task = self.expect(token, task_input)
        with queue.changed:
            queue.tasks.append(task)
            queue.changed.notify()
        return task

    def expect(self, token: str, task_input: str = "") -> WaitingTask:
        """Know a token that reaches its worker by another way than an activity."""
        task = WaitingTask(token, task_input)
        with self._lock:
            self._tasks[token] = task
        return task

    def poll(self, activity_arn: str, worker_name: str | None, wait_seconds: float) -> WaitingTask | None:
        """Hand out the next task that somebody waits for, or None when none came in time.

        Raises ``ActivityDoesNotExist``, and ``ActivityWorkerLimitExceeded`` beyond 1,000 open polls.
        """
        queue = self._queue(activity_arn)
        deadline = time.monotonic() + wait_seconds
        with queue.changed:
            if queue.pollers >= MAX_POLLERS:
                raise ActivityWorkerLimitExceeded(f"More than {MAX_POLLERS} polls wait for a task of {activity_arn}")
            queue.pollers += 1
            try:
                return self._take(queue, worker_name, deadline)
            finally:
                queue.pollers -= 1

    def find(self, token: str) -> WaitingTask:
        """Answer the task of a token; ``InvalidToken`` for one that was never given out."""
        with self._lock:
            task = self._tasks.get(token)
        if task is None:
            raise InvalidToken
        return task

    def forget(self, activity_arn: str) -> None:
        """Drop the queue of an activity that was deleted; its polls end empty."""
        with self._lock:
            queue = self._queues.pop(activity_arn, None)
        if queue is not None:
            with queue.changed:
                queue.deleted = True
                queue.changed.notify_all()

    def close(self) -> None:
        """End every poll, and let nobody wait for any task."""
        with self._lock:
            self.closed.set()
            queues, tasks = list(self._queues.values()), list(self._tasks.values())
        for task in tasks:
            task.abandon()
        for queue in queues:
            with queue.changed:
                queue.changed.notify_all()

    def _take(self, queue: _Queue, worker_name: str | None, deadline: float) -> WaitingTask | None:
        while True:
            while queue.tasks:
                task = queue.tasks.popleft()
                if task.hand_out(worker_name):
                    return task
            left = deadline - time.monotonic()
            if left <= 0 or self.closed.is_set() or queue.deleted:
                return None
            queue.changed.wait(left)

    def _queue(self, activity_arn: str) -> _Queue:
        if not self._exists(activity_arn):
            raise ActivityDoesNotExist(f"Activity Does Not Exist: '{activity_arn}'")
        with self._lock:
            return self._queues.setdefault(activity_arn, _Queue())
