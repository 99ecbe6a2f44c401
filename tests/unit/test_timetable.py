from datetime import timedelta

import pytest

from runners.timetable import Timetable
from tests.unit.doubles import Clock, active_job

NOW = Clock().now
SECOND = timedelta(seconds=1)


@pytest.fixture
def times():
    return Timetable(check_interval=15 * SECOND, heartbeat_interval=60 * SECOND)


def started(number=0):
    return active_job(number).started("run-0", NOW)


def test_a_process_that_is_new_asks_about_every_job_and_keeps_each_alive(times):
    assert times.check_is_due(started(), NOW)
    assert times.heartbeat_is_due(started(), NOW)


def test_a_young_job_is_asked_about_at_each_sweep(times):
    times.checked(started(), NOW)
    assert not times.check_is_due(started(), NOW + 14 * SECOND)
    assert times.check_is_due(started(), NOW + 15 * SECOND)


def test_a_job_is_asked_about_less_often_the_longer_it_runs(times):
    last = NOW + 240 * SECOND
    times.checked(started(), last)
    assert not times.check_is_due(started(), last + 29 * SECOND)
    assert times.check_is_due(started(), last + 30 * SECOND)


def test_a_job_is_asked_about_at_least_as_often_as_heartbeats_are_due(times):
    last = NOW + timedelta(days=7)
    times.checked(started(), last)
    assert not times.check_is_due(started(), last + 59 * SECOND)
    assert times.check_is_due(started(), last + 60 * SECOND)


def test_a_job_of_which_is_not_known_when_it_started_is_always_asked_about(times):
    job = active_job().started("run-0")
    times.checked(job, NOW)
    assert times.check_is_due(job, NOW)


def test_heartbeats_of_many_jobs_spread_between_half_and_the_whole_of_their_interval(times):
    jobs = [started(number) for number in range(200)]
    for job in jobs:
        times.heartbeat_sent(job, NOW)
    due = [sum(times.heartbeat_is_due(job, NOW + s * SECOND) for job in jobs) for s in (29, 45, 60)]
    assert due[0] == 0
    assert 60 < due[1] < 140
    assert due[2] == 200


def test_a_heartbeat_that_comes_after_two_intervals_is_late(times):
    assert times.heartbeat_sent(started(), NOW) is None
    assert times.heartbeat_sent(started(), NOW + 119 * SECOND) is None
    assert times.heartbeat_sent(started(), NOW + 239 * SECOND) == 60 * SECOND


def test_jobs_that_are_gone_are_forgotten(times):
    times.checked(started(0), NOW)
    times.checked(started(1), NOW)
    times.forget_others([started(0)])
    assert not times.check_is_due(started(0), NOW)
    assert times.check_is_due(started(1), NOW)
    times.forget(started(0))
    assert times.check_is_due(started(0), NOW)
