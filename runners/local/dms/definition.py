"""What a replication copies, from where to where: the same for a task and for a serverless replication."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from runners.local.dms.endpoint_operations import endpoint_of
from runners.local.dms.full_load import FullLoad
from runners.local.dms.requests import InvalidParameterValueException
from runners.local.dms.table_mappings import TableMappings
from runners.local.dms.task_log import TaskLog
from runners.local.dms.task_settings import TaskSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

CHANGE_CAPTURE = ("CdcStartTime", "CdcStartPosition", "CdcStopPosition")


@dataclass(frozen=True)
class Definition:
    """A definition whose every part has been read."""

    source_arn: str
    target_arn: str
    migration_type: str
    mappings_text: str
    mappings: TableMappings
    settings: TaskSettings

    @classmethod
    def of(cls, backend: Any, request: Mapping[str, Any], *, migration_type: str, settings: str) -> Definition:
        """Read a request, whose members for the type and the settings have the names that are given.

        Raises ``ResourceNotFoundFault`` for an endpoint that is not there, ``UnusableRequestError`` for rules and
        settings that cannot be followed, and ``InvalidParameterValueException`` for change capture.
        """
        require_no_change_capture(request, str(request.get(migration_type)))
        return cls(
            source_arn=endpoint_of(backend, request.get("SourceEndpointArn"), "source").endpoint_arn,
            target_arn=endpoint_of(backend, request.get("TargetEndpointArn"), "target").endpoint_arn,
            migration_type=str(request[migration_type]),
            mappings_text=str(request.get("TableMappings")),
            mappings=TableMappings.parse(str(request.get("TableMappings"))),
            settings=TaskSettings.parse(request.get(settings)),
        )

    @property
    def endpoint_arns(self) -> tuple[str, str]:
        """The source's and the target's."""
        return self.source_arn, self.target_arn

    def load(self, backend: Any, clients: Callable[[str], Any], log: TaskLog, started: datetime) -> FullLoad:
        """Make a load of it. The endpoints are read now, so that a change of one counts from the next start."""
        source = endpoint_of(backend, self.source_arn, "source").endpoint
        target = endpoint_of(backend, self.target_arn, "target").endpoint
        return FullLoad(
            lambda: source.source(lambda: clients("secretsmanager")),
            lambda: target.target(clients, self.settings, source, started),
            self.mappings,
            self.settings,
            log.write,
        )


def require_no_change_capture(request: Mapping[str, Any], migration_type: str) -> None:
    """Raise for whatever asks for changes after the load."""
    asked = [name for name in CHANGE_CAPTURE if request.get(name) is not None]
    if asked or migration_type != "full-load":
        what = ", ".join(asked) if asked else f"The type {migration_type!r}"
        raise InvalidParameterValueException(
            f"{what} asks for change data capture: change capture is not done by the embedded DMS, which loads tables "
            "in full. Use full-load"
        )
