from __future__ import annotations

import io
import struct

import numpy as np
import pymysql
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymysql.connections import Connection
from pymysql.constants import FIELD_TYPE

from runners.steps.errors import SourceFailed
from runners.steps.systems import mysql_wire
from runners.steps.systems.mysql_rows import Decoder
from runners.steps.systems.mysql_types import field
from runners.steps.systems.mysql_wire import SLACK, Column, Packets

END = b"\xfe\x00\x00\x02\x00"
ERROR = b"\xff" + struct.pack("<H", 1317) + b"#70100Query execution was interrupted"


class Socket(io.RawIOBase):
    """Gives bytes in pieces of these sizes, then all that are left, and is then at its end."""

    def __init__(self, data: bytes, sizes: list[int]) -> None:
        self._data = data
        self._sizes = list(sizes)

    def readable(self) -> bool:
        return True

    def readinto(self, room) -> int:
        size = min(len(room), self._sizes.pop(0) if self._sizes else len(self._data))
        piece, self._data = self._data[:size], self._data[size:]
        room[: len(piece)] = piece
        return len(piece)


class Session:
    """A connection whose server has sent these bytes."""

    encoding = "utf8"

    def __init__(self, data: bytes, sizes: list[int] | None = None) -> None:
        self._rfile = io.BufferedReader(Socket(data, sizes or []))


def packets(*payloads: bytes, full: int = 0xFFFFFF) -> bytes:
    sent = b""
    for payload in payloads:
        pieces = [payload[start : start + full] for start in range(0, len(payload) + 1, full)]
        for number, piece in enumerate(pieces):
            sent += struct.pack("<I", len(piece))[:3] + bytes([number % 256]) + piece
    return sent


def received(data: bytes, sizes: list[int] | None = None) -> list[bytes]:
    return [
        bytes(some.buffer[start:end])
        for some in mysql_wire._Stream(Session(data, sizes)).packets()
        for start, end in zip(some.starts, some.ends, strict=True)
    ]


@settings(deadline=None)
@given(rows=st.lists(st.binary(max_size=40), max_size=8), sizes=st.lists(st.integers(1, 30), max_size=40))
def test_rows_are_the_same_in_whichever_pieces_they_come(rows, sizes):
    sent = [b"\x00" + row for row in rows]
    assert received(packets(*sent, END), sizes) == sent


@settings(deadline=None)
@given(
    lengths=st.lists(st.sampled_from([1, 5, 254, 255, 256, 509, 510, 511, 12_000]), max_size=6),
    sizes=st.lists(st.integers(1, 5_000), max_size=40),
)
def test_rows_of_several_packets_are_put_together(lengths, sizes):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mysql_wire, "_FULL", 0xFF)  # as if a packet held no more
        patch.setattr(mysql_wire, "_BUFFER", 9_000)
        sent = [b"\x00" + bytes([length % 251]) * (length - 1) for length in lengths]
        assert received(packets(*sent, END, full=0xFF), sizes) == sent


def test_a_batch_has_a_bounded_number_of_rows(monkeypatch):
    monkeypatch.setattr(mysql_wire, "MOST_ROWS", 3)
    data = packets(*[b"\x00x"] * 10, END)
    found = [len(some.starts) for some in mysql_wire._Stream(Session(data, [7] * 20)).packets()]
    assert sum(found) == 10
    assert max(found) <= 4


def test_what_the_server_says_amid_rows_is_raised():
    with pytest.raises(pymysql.err.OperationalError, match="1317"):
        received(packets(b"\x00x", ERROR))


def test_a_connection_that_ends_amid_rows_is_lost():
    with pytest.raises(pymysql.err.OperationalError, match="2013"):
        received(packets(b"\x00x"))


def test_a_packet_that_is_neither_row_nor_end_is_malformed():
    with pytest.raises(pymysql.err.OperationalError, match="2027"):
        received(packets(b"\x07x"))


def test_rows_that_are_not_as_described_are_refused():
    column = Column("x", "", "", "", FIELD_TYPE.LONG, 0, 63, 11, 0)
    decoder = Decoder([column], [field(column, "", "refused", booleans=False)], "refused")
    row = bytearray(b"\x00\x00" + struct.pack("<iB", 7, 1) + bytes(SLACK))
    starts, ends = np.array([0], np.int64), np.array([7], np.int64)
    with pytest.raises(SourceFailed, match="not as it has described"):
        decoder.batch(Packets(row, starts, ends))


@pytest.mark.parametrize(("length", "head"), [(250, b"\xfa"), (251, b"\xfc\xfb\x00"), (1 << 16, b"\xfd\x00\x00\x01")])
def test_texts_are_sent_behind_their_lengths(length, head):
    assert mysql_wire._counted(b"x" * length) == head + b"x" * length


def test_what_is_used_of_pymysql_s_inside_is_there():
    """Of the version that is installed: what stands in ``mysql_wire`` stands and falls with it."""
    for method in ("_execute_command", "_read_packet", "write_packet", "_force_close"):
        assert callable(getattr(Connection, method))
    made = Connection(defer_connect=True, local_infile=True)
    assert made._local_infile is True
    assert made._sock is made._rfile is None
    assert made._result is None
    mysql_wire.keep_files(made)
    assert made._local_infile is False
    mysql_wire.cut(made)  # which does no harm to one that is not open
