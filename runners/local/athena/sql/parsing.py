"""Reads a statement as Athena does: queries in Trino's words, most of the rest in Hive's.

Functions are left as they are written, so that each is known by Trino's name alone. This module decides nothing about
what a statement means.
"""

from __future__ import annotations

from typing import Any

from sqlglot import exp
from sqlglot.dialects.athena import Athena
from sqlglot.dialects.hive import Hive
from sqlglot.dialects.trino import Trino
from sqlglot.errors import ParseError, TokenError
from sqlglot.tokens import TokenType  # type: ignore[attr-defined]  # it does not say so, but it is its home

from runners.local.athena.sql.errors import QueryError
from runners.local.athena.sql.foreign import refuse_foreign

SYNTAX_OF_FUNCTIONS = {"CAST", "TRY_CAST", "EXTRACT", "TRIM", "POSITION", "SUBSTRING"}


def _literal(_: Any, this: exp.Expr, to: exp.DataType) -> exp.Expr:
    """Tell DATE '2024-01-31' from a CAST of a text."""
    made = exp.Cast(this=this, to=to)
    made.meta["literal"] = True
    return made


def _placeholder(parser: Any) -> exp.Expr:
    """Note where a ``?`` stands: the parameters are bound in the order of the text."""
    made = exp.Placeholder()
    made.meta["start"] = parser._prev.start
    return made


class HiveAsWritten(Hive):
    """Hive's dialect, which says nothing of a statement to the log."""

    class Parser(Hive.Parser):  # type: ignore[misc, valid-type]  # noqa: D106 - sqlglot sets it at run time
        def _warn_unsupported(self) -> None:
            """Keep the statement out of the log."""


class TrinoAsWritten(Trino):
    """Trino's dialect, with functions and subscripts left as they are written."""

    INDEX_OFFSET = 0

    class Tokenizer(Trino.Tokenizer):  # noqa: D106 - sqlglot's own way of changing a dialect
        KEYWORDS = {**Trino.Tokenizer.KEYWORDS, "UNLOAD": TokenType.COMMAND}  # noqa: RUF012

    class Parser(Trino.Parser):  # type: ignore[misc, valid-type]  # noqa: D106 - sqlglot sets it at run time
        FUNCTIONS: dict[str, Any] = {}  # noqa: RUF012 - sqlglot's own way of changing a dialect
        FUNCTION_PARSERS = {  # noqa: RUF012
            name: parser for name, parser in Trino.Parser.FUNCTION_PARSERS.items() if name in SYNTAX_OF_FUNCTIONS
        }
        PLACEHOLDER_PARSERS = {TokenType.PLACEHOLDER: _placeholder}  # noqa: RUF012
        TYPE_LITERAL_PARSERS = dict.fromkeys(exp.DType, _literal)

        def _warn_unsupported(self) -> None:
            """Keep the statement out of the log."""

        def _parse_join(self, *arguments: Any, **options: Any) -> exp.Join | None:
            """Tell ``a, b`` from ``a JOIN b``, which wants a condition."""
            follows_comma = self._curr is not None and self._curr.token_type == TokenType.COMMA
            made: exp.Join | None = super()._parse_join(*arguments, **options)
            if made is not None:
                made.meta["comma"] = follows_comma
            return made


def parse(sql: str) -> exp.Expr:
    """Read one statement; what cannot be read is a ``QueryError`` that says where."""
    try:
        dialect = HiveAsWritten if _is_hive(sql) else TrinoAsWritten
        tokens = dialect().tokenize(sql)
        if dialect is TrinoAsWritten:
            refuse_foreign(tokens, sql)
        statements = [tree for tree in dialect().parser().parse(tokens, sql) if tree]
    except ParseError as error:
        raise _unreadable(error) from None
    except TokenError:
        raise QueryError("SYNTAX_ERROR", "line 1:1: a quoted text, a quoted name or a comment does not end") from None
    except RecursionError:
        raise QueryError("SYNTAX_ERROR", "line 1:1: the statement is nested too deeply") from None
    if len(statements) != 1:
        raise QueryError("SYNTAX_ERROR", f"line 1:1: one statement is expected, there are {len(statements)}")
    statements[0].meta["sql"] = sql
    return statements[0]


def _is_hive(sql: str) -> bool:
    words = Athena().tokenize(sql)
    return bool(words) and words[0].token_type == TokenType.HIVE_TOKEN_STREAM


def _unreadable(error: ParseError) -> QueryError:
    found = error.errors[0] if error.errors else {}
    word = str(found.get("highlight") or "<EOF>")
    line, column = found.get("line") or 1, max((found.get("col") or 1) - len(word) + 1, 1)
    return QueryError("SYNTAX_ERROR", f"line {line}:{column}: mismatched input '{word}'")


def tables_of(query: exp.Expr) -> set[tuple[str | None, str]]:
    """Name the tables that a query reads, in lower case, with their databases where it names them.

    Names of a WITH are none; a catalog before the database must be Athena's own.
    """
    return {
        (table.db.lower() or None, table.name.lower())
        for table in query.find_all(exp.Table)
        if isinstance(table.this, exp.Identifier) and not _is_of_with(table)
    }


def _is_of_with(table: exp.Table) -> bool:
    """Whether a name is that of a WITH which is seen where it stands."""
    if table.db:
        return False
    inner: exp.Expr = table
    while (outer := inner.parent) is not None:
        defined = outer.args.get("with_")
        if isinstance(outer, exp.With):
            place = next(number for number, cte in enumerate(outer.expressions) if cte is inner)
            seen = outer.expressions if outer.recursive else outer.expressions[:place]
        else:
            seen = defined.expressions if defined is not None and defined is not inner else []
        if any(cte.alias.lower() == table.name.lower() for cte in seen):
            return True
        inner = outer
    return False
