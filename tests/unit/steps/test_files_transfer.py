from __future__ import annotations

import hashlib
import zlib

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from runners.steps.ends import Source, Target
from runners.steps.errors import DataQualityFailed, SourceFailed, StepStopped, ValidationFailed
from runners.steps.files_transfer import between_files, files_transfer
from runners.steps.storages.folder import FolderStorage
from runners.steps.storages.storage import Digest
from runners.steps.systems.files import FolderSource, FolderTarget
from runners.testing.steps import run_step, step_context

FoldersToFolders = files_transfer("FolderToFolder", FolderSource, FolderTarget, "Copies files.")


@pytest.fixture
def here(tmp_path):
    (tmp_path / "here").mkdir()
    (tmp_path / "there").mkdir()
    return tmp_path / "here"


@pytest.fixture
def there(tmp_path, here):
    return tmp_path / "there"


def context(here, **more):
    described = {"here": {"root": str(here)}, "there": {"root": str(here.parent / "there")}}
    return step_context(described, **more)


def copy(here, source, target, more=None, **about):
    parameters = {
        "Source": {"ConnectionName": "here", **source},
        "Target": {"ConnectionName": "there", **target},
        **(more or {}),
    }
    return run_step(FoldersToFolders, parameters, context(here, **about))


def names_in(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_a_file_is_copied_byte_for_byte_whatever_is_in_it(here, there):
    data = bytes(range(256)) * 50_000
    (here / "a.dat").write_bytes(data)
    told = copy(here, {"Path": "a.dat"}, {"Path": "b.dat"})
    assert (there / "b.dat").read_bytes() == data
    assert told == {
        "files": 1,
        "bytes": len(data),
        "copied": [{"file": "file://there/b.dat", "bytes": len(data)}],
    }


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ({"Path": "in/a.csv"}, ["out/a.csv"]),
        ({"Pattern": "in/*.csv"}, ["out/a.csv", "out/b.csv"]),
        ({"Pattern": "in/**"}, ["out/a.csv", "out/b.csv", "out/deep/c.csv"]),
        ({"Pattern": "**/a.csv"}, ["out/in/a.csv"]),
    ],
)
def test_files_that_go_to_a_folder_keep_their_names(here, there, source, names):
    for name in ("in/a.csv", "in/b.csv", "in/deep/c.csv"):
        (here / name).parent.mkdir(parents=True, exist_ok=True)
        (here / name).write_text(name)
    assert copy(here, source, {"Path": "out/"})["files"] == len(names)
    assert names_in(there) == names


def test_a_repeat_copies_over_what_is_there(here, there):
    (here / "a.csv").write_text("new")
    (there / "a.csv").write_text("old and longer")
    for _ in range(2):
        copy(here, {"Path": "a.csv"}, {"Path": "a.csv"})
    assert (there / "a.csv").read_text() == "new"


def test_an_empty_file_is_copied(here, there):
    (here / "a.csv").write_bytes(b"")
    copy(here, {"Path": "a.csv"}, {"Path": "a.csv"})
    assert (there / "a.csv").read_bytes() == b""


@pytest.mark.parametrize(
    ("source", "target", "what"),
    [
        ({"Pattern": "*.csv"}, {"Path": "all.csv"}, "end it with /"),
        ({"Path": "a.csv"}, {"Path": "a.parquet"}, "give a Format"),
    ],
)
def test_a_name_that_would_be_wrong_is_refused_before_anything_is_copied(here, there, source, target, what):
    (here / "a.csv").write_text("a\n1\n")
    with pytest.raises(ValidationFailed, match=what):
        copy(here, source, target)
    assert names_in(there) == []


def test_rows_are_written_anew_where_a_format_is_given(here, there):
    (here / "a.csv").write_text("a\n1\n")
    told = copy(here, {"Path": "a.csv", "Format": {"Type": "csv", "Columns": {"a": "int64"}}}, {"Path": "a.parquet"})
    assert pq.read_table(there / "a.parquet").equals(pa.table({"a": [1]}))
    assert told["rows"] == 1


@pytest.mark.parametrize(
    "more",
    [{"Checks": {"MinRows": 1}}, {"Transforms": [{"Type": "rename", "Columns": {"a": "b"}}]}],
)
def test_rows_are_read_where_they_are_looked_at_or_changed(here, there, more):
    (here / "a.csv").write_text("a\n1\n")
    assert copy(here, {"Path": "a.csv"}, {"Path": "a.csv"}, more)["rows"] == 1


def test_a_step_that_is_told_to_stop_leaves_nothing(here, there):
    (here / "a.csv").write_text("a\n1\n")
    with pytest.raises(StepStopped):
        copy(here, {"Path": "a.csv"}, {"Path": "a.csv"}, stopping=lambda: True)
    with pytest.raises(StepStopped):
        copy(here, {"Path": "a.csv"}, {"Path": "a.csv"}, may_publish=lambda: False)
    assert names_in(there) == []


def test_no_files_are_said_to_be_none(here):
    with pytest.raises(SourceFailed, match="there is no file"):
        copy(here, {"Pattern": "*.csv"}, {"Path": "in/"})


@pytest.mark.parametrize(
    "digest",
    [Digest("sha256", hashlib.sha256(b"right").digest()), Digest("crc32", zlib.crc32(b"right").to_bytes(4, "big"))],
)
def test_bytes_that_are_not_those_of_the_checksum_are_not_published(here, there, monkeypatch, digest):
    monkeypatch.setattr(FolderStorage, "digest", lambda self, file: digest)
    (here / "a").write_bytes(b"right")
    copy(here, {"Path": "a"}, {"Path": "right"})
    (here / "a").write_bytes(b"wrong")
    with pytest.raises(DataQualityFailed, match="other bytes were read"):
        copy(here, {"Path": "a"}, {"Path": "wrong"})
    assert names_in(there) == ["right"]


def test_bytes_are_counted_once_though_they_are_read_and_written(here, there):
    (here / "a").write_bytes(b"x" * 1_000)
    about = context(here)
    parameters = {"Source": {"ConnectionName": "here", "Path": "a"}, "Target": {"ConnectionName": "there", "Path": "a"}}
    run_step(FoldersToFolders, parameters, about)
    assert (about.progress.bytes, about.progress.rows) == (1_000, 0)


def test_only_ends_that_are_both_files_copy_files():
    assert between_files(FolderSource, FolderTarget)
    assert not between_files(Source, FolderTarget)
    assert not between_files(FolderSource, Target)
