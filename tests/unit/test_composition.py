from __future__ import annotations

import boto3
import pytest

from runners import clients
from runners.clients import POLL_READ_TIMEOUT, READ_TIMEOUT
from runners.composition import SERVICES, polled_activities, runner_of, service_of
from runners.errors import ConfigurationError
from runners.services import step
from runners.settings import Settings
from tests.unit.conftest import ACTIVE_JOBS
from tests.unit.doubles import FakeService, Faults

ARN = "arn:aws:states:us-east-1:123456789012:activity:GlueRunnerActivity"


def settings(**changes):
    tables = {"active_jobs_table": ACTIVE_JOBS, "completions_table": "completions"}
    return Settings(**tables | {"activity_arn": ARN, "polls": 3} | changes)


def polled(**changes):
    return polled_activities(settings(**changes), clients.step_functions_polls(), clients.step_functions())


def test_a_runner_reads_its_own_table(active_jobs):
    runner = runner_of(FakeService(Faults()), settings())
    assert runner.sweep() == 0


def test_the_own_activity_is_polled_once_for_each_poll(aws):
    assert [activity.arn for activity in polled()] == [ARN] * 3


def test_activities_that_stand_for_a_file_of_the_data_buckets_are_polled_too(aws):
    step_functions = boto3.client("stepfunctions")
    for name in ("data-in.csv", "other-in.csv"):
        step_functions.create_activity(name=name)
    arns = [activity.arn for activity in polled(data_buckets=["data"])]
    assert arns == [ARN] * 3 + ["arn:aws:states:us-east-1:123456789012:activity:data-in.csv"]


def test_polls_have_the_patience_that_polls_need_and_reports_do_not(aws):
    activity = polled()[0]
    assert activity._polls.meta.config.read_timeout == POLL_READ_TIMEOUT
    assert activity._reports.meta.config.read_timeout == READ_TIMEOUT


def test_a_runner_without_an_activity_is_told_which_variable_is_missing(aws):
    with pytest.raises(ConfigurationError, match="RUNNERS_ACTIVITY_ARN"):
        polled(activity_arn="")


@pytest.mark.parametrize("name", SERVICES)
def test_each_service_is_made_by_its_name_and_says_what_was_asked_for(name):
    service = service_of(settings(service=name))
    assert service.name == name
    assert service.asked_for


def test_the_processes_of_steps_find_what_is_said_to_their_worker(monkeypatch):
    told = {}
    monkeypatch.setattr(step, "python_module", lambda _, variables: told.update(variables))
    service_of(settings(service="step", environment="dev", cursors_table="cursors", log_level="DEBUG"))
    assert told == {
        "RUNNERS_COMPLETIONS_TABLE": "completions",
        "AWS_DEFAULT_REGION": "us-east-1",
        "RUNNERS_ENVIRONMENT": "dev",
        "RUNNERS_CURSORS_TABLE": "cursors",
        "RUNNERS_METRICS": "none",
        "RUNNERS_LOG_LEVEL": "DEBUG",
    }


@pytest.mark.parametrize("name", ["", "gleu"])
def test_a_service_that_there_is_not_is_told_with_those_that_there_are(name):
    with pytest.raises(ConfigurationError, match=rf"RUNNERS_SERVICE is '{name}'.*glue"):
        service_of(settings(service=name))
