from __future__ import annotations

from runners.local.crawlers.column_types import written
from runners.local.crawlers.json_files import JsonFile, classify


def columns(found: JsonFile | None) -> dict[str, str]:
    assert found is not None
    return {column.name: written(column.type) for column in found.columns}


def test_the_fields_of_all_objects_are_columns() -> None:
    found = classify('{"Id": 1, "v": {"x": 1}}\n{"Id": 5000000000, "v": {"y": true}, "t": ["a"]}\n')
    assert columns(found) == {"id": "bigint", "v": "struct<x:int,y:boolean>", "t": "array<string>"}
    assert found is not None
    assert (found.paths, found.records, found.array) == (("Id", "t", "v"), 2, False)


def test_objects_may_stretch_over_lines() -> None:
    assert columns(classify('{\n  "a": 1\n}\n\n{\n  "a": 2\n}\n')) == {"a": "int"}


def test_one_array_is_one_column() -> None:
    found = classify('[{"a": 1}, {"b": "x"}]')
    assert columns(found) == {"array": "array<struct<a:int,b:string>>"}
    assert found is not None
    assert found.array


def test_an_object_that_is_cut_off_does_not_count() -> None:
    found = classify('{"a": 1}\n{"a": 2}\n{"a": ')
    assert found is not None
    assert found.records == 2


def test_what_is_no_json_is_not_taken_for_it() -> None:
    assert classify("a,b\n1,2\n") is None
    assert classify("1\n2\n") is None
    assert classify('{"a": 1}\n2\n') is None
    assert classify("") is None
