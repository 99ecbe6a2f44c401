"""Translates what stands in FROM: tables, joins, subqueries, UNNEST, each under an alias of its own (``r1``).

Names are found in WITH first, then in the catalog.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sqlglot import exp

from runners.local.athena.sql.casts import turned
from runners.local.athena.sql.errors import QueryError, not_run
from runners.local.athena.sql.scopes import Field, Place, Scope, fields_of, named, where
from runners.local.athena.sql.types import BIGINT, UNKNOWN, Type, common, field_names, quoted, type_of
from runners.local.athena.sql.values import Value, text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from runners.local.athena.sql.expressions import Expressions
    from runners.local.athena.sql.queries import Queries

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
class Relation:
    """Something in FROM: its SQL, and the columns that it brings."""

    sql: str
    fields: tuple[Field, ...]


class Relations:
    """What the queries of one statement read.

    Attributes:
        named: the names of WITH that are seen where a query stands: DuckDB's name of each, and its columns.

    """

    expressions: Expressions
    queries: Queries

    def __init__(self, columns: Mapping[tuple[str, str], Mapping[str, str]], database: str) -> None:
        self._tables = {(one.lower(), table.lower()): ((one, table), known) for (one, table), known in columns.items()}
        self._database = database.lower()
        self.named: dict[str, tuple[str, tuple[Column, ...]]] = {}
        self._count = 0

    def alias(self) -> str:
        """Make a name that no other relation of the statement has."""
        self._count += 1
        return f"r{self._count}"

    def read(self, node: exp.Select, outer: Scope | None) -> Relation:
        """Translate the FROM of a SELECT; without one, there are no columns and no SQL."""
        source = node.args.get("from_")
        if source is None:
            return Relation("", ())
        made = self._joined(source.this, node.args.get("joins") or (), outer)
        return Relation(f" FROM {made.sql}", made.fields)

    def _joined(self, first: exp.Expr, joins: Sequence[exp.Join], outer: Scope | None) -> Relation:
        made = self._relation(first, Scope((), outer))
        for join in (*(first.args.get("joins") or ()), *joins) if isinstance(first, exp.Table) else joins:
            made = self._join(made, join, outer)
        return made

    def _join(self, left: Relation, join: exp.Join, outer: Scope | None) -> Relation:
        kind = " ".join(str(part).upper() for part in (join.side, join.kind) if part and str(part).upper() != "OUTER")
        if join.args.get("method"):
            raise not_run(f"{where(join)}{join.args['method']} JOIN", "name the columns by USING or ON")
        condition, using = join.args.get("on"), join.args.get("using")
        right = self._relation(join.this, Scope(left.fields, outer))
        if isinstance(join.this, (exp.Unnest, exp.Lateral)) and kind not in ("", "CROSS", "INNER", "LEFT"):
            raise not_run(f"{where(join)}{kind} JOIN with UNNEST or LATERAL")
        if isinstance(join.this, exp.Unnest) and condition is not None and not _is_true(condition):
            message = f"{kind or 'INNER'} JOIN involving UNNEST is only supported with condition ON TRUE"
            raise QueryError("NOT_SUPPORTED", f"{where(join)}{message}")
        if (kind == "CROSS" or join.meta.get("comma")) and condition is None and not using:
            return Relation(f"{left.sql} CROSS JOIN {right.sql}", (*left.fields, *right.fields))
        if kind not in ("", "INNER", "LEFT", "RIGHT", "FULL"):
            raise not_run(f"{where(join)}{kind} JOIN")
        word = f"{kind or 'INNER'} JOIN"
        if using:
            return self._join_using(left, right, word, using)
        if condition is None:
            raise QueryError("SYNTAX_ERROR", f"{where(join)}mismatched input. Expecting: 'ON', 'USING'")
        place = Place(Scope((*left.fields, *right.fields), outer), "JOIN clause")
        on = self.expressions.condition(condition, place, "JOIN ON clause must evaluate to a boolean: actual type {}")
        return Relation(f"({left.sql} {word} {right.sql} ON {on})", (*left.fields, *right.fields))

    def _join_using(self, left: Relation, right: Relation, word: str, using: Sequence[exp.Expr]) -> Relation:
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
        return Relation(f"({left.sql} {word} {right.sql} ON {' AND '.join(conditions)})", (*shared, *rest))

    def _key(self, relation: Relation, node: exp.Expr) -> Field:
        found = Scope(relation.fields).found(node.name.lower(), ())
        if not found:
            raise QueryError("COLUMN_NOT_FOUND", f"{where(node)}Column '{node.name}' is missing from one side of join")
        if len(found) > 1:
            raise QueryError("AMBIGUOUS_NAME", f"{where(node)}Column '{node.name}' is ambiguous")
        return found[0]

    def _relation(self, node: exp.Expr, scope: Scope) -> Relation:
        if isinstance(node, exp.Table):
            return self._table(node)
        if isinstance(node, exp.Unnest):
            return self._unnest(node, scope)
        if isinstance(node, exp.Lateral):
            if not isinstance(node.this, exp.Subquery):
                raise not_run(f"{where(node)}LATERAL of {named(node.this)}")
            return self._derived(self.queries.query(node.this, scope), node)
        if isinstance(node, exp.Subquery) and isinstance(node.this, exp.Table):
            inner = self._joined(node.this, (), scope.outer)
            if node.args.get("alias") is not None:
                raise QueryError("SYNTAX_ERROR", f"{where(node)}mismatched input '{node.alias}'")
            return Relation(f"({inner.sql})" if inner.sql[0] != "(" else inner.sql, inner.fields)
        if isinstance(node, (exp.Subquery, exp.Values)):
            bare = node.copy()
            bare.set("alias", None)
            bare.parent = node.parent
            return self._derived(self.queries.query(bare, scope.outer), node)
        raise not_run(f"{where(node)}{named(node)} in FROM")

    def _derived(self, query: Query, node: exp.Expr) -> Relation:
        alias = self.alias()
        columns = renamed(query.columns, node.args.get("alias"), node)
        return Relation(f"({query.sql}) AS {alias}", self._fields(alias, columns, node))

    def _fields(self, alias: str, columns: Sequence[Column], node: exp.Expr) -> tuple[Field, ...]:
        values = [Value(f"{alias}.c{number}", column.type) for number, column in enumerate(columns, 1)]
        relation = (node.alias.lower(),) if node.alias else ()
        return fields_of([column.name for column in columns], values, relation)

    def _table(self, node: exp.Table) -> Relation:
        if not isinstance(node.this, exp.Identifier):
            raise not_run(f"{where(node)}{named(node.this)} in FROM")
        alias, name = self.alias(), node.name.lower()
        known = self.named.get(name) if not node.db else None
        if known is not None:
            columns = renamed(known[1], node.args.get("alias"), node)
            values = [Value(f"{alias}.c{number}", column.type) for number, column in enumerate(columns, 1)]
            named_by = ((node.alias or name).lower(),)
            return Relation(f"{known[0]} AS {alias}", fields_of([column.name for column in columns], values, named_by))
        database = node.db.lower() or self._database
        catalog = (node.catalog or CATALOG).lower()
        found = self._tables.get((database, name))
        if found is None or catalog != CATALOG:
            raise QueryError("TABLE_NOT_FOUND", f"{where(node)}Table '{catalog}.{database}.{name}' does not exist")
        (real_database, real_table), types = found
        columns = tuple(Column(column.lower(), type_of(of)) for column, of in types.items())
        shown = renamed(columns, node.args.get("alias"), node)
        values = [_read(alias, column.name or "", column.type) for column in columns]
        relation = (node.alias.lower(),) if node.alias else (catalog, database, name)
        table = f"{quoted(real_database)}.{quoted(real_table)} AS {alias}"
        return Relation(table, fields_of([column.name for column in shown], values, relation))

    def _unnest(self, node: exp.Unnest, scope: Scope) -> Relation:
        """Write UNNEST as a lateral query: arrays side by side, the shorter ones filled up by NULL."""
        place = Place(scope, "UNNEST")
        values = [self.expressions.value(part, place) for part in node.expressions]
        alias = self.alias()
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
        return Relation(f"(SELECT {', '.join(parts)}) AS {alias}", fields_of(shown, fields, relation))

    def _unnested(self, value: Value, node: exp.Expr) -> list[Value]:
        if value.type.name == "array":
            return [value]
        if value.type.name == "map":
            kinds = zip(("map_keys", "map_values"), value.type.arguments, strict=True)
            return [Value(f"{name}({value.sql})", Type("array", (of,))) for name, of in kinds]
        raise QueryError("INVALID_FUNCTION_ARGUMENT", f"{where(node)}Cannot unnest type: {value.type}")


def _is_true(condition: exp.Expr) -> bool:
    return isinstance(condition, exp.Boolean) and bool(condition.this)


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


def renamed(columns: Sequence[Column], alias: exp.Expr | None, node: exp.Expr) -> tuple[Column, ...]:
    """Give columns the names that follow an alias."""
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
