"""Translates queries: what they read, filter, group and sort, with names that DuckDB cannot take for others.

Each relation gets an alias of its own (``r1``), each column of a query a name by its place (``c1``), so that no name
means another column to DuckDB than to Trino. What FROM reads stands in ``relations``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sqlglot import exp

from runners.local.athena.sql.aggregations import direction, is_aggregate, sortable
from runners.local.athena.sql.casts import turned
from runners.local.athena.sql.errors import QueryError, not_run
from runners.local.athena.sql.relations import Column, Query, Relation, Relations, renamed
from runners.local.athena.sql.scopes import Place, Scope, fields_of, named, where
from runners.local.athena.sql.types import Type, common, common_of_all, stored
from runners.local.athena.sql.values import Value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runners.local.athena.sql.expressions import Expressions


@dataclass(frozen=True)
class _Item:
    """A column of a SELECT."""

    name: str | None
    value: Value
    node: exp.Expr


class Queries:
    """The queries of one statement."""

    expressions: Expressions

    def __init__(self, relations: Relations) -> None:
        self._relations = relations

    def query(self, node: exp.Expr, outer: Scope | None) -> Query:
        """Translate a query."""
        known = dict(self._relations.named)
        try:
            defined = self._with(node.args.get("with_"), outer)
            made = self._body(node, outer)
        finally:
            self._relations.named = known
        return Query(f"{defined}{made.sql}", made.columns)

    def single_column(self, node: exp.Expr, outer: Scope | None, at: str) -> Query:
        """Translate a subquery that stands for a value."""
        inner = self.query(node, outer)
        if len(inner.columns) != 1:
            raise QueryError(
                "NOT_SUPPORTED",
                f"{at}Multiple columns returned by subquery are not yet supported. Found {len(inner.columns)}",
            )
        return inner

    def turned(self, query: Query, types: Sequence[Type]) -> str:
        """Write a query whose columns are of these types."""
        if all(column.type == of for column, of in zip(query.columns, types, strict=True)):
            return query.sql
        alias = self._relations.alias()
        listed = ", ".join(
            f"{turned(Value(f'{alias}.c{place}', column.type), of).sql} AS c{place}"
            for place, (column, of) in enumerate(zip(query.columns, types, strict=True), 1)
        )
        return f"SELECT {listed} FROM ({query.sql}) AS {alias}"  # noqa: S608 - made of what was translated

    def _with(self, node: exp.With | None, outer: Scope | None) -> str:
        if node is None:
            return ""
        if node.args.get("recursive"):
            raise not_run(f"{where(node)}WITH RECURSIVE")
        parts = []
        seen: set[str] = set()
        for one in node.expressions:
            if one.alias.lower() in seen:
                problem = f"WITH query name '{one.alias}' specified more than once"
                raise QueryError("DUPLICATE_NAMED_QUERY", f"{where(one)}{problem}")
            seen.add(one.alias.lower())
            inner = self.query(one.this, outer)
            alias = self._relations.alias()
            columns = renamed(inner.columns, one.args.get("alias"), one)
            parts.append(f"{alias} AS ({inner.sql})")
            self._relations.named[one.alias.lower()] = (alias, columns)
        return f"WITH {', '.join(parts)} "

    def _body(self, node: exp.Expr, outer: Scope | None) -> Query:
        if isinstance(node, exp.Select):
            return self._select(node, outer)
        if isinstance(node, exp.SetOperation):
            return self._sorted(self._set_operation(node, outer), node)
        if isinstance(node, exp.Values):
            return self._sorted(self._values(node, outer), node)
        if isinstance(node, exp.Subquery) and not isinstance(node.this, exp.Table):
            return self._sorted(self.query(node.this, outer), node)
        raise not_run(f"{where(node)}{named(node)}")

    # Queries of queries

    def _set_operation(self, node: exp.SetOperation, outer: Scope | None) -> Query:
        left, right = self.query(node.this, outer), self.query(node.expression, outer)
        word = type(node).__name__.upper()
        if len(left.columns) != len(right.columns):
            raise QueryError(
                "TYPE_MISMATCH",
                f"{where(node)}{word} query has different number of fields: {len(left.columns)}, {len(right.columns)}",
            )
        types = []
        for place, (mine, its) in enumerate(zip(left.columns, right.columns, strict=True), 1):
            of = common(mine.type, its.type)
            if of is None:
                raise QueryError(
                    "TYPE_MISMATCH",
                    f"{where(node)}column {place} in {word} query has incompatible types: {mine.type}, {its.type}",
                )
            types.append(of)
        every = "" if node.args.get("distinct") else " ALL"
        if not every or word != "UNION":
            for of in types:
                sortable(Value("", of), node)
        one, other = (
            f"SELECT * FROM ({self.turned(part, types)}) AS {self._relations.alias()}"  # noqa: S608 - made of what was translated
            for part in (left, right)
        )
        columns = tuple(replace(column, type=of) for column, of in zip(left.columns, types, strict=True))
        return Query(f"({one}) {word}{every} ({other})", columns)

    def _values(self, node: exp.Values, outer: Scope | None) -> Query:
        place = Place(Scope((), outer), "VALUES")
        rows = [
            [self.expressions.value(part, place) for part in (one.expressions if isinstance(one, exp.Tuple) else [one])]
            for one in node.expressions
        ]
        if len({len(one) for one in rows}) > 1:
            raise QueryError("TYPE_MISMATCH", f"{where(node)}Values rows have mismatched sizes")
        types = []
        for column in zip(*rows, strict=True):
            of = common_of_all(value.type for value in column)
            if of is None:
                kinds = [f"row({', '.join(str(value.type) for value in one)})" for one in rows]
                raise QueryError(
                    "TYPE_MISMATCH",
                    f"{where(node)}Values rows have mismatched types: {' vs '.join(dict.fromkeys(kinds))}",
                )
            types.append(of)
        cells = [
            [f"CAST({turned(value, of).sql} AS {stored(of)})" for value, of in zip(one, types, strict=True)]
            for one in rows
        ]
        listed = ", ".join(f"({', '.join(one)})" for one in cells)
        names = ", ".join(f"c{number}" for number in range(1, len(types) + 1))
        sql = f"SELECT * FROM (VALUES {listed}) AS {self._relations.alias()}({names})"  # noqa: S608 - made of what was translated
        return Query(sql, tuple(Column(None, of) for of in types))

    def _sorted(self, query: Query, node: exp.Expr) -> Query:
        """Put ORDER BY, OFFSET and LIMIT around a query that is no SELECT: it sees the columns alone."""
        order = node.args.get("order")
        ends = self._ends(node)
        if order is None and not ends:
            return query
        alias = self._relations.alias()
        values = [Value(f"{alias}.c{number}", column.type) for number, column in enumerate(query.columns, 1)]
        scope = Scope(fields_of([column.name for column in query.columns], values))
        place = Place(scope, "ORDER BY clause")
        items = [_Item(column.name, value, node) for column, value in zip(query.columns, values, strict=True)]
        by = f" ORDER BY {self._order(order, items, place)}" if order is not None else ""
        listed = ", ".join(f"{value.sql} AS c{number}" for number, value in enumerate(values, 1))
        sql = f"SELECT {listed} FROM ({query.sql}) AS {alias}{by}{ends}"  # noqa: S608 - made of what was translated
        return Query(sql, query.columns)

    def _ends(self, node: exp.Expr) -> str:
        limit, offset, made = node.args.get("limit"), node.args.get("offset"), ""
        if isinstance(limit, exp.Fetch):
            options = limit.args.get("limit_options")
            if options is not None and (options.args.get("with_ties") or options.args.get("percent")):
                if node.args.get("order") is None:
                    problem = "FETCH FIRST WITH TIES clause requires ORDER BY"
                    raise QueryError("MISSING_ORDER_BY", f"{where(node)}{problem}")
                raise not_run(f"{where(node)}FETCH … WITH TIES")
            made = f" LIMIT {self._count_of(limit.args.get('count'), 'FETCH FIRST')}"
        elif limit is not None and not (
            isinstance(limit.expression, exp.Var) and limit.expression.name.upper() == "ALL"
        ):
            made = f" LIMIT {self._count_of(limit.expression, 'LIMIT')}"
        if offset is not None:
            made += f" OFFSET {self._count_of(offset.expression, 'OFFSET')}"
        return made

    def _count_of(self, node: exp.Expr | None, what: str) -> str:
        if node is None:
            return "1"
        if not isinstance(node, (exp.Literal, exp.Placeholder)):
            raise QueryError(
                "SYNTAX_ERROR", f"{where(node)}mismatched input '{node.sql('trino')}'. Expecting: 'ALL', <integer>"
            )
        value = self.expressions.value(node, Place(Scope(()), what))
        if value.type.name not in ("integer", "bigint"):
            raise QueryError("TYPE_MISMATCH", f"{where(node)}Non constant parameter value for {what}: {value.type}")
        return value.sql

    # SELECT

    def _select(self, node: exp.Select, outer: Scope | None) -> Query:
        source = self._relations.read(node, outer)
        scope = Scope(source.fields, outer)
        windows = {one.name.lower(): one for one in node.args.get("windows") or ()}
        free = Place(scope, "WHERE clause", windows=windows)
        filtered = self._where(node.args.get("where"), free)
        stars = [self._expanded(item, source, scope) for item in node.expressions]
        grouped, keys = self._group(node, stars, free)
        place = replace(free, clause="SELECT clause", calculates=True, keys=keys)
        items = [self._item(one, place) for several in stars for one in several]
        having = node.args.get("having")
        condition = ""
        if having is not None:
            complaint = "HAVING clause must evaluate to a boolean: actual type {}"
            inside = replace(place, clause="HAVING clause", keys=keys if keys is not None else frozenset())
            condition = f" HAVING {self.expressions.condition(having.this, inside, complaint)}"
        distinct = node.args.get("distinct") is not None
        if distinct:
            for item in items:
                sortable(item.value, item.node)
        order = self._select_order(node, items, place, distinct=distinct)
        listed = ", ".join(f"{item.value.sql} AS c{number}" for number, item in enumerate(items, 1))
        sql = f"SELECT {'DISTINCT ' if distinct else ''}{listed}{source.sql}{filtered}{grouped}{condition}{order}"
        return Query(sql + self._ends(node), tuple(Column(item.name, item.value.type) for item in items))

    def _where(self, node: exp.Where | None, place: Place) -> str:
        if node is None:
            return ""
        complaint = "WHERE clause must evaluate to a boolean: actual type {}"
        return f" WHERE {self.expressions.condition(node.this, place, complaint)}"

    def _expanded(self, node: exp.Expr, source: Relation, scope: Scope) -> list[_Item | exp.Expr]:
        """Turn * into the columns that it stands for; what is an expression stays one."""
        if isinstance(node, exp.Star):
            if any(node.args.get(part) for part in ("except_", "replace", "rename")):
                raise QueryError("SYNTAX_ERROR", f"{where(node)}mismatched input after '*'")
            if not source.sql:
                problem = "SELECT * not allowed in queries without FROM clause"
                raise QueryError("COLUMN_NOT_FOUND", f"{where(node)}{problem}")
            return [_Item(one.shown, one.value, node) for one in source.fields]
        if isinstance(node, exp.Column) and isinstance(node.this, exp.Star):
            relation = tuple(part.name.lower() for part in node.parts[:-1])
            found = [one for one in scope.fields if one.relation[-len(relation) :] == relation]
            if not found:
                raise QueryError("COLUMN_NOT_FOUND", f"{where(node)}Unable to resolve reference {'.'.join(relation)}")
            return [_Item(one.shown, one.value, node) for one in found]
        if isinstance(node, exp.Dot) and isinstance(node.expression, exp.Star):
            raise not_run(f"{where(node)}.* of a row", "name its fields")
        return [node]

    def _item(self, item: _Item | exp.Expr, place: Place) -> _Item:
        if isinstance(item, _Item):
            if place.keys is not None and item.value.sql not in place.keys:
                raise QueryError(
                    "EXPRESSION_NOT_AGGREGATE",
                    f"{where(item.node)}'{item.name}' must be an aggregate expression or appear in GROUP BY clause",
                )
            return item
        node = item.this if isinstance(item, exp.Alias) else item
        value = self.expressions.value(node, place)
        if isinstance(item, exp.Alias):
            return _Item(item.args["alias"].name, value, node)
        return _Item(_name_of(node), value, node)

    def _group(
        self, node: exp.Select, stars: Sequence[Sequence[_Item | exp.Expr]], place: Place
    ) -> tuple[str, frozenset[str] | None]:
        """Write GROUP BY, and say what is grouped by; None if the query does not group at all."""
        group = node.args.get("group")
        if group is None:
            calculates = [*node.expressions, node.args.get("having"), node.args.get("order")]
            if any(is_aggregate(part) for root in calculates if root is not None for part in _own_parts(root)):
                return "", frozenset()
            return "", frozenset() if node.args.get("having") is not None else None
        if group.args.get("all") is False:
            raise not_run(f"{where(node)}GROUP BY DISTINCT")
        items = [item for several in stars for item in several]
        inside = replace(place, clause="GROUP BY clause")
        keys: list[str] = []
        parts = [self._grouping(part, items, inside, keys) for part in group.expressions]
        if not parts:
            raise not_run(f"{where(node)}GROUP BY ALL")
        return f" GROUP BY {', '.join(parts)}", frozenset(keys)

    def _grouping(self, node: exp.Expr, items: Sequence[_Item | exp.Expr], place: Place, keys: list[str]) -> str:
        """Write an element of GROUP BY, and note what it groups by."""
        if isinstance(node, (exp.Cube, exp.Rollup, exp.GroupingSets)):
            word = {exp.Cube: "CUBE", exp.Rollup: "ROLLUP", exp.GroupingSets: "GROUPING SETS"}[type(node)]
            inner = [self._grouping(part, items, place, keys) for part in node.expressions]
            if word == "GROUPING SETS" and len(set(inner)) < len(inner):
                raise not_run(f"{where(node)}GROUPING SETS with one of them twice")
            return f"{word} ({', '.join(inner)})"
        if isinstance(node, exp.Tuple):
            return f"({', '.join(self._grouping(part, items, place, keys) for part in node.expressions)})"
        if isinstance(node, exp.Literal) and not node.is_string:
            value = self._by_number(node, items, place)
        else:
            value = self.expressions.value(node, place)
        sortable(value, node)
        keys.append(value.sql)
        return value.sql

    def _by_number(self, node: exp.Literal, items: Sequence[_Item | exp.Expr], place: Place) -> Value:
        number = int(node.name) if node.name.isdigit() else 0
        if not 0 < number <= len(items):
            raise QueryError(
                "INVALID_COLUMN_REFERENCE", f"{where(node)}GROUP BY position {node.name} is not in select list"
            )
        item = items[number - 1]
        if isinstance(item, _Item):
            return item.value
        return self.expressions.value(item.this if isinstance(item, exp.Alias) else item, place)

    def _select_order(self, node: exp.Select, items: Sequence[_Item], place: Place, *, distinct: bool) -> str:
        order = node.args.get("order")
        if order is None:
            return ""
        outputs: dict[str, list[Value]] = {}
        for item in items:
            if item.name is not None:
                outputs.setdefault(item.name.lower(), []).append(item.value)
        inside = replace(place, clause="ORDER BY clause", outputs=outputs)
        return f" ORDER BY {self._order(order, items, inside, distinct=distinct)}"

    def _order(self, order: exp.Order, items: Sequence[_Item], place: Place, *, distinct: bool = False) -> str:
        """Write ORDER BY: by the place of what is selected, else by the expression."""
        parts = []
        for one in order.expressions:
            if isinstance(one.this, exp.Literal) and not one.this.is_string:
                number = int(one.this.name) if one.this.name.isdigit() else 0
                if not 0 < number <= len(items):
                    raise QueryError(
                        "INVALID_COLUMN_REFERENCE",
                        f"{where(one)}ORDER BY position {one.this.name} is not in select list",
                    )
                sortable(items[number - 1].value, one)
                parts.append(f"{number} {direction(one)}")
                continue
            value = sortable(self.expressions.value(one.this, place), one)
            places = [number for number, item in enumerate(items, 1) if item.value.sql == value.sql]
            if distinct and not places:
                raise QueryError(
                    "EXPRESSION_NOT_IN_DISTINCT",
                    f"{where(one)}For SELECT DISTINCT, ORDER BY expressions must appear in select list",
                )
            parts.append(f"{places[0] if places else value.sql} {direction(one)}")
        return ", ".join(parts)


def _name_of(node: exp.Expr) -> str | None:
    """Name a column that has no alias: by the column or the field that it is."""
    if isinstance(node, exp.Column):
        return str(node.this.name)
    return str(node.expression.name) if isinstance(node, exp.Dot) else None


def _own_parts(node: exp.Expr) -> list[exp.Expr]:
    """Give the parts of an expression that belong to its own query."""
    return list(node.walk(prune=lambda part: isinstance(part, exp.Query) and part is not node))
