"""What a storage is: it finds files, opens them for reading, and makes new ones that are seen only once they are whole.

A storage knows nothing of what is in a file. Names are keys of objects, or paths below the folder of a connection.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, BinaryIO, Protocol

Count = Callable[[int], None]
"""Is told how many bytes went over the wire."""


@dataclass(frozen=True)
class StoredFile:
    """A file that is there.

    Attributes:
        name: its key, or its path.
        size: bytes.
        version: becomes another one when the file is changed: an ETag, or the time of the change.

    """

    name: str
    size: int
    version: str


@dataclass(frozen=True)
class Digest:
    """A checksum that a storage keeps of a whole file.

    Attributes:
        algorithm: ``crc32`` or ``sha256``.
        value: the bytes.

    """

    algorithm: str
    value: bytes


class NewFile(Protocol):
    """A file that is being written. Nothing is seen of it before ``commit``, and nothing is left without one."""

    def write(self, data: bytes | bytearray | memoryview) -> object:
        """Take bytes; waits while the storage is slower than whoever writes.

        Raises:
            TargetUnavailable, TargetFailed.

        """
        ...

    def commit(self) -> dict[str, Any]:
        """Publish the file, in the place of one of the same name, and return its place and its bytes."""
        ...


class Storage(Protocol):
    """Where files lie."""

    def look(self, name: str) -> StoredFile:
        """Return a file.

        Raises:
            SourceFailed: it is not there, or must not be seen.

        """
        ...

    def find(self, pattern: str) -> Sequence[StoredFile]:
        """Return the files that a glob stands for, in the order of their names."""
        ...

    def digest(self, file: StoredFile) -> Digest | None:
        """Return the checksum that the storage keeps of a file, if it does."""
        ...

    def open(self, file: StoredFile, *, ranged: bool = False) -> AbstractContextManager[BinaryIO]:
        """Open a file.

        Args:
            file: as it was found; one that was changed since fails.
            ranged: whether it is read here and there, and can seek; else from the beginning, some blocks ahead.

        Raises:
            SourceUnavailable, SourceFailed: here, or while it is read.

        """
        ...

    def create(self, name: str) -> AbstractContextManager[NewFile]:
        """Begin a new file.

        Raises:
            TargetUnavailable, TargetFailed.

        """
        ...

    def place(self, name: str) -> str:
        """Return a file's place as lineage names it, without a secret: ``s3://bucket/key``."""
        ...
