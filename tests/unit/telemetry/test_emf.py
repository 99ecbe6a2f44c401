from __future__ import annotations

import io
import json
import threading
from datetime import timedelta

import pytest

from runners.job import Failed, Stage, Succeeded
from runners.retries import Throttles
from runners.telemetry.emf import MAX_JOB_NAMES, MAX_VALUES, EmbeddedMetrics
from runners.telemetry.metrics import METRICS
from tests.unit.doubles import Clock, active_job, client_error

UNITS = {metric.name: metric.unit for metric in METRICS}


class Told:
    """What EmbeddedMetrics is told, and the lines that it writes."""

    def __init__(self, **options):
        self.clock = Clock()
        self.stream = io.StringIO()
        self.throttles = Throttles()
        self.metrics = EmbeddedMetrics(
            lambda job: job.request["Name"], self.stream, now=self.clock, throttles=self.throttles, **options
        )

    def start(self, number=0, *, wait=2.0, name="a job", runner="fake"):
        begun = self.clock.now + timedelta(seconds=wait)
        job = active_job(
            number, runner=runner, request={"Name": name}, stage=Stage.STARTED, run_id="run", started_at=begun
        )
        self.metrics.started(job)
        return job

    def end(self, job, outcome=None, *, after=60.0):
        self.metrics.ended(job, outcome or Succeeded({}), job.started_at + timedelta(seconds=after))

    def lines(self):
        """The lines since the last time, each of which must be what the format asks for."""
        self.metrics.flush()
        text = self.stream.getvalue()
        self.stream.seek(0)
        self.stream.truncate()
        return [valid(json.loads(line)) for line in text.splitlines()]


def valid(line):
    """A line of the embedded metric format: every metric is there, has numbers, and not too many."""
    assert isinstance(line["_aws"]["Timestamp"], int)
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert directive.keys() == {"Namespace", "Dimensions", "Metrics"}
    assert directive["Namespace"] == "ETLRunners"
    assert directive["Dimensions"] == [["Service"]]
    assert isinstance(line["Service"], str)
    assert 0 < len(directive["Metrics"]) <= 100
    for metric in directive["Metrics"]:
        assert metric["Unit"] == UNITS[metric["Name"]]
        values = line[metric["Name"]]
        values = values if isinstance(values, list) else [values]
        assert 0 < len(values) <= MAX_VALUES == 100
        assert all(isinstance(value, int | float) for value in values)
    return line


def figures(line):
    return {name: value for name, value in line.items() if name in UNITS}


@pytest.fixture
def told():
    return Told()


def test_a_job_from_its_start_to_its_end_is_one_line(told):
    told.end(told.start())
    (line,) = told.lines()
    assert figures(line) == {"Started": 1, "QueueWait": [2.0], "Succeeded": 1, "Duration": [60.0]}
    assert (line["Service"], line["JobName"]) == ("fake", "a job")
    assert line["_aws"]["Timestamp"] == int(told.clock.now.timestamp() * 1000)


def test_a_job_name_is_no_dimension(told):
    told.start()
    (line,) = told.lines()
    assert line["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["Service"]]


def test_what_was_written_is_not_written_again(told):
    told.start()
    assert len(told.lines()) == 1
    assert told.lines() == []


def test_failures_and_refused_inputs_are_failed(told):
    told.end(told.start(), Failed("Oh", {}))
    told.metrics.refused("fake", "key")
    assert sum(line.get("Failed", 0) for line in told.lines()) == 2


def test_a_job_that_was_never_started_has_no_duration(told):
    told.metrics.ended(active_job(), Failed("Refused", {}), told.clock.now)
    (line,) = told.lines()
    assert figures(line) == {"Failed": 1}


def test_what_a_job_has_used_is_added_up(told):
    for scanned in (5, 7):
        output = {"AthenaQueryDataScannedInBytes": scanned, "AthenaEstimatedCostUSD": 0.5}
        told.end(told.start(runner="athena"), Succeeded(output))
    told.end(told.start(runner="glue"), Succeeded({"DPUSeconds": 3600}))
    athena, glue = told.lines()
    assert (athena["BytesScanned"], athena["CostUSD"]) == (12, 1.0)
    assert (glue["DPUSeconds"], glue["CostUSD"]) == (3600, pytest.approx(0.44))


def test_whatever_else_is_told_is_counted(told):
    told.metrics.claimed(active_job())
    told.metrics.put_off(active_job(), "busy")
    told.metrics.abandoned(active_job(), told.clock.now)
    told.metrics.heartbeat_was_late(active_job(), timedelta(seconds=1))
    (line,) = told.lines()
    assert figures(line) == {"PutOff": 1, "Abandoned": 1, "LateHeartbeats": 1}


def test_ten_thousand_jobs_of_one_name_take_a_line_for_each_hundred(told):
    for number in range(10_000):
        told.end(told.start(number))
    lines = told.lines()
    assert len(lines) == 100
    assert sum(line.get("Succeeded", 0) for line in lines) == 10_000
    assert sum(len(line["Duration"]) for line in lines) == 10_000


def test_jobs_of_too_many_names_share_a_line(told):
    for number in range(1_000):
        told.start(number, name=f"job {number}")
    lines = told.lines()
    assert len(lines) <= MAX_JOB_NAMES + 1 + 10
    assert sum(line.get("Started", 0) for line in lines) == 1_000


def test_lines_are_written_once_a_minute(told):
    told.start()
    assert told.stream.getvalue() == ""
    told.clock.step(59)
    told.start()
    assert told.stream.getvalue() == ""
    told.clock.step(1)
    told.start()
    assert json.loads(told.stream.getvalue())["Started"] == 3


def test_the_last_sweep_says_how_many_jobs_there_are(told):
    started = told.start()
    told.metrics.swept("fake", [], told.clock.now)
    told.metrics.swept("fake", [started, active_job(1)], told.clock.now)
    levels = {}
    for line in told.lines():
        levels |= figures(line)
    assert (levels["Active"], levels["Waiting"]) == (2, 1)


def test_an_idle_runner_writes_nothing_but_the_zero_that_it_fell_to(told):
    def sweep_and_poll(jobs):
        told.metrics.swept("fake", jobs, told.clock.now)
        told.metrics.polled("fake", brought_task=False)
        return [figures(line) for line in told.lines()]

    assert sweep_and_poll([active_job()]) == [{"Active": 1, "Waiting": 1, "EmptyPolls": 1}]
    assert sweep_and_poll([]) == [{"Active": 0, "Waiting": 0, "EmptyPolls": 1}]
    assert sweep_and_poll([]) == []
    assert sweep_and_poll([]) == []


def test_a_poll_that_brought_a_task_is_not_empty(told):
    told.start()
    told.metrics.polled("fake", brought_task=True)
    assert all("EmptyPolls" not in line for line in told.lines())


def test_throttled_calls_are_counted_once_with_what_was_throttled(told):
    told.throttles.count(client_error("ThrottlingException"), "glue")
    told.throttles.count(client_error("ThrottlingException"), "glue")
    told.metrics.polled("fake", brought_task=False)
    (line,) = told.lines()
    assert line["Throttles"] == 2
    assert line["ThrottledCalls"] == {"glue Operation ThrottlingException": 2}
    told.throttles.count(client_error("SlowDown"))
    told.start()
    assert sum(line.get("Throttles", 0) for line in told.lines()) == 1


def test_throttled_calls_wait_for_a_runner_to_be_told_of(told):
    told.throttles.count(client_error("SlowDown"))
    assert told.lines() == []
    told.start()
    assert sum(line.get("Throttles", 0) for line in told.lines()) == 1


def test_values_told_by_many_threads_are_all_there(told):
    threads = [threading.Thread(target=lambda: [told.start() for _ in range(200)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(line.get("Started", 0) for line in told.lines()) == 1_600


def test_lines_go_to_standard_output(capsys):
    metrics = EmbeddedMetrics()
    metrics.started(active_job(run_id="run", started_at=Clock().now))
    metrics.flush()
    captured = capsys.readouterr()
    line = valid(json.loads(captured.out))
    assert "JobName" not in line
    assert captured.err == ""


def test_no_line_has_the_token_or_the_input(told):
    job = told.start()
    told.end(job, Succeeded({"Secret": "planted"}))
    text = json.dumps(told.lines())
    assert job.token not in text
    assert "planted" not in text
