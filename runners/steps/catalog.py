"""Which step types there are: this package's own by name, and those of others by the entry points ``runners.steps``.

A type's module is imported when it is asked for, so that one whose client is missing harms no other.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

from runners.steps.errors import StepFailed, StepNotFound
from runners.steps.pairs import PAIRS, pair
from runners.steps.step import Step

GROUP = "runners.steps"
"""The entry point group by which a package makes its step types known."""

CONTROL: Mapping[str, str] = {
    "CallLambda": "runners.steps.control.call_lambda",
    "Checksum": "runners.steps.control.checksum",
    "CopyObjects": "runners.steps.control.copy_objects",
    "MoveObjects": "runners.steps.control.move_objects",
    "RowCountCheck": "runners.steps.control.row_count_check",
    "RunSql": "runners.steps.control.run_sql",
    "WaitForObject": "runners.steps.control.wait_for_object",
}
"""The modules of the step types that are no transfers, by the name of the type, which is that of the class."""


def names() -> list[str]:
    """Return the names of all step types."""
    return sorted({*CONTROL, *PAIRS, *_others()})


def find(name: str) -> type[Step]:
    """Return the step type of a name.

    Raises:
        StepNotFound: there is none; the message suggests the nearest.
        StepFailed: another package's entry point is no step type, or cannot be imported.

    """
    if name in CONTROL:
        found: type[Step] = getattr(import_module(CONTROL[name]), name)
        return found
    if name in PAIRS:
        return pair(name)
    if name in _others():
        return _loaded(name)
    near = get_close_matches(name, names(), n=1, cutoff=0.5)
    meant = f"; did you mean {near[0]}?" if near else "."
    raise StepNotFound(f"there is no step type {name!r}{meant} `runners step list` shows all.", step_type=name)


@cache
def _others() -> Mapping[str, Any]:
    return {point.name: point for point in entry_points(group=GROUP)}


def _loaded(name: str) -> type[Step]:
    point = _others()[name]
    try:
        found = point.load()
    except Exception as error:
        raise StepFailed(f"the step type {name} of {point.value} cannot be imported: {type(error).__name__}") from error
    if not (isinstance(found, type) and issubclass(found, Step)):
        raise StepFailed(f"the entry point {name} of {point.value} is no step type: derive it from runners.steps.Step")
    return found
