"""The life of replication tasks in the embedded AWS: starts, stops, reloads, failures, events and what is refused."""

from __future__ import annotations

import contextlib
import io
import json
import sqlite3
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest
from botocore.exceptions import ClientError
from moto.events.models import EventsBackend

from tests.integration.dms import FINISHED, PATIENCE_SECONDS, ROLE, include
from tests.integration.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.integration.databases import Database
    from tests.integration.dms import Dms


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The events that DMS puts to the default bus."""
    seen: list[dict[str, Any]] = []
    put = EventsBackend.put_events

    def put_events(backend: Any, sent: list[dict[str, Any]], *rest: Any) -> Any:
        seen.extend(event for event in sent if event["Source"] == "aws.dms")
        return put(backend, sent, *rest)

    monkeypatch.setattr(EventsBackend, "put_events", put_events)
    return seen


@pytest.fixture
def people(sqlite_file: Callable[..., Path]) -> Path:
    return sqlite_file("CREATE TABLE people (id INTEGER PRIMARY KEY)", "INSERT INTO people VALUES (1), (2)")


@pytest.fixture
def source(dms: Dms, people: Path) -> str:
    return dms.endpoint("source", EngineName="sqlite", DatabaseName=str(people))


@contextlib.contextmanager
def locked(database: Database, table: str) -> Iterator[None]:
    """Keep everybody from reading a table."""
    with contextlib.closing(database.connect()) as connection, connection.cursor() as cursor:
        if database.server.engine == "postgres":
            cursor.execute("BEGIN")
            cursor.execute(f"LOCK TABLE {table}")
        else:
            cursor.execute(f"LOCK TABLES {table} WRITE")
        yield


def code(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


def message(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Message"])


# Starting again


def test_a_task_goes_from_creating_over_ready_to_running_and_stopped(dms: Dms, source: str) -> None:
    made = dms.dms.create_replication_task(
        ReplicationTaskIdentifier="Nightly",
        SourceEndpointArn=source,
        TargetEndpointArn=dms.s3_target(),
        ReplicationInstanceArn=dms.instance,
        MigrationType="full-load",
        TableMappings=json.dumps({"rules": [include()]}),
    )["ReplicationTask"]
    assert (made["Status"], made["ReplicationTaskIdentifier"]) == ("creating", "nightly")
    task = made["ReplicationTaskArn"]
    assert dms.described(task)["Status"] == "ready"
    assert "ReplicationTaskStartDate" not in dms.described(task)

    assert dms.start(task)["Status"] == "starting"
    ended = dms.ended(task)
    assert (ended["Status"], ended["StopReason"]) == ("stopped", FINISHED)
    assert "LastFailureMessage" not in ended
    statistics = ended["ReplicationTaskStats"]
    assert (statistics["FullLoadProgressPercent"], statistics["TablesLoaded"], statistics["TablesErrored"]) == (
        100,
        1,
        0,
    )
    assert ended["ReplicationTaskStartDate"] <= statistics["FullLoadStartDate"] <= statistics["FullLoadFinishDate"]
    table = dms.tables(task)["main.people"]
    assert (table["TableState"], table["FullLoadRows"], table["FullLoadReloaded"]) == ("Table completed", 2, False)
    assert table["FullLoadStartTime"] <= table["FullLoadEndTime"]


def test_the_first_start_is_start_replication_and_no_later_one(dms: Dms, source: str) -> None:
    task = dms.task(source, dms.s3_target())
    for start_type in ("reload-target", "resume-processing"):
        with pytest.raises(ClientError) as first:
            dms.start(task, start_type)
        assert code(first) == "InvalidParameterCombinationException"
    dms.run(task)
    with pytest.raises(ClientError) as again:
        dms.start(task)
    assert code(again) == "InvalidParameterCombinationException"
    assert "START_REPLICATION, valid only for tasks running for the first time" in message(again)


def test_a_reload_copies_what_the_source_holds_by_then(dms: Dms, people: Path, source: str) -> None:
    task = dms.task(source, dms.s3_target())
    first = dms.run(task)
    with contextlib.closing(sqlite3.connect(people)) as connection:
        connection.execute("DELETE FROM people WHERE id = 1")
        connection.commit()
    second = dms.run(task, "reload-target")
    assert dms.csv("main/people/LOAD00000001.csv") == [["2"]]
    assert second["ReplicationTaskStartDate"] > first["ReplicationTaskStartDate"]
    assert dms.tables(task)["main.people"]["FullLoadReloaded"] is True


@pytest.mark.parametrize(
    ("mode", "kept"), [("DROP_AND_CREATE", False), ("TRUNCATE_BEFORE_LOAD", False), ("DO_NOTHING", True)]
)
def test_old_files_of_a_table_go_unless_the_task_does_nothing_to_them(
    dms: Dms, source: str, mode: str, kept: bool
) -> None:
    for key in ("main/people/LOAD00000009.csv", "main/people_too/LOAD00000001.csv"):
        dms.s3.put_object(Bucket=dms.bucket, Key=key, Body=b"old")
    dms.run(dms.task(source, dms.s3_target(), FullLoadSettings={"TargetTablePrepMode": mode}))
    assert ("main/people/LOAD00000009.csv" in dms.objects()) is kept
    assert "main/people_too/LOAD00000001.csv" in dms.objects()


@pytest.mark.parametrize(
    ("mode", "rows"),
    [
        ("DROP_AND_CREATE", [(1,), (2,)]),
        ("TRUNCATE_BEFORE_LOAD", [(1,), (2,)]),
        ("DO_NOTHING", [(1,), (2,), (9,)]),
    ],
)
def test_a_table_in_postgresql_is_made_anew_emptied_or_added_to(
    dms: Dms, source: str, other_postgresql: Database, mode: str, rows: list[Any]
) -> None:
    note = mode != "DROP_AND_CREATE"
    other_postgresql.run(
        "CREATE SCHEMA main",
        "CREATE TABLE main.people (id bigint, note text)",
        "INSERT INTO main.people VALUES (9, 'old')",
    )
    target = dms.endpoint("target", **other_postgresql.endpoint())
    task = dms.task(source, target, FullLoadSettings={"TargetTablePrepMode": mode, "CreatePkAfterFullLoad": True})
    assert dms.run(task)["StopReason"] == FINISHED
    assert other_postgresql.rows("SELECT id FROM main.people ORDER BY id") == rows
    columns = other_postgresql.rows("SELECT column_name FROM information_schema.columns WHERE table_name = 'people'")
    assert (("note",) in columns) is note
    keys = other_postgresql.rows(
        "SELECT 1 FROM pg_constraint WHERE conrelid = 'main.people'::regclass AND contype = 'p'"
    )
    assert bool(keys) is not note


def test_a_table_that_fails_in_postgresql_stays_as_it_was(
    dms: Dms, sqlite_file: Callable[..., Path], other_postgresql: Database
) -> None:
    path = sqlite_file("CREATE TABLE t (v INTEGER)", "INSERT INTO t VALUES (1), ('two')")
    other_postgresql.run("CREATE SCHEMA main", "CREATE TABLE main.t (v bigint)", "INSERT INTO main.t VALUES (42)")
    source = dms.endpoint("source", EngineName="sqlite", DatabaseName=str(path))
    task = dms.task(source, dms.endpoint("target", **other_postgresql.endpoint()))
    dms.run(task)
    assert dms.states(task) == {"main.t": "Table error"}
    assert other_postgresql.rows("SELECT v FROM main.t") == [(42,)]


# Stopping


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_a_stop_ends_a_load_that_waits_and_a_resume_loads_what_is_left(
    dms: Dms, request: pytest.FixtureRequest, kind: str
) -> None:
    database: Database = request.getfixturevalue(kind)
    database.run(
        "CREATE TABLE blocked (id integer)", "INSERT INTO blocked VALUES (1)", "CREATE TABLE free (id integer)"
    )
    schema = database.name if kind == "mariadb" else "public"
    task = dms.task(
        dms.endpoint("source", **database.endpoint()),
        dms.s3_target(),
        include(schema=schema),
        FullLoadSettings={"MaxFullLoadSubTasks": 2},
    )
    with locked(database, "blocked"):
        dms.start(task)
        states = {f"{schema}.blocked": "Full load", f"{schema}.free": "Table completed"}
        eventually(lambda: dms.states(task) == states)
        with pytest.raises(ClientError) as running:
            dms.start(task, "reload-target")
        assert code(running) == "InvalidResourceStateFault"
        with pytest.raises(ClientError) as deleted:
            dms.dms.delete_replication_task(ReplicationTaskArn=task)
        assert code(deleted) == "InvalidResourceStateFault"
        assert dms.described(task)["ReplicationTaskStats"]["TablesLoading"] == 1

        stopping = dms.dms.stop_replication_task(ReplicationTaskArn=task)["ReplicationTask"]
        assert stopping["Status"] == "stopping"
        ended = dms.ended(task)
    assert (ended["Status"], ended["StopReason"]) == ("stopped", "Stop Reason NORMAL")
    assert dms.states(task) == {f"{schema}.blocked": "Table cancelled", f"{schema}.free": "Table completed"}
    assert dms.objects() == []
    loaded = dms.tables(task)[f"{schema}.free"]["FullLoadEndTime"]

    assert dms.run(task, "resume-processing")["StopReason"] == FINISHED
    assert set(dms.states(task).values()) == {"Table completed"}
    assert dms.tables(task)[f"{schema}.free"]["FullLoadEndTime"] == loaded
    assert dms.objects() == [f"{schema}/blocked/LOAD00000001.csv"]


def test_a_stop_ends_a_write_that_waits(dms: Dms, source: str, other_postgresql: Database) -> None:
    other_postgresql.run("CREATE SCHEMA main", "CREATE TABLE main.people (id bigint)")
    task = dms.task(source, dms.endpoint("target", **other_postgresql.endpoint()))
    with locked(other_postgresql, "main.people"):
        dms.start(task)
        eventually(lambda: dms.states(task) == {"main.people": "Full load"})
        dms.dms.stop_replication_task(ReplicationTaskArn=task)
        assert dms.ended(task)["StopReason"] == "Stop Reason NORMAL"


def test_the_end_of_the_embedded_aws_ends_a_load(dms: Dms, postgresql: Database, events: list[dict[str, Any]]) -> None:
    postgresql.run("CREATE TABLE blocked (id integer)")
    task = dms.task(dms.endpoint("source", **postgresql.endpoint()), dms.s3_target())
    with locked(postgresql, "blocked"):
        dms.start(task)
        eventually(lambda: dms.states(task) == {"public.blocked": "Full load"})
        dms.aws.stop()
    assert [json.loads(event["Detail"])["eventType"] for event in events] == ["REPLICATION_TASK_STARTED"]


def test_only_a_task_that_runs_is_stopped(dms: Dms, source: str) -> None:
    task = dms.task(source, dms.s3_target())
    with pytest.raises(ClientError) as ready:
        dms.dms.stop_replication_task(ReplicationTaskArn=task)
    assert code(ready) == "InvalidResourceStateFault"


# Failing


def unreachable(kind: str) -> dict[str, Any]:
    engine = {"postgresql": "postgres", "mariadb": "mariadb"}[kind]
    return {"EngineName": engine, "ServerName": "127.0.0.1", "Port": 1, "Username": "u", "Password": "hush-hush",
            **({"DatabaseName": "d"} if engine == "postgres" else {})}  # fmt: skip


@pytest.mark.parametrize("kind", ["postgresql", "mariadb", "sqlite"])
def test_a_source_that_cannot_be_reached_fails_the_task(
    dms: Dms, tmp_path: Path, events: list[dict[str, Any]], kind: str
) -> None:
    missing = {"EngineName": "sqlite", "DatabaseName": str(tmp_path / "missing.db")}
    source = dms.endpoint("source", **(missing if kind == "sqlite" else unreachable(kind)))
    task = dms.task(source, dms.s3_target())
    ended = dms.run(task)
    assert (ended["Status"], ended["StopReason"]) == ("failed", "Stop Reason FATAL_ERROR")
    said = ended["LastFailureMessage"]
    assert said.startswith("Last Error Endpoint initialization failed. The endpoint source-")
    assert said.endswith("Stop Reason FATAL_ERROR Error Level FATAL")
    assert "hush-hush" not in said
    eventually(lambda: len(events) == 2)
    assert json.loads(events[1]["Detail"])["eventType"] == "REPLICATION_TASK_FAILED"
    assert said in json.loads(events[1]["Detail"])["detailMessage"]


def test_a_target_that_cannot_be_reached_fails_the_task(dms: Dms, source: str) -> None:
    for target in (dms.endpoint("target", **unreachable("postgresql")), dms.s3_target(BucketName="no-such-bucket")):
        ended = dms.run(dms.task(source, target))
        assert ended["Status"] == "failed"
        assert "The endpoint target-" in ended["LastFailureMessage"]


def test_a_table_that_may_not_be_read_is_in_error_and_the_others_go_on(dms: Dms, postgresql: Database) -> None:
    role = f"reader_{postgresql.name}"
    postgresql.run(
        "CREATE TABLE open (id integer)", "INSERT INTO open VALUES (1)", "CREATE TABLE secret (id integer)",
        f"CREATE ROLE {role} LOGIN", f"GRANT SELECT ON open TO {role}",
    )  # fmt: skip
    try:
        source = dms.endpoint("source", **{**postgresql.endpoint(), "Username": role})
        task = dms.task(source, dms.s3_target())
        ended = dms.run(task)
        assert (ended["Status"], ended["StopReason"]) == ("stopped", FINISHED)
        statistics = ended["ReplicationTaskStats"]
        assert (statistics["TablesLoaded"], statistics["TablesErrored"]) == (1, 1)
        assert dms.states(task) == {"public.open": "Table completed", "public.secret": "Table error"}
        assert "permission denied for table secret" in ended["LastFailureMessage"]
        assert dms.objects() == ["public/open/LOAD00000001.csv"]
    finally:
        postgresql.run(f"DROP OWNED BY {role}", f"DROP ROLE {role}")


def test_a_task_that_stops_at_errors_fails_with_the_first_table(dms: Dms, sqlite_file: Callable[..., Path]) -> None:
    path = sqlite_file("CREATE TABLE t (v INTEGER)", "INSERT INTO t VALUES ('two')")
    source = dms.endpoint("source", EngineName="sqlite", DatabaseName=str(path))
    task = dms.task(source, dms.s3_target(), ErrorBehavior={"TableErrorPolicy": "STOP_TASK"})
    ended = dms.run(task)
    assert (ended["Status"], ended["StopReason"]) == ("failed", "Stop Reason FATAL_ERROR")
    assert dms.states(task) == {"main.t": "Table error"}


def test_a_task_that_finds_no_table_fails_unless_it_may(dms: Dms, source: str) -> None:
    nothing = include("no_such_table")
    assert "No tables were found" in dms.run(dms.task(source, dms.s3_target(), nothing))["LastFailureMessage"]
    may = dms.task(source, dms.s3_target(), nothing, ErrorBehavior={"FailOnNoTablesCaptured": False})
    assert dms.run(may)["StopReason"] == FINISHED


def test_a_table_that_is_named_explicitly_and_is_not_there_is_in_error(dms: Dms, source: str) -> None:
    explicit = include("no_such", "main", "2") | {"rule-action": "explicit"}
    task = dms.task(source, dms.s3_target(), include(), explicit)
    assert dms.run(task)["ReplicationTaskStats"]["TablesErrored"] == 1
    assert dms.states(task) == {"main.people": "Table completed", "main.no_such": "Table does not exist"}


# Events


def test_a_task_says_by_events_that_it_started_and_stopped(dms: Dms, source: str, events: list[dict[str, Any]]) -> None:
    task = dms.task(source, dms.s3_target())
    dms.run(task)
    eventually(lambda: len(events) == 2)
    assert {event["DetailType"] for event in events} == {"DMS Replication Task State Change"}
    assert [event["Resources"] for event in events] == [[task], [task]]
    started, stopped = (json.loads(event["Detail"]) for event in events)
    assert (started["eventType"], started["eventId"]) == ("REPLICATION_TASK_STARTED", "DMS-EVENT-0069")
    assert started["detailMessage"] == "Replication task started, with flag = fresh start"
    assert (stopped["eventType"], stopped["eventId"]) == ("REPLICATION_TASK_STOPPED", "DMS-EVENT-0079")
    assert FINISHED in stopped["detailMessage"]
    assert {(detail["type"], detail["category"]) for detail in (started, stopped)} == {
        ("REPLICATION_TASK", "StateChange")
    }


# What is described


def test_tasks_are_filtered_and_described_page_by_page(dms: Dms, source: str) -> None:
    target = dms.s3_target()
    tasks = [dms.task(source, target) for _ in range(21)]
    first = dms.dms.describe_replication_tasks(MaxRecords=20)
    rest = dms.dms.describe_replication_tasks(MaxRecords=20, Marker=first["Marker"])
    assert "Marker" not in rest
    found = [task["ReplicationTaskArn"] for page in (first, rest) for task in page["ReplicationTasks"]]
    assert found == tasks

    def arns(name: str, *values: str) -> list[str]:
        answer = dms.dms.describe_replication_tasks(
            Filters=[{"Name": name, "Values": list(values)}], WithoutSettings=True
        )
        assert not any("ReplicationTaskSettings" in task for task in answer["ReplicationTasks"])
        return [task["ReplicationTaskArn"] for task in answer["ReplicationTasks"]]

    assert arns("replication-task-arn", tasks[3], tasks[5]) == [tasks[3], tasks[5]]
    assert arns("replication-task-id", dms.described(tasks[7])["ReplicationTaskIdentifier"]) == [tasks[7]]
    assert arns("endpoint-arn", target) == tasks
    assert arns("replication-instance-arn", dms.instance) == tasks
    assert arns("migration-type", "full-load") == tasks
    with pytest.raises(ClientError) as nothing:
        arns("replication-task-arn", "arn:aws:dms:us-east-1:123456789012:task:NONE")
    assert code(nothing) == "ResourceNotFoundFault"
    with pytest.raises(ClientError) as unknown:
        arns("colour", "red")
    assert code(unknown) == "InvalidParameterValueException"


def test_statistics_of_tables_are_filtered_and_described_page_by_page(
    dms: Dms, sqlite_file: Callable[..., Path]
) -> None:
    path = sqlite_file(*(f"CREATE TABLE t{number:02} (id INTEGER)" for number in range(25)))
    task = dms.task(dms.endpoint("source", EngineName="sqlite", DatabaseName=str(path)), dms.s3_target())
    dms.run(task)
    pages = dms.dms.get_paginator("describe_table_statistics").paginate(
        ReplicationTaskArn=task, PaginationConfig={"PageSize": 20}
    )
    assert [len(page["TableStatistics"]) for page in pages] == [20, 5]
    one = dms.dms.describe_table_statistics(
        ReplicationTaskArn=task,
        Filters=[{"Name": "table-name", "Values": ["t03"]}, {"Name": "table-state", "Values": ["Table completed"]}],
    )
    assert [table["TableName"] for table in one["TableStatistics"]] == ["t03"]


def test_a_task_is_modified_and_deleted_while_it_does_not_run(dms: Dms, source: str) -> None:
    task = dms.task(source, dms.s3_target())
    mappings = json.dumps({"rules": [include("people")]})
    dms.dms.modify_replication_task(ReplicationTaskArn=task, TableMappings=mappings)
    assert dms.described(task)["TableMappings"] == mappings
    with pytest.raises(ClientError) as used:
        dms.dms.delete_endpoint(EndpointArn=source)
    assert code(used) == "InvalidResourceStateFault"
    with pytest.raises(ClientError) as hosting:
        dms.dms.delete_replication_instance(ReplicationInstanceArn=dms.instance)
    assert code(hosting) == "InvalidResourceStateFault"

    assert dms.dms.delete_replication_task(ReplicationTaskArn=task)["ReplicationTask"]["Status"] == "deleting"
    with pytest.raises(ClientError) as gone:
        dms.start(task)
    assert code(gone) == "ResourceNotFoundFault"
    dms.dms.delete_endpoint(EndpointArn=source)
    dms.dms.delete_replication_instance(ReplicationInstanceArn=dms.instance)


# Endpoints


def test_passwords_are_kept_and_never_described(dms: Dms) -> None:
    settings = {"ServerName": "h", "Username": "u", "Password": "hush-hush", "DatabaseName": "d"}
    made = dms.dms.create_endpoint(
        EndpointIdentifier="one", EndpointType="source", EngineName="postgres", Password="hush-hush",
        PostgreSQLSettings=settings,
    )  # fmt: skip
    changed = dms.dms.modify_endpoint(EndpointArn=made["Endpoint"]["EndpointArn"], Port=5433)
    described = dms.dms.describe_endpoints(Filters=[{"Name": "endpoint-id", "Values": ["one"]}])
    assert described["Endpoints"][0]["Port"] == 5433
    assert "hush-hush" not in str((made, changed, described))


def test_a_connection_is_tested_by_connecting(dms: Dms, postgresql: Database, source: str) -> None:
    endpoints = {
        "successful": [source, dms.s3_target(), dms.endpoint("source", **postgresql.endpoint()),
                       dms.endpoint("target", **postgresql.endpoint())],
        "failed": [dms.s3_target(BucketName="no-such-bucket"), dms.endpoint("source", **unreachable("postgresql"))],
    }  # fmt: skip
    for status, arns in endpoints.items():
        for arn in arns:
            asked = dms.dms.test_connection(ReplicationInstanceArn=dms.instance, EndpointArn=arn)
            assert asked["Connection"]["Status"] == "testing"
            found = dms.dms.describe_connections(Filters=[{"Name": "endpoint-arn", "Values": [arn]}])["Connections"]
            assert [connection["Status"] for connection in found] == [status]
            assert bool(found[0]["LastFailureMessage"]) is (status == "failed")


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_a_secret_says_where_a_database_is_and_who_reads_it(
    dms: Dms, request: pytest.FixtureRequest, kind: str
) -> None:
    database: Database = request.getfixturevalue(kind)
    database.run("CREATE TABLE t (id integer)", "INSERT INTO t VALUES (1)")
    members = database.endpoint()
    secret = {"username": members["Username"], "password": members["Password"], "host": members["ServerName"],
              "port": members["Port"]}  # fmt: skip
    dms.aws.client("secretsmanager").create_secret(Name="database", SecretString=json.dumps(secret))
    name = "PostgreSQLSettings" if kind == "postgresql" else "MySQLSettings"
    settings = {"SecretsManagerSecretId": "database", "SecretsManagerAccessRoleArn": ROLE}
    if kind == "postgresql":
        settings["DatabaseName"] = database.name
    source = dms.endpoint("source", EngineName=members["EngineName"], **{name: settings})
    schema = database.name if kind == "mariadb" else "public"
    assert dms.run(dms.task(source, dms.s3_target(), include(schema=schema)))["StopReason"] == FINISHED
    assert dms.csv(f"{schema}/t/LOAD00000001.csv") == [["1"]]

    dms.aws.client("secretsmanager").put_secret_value(SecretId="database", SecretString="no JSON, hush-hush")
    failed = dms.run(dms.task(source, dms.s3_target()))
    assert "its secret cannot be read" in failed["LastFailureMessage"]
    assert "hush-hush" not in failed["LastFailureMessage"]


def test_a_wrong_password_is_reported_without_it(dms: Dms, mariadb: Database) -> None:
    source = dms.endpoint("source", **{**mariadb.endpoint(), "Password": "hush-hush"})
    ended = dms.run(dms.task(source, dms.s3_target()))
    assert ended["Status"] == "failed"
    assert "Access denied" in ended["LastFailureMessage"]
    assert "hush-hush" not in ended["LastFailureMessage"]


S3 = {"BucketName": "bucket", "ServiceAccessRoleArn": ROLE}
POSTGRES = {"EngineName": "postgres", "ServerName": "h", "Username": "u", "Password": "p", "DatabaseName": "d"}


@pytest.mark.parametrize(
    ("kind", "members", "said"),
    [
        ("source", {"EngineName": "oracle"}, "no source of the engine 'oracle'"),
        ("target", {"EngineName": "mysql"}, "no target of the engine 'mysql'"),
        ("source", {"EngineName": "sqlite"}, "needs a DatabaseName"),
        ("source", {"EngineName": "mysql", "Username": "u"}, "needs a ServerName"),
        ("source", POSTGRES | {"SslMode": "verify-full"}, "no certificates"),
        ("source", POSTGRES | {"ExtraConnectionAttributes": "a=b"}, "no extra connection attributes"),
        ("source", POSTGRES | {"PostgreSQLSettings": {"AfterConnectScript": "x"}}, "does not do AfterConnectScript"),
        ("source", POSTGRES | {"PostgreSQLSettings": {"AuthenticationMethod": "iam"}}, "authenticates by password"),
        ("source", POSTGRES | {"MySQLSettings": {"Port": 1}}, "MySQLSettings do not belong"),
        ("source", {"EngineName": "mysql", "ServerName": "h", "SslMode": "require"}, "without TLS"),
        ("target", {"EngineName": "s3"}, "needs a BucketName"),
        ("target", {"EngineName": "s3", "S3Settings": {"BucketName": "b"}}, "needs a ServiceAccessRoleArn"),
        ("target", {"EngineName": "s3", "S3Settings": S3 | {"DatePartitionEnabled": True}}, "DatePartitionEnabled"),
        ("target", {"EngineName": "s3", "S3Settings": S3 | {"ExpectedBucketOwner": "1"}}, "ExpectedBucketOwner"),
        ("target", {"EngineName": "s3", "S3Settings": S3, "ExtraConnectionAttributes": "colour=red"}, "colour"),
    ],
)
def test_an_endpoint_that_cannot_be_used_is_refused_by_what_is_wrong(
    dms: Dms, kind: str, members: dict[str, Any], said: str
) -> None:
    with pytest.raises(ClientError) as refused:
        dms.endpoint(kind, **members)
    assert code(refused) == "InvalidParameterValueException"
    assert said in message(refused)


def test_extra_connection_attributes_of_s3_are_followed_in_any_case(dms: Dms, source: str) -> None:
    target = dms.endpoint(
        "target", EngineName="s3", S3Settings={"BucketName": dms.bucket, "ServiceAccessRoleArn": ROLE},
        ExtraConnectionAttributes="dataFormat=parquet;includeOpForFullLoad=true;",
    )  # fmt: skip
    dms.run(dms.task(source, target))
    read = pq.read_table(io.BytesIO(dms.body("main/people/LOAD00000001.parquet")))
    assert read.to_pylist() == [{"Op": "I", "id": 1}, {"Op": "I", "id": 2}]


def test_an_endpoint_has_a_name_of_its_own(dms: Dms) -> None:
    for name in ("One", "one"):
        made = (
            contextlib.nullcontext()
            if name == "One"
            else pytest.raises(ClientError, match="ResourceAlreadyExistsFault")
        )
        with made:
            dms.dms.create_endpoint(EndpointIdentifier=name, EndpointType="source", **POSTGRES)
    with pytest.raises(ClientError, match="begins with a letter"):
        dms.dms.create_endpoint(EndpointIdentifier="1--", EndpointType="source", **POSTGRES)
    other = dms.dms.create_endpoint(EndpointIdentifier="two", EndpointType="source", **POSTGRES)["Endpoint"]
    with pytest.raises(ClientError, match="ResourceAlreadyExistsFault"):
        dms.dms.modify_endpoint(EndpointArn=other["EndpointArn"], EndpointIdentifier="one")
    with pytest.raises(ClientError, match="No Endpoints found"):
        dms.dms.describe_endpoints(Filters=[{"Name": "endpoint-id", "Values": ["three"]}])


# What is refused


@pytest.mark.parametrize("kind", ["cdc", "full-load-and-cdc"])
def test_change_capture_is_refused(dms: Dms, source: str, kind: str) -> None:
    with pytest.raises(ClientError) as made:
        dms.dms.create_replication_task(
            ReplicationTaskIdentifier="task",
            SourceEndpointArn=source,
            TargetEndpointArn=dms.s3_target(),
            ReplicationInstanceArn=dms.instance,
            MigrationType=kind,
            TableMappings="{}",
        )
    assert "change capture is not done by the embedded DMS" in message(made)
    task = dms.task(source, dms.s3_target())
    with pytest.raises(ClientError) as started:
        dms.dms.start_replication_task(
            ReplicationTaskArn=task, StartReplicationTaskType="start-replication", CdcStopPosition="server_time:2024"
        )
    assert "CdcStopPosition asks for change data capture" in message(started)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"Colours": {}}, "does not know the task settings Colours"),
        ({"ValidationSettings": {"EnableValidation": True}}, "ValidationSettings.EnableValidation"),
        ({"FullLoadSettings": {"TargetTablePrepMode": "BURN"}}, "TargetTablePrepMode is 'BURN'"),
    ],
)
def test_a_task_with_settings_that_are_not_followed_is_refused(
    dms: Dms, source: str, settings: dict[str, Any], said: str
) -> None:
    with pytest.raises(ClientError) as refused:
        dms.task(source, dms.s3_target(), **settings)
    assert code(refused) == "InvalidParameterValueException"
    assert said in message(refused)


def test_a_task_needs_endpoints_of_the_right_kind_and_an_instance(dms: Dms, source: str) -> None:
    target = dms.s3_target()
    for wrong in ((target, target), (source, source), (source, "arn:nothing")):
        with pytest.raises(ClientError) as refused:
            dms.task(*wrong)
        assert code(refused) == "ResourceNotFoundFault"
    dms.instance = "arn:nothing"
    with pytest.raises(ClientError, match="Replication instance could not be found"):
        dms.task(source, target)


# Serverless


def test_a_serverless_replication_copies_as_a_task_does(dms: Dms, source: str, events: list[dict[str, Any]]) -> None:
    made = dms.dms.create_replication_config(
        ReplicationConfigIdentifier="nightly",
        SourceEndpointArn=source,
        TargetEndpointArn=dms.s3_target(),
        ComputeConfig={"MaxCapacityUnits": 1},
        ReplicationType="full-load",
        TableMappings=json.dumps({"rules": [include()]}),
    )["ReplicationConfig"]
    arn = made["ReplicationConfigArn"]

    def described() -> dict[str, Any]:
        filters = [{"Name": "replication-config-arn", "Values": [arn]}]
        return dict(dms.dms.describe_replications(Filters=filters)["Replications"][0])

    assert described()["Status"] == "created"
    with pytest.raises(ClientError, match="InvalidResourceStateFault"):
        dms.dms.stop_replication(ReplicationConfigArn=arn)
    started = dms.dms.start_replication(ReplicationConfigArn=arn, StartReplicationType="start-replication")
    assert started["Replication"]["Status"] == "initializing"
    eventually(lambda: described()["Status"] == "stopped", PATIENCE_SECONDS)
    assert described()["StopReason"] == FINISHED
    assert described()["ReplicationStats"]["TablesLoaded"] == 1
    (table,) = dms.dms.describe_replication_table_statistics(ReplicationConfigArn=arn)["ReplicationTableStatistics"]
    assert (table["TableName"], table["FullLoadRows"]) == ("people", 2)
    assert dms.csv("main/people/LOAD00000001.csv") == [["1"], ["2"]]
    eventually(lambda: len(events) == 2)
    assert {event["DetailType"] for event in events} == {"DMS Replication State Change"}
    assert [json.loads(event["Detail"])["eventType"] for event in events] == [
        "REPLICATION_STARTED",
        "REPLICATION_STOPPED",
    ]

    dms.dms.modify_replication_config(ReplicationConfigArn=arn, ComputeConfig={"MaxCapacityUnits": 2})
    (config,) = dms.dms.describe_replication_configs()["ReplicationConfigs"]
    assert config["ComputeConfig"] == {"MaxCapacityUnits": 2}
    dms.dms.delete_replication_config(ReplicationConfigArn=arn)
    with pytest.raises(ClientError, match="ResourceNotFoundFault"):
        dms.dms.start_replication(ReplicationConfigArn=arn, StartReplicationType="reload-target")


def test_a_serverless_replication_is_stopped(dms: Dms, postgresql: Database) -> None:
    postgresql.run("CREATE TABLE blocked (id integer)")
    arn = dms.dms.create_replication_config(
        ReplicationConfigIdentifier="nightly",
        SourceEndpointArn=dms.endpoint("source", **postgresql.endpoint()),
        TargetEndpointArn=dms.s3_target(),
        ComputeConfig={},
        ReplicationType="full-load",
        TableMappings=json.dumps({"rules": [include()]}),
    )["ReplicationConfig"]["ReplicationConfigArn"]

    def status() -> str:
        return str(dms.dms.describe_replications()["Replications"][0]["Status"])

    with locked(postgresql, "blocked"):
        dms.dms.start_replication(ReplicationConfigArn=arn, StartReplicationType="start-replication")
        eventually(lambda: status() == "running")
        with pytest.raises(ClientError, match="cannot be deleted"):
            dms.dms.delete_replication_config(ReplicationConfigArn=arn)
        dms.dms.stop_replication(ReplicationConfigArn=arn)
        eventually(lambda: status() == "stopped")


# CloudFormation

TEMPLATE: dict[str, Any] = {
    "Parameters": {"Source": {"Type": "String"}, "Bucket": {"Type": "String"}, "Table": {"Type": "String"}},
    "Resources": {
        "Subnets": {
            "Type": "AWS::DMS::ReplicationSubnetGroup",
            "Properties": {
                "ReplicationSubnetGroupIdentifier": "Subnets",
                "ReplicationSubnetGroupDescription": "d",
                "SubnetIds": ["subnet-1", "subnet-2"],
            },
        },
        "Instance": {
            "Type": "AWS::DMS::ReplicationInstance",
            "Properties": {
                "ReplicationInstanceClass": "dms.t3.micro",
                "AllocatedStorage": "50",
                "ReplicationSubnetGroupIdentifier": {"Ref": "Subnets"},
                "Tags": [{"Key": "for", "Value": {"Ref": "Table"}}],
            },
        },
        "From": {
            "Type": "AWS::DMS::Endpoint",
            "Properties": {"EndpointType": "source", "EngineName": "sqlite", "DatabaseName": {"Ref": "Source"}},
        },
        "To": {
            "Type": "AWS::DMS::Endpoint",
            "Properties": {
                "EndpointType": "target",
                "EngineName": "s3",
                "S3Settings": {
                    "BucketName": {"Ref": "Bucket"},
                    "BucketFolder": {"Ref": "Table"},
                    "ServiceAccessRoleArn": ROLE,
                    "AddColumnName": "true",
                },
            },
        },
        "Task": {
            "Type": "AWS::DMS::ReplicationTask",
            "Properties": {
                "SourceEndpointArn": {"Ref": "From"},
                "TargetEndpointArn": {"Ref": "To"},
                "ReplicationInstanceArn": {"Ref": "Instance"},
                "MigrationType": "full-load",
                "TableMappings": {"Fn::Sub": json.dumps({"rules": [include("${Table}")]})},
            },
        },
        "Config": {
            "Type": "AWS::DMS::ReplicationConfig",
            "Properties": {
                "ReplicationConfigIdentifier": "config",
                "SourceEndpointArn": {"Ref": "From"},
                "TargetEndpointArn": {"Ref": "To"},
                "ReplicationType": "full-load",
                "ComputeConfig": {"MaxCapacityUnits": 1},
                "TableMappings": {"rules": [include()]},
            },
        },
    },
    "Outputs": {
        "Task": {"Value": {"Ref": "Task"}},
        "Config": {"Value": {"Fn::GetAtt": ["Config", "ReplicationConfigArn"]}},
        "Instance": {"Value": {"Ref": "Instance"}},
        "Address": {"Value": {"Fn::GetAtt": ["Instance", "ReplicationInstancePrivateIpAddresses"]}},
    },
}


def test_a_stack_makes_changes_and_removes_what_a_task_needs(dms: Dms, people: Path) -> None:
    cloudformation = dms.aws.client("cloudformation")

    def parameters(table: str) -> list[dict[str, str]]:
        values = {"Source": str(people), "Bucket": dms.bucket, "Table": table}
        return [{"ParameterKey": key, "ParameterValue": value} for key, value in values.items()]

    def outputs(status: str) -> dict[str, str]:
        eventually(lambda: cloudformation.describe_stacks(StackName="s")["Stacks"][0]["StackStatus"] == status)
        found = cloudformation.describe_stacks(StackName="s")["Stacks"][0]["Outputs"]
        return {output["OutputKey"]: output["OutputValue"] for output in found}

    cloudformation.create_stack(StackName="s", TemplateBody=json.dumps(TEMPLATE), Parameters=parameters("nothing"))
    made = outputs("CREATE_COMPLETE")
    assert made["Address"]
    assert "No tables were found" in dms.run(made["Task"])["LastFailureMessage"]

    cloudformation.update_stack(StackName="s", TemplateBody=json.dumps(TEMPLATE), Parameters=parameters("people"))
    assert outputs("UPDATE_COMPLETE") == made
    assert dms.run(made["Task"], "reload-target")["StopReason"] == FINISHED
    assert dms.csv("people/main/people/LOAD00000001.csv") == [["id"], ["1"], ["2"]]
    tags = dms.dms.list_tags_for_resource(ResourceArn=made["Instance"])["TagList"]
    assert [(tag["Key"], tag["Value"]) for tag in tags] == [("for", "people")]

    dms.dms.delete_replication_instance(ReplicationInstanceArn=dms.instance)
    cloudformation.delete_stack(StackName="s")
    eventually(lambda: not dms.dms.describe_replication_tasks()["ReplicationTasks"])
    for kind in ("endpoints", "replication_instances", "replication_subnet_groups", "replication_configs"):
        (left,) = (
            value for name, value in getattr(dms.dms, f"describe_{kind}")().items() if name != "ResponseMetadata"
        )
        eventually(lambda left=left: left == [])
