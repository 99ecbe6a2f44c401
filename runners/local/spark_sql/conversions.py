"""Refuses what would make Spark convert a value by itself, where DuckDB converts otherwise or not at all.

``WHERE amount > 5`` with a string on the left is a number for one engine, and an error or another number for the
other. So values that meet must be of one kind, and each part of an expression of a kind that both engines take. These
are tables of data: which expressions, which of their parts, which kinds. This module changes no query.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from runners.local.spark_sql.functions import FUNCTIONS
from runners.local.spark_sql.types import (
    Type,
    UnsupportedSQLError,
    all_arguments,
    both_sides,
    case_results,
    if_results,
    kind_of,
    only_this,
    operand_digits,
    value_and_default,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PLAIN_FRACTION = 6  # digits; Spark writes a decimal with a longer fraction as 1E-8
ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")

COMPARED = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.NullSafeEQ, exp.Nullif)
# (what it is, which of its parts must be of one kind)
OF_ONE_KIND: tuple[tuple[tuple[type[exp.Expr], ...], Callable[[Any], Sequence[exp.Expr | None]]], ...] = (
    (COMPARED, both_sides),
    ((exp.Between,), lambda node: [node.this, node.args["low"], node.args["high"]]),
    (
        (exp.In,),
        lambda node: [*all_arguments(node), *(node.args["query"].unnest().selects if node.args.get("query") else ())],
    ),
    ((exp.Case,), case_results),
    ((exp.Case,), lambda node: [node.this, *(branch.this for branch in node.args["ifs"])] if node.this else []),
    ((exp.If,), if_results),
    ((exp.Coalesce, exp.Greatest, exp.Least), all_arguments),
    ((exp.Lag, exp.Lead), value_and_default),
)
WHOLE = {Type.INT, Type.BIGINT, Type.NULL}
# (what it is, which of its parts, of which kinds they must be)
OF_KINDS: tuple[tuple[tuple[type[exp.Expr], ...], Callable[[Any], Sequence[exp.Expr | None]], set[str]], ...] = (
    ((exp.Add, exp.Sub, exp.Mul, exp.Div), both_sides, {"number", "double"}),
    ((exp.Neg, exp.Round), only_this, {"number", "double"}),
    ((exp.Mod, exp.IntDiv), both_sides, {"whole"}),
    ((exp.Sum, exp.Avg, exp.Abs, exp.Floor, exp.Ceil), only_this, {"number"}),
    ((exp.And, exp.Or), both_sides, {"boolean"}),
    ((exp.Not, exp.Where, exp.Having), only_this, {"boolean"}),
    ((exp.If,), lambda node: [] if _is_simple_case(node.parent) else [node.this], {"boolean"}),
    ((exp.Join,), lambda node: [node.args.get("on")], {"boolean"}),
    ((exp.DPipe, exp.Like), both_sides, {"text"}),
    ((exp.Concat,), lambda node: node.expressions, {"text"}),
    ((exp.ConcatWs,), lambda node: node.expressions, {"text"}),
    ((exp.Trim,), only_this, {"text"}),
    ((exp.Column,), lambda node: [node], {"number", "string", "date", "boolean", "unresolved"}),
)
# The target of a CAST → the kinds that it is taken from.
CAST_FROM = {
    Type.INT: {"number", "double", "string", "boolean"},
    Type.BIGINT: {"number", "double", "string", "boolean"},
    Type.DECIMAL: {"number", "double", "string", "boolean"},
    Type.VARCHAR: {"text"},
    Type.TEXT: {"text"},
    Type.BOOLEAN: {"number", "string", "boolean"},
    Type.DATE: {"string", "date"},
}
PARAMETER_KINDS = {"DATE": {"date"}, "INT": {"int"}, "BIGINT": {"whole"}, "VARCHAR": {"text"}, "PATTERN": {"string"}}


def refuse_conversions(resolved: exp.Expr) -> None:
    """Raise ``UnsupportedSQLError`` if Spark would convert a value by itself somewhere in a query with types."""
    for node in resolved.walk():
        for types, parts, kinds in OF_KINDS:
            if isinstance(node, types):
                for part in parts(node):
                    _require(part, kinds, node)
        for types, parts in OF_ONE_KIND:
            if isinstance(node, types):
                _require_one_kind([part for part in parts(node) if part is not None], node)
        for kind, refuse in REFUSALS.items():
            if isinstance(node, kind):
                refuse(node)


def _refuse_cast(cast: Any) -> None:
    if cast.to.this in CAST_FROM:
        _require(cast.this, CAST_FROM[cast.to.this], cast)


def _refuse_arguments(call: exp.Expr) -> None:
    function = FUNCTIONS[call.name.lower()]
    parameters = function.parameter_types(len(call.expressions))
    if parameters is None:
        raise UnsupportedSQLError(f"{call.name}() with {len(call.expressions)} arguments")
    for argument, parameter in zip(call.expressions, parameters, strict=True):
        _require(argument, PARAMETER_KINDS[parameter], call)


def _refuse_columns(operation: Any) -> None:
    for one, other in zip(operation.left.selects, operation.right.selects, strict=False):
        _require_one_kind([one, other], operation)
        if Type.DECIMAL in (one.type.this, other.type.this) and one.type != other.type:
            raise UnsupportedSQLError(
                f"{_written(one)} and {_written(other)} in one column of a set operation: CAST both to one type"
            )


REFUSALS: dict[type[exp.Expr], Callable[[Any], None]] = {
    exp.Cast: _refuse_cast,
    exp.Anonymous: _refuse_arguments,
    exp.SetOperation: _refuse_columns,
}


def _is_simple_case(node: exp.Expr | None) -> bool:
    return isinstance(node, exp.Case) and node.this is not None


def _require(part: exp.Expr | None, kinds: set[str], where: exp.Expr) -> None:
    if part is None or kind_of(part.type) == "null" or not kinds.isdisjoint(_kinds(part)):
        return
    raise UnsupportedSQLError(
        f"{part.sql('spark')} is of the type {_written(part)} in {where.sql('spark')}, where Spark would convert it: "
        "put a CAST around"
    )


def _kinds(node: exp.Expr) -> set[str]:
    kind = kind_of(node.type)
    kinds = {kind}
    if node.type is None or node.type.this == Type.UNKNOWN:
        kinds = {"unresolved"}
    if node.type is not None and node.type.this in WHOLE:
        kinds.add("whole")
    if node.type is not None and node.type.this == Type.INT:
        kinds.add("int")
    if kind in ("string", "date", "boolean") or (kind == "number" and operand_digits(node)[1] <= PLAIN_FRACTION):
        kinds.add("text")
    return kinds


def _require_one_kind(parts: Sequence[exp.Expr], where: exp.Expr) -> None:
    kinds = {kind_of(part.type) for part in parts} - {"null"}
    if kinds == {"date", "string"} and all(
        kind_of(part.type) != "string" or (isinstance(part, exp.Literal) and ISO_DATE.fullmatch(part.name))
        for part in parts
    ):
        return
    if len(kinds - {"unknown"}) > 1 and not kinds <= {"number", "double"}:
        written = ", ".join(f"{part.sql('spark')} ({_written(part)})" for part in parts)
        raise UnsupportedSQLError(
            f"{written} are not of one type in {where.sql('spark')}, and Spark would convert: put a CAST around"
        )


def _written(node: exp.Expr) -> str:
    return node.type.sql("spark") if node.type is not None else "unknown"
