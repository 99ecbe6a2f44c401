"""Requests that are the input of an AWS operation, their fields written with capital first letters.

So Step Functions writes them for its own integrations: ``ContainerOverrides`` where the operation has
``containerOverrides``. The fields are those of botocore's description of the operation. What a person names himself
(the keys of tags and parameters) stays as it is. Types and sizes are checked here; what else a value may be is for
the service to say, which may know more of them than the botocore that is installed.
"""

from __future__ import annotations

from functools import lru_cache
from types import GenericAlias
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, create_model

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_SCALARS: Mapping[str, type] = {
    "boolean": bool,
    "double": float,
    "float": float,
    "integer": int,
    "long": int,
    "string": str,
}
_HANDED_ON = frozenset(
    {
        "Args",
        "Command",
        "EntryPointArguments",
        "Env",
        "Environment",
        "Parameters",
        "Properties",
        "Query",
        "SparkSubmitParameters",
    }
)


class ApiInput(BaseModel):
    """A request, or a structure within one. Where the operation wants a text, a number is taken as one."""

    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)

    def call(self) -> dict[str, Any]:
        """Return the parameters of the operation, by its own names; what is absent or ``null`` is left out."""
        return self.model_dump(exclude_none=True)


@lru_cache(maxsize=64)  # making one takes tens of milliseconds
def request_model(
    shape: Any, fields: type[ApiInput] = ApiInput, without: frozenset[str] = frozenset()
) -> type[ApiInput]:
    """Return the model of a request whose fields are the members of an operation's input.

    Args:
        shape: botocore's input shape, ``client.meta.service_model.operation_model("SubmitJob").input_shape``.
        fields: a model with fields that take the place of the operation's, and rules for fields that go together.
        without: members that a request cannot have, because the service sets them.

    """
    members: dict[str, Any] = {
        name: _field(name, member, required=name in shape.required_members)
        for name, member in shape.members.items()
        if name not in without and name not in fields.model_fields
    }
    return create_model(shape.name, __base__=fields, **members)


def _field(name: str, shape: Any, *, required: bool) -> tuple[Any, Any]:
    least, most = ("ge", "le") if shape.type_name in {"integer", "long"} else ("min_length", "max_length")
    limits: dict[str, Any] = {least: shape.metadata.get("min"), most: shape.metadata.get("max")}
    alias = name[0].upper() + name[1:]
    if required:
        return _kind(shape), Field(alias=alias, **limits)
    return _kind(shape) | None, Field(default=None, alias=alias, **limits)


def _kind(shape: Any) -> Any:
    if shape.type_name == "structure":
        return request_model(shape)
    if shape.type_name == "list":
        return GenericAlias(list, (_kind(shape.member),))
    if shape.type_name == "map":
        return GenericAlias(dict, (str, _kind(shape.value)))
    return _SCALARS[shape.type_name]


def handed_on(value: Any, *, within: bool = False) -> Iterator[str]:
    """Yield the texts of a request that are for the job alone, and may be secrets: environment, command, arguments."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from handed_on(item, within=within or name[:1].upper() + name[1:] in _HANDED_ON)
    elif isinstance(value, list):
        for item in value:
            yield from handed_on(item, within=within)
    elif within and value is not None:
        yield str(value)
