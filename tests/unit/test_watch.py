from __future__ import annotations

from datetime import timedelta

import pytest

from runners.watch import LONGEST_WITHOUT, WATCH_LASTS, Watch
from tests.unit.conftest import ACTIVE_JOBS
from tests.unit.doubles import CountingClient, client_error

A_WHILE = timedelta(seconds=15)


@pytest.fixture
def on_watch(dynamodb, clock):
    """Make the watch of another process."""
    return lambda runner="glue": Watch(runner, ACTIVE_JOBS, dynamodb, clock)


def test_of_two_that_want_it_one_goes_on_watch(on_watch):
    assert on_watch().take(A_WHILE)
    assert not on_watch().take(A_WHILE)
    assert on_watch().is_kept(A_WHILE)


def test_each_runner_has_its_own_watch(on_watch):
    assert on_watch("glue").take(A_WHILE)
    assert on_watch("athena").take(A_WHILE)


def test_nobody_is_on_watch_at_first(on_watch):
    assert not on_watch().is_kept(timedelta(0))
    assert on_watch().is_overdue()


def test_a_watch_that_ends_soon_is_taken_over(on_watch, clock):
    on_watch().take(A_WHILE)
    clock.step((WATCH_LASTS - A_WHILE).total_seconds() + 1)
    assert not on_watch().is_kept(A_WHILE)
    assert on_watch().take(A_WHILE)


def test_who_has_ended_the_watch_is_followed_at_once(on_watch):
    first = on_watch()
    first.take(A_WHILE)
    first.end()
    assert not on_watch().is_kept(timedelta(seconds=1))
    assert on_watch().take(timedelta(seconds=1))


def test_who_ends_the_watch_late_leaves_it_to_the_follower(on_watch, clock):
    first, second = on_watch(), on_watch()
    first.take(A_WHILE)
    clock.step(50)
    second.take(A_WHILE)
    first.end()
    assert on_watch().is_kept(A_WHILE)


def test_who_was_not_on_watch_ends_none(on_watch):
    on_watch().take(A_WHILE)
    other = on_watch()
    other.take(A_WHILE)
    other.end()
    assert on_watch().is_kept(A_WHILE)


def test_a_watch_is_overdue_after_long_without_one(on_watch, clock):
    watch = on_watch()
    watch.take(A_WHILE)
    watch.end()
    clock.step(LONGEST_WITHOUT.total_seconds())
    assert not on_watch().is_overdue()
    clock.step(1)
    assert on_watch().is_overdue()


def test_while_the_table_is_away_nobody_goes_on_watch(dynamodb, clock, caplog):
    client = CountingClient(dynamodb)
    watch = Watch("glue", ACTIVE_JOBS, client, clock)
    for call in ("put_item", "get_item", "get_item"):
        client.call.before(call, client_error("ResourceNotFoundException"))
    assert not watch.take(A_WHILE)
    assert not watch.is_kept(A_WHILE)
    assert not watch.is_overdue()
    assert "the watch could not be" in caplog.text


def test_sweeps_do_not_come_across_the_watch(on_watch, active_jobs):
    on_watch().take(A_WHILE)
    assert list(active_jobs.of_runner("glue")) == []


def test_the_clock_is_the_machines_if_none_is_given(dynamodb):
    assert Watch("glue", ACTIVE_JOBS, dynamodb).take(A_WHILE)
