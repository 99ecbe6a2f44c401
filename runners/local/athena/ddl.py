"""Carries out what changes or shows the catalog, and answers the lines that Athena writes about it.

Objects are looked for only where a statement asks for them (MSCK REPAIR TABLE), and never changed.
"""

from __future__ import annotations

import fnmatch
from dataclasses import replace
from functools import singledispatchmethod
from typing import TYPE_CHECKING
from urllib.parse import unquote

from runners.local.athena import statements as st
from runners.local.athena.catalog import Partition, Table, View, partition_location
from runners.local.athena.ddl_tables import Column, Storage
from runners.local.athena.results import ColumnInfo
from runners.local.athena.sql.translation import QueryError
from runners.local.s3 import objects
from runners.local.s3.objects import S3Path, S3PathError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mypy_boto3_s3 import S3Client

    from runners.local.athena.catalog import Catalog

Lines = tuple[tuple[str, ...], list[str]]
"""The names of a text result's columns, and its lines; columns are parted by tabs."""

WIDTH = 20  # to which DESCRIBE fills names and types
NOTHING: Lines = ((), [])


def columns_of(names: Sequence[str]) -> tuple[ColumnInfo, ...]:
    """Describe the columns of a text result: all are strings."""
    return tuple(ColumnInfo(name, "string") for name in names)


class Ddl:
    """Statements about the catalog of one query, whose own database is ``database``."""

    def __init__(
        self,
        catalog: Catalog,
        client: S3Client,
        database: str,
        view_columns: Callable[[str], Sequence[Column]],
    ) -> None:
        """``view_columns`` answers what columns a query has, in the catalog's words."""
        self._catalog = catalog
        self._client = client
        self._database = database
        self._view_columns = view_columns

    @singledispatchmethod
    def carry_out(self, statement: st.Statement) -> Lines:
        """Do what a statement says. Raises ``QueryError``."""
        raise QueryError("NOT_SUPPORTED", f"the embedded Athena has no {type(statement).__name__}")

    @carry_out.register
    def _(self, statement: st.Modify) -> Lines:
        raise QueryError(
            "NOT_SUPPORTED",
            f"Modifying Hive table rows is only supported for transactional tables: {statement.how} needs a table of "
            "Iceberg, which the embedded Athena does not have",
        )

    @carry_out.register
    def _(self, statement: st.CreateDatabase) -> Lines:
        described = {
            "Description": statement.comment,
            "LocationUri": statement.location,
            "Parameters": dict(statement.properties),
        }
        given = {key: value for key, value in described.items() if value is not None}
        self._catalog.create_database(statement.name, given, if_not_exists=statement.if_not_exists)
        return NOTHING

    @carry_out.register
    def _(self, statement: st.DropDatabase) -> Lines:
        self._catalog.drop_database(statement.name, if_exists=statement.if_exists, cascade=statement.cascade)
        return NOTHING

    @carry_out.register
    def _(self, statement: st.CreateTable) -> Lines:
        database = self._database_of(statement.table)
        self._catalog.require_database(database)
        if statement.if_not_exists and self._catalog.has_table(database, statement.table.name):
            return NOTHING
        location = _path(statement.location)
        table = Table(
            database,
            statement.table.name,
            statement.columns,
            statement.partition_columns,
            str(location),
            statement.storage,
            {"EXTERNAL": "TRUE", **statement.properties},
            comment=statement.comment,
        )
        self._catalog.create_table(table)
        return NOTHING

    @carry_out.register
    def _(self, statement: st.CreateView) -> Lines:
        database = self._database_of(statement.view)
        view = Table(
            database,
            statement.view.name,
            tuple(self._view_columns(statement.query)),
            storage=Storage("", "", ""),
            properties={"presto_view": "true", "comment": "Presto View"},
            view=View(statement.query, self._database),
        )
        if not self._catalog.has_table(database, view.name):
            self._catalog.create_table(view)
        elif not statement.replace:
            raise QueryError("ALREADY_EXISTS", f"View already exists: {view}")
        elif self._catalog.table(database, view.name).view is None:
            raise QueryError("TABLE_ALREADY_EXISTS", f"{view} is a table, and no view to replace")
        else:
            self._catalog.replace_table(view)
        return NOTHING

    @carry_out.register
    def _(self, statement: st.Drop) -> Lines:
        database = self._database_of(statement.table)
        if statement.if_exists and not self._catalog.has_table(database, statement.table.name):
            return NOTHING
        table = self._catalog.table(database, statement.table.name)
        if statement.is_view is (table.view is None):
            raise QueryError("TYPE_MISMATCH", f"{table} is a {'view' if table.view else 'table'}: drop it as one")
        self._catalog.drop_table(table)
        return NOTHING

    @carry_out.register
    def _(self, statement: st.AddPartitions) -> Lines:
        table = self._table(statement.table)
        known = {partition.values for partition in self._catalog.partitions(table)}
        added = {}
        for asked in statement.partitions:
            values = _values(table, asked.values)
            if values in known and not statement.if_not_exists:
                raise QueryError("ALREADY_EXISTS", f"Partition already exists: {_spelled(table, values)}")
            if values not in known:
                location = str(_path(asked.location)) if asked.location else partition_location(table, values)
                added[values] = Partition(values, location)
        self._catalog.add_partitions(table, list(added.values()))
        return NOTHING

    @carry_out.register
    def _(self, statement: st.DropPartitions) -> Lines:
        table = self._table(statement.table)
        known = self._catalog.partitions(table)
        dropped: dict[tuple[str, ...], Partition] = {}
        for asked in statement.partitions:
            found = [partition for partition in known if _is_meant(table, partition, asked.values)]
            if not found and not statement.if_exists:
                raise QueryError("HIVE_PARTITION_NOT_FOUND", f"Partition not found in {table}")
            dropped.update({partition.values: partition for partition in found})
        self._catalog.drop_partitions(table, list(dropped.values()))
        return NOTHING

    @carry_out.register
    def _(self, statement: st.RepairTable) -> Lines:
        table = self._table(statement.table)
        if not table.partition_columns:
            raise QueryError("NOT_SUPPORTED", f"{table} has no partitions to repair")
        known = {partition.values for partition in self._catalog.partitions(table)}
        root = _path(table.location)
        lying = (_hive_partition(table, root, key) for key in objects.keys_below(self._client, root))
        found = {partition.values: partition for partition in lying if partition is not None}
        added = [found[values] for values in sorted(found) if values not in known]
        self._catalog.add_partitions(table, added)
        names = [f"{table.name}:{_spelled(table, partition.values)}" for partition in added]
        if not names:
            return NOTHING
        first = "\t".join(["Partitions not in metastore:", *names])
        return ("",), [first, *(f"Repair: Added partition to metastore {name}" for name in names)]

    @carry_out.register
    def _(self, statement: st.Show) -> Lines:
        database = statement.database or self._database
        table = self._table(statement.table, views=True) if statement.table else None
        match statement.what, table:
            case "DATABASES", _:
                return ("database_name",), _matching(self._catalog.databases(), statement.pattern)
            case "TABLES", _:
                names = [one.name for one in self._catalog.tables(database)]
                return ("tab_name",), _matching(names, statement.pattern)
            case "VIEWS", _:
                names = [one.name for one in self._catalog.tables(database) if one.view]
                return ("views",), _matching(names, statement.pattern)
            case "PARTITIONS", Table():
                if not table.partition_columns:
                    raise QueryError("NOT_SUPPORTED", f"Table {table} is not a partitioned table")
                return ("partition",), sorted(_spelled(table, one.values) for one in self._catalog.partitions(table))
            case "COLUMNS", Table():
                return ("field",), [f"{name:<{WIDTH}}" for name in table.types]
            case "TABLE", Table():
                return ("col_name", "data_type", "comment"), _described(table)
        raise QueryError("NOT_SUPPORTED", "the embedded Athena has no SHOW CREATE TABLE: ask Glue for the table")

    def _database_of(self, name: st.TableName) -> str:
        return name.database or self._database

    def _table(self, name: st.TableName, *, views: bool = False) -> Table:
        table = self._catalog.table(self._database_of(name), name.name)
        if table.view and not views:
            raise QueryError("NOT_SUPPORTED", f"{table} is a view")
        return replace(table, location=table.location.rstrip("/"))


def _path(location: str) -> S3Path:
    try:
        path = S3Path.parse(location)
    except S3PathError as error:
        raise QueryError("INVALID_LOCATION", str(error)) from error
    if not path.key:
        return S3Path(path.bucket, "")
    return path


def _values(table: Table, asked: Mapping[str, str]) -> tuple[str, ...]:
    if set(asked) != set(table.partition_names):
        wanted = ", ".join(table.partition_names) or "none"
        raise QueryError("SYNTAX_ERROR", f"a partition of {table} has values for its partition columns ({wanted})")
    return tuple(asked[name] for name in table.partition_names)


def _is_meant(table: Table, partition: Partition, asked: Mapping[str, str]) -> bool:
    if not set(asked) <= set(table.partition_names):
        _values(table, asked)
    values = dict(zip(table.partition_names, partition.values, strict=True))
    return all(values[name] == value for name, value in asked.items())


def _spelled(table: Table, values: Sequence[str]) -> str:
    return "/".join(f"{name}={value}" for name, value in zip(table.partition_names, values, strict=True))


def _hive_partition(table: Table, root: S3Path, key: str) -> Partition | None:
    """Read ``…/a=1/b=2/…`` below a table; None for a key that is no such path."""
    parts = key.removeprefix(root.prefix).split("/")
    count = len(table.partition_names)
    if len(parts) <= count or parts[count].startswith(("_", ".")):
        return None
    values = []
    for name, part in zip(table.partition_names, parts, strict=False):
        written, equals, value = part.partition("=")
        if not equals or written.lower() != name or not value:
            return None
        values.append(unquote(value))
    return Partition(tuple(values), f"s3://{root.bucket}/{root.prefix}{'/'.join(parts[:count])}/")


def _matching(names: Sequence[str], pattern: str | None) -> list[str]:
    """Answer the names that fit Hive's pattern: ``*`` is anything, ``|`` parts alternatives."""
    if pattern is None:
        return list(names)
    wanted = pattern.lower().split("|")
    return [name for name in names if any(fnmatch.fnmatchcase(name, one.replace("%", "*")) for one in wanted)]


def _described(table: Table) -> list[str]:
    lines = [_column_line(column) for column in (*table.columns, *table.partition_columns)]
    if table.partition_columns:
        heading = _column_line(Column("# col_name", "data_type", "comment"))
        lines += ["\t \t ", "# Partition Information\t \t ", heading, "\t \t "]
        lines += [_column_line(column) for column in table.partition_columns]
    return lines


def _column_line(column: Column) -> str:
    return f"{column.name:<{WIDTH}}\t{column.type:<{WIDTH}}\t{column.comment or '':<{WIDTH}}"
