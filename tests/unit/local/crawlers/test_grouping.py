"""Which folders become tables: the examples are those by which Glue documents its crawlers."""

from __future__ import annotations

from typing import Any

import pytest

from runners.local.crawlers.column_types import Column
from runners.local.crawlers.csv_files import Layout
from runners.local.crawlers.grouping import FoundObject, FoundTable, tables
from runners.local.crawlers.inference import Schema, Statistics


def found(path: str, columns: str = "a b c", *, classification: str = "json", **schema: Any) -> FoundObject:
    *folders, name = path.split("/")
    types = tuple(Column(column, "int") for column in columns.split())
    return FoundObject(tuple(folders), name, Schema(classification, types, **schema), Statistics(10, 2))


def places(objects: list[FoundObject], *, combine: bool = False) -> dict[str, list[tuple[str, ...]]]:
    return {
        "/".join(table.place): [part.values for part in table.partitions] for table in tables(objects, combine=combine)
    }


def only(objects: list[FoundObject]) -> FoundTable:
    (table,) = tables(objects, combine=False)
    return table


def test_hives_folders_are_partitions_of_one_table() -> None:
    table = only(
        [
            found("year=2019/Month=Jan/day=1/a.json"),
            found("year=2019/Month=Jan/day=1/b.json"),
            found("year=2019/Month=Feb/day=2/a.json"),
        ]
    )
    assert (table.place, table.keys) == ((), ("year", "month", "day"))
    assert [partition.values for partition in table.partitions] == [("2019", "Jan", "1"), ("2019", "Feb", "2")]
    assert [partition.statistics.objects for partition in table.partitions] == [2, 1]
    assert table.statistics == Statistics(30, 6, 3)


def test_other_folders_are_partitions_by_number() -> None:
    paths = ["table1/partition1", "table1/partition2", "table2/partition4"]
    table = only([found(f"{path}/file.txt") for path in paths])
    assert table.keys == ("partition_0", "partition_1")
    assert [partition.values for partition in table.partitions] == [tuple(path.split("/")) for path in paths]


def test_a_level_whose_folders_have_different_keys_is_named_by_number() -> None:
    table = only([found("year=2019/a.json"), found("month=1/a.json")])
    assert table.keys == ("partition_0",)
    assert [partition.values for partition in table.partitions] == [("year=2019",), ("month=1",)]


def test_folders_with_unlike_columns_are_tables() -> None:
    objects = [found("year=2017/data1.json", "a b"), found("year=2018/data2.json", "c d")]
    assert places(objects) == {"year=2017": [], "year=2018": []}


def test_unlike_columns_are_combined_where_that_is_asked_for() -> None:
    objects = [found("year=2017/data1.json", "a b"), found("year=2018/data2.json", "c d")]
    (table,) = tables(objects, combine=True)
    assert [column.name for column in table.schema.columns] == ["a", "b", "c", "d"]
    assert [partition.values for partition in table.partitions] == [("2017",), ("2018",)]


def test_a_new_column_does_not_make_a_new_table() -> None:
    table = only([found("day=1/f", "a b c"), found("day=2/f", "a b c d")])
    assert [column.name for column in table.schema.columns] == ["a", "b", "c", "d"]
    assert [len(partition.schema.columns) for partition in table.partitions] == [3, 4]


def test_most_folders_decide_for_the_others() -> None:
    like = [found(f"day={day}/f") for day in range(1, 9)]
    unlike = [found("day=9/f", "x y"), found("day=10/f", "x y")]
    assert list(places([*like, *unlike])) == [""]
    assert len(places([*like[:4], *unlike])) == 6


@pytest.mark.parametrize(
    "other",
    [
        {"classification": "csv"},
        {"compression": "gzip"},
        {"layout": Layout("|", '"', quoted=False, has_header=True, serde="LazySimpleSerDe")},
    ],
)
def test_data_of_another_kind_is_another_table_even_when_combined(other: dict[str, Any]) -> None:
    objects = [found("one/f"), found("two/f", **other)]
    assert places(objects, combine=True) == {"one": [], "two": []}


def test_each_branch_is_grouped_by_itself() -> None:
    objects = [
        found("orders/year=2014/f", "id amount"),
        found("orders/year=2015/f", "id amount"),
        found("people/f", "name age"),
    ]
    assert places(objects) == {"orders": [("2014",), ("2015",)], "people": []}


def test_objects_beside_folders_are_a_table_of_their_own() -> None:
    assert places([found("f"), found("deeper/f")]) == {"": [], "deeper": []}


def test_unlike_objects_of_one_folder_are_tables_each() -> None:
    objects = [found("in/one.json", "a b"), found("in/two.json", "c d"), found("in/sub/f", "e f")]
    assert places(objects) == {"in/one.json": [], "in/two.json": [], "in/sub": []}


def test_nothing_is_no_table() -> None:
    assert places([]) == {}


def test_a_column_is_as_wide_as_in_its_widest_file_and_quotes_are_remembered() -> None:
    plain = Layout(",", '"', quoted=False, has_header=True, serde="LazySimpleSerDe")
    quoted = Layout(",", '"', quoted=True, has_header=True, serde="LazySimpleSerDe")
    one = FoundObject((), "1", Schema("csv", (Column("a", "bigint"),), layout=plain), Statistics(1, 1))
    two = FoundObject((), "2", Schema("csv", (Column("a", "double"),), layout=quoted), Statistics(1, 1))
    table = only([one, two])
    assert [column.written() for column in table.schema.columns] == [{"Name": "a", "Type": "double"}]
    assert table.schema.layout == quoted
