"""How DuckDB reads and writes what a transformation names."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet
import pytest

from runners.local.s3 import objects
from runners.local.spark_sql import sql_on_duckdb
from runners.local.spark_sql.sql_on_duckdb import UnreadableInputError, connect, create_view, run_query
from runners.local.spark_sql.types import UnsupportedSQLError


@pytest.fixture
def read(tmp_path: Path) -> Any:
    """Read CSV texts as the view t; answers column names and rows."""

    def rows(*texts: str | bytes) -> tuple[list[str], list[tuple[Any, ...]]]:
        files = []
        for number, text in enumerate(texts):
            files.append(tmp_path / f"{number}.csv")
            files[-1].write_bytes(text if isinstance(text, bytes) else text.encode())
        with connect() as connection:
            create_view(connection, "t", "csv", files)
            table = connection.table("t")
            return table.columns, table.fetchall()

    return rows


def test_all_columns_are_strings_and_an_empty_cell_is_null(read: Any) -> None:
    assert read('a,b,c\n1,,""\n2014-03-01,true, x \n') == (
        ["a", "b", "c"],
        [("1", None, None), ("2014-03-01", "true", " x ")],
    )


def test_a_header_keeps_its_blanks(read: Any) -> None:
    assert read("a ,b c\n1,2\n") == (["a ", "b c"], [("1", "2")])


def test_quotes_are_doubled_and_cells_may_hold_commas_and_line_breaks(read: Any) -> None:
    assert read('"a,b",c\n"say ""x""","l1\nl2"\n')[1] == [('say "x"', "l1\nl2")]


def test_a_byte_order_mark_is_no_part_of_a_name(read: Any) -> None:
    assert read(b"\xef\xbb\xbfa,b\r\n1,2\r\n") == (["a", "b"], [("1", "2")])


def test_empty_lines_are_skipped_also_where_there_is_one_column(read: Any) -> None:
    assert read("a,b\n\n1,2\n\n")[1] == [("1", "2")]
    assert read("a\n1\n\n3\n")[1] == [("1",), ("3",)]


def test_a_file_with_a_header_alone_has_no_rows(read: Any) -> None:
    assert read("a,b\n") == (["a", "b"], [])


def test_several_files_are_one_view(read: Any) -> None:
    assert sorted(read("a,b\n1,2\n", "a,b\n3,4\n")[1]) == [("1", "2"), ("3", "4")]


def test_a_compressed_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b"a,b\n1,2\n"))
    with connect() as connection:
        create_view(connection, "t", "csv", [tmp_path / "a.csv.gz"])
        assert connection.table("t").fetchall() == [("1", "2")]


@pytest.mark.parametrize("text", ["a,b\n1\n", "a,b\n1,2,3\n", 'a,b\n"open,2\n'])
def test_a_record_that_does_not_fit_the_header_is_an_error(read: Any, text: str) -> None:
    with pytest.raises(duckdb.Error, match="CSV Error on Line: 2"):
        read(text)


@pytest.mark.parametrize("header", ["", "a,,c", "a,b,a", "a,B,b"])
def test_a_header_that_is_no_header_is_an_error(read: Any, header: str) -> None:
    with pytest.raises(UnreadableInputError, match=r"0\.csv needs a header"):
        read(f"{header}\n1,2,3\n")


def test_files_of_one_input_agree_on_their_header(read: Any) -> None:
    with pytest.raises(UnreadableInputError, match=r"headers of 0.csv and 1.csv differ"):
        read("a,b\n1,2\n", "b,a\n1,2\n")


@pytest.mark.parametrize("query", ["SELECT 1.5e0 AS x", "SELECT NULL AS x", "SELECT 3 / 2 AS x"])
def test_a_column_of_a_type_that_spark_has_otherwise_is_refused(query: str) -> None:
    with connect() as connection, pytest.raises(UnsupportedSQLError, match="the column x comes out as"):
        run_query(connection, query, [])


@pytest.mark.parametrize("file_format", ["csv", "parquet"])
def test_a_long_fraction_goes_into_parquet_alone(file_format: str, tmp_path: Path) -> None:
    with connect() as connection:
        table = run_query(connection, "SELECT CAST('0' AS DECIMAL(18, 8)) AS x", [])
        if file_format == "parquet":
            assert sql_on_duckdb._write(connection, table, file_format, tmp_path).stat().st_size > 0
        else:
            with pytest.raises(UnsupportedSQLError, match="the column x has 8 digits after the point"):
                sql_on_duckdb._write(connection, table, file_format, tmp_path)


def test_a_python_variable_is_no_table() -> None:
    with connect() as connection:
        t = connection.sql("SELECT 1 AS a")  # noqa: F841 - DuckDB would find it by its name
        with pytest.raises(duckdb.CatalogException):
            run_query(connection, "SELECT a FROM t", ["t"])


class RecordingS3:
    """Downloads a fixed text and keeps what is uploaded."""

    def __init__(self, tmp_path: Path) -> None:
        self.tmp_path = tmp_path
        self.kept: list[tuple[str, Path]] = []

    def download(self, client: Any, path: str, directory: Path) -> dict[str, Path]:
        directory.mkdir()
        (directory / "x.csv").write_text("name,number\nb,2\na,1\n,\n")
        return {"x.csv": directory / "x.csv"}

    def replace(self, client: Any, files: dict[str, Path], path: str) -> None:
        for name, file in files.items():
            target = self.tmp_path / f"{len(self.kept)}-{name}"
            target.write_bytes(file.read_bytes())
            self.kept.append((path, target))


@pytest.fixture
def s3(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RecordingS3:
    double = RecordingS3(tmp_path)
    monkeypatch.setattr(sql_on_duckdb.boto3, "client", lambda service: service)
    monkeypatch.setattr(objects, "download", double.download)
    monkeypatch.setattr(objects, "replace", double.replace)
    return double


INPUTS: list[sql_on_duckdb.Input] = [{"view": "t", "format": "csv", "path": "s3://data/in/"}]
OUTPUTS: list[sql_on_duckdb.Output] = [
    {"format": "parquet", "path": "s3://data/parquet/"},
    {"format": "csv", "path": "s3://data/csv/"},
]
QUERY = "SELECT name, CAST(number AS INT) AS number FROM t ORDER BY name"


def test_rows_go_to_each_output_in_their_order(s3: RecordingS3) -> None:
    sql_on_duckdb.run(QUERY, INPUTS, OUTPUTS)
    (parquet_path, parquet_file), (csv_path, csv_file) = s3.kept
    assert (parquet_path, csv_path) == ("s3://data/parquet/", "s3://data/csv/")
    assert pyarrow.parquet.read_table(parquet_file).to_pylist() == [
        {"name": None, "number": None},
        {"name": "a", "number": 1},
        {"name": "b", "number": 2},
    ]
    assert list(csv.reader(csv_file.read_text().splitlines())) == [["name", "number"], ["", ""], ["a", "1"], ["b", "2"]]


def test_parquet_is_compressed_by_snappy_and_says_so_in_its_name(s3: RecordingS3) -> None:
    sql_on_duckdb.run(QUERY, INPUTS, OUTPUTS[:1])
    file = s3.kept[0][1]
    assert file.name.endswith(".snappy.parquet")
    assert pyarrow.parquet.ParquetFile(file).metadata.row_group(0).column(0).compression == "SNAPPY"


def test_no_two_runs_use_a_key_twice(s3: RecordingS3) -> None:
    for _ in range(2):
        sql_on_duckdb.run(QUERY, INPUTS, OUTPUTS[:1])
    assert len({file.name.partition("-")[2] for _, file in s3.kept}) == 2


def test_no_rows_still_make_files_with_the_schema(s3: RecordingS3) -> None:
    sql_on_duckdb.run(f"{QUERY.replace('ORDER', 'WHERE false ORDER')}", INPUTS, OUTPUTS)
    (_, parquet_file), (_, csv_file) = s3.kept
    table = pyarrow.parquet.read_table(parquet_file)
    assert (table.num_rows, table.column_names) == (0, ["name", "number"])
    assert csv_file.read_text() == "name,number\n"


def test_a_query_that_fails_touches_no_output(s3: RecordingS3) -> None:
    with pytest.raises(duckdb.Error):
        sql_on_duckdb.run("SELECT nothing FROM t", INPUTS, OUTPUTS)
    assert s3.kept == []


def test_parquet_is_read_as_it_was_written(s3: RecordingS3) -> None:
    sql_on_duckdb.run(QUERY, INPUTS, OUTPUTS[:1])
    with connect() as connection:
        create_view(connection, "t", "parquet", [s3.kept[0][1]])
        assert connection.table("t").fetchall() == [(None, None), ("a", 1), ("b", 2)]
