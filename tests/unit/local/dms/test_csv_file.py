from __future__ import annotations

import csv
import io
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runners.local.dms.columns import DmsType, Kind
from runners.local.dms.csv_file import CsvFile
from runners.local.dms.s3_settings import S3Settings

NEEDED = {"BucketName": "b", "ServiceAccessRoleArn": "arn"}
TEXT = ("v", DmsType(Kind.NCLOB))


def written(*rows: tuple[str | None, ...], columns: Any = (TEXT,), **settings: Any) -> str:
    with TemporaryDirectory() as directory:
        path = Path(directory) / "file.csv"
        file = CsvFile(path, columns, S3Settings.parse(NEEDED | settings))
        file.write(list(rows))
        file.close()
        assert file.size == path.stat().st_size
        return path.read_bytes().decode()


@given(st.lists(st.tuples(st.text(), st.text()), min_size=1))
def test_a_csv_reader_reads_what_was_written(rows: list[tuple[str, str]]) -> None:
    # A reader in text would take other ends of lines; NUL is nothing that Python's reader of 3.11 takes.
    rows = [tuple(value.replace("\0", "") for value in row) for row in rows]  # type: ignore[misc]
    text = written(*rows, columns=(TEXT, ("w", DmsType(Kind.NCLOB))))
    assert [tuple(row) for row in csv.reader(io.StringIO(text, newline=""))] == rows


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ("plain", "plain"),
        ("", ""),
        ("NULL", '"NULL"'),
        (None, "NULL"),
        ("a,b", '"a,b"'),
        ('a"b', '"a""b"'),
        ("a\nb", '"a\nb"'),
        ("a\rb", '"a\rb"'),
        (" spaces ", " spaces "),
    ],
)
def test_a_field_is_quoted_only_where_it_must_be(value: str | None, field: str) -> None:
    assert written((value,)) == f"{field}\n"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("2024-01-02 03:04:05", "2024-01-02 03:04:05.000000"),
        ("2024-01-02 03:04:05.5", "2024-01-02 03:04:05.500000"),
        ("infinity", "infinity"),
        ("0044-03-15 00:00:00 BC", "0044-03-15 00:00:00 BC"),
        ("0044-03-15 00:00:00.5 BC", "0044-03-15 00:00:00.5 BC"),
    ],
)
def test_timestamps_have_microseconds(value: str, text: str) -> None:
    assert written((value,), columns=[("v", DmsType(Kind.DATETIME, scale=6))]) == f"{text}\n"
    assert written((value,), columns=[("v", DmsType(Kind.DATETIME, scale=0))]) == f"{value}\n"


def test_names_of_columns_are_quoted_as_values_are() -> None:
    named = ("a,b", DmsType(Kind.DATETIME, scale=6))
    assert written((None,), columns=[named], AddColumnName=True) == '"a,b"\nNULL\n'
