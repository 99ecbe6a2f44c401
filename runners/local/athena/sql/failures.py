"""Tells what went wrong while a translated query ran, in Athena's words.

A translated query fails by ``trino_fail``, with Athena's own name and message (see ``macros``); what DuckDB finds wrong
by itself is recognised by its words. This module never shows DuckDB's words as if they were Athena's.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from runners.local.athena.sql.errors import QueryError

if TYPE_CHECKING:
    import duckdb

MARK = "ATHENA|"
_RAISED = re.compile(re.escape(MARK) + r"([A-Z_]+)\|(.*?)' to INT32", re.DOTALL)
_NAMES = {
    "INT8": "TINYINT", "INT16": "SMALLINT", "INT32": "INT", "INT64": "BIGINT", "INT128": "BIGINT", "FLOAT": "REAL",
    "DOUBLE": "DOUBLE", "BOOL": "BOOLEAN",
}  # fmt: skip
_WHOLE = {"INT8": "tinyint", "INT16": "smallint", "INT32": "integer", "INT64": "bigint"}

# (what DuckDB says, Athena's name, what Athena says; {0} is the first group)
_KNOWN: tuple[tuple[re.Pattern[str], str, str], ...] = (
    (
        re.compile(r"Overflow in (addition|subtraction|multiplication|division) of (\w+) \((\S+) (.) (\S+)\)"),
        "NUMERIC_VALUE_OUT_OF_RANGE", "{1} {0} overflow: {2} {3} {4}",
    ),
    (re.compile(r"Overflow in negation"), "NUMERIC_VALUE_OUT_OF_RANGE", "negation overflow"),
    (re.compile(r"[Dd]ivision by zero"), "DIVISION_BY_ZERO", "Division by zero"),
    (re.compile(r"Could not convert string '(.*)' to (\w+)", re.DOTALL), "INVALID_CAST_ARGUMENT", "Cannot cast '{0}' to {1}"),
    (re.compile(r"Could not convert string \"(.*)\" to (DECIMAL\(\d+,\d+\))", re.DOTALL), "INVALID_CAST_ARGUMENT", "Cannot cast VARCHAR '{0}' to {1}. Value is not a number."),
    (re.compile(r"invalid date field format: \"(.*?)\"", re.DOTALL), "INVALID_CAST_ARGUMENT", "Value cannot be cast to date: {0}"),
    (re.compile(r"date field value out of range: \"(.*?)\"", re.DOTALL), "INVALID_CAST_ARGUMENT", "Value cannot be cast to date: {0}"),
    (re.compile(r"(?:invalid timestamp field format|timestamp field value out of range): \"(.*?)\"", re.DOTALL), "INVALID_CAST_ARGUMENT", "Value cannot be cast to timestamp: {0}"),
    (re.compile(r"Type (INT\d+) with value (\S+) can't be cast .* type (\w+)"), "NUMERIC_VALUE_OUT_OF_RANGE", "Out of range for {2}: {1}"),
    (re.compile(r"Type (\w+) with value (\S+) can't be cast .* type (\w+)"), "INVALID_CAST_ARGUMENT", "Unable to cast {1} to {2}"),
    (re.compile(r"Cast(?:ing)? value \"?(.*?)\"? to type (DECIMAL\(\d+,\d+\)) failed"), "INVALID_CAST_ARGUMENT", "Cannot cast '{0}' to {1}"),
    (re.compile(r"Could not cast value (\S+) to (DECIMAL\(\d+,\d+\))"), "INVALID_CAST_ARGUMENT", "Cannot cast '{0}' to {1}"),
    (re.compile(r"More than one row returned by a subquery"), "SUBQUERY_MULTIPLE_ROWS", "Scalar sub-query has returned multiple rows"),
    (re.compile(r"Map keys must be unique"), "INVALID_FUNCTION_ARGUMENT", "Duplicate map keys are not allowed"),
    (re.compile(r"Map keys can not be NULL"), "INVALID_FUNCTION_ARGUMENT", "map key cannot be null"),
    (re.compile(r"Out of Range Error"), "NUMERIC_VALUE_OUT_OF_RANGE", "A number is out of the range of its type"),
    (re.compile(r"Out of Memory Error"), "EXCEEDED_LOCAL_MEMORY_LIMIT", "Query exhausted resources at this scale factor"),
)  # fmt: skip


def explained(error: duckdb.Error) -> QueryError:
    """Say in Athena's words what DuckDB found wrong while a query ran."""
    words = str(error)
    if raised := _RAISED.search(words):
        return QueryError(raised[1], raised[2])
    for pattern, kind, message in _KNOWN:
        if found := pattern.search(words):
            return QueryError(kind, message.format(*(_name(group, message) for group in found.groups())))
    return QueryError(
        "GENERIC_INTERNAL_ERROR",
        f"The embedded engine that stands for Athena's failed on this query: {type(error).__name__}",
    )


def _name(word: str, message: str) -> str:
    return (_WHOLE if message.endswith("{4}") else _NAMES).get(word, word)
