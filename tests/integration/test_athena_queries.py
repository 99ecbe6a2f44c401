"""Queries in Athena's dialect and their rows, as Trino documents them.

The expected rows were written down from Trino's documentation (the page and its section stand above each group), in the
way that Athena writes values in its results; none was taken over from what DuckDB answers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from runners.local.athena.sql.translation import QueryError
from tests.unit.local.athena.sql.tables import connect, rows, translated

if TYPE_CHECKING:
    from collections.abc import Iterator

    import duckdb


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with connect() as opened:
        yield opened


QUERIES: list[tuple[str, list[tuple[str | None, ...]]]] = [
    # functions/math: "Mathematical operators", "integer division performs truncation"
    ("SELECT 7 / 2, -7 / 2, 7 / -2, 7 % 3, -7 % 3, 7 % -3", [("3", "-3", "-3", "1", "-1", "1")]),
    # functions/decimal: "Decimal literals", "Binary arithmetic decimal operators"
    ("SELECT typeof(DECIMAL '12345'), typeof(1.25), typeof(1.25 + 10.5), typeof(1.25 * 10.5), typeof(1.25 % 10.5)",
     [("decimal(5,0)", "decimal(3,2)", "decimal(5,2)", "decimal(6,3)", "decimal(3,2)")]),
    ("SELECT 1.25 + 10.5, 1.25 * 10.5, -1.25 % 1, 10.00 / 3", [("11.75", "13.125", "-0.25", "3.33")]),
    # language/types: "Floating-point", IEEE 754
    ("SELECT 1e0 / 0, -1e0 / 0, 0e0 / 0, nan() = nan(), nan() <> nan(), 1e0 < nan()",
     [("Infinity", "-Infinity", "NaN", "false", "true", "false")]),
    # functions/math: "Mathematical functions"
    ("SELECT round(2.5), round(-2.5), floor(-1.5), ceiling(1.2), truncate(1.9), sign(-3), abs(-7), mod(7, 3)",
     [("3", "-3", "-2", "2", "1", "-1", "7", "1")]),
    ("SELECT sqrt(16), power(2, 10), log10(1000), log2(8), is_nan(nan()), infinity(), pi()",
     [("4.0", "1024.0", "3.0", "3.0", "true", "Infinity", "3.141592653589793")]),
    # sql/select: "ORDER BY clause", "the default null ordering is NULLS LAST, regardless of the ordering direction"
    ("SELECT x FROM (VALUES 2, NULL, 1) AS t(x) ORDER BY x", [("1",), ("2",), (None,)]),
    ("SELECT x FROM (VALUES 2, NULL, 1) AS t(x) ORDER BY x DESC", [("2",), ("1",), (None,)]),
    ("SELECT x FROM (VALUES 2, NULL, 1) AS t(x) ORDER BY x DESC NULLS FIRST", [(None,), ("2",), ("1",)]),
    # functions/array: "Subscript operator", element_at(), array_position(), contains(), "Concatenation operator"
    (("SELECT ARRAY[1, 1.2, 4][2], ARRAY[1, 1.2, 4], element_at(ARRAY[7, 8], 1), element_at(ARRAY[7, 8], 3), "
     "element_at(ARRAY[7, 8], -1)"), [("1.2", "[1.0, 1.2, 4.0]", "7", None, "8")]),
    ("SELECT ARRAY[1] || ARRAY[2], ARRAY[1] || 2, 2 || ARRAY[1]", [("[1, 2]", "[1, 2]", "[2, 1]")]),
    (("SELECT array_position(ARRAY[7, 8], 8), array_position(ARRAY[7], 9), contains(ARRAY[1, 2], 2), "
     "cardinality(ARRAY[1, 2])"),
     [("2", "0", "true", "2")]),
    (("SELECT array_sort(ARRAY[3, NULL, 1]), array_remove(ARRAY[1, 2, 1], 1), array_max(ARRAY[1, 3]), "
     "array_join(ARRAY['a', NULL, 'b'], '-'), array_join(ARRAY['a', NULL, 'b'], '-', '?')"),
     [("[1, 3, null]", "[2]", "3", "a-b", "a-?-b")]),
    (("SELECT slice(ARRAY[1, 2, 3, 4], 2, 2), slice(ARRAY[1, 2, 3, 4], -2, 2), trim_array(ARRAY[1, 2, 3, 4], 1), "
     "flatten(ARRAY[ARRAY[1], ARRAY[2, 3]]), reverse(ARRAY[1, 2])"),
     [("[2, 3]", "[3, 4]", "[1, 2, 3]", "[1, 2, 3]", "[2, 1]")]),
    ("SELECT sequence(1, 3), sequence(3, 1), sequence(1, 9, 4), sequence(DATE '2024-02-28', DATE '2024-03-01')",
     [("[1, 2, 3]", "[3, 2, 1]", "[1, 5, 9]", "[2024-02-28, 2024-02-29, 2024-03-01]")]),
    # functions/array: filter(), transform(), reduce(), zip(), zip_with(), any_match(); functions/lambda
    (("SELECT filter(ARRAY[5, -6, NULL, 7], x -> x > 0), transform(ARRAY[5, NULL, 6], x -> coalesce(x, 0) + 1), "
     "transform(ARRAY[ARRAY[1, NULL, 2], ARRAY[3, NULL]], a -> filter(a, x -> x IS NOT NULL))"),
     [("[5, 7]", "[6, 1, 7]", "[[1, 2], [3]]")]),
    (("SELECT reduce(ARRAY[], 0, (s, x) -> s + x, s -> s), reduce(ARRAY[5, 20, 50], 0, (s, x) -> s + x, s -> s), "
     "reduce(ARRAY[5, 20, NULL, 50], 0, (s, x) -> s + x, s -> s), "
     "reduce(ARRAY[2147483647, 1], BIGINT '0', (s, x) -> s + x, s -> s)"), [("0", "75", None, "2147483648")]),
    (("SELECT reduce(ARRAY[5, 6, 10, 20], CAST(ROW(0.0, 0) AS ROW(sum DOUBLE, count INTEGER)), "
     "(s, x) -> CAST(ROW(x + s.sum, s.count + 1) AS ROW(sum DOUBLE, count INTEGER)), "
     "s -> IF(s.count = 0, NULL, s.sum / s.count))"), [("10.25",)]),
    (("SELECT zip(ARRAY[1, 2], ARRAY['1b', NULL, '3b']), zip_with(ARRAY[1, 3, 5], ARRAY['a', 'b', 'c'], (x, y) -> (y, "
     "x)), "
     "zip_with(ARRAY['a'], ARRAY['d', NULL, 'f'], (x, y) -> coalesce(x, y))"),
     [("[{field0=1, field1=1b}, {field0=2, field1=null}, {field0=null, field1=3b}]",
       "[{field0=a, field1=1}, {field0=b, field1=3}, {field0=c, field1=5}]", "[a, null, f]")]),
    (("SELECT any_match(ARRAY[1, NULL], x -> x > 0), any_match(ARRAY[1, NULL], x -> x > 5), all_match(ARRAY[], x -> x "
     "> 5), "
     "none_match(ARRAY[1, 2], x -> x > 5)"), [("true", None, "true", "true")]),
    # functions/map: "Subscript operator", element_at(), map_filter(), transform_keys(), transform_values()
    (("SELECT MAP(ARRAY['key1', 'key2', 'key3'], ARRAY['v1', 'v2', 'v3'])['key2'], element_at(MAP(ARRAY[1], "
     "ARRAY[2]), 9), "
     "cardinality(MAP(ARRAY[1, 3], ARRAY[2, 4])), map_keys(MAP(ARRAY[1, 3], ARRAY[2, 4])), map()"),
     [("v2", None, "2", "[1, 3]", "{}")]),
    (("SELECT map_filter(MAP(ARRAY[10, 20, 30], ARRAY['a', NULL, 'c']), (k, v) -> v IS NOT NULL), "
     "transform_keys(MAP(ARRAY[1, 2, 3], ARRAY['a', 'b', 'c']), (k, v) -> k + 1), "
     "transform_values(MAP(ARRAY[1, 2, 3], ARRAY[10, 20, 30]), (k, v) -> v + k)"),
     [("{10=a, 30=c}", "{2=a, 3=b, 4=c}", "{1=11, 2=22, 3=33}")]),
    (("SELECT map_from_entries(ARRAY[(1, 'x'), (2, 'y')]), map_entries(MAP(ARRAY[1, 2], ARRAY['x', 'y'])), "
     "map_concat(MAP(ARRAY[1], ARRAY['a']), MAP(ARRAY[1, 2], ARRAY['b', 'c']))"),
     [("{1=x, 2=y}", "[{field0=1, field1=x}, {field0=2, field1=y}]", "{1=b, 2=c}")]),
    # sql/select: "UNNEST": several arrays are padded with NULL, WITH ORDINALITY, maps, rows
    (("SELECT numbers, animals, n, a FROM (VALUES (ARRAY[2, 5], ARRAY['dog', 'cat', 'bird']), "
     "(ARRAY[7, 8, 9], ARRAY['cow', 'pig'])) AS x(numbers, animals) CROSS JOIN UNNEST(numbers, animals) AS t(n, a) "
     "ORDER BY numbers[1], coalesce(n, 100)"),
     [("[2, 5]", "[dog, cat, bird]", "2", "dog"), ("[2, 5]", "[dog, cat, bird]", "5", "cat"),
      ("[2, 5]", "[dog, cat, bird]", None, "bird"), ("[7, 8, 9]", "[cow, pig]", "7", "cow"),
      ("[7, 8, 9]", "[cow, pig]", "8", "pig"), ("[7, 8, 9]", "[cow, pig]", "9", None)]),
    (("SELECT numbers, n, a FROM (VALUES (ARRAY[2, 5]), (ARRAY[7, 8, 9])) AS x(numbers) "
     "CROSS JOIN UNNEST(numbers) WITH ORDINALITY AS t(n, a) ORDER BY 2"),
     [("[2, 5]", "2", "1"), ("[2, 5]", "5", "2"), ("[7, 8, 9]", "7", "1"), ("[7, 8, 9]", "8", "2"),
      ("[7, 8, 9]", "9", "3")]),
    ("SELECT animal, count FROM UNNEST(MAP(ARRAY['dog', 'cat'], ARRAY[1, 2])) AS t(animal, count) ORDER BY 1",
     [("cat", "2"), ("dog", "1")]),
    ("SELECT r.x, r.y FROM UNNEST(ARRAY[ROW('a', 1), ROW('b', 2)]) AS r(x, y) ORDER BY 1", [("a", "1"), ("b", "2")]),
    ("SELECT id, tag FROM sales LEFT JOIN UNNEST(tags) AS t(tag) ON TRUE ORDER BY id, tag",
     [("1", "red"), ("1", "sweet"), ("2", None), ("3", None)]),
    # functions/aggregate: "Ordering during aggregation", "Filtering during aggregation", "General aggregate functions"
    (("SELECT array_agg(x ORDER BY x DESC), array_agg(DISTINCT x ORDER BY x), array_agg(x ORDER BY x) FILTER (WHERE x "
     "> 1) "
     "FROM (VALUES 1, NULL, 2, 2) AS t(x)"), [("[2, 2, 1, null]", "[1, 2, null]", "[2, 2]")]),
    (("SELECT count(*), count(x), count_if(x > 1), sum(x), avg(x), max(x), min(x), bool_and(x > 0), bool_or(x > 1) "
     "FROM (VALUES 1, NULL, 2) AS t(x)"), [("3", "2", "1", "3", "1.5", "2", "1", "true", "true")]),
    (("SELECT sum(x), avg(x), count(x), array_agg(x), typeof(sum(x)), typeof(avg(x)) FROM (VALUES 1.25, 2.50) AS t(x) "
     "WHERE x > 5"), [(None, None, "0", None, "decimal(38,2)", "decimal(3,2)")]),
    ("SELECT avg(x), sum(x) FROM (VALUES 1.25, 2.50, 0.00) AS t(x)", [("1.25", "3.75")]),
    ("SELECT max_by(x, y), min_by(x, y), max(y, 2), min(y, 2) FROM (VALUES ('a', 1), ('b', 3), ('c', 2)) AS t(x, y)",
     [("b", "a", "[3, 2]", "[1, 2]")]),
    (("SELECT id, listagg(value, ',') WITHIN GROUP (ORDER BY o) AS csv_value FROM (VALUES (100, 1, 'a'), (200, 3, "
      "'c'), "
     "(200, 2, 'b')) t(id, o, value) GROUP BY id ORDER BY id"), [("100", "a"), ("200", "b,c")]),
    (("SELECT country, listagg(city, ',') WITHIN GROUP (ORDER BY population DESC) FILTER (WHERE population >= "
      "10000000) "
     "FROM (VALUES ('India', 'Bangalore', 13700000), ('India', 'Chennai', 12200000), ('India', 'Ranchi', 1547000), "
     "('Austria', 'Vienna', 1897000)) t(country, city, population) GROUP BY country ORDER BY country"),
     [("Austria", None), ("India", "Bangalore,Chennai")]),
    # functions/aggregate: "Map aggregate functions"
    ("SELECT histogram(x), map_agg(x, y) FROM (VALUES ('a', 1), ('b', 2), (NULL, 3)) AS t(x, y)",
     [("{a=1, b=1}", "{a=1, b=2}")]),
    # functions/datetime: "Date and time operators"
    (("SELECT date '2012-08-08' + interval '2' day, timestamp '2012-08-08 01:00' + interval '29' hour, "
     "timestamp '2012-10-31 01:00' + interval '1' month, interval '2' day + interval '3' hour, "
     "interval '3' year + interval '5' month"),
     [("2012-08-10", "2012-08-09 06:00:00.000", "2012-11-30 01:00:00.000", "2 03:00:00.000", "3-5")]),
    (("SELECT date '2012-08-08' - interval '2' day, timestamp '2012-08-08 01:00' - interval '29' hour, "
     "timestamp '2012-10-31 01:00' - interval '1' month, interval '2' day - interval '3' hour, "
     "interval '3' year - interval '5' month"),
     [("2012-08-06", "2012-08-06 20:00:00.000", "2012-09-30 01:00:00.000", "1 21:00:00.000", "2-7")]),
    # functions/datetime: "Time zone conversion"
    ("SELECT timestamp '2012-10-31 01:00 UTC', timestamp '2012-10-31 01:00 UTC' AT TIME ZONE 'America/Los_Angeles'",
     [("2012-10-31 01:00:00.000 UTC", "2012-10-30 18:00:00.000 America/Los_Angeles")]),
    # functions/datetime: "Truncation function", its table
    *[
        (f"SELECT date_trunc('{unit}', TIMESTAMP '2001-08-22 03:04:05.321')", [(truncated,)])
        for unit, truncated in {
            "millisecond": "2001-08-22 03:04:05.321", "second": "2001-08-22 03:04:05.000",
            "minute": "2001-08-22 03:04:00.000", "hour": "2001-08-22 03:00:00.000", "day": "2001-08-22 00:00:00.000",
            "week": "2001-08-20 00:00:00.000", "month": "2001-08-01 00:00:00.000",
            "quarter": "2001-07-01 00:00:00.000", "year": "2001-01-01 00:00:00.000",
        }.items()
    ],
    # functions/datetime: "Interval functions"
    (("SELECT date_add('second', 86, TIMESTAMP '2020-03-01 00:00:00'), date_add('hour', 9, TIMESTAMP '2020-03-01 "
     "00:00:00'), "
     "date_add('day', -1, TIMESTAMP '2020-03-01 00:00:00 UTC'), date_add('month', 1, DATE '2024-01-31')"),
     [("2020-03-01 00:01:26.000", "2020-03-01 09:00:00.000", "2020-02-29 00:00:00.000 UTC", "2024-02-29")]),
    (("SELECT date_diff('second', TIMESTAMP '2020-03-01 00:00:00', TIMESTAMP '2020-03-02 00:00:00'), "
     "date_diff('hour', TIMESTAMP '2020-03-01 00:00:00 UTC', TIMESTAMP '2020-03-02 00:00:00 UTC'), "
     "date_diff('day', DATE '2020-03-01', DATE '2020-03-02'), "
     "date_diff('second', TIMESTAMP '2020-06-01 12:30:45.000000', TIMESTAMP '2020-06-02 12:30:45.123456'), "
     "date_diff('millisecond', TIMESTAMP '2020-06-01 12:30:45.000000', TIMESTAMP '2020-06-02 12:30:45.123456')"),
     [("86400", "24", "1", "86400", "86400123")]),
    # functions/datetime: "MySQL date functions"
    ("SELECT date_format(TIMESTAMP '2022-10-20 05:10:00', '%m-%d-%Y %H'), date_parse('2022/10/20/05', '%Y/%m/%d/%H')",
     [("10-20-2022 05", "2022-10-20 05:00:00.000")]),
    (("SELECT date_format(TIMESTAMP '2024-01-03 15:06:07.123', '%a %b %c %d %e %f %H %h %i %j %k %l %M %p %s %W %y %T "
     "%r %%'), "
     "date_parse('70', '%y'), date_parse('69', '%y'), date_parse('3.1.2024 3:06 PM', '%e.%c.%Y %l:%i %p')"),
     [("Wed Jan 1 03 3 123000 15 03 06 003 15 3 January PM 07 Wednesday 24 15:06:07 03:06:07 PM %",
       "1970-01-01 00:00:00.000", "2069-01-01 00:00:00.000", "2024-01-03 15:06:00.000")]),
    # functions/datetime: "Java date functions"
    (("SELECT format_datetime(TIMESTAMP '2024-01-03 15:06:07.123', 'yyyy/MM/dd''T''HH:mm:ss.SSS EEE MMMM'), "
     "parse_datetime('2024-01-03 15:06', 'yyyy-MM-dd HH:mm')"),
     [("2024/01/03T15:06:07.123 Wed January", "2024-01-03 15:06:00.000 UTC")]),
    # functions/datetime: "Extraction function", "Convenience extraction functions": ISO weeks, Sunday is 7
    (("SELECT extract(YEAR FROM TIMESTAMP '2022-10-20 05:10:00'), day_of_week(DATE '2024-01-07'), dow(DATE "
     "'2024-01-01'), "
     "week(DATE '2021-01-01'), year_of_week(DATE '2021-01-01'), day_of_year(DATE '2024-12-31'), quarter(DATE "
     "'2024-05-01'), "
     "hour(TIMESTAMP '2024-01-01 05:06:07.089'), millisecond(TIMESTAMP '2024-01-01 05:06:07.089')"),
     [("2022", "7", "1", "53", "2020", "366", "2", "5", "89")]),
    # functions/datetime: "Date and time functions"; Athena's session is in UTC
    (("SELECT from_iso8601_timestamp('2020-05-11'), from_iso8601_timestamp('2020-05-11T11:15:05'), "
     "from_iso8601_date('2020-05-11'), from_unixtime(0), to_unixtime(TIMESTAMP '1970-01-01 00:00:10'), "
     "last_day_of_month(DATE '2024-02-01'), to_iso8601(DATE '2024-02-01')"),
     [("2020-05-11 00:00:00.000 UTC", "2020-05-11 11:15:05.000 UTC", "2020-05-11", "1970-01-01 00:00:00.000 UTC",
       "10.0",
       "2024-02-29", "2024-02-01")]),
    (("SELECT with_timezone(TIMESTAMP '2022-11-01 09:08:07.321', 'America/Los_Angeles'), "
     "at_timezone(TIMESTAMP '2022-11-01 09:08:07.321', 'America/Los_Angeles')"),
     [("2022-11-01 09:08:07.321 America/Los_Angeles", "2022-11-01 02:08:07.321 America/Los_Angeles")]),
    # functions/json: "JSON extract functions" and "Cast to JSON", "Cast from JSON"
    (("SELECT json_extract_scalar('[1, 2, 3]', '$[2]'), json_extract('{\"store\":{\"book\":[{\"title\":\"a\"}]}}', "
     "'$.store.book'), "
     "json_extract_scalar('{\"a\":{\"b\":true}}', '$.a.b'), json_extract_scalar('{\"a\":{}}', '$.a'), "
     "json_extract_scalar('{\"a\":1}', '$.b'), json_array_length('[1, 2, 3]')"),
     [("3", '[{"title":"a"}]', "true", None, None, "3")]),
    (("SELECT json_format(json_parse('[1, 2, 3]')), json_format(json_parse('\"a\"')), json_parse('{\"b\": 1, \"a\": "
     "2}')"),
     [("[1,2,3]", '"a"', '{"a":2,"b":1}')]),
    (("SELECT CAST(1 AS JSON), CAST('abc' AS JSON), CAST(true AS JSON), CAST(1.234 AS JSON), CAST(ARRAY[1, NULL, 456] "
     "AS JSON), "
     "CAST(MAP(ARRAY['k1', 'k2'], ARRAY[1, 23]) AS JSON), "
     "CAST(CAST(ROW(123, 'abc', true) AS ROW(v1 BIGINT, v2 VARCHAR, v3 BOOLEAN)) AS JSON), CAST(NULL AS JSON)"),
     [("1", '"abc"', "true", "1.234", "[1,null,456]", '{"k1":1,"k2":23}', '{"v1":123,"v2":"abc","v3":true}', None)]),
    (("SELECT CAST(JSON 'null' AS VARCHAR), CAST(JSON '1' AS INTEGER), CAST(JSON '9223372036854775807' AS BIGINT), "
     "CAST(JSON '\"abc\"' AS VARCHAR), CAST(JSON 'true' AS BOOLEAN), CAST(JSON '1.234' AS DOUBLE), "
     "CAST(JSON '[1,null,456]' AS ARRAY(INTEGER)), CAST(JSON '[[1,23],[456]]' AS ARRAY(ARRAY(INTEGER))), "
     "CAST(JSON '{\"k1\":1,\"k2\":23}' AS MAP(VARCHAR, INTEGER)), "
     "CAST(JSON '{\"v1\":123,\"v2\":\"abc\",\"v3\":true}' AS ROW(v1 BIGINT, v2 VARCHAR, v3 BOOLEAN))"),
     [(None, "1", "9223372036854775807", "abc", "true", "1.234", "[1, null, 456]", "[[1, 23], [456]]", "{k1=1, k2=23}",
       "{v1=123, v2=abc, v3=true}")]),
    # functions/string: "String functions"
    (("SELECT length('été'), lower('ABC'), upper('abc'), lpad('7', 3, '0'), rpad('abcdef', 3, 'x'), trim('  a '), "
     "replace('aXbX', 'X', '-'), reverse('abc'), chr(65), codepoint('A'), strpos('abc', 'c'), position('z' IN 'abc')"),
     [("3", "abc", "ABC", "007", "abc", "a", "a-b-", "cba", "A", "65", "3", "0")]),
    (("SELECT substr('abcde', 2), substr('abcde', -2), substr('abcde', 2, 3), substring('abcde' FROM 2 FOR 1), "
     "split('a,b,c', ','), split('a,b,c', ',', 2), split_part('a,b', ',', 2), split_part('a,b', ',', 3), "
     "split_to_map('a=1;b=2', ';', '=')"),
     [("bcde", "de", "bcd", "b", "[a, b, c]", "[a, b,c]", "b", None, "{a=1, b=2}")]),
    (("SELECT translate('abcd', '', ''), translate('abcda', 'a', 'z'), translate('Palhoça', 'ç', 'c'), "
     "translate('abcd', 'a', ''), translate('abcd', 'ac', 'z'), trim('!' FROM '!foo!'), trim(BOTH '$' FROM '$var$'), "
     "trim(TRAILING 'ER' FROM upper('worker'))"),
     [("abcd", "zbcdz", "Palhoca", "bcd", "zbd", "foo", "var", "WORK")]),
    ("SELECT concat('a', NULL, 'b'), 'a' || NULL, concat_ws(',', 'a', NULL, 'b'), starts_with('abc', 'ab')",
     [(None, None, "a,b", "true")]),
    # functions/regexp
    (("SELECT regexp_count('1a 2b 14m', '\\s*[a-z]+\\s*'), regexp_extract_all('1a 2b 14m', '\\d+'), "
     "regexp_extract_all('1a 2b 14m', '(\\d+)([a-z]+)', 2), regexp_extract('1a 2b 14m', '\\d+'), "
     "regexp_extract('1a 2b 14m', '(\\d+)([a-z]+)', 2), regexp_like('1a 2b 14m', '\\d+b'), "
     "regexp_replace('1a 2b 14m', '\\d+[ab] '), regexp_replace('1a 2b 14m', '(\\d+)([ab]) ', '3c$2 '), "
     "regexp_split('1a 2b 14m', '\\s*[a-z]+\\s*')"),
     [("3", "[1, 2, 14]", "[a, b, m]", "1", "a", "true", "14m", "3ca 3cb 14m", "[1, 2, 14, ]")]),
    # functions/comparison: "Range operator", IS NULL, "IS DISTINCT FROM", "GREATEST and LEAST", "LIKE"
    (("SELECT 3 BETWEEN 2 AND 6, NULL BETWEEN 2 AND 4, NULL IS DISTINCT FROM NULL, 1 IS DISTINCT FROM NULL, "
     "greatest(1, NULL), "
     "least(2, 1), 'a%b' LIKE 'a\\%b' ESCAPE '\\', 'axb' LIKE 'a\\%b' ESCAPE '\\'"),
     [("true", None, "false", "true", None, "1", "true", "false")]),
    # sql/select and functions/logical: IN with NULL is NULL unless it is found
    ("SELECT 1 IN (2, NULL), 2 IN (2, NULL), 1 NOT IN (2, NULL), NULL AND false, NULL OR true, NOT NULL",
     [(None, "true", None, "false", "true", None)]),
    # functions/conditional
    (("SELECT CASE 2 WHEN 1 THEN 'one' WHEN 2 THEN 'two' ELSE 'many' END, IF(1 > 2, 'x'), coalesce(NULL, 2, 3), "
     "nullif(1, 1), "
     "TRY(1 / 0), TRY(CAST('x' AS INTEGER)), COALESCE(TRY(1 / 0), 0), try_cast('x' AS DATE)"),
     [("two", None, "2", None, None, None, "0", None)]),
    # functions/conversion and language/types: casts round half up, a varchar is cut
    (("SELECT CAST(2.5 AS INTEGER), CAST(-2.5 AS INTEGER), CAST(2.5e0 AS BIGINT), CAST('12' AS INTEGER), CAST('abc' "
     "AS VARCHAR(2)), "
     "CAST(12.50 AS VARCHAR), CAST(true AS VARCHAR), CAST(TIMESTAMP '2024-01-31 10:00:00' AS DATE), typeof(CAST(1 AS "
     "REAL))"),
     [("3", "-3", "3", "12", "ab", "12.50", "true", "2024-01-31", "real")]),
    # functions/conversion: "Formatting" (format('%s%%', 123), format('%.5f', pi()), format('%03d', 8))
    ("SELECT format('%s%%', 123), format('%.5f', pi()), format('%03d', 8)", [("123%", "3.14159", "008")]),
    # language/types: "ROW"; sql/select: a field of a row by its name, or its place
    (("SELECT CAST(ROW(1, 2.0) AS ROW(x BIGINT, y DOUBLE)).y, ROW(1, 'a')[2], place.city, typeof(ROW(1, 'a')) FROM "
     "sales WHERE id = 1"),
     [("2.0", "a", "Bern", "row(integer, varchar(1))")]),
    # functions/window: "Ranking functions"
    (("SELECT x, rank() OVER (ORDER BY x), dense_rank() OVER (ORDER BY x), row_number() OVER (ORDER BY x, y), "
     "ntile(2) OVER (ORDER BY x, y), percent_rank() OVER (ORDER BY x), cume_dist() OVER (ORDER BY x) "
     "FROM (VALUES (1, 1), (1, 2), (3, 3)) AS t(x, y) ORDER BY x, y"),
     [("1", "1", "1", "1", "1", "0.0", "0.6666666666666666"), ("1", "1", "1", "2", "1", "0.0", "0.6666666666666666"),
      ("3", "3", "2", "3", "2", "1.0", "1.0")]),
    # functions/window: "Value functions", IGNORE NULLS
    (("SELECT x, lag(x) OVER (ORDER BY x), lag(x, 1, 0) OVER (ORDER BY x), lead(x, 2) OVER (ORDER BY x), "
     "first_value(x) OVER (ORDER BY x), last_value(x) OVER (ORDER BY x), nth_value(x, 2) OVER (ORDER BY x) "
     "FROM (VALUES 1, 2, 3) AS t(x) ORDER BY x"),
     [("1", None, "0", "3", "1", "1", None), ("2", "1", "1", None, "1", "2", "2"),
      ("3", "2", "2", None, "1", "3", "2")]),
    (("SELECT o, last_value(x) IGNORE NULLS OVER (ORDER BY o), lag(x) IGNORE NULLS OVER (ORDER BY o) "
     "FROM (VALUES (1, 'a'), (2, NULL), (3, 'c')) AS t(o, x) ORDER BY o"),
     [("1", "a", None), ("2", "a", "a"), ("3", "c", "a")]),
    # sql/select: "WINDOW clause"; functions/window: "Aggregate functions", frames of ROWS, RANGE and GROUPS
    (("SELECT x, sum(x) OVER w, sum(x) OVER (ORDER BY x ROWS BETWEEN 1 PRECEDING AND CURRENT ROW), "
     "sum(x) OVER (ORDER BY x RANGE BETWEEN 1 PRECEDING AND CURRENT ROW), "
     "count(*) OVER (ORDER BY x GROUPS BETWEEN CURRENT ROW AND 1 FOLLOWING) "
     "FROM (VALUES 1, 2, 2, 5) AS t(x) WINDOW w AS (ORDER BY x) ORDER BY x, 3"),
     [("1", "1", "1", "1", "3"), ("2", "5", "3", "5", "3"), ("2", "5", "4", "5", "3"), ("5", "10", "7", "5", "1")]),
    # sql/select: "GROUPING SETS", "CUBE", "ROLLUP", "GROUPING operation" (the bits of what is left out)
    (("SELECT a, b, sum(x), grouping(a, b) FROM (VALUES ('p', 'q', 1), ('p', 'r', 2)) AS t(a, b, x) "
     "GROUP BY ROLLUP (a, b) ORDER BY 4, 2"),
     [("p", "q", "1", "0"), ("p", "r", "2", "0"), ("p", None, "3", "1"), (None, None, "3", "3")]),
    (("SELECT a, b, count(*) FROM (VALUES ('p', 'q'), ('p', 'r')) AS t(a, b) GROUP BY GROUPING SETS ((a), (b), ()) "
     "ORDER BY 1, 2"),
     [("p", None, "2"), (None, "q", "1"), (None, "r", "1"), (None, None, "2")]),
    ("SELECT a, b, grouping(a), grouping(b) FROM (VALUES (1, 2)) AS t(a, b) GROUP BY CUBE (a, b) ORDER BY 3, 4",
     [("1", "2", "0", "0"), ("1", None, "0", "1"), (None, "2", "1", "0"), (None, None, "1", "1")]),
    # sql/select: "GROUP BY clause" by ordinal and expression, "HAVING clause"
    ("SELECT x % 2, count(*) FROM (VALUES 1, 2, 3) AS t(x) GROUP BY 1 HAVING count(*) > 1", [("1", "2")]),
    ("SELECT x % 2 + 1, sum(x) FROM (VALUES 1, 2, 3) AS t(x) GROUP BY x % 2 ORDER BY 1", [("1", "2"), ("2", "4")]),
    # sql/select: "UNION", "INTERSECT", "EXCEPT" (with ALL and without), "WITH clause", "LIMIT or FETCH FIRST", "OFFSET"
    ("SELECT 13 UNION SELECT * FROM (VALUES 42, 13) ORDER BY 1", [("13",), ("42",)]),
    ("SELECT 13 UNION ALL SELECT * FROM (VALUES 42, 13) ORDER BY 1", [("13",), ("13",), ("42",)]),
    ("SELECT * FROM (VALUES 13, 42) INTERSECT SELECT 13", [("13",)]),
    ("SELECT * FROM (VALUES 13, 42) EXCEPT SELECT 13", [("42",)]),
    ("WITH t1 AS (SELECT 1 AS a), t2(b) AS (SELECT a + 1 FROM t1) SELECT a, b FROM t1 CROSS JOIN t2", [("1", "2")]),
    ("SELECT x FROM (VALUES 1, 2, 3, 4) AS t(x) ORDER BY x OFFSET 1 LIMIT 2", [("2",), ("3",)]),
    ("SELECT x FROM (VALUES 1, 2, 3, 4) AS t(x) ORDER BY x OFFSET 3 ROWS FETCH FIRST ROW ONLY", [("4",)]),
    # sql/select: "Joins", "LATERAL", USING gives the column once; "Subqueries": EXISTS, IN, scalar
    ("SELECT * FROM (VALUES (1, 'a'), (2, 'b')) AS l(k, x) LEFT JOIN (VALUES (1, 'c')) AS r(k, y) USING (k) ORDER BY k",
     [("1", "a", "c"), ("2", "b", None)]),
    ("SELECT k, x, y FROM (VALUES (1, 'a')) AS l(k, x) FULL JOIN (VALUES (2, 'c')) AS r(k, y) USING (k) ORDER BY k",
     [("1", "a", None), ("2", None, "c")]),
    (("SELECT name, x, y FROM sales CROSS JOIN LATERAL (SELECT name || ' :-' AS x) "
     "CROSS JOIN LATERAL (SELECT x || ')' AS y) WHERE id < 3 ORDER BY id"),
     [("apple", "apple :-", "apple :-)"), ("pear", "pear :-", "pear :-)")]),
    (("SELECT id, (SELECT max(length) FROM visits v WHERE v.id = s.id), EXISTS (SELECT 1 FROM visits WHERE id = s.id), "
     "id IN (SELECT id FROM visits), id >= ALL (SELECT 2) FROM sales s ORDER BY id"),
     [("1", "10", "true", "true", "false"), ("2", None, "false", "false", "true"),
      ("3", None, "false", "false", "true")]),
    # language/reserved and sql/select: names are taken regardless of their case, also quoted ones
    ('SELECT "ID", Sales.NAME FROM "SHOP"."Sales" WHERE Shop.sales."Id" = 1', [("1", "apple")]),
    # Athena's tables: each type of the catalog as it is written in a result
    ("SELECT * FROM sales WHERE id = 1",
     [("1", "apple", "1.50", "2024-01-31", "2024-01-31 10:00:00.123", "[red, sweet]", "{here=1, there=2}",
       "{city=Bern, code=3000}", "0.5", "ab ", "68 69")]),
]  # fmt: skip


@pytest.mark.parametrize(("query", "expected"), QUERIES, ids=[query[:60] for query, _ in QUERIES])
def test_a_query_gives_the_rows_that_trino_documents(
    connection: duckdb.DuckDBPyConnection, query: str, expected: list[tuple[str | None, ...]]
) -> None:
    assert rows(connection, query) == expected


def test_there_are_forty_queries_at_least() -> None:
    assert len(QUERIES) >= 40


# functions/aggregate: "Approximate aggregate functions": a standard error of 2.3 %
def test_the_approximate_number_of_distinct_values_is_within_its_documented_error(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    ((found,),) = rows(connection, "SELECT approx_distinct(x) FROM UNNEST(sequence(1, 5000)) AS t(x)")
    assert found is not None
    assert abs(int(found) - 5000) <= 5000 * 0.023


def test_an_approximate_percentile_is_a_value_near_the_exact_one(connection: duckdb.DuckDBPyConnection) -> None:
    ((found,),) = rows(connection, "SELECT approx_percentile(x, 0.5) FROM UNNEST(sequence(1, 1000)) AS t(x)")
    assert found is not None
    assert 480 <= int(found) <= 520


# The errors are those of the same pages: an operator or a function "throws an error", "the query fails".
@pytest.mark.parametrize(
    ("query", "kind", "message"),
    [
        ("SELECT 1 / 0", "DIVISION_BY_ZERO", "Division by zero"),
        ("SELECT 1.5 / 0", "DIVISION_BY_ZERO", "Division by zero"),
        ("SELECT 5 % 0", "DIVISION_BY_ZERO", "Division by zero"),
        ("SELECT 2147483647 + 1", "NUMERIC_VALUE_OUT_OF_RANGE", "integer addition overflow: 2147483647 + 1"),
        ("SELECT TINYINT '100' * TINYINT '2'", "NUMERIC_VALUE_OUT_OF_RANGE",
         "tinyint multiplication overflow: 100 * 2"),
        ("SELECT sum(x) FROM (VALUES 9223372036854775807, 1) t(x)", "NUMERIC_VALUE_OUT_OF_RANGE",
         "bigint addition overflow"),
        ("SELECT CAST('abc' AS INTEGER)", "INVALID_CAST_ARGUMENT", "Cannot cast 'abc' to INT"),
        ("SELECT CAST('1e3' AS BIGINT)", "INVALID_CAST_ARGUMENT", "Cannot cast '1e3' to BIGINT"),
        ("SELECT CAST('2024-02-30' AS DATE)", "INVALID_CAST_ARGUMENT", "Value cannot be cast to date: 2024-02-30"),
        ("SELECT CAST('x' AS DECIMAL(5,2))", "INVALID_CAST_ARGUMENT",
         "Cannot cast VARCHAR 'x' to DECIMAL(5,2). Value is not a number."),
        ("SELECT CAST(300 AS TINYINT)", "NUMERIC_VALUE_OUT_OF_RANGE", "Out of range for TINYINT: 300"),
        ("SELECT CAST(123 AS VARCHAR(2))", "INVALID_CAST_ARGUMENT", "Value 123 cannot be represented as varchar(2)"),
        ("SELECT ARRAY[1, 2][3]", "INVALID_FUNCTION_ARGUMENT",
         "Array subscript must be less than or equal to array length: 3 > 2"),
        ("SELECT ARRAY[1, 2][0]", "INVALID_FUNCTION_ARGUMENT", "SQL array indices start at 1"),
        ("SELECT ARRAY[1, 2][-1]", "INVALID_FUNCTION_ARGUMENT", "Array subscript is negative: -1"),
        ("SELECT MAP(ARRAY['a'], ARRAY[1])['b']", "INVALID_FUNCTION_ARGUMENT", "Key not present in map: b"),
        ("SELECT MAP(ARRAY['a', 'a'], ARRAY[1, 2])", "INVALID_FUNCTION_ARGUMENT", "Duplicate map keys are not allowed"),
        ("SELECT split_part('a', ',', 0)", "INVALID_FUNCTION_ARGUMENT", "Index must be greater than zero"),
        ("SELECT date_parse('2024-13-01', '%Y-%m-%d')", "INVALID_FUNCTION_ARGUMENT", 'Invalid format: "2024-13-01"'),
        ("SELECT date_format(DATE '2024-01-01', '%D')", "INVALID_FUNCTION_ARGUMENT",
         "line 1:8: %D not supported in date format string"),
        ("SELECT (SELECT id FROM sales)", "SUBQUERY_MULTIPLE_ROWS", "Scalar sub-query has returned multiple rows"),
        ("SELECT json_parse('{')", "INVALID_FUNCTION_ARGUMENT", "Cannot convert value to JSON: '{'"),
        ("SELECT DATE '2024-01-01' + INTERVAL '1' HOUR", "INVALID_FUNCTION_ARGUMENT",
         "Cannot add hour, minutes or seconds to a date"),
    ],
)  # fmt: skip
def test_what_a_value_makes_wrong_is_reported_as_athena_does(
    connection: duckdb.DuckDBPyConnection, query: str, kind: str, message: str
) -> None:
    with pytest.raises(QueryError) as raised:
        rows(connection, query)
    assert (raised.value.kind, raised.value.message) == (kind, message)


def test_an_error_of_a_row_that_a_condition_leaves_out_is_none(connection: duckdb.DuckDBPyConnection) -> None:
    query = "SELECT x FROM (VALUES (1, 0), (6, 2)) AS t(x, y) WHERE y <> 0 AND x / y > 2"
    assert rows(connection, query) == [("6",)]


def test_an_error_is_none_however_cheap_the_condition_is_that_would_raise_it(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    numbers = "(SELECT x, IF(x % 7 = 0, 'x', CAST(x AS VARCHAR)) AS name FROM UNNEST(sequence(1, 5000)) AS t(x))"
    query = (
        f"SELECT count(*) FROM {numbers} WHERE x > 5 AND name NOT LIKE 'x%' AND CAST(name AS BIGINT) / (x - 3) > 0 "
        "AND (name LIKE 'x%' OR CAST(name AS BIGINT) > 0)"
    )
    assert rows(connection, query) == [(str(len([x for x in range(6, 5001) if x % 7])),)]


def test_the_columns_of_a_result_have_athenas_names_and_types() -> None:
    made = translated("SELECT id, 1 + 1, price AS Total, tags, stock, place FROM sales")
    assert [(column.name, column.type) for column in made.columns] == [
        ("id", "integer"), ("_col1", "integer"), ("Total", "decimal(10,2)"), ("tags", "array(varchar)"),
        ("stock", "map(varchar, integer)"), ("place", "row(city varchar, code integer)"),
    ]  # fmt: skip


def test_parameters_are_bound_as_literals(connection: duckdb.DuckDBPyConnection) -> None:
    query = "SELECT id FROM sales WHERE name = ? AND day < ? LIMIT ?"
    assert rows(connection, query, "'apple'", "DATE '2024-02-01'", "5") == [("1",)]
    assert rows(connection, query, "'x'' OR 1=1 --'", "DATE '2024-02-01'", "5") == []
