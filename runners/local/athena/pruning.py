"""Which partitions a query can do without: those for which a condition on nothing but partition columns is not true.

A condition counts only where leaving a partition out cannot change the answer: it must hold for every row of the one
place that reads the table. Where that is not plain, all partitions are read. Pure: it looks at trees of queries.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sqlglot import exp

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from runners.local.athena.catalog import Table

_UNSURE = (exp.Query, exp.Placeholder, exp.Parameter, exp.AggFunc, exp.Window)
_CHANGING = frozenset({"rand", "random", "uuid", "shuffle"})


class Scope(NamedTuple):
    """A query, and the database of those of its tables that it names without one."""

    tree: exp.Expr
    database: str


def conditions_on_partitions(queries: Sequence[Scope], table: Table) -> list[exp.Expr]:
    """Answer conditions, without their tables' names, that every row of ``table`` which the queries use fulfils."""
    places = [place for query in queries for place in _places(query, table)]
    if len(places) != 1:
        return []
    (place,) = places
    select = place.find_ancestor(exp.Select)
    if select is None or not _reads_directly(select, place) or not _only_inner_joins(select):
        return []
    where = select.args.get("where")
    conditions = where.this.flatten() if where and isinstance(where.this, exp.And) else [where.this] if where else []
    alone = not select.args.get("joins")
    return [
        _without_table(condition.copy())
        for condition in map(_bare, conditions)
        if _speaks_of_partitions(condition, table, place.alias_or_name, alone=alone)
    ]


def values_named(conditions: Sequence[exp.Expr], column: str) -> bool:
    """Whether the conditions say by plain constants which values a column may have: what injected projection needs."""
    return any(_names_values(condition, column) for condition in conditions)


def _names_values(condition: exp.Expr, column: str) -> bool:
    if isinstance(condition, exp.EQ):
        sides = (condition.this, condition.expression)
        return any(_is_column(side, column) for side in sides) and any(isinstance(side, exp.Literal) for side in sides)
    if isinstance(condition, exp.In):
        items = condition.expressions
        return (
            _is_column(condition.this, column) and bool(items) and all(isinstance(item, exp.Literal) for item in items)
        )
    return False


def _is_column(node: exp.Expr, column: str) -> bool:
    return isinstance(node, exp.Column) and node.name.lower() == column


def _places(query: Scope, table: Table) -> Iterator[exp.Table]:
    for node in query.tree.find_all(exp.Table):
        if node.name.lower() == table.name and (node.db.lower() or query.database) == table.database:
            yield node


def _reads_directly(select: exp.Select, place: exp.Table) -> bool:
    """Whether the table stands in this SELECT's own FROM, and its name is not that of a subquery of WITH."""
    named = {cte.alias_or_name.lower() for cte in select.root().find_all(exp.CTE)}
    parent = place.parent
    is_own = isinstance(parent, exp.From | exp.Join) and parent.parent is select
    return is_own and (bool(place.db) or place.name.lower() not in named)


def _only_inner_joins(select: exp.Select) -> bool:
    return all(
        not join.side and not join.method and join.kind in {"", "INNER", "CROSS"}
        for join in select.args.get("joins") or ()
    )


def _bare(condition: exp.Expr) -> exp.Expr:
    return condition.unnest()


def _speaks_of_partitions(condition: exp.Expr, table: Table, alias: str, *, alone: bool) -> bool:
    if isinstance(condition, _UNSURE) or condition.find(*_UNSURE):
        return False
    if any(function.name.lower() in _CHANGING for function in condition.find_all(exp.Anonymous, exp.Func)):
        return False
    columns = list(condition.find_all(exp.Column))
    return bool(columns) and all(
        column.name.lower() in table.partition_names
        and (column.table.lower() == alias.lower() if column.table else alone)
        for column in columns
    )


def _without_table(condition: exp.Expr) -> exp.Expr:
    for column in condition.find_all(exp.Column):
        for part in ("table", "db", "catalog"):
            column.set(part, None)
    return condition
