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

_CAST, _RANGE, _ARGUMENT = "INVALID_CAST_ARGUMENT", "NUMERIC_VALUE_OUT_OF_RANGE", "INVALID_FUNCTION_ARGUMENT"
_SAYS = "Scalar sub-query has returned multiple rows"
# (what DuckDB says, Athena's name, what Athena says; {0} is the first group)
_KNOWN: tuple[tuple[str, str, str], ...] = (
    (
        r"Overflow in (addition|subtraction|multiplication|division) of (\w+) \((\S+) (.) (\S+)\)",
        _RANGE, "{1} {0} overflow: {2} {3} {4}",
    ),
    (r"Overflow in negation", _RANGE, "negation overflow"),
    (r"[Dd]ivision by zero", "DIVISION_BY_ZERO", "Division by zero"),
    (r"Could not convert string ['\"](.*)['\"] to (DECIMAL\(\d+,\d+\))", _CAST,
     "Cannot cast VARCHAR '{0}' to {1}. Value too large."),
    (r"Type (INT\d+) with value (\S+) can't be cast .* type (\w+)", _RANGE, "Out of range for {2}: {1}"),
    (r"Type (\w+) with value (\S+) can't be cast .* type (\w+)", _CAST, "Unable to cast {1} to {2}"),
    (r"Casting value \"(.*?)\" to type (DECIMAL\(\d+,\d+\)) failed", _CAST, "Cannot cast DECIMAL '{0}' to {1}"),
    (r"Could not cast value (\S+) to (DECIMAL\(\d+,\d+\))", _CAST, "Cannot cast '{0}' to {1}"),
    (r"More than one row returned by a subquery", "SUBQUERY_MULTIPLE_ROWS", _SAYS),
    (r"Map keys must be unique", _ARGUMENT, "Duplicate map keys are not allowed"),
    (r"Map keys can not be NULL", _ARGUMENT, "map key cannot be null"),
    (r"must be a constant expression|argument in function .* must not be NULL", "NOT_SUPPORTED",
     "An argument that is no literal, where DuckDB wants one, is not run by the embedded Athena"),
    (r"Out of Range Error", _RANGE, "A number is out of the range of its type"),
    (r"Out of Memory Error", "EXCEEDED_LOCAL_MEMORY_LIMIT", "Query exhausted resources at this scale factor"),
)  # fmt: skip


def explained(error: duckdb.Error) -> QueryError:
    """Say in Athena's words what DuckDB found wrong while a query ran."""
    words = str(error)
    if raised := _RAISED.search(words):
        return QueryError(raised[1], raised[2])
    for pattern, kind, message in _KNOWN:
        if found := re.search(pattern, words, re.DOTALL):
            return QueryError(kind, message.format(*(_name(group, message) for group in found.groups())))
    return QueryError(
        "GENERIC_INTERNAL_ERROR",
        f"The embedded engine that stands for Athena's failed on this query: {type(error).__name__}",
    )


def _name(word: str, message: str) -> str:
    return (_WHOLE if message.endswith("{4}") else _NAMES).get(word, word)
