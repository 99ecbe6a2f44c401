from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runners.admission import RISES_EVERY, Demand, Limits, admitted, runs, waits
from tests.unit.doubles import Clock, active_job

NOW = Clock().now


def waiting(number, name="a job", *, priority=0, minutes=0, dpu=0.0):
    arrived = NOW - timedelta(minutes=minutes)
    request = {"Name": name, "Dpu": dpu}
    return active_job(number, priority=priority, claimed_at=arrived, request=request, maybe_started=False)


def running(number, name="a job", dpu=0.0):
    return active_job(number, request={"Name": name, "Dpu": dpu}).started(f"run-{number}")


def demand_of(job):
    return Demand(job.request["Name"], job.request["Dpu"])


def chosen(jobs, beside=(), **limits):
    return admitted(jobs, beside, Limits(**limits), demand_of, NOW)


def test_without_limits_all_may_start_in_the_order_of_their_arrival():
    late, early = waiting(0, minutes=1), waiting(1, minutes=2)
    assert chosen([late, early]) == [early, late]


def test_a_higher_priority_comes_first():
    ordinary, urgent = waiting(0, minutes=5), waiting(1, priority=1)
    assert chosen([ordinary, urgent]) == [urgent, ordinary]


def test_a_job_that_has_waited_long_comes_before_one_of_higher_priority():
    patient = waiting(0, minutes=2 * RISES_EVERY / timedelta(minutes=1))
    urgent = waiting(1, priority=1)
    assert chosen([urgent, patient], running=1) == [patient]


def test_no_more_jobs_run_than_the_limit_says():
    assert chosen([waiting(0, minutes=2), waiting(1, minutes=1)], [running(2)], running=2) == [waiting(0, minutes=2)]
    assert chosen([waiting(0)], [running(1), running(2)], running=2) == []


def test_a_name_that_is_full_holds_back_only_its_namesakes():
    jobs = [waiting(0, "sales", minutes=3), waiting(1, "sales", minutes=2), waiting(2, "join", minutes=1)]
    assert chosen(jobs, by_name={"sales": 1}) == [jobs[0], jobs[2]]


def test_a_large_job_that_does_not_fit_yet_is_not_passed_by_small_ones():
    large, small = waiting(0, dpu=8, minutes=1), waiting(1, dpu=1)
    assert chosen([large, small], [running(2, dpu=4)], dpu=10) == []
    assert chosen([large, small], dpu=10) == [large, small]


def test_a_job_that_could_never_fit_is_known_beforehand():
    assert Limits(dpu=10).forbid(Demand("a", 11))
    assert not Limits(dpu=10).forbid(Demand("a", 10))
    assert not Limits(running=1).forbid(Demand("a", 11))


@pytest.mark.parametrize("limits", [{"running": 1}, {"by_name": {"a": 1}}, {"dpu": 1.0}])
def test_limits_are_true_if_there_are_any(limits):
    assert Limits(**limits)
    assert not Limits()


def test_a_job_whose_start_may_have_been_made_counts_as_running():
    claimed = active_job()
    assert runs(claimed)
    assert not waits(claimed)
    assert waits(claimed.put_off(NOW))
    assert not runs(claimed.put_off(NOW))
    assert runs(claimed.started("run-0"))


NAMES = st.sampled_from(["a", "b", "c"])
SIZES = st.integers(0, 5)


@given(
    st.lists(st.tuples(NAMES, SIZES, st.integers(-3, 3), st.integers(0, 100)), max_size=12),
    st.lists(st.tuples(NAMES, SIZES), max_size=4),
)
def test_whatever_waits_no_limit_is_exceeded_and_the_first_that_fits_always_starts(wanting, busy):
    limits = Limits(running=6, by_name={"a": 2}, dpu=12.0)
    jobs = [waiting(n, name, dpu=dpu, priority=p, minutes=m) for n, (name, dpu, p, m) in enumerate(wanting)]
    beside = [running(100 + n, name, dpu) for n, (name, dpu) in enumerate(busy)]
    started = admitted(jobs, beside, limits, demand_of, NOW)
    both = beside + started
    if started:
        assert len(both) <= 6
        assert sum(job.request["Dpu"] for job in both) <= 12
    assert len([job for job in started if job.request["Name"] == "a"]) <= max(
        0, 2 - len([job for job in beside if job.request["Name"] == "a"])
    )
    if jobs and not beside:
        assert started
