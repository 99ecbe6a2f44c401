"""Translates a query of Athena's to DuckDB's SQL, keeping Trino's meaning, or says that it cannot.

This is the face of the package: what the engine needs stands here. Nothing here runs a query or reads a catalog.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runners.local.athena.sql.errors import QueryError, not_run
from runners.local.athena.sql.failures import explained
from runners.local.athena.sql.macros import install
from runners.local.athena.sql.parsing import parse, tables_of
from runners.local.athena.sql.results import text_of
from runners.local.athena.sql.types import duckdb_type

if TYPE_CHECKING:
    from sqlglot import exp

__all__ = [
    "Columns", "QueryError", "ResultColumn", "Translated", "duckdb_type", "explained", "install", "parse", "tables_of",
    "text_of", "translate",
]  # fmt: skip

Columns = Mapping[tuple[str, str], Mapping[str, str]]


@dataclass(frozen=True)
class ResultColumn:
    """A column of a result: its name, and its type in Trino's words, e.g. ``array(varchar(3))``."""

    name: str
    type: str


@dataclass(frozen=True)
class Translated:
    """A query in DuckDB's SQL, and the columns that it gives, in their order."""

    sql: str
    columns: tuple[ResultColumn, ...]


def translate(query: exp.Expr, columns: Columns, database: str, parameters: Sequence[str] = ()) -> Translated:
    """Translate a query; what is wrong with it, or not run here, is a ``QueryError``."""
    raise not_run(f"{type(query).__name__}")
