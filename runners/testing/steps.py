"""For tests of steps: a context without AWS, connections from a dictionary, and cursors in memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runners.steps.catalog import find
from runners.steps.connections import Connections
from runners.steps.context import Progress, StepContext
from runners.steps.cursors import Cursor, Cursors, CursorValue
from runners.steps.errors import ConnectionFailed, StepFailed
from runners.steps.step import Step
from runners.steps.templates import Templates


class DescribedConnections:
    """Connections from a dictionary, e.g. ``{"shop": {"host": "localhost"}}``; counts how often each is read anew."""

    def __init__(self, described: Mapping[str, Mapping[str, Any]]) -> None:
        self.described = dict(described)
        self.read_anew: list[str] = []

    def up(self, name: str, *, anew: bool) -> Mapping[str, Any]:
        """Return a description."""
        if anew:
            self.read_anew.append(name)
        if name not in self.described:
            raise ConnectionFailed(f"there is no connection {name!r}", connection=name)
        return self.described[name]


class MemoryCursors(Cursors):
    """Cursors in memory."""

    def __init__(self) -> None:
        self.kept: dict[str, Cursor] = {}

    def read(self, step: str) -> Cursor | None:
        """Return how far a step has come."""
        return self.kept.get(step)

    def move(self, step: str, value: CursorValue, seen: Cursor | None, execution: str = "") -> None:
        """Move a step's cursor on."""
        del execution
        if self.kept.get(step) != seen:
            raise StepFailed(f"the cursor of {step!r} was moved by somebody else meanwhile")
        self.kept[step] = Cursor(value, seen.version + 1 if seen else 1)


def step_context(
    connections: Mapping[str, Mapping[str, Any]] | None = None,
    variables: Mapping[str, Any] | None = None,
    *,
    step_type: str = "Test",
    cursors: Cursors | None = None,
    **more: Any,
) -> StepContext:
    """Return a context for tests.

    Args:
        connections: descriptions by name.
        variables: what templates may name.
        step_type: the step's name.
        cursors: where cursors are kept; in memory if left out.
        more: other fields of ``StepContext``, e.g. ``execution_id``, ``client``, ``stopping``.

    """
    return StepContext(
        step_type=step_type,
        connections=Connections(DescribedConnections(connections or {})),
        templates=Templates(variables),
        cursors=cursors or MemoryCursors(),
        **more,
    )


def run_step(
    step: str | type[Step], parameters: Mapping[str, Any], context: StepContext | None = None
) -> dict[str, Any]:
    """Validate parameters, run a step by itself, without an executor around it, and return its result."""
    kind = find(step) if isinstance(step, str) else step
    context = context or step_context(step_type=kind.name(), given=parameters)
    return kind(kind.Parameters.read(parameters, context.templates)).run(context)


__all__ = ["DescribedConnections", "MemoryCursors", "Progress", "run_step", "step_context"]
