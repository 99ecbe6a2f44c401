"""AWS DMS as an extension of moto: tasks copy their tables, and say how that went.

moto's own tasks run for ever and copy nothing. Here endpoints are connected to, tables are read and written, and
statuses, statistics and events tell the truth. Replication instances and subnet groups are moto's: kept, and nothing
is started for them. Change capture is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from moto.dms.responses import DatabaseMigrationServiceResponse

from runners.local.dms.endpoint_operations import EndpointOperations
from runners.local.dms.requests import answering
from runners.local.dms.serverless_operations import ServerlessOperations
from runners.local.dms.tag_operations import TagOperations
from runners.local.dms.task_operations import TaskOperations
from runners.local.replacements import Replacements

if TYPE_CHECKING:
    from runners.local.dms.replication import Replication


class Surroundings(Protocol):
    """What the extension needs of the embedded AWS."""

    def client(self, service: str, region: str | None = None) -> Any:
        """Answer a boto3 client of this AWS."""


class Dms:
    """The extension. One for each embedded AWS."""

    def __init__(self) -> None:
        self._moto = Replacements()
        self._replications: list[list[Replication]] = []

    def start(self, aws: Surroundings) -> None:
        """Take the place of moto's tasks and endpoints."""
        tasks, serverless = TaskOperations(aws.client), ServerlessOperations(aws.client)
        self._replications = [tasks.replications, serverless.replications]
        for operations in (EndpointOperations(aws.client), tasks, serverless, TagOperations()):
            for name in operations.replaced:
                self._moto.replace(DatabaseMigrationServiceResponse, name, answering(getattr(operations, name)))
            for name in operations.added:
                self._moto.add(DatabaseMigrationServiceResponse, name, answering(getattr(operations, name)))

    def stop(self) -> None:
        """End every load, and give moto its own back."""
        for replications in self._replications:
            for replication in replications:
                replication.end()
        self._moto.undo()
