"""The build commands' order of things, against moto with small templates in place of the real ones."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber
from moto import mock_aws
from rich.console import Console

from runners.active_jobs import ActiveJobs
from runners.deployment import artifacts, buckets, deployment, packaging, templates
from runners.deployment.deployment import DELETE_DATA, Deployment
from runners.deployment.environment import Environment
from runners.deployment.packaging import Package
from runners.deployment.progress import Progress
from runners.deployment.recipes import Recipe
from runners.errors import ConfigurationError, DeploymentError
from tests.unit.doubles import active_job

from .test_environment import DEV

if TYPE_CHECKING:
    from collections.abc import Iterator

QUEUE = """
Parameters:
  {parameter}: {{Type: String}}
Resources:
  Queue:
    Type: AWS::SQS::Queue
    Properties: {{QueueName: !Ref {parameter}}}
Outputs: {{}}
"""
RUNNER = """
Parameters:
  Service: {Type: String}
  PolicyArn: {Type: String}
  LambdaCodeKey: {Type: String}
Resources:
  Queue:
    Type: AWS::SQS::Queue
    Properties: {QueueName: !Sub "${Service}-${PolicyArn}"}
"""
SERVICE = """
Parameters:
  LogLevel: {{Type: String}}
Resources:
  Queue:
    Type: AWS::SQS::Queue
    Properties: {{QueueName: {service}}}
Outputs:
  PolicyArn: {{Value: policy-of-{service}}}
"""
BUCKET = """
Parameters:
  DataBucket: {Type: String}
  LambdaCodeKey: {Type: String}
Resources:
  Data:
    Type: AWS::S3::Bucket
    Properties: {BucketName: !Ref DataBucket}
"""
SMALL = {
    "runner-resources": QUEUE.format(parameter="DeadLetterQueue"),
    "step-functions-resources": QUEUE.format(parameter="StateMachine"),
    "glue-resources": QUEUE.format(parameter="GlueDatabase"),
    "glue-runner": SERVICE.format(service="glue"),
    "athena-runner": SERVICE.format(service="athena"),
    "step-runner": SERVICE.format(service="step"),
    "runner-lambda": RUNNER,
    "steps": RUNNER,
    "data-arrivals": BUCKET,
    "dashboard": QUEUE.format(parameter="ArrivalsTable"),
    "sample-one": QUEUE.format(parameter="AlarmTopic"),
}


@pytest.fixture
def aws() -> Iterator[None]:
    with mock_aws():
        yield


@pytest.fixture
def there(aws: None, shown: io.StringIO, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Deployment:
    for name, text in SMALL.items():
        (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
    (tmp_path / "code.zip").write_bytes(b"zip")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setattr(templates, "TEMPLATES", tmp_path)
    monkeypatch.setattr(artifacts, "SCRIPTS", tmp_path)
    # moto takes the policy that denies access without TLS for one that denies all.
    monkeypatch.setattr(buckets, "_protect", lambda *_args: None)
    monkeypatch.setattr(packaging, "package", lambda *_args: Package(tmp_path / "code.zip", "abc"))
    environment = Environment(**{**DEV, "account_id": "123456789012"}).resolved()
    monkeypatch.setattr(deployment, "load", lambda _name: environment)
    return Deployment("dev", Progress(Console(file=shown, width=300)), tmp_path)


def s3() -> Any:
    return boto3.client("s3", region_name="eu-central-1")


def bucket_names() -> list[str]:
    return [bucket["Name"] for bucket in s3().list_buckets()["Buckets"]]


def put_data(deployed: Deployment) -> None:
    s3().put_object(Bucket=deployed.environment.data_bucket, Key="sales/a.csv", Body=b"")


def test_deploying_makes_everything(there: Deployment) -> None:
    there.deploy()
    assert set(there.stack_status().values()) == {"CREATE_COMPLETE"}
    held = s3().list_objects_v2(Bucket=there.environment.artifact_bucket)["Contents"]
    assert "lambda/abc.zip" in [found["Key"] for found in held]


def test_the_stacks_of_a_wave_are_changed_at_the_same_time_and_waves_one_after_the_other(
    there: Deployment, shown: io.StringIO
) -> None:
    there.deploy()
    stacks = [stack.name for stack in there.stacks]
    lines = [line.split(": ") for line in shown.getvalue().splitlines() if line.split(": ")[0] in stacks]
    assert stacks[:4] == ["runner-resources", "step-functions-resources", "glue-resources", "glue-runner"]
    assert stacks[4:6] == ["data-arrivals", "gluerunner-lambda"]
    assert stacks[6:] == ["dashboard"]
    assert [(stack, what) for stack, what in lines if what in ("creating", "CREATE_COMPLETE")] == [
        (stack, what)
        for wave in (stacks[:4], stacks[4:6], stacks[6:])
        for what in ("creating", "CREATE_COMPLETE")
        for stack in wave
    ]


def test_deploying_again_changes_nothing(there: Deployment, shown: io.StringIO) -> None:
    there.deploy()
    there.deploy()
    assert set(there.stack_status().values()) == {"CREATE_COMPLETE"}
    assert shown.getvalue().count("up to date") == len(there.stacks)


def test_an_interrupted_deployment_is_finished_by_the_next(there: Deployment) -> None:
    there.deploy_glue_scripts()
    there.create_stack("runner-resources")
    there.deploy()
    assert set(there.stack_status().values()) == {"CREATE_COMPLETE"}


def test_a_stack_with_functions_brings_its_code_along(there: Deployment, shown: io.StringIO) -> None:
    there.create_stack("runner-resources")
    assert bucket_names() == []
    there.create_stack("data-arrivals")
    assert "lambda/abc.zip: uploaded" in shown.getvalue()


def test_stacks_are_updated_by_name(there: Deployment, shown: io.StringIO) -> None:
    there.create_stack()
    there.update_stack("runner-resources")
    assert "runner-resources: up to date" in shown.getvalue()


def test_every_command_refuses_a_wrong_name(there: Deployment) -> None:
    for command, what in (
        (there.package_lambda, "Lambda function"),
        (there.deploy_lambda, "Lambda function"),
        (there.update_lambda, "Lambda function"),
        (there.create_stack, "stack"),
        (there.update_stack, "stack"),
        (there.delete_stack, "stack"),
        (there.delete_s3_bucket, "bucket of this environment"),
    ):
        with pytest.raises(ConfigurationError, match=f"there is no {what} 'nonsense'"):
            command("nonsense")  # type: ignore[operator]  # a list of methods of different returns


def test_a_function_that_is_not_deployed_cannot_be_updated(there: Deployment) -> None:
    with pytest.raises(DeploymentError, match=r"gluerunner is not deployed\. Type `pynt createstack`"):
        there.update_lambda("gluerunner")


def test_all_functions_are_updated_with_one_package(there: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    updated = []
    monkeypatch.setattr(artifacts, "update_function", lambda _client, name, *_rest: updated.append(name))
    there.update_lambda()
    assert updated == ["arrivalrunner", "ons3objectcreated", "gluerunner"]


def test_the_function_of_the_steps_has_a_package_of_its_own_which_is_built_only_where_steps_are_switched_on(
    there: Deployment, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    packed = []

    def package(_environment: Any, _progress: Any, _build: Path, recipe: Recipe) -> Package:
        packed.append(recipe.name)
        return Package(tmp_path / "code.zip", recipe.name)

    monkeypatch.setattr(packaging, "package", package)
    updated = {}
    monkeypatch.setattr(
        artifacts, "update_function", lambda _client, name, _bucket, built, _progress: updated.update({name: built.key})
    )
    there.deploy()
    assert packed == ["lambda"]
    switch(there, "glue", "step")
    there.deploy()
    assert packed == ["lambda", "steps"]
    assert [each.sha256 for each in there.package_lambda()] == ["lambda", "steps"]
    assert [each.sha256 for each in there.deploy_lambda("gluerunner")] == ["lambda"]
    there.update_lambda()
    assert updated["gluerunner"] == "lambda/lambda.zip"
    assert updated["steps"] == "lambda/steps.zip"


def test_failures_of_stacks_that_change_at_the_same_time_are_all_told(
    there: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failed(change: Any) -> None:
        raise DeploymentError(f"{change.stack} failed.")

    monkeypatch.setattr(there._stacks, "follow", failed)
    with pytest.raises(DeploymentError) as caught:
        there.deploy()
    assert str(caught.value).splitlines() == [
        "runner-resources failed.",
        "step-functions-resources failed.",
        "glue-resources failed.",
        "glue-runner failed.",
    ]


def test_tearing_down_leaves_nothing_and_may_be_repeated(there: Deployment) -> None:
    there.deploy()
    put_data(there)
    there.teardown(DELETE_DATA)
    assert set(there.stack_status().values()) == {"not created"}
    assert bucket_names() == []
    there.teardown()


def test_data_in_an_account_is_deleted_only_if_that_was_said(there: Deployment) -> None:
    there.deploy()
    put_data(there)
    with pytest.raises(DeploymentError, match=r"holds data.*pynt teardown\[delete-data\]"):
        there.teardown()
    assert set(there.stack_status().values()) == {"CREATE_COMPLETE"}


def test_teardown_takes_no_other_word(there: Deployment) -> None:
    with pytest.raises(ConfigurationError, match="delete-data"):
        there.teardown("yes")


def test_an_empty_environment_is_torn_down_without_a_word(there: Deployment) -> None:
    there.deploy()
    there.teardown()
    assert bucket_names() == []


def test_nothing_of_another_environment_in_the_same_account_and_region_is_touched(
    there: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    there.deploy()
    put_data(there)
    monkeypatch.setattr(there._stacks, "_environment", "other")
    changed: list[str] = []
    monkeypatch.setattr(artifacts, "upload_scripts", lambda *_args: changed.append("scripts"))
    monkeypatch.setattr(artifacts, "update_function", lambda *_args: changed.append("function"))
    monkeypatch.setattr(there, "_stop_what_runs", lambda: changed.append("executions"))
    for command in (
        there.deploy,
        there.deploy_glue_scripts,
        there.update_lambda,
        there.delete_s3_bucket,
        lambda: there.teardown(DELETE_DATA),
    ):
        with pytest.raises(DeploymentError, match="created by the environment dev"):
            command()  # type: ignore[operator]  # a list of methods of different returns
    assert changed == []
    assert buckets.holds_objects(s3(), there.environment.data_bucket or "")


def test_a_bucket_is_deleted_by_its_name(there: Deployment) -> None:
    there.deploy()
    there.delete_s3_bucket(there.environment.artifact_bucket or "")
    assert bucket_names() == [there.environment.data_bucket]


def test_stacks_are_deleted_by_name(there: Deployment) -> None:
    there.deploy()
    there.delete_stack("gluerunner-lambda")
    assert [stack for stack, status in there.stack_status().items() if status == "not created"] == ["gluerunner-lambda"]


# Services that are switched on and off


def switch(deployed: Deployment, *services: str) -> None:
    deployed.environment = deployed.environment.model_copy(update={"services": services})


def active_jobs(*jobs: tuple[str, str]) -> None:
    """Make the table of active jobs with records as a runner leaves them."""
    dynamodb = boto3.client("dynamodb", region_name="eu-central-1")
    names = ("runner", "task_key", "run_id")
    dynamodb.create_table(
        TableName="ActiveJobs",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in names],
        KeySchema=[
            {"AttributeName": "runner", "KeyType": "HASH"},
            {"AttributeName": "task_key", "KeyType": "RANGE"},
        ],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by_run",
                "KeySchema": [{"AttributeName": "run_id", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
    )
    table = ActiveJobs("ActiveJobs", dynamodb)
    for runner, key in jobs:
        table.claim(active_job(task_key=key, runner=runner))


def test_a_service_that_is_switched_on_gets_its_own_stack_and_its_runner(there: Deployment) -> None:
    switch(there, "glue", "athena")
    there.deploy()
    statuses = there.stack_status()
    assert statuses["athena-runner"] == statuses["athenarunner-lambda"] == "CREATE_COMPLETE"
    assert there.functions == ("arrivalrunner", "ons3objectcreated", "gluerunner", "athenarunner")


def test_a_runners_stack_takes_the_outputs_of_its_services(there: Deployment) -> None:
    there.deploy()
    queues = boto3.client("sqs", region_name="eu-central-1").list_queues()["QueueUrls"]
    assert "glue-policy-of-glue" in [url.rsplit("/", 1)[1] for url in queues]


def test_a_runners_stack_cannot_be_created_before_its_services(there: Deployment) -> None:
    with pytest.raises(DeploymentError, match=r"glue-runner, which is not deployed\. .*createstack\[glue-runner\]"):
        there.create_stack("gluerunner-lambda")
    there.create_stack("glue-runner")
    there.create_stack("gluerunner-lambda")
    assert there.stack_status()["gluerunner-lambda"] == "CREATE_COMPLETE"


def test_the_stacks_of_a_service_that_was_switched_off_are_deleted_by_the_next_deployment(
    there: Deployment, shown: io.StringIO
) -> None:
    switch(there, "glue", "athena")
    there.deploy()
    switch(there, "glue")
    assert there.stack_status()["athena-runner"] == "CREATE_COMPLETE"
    active_jobs(("glue", "of another runner"))
    there.deploy()
    assert "athena is switched off in config/dev.yaml: its runner is deleted" in shown.getvalue()
    assert not {"athena-runner", "athenarunner-lambda"} & there.stack_status().keys()
    there.deploy()
    assert shown.getvalue().count("its runner is deleted") == 1


def test_a_runner_is_idle_where_the_table_of_jobs_is_not_deployed(there: Deployment) -> None:
    there.create_stack("glue-runner")
    switch(there, "glue", "athena")
    there.create_stack("athena-runner")
    switch(there, "glue")
    there.deploy()
    assert "athena-runner" not in there.stack_status()


def test_a_runner_that_has_active_jobs_is_not_deleted_and_nothing_else_is_changed(
    there: Deployment, shown: io.StringIO
) -> None:
    switch(there, "glue", "athena")
    there.deploy()
    active_jobs(("athena", "one"), ("athena", "two"))
    switch(there, "glue")
    uploads = shown.getvalue().count("Glue scripts uploaded")
    with pytest.raises(DeploymentError, match=r"has 2 active jobs; nothing was changed\. `runners jobs athena`"):
        there.deploy()
    assert shown.getvalue().count("Glue scripts uploaded") == uploads
    there.delete_stack("athenarunner-lambda", "athena-runner")
    there.deploy()
    assert "athena-runner" not in there.stack_status()


def test_a_name_of_a_service_that_is_switched_off_is_told_as_that(there: Deployment) -> None:
    for command, name in (
        (there.create_stack, "athena-runner"),
        (there.update_stack, "athenarunner-lambda"),
        (there.update_lambda, "athenarunner"),
    ):
        with pytest.raises(ConfigurationError, match=rf"{name} belongs to .* Add athena to `services` in config/dev"):
            command(name)  # type: ignore[operator]  # a list of methods of different returns


# Samples


def test_a_sample_is_created_by_its_name_and_left_alone_by_deploy(there: Deployment) -> None:
    there.deploy()
    assert "sample-one" not in there.stack_status()
    there.create_stack("sample-one")
    there.deploy()
    assert there.stack_status()["sample-one"] == "CREATE_COMPLETE"


def test_a_sample_whose_runner_is_switched_off_is_refused(there: Deployment, tmp_path: Path) -> None:
    state = '{"Resource": "arn:aws:states:::activity:AthenaRunnerActivity"}'
    (tmp_path / "sample-one.yaml").write_text(f"# {state}\n{SMALL['sample-one']}", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="sample-one needs the runners of athena, which are switched off"):
        there.create_stack("sample-one")
    switch(there, "glue", "athena")
    there.create_stack("sample-one")
    assert there.stack_status()["sample-one"] == "CREATE_COMPLETE"


def test_a_sample_that_calls_steps_needs_them_switched_on(there: Deployment, tmp_path: Path) -> None:
    call = "# arn:aws:lambda:eu-central-1:123456789012:function:steps"
    (tmp_path / "sample-one.yaml").write_text(f"{call}\n{SMALL['sample-one']}", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="sample-one needs the runners of step, which are switched off"):
        there.create_stack("sample-one")


def test_steps_that_are_switched_off_leave_no_stack_and_wait_for_their_jobs(there: Deployment) -> None:
    switch(there, "glue", "step")
    there.deploy()
    assert there.functions == ("arrivalrunner", "ons3objectcreated", "gluerunner", "steps")
    active_jobs(("step", "one"))
    switch(there, "glue")
    with pytest.raises(DeploymentError, match=r"has 1 active job; .*deletestack\[steps,step-runner\]"):
        there.deploy()
    there.delete_stack("steps", "step-runner")
    assert not {"steps", "step-runner"} & there.stack_status().keys()


def test_a_teardown_deletes_samples_and_runners_of_services_that_were_switched_off(there: Deployment) -> None:
    switch(there, "glue", "athena")
    there.deploy()
    there.create_stack("sample-one")
    switch(there, "glue")
    there.teardown()
    assert set(there.stack_status().values()) == {"not created"}
    assert boto3.client("cloudformation", region_name="eu-central-1").describe_stacks()["Stacks"] == []


# What runs during a teardown


def test_jobs_that_a_teardown_leaves_without_their_runner_are_told(there: Deployment, shown: io.StringIO) -> None:
    switch(there, "glue", "athena")
    there.deploy()
    active_jobs(("athena", "one"), ("glue", "two"))
    there.teardown()
    assert "athena: nobody follows these any more, they may go on: 1 active jobs" in shown.getvalue()
    assert "glue: 1" not in shown.getvalue()


def test_executions_that_run_are_stopped_before_their_state_machine_is_deleted(
    there: Deployment, monkeypatch: pytest.MonkeyPatch, shown: io.StringIO
) -> None:
    machine = "arn:aws:states:eu-central-1:123456789012:stateMachine:M"
    execution = machine.replace("stateMachine", "execution") + ":one"
    monkeypatch.setattr(there._stacks, "outputs", lambda _stack: {"StateMachineArn": machine})
    running = {"executionArn": execution, "stateMachineArn": machine, "name": "one", "status": "RUNNING"}
    with Stubber(there._account.client("stepfunctions")) as stubber:
        stubber.add_response(
            "list_executions",
            {"executions": [{**running, "startDate": 0}]},
            {"stateMachineArn": machine, "statusFilter": "RUNNING"},
        )
        stubber.add_response("stop_execution", {"stopDate": 0}, {"executionArn": execution, "cause": "torn down"})
        there.teardown()
        stubber.assert_no_pending_responses()
    assert "one: execution stopped" in shown.getvalue()


def test_glue_runs_that_go_on_are_stopped_before_their_runner_is_deleted(there: Deployment, shown: io.StringIO) -> None:
    runs = [{"Id": f"jr_{number}", "JobRunState": "RUNNING"} for number in range(26)]
    with Stubber(there._account.client("glue")) as stubber:
        stubber.add_response(
            "get_job_runs",
            {"JobRuns": [*runs, {"Id": "jr_over", "JobRunState": "SUCCEEDED"}]},
            {"JobName": "ProcessSalesData", "MaxResults": 200},
        )
        for part in (runs[:25], runs[25:]):
            stopped = {"JobName": "ProcessSalesData", "JobRunIds": [run["Id"] for run in part]}
            stubber.add_response("batch_stop_job_run", {}, stopped)
        stubber.add_response("get_job_runs", {"JobRuns": []})
        stubber.add_client_error("get_job_runs", "EntityNotFoundException")
        there.teardown()
        stubber.assert_no_pending_responses()
    assert shown.getvalue().count("ProcessSalesData: run jr_") == len(runs)


def test_a_state_machine_that_is_gone_already_does_not_stop_the_teardown(
    there: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(there._stacks, "outputs", lambda _stack: {"StateMachineArn": "arn:gone"})
    with Stubber(there._account.client("stepfunctions")) as stubber:
        stubber.add_client_error("list_executions", "StateMachineDoesNotExist")
        there.teardown()
        stubber.assert_no_pending_responses()


def test_nothing_is_done_with_credentials_of_another_account(
    there: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused() -> None:
        raise ConfigurationError("another account")

    monkeypatch.setattr(there._account, "check", refused)
    for command in (
        there.deploy,
        there.deploy_glue_scripts,
        there.deploy_lambda,
        there.update_lambda,
        there.create_stack,
        there.update_stack,
        there.delete_stack,
        there.delete_s3_bucket,
        there.stack_status,
        there.teardown,
    ):
        with pytest.raises(ConfigurationError, match="another account"):
            command()  # type: ignore[operator]  # a list of methods of different returns


def test_a_refusal_of_cloudformation_comes_through(there: Deployment) -> None:
    with Stubber(there._account.client("cloudformation")) as stubber:
        stubber.add_client_error("describe_stacks", "AccessDenied", "no")
        with pytest.raises(ClientError, match="AccessDenied"):
            there.stack_status()
