"""Brings the tables that a crawl found into the Glue catalog, as the crawler's schema change policy wants it.

Calls the catalog's own API. Decides nothing about what a table is: that is ``grouping``'s.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from runners.local.crawlers import tables
from runners.local.crawlers.tables import OWNER, Target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from mypy_boto3_glue import GlueClient

    from runners.local.crawlers.grouping import FoundPartition, FoundTable

ADD, UPDATE, DELETE = "ADD", "UPDATE", "DELETE"
LOG, DELETE_FROM_DATABASE, UPDATE_IN_DATABASE = "LOG", "DELETE_FROM_DATABASE", "UPDATE_IN_DATABASE"
MERGE_NEW_COLUMNS, INHERIT_FROM_TABLE = "MergeNewColumns", "InheritFromTable"
DEPRECATED = "DEPRECATED_BY_CRAWLER"
MAX_PARTITIONS_OF_ONE_CALL = {"create": 100, "update": 100, "delete": 25}


class Change(NamedTuple):
    """Something that was done to the catalog."""

    kind: str
    """ADD, UPDATE or DELETE."""
    name: str
    """Of the table, or the values of a partition."""
    table: str


@dataclass
class Changes:
    """All that a crawl did to the catalog."""

    tables: list[Change] = field(default_factory=list)
    partitions: list[Change] = field(default_factory=list)

    def counted(self, kind: str) -> tuple[int, int]:
        """Answer how many tables and how many partitions were changed in a way."""
        return _count(self.tables, kind), _count(self.partitions, kind)

    def summary(self) -> str | None:
        """Write the changes as ``ListCrawls`` gives them, or nothing if there were none."""
        parts = {
            entity: {kind: _details(changes, kind) for kind in (ADD, UPDATE, DELETE) if _count(changes, kind)}
            for entity, changes in (("TABLE", self.tables), ("PARTITION", self.partitions))
            if changes
        }
        return json.dumps(parts) if parts else None


@dataclass(frozen=True)
class Policy:
    """How the catalog is changed."""

    update: str = UPDATE_IN_DATABASE
    delete: str = "DEPRECATE_IN_DATABASE"
    tables: str | None = None
    """``MergeNewColumns``, or nothing."""
    partitions: str | None = None
    """``InheritFromTable``, or nothing."""


class Catalog:
    """One database of the catalog, written to by one crawler."""

    def __init__(
        self,
        client: GlueClient,
        *,
        database: str,
        crawler: str,
        prefix: str,
        policy: Policy,
        log: Callable[[str, str], None],
    ) -> None:
        """``log`` takes a level and a message."""
        self._client: Any = client
        self._database = database
        self._crawler = crawler
        self._prefix = prefix
        self._policy = policy
        self._log = log
        self.changes = Changes()

    def write(self, targets: Sequence[Target]) -> None:
        """Bring all tables in, then see to those that this crawler made before and did not find again."""
        pages = self._client.get_paginator("get_tables").paginate(DatabaseName=self._database)
        existing = {table["Name"]: table for page in pages for table in page["TableList"]}
        written: set[str] = set()
        for target in targets:
            for table in target.tables:
                location = tables.location(target, table)
                name = self._name(location, existing, written)
                written.add(name)
                self._write_table(name, location, target, table, existing.get(name))
        for name, table in existing.items():
            if name not in written and table.get("Parameters", {}).get(OWNER) == self._crawler:
                self._gone(table)

    def _name(self, location: str, existing: Mapping[str, Any], written: set[str]) -> str:
        """Name a table after its folder; one whose name is taken elsewhere gets a hash of its own, as Glue does it."""
        folder = location.rstrip("/").rpartition("/")[2]
        name = (self._prefix + re.sub(r"[^a-z0-9_]", "_", folder.lower())).lower()
        taken = existing.get(name)
        elsewhere = taken and taken.get("StorageDescriptor", {}).get("Location", "").rstrip("/") != location.rstrip("/")
        if name in written or elsewhere:
            return f"{name}_{hashlib.md5(location.encode(), usedforsecurity=False).hexdigest()}"
        return name

    def _write_table(
        self, name: str, location: str, target: Target, table: FoundTable, existing: dict[str, Any] | None
    ) -> None:
        wanted = tables.table_input(name, location, self._crawler, target, table)
        if existing is None:
            self._client.create_table(DatabaseName=self._database, TableInput=wanted)
            self._note(Change(ADD, name, name), f"Created table {name} in database {self._database}")
        else:
            wanted = self._update_table(existing, wanted)
        self._write_partitions(name, location, table, wanted)

    def _update_table(self, existing: dict[str, Any], wanted: dict[str, Any]) -> dict[str, Any]:
        """Bring a table up to date; answers it as it then is."""
        before = {part: existing.get(part) for part in wanted}
        if self._policy.tables == MERGE_NEW_COLUMNS:
            wanted = _with_columns_of(before, wanted)
        if before == wanted:
            return wanted
        name = wanted["Name"]
        if self._policy.update == LOG:
            self._log("INFO", f"Table {name} has changed and is left as it is, for UpdateBehavior is LOG")
            return before
        self._client.update_table(DatabaseName=self._database, TableInput=wanted)
        self._note(Change(UPDATE, name, name), f"Updated table {name} in database {self._database}")
        return wanted

    def _write_partitions(self, name: str, location: str, table: FoundTable, written: dict[str, Any]) -> None:
        if len(written["PartitionKeys"] or ()) != len(table.keys):
            self._log("WARN", f"Table {name} has other partition keys than its folders: its partitions are left out")
            return
        existing = {tuple(partition["Values"]): partition for partition in self._partitions(name)}
        wanted = {found.values: self._partition(location, found, written) for found in table.partitions}
        added = [partition for values, partition in wanted.items() if values not in existing]
        changed = [
            partition
            for values, partition in wanted.items()
            if values in existing and partition != {part: existing[values].get(part) for part in partition}
        ]
        place = {"DatabaseName": self._database, "TableName": name}
        for batch in _batches(added, MAX_PARTITIONS_OF_ONE_CALL["create"]):
            self._client.batch_create_partition(**place, PartitionInputList=batch)
            self._note_partitions(ADD, name, batch, "Added")
        for batch in _batches(changed, MAX_PARTITIONS_OF_ONE_CALL["update"]):
            entries = [{"PartitionValueList": part["Values"], "PartitionInput": part} for part in batch]
            self._client.batch_update_partition(**place, Entries=entries)
            self._note_partitions(UPDATE, name, batch, "Updated")
        self._gone_partitions(name, [part for values, part in existing.items() if values not in wanted])

    def _partitions(self, name: str) -> Iterator[dict[str, Any]]:
        pages = self._client.get_paginator("get_partitions").paginate(DatabaseName=self._database, TableName=name)
        for page in pages:
            yield from page["Partitions"]

    def _partition(self, location: str, found: FoundPartition, table: dict[str, Any]) -> dict[str, Any]:
        inherited = table["StorageDescriptor"] if self._policy.partitions == INHERIT_FROM_TABLE else None
        return tables.partition_input(location, found, inherited)

    def _gone(self, table: dict[str, Any]) -> None:
        """See to a table where nothing lies any more."""
        name = table["Name"]
        if self._policy.delete == LOG:
            self._log("INFO", f"Table {name} was not found again and is left as it is, for DeleteBehavior is LOG")
        elif self._policy.delete == DELETE_FROM_DATABASE:
            self._client.delete_table(DatabaseName=self._database, Name=name)
            self._note(Change(DELETE, name, name), f"Deleted table {name} from database {self._database}")
        elif DEPRECATED not in table["Parameters"]:
            kept = ("Name", "Owner", "Retention", "TableType", "PartitionKeys", "StorageDescriptor", "Description")
            changed = {part: table[part] for part in kept if part in table}
            changed["Parameters"] = {**table["Parameters"], DEPRECATED: _milliseconds()}
            self._client.update_table(DatabaseName=self._database, TableInput=changed)
            reason = "because a matching schema was not found at the table's location"
            self._note(Change(UPDATE, name, name), f"Table {name} is marked deprecated {reason}")

    def _gone_partitions(self, name: str, gone: list[dict[str, Any]]) -> None:
        place = {"DatabaseName": self._database, "TableName": name}
        if self._policy.delete == LOG:
            for partition in gone:
                self._log("INFO", f"Partition {partition['Values']} of table {name} was not found again, and is left")
        elif self._policy.delete == DELETE_FROM_DATABASE:
            for batch in _batches(gone, MAX_PARTITIONS_OF_ONE_CALL["delete"]):
                values = [{"Values": partition["Values"]} for partition in batch]
                self._client.batch_delete_partition(**place, PartitionsToDelete=values)
                self._note_partitions(DELETE, name, batch, "Deleted")
        else:
            for partition in gone:
                self._deprecate_partition(place, partition)

    def _deprecate_partition(self, place: dict[str, str], partition: dict[str, Any]) -> None:
        if DEPRECATED in partition.get("Parameters", {}):
            return
        parameters = {**partition.get("Parameters", {}), DEPRECATED: _milliseconds()}
        changed: dict[str, Any] = {
            "Values": partition["Values"],
            "StorageDescriptor": partition["StorageDescriptor"],
            "Parameters": parameters,
        }
        self._client.update_partition(**place, PartitionValueList=partition["Values"], PartitionInput=changed)
        self._note_partitions(UPDATE, place["TableName"], [partition], "Deprecated")

    def _note(self, change: Change, message: str) -> None:
        self.changes.tables.append(change)
        self._log("INFO", message)

    def _note_partitions(self, kind: str, table: str, partitions: Sequence[dict[str, Any]], verb: str) -> None:
        for partition in partitions:
            self.changes.partitions.append(Change(kind, str(partition["Values"]), table))
        self._log("INFO", f"{verb} {len(partitions)} partitions of table {table} in database {self._database}")


def _with_columns_of(before: dict[str, Any], wanted: dict[str, Any]) -> dict[str, Any]:
    """Answer a table as it was, with its new columns and counts."""
    known = before["StorageDescriptor"]["Columns"]
    names = {column["Name"] for column in known}
    new = [column for column in wanted["StorageDescriptor"]["Columns"] if column["Name"] not in names]
    descriptor = {**before["StorageDescriptor"], "Columns": [*known, *new]}
    return {**before, "StorageDescriptor": descriptor, "Parameters": {**before["Parameters"], **wanted["Parameters"]}}


def _count(changes: Sequence[Change], kind: str) -> int:
    return sum(change.kind == kind for change in changes)


def _details(changes: Sequence[Change], kind: str) -> str:
    """Write the names of what was changed: a JSON document within the JSON document, as Glue has it."""
    names = sorted({change.table for change in changes if change.kind == kind})
    return json.dumps({"Details": {"names": names}, "Count": _count(changes, kind)})


def _batches(items: list[dict[str, Any]], size: int) -> Iterator[list[dict[str, Any]]]:
    for at in range(0, len(items), size):
        yield items[at : at + size]


def _milliseconds() -> str:
    return str(int(datetime.now(UTC).timestamp() * 1000))
