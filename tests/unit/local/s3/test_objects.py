"""How sets of objects come from S3 and go back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from runners.local.s3 import objects
from runners.local.s3.objects import S3Path, S3PathError
from tests.unit.local.s3_double import S3InMemory


def s3(*keys: str) -> Any:
    return S3InMemory(**{key: key.encode() for key in keys})


@pytest.mark.parametrize("scheme", ["s3", "s3a", "s3n"])
def test_a_path_is_a_bucket_and_a_key(scheme: str) -> None:
    path = S3Path.parse(f"{scheme}://data/sales/2014")
    assert (path.bucket, path.key, path.prefix, str(path)) == (
        "data", "sales/2014", "sales/2014/", "s3://data/sales/2014",
    )  # fmt: skip


@pytest.mark.parametrize("path", ["sales/2014", "http://data/sales", "s3:///sales", ""])
def test_what_is_no_s3_path_is_named(path: str) -> None:
    with pytest.raises(S3PathError, match="write s3://bucket/key"):
        S3Path.parse(path)


def test_all_objects_below_a_path_are_downloaded_over_all_pages(tmp_path: Path) -> None:
    client = s3("sales/a.csv", "sales/b.csv", "sales/2014/c.csv", "sales-old/d.csv")
    files = objects.download(client, "s3://data/sales", tmp_path)
    assert files == {
        "sales/2014/c.csv": tmp_path / "2014/c.csv",
        "sales/a.csv": tmp_path / "a.csv",
        "sales/b.csv": tmp_path / "b.csv",
    }
    assert files["sales/2014/c.csv"].read_bytes() == b"sales/2014/c.csv"


def test_a_path_that_is_a_key_stands_for_that_object(tmp_path: Path) -> None:
    client = s3("sales/a.csv", "sales/a.csv.old")
    assert objects.download(client, "s3://data/sales/a.csv", tmp_path) == {"sales/a.csv": tmp_path / "a.csv"}


def test_hidden_objects_and_directory_markers_are_no_data(tmp_path: Path) -> None:
    client = s3("out/", "out/_SUCCESS", "out/.crc", "out/_temporary/x", "out/_year=2014/part", "out/part-0")
    assert list(objects.download(client, "s3://data/out/", tmp_path)) == ["out/_year=2014/part", "out/part-0"]


@pytest.mark.parametrize("path", ["s3://data/sales/", "s3://data/sales", "s3://data/out/_SUCCESS/"])
def test_a_path_without_objects_is_an_error_that_names_it(path: str, tmp_path: Path) -> None:
    with pytest.raises(S3PathError, match=f"there are no objects at {path}"):
        objects.download(s3("out/_SUCCESS"), path, tmp_path)


@pytest.mark.parametrize("key", ["in//x", "in/a//x"])
def test_a_key_that_would_leave_its_directory_is_refused(key: str, tmp_path: Path) -> None:
    with pytest.raises(S3PathError, match="is no relative path"):
        objects.download(s3(key), "s3://data/in/", tmp_path)


@pytest.mark.parametrize("key", ["in/../../secret", "in/./x"])
def test_a_key_with_dots_for_a_directory_is_hidden(key: str, tmp_path: Path) -> None:
    assert list(objects.download(s3(key, "in/a"), "s3://data/in/", tmp_path)) == ["in/a"]


def test_replacing_puts_the_new_objects_before_it_deletes_the_older(tmp_path: Path) -> None:
    client = s3("out/old-1", "out/old-2", "out/same", "output/else")
    (tmp_path / "x").write_text("new")
    objects.replace(client, {"part-0": tmp_path / "x", "same": tmp_path / "x"}, "s3://data/out/")
    assert client.log == ["put out/part-0", "put out/same", "delete out/old-1", "delete out/old-2"]
    assert set(client.objects) == {"out/part-0", "out/same", "output/else"}


def test_a_whole_bucket_is_never_replaced(tmp_path: Path) -> None:
    client = s3("sales/a.csv")
    with pytest.raises(S3PathError, match="whole bucket"):
        objects.replace(client, {}, "s3://data/")
    assert set(client.objects) == {"sales/a.csv"}


def test_more_objects_than_one_request_takes_are_deleted() -> None:
    keys = [f"out/{number:04}" for number in range(2_100)]
    client = s3(*keys, "else")
    objects.delete(client, "data", keys)
    assert set(client.objects) == {"else"}


def test_an_object_that_s3_keeps_is_an_error() -> None:
    client = s3("out/a")
    client.keeps.add("out/a")
    with pytest.raises(S3PathError, match="s3://data/out/a was not deleted: locked"):
        objects.delete(client, "data", ["out/a"])
