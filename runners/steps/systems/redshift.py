"""Redshift by its Data API, which needs no driver and no network to the cluster; large amounts go through S3.

Queries by pages were tried against PostgreSQL behind the Data API; ``COPY`` and ``UNLOAD`` need Redshift itself, and
were not: see docs/steps/not-tried-against-servers.md.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, ClassVar

from runners.steps.sql_dialect import REDSHIFT, SqlDialect
from runners.steps.systems.redshift_reading import reading_result, reading_unloaded
from runners.steps.systems.redshift_session import RedshiftConnection
from runners.steps.systems.redshift_writing import writing
from runners.steps.systems.sql import SqlSource, SqlTarget

if TYPE_CHECKING:
    import pyarrow as pa

    from runners.steps.context import StepContext
    from runners.steps.ends import Rows, Sink

__all__ = ["RedshiftConnection", "RedshiftSource", "RedshiftTarget"]


class RedshiftSource(SqlSource):
    """Rows of a query in Redshift, or of a table."""

    dialect: ClassVar[SqlDialect] = REDSHIFT
    example: ClassVar[dict[str, Any]] = {
        "ConnectionName": "warehouse",
        "Query": "SELECT * FROM sales.orders WHERE day = {{ ds }}",
        "Unload": True,
    }

    Unload: bool = False
    """Whether Redshift writes the rows into Parquet files at the connection's ``staging_location``: for results of more
    than some ten thousand rows; the Data API gives 500 MB at most, a thousand rows at a time."""

    def open(self, context: StepContext) -> AbstractContextManager[Rows]:
        """Begin to read."""
        read = reading_unloaded if self.Unload else reading_result
        return read(self.ConnectionName, self.statement(context.templates), context)

    def place(self) -> str:
        """Return the table, or that it is a query."""
        return f"redshift://{self.ConnectionName}/{self.Table or 'query'}"


class RedshiftTarget(SqlTarget):
    """A table in Redshift, to which rows are copied from a Parquet file at the connection's ``staging_location``."""

    dialect: ClassVar[SqlDialect] = REDSHIFT
    example: ClassVar[dict[str, Any]] = {"ConnectionName": "warehouse", "Table": "sales.orders", "Mode": "overwrite"}

    def open(self, schema: pa.Schema, context: StepContext) -> AbstractContextManager[Sink]:
        """Begin to write."""
        return writing(self, schema, context)

    def place(self) -> str:
        """Return the table."""
        return f"redshift://{self.ConnectionName}/{self.Table}"
