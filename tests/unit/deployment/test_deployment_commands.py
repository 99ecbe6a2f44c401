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

from runners.deployment import artifacts, buckets, deployment, packaging, templates
from runners.deployment.deployment import DELETE_DATA, Deployment
from runners.deployment.environment import Environment
from runners.deployment.packaging import Package
from runners.deployment.progress import Progress
from runners.deployment.templates import STACKS
from runners.errors import ConfigurationError, DeploymentError

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
    "gluerunner-lambda": QUEUE.format(parameter="GlueRunnerActivity"),
    "data-arrivals": BUCKET,
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
    lines = [line for line in shown.getvalue().splitlines() if line.split(": ")[0] in STACKS]
    assert [line.split(": ")[1] for line in lines] == ["creating"] * 3 + ["CREATE_COMPLETE"] * 3 + [
        "creating",
        "creating",
        "CREATE_COMPLETE",
        "CREATE_COMPLETE",
    ]


def test_deploying_again_changes_nothing(there: Deployment, shown: io.StringIO) -> None:
    there.deploy()
    there.deploy()
    assert set(there.stack_status().values()) == {"CREATE_COMPLETE"}
    assert shown.getvalue().count("up to date") == len(STACKS)


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
    assert updated == ["arrivalrunner", "gluerunner", "ons3objectcreated"]


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
    monkeypatch.setattr(there, "_stop_executions", lambda: changed.append("executions"))
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
