"""A client whose every call and answer is checked against botocore's model of the service."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.validate import validate_parameters

if TYPE_CHECKING:
    from botocore.model import Shape

_PLAIN = {
    "string": str,
    "integer": int,
    "long": int,
    "double": (int, float),
    "float": (int, float),
    "boolean": bool,
    "timestamp": datetime,
    "blob": bytes,
}


class Modelled:
    """Passes calls on to a client, if they are such as the service takes, and looks at what comes back."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._client, name)
        if name not in self._client.meta.method_to_api_mapping:
            return attribute
        operation = self._client.meta.service_model.operation_model(self._client.meta.method_to_api_mapping[name])

        def call(**parameters: Any) -> Any:
            validate_parameters(parameters, operation.input_shape)
            answer = attribute(**parameters)
            told = {key: value for key, value in answer.items() if key != "ResponseMetadata"}
            if operation.output_shape is not None:
                fits(operation.output_shape, told, operation.name)
            return answer

        return call


def fits(shape: Shape, value: Any, where: str) -> None:
    """Fail if a value is none of the shape."""
    if shape.type_name == "structure":
        assert isinstance(value, dict), where
        assert value.keys() <= shape.members.keys(), f"{where} has no {value.keys() - shape.members.keys()}"
        for name, member in value.items():
            fits(shape.members[name], member, f"{where}.{name}")
    elif shape.type_name == "list":
        assert isinstance(value, list), where
        for member in value:
            fits(shape.member, member, where)
    elif shape.type_name == "map":
        assert isinstance(value, dict), where
        for member in value.values():
            fits(shape.value, member, where)
    else:
        assert isinstance(value, _PLAIN[shape.type_name]), f"{where} is {value!r}, not a {shape.type_name}"
        if getattr(shape, "enum", None):
            assert value in shape.enum, f"{where} is {value!r}, not one of {shape.enum}"
