"""What must hold of the rows of a transfer before they are published."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from pydantic import Field

from runners.steps.errors import DataQualityFailed
from runners.steps.parameters import Parameters

if TYPE_CHECKING:
    import pyarrow as pa


class Checks(Parameters):
    """What must hold; where it does not, nothing is published and the step fails with ``DataQualityFailed``."""

    MinRows: int = Field(default=0, ge=0)
    """Rows that there are, at least; 1 refuses an empty result."""

    MaxRows: int | None = Field(default=None, ge=0)
    """Rows that there are, at most."""

    NotNull: tuple[str, ...] = ()
    """Columns that have a value in every row."""

    @property
    def look_at_values(self) -> bool:
        """Whether rows have to be looked at, not only counted."""
        return bool(self.NotNull)

    def judge_count(self, rows: int | None, *, least: bool = True) -> None:
        """See whether there are as many rows as there should be.

        Args:
            rows: how many there are; None if nobody has counted them.
            least: whether there may be too few.

        Raises:
            DataQualityFailed: there are not, or it cannot be told.

        """
        if rows is None:
            if self.MinRows or self.MaxRows is not None:
                raise DataQualityFailed("the source does not say how many rows there are, so they cannot be checked")
            return
        if least and rows < self.MinRows:
            raise DataQualityFailed(f"there are {rows} rows, and should be {self.MinRows} at least", rows=rows)
        if self.MaxRows is not None and rows > self.MaxRows:
            raise DataQualityFailed(f"there are {rows} rows, and should be {self.MaxRows} at most", rows=rows)


class Tally:
    """Counts the rows as they pass.

    Args:
        checks: what must hold of them.
        schema: their columns.

    Raises:
        DataQualityFailed: a column that is to be looked at is not there.

    """

    def __init__(self, checks: Checks, schema: pa.Schema) -> None:
        for column in checks.NotNull:
            if schema.get_field_index(column) < 0:
                known = ", ".join(schema.names)
                raise DataQualityFailed(f"Checks.NotNull names the column {column!r}; there are {known}")
        self._checks = checks
        self._nulls: Counter[str] = Counter()
        self.rows = 0

    def count(self, batch: pa.RecordBatch) -> None:
        """Count a batch."""
        self.rows += batch.num_rows
        for column in self._checks.NotNull:
            self._nulls[column] += batch.column(column).null_count

    def judge(self, *, least: bool = True) -> None:
        """See whether all holds, once all rows have passed.

        Args:
            least: whether there may be too few.

        Raises:
            DataQualityFailed: something does not.

        """
        self._checks.judge_count(self.rows, least=least)
        found = {column: count for column, count in self._nulls.items() if count}
        if found:
            said = ", ".join(f"{column} in {count}" for column, count in found.items())
            raise DataQualityFailed(f"of {self.rows} rows, columns have no value: {said}", nulls=found)
