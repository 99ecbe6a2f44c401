"""The log of a replication in CloudWatch Logs, as DMS keeps it: why a table is in error is said there.

It is written whether or not ``Logging.EnableLogging`` asks for it, since nothing else says it for each table.
"""

from __future__ import annotations

import logging
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from collections.abc import Callable

logger = logging.getLogger(__name__)


class TaskLog:
    """The log stream of one replication."""

    def __init__(self, client: Callable[[], Any], group: str, stream: str) -> None:
        """``client`` answers a client of CloudWatch Logs, once there is something to write."""
        self._client = client
        self._group = group
        self._stream = stream

    def write(self, level: str, message: str) -> None:
        """Write a line of the level ``I``, ``W`` or ``E``. A log that cannot be written stops nothing."""
        line = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S} [TASK_MANAGER    ]{level}:  {message}"
        try:
            self._put(line)
        except (ClientError, BotoCoreError):
            logger.warning("a line of a DMS log was not written", extra={"action": "dms_log", "stream": self._stream})

    def _put(self, line: str) -> None:
        logs = self._client()
        event = {"timestamp": int(time.time() * 1000), "message": line}
        place = {"logGroupName": self._group, "logStreamName": self._stream}
        try:
            logs.put_log_events(**place, logEvents=[event])
        except logs.exceptions.ResourceNotFoundException:
            self._make(logs)
            logs.put_log_events(**place, logEvents=[event])

    def _make(self, logs: Any) -> None:
        for make, names in (
            (logs.create_log_group, {"logGroupName": self._group}),
            (logs.create_log_stream, {"logGroupName": self._group, "logStreamName": self._stream}),
        ):
            try:
                make(**names)
            except logs.exceptions.ResourceAlreadyExistsException:
                continue
