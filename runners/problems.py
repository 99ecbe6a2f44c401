"""What is wrong with an input that pydantic has refused, field by field, in words for whoever has written it.

No value is ever repeated: it may be a secret.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, get_args

from pydantic import BaseModel

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pydantic import ValidationError
    from pydantic_core import ErrorDetails


def problems_of(error: ValidationError, model: type[BaseModel], whole: str) -> dict[str, str]:
    """Return what is wrong, by the path of each field.

    Args:
        error: what pydantic has raised.
        model: the model that was to be made.
        whole: stands for the path of what is wrong with no single field, e.g. ``(input)``.

    """
    return {
        ".".join(map(str, problem["loc"])) or whole: explained(problem, model)
        for problem in error.errors(include_url=False, include_input=False)
    }


def explained(problem: ErrorDetails, model: type[BaseModel]) -> str:
    """Return what is wrong with a field; of one that there is not, which may be meant."""
    if problem["type"] == "union_tag_invalid":  # what pydantic says repeats the value
        return f"{problem['ctx']['discriminator']} is none of {problem['ctx']['expected_tags']}"
    if problem["type"] != "extra_forbidden":
        return problem["msg"].removeprefix("Value error, ")
    *within, name = map(str, problem["loc"])
    known = [field for found in _models_at(model, within) for field in found.model_fields]
    near = get_close_matches(name, known, n=1)
    return f"{problem['msg']}; did you mean {near[0]}?" if near else problem["msg"]


def _models_at(model: type[BaseModel], path: Sequence[str]) -> list[type[BaseModel]]:
    """Return the models that may stand at a place; its names may say which of several models was tried, too."""
    found = [model]
    for name in path:
        fields = [each.model_fields[name] for each in found if name in each.model_fields]
        found = [each for field in fields for each in _models_in(field.annotation)] or found
    return found


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_in(argument)
