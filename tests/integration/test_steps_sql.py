"""RunSql and RowCountCheck against real databases."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from runners.steps.errors import DataQualityFailed, TargetFailed, ValidationFailed
from runners.testing.steps import run_step, step_context
from tests.integration.databases import Database

HOSTILE = "'; DROP TABLE facts; --"


class SqliteDatabase:
    """A database in a file, of the shape of the others."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.run("PRAGMA journal_mode = wal")

    def run(self, *statements: str) -> None:
        with closing(sqlite3.connect(self.path)) as connection, connection:
            for statement in statements:
                connection.execute(statement)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.path)) as connection:
            return connection.execute(query).fetchall()


Some = tuple[str, Database | SqliteDatabase]


def described(database: Database | SqliteDatabase) -> dict[str, Any]:
    if isinstance(database, SqliteDatabase):
        return {"path": str(database.path)}
    server = database.server
    return {
        "host": server.host,
        "port": server.port,
        "username": server.user,
        "password": server.password,
        "dbname": database.name,
    }


@pytest.fixture(params=["PostgreSql", "MySql", "Sqlite"])
def system(request: pytest.FixtureRequest, tmp_path: Path) -> Some:
    fixture = {"PostgreSql": "postgresql", "MySql": "mariadb"}.get(request.param)
    database = request.getfixturevalue(fixture) if fixture else SqliteDatabase(tmp_path / "database")
    database.run("CREATE TABLE facts (id integer PRIMARY KEY, name varchar(60))", "INSERT INTO facts VALUES (1, 'one')")
    return request.param, database


def run_sql(system: Some, *statements: str, **more: Any) -> dict[str, Any]:
    name, database = system
    context = step_context({"shop": described(database)}, {"name": HOSTILE, "ids": [1, 2], "day": "2026-01-31"})
    asked = {"System": name, "ConnectionName": "shop", "Statements": list(statements), **more}
    return run_step("RunSql", asked, context)


def test_statements_take_effect_together_with_values_that_are_bound(system: Some) -> None:
    told = run_sql(
        system, "INSERT INTO facts VALUES (2, {{ name }})", "UPDATE facts SET id = id + 10 WHERE id IN ({{ ids }})"
    )
    assert told == {"row_counts": [1, 2]}
    assert sorted(system[1].rows("SELECT id, name FROM facts")) == [(11, "one"), (12, HOSTILE)]


def test_when_one_statement_is_refused_none_takes_effect(system: Some) -> None:
    with pytest.raises(TargetFailed):
        run_sql(system, "DELETE FROM facts", "DELETE FROM nowhere")
    assert system[1].rows("SELECT id FROM facts") == [(1,)]


def test_rows_of_the_last_statement_are_told_as_json(system: Some) -> None:
    told = run_sql(
        system, "SELECT id, name, CAST(1.50 AS decimal(5, 2)) AS price, NULL AS none_at_all FROM facts", Fetch=5
    )
    price = 1.5 if system[0] == "Sqlite" else "1.50"  # SQLite has no decimals
    assert told["rows"] == [{"id": 1, "name": "one", "price": price, "none_at_all": None}]


def test_a_statement_without_rows_tells_none(system: Some) -> None:
    assert run_sql(system, "DELETE FROM facts", Fetch=5)["rows"] == []


def count(context: Any = None, **parameters: Any) -> dict[str, Any]:
    return run_step("RowCountCheck", parameters, context)


def counted(system: Some, query: str) -> dict[str, Any]:
    return {"System": system[0], "Source": {"ConnectionName": "shop", "Query": query}}


def test_rows_are_counted_by_the_database(system: Some) -> None:
    context = step_context({"shop": described(system[1])}, {"least": 0})
    found = count(context, Of=counted(system, "SELECT id FROM facts WHERE id > {{ least }};"), MinRows=1)
    assert found == {"rows": 1}
    table = {"System": system[0], "Source": {"ConnectionName": "shop", "Table": "facts"}}
    assert count(context, Of=table, Against=counted(system, "SELECT 1 AS x")) == {"rows": 1, "against": 1}


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"MinRows": 2}, "has 1 rows, and should have 2 at least"),
        ({"MaxRows": 0}, "has 1 rows, and should have 0 at least and 0 at most"),
    ],
)
def test_too_few_or_too_many_rows_fail_the_step(system: Some, asked: dict[str, Any], said: str) -> None:
    context = step_context({"shop": described(system[1])})
    with pytest.raises(DataQualityFailed, match=said):
        count(context, Of=counted(system, "SELECT id FROM facts"), **asked)


def test_two_places_with_different_counts_fail_the_step(system: Some) -> None:
    context = step_context({"shop": described(system[1])})
    none = counted(system, "SELECT id FROM facts WHERE id < 0")
    with pytest.raises(DataQualityFailed, match=r"has 1 rows, and .* has 0: they may differ by 0"):
        count(context, Of=counted(system, "SELECT id FROM facts"), Against=none)
    assert count(context, Of=counted(system, "SELECT id FROM facts"), Against=none, Tolerance=1)["against"] == 0


@pytest.mark.parametrize(
    ("of", "said"),
    [
        ({"System": "Oracle", "Source": {}}, "there is no source 'Oracle'"),
        ({"System": "PostgreSql", "Source": {"ConnectionName": "shop"}}, "give Query or Table"),
    ],
)
def test_what_cannot_be_counted_is_refused_when_it_is_read(of: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationFailed, match=said):
        count(Of=of)
