"""The process that runs one step for the service ``step``: ``python -m runners.step_process``.

It reads ``{"key": …, "request": …}`` on standard input, never on its command line, where everybody could read it. It
begins the job in the table of completions, which only the first process of a job may, beats with its progress, and
reports how the step ended. It stops when it is told to by SIGTERM, or when a beat hears that it was cancelled or given
up; before it publishes it asks, so that nothing is published after that.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from threading import Event, Thread
from typing import IO, TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from runners import log as logs
from runners.completions import Completions
from runners.step_parts import executor_of
from runners.steps.errors import StepError, StepStopped
from runners.steps.settings import StepSettings

if TYPE_CHECKING:
    from runners.steps.executor import Executor

log = logging.getLogger(__name__)

BEAT_INTERVAL = 10.0  # seconds
GRACE = 30.0  # seconds from being told to stop until the process ends whatever the step is doing

REPORTED = 0  # exit status; also of a process that found the job begun by another
FORCED = 70  # exit status

_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)


class StepJob:
    """The job of this process, as the table of completions knows it.

    Args:
        key: the task's key.
        completions: the table.
        beat_interval: seconds from one beat to the next.
        grace: seconds, see ``GRACE``.
        end: ends the process at once with an exit status.

    """

    def __init__(
        self,
        key: str,
        completions: Completions,
        *,
        beat_interval: float = BEAT_INTERVAL,
        grace: float = GRACE,
        end: Callable[[int], object] = os._exit,
    ) -> None:
        self._key = key
        self._completions = completions
        self._beat_interval = beat_interval
        self._grace = grace
        self._end = end
        self._over = Event()
        self._stopped_at: float | None = None
        self._publishing = False
        self._moved = (0, 0)  # rows and bytes

    def run(self, request: Mapping[str, Any], executor: Executor) -> None:
        """Begin the job unless another process has, run the step and report how it ended."""
        if not self._completions.begin(self._key):
            log.info("a step was begun before", extra={"action": "step_begun_before", "task_key": self._key})
            return
        with self._beating():
            try:
                result = executor.execute(
                    request, progress=self.moved, stopping=self.is_stopping, may_publish=self.may_publish
                )
            except StepError as error:
                self._completions.fail(self._key, error.name, error.document())
            else:
                self._completions.succeed(self._key, dict(result))

    def moved(self, rows: int, size: int) -> None:
        """Note what the step has moved so far; the next beat tells it."""
        self._moved = (rows, size)

    def stop(self) -> None:
        """Let the step end with nothing published; may be called from anywhere, and more than once."""
        if self._stopped_at is None:
            self._stopped_at = time.monotonic()

    def is_stopping(self) -> bool:
        """Whether the step is to end."""
        return self._stopped_at is not None

    def may_publish(self) -> bool:
        """Say that the step is about to publish; False if it was stopped or given up before."""
        self._publishing = self._completions.finish(self._key)
        return self._publishing

    @contextmanager
    def _beating(self) -> Iterator[None]:
        thread = Thread(target=self._beat_on, name="beats", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            thread.join()

    def _beat_on(self) -> None:
        while not self._over.wait(self._beat_interval):
            self._beat()
            if self._is_stuck():
                self._end_by_force()

    def _beat(self) -> None:
        try:
            rows, size = self._moved
            if not self._completions.beat(self._key, rows=rows, bytes=size):
                self.stop()
        except Exception as error:  # whatever it is, a next beat may be taken
            log.warning(  # its text may hold anything
                "a beat of a step was not taken",
                extra={"action": "step_beat_failed", "task_key": self._key, "error": type(error).__name__},
            )

    def _end_by_force(self) -> None:
        stuck = StepStopped("the step was told to stop, and did not; its process was ended")
        try:
            self._completions.fail(self._key, stuck.name, stuck.document())
        except (ClientError, BotoCoreError) as error:  # the worker finds the exit status
            log.warning(
                "a step's end was not reported",
                extra={"action": "step_report_failed", "task_key": self._key, "error": type(error).__name__},
            )
        finally:
            self._end(FORCED)

    def _is_stuck(self) -> bool:
        if self._stopped_at is None or self._publishing:
            return False
        return time.monotonic() - self._stopped_at > self._grace


def main(told: IO[bytes], beat_interval: float = BEAT_INTERVAL) -> int:
    """Run the step that is told on standard input and return the exit status."""
    document = json.load(told)
    settings = StepSettings.from_environment(os.environ)
    logs.configure(settings.log_level)
    job = StepJob(document["key"], Completions.of_environment(), beat_interval=beat_interval)
    for number in _SIGNALS:
        signal.signal(number, lambda *_: job.stop())
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)  # the worker blocks them, and this process inherits that
    job.run(document["request"], executor_of(settings))
    return REPORTED


if __name__ == "__main__":
    sys.exit(main(sys.stdin.buffer))
