from __future__ import annotations

import runpy
import sys

import pytest

from runners import cli
from runners.deployment.environment import load
from runners.operations import opened
from runners.worker import command
from runners.worker.worker import Worker

ARN = "arn:aws:states:us-east-1:123456789012:activity:"
VARIABLES = {
    "RUNNERS_ACTIVE_JOBS_TABLE": "ActiveJobs",
    "RUNNERS_ACTIVITY_ARNS": f"glue={ARN}Glue,athena={ARN}Athena",
}


@pytest.fixture
def variables(monkeypatch):
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def ran(monkeypatch):
    """The parts that a worker was to run; it ends as soon as it has begun."""
    parts = []
    monkeypatch.setattr(command, "check", lambda settings: None)
    monkeypatch.setattr(Worker, "listen_for_signals", lambda self: None)
    monkeypatch.setattr(Worker, "run", lambda self, given: parts.extend(given) or 0)
    return parts


@pytest.mark.usefixtures("variables")
def test_it_says_what_it_runs_and_where_its_health_is(ran, capsys):
    assert cli.main(["worker", "glue", "athena", "glue", "--health-port", "18080"]) == 0
    assert [part.name for part in ran] == ["glue", "athena"]
    said = capsys.readouterr().err
    assert "runs glue, athena with 20 polls; http://127.0.0.1:18080/health and http://127.0.0.1:18080/metrics" in said


@pytest.mark.usefixtures("variables", "ran")
def test_without_a_port_it_tells_its_health_nowhere(capsys):
    assert cli.main(["worker", "glue", "athena", "--health-port", "0"]) == 0
    assert "health is told nowhere" in capsys.readouterr().err


@pytest.mark.usefixtures("variables", "ran")
def test_without_the_library_of_metrics_it_runs_all_the_same(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "runners.telemetry.prometheus", None)
    assert cli.main(["worker", "glue", "athena", "--health-port", "18080"]) == 0
    said = capsys.readouterr().err
    assert "there is no /metrics" in said
    assert "18080/health. Ctrl+C" in said


@pytest.mark.usefixtures("variables", "ran")
def test_a_worker_that_is_forced_leaves_at_once(monkeypatch):
    left = []
    monkeypatch.setattr(Worker, "run", lambda self, _: setattr(self, "forced", True) or 1)
    monkeypatch.setattr(command.os, "_exit", left.append)
    assert cli.main(["worker", "glue", "athena", "--health-port", "0"]) == 1
    assert left == [1]


@pytest.mark.usefixtures("ran")
def test_a_file_says_what_variables_do_not(monkeypatch, capsys):
    class Local(opened.Opened):
        def __init__(self, name):
            self.name, self.environment = name, load(name)

        def lead_the_way(self):
            pass

    monkeypatch.setattr(opened, "Opened", Local)
    monkeypatch.setenv("RUNNERS_POLLS", "7")
    assert cli.main(["worker", "glue", "--environment", "local", "--health-port", "0"]) == 0
    assert "runs glue with 7 polls" in capsys.readouterr().err


@pytest.mark.usefixtures("variables")
def test_what_is_wrong_is_one_message(capsys, monkeypatch):
    monkeypatch.setenv("RUNNERS_POLLS", "0")
    assert cli.main(["worker", "glue", "athena"]) == 1
    assert "RUNNERS_POLLS" in capsys.readouterr().err


def test_a_service_that_there_is_not_is_refused(capsys):
    with pytest.raises(SystemExit):
        cli.main(["worker", "glu"])
    assert "glu" in capsys.readouterr().err


def test_the_package_may_be_run_where_it_is_not_installed(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["runners", "--version"])
    with pytest.raises(SystemExit, match="0"):
        runpy.run_module("runners", run_name="__main__")
    assert capsys.readouterr().out
