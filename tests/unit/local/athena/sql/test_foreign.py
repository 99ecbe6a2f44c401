"""What sqlglot reads, and Athena does not understand."""

from __future__ import annotations

import pytest

from runners.local.athena.sql.translation import QueryError, parse
from tests.unit.local.athena.sql.tables import translated


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("SELECT id::varchar FROM sales", "line 1:10: mismatched input '::'"),
        ("SELECT id <=> 1 FROM sales", "line 1:11: mismatched input '<=>'"),
        ("SELECT id == 1 FROM sales", "line 1:11: mismatched input '=='"),
        ("SELECT name ISNULL FROM sales", "line 1:13: mismatched input 'ISNULL'"),
        ("SELECT name NOTNULL FROM sales", "line 1:13: mismatched input 'NOTNULL'"),
        ("SELECT name IS UNKNOWN FROM sales", "line 1:16: mismatched input 'UNKNOWN'"),
        ("SELECT name IS NOT UNKNOWN FROM sales", "line 1:20: mismatched input 'UNKNOWN'"),
        ("SELECT id,\nFROM sales", "line 2:1: mismatched input 'FROM'"),
        ("SELECT lower('a',)", "line 1:18: mismatched input ')'"),
        ("SELECT ARRAY[1,]", "line 1:16: mismatched input ']'"),
        ("SELECT 1,", "line 1:1: mismatched input '<EOF>'"),
        ("SELECT [1, 2]", "line 1:8: mismatched input '['"),
        ("SELECT 1 IN [1]", "line 1:13: mismatched input '['"),
        ("[1]", "line 1:1: mismatched input '['"),
        ("SELECT INTERVAL 1 DAY", "line 1:17: mismatched input '1'"),
        ("SELECT INTERVAL '1 day', 2", "line 1:24: mismatched input ','"),
        ("SELECT INTERVAL '1 day'", "line 1:1: mismatched input '<EOF>'"),
        ("SELECT id FROM sales LIMIT 1, 2", "line 1:29: mismatched input ','"),
        ("SELECT 1a", "line 1:8: identifiers must not start with a digit: '1a'"),
        ("SELECT :id FROM sales", "line 1:8: mismatched input ':'"),
        ("SELECT @id FROM sales", "mismatched input"),
    ],
)
def test_what_trinos_grammar_does_not_have_is_a_mismatched_input(query: str, message: str) -> None:
    with pytest.raises(QueryError) as raised:
        parse(query)
    assert raised.value.kind == "SYNTAX_ERROR"
    assert message in raised.value.message


@pytest.mark.parametrize("number", ["0b101", "0O17", "1_000", "12_345_678"])
def test_a_number_that_sqlglot_does_not_read_is_refused(number: str) -> None:
    with pytest.raises(QueryError) as raised:
        parse(f"SELECT {number}")
    assert raised.value.kind == "NOT_SUPPORTED"
    assert f"line 1:8: the number {number}" in raised.value.message


@pytest.mark.parametrize(
    "query",
    [
        "SELECT tags[1], ARRAY[1][1], (ARRAY[2])[1], split('a', 'b')[1], stock['here'] FROM sales",
        'SELECT ARRAY[ARRAY[1]][1][1], "tags"[1], CASE WHEN true THEN tags END[1] FROM sales',
        'SELECT "date"[1], year[1] FROM (VALUES (ARRAY[1], ARRAY[2])) AS t ("date", year)',
        "SELECT '==', '::', '[', ',' || ')', 'x, FROM', '1a'",
        'SELECT 1 a, 2 AS "1b", 1e5, 1.5E-3',
        "SELECT INTERVAL '1' DAY, INTERVAL '1-2' YEAR TO MONTH, - INTERVAL '2' HOUR",
        "SELECT name FROM sales, visits LIMIT 1",
    ],
)
def test_what_looks_like_it_is_read(query: str) -> None:
    assert translated(query).columns
