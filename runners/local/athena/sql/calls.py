"""Translates calls of functions: finds the way to call one that takes these arguments, or says what is wrong with it.

A name that Trino does not know, one that is not known here, and arguments of other types are three errors.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sqlglot import exp

from runners.local.athena.sql.aggregates import (
    AGGREGATES,
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
    BOOLEAN,
    UNKNOWN,
    Type,
    common,
    row,
    stored,
    turns_into,
    varchar,
)
from runners.local.athena.sql.values import Value, text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from runners.local.athena.sql.aggregations import Aggregations
    from runners.local.athena.sql.expressions import Expressions
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


class Calls:
    """The calls of one statement."""

    aggregations: Aggregations
    expressions: Expressions

    def call(self, node: exp.Anonymous, place: Place) -> Value:
        """Translate a call without anything around it."""
        name = node.name.lower()
        if name in AGGREGATES or name in WINDOWS or name == "grouping":
            return self.aggregations.modified(node, place)
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
            raise self.unknown(name, node)
        if name == "concat" and len(values) < 2:  # noqa: PLR2004
            problem = "There must be two or more concatenation arguments"
            raise QueryError("INVALID_FUNCTION_ARGUMENT", f"{where(node)}{problem}")
        matched = self.matched(functions, [None if value is None else value.type for value in values], node)
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

    def matched(self, functions: Sequence[Function], types: Sequence[Type | None], node: exp.Expr) -> Matched:
        """Find the way to call a function that takes arguments of these types, or say what it takes."""
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

    def unknown(self, name: str, node: exp.Expr) -> QueryError:
        """Say that there is no such function, or none that is run here."""
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


def variables_at(place: Place, count: int) -> list[str]:
    """Name the parameters of a lambda so that those of the lambdas around it keep theirs."""
    return [f"x{place.depth + number}" for number in range(count)]


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
