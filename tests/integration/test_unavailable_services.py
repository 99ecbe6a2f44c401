"""What the embedded AWS does not run is refused, and the services report it as a start that never will be."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from runners.errors import StartRefusedError
from runners.services.batch import Batch
from runners.services.databrew import DataBrew
from runners.services.ecs import Ecs
from runners.services.glue_workflow import GlueWorkflow
from tests.unit.doubles import active_job

if TYPE_CHECKING:
    from runners.services import Service


@pytest.mark.parametrize(
    ("make", "client_name", "request_", "what"),
    [
        (Batch, "batch", {"JobName": "load", "JobQueue": "queue", "JobDefinition": "loader"}, "Batch"),
        (Ecs, "ecs", {"TaskDefinition": "loader"}, "ECS"),
        (DataBrew, "databrew", {"DataBrewJobName": "clean"}, "DataBrew"),
        (GlueWorkflow, "glue", {"GlueWorkflowName": "nightly"}, "workflow of Glue"),
    ],
)
def test_a_job_that_a_laptop_cannot_run_fails_and_says_why(
    client: Callable[[str], Any], make: Callable[[Any], Service], client_name: str, request_: dict[str, Any], what: str
) -> None:
    service = make(client(client_name))
    service.validate(request_)
    job = active_job(runner=service.name, request=request_)
    with pytest.raises(StartRefusedError) as caught:
        service.start(job.marked(service.mark(job), service.singleton(job)))
    assert f"{what} is not available in the embedded AWS" in str(caught.value.cause["ErrorMessage"])


@pytest.mark.parametrize(
    ("service", "operation", "parameters"),
    [
        ("athena", "list_engine_versions", {}),
        ("redshift-data", "list_databases", {"Database": "dev", "WorkgroupName": "group"}),
        ("sns", "list_origination_numbers", {}),
    ],
)
def test_an_operation_that_there_is_not_is_refused_by_its_name(
    client: Callable[[str], Any], service: str, operation: str, parameters: dict[str, str]
) -> None:
    with pytest.raises(ClientError) as caught:
        getattr(client(service), operation)(**parameters)
    error = caught.value.response
    assert error["Error"]["Code"] == "ValidationException"
    named = operation.replace("_", "")
    assert f"does not have the operation {service} {named}" in error["Error"]["Message"].lower()
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 400
