from threading import Barrier

import pytest

from runners.side_by_side import side_by_side


def test_results_come_in_the_order_of_the_items():
    assert side_by_side(lambda number: -number, range(5), 2) == [0, -1, -2, -3, -4]


def test_calls_are_made_at_the_same_time():
    together = Barrier(4)
    assert len(side_by_side(lambda _: together.wait(10), range(4), 4)) == 4


def test_nothing_takes_no_thread_and_an_error_comes_out():
    assert side_by_side(lambda _: 1, [], 4) == []
    with pytest.raises(ZeroDivisionError):
        side_by_side(lambda number: 1 / number, range(3), 2)
