"""Athena: results of its queries, and tables of Parquet files that it reads."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from runners.steps.ends import Target
from runners.steps.sql_dialect import ATHENA, SqlDialect
from runners.steps.systems import staged_files  # a field has the name of what it holds
from runners.steps.systems.athena_reading import reading_result, reading_unloaded
from runners.steps.systems.athena_session import AthenaConnection
from runners.steps.systems.athena_writing import writing
from runners.steps.systems.sql import SqlSource

if TYPE_CHECKING:
    import pyarrow as pa

    from runners.steps.context import StepContext
    from runners.steps.ends import Rows, Sink

__all__ = ["AthenaConnection", "AthenaSource", "AthenaTarget"]


class AthenaSource(SqlSource):
    """Rows of a query in Athena, or of a table."""

    dialect: ClassVar[SqlDialect] = ATHENA
    example: ClassVar[dict[str, Any]] = {
        "ConnectionName": "lake",
        "Query": "SELECT region, sum(total) AS total FROM orders WHERE day = {{ ds }} GROUP BY region",
    }

    Unload: bool = False
    """Whether Athena writes the rows into many Parquet files at a time, in place of one result in CSV: for results of
    more than some hundred MB. Times with a zone, times of day and JSON cannot be unloaded."""

    def open(self, context: StepContext) -> AbstractContextManager[Rows]:
        """Begin to read."""
        read = reading_unloaded if self.Unload else reading_result
        return read(self.ConnectionName, self.statement(context.templates), context)

    def place(self) -> str:
        """Return the table, or that it is a query."""
        return f"athena://{self.ConnectionName}/{self.Table or 'query'}"


class AthenaTarget(Target):
    """A table of Parquet files, or a partition of one, in the Glue catalog."""

    example: ClassVar[dict[str, Any]] = {
        "ConnectionName": "lake",
        "Table": "sales.orders",
        "Mode": "overwrite",
        "Partition": {"day": "{{ ds }}"},
    }

    ConnectionName: str = Field(min_length=1)
    """The connection, by its name."""

    Table: str = Field(min_length=1)
    """The table, with its database if it is another than the connection's, e.g. ``sales.orders``."""

    Mode: Literal["append", "overwrite"] = "append"
    """``append`` adds a file, the same one for each execution however often it is repeated; ``overwrite`` moves the
    table, or the partition, to a new location with one call, and deletes what the overwrite before the last had
    written."""

    Partition: dict[str, str] = Field(default_factory=dict)
    """The partition that the rows are for: a value for each of the table's partition keys."""

    CreateTable: bool = False
    """Whether to create the table, of the source's types, if it is not there."""

    Location: staged_files.Location | None = None
    """Where the files of a table lie that is created, e.g. ``s3://lake/sales/orders/``."""

    @model_validator(mode="after")
    def _a_new_table_lies_somewhere(self) -> Self:
        if self.CreateTable != (self.Location is not None):
            raise ValueError("CreateTable needs Location, and Location goes with nothing else")
        return self

    def open(self, schema: pa.Schema, context: StepContext) -> AbstractContextManager[Sink]:
        """Begin to write."""
        return writing(self, schema, context)

    def place(self) -> str:
        """Return the table."""
        return f"athena://{self.ConnectionName}/{self.Table}"
