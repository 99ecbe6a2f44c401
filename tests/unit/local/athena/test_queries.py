from __future__ import annotations

from datetime import timedelta
from typing import Any

import botocore.session
import pytest

from runners.local.athena import queries
from runners.local.athena.queries import Change, Outcome, Query, QueryCancelledError, QueryRequest, athena_error
from runners.local.athena.sql.translation import QueryError
from runners.local.athena.statements import statement

CONFIGURATION = {"OutputLocation": "s3://b/o/"}


def query(sql: str = "SELECT 1", **asked: Any) -> Query:
    request = QueryRequest(sql, "db", "primary", "s3://b/o/", {"Database": "db"}, CONFIGURATION, **asked)
    return Query(request, statement(sql))


def started(one: Query) -> Query:
    one.submit()
    assert one.run(lambda: None)
    return one


def test_states_are_those_of_athena() -> None:
    service = botocore.session.get_session().get_service_model("athena")
    assert {*queries.FINAL, queries.QUEUED, queries.RUNNING} == set(service.shape_for("QueryExecutionState").enum)


def test_a_query_waits_runs_and_succeeds_and_tells_of_each_change() -> None:
    one, told = query(), []
    one.on_change = lambda _, change: told.append(change)
    one.submit()
    assert one.as_dict()["Status"]["State"] == "QUEUED"
    assert one.run(lambda: None)
    one.planned()
    one.succeed(Outcome(output="s3://b/o/x.csv", scanned_bytes=7))
    assert told == [
        Change(None, "QUEUED", 1),
        Change("QUEUED", "RUNNING", 2),
        Change("RUNNING", "SUCCEEDED", 3),
    ]
    answer = one.as_dict()
    assert answer["Status"].keys() == {"State", "SubmissionDateTime", "CompletionDateTime"}
    assert answer["Statistics"]["DataScannedInBytes"] == 7
    assert answer["ResultConfiguration"] == {"OutputLocation": "s3://b/o/x.csv"}
    assert one.ended.is_set()


def test_who_is_told_of_a_change_may_look_at_the_query() -> None:
    one, seen = query(), []
    one.on_change = lambda query, _: seen.append(query.as_dict()["Status"]["State"])
    started(one).fail(QueryError("SYNTAX_ERROR", "wrong"))
    assert seen == ["QUEUED", "RUNNING", "FAILED"]


def test_a_query_that_waits_is_cancelled_at_once() -> None:
    one = query()
    one.submit()
    one.cancel()
    assert one.state == "CANCELLED"
    assert not one.run(lambda: None)


def test_a_query_that_runs_is_interrupted_once_and_then_is_cancelled_whatever_its_error() -> None:
    one, interrupted = query(), []
    one.submit()
    one.run(lambda: interrupted.append(True))
    one.go_on()
    one.cancel()
    one.cancel()
    assert interrupted == [True]
    assert one.state == "RUNNING"
    with pytest.raises(QueryCancelledError):
        one.go_on()
    one.fail(QueryError("GENERIC_INTERNAL_ERROR", "interrupted"), 5)
    status = one.as_dict()["Status"]
    assert (status["State"], status["StateChangeReason"]) == ("CANCELLED", "Query cancelled by user")
    assert "AthenaError" not in status
    assert one.as_dict()["Statistics"]["DataScannedInBytes"] == 5


def test_a_query_that_reads_more_than_it_may_is_cancelled() -> None:
    one = started(query(scan_limit_bytes=10))
    one.go_on(10)
    with pytest.raises(QueryCancelledError) as caught:
        one.go_on(11)
    one.fail(caught.value, 11)
    status = one.as_dict()["Status"]
    assert status["State"] == "CANCELLED"
    assert status["StateChangeReason"] == "Query cancelled! : Bytes scanned limit was exceeded"


def test_a_final_state_stays() -> None:
    one = started(query())
    one.succeed(Outcome())
    one.cancel()
    one.fail(QueryError("SYNTAX_ERROR", "late"))
    assert one.state == "SUCCEEDED"


def test_a_failure_says_why() -> None:
    one = started(query())
    one.fail(QueryError("TABLE_NOT_FOUND", "Table 'x' does not exist"))
    status = one.as_dict()["Status"]
    assert status["StateChangeReason"] == "TABLE_NOT_FOUND: Table 'x' does not exist"
    assert status["AthenaError"] == {
        "ErrorCategory": 2,
        "ErrorType": 1006,
        "Retryable": False,
        "ErrorMessage": "TABLE_NOT_FOUND: Table 'x' does not exist",
    }


@pytest.mark.parametrize(
    ("kind", "category", "number"),
    [("HIVE_BAD_DATA", 2, 1001), ("DIVISION_BY_ZERO", 2, 1009), ("GENERIC_INTERNAL_ERROR", 1, 200)],
)
def test_errors_are_the_users_or_the_systems(kind: str, category: int, number: int) -> None:
    described = athena_error(QueryError(kind, "wrong"))
    assert (described["ErrorCategory"], described["ErrorType"]) == (category, number)


def test_a_query_answers_what_it_was_asked() -> None:
    asked = query("CREATE TABLE t AS SELECT 1 AS x", parameters=("1",), reuse_max_age=timedelta(minutes=5)).as_dict()
    assert (asked["StatementType"], asked["SubstatementType"]) == ("DDL", "CREATE_TABLE_AS_SELECT")
    assert asked["ExecutionParameters"] == ["1"]
    assert asked["ResultReuseConfiguration"]["ResultReuseByAgeConfiguration"] == {"Enabled": True, "MaxAgeInMinutes": 5}
    assert asked["ResultConfiguration"]["OutputLocation"].startswith("s3://b/o/tables/")
    assert "ExecutionParameters" not in query().as_dict()


@pytest.mark.parametrize(
    ("encryption", "settings"),
    [
        (None, {}),
        ({"EncryptionOption": "SSE_S3"}, {"ServerSideEncryption": "AES256"}),
        (
            {"EncryptionOption": "SSE_KMS", "KmsKey": "key"},
            {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "key"},
        ),
    ],
)
def test_objects_are_encrypted_as_asked(encryption: dict[str, str] | None, settings: dict[str, str]) -> None:
    configuration = {**CONFIGURATION, **({"EncryptionConfiguration": encryption} if encryption else {})}
    assert QueryRequest("SELECT 1", "db", "primary", "s3://b/o/", {}, configuration).encryption == settings
