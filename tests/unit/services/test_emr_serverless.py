from __future__ import annotations

from collections import Counter
from datetime import timedelta

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError

from runners.errors import InvalidInputError, StartLaterError, StartRefusedError, StopFailedError
from runners.job import Failed, Running, Succeeded
from runners.services.emr_serverless import (
    FAILED,
    FAILED_STATES,
    RUNNING_STATES,
    SUCCEEDED_STATES,
    EmrServerless,
)
from tests.unit.doubles import Clock, active_job, client_error
from tests.unit.services.modelled_client import ModelledClient

NOW = Clock().now
ROLE = "arn:aws:iam::123456789012:role/EmrServerless"
DRIVER = {"SparkSubmit": {"EntryPoint": "s3://scripts/sales.py"}}


class EmrServerlessDouble(ModelledClient):
    """EMR Serverless's client over runs that a test puts there."""

    def __init__(self):
        super().__init__("emr-serverless")
        self.started = {}  # calls by client token
        self.cancelled = []
        self.refuse_to_cancel = set()
        self.runs = {}  # by application
        self.page = 50

    def start_job_run(self, **call):
        def effect():
            self.started.setdefault(call["clientToken"], call)
            return {"applicationId": "app", "jobRunId": f"run{list(self.started).index(call['clientToken'])}"}

        return self.made("start_job_run", call, effect)

    def list_job_runs(self, **call):
        def effect():
            if call["applicationId"] not in self.runs:
                raise client_error("ResourceNotFoundException")
            runs = [run for run in self.runs[call["applicationId"]] if run["createdAt"] > call["createdAtAfter"]]
            start = int(call.get("nextToken", "0"))
            end = start + min(self.page, call["maxResults"])
            listed = [{"id": run["jobRunId"], **run} for run in runs[start:end]]
            return {"jobRuns": listed} | ({"nextToken": str(end)} if end < len(runs) else {})

        return self.made("list_job_runs", call, effect)

    def get_job_run(self, **call):
        def effect():
            for run in self.runs.get(call["applicationId"], []):
                if run["jobRunId"] == call["jobRunId"]:
                    return {"jobRun": run}
            raise client_error("ResourceNotFoundException")

        return self.made("get_job_run", call, effect)

    def cancel_job_run(self, **call):
        def effect():
            if call["jobRunId"] in self.refuse_to_cancel:
                raise client_error("ValidationException", "no")
            self.cancelled.append((call["applicationId"], call["jobRunId"]))
            return call

        return self.made("cancel_job_run", call, effect)


@pytest.fixture
def client():
    return EmrServerlessDouble()


@pytest.fixture
def serverless(client):
    return EmrServerless(client)


def job_of(number=0, application="app", **request):
    fields = {"ApplicationId": application, "ExecutionRoleArn": ROLE, "JobDriver": DRIVER}
    return active_job(number, runner="emrserverless", request=fields | request)


def started(number=0, application="app"):
    return job_of(number, application).started(f"run{number}")


def run_of(number=0, state="RUNNING", **changes):
    return {
        "applicationId": "app",
        "jobRunId": f"run{number}",
        "name": f"load sales [{job_of(number).task_key[:16]}]",
        "createdAt": NOW + timedelta(minutes=1),
        "state": state,
        "stateDetails": "",
    } | changes


# Requests


def test_a_run_is_started_under_the_task_s_key_which_its_name_carries_too(serverless, client):
    assert serverless.start(job_of()) == "run0"
    key = job_of().task_key
    assert client.started == {
        key: {
            "applicationId": "app",
            "clientToken": key,
            "executionRoleArn": ROLE,
            "jobDriver": {"sparkSubmit": {"entryPoint": "s3://scripts/sales.py"}},
            "name": f"etl-runners [{key[:16]}]",
        }
    }


def test_every_field_gets_the_name_that_the_api_has_for_it_and_free_keys_stay(serverless, client):
    serverless.start(
        job_of(
            JobDriver={
                "SparkSubmit": {
                    "EntryPoint": "s3://scripts/sales.py",
                    "EntryPointArguments": ["--Day", "2026-01-31"],
                    "SparkSubmitParameters": "--conf a=b",
                }
            },
            ConfigurationOverrides={
                "ApplicationConfiguration": [
                    {
                        "Classification": "spark-defaults",
                        "Properties": {"Spark.Case": "Kept"},
                        "Configurations": [{"Classification": "inner", "Properties": {"A": "B"}}],
                    }
                ],
                "MonitoringConfiguration": {
                    "S3MonitoringConfiguration": {"LogUri": "s3://logs/"},
                    "CloudWatchLoggingConfiguration": {"Enabled": True, "LogTypes": {"SPARK_DRIVER": ["STDOUT"]}},
                },
                "DiskEncryptionConfiguration": {"EncryptionContext": {"Team": "Sales"}},
            },
            ExecutionIamPolicy={"PolicyArns": ["arn:aws:iam::123456789012:policy/Sales"]},
            Tags={"Team": "Sales"},
            ExecutionTimeoutMinutes=60,
            Name="load sales",
            Mode="BATCH",
            RetryPolicy={"MaxAttempts": 2},
        )
    )
    (call,) = client.started.values()
    assert call["jobDriver"]["sparkSubmit"] == {
        "entryPoint": "s3://scripts/sales.py",
        "entryPointArguments": ["--Day", "2026-01-31"],
        "sparkSubmitParameters": "--conf a=b",
    }
    overrides = call["configurationOverrides"]
    assert overrides["applicationConfiguration"] == [
        {
            "classification": "spark-defaults",
            "properties": {"Spark.Case": "Kept"},
            "configurations": [{"classification": "inner", "properties": {"A": "B"}}],
        }
    ]
    assert overrides["monitoringConfiguration"] == {
        "s3MonitoringConfiguration": {"logUri": "s3://logs/"},
        "cloudWatchLoggingConfiguration": {"enabled": True, "logTypes": {"SPARK_DRIVER": ["STDOUT"]}},
    }
    assert overrides["diskEncryptionConfiguration"] == {"encryptionContext": {"Team": "Sales"}}
    assert call["executionIamPolicy"] == {"policyArns": ["arn:aws:iam::123456789012:policy/Sales"]}
    assert call["tags"] == {"Team": "Sales"}
    assert (call["executionTimeoutMinutes"], call["mode"], call["retryPolicy"]) == (60, "BATCH", {"maxAttempts": 2})
    assert call["name"] == f"load sales [{job_of().task_key[:16]}]"


def test_free_keys_stay_as_they_are_in_an_object_that_is_named_as_in_the_api(serverless, client):
    configuration = [{"classification": "spark-env", "properties": {"JAVA_HOME": "/usr/lib/jvm"}}]
    serverless.start(job_of(ConfigurationOverrides={"applicationConfiguration": configuration}))
    (call,) = client.started.values()
    assert call["configurationOverrides"] == {"applicationConfiguration": configuration}


def test_a_hive_query_is_started(serverless, client):
    serverless.start(job_of(JobDriver={"Hive": {"Query": "s3://scripts/a.sql", "InitQueryFile": "s3://scripts/i.sql"}}))
    (call,) = client.started.values()
    assert call["jobDriver"] == {"hive": {"query": "s3://scripts/a.sql", "initQueryFile": "s3://scripts/i.sql"}}


@pytest.mark.parametrize(
    ("changes", "field", "problem"),
    [
        ({"ApplicationId": "Hush!"}, "ApplicationId", "match pattern"),
        ({"ExecutionRoleArn": "hush"}, "ExecutionRoleArn", "at least 20"),
        ({"JobDriver": {}}, "JobDriver", "one of the two"),
        ({"JobDriver": DRIVER | {"Hive": {"Query": "hush"}}}, "JobDriver", "one of the two"),
        ({"JobDriver": {"SparkSubmit": {}}}, "JobDriver.SparkSubmit.EntryPoint", "Field required"),
        ({"JobDriver": {"Spark": "hush"}}, "JobDriver.Spark", "not permitted"),
        ({"ConfigurationOverrides": "hush"}, "ConfigurationOverrides", "valid dictionary"),
        ({"ExecutionTimeoutMinutes": -1}, "ExecutionTimeoutMinutes", "greater than or equal to 0"),
        ({"Name": "h" * 238}, "Name", "at most 237"),
        ({"Mode": "hush"}, "Mode", "'BATCH' or 'STREAMING'"),
        ({"RetryPolicy": {"MaxAttempts": 0}}, "RetryPolicy.MaxAttempts", "greater than or equal to 1"),
        ({"Colour": "hush"}, "Colour", "not permitted"),
    ],
)
def test_a_wrong_request_is_refused_by_field_and_never_by_value(serverless, changes, field, problem):
    serverless.validate(job_of().request)
    with pytest.raises(InvalidInputError) as caught:
        serverless.validate(job_of().request | changes)
    assert problem in caught.value.problems[field]
    assert "hush" not in str(caught.value)


def test_an_override_that_the_api_does_not_have_is_refused_by_its_name_and_not_by_its_value(serverless, client):
    with pytest.raises(StartRefusedError, match="colour") as caught:
        serverless.start(job_of(ConfigurationOverrides={"Colour": "hush"}))
    assert "hush" not in str(caught.value)
    assert not client.started


# Starting


@pytest.mark.parametrize("code", ["ConflictException", "ServiceQuotaExceededException", "ThrottlingException"])
def test_an_application_that_is_busy_means_later(serverless, client, code):
    client.call.before("start_job_run", client_error(code), times=5)
    with pytest.raises(StartLaterError, match=code):
        serverless.start(job_of())
    assert not client.started


@pytest.mark.parametrize(
    "error",
    [
        client_error("ThrottlingException"),
        EndpointConnectionError(endpoint_url="https://emr-serverless"),
        ReadTimeoutError(endpoint_url="https://emr-serverless"),
        client_error("InternalServerException", status=500),
    ],
)
def test_a_start_is_repeated_under_the_same_key_even_if_its_answer_got_lost(serverless, client, error):
    client.call.after("start_job_run", error)
    assert serverless.start(job_of()) == "run0"
    assert client.call.calls["start_job_run"] == 2
    assert list(client.started) == [job_of().task_key]


def test_a_start_stays_unclear_if_no_answer_ever_comes(serverless, client):
    client.call.before("start_job_run", ReadTimeoutError(endpoint_url="https://emr-serverless"), times=5)
    with pytest.raises(ReadTimeoutError):
        serverless.start(job_of())


def test_a_refusal_repeats_no_value_that_was_for_the_job(serverless, client):
    spark = {
        "EntryPoint": "s3://scripts/a.py",
        "EntryPointArguments": ["hush"],
        "SparkSubmitParameters": "--conf a=hush",
    }
    properties = {"spark.password": "hush-hush"}
    overrides = {"ApplicationConfiguration": [{"Classification": "spark-defaults", "Properties": properties}]}
    message = "neither hush nor --conf a=hush nor hush-hush will do"
    client.call.before("start_job_run", client_error("ValidationException", message))
    with pytest.raises(StartRefusedError) as caught:
        serverless.start(job_of(JobDriver={"SparkSubmit": spark}, ConfigurationOverrides=overrides))
    assert caught.value.cause["ErrorMessage"] == "ValidationException: neither *** nor *** nor *** will do"


def test_a_start_that_is_refused_says_why_and_repeats_no_argument(serverless, client):
    message = "Value '[hush]' at 'jobDriver.sparkSubmit.entryPointArguments' failed to satisfy constraint"
    client.call.before("start_job_run", client_error("ValidationException", message))
    with pytest.raises(StartRefusedError) as caught:
        serverless.start(job_of())
    assert caught.value.error == FAILED == "EmrServerlessJobFailedError"
    assert caught.value.cause == {
        "ApplicationId": "app",
        "JobRunId": "",
        "JobRunState": "NOT_STARTED",
        "ErrorMessage": "ValidationException: Value *** at 'jobDriver.sparkSubmit.entryPointArguments' "
        "failed to satisfy constraint",
    }


# Finding


def test_a_run_is_found_by_the_task_s_key_over_more_than_one_page(serverless, client):
    client.runs["app"] = [run_of(number) for number in range(120)]
    assert serverless.find(job_of(119)) == "run119"
    assert client.call.calls["list_job_runs"] == 3
    assert serverless.find(job_of(500)) is None


def test_runs_from_before_the_claim_are_not_looked_through(serverless, client):
    client.runs["app"] = [run_of(0, createdAt=NOW - timedelta(minutes=11)), run_of(1, createdAt=NOW)]
    assert serverless.find(job_of(0)) is None
    assert serverless.find(job_of(1)) == "run1"


def test_the_search_ends_after_twenty_pages(serverless, client):
    client.runs["app"] = [run_of(number) for number in range(1100)]
    assert serverless.find(job_of(1050)) is None
    assert client.call.calls["list_job_runs"] == 20


def test_a_run_of_somebody_else_may_have_no_name(serverless, client):
    nameless = run_of(1)
    del nameless["name"]
    client.runs["app"] = [nameless, run_of(0)]
    assert serverless.find(job_of(0)) == "run0"


@pytest.mark.parametrize("code", ["ResourceNotFoundException", "ValidationException"])
def test_an_application_that_is_gone_has_no_runs(serverless, client, code):
    client.call.before("list_job_runs", client_error(code))
    assert serverless.find(job_of()) is None


@pytest.mark.parametrize("code", ["ResourceNotFoundException", "ValidationException"])
def test_the_jobs_of_an_application_that_is_gone_have_failed(serverless, client, code):
    client.call.before("list_job_runs", client_error(code))
    client.call.before("get_job_run", client_error(code), times=2)
    statuses = serverless.describe([started(0), started(1)])
    assert [status.cause["JobRunState"] for status in statuses.values()] == ["UNKNOWN", "UNKNOWN"]


def test_a_search_that_fails_concludes_nothing(serverless, client):
    client.call.before("list_job_runs", client_error("AccessDeniedException"))
    with pytest.raises(ClientError, match="AccessDenied"):
        serverless.find(job_of())


# States


def test_every_state_of_emr_serverless_s_enum_is_decided_once(client):
    decided = Counter([*RUNNING_STATES, *SUCCEEDED_STATES, *FAILED_STATES])
    assert set(decided) == client.enum("JobRunState")
    assert set(decided.values()) == {1}


def status_of(serverless, client, run):
    client.runs["app"] = [run]
    return serverless.describe([started()])[job_of().task_key]


@pytest.mark.parametrize("state", ["SUBMITTED", "PENDING", "SCHEDULED", "QUEUED", "RUNNING", "CANCELLING", "PONDERING"])
def test_a_run_in_this_state_runs_and_so_does_one_in_a_state_of_later(serverless, client, state):
    assert status_of(serverless, client, run_of(state=state)) == Running(state)


def test_a_run_in_state_success_has_succeeded_and_tells_what_it_took(serverless, client):
    run = run_of(
        state="SUCCESS",
        createdAt=NOW,
        startedAt=NOW + timedelta(seconds=30),
        endedAt=NOW + timedelta(seconds=90),
        totalExecutionDurationSeconds=60,
        attempt=1,
        billedResourceUtilization={"vCPUHour": 0.25, "memoryGBHour": 1.5, "storageGBHour": 0.0},
        totalResourceUtilization={"vCPUHour": 0.2, "memoryGBHour": 1.25, "storageGBHour": 1.0},
    )
    assert status_of(serverless, client, run) == Succeeded(
        {
            "ApplicationId": "app",
            "JobRunId": "run0",
            "JobRunState": "SUCCESS",
            "Name": f"load sales [{job_of().task_key[:16]}]",
            "Attempt": 1,
            "CreatedAt": "2026-01-31T04:05:06+00:00",
            "StartedAt": "2026-01-31T04:05:36+00:00",
            "EndedAt": "2026-01-31T04:06:36+00:00",
            "TotalExecutionDurationSeconds": 60,
            "BilledResourceUtilization": {"VCPUHour": 0.25, "MemoryGBHour": 1.5, "StorageGBHour": 0.0},
            "TotalResourceUtilization": {"VCPUHour": 0.2, "MemoryGBHour": 1.25, "StorageGBHour": 1.0},
            "ConsoleLink": "https://us-east-1.console.aws.amazon.com/emr/home?region=us-east-1"
            "#/serverless-applications/app/run0",
        }
    )


@pytest.mark.parametrize("state", ["FAILED", "CANCELLED"])
def test_a_run_in_this_state_has_failed_and_says_why_and_what_it_took(serverless, client, state):
    billed = {"vCPUHour": 0.25, "memoryGBHour": 1.5, "storageGBHour": 0.0}
    run = run_of(state=state, stateDetails="Job failed, please check", billedResourceUtilization=billed)
    status = status_of(serverless, client, run)
    assert isinstance(status, Failed)
    assert status.error == FAILED
    assert status.cause["JobRunState"] == state
    assert status.cause["ErrorMessage"] == "Job failed, please check"
    assert status.cause["BilledResourceUtilization"]["VCPUHour"] == 0.25
    assert status.cause["TotalResourceUtilization"] is None


def test_a_run_that_does_not_say_why_it_failed_says_how_it_ended(serverless, client):
    status = status_of(serverless, client, run_of(state="CANCELLED", stateDetails=""))
    assert status.cause["ErrorMessage"] == "the run ended as CANCELLED"


def test_one_run_is_asked_for_by_itself(serverless, client):
    assert status_of(serverless, client, run_of()) == Running("RUNNING")
    assert dict(client.call.calls) == {"get_job_run": 1}


def test_of_many_runs_only_those_that_have_ended_are_asked_for_by_themselves(serverless, client):
    client.runs["app"] = [run_of(number) for number in range(60)]
    client.runs["app"][7] = run_of(7, state="SUCCESS")
    jobs = [started(number) for number in range(60)]
    statuses = serverless.describe(jobs)
    assert len(statuses) == 60
    assert isinstance(statuses[job_of(7).task_key], Succeeded)
    assert dict(client.call.calls) == {"list_job_runs": 2, "get_job_run": 1}


def test_a_list_is_read_no_further_than_it_is_needed(serverless, client):
    client.runs["app"] = [run_of(number) for number in range(200)]
    serverless.describe([started(0), started(1)])
    assert dict(client.call.calls) == {"list_job_runs": 1}


def test_runs_that_no_list_shows_are_asked_for_by_themselves(serverless, client):
    old = NOW - timedelta(hours=1)
    client.runs["app"] = [run_of(0, createdAt=old), run_of(1, createdAt=old)]
    assert set(serverless.describe([started(0), started(1)]).values()) == {Running("RUNNING")}
    assert client.call.calls["get_job_run"] == 2


def test_a_run_that_emr_serverless_does_not_know_fails_and_no_other(serverless, client):
    client.runs["app"] = [run_of(1)]
    statuses = serverless.describe([started(0), started(1)])
    assert statuses[job_of(1).task_key] == Running("RUNNING")
    assert statuses[job_of(0).task_key].cause == {
        "ApplicationId": "app",
        "JobRunId": "run0",
        "JobRunState": "UNKNOWN",
        "ErrorMessage": "EMR Serverless does not know this run (any more), or its application",
    }


def test_what_cannot_be_asked_about_one_run_or_application_keeps_nothing_from_the_others(serverless, client):
    client.runs["app"] = [run_of(0, state="SUCCESS"), run_of(1), run_of(2, state="SUCCESS")]
    client.call.before("get_job_run", client_error("AccessDeniedException"))
    statuses = serverless.describe([started(0), started(1), started(2)])
    assert set(statuses) == {job_of(1).task_key, job_of(2).task_key}
    client.call.before("list_job_runs", client_error("AccessDeniedException"))
    client.runs["other"] = [run_of(9)]
    statuses = serverless.describe([started(0), started(1), started(9, "other")])
    assert set(statuses) == {job_of(9).task_key}


def test_a_throttled_question_is_repeated(serverless, client):
    client.call.before("get_job_run", client_error("ThrottlingException"), times=4)
    assert status_of(serverless, client, run_of()) == Running("RUNNING")


# Stopping


def test_runs_are_cancelled_one_by_one_and_a_job_without_a_run_is_not(serverless, client):
    serverless.stop([started(0), started(1, "other"), job_of(2)])
    assert client.cancelled == [("app", "run0"), ("other", "run1")]


@pytest.mark.parametrize("state", ["SUCCESS", "CANCELLED", "CANCELLING"])
def test_a_run_that_has_ended_already_is_no_error(serverless, client, state):
    client.runs["app"] = [run_of(state=state)]
    client.refuse_to_cancel.add("run0")
    serverless.stop([started()])


def test_a_run_that_emr_serverless_does_not_know_any_more_is_no_error(serverless, client):
    client.call.before("cancel_job_run", client_error("ResourceNotFoundException"))
    serverless.stop([started()])


def test_a_run_that_goes_on_though_it_was_to_be_stopped_is_an_error(serverless, client):
    client.runs["app"] = [run_of()]
    client.refuse_to_cancel.add("run0")
    with pytest.raises(StopFailedError, match="run run0, which is RUNNING: no"):
        serverless.stop([started()])


def test_a_throttled_stop_is_repeated_and_one_that_fails_is_an_error(serverless, client):
    client.call.before("cancel_job_run", client_error("ThrottlingException"), times=2)
    serverless.stop([started()])
    client.call.before("cancel_job_run", client_error("AccessDeniedException"))
    with pytest.raises(ClientError):
        serverless.stop([started()])


# Events


def event(**changes):
    return {
        "version": "0",
        "id": "00df3ec6-5da1-36e6-ab71-20f0de68f8a0",
        "detail-type": "EMR Serverless Job Run State Change",
        "source": "aws.emr-serverless",
        "account": "123456789012",
        "time": "2026-01-31T04:05:06Z",
        "region": "us-east-1",
        "resources": [],
        "detail": {
            "jobRunId": "run0",
            "applicationId": "app",
            "arn": "arn:aws:emr-serverless:us-east-1:123456789012:/applications/app/jobruns/run0",
            "releaseLabel": "emr-7.2.0",
            "state": "SUCCESS",
            "previousState": "RUNNING",
            "createdBy": "arn:aws:sts::123456789012:assumed-role/Runner/runner",
            "updatedAt": "2026-01-31T04:05:06Z",
            "createdAt": "2026-01-31T04:00:00Z",
        },
    } | changes


def test_an_event_of_emr_serverless_speaks_of_its_run(serverless):
    assert serverless.run_of_event(event()) == "run0"


@pytest.mark.parametrize(
    "other",
    [
        {},
        event(source="aws.emr"),
        event(**{"detail-type": "EMR Serverless Application State Change"}),
        event(detail={}),
    ],
)
def test_any_other_event_speaks_of_no_run(serverless, other):
    assert serverless.run_of_event(other) is None


def test_emr_serverless_works_with_a_client_of_boto3(aws):
    client = boto3.client("emr-serverless")
    application = client.create_application(name="sales", releaseLabel="emr-6.6.0", type="SPARK")["applicationId"]
    job = job_of(application=application, ExecutionTimeoutMinutes=30)
    serverless = EmrServerless(client)
    run = serverless.start(job)
    assert set(serverless.describe([job.started(run)])) == {job.task_key}
    serverless.stop([job.started(run)])
    assert serverless.describe([job.started(run)])[job.task_key].cause["JobRunState"] == "CANCELLED"
