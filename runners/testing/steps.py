"""For tests of steps: a context without AWS, connections from a dictionary, and cursors in memory.

A step is run by ``run_step``; a source or a target alone is read by ``read_rows`` and written by ``write_rows``:

>>> from runners.steps import Parameters, Step
>>> class Greet(Step):
...     class Parameters(Parameters):
...         Name: str
...     def run(self, context):
...         return {"greeting": f"Hello, {self.parameters.Name}"}
>>> run_step(Greet, {"Name": "{{ who }}"}, step_context(variables={"who": "Ada"}))
{'greeting': 'Hello, Ada'}
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from runners.steps.catalog import find
from runners.steps.connections import Connections
from runners.steps.context import Progress, StepContext
from runners.steps.cursors import Cursor, Cursors, moved_meanwhile
from runners.steps.ends import Source, Target
from runners.steps.errors import ConnectionFailed
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

    def _write(self, step: str, cursor: Cursor, seen: Cursor | None, execution: str) -> Cursor:
        del execution
        if self.kept.get(step) != seen:
            raise moved_meanwhile(step, cursor)
        self.kept[step] = cursor
        return cursor


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
    """Validate parameters, run a step by itself, without an executor around it, and return its result.

    Args:
        step: its type, or the name of it.
        parameters: what it is told; templates in them are rendered.
        context: what it has at hand; one without connections if left out.

    Raises:
        StepError: as the step does; nothing is tried again.

    """
    kind = find(step) if isinstance(step, str) else step
    context = context or step_context(step_type=kind.name(), given=parameters)
    return kind(kind.Parameters.read(parameters, context.templates)).run(context)


def read_rows(source: Source, context: StepContext | None = None) -> pa.Table:
    """Read a source to its end and return its rows.

    Args:
        source: e.g. ``S3Source.checked({"Bucket": "landing", "Key": "a.csv"})``.
        context: what it has at hand; one without connections if left out.

    """
    with source.open(context or step_context()) as rows:
        return pa.Table.from_batches(list(rows.batches()), schema=rows.schema)


def write_rows(target: Target, rows: pa.Table, context: StepContext | None = None) -> dict[str, Any]:
    """Write rows to a target, commit them and return what it says of that.

    Args:
        target: e.g. ``S3Target.checked({"Bucket": "lake", "Key": "a.csv"})``.
        rows: what is written, batch by batch as the table has them.
        context: what it has at hand; one without connections if left out.

    """
    with target.open(rows.schema, context or step_context()) as sink:
        for batch in rows.to_batches():
            sink.write(batch)
        return sink.commit()


__all__ = ["DescribedConnections", "MemoryCursors", "Progress", "read_rows", "run_step", "step_context", "write_rows"]
