"""When a runner asks about its jobs, and when it keeps them alive. It is kept in memory, and costs no write.

A job is asked about soon after its start and less often the longer it runs, as an hour more or less shows only in a
minute; never later than a heartbeat is due. A process that is new knows of nothing and does both at once.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from runners.job import ActiveJob

PART_OF_AGE = 8  # a job is asked about again after this part of the time that it has run
LATE = 2  # heartbeats that come after so many intervals are late


class Timetable:
    """What was last done for which job.

    Args:
        check_interval: from one question about a job to the next, at least.
        heartbeat_interval: from one heartbeat to the next, at most, as far as sweeps come often enough; and from one
            question to the next.

    """

    def __init__(self, check_interval: timedelta, heartbeat_interval: timedelta) -> None:
        self._check_interval = check_interval
        self._heartbeat_interval = heartbeat_interval
        self._checks: dict[str, datetime] = {}
        self._heartbeats: dict[str, datetime] = {}

    def forget_others(self, jobs: Iterable[ActiveJob]) -> None:
        """Forget all jobs but these."""
        keys = {job.task_key for job in jobs}
        for times in (self._checks, self._heartbeats):
            for key in times.keys() - keys:
                times.pop(key, None)

    def forget(self, job: ActiveJob) -> None:
        """Forget a job, so that both are due."""
        self._checks.pop(job.task_key, None)
        self._heartbeats.pop(job.task_key, None)

    def check_is_due(self, job: ActiveJob, now: datetime) -> bool:
        """Whether the service is to be asked about a job."""
        last = self._checks.get(job.task_key)
        if last is None or job.started_at is None:
            return True
        patience = max((last - job.started_at) / PART_OF_AGE, self._check_interval)
        return now - last >= min(patience, self._heartbeat_interval)

    def checked(self, job: ActiveJob, now: datetime) -> None:
        """Note that the service was asked about a job."""
        self._checks[job.task_key] = now

    def heartbeat_is_due(self, job: ActiveJob, now: datetime) -> bool:
        """Whether a heartbeat is to be sent for a job.

        The intervals differ by job, from half to the whole: else ten thousand that began together would stay together.
        """
        last = self._heartbeats.get(job.task_key)
        part = 0.5 + int(job.task_key[:4], 16) / 0x1FFFE
        return last is None or now - last >= self._heartbeat_interval * part

    def heartbeat_sent(self, job: ActiveJob, now: datetime) -> timedelta | None:
        """Note a heartbeat, or the poll that brought the task; return by how much it was late, if it was."""
        last = self._heartbeats.get(job.task_key)
        self._heartbeats[job.task_key] = now
        if last is None or now - last < self._heartbeat_interval * LATE:
            return None
        return now - last - self._heartbeat_interval
