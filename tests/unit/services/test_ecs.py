# ruff: noqa: N803  # arguments are named as boto3 names them
from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta

import boto3
import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from botocore.validate import validate_parameters

from runners.errors import InvalidInputError, StartLaterError, StartRefusedError, StartUnclearError
from runners.job import Failed, Running, Succeeded, Unknown
from runners.services.ecs import (
    CUT_SHORT,
    ENDED_BY_ITSELF,
    ENDED_STATES,
    FAILED,
    RUNNING_STATES,
    STOP_REASON,
    Ecs,
)
from tests.unit.doubles import Clock, Faults, active_job, client_error

NOW = Clock().now
ARN = "arn:aws:ecs:us-east-1:123456789012"
DEFINITION = f"{ARN}:task-definition/loader:3"
NO_CLUSTER = client_error("ClusterNotFoundException")


class EcsDouble:
    """ECS's client, over tasks that a test puts there. It answers a start token that it knows as it did before."""

    def __init__(self):
        self.meta = boto3.client("ecs").meta
        self.call = Faults()
        self.runs = []
        self.stopped = []
        self.failures = []
        self.answers = {}
        self.tasks = {}
        self.clusters = {"default", "etl"}
        self.definitions = {DEFINITION: [{"name": "main", "essential": True}, {"name": "sidecar", "essential": False}]}

    def run_task(self, **call):
        def effect():
            self.runs.append(call)
            tasks = [] if self.failures else [{"taskArn": arn_of(len(self.answers))}]
            return self.answers.setdefault(call["clientToken"], {"tasks": tasks, "failures": list(self.failures)})

        return self.call("run_task", effect)

    def list_tasks(self, cluster, startedBy):
        def effect():
            if cluster not in self.clusters:
                raise NO_CLUSTER
            return {"taskArns": [arn for arn, task in self.tasks.items() if task["startedBy"] == startedBy]}

        return self.call("list_tasks", effect)

    def describe_tasks(self, cluster, tasks):
        def effect():
            assert 1 <= len(tasks) <= 100
            if cluster not in self.clusters:
                raise NO_CLUSTER
            return {
                "tasks": [self.tasks[arn] for arn in tasks if arn in self.tasks],
                "failures": [{"arn": arn, "reason": "MISSING"} for arn in tasks if arn not in self.tasks],
            }

        return self.call(f"describe_tasks {cluster}", effect)

    def describe_task_definition(self, taskDefinition):
        def effect():
            if taskDefinition not in self.definitions:
                raise client_error("ClientException", "Unable to describe task definition.")
            return {"taskDefinition": {"containerDefinitions": self.definitions[taskDefinition]}}

        return self.call("describe_task_definition", effect)

    def stop_task(self, cluster, task, reason):
        return self.call("stop_task", lambda: self.stopped.append((cluster, task, reason)) or {})


@pytest.fixture
def client():
    return EcsDouble()


@pytest.fixture
def ecs(client, clock):
    return Ecs(client, clock)


def arn_of(number=0):
    return f"{ARN}:task/default/{number:032x}"


def job_of(number=0, **request):
    mark = {"ClientToken": f"token-{number}", "MarkedAt": NOW.isoformat()}
    return active_job(number, runner="ecs", request={"TaskDefinition": "loader"} | request, mark=mark)


def started(number=0, **request):
    return job_of(number, **request).started(arn_of(number))


def task_of(number=0, state="STOPPED", exits=(0,), **changes):
    names = ("main", "sidecar", "more")
    return {
        "taskArn": arn_of(number),
        "clusterArn": f"{ARN}:cluster/default",
        "taskDefinitionArn": DEFINITION,
        "startedBy": job_of(number).task_key,
        "lastStatus": state,
        "containers": [
            {"name": name} | ({} if code is None else {"exitCode": code})
            for name, code in zip(names, exits, strict=False)
        ],
    } | changes


# Requests


def test_one_task_is_run_under_the_start_token_of_the_mark(ecs, client):
    assert ecs.start(job_of()) == arn_of()
    assert client.runs == [
        {"taskDefinition": "loader", "count": 1, "startedBy": job_of().task_key, "clientToken": "token-0"}
    ]


def test_what_a_request_says_is_passed_on_as_run_task_wants_it(ecs, client):
    request = {
        "Cluster": "etl",
        "TaskDefinition": "loader:3",
        "Count": 1,
        "CapacityProviderStrategy": [{"CapacityProvider": "FARGATE_SPOT", "Weight": 1}],
        "NetworkConfiguration": {"AwsvpcConfiguration": {"Subnets": ["subnet-1"], "AssignPublicIp": "DISABLED"}},
        "Overrides": {"ContainerOverrides": [{"Name": "main", "Environment": [{"Name": "Day", "Value": "x"}]}]},
        "Group": "etl",
        "PlatformVersion": "LATEST",
        "PropagateTags": "TASK_DEFINITION",
        "EnableExecuteCommand": False,
        "EnableECSManagedTags": True,
        "Tags": [{"Key": "Team", "Value": "Sales"}],
        "PlacementConstraints": [{"Type": "distinctInstance"}],
        "PlacementStrategy": [{"Type": "spread", "Field": "host"}],
        "VolumeConfigurations": [{"Name": "v", "ManagedEBSVolume": {"RoleArn": "role"}}],
    }
    ecs.validate(request)
    ecs.start(job_of(**request))
    (call,) = client.runs
    validate_parameters(call, client.meta.service_model.operation_model("RunTask").input_shape)
    assert call["overrides"] == {
        "containerOverrides": [{"name": "main", "environment": [{"name": "Day", "value": "x"}]}]
    }
    assert call["enableECSManagedTags"] is True
    assert len(call) == len(request) + 2


@pytest.mark.parametrize(
    ("request_", "field", "problem"),
    [
        ({}, "TaskDefinition", "Field required"),
        ({"TaskDefinition": "t", "Count": 2}, "Count", "should be 1"),
        ({"TaskDefinition": "t", "ClientToken": "hush"}, "ClientToken", "not permitted"),
        ({"TaskDefinition": "t", "StartedBy": "hush"}, "StartedBy", "not permitted"),
        ({"TaskDefinition": "t", "Overrides": {"Cpu": ["hush"]}}, "Overrides.Cpu", "valid string"),
        (
            {"TaskDefinition": "t", "LaunchType": "EC2", "CapacityProviderStrategy": [{"CapacityProvider": "x"}]},
            "(input)",
            "not both",
        ),
    ],
)
def test_a_wrong_request_is_refused_by_field_and_never_by_value(ecs, request_, field, problem):
    with pytest.raises(InvalidInputError) as caught:
        ecs.validate(request_)
    assert list(caught.value.problems) == [field]
    assert problem in caught.value.problems[field]
    assert "hush" not in str(caught.value)


def test_what_marks_a_start_is_a_token_of_its_own_and_the_time(ecs):
    first, second = ecs.mark(job_of()), ecs.mark(job_of())
    assert first["ClientToken"] != second["ClientToken"]
    assert len(first["ClientToken"]) <= 64
    assert first["MarkedAt"] == NOW.isoformat()
    json.dumps(first)


def test_the_same_mark_never_runs_a_second_task(ecs, client):
    assert ecs.start(job_of()) == ecs.start(job_of())
    assert len(client.answers) == 1


# Starting


@pytest.mark.parametrize(
    "failure",
    [
        {"reason": "RESOURCE:MEMORY"},
        {"reason": "RESOURCE:CPU", "arn": "instance"},
        {"reason": "RESOURCE:ENI"},
        {"reason": "AGENT"},
        {"reason": "EMPTY CAPACITY PROVIDER"},
        {"reason": "Capacity is unavailable at this time. Please try again later or in a different availability zone"},
        {"reason": "You've reached the limit on the number of tasks you can run concurrently"},
        {},
    ],
)
def test_a_cluster_without_room_means_later_not_failed(ecs, client, failure):
    client.failures = [failure]
    with pytest.raises(StartLaterError, match=failure.get("reason", "no reason")):
        ecs.start(job_of())


def test_a_start_after_one_that_found_no_room_is_not_answered_as_that_one_was(ecs, client):
    client.failures = [{"reason": "RESOURCE:MEMORY"}]
    with pytest.raises(StartLaterError):
        ecs.start(job_of())
    client.failures = []
    with pytest.raises(StartLaterError):
        ecs.start(job_of())
    put_off = job_of().put_off(NOW)
    assert ecs.start(put_off.marked(ecs.mark(put_off), None)) == arn_of(1)


@pytest.mark.parametrize("reason", ["ATTRIBUTE", "MISSING", "INACTIVE", "LOCATION", "a RESOURCE of an AGENT"])
def test_a_failure_that_waiting_cannot_mend_is_refused(ecs, client, reason):
    client.failures = [{"reason": reason, "detail": "look here"}]
    with pytest.raises(StartRefusedError) as caught:
        ecs.start(job_of())
    assert caught.value.error == FAILED == "EcsTaskFailedError"
    assert caught.value.cause == {
        "TaskArn": "",
        "TaskDefinition": "loader",
        "Cluster": "default",
        "LastStatus": "NOT_STARTED",
        "ErrorMessage": f"{reason}: look here",
    }


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("ClientException", "Tasks provisioning capacity limit exceeded."),
        ("InvalidParameterException", "Request limit exceeded. (ErrorCode: RequestLimitExceeded)"),
        ("ClientException", "Capacity is unavailable at this time."),
    ],
)
def test_an_error_that_says_so_means_later_though_its_code_does_not(ecs, client, code, message):
    client.call.before("run_task", client_error(code, message))
    with pytest.raises(StartLaterError, match=code):
        ecs.start(job_of())


def test_a_start_whose_answer_was_lost_is_repeated(ecs, client):
    client.call.after("run_task", ReadTimeoutError(endpoint_url="https://ecs"))
    client.call.after("run_task", client_error("ServerException", status=500))
    assert ecs.start(job_of()) == arn_of()
    assert len(client.answers) == 1


def test_a_token_that_stands_for_a_task_of_other_parameters_leads_to_that_task(ecs, client):
    conflict = client_error("ConflictException")
    conflict.response["resourceIds"] = [arn_of(7)]
    client.call.before("run_task", conflict)
    assert ecs.start(job_of()) == arn_of(7)


@pytest.mark.parametrize("code", ["ConflictException", "ClusterNotFoundException", "AccessDeniedException"])
def test_a_start_that_ecs_will_never_make_is_refused_with_what_it_said(ecs, client, code):
    client.call.before("run_task", client_error(code, "no such thing"))
    with pytest.raises(StartRefusedError, match=f"{code}: no such thing"):
        ecs.start(job_of())


def test_a_refusal_repeats_no_value_that_was_for_the_task(ecs, client):
    overrides = {"ContainerOverrides": [{"Name": "main", "Command": ["--password", "hush"]}]}
    client.call.before("run_task", client_error("InvalidParameterException", "what is hush to main?"))
    with pytest.raises(StartRefusedError, match=r"what is \*\*\* to main") as caught:
        ecs.start(job_of(Overrides=overrides))
    assert "hush" not in str(caught.value)


def test_a_throttled_start_is_made_later(ecs, client):
    client.call.before("run_task", client_error("ThrottlingException"), times=5)
    with pytest.raises(StartLaterError, match="Throttling"):
        ecs.start(job_of())


def test_a_start_that_may_have_run_a_task_is_not_put_off_for_another_token_when_ecs_gets_busy(ecs, client):
    client.call.after("run_task", ReadTimeoutError(endpoint_url="https://ecs"))
    client.call.before("run_task", client_error("ThrottlingException"), times=4)
    with pytest.raises(ReadTimeoutError):
        ecs.start(job_of())


def test_an_answer_that_may_hide_a_task_is_unclear_even_if_it_speaks_of_capacity(ecs, client):
    error = client_error("ServerException", "Capacity is unavailable at this time.", status=500)
    client.call.before("run_task", error, times=5)
    with pytest.raises(ClientError, match="ServerException"):
        ecs.start(job_of())


def test_a_start_that_is_made_again_under_its_token_keeps_it_when_ecs_gets_busy(ecs, client, clock):
    clock.step(90)
    client.call.before("run_task", client_error("ThrottlingException"), times=5)
    with pytest.raises(StartUnclearError, match="Throttling"):
        ecs.start(job_of())
    assert ecs.start(job_of()) == arn_of()


# Finding


def test_a_task_is_found_by_who_started_it(ecs, client):
    client.tasks = {arn_of(number): task_of(number, "RUNNING") for number in range(5)}
    assert ecs.find(job_of(3)) == arn_of(3)
    assert ecs.find(job_of(9)) is None


def test_a_cluster_that_is_gone_has_no_tasks(ecs, client):
    assert ecs.find(job_of(Cluster="gone")) is None


def test_a_search_that_fails_concludes_nothing(ecs, client):
    client.call.before("list_tasks", client_error("AccessDeniedException"))
    with pytest.raises(ClientError, match="AccessDenied"):
        ecs.find(job_of())


# States


def test_every_state_that_the_developer_guide_lists_is_decided_once():
    listed = [
        "PROVISIONING",
        "PENDING",
        "ACTIVATING",
        "RUNNING",
        "DEACTIVATING",
        "STOPPING",
        "DEPROVISIONING",
        "STOPPED",
        "DELETED",
    ]
    assert Counter([*RUNNING_STATES, *ENDED_STATES]) == Counter(listed)


def test_every_stop_code_of_ecs_s_enum_is_decided_once(client):
    enum = client.meta.service_model.shape_for("TaskStopCode").enum
    assert Counter([*ENDED_BY_ITSELF, *CUT_SHORT]) == Counter(enum)


def status_of(ecs, client, task):
    client.tasks = {arn_of(): task}
    return ecs.describe([started()])[job_of().task_key]


@pytest.mark.parametrize("state", sorted(RUNNING_STATES | {"PONDERING"}))
def test_a_task_in_this_state_runs(ecs, client, state):
    assert status_of(ecs, client, task_of(state=state, exits=())) == Running(state)
    assert client.call.calls["describe_task_definition"] == 0


@pytest.mark.parametrize("state", sorted(ENDED_STATES))
@pytest.mark.parametrize("changes", [{}, {"stopCode": "EssentialContainerExited"}, {"stopCode": "NewInTown"}])
def test_a_task_has_succeeded_when_its_essential_containers_exited_with_0(ecs, client, state, changes):
    for exits in [(0,), (0, 0), (0, 1), (0, None)]:
        assert isinstance(status_of(ecs, client, task_of(state=state, exits=exits, **changes)), Succeeded)


@pytest.mark.parametrize(
    ("exits", "message"),
    [
        ((1, 0), "essential container main exited with 1"),
        ((137, 0), "essential container main exited with 137"),
        ((None, 0), "essential container main has no exit code"),
    ],
)
def test_a_task_has_failed_when_an_essential_container_did_not_exit_with_0(ecs, client, exits, message):
    status = status_of(ecs, client, task_of(exits=exits, stopCode="EssentialContainerExited"))
    assert isinstance(status, Failed)
    assert status.error == "EcsTaskFailedError"
    assert status.cause["ErrorMessage"] == f"EssentialContainerExited; {message}"


def test_the_cause_of_a_failure_says_what_ecs_and_the_container_said(ecs, client):
    containers = [{"name": "main", "reason": "CannotPullContainerError: not found"}]
    task = task_of(stopCode="TaskFailedToStart", stoppedReason="Task failed to start", containers=containers)
    cause = status_of(ecs, client, task).cause
    assert cause["ErrorMessage"] == (
        "TaskFailedToStart; Task failed to start; "
        "essential container main has no exit code: CannotPullContainerError: not found"
    )
    assert (cause["StopCode"], cause["StoppedReason"]) == ("TaskFailedToStart", "Task failed to start")


@pytest.mark.parametrize("code", sorted(CUT_SHORT))
def test_a_task_that_was_cut_short_has_failed_even_where_its_containers_exited_with_0(ecs, client, code):
    status = status_of(ecs, client, task_of(stopCode=code))
    assert isinstance(status, Failed)
    assert status.cause["StopCode"] == code


def test_a_task_without_containers_has_done_nothing(ecs, client):
    assert isinstance(status_of(ecs, client, task_of(exits=())), Failed)


def test_a_container_that_ecs_adds_to_a_task_decides_nothing(ecs, client):
    containers = [{"name": "main", "exitCode": 0}, {"name": "aws-guardduty-agent-x", "exitCode": 137}]
    assert isinstance(status_of(ecs, client, task_of(containers=containers)), Succeeded)


def test_a_container_is_essential_unless_its_definition_says_otherwise(ecs, client):
    client.definitions[DEFINITION] = [{"name": "main"}]
    assert isinstance(status_of(ecs, client, task_of(exits=(1,))), Failed)


def test_every_container_counts_where_the_definition_was_deleted(ecs, client):
    client.definitions = {}
    assert isinstance(status_of(ecs, client, task_of(exits=(0, 1))), Failed)
    assert isinstance(status_of(ecs, client, task_of(exits=(0, 0))), Succeeded)


def test_a_definition_that_cannot_be_read_concludes_nothing(ecs, client):
    client.tasks = {arn_of(): task_of()}
    client.call.before("describe_task_definition", client_error("AccessDeniedException"))
    assert ecs.describe([started()]) == {}


def test_a_definition_s_revision_is_read_once(ecs, client):
    client.tasks = {arn_of(number): task_of(number) for number in range(50)}
    ecs.describe([started(number) for number in range(50)])
    ecs.describe([started()])
    assert client.call.calls["describe_task_definition"] == 1


def test_the_output_tells_of_the_task_with_times_in_iso_8601_and_links(ecs, client):
    options = {"awslogs-group": "/ecs/loader", "awslogs-stream-prefix": "run", "awslogs-region": "eu-west-1"}
    logging = {"logDriver": "awslogs", "options": options}
    client.definitions[DEFINITION] = [{"name": "main", "essential": True, "logConfiguration": logging}]
    task = task_of(
        stopCode="EssentialContainerExited",
        stoppedReason="Essential container in task exited",
        createdAt=NOW,
        startedAt=NOW + timedelta(seconds=30),
        executionStoppedAt=NOW + timedelta(seconds=91, milliseconds=500),
        stoppedAt=NOW + timedelta(seconds=120),
        cpu="1024",
        memory="2048",
    )
    status = status_of(ecs, client, task)
    assert isinstance(status, Succeeded)
    output = dict(status.output)
    ((container,), link) = output.pop("Containers"), output.pop("ConsoleLink")
    assert f"/ecs/v2/clusters/default/tasks/{0:032x}?region=us-east-1" in link
    assert f"eu-west-1#logsV2:log-groups/log-group/$252Fecs$252Floader/log-events/run$252Fmain$252F{0:032x}" in (
        container.pop("LogsLink")
    )
    assert container == {"Name": "main", "ExitCode": 0, "Reason": None}
    assert output == {
        "TaskArn": arn_of(),
        "TaskDefinitionArn": DEFINITION,
        "ClusterArn": f"{ARN}:cluster/default",
        "LastStatus": "STOPPED",
        "StopCode": "EssentialContainerExited",
        "StoppedReason": "Essential container in task exited",
        "CreatedAt": "2026-01-31T04:05:06+00:00",
        "StartedAt": "2026-01-31T04:05:36+00:00",
        "StoppedAt": "2026-01-31T04:07:06+00:00",
        "ExecutionTimeSeconds": 61.5,
        "Cpu": "1024",
        "Memory": "2048",
    }
    json.dumps(status.output)


@pytest.mark.parametrize(
    "logging",
    [{"logDriver": "splunk"}, {"logDriver": "awslogs", "options": {"awslogs-group": "/ecs/loader"}}, None],
)
def test_there_is_no_link_to_a_log_whose_stream_cannot_be_known(ecs, client, logging):
    client.definitions[DEFINITION] = [{"name": "main"} | ({"logConfiguration": logging} if logging else {})]
    assert "LogsLink" not in status_of(ecs, client, task_of()).output["Containers"][0]


def test_a_task_that_never_ran_has_no_times_of_a_run(ecs, client):
    cause = status_of(ecs, client, task_of(exits=(None,), stoppedAt=NOW)).cause
    assert (cause["CreatedAt"], cause["StartedAt"], cause["ExecutionTimeSeconds"]) == (None, None, None)


@pytest.mark.parametrize("cluster", ["default", "gone"])
def test_a_task_that_ecs_does_not_know_is_unknown(ecs, cluster):
    status = ecs.describe([started(Cluster=cluster)])[job_of().task_key]
    assert isinstance(status, Unknown)
    assert status.cause["LastStatus"] == "UNKNOWN"
    assert status.cause["Cluster"] == cluster
    assert "does not know this" in status.cause["ErrorMessage"]


def test_a_job_without_a_mark_keeps_no_other_from_its_status(ecs, client, clock):
    put_off = job_of().put_off(NOW)
    client.tasks = {arn_of(1): task_of(1, "RUNNING")}
    clock.step(300)
    statuses = ecs.describe([put_off.started(arn_of()), started(1)])
    assert isinstance(statuses[put_off.task_key], Failed)
    assert statuses[job_of(1).task_key] == Running("RUNNING")


def test_a_task_that_ecs_says_nothing_of_is_left_out(ecs, client):
    client.describe_tasks = lambda cluster, tasks: {"tasks": [], "failures": [{"arn": arn_of(), "reason": "ODD"}]}
    assert ecs.describe([started()]) == {}


# Asking for many


def test_tasks_are_asked_for_a_hundred_a_call_each_cluster_by_itself(ecs, client):
    client.tasks = {arn_of(number): task_of(number, "RUNNING") for number in range(300)}
    jobs = [started(number, Cluster="etl" if number % 3 == 0 else "default") for number in range(300)]
    assert len(ecs.describe(jobs)) == 300
    assert client.call.calls == {"describe_tasks etl": 1, "describe_tasks default": 2}


def test_tasks_that_ecs_does_not_answer_about_are_left_out_and_the_others_are_not(ecs, client):
    client.tasks = {arn_of(number): task_of(number, "RUNNING") for number in range(2)}
    client.call.before("describe_tasks etl", client_error("AccessDeniedException"))
    assert set(ecs.describe([started(0, Cluster="etl"), started(1)])) == {job_of(1).task_key}


# Stopping


def test_tasks_are_stopped_with_a_reason(ecs, client):
    ecs.stop([started(0), started(1, Cluster="etl"), job_of(2)])
    assert client.stopped == [("default", arn_of(0), STOP_REASON), ("etl", arn_of(1), STOP_REASON)]


@pytest.mark.parametrize("code", ["InvalidParameterException", "ClusterNotFoundException"])
def test_a_task_that_ecs_has_forgotten_is_no_error(ecs, client, code):
    client.call.before("stop_task", client_error(code))
    ecs.stop([started(0), started(1)])
    assert [arn for _, arn, _ in client.stopped] == [arn_of(1)]


def test_a_throttled_stop_is_repeated_and_one_that_fails_is_an_error(ecs, client):
    client.call.before("stop_task", client_error("ThrottlingException"), times=2)
    ecs.stop([started()])
    client.call.before("stop_task", client_error("AccessDeniedException"))
    with pytest.raises(ClientError):
        ecs.stop([started()])


# Events


def event(**changes):
    return {
        "version": "0",
        "id": "3317b2af-7005-947d-b652-f55e762e571a",
        "detail-type": "ECS Task State Change",
        "source": "aws.ecs",
        "account": "123456789012",
        "time": "2026-01-31T04:05:06Z",
        "region": "us-east-1",
        "resources": [arn_of()],
        "detail": {
            "clusterArn": f"{ARN}:cluster/default",
            "containers": [{"containerArn": f"{ARN}:container/1", "exitCode": 0, "lastStatus": "STOPPED"}],
            "createdAt": "2026-01-31T04:00:06.5Z",
            "desiredStatus": "STOPPED",
            "group": "family:loader",
            "lastStatus": "STOPPED",
            "stopCode": "EssentialContainerExited",
            "stoppedReason": "Essential container in task exited",
            "startedBy": job_of().task_key,
            "taskArn": arn_of(),
            "taskDefinitionArn": DEFINITION,
            "version": 3,
        },
    } | changes


def test_an_event_of_ecs_speaks_of_its_task(ecs):
    assert ecs.run_of_event(event()) == arn_of()


@pytest.mark.parametrize(
    "other",
    [
        {},
        event(source="aws.batch"),
        event(**{"detail-type": "ECS Container Instance State Change"}),
        event(detail={}),
        {"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}},
    ],
)
def test_any_other_event_speaks_of_no_task(ecs, other):
    assert ecs.run_of_event(other) is None
