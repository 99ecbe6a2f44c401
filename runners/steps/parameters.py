"""The parameters of a step as a pydantic model whose texts are templates.

Validated with templates (``read``), every text is rendered first; without them (``checked``, offline) texts are taken
as they are written. A field of type ``SqlText`` is never rendered into text: its values are bound when it runs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Annotated, Any, Protocol, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, model_validator

from runners.problems import problems_of
from runners.steps.errors import TemplateFailed, ValidationFailed


class _Sql:
    """Marks a field whose text no value is pasted into: SQL, whose values are bound, and what has no templates."""


class _Verbatim:
    """Marks one whose texts are no templates, or another model knows whether they are."""


SqlText = Annotated[str, Field(min_length=1), _Sql]
"""SQL with ``{{ values }}``; render it by ``StepContext.templates.sql`` only."""

VerbatimText = Annotated[str, Field(min_length=1), _Sql, _Verbatim]
"""A text that is taken as it is written, such as a query in another language: no template in it is rendered."""


Unrendered = Annotated[dict[str, Any], _Sql, _Verbatim]
"""Parameters within parameters, which whoever reads them renders by their own model."""


class Renders(Protocol):
    """What renders a text (``runners.steps.templates.Templates``)."""

    def text(self, template: str) -> str:
        """Return the template with its values in their places."""
        ...


class Parameters(BaseModel):
    """What a step, a source, a target or a part of them is told; the base of every such model."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    @classmethod
    def checked(cls, given: Mapping[str, Any]) -> Self:
        """Check parameters offline, templates unrendered.

        Raises:
            ValidationFailed: names each field that is wrong, and what is wrong, and repeats no value.

        """
        return cls._validated(given, None)

    @classmethod
    def read(cls, given: Mapping[str, Any], templates: Renders) -> Self:
        """Render and check parameters.

        Raises:
            ValidationFailed: as ``checked``; ``TemplateFailed`` if a template cannot be rendered.

        """
        return cls._validated(given, {"templates": templates})

    @classmethod
    def _validated(cls, given: Mapping[str, Any], context: dict[str, Any] | None) -> Self:
        try:
            return cls.model_validate(dict(given), context=context)
        except ValidationError as error:
            problems = problems_of(error, cls, "(parameters)")
            listed = "; ".join(f"{field}: {problem}" for field, problem in problems.items())
            raise ValidationFailed(f"the parameters are wrong: {listed}", problems=problems) from None

    @model_validator(mode="before")
    @classmethod
    def _rendered(cls, given: Any, info: ValidationInfo) -> Any:
        templates = (info.context or {}).get("templates")
        if templates is None or not isinstance(given, Mapping):
            return given
        kept = _not_rendered_here(cls)
        return {name: value if name in kept else _with_values(name, value, templates) for name, value in given.items()}


def _with_values(place: str, value: Any, templates: Renders) -> Any:
    """Return a JSON value with every text in it rendered.

    Raises:
        TemplateFailed: names the place within the parameters.

    """
    if isinstance(value, str):
        try:
            return templates.text(value)
        except TemplateFailed as error:
            raise TemplateFailed(f"{place}: {error.message}", problems={place: error.message}) from None
    if isinstance(value, Mapping):
        return {name: _with_values(f"{place}.{name}", item, templates) for name, item in value.items()}
    if isinstance(value, list):
        return [_with_values(f"{place}.{number}", item, templates) for number, item in enumerate(value)]
    return value


def is_verbatim(model: type[BaseModel], place: Sequence[str | int]) -> bool:
    """Whether the text at a place within the parameters of a model is taken as it is written, or by another model."""
    names = [name for name in place if isinstance(name, str)]
    field = model.model_fields.get(names[0]) if names else None
    if field is None or _Verbatim in field.metadata:
        return field is not None
    return any(is_verbatim(part, names[1:]) for part in _models_in(field.annotation))


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_in(argument)


@cache
def _not_rendered_here(model: type[BaseModel]) -> frozenset[str]:
    """Return the fields that are SQL, or that hold models which render their own."""
    return frozenset(
        name for name, field in model.model_fields.items() if _Sql in field.metadata or _holds(field.annotation)
    )


def _holds(annotation: Any) -> bool:
    if annotation is _Sql or (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
        return True
    metadata = getattr(annotation, "__metadata__", ())
    return _Sql in metadata or any(_holds(argument) for argument in get_args(annotation) if argument is not None)
