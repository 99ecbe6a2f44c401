from __future__ import annotations

import json
import logging
from collections import Counter
from datetime import timedelta
from uuid import UUID

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ParamValidationError, ReadTimeoutError

from runners.errors import InvalidInputError, StartLaterError, StartRefusedError, StopFailedError
from runners.job import Failed, Running, Succeeded
from runners.services.redshift import (
    FAILED,
    FAILED_STATES,
    FILTERS,
    RUNNING_STATES,
    SUCCEEDED_STATES,
    Redshift,
)
from tests.unit.doubles import Clock, active_job, client_error
from tests.unit.services.modelled_client import ModelledClient

NOW = Clock().now
SQL = "select 'hush' from sales"
PLACE = {"ClusterIdentifier": "warehouse", "Database": "dev", "DbUser": "etl"}


def statement_id(number):
    return str(UUID(int=number))


class RedshiftDouble(ModelledClient):
    """The Data API's client over statements that a test puts there."""

    def __init__(self):
        super().__init__("redshift-data")
        self.started = {}  # calls by client token
        self.cancelled = []
        self.statements = []  # newest first
        self.cancel = lambda: {"Status": True}

    def execute_statement(self, **call):
        return self.made("execute_statement", call, lambda: self._start(call))

    def batch_execute_statement(self, **call):
        return self.made("batch_execute_statement", call, lambda: self._start(call))

    def _start(self, call):
        self.started.setdefault(call["ClientToken"], call)
        return {"Id": statement_id(list(self.started).index(call["ClientToken"]))}

    def list_statements(self, **call):
        def effect():
            assert call["Status"] == "ALL"
            assert call["RoleLevel"]
            assert call["Database"] == "dev"
            named = [
                statement
                for statement in self.statements
                if statement.get("StatementName", "").startswith(call.get("StatementName", ""))
            ]
            start = int(call.get("NextToken", "0"))
            end = start + call["MaxResults"]
            return {"Statements": named[start:end]} | ({"NextToken": str(end)} if end < len(named) else {})

        return self.made("list_statements", call, effect)

    def describe_statement(self, **call):
        def effect():
            for statement in self.statements:
                if statement["Id"] == call["Id"]:
                    return statement
            raise client_error("ResourceNotFoundException", "Query does not exist.")

        return self.made("describe_statement", call, effect)

    def cancel_statement(self, **call):
        def effect():
            answer = self.cancel()
            self.cancelled.append(call["Id"])
            return answer

        return self.made("cancel_statement", call, effect)


@pytest.fixture
def client():
    return RedshiftDouble()


@pytest.fixture
def redshift(client):
    return Redshift(client)


def job_of(number=0, request=None, **changes):
    return active_job(number, runner="redshift", request=request or ({"Sql": SQL} | PLACE | changes))


def started(number=0, **changes):
    return job_of(number, **changes).started(statement_id(number))


def statement_of(number=0, state="STARTED", **changes):
    return {
        "Id": statement_id(number),
        "StatementName": f"etl-runners [{job_of(number).task_key[:16]}]",
        "QueryString": SQL,
        "Status": state,
        "CreatedAt": NOW + timedelta(minutes=1),
    } | changes


# Requests


def test_a_statement_is_run_under_the_task_s_key_and_asks_for_an_event(redshift, client):
    assert redshift.start(job_of()) == statement_id(0)
    key = job_of().task_key
    assert client.started == {
        key: {
            "Sql": SQL,
            **PLACE,
            "StatementName": f"etl-runners [{key[:16]}]",
            "ClientToken": key,
            "WithEvent": True,
        }
    }


def test_several_statements_are_run_together(redshift, client):
    redshift.start(job_of(request={"Sqls": [SQL, "select 2"], **PLACE}))
    (call,) = client.started.values()
    assert list(call["Sqls"]) == [SQL, "select 2"]
    assert call["WithEvent"]
    assert client.call.calls["batch_execute_statement"] == 1


def test_parameters_a_secret_a_workgroup_and_a_name_are_passed_on(redshift, client):
    request = {
        "Sql": "select :day",
        "Parameters": [{"name": "day", "value": "2026-01-31"}],
        "WorkgroupName": "analytics",
        "Database": "dev",
        "SecretArn": "arn:aws:secretsmanager:us-east-1:123456789012:secret:redshift",
        "StatementName": "load sales",
    }
    redshift.validate(request)
    redshift.start(job_of(request=request))
    (call,) = client.started.values()
    assert list(call["Parameters"]) == request["Parameters"]
    assert {name: call[name] for name in ("WorkgroupName", "SecretArn")} == {
        name: request[name] for name in ("WorkgroupName", "SecretArn")
    }
    assert call["StatementName"] == f"load sales [{job_of().task_key[:16]}]"
    assert "ClusterIdentifier" not in call


@pytest.mark.parametrize(
    ("request_", "field", "problem"),
    [
        (PLACE, "(input)", "Sql or Sqls"),
        (PLACE | {"Sql": "hush", "Sqls": ["hush"]}, "(input)", "Sql or Sqls"),
        (PLACE | {"Sqls": []}, "Sqls", "at least 1"),
        (PLACE | {"Sqls": ["hush"] * 41}, "Sqls", "at most 40"),
        (PLACE | {"Sqls": ["hush"], "Parameters": [{"name": "a", "value": "hush"}]}, "(input)", "with Sql only"),
        (PLACE | {"Sql": "hush", "Parameters": [{"name": "a b", "value": "hush"}]}, "Parameters.0.name", "pattern"),
        (PLACE | {"Sql": "hush", "Parameters": [{"name": "a", "value": ""}]}, "Parameters.0.value", "at least 1"),
        ({"Sql": "hush", "Database": "dev"}, "(input)", "ClusterIdentifier or WorkgroupName"),
        (PLACE | {"Sql": "hush", "WorkgroupName": "wg1"}, "(input)", "ClusterIdentifier or WorkgroupName"),
        ({"Sql": "hush", "Database": "dev", "WorkgroupName": "wg1", "DbUser": "a"}, "(input)", "DbUser goes with"),
        (PLACE | {"Sql": "hush", "SecretArn": "arn"}, "(input)", "not both"),
        ({"Sql": "hush", "ClusterIdentifier": "warehouse"}, "Database", "Field required"),
        (PLACE | {"Sql": "hush", "ClusterIdentifier": "Ware House"}, "ClusterIdentifier", "pattern"),
        (PLACE | {"Sql": "hush", "StatementName": "h" * 2030}, "StatementName", "at most 2029"),
        (PLACE | {"Sql": "hush", "WithEvent": False}, "WithEvent", "not permitted"),
        (PLACE | {"Sql": "hush", "ClientToken": "mine"}, "ClientToken", "not permitted"),
    ],
)
def test_a_wrong_request_is_refused_by_field_and_never_by_value(redshift, request_, field, problem):
    with pytest.raises(InvalidInputError) as caught:
        redshift.validate(request_)
    assert problem in caught.value.problems[field]
    assert "hush" not in str(caught.value)


# Starting


@pytest.mark.parametrize(
    "code", ["ActiveStatementsExceededException", "ActiveSessionsExceededException", "ThrottlingException"]
)
def test_too_many_statements_mean_later_not_failed(redshift, client, code):
    client.call.before("execute_statement", client_error(code), times=5)
    with pytest.raises(StartLaterError, match=code):
        redshift.start(job_of())
    assert not client.started


@pytest.mark.parametrize(
    "error",
    [
        client_error("ThrottlingException"),
        EndpointConnectionError(endpoint_url="https://redshift-data"),
        ReadTimeoutError(endpoint_url="https://redshift-data"),
        client_error("InternalServerException", status=500),
    ],
)
def test_a_start_is_repeated_under_the_same_key_even_if_its_answer_got_lost(redshift, client, error):
    client.call.after("execute_statement", error)
    assert redshift.start(job_of()) == statement_id(0)
    assert client.call.calls["execute_statement"] == 2
    assert list(client.started) == [job_of().task_key]


def test_a_start_stays_unclear_if_no_answer_ever_comes(redshift, client):
    client.call.before("execute_statement", ReadTimeoutError(endpoint_url="https://redshift-data"), times=5)
    with pytest.raises(ReadTimeoutError):
        redshift.start(job_of())


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (client_error("ValidationException", "Redshift endpoint doesn't exist"), "Redshift endpoint doesn't exist"),
        (client_error("ValidationException", f"Value '{SQL}' at 'sql' is too long"), "Value *** at 'sql' is too long"),
        (client_error("ExecuteStatementException", f"cannot run {SQL} for secret-value"), "cannot run *** for ***"),
        (ParamValidationError(report=f"Invalid type for parameter Sql, value: {SQL}, type: <x>"), "parameter Sql"),
    ],
)
def test_a_start_that_is_refused_says_why_without_the_sql_and_its_parameters(redshift, client, error, said):
    client.call.before("execute_statement", error)
    job = job_of(Parameters=[{"name": "day", "value": "secret-value"}])
    with pytest.raises(StartRefusedError) as caught:
        redshift.start(job)
    assert caught.value.error == FAILED == "RedshiftStatementFailedError"
    assert {name: caught.value.cause[name] for name in ("Id", "Status", "ClusterIdentifier", "Database")} == {
        "Id": "",
        "Status": "NOT_STARTED",
        "ClusterIdentifier": "warehouse",
        "Database": "dev",
    }
    assert said in caught.value.cause["ErrorMessage"]
    assert "hush" not in str(caught.value)
    assert "secret-value" not in str(caught.value)


# Finding


def test_a_statement_is_found_by_its_name_with_one_call(redshift, client):
    client.statements = [statement_of(number) for number in range(500)]
    assert redshift.find(job_of(450)) == statement_id(450)
    assert dict(client.call.calls) == {"list_statements": 1}


def test_a_statement_of_another_task_is_not_taken_for_ours(redshift, client):
    client.statements = [statement_of(1), {"Id": statement_id(2), "Status": "STARTED"}]
    assert redshift.find(job_of(0)) is None


@pytest.mark.parametrize("code", ["ResourceNotFoundException", "ValidationException"])
def test_where_the_warehouse_is_gone_nothing_is_found(redshift, client, code):
    client.call.before("list_statements", client_error(code))
    assert redshift.find(job_of()) is None


def test_where_the_warehouse_is_gone_many_statements_are_asked_for_one_by_one(redshift, client):
    client.statements = [statement_of(number, "FINISHED") for number in range(21)]
    client.call.before("list_statements", client_error("ResourceNotFoundException"))
    statuses = redshift.describe([started(number) for number in range(21)])
    assert len(statuses) == 21
    assert all(isinstance(status, Succeeded) for status in statuses.values())


def test_a_statement_with_a_name_of_its_own_is_found(redshift, client):
    client.statements = [statement_of(StatementName=f"load sales [{job_of().task_key[:16]}]")]
    assert redshift.find(job_of(StatementName="load sales")) == statement_id(0)


def test_a_statement_from_before_the_claim_is_not_taken_for_ours(redshift, client):
    client.statements = [statement_of(CreatedAt=NOW - timedelta(minutes=11))]
    assert redshift.find(job_of()) is None


def test_a_longer_name_that_begins_alike_is_not_taken_for_ours(redshift, client):
    client.statements = [statement_of(StatementName=f"etl-runners [{job_of().task_key[:16]}] and more")]
    assert redshift.find(job_of()) is None


def test_a_search_that_fails_concludes_nothing(redshift, client):
    client.call.before("list_statements", client_error("AccessDeniedException"))
    with pytest.raises(ClientError, match="AccessDenied"):
        redshift.find(job_of())


# States


def test_every_state_of_the_data_api_s_enums_is_decided_once(client):
    decided = Counter([*RUNNING_STATES, *SUCCEEDED_STATES, *FAILED_STATES])
    assert set(decided) == client.enum("StatementStatusString")
    assert set(decided) | FILTERS == client.enum("StatusString")
    assert set(decided.values()) == {1}


def status_of(redshift, client, statement, **changes):
    client.statements = [statement]
    return redshift.describe([started(**changes)])[job_of().task_key]


@pytest.mark.parametrize("state", ["SUBMITTED", "PICKED", "STARTED", "PONDERING"])
def test_a_statement_in_this_state_runs_and_so_does_one_in_a_state_of_later(redshift, client, state):
    assert status_of(redshift, client, statement_of(state=state)) == Running(state)


def test_a_finished_statement_has_succeeded_and_tells_of_itself_without_its_sql(redshift, client):
    statement = statement_of(
        state="FINISHED",
        CreatedAt=NOW,
        UpdatedAt=NOW + timedelta(seconds=2),
        Duration=1_500_000_000,
        HasResultSet=True,
        ResultRows=3,
        ResultSize=120,
        RedshiftQueryId=42,
    )
    output = status_of(redshift, client, statement).output
    assert output == {
        "Id": statement_id(0),
        "Status": "FINISHED",
        "ClusterIdentifier": "warehouse",
        "Database": "dev",
        "HasResultSet": True,
        "ResultRows": 3,
        "ResultSizeBytes": 120,
        "RedshiftQueryId": 42,
        "CreatedAt": "2026-01-31T04:05:06+00:00",
        "UpdatedAt": "2026-01-31T04:05:08+00:00",
        "DurationSeconds": 1.5,
        "SubStatements": [],
        "ConsoleLink": "https://us-east-1.console.aws.amazon.com/redshiftv2/home?region=us-east-1"
        "#cluster-details?cluster=warehouse",
    }
    assert "hush" not in json.dumps(output)


def test_several_statements_are_told_of_one_by_one_and_minus_one_means_none(redshift, client):
    parts = [
        {
            "Id": f"{statement_id(0)}:1",
            "QueryString": SQL,
            "Status": "FINISHED",
            "Duration": 500_000_000,
            "ResultRows": 3,
            "ResultSize": -1,
            "RedshiftQueryId": -1,
        },
    ]
    statement = statement_of(state="FINISHED", Duration=-1, SubStatements=parts)
    output = status_of(redshift, client, statement).output
    assert output["DurationSeconds"] is None
    assert output["SubStatements"] == [
        {
            "Id": f"{statement_id(0)}:1",
            "Status": "FINISHED",
            "DurationSeconds": 0.5,
            "ResultRows": 3,
            "ResultSizeBytes": None,
            "RedshiftQueryId": None,
        }
    ]


def test_a_workgroup_s_statement_links_to_its_workgroup(redshift, client):
    request = {"Sql": SQL, "WorkgroupName": "analytics", "Database": "dev"}
    output = status_of(redshift, client, statement_of(state="FINISHED"), request=request).output
    assert output["WorkgroupName"] == "analytics"
    assert output["ConsoleLink"].endswith("#serverless-workgroup?workgroup=analytics")


def test_a_failed_statement_says_why_without_its_sql_and_parameters(redshift, client):
    parts = [{"Id": f"{statement_id(0)}:1", "Status": "FAILED", "Error": f"ERROR: {SQL}"}]
    error = f'ERROR: invalid input syntax for integer: "secret-value" in {SQL}, position 10'
    status = status_of(
        redshift,
        client,
        statement_of(state="FAILED", Error=error, SubStatements=parts),
        Parameters=[{"name": "a", "value": "secret-value"}, {"name": "b", "value": "1"}],
    )
    assert isinstance(status, Failed)
    assert status.error == FAILED
    assert status.cause["ErrorMessage"] == 'ERROR: invalid input syntax for integer: "***" in ***, position 10'
    assert status.cause["SubStatements"][0]["ErrorMessage"] == "ERROR: ***"


def test_an_aborted_statement_has_failed(redshift, client):
    status = status_of(redshift, client, statement_of(state="ABORTED"))
    assert status.cause["Status"] == "ABORTED"
    assert status.cause["ErrorMessage"] == "the statement ended as ABORTED"


def test_few_statements_are_asked_for_one_by_one(redshift, client):
    client.statements = [statement_of(number) for number in range(20)]
    assert len(redshift.describe([started(number) for number in range(20)])) == 20
    assert dict(client.call.calls) == {"describe_statement": 20}


def test_of_many_statements_only_those_that_have_ended_are_asked_for_one_by_one(redshift, client):
    others = [statement_of(number) for number in range(1000, 1100)]
    client.statements = others + [statement_of(number) for number in range(150)]
    client.statements[107] = statement_of(7, "FINISHED")
    statuses = redshift.describe([started(number) for number in range(150)])
    assert len(statuses) == 150
    assert isinstance(statuses[job_of(7).task_key], Succeeded)
    assert dict(client.call.calls) == {"list_statements": 3, "describe_statement": 1}


def test_the_list_ends_after_ten_pages_and_where_statements_are_older_than_the_claim(redshift, client):
    client.statements = [statement_of(number) for number in range(1000, 2200)]
    client.statements += [statement_of(number) for number in range(21)]
    jobs = [started(number) for number in range(21)]
    assert len(redshift.describe(jobs)) == 21
    assert dict(client.call.calls) == {"list_statements": 10, "describe_statement": 21}
    client.statements[1] = statement_of(1001, CreatedAt=NOW - timedelta(hours=1))
    redshift.describe(jobs)
    assert client.call.calls["list_statements"] == 11


def test_statements_of_different_databases_are_asked_for_apart(redshift, client):
    client.statements = [statement_of(number) for number in range(30)]
    request = {"Sql": SQL, "WorkgroupName": "analytics", "Database": "dev"}
    jobs = [started(number) for number in range(15)] + [started(number, request=request) for number in range(15, 30)]
    assert len(redshift.describe(jobs)) == 30
    assert "list_statements" not in client.call.calls


@pytest.mark.parametrize("code", ["ResourceNotFoundException", "ValidationException"])
def test_a_statement_that_redshift_does_not_know_fails_and_no_other(redshift, client, code):
    client.statements = [statement_of(0), statement_of(1)]
    client.call.before("describe_statement", client_error(code))
    statuses = redshift.describe([started(0), started(1)])
    assert statuses[job_of(1).task_key] == Running("STARTED")
    assert statuses[job_of(0).task_key].cause == {
        "Id": statement_id(0),
        "Status": "UNKNOWN",
        "ClusterIdentifier": "warehouse",
        "Database": "dev",
        "ErrorMessage": "Redshift does not know this statement (any more); it keeps them for a day",
    }


def test_a_throttled_question_is_repeated_and_one_that_fails_concludes_nothing(redshift, client):
    client.call.before("describe_statement", client_error("ThrottlingException"), times=4)
    assert status_of(redshift, client, statement_of()) == Running("STARTED")
    client.call.before("describe_statement", client_error("AccessDeniedException"))
    assert redshift.describe([started()]) == {}


def test_no_sql_is_in_the_log_whatever_goes_wrong(redshift, client, caplog):
    caplog.set_level(logging.DEBUG, logger="runners")
    client.statements = [statement_of()]
    client.call.before("describe_statement", client_error("AccessDeniedException"))
    redshift.describe([started()])
    client.cancel = lambda: {"Status": False}
    with pytest.raises(StopFailedError):
        redshift.stop([started()])
    assert caplog.records
    assert "hush" not in str([vars(record) for record in caplog.records])


# Stopping


def test_statements_are_cancelled_one_by_one_and_a_job_without_one_is_not(redshift, client):
    redshift.stop([started(0), started(1), job_of(2)])
    assert client.cancelled == [statement_id(0), statement_id(1)]


def refuse(code="ValidationException"):
    raise client_error(code, "no")


@pytest.mark.parametrize("state", ["FINISHED", "ABORTED", "FAILED"])
def test_a_statement_that_has_ended_already_is_no_error(redshift, client, state):
    client.statements = [statement_of(state=state)]
    client.cancel = refuse
    redshift.stop([started()])


def test_a_statement_that_redshift_does_not_know_any_more_is_no_error(redshift, client):
    client.cancel = lambda: refuse("ResourceNotFoundException")
    redshift.stop([started()])


@pytest.mark.parametrize(("cancel", "reason"), [(refuse, "no"), (lambda: {"Status": False}, "it answered false")])
def test_a_statement_that_goes_on_though_it_was_to_be_stopped_is_an_error(redshift, client, cancel, reason):
    client.statements = [statement_of()]
    client.cancel = cancel
    with pytest.raises(StopFailedError, match=f"{statement_id(0)}, which is STARTED: {reason}"):
        redshift.stop([started()])


def test_a_throttled_stop_is_repeated_and_one_that_fails_is_an_error(redshift, client):
    client.call.before("cancel_statement", client_error("ThrottlingException"), times=2)
    redshift.stop([started()])
    client.call.before("cancel_statement", client_error("DatabaseConnectionException"))
    with pytest.raises(ClientError):
        redshift.stop([started()])


# Events


def event(**changes):
    return {
        "version": "0",
        "id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718",
        "detail-type": "Redshift Data Statement Status Change",
        "source": "aws.redshift-data",
        "account": "123456789012",
        "time": "2026-01-31T04:05:06Z",
        "region": "us-east-1",
        "resources": ["arn:aws:redshift:us-east-1:123456789012:cluster:warehouse"],
        "detail": {
            "statementId": statement_id(0),
            "clusterId": "warehouse",
            "statementName": "load sales",
            "state": "FINISHED",
            "pages": 1,
            "expireAt": "2026-02-01T04:05:06Z",
            "principal": "arn:aws:sts::123456789012:assumed-role/Runner/runner",
            "queryId": 42,
        },
    } | changes


def test_an_event_of_redshift_speaks_of_its_statement(redshift):
    assert redshift.run_of_event(event()) == statement_id(0)


def test_an_event_of_one_of_several_statements_speaks_of_them_all(redshift):
    assert redshift.run_of_event(event(detail={"statementId": f"{statement_id(0)}:2"})) == statement_id(0)


@pytest.mark.parametrize(
    "other", [{}, event(source="aws.redshift"), event(**{"detail-type": "Redshift Event"}), event(detail={})]
)
def test_any_other_event_speaks_of_no_statement(redshift, other):
    assert redshift.run_of_event(other) is None


def test_redshift_works_with_a_client_of_boto3(aws):
    client = boto3.client("redshift-data")
    redshift = Redshift(client)
    job = job_of().started(redshift.start(job_of()))
    assert redshift.describe([job]) == {job.task_key: Running("STARTED")}
    redshift.stop([job])
    assert redshift.describe([job])[job.task_key].cause["Status"] == "ABORTED"
    redshift.stop([job])
