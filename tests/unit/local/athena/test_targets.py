from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from runners.local.athena.catalog import Table
from runners.local.athena.ddl_tables import HIVE_JSON, LAZY_SIMPLE, OPEN_CSV, OPENX_JSON, PARQUET, Column, Storage
from runners.local.athena.sql.translation import QueryError, ResultColumn, Translated
from runners.local.athena.sql.types import type_of
from runners.local.athena.targets import (
    as_columns_of,
    named_columns,
    target_of_new_table,
    target_of_table,
    target_of_unload,
)


def translated(**columns: str) -> Translated:
    return Translated("SELECT 1", tuple(ResultColumn(name, of) for name, of in columns.items()))


def test_a_new_table_is_parquet_unless_it_says_so() -> None:
    target = target_of_new_table({"partitioned_by": ("P",), "external_location": "s3://b/x"})
    assert (target.storage.serde, target.location, target.partitioned_by) == (PARQUET, "s3://b/x", ("p",))
    columns = [("x", type_of("integer")), ("p", type_of("varchar"))]
    table = target.table("db", "t", "s3://b/x/", columns)
    assert table.columns == (Column("x", "int"),)
    assert table.partition_columns == (Column("p", "string"),)


@pytest.mark.parametrize(("name", "serde"), [("json", OPENX_JSON), ("TEXTFILE", LAZY_SIMPLE), ("parquet", PARQUET)])
def test_rows_are_unloaded_in_the_format_that_is_asked_for(name: str, serde: str) -> None:
    assert target_of_unload({"format": name}).storage.serde == serde


def test_text_has_the_delimiter_that_is_asked_for() -> None:
    target = target_of_new_table({"format": "TEXTFILE", "field_delimiter": "|", "write_compression": "NONE"})
    assert target.storage.parameters["field.delim"] == "|"
    assert target.file_format.suffix == ""


@pytest.mark.parametrize(("delimiter", "line"), [("\\t", "1\t2\n"), ("", "1\x012\n")])
def test_text_is_written_with_the_delimiter_that_it_is_read_with(delimiter: str, line: str, tmp_path: Path) -> None:
    target = target_of_unload({"format": "TEXTFILE", "field_delimiter": delimiter, "compression": "NONE"})
    columns = [("x", type_of("int")), ("y", type_of("int"))]
    with duckdb.connect() as connection:
        target.file_format.write(connection, "SELECT 1, 2", columns, tmp_path / "x", lambda: None)
    assert (tmp_path / "x").read_text() == line


@pytest.mark.parametrize(
    ("properties", "named"),
    [
        ({"bucketed_by": ("a",)}, "bucketed_by"),
        ({"format": "ORC"}, "ORC"),
        ({"table_type": "ICEBERG"}, "HIVE"),
        ({"format": ("PARQUET",)}, "format is one value"),
    ],
)
def test_what_is_not_made_is_refused_by_its_name(properties: dict[str, str | tuple[str, ...]], named: str) -> None:
    with pytest.raises(QueryError, match=named):
        target_of_new_table(properties)


def test_unload_has_to_say_its_format() -> None:
    with pytest.raises(QueryError, match="format"):
        target_of_unload({})
    with pytest.raises(QueryError, match="write_compression"):
        target_of_unload({"format": "JSON", "write_compression": "GZIP"})


@pytest.mark.parametrize("names", [("p", "x"), ("x",), ("x", "p", "q")])
def test_partitions_are_the_last_columns_and_not_the_only_ones(names: tuple[str, ...]) -> None:
    target = target_of_new_table({"partitioned_by": ("p",)})
    with pytest.raises(QueryError, match="HIVE_COLUMN_ORDER_MISMATCH"):
        target.table("db", "t", "s3://b/", [(name, type_of("integer")) for name in names])
    with pytest.raises(QueryError, match="HIVE_COLUMN_ORDER_MISMATCH"):
        target.table("db", "t", "s3://b/", [("p", type_of("integer"))])


@pytest.mark.parametrize(
    ("serde", "properties", "suffix"),
    [
        (PARQUET, {}, ""),
        (HIVE_JSON, {}, ".gz"),
        (LAZY_SIMPLE, {}, ".gz"),
        (LAZY_SIMPLE, {"write.compression": "NONE"}, ""),
    ],
)
def test_rows_are_added_as_a_table_has_them(serde: str, properties: dict[str, str], suffix: str) -> None:
    target = target_of_table(Table("db", "t", (), storage=Storage(serde), properties=properties))
    assert target.file_format.suffix == suffix


def test_nothing_is_written_with_opencsv() -> None:
    with pytest.raises(QueryError, match="OpenCSVSerde"):
        target_of_table(Table("db", "t", (), storage=Storage(OPEN_CSV)))


@pytest.mark.parametrize("serde", [LAZY_SIMPLE, HIVE_JSON])
def test_nothing_is_added_to_a_table_that_would_skip_its_first_rows(serde: str) -> None:
    skipping = {"skip.header.line.count": "1"}
    for table in (
        Table("db", "t", (), storage=Storage(serde), properties=skipping),
        Table("db", "t", (), storage=Storage(serde, parameters=skipping)),
    ):
        with pytest.raises(QueryError, match=r"NOT_SUPPORTED: .*skips header lines"):
            target_of_table(table)


@pytest.mark.parametrize(("serde", "count"), [(LAZY_SIMPLE, "0"), (PARQUET, "1")])
def test_rows_are_added_where_no_header_is_skipped(serde: str, count: str) -> None:
    table = Table("db", "t", (), storage=Storage(serde), properties={"skip.header.line.count": count})
    assert target_of_table(table).storage.serde == serde


def test_columns_of_a_table_have_names_of_their_own() -> None:
    assert named_columns(translated(A="integer", b="varchar")) == [
        ("a", type_of("integer")),
        ("b", type_of("varchar")),
    ]
    with pytest.raises(QueryError, match="not specified at position 2"):
        named_columns(translated(a="integer", _col1="integer"))
    with pytest.raises(QueryError, match="'a' specified more than once"):
        named_columns(translated(a="integer", A="integer"))


COLUMNS = [("x", type_of("bigint")), ("y", type_of("string")), ("p", type_of("varchar(3)"))]


def test_rows_are_inserted_by_place_and_turned_into_the_tables_types() -> None:
    sql = as_columns_of(translated(a="integer", b="varchar(2)", c="varchar"), COLUMNS, ())
    assert 'CAST(c0 AS BIGINT) AS "x"' in sql
    assert 'CAST(c2 AS VARCHAR) AS "p"' in sql


def test_columns_that_are_not_listed_are_null() -> None:
    sql = as_columns_of(translated(a="varchar", b="integer"), COLUMNS, ("p", "x"))
    assert sql.startswith('SELECT CAST(c1 AS BIGINT) AS "x", CAST(NULL AS VARCHAR) AS "y", CAST(c0 AS VARCHAR) AS "p"')


@pytest.mark.parametrize(
    ("given", "listed", "kind"),
    [
        ({"a": "varchar"}, ("x",), "TYPE_MISMATCH"),
        ({"a": "bigint"}, (), "TYPE_MISMATCH"),
        ({"a": "bigint"}, ("z",), "COLUMN_NOT_FOUND"),
    ],
)
def test_rows_that_do_not_fit_are_refused(given: dict[str, str], listed: tuple[str, ...], kind: str) -> None:
    with pytest.raises(QueryError) as caught:
        as_columns_of(translated(**given), COLUMNS, listed)
    assert caught.value.kind == kind
