"""A value inside a query: its SQL for DuckDB, and its type in Trino."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from runners.local.athena.sql.errors import not_run

if TYPE_CHECKING:
    from runners.local.athena.sql.types import Type


@dataclass(frozen=True)
class Value:
    """One expression, translated.

    Attributes:
        sql: for DuckDB; it stands anywhere without parentheses around it.
        type: Trino's type of it; the SQL gives the type that ``types.stored`` says.
        constant: the text, if it is a literal text: patterns and units have to be known before.

    """

    sql: str
    type: Type
    constant: str | None = None


def text(value: str) -> str:
    """Write a text for DuckDB."""
    return "'" + value.replace("'", "''") + "'"


def literal_of(value: Value, what: str) -> str:
    """Give the text of a literal, which a unit, a pattern, a zone and a path have to be."""
    if value.constant is None:
        raise not_run(f"{what} that is no literal")
    return value.constant
