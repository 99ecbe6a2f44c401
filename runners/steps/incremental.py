"""Moving only what is new: a column that grows, and how far it had come when its rows were last published."""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol, cast, runtime_checkable

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from runners.steps.cursors import Publishing
from runners.steps.ends import logical
from runners.steps.errors import DataQualityFailed
from runners.steps.parameters import Parameters

if TYPE_CHECKING:
    from runners.steps.context import StepContext
    from runners.steps.cursors import CursorValue
    from runners.steps.ends import Source


class Incremental(Parameters):
    """Move only what is new since the last run that was published."""

    Name: str = Field(min_length=1, max_length=255)
    """The cursor's name: one for each flow of data, e.g. ``orders-to-lake``."""

    Column: str = Field(min_length=1)
    """A column that grows: a number, a time, a date, or a text whose order is that of its characters' codes, such as a
    ULID. Its largest value becomes the cursor."""

    Lag: timedelta = Field(default=timedelta(0), ge=timedelta(0))
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

    Where an earlier run was about to publish and has not said whether it did, this one does the same again, by the same
    repeat key and no further: so a target that has those rows takes none, and one that has not takes them now.

    Args:
        asked: what the step is told.
        context: what the step has at hand.

    """

    def __init__(self, asked: Incremental, context: StepContext) -> None:
        self._asked = asked
        self._cursors = context.cursors
        self._cursor = self._cursors.read(asked.Name)
        self._completed = self._cursor.publishing if self._cursor else None
        self._largest: CursorValue | None = None
        # Of this run alone, as a repeat that finds new rows is to add them: what it repeats is noted at the cursor.
        self._key = self._completed.key if self._completed else secrets.token_hex(32)
        self.context = replace(context, key_of_run=self._key)
        """The context of this run, with its repeat key."""

    @property
    def completes(self) -> bool:
        """Whether this run is to complete an earlier one; what that has read had passed its checks."""
        return self._completed is not None

    @property
    def completes_another(self) -> bool:
        """Whether this run is to complete one of another execution."""
        execution = self.context.execution_id
        return self._completed is not None and not (execution and self._completed.execution == execution)

    def source(self, source: Source) -> Source:
        """Return the source, which is one that ``Continues``, without what was moved before."""
        since = self._asked.From if self._before is None else self._before
        if since is None:
            return source
        if isinstance(since, datetime):
            since -= self._asked.Lag
        return cast("Continues", source).after(self._asked.Column, since)

    def seen(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Take note of a batch as it was read, and return it, without what the run that is completed had not read.

        Raises:
            DataQualityFailed: the column is not there, or is of no type that grows.

        """
        place = batch.schema.get_field_index(self._asked.Column)
        if place < 0:
            known = ", ".join(batch.schema.names)
            raise DataQualityFailed(
                f"Incremental.Column is {self._asked.Column!r}, which there is not; there are {known}"
            )
        column = batch.column(place)
        largest = pc.max(column).as_py()
        if largest is None:
            return batch
        field = batch.schema.field(place)
        # As texts, numbers do not grow as they do as numbers: 9 would be after 10.
        if not isinstance(largest, int | str | date) or isinstance(largest, bool) or logical(field) == "decimal":
            kind = logical(field) or field.type
            raise DataQualityFailed(f"Incremental.Column {self._asked.Column!r} is {kind}, which cannot be a cursor")
        if self._completed is not None:
            known = pc.less_equal(column, pa.scalar(self._completed.value, column.type))
            return batch.filter(pc.fill_null(known, fill_value=True))
        if self._largest is None or largest > self._largest:  # type: ignore[operator]  # of one column, and so of one type
            self._largest = largest
        return batch

    def publishing(self) -> None:
        """Note how far the run has come, right before its rows are published."""
        largest, before = self._largest, self._before
        if largest is None:
            return
        # With a lag, the rows that came may all be from before the cursor, which never goes back.
        value = largest if before is None or largest > before else before  # type: ignore[operator]
        noted = Publishing(value, self._key, self.context.execution_id)
        self._cursor = self._cursors.publish(self._asked.Name, noted, self._cursor)

    def moved_on(self) -> dict[str, Any]:
        """Move the cursor to where the run has come, once its rows were published; return it."""
        if self._cursor is not None and self._cursor.publishing is not None:
            value, execution = self._cursor.publishing.value, self.context.execution_id
            self._cursor = self._cursors.move(self._asked.Name, value, self._cursor, execution)
        return {"cursor": None if self._before is None else str(self._before)}

    @property
    def _before(self) -> CursorValue | None:
        return self._cursor.value if self._cursor else None
