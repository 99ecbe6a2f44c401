"""Redshift's ends at the border to AWS: what PostgreSQL behind the Data API cannot do, and what goes wrong."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime, time
from decimal import Decimal

import boto3
import moto
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from runners.steps.ends import as_text, logical
from runners.steps.errors import (
    ConnectionFailed,
    DataNotRepresentable,
    SourceFailed,
    SourceUnavailable,
    StepStopped,
    TargetFailed,
    TargetUnavailable,
    TemplateFailed,
)
from runners.steps.systems import awaited
from runners.steps.systems.redshift import RedshiftConnection, RedshiftSource, RedshiftTarget
from runners.steps.systems.redshift_session import bound
from runners.steps.systems.redshift_types import TableColumn, batch_of, created_as, fitted, result_schema
from runners.testing.steps import step_context
from tests.unit.doubles import Faults, client_error

STAGED = {"cluster_identifier": "main", "dbname": "dev", "db_user": "etl", "staging_location": "s3://staging/steps"}


@pytest.fixture(autouse=True)
def pauses(monkeypatch):
    slept = []
    monkeypatch.setattr(awaited.time, "sleep", slept.append)
    return slept


class Data:
    """The Data API: every statement finishes, unless a test says otherwise."""

    def __init__(self):
        self.call = Faults()
        self.asked, self.cancelled = [], []
        self.described = [{"Id": "s", "Status": "FINISHED"}]
        self.columns = [{"name": "n", "typeName": "int8"}]
        self.records = []
        self.unloads = None

    def execute_statement(self, **asked):
        return self.call("execute_statement", lambda: self.asked.append(asked) or {"Id": "s"})

    def batch_execute_statement(self, **asked):
        self.asked.append(asked)
        if self.unloads:
            self.unloads(asked["Sqls"])
        return {"Id": "s"}

    def describe_statement(self, **asked):
        return self.described[0] if len(self.described) == 1 else self.described.pop(0)

    def cancel_statement(self, **asked):
        self.cancelled.append(asked)

    def get_statement_result(self, **asked):
        return {"ColumnMetadata": self.columns, "Records": self.records}


@pytest.fixture
def s3():
    with moto.mock_aws():
        s3 = boto3.client("s3", region_name="us-east-1")
        s3.create_bucket(Bucket="staging")
        yield s3


@pytest.fixture
def data():
    return Data()


def context_of(data, s3=None, stopping=lambda: False, variables=None, execution="", **described):
    clients = {"redshift-data": data, "s3": s3}
    return step_context(
        {"warehouse": STAGED | described},
        variables,
        client=clients.__getitem__,
        stopping=stopping,
        execution_id=execution,
    )


def read(context, **asked):
    with RedshiftSource.checked({"ConnectionName": "warehouse", **asked}).open(context) as rows:
        return pa.Table.from_batches(rows.batches(), rows.schema)


def write(context, table, **asked):
    target = RedshiftTarget.checked({"ConnectionName": "warehouse", "Table": "sales.orders", **asked})
    with target.open(table.schema, context) as sink:
        for batch in table.to_batches():
            sink.write(batch)
        return sink.commit()


def exists(data, *columns):
    """Let the table have columns: name, type, length, precision, scale."""
    data.records = [
        [{"stringValue": name}, {"stringValue": kind}]
        + [{"longValue": number} if number else {"isNull": True} for number in (*numbers, 0, 0, 0)[:3]]
        for name, kind, *numbers in columns
    ]


# Statements


def test_a_statement_is_asked_for_where_the_connection_says(data):
    read(context_of(data, variables={"n": 5}), Query="SELECT n FROM t WHERE n = {{ n }}")
    (asked,) = data.asked
    assert len(asked.pop("ClientToken")) == 32
    assert asked == {
        "ClusterIdentifier": "main",
        "Database": "dev",
        "DbUser": "etl",
        "Sql": "SELECT n FROM t WHERE n = :p1",
        "Parameters": [{"name": "p1", "value": "5"}],
    }


def test_a_statement_whose_answer_was_lost_is_asked_for_again_under_the_same_token(data):
    data.call.after("execute_statement", client_error("InternalServerException", status=500))
    read(context_of(data), Table="t")
    first, second = data.asked
    assert first == second


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a", "a"),
        (True, "true"),
        (5, "5"),
        (0.1, "0.1"),
        (Decimal("1E+2"), "100"),
        (Decimal("NaN"), "NaN"),
        (date(2020, 1, 31), "2020-01-31"),
        (time(4, 5), "04:05:00"),
        (datetime(2020, 1, 31, 4, tzinfo=UTC), "2020-01-31 04:00:00+00:00"),
    ],
)
def test_each_value_is_bound_as_a_text(value, text):
    assert bound([value]) == {"p1": text}


@pytest.mark.parametrize("value", [None, "", b"x", [1]])
def test_a_value_that_the_data_api_cannot_say_is_refused(value):
    with pytest.raises(TemplateFailed, match="cannot bind"):
        bound([value])


def test_a_statement_is_awaited_and_cancelled_with_the_step(data, pauses):
    data.described = [{"Id": "s", "Status": status} for status in ("SUBMITTED", "STARTED", "FINISHED")]
    read(context_of(data), Table="t")
    assert len(pauses) == 2
    data.described = [{"Id": "s", "Status": "STARTED"}]
    with pytest.raises(StepStopped):
        read(context_of(data, stopping=lambda: True), Table="t")
    assert data.cancelled == [{"Id": "s"}]


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ('ERROR: relation "nowhere" does not exist', 'relation "nowhere" does not exist'),
        ('ERROR: syntax error at or near "selct"\n  Position: 1', 'syntax error at or near "selct"'),
        ("ERROR: Invalid digit, Value 'planted', Pos 0", "Invalid digit, Value …, Pos 0"),
        ("ERROR: Key (id)=(planted) already exists.", "Key … already exists."),
    ],
)
def test_what_redshift_says_is_told_without_values(data, said, shown):
    data.described = [{"Id": "s", "Status": "FAILED", "Error": said}]
    with pytest.raises(SourceFailed) as failed:
        read(context_of(data), Table="t")
    assert failed.value.message == f"Redshift did not run a statement: {shown}"


def test_a_statement_that_was_aborted_says_so(data):
    data.described = [{"Id": "s", "Status": "ABORTED"}]
    with pytest.raises(SourceFailed, match="it was aborted"):
        read(context_of(data), Table="t")


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("ValidationException", SourceFailed),
        ("ActiveStatementsExceededException", SourceUnavailable),
        ("ThrottlingException", SourceUnavailable),
    ],
)
def test_a_call_that_is_refused_is_told(data, monkeypatch, code, kind):
    data.call.before("execute_statement", client_error(code, "planted"), times=5)
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda seconds: None)
    with pytest.raises(kind, match=code) as failed:
        read(context_of(data), Table="t")
    assert "planted" not in str(failed.value)


@pytest.mark.parametrize(
    "described",
    [
        {"dbname": "dev"},
        {"dbname": "dev", "cluster_identifier": "a", "workgroup_name": "b"},
        {"dbname": "dev", "cluster_identifier": "a", "iam_role": "x'; DROP"},
        {"dbname": "dev", "cluster_identifier": "a", "staging_location": "s3://bucket/it's/"},
    ],
)
def test_a_connection_is_described_fully_and_cannot_change_a_statement(described):
    context = step_context({"warehouse": described})
    with pytest.raises(ConnectionFailed, match="not described fully"):
        context.connections.get("warehouse", RedshiftConnection)


# Reading


def test_large_results_are_unloaded_through_a_temporary_table_and_nothing_stays(data, s3):
    data.columns = [{"name": "n", "typeName": "int8"}, {"name": "at", "typeName": "timestamp"}]

    def unload(statements):
        url = statements[2].split("TO '")[1].split("'")[0]
        file = io.BytesIO()
        pq.write_table(pa.table({"n": [1], "at": pa.array([1_000], pa.timestamp("ns"))}), file)
        s3.put_object(
            Bucket="staging", Key=url.removeprefix("s3://staging/") + "0000_part_00.parquet", Body=file.getvalue()
        )

    data.unloads = unload
    role = "arn:aws:iam::123456789012:role/redshift"
    context = context_of(data, s3, variables={"n": 5}, iam_role=role)
    found = read(context, Query="SELECT n, at FROM t WHERE n = {{ n }};", Unload=True)
    assert found.schema == pa.schema({"n": pa.int64(), "at": pa.timestamp("us")})
    assert found["n"].to_pylist() == [1]
    (asked,) = data.asked
    first, second, third, fourth = asked["Sqls"]
    assert first == "CREATE TEMPORARY TABLE etl_runners_unloaded AS (\nSELECT n, at FROM t WHERE n = :p1\n)"
    assert second == "SELECT * FROM etl_runners_unloaded LIMIT 0"
    assert third.startswith("UNLOAD ('SELECT * FROM etl_runners_unloaded') TO 's3://staging/steps/")
    assert third.endswith(f"/' IAM_ROLE '{role}' FORMAT AS PARQUET")
    assert fourth == "DROP TABLE etl_runners_unloaded"
    assert asked["Parameters"] == [{"name": "p1", "value": "5"}]
    assert s3.list_objects_v2(Bucket="staging")["KeyCount"] == 0


def test_unloading_needs_a_place(data):
    with pytest.raises(ConnectionFailed, match="staging_location"):
        read(context_of(data, staging_location=None), Table="t", Unload=True)


@pytest.mark.parametrize(
    ("kind", "means"),
    [("super", "json"), ("timetz", "timetz"), ("numeric", "decimal"), ("geometry", "text"), ("time", "time")],
)
def test_what_arrow_does_not_know_is_text(kind, means):
    schema = result_schema([{"name": "x", "typeName": kind, "precision": 0, "scale": 0}])
    assert logical(schema.field("x")) == means


def test_values_that_json_does_not_know_come_as_texts():
    schema = pa.schema({"x": pa.float64(), "b": pa.binary()})
    found = batch_of([[{"stringValue": "Infinity"}, {"stringValue": "00ff"}]], schema)
    assert found.to_pylist() == [{"x": float("inf"), "b": b"\x00\xff"}]


def test_a_value_that_is_none_of_its_column_is_refused_without_it():
    with pytest.raises(DataNotRepresentable, match="a value of the column n is no int64") as refused:
        batch_of([[{"stringValue": "planted"}]], pa.schema({"n": pa.int64()}))
    assert "planted" not in str(refused.value)


# Writing


def test_rows_are_copied_from_a_file_and_merged_in_one_transaction(data, s3):
    exists(data, ("id", "bigint"), ("name", "character varying", 10))
    write(context_of(data, s3, execution="e"), pa.table({"ID": [1], "name": ["a"]}))
    schema, asked = data.asked
    assert {one["name"]: one["value"] for one in schema["Parameters"]} == {"schema": "sales", "table": "orders"}
    create, lock, guard, note, arrived, copy, insert, drop = asked["Sqls"]
    assert create.startswith('CREATE TABLE IF NOT EXISTS "sales"."etl_runners_loads"')
    assert lock == 'LOCK TABLE "sales"."etl_runners_loads"'
    assert "repeat_key = :repeat_key" in guard
    assert note.endswith("VALUES (:repeat_key, :table_name)")
    assert arrived == "CREATE TEMPORARY TABLE etl_runners_arrived (c0 bigint, c1 varchar(65535))"
    assert copy.startswith("COPY etl_runners_arrived FROM 's3://staging/steps/")
    assert copy.endswith("/' IAM_ROLE default FORMAT AS PARQUET")
    assert insert == 'INSERT INTO "sales"."orders" ("id", "name") SELECT s.c0, s.c1 FROM etl_runners_arrived AS s'
    assert drop == "DROP TABLE etl_runners_arrived"
    assert s3.list_objects_v2(Bucket="staging")["KeyCount"] == 0


def test_a_load_that_fails_elsewhere_than_at_the_guard_is_no_repeat(data, s3):
    exists(data, ("n", "bigint"))
    context = context_of(data, s3, execution="e")
    parts = [{"Status": "FINISHED"}] * 2 + [{"Status": "FAILED"}]
    failed = {
        "Id": "s",
        "Status": "FAILED",
        "Error": "ERROR: permission denied for relation loads",
        "SubStatements": parts,
    }
    data.described = [{"Id": "s", "Status": "FINISHED"}, failed]
    with pytest.raises(TargetFailed, match="permission denied for relation loads"):
        write(context, pa.table({"n": [1]}))


def test_upsert_of_nothing_but_keys_updates_nothing(data, s3):
    exists(data, ("n", "bigint"))
    write(context_of(data, s3), pa.table({"n": [1]}), Mode="upsert", Key=["n"])
    assert not [sql for sql in data.asked[1]["Sqls"] if sql.startswith("UPDATE")]


@pytest.mark.parametrize(
    ("field", "kind", "values", "arrives", "converted", "expected"),
    [
        (pa.field("x", pa.int64()), ("numeric", 0, 20, 2), [5], "decimal(20, 2)", "{}", [Decimal("5.00")]),
        (as_text("x", "decimal"), ("numeric", 0, 5, 2), ["1.5"], "decimal(5, 2)", "{}", [Decimal("1.50")]),
        (pa.field("x", pa.float32()), ("double precision",), [0.5], "double precision", "{}", [0.5]),
        (pa.field("x", pa.large_string()), ("character varying", 3), ["abc"], "varchar(65535)", "{}", ["abc"]),
        (as_text("x", "json"), ("super",), ["{}"], "varchar(65535)", "JSON_PARSE({})", ["{}"]),
        (pa.field("x", pa.binary()), ("binary varying", 9), [b"\x00\xff"], "varchar(65535)", "FROM_HEX({})", ["00ff"]),
        (
            pa.field("x", pa.time64("us")),
            ("time without time zone",),
            [time(4, 5)],
            "varchar(65535)",
            "CAST({} AS time)",
            ["04:05:00"],
        ),
        (
            pa.field("x", pa.timestamp("ns", "UTC")),
            ("timestamp with time zone",),
            [datetime(2020, 1, 31, tzinfo=UTC)],
            "timestamp",
            "{} AT TIME ZONE 'UTC'",
            [datetime.fromisoformat("2020-01-31")],
        ),
    ],
)
def test_each_type_fits_the_table_s(field, kind, values, arrives, converted, expected):  # noqa: PLR0917  # a table
    fit = fitted(field, TableColumn("x", kind[0], *(*kind[1:], 0, 0, 0)[:3]))
    found = fit.fit(pa.array(values, field.type))
    assert (fit.arrives, fit.converted, found.type) == (arrives, converted, fit.stored)
    assert found.to_pylist() == expected


@pytest.mark.parametrize(
    ("field", "kind", "values"),
    [
        (pa.field("x", pa.int64()), ("integer",), [2**31]),
        (pa.field("x", pa.float64()), ("real",), [0.1]),
        (pa.field("x", pa.float64()), ("numeric", 0, 5, 2), [0.1]),
        (pa.field("x", pa.decimal128(5, 3)), ("numeric", 0, 5, 2), [Decimal("1.111")]),
        (pa.field("x", pa.string()), ("character varying", 3), ["é🙂"]),
        (pa.field("x", pa.string()), ("character varying",), ["x" * 65_536]),
        (pa.field("x", pa.timestamp("us")), ("date",), [datetime.fromisoformat("2020-01-31")]),
        (pa.field("x", pa.string()), ("bigint",), ["1"]),
    ],
)
def test_a_value_that_the_table_would_change_is_refused(field, kind, values):
    with pytest.raises(DataNotRepresentable, match="the column x"):
        fitted(field, TableColumn("x", kind[0], *(*kind[1:], 0, 0, 0)[:3])).fit(pa.array(values, field.type))


@pytest.mark.parametrize(
    ("field", "kind"), [(pa.field("x", pa.int64()), "character varying"), (pa.field("x", pa.int64()), "geometry")]
)
def test_a_column_that_is_not_written_is_refused(field, kind):
    with pytest.raises(TargetFailed, match=f"is int64, and the table's is {kind}"):
        fitted(field, TableColumn("x", kind, 5, 0, 0))


@pytest.mark.parametrize(
    ("kind", "created"),
    [
        (pa.bool_(), "boolean"),
        (pa.uint8(), "smallint"),
        (pa.uint16(), "integer"),
        (pa.uint32(), "bigint"),
        (pa.uint64(), "decimal(20, 0)"),
        (pa.float32(), "real"),
        (pa.float64(), "double precision"),
        (pa.binary(), "varbyte(64000)"),
        (pa.time64("us"), "time"),
        (pa.timestamp("us"), "timestamp"),
        (pa.timestamp("us", "UTC"), "timestamptz"),
        (pa.decimal128(38, 10), "decimal(38, 10)"),
    ],
)
def test_each_type_has_its_own_in_a_table_that_is_created(data, s3, kind, created):
    context = context_of(data, s3)
    write(context, pa.table({"x": pa.array([None], kind)}), CreateTable=True)
    assert data.asked[1]["Sqls"][0] == f'CREATE TABLE IF NOT EXISTS "sales"."orders" ("x" {created})'


def test_a_type_that_redshift_does_not_have_is_refused():
    with pytest.raises(DataNotRepresentable, match="Redshift has no type"):
        created_as(pa.field("x", pa.decimal256(50, 0)))


@pytest.mark.parametrize(
    ("columns", "asked", "words"),
    [
        ([("price", "bigint")], {}, "has no column prise; did you mean price"),
        ([("other", "bigint")], {}, "has no column prise; there are other"),
        ([], {}, "there is no table sales.orders, or no right"),
        ([], {"Mode": "upsert", "Key": ["id"]}, "there is no column id; there are prise"),
    ],
)
def test_columns_are_checked_before_anything_is_written(data, s3, columns, asked, words):
    exists(data, *columns)
    with pytest.raises(TargetFailed, match=words):
        write(context_of(data, s3), pa.table({"prise": [1]}), **asked)
    assert s3.list_objects_v2(Bucket="staging")["KeyCount"] == 0


def test_a_target_that_has_no_time_now_is_unavailable(data, s3, monkeypatch):
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda seconds: None)
    data.call.before("execute_statement", client_error("ThrottlingException"), times=5)
    with pytest.raises(TargetUnavailable):
        write(context_of(data, s3), pa.table({"x": [1]}))


def test_examples_are_valid_and_say_where_they_are():
    assert RedshiftSource.checked(RedshiftSource.example).place() == "redshift://warehouse/query"
    assert RedshiftTarget.checked(RedshiftTarget.example).place() == "redshift://warehouse/sales.orders"
