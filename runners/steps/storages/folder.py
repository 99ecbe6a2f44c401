"""A folder as a storage, on this machine's disk or on a network drive that it has mounted."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from errno import EIO, ENETDOWN, ENETUNREACH, ENOTCONN, ESTALE, ETIMEDOUT
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Self, cast

from pydantic import Field

from runners import globs
from runners.steps.connections import Connection
from runners.steps.errors import (
    ConnectionFailed,
    SourceFailed,
    SourceUnavailable,
    StepError,
    TargetFailed,
    TargetUnavailable,
    ValidationFailed,
)
from runners.steps.storages.paths import below, is_hidden, unfinished
from runners.steps.storages.storage import Count, Digest, StoredFile

if TYPE_CHECKING:
    from types import TracebackType

_LOST = frozenset({EIO, ENETDOWN, ENETUNREACH, ENOTCONN, ESTALE, ETIMEDOUT})  # of a network drive


class FolderConnection(Connection):
    """A folder."""

    root: str = Field(min_length=1)
    """The folder; paths stay below it."""


class FolderStorage:
    """Files below a folder.

    Args:
        connection: where it is.
        name: the connection's name.
        count: is told of the bytes that are read or written.

    Raises:
        ConnectionFailed: there is no such folder.

    """

    def __init__(self, connection: FolderConnection, name: str, count: Count) -> None:
        self._root = Path(connection.root).resolve()
        self._name = name
        self._count = count
        if not self._root.is_dir():
            raise ConnectionFailed(f"the root of {name!r} is no folder, or is not mounted", connection=name)

    def look(self, name: str) -> StoredFile:
        """Return a file."""
        with self._explained(name):
            path = self.path(name)
            found = path.stat()
        if not path.is_file():
            raise SourceFailed(f"{self.place(name)} is no file")
        return _stored(name, found)

    def find(self, pattern: str) -> Sequence[StoredFile]:
        """Return the files that a glob stands for."""
        begins = globs.beginning(pattern).rpartition("/")[0]
        folder = self.path(begins) if begins else self._root
        found = []
        with self._explained(begins):
            for parent, folders, files in os.walk(folder):
                folders[:] = [name for name in folders if not is_hidden(name)]
                paths = [Path(parent, name) for name in files if not is_hidden(name)]
                names = {path.relative_to(self._root).as_posix(): path for path in paths}
                found += [_stored(name, path.stat()) for name, path in names.items() if globs.matches(pattern, name)]
        return sorted(found, key=lambda file: file.name)

    def digest(self, file: StoredFile) -> Digest | None:
        """Return none: a folder keeps no checksums."""
        del file
        return None

    @contextmanager
    def open(self, file: StoredFile, *, ranged: bool = False) -> Iterator[BinaryIO]:
        """Open a file; one that has changed by the end fails."""
        del ranged  # all of them can seek
        with self._explained(file.name):
            opened = self.path(file.name).open("rb", buffering=0)
        with opened:
            yield cast("BinaryIO", _Reading(opened, self._count, partial(self._explained, file.name)))
            if _stored(file.name, os.fstat(opened.fileno())) != file:
                raise SourceFailed(f"{self.place(file.name)} was changed while it was read: run the step again")

    def create(self, name: str) -> NewFileInFolder:
        """Begin a new file."""
        return NewFileInFolder(self.path(name), self.place(name), self._count)

    def place(self, name: str) -> str:
        """Return a file's place, by the name of the connection."""
        return f"file://{self._name}/{name.lstrip('/')}"

    def path(self, name: str) -> Path:
        """Return where a file is.

        Raises:
            ValidationFailed: it is not below the root, be it by a link.

        """
        path = (self._root / below(name)).resolve()
        if not path.is_relative_to(self._root):
            raise ValidationFailed(f"the path {name!r} leads out of the folder of {self._name!r}, by a link")
        return path

    @contextmanager
    def _explained(self, name: str) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:
            raise SourceFailed(f"there is no {self.place(name)}") from None
        except OSError as error:
            kind = SourceUnavailable if error.errno in _LOST else SourceFailed
            raise kind(f"{self.place(name)} cannot be read: {_reason(error)}") from None


class NewFileInFolder:
    """A file that is being written; a context manager, which leaves nothing behind without a ``commit``.

    Args:
        path: where to.
        place: the same for people.
        count: is told of the bytes that were written.

    """

    def __init__(self, path: Path, place: str, count: Count) -> None:
        self._path = path
        self._unfinished = path.with_name(unfinished(below(path.name)).name)
        self._place = place
        self._count = count
        self._file: Any = None
        self._size = 0

    def __enter__(self) -> Self:
        with self._explained():
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._unfinished.open("xb", buffering=0)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._file.close()
        self._unfinished.unlink(missing_ok=True)  # there is none once it was renamed

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Take bytes."""
        view = memoryview(data).cast("B")
        with self._explained():
            while view:
                written = self._file.write(view)
                view = view[written:]
                self._size += written
                self._count(written)

    def commit(self) -> dict[str, Any]:
        """Rename the file to its name, over one that is there, once it is on the disk."""
        with self._explained():
            os.fsync(self._file.fileno())
            self._file.close()
            self._unfinished.replace(self._path)
            folder = os.open(self._path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        return {"file": self._place, "bytes": self._size}

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            kind: type[StepError] = TargetUnavailable if error.errno in _LOST else TargetFailed
            raise kind(f"{self._place} cannot be written: {_reason(error)}") from None


class _Reading(io.RawIOBase):
    """A file whose bytes are counted as they are read, and whose errors are a source's."""

    def __init__(self, file: io.FileIO, count: Count, explained: Callable[[], AbstractContextManager[None]]) -> None:
        self._file = file
        self._count = count
        self._explained = explained

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def read(self, size: int = -1) -> bytes:
        with self._explained():
            data = self._file.read(size)
        self._count(len(data))
        return data


def _stored(name: str, found: os.stat_result) -> StoredFile:
    return StoredFile(name, found.st_size, str(found.st_mtime_ns))


def _reason(error: OSError) -> str:
    return error.strerror or type(error).__name__
