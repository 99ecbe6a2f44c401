from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from runners.local.athena.results import (
    ColumnInfo,
    UnreadableResultError,
    as_api_row,
    csv_line,
    csv_records,
    lines_of,
    metadata,
    text_records,
)
from runners.local.athena.sql.translation import ResultColumn


def test_every_value_is_in_quotes_and_null_is_nothing() -> None:
    assert csv_line(["a", None, "", 'say "x"\n', "1,5"]) == '"a",,"","say ""x""\n","1,5"\n'


@given(some.lists(some.lists(some.none() | some.text(), min_size=1, max_size=4).filter(lambda row: row != [None])))
def test_what_is_written_is_read_again(rows: list[list[str | None]]) -> None:
    written = "".join(map(csv_line, rows)).encode("utf-8", "surrogatepass")
    try:
        written.decode()
    except UnicodeDecodeError:
        return
    found = list(csv_records(lines_of([written])))
    assert [row for row, _ in found] == rows
    assert sum(length for _, length in found) == len(written)


def test_a_row_of_one_null_is_read_again() -> None:
    assert [row for row, _ in csv_records([b"\n"])] == [[None]]


def test_a_result_that_is_cut_off_is_none() -> None:
    with pytest.raises(UnreadableResultError):
        list(csv_records([b'"a\n']))


def test_lines_do_not_depend_on_how_they_come() -> None:
    assert list(lines_of([b"a\nb", b"c\n", b"d"])) == [b"a\n", b"bc\n", b"d"]


def test_a_line_of_text_is_a_row_of_one_value() -> None:
    assert list(text_records([b"a\tb\n", b"c"])) == [(["a\tb"], 4), (["c"], 1)]


def test_a_null_has_no_value_in_a_row_of_the_api() -> None:
    assert as_api_row(["a", None, ""]) == {"Data": [{"VarCharValue": "a"}, {}, {"VarCharValue": ""}]}


@pytest.mark.parametrize(
    ("written", "info"),
    [
        ("integer", ColumnInfo("x", "integer", 10)),
        ("bigint", ColumnInfo("x", "bigint", 19)),
        ("decimal(18,2)", ColumnInfo("x", "decimal", 18, 2)),
        ("varchar", ColumnInfo("x", "varchar", 2147483647, case_sensitive=True)),
        ("varchar(7)", ColumnInfo("x", "varchar", 7, case_sensitive=True)),
        ("real", ColumnInfo("x", "float", 17)),
        ("array(row(a integer))", ColumnInfo("x", "array")),
        ("timestamp(3)", ColumnInfo("x", "timestamp", 3)),
    ],
)
def test_columns_are_described_as_athena_does(written: str, info: ColumnInfo) -> None:
    assert ColumnInfo.of(ResultColumn("x", written)) == info
    assert info.as_dict()["Type"] == info.type


def test_metadata_is_in_the_form_of_athenas_own_files() -> None:
    # The bytes of a file that Athena wrote, as its readers have published them.
    column = bytes.fromhex("0a04686976652203617279 2a03617279 32056172726179 4803".replace(" ", ""))
    wanted = b"\x0a\x1b20190423_125128_00001_ehtur" + b'"' + bytes([len(column)]) + column
    assert metadata("20190423_125128_00001_ehtur", [ColumnInfo("ary", "array")]) == wanted


def test_metadata_holds_large_numbers() -> None:
    assert b"\x38\xff\xff\xff\xff\x07" in metadata("q", [ColumnInfo.of(ResultColumn("x", "varchar"))])
