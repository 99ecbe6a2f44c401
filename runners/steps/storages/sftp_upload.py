"""A new file on an SFTP server: written beside its place under a hidden name, and renamed at the end."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future
from contextlib import suppress
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Self

from runners.steps.errors import TargetFailed, TargetUnavailable
from runners.steps.storages.paths import unfinished

if TYPE_CHECKING:
    from collections.abc import Awaitable
    from types import TracebackType

    from runners.steps.storages.sftp import SftpStorage
    from runners.steps.storages.storage import Count

_PIECE_BYTES = 4 << 20
_PIECES = 2  # on their way; asyncssh cuts each into many requests


class SftpUpload:
    """A file that is being written; a context manager, which leaves nothing behind without a ``commit``.

    Args:
        storage: the server.
        sftp: its client.
        path: where to, on the server.
        place: the same for people.
        count: is told of the bytes that were sent.

    """

    def __init__(self, storage: SftpStorage, sftp: Any, path: str, place: str, count: Count) -> None:
        self._storage = storage
        self._sftp = sftp
        self._path = PurePosixPath(path)
        self._unfinished = unfinished(self._path)
        self._place = place
        self._count = count
        self._handle: Any = None
        self._filling = bytearray()
        self._size = 0
        self._waiting: deque[Future[int]] = deque()
        self._published = False

    def __enter__(self) -> Self:
        if str(self._path.parent) not in {".", "/"}:
            self._did(self._sftp.makedirs(str(self._path.parent), exist_ok=True))
        self._handle = self._did(self._sftp.open(str(self._unfinished), "xb"))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._published:
            return
        for future in self._waiting:
            future.cancel()
        for work in (self._handle.close(), self._sftp.remove(str(self._unfinished))):
            with suppress(Exception):  # of a connection that is gone; the server keeps a hidden file
                self._storage.run(work)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Take bytes; waits while two pieces are on their way."""
        self._filling += data
        if len(self._filling) >= _PIECE_BYTES:
            self._send()

    def commit(self) -> dict[str, Any]:
        """Rename the file to its name, over one that is there."""
        if self._filling:
            self._send()
        self._wait(0)
        self._did(self._handle.close())
        written = self._did(self._sftp.stat(str(self._unfinished))).size
        if written != self._size:
            raise TargetFailed(f"of {self._place} the server has {written} bytes, and {self._size} were sent")
        self._rename()
        self._published = True
        return {"file": self._place, "bytes": self._size}

    def _rename(self) -> None:
        try:
            self._storage.run(self._sftp.posix_rename(str(self._unfinished), str(self._path)))
        except Exception as error:
            if type(error).__name__ != "SFTPOpUnsupported":
                raise self._failed(error) from None
            # A server that cannot rename over a file: for a moment there is none of the name.
            if self._did(self._sftp.exists(str(self._path))):
                self._did(self._sftp.remove(str(self._path)))
            self._did(self._sftp.rename(str(self._unfinished), str(self._path)))

    def _send(self) -> None:
        piece, self._filling = bytes(self._filling), bytearray()
        self._wait(_PIECES - 1)
        self._waiting.append(self._storage.begin(self._handle.write(piece, self._size)))
        self._size += len(piece)
        self._count(len(piece))

    def _wait(self, left: int) -> None:
        while len(self._waiting) > left:
            try:
                self._waiting.popleft().result()
            except Exception as error:
                raise self._failed(error) from None

    def _did(self, work: Awaitable[Any]) -> Any:
        try:
            return self._storage.run(work)
        except Exception as error:
            raise self._failed(error) from None

    def _failed(self, error: Exception) -> Exception:
        if not self._storage.is_refusal(error):
            return error
        kind = TargetUnavailable if self._storage.is_lost(error) else TargetFailed
        return kind(f"the SFTP server did not take {self._place}: {type(error).__name__}")
