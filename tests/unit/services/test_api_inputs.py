from __future__ import annotations

import boto3
import pytest
from botocore.validate import validate_parameters

from runners.errors import InvalidInputError
from runners.services import checked
from runners.services.api_inputs import ApiInput, handed_on, request_model


def input_of(service, operation):
    return boto3.client(service).meta.service_model.operation_model(operation).input_shape


@pytest.fixture
def submit_job():
    return request_model(input_of("batch", "SubmitJob"))


NEEDED = {"JobName": "sales", "JobQueue": "queue", "JobDefinition": "definition"}


def call_of(model, **request):
    return checked(model, NEEDED | request).call()


def test_fields_get_the_names_that_the_operation_has(submit_job):
    assert call_of(
        submit_job,
        ContainerOverrides={
            "Command": ["load", "Ref::Day"],
            "Environment": [{"Name": "MyName", "Value": "MyValue"}],
            "ResourceRequirements": [{"Type": "VCPU", "Value": "4"}],
        },
        ArrayProperties={"Size": 10},
        RetryStrategy={"Attempts": 2},
    ) == {
        "jobName": "sales",
        "jobQueue": "queue",
        "jobDefinition": "definition",
        "containerOverrides": {
            "command": ["load", "Ref::Day"],
            "environment": [{"name": "MyName", "value": "MyValue"}],
            "resourceRequirements": [{"type": "VCPU", "value": "4"}],
        },
        "arrayProperties": {"size": 10},
        "retryStrategy": {"attempts": 2},
    }


def test_names_that_a_person_gives_stay_as_they_are(submit_job):
    given = {"Day": "Monday", "day": "monday", "the-Day": "x"}
    labels = {"PodProperties": {"Metadata": {"Labels": given}}}
    call = call_of(submit_job, Parameters=given, Tags=given, EksPropertiesOverride=labels)
    assert call["parameters"] == call["tags"] == given
    assert call["eksPropertiesOverride"] == {"podProperties": {"metadata": {"labels": given}}}


def test_a_number_is_taken_where_a_text_is_wanted(submit_job):
    call = call_of(
        submit_job, Parameters={"Year": 2026}, ContainerOverrides={"Environment": [{"Name": "N", "Value": 5}]}
    )
    assert call["parameters"] == {"Year": "2026"}
    assert call["containerOverrides"]["environment"] == [{"name": "N", "value": "5"}]


def test_a_field_that_is_null_counts_as_absent(submit_job):
    assert set(call_of(submit_job, Tags=None, Timeout={"AttemptDurationSeconds": None})) == {
        "jobName",
        "jobQueue",
        "jobDefinition",
        "timeout",
    }


def test_every_wrong_field_is_named_by_its_path_and_no_value_is_repeated(submit_job):
    with pytest.raises(InvalidInputError) as caught:
        checked(
            submit_job,
            {
                "JobName": "sales",
                "JobQueue": ["hush"],
                "jobDefinition": "hush",
                "ContainerOverrides": {
                    "Environment": [{"Name": "A", "Value": {"hush": 1}}, {"name": "hush"}],
                    "ResourceRequirements": [{"Type": "VCPU"}],
                },
                "ArrayProperties": {"Size": "hush"},
                "Surprise": "hush",
            },
        )
    assert set(caught.value.problems) == {
        "JobQueue",
        "JobDefinition",
        "jobDefinition",
        "ContainerOverrides.Environment.0.Value",
        "ContainerOverrides.Environment.1.name",
        "ContainerOverrides.ResourceRequirements.0.Value",
        "ArrayProperties.Size",
        "Surprise",
    }
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        ({"Tags": [{"Key": "", "Value": "x"}]}, "Tags.0.Key"),
        ({"Tags": [{"Key": "x", "Value": "y" * 257}]}, "Tags.0.Value"),
        ({"Tags": [{"Key": "x"}] * 51}, "Tags"),
        (
            {"CapacityProviderStrategy": [{"CapacityProvider": "FARGATE", "Weight": 1001}]},
            "CapacityProviderStrategy.0.Weight",
        ),
        (
            {"CapacityProviderStrategy": [{"CapacityProvider": "FARGATE", "Base": -1}]},
            "CapacityProviderStrategy.0.Base",
        ),
    ],
)
def test_sizes_are_those_of_the_operation(request_, field):
    with pytest.raises(InvalidInputError) as caught:
        checked(request_model(input_of("ecs", "RunTask")), {"TaskDefinition": "t"} | request_)
    assert list(caught.value.problems) == [field]


def test_a_member_can_be_kept_for_the_service_or_given_other_rules():
    class OneOnly(ApiInput):
        count: int = 1

    model = request_model(input_of("ecs", "RunTask"), OneOnly, without=frozenset({"clientToken"}))
    assert model.model_fields["count"].annotation is int
    assert "clientToken" not in model.model_fields
    assert model.model_validate({"TaskDefinition": "t"}).call() == {"taskDefinition": "t", "count": 1}


@pytest.mark.parametrize(("service", "operation"), [("batch", "SubmitJob"), ("ecs", "RunTask")])
def test_every_member_has_a_field_whatever_its_kind(service, operation):
    shape = input_of(service, operation)
    model = request_model(shape)
    assert {field.alias for field in model.model_fields.values()} == {
        name[0].upper() + name[1:] for name in shape.members
    }


def test_what_the_model_makes_is_what_botocore_accepts():
    shape = input_of("ecs", "RunTask")
    call = (
        request_model(shape)
        .model_validate(
            {
                "TaskDefinition": "t",
                "EnableECSManagedTags": True,
                "NetworkConfiguration": {"AwsvpcConfiguration": {"Subnets": ["s"], "AssignPublicIp": "ENABLED"}},
                "Overrides": {"EphemeralStorage": {"SizeInGiB": 30}},
                "VolumeConfigurations": [{"Name": "v", "ManagedEBSVolume": {"RoleArn": "r", "SizeInGiB": 1}}],
            }
        )
        .call()
    )
    assert call["networkConfiguration"] == {"awsvpcConfiguration": {"subnets": ["s"], "assignPublicIp": "ENABLED"}}
    assert call["volumeConfigurations"] == [{"name": "v", "managedEBSVolume": {"roleArn": "r", "sizeInGiB": 1}}]
    validate_parameters(call, shape)


def test_what_is_for_the_job_alone_is_known_wherever_it_stands():
    request = {
        "JobName": "sales",
        "Parameters": {"Day": "monday", "Name": "x", "Limit": 5, "Nothing": None},
        "Overrides": {
            "Cpu": "256",
            "ContainerOverrides": [
                {"Name": "main", "Command": ["load", "it"], "Environment": [{"Name": "PASSWORD", "Value": "hush"}]}
            ],
        },
    }
    assert list(handed_on(request)) == ["monday", "x", "5", "load", "it", "PASSWORD", "hush"]
