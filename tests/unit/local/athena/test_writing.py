from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import duckdb
import pytest

from runners.local.athena import file_formats
from runners.local.athena.catalog import Partition, Table
from runners.local.athena.ddl_tables import Column
from runners.local.athena.sql.translation import QueryError
from runners.local.athena.sql.types import type_of
from runners.local.athena.writing import ROWS, Upload, Written, new_partitions, require_empty, write_files


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


@pytest.fixture
def s3(aws: None) -> Any:
    client = boto3.client("s3")
    client.create_bucket(Bucket="bucket")
    return client


@pytest.fixture
def write(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> Callable[..., list[Written]]:
    def written(rows: str, columns: dict[str, str], partitions: int = 0) -> list[Written]:
        connection.execute(f"CREATE TABLE {ROWS} AS {rows}")
        described = [Column(name, of) for name, of in columns.items()]
        count = len(described) - partitions
        table = Table("db", "t", tuple(described[:count]), tuple(described[count:]), "s3://bucket/t")
        types = [(name, type_of(of)) for name, of in columns.items()]
        form = file_formats.json_lines("NONE")
        return write_files(connection, table, types, form, directory=tmp_path, go_on=lambda: None)

    return written


def test_a_table_without_partitions_is_one_file(write: Callable[..., list[Written]]) -> None:
    (one,) = write("SELECT unnest([2, 1]) AS x", {"x": "int"})
    assert one.file.read_text() == '{"x":2}\n{"x":1}\n'
    assert (one.location, one.values) == ("s3://bucket/t/", ())
    assert one.path == f"s3://bucket/t/{one.file.name}"


def test_no_rows_are_no_files(write: Callable[..., list[Written]]) -> None:
    assert write("SELECT 1 AS x WHERE false", {"x": "int"}) == []


def test_no_rows_are_no_partitions(write: Callable[..., list[Written]]) -> None:
    assert write("SELECT 1 AS x, 2 AS p WHERE false", {"x": "int", "p": "int"}, 1) == []


def test_each_partition_is_a_file_without_its_columns(write: Callable[..., list[Written]]) -> None:
    rows = (
        "SELECT * FROM (VALUES (1, 'a/b', DATE '2024-01-02'), (2, 'c', NULL), (3, 'a/b', '2024-01-02')) AS t(x, p, d)"
    )
    first, second = write(rows, {"x": "int", "p": "string", "d": "date"}, 2)
    assert first.values == ("a/b", "2024-01-02")
    assert first.location == "s3://bucket/t/p=a%2Fb/d=2024-01-02/"
    assert first.file.read_text() == '{"x":1}\n{"x":3}\n'
    assert second.values == ("c", "__HIVE_DEFAULT_PARTITION__")


def test_an_empty_text_and_null_are_one_partition(write: Callable[..., list[Written]]) -> None:
    (one,) = write("SELECT * FROM (VALUES (1, ''), (2, NULL)) AS t(x, p)", {"x": "int", "p": "string"}, 1)
    assert one.values == ("__HIVE_DEFAULT_PARTITION__",)
    assert one.file.read_text() == '{"x":1}\n{"x":2}\n'


def test_a_partitions_time_has_no_empty_fraction(write: Callable[..., list[Written]]) -> None:
    (one,) = write("SELECT 1 AS x, TIMESTAMP '2024-01-02 03:04:05' AS p", {"x": "int", "p": "timestamp"}, 1)
    assert one.values == ("2024-01-02 03:04:05",)


def test_one_query_writes_a_hundred_partitions_and_no_more(write: Callable[..., list[Written]]) -> None:
    with pytest.raises(QueryError, match="HIVE_TOO_MANY_OPEN_PARTITIONS"):
        write("SELECT 1 AS x, range AS p FROM range(101)", {"x": "int", "p": "bigint"}, 1)


def test_partitions_that_are_known_are_not_new() -> None:
    known = Partition(("a",), "s3://bucket/a/")
    written = [Written(Path("x"), "s3://bucket/t/p=a/", ("a",)), Written(Path("y"), "s3://bucket/t/p=b/", ("b",))]
    assert new_partitions([known], written) == [Partition(("b",), "s3://bucket/t/p=b/")]


def test_a_place_must_be_empty(s3: Any) -> None:
    require_empty(s3, "s3://bucket/new", "it")
    s3.put_object(Bucket="bucket", Key="new-not/x")
    require_empty(s3, "s3://bucket/new", "it")
    s3.put_object(Bucket="bucket", Key="new/x")
    with pytest.raises(QueryError, match="HIVE_PATH_ALREADY_EXISTS"):
        require_empty(s3, "s3://bucket/new", "it")


def keys(s3: Any) -> list[str]:
    return [item["Key"] for item in s3.list_objects_v2(Bucket="bucket").get("Contents", ())]


@pytest.fixture
def written(tmp_path: Path) -> list[Written]:
    for name in ("x", "y"):
        (tmp_path / name).write_text(name)
    return [Written(tmp_path / name, "s3://bucket/t/") for name in ("x", "y")]


def test_objects_appear_with_the_settings_that_are_asked_for(s3: Any, written: list[Written]) -> None:
    with Upload(s3, written, {"ServerSideEncryption": "AES256"}):
        assert keys(s3) == ["t/x", "t/y"]
    assert keys(s3) == ["t/x", "t/y"]
    assert s3.head_object(Bucket="bucket", Key="t/x")["ServerSideEncryption"] == "AES256"


def test_objects_go_when_what_comes_after_them_fails(s3: Any, written: list[Written]) -> None:
    with pytest.raises(KeyError), Upload(s3, written, {}):
        raise KeyError
    assert keys(s3) == []


def test_objects_go_when_one_of_them_cannot_be_put(s3: Any, written: list[Written]) -> None:
    broken = [*written, Written(written[0].file, "s3://bucket-that-is-not-there/t/")]
    with pytest.raises(Exception, match="NoSuchBucket"), Upload(s3, broken, {}):
        raise AssertionError("not reached")
    assert keys(s3) == []
