from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError

from runners.arrival import Arrival
from runners.arrivals import Arrivals
from tests.unit.conftest import ARRIVALS
from tests.unit.doubles import CountingClient, client_error

NOW = datetime(2026, 1, 31, 4, 5, 6, tzinfo=UTC)
ARRIVAL = Arrival("data", "sales/in.csv", 12, "d41d8", "v1", "0055AED6DCD90281E5", NOW)


def test_an_arrival_is_read_as_it_was_recorded(arrivals):
    arrivals.record(ARRIVAL, NOW)
    found = list(arrivals.of_bucket("data"))
    assert [replace(each, sequencer=ARRIVAL.sequencer) for each in found] == [ARRIVAL]


def test_an_object_without_a_version_has_none(arrivals):
    arrivals.record(replace(ARRIVAL, version_id=None), NOW)
    assert next(arrivals.of_bucket("data")).version_id is None


def test_an_older_event_does_not_overwrite_a_newer_one(arrivals):
    arrivals.record(replace(ARRIVAL, sequencer="0055AED6DCD90281E5", size=2), NOW)
    arrivals.record(replace(ARRIVAL, sequencer="0055AED6DCD90281E4", size=1), NOW)
    assert [each.size for each in arrivals.of_bucket("data")] == [2]


def test_a_newer_event_overwrites_an_older_one_though_its_sequencer_is_shorter(arrivals):
    arrivals.record(replace(ARRIVAL, sequencer="0055AED6DCD90281E5", size=1), NOW)
    arrivals.record(replace(ARRIVAL, sequencer="0055aed6dcd903", size=2), NOW)
    assert [each.size for each in arrivals.of_bucket("data")] == [2]


def test_the_same_event_twice_does_no_harm(arrivals):
    arrivals.record(ARRIVAL, NOW)
    arrivals.record(ARRIVAL, NOW)
    assert len(list(arrivals.of_bucket("data"))) == 1


def test_a_record_expires(arrivals, dynamodb):
    arrivals.record(ARRIVAL, NOW)
    item = dynamodb.scan(TableName=ARRIVALS)["Items"][0]
    assert int(item["expires_at"]["N"]) == (NOW + timedelta(days=90)).timestamp()


def test_arrivals_are_found_by_bucket_and_prefix(arrivals):
    for bucket, key in [("data", "sales/a"), ("data", "sales/b"), ("data", "marketing/a"), ("other", "sales/a")]:
        arrivals.record(replace(ARRIVAL, bucket=bucket, key=key), NOW)
    assert [each.key for each in arrivals.of_bucket("data", "sales/")] == ["sales/a", "sales/b"]
    assert len(list(arrivals.of_bucket("data"))) == 3


def test_arrivals_are_found_over_several_pages(dynamodb):
    counted = CountingClient(dynamodb)
    table = Arrivals(ARRIVALS, counted)
    for number in range(30):
        table.record(replace(ARRIVAL, key=str(number), etag="x" * 50_000), NOW)
    assert len(list(table.of_bucket("data"))) == 30
    assert counted.call.calls["query"] > 1


def test_a_throttled_record_is_repeated_and_a_missing_table_is_an_error(dynamodb):
    counted = CountingClient(dynamodb)
    counted.call.before("put_item", client_error("ThrottlingException"))
    Arrivals(ARRIVALS, counted).record(ARRIVAL, NOW)
    assert counted.call.calls["put_item"] == 2
    with pytest.raises(ClientError, match="ResourceNotFound"):
        Arrivals("elsewhere", dynamodb).record(ARRIVAL, NOW)
