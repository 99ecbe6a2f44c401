"""The CloudFormation templates: clean to the linters, least privilege, encrypted, private, and true to the code."""

from __future__ import annotations

import ast
import csv
import inspect
import json
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import cache
from operator import itemgetter
from pathlib import Path
from typing import Any

import pytest
import yaml
from botocore import xform_name
from botocore.exceptions import UnknownServiceError
from botocore.session import get_session
from cfnlint.api import lint_file
from cfnlint.config import ManualArgs
from statelint.linter import Linter

from runners.active_jobs import BY_RUN
from runners.clients import POLL_READ_TIMEOUT
from runners.composition import SERVICES
from runners.deployment import environment as environments
from runners.deployment import plan
from runners.deployment.environment import ROOT, Environment
from runners.deployment.templates import CODE_KEY, TEMPLATES, declared, parameters
from runners.lambdas.on_job_event import EXECUTIONS
from runners.local.spark_sql import sql_on_duckdb
from runners.settings import PREFIX, Settings
from runners.steps.catalog import find
from runners.steps.settings import StepSettings
from runners.worker.settings import settings_of

LARGEST_BODY = 51_200  # bytes; what CreateStack takes
NAMES = sorted(path.stem for path in TEMPLATES.glob("*.yaml"))
IN_AN_ACCOUNT = {"account_id": "123456789012", "region": "eu-central-1"}
WITH_ALL_SERVICES = {
    "services": environments.SERVICES,
    "athena_work_groups": ["primary", "etl"],
    "batch_job_definitions": ["Load"],
    "batch_job_queues": ["Nightly", "Daily"],
    "crawlers": ["Uploads"],
    "databrew_jobs": ["Clean"],
    "ecs_clusters": ["etl"],
    "ecs_roles": ["LoadTask", "service/LoadExecution"],
    "ecs_task_definitions": ["load"],
    "emr_serverless_applications": ["00abcdefghijkl01"],
    "emr_serverless_roles": ["SparkJob"],
    "glue_workflows": ["Nightly"],
    "lambda_jobs": ["Load"],
    "redshift_clusters": ["warehouse"],
    "redshift_secrets": ["redshift/etl"],
    "redshift_users": ["etl"],
    "redshift_workgroup_ids": ["8a9b0c1d-2e3f-4a5b-6c7d-8e9f0a1b2c3d"],
    "steps_athena_databases": ["shop"],
    "steps_athena_work_groups": ["primary"],
    "steps_connections": ["shop", "team-chat"],
    "steps_email_identities": ["example.com"],
    "steps_functions": ["enrich-orders"],
    "steps_layers": ["arn:aws:lambda:eu-central-1:123456789012:layer:steps-mssql:3"],
    "steps_queues": ["orders.fifo"],
    "steps_read_buckets": ["partner-data"],
    "steps_redshift_clusters": ["warehouse"],
    "steps_redshift_users": ["etl"],
    "steps_redshift_workgroup_ids": ["8a9b0c1d-2e3f-4a5b-6c7d-8e9f0a1b2c3d"],
    "steps_secrets": ["rds/shop"],
    "steps_security_groups": ["sg-0123456789abcdef0"],
    "steps_subnets": ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"],
    "steps_tables": ["Orders"],
    "steps_topics": ["OrdersLoaded"],
    "steps_write_buckets": ["my-data"],
}


def environment(name: str, **changes: Any) -> Environment:
    """An environment of ``config/`` with all services switched on, as if it were filled in."""
    values = yaml.safe_load((ROOT / "config" / f"{name}.yaml").read_text(encoding="utf-8"))
    return Environment(**{**values, **IN_AN_ACCOUNT, **WITH_ALL_SERVICES, **changes}).resolved()


ENVIRONMENTS = {path.stem: environment(path.stem) for path in (ROOT / "config").glob("*.yaml")}
ENVIRONMENT = ENVIRONMENTS["dev"]
FUNCTIONS = plan.functions_of(["glue"])  # the runner of any other service is made by the same template
STEPS = "steps"  # the function that is no runner
RUNNERS = {"gluerunner": "glue", "arrivalrunner": "arrivals"}
GIVEN = {  # parameters that are no settings: the package, and what one stack takes of another
    CODE_KEY: "lambda/abc.zip",
    "Environment": "dev",
    "Service": "glue",
    "ActivityArn": "arn:aws:states:eu-central-1:123456789012:activity:GlueRunnerActivity",
    "PolicyArn": "arn:aws:iam::123456789012:policy/glue-runner-Policy-1A2B",
    "EventRuleArn": "arn:aws:events:eu-central-1:123456789012:rule/glue-runner-JobEnded-1A2B",
    "StepsPolicyArn": "arn:aws:iam::123456789012:policy/step-runner-StepsPolicy-1A2B",
    "Services": "glue,athena",
    "Activities": "glue=arn:aws:states:eu-central-1:123456789012:activity:GlueRunnerActivity,"
    "athena=arn:aws:states:eu-central-1:123456789012:activity:AthenaRunnerActivity",
    "ActivityArns": "arn:aws:states:eu-central-1:123456789012:activity:GlueRunnerActivity",
    "PolicyArns": "arn:aws:iam::123456789012:policy/glue-runner-Policy-1A2B",
    "Image": "123456789012.dkr.ecr.eu-central-1.amazonaws.com/etl-runners-worker:1",
    "ImageRepositoryArn": "arn:aws:ecr:eu-central-1:123456789012:repository/etl-runners-worker",
    "Cluster": "etl",
    "Subnets": "subnet-0123456789abcdef0",
    "SecurityGroups": "sg-0123456789abcdef0",
}
PSEUDO_PARAMETERS = {
    "AWS::Partition": "aws",
    "AWS::Region": ENVIRONMENT.region,
    "AWS::AccountId": ENVIRONMENT.account_id,
}


class FullLoader(yaml.SafeLoader):
    """Reads a template with its functions: ``!Ref X`` is ``{"Ref": X}``, as in a template in JSON."""


def _function(loader: yaml.SafeLoader, tag: str, node: yaml.Node) -> dict[str, Any]:
    name = tag if tag in ("Ref", "Condition") else f"Fn::{tag}"
    if isinstance(node, yaml.ScalarNode):
        text = loader.construct_scalar(node)
        return {name: text.split(".", 1) if tag == "GetAtt" else text}
    return {name: loader.construct_sequence(node, deep=True)}  # type: ignore[arg-type]


FullLoader.add_multi_constructor("!", _function)


@cache
def template(stack: str) -> dict[str, Any]:
    return yaml.load((TEMPLATES / f"{stack}.yaml").read_text(encoding="utf-8"), FullLoader)


def resources(kind: str) -> list[tuple[str, str, dict[str, Any]]]:
    """All resources of a type, as (stack, logical name, resource)."""
    return [
        (stack, name, resource)
        for stack in NAMES
        for name, resource in template(stack)["Resources"].items()
        if resource["Type"] == kind
    ]


def rendered(stack: str, text: str) -> str:
    """What ``Fn::Sub`` makes of a text; a resource becomes an ARN of its own."""
    values = parameters(stack, ENVIRONMENT, GIVEN) | PSEUDO_PARAMETERS
    defaults = {name: str(declaration.get("Default")) for name, declaration in declared(stack).items()}
    values = {**defaults, **values}
    return re.sub(
        r"\$\{([^}]+)\}", lambda found: values.get(found[1], f"arn:aws:states:eu-central-1:1:x:{found[1]}"), text
    )


def text(stack: str, value: Any) -> str:
    """A text of a template, with or without ``Fn::Sub``."""
    return value if isinstance(value, str) else rendered(stack, value["Fn::Sub"])


@pytest.mark.parametrize("stack", NAMES)
def test_cfn_lint_finds_nothing(stack: str) -> None:
    # I3510: an action is allowed for a kind of resource that AWS knows it for.
    values = [
        {
            name: value.split(",") if "List" in declared(stack)[name]["Type"] else value
            for name, value in parameters(stack, each, GIVEN).items()
        }
        for each in ENVIRONMENTS.values()
    ]
    matches = lint_file(TEMPLATES / f"{stack}.yaml", ManualArgs(parameters=values, include_checks=["I3510"]))
    assert [str(match) for match in matches] == []


@pytest.mark.parametrize("stack", NAMES)
@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_a_template_takes_the_values_of_each_environment(stack: str, name: str) -> None:
    for parameter, value in parameters(stack, ENVIRONMENTS[name], GIVEN).items():
        declaration = declared(stack)[parameter]
        assert re.fullmatch(declaration.get("AllowedPattern", ".*"), value), parameter
        assert value in map(str, declaration.get("AllowedValues", [value])), parameter
        if "MinValue" in declaration:
            assert float(value) >= declaration["MinValue"], parameter


@pytest.mark.parametrize("stack", NAMES)
def test_a_template_is_small_enough_to_be_sent_along(stack: str) -> None:
    assert (TEMPLATES / f"{stack}.yaml").stat().st_size <= LARGEST_BODY


@pytest.mark.parametrize("stack", NAMES)
def test_a_template_says_what_it_and_its_parameters_and_outputs_are(stack: str) -> None:
    assert template(stack)["Description"]
    assert all(declared["Description"] for declared in template(stack)["Parameters"].values())
    assert all(output["Description"] for output in template(stack)["Outputs"].values())


@pytest.mark.parametrize("stack", NAMES)
def test_stacks_are_deployable_one_by_one_in_every_partition(stack: str) -> None:
    text = (TEMPLATES / f"{stack}.yaml").read_text(encoding="utf-8")
    assert not re.search(r"Fn::ImportValue|!ImportValue|Export:", text)
    assert not re.search(r"arn:aws[:-]", text)


def test_roles_have_no_fixed_names() -> None:
    assert [name for _, name, role in resources("AWS::IAM::Role") if "RoleName" in role["Properties"]] == []


# The workflow


@cache
def machines() -> dict[str, dict[str, Any]]:
    """The state machines by their templates: the workflow, and those of samples."""
    return {
        stack: json.loads(text(stack, machine["Properties"]["DefinitionString"]))
        for stack, _, machine in resources("AWS::StepFunctions::StateMachine")
    }


def workflow() -> dict[str, Any]:
    return machines()["step-functions-resources"]


def tasks_of(machine: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The tasks of activities in a state machine and its branches, by their names."""
    found: dict[str, dict[str, Any]] = {}
    for name, state in machine["States"].items():
        if state.get("Resource", "").startswith(f"arn:aws:states:{ENVIRONMENT.region}:"):
            found[name] = state
        for branch in state.get("Branches", []):
            found |= tasks_of(branch)
    return found


def functions_called(machine: dict[str, Any]) -> set[str]:
    """The ARNs of the functions that a state machine and its branches call."""
    found = {state["Resource"] for state in machine["States"].values() if ":lambda:" in state.get("Resource", "")}
    branches = [branch for state in machine["States"].values() for branch in state.get("Branches", [])]
    return found.union(*map(functions_called, branches))


def activity_tasks() -> list[tuple[str, dict[str, Any]]]:
    branches = workflow()["States"]["Process Datasets"]["Branches"]
    states = [item for branch in branches for item in branch["States"].items()]
    name = "Join Marketing And Sales Data"
    return [*states, (name, workflow()["States"][name])]


@pytest.mark.parametrize("stack", machines())
def test_statelint_finds_nothing(stack: str) -> None:
    assert Linter.validate(machines()[stack]) == []


def test_the_workflow_waits_and_processes_in_two_branches_then_joins() -> None:
    states = workflow()["States"]
    parallel = states[workflow()["StartAt"]]
    assert [(branch["StartAt"], *list(branch["States"])) for branch in parallel["Branches"]] == [
        ("Wait For Sales Data", "Wait For Sales Data", "Process Sales Data"),
        ("Wait For Marketing Data", "Wait For Marketing Data", "Process Marketing Data"),
    ]
    assert parallel["Next"] == "Join Marketing And Sales Data"
    assert states["Join Marketing And Sales Data"]["End"] is True


def test_whatever_fails_is_told_and_ends_the_execution_as_failed() -> None:
    states = workflow()["States"]
    for name in ("Process Datasets", "Join Marketing And Sales Data"):
        assert states[name]["Catch"][0]["ErrorEquals"] == ["States.ALL"]
        assert states[name]["Catch"][0]["Next"] == "ETL Job Failed Fallback"
    fallback = states["ETL Job Failed Fallback"]
    assert fallback["Resource"] == "arn:aws:states:::sns:publish"
    assert "$$.Execution.Id" in fallback["Parameters"]["Message.$"]
    assert "$.Failure" in fallback["Parameters"]["Message.$"]
    assert states[fallback["Next"]]["Type"] == "Fail"


def test_an_execution_whose_failure_cannot_be_told_fails_all_the_same() -> None:
    fallback = workflow()["States"]["ETL Job Failed Fallback"]
    assert fallback["Catch"][0]["Next"] == fallback["Next"]


@pytest.mark.parametrize(
    ("stack", "name"), [(stack, name) for stack in machines() for name in tasks_of(machines()[stack])]
)
def test_each_task_has_a_time_out_heartbeats_and_a_retry_for_lost_workers(stack: str, name: str) -> None:
    task = tasks_of(machines()[stack])[name]
    assert task["TimeoutSeconds"] > task["HeartbeatSeconds"] > 0
    retry = task["Retry"][0]
    assert retry["ErrorEquals"] == ["States.Timeout", "States.HeartbeatTimeout", "ClaimFailedError"]
    assert retry["MaxAttempts"] == ENVIRONMENT.lost_worker_retries


def test_waits_are_for_uploads_since_the_executions_start() -> None:
    waits = [task["Parameters"] for name, task in activity_tasks() if name.startswith("Wait")]
    assert waits == [
        {
            "Bucket": ENVIRONMENT.data_bucket,
            "Pattern": f"{prefix}*.csv",
            "NewerThan.$": "$$.Execution.StartTime",
            "ExecutionArn.$": "$$.Execution.Id",
        }
        for prefix in ("sales/", "marketing/")
    ]


def test_the_output_shows_what_each_wait_and_each_job_gave() -> None:
    assert [task["ResultPath"] for _, task in activity_tasks()] == [
        "$.Arrival",
        "$.Job",
        "$.Arrival",
        "$.Job",
        "$.Join",
    ]
    parallel = workflow()["States"]["Process Datasets"]
    assert parallel["ResultSelector"] == {"Sales.$": "$[0]", "Marketing.$": "$[1]"}
    assert parallel["ResultPath"] == "$.Datasets"


def test_the_subject_of_a_failures_message_fits_into_sns() -> None:
    longest = "x" * 64
    subject = workflow()["States"]["ETL Job Failed Fallback"]["Parameters"]["Subject"]
    assert len(subject.replace(ENVIRONMENT.state_machine, longest)) <= 100


def steps_asked(machine: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The states of a state machine and its branches that run steps, by their names."""
    found = {name: state for name, state in machine["States"].items() if "StepType" in state.get("Parameters", {})}
    for state in machine["States"].values():
        for branch in state.get("Branches", []):
            found |= steps_asked(branch)
    return found


@pytest.mark.parametrize("name", steps_asked(machines()["sample-steps"]))
def test_each_step_of_the_sample_is_one_that_there_is_and_is_repeated_while_something_is_unavailable(name: str) -> None:
    state = steps_asked(machines()["sample-steps"])[name]
    asked = state["Parameters"]
    find(asked["StepType"]).Parameters.checked(asked["Parameters"])
    assert asked["ExecutionId.$"] == "$$.Execution.Id"
    assert {"SourceUnavailable", "TargetUnavailable"} <= set(state["Retry"][0]["ErrorEquals"])
    assert state["TimeoutSeconds"] == ENVIRONMENT.steps_timeout_seconds


# Rights

NO_RESOURCE = {  # actions that AWS lets be restricted to no resource
    "states:SendTaskSuccess",
    "states:SendTaskFailure",
    "states:SendTaskHeartbeat",
    "states:ListActivities",
    "states:ListStateMachines",
    "cloudwatch:PutMetricData",
    "batch:DescribeJobs",
    "batch:ListJobs",
    "ecr:GetAuthorizationToken",
    "dms:DescribeReplicationTasks",
    "dms:DescribeReplications",
    "ecs:DescribeTaskDefinition",
    "ecs:ListTasks",
    "redshift-data:CancelStatement",
    "redshift-data:DescribeStatement",
    "redshift-data:GetStatementResult",
    "redshift-data:ListStatements",
    # Lambda itself makes a function's place in a VPC with its role, and wants these for everything.
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
}


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def allowed() -> Iterator[tuple[str, dict[str, Any]]]:
    """Each statement of a role, or of a policy that a role has, with the template and logical name of that."""
    holders = [
        (stack, name, [policy["PolicyDocument"] for policy in role["Properties"]["Policies"]])
        for stack, name, role in resources("AWS::IAM::Role")
    ] + [
        (stack, name, [policy["Properties"]["PolicyDocument"]])
        for stack, name, policy in resources("AWS::IAM::ManagedPolicy")
    ]
    for stack, name, documents in holders:
        for document in documents:
            for statement in document["Statement"]:
                yield f"{stack}.{name}", statement["Fn::If"][1] if "Fn::If" in statement else statement


def granted(of: str, client: str = "") -> set[str]:
    """The actions that a template allows, or a role or policy of it; all, or those of one of AWS's services."""
    return {
        action
        for holder, statement in allowed()
        if holder.startswith(f"{of}.") or holder == of
        for action in listed(statement["Action"])
        if action.startswith(f"{client}:" if client else "")
    }


def test_no_role_may_do_more_than_it_names() -> None:
    for role, statement in allowed():
        assert statement["Effect"] == "Allow"
        assert not [action for action in listed(statement["Action"]) if "*" in action], role
        if statement["Resource"] == "*":
            assert set(listed(statement["Action"])) <= NO_RESOURCE, role


def test_no_role_has_a_managed_policy_but_that_of_its_service() -> None:
    assert [
        (stack, role["Properties"]["ManagedPolicyArns"])
        for stack, _, role in resources("AWS::IAM::Role")
        if "ManagedPolicyArns" in role["Properties"]
    ] == [
        ("runner-lambda", [{"Ref": "PolicyArn"}]),
        (STEPS, [{"Ref": "StepsPolicyArn"}]),
        ("worker", {"Ref": "PolicyArns"}),
    ]


def test_policies_have_no_names_and_nothing_that_only_a_new_one_could_change() -> None:
    # A policy that its role still has cannot be replaced by a new one.
    for _, name, policy in resources("AWS::IAM::ManagedPolicy"):
        assert policy["Properties"].keys() == {"PolicyDocument"}, name


@pytest.mark.parametrize(
    ("service", "passed_to"),
    [("ecs", "ecs-tasks.amazonaws.com"), ("emrserverless", "emr-serverless.amazonaws.com")],
)
def test_roles_are_passed_to_the_service_that_needs_them_only(service: str, passed_to: str) -> None:
    passes = {
        holder: statement.get("Condition") for holder, statement in allowed() if statement["Action"] == "iam:PassRole"
    }
    assert passes.keys() == {"ecs-runner.Policy", "emrserverless-runner.Policy"}
    assert passes[f"{service}-runner.Policy"] == {"StringEquals": {"iam:PassedToService": passed_to}}


def test_the_runner_of_athena_has_data_and_catalog_only_through_queries() -> None:
    for holder, statement in allowed():
        if holder == "athena-runner.Policy" and statement["Sid"] != "RunQueries":
            via = {"ForAnyValue:StringEquals": {"aws:CalledVia": ["athena.amazonaws.com"]}}
            assert statement["Condition"] == via, statement["Sid"]


def test_a_function_that_reports_may_do_what_reporting_calls_and_no_more() -> None:
    calls = called(ROOT / "runners" / "completions.py")
    assert granted("lambda-runner.ReportPolicy") == calls


@pytest.mark.parametrize("stack", machines())
def test_a_state_machine_may_only_tell_of_failures_and_call_the_function_of_the_steps_if_it_asks_for_any(
    stack: str,
) -> None:
    *calls, right = [statement for role, statement in allowed() if role == f"{stack}.OrchestratorRole"]
    assert [(each["Action"], rendered(stack, each["Resource"]["Fn::Sub"])) for each in calls] == [
        ("lambda:InvokeFunction", resource) for resource in sorted(functions_called(machines()[stack]))
    ]
    assert right["Action"] == "sns:Publish"
    assert right["Resource"] == {"Ref": "Failures"} or right["Resource"]["Fn::Sub"].endswith(":${FailureTopic}")


@pytest.mark.parametrize("key", ["sales", "sales_$folder$", "marketing", "output", "output_$folder$", "output/sales"])
def test_a_glue_job_may_ask_for_the_keys_that_spark_tries_before_it_lists_a_folder(key: str) -> None:
    # HeadObject of a key that is not there answers 404 only to who may read it; to others 403, which fails the job.
    readable = [
        rendered("glue-resources", resource["Fn::Sub"])
        for role, statement in allowed()
        if role == "glue-resources.JobRole" and "s3:GetObject" in listed(statement["Action"])
        for resource in listed(statement["Resource"])
    ]
    asked = f"arn:aws:s3:::{ENVIRONMENT.data_bucket}/{key}"
    assert any(fnmatchcase(asked, pattern) for pattern in readable)


def test_a_role_asks_for_conditions_only_of_services_that_are_documented_to_meet_them() -> None:
    conditional = {
        statement["Principal"]["Service"]
        for _, _, role in resources("AWS::IAM::Role")
        for statement in role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        if "Condition" in statement
    }
    assert conditional == {"states.amazonaws.com"}


ACTION_OF_CALL = {
    "dynamodb:TransactWriteItems": "dynamodb:PutItem",  # of what it writes, which are puts
    "s3:HeadObject": "s3:GetObject",
    "s3:ListObjectsV2": "s3:ListBucket",
    "lambda:Invoke": "lambda:InvokeFunction",
}
API_OF_PREFIX = {"elasticmapreduce": "emr"}  # where botocore names a service otherwise than IAM


def called(path: Path) -> set[str]:
    """The actions that a module calls: ``self._glue.get_job_run`` is ``glue:GetJobRun``."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not (isinstance(node, ast.Attribute) and isinstance(node.value, ast.Attribute)):
            continue
        prefix = node.value.attr.removeprefix("_").replace("_", "-")
        for operation in operations(prefix):
            if node.attr == xform_name(operation):
                found.add(ACTION_OF_CALL.get(f"{prefix}:{operation}", f"{prefix}:{operation}"))
        assert node.attr not in ("get_paginator", "get_waiter"), "say which call that is"
    return found


@cache
def operations(prefix: str) -> list[str]:
    """The operations of an AWS service, by its prefix in IAM; none of what is no service."""
    try:
        return list(get_session().get_service_model(API_OF_PREFIX.get(prefix, prefix)).operation_names)
    except UnknownServiceError:
        return []


def imported(path: Path) -> list[Path]:
    """A module of a service and those of its folder that it imports."""
    names = re.findall(r"from runners\.services\.(\w+) import", path.read_text(encoding="utf-8"))
    return [path, *(path.with_name(f"{name}.py") for name in names)]


BEYOND_THE_CALLS = {
    # A query reads tables and data and writes its result with the rights of who started it.
    "athena": {
        *(f"glue:{verb}{what}" for verb in ("Create", "Get", "Update", "Delete") for what in ("Table", "Partition")),
        *(f"glue:{what}" for what in ("GetDatabase", "GetDatabases", "GetTables", "GetPartitions")),
        *(f"glue:Batch{verb}Partition" for verb in ("Create", "Get", "Delete")),
        *(f"s3:{what}" for what in ("GetBucketLocation", "ListBucket", "GetObject", "PutObject")),
        *(f"s3:{what}" for what in ("AbortMultipartUpload", "ListMultipartUploadParts", "ListBucketMultipartUploads")),
    },
    # A request may have tags, and its task definition roles.
    "batch": {"batch:TagResource"},
    "ecs": {"ecs:TagResource", "iam:PassRole"},
    "emrserverless": {"emr-serverless:TagResource", "iam:PassRole"},
    # The Data API takes its credentials of the database, or its secret, with the rights of who calls it.
    "redshift": {
        "redshift:GetClusterCredentials",
        "redshift:GetClusterCredentialsWithIAM",
        "redshift-serverless:GetCredentials",
        "secretsmanager:GetSecretValue",
    },
}
"""What AWS demands of a runner besides the right to make its calls."""


def jobs_services() -> dict[str, Any]:
    """The services whose runner is made by the template that they share: all but the arrivals of data."""
    return {name: kind for name, kind in SERVICES.items() if name != "arrivals"}


def test_every_service_can_be_switched_on() -> None:
    assert sorted(environments.SERVICES) == sorted(jobs_services())


@pytest.mark.parametrize("service", [each for each in environments.SERVICES if each != "step"])
def test_a_runner_may_do_at_its_service_what_its_code_calls_and_no_more(service: str) -> None:
    module = Path(str(inspect.getsourcefile(SERVICES[service])))
    calls = set().union(*map(called, imported(module)))
    assert calls, "the code's clients are named otherwise than this test thinks"
    assert granted(f"{service}-runner.Policy") == calls | BEYOND_THE_CALLS.get(service, set())


def test_a_worker_may_do_with_the_reports_of_its_steps_what_its_code_calls_and_no_more() -> None:
    services = ROOT / "runners" / "services"
    code = (ROOT / "runners" / "completions.py", services / "completion_records.py", services / "step_records.py")
    assert granted("step-runner.Policy") == set().union(*map(called, code))


CALLED_BY_STEPS = {
    **ACTION_OF_CALL,
    "dynamodb:ExecuteStatement": "dynamodb:PartiQLSelect",  # of a query
    "s3:CompleteMultipartUpload": "s3:PutObject",
    "s3:CreateMultipartUpload": "s3:PutObject",
    "s3:DeleteObjects": "s3:DeleteObject",
    "s3:UploadPart": "s3:PutObject",
    "sesv2:SendEmail": "ses:SendEmail",
    "sns:PublishBatch": "sns:Publish",
    "sqs:ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
    "sqs:DeleteMessageBatch": "sqs:DeleteMessage",
    "sqs:SendMessageBatch": "sqs:SendMessage",
}
BEYOND_THE_CALLS_OF_STEPS = {
    # What reads and writes with the rights of who started it: Athena's queries, and the Data API of Redshift.
    *BEYOND_THE_CALLS["athena"],
    *BEYOND_THE_CALLS["redshift"],
    *(f"redshift-data:{what}Statement" for what in ("Execute", "BatchExecute", "Describe", "Cancel")),
    "redshift-data:GetStatementResult",
    "kms:Decrypt",  # SSM's and Secrets Manager's, of what they are asked for
    "s3:GetObjectTagging",  # a copy has its original's tags
    "s3:PutObjectTagging",
    "ses:SendRawEmail",  # of a message with its attachments
}
NOT_NEEDED_BY_STEPS = {"ssm:DescribeParameters"}  # for the name that may be meant; all names of the account


def called_by_steps() -> set[str]:
    """The actions that steps call, of the services whose clients a module makes or names the type of."""
    found: set[str] = set()
    for path in (ROOT / "runners" / "steps").rglob("*.py"):
        code = path.read_text(encoding="utf-8")
        services = set(re.findall(r"""client\(\s*"([a-z0-9-]+)\"""", code))
        services |= {name.replace("_", "-") for name in re.findall(r"mypy_boto3_(\w+)", code)}
        names = {node.attr for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Attribute)}
        calls = [f"{each}:{it}" for each in services for it in operations(each) if xform_name(it) in names]
        found |= {CALLED_BY_STEPS.get(call, call) for call in calls}
    return found


def test_steps_may_do_what_their_code_calls_and_no_more() -> None:
    rights, calls = granted("step-runner.StepsPolicy"), called_by_steps()
    assert {"s3:PutObject", "ssm:GetParameter", "dynamodb:BatchWriteItem"} <= calls, "the clients are named otherwise"
    assert calls - rights == NOT_NEEDED_BY_STEPS
    assert rights - calls <= BEYOND_THE_CALLS_OF_STEPS


def test_a_runner_may_do_with_its_tables_what_its_code_calls_and_no_more() -> None:
    calls = called(ROOT / "runners" / "active_jobs.py") | called(ROOT / "runners" / "watch.py")
    assert granted("runner-lambda", "dynamodb") == calls
    assert granted("data-arrivals", "dynamodb") == calls | called(ROOT / "runners" / "arrivals.py")


def test_only_runners_whose_events_tell_of_runs_may_read_the_index_by_run() -> None:
    indexes = {
        (holder, resource["Fn::Sub"].rpartition("/index/")[2])
        for holder, statement in allowed()
        for resource in listed(statement["Resource"])
        if "/index/" in str(resource)
    }
    assert indexes == {("runner-lambda.Role", BY_RUN), ("worker.Role", BY_RUN)}


def test_a_function_that_records_arrivals_may_not_read_them() -> None:
    (right,) = [each for _, each in allowed() if "${ArrivalsTable}" in str(each["Resource"])]
    assert right["Action"] == "dynamodb:PutItem"


def test_a_runner_may_see_of_executions_what_its_code_asks_and_no_more() -> None:
    reports = {"states:GetActivityTask"} | {f"states:SendTask{what}" for what in ("Success", "Failure", "Heartbeat")}
    asked = {f"states:{what}" for what in ("ListStateMachines", "DescribeStateMachine", "ListExecutions")}
    assert granted("runner-lambda.Role", "states") == reports | asked
    assert granted("data-arrivals.ArrivalRunnerRole", "states") == reports | asked | {"states:ListActivities"}
    code = (ROOT / "runners" / "executions.py").read_text(encoding="utf-8")
    assert asked == {f"states:{name}" for name in operations("stepfunctions") if f".{xform_name(name)})(" in code}


def test_the_functions_of_arrivals_may_do_in_s3_what_their_code_calls_and_no_more() -> None:
    assert granted("data-arrivals", "s3") == called(ROOT / "runners" / "services" / "data_arrivals.py")


# Protection


@pytest.mark.parametrize(
    "kind",
    [
        "AWS::DynamoDB::Table",
        "AWS::S3::Bucket",
        "AWS::SQS::Queue",
        "AWS::KMS::Key",
        "AWS::Logs::LogGroup",
    ],
)
def test_what_becomes_of_what_holds_data_is_said(kind: str) -> None:
    assert resources(kind)
    for _, name, resource in resources(kind):
        assert {"DeletionPolicy", "UpdateReplacePolicy"} <= resource.keys(), name


def test_tables_are_encrypted_backed_up_and_paid_by_use() -> None:
    for _, _, table in resources("AWS::DynamoDB::Table"):
        properties = table["Properties"]
        assert properties["SSESpecification"] == {"SSEEnabled": True}
        assert properties["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
        assert properties["BillingMode"] == "PAY_PER_REQUEST"


def test_queues_and_topics_are_encrypted_and_reached_over_tls_only() -> None:
    for _, name, queue in resources("AWS::SQS::Queue"):
        assert queue["Properties"]["SqsManagedSseEnabled"] is True
        assert denies_without_tls("AWS::SQS::QueuePolicy", {"Ref": name})
    for _, name, topic in resources("AWS::SNS::Topic"):
        assert topic["Properties"]["KmsMasterKeyId"]
        assert denies_without_tls("AWS::SNS::TopicPolicy", {"Ref": name})


def test_buckets_are_encrypted_versioned_private_and_reached_over_tls_only() -> None:
    for _, name, bucket in resources("AWS::S3::Bucket"):
        properties = bucket["Properties"]
        assert properties["BucketEncryption"]
        assert properties["VersioningConfiguration"] == {"Status": "Enabled"}
        assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}
        assert denies_without_tls("AWS::S3::BucketPolicy", {"Ref": name})


def denies_without_tls(kind: str, of: dict[str, str]) -> bool:
    return any(
        statement["Effect"] == "Deny"
        and statement["Principal"] == "*"
        and statement["Condition"] == {"Bool": {"aws:SecureTransport": False}}
        for _, _, policy in resources(kind)
        if of in (policy["Properties"].get("Bucket"), *policy["Properties"].get("Queues", []))
        or of in policy["Properties"].get("Topics", [])
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
    )


def test_the_table_of_active_jobs_forgets_by_itself_and_its_index_costs_little() -> None:
    table = template("runner-resources")["Resources"]["ActiveJobs"]["Properties"]
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}
    assert table["GlobalSecondaryIndexes"][0]["Projection"] == {"ProjectionType": "KEYS_ONLY"}


# Functions


def functions() -> dict[str, tuple[str, str, dict[str, Any]]]:
    return {
        text(stack, function["Properties"]["FunctionName"]): (stack, name, function["Properties"])
        for stack, name, function in resources("AWS::Lambda::Function")
    }


def test_each_function_is_deployed_once() -> None:
    assert sorted(functions()) == sorted([*FUNCTIONS, STEPS])
    for name, (_, _, properties) in functions().items():
        module = "jobrunner" if name in RUNNERS else name
        assert properties["Handler"] == f"runners.lambdas.{module}.handler"
        assert (ROOT / "runners" / "lambdas" / f"{module}.py").is_file()


@pytest.mark.parametrize("function", FUNCTIONS)
def test_each_variable_of_a_function_is_a_setting_of_its_runner(function: str) -> None:
    variables = functions()[function][2]["Environment"]["Variables"]
    assert {name.removeprefix(PREFIX).lower() for name in variables} <= Settings.model_fields.keys()
    assert all(name.startswith(PREFIX) for name in variables)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_values_of_a_functions_variables_are_taken_by_its_settings(function: str) -> None:
    stack, _, properties = functions()[function]
    values = parameters(stack, ENVIRONMENT, GIVEN)
    variables = {
        name: values[value["Ref"]] if "Ref" in value else text(stack, value)
        for name, value in properties["Environment"]["Variables"].items()
        if "Fn::If" not in value
    }
    settings = Settings.from_environment(variables)
    assert settings.service == RUNNERS.get(function, "")
    assert settings.active_jobs_table == ENVIRONMENT.active_jobs_table
    assert settings.activity_arn.startswith("arn:aws:states:eu-central-1:123456789012:activity:")
    assert settings.arrivals_table == (ENVIRONMENT.arrivals_table if function == "ons3objectcreated" else "")


LIMITS = {"max_running_jobs": 20, "max_running_by_name": {"A": 2, "B": 1}, "max_dpu": 7.5, "starts_per_second": 2.0}


def test_a_function_has_the_limits_of_its_service_and_no_other() -> None:
    limited = environment("dev", limits={"glue": LIMITS}, lineage="https://example.com")
    declared_values = {
        service: parameters("runner-lambda", limited, {**GIVEN, "Service": service}) for service in ("glue", "athena")
    }
    variables = functions()["gluerunner"][2]["Environment"]["Variables"]
    given = {
        name: declared_values["glue"][parameter]
        for name, value in variables.items()
        if (parameter := value.get("Fn::If", [None, value])[1].get("Ref")) in declared_values["glue"]
    }
    settings = Settings.from_environment(given)
    assert {name: getattr(settings, name) for name in LIMITS} == LIMITS
    assert settings.lineage == "https://example.com"
    assert not {"MaxRunningJobs", "MaxRunningByName", "MaxDpu", "StartsPerSecond"} & declared_values["athena"].keys()


def test_what_is_not_limited_has_no_variable() -> None:
    variables = functions()["gluerunner"][2]["Environment"]["Variables"]
    for name in ("MAX_RUNNING_JOBS", "MAX_RUNNING_BY_NAME", "MAX_DPU", "STARTS_PER_SECOND", "LINEAGE"):
        assert variables[PREFIX + name]["Fn::If"][2] == {"Ref": "AWS::NoValue"}


@pytest.mark.parametrize("function", [*FUNCTIONS, STEPS])
def test_each_functions_log_is_kept_for_a_time(function: str) -> None:
    stack, _, properties = functions()[function]
    log = template(stack)["Resources"][properties["LoggingConfig"]["LogGroup"]["Ref"]]["Properties"]
    assert text(stack, log["LogGroupName"]) == f"/aws/lambda/{function}"
    assert log["RetentionInDays"] == {"Ref": "LogRetentionDays"}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_what_a_function_fails_to_handle_goes_to_the_dead_letter_queue(function: str) -> None:
    _, name, _ = functions()[function]
    (config,) = [
        resource["Properties"]
        for _, _, resource in resources("AWS::Lambda::EventInvokeConfig")
        if resource["Properties"]["FunctionName"] == {"Ref": name}
    ]
    assert "${DeadLetterQueue}" in config["DestinationConfig"]["OnFailure"]["Destination"]["Fn::Sub"]


@pytest.mark.parametrize("function", [*FUNCTIONS, STEPS])
def test_each_function_has_alarms(function: str) -> None:
    _, name, _ = functions()[function]
    alarms = {
        alarm["Properties"]["MetricName"]
        for _, _, alarm in resources("AWS::CloudWatch::Alarm")
        if alarm["Properties"]["Dimensions"] == [{"Name": "FunctionName", "Value": {"Ref": name}}]
    }
    when_asked = function in ("ons3objectcreated", STEPS)
    assert alarms == {"Errors", "Throttles"} | (set() if when_asked else {"Invocations"})


def test_the_function_of_the_steps_has_its_own_package_and_the_settings_that_steps_take() -> None:
    stack, _, properties = functions()[STEPS]
    values = parameters(stack, environment("dev", lineage="https://example.com"), GIVEN)
    variables = {
        name: values[value.get("Fn::If", [None, value])[1]["Ref"]]
        for name, value in properties["Environment"]["Variables"].items()
    }
    settings = StepSettings.from_environment(variables)
    assert {name.removeprefix(PREFIX).lower() for name in variables} <= StepSettings.model_fields.keys()
    assert settings.environment == "dev"
    assert settings.cursors_table == ENVIRONMENT.steps_cursors_table
    assert settings.lineage == "https://example.com"
    assert plan.recipe_of(STEPS) is not plan.recipe_of("gluerunner")


def test_the_function_of_the_steps_leaves_retries_to_the_state_machine() -> None:
    (config,) = [each for stack, _, each in resources("AWS::Lambda::EventInvokeConfig") if stack == STEPS]
    assert config["Properties"]["MaximumRetryAttempts"] == 0


def test_the_function_of_the_steps_is_in_a_vpc_only_where_subnets_are_named() -> None:
    _, _, properties = functions()[STEPS]
    assert properties["VpcConfig"]["Fn::If"][0] == "IsInVpc"
    assert properties["VpcConfig"]["Fn::If"][2] == {"Ref": "AWS::NoValue"}
    (network,) = [each for holder, each in allowed() if holder == "steps.Role" and "ec2:" in str(each["Action"])]
    assert network["Sid"] == "BeInTheVpc"


def test_steps_decrypt_the_connections_and_secrets_that_are_named_and_nothing_else() -> None:
    decrypting = [each for _, each in allowed() if each["Action"] == "kms:Decrypt" and "Steps" in str(each)]
    assert [sorted(each["Condition"]) for each in decrypting] == [["StringEquals"], ["StringEquals", "StringLike"]]
    (parameter, secret) = [each["Condition"] for each in decrypting]
    assert parameter["StringEquals"]["kms:EncryptionContext:PARAMETER_ARN"] == {"Ref": "StepsConnectionArns"}
    assert secret["StringLike"]["kms:EncryptionContext:SecretARN"] == {"Ref": "StepsSecretArns"}


def test_connections_are_those_of_the_environment() -> None:
    arns = parameters("step-runner", ENVIRONMENT, GIVEN)["StepsConnectionArns"].split(",")
    prefix = "arn:aws:ssm:eu-central-1:123456789012:parameter/etl/dev/connections/"
    assert arns == [f"{prefix}shop", f"{prefix}team-chat"]


def test_a_bucket_that_is_only_read_is_not_written() -> None:
    values = parameters("step-runner", ENVIRONMENT, GIVEN)
    assert values["StepsObjectArns"] == "arn:aws:s3:::partner-data/*,arn:aws:s3:::my-data/*"
    assert values["StepsWrittenObjectArns"] == "arn:aws:s3:::my-data/*"


def test_an_alarm_goes_off_when_nobody_takes_the_tasks_of_an_activity() -> None:
    watched = {
        stack: alarm["Properties"]["Dimensions"][0]["Value"]
        for stack, _, alarm in resources("AWS::CloudWatch::Alarm")
        if alarm["Properties"]["MetricName"] == "ActivityScheduleTime"
    }
    assert watched.keys() == {"data-arrivals", "runner-lambda"}
    assert watched["runner-lambda"] == {"Ref": "ActivityArn"}
    assert watched["data-arrivals"]["Fn::Sub"].endswith(":activity:${DataArrivalActivity}")


def test_every_alarm_tells_the_topic_of_alarms() -> None:
    for _, name, alarm in resources("AWS::CloudWatch::Alarm"):
        (action,) = alarm["Properties"]["AlarmActions"]
        assert action == {"Ref": "Alarms"} or action["Fn::Sub"].endswith(":${AlarmTopic}"), name


def test_only_the_accounts_own_data_bucket_may_call_the_function_of_arrivals() -> None:
    (permission,) = [
        resource["Properties"]
        for _, _, resource in resources("AWS::Lambda::Permission")
        if resource["Properties"]["Principal"] == "s3.amazonaws.com"
    ]
    assert permission["SourceAccount"] == {"Ref": "AWS::AccountId"}
    assert permission["SourceArn"] == {"Fn::Sub": "arn:${AWS::Partition}:s3:::${DataBucket}"}


def test_every_rule_may_call_its_function() -> None:
    sources = [
        (stack, resource["Properties"].get("SourceArn"))
        for stack, _, resource in resources("AWS::Lambda::Permission")
        if resource["Properties"]["Principal"] == "events.amazonaws.com"
    ]
    rules = [(stack, {"Fn::GetAtt": [name, "Arn"]}) for stack, name, _ in rules_beside_functions()]
    by_stack = itemgetter(0)
    assert sorted(sources, key=by_stack) == sorted([*rules, ("runner-lambda", {"Ref": "EventRuleArn"})], key=by_stack)


def rules_beside_functions() -> list[tuple[str, str, dict[str, Any]]]:
    """The schedules, and the rules of executions' events, in the stacks of the functions."""
    return [
        (stack, name, rule["Properties"])
        for stack, name, rule in resources("AWS::Events::Rule")
        if not stack.endswith("-runner")
    ]


def test_each_runner_hears_of_executions_that_begin_or_end_before_their_time() -> None:
    rules = {stack: rule for stack, _, rule in rules_beside_functions() if "EventPattern" in rule}
    assert rules.keys() == {"data-arrivals", "runner-lambda"}
    for stack, rule in rules.items():
        pattern = rule["EventPattern"]
        assert (pattern["source"][0], pattern["detail-type"][0]) == EXECUTIONS
        assert set(pattern["detail"]["status"]) == {"RUNNING", "ABORTED", "TIMED_OUT", "FAILED"}
        (machines,) = pattern["detail"]["stateMachineArn"]
        assert text(stack, machines["wildcard"]).endswith(f":123456789012:stateMachine:{ENVIRONMENT.state_machines}")
        (target,) = rule["Targets"]
        assert functions_arns()[target["Arn"]["Fn::GetAtt"][0]] in {"arrivalrunner", "gluerunner"}


def functions_arns() -> dict[str, str]:
    """The names of functions by their logical names."""
    return {logical: name for name, (_, logical, _) in functions().items()}


# The worker


def container() -> dict[str, Any]:
    (definition,) = resources("AWS::ECS::TaskDefinition")
    (found,) = definition[2]["Properties"]["ContainerDefinitions"]
    return dict(found)


def test_a_worker_may_do_what_its_runners_functions_may_and_see_whether_its_activities_are_there() -> None:
    assert granted("worker.Role", "dynamodb") == granted("runner-lambda", "dynamodb")
    reports = {"states:SendTaskSuccess", "states:SendTaskFailure", "states:SendTaskHeartbeat"}
    assert granted("worker.Role", "states") == reports | {"states:GetActivityTask", "states:DescribeActivity"}


def test_a_workers_variables_are_settings_that_its_services_take() -> None:
    values = parameters("worker", ENVIRONMENT, GIVEN)
    variables = {each["Name"]: values[each["Value"]["Ref"]] for each in container()["Environment"]}
    glue, athena = settings_of(values["Services"].split(","), variables)
    assert (glue.service, athena.service) == ("glue", "athena")
    assert glue.active_jobs_table == ENVIRONMENT.active_jobs_table
    names = {name.removeprefix(PREFIX).lower() for name in variables}
    assert names <= Settings.model_fields.keys() | {"activity_arns", "step_completions_table"}


def test_a_worker_finds_connections_cursors_and_reports_of_steps_where_the_function_does() -> None:
    values = parameters("worker", ENVIRONMENT, {**GIVEN, "Services": "glue,step"})
    variables = {each["Name"]: values[each["Value"]["Ref"]] for each in container()["Environment"]}
    activity = "arn:aws:states:eu-central-1:123456789012:activity:StepRunnerActivity"
    variables["RUNNERS_ACTIVITY_ARNS"] = f"glue={activity},step={activity}"
    _, step = settings_of(["glue", "step"], variables)
    assert step.completions_table == ENVIRONMENT.steps_completions_table
    assert (step.environment, step.cursors_table) == ("dev", ENVIRONMENT.steps_cursors_table)


def test_a_worker_has_the_time_to_wait_its_last_polls_out() -> None:
    assert container()["StopTimeout"] > POLL_READ_TIMEOUT


# Services


@pytest.mark.parametrize("service", environments.SERVICES)
def test_a_services_stack_gives_what_its_runner_takes(service: str) -> None:
    own = template(f"{service}-runner")
    outputs = {name: output["Value"] for name, output in own["Outputs"].items()}
    assert outputs["PolicyArn"] == {"Ref": "Policy"}
    if service == "step":  # runners in a worker only
        assert outputs.keys() - {"PolicyArn", "ActivityArn"} == {"StepsPolicyArn"} <= declared(STEPS).keys()
    else:
        assert outputs.keys() <= declared("runner-lambda").keys() | {"ReportPolicyArn"}
    if service == "glue":
        assert outputs["ActivityArn"]["Fn::Sub"].endswith(":activity:${GlueRunnerActivity}")
    else:
        assert outputs["ActivityArn"] == {"Ref": "Activity"}
        assert own["Resources"]["Activity"]["Type"] == "AWS::StepFunctions::Activity"


def event_rules() -> dict[str, tuple[str, dict[str, Any]]]:
    """The rules of services' events, with their logical names, by service."""
    return {
        stack.removesuffix("-runner"): (name, rule["Properties"])
        for stack, name, rule in resources("AWS::Events::Rule")
        if stack.endswith("-runner")
    }


def understood(service: str, event: dict[str, Any]) -> bool:
    """Whether a service takes an event of this source and type for one of its own, whatever its details are called."""

    class Detail(dict[str, str]):
        def get(self, _name: str, _default: Any = None) -> str:
            return "an id"

    event = {**event, "detail": Detail(), "resources": ["an ARN"]}
    return SERVICES[service].run_of_event(None, event) is not None


@pytest.mark.parametrize("service", environments.SERVICES)
def test_a_service_whose_events_are_understood_has_a_rule_for_them(service: str) -> None:
    # Glue has no event of a workflow's end, and a worker hears of none.
    assert (service in event_rules()) == (service not in ("glueworkflow", "step"))


@pytest.mark.parametrize("service", event_rules())
def test_a_rule_of_events_sends_them_to_the_runner_of_its_service(service: str) -> None:
    name, rule = event_rules()[service]
    (target,) = rule["Targets"]
    pattern = rule["EventPattern"]
    for kind in pattern["detail-type"]:
        event = {"source": pattern["source"][0], "detail-type": kind}
        assert understood(service, event), "its service takes that for no event of its own"
    assert target["Arn"]["Fn::Sub"].endswith(f":function:{service}runner")
    assert template(f"{service}-runner")["Outputs"]["EventRuleArn"]["Value"] == {"Fn::GetAtt": [name, "Arn"]}


# Glue


def glue_tables() -> dict[str, dict[str, str]]:
    return {
        table["Properties"]["TableInput"]["Name"]: {
            column["Name"]: column["Type"]
            for column in table["Properties"]["TableInput"]["StorageDescriptor"]["Columns"]
        }
        for _, _, table in resources("AWS::Glue::Table")
    }


def header(sample: str) -> list[str]:
    with (ROOT / "samples" / sample).open(encoding="utf-8", newline="") as file:
        return next(csv.reader(file))


SAMPLES = {"sales": "SalesPipeline_QuickSightSample.csv", "marketing": "MarketingData_QuickSightSample.csv"}


@pytest.mark.parametrize("dataset", SAMPLES)
def test_the_tables_of_uploads_have_the_columns_of_the_files(dataset: str) -> None:
    columns = [re.sub(r"\s+", "_", name.strip()).lower() for name in header(SAMPLES[dataset])]
    assert list(glue_tables()[f"{dataset}_uploads"]) == columns


HIVE = {"DATE": "date", "INTEGER": "int", "BIGINT": "bigint", "VARCHAR": "string", "DECIMAL(18,2)": "decimal(18,2)"}


def test_the_tables_of_outputs_have_the_columns_and_types_of_the_queries() -> None:
    connection = sql_on_duckdb.connect()
    for dataset, sample in SAMPLES.items():
        columns = ", ".join(f"""CAST(NULL AS VARCHAR) AS "{name}\"""" for name in header(sample))
        connection.execute(f"CREATE VIEW {dataset} AS SELECT {columns} WHERE false")
    results = {
        "sales": sql_on_duckdb.run_query(connection, query("process_sales_data"), ["sales"]),
        "marketing": sql_on_duckdb.run_query(connection, query("process_marketing_data"), ["marketing"]),
    }
    for dataset, result in results.items():
        assert glue_tables()[dataset] == described(connection, result)
    joined = {**described(connection, results["sales"]), **described(connection, results["marketing"])}
    assert glue_tables()["joined"] == joined


def query(name: str) -> str:
    return (ROOT / "glue-scripts" / f"{name}.sql").read_text(encoding="utf-8")


def described(connection: Any, table: str) -> dict[str, str]:
    rows = connection.execute(f"DESCRIBE {table}").fetchall()
    return {name.lower(): HIVE[kind] for name, kind, *_ in rows}


def jobs() -> dict[str, dict[str, Any]]:
    return {name: job["Properties"] for _, name, job in resources("AWS::Glue::Job")}


@pytest.mark.parametrize("job", jobs())
def test_each_jobs_arguments_are_what_its_script_takes(job: str) -> None:
    arguments = jobs()[job]["DefaultArguments"]
    text = {name: rendered("glue-resources", arguments[name]["Fn::Sub"]) for name in ("--inputs", "--outputs")}
    for item in json.loads(text["--inputs"]):
        assert item.keys() == {"view", "format", "path"}
    for item in json.loads(text["--outputs"]):
        assert item.keys() == {"format", "path"}
        assert item["path"].startswith(f"s3://{ENVIRONMENT.data_bucket}/output/")
    transformation = rendered("glue-resources", arguments["--transformation"]["Fn::Sub"])
    assert transformation.startswith(f"s3://{ENVIRONMENT.artifact_bucket}/glue-scripts/")
    assert (ROOT / "glue-scripts" / transformation.rsplit("/", 1)[1]).is_file()


def test_the_join_reads_what_the_two_jobs_before_write() -> None:
    def paths(job: str, argument: str) -> list[str]:
        items = json.loads(rendered("glue-resources", jobs()[job]["DefaultArguments"][argument]["Fn::Sub"]))
        return [item["path"] for item in items]

    written = paths("ProcessSales", "--outputs") + paths("ProcessMarketing", "--outputs")
    assert paths("JoinMarketingAndSales", "--inputs") == written


def test_jobs_leave_retries_and_queues_to_the_runner() -> None:
    for job in jobs().values():
        assert job["MaxRetries"] == 0
        assert job["JobRunQueuingEnabled"] is False
        assert (ROOT / "glue-scripts" / job["Command"]["ScriptLocation"]["Fn::Sub"].split("}")[-1]).is_file()
