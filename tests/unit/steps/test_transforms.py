from __future__ import annotations

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


def test_a_column_is_added_with_the_same_value_in_every_row():
    added = changed({"Type": "add", "Column": "day", "Value": "2026-01-31"})
    assert added.column("day").to_pylist() == ["2026-01-31", "2026-01-31"]


def test_a_column_that_is_not_there_is_named_with_the_nearest():
    with pytest.raises(ValidationFailed, match="'pric', which there is not; did you mean price"):
        changed({"Type": "drop", "Columns": ["pric"]})


@pytest.mark.parametrize(
    "transform",
    [{"Type": "rename", "Columns": {"id": "note"}}, {"Type": "add", "Column": "note", "Value": 1}],
)
def test_no_two_columns_get_the_same_name(transform):
    with pytest.raises(ValidationFailed, match="two columns note"):
        changed(transform)


def test_a_type_that_there_is_not_is_refused_when_it_is_read():
    with pytest.raises(ValidationFailed, match="76 digits"):
        changed({"Type": "cast", "Columns": {"price": "decimal(99,1)"}})
    with pytest.raises(ValueError, match="pattern"):
        changed({"Type": "cast", "Columns": {"price": "money"}})
