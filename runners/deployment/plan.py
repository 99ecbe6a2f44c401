"""What an environment is deployed as: its stacks, in waves, and its Lambda functions.

Each service that is switched on has two stacks: one of its own, ``athena-runner``, with what is particular to it, and
one of its function, ``athenarunner-lambda``, made by the template that all services share. Only the function of the
steps, which is no runner, has a template of its own. It never talks to AWS.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING

from runners.deployment import templates
from runners.deployment.environment import SERVICES, STEPS_FUNCTION, STEPS_SERVICE
from runners.deployment.recipes import RUNNERS, STEPS, Recipe

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True)
class Stack:
    """A stack and what it is made of."""

    wave: int
    """When it is deployed; stacks of one wave need none of each other."""

    name: str
    """Its name in CloudFormation."""

    template: str
    """Its template, a file in ``cloudformation/`` without the suffix."""

    service: str = ""
    """The service that is switched on for it; empty if there is none."""

    takes_outputs_of: str = ""
    """The stack whose outputs are parameters of this one; empty if there is none."""


def stacks_of(services: Iterable[str]) -> tuple[Stack, ...]:
    """Return the stacks of an environment in which these services are switched on, in the order of deployment."""
    own, functions = [], []
    for service in services:
        name = f"{service}-runner"
        own.append(Stack(1, name, name, service))
        functions.append(_functions_stack(service, takes_outputs_of=name))
    return (
        Stack(1, "runner-resources", "runner-resources"),
        Stack(1, "step-functions-resources", "step-functions-resources"),
        Stack(1, "glue-resources", "glue-resources"),
        *own,
        Stack(2, "data-arrivals", "data-arrivals"),
        *functions,
        Stack(3, "dashboard", "dashboard"),
    )


def samples() -> tuple[Stack, ...]:
    """Return the stacks that are created by name only, one for each template ``sample-*.yaml``."""
    return tuple(Stack(3, path.stem, path.stem) for path in sorted(templates.TEMPLATES.glob("sample-*.yaml")))


def waves(stacks: Iterable[Stack]) -> list[tuple[Stack, ...]]:
    """Return the stacks wave by wave, in the order of deployment; they are torn down in reverse."""
    wave = attrgetter("wave")
    return [tuple(group) for _, group in groupby(sorted(stacks, key=wave), key=wave)]


def functions_of(services: Iterable[str]) -> tuple[str, ...]:
    """Return the names of the Lambda functions of an environment in which these services are switched on."""
    return ("arrivalrunner", "ons3objectcreated", *map(_function, services))


def names_of(service: str) -> tuple[str, ...]:
    """Return the names of a service's stacks, in the order in which they can be deleted."""
    return tuple(stack.name for stack in reversed(stacks_of([service])) if stack.service == service)


def recipe_of(function: str) -> Recipe:
    """Return the recipe of the package of a function, or of the functions of a stack."""
    return STEPS if function == STEPS_FUNCTION else RUNNERS


def _functions_stack(service: str, takes_outputs_of: str) -> Stack:
    if service == STEPS_SERVICE:
        return Stack(2, STEPS_FUNCTION, STEPS_FUNCTION, service, takes_outputs_of)
    return Stack(2, f"{_function(service)}-lambda", "runner-lambda", service, takes_outputs_of)


def _function(service: str) -> str:
    return STEPS_FUNCTION if service == STEPS_SERVICE else f"{service}runner"


SERVICE_OF = {stack.name: stack.service for stack in stacks_of(SERVICES) if stack.service} | {
    _function(service): service for service in SERVICES
}
"""Stacks and functions of services by their names; what every environment has is not among them."""
