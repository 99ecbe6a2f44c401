import pytest

from runners.deployment import plan, templates
from runners.operations.checks import deployment
from tests.unit.operations.stubs import Stub, levels, scene

ACTIVITY = "arn:aws:states:us-east-1:123456789012:activity:GlueRunnerActivity"
OUTPUTS = {"ActivityArn": ACTIVITY, "PolicyArn": "arn:policy", "EventRuleArn": "arn:rule"}
STEPS_TABLES = {
    scene().environment.steps_cursors_table: ("step",),
    scene().environment.steps_completions_table: ("completion_key",),
}
KEYS = {
    scene().environment.active_jobs_table: ("runner", "task_key"),
    scene().environment.arrivals_table: ("bucket", "key"),
    **STEPS_TABLES,
}
TEMPLATES = {stack.name: stack.template for stack in plan.stacks_of(("glue",))}


def parameters_of(name):
    (stack,) = [stack for stack in plan.stacks_of(("glue",)) if stack.name == name]
    given = {"Service": stack.service, templates.CODE_KEY: "code.zip"}
    given |= OUTPUTS if stack.takes_outputs_of else {}
    return templates.parameters(stack.template, scene().environment, given)


def cloudformation(status="CREATE_COMPLETE", change=None, template=None, rules=()):
    """All stacks there as they should be, but for what is said."""

    def describe_stacks(StackName):  # noqa: N803  # boto3's
        parameters = {**parameters_of(StackName), **(change or {})}
        return {
            "Stacks": [
                {
                    "StackStatus": status,
                    "Outputs": [{"OutputKey": key, "OutputValue": value} for key, value in OUTPUTS.items()],
                    "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
                }
            ]
        }

    def get_template(StackName):  # noqa: N803  # boto3's
        return {"TemplateBody": template or templates.body(TEMPLATES[StackName])}

    return Stub(
        "cloudformation",
        describe_stacks=describe_stacks,
        get_template=get_template,
        list_stack_resources={"StackResourceSummaries": list(rules)},
    )


def no_stacks():
    stub = Stub("cloudformation")
    stub.answers["describe_stacks"] = stub.error("ValidationError", "Stack with id x does not exist")
    return stub


def stacks(client):
    return list(deployment.stacks(scene(("cloudformation", client))))


def test_stacks_that_are_as_they_should_be_are_well():
    findings = stacks(cloudformation())

    assert set(levels(findings)) == {"ok"}
    assert [finding.subject.split()[1] for finding in findings] == list(TEMPLATES)


def test_a_stack_that_is_not_there_is_a_problem_with_what_to_type():
    findings = stacks(no_stacks())

    assert set(levels(findings)) == {"problem"}
    assert findings[0].advice == "type `pynt deploy`"


def test_a_stack_that_is_not_whole_is_a_problem():
    assert set(levels(stacks(cloudformation("UPDATE_ROLLBACK_FAILED")))) == {"problem"}


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"template": "Resources: {}"}, "not up to date: the template"),
        ({"template": {"Resources": {}}}, "not up to date: the template"),
        ({"change": {"Polls": "99"}}, "not up to date: Polls"),
    ],
)
def test_a_stack_that_is_not_up_to_date_is_a_warning(changed, told):
    (finding,) = [each for each in stacks(cloudformation(**changed)) if each.subject == "stack gluerunner-lambda"]

    assert finding.level == "warning"
    assert finding.told.endswith(told)


def dynamodb(**changes):
    def describe_table(TableName):  # noqa: N803  # boto3's
        keys = KEYS[TableName]
        table = {
            "TableStatus": "ACTIVE",
            "KeySchema": [
                {"AttributeName": name, "KeyType": kind}
                for name, kind in zip(keys, ("HASH", "RANGE")[: len(keys)], strict=True)
            ],
            "GlobalSecondaryIndexes": [{"IndexName": "by_run", "IndexStatus": "ACTIVE"}],
        }
        return {"Table": {**table, **changes}}

    def describe_time_to_live(TableName):  # noqa: N803  # boto3's
        status = "DISABLED" if TableName == own.steps_cursors_table else "ENABLED"
        return {"TimeToLiveDescription": {"TimeToLiveStatus": status, "AttributeName": "expires_at"}}

    own = scene().environment
    return Stub("dynamodb", describe_table=describe_table, describe_time_to_live=describe_time_to_live)


def tables(client, services=("glue",)):
    return list(deployment.tables(scene(("dynamodb", client), services=services)))


def test_tables_with_keys_index_and_time_to_live_are_well():
    assert levels(tables(dynamodb())) == ["ok", "ok"]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"TableStatus": "DELETING"}, ["problem", "problem"]),
        ({"KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}]}, ["problem", "problem"]),
        ({"GlobalSecondaryIndexes": []}, ["problem", "ok"]),
    ],
)
def test_a_table_that_cannot_be_used_is_a_problem(changes, expected):
    assert levels(tables(dynamodb(**changes))) == expected


def test_a_table_that_is_not_there_is_a_problem():
    client = dynamodb()
    client.answers["describe_table"] = client.error("ResourceNotFoundException")

    assert levels(tables(client)) == ["problem", "problem"]


def test_the_tables_of_steps_are_looked_at_where_steps_are_switched_on():
    findings = tables(dynamodb(), services=("glue", "step"))

    assert levels(findings) == ["ok"] * 4
    assert {finding.subject for finding in findings[2:]} == {f"table {name}" for name in STEPS_TABLES}


def test_cursors_that_are_forgotten_are_a_problem():
    client = dynamodb()
    forgets = {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires_at"}
    client.answers["describe_time_to_live"] = {"TimeToLiveDescription": forgets}

    assert levels(tables(client, services=("step",))) == ["ok", "ok", "problem", "ok"]


def test_a_table_that_does_not_forget_is_a_warning():
    client = dynamodb()
    client.answers["describe_time_to_live"] = {"TimeToLiveDescription": {"TimeToLiveStatus": "DISABLED"}}

    assert levels(tables(client)) == ["warning", "warning"]


def activities(step_functions):
    return list(deployment.activities(scene(("stepfunctions", step_functions), services=("arrivals", "glue"))))


def test_activities_that_are_there_are_well():
    findings = activities(Stub("stepfunctions", describe_activity={}))

    assert [(finding.level, finding.subject) for finding in findings] == [
        ("ok", "activity DataArrivalActivity"),
        ("ok", "activity GlueRunnerActivity"),
    ]


def test_an_activity_that_is_not_there_is_a_problem():
    step_functions = Stub("stepfunctions")
    step_functions.answers["describe_activity"] = step_functions.error("ActivityDoesNotExist")

    assert levels(activities(step_functions)) == ["problem", "problem"]


def test_the_function_of_the_steps_is_looked_at_by_its_own_name():
    assert scene(services=("step",)).functions("step") == ("steps",)
    assert scene().functions("glue") == ("gluerunner",)


def functions(configuration, counts=None, reserved=None, workers=(), services=("glue",), **settings):
    counts = counts or {}

    def metric(MetricName, **_):  # noqa: N803  # boto3's
        return {"Datapoints": [{"Sum": float(counts[MetricName])}] if MetricName in counts else []}

    concurrency = {} if reserved is None else {"ReservedConcurrentExecutions": reserved}
    client = Stub("lambda", get_function_configuration=configuration, get_function_concurrency=concurrency)
    if configuration is None:
        client.answers["get_function_configuration"] = client.error("ResourceNotFoundException")
    cloudwatch = Stub("cloudwatch", get_metric_statistics=metric)
    place = scene(("lambda", client), ("cloudwatch", cloudwatch), workers=workers, services=services, **settings)
    return list(deployment.functions(place))


def test_a_function_that_ran_lately_without_errors_is_well():
    findings = functions({"State": "Active", "LastUpdateStatus": "Successful"}, {"Invocations": 15})

    assert levels(findings) == ["ok", "ok"]
    assert findings[1].told == "was invoked 15 times within 15 min, without errors"


@pytest.mark.parametrize(
    ("configuration", "counts", "reserved", "told"),
    [
        (None, {}, None, "is not there"),
        ({"State": "Failed", "StateReason": "no image"}, {}, None, "is Failed: no image"),
        ({"LastUpdateStatus": "Failed"}, {}, None, "was not updated: no reason given"),
        ({}, {}, 0, "is switched off: its reserved concurrency is 0"),
        ({}, {}, None, "was not invoked within 15 min: nobody polls"),
        ({}, {"Invocations": 15, "Errors": 2}, None, "failed 2 of 15 times within 15 min"),
        ({}, {"Invocations": 15, "Throttles": 3}, None, "was throttled 3 times within 15 min"),
    ],
)
def test_a_function_that_does_not_work_is_a_problem(configuration, counts, reserved, told):
    finding = functions(configuration, counts, reserved)[-1]

    assert (finding.level, finding.told) == ("problem", told)
    assert finding.advice


def test_a_function_that_no_event_has_called_is_well():
    findings = functions({}, {"Invocations": 0}, services=("arrivals",))

    assert levels(findings) == ["ok", "problem", "ok", "ok"]  # arrivalrunner has a schedule, ons3objectcreated none


def test_the_function_of_a_service_that_a_worker_polls_for_is_not_needed():
    (finding,) = functions(None, workers=("glue",))

    assert (finding.level, finding.told) == ("ok", "is not looked at: a worker polls for it")


def test_invocations_in_the_embedded_aws_are_not_called_well():
    assert levels(functions({}, embedded=True)) == ["ok", "not checked"]


RULE = {"ResourceType": "AWS::Events::Rule", "LogicalResourceId": "Schedule", "PhysicalResourceId": "rule-1"}


def rules(state="ENABLED", targets=("arn:aws:lambda:us-east-1:1:function:gluerunner",), workers=(), rule=None):
    described = {"State": state, "ScheduleExpression": "rate(1 minute)"}
    events = Stub(
        "events", describe_rule=described, list_targets_by_rule={"Targets": [{"Arn": target} for target in targets]}
    )
    if rule is not None:
        events.answers["describe_rule"] = events.error(rule)
    other = {**RULE, "ResourceType": "AWS::IAM::Role"}
    client = cloudformation(rules=(RULE, other))
    found = deployment.rules(scene(("events", events), ("cloudformation", client), workers=workers))
    return {finding.subject: finding for finding in found}["rule gluerunner-lambda/Schedule"]


def test_a_rule_that_is_enabled_and_has_a_target_is_well():
    assert rules().told == "is enabled (rate(1 minute)) for gluerunner"


def test_a_rule_that_does_nothing_is_a_problem_with_what_to_type():
    assert rules("DISABLED").advice == "type `aws events enable-rule --name rule-1`"
    assert rules(targets=()).told == "has no target (rate(1 minute))"
    assert rules(rule="ResourceNotFoundException").told == "is not there"


def test_a_schedule_may_be_disabled_where_a_worker_polls():
    assert rules("DISABLED", workers=("glue",)).level == "ok"


def test_rules_of_stacks_that_are_not_there_are_told_elsewhere():
    assert list(deployment.rules(scene(("cloudformation", no_stacks())))) == []


def test_a_stack_that_cannot_be_looked_at_is_no_stack_that_is_not_there():
    client = Stub("cloudformation")
    client.answers["describe_stacks"] = client.error("AccessDenied")

    with pytest.raises(client.exceptions.ClientError):
        list(deployment.stacks(scene(("cloudformation", client))))
