"""The state machines in a file: the file itself, or those that a CloudFormation template (or SAM's) makes.

Their definitions stay as they are written, ``${Name}`` included; what such a name stands for is told beside them,
where the template or the environment says. Nothing here judges a definition.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from runners.deployment.templates import setting_of
from runners.lint.machines import StateMachine
from runners.lint.reading import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from runners.deployment.environment import Environment
    from runners.lint.reading import Document, Path, Position

STATE_MACHINES = ("AWS::StepFunctions::StateMachine", "AWS::Serverless::StateMachine")
_ACTIVITY = "AWS::StepFunctions::Activity"
_AN_ACTIVITY = "arn:${AWS::Partition}:states:${AWS::Region}:${AWS::AccountId}:activity:"
_ELSEWHERE = ("DefinitionUri", "DefinitionS3Location")


@dataclass(frozen=True)
class NotRead:
    """A state machine of a template whose definition cannot be read.

    Attributes:
        name: what the template calls it.
        reason: why it cannot.
        position: where that shows.
        broken: whether the definition is at fault, rather than elsewhere or made in a way that is not followed.

    """

    name: str
    reason: str
    position: Position
    broken: bool = False


def machines_in(document: Document, environment: Environment | None) -> list[StateMachine | NotRead]:
    """Return the state machines in a file.

    Raises:
        UnreadableError: it is neither a state machine nor a template.

    """
    value = document.value
    if isinstance(value, dict) and ("States" in value or "StartAt" in value):
        return [StateMachine(document)]
    if not isinstance(value, dict) or not isinstance(value.get("Resources"), dict):
        raise UnreadableError(
            "this is no state machine, which has States, and no CloudFormation template, which has Resources"
        )
    return list(_Template(document, environment).machines())


class _Template:
    """One template."""

    def __init__(self, document: Document, environment: Environment | None) -> None:
        self._document = document
        self._resources: dict[str, Any] = {
            name: resource for name, resource in document.value["Resources"].items() if isinstance(resource, dict)
        }
        self._stands_for = {**self._parameters(environment), **dict(self._references())}

    def machines(self) -> Iterator[StateMachine | NotRead]:
        for name, resource in self._resources.items():
            properties = resource.get("Properties")
            if resource.get("Type") in STATE_MACHINES and isinstance(properties, dict):
                yield self._machine(name, properties)

    def _machine(self, name: str, properties: Mapping[str, Any]) -> StateMachine | NotRead:
        place: Path = ("Resources", name, "Properties")
        found = StateMachine(
            self._document,
            name,
            express="EXPRESS" in (properties.get("StateMachineType"), properties.get("Type")),
            stands_for={**self._stands_for, **_given(properties.get("DefinitionSubstitutions"))},
        )
        if "Definition" in properties:
            path = (*place, "Definition")
            return replace(found, definition=self._document.at(path, _written(properties["Definition"])))
        if "DefinitionString" in properties:
            return self._of_text(found, (*place, "DefinitionString"), properties["DefinitionString"])
        for elsewhere in _ELSEWHERE:
            if elsewhere in properties:
                where = self._document.position((*place, elsewhere))
                return NotRead(name, "its definition is in another file; lint that file too", where)
        return NotRead(name, "it has no definition", self._document.position(place), broken=True)

    def _of_text(self, found: StateMachine, path: Path, value: Any) -> StateMachine | NotRead:
        """Return a state machine whose definition is a text, maybe one that CloudFormation puts together."""
        given: dict[str, str] = {}
        match value:
            case {"Fn::Sub": [str(text), dict(names)]}:
                path, given = (*path, "Fn::Sub", 0), _given(names)
            case {"Fn::Sub": str(text)}:
                path = (*path, "Fn::Sub")
            case {"Fn::Join": [str(), list()]}:
                text = _text(value)
            case str(text):
                pass
            case _:
                how = next(iter(value), "") if isinstance(value, dict) else type(value).__name__
                reason = f"its definition is made by {how}, which cannot be followed here"
                return NotRead(found.name, reason, self._document.position(path))
        try:
            definition = self._document.text_at(path, text)
        except UnreadableError as error:
            return NotRead(found.name, str(error), error.position, broken=True)
        return replace(found, definition=definition, stands_for={**found.stands_for, **given})

    def _parameters(self, environment: Environment | None) -> dict[str, str]:
        """Return the values of parameters that are known: the environment's settings of their names, or defaults."""
        parameters = self._document.value.get("Parameters")
        declared = parameters if isinstance(parameters, dict) else {}
        values = {
            name: getattr(environment, setting_of(str(name)), None)
            or (declaration.get("Default") if isinstance(declaration, dict) else None)
            for name, declaration in declared.items()
        }
        return {name: str(value) for name, value in values.items() if isinstance(value, str | int | float)}

    def _references(self) -> Iterator[tuple[str, str]]:
        """Yield what references to resources stand for: an activity's ARN, or just that it is something else."""
        for name, resource in self._resources.items():
            kind = resource.get("Type")
            properties = resource.get("Properties")
            named = properties.get("Name") if isinstance(properties, dict) else None
            if kind == _ACTIVITY and named is not None:
                yield name, f"{_AN_ACTIVITY}{_text(named)}"
                yield f"{name}.Arn", f"{_AN_ACTIVITY}{_text(named)}"
                yield f"{name}.Name", _text(named)
            elif kind != _ACTIVITY:
                yield name, f"<{kind}>"
                yield f"{name}.Arn", f"<{kind}>"


def _given(names: Any) -> dict[str, str]:
    """Return what a template substitutes by names of its own."""
    return {str(name): _text(value) for name, value in names.items()} if isinstance(names, dict) else {}


def _written(value: Any) -> Any:
    """Return a definition that is written as an object, with references as ``${Name}``."""
    if isinstance(value, dict):
        if (
            len(value) == 1
            and (name := next(iter(value)))
            and (name in ("Ref", "Condition") or name.startswith("Fn::"))
        ):
            return _text(value)
        return {name: _written(item) for name, item in value.items()}
    return [_written(item) for item in value] if isinstance(value, list) else value


def _text(value: Any) -> str:
    """Return a value of a template as the text that Fn::Sub would have for it."""
    match value:
        case {"Ref": str(name)} | {"Fn::GetAtt": str(name)} | {"Fn::ImportValue": str(name)}:
            return f"${{{name}}}"
        case {"Fn::GetAtt": [str(name), str(attribute)]}:
            return f"${{{name}.{attribute}}}"
        case {"Fn::Sub": str(text)} | {"Fn::Sub": [str(text), _]}:
            return text
        case {"Fn::Join": [str(between), list(parts)]}:
            return between.join(map(_text, parts))
        case dict():
            return f"${{{next(iter(value), '')}}}"
    return str(value)
