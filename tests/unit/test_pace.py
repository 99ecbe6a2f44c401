from datetime import timedelta

import pytest

from runners.pace import FIRST_GUESS, SLOWEST, Pace
from tests.unit.doubles import Clock

NO_PATIENCE = timedelta(0)
PATIENCE = timedelta(seconds=5)


@pytest.fixture
def clock():
    return Clock()


def pace_of(clock, highest, at_once=1):
    return Pace(highest, at_once, clock, clock.step)


def taken(pace, times, patience=NO_PATIENCE):
    return sum(pace.take(patience) for _ in range(times))


def test_without_a_quota_nothing_is_held_back(clock):
    assert taken(pace_of(clock, None), 1000) == 1000


def test_a_burst_may_start_at_once_and_then_as_many_as_the_quota_says(clock):
    pace = pace_of(clock, 20, at_once=80)
    assert taken(pace, 100) == 80
    clock.step(1)
    assert taken(pace, 100) == 20


def test_an_unused_quota_is_saved_up_to_one_burst(clock):
    pace = pace_of(clock, 20, at_once=80)
    taken(pace, 80)
    clock.step(3600)
    assert taken(pace, 100) == 80


def test_who_has_patience_waits_for_a_start(clock):
    pace = pace_of(clock, 2)
    before = clock.now
    assert taken(pace, 5, PATIENCE) == 5
    assert clock.now - before == timedelta(seconds=2)


def test_who_would_have_to_wait_longer_than_that_is_sent_away_at_once(clock):
    pace = pace_of(clock, 0.1)
    assert pace.take(PATIENCE)
    before = clock.now
    assert not pace.take(PATIENCE)
    assert clock.now == before


def test_a_refusal_halves_the_pace_and_successes_raise_it_again_to_the_quota(clock):
    pace = pace_of(clock, 20, at_once=80)
    pace.lower()
    assert pace.per_second == 10
    assert not pace.take(NO_PATIENCE)
    for _ in range(30):
        pace.raise_again()
    assert pace.per_second == 20


def test_the_refusals_of_one_burst_count_as_one(clock):
    pace = pace_of(clock, 20)
    for _ in range(10):
        pace.lower()
    assert pace.per_second == 10
    clock.step(1)
    pace.lower()
    assert pace.per_second == 5


def test_a_service_without_a_known_quota_gets_a_pace_when_it_refuses_and_loses_it_when_all_goes_well(clock):
    pace = pace_of(clock, None)
    pace.lower()
    assert pace.per_second == FIRST_GUESS
    for _ in range(1000):
        pace.raise_again()
    assert pace.per_second is None


def test_however_often_it_is_refused_it_goes_on_trying(clock):
    pace = pace_of(clock, 20)
    for _ in range(50):
        pace.lower()
        clock.step(1)
    assert pace.per_second == SLOWEST
    clock.step(10)
    assert pace.take(PATIENCE)
