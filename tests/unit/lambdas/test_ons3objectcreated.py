from __future__ import annotations

import pytest

from runners.arrival import UnreadableEventError
from runners.errors import ConfigurationError
from runners.lambdas import jobrunner
from runners.lambdas.ons3objectcreated import handler
from tests.unit.lambdas.conftest import Context
from tests.unit.test_arrival import event_bridge, record


@pytest.fixture
def begin_wait(bucket, step_functions, scheduled):
    """Begin a wait, and return the token of its task."""

    def begin(activity="Activity", **request):
        token = step_functions.schedule(activity, {"Bucket": "data"} | request)
        jobrunner.handler(scheduled, Context())
        step_functions.calls.clear()
        return token

    return begin


@pytest.fixture
def upload(bucket):
    """Upload objects, and return the notification that S3 sends."""

    def put(*keys):
        for key in keys:
            bucket.put_object(Bucket="data", Key=key, Body=b"x")
        return {"Records": [record(key) for key in keys]}

    return put


def test_an_object_releases_its_wait(begin_wait, upload, step_functions, active_jobs):
    token = begin_wait(Key="sales/in.csv")
    handler(upload("sales/in.csv"), Context())
    assert step_functions.succeeded[token]["Objects"][0]["Key"] == "sales/in.csv"
    assert list(active_jobs.of_runner("arrivals")) == []


def test_two_waits_for_one_object_are_both_released_by_one_event(begin_wait, upload, step_functions):
    tokens = {begin_wait(Key="sales/in.csv"), begin_wait(Prefix="sales/")}
    handler(upload("sales/in.csv"), Context())
    assert set(step_functions.succeeded) == tokens


def test_an_event_that_comes_twice_does_no_harm(begin_wait, upload, step_functions, arrivals):
    begin_wait(Key="sales/in.csv")
    notification = upload("sales/in.csv")
    handler(notification, Context())
    handler(notification, Context())
    assert step_functions.calls["report"] == 1
    assert len(list(arrivals.of_bucket("data"))) == 1


def test_an_object_that_nobody_waits_for_does_nothing_but_be_recorded(begin_wait, upload, step_functions, arrivals):
    begin_wait(Key="marketing/in.csv")
    handler(upload("sales/in.csv"), Context())
    assert not step_functions.calls  # no poll, no report, no heartbeat
    assert [arrival.key for arrival in arrivals.of_bucket("data")] == ["sales/in.csv"]


def test_every_record_of_a_notification_releases_its_waits(begin_wait, upload, step_functions, arrivals):
    tokens = {begin_wait(Key="a"), begin_wait(Key="c")}
    handler(upload("a", "b", "c"), Context())
    assert set(step_functions.succeeded) == tokens
    assert len(list(arrivals.of_bucket("data"))) == 3


def test_a_url_encoded_key_releases_its_wait(begin_wait, bucket, step_functions):
    token = begin_wait(Key="my file+100%.csv")
    bucket.put_object(Bucket="data", Key="my file+100%.csv", Body=b"x")
    handler({"Records": [record("my+file%2B100%25.csv")]}, Context())
    assert token in step_functions.succeeded


def test_an_event_of_event_bridge_releases_its_wait(begin_wait, upload, step_functions):
    token = begin_wait(Key="sales/in.csv")
    upload("sales/in.csv")
    handler(event_bridge(), Context())
    assert token in step_functions.succeeded


def test_an_event_is_only_a_hint_and_s3_has_the_last_word(begin_wait, step_functions):
    begin_wait(Key="sales/in.csv")
    handler({"Records": [record("sales/in.csv")]}, Context())
    assert not step_functions.succeeded


def test_a_wait_for_one_file_by_its_own_activity_is_released_too(begin_wait, upload, step_functions, monkeypatch):
    monkeypatch.setenv("RUNNERS_DATA_BUCKETS", "data")
    step_functions.activities = ["data-in.csv"]
    token = begin_wait("data-in.csv")
    handler(upload("somewhere/in.csv"), Context())
    assert step_functions.succeeded[token]["S3Key"] == "somewhere/in.csv"


def test_the_test_event_of_s3_does_nothing(bucket, step_functions):
    handler({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "data"}, Context())
    assert not step_functions.calls


def test_an_event_of_another_kind_is_an_error_of_its_own_type(bucket):
    with pytest.raises(UnreadableEventError):
        handler({"source": "aws.glue"}, Context())


@pytest.mark.parametrize("name", ["ACTIVE_JOBS_TABLE", "ARRIVALS_TABLE"])
def test_a_missing_setting_is_named(function, monkeypatch, name):
    monkeypatch.delenv(f"RUNNERS_{name}")
    with pytest.raises(ConfigurationError, match=f"RUNNERS_{name}"):
        handler({"Records": []}, Context())
