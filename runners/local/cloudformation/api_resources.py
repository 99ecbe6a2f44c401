"""Resources of a stack that are made, changed and removed by the very API calls that anybody could make.

moto 5.2.5 builds most resources of a template past its own API and drops what it does not expect. A resource here
knows how its properties become calls to the embedded AWS itself, and a property that no call takes fails the
resource. Knows no single resource type: those are in ``types``.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

from botocore import xform_name
from botocore.exceptions import ClientError
from moto.cloudformation.exceptions import UnformattedGetAttTemplateException

from runners.errors import LocalAWSError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Properties = dict[str, Any]


class Api:
    """Calls of the embedded AWS in one region, with values given as templates give them: often as text."""

    def __init__(self, client: Callable[[str, str], Any], region: str) -> None:
        self.region = region
        self._client = client

    def call(self, service: str, operation: str, **parameters: Any) -> dict[str, Any]:
        """Call an operation by its name at AWS, with each value made what the service expects."""
        client = self._client(service, self.region)
        shape = client.meta.service_model.operation_model(operation).input_shape
        fitted = {name: fit(shape.members.get(name), value) for name, value in parameters.items() if value is not None}
        answer: dict[str, Any] = getattr(client, xform_name(operation))(**fitted)
        return answer

    def remove(self, service: str, operation: str, **parameters: Any) -> None:
        """Call an operation that removes something; what is gone already is removed."""
        try:
            self.call(service, operation, **parameters)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            gone = ("NotFound", "DoesNotExist", "NonExistent", "NoSuch")
            if not any(word in code for word in gone):
                raise


def fit(shape: Any, value: Any) -> Any:
    """Make a template's value one that botocore accepts for a shape: numbers of text, JSON text of objects."""
    kind = getattr(shape, "type_name", None)
    if kind == "structure" and isinstance(value, dict):
        return {name: fit(shape.members.get(name), part) for name, part in value.items()}
    if kind == "map" and isinstance(value, dict):
        return {name: fit(shape.value, part) for name, part in value.items()}
    if kind == "list" and isinstance(value, list):
        return [fit(shape.member, part) for part in value]
    if kind == "string":
        return as_text(value)
    return _READERS[kind](value) if kind in _READERS and isinstance(value, str | int) else value


_READERS: dict[str, Callable[[Any], Any]] = {
    "integer": int,
    "long": int,
    "float": float,
    "double": float,
    "boolean": lambda value: str(value).lower() == "true",
}


def as_text(value: Any) -> Any:
    """Make text of a number, a truth value or a JSON document, as CloudFormation does."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict | list):
        return json.dumps(value, default=str)
    return str(value) if isinstance(value, int | float) else value


class ApiResource(ABC):
    """A resource of a stack, as moto's CloudFormation asks for it. A subclass says what calls stand for it.

    While one is made or changed, ``previous`` holds the properties before: none when it is new.
    """

    type_name: ClassVar[str]
    """The type that templates name."""
    name_property: ClassVar[str] = ""
    """The property that holds the resource's name, when it has one."""
    immutable: ClassVar[frozenset[str]] = frozenset()
    """Properties that cannot change without a new resource; the name is always one."""
    attribute_names: ClassVar[tuple[str, ...]] = ()
    """What Fn::GetAtt may ask for."""

    connect: ClassVar[Callable[[str], Api]]
    """Answers the API of a region; set while an embedded AWS runs."""

    cf_resource_type: str
    logical_resource_id: str

    def __init__(self, api: Api, account: str, name: str, properties: Properties, previous: Properties) -> None:
        self.api = api
        self.account = account
        self.name = name
        self.properties = properties
        self.previous = previous
        self.physical_resource_id = name

    # What a subclass is

    @abstractmethod
    def make(self) -> str:
        """Make the resource; answer what ``Ref`` answers."""

    @abstractmethod
    def change(self) -> None:
        """Change the resource in place."""

    @abstractmethod
    def remove(self) -> None:
        """Remove the resource; one that is gone already is removed."""

    def attributes(self) -> Properties:
        """Answer what ``Fn::GetAtt`` answers, by ``attribute_names``; a type that names none has none."""
        return {}

    # What moto asks

    def is_created(self) -> bool:
        """Say that the resource is there: every call here returns once it is done."""
        return True

    @classmethod
    def has_cfn_attr(cls, attr: str) -> bool:
        """Say whether Fn::GetAtt may ask for this."""
        return attr in cls.attribute_names

    def get_cfn_attribute(self, attribute_name: str) -> Any:
        """Answer Fn::GetAtt."""
        if attribute_name not in self.attribute_names:
            raise UnformattedGetAttTemplateException
        return self.attributes()[attribute_name]

    @classmethod
    def create_from_cloudformation_json(
        cls, resource_name: str, cloudformation_json: Mapping[str, Any], account_id: str, region_name: str, **_: Any
    ) -> ApiResource:
        """Make a resource as a template describes it."""
        resource = cls(cls.connect(region_name), account_id, resource_name, dict(cloudformation_json["Properties"]), {})
        resource.physical_resource_id = resource.make()
        return resource

    @classmethod
    def update_from_cloudformation_json(
        cls,
        original_resource: ApiResource,
        new_resource_name: str,
        cloudformation_json: Mapping[str, Any],
        account_id: str,
        region_name: str,
    ) -> ApiResource:
        """Change a resource as a template describes it, by a new one where the old one cannot become it."""
        old, new = original_resource.properties, dict(cloudformation_json["Properties"])
        fixed = cls.immutable | ({cls.name_property} if cls.name_property else set())
        changed = {name for name in fixed if old.get(name) != new.get(name)}
        if not changed:
            resource = cls(cls.connect(region_name), account_id, original_resource.name, new, old)
            resource.physical_resource_id = original_resource.physical_resource_id
            resource.change()
            return resource
        if cls.name_property in new and cls.name_property not in changed:
            raise LocalAWSError(
                "CloudFormation cannot update a stack when a custom-named resource requires replacing. "
                f"Rename {new[cls.name_property]} and update the stack again"
            )
        replacement = cls.create_from_cloudformation_json(
            new_resource_name, cloudformation_json, account_id, region_name
        )
        original_resource.remove()
        return replacement

    def delete(self, _account_id: str, _region_name: str) -> None:
        """Remove the resource with its stack."""
        self.remove()


def without(properties: Properties, *names: str) -> Properties:
    """Answer the properties but for some."""
    return {name: value for name, value in properties.items() if name not in names}


def lower_camel(value: Any) -> Any:
    """Answer a structure with the keys that some APIs want: ``logGroupArn`` for a template's ``LogGroupArn``."""
    if isinstance(value, dict):
        return {key[:1].lower() + key[1:]: lower_camel(part) for key, part in value.items()}
    if isinstance(value, list):
        return [lower_camel(part) for part in value]
    return value
