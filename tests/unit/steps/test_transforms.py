# ruff: noqa: DTZ001  # times without a zone are among what is cast
from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal

import pyarrow as pa
import pytest
from pydantic import TypeAdapter

from runners.steps.errors import DataNotRepresentable, ValidationFailed
from runners.steps.transforms import Transform, transformed

BATCH = pa.record_batch({"id": [1, 2], "price": ["1.50", None], "note": ["a", "b"]})


def changed(*transforms, batch=BATCH):
    asked = TypeAdapter(tuple[Transform, ...]).validate_python(transforms)
    made = transformed(batch.schema, asked)
    result = made.apply(batch)
    assert result.schema == made.result  # what is told before the first row is what comes
    return result


def test_columns_are_kept_in_the_order_that_was_asked_for():
    assert changed({"Type": "keep", "Columns": ["note", "id"]}).schema.names == ["note", "id"]


def test_columns_are_dropped():
    assert changed({"Type": "drop", "Columns": ["note"]}).schema.names == ["id", "price"]


def test_columns_are_renamed_and_may_swap_their_names():
    swapped = changed({"Type": "rename", "Columns": {"id": "note", "note": "id"}})
    assert swapped.to_pylist()[0] == {"note": 1, "price": "1.50", "id": "a"}


@pytest.mark.parametrize(
    ("column", "kind", "values"),
    [
        ("price", "decimal(10,2)", [Decimal("1.50"), None]),
        ("price", "float64", [1.5, None]),
        ("id", "decimal(3, 1)", [Decimal("1.0"), Decimal("2.0")]),
        ("id", "string", ["1", "2"]),
    ],
)
def test_columns_are_cast(column, kind, values):
    assert changed({"Type": "cast", "Columns": {column: kind}}).column(column).to_pylist() == values


@pytest.mark.parametrize(("column", "kind"), [("note", "int64"), ("price", "int32"), ("price", "decimal(1,1)")])
def test_a_value_that_does_not_fit_is_refused_and_not_told(column, kind):
    with pytest.raises(
        DataNotRepresentable, match=f"a value of the column {column}, which is string, is no "
    ) as refused:
        changed({"Type": "cast", "Columns": {column: kind}})
    assert "1.5" not in str(refused.value)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1.005], "decimal(10,2)"),
        ([Decimal("12345678901234567890.12345")], "float64"),
        ([2], "bool"),
        ([0.5], "bool"),
        ([float("nan")], "bool"),
        ([datetime(2026, 1, 31, 4, 5)], "date"),
        ([datetime(2026, 1, 31, 4, 5)], "time"),
        (["1e400"], "float64"),
    ],
)
def test_a_value_that_would_be_rounded_or_cut_is_refused(values, kind):
    with pytest.raises(DataNotRepresentable, match=r"a value of the column one, .* is no "):
        changed({"Type": "cast", "Columns": {"one": kind}}, batch=pa.record_batch({"one": [*values, None]}))


@pytest.mark.parametrize(
    ("values", "kind", "become"),
    [
        ([0.1, 19.99], "decimal(10,2)", [Decimal("0.10"), Decimal("19.99")]),
        ([Decimal("1234567.89")], "float64", [1234567.89]),
        ([0, 1], "bool", [False, True]),
        ([0.1, float("inf")], "string", ["0.1", "inf"]),
        (["inf", "-Infinity", "1e300"], "float64", [float("inf"), float("-inf"), 1e300]),
        ([datetime(2026, 1, 31)], "date", [date(2026, 1, 31)]),
        ([datetime(2026, 1, 31, 4, 5, 6, 7)], "string", ["2026-01-31 04:05:06.000007"]),
        ([datetime(2026, 1, 31, 4, tzinfo=UTC)], "string", ["2026-01-31 04:00:00.000000Z"]),
        ([datetime(2026, 1, 31, 4, tzinfo=UTC)], "timestamp", [datetime(2026, 1, 31, 4)]),
        ([time(4, 5, 6, 7)], "string", ["04:05:06.000007"]),
        ([True], "int32", [1]),
        ([b"a"], "string", ["a"]),
        ([2**60 + 1], "string", [str(2**60 + 1)]),
    ],
)
def test_a_value_that_fits_is_cast_whatever_its_type(values, kind, become):
    cast = changed({"Type": "cast", "Columns": {"one": kind}}, batch=pa.record_batch({"one": [*values, None]}))
    assert cast.column("one").to_pylist() == [*become, None]


def test_a_number_that_is_none_stays_so():
    cast = changed(
        {"Type": "cast", "Columns": {"one": "float64"}},
        batch=pa.record_batch({"one": pa.array([float("nan")], pa.float32())}),
    )
    assert str(cast.column("one").to_pylist()) == "[nan]"


def test_what_is_added_is_one_value():
    with pytest.raises(ValueError, match="valid"):
        changed({"Type": "add", "Column": "list", "Value": [1]})


def test_a_column_is_added_with_the_same_value_in_every_row():
    added = changed({"Type": "add", "Column": "day", "Value": "2026-01-31"})
    assert added.column("day").to_pylist() == ["2026-01-31", "2026-01-31"]


def test_a_column_that_is_not_there_is_named_with_the_nearest():
    with pytest.raises(ValidationFailed, match="'pric', which there is not; did you mean price"):
        changed({"Type": "drop", "Columns": ["pric"]})


@pytest.mark.parametrize(
    "transform",
    [
        {"Type": "rename", "Columns": {"id": "note"}},
        {"Type": "add", "Column": "note", "Value": 1},
        {"Type": "keep", "Columns": ["note", "note"]},
    ],
)
def test_no_two_columns_get_the_same_name(transform):
    with pytest.raises(ValidationFailed, match="two columns note"):
        changed(transform)


def test_a_type_that_there_is_not_is_refused_when_it_is_read():
    with pytest.raises(ValidationFailed, match="76 digits"):
        changed({"Type": "cast", "Columns": {"price": "decimal(99,1)"}})
    with pytest.raises(ValueError, match="pattern"):
        changed({"Type": "cast", "Columns": {"price": "money"}})
