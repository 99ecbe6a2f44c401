from datetime import timedelta

import pytest

from runners.errors import ConfigurationError
from runners.job import Failed, Running, Stage, Succeeded
from runners.operations import records
from runners.services import Service
from tests.unit.doubles import Faults, MemoryActiveJobs, active_job

EXECUTION = "arn:aws:states:us-east-1:123456789012:execution:Nightly:2026-01-31"


def glue_job(number=0, **changes):
    request = {"GlueJobName": "LoadOrders", "GlueJobArguments": {"--password": "secret-argument"}}
    return active_job(number, **{"runner": "glue", "request": request, **changes})


def table_of(*jobs):
    table = MemoryActiveJobs(Faults())
    table.records = {job.task_key: job for job in jobs}
    return table


class Answering(Service):
    """A service that gives one answer to whatever is asked."""

    name = "glue"
    asked_for = ()

    def __init__(self, answer):
        self.answer = answer

    def describe(self, jobs):
        return {jobs[0].task_key: self._answered()} if self.answer is not None else {}

    def find(self, job):
        return self._answered()

    def _answered(self):
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def test_a_job_is_found_by_the_beginning_of_its_key_or_by_its_run():
    one, other = glue_job(1, run_id="jr_1"), glue_job(2, runner="athena", run_id="0123456789abcdef-long")
    table = table_of(one, other)

    assert records.found(table, one.task_key[:6].upper()) == one
    assert records.found(table, "jr_1") == one
    assert records.found(table, records.short_run(other)) == other


def test_a_key_of_no_job_is_told_with_what_to_type():
    with pytest.raises(ConfigurationError, match="`runners jobs list`"):
        records.found(table_of(), "abc")


def test_a_key_that_may_mean_several_jobs_is_told_with_them():
    with pytest.raises(ConfigurationError, match=r"2 jobs: .*Type more"):
        records.found(table_of(glue_job(1), glue_job(2)), "")


def test_neither_token_nor_input_is_told_to_person_or_machine(clock):
    job = glue_job(execution=EXECUTION, run_id="jr_1", stage=Stage.STARTED, started_at=clock.now)
    told = f"{records.fields_of(job, clock.now)} {records.document_of(job, clock.now)}"

    assert "secret" not in told
    assert "LoadOrders" in told
    assert job.task_key in told


def test_a_job_that_is_held_back_is_told_as_waiting(clock):
    job = glue_job(maybe_started=False, lease_expires_at=clock.now + timedelta(seconds=9))

    assert records.stage_of(job) == "waiting"
    assert ("lease", "not tried again for 9 s") in records.fields_of(job, clock.now)
    assert dict(records.fields_of(job, clock.now + timedelta(seconds=10)))["lease"] == ""
    assert records.stage_of(glue_job()) == "CLAIMED"


def test_a_lease_is_told_as_held_or_as_over_and_of_a_run_not_at_all(clock):
    def lease(job):
        return dict(records.fields_of(job, clock.now))["lease"]

    assert lease(glue_job()).startswith("held for another 2 min")
    assert lease(glue_job(lease_expires_at=clock.now - timedelta(minutes=7))) == "over for 7 min"
    assert lease(glue_job(stage=Stage.STARTED, lease_expires_at=clock.now)) == ""


def test_a_failure_is_told_by_its_error_state_and_message_alone(clock):
    cause = {"GlueJobRunState": "FAILED", "ErrorMessage": "no rows", "Arguments": "secret", "Count": 7}
    job = glue_job(stage=Stage.REPORTING, outcome=Failed("GlueJobFailedError", cause))

    assert dict(records.fields_of(job, clock.now))["outcome"] == "failed with GlueJobFailedError: FAILED: no rows"


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (Running("WAITING"), "WAITING"),
        (Succeeded({"Rows": 1}), "succeeded; the next sweep reports it"),
        (Failed("E", {}), "failed with E; the next sweep reports it"),
        (None, "nothing just now"),
        (ValueError("away"), "nothing; asking it failed: ValueError: away"),
    ],
)
def test_what_a_service_says_of_a_run_is_told(clock, answer, told):
    assert records.said_of(Answering(answer), glue_job(stage=Stage.STARTED, run_id="jr_1"), clock.now) == told


def test_a_run_that_was_started_but_not_recorded_is_looked_for_once_the_lease_is_over(clock):
    left = glue_job(lease_expires_at=clock.now)

    assert records.said_of(Answering("jr_9"), left, clock.now).startswith("run jr_9 was started")
    assert records.said_of(Answering(None), left, clock.now) == "no run was started"
    assert records.said_of(Answering("jr_9"), glue_job(), clock.now) == ""
    submitted = Answering(None)
    submitted.was_submitted = lambda job: True
    assert records.said_of(submitted, left, clock.now).startswith("a run may have been started")


def test_long_names_are_cut_and_an_arn_is_told_by_its_end():
    arn = "arn:aws:ecs:us-east-1:123456789012:task/etl/0f1e2d3c"
    assert records.short_run(glue_job(run_id=arn)) == "0f1e2d3c"
    assert records.short_run(glue_job(run_id="jr_" + "0" * 60)) == "jr_0000000000000…"
    assert records.short_run(glue_job()) == ""
    assert records.execution_name(glue_job(execution=f"{EXECUTION}-and-more")) == "2026-01-31-and-m…"
    assert records.execution_name(glue_job()) == ""


def test_the_console_is_linked_where_the_input_tells_the_execution():
    assert records.console_link("eu-central-1", glue_job(execution=EXECUTION)).endswith(f"details/{EXECUTION}")
    assert records.console_link("eu-central-1", glue_job()) == ""
