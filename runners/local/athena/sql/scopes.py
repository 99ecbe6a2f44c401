"""What a name in a query means: the columns that are seen where it stands, and where in the query that is.

It resolves names as Trino does: the innermost query first, a column before a field of a row. It writes no SQL.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from runners.local.athena.sql.errors import QueryError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from runners.local.athena.sql.values import Value


@dataclass(frozen=True)
class Field:
    """A column that a query sees.

    Attributes:
        name: in lower case; None for one without a name, which nothing can refer to.
        value: how it is read.
        relation: the alias or the table that it belongs to, in lower case, the innermost part last: ``("db", "t")``.
        shown: its name as it is written where it is made.

    """

    name: str | None
    value: Value
    relation: tuple[str, ...] = ()
    shown: str | None = None


@dataclass(frozen=True)
class Scope:
    """The columns that are seen at a place; those of the queries around it are behind them."""

    fields: tuple[Field, ...]
    outer: Scope | None = None

    def found(self, name: str, relation: Sequence[str]) -> list[Field]:
        """Find the columns of this scope alone that a name may mean."""
        wanted = tuple(relation)
        return [
            one for one in self.fields if one.name == name and (not wanted or one.relation[-len(wanted) :] == wanted)
        ]


@dataclass(frozen=True)
class Place:
    """Where an expression stands, and what it may use there.

    Attributes:
        scope: the columns that it sees.
        clause: what Trino calls the place, e.g. ``WHERE clause``.
        calculates: whether aggregates and windows may stand here.
        keys: the SQL of what is grouped by; None if the query does not group, or inside an aggregate.
        outputs: the query's own columns by their names, which ORDER BY sees first.
        variables: the parameters of the lambdas around it.
        depth: how many parameters the lambdas around it have.
        windows: the windows that WINDOW names.

    """

    scope: Scope
    clause: str
    calculates: bool = False
    keys: frozenset[str] | None = None
    outputs: Mapping[str, Sequence[Value]] = field(default_factory=lambda: MappingProxyType({}))
    variables: Mapping[str, Value] = field(default_factory=lambda: MappingProxyType({}))
    depth: int = 0
    windows: Mapping[str, exp.Window] = field(default_factory=lambda: MappingProxyType({}))

    def inside(self, clause: str) -> Place:
        """Step into an aggregate, where no other one stands, and any column of what is read does."""
        return replace(self, clause=clause, calculates=False, keys=None, outputs={})

    def as_key(self) -> Place:
        """Look at an expression as at what may be grouped by."""
        return replace(self, calculates=False, keys=None)

    def with_variables(self, variables: Mapping[str, Value]) -> Place:
        """Step into a lambda."""
        return replace(self, variables={**self.variables, **variables}, depth=self.depth + len(variables))


def resolved(parts: Sequence[str], place: Place, where: str) -> tuple[Value, Sequence[str], bool]:
    """Find what a name means: its value, the parts that are left as fields of it, and whether it is the query's own.

    Own columns must be grouped by in a query that groups, which those of outer queries, and variables, need not.
    """
    if parts[0] in place.variables:
        return place.variables[parts[0]], parts[1:], False
    if len(parts) == 1 and parts[0] in place.outputs:
        outputs = {output.sql: output for output in place.outputs[parts[0]]}
        if len(outputs) > 1:
            raise _ambiguous(parts, where)
        return next(iter(outputs.values())), (), False
    scope: Scope | None = place.scope
    while scope is not None:
        for length in range(len(parts), 0, -1):
            found = scope.found(parts[length - 1], parts[: length - 1])
            if len(found) > 1:
                raise _ambiguous(parts[:length], where)
            if found:
                return found[0].value, parts[length:], scope is place.scope
        scope = scope.outer
    raise QueryError(
        "COLUMN_NOT_FOUND",
        f"{where}Column '{'.'.join(parts)}' cannot be resolved or requester is not authorized to access requested "
        f"resources",
    )


def _ambiguous(parts: Sequence[str], where: str) -> QueryError:
    return QueryError("AMBIGUOUS_NAME", f"{where}Column '{'.'.join(parts)}' is ambiguous")


# Where in the text

_OPERATORS: dict[type[exp.Expr], tuple[str, ...]] = {
    exp.EQ: ("=",), exp.NEQ: ("<>", "!="), exp.LT: ("<",), exp.LTE: ("<=",), exp.GT: (">",), exp.GTE: (">=",),
    exp.Add: ("+",), exp.Sub: ("-",), exp.Mul: ("*",), exp.Div: ("/",), exp.Mod: ("%",),
}  # fmt: skip


def where(node: exp.Expr) -> str:
    """Say where a part of the query stands in its text: ``line 1:8: ``; the operator is where a comparison stands."""
    sql = node.root().meta.get("sql", "")
    starts = [part.meta["start"] for part in node.walk() if "start" in part.meta]
    if not starts:
        return ""
    start = _operator(node, sql)
    if start is None:
        start = min(starts)
    line = sql.count("\n", 0, start) + 1
    return f"line {line}:{start - (sql.rfind(chr(10), 0, start) + 1) + 1}: " if sql else ""


def _operator(node: exp.Expr, sql: str) -> int | None:
    signs = _OPERATORS.get(type(node))
    if signs is None:
        return None
    left = [part.meta["end"] for part in node.this.walk() if "end" in part.meta]
    right = [part.meta["start"] for part in node.expression.walk() if "start" in part.meta]
    if not left or not right:
        return None
    found = [place for sign in signs if (place := sql.find(sign, max(left) + 1, min(right))) >= 0]
    return min(found) if found else None


def names_of(node: exp.Column) -> list[str]:
    """Give the parts of a name, in lower case, the outermost first."""
    parts: list[Any] = [node.args.get(part) for part in ("catalog", "db", "table", "this")]
    return [part.name.lower() for part in parts if part is not None]


def fields_of(
    names: Iterable[str | None], values: Iterable[Value], relation: tuple[str, ...] = ()
) -> tuple[Field, ...]:
    """Make the columns of a relation."""
    return tuple(
        Field(name.lower() if name is not None else None, value, relation, name)
        for name, value in zip(names, values, strict=True)
    )


def named(node: exp.Expr) -> str:
    """Name a construct for who wrote it."""
    if isinstance(node, exp.Anonymous):
        return f"{node.name}()"
    return node.key.upper() if not isinstance(node, exp.Func) else f"{node.sql_name().lower()}()"
