"""What is translated from Spark's SQL, and what is refused because DuckDB would mean something else.

That what is let through gives the same results on both engines is shown in ``tests/integration/test_glue_engines.py``.
"""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any

import duckdb
import pytest

from runners.local.spark_sql.sql_on_duckdb import connect
from runners.local.spark_sql.translation import translate
from runners.local.spark_sql.types import UnsupportedSQLError

VIEWS = {
    "t": {"a": "VARCHAR", "b": "VARCHAR", "c": "VARCHAR", "n": "INTEGER", "d": "DATE", "p": "DECIMAL(18,8)"},
    "u": {"b": "VARCHAR", "a": "VARCHAR", "x": "DOUBLE", "ts": "TIMESTAMP"},
}


def value(expression: str) -> Any:
    """One expression of Spark's, run on DuckDB."""
    with connect() as connection:
        return connection.sql(translate(f"SELECT {expression} AS value", {})).fetchall()[0][0]


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
        ("SELECT my_function(a) AS a FROM t", r"my_function\(\) is not among"),
        ("SELECT current_date() AS a FROM t", "CurrentDate is not among"),
        ("SELECT stddev(n) AS a FROM t", "Stddev is not among"),
        ("SELECT a FROM t WHERE a RLIKE '^x'", "RegexpLike is not among"),
        ("SELECT a, b FROM t LATERAL VIEW explode(c) AS b", "is not among"),
        ("SELECT /*+ BROADCAST(t) */ a FROM t", "Hint is not among"),
        ("SELECT a FROM t SORT BY a", "Sort is not among"),
        ("SELECT a FROM t QUALIFY row_number() OVER (ORDER BY a) = 1", "Qualify is not among"),
        ("SELECT d + INTERVAL 1 DAY AS a FROM t", "Interval is not among"),
        ("SELECT CAST(a AS TIMESTAMP) AS a FROM t", "a CAST to this type"),
        ("SELECT CAST(a AS DOUBLE) AS a FROM t", "a CAST to this type"),
        ("SELECT a FROM t WHERE a LIKE 'x\\\\_y'", "LIKE pattern with a backslash"),
        ("SELECT a FROM t NATURAL JOIN u", "a join without ON, USING or CROSS"),
        ("SELECT trim(BOTH 'x' FROM a) AS a FROM t", r"trim\(\) of other characters"),
        ("SELECT count(a, b) AS n FROM t", "without DISTINCT"),
        ("SELECT round(p, n) AS a FROM t", "literal number of digits"),
        ("SELECT floor(p, 2) AS a FROM t", "is not among|to a digit"),
        ("SELECT to_date(a, b) AS a FROM t", "a pattern that is a literal"),
        ("SELECT to_date(a, 'MMM d') AS a FROM t", "date pattern 'MMM d'"),
        ("SELECT to_date(a, 'yyyyMd') AS a FROM t", "stands beside another part"),
        ("SELECT to_date(a, 'yyyy年') AS a FROM t", "date pattern"),
        ("SELECT upper(a, b) AS a FROM t", r"upper\(\) with 2 arguments"),
        # Windows.
        ("SELECT row_number() OVER (PARTITION BY a) AS x FROM t", "needs an ORDER BY"),
        ("SELECT first_value(a) AS x FROM t", "it needs a window"),
        ("SELECT first_value(a) IGNORE NULLS OVER (ORDER BY b) AS x FROM t", "over this function"),
        (
            "SELECT sum(n) OVER (ORDER BY n RANGE BETWEEN 1 PRECEDING AND CURRENT ROW) AS x FROM t",
            "RANGE by a distance",
        ),
        ("SELECT sum(n) OVER w AS x FROM t WINDOW w AS (ORDER BY n)", "is not among|a window with a name"),
        # Where Spark would convert.
        ("SELECT a FROM t WHERE a > 5", r"a \(STRING\), 5 \(INT\) are not of one type"),
        ("SELECT a FROM t WHERE a BETWEEN 1 AND 2", "not of one type"),
        ("SELECT a FROM t WHERE n IN ('1', '2')", "not of one type"),
        ("SELECT a FROM t WHERE n IN (SELECT a FROM u)", "not of one type"),
        ("SELECT a FROM t WHERE d > '2024-1-1'", "not of one type"),
        ("SELECT t.a FROM t JOIN u ON t.n = u.a", "not of one type"),
        ("SELECT coalesce(a, 0) AS a FROM t", "not of one type"),
        ("SELECT CASE a WHEN 1 THEN 'x' END AS a FROM t", "not of one type"),
        ("SELECT CASE WHEN n > 1 THEN 'x' ELSE 0 END AS a FROM t", "not of one type"),
        ("SELECT a FROM t UNION SELECT n FROM t", "not of one type"),
        ("SELECT p FROM t UNION SELECT n FROM t", "CAST both to one type"),
        ("SELECT a FROM t UNION BY NAME SELECT a FROM u", "by name"),
        ("WITH RECURSIVE r AS (SELECT a FROM t) SELECT a FROM r", "RECURSIVE"),
        ("SELECT a, count(*) AS c FROM t GROUP BY ALL", "GROUP BY ALL"),
        ("SELECT CAST(round(n / 3, -1) AS INT) AS a FROM t", "rounded to this digit"),
        ("SELECT x.n FROM (SELECT CAST(a AS INT) AS n FROM t) AS x WHERE x.n = '1'", "not of one type"),
        ("SELECT a FROM t WHERE a", "put a CAST around"),
        ("SELECT a FROM t WHERE NOT n", "put a CAST around"),
        ("SELECT sum(a) AS a FROM t", "put a CAST around"),
        ("SELECT avg(a) AS a FROM t", "put a CAST around"),
        ("SELECT a + 1 AS a FROM t", "put a CAST around"),
        ("SELECT d + 1 AS a FROM t", "put a CAST around"),
        ("SELECT sum(n / 2) AS a FROM t", "put a CAST around"),
        ("SELECT p % 2 AS a FROM t", "put a CAST around"),
        ("SELECT year(a) AS a FROM t", "put a CAST around"),
        ("SELECT substring(a, b) AS a FROM t", "put a CAST around"),
        ("SELECT CAST(p AS STRING) AS a FROM t", "put a CAST around"),
        ("SELECT a || p AS a FROM t", "put a CAST around"),
        ("SELECT CAST(n / 3 AS STRING) AS a FROM t", "put a CAST around"),
        ("SELECT CAST(n AS DATE) AS a FROM t", "put a CAST around"),
        ("SELECT x FROM u", "x is of the type DOUBLE"),
        ("SELECT * FROM u", "x is of the type DOUBLE"),
        ("SELECT ts FROM u", "ts is of the type"),
        # Names.
        ("SELECT a, count(*) FROM t GROUP BY a", r"differently: name it by AS"),
        ("SELECT x.* FROM (SELECT upper(a) FROM t) AS x", r"differently: name it by AS"),
        (
            "SELECT trim(a) AS b, count(*) AS c FROM t GROUP BY a HAVING b > 'x'",
            "b is an alias, and may be a column as well",
        ),
        ("SELECT a AS b FROM t ORDER BY upper(b)", "b is an alias, and may be a column as well"),
        ("SELECT * FROM t JOIN (SELECT b, a AS z FROM t) AS y USING (b)", "name the columns"),
        ("SELECT * FROM t JOIN u USING (a) JOIN t AS v USING (n)", "name the columns"),
        ("WITH t AS (SELECT b, a FROM u) SELECT * FROM t JOIN (SELECT a FROM u) AS y USING (a)", "name the columns"),
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
        translate(query, VIEWS)


def test_a_refusal_says_how_to_run_the_job_all_the_same() -> None:
    with pytest.raises(UnsupportedSQLError, match="RUNNERS_SQL_ENGINE=spark"):
        translate("SELECT stddev(a) AS a FROM t", VIEWS)


def test_the_order_of_nulls_is_sparks() -> None:
    assert "NULLS FIRST" in translate("SELECT a FROM t ORDER BY a", VIEWS)


def test_a_view_may_be_named_in_other_letters_and_a_common_table_needs_no_view() -> None:
    translate("WITH x AS (SELECT a FROM T) SELECT a FROM x", VIEWS)


def test_a_date_literal_is_let_through() -> None:
    assert value("DATE '2014-03-01'") == datetime.date(2014, 3, 1)


def test_an_alias_that_no_one_sees_is_not_asked_for() -> None:
    translate("SELECT a FROM t WHERE EXISTS (SELECT 1 FROM u WHERE u.a = t.a) AND n > (SELECT max(n) FROM t)", VIEWS)
    translate("SELECT a FROM t UNION ALL SELECT upper(a) FROM u", VIEWS)


def test_the_join_column_may_come_first_as_it_does_in_spark() -> None:
    translate("SELECT * FROM t JOIN (SELECT a, b AS z FROM u) AS y USING (A)", VIEWS)
    translate("SELECT * FROM (SELECT a, n FROM t) AS x JOIN (SELECT a, b FROM u) AS y USING (a)", VIEWS)


@pytest.mark.parametrize("text", ["Straße", "İstanbul", "ΟΔΟΣ", "ﬁn"])
def test_a_letter_whose_case_is_seen_differently_fails_the_query(text: str) -> None:
    with pytest.raises(duckdb.Error, match="do not agree on the case"):
        value(f"upper('{text}')")


def test_a_part_of_a_split_string_counts_from_one() -> None:
    with pytest.raises(duckdb.Error, match="counts from 1"):
        value("split_part('a.b', '.', 0)")


def test_floating_point_is_cut_within_the_bounds_of_a_whole_number() -> None:
    assert value("CAST(3000000000 / 1 AS INT)") == 2147483647
    assert value("CAST(-3000000000 / 1 AS INT)") == -2147483648
    assert value("CAST(-7 / 2 AS BIGINT)") == -3


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("1.00 / 3", Decimal("0.333333")), ("-2.0 / 3.0", Decimal("-0.666667")), ("1.00 / 0", None),
        ("CAST(1 / 3 AS DECIMAL(5, 3))", Decimal("0.333")), ("CAST(1 / 0 AS DECIMAL(5, 3))", None),
        ("CAST(round(2.5 / 1 * 1, 0) AS INT)", 3), ("CAST(round(201 / 200, 2) AS DECIMAL(9, 2))", Decimal("1.01")),
        ("-7 div 2", -3), ("-7 % 2", -1), ("7 div 0", None), ("1.5 + 1", Decimal("2.5")),
        ("1.5 * 1.5", Decimal("2.25")),
        ("round(2.345, 2)", Decimal("2.35")), ("round(-0.5)", Decimal("-1")), ("round(125, -1)", 130),
        ("floor(-1.5)", Decimal("-2")), ("ceil(1.5)", Decimal("2")), ("avg(1.5)", Decimal("1.50000")), ("sum(2)", 2),
        ("avg(1.5) FILTER (WHERE true)", Decimal("1.50000")), ("count(DISTINCT 1, NULL)", 0),
        ("abs(-1.5)", Decimal("1.5")),
        ("greatest(1, NULL, 2.5)", Decimal("2.5")), ("coalesce(NULL, 1, 2.5)", Decimal("1.0")),
        ("concat('a', 1, NULL)", None), ("concat('a', 1, 2.50)", "a12.50"), ("concat_ws('-', 'a', NULL, 1)", "a-1"),
        ("1 || 'a'", "1a"),
        ("trim('\u00a0 ')", "\u00a0"), ("substring('abc', -2)", "bc"), ("lpad('7', 3, '0')", "007"),
        ("upper('é')", "É"), ("initcap('a bC-d')", "A Bc-d"), ("instr('abc', 'c')", 3), ("right('abc', 0)", ""),
        ("row_number() OVER (ORDER BY 1)", 1), ("sum(2) OVER ()", 2), ("avg(2.5) OVER ()", Decimal("2.50000")),
        ("lag(1) OVER (ORDER BY 1)", None), ("CAST('yes' AS BOOLEAN)", True), ("CAST(true AS INT)", 1),
        ("CAST(3000000000 AS INT)", -1294967296), ("CAST('2024-1' AS DATE)", datetime.date(2024, 1, 1)),
        ("CAST('2024-1x' AS DATE)", None), ("add_months(DATE '2024-01-31', 1)", datetime.date(2024, 2, 29)),
        ("date_format(DATE '2024-03-05', 'd.M.yyyy')", "5.3.2024"), ("dayofweek(DATE '2024-03-03')", 1),
        ("trunc(DATE '2024-03-05', 'week')", datetime.date(2024, 3, 4)),
    ],
)  # fmt: skip
def test_spark_has_its_own_rules(expression: str, expected: Any) -> None:
    assert value(expression) == expected
