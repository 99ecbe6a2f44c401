"""The worker: all its parts, from their start until each has come to its end, and the signals that lead there.

It never ends a part by force: whoever cannot wait sends SIGQUIT, and is told what that means.
"""

from __future__ import annotations

import logging
import signal
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Any

from runners.clients import POLL_READ_TIMEOUT

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from runners.worker.part import Part

log = logging.getLogger(__name__)

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)
FORCED_BY = 3  # SIGINTs: the first stops the worker, the second tells how to force it
FLUSH_INTERVAL = 60.0  # seconds for which metrics and lineage hold back what they were told, at most

DONE = 0  # exit status
FAILED = 1  # exit status

_FORCE = (
    "Press Ctrl+C once more, or send SIGQUIT, to end at once: a task that an open poll brings at that moment is lost "
    "until its heartbeat times out and its state's Retry brings it back. Jobs that run go on, and another worker or "
    "function takes care of them."
)


class Worker:
    """Several parts in one process.

    Args:
        say: tells a person what goes on, in one line.

    """

    def __init__(self, say: Callable[[str], None] = lambda _: None) -> None:
        self.parts: Sequence[Part] = ()
        self.stopping = False
        """Whether no more polls are opened."""
        self.forced = False
        """Whether a signal has said not to wait for open polls."""
        self._say = say
        # Signals and ends of threads, in their order.
        self._news: SimpleQueue[signal.Signals | None] = SimpleQueue()
        self._interrupts = 0

    def thread_ended(self) -> None:
        """Look whether the worker has to stop, or has stopped; may be called from any thread."""
        self._news.put(None)

    def listen_for_signals(self) -> None:
        """Take this process's signals from now on, before any other thread is started; see ``on_signal``."""

        def listen() -> None:
            while True:
                self.on_signal(signal.sigwait(SIGNALS))

        # A handler would not do: Python runs it in the main thread, which may sleep on if the signal comes just before
        # it waits. So every thread, as it inherits this, leaves them to one that does nothing but wait for them.
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        Thread(target=listen, name="signals", daemon=True).start()

    def on_signal(self, number: int) -> None:
        """Take a signal: the first SIGTERM or SIGINT stops the worker, SIGQUIT or the third SIGINT ends it at once.

        May be called from any thread.
        """
        self._news.put(signal.Signals(number))

    def run(self, parts: Sequence[Part]) -> int:
        """Run the parts until they have stopped, and return the exit status: 0 if they were told to.

        1 if one of them has died, after the others were stopped; or if a signal said not to wait for open polls, whose
        threads then still run.
        """
        self.parts = parts
        for part in parts:
            part.start()
        while any(part.lives for part in parts):
            try:
                news = self._news.get(timeout=FLUSH_INTERVAL)
            except Empty:
                self._flush()
                continue
            if news is not None and not self._goes_on_after(news):
                self.forced = True
                return FAILED
            if any(part.error for part in parts):
                self._stop("a part has died")
        self._flush()
        return FAILED if any(part.error for part in parts) else DONE

    def figures(self) -> dict[str, Any]:
        """Return how the worker is, in figures."""
        return {"stopping": self.stopping, "runners": {part.name: part.figures() for part in self.parts}}

    def problems(self) -> list[str]:
        """Return what is wrong, in words; nothing if every part does its work."""
        return [problem for part in self.parts for problem in part.problems()]

    @property
    def open_polls(self) -> int:
        """How many polls are open now."""
        return sum(part.open_polls for part in self.parts)

    def _flush(self) -> None:
        for part in self.parts:
            part.flush()

    def _stop(self, reason: str) -> None:
        if self.stopping:
            return
        self.stopping = True
        for part in self.parts:
            part.stop()
        log.info(
            "the worker opens no more polls",
            extra={"action": "worker_stopping", "reason": reason, "open_polls": self.open_polls},
        )
        self._say(
            f"Stopping ({reason}): open polls are waited out, {self.open_polls} of them, for up to "
            f"{POLL_READ_TIMEOUT:.0f} seconds."
        )

    def _goes_on_after(self, received: signal.Signals) -> bool:
        """Act on a signal; False if it says not to wait."""
        self._interrupts += received is signal.SIGINT
        if received is signal.SIGQUIT or self._interrupts >= FORCED_BY:
            log.warning("the worker ends at once", extra={"action": "worker_forced", "open_polls": self.open_polls})
            self._say(f"Ended at once, with {self.open_polls} open polls.")
            return False
        if self.stopping and received is signal.SIGINT:
            self._say(f"Still waiting for {self.open_polls} open polls. {_FORCE}")
        self._stop(received.name)
        return True
