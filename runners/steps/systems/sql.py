"""What sources and targets in SQL databases have in common: what they are told, and which statements are the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from pydantic import Field, PrivateAttr, model_validator

from runners.steps.ends import Source, Target
from runners.steps.parameters import SqlText
from runners.steps.templates import SqlDialect, Statement

if TYPE_CHECKING:
    from runners.steps.cursors import CursorValue
    from runners.steps.templates import Templates

LOADS_TABLE = "etl_runners_loads"
"""A small table in a target's database: the repeat keys of appends, written in the same transaction as their rows."""


class SqlSource(Source):
    """Rows of a query, or of a table."""

    dialect: ClassVar[SqlDialect]

    ConnectionName: str = Field(min_length=1)
    """The connection, by its name."""

    Query: SqlText | None = None
    """The query; ``{{ values }}`` in it are bound."""

    Table: str | None = Field(default=None, min_length=1)
    """A table instead of a query, e.g. ``public.orders``."""

    Columns: tuple[str, ...] = ()
    """The table's columns; all if left out."""

    _after: tuple[str, Any] | None = PrivateAttr(default=None)
    _counted: bool = PrivateAttr(default=False)

    @model_validator(mode="after")
    def _there_is_one(self) -> Self:
        if (self.Query is None) == (self.Table is None):
            raise ValueError("give Query or Table")
        if self.Columns and self.Table is None:
            raise ValueError("Columns goes with Table; a Query names its own")
        return self

    def after(self, column: str, value: CursorValue | str) -> Self:
        """Return the same source without the rows whose column is at most that value."""
        copy = self.model_copy()
        copy._after = (column, value)
        return copy

    def counted(self) -> Self:
        """Return the same source with one row, of how many rows it has: the database counts them."""
        copy = self.model_copy()
        copy._counted = True
        return copy

    def statement(self, templates: Templates) -> Statement:
        """Return the query with its values bound.

        Raises:
            TemplateFailed: its template cannot be rendered, or a name is none.

        """
        quoted = self.dialect.identifier
        if self.Query is not None:
            found = templates.sql(self.Query, self.dialect)
        else:
            columns = ", ".join(map(quoted, self.Columns)) or "*"
            found = Statement(f"SELECT {columns} FROM {quoted(str(self.Table))}", None)  # noqa: S608  # quoted names
        return self._counting(self._continued(found))

    def _continued(self, found: Statement) -> Statement:
        if self._after is None:
            return found
        column, value = self._after
        quoted = self.dialect.identifier
        mark = self.dialect.mark(len(found.parameters or ()) + 1)
        # Without parameters a driver takes each % as it is; beside one it has to be doubled.
        doubled = found.parameters is None and self.dialect.placeholder == "format"
        inner = found.text.rstrip().rstrip(";")
        inner = inner.replace("%", "%%") if doubled else inner
        text = f"SELECT * FROM (\n{inner}\n) AS source WHERE {quoted(column)} > {mark}"  # noqa: S608  # a name that is quoted
        return Statement(text, (*(found.parameters or ()), value))

    def _counting(self, found: Statement) -> Statement:
        if not self._counted:
            return found
        inner = found.text.rstrip().rstrip(";")
        return Statement(f"SELECT count(*) AS counted FROM (\n{inner}\n) AS source", found.parameters)  # noqa: S608


class SqlTarget(Target):
    """A table that rows are written to, all in one transaction."""

    dialect: ClassVar[SqlDialect]

    ConnectionName: str = Field(min_length=1)
    """The connection, by its name."""

    Table: str = Field(min_length=1)
    """The table, e.g. ``public.orders``."""

    Mode: Literal["append", "overwrite", "upsert"] = "append"
    """``append`` adds the rows, once for each execution however often it is repeated; ``overwrite`` replaces all rows;
    ``upsert`` replaces those with the same key."""

    Key: tuple[str, ...] = ()
    """For ``upsert``: the columns by which rows are the same; a primary key or a unique index must be on them."""

    CreateTable: bool = False
    """Whether to create the table, of the source's types, if it is not there."""

    @model_validator(mode="after")
    def _a_key_goes_with_upsert(self) -> Self:
        if (self.Mode == "upsert") != bool(self.Key):
            raise ValueError("Mode upsert needs Key, and Key goes with no other mode")
        return self
