"""Rows for tests, one after the other or as a source that a transfer reads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from runners.steps.ends import Target

if TYPE_CHECKING:
    from runners.steps.context import StepContext
    from runners.steps.ends import Source

ORDERS = pa.schema([pa.field("id", pa.int64()), pa.field("name", pa.string())])


def orders(*names: str | None) -> pa.RecordBatch:
    """Rows with numbers from 1."""
    return pa.RecordBatch.from_pydict({"id": list(range(1, len(names) + 1)), "name": list(names)}, schema=ORDERS)


def written(
    target: Target, context: StepContext, *batches: pa.RecordBatch, schema: pa.Schema = ORDERS
) -> dict[str, Any]:
    """Write batches, commit, and answer what the target tells."""
    with target.open(batches[0].schema if batches else schema, context) as sink:
        for batch in batches:
            sink.write(batch)
        return sink.commit()


def read(source: Source, context: StepContext) -> pa.Table:
    """Read all rows of a source."""
    with source.open(context) as rows:
        return pa.Table.from_batches(rows.batches(), rows.schema)


@contextmanager
def abandoned(target: Target, context: StepContext, *batches: pa.RecordBatch) -> Iterator[None]:
    """Write batches, and leave without a commit."""
    with target.open(batches[0].schema, context) as sink:
        for batch in batches:
            sink.write(batch)
        yield


class CountsRows(Target):
    """A target that counts rows, or says that it has those of an earlier try."""

    Repeated: bool = False

    @contextmanager
    def open(self, schema: pa.Schema, context: StepContext) -> Iterator[_Count]:
        yield _Count(self.Repeated)

    def place(self) -> str:
        return "memory://count"


class _Count:
    def __init__(self, repeated: bool) -> None:
        self._told: dict[str, Any] = {"repeated": True} if repeated else {}
        self._rows = 0

    def write(self, batch: pa.RecordBatch) -> None:
        self._rows += batch.num_rows

    def commit(self) -> dict[str, Any]:
        return {"counted": self._rows, **self._told}
