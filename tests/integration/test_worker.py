"""A real worker process: it runs jobs, tells how it is, and stops when it is told to."""

from __future__ import annotations

import itertools
import json
import re
import signal
import socket
import subprocess
import sys
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from runners.local.server import EmbeddedAWS
from tests.integration.waiting import eventually
from tests.integration.workers import (
    LOCAL,
    WorkerProcess,
    make_activity,
    make_glue_job,
    make_state_machine,
    make_table,
    variables_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

MOMENT, LONG = timedelta(milliseconds=500), timedelta(seconds=60)
QUERY = {
    "AthenaQueryString": "SELECT 1 AS one",
    "AthenaDatabase": "shop",
    "AthenaResultOutputLocation": "s3://results/",
}


@pytest.fixture
def poll_takes() -> timedelta:
    """How long a poll stays open that brings no task."""
    return MOMENT


@pytest.fixture
def embedded_aws(poll_takes: timedelta) -> Iterator[EmbeddedAWS]:
    with EmbeddedAWS(activity_poll_wait=poll_takes) as aws:
        aws.client("s3").create_bucket(Bucket="results")
        aws.client("glue").create_database(DatabaseInput={"Name": "shop"})
        yield aws


@pytest.fixture
def activities(embedded_aws: EmbeddedAWS) -> dict[str, str]:
    """The activities of Glue and Athena; the table of active jobs is there, too."""
    make_table(embedded_aws)
    return {name: make_activity(embedded_aws, f"{name}-activity") for name in ("glue", "athena")}


@pytest.fixture
def variables(embedded_aws: EmbeddedAWS, activities: dict[str, str]) -> dict[str, str]:
    return variables_of(embedded_aws) | {
        "RUNNERS_ACTIVE_JOBS_TABLE": "ActiveJobs",
        "RUNNERS_SWEEP_INTERVAL_SECONDS": "0.2",
        "RUNNERS_POLLS": "2",
        **{f"RUNNERS_{name.upper()}_ACTIVITY_ARN": arn for name, arn in activities.items()},
    }


@pytest.fixture
def worker(variables: dict[str, str], tmp_path: Path) -> Iterator[Callable[..., WorkerProcess]]:
    """Start a worker; it is killed at the end of the test."""
    started: list[WorkerProcess] = []

    def start(*arguments: str, **changes: str) -> WorkerProcess:
        started.append(WorkerProcess(variables | changes, tmp_path / "log", *arguments))
        return started[-1]

    yield start
    for each in started:
        each.kill()


@pytest.fixture
def execution(embedded_aws: EmbeddedAWS) -> Callable[[str, dict[str, Any]], Callable[[], dict[str, Any]]]:
    """Start an execution with one task of an activity; answer what tells how it is."""
    steps = embedded_aws.client("stepfunctions")
    numbers = itertools.count()

    def start(activity_arn: str, task: dict[str, Any]) -> Callable[[], dict[str, Any]]:
        machine = make_state_machine(embedded_aws, f"machine-{next(numbers)}", activity_arn, task)
        arn = steps.start_execution(stateMachineArn=machine)["executionArn"]
        return lambda: dict(steps.describe_execution(executionArn=arn))

    return start


def end_of(execution: Callable[[], dict[str, Any]]) -> tuple[str, str]:
    """How an execution ends, and why."""
    ended = eventually(lambda: execution() if execution()["status"] != "RUNNING" else None)
    return ended["status"], ended.get("cause", "")


def queries(aws: EmbeddedAWS) -> int:
    return len(aws.client("athena").list_query_executions()["QueryExecutionIds"])


def sample(metrics: str, name: str) -> float:
    """The sum of a metric over its labels."""
    return sum(float(line.rpartition(" ")[2]) for line in metrics.splitlines() if re.match(rf"{name}[ {{]", line))


# Work


def test_it_runs_the_jobs_of_several_services(worker, execution, activities, embedded_aws) -> None:
    glue = execution(activities["glue"], {"GlueJobName": make_glue_job(embedded_aws, "print('worked')")})
    athena = execution(activities["athena"], QUERY)
    process = worker("glue", "athena")
    assert [end_of(each) for each in (glue, athena)] == [("SUCCEEDED", "")] * 2
    assert "runs glue, athena with 4 polls" in process.said()


def test_it_takes_the_settings_of_an_environments_file(worker, execution, embedded_aws) -> None:
    activity = make_activity(embedded_aws, LOCAL.glue_runner_activity)
    task = execution(activity, {"GlueJobName": make_glue_job(embedded_aws, "print('worked')")})
    worker("glue", "--environment", "local", RUNNERS_GLUE_ACTIVITY_ARN="", RUNNERS_ACTIVE_JOBS_TABLE="")
    assert end_of(task) == ("SUCCEEDED", "")


# Its end


@pytest.mark.parametrize("poll_takes", [LONG])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_what_its_last_polls_bring_is_started_before_it_ends(
    worker, execution, activities, embedded_aws, number
) -> None:
    first = worker("athena")
    eventually(lambda: first.health().get("runners", {}).get("athena", {}).get("open_polls") == 2)
    first.send(number)
    eventually(lambda: first.health()["stopping"])
    tasks = [execution(activities["athena"], QUERY) for _ in range(2)]
    assert first.status() == 0
    assert queries(embedded_aws) == 2
    worker("athena")
    assert [end_of(task) for task in tasks] == [("SUCCEEDED", "")] * 2
    assert queries(embedded_aws) == 2


@pytest.mark.parametrize("poll_takes", [LONG])
def test_while_it_waits_for_its_last_poll_its_jobs_go_on(worker, execution, activities) -> None:
    process = worker("athena", RUNNERS_POLLS="3")
    eventually(lambda: process.health().get("runners", {}).get("athena", {}).get("open_polls") == 3)
    process.send(signal.SIGTERM)
    eventually(lambda: process.health()["stopping"])
    assert end_of(execution(activities["athena"], QUERY)) == ("SUCCEEDED", "")
    assert process.process.poll() is None


@pytest.mark.parametrize("poll_takes", [LONG])
def test_whoever_does_not_wait_is_told_what_that_means(worker) -> None:
    process = worker("athena").until_it_polls()
    process.send(signal.SIGINT)
    eventually(lambda: "Stopping (SIGINT)" in process.said())
    process.send(signal.SIGINT)
    eventually(lambda: "to end at once: a task that an open poll brings at that moment is lost" in process.said())
    process.send(signal.SIGINT)
    assert process.status() == 1
    assert "Ended at once, with 2 open polls" in process.said()


@pytest.mark.parametrize("poll_takes", [LONG])
def test_sigquit_ends_it_at_once(worker) -> None:
    process = worker("athena").until_it_polls()
    process.send(signal.SIGQUIT)
    assert process.status() == 1


# Health


def test_health_and_metrics_are_told_over_http(worker, execution, activities) -> None:
    process = worker("athena")
    assert end_of(execution(activities["athena"], QUERY)) == ("SUCCEEDED", "")
    status, body = process.ask("/health")
    assert status == 200
    assert json.loads(body)["healthy"] is True
    assert json.loads(body)["runners"].keys() == {"athena"}
    eventually(lambda: sample(process.ask("/metrics")[1], "runners_jobs_succeeded_total") == 1)
    assert process.ask("/else")[0] == 404


def test_a_containers_health_check_asks_the_worker(worker, variables) -> None:
    process = worker("athena").until_it_polls()
    check = [sys.executable, "-m", "runners.worker.health", str(process.port)]
    assert subprocess.run(check, env=variables, check=False).returncode == 0
    process.kill()
    assert subprocess.run(check, env=variables, check=False).returncode == 1


# What cannot begin


def test_an_activity_that_does_not_exist_is_told_at_the_start(worker, activities) -> None:
    process = worker("athena", RUNNERS_ATHENA_ACTIVITY_ARN=activities["athena"] + "-else")
    assert process.status() == 1
    assert "athena-activity-else: ActivityDoesNotExist" in process.said()
    assert "Traceback" not in process.said()


def test_a_table_that_does_not_exist_is_told_at_the_start(worker) -> None:
    process = worker("athena", RUNNERS_ACTIVE_JOBS_TABLE="Elsewhere")
    assert process.status() == 1
    assert "the table Elsewhere: ResourceNotFoundException" in process.said()


def test_a_setting_that_is_wrong_is_told_at_the_start(worker) -> None:
    process = worker("athena", RUNNERS_POLLS="many")
    assert process.status() == 1
    assert "RUNNERS_POLLS" in process.said()
    assert "Traceback" not in process.said()


def test_a_port_that_is_taken_is_told_at_the_start(worker) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        process = worker("athena", "--health-port", str(other.getsockname()[1]))
        assert process.status() == 1
    assert "--health-port" in process.said()
