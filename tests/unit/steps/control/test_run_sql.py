"""RunSql over SQL Server, whose driver is faked: which statements it is asked, and that they are committed together."""

from __future__ import annotations

import pymssql
import pytest

from runners.steps.errors import StepStopped, TargetFailed
from runners.testing.steps import run_step, step_context
from tests.unit.steps.systems.sqlserver import SqlServer, error

SHOP = {"host": "sql.example", "username": "etl", "password": "planted", "dbname": "shop"}


@pytest.fixture
def server(monkeypatch):
    server = SqlServer()
    monkeypatch.setattr(pymssql, "connect", server.connect)
    return server


def run_sql(*statements, **more):
    asked = {"System": "MsSql", "ConnectionName": "shop", "Statements": list(statements)}
    return run_step("RunSql", asked, step_context({"shop": SHOP}, {"day": "2026-01-31"}, **more))


def test_statements_go_to_sql_server_with_values_that_are_bound_and_are_committed_together(server):
    assert run_sql("DELETE FROM facts WHERE day = {{ day }}", "DELETE FROM others") == {"row_counts": [None, None]}
    assert "2026-01-31" in str(server.values("facts"))
    assert not server.statements("2026-01-31")
    assert [text for text, _ in server.asked][-2:] == ["COMMIT", "CLOSE"]


def test_when_one_is_refused_nothing_is_committed(server):
    server.answers("nowhere", error(208))
    with pytest.raises(TargetFailed):
        run_sql("DELETE FROM facts", "DELETE FROM nowhere")
    assert server.statements("COMMIT") == []
    assert server.statements("CLOSE") == ["CLOSE"]


def test_a_step_that_was_given_up_commits_nothing(server):
    with pytest.raises(StepStopped):
        run_sql("DELETE FROM facts", may_publish=lambda: False)
    assert server.statements("COMMIT") == []
