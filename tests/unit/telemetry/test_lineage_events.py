from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from runners.job import Failed, Stage, Succeeded
from runners.telemetry.lineage_events import PRODUCER, Events, namespace_of, run_id
from tests.unit.doubles import Clock, active_job

STATES = "arn:aws:states:eu-central-1:123456789012"
EXECUTION = f"{STATES}:execution:Nightly:2026-01-31"
AT = Clock().now + timedelta(seconds=90)
SCHEMAS = {
    schema["$id"]: schema
    for schema in (
        json.loads(path.read_text(encoding="utf-8")) for path in (Path(__file__).parent / "openlineage").glob("*.json")
    )
}
REGISTRY = Registry().with_resources((name, Resource.from_contents(schema)) for name, schema in SCHEMAS.items())
OWN = "urn:etl-runners:facets:"


def held_against(schema: str, document):
    """The document, which must be what a schema says."""
    validator = Draft202012Validator(
        {"$ref": schema}, registry=REGISTRY, format_checker=Draft202012Validator.FORMAT_CHECKER
    )
    assert [error.message for error in validator.iter_errors(document)] == []
    return document


def valid(event):
    """An event, which and whose facets must be what their schemas say."""
    held_against(event["schemaURL"], event)
    facets = {**event["run"]["facets"], **event["job"]["facets"]}
    for facet in facets.values():
        if not facet["_schemaURL"].startswith(OWN):
            held_against(facet["_schemaURL"], facet)
    return event


def events(namespace=STATES):
    return Events(namespace, lambda job: job.request["Name"])


def started(**changes):
    values = {"stage": Stage.STARTED, "run_id": "run-1", "execution": EXECUTION, "started_at": Clock().now}
    return active_job(**(values | changes))


def test_a_schema_refuses_what_is_no_event():
    with pytest.raises(AssertionError):
        valid({**events().start(started(), AT), "run": {"facets": {}}})


def test_a_start_says_which_job_of_which_execution_runs():
    event = valid(events().start(started(attempt=2), AT))
    assert event["eventType"] == "START"
    assert event["eventTime"] == "2026-01-31T04:06:36+00:00"
    assert event["producer"] == PRODUCER
    assert (event["job"]["namespace"], event["job"]["name"]) == (STATES, "fake.a job")
    facets = event["run"]["facets"]
    assert facets["nominalTime"]["nominalStartTime"] == "2026-01-31T04:05:06+00:00"
    assert facets["parent"]["job"] == {"namespace": STATES, "name": "Nightly"}
    own = facets["etlRunners_job"]
    assert (own["runner"], own["serviceRunId"], own["attempt"], own["executionArn"]) == ("fake", "run-1", 2, EXECUTION)


def test_all_events_of_a_job_are_of_one_run_and_no_other_job_has_it():
    job = started()
    told = [events().start(job, AT), events().end(job, Succeeded({}), AT), events().abort(job, AT)]
    runs = {valid(event)["run"]["runId"] for event in told}
    assert len(runs) == 1
    assert UUID(runs.pop()).version == 5
    assert run_id(job.task_key) != run_id(active_job(1).task_key)


def test_jobs_of_an_execution_have_the_same_parent():
    parents = {
        valid(events().start(started(task_key=key), AT))["run"]["facets"]["parent"]["run"]["runId"]
        for key in ("a", "b")
    }
    assert len(parents) == 1


@pytest.mark.parametrize("execution", [None, "no ARN", f"{STATES}:stateMachine:Nightly", f"{STATES}:execution:"])
def test_an_execution_that_is_not_told_is_no_parent(execution):
    assert "parent" not in valid(events().start(started(execution=execution), AT))["run"]["facets"]


def test_a_success_says_what_the_job_has_used():
    job = started(runner="athena")
    output = {"AthenaQueryDataScannedInBytes": 7, "AthenaEstimatedCostUSD": 0.5}
    event = valid(events().end(job, Succeeded(output), AT))
    assert event["eventType"] == "COMPLETE"
    own = event["run"]["facets"]["etlRunners_job"]
    assert (own["bytesScanned"], own["costUSD"]) == (7, 0.5)
    assert "dpuSeconds" not in own


def test_a_query_is_told_by_its_id_at_the_service():
    event = valid(events().start(started(runner="athena"), AT))
    query = event["run"]["facets"]["externalQuery"]
    assert (query["externalQueryId"], query["source"]) == ("run-1", "athena")
    assert event["job"]["facets"]["jobType"]["jobType"] == "QUERY"


def test_a_failure_says_its_error_but_nothing_of_what_the_service_said_of_the_input():
    failed = Failed("GlueJobFailedError", {"ErrorMessage": "no column planted-value", "SQL": "planted-value"})
    event = valid(events().end(started(), failed, AT))
    assert event["eventType"] == "FAIL"
    assert event["run"]["facets"]["errorMessage"]["message"] == "GlueJobFailedError"
    assert "planted-value" not in json.dumps(event)


def test_no_event_has_the_token_or_the_input():
    job = started(request={"Name": "a job", "Password": "planted-value"})
    for event in (events().start(job, AT), events().end(job, Succeeded({"Other": "planted-value"}), AT)):
        assert job.token not in json.dumps(event)
        assert "planted-value" not in json.dumps(event)


def test_a_job_for_which_nobody_waits_is_aborted():
    assert valid(events().abort(started(), AT))["eventType"] == "ABORT"


def test_the_result_of_a_query_is_an_output():
    output = {"AthenaResultOutputLocation": "s3://results/athena/1.csv"}
    event = valid(events().end(started(runner="athena"), Succeeded(output), AT))
    assert event["outputs"] == [{"namespace": "s3://results", "name": "athena/1.csv"}]


@pytest.mark.parametrize("place", [None, "", "s3://results", "elsewhere"])
def test_a_query_without_a_result_has_no_output(place):
    event = valid(events().end(started(runner="athena"), Succeeded({"AthenaResultOutputLocation": place}), AT))
    assert event["outputs"] == []


def test_the_objects_that_a_wait_has_found_are_inputs():
    output = {"Bucket": "data", "ObjectCount": 1, "Objects": [{"Key": "sales/a.csv", "Size": 3}]}
    event = valid(events().end(started(runner="arrivals"), Succeeded(output), AT))
    assert event["inputs"] == [{"namespace": "s3://data", "name": "sales/a.csv"}]
    assert valid(events().end(started(runner="arrivals"), Failed("Oh", {}), AT))["inputs"] == []


def test_without_a_namespace_that_of_the_execution_is_taken():
    assert events("").start(started(), AT)["job"]["namespace"] == STATES
    assert events("").start(started(execution=None), AT)["job"]["namespace"] == "etl-runners"
    assert namespace_of(f"{STATES}:activity:Glue") == STATES
