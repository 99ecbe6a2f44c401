from __future__ import annotations

from datetime import timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families

from runners.job import Failed, Stage, Succeeded
from runners.retries import Throttles
from runners.telemetry.metrics import METRICS, THROTTLED, Kind
from runners.telemetry.prometheus import BUCKETS, PrometheusMetrics
from tests.unit.doubles import Clock, active_job, client_error


@pytest.fixture
def throttles():
    return Throttles()


@pytest.fixture
def metrics(throttles):
    return PrometheusMetrics(throttles)


def samples(metrics):
    """What is exposed, by name and values of labels in the order of these, but not when each was first told."""
    body, content_type = metrics.render()
    assert content_type.startswith("text/plain")
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(body.decode())
        for sample in family.samples
        if not sample.name.endswith("_created")
    }


def started(**changes):
    at = Clock().now + timedelta(seconds=2)
    return active_job(**({"stage": Stage.STARTED, "run_id": "run", "started_at": at} | changes))


def test_a_job_from_its_start_to_its_end(metrics):
    job = started(runner="glue")
    metrics.started(job)
    metrics.ended(job, Succeeded({"DPUSeconds": 36}), job.started_at + timedelta(seconds=60))
    metrics.ended(job, Failed("Oh", {}), job.started_at)
    exposed = samples(metrics)
    assert exposed["runners_jobs_started_total", "glue"] == 1
    assert exposed["runners_jobs_succeeded_total", "glue"] == 1
    assert exposed["runners_jobs_failed_total", "glue"] == 1
    assert exposed["runners_job_queue_wait_seconds_sum", "glue"] == 2
    assert exposed["runners_job_duration_seconds_sum", "glue"] == 60
    assert exposed["runners_job_duration_seconds_bucket", "60.0", "glue"] == 2
    assert exposed["runners_job_duration_seconds_bucket", "30.0", "glue"] == 1
    assert exposed["runners_dpu_seconds_total", "glue"] == 36
    assert exposed["runners_cost_usd_total", "glue"] == pytest.approx(0.0044)


def test_a_sweep_sets_how_many_jobs_there_are(metrics):
    metrics.swept("fake", [started(), active_job(1)], Clock().now)
    metrics.swept("fake", [started()], Clock().now)
    exposed = samples(metrics)
    assert (exposed["runners_jobs_active", "fake"], exposed["runners_jobs_waiting", "fake"]) == (1, 0)


def test_throttled_calls_are_told_apart_by_whose_they_are(metrics, throttles):
    throttles.count(client_error("ThrottlingException"), "glue")
    throttles.count(client_error("SlowDown"))
    exposed = samples(metrics)
    assert exposed["runners_throttles_total", "ThrottlingException", "Operation", "glue"] == 1
    assert exposed["runners_throttles_total", "SlowDown", "Operation", ""] == 1


def test_every_metric_is_exposed_under_its_name(metrics, throttles):
    throttles.count(client_error("SlowDown"))
    for metric in METRICS:
        if metric is not THROTTLED:
            metrics.record(metric, 1, "fake")
    names = {name for name, *_ in samples(metrics)}
    for metric in METRICS:
        assert metric.prometheus + ("_sum" if metric.kind is Kind.TIMES else "") in names


def test_every_time_has_its_buckets():
    assert set(BUCKETS) == {metric for metric in METRICS if metric.kind is Kind.TIMES}


def test_two_of_one_process_do_not_disturb_each_other(metrics):
    other = PrometheusMetrics()
    metrics.refused("fake", "key")
    assert ("runners_jobs_failed_total", "fake") not in samples(other)
