from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from runners.steps.errors import (
    ConnectionFailed,
    SourceFailed,
    SourceUnavailable,
    TargetFailed,
    TargetUnavailable,
    ValidationFailed,
)
from runners.steps.storages.folder import FolderConnection, FolderStorage


@pytest.fixture
def counted():
    return []


@pytest.fixture
def storage(tmp_path, counted):
    (tmp_path / "root").mkdir()
    return FolderStorage(FolderConnection(root=str(tmp_path / "root")), "share", counted.append)


@pytest.fixture
def root(tmp_path):
    return tmp_path / "root"


def names_in(folder):
    return [path.name for path in folder.iterdir()]


def test_a_file_is_seen_once_it_is_whole(storage, root, counted):
    with storage.create("in/new/a.csv") as file:
        file.write(b"one ")
        file.write(memoryview(bytearray(b"two")))
        assert not (root / "in/new/a.csv").exists()
        assert storage.find("**") == []
        assert file.commit() == {"file": "file://share/in/new/a.csv", "bytes": 7}
    assert (root / "in/new/a.csv").read_bytes() == b"one two"
    assert names_in(root / "in/new") == ["a.csv"]
    assert sum(counted) == 7


def test_a_file_that_is_given_up_leaves_the_old_one(storage, root):
    (root / "a").write_bytes(b"old")
    with storage.create("a") as file:
        file.write(b"new")
    assert (root / "a").read_bytes() == b"old"
    assert names_in(root) == ["a"]


def test_a_file_is_replaced(storage, root):
    (root / "a").write_bytes(b"old")
    with storage.create("/a") as file:
        file.write(b"new")
        file.commit()
    assert (root / "a").read_bytes() == b"new"


def test_files_are_found_by_a_glob_in_the_order_of_their_names(storage, root):
    for name in ("b.csv", "a.csv", "c.txt", "in/d.csv", "in/deep/e.csv", ".hidden.csv", "in/.git/f.csv"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(name.encode())
    assert [file.name for file in storage.find("*.csv")] == ["a.csv", "b.csv"]
    assert [file.name for file in storage.find("**/*.csv")] == ["a.csv", "b.csv", "in/d.csv", "in/deep/e.csv"]
    assert [(file.name, file.size) for file in storage.find("in/*.csv")] == [("in/d.csv", 8)]
    assert storage.find("nowhere/*") == []


def test_a_file_is_read_and_counted(storage, root, counted):
    (root / "a").write_bytes(b"0123456789")
    with storage.open(storage.look("a"), ranged=True) as opened:
        assert opened.read(3) == b"012"
        opened.seek(8)
        assert (opened.tell(), opened.read(), opened.readable(), opened.seekable()) == (8, b"89", True, True)
    assert sum(counted) == 5
    assert storage.digest(storage.look("a")) is None


def test_a_file_that_is_changed_while_it_is_read_fails(storage, root):
    (root / "a").write_bytes(b"old")
    found = storage.look("a")
    with pytest.raises(SourceFailed, match="was changed"), storage.open(found):
        (root / "a").write_bytes(b"longer")


def test_what_is_raised_by_whoever_reads_is_left_as_it_is(storage, root):
    (root / "a").write_bytes(b"x")
    with pytest.raises(PermissionError), storage.open(storage.look("a")):
        raise PermissionError("of somebody else's")


@pytest.mark.parametrize("name", ["../a", "in/../../a", "", "/", "a\0b"])
def test_a_path_that_leads_out_of_the_folder_is_refused(storage, name):
    with pytest.raises(ValidationFailed, match="below the connection's folder"):
        storage.look(name)


def test_a_link_that_leads_out_of_the_folder_is_refused(storage, root, tmp_path):
    (tmp_path / "outside").write_bytes(b"secret")
    (root / "link").symlink_to(tmp_path / "outside")
    for use in (storage.look, storage.create):
        with pytest.raises(ValidationFailed, match="by a link"):
            use("link")


def test_what_is_not_there_is_said(storage, root, tmp_path):
    with pytest.raises(SourceFailed, match="there is no file://share/a"):
        storage.look("a")
    (root / "folder").mkdir()
    with pytest.raises(SourceFailed, match="is no file"):
        storage.look("folder")
    with pytest.raises(ConnectionFailed, match="no folder"):
        FolderStorage(FolderConnection(root=str(tmp_path / "nowhere")), "share", lambda _: None)


@pytest.mark.parametrize(
    ("number", "kinds"),
    [(errno.EACCES, (SourceFailed, TargetFailed)), (errno.ESTALE, (SourceUnavailable, TargetUnavailable))],
)
def test_a_drive_that_is_gone_is_worth_another_try(storage, root, monkeypatch, number, kinds):
    source, target = kinds
    (root / "a").write_bytes(b"x")
    found = storage.look("a")

    def refuse(*_, **__):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(source, match="cannot be read"), storage.open(found):
        pass
    with pytest.raises(target, match="cannot be written"), storage.create("b"):
        pass


def test_a_full_disk_fails_and_leaves_nothing(storage, root):
    with storage.create("a") as file:
        file._file.close()
        file._file = Path("/dev/full").open("wb", buffering=0)  # noqa: SIM115  # the storage closes it
        with pytest.raises(TargetFailed, match="No space left"):
            file.write(b"x")
    assert names_in(root) == []
