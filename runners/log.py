"""Logging as JSON lines, each with a machine-readable ``action``. Tokens, secrets and inputs are never given to it."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from runners.job import ActiveJob

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """Renders a record as one JSON object: time, level, logger, message, the ``extra`` fields, the exception."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as a line of JSON."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **{name: value for name, value in vars(record).items() if name not in _STANDARD},
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def configure(level: str) -> None:
    """Send this package's log to standard error as JSON lines; calling it again changes only the level."""
    logger = logging.getLogger("runners")
    logger.setLevel(level)
    if not any(isinstance(handler.formatter, JsonFormatter) for handler in logger.handlers):
        handler = logging.StreamHandler()
        handler.setFormatter(JsonFormatter())
        logger.addHandler(handler)
        logger.propagate = False


def job_fields(job: ActiveJob) -> dict[str, Any]:
    """Return what a line about a job says of it, for ``extra``: never its token, nor its request.

    Example:
        ``log.info("a job runs", extra={"action": "job_started", **job_fields(job)})``

    """
    return {
        "runner": job.runner,
        "task_key": job.task_key,
        "run_id": job.run_id,
        "execution": job.execution,
        "attempt": job.attempt,
    }
