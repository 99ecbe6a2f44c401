"""Translates a query from Spark's SQL to DuckDB's, keeping Spark's meaning, or says that it cannot.

sqlglot does the translation, ``types`` says of which type Spark makes each value. What would mean something else
on DuckDB is either rewritten to keep Spark's meaning (``rewrites``) or refused: only the constructs of
``HELD_AGAINST_SPARK`` and the functions of ``functions`` are let through, each of which a test runs on both
engines. This module never runs a query, and never guesses.

What is refused, among others: regular expressions, LATERAL VIEW, hints, QUALIFY, VALUES, intervals, timestamps and the
current date, arrays and structs, statistics, named windows, RANGE by a distance, first() and last() outside a window,
floating point other than within a CAST, round() or a comparison, sums of it, whatever Spark would convert by itself
(``conversions``), expressions without a name, and an alias in HAVING, or in an expression of ORDER BY, that may
be a column as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlglot
from sqlglot import exp
from sqlglot.dialects.spark import Spark

from runners.local.spark_sql.conversions import refuse_conversions
from runners.local.spark_sql.functions import FUNCTIONS
from runners.local.spark_sql.rewrites import RANKS, rewrite
from runners.local.spark_sql.types import Type, UnsupportedSQLError, annotate, is_whole_literal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

HELD_AGAINST_SPARK: tuple[type[exp.Expr], ...] = (
    # The query and its parts.
    exp.Select, exp.Union, exp.Except, exp.Intersect, exp.Subquery, exp.With, exp.CTE, exp.From, exp.Join, exp.Where,
    exp.Group, exp.Having, exp.Order, exp.Ordered, exp.Limit, exp.Distinct, exp.Table, exp.TableAlias, exp.Alias,
    exp.Column, exp.Identifier, exp.Star, exp.Literal, exp.Null, exp.Boolean, exp.Paren,
    # Conditions.
    exp.And, exp.Or, exp.Not, exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.NullSafeEQ, exp.Is, exp.In,
    exp.Between, exp.Like, exp.Exists, exp.Case, exp.If, exp.Coalesce, exp.Nullif, exp.Greatest, exp.Least,
    # Values.
    exp.Cast, exp.TryCast, exp.DataType, exp.DataTypeParam, exp.Trim, exp.DPipe, exp.Concat, exp.ConcatWs, exp.Add,
    exp.Sub, exp.Mul, exp.Div, exp.IntDiv, exp.Mod, exp.Neg, exp.Abs, exp.Round, exp.Floor, exp.Ceil,
    # Aggregates and windows.
    exp.Sum, exp.Count, exp.Min, exp.Max, exp.Avg, exp.Filter, exp.Window, exp.WindowSpec, exp.RowNumber, exp.Rank,
    exp.DenseRank, exp.Lag, exp.Lead, exp.FirstValue, exp.LastValue,
)  # fmt: skip
CAST_TARGETS = (Type.INT, Type.BIGINT, Type.DECIMAL, Type.TEXT, Type.BOOLEAN, Type.DATE)
NEED_ORDER = (*RANKS, exp.Lag, exp.Lead)
NEED_WINDOW = (*NEED_ORDER, exp.FirstValue, exp.LastValue)
WINDOWED = (*NEED_WINDOW, exp.Sum, exp.Count, exp.Min, exp.Max, exp.Avg)


def translate(query: str, views: Mapping[str, Mapping[str, str]]) -> str:
    """Translate one query from Spark's dialect to DuckDB's, or raise ``UnsupportedSQLError``.

    ``views`` maps the name of each view to its columns and their types in DuckDB's words.

    >>> translate("SELECT CAST(`a b` AS INT) AS a FROM sales", {"sales": {"a b": "VARCHAR"}})
    'SELECT SPARK_INT("a b") AS a FROM sales'
    """
    try:
        statements = [tree for tree in sqlglot.parse(query, dialect=_SparkAsWritten) if tree]
    except sqlglot.ParseError as error:
        raise UnsupportedSQLError(f"it cannot be read ({error})") from error
    if len(statements) != 1 or not isinstance(statements[0], exp.Query):
        raise UnsupportedSQLError("a transformation is exactly one SELECT")
    tree = statements[0]
    for node in tree.walk():
        _refuse_what_may_differ(node)
    _require_known_tables(tree, list(views))
    for select in tree.find_all(exp.Select):
        _refuse_names_that_may_differ(select, views)
    refuse_conversions(annotate(tree, views))
    rewrite(tree)
    try:
        return tree.sql(dialect="duckdb", unsupported_level=sqlglot.ErrorLevel.RAISE)
    except sqlglot.UnsupportedError as error:
        raise UnsupportedSQLError(str(error)) from error


def _as_written(name: str) -> Callable[[list[exp.Expr]], exp.Expr]:
    return lambda arguments: exp.Anonymous(this=name.lower(), expressions=arguments)


class _SparkAsWritten(Spark):
    """Spark's dialect, with the functions that are known here left as they are written, not read as another's."""

    class Parser(Spark.Parser):  # type: ignore[misc, valid-type]  # sqlglot sets it at run time
        FUNCTIONS = {  # noqa: RUF012 - sqlglot's own way of extending a dialect
            **Spark.Parser.FUNCTIONS,
            **{name.upper(): _as_written(name) for name in FUNCTIONS},
        }
        FUNCTION_PARSERS = {  # noqa: RUF012
            name: parser for name, parser in Spark.Parser.FUNCTION_PARSERS.items() if name.lower() not in FUNCTIONS
        }


def _refuse_what_may_differ(node: exp.Expr) -> None:
    if isinstance(node, exp.Anonymous) and node.name.lower() in FUNCTIONS:
        return
    if type(node) not in HELD_AGAINST_SPARK:
        raise UnsupportedSQLError(f"{_named(node)} is not among what is held against Spark")
    for kinds, differs, what in REFUSED_FORMS:
        if isinstance(node, kinds) and differs(node):
            raise UnsupportedSQLError(f"{what}: {node.sql('spark')}")


def _named(node: exp.Expr) -> str:
    return f"{node.name}()" if isinstance(node, exp.Anonymous) else type(node).__name__


def _require_known_tables(tree: exp.Expr, views: list[str]) -> None:
    """DuckDB would read ``FROM 'file.csv'``, and whatever else has a name."""
    known = {view.lower() for view in views} | {cte.alias.lower() for cte in tree.find_all(exp.CTE)}
    for table in tree.find_all(exp.Table):
        if table.name.lower() not in known or table.db:
            raise UnsupportedSQLError(f"there is no view {table.sql('spark')}, there are {', '.join(views)}")


def _refuse_names_that_may_differ(select: exp.Select, views: Mapping[str, Mapping[str, str]]) -> None:
    """Refuse a SELECT whose columns have other names, or another order, or whose names mean something else."""
    if _names_its_columns(select):
        for item in select.expressions:
            if not isinstance(item, (exp.Alias, exp.Column, exp.Star)):
                raise UnsupportedSQLError(f"the engines name {item.sql('spark')} differently: name it by AS")
    for column in _columns_taken_otherwise(select, views):
        raise UnsupportedSQLError(f"{column.name} is an alias, and may be a column as well in HAVING and ORDER BY")
    if any(item.is_star for item in select.expressions) and not _join_columns_come_first(select, views):
        raise UnsupportedSQLError("* over a join with USING, whose columns come first in Spark: name the columns")


def _columns_taken_otherwise(select: exp.Select, views: Mapping[str, Mapping[str, str]]) -> list[exp.Column]:
    """Find names in HAVING, and in expressions of ORDER BY, that are an alias to one engine, a column to the other."""
    inputs = {column.lower() for columns in views.values() for column in columns}
    inputs |= {item.alias.lower() for item in select.root().find_all(exp.Alias) if item.parent is not select}
    both = inputs & {item.alias.lower() for item in select.expressions if _is_computed(item)}
    having, order = select.args.get("having"), select.args.get("order")
    columns = (
        [column for column in having.find_all(exp.Column) if not column.find_ancestor(exp.AggFunc)] if having else []
    )
    columns += [column for column in order.find_all(exp.Column) if column.parent_select is select] if order else []
    return [
        column
        for column in columns
        if column.name.lower() in both and not column.table and not isinstance(column.parent, exp.Ordered)
    ]


def _names_its_columns(select: exp.Select) -> bool:
    """Whether the names of what a SELECT gives are seen by anyone."""
    parent = select.parent
    if isinstance(parent, exp.SetOperation):
        return select is parent.this
    if isinstance(parent, exp.Subquery):
        return isinstance(parent.parent, (exp.From, exp.Join, exp.SetOperation, exp.Query)) or parent.parent is None
    return not isinstance(parent, (exp.In, exp.Exists))


def _is_computed(item: exp.Expr) -> bool:
    return isinstance(item, exp.Alias) and item.this.name.lower() != item.alias.lower()


def _join_columns_come_first(select: exp.Select, views: Mapping[str, Mapping[str, str]]) -> bool:
    """Whether the columns of USING come first anyway: DuckDB leaves them where they are."""
    keys = {
        tuple(key.name.lower() for key in join.args["using"])
        for join in select.args.get("joins") or ()
        if join.args.get("using")
    }
    return not keys or keys == {tuple(_first_columns(select, views)[: len(next(iter(keys)))])}


def _first_columns(select: exp.Select, views: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Name the columns of what a SELECT reads first, as far as they are written out or a view's."""
    source = select.args["from_"].this
    if isinstance(source, exp.Subquery):
        return [item.alias_or_name.lower() for item in source.this.selects]
    hidden = {cte.alias.lower() for cte in select.root().find_all(exp.CTE)}
    columns = {view.lower(): columns for view, columns in views.items() if view.lower() not in hidden}
    return [column.lower() for column in columns.get(source.name.lower(), {})]


def _joins_otherwise(join: exp.Join) -> bool:
    has_condition = join.args.get("on") or join.args.get("using") or join.kind == "CROSS"
    return bool(join.args.get("method")) or not has_condition


def _counts_many(count: exp.Count) -> bool:
    return bool(count.expressions)


def _lacks_window(node: exp.Expr) -> bool:
    return not isinstance(node.parent, exp.Window)


def _lacks_order(node: exp.Expr) -> bool:
    return isinstance(node.parent, exp.Window) and not node.parent.args.get("order")


def _frames_otherwise(spec: exp.WindowSpec) -> bool:
    """RANGE by a distance depends on the type that is ordered by."""
    bounds = (spec.args.get("start"), spec.args.get("end"))
    return bool(spec.args.get("exclude")) or (
        spec.args.get("kind") == "RANGE" and not all(isinstance(bound, str) for bound in bounds)
    )


def _windows_otherwise(window: exp.Window) -> bool:
    return not isinstance(window.this, WINDOWED) or bool(window.args.get("alias")) or window.args.get("over") != "OVER"


# (what it is, when its meaning differs, why)
REFUSED_FORMS: tuple[tuple[tuple[type[exp.Expr], ...], Callable[[Any], bool], str], ...] = (
    ((exp.Cast, exp.TryCast), lambda cast: cast.to.this not in CAST_TARGETS, "a CAST to this type"),
    ((exp.Like,), lambda node: "\\" in node.expression.sql(), "a LIKE pattern with a backslash"),
    ((exp.Join,), _joins_otherwise, "a join without ON, USING or CROSS"),
    ((exp.Trim,), lambda node: node.expression is not None, "trim() of other characters than blanks"),
    ((exp.SetOperation,), lambda node: bool(node.args.get("by_name")), "a set operation by name"),
    ((exp.With,), lambda node: bool(node.args.get("recursive")), "WITH RECURSIVE"),
    ((exp.Group,), lambda node: bool(node.args.get("all")), "GROUP BY ALL"),
    ((exp.Count,), _counts_many, "count() over several columns without DISTINCT"),
    (NEED_WINDOW, _lacks_window, "it needs a window, else which row comes first is open"),
    (NEED_ORDER, _lacks_order, "its window needs an ORDER BY"),
    ((exp.WindowSpec,), _frames_otherwise, "RANGE by a distance"),
    ((exp.Window,), _windows_otherwise, "a window with a name, or over this function"),
    (
        (exp.Round,),
        lambda node: not is_whole_literal(node.args.get("decimals")),
        "round() needs a literal number of digits",
    ),
    ((exp.Floor, exp.Ceil), lambda node: len(list(node.iter_expressions())) > 1, "floor() and ceil() to a digit"),
)
