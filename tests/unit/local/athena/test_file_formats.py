from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from runners.local.athena import file_formats
from runners.local.athena.file_formats import FileFormat
from runners.local.athena.sql.translation import QueryError
from runners.local.athena.sql.types import type_of
from runners.local.athena.text_rows import LazySimple

ROWS = """SELECT * FROM (VALUES
  (1, 'a,"b"', 1.5::DOUBLE, 2.50::DECIMAL(5, 2), true, DATE '2024-01-02', TIMESTAMP '2024-01-02 03:04:05.678',
   [1, NULL], MAP {'k': 1}, {'f': 1, 'g': ['x']}, 'hi'::BLOB),
  (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)
) AS t(i, s, d, n, b, day, ts, a, m, r, o)"""
COLUMNS = [
    (name, type_of(of))
    for name, of in {
        "i": "int",
        "s": "string",
        "d": "double",
        "n": "decimal(5,2)",
        "b": "boolean",
        "day": "date",
        "ts": "timestamp",
        "a": "array<int>",
        "m": "map<string,int>",
        "r": "struct<f:int,g:array<string>>",
        "o": "binary",
    }.items()
]


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


@pytest.fixture
def written(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> Callable[..., Path]:
    def write(file_format: FileFormat, query: str = ROWS, columns: Any = COLUMNS) -> Path:
        file = tmp_path / f"it's{file_format.suffix}"
        file_format.write(connection, query, columns, file, lambda: None)
        return file

    return write


def test_text_has_delimiters_at_every_depth(written: Callable[..., Path]) -> None:
    lines = written(file_formats.text("NONE", "|,:")).read_text().splitlines()
    assert lines == [
        '1|a,"b"|1.5|2.50|true|2024-01-02|2024-01-02 03:04:05.678|1,\\N|k:1|1,x|aGk=',
        "|".join(["\\N"] * 11),
    ]


def test_text_is_packed_by_gzip_if_nothing_is_said(written: Callable[..., Path]) -> None:
    file = written(file_formats.text(None, "\t\x02\x03", "-"), "SELECT 1 AS i, NULL AS s", COLUMNS[:2])
    assert file.suffix == ".gz"
    assert gzip.decompress(file.read_bytes()) == b"1\t-\n"


LINE = [("s", type_of("string")), ("a", type_of("array<string>")), ("m", type_of("map<string,int>"))]
ESCAPABLE = r"SELECT 'a|b\c', ['x,y', NULL, 'p|q'], MAP {'k:1': 2}"


def test_text_escapes_delimiters_and_the_escape_at_every_depth(written: Callable[..., Path]) -> None:
    file = written(file_formats.text("NONE", "|,:", escape="\\"), ESCAPABLE, LINE)
    assert file.read_text() == "a\\|b\\\\c|x\\,y,\\N,p\\|q|k\\:1:2\n"
    read = LazySimple([of for _, of in LINE], "|,:", "\\", "\\N").rows(file.read_text().splitlines())
    assert list(read) == [["a|b\\c", '["x,y", null, "p|q"]', '{"k:1": "2"}']]


def test_a_delimiter_of_another_depth_splits_nothing(written: Callable[..., Path]) -> None:
    assert written(file_formats.text("NONE", "|,:"), "SELECT 'a,b:c'", LINE[:1]).read_text() == "a,b:c\n"


@pytest.mark.parametrize(
    ("query", "of", "escape", "remedy"),
    [
        ("SELECT 'hush|x'", "string", None, "ESCAPED BY"),
        ("SELECT ['hush,x']", "array<string>", None, "ESCAPED BY"),
        ("SELECT MAP {'hush:x': 1}", "map<string,int>", None, "ESCAPED BY"),
        ("SELECT TIMESTAMP '2024-01-02 03:04:05'", "timestamp", "0", "another delimiter"),
        ("SELECT 'hush' || chr(10)", "string", "\\", "line break"),
        ("SELECT 'hush' || chr(13)", "string", None, "line break"),
    ],
)
def test_a_value_that_text_cannot_hold_fails_and_is_not_shown(
    written: Callable[..., Path], query: str, of: str, escape: str | None, remedy: str
) -> None:
    with pytest.raises(QueryError, match=f"HIVE_WRITER_DATA_ERROR: column x: .*{remedy}") as caught:
        written(file_formats.text("NONE", "|,:", escape=escape), query, [("x", type_of(of))])
    assert "hush" not in str(caught.value)


def test_items_need_a_delimiter_of_their_own(written: Callable[..., Path]) -> None:
    with pytest.raises(QueryError, match="HIVE_WRITER_DATA_ERROR: column a: its items"):
        written(file_formats.text("NONE", ",,:"), "SELECT [1]", [("a", type_of("array<int>"))])


def test_json_leaves_out_what_is_null(written: Callable[..., Path]) -> None:
    first, second = written(file_formats.json_lines("none")).read_text().splitlines()
    assert first == (
        '{"i":1,"s":"a,\\"b\\"","d":1.5,"n":2.50,"b":true,"day":"2024-01-02","ts":"2024-01-02 03:04:05.678",'
        '"a":[1,null],"m":{"k":1},"r":{"f":1,"g":["x"]},"o":"aGk="}'
    )
    assert second == "{}"


def test_json_has_no_numbers_for_nan_and_infinity(written: Callable[..., Path]) -> None:
    query = "SELECT 'NaN'::DOUBLE AS d"
    assert written(file_formats.json_lines("NONE"), query, [("d", type_of("double"))]).read_text() == '{"d":"NaN"}\n'


@pytest.mark.parametrize("compression", [None, "snappy", "GZIP", "zstd", "uncompressed"])
def test_parquet_is_compressed_as_asked(
    connection: duckdb.DuckDBPyConnection, written: Callable[..., Path], compression: str | None
) -> None:
    file = written(file_formats.parquet(compression))
    found = connection.execute("SELECT DISTINCT compression FROM parquet_metadata($1)", [str(file)]).fetchall()
    assert found == [((compression or "gzip").upper(),)]
    assert connection.execute("SELECT count(*) FROM read_parquet($1)", [str(file)]).fetchall() == [(2,)]


@pytest.mark.parametrize("make", [file_formats.parquet, file_formats.text, file_formats.json_lines])
def test_a_compression_that_is_not_written_is_named(make: Callable[[str], FileFormat]) -> None:
    with pytest.raises(QueryError, match="brotli"):
        make("brotli")


@pytest.mark.parametrize("make", [file_formats.parquet, file_formats.text])
def test_writing_ends_when_it_is_told_to(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path, make: Callable[[str | None], FileFormat]
) -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make(None).write(connection, ROWS, COLUMNS, tmp_path / "x", stop)
