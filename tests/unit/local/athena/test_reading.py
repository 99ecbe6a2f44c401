from __future__ import annotations

import bz2
import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import duckdb
import pytest

from runners.local.athena import reading
from runners.local.athena.catalog import Catalog, Partition, Table
from runners.local.athena.ddl_tables import HIVE_JSON, LAZY_SIMPLE, OPEN_CSV, PARQUET, Column, Storage
from runners.local.athena.pruning import Scope, conditions_on_partitions
from runners.local.athena.reading import Reading
from runners.local.athena.sessions import session
from runners.local.athena.sql.translation import QueryError, explained, parse

COMMA = {"field.delim": ","}


class Tables:
    """Puts objects, and reads tables of them in one session."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, directory: Path) -> None:
        self.s3, self.glue = boto3.client("s3"), boto3.client("glue")
        self.s3.create_bucket(Bucket="bucket")
        self.catalog = Catalog(self.glue)
        self.catalog.create_database("db", {})
        self.connection = connection
        self.directory = directory
        self.looked = 0
        self.reading = Reading(connection, self.s3, self.catalog, directory, self.look)

    def look(self, scanned_bytes: int) -> None:
        assert scanned_bytes <= self.reading.scanned_bytes
        self.looked += 1

    def put(self, **objects: str | bytes) -> None:
        for key, body in objects.items():
            self.s3.put_object(Bucket="bucket", Key=key, Body=body)

    def put_at(self, objects: dict[str, str | bytes]) -> None:
        self.put(**objects)

    def parquet(self, key: str, query: str) -> None:
        file = self.directory / "made.parquet"
        self.connection.execute(f"COPY ({query}) TO '{file}' (FORMAT parquet)")
        self.s3.upload_file(str(file), "bucket", key)

    def rows(self, table: Table, where: str = "") -> list[tuple[Any, ...]]:
        query = parse(f"SELECT * FROM {table.name}{where}")
        self.reading.add(table, conditions_on_partitions([Scope(query, "db")], table))
        try:
            return sorted(self.connection.execute(f'SELECT * FROM "db"."{table.name}"').fetchall(), key=str)
        except duckdb.Error as error:
            raise explained(error) from error


@pytest.fixture
def tables(aws: None, tmp_path: Path) -> Iterator[Tables]:
    with session(tmp_path) as connection:
        yield Tables(connection, tmp_path)


def table(
    columns: dict[str, str],
    serde: str = LAZY_SIMPLE,
    parameters: dict[str, str] | None = None,
    *,
    partitions: dict[str, str] | None = None,
    properties: dict[str, str] | None = None,
    location: str = "s3://bucket/t/",
) -> Table:
    return Table(
        "db",
        "t",
        tuple(Column(name, of) for name, of in columns.items()),
        tuple(Column(name, of) for name, of in (partitions or {}).items()),
        location,
        Storage(serde, parameters=COMMA if parameters is None else parameters),
        properties or {},
    )


def test_text_is_read_from_all_objects_that_are_not_hidden(tables: Tables) -> None:
    tables.put_at(
        {
            "t/a.csv": "id,name\n1,x\n2,\n",
            "t/sub/b.csv.gz": gzip.compress(b"id,name\r\n3,y\r\n"),
            "t/c.bz2": bz2.compress(b"id,name\nz,\\N"),
            "t/empty": "",
            "t/only-header": "id,name\n",
            "t/_SUCCESS": "9,hidden\n",
            "t/.hidden/x": "9,hidden\n",
            "t-not/x": "9,elsewhere\n",
        }
    )
    of = table({"id": "int", "name": "string"}, properties={"skip.header.line.count": "1"})
    assert tables.rows(of) == [(1, "x"), (2, ""), (3, "y"), (None, None)]
    sizes = [
        len(tables.s3.get_object(Bucket="bucket", Key=key)["Body"].read())
        for key in ("t/a.csv", "t/sub/b.csv.gz", "t/c.bz2", "t/only-header")
    ]
    assert tables.reading.scanned_bytes == sum(sizes)


def test_a_byte_order_mark_is_no_part_of_the_first_value(tables: Tables) -> None:
    tables.put_at({"t/a": b"\xef\xbb\xbfx\n\xff\n"})
    assert tables.rows(table({"a": "string"})) == [("x",), ("\ufffd",)]


def test_a_row_of_nothing_is_a_row(tables: Tables) -> None:
    tables.put_at({"t/a": "\\N\n\n"})
    assert tables.rows(table({"a": "string"})) == [("",), (None,)]


def test_a_long_line_is_a_row(tables: Tables) -> None:
    long = "é" * 2_500_000
    tables.put_at({"t/a": f"1,{long}\n2,short\n"})
    assert tables.rows(table({"id": "int", "name": "string"})) == [(1, long), (2, "short")]


def test_a_line_beyond_all_bounds_fails_and_is_not_shown(tables: Tables, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_LINE_CHARACTERS", 4)
    tables.put_at({"t/a": "four\n", "t/b": "hush5\n"})
    with pytest.raises(
        QueryError, match="HIVE_CURSOR_ERROR: a line of s3://bucket/t/b is longer than the 4 "
    ) as caught:
        tables.rows(table({"name": "string"}))
    assert "hush" not in str(caught.value)


def test_what_is_read_of_the_last_object_is_told_too(tables: Tables) -> None:
    tables.parquet("t/a", "SELECT 1 AS x")
    told: list[int] = []
    tables.reading = Reading(tables.connection, tables.s3, tables.catalog, tables.directory, told.append)
    tables.rows(table({"x": "int"}, PARQUET, {}))
    assert told[-1] == tables.reading.scanned_bytes > 0


def test_a_table_without_objects_has_no_rows(tables: Tables) -> None:
    of = table({"a": "int", "b": "array<string>"}, partitions={"p": "date"})
    tables.catalog.create_table(of)
    assert tables.rows(of) == []


def test_csv_in_quotes_is_strict(tables: Tables) -> None:
    tables.put_at({"t/a": '"1","a,b"\n'})
    of = table({"id": "int", "name": "string"}, OPEN_CSV, {})
    assert tables.rows(of) == [(1, "a,b")]


def test_bad_data_is_an_error_that_does_not_show_it(tables: Tables) -> None:
    tables.put_at({"t/a": '"secret","a,b"\n'})
    with pytest.raises(QueryError, match="HIVE_BAD_DATA") as caught:
        tables.rows(table({"id": "int", "name": "string"}, OPEN_CSV, {}))
    assert "secret" not in str(caught.value)


def test_json_is_read_with_all_that_it_nests(tables: Tables) -> None:
    tables.put_at({"t/a.json": '{"ID": 1, "tags": ["x", null], "at": {"lat": 1.5, "more": 1}}\n{"id": null}\n'})
    of = table({"id": "bigint", "tags": "array<string>", "at": "struct<lat:double>"}, HIVE_JSON, {})
    assert tables.rows(of) == [(1, ["x", None], {"lat": 1.5}), (None, None, None)]


def test_parquet_is_read_by_the_names_of_columns(tables: Tables) -> None:
    tables.parquet("t/1", "SELECT 'x' AS Name, 1 AS id, 7 AS more")
    tables.parquet("t/2", "SELECT 2::BIGINT AS id, DATE '2024-01-01' AS day")
    of = table({"id": "bigint", "name": "string", "day": "date", "missing": "double"}, PARQUET, {})
    rows = tables.rows(of)
    assert [(row[0], row[1], row[3]) for row in rows] == [(1, "x", None), (2, None, None)]
    assert str(rows[1][2]) == "2024-01-01"
    assert tables.reading.scanned_bytes > 0


def test_text_in_parquet_may_be_bytes(tables: Tables) -> None:
    tables.parquet("t/1", "SELECT 'hi'::BLOB AS a, 'hi'::BLOB AS b, TIMESTAMPTZ '2024-01-01 00:00:00+00' AS c")
    ((a, b, c),) = tables.rows(table({"a": "string", "b": "binary", "c": "timestamp"}, PARQUET, {}))
    assert (a, b, str(c)) == ("hi", b"hi", "2024-01-01 00:00:00")


@pytest.mark.parametrize(
    ("of", "in_file"),
    [
        ("int", "'x'"),
        ("string", "1"),
        ("array<int>", "1"),
        ("int", "[1]"),
        ("double", "1"),
        ("date", "TIMESTAMP '2024-01-01'"),
        ("map<string,int>", "{'a': 1}"),
        ("boolean", "1"),
    ],
)
def test_another_type_in_parquet_is_bad_data(tables: Tables, of: str, in_file: str) -> None:
    tables.parquet("t/1", f"SELECT {in_file} AS a")
    with pytest.raises(QueryError, match="incompatible with type") as caught:
        tables.rows(table({"a": of}, PARQUET, {}))
    assert caught.value.kind == "HIVE_BAD_DATA"


@pytest.mark.parametrize(
    ("of", "in_file", "value"),
    [
        ("int", "1::TINYINT", "1"),
        ("double", "1.5::FLOAT", "1.5"),
        ("decimal(10,2)", "1.5::DECIMAL(4,1)", "1.50"),
        ("array<bigint>", "[1::INTEGER]", "[1]"),
        ("map<string,int>", "MAP {'a': 1}", "{'a': 1}"),
        ("struct<a:int>", "{'a': 1}", "{'a': 1}"),
        ("varchar(9)", "'x'", "x"),
    ],
)
def test_a_narrower_type_in_parquet_is_read(tables: Tables, of: str, in_file: str, value: str) -> None:
    tables.parquet("t/1", f"SELECT {in_file} AS a")
    assert [str(found) for (found,) in tables.rows(table({"a": of}, PARQUET, {}))] == [value]


def test_what_is_no_parquet_is_bad_data(tables: Tables) -> None:
    tables.put_at({"t/1": "no Parquet"})
    with pytest.raises(QueryError, match="no valid Parquet file"):
        tables.rows(table({"a": "int"}, PARQUET, {}))


@pytest.mark.parametrize(
    ("key", "body"),
    [("t/a.gz", b"no gzip"), ("t/a.gz", gzip.compress(b"1\n" * 9)[:-9])],
    ids=["no gzip", "cut short"],  # the time in a header of gzip would name the test otherwise in each process
)
def test_what_cannot_be_unpacked_is_named(tables: Tables, key: str, body: bytes) -> None:
    tables.put_at({key: body})
    with pytest.raises(QueryError, match=r"s3://bucket/t/a\.gz cannot be unpacked"):
        tables.rows(table({"a": "int"}))


def test_a_packing_that_is_not_read_is_named(tables: Tables) -> None:
    tables.put_at({"t/a.snappy": b"x"})
    with pytest.raises(QueryError, match=r"\.snappy"):
        tables.rows(table({"a": "int"}))


@pytest.mark.parametrize("location", ["s3://no-such-bucket/t/", "hdfs://x/"])
def test_a_location_that_cannot_be_read_is_named(tables: Tables, location: str) -> None:
    with pytest.raises(QueryError, match="HIVE_FILESYSTEM_ERROR"):
        tables.rows(table({"a": "int"}, location=location))


def partitioned(tables: Tables, **settings: Any) -> Table:
    of = table({"a": "int"}, partitions={"day": "date", "n": "int"}, **settings)
    tables.catalog.create_table(of)
    return of


def test_partitions_of_the_catalog_have_their_values_in_every_row(tables: Tables) -> None:
    tables.put_at({"t/x": "9\n", "one/a": "1\n2\n", "two/deep/a": "3\n"})
    of = partitioned(tables)
    tables.catalog.add_partitions(
        of,
        [
            Partition(("2024-01-01", "1"), "s3://bucket/one/"),
            Partition(("__HIVE_DEFAULT_PARTITION__", "02"), "s3://bucket/two"),
        ],
    )
    rows = [(a, str(day), n) for a, day, n in tables.rows(of)]
    assert rows == [(1, "2024-01-01", 1), (2, "2024-01-01", 1), (3, "None", 2)]


@pytest.mark.parametrize(
    ("where", "read"),
    [
        (" WHERE n = 2", [2]),
        (" WHERE n > 1 AND day >= DATE '2024-01-03'", [3]),
        (" WHERE n IN (1, 3)", [1, 3]),
        (" WHERE n = 1 OR a = 2", [1, 2, 3]),
        (" WHERE n = 7", []),
        (" WHERE no_such_column = 7", [1, 2, 3]),
    ],
)
def test_partitions_that_a_query_excludes_are_not_brought(tables: Tables, where: str, read: list[int]) -> None:
    of = partitioned(tables)
    tables.put_at({f"t/{number}/a": f"{number}\n" for number in (1, 2, 3)})
    tables.catalog.add_partitions(
        of, [Partition((f"2024-01-0{number}", str(number)), f"s3://bucket/t/{number}/") for number in (1, 2, 3)]
    )
    assert [a for a, *_ in tables.rows(of, where)] == read
    assert tables.reading.scanned_bytes == 2 * len(read)


def test_projected_partitions_are_read_where_their_objects_are(tables: Tables) -> None:
    tables.put_at({"t/2024/01/02/a": "1\n", "t/2024/01/03/b/c": "2\n", "t/2023/01/02/a": "3\n", "t/other": "4\n"})
    of = table(
        {"a": "int"},
        partitions={"day": "string"},
        properties={
            "projection.enabled": "true",
            "projection.day.type": "date",
            "projection.day.format": "yyyy/MM/dd",
            "projection.day.range": "2024/01/01,NOW",
            "storage.location.template": "s3://bucket/t/${day}",
        },
    )
    assert tables.rows(of) == [(1, "2024/01/02"), (2, "2024/01/03")]


def test_projected_partitions_are_excluded_too(tables: Tables) -> None:
    tables.put_at({f"t/n={number}/a": f"{number}\n" for number in range(1, 6)})
    of = table(
        {"a": "int"},
        partitions={"n": "int"},
        properties={
            "projection.enabled": "true",
            "projection.n.type": "integer",
            "projection.n.range": "1,4",
        },
    )
    assert tables.rows(of, " WHERE n >= 3") == [(3, 3), (4, 4)]


def test_injected_partitions_have_to_be_named(tables: Tables) -> None:
    tables.put_at({"t/id=x/a": "1\n", "t/id=y/a": "2\n"})
    of = table(
        {"a": "int"},
        partitions={"id": "string"},
        properties={"projection.enabled": "true", "projection.id.type": "injected"},
    )
    with pytest.raises(QueryError, match="CONSTRAINT_VIOLATION"):
        tables.rows(of)
    assert tables.rows(of, " WHERE id = 'x'") == [(1, "x")]


def test_reading_looks_now_and_then_whether_to_go_on(tables: Tables) -> None:
    tables.put_at({"t/a": "1\n" * 12_000, "t/b": "1\n"})
    assert len(tables.rows(table({"a": "int"}))) == 12_001
    assert tables.looked == 5
