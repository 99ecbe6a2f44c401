"""Puts Spark's rules in the place of DuckDB's, wherever an expression would give another value or another type.

Each rewrite is for one kind of expression, and knows the types that ``types`` found. What needs a rule of its own
at run time calls a macro of ``functions``. This module decides of no query whether it is let through, other than
for what it cannot write.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from runners.local.spark_sql.conversions import ISO_DATE
from runners.local.spark_sql.functions import DATE_PARTS, FUNCTIONS, PREFIX
from runners.local.spark_sql.types import (
    Type,
    UnsupportedSQLError,
    alternatives,
    decimal_digits,
    kind_of,
    operand_scales,
    operand_types,
    type_if_known,
    type_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable

RANKS = (exp.RowNumber, exp.Rank, exp.DenseRank)
MOST_ROUNDED = 10  # digits of floating point, which fit into DECIMAL(38) with all before the point
DATE_PATTERN = re.compile(r"(([A-Za-z])\2*)|([-/. ])")
OPEN_WIDTH = re.compile(r"%-.%|%.%-")


def rewrite(tree: exp.Expr) -> None:
    """Rewrite a query that ``types.annotate`` has seen, in its place."""
    for node in reversed(list(tree.walk())):  # the parts of an expression come before the expression itself
        for kinds, rewrite_one in REWRITES:
            if isinstance(node, kinds):
                rewrite_one(node)


def _is_date_literal(cast: Any) -> bool:
    literal = cast.this
    return (
        cast.to.this == Type.DATE and isinstance(literal, exp.Literal) and ISO_DATE.fullmatch(literal.name) is not None
    )


def _rewrite_literal(literal: exp.Expr) -> None:
    """Give 0.05 its two digits: DuckDB counts the zero before the point."""
    if (found := type_if_known(literal)) is not None and found.this == Type.DECIMAL:
        literal.replace(exp.cast(literal.copy(), found.copy()))


def _rewrite_cast(cast: exp.Expr) -> None:
    """Cast by Spark's rules, each of which is a macro."""
    target = cast.args["to"]
    source = operand_types(cast)[0]
    if _is_date_literal(cast) or target.this == source.this == Type.DATE:
        return
    if target.this == Type.DECIMAL:
        cast.replace(exp.TryCast(this=_macro("decimal", cast.this), to=target))
    elif target.this in (Type.INT, Type.BIGINT) and source.this == Type.DOUBLE:
        cast.replace(_macro(f"double_{target.this.value.lower()}", cast.this))
    elif target.this in CAST_MACROS:
        cast.replace(_macro(CAST_MACROS[target.this], cast.this))


CAST_MACROS = {Type.INT: "int", Type.BIGINT: "bigint", Type.BOOLEAN: "boolean", Type.DATE: "date"}


def _rewrite_function(call: exp.Expr) -> None:
    parameters = FUNCTIONS[call.name.lower()].parameter_types(len(call.expressions)) or []
    arguments: list[exp.Expr] = []
    for argument, parameter, of in zip(call.expressions, parameters, operand_types(call), strict=True):
        if parameter == "PATTERN":
            arguments.append(exp.Literal.string(_format(call, argument)))
        else:
            arguments.append(_text(argument, of) if parameter == "VARCHAR" else argument)
    call.replace(_macro(call.name.lower(), *arguments))


def _format(call: exp.Expr, pattern: exp.Expr) -> str:
    """Turn the pattern of a date into a format of strptime's."""
    if not isinstance(pattern, exp.Literal):
        raise UnsupportedSQLError(f"{call.name}() needs a pattern that is a literal")
    made, position = "", 0
    while position < len(pattern.name):
        part = DATE_PATTERN.match(pattern.name, position)
        if part is None or (part[1] and part[1] not in DATE_PARTS):
            raise UnsupportedSQLError(f"the date pattern {pattern.name!r}, known parts are {', '.join(DATE_PARTS)}")
        made += DATE_PARTS[part[1]] if part[1] else part[3]
        position = part.end()
    if OPEN_WIDTH.search(made):
        raise UnsupportedSQLError(f"the date pattern {pattern.name!r}, where one M or d stands beside another part")
    return made


def _rewrite_trim(trim: exp.Expr) -> None:
    """Trim blanks alone: DuckDB would trim whatever Unicode calls a space."""
    trim.replace(
        exp.Anonymous(this="trim", expressions=[_text(trim.this, operand_types(trim)[0]), exp.Literal.string(" ")])
    )


def _rewrite_to_texts(node: exp.Expr) -> None:
    """Join texts: whatever is none becomes one first, and NULL with anything is NULL, but for concat_ws()."""
    joined_parts = (node.this, node.expression) if isinstance(node, exp.DPipe) else node.expressions
    parts = [_text(part, of) for part, of in zip(joined_parts, operand_types(node), strict=True)]
    if isinstance(node, exp.ConcatWs):
        node.replace(exp.Anonymous(this="concat_ws", expressions=parts))
    else:
        joined = parts[0]
        for part in parts[1:]:
            joined = exp.DPipe(this=joined, expression=part)
        node.replace(exp.paren(joined, copy=False))


def _text(node: exp.Expr, of: exp.DataType) -> exp.Expr:
    return node.copy() if kind_of(of) == "string" else exp.cast(node.copy(), "VARCHAR")


def _rewrite_arithmetic(node: exp.Expr) -> None:
    """Give decimals Spark's digits, and floating point no decimals."""
    if type_of(node).this == Type.DECIMAL:
        node.replace(_typed(node.copy(), node))
    elif type_of(node).this == Type.DOUBLE:
        for name, of in zip(("this", "expression"), operand_types(node), strict=True):
            if of.this != Type.DOUBLE:
                node.set(name, exp.cast(exp.cast(node.args[name], "VARCHAR"), "DOUBLE"))


def _rewrite_quotient(node: exp.Expr) -> None:
    """Divide: by zero is NULL, whole numbers give floating point, decimals an exact decimal."""
    if type_of(node).this == Type.DECIMAL:
        left, right = operand_scales(node)
        node.replace(_quotient(node.this, node.expression, right - left, type_of(node)))
        return
    node.set("typed", False)
    _rewrite_arithmetic(node)
    node.replace(
        exp.Div(
            this=_paren(node.this),
            expression=exp.func("nullif", node.expression.copy(), exp.cast("0", "DOUBLE")),
            safe=False,
            typed=True,
        )
    )


def _quotient(numerator: exp.Expr, denominator: exp.Expr, shift: int, to: exp.DataType) -> exp.Expr:
    scale = decimal_digits(to)[1]
    if scale + shift < 0:
        raise UnsupportedSQLError(f"a quotient of so many digits: {numerator.sql('spark')}")
    whole = _macro(
        "ratio",
        _macro("unscaled", numerator),
        exp.func("nullif", _macro("unscaled", denominator), exp.Literal.number(0)),
        exp.cast(exp.Literal.string(str(10 ** (scale + shift))), "HUGEINT"),
    )
    return exp.TryCast(this=_macro("pointed", whole, exp.Literal.number(scale)), to=to.copy())


def _rewrite_whole_quotient(node: exp.Expr) -> None:
    node.replace(_macro("div", node.this, node.expression))


def _rewrite_rounding(node: exp.Expr) -> None:
    """Round half up; floating point by the digits that are written, as Spark does."""
    if type_of(node).this != Type.DOUBLE:
        node.replace(_typed(node.copy(), node))
        return
    places = node.args.get("decimals")
    kept = 0 if places is None else int(places.to_py())
    if not 0 <= kept <= MOST_ROUNDED:
        raise UnsupportedSQLError(f"floating point rounded to this digit: {node.sql('spark')}")
    number = exp.TryCast(this=_macro("decimal", node.this), to=exp.DataType.build(f"DECIMAL(38, {kept})"))
    node.replace(exp.cast(exp.cast(number, "VARCHAR"), "DOUBLE"))


def _rewrite_alternatives(node: exp.Expr) -> None:
    """Give decimals of several sizes the size that holds them all in Spark."""
    if isinstance(node.parent, exp.Case) or type_of(node).this != Type.DECIMAL:
        return
    for part in alternatives(node):
        if part is not None:
            part.replace(_typed(part.copy(), node))


def _rewrite_aggregate(node: exp.Expr) -> None:
    """Cast what comes out of an aggregate, around its FILTER and its window."""
    whole = node
    while isinstance(whole.parent, (exp.Filter, exp.Window)) and whole is whole.parent.this:
        whole = whole.parent
    data_type = type_of(node)
    if isinstance(node, exp.Avg) and data_type.this == Type.DECIMAL:
        scale = operand_scales(node)[0]
        total, count = (_with_aggregate(whole, node, kind) for kind in (exp.Sum, exp.Count))
        whole.replace(_quotient(total, count, -scale, data_type))
    elif isinstance(node, exp.Sum) and data_type.this == Type.BIGINT:
        whole.replace(_macro("bigint", whole))
    elif not isinstance(node, exp.Avg):
        whole.replace(_typed(whole.copy(), node))


def _with_aggregate(whole: exp.Expr, aggregate: exp.Expr, kind: type[exp.Expr]) -> exp.Expr:
    if whole is aggregate:
        return kind(this=aggregate.this.copy())
    made = whole.copy()
    inner = made.find(type(aggregate))
    assert inner is not None  # noqa: S101 - it is what was copied
    inner.replace(kind(this=aggregate.this.copy()))
    return made


def _rewrite_count(count: exp.Expr) -> None:
    """count(DISTINCT a, b) leaves out the rows where one of them is NULL."""
    if isinstance(count.this, exp.Distinct) and len(counted := count.this.expressions) > 1:
        present = exp.and_(*(exp.Not(this=exp.Is(this=_paren(item), expression=exp.Null())) for item in counted))
        both = exp.Case(ifs=[exp.If(this=present, true=exp.Tuple(expressions=[item.copy() for item in counted]))])
        count.set("this", exp.Distinct(expressions=[both]))


def _rewrite_select(select: exp.Expr) -> None:
    """Name the columns as the query does: DuckDB would name them as the view does."""
    select.set(
        "expressions",
        [
            exp.alias_(item.copy(), item.name, quoted=True)
            if isinstance(item, exp.Column) and not item.is_star
            else item
            for item in select.expressions
        ],
    )


def _typed(value: exp.Expr, of: exp.Expr) -> exp.Expr:
    return exp.TryCast(this=value, to=type_of(of).copy())


def _paren(node: exp.Expr) -> exp.Expr:
    return exp.paren(node.copy(), copy=False)


def _macro(name: str, *arguments: exp.Expr) -> exp.Expr:
    return exp.Anonymous(this=f"{PREFIX}{name}", expressions=[argument.copy() for argument in arguments])


# What is rewritten to keep Spark's meaning.
REWRITES: tuple[tuple[tuple[type[exp.Expr], ...], Callable[[exp.Expr], None]], ...] = (
    ((exp.Literal,), _rewrite_literal),
    ((exp.Cast, exp.TryCast), _rewrite_cast),
    ((exp.Anonymous,), _rewrite_function),
    ((exp.Trim,), _rewrite_trim),
    ((exp.DPipe, exp.Concat, exp.ConcatWs), _rewrite_to_texts),
    ((exp.Add, exp.Sub, exp.Mul), _rewrite_arithmetic),
    ((exp.Div,), _rewrite_quotient),
    ((exp.IntDiv,), _rewrite_whole_quotient),
    ((exp.Round, exp.Floor, exp.Ceil), _rewrite_rounding),
    ((exp.Case, exp.If, exp.Coalesce, exp.Greatest, exp.Least), _rewrite_alternatives),
    ((exp.Sum, exp.Avg, *RANKS), _rewrite_aggregate),
    ((exp.Count,), _rewrite_count),
    ((exp.Select,), _rewrite_select),
)
