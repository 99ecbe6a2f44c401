r"""Rows into a table: by LOAD DATA, whose bytes are made of whole columns, or by INSERTs where a server allows none.

A field is text with ``\t`` behind it, a line ends with ``\n``, and NULL is ``\N``, which no text can be, as a backslash
in it is doubled. The server writes while the next batch is made: a thread sends what is made, one batch ahead.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import TYPE_CHECKING, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from runners.steps.systems.mysql_fit import Fit
from runners.steps.systems.mysql_wire import Loaded, cut, insert, load

if TYPE_CHECKING:
    from pymysql.connections import Connection  # type: ignore[import-untyped]

_LOOK = 0.05  # seconds from one look whether the other side has gone to the next
_PACKET = 1 << 18  # bytes of a packet to the server, at most
_STATEMENT = 1 << 20  # bytes of an INSERT, about
_ESCAPES = (("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n"))
_FORMAT = r"CHARACTER SET utf8mb4 FIELDS TERMINATED BY '\t' ESCAPED BY '\\' LINES TERMINATED BY '\n'"


class Load(Protocol):
    """A way of writing rows."""

    words: str
    """What it is, for the step's result."""

    def write(self, columns: Sequence[pa.Array]) -> int:
        """Write rows, given as columns of texts; return how many bytes they are on the wire."""
        ...

    def finish(self) -> Loaded:
        """Wait until all are written; return how many, and of how many the server warns."""
        ...

    def abandon(self) -> None:
        """Stop at once; the connection may be of no more use."""
        ...


class LoadData:
    """Writes rows by one LOAD DATA.

    Args:
        connection: an open session, within a transaction; it is used by a thread until all is finished.
        table: quoted.
        fits: the columns.
        names: the table's columns, quoted.
        packet: bytes that the server takes at once, at most.

    """

    words = "load data"

    def __init__(
        self, connection: Connection, table: str, fits: Sequence[Fit], names: Sequence[str], packet: int
    ) -> None:
        self._connection = connection
        self._fits = fits
        self._statement = _load_statement(table, fits, names)
        self._packet = min(_PACKET, packet)
        self._queue: Queue[memoryview | None] = Queue(maxsize=1)
        self._over = Event()
        self._thread: Thread | None = None
        self._loaded = Loaded(0, 0)
        self._error: BaseException | None = None

    def write(self, columns: Sequence[pa.Array]) -> int:
        """Make the rows' bytes, and let the thread send them."""
        if self._thread is None:
            self._thread = Thread(target=self._send, name="load data", daemon=True)
            self._thread.start()
        made = lines(columns, [fit.any_text for fit in self._fits])
        self._put(made)
        return len(made)

    def finish(self) -> Loaded:
        """Wait for the server to have written all."""
        if self._thread is not None:
            self._put(None)
            self._thread.join()
        self._check()
        return self._loaded

    def abandon(self) -> None:
        """Break the connection off if the server still waits for rows."""
        self._over.set()
        if self._thread is not None and self._thread.is_alive():
            cut(self._connection)
            self._thread.join()

    def _send(self) -> None:
        try:
            self._loaded = load(self._connection, self._statement, self._pieces())
        except BaseException as error:  # it is raised where rows are written
            self._error = error
        finally:
            self._over.set()

    def _pieces(self) -> Iterator[memoryview]:
        while (made := self._next()) is not None:
            for start in range(0, len(made), self._packet):
                yield made[start : start + self._packet]

    def _next(self) -> memoryview | None:
        while not self._over.is_set():
            try:
                return self._queue.get(timeout=_LOOK)
            except Empty:
                continue
        raise InterruptedError

    def _put(self, made: memoryview | None) -> None:
        while not self._over.is_set():
            try:
                self._queue.put(made, timeout=_LOOK)
            except Full:
                continue
            return
        self._check()

    def _check(self) -> None:
        if self._error is not None:
            raise self._error


class Inserts:
    """Writes rows by INSERTs of many rows each.

    Args:
        connection, table, fits, names, packet: as of ``LoadData``.

    """

    words = "inserts"

    def __init__(
        self, connection: Connection, table: str, fits: Sequence[Fit], names: Sequence[str], packet: int
    ) -> None:
        self._connection = connection
        self._begin = f"INSERT INTO {table} ({', '.join(names)}) VALUES "  # noqa: S608  # quoted names
        self._row = "(" + ", ".join(fit.expression("%s") for fit in fits) + ")"
        self._longest = min(_STATEMENT, packet // 2)
        self._rows = 0

    def write(self, columns: Sequence[pa.Array]) -> int:
        """Write the rows."""
        size, waiting, rows = 0, 0, []
        for values in zip(*(column.to_pylist() for column in columns), strict=True):
            rows.append(self._row % tuple(map(self._connection.escape, values)))
            waiting += len(rows[-1].encode()) + 1
            if waiting >= self._longest:
                size += self._insert(rows)
                waiting, rows = 0, []
        return size + (self._insert(rows) if rows else 0)

    def finish(self) -> Loaded:
        """Return what was written."""
        return Loaded(self._rows, 0)

    def abandon(self) -> None:
        """Do nothing: no INSERT is under way."""

    def _insert(self, rows: Sequence[str]) -> int:
        statement = self._begin + ",".join(rows)
        self._rows += insert(self._connection, statement)
        return len(statement.encode())


def lines(columns: Sequence[pa.Array], any_text: Sequence[bool]) -> memoryview:
    """Return rows as LOAD DATA takes them.

    Args:
        columns: the rows' columns, as texts.
        any_text: which columns may hold characters that have to be escaped.

    """
    *first, last = [_escaped(column) if some else column for column, some in zip(columns, any_text, strict=True)]
    null = {"null_handling": "replace", "null_replacement": "\\N"}
    last = pc.binary_join_element_wise(last, pa.scalar(""), pa.scalar("\n"), **null)
    joined = pc.binary_join_element_wise(*first, last, pa.scalar("\t"), **null) if first else last
    _, offsets, data = joined.buffers()
    if not data:
        return memoryview(b"")
    ends = memoryview(offsets).cast("i")
    return memoryview(data)[: ends[len(joined)]]


def _escaped(texts: pa.Array) -> pa.Array:
    data = texts.buffers()[2]
    there = memoryview(data).tobytes() if data else b""  # to search it is quicker than to replace
    for character, written in _ESCAPES:
        if character.encode() in there:
            texts = pc.replace_substring(texts, character, written)
    return texts


def _load_statement(table: str, fits: Sequence[Fit], names: Sequence[str]) -> str:
    into, computed = [], []
    for number, (fit, name) in enumerate(zip(fits, names, strict=True)):
        variable = f"@column{number}"
        into.append(name if fit.direct else variable)
        if not fit.direct:
            computed.append(f"{name} = {fit.expression(variable)}")
    setting = f" SET {', '.join(computed)}" if computed else ""
    return f"LOAD DATA LOCAL INFILE 'rows' INTO TABLE {table} {_FORMAT} ({', '.join(into)}){setting}"
