"""The Glue catalog as queries need it: databases, tables, views and partitions, read and changed through Glue's API.

What is missing or in the way is a ``QueryError`` in Athena's words. Knows nothing of objects and of DuckDB.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from runners.local.athena.ddl_tables import Column, Storage
from runners.local.athena.sql.translation import QueryError
from runners.local.athena.sql.types import type_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mypy_boto3_glue import GlueClient
    from mypy_boto3_glue.type_defs import TableInputTypeDef

CATALOG = "awsdatacatalog"
NULL_PARTITION = "__HIVE_DEFAULT_PARTITION__"
PARTITIONS_OF_ONE_CREATE = 100
PARTITIONS_OF_ONE_DELETE = 25
_VIEW = re.compile(r"/\* Presto View: ([A-Za-z0-9+/=\s]+) \*/")


@dataclass(frozen=True)
class Partition:
    """A partition of a table."""

    values: tuple[str, ...]
    """The texts of its columns' values, in the order of the table's partition columns."""
    location: str


@dataclass(frozen=True)
class View:
    """What a view stands for."""

    query: str
    database: str
    """In which its query's tables without a database are."""


@dataclass(frozen=True)
class Table:
    """A table or a view of the catalog; all names are in lower case."""

    database: str
    name: str
    columns: tuple[Column, ...]
    partition_columns: tuple[Column, ...] = ()
    location: str = ""
    storage: Storage = field(default_factory=Storage)
    properties: Mapping[str, str] = field(default_factory=dict)
    view: View | None = None
    comment: str | None = None

    @property
    def types(self) -> dict[str, str]:
        """The type of each column in Hive's words, those of the partitions last."""
        return {column.name: column.type for column in (*self.columns, *self.partition_columns)}

    @property
    def partition_names(self) -> tuple[str, ...]:
        """The names of the partition columns."""
        return tuple(column.name for column in self.partition_columns)

    def __str__(self) -> str:
        return f"{CATALOG}.{self.database}.{self.name}"


class Catalog:
    """The catalog, through Glue."""

    def __init__(self, glue: GlueClient) -> None:
        self._glue = glue

    # Databases

    def databases(self) -> list[str]:
        """Name all databases."""
        pages = self._glue.get_paginator("get_databases").paginate()
        return sorted(database["Name"] for page in pages for database in page["DatabaseList"])

    def require_database(self, name: str) -> Mapping[str, Any]:
        """Answer Glue's description of a database; ``SCHEMA_NOT_FOUND`` if there is none."""
        try:
            return dict(self._glue.get_database(Name=name)["Database"])
        except ClientError as error:
            _require_gone(error)
            raise QueryError("SCHEMA_NOT_FOUND", f"Schema '{name}' does not exist") from None

    def create_database(self, name: str, described: Mapping[str, Any], *, if_not_exists: bool = False) -> None:
        """Make a database."""
        try:
            self._glue.create_database(DatabaseInput={"Name": name, **described})  # type: ignore[typeddict-item]
        except ClientError as error:
            if _code(error) != "AlreadyExistsException":
                raise
            if not if_not_exists:
                raise QueryError("ALREADY_EXISTS", f"Database {name} already exists") from None

    def drop_database(self, name: str, *, if_exists: bool, cascade: bool) -> None:
        """Remove a database; one with tables only if it cascades."""
        try:
            self.require_database(name)
        except QueryError:
            if if_exists:
                return
            raise
        if not cascade and self.tables(name):
            raise QueryError("SCHEMA_NOT_EMPTY", f"Database {name} is not empty. One or more tables exist.")
        self._glue.delete_database(Name=name)

    # Tables

    def tables(self, database: str) -> list[Table]:
        """Describe all tables and views of a database, by name."""
        self.require_database(database)
        pages = self._glue.get_paginator("get_tables").paginate(DatabaseName=database)
        found = [_table(database, described) for page in pages for described in page["TableList"]]
        return sorted(found, key=lambda table: table.name)

    def table(self, database: str, name: str) -> Table:
        """Describe a table or a view; ``TABLE_NOT_FOUND`` or ``SCHEMA_NOT_FOUND`` if there is none."""
        try:
            return _table(database, self._glue.get_table(DatabaseName=database, Name=name)["Table"])
        except ClientError as error:
            _require_gone(error)
            self.require_database(database)
            raise QueryError("TABLE_NOT_FOUND", f"Table '{CATALOG}.{database}.{name}' does not exist") from None

    def has_table(self, database: str, name: str) -> bool:
        """Whether there is a table or a view of this name; the database must exist."""
        try:
            self.table(database, name)
        except QueryError as error:
            if error.kind != "TABLE_NOT_FOUND":
                raise
            return False
        return True

    def create_table(self, table: Table) -> None:
        """Make a table or a view."""
        try:
            self._glue.create_table(DatabaseName=table.database, TableInput=_table_input(table))
        except ClientError as error:
            if _code(error) != "AlreadyExistsException":
                raise
            raise QueryError("TABLE_ALREADY_EXISTS", f"Table '{table}' already exists") from None

    def replace_table(self, table: Table) -> None:
        """Describe a table or a view anew."""
        self._glue.update_table(DatabaseName=table.database, TableInput=_table_input(table))

    def drop_table(self, table: Table) -> None:
        """Remove a table or a view; objects stay."""
        self._glue.delete_table(DatabaseName=table.database, Name=table.name)

    # Partitions

    def partitions(self, table: Table) -> list[Partition]:
        """Answer the partitions that the catalog knows of a table."""
        pages = self._glue.get_paginator("get_partitions").paginate(DatabaseName=table.database, TableName=table.name)
        return [_partition(table, described) for page in pages for described in page["Partitions"]]

    def add_partitions(self, table: Table, partitions: Sequence[Partition]) -> None:
        """Make partitions known; none of them may be known already."""
        for some in _at_a_time(partitions, PARTITIONS_OF_ONE_CREATE):
            answer = self._glue.batch_create_partition(
                DatabaseName=table.database,
                TableName=table.name,
                PartitionInputList=[
                    {"Values": list(one.values), "StorageDescriptor": _storage_descriptor(table, one.location)}
                    for one in some
                ],
            )
            for error in answer.get("Errors", ()):
                raise QueryError("HIVE_METASTORE_ERROR", str(error.get("ErrorDetail", {}).get("ErrorMessage")))

    def drop_partitions(self, table: Table, partitions: Sequence[Partition]) -> None:
        """Forget partitions; objects stay."""
        for some in _at_a_time(partitions, PARTITIONS_OF_ONE_DELETE):
            self._glue.batch_delete_partition(
                DatabaseName=table.database,
                TableName=table.name,
                PartitionsToDelete=[{"Values": list(one.values)} for one in some],
            )


def presto_view(query: str, database: str, columns: Iterable[tuple[str, str]]) -> str:
    """Write a view as Athena keeps it in ``ViewOriginalText``; columns are names and types in Trino's words."""
    described = {
        "originalSql": query,
        "catalog": CATALOG,
        "schema": database,
        "columns": [{"name": name, "type": column_type} for name, column_type in columns],
    }
    return f"/* Presto View: {base64.b64encode(json.dumps(described).encode()).decode()} */"


def _view(database: str, name: str, text: str) -> View:
    match = _VIEW.fullmatch(text.strip())
    try:
        described = json.loads(base64.b64decode(match[1])) if match else {}
        return View(described["originalSql"], (described.get("schema") or database).lower())
    except (binascii.Error, ValueError, KeyError):
        raise QueryError(
            "INVALID_VIEW", f"the view {database}.{name} is none that Athena has made, and cannot be read"
        ) from None


def _table(database: str, described: Mapping[str, Any]) -> Table:
    descriptor = described.get("StorageDescriptor") or {}
    is_view = described.get("TableType") == "VIRTUAL_VIEW"
    name = described["Name"].lower()
    return Table(
        database=database.lower(),
        name=name,
        columns=_columns(descriptor.get("Columns")),
        partition_columns=_columns(described.get("PartitionKeys")),
        location=descriptor.get("Location") or "",
        storage=_storage(descriptor),
        properties=described.get("Parameters") or {},
        view=_view(database, name, described.get("ViewOriginalText") or "") if is_view else None,
        comment=described.get("Description"),
    )


def _columns(described: Sequence[Mapping[str, Any]] | None) -> tuple[Column, ...]:
    return tuple(
        Column(column["Name"].lower(), column.get("Type") or "string", column.get("Comment"))
        for column in described or ()
    )


def _storage(descriptor: Mapping[str, Any]) -> Storage:
    serde = descriptor.get("SerdeInfo") or {}
    return Storage(
        serde.get("SerializationLibrary") or "",
        descriptor.get("InputFormat") or "",
        descriptor.get("OutputFormat") or "",
        serde.get("Parameters") or {},
    )


def _partition(table: Table, described: Mapping[str, Any]) -> Partition:
    descriptor = described.get("StorageDescriptor") or {}
    serde = _storage(descriptor).serde or table.storage.serde
    if serde != table.storage.serde:
        raise QueryError(
            "NOT_SUPPORTED",
            f"a partition of {table} has another SerDe than the table, which the embedded Athena cannot read",
        )
    values = tuple(described["Values"])
    return Partition(values, descriptor.get("Location") or partition_location(table, values))


def partition_location(table: Table, values: Sequence[str]) -> str:
    """Say where a partition lies if nobody says otherwise: below the table, in Hive's style."""
    pairs = zip(table.partition_names, values, strict=True)
    return table.location.rstrip("/") + "/" + "".join(f"{name}={_escaped(value)}/" for name, value in pairs)


def _escaped(value: str) -> str:
    """Write a value as Hive does in a path."""
    return re.sub(r"[\x00-\x1f\"#%'*/:=?\\\x7f{}\[\]^]", lambda match: f"%{ord(match[0]):02X}", value)


def _table_input(table: Table) -> TableInputTypeDef:
    described: dict[str, Any] = {
        "Name": table.name,
        "Description": table.comment,
        "TableType": "VIRTUAL_VIEW" if table.view else "EXTERNAL_TABLE",
        "Parameters": dict(table.properties),
        "PartitionKeys": [_as_glue_has(column) for column in table.partition_columns],
        "StorageDescriptor": _storage_descriptor(table, table.location),
    }
    if table.view:
        columns = [(column.name, str(type_of(column.type))) for column in table.columns]
        described["ViewOriginalText"] = presto_view(table.view.query, table.view.database, columns)
        described["ViewExpandedText"] = "/* Presto View */"
    return {key: value for key, value in described.items() if value is not None}  # type: ignore[return-value]


def _storage_descriptor(table: Table, location: str) -> Any:
    storage = table.storage
    serde = {"SerializationLibrary": storage.serde, "Parameters": dict(storage.parameters)} if storage.serde else {}
    return {
        "Columns": [_as_glue_has(column) for column in table.columns],
        "Location": location,
        "InputFormat": storage.input_format,
        "OutputFormat": storage.output_format,
        "SerdeInfo": serde,
    }


def _as_glue_has(column: Column) -> dict[str, str]:
    described = {"Name": column.name, "Type": column.type}
    return {**described, "Comment": column.comment} if column.comment is not None else described


def _at_a_time(items: Sequence[Partition], how_many: int) -> Iterable[Sequence[Partition]]:
    return (items[at : at + how_many] for at in range(0, len(items), how_many))


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code"))


def _require_gone(error: ClientError) -> None:
    """Raise an error again that says something else than that there is none."""
    if _code(error) != "EntityNotFoundException":
        raise error
