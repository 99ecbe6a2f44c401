from __future__ import annotations

import boto3
import pytest

from runners import clients
from runners.errors import ConfigurationError
from runners.observer import Observer
from runners.settings import Settings
from runners.worker.parts import check, parts_of
from tests.unit.conftest import ACTIVE_JOBS

ARN = "arn:aws:states:us-east-1:123456789012:activity:"


@pytest.fixture
def activity(aws):
    return boto3.client("stepfunctions").create_activity(name="Glue")["activityArn"]


def settings(**changes):
    given = {"active_jobs_table": ACTIVE_JOBS, "service": "glue", "activity_arn": f"{ARN}Glue", "polls": 3}
    return Settings(**given | changes)


# What the parts need


def test_what_is_there_is_no_problem(dynamodb, activity):
    check([settings(), settings(service="athena")])


def test_all_that_is_missing_is_told_in_one_message(dynamodb):
    wrong = [settings(), settings(service="athena", activity_arn=f"{ARN}Athena", active_jobs_table="elsewhere")]
    with pytest.raises(ConfigurationError) as problems:
        check(wrong)
    text = str(problems.value)
    assert f"the activity {ARN}Glue: ActivityDoesNotExist" in text
    assert f"the activity {ARN}Athena: ActivityDoesNotExist" in text
    assert "the table elsewhere: ResourceNotFoundException" in text


def test_an_aws_that_cannot_be_reached_is_told(monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(ConfigurationError, match="cannot be looked at"):
        check([settings()])


# The parts


def test_there_is_a_part_for_each_runner(dynamodb, activity):
    parts = parts_of([settings(), settings(service="athena")], Observer())
    assert [part.name for part in parts] == ["glue", "athena"]
    assert [len(part._polled) for part in parts] == [3, 3]


def test_activities_of_files_are_looked_for_in_the_runners_buckets(dynamodb, activity):
    boto3.client("stepfunctions").create_activity(name="data-in.csv")
    (part,) = parts_of([settings(service="arrivals", data_buckets=["data"])], Observer())
    assert [each.arn for each in part._file_activities()] == [f"{ARN}data-in.csv"]


def test_all_runners_tell_the_metrics_of_the_process_and_what_their_settings_ask_for(dynamodb, activity, capsys):
    class Polls(Observer):
        told = ()

        def polled(self, runner, *, brought_task):
            self.told += (runner,)

    metrics = Polls()
    for part in parts_of([settings(metrics="emf"), settings(service="athena")], metrics):
        part._runner.observer.polled(part.name, brought_task=False)
        part._runner.observer.refused(part.name, "a task's key")
        part.flush()
    assert metrics.told == ("glue", "athena")
    assert '"Service": "athena"' in capsys.readouterr().out


def test_parts_share_their_clients_which_have_a_connection_for_each_poll_and_each_call_of_a_sweep(dynamodb, activity):
    several = [settings(polls=600), settings(service="athena", polls=600), settings(service="crawler", polls=1)]
    glue, athena, crawler = parts_of(several, Observer())
    polls = glue._polled[0]._polls
    assert polls is athena._polled[0]._polls
    assert glue._runner.service._glue is crawler._runner.service._glue
    assert polls.meta.config.max_pool_connections >= 1201


def test_clients_are_shared_within_the_block_alone(aws):
    before = clients.dynamodb()
    with clients.shared(500):
        one, other = clients.dynamodb(), clients.dynamodb()
        assert clients.step_functions() is not clients.step_functions_polls()
    assert one is other
    assert one.meta.config.max_pool_connections == 500
    assert clients.dynamodb() is not one is not before
    assert clients.dynamodb().meta.config.max_pool_connections == clients.CONNECTIONS
