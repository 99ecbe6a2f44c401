"""Where the values of templates' parameters come from."""

from __future__ import annotations

import pytest

from runners.deployment import plan, templates
from runners.deployment.arns import setting_behind
from runners.deployment.environment import SERVICES, Environment
from runners.deployment.templates import CODE_KEY, TEMPLATES, known, parameters, setting_of
from runners.errors import ConfigurationError

from .test_environment import DEV

ENVIRONMENT = Environment(**DEV).resolved()
NAMES = sorted({stack.template for stack in (*plan.stacks_of(SERVICES), *plan.samples())})
OF_OTHER_STACKS = {
    "Environment": "dev",
    "Service": "glue",
    "ActivityArn": "arn:activity",
    "PolicyArn": "arn:policy",
    "StepsPolicyArn": "arn:policy",
}


def test_a_parameter_is_named_as_its_setting() -> None:
    assert setting_of("MaxActiveJobs") == "max_active_jobs"
    assert setting_of("Polls") == "polls"


def test_there_is_a_stack_for_each_template() -> None:
    by_hand = ["worker"]  # needs a cluster, an image and subnets, of which config/ knows nothing (docs/worker.md)
    assert sorted(path.stem for path in TEMPLATES.glob("*.yaml")) == sorted([*NAMES, *by_hand])


@pytest.mark.parametrize("stack", NAMES)
def test_every_parameter_without_a_default_has_a_value(stack: str) -> None:
    values = parameters(stack, ENVIRONMENT, {CODE_KEY: "lambda/abc.zip", **OF_OTHER_STACKS})
    declared = templates.declared(stack)
    assert {name for name in declared if "Default" not in declared[name]} <= values.keys()


def test_names_become_arns_of_the_environments_partition_region_and_account() -> None:
    environment = Environment(
        **{**DEV, "region": "cn-north-1", "other_glue_jobs": ["Mine"], "ecs_roles": ["path/Task"]}
    ).resolved()
    jobs = parameters("glue-runner", environment, {})["GlueJobArns"].split(",")
    assert jobs[3] == "arn:aws-cn:glue:cn-north-1:210987654321:job/Mine"
    ecs = parameters("ecs-runner", environment, {})
    assert ecs["EcsRoleArns"] == "arn:aws-cn:iam::210987654321:role/path/Task"
    assert ecs["EcsClusterArns"] == ""
    athena = parameters("athena-runner", environment, {})
    assert athena["AthenaObjectArns"] == f"arn:aws-cn:s3:::{environment.data_bucket}/*"


def test_every_setting_is_used_by_a_template_or_says_where_templates_are_deployed() -> None:
    names = {name for stack in NAMES for name in templates.declared(stack)}
    used = {setting_behind(name) or setting_of(name) for name in names}
    about_the_deployment = {"embedded", "account_id", "region"}
    computed = {
        "limits": "max_running_jobs",
        "longest_schedule_seconds": "longest_schedule_milliseconds",
        "other_glue_jobs": "glue_jobs",
        "other_athena_buckets": "athena_buckets",
        "other_athena_databases": "athena_databases",
        "steps_read_buckets": "steps_buckets",
    }
    unused = {name for name in Environment.model_fields if computed.get(name, name) not in used}
    assert unused == about_the_deployment


def test_values_are_written_as_cloudformation_reads_them() -> None:
    values = parameters("runner-lambda", ENVIRONMENT, {CODE_KEY: "lambda/abc.zip", **OF_OTHER_STACKS})
    assert values[CODE_KEY] == "lambda/abc.zip"
    assert values["StopAbandonedJobs"] == "true"
    assert values["SweepIntervalSeconds"] == "15"
    assert (
        parameters("glue-runner", ENVIRONMENT, {})["GlueJobs"]
        == "ProcessSalesData,ProcessMarketingData,JoinMarketingAndSalesData"
    )


def test_a_setting_that_was_left_out_leaves_the_templates_default() -> None:
    assert "NotificationEmail" not in parameters("runner-resources", ENVIRONMENT, {})
    asked = ENVIRONMENT.model_copy(update={"notification_email": "me@example.com"})
    assert parameters("runner-resources", asked, {})["NotificationEmail"] == "me@example.com"


def test_a_parameter_without_a_setting_is_told_with_what_to_add(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(templates, "declared", lambda _stack: {"NewThing": {"Type": "String"}})
    with pytest.raises(ConfigurationError, match="parameter NewThing, but there is no setting new_thing"):
        parameters("runner-resources", ENVIRONMENT, {})


def test_only_stacks_with_functions_need_the_package() -> None:
    assert [stack for stack in NAMES if templates.needs_code(stack)] == ["data-arrivals", "runner-lambda", "steps"]


def test_no_name_means_all_and_a_wrong_one_is_told_with_the_nearest() -> None:
    assert known((), ("a", "b"), "thing") == ("a", "b")
    assert known(("b",), ("a", "b"), "thing") == ("b",)
    with pytest.raises(ConfigurationError, match="no stack 'glue-resource'; did you mean 'glue-resources'"):
        known(("glue-resource",), tuple(NAMES), "stack")
