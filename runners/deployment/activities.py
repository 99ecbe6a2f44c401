"""Which activity is whose: the ARN of the activity that a service's runner polls. It never asks AWS."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import boto3

from runners.deployment.templates import body
from runners.errors import ConfigurationError

if TYPE_CHECKING:
    from runners.deployment.environment import Environment


def activity_arn(service: str, environment: Environment) -> str:
    """Return the ARN of the activity of a service's jobs, or of waits for data (``arrivals``).

    Raises:
        ConfigurationError: the service's template makes no activity.

    """
    partition = boto3.session.Session().get_partition_for_region(environment.region)
    place = f"arn:{partition}:states:{environment.region}:{environment.account_id}"
    return f"{place}:activity:{_name(service, environment)}"


def _name(service: str, environment: Environment) -> str:
    if service == "glue":
        return environment.glue_runner_activity
    if service == "arrivals":
        return environment.data_arrival_activity
    found = re.search(r"^ +Name: (\w+RunnerActivity)$", body(f"{service}-runner"), re.MULTILINE)
    if found is None:
        raise ConfigurationError(f"cloudformation/{service}-runner.yaml makes no activity, so there is none to poll.")
    return found[1]
