# ruff: noqa: N803  # arguments are named as boto3 names them
from __future__ import annotations

import json
import uuid
from collections import Counter
from datetime import datetime, timedelta, timezone

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ParamValidationError, ReadTimeoutError
from botocore.validate import validate_parameters

from runners.errors import InvalidInputError, StartLaterError, StartRefusedError, StopFailedError
from runners.job import Failed, Running, Succeeded
from runners.services.athena import (
    FAILED,
    FAILED_STATES,
    RUNNING_STATES,
    SUCCEEDED_STATES,
    Athena,
    AthenaRequest,
    estimated_cost_usd,
)
from runners.testing import SimulatedAWS
from tests.unit.doubles import Clock, Faults, active_job, client_error

NOW = Clock().now
SQL = {"AthenaQueryString": "SELECT 1", "AthenaDatabase": "sales"}
MB = 1024 * 1024
GONE = client_error("InvalidRequestException", "Query has not been found")


class AthenaDouble:
    """Athena's client over queries that a test puts there; it remembers start tokens, as Athena does."""

    def __init__(self):
        self.meta = boto3.client("athena").meta
        self.call = Faults()
        self.started = {}  # parameters by token
        self.queries = {}  # by id
        self.unprocessed = set()
        self.named = {}  # by id
        self.unprocessed_named = set()
        self.batches = []
        self.stopped = []

    def _made(self, operation, call, effect):
        model = self.meta.service_model.operation_model(operation).input_shape
        validate_parameters(call, model)
        return self.call(operation, effect)

    def start_query_execution(self, **call):
        def effect():
            token = call["ClientRequestToken"]
            if self.started.setdefault(token, call) != call:
                raise client_error("InvalidRequestException", "Idempotent parameters do not match")
            return {"QueryExecutionId": f"query of {token[:8]}"}

        return self._made("StartQueryExecution", call, effect)

    def batch_get_query_execution(self, QueryExecutionIds):
        def effect():
            self.batches.append(len(QueryExecutionIds))
            given = [one for one in QueryExecutionIds if one in self.queries and one not in self.unprocessed]
            others = [one for one in QueryExecutionIds if one not in given]
            return {
                "QueryExecutions": [self.queries[one] for one in given],
                "UnprocessedQueryExecutionIds": [{"QueryExecutionId": one, "ErrorCode": "?"} for one in others],
            }

        return self._made("BatchGetQueryExecution", {"QueryExecutionIds": QueryExecutionIds}, effect)

    def get_query_execution(self, QueryExecutionId):
        def effect():
            if QueryExecutionId not in self.queries:
                raise GONE
            return {"QueryExecution": self.queries[QueryExecutionId]}

        return self._made("GetQueryExecution", {"QueryExecutionId": QueryExecutionId}, effect)

    def stop_query_execution(self, QueryExecutionId):
        return self._made(
            "StopQueryExecution",
            {"QueryExecutionId": QueryExecutionId},
            lambda: self.stopped.append(QueryExecutionId) or {},
        )

    def get_named_query(self, NamedQueryId):
        def effect():
            if NamedQueryId not in self.named:
                raise client_error("InvalidRequestException", "NamedQuery was not found")
            return {"NamedQuery": self.named[NamedQueryId]}

        return self._made("GetNamedQuery", {"NamedQueryId": NamedQueryId}, effect)

    def list_named_queries(self, **call):
        def effect():
            group = call.get("WorkGroup", "primary")
            ids = [one for one, query in self.named.items() if query["WorkGroup"] == group]
            start = int(call.get("NextToken", "0"))
            end = start + call["MaxResults"]
            page = {"NamedQueryIds": ids[start:end]} if ids else {}
            return page | ({"NextToken": str(end)} if end < len(ids) else {})

        return self._made("ListNamedQueries", call, effect)

    def batch_get_named_query(self, NamedQueryIds):
        def effect():
            return {
                "NamedQueries": [self.named[one] for one in NamedQueryIds if one not in self.unprocessed_named],
                "UnprocessedNamedQueryIds": [{"NamedQueryId": one} for one in self.unprocessed_named],
            }

        return self._made("BatchGetNamedQuery", {"NamedQueryIds": NamedQueryIds}, effect)

    def save(self, name="daily", group="primary", sql="SELECT 2"):
        """Save a named query and return its id."""
        query_id = str(uuid.uuid4())
        self.named[query_id] = {
            "Name": name,
            "Database": "marketing",
            "QueryString": sql,
            "NamedQueryId": query_id,
            "WorkGroup": group,
        }
        return query_id


@pytest.fixture
def client():
    return AthenaDouble()


@pytest.fixture
def athena(client):
    return Athena(client)


def job_of(number=0, **request):
    return active_job(number, runner="athena", request=request or SQL)


def started(number=0):
    return job_of(number).started(f"q{number}")


def query_of(number=0, state="SUCCEEDED", statistics=(), status=(), **changes):
    return {
        "QueryExecutionId": f"q{number}",
        "Query": "SELECT 1",
        "StatementType": "DML",
        "Status": {"State": state, "SubmissionDateTime": NOW, **dict(status)},
        "Statistics": dict(statistics),
    } | changes


def status_of(athena, client, query):
    client.queries["q0"] = query
    return athena.describe([started()])[job_of().task_key]


# Requests


def test_a_query_with_its_database_is_enough(athena, client):
    athena.validate(SQL)
    assert athena.start(job_of()) == f"query of {job_of().task_key[:8]}"
    assert client.started == {
        job_of().task_key: {
            "QueryString": "SELECT 1",
            "ClientRequestToken": job_of().task_key,
            "QueryExecutionContext": {"Database": "sales"},
        }
    }


def test_all_that_is_asked_for_is_passed_on(athena, client):
    request = SQL | {
        "AthenaResultOutputLocation": "s3://results/daily/",
        "AthenaResultEncryptionOption": "SSE_KMS",
        "AthenaResultKmsKey": " arn:aws:kms:us-east-1:123456789012:key/Ab ",
        "WorkGroup": "etl",
        "Catalog": "lambda:mine",
        "ExecutionParameters": ["5", "'a'"],
        "ResultReuseMaxAgeInMinutes": 0,
    }
    athena.validate(request)
    athena.start(job_of(**request))
    (call,) = client.started.values()
    assert call["QueryExecutionContext"] == {"Database": "sales", "Catalog": "lambda:mine"}
    assert call["ResultConfiguration"] == {
        "OutputLocation": "s3://results/daily/",
        "EncryptionConfiguration": {
            "EncryptionOption": "SSE_KMS",
            "KmsKey": " arn:aws:kms:us-east-1:123456789012:key/Ab ",
        },
    }
    assert (call["WorkGroup"], call["ExecutionParameters"]) == ("etl", ["5", "'a'"])
    assert call["ResultReuseConfiguration"] == {
        "ResultReuseByAgeConfiguration": {"Enabled": True, "MaxAgeInMinutes": 0}
    }


def test_a_result_that_is_encrypted_by_s3_needs_no_key(athena, client):
    athena.start(job_of(**SQL, AthenaResultEncryptionOption="SSE_S3"))
    (call,) = client.started.values()
    assert call["ResultConfiguration"] == {"EncryptionConfiguration": {"EncryptionOption": "SSE_S3"}}


@pytest.mark.parametrize(
    ("request_", "field", "problem"),
    [
        ({}, "(input)", "give AthenaQueryString with AthenaDatabase, or AthenaNamedQuery"),
        (SQL | {"AthenaNamedQuery": "daily"}, "(input)", "or AthenaNamedQuery"),
        ({"AthenaQueryString": "SELECT hush"}, "(input)", "needs AthenaDatabase"),
        ({"AthenaNamedQuery": "daily", "AthenaDatabase": "sales"}, "(input)", "database of its own"),
        ({"AthenaQueryString": "", "AthenaDatabase": "sales"}, "AthenaQueryString", "at least 1"),
        ({"AthenaQueryString": "x" * 262_145, "AthenaDatabase": "sales"}, "AthenaQueryString", "at most 262144"),
        (SQL | {"AthenaResultOutputLocation": "hush"}, "AthenaResultOutputLocation", ""),
        (SQL | {"AthenaResultOutputLocation": "http://hush"}, "AthenaResultOutputLocation", "match pattern"),
        (SQL | {"AthenaResultEncryptionOption": "hush"}, "AthenaResultEncryptionOption", "SSE_S3"),
        (SQL | {"AthenaResultEncryptionOption": "SSE_KMS"}, "(input)", "needs AthenaResultKmsKey"),
        (SQL | {"AthenaResultEncryptionOption": "CSE_KMS"}, "(input)", "needs AthenaResultKmsKey"),
        (SQL | {"AthenaResultEncryptionOption": "SSE_S3", "AthenaResultKmsKey": "hush"}, "(input)", "only"),
        (SQL | {"AthenaResultKmsKey": "hush"}, "(input)", "only"),
        (SQL | {"WorkGroup": "no spaces hush"}, "WorkGroup", "match pattern"),
        (SQL | {"Catalog": ""}, "Catalog", "at least 1"),
        (SQL | {"ExecutionParameters": []}, "ExecutionParameters", "at least 1"),
        (SQL | {"ExecutionParameters": ["a", 5]}, "ExecutionParameters.1", "valid string"),
        (SQL | {"ResultReuseMaxAgeInMinutes": -1}, "ResultReuseMaxAgeInMinutes", "greater than or equal to 0"),
        (SQL | {"ResultReuseMaxAgeInMinutes": 10_081}, "ResultReuseMaxAgeInMinutes", "less than or equal to 10080"),
        (SQL | {"AthenaQuery": "hush"}, "AthenaQuery", "not permitted"),
    ],
)
def test_a_wrong_request_is_refused_by_field_and_never_by_value(athena, request_, field, problem):
    with pytest.raises(InvalidInputError) as caught:
        athena.validate(request_)
    assert list(caught.value.problems) == [field]
    assert problem in caught.value.problems[field]
    assert "hush" not in str(caught.value)


def test_the_limits_are_those_of_botocore_s_service_model(client):
    shape = client.meta.service_model.shape_for
    fields = AthenaRequest.model_json_schema()["properties"]
    assert fields["AthenaQueryString"]["anyOf"][0]["maxLength"] == shape("QueryString").metadata["max"]
    assert fields["AthenaDatabase"]["anyOf"][0]["maxLength"] == shape("DatabaseString").metadata["max"]
    assert fields["ResultReuseMaxAgeInMinutes"]["anyOf"][0]["maximum"] == shape("Age").metadata["max"]
    assert fields["AthenaResultEncryptionOption"]["anyOf"][0]["enum"] == shape("EncryptionOption").enum


# Starting


def test_a_start_whose_answer_was_lost_is_repeated_and_gives_the_one_query(athena, client):
    client.call.after("StartQueryExecution", ReadTimeoutError(endpoint_url="https://athena"))
    client.call.after("StartQueryExecution", client_error("InternalServerException", status=500))
    athena.start(job_of())
    assert len(client.started) == 1
    assert client.call.calls["StartQueryExecution"] == 3


def test_a_job_that_was_started_before_a_crash_is_started_again_and_gives_the_same_query(athena):
    first = athena.start(job_of())
    assert athena.find(job_of()) is None
    assert athena.start(job_of()) == first


def test_too_many_queries_mean_later_not_failed(athena, client):
    client.call.before("StartQueryExecution", client_error("TooManyRequestsException", "queries"), times=5)
    with pytest.raises(StartLaterError, match="TooManyRequestsException: queries"):
        athena.start(job_of())
    assert not client.started


def test_a_start_that_was_throttled_for_a_moment_is_repeated(athena, client):
    client.call.before("StartQueryExecution", client_error("TooManyRequestsException"), times=2)
    athena.start(job_of())
    assert len(client.started) == 1


def test_a_start_that_never_reached_athena_is_made_later(athena, client):
    client.call.before("StartQueryExecution", EndpointConnectionError(endpoint_url="https://athena"), times=5)
    with pytest.raises(StartLaterError, match="cannot be reached"):
        athena.start(job_of())


def test_a_start_that_athena_will_never_make_is_refused_with_what_it_said(athena, client):
    client.call.before("StartQueryExecution", client_error("InvalidRequestException", "mismatched input"))
    with pytest.raises(StartRefusedError) as caught:
        athena.start(job_of())
    assert caught.value.error == FAILED == "AthenaQueryFailedError"
    assert caught.value.cause == {
        "AthenaQueryExecutionId": "",
        "AthenaQueryExecutionState": "NOT_STARTED",
        "AthenaQueryExecutionStateChangeReason": "InvalidRequestException: mismatched input",
    }


def test_a_start_that_botocore_cannot_send_is_refused_without_the_sql(athena, client):
    with pytest.raises(StartRefusedError, match="Invalid length") as caught:
        athena.start(job_of(**SQL, ExecutionParameters=[""]))
    assert "SELECT" not in str(caught.value)
    with pytest.raises(ParamValidationError):
        client.start_query_execution(QueryString="")


def test_a_refusal_tells_no_parameter_of_the_query_nor_its_text(athena, client):
    said = "line 1:8: mismatched input 'FORM' in SELECT 1 with 'hush'; Value 'more hush' at 'workGroup'"
    client.call.before("StartQueryExecution", client_error("InvalidRequestException", said))
    with pytest.raises(StartRefusedError, match="mismatched input 'FORM'") as caught:
        athena.start(job_of(**SQL, ExecutionParameters=["'hush'"]))
    assert "SELECT" not in str(caught.value)
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize("code", ["InternalServerException", "SomeServerException"])
def test_a_start_that_stays_unclear_is_neither_refused_nor_put_off(athena, client, code):
    client.call.before("StartQueryExecution", client_error(code, status=500), times=5)
    with pytest.raises(ClientError, match=code):
        athena.start(job_of())


# Named queries


def marked(athena, job):
    return job.marked(athena.mark(job), None)


def test_a_query_that_is_given_as_sql_needs_no_mark(athena, client):
    assert athena.mark(job_of()) == {}
    assert athena.singleton(job_of()) is None
    assert client.call.calls == {}


def test_a_named_query_is_read_by_its_id_and_runs_in_its_own_database_and_work_group(athena, client):
    job = job_of(AthenaNamedQuery=client.save(group="etl"))
    athena.validate(job.request)
    athena.start(marked(athena, job))
    (call,) = client.started.values()
    assert call["QueryString"] == "SELECT 2"
    assert call["QueryExecutionContext"] == {"Database": "marketing"}
    assert call["WorkGroup"] == "etl"


def test_a_named_query_runs_in_the_work_group_that_the_task_names(athena, client):
    job = job_of(AthenaNamedQuery=client.save(group="etl"), WorkGroup="other")
    athena.start(marked(athena, job))
    (call,) = client.started.values()
    assert call["WorkGroup"] == "other"


def test_a_named_query_that_is_changed_between_two_starts_is_started_as_it_was(athena, client):
    query_id = client.save()
    job = marked(athena, job_of(AthenaNamedQuery=query_id))
    first = athena.start(job)
    client.named[query_id]["QueryString"] = "SELECT 3"
    assert athena.start(job) == first
    assert json.loads(json.dumps(job.mark)) == job.mark


def test_a_named_query_is_found_by_its_name_in_its_work_group_over_many_pages(athena, client):
    for number in range(120):
        client.save(f"other {number}")
    client.save(sql="SELECT 4")
    client.save(group="etl", sql="SELECT 5")
    assert athena.mark(job_of(AthenaNamedQuery="daily"))["QueryString"] == "SELECT 4"
    assert client.call.calls == {"ListNamedQueries": 3, "BatchGetNamedQuery": 3}
    assert athena.mark(job_of(AthenaNamedQuery="daily", WorkGroup="etl"))["QueryString"] == "SELECT 5"


@pytest.mark.parametrize("count", [0, 2])
def test_a_name_that_is_not_one_query_s_alone_is_refused(athena, client, count):
    for _ in range(count):
        client.save()
    with pytest.raises(StartRefusedError, match=f"{count} named queries have the name daily") as caught:
        athena.mark(job_of(AthenaNamedQuery="daily"))
    assert caught.value.cause["AthenaNamedQuery"] == "daily"
    assert caught.value.cause["AthenaQueryExecutionState"] == "NOT_STARTED"


def test_a_named_query_that_may_be_among_those_that_were_not_given_is_looked_for_later(athena, client):
    client.unprocessed_named.add(client.save())
    with pytest.raises(StartLaterError, match="did not give 1 named queries"):
        athena.mark(job_of(AthenaNamedQuery="daily"))


def test_a_named_query_that_athena_does_not_know_is_refused(athena):
    with pytest.raises(StartRefusedError, match="NamedQuery was not found"):
        athena.mark(job_of(AthenaNamedQuery=str(uuid.uuid4())))


def test_a_named_query_that_cannot_be_read_now_is_read_later(athena, client):
    query_id = client.save()
    client.call.before("GetNamedQuery", client_error("TooManyRequestsException"), times=5)
    with pytest.raises(StartLaterError):
        athena.mark(job_of(AthenaNamedQuery=query_id))


def test_nor_does_one_fit_whose_parameters_leave_it_no_room(athena, client):
    query_id = client.save(sql="x" * 200_000)
    athena.mark(job_of(AthenaNamedQuery=query_id, ExecutionParameters=["x" * 180_000]))
    with pytest.raises(StartRefusedError, match="too long to be recorded"):
        athena.mark(job_of(AthenaNamedQuery=query_id, ExecutionParameters=["x" * 200_000]))


def test_a_named_query_that_does_not_fit_into_a_record_is_refused(athena, client):
    query_id = client.save(sql="ü" * 131_072)
    with pytest.raises(StartRefusedError, match="too long to be recorded"):
        athena.mark(job_of(AthenaNamedQuery=query_id))


# States


def test_every_state_of_athena_s_enum_is_decided_once(client):
    enum = client.meta.service_model.shape_for("QueryExecutionState").enum
    decided = Counter([*RUNNING_STATES, *SUCCEEDED_STATES, *FAILED_STATES])
    assert set(decided) == set(enum)
    assert set(decided.values()) == {1}


@pytest.mark.parametrize("state", ["QUEUED", "RUNNING", "PONDERING"])
def test_a_query_in_this_state_or_one_that_athena_gets_later_runs(athena, client, state):
    assert status_of(athena, client, query_of(state=state)) == Running(state)


def test_the_output_tells_of_the_query_with_times_in_iso_8601_and_utc(athena, client):
    east = timezone(timedelta(hours=2))
    query = query_of(
        status={
            "SubmissionDateTime": datetime(2026, 1, 31, 6, 6, 6, 789_000, east),
            "CompletionDateTime": datetime(2026, 1, 31, 6, 7, 6, tzinfo=east),
        },
        statistics={
            "EngineExecutionTimeInMillis": 900,
            "QueryQueueTimeInMillis": 20,
            "QueryPlanningTimeInMillis": 30,
            "TotalExecutionTimeInMillis": 1000,
            "DataScannedInBytes": 20 * MB,
            "ResultReuseInformation": {"ReusedPreviousResult": False},
        },
        ResultConfiguration={"OutputLocation": "s3://results/q0.csv"},
    )
    output = status_of(athena, client, query).output
    assert output == {
        "AthenaQueryString": "SELECT 1",
        "AthenaQueryExecutionId": "q0",
        "AthenaQueryExecutionState": "SUCCEEDED",
        "AthenaQueryExecutionStateChangeReason": None,
        "AthenaQuerySubmissionDateTime": "2026-01-31T04:06:06.789000+00:00",
        "AthenaQueryCompletionDateTime": "2026-01-31T04:07:06+00:00",
        "AthenaQueryEngineExecutionTimeInMillis": 900,
        "AthenaQueryQueueTimeInMillis": 20,
        "AthenaQueryPlanningTimeInMillis": 30,
        "AthenaQueryTotalExecutionTimeInMillis": 1000,
        "AthenaQueryDataScannedInBytes": 20 * MB,
        "AthenaResultReused": False,
        "AthenaResultOutputLocation": "s3://results/q0.csv",
        "AthenaEstimatedCostUSD": 0.00009537,
        "ConsoleLink": "https://us-east-1.console.aws.amazon.com/athena/home?region=us-east-1#/query-editor/history/q0",
    }
    json.dumps(output)


def test_what_athena_does_not_tell_is_null(athena, client):
    query = {"QueryExecutionId": "q0", "Status": {"State": "SUCCEEDED"}}
    output = status_of(athena, client, query).output
    assert output["AthenaQueryCompletionDateTime"] is None
    assert output["AthenaQueryDataScannedInBytes"] is None
    assert output["AthenaResultOutputLocation"] is None
    assert output["AthenaEstimatedCostUSD"] == 0


def test_a_query_that_failed_fails_its_task_with_what_athena_said(athena, client):
    error = {"ErrorCategory": 2, "ErrorType": 1001, "Retryable": True, "ErrorMessage": "out of luck"}
    status = status_of(
        athena, client, query_of(state="FAILED", status={"StateChangeReason": "no", "AthenaError": error})
    )
    assert status.error == "AthenaQueryFailedError"
    assert status.cause["AthenaQueryExecutionId"] == "q0"
    assert status.cause["AthenaQueryExecutionState"] == "FAILED"
    assert status.cause["AthenaQueryExecutionStateChangeReason"] == "no"
    assert status.cause["AthenaError"] == error
    assert status.cause["ConsoleLink"].endswith("/q0")
    assert "SELECT" not in json.dumps(status.cause)


def test_a_query_that_was_cancelled_fails_its_task(athena, client):
    status = status_of(athena, client, query_of(state="CANCELLED", statistics={"DataScannedInBytes": 30 * MB}))
    assert isinstance(status, Failed)
    assert status.cause["AthenaQueryExecutionState"] == "CANCELLED"
    assert status.cause["AthenaError"] == dict.fromkeys(("ErrorCategory", "ErrorType", "Retryable", "ErrorMessage"))
    assert status.cause["AthenaEstimatedCostUSD"] == 0.00014305


@pytest.mark.parametrize(
    ("state", "kind", "scanned", "charged_megabytes"),
    [
        ("SUCCEEDED", "DML", 0, 10),
        ("SUCCEEDED", "DML", 1, 10),
        ("SUCCEEDED", "DML", 10 * MB, 10),
        ("SUCCEEDED", "DML", 10 * MB + 1, 11),
        ("SUCCEEDED", "DML", MB * MB, MB),
        ("SUCCEEDED", "DDL", 0, 0),
        ("SUCCEEDED", "DDL", 12 * MB, 12),  # CREATE TABLE AS SELECT is sometimes called DDL
        ("SUCCEEDED", "UTILITY", 0, 0),
        ("FAILED", "DML", 12 * MB, 0),
        ("CANCELLED", "DML", 0, 0),
        ("CANCELLED", "DML", 12 * MB, 12),
    ],
)
def test_a_query_costs_what_it_scanned_by_the_megabyte_and_ten_at_least(state, kind, scanned, charged_megabytes):
    query = query_of(state=state, statistics={"DataScannedInBytes": scanned}, StatementType=kind)
    assert estimated_cost_usd(query) == pytest.approx(5 * charged_megabytes / MB, abs=1e-8)


def test_a_result_that_was_reused_costs_nothing(athena, client):
    reused = {"ResultReuseInformation": {"ReusedPreviousResult": True}, "DataScannedInBytes": 0}
    output = status_of(athena, client, query_of(statistics=reused)).output
    assert output["AthenaResultReused"] is True
    assert output["AthenaEstimatedCostUSD"] == 0


# Asking for many


def test_queries_are_asked_for_fifty_a_call(athena, client):
    client.queries = {f"q{number}": query_of(number) for number in range(120)}
    statuses = athena.describe([started(number) for number in range(120)])
    assert len(statuses) == 120
    assert client.batches == [50, 50, 20]


def test_queries_in_different_states_are_told_apart(athena, client):
    states = ("RUNNING", "SUCCEEDED", "FAILED")
    client.queries = {f"q{number}": query_of(number, state) for number, state in enumerate(states)}
    statuses = athena.describe([started(number) for number in range(3)])
    assert [type(statuses[started(number).task_key]) for number in range(3)] == [Running, Succeeded, Failed]


def test_a_query_that_athena_does_not_know_any_more_has_failed_and_the_others_have_not(athena, client):
    client.queries["q1"] = query_of(1)
    statuses = athena.describe([started(0), started(1)])
    cause = statuses[started(0).task_key].cause
    assert cause["AthenaQueryExecutionState"] == "UNKNOWN"
    assert "Query has not been found" in cause["AthenaQueryExecutionStateChangeReason"]
    assert isinstance(statuses[started(1).task_key], Succeeded)


def test_a_query_that_a_batch_left_out_is_asked_for_by_itself(athena, client):
    client.queries["q0"] = query_of(state="RUNNING")
    client.unprocessed.add("q0")
    assert athena.describe([started()]) == {started().task_key: Running("RUNNING")}


def test_nothing_is_concluded_of_a_query_that_athena_does_not_answer_about(athena, client):
    client.queries = {f"q{number}": query_of(number) for number in range(60)}
    client.unprocessed.add("q55")
    client.call.before("BatchGetQueryExecution", client_error("InternalServerException", status=500), times=5)
    client.call.before("GetQueryExecution", client_error("AccessDeniedException"))
    statuses = athena.describe([started(number) for number in range(60)])
    assert set(statuses) == {started(number).task_key for number in range(50, 60) if number != 55}


def test_throttling_is_waited_out(athena, client, naps):
    client.queries["q0"] = query_of()
    client.call.before("BatchGetQueryExecution", client_error("ThrottlingException"), times=4)
    assert isinstance(athena.describe([started()])[started().task_key], Succeeded)
    assert len(naps) == 4


# Stopping


def test_each_query_is_stopped_by_its_id(athena, client):
    athena.stop([started(0), started(1), job_of(2)])
    assert client.stopped == ["q0", "q1"]


@pytest.mark.parametrize("state", ["SUCCEEDED", "CANCELLED", None])
def test_a_query_that_has_ended_already_or_is_gone_is_no_error(athena, client, state):
    if state:
        client.queries["q0"] = query_of(state=state)
    client.call.before("StopQueryExecution", GONE)
    athena.stop([started()])


def test_a_query_that_goes_on_though_it_was_to_be_stopped_is_an_error_and_the_others_are_stopped(athena, client):
    client.queries["q0"] = query_of(state="RUNNING")
    client.call.before("StopQueryExecution", client_error("AccessDeniedException"))
    with pytest.raises(StopFailedError, match="did not stop q0"):
        athena.stop([started(0), started(1)])
    assert client.stopped == ["q1"]


def test_a_query_of_which_nothing_is_known_may_go_on(athena, client):
    client.call.before("StopQueryExecution", client_error("AccessDeniedException"))
    client.call.before("GetQueryExecution", client_error("AccessDeniedException"))
    with pytest.raises(StopFailedError):
        athena.stop([started()])


def test_a_throttled_stop_is_repeated(athena, client):
    client.call.before("StopQueryExecution", client_error("TooManyRequestsException"), times=4)
    athena.stop([started()])
    assert client.stopped == ["q0"]


# Events


def event(**changes):
    return {
        "version": "0",
        "id": "abcdef00-1234-5678-9abc-def012345678",
        "detail-type": "Athena Query State Change",
        "source": "aws.athena",
        "account": "123456789012",
        "time": "2026-01-31T04:05:06Z",
        "region": "us-east-1",
        "resources": [],
        "detail": {
            "versionId": "0",
            "currentState": "SUCCEEDED",
            "previousState": "RUNNING",
            "statementType": "DML",
            "queryExecutionId": "01234567-0123-0123-0123-012345678901",
            "workgroupName": "primary",
            "sequenceNumber": "3",
        },
    } | changes


def test_an_event_of_athena_speaks_of_its_query(athena):
    assert athena.run_of_event(event()) == "01234567-0123-0123-0123-012345678901"


@pytest.mark.parametrize(
    "other",
    [{}, event(source="aws.glue"), event(**{"detail-type": "Athena Capacity Change"}), event(detail={})],
)
def test_any_other_event_speaks_of_no_query(athena, other):
    assert athena.run_of_event(other) is None


def test_athena_works_with_a_client_of_boto3(aws):
    client = boto3.client("athena")
    query_id = client.create_named_query(Name="daily", Database="sales", QueryString="SELECT 1")["NamedQueryId"]
    athena = Athena(client)
    job = marked(athena, job_of(AthenaNamedQuery=query_id, AthenaResultOutputLocation="s3://results/"))
    run_id = athena.start(job)
    execution = client.get_query_execution(QueryExecutionId=run_id)["QueryExecution"]
    assert execution["Query"] == "SELECT 1"
    assert execution["QueryExecutionContext"] == {"Database": "sales"}
    athena.stop([job.started(run_id)])


# What only a lost answer has told of


@pytest.fixture
def simulated():
    aws = SimulatedAWS()
    return aws, Athena(aws.athena)


def submitted(aws, sql="SELECT 1", **changes):
    aws.athena.start_query_execution(QueryString=sql, **changes)


def a_job(aws, **changes):
    request = {"AthenaQueryString": "SELECT 1", "AthenaDatabase": "shop"}
    return active_job(claimed_at=aws.clock(), request=request | changes)


def test_a_query_may_have_been_submitted_if_one_of_its_sql_was_since_the_claim(simulated):
    aws, athena = simulated
    job = a_job(aws)
    assert not athena.was_submitted(job)
    submitted(aws, "SELECT 2")
    assert not athena.was_submitted(job)
    submitted(aws)
    assert athena.was_submitted(job)


def test_what_was_submitted_long_before_the_claim_or_in_another_work_group_is_not_the_job_s(simulated):
    aws, athena = simulated
    submitted(aws)
    aws.clock.step(3600)
    submitted(aws, WorkGroup="other")
    assert not athena.was_submitted(a_job(aws))
    assert athena.was_submitted(a_job(aws, WorkGroup="other"))


def test_a_query_is_looked_for_among_some_hundreds_and_taken_for_submitted_beyond(simulated):
    aws, athena = simulated
    submitted(aws)
    job = a_job(aws)
    for _ in range(120):
        submitted(aws, "SELECT 2")
    assert athena.was_submitted(job)
    assert aws.athena.calls["list_query_executions"] == 3
    for _ in range(500):
        submitted(aws, "SELECT 2")
    assert athena.was_submitted(a_job(aws, AthenaQueryString="SELECT 3"))
