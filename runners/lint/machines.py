"""State machines and their tasks as values: what a definition says of each Task state, wherever it is nested.

Nothing here judges; a definition that makes no sense has fewer tasks, and statelint says why.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from runners.lint.reading import Document, Path

SUBSTITUTION = re.compile(r"\$\{([^}]*)\}")
_ACTIVITY = re.compile(r".*:activity:(?P<name>.+)")
_REPLACEMENTS = 20  # of substitutions by substitutions, before they are taken to go round in a circle


@dataclass(frozen=True)
class StateMachine:
    """One state machine.

    Attributes:
        definition: what it does, with positions in the file that it was read from.
        name: what it is called in a template that may have several; empty for a file that is one.
        express: whether it is surely an Express workflow.
        stands_for: what a template lets ``${Name}`` stand for, where that can be known.

    """

    definition: Document
    name: str = ""
    express: bool = False
    stands_for: Mapping[str, str] = field(default_factory=dict)

    def resolved(self, text: str) -> str:
        """Return a text with the substitutions replaced that are known; others are left as they are."""
        for _ in range(_REPLACEMENTS):
            replaced = SUBSTITUTION.sub(lambda found: self.stands_for.get(found[1].strip(), found[0]), text)
            if replaced == text:
                break
            text = replaced
        return text


@dataclass(frozen=True)
class Task:
    """One Task state.

    Attributes:
        name: its name.
        path: where it is in the definition.
        state: what it says.
        resource: its resource, with the substitutions replaced that are known.
        around: the Parallel and Map states that it is in, the nearest first.
        jsonata: whether its query language is JSONata.
        express: whether it surely runs in an Express workflow.

    """

    name: str
    path: Path
    state: Mapping[str, Any]
    resource: str
    around: tuple[Mapping[str, Any], ...] = ()
    jsonata: bool = False
    express: bool = False

    @property
    def activity(self) -> str | None:
        """The name of the activity that works on it, which may have substitutions in it; None if there is none."""
        found = _ACTIVITY.fullmatch(self.resource)
        return found["name"] if found else None

    @property
    def is_unknown(self) -> bool:
        """Whether its resource is only known when the substitution is made, so that it may be an activity."""
        return self.activity is None and self.resource.startswith("${")

    def says(self, name: str) -> bool:
        """Whether the state has a field, or a path that gives its value."""
        return any(self.state.get(field) is not None for field in (name, f"{name}Path"))

    def seconds(self, name: str) -> float | None:
        """Return a field's number of seconds; None if it is not there or only known when it runs."""
        value = self.state.get(name)
        return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def tasks_of(machine: StateMachine) -> list[Task]:
    """Return the Task states of a state machine, also those in branches and in what a Map repeats."""
    return list(_tasks(machine, machine.definition.value, _Place((), (), "JSONPath", machine.express)))


@dataclass(frozen=True)
class _Place:
    path: Path
    around: tuple[Mapping[str, Any], ...]
    language: Any
    express: bool


def _tasks(machine: StateMachine, workflow: Any, place: _Place) -> Iterator[Task]:
    if not isinstance(workflow, dict) or not isinstance(workflow.get("States"), dict):
        return
    language = workflow.get("QueryLanguage", place.language)
    for name, state in workflow["States"].items():
        if not isinstance(state, dict):
            continue
        path = (*place.path, "States", name)
        own = state.get("QueryLanguage", language)
        if state.get("Type") == "Task":
            resource = state.get("Resource")
            known = machine.resolved(resource) if isinstance(resource, str) else ""
            yield Task(str(name), path, state, known, place.around, own == "JSONata", place.express)
        inside = _Place(path, (state, *place.around), language, place.express)
        for step, within in _workflows_in(state):
            express = place.express or _is_express(within)
            yield from _tasks(machine, within, _Place((*path, *step), inside.around, language, express))


def _workflows_in(state: Mapping[str, Any]) -> Iterator[tuple[Path, Any]]:
    branches = state.get("Branches")
    for index, branch in enumerate(branches if isinstance(branches, list) else []):
        yield ("Branches", index), branch
    for name in ("ItemProcessor", "Iterator"):
        if name in state:
            yield (name,), state[name]


def _is_express(workflow: Any) -> bool:
    """Whether what a Map repeats runs as Express workflows."""
    config = workflow.get("ProcessorConfig") if isinstance(workflow, dict) else None
    return isinstance(config, dict) and config.get("ExecutionType") == "EXPRESS"
