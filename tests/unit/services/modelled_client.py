"""A double of a boto3 client whose every call is checked against botocore's model of the service."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import boto3
from botocore.validate import validate_parameters

from tests.unit.doubles import Faults

if TYPE_CHECKING:
    from collections.abc import Callable


class ModelledClient:
    """What the doubles of services' clients have in common: ``call`` counts them and lets planned ones go wrong."""

    def __init__(self, service: str) -> None:
        self.meta = boto3.client(service).meta
        self.call = Faults()

    def made(self, name: str, parameters: dict[str, Any], effect: Callable[[], Any]) -> Any:
        """Make a call if its parameters are such as the service takes."""
        operation = self.meta.service_model.operation_model(self.meta.method_to_api_mapping[name])
        validate_parameters(parameters, operation.input_shape)
        return self.call(name, effect)

    def enum(self, shape: str) -> set[str]:
        """Return the values of an enum of the service's model."""
        return set(self.meta.service_model.shape_for(shape).enum)

    def documentation(self, shape: str, member: str) -> str:
        """Return what the service's model says of a structure's member, without markup."""
        return re.sub(r"<[^>]+>", "", self.meta.service_model.shape_for(shape).members[member].documentation)
