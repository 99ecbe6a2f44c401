"""What a person types and sees; what it does is tested with ``interventions`` and ``records``."""

import json
from datetime import timedelta
from types import SimpleNamespace

import boto3
import pytest

from runners import cli
from runners.active_jobs import ActiveJobs
from runners.deployment import environment
from runners.deployment.account import Account
from runners.errors import TaskGoneError
from runners.job import Running, Stage
from runners.operations import jobs
from tests.unit.conftest import ACTIVE_JOBS
from tests.unit.operations.stubs import NOW
from tests.unit.operations.test_records import EXECUTION, Answering, glue_job


class Service(Answering):
    """A service that says that a run goes on, and remembers what it was told to stop."""

    def __init__(self):
        super().__init__(Running("RUNNING"))
        self.stopped = []


@pytest.fixture
def world(dynamodb, monkeypatch):
    """The table of the local environment, a service, and outcomes as they are reported."""
    local = environment.load("local").model_copy(update={"active_jobs_table": ACTIVE_JOBS})
    service, reported = Service(), []

    class Runner:
        def __init__(self):
            self.service = service

        def stop(self, job):
            service.stopped.append(job.run_id)
            return job

    def report(token, outcome):
        if token == "gone":
            raise TaskGoneError("Step Functions answered TaskTimedOut")
        reported.append(outcome.error)

    clients = {"dynamodb": dynamodb, "sts": boto3.client("sts")}
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    monkeypatch.setattr(environment, "load", lambda name: local)
    monkeypatch.setattr(Account, "client", lambda account, name: clients[name])
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")
    monkeypatch.setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")
    monkeypatch.setattr(jobs, "service_of", lambda settings: service)
    monkeypatch.setattr(jobs, "runner_of", lambda service, settings: Runner())
    monkeypatch.setattr(jobs, "Activity", lambda *_, **__: SimpleNamespace(report=report))
    monkeypatch.setattr(jobs, "utc_now", lambda: NOW)
    return SimpleNamespace(table=ActiveJobs(ACTIVE_JOBS, dynamodb), service=service, reported=reported)


@pytest.fixture
def job(world):
    started = glue_job(
        stage=Stage.STARTED,
        run_id="jr_1",
        started_at=NOW,
        lease_expires_at=NOW,
        execution=EXECUTION,
        claimed_at=NOW - timedelta(hours=3, minutes=12),
    )
    world.table.claim(started)
    return started


def test_jobs_are_listed_in_the_order_of_their_arrival(world, job, capsys):
    later = glue_job(2, claimed_at=NOW, lease_expires_at=NOW, maybe_started=False, priority=5)
    world.table.claim(later)

    assert cli.main(["jobs", "list"]) == 0

    header, first, second = capsys.readouterr().out.splitlines()
    assert header.split()[:2] == ["claimed", "(UTC)"]
    assert first.split()[2:9] == ["3", "h", "12", "min", "glue", "STARTED", "0"]
    assert first.split()[9:] == ["1", "LoadOrders", "jr_1", "2026-01-31", job.task_key[:10]]
    assert second.split()[2:6] == ["0", "s", "glue", "waiting"]
    assert second.split()[6:] == ["5", "1", "LoadOrders", "-", "-", later.task_key[:10]]


def test_that_no_job_is_active_is_said_in_words(world, capsys):
    assert cli.main(["jobs", "list"]) == 0

    assert capsys.readouterr().out == "No job is active.\n"


def test_all_that_is_known_of_a_job_that_waits_stands_in_one_column(world, capsys):
    waiting = glue_job(maybe_started=False, execution=EXECUTION)
    world.table.claim(waiting)

    assert cli.main(["jobs", "show", waiting.task_key]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert "console" in {line.split()[0] for line in lines}
    width = len("execution  ")  # the longest name, as there is no run that the service could speak of
    assert all(line[width - 1] == " " != line[width] for line in lines)


def test_a_job_is_shown_with_what_its_service_says(world, job, capsys):
    assert cli.main(["jobs", "show", job.task_key[:6]]) == 0

    told = capsys.readouterr().out
    assert "glue says  RUNNING" in told
    assert "3 h 12 min ago" in told
    assert f"details/{EXECUTION}" in told
    assert "secret" not in told


def test_the_clients_of_a_service_go_to_the_embedded_aws_whatever_the_configuration_says(world, job, monkeypatch):
    cli.main(["jobs", "show", "jr_1"])

    assert boto3.DEFAULT_SESSION.region_name == "us-east-1"
    assert boto3.client("glue").meta.endpoint_url == "http://127.0.0.1:4566"


def test_a_run_is_stopped(world, job, capsys):
    assert cli.main(["jobs", "stop", "jr_1", "--yes"]) == 0

    assert world.service.stopped == ["jr_1"]
    told = capsys.readouterr().out.splitlines()
    assert told[0] == "service    glue"
    assert told[-1].startswith("glue was told to stop run jr_1.")


def test_a_task_is_released_and_its_run_named(world, job, capsys):
    assert cli.main(["jobs", "release", job.task_key[:6], "--yes"]) == 0

    assert world.reported == ["ReleasedByOperator"]
    assert world.table.read(job) is None
    assert capsys.readouterr().out.splitlines()[-1] == (
        "The task failed with ReleasedByOperator. Its record is closed. "
        "Run jr_1 was left alone: stop it at glue if it must not go on."
    )


def test_that_nobody_waited_for_a_released_task_is_told_to_a_machine(world, capsys):
    gone = glue_job(token="gone", lease_expires_at=NOW)
    world.table.claim(gone)

    assert cli.main(["jobs", "release", gone.task_key, "--error", "NotTonight", "--yes", "--json"]) == 0

    told = json.loads(capsys.readouterr().out)
    assert told == {"released": True, "task_waited": False, "run_id": None, "task_key": gone.task_key}


@pytest.mark.parametrize("verb", ["stop", "release"])
def test_a_person_who_does_not_agree_changes_nothing(world, job, monkeypatch, verb):
    monkeypatch.setattr(jobs, "confirmed", lambda question, yes: False)

    assert cli.main(["jobs", verb, "jr_1"]) == 1

    assert world.table.read(job) == job
    assert (world.service.stopped, world.reported) == ([], [])


def test_a_job_that_somebody_is_starting_is_told_with_when_to_try_again(world, capsys):
    starting = glue_job(lease_expires_at=NOW + timedelta(minutes=2))
    world.table.claim(starting)

    assert cli.main(["jobs", "release", starting.task_key, "--yes"]) == 1
    assert "until 2026-01-31 04:07:06 UTC" in capsys.readouterr().err

    assert cli.main(["jobs", "release", starting.task_key, "--yes", "--force"]) == 0
    assert world.reported == ["ReleasedByOperator"]


def test_a_service_that_there_is_not_is_told_with_the_nearest(capsys):
    with pytest.raises(SystemExit, match="2"):
        cli.main(["jobs", "list", "athene"])

    assert "did you mean 'athena'?" in capsys.readouterr().err
