"""SQL Server, read and written by pymssql.

Written rows go as JSON to the server, which reads them with ``OPENJSON`` (SQL Server 2016 and later): its bulk copy by
FreeTDS does not tell NULL from an empty text in every version. It was not tried against a server here: see
docs/steps/not-tried-against-servers.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, ClassVar

from runners.steps.sql_dialect import SQLSERVER, SqlDialect, Statement
from runners.steps.systems import sqlserver_types  # fields have the names of what they hold
from runners.steps.systems.sql import SqlSource, SqlTarget
from runners.steps.systems.sqlserver_reading import reading_rows
from runners.steps.systems.sqlserver_session import MsSqlConnection
from runners.steps.systems.sqlserver_types import Column
from runners.steps.systems.sqlserver_writing import writing

if TYPE_CHECKING:
    import pyarrow as pa

    from runners.steps.context import StepContext
    from runners.steps.ends import Rows, Sink

__all__ = ["MsSqlConnection", "MsSqlSource", "MsSqlTarget"]

_CASTABLE = frozenset(
    {"bigint", "date", "datetime", "datetime2", "datetimeoffset", "decimal", "float", "int", "money", "numeric", "real"}
    | {"smalldatetime", "smallint", "time", "tinyint", "uniqueidentifier"}
)
"""Types to which the value of a cursor is cast, so that an index serves and the same value is not after itself."""


class MsSqlSource(SqlSource):
    """Rows of a query in SQL Server, or of a table."""

    dialect: ClassVar[SqlDialect] = SQLSERVER
    example: ClassVar[dict[str, Any]] = {
        "ConnectionName": "shop",
        "Query": "SELECT * FROM dbo.orders WHERE day = {{ ds }}",
    }

    FineTimesAs: sqlserver_types.FineTimesAs = "microseconds"
    """What becomes of times with seven digits of a fraction, ``datetime2`` as it is by default: microseconds, which
    refuses a seventh digit other than 0; or text."""

    OffsetsAs: sqlserver_types.OffsetsAs = "utc"
    """What becomes of ``datetimeoffset``: the instant, in UTC; or text, which keeps the offset."""

    def open(self, context: StepContext) -> AbstractContextManager[Rows]:
        """Begin to read."""
        return reading_rows(self, context)

    def place(self) -> str:
        """Return the table, or that it is a query."""
        return f"mssql://{self.ConnectionName}/{self.Table or 'query'}"

    def casts(self, statement: Statement, columns: Sequence[Column]) -> Mapping[int, str]:
        """Return to which type the value of a cursor is cast: that of its column."""
        if self._after is None:
            return {}
        found = next((column for column in columns if column.name == self._after[0]), None)
        if found is None or found.kind not in _CASTABLE:
            return {}
        sizes = {"decimal": f"({found.precision}, {found.scale})", "numeric": f"({found.precision}, {found.scale})"}
        sizes |= dict.fromkeys(("datetime2", "datetimeoffset", "time"), f"({found.scale})")
        return {len(statement.parameters or ()): found.kind + sizes.get(found.kind, "")}


class MsSqlTarget(SqlTarget):
    """A table in SQL Server."""

    dialect: ClassVar[SqlDialect] = SQLSERVER
    example: ClassVar[dict[str, Any]] = {
        "ConnectionName": "shop",
        "Table": "dbo.orders",
        "Mode": "upsert",
        "Key": ["id"],
    }

    def open(self, schema: pa.Schema, context: StepContext) -> AbstractContextManager[Sink]:
        """Begin to write."""
        return writing(self, schema, context)

    def place(self) -> str:
        """Return the table."""
        return f"mssql://{self.ConnectionName}/{self.Table}"
