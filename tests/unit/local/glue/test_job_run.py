"""The record of a run: what it is asked to be, and how its state moves."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import botocore.session
import pytest

from runners.local.glue import job_run
from runners.local.glue.job_run import JobRun, RunRequest


def job(**settings: Any) -> Any:
    """A job as moto keeps it."""
    defaults: dict[str, Any] = {
        "name": "ProcessSalesData",
        "command": {"Name": "glueetl", "ScriptLocation": "s3://a/x.py"},
        "default_arguments": None,
        "non_overridable_arguments": None,
        "timeout": None,
        "max_capacity": None,
        "allocated_capacity": None,
        "worker_type": None,
        "number_of_workers": None,
        "glue_version": None,
        "execution_class": "STANDARD",
        "max_retries": None,
        "connections": None,
        "security_configuration": None,
        "notification_property": None,
    }
    return SimpleNamespace(**{**defaults, **settings})


def run(asked: dict[str, Any] | None = None, **settings: Any) -> JobRun:
    return JobRun(RunRequest.of(job(**settings), asked or {}))


def test_arguments_of_the_run_win_over_the_jobs_unless_they_may_not() -> None:
    request = RunRequest.of(
        job(default_arguments={"--a": "1", "--b": "1"}, non_overridable_arguments={"--c": "3"}),
        {"Arguments": {"--b": "2", "--c": "2"}},
    )
    assert request.arguments == {"--a": "1", "--b": "2", "--c": "3"}


@pytest.mark.parametrize(
    ("asked", "settings", "capacity"),
    [
        ({}, {}, (None, None, 10.0)),
        ({}, {"command": {"Name": "pythonshell"}}, (None, None, 0.0625)),
        ({}, {"max_capacity": 4.0}, (None, None, 4.0)),
        ({}, {"worker_type": "G.2X", "number_of_workers": 3}, ("G.2X", 3, 6.0)),
        ({"MaxCapacity": 2.0}, {"worker_type": "G.2X", "number_of_workers": 3}, (None, None, 2.0)),
        ({"AllocatedCapacity": 5}, {}, (None, None, 5.0)),
        ({"WorkerType": "G.1X", "NumberOfWorkers": 7}, {"max_capacity": 4.0}, ("G.1X", 7, 7.0)),
        ({"NumberOfWorkers": 5}, {"worker_type": "G.025X", "number_of_workers": 2}, ("G.025X", 5, 1.25)),
    ],
)
def test_the_capacity_is_that_of_the_run_or_of_the_job(
    asked: dict[str, Any], settings: dict[str, Any], capacity: tuple[str | None, int | None, float]
) -> None:
    request = RunRequest.of(job(**settings), asked)
    assert (request.worker_type, request.number_of_workers, request.max_capacity) == capacity


@pytest.mark.parametrize(
    ("settings", "minutes"),
    [
        ({}, 2880),
        ({"glue_version": "4.0"}, 2880),
        ({"glue_version": "5.0"}, 480),
        ({"glue_version": "5.0", "command": {"Name": "pythonshell"}}, 2880),
        ({"timeout": 15}, 15),
    ],
)
def test_the_default_timeout_is_the_one_of_the_version(settings: dict[str, Any], minutes: int) -> None:
    assert RunRequest.of(job(**settings), {}).timeout_minutes == minutes


def test_the_run_says_whether_it_queues_before_the_job_does() -> None:
    assert RunRequest.of(job(job_run_queuing_enabled=True), {}).queuing
    assert not RunRequest.of(job(job_run_queuing_enabled=True), {"JobRunQueuingEnabled": False}).queuing
    assert not RunRequest.of(job(), {}).queuing


def test_worker_types_are_those_that_boto_knows() -> None:
    model = botocore.session.get_session().get_service_model("glue")
    assert set(job_run.DPU_PER_WORKER) == set(model.shape_for("WorkerType").enum)


def test_the_states_are_those_that_boto_knows() -> None:
    model = botocore.session.get_session().get_service_model("glue")
    mine = {job_run.WAITING, *job_run.ACTIVE, *job_run.FINAL}
    assert mine | {"ERROR", "EXPIRED"} == set(model.shape_for("JobRunState").enum)


def test_a_description_has_no_field_that_boto_does_not_know() -> None:
    model = botocore.session.get_session().get_service_model("glue")
    ended = run({"JobRunId": "jr_1"}, execution_class="FLEX", worker_type="G.1X", number_of_workers=2)
    ended.run(lambda: None)
    ended.end(job_run.FAILED, "ValueError: x")
    assert set(ended.as_dict()) <= set(model.shape_for("JobRun").members)


def test_a_run_that_goes_on_has_no_end_and_no_error() -> None:
    going = run()
    going.run(lambda: None)
    described = going.as_dict()
    assert described["JobRunState"] == "RUNNING"
    assert not {"CompletedOn", "ErrorMessage", "DPUSeconds", "PreviousRunId", "StateDetail"} & set(described)


def test_a_run_that_ended_keeps_its_state_and_times() -> None:
    ended = run()
    ended.run(lambda: None)
    ended.end(job_run.SUCCEEDED)
    before = ended.as_dict()
    ended.end(job_run.FAILED, "too late")
    assert ended.as_dict() == before
    assert before["JobRunState"] == "SUCCEEDED"
    assert before["StartedOn"] <= before["CompletedOn"] == before["LastModifiedOn"]


def test_the_execution_time_counts_from_when_the_script_ran() -> None:
    ended = run()
    assert ended.execution_seconds == 0
    ended.run(lambda: None)
    assert ended.running_since is not None
    ended.end(job_run.SUCCEEDED)
    ended.completed_on = ended.running_since + timedelta(seconds=61.6)
    assert ended.as_dict()["ExecutionTime"] == 62


@pytest.mark.parametrize(
    "settings", [{"execution_class": "FLEX"}, {"default_arguments": {"--enable-auto-scaling": "true"}}]
)
def test_dpu_seconds_are_given_where_glue_gives_them(settings: dict[str, Any]) -> None:
    ended = run(**settings)
    ended.run(lambda: None)
    assert ended.running_since is not None
    ended.end(job_run.SUCCEEDED)
    ended.completed_on = ended.running_since + timedelta(seconds=30)
    assert ended.as_dict()["DPUSeconds"] == 300.0


def test_stopping_kills_the_script_and_whatever_it_says_then_the_run_is_stopped() -> None:
    kills: list[str] = []
    going = run()
    going.run(lambda: kills.append("killed"))
    assert going.stop()
    assert (going.state, kills) == ("STOPPING", ["killed"])
    going.end(job_run.FAILED, "Command failed with exit code -9")
    assert (going.state, going.error_message) == ("STOPPED", None)


def test_a_run_that_is_stopped_before_its_script_runs_is_killed_as_soon_as_it_does() -> None:
    kills: list[str] = []
    starting = run()
    assert starting.stop()
    starting.run(lambda: kills.append("killed"))
    assert (starting.state, kills) == ("STOPPING", ["killed"])


def test_a_run_is_stopped_once() -> None:
    going = run()
    assert going.stop()
    assert not going.stop()
    going.end(job_run.STOPPED)
    assert not going.stop()


def test_a_run_that_waits_is_stopped_at_once_and_never_starts() -> None:
    waiting = run()
    waiting.wait("no room")
    assert waiting.as_dict()["StateDetail"] == "no room"
    assert waiting.stop()
    assert waiting.state == "STOPPED"
    assert not waiting.start()


def test_a_run_that_has_waited_starts_and_no_longer_says_why_it_waited() -> None:
    waiting = run()
    waiting.wait("no room")
    assert waiting.start()
    assert (waiting.state, waiting.state_detail) == ("STARTING", None)


def test_attempts_are_named_after_the_first_and_follow_one_another() -> None:
    first = run()
    second = first.retry()
    third = second.retry()
    assert (second.run_id, second.attempt, second.previous_run_id) == (f"{first.run_id}_attempt_1", 1, first.run_id)
    assert (third.run_id, third.attempt, third.previous_run_id) == (f"{first.run_id}_attempt_2", 2, second.run_id)
