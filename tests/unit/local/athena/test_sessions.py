from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from runners.local.athena.sessions import session


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "it's.csv").write_text("1\n")
    (tmp_path / "other.csv").write_text("1\n")
    with session(tmp_path / "own") as connection:
        yield connection


def test_a_query_reads_and_writes_its_own_files(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    assert connection.execute("SELECT * FROM read_csv($1)", [str(tmp_path / "own" / "it's.csv")]).fetchall() == [(1,)]
    connection.execute(f"COPY (SELECT 1) TO '{tmp_path}/own/written.parquet' (FORMAT parquet)")
    assert (tmp_path / "own" / "written.parquet").exists()


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM read_csv('{outside}/other.csv')",
        "SELECT * FROM read_csv('{outside}/own/../other.csv')",
        "SELECT * FROM '{outside}/other.csv'",
        "SELECT * FROM read_text('/etc/hostname')",
        "SELECT * FROM glob('/etc/*')",
        "COPY (SELECT 1) TO '{outside}/written.csv'",
        "ATTACH '{outside}/database.db'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SELECT * FROM read_csv('http://127.0.0.1:1/x.csv')",
        "SET enable_external_access = true",
        "SET allowed_directories = ['/']",
        "SET memory_limit = '100GB'",
        "RESET lock_configuration",
    ],
)
def test_nothing_else_is_within_reach(connection: duckdb.DuckDBPyConnection, tmp_path: Path, statement: str) -> None:
    with pytest.raises(duckdb.Error):
        connection.execute(statement.format(outside=tmp_path)).fetchall()


def test_memory_is_bounded(connection: duckdb.DuckDBPyConnection) -> None:
    (setting,) = connection.execute("SELECT current_setting('memory_limit')").fetchall()
    assert setting == ("488.2 MiB",)


def test_python_variables_are_no_tables(connection: duckdb.DuckDBPyConnection) -> None:
    secret = duckdb.connect().sql("SELECT 1")
    with pytest.raises(duckdb.CatalogException):
        connection.execute("SELECT * FROM secret")
    assert secret.fetchall() == [(1,)]


def test_a_session_is_closed_when_it_ends(tmp_path: Path) -> None:
    with session(tmp_path) as connection:
        pass
    with pytest.raises(duckdb.ConnectionException):
        connection.execute("SELECT 1")
