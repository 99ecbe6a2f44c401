"""Reading one piece ahead in a thread of its own, so that a source and a target work at the same time.

The queue holds a single piece: a slow target makes the source wait, and memory stays the same however much there is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from queue import Full, Queue
from threading import Event, Thread
from typing import Any, Generic, TypeVar

Piece = TypeVar("Piece")

_END: Any = object()
_LOOK = 0.05  # seconds from one look whether whoever takes the pieces has gone to the next


@contextmanager
def read_ahead(pieces: Iterable[Piece]) -> Iterator[Iterator[Piece]]:
    """Read pieces in a thread, one ahead of whoever takes them; what it raises is raised where they are taken.

    When the block ends the thread has ended, too, so that what the pieces come from can be closed.
    """
    reader = _Reader(pieces)
    thread = Thread(target=reader.read, name="read ahead", daemon=True)
    thread.start()
    try:
        yield reader.taken()
    finally:
        reader.over.set()
        thread.join()


class _Reader(Generic[Piece]):
    def __init__(self, pieces: Iterable[Piece]) -> None:
        self._pieces = pieces
        self._queue: Queue[tuple[Piece, BaseException | None]] = Queue(maxsize=1)
        self.over = Event()

    def read(self) -> None:
        try:
            for piece in self._pieces:
                if not self._put(piece):
                    return
        except BaseException as error:  # whatever it is, it belongs to whoever takes the pieces
            self._put(_END, error)
        else:
            self._put(_END)

    def taken(self) -> Iterator[Piece]:
        while True:
            piece, error = self._queue.get()
            if error is not None:
                raise error
            if piece is _END:
                return
            yield piece

    def _put(self, piece: Piece, error: BaseException | None = None) -> bool:
        while not self.over.is_set():
            try:
                self._queue.put((piece, error), timeout=_LOOK)
            except Full:
                continue
            return True
        return False
