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


def test_a_young_job_is_asked_about_at_each_sweep_and_not_twice_in_one(times):
    for sweep in range(8):
        now = NOW + 15 * sweep * SECOND
        assert times.check_is_due(started(), now)
        times.checked(started(), now)
        assert not times.check_is_due(started(), now)


@pytest.mark.parametrize(("age", "interval"), [(240, 30), (400, 50), (7 * 86_400, 60)])
def test_a_job_is_asked_about_less_often_the_longer_it_runs_but_as_often_as_heartbeats_are_due(times, age, interval):
    last = NOW + age * SECOND
    jobs = [started(number) for number in range(400)]
    for job in jobs:
        times.checked(job, last)
    due = [sum(times.check_is_due(job, last + interval * part * SECOND) for job in jobs) for part in (0.2, 0.6, 1.15)]
    assert due[0] < 120 < due[1] < 340  # those of ten thousand do not all come together
    assert due[2] == 400


def test_a_job_of_which_is_not_known_when_it_started_is_always_asked_about(times):
    job = active_job().started("run-0")
    times.checked(job, NOW)
    assert times.check_is_due(job, NOW)


def test_heartbeats_of_many_jobs_spread_over_their_interval(times):
    jobs = [started(number) for number in range(400)]
    for job in jobs:
        times.heartbeat_sent(job, NOW)
    sent = []
    for sweep in range(1, 9):
        now = NOW + 15 * sweep * SECOND
        due = [job for job in jobs if times.heartbeat_is_due(job, now)]
        for job in due:
            times.heartbeat_sent(job, now)
        sent.append(len(due))
    assert sum(sent) == 800  # one in each interval
    assert min(sent) > 60
    assert max(sent) < 140


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


def test_a_process_that_is_new_goes_on_where_the_last_sweep_was(times):
    jobs = [started(number) for number in range(200)]
    times.swept_before(NOW)
    assert not any(times.heartbeat_is_due(job, NOW) for job in jobs)
    due = [sum(times.heartbeat_is_due(job, NOW + s * SECOND) for job in jobs) for s in (15, 30, 60)]
    assert 30 < due[0] < 70 < due[1] < 130
    assert due[2] == 200


def test_processes_that_live_for_one_sweep_leave_no_job_out():
    jobs = [started(number) for number in range(200)]
    last = {job.task_key: NOW for job in jobs}
    for number in range(1, 60):
        one_sweep = Timetable(check_interval=15 * SECOND, heartbeat_interval=60 * SECOND)
        one_sweep.swept_before(NOW + 20 * (number - 1) * SECOND)
        now = NOW + 20 * number * SECOND
        for job in jobs:
            if one_sweep.heartbeat_is_due(job, now):
                assert now - last[job.task_key] <= 80 * SECOND
                last[job.task_key] = now
    assert min(last.values()) >= now - 60 * SECOND


def test_a_process_knows_the_jobs_that_it_has_kept_alive(times):
    times.heartbeat_sent(started(0), NOW)
    assert times.knows([started(0)])
    assert not times.knows([started(0), started(1)])
