"""The file that ``runners step run`` is given: a request in JSON or YAML, as a state machine's task would make it."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from runners.steps.errors import ValidationFailed

STANDARD_INPUT = "-"


def read_request(name: str) -> dict[str, Any]:
    """Read a request.

    Args:
        name: of a file in JSON, or in YAML if it ends with ``.yaml`` or ``.yml``; ``-`` is standard input.

    Raises:
        ValidationFailed: there is no such file, or it holds no JSON or YAML object.

    """
    try:
        text = sys.stdin.read() if name == STANDARD_INPUT else Path(name).read_text(encoding="utf-8")
    except OSError as error:
        raise ValidationFailed(f"the file {name} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ValidationFailed(f"the file {name} is no text in UTF-8") from None
    found = _yaml(name, text) if name.endswith((".yaml", ".yml")) else _json(name, text)
    if not isinstance(found, dict):
        raise ValidationFailed(f'{name} holds no object such as {{"StepType": …, "Parameters": {{…}}}}')
    return found


def params_of(given: Sequence[str]) -> dict[str, Any]:
    """Read values for templates from the command line.

    Args:
        given: each ``NAME=VALUE``; a value that is JSON, such as ``7`` or ``[1, 2]``, is taken as JSON.

    Raises:
        ValidationFailed: there is no ``=`` in one.

    """
    if any("=" not in one or one.startswith("=") for one in given):
        raise ValidationFailed("--param takes NAME=VALUE, such as day=2026-01-31")
    return {name: _value(text) for name, _, text in (one.partition("=") for one in given)}


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _json(name: str, text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise ValidationFailed(f"{name} is not JSON: {error}") from None


def _yaml(name: str, text: str) -> Any:
    try:
        import yaml  # noqa: PLC0415  # its extra is not needed for JSON
    except ModuleNotFoundError:
        raise ValidationFailed(f"{name} is YAML, which needs pip install PyYAML; or write it as JSON") from None
    try:
        return yaml.load(text, _with_dates_as_texts(yaml.SafeLoader))  # noqa: S506  # it is a safe one
    except yaml.YAMLError as error:
        place = getattr(error, "problem_mark", None)
        where = f" in line {place.line + 1}" if place else ""
        raise ValidationFailed(
            f"{name} is not YAML{where}: {getattr(error, 'problem', None) or 'unreadable'}"
        ) from None


def _with_dates_as_texts(loader: Any) -> Any:
    """Return a loader of YAML that leaves ``2026-01-31`` a text, as JSON has it."""
    resolvers = {
        letter: [(tag, pattern) for tag, pattern in each if not tag.endswith(":timestamp")]
        for letter, each in loader.yaml_implicit_resolvers.items()
    }
    return type("Loader", (loader,), {"yaml_implicit_resolvers": resolvers})
