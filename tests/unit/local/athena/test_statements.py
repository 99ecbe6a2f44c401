from __future__ import annotations

import pytest

from runners.local.athena.ddl_tables import HIVE_JSON, LAZY_SIMPLE, OPEN_CSV, PARQUET, Column, Storage
from runners.local.athena.sql.translation import QueryError
from runners.local.athena.statements import (
    AddPartitions,
    CreateDatabase,
    CreateTable,
    CreateTableAs,
    CreateView,
    Drop,
    DropDatabase,
    DropPartitions,
    InsertInto,
    Modify,
    Partition,
    RepairTable,
    Select,
    Show,
    TableName,
    Unload,
    statement,
)

T = TableName(None, "t")


@pytest.mark.parametrize(
    "query", ["SELECT 1", "WITH a AS (SELECT 1 AS x) SELECT * FROM a", "VALUES (1)", "(SELECT 1)", "-- why\nSELECT 1"]
)
def test_a_query_asks_for_rows(query: str) -> None:
    found = statement(f"{query} ;")
    assert found == Select(query)
    assert (found.statement_type, found.substatement_type) == ("DML", "SELECT")


def test_a_table_is_made_of_a_query() -> None:
    found = statement(
        "create table if not exists Db.T with (format = 'PARQUET', partitioned_by = ARRAY['a', 'b'], bucket_count = 4) "
        "as select 1 as x, 2 as a, 3 as b"
    )
    assert found == CreateTableAs(
        TableName("db", "t"),
        "select 1 as x, 2 as a, 3 as b",
        {"format": "PARQUET", "partitioned_by": ("a", "b"), "bucket_count": "4"},
        if_not_exists=True,
    )
    assert found.statement_type == "DDL"


@pytest.mark.parametrize(("end", "with_data"), [("", True), (" WITH DATA", True), (" with no\n data ;", False)])
def test_a_table_may_be_made_without_the_querys_rows(end: str, with_data: bool) -> None:
    assert statement(f"CREATE TABLE t AS SELECT 1 AS x{end}") == CreateTableAs(
        T, "SELECT 1 AS x", {}, with_data=with_data
    )


@pytest.mark.parametrize(
    ("written", "columns", "query"),
    [
        ("INSERT INTO t SELECT 1", (), "SELECT 1"),
        ('INSERT INTO t (a, "B") VALUES (1, 2)', ("a", "b"), "VALUES (1, 2)"),
        ("INSERT INTO t (SELECT 1)", (), "(SELECT 1)"),
        ("INSERT INTO t ((SELECT 1) UNION (SELECT 2))", (), "((SELECT 1) UNION (SELECT 2))"),
    ],
)
def test_rows_are_inserted_into_all_or_some_columns(written: str, columns: tuple[str, ...], query: str) -> None:
    assert statement(written) == InsertInto(T, query, columns)


def test_rows_are_unloaded() -> None:
    written = "UNLOAD (SELECT ')' AS x FROM t) TO 's3://b/it''s/' WITH (format = 'JSON', compression = 'gzip')"
    assert statement(written) == Unload(
        "SELECT ')' AS x FROM t", "s3://b/it's/", {"format": "JSON", "compression": "gzip"}
    )


def test_a_table_of_delimited_text_is_described() -> None:
    found = statement(
        """CREATE EXTERNAL TABLE IF NOT EXISTS `db`.`t` (
             a int COMMENT 'it is', `B c` map<string,array<struct<q:int,r:decimal(10,2)>>>, d DECIMAL, e varchar(3)
           )
           COMMENT 'a table'
           PARTITIONED BY (dt string, y INTEGER)
           ROW FORMAT DELIMITED FIELDS TERMINATED BY '\\t' ESCAPED BY '\\\\' COLLECTION ITEMS TERMINATED BY ','
             MAP KEYS TERMINATED BY ':' LINES TERMINATED BY '\\n' NULL DEFINED AS ''
           STORED AS TEXTFILE LOCATION 's3://b/t/' TBLPROPERTIES ('skip.header.line.count'='1', "x" = "y");"""
    )
    assert isinstance(found, CreateTable)
    assert found.table == TableName("db", "t")
    assert found.if_not_exists
    assert found.columns == (
        Column("a", "int", "it is"),
        Column("b c", "map<string,array<struct<q:int,r:decimal(10,2)>>>"),
        Column("d", "decimal(10,0)"),
        Column("e", "varchar(3)"),
    )
    assert found.partition_columns == (Column("dt", "string"), Column("y", "int"))
    assert found.storage.serde == LAZY_SIMPLE
    assert found.storage.parameters == {
        "field.delim": "\t",
        "serialization.format": "\t",
        "escape.delim": "\\",
        "collection.delim": ",",
        "mapkey.delim": ":",
        "line.delim": "\n",
        "serialization.null.format": "",
    }
    assert (found.location, found.comment) == ("s3://b/t/", "a table")
    assert found.properties == {"skip.header.line.count": "1", "x": "y"}


@pytest.mark.parametrize(
    ("format_of_rows", "serde", "parameters"),
    [
        ("", LAZY_SIMPLE, {}),
        ("STORED AS PARQUET", PARQUET, {}),
        ("STORED AS JSONFILE", HIVE_JSON, {}),
        (
            f"ROW FORMAT SERDE '{OPEN_CSV}' WITH SERDEPROPERTIES ('separatorChar' = ';') STORED AS TEXTFILE",
            OPEN_CSV,
            {"separatorChar": ";"},
        ),
        (f"ROW FORMAT SERDE '{PARQUET}' STORED AS INPUTFORMAT 'in' OUTPUTFORMAT 'out'", PARQUET, {}),
    ],
)
def test_a_table_names_its_serde_or_has_that_of_its_format(
    format_of_rows: str, serde: str, parameters: dict[str, str]
) -> None:
    found = statement(f"CREATE EXTERNAL TABLE t (a int) {format_of_rows} LOCATION 's3://b/t/'")
    assert isinstance(found, CreateTable)
    assert found.storage.serde == serde
    assert found.storage.parameters == parameters
    if "INPUTFORMAT" in format_of_rows:
        assert found.storage == Storage(PARQUET, "in", "out", {})


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        ("CREATE DATABASE d", CreateDatabase("d")),
        (
            "CREATE SCHEMA IF NOT EXISTS d COMMENT 'c' LOCATION 's3://b/' WITH DBPROPERTIES ('a' = 'b')",
            CreateDatabase("d", True, "c", "s3://b/", {"a": "b"}),
        ),
        ("DROP DATABASE IF EXISTS d CASCADE", DropDatabase("d", True, True)),
        ("DROP SCHEMA d RESTRICT", DropDatabase("d")),
        ("DROP TABLE IF EXISTS `d`.t", Drop(TableName("d", "t"), False, True)),
        ("DROP VIEW awsdatacatalog.d.v", Drop(TableName("d", "v"), True)),
        ("CREATE OR REPLACE VIEW t AS SELECT 1 AS x", CreateView(T, "SELECT 1 AS x", True)),
        ("CREATE VIEW t AS SELECT 1 AS x", CreateView(T, "SELECT 1 AS x")),
        (
            "ALTER TABLE t ADD IF NOT EXISTS PARTITION (dt = '1', y = 2) LOCATION 's3://b/x/' PARTITION (dt='2', y=2)",
            AddPartitions(T, (Partition({"dt": "1", "y": "2"}, "s3://b/x/"), Partition({"dt": "2", "y": "2"})), True),
        ),
        (
            "ALTER TABLE t DROP IF EXISTS PARTITION (dt = '1'), PARTITION (dt = '2')",
            DropPartitions(T, (Partition({"dt": "1"}), Partition({"dt": "2"})), True),
        ),
        ("MSCK REPAIR TABLE t", RepairTable(T)),
        ("SHOW TABLES", Show("TABLES")),
        ("SHOW TABLES IN d 'a*|b'", Show("TABLES", None, "d", "a*|b")),
        ("SHOW VIEWS FROM d LIKE 'a'", Show("VIEWS", None, "d", "a")),
        ("SHOW SCHEMAS", Show("DATABASES")),
        ("SHOW PARTITIONS t", Show("PARTITIONS", T)),
        ("SHOW COLUMNS IN d.t", Show("COLUMNS", TableName("d", "t"))),
        ("SHOW COLUMNS FROM t IN d", Show("COLUMNS", TableName("d", "t"))),
        ("SHOW CREATE TABLE t", Show("CREATE TABLE", T)),
        ("DESCRIBE FORMATTED t", Show("TABLE", T)),
        ("desc t", Show("TABLE", T)),
        ("DELETE FROM t WHERE x = 'secret'", Modify("DELETE")),
        ("MERGE INTO t USING u ON true", Modify("MERGE")),
    ],
)
def test_statements_about_the_catalog_are_read(written: str, wanted: object) -> None:
    assert statement(written) == wanted


@pytest.mark.parametrize(
    ("sql", "output"),
    [
        ("SELECT 1", "s3://b/o/id.csv"),
        ("SHOW TABLES", "s3://b/o/id.txt"),
        ("CREATE TABLE t AS SELECT 1 AS x", "s3://b/o/tables/id"),
        ("INSERT INTO t SELECT 1", "s3://b/o/id"),
        ("UNLOAD (SELECT 1 AS x) TO 's3://b/x/'", "s3://b/o/id"),
    ],
)
def test_each_statement_says_where_its_result_is(sql: str, output: str) -> None:
    assert statement(sql).output_of("s3://b/o/", "id") == output


@pytest.mark.parametrize(
    "sql",
    [
        "",
        "-- nothing",
        "SELEC 1",
        "SELECT FROM WHERE",
        "SELECT 1; SELECT 2",
        "CREATE VIEW v",
        "DROP INDEX i",
        "MSCK TABLE t",
        "CREATE EXTERNAL TABLE t (a int)",
        "CREATE EXTERNAL TABLE t (a int, A int) LOCATION 's3://b/'",
        "CREATE TABLE t WITH (format = ) AS SELECT 1 AS x",
        "CREATE TABLE t WITH (partitioned_by = ARRAY[1]) AS SELECT 1 AS x",
        "ALTER TABLE t ADD PARTITION (dt = x)",
        "UNLOAD (SELECT 1 AS x) TO 's3://b/' more",
        "SHOW COLUMNS t",
    ],
)
def test_bad_syntax_is_said_to_be_so(sql: str) -> None:
    with pytest.raises(QueryError) as caught:
        statement(sql)
    assert caught.value.kind == "SYNTAX_ERROR"


@pytest.mark.parametrize(
    ("sql", "named"),
    [
        ("EXPLAIN SELECT 1", "EXPLAIN"),
        ("VACUUM t", "VACUUM"),
        ("CREATE TABLE t (a int) LOCATION 's3://b/' TBLPROPERTIES ('table_type' = 'ICEBERG')", "Iceberg"),
        ("CREATE EXTERNAL TABLE t (a int) CLUSTERED BY (a) INTO 2 BUCKETS LOCATION 's3://b/'", "CLUSTERED BY"),
        ("CREATE EXTERNAL TABLE t (a int) STORED AS RCFILE LOCATION 's3://b/'", "RCFILE"),
        ("ALTER TABLE t ADD COLUMNS (b int)", "ALTER TABLE"),
        ("SHOW FUNCTIONS", "SHOW FUNCTIONS"),
    ],
)
def test_what_is_not_run_here_is_refused_by_its_name(sql: str, named: str) -> None:
    with pytest.raises(QueryError, match=named) as caught:
        statement(sql)
    assert caught.value.kind == "NOT_SUPPORTED"


def test_there_is_one_catalog() -> None:
    with pytest.raises(QueryError, match="Catalog 'other' does not exist"):
        statement("DROP TABLE other.d.t")


def test_a_type_that_no_table_has_is_named() -> None:
    with pytest.raises(QueryError, match="colour"):
        statement("CREATE EXTERNAL TABLE t (a colour) LOCATION 's3://b/'")
