"""PostgreSQL: read by one COPY, as Arrow batches or as CSV; written by one COPY, in one transaction."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, ClassVar

from runners.steps.systems.postgresql_reading import CsvForm, csv_of, rows_of
from runners.steps.systems.postgresql_session import PostgreSqlConnection
from runners.steps.systems.postgresql_writing import writing
from runners.steps.systems.sql import SqlSource, SqlTarget
from runners.steps.templates import POSTGRESQL, SqlDialect

if TYPE_CHECKING:
    import pyarrow as pa

    from runners.steps.context import StepContext
    from runners.steps.ends import Encoded, Encoding, Rows, Sink

__all__ = ["PostgreSqlConnection", "PostgreSqlSource", "PostgreSqlTarget"]


class PostgreSqlSource(SqlSource):
    """Rows of a query, or of a table, in PostgreSQL.

    Numbers, texts, bytes, dates and timestamps travel as what they are declared; a numeric without a declared
    precision, times, intervals, JSON, UUIDs, enumerations, arrays and all else as the text that PostgreSQL writes.
    """

    example: ClassVar = {"ConnectionName": "shop", "Query": "SELECT id, total FROM orders WHERE placed_on = {{ ds }}"}

    dialect: ClassVar[SqlDialect] = POSTGRESQL

    AsText: tuple[str, ...] = ()
    """Columns that travel as text whatever they are, for values that nothing else holds: NaN in a numeric, infinity and
    years before 1 or after 9999 in a date."""

    def open(self, context: StepContext) -> AbstractContextManager[Rows]:
        """Run the query and stream its rows."""
        return rows_of(self.ConnectionName, self.statement(context.templates), self.AsText, context)

    def encoded(self, encoding: Encoding, context: StepContext) -> AbstractContextManager[Encoded] | None:
        """Give CSV as PostgreSQL itself writes it, if the target takes that."""
        form = CsvForm(encoding)
        if not form.is_possible:
            return None
        return csv_of(self.ConnectionName, self.statement(context.templates), form, context)

    def place(self) -> str:
        """Return the connection, and the table if it is one."""
        return _place(self.ConnectionName, self.Table)


class PostgreSqlTarget(SqlTarget):
    """A table in PostgreSQL.

    Columns go by their names. A value that the table's column would change is refused.
    """

    example: ClassVar = {"ConnectionName": "warehouse", "Table": "public.orders", "Mode": "upsert", "Key": ["id"]}

    dialect: ClassVar[SqlDialect] = POSTGRESQL

    def open(self, schema: pa.Schema, context: StepContext) -> AbstractContextManager[Sink]:
        """Begin a transaction and write into it."""
        return writing(self, schema, context)

    def place(self) -> str:
        """Return the connection and the table."""
        return _place(self.ConnectionName, self.Table)


def _place(connection: str, table: str | None) -> str:
    return f"postgresql://{connection}/{table or ''}".rstrip("/")
