"""The function ``arrivalrunner``: ``jobrunner`` with the service ``arrivals``."""

from __future__ import annotations

import pytest

from runners.errors import ConfigurationError
from runners.lambdas.jobrunner import handler
from tests.unit.lambdas.conftest import ARN, Context


def test_an_object_that_came_before_its_wait_releases_it_as_soon_as_it_begins(bucket, step_functions, scheduled):
    bucket.put_object(Bucket="data", Key="sales/in.csv", Body=b"a,b\n")
    token = step_functions.schedule("Activity", {"Bucket": "data", "Key": "sales/in.csv"})
    handler(scheduled, Context())
    assert step_functions.succeeded[token]["Objects"][0]["Key"] == "sales/in.csv"


def test_an_object_whose_event_was_lost_releases_its_wait_by_a_sweep(bucket, step_functions, scheduled):
    token = step_functions.schedule("Activity", {"Bucket": "data", "Key": "in.csv"})
    handler(scheduled, Context())
    assert not step_functions.succeeded
    bucket.put_object(Bucket="data", Key="in.csv", Body=b"x")
    handler(scheduled, Context(seconds=1))
    assert token in step_functions.succeeded


def test_an_activity_that_stands_for_one_file_is_polled_whatever_its_input(
    bucket, step_functions, scheduled, monkeypatch
):
    monkeypatch.setenv("RUNNERS_DATA_BUCKETS", "data")
    step_functions.activities = ["Activity", "data-in.csv"]
    bucket.put_object(Bucket="data", Key="sales/in.csv", Body=b"x")
    token = step_functions.schedule("data-in.csv", "no json")
    handler(scheduled, Context())
    output = step_functions.succeeded[token]
    assert output["S3BucketName"] == "data"
    assert output["S3Key"] == "sales/in.csv"
    assert output["SFNActivityArn"] == f"{ARN}data-in.csv"


def test_missing_settings_are_named(monkeypatch, new_process, aws):
    monkeypatch.delenv("RUNNERS_ACTIVE_JOBS_TABLE", raising=False)
    with pytest.raises(ConfigurationError, match="RUNNERS_ACTIVE_JOBS_TABLE"):
        handler({}, Context())
