"""What the state of a DMS replication means for the job that started it, and what is told of it.

A replication that stopped has not succeeded by that alone: it says why it stopped, and which tables are in error.
Nothing here calls DMS.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from runners.job import Failed, Running, Status, Succeeded
from runners.services import iso

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from runners.services.dms_replications import Replication

FAILED = "DmsTaskFailedError"

Completion = Literal["Stopped", "FullLoadComplete"]

STOPPED_STATES = frozenset({"stopped", "deprovisioning", "deprovisioned"})
"""Ends of which the stop reason tells how they are meant; a serverless replication gives back its capacity then."""

FAILED_STATES = frozenset({"failed", "failed-move"})

GOOD_STOP_REASONS = frozenset(
    {
        "NORMAL",
        "FULL_LOAD_ONLY_FINISHED",
        "STOPPED_AFTER_FULL_LOAD",
        "STOPPED_AFTER_CACHED_EVENTS",
        "STOPPED_AFTER_DDL_APPLY",
        "STOPPED_AT_SERVER_TIME",
        "STOPPED_AT_COMMIT_TIME",
    }
)
BAD_STOP_REASONS = frozenset(
    {
        "RECOVERABLE_ERROR",
        "FATAL_ERROR",
        "STOPPED_DUE_TO_LOW_MEMORY",
        "STOPPED_DUE_TO_LOW_DISK",
        "EXPRESS_LICENSE_LIMITS_REACHED",
    }
)
# DMS stops a replication for these to start it again by itself, so its run goes on.
PASSING_STOP_REASONS = frozenset({"RECONFIGURATION_RESTART", "RECYCLE_TASK"})

ERRORED_TABLES = frozenset({"Table error", "Error", "Table cancelled", "Table does not exist"})
"""States of a table of which not everything was copied, and never will be in this run."""

OTHER_TABLES = frozenset({"Before load", "Full load", "Table completed", "Table is being reloaded"})

_NOT_VALIDATED = "Not enabled"
_WHOLE = 100  # per cent
_NAMED = 5  # tables in error that a message names; the cause lists them all

Tables = Sequence[Mapping[str, Any]]
"""Statistics of tables as DMS gives them."""


def status_of(
    replication: Replication,
    mark: Mapping[str, Any],
    complete_when: Completion,
    tables: Callable[[], Tables],
    link: str,
) -> Status:
    """Return the status of a run that has begun.

    Args:
        replication: as it is now.
        mark: what was remembered before the start.
        complete_when: what the task waits for.
        tables: reads the statistics of the tables; called for a run that has ended.
        link: the replication's page in the console.

    """
    reason = replication.stop_reason
    if replication.status in FAILED_STATES:
        return _failed(replication, tables(), f"the replication ended as {replication.status}", link)
    if replication.status in STOPPED_STATES and reason not in PASSING_STOP_REASONS:
        return _stopped(replication, mark, tables(), link)
    if replication.status in STOPPED_STATES:
        return Running(f"{replication.status}: {reason}")
    if complete_when == "FullLoadComplete" and _is_loaded(replication, mark):
        return _loaded(replication, mark, tables(), link)
    # A state that AWS adds later is taken as running: the task's own time-out has the last word.
    return Running(replication.status)


def _stopped(replication: Replication, mark: Mapping[str, Any], tables: Tables, link: str) -> Status:
    reason = replication.stop_reason
    if reason not in GOOD_STOP_REASONS:
        why = reason or "a reason that DMS does not tell"
        return _failed(replication, tables, f"the replication stopped for {why}", link)
    progress = replication.stats.get("FullLoadProgressPercent", _WHOLE)
    if reason == "NORMAL" and replication.loads and progress < _WHOLE:
        # So it stops when somebody stops it, be it in the middle of a table.
        message = f"the replication was stopped when {progress} % of its full load were done"
        return _failed(replication, tables, message, link)
    return _loaded(replication, mark, tables, link)


def _loaded(replication: Replication, mark: Mapping[str, Any], tables: Tables, link: str) -> Status:
    errored = _errored(tables)
    if count := max(_count(replication, "TablesErrored"), len(errored)):
        names = [f"{table.get('SchemaName')}.{table.get('TableName')}" for table in errored[:_NAMED]]
        names += ["…"] if count > len(names) else []
        return _failed(replication, tables, f"tables are in error ({count}): {', '.join(names)}", link)
    return Succeeded(_output(replication, mark, tables, link))


def _is_loaded(replication: Replication, mark: Mapping[str, Any]) -> bool:
    """Whether the full load of this run is over, for a replication that goes on with changes.

    Where this run loads everything anew, figures of the last run may still be shown.
    """
    stats = replication.stats
    if replication.status != "running" or not (replication.loads and replication.captures):
        return False
    load_began: datetime | None = stats.get("FullLoadStartDate")
    anew = mark.get("StartType") != "resume-processing"
    if anew and load_began and replication.started_at and load_began < replication.started_at:
        return False
    if stats.get("FullLoadProgressPercent", 0) >= _WHOLE:
        return True
    # Tables in error keep the load below 100 %; it is over when there is nothing more to load.
    waiting = _count(replication, "TablesQueued") + _count(replication, "TablesLoading")
    return waiting == 0 and _count(replication, "TablesErrored") > 0


def _output(replication: Replication, mark: Mapping[str, Any], tables: Tables, link: str) -> dict[str, Any]:
    return {
        **replication.names,
        "MigrationType": replication.migration_type,
        "StartType": mark.get("StartType"),
        **_end(replication, tables, link),
        "RowsLoaded": sum(table.get("FullLoadRows", 0) for table in tables),
        "ValidationFailedRecords": sum(map(_validation_failed, tables)),
        **replication.details,
        # If there are too many for an output, its end is cut off.
        "TableStatistics": [_statistics(table) for table in sorted(tables, key=_validation_failed, reverse=True)],
    }


def _failed(replication: Replication, tables: Tables, message: str, link: str) -> Failed:
    cause = {
        **replication.names,
        **_end(replication, tables, link),
        "LastFailureMessage": replication.failures or None,
        "ErroredTables": [_statistics(table) for table in _errored(tables)],
        "ErrorMessage": message,
    }
    return Failed(FAILED, cause)


def _end(replication: Replication, tables: Tables, link: str) -> dict[str, Any]:
    """Return what is told of a run that has ended, however it did."""
    milliseconds = replication.stats.get("ElapsedTimeMillis")
    return {
        "Status": replication.status,
        "StopReason": replication.stop_reason or None,
        "StartDate": iso(replication.started_at),
        "StopDate": iso(replication.stopped_at),
        "ElapsedTimeSeconds": None if milliseconds is None else milliseconds / 1000,
        "FullLoadProgressPercent": replication.stats.get("FullLoadProgressPercent"),
        "TablesLoaded": _count(replication, "TablesLoaded"),
        "TablesErrored": max(_count(replication, "TablesErrored"), len(_errored(tables))),
        "ConsoleLink": link,
    }


def _statistics(table: Mapping[str, Any]) -> dict[str, Any]:
    counts = {name: table.get(name, 0) for name in ("FullLoadRows", "Inserts", "Updates", "Deletes", "Ddls")}
    validation = {}
    if table.get("ValidationState", _NOT_VALIDATED) != _NOT_VALIDATED:
        validation = {name: table.get(name) for name in ("ValidationState", "ValidationFailedRecords")}
    return {
        "SchemaName": table.get("SchemaName"),
        "TableName": table.get("TableName"),
        "TableState": table.get("TableState"),
        **counts,
        **validation,
    }


def _errored(tables: Tables) -> list[Mapping[str, Any]]:
    return [table for table in tables if table.get("TableState") in ERRORED_TABLES]


def _validation_failed(table: Mapping[str, Any]) -> int:
    return int(table.get("ValidationFailedRecords") or 0)


def _count(replication: Replication, name: str) -> int:
    return int(replication.stats.get(name) or 0)
