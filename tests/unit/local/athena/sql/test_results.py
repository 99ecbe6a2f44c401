"""How a value is written in a result of Athena's."""

from __future__ import annotations

import datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as some

from runners.local.athena.sql.results import floating, text_of

moment = datetime.datetime.fromisoformat


@pytest.mark.parametrize(
    ("value", "of", "text"),
    [
        (None, "integer", None),
        (None, "array(integer)", None),
        (7, "bigint", "7"),
        ("a,b", "varchar(3)", "a,b"),
        (True, "boolean", "true"),
        (False, "boolean", "false"),
        (1.0, "double", "1.0"),
        (0.1, "real", "0.1"),
        (0.10000000149011612, "real", "0.1"),
        (16777216.0, "real", "1.6777216E7"),
        (1e10, "double", "1.0E10"),
        (Decimal("1.5"), "decimal(10,2)", "1.50"),
        (Decimal("1E+3"), "decimal(10,0)", "1000"),
        (b"ab\x00", "varbinary", "61 62 00"),
        (datetime.date(2024, 1, 31), "date", "2024-01-31"),
        (moment("2024-01-31"), "timestamp", "2024-01-31 00:00:00.000"),
        (moment("2024-01-31 10:00:00.123456"), "timestamp(3)", "2024-01-31 10:00:00.123"),
        (moment("2024-01-31 10:00:00.123456"), "timestamp(6)", "2024-01-31 10:00:00.123456"),
        (moment("0024-01-31"), "timestamp(0)", "0024-01-31 00:00:00.000"),
        ("infinity", "timestamp(3)", "infinity"),
        ("2024-01-31 10:00:00.000 UTC", "timestamp(3) with time zone", "2024-01-31 10:00:00.000 UTC"),
        (90_061_001, "interval day to second", "1 01:01:01.001"),
        (-1000, "interval day to second", "-0 00:00:01.000"),
        (15, "interval year to month", "1-3"),
        (-1, "interval year to month", "-0-1"),
        ('{"a":1}', "json", '{"a":1}'),
        ([1, None, 2], "array(integer)", "[1, null, 2]"),
        ([], "array(varchar)", "[]"),
        ({"a": 1, "b": None}, "map(varchar, integer)", "{a=1, b=null}"),
        ({"key": [[1]], "value": ["x"]}, "map(array(integer), varchar)", "{[1]=x}"),
        ({"a": 1, "b": "x"}, "row(a integer, b varchar)", "{a=1, b=x}"),
        ({"field0": 1, "field1": None}, "row(integer, varchar)", "{field0=1, field1=null}"),
        ((1, "x"), 'row("A b" integer, c varchar)', "{a b=1, c=x}"),
        ([{"a": [1.5]}], "array(row(a array(double)))", "[{a=[1.5]}]"),
    ],
)
def test_a_value_is_written_as_athena_does(value: object, of: str, text: str | None) -> None:
    assert text_of(value, of) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.0"), (-0.0, "-0.0"), (100.0, "100.0"), (0.001, "0.001"),
        (0.0001, "1.0E-4"), (9999999.0, "9999999.0"),
        (1e7, "1.0E7"), (12345678.9, "1.23456789E7"), (-1.5e-10, "-1.5E-10"),
        (float("nan"), "NaN"), (float("inf"), "Infinity"), (float("-inf"), "-Infinity"),
    ],
)  # fmt: skip
def test_a_floating_number_is_written_as_java_does(value: float, text: str) -> None:
    assert floating(value) == text


@given(some.floats(allow_nan=False, allow_infinity=False))
def test_a_floating_number_is_read_back_as_it_was(value: float) -> None:
    assert float(floating(value)) == value


@given(some.floats(width=32, allow_nan=False, allow_infinity=False))
def test_a_single_floating_number_is_told_by_at_most_nine_digits(value: float) -> None:
    digits = floating(value, single=True).partition("E")[0].replace(".", "").strip("-").strip("0")
    assert len(digits) <= 9
