from __future__ import annotations

import threading

import pytest

from runners.steps.read_ahead import read_ahead
from tests.integration.waiting import eventually


def test_pieces_come_in_their_order():
    with read_ahead(range(100)) as pieces:
        assert list(pieces) == list(range(100))


def test_one_piece_is_read_ahead_and_no_more():
    read = []

    def reading():
        for number in range(10):
            read.append(number)
            yield number

    with read_ahead(reading()) as pieces:
        next(pieces)
        # One was taken, one lies in the queue, and one is in the reader's hand.
        eventually(lambda: len(read) == 3)
        assert read == [0, 1, 2]


def test_what_the_reading_raises_is_raised_where_the_pieces_are_taken():
    def reading():
        yield 1
        raise ValueError("broken")

    with read_ahead(reading()) as pieces:
        assert next(pieces) == 1
        with pytest.raises(ValueError, match="broken"):
            next(pieces)


def test_whoever_leaves_early_leaves_no_thread_behind():
    before = threading.active_count()
    with read_ahead(iter(int, 1)) as pieces:
        next(pieces)
    assert threading.active_count() == before
