"""When a runner asks about its jobs, and when it keeps them alive. It is kept in memory, and costs no write for a job.

A job is asked about soon after its start and less often the longer it runs, as an hour more or less shows only in a
minute; never later than a heartbeat is due. In each interval a job has a moment of its own, which its key decides, and
its turn comes with the first sweep after it: so those of ten thousand jobs spread, also if all began together. A
process that is new knows only when the last sweep of all was, and goes on from there; so processes that follow each
other leave no job out, however short they live. Without a last sweep, everything is due at once.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

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
        self._swept_at: datetime | None = None

    def knows(self, jobs: Iterable[ActiveJob]) -> bool:
        """Whether this process has kept all of these jobs alive before."""
        return all(job.task_key in self._heartbeats for job in jobs)

    def swept_before(self, at: datetime | None) -> None:
        """Take it that a process swept at that time, as far as this one does not know better."""
        self._swept_at = at

    def forget_others(self, jobs: Iterable[ActiveJob]) -> None:
        """Forget all jobs but these."""
        keys = {job.task_key for job in jobs}
        for times in (self._checks, self._heartbeats):
            for key in times.keys() - keys:
                times.pop(key, None)

    def check_is_due(self, job: ActiveJob, now: datetime) -> bool:
        """Whether the service is to be asked about a job."""
        if job.started_at is None:
            return True
        patience = max((now - job.started_at) / PART_OF_AGE, self._check_interval)
        return self._is_due(self._checks, job, min(patience, self._heartbeat_interval), now)

    def checked(self, job: ActiveJob, now: datetime) -> None:
        """Note that the service was asked about a job."""
        self._checks[job.task_key] = now

    def heartbeat_is_due(self, job: ActiveJob, now: datetime) -> bool:
        """Whether a heartbeat is to be sent for a job."""
        return self._is_due(self._heartbeats, job, self._heartbeat_interval, now)

    def _is_due(self, times: Mapping[str, datetime], job: ActiveJob, interval: timedelta, now: datetime) -> bool:
        """Whether a moment of the job's own, one in each interval, has passed since it last had its turn."""
        last = times.get(job.task_key, self._swept_at)
        if last is None:
            return True
        first = _BEGINNING + interval * (int(job.task_key[:4], 16) / 0x10000)
        return (now - first) // interval > (last - first) // interval

    def heartbeat_sent(self, job: ActiveJob, now: datetime) -> timedelta | None:
        """Note a heartbeat, or the poll that brought the task; return by how much it was late, if it was."""
        last = self._heartbeats.get(job.task_key)
        self._heartbeats[job.task_key] = now
        if last is None or now - last < self._heartbeat_interval * LATE:
            return None
        return now - last - self._heartbeat_interval


_BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)
