from __future__ import annotations

import pytest

from runners.local.athena.catalog import Table
from runners.local.athena.ddl_tables import Column
from runners.local.athena.pruning import Scope, conditions_on_partitions, values_named
from runners.local.athena.sql.translation import parse

TABLE = Table("db", "t", (Column("x", "int"),), (Column("p", "string"), Column("q", "int")))


def conditions(*queries: str) -> list[str]:
    scopes = [Scope(parse(query), "db") for query in queries]
    return [condition.sql("trino") for condition in conditions_on_partitions(scopes, TABLE)]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("SELECT * FROM t WHERE p = 'a' AND x = 1 AND (q > 3)", ["p = 'a'", "q > 3"]),
        ("SELECT * FROM t WHERE p = 'a' OR q = 2", ["p = 'a' OR q = 2"]),
        ("SELECT * FROM t WHERE p = 'a' OR x = 2", []),
        ("SELECT * FROM db.t AS a WHERE a.p IN ('a', 'b')", ["p IN ('a', 'b')"]),
        ("SELECT * FROM T WHERE T.P LIKE 'a%'", ["P LIKE 'a%'"]),
        ("SELECT * FROM t JOIN u ON t.x = u.x WHERE t.p = 'a' AND q = 1 AND u.q = 2", ["p = 'a'"]),
        ("SELECT * FROM t, u WHERE t.p = 'a'", ["p = 'a'"]),
        ("SELECT * FROM (SELECT * FROM t WHERE p = 'a') AS s WHERE q = 1", ["p = 'a'"]),
        ("SELECT 1 FROM u WHERE EXISTS (SELECT 1 FROM t WHERE p = 'a' AND t.x = u.x)", ["p = 'a'"]),
    ],
)
def test_conditions_on_partitions_alone_are_found(query: str, found: list[str]) -> None:
    assert conditions(query) == found


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM t",
        "SELECT * FROM u LEFT JOIN t ON u.x = t.x WHERE t.p IS NULL",
        "SELECT * FROM t FULL JOIN u ON u.x = t.x WHERE t.p = 'a'",
        "SELECT * FROM t WHERE p = 'a' UNION ALL SELECT * FROM t WHERE p = 'b'",
        "WITH t AS (SELECT 1 AS p) SELECT * FROM t WHERE p = 1",
        "SELECT * FROM t WHERE p = (SELECT max(p) FROM u)",
        "SELECT * FROM t WHERE p = ?",
        "SELECT * FROM t WHERE q > random()",
        "SELECT * FROM t WHERE 1 = 1",
        "SELECT * FROM other.t WHERE p = 'a'",
        "SELECT * FROM t, u WHERE p = 'a'",
    ],
)
def test_where_it_is_not_plain_all_partitions_are_read(query: str) -> None:
    assert conditions(query) == []


def test_a_table_that_a_view_reads_too_is_read_whole() -> None:
    query = "SELECT * FROM t WHERE p = 'a'"
    assert conditions(query, "SELECT * FROM u") == ["p = 'a'"]
    assert conditions(query, "SELECT * FROM t") == []


@pytest.mark.parametrize(
    ("where", "named"),
    [
        ("p = 'a'", True),
        ("'a' = p", True),
        ("P IN ('a', 'b')", True),
        ("p LIKE 'a%'", False),
        ("p IN (concat('a'), 'b')", False),
        ("p = concat('a')", False),
        ("p > 'a'", False),
        ("q = 1", False),
    ],
)
def test_values_are_named_by_constants(where: str, named: bool) -> None:
    found = conditions_on_partitions([Scope(parse(f"SELECT * FROM t WHERE {where}"), "db")], TABLE)
    assert values_named(found, "p") is named
