from __future__ import annotations

import json

import boto3
import pytest
from botocore.stub import Stubber

from runners.file_activities import file_activities

ARN = "arn:aws:states:us-east-1:123456789012:activity:"


@pytest.fixture
def step_functions():
    return boto3.client("stepfunctions")


def found(step_functions, buckets, *pages):
    """Return the activities that stand for a file, with the input that each gives its tasks."""
    with Stubber(step_functions) as stubber:
        for number, names in enumerate(pages):
            page = {"activities": [{"activityArn": ARN + name, "name": name, "creationDate": 0} for name in names]}
            stubber.add_response("list_activities", page | ({"nextToken": "t"} if number + 1 < len(pages) else {}))
        activities = file_activities(buckets, "worker", step_functions, step_functions)
        stubber.assert_no_pending_responses()
        inputs = {}
        for activity in activities:
            stubber.add_response("get_activity_task", {"taskToken": "t", "input": "null"}, None)
            inputs[activity.arn.removeprefix(ARN)] = json.loads(activity.poll().input)
        assert len(inputs) == len(activities)
    return inputs


def test_an_activity_named_after_a_bucket_and_a_file_waits_for_that_file(step_functions):
    name = "data-SalesPipeline_QuickSightSample.csv"
    assert found(step_functions, ["data"], [name, "GlueRunnerActivity"]) == {
        name: {
            "Bucket": "data",
            "Filename": "SalesPipeline_QuickSightSample.csv",
            "FileActivityArn": ARN + name,
        }
    }


def test_activities_are_found_over_several_pages(step_functions):
    assert set(found(step_functions, ["data"], ["data-a"], ["x", "data-b"])) == {"data-a", "data-b"}


def test_a_bucket_s_name_alone_stands_for_no_file(step_functions):
    assert found(step_functions, ["data"], ["data-", "data", "database-a"]) == {}


@pytest.mark.parametrize("buckets", [["data", "data-raw"], ["data-raw", "data"]])
def test_where_one_bucket_s_name_begins_with_another_s_the_longest_one_counts(step_functions, buckets):
    inputs = found(step_functions, buckets, ["data-raw-in.csv", "data-in.csv"])
    assert {name: (given["Bucket"], given["Filename"]) for name, given in inputs.items()} == {
        "data-raw-in.csv": ("data-raw", "in.csv"),
        "data-in.csv": ("data", "in.csv"),
    }


def test_without_buckets_nobody_is_asked(step_functions):
    assert found(step_functions, []) == {}


def test_a_throttled_listing_is_repeated(step_functions):
    with Stubber(step_functions) as stubber:
        stubber.add_client_error("list_activities", "ThrottlingException")
        stubber.add_response("list_activities", {"activities": []})
        assert file_activities(["data"], "worker", step_functions, step_functions) == []
        stubber.assert_no_pending_responses()


def test_a_runner_goes_on_without_them_when_they_cannot_be_listed(aws, caplog):
    client = boto3.client("stepfunctions")
    with Stubber(client) as stubber:
        stubber.add_client_error("list_activities", "AccessDeniedException")
        assert file_activities(["data"], "worker", client, client) == []
    assert "are not known" in caplog.text
