"""Of what a query may consist: each node that sqlglot may make of one, with the parts that the translation looks at.

A node that is not listed, or one with a part more, is refused by its name before anything is translated: a part that
nobody looks at (the NOT of ``NOT LIKE`` is one) would be lost, and the query would mean something else.
"""

from __future__ import annotations

from sqlglot import exp

from runners.local.athena.sql.errors import not_run
from runners.local.athena.sql.scopes import named, where

_ENDS = {"order", "limit", "offset", "with_"}
_BOTH = {"this", "expression"}
PARTS: dict[type[exp.Expr], set[str]] = {
    # Queries and what they read.
    exp.Select: _ENDS | {"expressions", "from_", "joins", "where", "group", "having", "distinct", "windows"},
    exp.Union: _ENDS | _BOTH | {"distinct"},
    exp.Except: _ENDS | _BOTH | {"distinct"},
    exp.Intersect: _ENDS | _BOTH | {"distinct"},
    exp.Values: _ENDS | {"expressions", "alias"},
    exp.Subquery: _ENDS | {"this", "alias"},
    exp.With: {"expressions", "recursive"},
    exp.CTE: {"this", "alias"},
    exp.From: {"this"},
    exp.Table: {"this", "db", "catalog", "alias", "joins"},
    exp.TableAlias: {"this", "columns"},
    exp.Join: {"this", "on", "using", "side", "kind", "method"},
    exp.Lateral: {"this", "alias"},
    exp.Unnest: {"expressions", "alias", "offset"},
    exp.Where: {"this"},
    exp.Having: {"this"},
    exp.Group: {"expressions", "all"},
    exp.Cube: {"expressions"},
    exp.Rollup: {"expressions"},
    exp.GroupingSets: {"expressions"},
    exp.Distinct: {"expressions"},
    exp.Order: {"this", "expressions"},
    exp.Ordered: {"this", "desc", "nulls_first"},
    exp.Limit: {"expression"},
    exp.Fetch: {"direction", "count", "limit_options"},
    exp.LimitOptions: {"percent", "rows", "with_ties"},
    exp.Offset: {"expression"},
    # Names and literals.
    exp.Star: set(),
    exp.Alias: {"this", "alias"},
    exp.Column: {"this", "table", "db", "catalog"},
    exp.Identifier: {"this", "quoted"},
    exp.Dot: _BOTH,
    exp.Var: {"this"},
    exp.Literal: {"this", "is_string"},
    exp.Boolean: {"this"},
    exp.Null: set(),
    exp.HexString: {"this"},
    exp.Placeholder: set(),
    exp.Interval: {"this", "unit"},
    exp.IntervalSpan: _BOTH,
    exp.Array: {"expressions"},
    exp.Tuple: {"expressions"},
    exp.Paren: {"this"},
    # Operators. ``typed`` and ``safe`` are how sqlglot says that they are Trino's.
    **dict.fromkeys((exp.Add, exp.Sub, exp.Mul, exp.Mod, exp.And, exp.Or), _BOTH),
    **dict.fromkeys((exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.NullSafeEQ, exp.NullSafeNEQ), _BOTH),
    exp.Div: _BOTH | {"typed"},
    exp.DPipe: _BOTH,
    exp.Neg: {"this"},
    exp.Not: {"this"},
    exp.Is: _BOTH | {"negate"},
    exp.Between: {"this", "low", "high", "symmetric"},
    exp.In: {"this", "expressions", "query"},
    exp.Exists: {"this"},
    exp.Any: {"this"},
    exp.All: {"this"},
    exp.Like: _BOTH | {"negate"},
    exp.Escape: _BOTH,
    exp.Bracket: {"this", "expressions"},
    exp.AtTimeZone: {"this", "zone"},
    exp.Case: {"this", "ifs", "default"},
    exp.If: {"this", "true", "false"},
    # Casts.
    exp.Cast: {"this", "to"},
    exp.TryCast: {"this", "to", "safe"},
    exp.DataType: {"this", "expressions", "nested"},
    exp.DataTypeParam: {"this"},
    exp.ColumnDef: {"this", "kind"},
    # Calls.
    exp.Anonymous: {"this", "expressions"},
    exp.Lambda: {"this", "expressions"},
    exp.Extract: _BOTH,
    exp.Trim: _BOTH | {"position"},
    exp.Substring: {"this", "start", "length"},
    exp.StrPosition: {"this", "substr"},
    exp.CurrentDate: set(),
    exp.CurrentTimestamp: set(),
    exp.Localtimestamp: set(),
    exp.Filter: _BOTH,
    exp.WithinGroup: _BOTH,
    exp.IgnoreNulls: {"this"},
    exp.RespectNulls: {"this"},
    exp.Window: {"this", "partition_by", "order", "spec", "alias", "over"},
    exp.WindowSpec: {"kind", "start", "start_side", "end", "end_side", "exclude"},
}


def refuse_unknown(tree: exp.Expr) -> None:
    """Refuse a query that has anything in it that is not listed, by its name."""
    for node in tree.walk():
        known = PARTS.get(type(node))
        if known is None:
            raise not_run(f"{where(node)}{named(node)}")
        extra = next((name for name, part in node.args.items() if part and name not in known), None)
        if extra is not None:
            raise not_run(f"{where(node)}{_WORDS.get(extra) or extra.rstrip('_').upper()} of {named(node)}")


# Trino's words for parts to which sqlglot gives other names.
_WORDS = {"sample": "TABLESAMPLE", "match": "MATCH_RECOGNIZE"}
