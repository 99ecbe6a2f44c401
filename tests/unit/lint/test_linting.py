from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as some

from runners.lint.knowledge import Knowledge
from runners.lint.linting import lint
from runners.lint.reading import Position
from tests.unit.lint.definitions import ACTIVITY, found, linted, machine, rules, state

FIELDS = [
    "Type",
    "Resource",
    "Retry",
    "Catch",
    "Parameters",
    "Arguments",
    "QueryLanguage",
    "TimeoutSeconds",
    "HeartbeatSeconds",
    "Next",
    "End",
    "Branches",
    "ItemProcessor",
    "States",
    "StartAt",
    "ErrorEquals",
    "MaxAttempts",
]
WORDS = ["Task", "Parallel", "Map", "JSONata", "${X}", "{% 1 %}", "States.ALL", f"{ACTIVITY}:GlueRunnerActivity"]
SCALARS = some.none() | some.booleans() | some.integers() | some.sampled_from(WORDS)
ANYTHING = some.recursive(
    SCALARS,
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.sampled_from(FIELDS), inner, max_size=6),
)


@given(some.dictionaries(some.sampled_from(["A", "B"]), some.dictionaries(some.sampled_from(FIELDS), ANYTHING)))
def test_no_definition_is_too_odd_to_be_linted(states):
    assert linted({"StartAt": "A", "States": states}).machines == 1


def test_a_right_state_machine_has_no_findings_and_is_counted():
    report = linted(machine(state()))

    assert (report.findings, report.machines, report.tasks) == ([], 1, 1)


def test_findings_come_in_the_order_of_the_text():
    definition = machine(state(HeartbeatSeconds=None, Retry=None, Parameters={"GlueJobName": 1}), Odd=1)

    positions = [finding.position for finding in found(definition)]

    assert positions == sorted(positions)
    assert len(positions) > 3


def test_a_file_that_cannot_be_read_is_a_finding():
    assert rules("") == rules("{") == rules("[]") == rules("just text") == ["unreadable"]


def test_a_name_that_stands_twice_is_told_with_its_state():
    end = '"Type": "Pass", "End": true'
    text = f'{{"StartAt": "A", "States": {{"A": {{{end}}},\n "A": {{{end}, "End": true}}}}}}'

    assert [(each.name, each.state, each.position) for each in found(text)] == [
        ("repeated-name", "", Position(2, 2)),
        ("repeated-name", "A", Position(2, 37)),
    ]


def template(**properties):
    resource = {"Type": "AWS::StepFunctions::StateMachine", "Properties": properties}
    return {"Resources": {"Nightly": resource}}


def test_findings_in_a_template_say_which_state_machine():
    definition = machine(state(HeartbeatSeconds=None))

    for properties in ({"Definition": definition}, {"DefinitionString": json.dumps(definition)}):
        (finding,) = found(template(**properties))
        assert (finding.machine, finding.state, finding.name) == ("Nightly", "Load", "heartbeat")


def test_a_name_that_stands_twice_in_a_template_is_told_once():
    definition = json.dumps(machine(state())).replace('"End": true', '"End": true, "End": true')

    assert rules(template(DefinitionString=definition)) == ["repeated-name"]
    assert rules(json.dumps(template(Definition=1)).replace('"Definition": 1', f'"Definition": {definition}')) == [
        "repeated-name"
    ]


def test_a_template_without_a_state_machine_is_no_error():
    (finding,) = found({"Resources": {}})

    assert (finding.name, finding.severity) == ("no-state-machine", "info")


def test_a_definition_elsewhere_is_no_error_and_a_broken_one_is():
    assert [(each.name, each.severity) for each in found(template(DefinitionUri="x"))] == [("not-followed", "info")]
    assert [(each.name, each.severity) for each in found(template(DefinitionString="{"))] == [("unreadable", "error")]


def test_no_value_of_an_input_is_in_a_finding():
    secret = "s3cr3t"
    parameters = {"GlueJobName": [secret], "WorkerType": {secret: secret}, "Priority": secret, "x": secret}

    assert secret not in str(found(machine(state(Parameters=parameters))))


def test_yaml_is_linted_too():
    text = "StartAt: A\nStates:\n  A:\n    Type: Pass\n    End: true\n"

    assert lint(text, "a.yaml", Knowledge()).findings == []
