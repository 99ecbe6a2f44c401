"""Queries that Athena fails, those that the embedded one refuses by name, and what is no SQL of Athena's at all.

What fails, and in which words, is said by the documentation, whose page and section stand beside it: ``functions/…``,
``sql/…`` and ``language/…`` are pages of Trino's, ``athena: …`` those of Athena's user guide.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.integration.athena_shop import shop

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.athena_shop import Athena


@pytest.fixture(scope="module")
def athena(request: pytest.FixtureRequest) -> Iterator[Athena]:
    with shop() as opened:
        opened.start_queries_of(request)
        yield opened


# What fails


def failing(sentence: str, sql: str, reason: str) -> Any:
    """A query that fails, and what its StateChangeReason must look like."""
    return pytest.param(sql, reason, id=sentence)


FAILURES = [
    # functions/conditional.md, TRY: "Query failed: Division by zero"
    failing("whole numbers are not divided by zero", "SELECT 10 / steps FROM readings", "^DIVISION_BY_ZERO: .*by zero"),
    failing("nor is a remainder of zero", "SELECT 1 % 0", "^DIVISION_BY_ZERO: "),
    failing("decimals are not divided by zero", "SELECT 1.0 / 0.0", "^DIVISION_BY_ZERO: "),
    # functions/array.md: element_at, "the subscript operator would fail in such a case"
    failing(
        "a subscript beyond an array's end fails", "SELECT ARRAY[1, 2, 3][4]", "^INVALID_FUNCTION_ARGUMENT: .*4 > 3"
    ),
    failing("a subscript of an empty array of a table fails", "SELECT tags[1] FROM people", "subscript.*1 > 0"),
    failing("arrays have no element 0", "SELECT ARRAY[1, 2, 3][0]", "^INVALID_FUNCTION_ARGUMENT: .*start at 1"),
    # functions/map.md, Subscript operator: "throws an error if the key is not contained in the map"
    failing("a map's missing key fails", "SELECT scores['art'] FROM people WHERE name = 'Bob'", "Key not present.*art"),
    # functions/conditional.md, TRY: "Query failed: Cannot cast 'P332a' to BIGINT"
    failing(
        "a text that is no number is not cast",
        "SELECT CAST('P332a' AS BIGINT)",
        "^INVALID_CAST_ARGUMENT: Cannot cast 'P332a' to BIGINT",
    ),
    # functions/json.md, json_format: "JSON object and JSON array cannot be cast to VARCHAR"; json_parse
    failing(
        "arrays of JSON are not cast to texts", "SELECT CAST(JSON '[1, 2, 3]' AS VARCHAR)", "^INVALID_CAST_ARGUMENT"
    ),
    failing("what is no JSON is not parsed", "SELECT json_parse('not_json')", "^INVALID_FUNCTION_ARGUMENT: .*JSON"),
    # functions/datetime.md, MySQL date functions; functions/conditional.md, TRY
    failing(
        "a text that does not fit its format is no date",
        "SELECT date_parse('2024-13-01', '%Y-%m-%d')",
        "^INVALID_FUNCTION_ARGUMENT: ",
    ),
    failing("date_parse wants its whole text", "SELECT date_parse('2024-01-01x', '%Y-%m-%d')", "^INVALID_FUNCTION_ARG"),
    failing("date_format has no %w", "SELECT date_format(now(), '%w')", "%w"),
    failing("date_parse has no %D", "SELECT date_parse('1st', '%D')", "%D"),
    # language/types.md, Integer: the ranges
    failing("whole numbers have a greatest", "SELECT 2147483647 + 1", "^NUMERIC_VALUE_OUT_OF_RANGE: .*overflow"),
    failing(
        "a sum has a greatest too",
        "SELECT sum(x) FROM (VALUES 9223372036854775807, 1) AS t (x)",
        "^NUMERIC_VALUE_OUT_OF_RANGE: ",
    ),
    failing("a cast has a greatest", "SELECT CAST(300 AS tinyint)", "^NUMERIC_VALUE_OUT_OF_RANGE|^INVALID_CAST"),
    # sql/select.md, Scalar subquery
    failing(
        "a subquery has one row",
        "SELECT (SELECT id FROM sales)",
        "^SUBQUERY_MULTIPLE_ROWS: Scalar sub-query has returned multiple rows",
    ),
    failing("a subquery has one column", "SELECT (SELECT id, region FROM sales WHERE id = 1)", "column"),
    # functions/aggregate.md: approx_percentile, "must be between zero and one"
    failing("a percentage is at most one", "SELECT approx_percentile(id, 1.5) FROM sales", "between 0 and 1"),
    failing("and at least zero", "SELECT approx_percentile(id, -0.5) FROM sales", "between 0 and 1"),
    # functions/window.md: nth_value, "It is an error for the offset to be zero or negative"
    failing("nth_value has no offset 0", "SELECT nth_value(id, 0) OVER (ORDER BY id) FROM sales", "(?i)offset"),
    # functions/conversion.md, introduction: no conversion between character and numeric types
    failing(
        "texts are not compared with numbers",
        "SELECT * FROM sales WHERE region = 1",
        "^TYPE_MISMATCH: line 1:34: Cannot apply operator: varchar = integer",
    ),
    failing("numbers are not added to texts", "SELECT '1' + 1", r"^TYPE_MISMATCH: .*varchar\(1\) \+ integer"),
    failing(
        "numbers are not joined to texts", "SELECT region || id FROM sales", "^(TYPE_MISMATCH|FUNCTION_NOT_FOUND): "
    ),
    failing("dates are not compared with texts", "SELECT * FROM sales WHERE sold_on = '2024-01-31'", "date = varchar"),
    # functions/comparison.md, Range operator: "Trino will produce an error"
    failing("John is not between numbers", "SELECT 'John' BETWEEN 2.3 AND 35.2", "^TYPE_MISMATCH: "),
    failing("a number is no condition", "SELECT id FROM sales WHERE 1", "^TYPE_MISMATCH: .*boolean"),
    failing("numbers and texts are not of one column", "SELECT 1 UNION SELECT 'a'", "(?i)^TYPE_MISMATCH: .*union"),
    failing("numbers and texts are not of one array", "SELECT ARRAY[1, 'a']", "^TYPE_MISMATCH: "),
    failing("numbers and texts are not of one CASE", "SELECT CASE WHEN true THEN 1 ELSE 'a' END", "^TYPE_MISMATCH: "),
    failing("texts have no sum", "SELECT sum(region) FROM sales", "^(TYPE_MISMATCH|FUNCTION_NOT_FOUND): .*sum"),
    # sql/select.md, Qualifying column names: "Column 'name' is ambiguous"
    failing(
        "a column of two tables is ambiguous",
        "SELECT product FROM sales a CROSS JOIN sales b",
        "^AMBIGUOUS_NAME: .*Column 'product' is ambiguous",
    ),
    # sql/select.md, GROUP BY clause; athena: engine-versions-reference-0003, nested columns
    failing(
        "a column that is no group is not shown",
        "SELECT region, product, count(*) FROM sales GROUP BY region",
        "^EXPRESSION_NOT_AGGREGATE: .*'product' must be an aggregate expression or appear in GROUP BY clause",
    ),
    # sql/select.md, GROUP BY clause: "input columns", an output's name is none; likewise WHERE, HAVING and SELECT
    failing(
        "GROUP BY knows no alias", "SELECT upper(region) AS r FROM sales GROUP BY r", "Column 'r' cannot be resolved"
    ),
    failing("WHERE knows no alias", "SELECT id * 2 AS twice FROM sales WHERE twice > 4", "'twice' cannot be resolved"),
    failing("HAVING knows no alias", "SELECT count(*) AS n FROM sales HAVING n > 1", "'n' cannot be resolved"),
    failing("SELECT knows no alias", "SELECT id AS one, one + 1 FROM sales", "Column 'one' cannot be resolved"),
    failing("no table knows another's column", "SELECT sales.name FROM sales, people", "cannot be resolved"),
    # athena: engine-versions-reference-0003, Breaking changes
    failing(
        "DISTINCT is ordered by what it shows",
        "SELECT DISTINCT region FROM sales ORDER BY id",
        "(?i)For SELECT DISTINCT, ORDER BY expressions must appear in SELECT list",
    ),
    failing("concat joins two or more", "SELECT concat('a')", "two or more concatenation arguments"),
    failing(
        "bool_or has no null treatment", "SELECT bool_or(true) IGNORE NULLS FROM sales", "(?i)null treatment.*bool_or"
    ),
    failing(
        "minute takes no months", "SELECT minute(INTERVAL '3' MONTH)", r"Unexpected parameters.*for function minute"
    ),
    # sql/select.md, LIMIT or FETCH FIRST clause: "it is required that the ORDER BY clause be present"
    failing("ties need an order", "SELECT id FROM sales FETCH FIRST ROW WITH TIES", "ORDER BY"),
    # functions/window.md: lag, "requires that the window ordering be specified. Window frame must not be specified"
    failing("lag needs an order", "SELECT lag(id) OVER () FROM sales", "(?i)lag.*(ORDER BY|order)"),
    # functions/lambda.md, Limitations
    failing("a lambda has no subquery", "SELECT transform(ARRAY[1], x -> 2 + (SELECT 3))", "(?i)subquer"),
    failing("a lambda has no aggregate", "SELECT transform(ARRAY[1], x -> max(x))", "(?i)aggregat"),
    # sql/select.md, GROUPING operation: "its arguments must match exactly the columns referenced"
    failing(
        "grouping asks for what is grouped",
        "SELECT grouping(product) FROM sales GROUP BY ROLLUP (region)",
        "(?i)grouping",
    ),
    # sql/select.md, UNNEST: "the only condition supported by the current implementation is ON TRUE"
    failing(
        "a left join with UNNEST has no condition",
        "SELECT * FROM people LEFT JOIN UNNEST(tags) AS t (tag) ON tag = 'a'",
        "(?i)UNNEST",
    ),
    # functions/list.md names no such functions
    failing("an unknown function is named", "SELECT frobnicate(id) FROM sales", "^FUNCTION_NOT_FOUND: .*frobnicate"),
    failing("DuckDB's functions are unknown", "SELECT list_sum(ARRAY[1])", "^FUNCTION_NOT_FOUND: .*list_sum"),
    failing("DuckDB's aggregates are unknown", "SELECT mode(id) FROM sales", "^FUNCTION_NOT_FOUND: .*mode"),
]


@pytest.mark.parametrize(("sql", "reason"), FAILURES)
def test_what_fails_in_trino_fails_here(athena: Athena, sql: str, reason: str) -> None:
    assert re.search(reason, athena.reason(sql))


# What is refused, since its meaning would differ

REFUSED = [
    # language/types.md
    failing("times without a date", "SELECT time '01:00' + interval '3' hour", "(?i)time"),
    failing(
        "digits beyond microseconds", "SELECT TIMESTAMP '2020-06-01 12:30:45.123456789'", "TIMESTAMP with 9 digits"
    ),
    failing("texts of a length", "SELECT CAST('dog' AS char(7))", r"char\("),
    failing("characters by their number", r"SELECT U&'Hello winter \2603 !'", "(?i)unicode"),
    failing("numbers in hexadecimal digits", "SELECT 0x0A", "hexadecimal"),
    failing("texts of doubles", "SELECT CAST(1e0 AS varchar)", r"CAST\(double AS varchar\)"),
    # functions/datetime.md
    failing(
        "zones by their offset", "SELECT EXTRACT(TIMEZONE_HOUR FROM TIMESTAMP '2020-05-10 12:34:56 +08:35')", r"\+08:35"
    ),
    failing("times with an offset", "SELECT from_iso8601_timestamp('2020-05-11T11:15:05.055+01:00')", "offset"),
    failing("weeks of ISO 8601", "SELECT from_iso8601_date('2020-W10')", "from_iso8601_date"),
    failing("days of a year that are read", "SELECT date_parse('2024 060', '%Y %j')", "'%Y %j'"),
    failing("patterns of Joda's", "SELECT format_datetime(DATE '2024-03-05', 'D')", "D in a pattern"),
    failing("durations", "SELECT parse_duration('5m')", "parse_duration"),
    # functions/regexp.md
    failing("lookbehind", "SELECT regexp_like(region, '(?<=n)orth') FROM sales", r"\(\?<="),
    failing("lookahead", "SELECT regexp_extract(region, 'n(?=orth)') FROM sales", r"\(\?="),
    failing("a pattern's back reference", r"SELECT regexp_like(region, '(.)\1') FROM sales", r"\\1"),
    failing("names of groups", r"SELECT regexp_replace('1a', '(?<n>\d)(?<l>[a-z])', '${l}${n}')", r"\$\{l\}\$\{n\}"),
    failing(
        "replacements by a lambda",
        r"SELECT regexp_replace('new york', '(\w)(\w*)', x -> upper(x[1]))",
        "regexp_replace",
    ),
    # functions/string.md, functions/conversion.md
    failing("places from the end", "SELECT strpos('banana', 'a', -1)", r"strpos\(\) of"),
    failing("distances of texts", "SELECT levenshtein_distance('kitten', 'sitting')", "levenshtein_distance"),
    failing("widths of texts", "SELECT format('%-7s,%7s', 'hello', 'world')", "%-7s,%7s"),
    # functions/json.md
    failing("arrays of JSON that are searched", "SELECT json_array_contains('[1, 2, 3]', 2)", "json_array_contains"),
    failing(
        "paths of JSON with several values", "SELECT json_extract(about, '$.pets[*]') FROM people", r"\$\.pets\[\*\]"
    ),
    # functions/aggregate.md
    failing("checksum", "SELECT checksum(id) FROM sales", "checksum"),
    failing("approx_set", "SELECT cardinality(approx_set(id)) FROM sales", "approx_set"),
    failing("sizes of JSON", """SELECT json_size('{"x": [1, 2, 3]}', '$.x')""", "json_size"),
    failing("multimap_agg", "SELECT multimap_agg(region, id) FROM sales", "multimap_agg"),
    failing("the greatest by another, several", "SELECT max_by(id, sold_on, 2) FROM sales", r"max_by\(\) of"),
    failing("percentages that are columns", "SELECT approx_percentile(id, id * 0.1) FROM sales", "no literal"),
    failing("several errors", "SELECT approx_distinct(id, 0.01) FROM sales", r"approx_distinct\(\) of"),
    # functions/map.md, functions/array.md
    failing("two maps at once", "SELECT map_zip_with(MAP(), MAP(), (k, a, b) -> a)", "map_zip_with"),
    failing("an order by a lambda", "SELECT array_sort(ARRAY[3, 2], (x, y) -> IF(x < y, 1, -1))", "array_sort"),
    # functions/geospatial.md
    failing("spatial functions", "SELECT ST_Area(ST_GeometryFromText('POINT (0 0)'))", "(?i)st_"),
    # sql/select.md
    failing("TABLESAMPLE", "SELECT * FROM sales TABLESAMPLE BERNOULLI (50)", "TABLESAMPLE"),
    failing("NATURAL JOIN", "SELECT * FROM sales NATURAL JOIN people", "(?i)natural join"),
    failing("WITH TIES", "SELECT amount FROM sales ORDER BY amount DESC FETCH FIRST ROW WITH TIES", "WITH TIES"),
    failing(
        "WITH RECURSIVE",
        "WITH RECURSIVE t(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM t WHERE n < 4) SELECT sum(n) FROM t",
        "WITH RECURSIVE",
    ),
    failing("GROUP BY DISTINCT", "SELECT count(*) FROM sales GROUP BY DISTINCT ROLLUP (region)", "GROUP BY DISTINCT"),
    failing("equal grouping sets", "SELECT 1 FROM sales GROUP BY GROUPING SETS ((id), (id))", "GROUPING SETS"),
    failing("all fields of a row", "SELECT (CAST(ROW(1, true) AS ROW(a bigint, b boolean))).*", r"\.\* of a row"),
    # sql/match-recognize.md
    failing(
        "MATCH_RECOGNIZE",
        """SELECT * FROM sales MATCH_RECOGNIZE (ORDER BY id MEASURES A.id AS a_id ONE ROW PER MATCH
        PATTERN (A) DEFINE A AS true) AS m""",
        "MATCH_RECOGNIZE",
    ),
]


@pytest.mark.parametrize(("sql", "construct"), REFUSED)
def test_what_the_translation_would_change_is_refused_by_its_name(athena: Athena, sql: str, construct: str) -> None:
    reason = athena.reason(sql)
    assert reason.startswith("NOT_SUPPORTED: ")
    assert re.search(construct, reason)


# What is no SQL of Athena's


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT id::varchar FROM sales",
        "SELECT * EXCLUDE (id) FROM sales",
        "SELECT * REPLACE (1 AS id) FROM sales",
        "SELECT id FROM sales QUALIFY row_number() OVER (ORDER BY id) = 1",
        "SELECT DISTINCT ON (region) region, id FROM sales",
        "FROM sales",
        "FROM sales SELECT id",
        "SELECT [1, 2]",
        "SELECT {'a': 1}",
        "SELECT 7 // 2",
        "SELECT region ILIKE 'NORTH' FROM sales",
        "SELECT COLUMNS(*) FROM sales",
        "SELECT * FROM sales UNION BY NAME SELECT * FROM sales",
        "SELECT * FROM sales SEMI JOIN people ON true",
        "SELECT * FROM sales POSITIONAL JOIN people",
        "SELECT id FROM sales ORDER BY ALL",
        "SELECT region, count(*) FROM sales GROUP BY ALL",
        "SELECT * FROM sales USING SAMPLE 10%",
        "SELECT unnest(ARRAY[1, 2])",
        "SELECT id FROM sales LIMIT 50%",
        "SELECT region ~ 'n' FROM sales",
        "SELECT 2 ** 3",
        "SELECT 1 & 2",
        "SELECT 1 << 2",
        "SELECT x.1 FROM sales",
        "SELECT id FROM 's3://semantics/sales/data'",
        "PIVOT sales ON region USING sum(amount)",
        "SELECT id FROM sales GROUP BY id WITH ROLLUP",
        "WITH a AS (SELECT 1 AS x), a AS (SELECT 2 AS x) SELECT * FROM a",
        "WITH a AS MATERIALIZED (SELECT 1 AS x) SELECT * FROM a",
        "SELECT * FROM sales s JOIN people p",
        "SELECT id, FROM sales",
        "SELECT id FROM sales LIMIT 1, 1",
        "SELECT id FROM sales LIMIT 1 BY id",
        "SELECT region ISNULL FROM sales",
        "SELECT region NOTNULL FROM sales",
        "SELECT region IS UNKNOWN FROM sales",
        "SELECT id == 1 FROM sales",
        "SELECT id <=> 1 FROM sales",
        "SELECT 0b11, 0o17",
        "SELECT CAST('1' AS varchar FORMAT 'x')",
        "SELECT INTERVAL 1 DAY",
        "SELECT INTERVAL '1 day'",
        "SELECT array_agg(id) WITHIN GROUP (ORDER BY id) FROM sales",
        "SELECT count(DISTINCT *) FROM sales",
        "SELECT :id FROM sales",
        "SELECT about:age FROM people",
        "SELECT 'a' 'b'",
    ],
)
def test_what_athena_does_not_understand_is_not_run(athena: Athena, sql: str) -> None:
    """It is refused when it is started, as bad syntax is, or it fails."""
    try:
        reason = athena.reason(sql)
    except ClientError as refused:
        assert refused.response["Error"]["Code"] == "InvalidRequestException"  # noqa: PT017 - either will do
    else:
        assert not reason.startswith("GENERIC_INTERNAL_ERROR")
