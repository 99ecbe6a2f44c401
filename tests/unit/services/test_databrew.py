# ruff: noqa: N803  # arguments are named as boto3 names them
from __future__ import annotations

import json
from collections import Counter
from datetime import datetime, timedelta, timezone

import boto3
import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError, ReadTimeoutError
from botocore.validate import validate_parameters

from runners.errors import InvalidInputError, StartLaterError, StartRefusedError, StopFailedError
from runners.job import Failed, Running, Succeeded
from runners.services.databrew import FAILED, FAILED_STATES, RUNNING_STATES, SUCCEEDED_STATES, DataBrew
from tests.unit.doubles import Clock, Faults, active_job, client_error

NOW = Clock().now
GONE = client_error("ResourceNotFoundException", "no such thing", status=404)


class DataBrewDouble:
    """DataBrew's client over runs that a test puts there."""

    def __init__(self):
        self.meta = boto3.client("databrew").meta
        self.call = Faults()
        self.runs = {"clean": []}  # by job name, newest first
        self.stopped = []

    def _made(self, operation, call, effect):
        validate_parameters(call, self.meta.service_model.operation_model(operation).input_shape)
        return self.call(operation, effect)

    def start_job_run(self, Name):
        def effect():
            if Name not in self.runs:
                raise GONE
            run_id = f"db_{sum(map(len, self.runs.values()))}"
            self.runs[Name].insert(0, run_of(run_id, Name))
            return {"RunId": run_id}

        return self._made("StartJobRun", {"Name": Name}, effect)

    def list_job_runs(self, **call):
        def effect():
            if call["Name"] not in self.runs:
                raise GONE
            start = int(call.get("NextToken", "0"))
            end = start + call["MaxResults"]
            runs = self.runs[call["Name"]]
            return {"JobRuns": runs[start:end]} | ({"NextToken": str(end)} if end < len(runs) else {})

        return self._made("ListJobRuns", call, effect)

    def describe_job_run(self, Name, RunId):
        def effect():
            for run in self.runs.get(Name, []):
                if run["RunId"] == RunId:
                    return run
            raise GONE

        return self._made("DescribeJobRun", {"Name": Name, "RunId": RunId}, effect)

    def stop_job_run(self, Name, RunId):
        return self._made(
            "StopJobRun",
            {"Name": Name, "RunId": RunId},
            lambda: self.stopped.append((Name, RunId)) or {"RunId": RunId},
        )

    def add(self, count, name="clean", **changes):
        """Add earlier runs, the newest first."""
        self.runs.setdefault(name, []).extend(run_of(f"old_{number}", name, **changes) for number in range(count))


@pytest.fixture
def client():
    return DataBrewDouble()


@pytest.fixture
def databrew(client):
    return DataBrew(client)


def run_of(run_id="db_0", name="clean", state="RUNNING", **changes):
    return {"RunId": run_id, "JobName": name, "State": state, "StartedOn": NOW + timedelta(minutes=1)} | changes


def job_of(number=0, name="clean"):
    return active_job(number, runner="databrew", request={"DataBrewJobName": name})


def marked(databrew, number=0, name="clean"):
    job = job_of(number, name)
    return job.marked(json.loads(json.dumps(databrew.mark(job))), databrew.singleton(job))


def status_of(databrew, client, run):
    client.runs["clean"] = [run]
    return databrew.describe([job_of().started("db_0")])[job_of().task_key]


# Requests


def test_a_job_s_name_is_all_there_is_to_say(databrew):
    databrew.validate({"DataBrewJobName": "clean"})


@pytest.mark.parametrize(
    ("request_", "field", "problem"),
    [
        ({}, "DataBrewJobName", "Field required"),
        ({"DataBrewJobName": ""}, "DataBrewJobName", "at least 1"),
        ({"DataBrewJobName": "x" * 241}, "DataBrewJobName", "at most 240"),
        ({"DataBrewJobName": "clean", "Recipe": "hush"}, "Recipe", "not permitted"),
    ],
)
def test_a_wrong_request_is_refused_by_field_and_never_by_value(databrew, request_, field, problem):
    with pytest.raises(InvalidInputError) as caught:
        databrew.validate(request_)
    assert list(caught.value.problems) == [field]
    assert problem in caught.value.problems[field]
    assert "hush" not in str(caught.value)


# Starting


def test_a_run_is_started_and_only_one_of_ours_at_a_time(databrew, client):
    job = marked(databrew)
    assert job.singleton == "clean"
    assert databrew.start(job) == "db_0"
    assert [run["RunId"] for run in client.runs["clean"]] == ["db_0"]


@pytest.mark.parametrize("code", ["ConflictException", "ServiceQuotaExceededException", "ThrottlingException"])
def test_a_job_that_cannot_run_now_runs_later(databrew, client, code):
    client.call.before("StartJobRun", client_error(code), times=3)
    with pytest.raises(StartLaterError, match=code):
        databrew.start(marked(databrew))


def test_a_start_that_was_throttled_for_a_moment_is_repeated(databrew, client):
    client.call.before("StartJobRun", client_error("ThrottlingException"), times=2)
    assert databrew.start(marked(databrew)) == "db_0"


def test_a_start_that_never_reached_databrew_is_made_later(databrew, client):
    client.call.before("StartJobRun", ConnectTimeoutError(endpoint_url="https://databrew"), times=3)
    with pytest.raises(StartLaterError, match="cannot be reached"):
        databrew.start(marked(databrew))


@pytest.mark.parametrize("step", ["mark", "start"])
def test_a_job_that_databrew_does_not_know_is_refused(databrew, step):
    with pytest.raises(StartRefusedError) as caught:
        getattr(databrew, step)(job_of(name="other"))
    assert caught.value.error == FAILED == "DataBrewJobFailedError"
    assert caught.value.cause == {
        "DataBrewJobName": "other",
        "DataBrewJobRunId": "",
        "DataBrewJobRunState": "NOT_STARTED",
        "ErrorMessage": "ResourceNotFoundException: no such thing",
    }


def test_an_unclear_start_is_neither_repeated_nor_called_refused_or_put_off(databrew, client):
    job = marked(databrew)
    client.call.after("StartJobRun", ReadTimeoutError(endpoint_url="https://databrew"))
    with pytest.raises(ReadTimeoutError):
        databrew.start(job)
    assert client.call.calls["StartJobRun"] == 1


# Finding


def test_a_job_without_a_mark_was_never_started(databrew):
    assert databrew.find(job_of()) is None


@pytest.mark.parametrize("earlier", [0, 1, 19, 20, 21, 250])
def test_a_run_that_was_started_since_the_mark_is_found_and_an_earlier_one_is_not(databrew, client, earlier):
    client.add(earlier)
    job = marked(databrew)
    assert databrew.find(job) is None
    run_id = databrew.start(job)
    assert databrew.find(job) == run_id


def test_of_several_runs_since_the_mark_the_first_is_taken(databrew, client):
    client.add(30)
    job = marked(databrew)
    first = databrew.start(job)
    for _ in range(150):
        client.start_job_run("clean")
    assert databrew.find(job) == first


def test_a_run_that_has_no_start_yet_is_found(databrew, client):
    job = marked(databrew)
    run_id = databrew.start(job)
    del client.runs["clean"][0]["StartedOn"]
    assert databrew.find(job) == run_id


def test_the_search_ends_where_runs_are_older_than_the_claim(databrew, client):
    job = marked(databrew)
    client.add(500, StartedOn=NOW - timedelta(minutes=11))
    assert databrew.find(job) is None
    assert client.call.calls["ListJobRuns"] == 2


def test_the_search_ends_after_ten_pages(databrew, client):
    job = marked(databrew)
    client.add(1500)
    databrew.find(job)
    assert client.call.calls["ListJobRuns"] == 11


def test_nothing_is_found_of_a_job_that_is_gone(databrew, client):
    job = marked(databrew)
    del client.runs["clean"]
    assert databrew.find(job) is None


def test_a_search_that_fails_concludes_nothing(databrew, client):
    job = marked(databrew)
    client.call.before("ListJobRuns", client_error("AccessDeniedException"))
    with pytest.raises(ClientError, match="AccessDenied"):
        databrew.find(job)


# States


def test_every_state_of_databrew_s_enum_is_decided_once(client):
    enum = client.meta.service_model.shape_for("JobRunState").enum
    decided = Counter([*RUNNING_STATES, *SUCCEEDED_STATES, *FAILED_STATES])
    assert set(decided) == set(enum)
    assert set(decided.values()) == {1}


@pytest.mark.parametrize("state", ["STARTING", "RUNNING", "STOPPING", "PONDERING"])
def test_a_run_in_this_state_or_one_that_databrew_gets_later_runs(databrew, client, state):
    assert status_of(databrew, client, run_of(state=state)) == Running(state)


def test_the_output_tells_of_the_run_with_times_in_iso_8601_and_utc(databrew, client):
    east = timezone(timedelta(hours=2))
    run = run_of(
        state="SUCCEEDED",
        StartedOn=datetime(2026, 1, 31, 6, 6, 6, tzinfo=east),
        CompletedOn=datetime(2026, 1, 31, 6, 7, 6, tzinfo=east),
        ExecutionTime=55,
        Attempt=1,
        DatasetName="sales",
        LogGroupName="/aws-glue-databrew/jobs/clean",
        Outputs=[{"Location": {"Bucket": "lake", "Key": "clean/"}, "Format": "CSV"}, {"Location": {"Bucket": "lake"}}],
    )
    output = status_of(databrew, client, run).output
    assert output == {
        "DataBrewJobName": "clean",
        "DataBrewJobRunId": "db_0",
        "DataBrewJobRunState": "SUCCEEDED",
        "DatasetName": "sales",
        "DataBrewJobStartedOn": "2026-01-31T04:06:06+00:00",
        "DataBrewJobCompletedOn": "2026-01-31T04:07:06+00:00",
        "ExecutionTimeSeconds": 55,
        "Attempt": 1,
        "LogGroupName": "/aws-glue-databrew/jobs/clean",
        "ConsoleLink": "https://us-east-1.console.aws.amazon.com/databrew/home?region=us-east-1"
        "#job-details?job=clean&tab=history",
        "OutputLocations": ["s3://lake/clean/", "s3://lake/"],
    }
    json.dumps(output)


@pytest.mark.parametrize("state", ["STOPPED", "FAILED", "TIMEOUT"])
@pytest.mark.parametrize(("said", "message"), [({"ErrorMessage": "no"}, "no"), ({}, "the run ended as")])
def test_a_run_in_this_state_fails_its_task_with_what_databrew_said(databrew, client, state, said, message):
    status = status_of(databrew, client, run_of(state=state, **said))
    assert isinstance(status, Failed)
    assert status.error == "DataBrewJobFailedError"
    assert status.cause["DataBrewJobRunState"] == state
    assert message in status.cause["ErrorMessage"]
    assert "ConsoleLink" in status.cause


def test_a_run_that_databrew_does_not_know_any_more_has_failed(databrew, client):
    status = databrew.describe([job_of().started("db_9")])[job_of().task_key]
    assert status.cause["DataBrewJobRunState"] == "UNKNOWN"


# Asking for many


def test_each_run_is_asked_for_and_one_without_an_answer_stops_no_other(databrew, client):
    client.runs = {f"job{number}": [run_of(name=f"job{number}", state="SUCCEEDED")] for number in range(3)}
    jobs = [job_of(number, f"job{number}").started("db_0") for number in range(3)]
    client.call.before("DescribeJobRun", client_error("AccessDeniedException"))
    statuses = databrew.describe(jobs)
    assert set(statuses) == {job.task_key for job in jobs[1:]}
    assert all(isinstance(status, Succeeded) for status in statuses.values())


def test_throttling_is_waited_out(databrew, client, naps):
    client.call.before("DescribeJobRun", client_error("ThrottlingException"), times=4)
    assert status_of(databrew, client, run_of()) == Running("RUNNING")
    assert len(naps) == 4


# Stopping


def test_each_run_is_stopped_by_its_id(databrew, client):
    databrew.stop([job_of(0).started("db_0"), job_of(1, "other").started("db_1"), job_of(2)])
    assert client.stopped == [("clean", "db_0"), ("other", "db_1")]


@pytest.mark.parametrize("state", ["SUCCEEDED", "STOPPED", "STOPPING", None])
def test_a_run_that_has_ended_already_or_is_gone_is_no_error(databrew, client, state):
    client.runs["clean"] = [run_of(state=state)] if state else []
    client.call.before("StopJobRun", client_error("ValidationException"))
    databrew.stop([job_of().started("db_0")])


def test_a_run_that_goes_on_though_it_was_to_be_stopped_is_an_error_and_the_others_are_stopped(databrew, client):
    client.runs["clean"] = [run_of()]
    client.call.before("StopJobRun", client_error("AccessDeniedException"))
    with pytest.raises(StopFailedError, match="did not stop db_0 of job clean"):
        databrew.stop([job_of(0).started("db_0"), job_of(1, "other").started("db_1")])
    assert client.stopped == [("other", "db_1")]


def test_a_run_of_which_nothing_is_known_may_go_on(databrew, client):
    client.call.before("StopJobRun", client_error("AccessDeniedException"))
    client.call.before("DescribeJobRun", client_error("AccessDeniedException"))
    with pytest.raises(StopFailedError):
        databrew.stop([job_of().started("db_0")])


# Events


def event(**changes):
    return {
        "version": "0",
        "id": "abcdef00-1234-5678-9abc-def012345678",
        "detail-type": "DataBrew Job State Change",
        "source": "aws.databrew",
        "account": "123456789012",
        "time": "2026-01-31T04:05:06Z",
        "region": "us-east-1",
        "resources": [],
        "detail": {
            "jobName": "clean",
            "severity": "INFO",
            "state": "SUCCEEDED",
            "jobRunId": "db_0",
            "message": "Job run succeeded",
        },
    } | changes


def test_an_event_of_databrew_speaks_of_its_run(databrew):
    assert databrew.run_of_event(event()) == "db_0"


@pytest.mark.parametrize(
    "other",
    [
        {},
        event(source="aws.glue"),
        event(**{"detail-type": "DataBrew Ruleset Validation Result"}),
        event(detail={}),
    ],
)
def test_any_other_event_speaks_of_no_run(databrew, other):
    assert databrew.run_of_event(other) is None
