from __future__ import annotations

import pytest

from runners.local.crawlers.column_types import Array, Struct, of_json, of_text, widened, written


@pytest.mark.parametrize(
    ("text", "type_"),
    [
        ("12", "bigint"),
        (" -3 ", "bigint"),
        ("9223372036854775808", "double"),
        ("1.5", "double"),
        ("1e6", "double"),
        (".5", "double"),
        ("true", "boolean"),
        ("2014-03-01", "string"),
        ("12 apples", "string"),
        ("", None),
    ],
)
def test_a_text_has_the_type_that_glues_csv_classifier_gives_it(text: str, type_: str | None) -> None:
    assert of_text(text) == type_


@pytest.mark.parametrize(
    ("value", "type_"),
    [
        (1, "int"),
        (2147483648, "bigint"),
        (1 << 70, "double"),
        (True, "boolean"),
        (1.5, "double"),
        ("a", "string"),
        (None, "string"),
        ([], "array<string>"),
        ([1, 2.5], "array<double>"),
        ([{"A": 1}, {"b": None}], "array<struct<a:int,b:string>>"),
        ({"X": {"y": [True]}}, "struct<x:struct<y:array<boolean>>>"),
    ],
)
def test_a_json_value_is_written_as_the_catalog_names_its_type(value: object, type_: str) -> None:
    assert written(of_json(value)) == type_


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        ("int", "bigint", "bigint"),
        ("bigint", "double", "double"),
        ("float", "int", "float"),
        ("boolean", "int", "string"),
        ("int", None, "int"),
        (None, "int", "int"),
        (None, None, None),
        (Array("int"), Array("bigint"), Array("bigint")),
        (Array("int"), "int", "string"),
        (Struct((("a", "int"),)), Struct((("b", "string"),)), Struct((("a", "int"), ("b", "string")))),
    ],
)
def test_a_column_is_wide_enough_for_all_its_values(one: object, other: object, both: object) -> None:
    assert widened(one, other) == both
