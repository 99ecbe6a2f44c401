from __future__ import annotations

import gzip

import boto3
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
from moto import mock_aws
from moto.backends import get_backend

from runners.steps.errors import ConnectionFailed, SourceFailed, ValidationFailed
from runners.steps.formats.csv import CANONICAL
from runners.steps.systems.files import (
    ExcelSource,
    ExcelTarget,
    FolderSource,
    FolderTarget,
    S3Source,
    S3Target,
    SftpSource,
    SftpTarget,
)
from runners.testing.steps import step_context

ROWS = pa.table({"id": [1, 2], "name": ["a", None]})


@pytest.fixture
def context(tmp_path):
    return step_context({"share": {"root": str(tmp_path)}})


@pytest.fixture(scope="module")
def client():
    with mock_aws():
        yield boto3.client("s3", "us-east-1")


@pytest.fixture
def s3(client):
    get_backend("s3")["123456789012"]["aws"].reset()
    client.create_bucket(Bucket="bucket")
    return client


@pytest.fixture
def s3_context(s3):
    return step_context(client=lambda service: s3)


def write(target, table, context):
    with target.open(table.schema, context) as sink:
        for batch in table.to_batches():
            sink.write(batch)
        return sink.commit()


def read(source, context):
    with source.open(context) as rows:
        return pa.Table.from_batches(list(rows.batches()), rows.schema)


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "a.json", "a.jsonl.zst", "a.parquet", "a.xlsx", "A.CSV"])
def test_the_name_says_the_format(tmp_path, context, name):
    write(FolderTarget(ConnectionName="share", Path=name), ROWS, context)
    read_back = read(FolderSource(ConnectionName="share", Path=name), context)
    assert read_back.column("name").to_pylist() == ["a", None]
    assert [int(value) for value in read_back.column("id").to_pylist()] == [1, 2]
    assert context.progress.bytes >= 2 * (tmp_path / name).stat().st_size


def test_a_name_that_says_no_format_is_refused_before_anything_is_touched(tmp_path, context):
    with pytest.raises(ValidationFailed, match=r"format of a\.dat is not known .* give Format, or one of \.csv"):
        write(FolderTarget(ConnectionName="share", Path="a.dat"), ROWS, context)
    assert list(tmp_path.iterdir()) == []
    form = {"Type": "csv"}
    write(FolderTarget(ConnectionName="share", Path="a.dat", Format=form), ROWS, context)
    assert read(FolderSource(ConnectionName="share", Path="a.dat", Format=form), context).num_rows == 2


def test_rows_need_the_name_of_a_file(context):
    with pytest.raises(ValidationFailed, match="is a folder"):
        write(FolderTarget(ConnectionName="share", Path="in/"), ROWS, context)


def test_files_are_read_one_after_the_other(context):
    for name in ("in/b.csv", "in/a.csv", "in/c.txt"):
        write(FolderTarget(ConnectionName="share", Path=name), pa.table({"file": [name]}), context)
    table = read(FolderSource(ConnectionName="share", Pattern="/in/*.csv"), context)
    assert table.to_pydict() == {"file": ["in/a.csv", "in/b.csv"]}


def test_files_with_other_columns_fail(context):
    write(FolderTarget(ConnectionName="share", Path="a.parquet"), ROWS, context)
    write(FolderTarget(ConnectionName="share", Path="b.parquet"), ROWS.rename_columns(["id", "title"]), context)
    source = FolderSource(ConnectionName="share", Pattern="*.parquet")
    with pytest.raises(SourceFailed, match=r"b\.parquet has other columns .* not name string, but title string"):
        read(source, context)
    write(FolderTarget(ConnectionName="share", Path="b.parquet"), ROWS.select(["name", "id"]), context)
    with pytest.raises(SourceFailed, match="in another order"):
        read(source, context)
    write(FolderTarget(ConnectionName="share", Path="b.parquet"), ROWS.select(["id"]), context)
    with pytest.raises(SourceFailed, match="not name string, but no more"):
        read(source, context)


def test_no_files_fail_as_there_are_no_columns(context):
    with pytest.raises(SourceFailed, match="there is no file file://share/in/"):
        read(FolderSource(ConnectionName="share", Pattern="in/*.csv"), context)


def test_what_is_not_committed_leaves_nothing(tmp_path, context):
    with FolderTarget(ConnectionName="share", Path="a.csv").open(ROWS.schema, context) as sink:
        sink.write(ROWS.to_batches()[0])
    assert list(tmp_path.iterdir()) == []


def test_a_source_that_is_not_read_to_its_end_is_closed(tmp_path, context):
    write(FolderTarget(ConnectionName="share", Path="a.csv"), ROWS, context)
    with FolderSource(ConnectionName="share", Path="a.csv").open(context) as rows:
        assert rows.schema.names == ["id", "name"]
    with pytest.raises(StopIteration):
        next(rows.batches())


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz"])
def test_bytes_that_are_csv_already_go_through_as_they_are(tmp_path, context, name):
    target = FolderTarget(ConnectionName="share", Path=name)
    assert target.encoding() == CANONICAL
    with target.open_encoded(context) as sink:
        sink.write(b"id,name\n")
        sink.write(memoryview(b"1,a\n"))
        assert sink.commit()["file"] == f"file://share/{name}"
    data = (tmp_path / name).read_bytes()
    assert (gzip.decompress(data) if name.endswith("gz") else data) == b"id,name\n1,a\n"


def test_other_formats_take_rows_only():
    assert S3Target(Bucket="bucket", Key="a.parquet").encoding() is None


def test_objects_are_written_and_read(s3, s3_context):
    target = S3Target(Bucket="bucket", Key="out/a.parquet", StorageClass="STANDARD_IA", Metadata={"made-by": "us"})
    assert write(target, ROWS, s3_context)["object"] == "s3://bucket/out/a.parquet"
    assert read(S3Source(Bucket="bucket", Key="out/a.parquet"), s3_context).equals(ROWS)
    assert s3.head_object(Bucket="bucket", Key="out/a.parquet")["StorageClass"] == "STANDARD_IA"


def test_an_object_is_encrypted_as_asked(s3, s3_context):
    write(S3Target(Bucket="bucket", Key="a.csv", Encryption="aws:kms", KmsKey="arn:of:a:key"), ROWS, s3_context)
    head = s3.head_object(Bucket="bucket", Key="a.csv")
    assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", "arn:of:a:key")


@pytest.mark.parametrize(
    ("which", "keys"),
    [
        ({"Prefix": "in/"}, ["in/a.csv", "in/b.csv", "in/deep/c.csv"]),
        ({"Prefix": "in/", "Pattern": "*.csv"}, ["in/a.csv", "in/b.csv"]),
        ({"Pattern": "**/c.csv"}, ["in/deep/c.csv"]),
        ({"Prefix": "odd[1]*/"}, ["odd[1]*/d.csv"]),
    ],
)
def test_objects_are_chosen_by_a_prefix_and_a_pattern(s3, s3_context, which, keys):
    for key in ("in/a.csv", "in/b.csv", "in/deep/c.csv", "odd[1]*/d.csv", "odd1/e.csv"):
        s3.put_object(Bucket="bucket", Key=key, Body=f"key\n{key}\n".encode())
    assert read(S3Source(Bucket="bucket", **which), s3_context)["key"].to_pylist() == keys


def test_workbooks_are_written_and_read(s3_context):
    write(ExcelTarget(Bucket="bucket", Key="a.xlsx", Format={"Sheet": "People"}), ROWS, s3_context)
    assert read(ExcelSource(Bucket="bucket", Key="a.xlsx", Format={"Sheet": "People"}), s3_context).equals(ROWS)
    assert read(ExcelSource(Bucket="bucket", Key="a.xlsx"), s3_context).equals(ROWS)


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        (S3Source, {"Bucket": "bucket"}),
        (S3Source, {"Bucket": "bucket", "Key": "a", "Pattern": "*"}),
        (S3Source, {"Bucket": "bucket", "Pattern": "[z-a]"}),
        (S3Target, {"Bucket": "bucket", "Key": "a", "KmsKey": "k"}),
        (S3Target, {"Bucket": "bucket", "Key": "a", "Format": {"Type": "xml"}}),
        (FolderSource, {"ConnectionName": "share"}),
        (FolderSource, {"ConnectionName": "share", "Path": "a", "Pattern": "*"}),
        (SftpTarget, {"ConnectionName": "share"}),
        (ExcelSource, {"Bucket": "bucket", "Key": "a", "Format": {"Type": "csv"}}),
    ],
)
def test_parameters_that_say_too_little_or_too_much_are_refused(kind, given):
    with pytest.raises(ValidationFailed):
        kind.checked(given)


@pytest.mark.parametrize(
    ("end", "place"),
    [
        (S3Source(Bucket="bucket", Key="a/b.csv"), "s3://bucket/a/b.csv"),
        (S3Source(Bucket="bucket", Prefix="in/", Pattern="*.csv"), "s3://bucket/in/*.csv"),
        (S3Target(Bucket="bucket", Key="a/b.csv"), "s3://bucket/a/b.csv"),
        (SftpSource(ConnectionName="bank", Pattern="/in/*"), "sftp://bank/in/*"),
        (SftpTarget(ConnectionName="bank", Path="/a.csv"), "sftp://bank/a.csv"),
        (FolderSource(ConnectionName="share", Path="a.csv"), "file://share/a.csv"),
        (FolderTarget(ConnectionName="share", Path="a.csv"), "file://share/a.csv"),
    ],
)
def test_lineage_names_a_place_by_its_connection(end, place):
    assert end.place() == place


def test_a_connection_that_is_not_described_fails(context):
    with pytest.raises(ConnectionFailed, match="no connection 'other'"):
        read(FolderSource(ConnectionName="other", Path="a.csv"), context)
