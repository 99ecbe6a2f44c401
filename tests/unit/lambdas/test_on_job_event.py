from __future__ import annotations

from collections import Counter
from datetime import timedelta

import boto3
import pytest

from runners import clients
from runners.lambdas.jobrunner import handler
from tests.unit.doubles import CountingClient
from tests.unit.lambdas.conftest import EXECUTION, Context, status_change
from tests.unit.services.test_glue import GlueDouble, event, run_of


@pytest.fixture
def glue(function, monkeypatch):
    client = GlueDouble()
    monkeypatch.setattr(clients, "glue", lambda: client)
    client.runs["sales"] = [run_of(0)]
    return client


@pytest.fixture
def schedule(step_functions):
    """Schedule the task of an execution: by its number, that of a Glue run."""

    def one(number=0, activity="Activity"):
        arn = f"{EXECUTION}{activity}:{number}"
        return step_functions.schedule(activity, {"GlueJobName": "sales", "ExecutionArn": arn})

    return one


@pytest.fixture
def calls(function, step_functions, monkeypatch):
    """Count the calls to DynamoDB and Step Functions."""

    class Calls:
        def __init__(self):
            self.dynamodb = CountingClient(boto3.client("dynamodb"))

        def __call__(self):
            return self.dynamodb.call.calls + step_functions.calls

        def clear(self):
            self.dynamodb.call.calls.clear()
            step_functions.calls.clear()

    counted = Calls()
    monkeypatch.setattr(clients, "dynamodb", lambda: counted.dynamodb)
    return counted


# Ticks of the schedule


def test_an_idle_tick_sweeps_asks_and_polls_not(glue, calls, scheduled, new_process, monkeypatch):
    monkeypatch.setattr("runners.executions.LISTED_AFTER", timedelta(0))  # as if a minute lay between the ticks
    handler(scheduled, Context())  # the first one ever polls once, as nobody did for long
    calls.clear()
    handler(scheduled, Context())
    assert calls() == Counter(query=1, list_state_machines=1, list_executions=1, get_item=1)
    new_process()
    calls.clear()
    handler(scheduled, Context())
    assert calls() == Counter(query=1, list_state_machines=1, describe_state_machine=2, list_executions=1, get_item=1)


def test_a_tick_polls_not_while_all_executions_wait_for_jobs(glue, step_functions, schedule, scheduled):
    schedule()
    handler(scheduled, Context())
    polls = step_functions.calls["get_activity_task"]
    handler(scheduled, Context())
    assert step_functions.calls["get_activity_task"] == polls


def test_a_tick_leaves_polls_to_another_turn_that_has_just_opened_some(glue, step_functions, schedule, scheduled):
    schedule()
    step_functions.get_activity_task = poll_that_is_open_while(step_functions, lambda: handler(scheduled, Context()))
    handler(scheduled, Context())
    assert len(glue.started) == 1
    assert step_functions.calls["get_activity_task"] == 1


# Executions that begin


def test_an_execution_that_begins_has_its_task_taken_at_once(glue, step_functions, schedule):
    schedule()
    handler(status_change("RUNNING"), Context())
    assert len(glue.started) == 1
    assert step_functions.calls["get_activity_task"] == 1


def test_an_execution_that_no_list_shows_yet_has_its_task_taken_at_once(glue, step_functions, schedule):
    schedule()
    step_functions.list_executions = lambda **_: {"executions": []}
    handler(status_change("RUNNING"), Context())
    assert len(glue.started) == 1


def test_an_execution_that_asks_somebody_else_costs_next_to_nothing(glue, calls):
    handler(status_change("RUNNING", "Other"), Context())
    handler(status_change("RUNNING", "Other"), Context())
    assert calls() == Counter(describe_state_machine=1)


def test_a_started_execution_costs_few_calls(glue, schedule, calls):
    schedule()
    handler(status_change("RUNNING"), Context())
    told = calls()
    # The watch is read, taken, ended; the job claimed, recorded as started, its event looked for; the sweep noted.
    assert (told["get_item"], told["put_item"], told["query"]) == (2, 5, 2)
    # Executions are counted before the poll and after it.
    assert (told["list_executions"], told["get_activity_task"]) == (2, 1)


def test_many_executions_that_begin_at_once_have_one_turn(glue, step_functions, schedule, calls, monkeypatch):
    monkeypatch.setenv("RUNNERS_LOG_LEVEL", "WARNING")
    many = 100
    for number in range(many):
        schedule(number)
    begun = [status_change("RUNNING", execution=str(number)) for number in range(many)]
    step_functions.get_activity_task = poll_that_is_open_while(
        step_functions, lambda: [handler(event, Context()) for event in begun[1:]]
    )
    handler(begun[0], Context())
    assert len(glue.started) == many
    told = calls()
    assert told["get_activity_task"] == many  # one for each task, and none that stays empty
    assert told["get_item"] == 2 * many  # each event looks who is on watch, and each job for its event
    assert told["put_item"] == 2 * many + 3  # two for each job, two for the watch, one for the sweep
    assert told["list_executions"] <= 9
    assert told["query"] == 2


def poll_that_is_open_while(step_functions, act):
    """Polls as the double does; the first is open while something happens."""
    poll = step_functions.get_activity_task
    acts = [act]

    def get_activity_task(**call):
        while acts:
            acts.pop()()
        return poll(**call)

    return get_activity_task


# Executions that end


@pytest.mark.parametrize("status", ["ABORTED", "TIMED_OUT", "FAILED"])
def test_the_job_of_an_execution_that_has_ended_is_stopped_at_once(glue, step_functions, schedule, status):
    token = schedule(7)
    handler(status_change("RUNNING", execution="7"), Context())
    step_functions.waiting.remove(token)
    handler(status_change(status, execution="6"), Context())
    assert glue.stopped == []
    handler(status_change(status, execution="7"), Context())
    assert glue.stopped == [("sales", ["jr_0"])]


def test_an_execution_that_has_succeeded_changes_nothing(glue, calls):
    handler(status_change("SUCCEEDED"), Context())
    assert not calls().keys() - {"describe_state_machine"}


# Jobs that end


def ended(glue, state="SUCCEEDED"):
    glue.runs["sales"] = [run_of(0, state)]
    return event()


def test_a_job_that_ends_is_reported_without_a_poll_if_nothing_can_follow(glue, step_functions, schedule):
    token = schedule()
    handler(status_change("RUNNING"), Context())
    step_functions.calls.clear()
    handler(ended(glue), Context())
    assert token in step_functions.succeeded
    assert step_functions.calls["get_activity_task"] == 0


def test_what_follows_a_job_is_taken_at_once(glue, step_functions, schedule):
    step_functions.tasks_of_a_machine = 2
    schedule()
    handler(status_change("RUNNING"), Context())
    schedule()
    handler(ended(glue), Context())
    assert len(glue.started) == 2


def test_an_event_that_ends_no_job_opens_no_poll(glue, step_functions, schedule):
    step_functions.tasks_of_a_machine = 2
    schedule()
    handler(status_change("RUNNING"), Context())
    step_functions.calls.clear()
    handler(event(), Context())  # its run goes on
    assert step_functions.calls["get_activity_task"] == 0


# Waits for data


def test_a_wait_for_data_begins_when_its_execution_does(bucket, step_functions, active_jobs):
    step_functions.schedule("Activity", {"Bucket": "data", "Key": "in.csv"})
    handler(status_change("RUNNING"), Context())
    assert len(list(active_jobs.of_runner("arrivals"))) == 1


# Telemetry


def test_metrics_are_written_before_the_process_is_frozen(glue, schedule, monkeypatch, new_process, capsys):
    monkeypatch.setenv("RUNNERS_METRICS", "emf")
    new_process()
    schedule()
    handler(status_change("RUNNING"), Context())
    assert '"_aws"' in capsys.readouterr().out
