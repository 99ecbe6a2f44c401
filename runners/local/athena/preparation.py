"""Makes a query ready to run: finds its tables and views in the catalog, brings them, and translates it.

Knows nothing of what becomes of the rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from runners.local.athena.pruning import Scope, conditions_on_partitions
from runners.local.athena.sql.translation import QueryError, parse, tables_of, translate
from runners.local.athena.sql.types import quoted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import duckdb

    from runners.local.athena.catalog import Catalog, Table
    from runners.local.athena.reading import Reading
    from runners.local.athena.sql.translation import Translated

MAX_DEPTH_OF_VIEWS = 20

Types = dict[tuple[str, str], "Mapping[str, str]"]


class Preparation:
    """Prepares queries for one connection."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, catalog: Catalog, reading: Reading) -> None:
        self._connection = connection
        self._catalog = catalog
        self._reading = reading

    def translated(self, sql: str, database: str, parameters: Sequence[str] = ()) -> Translated:
        """Answer a query in DuckDB's words, with all that it reads in its place. Raises ``QueryError``."""
        scope = Scope(parse(sql), database)
        tables = self._tables(scope, 0)
        types: Types = {(table.database, table.name): table.types for table in tables}
        # What is wrong with the query is said before anything is brought.
        translated = translate(scope.tree, types, database, parameters)
        asked = Scope(_with_parameters(scope.tree, parameters), database)
        scopes = [asked, *(_scope_of(table) for table in tables if table.view)]
        for table in tables:
            if table.view:
                self._make_view(table, types)
            else:
                self._reading.add(table, conditions_on_partitions(scopes, table))
        return translated

    def _tables(self, scope: Scope, depth: int) -> list[Table]:
        """Answer all tables and views that a query reads; what a view reads stands before the view."""
        if depth > MAX_DEPTH_OF_VIEWS:
            raise QueryError("INVALID_VIEW", "the query's views are nested too deeply, or read themselves")
        found: list[Table] = []
        for database, name in sorted(tables_of(scope.tree), key=str):
            table = self._catalog.table(database or scope.database, name)
            if table.view:
                found += [one for one in self._tables(_scope_of(table), depth + 1) if one not in found]
            if table not in found:
                found.append(table)
        return found

    def _make_view(self, table: Table, types: Types) -> None:
        scope = _scope_of(table)
        translated = translate(scope.tree, types, scope.database)
        if len(translated.columns) != len(table.columns):
            raise QueryError("VIEW_IS_STALE", f"View '{table}' is stale; it must be re-created")
        self._connection.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(table.database)}")
        columns = ", ".join(quoted(column.name) for column in table.columns)
        name = f"{quoted(table.database)}.{quoted(table.name)}"
        self._connection.execute(f"CREATE VIEW {name} ({columns}) AS {translated.sql}")


def _with_parameters(tree: exp.Expr, parameters: Sequence[str]) -> exp.Expr:
    """Answer a query with its parameters in their places."""
    filled = tree.copy()
    for place, written in zip(list(filled.find_all(exp.Placeholder, bfs=False)), parameters, strict=True):
        place.replace(parse(f"SELECT {written}").expressions[0])
    return filled


def _scope_of(table: Table) -> Scope:
    assert table.view is not None  # noqa: S101 - the caller has looked
    return Scope(parse(table.view.query), table.view.database)
