"""What there is to say of a step type: what it does, what it takes, an example, and what is missing to run it.

All is read from the models themselves, so that nothing is said twice.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from runners.steps.catalog import find, names
from runners.steps.errors import StepError
from runners.steps.libraries import absent
from runners.steps.pairs import PAIRS, SOURCES, TARGETS, connection_kind

if TYPE_CHECKING:
    from pydantic import BaseModel

    from runners.steps.connections import Connection

REQUIRED = "required"

_WORDS = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "object": "object",
    "array": "list",
    "null": "null",
}
_FORMATS = {"duration": "duration, e.g. PT15M", "date-time": "time", "date": "day", "password": "secret text"}


@dataclass(frozen=True)
class Summary:
    """A step type in one line.

    Attributes:
        name: its name.
        does: what it does, in a sentence.
        missing: the extra that it needs and that is not installed, or why it cannot be loaded; empty if nothing is.

    """

    name: str
    does: str
    missing: str = ""


@dataclass(frozen=True)
class Field:
    """A parameter.

    Attributes:
        name: with those of the objects that it is in, e.g. ``Source.Format.Delimiter``.
        kind: what it may be, in words.
        default: ``required``, or what it is if left out, as JSON; empty for nothing.
        text: what it means.

    """

    name: str
    kind: str
    default: str
    text: str

    @property
    def about(self) -> str:
        """What it may be, and what it is if left out, in words."""
        if self.default in ("", REQUIRED):
            return ", ".join(filter(None, [self.kind, self.default]))
        return f"{self.kind}, default {self.default}"


def summaries() -> list[Summary]:
    """Return all step types, by name; one that cannot be loaded harms no other."""
    return [_summary(name) for name in names()]


def document(name: str) -> dict[str, Any]:
    """Return a step type as JSON: its name, what it does, the JSON schemas of its parameters and its connections.

    Raises:
        StepNotFound: there is none of that name.

    """
    kind = find(name)
    return {
        "name": name,
        "summary": kind.summary(),
        "parameters": kind.Parameters.model_json_schema(),
        "connections": {end: connection.model_json_schema() for end, connection in connections_of(name).items()},
        "example": {"StepType": name, "Parameters": kind.example},
    }


def connections_of(name: str) -> dict[str, type[Connection]]:
    """Return what describes the connections of a transfer, by ``Source`` and ``Target``."""
    found = {end: connection_kind(kind) for end, kind in zip(("Source", "Target"), PAIRS.get(name, ()), strict=False)}
    return {end: kind for end, kind in found.items() if kind}


def fields_of(model: type[BaseModel]) -> list[Field]:
    """Return the parameters of a model, each before those within it, and what is required before the rest."""
    schema = model.model_json_schema()
    named = schema.get("$defs", {})
    whole = schema["$ref"].rpartition("/")[2] if "$ref" in schema else ""  # of a model that holds others of its kind
    return list(_fields(named.get(whole, schema), named, "", (whole,)))


def _summary(name: str) -> Summary:
    try:
        return Summary(name, find(name).summary(), ", ".join(_absent_extras(name)))
    except StepError as error:
        return Summary(name, "", error.message)


def _absent_extras(name: str) -> Iterable[str]:
    """Return the extras that a step type needs and that are not installed."""
    source, target = PAIRS.get(name, ("", ""))
    ends = [kinds[end] for kinds, end in ((SOURCES, source), (TARGETS, target)) if end]
    return dict.fromkeys(end.extra for end in ends if end.extra and absent(end.extra))


def _fields(schema: Mapping[str, Any], named: Mapping[str, Any], path: str, within: tuple[str, ...]) -> Iterator[Field]:
    required = schema.get("required", [])
    for name, said in sorted(schema.get("properties", {}).items(), key=lambda one: one[0] not in required):
        default = REQUIRED if name in required else _default(said)
        text = " ".join(str(said.get("description", "")).split())
        yield Field(path + name, kind_of(said, named), default, text)
        for title, model, inner in _models_in(said, named):
            if model not in within:
                yield from _fields(inner, named, f"{path}{name}{title}.", (*within, model))


def _models_in(said: Mapping[str, Any], named: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Yield the models that a field may hold, each with what tells it from the others."""
    if "$ref" in said:
        model = said["$ref"].rpartition("/")[2]
        if "properties" in named[model]:
            yield "", model, named[model]
    for choice in said.get("anyOf", said.get("allOf", [])):
        yield from _models_in(choice, named)
    if "items" in said:
        for title, model, inner in _models_in(said["items"], named):
            yield f"[]{title}", model, inner
    for choice in said.get("oneOf", []):
        for _, model, inner in _models_in(choice, named):
            yield f" ({_told_by(said, inner)})", model, inner


def _told_by(said: Mapping[str, Any], inner: Mapping[str, Any]) -> str:
    tag = said.get("discriminator", {}).get("propertyName", "")
    return str(inner["properties"].get(tag, {}).get("const", inner.get("title", "")))


def kind_of(said: Mapping[str, Any], named: Mapping[str, Any]) -> str:
    """Return in words what a value of a JSON schema may be.

    Args:
        said: the schema.
        named: the schemas that it may refer to.

    """
    if "$ref" in said:
        inner = named[said["$ref"].rpartition("/")[2]]
        return "object" if "properties" in inner else kind_of(inner, named)
    if "const" in said or "enum" in said:
        return _or(map(_as_json, said.get("enum", [said.get("const")])))
    if choices := said.get("oneOf") or said.get("anyOf") or said.get("allOf"):
        return _or(kind_of(one, named) for one in choices if one.get("type") != "null")
    for whole, part in (("array", "items"), ("object", "additionalProperties")):
        if said.get("type") == whole and isinstance(said.get(part), dict) and said[part]:
            return f"{_WORDS[whole]} of {_plural(kind_of(said[part], named))}"
    return _FORMATS.get(said.get("format", "")) or _WORDS.get(said.get("type", ""), "anything")


def _plural(kind: str) -> str:
    return kind if " " in kind or kind == "anything" or kind.startswith('"') else f"{kind}s"


def _or(kinds: Iterable[str]) -> str:
    *others, last = dict.fromkeys(kinds)
    return f"{', '.join(others)} or {last}" if others else last


def _default(said: Mapping[str, Any]) -> str:
    """Return what a field is if left out; nothing for an object, whose own fields say so."""
    value = said.get("default")
    return "" if value is None or value == [] or isinstance(value, dict) else _as_json(value)


def _as_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
