from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal
from math import isnan
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runners.steps.errors import DataNotRepresentable
from runners.steps.systems.json_columns import Column, declared
from runners.steps.systems.json_values import NotJsonError, parsed, text_of


def value_of(kind: str, text: str) -> Any:
    """What becomes of a JSON value in a column of a type."""
    batch = declared({"it": Column(Type=kind)}).batch([{"it": parsed(text)}])
    return batch.column(0)[0].as_py()


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("bool", "true", True),
        ("int32", "-2147483648", -2147483648),
        ("int64", "9223372036854775807", 9223372036854775807),
        ("int64", "5.0", 5),
        ("int64", '"42"', 42),
        ("float64", "0.1", 0.1),
        ("float64", "0.10000000000000001", 0.1),
        ("float64", "NaN", "a number that is none"),
        ("float64", "1e400", "refused"),
        ("float64", "0.12345678901234567890", "refused"),
        ("decimal(5,2)", '"12.50"', Decimal("12.50")),
        ("decimal(76,1)", "1.5", Decimal("1.5")),
        ("decimal(5,2)", "12.345", "refused"),
        ("decimal(5,2)", "1234.5", "refused"),
        ("decimal(5,2)", "NaN", "refused"),
        ("decimal", "1e3", "1000"),
        ("decimal", "NaN", "NaN"),
        ("decimal", "-Infinity", "-Infinity"),
        ("decimal", "1e1001", "refused"),
        ("decimal", "1e999999999", "refused"),
        ("decimal", '"twelve"', "refused"),
        ("decimal", "true", "refused"),
        ("int64", "9223372036854775808", "refused"),
        ("int64", "5.5", "refused"),
        ("int64", "1e999999999", "refused"),
        ("int64", "true", "refused"),
        ("int64", "{}", "refused"),
        ("bool", "1", "refused"),
        ("string", '"🎉\\u0000"', "🎉\0"),
        ("string", "1.10", "1.10"),
        ("string", "false", "false"),
        ("string", "{}", "refused"),
        ("string", '"\\ud800"', "refused"),
        ("date", '"2026-01-31"', date(2026, 1, 31)),
        ("date", '"31.01.2026"', "refused"),
        ("date", "20260131", "refused"),
        ("time", '"04:05:06.7"', time(4, 5, 6, 700_000)),
        ("time", '"04:05:06Z"', "refused"),
        ("time", "4", "refused"),
        ("timestamp", '"2026-01-31T04:05:06.123456"', datetime(2026, 1, 31, 4, 5, 6, 123456)),  # noqa: DTZ001
        ("timestamp", '"2026-01-31T04:05:06.1234567"', "refused"),
        ("timestamp", '"2026-01-31T04:05:06,1234567"', "refused"),
        ("timestamp", '"2026-01-31"', "refused"),
        ("timestamp", '"2026-01-31T04:05:06Z"', "refused"),
        ("timestamptz", '"2026-01-31T04:05:06+01:00"', datetime(2026, 1, 31, 3, 5, 6, tzinfo=UTC)),
        ("timestamptz", '"2026-01-31T04:05:06"', "refused"),
        ("timestamptz", "1769832306", "refused"),
        ("binary", '"AP8="', b"\x00\xff"),
        ("binary", '"no base64!"', "refused"),
        ("binary", "1", "refused"),
        ("json", '{"a": [1.10, null, "ü"]}', '{"a":[1.10,null,"ü"]}'),
        ("json", '"text"', '"text"'),
        ("json", "NaN", "refused"),
        ("int64", "null", None),
    ],
)
def test_a_value_is_exactly_what_it_was_or_refused(kind, text, value):
    if value == "refused":
        with pytest.raises(DataNotRepresentable, match="column it"):
            value_of(kind, text)
    elif value == "a number that is none":
        assert isnan(value_of(kind, text))
    else:
        assert value_of(kind, text) == value


def test_a_record_that_is_no_object_has_no_values_by_name():
    with pytest.raises(DataNotRepresentable):
        declared({"it": Column(Type="json")}).batch([5])
    assert declared({"it": Column(Type="json", Path="")}).batch([5]).column(0).to_pylist() == ["5"]


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_float_that_was_printed_is_read_as_itself(number):
    assert value_of("float64", repr(number)) == number
    assert value_of("float64", f"{number:.17g}") == number


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@settings(max_examples=30)
@given(JSON)
def test_json_is_written_as_it_was_read(value):
    assert parsed(text_of(value)) == value


@pytest.mark.parametrize("text", ["", "{", b"\xff", "[" * 100_000, "9" * 5_000])
def test_what_is_no_json_is_said_to_be_none(text):
    with pytest.raises(NotJsonError):
        parsed(text)
