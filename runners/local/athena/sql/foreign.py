"""Signs and words that sqlglot reads in any dialect, and that Trino's grammar does not have.

A query with one of them is none of Athena's, though the parser makes something of it: ``x::varchar``, ``[1, 2]``,
``SELECT x, FROM t``. It is found among the tokens; what they mean together is left to the parser.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from sqlglot.tokens import TokenType  # type: ignore[attr-defined]  # it does not say so, but it is its home

from runners.local.athena.sql.errors import QueryError, not_run

if TYPE_CHECKING:
    from collections.abc import Sequence

_SIGNS = {TokenType.DCOLON, TokenType.NULLSAFE_EQ, TokenType.ISNULL, TokenType.NOTNULL}
_ENDS_OF_LISTS = {TokenType.FROM, TokenType.R_PAREN, TokenType.R_BRACKET}
# With which a value may end, so that a bracket after it is that of a subscript, or of ARRAY.
_ENDS_OF_VALUES = {
    TokenType.VAR, TokenType.IDENTIFIER, TokenType.STRING, TokenType.PLACEHOLDER, TokenType.ARRAY, TokenType.R_PAREN,
    TokenType.R_BRACKET, TokenType.END,
}  # fmt: skip
# Reserved words that a value follows, so that a bracket after one would be a value by itself.
_BEFORE_VALUES = {
    "AND", "BETWEEN", "BY", "CASE", "DISTINCT", "ELSE", "ESCAPE", "FROM", "HAVING", "IN", "LIKE", "NOT", "ON", "OR",
    "SELECT", "THEN", "VALUES", "WHEN", "WHERE",
}  # fmt: skip
_NUMBER_OF_TRINO = re.compile(r"0[bo][0-7_]+|\d+(_\d+)+", re.IGNORECASE)


def refuse_foreign(tokens: Sequence[Any], sql: str) -> None:
    """Refuse tokens that Athena would not understand where they stand; the first of them is a ``QueryError``."""
    for place, token in enumerate(tokens):
        before = tokens[place - 1] if place else None
        after, second = (tokens[at] if at < len(tokens) else None for at in (place + 1, place + 2))
        following = after.token_type if after is not None else None
        end = after.end + 1 if after is not None and after.start == token.end + 1 else None  # of two without a blank
        match token.token_type:
            case kind if kind in _SIGNS or (kind == TokenType.EQ and token.text == "=="):
                raise _mismatched(token, sql)
            case TokenType.COMMA if after is None or following in _ENDS_OF_LISTS:
                raise _mismatched(after, sql)
            case TokenType.L_BRACKET if not _ends_a_value(before):
                raise _mismatched(token, sql)
            case TokenType.INTERVAL if following == TokenType.NUMBER or (
                following == TokenType.STRING and not _is_word(second)
            ):
                raise _mismatched(after if following == TokenType.NUMBER else second, sql)
            case TokenType.UNKNOWN if TokenType.IS in [one.token_type for one in tokens[max(place - 2, 0) : place]]:
                raise _mismatched(token, sql)
            case TokenType.LIMIT if second is not None and second.token_type == TokenType.COMMA:
                raise _mismatched(second, sql)
            case TokenType.NUMBER if following == TokenType.VAR and end is not None:
                raise _number(token, sql[token.start : end], sql)


def _ends_a_value(token: Any) -> bool:
    """Whether a value may end with this token; most words may be a column's name."""
    if token is None or token.token_type in _ENDS_OF_VALUES:
        return token is not None
    return _is_word(token) and token.text.upper() not in _BEFORE_VALUES


def _is_word(token: Any) -> bool:
    return token is not None and token.token_type != TokenType.STRING and token.text.isidentifier()


def _number(token: Any, written: str, sql: str) -> QueryError:
    if _NUMBER_OF_TRINO.fullmatch(written):
        return not_run(f"{_at(token, sql)}the number {written}", "write it in decimal digits alone")
    return QueryError("SYNTAX_ERROR", f"{_at(token, sql)}identifiers must not start with a digit: '{written}'")


def _mismatched(token: Any, sql: str) -> QueryError:
    if token is None:
        return QueryError("SYNTAX_ERROR", f"line {sql.count(chr(10)) + 1}:1: mismatched input '<EOF>'")
    return QueryError("SYNTAX_ERROR", f"{_at(token, sql)}mismatched input '{token.text}'")


def _at(token: Any, sql: str) -> str:
    line_start = sql.rfind("\n", 0, token.start) + 1
    return f"line {sql.count(chr(10), 0, token.start) + 1}:{token.start - line_start + 1}: "
