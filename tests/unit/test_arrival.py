from __future__ import annotations

from datetime import UTC, datetime

import pytest

from runners.arrival import Arrival, UnreadableEventError, arrivals_of


def record(key="sales/in.csv", event="ObjectCreated:Put", **changes):
    """A record of S3's own notification."""
    return {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "eventTime": "2026-01-31T04:05:06.789Z",
        "eventName": event,
        "s3": {
            "bucket": {"name": "data", "arn": "arn:aws:s3:::data"},
            "object": {"key": key, "size": 12, "eTag": "d41d8", "sequencer": "0055AED6DCD90281E5"} | changes,
        },
    }


def event_bridge(**changes):
    """An event of EventBridge."""
    return {
        "version": "0",
        "source": "aws.s3",
        "detail-type": "Object Created",
        "time": "2026-01-31T04:05:06Z",
        "detail": {
            "bucket": {"name": "data"},
            "object": {"key": "sales/in.csv", "size": 12, "etag": "d41d8", "sequencer": "0055AED6DCD90281E5"} | changes,
        },
    }


ARRIVAL = Arrival(
    bucket="data",
    key="sales/in.csv",
    size=12,
    etag="d41d8",
    version_id=None,
    sequencer="0055AED6DCD90281E5",
    time=datetime(2026, 1, 31, 4, 5, 6, 789_000, UTC),
)


def test_a_notification_of_s3_is_read():
    assert arrivals_of({"Records": [record()]}) == [ARRIVAL]


def test_every_record_of_a_notification_is_read():
    arrivals = arrivals_of({"Records": [record("a"), record("b"), record("c", versionId="v1")]})
    assert [(arrival.key, arrival.version_id) for arrival in arrivals] == [("a", None), ("b", None), ("c", "v1")]


@pytest.mark.parametrize(
    ("encoded", "key"),
    [
        ("my+file%281%29.csv", "my file(1).csv"),
        ("a%2Bb.csv", "a+b.csv"),
        ("100%25.csv", "100%.csv"),
        ("%C3%BCmlaut.csv", "ümlaut.csv"),
    ],
)
def test_the_keys_of_a_notification_are_decoded(encoded, key):
    assert arrivals_of({"Records": [record(encoded)]})[0].key == key


def test_an_event_of_event_bridge_is_read_with_its_key_as_it_is():
    arrival = arrivals_of(event_bridge(key="a+b%20c.csv", **{"version-id": "v1"}))[0]
    assert (arrival.bucket, arrival.key, arrival.size, arrival.etag) == ("data", "a+b%20c.csv", 12, "d41d8")
    assert (arrival.version_id, arrival.sequencer) == ("v1", "0055AED6DCD90281E5")
    assert arrival.time == datetime(2026, 1, 31, 4, 5, 6, tzinfo=UTC)


@pytest.mark.parametrize("event", ["ObjectRemoved:Delete", "ObjectTagging:Put"])
def test_what_is_no_creation_is_passed_over(event):
    assert arrivals_of({"Records": [record(event=event), record()]}) == [ARRIVAL]


@pytest.mark.parametrize(
    "event", ["ObjectCreated:Put", "s3:ObjectCreated:CompleteMultipartUpload", "ObjectCreated:Copy"]
)
def test_every_kind_of_creation_is_one(event):
    assert len(arrivals_of({"Records": [record(event=event)]})) == 1


def test_the_test_event_of_s3_is_no_arrival():
    assert arrivals_of({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "data"}) == []


@pytest.mark.parametrize(
    "event",
    [
        {},
        [],
        ["Records"],
        {"Records": None},
        {"Records": ["a"]},
        {"Records": [{}]},
        {"Records": [{"eventName": None}]},
        {"Records": [record(key=5)]},
        {"Records": [record(size="large")]},
        {"Records": [record() | {"eventTime": "yesterday"}]},
        {"Records": [record() | {"s3": None}]},
        {"detail-type": "Object Created"},
        {"detail-type": "Object Deleted", "detail": {}},
        event_bridge() | {"detail": []},
        {"source": "aws.glue", "detail-type": "Glue Job State Change"},
    ],
)
def test_anything_else_is_an_error_of_its_own_type(event):
    with pytest.raises(UnreadableEventError):
        arrivals_of(event)
