from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest

from runners.testing import Clock, WallClock


def test_a_clock_stands_still_until_it_is_stepped():
    clock = Clock(datetime(2026, 1, 31, tzinfo=UTC))
    assert clock() == clock() == clock.now == datetime(2026, 1, 31, tzinfo=UTC)
    clock.step(1.5)
    assert clock() == datetime(2026, 1, 31, 0, 0, 1, 500_000, tzinfo=UTC)


def test_a_clock_does_not_go_back():
    with pytest.raises(ValueError, match="skewed clock"):
        Clock().step(-1)


def test_who_waits_on_a_virtual_clock_lets_it_pass():
    clock = Clock()
    before = clock()
    clock.sleep(86_400)
    assert clock() == before + timedelta(days=1)


def test_a_process_whose_clock_goes_wrong_sees_another_time_that_passes_likewise():
    clock = Clock()
    ahead, behind = clock.skewed(30), clock.skewed(-30)
    clock.step(5)
    assert ahead() - clock() == clock() - behind() == timedelta(seconds=30)
    ahead.sleep(1)
    assert clock() - behind() == timedelta(seconds=30)
    assert ahead.virtual


def test_steps_of_several_threads_all_count():
    clock = Clock()
    before = clock()
    threads = [threading.Thread(target=lambda: [clock.step(1) for _ in range(500)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert clock() - before == timedelta(seconds=2_000)


def test_the_real_time_goes_on():
    clock = WallClock()
    before = clock()
    clock.sleep(0.001)
    assert clock() - before >= timedelta(milliseconds=1)
    assert not clock.virtual
