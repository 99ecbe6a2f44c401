from __future__ import annotations

import json

import pytest

from runners.lint.machines import StateMachine, tasks_of
from runners.lint.reading import Position, UnreadableError, read
from runners.lint.templates import NotRead, machines_in
from tests.unit.lint.definitions import LOCAL, machine, state

STATE_MACHINE = "AWS::StepFunctions::StateMachine"
ACTIVITY = {"Type": "AWS::StepFunctions::Activity", "Properties": {"Name": {"Ref": "GlueRunnerActivity"}}}


def in_template(properties, kind=STATE_MACHINE, environment=LOCAL.environment, **sections):
    resources = {
        "Activity": ACTIVITY,
        "Function": {"Type": "AWS::Lambda::Function"},
        "Machine": {"Type": kind, "Properties": properties},
        **sections.pop("Resources", {}),
    }
    document = read(json.dumps({"Resources": resources, **sections}, indent=1))
    (found,) = machines_in(document, environment)
    return found


def resource(found):
    (task,) = tasks_of(found)
    return task.resource


def text(of_resource):
    return json.dumps(machine(state(Resource=of_resource)))


def test_a_file_that_is_a_state_machine_has_one_without_a_name():
    (found,) = machines_in(read(text("x")), None)

    assert found.name == ""


@pytest.mark.parametrize("value", [[], {}, {"Resources": []}, "text"])
def test_a_file_that_is_neither_a_state_machine_nor_a_template_is_refused(value):
    with pytest.raises(UnreadableError, match="no state machine"):
        machines_in(read(json.dumps(value), is_yaml=False), None)


def test_a_template_may_make_none():
    assert machines_in(read('{"Resources": {"A": 1, "B": {"Type": "AWS::SNS::Topic"}}}'), None) == []


@pytest.mark.parametrize(
    "properties",
    [
        {"DefinitionString": {"Fn::Sub": text("${Activity}")}},
        {"DefinitionString": {"Fn::Sub": text("${Activity.Arn}")}},
        {"DefinitionString": {"Fn::Sub": [text("${It}"), {"It": {"Ref": "Activity"}}]}},
        {"DefinitionString": {"Fn::Sub": [text("${It}"), {"It": {"Fn::GetAtt": ["Activity", "Arn"]}}]}},
        {
            "DefinitionString": {
                "Fn::Join": ["", [*text("|").split("|")[:1], {"Ref": "Activity"}, text("|").split("|")[1]]]
            }
        },
        {"DefinitionString": text("${It}"), "DefinitionSubstitutions": {"It": {"Fn::GetAtt": "Activity.Arn"}}},
        {"DefinitionString": text("${It}"), "DefinitionSubstitutions": {"It": {"Fn::Sub": "${Activity}"}}},
        {"Definition": machine(state(Resource={"Ref": "Activity"}))},
        {"Definition": machine(state(Resource="${It}")), "DefinitionSubstitutions": {"It": {"Ref": "Activity"}}},
    ],
)
def test_an_activity_of_the_template_is_known_however_it_is_referred_to(properties):
    parameters = {"GlueRunnerActivity": {"Type": "String"}}

    assert resource(in_template(properties, Parameters=parameters)).endswith(":activity:GlueRunnerActivity")


def test_what_is_another_resource_is_no_activity():
    assert (
        resource(in_template({"DefinitionString": {"Fn::Sub": text("${Function.Arn}")}})) == "<AWS::Lambda::Function>"
    )


def test_a_parameter_is_known_by_the_setting_of_its_name_or_its_default():
    definition = {"DefinitionString": {"Fn::Sub": text("x:activity:${Named}")}}

    def named(**parameters):
        renamed = json.loads(json.dumps(definition).replace("Named", next(iter(parameters))))
        return resource(in_template(renamed, Parameters=parameters)).rpartition(":")[2]

    assert named(DataArrivalActivity={"Default": "Other"}) == "DataArrivalActivity"
    assert named(Mine={"Default": "Other"}) == "Other"
    assert named(Mine={"Type": "String"}) == "${Mine}"
    assert named(Mine=1) == "${Mine}"


def test_parameters_and_names_that_make_no_sense_are_passed_over():
    found = in_template(
        {"Definition": machine(state(Resource={"Fn::If": ["A", 1, 2]})), "DefinitionSubstitutions": 1},
        Parameters=[],
        Resources={"Odd": {"Type": ACTIVITY["Type"]}, "Odder": {"Type": ACTIVITY["Type"], "Properties": 1}},
    )

    assert resource(found) == "${Fn::If}"


def test_sams_state_machines_are_found():
    assert isinstance(in_template({"Definition": machine(state())}, kind="AWS::Serverless::StateMachine"), StateMachine)


def test_an_express_state_machine_is_known():
    definition = {"Definition": machine(state())}

    assert in_template({**definition, "StateMachineType": "EXPRESS"}).express
    assert in_template({**definition, "Type": "EXPRESS"}, kind="AWS::Serverless::StateMachine").express
    assert not in_template(definition).express


@pytest.mark.parametrize(
    ("properties", "reason"),
    [
        ({"DefinitionUri": "a.json"}, "in another file"),
        ({"DefinitionS3Location": {"Bucket": "b"}}, "in another file"),
        ({"DefinitionString": {"Fn::Transform": {}}}, "made by Fn::Transform"),
        ({"DefinitionString": 7}, "made by int"),
    ],
)
def test_a_definition_that_is_not_in_the_template_is_told(properties, reason):
    found = in_template(properties)

    assert isinstance(found, NotRead)
    assert reason in found.reason
    assert not found.broken


@pytest.mark.parametrize("properties", [{"DefinitionString": "{"}, {"DefinitionString": {"Fn::Sub": "{"}}, {}])
def test_a_definition_that_is_broken_is_told(properties):
    found = in_template(properties)

    assert isinstance(found, NotRead)
    assert found.broken


def test_a_broken_definition_leaves_the_others():
    resources = {
        name: {"Type": STATE_MACHINE, "Properties": {"DefinitionString": definition}}
        for name, definition in (("Broken", "{"), ("Whole", text("x")))
    }

    found = machines_in(read(json.dumps({"Resources": resources})), None)

    assert [type(each) for each in found] == [NotRead, StateMachine]


def test_positions_are_those_of_the_template():
    lines = [
        "Resources:",
        "  Machine:",
        "    Type: AWS::StepFunctions::StateMachine",
        "    Properties:",
        "      DefinitionString: !Sub |",
        "        {",
        '          "StartAt": "Load", "States": {',
        '            "Load": {"Type": "Task", "TimeoutSeconds": ${Seconds}}}}',
    ]

    (found,) = machines_in(read("\n".join(lines)), None)

    (task,) = tasks_of(found)
    assert found.definition.position(task.path) == Position(8, 13)
    assert task.state["TimeoutSeconds"] == "${Seconds}"
