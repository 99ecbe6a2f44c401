"""Writing a table of Athena's: one Parquet file beside what there is, which the Glue catalog is told of at the end.

An append is a file below the table's location, or its partition's: seen as a whole once S3 has it, and under the same
name when the step is repeated. An overwrite writes elsewhere, and moves the location there by one call to the catalog.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pyarrow as pa
from botocore.exceptions import BotoCoreError, ClientError

from runners.retries import error_code, is_transient, repeated
from runners.steps.errors import TargetFailed, TargetUnavailable
from runners.steps.systems.athena_session import AthenaConnection
from runners.steps.systems.athena_types import created_as, stored, stored_type
from runners.steps.systems.staged_files import Place, StagedFile, parquet_file, remove, storage

if TYPE_CHECKING:
    from runners.steps.context import StepContext
    from runners.steps.ends import Sink
    from runners.steps.systems.athena import AthenaTarget

_LOADS = ".loads/"
"""What the folder of overwrites is called, after the table's first location: not below it, where it would be read."""

_OF_A_LOAD = re.compile(rf"(.*){re.escape(_LOADS)}[^/]+/")
_REPLACED = "etl_runners_replaced"
"""A parameter of a table or partition: the location that the last overwrite replaced, which the next one empties."""

_ABSENT = "EntityNotFoundException"
_KNOWN = "AlreadyExistsException"
_TOLD = (
    *("Name", "Description", "Owner", "Retention", "StorageDescriptor", "PartitionKeys", "TableType", "Parameters"),
    *("ViewOriginalText", "ViewExpandedText", "TargetTable"),
)
_PARQUET = {
    "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
    "OutputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
    "SerdeInfo": {
        "SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe",
        "Parameters": {"serialization.format": "1"},
    },
}


@contextmanager
def writing(target: AthenaTarget, schema: pa.Schema, context: StepContext) -> Iterator[Sink]:
    """Begin to write rows."""
    described = context.connections.get(target.ConnectionName, AthenaConnection)
    table = _Table(target, described.dbname, context)
    columns = table.opened(schema)
    load = context.repeat_key or uuid.uuid4().hex
    at = table.appended(load) if target.Mode == "append" else table.overwritten(load)
    stored_schema = pa.schema([pa.field(field.name, stored_type(field.name, columns[field.name])) for field in schema])
    with parquet_file(storage(at.bucket, context), at.key, stored_schema) as file:
        yield _Load(table, columns, file, stored_schema, at)


class _Load:
    """Rows that are on their way into a table."""

    def __init__(
        self, table: _Table, columns: Mapping[str, str], file: StagedFile, schema: pa.Schema, at: Place
    ) -> None:
        self._table = table
        self._columns = columns
        self._file = file
        self._schema = schema
        self._at = at

    def write(self, batch: pa.RecordBatch) -> None:
        """Write a batch."""
        arrays = [
            stored(column, field, self._columns[field.name])
            for field, column in zip(batch.schema, batch.columns, strict=True)
        ]
        self._file.write(pa.RecordBatch.from_arrays(arrays, schema=self._schema))

    def commit(self) -> dict[str, Any]:
        """Let the table have the rows."""
        self._file.close()
        self._table.publish(self._at)
        return {"table": self._table.name, "object": self._at.url}


class _Table:
    """A table in the Glue catalog, or a partition of it."""

    def __init__(self, target: AthenaTarget, database: str, context: StepContext) -> None:
        self._target = target
        before, _, self._name = target.Table.rpartition(".")
        self._database = before or database
        self._glue = context.client("glue")
        self._s3 = context.client("s3")
        self._found: dict[str, Any] = {}
        self._partition: dict[str, Any] | None = None

    @property
    def name(self) -> str:
        """The table with its database."""
        return f"{self._database}.{self._name}"

    def opened(self, schema: pa.Schema) -> dict[str, str]:
        """Look the table up, and return the types of its columns for the rows.

        Raises:
            TargetFailed: it is not there, or not one that is written here, or has no such columns.

        """
        found = self._looked_up()
        if found is None and self._target.CreateTable:
            found = self._created(schema)
        if found is None:
            raise TargetFailed(f"there is no table {self.name}; CreateTable creates it")
        self._found = found
        self._check()
        if self._target.Partition:
            self._partition = self._partition_looked_up()
        known = {column["Name"]: column["Type"] for column in found["StorageDescriptor"]["Columns"]}
        return {name: self._type_of(name, known) for name in schema.names}

    def appended(self, load: str) -> Place:
        """Return where the file of an append is."""
        folder = Place.of(self._location).folder
        return Place(folder.bucket, f"{folder.key}etl-runners-{load}.parquet")

    def overwritten(self, load: str) -> Place:
        """Return where the file of an overwrite is."""
        folder = Place.of(self._location).folder
        earlier = _OF_A_LOAD.fullmatch(folder.key)
        first = earlier[1] if earlier else folder.key.rstrip("/")
        return Place(folder.bucket, f"{first}{_LOADS}{load}/rows.parquet")

    def publish(self, at: Place) -> None:
        """Tell the catalog where the rows are, if it does not know yet."""
        location = Place(at.bucket, at.key.rpartition("/")[0] + "/").url
        with _explained(self.name):
            if self._target.Partition:
                self._publish_partition(location)
            elif self._target.Mode == "overwrite":
                moved = {name: self._found[name] for name in _TOLD if name in self._found}
                repeated(self._glue.update_table)(
                    DatabaseName=self._database, TableInput=moved | self._moved(self._found, location), SkipArchive=True
                )
                self._empty(self._found, location)

    @property
    def _values(self) -> list[str]:
        return [self._target.Partition[key["Name"]] for key in self._found["PartitionKeys"]]

    @property
    def _location(self) -> str:
        if self._partition is not None:
            return str(self._partition["StorageDescriptor"]["Location"])
        path = "".join(f"{name}={quote(value, safe='')}/" for name, value in self._target.Partition.items())
        # A partition is beside the overwrites of others, below the table's own first location.
        return Place.of(self._found["StorageDescriptor"]["Location"]).folder.url + path

    def _looked_up(self) -> dict[str, Any] | None:
        try:
            return dict(repeated(self._glue.get_table)(DatabaseName=self._database, Name=self._name)["Table"])
        except (ClientError, BotoCoreError) as error:
            if error_code(error) == _ABSENT:
                return None
            raise _failure(error, self.name) from None

    def _partition_looked_up(self) -> dict[str, Any] | None:
        try:
            answer = repeated(self._glue.get_partition)(
                DatabaseName=self._database, TableName=self._name, PartitionValues=self._values
            )
        except (ClientError, BotoCoreError) as error:
            if error_code(error) == _ABSENT:
                return None
            raise _failure(error, self.name) from None
        return dict(answer["Partition"])

    def _created(self, schema: pa.Schema) -> dict[str, Any]:
        columns = [{"Name": field.name, "Type": created_as(field)} for field in schema]
        made = {
            "Name": self._name,
            "TableType": "EXTERNAL_TABLE",
            "Parameters": {"EXTERNAL": "TRUE", "classification": "parquet"},
            "PartitionKeys": [{"Name": name, "Type": "string"} for name in self._target.Partition],
            "StorageDescriptor": {**_PARQUET, "Columns": columns, "Location": self._target.Location},
        }
        try:
            self._glue.create_table(DatabaseName=self._database, TableInput=made)
        except (ClientError, BotoCoreError) as error:
            if error_code(error) != _KNOWN:  # somebody else has created it meanwhile
                raise _failure(error, self.name) from None
        return self._looked_up() or made

    def _check(self) -> None:
        library = self._found["StorageDescriptor"].get("SerdeInfo", {}).get("SerializationLibrary", "")
        parameters = self._found.get("Parameters", {})
        if parameters.get("table_type", "").upper() == "ICEBERG" or "parquet" not in library.lower():
            raise TargetFailed(f"{self.name} is no table of Parquet files, and only such are written here")
        if parameters.get("projection.enabled", "").lower() == "true":
            raise TargetFailed(f"the partitions of {self.name} are projected: write files to S3 instead")
        keys = [key["Name"] for key in self._found.get("PartitionKeys", [])]
        if sorted(keys) != sorted(self._target.Partition):
            raise TargetFailed(f"the partition keys of {self.name} are {', '.join(keys) or 'none'}: give Partition so")

    def _type_of(self, name: str, known: Mapping[str, str]) -> str:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            meant = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
            raise TargetFailed(f"the table {self.name} has no column {name}; {meant}")
        return known[name]

    def _publish_partition(self, location: str) -> None:
        where = {"DatabaseName": self._database, "TableName": self._name}
        storage_of_table = self._found["StorageDescriptor"]
        partition = self._partition or {"StorageDescriptor": storage_of_table, "Parameters": {}}
        told = {"Values": self._values, **self._moved(partition, location)}
        if self._partition is None:
            try:
                self._glue.create_partition(**where, PartitionInput=told)
            except ClientError as error:
                if error_code(error) != _KNOWN:  # a try whose answer was lost has made it
                    raise
                repeated(self._glue.update_partition)(**where, PartitionValueList=self._values, PartitionInput=told)
        elif self._target.Mode == "overwrite":
            repeated(self._glue.update_partition)(**where, PartitionValueList=self._values, PartitionInput=told)
            self._empty(self._partition, location)

    def _moved(self, found: Mapping[str, Any], location: str) -> dict[str, Any]:
        """Return what changes of a table or partition that moves elsewhere."""
        before = found["StorageDescriptor"].get("Location", "")
        parameters = dict(found.get("Parameters", {}))
        if before != location and self._target.Mode == "overwrite":
            parameters[_REPLACED] = before
        return {"StorageDescriptor": {**found["StorageDescriptor"], "Location": location}, "Parameters": parameters}

    def _empty(self, found: Mapping[str, Any], location: str) -> None:
        """Delete what the overwrite before the last one had written; nobody reads it any more."""
        last = found.get("Parameters", {}).get(_REPLACED, "")
        replaced: str = found["StorageDescriptor"]["Location"]
        # A repeat has moved nothing, and what its first try replaced may still be read.
        if location != replaced and last not in {location, replaced} and _OF_A_LOAD.fullmatch(Place.of(last).key):
            remove(self._s3, Place.of(last))


@contextmanager
def _explained(table: str) -> Iterator[None]:
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        raise _failure(error, table) from None


def _failure(error: Exception, table: str) -> TargetUnavailable | TargetFailed:
    code = error_code(error) or type(error).__name__
    kind = TargetUnavailable if is_transient(error) else TargetFailed
    return kind(f"the Glue catalog did not do what was asked of it for {table}: {code}", code=code)
