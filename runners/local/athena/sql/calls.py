"""Translates calls of functions: finds the way to call one that takes these arguments, or says what is wrong with it.

A name that Trino does not know, one that is not known here, and arguments of other types are three errors.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from runners.local.athena.sql.aggregates import (
    AGGREGATES,
    ALONE,
    MAY_IGNORE_NULLS,
    NOT_DISTINCT,
    OF_FRAMES,
    ORDERED,
    WINDOWS,
)
from runners.local.athena.sql.casts import turned
from runners.local.athena.sql.errors import QueryError, not_run
from runners.local.athena.sql.functions import SCALARS
from runners.local.athena.sql.known_names import KNOWN_TO_TRINO
from runners.local.athena.sql.operators import calculated
from runners.local.athena.sql.scopes import where
from runners.local.athena.sql.signatures import bound, made, matching
from runners.local.athena.sql.types import (
    BIGINT,
    BOOLEAN,
    INTEGER,
    UNKNOWN,
    Type,
    common,
    is_whole,
    row,
    stored,
    turns_into,
    varchar,
)
from runners.local.athena.sql.values import Value, text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from runners.local.athena.sql.expressions import Expressions
    from runners.local.athena.sql.queries import Queries
    from runners.local.athena.sql.scopes import Place
    from runners.local.athena.sql.signatures import Function, Matched


# Functions that Trino takes other arguments for as well, which are not run here.
OTHERWISE_TAKEN = frozenset(
    {
        "approx_distinct", "approx_percentile", "array_max", "array_min", "array_sort", "from_unixtime", "from_utf8",
        "greatest", "histogram", "least", "listagg", "max", "max_by", "min", "min_by", "random", "rand",
        "regexp_replace", "sequence", "strpos", "truncate",
    }
)  # fmt: skip


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


class Calls:
    """The calls of one statement."""

    expressions: Expressions
    queries: Queries

    def call(self, node: exp.Anonymous, place: Place) -> Value:
        """Translate a call without anything around it."""
        name = node.name.lower()
        if name in AGGREGATES or name in WINDOWS or name == "grouping":
            return self.modified(node, place)
        special = _SPECIAL.get(name)
        if special is not None:
            return special(self, node, place)
        values = [
            None if isinstance(part, exp.Lambda) else self.expressions.value(part, place) for part in node.expressions
        ]
        return self._scalar(name, values, node, place)

    def of_values(self, name: str, values: Sequence[Value], node: exp.Expr) -> Value:
        """Call a function of what is translated before: operators and syntax of their own are calls as well."""
        return self._scalar(name, list(values), node, None)

    def _scalar(self, name: str, values: list[Value | None], node: exp.Expr, place: Place | None) -> Value:
        functions = SCALARS.get(name)
        if functions is None:
            raise self._unknown(name, node)
        matched = self._matched(functions, [None if value is None else value.type for value in values], node)
        arguments = []
        for number, value in enumerate(values):
            if value is None:
                assert place is not None  # noqa: S101 - lambdas stand in calls alone
                arguments.append(self._lambda(node.expressions[number], matched, number, place))
            else:
                arguments.append(turned(value, matched.wanted(number, value.type)))
        return self._written(matched, arguments)

    def _written(self, matched: Matched, arguments: Sequence[Value]) -> Value:
        of = matched.function.type(matched.bindings, arguments)
        return Value(matched.function.write(matched.bindings, arguments), of)

    def _matched(self, functions: Sequence[Function], types: Sequence[Type | None], node: exp.Expr) -> Matched:
        if any(of is not None and of.name == "char" for of in types) and functions[0].name != "count":
            raise not_run(f"{where(node)}{functions[0].name}() of a char(n)", "cast it to varchar")
        matched = matching(functions, types)
        if matched is None:
            name = functions[0].name
            given = ", ".join("function" if of is None else str(of) for of in types)
            if name == "$subscript":
                raise QueryError("TYPE_MISMATCH", f"{where(node)}Cannot use {types[1]} for subscript of {types[0]}")
            if name in OTHERWISE_TAKEN:
                raise not_run(f"{where(node)}{name}() of ({given})")
            expected = ", ".join(map(str, functions))
            raise QueryError(
                "FUNCTION_NOT_FOUND",
                f"{where(node)}Unexpected parameters ({given}) for function {name}. Expected: {expected}",
            )
        return matched

    def _unknown(self, name: str, node: exp.Expr) -> QueryError:
        if name in KNOWN_TO_TRINO or name in WINDOWS or name in AGGREGATES:
            return not_run(f"{where(node)}{name}()")
        return QueryError("FUNCTION_NOT_FOUND", f"{where(node)}Function '{name}' not registered")

    def _lambda(self, node: exp.Lambda, matched: Matched, number: int, place: Place) -> Value:
        """Translate a lambda, of whose parameters' types the other arguments have decided."""
        pattern = matched.expected[number]
        *parameters, result = pattern.arguments
        names = variables_at(place, len(parameters))
        types = [made(part, matched.bindings) for part in parameters]
        body = self.body(node, [Value(name, of) for name, of in zip(names, types, strict=True)], place)
        if not bound(result, body.type, matched.bindings):
            raise QueryError(
                "TYPE_MISMATCH", f"{where(node)}Expected a lambda that gives {result}, it gives {body.type}"
            )
        wanted = made(result, matched.bindings)
        return Value(f"lambda {', '.join(names)}: {turned(body, wanted).sql}", wanted)

    def body(self, node: exp.Lambda, variables: Sequence[Value], place: Place) -> Value:
        """Translate the body of a lambda; ``variables`` says how each of its parameters is read."""
        if not isinstance(node, exp.Lambda) or len(node.expressions) != len(variables):
            raise QueryError(
                "INVALID_PARAMETER_USAGE", f"{where(node)}Expected a lambda that takes {len(variables)} argument(s)"
            )
        if any(isinstance(part, exp.Query) for part in node.walk()):
            raise QueryError("NOT_SUPPORTED", f"{where(node)}Lambda expression cannot contain subqueries")
        names = [part.name.lower() for part in node.expressions]
        inner = replace(place.with_variables(dict(zip(names, variables, strict=True))), calculates=False)
        return self.expressions.value(node.this, inner)

    # What is no function like others

    def _coalesce(self, node: exp.Anonymous, place: Place) -> Value:
        if len(node.expressions) < 2:  # noqa: PLR2004
            raise QueryError(
                "INVALID_FUNCTION_ARGUMENT", f"{where(node)}The 'coalesce' function must have at least two arguments"
            )
        values = self.expressions.alike(node.expressions, place, "All COALESCE operands")
        return Value(f"coalesce({', '.join(value.sql for value in values)})", values[0].type)

    def _nullif(self, node: exp.Anonymous, place: Place) -> Value:
        if len(node.expressions) != 2:  # noqa: PLR2004
            raise QueryError(
                "INVALID_FUNCTION_ARGUMENT", f"{where(node)}Invalid number of arguments for 'nullif' function"
            )
        value, other = (self.expressions.value(part, place) for part in node.expressions)
        same = self.expressions.compared("=", value, other, node)
        return Value(f"(CASE WHEN {same.sql} THEN NULL ELSE {value.sql} END)", value.type)

    def _if(self, node: exp.Anonymous, place: Place) -> Value:
        if len(node.expressions) not in (2, 3):
            raise QueryError("INVALID_FUNCTION_ARGUMENT", f"{where(node)}Invalid number of arguments for 'if' function")
        condition, *rest = (part.copy() for part in node.expressions)
        chosen = exp.If(this=condition, true=rest[0], false=rest[1] if len(rest) > 1 else None)
        return self.expressions.value(chosen, place)

    def _try(self, node: exp.Anonymous, place: Place) -> Value:
        if len(node.expressions) != 1:
            raise QueryError(
                "INVALID_FUNCTION_ARGUMENT", f"{where(node)}The 'try' function must have exactly one argument"
            )
        if any(isinstance(part, exp.Query) for part in node.walk()):
            raise not_run(f"{where(node)}try() of a subquery")
        value = self.expressions.value(node.expressions[0], place)
        if "random()" in value.sql:
            raise not_run(f"{where(node)}try() of a random number")
        return Value(f"TRY({value.sql})", value.type)

    def _typeof(self, node: exp.Anonymous, place: Place) -> Value:
        if len(node.expressions) != 1:
            raise QueryError(
                "FUNCTION_NOT_FOUND", f"{where(node)}Unexpected parameters for function typeof. Expected: typeof(T)"
            )
        named = str(self.expressions.value(node.expressions[0], place).type)
        return Value(f"CAST({text(named)} AS VARCHAR)", varchar(len(named)))

    def _mod(self, node: exp.Anonymous, place: Place) -> Value:
        values = [self.expressions.value(part, place) for part in node.expressions]
        made_of = calculated("%", *values) if len(values) == 2 else None  # noqa: PLR2004
        if made_of is None:
            given = ", ".join(str(value.type) for value in values)
            raise QueryError("FUNCTION_NOT_FOUND", f"{where(node)}Unexpected parameters ({given}) for function mod")
        return made_of

    def _row(self, node: exp.Anonymous, place: Place) -> Value:
        return self.row([self.expressions.value(part, place) for part in node.expressions])

    def row(self, values: Sequence[Value]) -> Value:
        """Put values into a row without names."""
        fields = ", ".join(f"field{number} := {value.sql}" for number, value in enumerate(values))
        return Value(f"struct_pack({fields})", row((None, value.type) for value in values))

    def _reduce(self, node: exp.Anonymous, place: Place) -> Value:
        """Fold an array. DuckDB's state has the type of the elements, so each element is put beside a state."""
        if len(node.expressions) != 4 or not all(isinstance(part, exp.Lambda) for part in node.expressions[2:]):  # noqa: PLR2004
            raise QueryError(
                "FUNCTION_NOT_FOUND",
                f"{where(node)}Unexpected parameters for function reduce. Expected: reduce(array(T), S, function(S, "
                f"T, S), function(S, R))",
            )
        items, start = (self.expressions.value(part, place) for part in node.expressions[:2])
        if items.type.name != "array":
            raise QueryError(
                "FUNCTION_NOT_FOUND", f"{where(node)}Unexpected parameters ({items.type}, …) for function reduce"
            )
        step, finish = node.expressions[2:]
        one, other = variables_at(place, 2)
        element = Value(f"{other}.e", items.type.arguments[0])
        state = start.type if start.type != UNKNOWN else element.type
        body = self.body(step, [Value(f"{one}.s", state), element], place)
        if not turns_into(body.type, state):
            wider = common(body.type, state)
            if wider is None:
                raise QueryError(
                    "TYPE_MISMATCH", f"{where(step)}Expected a lambda that gives {state}, it gives {body.type}"
                )
            state = wider
            body = self.body(step, [Value(f"{one}.s", state), element], place)
        kept, item = stored(state), stored(element.type)
        first = f"struct_pack(s := CAST({turned(start, state).sql} AS {kept}), e := CAST(NULL AS {item}))"
        others = f"list_transform({items.sql}, lambda {one}: struct_pack(s := CAST(NULL AS {kept}), e := {one}))"
        folded = f"struct_pack(s := CAST({turned(body, state).sql} AS {kept}), e := CAST(NULL AS {item}))"
        reduced = f"list_reduce(list_prepend({first}, {others}), lambda {one}, {other}: {folded}).s"
        last = self.body(finish, [Value(one, state)], place)
        result = f"(list_transform([{reduced}], lambda {one}: {last.sql}))[1]"
        return Value(f"CASE WHEN {items.sql} IS NOT NULL THEN {result} END", last.type)

    def _zip_with(self, node: exp.Anonymous, place: Place) -> Value:
        values = [self.expressions.value(part, place) for part in node.expressions[:2]]
        if len(node.expressions) != 3 or any(value.type.name != "array" for value in values):  # noqa: PLR2004
            raise QueryError(
                "FUNCTION_NOT_FOUND",
                f"{where(node)}Unexpected parameters for function zip_with. Expected: zip_with(array(T), array(U), "
                f"function(T, U, R))",
            )
        (item,) = variables_at(place, 1)
        parts = [Value(f"{item}.field{number}", value.type.arguments[0]) for number, value in enumerate(values)]
        body = self.body(node.expressions[2], parts, place)
        zipped = self.of_values("zip", values, node)
        return Value(f"list_transform({zipped.sql}, lambda {item}: {body.sql})", Type("array", (body.type,)))

    def _of_map(self, node: exp.Anonymous, place: Place) -> Value:
        """map_filter(), transform_keys() and transform_values(): a lambda over the entries of a map."""
        name, parts = node.name.lower(), node.expressions
        entries = self.expressions.value(parts[0], place) if parts else Value("", UNKNOWN)
        if len(parts) != 2 or entries.type.name != "map" or not isinstance(parts[1], exp.Lambda):  # noqa: PLR2004
            raise QueryError(
                "FUNCTION_NOT_FOUND",
                f"{where(node)}Unexpected parameters for function {name}. Expected: {name}(map(K, V), function(K, V, "
                f"T))",
            )
        key, value = entries.type.arguments
        (entry,) = variables_at(place, 1)
        body = self.body(parts[1], [Value(f"{entry}.key", key), Value(f"{entry}.value", value)], place)
        of, pair = {
            "map_filter": ((key, value), f"struct_pack(k := {entry}.key, v := {entry}.value)"),
            "transform_keys": ((body.type, value), f"struct_pack(k := {body.sql}, v := {entry}.value)"),
            "transform_values": ((key, body.type), f"struct_pack(k := {entry}.key, v := {body.sql})"),
        }[name]
        listed = f"map_entries({entries.sql})"
        if name == "map_filter":
            if body.type not in (BOOLEAN, UNKNOWN):
                raise QueryError(
                    "TYPE_MISMATCH", f"{where(node)}Expected a lambda that gives boolean, it gives {body.type}"
                )
            listed = f"list_filter({listed}, lambda {entry}: {body.sql})"
        return Value(f"trino_map(list_transform({listed}, lambda {entry}: {pair}))", Type("map", of))

    # Aggregates and windows

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
            raise self._unknown(call.name, node)
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
            raise not_run(f"{where(node)}IGNORE NULLS of {call.name}()")
        if call.name == "listagg" and not isinstance(node, (exp.WithinGroup, exp.Filter)):
            raise QueryError("SYNTAX_ERROR", f"{where(node)}mismatched input '<EOF>'. Expecting: 'WITHIN'")

    def _aggregate(self, call: Modified, functions: Sequence[Function], node: exp.Expr, place: Place) -> Value:
        inner = place if call.window is not None else place.inside(f"aggregation '{call.name}'")
        if call.window is not None:
            inner = replace(place, calculates=place.calculates, clause=place.clause)
        parts = [part for part in call.call.expressions if not isinstance(part, exp.Star)]
        if len(parts) < len(call.call.expressions) and call.name != "count":
            raise QueryError("SYNTAX_ERROR", f"{where(node)}mismatched input '*'")
        values = [self.expressions.value(part, inner) for part in parts]
        matched = self._matched(functions, [value.type for value in values], node)
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


def variables_at(place: Place, count: int) -> list[str]:
    """Name the parameters of a lambda so that those of the lambdas around it keep theirs."""
    return [f"x{place.depth + number}" for number in range(count)]


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


_SPECIAL: dict[str, Callable[[Calls, exp.Anonymous, Place], Value]] = {
    "coalesce": Calls._coalesce,
    "nullif": Calls._nullif,
    "if": Calls._if,
    "try": Calls._try,
    "typeof": Calls._typeof,
    "row": Calls._row,
    "mod": Calls._mod,
    "reduce": Calls._reduce,
    "zip_with": Calls._zip_with,
    **dict.fromkeys(("map_filter", "transform_keys", "transform_values"), Calls._of_map),
}
