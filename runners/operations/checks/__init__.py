"""What ``runners doctor`` checks: each check a function of the scene that yields findings and prints nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from runners.deployment import plan
from runners.deployment.environment import STEPS_FUNCTION, STEPS_SERVICE

if TYPE_CHECKING:
    from collections.abc import Callable

    from runners.deployment.environment import Environment
    from runners.deployment.plan import Stack

ARRIVALS = "arrivals"
_FUNCTIONS = {ARRIVALS: ("arrivalrunner", "ons3objectcreated"), STEPS_SERVICE: (STEPS_FUNCTION,)}


class Level(StrEnum):
    """What a check has found."""

    OK = "ok"
    """It is as it should be."""
    WARNING = "warning"
    """It works, and may not for long, or not as well as it could."""
    PROBLEM = "problem"
    """It does not work."""
    UNCHECKED = "not checked"
    """It could not be looked at, which says nothing of it."""


@dataclass(frozen=True)
class Finding:
    """What a check says of one thing.

    Attributes:
        level: how it is.
        subject: what was looked at, such as ``function gluerunner``.
        told: what was found.
        advice: what to do, where there is something.

    """

    level: Level
    subject: str
    told: str
    advice: str = ""


@dataclass(frozen=True)
class Scene:
    """What is checked.

    Attributes:
        name: the environment's name.
        environment: the environment.
        client: makes boto3's clients of it, by the service's name.
        services: whose runners are looked at; ``arrivals`` is among them like any other.
        workers: of these, the ones that a worker polls for, so that no function has to.
        now: the time.

    """

    name: str
    environment: Environment
    client: Callable[[str], Any] = field(repr=False)
    services: tuple[str, ...]
    workers: frozenset[str]
    now: datetime

    @property
    def patience(self) -> timedelta:
        """After so long without a heartbeat a task's runner counts as lost: at least three heartbeats."""
        return timedelta(seconds=self.environment.task_heartbeat_seconds)

    @property
    def stacks(self) -> tuple[Stack, ...]:
        """The stacks of these services, and those that all share."""
        of_all = plan.stacks_of(self.environment.services)
        return tuple(stack for stack in of_all if not stack.service or stack.service in self.services)

    def functions(self, service: str) -> tuple[str, ...]:
        """Return the Lambda functions of a service's runner."""
        return _FUNCTIONS.get(service, (f"{service}runner",))

    def outputs(self, stack: str) -> dict[str, str]:
        """Return a stack's outputs; none if it is not there."""
        described = self.described(stack) or {}
        return {each["OutputKey"]: each["OutputValue"] for each in described.get("Outputs", [])}

    def described(self, stack: str) -> Any | None:
        """Return CloudFormation's description of a stack; None if it is not there."""
        cloudformation = self.client("cloudformation")
        try:
            return cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
        except cloudformation.exceptions.ClientError as error:
            if "does not exist" in error.response["Error"].get("Message", ""):
                return None
            raise


def ok(subject: str, told: str) -> Finding:
    """Return a finding that all is well."""
    return Finding(Level.OK, subject, told)


def warning(subject: str, told: str, advice: str = "") -> Finding:
    """Return a finding that something works, and may not for long."""
    return Finding(Level.WARNING, subject, told, advice)


def problem(subject: str, told: str, advice: str = "") -> Finding:
    """Return a finding that something does not work."""
    return Finding(Level.PROBLEM, subject, told, advice)


def unchecked(subject: str, told: str) -> Finding:
    """Return a finding that something could not be looked at."""
    return Finding(Level.UNCHECKED, subject, told)
