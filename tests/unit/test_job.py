from __future__ import annotations

from datetime import timedelta

from runners.job import Stage, Succeeded
from tests.unit.doubles import Clock, active_job


def test_every_change_of_a_job_counts_its_version():
    job, now = active_job(), Clock().now
    changes = [job.leased(now, timedelta(1)), job.put_off(now), job.marked({}, None), job.started("run")]
    changes.append(job.reporting(Succeeded({})))
    assert [changed.version for changed in changes] == [2, 2, 2, 2, 2]
    assert job.version == 1


def test_a_leased_job_may_have_been_started_and_is_nobody_elses_for_the_lease():
    now = Clock().now
    leased = active_job(maybe_started=False).leased(now, timedelta(seconds=120))
    assert leased.maybe_started
    assert leased.lease_expires_at == now + timedelta(seconds=120)


def test_a_job_that_was_put_off_was_surely_not_started():
    now = Clock().now
    put_off = active_job().put_off(now + timedelta(seconds=10))
    assert not put_off.maybe_started
    assert put_off.lease_expires_at == now + timedelta(seconds=10)
    assert put_off.stage is Stage.CLAIMED


def test_a_job_that_was_put_off_has_to_be_marked_anew():
    marked = active_job().marked({"Runs": 1}, "machine")
    assert (marked.mark, marked.singleton) == ({"Runs": 1}, "machine")
    assert marked.put_off(Clock().now).mark is None


def test_a_started_job_knows_its_run_and_its_lease_is_over():
    started = active_job().started("run")
    assert (started.stage, started.run_id) == (Stage.STARTED, "run")
    assert started.lease_expires_at == started.claimed_at


def test_a_job_to_be_reported_knows_its_outcome():
    reporting = active_job().reporting(Succeeded({"a": 1}))
    assert (reporting.stage, reporting.outcome) == (Stage.REPORTING, Succeeded({"a": 1}))
