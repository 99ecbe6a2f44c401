"""The function that runs steps, as a state machine's task calls it."""

from __future__ import annotations

import json
import logging
from datetime import timedelta

import boto3
import pytest

from runners.errors import ConfigurationError
from runners.lambdas import steps
from runners.steps import Parameters, SourceFailed, Step, StepNotFound, StepStopped, catalog
from runners.steps.connections import Connection
from tests.unit.lambdas.conftest import Context


class Look(Step):
    """Looks a connection up."""

    class Parameters(Parameters):
        """What it is told."""

        ConnectionName: str = ""
        """The connection."""

    target = "folder:///out"

    def run(self, context):
        context.check_stop()
        if self.parameters.ConnectionName == "long":
            raise SourceFailed("word " * 10_000)
        if self.parameters.ConnectionName == "cursor":
            context.cursors.read("flow")
        return {"connection": repr(context.connections.get(self.parameters.ConnectionName, Connection))}


@pytest.fixture(autouse=True)
def new_process(monkeypatch):
    """A process that has not run anything."""
    monkeypatch.setattr(catalog, "_others", lambda: {"Look": type("Point", (), {"load": lambda: Look, "value": ""})})
    monkeypatch.setenv("RUNNERS_ENVIRONMENT", "test")
    levels = {name: logging.getLogger(name).level for name in ("botocore", "boto3", "urllib3")}
    steps._executor.cache_clear()
    yield
    steps._executor.cache_clear()
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


def asked(name):
    return {
        "StepType": "Look",
        "Parameters": {"ConnectionName": name},
        "ExecutionId": "arn:aws:states:r:1:execution:M:e",
    }


def test_a_task_is_answered_with_plain_json(aws, capsys, monkeypatch):
    monkeypatch.setenv("RUNNERS_METRICS", "emf")
    boto3.client("ssm").put_parameter(Name="/etl/test/connections/shop", Value="{}", Type="SecureString")
    answer = steps.handler(asked("shop"), Context())
    assert json.loads(json.dumps(answer))["result"] == {"connection": "Connection()"}
    shown = capsys.readouterr()
    assert json.loads(shown.out)["Succeeded"] == 1
    assert [json.loads(line)["action"] for line in shown.err.splitlines()] == ["step_started", "step_succeeded"]


def test_a_failure_is_of_a_type_by_its_name_and_its_text_is_its_cause(aws):
    with pytest.raises(StepNotFound) as raised:
        steps.handler({"StepType": "Loko"}, Context())
    cause = json.loads(str(raised.value))
    assert cause["error"] == type(raised.value).__name__ == "StepNotFound"
    assert cause["message"].startswith("there is no step type 'Loko'; did you mean Look?")
    assert cause["transient"] is False
    assert raised.value.__context__ is None


def test_a_long_cause_is_shortened_to_what_step_functions_takes(aws):
    with pytest.raises(SourceFailed) as raised:
        steps.handler(asked("long"), Context())
    assert json.loads(str(raised.value))["TruncatedFields"] == ["message"]
    assert len(json.dumps({"errorMessage": str(raised.value)})) < 32_768


def test_a_step_is_stopped_while_there_is_time_to_say_so(aws):
    with pytest.raises(StepStopped, match="time was over"):
        steps.handler(asked("shop"), Context(seconds=steps.TO_GIVE_UP / timedelta(seconds=1)))


def test_without_a_table_of_cursors_an_incremental_step_is_told_so(aws):
    with pytest.raises(Exception, match="RUNNERS_CURSORS_TABLE"):
        steps.handler(asked("cursor"), Context())


def test_with_a_table_of_cursors_it_is_asked(aws, monkeypatch):
    monkeypatch.setenv("RUNNERS_CURSORS_TABLE", "cursors")
    key = {"AttributeName": "step", "KeyType": "HASH"}
    boto3.client("dynamodb").create_table(
        TableName="cursors",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[key],
        AttributeDefinitions=[{"AttributeName": "step", "AttributeType": "S"}],
    )
    boto3.client("ssm").put_parameter(Name="/etl/test/connections/cursor", Value="{}", Type="SecureString")
    assert steps.handler(asked("cursor"), Context())["success"]


def test_settings_that_are_wrong_are_named(monkeypatch):
    monkeypatch.setenv("RUNNERS_METRICS", "statsd")
    monkeypatch.setenv("RUNNERS_ATTEMPTS", "0")
    with pytest.raises(ConfigurationError, match=r"RUNNERS_ATTEMPTS: .*; RUNNERS_METRICS: "):
        steps.handler(asked("shop"), Context())
