"""``RowCountCheck``: how many rows there are somewhere, against bounds, or against somewhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

from pydantic import Field, model_validator

from runners.steps.errors import DataQualityFailed, ValidationFailed
from runners.steps.pairs import SOURCES, source_kind
from runners.steps.parameters import Parameters, Unrendered
from runners.steps.step import Step
from runners.steps.systems.sql import SqlSource

if TYPE_CHECKING:
    from runners.steps.context import StepContext


class Counted(Parameters):
    """Where rows are counted."""

    System: str
    """What is read: the first half of a pair's name, e.g. ``PostgreSql``, ``S3``."""

    Source: Unrendered
    """What a source of that kind is told."""

    @model_validator(mode="after")
    def _the_source_can_be_read(self) -> Self:
        if self.System not in SOURCES:
            raise ValueError(f"there is no source {self.System!r}; there are {', '.join(sorted(SOURCES))}")
        try:
            source_kind(self.System).checked(self.Source)
        except ValidationFailed as error:
            raise ValueError(error.message) from None
        return self


class RowCountCheckParameters(Parameters):
    """What is counted, and what the count must be."""

    Of: Counted
    """Where rows are counted."""

    Against: Counted | None = None
    """Where as many must be; without it, only the bounds count."""

    Tolerance: int = Field(default=0, ge=0)
    """How many rows the two may differ."""

    MinRows: int = Field(default=0, ge=0)
    """Rows that there are, at least."""

    MaxRows: int | None = Field(default=None, ge=0)
    """Rows that there are, at most."""


class RowCountCheck(Step):
    """Counts rows, in a database by the database itself, and fails if there are not as many as there should be."""

    Parameters = RowCountCheckParameters
    example: ClassVar[dict[str, Any]] = {
        "Of": {"System": "S3", "Source": {"Bucket": "my-data", "Key": "exports/{{ ds }}/products.parquet"}},
        "Against": {
            "System": "PostgreSql",
            "Source": {"ConnectionName": "shop", "Query": "SELECT id FROM products WHERE day = {{ ds }}"},
        },
        "MinRows": 1,
    }

    def run(self, context: StepContext) -> dict[str, Any]:
        """Count and compare.

        Raises:
            DataQualityFailed: there are too few rows, too many, or not as many as elsewhere.

        """
        asked: RowCountCheckParameters = self.parameters
        rows, place = _count(asked.Of, context)
        if rows < asked.MinRows or (asked.MaxRows is not None and rows > asked.MaxRows):
            bounds = f"{asked.MinRows} at least" + (
                f" and {asked.MaxRows} at most" if asked.MaxRows is not None else ""
            )
            raise DataQualityFailed(f"{place} has {rows} rows, and should have {bounds}", rows=rows)
        if asked.Against is None:
            return {"rows": rows}
        others, other_place = _count(asked.Against, context)
        if abs(rows - others) > asked.Tolerance:
            raise DataQualityFailed(
                f"{place} has {rows} rows, and {other_place} has {others}: they may differ by {asked.Tolerance}",
                rows=rows,
                against=others,
            )
        return {"rows": rows, "against": others}


def _count(counted: Counted, context: StepContext) -> tuple[int, str]:
    """Return how many rows there are, and what to call where they are."""
    source = source_kind(counted.System).read(counted.Source, context.templates)
    if isinstance(source, SqlSource):
        with source.counted().open(context) as rows:
            (batch,) = (batch for batch in rows.batches() if batch.num_rows)
            return int(batch.column(0)[0].as_py()), source.place()
    found = 0
    with source.open(context) as rows:
        for batch in rows.batches():
            context.check_stop()
            found += batch.num_rows
    return found, source.place()
