from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import duckdb
import pytest

from runners.local.athena.conversions import as_opencsv, lazily, strictly
from runners.local.athena.sql.translation import explained, install
from runners.local.athena.sql.types import type_of


def moment(written: str) -> datetime:
    return datetime.fromisoformat(written)


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        install(connection)
        yield connection


def value(connection: duckdb.DuckDBPyConnection, expression: str, text: str | None) -> Any:
    row = connection.execute(f"SELECT {expression} FROM (SELECT CAST($1 AS VARCHAR) AS x)", [text]).fetchone()
    assert row is not None
    return row[0]


@pytest.mark.parametrize(
    ("of", "text", "wanted"),
    [
        ("int", "5", 5),
        ("int", "+5", 5),
        ("int", "-5.9", -5),
        ("int", "5.x", None),
        ("int", "", None),
        ("int", " 5", None),
        ("int", "99999999999", None),
        ("int", "1e3", None),
        ("tinyint", "128", None),
        ("bigint", "9223372036854775807", 9223372036854775807),
        ("double", "1e3", 1000.0),
        ("double", " .5 ", 0.5),
        ("double", "1_000", None),
        ("double", "Infinity", float("inf")),
        ("double", "x", None),
        ("float", "1.5", 1.5),
        ("decimal(5,2)", "1.555", Decimal("1.56")),
        ("decimal(5,2)", "12345", None),
        ("decimal(5,2)", "x", None),
        ("boolean", "TRUE", True),
        ("boolean", "false", False),
        ("boolean", "yes", None),
        ("boolean", "1", None),
        ("date", "2024-02-29", date(2024, 2, 29)),
        ("date", "2024-02-29 12:00:00", date(2024, 2, 29)),
        ("date", "2024-02-30", None),
        ("date", "24-1-1", None),
        ("timestamp", "2024-02-29 12:34:56.789", moment("2024-02-29 12:34:56.789")),
        ("timestamp", "2024-02-29T12:34:56", None),
        ("timestamp", "x", None),
        ("string", "", ""),
        ("varchar(2)", "abc", "ab"),
        ("char(3)", "a", "a  "),
        ("binary", "aGk=", b"hi"),
        ("array<int>", '["1", null]', [1, None]),
        ("struct<a:int,b:string>", '{"a": "1", "b": "x"}', {"a": 1, "b": "x"}),
        ("map<string,double>", '{"a": "1.5"}', {"a": 1.5}),
        ("array<int>", '["x"]', [None]),
    ],
)
def test_what_does_not_fit_is_null_to_the_lazy(
    connection: duckdb.DuckDBPyConnection, of: str, text: str, wanted: Any
) -> None:
    assert value(connection, lazily("x", type_of(of)), text) == wanted
    assert value(connection, lazily("x", type_of(of)), None) is None


@pytest.mark.parametrize(("of", "text"), [("int", "secret"), ("int", ""), ("date", "x"), ("boolean", "yes")])
def test_what_does_not_fit_is_bad_data_to_the_strict_and_the_value_stays_out_of_the_error(
    connection: duckdb.DuckDBPyConnection, of: str, text: str
) -> None:
    expression = strictly("x", type_of(of), "it's")
    with pytest.raises(duckdb.Error) as caught:
        value(connection, expression, text)
    error = explained(caught.value)
    assert error.kind == "HIVE_BAD_DATA"
    assert error.message == f"Error parsing a value of the column it's: it is no {type_of(of)}"
    assert value(connection, expression, None) is None


def test_the_strict_take_what_fits(connection: duckdb.DuckDBPyConnection) -> None:
    assert value(connection, strictly("x", type_of("int"), "x"), "5") == 5
    assert value(connection, strictly("x", type_of("string"), "x"), "") == ""


@pytest.mark.parametrize(
    ("of", "text", "wanted"),
    [
        ("date", "19723", date(2024, 1, 1)),
        ("date", "-1", date(1969, 12, 31)),
        ("timestamp", "1704067200123", moment("2024-01-01 00:00:00.123")),
        ("int", "7", 7),
        ("string", "7", "7"),
    ],
)
def test_opencsv_counts_dates_from_1970(connection: duckdb.DuckDBPyConnection, of: str, text: str, wanted: Any) -> None:
    assert value(connection, as_opencsv("x", type_of(of), "x"), text) == wanted
    assert value(connection, as_opencsv("x", type_of(of), "x"), None) is None


@pytest.mark.parametrize("of", ["date", "timestamp"])
def test_opencsv_reads_no_written_dates(connection: duckdb.DuckDBPyConnection, of: str) -> None:
    with pytest.raises(duckdb.Error) as caught:
        value(connection, as_opencsv("x", type_of(of), "x"), "2024-01-01")
    assert explained(caught.value).kind == "HIVE_BAD_DATA"
