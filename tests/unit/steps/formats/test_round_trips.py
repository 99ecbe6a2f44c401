"""Whatever the values, they come back from a file as they were: every type, through every format that holds it."""

from __future__ import annotations

import math
from decimal import Decimal
from itertools import starmap

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runners.steps.formats.csv import Csv
from runners.steps.formats.excel import Excel
from runners.steps.formats.json import Json
from runners.steps.formats.json_lines import JsonLines
from runners.steps.formats.parquet import Parquet
from tests.unit.steps.formats.tables import COLUMNS, EDGES, read, same, tables, types, written

quickly = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


@quickly
@given(
    tables(),
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from(["lf", "crlf"]),
    st.sampled_from(["", "NULL", "\\N"]),
)
def test_csv_keeps_every_value(table, delimiter, line_end, null):
    form = Csv(Columns=types(), Delimiter=delimiter, LineEnd=line_end, Null=null)
    assert same(read(form, written(form, table)), table)


@quickly
@given(st.lists(st.none() | COLUMNS["text"][2], max_size=5))
def test_csv_of_a_single_column_keeps_null_apart_from_the_empty_text(texts):
    table = pa.table({"text": pa.array(texts, pa.string())})
    assert same(read(Csv(), written(Csv(), table)), table)


@quickly
@given(tables())
def test_json_lines_keep_every_value(table):
    form = JsonLines(Columns=types())
    assert same(read(form, written(form, table)), table)


@quickly
@given(tables())
def test_a_json_array_keeps_every_value(table):
    form = Json(Columns=types(), Decimals="string")
    assert same(read(form, written(form, table)), table)


@quickly
@given(tables())
def test_parquet_keeps_every_value_and_what_a_text_is(table):
    assert same(read(Parquet(), written(Parquet(), table)), table)


@settings(quickly, max_examples=15)
@given(tables())
def test_excel_keeps_every_value_but_empty_texts(table):
    """What Excel's numbers and times cannot hold is written as text, and read from it."""
    form = Excel(Columns=types())
    texts = pa.array([text or None for text in table["text"].to_pylist()], pa.string())
    place = table.schema.get_field_index("text")
    expected = table.set_column(place, table.schema.field(place), texts)
    filled = [any(value is not None for value in row.values()) for row in expected.to_pylist()]
    assert same(read(form, written(form, table)), expected.filter(pa.array(filled, pa.bool_())))


@pytest.mark.parametrize("suffix", ["", ".gz", ".zst"])
@pytest.mark.parametrize("form", [Csv, JsonLines, Json])
def test_a_compressed_file_holds_the_same(form, suffix):
    chosen = form(Columns={name: kind for name, kind in types().items() if name in EDGES.schema.names})
    assert same(read(chosen, written(chosen, EDGES, f"rows{suffix}"), f"rows{suffix}"), EDGES)


@pytest.mark.parametrize(
    "form", [Csv(Columns=types()), JsonLines(Columns=types()), Json(Columns=types()), Parquet(), Excel(Columns=types())]
)
def test_an_empty_result_still_has_its_columns(form):
    table = pa.schema([field for _, field, _ in COLUMNS.values()]).empty_table()
    assert same(read(form, written(form, table)), table)


@pytest.mark.parametrize(
    "kind",
    [pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())],
)
def test_texts_are_texts_however_arrow_keeps_them(kind):
    table = pa.table({"text": pa.array(["a", None, ""]).cast(kind)})
    for form in (Csv(Columns={"text": "string"}), JsonLines(Columns={"text": "string"})):
        assert read(form, written(form, table))["text"].to_pylist() == ["a", None, ""]


def test_numbers_of_every_width_are_written_out():
    table = pa.table(
        {
            "unsigned": pa.array([2**64 - 1], pa.uint64()),
            "half": pa.array([0.5], pa.float16()),
            "single": pa.array([0.1], pa.float32()),
            "rounded": pa.array([Decimal(1200)], pa.decimal128(5, 0)).cast(pa.decimal128(5, -2)),
            "short": pa.array([Decimal("0.00000001")], pa.decimal128(9, 8)).cast(pa.decimal32(9, 8)),
            "nothing": pa.nulls(1),
            "fixed": pa.array([b"ab"], pa.binary(2)),
            "day": pa.array([86_400_000], pa.date64()),
            "nanoseconds": pa.array([1], pa.timestamp("ns")),
        }
    )
    assert written(Csv(Header=False), table) == (
        b'18446744073709551615,0.5,0.1,"1200","0.00000001",,"\\x6162",1970-01-02,"1970-01-01 00:00:00.000000001"\n'
    )


def test_a_float_in_excel_has_all_its_digits():
    values = [0.1 + 0.2, math.pi * 1e300, 5e-324]
    assert read(Excel(), written(Excel(), pa.table({"double": values})))["double"].to_pylist() == values


def test_rows_come_back_however_they_were_cut():
    table = pa.table({"number": range(25)})
    pieces = pa.concat_tables(starmap(table.slice, [(0, 3), (3, 0), (3, 20), (23, 2)]))
    for form in (
        Csv(Columns={"number": "int64"}),
        JsonLines(Columns={"number": "int64"}),
        Json(Columns={"number": "int64"}),
        Parquet(),
    ):
        assert read(form, written(form, pieces)).equals(table)
