"""Processes that a worker starts for its jobs: a bounded number at a time, each told what to do on standard input.

They outlive the worker: one that is killed leaves them at work, and what they report is found by another.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from threading import Lock
from typing import IO, Any, Protocol

from runners.errors import StartLaterError


class Child(Protocol):
    """One process."""

    def poll(self) -> int | None:
        """Return its exit status once it has ended; negative for the signal that ended it."""

    def terminate(self) -> None:
        """Ask it to end."""


Spawn = Callable[[IO[bytes]], Child]
"""Starts a process that reads this file as its standard input."""


class ChildProcesses:
    """The processes of one worker, by the key of their job.

    Args:
        spawn: starts one.
        most: at a time.

    """

    def __init__(self, spawn: Spawn, most: int) -> None:
        self._spawn = spawn
        self._most = most
        self._lock = Lock()
        self._children: dict[str, Child] = {}
        self._unwanted: list[Child] = []  # told to end, and not asked about any more

    def start(self, key: str, document: Mapping[str, Any]) -> None:
        """Start a process for a job, which finds a JSON document on its standard input.

        Raises:
            StartLaterError: as many run as may, or the machine has no room for another.

        """
        with self._lock:
            self._unwanted = [child for child in self._unwanted if child.poll() is None]
            running = sum(child.poll() is None for child in self._children.values()) + len(self._unwanted)
            if running >= self._most:
                raise StartLaterError(f"{running} steps run in this worker, as many as may")
            # A file without a name: a pipe would make the worker wait until the process reads it.
            with tempfile.TemporaryFile() as request:
                request.write(json.dumps(document).encode())
                request.seek(0)
                try:
                    child = self._spawn(request)
                except OSError as error:
                    raise StartLaterError(f"no process could be started: {error.strerror}") from error
            if key in self._children:
                self._unwanted.append(self._children[key])  # it counts until it ends
            self._children[key] = child

    def ended(self) -> dict[str, int]:
        """Return the exit statuses of those that have ended, until they are forgotten."""
        with self._lock:
            polled = {key: child.poll() for key, child in self._children.items()}
        return {key: status for key, status in polled.items() if status is not None}

    def forget(self, key: str) -> None:
        """Forget a process whose job's outcome is known."""
        with self._lock:
            child = self._children.pop(key, None)
            if child is not None and child.poll() is None:
                self._unwanted.append(child)

    def stop(self, key: str) -> None:
        """Ask a process of a job to end, if it is one of this worker's."""
        with self._lock:
            child = self._children.get(key)
        if child is not None and child.poll() is None:
            child.terminate()
        self.forget(key)


def python_module(name: str, variables: Mapping[str, str]) -> Spawn:
    """Return what starts a module of Python in a process and a session of its own.

    Args:
        name: e.g. ``runners.step_process``.
        variables: environment variables besides the worker's.

    """

    def spawn(request: IO[bytes]) -> Child:
        return subprocess.Popen(  # noqa: S603  # Python itself, and a name of this package
            [sys.executable, "-m", name],
            stdin=request,
            stdout=subprocess.DEVNULL,
            env={**os.environ, **variables},
            start_new_session=True,  # Ctrl+C is for the worker, which waits for its jobs
        )

    return spawn
