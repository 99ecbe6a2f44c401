"""Translates expressions, one node after the other, each with Trino's type of it.

What has no entry in ``_WRITERS`` is refused by its name: nothing is let through because sqlglot or DuckDB happens to
know it. Calls of functions stand in ``calls``, queries in ``queries``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from runners.local.athena.sql import operators
from runners.local.athena.sql.casts import NoCastError, cast, turned
from runners.local.athena.sql.errors import QueryError, not_run
from runners.local.athena.sql.scopes import Place, Scope, named, names_of, resolved, where
from runners.local.athena.sql.times import interval_literal, timestamp_literal
from runners.local.athena.sql.types import (
    BIGINT,
    BOOLEAN,
    DATE,
    DOUBLE,
    INTEGER,
    JSON,
    TIMESTAMP,
    UNKNOWN,
    VARBINARY,
    VARCHAR,
    Type,
    array,
    common,
    common_of_all,
    decimal,
    field_names,
    primitive,
    row,
    stored,
    unknown_type,
    varchar,
    zoned,
)
from runners.local.athena.sql.values import Value, text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from runners.local.athena.sql.aggregations import Aggregations
    from runners.local.athena.sql.calls import Calls
    from runners.local.athena.sql.queries import Queries

GREATEST_INTEGER = 2**31 - 1
GREATEST_BIGINT = 2**63 - 1
MOST_DIGITS = 38
SYNTAX_OF_KIND = {
    exp.EQ: "=", exp.NEQ: "<>", exp.LT: "<", exp.LTE: "<=", exp.GT: ">", exp.GTE: ">=",
    exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/", exp.Mod: "%",
}  # fmt: skip


class Expressions:
    """The expressions of one statement; the others are set by what puts them together."""

    aggregations: Aggregations
    calls: Calls
    queries: Queries

    def __init__(self, parameters: Sequence[exp.Expr]) -> None:
        self._parameters = list(parameters)

    def value(self, node: exp.Expr, place: Place) -> Value:
        """Translate an expression."""
        if place.keys is not None and (key := self._as_key(node, place)) is not None:
            return key
        writer = _WRITERS.get(type(node))
        if writer is None:
            raise not_run(f"{where(node)}{named(node)}")
        try:
            made: Value = writer(self, node, place)
        except QueryError as error:
            if error.message.startswith("line "):
                raise
            raise QueryError(error.kind, where(node) + error.message) from None
        return made

    def condition(self, node: exp.Expr, place: Place, complaint: str) -> str:
        """Translate what must be a boolean; ``complaint`` says so, ``{}`` is the type that it is instead."""
        value = self.value(node, place)
        if value.type not in (BOOLEAN, UNKNOWN):
            raise QueryError("TYPE_MISMATCH", where(node) + complaint.format(value.type))
        return turned(value, BOOLEAN).sql

    def alike(self, nodes: Sequence[exp.Expr], place: Place, what: str) -> list[Value]:
        """Translate what must be of one type, and make it so; ``what`` is what Trino calls them."""
        values = [self.value(node, place) for node in nodes]
        return self.unified(values, nodes, what)

    def unified(self, values: Sequence[Value], nodes: Sequence[exp.Expr], what: str) -> list[Value]:
        """Bring values to the type that they have in common."""
        of = common_of_all(value.type for value in values)
        if of is None:
            names = list(dict.fromkeys(str(value.type) for value in values))
            one, other = _that_differ([value.type for value in values])
            raise QueryError(
                "TYPE_MISMATCH",
                f"{where(nodes[0])}{what} must be the same type or coercible to a common type. Cannot find common type "
                f"between {one} and {other}, all types (without duplicates): [{', '.join(names)}]",
            )
        return [turned(value, of) for value in values]

    def _as_key(self, node: exp.Expr, place: Place) -> Value | None:
        """Translate what a query is grouped by; None if it is not."""
        assert place.keys is not None  # noqa: S101 - asked by the caller
        if any(isinstance(part, (exp.Query, exp.Window)) for part in node.walk()) or not place.keys:
            return None
        try:
            value = self.value(node, place.as_key())
        except QueryError:
            return None
        return value if value.sql in place.keys else None

    # Names and literals

    def _column(self, node: exp.Column, place: Place) -> Value:
        if isinstance(node.this, exp.Star):
            raise QueryError("SYNTAX_ERROR", f"{where(node)}mismatched input '*'")
        return self._named(names_of(node), node, place)

    def _identifier(self, node: exp.Identifier, place: Place) -> Value:
        return self._named([node.name.lower()], node, place)

    def _named(self, names: list[str], node: exp.Expr, place: Place) -> Value:
        value, rest, is_own = resolved(names, place, where(node))
        if is_own and place.keys is not None:
            raise QueryError(
                "EXPRESSION_NOT_AGGREGATE",
                f"{where(node)}'{node.sql('trino')}' must be an aggregate expression or appear in GROUP BY clause",
            )
        for place_of, name in enumerate(rest):
            value = self._field(value, name, ".".join(names[: len(names) - len(rest) + place_of]), node)
        return value

    def _field(self, value: Value, name: str, written: str, node: exp.Expr) -> Value:
        if value.type.name != "row":
            raise QueryError("TYPE_MISMATCH", f"{where(node)}Expression {written} is not of type ROW")
        for place, (field, of) in enumerate(zip(value.type.fields, value.type.arguments, strict=True)):
            if field == name:
                return Value(f"struct_extract({value.sql}, {text(field_names(value.type)[place])})", of)
        raise QueryError("COLUMN_NOT_FOUND", f"{where(node)}Column '{name}' cannot be resolved")

    def _dot(self, node: exp.Dot, place: Place) -> Value:
        return self._field(self.value(node.this, place), node.expression.name.lower(), node.this.sql("trino"), node)

    def _literal(self, node: exp.Literal, _: Place) -> Value:
        if node.is_string:
            return Value(f"CAST({text(node.name)} AS VARCHAR)", varchar(len(node.name)), node.name)
        return number(node.name, where(node))

    def _boolean(self, node: exp.Boolean, _: Place) -> Value:
        return Value("true" if node.this else "false", BOOLEAN)

    def _null(self, *_: Any) -> Value:
        return Value("CAST(NULL AS INTEGER)", UNKNOWN)

    def _binary(self, node: exp.HexString, _: Place) -> Value:
        if node.root().meta.get("sql", "")[node.meta.get("start", 0) :].startswith("0"):
            raise not_run("a whole number in hexadecimal digits")
        digits = re.sub(r"\s", "", node.name)
        if len(digits) % 2 or not re.fullmatch("[0-9A-Fa-f]*", digits):
            raise QueryError(
                "INVALID_LITERAL", f"{where(node)}Binary literal must contain an even number of hex digits"
            )
        return Value(f"unhex({text(digits)})", VARBINARY)

    def _placeholder(self, node: exp.Placeholder, _: Place) -> Value:
        place_of = node.meta["place"]
        if place_of >= len(self._parameters):
            raise QueryError(
                "INVALID_PARAMETER_USAGE",
                f"{where(node)}Incorrect number of parameters: expected {place_of + 1} but found "
                f"{len(self._parameters)}",
            )
        return self.value(self._parameters[place_of], Place(Scope(()), "A parameter"))

    def _array(self, node: exp.Array, place: Place) -> Value:
        items = self.alike(node.expressions, place, "All ARRAY elements")
        of = items[0].type if items else UNKNOWN
        listed = f"[{', '.join(item.sql for item in items)}]"
        return Value(f"CAST({listed} AS {stored(array(of))})" if not items else listed, array(of))

    def _row(self, node: exp.Expr, place: Place) -> Value:
        return self.calls.row([self.value(part, place) for part in node.expressions])

    def _interval(self, node: exp.Interval, _: Place) -> Value:
        return interval_literal(node, where(node))

    # Operators

    def _paren(self, node: exp.Paren, place: Place) -> Value:
        return self.value(node.this, place)

    def _arithmetic(self, node: exp.Binary, place: Place) -> Value:
        left, right = self.value(node.this, place), self.value(node.expression, place)
        sign = SYNTAX_OF_KIND[type(node)]
        found = operators.calculated(sign, left, right)
        if found is None:
            raise self._mismatch(node, sign, left, right)
        return found

    def _comparison(self, node: exp.Binary, place: Place) -> Value:
        quantified = _quantified(node.expression)
        if quantified is not None:
            return self._compared_with_all(node, *quantified, place)
        left, right = self.value(node.this, place), self.value(node.expression, place)
        return self.compared(SYNTAX_OF_KIND[type(node)], left, right, node)

    def compared(self, sign: str, left: Value, right: Value, node: exp.Expr) -> Value:
        """Compare two values, brought to one type."""
        for value in (left, right):
            operators.refuse_comparison_of(value.type)
        of = common(left.type, right.type)
        if of is None:
            raise self._mismatch(node, sign, left, right)
        return Value(operators.compared(sign, turned(left, of), turned(right, of)), BOOLEAN)

    def _mismatch(self, node: exp.Expr, sign: str, left: Value, right: Value) -> QueryError:
        return QueryError("TYPE_MISMATCH", f"{where(node)}Cannot apply operator: {left.type} {sign} {right.type}")

    def _compared_with_all(self, node: exp.Binary, word: str, query: exp.Expr, place: Place) -> Value:
        left = self.value(node.this, place)
        inner = self.queries.single_column(query, place.scope, f"{where(node)}")
        of = common(left.type, inner.columns[0].type)
        sign = SYNTAX_OF_KIND[type(node)]
        if of is None:
            raise self._mismatch(node, sign, left, Value("", inner.columns[0].type))
        operators.refuse_comparison_of(of)
        return Value(f"({turned(left, of).sql} {sign} {word} ({self.queries.turned(inner, [of])}))", BOOLEAN)

    def _distinct(self, node: exp.Binary, place: Place) -> Value:
        left, right = self.value(node.this, place), self.value(node.expression, place)
        of = common(left.type, right.type)
        word = "IS DISTINCT FROM" if isinstance(node, exp.NullSafeNEQ) else "IS NOT DISTINCT FROM"
        if of is None:
            raise self._mismatch(node, "IS DISTINCT FROM", left, right)
        if of.name in ("map", "char"):
            raise not_run(f"{where(node)}IS DISTINCT FROM of {of}")
        return Value(f"({turned(left, of).sql} {word} {turned(right, of).sql})", BOOLEAN)

    def _negation(self, node: exp.Neg, place: Place) -> Value:
        if isinstance(node.this, exp.Literal) and node.this.name == str(GREATEST_BIGINT + 1):
            return Value(f"CAST(-{node.this.name} AS BIGINT)", BIGINT)
        value = self.value(node.this, place)
        if not operators.is_negated(value.type):
            raise QueryError("TYPE_MISMATCH", f"{where(node)}Cannot negate {value.type}")
        return Value(f"(- {value.sql})", value.type)

    def _joined(self, node: exp.DPipe, place: Place) -> Value:
        return self.calls.of_values("concat", [self.value(part, place) for part in (node.this, node.expression)], node)

    def _and_or(self, node: exp.Connector, place: Place) -> Value:
        complaint = "Logical expression term must evaluate to a boolean (actual: {})"
        terms = [self.condition(term, place, complaint) for term in node.flatten(unnest=False)]
        return Value(operators.one_after_the_other(type(node).__name__.upper(), terms), BOOLEAN)

    def _not(self, node: exp.Not, place: Place) -> Value:
        complaint = "Value of logical NOT expression must evaluate to a boolean (actual: {})"
        return Value(f"(NOT {self.condition(node.this, place, complaint)})", BOOLEAN)

    def _is(self, node: exp.Is, place: Place) -> Value:
        if not isinstance(node.expression, exp.Null):
            raise QueryError("SYNTAX_ERROR", f"{where(node)}mismatched input '{node.expression.sql('trino')}'")
        negated = "NOT " if node.args.get("negate") else ""
        return Value(f"({self.value(node.this, place).sql} IS {negated}NULL)", BOOLEAN)

    def _between(self, node: exp.Between, place: Place) -> Value:
        if node.args.get("symmetric"):
            raise not_run(f"{where(node)}BETWEEN SYMMETRIC")
        parts = [node.this, node.args["low"], node.args["high"]]
        value, low, high = (self.value(part, place) for part in parts)
        of = common_of_all(part.type for part in (value, low, high))
        if of is None:
            raise QueryError(
                "TYPE_MISMATCH",
                f"{where(node)}Cannot check if {value.type} is BETWEEN {low.type} and {high.type}",
            )
        _refuse_random(value)
        value, low, high = (turned(part, of) for part in (value, low, high))
        return Value(f"({operators.compared('>=', value, low)} AND {operators.compared('<=', value, high)})", BOOLEAN)

    def _in(self, node: exp.In, place: Place) -> Value:
        query = node.args.get("query")
        if query is not None:
            return self._in_query(node, query.unnest(), place)
        if not node.expressions:
            raise not_run(f"{where(node)}IN UNNEST")
        what = "IN value and list items"
        value, *items = self.alike([node.this, *node.expressions], place, what)
        operators.refuse_comparison_of(value.type)
        if value.type.name in ("row", "array", "real", "double"):
            _refuse_random(value)
            terms = " OR ".join(operators.compared("=", value, item) for item in items)
            return Value(f"({terms})", BOOLEAN)
        return Value(f"({value.sql} IN ({', '.join(item.sql for item in items)}))", BOOLEAN)

    def _in_query(self, node: exp.In, query: exp.Expr, place: Place) -> Value:
        value = self.value(node.this, place)
        if value.type.name == "row":
            raise not_run(f"{where(node)}IN of a row and a subquery", "use EXISTS")
        inner = self.queries.single_column(query, place.scope, where(node))
        of = common(value.type, inner.columns[0].type)
        if of is None:
            raise QueryError(
                "TYPE_MISMATCH",
                f"{where(node)}Value expression and result of subquery must be of the same type: "
                f"{value.type} vs {inner.columns[0].type}",
            )
        operators.refuse_comparison_of(of)
        if of.name in ("array", "row"):
            raise not_run(f"{where(node)}IN of {of} and a subquery")
        return Value(f"({turned(value, of).sql} IN ({self.queries.turned(inner, [of])}))", BOOLEAN)

    def _exists(self, node: exp.Exists, place: Place) -> Value:
        return Value(f"EXISTS ({self.queries.query(node.this, place.scope).sql})", BOOLEAN)

    def _subquery(self, node: exp.Subquery, place: Place) -> Value:
        inner = self.queries.single_column(node, place.scope, where(node))
        return Value(f"({inner.sql})", inner.columns[0].type)

    def _like(self, node: exp.Like, place: Place, escape: exp.Expr | None = None) -> Value:
        value, pattern = self.value(node.this, place), self.value(node.expression, place)
        for side, what in ((value, "Left side"), (pattern, "Pattern for")):
            if side.type.name not in ("varchar", "unknown"):
                verb = "of LIKE expression" if what == "Left side" else "LIKE expression"
                raise QueryError(
                    "TYPE_MISMATCH", f"{where(node)}{what} {verb} must evaluate to a varchar (actual: {side.type})"
                )
        value, pattern = (turned(side, VARCHAR) for side in (value, pattern))
        like = "NOT LIKE" if node.args.get("negate") else "LIKE"
        if escape is None:
            return Value(f"({value.sql} {like} {pattern.sql})", BOOLEAN)
        sign = self.value(escape, place)
        _check_escape(pattern.constant, sign.constant, where(node))
        return Value(f"({value.sql} {like} {pattern.sql} ESCAPE {text(sign.constant or '')})", BOOLEAN)

    def _escape(self, node: exp.Escape, place: Place) -> Value:
        if not isinstance(node.this, exp.Like):
            raise not_run(f"{where(node)}{named(node.this)}")
        return self._like(node.this, place, node.expression)

    def _subscript(self, node: exp.Bracket, place: Place) -> Value:
        if len(node.expressions) != 1 or isinstance(node.expressions[0], exp.Slice):
            raise QueryError("SYNTAX_ERROR", f"{where(node)}mismatched input '['")
        value, index = self.value(node.this, place), self.value(node.expressions[0], place)
        if value.type.name == "row":
            return self._by_place(value, node)
        return self.calls.of_values("$subscript", [value, index], node)

    def _by_place(self, value: Value, node: exp.Bracket) -> Value:
        """Read a field of a row by its place, from 1 on."""
        index = node.expressions[0]
        place = int(index.name) if isinstance(index, exp.Literal) and index.name.isdigit() else 0
        if not 0 < place <= len(value.type.arguments):
            raise QueryError(
                "INVALID_FUNCTION_ARGUMENT",
                f"{where(node)}ROW index must be a literal from 1 to {len(value.type.arguments)}",
            )
        name = field_names(value.type)[place - 1]
        return Value(f"struct_extract({value.sql}, {text(name)})", value.type.arguments[place - 1])

    def _at_time_zone(self, node: exp.AtTimeZone, place: Place) -> Value:
        parts = [self.value(node.this, place), self.value(node.args["zone"], place)]
        return self.calls.of_values("at_timezone", parts, node)

    # Choices

    def _case(self, node: exp.Case, place: Place) -> Value:
        branches = node.args["ifs"]
        default = node.args.get("default")
        results = [branch.args["true"] for branch in branches] + ([default] if default is not None else [])
        values = self.alike(results, place, "All CASE results")
        conditions = [self._when(node.this, branch.this, place) for branch in branches]
        written = " ".join(
            f"WHEN {condition} THEN {value.sql}" for condition, value in zip(conditions, values, strict=False)
        )
        otherwise = f" ELSE {values[-1].sql}" if default is not None else ""
        return Value(f"(CASE {written}{otherwise} END)", values[0].type)

    def _when(self, operand: exp.Expr | None, condition: exp.Expr, place: Place) -> str:
        if operand is None:
            return self.condition(condition, place, "CASE WHEN clause must evaluate to a boolean (actual: {})")
        one, other = self.value(operand, place), self.value(condition, place)
        _refuse_random(one)
        return self.compared("=", one, other, condition).sql

    def _if(self, node: exp.If, place: Place) -> Value:
        condition = self.condition(node.this, place, "IF condition must evaluate to a boolean (actual: {})")
        otherwise = node.args.get("false")
        parts = [node.args["true"]] + ([otherwise] if otherwise is not None else [])
        values = self.alike(parts, place, "Result types for IF")
        rest = f" ELSE {values[1].sql}" if otherwise is not None else ""
        return Value(f"(CASE WHEN {condition} THEN {values[0].sql}{rest} END)", values[0].type)

    # Casts

    def _cast(self, node: exp.Cast, place: Place) -> Value:
        if node.meta.get("literal"):
            return self._typed_literal(node, place)
        value, to = self.value(node.this, place), asked_type(node.to, where(node))
        try:
            made = cast(value, to)
        except NoCastError:
            raise QueryError("TYPE_MISMATCH", f"{where(node)}Cannot cast {value.type} to {to}") from None
        if isinstance(node, exp.TryCast):
            return Value(f"TRY({made.sql})", made.type)
        return made

    def _typed_literal(self, node: exp.Cast, place: Place) -> Value:
        """Read DATE '2024-01-31' and the like, whose type depends on what is written."""
        kind, written = node.to.this, node.this.name
        if kind in (exp.DType.TIMESTAMP, exp.DType.TIMESTAMPTZ, exp.DType.TIMESTAMPNTZ):
            return timestamp_literal(written, where(node))
        if kind == exp.DType.DATE:
            if not re.fullmatch(r"\s*\d{4}-\d{1,2}-\d{1,2}\s*", written):
                raise QueryError("INVALID_LITERAL", f"{where(node)}'{written}' is not a valid DATE literal")
            return cast(self.value(node.this, place), DATE)
        if kind == exp.DType.DECIMAL:
            return decimal_literal(written, where(node))
        if kind == exp.DType.JSON:
            return Value(f"trino_json_parse({self.value(node.this, place).sql})", JSON)
        return cast(self.value(node.this, place), asked_type(node.to, where(node)))

    # What has a syntax of its own

    def _extract(self, node: exp.Extract, place: Place) -> Value:
        return self.calls.of_values(node.this.name.lower(), [self.value(node.expression, place)], node)

    def _trim(self, node: exp.Trim, place: Place) -> Value:
        name = {"LEADING": "ltrim", "TRAILING": "rtrim"}.get(str(node.args.get("position") or "").upper(), "trim")
        parts = [node.this] + ([node.expression] if node.expression is not None else [])
        return self.calls.of_values(name, [self.value(part, place) for part in parts], node)

    def _substring(self, node: exp.Substring, place: Place) -> Value:
        parts = [node.this, node.args["start"], node.args.get("length")]
        return self.calls.of_values("substring", [self.value(part, place) for part in parts if part is not None], node)

    def _position(self, node: exp.StrPosition, place: Place) -> Value:
        return self.calls.of_values(
            "strpos", [self.value(part, place) for part in (node.this, node.args["substr"])], node
        )

    def _now(self, node: exp.Expr, _: Place) -> Value:
        if isinstance(node, exp.CurrentDate):
            return Value("CAST(get_current_timestamp() AT TIME ZONE 'UTC' AS DATE)", DATE)
        if isinstance(node, exp.Localtimestamp):
            return Value("date_trunc('milliseconds', get_current_timestamp() AT TIME ZONE 'UTC')", TIMESTAMP)
        return Value("trino_rounded(get_current_timestamp(), 1000)", zoned(3, "UTC"))

    # Calls

    def _call(self, node: exp.Anonymous, place: Place) -> Value:
        return self.calls.call(node, place)

    def _modified(self, node: exp.Expr, place: Place) -> Value:
        return self.aggregations.modified(node, place)


def _refuse_random(value: Value) -> None:
    """Refuse a random number that would be drawn more than once."""
    if "random()" in value.sql:
        raise not_run("a random number that is compared several times", "take it from a subquery")


def _quantified(node: exp.Expr) -> tuple[str, exp.Expr] | None:
    """Take ALL (…) and ANY (…) apart; sqlglot takes the former for a function before VALUES."""
    if isinstance(node, (exp.Any, exp.All)):
        query = node.this.unnest() if isinstance(node.this, exp.Subquery) else node.this
        return ("ANY" if isinstance(node, exp.Any) else "ALL"), query
    if isinstance(node, exp.Anonymous) and node.name.lower() == "all" and len(node.expressions) == 1:
        return "ALL", node.expressions[0]
    return None


def number(written: str, at: str) -> Value:
    """Read a number: whole, a decimal with a point, a double with an exponent."""
    if re.fullmatch(r"\d+", written):
        if int(written) > GREATEST_BIGINT:
            raise QueryError("INVALID_LITERAL", f"{at}Invalid numeric literal: {written}")
        of = INTEGER if int(written) <= GREATEST_INTEGER else BIGINT
        return Value(f"CAST({int(written)} AS {stored(of)})", of)
    if "e" in written.lower():
        return Value(f"CAST({text(written)} AS DOUBLE)", DOUBLE)
    return decimal_literal(written, at)


def decimal_literal(written: str, at: str) -> Value:
    """Read a decimal, whose digits say its type; zeros before the point are none."""
    found = re.fullmatch(r"([+-]?)0*(\d*)(?:\.(\d*))?", written.strip())
    if found is None or not any(character.isdigit() for character in written):
        raise QueryError("INVALID_LITERAL", f"{at}'{written}' is not a valid DECIMAL literal")
    fraction = found[3] or ""
    digits = max(len(found[2]) + len(fraction), 1)
    if digits > MOST_DIGITS:
        raise QueryError("INVALID_LITERAL", f"{at}'{written}' is not a valid DECIMAL literal")
    of = decimal(digits, len(fraction))
    exact = f"{found[1].replace('+', '')}{found[2] or '0'}{'.' + fraction if fraction else ''}"
    return Value(f"CAST({text(exact)} AS {stored(of)})", of)


def asked_type(node: exp.DataType, at: str) -> Type:
    """Read the type that a CAST asks for."""
    try:
        return _asked(node)
    except QueryError as error:
        raise QueryError(error.kind, at + error.message) from None


_NAMES: Mapping[exp.DType, str] = {
    exp.DType.INT: "integer", exp.DType.FLOAT: "real", exp.DType.TIMESTAMPTZ: "timestamp with time zone",
    exp.DType.TIMESTAMPNTZ: "timestamp", exp.DType.TIMETZ: "time with time zone", exp.DType.STRUCT: "row",
}  # fmt: skip


def _asked(node: exp.DataType) -> Type:
    if not isinstance(node.this, exp.DType):
        return primitive(node.this.sql("trino").lower())
    if node.this == exp.DType.TEXT:
        raise unknown_type("string")
    name = _NAMES.get(node.this, node.this.value.lower())
    if name in ("array", "map"):
        return Type(name, tuple(_asked(part) for part in node.expressions))
    if name == "row":
        return row(
            (part.name.lower(), _asked(part.args["kind"])) if isinstance(part, exp.ColumnDef) else (None, _asked(part))
            for part in node.expressions
        )
    return primitive(name, tuple(int(part.name) for part in node.expressions))


def _that_differ(types: Sequence[Type]) -> tuple[Type, Type]:
    found = UNKNOWN
    for of in types:
        both = common(found, of)
        if both is None:
            return found, of
        found = both
    return types[0], types[-1]


def _check_escape(pattern: str | None, escape: str | None, at: str) -> None:
    """Trino lets nothing but a wildcard and the sign itself be escaped, and takes one character for it."""
    if pattern is None or escape is None:
        raise not_run(f"{at}LIKE … ESCAPE with a pattern that is no literal")
    if len(escape) != 1:
        raise QueryError("INVALID_FUNCTION_ARGUMENT", f"{at}Escape string must be a single character")
    if re.search(f"{re.escape(escape)}(?![%_{re.escape(escape)}])", re.sub(re.escape(escape) * 2, "", pattern)):
        raise QueryError(
            "INVALID_FUNCTION_ARGUMENT",
            f"{at}Escape character must be followed by '%', '_' or the escape character itself",
        )


_WRITERS: dict[type[exp.Expr], Any] = {
    exp.Column: Expressions._column,
    exp.Identifier: Expressions._identifier,
    exp.Dot: Expressions._dot,
    exp.Literal: Expressions._literal,
    exp.Boolean: Expressions._boolean,
    exp.Null: Expressions._null,
    exp.HexString: Expressions._binary,
    exp.Placeholder: Expressions._placeholder,
    exp.Array: Expressions._array,
    exp.Tuple: Expressions._row,
    exp.Interval: Expressions._interval,
    exp.Paren: Expressions._paren,
    **dict.fromkeys((exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Mod), Expressions._arithmetic),
    **dict.fromkeys((exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE), Expressions._comparison),
    exp.NullSafeEQ: Expressions._distinct,
    exp.NullSafeNEQ: Expressions._distinct,
    exp.Neg: Expressions._negation,
    exp.DPipe: Expressions._joined,
    exp.And: Expressions._and_or,
    exp.Or: Expressions._and_or,
    exp.Not: Expressions._not,
    exp.Is: Expressions._is,
    exp.Between: Expressions._between,
    exp.In: Expressions._in,
    exp.Exists: Expressions._exists,
    exp.Subquery: Expressions._subquery,
    exp.Like: Expressions._like,
    exp.Escape: Expressions._escape,
    exp.Bracket: Expressions._subscript,
    exp.AtTimeZone: Expressions._at_time_zone,
    exp.Case: Expressions._case,
    exp.If: Expressions._if,
    exp.Cast: Expressions._cast,
    exp.TryCast: Expressions._cast,
    exp.Extract: Expressions._extract,
    exp.Trim: Expressions._trim,
    exp.Substring: Expressions._substring,
    exp.StrPosition: Expressions._position,
    exp.CurrentDate: Expressions._now,
    exp.CurrentTimestamp: Expressions._now,
    exp.Localtimestamp: Expressions._now,
    exp.Anonymous: Expressions._call,
    **dict.fromkeys(
        (exp.Window, exp.Filter, exp.WithinGroup, exp.IgnoreNulls, exp.RespectNulls), Expressions._modified
    ),
}
