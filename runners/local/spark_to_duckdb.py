"""Translates a query from Spark's SQL to DuckDB's, keeping Spark's meaning, or says that it cannot.

sqlglot does the translation. What would mean something else on DuckDB is either rewritten to keep Spark's meaning
(casts of strings, ``to_date``) or refused: only the constructs of ``HELD_AGAINST_SPARK`` are let through, each of
which a test runs on both engines. This module never runs a query, and never guesses.

What is refused, among others: window functions, LATERAL VIEW, hints, regular expressions, ``lower`` and ``upper``
(other rules outside ASCII), division and averages (other types), timestamps and floating point (other text in CSV),
sums and arithmetic without a CAST around them (other precision), and GROUP BY a name that is an alias as well.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import sqlglot
from sqlglot import exp
from sqlglot.dialects.spark import Spark

from runners.errors import LocalAWSError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

TO_DATE = "to_date"

HELD_AGAINST_SPARK: tuple[type[exp.Expr], ...] = (
    # The query and its parts.
    exp.Select, exp.Union, exp.Subquery, exp.With, exp.CTE, exp.From, exp.Join, exp.Where, exp.Group, exp.Having,
    exp.Order, exp.Ordered, exp.Limit, exp.Distinct, exp.Table, exp.TableAlias, exp.Alias, exp.Column,
    exp.Identifier, exp.Star, exp.Literal, exp.Null, exp.Boolean, exp.Paren,
    # Conditions.
    exp.And, exp.Or, exp.Not, exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.NullSafeEQ, exp.Is, exp.In,
    exp.Between, exp.Like, exp.Case, exp.If, exp.Coalesce, exp.Nullif,
    # Values.
    exp.Cast, exp.TryCast, exp.DataType, exp.DataTypeParam, exp.Trim, exp.DPipe, exp.Add, exp.Sub, exp.Mul, exp.Neg,
    # Aggregates.
    exp.Sum, exp.Count, exp.Min, exp.Max, exp.Filter,
)  # fmt: skip
WHOLE_NUMBERS = (exp.DataType.Type.INT, exp.DataType.Type.BIGINT)
CAST_TARGETS = (*WHOLE_NUMBERS, exp.DataType.Type.DECIMAL, exp.DataType.Type.TEXT)

# A part of a date's pattern → what it matches, and its name for strptime. Spark reads one M or d as "one or two
# digits", MM, dd and yyyy as exactly so many.
DATE_PARTS = {
    "M": (r"0*\d{1,2}", "%m"),
    "MM": (r"\d{2}", "%m"),
    "d": (r"0*\d{1,2}", "%d"),
    "dd": (r"\d{2}", "%d"),
    "yyyy": (r"\d{4}", "%Y"),
}
DATE_PATTERN = re.compile(r"([A-Za-z]+)|([-/. ])")

# Spark's CAST of a string gives NULL where it is no number, cuts a fraction off a whole number (DuckDB rounds), and
# knows neither 0x10 nor 1_000 (DuckDB does). Blanks and control characters around it do not count.
MACROS = r"""
CREATE MACRO spark_number(x) AS trim(CAST(x AS VARCHAR), ' ' || chr(9) || chr(10) || chr(11) || chr(12) || chr(13));
CREATE MACRO spark_whole_number(x) AS CASE
    WHEN regexp_full_match(spark_number(x), '[+-]?(\d+(\.\d*)?|\.\d*)')
    THEN regexp_extract(spark_number(x), '^([+-]?)(\d*)', 1) || '0'
      || regexp_extract(spark_number(x), '^([+-]?)(\d*)', 2) END;
CREATE MACRO spark_decimal(x) AS CASE
    WHEN regexp_full_match(spark_number(x), '[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?') THEN spark_number(x) END;
CREATE MACRO spark_date(x, shape, strptime_format) AS CASE
    WHEN regexp_full_match(x, shape)
    THEN CAST(try_strptime(regexp_replace(x, '\b0+(\d)', '\1', 'g'), strptime_format) AS DATE) END;
"""


class UnsupportedSQLError(LocalAWSError):
    """The query has something in it whose meaning on DuckDB is not known to be Spark's."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"the query cannot run on DuckDB with Spark's meaning: {what}. Write it differently, or run the job "
            "on Spark: set RUNNERS_SQL_ENGINE=spark (needs Java 17 and pip install 'etl-runners[spark]')"
        )


def translate(query: str, views: Sequence[str]) -> str:
    """Translate one query from Spark's dialect to DuckDB's, or raise ``UnsupportedSQLError``.

    >>> translate("SELECT CAST(`a b` AS INT) AS a FROM sales", ["sales"])
    'SELECT TRY_CAST(SPARK_WHOLE_NUMBER("a b") AS INT) AS a FROM sales'
    """
    try:
        statements = [tree for tree in sqlglot.parse(query, dialect=_SparkWithDates) if tree]
    except sqlglot.ParseError as error:
        raise UnsupportedSQLError(f"it cannot be read ({error})") from error
    if len(statements) != 1 or not isinstance(statements[0], exp.Query):
        raise UnsupportedSQLError("a transformation is exactly one SELECT")
    tree = statements[0]
    for node in tree.walk():
        _refuse_what_may_differ(node)
    _require_known_tables(tree, views)
    try:
        return tree.transform(_keep_meaning).sql(dialect="duckdb", unsupported_level=sqlglot.ErrorLevel.RAISE)
    except sqlglot.UnsupportedError as error:
        raise UnsupportedSQLError(str(error)) from error


class _SparkWithDates(Spark):
    """Spark's dialect, with ``to_date`` left as it is written: sqlglot would not keep how many letters M has."""

    class Parser(Spark.Parser):  # type: ignore[misc, valid-type]  # sqlglot sets it at run time
        FUNCTIONS = {  # noqa: RUF012 - sqlglot's own way of extending a dialect
            **Spark.Parser.FUNCTIONS,
            "TO_DATE": lambda arguments: exp.Anonymous(this=TO_DATE, expressions=arguments),
        }


def _refuse_what_may_differ(node: exp.Expr) -> None:
    if _is_to_date(node):
        _date_shape(node)
        return
    if type(node) not in HELD_AGAINST_SPARK:
        raise UnsupportedSQLError(f"{_named(node)} is not among what is held against Spark")
    for kinds, differs, what in REFUSED_FORMS:
        if isinstance(node, kinds) and differs(node):
            raise UnsupportedSQLError(f"{what}: {node.sql('spark')}")


def _casts_otherwise(cast: exp.Cast) -> bool:
    return cast.to.this not in CAST_TARGETS and not _is_date_literal(cast)


def _groups_by_alias(select: exp.Select) -> bool:
    """In ``SELECT f(a) AS a … GROUP BY a`` Spark and DuckDB need not agree on which a is meant."""
    group = select.args.get("group")
    computed = {
        item.alias.lower()
        for item in select.expressions
        if isinstance(item, exp.Alias) and item.this.name.lower() != item.alias.lower()
    }
    names = [column.name.lower() for column in (group.expressions if group else ()) if not column.args.get("table")]
    return not computed.isdisjoint(names)


def _leaves_without_cast(node: exp.Expr) -> bool:
    """Whether the value leaves its SELECT without going through a CAST."""
    parent = node.parent
    while parent is not None and not isinstance(parent, exp.Query):
        if isinstance(parent, (exp.Cast, exp.TryCast)):
            return False
        parent = parent.parent
    return True


def _joins_otherwise(join: exp.Join) -> bool:
    has_condition = join.args.get("on") or join.args.get("using") or join.kind == "CROSS"
    return bool(join.args.get("method")) or not has_condition


def _counts_many(count: exp.Count) -> bool:
    counted = count.this
    return bool(count.expressions) or (isinstance(counted, exp.Distinct) and len(counted.expressions) > 1)


def _is_date_literal(node: exp.Cast) -> bool:
    return (
        node.to.this == exp.DataType.Type.DATE
        and isinstance(node.this, exp.Literal)
        and re.fullmatch(r"\d{4}-\d{2}-\d{2}", node.this.name) is not None
    )


def _is_to_date(node: exp.Expr) -> bool:
    return isinstance(node, exp.Anonymous) and node.name.lower() == TO_DATE


def _date_shape(node: exp.Expr) -> tuple[str, str]:
    """Read the pattern of a ``to_date``: what it matches as a regular expression, and its format for strptime."""
    arguments = node.expressions
    if len(arguments) != 2 or not isinstance(arguments[1], exp.Literal):  # noqa: PLR2004 - a value, a pattern
        raise UnsupportedSQLError("to_date() needs a value and a pattern that is a literal")
    shape = strptime_format = ""
    position = 0
    while position < len(pattern := arguments[1].name):
        part = DATE_PATTERN.match(pattern, position)
        if part is None or (part[1] and part[1] not in DATE_PARTS):
            raise UnsupportedSQLError(f"the date pattern {pattern!r}, known parts are {', '.join(DATE_PARTS)}")
        matches, directive = DATE_PARTS[part[1]] if part[1] else (re.escape(part[2]), part[2])
        shape, strptime_format = shape + matches, strptime_format + directive
        position = part.end()
    return shape, strptime_format


def _keep_meaning(node: exp.Expr) -> exp.Expr:
    """Put Spark's rules in the place of DuckDB's where they differ."""
    if _is_to_date(node):
        shape, strptime_format = _date_shape(node)
        return exp.func(
            "spark_date", node.expressions[0], exp.Literal.string(shape), exp.Literal.string(strptime_format)
        )
    if isinstance(node, (exp.Cast, exp.TryCast)) and not _is_date_literal(node):
        target = node.to.this
        if target in WHOLE_NUMBERS:
            node.set("this", exp.func("spark_whole_number", node.this))
        elif target == exp.DataType.Type.DECIMAL:
            node.set("this", exp.func("spark_decimal", node.this))
    return node


def _require_known_tables(tree: exp.Expr, views: Sequence[str]) -> None:
    """DuckDB would read ``FROM 'file.csv'``, and whatever else has a name."""
    known = {view.lower() for view in views} | {cte.alias.lower() for cte in tree.find_all(exp.CTE)}
    for table in tree.find_all(exp.Table):
        if table.name.lower() not in known or table.db:
            raise UnsupportedSQLError(f"there is no view {table.sql('spark')}, there are {', '.join(views)}")


def _named(node: exp.Expr) -> str:
    return f"{node.name}()" if isinstance(node, exp.Anonymous) else type(node).__name__


# (what it is, when its meaning differs, why)
REFUSED_FORMS: tuple[tuple[tuple[type[exp.Expr], ...], Callable[[Any], bool], str], ...] = (
    ((exp.Cast, exp.TryCast), _casts_otherwise, "a CAST to this type (read dates by to_date(value, pattern))"),
    ((exp.Sum, exp.Add, exp.Sub, exp.Mul), _leaves_without_cast, "the type differs, so put a CAST around"),
    ((exp.Select,), _groups_by_alias, "GROUP BY names an alias, which may mean a column as well"),
    ((exp.Like,), lambda node: "\\" in node.expression.sql(), "a LIKE pattern with a backslash"),
    ((exp.Join,), _joins_otherwise, "a join without ON, USING or CROSS"),
    ((exp.Trim,), lambda node: node.expression is not None, "trim() of other characters than blanks"),
    ((exp.Count,), _counts_many, "count() over several columns"),
)
