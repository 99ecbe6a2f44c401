from __future__ import annotations

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.batch.responses import BatchResponse
from moto.databrew import urls
from moto.databrew.responses import DataBrewResponse
from moto.ecs.responses import EC2ContainerServiceResponse
from moto.glue.responses import GlueResponse

from runners.local.unavailable import Unavailable


@pytest.fixture
def aws():
    extension = Unavailable()
    extension.start(None)
    with mock_aws():
        yield
    extension.stop()


@pytest.mark.parametrize(
    ("start", "code", "what"),
    [
        (
            lambda: boto3.client("batch").submit_job(jobName="j", jobQueue="q", jobDefinition="d"),
            "ClientException",
            "Batch",
        ),
        (lambda: boto3.client("ecs").run_task(taskDefinition="t"), "UnsupportedFeatureException", "ECS"),
        (
            lambda: boto3.client("ecs").start_task(taskDefinition="t", containerInstances=["i"]),
            "UnsupportedFeatureException",
            "ECS",
        ),
        (lambda: boto3.client("databrew").start_job_run(Name="a job"), "ValidationException", "DataBrew"),
        (lambda: boto3.client("databrew").list_job_runs(Name="a job"), "ValidationException", "DataBrew"),
        (lambda: boto3.client("glue").start_workflow_run(Name="w"), "InvalidInputException", "workflow of Glue"),
    ],
)
def test_a_start_is_refused_with_an_error_of_its_service(aws, start, code, what):
    with pytest.raises(ClientError, match=f"{what} is not available in the embedded AWS") as caught:
        start()
    assert caught.value.response["Error"]["Code"] == code
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_what_a_service_keeps_is_kept(aws):
    ecs, databrew = boto3.client("ecs"), boto3.client("databrew")
    ecs.register_task_definition(family="loader", containerDefinitions=[{"name": "main", "image": "i", "memory": 1}])
    assert len(ecs.list_task_definitions()["taskDefinitionArns"]) == 1
    assert databrew.list_jobs()["Jobs"] == []
    assert boto3.client("glue").list_workflows()["Workflows"] == []


def test_moto_is_as_before_when_the_extension_has_ended():
    def now():
        return (
            BatchResponse.submitjob,
            EC2ContainerServiceResponse.run_task,
            GlueResponse.start_workflow_run,
            hasattr(DataBrewResponse, "start_job_run"),
            dict(urls.url_paths),
        )

    before = now()
    extension = Unavailable()
    extension.start(None)
    assert now() != before
    extension.stop()
    assert now() == before
