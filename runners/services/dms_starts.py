"""How to start a DMS replication, what to remember before, and how to see afterwards that a start took effect.

A replication has one run at a time, without a name and without a start key: only what it was like before tells a new
run from the last one. Nothing here calls DMS.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from runners.services import iso
from runners.services.dms_replications import RUNNING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runners.services.dms_replications import HowToStart, Replication

_WHOLE = 100  # per cent


def ran_before(replication: Replication) -> bool:
    """Whether a replication was ever started."""
    return bool(replication.started_at or replication.stopped_at)


def start_type(replication: Replication, *, from_position: bool) -> HowToStart:
    """Return how a replication is started if the task does not say: so that no data is missing afterwards.

    Args:
        replication: as it is now.
        from_position: whether the task says from where in the source's log to capture changes.

    """
    if not ran_before(replication):
        return "start-replication"  # the only one that DMS takes the first time
    if not replication.loads:
        # Only start-replication takes a position; without one, a capture goes on where it stopped.
        return "start-replication" if from_position else "resume-processing"
    if not replication.captures:
        return "reload-target"  # a second full load is asked for to have the data as it is today
    loaded = replication.stats.get("FullLoadProgressPercent") == _WHOLE
    if replication.status == "failed" and not loaded and not replication.checkpoint:
        return "reload-target"  # it failed before it got to a place from which it could go on
    return "resume-processing"


def mark_of(replication: Replication, how: HowToStart) -> dict[str, Any]:
    """Return what is remembered of a replication before it is started, as JSON."""
    return {
        "Arn": replication.arn,
        "StartType": how,
        "Status": replication.status,
        "StartDate": iso(replication.started_at),
        "UpdateDate": iso(replication.updated_at),
    }


def began_since(mark: Mapping[str, Any], replication: Replication) -> bool:
    """Whether a run began after a replication was remembered.

    DMS may show the last run for a while after it accepted a start; that one's end is not this one's. So what tells a
    new run is the date of its start, and never that of an end, which may come late.
    """
    if _is_later(replication.started_at, mark["StartDate"]):
        return True
    if replication.status == "failed":
        # A serverless replication that fails while it is prepared has no new dates but that of the last change.
        return mark["Status"] != "failed" or _is_later(replication.updated_at, mark["UpdateDate"])
    return replication.status in RUNNING  # it did not run when it was remembered


def _is_later(now: datetime | None, before: str | None) -> bool:
    return now is not None and (before is None or now > datetime.fromisoformat(before))
