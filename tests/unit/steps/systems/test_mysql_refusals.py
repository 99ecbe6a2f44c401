from __future__ import annotations

import pytest

from runners.steps.errors import DataNotRepresentable, DataQualityFailed, TargetFailed
from runners.steps.systems.mysql_refusals import refusal


@pytest.mark.parametrize(
    ("number", "text", "kind", "said"),
    [
        (1264, "Out of range value for column 'price' at row 7", DataNotRepresentable, "(shop, column price)"),
        (
            1366,
            "Incorrect string value: 'secret' for column `d`.`shop`.`price` at row 1",
            DataNotRepresentable,
            "price",
        ),
        (1062, "Duplicate entry 'secret' for key 'PRIMARY'", DataQualityFailed, "(shop)"),
        (1366, "Incorrect value: 'column `secret`' for column 'price'", DataNotRepresentable, "(shop)"),
        (9999, "secret", TargetFailed, "warning 9999"),
    ],
)
def test_what_the_server_says_of_a_row_is_passed_on_without_its_values(number, text, kind, said):
    error = refusal(number, text, "shop", ["id", "price"])
    assert type(error) is kind
    assert said in error.message
    assert "secret" not in error.cause()
    assert error.details["code"] == number
