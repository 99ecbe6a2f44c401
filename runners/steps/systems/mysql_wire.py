"""What PyMySQL leaves to its inside: prepared statements in MySQL's binary protocol, and LOAD DATA out of memory.

PyMySQL parses the text protocol, value by value. In the binary protocol numbers and times have their own bytes, so
that nothing is printed and parsed (a FLOAT is exact, too), values are bound by the server itself, and a whole buffer of
row packets can be decoded at once (``mysql_rows``). This is the one module that knows PyMySQL's inside:
``_execute_command``, ``_read_packet``, ``write_packet``, ``_rfile``, ``_sock``, ``_result``,
``_force_close``, ``_local_infile``. Protocol:
dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_command_phase_ps.html
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from socket import SHUT_RDWR
from typing import Any

import numpy as np
import pymysql  # type: ignore[import-untyped]
from pymysql.constants import COMMAND, CR, FIELD_TYPE  # type: ignore[import-untyped]
from pymysql.protocol import (  # type: ignore[import-untyped]
    FieldDescriptorPacket,
    MysqlPacket,
    OKPacketWrapper,
)

from runners.steps.ends import BATCH_BYTES

SLACK = 16  # bytes after the last packet of a buffer, so that a value may be read before it is known to be there
MOST_ROWS = 1 << 17  # in a batch: narrow rows would be millions

_HEADER = 4  # bytes: three of a packet's length, one of its number
_FULL = 0xFFFFFF  # bytes of a packet that goes on in the next one
_END, _ERROR = 0xFE, 0xFF  # what a packet that is no row begins with
_LONGEST_END = 9  # bytes of an end packet, less than
_BUFFER = BATCH_BYTES + (1 << 20)  # bytes; a row that is longer has one of its own


@dataclass(frozen=True)
class Column:
    """A column of a result, as the server describes it.

    Attributes:
        name: in the result.
        database, table, origin: the column of the table that it comes from; empty for an expression.
        type_code: MySQL's number of its type (``pymysql.constants.FIELD_TYPE``).
        flags: MySQL's flags (``pymysql.constants.FLAG``).
        charset: the number of its collation; 63 is binary.
        length: bytes or characters at most, as printed.
        scale: digits after the point.

    """

    name: str
    database: str
    table: str
    origin: str
    type_code: int
    flags: int
    charset: int
    length: int
    scale: int


@dataclass(frozen=True)
class Packets:
    """Row packets in a buffer, which is used again after the next step of the iteration.

    Attributes:
        buffer: the bytes; ``SLACK`` more than there are packets.
        starts: where the packets begin, behind their headers.
        ends: where they end.

    """

    buffer: bytearray
    starts: np.ndarray[Any, np.dtype[np.int64]]
    ends: np.ndarray[Any, np.dtype[np.int64]]


class Prepared:
    """A statement that the server has prepared, and not run yet.

    Args:
        connection: an open connection.
        statement: SQL with ``?`` for values.

    Attributes:
        columns: of its result; empty for a statement that has none.
        parameters: how many values it takes.

    """

    def __init__(self, connection: pymysql.connections.Connection, statement: str) -> None:
        self._connection = connection
        connection._execute_command(COMMAND.COM_STMT_PREPARE, statement)
        answer = connection._read_packet().get_all_data()
        self._number, count, self.parameters = struct.unpack_from("<IHH", answer, 1)
        self._described(self.parameters)
        self.columns = self._described(count)

    def run(self, values: Sequence[Any] = ()) -> tuple[list[Column], Iterator[Packets]]:
        """Run it with values; return the columns of its rows, and the rows, about ``BATCH_BYTES`` at a time.

        Only now are the columns known that have the type of a value.
        """
        bound = _bound(values) if values else b""
        self._connection._execute_command(COMMAND.COM_STMT_EXECUTE, struct.pack("<IBI", self._number, 0, 1) + bound)
        count = self._connection._read_packet().read_length_encoded_integer()
        return self._described(count), _Stream(self._connection).packets()

    def _described(self, count: int) -> list[Column]:
        if not count:
            return []
        fields = [self._connection._read_packet(FieldDescriptorPacket) for _ in range(count)]
        self._connection._read_packet()  # the end of the list
        return [
            Column(
                field.name,
                field.db.decode(),
                field.org_table,
                field.org_name,
                field.type_code,
                field.flags,
                field.charsetnr,
                field.length,
                field.scale,
            )
            for field in fields
        ]


@dataclass(frozen=True)
class Loaded:
    """What became of LOAD DATA."""

    rows: int
    warnings: int


def keep_files(connection: pymysql.connections.Connection) -> None:
    """Let no answer of a server make PyMySQL send a file; only ``load`` sends, and only what it is given."""
    connection._local_infile = False


def load(connection: pymysql.connections.Connection, statement: str, chunks: Iterable[bytes | memoryview]) -> Loaded:
    """Run a ``LOAD DATA LOCAL INFILE`` and send these bytes, whichever file the statement or the server names.

    What the chunks raise ends the connection, as the server could not be told that the rows are not all.
    """
    connection._execute_command(COMMAND.COM_QUERY, statement)
    answer = connection._read_packet()
    if not answer.is_load_local_packet():
        raise pymysql.err.OperationalError(CR.CR_COMMANDS_OUT_OF_SYNC, "LOAD DATA was not asked for its bytes")
    try:
        for chunk in chunks:
            connection.write_packet(chunk)
    except BaseException:
        connection._force_close()
        raise
    connection.write_packet(b"")
    done = OKPacketWrapper(connection._read_packet())
    return Loaded(done.affected_rows, done.warning_count)


def insert(connection: pymysql.connections.Connection, statement: str) -> int:
    """Run a statement that writes rows; return how many. What the server warns of is raised as an error."""
    rows = int(connection.query(statement))
    if connection._result.warning_count:
        raise pymysql.err.DataError(*warning(connection))
    return rows


def warning(connection: pymysql.connections.Connection) -> tuple[int, str]:
    """Return the number and the text of what the server has first warned of in the last statement."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW WARNINGS LIMIT 1")
        _, number, text = cursor.fetchone() or ("", 0, "")
    return int(number), str(text)


def cut(connection: pymysql.connections.Connection) -> None:
    """Break a connection off, so that a thread that waits for it goes on with an error."""
    if connection._sock is not None:
        with suppress(OSError):
            connection._sock.shutdown(SHUT_RDWR)


class _Stream:
    """The rows of a result, as they come out of the socket."""

    def __init__(self, connection: pymysql.connections.Connection) -> None:
        self._connection = connection
        self._buffer = bytearray(_BUFFER)
        self._have = 0  # bytes in it
        self._scanned = 0  # bytes of it that are whole packets
        self._starts: list[int] = []
        self._is_new = True

    def packets(self) -> Iterator[Packets]:
        ended = False
        while not ended:
            self._receive()
            ended = self._scan()
            full = self._have >= len(self._buffer) - SLACK
            if self._starts and (ended or full or self._scanned >= BATCH_BYTES or len(self._starts) >= MOST_ROWS):
                starts = np.array(self._starts, np.int64)
                yield Packets(self._buffer, starts, np.append(starts[1:] - _HEADER, self._scanned))
                self._begin_again()
            elif full:
                self._grow()

    def _receive(self) -> None:
        with memoryview(self._buffer) as view, view[self._have : len(view) - SLACK] as room:
            got = self._read(room)
        if not got:
            raise pymysql.err.OperationalError(CR.CR_SERVER_LOST, "the connection ended amid a result")
        self._have += got

    def _read(self, room: memoryview) -> int:
        """Read what is there, at least a byte; first what PyMySQL has read ahead, then from the socket itself."""
        file = self._connection._rfile
        if self._is_new:
            self._is_new = False
            ahead = file.read1(io.DEFAULT_BUFFER_SIZE)
            room[: len(ahead)] = ahead
            return len(ahead)
        # Through the file it would wait for more, even if all that there will be is in the file's own buffer.
        return int(file.raw.readinto(room))

    def _scan(self) -> bool:
        """Find the packets that are whole by now; return whether the result has ended."""
        buffer, have, start = self._buffer, self._have, self._scanned
        began = self._starts.append
        length_at = struct.Struct("<I").unpack_from
        while start + _HEADER < have:
            first = start + _HEADER
            length = length_at(buffer, start)[0] & _FULL
            end = first + length
            if length == _FULL:
                end = self._joined(start)
                have = self._have
            if end > have:
                break
            if buffer[first]:
                self._ended(bytes(buffer[first:end]))
                return True
            began(first)
            start = self._scanned = end
        return False

    def _joined(self, start: int) -> int:
        """Take the headers out of a row of several packets, once it is whole; return its end, or one beyond reach."""
        length_at = struct.Struct("<I").unpack_from
        headers, at, length = [], start, _FULL
        while length == _FULL:
            if at + _HEADER > self._have:
                return self._have + 1
            length = length_at(self._buffer, at)[0] & _FULL
            headers.append(at)
            at += _HEADER + length
        if at > self._have:
            return self._have + 1
        for header in reversed(headers[1:]):
            with memoryview(self._buffer) as view:
                view[header : self._have - _HEADER] = view[header + _HEADER : self._have]
            self._have -= _HEADER
        return at - _HEADER * (len(headers) - 1)

    def _ended(self, packet: bytes) -> None:
        if packet[0] == _ERROR:
            MysqlPacket(packet, self._connection.encoding).raise_for_error()
        if packet[0] != _END or len(packet) >= _LONGEST_END:
            raise pymysql.err.OperationalError(CR.CR_MALFORMED_PACKET, "a packet is no row")

    def _begin_again(self) -> None:
        rest = bytes(self._buffer[self._scanned : self._have])
        if len(self._buffer) > _BUFFER > len(rest) + SLACK:
            self._buffer = bytearray(_BUFFER)
        self._buffer[: len(rest)] = rest
        self._have, self._scanned = len(rest), 0
        self._starts.clear()

    def _grow(self) -> None:
        self._buffer = self._buffer + bytearray(len(self._buffer))


def _bound(values: Sequence[Any]) -> bytes:
    """Return values as COM_STMT_EXECUTE takes them: which are NULL, their types, and their bytes."""
    nulls = np.packbits([value is None for value in values], bitorder="little").tobytes()
    typed = [_typed(value) for value in values]
    types = b"".join(struct.pack("<H", code) for code, _ in typed)
    return nulls + b"\x01" + types + b"".join(data for _, data in typed)


def _typed(value: Any) -> tuple[int, bytes]:
    """Return the number of a value's type, and its bytes."""
    match value:
        case None:
            found = FIELD_TYPE.NULL, b""
        case int() if -(1 << 63) <= value < 1 << 63:
            found = FIELD_TYPE.LONGLONG, struct.pack("<q", value)
        case float():
            found = FIELD_TYPE.DOUBLE, struct.pack("<d", value)
        case int() | Decimal():
            found = FIELD_TYPE.NEWDECIMAL, _counted(f"{Decimal(value):f}".encode())
        case bytes():
            found = FIELD_TYPE.BLOB, _counted(value)
        case datetime():
            utc = value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
            found = FIELD_TYPE.VAR_STRING, _counted(utc.isoformat(" ").encode())
        case _:
            found = FIELD_TYPE.VAR_STRING, _counted(str(value).encode())
    return found


def _counted(data: bytes) -> bytes:
    """Return bytes behind their length."""
    length = len(data)
    if length < 251:  # noqa: PLR2004  # the protocol's bounds
        return bytes([length]) + data
    if length < 1 << 16:
        return b"\xfc" + struct.pack("<H", length) + data
    if length < 1 << 24:
        return b"\xfd" + struct.pack("<I", length)[:3] + data
    return b"\xfe" + struct.pack("<Q", length) + data
