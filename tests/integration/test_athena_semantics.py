"""Queries in Athena's dialect, run through Athena's own API, and the rows that Trino's documentation says they have.

Every expected row is taken from the documentation, whose page and section stand beside it: ``functions/…``, ``sql/…``
and ``language/…`` are pages of Trino's, ``athena: …`` those of Athena's user guide. None is what some engine answered.
What fails and what is refused stands in ``test_athena_refusals``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.athena_shop import shop

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.athena_shop import Athena, Row

# The table of the examples in sql/select.md, "GROUPING SETS".
SHIPPING = """WITH shipping (origin_state, origin_zip, destination_state, destination_zip, package_weight) AS (VALUES
    ('California', 94131, 'New Jersey', 8648, 13), ('California', 94131, 'New Jersey', 8540, 42),
    ('New Jersey', 7081, 'Connecticut', 6708, 225), ('California', 90210, 'Connecticut', 6927, 1337),
    ('California', 94131, 'Colorado', 80302, 5), ('New York', 10002, 'New Jersey', 8540, 3)) """


@pytest.fixture(scope="module")
def athena(request: pytest.FixtureRequest) -> Iterator[Athena]:
    with shop() as opened:
        opened.start_queries_of(request)
        yield opened


def query(sentence: str, sql: str, *rows: Row) -> Any:
    """A query, by the sentence that it shows, and its rows."""
    return pytest.param(sql, list(rows), id=sentence)


def column(sentence: str, sql: str, *values: str | None) -> Any:
    """A query of one column."""
    return query(sentence, sql, *((value,) for value in values))


def values(sentence: str, expressions: dict[str, str | None]) -> Any:
    """A query of one row, each of whose columns stands beside its value."""
    return query(sentence, f"SELECT {', '.join(expressions)}", tuple(expressions.values()))


# Texts become times, and times texts

TIMES = [
    # functions/datetime.md, MySQL date functions
    values(
        "date_parse reads each of MySQL's specifiers",
        {
            "date_parse('2022/10/20/05', '%Y/%m/%d/%H')": "2022-10-20 05:00:00.000",
            "date_parse('2024-02-29 23:59:58', '%Y-%m-%d %H:%i:%s')": "2024-02-29 23:59:58.000",
            "date_parse('20240229235958', '%Y%m%d%H%i%S')": "2024-02-29 23:59:58.000",
            "date_parse('Mar 5, 2021 1:07 PM', '%b %e, %Y %l:%i %p')": "2021-03-05 13:07:00.000",
            "date_parse('29 February 2024 12:15 AM', '%d %M %Y %h:%i %p')": "2024-02-29 00:15:00.000",
            "date_parse('2020-01-02 11:05:09 PM', '%Y-%m-%d %r')": "2020-01-02 23:05:09.000",
            "date_parse('2/1/2020 7:08:09', '%c/%e/%Y %T')": "2020-02-01 07:08:09.000",
            "date_parse('2024%03', '%Y%%%m')": "2024-03-01 00:00:00.000",
        },
    ),
    # functions/datetime.md, MySQL date functions: %f "timestamp is truncated to milliseconds", %y "1970 .. 2069"
    values(
        "date_parse cuts fractions to milliseconds and takes two digits of a year for 1970 to 2069",
        {
            "date_parse('2024-01-01 00:00:00.1', '%Y-%m-%d %T.%f')": "2024-01-01 00:00:00.100",
            "date_parse('2024-01-01 00:00:00.123999999', '%Y-%m-%d %T.%f')": "2024-01-01 00:00:00.123",
            "date_parse('70-01-01', '%y-%m-%d')": "1970-01-01 00:00:00.000",
            "date_parse('69-01-01', '%y-%m-%d')": "2069-01-01 00:00:00.000",
        },
    ),
    # functions/datetime.md, MySQL date functions
    values(
        "date_format writes each of MySQL's specifiers",
        {
            "date_format(TIMESTAMP '2022-10-20 05:10:00', '%m-%d-%Y %H')": "10-20-2022 05",
            "date_format(TIMESTAMP '2024-03-05 15:04:09.120', '%a %W %b %M')": "Tue Tuesday Mar March",
            "date_format(TIMESTAMP '2024-03-05 15:04:09.120', '%c %e %y %j')": "3 5 24 065",
            "date_format(TIMESTAMP '2024-03-05 15:04:09.120', '%k %l %h %I %p')": "15 3 03 03 PM",
            "date_format(TIMESTAMP '2024-03-05 15:04:09.120', '%r, %T, %S %s %i')": "03:04:09 PM, 15:04:09, 09 09 04",
            "date_format(TIMESTAMP '2024-03-05 15:04:09.120', '%f%% %q')": "120000% q",
        },
    ),
    column("date_format writes weeks", "SELECT date_format(TIMESTAMP '2021-01-01 00:00:00', '%x-%v')", "2020-53"),
    # functions/datetime.md, Java date functions
    values(
        "Java's patterns write and read times",
        {
            "format_datetime(TIMESTAMP '2024-03-05 15:04:09', 'yyyy-MM-dd HH:mm:ss')": "2024-03-05 15:04:09",
            "format_datetime(TIMESTAMP '2024-03-05 15:04:09', 'EEE, d MMM yyyy hh:mm a')": "Tue, 5 Mar 2024 03:04 PM",
            "format_datetime(DATE '2024-03-05', 'EEEE DDD yy/M')": "Tuesday 065 24/3",
            "parse_datetime('2024-03-05 15:04', 'yyyy-MM-dd HH:mm')": "2024-03-05 15:04:00.000 UTC",
        },
    ),
    # functions/datetime.md, Date and time functions
    values(
        "texts of ISO 8601 are read and written",
        {
            "from_iso8601_timestamp('2020-05-11T11:15:05')": "2020-05-11 11:15:05.000 UTC",
            "from_iso8601_timestamp('2020-05-11')": "2020-05-11 00:00:00.000 UTC",
            "from_iso8601_date('2020-05-11')": "2020-05-11",
            "to_iso8601(DATE '2020-05-11')": "2020-05-11",
        },
    ),
    # functions/datetime.md, Date and time functions: from_unixtime, to_unixtime, last_day_of_month
    values(
        "seconds since 1970 become times with a zone, and back",
        {
            "from_unixtime(0)": "1970-01-01 00:00:00.000 UTC",
            "from_unixtime(1700000000.5)": "2023-11-14 22:13:20.500 UTC",
            "from_unixtime(0, 'America/New_York')": "1969-12-31 19:00:00.000 America/New_York",
            "CAST(to_unixtime(TIMESTAMP '2023-11-14 22:13:20') AS bigint)": "1700000000",
            "last_day_of_month(DATE '2024-02-10')": "2024-02-29",
        },
    ),
    # functions/datetime.md, Time zone conversion, and with_timezone
    values(
        "a time is shown in another zone",
        {
            "timestamp '2012-10-31 01:00 UTC'": "2012-10-31 01:00:00.000 UTC",
            "timestamp '2012-10-31 01:00 UTC' AT TIME ZONE 'America/Los_Angeles'": (
                "2012-10-30 18:00:00.000 America/Los_Angeles"
            ),
            "with_timezone(TIMESTAMP '2022-11-01 09:08:07.321', 'America/Los_Angeles')": (
                "2022-11-01 09:08:07.321 America/Los_Angeles"
            ),
        },
    ),
    # functions/datetime.md, Truncation function
    values(
        "date_trunc cuts to each of its units",
        {
            f"date_trunc('{unit}', TIMESTAMP '2001-08-22 03:04:05.321')": cut
            for unit, cut in {
                "millisecond": "2001-08-22 03:04:05.321",
                "second": "2001-08-22 03:04:05.000",
                "minute": "2001-08-22 03:04:00.000",
                "hour": "2001-08-22 03:00:00.000",
                "day": "2001-08-22 00:00:00.000",
                "week": "2001-08-20 00:00:00.000",
                "month": "2001-08-01 00:00:00.000",
                "quarter": "2001-07-01 00:00:00.000",
                "year": "2001-01-01 00:00:00.000",
            }.items()
        },
    ),
    # functions/datetime.md, Truncation function: "[same as input]"
    column("date_trunc of a date is a date", "SELECT date_trunc('month', DATE '2022-10-20')", "2022-10-01"),
    # functions/datetime.md, Interval functions: date_add
    values(
        "date_add adds each of its units, and ends at the end of a month",
        {
            "date_add('second', 86, TIMESTAMP '2020-03-01 00:00:00')": "2020-03-01 00:01:26.000",
            "date_add('hour', 9, TIMESTAMP '2020-03-01 00:00:00')": "2020-03-01 09:00:00.000",
            "date_add('day', -1, TIMESTAMP '2020-03-01 00:00:00 UTC')": "2020-02-29 00:00:00.000 UTC",
            "date_add('month', 1, DATE '2024-01-31')": "2024-02-29",
            "date_add('month', 1, DATE '2023-01-31')": "2023-02-28",
            "date_add('quarter', 1, DATE '2023-11-30')": "2024-02-29",
            "date_add('year', 1, DATE '2024-02-29')": "2025-02-28",
            "date_add('week', 2, DATE '2024-02-20')": "2024-03-05",
            "date_add('millisecond', 1, TIMESTAMP '2023-12-31 23:59:59.999')": "2024-01-01 00:00:00.000",
        },
    ),
    # functions/datetime.md, Interval functions: date_diff
    values(
        "date_diff counts whole units",
        {
            "date_diff('second', TIMESTAMP '2020-03-01 00:00:00', TIMESTAMP '2020-03-02 00:00:00')": "86400",
            "date_diff('hour', TIMESTAMP '2020-03-01 00:00:00 UTC', TIMESTAMP '2020-03-02 00:00:00 UTC')": "24",
            "date_diff('day', DATE '2020-03-01', DATE '2020-03-02')": "1",
            "date_diff('second', TIMESTAMP '2020-06-01 12:30:45.000', TIMESTAMP '2020-06-02 12:30:45.123')": "86400",
            "date_diff('millisecond', TIMESTAMP '2020-06-01 12:30:45', TIMESTAMP '2020-06-02 12:30:45.123')": (
                "86400123"
            ),
            "date_diff('hour', TIMESTAMP '2020-03-01 10:59:00', TIMESTAMP '2020-03-01 11:01:00')": "0",
            "date_diff('day', TIMESTAMP '2020-03-01 23:00:00', TIMESTAMP '2020-03-02 01:00:00')": "0",
            "date_diff('year', DATE '2023-12-31', DATE '2024-01-01')": "0",
            "date_diff('month', DATE '2024-03-15', DATE '2024-01-16')": "-1",
        },
    ),
    # functions/datetime.md, Date and time operators
    values(
        "intervals are added and taken away",
        {
            "date '2012-08-08' + interval '2' day": "2012-08-10",
            "timestamp '2012-08-08 01:00' + interval '29' hour": "2012-08-09 06:00:00.000",
            "timestamp '2012-10-31 01:00' + interval '1' month": "2012-11-30 01:00:00.000",
            "date '2012-08-08' - interval '2' day": "2012-08-06",
            "timestamp '2012-08-08 01:00' - interval '29' hour": "2012-08-06 20:00:00.000",
            "timestamp '2012-10-31 01:00' - interval '1' month": "2012-09-30 01:00:00.000",
        },
    ),
    # functions/datetime.md, Date and time operators
    values(
        "intervals are added to each other",
        {
            "interval '2' day + interval '3' hour": "2 03:00:00.000",
            "interval '3' year + interval '5' month": "3-5",
            "interval '2' day - interval '3' hour": "1 21:00:00.000",
            "interval '3' year - interval '5' month": "2-7",
            "to_milliseconds(interval '1' day)": "86400000",
        },
    ),
    # functions/datetime.md, Extraction function, and Convenience extraction functions
    values(
        "parts of a date are taken out, weeks by ISO 8601",
        {
            "extract(YEAR FROM TIMESTAMP '2022-10-20 05:10:00')": "2022",
            "extract(QUARTER FROM DATE '2024-03-31')": "1",
            "extract(WEEK FROM DATE '2021-01-01')": "53",
            "extract(YEAR_OF_WEEK FROM DATE '2021-01-01')": "2020",
            "extract(DOY FROM DATE '2024-12-31')": "366",
            "extract(DOW FROM DATE '2024-03-03')": "7",
            "day_of_week(DATE '2024-03-04')": "1",
            "dow(DATE '2024-03-03')": "7",
            "hour(TIMESTAMP '2022-10-20 05:10:00')": "5",
            "millisecond(TIMESTAMP '2022-10-20 05:10:07.042')": "42",
        },
    ),
    # functions/datetime.md, Truncation function; functions/aggregate.md, introduction: NULLs are left out
    query(
        "times of a table are grouped by month",
        """SELECT date_trunc('month', taken), count(*), count(value), sum(value), sum(steps)
        FROM readings GROUP BY 1 ORDER BY 1""",
        ("2024-01-01 00:00:00.000", "3", "3", "4.0", "30"),
        ("2024-03-01 00:00:00.000", "1", "0", None, None),
    ),
]

# Numbers

NUMBERS = [
    # functions/math.md, Mathematical operators: "integer division performs truncation", "Modulus (remainder)"
    values(
        "whole numbers are divided towards zero, and a remainder has the sign of what is divided",
        {
            "7 / 2": "3",
            "-7 / 2": "-3",
            "7 / -2": "-3",
            "1 / 2": "0",
            "7 % 3": "1",
            "-7 % 3": "-1",
            "7 % -3": "1",
            "mod(-7, 3)": "-1",
            "typeof(7 / 2)": "integer",
        },
    ),
    # functions/decimal.md, Binary arithmetic decimal operators
    values(
        "each operation on decimals has a scale of its own",
        {
            "DECIMAL '10.00' / DECIMAL '3'": "3.33",
            "DECIMAL '1' / DECIMAL '3.000'": "0.333",
            "2.0 / 3.0": "0.7",
            "1.1 + 2.22": "3.32",
            "1.10 * 2.20": "2.4200",
            "DECIMAL '5.50' % DECIMAL '2'": "1.50",
            "DECIMAL '-5.5' % DECIMAL '2.00'": "-1.50",
            "typeof(DECIMAL '12.34' * DECIMAL '5.678')": "decimal(8,5)",
            "typeof(DECIMAL '12.34' + DECIMAL '5.678')": "decimal(6,3)",
        },
    ),
    # functions/decimal.md, Decimal literals
    values(
        "a decimal literal has as many digits as are written",
        {
            "typeof(DECIMAL '0')": "decimal(1,0)",
            "typeof(DECIMAL '12345')": "decimal(5,0)",
            "typeof(DECIMAL '12345.1234500000')": "decimal(15,10)",
            "DECIMAL '12345.1234500000'": "12345.1234500000",
        },
    ),
    # language/types.md, DOUBLE: IEEE 754
    values(
        "a double is divided by zero into infinity, or into what is no number",
        {
            "1e0 / 0": "Infinity",
            "-1e0 / 0e0": "-Infinity",
            "0e0 / 0": "NaN",
            "1 / 0e0": "Infinity",
            "is_nan(0e0 / 0e0)": "true",
            "is_infinite(1e0 / 0e0)": "true",
            "nan() = nan()": "false",
        },
    ),
    # language/types.md, DOUBLE; functions/math.md, Mathematical operators
    query(
        "doubles of a table are divided by zero",
        "SELECT value / steps FROM readings ORDER BY taken",
        ("0.15",),
        ("0.125",),
        ("NaN",),
        (None,),
    ),
    # functions/conversion.md, Miscellaneous; language/types.md
    values(
        "typeof names Trino's types",
        {
            "typeof(123)": "integer",
            "typeof('cat')": "varchar(3)",
            "typeof(cos(2) + 1.5)": "double",
            "typeof(TIMESTAMP '2020-06-10 15:55:23.383345')": "timestamp(6)",
            "typeof(1.03e1)": "double",
            "typeof(1.1)": "decimal(2,1)",
            "typeof(ARRAY[1, 2, 3])": "array(integer)",
            "typeof(CAST(ROW(1, 2e0) AS ROW(x BIGINT, y DOUBLE)))": "row(x bigint, y double)",
            "typeof(INTERVAL '2' DAY)": "interval day to second",
            "typeof(INTERVAL '3' MONTH)": "interval year to month",
        },
    ),
    # functions/conditional.md, TRY
    query(
        "what fails is NULL within try",
        """SELECT try(CAST(origin_zip AS bigint)), coalesce(try(total_cost / packages), 0)
        FROM (VALUES ('94131', 25, 100), ('P332a', 5, 72), ('94025', 0, 155))
        AS shipping (origin_zip, packages, total_cost)
        ORDER BY total_cost""",
        (None, "14"),
        ("94131", "4"),
        ("94025", "0"),
    ),
    # functions/conditional.md, TRY: "Invalid cast or function argument", "Numeric value out of range"
    values(
        "try turns the errors that it handles into NULL",
        {
            "try(1 / 0)": None,
            "try(date_parse('yesterday', '%Y-%m-%d'))": None,
            "try(ARRAY[1, 2][3])": None,
            "try(2147483647 + 1)": None,
            "try(json_parse('not_json'))": None,
            "try(1 + 1)": "2",
        },
    ),
    # functions/conversion.md, Conversion functions: try_cast
    values(
        "try_cast is NULL where a cast fails",
        {
            "try_cast('12' AS integer)": "12",
            "try_cast('twelve' AS integer)": None,
            "try_cast('2024-02-30' AS date)": None,
            "try_cast(300 AS tinyint)": None,
            "try_cast('1.50' AS decimal(5,1))": "1.5",
            "try_cast('t' AS boolean)": "true",
        },
    ),
    # functions/conversion.md, Formatting
    values(
        "format writes as Java's Formatter does",
        {
            "format('%s%%', 123)": "123%",
            "format('%.5f', pi())": "3.14159",
            "format('%03d', 8)": "008",
        },
    ),
    # functions/math.md, Mathematical functions
    values(
        "mathematical functions keep their documented results",
        {
            "sign(-3)": "-1",
            "abs(-2.50)": "2.50",
            "truncate(-1.9e0)": "-1.0",
            "power(2, 10)": "1024.0",
        },
    ),
]

# NULL

NULLS = [
    # sql/select.md, ORDER BY clause: "The default null ordering is NULLS LAST, regardless of the ordering direction"
    column("NULLs come last in ascending order", "SELECT quantity FROM sales ORDER BY quantity", *"12355", None),
    column(
        "NULLs come last in descending order too", "SELECT quantity FROM sales ORDER BY quantity DESC", *"55321", None
    ),
    column(
        "NULLs come first where it is asked for",
        "SELECT quantity FROM sales ORDER BY quantity DESC NULLS FIRST",
        None,
        *"55321",
    ),
    # functions/comparison.md, Row comparison: IN (a logical OR); functions/logical.md, Effect of NULL
    values(
        "IN and NOT IN are NULL where a NULL leaves it open",
        {
            "1 IN (1, NULL)": "true",
            "1 IN (2, NULL)": None,
            "1 NOT IN (2, NULL)": None,
            "1 NOT IN (1, NULL)": "false",
            "CAST(NULL AS integer) IN (1, 2)": None,
        },
    ),
    # sql/select.md, IN: "follows the standard rules for nulls"
    column(
        "IN takes the values of a subquery with a NULL",
        "SELECT id FROM sales WHERE region IN (SELECT region FROM sales WHERE id IN (3, 6)) ORDER BY id",
        *"345",
    ),
    column(
        "NOT IN has no row where a subquery has a NULL",
        "SELECT id FROM sales WHERE region NOT IN (SELECT region FROM sales WHERE id IN (3, 6))",
    ),
    # functions/comparison.md, IS DISTINCT FROM and IS NOT DISTINCT FROM: the truth table
    query(
        "IS DISTINCT FROM knows NULL, = does not",
        """SELECT a = b, a <> b, a IS DISTINCT FROM b, a IS NOT DISTINCT FROM b
        FROM (VALUES (1, 1, 1), (2, 1, 2), (3, 1, NULL), (4, NULL, NULL)) AS t (k, a, b) ORDER BY k""",
        ("true", "false", "false", "true"),
        ("false", "true", "true", "false"),
        (None, None, "true", "false"),
        (None, None, "false", "true"),
    ),
    # functions/comparison.md, Range operator: BETWEEN
    values(
        "BETWEEN is as its two comparisons, with NULL too",
        {
            "3 BETWEEN 2 AND 6": "true",
            "3 NOT BETWEEN 2 AND 6": "false",
            "NULL BETWEEN 2 AND 4": None,
            "2 BETWEEN NULL AND 6": None,
            "2 BETWEEN 3 AND NULL": "false",
            "8 BETWEEN NULL AND 6": "false",
            "'Paul' BETWEEN 'John' AND 'Ringo'": "true",
            "3 BETWEEN 6 AND 2": "false",
        },
    ),
    # functions/comparison.md, GREATEST and LEAST: "they return null if any argument is null"
    values(
        "greatest and least are NULL if any argument is",
        {
            "greatest(1, 3, 2)": "3",
            "least('b', 'a')": "a",
            "greatest(1, NULL, 3)": None,
            "least(NULL, 1)": None,
            "greatest(DATE '2024-01-01', DATE '2023-01-01')": "2024-01-01",
        },
    ),
    # functions/conditional.md, COALESCE, NULLIF, IF, CASE: what is not needed is not evaluated
    values(
        "conditions evaluate only what they need",
        {
            "coalesce(NULL, 2, 3)": "2",
            "coalesce(1, 1 / 0)": "1",
            "nullif(1, 1)": None,
            "nullif(1, 2)": "1",
            "nullif(1, NULL)": "1",
            "if(2 > 1, 'yes', 'no')": "yes",
            "if(2 < 1, 'yes')": None,
            "if(NULL, 'yes', 'no')": "no",
            "if(true, 1, 1 / 0)": "1",
            "CASE 3 WHEN 1 THEN 'one' WHEN 2 THEN 'two' ELSE 'many' END": "many",
            "CASE WHEN false THEN 'aaa' END": None,
        },
    ),
    # functions/conditional.md, IF: "true_value is not evaluated"
    column(
        "a condition protects each row of a table",
        "SELECT if(steps > 0, 100 / steps) FROM readings ORDER BY taken",
        "10",
        "5",
        None,
        None,
    ),
    # functions/logical.md, Effect of NULL on logical operators
    values(
        "AND, OR and NOT know what is unknown",
        {
            "CAST(NULL AS boolean) AND true": None,
            "CAST(NULL AS boolean) AND false": "false",
            "CAST(NULL AS boolean) OR false": None,
            "CAST(NULL AS boolean) OR true": "true",
            "NOT CAST(NULL AS boolean)": None,
        },
    ),
    # functions/string.md, String operators, concat, concat_ws; NULL in, NULL out: functions/comparison.md, GREATEST
    values(
        "texts are joined, with NULL to NULL",
        {
            "'a' || 'b'": "ab",
            "'a' || NULL": None,
            "concat('a', 'b', 'c')": "abc",
            "concat('a', NULL)": None,
            "concat_ws(',', 'a', NULL, 'b')": "a,b",
            "concat_ws(NULL, 'a', 'b')": None,
            "concat_ws('-', ARRAY['a', NULL, 'b'])": "a-b",
        },
    ),
    # functions/comparison.md, GREATEST and LEAST: "Like most other functions in Trino"
    values(
        "functions are NULL if any argument is",
        {
            "split('a,b', CAST(NULL AS varchar))": None,
            "split(CAST(NULL AS varchar), ',', 2)": None,
            "split_part('a,b', CAST(NULL AS varchar), 1)": None,
            "split_part('a,b', ',', CAST(NULL AS integer))": None,
            "substr('abc', CAST(NULL AS integer))": None,
            "lpad('abc', 2, CAST(NULL AS varchar))": None,
            "replace('abc', 'b', CAST(NULL AS varchar))": None,
            "strpos('abc', CAST(NULL AS varchar))": None,
            "map_concat(MAP(ARRAY[1], ARRAY[2]), CAST(NULL AS map(integer, integer)))": None,
            "array_join(ARRAY['a'], ',', CAST(NULL AS varchar))": None,
            "slice(ARRAY[1], 1, CAST(NULL AS integer))": None,
            "date_add('day', CAST(NULL AS integer), DATE '2024-01-01')": None,
            "power(2, CAST(NULL AS double))": None,
        },
    ),
    # functions/aggregate.md, introduction: NULLs are left out; no rows give NULL, but count gives 0
    query(
        "aggregates leave NULLs out",
        "SELECT count(*), count(quantity), sum(quantity), min(quantity), max(quantity), avg(quantity) FROM sales",
        ("6", "5", "16", "1", "5", "3.2"),
    ),
    query(
        "aggregates of no rows are NULL, counts are 0",
        """SELECT count(*), count_if(id > 0), approx_distinct(id), sum(id), max(id), array_agg(id) FROM sales
        WHERE id > 9""",
        ("0", "0", "0", None, None, None),
    ),
    # functions/comparison.md, Comparison operators, IS DISTINCT FROM: NULL equals nothing in a join
    query(
        "NULLs do not join, and outer joins keep what has no match",
        """SELECT a.k, a.v, b.v FROM (VALUES (1, 'x'), (2, 'y'), (NULL, 'n')) AS a (k, v)
        LEFT JOIN (VALUES (2, 'z'), (NULL, 'm')) AS b (k, v) ON a.k = b.k ORDER BY a.v""",
        (None, "n", None),
        ("1", "x", None),
        ("2", "y", "z"),
    ),
]

# Arrays, maps and rows

STRUCTURES = [
    # functions/array.md, Subscript operator: "indexed starting from one"; element_at
    values(
        "arrays begin at 1, and element_at is NULL beyond their ends",
        {
            "ARRAY[1, 1.2, 4][2]": "1.2",
            "ARRAY[10, 20, 30][1]": "10",
            "element_at(ARRAY[10, 20, 30], 3)": "30",
            "element_at(ARRAY[10, 20, 30], 4)": None,
            "element_at(ARRAY[10, 20, 30], -1)": "30",
            "element_at(ARRAY[10, 20, 30], -4)": None,
            "element_at(ARRAY[10, 20, 30], CAST(NULL AS bigint))": None,
        },
    ),
    # athena: accessing-array-elements
    query(
        "elements are taken from the array's end",
        """WITH dataset AS (SELECT ARRAY ['hello', 'amazon', 'athena'] AS words)
        SELECT element_at(words, 1) AS first_word, element_at(words, -2) AS middle_word,
        element_at(words, cardinality(words)) AS last_word FROM dataset""",
        ("hello", "amazon", "athena"),
    ),
    # functions/array.md: element_at, cardinality; functions/map.md: element_at
    query(
        "arrays, maps and structs of a table are read",
        """SELECT name, element_at(tags, 1), cardinality(tags), element_at(scores, 'art'), home.city, home.zip
        FROM people ORDER BY name""",
        ("Ann", "a", "2", "9", "Rome", "185"),
        ("Bob", None, "0", None, "Oslo", None),
        ("Cid", None, None, None, None, None),
    ),
    # functions/array.md, introduction
    values(
        "an array's elements have a type in common",
        {
            "ARRAY['foo', 'bar', 'bazz']": "[foo, bar, bazz]",
            "ARRAY[1, 1.2, 4]": "[1.0, 1.2, 4.0]",
            "ARRAY[1, 2, NULL, -4, NULL]": "[1, 2, null, -4, null]",
        },
    ),
    # functions/array.md, Concatenation operator, and concat, repeat, flatten, reverse, slice, trim_array
    values(
        "arrays are put together and cut",
        {
            "ARRAY[1] || ARRAY[2]": "[1, 2]",
            "ARRAY[1] || 2": "[1, 2]",
            "2 || ARRAY[1]": "[2, 1]",
            "concat(ARRAY[1], ARRAY[2], ARRAY[3])": "[1, 2, 3]",
            "flatten(ARRAY[ARRAY[1, 2], ARRAY[3, 4]])": "[1, 2, 3, 4]",
            "slice(ARRAY[1, 2, 3, 4], 2, 2)": "[2, 3]",
            "slice(ARRAY[1, 2, 3, 4], -2, 2)": "[3, 4]",
            "trim_array(ARRAY[1, 2, 3, 4], 2)": "[1, 2]",
            "repeat('x', 3)": "[x, x, x]",
            "reverse(ARRAY[1, 2, 3])": "[3, 2, 1]",
        },
    ),
    # functions/array.md, Array functions
    values(
        "arrays are searched, sorted and joined, NULLs included",
        {
            "array_position(ARRAY[7, 8, 7], 7)": "1",
            "array_position(ARRAY[7, 8], 9)": "0",
            "array_remove(ARRAY[1, 2, 1], 1)": "[2]",
            "array_sort(ARRAY[3, NULL, 1, 2])": "[1, 2, 3, null]",
            "array_join(ARRAY[1, NULL, 2], '-')": "1-2",
            "array_join(ARRAY[1, NULL, 2], '-', '?')": "1-?-2",
            "cardinality(array_distinct(ARRAY[1, 1, 2]))": "2",
            "array_sort(array_intersect(ARRAY[1, 2, 2, 3], ARRAY[2, 3, 4]))": "[2, 3]",
            "array_sort(array_except(ARRAY[1, 1, 2, 3], ARRAY[2]))": "[1, 3]",
            "array_sort(array_union(ARRAY[1, 2], ARRAY[2, 3]))": "[1, 2, 3]",
            "contains(ARRAY['a', 'b'], 'b')": "true",
            "arrays_overlap(ARRAY[1, NULL], ARRAY[1])": "true",
            "arrays_overlap(ARRAY[1, NULL], ARRAY[2])": None,
            "arrays_overlap(ARRAY[1], ARRAY[2])": "false",
        },
    ),
    # functions/array.md: sequence
    values(
        "sequences go up, down and by steps, both ends included",
        {
            "sequence(1, 5)": "[1, 2, 3, 4, 5]",
            "sequence(3, 1)": "[3, 2, 1]",
            "sequence(1, 10, 3)": "[1, 4, 7, 10]",
            "sequence(1, 9, 3)": "[1, 4, 7]",
            "sequence(DATE '2024-02-28', DATE '2024-03-01')": "[2024-02-28, 2024-02-29, 2024-03-01]",
            "sequence(DATE '2024-01-01', DATE '2024-02-09', INTERVAL '1' MONTH)": "[2024-01-01, 2024-02-01]",
            "sequence(TIMESTAMP '2024-01-01 00:00:00', TIMESTAMP '2024-01-01 02:00:00', INTERVAL '1' HOUR)[3]": (
                "2024-01-01 02:00:00.000"
            ),
        },
    ),
    # functions/array.md: transform, filter, reduce
    values(
        "lambdas transform, filter and reduce arrays",
        {
            "transform(ARRAY[5, 6], x -> x + 1)": "[6, 7]",
            "transform(ARRAY[5, NULL, 6], x -> coalesce(x, 0) + 1)": "[6, 1, 7]",
            "transform(ARRAY['x', 'abc', 'z'], x -> x || '0')": "[x0, abc0, z0]",
            "transform(ARRAY[ARRAY[1, NULL, 2], ARRAY[3, NULL]], a -> filter(a, x -> x IS NOT NULL))": "[[1, 2], [3]]",
            "filter(ARRAY[5, -6, NULL, 7], x -> x > 0)": "[5, 7]",
            "filter(ARRAY[5, NULL, 7, NULL], x -> x IS NOT NULL)": "[5, 7]",
            "reduce(ARRAY[5, 20, 50], 0, (s, x) -> s + x, s -> s)": "75",
            "reduce(ARRAY[5, 20, NULL, 50], 0, (s, x) -> s + x, s -> s)": None,
            "reduce(ARRAY[5, 20, NULL, 50], 0, (s, x) -> s + coalesce(x, 0), s -> s)": "75",
            "reduce(ARRAY[2147483647, 1], BIGINT '0', (s, x) -> s + x, s -> s)": "2147483648",
        },
    ),
    # functions/array.md: zip_with, any_match, all_match, none_match
    values(
        "lambdas compare elements, with NULL where it is open",
        {
            "zip_with(ARRAY[1, 2], ARRAY[3, 4], (x, y) -> x + y)": "[4, 6]",
            "zip_with(ARRAY['a', 'b', 'c'], ARRAY['d', 'e', 'f'], (x, y) -> concat(x, y))": "[ad, be, cf]",
            "zip_with(ARRAY['a'], ARRAY['d', NULL, 'f'], (x, y) -> coalesce(x, y))": "[a, null, f]",
            "any_match(ARRAY[1, 2], x -> x > 1)": "true",
            "any_match(ARRAY[1, NULL], x -> x > 1)": None,
            "all_match(ARRAY[2, 3], x -> x > 1)": "true",
            "all_match(ARRAY[2, NULL], x -> x > 1)": None,
            "none_match(ARRAY[1, NULL], x -> x > 1)": None,
            "none_match(ARRAY[1, 2], x -> x > 1)": "false",
        },
    ),
    # functions/lambda.md, Examples: other columns are captured
    query(
        "a lambda captures columns",
        """SELECT transform(xvalues, x -> a * x + b) FROM (VALUES (ARRAY[1, 2], 10, 5), (ARRAY[3, 4], 4, 2))
        AS t (xvalues, a, b) ORDER BY b DESC""",
        ("[15, 25]",),
        ("[14, 18]",),
    ),
    # functions/map.md, introduction, Subscript operator, Map functions
    values(
        "maps are made and looked into",
        {
            "MAP(ARRAY['key1', 'key2', 'key3'], ARRAY['v1', NULL, 'v3'])": "{key1=v1, key2=null, key3=v3}",
            "MAP(ARRAY['key1', 'key2', 'key3'], ARRAY[23, 34.63, 45.837])": "{key1=23.000, key2=34.630, key3=45.837}",
            "MAP(ARRAY['key1', 'key2', 'key3'], ARRAY['v1', 'v2', 'v3'])['key2']": "v2",
            "element_at(MAP(ARRAY['key1'], ARRAY['v1']), 'key2')": None,
            "cardinality(MAP(ARRAY[1, 3], ARRAY[2, 4]))": "2",
            "map_keys(MAP(ARRAY['a'], ARRAY[1]))": "[a]",
            "map_values(MAP(ARRAY['a'], ARRAY[1]))": "[1]",
            "map_from_entries(ARRAY[(1, 'x'), (2, 'y')])": "{1=x, 2=y}",
            "map_concat(MAP(ARRAY['a'], ARRAY[1]), MAP(ARRAY['a'], ARRAY[2]))": "{a=2}",
        },
    ),
    # functions/map.md, Map functions
    values(
        "lambdas filter and transform maps",
        {
            "map_filter(MAP(ARRAY[10, 20, 30], ARRAY['a', NULL, 'c']), (k, v) -> v IS NOT NULL)": "{10=a, 30=c}",
            "map_filter(MAP(ARRAY['k1', 'k2', 'k3'], ARRAY[20, 3, 15]), (k, v) -> v > 10)": "{k1=20, k3=15}",
            "transform_keys(MAP(ARRAY[1, 2, 3], ARRAY['a', 'b', 'c']), (k, v) -> k + 1)": "{2=a, 3=b, 4=c}",
            "transform_values(MAP(ARRAY[1, 2, 3], ARRAY[10, 20, 30]), (k, v) -> v + k)": "{1=11, 2=22, 3=33}",
        },
    ),
    # language/types.md, ROW; sql/select.md, Select expressions
    values(
        "the fields of a row are taken by name and by place",
        {
            "CAST(ROW(1, 2.0) AS ROW(x BIGINT, y DOUBLE)).x": "1",
            "CAST(ROW(1, 2.0) AS ROW(x BIGINT, y DOUBLE)).y": "2.0",
            "ROW(1, 2.0)[1]": "1",
            "ROW(1, 2.0)[2]": "2.0",
            "ROW(1, 'a') = ROW(1, 'a')": "true",
        },
    ),
    # athena: creating-row
    column(
        "a row is written with its fields' names, invented where it has none",
        "WITH dataset AS (SELECT ROW('Bob', 38) AS users) SELECT * FROM dataset",
        "{field0=Bob, field1=38}",
    ),
]

# Arrays and maps become rows

UNNESTED = [
    # sql/select.md, UNNEST
    column("an array becomes rows", "SELECT * FROM UNNEST(ARRAY[1,2]) AS t(number)", "1", "2"),
    query(
        "a map becomes rows of keys and values",
        """SELECT * FROM UNNEST(map_from_entries(ARRAY[('SQL', 1974), ('Java', 1995)]))
        AS t(language, first_appeared_year) ORDER BY language DESC""",
        ("SQL", "1974"),
        ("Java", "1995"),
    ),
    query(
        "rows in arrays become columns",
        """SELECT * FROM UNNEST(ARRAY[ROW('Java', 1995), ROW('SQL', 1974)], ARRAY[ROW(false), ROW(true)])
        AS t(language, first_appeared_year, declarative) ORDER BY language""",
        ("Java", "1995", "false"),
        ("SQL", "1974", "true"),
    ),
    query(
        "ordinality numbers the elements of several arrays",
        """SELECT a, b, rownumber FROM UNNEST(ARRAY[2, 5], ARRAY[7, 8, 9]) WITH ORDINALITY AS t(a, b, rownumber)
        ORDER BY rownumber""",
        ("2", "7", "1"),
        ("5", "8", "2"),
        (None, "9", "3"),
    ),
    column("an empty array becomes no row", "SELECT * FROM UNNEST(filter(ARRAY[1], x -> false)) AS t(value)"),
    column("a NULL array becomes no row", "SELECT * FROM UNNEST(CAST(NULL AS ARRAY(integer))) AS t(number)"),
    query(
        "arrays of different lengths are filled with NULL",
        """SELECT numbers, animals, n, a FROM (VALUES (ARRAY[2, 5], ARRAY['dog', 'cat', 'bird']),
        (ARRAY[7, 8, 9], ARRAY['cow', 'pig'])) AS x (numbers, animals)
        CROSS JOIN UNNEST(numbers, animals) WITH ORDINALITY AS t (n, a, place) ORDER BY cardinality(numbers), place""",
        ("[2, 5]", "[dog, cat, bird]", "2", "dog"),
        ("[2, 5]", "[dog, cat, bird]", "5", "cat"),
        ("[2, 5]", "[dog, cat, bird]", None, "bird"),
        ("[7, 8, 9]", "[cow, pig]", "7", "cow"),
        ("[7, 8, 9]", "[cow, pig]", "8", "pig"),
        ("[7, 8, 9]", "[cow, pig]", "9", None),
    ),
    query(
        "a left join keeps what has no elements",
        """SELECT runner, checkpoint FROM (VALUES ('Joe', ARRAY[10, 20, 30, 42]), ('Roger', ARRAY[10]),
        ('Dave', ARRAY[]), ('Levi', NULL)) AS marathon (runner, checkpoints)
        LEFT JOIN UNNEST(checkpoints) AS t(checkpoint) ON TRUE
        ORDER BY runner, checkpoint""",
        ("Dave", None),
        ("Joe", "10"),
        ("Joe", "20"),
        ("Joe", "30"),
        ("Joe", "42"),
        ("Levi", None),
        ("Roger", "10"),
    ),
    query(
        "arrays and maps of a table become rows",
        """SELECT name, tag, place, subject, score FROM people CROSS JOIN UNNEST(tags) WITH ORDINALITY AS t (tag, place)
        CROSS JOIN UNNEST(scores) AS s (subject, score) ORDER BY 1, 3, 4""",
        ("Ann", "a", "1", "art", "9"),
        ("Ann", "a", "1", "math", "7"),
        ("Ann", "b", "2", "art", "9"),
        ("Ann", "b", "2", "math", "7"),
    ),
    # athena: flattening-arrays; sql/select.md, UNNEST: the fields of rows become columns of their own
    query(
        "nested arrays become rows step by step",
        """WITH dataset AS (SELECT ARRAY[
            CAST(ROW('Sally', 'engineering', ARRAY[1,2,3,4]) AS
                ROW(name VARCHAR, department VARCHAR, scores ARRAY(INTEGER))),
            CAST(ROW('John', 'finance', ARRAY[7,8,9]) AS
                ROW(name VARCHAR, department VARCHAR, scores ARRAY(INTEGER))),
            CAST(ROW('Amy', 'devops', ARRAY[12,13,14,15]) AS
                ROW(name VARCHAR, department VARCHAR, scores ARRAY(INTEGER)))] AS users),
        users AS (SELECT name, department, score FROM dataset, UNNEST(dataset.users) AS t(name, department, scores),
            UNNEST(scores) AS s(score))
        SELECT name, department, SUM(score) AS total_score FROM users
        GROUP BY (name, department) ORDER BY (total_score) DESC LIMIT 1""",
        ("Amy", "devops", "54"),
    ),
]

# JSON

PROJECTS = """'{"name": "Susan Smith", "org": "engineering",
    "projects": [{"name":"project1", "completed":false}, {"name":"project2", "completed":true}]}'"""
JSON = [
    # athena: extracting-data-from-JSON
    query(
        "values are taken out of JSON, as JSON and as texts",
        f"""WITH dataset AS (SELECT {PROJECTS} AS blob) SELECT json_extract(blob, '$.name'),
        json_extract(blob, '$.projects'), json_extract_scalar(blob, '$.name'), json_extract_scalar(blob, '$.projects'),
        json_extract_scalar(blob, '$.projects[0].name') FROM dataset""",
        (
            '"Susan Smith"',
            '[{"name":"project1","completed":false},{"name":"project2","completed":true}]',
            "Susan Smith",
            None,
            "project1",
        ),
    ),
    # functions/json.md, Other JSON functions
    values(
        "JSON's functions read texts of JSON",
        {
            "json_extract_scalar('[1, 2, 3]', '$[2]')": "3",
            """json_extract_scalar('{"book name": true}', '$["book name"]')""": "true",
            """json_extract_scalar('{"a": 1}', '$.b')""": None,
            "json_array_length('[1, 2, 3]')": "3",
            "is_json_scalar('1')": "true",
            "is_json_scalar('[1, 2, 3]')": "false",
        },
    ),
    # functions/json.md, Other JSON functions: json_format and json_parse
    values(
        "JSON is read and written without blanks",
        {
            "json_format(JSON '[1, 2, 3]')": "[1,2,3]",
            """json_format(JSON '"a"')""": '"a"',
            """json_format(json_parse('{"a": 1, "b": 2}'))""": '{"a":1,"b":2}',
            "json_format(json_parse('null'))": "null",
        },
    ),
    # functions/json.md, Cast from JSON
    values(
        "JSON is cast to arrays, maps, rows and scalars",
        {
            "CAST(JSON '[1,null,456]' AS ARRAY(INTEGER))": "[1, null, 456]",
            "CAST(JSON '[[1,23],[456]]' AS ARRAY(ARRAY(INTEGER)))": "[[1, 23], [456]]",
            """CAST(JSON '{"k1":1,"k2":23,"k3":456}' AS MAP(VARCHAR, INTEGER))""": "{k1=1, k2=23, k3=456}",
            """CAST(JSON '{"v1":123,"v2":"abc","v3":true}' AS ROW(v1 BIGINT, v2 VARCHAR, v3 BOOLEAN))""": (
                "{v1=123, v2=abc, v3=true}"
            ),
            "CAST(JSON 'null' AS VARCHAR)": None,
            """CAST(JSON '"abc"' AS VARCHAR)""": "abc",
            "CAST(JSON '1.234' AS DOUBLE)": "1.234",
            "CAST(JSON 'true' AS BOOLEAN)": "true",
            "CAST(JSON '[[1, 23], 456]' AS ARRAY(JSON))": "[[1,23], 456]",
        },
    ),
    # functions/json.md, Cast to JSON, and the note at json_parse
    values(
        "values are cast to JSON",
        {
            "CAST(NULL AS JSON)": None,
            "CAST(9223372036854775807 AS JSON)": "9223372036854775807",
            "CAST('abc' AS JSON)": '"abc"',
            "CAST('[1, 2, 3]' AS JSON)": '"[1, 2, 3]"',
            "CAST(true AS JSON)": "true",
            "CAST(1.234 AS JSON)": "1.234",
            "CAST(ARRAY[1, NULL, 456] AS JSON)": "[1,null,456]",
            "CAST(MAP(ARRAY['k1', 'k2', 'k3'], ARRAY[1, 23, 456]) AS JSON)": '{"k1":1,"k2":23,"k3":456}',
            "CAST(CAST(ROW(123, 'abc', true) AS ROW(v1 BIGINT, v2 VARCHAR, v3 BOOLEAN)) AS JSON)": (
                '{"v1":123,"v2":"abc","v3":true}'
            ),
        },
    ),
    # functions/json.md, Cast from JSON; functions/conversion.md: try_cast
    query(
        "JSON in a table's texts is read",
        """SELECT name, try_cast(json_extract_scalar(about, '$.age') AS integer),
        CAST(json_extract(about, '$.pets') AS array(varchar)) FROM people ORDER BY name""",
        ("Ann", "41", "[cat, dog]"),
        ("Bob", None, None),
        ("Cid", None, None),
    ),
]

# Texts

TEXTS = [
    # functions/string.md: split, split_part, split_to_map
    values(
        "texts are split, and a field beyond the last is NULL",
        {
            "split('a,b,,c', ',')": "[a, b, , c]",
            "split('a.b.c', '.')": "[a, b, c]",
            "split('a,b,c', ',', 2)": "[a, b,c]",
            "split_part('a,b', ',', 2)": "b",
            "split_part('a,b', ',', 3)": None,
            "split_to_map('a=1;b=2', ';', '=')": "{a=1, b=2}",
        },
    ),
    # functions/string.md: substring, strpos, position
    values(
        "texts are cut and searched from either end",
        {
            "substr('trino', 2)": "rino",
            "substr('trino', 2, 3)": "rin",
            "substr('trino', -3)": "ino",
            "substring('trino', -3, 2)": "in",
            "strpos('banana', 'a')": "2",
            "strpos('banana', 'x')": "0",
            "position('n' IN 'banana')": "3",
        },
    ),
    # functions/string.md: translate, trim, lpad, rpad, replace, length, chr, codepoint, starts_with, reverse
    values(
        "texts are changed character by character",
        {
            "translate('abcd', 'ac', 'z')": "zbd",
            "translate('abcd', 'aac', 'zq')": "zbd",
            "trim('!' FROM '!foo!')": "foo",
            "trim(LEADING FROM '  abcd')": "abcd",
            "trim(BOTH '$' FROM '$var$')": "var",
            "lpad('abc', 5, 'xy')": "xyabc",
            "rpad('abcdef', 3, 'x')": "abc",
            "replace('abcabc', 'b')": "acac",
            "replace('abcabc', 'b', 'x')": "axcaxc",
            "length('Palhoça')": "7",
            "codepoint('A')": "65",
            "starts_with('trino', 'tri')": "true",
            "reverse('trino')": "onirt",
        },
    ),
    # language/types.md, VARCHAR
    values(
        "a quote in a text is written by two, a backslash by one",
        {
            "'I am big, it''s the pictures that got small!'": "I am big, it's the pictures that got small!",
            r"'a\nb'": r"a\nb",
        },
    ),
    # functions/regexp.md
    values(
        "regular expressions extract, count and split",
        {
            r"regexp_count('1a 2b 14m', '\s*[a-z]+\s*')": "3",
            r"regexp_extract_all('1a 2b 14m', '\d+')": "[1, 2, 14]",
            r"regexp_extract_all('1a 2b 14m', '(\d+)([a-z]+)', 2)": "[a, b, m]",
            r"regexp_extract('1a 2b 14m', '\d+')": "1",
            r"regexp_extract('1a 2b 14m', '(\d+)([a-z]+)', 2)": "a",
            r"regexp_extract('abc', '\d+')": None,
            r"regexp_like('1a 2b 14m', '\d+b')": "true",
            r"regexp_like('1a 2b 14m', '^\d+b$')": "false",
            r"regexp_split('1a 2b 14m', '\s*[a-z]+\s*')": "[1, 2, 14, ]",
        },
    ),
    # functions/regexp.md: regexp_replace
    values(
        "regular expressions replace every match, with its groups",
        {
            r"regexp_replace('1a 2b 14m', '\d+[ab] ')": "14m",
            r"regexp_replace('1a 2b 14m', '(\d+)([ab]) ', '3c$2 ')": "3ca 3cb 14m",
            r"regexp_replace('5', '\d', '\$')": "$",
        },
    ),
    # functions/comparison.md, Pattern comparison: LIKE
    values(
        "LIKE knows case, its two signs and an escape",
        {
            r"'South_America' LIKE 'South\_America' ESCAPE '\'": "true",
            r"'SouthXAmerica' LIKE 'South\_America' ESCAPE '\'": "false",
            "'Asia' LIKE 'A__a'": "true",
            "'Asia' LIKE 'A__A'": "false",
            "'Europe' LIKE 'E%'": "true",
            "'Asia' NOT LIKE 'E%'": "true",
            "'100%' LIKE '100#%' ESCAPE '#'": "true",
            "'1000' LIKE '100#%' ESCAPE '#'": "false",
            "'a\\b' LIKE 'a\\b'": "true",
        },
    ),
]

# Aggregates

AGGREGATES = [
    # functions/aggregate.md, Filtering during aggregation (NULLs are kept if not filtered), Ordering during aggregation
    query(
        "array_agg keeps NULLs, in an order, of the rows of a filter",
        """SELECT array_agg(quantity ORDER BY id), array_agg(quantity ORDER BY quantity DESC, id),
        array_agg(quantity ORDER BY id) FILTER (WHERE quantity IS NOT NULL),
        array_agg(DISTINCT product ORDER BY product) FROM sales""",
        ("[3, null, 5, 2, 5, 1]", "[5, 5, 3, 2, 1, null]", "[3, 5, 2, 5, 1]", "[apple, pear, plum]"),
    ),
    # functions/aggregate.md, Filtering during aggregation
    query(
        "a filter keeps groups without rows",
        """SELECT product, count(*) FILTER (WHERE amount > 6), sum(amount) FILTER (WHERE amount > 6) FROM sales
        GROUP BY product ORDER BY product""",
        ("apple", "2", "17.25"),
        ("pear", "0", None),
        ("plum", "1", "10.00"),
    ),
    # functions/aggregate.md, Map aggregate functions
    query(
        "aggregates make maps",
        """SELECT map_agg(id, product)[5], histogram(product)['apple'], cardinality(histogram(product)),
        cardinality(histogram(region)), map_agg(product, quantity) FILTER (WHERE id = 5) FROM sales""",
        ("plum", "3", "3", "2", "{plum=5}"),
    ),
    # functions/aggregate.md, General aggregate functions: max_by, min_by, max, min
    query(
        "max_by and min_by take what stands beside the greatest and the least",
        "SELECT max_by(id, sold_on), min_by(product, amount), max(quantity, 2), min(id, 2) FROM sales",
        ("5", "apple", "[5, 5]", "[1, 2]"),
    ),
    # functions/aggregate.md, introduction: max_by and min_by do not ignore NULLs
    query(
        "max_by gives the NULL that stands beside the greatest",
        "SELECT max_by(v, k), min_by(v, k) FROM (VALUES (1, 'a'), (2, 'b'), (3, NULL)) AS t (k, v)",
        (None, "a"),
    ),
    # functions/aggregate.md, General aggregate functions: count_if, bool_and, bool_or, every, arbitrary
    query(
        "conditions are counted and joined, without their NULLs",
        """SELECT count_if(quantity > 2), bool_and(quantity > 0), bool_or(quantity > 5), every(id < 6),
        bool_and(CAST(NULL AS boolean)), arbitrary(product) FILTER (WHERE id = 3) FROM sales""",
        ("3", "true", "false", "false", None, "apple"),
    ),
    # functions/aggregate.md: arbitrary, "an arbitrary non-null value"
    column(
        "arbitrary gives no NULL where there is a value",
        "SELECT arbitrary(v) FROM (VALUES NULL, 'x', NULL) AS t (v)",
        "x",
    ),
    # functions/aggregate.md: listagg
    column(
        "listagg joins texts in an order",
        "SELECT listagg(value, ',') WITHIN GROUP (ORDER BY value) csv_value FROM (VALUES 'a', 'c', 'b') t(value)",
        "a,b,c",
    ),
    query(
        "listagg joins the texts of each group",
        """SELECT id, listagg(value, ',') WITHIN GROUP (ORDER BY o) csv_value
        FROM (VALUES (100, 1, 'a'), (200, 3, 'c'), (200, 2, 'b')) t(id, o, value) GROUP BY id ORDER BY id""",
        ("100", "a"),
        ("200", "b,c"),
    ),
    query(
        "listagg joins the texts of a filter",
        """SELECT country, listagg(city, ',') WITHIN GROUP (ORDER BY population DESC)
        FILTER (WHERE population >= 10000000) megacities FROM (VALUES ('India', 'Bangalore', 13700000),
        ('India', 'Chennai', 12200000), ('India', 'Ranchi', 1547000), ('Austria', 'Vienna', 1897000),
        ('Poland', 'Warsaw', 1765000)) t(country, city, population) GROUP BY country ORDER BY country""",
        ("Austria", None),
        ("India", "Bangalore,Chennai"),
        ("Poland", None),
    ),
    # sql/select.md, HAVING clause
    query(
        "HAVING keeps groups, which NULL is one of",
        "SELECT region, count(*), sum(amount) FROM sales GROUP BY region HAVING count(*) < 3 ORDER BY region",
        ("north", "2", "15.50"),
        (None, "1", "1.00"),
    ),
    # sql/select.md, GROUP BY clause: an ordinal number
    query(
        "groups are named by their place",
        "SELECT count(*), product FROM sales GROUP BY 2 ORDER BY 2 DESC",
        ("1", "plum"),
        ("2", "pear"),
        ("3", "apple"),
    ),
    # sql/select.md, GROUP BY clause: columns that are not in the output
    column(
        "groups need not be in the output",
        "SELECT count(*) AS n FROM sales GROUP BY product ORDER BY n",
        "1",
        "2",
        "3",
    ),
    # sql/select.md, GROUPING SETS and GROUPING operation
    query(
        "grouping sets group by each of their lists, and grouping tells which",
        SHIPPING
        + """SELECT origin_state, origin_zip, destination_state, sum(package_weight),
        grouping(origin_state, origin_zip, destination_state) FROM shipping
        GROUP BY GROUPING SETS ((origin_state), (origin_state, origin_zip), (destination_state)) ORDER BY 5, 1, 2, 3""",
        ("California", "90210", None, "1337", "1"),
        ("California", "94131", None, "60", "1"),
        ("New Jersey", "7081", None, "225", "1"),
        ("New York", "10002", None, "3", "1"),
        ("California", None, None, "1397", "3"),
        ("New Jersey", None, None, "225", "3"),
        ("New York", None, None, "3", "3"),
        (None, None, "Colorado", "5", "6"),
        (None, None, "Connecticut", "1562", "6"),
        (None, None, "New Jersey", "58", "6"),
    ),
    # sql/select.md, CUBE
    query(
        "a cube groups by every choice of its columns",
        SHIPPING
        + """SELECT origin_state, destination_state, sum(package_weight) FROM shipping
        GROUP BY CUBE (origin_state, destination_state) ORDER BY 1, 2""",
        ("California", "Colorado", "5"),
        ("California", "Connecticut", "1337"),
        ("California", "New Jersey", "55"),
        ("California", None, "1397"),
        ("New Jersey", "Connecticut", "225"),
        ("New Jersey", None, "225"),
        ("New York", "New Jersey", "3"),
        ("New York", None, "3"),
        (None, "Colorado", "5"),
        (None, "Connecticut", "1562"),
        (None, "New Jersey", "58"),
        (None, None, "1625"),
    ),
    # sql/select.md, ROLLUP
    query(
        "a rollup has subtotals",
        SHIPPING
        + """SELECT origin_state, origin_zip, sum(package_weight) FROM shipping
        GROUP BY ROLLUP (origin_state, origin_zip) ORDER BY 1, 2""",
        ("California", "90210", "1337"),
        ("California", "94131", "60"),
        ("California", None, "1397"),
        ("New Jersey", "7081", "225"),
        ("New Jersey", None, "225"),
        ("New York", "10002", "3"),
        ("New York", None, "3"),
        (None, None, "1625"),
    ),
    # sql/select.md, Combining multiple grouping expressions: cross-product semantics
    query(
        "several grouping expressions are crossed",
        SHIPPING
        + """SELECT origin_state, destination_state, origin_zip, sum(package_weight) FROM shipping
        GROUP BY GROUPING SETS ((origin_state, destination_state)), ROLLUP (origin_zip) ORDER BY 3, 1, 2""",
        ("New Jersey", "Connecticut", "7081", "225"),
        ("New York", "New Jersey", "10002", "3"),
        ("California", "Connecticut", "90210", "1337"),
        ("California", "Colorado", "94131", "5"),
        ("California", "New Jersey", "94131", "55"),
        ("California", "Colorado", None, "5"),
        ("California", "Connecticut", None, "1337"),
        ("California", "New Jersey", None, "55"),
        ("New Jersey", "Connecticut", None, "225"),
        ("New York", "New Jersey", None, "3"),
    ),
]

# Windows

PEERS = "(VALUES (1, NULL), (2, 'b'), (3, NULL), (4, 'd')) AS t (k, v)"
WINDOWS = [
    # functions/window.md, Ranking functions; sql/select.md, ORDER BY clause: NULLs last
    query(
        "ranks have gaps after ties, dense ranks have none",
        """SELECT id, rank() OVER (ORDER BY amount DESC), dense_rank() OVER (ORDER BY amount DESC),
        row_number() OVER (ORDER BY amount DESC, id) FROM sales ORDER BY id""",
        ("1", "1", "1", "1"),
        ("2", "4", "3", "4"),
        ("3", "3", "2", "3"),
        ("4", "6", "5", "6"),
        ("5", "1", "1", "2"),
        ("6", "5", "4", "5"),
    ),
    # functions/window.md: ntile, "with 6 rows and 4 buckets"
    column(
        "ntile gives the first buckets what is left over",
        "SELECT ntile(4) OVER (ORDER BY id) FROM sales ORDER BY id",
        *"112234",
    ),
    # functions/window.md: cume_dist, percent_rank
    query(
        "distributions count peers",
        """SELECT x, cume_dist() OVER (ORDER BY x), percent_rank() OVER (ORDER BY x)
        FROM (VALUES 1, 2, 2, 3, 4) AS t (x) ORDER BY x""",
        ("1", "0.2", "0.0"),
        ("2", "0.6", "0.25"),
        ("2", "0.6", "0.25"),
        ("3", "0.8", "0.75"),
        ("4", "1.0", "1.0"),
    ),
    # functions/window.md: lag, lead
    query(
        "lag and lead look at other rows, with a default beyond the partition alone",
        """SELECT id, lag(quantity, 1, -1) OVER (ORDER BY id), lead(quantity, 2) OVER (ORDER BY id),
        lag(id) OVER (PARTITION BY region ORDER BY id) FROM sales ORDER BY id""",
        ("1", "-1", "5", None),
        ("2", "3", "2", "1"),
        ("3", None, "5", None),
        ("4", "5", "1", "3"),
        ("5", "2", None, "4"),
        ("6", "5", None, None),
    ),
    # functions/window.md, Value functions: IGNORE NULLS, first_value, last_value, nth_value
    query(
        "values of a window are taken with and without NULLs",
        f"""SELECT first_value(v) OVER (ORDER BY k),
        first_value(v) IGNORE NULLS OVER (ORDER BY k ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING),
        last_value(v) IGNORE NULLS OVER (ORDER BY k), lag(v) IGNORE NULLS OVER (ORDER BY k),
        nth_value(v, 2) OVER (ORDER BY k) FROM {PEERS} ORDER BY k""",
        (None, "b", None, None, None),
        (None, "b", "b", None, "b"),
        (None, "b", "b", "b", "b"),
        (None, "b", "d", "b", "b"),
    ),
    # sql/select.md, WINDOW clause: the default frame, which includes peers
    query(
        "a frame ends with the last peer if nothing else is said",
        """SELECT x, sum(x) OVER (ORDER BY x), sum(x) OVER (), count(*) OVER (ORDER BY x ROWS UNBOUNDED PRECEDING)
        FROM (VALUES 1, 1, 2) AS t (x) ORDER BY 1, 4""",
        ("1", "2", "4", "1"),
        ("1", "2", "4", "2"),
        ("2", "4", "4", "3"),
    ),
    # sql/select.md, WINDOW clause: frames
    query(
        "frames of rows slide",
        """SELECT x, sum(x) OVER (ORDER BY x ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING),
        sum(x) OVER (ORDER BY x ROWS 1 PRECEDING), sum(x) OVER (ORDER BY x ROWS BETWEEN 1 FOLLOWING AND 2 FOLLOWING)
        FROM (VALUES 1, 2, 3, 4) AS t (x) ORDER BY x""",
        ("1", "3", "1", "5"),
        ("2", "6", "3", "7"),
        ("3", "9", "5", "4"),
        ("4", "7", "7", None),
    ),
    # athena: engine-versions-reference-0003, RANGE PRECEDING
    column(
        "frames of a range go by value",
        "SELECT sum(x) OVER (ORDER BY x RANGE 1 PRECEDING) FROM (VALUES (1), (1), (2), (2)) t(x) ORDER BY 1",
        "2",
        "2",
        "6",
        "6",
    ),
    # athena: engine-versions-reference-0003, Window functions: GROUPS
    query(
        "frames of groups go by peers",
        """SELECT a, array_agg(a) OVER(ORDER BY a ASC NULLS FIRST GROUPS BETWEEN 1 PRECEDING AND 2 FOLLOWING)
        FROM (VALUES 3, 3, 3, 2, 2, 1, null, null) T(a) ORDER BY a ASC NULLS FIRST""",
        (None, "[null, null, 1, 2, 2]"),
        (None, "[null, null, 1, 2, 2]"),
        ("1", "[null, null, 1, 2, 2, 3, 3, 3]"),
        ("2", "[1, 2, 2, 3, 3, 3]"),
        ("2", "[1, 2, 2, 3, 3, 3]"),
        ("3", "[2, 2, 3, 3, 3]"),
        ("3", "[2, 2, 3, 3, 3]"),
        ("3", "[2, 2, 3, 3, 3]"),
    ),
    # sql/select.md, WINDOW clause: named windows, in SELECT and in ORDER BY
    query(
        "a window has a name",
        """SELECT id, rank() OVER w AS place FROM sales WHERE region IS NOT NULL
        WINDOW w AS (PARTITION BY region ORDER BY sold_on DESC) ORDER BY count(*) OVER w, id""",
        ("2", "1"),
        ("5", "1"),
        ("1", "2"),
        ("4", "2"),
        ("3", "3"),
    ),
    # functions/window.md, introduction: windows come after HAVING
    query(
        "windows are over groups",
        """SELECT product, sum(sum(quantity)) OVER (ORDER BY product) FROM sales GROUP BY product
        HAVING count(*) > 1 ORDER BY product""",
        ("apple", "9"),
        ("pear", "11"),
    ),
]

# The parts of a query

QUERIES = [
    # sql/values.md
    query("VALUES is a query", "VALUES (1, 'a'), (2, 'b'), (3, 'c')", ("1", "a"), ("2", "b"), ("3", "c")),
    query(
        "VALUES has names where it is given some",
        "SELECT name, id FROM (VALUES (1, 'a'), (2, 'b')) AS t (id, name) ORDER BY id DESC",
        ("b", "2"),
        ("a", "1"),
    ),
    # sql/select.md, LIMIT or FETCH FIRST clause, OFFSET clause
    column(
        "OFFSET comes before LIMIT",
        "SELECT * FROM (VALUES 5, 2, 4, 1, 3) t(x) ORDER BY x OFFSET 2 LIMIT 2",
        "3",
        "4",
    ),
    column("OFFSET may leave nothing", "SELECT id FROM sales ORDER BY id OFFSET 6 ROWS"),
    column("FETCH takes one row if nothing is said", "SELECT id FROM sales ORDER BY id DESC FETCH FIRST ROW ONLY", "6"),
    column(
        "FETCH NEXT takes what comes after OFFSET",
        "SELECT id FROM sales ORDER BY id OFFSET 1 ROW FETCH NEXT 2 ROWS ONLY",
        "2",
        "3",
    ),
    column("LIMIT ALL leaves nothing out", "SELECT id FROM sales ORDER BY id LIMIT ALL", *"123456"),
    # sql/select.md, EXISTS
    column(
        "EXISTS asks for any row",
        """SELECT id FROM sales s WHERE EXISTS (SELECT * FROM sales o WHERE o.region = s.region AND o.product = 'plum')
        ORDER BY id""",
        *"345",
    ),
    column(
        "NOT EXISTS asks for none",
        "SELECT id FROM sales s WHERE NOT EXISTS (SELECT 1 FROM sales o WHERE o.region = s.region AND o.id <> s.id)",
        "6",
    ),
    # sql/select.md, Subqueries and Scalar subquery
    query(
        "a correlated subquery is evaluated for each row",
        """SELECT id, (SELECT count(*) FROM sales o WHERE o.region = s.region AND o.id < s.id),
        (SELECT max(amount) FROM sales o WHERE o.region = s.region) FROM sales s ORDER BY id""",
        ("1", "0", "10.00"),
        ("2", "1", "10.00"),
        ("3", "0", "10.00"),
        ("4", "1", "10.00"),
        ("5", "2", "10.00"),
        ("6", "0", None),
    ),
    column("a subquery without a row is NULL", "SELECT (SELECT id FROM sales WHERE id > 9)", None),
    # functions/comparison.md, Quantified comparison predicates
    values(
        "values are compared with all and with any of a query's",
        {
            "'hello' = ANY (SELECT product FROM sales)": "false",
            "21 < ALL (SELECT id FROM sales)": "false",
            "0 < ALL (SELECT id FROM sales)": "true",
            "1 = ANY (SELECT quantity FROM sales WHERE id IN (1, 2))": None,
            "42 >= SOME (SELECT 41 UNION ALL SELECT 42 UNION ALL SELECT 43)": "true",
        },
    ),
    values(
        "values are compared with all and with any of some values",
        {"'hello' = ANY (VALUES 'hello', 'world')": "true", "21 < ALL (VALUES 19, 20, 21)": "false"},
    ),
    # sql/select.md, WITH clause: relations chain
    column(
        "WITH chains its relations",
        """WITH x AS (SELECT id AS a FROM sales), y AS (SELECT a AS b FROM x), z AS (SELECT b AS c FROM y)
        SELECT max(c) FROM z""",
        "6",
    ),
    query(
        "WITH names several relations, and hides a table",
        """WITH sales AS (SELECT 'mine' AS id), t2 (n) AS (SELECT count(*) FROM people)
        SELECT sales.id, t2.n FROM sales CROSS JOIN t2""",
        ("mine", "3"),
    ),
    # sql/select.md, Set operations: INTERSECT binds more tightly
    column(
        "INTERSECT comes before UNION and EXCEPT",
        """SELECT * FROM (VALUES 1) UNION SELECT * FROM (VALUES 2, 3) INTERSECT SELECT * FROM (VALUES 3, 4)
        EXCEPT SELECT * FROM (VALUES 4) ORDER BY 1""",
        "1",
        "3",
    ),
    # sql/select.md, Set operations: unique rows; functions/comparison.md: a NULL is not distinct from a NULL
    column(
        "UNION holds NULLs for one",
        "SELECT * FROM (VALUES NULL, 1, NULL) UNION SELECT * FROM (VALUES NULL, 1) ORDER BY 1",
        "1",
        None,
    ),
    column(
        "INTERSECT finds NULLs",
        "SELECT * FROM (VALUES 1, NULL, NULL) INTERSECT SELECT * FROM (VALUES NULL, 2)",
        None,
    ),
    column("EXCEPT leaves NULLs out", "SELECT * FROM (VALUES 1, NULL) EXCEPT SELECT * FROM (VALUES NULL, 2)", "1"),
    # sql/select.md, Set operations: ALL; athena: engine-versions-reference-0003, Query syntax enhancements
    column(
        "INTERSECT ALL keeps what is alike",
        "SELECT * FROM (VALUES 1, 1, 1, 2) INTERSECT ALL SELECT * FROM (VALUES 1, 1, 3)",
        "1",
        "1",
    ),
    column(
        "EXCEPT ALL takes one away for each",
        "SELECT * FROM (VALUES 1, 1, 1, 2) EXCEPT ALL SELECT * FROM (VALUES 1) ORDER BY 1",
        "1",
        "1",
        "2",
    ),
    column(
        "UNION ALL keeps everything", "SELECT 13 UNION ALL SELECT * FROM (VALUES 42, 13) ORDER BY 1", "13", "13", "42"
    ),
    # sql/select.md, LATERAL
    query(
        "LATERAL sees what stands before it",
        """SELECT name, x, y FROM people CROSS JOIN LATERAL (SELECT name || ' :-' AS x)
        CROSS JOIN LATERAL (SELECT x || ')' AS y) WHERE name = 'Ann'""",
        ("Ann", "Ann :-", "Ann :-)"),
    ),
    # sql/select.md, synopsis: FULL JOIN and USING
    query(
        "a full join with USING has its column once",
        """SELECT * FROM (VALUES (1, 'x'), (2, 'y')) AS a (k, v) FULL JOIN (VALUES (2, 'z'), (3, 'w'))
        AS b (k, u) USING (k) ORDER BY k""",
        ("1", "x", None),
        ("2", "y", "z"),
        ("3", None, "w"),
    ),
    # sql/select.md, SELECT clause: DISTINCT
    column(
        "DISTINCT holds NULLs for one",
        "SELECT DISTINCT region FROM sales ORDER BY region",
        "north",
        "south",
        None,
    ),
    # language/reserved.md, Identifiers: not case sensitive, quoted or not
    query(
        "names have no case, in quotes or not",
        'SELECT ID, "Product" FROM "SALES" AS "S" WHERE s."REGION" = \'north\' AND S.id < 2',
        ("1", "apple"),
    ),
    # language/reserved.md, Identifiers: other characters in quotes, a quote by two
    query(
        "names in quotes have any characters",
        'SELECT "a b", "say ""so""", "select" FROM (VALUES (1, 2, 3)) AS t ("a b", "say ""so""", "select")',
        ("1", "2", "3"),
    ),
]

SUITE = [
    *TIMES,
    *NUMBERS,
    *NULLS,
    *STRUCTURES,
    *UNNESTED,
    *JSON,
    *TEXTS,
    *AGGREGATES,
    *WINDOWS,
    *QUERIES,
]


@pytest.mark.parametrize(("sql", "rows"), SUITE)
def test_a_query_answers_what_trino_documents(athena: Athena, sql: str, rows: list[Row]) -> None:
    assert athena.rows(sql) == rows


# What is approximate


# functions/aggregate.md, Approximate aggregate functions: a standard error of 2.3 %
@pytest.mark.parametrize("count", [1, 100, 1000, 50_000])
def test_approx_distinct_errs_no_more_than_documented(athena: Athena, count: int) -> None:
    """Three standard errors are allowed: the error's distribution is about normal."""
    numbers = "UNNEST(sequence(1, 10000)) AS t(x) CROSS JOIN UNNEST(sequence(0, 4)) AS u(y)"
    found = athena.value(f"SELECT approx_distinct((x * 5 + y) % {count}) FROM {numbers}")
    assert abs(int(str(found)) - count) <= 3 * 0.023 * count


# functions/aggregate.md, Approximate aggregate functions: approx_percentile, of one and of several percentages
def test_approx_percentile_is_close_to_the_percentile(athena: Athena) -> None:
    median = athena.value("SELECT approx_percentile(x, 0.5) FROM UNNEST(sequence(1, 1000)) AS t(x)")
    assert abs(int(str(median)) - 500) <= 10


def test_approx_percentile_gives_several_percentiles(athena: Athena) -> None:
    several = athena.value("SELECT approx_percentile(x, ARRAY[0.1, 0.9]) FROM UNNEST(sequence(1, 1000)) AS t(x)")
    low, high = map(int, str(several).strip("[]").split(", "))
    assert (abs(low - 100) <= 10, abs(high - 900) <= 10) == (True, True)


# Names of columns


# sql/select.md, Select expressions and the examples' headers; language/reserved.md
@pytest.mark.parametrize(
    ("sql", "names"),
    [
        ("SELECT 1, id, product AS fruit, count(*) OVER () FROM sales", ("_col0", "id", "fruit", "_col3")),
        ("VALUES (1, 2)", ("_col0", "_col1")),
    ],
)
def test_columns_are_named_as_documented(athena: Athena, sql: str, names: Row) -> None:
    assert athena.page(sql)[0] == names


# Parameters


# athena: querying-with-prepared-statements: each value is a literal
@pytest.mark.parametrize(
    ("sql", "parameters", "rows"),
    [
        ("SELECT id FROM sales WHERE region = ? AND amount > ?", ["'north'", "6"], [("1",)]),
        ("SELECT ?, ? || '!', id FROM sales WHERE sold_on = ?", ["7", "'a'", "DATE '2024-02-29'"], [("7", "a!", "2")]),
        ("SELECT id FROM sales WHERE id IN (?, ?) ORDER BY id LIMIT ?", ["2", "3", "1"], [("2",)]),
        ("SELECT ?", ["'it''s; DROP TABLE sales --'"], [("it's; DROP TABLE sales --",)]),
    ],
)
def test_execution_parameters_stand_for_question_marks(
    athena: Athena, sql: str, parameters: list[str], rows: list[Row]
) -> None:
    assert athena.rows(sql, parameters) == rows
