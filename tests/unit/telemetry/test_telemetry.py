from __future__ import annotations

import json

import pytest

from runners.errors import ConfigurationError
from runners.settings import Settings
from runners.telemetry import observer_of
from tests.unit.doubles import Clock, FakeService, Faults, active_job

ACTIVITY = "arn:aws:states:eu-central-1:123456789012:activity:Fake"


def told_of_a_start(**settings):
    observer = observer_of(Settings(active_jobs_table="Jobs", **settings), FakeService(Faults()))
    observer.started(active_job(run_id="run", started_at=Clock().now))
    observer.flush()


def test_nothing_is_written_unless_it_was_asked_for(capsys):
    told_of_a_start()
    assert capsys.readouterr() == ("", "")


def test_metrics_and_lineage_can_both_be_asked_for(capsys, tmp_path):
    path = tmp_path / "lineage.jsonl"
    told_of_a_start(metrics="emf", lineage=f"file:{path}", activity_arn=ACTIVITY)
    line = json.loads(capsys.readouterr().out)
    assert (line["Service"], line["JobName"], line["Started"]) == ("fake", "a job", 1)
    (event,) = map(json.loads, path.read_text().splitlines())
    assert event["job"]["name"] == "fake.a job"
    assert event["job"]["namespace"] == "arn:aws:states:eu-central-1:123456789012"


def test_a_runner_without_an_activity_tells_lineage_too(tmp_path):
    path = tmp_path / "lineage.jsonl"
    told_of_a_start(lineage=f"file:{path}")
    assert json.loads(path.read_text())["job"]["namespace"] == "etl-runners"


def test_a_place_of_lineage_that_there_is_not_is_refused_at_once():
    with pytest.raises(ConfigurationError, match="RUNNERS_LINEAGE"):
        told_of_a_start(lineage="nowhere")
