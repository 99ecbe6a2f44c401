from __future__ import annotations

from typing import Any

import boto3
import pytest

from runners.local.athena.catalog import Catalog, Partition
from runners.local.athena.ddl import Ddl
from runners.local.athena.ddl_tables import Column
from runners.local.athena.sql.translation import QueryError
from runners.local.athena.statements import statement


class Session:
    """Carries out statements in the database ``db``."""

    def __init__(self) -> None:
        self.s3 = boto3.client("s3")
        self.s3.create_bucket(Bucket="bucket")
        self.catalog = Catalog(boto3.client("glue"))
        self.do("CREATE DATABASE db")

    def do(self, sql: str) -> list[str]:
        return self.outcome(sql)[1]

    def outcome(self, sql: str) -> tuple[tuple[str, ...], list[str]]:
        ddl = Ddl(self.catalog, self.s3, "db", lambda _: [Column("x", "int")])
        return ddl.carry_out(statement(sql))

    def table(self, name: str = "t", partitions: str = "PARTITIONED BY (dt string, n int)") -> None:
        self.do(f"CREATE EXTERNAL TABLE {name} (x int COMMENT 'it is') {partitions} LOCATION 's3://bucket/{name}'")

    def partitions(self) -> list[Partition]:
        return sorted(self.catalog.partitions(self.catalog.table("db", "t")), key=lambda one: one.values)


@pytest.fixture
def session(aws: None) -> Session:
    return Session()


def test_databases_are_made_and_shown(session: Session) -> None:
    session.do("CREATE DATABASE IF NOT EXISTS other COMMENT 'c' LOCATION 's3://bucket/' WITH DBPROPERTIES ('a'='b')")
    session.do("CREATE DATABASE IF NOT EXISTS other")
    assert session.outcome("SHOW DATABASES") == (("database_name",), ["db", "other"])
    assert session.do("SHOW DATABASES LIKE 'o*'") == ["other"]
    session.do("DROP DATABASE other")
    assert session.do("SHOW SCHEMAS") == ["db"]


def test_tables_are_made_described_and_dropped(session: Session) -> None:
    session.table()
    session.do("CREATE EXTERNAL TABLE IF NOT EXISTS t (y int) LOCATION 's3://bucket/other/'")
    with pytest.raises(QueryError, match="TABLE_ALREADY_EXISTS"):
        session.table()
    assert session.outcome("DESCRIBE t") == (
        ("col_name", "data_type", "comment"),
        [
            "x                   \tint                 \tit is               ",
            "dt                  \tstring              \t                    ",
            "n                   \tint                 \t                    ",
            "\t \t ",
            "# Partition Information\t \t ",
            "# col_name          \tdata_type           \tcomment             ",
            "\t \t ",
            "dt                  \tstring              \t                    ",
            "n                   \tint                 \t                    ",
        ],
    )
    assert session.do("SHOW COLUMNS IN t") == ["x                   ", "dt                  ", "n                   "]
    session.do("DROP TABLE t")
    session.do("DROP TABLE IF EXISTS t")
    with pytest.raises(QueryError, match="TABLE_NOT_FOUND"):
        session.do("DROP TABLE t")


def test_tables_and_views_are_shown_by_patterns(session: Session) -> None:
    for name in ("orders", "order_lines", "people"):
        session.table(name, "")
    session.do("CREATE VIEW v AS SELECT 1 AS x")
    assert session.do("SHOW TABLES") == ["order_lines", "orders", "people", "v"]
    assert session.do("SHOW TABLES 'order*|v'") == ["order_lines", "orders", "v"]
    assert session.do("SHOW VIEWS IN db") == ["v"]
    with pytest.raises(QueryError, match="SCHEMA_NOT_FOUND"):
        session.do("SHOW TABLES IN nowhere")


def test_views_are_made_replaced_and_dropped_as_views(session: Session) -> None:
    session.do("CREATE VIEW v AS SELECT 1 AS x")
    with pytest.raises(QueryError, match="already exists"):
        session.do("CREATE VIEW v AS SELECT 2 AS x")
    session.do("CREATE OR REPLACE VIEW v AS SELECT 2 AS x")
    view = session.catalog.table("db", "v").view
    assert view is not None
    assert view.query == "SELECT 2 AS x"
    with pytest.raises(QueryError, match="is a view: drop it as one"):
        session.do("DROP TABLE v")
    with pytest.raises(QueryError, match="is a view"):
        session.do("MSCK REPAIR TABLE v")
    session.do("DROP VIEW v")
    session.table("v", "")
    with pytest.raises(QueryError, match="no view to replace"):
        session.do("CREATE OR REPLACE VIEW v AS SELECT 1 AS x")
    with pytest.raises(QueryError, match="is a table: drop it as one"):
        session.do("DROP VIEW v")


def test_partitions_are_added_shown_and_dropped(session: Session) -> None:
    session.table()
    add = "PARTITION (dt = 'a', n = 1) LOCATION 's3://bucket/elsewhere/' PARTITION (n = 2, dt = 'b')"
    session.do(f"ALTER TABLE t ADD {add}")
    session.do(f"ALTER TABLE t ADD IF NOT EXISTS {add}")
    with pytest.raises(QueryError, match="Partition already exists: dt=a/n=1"):
        session.do(f"ALTER TABLE t ADD {add}")
    assert session.partitions() == [
        Partition(("a", "1"), "s3://bucket/elsewhere/"),
        Partition(("b", "2"), "s3://bucket/t/dt=b/n=2/"),
    ]
    assert session.outcome("SHOW PARTITIONS t") == (("partition",), ["dt=a/n=1", "dt=b/n=2"])
    session.do("ALTER TABLE t DROP PARTITION (dt = 'a')")
    session.do("ALTER TABLE t DROP IF EXISTS PARTITION (dt = 'a')")
    with pytest.raises(QueryError, match="Partition not found"):
        session.do("ALTER TABLE t DROP PARTITION (dt = 'a')")
    assert session.do("SHOW PARTITIONS t") == ["dt=b/n=2"]


@pytest.mark.parametrize("verb", ["ADD", "DROP"])
def test_a_partition_has_the_tables_columns(session: Session, verb: str) -> None:
    session.table()
    session.do("ALTER TABLE t ADD PARTITION (dt = 'a', n = 1)")
    with pytest.raises(QueryError, match=r"partition columns \(dt, n\)"):
        session.do(f"ALTER TABLE t {verb} PARTITION (day = 'a', n = 1)")


def test_a_repaired_table_knows_the_partitions_that_lie_below_it(session: Session) -> None:
    session.table()
    keys = [
        "dt=a%20b/n=1/x",
        "dt=a%20b/n=1/y",
        "DT=c/N=2/deep/x",
        "dt=d/x",
        "n=1/dt=e/x",
        "dt=f/n=3/_x",
        "x",
        "dt=/n=1/x",
    ]
    for key in keys:
        session.s3.put_object(Bucket="bucket", Key=f"t/{key}", Body=b"1")
    session.do("ALTER TABLE t ADD PARTITION (dt = 'c', n = 2)")
    assert session.do("MSCK REPAIR TABLE t") == [
        "Partitions not in metastore:\tt:dt=a b/n=1",
        "Repair: Added partition to metastore t:dt=a b/n=1",
    ]
    assert session.partitions() == [
        Partition(("a b", "1"), "s3://bucket/t/dt=a%20b/n=1/"),
        Partition(("c", "2"), "s3://bucket/t/dt=c/n=2/"),
    ]
    assert session.do("MSCK REPAIR TABLE t") == []


@pytest.mark.parametrize("sql", ["MSCK REPAIR TABLE t", "SHOW PARTITIONS t"])
def test_a_table_without_partitions_says_so(session: Session, sql: str) -> None:
    session.table(partitions="")
    with pytest.raises(QueryError, match="partition"):
        session.do(sql)


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("DELETE FROM t WHERE x = 1", "Modifying Hive table rows is only supported for transactional tables: DELETE"),
        ("SHOW CREATE TABLE t", "SHOW CREATE TABLE"),
        ("SELECT 1", "no Select"),
    ],
)
def test_what_is_not_done_here_is_refused(session: Session, sql: str, said: str) -> None:
    session.table()
    with pytest.raises(QueryError, match=said) as caught:
        session.do(sql)
    assert caught.value.kind == "NOT_SUPPORTED"


@pytest.mark.parametrize("location", ["/local/", "s3://", "https://bucket/"])
def test_a_table_lies_in_s3(session: Session, location: Any) -> None:
    with pytest.raises(QueryError, match="INVALID_LOCATION"):
        session.do(f"CREATE EXTERNAL TABLE t (x int) LOCATION '{location}'")


def test_a_table_needs_its_database(session: Session) -> None:
    with pytest.raises(QueryError, match="SCHEMA_NOT_FOUND"):
        session.do("CREATE EXTERNAL TABLE nowhere.t (x int) LOCATION 's3://bucket/t/'")
