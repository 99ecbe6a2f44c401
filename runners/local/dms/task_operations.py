"""The operations on replication tasks and on the statistics of their tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moto.dms.exceptions import (
    InvalidParameterCombinationException,
    InvalidResourceStateFault,
    ResourceAlreadyExistsFault,
    ResourceNotFoundFault,
)

from runners.local.dms import requests
from runners.local.dms.definition import Definition, require_no_change_capture
from runners.local.dms.events import Subject
from runners.local.dms.replication import ACTIVE, RUNNING, START, START_TYPES, STARTING, Replication
from runners.local.dms.requests import InvalidParameterValueException
from runners.local.dms.task_log import TaskLog

if TYPE_CHECKING:
    from datetime import datetime

    from runners.local.dms.full_load import FullLoad, TableLoad
    from runners.local.dms.requests import Clients

MAX_TABLES_OF_A_PAGE = 500


class ReplicationTask:
    """A task as moto's backend keeps it."""

    def __init__(self, replication: Replication, instance_arn: str, definition: Definition) -> None:
        self.replication = replication
        self.instance_arn = instance_arn
        self.definition = definition

    @property
    def arn(self) -> str:
        """The key by which moto keeps it."""
        return self.replication.subject.arn

    def describe(self, status: str = "", *, settings: bool = True) -> dict[str, Any]:
        """Answer what the API tells of it; ``status`` in place of its own where an answer is of the past."""
        replication, definition = self.replication, self.definition
        return {
            "ReplicationTaskIdentifier": replication.subject.name,
            "SourceEndpointArn": definition.source_arn,
            "TargetEndpointArn": definition.target_arn,
            "ReplicationInstanceArn": self.instance_arn,
            "MigrationType": definition.migration_type,
            "TableMappings": definition.mappings_text if settings else None,
            "ReplicationTaskSettings": definition.settings.document if settings else None,
            "Status": status or replication.status,
            "LastFailureMessage": replication.failure or None,
            "StopReason": replication.stop_reason or None,
            "ReplicationTaskCreationDate": replication.created,
            "ReplicationTaskStartDate": replication.started,
            "ReplicationTaskArn": self.arn,
            "ReplicationTaskStats": replication.statistics(),
        }


class TaskOperations:
    """The operations; the attributes name those that moto has, and those that it lacks."""

    replaced = (
        "create_replication_task",
        "describe_replication_tasks",
        "delete_replication_task",
        "start_replication_task",
        "stop_replication_task",
        "delete_replication_instance",
    )
    added = ("modify_replication_task", "describe_table_statistics")

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        self.replications: list[Replication] = []
        """All that were ever made, to be ended with the embedded AWS."""

    def create_replication_task(self, response: Any, request: dict[str, Any]) -> dict[str, Any]:
        """Keep a task that can be run."""
        backend = response.dms_backend
        identifier = self._free_identifier(backend, request.get("ReplicationTaskIdentifier"))
        if request.get("ReplicationInstanceArn") not in backend.replication_instances:
            raise ResourceNotFoundFault("Replication instance could not be found.")
        definition = _definition(backend, request)
        arn = requests.new_arn(response, "task", request.get("ResourceIdentifier"))
        if arn in backend.replication_tasks:
            raise ResourceAlreadyExistsFault(f"The replication task {arn} exists already")
        replication = Replication(Subject(response.current_account, response.region, arn, identifier))
        task = ReplicationTask(replication, request["ReplicationInstanceArn"], definition)
        self.replications.append(replication)
        backend.replication_tasks[arn] = task
        backend.tagger.tag_resource(arn, request.get("Tags") or [])
        return {"ReplicationTask": task.describe("creating")}

    def modify_replication_task(self, response: Any, request: dict[str, Any]) -> dict[str, Any]:
        """Change a task that does not run."""
        backend = response.dms_backend
        task = _task(backend, request)
        _require_inactive(task, "modified")
        wanted = request.get("ReplicationTaskIdentifier")
        if wanted and wanted.lower() != task.replication.subject.name:
            raise InvalidParameterValueException("The embedded DMS does not rename tasks: make another one")
        task.definition = _definition(
            backend,
            {
                "SourceEndpointArn": task.definition.source_arn,
                "TargetEndpointArn": task.definition.target_arn,
                "MigrationType": task.definition.migration_type,
                "TableMappings": task.definition.mappings_text,
                "ReplicationTaskSettings": task.definition.settings.document,
                **requests.without_none(request),
            },
        )
        return {"ReplicationTask": task.describe("modifying")}

    def describe_replication_tasks(self, response: Any, request: dict[str, Any]) -> dict[str, Any]:
        """Describe the tasks that fit the filters; none is an error where filters ask for some."""
        found = requests.filtered(
            response.dms_backend.replication_tasks.values(),
            request.get("Filters") or (),
            {
                "replication-task-arn": lambda task: task.arn,
                "replication-task-id": lambda task: task.replication.subject.name,
                "migration-type": lambda task: task.definition.migration_type,
                "endpoint-arn": lambda task: task.definition.endpoint_arns,
                "replication-instance-arn": lambda task: task.instance_arn,
            },
        )
        if request.get("Filters") and not found:
            raise ResourceNotFoundFault("No Tasks found matching provided filters")
        shown, marker = requests.page(found, request)
        settings = not request.get("WithoutSettings")
        return {"ReplicationTasks": [task.describe(settings=settings) for task in shown], "Marker": marker}

    def delete_replication_task(self, response: Any, request: dict[str, Any]) -> dict[str, Any]:
        """Forget a task that does not run."""
        task = _task(response.dms_backend, request)
        _require_inactive(task, "deleted")
        del response.dms_backend.replication_tasks[task.arn]
        return {"ReplicationTask": task.describe("deleting")}

    def start_replication_task(self, response: Any, request: dict[str, Any]) -> dict[str, Any]:
        """Start a task, the first time by start-replication and later by another type."""
        backend, region = response.dms_backend, response.region
        task = _task(backend, request)
        start_type = str(request.get("StartReplicationTaskType"))
        require_no_change_capture(request, task.definition.migration_type)
        _require_inactive(task, "started")
        require_start_type(task.replication, start_type)
        log = TaskLog(
            lambda: self._clients("logs", region),
            f"dms-tasks-{backend.replication_instances[task.instance_arn].id}",
            f"dms-task-{task.arn.rpartition(':')[2]}",
        )

        def load(started: datetime) -> FullLoad:
            return task.definition.load(backend, lambda service: self._clients(service, region), log, started)

        if not task.replication.start(start_type, load):
            raise _invalid_state(task, "started")
        return {"ReplicationTask": task.describe(STARTING)}

    def stop_replication_task(self, response: Any, request: dict[str, Any]) -> dict[str, Any]:
        """Stop a task that runs; it is stopping until its load has ended."""
        task = _task(response.dms_backend, request)
        if task.replication.status not in {STARTING, RUNNING}:
            raise _invalid_state(task, "stopped")
        task.replication.stop()
        return {"ReplicationTask": task.describe("stopping")}

    def describe_table_statistics(self, response: Any, request: dict[str, Any]) -> dict[str, Any]:
        """Describe how far each table of a task is."""
        task = _task(response.dms_backend, request)
        shown, marker = statistics_page(task.replication, request)
        return {"ReplicationTaskArn": task.arn, "TableStatistics": shown, "Marker": marker}

    def delete_replication_instance(self, response: Any, request: dict[str, Any]) -> dict[str, Any]:
        """Forget a replication instance that no task uses."""
        backend, arn = response.dms_backend, request.get("ReplicationInstanceArn")
        if any(task.instance_arn == arn for task in backend.replication_tasks.values()):
            raise InvalidResourceStateFault(f"Replication Instance {arn} has one or more ReplicationTasks.")
        return {"ReplicationInstance": backend.delete_replication_instance(arn).to_dict()}

    @staticmethod
    def _free_identifier(backend: Any, asked: Any) -> str:
        identifier = requests.require_identifier("ReplicationTaskIdentifier", asked)
        if any(task.replication.subject.name == identifier for task in backend.replication_tasks.values()):
            raise ResourceAlreadyExistsFault(f"The replication task {identifier} exists already")
        return identifier


def require_start_type(replication: Replication, start_type: str) -> None:
    """Raise for a type by which a replication cannot be started now."""
    if start_type not in START_TYPES:
        raise InvalidParameterValueException(f"The start type is one of {', '.join(sorted(START_TYPES))}")
    shown = start_type.upper().replace("-", "_")
    if start_type == START and replication.has_run:
        raise InvalidParameterCombinationException(
            f"Start Type : {shown}, valid only for tasks running for the first time"
        )
    if start_type != START and not replication.has_run:
        raise InvalidParameterCombinationException(
            f"Start Type : {shown}, valid only for tasks that have run before: use {START}, not {start_type}"
        )


def statistics_page(replication: Replication, request: dict[str, Any]) -> tuple[list[dict[str, Any]], str | None]:
    """Answer the statistics of tables that a request asks for, and the marker of the next page."""
    found = requests.filtered(
        replication.tables,
        request.get("Filters") or (),
        {
            "schema-name": lambda load: load.table.schema,
            "table-name": lambda load: load.table.name,
            "table-state": lambda load: load.state,
        },
    )
    shown, marker = requests.page(found, request, MAX_TABLES_OF_A_PAGE)
    return [_statistics(load) for load in shown], marker


def _statistics(load: TableLoad) -> dict[str, Any]:
    nothing = (
        "Inserts",
        "Deletes",
        "Updates",
        "Ddls",
        "AppliedInserts",
        "AppliedDeletes",
        "AppliedUpdates",
        "AppliedDdls",
    )
    return {
        **dict.fromkeys(nothing, 0),
        "SchemaName": load.table.schema,
        "TableName": load.table.name,
        "FullLoadRows": load.rows,
        "FullLoadCondtnlChkFailedRows": 0,
        "FullLoadErrorRows": 0,
        "FullLoadStartTime": load.started,
        "FullLoadEndTime": load.ended,
        "FullLoadReloaded": load.reloaded,
        "LastUpdateTime": load.updated,
        "TableState": load.state,
        "ValidationState": "Not enabled",
        "ValidationPendingRecords": 0,
        "ValidationFailedRecords": 0,
        "ValidationSuspendedRecords": 0,
    }


def _definition(backend: Any, request: dict[str, Any]) -> Definition:
    return Definition.of(backend, request, migration_type="MigrationType", settings="ReplicationTaskSettings")


def _task(backend: Any, request: dict[str, Any]) -> ReplicationTask:
    arn = request.get("ReplicationTaskArn")
    task: ReplicationTask | None = backend.replication_tasks.get(arn)
    if task is None:
        raise ResourceNotFoundFault(f"Replication task {arn} could not be found.")
    return task


def _require_inactive(task: ReplicationTask, doing: str) -> None:
    if task.replication.status in ACTIVE:
        raise _invalid_state(task, doing)


def _invalid_state(task: ReplicationTask, doing: str) -> InvalidResourceStateFault:
    return InvalidResourceStateFault(f"Replication Task {task.arn} is {task.replication.status} and cannot be {doing}")
