"""Which of PostgreSQL's types a column of Arrow's is created as, and what is declared beside a type."""

from __future__ import annotations

import pyarrow as pa
import pytest

from runners.steps.ends import as_text
from runners.steps.errors import DataNotRepresentable, SourceFailed
from runners.steps.systems import postgresql_types as types
from runners.steps.systems.postgresql_types import Column, checked, created_as


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (pa.bool_(), "boolean"),
        (pa.int8(), "smallint"),
        (pa.uint8(), "smallint"),
        (pa.uint16(), "integer"),
        (pa.uint32(), "bigint"),
        (pa.uint64(), "numeric(20,0)"),
        (pa.float16(), "real"),
        (pa.float64(), "double precision"),
        (pa.decimal128(12, 2), "numeric(12,2)"),
        (pa.decimal128(3, -2), "numeric(5,0)"),
        (pa.large_string(), "text"),
        (pa.dictionary(pa.int32(), pa.string()), "text"),
        (pa.binary(16), "bytea"),
        (pa.date64(), "date"),
        (pa.time32("s"), "time"),
        (pa.timestamp("ns"), "timestamp"),
        (pa.timestamp("ms", "Europe/Berlin"), "timestamptz"),
        (pa.null(), "text"),
    ],
)
def test_a_column_is_created_of_a_type_that_holds_all_its_values(kind, expected):
    assert created_as(pa.field("c", kind)) == expected


@pytest.mark.parametrize(
    ("logical", "expected"),
    [("decimal", "numeric"), ("json", "json"), ("uuid", "uuid"), ("interval", "interval"), ("text", "text")],
)
def test_a_text_is_created_as_what_it_means(logical, expected):
    assert created_as(as_text("c", logical)) == expected


@pytest.mark.parametrize("kind", [pa.list_(pa.int8()), pa.struct([("a", pa.int8())]), pa.duration("s")])
def test_what_has_no_type_here_is_refused(kind):
    with pytest.raises(DataNotRepresentable, match="the column c is"):
        created_as(pa.field("c", kind))


def test_what_is_declared_beside_a_type_is_read():
    assert Column("c", types.VARCHAR, 9).length == 5
    assert Column("c", types.VARCHAR).length is None
    assert Column("c", types.NUMERIC, (12 << 16 | 2) + 4).digits == (12, 2)
    assert Column("c", types.NUMERIC, (3 << 16 | 0x7FE) + 4).digits == (3, -2)
    assert Column("c", types.TIMESTAMP, 3).fraction == 3
    assert Column("c", types.INTERVAL, 0x7FFF0003).fraction == 3
    assert Column("c", types.INTERVAL, 0x0004FFFF).fraction is None


def test_a_query_without_columns_is_refused():
    with pytest.raises(SourceFailed, match="no columns"):
        checked([])
