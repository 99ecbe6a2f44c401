"""Athena of the embedded AWS: real queries behind Athena's own API, over tables of the Glue catalog in S3."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from runners.local.athena import running
from runners.local.server import EmbeddedAWS
from tests.integration.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

FINAL = {"SUCCEEDED", "FAILED", "CANCELLED"}
PATIENCE_SECONDS = 60
ENDLESS = """SELECT count(*) FROM UNNEST(sequence(1, 10000)) AS a(x), UNNEST(sequence(1, 10000)) AS b(y),
    UNNEST(sequence(1, 10000)) AS c(z) WHERE (x * y + z) % 7 = 1"""
CSV = "ROW FORMAT DELIMITED FIELDS TERMINATED BY ','"


@pytest.fixture(scope="module")
def aws() -> Iterator[EmbeddedAWS]:
    with EmbeddedAWS() as aws:
        yield aws


class Session:
    """A bucket and a database of a test's own, and the queries over them."""

    def __init__(self, aws: EmbeddedAWS) -> None:
        self.aws = aws
        self.athena, self.s3, self.glue = aws.client("athena"), aws.client("s3"), aws.client("glue")
        self.bucket = f"athena-{uuid.uuid4().hex[:12]}"
        self.database = f"db_{uuid.uuid4().hex[:12]}"
        self.output = f"s3://{self.bucket}/results/"
        self.s3.create_bucket(Bucket=self.bucket)
        self.glue.create_database(DatabaseInput={"Name": self.database})

    def put(self, key: str, body: str | bytes) -> None:
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=body)

    def get(self, key: str) -> bytes:
        return bytes(self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read())

    def at(self, location: str) -> bytes:
        return self.get(location.removeprefix(f"s3://{self.bucket}/"))

    def keys(self, prefix: str = "") -> list[str]:
        listed = self.s3.list_objects_v2(Bucket=self.bucket, Prefix=prefix)
        return [item["Key"] for item in listed.get("Contents", ())]

    def start(self, sql: str, **asked: Any) -> str:
        asked = {
            "QueryExecutionContext": {"Database": self.database},
            "ResultConfiguration": {"OutputLocation": self.output},
            **asked,
        }
        return str(self.athena.start_query_execution(QueryString=self.named(sql), **asked)["QueryExecutionId"])

    def named(self, sql: str) -> str:
        return sql.replace("{bucket}", self.bucket).replace("{db}", self.database)

    def execution(self, query_id: str) -> dict[str, Any]:
        return dict(self.athena.get_query_execution(QueryExecutionId=query_id)["QueryExecution"])

    def ended(self, query_id: str) -> dict[str, Any]:
        def final() -> dict[str, Any] | None:
            execution = self.execution(query_id)
            return execution if execution["Status"]["State"] in FINAL else None

        return dict(eventually(final, PATIENCE_SECONDS))

    def in_state(self, state: str, query_id: str) -> None:
        eventually(lambda: self.execution(query_id)["Status"]["State"] == state, PATIENCE_SECONDS)

    def run(self, sql: str, **asked: Any) -> dict[str, Any]:
        execution = self.ended(self.start(sql, **asked))
        assert execution["Status"]["State"] == "SUCCEEDED", execution["Status"]
        return execution

    def rows(self, sql: str, **asked: Any) -> list[list[str | None]]:
        """The rows of a query, without the header."""
        return self.page(self.run(sql, **asked)["QueryExecutionId"])[1:]

    def page(self, query_id: str, **asked: Any) -> list[list[str | None]]:
        found = self.athena.get_query_results(QueryExecutionId=query_id, **asked)
        return [[value.get("VarCharValue") for value in row["Data"]] for row in found["ResultSet"]["Rows"]]

    def lines(self, sql: str) -> list[str | None]:
        return [line for (line,) in self.page(self.run(sql)["QueryExecutionId"])]

    def failure(self, sql: str, **asked: Any) -> str:
        execution = self.ended(self.start(sql, **asked))
        assert execution["Status"]["State"] == "FAILED", execution["Status"]
        assert execution["Status"]["AthenaError"]["ErrorMessage"] == execution["Status"]["StateChangeReason"]
        return str(execution["Status"]["StateChangeReason"])

    def numbers(self, name: str = "numbers", rows: str = "1,one\n2,two\n3,\\N\n") -> str:
        self.put(f"{name}/data.csv", rows)
        self.run(f"CREATE EXTERNAL TABLE {name} (n int, word string) {CSV} LOCATION 's3://{{bucket}}/{name}/'")
        return name


@pytest.fixture
def session(aws: EmbeddedAWS) -> Session:
    return Session(aws)


# The life of a query


def test_a_query_runs_and_says_what_it_did(session: Session) -> None:
    session.numbers()
    execution = session.run("SELECT n, word FROM numbers WHERE n > 1 ORDER BY n")
    assert (execution["StatementType"], execution["SubstatementType"]) == ("DML", "SELECT")
    assert execution["WorkGroup"] == "primary"
    assert execution["QueryExecutionContext"] == {"Database": session.database}
    assert execution["EngineVersion"]["EffectiveEngineVersion"] == "Athena engine version 3"
    status, statistics = execution["Status"], execution["Statistics"]
    assert status["SubmissionDateTime"] <= status["CompletionDateTime"]
    assert statistics["DataScannedInBytes"] == len("1,one\n2,two\n3,\\N\n")
    assert statistics["TotalExecutionTimeInMillis"] >= statistics["EngineExecutionTimeInMillis"]
    assert statistics["ResultReuseInformation"] == {"ReusedPreviousResult": False}


def test_a_result_lies_in_s3_as_athena_lays_it_out(session: Session) -> None:
    execution = session.run("SELECT 1 AS n, 'say \"x\"' AS s, '' AS empty, CAST(NULL AS varchar) AS nothing")
    output = execution["ResultConfiguration"]["OutputLocation"]
    assert output == f"{session.output}{execution['QueryExecutionId']}.csv"
    assert session.at(output) == b'"n","s","empty","nothing"\n"1","say ""x""","",\n'
    assert b"varchar" in session.at(f"{output}.metadata")


def test_results_come_in_pages_with_a_header_on_the_first(session: Session) -> None:
    query_id = session.run("SELECT x, CAST(x AS decimal(5,1)) AS y FROM UNNEST(sequence(1, 5)) AS t(x) ORDER BY x")[
        "QueryExecutionId"
    ]
    pages = list(
        session.athena.get_paginator("get_query_results").paginate(
            QueryExecutionId=query_id, PaginationConfig={"PageSize": 2}
        )
    )
    rows = [[value["VarCharValue"] for value in row["Data"]] for page in pages for row in page["ResultSet"]["Rows"]]
    assert len(pages) == 3
    assert rows == [["x", "y"], *([str(n), f"{n}.0"] for n in range(1, 6))]
    types = [
        (column["Name"], column["Type"], column["Precision"], column["Scale"])
        for column in pages[0]["ResultSet"]["ResultSetMetadata"]["ColumnInfo"]
    ]
    assert types == [("x", "bigint", 19, 0), ("y", "decimal", 5, 1)]


def test_results_of_a_query_that_has_not_succeeded_are_refused(session: Session) -> None:
    running_query = session.start(ENDLESS)
    with pytest.raises(ClientError, match="Query has not yet finished"):
        session.page(running_query)
    session.athena.stop_query_execution(QueryExecutionId=running_query)
    session.ended(running_query)
    with pytest.raises(ClientError, match=r"Query did not finish successfully\. Final query state: CANCELLED"):
        session.page(running_query)


def test_a_running_query_is_cancelled(session: Session) -> None:
    query_id = session.start(ENDLESS)
    session.in_state("RUNNING", query_id)
    session.athena.stop_query_execution(QueryExecutionId=query_id)
    execution = session.ended(query_id)
    assert execution["Status"]["State"] == "CANCELLED"
    assert execution["Status"]["StateChangeReason"] == "Query cancelled by user"
    assert session.keys("results/") == []
    session.athena.stop_query_execution(QueryExecutionId=query_id)
    assert session.ended(query_id)["Status"]["State"] == "CANCELLED"


def test_queries_beyond_the_pool_wait_and_can_be_cancelled_while_they_do(session: Session) -> None:
    running_queries = [session.start(ENDLESS) for _ in range(running.CONCURRENT_QUERIES)]
    for query_id in running_queries:
        session.in_state("RUNNING", query_id)
    waiting, cancelled = session.start("SELECT 1"), session.start("SELECT 2")
    assert session.execution(waiting)["Status"]["State"] == "QUEUED"
    session.athena.stop_query_execution(QueryExecutionId=cancelled)
    assert session.execution(cancelled)["Status"]["State"] == "CANCELLED"
    for query_id in running_queries:
        session.athena.stop_query_execution(QueryExecutionId=query_id)
    assert session.ended(waiting)["Status"]["State"] == "SUCCEEDED"
    assert session.execution(waiting)["Statistics"]["QueryQueueTimeInMillis"] > 0


def test_an_embedded_aws_ends_with_its_queries() -> None:
    """In a process of its own, since only one runs in each."""
    script = f"""
import threading
from runners.local.server import EmbeddedAWS
with EmbeddedAWS() as aws:
    aws.client("s3").create_bucket(Bucket="bucket")
    athena = aws.client("athena")
    for _ in range(6):
        athena.start_query_execution(
            QueryString={ENDLESS!r}, ResultConfiguration={{"OutputLocation": "s3://bucket/"}}
        )
print([thread.name for thread in threading.enumerate() if thread.name.startswith("athena-query")])
"""
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=True)
    assert ended.stdout.splitlines()[-1] == "[]"


def test_a_token_starts_one_query(session: Session) -> None:
    token = uuid.uuid4().hex
    first = session.start("SELECT 1", ClientRequestToken=token)
    assert session.start("SELECT 1", ClientRequestToken=token) == first
    with pytest.raises(ClientError, match="Idempotent parameters do not match") as caught:
        session.start("SELECT 2", ClientRequestToken=token)
    assert caught.value.response["Error"]["Code"] == "InvalidRequestException"
    assert session.start("SELECT 1", ClientRequestToken=uuid.uuid4().hex) != first


def test_many_queries_are_described_at_once(session: Session) -> None:
    ids = [session.run("SELECT 1")["QueryExecutionId"] for _ in range(2)]
    unknown = str(uuid.uuid4())
    answer = session.athena.batch_get_query_execution(QueryExecutionIds=[*ids, unknown])
    assert [one["QueryExecutionId"] for one in answer["QueryExecutions"]] == ids
    assert [one["QueryExecutionId"] for one in answer["UnprocessedQueryExecutionIds"]] == [unknown]
    with pytest.raises(ClientError, match="1 to 50 ids"):
        session.athena.batch_get_query_execution(QueryExecutionIds=[str(uuid.uuid4()) for _ in range(51)])


def test_queries_are_listed_the_latest_first(session: Session) -> None:
    group = session.bucket
    session.athena.create_work_group(Name=group)
    session.athena.update_work_group(WorkGroup=group, ConfigurationUpdates={"EnforceWorkGroupConfiguration": False})
    ids = [session.start("SELECT 1", WorkGroup=group) for _ in range(3)]
    first = session.athena.list_query_executions(WorkGroup=group, MaxResults=2)
    second = session.athena.list_query_executions(WorkGroup=group, NextToken=first["NextToken"])
    assert first["QueryExecutionIds"] + second["QueryExecutionIds"] == ids[::-1]


def test_parameters_stand_for_question_marks(session: Session) -> None:
    session.numbers()
    found = session.rows("SELECT word FROM numbers WHERE n = ? OR word = ?", ExecutionParameters=["1", "'two'"])
    assert sorted(map(str, [word for (word,) in found])) == ["one", "two"]


# What is wrong


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("SELEC 1", "line 1:1: mismatched input 'SELEC'"),
        ("SELECT FROM", "mismatched input"),
        ("SELECT 1; SELECT 2", "one statement"),
        ("EXPLAIN SELECT 1", "EXPLAIN"),
    ],
)
def test_what_is_no_statement_is_refused_at_once(session: Session, sql: str, said: str) -> None:
    with pytest.raises(ClientError, match=said) as caught:
        session.start(sql)
    assert caught.value.response["Error"]["Code"] == "InvalidRequestException"


def test_bad_syntax_has_a_code_of_its_own(session: Session) -> None:
    with pytest.raises(ClientError) as caught:
        session.start("SELEC 1")
    assert caught.value.response["AthenaErrorCode"] == "MALFORMED_QUERY"


@pytest.mark.parametrize(
    ("sql", "kind"),
    [
        ("SELECT * FROM nowhere", "TABLE_NOT_FOUND"),
        ("SELECT * FROM no_database.nowhere", "SCHEMA_NOT_FOUND"),
        ("SELECT colour FROM numbers", "COLUMN_NOT_FOUND"),
        ("SELECT no_such_function(n) FROM numbers", "FUNCTION_NOT_FOUND"),
        ("SELECT n / 0 FROM numbers", "DIVISION_BY_ZERO"),
        ("SELECT CAST(word AS integer) FROM numbers", "INVALID_CAST_ARGUMENT"),
        ("SELECT * FROM read_csv('/etc/passwd')", "NOT_SUPPORTED"),
        ('SELECT * FROM "/etc/passwd"', "TABLE_NOT_FOUND"),
        ("SELECT * FROM information_schema.tables", "SCHEMA_NOT_FOUND"),
        ("SELECT * FROM duckdb_settings", "TABLE_NOT_FOUND"),
        ("DELETE FROM numbers WHERE n = 1", "NOT_SUPPORTED"),
        ("CREATE TABLE numbers AS SELECT 1 AS x", "TABLE_ALREADY_EXISTS"),
        ("INSERT INTO numbers VALUES ('x', 'y')", "TYPE_MISMATCH"),
    ],
)
def test_a_query_that_is_wrong_fails_with_athenas_name_of_the_error(session: Session, sql: str, kind: str) -> None:
    session.numbers()
    assert session.failure(sql).startswith(f"{kind}: ")


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"ResultConfiguration": {}}, "No output location provided"),
        ({"ResultConfiguration": {"OutputLocation": "s3://no-such-bucket-at-all/"}}, "output bucket"),
        ({"WorkGroup": "none"}, "WorkGroup none is not found"),
        ({"QueryExecutionContext": {"Catalog": "other"}}, "no other"),
    ],
)
def test_a_query_that_cannot_leave_a_result_is_refused(session: Session, asked: dict[str, Any], said: str) -> None:
    with pytest.raises(ClientError, match=said):
        session.start("SELECT 1", **asked)


@pytest.mark.parametrize("operation", ["get_query_execution", "get_query_results", "stop_query_execution"])
def test_a_query_that_nobody_started_is_unknown(session: Session, operation: str) -> None:
    with pytest.raises(ClientError, match="was not found"):
        getattr(session.athena, operation)(QueryExecutionId=str(uuid.uuid4()))


def test_figures_that_nobody_measures_are_refused(session: Session) -> None:
    query_id = session.run("SELECT 1")["QueryExecutionId"]
    with pytest.raises(ClientError, match="no statistics of a query's stages"):
        session.athena.get_query_runtime_statistics(QueryExecutionId=query_id)
    with pytest.raises(ClientError, match="no manifests"):
        session.athena.get_query_results(QueryExecutionId=query_id, QueryResultType="DATA_MANIFEST")


# Reading


@pytest.mark.parametrize(
    ("described", "body"),
    [
        (CSV, b"1,one\n2,two\n"),
        ("ROW FORMAT SERDE 'org.apache.hadoop.hive.serde2.OpenCSVSerde'", b'"1","one"\n"2",two\n'),
        ("ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'", b'{"N":1,"word":"one"}\n{"n":2,"word":"two"}\n'),
        ("ROW FORMAT SERDE 'org.apache.hive.hcatalog.data.JsonSerDe'", b'{"n":1,"word":"one"}\n{"n":2,"word":"two"}'),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_text_is_read_by_its_serde(session: Session, described: str, body: bytes, packed: bool) -> None:
    session.put("t/data" + (".gz" if packed else ""), gzip.compress(body) if packed else body)
    session.run(f"CREATE EXTERNAL TABLE t (n int, word string) {described} LOCATION 's3://{{bucket}}/t/'")
    assert session.rows("SELECT sum(n), max(word) FROM t") == [["3", "two"]]


def test_a_format_that_is_not_read_is_named(session: Session) -> None:
    session.run("CREATE EXTERNAL TABLE t (n int) STORED AS ORC LOCATION 's3://{bucket}/t/'")
    assert "OrcSerde" in session.failure("SELECT * FROM t")


def test_partitions_are_found_and_excluded(session: Session) -> None:
    for day in ("2024-01-01", "2024-01-02"):
        session.put(f"t/day={day}/data", "1,one\n2,two\n")
    session.run(
        f"CREATE EXTERNAL TABLE t (n int, word string) PARTITIONED BY (day date) {CSV} LOCATION 's3://{{bucket}}/t/'"
    )
    assert session.rows("SELECT * FROM t") == []
    assert session.lines("MSCK REPAIR TABLE t")[0] == "Partitions not in metastore:\tt:day=2024-01-01\tt:day=2024-01-02"
    assert session.lines("SHOW PARTITIONS t") == ["day=2024-01-01", "day=2024-01-02"]
    all_days, one_day = "SELECT count(*), max(day) FROM t", "SELECT count(*) FROM t WHERE day > DATE '2024-01-01'"
    assert session.rows(all_days) == [["4", "2024-01-02"]]
    assert session.rows(one_day) == [["2"]]
    half = session.run(one_day)["Statistics"]["DataScannedInBytes"]
    assert session.run(all_days)["Statistics"]["DataScannedInBytes"] == 2 * half


def test_partitions_are_projected(session: Session) -> None:
    for hour in ("2024/01/01/00", "2024/01/01/01", "2023/01/01/00"):
        session.put(f"logs/eu/{hour}/data", "1,one\n")
    session.run(
        f"""CREATE EXTERNAL TABLE logs (n int, word string) PARTITIONED BY (region string, hour string, id string) {CSV}
        LOCATION 's3://{{bucket}}/logs/' TBLPROPERTIES (
          'projection.enabled' = 'true',
          'projection.region.type' = 'enum', 'projection.region.values' = 'eu,us',
          'projection.hour.type' = 'date', 'projection.hour.format' = 'yyyy/MM/dd/HH',
          'projection.hour.range' = '2024/01/01/00,NOW', 'projection.hour.interval' = '1',
          'projection.hour.interval.unit' = 'HOURS',
          'projection.id.type' = 'injected',
          'storage.location.template' = 's3://{{bucket}}/${{id}}/${{region}}/${{hour}}/')"""
    )
    assert session.rows("SELECT region, hour, n FROM logs WHERE id = 'logs' ORDER BY hour") == [
        ["eu", "2024/01/01/00", "1"],
        ["eu", "2024/01/01/01", "1"],
    ]
    assert session.rows("SELECT count(*) FROM logs WHERE id = ? AND region = 'us'", ExecutionParameters=["'logs'"]) == [
        ["0"]
    ]
    assert "injected projected partition column id" in session.failure("SELECT * FROM logs")


def test_views_are_read_through(session: Session) -> None:
    session.numbers()
    session.run("CREATE VIEW big AS SELECT n * 2 AS twice, word FROM numbers WHERE n > 1")
    session.run('CREATE VIEW bigger AS SELECT twice + 1 AS "more" FROM {db}.big')
    query = "SELECT more, count(*) OVER () FROM bigger ORDER BY 1"
    assert session.rows(query) == [["5", "2"], ["7", "2"]]
    assert session.rows("SELECT count(*) FROM {db}.bigger b JOIN numbers n ON b.more > n.n") == [["6"]]
    assert session.lines("SHOW VIEWS") == ["big", "bigger"]
    described = session.glue.get_table(DatabaseName=session.database, Name="big")["Table"]
    assert described["StorageDescriptor"]["Columns"] == [
        {"Name": "twice", "Type": "int"},
        {"Name": "word", "Type": "string"},
    ]


def test_a_view_that_reads_itself_is_refused(session: Session) -> None:
    session.numbers()
    session.run("CREATE VIEW v AS SELECT n FROM numbers")
    session.run("CREATE VIEW w AS SELECT n FROM v")
    session.run("CREATE OR REPLACE VIEW v AS SELECT n FROM w")
    assert session.failure("SELECT * FROM w").startswith("INVALID_VIEW")


# Writing


@pytest.mark.parametrize("written", ["PARQUET", "JSON", "TEXTFILE"])
def test_a_table_made_of_a_query_has_its_rows(session: Session, written: str) -> None:
    session.numbers()
    query = """SELECT n, word, n = 1 AS first, CAST(n AS decimal(5,2)) AS d, 1e0 * n AS f, DATE '2024-01-02' AS day,
        TIMESTAMP '2024-01-02 03:04:05.678' AS at, ARRAY[n, NULL] AS a, MAP(ARRAY['k'], ARRAY[n]) AS m FROM numbers"""
    wanted = session.rows(f"SELECT * FROM ({query}) ORDER BY n")
    made = session.run(f"CREATE TABLE made WITH (format = '{written}') AS {query}")
    assert session.rows("SELECT * FROM made ORDER BY n") == wanted
    assert (made["StatementType"], made["SubstatementType"]) == ("DDL", "CREATE_TABLE_AS_SELECT")
    output = made["ResultConfiguration"]["OutputLocation"]
    assert output == f"{session.output}tables/{made['QueryExecutionId']}"
    assert made["Statistics"]["DataManifestLocation"] == f"{output}-manifest.csv"
    (path,) = session.at(f"{output}-manifest.csv").decode().splitlines()
    assert path.startswith(f"{output}/")
    assert session.at(path)
    answer = session.athena.get_query_results(QueryExecutionId=made["QueryExecutionId"])
    assert (answer["UpdateCount"], answer["ResultSet"]["Rows"]) == (3, [])


@pytest.mark.parametrize("written", ["PARQUET", "JSON", "TEXTFILE"])
def test_rows_are_added_to_partitions_old_and_new(session: Session, written: str) -> None:
    session.run(
        f"""CREATE TABLE t WITH (format = '{written}', external_location = 's3://{{bucket}}/t/',
        partitioned_by = ARRAY['p']) AS SELECT * FROM (VALUES (1, 'a'), (2, 'b')) AS v(n, p)"""
    )
    inserted = session.run("INSERT INTO t SELECT 3, 'b' UNION ALL SELECT 4, 'c'")
    assert (inserted["StatementType"], inserted["SubstatementType"]) == ("DML", "INSERT")
    session.run("INSERT INTO t (p) VALUES ('d')")
    assert session.rows("SELECT n, p FROM t ORDER BY p, n") == [
        ["1", "a"],
        ["2", "b"],
        ["3", "b"],
        ["4", "c"],
        [None, "d"],
    ]
    assert session.lines("SHOW PARTITIONS t") == ["p=a", "p=b", "p=c", "p=d"]
    assert [key.rpartition("/")[0] for key in session.keys("t/")] == ["t/p=a", "t/p=b", "t/p=b", "t/p=c", "t/p=d"]


@pytest.mark.parametrize("written", ["PARQUET", "JSON", "TEXTFILE"])
def test_rows_are_unloaded_into_an_empty_place(session: Session, written: str) -> None:
    session.numbers()
    unload = f"UNLOAD (SELECT n, word FROM numbers) TO 's3://{{bucket}}/unloaded/' WITH (format = '{written}')"
    execution = session.run(unload)
    manifest = session.at(execution["Statistics"]["DataManifestLocation"]).decode().splitlines()
    assert manifest == [f"s3://{session.bucket}/{key}" for key in session.keys("unloaded/")]
    assert session.failure(unload).startswith("HIVE_PATH_ALREADY_EXISTS")
    assert [table["Name"] for table in session.glue.get_tables(DatabaseName=session.database)["TableList"]] == [
        "numbers"
    ]


def test_text_is_unloaded_with_its_delimiter_and_partitions(session: Session) -> None:
    session.run(
        """UNLOAD (SELECT 1 AS n, 'x' AS s, 'a' AS p) TO 's3://{bucket}/unloaded'
        WITH (format = 'TEXTFILE', field_delimiter = ';', compression = 'none', partitioned_by = ARRAY['p'])"""
    )
    (key,) = session.keys("unloaded/")
    assert key.startswith("unloaded/p=a/")
    assert session.get(key) == b"1;x\n"


def test_text_with_escapes_gets_its_values_back(session: Session) -> None:
    session.run(
        r"""CREATE EXTERNAL TABLE t (s string, a array<string>) ROW FORMAT DELIMITED FIELDS TERMINATED BY ','
        ESCAPED BY '\\' COLLECTION ITEMS TERMINATED BY ';' LOCATION 's3://{bucket}/t/'"""
    )
    session.run(r"INSERT INTO t SELECT 'a,b\c', ARRAY['x;y', 'z']")
    assert session.rows("SELECT s, a[1], cardinality(a) FROM t") == [[r"a,b\c", "x;y", "2"]]


def test_a_table_can_be_made_without_rows(session: Session) -> None:
    session.run("CREATE TABLE t AS SELECT 1 AS n WITH NO DATA")
    assert session.rows("SELECT * FROM t") == []
    session.run("CREATE TABLE IF NOT EXISTS t AS SELECT 1 AS n")
    assert session.rows("SELECT * FROM t") == []


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TABLE t WITH (external_location = 's3://{bucket}/t/') AS SELECT 1 / n AS x FROM (VALUES 1, 0) AS u(n)",
        "CREATE TABLE t WITH (external_location = 's3://{bucket}/t/') AS SELECT 1",
        "CREATE TABLE t WITH (external_location = 's3://{bucket}/t/', bucket_count = 2) AS SELECT 1 AS x",
        "UNLOAD (SELECT 1 / n AS x FROM UNNEST(ARRAY[1, 0]) AS u(n)) TO 's3://{bucket}/t/' WITH (format = 'JSON')",
        "UNLOAD (SELECT 'a,b' AS x) TO 's3://{bucket}/t/' WITH (format = 'TEXTFILE', field_delimiter = ',')",
        "CREATE TABLE t WITH (format = 'TEXTFILE', external_location = 's3://{bucket}/t/') AS SELECT chr(10) AS x",
    ],
)
def test_a_query_that_fails_leaves_no_table_and_no_objects(session: Session, sql: str) -> None:
    session.failure(sql)
    assert session.glue.get_tables(DatabaseName=session.database)["TableList"] == []
    assert session.keys("t/") == []


def test_a_table_whose_partitions_glue_refuses_is_taken_back(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise ClientError({"Error": {"Code": "InternalServiceException", "Message": "broken"}}, "BatchCreatePartition")

    monkeypatch.setattr("runners.local.athena.catalog.Catalog.add_partitions", refuse)
    properties = "external_location = 's3://{bucket}/t/', partitioned_by = ARRAY['p']"
    made = f"CREATE TABLE t WITH ({properties}) AS SELECT 1 AS x, 2 AS p"
    assert "BatchCreatePartition: broken" in session.failure(made)
    assert session.glue.get_tables(DatabaseName=session.database)["TableList"] == []
    assert session.keys("t/") == []


def test_objects_are_encrypted_as_the_result_is(session: Session) -> None:
    configuration = {"OutputLocation": session.output, "EncryptionConfiguration": {"EncryptionOption": "SSE_S3"}}
    made = session.run("CREATE TABLE t AS SELECT 1 AS n", ResultConfiguration=configuration)
    keys = session.keys(f"results/tables/{made['QueryExecutionId']}")
    assert len(keys) == 3
    for key in keys:
        assert session.s3.head_object(Bucket=session.bucket, Key=key)["ServerSideEncryption"] == "AES256"


# Results of earlier queries


def reusing(minutes: int = 60) -> dict[str, Any]:
    age = {"Enabled": True, "MaxAgeInMinutes": minutes}
    return {"ResultReuseConfiguration": {"ResultReuseByAgeConfiguration": age}}


def test_a_result_is_taken_again_if_that_is_asked_for(session: Session) -> None:
    session.numbers()
    sql = "SELECT n FROM numbers ORDER BY n"
    first, again, anew = session.run(sql), session.run(sql, **reusing()), session.run(sql)
    assert again["Statistics"]["ResultReuseInformation"] == {"ReusedPreviousResult": True}
    assert again["Statistics"]["DataScannedInBytes"] == 0
    assert again["ResultConfiguration"]["OutputLocation"] == first["ResultConfiguration"]["OutputLocation"]
    assert session.page(again["QueryExecutionId"]) == [["n"], ["1"], ["2"], ["3"]]
    assert anew["Statistics"]["ResultReuseInformation"] == {"ReusedPreviousResult": False}


@pytest.mark.parametrize(
    "sql", ["SELECT random() AS r", "SELECT n FROM numbers WHERE n > 1", "INSERT INTO numbers VALUES (1, 'x')"]
)
def test_a_result_that_may_be_another_by_now_is_not_taken_again(session: Session, sql: str) -> None:
    session.numbers()
    if "n > 1" in sql:
        earlier = session.run(sql, **reusing())
        session.s3.delete_object(Bucket=session.bucket, Key=f"results/{earlier['QueryExecutionId']}.csv")
    else:
        session.run(sql, **reusing())
    assert session.run(sql, **reusing())["Statistics"]["ResultReuseInformation"] == {"ReusedPreviousResult": False}


def test_a_result_that_is_too_old_is_not_taken_again(session: Session) -> None:
    session.run("SELECT 1 AS x")
    assert not session.run("SELECT 1 AS x", **reusing(0))["Statistics"]["ResultReuseInformation"][
        "ReusedPreviousResult"
    ]


# Work groups, named queries, metadata


def test_a_work_group_enforces_where_results_go(session: Session) -> None:
    group = session.bucket
    own = f"s3://{session.bucket}/group/"
    session.athena.create_work_group(
        Name=group,
        Description="d",
        Configuration={"ResultConfiguration": {"OutputLocation": own}, "EnforceWorkGroupConfiguration": True},
    )
    execution = session.run("SELECT 1", WorkGroup=group)
    assert execution["ResultConfiguration"]["OutputLocation"] == f"{own}{execution['QueryExecutionId']}.csv"
    elsewhere = "CREATE TABLE t WITH (external_location = 's3://{bucket}/t/') AS SELECT 1 AS x"
    assert "enforces a centralized output location" in session.failure(elsewhere, WorkGroup=group)
    described = session.athena.get_work_group(WorkGroup=group)["WorkGroup"]
    assert (described["State"], described["Description"]) == ("ENABLED", "d")
    assert group in [one["Name"] for one in session.athena.list_work_groups()["WorkGroups"]]


def test_a_query_over_one_object_that_is_too_large_is_cancelled(session: Session) -> None:
    cutoff = 10_000_000  # bytes, the smallest that Athena takes
    session.athena.create_work_group(
        Name=session.bucket,
        Configuration={"BytesScannedCutoffPerQuery": cutoff, "EnforceWorkGroupConfiguration": False},
    )
    session.numbers("small")
    session.run("CREATE TABLE made WITH (external_location = 's3://{bucket}/large/') AS SELECT 1 AS n")
    (key,) = session.keys("large/")
    session.put(key, bytes(cutoff + 1))
    assert session.rows("SELECT count(*) FROM small", WorkGroup=session.bucket) == [["3"]]
    execution = session.ended(session.start("SELECT count(*) FROM made", WorkGroup=session.bucket))
    assert execution["Status"]["State"] == "CANCELLED"
    assert "Bytes scanned limit was exceeded" in execution["Status"]["StateChangeReason"]
    assert execution["Statistics"]["DataScannedInBytes"] == cutoff + 1


def test_a_work_group_can_be_disabled_and_goes_when_it_is_empty(session: Session) -> None:
    group = session.bucket
    session.athena.create_work_group(Name=group)
    with pytest.raises(ClientError, match="already created"):
        session.athena.create_work_group(Name=group)
    session.athena.update_work_group(WorkGroup=group, State="DISABLED")
    with pytest.raises(ClientError, match="is disabled"):
        session.start("SELECT 1", WorkGroup=group)
    query = session.athena.create_named_query(Name="q", Database="d", QueryString="SELECT 1", WorkGroup=group)
    with pytest.raises(ClientError, match="is not empty"):
        session.athena.delete_work_group(WorkGroup=group)
    session.athena.delete_work_group(WorkGroup=group, RecursiveDeleteOption=True)
    with pytest.raises(ClientError, match="does not exist"):
        session.athena.get_named_query(NamedQueryId=query["NamedQueryId"])
    for operation in ("get_work_group", "delete_work_group", "update_work_group"):
        with pytest.raises(ClientError, match="is not found"):
            getattr(session.athena, operation)(WorkGroup=group)
    with pytest.raises(ClientError, match="primary"):
        session.athena.delete_work_group(WorkGroup="primary")


def test_queries_can_be_named(session: Session) -> None:
    made = {"Name": "q", "Database": "d", "QueryString": "SELECT 1", "Description": "what it is"}
    query_id = session.athena.create_named_query(**made)["NamedQueryId"]
    found = session.athena.get_named_query(NamedQueryId=query_id)["NamedQuery"]
    assert found == {**made, "NamedQueryId": query_id, "WorkGroup": "primary"}
    session.athena.update_named_query(NamedQueryId=query_id, Name="r", QueryString="SELECT 2")
    answer = session.athena.batch_get_named_query(NamedQueryIds=[query_id, "none"])
    assert [one["Name"] for one in answer["NamedQueries"]] == ["r"]
    assert [one["NamedQueryId"] for one in answer["UnprocessedNamedQueryIds"]] == ["none"]
    assert query_id in session.athena.list_named_queries()["NamedQueryIds"]
    session.athena.delete_named_query(NamedQueryId=query_id)
    assert query_id not in session.athena.list_named_queries()["NamedQueryIds"]
    with pytest.raises(ClientError, match="1 to 50"):
        session.athena.batch_get_named_query(NamedQueryIds=["x"] * 51)


def test_athena_says_what_the_catalog_has(session: Session) -> None:
    session.numbers()
    catalog = {"CatalogName": "AwsDataCatalog"}
    pages = session.athena.get_paginator("list_databases").paginate(**catalog)
    names = [one["Name"] for page in pages for one in page["DatabaseList"]]
    assert session.database in names
    of = {**catalog, "DatabaseName": session.database}
    assert session.athena.get_database(**of)["Database"]["Name"] == session.database
    table = session.athena.get_table_metadata(**of, TableName="numbers")["TableMetadata"]
    assert table["Columns"] == [{"Name": "n", "Type": "int"}, {"Name": "word", "Type": "string"}]
    assert [one["Name"] for one in session.athena.list_table_metadata(**of)["TableMetadataList"]] == ["numbers"]
    assert session.athena.list_table_metadata(**of, Expression="x*")["TableMetadataList"] == []
    with pytest.raises(ClientError, match="MetadataException"):
        session.athena.get_table_metadata(**of, TableName="none")


# Around it


def test_each_change_of_state_is_an_event(session: Session) -> None:
    events, sqs = session.aws.client("events"), session.aws.client("sqs")
    queue = sqs.create_queue(QueueName=session.bucket)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    pattern = {"source": ["aws.athena"], "detail-type": ["Athena Query State Change"]}
    events.put_rule(Name=session.bucket, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=session.bucket, Targets=[{"Id": "queue", "Arn": arn}])
    query_id = session.run("SELECT 1")["QueryExecutionId"]
    received: dict[str, Any] = {}

    def all_of_them() -> bool:
        for message in sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", ()):
            event = json.loads(message["Body"])
            if event["detail"]["queryExecutionId"] == query_id:
                received[event["detail"]["currentState"]] = event
        return len(received) == 3

    eventually(all_of_them)
    event = received["SUCCEEDED"]
    assert (event["source"], event["detail-type"], event["resources"]) == (
        "aws.athena",
        "Athena Query State Change",
        [],
    )
    assert event["detail"] == {
        "versionId": "0",
        "currentState": "SUCCEEDED",
        "previousState": "RUNNING",
        "statementType": "DML",
        "queryExecutionId": query_id,
        "workgroupName": "primary",
        "sequenceNumber": "3",
    }
    assert "previousState" not in received["QUEUED"]["detail"]
    events.remove_targets(Rule=session.bucket, Ids=["queue"])


def test_templates_make_work_groups_and_named_queries(session: Session) -> None:
    stacks = session.aws.client("cloudformation")
    name = session.bucket

    def template(description: str, sql: str) -> str:
        configuration = {
            "EnforceWorkGroupConfiguration": True,
            "ResultConfiguration": {"OutputLocation": session.output},
        }
        resources = {
            "Group": {
                "Type": "AWS::Athena::WorkGroup",
                "Properties": {
                    "Name": name,
                    "Description": description,
                    "RecursiveDeleteOption": True,
                    "WorkGroupConfiguration": configuration,
                },
            },
            "Query": {
                "Type": "AWS::Athena::NamedQuery",
                "Properties": {"Database": "d", "QueryString": sql, "WorkGroup": {"Ref": "Group"}},
            },
        }
        outputs = {"Query": {"Value": {"Ref": "Query"}}, "Id": {"Value": {"Fn::GetAtt": ["Query", "NamedQueryId"]}}}
        version = {"Fn::GetAtt": ["Group", "WorkGroupConfiguration.EngineVersion.EffectiveEngineVersion"]}
        outputs |= {"Group": {"Value": {"Ref": "Group"}}, "Version": {"Value": version}}
        return json.dumps({"Resources": resources, "Outputs": outputs})

    def outputs() -> dict[str, str]:
        described = stacks.describe_stacks(StackName=name)["Stacks"][0]["Outputs"]
        return {output["OutputKey"]: output["OutputValue"] for output in described}

    stacks.create_stack(StackName=name, TemplateBody=template("first", "SELECT 1"))
    made = outputs()
    assert (made["Group"], made["Version"]) == (name, "Athena engine version 3")
    assert made["Query"] == made["Id"]
    assert session.run("SELECT 1", WorkGroup=name, ResultConfiguration={})["WorkGroup"] == name
    stacks.update_stack(StackName=name, TemplateBody=template("second", "SELECT 2"))
    assert session.athena.get_work_group(WorkGroup=name)["WorkGroup"]["Description"] == "second"
    query = session.athena.get_named_query(NamedQueryId=outputs()["Query"])["NamedQuery"]
    assert (query["QueryString"], query["WorkGroup"]) == ("SELECT 2", name)
    stacks.delete_stack(StackName=name)
    with pytest.raises(ClientError, match="is not found"):
        session.athena.get_work_group(WorkGroup=name)
