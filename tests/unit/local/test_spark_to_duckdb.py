"""What is translated from Spark's SQL, and what is refused because DuckDB would mean something else.

That what is let through gives the same results on both engines is shown in ``tests/integration/test_glue_engines.py``.
"""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any

import pytest

from runners.local.spark_to_duckdb import UnsupportedSQLError, translate
from runners.local.sql_on_duckdb import connect


def value(expression: str) -> Any:
    """One expression of Spark's, run on DuckDB."""
    with connect() as connection:
        return connection.sql(translate(f"SELECT {expression} AS value", [])).fetchall()[0][0]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("12", 12), (" 12 ", 12), ("+5", 5), ("-7", -7), ("12.7", 12), ("-12.7", -12), ("5.", 5), (".5", 0), (".", 0),
        ("", None), ("+", None), ("1e3", None), ("0x10", None), ("1_000", None), ("1,000", None),
        ("99999999999", None), ("twelve", None),
    ],
)  # fmt: skip
def test_a_whole_number_is_cut_and_what_is_none_is_null(text: str, number: int | None) -> None:
    assert value(f"CAST('{text}' AS INT)") == number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("12", "12.00"), (" 12.5 ", "12.50"), ("1.005", "1.01"), ("-1.005", "-1.01"), ("1e3", "1000.00"),
        (".5", "0.50"), ("5.", "5.00"), ("", None), (".", None), ("1,2", None), ("1_000", None), ("NaN", None),
        ("12345678901234567890.5", None),
    ],
)  # fmt: skip
def test_a_decimal_is_rounded_half_up_and_what_is_none_is_null(text: str, number: str | None) -> None:
    assert value(f"CAST('{text}' AS DECIMAL(18, 2))") == (None if number is None else Decimal(number))


@pytest.mark.parametrize(
    ("pattern", "text", "is_date"),
    [
        ("M/d/yyyy", "3/1/2014", True), ("M/d/yyyy", "03/01/2014", True), ("M/d/yyyy", "003/1/2014", True),
        ("MM/dd/yyyy", "03/01/2014", True), ("yyyy-MM-dd", "2014-03-01", True), ("d.M.yyyy", "1.3.2014", True),
        ("MM/dd/yyyy", "3/1/2014", False), ("M/d/yyyy", "3/1/14", False), ("M/d/yyyy", " 3/1/2014", False),
        ("M/d/yyyy", "3/1/2014 10:00", False), ("M/d/yyyy", "2/30/2014", False), ("M/d/yyyy", "13/1/2014", False),
        ("M/d/yyyy", "", False), ("yyyy-MM-dd", "2014/03/01", False), ("d.M.yyyy", "1x3x2014", False),
    ],
)  # fmt: skip
def test_a_date_is_read_by_its_pattern_alone(pattern: str, text: str, is_date: bool) -> None:
    expected = datetime.date(2014, 3, 1) if is_date else None
    assert value(f"to_date('{text}', '{pattern}')") == expected


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("SELECT a / 2 AS a FROM t", "Div is not among"),
        ("SELECT avg(a) AS a FROM t", "Avg is not among"),
        ("SELECT lower(a) AS a FROM t", "Lower is not among"),
        ("SELECT my_function(a) AS a FROM t", r"my_function\(\) is not among"),
        ("SELECT a FROM t WHERE a RLIKE '^x'", "RegexpLike is not among"),
        ("SELECT row_number() OVER (ORDER BY a) AS n FROM t", "is not among"),
        ("SELECT a, b FROM t LATERAL VIEW explode(c) AS b", "is not among"),
        ("SELECT /*+ BROADCAST(t) */ a FROM t", "Hint is not among"),
        ("SELECT a FROM t SORT BY a", "Sort is not among"),
        ("SELECT a FROM t EXCEPT SELECT a FROM t", "Except is not among"),
        ("SELECT sum(a) AS a FROM t", "put a CAST around"),
        ("SELECT a + 1 AS a FROM t", "put a CAST around"),
        ("SELECT CAST(a AS TIMESTAMP) AS a FROM t", "a CAST to this type"),
        ("SELECT CAST(a AS DATE) AS a FROM t", r"to_date\(value, pattern\)"),
        ("SELECT CAST(a AS DOUBLE) AS a FROM t", "a CAST to this type"),
        ("SELECT trim(a) AS a, count(*) AS n FROM t GROUP BY a", "GROUP BY names an alias"),
        ("SELECT a FROM t WHERE a LIKE 'x\\\\_y'", "LIKE pattern with a backslash"),
        ("SELECT a FROM t NATURAL JOIN u", "a join without ON, USING or CROSS"),
        ("SELECT trim(BOTH 'x' FROM a) AS a FROM t", r"trim\(\) of other characters"),
        ("SELECT count(DISTINCT a, b) AS n FROM t", r"count\(\) over several columns"),
        ("SELECT to_date(a) AS a FROM t", "a pattern that is a literal"),
        ("SELECT to_date(a, b) AS a FROM t", "a pattern that is a literal"),
        ("SELECT to_date(a, 'MMM d') AS a FROM t", "date pattern 'MMM d'"),
        ("SELECT to_date(a, 'yyyy年') AS a FROM t", "date pattern"),
        ("SELECT a FROM 'somewhere.csv'", "there is no view|cannot be read"),
        ("SELECT a FROM other", "there is no view other, there are t, u"),
        ("SELECT a FROM db.t", "there is no view db.t"),
        ("SELECT a FROM t; SELECT a FROM u", "exactly one SELECT"),
        ("DROP TABLE t", "exactly one SELECT"),
        ("", "exactly one SELECT"),
        ("SELECT FROM WHERE", "cannot be read|is not among|exactly one"),
    ],
)
def test_what_duckdb_would_take_otherwise_is_refused(query: str, reason: str) -> None:
    with pytest.raises(UnsupportedSQLError, match=reason):
        translate(query, ["t", "u"])


def test_a_refusal_says_how_to_run_the_job_all_the_same() -> None:
    with pytest.raises(UnsupportedSQLError, match="RUNNERS_SQL_ENGINE=spark"):
        translate("SELECT avg(a) FROM t", ["t"])


def test_the_order_of_nulls_is_sparks() -> None:
    assert "NULLS FIRST" in translate("SELECT a FROM t ORDER BY a", ["t"])


def test_a_view_may_be_named_in_other_letters_and_a_common_table_needs_no_view() -> None:
    translate("WITH x AS (SELECT a FROM T) SELECT a FROM x", ["t"])


def test_a_date_literal_is_let_through() -> None:
    assert value("DATE '2014-03-01'") == datetime.date(2014, 3, 1)
