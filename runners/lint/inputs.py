"""What a state gives its activity as far as the definition tells, held against the service's own model.

A value that is only known when the state runs (a path, an expression, a substitution) counts as any value: what is
found is wrong whatever that value will be. No value is ever repeated in a problem.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3

from runners.composition import service_of
from runners.errors import InvalidInputError
from runners.settings import Settings
from runners.task import EXECUTION, PRIORITY, read_input, taken_apart

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from runners.lint.machines import Task
    from runners.services import Service

WHOLE = "(input)"
"""The field of a problem that several fields have together."""

_OF_THE_RUNNER = (PRIORITY, EXECUTION)
_NULL = None
_ANY_REGION = "us-east-1"
# One of these is a value that a field takes, whatever the field: values that a path may give.
_SAMPLES: tuple[Any, ...] = (
    "text",
    1,
    True,
    ["text"],
    {"name": "text"},
    [{"name": "text"}],
    {},
    [],
    "2026-01-31T04:05:06Z",
    "s3://bucket/prefix/",
    "arn:aws:iam::123456789012:role/name",
)


@dataclass
class Given:
    """What a definition says of an input.

    Attributes:
        values: what is written there, nested as it is written; a text may have substitutions in it.
        later: the names of the input's own fields that get any value when the state runs.
        vague: where else a value is not wholly known, each place as ``Name.name``.

    """

    values: dict[str, Any] = field(default_factory=dict)
    later: list[str] = field(default_factory=list)
    vague: list[str] = field(default_factory=list)


def given_by(task: Task) -> Given | None:
    """Return what a state's input to its activity is known to be; None if it is only known when the state runs."""
    written = task.state.get("Arguments" if task.jsonata else "Parameters")
    if isinstance(written, str) and not is_later(written):
        try:
            written = read_input(written)  # an object in a text is an object
        except InvalidInputError:
            return None
    if not isinstance(written, dict):
        return None
    given = Given()
    given.values = _object(written, given, (), task.jsonata)
    return given


def is_later(value: Any) -> bool:
    """Whether a text is an expression of JSONata, or has a substitution in it."""
    return isinstance(value, str) and ("${" in value or (value.startswith("{%") and value.endswith("%}")))


def _object(written: Mapping[str, Any], given: Given, path: tuple[str, ...], jsonata: bool) -> dict[str, Any]:
    values = {}
    for name, value in written.items():
        by_path = name.endswith(".$") and not jsonata
        plain = name.removesuffix(".$") if by_path else name
        if by_path or (jsonata and is_later(value) and "${" not in value):
            if path:
                given.vague.append(".".join((*path, plain)))
            else:
                given.later.append(plain)
        else:
            values[plain] = _value(value, given, (*path, plain), jsonata)
    return values


def _value(value: Any, given: Given, path: tuple[str, ...], jsonata: bool) -> Any:
    if isinstance(value, dict):
        return _object(value, given, path, jsonata)
    if isinstance(value, list):
        return [_value(item, given, (*path, str(index)), jsonata) for index, item in enumerate(value)]
    if is_later(value):
        given.vague.append(".".join(path))
    return value


def problems_of(service: str, given: Given) -> dict[str, str]:
    """Return what is wrong with an input by field, as far as that is sure.

    Args:
        service: the service's name, as in ``runners.composition.SERVICES``.
        given: what is known of the input.

    """
    validate = _service(service).validate
    request = {name: value for name, value in given.values.items() if name not in _OF_THE_RUNNER}
    later = [name for name in given.later if name not in _OF_THE_RUNNER]
    refused_as_written = _problems(validate, request)
    substituted = [name for name in request if name in given.vague and name in refused_as_written]
    taken = {name: _taken(validate, request, name) for name in (*later, *substituted)}
    request |= {name: taken[name][0][0] for name in substituted if taken[name][0]}
    refused = {name: reason for name, (_, reason) in taken.items() if reason}
    variants = _variants({name: taken[name][0] for name in later if taken[name][0]})
    found = [_problems(validate, {**request, **variant}) for variant in variants]
    # A field whose values cannot be guessed may be what a rule for several fields needs.
    guessed = all(name in refused or values not in ([], [_NULL]) for name, (values, _) in taken.items())
    unsure = (*given.vague, *later) if guessed else (*given.vague, *later, WHOLE)
    common = {
        name: problem
        for name, problem in found[0].items()
        if all(other.get(name) == problem for other in found[1:]) and not any(_touch(name, place) for place in unsure)
    }
    return {**common, **refused}


def problems_of_runner(given: Given) -> dict[str, str]:
    """Return what is wrong with the fields that the runner takes for itself, as far as that is sure."""
    own = {name: given.values[name] for name in _OF_THE_RUNNER if name in given.values and name not in given.vague}
    return _problems(taken_apart, own)


def _taken(
    validate: Callable[[Mapping[str, Any]], object], request: Mapping[str, Any], name: str
) -> tuple[list[Any], str | None]:
    """Return the samples that a field takes; if it takes none and always for the same reason, that reason."""
    taken, reasons = [], set()
    for sample in (*_SAMPLES, _NULL):
        found = _problems(validate, {**request, name: sample})
        reason = next((problem for place, problem in found.items() if _touch(place, name)), None)
        if reason is None:
            taken.append(sample)
        else:
            reasons.add(reason)
    return taken, reasons.pop() if len(reasons) == 1 and not taken else None


def _variants(taken: Mapping[str, list[Any]]) -> Iterator[dict[str, Any]]:
    """Yield inputs that may come: with all fields that get a value later, with none, and with each alone."""
    some = {name: values[0] for name, values in taken.items()}
    null = {name: _NULL for name, values in taken.items() if _NULL in values}
    yield some
    if null:
        yield {**some, **null}
        for name in null:
            yield {**some, **null, name: some[name]}


def _problems(validate: Callable[[Mapping[str, Any]], object], request: Mapping[str, Any]) -> dict[str, str]:
    try:
        validate(request)
    except InvalidInputError as error:
        return error.problems
    return {}


def _touch(one: str, other: str) -> bool:
    """Whether one place is the other, or within it."""
    return one == other or one.startswith(f"{other}.") or other.startswith(f"{one}.")


@cache
def _service(name: str) -> Service:
    """Return a service that is asked only whether it takes an input: it never calls AWS."""
    if boto3.session.Session().region_name is None:  # a client's model wants a region, whichever
        boto3.setup_default_session(region_name=_ANY_REGION)
    return service_of(Settings(active_jobs_table="none", completions_table="none", service=name))
