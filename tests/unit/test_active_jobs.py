from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from runners.active_jobs import ActiveJobs
from runners.job import Failed, Succeeded
from tests.unit.conftest import ACTIVE_JOBS
from tests.unit.doubles import Clock, CountingClient, active_job, client_error

LOST = ReadTimeoutError(endpoint_url="https://dynamodb")


@pytest.fixture
def counted(dynamodb):
    return CountingClient(dynamodb)


@pytest.fixture
def table(counted):
    return ActiveJobs(ACTIVE_JOBS, counted)


def test_a_claimed_job_is_read_as_it_was_written(table):
    job = active_job(request={"Name": "a job", "Share": 0.1, "Nested": {"ü": [1, None]}}, maybe_started=False)
    assert table.claim(job)
    assert table.read(job) == job


@pytest.mark.parametrize("outcome", [Succeeded({"Size": 1, "Share": 0.1}), Failed("Error", {"a": [1]})])
def test_a_run_and_an_outcome_are_read_as_they_were_written(table, outcome):
    job = active_job()
    table.claim(job)
    reporting = job.started("run").reporting(outcome)
    assert table.advance(job.started("run"))
    assert table.advance(reporting)
    assert table.read(job) == reporting


def test_a_task_is_claimed_once(table):
    assert table.claim(active_job())
    assert not table.claim(active_job(claimed_at=Clock().now + timedelta(seconds=1)))
    assert table.read(active_job()) == active_job()


def test_the_same_task_of_another_runner_is_another_job(table):
    assert table.claim(active_job())
    assert table.claim(active_job(runner="other"))


def test_a_claim_whose_answer_got_lost_counts(table, counted):
    counted.call.after("put_item", LOST)
    assert table.claim(active_job())
    assert counted.call.calls["put_item"] == 2


def test_a_throttled_claim_is_repeated(table, counted):
    counted.call.before("put_item", client_error("ProvisionedThroughputExceededException"), times=2)
    assert table.claim(active_job())
    assert counted.call.calls["put_item"] == 3


def test_a_claim_without_a_table_raises(dynamodb):
    with pytest.raises(ClientError, match="ResourceNotFound"):
        ActiveJobs("elsewhere", dynamodb).claim(active_job())


def test_of_two_changes_of_one_version_the_first_one_counts(table):
    job = active_job()
    table.claim(job)
    assert table.advance(job.started("run-0"))
    assert not table.advance(job.started("run-1"))
    assert table.read(job).run_id == "run-0"


def test_a_change_whose_answer_got_lost_counts(table, counted):
    job = active_job()
    table.claim(job)
    counted.call.after("put_item", LOST)
    assert table.advance(job.started("run"))
    assert table.read(job) == job.started("run")


def test_a_closed_record_is_not_brought_back_by_a_change(table):
    job = active_job()
    table.claim(job)
    assert table.close(job)
    assert not table.advance(job.started("run"))
    assert table.read(job) is None


def test_a_change_without_a_table_raises(dynamodb):
    with pytest.raises(ClientError, match="ResourceNotFound"):
        ActiveJobs("elsewhere", dynamodb).advance(active_job().started("run"))


def test_a_record_that_has_changed_since_it_was_read_is_not_closed(table):
    job = active_job()
    table.claim(job)
    table.advance(job.started("run"))
    assert not table.close(job)
    assert table.read(job).run_id == "run"


def test_closing_twice_or_with_a_lost_answer_does_no_harm(table, counted):
    job = active_job()
    table.claim(job)
    counted.call.after("delete_item", LOST)
    table.close(job)
    table.close(job)
    assert table.read(job) is None


def test_closing_without_a_table_raises(dynamodb):
    with pytest.raises(ClientError, match="ResourceNotFound"):
        ActiveJobs("elsewhere", dynamodb).close(active_job())


def test_all_jobs_of_a_runner_are_read_over_several_pages(table, counted):
    jobs = [active_job(number, request={"Name": "x" * 50_000}) for number in range(50)]
    for job in [*jobs, active_job(runner="other")]:
        table.claim(job)
    found = list(table.of_runner("fake"))
    assert {job.task_key for job in found} == {job.task_key for job in jobs}
    assert len(found) == 50
    assert counted.call.calls["query"] > 2  # one page of DynamoDB holds a megabyte


def test_jobs_are_read_as_they_are_now(table, counted, monkeypatch):
    asked = []
    monkeypatch.setattr(counted, "query", lambda **query: asked.append(query) or {"Items": []}, raising=False)
    assert list(table.of_runner("fake")) == []
    assert asked[0]["ConsistentRead"] is True


def test_a_job_is_found_by_its_run(table):
    for number in range(3):
        table.claim(active_job(number))
        table.advance(active_job(number).started(f"run-{number}"))
    table.claim(replace(active_job(runner="other"), run_id="run-1"))
    assert table.of_run("fake", "run-1") == [active_job(1).started("run-1")]
    assert table.of_run("fake", "run-9") == []


def test_a_throttled_read_is_repeated(table, counted):
    table.claim(active_job())
    for call in ("query", "get_item"):
        counted.call.before(call, client_error("ThrottlingException"))
    assert list(table.of_runner("fake")) == [active_job()]
    assert table.read(active_job()) == active_job()


def test_a_record_that_nobody_can_read_keeps_no_other_from_its_sweep(active_jobs, dynamodb, caplog):
    active_jobs.claim(active_job(1))
    dynamodb.put_item(TableName=ACTIVE_JOBS, Item={"runner": {"S": "fake"}, "task_key": {"S": "garbled"}})
    assert [job.task_key for job in active_jobs.of_runner("fake")] == [active_job(1).task_key]
    assert "cannot be read" in caplog.text


def test_a_request_in_any_script_takes_no_more_room_than_its_text(active_jobs, dynamodb):
    active_jobs.claim(active_job(1, request={"GlueJobName": "数据" * 1000}))
    (item,) = dynamodb.scan(TableName=ACTIVE_JOBS)["Items"]
    assert len(item["request"]["S"].encode()) < 7000


def test_a_record_that_nobody_can_read_keeps_no_event_of_its_run_from_the_others(active_jobs, dynamodb):
    job = replace(active_job(1), run_id="jr_1")
    active_jobs.claim(job)
    garbled = {"runner": {"S": "fake"}, "task_key": {"S": "garbled"}, "run_id": {"S": "jr_1"}}
    dynamodb.put_item(TableName=ACTIVE_JOBS, Item=garbled)
    assert active_jobs.of_run("fake", "jr_1") == [job]


# Singletons


def test_a_singleton_is_held_by_one_job_at_a_time(table):
    table.claim(active_job(0))
    table.claim(active_job(1))
    assert table.hold(active_job(0), "machine")
    assert table.hold(active_job(0), "machine")
    assert not table.hold(active_job(1), "machine")
    assert table.hold(active_job(1), "another machine")


def test_a_singleton_that_was_released_can_be_held_by_another_job(table):
    table.claim(active_job(0))
    table.hold(active_job(0), "machine")
    table.release(active_job(0), "machine")
    assert table.hold(active_job(1), "machine")


def test_a_singleton_whose_job_is_gone_is_free(table):
    table.hold(active_job(0), "machine")
    assert table.hold(active_job(1), "machine")


def test_a_late_release_takes_a_singleton_from_nobody_else(table):
    table.claim(active_job(1))
    table.hold(active_job(1), "machine")
    table.release(active_job(0), "machine")
    assert not table.hold(active_job(2), "machine")


def test_runners_of_different_services_share_no_singletons(table):
    table.claim(active_job(0))
    table.hold(active_job(0), "machine")
    assert table.hold(active_job(0, runner="other"), "machine")


def test_holds_are_no_active_jobs(table):
    table.hold(active_job(0), "machine")
    assert list(table.of_runner("fake")) == []


def test_a_hold_that_cannot_be_taken_for_another_reason_says_so(table, counted):
    counted.call.before("put_item", client_error("AccessDeniedException"))
    with pytest.raises(ClientError, match="AccessDenied"):
        table.hold(active_job(0), "machine")


def test_a_release_that_fails_for_another_reason_says_so(table, counted):
    counted.call.before("delete_item", client_error("AccessDeniedException"))
    with pytest.raises(ClientError, match="AccessDenied"):
        table.release(active_job(0), "machine")


def test_a_mark_and_a_singleton_are_read_as_they_were_written(table):
    job = active_job()
    table.claim(job)
    assert table.advance(job.marked({"Started": "2026-01-31"}, "machine"))
    assert table.read(job) == job.marked({"Started": "2026-01-31"}, "machine")


def test_of_two_leases_that_look_the_same_one_counts(table):
    table.claim(active_job())
    leased = active_job().leased(Clock().now, timedelta(seconds=120))
    assert table.advance(leased)
    assert not table.advance(leased)


def waiting_job():
    return active_job(maybe_started=False)


def test_of_two_admissions_by_the_same_count_the_first_one_counts(table):
    jobs = [replace(waiting_job(), task_key=key) for key in ("a" * 64, "b" * 64)]
    leased = [job.leased(Clock().now, timedelta(seconds=120)) for job in jobs]
    for job in jobs:
        table.claim(job)
    assert table.admit(leased[:1], 0)
    assert not table.admit(leased[1:], 0)
    assert table.read(jobs[1]) == jobs[1]
    assert table.admissions(jobs[0].runner) == 1


def test_an_admission_whose_answer_got_lost_counts(table, counted):
    table.claim(waiting_job())
    counted.call.after("transact_write_items", LOST)
    assert table.admit([waiting_job().leased(Clock().now, timedelta(seconds=120))], 0)


def cancelled(reason):
    error = client_error("TransactionCanceledException")
    error.response["CancellationReasons"] = [{"Code": "None"}, {"Code": reason}]
    return error


def test_an_admission_that_met_another_write_did_not_count(table, counted):
    table.claim(waiting_job())
    counted.call.before("transact_write_items", cancelled("TransactionConflict"))
    assert not table.admit([waiting_job().leased(Clock().now, timedelta(seconds=120))], 0)


@pytest.mark.parametrize("reason", ["ThrottlingError", "ValidationError"])
def test_an_admission_that_would_be_refused_again_is_an_error(table, counted, reason):
    table.claim(waiting_job())
    counted.call.before("transact_write_items", cancelled(reason))
    with pytest.raises(ClientError):
        table.admit([waiting_job().leased(Clock().now, timedelta(seconds=120))], 0)


def test_a_change_of_a_record_that_is_in_a_transaction_is_repeated(table, counted):
    table.claim(active_job())
    counted.call.before("put_item", client_error("TransactionConflictException"))
    assert table.advance(active_job().started("run"))


def test_the_last_sweep_is_known_to_every_process(table):
    assert table.swept_at("fake") is None
    table.note_sweep("fake", Clock().now)
    assert table.swept_at("fake") == Clock().now
    assert table.swept_at("other") is None
    assert list(table.of_runner("fake")) == []
