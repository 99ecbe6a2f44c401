"""Steps from and to tables in AWS: DynamoDB, Athena on the embedded AWS's own engine, Redshift on a real PostgreSQL.

PostgreSQL cannot copy from S3: that is played here. What Redshift has that PostgreSQL has not stays untried.
"""

from __future__ import annotations

import io
import uuid
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from runners.local.server import EmbeddedAWS
from runners.steps.ends import as_text, logical
from runners.steps.errors import (
    ConnectionFailed,
    DataNotRepresentable,
    DataQualityFailed,
    SourceFailed,
    StepStopped,
    TargetFailed,
)
from runners.steps.systems.athena import AthenaSource, AthenaTarget
from runners.steps.systems.redshift import RedshiftSource, RedshiftTarget
from runners.testing.steps import run_step, step_context

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runners.steps.context import StepContext
    from tests.integration.databases import Database

EXECUTION = "arn:aws:states:eu-central-1:123456789012:execution:daily:"


@pytest.fixture(scope="module")
def aws() -> Iterator[EmbeddedAWS]:
    with EmbeddedAWS() as aws:
        yield aws


class Lake:
    """A bucket and a database of a test's own."""

    def __init__(self, aws: EmbeddedAWS) -> None:
        self.aws = aws
        self.bucket = f"lake-{uuid.uuid4().hex[:12]}"
        self.database = f"db_{uuid.uuid4().hex[:12]}"
        self.s3, self.glue = aws.client("s3"), aws.client("glue")
        self.s3.create_bucket(Bucket=self.bucket)
        self.glue.create_database(DatabaseInput={"Name": self.database})
        self.described: dict[str, Any] = {
            "dbname": self.database,
            "output_location": f"s3://{self.bucket}/results/",
            "staging_location": f"s3://{self.bucket}/staging",
        }

    def context(self, variables: dict[str, Any] | None = None, **more: Any) -> StepContext:
        return step_context({"lake": self.described}, variables, client=self.aws.client, **more)

    def read(self, variables: dict[str, Any] | None = None, **asked: Any) -> pa.Table:
        source = AthenaSource.checked({"ConnectionName": "lake", **asked})
        with source.open(self.context(variables)) as rows:
            return pa.Table.from_batches(rows.batches(), rows.schema)

    @contextmanager
    def writing(self, table: pa.Table, execution: str = "", **asked: Any) -> Iterator[Any]:
        target = AthenaTarget.checked({"ConnectionName": "lake", "Table": "orders", **asked})
        context = self.context(execution_id=execution, given=asked)
        with target.open(table.schema, context) as sink:
            for batch in table.to_batches():
                sink.write(batch)
            yield sink

    def write(self, table: pa.Table, execution: str = "", **asked: Any) -> dict[str, Any]:
        with self.writing(table, execution, **asked) as sink:
            return dict(sink.commit())

    def create(self, table: pa.Table, **asked: Any) -> dict[str, Any]:
        return self.write(table, CreateTable=True, Location=f"s3://{self.bucket}/orders/", **asked)

    def objects(self, prefix: str = "") -> list[str]:
        return [
            found["Key"] for found in self.s3.list_objects_v2(Bucket=self.bucket, Prefix=prefix).get("Contents", ())
        ]

    def numbers(self, **asked: Any) -> list[int]:
        return sorted(self.read(Query="SELECT n FROM orders", **asked)["n"].to_pylist())

    def location(self) -> str:
        found = self.glue.get_table(DatabaseName=self.database, Name="orders")["Table"]
        return str(found["StorageDescriptor"]["Location"])


@pytest.fixture
def lake(aws: EmbeddedAWS) -> Lake:
    return Lake(aws)


def numbers(*values: int) -> pa.Table:
    return pa.table({"n": pa.array(values, pa.int64())})


# Athena: reading

EVERYTHING = """SELECT true AS bool, CAST(1 AS tinyint) AS tiny, CAST(-2 AS smallint) AS small, 3 AS int,
    9223372036854775807 AS big, CAST(0.1 AS real) AS real, 0.1e0 AS double, CAST('1.10' AS decimal(38,2)) AS dec,
    'é "🙂",
next' AS text, '' AS empty, CAST(NULL AS varchar) AS none, X'00ff' AS bytes, DATE '2020-01-31' AS day,
    TIMESTAMP '2020-01-31 04:05:06.789' AS at"""
VALUES = {
    "bool": True,
    "tiny": 1,
    "small": -2,
    "int": 3,
    "big": 2**63 - 1,
    "real": pa.scalar(0.1, pa.float32()).as_py(),
    "double": 0.1,
    "dec": Decimal("1.10"),
    "text": 'é "🙂",\nnext',
    "empty": "",
    "none": None,
    "bytes": b"\x00\xff",
    "day": date(2020, 1, 31),
    "at": datetime.fromisoformat("2020-01-31T04:05:06.789"),
}


@pytest.mark.parametrize("unload", [False, True])
def test_each_type_comes_from_a_result_and_from_unloaded_files_alike(lake: Lake, unload: bool) -> None:
    found = lake.read(Query=EVERYTHING, Unload=unload)
    assert found.to_pylist() == [VALUES]
    assert found.schema.field("dec").type == pa.decimal128(38, 2)
    assert found.schema.field("at").type == pa.timestamp("us")
    assert lake.objects("staging/") == []


@pytest.mark.parametrize("unload", [False, True])
def test_an_empty_result_still_has_its_columns(lake: Lake, unload: bool) -> None:
    found = lake.read(Query="SELECT 1 AS n, 'a' AS text WHERE 1 = 0", Unload=unload)
    assert found.schema == pa.schema({"n": pa.int32(), "text": pa.string()})
    assert found.num_rows == 0


def test_what_arrow_does_not_know_comes_as_text_and_a_zone_that_would_be_lost_is_refused(lake: Lake) -> None:
    found = lake.read(Query="SELECT TIMESTAMP '2020-01-31 04:05:06.789 UTC' AS at, json_parse('{\"a\":1}') AS doc")
    assert found["at"].to_pylist() == [datetime(2020, 1, 31, 4, 5, 6, 789000, UTC)]
    assert (logical(found.schema.field("doc")), found["doc"].to_pylist()) == ("json", ['{"a":1}'])


@pytest.mark.parametrize("unload", [False, True])
def test_no_text_changes_the_query_and_each_is_compared_as_it_is(lake: Lake, unload: bool) -> None:
    texts = ["x' OR '1' = '1", "a; DROP TABLE t", "é🙂", "?", "--", "\\", "''", '"']
    query = "SELECT v FROM (VALUES {{ texts }}, 'other') AS t (v) WHERE v IN ({{ texts }})"
    assert sorted(lake.read({"texts": texts}, Query=query, Unload=unload)["v"].to_pylist()) == sorted(texts)


def test_values_of_all_types_are_bound(lake: Lake) -> None:
    given = {
        "n": 5,
        "d": Decimal("1.50"),
        "f": 0.1,
        "b": True,
        "day": date(2020, 1, 31),
        "at": datetime.fromisoformat("2020-01-31T04:05:06.789"),
        "ids": [1, 2],
    }
    query = """SELECT 1 AS n WHERE 5 = {{ n }} AND 1.5 = {{ d }} AND 0.1e0 = {{ f }} AND true = {{ b }}
        AND DATE '2020-01-31' = {{ day }} AND TIMESTAMP '2020-01-31 04:05:06.789' = {{ at }} AND 2 IN ({{ ids }})"""
    assert lake.read(given, Query=query).num_rows == 1


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("SELECT * FROM nowhere", "nowhere"),
        ("SELECT 1 AS a, 2 AS a", "two columns of the query have the name a"),
        ("SELECT ARRAY[1] AS a", "is array, which a result does not write exactly: select json_format"),
    ],
)
def test_a_query_that_cannot_be_read_says_why(lake: Lake, query: str, words: str) -> None:
    with pytest.raises(SourceFailed, match=words):
        lake.read(Query=query)


def test_unloading_needs_a_place(lake: Lake) -> None:
    del lake.described["staging_location"]
    with pytest.raises(ConnectionFailed, match="Unload needs staging_location"):
        lake.read(Query="SELECT 1 AS n", Unload=True)


def test_a_query_is_stopped_with_the_step(lake: Lake) -> None:
    endless = """SELECT count(*) AS n FROM UNNEST(sequence(1, 10000)) AS a(x), UNNEST(sequence(1, 10000)) AS b(y),
        UNNEST(sequence(1, 10000)) AS c(z) WHERE (x * y + z) % 7 = 1"""
    source = AthenaSource.checked({"ConnectionName": "lake", "Query": endless})
    with pytest.raises(StepStopped), source.open(lake.context(stopping=lambda: True)):
        pass
    athena = lake.aws.client("athena")
    (latest, *_) = athena.list_query_executions()["QueryExecutionIds"]
    assert athena.get_query_execution(QueryExecutionId=latest)["QueryExecution"]["Status"]["State"] == "CANCELLED"


# Athena: writing

SCHEMA = pa.schema(
    [
        ("bool", pa.bool_()),
        ("tiny", pa.int8()),
        ("small", pa.int16()),
        ("int", pa.int32()),
        ("big", pa.int64()),
        ("wide", pa.uint64()),
        ("real", pa.float32()),
        ("double", pa.float64()),
        ("dec", pa.decimal128(38, 2)),
        ("text", pa.string()),
        as_text("doc", "json"),
        ("bytes", pa.binary()),
        ("day", pa.date32()),
        ("at", pa.timestamp("us")),
    ]
)


def test_a_table_is_created_written_and_read_again(lake: Lake) -> None:
    row = {**VALUES, "wide": 2**64 - 1, "doc": '{"a":1.10}'}
    table = pa.Table.from_pylist([{name: row[name] for name in SCHEMA.names}, {}], SCHEMA)
    told = lake.create(table)
    assert told["table"] == f"{lake.database}.orders"
    found = lake.read(Table="orders").to_pylist()
    assert found[0] == {name: row[name] for name in SCHEMA.names}
    assert set(found[1].values()) == {None}


def test_nothing_is_seen_before_the_commit_and_nothing_left_without_one(lake: Lake) -> None:
    lake.create(numbers(1))
    for mode in ("append", "overwrite"):
        with lake.writing(numbers(2), Mode=mode):
            assert lake.numbers() == [1]
        assert len([key for key in lake.objects() if "orders" in key]) == 1
    assert lake.numbers() == [1]


def test_a_repeat_of_an_append_leaves_the_same(lake: Lake) -> None:
    lake.create(numbers(1))
    for _ in range(2):
        lake.write(numbers(2, 3), EXECUTION + "1")
        assert lake.numbers() == [1, 2, 3]
    lake.write(numbers(4), EXECUTION + "2")
    assert lake.numbers() == [1, 2, 3, 4]


def test_an_overwrite_moves_the_table_and_empties_what_the_one_before_the_last_wrote(lake: Lake) -> None:
    lake.create(numbers(1))
    first = lake.location()
    for number in (2, 3, 4, 4):
        lake.write(numbers(number), f"{EXECUTION}{number}", Mode="overwrite")
    assert lake.numbers() == [4]
    assert lake.location() != first
    assert len(lake.objects("orders.loads/")) == 2
    assert len(lake.objects("orders/")) == 1
    lake.write(numbers(5))
    assert lake.numbers() == [4, 5]


def test_an_overwrite_by_no_rows_leaves_an_empty_table(lake: Lake) -> None:
    lake.create(numbers(1))
    lake.write(numbers(), Mode="overwrite")
    assert lake.numbers() == []


def test_partitions_are_added_appended_to_and_overwritten_each_by_itself(lake: Lake) -> None:
    lake.create(numbers(1), Partition={"day": "2020-01-01"})
    lake.write(numbers(2), Partition={"day": "a/b=c"}, Mode="overwrite")
    lake.write(numbers(3), Partition={"day": "2020-01-01"})
    found = lake.read(Query="SELECT n, day FROM orders ORDER BY n")
    assert list(zip(*found.to_pydict().values(), strict=True)) == [(1, "2020-01-01"), (2, "a/b=c"), (3, "2020-01-01")]
    for number in (4, 5, 6):
        lake.write(numbers(number), Partition={"day": "2020-01-01"}, Mode="overwrite")
    assert lake.numbers() == [2, 6]
    assert len(lake.objects("orders/day=2020-01-01.loads/")) == 2


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"Partition": {"day": "1"}}, "the partition keys of .*orders are none"),
        ({"Table": "nowhere"}, "there is no table .*nowhere; CreateTable creates it"),
    ],
)
def test_a_table_that_is_not_as_asked_for_is_refused(lake: Lake, asked: dict[str, Any], words: str) -> None:
    lake.create(numbers(1))
    with pytest.raises(TargetFailed, match=words):
        lake.write(numbers(1), **asked)


def test_a_column_that_the_table_does_not_have_is_refused(lake: Lake) -> None:
    lake.create(pa.table({"price": [1], "n": [1]}))
    with pytest.raises(TargetFailed, match="has no column prise; did you mean price"):
        lake.write(pa.table({"prise": [1]}))
    with pytest.raises(TargetFailed, match="has no column xyz; there are price, n"):
        lake.write(pa.table({"xyz": [1]}))


@pytest.mark.parametrize(
    ("of_table", "values"),
    [
        ("int", pa.array([2**31])),
        ("timestamp", pa.array([1], pa.timestamp("us"))),
        ("timestamp", pa.array([0], pa.timestamp("us", "UTC"))),
        ("decimal(5,1)", pa.array([Decimal("1.11")])),
        ("decimal(5,1)", pa.array([1.1])),
        ("float", pa.array([0.1])),
        ("boolean", pa.array([1])),
        ("bigint", pa.array(["1"])),
        ("string", pa.array([1])),
        ("varchar(3)", pa.array(["abcd"])),
        ("date", pa.array([datetime(2020, 1, 1, 1)])),  # noqa: DTZ001
    ],
)
def test_a_value_that_the_table_would_change_is_refused(lake: Lake, of_table: str, values: pa.Array) -> None:
    lake.aws.client("glue").create_table(DatabaseName=lake.database, TableInput=parquet_table(lake, of_table))
    with pytest.raises(DataNotRepresentable, match="the column n"):
        lake.write(pa.table({"n": values}))
    assert lake.objects("orders/") == []


@pytest.mark.parametrize(
    ("of_table", "values", "expected"),
    [
        ("decimal(20,2)", pa.array([2**40]), Decimal("1099511627776.00")),
        ("double", pa.array([2**53]), 2.0**53),
        ("double", pa.array([0.5], pa.float32()), 0.5),
        ("varchar(3)", pa.array(["abc"]), "abc"),
        ("bigint", pa.array([1], pa.int8()), 1),
    ],
)
def test_a_value_that_fits_is_the_same_in_another_type(
    lake: Lake, of_table: str, values: pa.Array, expected: Any
) -> None:
    lake.aws.client("glue").create_table(DatabaseName=lake.database, TableInput=parquet_table(lake, of_table))
    lake.write(pa.table({"n": values}))
    assert lake.read(Table="orders")["n"].to_pylist() == [expected]


def parquet_table(lake: Lake, of_table: str) -> dict[str, Any]:
    return {
        "Name": "orders",
        "TableType": "EXTERNAL_TABLE",
        "Parameters": {"EXTERNAL": "TRUE"},
        "StorageDescriptor": {
            "Columns": [{"Name": "n", "Type": of_table}],
            "Location": f"s3://{lake.bucket}/orders",
            "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
            "OutputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
            "SerdeInfo": {"SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"},
        },
    }


# DynamoDB


def test_files_become_items_and_items_files_and_these_the_same_items(lake: Lake) -> None:
    dynamodb, table = lake.aws.client("dynamodb"), f"orders-{lake.database}"
    for name in (table, f"{table}-again"):
        dynamodb.create_table(
            TableName=name,
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
    rows = pa.table({"id": [str(number) for number in range(100)], "n": range(100), "text": ["é🙂", None] * 50})
    file = io.BytesIO()
    pq.write_table(rows, file)
    lake.s3.put_object(Bucket=lake.bucket, Key="orders.parquet", Body=file.getvalue())
    context = step_context(client=lambda service, **settings: lake.aws.client(service))
    whole = {"Bucket": lake.bucket, "Key": "items.parquet"}
    from_file = {"Bucket": lake.bucket, "Key": "orders.parquet"}

    run_step("S3ToDynamoDb", {"Source": from_file, "Target": {"Table": table}}, context)
    run_step("DynamoDbToS3", {"Source": {"Table": table}, "Target": whole}, context)
    again = {"Table": f"{table}-again", "ItemColumn": "item"}
    told = run_step("S3ToDynamoDb", {"Source": whole, "Target": again}, context)

    assert told["items"] == 100
    found = [dynamodb.scan(TableName=name)["Items"] for name in (table, f"{table}-again")]
    first, second = ({item["id"]["S"]: item for item in items} for items in found)
    assert first == second
    assert first["98"] == {"id": {"S": "98"}, "n": {"N": "98"}, "text": {"S": "é🙂"}}
    assert first["99"] == {"id": {"S": "99"}, "n": {"N": "99"}}


# Redshift


class Warehouse:
    """A PostgreSQL behind the Data API, and a bucket; ``COPY`` is played by inserting the rows of the files."""

    def __init__(self, aws: EmbeddedAWS, database: Database) -> None:
        self.aws, self.database = aws, database
        self.data = aws.client("redshift-data")
        self.s3 = aws.client("s3")
        self.bucket = f"staging-{uuid.uuid4().hex[:12]}"
        self.s3.create_bucket(Bucket=self.bucket)
        self.described = {
            "workgroup_name": "etl",
            "dbname": "dev",
            "staging_location": f"s3://{self.bucket}/staging",
        }

    def client(self, service: str) -> Any:
        return self if service == "redshift-data" else self.aws.client(service)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.data, name)

    def batch_execute_statement(self, Sqls: list[str], **asked: Any) -> Any:  # noqa: N803  # as boto3 names it
        return self.data.batch_execute_statement(Sqls=[self.played(sql) for sql in Sqls], **asked)

    def played(self, sql: str) -> str:
        if not sql.startswith("COPY"):
            return sql
        _, table, _, url, *_ = sql.split()
        prefix = url.strip("'").removeprefix(f"s3://{self.bucket}/")
        (found,) = self.s3.list_objects_v2(Bucket=self.bucket, Prefix=prefix)["Contents"]
        rows = pq.read_table(io.BytesIO(self.s3.get_object(Bucket=self.bucket, Key=found["Key"])["Body"].read()))
        columns = ", ".join(rows.schema.names)
        values = [
            ", ".join(psycopg.sql.Literal(value).as_string() for value in row.values()) for row in rows.to_pylist()
        ]
        if not values:
            return f"INSERT INTO {table} SELECT * FROM {table}"
        listed = ", ".join(f"({row})" for row in values)
        return f"INSERT INTO {table} ({columns}) VALUES {listed}"

    def context(self, variables: dict[str, Any] | None = None, **more: Any) -> StepContext:
        return step_context({"warehouse": self.described}, variables, client=self.client, **more)

    def read(self, variables: dict[str, Any] | None = None, **asked: Any) -> pa.Table:
        with RedshiftSource.checked({"ConnectionName": "warehouse", **asked}).open(self.context(variables)) as rows:
            return pa.Table.from_batches(rows.batches(), rows.schema)

    def write(self, table: pa.Table, execution: str = "", **asked: Any) -> dict[str, Any]:
        target = RedshiftTarget.checked({"ConnectionName": "warehouse", "Table": "orders", **asked})
        with target.open(table.schema, self.context(execution_id=execution, given=asked)) as sink:
            for batch in table.to_batches():
                sink.write(batch)
            return dict(sink.commit())

    def left(self) -> list[str]:
        return [found["Key"] for found in self.s3.list_objects_v2(Bucket=self.bucket).get("Contents", ())]


@pytest.fixture
def warehouse(aws: EmbeddedAWS, postgresql: Database, monkeypatch: pytest.MonkeyPatch) -> Warehouse:
    server = postgresql.server
    place = f"{server.user}:{server.password}@:{server.port}/{postgresql.name}?host={server.host}"
    monkeypatch.setenv("RUNNERS_REDSHIFT_POSTGRESQL", f"postgresql://{place}")
    return Warehouse(aws, postgresql)


def test_each_type_of_a_result_has_its_column(warehouse: Warehouse) -> None:
    found = warehouse.read(
        Query="""SELECT true AS bool, 1::int2 AS small, 9223372036854775807 AS big, 0.1::float4 AS real, 0.1::float8 AS
            double, 'NaN'::float8 AS nan, 1.10::numeric(38,2) AS dec, 1.1::numeric AS any, 'é🙂' AS text, '' AS empty,
            NULL::varchar AS none, '\\x00ff'::bytea AS bytes, date '2020-01-31' AS day, timestamp
            '2020-01-31 04:05:06.789123' AS local, timestamptz '2020-01-31 04:05:06.789+01' AS at,
            time '04:05' AS time"""
    )
    (row,) = found.to_pylist()
    assert str(row.pop("nan")) == "nan"
    assert row == {
        "bool": True,
        "small": 1,
        "big": 2**63 - 1,
        "real": pa.scalar(0.1, pa.float32()).as_py(),
        "double": 0.1,
        "dec": Decimal("1.10"),
        "any": "1.1",
        "text": "é🙂",
        "empty": "",
        "none": None,
        "bytes": b"\x00\xff",
        "day": date(2020, 1, 31),
        "local": datetime.fromisoformat("2020-01-31T04:05:06.789123"),
        "at": datetime(2020, 1, 31, 3, 5, 6, 789000, UTC),
        "time": "04:05:00",
    }
    assert [logical(found.schema.field(name)) for name in ("any", "time")] == ["decimal", "time"]


def test_a_result_of_many_pages_and_an_empty_one(warehouse: Warehouse) -> None:
    found = warehouse.read(Query="SELECT generate_series(1, 2500)::int4 AS n")
    assert found["n"].to_pylist() == list(range(1, 2_501))
    assert warehouse.read(Query="SELECT 1::int4 AS n WHERE false").schema == pa.schema({"n": pa.int32()})


@pytest.mark.parametrize("text", ["x' OR '1' = '1", "a; DROP TABLE t", "é🙂", ":p1", "--", "\\", "%s"])
def test_no_text_changes_a_statement_and_each_is_compared_as_it_is(warehouse: Warehouse, text: str) -> None:
    query = "SELECT v FROM (VALUES ({{ text }}), ('other')) AS t (v) WHERE v = {{ text }} AND {{ n }} = 5"
    assert warehouse.read({"text": text, "n": 5}, Query=query)["v"].to_pylist() == [text]


def test_only_rows_after_a_value_are_read(warehouse: Warehouse) -> None:
    warehouse.database.run("CREATE TABLE orders (n int)", "INSERT INTO orders VALUES (1), (2), (3)")
    source = RedshiftSource.checked({"ConnectionName": "warehouse", "Table": "public.orders"}).after("n", 2)
    with source.open(warehouse.context()) as rows:
        assert pa.Table.from_batches(rows.batches()).to_pylist() == [{"n": 3}]


def test_a_statement_that_fails_says_why_without_values(warehouse: Warehouse) -> None:
    with pytest.raises(SourceFailed, match='relation "nowhere" does not exist'):
        warehouse.read(Query="SELECT * FROM nowhere")
    with pytest.raises(SourceFailed, match="invalid input syntax for type integer: …") as failed:
        warehouse.read({"text": "planted"}, Query="SELECT CAST({{ text }} AS varchar)::int AS n")
    assert "planted" not in str(failed.value)


COLUMNS = (
    "id int, big bigint, dec numeric(10,2), double float8, text varchar(20), day date, local timestamp, at timestamptz"
)
ROWS = pa.table(
    {
        "id": pa.array([1, 2], pa.int32()),
        "big": pa.array([2**63 - 1, None]),
        "dec": pa.array([Decimal("1.5"), None], pa.decimal128(5, 1)),
        "double": [0.1, None],
        "text": ["é'🙂", ""],
        "day": [date(2020, 1, 31), None],
        "local": pa.array([datetime.fromisoformat("2020-01-31T04:05:06.789123"), None]),
        "at": pa.array([datetime(2020, 1, 31, 4, tzinfo=UTC), None], pa.timestamp("us", "UTC")),
    }
)


def test_rows_are_written_and_read_again(warehouse: Warehouse) -> None:
    warehouse.database.run(f"CREATE TABLE orders ({COLUMNS})")
    assert warehouse.write(ROWS) == {"table": "orders"}
    found = warehouse.read(Table="orders")
    assert found.to_pylist() == ROWS.to_pylist()
    assert warehouse.left() == []


def test_a_table_is_created_for_the_rows(warehouse: Warehouse) -> None:
    warehouse.write(ROWS.drop_columns(["double"]), CreateTable=True)
    assert warehouse.read(Table="orders").to_pylist() == ROWS.drop_columns(["double"]).to_pylist()


def test_a_repeat_of_an_append_adds_nothing(warehouse: Warehouse) -> None:
    warehouse.database.run("CREATE TABLE orders (n bigint)")
    assert "repeated" not in warehouse.write(numbers(1), EXECUTION + "1")
    assert warehouse.write(numbers(1), EXECUTION + "1") == {"table": "orders", "repeated": True}
    warehouse.write(numbers(2), EXECUTION + "2")
    assert warehouse.database.rows("SELECT n FROM orders ORDER BY n") == [(1,), (2,)]
    assert warehouse.database.rows("SELECT count(*), min(table_name) FROM etl_runners_loads") == [(2, "orders")]


def test_overwrite_replaces_all_rows_even_by_none(warehouse: Warehouse) -> None:
    warehouse.database.run("CREATE TABLE orders (n bigint)", "INSERT INTO orders VALUES (1)")
    warehouse.write(numbers(2, 3), Mode="overwrite")
    assert warehouse.database.rows("SELECT n FROM orders ORDER BY n") == [(2,), (3,)]
    warehouse.write(numbers(), Mode="overwrite")
    assert warehouse.database.rows("SELECT n FROM orders") == []


def test_upsert_changes_rows_by_key_and_keeps_other_columns(warehouse: Warehouse) -> None:
    warehouse.database.run(
        "CREATE TABLE orders (id bigint, n bigint, other text)", "INSERT INTO orders VALUES (1, 0, 'x')"
    )
    for _ in range(2):
        warehouse.write(pa.table({"id": [1, 2], "n": [1, 2]}), Mode="upsert", Key=["id"])
        assert warehouse.database.rows("SELECT * FROM orders ORDER BY id") == [(1, 1, "x"), (2, 2, None)]
    with pytest.raises(DataQualityFailed, match="two rows have the same key id"):
        warehouse.write(pa.table({"id": [3, 3], "n": [1, 2]}), Mode="upsert", Key=["id"])
    with pytest.raises(DataQualityFailed, match="no value in its key id"):
        warehouse.write(pa.table({"id": [None, 3], "n": [1, 2]}), Mode="upsert", Key=["id"])
    assert warehouse.database.rows("SELECT count(*) FROM orders") == [(2,)]
    assert warehouse.left() == []


def test_a_load_that_fails_changes_nothing(warehouse: Warehouse) -> None:
    warehouse.database.run("CREATE TABLE orders (n bigint CHECK (n < 5))", "INSERT INTO orders VALUES (1)")
    with pytest.raises(TargetFailed, match="violates check constraint"):
        warehouse.write(numbers(2, 9), EXECUTION, Mode="append")
    assert warehouse.database.rows("SELECT n FROM orders") == [(1,)]
    assert warehouse.left() == []
