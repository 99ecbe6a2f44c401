"""Snowflake by its connector: queries come as Arrow, rows go as Parquet files through a temporary stage.

It was not tried against Snowflake here: see docs/steps/not-tried-against-servers.md.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, ClassVar

from runners.steps.sql_dialect import SNOWFLAKE, SqlDialect
from runners.steps.systems import snowflake_types  # a field has the name of what it holds
from runners.steps.systems.snowflake_reading import reading_rows
from runners.steps.systems.snowflake_session import SnowflakeConnection
from runners.steps.systems.snowflake_writing import writing
from runners.steps.systems.sql import SqlSource, SqlTarget

if TYPE_CHECKING:
    import pyarrow as pa

    from runners.steps.context import StepContext
    from runners.steps.ends import Rows, Sink

__all__ = ["SnowflakeConnection", "SnowflakeSource", "SnowflakeTarget"]


class SnowflakeSource(SqlSource):
    """Rows of a query in Snowflake, or of a table.

    Names of tables and columns are as Snowflake keeps them: in capital letters, unless they were quoted when they were
    created.
    """

    dialect: ClassVar[SqlDialect] = SNOWFLAKE
    example: ClassVar[dict[str, Any]] = {"ConnectionName": "warehouse", "Table": "SALES.ORDERS"}

    OffsetsAs: snowflake_types.OffsetsAs = "utc"
    """What becomes of ``TIMESTAMP_TZ``: the instant, in UTC; or text, which keeps the offset."""

    def open(self, context: StepContext) -> AbstractContextManager[Rows]:
        """Begin to read."""
        return reading_rows(self, context)

    def place(self) -> str:
        """Return the table, or that it is a query."""
        return f"snowflake://{self.ConnectionName}/{self.Table or 'query'}"


class SnowflakeTarget(SqlTarget):
    """A table in Snowflake.

    The table's name is as Snowflake keeps it: in capital letters, unless it was quoted when it was created. Columns are
    found also where only capital letters differ.
    """

    dialect: ClassVar[SqlDialect] = SNOWFLAKE
    example: ClassVar[dict[str, Any]] = {"ConnectionName": "warehouse", "Table": "SALES.ORDERS", "Mode": "overwrite"}

    def open(self, schema: pa.Schema, context: StepContext) -> AbstractContextManager[Sink]:
        """Begin to write."""
        return writing(self, schema, context)

    def place(self) -> str:
        """Return the table."""
        return f"snowflake://{self.ConnectionName}/{self.Table}"
