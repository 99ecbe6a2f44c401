# ruff: noqa: N803  # arguments are named as boto3 names them
from __future__ import annotations

import json
from collections import Counter
from datetime import datetime, timedelta, timezone

import boto3
import pytest
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ParamValidationError,
    ReadTimeoutError,
)
from botocore.validate import validate_parameters

from runners.errors import InvalidInputError, StartLaterError, StartRefusedError, StopFailedError
from runners.job import Failed, Running, Succeeded
from runners.services import iso
from runners.services.glue import (
    FAILED,
    FAILED_STATES,
    KEY_ARGUMENT,
    RUNNING_STATES,
    SUCCEEDED_STATES,
    Glue,
)
from tests.unit.doubles import Clock, Faults, active_job, client_error

NOW = Clock().now
GONE = client_error("EntityNotFoundException")


class GlueDouble:
    """Glue's client: answers as its service model says, over runs that a test puts there."""

    def __init__(self):
        self.meta = boto3.client("glue").meta
        self.call = Faults()
        self.started = []
        self.stopped = []
        self.refuse_to_stop = {}
        self.runs = {}  # by job name, newest first
        self.page = 200

    def start_job_run(self, **call):
        return self.call("start_job_run", lambda: self.started.append(call) or {"JobRunId": "jr_0"})

    def get_job_runs(self, JobName, MaxResults, NextToken="0"):
        def effect():
            assert MaxResults <= 200
            if JobName not in self.runs:
                raise GONE
            start = int(NextToken)
            end = start + min(self.page, MaxResults)
            answer = {"JobRuns": self.runs[JobName][start:end]}
            return answer | ({"NextToken": str(end)} if end < len(self.runs[JobName]) else {})

        return self.call(f"get_job_runs {JobName}", effect)

    def get_job_run(self, JobName, RunId):
        def effect():
            for run in self.runs.get(JobName, []):
                if run["Id"] == RunId:
                    return {"JobRun": run}
            raise GONE

        return self.call(f"get_job_run {JobName}", effect)

    def batch_stop_job_run(self, JobName, JobRunIds):
        def effect():
            assert 1 <= len(JobRunIds) <= 25
            self.stopped.append((JobName, list(JobRunIds)))
            return {
                "Errors": [
                    {"JobName": JobName, "JobRunId": run_id, "ErrorDetail": {"ErrorCode": code, "ErrorMessage": "no"}}
                    for run_id, code in self.refuse_to_stop.items()
                    if run_id in JobRunIds
                ]
            }

        return self.call("batch_stop_job_run", effect)


@pytest.fixture
def client():
    return GlueDouble()


@pytest.fixture
def glue(client):
    return Glue(client)


def job_of(number=0, name="sales", **request):
    return active_job(number, runner="glue", request={"GlueJobName": name} | request)


def started(number=0, name="sales"):
    return job_of(number, name).started(f"jr_{number}")


def run_of(number=0, state="RUNNING", name="sales", **changes):
    return {
        "Id": f"jr_{number}",
        "JobName": name,
        "JobRunState": state,
        "StartedOn": NOW + timedelta(minutes=1),
        "Arguments": {KEY_ARGUMENT: job_of(number).task_key},
    } | changes


# Requests


def test_a_job_s_name_is_enough(glue, client):
    glue.validate({"GlueJobName": "sales"})
    assert glue.start(job_of()) == "jr_0"
    assert client.started == [{"JobName": "sales", "Arguments": {KEY_ARGUMENT: job_of().task_key}}]


def test_capacity_or_workers_and_time_out_are_passed_on(glue, client):
    glue.start(job_of(GlueJobCapacity=2, Timeout=30))
    glue.start(job_of(WorkerType="G.1X", NumberOfWorkers=3))
    capacity, workers = client.started
    assert (capacity["MaxCapacity"], capacity["Timeout"]) == (2.0, 30)
    assert (workers["WorkerType"], workers["NumberOfWorkers"]) == ("G.1X", 3)
    assert "MaxCapacity" not in workers
    assert "WorkerType" not in capacity


@pytest.mark.parametrize(("capacity", "workers"), [(10, 10), (2.5, 3), (1, 2)])
def test_a_capacity_that_glue_takes_in_workers_only_is_said_in_workers_of_one_dpu(glue, client, capacity, workers):
    client.call.before("start_job_run", client_error("InvalidInputException", "set Worker Type instead"))
    assert glue.start(job_of(GlueJobCapacity=capacity, Timeout=30)) == "jr_0"
    (call,) = client.started
    assert (call["WorkerType"], call["NumberOfWorkers"], call["Timeout"]) == ("G.1X", workers, 30)
    assert call["Arguments"] == {KEY_ARGUMENT: job_of().task_key}
    assert "MaxCapacity" not in call


def test_a_capacity_that_glue_refuses_in_either_way_is_refused(glue, client):
    client.call.before("start_job_run", client_error("InvalidInputException", "no such luck"), times=2)
    with pytest.raises(StartRefusedError, match="no such luck"):
        glue.start(job_of(GlueJobCapacity=2))


def test_another_refusal_is_not_asked_for_again_in_workers(glue, client):
    client.call.before("start_job_run", client_error("EntityNotFoundException", "no such job"))
    with pytest.raises(StartRefusedError, match="no such job"):
        glue.start(job_of(GlueJobCapacity=2))
    assert client.started == []


@pytest.mark.parametrize(
    "message", ["Value '{--password=hush}' at 'arguments' failed to satisfy constraint", "what is hush to a job?"]
)
def test_a_refusal_repeats_no_argument(glue, client, message):
    client.call.before("start_job_run", client_error("ValidationException", message))
    with pytest.raises(StartRefusedError) as caught:
        glue.start(job_of(password="hush"))
    assert "***" in str(caught.value)
    assert "hush" not in str(caught.value)


def test_every_other_key_becomes_an_argument(glue, client):
    request = {"day": "2026-01-31", "--limit": 5, "tags": ["a", "b"], "dry": True, "nothing": None, "call": "x"}
    glue.validate({"GlueJobName": "sales"} | request)
    glue.start(job_of(**request))
    assert client.started[0]["Arguments"] == {
        "--day": "2026-01-31",
        "--limit": "5",
        "--tags": '[ "a", "b" ]',
        "--dry": "true",
        "--call": "x",
        KEY_ARGUMENT: job_of().task_key,
    }


@pytest.mark.parametrize(
    "value",
    [{"a": {"b": {"c": 1}}}, [{"a": {}}, {"b": [{}]}], {"a": "{{x}} }}} \\n \n"}, {"{{": {"}}": "ü\u2028"}}, [], {}],
)
def test_an_argument_of_json_has_no_brackets_that_spark_s_launcher_takes_for_its_own(glue, client, value):
    glue.start(job_of(options=value))
    passed = client.started[0]["Arguments"]["--options"]
    assert json.loads(passed) == value
    assert not {"{{", "}}", "\n"} & {passed[at : at + size] for at in range(len(passed)) for size in (1, 2)}


def test_no_input_can_take_the_place_of_the_task_s_key(glue, client):
    glue.start(job_of(runner_task_key="mine", **{"--runner_task_key": "mine"}))
    assert client.started[0]["Arguments"] == {KEY_ARGUMENT: job_of().task_key}


@pytest.mark.parametrize(
    ("request_", "field", "problem"),
    [
        ({}, "GlueJobName", "Field required"),
        ({"GlueJobName": ""}, "GlueJobName", "at least 1 character"),
        ({"GlueJobName": "x" * 256}, "GlueJobName", "at most 255"),
        ({"GlueJobName": 5}, "GlueJobName", "valid string"),
        ({"GlueJobName": "sales", "GlueJobCapacity": 0}, "GlueJobCapacity", "greater than 0"),
        ({"GlueJobName": "sales", "GlueJobCapacity": float("inf")}, "GlueJobCapacity", "finite"),
        ({"GlueJobName": "sales", "GlueJobCapacity": "hush"}, "GlueJobCapacity", "valid number"),
        ({"GlueJobName": "sales", "Timeout": 0}, "Timeout", "greater than or equal to 1"),
        ({"GlueJobName": "sales", "WorkerType": "G.1X"}, "(input)", "go together"),
        ({"GlueJobName": "sales", "NumberOfWorkers": 2}, "(input)", "go together"),
        (
            {"GlueJobName": "sales", "GlueJobCapacity": 2, "WorkerType": "G.1X", "NumberOfWorkers": 2},
            "(input)",
            "not both",
        ),
    ],
)
def test_a_wrong_request_is_refused_by_field_and_never_by_value(glue, request_, field, problem):
    with pytest.raises(InvalidInputError) as caught:
        glue.validate(request_)
    assert list(caught.value.problems) == [field]
    assert problem in caught.value.problems[field]
    assert "hush" not in str(caught.value)


def test_every_wrong_field_is_named(glue):
    with pytest.raises(InvalidInputError) as caught:
        glue.validate({"GlueJobCapacity": -1, "Timeout": "hush"})
    assert set(caught.value.problems) == {"GlueJobName", "GlueJobCapacity", "Timeout"}


def test_the_call_is_one_that_botocore_s_service_model_accepts(glue, client):
    glue.start(job_of(WorkerType="G.1X", NumberOfWorkers=3, Timeout=30, day="x"))
    glue.start(job_of(GlueJobCapacity=0.0625))
    model = client.meta.service_model.operation_model("StartJobRun").input_shape
    for call in client.started:
        validate_parameters(call, model)


# Starting


@pytest.mark.parametrize(
    "code", ["ConcurrentRunsExceededException", "ResourceNumberLimitExceededException", "ThrottlingException"]
)
def test_too_many_runs_means_later_not_failed(glue, client, code):
    client.call.before("start_job_run", client_error(code), times=3)
    with pytest.raises(StartLaterError, match=code):
        glue.start(job_of())
    assert not client.started


def test_a_start_that_was_throttled_for_a_moment_is_repeated(glue, client):
    client.call.before("start_job_run", client_error("ThrottlingException"), times=2)
    assert glue.start(job_of()) == "jr_0"


@pytest.mark.parametrize("error", [EndpointConnectionError, ConnectTimeoutError])
def test_a_start_that_never_reached_glue_is_made_later(glue, client, error):
    client.call.before("start_job_run", error(endpoint_url="https://glue"), times=3)
    with pytest.raises(StartLaterError, match="cannot be reached"):
        glue.start(job_of())


@pytest.mark.parametrize(
    "code",
    [
        "EntityNotFoundException",
        "InvalidInputException",
        "AccessDeniedException",
        "ValidationException",
        "SerializationException",
    ],
)
def test_a_start_that_glue_will_never_make_is_refused_with_what_it_said(glue, client, code):
    client.call.before("start_job_run", client_error(code, "no such job"))
    with pytest.raises(StartRefusedError) as caught:
        glue.start(job_of())
    assert caught.value.error == FAILED == "GlueJobFailedError"
    assert caught.value.cause == {
        "GlueJobName": "sales",
        "GlueJobRunId": "",
        "GlueJobRunState": "NOT_STARTED",
        "ErrorMessage": f"{code}: no such job",
    }


def test_a_start_that_botocore_cannot_send_is_refused(glue, client):
    client.call.before("start_job_run", ParamValidationError(report="Invalid length"))
    with pytest.raises(StartRefusedError, match="Invalid length"):
        glue.start(job_of())


@pytest.mark.parametrize(
    "error",
    [
        ReadTimeoutError(endpoint_url="https://glue"),
        client_error("InternalServiceException", status=500),
        client_error("OperationTimeoutException"),
    ],
)
def test_an_unclear_start_is_neither_repeated_nor_called_refused_or_put_off(glue, client, error):
    client.call.after("start_job_run", error)
    with pytest.raises(type(error)):
        glue.start(job_of())
    assert client.call.calls["start_job_run"] == 1


# Finding


def test_a_run_is_found_by_the_task_s_key(glue, client):
    client.runs["sales"] = [run_of(number) for number in range(5)]
    assert glue.find(job_of(3)) == "jr_3"
    assert glue.find(job_of(9)) is None


def test_a_run_is_found_over_more_than_one_page(glue, client):
    client.runs["sales"] = [run_of(number) for number in range(450)]
    assert glue.find(job_of(449)) == "jr_449"
    assert client.call.calls["get_job_runs sales"] == 3


def test_the_search_ends_where_runs_are_older_than_the_claim(glue, client):
    old = [run_of(number, StartedOn=NOW - timedelta(minutes=11)) for number in range(1000)]
    client.runs["sales"] = [run_of(1001), *old]
    assert glue.find(job_of(0)) is None
    assert client.call.calls["get_job_runs sales"] == 1


def test_a_clock_that_runs_a_little_ahead_of_glue_s_hides_no_run(glue, client):
    client.runs["sales"] = [run_of(0, StartedOn=NOW - timedelta(minutes=9))]
    assert glue.find(job_of(0)) == "jr_0"


def test_the_search_ends_after_ten_pages(glue, client):
    client.runs["sales"] = [run_of(number) for number in range(2100)]
    assert glue.find(job_of(2050)) is None
    assert client.call.calls["get_job_runs sales"] == 10


def test_runs_of_others_without_arguments_or_a_start_are_passed_over(glue, client):
    others = run_of(1)
    del others["Arguments"]
    queued = run_of(2)
    del queued["StartedOn"]
    client.runs["sales"] = [others, queued, run_of(0)]
    assert glue.find(job_of(0)) == "jr_0"
    assert glue.find(job_of(2)) == "jr_2"


def test_a_job_that_glue_has_forgotten_has_no_runs(glue):
    assert glue.find(job_of()) is None


def test_a_search_that_fails_concludes_nothing(glue, client):
    client.call.before("get_job_runs sales", client_error("AccessDeniedException"))
    with pytest.raises(ClientError, match="AccessDenied"):
        glue.find(job_of())


# States


def test_every_state_of_glue_s_enum_is_decided_once(client):
    enum = client.meta.service_model.shape_for("JobRunState").enum
    decided = Counter([*RUNNING_STATES, *SUCCEEDED_STATES, *FAILED_STATES])
    assert set(decided) == set(enum)
    assert set(decided.values()) == {1}


def status_of(glue, client, run):
    client.runs["sales"] = [run]
    return glue.describe([started()])[job_of().task_key]


@pytest.mark.parametrize("state", ["STARTING", "RUNNING", "STOPPING", "WAITING"])
def test_a_run_in_this_state_runs(glue, client, state):
    assert status_of(glue, client, run_of(state=state)) == Running(state)


def test_a_run_in_state_succeeded_has_succeeded(glue, client):
    assert isinstance(status_of(glue, client, run_of(state="SUCCEEDED")), Succeeded)


@pytest.mark.parametrize("state", ["STOPPED", "FAILED", "TIMEOUT", "ERROR", "EXPIRED"])
def test_a_run_in_this_state_has_failed(glue, client, state):
    status = status_of(glue, client, run_of(state=state))
    assert isinstance(status, Failed)
    assert status.cause["GlueJobRunState"] == state


def test_a_state_that_glue_gets_later_is_taken_as_running(glue, client):
    assert status_of(glue, client, run_of(state="PONDERING")) == Running("PONDERING")


def test_the_output_tells_of_the_run_with_times_in_iso_8601_and_utc(glue, client):
    east = timezone(timedelta(hours=2))
    run = run_of(
        state="SUCCEEDED",
        StartedOn=datetime(2026, 1, 31, 6, 6, 6, 789_000, east),
        CompletedOn=datetime(2026, 1, 31, 6, 7, 6, tzinfo=east),
        LastModifiedOn=datetime(2026, 1, 31, 6, 8, 6, tzinfo=east),
        ExecutionTime=55,
        MaxCapacity=2.0,
    )
    output = status_of(glue, client, run).output
    links = {name: output.pop(name) for name in ("ConsoleLink", "LogsLink", "ErrorLogsLink")}
    assert output == {
        "GlueJobName": "sales",
        "GlueJobRunId": "jr_0",
        "GlueJobRunState": "SUCCEEDED",
        "GlueJobStartedOn": "2026-01-31T04:06:06.789000+00:00",
        "GlueJobCompletedOn": "2026-01-31T04:07:06+00:00",
        "GlueJobLastModifiedOn": "2026-01-31T04:08:06+00:00",
        "ExecutionTimeSeconds": 55,
        "DPUSeconds": 110.0,
    }
    assert links["ConsoleLink"].endswith("region=us-east-1#/job/sales/run/jr_0")
    assert "$252Faws-glue$252Fjobs$252Foutput/log-events/jr_0" in links["LogsLink"]
    assert "$252Faws-glue$252Fjobs$252Ferror/log-events/jr_0" in links["ErrorLogsLink"]
    json.dumps(output)


def test_the_dpu_seconds_of_glue_are_taken_where_it_gives_them(glue, client):
    run = run_of(state="SUCCEEDED", ExecutionTime=55, MaxCapacity=2.0, DPUSeconds=7.5)
    assert status_of(glue, client, run).output["DPUSeconds"] == 7.5


def test_a_time_that_glue_does_not_give_is_null(glue, client):
    assert status_of(glue, client, run_of(state="SUCCEEDED")).output["GlueJobCompletedOn"] is None
    assert iso(None) is None


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"ErrorMessage": "out of memory", "StateDetail": "x"}, "out of memory"),
        ({"StateDetail": "no capacity"}, "no capacity"),
        ({}, "the run ended as FAILED"),
    ],
)
def test_the_cause_of_a_failure_says_what_glue_said(glue, client, said, message):
    status = status_of(glue, client, run_of(state="FAILED", **said))
    assert status.error == "GlueJobFailedError"
    assert status.cause["ErrorMessage"] == message
    assert (status.cause["GlueJobName"], status.cause["GlueJobRunId"]) == ("sales", "jr_0")
    assert "LogsLink" in status.cause


def test_a_run_that_glue_does_not_know_any_more_has_failed(glue, client):
    client.runs["sales"] = []
    status = glue.describe([started()])[job_of().task_key]
    assert status.cause["GlueJobRunState"] == "UNKNOWN"


# Asking for many


def test_one_run_is_asked_for_alone(glue, client):
    client.runs["sales"] = [run_of()]
    glue.describe([started()])
    assert client.call.calls == {"get_job_run sales": 1}


def test_a_thousand_runs_of_one_job_are_asked_for_in_five_calls(glue, client):
    client.runs["sales"] = [run_of(number) for number in range(1000)]
    statuses = glue.describe([started(number) for number in range(1000)])
    assert len(statuses) == 1000
    assert client.call.calls == {"get_job_runs sales": 5}


def test_asking_ends_as_soon_as_all_runs_are_found(glue, client):
    client.runs["sales"] = [run_of(number) for number in range(1000)]
    glue.describe([started(0), started(150)])
    assert client.call.calls == {"get_job_runs sales": 1}


def test_the_jobs_of_a_glue_job_that_is_gone_have_failed_however_many_they_are(glue):
    statuses = glue.describe([started(0), started(1)])
    assert [status.cause["GlueJobRunState"] for status in statuses.values()] == ["UNKNOWN", "UNKNOWN"]


def test_runs_beyond_the_pages_are_asked_for_one_by_one(glue, client):
    client.runs["sales"] = [run_of(number) for number in range(2100)]
    statuses = glue.describe([started(0), started(2050)])
    assert len(statuses) == 2
    assert client.call.calls == {"get_job_runs sales": 10, "get_job_run sales": 1}


def test_runs_of_different_jobs_are_told_apart(glue, client):
    client.runs["sales"] = [run_of(0, "SUCCEEDED")]
    client.runs["marketing"] = [run_of(1, "FAILED", name="marketing")]
    statuses = glue.describe([started(0), started(1, "marketing")])
    assert [type(status) for status in statuses.values()] == [Succeeded, Failed]


@pytest.mark.parametrize("error", [client_error("ThrottlingException"), ReadTimeoutError(endpoint_url="https://glue")])
def test_a_job_that_glue_does_not_answer_about_is_left_out_and_the_others_are_not(glue, client, error):
    client.runs["sales"] = [run_of(0), run_of(1)]
    client.runs["marketing"] = [run_of(2, name="marketing")]
    client.call.before("get_job_runs sales", error, times=5)
    statuses = glue.describe([started(0), started(1), started(2, "marketing")])
    assert set(statuses) == {job_of(2).task_key}


def test_an_error_other_than_a_forgotten_run_concludes_nothing_about_it(glue, client):
    client.call.before("get_job_run sales", client_error("AccessDeniedException"))
    assert glue.describe([started()]) == {}


# Stopping


def test_runs_are_stopped_twenty_five_a_call(glue, client):
    glue.stop([started(number) for number in range(60)])
    assert [len(run_ids) for _, run_ids in client.stopped] == [25, 25, 10]
    assert {run_id for _, run_ids in client.stopped for run_id in run_ids} == {f"jr_{number}" for number in range(60)}


def test_runs_of_different_jobs_are_stopped_by_calls_of_their_own(glue, client):
    glue.stop([started(0), started(1, "marketing")])
    assert client.stopped == [("sales", ["jr_0"]), ("marketing", ["jr_1"])]


def test_a_job_without_a_run_has_nothing_to_stop(glue, client):
    glue.stop([job_of()])
    assert not client.stopped


@pytest.mark.parametrize("state", ["SUCCEEDED", "STOPPED", "STOPPING"])
def test_a_run_that_has_ended_already_is_no_error(glue, client, state):
    client.runs["sales"] = [run_of(state=state)]
    client.refuse_to_stop["jr_0"] = "InvalidInputException"
    glue.stop([started()])


def test_a_run_that_glue_does_not_know_any_more_is_no_error(glue, client):
    client.refuse_to_stop["jr_0"] = "EntityNotFoundException"
    glue.stop([started()])


def test_a_run_that_goes_on_though_it_was_to_be_stopped_is_an_error(glue, client):
    client.runs["sales"] = [run_of()]
    client.refuse_to_stop["jr_0"] = "InternalServiceException"
    with pytest.raises(StopFailedError, match=r"jr_0 of job sales, which is RUNNING: InternalServiceException: no"):
        glue.stop([started()])


def test_a_throttled_stop_is_repeated_and_one_that_fails_is_an_error(glue, client):
    client.call.before("batch_stop_job_run", client_error("ThrottlingException"), times=2)
    glue.stop([started()])
    client.call.before("batch_stop_job_run", client_error("AccessDeniedException"))
    with pytest.raises(ClientError):
        glue.stop([started()])


# Events


def event(**changes):
    return {
        "version": "0",
        "id": "abcdef00-1234-5678-9abc-def012345678",
        "detail-type": "Glue Job State Change",
        "source": "aws.glue",
        "time": "2026-01-31T04:05:06Z",
        "detail": {"jobName": "sales", "severity": "INFO", "state": "SUCCEEDED", "jobRunId": "jr_0", "message": ""},
    } | changes


def test_an_event_of_glue_speaks_of_its_run(glue):
    assert glue.run_of_event(event()) == "jr_0"


@pytest.mark.parametrize(
    "other",
    [
        {},
        event(source="aws.s3"),
        event(**{"detail-type": "Glue Crawler State Change"}),
        event(detail={}),
        {"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}},
    ],
)
def test_any_other_event_speaks_of_no_run(glue, other):
    assert glue.run_of_event(other) is None


def test_glue_works_with_a_client_of_boto3(aws):
    client = boto3.client("glue")
    client.create_job(Name="sales", Role="role", Command={"Name": "glueetl", "ScriptLocation": "s3://scripts/x.py"})
    glue = Glue(client)
    run_id = glue.start(job_of())
    assert set(glue.describe([job_of().started(run_id)])) == {job_of().task_key}
    assert client.get_job_run(JobName="sales", RunId=run_id)["JobRun"]["Arguments"] == {KEY_ARGUMENT: job_of().task_key}


def test_the_links_lead_to_the_log_groups_that_the_run_names(glue, client):
    client.runs["sales"] = [run_of(state="SUCCEEDED", LogGroupName="/aws-glue/python-jobs/")]
    output = glue.describe([started()])[started().task_key].output
    assert "$252Faws-glue$252Fpython-jobs$252Foutput" in output["LogsLink"]
    assert "$252Faws-glue$252Fpython-jobs$252Ferror" in output["ErrorLogsLink"]
