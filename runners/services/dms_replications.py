"""The two kinds of replication that DMS has, seen alike: tasks on a replication instance, and serverless ones.

What is called differs between them, and so do the words for their states; what a replication is does not. This module
makes the calls of DMS. What to start, and what an end means, is said elsewhere (``dms_starts``, ``dms_outcomes``).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal, Protocol

from botocore.exceptions import ClientError

from runners.links import page_link
from runners.retries import error_code, repeated, when_throttled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    from mypy_boto3_dms import DatabaseMigrationServiceClient
    from mypy_boto3_dms.type_defs import ReplicationTaskTypeDef, ReplicationTypeDef

HowToStart = Literal["start-replication", "resume-processing", "reload-target"]

NOT_RUNNING = frozenset({"ready", "created", "stopped", "failed", "failed-move", "deprovisioned"})
"""Statuses in which a replication may be started."""

RUNNING = frozenset(
    {
        "starting",
        "running",
        "stopping",
        # of serverless replications
        "initializing",
        "preparing_metadata_resources",
        "testing_connection",
        "fetching_metadata",
        "calculating_capacity",
        "provisioning_capacity",
        "replication_starting",
    }
)
"""Statuses that a replication has only because it was started."""

OTHERWISE_BUSY = frozenset({"creating", "modifying", "moving", "testing", "deleting", "deprovisioning"})
"""Statuses in which a replication neither runs nor can be started."""

_PAGE = 100  # records; the most that DMS gives of replications
_TABLES_PAGE = 500  # tables; the most that DMS gives of a task's
_MAX_TABLES = 10_000  # whose statistics are read
# How DMS refuses a filter with more values than it takes; how many those are is not documented.
_REFUSES_FILTER = ("InvalidParameter", "Validation")
# DMS says the first where it finds nothing, and the second where there are no statistics because nothing was loaded.
_NOTHING = frozenset({"ResourceNotFoundFault", "InvalidResourceStateFault"})


@dataclass(frozen=True, slots=True)
class Replication:
    """A replication as DMS describes it.

    Attributes:
        arn: its name for DMS.
        identifier: its name for people.
        migration_type: ``full-load``, ``cdc`` or ``full-load-and-cdc``.
        status: the service's word, e.g. ``stopped``.
        stop_reason: why it stopped, e.g. ``NORMAL``; empty if DMS does not say.
        failures: what went wrong, in DMS's words.
        started_at: when its last run began (UTC), None if it never ran.
        stopped_at: when its last run ended (UTC).
        updated_at: when anything about it changed (UTC); of serverless replications only.
        checkpoint: where a capture of changes can go on; empty if there is no such place.
        stats: its ``ReplicationTaskStats`` or ``ReplicationStats``.
        names: its identifiers under the names that outputs and causes have for them.
        details: what else outputs tell of this kind.

    """

    arn: str
    identifier: str
    migration_type: str
    status: str
    stop_reason: str
    failures: str
    started_at: datetime | None
    stopped_at: datetime | None
    updated_at: datetime | None
    checkpoint: str
    stats: Mapping[str, Any]
    names: dict[str, str]
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def loads(self) -> bool:
        """Whether it copies what is there, and not only changes."""
        return self.migration_type != "cdc"

    @property
    def captures(self) -> bool:
        """Whether it copies changes."""
        return self.migration_type != "full-load"


class Kind(Protocol):
    """A kind of replication: which calls it takes."""

    def by_arn(self, arns: Sequence[str]) -> dict[str, Replication]:
        """Return replications by ARN; one that DMS does not know is not in it."""
        ...

    def start(self, arn: str, start_type: HowToStart, cdc: Mapping[str, Any]) -> None:
        """Start a replication, perhaps with positions in its source's log."""

    def stop(self, arn: str) -> None:
        """Begin to stop a replication."""

    def tables(self, arn: str) -> list[dict[str, Any]]:
        """Return the statistics of its tables; none if nothing was loaded."""
        ...

    def page(self, region: str, replication: Replication) -> str:
        """Return the address of its page in the console."""
        ...


class Tasks(Kind):
    """Replication tasks, which run on a replication instance."""

    def __init__(self, dms: DatabaseMigrationServiceClient) -> None:
        self._dms = dms

    def by_arn(self, arns: Sequence[str]) -> dict[str, Replication]:
        """Return tasks by ARN."""
        return _halved(lambda some: self._found("replication-task-arn", some), arns)

    def by_identifier(self, identifier: str) -> Replication | None:
        """Return the task with an identifier."""
        return next(iter(self._found("replication-task-id", [identifier]).values()), None)

    def start(self, arn: str, start_type: HowToStart, cdc: Mapping[str, Any]) -> None:
        """Start a task."""
        start = when_throttled(self._dms.start_replication_task)
        start(ReplicationTaskArn=arn, StartReplicationTaskType=start_type, **cdc)

    def stop(self, arn: str) -> None:
        """Begin to stop a task."""
        repeated(self._dms.stop_replication_task)(ReplicationTaskArn=arn)

    def tables(self, arn: str) -> list[dict[str, Any]]:
        """Return the statistics of a task's tables."""
        ask = self._dms.describe_table_statistics
        return _tables(ask, "TableStatistics", ReplicationTaskArn=arn, MaxRecords=_TABLES_PAGE)

    def page(self, region: str, replication: Replication) -> str:
        """Return the address of a task's page in the console."""
        return page_link(region, f"dms/v2/home?region={region}#taskDetails/{replication.identifier}")

    def _found(self, name: str, values: Sequence[str]) -> dict[str, Replication]:
        query = {"Filters": [{"Name": name, "Values": list(values)}], "MaxRecords": _PAGE, "WithoutSettings": True}
        tasks = _pages(self._dms.describe_replication_tasks, "ReplicationTasks", **query)
        return {task["ReplicationTaskArn"]: _task(task) for task in tasks}


class Serverless(Kind):
    """Serverless replications, each the run of a replication config."""

    def __init__(self, dms: DatabaseMigrationServiceClient) -> None:
        self._dms = dms

    def by_arn(self, arns: Sequence[str]) -> dict[str, Replication]:
        """Return replications by the ARN of their config."""
        return _halved(self._found, arns)

    def start(self, arn: str, start_type: HowToStart, cdc: Mapping[str, Any]) -> None:
        """Start a config's replication."""
        when_throttled(self._dms.start_replication)(ReplicationConfigArn=arn, StartReplicationType=start_type, **cdc)

    def stop(self, arn: str) -> None:
        """Begin to stop a config's replication."""
        repeated(self._dms.stop_replication)(ReplicationConfigArn=arn)

    def tables(self, arn: str) -> list[dict[str, Any]]:
        """Return the statistics of a replication's tables."""
        ask = self._dms.describe_replication_table_statistics
        return _tables(ask, "ReplicationTableStatistics", ReplicationConfigArn=arn, MaxRecords=_PAGE)

    def page(self, region: str, replication: Replication) -> str:
        """Return the address of a replication's page in the console."""
        return page_link(region, f"dms/v2/home?region={region}#serverlessReplicationDetails/{replication.identifier}")

    def _found(self, arns: Sequence[str]) -> dict[str, Replication]:
        query = {"Filters": [{"Name": "replication-config-arn", "Values": list(arns)}], "MaxRecords": _PAGE}
        replications = _pages(self._dms.describe_replications, "Replications", **query)
        return {replication["ReplicationConfigArn"]: _serverless(replication) for replication in replications}


def _task(task: ReplicationTaskTypeDef) -> Replication:
    stats = task.get("ReplicationTaskStats", {})
    return Replication(
        arn=task["ReplicationTaskArn"],
        identifier=task["ReplicationTaskIdentifier"],
        migration_type=task.get("MigrationType", ""),
        status=task["Status"],
        stop_reason=_reason(task.get("StopReason")),
        failures=task.get("LastFailureMessage", ""),
        started_at=task.get("ReplicationTaskStartDate"),
        stopped_at=stats.get("StopDate"),
        updated_at=None,
        checkpoint=task.get("RecoveryCheckpoint", ""),
        stats=stats,
        names={
            "ReplicationTaskArn": task["ReplicationTaskArn"],
            "ReplicationTaskIdentifier": task["ReplicationTaskIdentifier"],
        },
    )


def _serverless(replication: ReplicationTypeDef) -> Replication:
    stats = replication.get("ReplicationStats", {})
    return Replication(
        arn=replication["ReplicationConfigArn"],
        identifier=replication["ReplicationConfigIdentifier"],
        migration_type=replication.get("ReplicationType", ""),
        status=replication["Status"],
        stop_reason=_reason(replication.get("StopReason")),
        failures=" ".join(replication.get("FailureMessages", [])),
        started_at=stats.get("StartDate"),
        stopped_at=stats.get("StopDate") or replication.get("ReplicationLastStopTime"),
        updated_at=replication.get("ReplicationUpdateTime"),
        checkpoint=replication.get("RecoveryCheckpoint", ""),
        stats=stats,
        names={
            "ReplicationConfigArn": replication["ReplicationConfigArn"],
            "ReplicationConfigIdentifier": replication["ReplicationConfigIdentifier"],
        },
        details={"ProvisionedCapacityUnits": replication.get("ProvisionData", {}).get("ProvisionedCapacityUnits")},
    )


def _reason(stop_reason: str | None) -> str:
    return (stop_reason or "").removeprefix("Stop Reason ").strip()


def _halved(ask: Callable[[Sequence[str]], dict[str, Replication]], values: Sequence[str]) -> dict[str, Replication]:
    """Ask about values of a filter, about half of them at a time where DMS refuses so many, or knows none.

    Whether it says of all that there are none because of one of them is not documented.
    """
    try:
        found = ask(values)
    except ClientError as error:
        if len(values) == 1 or not error_code(error).startswith(_REFUSES_FILTER):
            raise
    else:
        if found or len(values) == 1:
            return found
    middle = len(values) // 2
    return _halved(ask, values[:middle]) | _halved(ask, values[middle:])


def _tables(ask: Callable[..., Any], records: str, **query: Any) -> list[dict[str, Any]]:
    return list(islice(_pages(ask, records, **query), _MAX_TABLES))


def _pages(ask: Callable[..., Any], records: str, **query: Any) -> Iterator[Any]:
    """Yield the records of all pages; DMS calls it an error if there are none."""
    while True:
        try:
            page = repeated(ask)(**query)
        except ClientError as error:
            if error_code(error) not in _NOTHING:
                raise
            return
        yield from page[records]
        if not page.get("Marker"):
            return
        query["Marker"] = page["Marker"]
