"""The settings of each of a worker's runners: from environment variables alone, or from a file in ``config/``.

What is the same for all runners stands in ``RUNNERS_…`` as in a function's environment. What is one service's own
stands in ``RUNNERS_GLUE_…``, and the activities in ``RUNNERS_ACTIVITY_ARNS=glue=arn:…,athena=arn:…``. A variable wins
over a file. It never talks to AWS.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from runners.errors import ConfigurationError
from runners.settings import PREFIX, Settings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from runners.deployment.environment import Environment

ACTIVITIES = f"{PREFIX}ACTIVITY_ARNS"
TABLE = f"{PREFIX}ACTIVE_JOBS_TABLE"

_ACTIVITY = f"{PREFIX}ACTIVITY_ARN"


def settings_of(services: Sequence[str], variables: Mapping[str, str]) -> list[Settings]:
    """Return the settings of each service's runner, in their order.

    Args:
        services: their names, e.g. ``glue``.
        variables: the environment's; one that is empty counts as not set.

    Raises:
        ConfigurationError: a variable is missing or wrong; the message names each.

    """
    variables = {name: value for name, value in variables.items() if value}
    activities = _activities(variables)
    if unnamed := sorted(activities.keys() - set(services)):
        raise ConfigurationError(
            f"{ACTIVITIES} names {', '.join(unnamed)}, which this worker was not told to run. "
            "Name it on the command line, or remove it there."
        )
    if len(services) == 1 and _ACTIVITY in variables:
        activities = {services[0]: variables[_ACTIVITY]} | activities
    return [_settings(service, activities.get(service), variables) for service in services]


def variables_of(environment: Environment, services: Sequence[str]) -> dict[str, str]:
    """Return what an environment of ``config/`` says, as environment variables.

    Raises:
        ConfigurationError: a service is not switched on there.

    """
    from runners.deployment.activities import activity_arn  # noqa: PLC0415  # its extra is not needed without a file

    off = sorted(set(services) - {*environment.services, "arrivals"})
    if off:
        there = ", ".join(["arrivals", *environment.services])
        raise ConfigurationError(
            f"{', '.join(off)}: not switched on in this environment, which has {there}. Name what is missing in "
            "`services` of its file under config/, and type `pynt deploy`."
        )
    shared = {name: environment.value_of(name) for name in Settings.model_fields}
    own = {
        f"{service}_{name}": environment.value_of(name, service)
        for service in services
        for name in Settings.model_fields
    }
    values = {
        **shared,
        **{name: value for name, value in own.items() if value != shared[name.partition("_")[2]]},
        "completions_table": environment.job_completions_table,
        "step_completions_table": environment.steps_completions_table,  # of the service step alone
        "cursors_table": environment.steps_cursors_table,
        "arrivals_data_buckets": environment.data_bucket,
        "activity_arns": {service: activity_arn(service, environment) for service in services},
    }
    return {f"{PREFIX}{name.upper()}": _text(value) for name, value in values.items() if value is not None}


def laid_over(of_file: Mapping[str, str], given: Mapping[str, str], services: Sequence[str]) -> dict[str, str]:
    """Return a file's variables with the process's in their place; one for all runners also in that of a service's own.

    Args:
        of_file: as ``variables_of`` returns them.
        given: the environment's; one that is empty counts as not set.
        services: of the worker's runners.

    """
    given = {name: value for name, value in given.items() if value}
    own = {f"{PREFIX}{service.upper()}_{name.removeprefix(PREFIX)}" for service in services for name in given}
    return {name: value for name, value in of_file.items() if name not in own} | given


def _activities(variables: Mapping[str, str]) -> dict[str, str]:
    named = [each.strip() for each in variables.get(ACTIVITIES, "").split(",") if each.strip()]
    if wrong := [each for each in named if "=arn:" not in each]:
        raise ConfigurationError(
            f"{ACTIVITIES} has {', '.join(wrong)}; it is a list such as glue=arn:…,athena=arn:…: a service, and the "
            "ARN of its activity"
        )
    return dict(each.split("=", 1) for each in named)


def _settings(service: str, activity: str | None, variables: Mapping[str, str]) -> Settings:
    own = f"{PREFIX}{service.upper()}_"
    its_own = {PREFIX + name.removeprefix(own): name for name in variables if name.startswith(own)}
    try:
        settings = Settings.from_environment(
            {
                **{
                    name: value for name, value in variables.items() if name != _ACTIVITY
                },  # which is one runner's alone
                **({_ACTIVITY: activity} if activity else {}),
                **{name: variables[as_given] for name, as_given in its_own.items()},
                f"{PREFIX}SERVICE": service,
            }
        )
    except ConfigurationError as error:
        as_given = re.sub(rf"{PREFIX}\w+", lambda name: its_own.get(name[0], name[0]), str(error))
        raise ConfigurationError(as_given) from error
    if not settings.activity_arn:
        raise ConfigurationError(
            f"the activity of {service} is not known: set {ACTIVITIES}={service}=arn:… or {own}ACTIVITY_ARN, "
            "or choose an environment of config/ with --environment"
        )
    return settings


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return ",".join(f"{name}={each}" for name, each in value.items())
    return str(value)
