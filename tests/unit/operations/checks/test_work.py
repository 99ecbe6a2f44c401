from datetime import timedelta

import pytest

from runners.active_jobs import ActiveJobs
from runners.job import Failed, Running, Stage
from runners.operations.checks import work
from tests.unit.conftest import ACTIVE_JOBS
from tests.unit.operations.stubs import NOW, Stub, levels, scene
from tests.unit.operations.test_records import Answering, glue_job

QUEUE = {"QueueUrl": "url"}


def dead_letters(**answers):
    return list(work.dead_letters(scene(("sqs", Stub("sqs", get_queue_url=QUEUE, **answers)))))


def test_a_queue_without_dead_letters_is_well():
    assert levels(dead_letters(get_queue_attributes={"Attributes": {"ApproximateNumberOfMessages": "0"}})) == ["ok"]


def test_dead_letters_are_counted_also_those_that_somebody_looks_at():
    counts = {"ApproximateNumberOfMessages": "2", "ApproximateNumberOfMessagesNotVisible": "1"}

    (finding,) = dead_letters(get_queue_attributes={"Attributes": counts})

    assert (finding.level, finding.told[:18]) == ("warning", "has 3 dead letters")
    assert "`runners redrive events`" in finding.advice


def test_a_queue_that_is_not_there_is_a_problem():
    sqs = Stub("sqs")
    sqs.answers["get_queue_url"] = sqs.error("QueueDoesNotExist")

    assert levels(work.dead_letters(scene(("sqs", sqs)))) == ["problem"]


@pytest.fixture
def jobs(dynamodb):
    """Check jobs that are in the table, against a service that gives one answer."""
    table = ActiveJobs(ACTIVE_JOBS, dynamodb)

    def check(*active, answer=None, **settings):
        for job in active:
            table.claim(job)
        place = scene(("dynamodb", dynamodb), active_jobs_table=ACTIVE_JOBS, **settings)
        return list(work.jobs(place, lambda _: Answering(answer)))

    return check


def started(number=0, **changes):
    return glue_job(number, stage=Stage.STARTED, run_id=f"jr_{number}", **changes)


def test_jobs_that_run_are_well(jobs):
    (finding,) = jobs(started(), answer=Running("RUNNING"))

    assert finding.told == "1 job active, 1 of them running"


def test_a_record_that_cannot_be_read_is_a_problem_with_what_to_type(jobs, dynamodb):
    dynamodb.put_item(TableName=ACTIVE_JOBS, Item={"runner": {"S": "glue"}, "task_key": {"S": "broken"}})

    (finding,) = jobs()

    assert (finding.level, "broken" in finding.told) == ("problem", True)
    assert "delete-item" in finding.advice


def test_a_job_that_nobody_goes_on_with_is_a_problem(jobs):
    (finding,) = jobs(glue_job(lease_expires_at=NOW - timedelta(minutes=7)))

    assert finding.level == "problem"
    assert "the lease has been over for 7 min" in finding.told


def test_a_job_that_is_being_started_or_tried_again_is_well(jobs):
    held_back = glue_job(1, maybe_started=False, lease_expires_at=NOW - timedelta(minutes=7))

    assert levels(jobs(glue_job(lease_expires_at=NOW - timedelta(seconds=9)), held_back)) == ["ok"]


def test_a_job_that_waits_for_long_is_a_warning(jobs):
    waiting = {"maybe_started": False, "claimed_at": NOW - timedelta(hours=2)}

    (finding,) = jobs(glue_job(**waiting))

    assert finding.told == "1 job waiting to be started, the first for 2 h"


def test_a_runner_that_takes_no_more_is_a_problem(jobs):
    findings = jobs(started(1), started(2), answer=Running("RUNNING"), max_active_jobs=2)

    assert levels(findings)[0] == "problem"


def test_a_start_that_was_tried_often_is_a_warning(jobs):
    assert levels(jobs(glue_job(attempt=20))) == ["warning"]


def test_a_run_that_ended_and_was_not_reported_is_a_warning(jobs):
    (finding,) = jobs(started(), answer=Failed("E", {}))

    assert finding.level == "warning"
    assert "ended at glue" in finding.told


def test_a_service_that_does_not_answer_is_not_called_well(jobs):
    assert levels(jobs(started(), answer=ConnectionError("away"))) == ["not checked"]


def test_a_run_that_a_service_leaves_out_is_not_called_well(jobs):
    assert levels(jobs(*(started(number) for number in range(5)))) == ["not checked"]


ACTIVITY = "arn:aws:states:us-east-1:123456789012:activity:GlueRunnerActivity"
EXECUTION = "arn:aws:states:us-east-1:123456789012:execution:Nightly:one"


def scheduled(number, minutes_ago):
    details = {"resource": ACTIVITY}
    timestamp = NOW - timedelta(minutes=minutes_ago)
    return {
        "id": number,
        "type": "ActivityScheduled",
        "timestamp": timestamp,
        "activityScheduledEventDetails": details,
        "previousEventId": 0,
    }


def waiting_tasks(*events, more=False):
    machine = {"name": "Nightly", "stateMachineArn": "arn:machine", "type": "STANDARD"}
    running = {"executions": [{"executionArn": EXECUTION}], **({"nextToken": "more"} if more else {})}
    step_functions = Stub(
        "stepfunctions",
        list_state_machines={"stateMachines": [machine]},
        list_executions=running,
        get_execution_history={"events": list(events)},
    )
    return list(work.waiting_tasks(scene(("stepfunctions", step_functions))))


def test_a_task_that_nobody_takes_is_a_problem():
    (finding,) = waiting_tasks(scheduled(2, 30), scheduled(3, 1))

    assert (finding.level, finding.subject) == ("problem", "activity GlueRunnerActivity")
    assert finding.told.startswith("2 tasks waiting for it, the first for 30 min")


def test_a_task_that_was_taken_or_is_new_is_well():
    taken = {"id": 4, "type": "ActivityStarted", "timestamp": NOW, "previousEventId": 2}

    assert levels(waiting_tasks(scheduled(2, 30), scheduled(3, 1), taken)) == ["ok"]


def test_that_not_all_executions_were_looked_at_is_told():
    (finding,) = waiting_tasks(more=True)

    assert finding.told == "1 execution running (the newest 100 of each state machine), none waits long for a runner"
