"""The Redshift Data API of the embedded AWS: statements run on a real PostgreSQL."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from moto.events.models import EventsBackend

from runners.local.redshift import extension
from tests.integration.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.integration.databases import Database

FINAL = {"FINISHED", "FAILED", "ABORTED"}
PLACE = {"ClusterIdentifier": "cluster", "Database": "dev"}
PATIENCE_SECONDS = 60
SLEEP = "select pg_sleep(600)"


class Data:
    """The Data API, and a look past it into the database."""

    def __init__(self, client: Any, database: Database) -> None:
        self.client, self.in_database = client, database.rows

    def submit(self, sql: str, **asked: Any) -> str:
        return str(self.client.execute_statement(Sql=sql, **PLACE, **asked)["Id"])

    def describe(self, statement: str) -> dict[str, Any]:
        return dict(self.client.describe_statement(Id=statement))

    def ended(self, statement: str) -> dict[str, Any]:
        eventually(lambda: self.describe(statement)["Status"] in FINAL, PATIENCE_SECONDS)
        return self.describe(statement)

    def run(self, sql: str, **asked: Any) -> dict[str, Any]:
        return self.ended(self.submit(sql, **asked))

    def rows(self, sql: str, **asked: Any) -> list[list[dict[str, Any]]]:
        done = self.run(sql, **asked)
        assert done["Status"] == "FINISHED", done.get("Error")
        return list(self.client.get_statement_result(Id=done["Id"])["Records"])

    def batch(self, *sqls: str, **asked: Any) -> dict[str, Any]:
        return self.ended(self.client.batch_execute_statement(Sqls=list(sqls), **PLACE, **asked)["Id"])


@pytest.fixture
def data(postgresql: Database, client: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch) -> Data:
    server = postgresql.server
    place = f"{server.user}:{server.password}@:{server.port}/{postgresql.name}?host={server.host}"
    monkeypatch.setenv("RUNNERS_REDSHIFT_POSTGRESQL", f"postgresql://{place}")
    return Data(client("redshift-data"), postgresql)


@pytest.fixture
def table(data: Data) -> str:
    name = f"t_{uuid.uuid4().hex}"
    assert data.run(f"create table {name} (id int primary key, word text)")["Status"] == "FINISHED"
    return name


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = []
    put = EventsBackend.put_events

    def listen(backend: EventsBackend, entries: list[dict[str, Any]]) -> Any:
        sent.extend(entry for entry in entries if entry["Source"] == "aws.redshift-data")
        return put(backend, entries)

    monkeypatch.setattr(EventsBackend, "put_events", listen)
    return sent


def code_of(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


# One statement.


def test_rows_come_back_in_the_fields_of_their_types(data: Data) -> None:
    sql = "select 1 as n, 2.5::float8, 'a', true, null, 1.50::numeric, '\\x01'::bytea, date '2014-03-01'"
    assert data.rows(sql) == [
        [
            {"longValue": 1},
            {"doubleValue": 2.5},
            {"stringValue": "a"},
            {"booleanValue": True},
            {"isNull": True},
            {"stringValue": "1.50"},
            {"blobValue": b"\x01"},
            {"stringValue": "2014-03-01"},
        ]
    ]


def test_a_statement_tells_of_its_rows_its_time_and_its_columns(data: Data) -> None:
    done = data.run("select generate_series(1, 3) as number", StatementName="series", SecretArn="arn:secret")
    expected = {**PLACE, "SecretArn": "arn:secret", "HasResultSet": True, "ResultRows": 3, "ResultSize": 3}
    assert expected.items() <= done.items()
    assert done["Duration"] > 0
    assert done["CreatedAt"] <= done["UpdatedAt"]
    result = data.client.get_statement_result(Id=done["Id"])
    assert result["TotalNumRows"] == 3
    assert [(column["name"], column["typeName"]) for column in result["ColumnMetadata"]] == [("number", "int4")]


def test_a_statement_without_rows_has_no_result(data: Data, table: str) -> None:
    done = data.run(f"insert into {table} values (1, 'a'), (2, 'b')")
    assert (done["Status"], done["HasResultSet"], done["ResultRows"]) == ("FINISHED", False, 2)
    assert data.in_database(f"select count(*) from {table}") == [(2,)]
    with pytest.raises(ClientError, match="does not have result") as refused:
        data.client.get_statement_result(Id=done["Id"])
    assert code_of(refused) == "ResourceNotFoundException"


def test_parameters_are_bound_and_never_read_as_sql(data: Data, table: str) -> None:
    value = f"'); drop table {table}; --"
    parameters = [{"name": "id", "value": "7"}, {"name": "word", "value": value}]
    data.run(f"insert into {table} values (:id, :word)", Parameters=parameters)
    assert data.in_database(f"select * from {table}") == [(7, value)]
    assert data.rows(f"select word from {table} where id = :id limit :id", Parameters=parameters[:1]) == [
        [{"stringValue": value}]
    ]


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("selct 1", 'ERROR: syntax error at or near "selct"'),
        ("select * from nowhere", 'ERROR: relation "nowhere" does not exist'),
        ("create table t (a int) distkey(a)", 'ERROR: syntax error at or near "distkey"'),
        ("select 1; select 2", "ERROR: cannot insert multiple commands into a prepared statement"),
        ("select :missing", 'ERROR: syntax error at or near ":"'),
    ],
)
def test_what_postgresql_refuses_fails_in_its_words(data: Data, sql: str, words: str) -> None:
    done = data.run(sql)
    assert (done["Status"], done["Error"], done["HasResultSet"]) == ("FAILED", words, False)


def test_a_client_token_names_one_statement(data: Data, table: str) -> None:
    ids = {data.submit(f"insert into {table} values (1, 'a')", ClientToken="token") for _ in range(2)}
    (statement,) = ids
    data.ended(statement)
    assert data.in_database(f"select count(*) from {table}") == [(1,)]


def test_a_statement_can_be_waited_for(data: Data) -> None:
    answer = data.client.execute_statement(Sql="select 1", WaitTimeSeconds=30, **PLACE)
    assert (answer["Status"], answer["HasResultSet"], answer["Database"]) == ("FINISHED", True, "dev")


# Several.


def test_several_statements_are_one_transaction(data: Data, table: str) -> None:
    done = data.batch(f"insert into {table} values (1, 'a')", f"insert into {table} values (1, 'again')", "select 1")
    assert done["Status"] == "FAILED"
    assert done["Error"].startswith("ERROR: duplicate key value violates unique constraint")
    assert [part["Status"] for part in done["SubStatements"]] == ["FINISHED", "FAILED", "ABORTED"]
    assert data.in_database(f"select count(*) from {table}") == [(0,)]


def test_each_of_several_has_a_result_of_its_own(data: Data, table: str) -> None:
    parameters = [{"name": "word", "value": "x"}]
    done = data.batch(
        f"insert into {table} values (1, :word)", f"select word from {table} where word = :word", Parameters=parameters
    )
    assert done["Status"] == "FINISHED"
    assert [part["HasResultSet"] for part in done["SubStatements"]] == [False, True]
    second = done["SubStatements"][1]["Id"]
    assert second == f"{done['Id']}:2"
    assert data.client.get_statement_result(Id=second)["Records"] == [[{"stringValue": "x"}]]
    assert data.describe(second)["Id"] == done["Id"]


# Cancelling.


def test_a_cancelled_statement_is_over_in_the_database(data: Data) -> None:
    statement = data.submit(SLEEP)
    eventually(lambda: data.describe(statement)["Status"] == "STARTED")
    process = data.describe(statement)["RedshiftPid"]
    assert data.client.cancel_statement(Id=statement)["Status"] is True
    assert data.ended(statement)["Status"] == "ABORTED"
    eventually(lambda: not data.in_database(f"select 1 from pg_stat_activity where pid = {process}"))
    with pytest.raises(ClientError, match="already in ABORTED state") as refused:
        data.client.cancel_statement(Id=statement)
    assert code_of(refused) == "ValidationException"


def test_cancelling_several_rolls_all_back(data: Data, table: str) -> None:
    sqls = [f"insert into {table} values (1, 'a')", SLEEP, "select 1"]
    statement = data.client.batch_execute_statement(Sqls=sqls, **PLACE)["Id"]
    eventually(lambda: data.describe(statement)["SubStatements"][1]["Status"] == "STARTED")
    data.client.cancel_statement(Id=statement)
    done = data.ended(statement)
    assert done["Status"] == "ABORTED"
    assert [part["Status"] for part in done["SubStatements"]] == ["FINISHED", "ABORTED", "ABORTED"]
    assert data.in_database(f"select count(*) from {table}") == [(0,)]


def test_a_statement_that_waits_for_room_is_cancelled_before_it_runs(
    data: Data, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extension, "MAX_ACTIVE", extension.MAX_AT_ONCE + 1)
    running = [data.submit(SLEEP) for _ in range(extension.MAX_AT_ONCE)]
    waiting = data.submit(SLEEP, WithEvent=True)
    assert data.describe(waiting)["Status"] == "SUBMITTED"
    with pytest.raises(ClientError) as full:
        data.submit("select 1")
    assert code_of(full) == "ActiveStatementsExceededException"
    data.client.cancel_statement(Id=waiting)
    assert data.ended(waiting)["Status"] == "ABORTED"
    for statement in running:
        data.client.cancel_statement(Id=statement)
        assert data.ended(statement)["Status"] == "ABORTED"
    assert "RedshiftPid" not in data.describe(waiting)


# Listing.


def test_statements_are_listed_newest_first_and_page_by_page(data: Data) -> None:
    for number in range(3):
        data.run("select 1", StatementName=f"nightly-{number}")
    data.run("selct", StatementName="nightly-broken")
    data.run("select 1", StatementName="other")
    asked = {"Database": "dev", "ClusterIdentifier": "cluster", "RoleLevel": True, "StatementName": "nightly"}
    first = data.client.list_statements(**asked, MaxResults=2)
    second = data.client.list_statements(**asked, MaxResults=2, NextToken=first["NextToken"])
    names = [statement["StatementName"] for statement in first["Statements"] + second["Statements"]]
    assert names == ["nightly-2", "nightly-1", "nightly-0"]
    assert "NextToken" not in second
    statuses = [one["Status"] for one in data.client.list_statements(**asked, Status="ALL")["Statements"]]
    assert statuses == ["FAILED", "FINISHED", "FINISHED", "FINISHED"]
    assert data.client.list_statements(Database="elsewhere", Status="ALL")["Statements"] == []


# What is refused.


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ({"Database": "dev"}, "ClusterIdentifier or WorkgroupName"),
        ({**PLACE, "WorkgroupName": "group"}, "ClusterIdentifier or WorkgroupName"),
        ({"ClusterIdentifier": "cluster"}, "Database is required"),
        ({**PLACE, "ResultFormat": "CSV"}, "ResultFormat"),
        ({**PLACE, "SessionKeepAliveSeconds": 5}, "SessionKeepAliveSeconds"),
        ({**PLACE, "Parameters": [{"name": "x", "value": "1"}]}, r"Unused parameters: \[x\]"),
    ],
)
def test_a_call_that_is_wrong_or_beyond_the_engine_is_refused(data: Data, asked: dict[str, Any], named: str) -> None:
    with pytest.raises(ClientError, match=named) as refused:
        data.client.execute_statement(Sql="select 1", **asked)
    assert code_of(refused) == "ValidationException"


def test_a_batch_that_is_too_long_or_of_another_mode_is_refused(data: Data) -> None:
    with pytest.raises(ClientError, match="1 to 40"):
        data.batch(*["select 1"] * 41)
    with pytest.raises(ClientError, match="in one transaction alone"):
        data.batch("select 1", ExecutionMode="AUTO_COMMIT")


def test_what_is_not_there_is_not_found(data: Data) -> None:
    for call in (data.client.describe_statement, data.client.cancel_statement, data.client.get_statement_result):
        with pytest.raises(ClientError) as missing:
            call(Id=str(uuid.uuid4()))
        assert code_of(missing) == "ResourceNotFoundException"
    statement = data.run("select 1")["Id"]
    for call, asked in (
        (data.client.get_statement_result, {"Id": statement}),
        (data.client.list_statements, {}),
    ):
        with pytest.raises(ClientError, match="NextToken is none"):
            call(**asked, NextToken="nobody's")
    with pytest.raises(ClientError, match="at most 100"):
        data.client.list_statements(MaxResults=101)


def test_without_a_postgresql_every_statement_is_refused(data: Data, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RUNNERS_REDSHIFT_POSTGRESQL")
    with pytest.raises(ClientError, match="set RUNNERS_REDSHIFT_POSTGRESQL=postgresql://") as refused:
        data.submit("select 1")
    assert code_of(refused) == "ValidationException"


def test_the_password_is_never_shown(data: Data, monkeypatch: pytest.MonkeyPatch) -> None:
    for url in ("postgresql://u:hunter2@[::1/db", "postgresql://u:hunter2@127.0.0.1:1/db?unknown=hunter2"):
        monkeypatch.setenv("RUNNERS_REDSHIFT_POSTGRESQL", url)
        with pytest.raises(ClientError, match="no URL that libpq can read") as refused:
            data.submit("select 1")
        assert "hunter2" not in str(refused.value)
    for url in ("postgresql://u:hunter2@127.0.0.1:1/db", "postgresql://u:hunter2@127.0.0.1:port:1/"):
        monkeypatch.setenv("RUNNERS_REDSHIFT_POSTGRESQL", url)
        done = data.run("select 1")
        assert done["Error"].startswith("PostgreSQL cannot be reached")
        assert "hunter2" not in json.dumps(done, default=str)


def test_an_engine_that_breaks_fails_the_statement_without_its_values(
    data: Data, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(**_: Any) -> Any:
        raise ZeroDivisionError("secret")

    monkeypatch.setattr("runners.local.redshift.postgresql.psycopg.connect", broken)
    assert data.run("select 1")["Error"] == "the embedded Redshift Data API broke: ZeroDivisionError"


# Events.


def test_a_statement_that_was_asked_to_tells_eventbridge_how_it_ended(data: Data, events: list[dict[str, Any]]) -> None:
    data.run("select 1")
    statement = data.run("select generate_series(1, 2)", StatementName="named", WithEvent=True)["Id"]
    (event,) = eventually(lambda: events)
    detail = json.loads(event["Detail"])
    assert event["DetailType"] == "Redshift Data Statement Status Change"
    assert event["Resources"] == ["arn:aws:redshift:us-east-1:123456789012:cluster:cluster"]
    expected = {"statementId": statement, "statementName": "named", "state": "FINISHED", "rows": 2}
    assert expected.items() <= detail.items()


def test_a_statement_of_a_workgroup_names_it_in_its_event(data: Data, events: list[dict[str, Any]]) -> None:
    data.client.execute_statement(Sql="selct", WorkgroupName="group", Database="dev", WithEvent=True)
    (event,) = eventually(lambda: events)
    assert event["Resources"] == ["arn:aws:redshift-serverless:us-east-1:123456789012:workgroup/group"]
    assert json.loads(event["Detail"])["state"] == "FAILED"
