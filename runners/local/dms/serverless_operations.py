"""Serverless replications: the same copy as a task's, under other names and without a replication instance."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from moto.dms.exceptions import InvalidResourceStateFault, ResourceAlreadyExistsFault, ResourceNotFoundFault

from runners.local.dms import requests
from runners.local.dms.definition import Definition, require_no_change_capture
from runners.local.dms.events import Subject
from runners.local.dms.replication import ACTIVE, READY, RUNNING, STARTING, Replication
from runners.local.dms.task_log import TaskLog
from runners.local.dms.task_operations import require_start_type, statistics_page

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from runners.local.dms.full_load import FullLoad
    from runners.local.dms.requests import Clients

STATUSES = {READY: "created", STARTING: "initializing"}
"""Statuses that have another name than a task's."""


class ReplicationConfig:
    """A replication config with its replication."""

    def __init__(self, replication: Replication, definition: Definition, compute: dict[str, Any]) -> None:
        self.replication = replication
        self.definition = definition
        self.compute = compute

    @property
    def arn(self) -> str:
        """The config's ARN, which names the replication too."""
        return self.replication.subject.arn

    def describe_config(self) -> dict[str, Any]:
        """Answer what the API tells of the config."""
        return {
            **self._both(),
            "ComputeConfig": self.compute,
            "ReplicationSettings": self.definition.settings.document,
            "TableMappings": self.definition.mappings_text,
            "ReplicationConfigCreateTime": self.replication.created,
        }

    def describe_replication(self, status: str = "") -> dict[str, Any]:
        """Answer what the API tells of the replication; ``status`` in place of its own where it is of the past."""
        replication = self.replication
        status = status or replication.status
        return {
            **self._both(),
            "Status": STATUSES.get(status, status),
            "StopReason": replication.stop_reason or None,
            "FailureMessages": [replication.failure] if replication.failure else [],
            "ReplicationStats": replication.statistics(),
            "StartReplicationType": replication.start_type or None,
            "ReplicationCreateTime": replication.created,
            "ReplicationLastStopTime": replication.stopped,
        }

    def _both(self) -> dict[str, Any]:
        return {
            "ReplicationConfigIdentifier": self.replication.subject.name,
            "ReplicationConfigArn": self.arn,
            "SourceEndpointArn": self.definition.source_arn,
            "TargetEndpointArn": self.definition.target_arn,
            "ReplicationType": self.definition.migration_type,
        }


class ServerlessOperations:
    """The operations, none of which moto has."""

    replaced: tuple[str, ...] = ()
    added = (
        "create_replication_config",
        "modify_replication_config",
        "delete_replication_config",
        "describe_replication_configs",
        "start_replication",
        "stop_replication",
        "describe_replications",
        "describe_replication_table_statistics",
    )

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        self._configs: dict[tuple[str, str], dict[str, ReplicationConfig]] = defaultdict(dict)
        """By account and region, then by ARN."""
        self.replications: list[Replication] = []
        """All that were ever made, to be ended with the embedded AWS."""

    def create_replication_config(self, response: Any, request: dict[str, Any]) -> dict[str, Any]:
        """Keep a config that can be run."""
        configs = self._of(response)
        asked = request.get("ReplicationConfigIdentifier")
        identifier = requests.require_identifier("ReplicationConfigIdentifier", asked)
        if any(config.replication.subject.name == identifier for config in configs.values()):
            raise ResourceAlreadyExistsFault(f"The replication config {identifier} exists already")
        definition = _definition(response.dms_backend, request)
        arn = requests.new_arn(response, "replication-config", request.get("ResourceIdentifier"))
        subject = Subject(response.current_account, response.region, arn, identifier, serverless=True)
        config = ReplicationConfig(Replication(subject), definition, request.get("ComputeConfig") or {})
        self.replications.append(config.replication)
        configs[arn] = config
        response.dms_backend.tagger.tag_resource(arn, request.get("Tags") or [])
        return {"ReplicationConfig": config.describe_config()}

    def modify_replication_config(self, response: Any, request: dict[str, Any]) -> dict[str, Any]:
        """Change a config whose replication does not run."""
        config = self._config(response, request)
        _require_inactive(config, "modified")
        described = config.describe_config()
        changed = {**described, **requests.without_none(request)}
        config.definition = _definition(response.dms_backend, changed)
        config.compute = changed["ComputeConfig"]
        return {"ReplicationConfig": config.describe_config()}

    def delete_replication_config(self, response: Any, request: dict[str, Any]) -> dict[str, Any]:
        """Forget a config whose replication does not run."""
        config = self._config(response, request)
        _require_inactive(config, "deleted")
        del self._of(response)[config.arn]
        return {"ReplicationConfig": config.describe_config()}

    def describe_replication_configs(self, response: Any, request: dict[str, Any]) -> dict[str, Any]:
        """Describe the configs that fit the filters."""
        shown, marker = requests.page(_filtered(self._of(response).values(), request), request)
        return {"ReplicationConfigs": [config.describe_config() for config in shown], "Marker": marker}

    def describe_replications(self, response: Any, request: dict[str, Any]) -> dict[str, Any]:
        """Describe the replications that fit the filters."""
        shown, marker = requests.page(_filtered(self._of(response).values(), request), request)
        return {"Replications": [config.describe_replication() for config in shown], "Marker": marker}

    def start_replication(self, response: Any, request: dict[str, Any]) -> dict[str, Any]:
        """Start a replication, the first time by start-replication and later by another type."""
        backend, region = response.dms_backend, response.region
        config = self._config(response, request)
        start_type = str(request.get("StartReplicationType"))
        require_no_change_capture(request, config.definition.migration_type)
        _require_inactive(config, "started")
        require_start_type(config.replication, start_type)
        name = config.arn.rpartition(":")[2]
        log = TaskLog(
            lambda: self._clients("logs", region), f"dms-serverless-replication-{name}", f"dms-serverless-{name}"
        )

        def load(started: datetime) -> FullLoad:
            return config.definition.load(backend, lambda service: self._clients(service, region), log, started)

        if not config.replication.start(start_type, load):
            raise _invalid_state(config, "started")
        return {"Replication": config.describe_replication(STARTING)}

    def stop_replication(self, response: Any, request: dict[str, Any]) -> dict[str, Any]:
        """Stop a replication that runs; it is stopping until its load has ended."""
        config = self._config(response, request)
        if config.replication.status not in {STARTING, RUNNING}:
            raise _invalid_state(config, "stopped")
        config.replication.stop()
        return {"Replication": config.describe_replication("stopping")}

    def describe_replication_table_statistics(self, response: Any, request: dict[str, Any]) -> dict[str, Any]:
        """Describe how far each table of a replication is."""
        config = self._config(response, request)
        shown, marker = statistics_page(config.replication, request)
        return {"ReplicationConfigArn": config.arn, "ReplicationTableStatistics": shown, "Marker": marker}

    def _of(self, response: Any) -> dict[str, ReplicationConfig]:
        return self._configs[response.current_account, response.region]

    def _config(self, response: Any, request: dict[str, Any]) -> ReplicationConfig:
        config = self._of(response).get(request.get("ReplicationConfigArn", ""))
        if config is None:
            raise ResourceNotFoundFault(f"Replication config {request.get('ReplicationConfigArn')} could not be found.")
        return config


def _filtered(configs: Iterable[ReplicationConfig], request: dict[str, Any]) -> list[ReplicationConfig]:
    return requests.filtered(
        configs,
        request.get("Filters") or (),
        {
            "replication-config-arn": lambda config: config.arn,
            "replication-config-id": lambda config: config.replication.subject.name,
        },
    )


def _definition(backend: Any, request: dict[str, Any]) -> Definition:
    return Definition.of(backend, request, migration_type="ReplicationType", settings="ReplicationSettings")


def _require_inactive(config: ReplicationConfig, doing: str) -> None:
    if config.replication.status in ACTIVE:
        raise _invalid_state(config, doing)


def _invalid_state(config: ReplicationConfig, doing: str) -> InvalidResourceStateFault:
    return InvalidResourceStateFault(
        f"The replication of {config.arn} is {config.replication.status} and cannot be {doing}"
    )
