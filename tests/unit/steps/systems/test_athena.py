"""Athena's ends at the border to AWS: what is asked, and what becomes of answers that the embedded AWS has not."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime, time
from decimal import Decimal

import pyarrow as pa
import pytest

from runners.steps.ends import as_text, logical
from runners.steps.errors import (
    DataNotRepresentable,
    SourceFailed,
    SourceUnavailable,
    StepStopped,
    TargetFailed,
    TargetUnavailable,
    TemplateFailed,
    ValidationFailed,
)
from runners.steps.sql_dialect import Statement
from runners.steps.systems import athena_writing, awaited
from runners.steps.systems.athena import AthenaConnection, AthenaSource, AthenaTarget
from runners.steps.systems.athena_session import Session, literal
from runners.steps.systems.athena_types import created_as, result_schema, stored, stored_type, typed
from runners.steps.systems.staged_files import Place, as_declared
from runners.testing.steps import step_context
from tests.unit.doubles import Faults, client_error


@pytest.fixture(autouse=True)
def pauses(monkeypatch):
    slept = []
    monkeypatch.setattr(awaited.time, "sleep", slept.append)
    return slept


class Client:
    """Athena, S3 and Glue in one: queries go through states, and the latest result is a text."""

    def __init__(self):
        self.call = Faults()
        self.states = [{"State": "QUEUED"}, {"State": "RUNNING"}, {"State": "SUCCEEDED"}]
        self.started, self.stopped = [], []
        self.columns = [{"Name": "n", "Type": "integer"}]
        self.result = '"n"\n"1"\n'

    def start_query_execution(self, **asked):
        self.started.append(asked)
        return self.call("start_query_execution", lambda: {"QueryExecutionId": "q"})

    def get_query_execution(self, QueryExecutionId):  # noqa: N803  # as boto3 names it
        status = self.states.pop(0)
        place = {"OutputLocation": "s3://bucket/results/q.csv"}
        return {"QueryExecution": {"QueryExecutionId": "q", "Status": status, "ResultConfiguration": place}}

    def stop_query_execution(self, **asked):
        self.stopped.append(asked)

    def get_query_results(self, **asked):
        return {"ResultSet": {"ResultSetMetadata": {"ColumnInfo": self.columns}}}

    def head_object(self, **asked):
        return {"ContentLength": len(self.result), "ETag": '"e"', "LastModified": datetime(2020, 1, 1, tzinfo=UTC)}

    def get_object(self, **asked):
        return {"Body": io.BytesIO(self.result.encode())}


@pytest.fixture
def client():
    return Client()


def run(client, text="SELECT 1", parameters=None, stopping=lambda: False, **described):
    context = step_context(client=lambda service: client, stopping=stopping)
    return Session(AthenaConnection(dbname="sales", **described), context).run(Statement(text, parameters))


# Queries


def test_a_query_is_asked_as_the_connection_says_and_awaited(client, pauses):
    found = run(client, parameters=(1, "a"), work_group="etl", catalog="other", output_location="s3://bucket/results/")
    assert found.result == Place("bucket", "results/q.csv")
    assert client.started == [
        {
            "QueryString": "SELECT 1",
            "WorkGroup": "etl",
            "QueryExecutionContext": {"Database": "sales", "Catalog": "other"},
            "ResultConfiguration": {"OutputLocation": "s3://bucket/results/"},
            "ExecutionParameters": ["1", "'a'"],
        }
    ]
    assert len(pauses) == 2
    assert pauses[0] < pauses[1]


def test_what_the_work_group_says_is_left_to_it(client):
    run(client)
    assert client.started[0].keys() == {"QueryString", "WorkGroup", "QueryExecutionContext"}


def test_a_query_is_stopped_when_the_step_is_to_stop(client):
    with pytest.raises(StepStopped):
        run(client, stopping=lambda: True)
    assert client.stopped == [{"QueryExecutionId": "q"}]


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        ({"State": "FAILED", "StateChangeReason": "no such table"}, SourceFailed, "q failed: no such table"),
        ({"State": "CANCELLED"}, SourceFailed, "q cancelled: no reason"),
        ({"State": "FAILED", "AthenaError": {"ErrorCategory": 1}}, SourceUnavailable, "q failed"),
        ({"State": "FAILED", "AthenaError": {"ErrorCategory": 2, "Retryable": True}}, SourceUnavailable, "q failed"),
    ],
)
def test_a_query_that_fails_says_why(client, status, kind, words):
    client.states = [status]
    with pytest.raises(kind, match=words):
        run(client)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (client_error("InvalidRequestException", "line 1"), SourceFailed),
        (client_error("TooManyRequestsException"), SourceUnavailable),
    ],
)
def test_a_query_that_is_not_taken_says_why(client, error, kind):
    client.call.before("start_query_execution", error)
    with pytest.raises(kind, match="Athena refused the query"):
        run(client)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (None, "NULL"),
        (True, "true"),
        (-5, "-5"),
        (Decimal("1.50"), "DECIMAL '1.50'"),
        (float("nan"), "DOUBLE 'nan'"),
        ("it's", "'it''s'"),
        (b"\x00\xff", "X'00ff'"),
        (date(2020, 1, 31), "DATE '2020-01-31'"),
        (time(4, 5), "TIME '04:05:00'"),
        (datetime.fromisoformat("2020-01-31T04:05:06.789"), "TIMESTAMP '2020-01-31 04:05:06.789000'"),
        (datetime.fromisoformat("2020-01-31T04:05:06+01:00"), "TIMESTAMP '2020-01-31 03:05:06 UTC'"),
    ],
)
def test_each_value_has_its_literal(value, written):
    assert literal(value) == written


def test_a_value_that_athena_does_not_have_is_refused():
    with pytest.raises(TemplateFailed, match="list"):
        literal([1])


# Results


def read(client, **asked):
    context = step_context({"lake": {"dbname": "sales"}}, client=lambda service: client)
    with AthenaSource.checked({"ConnectionName": "lake", "Table": "orders", **asked}).open(context) as rows:
        return pa.Table.from_batches(rows.batches(), rows.schema)


def test_a_table_s_rows_after_a_value_are_read(client):
    source = AthenaSource.checked({"ConnectionName": "lake", "Table": "orders"}).after("n", 5)
    with source.open(step_context({"lake": {"dbname": "sales"}}, client=lambda service: client)) as rows:
        assert pa.Table.from_batches(rows.batches()).to_pylist() == [{"n": 1}]
    assert client.started[0]["QueryString"].endswith('WHERE "n" > ?')
    assert client.started[0]["ExecutionParameters"] == ["5"]


def test_a_result_that_is_no_csv_is_told(client):
    client.result = '"n"\n"1","2"\n'
    with pytest.raises(SourceFailed, match=r"s3://bucket/results/q.csv is no CSV"):
        read(client)


def test_a_value_that_is_none_of_its_column_is_refused_without_it(client):
    client.result = '"n"\n"planted"\n'
    with pytest.raises(DataNotRepresentable, match="a value of the column n is no int32") as refused:
        read(client)
    assert "planted" not in str(refused.value)


@pytest.mark.parametrize(
    ("kind", "means"),
    [("time", "time"), ("uuid", "uuid"), ("ipaddress", "text"), ("interval day to second", "interval")],
)
def test_what_arrow_does_not_know_is_text(kind, means):
    assert logical(result_schema([{"Name": "x", "Type": kind}]).field("x")) == means


def test_a_type_that_results_do_not_write_exactly_is_refused():
    with pytest.raises(SourceFailed, match="select CAST"):
        result_schema([{"Name": "x", "Type": "HyperLogLog"}])


@pytest.mark.parametrize("zone", ["Europe/Berlin", "+01:00", "Universal"])
def test_a_zone_that_would_be_lost_is_refused(zone):
    schema = result_schema([{"Name": "x", "Type": "timestamp with time zone"}])
    with pytest.raises(DataNotRepresentable, match="AT TIME ZONE 'UTC'"):
        typed(pa.record_batch({"x": [None, f"2020-01-31 04:05:06.789 {zone}"]}), schema)


def test_unloaded_values_have_the_types_that_were_told():
    schema = pa.schema({"at": pa.timestamp("us")})
    assert (
        as_declared(pa.record_batch({"at": pa.array([5_000], pa.timestamp("ns"))}), schema)["at"].type
        == "timestamp[us]"
    )
    with pytest.raises(DataNotRepresentable, match=r"which is timestamp.ns., is no timestamp.us."):
        as_declared(pa.record_batch({"at": pa.array([5], pa.timestamp("ns"))}), schema)


# Tables


@pytest.mark.parametrize("kind", [pa.timestamp("us", "UTC"), pa.decimal256(40, 0), pa.list_(pa.int64())])
def test_a_column_without_a_type_in_tables_is_refused(kind):
    with pytest.raises(DataNotRepresentable, match="cast it"):
        created_as(pa.field("x", kind))


def test_times_of_day_are_texts_in_tables():
    field = pa.field("x", pa.time64("us"))
    assert created_as(field) == "string"
    assert stored(pa.array([time(4, 5)], field.type), field, "string").to_pylist() == ["04:05:00.000000"]


def test_numbers_as_text_go_into_decimals():
    field = as_text("x", "decimal")
    assert stored(pa.array(["1.50"]), field, "decimal(5,2)").to_pylist() == [Decimal("1.50")]
    with pytest.raises(DataNotRepresentable, match="is no decimal"):
        stored(pa.array(["NaN"]), field, "decimal(5,2)")


def test_a_kind_of_column_that_is_not_written_is_refused():
    with pytest.raises(TargetFailed, match="column x is array<int>"):
        stored_type("x", "array<int>")


class Glue(Client):
    """A catalog with one table."""

    def __init__(self, **table):
        super().__init__()
        serde = {"SerdeInfo": {"SerializationLibrary": "x.ParquetHiveSerDe"}}
        columns = {"Columns": [{"Name": "n", "Type": "bigint"}], "Location": "s3://bucket/orders"}
        self.table = {"Name": "orders", "StorageDescriptor": serde | columns, "PartitionKeys": [], **table}
        self.told = []

    def get_table(self, **asked):
        return self.call("get_table", lambda: {"Table": self.table})

    def get_partition(self, **asked):
        return self.call("get_partition", dict)

    def create_table(self, **asked):
        self.told.append(asked)
        return self.call("create_table", dict)

    def create_partition(self, **asked):
        self.told.append(asked)
        return self.call("create_partition", dict)

    def update_partition(self, **asked):
        self.told.append(asked)

    def put_object(self, **asked):
        return {"ETag": '"e"'}


def write(glue, **asked):
    context = step_context({"lake": {"dbname": "sales"}}, client=lambda service: glue)
    target = AthenaTarget.checked({"ConnectionName": "lake", "Table": "orders", **asked})
    with target.open(pa.schema({"n": pa.int64()}), context) as sink:
        sink.write(pa.record_batch({"n": [1]}))
        return sink.commit()


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"Parameters": {"table_type": "ICEBERG"}}, "sales.orders is no table of Parquet files"),
        ({"StorageDescriptor": {}}, "sales.orders is no table of Parquet files"),
        ({"Parameters": {"projection.enabled": "true"}}, "are projected"),
    ],
)
def test_a_table_that_is_not_written_here_is_refused(table, words):
    with pytest.raises(TargetFailed, match=words):
        write(Glue(**table))


@pytest.mark.parametrize(
    ("call", "error", "kind"),
    [
        ("get_table", client_error("AccessDeniedException"), TargetFailed),
        ("get_partition", client_error("AccessDeniedException"), TargetFailed),
        ("create_partition", client_error("ThrottlingException"), TargetUnavailable),
        ("create_partition", client_error("AccessDeniedException"), TargetFailed),
    ],
)
def test_what_the_catalog_refuses_is_told(call, error, kind):
    glue = Glue(PartitionKeys=[{"Name": "day"}])
    glue.call.before("get_partition", client_error("EntityNotFoundException"))
    if call == "get_partition":
        glue = Glue(PartitionKeys=[{"Name": "day"}])
    glue.call.before(call, error)
    with pytest.raises(kind, match=r"the Glue catalog did not do what was asked of it for sales.orders"):
        write(glue, Partition={"day": "1"})


def test_a_partition_that_an_unclear_try_has_made_is_taken():
    glue = Glue(PartitionKeys=[{"Name": "day"}])
    glue.call.before("get_partition", client_error("EntityNotFoundException"))
    glue.call.before("create_partition", client_error("AlreadyExistsException"))
    write(glue, Partition={"day": "1"})
    assert [told.keys() & {"PartitionValueList", "PartitionInput"} for told in glue.told] == [
        {"PartitionInput"},
        {"PartitionValueList", "PartitionInput"},
    ]
    assert glue.told[1]["PartitionInput"]["StorageDescriptor"]["Location"] == "s3://bucket/orders/day=1/"


def test_a_table_that_somebody_else_creates_meanwhile_is_taken():
    glue = Glue()
    glue.call.before("get_table", client_error("EntityNotFoundException"))
    glue.call.before("create_table", client_error("AlreadyExistsException"))
    told = write(glue, CreateTable=True, Location="s3://bucket/orders/")
    assert told["object"].startswith("s3://bucket/orders/etl-runners-")
    glue.call.before("get_table", client_error("EntityNotFoundException"))
    glue.call.before("create_table", client_error("AccessDeniedException"))
    with pytest.raises(TargetFailed):
        write(glue, CreateTable=True, Location="s3://bucket/orders/")


def test_the_folder_of_overwrites_is_not_below_the_table():
    assert athena_writing._OF_A_LOAD.fullmatch("orders.loads/abc/")
    assert not athena_writing._OF_A_LOAD.fullmatch("orders/")


@pytest.mark.parametrize("asked", [{"CreateTable": True}, {"Location": "s3://bucket/orders/"}, {"Mode": "upsert"}])
def test_parameters_that_do_not_go_together_are_refused(asked):
    with pytest.raises(ValidationFailed):
        AthenaTarget.checked({"ConnectionName": "lake", "Table": "orders", **asked})


def test_examples_are_valid_and_say_where_they_are():
    assert AthenaSource.checked(AthenaSource.example).place() == "athena://lake/query"
    assert AthenaTarget.checked(AthenaTarget.example).place() == "athena://lake/sales.orders"
