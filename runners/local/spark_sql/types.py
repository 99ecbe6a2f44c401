"""Says which type Spark gives each expression of a query, because DuckDB would often choose another.

sqlglot resolves the names and carries types from the views' columns upwards; the rules for numbers are Spark's own,
written here. The query itself is left as it was written. This module refuses no query for its types, and produces no
SQL.
"""

from __future__ import annotations

import re
from functools import reduce
from typing import TYPE_CHECKING, Any

from sqlglot import exp
from sqlglot.dialects.spark import Spark
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.qualify import qualify

from runners.errors import LocalAWSError
from runners.local.spark_sql.functions import FUNCTIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

Type = exp.DataType.Type

# The kind of a type. Values of one kind are compared the same way by both engines.
KINDS = {
    Type.INT: "number",
    Type.BIGINT: "number",
    Type.DECIMAL: "number",
    Type.DOUBLE: "double",
    Type.TEXT: "string",
    Type.VARCHAR: "string",
    Type.DATE: "date",
    Type.BOOLEAN: "boolean",
    Type.NULL: "null",
}
WHOLE_DIGITS = {Type.INT: 10, Type.BIGINT: 20}
MOST_DIGITS = 38
LEAST_FRACTION = 6

PLACE, TYPE, OPERANDS = "place", "spark_type", "spark_operands"


class UnsupportedSQLError(LocalAWSError):
    """The query has something in it whose meaning on DuckDB is not known to be Spark's."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"the query cannot run on DuckDB with Spark's meaning: {what}. Write it differently, or run the job "
            "on Spark: set RUNNERS_SQL_ENGINE=spark (needs Java 17 and pip install -e '.[spark]')"
        )


def annotate(tree: exp.Expr, views: Mapping[str, Mapping[str, str]]) -> exp.Expr:
    """Write Spark's type of each expression into its ``meta``; answers a copy in which all names are resolved.

    ``views`` maps the name of each view to its columns and their types in DuckDB's words. Raises
    ``UnsupportedSQLError`` for names that cannot be resolved.
    """
    for place, node in enumerate(tree.walk()):
        node.meta[PLACE] = place
    schema: dict[str, object] = {
        view: {column: exp.DataType.build(kind, dialect="duckdb") for column, kind in columns.items()}
        for view, columns in views.items()
    }
    try:
        resolved = qualify(
            tree.copy(),
            schema=schema,
            dialect="spark",
            quote_identifiers=False,
            validate_qualify_columns=False,
        )
        resolved = annotate_types(resolved, schema=schema, expression_metadata=RULES, dialect="spark")
    except SqlglotError as error:
        raise UnsupportedSQLError(f"its names cannot be resolved ({error})") from error
    known = {node.meta.get(PLACE): node for node in resolved.walk()}
    for node in tree.walk():
        same = known.get(node.meta[PLACE])
        if same is not None and type(same) is type(node):
            node.meta[TYPE] = same.type
            node.meta[OPERANDS] = [(child.type, operand_digits(child)) for child in same.iter_expressions()]
    return resolved


def type_of(node: exp.Expr) -> exp.DataType:
    """Spark's type of an expression that ``annotate`` has seen."""
    if (found := type_if_known(node)) is None:
        raise UnsupportedSQLError(f"the type of {node.sql('spark')} is not known")
    return found


def type_if_known(node: exp.Expr) -> exp.DataType | None:
    """Spark's type of an expression; None for what is no value (a place in GROUP BY) or of a type not held here."""
    found = node.meta.get(TYPE)
    return found if isinstance(found, exp.DataType) and found.this in KINDS else None


def operand_types(node: exp.Expr) -> list[exp.DataType]:
    """Spark's types of an expression's own parts, in their order."""
    return [data_type for data_type, _ in node.meta.get(OPERANDS, ())]


def operand_scales(node: exp.Expr) -> list[int]:
    """How many digits after the point each part of an expression has, in their order."""
    return [scale for _, (_, scale) in node.meta.get(OPERANDS, ())]


def kind_of(data_type: exp.DataType | None) -> str:
    """Say which kind of values a type has; ``unknown`` if it is none of those that are held against Spark."""
    return KINDS.get(data_type.this, "unknown") if data_type is not None else "unknown"


def decimal_digits(data_type: exp.DataType) -> tuple[int, int]:
    """Give precision and scale of a decimal, or those that a whole number has beside a decimal."""
    if data_type.this != Type.DECIMAL:
        return WHOLE_DIGITS.get(data_type.this, 0), 0
    sizes = [int(part.name) for part in data_type.expressions]
    return (sizes[0] if sizes else 10), (sizes[1] if len(sizes) > 1 else 0)


def operand_digits(node: exp.Expr) -> tuple[int, int]:
    """Precision and scale as an operand: a whole number that is written out counts its own digits alone."""
    number = node.this if isinstance(node, exp.Neg) else node
    if isinstance(number, exp.Literal) and not number.is_string and number.name.isdigit():
        return len(number.name.lstrip("0")) or 1, 0
    return decimal_digits(node.type) if node.type is not None else (0, 0)


def _decimal(precision: int, scale: int) -> exp.DataType:
    """Make a decimal as wide as Spark lets it be: it gives up digits after the point, down to six, before others."""
    if precision > MOST_DIGITS:
        scale = max(MOST_DIGITS - (precision - scale), min(scale, LEAST_FRACTION))
    return exp.DataType.build(f"DECIMAL({min(precision, MOST_DIGITS)}, {scale})")


def _capped(precision: int, scale: int) -> exp.DataType:
    return exp.DataType.build(f"DECIMAL({min(precision, MOST_DIGITS)}, {min(scale, MOST_DIGITS)})")


def _common(types: Iterable[exp.DataType | None]) -> exp.DataType | Any:
    """Find the type that holds values of all these types, as CASE, coalesce and UNION want it."""
    known = [data_type for data_type in types if data_type is not None and kind_of(data_type) != "null"]
    if not known:
        return Type.NULL
    return reduce(_wider, known)


def _wider(one: exp.DataType, other: exp.DataType) -> exp.DataType | Any:
    kinds = {kind_of(one), kind_of(other)}
    if "unknown" in kinds or not (len(kinds) == 1 or kinds == {"number", "double"}):
        return exp.DataType.build(Type.UNKNOWN)
    if "double" in kinds:
        return exp.DataType.build(Type.DOUBLE)
    if Type.DECIMAL in (one.this, other.this):
        (p1, s1), (p2, s2) = decimal_digits(one), decimal_digits(other)
        scale = max(s1, s2)
        return _capped(max(p1 - s1, p2 - s2) + scale, scale)
    return other if one.this == Type.INT else one


def _type_literal(self: Any, literal: exp.Expr) -> None:
    if literal.args["is_string"]:
        found = exp.DataType.build(Type.VARCHAR)
    elif literal.name.isdigit() and int(literal.name) != 2**63:  # which is a BIGINT where a minus stands before it
        number = int(literal.name)
        found = (
            exp.DataType.build(Type.INT if number < 2**31 else Type.BIGINT)
            if number < 2**63
            else _capped(len(literal.name), 0)
        )
    elif re.fullmatch(r"\d*\.\d*", literal.name):
        whole, _, fraction = literal.name.partition(".")
        found = _capped(len(whole.lstrip("0")) + len(fraction) or 1, len(fraction))
    else:
        found = exp.DataType.build(Type.UNKNOWN)
    self._set_type(literal, found)


def _type_arithmetic(self: Any, node: exp.Expr) -> None:
    left, right = node.this, node.expression
    kinds = {kind_of(left.type), kind_of(right.type)} - {"null"}
    if "double" in kinds and kinds <= {"double", "number"}:
        found: Any = Type.DOUBLE
    elif kinds != {"number"}:
        found = Type.UNKNOWN
    elif Type.DECIMAL in (left.type.this, right.type.this):
        found = DECIMAL_RULES[type(node)](*operand_digits(left), *operand_digits(right))
    else:
        found = Type.DOUBLE if isinstance(node, exp.Div) else _common([left.type, right.type])
    self._set_type(node, found)


# What Spark makes of decimal(p1, s1) and decimal(p2, s2).
DECIMAL_RULES: dict[type[exp.Expr], Callable[[int, int, int, int], exp.DataType]] = {
    exp.Add: lambda p1, s1, p2, s2: _decimal(max(p1 - s1, p2 - s2) + max(s1, s2) + 1, max(s1, s2)),
    exp.Sub: lambda p1, s1, p2, s2: _decimal(max(p1 - s1, p2 - s2) + max(s1, s2) + 1, max(s1, s2)),
    exp.Mul: lambda p1, s1, p2, s2: _decimal(p1 + p2 + 1, s1 + s2),
    exp.Div: lambda p1, s1, p2, s2: _decimal(
        p1 - s1 + s2 + max(LEAST_FRACTION, s1 + p2 + 1), max(LEAST_FRACTION, s1 + p2 + 1)
    ),
    exp.Mod: lambda p1, s1, p2, s2: _decimal(min(p1 - s1, p2 - s2) + max(s1, s2), max(s1, s2)),
}


def _type_sum(self: Any, node: exp.Expr) -> None:
    precision, scale = operand_digits(node.this)
    self._set_type(node, _capped(precision + 10, scale) if node.this.is_type(Type.DECIMAL) else Type.BIGINT)


def _type_average(self: Any, node: exp.Expr) -> None:
    precision, scale = operand_digits(node.this)
    self._set_type(node, _capped(precision + 4, scale + 4) if node.this.is_type(Type.DECIMAL) else Type.DOUBLE)


def _type_round(self: Any, node: exp.Expr) -> None:
    precision, scale = decimal_digits(node.this.type)
    places = node.args.get("decimals")
    kept = 0 if places is None else int(places.to_py()) if is_whole_literal(places) else scale
    if not node.this.is_type(Type.DECIMAL):
        self._set_type(node, node.this.type)
    elif kept < 0:
        self._set_type(node, _capped(max(precision - scale + 1, 1 - kept), 0))
    else:
        self._set_type(node, _capped(precision - scale + 1 + min(scale, kept), min(scale, kept)))


def is_whole_literal(node: exp.Expr | None) -> bool:
    """Whether it is a whole number that is written out, or nothing at all."""
    number = node.this if isinstance(node, exp.Neg) else node
    return number is None or (isinstance(number, exp.Literal) and number.name.isdigit() and not number.is_string)


def _type_cut(self: Any, node: exp.Expr) -> None:
    precision, scale = decimal_digits(node.this.type)
    self._set_type(node, _capped(precision - scale + 1, 0) if node.this.is_type(Type.DECIMAL) else Type.BIGINT)


def _type_like(parts: Callable[[Any], Iterable[exp.Expr | None]]) -> dict[str, Any]:
    def annotator(self: Any, node: exp.Expr) -> None:
        self._set_type(node, _common(part.type for part in parts(node) if part is not None))

    return {"annotator": annotator}


def _type_function(self: Any, node: exp.Expr) -> None:
    function = FUNCTIONS.get(node.name.lower())
    self._set_type(node, exp.DataType.build(function.result if function else Type.UNKNOWN, dialect="spark"))


def only_this(node: Any) -> list[exp.Expr | None]:
    """Give the one value that an expression is about."""
    return [node.this]


def all_arguments(node: Any) -> list[exp.Expr | None]:
    """Give all arguments of a function."""
    return [node.this, *node.expressions]


def both_sides(node: Any) -> list[exp.Expr | None]:
    """Give the two sides of an operator."""
    return [node.this, node.expression]


def case_results(case: Any) -> list[exp.Expr | None]:
    """Give what a CASE may result in."""
    return [*(branch.args["true"] for branch in case.args["ifs"]), case.args.get("default")]


def if_results(condition: Any) -> list[exp.Expr | None]:
    """Give what an IF may result in."""
    return [condition.args["true"], condition.args.get("false")]


def value_and_default(node: Any) -> list[exp.Expr | None]:
    """Give the value that lag() and lead() look for, and what they give where there is no row."""
    return [node.this, node.args.get("default")]


INT, BIGINT, BOOLEAN, STRING = ({"returns": kind} for kind in (Type.INT, Type.BIGINT, Type.BOOLEAN, Type.VARCHAR))


def _each(kinds: Iterable[type[exp.Expr]], rule: dict[str, Any]) -> dict[type[exp.Expr], dict[str, Any]]:
    return {kind: rule for kind in kinds}  # noqa: C420 - no rule is ever changed


RULES: dict[type[exp.Expr], Any] = {
    **Spark.EXPRESSION_METADATA,
    exp.Literal: {"annotator": _type_literal},
    exp.Anonymous: {"annotator": _type_function},
    **_each(DECIMAL_RULES, {"annotator": _type_arithmetic}),
    **_each((exp.RowNumber, exp.Rank, exp.DenseRank, exp.Ntile), INT),
    **_each((exp.Count, exp.IntDiv), BIGINT),
    **_each((exp.DPipe, exp.Concat, exp.ConcatWs, exp.Trim), STRING),
    **_each((exp.NullSafeEQ, exp.NullSafeNEQ, exp.Is, exp.In, exp.Between, exp.Like, exp.Exists), BOOLEAN),
    exp.Sum: {"annotator": _type_sum},
    exp.Avg: {"annotator": _type_average},
    exp.Round: {"annotator": _type_round},
    **_each((exp.Floor, exp.Ceil), {"annotator": _type_cut}),
    exp.Distinct: _type_like(lambda node: node.expressions[:1]),
    exp.Case: _type_like(case_results),
    exp.If: _type_like(if_results),
    **_each((exp.Coalesce, exp.Greatest, exp.Least), _type_like(all_arguments)),
    **_each(
        (
            exp.Alias, exp.Paren, exp.Neg, exp.Abs, exp.Min, exp.Max, exp.Nullif, exp.FirstValue, exp.LastValue,
            exp.Lag, exp.Lead, exp.Window, exp.Filter,
        ),
        _type_like(only_this),
    ),
}  # fmt: skip


def alternatives(node: exp.Expr) -> Sequence[exp.Expr | None]:
    """Give the values of which an expression takes one."""
    return (
        case_results(node)
        if isinstance(node, exp.Case)
        else if_results(node)
        if isinstance(node, exp.If)
        else all_arguments(node)
    )
