"""Moving only what is new: a column that grows, and how far it had come when its rows were last published."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol, cast, runtime_checkable

import pyarrow.compute as pc
from pydantic import Field

from runners.steps.ends import logical
from runners.steps.errors import DataQualityFailed
from runners.steps.parameters import Parameters

if TYPE_CHECKING:
    import pyarrow as pa

    from runners.steps.context import StepContext
    from runners.steps.cursors import CursorValue
    from runners.steps.ends import Source


class Incremental(Parameters):
    """Move only what is new since the last run that was published."""

    Name: str = Field(min_length=1, max_length=255)
    """The cursor's name: one for each flow of data, e.g. ``orders-to-lake``."""

    Column: str = Field(min_length=1)
    """A column that grows: a number, a time, a date or a text. Its largest value becomes the cursor."""

    Lag: timedelta = timedelta(0)
    """For times: how far to go back before the cursor, as rows that were committed late are missed otherwise. Such
    rows come again: let the target upsert by key."""

    From: int | str | None = None
    """Where to begin when there is no cursor yet; without it, with all there is."""


@runtime_checkable
class Continues(Protocol):
    """A source that can leave out what is not after a value of a column."""

    def after(self, column: str, value: CursorValue | str) -> Source:
        """Return the same source without the rows whose column is at most that value."""
        ...


class Continuation:
    """One run of an incremental step: where it begins, what it sees, and how far it has come.

    Args:
        asked: what the step is told.
        context: where cursors are kept.

    """

    def __init__(self, asked: Incremental, context: StepContext) -> None:
        self._asked = asked
        self._context = context
        self._cursor = context.cursors.read(asked.Name)
        self._largest: CursorValue | None = None

    def source(self, source: Source) -> Source:
        """Return the source, which is one that ``Continues``, without what was moved before."""
        since: CursorValue | None = self._asked.From if self._cursor is None else self._cursor.value
        if since is None:
            return source
        if isinstance(since, datetime):
            since -= self._asked.Lag
        return cast("Continues", source).after(self._asked.Column, since)

    def see(self, batch: pa.RecordBatch) -> None:
        """Take note of a batch as it was read.

        Raises:
            DataQualityFailed: the column is not there, or is of no type that grows.

        """
        place = batch.schema.get_field_index(self._asked.Column)
        if place < 0:
            known = ", ".join(batch.schema.names)
            raise DataQualityFailed(
                f"Incremental.Column is {self._asked.Column!r}, which there is not; there are {known}"
            )
        largest = pc.max(batch.column(place)).as_py()
        if largest is None:
            return
        field = batch.schema.field(place)
        # As texts, numbers do not grow as they do as numbers: 9 would be after 10.
        if not isinstance(largest, int | str | date) or isinstance(largest, bool) or logical(field) == "decimal":
            kind = logical(field) or field.type
            raise DataQualityFailed(f"Incremental.Column {self._asked.Column!r} is {kind}, which cannot be a cursor")
        if self._largest is None or largest > self._largest:  # type: ignore[operator]  # of one column, and so of one type
            self._largest = largest

    def moved_on(self) -> dict[str, Any]:
        """Keep how far the run has come, once its rows were published; return it."""
        largest, before = self._largest, self._cursor
        # With a lag, the rows that came may all be from before the cursor, which never goes back.
        if largest is not None and (before is None or largest > before.value):  # type: ignore[operator]
            self._context.cursors.move(self._asked.Name, largest, before, self._context.execution_id)
            return {"cursor": str(largest)}
        return {"cursor": str(before.value) if before else None}
