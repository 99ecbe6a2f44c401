"""The functions as Lambda calls them, over AWS in memory and a double of Step Functions."""

# ruff: noqa: N803  # arguments are named as boto3 names them
from __future__ import annotations

import itertools
import json
from collections import Counter, deque

import boto3
import pytest

from runners import clients
from runners.lambdas import invocation, jobrunner, ons3objectcreated
from runners.turn import Turn
from tests.unit.conftest import ACTIVE_JOBS, ARRIVALS
from tests.unit.doubles import client_error

ARN = "arn:aws:states:us-east-1:123456789012:activity:"
MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:"
EXECUTION = "arn:aws:states:us-east-1:123456789012:execution:"


class FakeStepFunctions:
    """Step Functions' client: hands out tasks, and takes one outcome for each.

    Each activity is asked by a state machine of its own, whose executions have one task each and end with that.
    """

    def __init__(self):
        self.activities = []
        self.tasks_of_a_machine = 1
        self.activity_of = {}
        self.execution_of = {}
        self.scheduled = {}
        self.waiting = set()
        self.succeeded = {}
        self.failed = {}
        self.calls = Counter()
        self._numbers = itertools.count()

    def schedule(self, activity, input_):
        """Schedule a task; a poll will bring it."""
        token = f"secret-token-{next(self._numbers)}"
        text = input_ if isinstance(input_, str) else json.dumps(input_)
        self.scheduled.setdefault(ARN + activity, deque()).append((token, text))
        self.waiting.add(token)
        self.activity_of[token] = activity
        asked = input_ if isinstance(input_, dict) else {}
        self.execution_of[token] = asked.get("ExecutionArn", f"{EXECUTION}{activity}:{token}")
        return token

    def list_state_machines(self, maxResults):
        self.calls["list_state_machines"] += 1
        names = {"Activity", "Other", *self.activities}
        return {"stateMachines": [{"stateMachineArn": MACHINE + name, "type": "STANDARD"} for name in sorted(names)]}

    def describe_state_machine(self, stateMachineArn):
        self.calls["describe_state_machine"] += 1
        task = {"Type": "Task", "Resource": ARN + stateMachineArn.removeprefix(MACHINE)}
        states = {str(number): task for number in range(self.tasks_of_a_machine)}
        return {"definition": json.dumps({"StartAt": "0", "States": states})}

    def list_executions(self, stateMachineArn, statusFilter, maxResults):
        self.calls["list_executions"] += 1
        asks = stateMachineArn.removeprefix(MACHINE)
        running = [self.execution_of[token] for token in self.waiting if self.activity_of[token] == asks]
        return {"executions": [{"executionArn": arn} for arn in running]}

    def get_activity_task(self, activityArn, workerName):
        self.calls["get_activity_task"] += 1
        scheduled = self.scheduled.get(activityArn)
        if not scheduled:
            return {}
        token, text = scheduled.popleft()
        return {"taskToken": token, "input": text}

    def send_task_success(self, taskToken, output):
        self._end(taskToken)
        self.succeeded[taskToken] = json.loads(output)

    def send_task_failure(self, taskToken, error, cause):
        self._end(taskToken)
        self.failed[taskToken] = (error, json.loads(cause))

    def send_task_heartbeat(self, taskToken):
        self.calls["heartbeat"] += 1
        if taskToken not in self.waiting:
            raise client_error("TaskTimedOut")

    def get_paginator(self, _):
        return self

    def paginate(self):
        yield {"activities": [{"activityArn": ARN + name, "name": name} for name in self.activities]}

    def _end(self, token):
        self.calls["report"] += 1
        if token not in self.waiting:
            raise client_error("TaskTimedOut")
        self.waiting.remove(token)


class Context:
    """What Lambda tells an invocation: how much time is left."""

    def __init__(self, seconds=600):
        self.seconds = seconds

    def get_remaining_time_in_millis(self):
        return int(self.seconds * 1000)


def _forget():
    for cached in (invocation.settings, invocation._clients, jobrunner._parts, ons3objectcreated._parts):
        cached.cache_clear()


@pytest.fixture
def new_process():
    """A call of it makes the next invocation start cold."""
    _forget()
    yield _forget
    _forget()


@pytest.fixture(autouse=True)
def no_rests(monkeypatch):
    """A turn waits for nothing."""
    monkeypatch.setattr(Turn, "_rest", lambda *_: None)


@pytest.fixture
def step_functions(monkeypatch):
    double = FakeStepFunctions()
    monkeypatch.setattr(clients, "step_functions", lambda: double)
    monkeypatch.setattr(clients, "step_functions_polls", lambda: double)
    return double


@pytest.fixture
def function(monkeypatch, new_process, dynamodb, step_functions):
    """The environment of a function."""
    for name, value in {
        "SERVICE": "glue",
        "ACTIVITY_ARN": f"{ARN}Activity",
        "ACTIVE_JOBS_TABLE": ACTIVE_JOBS,
        "ARRIVALS_TABLE": ARRIVALS,
        "POLLS": "2",
        "SWEEP_INTERVAL_SECONDS": "0.000001",  # jobs are always due
    }.items():
        monkeypatch.setenv(f"RUNNERS_{name}", value)


@pytest.fixture
def bucket(function, monkeypatch):
    """A bucket, for the data of which a function's runner waits."""
    monkeypatch.setenv("RUNNERS_SERVICE", "arrivals")
    client = boto3.client("s3")
    client.create_bucket(Bucket="data")
    return client


@pytest.fixture
def scheduled():
    """The event of a schedule."""
    return {"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}}


def status_change(status, machine="Activity", execution="0"):
    """Return an event of EventBridge of an execution."""
    return {
        "version": "0",
        "id": "315c1398-40ff-a850-213b-158f73e60175",
        "detail-type": "Step Functions Execution Status Change",
        "source": "aws.states",
        "account": "123456789012",
        "time": "2026-01-31T04:05:06Z",
        "region": "us-east-1",
        "resources": [f"{EXECUTION}{machine}:{execution}"],
        "detail": {
            "executionArn": f"{EXECUTION}{machine}:{execution}",
            "stateMachineArn": MACHINE + machine,
            "name": execution,
            "status": status,
            "startDate": 1769832306789,
            "stopDate": None if status == "RUNNING" else 1769832307000,
            "input": "{}",
            "inputDetails": {"included": True},
            "output": None,
            "outputDetails": None,
        },
    }
