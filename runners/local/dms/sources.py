"""What a full load asks of a source, whatever database it is."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Protocol, TypeVar

from runners.local.dms.errors import TableError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from runners.local.dms.columns import Column, Row, SourceTable, TableName
    from runners.local.dms.table_mappings import Filter

ROWS_OF_A_BATCH = 2000
"""Rows that are in memory at once, for each table that is being loaded."""

COMPARISONS = {"eq": "=", "noteq": "<>", "gte": ">=", "lte": "<=", "ste": "<="}

T = TypeVar("T")


class Source(Protocol):
    """One connection to a database from which tables are copied.

    Every method raises ``EndpointError`` when the connection is lost, and ``TableError`` for what concerns one table.
    """

    def tables(self) -> list[TableName]:
        """Answer the tables and views that the user may see, but for those of the database itself."""

    def describe(self, name: TableName) -> SourceTable:
        """Answer a table's columns from the catalogue."""

    def read(
        self, table: SourceTable, columns: Sequence[Column], filters: Sequence[Filter], *, native: bool = False
    ) -> Iterator[list[Row]]:
        """Read a table's rows in batches, as of one moment, without holding them in memory.

        ``native`` asks a PostgreSQL source for values as PostgreSQL itself writes them.
        """

    def cancel(self) -> None:
        """Have a read that goes on in another thread fail soon."""

    def close(self) -> None:
        """End the connection."""


def batches(rows: Iterable[T], size: int = ROWS_OF_A_BATCH) -> Iterator[list[T]]:
    """Cut rows into lists that are not empty."""
    left = iter(rows)
    while batch := list(islice(left, size)):
        yield batch


def condition_of(
    table: SourceTable, filters: Sequence[Filter], quote: str, placeholder: str
) -> tuple[str, list[tuple[Column, str]]]:
    """Make a WHERE clause of filters: its SQL, empty without any, and the values to bind, each with its column.

    Raises ``TableError`` for a filter on a column that the table does not have.
    """
    there = {column.name: column for column in table.columns}
    parts, values = [], []
    for each in filters:
        if each.column not in there:
            raise TableError(f"A filter asks for the column {each.column}, which {table.name} does not have")
        name, alternatives = f"{quote}{each.column.replace(quote, quote * 2)}{quote}", []
        for condition in each.conditions:
            values += [(there[each.column], value) for value in condition.values]
            alternatives.append(_comparison(name, condition.operator, placeholder))
        parts.append(f"({' OR '.join(alternatives)})")
    return f" WHERE {' AND '.join(parts)}" if parts else "", values


def _comparison(name: str, operator: str, placeholder: str) -> str:
    if operator in {"null", "notnull"}:
        return f"{name} IS {'NOT ' if operator == 'notnull' else ''}NULL"
    if operator in {"between", "notbetween"}:
        negated = "NOT " if operator == "notbetween" else ""
        return f"{name} {negated}BETWEEN {placeholder} AND {placeholder}"
    return f"{name} {COMPARISONS[operator]} {placeholder}"
