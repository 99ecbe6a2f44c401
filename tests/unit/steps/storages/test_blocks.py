from __future__ import annotations

import io
from concurrent.futures import Future

import pytest

from runners.steps.errors import SourceUnavailable
from runners.steps.storages import blocks
from runners.steps.storages.blocks import Blocks, Ranges

DATA = bytes(range(250)) * 4


class Remote:
    """A file elsewhere: answers at once, and notes what it was asked for."""

    def __init__(self, fails_at: int | None = None) -> None:
        self.asked: list[tuple[int, int]] = []
        self.futures: list[Future[bytes]] = []
        self.fails_at = fails_at

    def fetch(self, begin: int, length: int) -> Future[bytes]:
        self.asked.append((begin, length))
        future: Future[bytes] = Future()
        if self.fails_at is not None and begin >= self.fails_at:
            future.set_exception(SourceUnavailable("the connection broke"))
        else:
            future.set_result(DATA[begin : begin + length])
        self.futures.append(future)
        return future


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 100)
    monkeypatch.setattr(blocks, "RANGE_BYTES", 100)


@pytest.mark.parametrize("size", [1, 7, 100, 101, 999, 1_000, 5_000, -1])
def test_a_file_is_read_whole_however_much_is_asked_for(size):
    opened = Blocks(len(DATA), Remote().fetch)
    assert b"".join(iter(lambda: opened.read(size), b"")) == DATA


def test_a_read_of_nothing_is_nothing():
    remote = Remote()
    assert Blocks(len(DATA), remote.fetch).read(0) == b""
    assert remote.asked == []


def test_no_more_is_asked_for_than_some_blocks_ahead():
    remote = Remote()
    opened = Blocks(len(DATA), remote.fetch)
    assert opened.read(10) == DATA[:10]
    assert remote.asked == [(0, 100), (100, 100), (200, 100)]
    opened.read(90)
    assert len(remote.asked) == 3
    opened.read(1)
    assert remote.asked[-1] == (300, 100)


def test_an_empty_file_is_not_asked_for():
    remote = Remote()
    assert Blocks(0, remote.fetch).read() == b""
    assert remote.asked == []


def test_it_reads_into_a_buffer_as_python_files_do():
    assert io.BufferedReader(Blocks(len(DATA), Remote().fetch)).read(150) == DATA[:150]


def test_what_fails_ahead_fails_where_it_is_read():
    opened = Blocks(len(DATA), Remote(fails_at=100).fetch)
    assert opened.read(100) == DATA[:100]
    with pytest.raises(SourceUnavailable):
        opened.read(1)


def test_what_was_asked_for_is_not_waited_for_once_it_is_closed():
    waiting: list[Future[bytes]] = []

    def fetch(begin, length):
        waiting.append(Future())
        if not begin:
            waiting[0].set_result(DATA[:length])
        return waiting[-1]

    opened = Blocks(len(DATA), fetch)
    opened.read(1)
    opened.close()
    assert opened.closed
    assert all(future.cancelled() for future in waiting[1:])


def test_ranges_are_read_here_and_there():
    remote = Remote()
    opened = Ranges(len(DATA), remote.fetch)
    opened.seek(-8, io.SEEK_END)
    assert opened.read(100) == DATA[-8:]
    opened.seek(5)
    opened.seek(5, io.SEEK_CUR)
    assert (opened.tell(), opened.read(3), opened.tell()) == (10, DATA[10:13], 13)
    opened.seek(750)
    assert opened.read() == DATA[750:]
    assert opened.read(1) == b""
    assert remote.asked == [(992, 8), (10, 3), (750, 100), (850, 100), (950, 50)]
    assert opened.readable()
    assert opened.seekable()
