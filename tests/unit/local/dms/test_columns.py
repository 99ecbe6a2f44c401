from __future__ import annotations

import pytest

from runners.local.dms.columns import DmsType, Kind


@pytest.mark.parametrize(
    ("precision", "scale", "wanted"),
    [
        (10, 2, DmsType(Kind.NUMERIC, precision=10, scale=2)),
        (38, 38, DmsType(Kind.NUMERIC, precision=38, scale=38)),
        (39, 2, DmsType(Kind.STRING, length=42)),
        (3, -2, DmsType(Kind.NUMERIC, precision=5, scale=0)),
        (2, 4, DmsType(Kind.NUMERIC, precision=4, scale=4)),
        (38, -1, DmsType(Kind.STRING, length=42)),
        (None, None, DmsType(Kind.STRING)),
    ],
)
def test_a_decimal_is_numeric_where_that_holds_all_its_values_and_else_text(
    precision: int | None, scale: int | None, wanted: DmsType
) -> None:
    assert DmsType.decimal(precision, scale) == wanted
