"""A remote file as a Python file: read block by block with some of them ahead, or range by range as it is asked for."""

from __future__ import annotations

import io
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import cast

BLOCK_BYTES = 4 << 20
BLOCKS_AHEAD = 2  # besides the one that is being read
RANGE_BYTES = 16 << 20  # of a range, at most: what is longer is asked for in pieces, at one time

Fetch = Callable[[int, int], "Future[bytes]"]
"""Begins to read bytes of a file: from where, and how many."""


class Blocks(io.RawIOBase):
    """Reads from the beginning to the end. Memory: ``BLOCKS_AHEAD`` + 1 blocks.

    Args:
        size: bytes of the file.
        fetch: reads of it; what it raises is raised to whoever reads.

    """

    def __init__(self, size: int, fetch: Fetch) -> None:
        self._size = size
        self._fetch = fetch
        self._asked = 0  # bytes that are read or were asked for
        self._waiting: deque[Future[bytes]] = deque()
        self._block = memoryview(b"")

    def readable(self) -> bool:
        """Say yes."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Return as many bytes, fewer at the end only."""
        pieces = []
        while size and (piece := self._piece(size)):
            pieces.append(piece)
            size -= len(piece) if size > 0 else 0
        return b"".join(pieces)

    def readinto(self, buffer: object) -> int:
        """Read into a buffer."""
        view = memoryview(cast("bytearray", buffer))
        data = self.read(view.nbytes)
        view[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """Ask for no more; what was asked for is not waited for."""
        for future in self._waiting:
            future.cancel()
        self._waiting.clear()
        self._block = memoryview(b"")
        super().close()

    def _piece(self, size: int) -> memoryview:
        if not self._block:
            self._ask()
            if not self._waiting:
                return self._block
            self._block = memoryview(self._waiting.popleft().result())
            self._ask()
        piece = self._block[: size if size > 0 else None]
        self._block = self._block[len(piece) :]
        return piece

    def _ask(self) -> None:
        while self._asked < self._size and len(self._waiting) < BLOCKS_AHEAD:
            length = min(BLOCK_BYTES, self._size - self._asked)
            self._waiting.append(self._fetch(self._asked, length))
            self._asked += length


class Ranges(io.RawIOBase):
    """Reads here and there, each time just what is asked for, and much of it in several blocks at one time.

    Args:
        size: bytes of the file.
        fetch: as of ``Blocks``.

    """

    def __init__(self, size: int, fetch: Fetch) -> None:
        self._size = size
        self._fetch = fetch
        self._place = 0

    def readable(self) -> bool:
        """Say yes."""
        return True

    def seekable(self) -> bool:
        """Say yes."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place."""
        origin = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._size}[whence]
        self._place = max(0, origin + offset)
        return self._place

    def tell(self) -> int:
        """Return the place."""
        return self._place

    def read(self, size: int = -1) -> bytes:
        """Return as many bytes, fewer at the end only."""
        left = max(0, self._size - self._place)
        length = min(size, left) if size >= 0 else left
        if not length:
            return b""
        begins = range(self._place, self._place + length, RANGE_BYTES)
        self._place += length
        pieces = [self._fetch(begin, min(RANGE_BYTES, self._place - begin)) for begin in begins]
        return b"".join(piece.result() for piece in pieces)
