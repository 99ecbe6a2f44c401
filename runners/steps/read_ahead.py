"""Reading one piece ahead in a thread of its own, so that a source and a target work at the same time.

The queue holds a single piece: a slow target makes the source wait, and memory stays the same however much there is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import Any, TypeVar

Piece = TypeVar("Piece")

_END: Any = object()
_LOOK = 0.1  # seconds from one look whether the reader of the pieces has gone to the next


@contextmanager
def read_ahead(pieces: Iterable[Piece]) -> Iterator[Iterator[Piece]]:
    """Read pieces in a thread, one ahead of whoever takes them; what it raises is raised where they are taken.

    When the block ends the thread has ended, too, so that what the pieces come from can be closed.
    """
    queue: Queue[tuple[Piece, BaseException | None]] = Queue(maxsize=1)
    over = Event()

    def put(piece: Piece, error: BaseException | None = None) -> bool:
        while not over.is_set():
            try:
                queue.put((piece, error), timeout=_LOOK)
                return True
            except Full:
                continue
        return False

    def read() -> None:
        try:
            for piece in pieces:
                if not put(piece):
                    return
        except BaseException as error:  # whatever it is, it belongs to whoever takes the pieces
            put(_END, error)
        else:
            put(_END)

    def taken() -> Iterator[Piece]:
        while True:
            piece, error = queue.get()
            if error is not None:
                raise error
            if piece is _END:
                return
            yield piece

    thread = Thread(target=read, name="read ahead", daemon=True)
    thread.start()
    try:
        yield taken()
    finally:
        over.set()
        try:
            queue.get_nowait()  # wakes a thread that waits for a place
        except Empty:
            pass
        thread.join()
