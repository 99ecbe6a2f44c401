from __future__ import annotations

import json
import sys
from dataclasses import replace

import pytest

from runners.deployment.environment import SERVICES
from runners.lint import printing
from runners.lint.steps import LOST, TRANSIENT
from runners.services import step
from runners.steps import errors
from tests.unit.lint.definitions import ACTIVITY, LOCAL, found, linted, machine, state

FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:steps"
INVOKE = "arn:aws:states:::lambda:invoke"
WITH_STEPS = replace(LOCAL, environment=LOCAL.environment.model_copy(update={"services": SERVICES}))
TRIED = [
    {"ErrorEquals": ["SourceUnavailable", "TargetUnavailable", "StepLost", "States.Timeout", "States.HeartbeatTimeout"]}
]
COPIES = {
    "StepType": "CopyObjects",
    "Parameters": {
        "Source": {"Bucket": "landing", "Prefix": "2026/"},
        "TargetBucket": "archive",
        "TargetPrefix": "2026/",
    },
    "ExecutionId.$": "$$.Execution.Id",
}
TO_FILE = {
    "StepType": "PostgreSqlToS3",
    "Parameters": {
        "Source": {"ConnectionName": "shop", "Query": "SELECT 1"},
        "Target": {"Bucket": "lake", "Key": "a.csv", "Format": {"Type": "csv"}},
    },
}


def by_function(request, **changes):
    return state(**{"Resource": FUNCTION, "Parameters": request, "HeartbeatSeconds": None, "Retry": TRIED, **changes})


def by_activity(request, **changes):
    resource = f"{ACTIVITY}:StepRunnerActivity"
    return state(**{"Resource": resource, "Parameters": in_the_runner_s_words(request), "Retry": TRIED, **changes})


def in_the_runner_s_words(request):
    """A request with the execution's ARN as every runner takes it."""
    return {name.replace("ExecutionId", "ExecutionArn"): value for name, value in request.items()}


def invoked(request, name="steps", **changes):
    return by_function({"FunctionName": name, "Payload": request}, Resource=INVOKE, **changes)


def said(task, knowledge=WITH_STEPS, **fields):
    """What is found in a state, by the name of the rule."""
    return [
        (each.name, each.message) for each in found(machine(task, **fields), knowledge) if each.rule.startswith("STP")
    ]


def problems(parameters, step_type="CopyObjects"):
    request = {"StepType": step_type, "Parameters": parameters, "ExecutionId.$": "$$.Execution.Id"}
    return [message for name, message in said(by_function(request)) if name == "step-parameters"]


WAYS = pytest.mark.parametrize("way", [by_function, by_activity, invoked])


@WAYS
def test_a_step_that_is_right_is_passed(way):
    assert found(machine(way(COPIES)), WITH_STEPS) == []


@WAYS
def test_a_step_type_that_there_is_not_is_told_with_the_nearest(way):
    ((rule, message),) = said(way({**COPIES, "StepType": "CopyObject"}))
    assert rule == "step-type"
    assert "did you mean CopyObjects?" in message


@WAYS
def test_a_request_without_a_step_type_is_told(way):
    request = {name: value for name, value in COPIES.items() if name != "StepType"}
    assert [rule for rule, _ in said(way(request))] == ["step-type"]


@WAYS
def test_parameters_that_a_step_refuses_are_told_where_they_stand(way):
    wrong = {**COPIES, "Parameters": {**COPIES["Parameters"], "Source": {"Bucket": "landing", "Prefix": 7}}}
    (finding,) = found(machine(way(wrong)), WITH_STEPS)
    assert finding.message == "CopyObjects will refuse its parameters: Source.Prefix: Input should be a valid string"
    line = linted_line(way(wrong), finding.position.line)
    assert '"Prefix": 7' in line


def linted_line(task, number):
    return json.dumps(machine(task), indent=2).splitlines()[number - 1]


@WAYS
def test_a_step_that_is_not_told_its_execution_is_found(way):
    request = {name: value for name, value in COPIES.items() if name != "ExecutionId.$"}
    ((rule, message),) = said(way(request))
    assert rule == "step-execution"
    name = "ExecutionArn.$" if way is by_activity else "ExecutionId.$"
    assert f'"{name}": "$$.Execution.Id"' in message


def test_an_activity_may_be_told_the_execution_as_the_function_is():
    assert said(by_activity({}, Parameters=COPIES)) == []


@WAYS
def test_a_step_without_a_retry_is_found(way):
    ((rule, message),) = said(way(COPIES, Retry=[{"ErrorEquals": ["States.Timeout", "States.HeartbeatTimeout"]}]))
    assert rule == "step-retry"
    assert "SourceUnavailable or TargetUnavailable" in message
    assert (LOST in message) is (way is by_activity)


@pytest.mark.parametrize("error", ["States.ALL", "States.TaskFailed"])
def test_a_retry_on_everything_will_do(error):
    assert said(by_function(COPIES, Retry=[{"ErrorEquals": [error]}])) == []


def test_the_errors_that_pass_by_themselves_are_those_of_steps_and_of_their_service():
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.StepError)]
    assert {kind.__name__ for kind in kinds if kind.transient} == set(TRANSIENT)
    assert LOST == step.LOST


# What is known only when it runs


@pytest.mark.parametrize(
    "parameters",
    [
        {"Source.$": "$.source", "TargetBucket": "archive", "TargetPrefix": "2026/"},
        {"Source": {"Bucket.$": "$.bucket", "Prefix": ""}, "TargetBucket": "archive", "TargetPrefix": ""},
        {"Source": {"Bucket": "${Bucket}", "Prefix": ""}, "TargetBucket": "archive", "TargetPrefix": ""},
        {"Source": {"Bucket": "landing", "Key.$": "$.key"}, "TargetBucket": "archive", "TargetKey.$": "$.key"},
        {
            "Source": {"Bucket": "landing", "Prefix": ""},
            "TargetBucket": "archive",
            "TargetPrefix": "",
            "MinObjects": "{{ params.n }}",
        },
        {
            "Source": {"Bucket": "landing", "Prefix": ""},
            "TargetBucket": "archive",
            "TargetPrefix": "",
            "MinObjects": "{% raw %}",
        },
    ],
)
def test_a_value_that_comes_later_counts_as_any_value(parameters):
    assert problems(parameters) == []


def test_beside_a_value_that_comes_later_what_is_wrong_is_told():
    parameters = {"Source": {"Bucket.$": "$.bucket", "Prefx": ""}, "TargetBucket": 7, "TargetPrefix": ""}
    assert len(problems(parameters)) == 2


@pytest.mark.parametrize("value", ["SELECT {{ ds }}", ["{{ ds }}"], {"Text": "{{ ds }}"}])
def test_a_field_that_there_is_not_is_told_whatever_its_value_will_be(value):
    target = {"Bucket": "lake", "Key": "orders/{{ ds }}.csv"}
    (problem,) = problems({"Source": {"ConnectionName": "shop", "Qery": value}, "Target": target}, "PostgreSqlToS3")
    assert problem.endswith("Source.Qery: Extra inputs are not permitted; did you mean Query?")


def test_one_of_several_models_is_judged_by_what_is_known():
    target = {"Bucket": "lake", "Key": "a.csv", "Format": {"Type": "csv", "Delimiter": "{{ params.delimiter }}"}}
    source = {"ConnectionName": "shop", "Query": "SELECT 1"}
    assert problems({"Source": source, "Target": target}, "PostgreSqlToS3") == []
    wrong = {**target, "Format": {"Type": "csv", "Delimiter": 7}}
    assert problems({"Source": source, "Target": wrong}, "PostgreSqlToS3")


@pytest.mark.parametrize(
    "task",
    [
        by_function({**{n: v for n, v in COPIES.items() if n != "StepType"}, "StepType.$": "$.step"}),
        by_function(None),
        by_function({"FunctionName": "steps", "Payload.$": "$"}, Resource=INVOKE),
        by_activity({**COPIES, "StepType": "${Step}"}),
    ],
)
def test_a_request_that_is_known_only_when_it_runs_is_said_not_to_be_checked(task):
    assert [rule for rule, _ in said(task)] == ["step-unknown"]


def test_parameters_that_are_known_only_when_it_runs_are_not_judged():
    request = {name: value for name, value in COPIES.items() if name != "Parameters"}
    assert said(by_function({**request, "Parameters.$": "$.parameters"})) == []


def test_jsonata_is_not_judged():
    arguments = {
        "StepType": "CopyObjects",
        "Parameters": {"Source": "{% $source %}", "TargetBucket": "archive", "TargetPrefix": "a/"},
        "ExecutionId": "{% $states.context.Execution.Id %}",
    }
    task = by_function(None, Arguments=arguments, QueryLanguage="JSONata")
    assert said(task) == []


def test_what_jsonata_lacks_is_said_in_jsonata():
    arguments = {"StepType": "CopyObjects", "Parameters": COPIES["Parameters"]}
    ((_, message),) = said(by_function(None, Arguments=arguments, QueryLanguage="JSONata"))
    assert '"ExecutionId": "{% $states.context.Execution.Id %}"' in message


# What is no step, and what cannot be checked


@pytest.mark.parametrize(
    "task",
    [
        by_function({}, Resource="arn:aws:lambda:us-east-1:123456789012:function:footsteps"),
        by_function({}, Resource="arn:aws:states:::sqs:sendMessage"),
        invoked({}, name="load"),
        invoked({}, name="arn:aws:lambda:us-east-1:123456789012:function:load"),
        by_function(None, Resource=INVOKE),
    ],
)
def test_what_calls_something_else_is_left_alone(task):
    assert said(task) == []


@pytest.mark.parametrize("name", ["steps", "steps:live", FUNCTION, f"{FUNCTION}:7"])
def test_the_function_may_be_named_as_lambda_allows(name):
    assert said(invoked({**COPIES, "StepType": "Nothing"}, name=name))[0][0] == "step-type"


def test_without_the_extra_steps_are_said_not_to_be_checked(monkeypatch):
    monkeypatch.setitem(sys.modules, "runners.steps.catalog", None)
    wrong = {**COPIES, "StepType": "Nothing"}
    assert [rule for rule, _ in said(by_function(wrong))] == ["step-unknown"]
    assert [rule for rule, _ in said(by_activity(wrong))] == ["step-unknown"]


def test_steps_are_counted_beside_activity_tasks():
    report = linted(machine(by_function(COPIES)), WITH_STEPS)
    (line,) = printing.lines(report, "", coloured=False)
    assert line.endswith("in 0 activity tasks and 1 step of 1 state machine")


DAILY = {
    "StepType": "PostgreSqlToS3",
    "Parameters": {
        "Source": {"ConnectionName": "shop", "Query": "SELECT * FROM orders WHERE placed_on = {{ ds }}"},
        "Target": {"Bucket": "lake", "Key": "orders/{{ ds | add_days(-1) }}/{{ params.region }}.parquet"},
    },
    "ExecutionId.$": "$$.Execution.Id",
    "ExecutionDate.$": "$$.Execution.StartTime",
}


def with_key(key):
    target = {**DAILY["Parameters"]["Target"], "Key": key}
    return {**DAILY, "Parameters": {**DAILY["Parameters"], "Target": target}}


@WAYS
def test_templates_that_name_what_there_is_are_passed(way):
    assert said(way(DAILY)) == []


@WAYS
def test_a_template_that_names_what_there_is_not_is_told_where_it_stands(way):
    (finding,) = found(machine(way(with_key("orders/{{ dss }}.parquet"))), WITH_STEPS)
    assert (finding.name, finding.rule) == ("step-templates", "STP006")
    assert finding.message.endswith("Target.Key: a template cannot be rendered: 'dss' is undefined; did you mean ds?")
    assert "{{ dss }}" in linted_line(way(with_key("orders/{{ dss }}.parquet")), finding.position.line)


@WAYS
def test_a_date_in_a_template_needs_the_date_of_the_execution(way):
    undated = {name: value for name, value in DAILY.items() if name != "ExecutionDate.$"}
    findings = said(way(undated))
    assert [rule for rule, _ in findings] == ["step-templates", "step-templates"]
    assert "give ExecutionDate from $$.Execution.StartTime" in findings[0][1]


def test_a_place_within_a_list_is_told():
    request = {
        "StepType": "RunSql",
        "Parameters": {
            "System": "PostgreSql",
            "ConnectionName": "shop",
            "Statements": ["SELECT 1", "SELECT {{ zebra }}"],
        },
        "ExecutionId.$": "$$.Execution.Id",
    }
    ((_, message),) = said(by_function(request))
    assert message.startswith("Statements.1: a template cannot be rendered: 'zebra' is undefined")


def test_a_query_that_is_taken_as_it_is_written_has_no_templates():
    request = {
        "StepType": "GraphQlToS3",
        "Parameters": {
            "Source": {"ConnectionName": "shop", "Query": "{ products { name {{ zebra }} } }", "Records": "products"},
            "Target": {"Bucket": "lake", "Key": "a.jsonl"},
        },
        "ExecutionId.$": "$$.Execution.Id",
    }
    assert said(by_function(request)) == []


@pytest.mark.parametrize("step_type", ["", "PostgreSqlToS4"])
def test_templates_of_a_step_type_that_there_is_not_are_not_looked_into(step_type):
    assert "step-templates" not in [
        rule for rule, _ in said(by_function({**with_key("{{ dss }}"), "StepType": step_type}))
    ]


@pytest.mark.parametrize("text", ["{{ ${Name} }}.parquet", "{% ${Expression} %}"])
def test_a_text_with_a_substitution_is_not_taken_for_a_template(text):
    assert said(by_function(with_key(text))) == []


def test_an_expression_of_jsonata_is_not_taken_for_a_template():
    request = {
        "StepType": "RunSql",
        "Parameters": {
            "System": "PostgreSql",
            "ConnectionName": "shop",
            "Statements": ["{% 'DELETE FROM ' & $states.input.table %}"],
        },
        "ExecutionId": "{% $states.context.Execution.Id %}",
    }
    task = by_function(None, Arguments=request, QueryLanguage="JSONata")
    assert said(task) == []
