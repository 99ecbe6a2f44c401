from __future__ import annotations

import builtins

import pytest

from runners.errors import ConfigurationError
from runners.lint.reading import Document, Position
from runners.lint.states_language import problems_of
from tests.unit.lint.definitions import found, machine, state

PASS = {"Type": "Pass", "End": True}


def told(definition):
    """What statelint finds, with the line and the state."""
    return [
        (each.message, each.position.line, each.state) for each in found(definition) if each.name == "states-language"
    ]


def test_a_problem_is_where_the_field_is_that_it_is_about():
    definition = {"StartAt": "A", "States": {"A": {"Type": "Pass", "Comment": 7, "End": True}}}

    assert told(definition) == [("States.A.Comment is 7 but should be a String", 6, "A")]


def test_a_problem_deep_down_is_told_for_the_innermost_state():
    inner = {"StartAt": "Deep", "States": {"Deep": {**PASS, "Odd": 1}}}

    assert told({"StartAt": "A", "States": {"A": {"Type": "Parallel", "Branches": [PASS, inner], "End": True}}})[
        -1
    ] == (
        'Field "Odd" not allowed in States.A.Branches[1].States.Deep',
        17,
        "Deep",
    )


def test_a_state_that_nothing_leads_to_is_found_by_its_name():
    assert told({"StartAt": "A.b", "States": {"A.b": PASS, "A": PASS}}) == [
        ("No transition found to state A", 8, "A"),
    ]


def test_what_is_about_the_whole_is_told_at_its_beginning():
    assert told({"States": {"A": PASS}})[0] == ('the state machine does not have required field "StartAt"', 1, "")


def test_a_field_that_is_too_much_is_told_where_it_stands():
    assert told({"StartAt": "A", "States": {"A": PASS}, "Odd": 1}) == [
        ('Field "Odd" not allowed in the state machine', 9, "")
    ]


@pytest.mark.parametrize(
    "task",
    [
        state(TimeoutSeconds="${Limit}", HeartbeatSeconds="${Beat}"),
        state(Resource="${Activity}"),
        state(Resource="arn:${AWS::Partition}:states:::x"),
        state(Parameters={"day.$": "${Path}", "other.$": "$.${Name}"}),
        state(Retry=[{"ErrorEquals": ["States.ALL"], "MaxAttempts": "${Attempts}", "BackoffRate": 2}]),
        state(Assign={"x.$": "$.y"}),
        state(QueryLanguage="JSONata", Parameters=None, TimeoutSeconds="{% $x %}", HeartbeatSeconds="{% $y %}"),
    ],
)
def test_what_is_not_known_yet_or_right_in_step_functions_is_no_problem(task):
    assert told(machine(task)) == []


@pytest.mark.parametrize(
    "definition",
    [
        {"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": {"a": 1}}}},
        {"StartAt": ["A"], "States": {"A": PASS}},
    ],
)
def test_what_statelint_cannot_read_is_told(definition):
    assert told(definition) != []


def test_statelint_that_trips_is_told(monkeypatch):
    def trip(*arguments):
        raise TypeError("unhashable")

    monkeypatch.setattr("statelint.linter.Linter.validate", trip)

    assert told(machine(state())) == [
        ("statelint cannot read it (TypeError): a field has a value of a wrong kind", 1, "")
    ]


def test_without_statelint_it_is_said_how_to_get_it(monkeypatch):
    real = builtins.__import__

    def without(name, *rest):
        if name.startswith("statelint"):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)

    with pytest.raises(ConfigurationError, match="pip install"):
        problems_of(Document({}, {(): Position(1, 1)}))
