"""Translates queries: what they read, filter, group and sort, with names that DuckDB cannot take for others.

Each relation gets an alias of its own (``r1``), each column of a query a name by its place (``c1``), so that no name
means another column to DuckDB than to Trino. What a query may consist of is listed in ``_PARTS``: any other is refused.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from runners.local.athena.sql.calls import direction, is_aggregate, sortable
from runners.local.athena.sql.casts import turned
from runners.local.athena.sql.errors import QueryError, not_run
from runners.local.athena.sql.expressions import named
from runners.local.athena.sql.scopes import Field, Place, Scope, fields_of, where
from runners.local.athena.sql.types import (
    BIGINT,
    UNKNOWN,
    Type,
    common,
    common_of_all,
    field_names,
    quoted,
    stored,
    type_of,
)
from runners.local.athena.sql.values import Value, text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from runners.local.athena.sql.expressions import Expressions

CATALOG = "awsdatacatalog"


@dataclass(frozen=True)
class Column:
    """A column that a query gives: its name, None if it has none, and its type."""

    name: str | None
    type: Type


@dataclass(frozen=True)
class Query:
    """A query, translated; its columns are called ``c1``, ``c2`` and so on unless others were asked for."""

    sql: str
    columns: tuple[Column, ...]


@dataclass(frozen=True)
class _Relation:
    """Something in FROM: its SQL, and the columns that it brings."""

    sql: str
    fields: tuple[Field, ...]


@dataclass(frozen=True)
class _Item:
    """A column of a SELECT."""

    name: str | None
    value: Value
    node: exp.Expr


class Queries:
    """The queries of one statement."""

    expressions: Expressions

    def __init__(self, columns: Mapping[tuple[str, str], Mapping[str, str]], database: str) -> None:
        self._tables = {(one.lower(), table.lower()): ((one, table), known) for (one, table), known in columns.items()}
        self._database = database.lower()
        self._named: dict[str, tuple[str, tuple[Column, ...]]] = {}
        self._count = 0

    def query(self, node: exp.Expr, outer: Scope | None) -> Query:
        """Translate a query."""
        _refuse_parts(node)
        known = dict(self._named)
        try:
            defined = self._with(node.args.get("with_"), outer)
            made = self._body(node, outer)
        finally:
            self._named = known
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
        alias = self._alias()
        listed = ", ".join(
            f"{turned(Value(f'{alias}.c{place}', column.type), of).sql} AS c{place}"
            for place, (column, of) in enumerate(zip(query.columns, types, strict=True), 1)
        )
        return f"SELECT {listed} FROM ({query.sql}) AS {alias}"  # noqa: S608 - made of what was translated

    def _alias(self) -> str:
        self._count += 1
        return f"r{self._count}"

    def _with(self, node: exp.With | None, outer: Scope | None) -> str:
        if node is None:
            return ""
        if node.args.get("recursive"):
            raise not_run(f"{where(node)}WITH RECURSIVE")
        parts = []
        for one in node.expressions:
            inner = self.query(one.this, outer)
            alias = self._alias()
            columns = _renamed(inner.columns, one.args.get("alias"), one)
            parts.append(f"{alias} AS ({inner.sql})")
            self._named[one.alias.lower()] = (alias, columns)
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
            f"SELECT * FROM ({self.turned(part, types)}) AS {self._alias()}"  # noqa: S608 - made of what was translated
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
        sql = f"SELECT * FROM (VALUES {listed}) AS {self._alias()}({names})"  # noqa: S608 - made of what was translated
        return Query(sql, tuple(Column(None, of) for of in types))

    def _sorted(self, query: Query, node: exp.Expr) -> Query:
        """Put ORDER BY, OFFSET and LIMIT around a query that is no SELECT: it sees the columns alone."""
        order = node.args.get("order")
        ends = self._ends(node)
        if order is None and not ends:
            return query
        alias = self._alias()
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
        source = self._from(node, outer)
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

    def _expanded(self, node: exp.Expr, source: _Relation, scope: Scope) -> list[_Item | exp.Expr]:
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

    # FROM

    def _from(self, node: exp.Select, outer: Scope | None) -> _Relation:
        source = node.args.get("from_")
        if source is None:
            return _Relation("", ())
        made = self._joined(source.this, node.args.get("joins") or (), outer)
        return _Relation(f" FROM {made.sql}", made.fields)

    def _joined(self, first: exp.Expr, joins: Sequence[exp.Join], outer: Scope | None) -> _Relation:
        made = self._relation(first, Scope((), outer))
        for join in (*(first.args.get("joins") or ()), *joins) if isinstance(first, exp.Table) else joins:
            made = self._join(made, join, outer)
        return made

    def _join(self, left: _Relation, join: exp.Join, outer: Scope | None) -> _Relation:
        _refuse_parts(join)
        kind = " ".join(str(part).upper() for part in (join.side, join.kind) if part and str(part).upper() != "OUTER")
        if join.args.get("method"):
            raise not_run(f"{where(join)}{join.args['method']} JOIN", "name the columns by USING or ON")
        condition, using = join.args.get("on"), join.args.get("using")
        right = self._relation(join.this, Scope(left.fields, outer))
        if isinstance(join.this, (exp.Unnest, exp.Lateral)) and kind not in ("", "CROSS", "INNER", "LEFT"):
            raise not_run(f"{where(join)}{kind} JOIN with UNNEST or LATERAL")
        if kind in ("", "CROSS") and condition is None and not using:
            return _Relation(f"{left.sql} CROSS JOIN {right.sql}", (*left.fields, *right.fields))
        if kind not in ("", "INNER", "LEFT", "RIGHT", "FULL"):
            raise not_run(f"{where(join)}{kind} JOIN")
        word = f"{kind or 'INNER'} JOIN"
        if using:
            return self._join_using(left, right, word, using)
        if condition is None:
            raise QueryError("SYNTAX_ERROR", f"{where(join)}mismatched input. Expecting: 'ON', 'USING'")
        place = Place(Scope((*left.fields, *right.fields), outer), "JOIN clause")
        on = self.expressions.condition(condition, place, "JOIN ON clause must evaluate to a boolean: actual type {}")
        return _Relation(f"({left.sql} {word} {right.sql} ON {on})", (*left.fields, *right.fields))

    def _join_using(self, left: _Relation, right: _Relation, word: str, using: Sequence[exp.Expr]) -> _Relation:
        """Join by columns of one name: they come first, once each, and belong to neither side any more."""
        conditions, shared = [], []
        for key in using:
            name = key.name.lower()
            one, other = (self._key(relation, key) for relation in (left, right))
            found = self.expressions.compared("=", one.value, other.value, key)
            of = common(one.value.type, other.value.type) or UNKNOWN
            sides = [turned(side.value, of).sql for side in (one, other)]
            conditions.append(found.sql)
            shared.append(Field(name, Value(f"coalesce({', '.join(sides)})", of), (), one.shown))
        names = {one.name for one in shared}
        rest = [one for one in (*left.fields, *right.fields) if one.name not in names]
        return _Relation(f"({left.sql} {word} {right.sql} ON {' AND '.join(conditions)})", (*shared, *rest))

    def _key(self, relation: _Relation, node: exp.Expr) -> Field:
        found = Scope(relation.fields).found(node.name.lower(), ())
        if not found:
            raise QueryError("COLUMN_NOT_FOUND", f"{where(node)}Column '{node.name}' is missing from one side of join")
        if len(found) > 1:
            raise QueryError("AMBIGUOUS_NAME", f"{where(node)}Column '{node.name}' is ambiguous")
        return found[0]

    def _relation(self, node: exp.Expr, scope: Scope) -> _Relation:
        _refuse_parts(node)
        if isinstance(node, exp.Table):
            return self._table(node)
        if isinstance(node, exp.Unnest):
            return self._unnest(node, scope)
        if isinstance(node, exp.Lateral):
            if not isinstance(node.this, exp.Subquery):
                raise not_run(f"{where(node)}LATERAL of {named(node.this)}")
            return self._derived(self.query(node.this, scope), node)
        if isinstance(node, exp.Subquery) and isinstance(node.this, exp.Table):
            inner = self._joined(node.this, (), scope.outer)
            if node.args.get("alias") is not None:
                raise QueryError("SYNTAX_ERROR", f"{where(node)}mismatched input '{node.alias}'")
            return _Relation(f"({inner.sql})" if inner.sql[0] != "(" else inner.sql, inner.fields)
        if isinstance(node, (exp.Subquery, exp.Values)):
            bare = node.copy()
            bare.set("alias", None)
            bare.parent = node.parent
            return self._derived(self.query(bare, scope.outer), node)
        raise not_run(f"{where(node)}{named(node)} in FROM")

    def _derived(self, query: Query, node: exp.Expr) -> _Relation:
        alias = self._alias()
        columns = _renamed(query.columns, node.args.get("alias"), node)
        return _Relation(f"({query.sql}) AS {alias}", self._fields(alias, columns, node))

    def _fields(self, alias: str, columns: Sequence[Column], node: exp.Expr) -> tuple[Field, ...]:
        values = [Value(f"{alias}.c{number}", column.type) for number, column in enumerate(columns, 1)]
        relation = (node.alias.lower(),) if node.alias else ()
        return fields_of([column.name for column in columns], values, relation)

    def _table(self, node: exp.Table) -> _Relation:
        if not isinstance(node.this, exp.Identifier):
            raise not_run(f"{where(node)}{named(node.this)} in FROM")
        alias, name = self._alias(), node.name.lower()
        known = self._named.get(name) if not node.db else None
        if known is not None:
            columns = _renamed(known[1], node.args.get("alias"), node)
            values = [Value(f"{alias}.c{number}", column.type) for number, column in enumerate(columns, 1)]
            named_by = ((node.alias or name).lower(),)
            return _Relation(f"{known[0]} AS {alias}", fields_of([column.name for column in columns], values, named_by))
        database = node.db.lower() or self._database
        catalog = (node.catalog or CATALOG).lower()
        found = self._tables.get((database, name))
        if found is None or catalog != CATALOG:
            raise QueryError("TABLE_NOT_FOUND", f"{where(node)}Table '{catalog}.{database}.{name}' does not exist")
        (real_database, real_table), types = found
        columns = tuple(Column(column.lower(), type_of(of)) for column, of in types.items())
        shown = _renamed(columns, node.args.get("alias"), node)
        values = [_read(alias, column.name or "", column.type) for column in columns]
        relation = (node.alias.lower(),) if node.alias else (catalog, database, name)
        table = f"{quoted(real_database)}.{quoted(real_table)} AS {alias}"
        return _Relation(table, fields_of([column.name for column in shown], values, relation))

    def _unnest(self, node: exp.Unnest, scope: Scope) -> _Relation:
        """Write UNNEST as a lateral query: arrays side by side, the shorter ones filled up by NULL."""
        place = Place(scope, "UNNEST")
        values = [self.expressions.value(part, place) for part in node.expressions]
        alias = self._alias()
        parts: list[str] = []
        fields: list[Value] = []
        for value in values:
            for one in self._unnested(value, node):
                name = f"c{len(parts) + 1}"
                parts.append(f"unnest({one.sql}) AS {name}")
                fields += _columns_of(Value(f"{alias}.{name}", one.type.arguments[0]))
        names: list[exp.Expr] = list(node.args["alias"].columns) if node.args.get("alias") is not None else []
        if offset := node.args.get("offset"):
            longest = ", ".join(f"len({one.sql})" for value in values for one in self._unnested(value, node))
            parts.append(f"unnest(range(1, coalesce(greatest({longest}), 0) + 1)) AS c{len(parts) + 1}")
            fields.append(Value(f"{alias}.c{len(parts)}", BIGINT))
            names += [offset] if isinstance(offset, exp.Identifier) else []
        if names and len(names) != len(fields):
            raise _wrong_aliases(len(names), len(fields), node)
        shown: list[str | None] = [name.name for name in names] or [None] * len(fields)
        relation = (node.alias.lower(),) if node.alias else ()
        return _Relation(f"(SELECT {', '.join(parts)}) AS {alias}", fields_of(shown, fields, relation))

    def _unnested(self, value: Value, node: exp.Expr) -> list[Value]:
        if value.type.name == "array":
            return [value]
        if value.type.name == "map":
            kinds = zip(("map_keys", "map_values"), value.type.arguments, strict=True)
            return [Value(f"{name}({value.sql})", Type("array", (of,))) for name, of in kinds]
        raise QueryError("INVALID_FUNCTION_ARGUMENT", f"{where(node)}Cannot unnest type: {value.type}")


def _columns_of(value: Value) -> list[Value]:
    """Spread a row that comes out of UNNEST over columns."""
    if value.type.name != "row":
        return [value]
    return [
        Value(f"struct_extract({value.sql}, {text(name)})", of)
        for name, of in zip(field_names(value.type), value.type.arguments, strict=True)
    ]


def _read(alias: str, name: str, of: Type) -> Value:
    column = f"{alias}.{quoted(name)}"
    return Value(f"rpad({column}, {of.size[0]}, ' ')" if of.name == "char" else column, of)


def _renamed(columns: Sequence[Column], alias: exp.Expr | None, node: exp.Expr) -> tuple[Column, ...]:
    names = alias.columns if isinstance(alias, exp.TableAlias) else []
    if names and len(names) != len(columns):
        raise _wrong_aliases(len(names), len(columns), node)
    if not names:
        return tuple(columns)
    return tuple(replace(column, name=name.name) for column, name in zip(columns, names, strict=True))


def _wrong_aliases(given: int, there: int, node: exp.Expr) -> QueryError:
    name = f"'{node.alias}' " if node.alias else ""
    return QueryError(
        "MISMATCHED_COLUMN_ALIASES",
        f"{where(node)}Column alias list has {given} entries but {name}has {there} columns available",
    )


def _name_of(node: exp.Expr) -> str | None:
    """Name a column that has no alias: by the column or the field that it is."""
    if isinstance(node, exp.Column):
        return str(node.this.name)
    return str(node.expression.name) if isinstance(node, exp.Dot) else None


def _own_parts(node: exp.Expr) -> list[exp.Expr]:
    """Give the parts of an expression that belong to its own query."""
    return list(node.walk(prune=lambda part: isinstance(part, exp.Query) and part is not node))


# What each node may have; anything else that it has is refused by its name.
_PARTS: dict[type[exp.Expr], set[str]] = {
    exp.Select: {
        "expressions", "from_", "joins", "where", "group", "having", "order", "limit", "offset", "distinct", "with_",
        "windows", "kind",
    },
    exp.Union: {"this", "expression", "distinct", "order", "limit", "offset", "with_"},
    exp.Except: {"this", "expression", "distinct", "order", "limit", "offset", "with_"},
    exp.Intersect: {"this", "expression", "distinct", "order", "limit", "offset", "with_"},
    exp.Subquery: {"this", "alias", "order", "limit", "offset", "with_"},
    exp.Values: {"expressions", "alias", "order", "limit", "offset", "with_"},
    exp.Table: {"this", "db", "catalog", "alias", "joins"},
    exp.Unnest: {"expressions", "alias", "offset"},
    exp.Lateral: {"this", "alias", "view", "outer"},
    exp.Join: {"this", "on", "using", "side", "kind", "method"},
}  # fmt: skip


def _refuse_parts(node: exp.Expr) -> None:
    allowed = _PARTS.get(type(node))
    if allowed is None:
        return
    extra: Any = next((name for name, part in node.args.items() if part and name not in allowed), None)
    if extra is not None:
        raise not_run(f"{where(node)}{extra.rstrip('_').upper()} of {named(node)}")
    distinct = node.args.get("distinct")
    if isinstance(distinct, exp.Distinct) and distinct.args.get("on") is not None:
        raise QueryError("SYNTAX_ERROR", f"{where(node)}mismatched input 'ON'")
