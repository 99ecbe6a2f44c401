from __future__ import annotations

import hashlib
import io
from base64 import b64encode
from threading import Event

import boto3
import pytest
from botocore.exceptions import ConnectionClosedError, IncompleteReadError
from botocore.response import StreamingBody
from moto import mock_aws
from moto.backends import get_backend

from runners.steps.errors import SourceFailed, SourceUnavailable, TargetFailed, TargetUnavailable
from runners.steps.storages import blocks, s3_upload
from runners.steps.storages.s3 import S3Storage
from runners.steps.storages.s3_upload import part_bytes
from runners.steps.storages.storage import Digest
from tests.unit.doubles import client_error

PART = 50_000  # bytes
DATA = bytes(range(256)) * 500  # two parts and a half


@pytest.fixture(scope="module")
def client():
    """One client for all tests, as it takes longer to make than they do."""
    with mock_aws():
        yield boto3.client("s3", "us-east-1")


@pytest.fixture
def s3(client):
    get_backend("s3")["123456789012"]["aws"].reset()
    client.create_bucket(Bucket="bucket")
    return client


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    monkeypatch.setattr(s3_upload, "PART_BYTES", PART)
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 10_000)
    monkeypatch.setattr(blocks, "RANGE_BYTES", 10_000)
    monkeypatch.setattr("moto.s3.models.S3_UPLOAD_PART_MIN_SIZE", 1)


@pytest.fixture
def counted():
    return []


@pytest.fixture
def storage(s3, counted):
    return S3Storage(s3, "bucket", counted.append)


def keys(s3):
    return [found["Key"] for found in s3.list_objects_v2(Bucket="bucket").get("Contents", [])]


def unfinished(s3):
    return s3.list_multipart_uploads(Bucket="bucket").get("Uploads", [])


class Calls:
    """A client of which some calls are done by a test."""

    def __init__(self, client, **calls):
        self._client = client
        self._calls = calls

    def __getattr__(self, name):
        return self._calls.get(name) or getattr(self._client, name)


def in_turn(*answers):
    """Make a call that answers, or raises, one after the other."""
    left = list(answers)

    def call(**members):
        answer = left.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer(**members)

    return call


@pytest.mark.parametrize("size", [0, 10, PART - 1, PART, PART + 1, len(DATA)])
def test_an_object_has_just_what_was_written(s3, storage, counted, size):
    data = DATA[:size]
    with storage.create("key") as file:
        for begin in range(0, size, 7_000):
            file.write(memoryview(data)[begin : begin + 7_000])
        assert keys(s3) == []
        told = file.commit()
    assert s3.get_object(Bucket="bucket", Key="key")["Body"].read() == data
    assert told == {"object": "s3://bucket/key", "bytes": size, "etag": storage.look("key").version}
    assert sum(counted) == size
    assert unfinished(s3) == []


def test_a_chunk_may_be_larger_than_a_part(s3, storage):
    with storage.create("key") as file:
        file.write(DATA)
        file.commit()
    assert s3.head_object(Bucket="bucket", Key="key")["ContentLength"] == len(DATA)
    assert storage.look("key").version.endswith("-3")


@pytest.mark.parametrize("size", [10, len(DATA)])
def test_nothing_is_left_of_an_object_that_is_given_up(s3, storage, size):
    with storage.create("key") as file:
        file.write(DATA[:size])
    assert keys(s3) == []
    assert unfinished(s3) == []


def test_an_object_is_given_what_was_asked_for(s3):
    storage = S3Storage(s3, "bucket", lambda _: None, {"StorageClass": "STANDARD_IA", "Metadata": {"made-by": "us"}})
    for size in (1, len(DATA)):
        with storage.create("key") as file:
            file.write(DATA[:size])
            file.commit()
        head = s3.head_object(Bucket="bucket", Key="key")
        assert (head["StorageClass"], head["Metadata"]) == ("STANDARD_IA", {"made-by": "us"})


def test_a_slow_target_makes_whoever_writes_wait(s3):
    """Two parts are on their way; a third is full, and nobody takes more."""
    may_go, sent = Event(), []

    def slow(**members):
        sent.append(members["PartNumber"])
        assert may_go.wait(10)
        return s3.upload_part(**members)

    upload = S3Storage(Calls(s3, upload_part=slow), "bucket", lambda _: None).create("key")
    with upload as file:
        for _ in range(2):
            file.write(DATA[:PART])
        assert not upload._room.acquire(blocking=False)
        may_go.set()
        file.write(DATA[:PART])
        file.commit()
    assert sorted(sent) == [1, 2, 3]


def test_a_part_that_fails_for_a_moment_is_sent_again(s3):
    flaky = in_turn(client_error("SlowDown"), ConnectionClosedError(endpoint_url="x"), *[s3.upload_part] * 3)
    with S3Storage(Calls(s3, upload_part=flaky), "bucket", lambda _: None).create("key") as file:
        file.write(DATA)
        file.commit()
    assert s3.get_object(Bucket="bucket", Key="key")["Body"].read() == DATA


@pytest.mark.parametrize(("code", "kind"), [("AccessDenied", TargetFailed), ("SlowDown", TargetUnavailable)])
@pytest.mark.parametrize("call", ["put_object", "create_multipart_upload", "upload_part", "complete_multipart_upload"])
def test_what_s3_does_not_take_fails_and_leaves_nothing(s3, call, code, kind):
    def refuse(**_):
        raise client_error(code)

    storage = S3Storage(Calls(s3, **{call: refuse}), "bucket", lambda _: None)
    with storage.create("key") as file, pytest.raises(kind, match=f"S3 did not take s3://bucket/key: {code}"):
        _written(file, DATA[:10] if call == "put_object" else DATA * 3)
    assert keys(s3) == []
    assert unfinished(s3) == []


def test_a_completion_whose_answer_was_lost_is_found_to_have_taken_effect(s3):
    def complete(**call):
        s3.complete_multipart_upload(**call)
        raise ConnectionClosedError(endpoint_url="x")

    lost = in_turn(complete, client_error("NoSuchUpload"))
    with S3Storage(Calls(s3, complete_multipart_upload=lost), "bucket", lambda _: None).create("key") as file:
        file.write(DATA)
        assert file.commit()["bytes"] == len(DATA)
    assert s3.get_object(Bucket="bucket", Key="key")["Body"].read() == DATA


@pytest.mark.parametrize("there", [None, b"another object"])
def test_an_upload_that_somebody_has_ended_fails(s3, there):
    if there:
        s3.put_object(Bucket="bucket", Key="key", Body=there)
    gone = in_turn(client_error("NoSuchUpload"))
    storage = S3Storage(Calls(s3, complete_multipart_upload=gone), "bucket", lambda _: None)
    with storage.create("key") as file, pytest.raises(TargetFailed, match="NoSuchUpload"):
        _written(file, DATA)
    assert keys(s3) == (["key"] if there else [])


def _written(file, data):
    file.write(data)
    file.commit()


def test_an_upload_that_cannot_be_aborted_is_told(s3, caplog):
    def refuse(**_):
        raise client_error("AccessDenied")

    with S3Storage(Calls(s3, abort_multipart_upload=refuse), "bucket", lambda _: None).create("key") as file:
        file.write(DATA)
    assert [record.action for record in caplog.records] == ["upload_left"]


def test_an_upload_that_is_gone_need_not_be_aborted(s3, caplog):
    def gone(**_):
        raise client_error("NoSuchUpload")

    with S3Storage(Calls(s3, abort_multipart_upload=gone), "bucket", lambda _: None).create("key") as file:
        file.write(DATA)
    assert caplog.records == []


def test_ten_thousand_parts_are_enough_for_the_largest_object(monkeypatch):
    monkeypatch.undo()
    sizes = [part_bytes(number) for number in range(1, 10_001)]
    assert sizes[0] == sizes[999] == 8 << 20
    assert sum(sizes) >= 5 << 40
    assert max(sizes) <= 5 << 30
    assert sum(sizes[:3_000]) >= 50 << 30  # with at most 32 MB each


def test_more_than_the_largest_object_is_refused(s3, storage, monkeypatch):
    monkeypatch.setattr(s3_upload, "_MOST_PARTS", 1)
    with pytest.raises(TargetFailed, match="larger than the 5 TB"), storage.create("key") as file:
        file.write(DATA)


def test_an_object_is_read_to_its_end_by_one_request(s3):
    s3.put_object(Bucket="bucket", Key="key", Body=DATA)
    storage = S3Storage(Calls(s3, get_object=in_turn(s3.get_object)), "bucket", lambda _: None)
    with storage.open(storage.look("key")) as opened:
        assert opened.read() == DATA


@pytest.mark.parametrize("ranged", [False, True])
def test_an_object_is_read_whole(s3, storage, counted, ranged):
    s3.put_object(Bucket="bucket", Key="key", Body=DATA)
    with storage.open(storage.look("key"), ranged=ranged) as opened:
        assert b"".join(iter(lambda: opened.read(9_000), b"")) == DATA
    assert sum(counted) == len(DATA)


def test_an_empty_object_is_read(s3, storage):
    s3.put_object(Bucket="bucket", Key="key", Body=b"")
    with storage.open(storage.look("key")) as opened:
        assert opened.read() == b""


def test_a_ranged_reader_asks_for_no_more_than_it_needs(s3, storage, counted):
    s3.put_object(Bucket="bucket", Key="key", Body=DATA)
    with storage.open(storage.look("key"), ranged=True) as opened:
        opened.seek(-8, io.SEEK_END)
        assert opened.read(8) == DATA[-8:]
    assert counted == [8]


@pytest.mark.parametrize("ranged", [False, True])
def test_an_object_that_is_changed_while_it_is_read_fails(s3, storage, ranged):
    s3.put_object(Bucket="bucket", Key="key", Body=DATA)
    found = storage.look("key")
    s3.put_object(Bucket="bucket", Key="key", Body=DATA[::-1])
    with storage.open(found, ranged=ranged) as opened, pytest.raises(SourceFailed, match="was changed while"):
        opened.read(1)


def broken(**_):
    class Cut(io.BytesIO):
        def read(self, size=-1):
            raise IncompleteReadError(actual_bytes=1, expected_bytes=2)

    return {"Body": StreamingBody(Cut(), 2)}


def short(**_):
    return {"Body": StreamingBody(io.BytesIO(DATA[:15_000]), 15_000)}


@pytest.mark.parametrize("cut", [broken, short])
@pytest.mark.parametrize("ranged", [False, True])
def test_a_connection_that_breaks_is_made_again_where_it_broke(s3, cut, ranged):
    s3.put_object(Bucket="bucket", Key="key", Body=DATA)
    storage = S3Storage(Calls(s3, get_object=in_turn(cut, *[s3.get_object] * 20)), "bucket", lambda _: None)
    with storage.open(storage.look("key"), ranged=ranged) as opened:
        assert opened.read() == DATA


def test_a_connection_that_keeps_breaking_makes_the_source_unavailable(s3):
    s3.put_object(Bucket="bucket", Key="key", Body=b"ab")
    storage = S3Storage(Calls(s3, get_object=broken), "bucket", lambda _: None)
    with storage.open(storage.look("key")) as opened, pytest.raises(SourceUnavailable):
        opened.read()


def test_objects_are_found_by_a_glob(s3, storage):
    for key in ("in/a.csv", "in/b.csv", "in/deep/c.csv", "out/d.csv"):
        s3.put_object(Bucket="bucket", Key=key, Body=b"x")
    assert [file.name for file in storage.find("in/*.csv")] == ["in/a.csv", "in/b.csv"]
    assert [file.name for file in storage.find("in/**")] == ["in/a.csv", "in/b.csv", "in/deep/c.csv"]


def test_what_is_not_there_is_said(s3, storage):
    with pytest.raises(SourceFailed, match="there is no object s3://bucket/key"):
        storage.look("key")
    with pytest.raises(SourceFailed, match="NoSuchBucket"):
        S3Storage(s3, "no-such-bucket", lambda _: None).find("*")


def test_the_checksum_of_a_whole_object_is_known(s3, storage):
    digest = hashlib.sha256(b"x").digest()
    answers = {
        "whole": {"ChecksumSHA256": b64encode(digest).decode(), "ChecksumType": "FULL_OBJECT"},
        "parts": {"ChecksumCRC32": "AAAAAA==-3", "ChecksumType": "COMPOSITE"},
        "none": {},
    }
    s3.put_object(Bucket="bucket", Key="key", Body=b"x")
    found = storage.look("key")
    for name, expected in (("whole", Digest("sha256", digest)), ("parts", None), ("none", None)):
        answering = S3Storage(Calls(s3, head_object=lambda name=name, **_: answers[name]), "bucket", lambda _: None)
        assert answering.digest(found) == expected
    with pytest.raises(SourceFailed, match="S3 did not give"):
        S3Storage(s3, "no-such-bucket", lambda _: None).digest(found)
