"""PostgreSQL's binary format: what is encoded is decoded as it was, and a few bytes that are known."""

from __future__ import annotations

from array import array
from datetime import UTC, date, datetime, time
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg.types.numeric import DecimalBinaryDumper

from runners.steps.errors import DataNotRepresentable
from runners.steps.systems import postgresql_types as types
from runners.steps.systems.postgresql_copy import Piece
from runners.steps.systems.postgresql_decoding import HEADER, TRAILER, Decoder
from runners.steps.systems.postgresql_encoding import encoded
from runners.steps.systems.postgresql_types import Column, field_of

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
naive = st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31))  # noqa: DTZ001  # without a zone
values = {
    types.BOOL: st.booleans(),
    types.INT2: st.integers(-(2**15), 2**15 - 1),
    types.INT4: st.integers(-(2**31), 2**31 - 1),
    types.INT8: st.integers(-(2**63), 2**63 - 1),
    types.FLOAT4: st.floats(width=32, allow_nan=False),
    types.FLOAT8: st.floats(allow_nan=False),
    types.TEXT: text,
    types.JSONB: text,
    types.BYTEA: st.binary(max_size=20),
    types.DATE: st.dates(),
    types.TIMESTAMP: naive,
    types.TIMESTAMPTZ: naive.map(lambda at: at.replace(tzinfo=UTC)),
    types.UUID: st.uuids().map(str),
}
COLUMNS = [Column(f"c{oid}", oid) for oid in values]
SCHEMA = pa.schema([field_of(column) for column in COLUMNS])
rows = st.lists(st.tuples(*(st.none() | one for one in values.values())), min_size=1, max_size=20)


def batch_of(made, schema=SCHEMA):
    return pa.RecordBatch.from_pylist([dict(zip(schema.names, row, strict=True)) for row in made], schema)


def piece(*messages):
    return Piece(b"".join(messages), array("q", map(len, messages)))


def messages_of(batch, columns=COLUMNS):
    return [bytes(encoded(batch.slice(place, 1).columns, columns)) for place in range(batch.num_rows)]


@settings(max_examples=60, deadline=None)
@given(made=rows)
def test_what_is_encoded_is_decoded_as_it_was(made):
    batch = batch_of(made)
    first, *others = messages_of(batch)
    assert bytes(encoded(batch.columns, COLUMNS)) == b"".join([first, *others])
    (found,) = Decoder(COLUMNS, SCHEMA).batches([piece(HEADER + first, *others, TRAILER)])
    found.validate(full=True)
    assert found.equals(batch)


def test_pieces_may_be_cut_anywhere_between_rows():
    batch = batch_of([tuple(None for _ in values)] * 3)
    one, two, three = messages_of(batch)
    pieces = [piece(HEADER + one), piece(two, three), piece(TRAILER)]
    assert [found.num_rows for found in Decoder(COLUMNS, SCHEMA).batches(pieces)] == [1, 2]


@pytest.mark.parametrize(
    "pieces", [[], [piece(HEADER, TRAILER)], [piece(HEADER + TRAILER)], [piece(HEADER), piece(TRAILER)]]
)
def test_no_rows_are_no_batches(pieces):
    assert list(Decoder(COLUMNS, SCHEMA).batches(pieces)) == []


@pytest.mark.parametrize(
    ("number", "kind", "groups"),
    [
        # how many groups of four digits, the first one's weight, the sign, the digits behind the point, the groups
        ("0", pa.decimal128(4, 0), (1, 0, 0, 0, 0)),
        ("12345.67", pa.decimal128(7, 2), (3, 1, 0, 2, 1, 2345, 6700)),
        ("-0.00001", pa.decimal128(5, 5), (2, -1, 0x4000, 5, 0, 1000)),
        ("-1", pa.decimal256(41, 1), (11, 9, 0x4000, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0)),
    ],
)
def test_a_decimal_is_groups_of_four_digits(number, kind, groups):
    array = pa.array([Decimal(number)], kind)
    found = bytes(encoded([array], [Column("c", types.NUMERIC)]))
    assert np.frombuffer(found, ">i2").tolist() == [1, 0, 2 * len(groups), *groups]


def test_a_column_of_an_array_that_was_cut_out_of_another_is_its_own():
    whole = batch_of([(None,) * len(values)] * 2)
    kinds = (pa.decimal128(10, 2), pa.time64("us"))
    columns = [*COLUMNS, Column("number", types.NUMERIC), Column("at", types.TIME)]
    more = [pa.array([Decimal("1.10"), Decimal("-2.20")], kinds[0]), pa.array([time(1), None], kinds[1])]
    arrays = [*whole.columns, *more]
    cut = [array.slice(1) for array in arrays]
    assert bytes(encoded(cut, columns)) == bytes(encoded([pa.array(one.to_pylist(), one.type) for one in cut], columns))


@pytest.mark.parametrize(
    ("oid", "value"),
    [
        (types.DATE, pa.scalar(-(2**31), pa.date32())),
        (types.DATE, pa.scalar(2**31 - 1, pa.date32())),
        (types.TIMESTAMP, pa.scalar(-(2**63), pa.timestamp("us"))),
    ],
)
def test_a_date_that_postgresql_does_not_have_is_never_encoded(oid, value):
    array = pa.array([value.value], value.type)
    with pytest.raises(DataNotRepresentable, match="the column c has a date"):
        encoded([array], [Column("c", oid)])


@pytest.mark.parametrize(
    "value", ["", "a0eebc99", "a0eebc999c0b4ef8bb6d6bb9bd380a11", "g0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"]
)
def test_a_text_that_is_no_uuid_is_refused_without_repeating_it(value):
    with pytest.raises(DataNotRepresentable) as failed:
        encoded([pa.array([value])], [Column("c", types.UUID)])
    assert failed.value.message == "the column c has a text that is no uuid"


def numeric(precision, scale):
    return Column("price", types.NUMERIC, (precision << 16 | scale & 0x7FF) + 4)


def sent(numbers):
    """Return numerics as PostgreSQL sends them: psycopg, too, leaves zeros at both ends out."""
    dumper = DecimalBinaryDumper(Decimal)
    return piece(
        HEADER, *(bytes(encoded([pa.array([dumper.dump(one)])], [Column("price", types.BYTEA)])) for one in numbers)
    )


@settings(max_examples=200, deadline=None)
@given(data=st.data(), precision=st.integers(1, 18))
def test_a_numeric_of_up_to_18_digits_is_read_as_it_was(data, precision):
    scale = data.draw(st.integers(0, precision))
    most = 10**precision - 1
    unscaled = data.draw(st.lists(st.integers(-most, most) | st.sampled_from([0, most, -most]), min_size=3, max_size=9))
    numbers = [Decimal(one).scaleb(-scale) for one in unscaled]
    column = numeric(precision, scale)
    (found,) = Decoder([column], pa.schema([field_of(column)])).batches([sent(numbers)])
    found.validate(full=True)
    assert found.column(0).type == pa.decimal128(precision, scale)
    assert found.column(0).to_pylist() == numbers


def test_a_numeric_whose_zeros_stand_before_the_point_is_read_as_it_was():
    column = numeric(3, -2)
    (found,) = Decoder([column], pa.schema([field_of(column)])).batches([sent([Decimal(12300), Decimal(0)])])
    assert found.column(0).to_pylist() == [Decimal(12300), Decimal(0)]


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "0.001", "0.00001", "1E+12"])
def test_a_numeric_that_is_none_of_its_column_is_refused(value):
    column = numeric(12, 2)
    with pytest.raises(DataNotRepresentable, match=r"the column price has NaN.*AsText"):
        list(Decoder([column], pa.schema([field_of(column)])).batches([sent([Decimal(value)])]))


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity"])
def test_a_long_numeric_that_is_no_number_is_refused(value):
    column = numeric(30, 2)
    message = encoded([pa.array([value])], [Column("price", types.TEXT)])
    with pytest.raises(DataNotRepresentable, match=r"the column price has NaN.*AsText"):
        list(Decoder([column], pa.schema([field_of(column)])).batches([piece(HEADER + bytes(message))]))


def test_a_text_that_is_not_in_utf_8_is_refused():
    column = Column("name", types.TEXT)
    message = encoded([pa.array([b"\xff"])], [Column("name", types.BYTEA)])
    with pytest.raises(DataNotRepresentable, match="the column name has text that is not in UTF-8"):
        list(Decoder([column], pa.schema([field_of(column)])).batches([piece(HEADER + bytes(message))]))


@pytest.mark.parametrize("days", [2**31 - 1, -(2**31), -730_120, 2_921_940])
def test_a_date_beyond_the_calendar_is_refused(days):
    column = Column("day", types.DATE)
    message = b"\0\1\0\0\0\4" + days.to_bytes(4, "big", signed=True)
    with pytest.raises(DataNotRepresentable, match="the column day has infinity"):
        list(Decoder([column], pa.schema([field_of(column)])).batches([piece(HEADER + message)]))


def test_the_first_and_the_last_day_of_the_calendar_are_within():
    column = Column("day", types.DATE)
    messages = [b"\0\1\0\0\0\4" + days.to_bytes(4, "big", signed=True) for days in (-730_119, 2_921_939)]
    (found,) = Decoder([column], pa.schema([field_of(column)])).batches([piece(HEADER + messages[0], messages[1])])
    assert found["day"].to_pylist() == [date.min, date.max]
