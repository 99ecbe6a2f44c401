"""Runs a query that was written for Spark on DuckDB, so that the SQL jobs need no Java on a laptop.

Inputs come from S3 into a directory of the run's own, the query runs there over local files, and its files replace
what lay at each output. CSV is read the way that the job's script has Spark read it. This module knows nothing of
what the query is about, and never touches an output before all rows are there.
"""

from __future__ import annotations

import csv
import gzip
import re
import tempfile
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

import boto3
import duckdb

from runners.errors import LocalAWSError
from runners.local.s3 import objects
from runners.local.spark_sql.conversions import PLAIN_FRACTION
from runners.local.spark_sql.functions import MACROS
from runners.local.spark_sql.translation import translate
from runners.local.spark_sql.types import UnsupportedSQLError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


OUTPUT_TYPES = re.compile(r"DATE|INTEGER|BIGINT|VARCHAR|BOOLEAN|DECIMAL\(\d+,\d+\)")


class Input(TypedDict):
    """A view of the query: its name, the format of its objects (``csv`` or ``parquet``), and where they lie."""

    view: str
    format: str
    path: str


class Output(TypedDict):
    """Where the rows go, and as what (``csv`` or ``parquet``)."""

    format: str
    path: str


class UnreadableInputError(LocalAWSError):
    """A CSV file that has no usable header."""


def run(query: str, inputs: Sequence[Input], outputs: Sequence[Output]) -> None:
    """Run a query over S3 objects, and let its rows replace what lies at each output.

    All files are written before the first output is touched. Raises ``UnsupportedSQLError``, ``S3PathError`` or
    ``UnreadableInputError``; whatever DuckDB finds wrong comes as ``duckdb.Error``.
    """
    client = boto3.client("s3")
    with tempfile.TemporaryDirectory(prefix="runners-glue-") as directory, connect() as connection:
        for number, item in enumerate(inputs):
            files = objects.download(client, item["path"], Path(directory) / f"input-{number}")
            create_view(connection, item["view"], item["format"], list(files.values()))
        table = run_query(connection, query, [item["view"] for item in inputs])
        written = [_write(connection, table, output["format"], Path(directory)) for output in outputs]
        for output, file in zip(outputs, written, strict=True):
            objects.replace(client, {file.name: file}, output["path"])


def connect() -> duckdb.DuckDBPyConnection:
    """Open a database in memory that knows Spark's casts, and reaches for no extension and no Python variable."""
    connection = duckdb.connect(config={"autoinstall_known_extensions": False, "python_enable_replacements": False})
    connection.execute(MACROS)
    return connection


def create_view(connection: duckdb.DuckDBPyConnection, name: str, file_format: str, files: Sequence[Path]) -> None:
    """Make local files readable as a view; CSV the way that the job's script has Spark read it."""
    paths = [str(file) for file in files]
    relation = (
        connection.read_parquet(paths)
        if file_format == "parquet"
        else _csv_relation(connection, paths, _common_header(files))
    )
    relation.create_view(name)


def run_query(connection: duckdb.DuckDBPyConnection, query: str, views: Sequence[str]) -> str:
    """Run a query in Spark's dialect; answers the name of the table that holds its rows, in their order."""
    table = f"rows_{uuid.uuid4().hex}"
    columns = {view: dict(zip(*_columns(connection.table(view)), strict=True)) for view in views}
    connection.execute(f"CREATE TABLE {table} AS {translate(query, columns)}")
    _require_known_types(connection, table)
    return table


def _require_known_types(connection: duckdb.DuckDBPyConnection, table: str) -> None:
    for name, column_type in zip(*_columns(connection.table(table)), strict=True):
        if not OUTPUT_TYPES.fullmatch(column_type):
            raise UnsupportedSQLError(
                f"the column {name} comes out as {column_type}, which Spark has otherwise: CAST it"
            )


def _columns(relation: duckdb.DuckDBPyRelation) -> tuple[list[str], list[str]]:
    return relation.columns, [str(column_type) for column_type in relation.types]


def _require_plain_decimals(connection: duckdb.DuckDBPyConnection, table: str) -> None:
    for name, column_type in zip(*_columns(connection.table(table)), strict=True):
        decimal = re.fullmatch(r"DECIMAL\(\d+,(\d+)\)", column_type)
        if decimal and int(decimal[1]) > PLAIN_FRACTION:
            raise UnsupportedSQLError(
                f"the column {name} has {decimal[1]} digits after the point, and in CSV Spark writes 0E-{decimal[1]} "
                "for zero: CAST it to fewer"
            )


def _csv_relation(
    connection: duckdb.DuckDBPyConnection, paths: Sequence[str], header: Sequence[str]
) -> duckdb.DuckDBPyRelation:
    """Read CSV by explicit columns: DuckDB's own reading of a header trims names and renames doubles."""
    options: Mapping[str, Any] = {
        "columns": dict.fromkeys(header, "VARCHAR"),
        "header": True,
        "auto_detect": False,
        "delim": ",",
        "quote": '"',
        "escape": '"',
        "nullstr": "",
        "strict_mode": True,
        "null_padding": False,
    }
    arguments = ", ".join(f"{name} = {_sql(value)}" for name, value in options.items())
    only_one = f" WHERE {_quoted(header[0])} IS NOT NULL" if len(header) == 1 else ""  # Spark skips empty lines
    return connection.sql(f"SELECT * FROM read_csv({_sql(list(paths))}, {arguments}){only_one}")  # noqa: S608


def _common_header(files: Sequence[Path]) -> list[str]:
    headers = {file: _header(file) for file in files}
    first_file, first = next(iter(headers.items()))
    for file, header in headers.items():
        if header != first:
            raise UnreadableInputError(f"the headers of {first_file.name} and {file.name} differ")
    return first


def _header(file: Path) -> list[str]:
    opened = gzip.open if file.suffix == ".gz" else open
    with opened(file, "rt", encoding="utf-8-sig", newline="") as text:
        names = next(csv.reader(text), [])
    if not names or "" in names or len({name.lower() for name in names}) < len(names):
        raise UnreadableInputError(f"{file.name} needs a header as its first line, each name once and none empty")
    return names


def _write(connection: duckdb.DuckDBPyConnection, table: str, file_format: str, directory: Path) -> Path:
    """Write the rows into one file, named as Spark names its parts, so that no two runs use a key twice."""
    if file_format == "csv":
        _require_plain_decimals(connection, table)
    suffix, options = {
        "parquet": ("snappy.parquet", "FORMAT parquet, COMPRESSION snappy"),
        "csv": ("csv", "FORMAT csv, HEADER, NULLSTR '', QUOTE '\"', ESCAPE '\"'"),
    }[file_format]
    file = directory / f"part-00000-{uuid.uuid4()}.{suffix}"
    connection.execute(f"COPY {table} TO {_sql(str(file))} ({options})")
    return file


def _sql(value: object) -> str:
    """Write a Python value as a literal of DuckDB's."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_sql(key)}: {_sql(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_sql(item) for item in value) + "]"
    return "'" + str(value).replace("'", "''") + "'"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
