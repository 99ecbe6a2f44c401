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
from runners.services.glue_workflow import (
    FAILED,
    FAILED_STATES,
    KEY_PROPERTY,
    RUNNING_STATES,
    SUCCEEDED_STATES,
    UNSUCCESSFUL_ACTIONS,
    GlueWorkflow,
)
from tests.unit.doubles import Clock, Faults, active_job, client_error

NOW = Clock().now
GONE = client_error("EntityNotFoundException", "no such thing")


class WorkflowsDouble:
    """Glue's client over workflow runs that a test puts there."""

    def __init__(self):
        self.meta = boto3.client("glue").meta
        self.call = Faults()
        self.started = []
        self.stopped = []
        self.runs = {}  # by workflow
        self.page = 1000

    def _made(self, operation, call, effect):
        validate_parameters(call, self.meta.service_model.operation_model(operation).input_shape)
        return self.call(operation, effect)

    def start_workflow_run(self, **call):
        return self._made("StartWorkflowRun", call, lambda: self.started.append(call) or {"RunId": "wr_0"})

    def get_workflow_runs(self, **call):
        def effect():
            assert call["IncludeGraph"] is False
            if call["Name"] not in self.runs:
                raise GONE
            runs = self.runs[call["Name"]]
            start = int(call.get("NextToken", "0"))
            end = start + min(self.page, call["MaxResults"])
            page = {"Runs": runs[start:end]} if runs else {}
            return page | ({"NextToken": str(end)} if end < len(runs) else {})

        return self._made("GetWorkflowRuns", call, effect)

    def get_workflow_run(self, Name, RunId):
        def effect():
            for run in self.runs.get(Name, []):
                if run["WorkflowRunId"] == RunId:
                    return {"Run": run}
            raise GONE

        return self._made("GetWorkflowRun", {"Name": Name, "RunId": RunId}, effect)

    def stop_workflow_run(self, Name, RunId):
        return self._made(
            "StopWorkflowRun", {"Name": Name, "RunId": RunId}, lambda: self.stopped.append((Name, RunId)) or {}
        )


@pytest.fixture
def client():
    return WorkflowsDouble()


@pytest.fixture
def workflow(client):
    return GlueWorkflow(client)


def job_of(number=0, name="nightly", **request):
    return active_job(number, runner="glueworkflow", request={"GlueWorkflowName": name} | request)


def started(number=0, name="nightly"):
    return job_of(number, name).started(f"wr_{number}")


def run_of(number=0, status="RUNNING", name="nightly", **changes):
    return {
        "Name": name,
        "WorkflowRunId": f"wr_{number}",
        "Status": status,
        "StartedOn": NOW,
        "WorkflowRunProperties": {KEY_PROPERTY: job_of(number).task_key},
    } | changes


def status_of(workflow, client, run):
    client.runs["nightly"] = [run]
    return workflow.describe([started()])[job_of().task_key]


# Requests


def test_a_workflow_s_name_is_enough_and_each_run_carries_the_task_s_key(workflow, client):
    workflow.validate({"GlueWorkflowName": "nightly"})
    assert workflow.start(job_of()) == "wr_0"
    assert client.started == [{"Name": "nightly", "RunProperties": {KEY_PROPERTY: job_of().task_key}}]


def test_run_properties_are_passed_on_and_none_takes_the_place_of_the_task_s_key(workflow, client):
    request = {"RunProperties": {"day": "2026-01-31", KEY_PROPERTY: "mine"}}
    workflow.validate({"GlueWorkflowName": "nightly"} | request)
    workflow.start(job_of(**request))
    assert client.started[0]["RunProperties"] == {"day": "2026-01-31", KEY_PROPERTY: job_of().task_key}


@pytest.mark.parametrize(
    ("request_", "field", "problem"),
    [
        ({}, "GlueWorkflowName", "Field required"),
        ({"GlueWorkflowName": ""}, "GlueWorkflowName", "at least 1"),
        ({"GlueWorkflowName": "x" * 256}, "GlueWorkflowName", "at most 255"),
        ({"GlueWorkflowName": "nightly", "RunProperties": "hush"}, "RunProperties", "valid dictionary"),
        ({"GlueWorkflowName": "nightly", "RunProperties": {"day": 5}}, "RunProperties.day", "valid string"),
        ({"GlueWorkflowName": "nightly", "Arguments": "hush"}, "Arguments", "not permitted"),
    ],
)
def test_a_wrong_request_is_refused_by_field_and_never_by_value(workflow, request_, field, problem):
    with pytest.raises(InvalidInputError) as caught:
        workflow.validate(request_)
    assert list(caught.value.problems) == [field]
    assert problem in caught.value.problems[field]
    assert "hush" not in str(caught.value)


# Starting


@pytest.mark.parametrize(
    "code", ["ConcurrentRunsExceededException", "ResourceNumberLimitExceededException", "ThrottlingException"]
)
def test_too_many_runs_mean_later_not_failed(workflow, client, code):
    client.call.before("StartWorkflowRun", client_error(code), times=3)
    with pytest.raises(StartLaterError, match=code):
        workflow.start(job_of())
    assert not client.started


def test_a_start_that_was_throttled_for_a_moment_is_repeated(workflow, client):
    client.call.before("StartWorkflowRun", client_error("ThrottlingException"), times=2)
    assert workflow.start(job_of()) == "wr_0"


def test_a_start_that_never_reached_glue_is_made_later(workflow, client):
    client.call.before("StartWorkflowRun", ConnectTimeoutError(endpoint_url="https://glue"), times=3)
    with pytest.raises(StartLaterError, match="cannot be reached"):
        workflow.start(job_of())


def test_a_start_that_glue_will_never_make_is_refused_with_what_it_said(workflow, client):
    client.call.before("StartWorkflowRun", client_error("InvalidInputException", "cannot take hush"))
    with pytest.raises(StartRefusedError) as caught:
        workflow.start(job_of(RunProperties={"password": "hush"}))
    assert caught.value.error == FAILED == "GlueWorkflowFailedError"
    assert caught.value.cause == {
        "GlueWorkflowName": "nightly",
        "GlueWorkflowRunId": "",
        "GlueWorkflowRunStatus": "NOT_STARTED",
        "ErrorMessage": "InvalidInputException: cannot take ***",
    }


@pytest.mark.parametrize(
    "error",
    [
        ReadTimeoutError(endpoint_url="https://glue"),
        client_error("InternalServiceException"),
        client_error("OperationTimeoutException"),
    ],
)
def test_an_unclear_start_is_neither_repeated_nor_called_refused_or_put_off(workflow, client, error):
    client.call.after("StartWorkflowRun", error)
    with pytest.raises(type(error)):
        workflow.start(job_of())
    assert len(client.started) == 1


# Finding


def test_a_run_is_found_by_the_task_s_key_in_whatever_order_and_over_many_pages(workflow, client):
    client.page = 100
    client.runs["nightly"] = [run_of(number) for number in range(450)]
    assert workflow.find(job_of(0)) == "wr_0"
    assert workflow.find(job_of(449)) == "wr_449"
    assert workflow.find(job_of(999)) is None


def test_runs_of_others_are_passed_over(workflow, client):
    others = run_of(1)
    del others["WorkflowRunProperties"]
    client.runs["nightly"] = [others, run_of(2, WorkflowRunProperties={"day": "x"}), run_of(0)]
    assert workflow.find(job_of()) == "wr_0"


def test_the_search_ends_after_ten_pages(workflow, client):
    client.page = 1
    client.runs["nightly"] = [run_of(number) for number in range(20)]
    assert workflow.find(job_of(15)) is None
    assert client.call.calls["GetWorkflowRuns"] == 10


def test_a_workflow_that_has_no_runs_or_is_forgotten_has_none_to_be_found(workflow, client):
    assert workflow.find(job_of()) is None
    client.runs["nightly"] = []
    assert workflow.find(job_of()) is None


def test_a_search_that_fails_concludes_nothing(workflow, client):
    client.call.before("GetWorkflowRuns", client_error("AccessDeniedException"))
    with pytest.raises(ClientError, match="AccessDenied"):
        workflow.find(job_of())


# States


def test_every_state_of_glue_s_enum_is_decided_once(client):
    enum = client.meta.service_model.shape_for("WorkflowRunStatus").enum
    decided = Counter([*RUNNING_STATES, *SUCCEEDED_STATES, *FAILED_STATES])
    assert set(decided) == set(enum)
    assert set(decided.values()) == {1}


def test_every_count_of_actions_in_glue_s_statistics_is_known(client):
    counts = client.meta.service_model.shape_for("WorkflowRunStatistics").members
    harmless = {"TotalActions", "SucceededActions", "RunningActions", "WaitingActions"}
    assert set(counts) == harmless | set(UNSUCCESSFUL_ACTIONS)


@pytest.mark.parametrize("state", ["RUNNING", "STOPPING", "PONDERING"])
def test_a_run_in_this_state_or_one_that_glue_gets_later_runs(workflow, client, state):
    failed = {"FailedActions": 1}  # the run may go on with other actions
    assert status_of(workflow, client, run_of(status=state, Statistics=failed)) == Running(state)


def test_the_output_tells_of_the_run_with_times_in_iso_8601_and_utc(workflow, client):
    east = timezone(timedelta(hours=2))
    statistics = {"TotalActions": 2, "SucceededActions": 2, "FailedActions": 0}
    run = run_of(
        status="COMPLETED",
        StartedOn=datetime(2026, 1, 31, 6, 6, 6, tzinfo=east),
        CompletedOn=datetime(2026, 1, 31, 6, 7, 6, tzinfo=east),
        Statistics=statistics,
        WorkflowRunProperties={KEY_PROPERTY: job_of().task_key, "rows": "12"},
    )
    output = status_of(workflow, client, run).output
    assert output == {
        "GlueWorkflowName": "nightly",
        "GlueWorkflowRunId": "wr_0",
        "GlueWorkflowRunStatus": "COMPLETED",
        "GlueWorkflowStartedOn": "2026-01-31T04:06:06+00:00",
        "GlueWorkflowCompletedOn": "2026-01-31T04:07:06+00:00",
        "Statistics": statistics,
        "ConsoleLink": "https://us-east-1.console.aws.amazon.com/glue/home?region=us-east-1"
        "#/v2/etl-configuration/workflows/run/nightly?runId=wr_0",
        "RunProperties": {"rows": "12"},
    }
    json.dumps(output)


def test_a_run_without_statistics_or_properties_succeeds(workflow, client):
    run = run_of(status="COMPLETED")
    del run["WorkflowRunProperties"]
    assert status_of(workflow, client, run).output["RunProperties"] == {}


@pytest.mark.parametrize("count", UNSUCCESSFUL_ACTIONS)
def test_a_run_that_completed_with_an_action_that_did_not_succeed_has_failed(workflow, client, count):
    statistics = {"TotalActions": 3, "SucceededActions": 2, count: 1}
    status = status_of(workflow, client, run_of(status="COMPLETED", Statistics=statistics))
    assert isinstance(status, Failed)
    assert status.error == "GlueWorkflowFailedError"
    assert status.cause["ErrorMessage"] == f"{count}: 1"
    assert status.cause["Statistics"] == statistics


@pytest.mark.parametrize("state", ["STOPPED", "ERROR"])
@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"ErrorMessage": "too many"}, "too many"),
        ({"Statistics": {"StoppedActions": 2, "FailedActions": 1}}, "FailedActions: 1, StoppedActions: 2"),
        ({}, "the run ended as"),
    ],
)
def test_a_run_in_this_state_fails_its_task_with_what_glue_said(workflow, client, state, said, message):
    status = status_of(workflow, client, run_of(status=state, **said))
    assert status.cause["GlueWorkflowRunStatus"] == state
    assert message in status.cause["ErrorMessage"]
    assert "ConsoleLink" in status.cause


def test_the_jobs_of_a_workflow_that_is_gone_have_failed_however_many_they_are(workflow):
    statuses = workflow.describe([started(0), started(1)])
    assert [status.cause["GlueWorkflowRunStatus"] for status in statuses.values()] == ["UNKNOWN", "UNKNOWN"]


def test_a_run_that_glue_does_not_know_any_more_has_failed(workflow):
    status = workflow.describe([started()])[job_of().task_key]
    assert status.cause["GlueWorkflowRunStatus"] == "UNKNOWN"


# Asking for many


def test_one_run_is_asked_for_alone(workflow, client):
    client.runs["nightly"] = [run_of()]
    workflow.describe([started()])
    assert client.call.calls == {"GetWorkflowRun": 1}


def test_a_thousand_runs_of_one_workflow_are_asked_for_in_one_call(workflow, client):
    client.runs["nightly"] = [run_of(number) for number in range(2000)]
    assert len(workflow.describe([started(number) for number in range(1000)])) == 1000
    assert client.call.calls == {"GetWorkflowRuns": 1}


def test_runs_that_pages_do_not_show_are_asked_for_one_by_one(workflow, client):
    client.page = 100
    client.runs["nightly"] = [run_of(number) for number in range(2000)]
    assert len(workflow.describe([started(0), started(1500)])) == 2
    assert client.call.calls == {"GetWorkflowRuns": 2, "GetWorkflowRun": 1}


def test_runs_of_different_workflows_are_told_apart(workflow, client):
    client.runs["nightly"] = [run_of(0, "COMPLETED")]
    client.runs["weekly"] = [run_of(1, "ERROR", "weekly")]
    statuses = workflow.describe([started(0), started(1, "weekly")])
    assert [type(status) for status in statuses.values()] == [Succeeded, Failed]


def test_a_workflow_that_glue_does_not_answer_about_is_left_out_and_the_others_are_not(workflow, client):
    client.runs = {"nightly": [run_of(0), run_of(1)], "weekly": [run_of(2, name="weekly")]}
    client.call.before("GetWorkflowRuns", client_error("InternalServiceException", status=500), times=5)
    statuses = workflow.describe([started(0), started(1), started(2, "weekly")])
    assert set(statuses) == {job_of(2).task_key}


def test_throttling_is_waited_out(workflow, client, naps):
    client.call.before("GetWorkflowRun", client_error("ThrottlingException"), times=4)
    assert status_of(workflow, client, run_of()) == Running("RUNNING")
    assert len(naps) == 4


def test_an_error_other_than_a_forgotten_run_concludes_nothing_about_it(workflow, client):
    client.call.before("GetWorkflowRun", client_error("AccessDeniedException"))
    assert workflow.describe([started()]) == {}


# Stopping


def test_each_run_is_stopped_by_its_id(workflow, client):
    workflow.stop([started(0), started(1, "weekly"), job_of(2)])
    assert client.stopped == [("nightly", "wr_0"), ("weekly", "wr_1")]


@pytest.mark.parametrize("state", ["COMPLETED", "STOPPED", "STOPPING", None])
def test_a_run_that_has_ended_already_or_is_gone_is_no_error(workflow, client, state):
    client.runs["nightly"] = [run_of(status=state)] if state else []
    client.call.before("StopWorkflowRun", client_error("IllegalWorkflowStateException"))
    workflow.stop([started()])


def test_a_run_that_goes_on_though_it_was_to_be_stopped_is_an_error_and_the_others_are_stopped(workflow, client):
    client.runs["nightly"] = [run_of()]
    client.call.before("StopWorkflowRun", client_error("AccessDeniedException"))
    with pytest.raises(StopFailedError, match="did not stop wr_0 of workflow nightly"):
        workflow.stop([started(0), started(1, "weekly")])
    assert client.stopped == [("weekly", "wr_1")]


def test_a_run_of_which_nothing_is_known_may_go_on(workflow, client):
    client.call.before("StopWorkflowRun", client_error("AccessDeniedException"))
    client.call.before("GetWorkflowRun", client_error("AccessDeniedException"))
    with pytest.raises(StopFailedError):
        workflow.stop([started()])


# Events


@pytest.mark.parametrize("kind", ["Glue Job State Change", "Glue Crawler State Change"])
def test_no_event_speaks_of_a_workflow_s_run(workflow, kind):
    detail = {"jobName": "sales", "crawlerName": "sales", "state": "SUCCEEDED", "jobRunId": "jr_0"}
    assert workflow.run_of_event({"source": "aws.glue", "detail-type": kind, "detail": detail}) is None
