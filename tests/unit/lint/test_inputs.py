from __future__ import annotations

import boto3
import pytest

from runners.composition import SERVICES
from runners.lint import inputs
from runners.lint.inputs import given_by, problems_of, problems_of_runner
from runners.lint.machines import Task

WHOLE = "(input)"
BATCH = {"JobName": "n", "JobQueue": "q", "JobDefinition": "d"}


def problems(service, written, *, jsonata=False):
    task = Task("Load", (), {"Arguments" if jsonata else "Parameters": written}, "", jsonata=jsonata)
    given = given_by(task)
    return None if given is None else problems_of(service, given)


@pytest.mark.parametrize(
    ("service", "written", "places"),
    [
        ("glue", {"GlueJobName": "Load", "day.$": "$.day"}, set()),
        ("glue", {"GlueJob": "Load"}, {"GlueJobName"}),
        ("glue", {"GlueJobName.$": "$.job", "NumberOfWorkers": 0}, {"NumberOfWorkers"}),
        ("glue", {"GlueJobName.$": "$.job", "WorkerType": "G.1X"}, {WHOLE}),
        ("glue", {"GlueJobName.$": "$.job", "WorkerType": "G.1X", "NumberOfWorkers.$": "$.n"}, set()),
        ("glue", {"GlueJobName": "Load", "NumberOfWorkers": "${Workers}", "WorkerType": "${Kind}"}, set()),
        ("arrivals", {"Bucket": "${B}", "Pattern": "${P}*.csv", "NewerThan.$": "$$.Execution.StartTime"}, set()),
        ("arrivals", {"Bucket": "data", "Key.$": "$.key", "Prefix.$": "$.prefix"}, set()),
        ("arrivals", {"Bucket": "data", "NewerThan.$": "$.since"}, {WHOLE}),
        ("arrivals", {"Bucket": "${Data}", "Mistake": "${Data}"}, {"Mistake"}),
        ("arrivals", {"Bucket": "${Data}"}, {WHOLE}),
        ("arrivals", {"Bucket": "data", "Key": "k", "Prefx.$": "$.prefix"}, {"Prefx"}),
        ("arrivals", {"Bucket": "data", "Key": "k", "Prefix": "${P}"}, {WHOLE}),
        ("athena", {"AthenaQueryString": "SELECT 1", "AthenaDatabase.$": "$.db"}, set()),
        ("athena", {"AthenaNamedQuery": "q", "AthenaQueryString": "s", "AthenaDatabase.$": "$.db"}, {WHOLE}),
        ("athena", {"AthenaNamedQuery": "q", "AthenaResultKmsKey": "k"}, {WHOLE}),
        # of these values a path gives none that a rule for several fields could be tried with
        ("athena", {"AthenaNamedQuery": "q", "AthenaResultKmsKey": "k", "AthenaResultEncryptionOption.$": "$"}, set()),
        ("athena", {"AthenaNamedQuery": "q", "ExecutionParameters": ["${Date}", {"a.$": "$.a"}]}, set()),
        ("batch", BATCH | {"ContainerOverrides": {"Vcpus": "two"}}, {"ContainerOverrides.Vcpus"}),
        ("batch", BATCH | {"ContainerOverrides": {"Vcpus.$": "$.n"}}, set()),
        ("batch", BATCH | {"ContainerOverrides": {"Cpus.$": "$.n"}}, set()),
        ("lambda", {"FunctionName": "Load", "Payload": {"day.$": "$.day", "CompletionKey": "mine"}}, set()),
        ("lambda", {"FunctionName": "Load", "Payload": {"CompletionKey": "mine"}}, {"Payload"}),
        ("glue", '{"GlueJobName": 7}', {"GlueJobName"}),
        ("crawler", {}, {"CrawlerName"}),
    ],
)  # fmt: skip
def test_what_is_found_is_wrong_whatever_a_later_value_will_be(service, written, places):
    assert set(problems(service, written)) == places


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_refuses_or_hands_on_a_field_that_it_does_not_know(service):
    found = problems(service, {"Mistake.$": "$.x"})

    assert ("Mistake" in found) != (service == "glue")


@pytest.mark.parametrize("written", [None, "${Parameters}", "no JSON", 7, "[1]"])
def test_an_input_may_be_known_only_when_it_runs(written):
    assert problems("glue", written) is None


def test_expressions_of_jsonata_count_as_any_value():
    written = {"GlueJobName": "{% $states.input.job %}", "NumberOfWorkers": 0, "Odd.$": "a name like others"}

    assert set(problems("glue", written, jsonata=True)) == {"NumberOfWorkers"}
    assert problems("glue", "{% $states.input %}", jsonata=True) is None


def test_the_fields_of_the_runner_are_not_the_services():
    written = {"CrawlerName": "Uploads", "Priority": "x", "ExecutionArn.$": "$$.Execution.Id"}

    assert problems("crawler", written) == {}


@pytest.mark.parametrize(
    ("written", "places"),
    [
        ({"Priority": 10, "ExecutionArn": "arn"}, set()),
        ({"Priority.$": "$.p", "ExecutionArn.$": "$$.Execution.Id"}, set()),
        ({"Priority": "${Priority}"}, set()),
        ({"Priority": "10"}, {"Priority"}),
        ({"Priority": True}, {"Priority"}),
        ({"Priority": 1001, "ExecutionArn": 7}, {"Priority", "ExecutionArn"}),
    ],
)
def test_the_fields_of_the_runner_are_checked_by_the_runner(written, places):
    given = given_by(Task("Load", (), {"Parameters": written}, ""))

    assert set(problems_of_runner(given)) == places


def test_no_value_is_repeated():
    found = problems("athena", {"AthenaQueryString": 7_777_777, "AthenaDatabase": ["hidden"], "hidden": "hidden"})

    assert "7777777" not in str(list(found.values()))
    assert "hidden" not in str(list(found.values()))


def test_a_region_is_not_needed(monkeypatch):
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    inputs._service.cache_clear()

    assert problems("batch", {}) != {}
