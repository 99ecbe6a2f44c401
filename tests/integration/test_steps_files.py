"""Files between a real HTTP server of S3, a real OpenSSH server and folders: whole or not at all, and never altered."""

from __future__ import annotations

import contextlib
import hashlib
import os
from typing import TYPE_CHECKING, Any

import asyncssh
import boto3
import pyarrow as pa
import pytest
from botocore.config import Config
from moto.server import ThreadedMotoServer

from runners.steps.errors import (
    AuthenticationFailed,
    ConnectionFailed,
    SourceFailed,
    SourceUnavailable,
    StepStopped,
    TargetFailed,
    TargetUnavailable,
    ValidationFailed,
)
from runners.steps.storages import blocks
from runners.steps.storages.sftp import SftpConnection, SftpStorage
from runners.steps.systems.files import S3Target, SftpSource, SftpTarget
from runners.testing.steps import run_step, step_context

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from runners.steps.context import StepContext
    from tests.integration.sftp import SftpServer

ROWS = pa.table({"id": range(50_000), "text": [f"é{number}" for number in range(50_000)]})
LARGE = os.urandom(20 << 20)


@pytest.fixture(scope="module")
def s3_server() -> Iterator[Any]:
    """A client of an S3 server that is asked over HTTP."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield boto3.client(
        "s3",
        endpoint_url=f"http://{host}:{port}",
        region_name="us-east-1",
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
        config=Config(retries={"total_max_attempts": 1}),
    )
    server.stop()


@pytest.fixture
def s3(s3_server: Any) -> Any:
    """The same, with an empty bucket."""
    with contextlib.suppress(s3_server.exceptions.BucketAlreadyOwnedByYou):
        s3_server.create_bucket(Bucket="bucket")
    for found in s3_server.list_objects_v2(Bucket="bucket").get("Contents", []):
        s3_server.delete_object(Bucket="bucket", Key=found["Key"])
    return s3_server


@pytest.fixture
def made_context(s3: Any, sftp: SftpServer, tmp_path: Path) -> Callable[..., StepContext]:
    """Make a context that knows S3, the server as ``bank`` and a folder as ``share``."""
    (tmp_path / "share").mkdir()

    def made(**more: Any) -> StepContext:
        connections = {"bank": sftp.connection(), "share": {"root": str(tmp_path / "share")}}
        return step_context(connections, client=lambda service: s3, **more)

    return made


def keys(s3: Any) -> list[str]:
    return [found["Key"] for found in s3.list_objects_v2(Bucket="bucket").get("Contents", [])]


def unfinished(s3: Any) -> list[Any]:
    return list(s3.list_multipart_uploads(Bucket="bucket").get("Uploads", []))


def test_files_go_from_one_storage_to_the_next_byte_for_byte(s3, sftp, tmp_path, made_context):
    s3.put_object(Bucket="bucket", Key="in/large.bin", Body=LARGE)
    s3.put_object(Bucket="bucket", Key="in/empty.csv", Body=b"")
    ends: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
        "S3ToSftp": ({"Bucket": "bucket", "Prefix": "in/"}, {"ConnectionName": "bank", "Path": "one/"}),
        "SftpToFolder": ({"ConnectionName": "bank", "Pattern": "one/*"}, {"ConnectionName": "share", "Path": "two/"}),
        "FolderToSftp": ({"ConnectionName": "share", "Pattern": "two/*"}, {"ConnectionName": "bank", "Path": "three/"}),
        "SftpToS3": ({"ConnectionName": "bank", "Pattern": "three/*"}, {"Bucket": "bucket", "Key": "four/"}),
        "S3ToFolder": ({"Bucket": "bucket", "Pattern": "four/*"}, {"ConnectionName": "share", "Path": "five/"}),
        "FolderToS3": ({"ConnectionName": "share", "Pattern": "five/*"}, {"Bucket": "bucket", "Key": "six/"}),
        "S3ToS3": ({"Bucket": "bucket", "Pattern": "six/*"}, {"Bucket": "bucket", "Key": "seven/"}),
    }
    for step, (source, target) in ends.items():
        told = run_step(step, {"Source": source, "Target": target}, made_context())
        assert (told["files"], told["bytes"]) == (2, len(LARGE))
    assert hashlib.sha256(s3.get_object(Bucket="bucket", Key="seven/large.bin")["Body"].read()).digest() == (
        hashlib.sha256(LARGE).digest()
    )
    assert s3.head_object(Bucket="bucket", Key="seven/empty.csv")["ContentLength"] == 0
    assert sorted(path.name for path in (sftp.folder / "three").iterdir()) == ["empty.csv", "large.bin"]
    assert unfinished(s3) == []


@pytest.mark.parametrize("suffix", ["csv", "csv.gz", "jsonl", "parquet", "xlsx"])
def test_rows_go_through_files_of_each_format(s3, tmp_path, made_context, suffix):
    columns = {} if suffix == "parquet" else {"Columns": {"id": "int64", "text": "string"}}
    form = {"Type": {"csv.gz": "csv", "jsonl": "jsonlines", "xlsx": "excel"}.get(suffix, suffix), **columns}
    target = S3Target(Bucket="bucket", Key=f"rows.{suffix}")
    with target.open(ROWS.schema, made_context()) as sink:
        for batch in ROWS.slice(0, 5_000).to_batches():
            sink.write(batch)
        sink.commit()
    run_step(
        "S3ToSftp",
        {
            "Source": {"Bucket": "bucket", "Key": f"rows.{suffix}", "Format": form},
            "Target": {"ConnectionName": "bank", "Path": f"rows.{suffix}", "Format": form},
        },
        made_context(),
    )
    with SftpSource(ConnectionName="bank", Path=f"rows.{suffix}", Format=form).open(made_context()) as rows:
        assert pa.Table.from_batches(list(rows.batches()), rows.schema).equals(ROWS.slice(0, 5_000))


def test_a_producer_that_raises_midway_leaves_nothing_in_s3(s3, made_context):
    rows = pa.RecordBatch.from_pydict({"text": [os.urandom(1 << 20).hex() for _ in range(12)]})
    with S3Target(Bucket="bucket", Key="rows.csv").open(rows.schema, made_context()) as sink:
        sink.write(rows)
        assert len(unfinished(s3)) == 1
    assert keys(s3) == []
    assert unfinished(s3) == []


def test_a_step_that_is_stopped_midway_leaves_nothing_anywhere(s3, sftp, made_context):
    s3.put_object(Bucket="bucket", Key="large.bin", Body=LARGE)
    asked: list[bool] = []

    def stopping() -> bool:
        asked.append(True)
        return len(asked) > 2

    parameters = {"Source": {"Bucket": "bucket", "Key": "large.bin"}, "Target": {"Bucket": "bucket", "Key": "copy.bin"}}
    with pytest.raises(StepStopped):
        run_step("S3ToS3", parameters, made_context(stopping=stopping))
    assert keys(s3) == ["large.bin"]
    assert unfinished(s3) == []
    asked.clear()
    parameters["Target"] = {"ConnectionName": "bank", "Path": "copy.bin"}
    with pytest.raises(StepStopped):
        run_step("S3ToSftp", parameters, made_context(stopping=stopping))
    assert list(sftp.folder.iterdir()) == []


def test_a_copy_is_of_the_object_that_was_found_though_it_is_replaced_meanwhile(s3, made_context):
    s3.put_object(Bucket="bucket", Key="large.bin", Body=LARGE)

    def replaced() -> bool:
        s3.put_object(Bucket="bucket", Key="large.bin", Body=b"new")
        return False

    parameters = {"Source": {"Bucket": "bucket", "Key": "large.bin"}, "Target": {"Bucket": "bucket", "Key": "copy.bin"}}
    run_step("S3ToS3", parameters, made_context(stopping=replaced))
    assert s3.get_object(Bucket="bucket", Key="copy.bin")["Body"].read() == LARGE


def test_a_file_on_the_server_is_replaced_at_once(sftp, made_context):
    (sftp.folder / "a.csv").write_text("old")
    target = SftpTarget(ConnectionName="bank", Path="a.csv")
    with target.open(ROWS.schema, made_context()) as sink:
        sink.write(ROWS.to_batches()[0])
        assert (sftp.folder / "a.csv").read_text() == "old"
        assert sink.commit()["file"] == "sftp://bank/a.csv"
    assert (sftp.folder / "a.csv").read_bytes().startswith(b"id,text\n0,")
    assert [path.name for path in sftp.folder.iterdir()] == ["a.csv"]


def test_rows_that_are_given_up_leave_the_servers_old_file(sftp, made_context):
    (sftp.folder / "a.csv").write_text("old")
    with SftpTarget(ConnectionName="bank", Path="a.csv").open(ROWS.schema, made_context()) as sink:
        sink.write(ROWS.to_batches()[0])
    assert (sftp.folder / "a.csv").read_text() == "old"
    assert [path.name for path in sftp.folder.iterdir()] == ["a.csv"]


@pytest.fixture
def storage(sftp: SftpServer) -> Iterator[SftpStorage]:
    """The server's files."""
    with contextlib.closing(SftpStorage(SftpConnection(**sftp.connection()), "bank", lambda _: None)) as opened:
        yield opened


def test_files_are_found_on_the_server_by_a_glob(sftp, storage):
    for name in ("b.csv", "in/a.csv", "in/deep/c.csv", ".hidden.csv"):
        (sftp.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (sftp.folder / name).write_text(name)
    assert [file.name for file in storage.find("*.csv")] == ["b.csv"]
    assert [file.name for file in storage.find("in/*.csv")] == ["in/a.csv"]
    assert [file.name for file in storage.find("**/*.csv")] == ["b.csv", "in/a.csv", "in/deep/c.csv"]
    assert storage.digest(storage.look("b.csv")) is None


def test_what_the_server_does_not_have_or_take_is_said(sftp, storage):
    with pytest.raises(SourceFailed, match=r"there is no sftp://bank/a\.csv"):
        storage.look("a.csv")
    with pytest.raises(SourceFailed, match="there is no sftp://bank/nowhere"):
        storage.find("nowhere/*.csv")
    with pytest.raises(ValidationFailed, match="below the connection's folder"):
        storage.look("../a.csv")
    (sftp.folder / "a.csv").mkdir()
    with pytest.raises(TargetFailed, match=r"did not take sftp://bank/a\.csv"), storage.create("a.csv") as file:
        file.commit()
    (sftp.folder / "file").write_text("")
    with pytest.raises(TargetFailed), storage.create("file/below.csv"):
        pass


def test_a_file_on_the_server_that_is_changed_while_it_is_read_fails(sftp, storage):
    (sftp.folder / "a.csv").write_text("old")
    with contextlib.ExitStack() as held:
        opened = held.enter_context(storage.open(storage.look("a.csv")))
        (sftp.folder / "a.csv").write_text("")
        with pytest.raises(SourceFailed, match="was changed"):
            opened.read()
        held.pop_all()
    found = storage.look("a.csv")
    with pytest.raises(SourceFailed, match="was changed"), storage.open(found):
        (sftp.folder / "a.csv").write_text("longer")


def test_a_connection_that_breaks_is_worth_another_try(sftp, storage, monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 1_000)
    (sftp.folder / "a.csv").write_bytes(bytes(100_000))
    with contextlib.ExitStack() as opened:
        file = opened.enter_context(storage.open(storage.look("a.csv")))
        copy = opened.enter_context(storage.create("b.csv"))
        file.read(1)
        storage._loop.call_soon_threadsafe(storage._connection.abort)
        with pytest.raises(SourceUnavailable):
            file.read()
        with pytest.raises(TargetUnavailable):
            copy.commit()
        opened.pop_all()
    with pytest.raises(SourceUnavailable):
        storage.look("a.csv")


def test_a_server_that_cannot_rename_over_a_file_removes_it_first(sftp, storage, monkeypatch):
    async def unsupported(*_: Any) -> None:
        raise asyncssh.SFTPOpUnsupported("no posix-rename@openssh.com")

    monkeypatch.setattr(storage._sftp, "posix_rename", unsupported)
    for text in (b"old", b"new"):
        with storage.create("a.csv") as file:
            file.write(text)
            file.commit()
    assert (sftp.folder / "a.csv").read_bytes() == b"new"
    assert [path.name for path in sftp.folder.iterdir()] == ["a.csv"]


def test_a_file_that_is_not_whole_on_the_server_is_not_published(sftp, storage):
    with storage.create("a.csv") as file:
        file.write(bytes(5 << 20))
        file._size -= 1
        with pytest.raises(TargetFailed, match="the server has 5242880 bytes, and 5242879 were sent"):
            file.commit()
    assert list(sftp.folder.iterdir()) == []


def test_a_key_with_a_passphrase_is_opened_by_it(sftp):
    key = asyncssh.import_private_key((sftp.keys / "user_key").read_text())
    locked = {"private_key": key.export_private_key("pkcs8-pem", passphrase="secret").decode()}
    opened = SftpStorage(SftpConnection(**sftp.connection(**locked, passphrase="secret")), "bank", lambda _: None)
    opened.close()
    with pytest.raises(ConnectionFailed, match="another passphrase"):
        SftpStorage(SftpConnection(**sftp.connection(**locked, passphrase="other")), "bank", lambda _: None)


@pytest.mark.parametrize(
    ("changes", "kind", "what"),
    [
        ({"private_key": None, "password": "secret"}, AuthenticationFailed, "did not let"),
        ({"private_key": "secret"}, ConnectionFailed, "private_key that is none"),
        ({"host_key": "secret"}, ConnectionFailed, "host_key that is no public key"),
        ({"port": 1}, ConnectionFailed, "was not reached"),
    ],
)
def test_a_server_that_does_not_let_us_in_is_told_without_a_secret(sftp, changes, kind, what):
    with pytest.raises(kind, match=what) as caught:
        SftpStorage(SftpConnection(**sftp.connection(**changes)), "bank", lambda _: None)
    assert "secret" not in str(caught.value)


def test_a_server_with_another_key_is_not_spoken_to(sftp):
    other = (sftp.keys / "user_key.pub").read_text()
    with pytest.raises(ConnectionFailed, match="another key than the connection's host_key"):
        SftpStorage(SftpConnection(**sftp.connection(host_key=other)), "bank", lambda _: None)


def test_a_key_that_was_rotated_is_read_anew_once(sftp):
    (sftp.folder / "a.csv").write_text("id\n1\n")
    context = step_context({"bank": sftp.connection(private_key=None, password="old")})
    place = context.connections._place
    before, place.up = place.up, lambda name, *, anew: sftp.connection() if anew else before(name, anew=anew)
    with SftpSource(ConnectionName="bank", Path="a.csv").open(context) as rows:
        assert [batch.num_rows for batch in rows.batches()] == [1]
