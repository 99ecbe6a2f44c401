"""What a table's column takes as it is, and what it would change and so is refused."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import pyarrow as pa
import pytest

from runners.steps.ends import as_text
from runners.steps.errors import DataNotRepresentable, TargetFailed
from runners.steps.systems import postgresql_types as types
from runners.steps.systems.postgresql_fitting import fitted
from runners.steps.systems.postgresql_types import Column


def numeric(precision, scale):
    return Column("c", types.NUMERIC, (precision << 16 | scale & 0x7FF) + 4)


def column(oid, modifier=-1):
    return Column("c", oid, modifier)


def fit(values, to):
    """Answer what becomes of an array, and whether it goes in binary."""
    field = values if isinstance(values, tuple) else (pa.field("c", values.type), values)
    (one,) = fitted(pa.schema([field[0]]), [to], "orders")
    return one.fit(field[1]), one.binary


def texts(logical_type, *values):
    return as_text("c", logical_type), pa.array(values, pa.string())


NAIVE, ZONED = pa.timestamp("us"), pa.timestamp("us", "UTC")
NOON = datetime(2020, 1, 31, 12, 0, 0, 120_000)  # noqa: DTZ001  # without a zone
IN_UTC = NOON.replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("values", "to", "expected"),
    [
        (pa.array([1, None], pa.int64()), column(types.INT2), pa.array([1, None], pa.int16())),
        (pa.array([2**64 - 1], pa.uint64()), numeric(20, 0), pa.array([Decimal(2**64 - 1)], pa.decimal128(20, 0))),
        (pa.array([7], pa.int8()), numeric(5, 2), pa.array([Decimal("7.00")], pa.decimal128(5, 2))),
        (pa.array([7], pa.int8()), column(types.NUMERIC), pa.array([Decimal(7)], pa.decimal128(20, 0))),
        (pa.array([7], pa.int8()), column(types.FLOAT8), pa.array([7.0])),
        (pa.array([Decimal("7.00")]), column(types.INT4), pa.array([7], pa.int32())),
        (pa.array([Decimal("1.50")]), numeric(3, 1), pa.array([Decimal("1.5")], pa.decimal128(3, 1))),
        (
            pa.array([Decimal("1.50")], pa.decimal256(60, 2)),
            numeric(3, 1),
            pa.array([Decimal("1.5")], pa.decimal128(3, 1)),
        ),
        (pa.array([Decimal("1.5")]), column(types.NUMERIC), pa.array([Decimal("1.5")], pa.decimal128(2, 1))),
        (
            pa.array([Decimal(1200)], pa.decimal128(2, -2)),
            column(types.NUMERIC),
            pa.array([Decimal(1200)], pa.decimal128(4, 0)),
        ),
        (
            pa.array([Decimal(1)], pa.decimal256(76, 0)),
            column(types.NUMERIC),
            pa.array([Decimal(1)], pa.decimal256(76, 0)),
        ),
        (pa.array([0.5, float("nan")]), column(types.FLOAT4), pa.array([0.5, float("nan")], pa.float32())),
        (pa.array([NOON], pa.timestamp("ns")), column(types.TIMESTAMP, 2), pa.array([NOON], NAIVE)),
        (pa.array([IN_UTC], pa.timestamp("ms", "Europe/Berlin")), column(types.TIMESTAMPTZ), pa.array([IN_UTC], ZONED)),
        (pa.array([time(1, 2)], pa.time32("s")), column(types.TIME), pa.array([time(1, 2)], pa.time64("us"))),
        (pa.array([date(2020, 1, 31)], pa.date64()), column(types.DATE), pa.array([date(2020, 1, 31)])),
        (pa.array([b"a"], pa.large_binary()), column(types.BYTEA), pa.array([b"a"])),
        (pa.array([None, None]), column(types.INT4), pa.array([None, None], pa.int32())),
        (pa.array([None]), numeric(5, 2), pa.array([None], pa.decimal128(5, 2))),
        (pa.array(["a"]).dictionary_encode(), column(types.TEXT), pa.array(["a"])),
        (pa.array([1.5]), column(types.TEXT), pa.array(["1.5"])),
        (pa.array(["12345"]), column(types.VARCHAR, 9), pa.array(["12345"])),
        (pa.array(["12345   "]), column(types.BPCHAR, 9), pa.array(["12345   "])),
        (texts("json", "{}"), column(types.JSONB), pa.array(["{}"])),
    ],
)
def test_what_the_column_takes_goes_in_binary_as_its_own_type(values, to, expected):
    array, binary = fit(values, to)
    assert (repr(array.to_pylist()), array.type, binary) == (repr(expected.to_pylist()), expected.type, True)


@pytest.mark.parametrize(
    ("values", "to"),
    [
        (texts("decimal", "1.50", ".5", "NaN", "-7", None), numeric(3, 1)),
        (texts("decimal", "1e-16", "Infinity"), column(types.NUMERIC)),
        (texts("decimal", "0.1", "-123456789012345"), column(types.FLOAT8)),
        (texts("text", "0.1000000000000000055"), column(types.FLOAT8)),
        (texts("text", "2020-01-31", "0044-03-15 BC", "infinity"), column(types.DATE)),
        (texts("text", "2020-01-31", "2020-01-31T12:00:00.12000"), column(types.TIMESTAMP, 2)),
        (texts("text", "2020-01-31 12:00:00.12+05:30", "2020-01-31T12:00Z"), column(types.TIMESTAMPTZ)),
        (texts("time", "12:00:00.123456"), column(types.TIME)),
        (texts("timetz", "12:00:00.12+05:30"), column(types.TIMETZ, 2)),
        (texts("interval", "P1DT1.123456S"), column(types.INTERVAL)),
        (texts("interval", "PT1.123S"), column(types.INTERVAL, 0x7FFF0003)),
        (texts("text", "$1,234.50"), column(types.MONEY)),
        (texts("text", r"\x00ff", r"\x"), column(types.BYTEA)),
        (texts("text", "{1,2}"), column(1007)),
    ],
)
def test_texts_that_look_as_the_column_keeps_them_are_for_postgresql_to_read(values, to):
    array, binary = fit(values, to)
    assert (array, binary) == (values[1], False)


@pytest.mark.parametrize(
    ("values", "to", "expected"),
    [
        (pa.array([True, None]), column(types.INT4), ["true", None]),
        (pa.array([1]), column(types.BOOL), ["1"]),
        (pa.array([1.5, float("inf")]), column(types.NUMERIC), ["1.5", "Infinity"]),
        (pa.array([Decimal("0.10")]), column(types.FLOAT8), ["0.10"]),
        (pa.array([date(2020, 1, 31)]), column(types.TIMESTAMP), ["2020-01-31"]),
        (pa.array([1]), numeric(100, 2), ["1"]),
    ],
)
def test_other_types_go_as_plain_text_for_postgresql_to_read(values, to, expected):
    array, binary = fit(values, to)
    assert (array.to_pylist(), binary) == (expected, False)


@pytest.mark.parametrize(
    ("values", "to"),
    [
        (pa.array([32_768]), column(types.INT2)),
        (pa.array([2**63], pa.uint64()), column(types.INT8)),
        (pa.array([2**53 + 1]), column(types.FLOAT8)),
        (pa.array([2**24 + 1]), column(types.FLOAT4)),
        (pa.array([1000]), numeric(5, 2)),
        (pa.array([Decimal("1.55")]), numeric(3, 1)),
        (pa.array([Decimal("1.55")], pa.decimal256(60, 2)), numeric(3, 1)),
        (pa.array([Decimal("1.5")]), column(types.INT4)),
        (pa.array([Decimal("0.1234567890123456")]), column(types.FLOAT8)),
        (pa.array([Decimal("1.234567")]), column(types.FLOAT4)),
        (pa.array([0.1]), column(types.FLOAT4)),
        (pa.array([1e300]), column(types.FLOAT4)),
        (pa.array([1.25]), numeric(3, 1)),
        (pa.array([NOON.replace(microsecond=123_000)], NAIVE), column(types.TIMESTAMP, 2)),
        (pa.array([1], pa.timestamp("ns")), column(types.TIMESTAMP)),
        (pa.array([NOON], NAIVE), column(types.TIMESTAMPTZ)),
        (pa.array([IN_UTC], ZONED), column(types.TIMESTAMP)),
        (pa.array([NOON], NAIVE), column(types.DATE)),
        (texts("decimal", "1.55"), numeric(3, 1)),
        (texts("decimal", "1e2"), numeric(3, 1)),
        (texts("decimal", "0.1234567890123456"), column(types.FLOAT8)),
        (texts("text", "2020-01-31 12:00:00"), column(types.DATE)),
        (texts("text", "2020-01-31 12:00:00+00"), column(types.TIMESTAMP)),
        (texts("text", "2020-01-31 12:00:00"), column(types.TIMESTAMPTZ)),
        (texts("text", "2020-01-31 12:00:00.1234567"), column(types.TIMESTAMP)),
        (texts("text", "2020-01-31 12:00:00.123"), column(types.TIMESTAMP, 2)),
        (texts("text", "2020-01-31 12:00"), column(types.TIME)),
        (texts("time", "12:00"), column(types.TIMETZ)),
        (texts("interval", "PT1.1234S"), column(types.INTERVAL, 0x7FFF0003)),
        (texts("text", "1.234"), column(types.MONEY)),
        (texts("text", "abc"), column(types.BYTEA)),
        (pa.array(["123456"]), column(types.VARCHAR, 9)),
        (pa.array(["12345 "]), column(types.VARCHAR, 9)),
        (pa.array(["123456"]), column(types.BPCHAR, 9)),
        (pa.array(["x" * 64]), column(types.NAME)),
        (pa.array(["ab"]), column(types.QUOTED_CHAR)),
    ],
)
def test_a_value_that_the_column_would_change_is_refused_without_repeating_it(values, to):
    with pytest.raises(DataNotRepresentable) as failed:
        fit(values, to)
    assert failed.value.details["column"] == "c"
    array = values[1] if isinstance(values, tuple) else values
    assert f" {array.cast(pa.string())[0]} " not in failed.value.message


@pytest.mark.parametrize(
    ("values", "to"),
    [
        (pa.array([b"a"]), column(types.TEXT)),
        (pa.array([b"a"]), column(types.INT4)),
        (pa.array([1]), column(types.UUID)),
        (pa.array([1]), column(types.JSONB)),
        (pa.array([[1]]), column(types.JSONB)),
        (pa.array([timedelta(1)]), column(types.INTERVAL)),
    ],
)
def test_a_type_that_never_fits_is_refused_before_the_first_row(values, to):
    with pytest.raises(DataNotRepresentable):
        fitted(pa.schema([pa.field("c", values.type)]), [to], "orders")


def test_a_column_that_there_is_not_is_refused_with_the_nearest():
    schema = pa.schema([("Price", pa.int32())])
    with pytest.raises(TargetFailed, match=r"the table orders has no column 'Price'; did you mean price\?"):
        fitted(schema, [Column("price", types.INT4)], "orders")
    with pytest.raises(TargetFailed, match="it has id, name"):
        fitted(schema, [Column("id", types.INT4), Column("name", types.TEXT)], "orders")
