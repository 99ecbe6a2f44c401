"""What is refused because its meaning would differ, and what is wrong with a query, in Athena's words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from runners.local.athena.sql.translation import QueryError, duckdb_type, install, parse, tables_of, translate
from tests.unit.local.athena.sql.tables import COLUMNS, connect, rows, translated

if TYPE_CHECKING:
    from collections.abc import Iterator

    import duckdb


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with connect() as opened:
        yield opened


@pytest.mark.parametrize(
    ("query", "construct"),
    [
        ("SELECT checksum(id) FROM sales", "checksum()"),
        ("SELECT bar(1, 2)", "bar()"),
        ("SELECT random(5)", "random() of (integer)"),
        ("SELECT cbrt(27)", "cbrt()"),
        ("SELECT 0xff", "a whole number in hexadecimal digits"),
        ("SELECT current_timestamp(6)", "current_timestamp()"),
        ("SELECT DISTINCT ON (id) name FROM sales", "ON of DISTINCT"),
        ("SELECT 'a' 'b'", "concat()"),
        ("SELECT CAST('1' AS DATE FORMAT 'YYYY')", "str_to_date()"),
        ("SELECT * EXCEPT (id) FROM sales", "EXCEPT of STAR"),
        ("SELECT name LIKE ANY (ARRAY['a']) FROM sales", "ANY"),
        ("SELECT format(pattern => 'a')", "KWARG"),
        ("SELECT random() BETWEEN 0.1 AND 0.2", "a random number that is compared several times"),
        ("SELECT CASE random() WHEN 0.1 THEN 1 END", "a random number that is compared several times"),
        ("SELECT CAST(rate AS VARCHAR) FROM sales", "CAST(double AS varchar)"),
        ("SELECT CAST(name AS CHAR(3)) FROM sales", "char(n)"),
        ("SELECT id FROM sales WHERE code = 'ab'", "a comparison of char(3)"),
        ("SELECT lower(code) FROM sales", "lower() of a char(n)"),
        ("SELECT CAST('10:00' AS TIME)", "the type time"),
        ("SELECT CAST(at AS TIMESTAMP(9)) FROM sales", "timestamp(9)"),
        ("SELECT TIMESTAMP '2024-01-01 00:00:00.1234567'", "TIMESTAMP with 7 digits"),
        ("SELECT TIMESTAMP '2024-01-01 00:00:00 +05:30'", "the time zone +05:30"),
        ("SELECT INTERVAL '1 2' DAY TO HOUR", "INTERVAL '1 2' DAY TO HOUR"),
        ("SELECT INTERVAL '1' DAY * 1.5", "interval day to second * decimal(2,1)"),
        ("SELECT ARRAY[TIMESTAMP '2024-01-01 00:00:00 UTC']",
         "a result of the type array(timestamp(0) with time zone)"),
        ("SELECT at FROM sales UNION SELECT from_unixtime(0, 'Europe/Zurich') UNION SELECT from_unixtime(0)",
         "several time zones"),
        ("SELECT regexp_like(name, '(?=a)') FROM sales", "the regular expression '(?=a)'"),
        ("SELECT regexp_like(name, '(a)\\1') FROM sales", "the regular expression"),
        ("SELECT regexp_like(name, 'a++') FROM sales", "the regular expression"),
        ("SELECT regexp_like(name, '\\p{Greek}') FROM sales", "the regular expression"),
        ("SELECT regexp_like('a', name) FROM sales", "a regular expression that is no literal"),
        ("SELECT regexp_replace(name, 'x*', '-') FROM sales", "all matches of the regular expression 'x*'"),
        ("SELECT regexp_replace(name, 'x', '${a}') FROM sales", "the replacement '${a}'"),
        ("SELECT date_parse(name, name) FROM sales", "a pattern of dates that is no literal"),
        ("SELECT date_parse(name, '%h:%i') FROM sales", "reading a date by the pattern '%h:%i'"),
        ("SELECT date_parse(name, '%j') FROM sales", "reading a date by the pattern '%j'"),
        ("SELECT date_parse(name, '%x-%v') FROM sales", "reading a date by the pattern '%x-%v'"),
        ("SELECT format_datetime(at, 'yyyy ZZ') FROM sales", "ZZ in a pattern of dates"),
        ("SELECT parse_datetime(name, 'yy') FROM sales", "reading a date by the pattern 'yy'"),
        ("SELECT date_trunc(name, at) FROM sales", "a unit of time that is no literal"),
        ("SELECT date_trunc('hour', from_unixtime(0, 'Europe/Zurich'))", "in another zone than UTC"),
        ("SELECT json_extract(name, '$.*') FROM sales", "the path of JSON '$.*'"),
        ("SELECT json_extract(name, name) FROM sales", "a path of JSON that is no literal"),
        ("SELECT CAST(ROW(1, 2) AS JSON)", "CAST(row(integer, integer) AS json)"),
        ("SELECT json_parse('1') = json_parse('1')", "a comparison of json"),
        ("SELECT stock = stock FROM sales", "a comparison of map(varchar, integer)"),
        ("SELECT tags < tags FROM sales", "< of array(varchar)"),
        ("SELECT ROW(1, 2) < ROW(1, 3)", "< of row(integer, integer)"),
        ("SELECT stock IS DISTINCT FROM stock FROM sales", "IS DISTINCT FROM of map"),
        ("SELECT count(*) FROM sales GROUP BY stock", "an order or a grouping of map(varchar, integer)"),
        ("SELECT greatest(rate, 1e0) FROM sales", "greatest() of double"),
        ("SELECT (1, 2) IN (SELECT (1, 2))", "IN of a row and a subquery"),
        ("SELECT 1 BETWEEN SYMMETRIC 2 AND 0", "BETWEEN SYMMETRIC"),
        ("SELECT 'a' LIKE name ESCAPE '#' FROM sales", "LIKE … ESCAPE with a pattern that is no literal"),
        ("SELECT * FROM sales NATURAL JOIN visits", "NATURAL JOIN"),
        ("SELECT * FROM sales TABLESAMPLE BERNOULLI (10)", "TABLESAMPLE of TABLE"),
        ("SELECT * FROM sales MATCH_RECOGNIZE (PATTERN (A) DEFINE A AS true)", "MATCH_RECOGNIZE of"),
        ("SELECT * FROM sales LEFT JOIN UNNEST(tags) AS t(tag) ON tag = 'a'", "LEFT JOIN involving UNNEST"),
        ("SELECT * FROM sales JOIN UNNEST(tags) AS t(tag) ON tag = 'a'", "INNER JOIN involving UNNEST"),
        ("SELECT * FROM sales FOR VERSION AS OF 1", "VERSION of TABLE"),
        ("SELECT * FROM TABLE(sequence(1, 2))", "TABLE() in FROM"),
        ("SELECT (place).* FROM sales", ".* of a row"),
        ("SELECT id FROM sales ORDER BY id FETCH FIRST 2 ROWS WITH TIES", "WITH TIES"),
        ("WITH RECURSIVE t(n) AS (SELECT 1) SELECT * FROM t", "WITH RECURSIVE"),
        ("SELECT count(*) FROM sales GROUP BY DISTINCT id", "GROUP BY DISTINCT"),
        ("SELECT count(*) FROM sales GROUP BY GROUPING SETS ((id), (id))", "GROUPING SETS with one of them twice"),
        ("SELECT array_agg(DISTINCT id) OVER () FROM sales", "DISTINCT in array_agg() OVER"),
        ("SELECT approx_distinct(id) OVER () FROM sales", "approx_distinct() with DISTINCT or OVER"),
        ("SELECT avg(id ORDER BY id) FROM sales", "ORDER BY in avg()"),
        ("SELECT max_by(id, tags) FROM sales", "max_by() of (integer, array(varchar))"),
        ("SELECT sum(id) OVER (ORDER BY rate RANGE 1 PRECEDING) FROM sales", "RANGE by integer over double"),
        ("SELECT sum(id) OVER (w ORDER BY id) FROM sales WINDOW w AS (PARTITION BY id)",
         "a window that adds to another"),
        ("SELECT try((SELECT 1))", "try() of a subquery"),
        ("SELECT format('%x', 1)", "format() with the pattern '%x'"),
        ("SELECT format('%s', 1.5e0)", "format() of double"),
        ("SELECT contains(ARRAY[1e0], 1e0)", "a search in arrays of double"),
        ("SELECT U&'x'", "UNICODESTRING"),
        ("SELECT 1 ^ 2", "BITWISEXOR"),
        ("SELECT 'a' ILIKE 'A'", "ILIKE"),
        ("SELECT map_zip_with(map(), map(), (k, a, b) -> a)", "map_zip_with()"),
    ],
)  # fmt: skip
def test_what_would_mean_something_else_is_refused_by_its_name(query: str, construct: str) -> None:
    with pytest.raises(QueryError) as raised:
        translated(query)
    assert construct in raised.value.message
    assert raised.value.kind == "NOT_SUPPORTED"


@pytest.mark.parametrize(
    ("query", "construct"),
    [
        ("SELECT CAST(' 12' AS INTEGER)", "a CAST to integer of a text with blanks around it"),
        ("SELECT CAST('2024-01-01 00:00 Europe/Zurich' AS TIMESTAMP WITH TIME ZONE)", "another zone than UTC"),
        ("SELECT upper('straße')", "upper() of a letter"),
        ("SELECT regexp_like('é', '\\w')", "a regular expression over a text"),
        ("SELECT regexp_like('a' || chr(10), 'a$')", "a regular expression over a text"),
        ("SELECT max(rate) FROM sales", "an order of NaN among numbers"),
        ("SELECT json_extract_scalar('{\"a\": 1.10}', '$.a')", "a number of JSON"),
        ("SELECT json_parse('1e20')", "JSON with a number"),
        ("SELECT from_iso8601_timestamp('2024-01-01T00:00:00+02:00')", "another offset than that of UTC"),
        ("SELECT from_iso8601_date('2020-W10')", "from_iso8601_date()"),
        ("SELECT replace('a', '', 'b')", "replace() of an empty text"),
        ("SELECT round(15, -1)", "round() of a whole number to less than one"),
    ],
)  # fmt: skip
def test_a_value_that_the_engines_would_take_differently_ends_the_query(
    connection: duckdb.DuckDBPyConnection, query: str, construct: str
) -> None:
    with pytest.raises(QueryError) as raised:
        rows(connection, query)
    assert raised.value.kind == "NOT_SUPPORTED"
    assert construct in raised.value.message


@pytest.mark.parametrize(
    ("query", "kind", "message"),
    [
        ("SELECT nix FROM sales", "COLUMN_NOT_FOUND",
         "line 1:8: Column 'nix' cannot be resolved or requester is not authorized to access requested resources"),
        ("SELECT\n  x.id FROM sales", "COLUMN_NOT_FOUND",
         "line 2:3: Column 'x.id' cannot be resolved or requester is not authorized to access requested resources"),
        ("SELECT sales.id FROM sales JOIN visits USING (id)", "COLUMN_NOT_FOUND",
         "line 1:8: Column 'sales.id' cannot be resolved or requester is not authorized to access requested resources"),
        ("SELECT id AS x FROM sales GROUP BY x", "COLUMN_NOT_FOUND",
         "line 1:36: Column 'x' cannot be resolved or requester is not authorized to access requested resources"),
        ("SELECT place.nix FROM sales", "COLUMN_NOT_FOUND", "line 1:8: Column 'nix' cannot be resolved"),
        ("SELECT x.* FROM sales", "COLUMN_NOT_FOUND", "line 1:8: Unable to resolve reference x"),
        ("SELECT *", "COLUMN_NOT_FOUND", "SELECT * not allowed in queries without FROM clause"),
        ("SELECT 1 FROM sales JOIN visits USING (name)", "COLUMN_NOT_FOUND",
         "line 1:40: Column 'name' is missing from one side of join"),
        ("SELECT id FROM sales, visits", "AMBIGUOUS_NAME", "line 1:8: Column 'id' is ambiguous"),
        ("SELECT id AS a, name AS a FROM sales ORDER BY a", "AMBIGUOUS_NAME", "line 1:47: Column 'a' is ambiguous"),
        ("SELECT 1 FROM sales JOIN (SELECT 1 AS id, 2 AS id) USING (id)", "AMBIGUOUS_NAME",
         "line 1:59: Column 'id' is ambiguous"),
        ("SELECT 1 FROM nix", "TABLE_NOT_FOUND", "line 1:15: Table 'awsdatacatalog.shop.nix' does not exist"),
        ("SELECT 1 FROM a.b", "TABLE_NOT_FOUND", "line 1:15: Table 'awsdatacatalog.a.b' does not exist"),
        ("SELECT 1 FROM other.shop.sales", "TABLE_NOT_FOUND", "line 1:15: Table 'other.shop.sales' does not exist"),
        ("SELECT foo(1)", "FUNCTION_NOT_FOUND", "line 1:8: Function 'foo' not registered"),
        ("SELECT length(1)", "FUNCTION_NOT_FOUND",
         "line 1:8: Unexpected parameters (integer) for function length. Expected: length(varchar), length(varbinary)"),
        ("SELECT sum(name) FROM sales", "FUNCTION_NOT_FOUND",
         "line 1:8: Unexpected parameters (varchar) for function sum. Expected: sum(bigint), sum(decimal(p,s)), "),
        ("SELECT count_if(name) FROM sales", "FUNCTION_NOT_FOUND",
         "line 1:8: Unexpected parameters (varchar) for function count_if. Expected: count_if(boolean)"),
        ("SELECT count(id, name) FROM sales", "FUNCTION_NOT_FOUND",
         "line 1:8: Unexpected parameters (integer, varchar) for function count. Expected: count(), count(T)"),
        ("SELECT name = 1 FROM sales", "TYPE_MISMATCH", "line 1:13: Cannot apply operator: varchar = integer"),
        ("SELECT id FROM sales WHERE day > '2024-01-01'", "TYPE_MISMATCH",
         "line 1:32: Cannot apply operator: date > varchar(10)"),
        ("SELECT name + 1 FROM sales", "TYPE_MISMATCH", "line 1:13: Cannot apply operator: varchar + integer"),
        ("SELECT 1 FROM sales WHERE id", "TYPE_MISMATCH",
         "line 1:27: WHERE clause must evaluate to a boolean: actual type integer"),
        ("SELECT 1 AND true", "TYPE_MISMATCH",
         "line 1:8: Logical expression term must evaluate to a boolean (actual: integer)"),
        ("SELECT NOT 1", "TYPE_MISMATCH",
         "line 1:12: Value of logical NOT expression must evaluate to a boolean (actual: integer)"),
        ("SELECT CASE WHEN true THEN 1 ELSE 'a' END", "TYPE_MISMATCH",
         ("line 1:28: All CASE results must be the same type or coercible to a common type. Cannot find common type "
         "between integer and varchar(1), all types (without duplicates): [integer, varchar(1)]")),
        ("SELECT 1 IN ('a')", "TYPE_MISMATCH",
         ("line 1:8: IN value and list items must be the same type or coercible to a common type. Cannot find common "
         "type between integer and varchar(1), all types (without duplicates): [integer, varchar(1)]")),
        ("SELECT 1 BETWEEN 'a' AND 'b'", "TYPE_MISMATCH",
         "line 1:8: Cannot check if integer is BETWEEN varchar(1) and varchar(1)"),
        ("SELECT 1 IN (SELECT 'a')", "TYPE_MISMATCH",
         "line 1:8: Value expression and result of subquery must be of the same type: integer vs varchar(1)"),
        ("SELECT 1 = ANY (SELECT 'a')", "TYPE_MISMATCH", "line 1:10: Cannot apply operator: integer = varchar(1)"),
        ("SELECT 1 IS DISTINCT FROM 'a'", "TYPE_MISMATCH",
         "line 1:8: Cannot apply operator: integer IS DISTINCT FROM varchar(1)"),
        ("SELECT 1 LIKE 'a'", "TYPE_MISMATCH",
         "line 1:8: Left side of LIKE expression must evaluate to a varchar (actual: integer)"),
        ("SELECT 'a' LIKE 1", "TYPE_MISMATCH",
         "line 1:8: Pattern for LIKE expression must evaluate to a varchar (actual: integer)"),
        ("SELECT -'a'", "TYPE_MISMATCH", "line 1:9: Cannot negate varchar(1)"),
        ("SELECT id['a'] FROM sales", "TYPE_MISMATCH", "line 1:8: Cannot use varchar(1) for subscript of integer"),
        ("SELECT id.x FROM sales", "TYPE_MISMATCH", "line 1:8: Expression id is not of type ROW"),
        ("SELECT CAST(ARRAY[1] AS INTEGER)", "TYPE_MISMATCH", "line 1:19: Cannot cast array(integer) to integer"),
        ("SELECT CAST(1 AS DATE)", "TYPE_MISMATCH", "line 1:13: Cannot cast integer to date"),
        ("SELECT CAST('a' AS STRING)", "TYPE_NOT_FOUND", "line 1:13: Unknown type: string"),
        ("SELECT 1 UNION SELECT 'a'", "TYPE_MISMATCH",
         "line 1:8: column 1 in UNION query has incompatible types: integer, varchar(1)"),
        ("SELECT 1 EXCEPT SELECT 1, 2", "TYPE_MISMATCH",
         "line 1:8: EXCEPT query has different number of fields: 1, 2"),
        ("VALUES (1, 2), (3)", "TYPE_MISMATCH", "line 1:9: Values rows have mismatched sizes"),
        ("VALUES 1, 'a'", "TYPE_MISMATCH",
         "line 1:8: Values rows have mismatched types: row(integer) vs row(varchar(1))"),
        ("SELECT 1 LIMIT '5'", "TYPE_MISMATCH", "line 1:16: Non constant parameter value for LIMIT: varchar(1)"),
        ("SELECT name, id FROM sales GROUP BY name", "EXPRESSION_NOT_AGGREGATE",
         "line 1:14: 'id' must be an aggregate expression or appear in GROUP BY clause"),
        ("SELECT * FROM visits GROUP BY id", "EXPRESSION_NOT_AGGREGATE",
         "line 1:8: 'page' must be an aggregate expression or appear in GROUP BY clause"),
        ("SELECT id, count(*) FROM sales", "EXPRESSION_NOT_AGGREGATE",
         "line 1:8: 'id' must be an aggregate expression or appear in GROUP BY clause"),
        ("SELECT sum(sum(id)) FROM sales", "NESTED_AGGREGATION",
         "line 1:12: Cannot nest aggregations inside aggregation 'sum'"),
        ("SELECT sum(rank() OVER (ORDER BY id)) OVER () FROM sales", "NESTED_WINDOW",
         "line 1:8: Cannot nest window functions inside window function 'sum'"),
        ("SELECT id FROM sales WHERE sum(id) > 1", "EXPRESSION_NOT_SCALAR",
         "line 1:28: WHERE clause cannot contain aggregations, window functions or grouping operations: [sum]"),
        ("SELECT lag(id) OVER () FROM sales", "MISSING_ORDER_BY", "lag function requires an ORDER BY window clause"),
        ("SELECT max(id) IGNORE NULLS OVER () FROM sales", "NULL_TREATMENT_NOT_ALLOWED",
         "line 1:8: Cannot specify null treatment clause for max function"),
        ("SELECT id FROM sales FETCH FIRST ROW WITH TIES", "MISSING_ORDER_BY",
         "FETCH FIRST WITH TIES clause requires ORDER BY"),
        ("WITH a AS (SELECT 1), A AS (SELECT 2) SELECT * FROM a", "DUPLICATE_NAMED_QUERY",
         "WITH query name 'A' specified more than once"),
        ("SELECT * FROM sales s JOIN visits v", "SYNTAX_ERROR", "Expecting: 'ON', 'USING'"),
        ("SELECT concat('a')", "INVALID_FUNCTION_ARGUMENT",
         "line 1:8: There must be two or more concatenation arguments"),
        ("SELECT count(DISTINCT *) FROM sales", "SYNTAX_ERROR", "line 1:8: mismatched input '*'"),
        ("SELECT array_agg(id) WITHIN GROUP (ORDER BY id) FROM sales", "SYNTAX_ERROR", "mismatched input 'WITHIN'"),
        ("SELECT row_number() FROM sales", "MISSING_OVER",
         "line 1:8: Window function row_number requires an OVER clause"),
        ("SELECT rank() OVER (ORDER BY id ROWS 1 PRECEDING) FROM sales", "INVALID_WINDOW_FRAME",
         "Cannot specify window frame for rank function"),
        ("SELECT sum(id) OVER (ORDER BY id ROWS 'a' PRECEDING) FROM sales", "TYPE_MISMATCH",
         "Window frame ROWS value type must be BIGINT (actual varchar(1))"),
        ("SELECT sum(id) OVER (RANGE 1 PRECEDING) FROM sales", "INVALID_ORDER_BY",
         "requires single sort item in ORDER BY"),
        ("SELECT sum(id) OVER x FROM sales", "INVALID_WINDOW_REFERENCE", "Cannot resolve WINDOW name x"),
        ("SELECT lower(name) OVER () FROM sales", "FUNCTION_NOT_AGGREGATE",
         "Function lower is not an aggregate function"),
        ("SELECT grouping(id) FROM sales", "MISSING_GROUP_BY", "A GROUPING() operation can only be used"),
        ("SELECT grouping(id) FROM sales GROUP BY name", "INVALID_ARGUMENTS", "Mismatch due to id."),
        ("SELECT DISTINCT name FROM sales ORDER BY id", "EXPRESSION_NOT_IN_DISTINCT",
         "line 1:42: For SELECT DISTINCT, ORDER BY expressions must appear in select list"),
        ("SELECT id FROM sales ORDER BY 2", "INVALID_COLUMN_REFERENCE",
         "line 1:31: ORDER BY position 2 is not in select list"),
        ("SELECT id FROM sales GROUP BY 2", "INVALID_COLUMN_REFERENCE",
         "line 1:31: GROUP BY position 2 is not in select list"),
        ("WITH a(x, y) AS (SELECT 1) SELECT * FROM a", "MISMATCHED_COLUMN_ALIASES",
         "Column alias list has 2 entries but 'a' has 1 columns available"),
        ("SELECT * FROM UNNEST(ARRAY[1]) AS t(x, y)", "MISMATCHED_COLUMN_ALIASES", "has 2 entries but 't' has 1"),
        ("SELECT * FROM UNNEST(1)", "INVALID_FUNCTION_ARGUMENT", "line 1:22: Cannot unnest type: integer"),
        ("SELECT coalesce(1)", "INVALID_FUNCTION_ARGUMENT", "must have at least two arguments"),
        ("SELECT nullif(1)", "INVALID_FUNCTION_ARGUMENT", "Invalid number of arguments for 'nullif' function"),
        ("SELECT try(1, 2)", "INVALID_FUNCTION_ARGUMENT", "must have exactly one argument"),
        ("SELECT typeof()", "FUNCTION_NOT_FOUND", "Unexpected parameters for function typeof"),
        ("SELECT mod(1)", "FUNCTION_NOT_FOUND", "Unexpected parameters (integer) for function mod"),
        ("SELECT reduce(1)", "FUNCTION_NOT_FOUND", "for function reduce"),
        ("SELECT reduce(1, 2, (a, b) -> a, a -> a)", "FUNCTION_NOT_FOUND", "for function reduce"),
        ("SELECT reduce(ARRAY[1], 0, (a, b) -> 'x', a -> a)", "TYPE_MISMATCH", "it gives varchar(1)"),
        ("SELECT zip_with(1, 2, 3)", "FUNCTION_NOT_FOUND", "for function zip_with"),
        ("SELECT map_filter(1, 2)", "FUNCTION_NOT_FOUND", "for function map_filter"),
        ("SELECT map_filter(MAP(ARRAY[1], ARRAY[2]), (k, v) -> k)", "TYPE_MISMATCH", "it gives integer"),
        ("SELECT filter(ARRAY[1], x -> x)", "TYPE_MISMATCH", "Expected a lambda that gives boolean, it gives integer"),
        ("SELECT filter(ARRAY[1], (x, y) -> true)", "INVALID_PARAMETER_USAGE", "Expected a lambda that takes 1"),
        ("SELECT filter(ARRAY[1], x -> (SELECT true))", "NOT_SUPPORTED", "Lambda expression cannot contain subqueries"),
        ("SELECT transform(ARRAY[1], 5)", "FUNCTION_NOT_FOUND", "Unexpected parameters (array(integer), integer)"),
        ("SELECT (SELECT 1, 2)", "NOT_SUPPORTED",
         "line 1:16: Multiple columns returned by subquery are not yet supported. Found 2"),
        ("SELECT ROW(1)[2]", "INVALID_FUNCTION_ARGUMENT", "ROW index must be a literal from 1 to 1"),
        ("SELECT 99999999999999999999", "INVALID_LITERAL", "line 1:8: Invalid numeric literal: 99999999999999999999"),
        ("SELECT DECIMAL 'x'", "INVALID_LITERAL", "'x' is not a valid DECIMAL literal"),
        ("SELECT DECIMAL '123456789012345678901234567890123456789'", "INVALID_LITERAL", "not a valid DECIMAL literal"),
        ("SELECT DATE '2024'", "INVALID_LITERAL", "'2024' is not a valid DATE literal"),
        ("SELECT TIMESTAMP '2024-02-30 00:00'", "INVALID_LITERAL",
         "'2024-02-30 00:00' is not a valid TIMESTAMP literal"),
        ("SELECT TIMESTAMP 'x'", "INVALID_LITERAL", "'x' is not a valid TIMESTAMP literal"),
        ("SELECT from_unixtime(0, 'Nowhere/City')", "INVALID_LITERAL", "'Nowhere/City' is not a valid time zone"),
        ("SELECT X'abc'", "INVALID_LITERAL", "Binary literal must contain an even number of hex digits"),
        ("SELECT INTERVAL '1' WEEK", "SYNTAX_ERROR", "mismatched input 'WEEK'"),
        ("SELECT 1 IS TRUE", "SYNTAX_ERROR", "mismatched input 'TRUE'"),
        ("SELECT 'ab' LIKE 'a#b' ESCAPE '#'", "INVALID_FUNCTION_ARGUMENT", "Escape character must be followed by"),
        ("SELECT 'ab' LIKE 'ab' ESCAPE '##'", "INVALID_FUNCTION_ARGUMENT", "Escape string must be a single character"),
        ("SELECT date_trunc('hour', day) FROM sales", "INVALID_FUNCTION_ARGUMENT", "'hour' is not a valid DATE field"),
        ("SELECT date_add('eon', 1, at) FROM sales", "INVALID_FUNCTION_ARGUMENT",
         "'eon' is not a valid TIMESTAMP field"),
        ("SELECT regexp_like('a', '(')", "INVALID_FUNCTION_ARGUMENT", "unterminated"),
        ("SELECT regexp_replace('a', '(a)', '$2')", "INVALID_FUNCTION_ARGUMENT", "unknown group { 2 }"),
        ("SELECT json_extract('{}', 'a')", "INVALID_FUNCTION_ARGUMENT", "Invalid JSON path: 'a'"),
        ("SELECT array_agg(*) FROM sales", "SYNTAX_ERROR", "mismatched input '*'"),
        ("SELECT listagg(name, ',') FROM sales", "SYNTAX_ERROR", "Expecting: 'WITHIN'"),
        ("SELECT 1 FROM sales LIMIT 1 + 1", "SYNTAX_ERROR", "mismatched input '1 + 1'"),
        ("SELECT CAST(1 AS DECIMAL(38,20)) * CAST(1 AS DECIMAL(38,20))", "NUMERIC_VALUE_OUT_OF_RANGE",
         "DECIMAL scale must be at most 38: 40"),
    ],
)  # fmt: skip
def test_a_wrong_query_is_reported_in_athenas_words(query: str, kind: str, message: str) -> None:
    with pytest.raises(QueryError) as raised:
        translated(query)
    assert raised.value.kind == kind
    assert message in raised.value.message
    assert str(raised.value) == f"{kind}: {raised.value.message}"


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ((), "Incorrect number of parameters: expected 1 but found 0"),
        (("1", "2"), "Incorrect number of parameters: expected 1 but found 2"),
        (("id",), "An execution parameter must be a literal"),
        (("1 FROM sales",), "An execution parameter must be a literal"),
        (("(SELECT 1)",), "An execution parameter must be a literal"),
        (("1, 2",), "An execution parameter must be a literal"),
    ],
)
def test_a_parameter_that_is_no_literal_is_refused(parameters: tuple[str, ...], message: str) -> None:
    with pytest.raises(QueryError) as raised:
        translated("SELECT id FROM sales WHERE id = ?", *parameters)
    assert raised.value.kind == "INVALID_PARAMETER_USAGE"
    assert message in raised.value.message


def test_a_statement_is_read_by_the_parser_that_athena_gives_it_to() -> None:
    assert parse("CREATE EXTERNAL TABLE t (`a b` string) LOCATION 's3://b/t/'").key == "create"
    assert parse("CREATE TABLE t WITH (format = 'PARQUET') AS SELECT element_at(a, 1) AS x FROM s").key == "create"
    assert parse("UNLOAD (SELECT 1) TO 's3://b/' WITH (format = 'PARQUET')").key == "command"
    assert parse("MSCK REPAIR TABLE t").key == "command"


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELECT a FRO m t", "line 1:14: mismatched input 'm'"),
        ("SELECT 1\nFROM t WHERE", "line 2:8: mismatched input 'WHERE'"),
        ("SELECT 'x", "does not end"),
        ("", "one statement is expected, there are 0"),
        ("SELECT 1; SELECT 2", "one statement is expected, there are 2"),
        (f"SELECT {'(' * 3000}1{')' * 3000}", "nested too deeply"),
    ],
)
def test_a_statement_that_cannot_be_read_says_where(sql: str, message: str) -> None:
    with pytest.raises(QueryError) as raised:
        parse(sql)
    assert raised.value.kind == "SYNTAX_ERROR"
    assert message in raised.value.message


def test_a_statement_never_comes_to_the_log(caplog: pytest.LogCaptureFixture) -> None:
    parse("SHOW TABLES IN secret_name")
    parse("UNLOAD (SELECT 'secret') TO 's3://b/'")
    assert "secret" not in caplog.text


def test_a_query_names_the_tables_that_it_reads() -> None:
    query = parse(
        "WITH a AS (SELECT * FROM b), c AS (SELECT * FROM a JOIN D.e ON true) "
        "SELECT * FROM a, c, f.a WHERE x IN (SELECT 1 FROM c, g)"
    )
    assert tables_of(query) == {(None, "b"), ("d", "e"), ("f", "a"), (None, "g")}


def test_a_name_of_with_hides_a_table_only_where_it_is_seen() -> None:
    query = parse("WITH sales AS (SELECT * FROM sales) SELECT * FROM sales")
    assert tables_of(query) == {(None, "sales")}
    assert translate(query, COLUMNS, "shop").columns[0].name == "id"


def test_a_query_is_left_as_it_was() -> None:
    query = parse("SELECT id FROM sales WHERE id = ?")
    before = query.sql()
    translate(query, COLUMNS, "shop", ["1"])
    translate(query, COLUMNS, "shop", ["2"])
    assert query.sql() == before


def test_columns_of_one_name_are_told_apart_by_their_places(connection: duckdb.DuckDBPyConnection) -> None:
    made = translated("SELECT id, id FROM sales WHERE id = 1")
    assert [column.name for column in made.columns] == ["id", "id"]
    assert connection.cursor().execute(made.sql).fetchall() == [(1, 1)]


def test_a_connection_may_be_made_fit_twice(connection: duckdb.DuckDBPyConnection) -> None:
    install(connection)
    assert rows(connection, "SELECT 7 / 2") == [("3",)]


def test_the_catalogs_types_become_duckdbs() -> None:
    assert duckdb_type("struct<a:int,`b c`:array<string>,m:map<string,decimal(10,2)>>") == (
        'STRUCT("a" INTEGER, "b c" VARCHAR[], "m" MAP(VARCHAR, DECIMAL(10, 2)))'
    )
    with pytest.raises(QueryError, match="Unknown type"):
        duckdb_type("strange")
