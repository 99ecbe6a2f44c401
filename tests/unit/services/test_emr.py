from __future__ import annotations

from collections import Counter
from datetime import timedelta

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ParamValidationError, ReadTimeoutError

from runners.errors import InvalidInputError, StartLaterError, StartRefusedError, StopFailedError
from runners.job import Failed, Running, Succeeded
from runners.services.emr import FAILED, FAILED_STATES, RUNNING_STATES, SUCCEEDED_STATES, Emr
from tests.unit.doubles import Clock, active_job, client_error
from tests.unit.services.modelled_client import ModelledClient

NOW = Clock().now
UNKNOWN_CLUSTER = client_error("InvalidRequestException", "Cluster id 'j-SALES' is not valid.")
UNKNOWN_STEP = client_error("InvalidRequestException", "Step id 's-GONE' is not valid.")
STEP = {
    "Name": "load sales",
    "HadoopJarStep": {"Jar": "command-runner.jar", "Args": ["spark-submit", "s3://scripts/hush.py"]},
}


class EmrDouble(ModelledClient):
    """EMR's client over steps that a test puts there."""

    def __init__(self):
        super().__init__("emr")
        self.added = []
        self.cancelled = []
        self.refuse_to_cancel = {}
        self.steps = {}  # by cluster, newest first
        self.page = 50

    def add_job_flow_steps(self, **call):
        return self.made("add_job_flow_steps", call, lambda: self.added.append(call) or {"StepIds": ["s-0"]})

    def list_steps(self, **call):
        def effect():
            if call["ClusterId"] not in self.steps:
                raise UNKNOWN_CLUSTER
            steps = self.steps[call["ClusterId"]]
            if "StepIds" in call:
                assert 1 <= len(call["StepIds"]) <= 10
                if not set(call["StepIds"]) <= {step["Id"] for step in steps}:
                    raise UNKNOWN_STEP
                return {"Steps": [step for step in steps if step["Id"] in call["StepIds"]]}
            start = int(call.get("Marker", "0"))
            end = start + self.page
            return {"Steps": steps[start:end]} | ({"Marker": str(end)} if end < len(steps) else {})

        return self.made("list_steps", call, effect)

    def cancel_steps(self, **call):
        def effect():
            assert 1 <= len(call["StepIds"]) <= 256
            self.cancelled.append((call["ClusterId"], list(call["StepIds"])))
            assert call["StepCancellationOption"] == "SEND_INTERRUPT"
            return {
                "CancelStepsInfoList": [
                    {"StepId": step, "Status": "FAILED", "Reason": self.refuse_to_cancel[step]}
                    if step in self.refuse_to_cancel
                    else {"StepId": step, "Status": "SUBMITTED"}
                    for step in call["StepIds"]
                ]
            }

        return self.made("cancel_steps", call, effect)


@pytest.fixture
def client():
    return EmrDouble()


@pytest.fixture
def emr(client):
    return Emr(client)


def job_of(number=0, cluster="j-SALES", **request):
    return active_job(number, runner="emr", request={"ClusterId": cluster, "Step": STEP} | request)


def started(number=0, cluster="j-SALES"):
    return job_of(number, cluster).started(f"s-{number}")


def step_of(number=0, state="RUNNING", **status):
    timeline = {"CreationDateTime": NOW + timedelta(minutes=1)}
    return {
        "Id": f"s-{number}",
        "Name": f"load sales [{job_of(number).task_key[:16]}]",
        "Status": {"State": state, "Timeline": timeline} | status,
    }


# Requests


def test_a_step_is_added_as_it_is_asked_for_with_the_task_s_key_in_its_name(emr, client):
    assert emr.start(job_of()) == "s-0"
    (call,) = client.added
    (step,) = call["Steps"]
    assert call["JobFlowId"] == "j-SALES"
    assert step["Name"] == f"load sales [{job_of().task_key[:16]}]"
    assert step["HadoopJarStep"]["Jar"] == "command-runner.jar"
    assert list(step["HadoopJarStep"]["Args"]) == STEP["HadoopJarStep"]["Args"]
    assert "ExecutionRoleArn" not in call


def test_unless_another_action_is_asked_for_a_failing_step_leaves_the_cluster_alone(emr, client):
    emr.start(job_of())
    emr.start(job_of(Step=STEP | {"ActionOnFailure": "TERMINATE_CLUSTER"}))
    assert [call["Steps"][0]["ActionOnFailure"] for call in client.added] == ["CONTINUE", "TERMINATE_CLUSTER"]


def test_properties_main_class_and_role_are_passed_on(emr, client):
    program = {"Jar": "s3://jars/a.jar", "MainClass": "Main", "Properties": [{"Key": "a", "Value": "b"}]}
    role = "arn:aws:iam::123456789012:role/Step"
    emr.start(job_of(Step={"Name": "a", "HadoopJarStep": program}, ExecutionRoleArn=role))
    (call,) = client.added
    assert call["ExecutionRoleArn"] == role
    step = call["Steps"][0]["HadoopJarStep"]
    assert (step["MainClass"], list(step["Properties"])) == ("Main", [{"Key": "a", "Value": "b"}])


def test_the_longest_name_that_is_taken_is_one_that_emr_takes(emr, client):
    emr.start(job_of(Step=STEP | {"Name": "x" * 237}))
    assert len(client.added[0]["Steps"][0]["Name"]) == 256


@pytest.mark.parametrize(
    ("changes", "field", "problem"),
    [
        ({"ClusterId": ""}, "ClusterId", "at least 1"),
        ({"Step": {}}, "Step.Name", "Field required"),
        ({"Step": STEP | {"Name": "x" * 238}}, "Step.Name", "at most 237"),
        ({"Step": STEP | {"ActionOnFailure": "hush"}}, "Step.ActionOnFailure", "'CONTINUE'"),
        ({"Step": STEP | {"Colour": "hush"}}, "Step.Colour", "not permitted"),
        ({"Step": STEP | {"HadoopJarStep": {"Jar": 1}}}, "Step.HadoopJarStep.Jar", "valid string"),
        ({"Step": STEP | {"HadoopJarStep": {"Jar": "a", "Args": "hush"}}}, "Step.HadoopJarStep.Args", "valid tuple"),
        ({"Step": STEP | {"HadoopJarStep": {"Jar": "a", "Args": ["h" * 10_240]}}}, "Step.HadoopJarStep", "10240"),
        (
            {"Step": STEP | {"HadoopJarStep": {"Jar": "a", "Properties": [{"Key": "a"}]}}},
            "Step.HadoopJarStep.Properties.0.Value",
            "Field required",
        ),
        ({"ExecutionRoleArn": "role"}, "ExecutionRoleArn", "at least 20"),
        ({"Colour": "hush"}, "Colour", "not permitted"),
    ],
)
def test_a_wrong_request_is_refused_by_field_and_never_by_value(emr, changes, field, problem):
    emr.validate(job_of().request)
    with pytest.raises(InvalidInputError) as caught:
        emr.validate(job_of().request | changes)
    assert problem in caught.value.problems[field]
    assert "hush" not in str(caught.value)


# Starting


@pytest.mark.parametrize(
    "error",
    [
        client_error("ThrottlingException"),
        client_error(
            "ValidationException",
            "Maximum number of active steps(State = 'Running', 'Pending' or 'Cancel_Pending') for cluster exceeded.",
        ),
        EndpointConnectionError(endpoint_url="https://emr"),
    ],
)
def test_a_cluster_that_is_full_and_an_emr_that_is_busy_mean_later(emr, client, error):
    client.call.before("add_job_flow_steps", error, times=3)
    with pytest.raises(StartLaterError):
        emr.start(job_of())
    assert not client.added


def test_a_start_that_was_throttled_for_a_moment_is_repeated(emr, client):
    client.call.before("add_job_flow_steps", client_error("ThrottlingException"), times=2)
    assert emr.start(job_of()) == "s-0"


def test_a_start_on_a_cluster_that_has_ended_is_refused_with_what_emr_said(emr, client):
    message = "A job flow that is shutting down, terminated, or finished may not be modified."
    client.call.before("add_job_flow_steps", client_error("ValidationException", message))
    with pytest.raises(StartRefusedError) as caught:
        emr.start(job_of())
    assert caught.value.error == FAILED == "EmrStepFailedError"
    assert caught.value.cause == {
        "ClusterId": "j-SALES",
        "StepId": "",
        "StepState": "NOT_STARTED",
        "ErrorMessage": f"ValidationException: {message}",
    }


@pytest.mark.parametrize(
    "error",
    [
        client_error("ValidationException", "Value 's3://scripts/hush.py' at 'steps' failed to satisfy constraint"),
        client_error("ValidationException", "s3://scripts/hush.py is no argument"),
        ParamValidationError(report="Invalid type for parameter Steps, value: hush, type: <class 'str'>, valid types"),
    ],
)
def test_a_refusal_repeats_no_argument(emr, client, error):
    client.call.before("add_job_flow_steps", error)
    with pytest.raises(StartRefusedError) as caught:
        emr.start(job_of())
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    "error", [ReadTimeoutError(endpoint_url="https://emr"), client_error("InternalServerError", status=400)]
)
def test_an_unclear_start_is_neither_repeated_nor_called_refused_or_put_off(emr, client, error):
    client.call.after("add_job_flow_steps", error)
    with pytest.raises(type(error)):
        emr.start(job_of())
    assert client.call.calls["add_job_flow_steps"] == 1


# Finding


def test_a_step_is_found_by_the_task_s_key_over_more_than_one_page(emr, client):
    client.steps["j-SALES"] = [step_of(number) for number in range(120)]
    assert emr.find(job_of(119)) == "s-119"
    assert client.call.calls["list_steps"] == 3
    assert emr.find(job_of(500)) is None


def test_the_search_ends_where_steps_are_older_than_the_claim(emr, client):
    old = {"Timeline": {"CreationDateTime": NOW - timedelta(minutes=11)}}
    client.steps["j-SALES"] = [step_of(1), *(step_of(0, **old) for _ in range(200))]
    assert emr.find(job_of(0)) is None
    assert client.call.calls["list_steps"] == 1


def test_the_search_ends_after_twenty_pages(emr, client):
    client.steps["j-SALES"] = [step_of(number) for number in range(1100)]
    assert emr.find(job_of(1050)) is None
    assert client.call.calls["list_steps"] == 20


def test_a_step_that_does_not_tell_its_time_is_no_end_of_the_search(emr, client):
    timeless = step_of(1)
    del timeless["Status"]["Timeline"]
    client.steps["j-SALES"] = [timeless, step_of(0)]
    assert emr.find(job_of(0)) == "s-0"


def test_a_cluster_that_emr_has_forgotten_has_no_steps(emr):
    assert emr.find(job_of()) is None


def test_a_search_that_fails_concludes_nothing(emr, client):
    client.call.before("list_steps", client_error("AccessDeniedException"))
    with pytest.raises(ClientError, match="AccessDenied"):
        emr.find(job_of())


# States


def test_every_state_of_emr_s_enum_is_decided_once(client):
    decided = Counter([*RUNNING_STATES, *SUCCEEDED_STATES, *FAILED_STATES])
    assert set(decided) == client.enum("StepState")
    assert set(decided.values()) == {1}


def status_of(emr, client, step):
    client.steps["j-SALES"] = [step]
    return emr.describe([started()])[job_of().task_key]


@pytest.mark.parametrize("state", ["PENDING", "CANCEL_PENDING", "RUNNING", "PONDERING"])
def test_a_step_in_this_state_runs_and_so_does_one_in_a_state_of_later(emr, client, state):
    assert status_of(emr, client, step_of(state=state)) == Running(state)


def test_a_completed_step_has_succeeded_and_tells_of_itself(emr, client):
    timeline = {
        "CreationDateTime": NOW,
        "StartDateTime": NOW + timedelta(seconds=5),
        "EndDateTime": NOW + timedelta(seconds=65.5),
    }
    status = status_of(emr, client, step_of(state="COMPLETED", Timeline=timeline) | {"LogUri": "s3://logs/"})
    assert status == Succeeded(
        {
            "ClusterId": "j-SALES",
            "StepId": "s-0",
            "StepName": f"load sales [{job_of().task_key[:16]}]",
            "StepState": "COMPLETED",
            "CreationDateTime": "2026-01-31T04:05:06+00:00",
            "StartDateTime": "2026-01-31T04:05:11+00:00",
            "EndDateTime": "2026-01-31T04:06:11.500000+00:00",
            "ElapsedTimeSeconds": 60.5,
            "LogFile": "s3://logs/",
            "ConsoleLink": "https://us-east-1.console.aws.amazon.com/emr/home?region=us-east-1#/clusterDetails/j-SALES",
        }
    )


def test_a_failed_step_says_why_and_where_the_log_is(emr, client):
    details = {"Reason": "Main class failed.", "Message": "No such file", "LogFile": "s3://logs/stderr.gz"}
    status = status_of(emr, client, step_of(state="FAILED", FailureDetails=details))
    assert isinstance(status, Failed)
    assert status.error == FAILED
    assert status.cause["StepState"] == "FAILED"
    assert status.cause["ErrorMessage"] == "Main class failed. No such file"
    assert status.cause["LogFile"] == "s3://logs/stderr.gz"
    assert status.cause["ElapsedTimeSeconds"] is None


@pytest.mark.parametrize("state", ["CANCELLED", "INTERRUPTED"])
def test_a_step_that_somebody_ended_has_failed(emr, client, state):
    status = status_of(emr, client, step_of(state=state))
    assert isinstance(status, Failed)
    assert status.cause["ErrorMessage"] == f"the step ended as {state}"


def test_steps_are_asked_for_ten_of_a_cluster_at_a_time(emr, client):
    client.steps = {"j-SALES": [step_of(number) for number in range(25)], "j-OTHER": [step_of(30)]}
    jobs = [started(number) for number in range(25)] + [started(30, "j-OTHER")]
    assert emr.describe(jobs) == {job.task_key: Running("RUNNING") for job in jobs}
    assert client.call.calls["list_steps"] == 4


def test_a_step_that_emr_does_not_know_fails_and_no_other(emr, client):
    client.steps["j-SALES"] = [step_of(1), step_of(2)]
    statuses = emr.describe([started(number) for number in range(3)])
    assert statuses[job_of(1).task_key] == statuses[job_of(2).task_key] == Running("RUNNING")
    assert statuses[job_of(0).task_key].cause == {
        "ClusterId": "j-SALES",
        "StepId": "s-0",
        "StepState": "UNKNOWN",
        "ErrorMessage": "EMR does not know this step (any more), or its cluster",
    }


def test_a_step_that_is_left_out_of_the_answer_is_unknown(emr, client, monkeypatch):
    monkeypatch.setattr(client, "list_steps", lambda **_: {"Steps": []})
    assert emr.describe([started()])[job_of().task_key].cause["StepState"] == "UNKNOWN"


def test_a_throttled_question_is_repeated_and_one_that_fails_concludes_nothing(emr, client):
    client.steps["j-SALES"] = [step_of()]
    client.call.before("list_steps", client_error("ThrottlingException"), times=2)
    assert emr.describe([started()]) == {job_of().task_key: Running("RUNNING")}
    client.call.before("list_steps", client_error("AccessDeniedException"))
    assert emr.describe([started()]) == {}


# Stopping


def test_steps_are_cancelled_by_cluster_and_at_most_256_a_call(emr, client):
    emr.stop([started(number) for number in range(300)] + [started(300, "j-OTHER"), job_of(301)])
    assert [(cluster, len(steps)) for cluster, steps in client.cancelled] == [
        ("j-OTHER", 1),
        ("j-SALES", 256),
        ("j-SALES", 44),
    ]


@pytest.mark.parametrize("state", ["COMPLETED", "CANCELLED", "CANCEL_PENDING"])
def test_a_step_that_has_ended_already_is_no_error(emr, client, state):
    client.steps["j-SALES"] = [step_of(state=state)]
    client.refuse_to_cancel["s-0"] = "no"
    emr.stop([started()])


def test_a_step_that_emr_does_not_know_any_more_is_no_error(emr, client):
    client.call.before("cancel_steps", UNKNOWN_CLUSTER)
    emr.stop([started()])


def test_a_step_that_goes_on_though_it_was_to_be_stopped_is_an_error(emr, client):
    client.steps["j-SALES"] = [step_of()]
    client.refuse_to_cancel["s-0"] = "no"
    with pytest.raises(StopFailedError, match="step s-0, which is RUNNING: no"):
        emr.stop([started()])


def test_a_step_of_which_emr_tells_nothing_may_go_on(emr, client):
    client.refuse_to_cancel["s-0"] = "no"
    client.call.before("list_steps", client_error("AccessDeniedException"))
    with pytest.raises(StopFailedError, match="did not tell"):
        emr.stop([started()])


def test_a_throttled_stop_is_repeated_and_one_that_fails_is_an_error(emr, client):
    client.call.before("cancel_steps", client_error("ThrottlingException"), times=2)
    emr.stop([started()])
    client.call.before("cancel_steps", client_error("AccessDeniedException"))
    with pytest.raises(ClientError):
        emr.stop([started()])


# Events


def event(**changes):
    return {
        "version": "0",
        "id": "999cccaa-eaaa-0000-1111-123456789012",
        "detail-type": "EMR Step Status Change",
        "source": "aws.emr",
        "account": "123456789012",
        "time": "2026-01-31T04:05:06Z",
        "region": "us-east-1",
        "resources": [],
        "detail": {
            "severity": "INFO",
            "actionOnFailure": "CONTINUE",
            "stepId": "s-0",
            "name": "load sales",
            "clusterId": "j-SALES",
            "state": "COMPLETED",
            "message": "Step s-0 (load sales) in Amazon EMR cluster j-SALES completed execution.",
        },
    } | changes


def test_an_event_of_emr_speaks_of_its_step(emr):
    assert emr.run_of_event(event()) == "s-0"


@pytest.mark.parametrize(
    "other",
    [{}, event(source="aws.s3"), event(**{"detail-type": "EMR Cluster State Change"}), event(detail={})],
)
def test_any_other_event_speaks_of_no_step(emr, other):
    assert emr.run_of_event(other) is None


def test_emr_works_with_a_client_of_boto3(aws):
    client = boto3.client("emr")
    cluster = client.run_job_flow(
        Name="sales",
        Instances={"MasterInstanceType": "m5.xlarge", "InstanceCount": 1, "KeepJobFlowAliveWhenNoSteps": True},
        JobFlowRole="EMR_EC2_DefaultRole",
        ServiceRole="EMR_DefaultRole",
    )["JobFlowId"]
    emr = Emr(client)
    step = emr.start(job_of(cluster=cluster))
    job = job_of(cluster=cluster)
    assert emr.describe([job.started(step)]) == {job.task_key: Running("RUNNING")}
    assert client.describe_step(ClusterId=cluster, StepId=step)["Step"]["Name"].endswith(f"[{job.task_key[:16]}]")
