from __future__ import annotations

import io

import pyarrow as pa
import pytest

from runners.steps.ends import as_text, logical
from runners.steps.errors import DataNotRepresentable, SourceFailed
from runners.steps.formats import json as json_array
from runners.steps.formats import json_lines
from runners.steps.formats.json import Json
from runners.steps.formats.json_lines import JsonLines
from tests.unit.steps.formats.tables import EDGES, read, written


def test_values_have_all_their_digits_and_iso_times():
    assert written(JsonLines(), EDGES).decode().split("\n")[0] == (
        '{"large":9223372036854775807,"double":"NaN","long":0.000000000000000000,"text":"","day":"0001-01-01",'
        '"clock":"01:02:03.005","moment":"2020-01-31T04:05:06.789","instant":"2020-01-31T04:05:06Z","bytes":"AP8="}'
    )


def test_decimals_are_texts_if_that_is_asked_for():
    table = pa.table({"money": pa.array(["1.50"]).cast(pa.decimal128(5, 2))})
    assert written(JsonLines(Decimals="string"), table) == b'{"money":"1.50"}\n'
    assert written(JsonLines(), table) == b'{"money":1.50}\n'


def test_numbers_without_bounds_are_numbers_unless_they_are_none():
    table = pa.Table.from_arrays([pa.array(["1.10", "NaN", None])], schema=pa.schema([as_text("number", "decimal")]))
    assert written(JsonLines(), table) == b'{"number":1.10}\n{"number":"NaN"}\n{"number":null}\n'
    assert read(JsonLines(Columns={"number": "decimal"}), written(JsonLines(), table)).equals(table)


def test_json_stands_as_it_is_on_one_line():
    table = pa.Table.from_arrays([pa.array(['{"a":\n[1.50]}'])], schema=pa.schema([as_text("it", "json")]))
    assert written(JsonLines(), table) == b'{"it":{"a": [1.50]}}\n'


def test_what_is_said_to_be_json_and_is_none_is_refused():
    table = pa.Table.from_arrays([pa.array(["{secret"])], schema=pa.schema([as_text("it", "json")]))
    with pytest.raises(DataNotRepresentable, match="column it") as caught:
        written(JsonLines(), table)
    assert "secret" not in str(caught.value)


def test_an_array_is_written_and_read_as_one():
    table = pa.table({"a": [1, 2]})
    data = written(Json(), pa.concat_tables([table.slice(0, 0), table.slice(0, 1), table.slice(1)]))
    assert data == b'[\n{"a":1},\n{"a":2}\n]\n'
    assert read(Json(Columns={"a": "int64"}), data).equals(table)


def test_rows_without_columns_are_empty_objects():
    rows = pa.RecordBatch.from_struct_array(pa.array([{}, {}], pa.struct([])))
    out = io.BytesIO()
    with JsonLines().writing(rows.schema, out, "x") as writer:
        writer.write(rows)
    assert out.getvalue() == b"{}\n{}\n"


def test_two_columns_of_one_name_are_refused():
    table = pa.table([pa.array([1]), pa.array([2])], names=["a", "a"])
    with pytest.raises(DataNotRepresentable, match="two columns"):
        written(JsonLines(), table)


@pytest.mark.parametrize(
    ("form", "data"),
    [(JsonLines, b'{"a":1.10,"b":[1]}\n\n{"a":null}'), (Json, b' [ {"a":1.10,"b":[1]} , {"a":null} ] ')],
)
def test_columns_that_are_not_declared_are_found(form, data):
    table = read(form(), data)
    assert [logical(field) for field in table.schema] == ["decimal", "json"]
    assert table.to_pydict() == {"a": ["1.10", None], "b": ["[1]", None]}


def test_a_column_stands_where_its_path_says():
    form = JsonLines(Columns={"name": {"Type": "string", "Path": "customer.name"}})
    assert read(form, b'{"customer":{"name":"x"}}\n').to_pydict() == {"name": ["x"]}


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b'{"a":1}\nsecret\n', "line 2 of"),
        (b'{"a":1},{"a":2}\n', "line 1 of"),
        (b'{"a":1}\n{"a":\n1}\n', "line 2 of"),
        (b'{"a":"\xff"}\n', "line 1 of"),
    ],
)
def test_a_line_that_is_no_json_is_named(data, what):
    with pytest.raises(SourceFailed, match=what) as caught:
        read(JsonLines(Columns={"a": "int64"}), data)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "does not begin"),
        (b'{"a":1}', "does not begin"),
        (b'[{"a":1}', "ends amid"),
        (b'[{"a":1} {"a":2}]', "no comma"),
        (b'[{"a":1},', "ends amid"),
        (b"[secret", "ends amid"),
        (b'["\xff"]', "UTF-8"),
        (b"[" * 100_000, "nested"),
    ],
)
def test_what_is_no_array_is_refused(data, what):
    with pytest.raises(SourceFailed, match=what) as caught:
        read(Json(Columns={"a": "int64"}), data)
    assert "secret" not in str(caught.value)


def test_records_are_read_piece_by_piece_wherever_the_pieces_are_cut(monkeypatch):
    monkeypatch.setattr(json_lines, "PIECE_BYTES", 7)
    monkeypatch.setattr(json_array, "PIECE_BYTES", 7)
    table = pa.table({"text": ["é😀" * 5, None, '"]},{['], "number": [1, -20, 300]})
    columns = {"text": "string", "number": "int64"}
    for form in (JsonLines(Columns=columns), Json(Columns=columns)):
        assert read(form, written(form, table)).equals(table)


def test_a_record_without_an_end_is_refused_before_memory_is(monkeypatch):
    monkeypatch.setattr(json_lines, "LONGEST_RECORD", 1_000)
    monkeypatch.setattr(json_lines, "PIECE_BYTES", 100)
    monkeypatch.setattr(json_array, "LONGEST_RECORD", 1_000)
    monkeypatch.setattr(json_array, "PIECE_BYTES", 100)
    for form, begin in ((JsonLines, b'{"'), (Json, b'[{"')):
        with pytest.raises(SourceFailed, match="more than"):
            read(form(Columns={"a": "int64"}), begin + b"a" * 5_000)


def test_a_file_without_records_has_the_columns_that_are_declared():
    columns = {"a": "int64"}
    assert read(Json(Columns=columns), b" [ ] ").schema == pa.schema([("a", pa.int64())])
    assert read(JsonLines(Columns=columns), b"").num_rows == 0
    with pytest.raises(DataNotRepresentable, match="declare the columns"):
        read(Json(), b"[]")
