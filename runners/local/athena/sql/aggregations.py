"""Translates aggregates and window functions, with all that stands around a call: DISTINCT, ORDER BY, FILTER, OVER.

Which functions there are is said by ``aggregates``. This module writes them where DuckDB wants them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from runners.local.athena.sql.aggregates import (
    AGGREGATES,
    ALONE,
    MAY_IGNORE_NULLS,
    NEED_ORDER,
    NOT_DISTINCT,
    OF_FRAMES,
    ORDERED,
    WINDOWS,
)
from runners.local.athena.sql.casts import turned
from runners.local.athena.sql.errors import QueryError, not_run
from runners.local.athena.sql.functions import SCALARS
from runners.local.athena.sql.scopes import where
from runners.local.athena.sql.types import BIGINT, INTEGER, common, is_whole
from runners.local.athena.sql.values import Value

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from runners.local.athena.sql.calls import Calls
    from runners.local.athena.sql.expressions import Expressions
    from runners.local.athena.sql.scopes import Place
    from runners.local.athena.sql.signatures import Function


@dataclass(frozen=True)
class Modified:
    """What stands around a call: ``DISTINCT``, ``ORDER BY``, ``FILTER``, ``IGNORE NULLS`` and ``OVER``."""

    call: exp.Anonymous
    distinct: bool = False
    order: exp.Order | None = None
    condition: exp.Expr | None = None
    ignores_nulls: bool = False
    window: exp.Window | None = None

    @property
    def name(self) -> str:
        """The function's name in lower case."""
        return self.call.name.lower()


def is_aggregate(node: exp.Expr) -> bool:
    """Whether a node is a call of an aggregate that is no window."""
    if not isinstance(node, exp.Anonymous) or node.name.lower() not in (*AGGREGATES, "grouping"):
        return False
    outer = node.parent
    while isinstance(outer, (exp.Filter, exp.WithinGroup, exp.IgnoreNulls, exp.RespectNulls)):
        outer = outer.parent
    return not (isinstance(outer, exp.Window) and node in outer.this.walk())


class Aggregations:
    """The aggregates and window functions of one statement."""

    calls: Calls
    expressions: Expressions

    def modified(self, node: exp.Expr, place: Place) -> Value:
        """Translate an aggregate or a window function, with what stands around it."""
        call = _taken_apart(node)
        if call.name == "grouping":
            return self._grouping(call, place)
        if call.window is not None and call.window.args.get("alias") is not None:
            call = replace(call, window=self._named_window(call.window, place))
        if call.name in WINDOWS and call.window is None:
            raise QueryError("MISSING_OVER", f"{where(node)}Window function {call.name} requires an OVER clause")
        functions = WINDOWS.get(call.name) or AGGREGATES.get(call.name)
        if functions is None:
            if call.name in SCALARS:
                raise QueryError(
                    "FUNCTION_NOT_AGGREGATE", f"{where(node)}Function {call.name} is not an aggregate function"
                )
            raise self.calls.unknown(call.name, node)
        self._check(call, node, place)
        return self._aggregate(call, functions, node, place)

    def _check(self, call: Modified, node: exp.Expr, place: Place) -> None:
        if not place.calculates:
            kind = "window functions" if call.window is not None else "aggregations"
            if place.clause == call.name or place.clause.startswith("aggregation"):
                raise QueryError("NESTED_AGGREGATION", f"{where(node)}Cannot nest {kind} inside {place.clause}")
            raise QueryError(
                "EXPRESSION_NOT_SCALAR",
                f"{where(node)}{place.clause} cannot contain aggregations, window functions or grouping operations: "
                f"[{call.name}]",
            )
        if call.window is not None and any(
            isinstance(part, exp.Window) for argument in call.call.expressions for part in argument.walk()
        ):
            raise QueryError(
                "NESTED_WINDOW", f"{where(node)}Cannot nest window functions inside window function '{call.name}'"
            )
        if call.order is not None and call.name not in ORDERED:
            raise not_run(f"{where(node)}ORDER BY in {call.name}()")
        if call.name in ALONE and (call.window is not None or call.distinct):
            raise not_run(f"{where(node)}{call.name}() with DISTINCT or OVER")
        if call.distinct and (call.name in NOT_DISTINCT or call.name in WINDOWS or call.window is not None):
            raise not_run(f"{where(node)}DISTINCT in {call.name}()" + (" OVER" if call.window is not None else ""))
        if call.ignores_nulls and call.name not in MAY_IGNORE_NULLS:
            problem = f"Cannot specify null treatment clause for {call.name} function"
            raise QueryError("NULL_TREATMENT_NOT_ALLOWED", f"{where(node)}{problem}")
        if call.name == "listagg" and not isinstance(node, (exp.WithinGroup, exp.Filter)):
            raise QueryError("SYNTAX_ERROR", f"{where(node)}mismatched input '<EOF>'. Expecting: 'WITHIN'")
        if call.name != "listagg" and any(isinstance(part, exp.WithinGroup) for part in node.walk()):
            raise QueryError("SYNTAX_ERROR", f"{where(node)}mismatched input 'WITHIN'")

    def _aggregate(self, call: Modified, functions: Sequence[Function], node: exp.Expr, place: Place) -> Value:
        inner = place if call.window is not None else place.inside(f"aggregation '{call.name}'")
        if call.window is not None:
            inner = replace(place, calculates=place.calculates, clause=place.clause)
        parts = [part for part in call.call.expressions if not isinstance(part, exp.Star)]
        if len(parts) < len(call.call.expressions) and (call.name != "count" or call.distinct):
            raise QueryError("SYNTAX_ERROR", f"{where(node)}mismatched input '*'")
        values = [self.expressions.value(part, inner) for part in parts]
        matched = self.calls.matched(functions, [value.type for value in values], node)
        arguments = [turned(value, matched.wanted(number, value.type)) for number, value in enumerate(values)]
        over = self._over(call, inner, place)
        return Value(
            matched.function.sql(over, *arguments),  # type: ignore[operator]  # all of them are functions
            matched.function.type(matched.bindings, arguments),
        )

    def _over(self, call: Modified, inner: Place, place: Place) -> Callable[..., str]:
        """Make what writes a call of DuckDB's, with all that stands around Trino's."""
        distinct = "DISTINCT " if call.distinct else ""
        ordered = f" ORDER BY {self.sorted_by(call.order, inner)}" if call.order is not None else ""
        ignoring = " IGNORE NULLS" if call.ignores_nulls else ""
        filtered = ""
        if call.condition is not None:
            complaint = "Filter expression must evaluate to a boolean: actual type {}"
            filtered = f" FILTER (WHERE {self.expressions.condition(call.condition, inner, complaint)})"
        window = f" OVER ({self._window(call, place)})" if call.window is not None else ""

        def write(name: str, *arguments: str) -> str:
            return f"{name}({distinct}{', '.join(arguments)}{ordered}{ignoring}){filtered}{window}"

        return write

    def sorted_by(self, order: exp.Order, place: Place) -> str:
        """Write ORDER BY: what is NULL comes last, up and down, unless it is said."""
        return ", ".join(
            f"{sortable(self.expressions.value(item.this, place), item).sql} {direction(item)}"
            for item in order.expressions
        )

    def _named_window(self, window: exp.Window, place: Place) -> exp.Window:
        name = window.args["alias"].name.lower()
        known = place.windows.get(name)
        if known is None:
            raise QueryError("INVALID_WINDOW_REFERENCE", f"{where(window)}Cannot resolve WINDOW name {name}")
        if any(window.args.get(part) for part in ("partition_by", "order", "spec")):
            raise not_run(f"{where(window)}a window that adds to another one")
        if known.args.get("alias") is not None:
            return self._named_window(known, place)
        return known

    def _window(self, call: Modified, place: Place) -> str:
        window = call.window
        assert window is not None  # noqa: S101 - asked by the caller
        inner = replace(place, clause="WINDOW")
        parts = []
        if keys := window.args.get("partition_by"):
            values = [sortable(self.expressions.value(key, inner), key).sql for key in keys]
            parts.append(f"PARTITION BY {', '.join(values)}")
        if (order := window.args.get("order")) is not None:
            parts.append(f"ORDER BY {self.sorted_by(order, inner)}")
        elif call.name in NEED_ORDER:
            problem = f"{call.name} function requires an ORDER BY window clause"
            raise QueryError("MISSING_ORDER_BY", f"{where(window)}{problem}")
        if (spec := window.args.get("spec")) is not None:
            if call.name in WINDOWS and call.name not in OF_FRAMES:
                raise QueryError(
                    "INVALID_WINDOW_FRAME", f"{where(window)}Cannot specify window frame for {call.name} function"
                )
            parts.append(self._frame(spec, order, inner))
        return " ".join(parts)

    def _frame(self, spec: exp.WindowSpec, order: exp.Order | None, place: Place) -> str:
        kind = str(spec.args.get("kind") or "RANGE").upper()
        if spec.args.get("exclude"):
            raise QueryError("SYNTAX_ERROR", f"{where(spec)}mismatched input 'EXCLUDE'")
        bounds = [self._bound(spec, side, kind, order, place) for side in ("start", "end")]
        if spec.args.get("end") is None:
            return f"{kind} BETWEEN {bounds[0]} AND CURRENT ROW"
        return f"{kind} BETWEEN {bounds[0]} AND {bounds[1]}"

    def _bound(self, spec: exp.WindowSpec, side: str, kind: str, order: exp.Order | None, place: Place) -> str:
        bound_of, direction_of = spec.args.get(side), str(spec.args.get(f"{side}_side") or "").upper()
        if bound_of is None or isinstance(bound_of, str):
            return " ".join(part for part in (str(bound_of or "CURRENT ROW").upper(), direction_of) if part)
        value = self.expressions.value(bound_of, replace(place, calculates=False))
        if kind in ("ROWS", "GROUPS"):
            if not is_whole(value.type):
                raise QueryError(
                    "TYPE_MISMATCH",
                    f"{where(bound_of)}Window frame {kind} value type must be BIGINT (actual {value.type})",
                )
            return f"{value.sql} {direction_of}"
        return f"{self._distance(value, bound_of, order, place)} {direction_of}"

    def _distance(self, value: Value, node: exp.Expr, order: exp.Order | None, place: Place) -> str:
        """Write a distance of RANGE: of the type that is ordered by, or an interval."""
        if order is None or len(order.expressions) != 1:
            raise QueryError(
                "INVALID_ORDER_BY",
                f"{where(node)}Window frame of type RANGE PRECEDING or FOLLOWING requires single sort item in ORDER BY",
            )
        key = self.expressions.value(order.expressions[0].this, place).type
        if is_whole(key) and is_whole(value.type):
            return turned(value, common(key, value.type) or BIGINT).sql
        if key.name in ("date", "timestamp") and value.type.name.startswith("interval"):
            called = "to_milliseconds" if value.type.name.endswith("second") else "to_months"
            return f"{called}({value.sql})"
        raise not_run(f"{where(node)}RANGE by {value.type} over {key}")

    def _grouping(self, call: Modified, place: Place) -> Value:
        if not place.keys or call.window is not None:
            raise QueryError(
                "MISSING_GROUP_BY",
                f"{where(call.call)}A GROUPING() operation can only be used with a corresponding GROUPING "
                f"SET/CUBE/ROLLUP/GROUP BY clause",
            )
        values = []
        for part in call.call.expressions:
            value = self.expressions.value(part, place.as_key())
            if value.sql not in place.keys:
                raise QueryError(
                    "INVALID_ARGUMENTS",
                    f"{where(part)}The arguments to GROUPING() must be expressions referenced by the GROUP BY at the "
                    f"query's level. Mismatch due to {part.sql('trino')}.",
                )
            values.append(value.sql)
        return Value(f"CAST(grouping({', '.join(values)}) AS INTEGER)", INTEGER)


def sortable(value: Value, node: exp.Expr) -> Value:
    """Check that values of a type have an order, or are told apart, alike by both engines."""
    if value.type.name in ("map", "json"):
        raise not_run(f"{where(node)}an order or a grouping of {value.type}")
    return value


def direction(item: exp.Ordered) -> str:
    """Write ASC or DESC, and where NULL comes."""
    return f"{'DESC' if item.args.get('desc') else 'ASC'} NULLS {'FIRST' if item.args.get('nulls_first') else 'LAST'}"


def _taken_apart(node: exp.Expr) -> Modified:
    """Look at what stands around a call, from the outside in."""
    found: dict[str, Any] = {}
    inner = node
    while not isinstance(inner, exp.Anonymous):
        if isinstance(inner, exp.Window):
            found["window"] = inner
        elif isinstance(inner, exp.Filter):
            found["condition"] = inner.expression.this
        elif isinstance(inner, exp.WithinGroup):
            found["order"] = inner.expression
        elif isinstance(inner, exp.IgnoreNulls):
            found["ignores_nulls"] = True
        elif not isinstance(inner, exp.RespectNulls):
            raise not_run(f"{where(node)}{inner.key.upper()} OVER")
        inner = inner.this
    if len(inner.expressions) == 1 or isinstance(inner.expressions[-1] if inner.expressions else None, exp.Order):
        inner, order = _without_order(inner)
        if order is not None:
            found["order"] = order
    if len(inner.expressions) == 1 and isinstance(inner.expressions[0], exp.Distinct):
        distinct = inner.expressions[0]
        inner = _with_arguments(inner, distinct.expressions)
        found["distinct"] = True
    return Modified(inner, **found)


def _without_order(call: exp.Anonymous) -> tuple[exp.Anonymous, exp.Order | None]:
    last = call.expressions[-1]
    if not isinstance(last, exp.Order):
        return call, None
    return _with_arguments(call, [*call.expressions[:-1], last.this]), last


def _with_arguments(call: exp.Anonymous, arguments: Sequence[exp.Expr]) -> exp.Anonymous:
    """Make the same call of other arguments, at the same place in the query's text."""
    made_of = call.copy()
    made_of.set("expressions", [argument.copy() for argument in arguments])
    made_of.parent = call.parent
    return made_of
