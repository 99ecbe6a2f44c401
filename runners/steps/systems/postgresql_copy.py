"""COPY in both directions, in large pieces.

psycopg gives one row a call, and waits in each. Here all that has come is taken before the next wait, and while nothing
has come, some is let to gather: that halves what the client does for a row, and spares the server as many wakings. On
the way in a piece is sent while the next is being made.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from io import BytesIO
from time import sleep
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import psycopg
from psycopg.pq import ExecStatus

if TYPE_CHECKING:
    from runners.steps.systems.postgresql_session import Session

_LARGE = 4  # times the size of a piece, beyond which memory is given back
_GATHER = 0.0005  # seconds; what a server can send meanwhile has room in the socket


class Piece(NamedTuple):
    """Some whole messages of COPY, each of which is a row."""

    data: bytes
    """The messages, one after the other."""

    lengths: np.ndarray
    """How many bytes each has; 64-bit integers."""


class CopyOut:
    """The rows of a ``COPY … TO STDOUT``.

    Args:
        opened: the session.
        copy: what psycopg has begun.

    """

    def __init__(self, opened: Session, copy: psycopg.Copy) -> None:
        self._libpq = opened.pgconn
        self._copy = copy
        self.rows: int | None = None
        """How many there were, once all were read."""

    def pieces(self, size: int) -> Iterator[Piece]:
        """Yield the rows in pieces of about ``size`` bytes.

        Raises:
            psycopg.Error: the server gave up.

        """
        gathered, lengths, over = BytesIO(), list[int](), False
        while not over and (row := self._copy.read()):  # waits until there is something
            over = self._gather(row, gathered, lengths, size)
            if gathered.tell() >= size:
                piece = _piece(gathered, lengths)
                if len(piece.data) > _LARGE * size:
                    gathered.truncate(0)
                yield piece
            elif not over:
                sleep(_GATHER)
        if lengths:
            yield _piece(gathered, lengths)
        self.rows = self._end() if over else self._copy.cursor.rowcount

    def _gather(self, row: bytes | bytearray | memoryview, gathered: BytesIO, lengths: list[int], size: int) -> bool:
        """Take a row and all that have come after it, until a piece is full; return whether that was the end."""
        at_hand, receive = self._libpq.get_copy_data, self._libpq.consume_input
        write, note, filled = gathered.write, lengths.append, gathered.tell  # this goes round for each row
        length = len(row)
        while length > 0:
            note(write(row))
            length, row = at_hand(1)  # does not wait
            if not length and filled() < size:
                receive()  # neither does this
                length, row = at_hand(1)
        return length < 0

    def _end(self) -> int | None:
        """Take what the server says after the last row, and return how many there were."""
        rows = None
        while result := self._libpq.get_result():
            if result.status != ExecStatus.COMMAND_OK:
                raise psycopg.errors.error_from_result(result)
            rows = result.command_tuples
        return rows


def _piece(gathered: BytesIO, lengths: list[int]) -> Piece:
    """Return what was gathered, and begin anew in the same memory: to get fresh memory costs as much as to fill it."""
    size = gathered.tell()
    gathered.seek(0)
    piece = Piece(gathered.read(size), np.fromiter(lengths, np.int64, len(lengths)))
    gathered.seek(0)
    lengths.clear()
    return piece


@contextmanager
def copy_out(opened: Session, statement: str) -> Iterator[CopyOut]:
    """Begin a ``COPY … TO STDOUT``; the block's end gives it up where it is not at its end.

    Raises:
        psycopg.Error: the server refuses it.

    """
    with opened.cursor().copy(statement.encode()) as copy:
        yield CopyOut(opened, copy)


class CopyIn:
    """A ``COPY … FROM STDIN`` that is being fed; to be ended, or else given up.

    Args:
        opened: the session.
        statement: the COPY.

    Raises:
        psycopg.Error: the server refuses it.

    """

    def __init__(self, opened: Session, statement: str) -> None:
        self._begun = ExitStack()
        self._copy = self._begun.enter_context(opened.cursor().copy(statement.encode()))
        self._sender = ThreadPoolExecutor(1, "copy")
        self._sent: Future[None] | None = None
        self._over = False

    def write(self, piece: bytes | memoryview) -> None:
        """Send bytes, in the background: it waits for those of the call before.

        Raises:
            psycopg.Error: those before were refused.

        """
        self._wait()
        self._sent = self._sender.submit(self._copy.write, piece)

    def end(self) -> None:
        """Send the end, and see whether the server has taken all.

        Raises:
            psycopg.Error: it has not.

        """
        self._wait()
        self._over = True
        self._sender.shutdown()
        self._begun.close()

    def give_up(self) -> None:
        """Let the server forget what it was sent, unless all was ended."""
        if self._over:
            return
        self._over = True
        self._sender.shutdown()
        with suppress(psycopg.Error):
            reason = RuntimeError("given up")  # the server is told so
            self._begun.__exit__(type(reason), reason, None)

    def _wait(self) -> None:
        sent, self._sent = self._sent, None
        if sent is not None:
            sent.result()
