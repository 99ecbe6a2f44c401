"""What is told of steps: lines for CloudWatch, and events of OpenLineage."""

from __future__ import annotations

import io
import json
from datetime import timedelta

import pytest

from runners.errors import ConfigurationError
from runners.steps.errors import SourceFailed, StepNotFound
from runners.steps.observer import StepObservers, StepRun
from runners.steps.settings import StepSettings
from runners.telemetry.lineage_events import run_id
from runners.telemetry.step_events import STEP_FACET, dataset
from runners.telemetry.steps import STEP_METRICS, StepLineage, StepMetrics, step_observer_of
from tests.unit.doubles import Clock
from tests.unit.telemetry.test_lineage_events import valid

BEGUN = Clock().now
AT = BEGUN + timedelta(seconds=2.5)
EXECUTION = "arn:aws:states:eu-central-1:123456789012:execution:Nightly:one"
FIGURES = {"rows": 3, "bytes": 100, "seconds": 2.5, "attempts": 2}
RUN = StepRun(
    run_id="7b0c6a52-6c5c-5f0e-9d0d-3f7f4a0f3c1f",
    step_type="PostgreSqlToS3",
    execution_id=EXECUTION,
    step_id="1",
    source="postgresql://shop/public.products",
    target="s3://bucket/key.csv",
    started_at=BEGUN,
)


class Kept:
    """A sink that keeps events."""

    def __init__(self):
        self.events = []
        self.flushed = 0

    def send(self, event):
        self.events.append(event)

    def flush(self, timeout):
        self.flushed += 1


def lines_of(tell):
    stream = io.StringIO()
    tell(StepMetrics(stream, Clock()))
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_run_that_succeeded_is_one_line_with_its_metrics():
    (line,) = lines_of(lambda metrics: metrics.succeeded(RUN, FIGURES, AT))
    (directive,) = line.pop("_aws")["CloudWatchMetrics"]
    assert directive["Dimensions"] == [["Service"]]
    assert {one["Name"]: one["Unit"] for one in directive["Metrics"]} == {
        "Started": "Count",
        "Succeeded": "Count",
        "Duration": "Seconds",
        "Rows": "Count",
        "Bytes": "Bytes",
        "Attempts": "Count",
    }
    assert line == {
        "Service": "steps",
        "StepType": "PostgreSqlToS3",
        "Source": "postgresql://shop/public.products",
        "Target": "s3://bucket/key.csv",
        "StepId": "1",
        "Started": 1,
        "Succeeded": 1,
        "Duration": 2.5,
        "Rows": 3,
        "Bytes": 100,
        "Attempts": 2,
    }


def test_of_a_run_that_failed_nothing_counts_as_moved():
    (line,) = lines_of(lambda metrics: metrics.failed(RUN, SourceFailed("no"), FIGURES, AT))
    assert line["Failed"] == 1
    assert line["Error"] == "SourceFailed"
    assert line["_aws"]["Timestamp"] == int(AT.timestamp() * 1000)
    assert not {"Rows", "Bytes", "Succeeded"} & line.keys()


def test_a_request_that_was_refused_counts_as_a_failure():
    (line,) = lines_of(lambda metrics: metrics.refused("x" * 1000, StepNotFound("no")))
    assert line["StepType"] == "x" * 200
    assert line["Failed"] == 1
    assert "Started" not in line


def test_every_metric_of_steps_is_told():
    told = lines_of(lambda it: (it.succeeded(RUN, FIGURES, AT), it.failed(RUN, SourceFailed("no"), FIGURES, AT)))
    names = {one["Name"] for line in told for one in line["_aws"]["CloudWatchMetrics"][0]["Metrics"]}
    assert names == {metric.name for metric in STEP_METRICS}


def test_a_run_is_a_start_and_an_end_with_what_it_reads_and_writes():
    sink = Kept()
    lineage = StepLineage(sink)
    lineage.started(RUN)
    lineage.succeeded(RUN, FIGURES, AT)
    lineage.flush()
    start, complete = map(valid, sink.events)
    assert (start["eventType"], complete["eventType"]) == ("START", "COMPLETE")
    assert start["run"]["runId"] == complete["run"]["runId"] == RUN.run_id
    for event in (start, complete):
        assert event["inputs"] == [{"namespace": "postgresql://shop", "name": "public.products"}]
        assert event["outputs"] == [{"namespace": "s3://bucket", "name": "key.csv"}]
        assert event["job"]["namespace"] == "arn:aws:states:eu-central-1:123456789012"
        assert event["job"]["name"] == "steps.PostgreSqlToS3.1"
        assert event["run"]["facets"]["parent"]["run"] == {"runId": run_id(EXECUTION)}
    own = complete["run"]["facets"]["etlRunners_step"]
    assert own["_schemaURL"] == STEP_FACET
    assert own["rows"] == 3
    assert sink.flushed == 1


def test_a_failure_is_told_by_its_name_alone():
    sink = Kept()
    laptop = StepRun("7b0c6a52-6c5c-5f0e-9d0d-3f7f4a0f3c1f", "RunSql", "", "", "", "", BEGUN)
    StepLineage(sink).failed(laptop, SourceFailed("what the system said"), FIGURES, AT)
    (event,) = map(valid, sink.events)
    assert event["eventType"] == "FAIL"
    assert event["run"]["facets"]["errorMessage"]["message"] == "SourceFailed"
    assert "what the system said" not in json.dumps(event)
    assert (event["inputs"], event["outputs"]) == ([], [])
    assert "parent" not in event["run"]["facets"]
    assert event["job"]["namespace"] == "etl-runners"


@pytest.mark.parametrize(
    ("place", "namespace", "name"),
    [
        ("s3://bucket/a/b.csv", "s3://bucket", "a/b.csv"),
        ("s3://bucket/a?b#c[0-9].csv", "s3://bucket", "a?b#c[0-9].csv"),
        ("sqs://queue", "sqs://queue", "queue"),
        ("https://user:secret@api.example/v1/orders?key=secret", "https://api.example", "v1/orders"),
        ("folder:///data/out.csv", "folder", "/data/out.csv"),
        ("plain", "etl-runners", "plain"),
    ],
)
def test_a_place_is_a_data_set_without_credentials(place, namespace, name):
    assert dataset(place) == {"namespace": namespace, "name": name}


def test_the_settings_say_what_is_told(tmp_path, capsys):
    observer = step_observer_of(StepSettings(metrics="emf", lineage=f"file:{tmp_path / 'events'}"))
    observer.started(RUN)
    observer.succeeded(RUN, FIGURES, AT)
    observer.flush()
    assert json.loads(capsys.readouterr().out)["Rows"] == 3
    assert len((tmp_path / "events").read_text().splitlines()) == 2
    assert isinstance(step_observer_of(StepSettings()), StepObservers)
    with pytest.raises(ConfigurationError):
        step_observer_of(StepSettings(lineage="nowhere"))
