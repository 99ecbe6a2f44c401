from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError
from botocore.validate import validate_parameters

from runners.errors import InvalidInputError, StartLaterError, StartRefusedError, StopFailedError
from runners.job import Running, Succeeded, Unknown
from runners.services.batch import FAILED, FAILED_STATES, RUNNING_STATES, STOP_REASON, SUCCEEDED_STATES, Batch
from tests.unit.doubles import Faults, active_job, client_error

NO_SUCH = client_error("ClientException", "no such thing")
START = 1_769_832_306_789  # milliseconds: 2026-01-31T04:05:06.789Z


class BatchDouble:
    """Batch's client, over jobs that a test puts there."""

    def __init__(self):
        self.meta = boto3.client("batch").meta
        self.call = Faults()
        self.submitted = []
        self.terminated = []
        self.jobs = {}
        self.queues = {"queue"}
        self.page = 100

    def submit_job(self, **call):
        return self.call("submit_job", lambda: self.submitted.append(call) or {"jobId": "id-0"})

    def list_jobs(self, jobQueue, filters, nextToken="0"):  # noqa: N803  # boto3's names
        def effect():
            if jobQueue not in self.queues:
                raise NO_SUCH
            (only,) = filters
            assert only["name"] == "JOB_NAME"
            wanted = only["values"][0].lower()
            found = [job for job in self.jobs.values() if job["jobName"].lower() == wanted]
            start = int(nextToken)
            page = {"jobSummaryList": [{"jobId": job["jobId"], "jobName": job["jobName"]} for job in found]}
            page["jobSummaryList"] = page["jobSummaryList"][start : start + self.page]
            return page | ({"nextToken": str(start + self.page)} if start + self.page < len(found) else {})

        return self.call("list_jobs", effect)

    def describe_jobs(self, jobs):
        def effect():
            assert 1 <= len(jobs) <= 100
            return {"jobs": [self.jobs[job_id] for job_id in jobs if job_id in self.jobs]}

        return self.call("describe_jobs", effect)

    def terminate_job(self, jobId, reason):  # noqa: N803  # boto3's names
        return self.call("terminate_job", lambda: self.terminated.append((jobId, reason)) or {})


@pytest.fixture
def client():
    return BatchDouble()


@pytest.fixture
def batch(client):
    return Batch(client)


def job_of(number=0, **request):
    needed = {"JobName": "sales", "JobQueue": "queue", "JobDefinition": "loader:3"}
    return active_job(number, runner="batch", request=needed | request)


def started(number=0):
    return job_of(number).started(f"id-{number}")


def name_of(number=0):
    return f"sales-{job_of(number).task_key}"


def detail_of(number=0, status="RUNNING", **changes):
    return {
        "jobName": name_of(number),
        "jobId": f"id-{number}",
        "jobQueue": "arn:aws:batch:us-east-1:123456789012:job-queue/queue",
        "jobDefinition": "arn:aws:batch:us-east-1:123456789012:job-definition/loader:3",
        "status": status,
        "createdAt": START - 10_000,
        "startedAt": START,
    } | changes


# Requests


def test_a_job_is_submitted_under_a_name_that_ends_with_the_task_s_key(batch, client):
    assert batch.start(job_of()) == "id-0"
    assert client.submitted == [{"jobName": name_of(), "jobQueue": "queue", "jobDefinition": "loader:3"}]


def test_what_a_request_says_is_passed_on_as_submit_job_wants_it(batch, client):
    request = {
        "ContainerOverrides": {"Environment": [{"Name": "Day", "Value": "2026-01-31"}]},
        "Parameters": {"Day": "2026-01-31"},
        "Timeout": {"AttemptDurationSeconds": 600},
        "RetryStrategy": {"Attempts": 3, "EvaluateOnExit": [{"OnExitCode": "1", "Action": "RETRY"}]},
        "ArrayProperties": {"Size": 2},
        "DependsOn": [{"JobId": "other", "Type": "SEQUENTIAL"}],
        "Tags": {"Team": "Sales"},
        "PropagateTags": True,
        "ShareIdentifier": "sales",
        "SchedulingPriorityOverride": 7,
        "EcsPropertiesOverride": {"TaskProperties": [{"Containers": [{"Name": "main", "Command": ["go"]}]}]},
        "EksPropertiesOverride": {"PodProperties": {"Containers": [{"Args": ["go"]}]}},
    }
    batch.validate(job_of().request | request)
    batch.start(job_of(**request))
    (call,) = client.submitted
    validate_parameters(call, client.meta.service_model.operation_model("SubmitJob").input_shape)
    assert call["containerOverrides"] == {"environment": [{"name": "Day", "value": "2026-01-31"}]}
    assert call["parameters"] == {"Day": "2026-01-31"}
    assert call["ecsPropertiesOverride"] == {"taskProperties": [{"containers": [{"name": "main", "command": ["go"]}]}]}
    assert len(call) == 3 + len(request)


@pytest.mark.parametrize("name", ["x", "Sales_2026-01", "9" * 63])
def test_a_name_leaves_room_for_the_key(batch, client, name):
    batch.start(job_of(JobName=name))
    assert len(client.submitted[0]["jobName"]) <= 128


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        ({"JobName": "x" * 64}, "JobName"),
        ({"JobName": ""}, "JobName"),
        ({"JobName": "-x"}, "JobName"),
        ({"JobName": "a b"}, "JobName"),
        ({"JobName": None}, "JobName"),
        ({"JobQueue": None}, "JobQueue"),
        ({"Tags": ["hush"]}, "Tags"),
        ({"ContainerOverrides": {"Environment": "hush"}}, "ContainerOverrides.Environment"),
        ({"Cluster": "hush"}, "Cluster"),
    ],
)
def test_a_wrong_request_is_refused_by_field_and_never_by_value(batch, request_, field):
    with pytest.raises(InvalidInputError) as caught:
        batch.validate(job_of().request | request_)
    assert list(caught.value.problems) == [field]
    assert "hush" not in str(caught.value)


def test_every_field_that_is_missing_is_named(batch):
    with pytest.raises(InvalidInputError) as caught:
        batch.validate({})
    assert set(caught.value.problems) == {"JobName", "JobQueue", "JobDefinition"}


# Starting


def test_a_submission_that_was_throttled_is_repeated_and_then_made_later(batch, client):
    client.call.before("submit_job", client_error("TooManyRequestsException"), times=2)
    assert batch.start(job_of()) == "id-0"
    client.call.before("submit_job", client_error("TooManyRequestsException"), times=3)
    with pytest.raises(StartLaterError, match="TooManyRequests"):
        batch.start(job_of())


def test_a_submission_that_never_reached_batch_is_made_later(batch, client):
    client.call.before("submit_job", EndpointConnectionError(endpoint_url="https://batch"), times=3)
    with pytest.raises(StartLaterError, match="cannot be reached"):
        batch.start(job_of())


def test_a_submission_that_batch_will_never_take_is_refused_with_what_it_said(batch, client):
    client.call.before("submit_job", client_error("ClientException", "no such queue"))
    with pytest.raises(StartRefusedError) as caught:
        batch.start(job_of())
    assert caught.value.error == FAILED == "BatchJobFailedError"
    assert caught.value.cause == {
        "JobName": name_of(),
        "JobId": "",
        "JobQueue": "queue",
        "JobDefinition": "loader:3",
        "Status": "NOT_STARTED",
        "ErrorMessage": "ClientException: no such queue",
    }


def test_a_refusal_repeats_no_value_that_was_for_the_job(batch, client):
    overrides = {"Environment": [{"Name": "PASSWORD", "Value": "hush"}]}
    client.call.before("submit_job", client_error("ClientException", "in PASSWORD hush is not for Value 'psst' at 'x'"))
    with pytest.raises(StartRefusedError, match=r"\*\*\* is not") as caught:
        batch.start(job_of(ContainerOverrides=overrides))
    assert "hush" not in str(caught.value)
    assert "psst" not in str(caught.value)


@pytest.mark.parametrize(
    "error", [ReadTimeoutError(endpoint_url="https://batch"), client_error("ServerException", status=500)]
)
def test_an_unclear_submission_is_not_repeated(batch, client, error):
    client.call.after("submit_job", error)
    with pytest.raises(type(error)):
        batch.start(job_of())
    assert client.call.calls["submit_job"] == 1


# Finding


def test_a_job_is_found_by_its_name(batch, client):
    client.jobs = {f"id-{number}": detail_of(number) for number in range(5)}
    assert batch.find(job_of(3)) == "id-3"
    assert batch.find(job_of(9)) is None


def test_a_job_is_found_over_more_than_one_page_and_only_by_its_very_name(batch, client):
    client.page = 1
    client.jobs = {"other": detail_of(0, jobId="other", jobName=name_of().upper()), "id-0": detail_of()}
    assert batch.find(job_of()) == "id-0"
    assert client.call.calls["list_jobs"] == 2


def test_a_queue_that_is_gone_has_no_jobs(batch, client):
    client.queues = set()
    assert batch.find(job_of()) is None


def test_a_search_that_fails_concludes_nothing(batch, client):
    client.call.before("list_jobs", client_error("AccessDeniedException"))
    with pytest.raises(ClientError, match="AccessDenied"):
        batch.find(job_of())


# States


def test_every_state_of_batch_s_enum_is_decided_once(client):
    enum = client.meta.service_model.shape_for("JobStatus").enum
    decided = Counter([*RUNNING_STATES, *SUCCEEDED_STATES, *FAILED_STATES])
    assert set(decided) == set(enum)
    assert set(decided.values()) == {1}


def status_of(batch, client, detail):
    client.jobs = {"id-0": detail}
    return batch.describe([started()])[job_of().task_key]


@pytest.mark.parametrize("state", sorted(RUNNING_STATES | {"PONDERING"}))
def test_a_job_in_this_state_runs(batch, client, state):
    assert status_of(batch, client, detail_of(status=state)) == Running(state)


def test_the_output_tells_of_the_job_with_times_in_iso_8601_and_links(batch, client):
    detail = detail_of(
        status="SUCCEEDED",
        statusReason="Essential container in task exited",
        stoppedAt=START + 61_500,
        container={"exitCode": 0, "logStreamName": "loader/default/0123"},
        attempts=[{}, {}],
    )
    status = status_of(batch, client, detail)
    assert isinstance(status, Succeeded)
    output = dict(status.output)
    assert output.pop("ConsoleLink").endswith("batch/home?region=us-east-1#jobs/detail/id-0")
    assert "$252Faws$252Fbatch$252Fjob/log-events/loader$252Fdefault$252F0123" in output.pop("LogsLink")
    assert output == {
        "JobName": name_of(),
        "JobId": "id-0",
        "JobQueue": "arn:aws:batch:us-east-1:123456789012:job-queue/queue",
        "JobDefinition": "arn:aws:batch:us-east-1:123456789012:job-definition/loader:3",
        "Status": "SUCCEEDED",
        "StatusReason": "Essential container in task exited",
        "CreatedAt": "2026-01-31T04:04:56.789000+00:00",
        "StartedAt": "2026-01-31T04:05:06.789000+00:00",
        "StoppedAt": "2026-01-31T04:06:08.289000+00:00",
        "ExecutionTimeSeconds": 61.5,
        "ExitCode": 0,
        "Reason": None,
        "Attempts": 2,
    }
    json.dumps(status.output)


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (
            {"statusReason": "Essential container in task exited", "container": {"exitCode": 1}},
            "Essential container in task exited",
        ),
        (
            {"statusReason": "Task failed to start", "container": {"reason": "CannotPullContainerError"}},
            "Task failed to start; CannotPullContainerError",
        ),
        ({"container": {"exitCode": 137, "reason": "OutOfMemoryError"}}, "OutOfMemoryError"),
        ({}, "the job ended as FAILED"),
    ],
)
def test_the_cause_of_a_failure_says_what_batch_and_the_container_said(batch, client, said, message):
    status = status_of(batch, client, detail_of(status="FAILED", **said))
    assert status.error == "BatchJobFailedError"
    assert status.cause["ErrorMessage"] == message
    assert status.cause["ExitCode"] == said.get("container", {}).get("exitCode")
    assert status.cause["JobId"] == "id-0"
    json.dumps(status.cause)


def test_a_job_that_never_ran_has_no_times_of_a_run(batch, client):
    detail = detail_of(status="FAILED", stoppedAt=START)
    del detail["startedAt"], detail["createdAt"]
    cause = status_of(batch, client, detail).cause
    assert (cause["CreatedAt"], cause["StartedAt"], cause["ExecutionTimeSeconds"]) == (None, None, None)
    assert "LogsLink" not in cause


def test_of_several_containers_the_first_that_failed_tells_how_the_job_ended(batch, client):
    containers = [{"name": "a", "exitCode": 0}, {"name": "b", "exitCode": 3}, {"name": "c", "exitCode": 4}]
    ecs = detail_of(status="FAILED", ecsProperties={"taskProperties": [{"containers": containers}]})
    assert status_of(batch, client, ecs).cause["ExitCode"] == 3
    eks = detail_of(status="FAILED", eksProperties={"podProperties": {"containers": containers}}, eksAttempts=[{}])
    assert status_of(batch, client, eks).cause["ExitCode"] == 3
    assert status_of(batch, client, eks).cause["Attempts"] == 1


def test_an_array_job_tells_how_its_children_ended(batch, client):
    summary = {"SUCCEEDED": 9, "FAILED": 1}
    status = status_of(
        batch, client, detail_of(status="FAILED", arrayProperties={"statusSummary": summary, "size": 10})
    )
    assert status.cause["ArrayStatusSummary"] == summary


def test_the_link_leads_to_the_log_that_the_job_definition_names(batch, client):
    options = {"awslogs-group": "/own/group", "awslogs-region": "eu-west-1"}
    container = {"logStreamName": "s", "logConfiguration": {"logDriver": "awslogs", "options": options}}
    link = status_of(batch, client, detail_of(status="SUCCEEDED", container=container)).output["LogsLink"]
    assert link.startswith("https://eu-west-1.console.aws.amazon.com")
    assert "$252Fown$252Fgroup/log-events/s" in link


def test_there_is_no_link_to_a_log_that_is_not_in_cloudwatch(batch, client):
    container = {"logStreamName": "s", "logConfiguration": {"logDriver": "splunk"}}
    assert "LogsLink" not in status_of(batch, client, detail_of(status="SUCCEEDED", container=container)).output


def test_a_job_that_batch_does_not_know_is_unknown(batch):
    status = batch.describe([started()])[job_of().task_key]
    assert isinstance(status, Unknown)
    assert status.cause["Status"] == "UNKNOWN"
    assert "does not know this job" in status.cause["ErrorMessage"]


# Asking for many


def test_two_hundred_and_fifty_jobs_are_asked_for_in_three_calls(batch, client):
    client.jobs = {f"id-{number}": detail_of(number) for number in range(250)}
    assert len(batch.describe([started(number) for number in range(250)])) == 250
    assert client.call.calls == {"describe_jobs": 3}


def test_jobs_that_batch_does_not_answer_about_are_left_out_and_the_others_are_not(batch, client):
    client.jobs = {f"id-{number}": detail_of(number) for number in range(101)}
    client.call.before("describe_jobs", client_error("AccessDeniedException"))
    assert set(batch.describe([started(number) for number in range(101)])) == {job_of(100).task_key}


# Stopping


def test_jobs_are_terminated_with_a_reason(batch, client):
    batch.stop([started(0), started(1), job_of(2)])
    assert client.terminated == [("id-0", STOP_REASON), ("id-1", STOP_REASON)]
    assert len(STOP_REASON) <= 1024


def test_a_job_that_batch_has_forgotten_is_no_error(batch, client, clock):
    clock.step(timedelta(days=30).total_seconds())
    client.call.before("terminate_job", NO_SUCH)
    batch.stop([started()])


def test_a_job_that_goes_on_though_it_was_to_be_terminated_is_an_error(batch, client):
    client.jobs = {"id-0": detail_of()}
    client.call.before("terminate_job", NO_SUCH)
    with pytest.raises(StopFailedError, match="id-0, which is RUNNING: no such thing"):
        batch.stop([started()])


def test_a_throttled_stop_is_repeated_and_one_that_fails_is_an_error(batch, client):
    client.call.before("terminate_job", client_error("TooManyRequestsException"), times=2)
    batch.stop([started()])
    client.call.before("terminate_job", client_error("AccessDeniedException"))
    with pytest.raises(ClientError):
        batch.stop([started()])


# Events


def event(**changes):
    return {
        "version": "0",
        "id": "c8f9c4b5-76e5-d76a-f980-7011e206042b",
        "detail-type": "Batch Job State Change",
        "source": "aws.batch",
        "account": "123456789012",
        "time": "2026-01-31T04:05:06Z",
        "region": "us-east-1",
        "resources": ["arn:aws:batch:us-east-1:123456789012:job/id-0"],
        "detail": {
            "jobArn": "arn:aws:batch:us-east-1:123456789012:job/id-0",
            "jobName": name_of(),
            "jobId": "id-0",
            "jobQueue": "arn:aws:batch:us-east-1:123456789012:job-queue/queue",
            "status": "SUCCEEDED",
            "attempts": [],
            "createdAt": START,
        },
    } | changes


def test_an_event_of_batch_speaks_of_its_job(batch):
    assert batch.run_of_event(event()) == "id-0"


@pytest.mark.parametrize(
    "other",
    [
        {},
        event(source="aws.ecs"),
        event(**{"detail-type": "Batch Service Job State Change"}),
        event(detail={}),
        {"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}},
    ],
)
def test_any_other_event_speaks_of_no_job(batch, other):
    assert batch.run_of_event(other) is None
