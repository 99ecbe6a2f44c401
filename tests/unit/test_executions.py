from __future__ import annotations

import json
import math

import pytest

from runners.executions import (
    DOUBTED_AFTER,
    LISTED_AFTER,
    REFRESHED_AFTER,
    RunningExecutions,
    asked_in_all,
    most_at_once,
)
from tests.unit.doubles import client_error

ARN = "arn:aws:states:us-east-1:123456789012:"
OURS = f"{ARN}activity:Ours"
TASK = {"Type": "Task", "Resource": OURS, "Next": "There"}
OTHER = {"Type": "Task", "Resource": f"{ARN}activity:Other", "End": True}


def machine(*states):
    return {"StartAt": "0", "States": {str(number): state for number, state in enumerate(states)}}


def parallel(*branches):
    return {"Type": "Parallel", "Branches": list(branches)}


def each(item, **options):
    return {"Type": "Map", "ItemProcessor": item, **options}


def is_ours(resource):
    return resource == OURS


# What a definition allows


@pytest.mark.parametrize(
    ("definition", "at_once", "in_all"),
    [
        (machine(OTHER, {"Type": "Wait"}, {"Type": "Succeed"}), 0, 0),
        (machine(TASK, OTHER), 1, 1),
        (machine(TASK, TASK, TASK), 1, 3),
        (machine(parallel(machine(TASK), machine(OTHER, TASK)), TASK), 2, 3),
        (machine(parallel(machine(parallel(machine(TASK), machine(TASK))), machine(TASK))), 3, 3),
        (machine(each(machine(TASK))), math.inf, math.inf),
        (machine(each(machine(TASK), MaxConcurrency=0)), math.inf, math.inf),
        (machine(each(machine(TASK), MaxConcurrency=7)), 7, math.inf),
        (machine(each(machine(TASK), MaxConcurrency="{% $n %}")), math.inf, math.inf),
        (machine({"Type": "Map", "Iterator": machine(TASK), "MaxConcurrency": 5}), 5, math.inf),
        (machine(each(machine(parallel(machine(TASK), machine(TASK))), MaxConcurrency=5)), 10, math.inf),
        (machine(each(machine(OTHER))), 0, 0),
    ],
)  # fmt: skip
def test_a_definition_bounds_how_many_tasks_an_execution_has_with_us(definition, at_once, in_all):
    assert most_at_once(definition, is_ours) == at_once
    assert asked_in_all(definition, is_ours) == in_all


# What runs


class Account:
    """Step Functions' client, over state machines and numbers of running executions."""

    def __init__(self):
        self.machines = {}
        self.running = {}
        self.page = 1000
        self.calls = []
        self.errors = {}

    def add(self, name, *states, running=0, kind="STANDARD"):
        arn = f"{ARN}stateMachine:{name}"
        self.machines[arn] = {"type": kind, "definition": json.dumps(machine(*states))}
        self.running[arn] = running
        return arn

    def list_state_machines(self, **asked):
        self._called("list_state_machines")
        return self._paged(
            "stateMachines", [{"stateMachineArn": arn, **of} for arn, of in self.machines.items()], asked
        )

    def describe_state_machine(self, stateMachineArn):  # noqa: N803
        self._called("describe_state_machine")
        if stateMachineArn not in self.machines:
            raise client_error("StateMachineDoesNotExist")
        return self.machines[stateMachineArn]

    def list_executions(self, stateMachineArn, statusFilter, **asked):  # noqa: N803
        self._called("list_executions")
        assert statusFilter == "RUNNING"
        if stateMachineArn not in self.machines:
            raise client_error("StateMachineDoesNotExist")
        prefix = stateMachineArn.replace(":stateMachine:", ":execution:")
        running = [{"executionArn": f"{prefix}:{number}"} for number in range(self.running[stateMachineArn])]
        return self._paged("executions", running, asked)

    def _called(self, name):
        self.calls.append(name)
        if name in self.errors:
            raise self.errors[name]

    def _paged(self, name, items, asked):
        begin = int(asked.get("nextToken", 0))
        end = begin + min(self.page, asked["maxResults"])
        return {name: items[begin:end]} | ({"nextToken": str(end)} if end < len(items) else {})


@pytest.fixture
def account():
    return Account()


@pytest.fixture
def executions(account, clock):
    return RunningExecutions(account, is_ours, now=clock)


def test_without_state_machines_no_task_may_come(executions):
    assert executions.tasks_at_most() == 0


def test_only_executions_that_may_ask_us_count(executions, account):
    account.add("Ours", TASK, running=3)
    account.add("Both", parallel(machine(TASK), machine(TASK)), running=2)
    account.add("Theirs", OTHER, running=50)
    assert executions.tasks_at_most() == 3 + 2 * 2


def test_an_execution_that_has_just_begun_counts_once_whether_it_is_listed_or_not(executions, account):
    account.add("Ours", parallel(machine(TASK), machine(TASK)), running=3)
    account.add("Others", TASK, running=1)
    listed, not_yet = (f"{ARN}execution:Ours:{number}" for number in (2, 3))
    assert executions.tasks_at_most(listed) == 2 * 3 + 1
    assert executions.tasks_at_most(not_yet) == 2 * 4 + 1
    assert executions.tasks_at_most(f"{ARN}execution:Unknown:0") == 2 * 3 + 1


def test_a_map_without_bound_matters_only_while_it_runs(executions, account):
    arn = account.add("Items", each(machine(TASK)))
    assert executions.tasks_at_most() == 0
    account.running[arn] = 1
    assert executions.tasks_at_most() == math.inf


def test_express_state_machines_have_no_activities(executions, account):
    account.add("Quick", TASK, running=3, kind="EXPRESS")
    assert executions.tasks_at_most() == 0


def test_all_pages_are_read(executions, account):
    account.page = 2
    for name in ("A", "B", "C"):
        account.add(name, TASK, running=5)
    assert executions.tasks_at_most() == 15


def test_more_running_executions_than_are_worth_counting_have_no_bound(executions, account):
    account.add("Busy", TASK, running=11)
    account.page = 1
    assert executions.tasks_at_most() == math.inf


def test_an_idle_question_is_one_call_for_each_state_machine_that_asks_us(executions, account):
    account.add("Ours", TASK)
    account.add("Theirs", OTHER)
    executions.tasks_at_most()
    account.calls.clear()
    executions.tasks_at_most()
    assert account.calls == ["list_executions"]


def test_definitions_are_read_again_after_a_while(executions, account, clock):
    arn = account.add("Ours", OTHER, running=1)
    assert executions.tasks_at_most() == 0
    account.machines[arn]["definition"] = json.dumps(machine(TASK))
    assert executions.tasks_at_most() == 0
    clock.step(REFRESHED_AFTER.total_seconds())
    assert executions.tasks_at_most() == 1


def test_a_new_state_machine_is_found_before_long(executions, account, clock):
    account.add("Ours", TASK, running=1)
    executions.tasks_at_most()
    account.add("New", TASK, running=1)
    account.calls.clear()
    clock.step(LISTED_AFTER.total_seconds())
    assert executions.tasks_at_most() == 2
    assert account.calls.count("describe_state_machine") == 1


def test_a_new_state_machine_is_found_at_once_by_whoever_looks_afresh(executions, account):
    executions.tasks_at_most()
    account.add("New", TASK, running=1)
    assert executions.tasks_at_most() == 0
    executions.look_afresh()
    assert executions.tasks_at_most() == 1


def test_a_state_machine_that_was_deleted_is_forgotten(executions, account):
    arn = account.add("Ours", TASK, running=1)
    executions.tasks_at_most()
    del account.machines[arn]
    assert executions.tasks_at_most() == 0
    account.calls.clear()
    assert executions.tasks_at_most() == 0
    assert account.calls == []


def test_one_deleted_while_all_are_read_is_left_out(executions, account):
    account.list_state_machines = lambda **_: {
        "stateMachines": [{"type": "STANDARD", "stateMachineArn": f"{ARN}x:Gone"}]
    }
    assert executions.tasks_at_most() == 0


@pytest.mark.parametrize("call", ["list_state_machines", "list_executions"])
def test_what_is_not_known_may_be_any_number(executions, account, call, caplog):
    account.add("Ours", TASK)
    account.errors[call] = client_error("AccessDeniedException")
    assert executions.tasks_at_most() == math.inf
    assert "it is not known whether tasks may come" in caplog.text


def test_a_definition_that_cannot_be_read_may_ask_anything_while_it_runs(executions, account, caplog):
    arn = account.add("Secret", OTHER)
    account.errors["describe_state_machine"] = client_error("KmsAccessDeniedException")
    assert executions.tasks_at_most() == 0
    account.running[arn] = 1
    assert executions.tasks_at_most() == math.inf
    assert "cannot be read" in caplog.text


def test_too_many_state_machines_to_look_at_are_not_looked_at(executions, account, monkeypatch):
    monkeypatch.setattr("runners.executions.MOST_STATE_MACHINES", 1)
    account.add("A", OTHER)
    account.add("B", OTHER)
    assert executions.tasks_at_most() == math.inf
    assert account.calls == ["list_state_machines"]


def test_only_state_machines_of_the_given_names_are_looked_at(account, clock):
    account.add("etl-load", TASK, running=1)
    account.add("web", TASK, running=9)
    executions = RunningExecutions(account, is_ours, "etl-*", clock)
    assert executions.tasks_at_most() == 1
    assert not executions.concern_us(f"{ARN}stateMachine:web")


# Events


def test_an_execution_concerns_us_if_it_may_ask_us(executions, account):
    ours, theirs = account.add("Ours", TASK), account.add("Theirs", OTHER)
    assert executions.concern_us(ours)
    assert executions.concern_us(f"{ours}/label-of-a-map")
    assert not executions.concern_us(theirs)
    assert not executions.concern_us(f"{ARN}stateMachine:Gone")


def test_of_a_thousand_events_only_the_first_costs_a_call(executions, account):
    ours, theirs = account.add("Ours", TASK), account.add("Theirs", OTHER)
    for _ in range(1000):
        assert executions.concern_us(ours)
        assert not executions.concern_us(theirs)
    assert account.calls == ["describe_state_machine"] * 2


def test_a_definition_that_did_not_ask_us_is_doubted_soon(executions, account, clock):
    arn = account.add("Ours", OTHER)
    assert not executions.concern_us(arn)
    account.machines[arn]["definition"] = json.dumps(machine(TASK))
    clock.step(DOUBTED_AFTER.total_seconds() + 1)
    assert executions.concern_us(arn)


def test_whether_an_execution_may_ask_us_again_is_known_by_its_definition(executions, account, clock):
    account.add("Once", TASK)
    assert not executions.ask_again()
    account.add("Twice", TASK, TASK)
    clock.step(REFRESHED_AFTER.total_seconds())
    assert executions.ask_again()


def test_without_knowing_an_execution_may_ask_us_again(executions, account):
    account.errors["list_state_machines"] = client_error("AccessDeniedException")
    assert executions.ask_again()


def test_the_clock_is_the_machines_if_none_is_given(account):
    account.add("Ours", TASK, running=1)
    assert RunningExecutions(account, is_ours).tasks_at_most() == 1


def test_each_definition_is_read_once(executions, account):
    for number in range(20):
        account.add(f"M{number}", TASK, running=1)
    assert executions.tasks_at_most() == 20
    assert account.calls.count("describe_state_machine") == 20
