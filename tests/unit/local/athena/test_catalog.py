from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from runners.local.athena.catalog import Catalog, Partition, Table, View, partition_location
from runners.local.athena.ddl_tables import LAZY_SIMPLE, PARQUET, Column, Storage
from runners.local.athena.sql.translation import QueryError

TABLE = Table(
    "db",
    "t",
    (Column("x", "int", "it is"), Column("y", "string")),
    (Column("p", "string"),),
    "s3://b/t",
    Storage(LAZY_SIMPLE, "in", "out", {"field.delim": ","}),
    {"skip.header.line.count": "1"},
    comment="a table",
)


@pytest.fixture
def glue(aws: None) -> Any:
    return boto3.client("glue")


@pytest.fixture
def catalog(glue: Any) -> Catalog:
    catalog = Catalog(glue)
    catalog.create_database("db", {"Description": "d"})
    return catalog


def test_databases_are_made_named_and_removed(catalog: Catalog) -> None:
    catalog.create_database("other", {})
    assert catalog.databases() == ["db", "other"]
    catalog.create_database("other", {}, if_not_exists=True)
    with pytest.raises(QueryError, match="already exists"):
        catalog.create_database("other", {})
    catalog.drop_database("other", if_exists=False, cascade=False)
    catalog.drop_database("other", if_exists=True, cascade=False)
    with pytest.raises(QueryError, match="SCHEMA_NOT_FOUND"):
        catalog.drop_database("other", if_exists=False, cascade=False)


def test_a_database_with_tables_goes_only_with_them(catalog: Catalog) -> None:
    catalog.create_table(TABLE)
    with pytest.raises(QueryError, match="not empty"):
        catalog.drop_database("db", if_exists=False, cascade=False)
    catalog.drop_database("db", if_exists=False, cascade=True)
    assert catalog.databases() == []


def test_a_table_comes_back_as_it_was_made(catalog: Catalog) -> None:
    catalog.create_table(TABLE)
    assert catalog.table("db", "t") == TABLE
    assert catalog.tables("db") == [TABLE]
    assert TABLE.types == {"x": "int", "y": "string", "p": "string"}
    with pytest.raises(QueryError, match="TABLE_ALREADY_EXISTS"):
        catalog.create_table(TABLE)
    catalog.drop_table(TABLE)
    assert not catalog.has_table("db", "t")


def test_a_missing_table_and_a_missing_database_are_told_apart(catalog: Catalog) -> None:
    with pytest.raises(QueryError, match=r"TABLE_NOT_FOUND: Table 'awsdatacatalog\.db\.t' does not exist"):
        catalog.table("db", "t")
    with pytest.raises(QueryError, match="SCHEMA_NOT_FOUND: Schema 'none' does not exist"):
        catalog.has_table("none", "t")


def test_names_are_in_lower_case_and_a_type_may_be_missing(catalog: Catalog, glue: Any) -> None:
    descriptor = {"Columns": [{"Name": "X"}], "Location": "s3://b/"}
    glue.create_table(DatabaseName="db", TableInput={"Name": "bare", "StorageDescriptor": descriptor})
    table = catalog.table("db", "bare")
    assert table.columns == (Column("x", "string"),)
    assert table.storage == Storage("", "", "", {})


def test_a_view_is_kept_as_athena_keeps_it(catalog: Catalog, glue: Any) -> None:
    view = Table("db", "v", (Column("x", "int"),), view=View("SELECT 1 AS x", "other"), storage=Storage("", "", "", {}))
    catalog.create_table(view)
    assert catalog.table("db", "v").view == View("SELECT 1 AS x", "other")
    kept = glue.get_table(DatabaseName="db", Name="v")["Table"]
    described = json.loads(base64.b64decode(kept["ViewOriginalText"].split(": ")[1].split(" ")[0]))
    assert described["columns"] == [{"name": "x", "type": "integer"}]
    assert (kept["TableType"], kept["ViewExpandedText"]) == ("VIRTUAL_VIEW", "/* Presto View */")
    catalog.replace_table(replace(view, view=View("SELECT 2 AS x", "db")))
    assert catalog.table("db", "v").view == View("SELECT 2 AS x", "db")


@pytest.mark.parametrize("text", ["", "SELECT 1", "/* Presto View: bm9uZQ== */", "/* Presto View: e30= */"])
def test_a_view_of_another_kind_is_refused(catalog: Catalog, glue: Any, text: str) -> None:
    glue.create_table(
        DatabaseName="db", TableInput={"Name": "v", "TableType": "VIRTUAL_VIEW", "ViewOriginalText": text}
    )
    with pytest.raises(QueryError, match="INVALID_VIEW"):
        catalog.table("db", "v")


def test_partitions_are_added_many_at_a_time_and_forgotten(catalog: Catalog) -> None:
    catalog.create_table(TABLE)
    partitions = [Partition((f"{number:03}",), f"s3://b/t/p={number:03}/") for number in range(130)]
    catalog.add_partitions(TABLE, partitions)
    assert sorted(catalog.partitions(TABLE), key=lambda one: one.values) == partitions
    with pytest.raises(QueryError, match="HIVE_METASTORE_ERROR"):
        catalog.add_partitions(TABLE, partitions[:1])
    catalog.drop_partitions(TABLE, partitions[1:])
    assert catalog.partitions(TABLE) == partitions[:1]


def test_a_partition_without_a_location_is_where_hive_puts_it(catalog: Catalog, glue: Any) -> None:
    catalog.create_table(TABLE)
    glue.create_partition(DatabaseName="db", TableName="t", PartitionInput={"Values": ["a b/c:d"]})
    assert catalog.partitions(TABLE) == [Partition(("a b/c:d",), "s3://b/t/p=a b%2Fc%3Ad/")]
    assert partition_location(replace(TABLE, location="s3://b/t/"), ["x"]) == "s3://b/t/p=x/"


def test_a_partition_with_another_serde_is_refused(catalog: Catalog, glue: Any) -> None:
    catalog.create_table(TABLE)
    descriptor = {"Location": "s3://b/", "SerdeInfo": {"SerializationLibrary": PARQUET}}
    partition = {"Values": ["a"], "StorageDescriptor": descriptor}
    glue.create_partition(DatabaseName="db", TableName="t", PartitionInput=partition)
    with pytest.raises(QueryError, match="another SerDe"):
        catalog.partitions(TABLE)


@pytest.mark.parametrize("operation", ["get_table", "get_database", "create_database", "create_table"])
def test_an_error_of_glues_that_says_something_else_stays_what_it_is(operation: str) -> None:
    class Broken:
        def __getattr__(self, name: str) -> Any:
            def call(**_: Any) -> Any:
                raise ClientError({"Error": {"Code": "InternalServiceException", "Message": "x"}}, name)

            return call

    catalog = Catalog(Broken())  # type: ignore[arg-type]
    asks: dict[str, Any] = {
        "get_table": lambda: catalog.table("db", "t"),
        "get_database": lambda: catalog.require_database("db"),
        "create_database": lambda: catalog.create_database("db", {}),
        "create_table": lambda: catalog.create_table(TABLE),
    }
    with pytest.raises(ClientError):
        asks[operation]()
