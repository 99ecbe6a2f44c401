from __future__ import annotations

import json
from dataclasses import replace

import pytest

from runners.lint.knowledge import Knowledge
from runners.lint.linting import ALL_RULES, KINDS
from tests.unit.lint.definitions import ACTIVITY, LOCAL, found, machine, rules, state

NAMES = [rule.name for rule in ALL_RULES]


@pytest.mark.parametrize("rule", ALL_RULES, ids=NAMES)
def test_the_bad_example_of_a_rule_has_its_finding_and_no_error_of_another(rule):
    findings = in_example(rule.bad)

    assert {each.rule for each in findings if each.rule == rule.id} == {rule.id}
    assert {each.severity for each in findings if each.rule == rule.id} == {rule.severity}
    assert {each.rule for each in findings if each.severity == "error"} <= {rule.id}


@pytest.mark.parametrize("rule", ALL_RULES, ids=NAMES)
def test_in_the_good_example_of_a_rule_nothing_is_found(rule):
    assert in_example(rule.good) == []


def test_each_rule_has_an_id_and_a_name_of_its_own():
    kinds = [*ALL_RULES, *KINDS]

    assert len({kind.id for kind in kinds}) == len({kind.name for kind in kinds}) == len(kinds)


def in_example(text):
    """What is found in an example, within a state machine that has the state its failures go to."""
    example = json.loads(text)
    states = {"Load": example}
    around = example["ItemProcessor"]["States"] if "ItemProcessor" in example else states
    around["Tell Somebody"] = {"Type": "Succeed"}
    definition = {"StartAt": "Load", "States": states}
    return [each for each in found(definition) if each.state != "Tell Somebody"]  # to which not every example goes


def only(name, task, knowledge=LOCAL):
    """What one rule finds in a task."""
    return [each.message for each in found(machine(task), knowledge) if each.name == name]


def test_a_path_gives_seconds_as_well():
    task = state(
        HeartbeatSeconds=None, TimeoutSeconds=None, HeartbeatSecondsPath="$.heartbeat", TimeoutSecondsPath="$.timeout"
    )

    assert rules(machine(task)) == []


def test_seconds_that_are_substituted_are_not_compared():
    assert rules(machine(state(HeartbeatSeconds="${Heartbeat}", TimeoutSeconds="${Timeout}"))) == []


def test_the_heartbeat_is_held_against_the_interval_of_the_environment():
    durations = {"heartbeat_interval_seconds": 20.0, "task_heartbeat_seconds": 200}
    slow = replace(LOCAL, environment=LOCAL.environment.changed(**durations))

    assert only("heartbeat-interval", state(HeartbeatSeconds=119), slow)[0].endswith("make it 120 or more")
    assert only("heartbeat-interval", state(HeartbeatSeconds=120), slow) == []
    assert only("heartbeat-interval", state(HeartbeatSeconds=74))
    assert only("heartbeat-interval", state(HeartbeatSeconds=1), Knowledge()) == []


def test_the_heartbeat_of_a_worker_of_ones_own_is_its_own():
    task = state(Resource=f"{ACTIVITY}:Mine", HeartbeatSeconds=1)

    assert rules(machine(task), replace(LOCAL, own_activities=["Mine"])) == []


@pytest.mark.parametrize(
    "retriers",
    [
        [{"ErrorEquals": ["States.ALL"]}],
        [{"ErrorEquals": ["States.TaskFailed", "States.Timeout"]}],
        [{"ErrorEquals": ["States.Timeout"]}, {"ErrorEquals": ["States.HeartbeatTimeout"], "MaxAttempts": 1}],
        [{"ErrorEquals": ["ClaimFailedError"], "MaxAttempts": 0}, {"ErrorEquals": ["States.ALL"]}],
        [{"ErrorEquals": ["States.ALL"], "MaxAttempts": "${Retries}"}],
    ],
)
def test_these_retriers_bring_a_task_back(retriers):
    assert only("retry", state(Retry=retriers)) == []


@pytest.mark.parametrize(
    ("retriers", "message"),
    [
        (None, "no Retry matches States.Timeout or States.HeartbeatTimeout"),
        ("nonsense", "no Retry matches States.Timeout or States.HeartbeatTimeout"),
        ([1, {}, {"ErrorEquals": "States.ALL"}], "no Retry matches States.Timeout or States.HeartbeatTimeout"),
        ([{"ErrorEquals": ["States.Timeout"]}], "no Retry matches States.HeartbeatTimeout"),
        ([{"ErrorEquals": ["States.TaskFailed"]}], "States.TaskFailed matches all but States.Timeout"),
        ([{"ErrorEquals": ["States.ALL"], "MaxAttempts": 0}], "MaxAttempts 0"),
        (
            [{"ErrorEquals": ["States.Timeout"], "MaxAttempts": 0}, {"ErrorEquals": ["States.ALL"]}],
            "MaxAttempts 0",
        ),
    ],
)
def test_these_retriers_do_not_bring_a_task_back(retriers, message):
    (said,) = only("retry", state(Retry=retriers))

    assert message in said


def test_a_catch_of_a_parallel_around_the_task_is_one():
    inner = machine(state(Catch=None))
    parallel = {"Type": "Parallel", "Branches": [inner], "End": True}

    assert "catch" in rules(machine(parallel))
    assert "catch" not in rules(machine({**parallel, "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Tell"}]}))


def test_a_misspelt_activity_is_told_with_the_one_that_may_be_meant():
    (said,) = only("unknown-activity", state(Resource=f"{ACTIVITY}:AthenaRunerActivity"))

    assert "did you mean 'AthenaRunnerActivity'?" in said


def test_an_activity_that_nobody_polls_is_told_unless_a_worker_of_ones_own_does():
    task = state(Resource=f"{ACTIVITY}:Zzz")

    assert only("unknown-activity", task) == [
        "no runner polls the activity Zzz, so nobody will take the task; or say --activity Zzz"
    ]
    assert only("unknown-activity", task, replace(LOCAL, own_activities=["Zzz"])) == []


def test_an_activity_for_one_file_of_the_data_bucket_is_known_and_its_input_is_its_name():
    bucket = LOCAL.environment.data_bucket

    assert rules(machine(state(Resource=f"{ACTIVITY}:{bucket}-sales.csv", Parameters={"Any": "thing"}))) == []
    assert only("unknown-activity", state(Resource=f"{ACTIVITY}:{bucket}-")) != []


def test_an_activity_whose_name_is_substituted_is_let_be():
    assert rules(machine(state(Resource=f"{ACTIVITY}:${{Name}}"))) == []


def test_in_an_account_the_activities_are_those_that_there_are():
    knowledge = replace(LOCAL, deployed=[f"{ACTIVITY}:GlueRunnerActivity", f"{ACTIVITY}:Mine"])
    elsewhere = f"{ACTIVITY}:GlueRunnerActivity".replace("us-east-1", "eu-central-1")

    assert rules(machine(state()), knowledge) == []
    assert rules(machine(state(Resource=f"{ACTIVITY}:Mine", Parameters={"Any": "thing"})), knowledge) == []
    (said,) = only("unknown-activity", state(Resource=f"{ACTIVITY}:Minee"), knowledge)
    assert said.startswith(f"there is no activity {ACTIVITY}:Minee; did you mean 'Mine'?")
    assert only("unknown-activity", state(Resource=elsewhere), knowledge) != []


def test_what_is_switched_on_is_not_asked_where_the_account_tells():
    task = state(Resource=f"{ACTIVITY}:CrawlerRunnerActivity", Parameters={"CrawlerName": "Uploads"})

    assert only("service-off", task) != []
    assert only("service-off", task, replace(LOCAL, deployed=[task["Resource"]])) == []
    assert only("service-off", state(Resource=f"{ACTIVITY}:DataArrivalActivity")) == []


def test_without_an_environment_activities_are_known_by_their_usual_names():
    written = {"Mistake": 1}
    inputs = {
        f"{ACTIVITY}:CrawlerRunnerActivity": True,
        f"{ACTIVITY}:EmrServerlessRunnerActivity": True,
        f"{ACTIVITY}:DataArrivalActivity": True,
        f"{ACTIVITY}:Crawler": False,
        f"{ACTIVITY}:OtherRunnerActivity": False,
    }

    for resource, is_known in inputs.items():
        names = rules(machine(state(Resource=resource, Parameters=written)), Knowledge())
        assert ("input" in names) == is_known, resource
        assert "unknown-activity" not in names


def test_each_problem_of_an_input_is_told_at_its_field():
    task = state(Parameters={"GlueJobName": 7, "NumberOfWorkers": 0, "WorkerType": "G.1X"})

    told = {each.message: each.position.line for each in found(machine(task)) if each.name == "input"}

    assert told == {
        "glue will refuse the input: GlueJobName: Input should be a valid string": 8,
        "glue will refuse the input: NumberOfWorkers: Input should be greater than or equal to 1": 9,
    }


def test_fields_that_do_not_go_together_are_told_at_the_input():
    task = state(Parameters={"GlueJobName": "Load", "WorkerType": "G.1X"})

    (said,) = [each for each in found(machine(task)) if each.name == "input"]

    assert said.message == (
        "glue will refuse the input: the fields do not go together: "
        "WorkerType and NumberOfWorkers go together; give both or neither"
    )
    assert said.position.line == 7


def test_a_wrong_field_that_a_path_gives_is_told_at_that_field():
    task = state(
        Resource=f"{ACTIVITY}:DataArrivalActivity", Parameters={"Bucket": "data", "Key": "k", "Prfix.$": "$.p"}
    )

    (said,) = [each for each in found(machine(task)) if each.name == "input"]

    assert "did you mean Prefix?" in said.message
    assert said.position.line == 10


def test_an_input_in_a_text_is_checked_as_one():
    assert "input" in rules(machine(state(Parameters='{"GlueJobName": 7}')))


def test_jsonata_is_checked_but_for_its_expressions():
    arguments = {"GlueJobName": "{% $states.input.job %}", "NumberOfWorkers": 0}
    task = state(Parameters=None, Arguments=arguments, TimeoutSeconds="{% $states.input.limit %}", Assign={"x": 1})

    assert sorted(rules(machine(task, QueryLanguage="JSONata"))) == ["execution-arn", "input", "jsonata"]


def test_the_suggestion_is_made_in_the_language_of_the_state():
    task = state(Parameters=None, Arguments={"GlueJobName": "Load"}, QueryLanguage="JSONata")

    assert only("execution-arn", task)[0].endswith('"ExecutionArn": "{% $states.context.Execution.Id %}"')


@pytest.mark.parametrize("kind", ["sync", "sync:2", "waitForTaskToken"])
def test_an_integration_that_waits_wants_a_limit(kind):
    task = {"Type": "Task", "Resource": f"arn:aws:states:::states:startExecution.{kind}", "End": True}

    assert only("wait-timeout", task) != []
    assert only("wait-timeout", {**task, "TimeoutSeconds": 60}) == []


def test_other_tasks_are_not_the_rules_business():
    for resource in ("arn:aws:states:::sns:publish", "arn:aws:lambda:us-east-1:123456789012:function:x"):
        assert rules(machine({"Type": "Task", "Resource": resource, "End": True})) == ["states-language"]


def test_an_express_workflow_has_no_activities():
    assert rules(machine(state()), express=True) == ["express"]
