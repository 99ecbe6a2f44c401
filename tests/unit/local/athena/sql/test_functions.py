"""Functions and constructs beside those of test_athena_queries.py: none is let through without a test.

The expected values were written down from Trino's documentation, or from what a function means in mathematics.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from runners.local.athena.sql.aggregates import AGGREGATES, WINDOWS
from runners.local.athena.sql.calls import _SPECIAL
from runners.local.athena.sql.functions import SCALARS
from runners.local.athena.sql.translation import QueryError
from tests.integration.test_athena_queries import QUERIES
from tests.unit.local.athena.sql.tables import connect, rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    import duckdb


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with connect() as opened:
        yield opened


VALUES: list[tuple[str, str | None]] = [
    # functions/array
    ("array_distinct(ARRAY[2, 1, NULL, 2, NULL])", "[2, 1, null]"),
    ("array_union(ARRAY[1, 2], ARRAY[2, 3])", "[1, 2, 3]"),
    ("array_intersect(ARRAY[1, 2, 2], ARRAY[2])", "[2]"),
    ("array_except(ARRAY[1, 2, 2], ARRAY[1])", "[2]"),
    ("array_min(ARRAY[3, 1])", "1"),
    ("array_min(ARRAY[3, NULL])", None),
    ("arrays_overlap(ARRAY[1, 2], ARRAY[2])", "true"),
    ("arrays_overlap(ARRAY[1, NULL], ARRAY[2])", None),
    ("arrays_overlap(ARRAY[1], ARRAY[2])", "false"),
    ("repeat('x', 3)", "[x, x, x]"),
    ("repeat(1, 0)", "[]"),
    ("contains(ARRAY[1, NULL], 2)", None),
    ("array_position(ARRAY[1], NULL)", None),
    ("array_join(ARRAY[1, NULL, 3], name) FROM (VALUES '-') t(name)", "1-3"),
    ("array_join(CAST(ARRAY[] AS ARRAY(VARCHAR)), name) FROM (VALUES '-') t(name)", ""),
    (
        "sequence(DATE '2024-01-31', DATE '2024-04-30', INTERVAL '1' MONTH)",
        "[2024-01-31, 2024-02-29, 2024-03-31, 2024-04-30]",
    ),
    (
        "sequence(TIMESTAMP '2024-01-01 00:00:00', TIMESTAMP '2024-01-01 02:00:00', INTERVAL '1' HOUR)",
        "[2024-01-01 00:00:00.000, 2024-01-01 01:00:00.000, 2024-01-01 02:00:00.000]",
    ),
    ("concat(ARRAY[1], ARRAY[2], CAST(NULL AS ARRAY(INTEGER)))", None),
    ("slice(ARRAY[1, 2], 5, 1)", "[]"),
    ("ARRAY[1, 2] = ARRAY[1, NULL]", None),
    ("ARRAY[1, 2] <> ARRAY[2, NULL]", "true"),
    ("ARRAY[1] = ARRAY[1, 2]", "false"),
    ("cardinality(ARRAY[])", "0"),
    # functions/map
    ("map_values(MAP(ARRAY[1, 3], ARRAY[2, 4]))", "[2, 4]"),
    # functions/string and functions/binary
    ("ltrim('  a ')", "a "),
    ("rtrim('  a ')", "  a"),
    ("trim(LEADING FROM '  abcd')", "abcd"),
    ("ends_with('abc', 'bc')", "true"),
    ("concat_ws('-', ARRAY['a', NULL, 'b'])", "a-b"),
    ("to_hex(to_utf8('ab'))", "6162"),
    ("from_utf8(from_hex('6162'))", "ab"),
    ("from_utf8(from_base64(to_base64(to_utf8('ab'))))", "ab"),
    ("to_hex(md5(to_utf8('a')))", "0CC175B9C0F1B6A831C399E269772661"),
    ("to_hex(sha256(to_utf8('a')))", "CA978112CA1BBDCAFAC231B39A23DC4DA786EFF8147C4E72B9807785AFEE48BB"),
    ("length(X'6162')", "2"),
    ("X'61' || X'62'", "61 62"),
    ("replace('aXb', 'X')", "ab"),
    ("lpad('abc', 2, 'x')", "ab"),
    ("substr('abc', 0)", ""),
    ("substr('abc', -5)", ""),
    ("regexp_extract('b', '(a)?b', 1)", None),
    ("regexp_extract('ABC', '(?i)b')", "B"),
    ("regexp_extract('2024-01', '(?<year>\\d+)-', 1)", "2024"),
    ("regexp_replace('a$b', '[$]', '\\$\\$')", "a$$b"),
    # functions/math and functions/bitwise
    ("exp(0)", "1.0"),
    ("ln(1)", "0.0"),
    ("ln(0)", "-Infinity"),
    ("ln(-1)", "NaN"),
    ("log(2, 8)", "3.0"),
    ("e()", "2.718281828459045"),
    ("pow(2, 3)", "8.0"),
    ("ceil(-1.5)", "-1"),
    ("ceil(1.2e0)", "2.0"),
    ("floor(-1.5e0)", "-2.0"),
    ("truncate(-1.9e0)", "-1.0"),
    ("round(-0.5e0)", "-1.0"),
    ("round(2.345, 2)", "2.350"),
    ("round(123.456e0, 1)", "123.5"),
    ("round(-2.5e0, 0)", "-3.0"),
    ("round(7, 2)", "7"),
    ("abs(-1.5e0)", "1.5"),
    ("sign(-2.5)", "-1"),
    ("sin(0)", "0.0"),
    ("cos(0)", "1.0"),
    ("tan(0)", "0.0"),
    ("atan(0)", "0.0"),
    ("atan2(0, 1)", "0.0"),
    ("degrees(pi())", "180.0"),
    ("radians(180)", "3.141592653589793"),
    ("sqrt(-1)", "NaN"),
    ("is_finite(1)", "true"),
    ("is_infinite(infinity())", "true"),
    ("bitwise_and(5, 3)", "1"),
    ("bitwise_or(5, 3)", "7"),
    ("bitwise_xor(5, 3)", "6"),
    ("bitwise_not(5)", "-6"),
    ("random() < 1 AND rand() >= 0", "true"),
    ("mod(-7.5, 2)", "-1.5"),
    ("least(2, NULL)", None),
    ("greatest('a', 'b')", "b"),
    ("1.5e0 % 1", "0.5"),
    ("5e0 % 0", "NaN"),
    ("NULL + 1", None),
    ("NULL * NULL", None),
    ("-CAST(1.5 AS REAL)", "-1.5"),
    ("CAST(1 AS REAL) / 3", "0.33333334"),
    ("1 > 0.5e0", "true"),
    ("nan() >= nan()", "false"),
    ("1e0 <= 2", "true"),
    ("1e0 IN (1, 2)", "true"),
    ("-9223372036854775808", "-9223372036854775808"),
    # functions/datetime
    ("date(TIMESTAMP '2024-01-31 10:00:00')", "2024-01-31"),
    ("date('2024-01-31')", "2024-01-31"),
    ("day(DATE '2024-01-31')", "31"),
    ("day_of_month(DATE '2024-01-31')", "31"),
    ("doy(DATE '2024-02-01')", "32"),
    ("month(DATE '2024-02-01')", "2"),
    ("year(DATE '2024-02-01')", "2024"),
    ("yow(DATE '2021-01-01')", "2020"),
    ("week_of_year(DATE '2021-01-01')", "53"),
    ("minute(TIMESTAMP '2024-01-01 05:06:07')", "6"),
    ("second(TIMESTAMP '2024-01-01 05:06:07.9')", "7"),
    ("hour(TIMESTAMP '2024-01-01 12:00:00 Asia/Tokyo')", "12"),
    ("to_milliseconds(INTERVAL '1' MINUTE)", "60000"),
    ("current_timezone()", "UTC"),
    ("now() = current_timestamp", "true"),
    ("current_date = CAST(localtimestamp AS DATE)", "true"),
    ("INTERVAL '1.5' SECOND", "0 00:00:01.500"),
    ("INTERVAL '-2-6' YEAR TO MONTH", "-2-6"),
    ("INTERVAL '-1' DAY", "-1 00:00:00.000"),
    ("2 * INTERVAL '3' HOUR", "0 06:00:00.000"),
    ("INTERVAL '3' HOUR / 2", "0 01:30:00.000"),
    ("INTERVAL '1' MONTH + DATE '2024-01-31'", "2024-02-29"),
    ("TIMESTAMP '2024-01-02 00:00:00' - TIMESTAMP '2024-01-01 12:00:00'", "0 12:00:00.000"),
    ("DATE '2024-03-01' - DATE '2024-02-01'", "29 00:00:00.000"),
    ("- INTERVAL '1' DAY", "-1 00:00:00.000"),
    (
        "TIMESTAMP '2024-01-31 00:00:00 America/New_York' + INTERVAL '1' MONTH",
        "2024-02-29 00:00:00.000 America/New_York",
    ),
    ("date_trunc('day', TIMESTAMP '2024-01-31 23:00:00 America/New_York')", "2024-01-31 00:00:00.000 America/New_York"),
    ("date_add('week', 1, DATE '2024-01-31')", "2024-02-07"),
    ("date_add('quarter', -1, DATE '2024-05-31')", "2024-02-29"),
    ("date_add('millisecond', 5, TIMESTAMP '2024-01-01 00:00:00')", "2024-01-01 00:00:00.005"),
    ("date_diff('month', DATE '2020-01-31', DATE '2020-02-29')", "1"),
    ("date_diff('year', DATE '2020-02-29', DATE '2021-02-28')", "1"),
    ("date_diff('week', DATE '2024-01-01', DATE '2024-01-14')", "1"),
    ("date_diff('quarter', DATE '2024-01-01', DATE '2024-12-31')", "3"),
    ("date_diff('day', TIMESTAMP '2020-03-02 01:00:00', TIMESTAMP '2020-03-01 02:00:00')", "0"),
    ("to_iso8601(TIMESTAMP '2024-01-01 01:02:03.45 UTC')", "2024-01-01T01:02:03.45Z"),
    ("to_iso8601(TIMESTAMP '2024-01-01 01:02:03')", "2024-01-01T01:02:03"),
    ("from_iso8601_timestamp('2024-01-01T10')", "2024-01-01 10:00:00.000 UTC"),
    ("from_iso8601_timestamp('2024-01-01T10:11:12.5Z')", "2024-01-01 10:11:12.500 UTC"),
    ("from_unixtime(1.5)", "1970-01-01 00:00:01.500 UTC"),
    ("date_parse('3-5', '%c-%e')", "2000-03-05 00:00:00.000"),
    ("date_format(TIMESTAMP '2021-01-01 00:00:00', '%x-%v')", "2020-53"),
    ("date_format(DATE '2024-12-30', '%x %v %Y')", "2025 01 2024"),
    ("date_parse('10:11:12', '%T')", "1970-01-01 10:11:12.000"),
    ("date_parse('100%', '%H0%%')", "1970-01-01 10:00:00.000"),
    ("date_format(DATE '2024-01-31', '%d/%m/%y%%')", "31/01/24%"),
    ("DATE '2024-01-31' < TIMESTAMP '2024-01-31 00:00:01'", "true"),
    # language/types and functions/conversion
    ("CAST('2024-1-5' AS DATE)", "2024-01-05"),
    ("CAST('2024-01-05 10:11' AS TIMESTAMP)", "2024-01-05 10:11:00.000"),
    ("CAST('2024-01-05 10:11:12.1239' AS TIMESTAMP)", "2024-01-05 10:11:12.124"),
    ("CAST(TIMESTAMP '2024-01-05 10:11:12.9996' AS TIMESTAMP)", "2024-01-05 10:11:13.000"),
    ("CAST(TIMESTAMP '1969-12-31 23:59:59.9996' AS TIMESTAMP(3))", "1970-01-01 00:00:00.000"),
    ("CAST('2024-01-05 10:11:12 UTC' AS TIMESTAMP WITH TIME ZONE)", "2024-01-05 10:11:12.000 UTC"),
    ("CAST(DATE '2024-01-05' AS TIMESTAMP WITH TIME ZONE)", "2024-01-05 00:00:00.000 UTC"),
    ("CAST(TIMESTAMP '2024-01-05 23:00:00 America/New_York' AS DATE)", "2024-01-05"),
    ("CAST(TIMESTAMP '2024-01-05 23:00:00 America/New_York' AS TIMESTAMP)", "2024-01-05 23:00:00.000"),
    ("CAST(TIMESTAMP '2024-01-05 23:00:00 America/New_York' AS VARCHAR)", "2024-01-05 23:00:00 America/New_York"),
    ("CAST(TIMESTAMP '2024-01-05 10:11:12.120' AS VARCHAR)", "2024-01-05 10:11:12.120"),
    ("CAST(DATE '2024-01-05' AS VARCHAR)", "2024-01-05"),
    ("CAST('NaN' AS DOUBLE)", "NaN"),
    ("CAST('-Infinity' AS DOUBLE)", "-Infinity"),
    ("CAST(' 1.5 ' AS DOUBLE)", "1.5"),
    ("CAST('1e2' AS REAL)", "100.0"),
    ("CAST('Infinity' AS REAL)", "Infinity"),
    ("CAST('T' AS BOOLEAN)", "true"),
    ("CAST('0' AS BOOLEAN)", "false"),
    ("CAST('-7' AS SMALLINT)", "-7"),
    ("CAST('1.005' AS DECIMAL(5, 2))", "1.01"),
    ("CAST('1e2' AS DECIMAL(5, 2))", "100.00"),
    ("CAST(true AS INTEGER)", "1"),
    ("CAST(true AS DECIMAL(3, 1))", "1.0"),
    ("CAST(0 AS BOOLEAN)", "false"),
    ("CAST(1.5e0 AS BOOLEAN)", "true"),
    ("CAST(2.5e0 AS TINYINT)", "3"),
    ("CAST(0.1 AS DOUBLE)", "0.1"),
    ("CAST(1 AS DOUBLE)", "1.0"),
    ("CAST('ab' AS VARBINARY)", "61 62"),
    ("CAST(ARRAY[1, NULL] AS ARRAY(VARCHAR))", "[1, null]"),
    ("CAST(MAP(ARRAY[1], ARRAY[2]) AS MAP(VARCHAR, DOUBLE))", "{1=2.0}"),
    ("CAST(ROW(1, 'a') AS ROW(x BIGINT, y VARCHAR))", "{x=1, y=a}"),
    ("CAST(NULL AS ROW(x BIGINT))", None),
    ("CAST(ARRAY[ROW(1)] AS ARRAY(ROW(x DOUBLE)))", "[{x=1.0}]"),
    ("CAST(12 AS VARCHAR(2))", "12"),
    ("CAST(false AS VARCHAR(5))", "false"),
    ("TINYINT '5'", "5"),
    ("DOUBLE '1.5'", "1.5"),
    ("VARCHAR 'x'", "x"),
    ("DECIMAL '-001.50'", "-1.50"),
    ("BIGINT '5' + 1", "6"),
    ("typeof(0.5)", "decimal(1,1)"),
    ("typeof(2147483648)", "bigint"),
    ("typeof('abc')", "varchar(3)"),
    ("typeof(CAST(1 AS DECIMAL))", "decimal(38,0)"),
    ("typeof(CAST(NULL AS MAP(VARCHAR, ROW(a INTEGER))))", "map(varchar, row(a integer))"),
    ("typeof(NULL)", "unknown"),
    ("typeof(round(2.345, 2))", "decimal(5,3)"),
    ("typeof(truncate(12.5))", "decimal(2,0)"),
    ("typeof(ceil(9.9))", "decimal(2,0)"),
    ("typeof(DATE '2024-01-01' + INTERVAL '1' DAY)", "date"),
    ("typeof(concat('a', 'b'))", "varchar"),
    # functions/json
    ("is_json_scalar(json_parse('1'))", "true"),
    ("is_json_scalar(json_parse('[]'))", "false"),
    ("is_json_scalar('1')", "true"),
    ("is_json_scalar('[1, 2, 3]')", "false"),
    ("try(is_json_scalar('not json'))", None),
    ("json_array_length('{}')", None),
    ("json_array_length(json_parse('[1, [2]]'))", "2"),
    ("json_extract_scalar('no json', '$.a')", None),
    ("json_extract('{\"a\":1}', '$[\"a\"]')", "1"),
    ('json_extract_scalar(JSON \'{"a b":"x"}\', \'$["a b"]\')', "x"),
    ("json_extract_scalar('{\"a\":1.5}', '$.a')", "1.5"),
    ("CAST(1.5e0 AS JSON)", "1.5"),
    ("CAST(DATE '2024-01-31' AS JSON)", '"2024-01-31"'),
    ("CAST('a\"b' AS JSON)", '"a\\"b"'),
    ("CAST(JSON '{\"a\":null}' AS MAP(VARCHAR, INTEGER))", "{a=null}"),
    ("CAST(JSON '{\"X\":1}' AS ROW(x INTEGER))", "{x=null}"),
    ("lpad('a', 1, CAST(NULL AS VARCHAR))", None),
    ("rpad('a', -1, CAST(NULL AS VARCHAR))", None),
    ("split('a', CAST(NULL AS VARCHAR))", None),
    ("split(CAST(NULL AS VARCHAR), ',', 2)", None),
    ("split('a', ',', CAST(NULL AS BIGINT))", None),
    ("split_part('a', CAST(NULL AS VARCHAR), 1)", None),
    ("split_to_map('a=1', CAST(NULL AS VARCHAR), '=')", None),
    ("split_to_map('a=1', ',', CAST(NULL AS VARCHAR))", None),
    ("array_join(ARRAY[1], ',', CAST(NULL AS VARCHAR))", None),
    ("map_concat(MAP(ARRAY[1], ARRAY[2]), CAST(NULL AS MAP(INTEGER, INTEGER)))", None),
    ("map_concat(CAST(NULL AS MAP(INTEGER, INTEGER)), MAP(ARRAY[1], ARRAY[2]))", None),
    ("CAST(JSON 'null' AS ARRAY(INTEGER))", None),
    ("CAST(JSON '[[1, 23], 456, null]' AS ARRAY(JSON))", "[[1,23], 456, null]"),
    ('CAST(JSON \'{"k1": [1, 23], "k2": 456}\' AS MAP(VARCHAR, JSON))', "{k1=[1,23], k2=456}"),
    ("date_parse('2024-01-01 00:00:00.123999999', '%Y-%m-%d %T.%f')", "2024-01-01 00:00:00.123"),
    ("date_parse('2024-01-01 00:00:00.1239999', '%Y-%m-%d %T.%f')", "2024-01-01 00:00:00.123"),
    ("date_parse('0.5 2024-01-01', '%s.%f %Y-%m-%d')", "2024-01-01 00:00:00.500"),
    ("try(date_parse('2024-01-01 0.1234567890', '%Y-%m-%d %s.%f'))", None),
    ("CAST(JSON 'true' AS INTEGER)", "1"),
    ("CAST(JSON '2.5' AS INTEGER)", "3"),
    ("CAST(JSON '\"12\"' AS BIGINT)", "12"),
    ("CAST(JSON 'false' AS DOUBLE)", "0.0"),
    ("CAST(JSON '\"t\"' AS BOOLEAN)", "true"),
    ("CAST(JSON '\"abc\"' AS VARCHAR(3))", "abc"),
    ('json_format(JSON \'{"b":[{"d":1,"c":null}],"a":""}\')', '{"a":"","b":[{"c":null,"d":1}]}'),
    # functions/conditional, functions/lambda, functions/comparison
    ("TRY(ARRAY[1][5])", None),
    ("IF(true, 1, 2.5)", "1.0"),
    ("CASE WHEN false THEN 1 END", None),
    ("nullif('a', 'b')", "a"),
    ("transform(ARRAY[1, 2], x -> transform(ARRAY[10], y -> x + y))", "[[11], [12]]"),
    ("reduce(ARRAY[1, 2], NULL, (s, x) -> coalesce(s, 0) + x, s -> s)", "3"),
    ("reduce(ARRAY[1.5, 2], 0, (s, x) -> s + x, s -> s)", "3.5"),
    ("reduce(CAST(NULL AS ARRAY(INTEGER)), 0, (s, x) -> s + x, s -> s)", None),
    ("NULL LIKE 'a'", None),
    ("'abc' LIKE '_b%'", "true"),
    ("'abc' NOT LIKE '_b%'", "false"),
    ("NOT 'abc' NOT LIKE '_b%'", "true"),
    ("'a%' NOT LIKE 'a#%' ESCAPE '#'", "false"),
    ("1 IS NOT NULL", "true"),
    ("NULL IS NOT NULL", "false"),
    ("1 NOT BETWEEN 2 AND 3", "true"),
    ("1 NOT IN (1, 2)", "false"),
    ("(1, 'a') = (1, 'a')", "true"),
    ("(1, NULL) <> (2, 3)", "true"),
    ("(1, 2) IN ((1, 2), (3, 4))", "true"),
    ("ARRAY[1] IN (ARRAY[2], ARRAY[1])", "true"),
    ("ROW(1, 2) IS NOT DISTINCT FROM ROW(1, 2)", "true"),
    ("NOT (1 > 2 OR false)", "true"),
    ("1 <> ALL (VALUES 2, 3)", "true"),
    ("(SELECT 1 WHERE false)", None),
    ("(VALUES 5)", "5"),
    ("format('%s %s %s %s', 'a', true, 1.50, DATE '2024-01-31')", "a true 1.50 2024-01-31"),
    ("format('%f', 1.5)", "1.500000"),
    ("format('%02d', -5)", "-5"),
    ("format('%s', CAST(NULL AS VARCHAR))", "null"),
]
QUERIES_HERE: list[tuple[str, list[tuple[str | None, ...]]]] = [
    ("SELECT any_value(x), arbitrary(x), every(x > 0) FROM (VALUES 1, NULL) AS t(x)", [("1", "1", "true")]),
    ("SELECT bitwise_and_agg(x), bitwise_or_agg(x), bitwise_xor_agg(x) FROM (VALUES 5, 3) AS t(x)", [("1", "7", "6")]),
    (
        "SELECT stddev(x), stddev_samp(x), stddev_pop(x), variance(x), var_samp(x), var_pop(x) FROM (VALUES 1, 3) t(x)",
        [("1.4142135623730951", "1.4142135623730951", "1.0", "2.0", "2.0", "1.0")],
    ),
    ("SELECT approx_distinct(x), approx_percentile(x, 0.5) FROM (VALUES 1, 2, 2, NULL) AS t(x)", [("2", "2")]),
    ("SELECT approx_percentile(x, ARRAY[0.1, 0.9]) FROM UNNEST(sequence(1, 10)) AS t(x)", [("[1, 9]",)]),
    ("SELECT approx_percentile(x, ARRAY[0.5]) FROM (VALUES 1e0, 2e0, 3e0) AS t(x)", [("[2.0]",)]),
    ("SELECT count_if(x > 1), count_if(x > 5) FROM (VALUES 1, 2, NULL) AS t(x)", [("1", "0")]),
    ("SELECT count_if(x > 1) FROM (VALUES 1, 2) AS t(x) WHERE x > 5", [("0",)]),
    ("SELECT approx_percentile(x, 0.5) FROM (VALUES 1e0, 2e0, 3e0) AS t(x)", [("2.0",)]),
    ("SELECT sum(x), avg(x), min(x), max(x) FROM (VALUES 1.5e0, 2.5e0) AS t(x)", [("4.0", "2.0", "1.5", "2.5")]),
    ("SELECT sum(x), avg(x), typeof(sum(x)) FROM (VALUES CAST(1.5 AS REAL)) AS t(x)", [("1.5", "1.5", "real")]),
    (
        "SELECT sum(x), max(x) FROM (VALUES INTERVAL '1' DAY, INTERVAL '2' HOUR) AS t(x)",
        [("1 02:00:00.000", "1 00:00:00.000")],
    ),
    (
        "SELECT count(DISTINCT x), sum(DISTINCT x), array_agg(x ORDER BY y) FROM (VALUES (1, 2), (1, 1)) AS t(x, y)",
        [("1", "1", "[1, 1]")],
    ),
    ("SELECT map_agg(x, y) FROM (VALUES ('a', 1), ('a', 2), (NULL, 3)) AS t(x, y)", [("{a=1}",)]),
    ("SELECT map_agg(x, y) FROM (VALUES ('a', 1)) AS t(x, y) WHERE false", [(None,)]),
    ("SELECT max_by(x, y), max(y, 1) FROM (VALUES (1, 1e0), (2, 2e0)) AS t(x, y)", [("2", "[2.0]")]),
    ("SELECT listagg(x) WITHIN GROUP (ORDER BY x DESC) FROM (VALUES 'a', 'b') AS t(x)", [("ba",)]),
    ("SELECT count(*) FROM sales HAVING count(*) > 5", []),
    ("SELECT sum(sum(id)) OVER () FROM sales GROUP BY id LIMIT 1", [("6",)]),
    ("SELECT rank() OVER (ORDER BY count(*) DESC), id FROM visits GROUP BY id ORDER BY id", [("1", "1"), ("2", "4")]),
    ("SELECT sum(id) FILTER (WHERE id > 1) OVER (PARTITION BY id > 0) FROM sales LIMIT 1", [("5",)]),
    (
        (
            "SELECT sum(x) OVER (ORDER BY d RANGE BETWEEN INTERVAL '1' DAY PRECEDING AND CURRENT ROW) "
            "FROM (VALUES (1, DATE '2024-01-01'), (2, DATE '2024-01-02'), (4, DATE '2024-01-04')) AS t(x, d) ORDER BY d"
        ),
        [("1",), ("3",), ("4",)],
    ),
    (
        (
            "SELECT sum(x) OVER (ORDER BY d RANGE BETWEEN CURRENT ROW AND INTERVAL '1' MONTH FOLLOWING) "
            "FROM (VALUES (1, DATE '2024-01-31'), (2, DATE '2024-02-29')) AS t(x, d) ORDER BY d"
        ),
        [("3",), ("2",)],
    ),
    (
        (
            "SELECT sum(x) OVER (ORDER BY x ROWS UNBOUNDED PRECEDING), first_value(x) RESPECT NULLS OVER (ORDER BY x) "
            "FROM (VALUES 1, 2) AS t(x) ORDER BY x"
        ),
        [("1", "1"), ("3", "1")],
    ),
    ("SELECT sum(id) OVER v FROM sales WINDOW w AS (ORDER BY id), v AS w ORDER BY id", [("1",), ("3",), ("6",)]),
    ("SELECT id FROM sales WHERE id = 1 OR id BETWEEN 2 AND 2 ORDER BY id + 0 DESC", [("2",), ("1",)]),
    ("SELECT id AS name FROM sales ORDER BY name DESC LIMIT ALL", [("3",), ("2",), ("1",)]),
    ("SELECT id + 1 AS id FROM sales GROUP BY id ORDER BY id", [("2",), ("3",), ("4",)]),
    ("SELECT DISTINCT id > 1 FROM sales ORDER BY id > 1", [("false",), ("true",)]),
    ("SELECT s.* FROM (VALUES (1, 2)) AS s(a, b) CROSS JOIN (SELECT 3) AS o", [("1", "2")]),
    (
        "SELECT a.id FROM (sales a JOIN visits b ON a.id = b.id) RIGHT JOIN (VALUES 1) AS c(x) ON c.x = a.id",
        [("1",), ("1",)],
    ),
    ("(SELECT 2 AS x UNION SELECT 1) ORDER BY x", [("1",), ("2",)]),
    ("SELECT x + 1 FROM (SELECT 1 AS x UNION ALL SELECT 2.5) AS t ORDER BY x DESC", [("3.5",), ("2.0",)]),
    ("SELECT 1 AS x UNION SELECT 2 ORDER BY -x", [("2",), ("1",)]),
    ("VALUES (1, 'a'), (2, NULL) ORDER BY 1 DESC LIMIT 1", [("2", None)]),
    ("TABLE visits ORDER BY id, page", [("1", "cart", "5"), ("1", "home", "10"), ("4", "home", None)]),
    ("SELECT count(*) FROM awsdatacatalog.shop.visits AS v (a, b, c) WHERE v.b = 'home'", [("2",)]),
    ("WITH sales AS (SELECT 1 AS one) SELECT one, (SELECT count(*) FROM shop.sales) FROM sales", [("1", "3")]),
    ("WITH a AS (SELECT 1 AS x) SELECT (WITH b AS (SELECT x + 1 AS y FROM a) SELECT y FROM b) FROM a", [("2",)]),
    ("SELECT x FROM UNNEST(ARRAY[], ARRAY[1]) AS t(n, x)", [("1",)]),
    ("SELECT count(*) FROM sales, UNNEST(tags) WITH ORDINALITY", [("2",)]),
    (
        "SELECT t.* FROM (SELECT 1) AS x CROSS JOIN UNNEST(MAP(ARRAY['a'], ARRAY[ROW(1, 2)])) AS t(k, a, b)",
        [("a", "1", "2")],
    ),
    (
        "SELECT stock['here'], tags[2], place.code, element_at(stock, 'no') FROM sales WHERE id = 1",
        [("1", "sweet", "3000", None)],
    ),
    (
        (
            "SELECT id, name FROM sales WHERE NOT EXISTS (SELECT 1 FROM visits v WHERE v.id = sales.id AND v.length > "
            "sales.id) "
            "AND name IS NOT NULL"
        ),
        [("2", "pear")],
    ),
    ("SELECT code, count(*) FROM sales GROUP BY code ORDER BY code", [("ab ", "1"), ("c  ", "1"), (None, "1")]),
    ("SELECT CAST(code AS VARCHAR) || '|' FROM sales WHERE id = 1", [("ab |",)]),
]


@pytest.mark.parametrize(("expression", "expected"), VALUES, ids=[expression for expression, _ in VALUES])
def test_an_expression_has_the_value_that_trino_documents(
    connection: duckdb.DuckDBPyConnection, expression: str, expected: str | None
) -> None:
    assert rows(connection, f"SELECT {expression}") == [(expected,)]


@pytest.mark.parametrize(("query", "expected"), QUERIES_HERE, ids=[query[:60] for query, _ in QUERIES_HERE])
def test_a_query_has_the_rows_that_trino_documents(
    connection: duckdb.DuckDBPyConnection, query: str, expected: list[tuple[str | None, ...]]
) -> None:
    assert rows(connection, query) == expected


@pytest.mark.parametrize("name", sorted({*SCALARS, *AGGREGATES, *WINDOWS, *_SPECIAL} - {"$subscript"}))
def test_no_function_is_let_through_that_no_test_calls(name: str) -> None:
    called = " ".join([*(query for query, _ in QUERIES), *(query for query, _ in QUERIES_HERE), *dict(VALUES)])
    assert re.search(rf"\b{name}\(", called, re.IGNORECASE)


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("element_at(ARRAY[1], 0)", "SQL array indices start at 1"),
        ("slice(ARRAY[1], 0, 1)", "SQL array indices start at 1"),
        ("slice(ARRAY[1], 1, -1)", "length must be greater than or equal to 0"),
        ("trim_array(ARRAY[1], 2)", "size must not exceed array cardinality 1: 2"),
        ("repeat(1, 10001)", "count argument of repeat function must be less than or equal to 10000"),
        ("sequence(1, 5, -1)", "sequence stop value should be greater than or equal to start value"),
        ("sequence(1, 10001)", "result of sequence function must not have more than 10000 entries"),
        ("MAP(ARRAY[1, 2], ARRAY[1])", "Key and value arrays must be the same length"),
        ("MAP(ARRAY[NULL], ARRAY[1])", "map key cannot be null"),
        ("split('a', '')", "The delimiter may not be the empty string"),
        ("split('a', ',', 0)", "Limit must be positive"),
        ("split_to_map('a', ',', '=')", "Key-value delimiter must appear exactly once in each entry. Bad input: 'a'"),
        ("lpad('a', -1, 'x')", "Target length must be in the range [0..2147483647]"),
        ("rpad('a', 5, '')", "Padding string must not be empty"),
        ("chr(-1)", "Not a valid Unicode code point: -1"),
        ("regexp_extract('a', 'a', 1)", "Pattern has 0 groups. Cannot access group 1"),
        ("lag(1, -1) OVER (ORDER BY 1)", "Offset must be at least 0"),
        ("ntile(0) OVER ()", "Buckets must be greater than 0"),
        ("nth_value(1, 0) OVER ()", "Offset must be at least 1"),
        ("approx_percentile(1, -0.5)", "Percentile must be between 0 and 1"),
        ("approx_percentile(1, ARRAY[0.5, 1.5])", "Percentile must be between 0 and 1"),
        ("from_unixtime(nan())", "Cannot convert nan to a timestamp"),
    ],
)
def test_an_argument_that_a_function_cannot_take_is_reported_as_athena_does(
    connection: duckdb.DuckDBPyConnection, expression: str, message: str
) -> None:
    with pytest.raises(QueryError) as raised:
        rows(connection, f"SELECT {expression}")
    assert raised.value.kind == "INVALID_FUNCTION_ARGUMENT"
    assert message in raised.value.message
