"""CloudFormation as an extension of moto: stacks that tell what happens, roll back, and refuse what they cannot make.

moto 5.2.5 (``moto/cloudformation/models.py`` and ``parsing.py``) skips resource types that it does not know, answers
a failed resource with an error and leaves the stack half made, and updates only resources that refer to a changed
parameter by ``Ref``. Here every resource has its events, a failure rolls the stack back with its reason, and an
update changes each resource whose resolved properties changed. Resource types are in ``types``.
"""

from __future__ import annotations

import copy
import re
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError
from moto.cloudformation import parsing
from moto.cloudformation.exceptions import CloudFormationError, ValidationError
from moto.cloudformation.models import CloudFormationBackend, Event, Stack, cloudformation_backends

from runners.errors import LocalAWSError
from runners.local.cloudformation.api_resources import Api, ApiResource
from runners.local.cloudformation.types import TYPES
from runners.local.replacements import Replacements

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runners.local.server import EmbeddedAWS

_WITHOUT_OUTPUTS = ("CREATE_PENDING", "CREATE_IN_PROGRESS", "CREATE_FAILED", "ROLLBACK", "DELETE", "REVIEW")
_KEPT = ("Retain", "RetainExceptOnCreate")  # deletion policies of resources that outlive their stack
_REFERENCE = re.compile(r"\$\{([^!}][^}.]*)[^}]*\}")


class ResourceFailedError(LocalAWSError):
    """A resource of a stack could not be made, changed or removed; its event says why."""

    def __init__(self, logical_id: str, verb: str) -> None:
        super().__init__(f"The following resource(s) failed to {verb}: [{logical_id}].")


class CloudFormation:
    """The extension. One for each embedded AWS."""

    def __init__(self) -> None:
        self._moto = Replacements()

    def start(self, aws: EmbeddedAWS) -> None:
        """Take over what stacks do."""
        apis: dict[str, Api] = {}
        ApiResource.connect = staticmethod(lambda region: apis.setdefault(region, Api(aws.client, region)))
        moto = self._moto
        # Resource types, of which moto's own are replaced where there is one in TYPES.
        find, name = parsing.resource_class_from_type, parsing.resource_name_property_from_type
        moto.replace(parsing, "resource_class_from_type", lambda kind: TYPES.get(kind) or find(kind))
        moto.replace(
            parsing,
            "resource_name_property_from_type",
            lambda kind: TYPES[kind].name_property if kind in TYPES else name(kind),
        )
        moto.replace(parsing, "clean_json", _resolving(parsing.clean_json))
        moto.replace(parsing, "parse_and_create_resource", _create_resource)
        # moto makes resources when it reads a stack whose creation failed.
        moto.replace(Stack, "stack_resources", property(_made_resources))
        moto.replace(Stack, "outputs", _unless_unfinished(vars(Stack)["outputs"].fget, None))
        moto.replace(Stack, "exports", _unless_unfinished(vars(Stack)["exports"].fget, []))
        # moto answers the value of a list as Python writes it: ['a', 'b'].
        moto.replace(Stack, "parameter_list", property(_with_lists_as_given(vars(Stack)["parameter_list"].fget)))
        moto.replace(Stack, "parse_template", staticmethod(_refusing_unknown_types(Stack.parse_template)))
        moto.replace(Stack, "create_resources", _create_stack)
        moto.replace(Stack, "update", _update_stack)
        moto.replace(Stack, "delete", _delete_stack)
        moto.replace(CloudFormationBackend, "delete_stack", _delete_stack_by_name)
        moto.replace(CloudFormationBackend, "execute_change_set", _execute_change_set)

    def stop(self) -> None:
        """Put moto back as it was; stacks go with its state."""
        self._moto.undo()


# Templates


def _refusing_unknown_types(parse: Any) -> Any:
    """As moto's, which warns of a type that it does not know, and goes on without."""

    def parse_template(template: str) -> Any:
        parsed = parse(template)
        types = {resource.get("Type", "") for resource in (parsed or {}).get("Resources", {}).values()}
        known = {*TYPES, *parsing.NULL_MODELS, *parsing.get_model_map()}
        unknown = sorted(kind for kind in types if kind not in known and not kind.startswith("Custom::"))
        if unknown:
            raise ValidationError(
                message=f"Template format error: Unrecognized resource types: [{', '.join(unknown)}]: "
                "the embedded AWS cannot make them"
            )
        return parsed

    return parse_template


def _resolving(clean: Any) -> Any:
    """As moto's, which makes one ``$`` of two in the long form of Fn::Sub, and leaves AWS::NoValue in lists as null."""

    @wraps(clean)
    def clean_json(node: Any, resources: Any) -> Any:
        if isinstance(node, dict) and isinstance(node.get("Fn::Sub"), list):
            text, values = node["Fn::Sub"]
            for key, value in values.items():
                text = text.replace(f"${{{key}}}", str(clean_json(value, resources)))
            return clean({"Fn::Sub": text}, resources)
        cleaned = clean(node, resources)
        return [part for part in cleaned if part is not None] if isinstance(node, list) else cleaned

    return clean_json


def _with_lists_as_given(parameters: Any) -> Any:
    def parameter_list(stack: Any) -> list[dict[str, Any]]:
        return [{**each, "ParameterValue": _as_given(each["ParameterValue"])} for each in parameters(stack)]

    return parameter_list


def _as_given(value: Any) -> Any:
    return ",".join(map(str, value)) if isinstance(value, list) else value


def _dependencies(node: Any) -> set[str]:
    """Answer the names that a part of a template refers to, by Ref, Fn::GetAtt, Fn::Sub or DependsOn."""
    if isinstance(node, list):
        return set().union(*map(_dependencies, node))
    if not isinstance(node, dict):
        return set()
    found: set[str] = set()
    for key, value in node.items():
        if key == "Ref":
            found.add(value)
        elif key == "Fn::GetAtt":
            found.add(value[0] if isinstance(value, list) else value.partition(".")[0])
        elif key == "Fn::Sub":
            found.update(_REFERENCE.findall(value if isinstance(value, str) else value[0]))
        elif key == "DependsOn":
            found.update([value] if isinstance(value, str) else value)
        found |= _dependencies(value)
    return found


def _in_order(resources: dict[str, Any]) -> list[str]:
    """Answer the names of resources, each after those that it refers to."""
    ordered: dict[str, None] = {}

    def visit(name: str, above: frozenset[str]) -> None:
        if name in ordered or name in above or name not in resources:
            return
        for dependency in sorted(_dependencies(resources[name])):
            visit(dependency, above | {name})
        ordered[name] = None

    for name in resources:
        visit(name, frozenset())
    return list(ordered)


# Resources


def _stack_of(resources: Any) -> Any:
    return cloudformation_backends[resources._account_id][resources._region_name].get_stack(resources.stack_id)


@dataclass
class _Step:
    """Something that is done to one resource of a stack, and told by the stack's events."""

    stack: Any
    verb: str
    logical_id: str
    kind: str
    physical_id: str = ""

    def tell(self, status: str, reason: str | None = None) -> None:
        """Add an event."""
        self.stack.events.append(
            Event(
                stack_id=self.stack.stack_id,
                stack_name=self.stack.name,
                logical_resource_id=self.logical_id,
                physical_resource_id=self.physical_id,
                resource_type=self.kind,
                resource_status=f"{self.verb}_{status}",
                resource_status_reason=reason,
                resource_properties=None,
            )
        )


@contextmanager
def _told(stack: Any, verb: str, logical_id: str, kind: str, physical_id: str = "") -> Iterator[_Step]:
    """Tell by events what is done to a resource; an error becomes the reason of the last one."""
    step = _Step(stack, verb, logical_id, kind, physical_id)
    step.tell("IN_PROGRESS")
    try:
        yield step
    except Exception as error:
        step.tell("FAILED", _reason(error))
        raise ResourceFailedError(logical_id, verb.lower()) from error
    step.tell("COMPLETE")


def _wanted(resources: Any, resource_json: dict[str, Any]) -> bool:
    condition = resource_json.get("Condition")
    return not condition or bool(resources.lazy_condition_map[condition])


def _create_resource(
    logical_id: str, resource_json: dict[str, Any], resources_map: Any, account_id: str, region_name: str
) -> Any:
    if not _wanted(resources_map, resource_json):
        return None
    stack, kind = _stack_of(resources_map), resource_json["Type"]
    with _told(stack, "CREATE", logical_id, kind) as step:
        parsed = parsing.parse_resource_and_generate_name(logical_id, resource_json, resources_map)
        if not parsed:
            return None
        resource_class, resolved, name = parsed
        named = {"LogicalId": logical_id, "StackId": resources_map.stack_id, "ResourceType": kind}
        resource = resource_class.create_from_cloudformation_json(name, resolved, account_id, region_name, **named)
        _label(resource, logical_id, resource_json, resolved)
        step.physical_id = str(resource.physical_resource_id)
        return resource


def _label(resource: Any, logical_id: str, resource_json: dict[str, Any], resolved: dict[str, Any]) -> None:
    resource.cf_resource_type = resource_json["Type"]
    resource.logical_resource_id = logical_id
    resource.described = resource_json
    resource.resolved = resolved["Properties"]


def _update_resource(stack: Any, logical_id: str, resource_json: dict[str, Any]) -> None:
    """Change a resource whose resolved properties are others than before."""
    resources = stack.resource_map
    before = resources._parsed_resources[logical_id]
    parsed = parsing.parse_resource_and_generate_name(logical_id, copy.deepcopy(resource_json), resources)
    if not parsed or parsed[1]["Properties"] == before.resolved:
        return
    resource_class, resolved, name = parsed
    kind = resource_json["Type"]
    untouched = copy.deepcopy(resolved)  # moto changes what it is given
    before.resolved = None  # should it fail half way, a rollback changes it back
    with _told(stack, "UPDATE", logical_id, kind, str(before.physical_resource_id)) as step:
        if hasattr(resource_class.update_from_cloudformation_json, "__isabstractmethod__"):
            raise LocalAWSError(f"The embedded AWS cannot change a {kind}: delete the stack, and create it anew")
        changed = resource_class.update_from_cloudformation_json(
            original_resource=before,
            new_resource_name=name,
            cloudformation_json=resolved,
            account_id=resources._account_id,
            region_name=resources._region_name,
        )
        resource = changed or before
        _label(resource, logical_id, resource_json, untouched)
        resources._parsed_resources[logical_id] = resource
        step.physical_id = str(resource.physical_resource_id)


def _made(stack: Any) -> dict[str, Any]:
    """Answer the resources that exist, in the order in which they were made."""
    return {
        logical_id: resource
        for logical_id, resource in list(stack.resource_map._parsed_resources.items())
        if hasattr(resource, "logical_resource_id")
    }


def _made_resources(stack: Any) -> list[Any]:
    return list(_made(stack).values())


def _delete_resources(stack: Any, names: list[str], *, keep_retained: bool) -> list[str]:
    """Remove resources, and answer the names of those that could not be."""
    failed = []
    for name in names:
        resource = _made(stack)[name]
        if not (keep_retained and resource.described.get("DeletionPolicy") in _KEPT):
            try:
                physical_id = str(resource.physical_resource_id)
                with _told(stack, "DELETE", name, resource.cf_resource_type, physical_id):
                    resolved = {**resource.described, "Properties": resource.resolved}
                    stack.resource_map._delete_resource(resource, resolved)
            except ResourceFailedError:
                failed.append(name)
                continue
        stack.resource_map._parsed_resources.pop(name)
    return failed


# Stacks


def _tell(stack: Any, status: str, reason: str | None = None) -> None:
    stack.status = status
    stack._add_stack_event(status, resource_status_reason=reason)


def _create_stack(stack: Any) -> None:
    stack.status = "CREATE_IN_PROGRESS"
    stack.parameters = _effective(stack.template_dict, stack.parameters)
    try:
        for name in _in_order(stack.template_dict["Resources"]):
            _ = stack.resource_map[name]
        _publish_outputs(stack)
    except (ResourceFailedError, CloudFormationError) as error:
        _tell(stack, "ROLLBACK_IN_PROGRESS", _reason(error))
        failed = _delete_resources(stack, list(reversed(_made(stack))), keep_retained=False)
        _tell(stack, "ROLLBACK_FAILED" if failed else "ROLLBACK_COMPLETE")
        return
    if all(resource.is_created() for resource in _made_resources(stack)):
        stack.mark_creation_complete()


def _update_stack(
    stack: Any,
    template: str,
    role_arn: str | None = None,
    parameters: dict[str, Any] | None = None,
    tags: dict[str, str] | None = None,
) -> None:
    before = (stack.template, stack.parameters)
    wanted = (template, stack.parameters if parameters is None else parameters)
    if _same(stack, *wanted) and (tags is None or tags == stack.tags):
        raise ValidationError(message="No updates are to be performed.")
    _tell(stack, "UPDATE_IN_PROGRESS", "User Initiated")
    try:
        _apply(stack, *wanted)
    except (ResourceFailedError, CloudFormationError) as error:
        _tell(stack, "UPDATE_ROLLBACK_IN_PROGRESS", _reason(error))
        try:
            _apply(stack, *before)
        except (ResourceFailedError, CloudFormationError) as again:
            _tell(stack, "UPDATE_ROLLBACK_FAILED", _reason(again))
        else:
            _tell(stack, "UPDATE_ROLLBACK_COMPLETE")
        return
    stack.role_arn = role_arn
    stack.tags = stack.tags if tags is None else tags
    _tell(stack, "UPDATE_COMPLETE")


def _apply(stack: Any, template: str, parameters: dict[str, Any]) -> None:
    """Make the stack's resources what a template describes; what it describes no more is removed last."""
    stack.template = template
    stack._parse_template()
    stack.description = stack.template_dict.get("Description")
    stack.parameters = _effective(stack.template_dict, parameters)
    resources, described = stack.resource_map, stack.template_dict["Resources"]
    resources._template, resources._resource_json_map = stack.template_dict, described
    resources.input_parameters, resources.resolved_parameters = stack.parameters, {}
    resources.load()
    for name in _in_order(described):
        before = _made(stack).get(name)
        if before is not None and before.cf_resource_type != described[name]["Type"]:
            _delete_resources(stack, [name], keep_retained=True)
            before = None
        if before is None:
            _ = resources[name]
        elif _wanted(resources, described[name]):
            _update_resource(stack, name, described[name])
    gone = [name for name in _made(stack) if name not in described or not _wanted(resources, described[name])]
    _delete_resources(stack, list(reversed(gone)), keep_retained=True)
    _publish_outputs(stack)


def _delete_stack(stack: Any) -> None:
    _tell(stack, "DELETE_IN_PROGRESS", "User Initiated")
    failed = _delete_resources(stack, list(reversed(_made(stack))), keep_retained=True)
    if failed:
        _tell(stack, "DELETE_FAILED", f"The following resource(s) failed to delete: [{', '.join(failed)}].")
    else:
        _tell(stack, "DELETE_COMPLETE")


def _delete_stack_by_name(backend: Any, name_or_stack_id: str) -> None:
    """As moto's, which loses the stack when a resource cannot be removed."""
    stacks = [stack for stack in backend.stacks.values() if name_or_stack_id in {stack.name, stack.stack_id}]
    for stack in stacks:
        exported = [export.name for export in stack.exports]
        stack.delete()
        if stack.status == "DELETE_COMPLETE":
            backend.deleted_stacks[stack.stack_id] = backend.stacks.pop(stack.stack_id)
            for name in exported:
                backend.exports.pop(name, None)


def _execute_change_set(backend: Any, change_set_name: str, stack_name: str | None = None) -> None:
    """As moto's, which says COMPLETE whatever came of it."""
    del stack_name  # a change set's name leads to its stack
    change_set = backend.describe_change_set(change_set_name)
    stack = change_set.stack
    if change_set.change_set_type == "CREATE":
        stack.template, stack.parameters = change_set.template, change_set.parameters
        stack._parse_template()
        stack.resource_map = stack._create_resource_map()
        _tell(stack, "CREATE_IN_PROGRESS", "User Initiated")
        stack.create_resources()
    else:
        stack.update(change_set.template, parameters=change_set.parameters)
    change_set.execution_status = "EXECUTE_COMPLETE"


def _publish_outputs(stack: Any) -> None:
    """Resolve what the stack puts out, and let other stacks import it; an export's name is one stack's alone."""
    stack.output_map = stack._create_output_map()
    _ = list(stack.output_map.values())
    exports: dict[str, Any] = cloudformation_backends[stack.account_id][stack.region_name].exports
    for export in stack.output_map.exports:
        owner = exports.get(export.name)
        if owner is not None and owner.exporting_stack_id != stack.stack_id:
            raise ValidationError(message=f"Export with name {export.name} is already exported by another stack")
        exports[export.name] = export


def _unless_unfinished(read: Any, empty: Any) -> Any:
    """As moto's, which makes resources when it reads the outputs of a stack that has none yet, or no more."""

    def outputs(stack: Any) -> Any:
        return empty if stack.status.startswith(_WITHOUT_OUTPUTS) else read(stack)

    return property(outputs)


def _effective(template: dict[str, Any], parameters: dict[str, Any]) -> dict[str, Any]:
    """Answer the parameters with the defaults of those that were not given."""
    slots = template.get("Parameters") or {}
    defaults = {name: str(slot["Default"]) for name, slot in slots.items() if "Default" in slot}
    return {**defaults, **parameters}


def _same(stack: Any, template: str, parameters: dict[str, Any]) -> bool:
    # Parsed anew: moto writes into the one that it keeps.
    wanted, present = stack.parse_template(template), stack.parse_template(stack.template)
    return bool(wanted == present and _effective(wanted, parameters) == _effective(present, stack.parameters))


def _reason(error: Exception) -> str:
    if isinstance(error, ClientError):
        told = error.response["Error"]
        return f"{told['Message']} ({error.operation_name}: {told['Code']})"
    return str(getattr(error, "message", None) or error) or type(error).__name__
