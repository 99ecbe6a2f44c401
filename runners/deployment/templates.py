"""The CloudFormation templates, and where the values of their parameters come from.

A parameter is named as its setting: ``MaxActiveJobs`` is ``max_active_jobs``. It never talks to AWS.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import yaml

from runners.deployment.arns import arns
from runners.deployment.environment import ROOT, STEPS_FUNCTION, STEPS_SERVICE, nearest
from runners.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runners.deployment.environment import Environment

TEMPLATES = ROOT / "cloudformation"

CODE_KEY = "LambdaCodeKey"  # a parameter that is no setting: where the package just built lies


class _Loader(yaml.SafeLoader):
    """Reads a template's YAML; what a function such as ``!Sub`` stands for is left open."""


_Loader.add_multi_constructor("!", lambda _loader, _tag, _node: None)


def known(names: tuple[str, ...], of: tuple[str, ...], what: str) -> tuple[str, ...]:
    """Return the names, or all if there are none.

    Raises:
        ConfigurationError: a name is not among ``of``; the message suggests the nearest.

    """
    for name in names:
        if name not in of:
            raise ConfigurationError(
                f"there is no {what} {name!r}{nearest(name, list(of))} There are: {', '.join(of)}."
            )
    return names or of


def body(template: str) -> str:
    """Return the text of a template."""
    return (TEMPLATES / f"{template}.yaml").read_text(encoding="utf-8")


def declared(template: str) -> dict[str, dict[str, Any]]:
    """Return the parameters that a template declares."""
    return dict(yaml.load(body(template), _Loader)["Parameters"])  # noqa: S506  # a SafeLoader


def needs_code(template: str) -> bool:
    """Say whether a template has Lambda functions, and so needs the package."""
    return CODE_KEY in declared(template)


def services_asked(template: str) -> set[str]:
    """Return the services that a template's state machines ask: ``athena`` for AthenaRunnerActivity.

    ``step`` also for the function of the steps.
    """
    asked = {name.lower() for name in re.findall(r":activity:(\w+)RunnerActivity\b", body(template))}
    return asked | ({STEPS_SERVICE} if re.search(rf":function:{STEPS_FUNCTION}\b", body(template)) else set())


def parameters(template: str, environment: Environment, given: Mapping[str, str]) -> dict[str, str]:
    """Return the values of a template's parameters: those given, else the environment's.

    Of the environment it is the setting of the same name, the limit of the stack's service, or the ARNs of what a
    setting names. What is given has the environment's own name, too, as ``Environment``.

    Raises:
        ConfigurationError: a parameter has neither a value nor a default.

    """
    values: dict[str, str] = {}
    for name, declaration in declared(template).items():
        value = given.get(name, arns(name, environment, given.get("Environment", "")))
        if value is None:
            value = environment.value_of(setting_of(name), given.get("Service", ""))
        if value is not None:
            values[name] = _rendered(value)
        elif "Default" not in declaration:
            raise ConfigurationError(
                f"cloudformation/{template}.yaml has a parameter {name}, but there is no setting {setting_of(name)}. "
                "Add the setting to runners/deployment/environment.py and to config/, or give it a default."
            )
    return values


def setting_of(parameter: str) -> str:
    """Return the name of the setting that is a parameter's value: ``MaxActiveJobs`` is ``max_active_jobs``."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", parameter).lower()


def _rendered(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ",".join(value)
    if isinstance(value, dict):
        return ",".join(f"{name}={number}" for name, number in value.items())
    return str(value).removesuffix(".0") if isinstance(value, float) else str(value)
