from __future__ import annotations

import json

from runners.lint.machines import StateMachine, tasks_of
from runners.lint.reading import read
from tests.unit.lint.definitions import ACTIVITY, machine, state


def tasks(definition, **options):
    return tasks_of(StateMachine(read(json.dumps(definition)), **options))


def test_tasks_are_found_however_deep_they_are_nested():
    inner = machine(state())
    definition = machine(
        {
            "Type": "Map",
            "ItemProcessor": machine(
                {"Type": "Parallel", "Branches": [inner, machine({"Type": "Map", "Iterator": inner})]}
            ),
        }
    )

    found = tasks(definition)

    assert [task.path for task in found] == [
        (*load, "ItemProcessor", *load, "Branches", 0, *load)
        if index == 0
        else (*load, "ItemProcessor", *load, "Branches", 1, *load, "Iterator", *load)
        for index, load in enumerate([("States", "Load")] * 2)
    ]
    assert [[each["Type"] for each in task.around] for task in found] == [
        ["Parallel", "Map"],
        ["Map", "Parallel", "Map"],
    ]


def test_what_is_no_state_machine_has_no_tasks():
    for definition in (
        {"States": []},
        {"States": {"A": 1, "B": {"Type": "Parallel", "Branches": 3}, "C": {"Type": "Parallel", "Branches": [1]}}},
        {"States": {"A": {"Type": "Map", "Iterator": None, "ItemProcessor": {"ProcessorConfig": 1}}}},
        [],
    ):
        assert tasks(definition) == []


def test_an_activity_is_known_by_its_arn_with_substitutions_too():
    names = {
        f"{ACTIVITY}:GlueRunnerActivity": "GlueRunnerActivity",
        "arn:${AWS::Partition}:states:${AWS::Region}:${AWS::AccountId}:activity:${Name}": "${Name}",
        "arn:aws:states:::sns:publish": None,
        "${Function.Arn}": None,
        "": None,
    }

    assert {name: tasks(machine(state(Resource=name)))[0].activity for name in names} == names


def test_a_resource_that_is_no_text_is_none():
    assert tasks(machine(state(Resource=7)))[0].resource == ""


def test_substitutions_of_substitutions_are_followed_and_circles_are_left():
    given = {"A": "${B}-x", "B": "b", "C": "${D}", "D": "${C}"}
    (task,) = tasks(machine(state(Resource="${A}")), stands_for=given)
    (circle,) = tasks(machine(state(Resource="${C}")), stands_for=given)

    assert task.resource == "b-x"
    assert circle.is_unknown


def test_the_query_language_of_the_state_machine_holds_unless_a_state_says_another():
    jsonata = {"QueryLanguage": "JSONata"}

    assert tasks(machine(state(), **jsonata))[0].jsonata
    assert not tasks(machine(state(QueryLanguage="JSONPath"), **jsonata))[0].jsonata
    assert tasks(machine({"Type": "Parallel", "Branches": [machine(state())]}, **jsonata))[0].jsonata


def test_seconds_are_known_only_if_they_are_a_number():
    known = {10: 10, 1.5: 1.5, "${Seconds}": None, True: None}

    assert [tasks(machine(state(TimeoutSeconds=each)))[0].seconds("TimeoutSeconds") for each in known] == list(
        known.values()
    )
