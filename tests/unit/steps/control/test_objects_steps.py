"""The control steps over objects, against S3 in memory."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError

from runners.steps.control import wait_for_object
from runners.steps.control.checksum import promised_in
from runners.steps.errors import DataQualityFailed, SourceFailed, SourceUnavailable, StepStopped, ValidationFailed
from runners.testing.steps import run_step, step_context
from tests.unit.doubles import client_error


@pytest.fixture
def s3(aws):
    client = boto3.client("s3")
    for bucket in ("landing", "archive"):
        client.create_bucket(Bucket=bucket)
    return client


def put(s3, *keys, bucket="landing", body=b"content"):
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=body)


def keys(s3, bucket):
    return [item["Key"] for item in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]


COPY = {"Source": {"Bucket": "landing", "Pattern": "in/**/*.csv"}, "TargetBucket": "archive", "TargetPrefix": "day/"}


def test_objects_are_copied_below_the_target_with_the_rest_of_their_keys(s3):
    put(s3, "in/a.csv", "in/deep/b.csv", "in/c.txt", "other/d.csv")
    context = step_context()
    told = run_step("CopyObjects", COPY, context)
    assert told == {"objects": 2, "bytes": 14, "keys": ["day/a.csv", "day/deep/b.csv"]}
    assert keys(s3, "archive") == ["day/a.csv", "day/deep/b.csv"]
    assert context.progress.bytes == 14


def test_one_object_is_copied_to_a_key_of_its_own(s3):
    put(s3, "in/a.csv")
    source = {"Bucket": "landing", "Key": "in/a.csv"}
    run_step("CopyObjects", {"Source": source, "TargetBucket": "archive", "TargetKey": "b.csv"})
    assert keys(s3, "archive") == ["b.csv"]


def test_all_objects_with_a_prefix_are_copied_page_by_page(s3, monkeypatch):
    put(s3, *(f"in/{number}" for number in range(5)), "in/folder/")
    s3.put_object(Bucket="landing", Key="in/folder/", Body=b"")
    listing = s3.list_objects_v2
    monkeypatch.setattr(s3, "list_objects_v2", lambda **query: listing(**query, MaxKeys=2))
    copied = {"Source": {"Bucket": "landing", "Prefix": "in/"}, "TargetBucket": "archive", "TargetPrefix": ""}
    assert run_step("CopyObjects", copied, step_context(client=lambda _: s3))["objects"] == 5


def test_too_few_objects_are_refused_before_any_is_copied(s3):
    put(s3, "in/a.csv")
    with pytest.raises(SourceFailed, match=r"there are 1 objects at s3://landing/in/\*\*/\*.csv, and 2 must be"):
        run_step("CopyObjects", {**COPY, "MinObjects": 2})
    assert keys(s3, "archive") == []


def test_a_bucket_that_is_not_there_is_told(s3):
    put(s3, "in/a.csv")
    with pytest.raises(Exception, match=r"was not copied to s3://nowhere: NoSuchBucket"):
        run_step("CopyObjects", {**COPY, "TargetBucket": "nowhere"})


def test_a_copy_that_is_not_whole_is_told(s3, monkeypatch):
    put(s3, "in/a.csv")
    monkeypatch.setattr("runners.steps.control.copy_objects.head", lambda *_: None)
    with pytest.raises(DataQualityFailed, match=r"has no bytes, its original 7"):
        run_step("CopyObjects", COPY)


@pytest.mark.parametrize(
    "wrong",
    [
        {"TargetKey": "a"},
        {"TargetPrefix": None},
        {"TargetPrefix": None, "TargetKey": "a"},
        {"Source": {"Bucket": "landing"}},
        {"Source": {"Bucket": "landing", "Pattern": "a/[!]"}},
    ],
)
def test_what_cannot_be_copied_is_refused_when_it_is_read(wrong):
    with pytest.raises(ValidationFailed):
        run_step("CopyObjects", {**COPY, **wrong})


def test_moved_objects_are_gone_from_where_they_were(s3):
    put(s3, "in/a.csv", "in/b.csv", "in/c.txt")
    assert run_step("MoveObjects", COPY) == {"objects": 2, "bytes": 14}
    assert keys(s3, "landing") == ["in/c.txt"]
    assert keys(s3, "archive") == ["day/a.csv", "day/b.csv"]


def test_a_move_that_was_interrupted_is_completed_by_a_repeat(s3):
    put(s3, "in/a.csv", "in/b.csv")
    put(s3, "day/a.csv", bucket="archive")
    s3.delete_object(Bucket="landing", Key="in/a.csv")
    assert run_step("MoveObjects", {**COPY, "MinObjects": 0})["objects"] == 1
    assert run_step("MoveObjects", {**COPY, "MinObjects": 0})["objects"] == 0
    assert keys(s3, "archive") == ["day/a.csv", "day/b.csv"]


def test_nothing_is_deleted_when_a_copy_is_not_made(s3):
    put(s3, "in/a.csv")
    with pytest.raises(Exception, match=r"NoSuchBucket"):
        run_step("MoveObjects", {**COPY, "TargetBucket": "nowhere"})
    assert keys(s3, "landing") == ["in/a.csv"]


def test_an_object_that_is_changed_before_it_is_copied_is_not_copied(s3, monkeypatch):
    put(s3, "in/a.csv")
    copy = s3.copy

    def changed_meanwhile(*asked, **more):
        put(s3, "in/a.csv", body=b"another")
        return copy(*asked, **more)

    monkeypatch.setattr(s3, "copy", changed_meanwhile)
    with pytest.raises(SourceFailed, match=r"s3://landing/in/a.csv was changed while it was copied"):
        run_step("MoveObjects", COPY, step_context(client=lambda _: s3))
    assert (keys(s3, "landing"), keys(s3, "archive")) == (["in/a.csv"], [])


def test_originals_are_deleted_only_as_they_were_copied(s3, monkeypatch):
    put(s3, "in/a.csv")
    asked = []
    monkeypatch.setattr(s3, "delete_objects", lambda **call: asked.append(call) or {})
    run_step("MoveObjects", COPY, step_context(client=lambda _: s3))
    copied = s3.head_object(Bucket="landing", Key="in/a.csv")["ETag"]
    assert asked[0]["Delete"]["Objects"] == [{"Key": "in/a.csv", "ETag": copied}]


def test_a_step_that_was_given_up_deletes_nothing(s3):
    put(s3, "in/a.csv")
    with pytest.raises(StepStopped):
        run_step("MoveObjects", COPY, step_context(may_publish=lambda: False))
    assert keys(s3, "landing") == ["in/a.csv"]


def test_an_original_that_is_not_deleted_is_told(s3, monkeypatch):
    put(s3, "in/a.csv")
    refusal = {"Errors": [{"Key": "in/a.csv", "Code": "AccessDenied"}]}
    monkeypatch.setattr(s3, "delete_objects", lambda **_: refusal)
    with pytest.raises(
        Exception, match=r"1 originals were copied and not deleted, as s3://landing/in/a.csv: AccessDenied"
    ):
        run_step("MoveObjects", COPY, step_context(client=lambda _: s3))


@pytest.mark.parametrize(
    "onto_itself",
    [
        {"Source": {"Bucket": "landing", "Prefix": "in/"}, "TargetBucket": "landing", "TargetPrefix": "in/"},
        {"Source": {"Bucket": "landing", "Key": "a"}, "TargetBucket": "landing", "TargetKey": "a"},
    ],
)
def test_nothing_is_moved_onto_itself(onto_itself):
    with pytest.raises(ValidationFailed, match=r"the target is the source"):
        run_step("MoveObjects", onto_itself)


def test_places_are_told_for_lineage():
    from runners.steps.control.copy_objects import CopyObjects  # noqa: PLC0415

    step = CopyObjects(CopyObjects.Parameters.checked(COPY))
    assert (step.source, step.target) == ("s3://landing/in/**/*.csv", "s3://archive/day/")


# WaitForObject

WAIT = {"Bucket": "landing", "Pattern": "in/*.csv", "MinObjects": 2, "Timeout": 60, "Interval": 10}


class Time:
    """A clock that a wait moves on; something may happen while it waits."""

    def __init__(self, meanwhile=lambda now: None):
        self.now = 0.0
        self._meanwhile = meanwhile

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds
        self._meanwhile(self.now)


def test_a_wait_ends_when_the_objects_are_there(s3, monkeypatch):
    put(s3, "in/a.csv")
    time = Time(lambda now: put(s3, "in/b.csv"))
    monkeypatch.setattr(wait_for_object, "time", time)
    assert run_step("WaitForObject", WAIT) == {"objects": 2, "keys": ["in/a.csv", "in/b.csv"]}
    assert time.now == 10


def test_a_wait_is_stopped_amid_two_looks(s3, monkeypatch):
    time = Time()
    monkeypatch.setattr(wait_for_object, "time", time)
    with pytest.raises(StepStopped):
        run_step("WaitForObject", {**WAIT, "Interval": 600}, step_context(stopping=lambda: time.now > 5))
    assert time.now < 10


def test_a_wait_for_what_does_not_come_fails_by_its_own_name(s3):
    with pytest.raises(
        Exception, match=r"there are 0 objects at s3://landing/in/\*.csv after 0:00:00.010000"
    ) as failed:
        run_step("WaitForObject", {**WAIT, "Timeout": 0.01})
    assert failed.value.name == "ObjectMissing"


def test_an_object_that_is_too_old_does_not_count(s3):
    put(s3, "in/a.csv")
    young = {"NewerThan": (datetime.now(UTC) + timedelta(hours=1)).isoformat(), "Timeout": 0.01, "MinObjects": 1}
    with pytest.raises(Exception, match=r"there are 0 objects"):
        run_step("WaitForObject", {**WAIT, **young})


def test_a_wait_can_be_stopped(s3):
    with pytest.raises(StepStopped):
        run_step("WaitForObject", WAIT, step_context(stopping=lambda: True))


# Checksum

BODY = b"some bytes"
SHA256 = hashlib.sha256(BODY).hexdigest()
SUM = {"Bucket": "landing", "Key": "in/a.csv"}


def test_a_sum_is_told(s3):
    put(s3, "in/a.csv", body=BODY)
    context = step_context()
    told = {"algorithm": "sha256", "checksum": SHA256, "bytes": 10, "compared": False}
    assert run_step("Checksum", SUM, context) == told
    assert context.progress.bytes == 10


@pytest.mark.parametrize(
    "text", [SHA256, f"{SHA256}  a.csv\n", f"{'0' * 64} *b.csv\n{SHA256.upper()} *in/a.csv\n", f"\n{SHA256}\n"]
)
def test_a_sum_in_an_object_beside_it_is_compared(s3, text):
    put(s3, "in/a.csv", body=BODY)
    put(s3, "in/sums", body=text.encode())
    assert run_step("Checksum", {**SUM, "ExpectedKey": "in/sums"})["compared"] is True


def test_another_sum_fails_the_step(s3):
    put(s3, "in/a.csv", body=BODY)
    with pytest.raises(DataQualityFailed, match=rf"is {SHA256}, and {'0' * 64} was promised"):
        run_step("Checksum", {**SUM, "Expected": "0" * 64})


@pytest.mark.parametrize("text", [f"{SHA256}  b.csv", "", "a b"])
def test_sums_without_this_object_fail_the_step(s3, text):
    put(s3, "in/a.csv", body=BODY)
    put(s3, "in/sums", body=text.encode())
    with pytest.raises(DataQualityFailed, match=r"has no sum of in/a.csv"):
        run_step("Checksum", {**SUM, "ExpectedKey": "in/sums"})
    assert promised_in(text, "in/a.csv") is None


def test_what_is_too_large_to_be_sums_is_not_read_on(s3):
    put(s3, "in/a.csv", body=BODY)
    put(s3, "in/sums", body=b"x" * (1 << 21))
    with pytest.raises(DataQualityFailed, match=r"too large to hold sums only"):
        run_step("Checksum", {**SUM, "ExpectedKey": "in/sums"})


def test_an_object_that_is_not_there_is_told(s3):
    with pytest.raises(SourceFailed, match=r"s3://landing/in/a.csv cannot be read: NoSuchKey"):
        run_step("Checksum", SUM)


@pytest.mark.parametrize("wrong", [{"Expected": "0" * 32}, {"Expected": "0" * 64, "ExpectedKey": "a"}])
def test_promises_that_cannot_be_kept_are_refused(wrong):
    with pytest.raises(ValidationFailed):
        run_step("Checksum", {**SUM, **wrong})


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (client_error("403", "HeadObject", 403), SourceFailed),
        (client_error("503", "HeadObject", 503), SourceUnavailable),
        (EndpointConnectionError(endpoint_url="https://s3"), SourceUnavailable),
    ],
)
def test_an_object_that_is_not_shown_is_told(s3, monkeypatch, naps, error, kind):
    def refused(**_):
        raise error

    monkeypatch.setattr(s3, "head_object", refused)
    copied = {"Source": {"Bucket": "landing", "Key": "a"}, "TargetBucket": "archive", "TargetKey": "a"}
    with pytest.raises(kind, match=r"S3 does not show s3://landing/a: (403|503|EndpointConnectionError)"):
        run_step("CopyObjects", copied, step_context(client=lambda _: s3))
