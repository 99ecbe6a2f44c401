from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import pyarrow as pa
import pytest

from runners.steps.errors import DataNotRepresentable, DataQualityFailed
from runners.steps.systems.mysql_catalogue import TableColumn
from runners.steps.systems.mysql_fit import fit


def column(column_type: str, digits: int = 0) -> TableColumn:
    return TableColumn("c", column_type.partition("(")[0], column_type, True, False, False, False, digits)


def texts(values: pa.Array, column_type: str, digits: int = 0) -> list[str | None]:
    found = fit(pa.field("c", values.type), column(column_type, digits))
    return found.texts(values, null_refused=False).to_pylist()


@pytest.mark.parametrize(
    ("values", "into", "written"),
    [
        (pa.array([1.0, None]), "int", ["1", None]),
        (pa.array([Decimal("2.00")]), "bigint", ["2"]),
        (pa.array(["-5", "+7"]), "int", ["-5", "+7"]),
        (pa.array([0, 1999]), "year", ["0000", "1999"]),
        (pa.array([True, None]), "tinyint(1)", ["1", None]),
        (pa.array([True, False]), "varchar(5)", ["true", "false"]),
        (pa.array([True]), "double", ["1"]),
        (pa.array([0.1], pa.float32()), "double", ["0.10000000149011612"]),
        (pa.array(["0.10", None, "1e3", "7"]), "double", ["0.1", None, "1000", "7"]),
        (pa.array(["3.4028235e+38"]), "float", ["3.4028234663852886e+38"]),
        (pa.array([Decimal("0.25")]), "float", ["0.25"]),
        (pa.array([16777216]), "float", ["16777216"]),
        (pa.array([1.25]), "double(9,2)", ["1.25"]),
        (pa.array([datetime(2020, 1, 1)]), "date", ["2020-01-01"]),  # noqa: DTZ001
        (pa.array(["2020-01-01 00:00:00.500+00", None]), "timestamp", ["2020-01-01 00:00:00.500", None]),
        (pa.array([b"\x00\xff", None, b""]), "blob", ["00ff", None, ""]),
        (pa.array(["\\x00FF", None, "\\x"]), "blob", ["00ff", None, ""]),
        (pa.array([b"xx", b"\x00\xff"]).slice(1), "blob", ["00ff"]),
        (pa.array([5]), "bit(3)", ["5"]),
        (pa.array(["it's", None]), "enum('it''s')", ["it's", None]),
        (pa.array(["", "a,b", None]), "set('a','b')", ["", "a,b", None]),
        (pa.nulls(2), "int", [None, None]),
    ],
)
def test_values_are_written_so_that_the_server_takes_just_them(values, into, written):
    assert texts(values, into, digits=1) == written


@pytest.mark.parametrize(
    ("values", "into"),
    [
        (pa.array([1.5]), "int"),
        (pa.array(["x"]), "int"),
        (pa.array([(1 << 64) - 1], pa.uint64()), "year"),
        (pa.array([0.1]), "float"),
        (pa.array([1.255]), "double(9,2)"),
        (pa.array([Decimal("0.123456789")]), "float"),
        (pa.array(["x"]), "double"),
        (pa.array(["0.10000000000000000001"]), "double"),
        (pa.array([float("inf")]), "float"),
        (pa.array(["2020-01-01 00:00:00.01"]), "datetime"),
        (pa.array(["x"]), "blob"),
        (pa.array([b"x"]), "binary(2)"),
        (pa.array([-1]), "bit(3)"),
        (pa.array(["A"]), "enum('a')"),
        (pa.array(["b,a"]), "set('a','b')"),
        (pa.array(["x "]), "char(9)"),
    ],
)
def test_a_value_that_the_server_would_change_is_refused_without_it(values, into):
    with pytest.raises(DataNotRepresentable, match="a value of the column c"):
        texts(values, into)


@pytest.mark.parametrize(
    ("kind", "into"),
    [(pa.date32(), "int"), (pa.binary(), "text"), (pa.time64("us"), "datetime"), (pa.int64(), "uuid")],
)
def test_a_type_that_a_column_cannot_take_is_refused_before_any_value(kind, into):
    with pytest.raises(DataNotRepresentable, match="the table's column is"):
        fit(pa.field("c", kind), column(into))


def test_a_zone_that_would_be_lost_is_refused_with_what_to_do():
    with pytest.raises(DataNotRepresentable, match="cast it to timestamp by Transforms"):
        fit(pa.field("c", pa.timestamp("us", "UTC")), column("datetime"))


def test_null_is_refused_where_it_may_not_be():
    found = fit(pa.field("c", pa.int64()), column("int"))
    with pytest.raises(DataQualityFailed, match="has NULL"):
        found.texts(pa.array([1, None]), null_refused=True)
