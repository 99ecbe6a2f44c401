"""Translates a query of Athena's to DuckDB's SQL, keeping Trino's meaning, or says that it cannot.

This is the face of the package: what the engine needs stands here. Nothing here runs a query or reads a catalog.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

from sqlglot import exp

from runners.local.athena.sql.aggregations import Aggregations
from runners.local.athena.sql.calls import Calls
from runners.local.athena.sql.casts import written_moment
from runners.local.athena.sql.constructs import refuse_unknown
from runners.local.athena.sql.errors import QueryError, not_run
from runners.local.athena.sql.expressions import Expressions
from runners.local.athena.sql.failures import explained
from runners.local.athena.sql.macros import install
from runners.local.athena.sql.parsing import parse, tables_of
from runners.local.athena.sql.queries import Queries
from runners.local.athena.sql.relations import Relations
from runners.local.athena.sql.results import text_of
from runners.local.athena.sql.types import duckdb_type, quoted
from runners.local.athena.sql.values import Value

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
    """Translate a query to DuckDB's SQL over ``"database"."table"``; what is wrong is a ``QueryError``.

    ``parameters`` are the texts of literal expressions, one for each ``?`` of the query. The columns of the SQL have
    the names of the result's columns if no two of them are alike, else ``c1``, ``c2`` and so on.
    """
    tree = query.copy()
    tree.meta["sql"] = query.meta.get("sql", "")
    placeholders = sorted(tree.find_all(exp.Placeholder), key=lambda placeholder: placeholder.meta["start"])
    for place, placeholder in enumerate(placeholders):
        placeholder.meta["place"] = place
    if len(placeholders) != len(parameters):
        raise QueryError(
            "INVALID_PARAMETER_USAGE",
            f"Incorrect number of parameters: expected {len(placeholders)} but found {len(parameters)}",
        )
    try:
        refuse_unknown(tree)
        return _translated(tree, columns, database, [_parameter(one) for one in parameters])
    except RecursionError:
        raise QueryError("STACK_OVERFLOW", "statement is too large (stack overflow during analysis)") from None


def _translated(tree: exp.Expr, columns: Columns, database: str, parameters: Sequence[exp.Expr]) -> Translated:
    made = _queries(Expressions(parameters), Relations(columns, database)).query(tree, None)
    names = [column.name or f"_col{place}" for place, column in enumerate(made.columns)]
    shown = [Value(f"result.c{place}", column.type) for place, column in enumerate(made.columns, 1)]
    distinct = len({name.lower() for name in names}) == len(names)
    listed = ", ".join(
        f"{_result(value)} AS {quoted(name) if distinct else f'c{place}'}"
        for place, (value, name) in enumerate(zip(shown, names, strict=True), 1)
    )
    return Translated(
        f"SELECT {listed} FROM ({made.sql}) AS result",  # noqa: S608 - made of what was translated
        tuple(ResultColumn(name, str(column.type)) for name, column in zip(names, made.columns, strict=True)),
    )


def _queries(expressions: Expressions, relations: Relations) -> Queries:
    """Put together what translates one statement: its parts call one another."""
    queries, calls, aggregations = Queries(relations), Calls(), Aggregations()
    expressions.aggregations = calls.aggregations = aggregations
    expressions.calls = aggregations.calls = calls
    expressions.queries = relations.queries = queries
    calls.expressions = aggregations.expressions = queries.expressions = relations.expressions = expressions
    return queries


def _result(value: Value) -> str:
    """Give a column as the engine's client can read it: a timestamp with its zone comes as its text."""
    if value.type.name == "timestamp with time zone":
        shown = replace(value.type, size=(max(value.type.size[0], 3),))
        return written_moment(Value(value.sql, shown))
    if "time zone" in str(value.type):
        raise not_run(f"a result of the type {value.type}", "take the timestamps out of it")
    return value.sql


def _parameter(written: str) -> exp.Expr:
    """Read a parameter: one literal, or an expression of literals, never a part of a query."""
    tree = parse(f"SELECT {written}")
    refuse_unknown(tree)
    only = (
        isinstance(tree, exp.Select) and len(tree.expressions) == 1 and not any(tree.args.get(part) for part in _OTHERS)
    )
    if not only or any(
        isinstance(part, (exp.Query, exp.Column, exp.Alias, exp.Star)) for part in tree.expressions[0].walk()
    ):
        raise QueryError("INVALID_PARAMETER_USAGE", "An execution parameter must be a literal")
    return cast("exp.Expr", tree.expressions[0])


_OTHERS = ("from_", "where", "group", "order", "limit", "with_", "having", "joins", "distinct")
