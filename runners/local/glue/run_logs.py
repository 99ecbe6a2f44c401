"""Brings what a job's script prints into CloudWatch Logs of the embedded AWS, while it runs.

``stdout`` goes to ``/aws-glue/jobs/output`` and ``stderr`` to ``/aws-glue/jobs/error``, each in a stream named as the
run, as Glue does. Reads the files of the run's process; never writes to them.
"""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING

from moto.logs.exceptions import ResourceAlreadyExistsException
from moto.logs.models import logs_backends

from runners.local.glue.job_run import LOG_GROUP

if TYPE_CHECKING:
    from pathlib import Path

OUTPUT_GROUP, ERROR_GROUP = f"{LOG_GROUP}/output", f"{LOG_GROUP}/error"
MAX_EVENT = 200_000  # characters; a longer line becomes several events
MAX_CHUNK = 1 << 20  # bytes that are read of a file at once
MAX_EVENTS_OF_ONE_PUT = 10_000


class RunLogs:
    """The two streams of one run, and how far its files have been read."""

    def __init__(self, account_id: str, region: str, run_id: str, directory: Path) -> None:
        self._backend = logs_backends[account_id][region]
        self._stream = run_id
        self._files = {OUTPUT_GROUP: directory / "stdout", ERROR_GROUP: directory / "stderr"}
        self._rest = dict.fromkeys(self._files, b"")
        self._read = dict.fromkeys(self._files, 0)
        for group in self._files:
            with suppress(ResourceAlreadyExistsException):
                self._backend.create_log_group(group, {})
            self._backend.ensure_log_stream(group, run_id)

    def note(self, text: str) -> None:
        """Say something of the embedded Glue's own in the error stream."""
        self._put(ERROR_GROUP, [f"embedded Glue: {text}"])

    def ship(self, *, last: bool = False) -> None:
        """Put the lines that were printed since the last time; ``last`` also takes an unfinished line."""
        for group, file in self._files.items():
            while self._ship_chunk(group, file, last=last):
                pass

    def _ship_chunk(self, group: str, file: Path, *, last: bool) -> bool:
        with file.open("rb") as output:
            output.seek(self._read[group])
            chunk = output.read(MAX_CHUNK)
        self._read[group] += len(chunk)
        *lines, rest = (self._rest[group] + chunk).split(b"\n")
        if (last and not chunk) or len(rest) > MAX_CHUNK:
            lines, rest = [*lines, rest], b""
        self._rest[group] = rest
        self._put(group, [line.decode("utf-8", "replace").rstrip("\r") for line in lines])
        return bool(chunk)

    def _put(self, group: str, lines: list[str]) -> None:
        pieces = [line[at : at + MAX_EVENT] for line in lines for at in range(0, len(line), MAX_EVENT)]
        timestamp = int(time.time() * 1000)
        for at in range(0, len(pieces), MAX_EVENTS_OF_ONE_PUT):
            events = [{"timestamp": timestamp, "message": piece} for piece in pieces[at : at + MAX_EVENTS_OF_ONE_PUT]]
            self._backend.put_log_events(group, self._stream, events)
