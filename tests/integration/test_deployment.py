"""The real templates, deployed by the real build commands to the embedded AWS."""

from __future__ import annotations

import io
import json
import time
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from rich.console import Console

from runners.deployment.deployment import Deployment
from runners.deployment.environment import SERVICES, STEPS_SERVICE
from runners.deployment.plan import SERVICE_OF
from runners.deployment.progress import Progress
from runners.errors import ConfigurationError, DeploymentError

if TYPE_CHECKING:
    from runners.local.server import EmbeddedAWS


@pytest.fixture
def shown() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def deployment(embedded_aws: EmbeddedAWS, shown: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> Deployment:
    for name, value in embedded_aws.environment().items():
        monkeypatch.setenv(name, value)
    return Deployment("local", Progress(Console(file=shown, width=300)))


def client(service: str) -> Any:
    return boto3.client(service)  # type: ignore[call-overload]  # the stubs know literal names only


def everything() -> dict[str, list[str]]:
    """What there is in the embedded AWS of all that a deployment makes.

    Without log groups: a function that ends its turn while it is deleted writes its last line into a new one.
    """
    return {
        "stacks": [
            stack["StackName"]
            for stack in client("cloudformation").list_stacks()["StackSummaries"]
            if stack["StackStatus"] != "DELETE_COMPLETE"
        ],
        "buckets": [bucket["Name"] for bucket in client("s3").list_buckets()["Buckets"]],
        "tables": client("dynamodb").list_tables()["TableNames"],
        "functions": [function["FunctionName"] for function in client("lambda").list_functions()["Functions"]],
        "activities": [activity["name"] for activity in client("stepfunctions").list_activities()["activities"]],
        "machines": [machine["name"] for machine in client("stepfunctions").list_state_machines()["stateMachines"]],
        "jobs": client("glue").list_jobs()["JobNames"],
        "databases": [database["Name"] for database in client("glue").get_databases()["DatabaseList"]],
        "queues": client("sqs").list_queues().get("QueueUrls", []),
        "topics": [topic["TopicArn"] for topic in client("sns").list_topics()["Topics"]],
        "rules": [rule["Name"] for rule in client("events").list_rules()["Rules"]],
        "roles": [role["RoleName"] for role in client("iam").list_roles()["Roles"]],
        "policies": [policy["PolicyName"] for policy in client("iam").list_policies(Scope="Local")["Policies"]],
        "alarms": [alarm["AlarmName"] for alarm in client("cloudwatch").describe_alarms()["MetricAlarms"]],
    }


def test_all_that_is_deployed_is_there_stays_as_it_is_by_a_second_time_and_is_torn_down_without_a_rest(
    deployment: Deployment, shown: io.StringIO
) -> None:
    before = everything()
    deployment.deploy()
    assert set(deployment.stack_status().values()) == {"CREATE_COMPLETE"}
    deployed = everything()
    assert sorted(deployed["functions"]) == sorted(deployment.functions)
    assert sorted(deployed["activities"]) == ["DataArrivalActivity", "GlueRunnerActivity"]
    assert deployed["machines"] == ["MarketingAndSalesETLOrchestrator"]
    assert sorted(deployed["tables"]) == ["ActiveJobs", "DataArrivals"]
    assert len(deployed["jobs"]) == 3

    deployment.deploy()
    assert set(deployment.stack_status().values()) == {"CREATE_COMPLETE"}
    assert shown.getvalue().count("up to date") == len(deployment.stacks)
    assert everything() == deployed

    client("s3").put_object(Bucket=deployment.environment.data_bucket, Key="elsewhere/a.txt", Body=b"")
    deployment.teardown()
    assert set(deployment.stack_status().values()) == {"not created"}
    assert everything() == before


def test_the_data_bucket_tells_the_function_of_arrivals(deployment: Deployment) -> None:
    deployment.deploy()
    bucket = deployment.environment.data_bucket
    (told,) = client("s3").get_bucket_notification_configuration(Bucket=bucket)["LambdaFunctionConfigurations"]
    assert told["LambdaFunctionArn"].endswith(":function:ons3objectcreated")
    assert told["Events"] == ["s3:ObjectCreated:*"]
    policy = json.loads(client("s3").get_bucket_policy(Bucket=bucket)["Policy"])
    assert policy["Statement"][0]["Effect"] == "Deny"


def test_a_changed_value_reaches_the_functions_by_an_update_of_their_stack(
    deployment: Deployment, shown: io.StringIO
) -> None:
    deployment.deploy()
    deployment.environment = deployment.environment.model_copy(update={"polls": 7})
    deployment.update_stack("gluerunner-lambda")
    assert "Polls: 4 → 7" in shown.getvalue()
    variables = client("lambda").get_function_configuration(FunctionName="gluerunner")["Environment"]["Variables"]
    assert variables["RUNNERS_POLLS"] == "7"


def test_a_list_that_an_update_leaves_as_it_is_is_not_told_as_changed(
    deployment: Deployment, shown: io.StringIO
) -> None:
    deployment.environment = deployment.environment.changed(other_athena_buckets=("one", "two"), **ATHENA)
    deployment.create_stack("athena-runner")
    deployment.environment = deployment.environment.changed(athena_work_groups=("another",))
    deployment.update_stack("athena-runner")
    changed = [line.split(":")[0].strip() for line in shown.getvalue().splitlines() if " → " in line]
    assert changed == ["AthenaWorkGroupArns", "AthenaWorkGroups"]


ATHENA = {"services": ("glue", "athena"), "athena_work_groups": ("primary",)}
EVERY_SERVICE = {
    "services": SERVICES,
    "athena_work_groups": ["primary", "etl"],
    "batch_job_definitions": ["Load"],
    "batch_job_queues": ["Nightly"],
    "crawlers": ["Uploads"],
    "databrew_jobs": ["Clean"],
    "ecs_clusters": ["etl"],
    "ecs_task_definitions": ["load"],
    "emr_serverless_applications": ["00abcdefghijkl01"],
    "emr_serverless_roles": ["SparkJob"],
    "glue_workflows": ["Nightly"],
    "lambda_jobs": ["Load"],
    "redshift_clusters": ["warehouse"],
    "redshift_users": ["etl"],
    "steps_connections": ["shop"],
    "steps_write_buckets": ["exports"],
}


def policy_of(function: str) -> list[dict[str, Any]]:
    """The statements of the policy that a runner's function has from its service."""
    role = client("lambda").get_function_configuration(FunctionName=function)["Role"].rsplit("/", 1)[1]
    (attached,) = client("iam").list_attached_role_policies(RoleName=role)["AttachedPolicies"]
    version = client("iam").get_policy(PolicyArn=attached["PolicyArn"])["Policy"]["DefaultVersionId"]
    document = client("iam").get_policy_version(PolicyArn=attached["PolicyArn"], VersionId=version)
    return list(document["PolicyVersion"]["Document"]["Statement"])


def test_every_service_that_is_switched_on_gets_a_runner_with_its_own_activity_and_rights(
    deployment: Deployment,
) -> None:
    before = everything()
    deployment.environment = deployment.environment.changed(**EVERY_SERVICE)
    deployment.deploy()
    assert set(deployment.stack_status().values()) == {"CREATE_COMPLETE"}
    names = {activity["name"] for activity in client("stepfunctions").list_activities()["activities"]}
    polled = set()
    for service in [each for each in SERVICES if each != STEPS_SERVICE]:
        configuration = client("lambda").get_function_configuration(FunctionName=f"{service}runner")
        variables = configuration["Environment"]["Variables"]
        assert variables["RUNNERS_SERVICE"] == service
        assert variables.get("RUNNERS_COMPLETIONS_TABLE") == ("JobCompletions" if service == "lambda" else None)
        polled.add(variables["RUNNERS_ACTIVITY_ARN"].rsplit(":", 1)[1])
        for statement in policy_of(f"{service}runner"):
            resources = statement["Resource"]
            for resource in [resources] if isinstance(resources, str) else resources:
                assert resource == "*" or resource.startswith("arn:aws:"), statement["Sid"]
    assert polled == names - {"DataArrivalActivity", "StepRunnerActivity"}
    sids = [each["Sid"] for each in policy_of("steps")]
    assert sids == [
        "KeepCursors",
        "ReadConnections",
        "DecryptConnections",
        "FindObjects",
        "ReadObjects",
        "WriteObjects",
    ]
    steps = client("lambda").get_function_configuration(FunctionName="steps")
    assert steps["Environment"]["Variables"]["RUNNERS_ENVIRONMENT"] == "local"
    assert {"StepCursors", "StepCompletions"} <= set(client("dynamodb").list_tables()["TableNames"])
    (rights,) = [each for each in policy_of("batchrunner") if each["Sid"] == "SubmitJobs"]
    assert rights["Resource"] == [
        "arn:aws:batch:us-east-1:123456789012:job-queue/Nightly",
        "arn:aws:batch:us-east-1:123456789012:job-definition/Load",
        "arn:aws:batch:us-east-1:123456789012:job-definition/Load:*",
    ]
    assert "ReadSecrets" not in [each["Sid"] for each in policy_of("redshiftrunner")]  # no secret is named
    (rule,) = client("events").list_rules(NamePrefix="athena-runner")["Rules"]
    assert json.loads(rule["EventPattern"])["detail"]["workgroupName"] == ["primary", "etl"]

    deployment.environment = deployment.environment.changed(services=["glue"])
    deployment.deploy()
    assert [name for name in everything()["stacks"] if SERVICE_OF.get(name, "glue") != "glue"] == []
    deployment.teardown()
    assert everything() == before


def test_new_code_is_put_into_functions_without_their_stack(deployment: Deployment) -> None:
    deployment.deploy()
    (package,) = deployment.package_lambda()
    deployment.update_lambda("gluerunner")
    size = client("lambda").get_function_configuration(FunctionName="gluerunner")["CodeSize"]
    assert size == package.path.stat().st_size


def test_a_stack_that_rolled_back_is_told_by_its_cause_and_what_to_type(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    client("dynamodb").create_table(
        TableName="ActiveJobs",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "key", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "key", "KeyType": "HASH"}],
    )
    with pytest.raises(DeploymentError, match=r"First failed ActiveJobs .*pynt deletestack\[runner-resources\]"):
        deployment.create_stack("runner-resources")
    with pytest.raises(DeploymentError, match="ROLLBACK_COMPLETE since before"):
        deployment.deploy()
    client("dynamodb").delete_table(TableName="ActiveJobs")
    deployment.delete_stack("runner-resources")
    deployment.deploy()
    assert set(deployment.stack_status().values()) == {"CREATE_COMPLETE"}


def test_a_stack_of_the_same_name_that_others_made_is_left_alone(deployment: Deployment) -> None:
    client("cloudformation").create_stack(
        StackName="glue-resources",
        TemplateBody=json.dumps({"Resources": {"Theirs": {"Type": "AWS::SQS::Queue"}}}),
    )
    for command in (deployment.deploy, deployment.teardown):
        with pytest.raises(DeploymentError, match="something else than these build commands"):
            command()


def test_an_unknown_stack_is_refused_before_anything_is_done(deployment: Deployment) -> None:
    with pytest.raises(ConfigurationError, match="did you mean 'glue-resources'"):
        deployment.create_stack("glue-resorces")
    assert everything()["stacks"] == []


def test_a_task_that_fails_is_told_of_by_the_topic_and_ends_the_execution_with_its_error(
    deployment: Deployment,
) -> None:
    deployment.create_stack("step-functions-resources")
    outputs = deployment._stacks.outputs("step-functions-resources")
    queue = client("sqs").create_queue(QueueName="mail")["QueueUrl"]
    address = client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    client("sns").subscribe(TopicArn=outputs["FailureTopicArn"], Protocol="sqs", Endpoint=address)
    step_functions = client("stepfunctions")
    execution = step_functions.start_execution(stateMachineArn=outputs["StateMachineArn"])["executionArn"]

    task = step_functions.get_activity_task(activityArn=outputs["DataArrivalActivityArn"])
    assert json.loads(task["input"])["Bucket"] == deployment.environment.data_bucket
    step_functions.send_task_failure(taskToken=task["taskToken"], error="DataArrivalFailedError", cause="no bucket")

    deadline = time.monotonic() + 30
    while (described := step_functions.describe_execution(executionArn=execution))["status"] == "RUNNING":
        assert time.monotonic() < deadline
    assert (described["status"], described["error"]) == ("FAILED", "DataArrivalFailedError")
    assert json.loads(described["cause"])["Cause"] == "no bucket"
    (mail,) = client("sqs").receive_message(QueueUrl=queue)["Messages"]
    told = json.loads(mail["Body"])
    assert told["Subject"] == "MarketingAndSalesETLOrchestrator failed"
    assert execution in told["Message"]
    assert "no bucket" in told["Message"]
