from __future__ import annotations

import io
import tempfile
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest
import xlsxwriter

from runners.steps.errors import DataNotRepresentable, DataQualityFailed, SourceFailed
from runners.steps.formats import excel
from runners.steps.formats.excel import Excel
from tests.unit.steps.formats.tables import EDGES, read, written


def workbook(**sheets) -> bytes:
    """Make a workbook as people do: rows of cells by the names of sheets."""
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True, "default_date_format": "yyyy-mm-dd hh:mm"})
    for name, rows in sheets.items():
        sheet = book.add_worksheet(name)
        for number, row in enumerate(rows):
            for place, cell in enumerate(row):
                sheet.write(number, place, cell)
    book.close()
    return out.getvalue()


@pytest.fixture(autouse=True)
def no_file_is_left(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    yield
    assert list(tmp_path.iterdir()) == []


def test_types_are_found_in_the_cells():
    moment = datetime.fromisoformat("2020-01-31T04:05:00")
    rows = [
        ["flag", "whole", "part", "text", "moment", "day", "mixed", "nothing"],
        [True, 1, 1.5, "a", moment, date(2020, 1, 1), 1, None],
        [False, -2, 2, "b", date(2020, 1, 1), date(2020, 1, 2), "x", None],
    ]
    table = read(Excel(), workbook(One=rows))
    assert [str(field.type) for field in table.schema] == [
        "bool",
        "int64",
        "double",
        "string",
        "timestamp[us]",
        "date32[day]",
        "string",
        "string",
    ]
    assert table["mixed"].to_pylist() == ["1", "x"]
    assert table["nothing"].to_pylist() == [None, None]


def test_a_sheet_and_the_row_of_its_header_are_chosen():
    data = workbook(One=[["x"], [1]], Two=[["A report"], [], ["id", "name"], [1, "a"], [], [2, "b", "beyond"]])
    assert read(Excel(Sheet="Two", HeaderRow=3), data).to_pydict() == {"id": [1, 2], "name": ["a", "b"]}


def test_rows_before_the_first_filled_one_are_counted():
    assert read(Excel(HeaderRow=3), workbook(One=[[], [], ["id"], [1]])).to_pydict() == {"id": [1]}


@pytest.mark.parametrize(
    ("kind", "cell", "value"),
    [
        ("string", 5, "5"),
        ("string", True, "true"),
        ("string", 1.5, "1.5"),
        ("int64", 5.0, 5),
        ("int64", "9223372036854775807", 2**63 - 1),
        ("float64", "NaN", float("nan")),
        ("decimal(6,3)", 1.1, Decimal("1.100")),
        ("date", "2020-01-31", date(2020, 1, 31)),
        ("date", datetime.fromisoformat("2020-01-31"), date(2020, 1, 31)),
        ("time", "04:05", time(4, 5)),
        ("timestamp", datetime.fromisoformat("2020-01-31"), datetime.fromisoformat("2020-01-31")),
        ("timestamptz", "2020-01-31 04:05+02", datetime.fromisoformat("2020-01-31 02:05+00")),
        ("binary", "\\x00ff", b"\x00\xff"),
    ],
)
def test_a_cell_becomes_the_type_that_is_given(kind, cell, value):
    found = read(Excel(Columns={"a": kind}), workbook(One=[["a"], [cell]]))["a"].to_pylist()
    assert repr(found) == repr([value]) or found == [value]  # NaN is not even equal to itself


@pytest.mark.parametrize(
    ("kind", "cell"),
    [
        ("int64", 1.5),
        ("int64", "secret"),
        ("int32", 2**40),
        ("float64", True),
        ("bool", 1),
        ("decimal(4,1)", 1.25),
        ("decimal(4,1)", True),
        ("date", datetime.fromisoformat("2020-01-31T04:05:00")),
        ("timestamp", "2020-01-31 04:05+02"),
        ("timestamptz", "2020-01-31 04:05"),
        ("binary", "secret"),
        ("time", 5),
    ],
)
def test_a_cell_that_is_not_of_its_type_fails_and_is_not_told(kind, cell):
    with pytest.raises(DataQualityFailed, match="a cell of the column a") as caught:
        read(Excel(Columns={"a": kind}), workbook(One=[["a"], [cell]]))
    assert "secret" not in str(caught.value)


def test_what_excel_would_change_is_written_as_text():
    cells = read(Excel(), written(Excel(), EDGES)).to_pydict()
    assert cells["large"] == ["9223372036854775807", "-9223372036854775808", None]
    assert cells["long"] == [0.0, -1e-18, None]
    assert cells["day"] == ["0001-01-01", "9999-12-31", None]
    assert cells["instant"] == ["2020-01-31 04:05:06+00", None, None]
    assert cells["bytes"] == ["\\x00ff", "\\x", None]
    exact = pa.table({"long": pa.array(["1234567890.1234567890"]).cast(pa.decimal128(38, 10))})
    assert read(Excel(), written(Excel(), exact)).to_pydict() == {"long": ["1234567890.1234567890"]}


def test_a_text_is_no_formula():
    table = pa.table({"text": ["=1+1", "http://x", "5"]})
    assert read(Excel(), written(Excel(), table)).equals(table)


@pytest.mark.parametrize(
    ("rows", "form", "what"),
    [
        ([["a"]], Excel(Sheet="Two"), "has no sheet 'Two'; it has One"),
        ([["a", None, "b"]], Excel(), "a column without a name"),
        ([], Excel(), "a column without a name"),
        ([["a", "a"]], Excel(), "two columns of the name a"),
        ([["a"]], Excel(Columns={"b": "int64"}), "Columns names b"),
    ],
)
def test_a_sheet_that_is_no_table_is_refused(rows, form, what):
    with pytest.raises(SourceFailed, match=what):
        read(form, workbook(One=rows))


def test_what_is_no_workbook_is_refused():
    with pytest.raises(SourceFailed, match="no Excel workbook"):
        read(Excel(), b"PK")


def test_more_rows_columns_or_characters_than_excel_has_are_refused(monkeypatch):
    monkeypatch.setattr(excel, "_ROWS", 3)
    monkeypatch.setattr(excel, "_COLUMNS", 1)
    monkeypatch.setattr(excel, "_TEXT", 5)
    with pytest.raises(DataNotRepresentable, match="more rows"):
        written(Excel(), pa.table({"a": [1, 2, 3]}))
    with pytest.raises(DataNotRepresentable, match="2 columns"):
        written(Excel(), pa.table({"a": [1], "b": [2]}))
    with pytest.raises(DataNotRepresentable, match="more than the 5 characters"):
        written(Excel(), pa.table({"a": ["secret"]}))
    assert read(Excel(), written(Excel(), pa.table({"a": [1, 2]}))).num_rows == 2


def test_later_rows_must_have_the_types_that_the_first_ones_have(monkeypatch):
    monkeypatch.setattr(excel, "_BATCH_ROWS", 2)
    assert read(Excel(), workbook(One=[["a"], [1], [2], [3]])).to_pydict() == {"a": [1, 2, 3]}
    with pytest.raises(DataQualityFailed, match="no int64"):
        read(Excel(), workbook(One=[["a"], [1], [2], ["x"]]))


def test_a_workbook_that_is_given_up_is_removed(tmp_path):
    out = io.BytesIO()
    with Excel().writing(pa.schema([("a", pa.int64())]), out, "x") as writer:
        writer.write(pa.RecordBatch.from_pydict({"a": [1]}))
        assert any(Path(tmp_path).iterdir())
    assert out.getvalue() == b""
