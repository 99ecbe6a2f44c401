# ruff: noqa: N803  # parameters are named as boto3 names them
"""DMS, simulated as far as replication tasks go: singletons, each with one run at a time and no name for it.

Tables are not copied; a run goes on until it is ended or stopped.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from runners.testing.simulated.account import ACCOUNT, REGION, Account, operation
from runners.testing.simulated.runs import Run, Runs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SMALLEST_PAGE, PAGE = 20, 100  # records

_WHOLE = 100  # per cent
_GONE = "ResourceNotFoundFault"
_WRONG_STATE = "InvalidResourceStateFault"
_WRONG_START = "InvalidParameterCombinationException"
_FIRST = "start-replication"
_STARTS = frozenset({_FIRST, "resume-processing", "reload-target"})
_EVENTS = {"running": ("STARTED", "0069"), "stopped": ("STOPPED", "0079"), "failed": ("FAILED", "0078")}


class _ReplicationTask:
    """A replication task; its runs, the last of which is what DMS shows."""

    def __init__(self, arn: str, identifier: str, migration_type: str, status: str) -> None:
        self.arn = arn
        self.identifier = identifier
        self.migration_type = migration_type
        self.runs: list[Run] = []
        self._first_status = status
        self.tables: list[dict[str, Any]] = [
            {"SchemaName": "public", "TableName": "sales", "TableState": "Table completed", "FullLoadRows": 1}
        ]

    @property
    def run(self) -> Run | None:
        return self.runs[-1] if self.runs else None

    @property
    def status(self) -> str:
        return self.run.state if self.run else self._first_status

    @property
    def loads(self) -> bool:
        return self.migration_type != "cdc"


class Dms(Runs):
    """The client of DMS, and what a test does with its replication tasks.

    The runs of a task are named by its ARN and a number, for tests alone: DMS knows no such names. ``task_key`` of a
    run is None, for DMS is not told it.
    """

    service = "dms"
    succeeds_as = "stopped"

    def __init__(self, account: Account) -> None:
        super().__init__(account)
        self._tasks: dict[str, _ReplicationTask] = {}

    # What a test does

    def add_task(self, identifier: str, migration_type: str = "full-load", status: str = "ready") -> str:
        """Create a replication task that has never run, and return its ARN.

        Args:
            identifier: its name.
            migration_type: ``full-load``, ``cdc`` or ``full-load-and-cdc``.
            status: how it is, e.g. ``creating``.

        """
        arn = f"arn:aws:dms:{REGION}:{ACCOUNT}:task:{identifier.upper()}"
        self._tasks[arn] = _ReplicationTask(arn, identifier, migration_type, status)
        return arn

    def runs_of(self, arn: str) -> list[Run]:
        """Return the runs of a replication task as they are now, the oldest first."""
        return [run for run in self.runs() if run.name == arn]

    def end(self, run_id: str, state: str | None = None, **details: Any) -> None:
        """Let a run end, or the one of a replication task that runs now.

        Args:
            run_id: of the run, or the ARN of its task.
            state: ``stopped`` or ``failed``; ``stopped``, with all loaded, if it is not given.
            details: e.g. ``StopReason="Stop Reason RECOVERABLE_ERROR"`` or ``LastFailureMessage="no memory"``.

        """
        run = self._tasks[run_id].run if run_id in self._tasks else self._runs[run_id]
        if run is not None:
            super().end(run.id, state, **details)

    # The client

    @operation
    def describe_replication_tasks(
        self,
        *,
        Filters: Sequence[Mapping[str, Any]] = (),
        MaxRecords: int = PAGE,
        Marker: str | None = None,
        WithoutSettings: bool = False,  # noqa: ARG002
    ) -> dict[str, Any]:
        """Return the replication tasks that pass all filters; it is an error if there are none."""
        method = "describe_replication_tasks"
        if not SMALLEST_PAGE <= MaxRecords <= PAGE:
            text = f"The maxRecords value must be between {SMALLEST_PAGE} and {PAGE}"
            raise self.refusal(method, "InvalidParameterValueException", text)
        found = list(self._tasks.values())
        for one in Filters:
            attribute = {
                "replication-task-arn": "arn",
                "replication-task-id": "identifier",
                "migration-type": "migration_type",
            }.get(one["Name"])
            if attribute is None:
                raise self.refusal(method, "InvalidParameterValueException", f"Unrecognized filter name: {one['Name']}")
            values = set(one["Values"])
            found = [task for task in found if getattr(task, attribute) in values]
        if not found:
            raise self.refusal(method, _GONE, "No Tasks found matching given filter")
        start = int(Marker or 0)
        end = start + MaxRecords
        page: dict[str, Any] = {"ReplicationTasks": [_described(task) for task in found[start:end]]}
        return {**page, "Marker": str(end)} if end < len(found) else page

    @operation
    def start_replication_task(
        self,
        *,
        ReplicationTaskArn: str,
        StartReplicationTaskType: str,
        CdcStartTime: object = None,  # noqa: ARG002
        CdcStartPosition: str | None = None,  # noqa: ARG002
        CdcStopPosition: str | None = None,  # noqa: ARG002
    ) -> dict[str, Any]:
        """Start a replication task that does not run."""
        method = "start_replication_task"
        task = self._task(method, ReplicationTaskArn)
        if task.status not in {"ready", "stopped", "failed"}:
            text = f"Replication Task cannot be started, invalid state: {task.status}"
            raise self.refusal(method, _WRONG_STATE, text)
        if StartReplicationTaskType not in _STARTS:
            raise self.refusal(method, "InvalidParameterValueException", "Unknown StartReplicationTaskType")
        first = StartReplicationTaskType == _FIRST
        if (first and task.runs and task.loads) or (not first and not task.runs):
            kind = StartReplicationTaskType.upper().replace("-", "_")
            text = f"Start Type : {kind}, valid only for tasks running for the first time"
            if not first:
                text = f"Start Type : {kind}, not valid for a task running for the first time"
            raise self.refusal(method, _WRONG_START, text)
        number = self._account.number()
        parameters = {"StartReplicationTaskType": StartReplicationTaskType}
        run_id = f"{task.arn}#{len(task.runs) + 1}"
        # On a clock that stands still a later run begins later all the same: by its date DMS tells it from the last.
        began = self._account.now()
        if task.run is not None:
            began = max(began, task.run.started_at + timedelta(milliseconds=1))
        run = Run(run_id, task.arn, None, parameters, began, "running", number)
        task.runs.append(run)
        self._started(run)
        self._tell(run)
        return {"ReplicationTask": {**_described(task), "Status": "starting"}}

    @operation
    def stop_replication_task(self, *, ReplicationTaskArn: str) -> dict[str, Any]:
        """Stop a replication task that runs."""
        task = self._task("stop_replication_task", ReplicationTaskArn)
        run = task.run
        if run is None or run.state != "running":
            text = f"Replication Task cannot be stopped, invalid state: {task.status}"
            raise self.refusal("stop_replication_task", _WRONG_STATE, text)
        self._stop(run, "stopping", "stopped", StopReason="Stop Reason NORMAL", FullLoadProgressPercent=0)
        return {"ReplicationTask": {**_described(task), "Status": "stopping"}}

    @operation
    def describe_table_statistics(
        self,
        *,
        ReplicationTaskArn: str,
        MaxRecords: int = PAGE,  # noqa: ARG002
        Marker: str | None = None,  # noqa: ARG002
    ) -> dict[str, Any]:
        """Return how many rows of which table were copied; every replication task has one table."""
        task = self._task("describe_table_statistics", ReplicationTaskArn)
        if task.run is None:
            raise self.refusal("describe_table_statistics", _WRONG_STATE, "No statistics for a task that never ran")
        return {"ReplicationTaskArn": task.arn, "TableStatistics": [dict(table) for table in task.tables]}

    def _task(self, method: str, arn: str) -> _ReplicationTask:
        if arn not in self._tasks:
            raise self.refusal(method, _GONE, "Replication task not found")
        return self._tasks[arn]

    def _end(self, run: Run, state: str, **details: Any) -> None:
        well = {"StopReason": "Stop Reason FULL_LOAD_ONLY_FINISHED"} if state == "stopped" else {}
        super()._end(run, state, **{**well, **details})

    def _ended(self, run: Run, before: str) -> None:  # noqa: ARG002
        self._tell(run)

    def _tell(self, run: Run) -> None:
        verb, number = _EVENTS[run.state]
        identifier = self._tasks[run.name].identifier
        reason = f" {run.details['StopReason']}." if "StopReason" in run.details else ""
        detail = {
            "type": "REPLICATION_TASK",
            "category": "Failure" if run.state == "failed" else "StateChange",
            "eventType": f"REPLICATION_TASK_{verb}",
            "eventId": f"DMS-EVENT-{number}",
            "resourceLink": f"https://console.aws.amazon.com/dms/v2/home?region={REGION}#taskDetails/{identifier}",
            "detailMessage": f"Replication task has {verb.lower()}.{reason}",
        }
        self._account.send("aws.dms", "DMS Replication Task State Change", detail, (run.name,))


def _described(task: _ReplicationTask) -> dict[str, Any]:
    described: dict[str, Any] = {
        "ReplicationTaskArn": task.arn,
        "ReplicationTaskIdentifier": task.identifier,
        "MigrationType": task.migration_type,
        "Status": task.status,
    }
    run = task.run
    if run is None:
        return described
    details = dict(run.details)
    progress = details.pop("FullLoadProgressPercent", _WHOLE if run.state == "stopped" else 0)
    stats = {"FullLoadProgressPercent": progress, "StartDate": run.started_at, "TablesLoaded": 0, "TablesErrored": 0}
    if run.ended_at is not None:
        stats |= {
            "StopDate": run.ended_at,
            "ElapsedTimeMillis": int((run.ended_at - run.started_at).total_seconds() * 1000),
            "TablesLoaded": len(task.tables) if progress == _WHOLE else 0,
        }
    return {**described, **details, "ReplicationTaskStartDate": run.started_at, "ReplicationTaskStats": stats}
