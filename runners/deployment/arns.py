"""ARNs of what settings name: a template cannot make a list of ARNs from a list of names.

A parameter that stands here is such a list. It never asks AWS whether there is what has the name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import boto3

if TYPE_CHECKING:
    from runners.deployment.environment import Environment


class _Shape(NamedTuple):
    """How ARNs are made."""

    setting: str
    """Which setting has the names; each becomes the ARNs below."""

    patterns: tuple[str, ...]
    """The ARNs, with ``{name}`` in the place of the name, and ``{environment}`` in that of the environment's."""


def _arn(setting: str, service: str, *resources: str) -> _Shape:
    return _Shape(setting, tuple(f"arn:{{partition}}:{service}:{{region}}:{{account}}:{each}" for each in resources))


_SHAPES = {
    "AthenaBucketArns": _Shape("athena_buckets", ("arn:{partition}:s3:::{name}",)),
    "AthenaCatalogArns": _arn("athena_databases", "glue", "database/{name}", "table/{name}/*"),
    "AthenaObjectArns": _Shape("athena_buckets", ("arn:{partition}:s3:::{name}/*",)),
    "AthenaWorkGroupArns": _arn("athena_work_groups", "athena", "workgroup/{name}"),
    "BatchJobDefinitionArns": _arn(
        "batch_job_definitions", "batch", "job-definition/{name}", "job-definition/{name}:*"
    ),
    "BatchJobQueueArns": _arn("batch_job_queues", "batch", "job-queue/{name}"),
    "CrawlerArns": _arn("crawlers", "glue", "crawler/{name}"),
    "DatabrewJobArns": _arn("databrew_jobs", "databrew", "job/{name}"),
    "EcsClusterArns": _arn("ecs_clusters", "ecs", "cluster/{name}"),
    "EcsRoleArns": _Shape("ecs_roles", ("arn:{partition}:iam::{account}:role/{name}",)),
    "EcsTaskArns": _arn("ecs_clusters", "ecs", "task/{name}/*"),
    "EcsTaskDefinitionArns": _arn("ecs_task_definitions", "ecs", "task-definition/{name}:*"),
    "EmrServerlessApplicationArns": _arn("emr_serverless_applications", "emr-serverless", "/applications/{name}"),
    "EmrServerlessRoleArns": _Shape("emr_serverless_roles", ("arn:{partition}:iam::{account}:role/{name}",)),
    "EmrServerlessRunArns": _arn("emr_serverless_applications", "emr-serverless", "/applications/{name}/jobruns/*"),
    "GlueJobArns": _arn("glue_jobs", "glue", "job/{name}"),
    "GlueWorkflowArns": _arn("glue_workflows", "glue", "workflow/{name}"),
    "LambdaJobArns": _arn("lambda_jobs", "lambda", "function:{name}", "function:{name}:*"),
    "RedshiftClusterArns": _arn("redshift_clusters", "redshift", "cluster:{name}"),
    "RedshiftDatabaseArns": _arn("redshift_clusters", "redshift", "dbname:{name}/*"),
    # Secrets Manager adds a hyphen and six characters to a secret's name.
    "RedshiftSecretArns": _arn("redshift_secrets", "secretsmanager", "secret:{name}-??????"),
    "RedshiftUserArns": _arn("redshift_users", "redshift", "dbuser:*/{name}"),
    "RedshiftWorkgroupArns": _arn("redshift_workgroup_ids", "redshift-serverless", "workgroup/{name}"),
    "StepsBucketArns": _Shape("steps_buckets", ("arn:{partition}:s3:::{name}",)),
    "StepsCatalogArns": _arn("steps_athena_databases", "glue", "database/{name}", "table/{name}/*"),
    "StepsConnectionArns": _arn("steps_connections", "ssm", "parameter/etl/{environment}/connections/{name}"),
    "StepsEmailIdentityArns": _arn("steps_email_identities", "ses", "identity/{name}"),
    "StepsFunctionArns": _arn("steps_functions", "lambda", "function:{name}", "function:{name}:*"),
    "StepsObjectArns": _Shape("steps_buckets", ("arn:{partition}:s3:::{name}/*",)),
    "StepsQueueArns": _arn("steps_queues", "sqs", "{name}"),
    "StepsRedshiftClusterArns": _arn("steps_redshift_clusters", "redshift", "cluster:{name}"),
    "StepsRedshiftDatabaseArns": _arn("steps_redshift_clusters", "redshift", "dbname:{name}/*"),
    "StepsRedshiftUserArns": _arn("steps_redshift_users", "redshift", "dbuser:*/{name}"),
    "StepsRedshiftWorkgroupArns": _arn("steps_redshift_workgroup_ids", "redshift-serverless", "workgroup/{name}"),
    "StepsSecretArns": _arn("steps_secrets", "secretsmanager", "secret:{name}-??????"),
    "StepsTableArns": _arn("steps_tables", "dynamodb", "table/{name}", "table/{name}/index/*"),
    "StepsTopicArns": _arn("steps_topics", "sns", "{name}"),
    "StepsWorkGroupArns": _arn("steps_athena_work_groups", "athena", "workgroup/{name}"),
    "StepsWrittenObjectArns": _Shape("steps_write_buckets", ("arn:{partition}:s3:::{name}/*",)),
}


def arns(parameter: str, environment: Environment, name: str = "") -> tuple[str, ...] | None:
    """Return the ARNs that a template's parameter stands for; None for a parameter that is no list of ARNs.

    Args:
        parameter: the parameter.
        environment: whose settings have the names.
        name: the environment's name, which is a part of the names of its connections.

    """
    shape = _SHAPES.get(parameter)
    if shape is None:
        return None
    place = {
        "partition": boto3.session.Session().get_partition_for_region(environment.region),
        "region": environment.region,
        "account": environment.account_id,
        "environment": name,
    }
    names: tuple[str, ...] = getattr(environment, shape.setting)
    return tuple(pattern.format(name=each, **place) for each in names for pattern in shape.patterns)


def setting_behind(parameter: str) -> str | None:
    """Return the setting that has the names of a parameter's ARNs; None for a parameter that is no list of ARNs."""
    return _SHAPES[parameter].setting if parameter in _SHAPES else None
