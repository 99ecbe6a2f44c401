"""Copies that the embedded DMS makes from PostgreSQL, MariaDB and SQLite, read back independently."""

from __future__ import annotations

import contextlib
import gzip
import io
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest

from tests.integration.column_types import MARIADB, POSTGRESQL, POSTGRESQL_SETUP, ColumnType
from tests.integration.dms import FINISHED, Dms, include, transform, where

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.integration.databases import Database

NULL = "<null>"


def make_table(database: Database, types: dict[str, ColumnType], name: str = "everything") -> int:
    """Make a table with a column for each type, a row for each place of values and one of NULLs; answers the rows."""
    count = max(len(column.literals) for column in types.values()) + 1
    definitions = ", ".join(f"{column} {kind.sql}" for column, kind in types.items())
    rows = [
        f"({row}, "
        + ", ".join(kind.literals[row] if row < len(kind.literals) else "NULL" for kind in types.values())
        + ")"
        for row in range(count)
    ]
    setup = POSTGRESQL_SETUP if database.server.engine == "postgres" else ("SET time_zone = '+05:30'",)
    database.run(
        *setup,
        f"CREATE TABLE {name} (id INTEGER PRIMARY KEY, {definitions})",
        f"INSERT INTO {name} VALUES {', '.join(rows)}",
    )
    return count


def expected(types: dict[str, ColumnType], count: int, null: Any, form: Callable[[ColumnType, str], Any]) -> Any:
    """What each column reads, by its name, in the order of the rows."""
    return {
        name: [form(kind, kind.texts[row]) if row < len(kind.texts) else null for row in range(count)]
        for name, kind in types.items()
    }


def assert_columns_equal(found: dict[str, list[Any]], wanted: dict[str, list[Any]]) -> None:
    assert list(found) == list(wanted)
    # NaN equals nothing, so that texts are compared; cut, because some are long.
    different = {
        name: (repr(found[name])[:500], repr(wanted[name])[:500])
        for name in wanted
        if repr(found[name]) != repr(wanted[name])
    }
    assert different == {}


# Every column type


@pytest.mark.parametrize(("database", "types"), [("postgresql", POSTGRESQL), ("mariadb", MARIADB)])
def test_csv_files_equal_their_source_for_every_column_type(
    dms: Dms, request: pytest.FixtureRequest, database: str, types: dict[str, ColumnType]
) -> None:
    source = request.getfixturevalue(database)
    count = make_table(source, types)
    target = dms.s3_target(CsvNullValue=NULL, AddColumnName=True)
    task = dms.task(dms.endpoint("source", **source.endpoint()), target, include("everything"))

    assert dms.run(task)["StopReason"] == FINISHED
    assert list(dms.states(task).values()) == ["Table completed"], dms.described(task)
    (key,) = dms.objects()
    header, *rows = dms.csv(key)
    rows.sort(key=lambda row: int(row[0]))
    found = {name: [row[place] for row in rows] for place, name in enumerate(header) if name != "id"}
    assert_columns_equal(found, expected(types, count, NULL, lambda _kind, text: text))
    assert next(iter(dms.tables(task).values()))["FullLoadRows"] == count


@pytest.mark.parametrize(("database", "types"), [("postgresql", POSTGRESQL), ("mariadb", MARIADB)])
def test_parquet_files_equal_their_source_for_every_column_type(
    dms: Dms, request: pytest.FixtureRequest, database: str, types: dict[str, ColumnType]
) -> None:
    source = request.getfixturevalue(database)
    count = make_table(source, types)
    target = dms.s3_target(DataFormat="parquet")
    task = dms.task(dms.endpoint("source", **source.endpoint()), target, include("everything"))

    assert dms.run(task)["StopReason"] == FINISHED
    assert list(dms.states(task).values()) == ["Table completed"], dms.described(task)
    (key,) = dms.objects()
    assert key.endswith("/everything/LOAD00000001.parquet")
    read = pq.read_table(io.BytesIO(dms.body(key))).sort_by("id").drop_columns("id")
    assert_columns_equal(read.to_pydict(), expected(types, count, None, lambda kind, text: kind.value(text)))
    assert {name: str(read.schema.field(name).type) for name in types} == {
        name: kind.parquet for name, kind in types.items()
    }


def test_a_copy_from_postgresql_to_postgresql_equals_its_source_for_every_column_type(
    dms: Dms, postgresql: Database, other_postgresql: Database
) -> None:
    make_table(postgresql, POSTGRESQL)
    other_postgresql.run("CREATE EXTENSION vector")
    task = dms.task(
        dms.endpoint("source", **postgresql.endpoint()), dms.endpoint("target", **other_postgresql.endpoint())
    )

    assert dms.run(task)["StopReason"] == FINISHED
    assert dms.states(task) == {"public.everything": "Table completed"}, dms.described(task)
    # In char(n) the spaces at the end count for nothing, and in money the sign of a currency.
    query = "SELECT " + ", ".join(f"{name}::text" for name in POSTGRESQL) + " FROM everything ORDER BY id"
    assert other_postgresql.rows(query) == postgresql.rows(query)
    types = (
        "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute "
        "WHERE attrelid = 'everything'::regclass AND attnum > 0 ORDER BY attnum"
    )
    own = {"c_enum", "c_enums", "c_composite", "c_vector"}
    domains = {"c_domain": "integer", "c_domain_of_domain": "numeric(8,2)"}
    assert dict(other_postgresql.rows(types)) == {
        name: "character varying" if name in own else domains.get(name, kind) for name, kind in postgresql.rows(types)
    }
    key = "SELECT conkey FROM pg_constraint WHERE conrelid = 'everything'::regclass AND contype = 'p'"
    assert other_postgresql.rows(key) == [([1],)]


def test_a_copy_from_mariadb_to_postgresql_equals_its_source_for_every_column_type(
    dms: Dms, mariadb: Database, other_postgresql: Database
) -> None:
    # BIGINT, which DMS makes of it, does not hold the highest of its values.
    types = {name: kind for name, kind in MARIADB.items() if name != "c_bigint_unsigned"}
    count = make_table(mariadb, types)
    task = dms.task(
        dms.endpoint("source", **mariadb.endpoint()),
        dms.endpoint("target", **other_postgresql.endpoint()),
        include(schema=mariadb.name),
        TargetMetadata={"TargetSchema": "public"},
    )

    assert dms.run(task)["StopReason"] == FINISHED
    assert list(dms.states(task).values()) == ["Table completed"], dms.described(task)
    shown = ", ".join(
        f"encode({name}, 'hex')" if kind.postgresql == "bytea" else f"{name}::text" for name, kind in types.items()
    )
    rows = other_postgresql.rows(f"SELECT {shown} FROM everything ORDER BY id")
    found = {name: [row[place] for row in rows] for place, name in enumerate(types)}

    def form(kind: ColumnType, text: str) -> str:
        # PostgreSQL writes a fraction of a second, and a number of eight bytes, without what may be left out.
        if kind.sql == "DATETIME(6)":
            return text.rstrip("0")
        return "1.7976931348623157e+308" if text == "1.7976931348623157e308" else text

    assert_columns_equal(found, expected(types, count, None, form))
    described = dict(
        other_postgresql.rows(
            "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute "
            "WHERE attrelid = 'everything'::regclass AND attnum > 1"
        )
    )
    assert described == {name: kind.postgresql for name, kind in types.items()}


# What a target cannot hold


@pytest.mark.parametrize(
    ("kind", "literal"),
    [
        ("numeric(10,2)", "'NaN'"),
        ("date", "'infinity'"),
        ("date", "'0044-03-15 BC'"),
        ("timestamp", "'-infinity'"),
        ("timestamptz", "'0044-03-15 BC'"),
        ("time", "'24:00:00'"),
    ],
)
def test_a_value_that_parquet_cannot_hold_makes_its_table_erroneous(
    dms: Dms, postgresql: Database, kind: str, literal: str
) -> None:
    postgresql.run(
        f"CREATE TABLE odd (id integer, v {kind})",
        f"INSERT INTO odd VALUES (1, NULL), (2, {literal})",
        "CREATE TABLE sound (id integer)",
        "INSERT INTO sound VALUES (7)",
    )
    task = dms.task(dms.endpoint("source", **postgresql.endpoint()), dms.s3_target(DataFormat="parquet"))

    ended = dms.run(task)
    assert (ended["Status"], ended["StopReason"]) == ("stopped", FINISHED)
    assert ended["ReplicationTaskStats"]["TablesErrored"] == 1
    assert dms.states(task) == {"public.odd": "Table error", "public.sound": "Table completed"}
    assert "The column v holds a value that" in ended["LastFailureMessage"]
    assert literal.strip("'") not in ended["LastFailureMessage"]
    assert dms.objects() == ["public/sound/LOAD00000001.parquet"]


@pytest.mark.parametrize(
    ("kind", "literal", "text"),
    [
        ("numeric(10,2)", "'NaN'", "NaN"),
        ("date", "'infinity'", "infinity"),
        ("date", "'0044-03-15 BC'", "0044-03-15 BC"),
        ("timestamp", "'-infinity'", "-infinity"),
        ("time", "'24:00:00'", "24:00:00"),
    ],
)
def test_a_csv_file_holds_the_same_values_as_their_text(
    dms: Dms, postgresql: Database, kind: str, literal: str, text: str
) -> None:
    postgresql.run(f"CREATE TABLE odd (v {kind})", f"INSERT INTO odd VALUES ({literal})")
    dms.run(dms.task(dms.endpoint("source", **postgresql.endpoint()), dms.s3_target()))
    assert dms.body("public/odd/LOAD00000001.csv").decode() == f"{text}\n"


@pytest.mark.parametrize(
    ("kind", "literal"),
    [("DATE", "'0000-00-00'"), ("DATETIME", "'0000-00-00 00:00:00'"), ("DATE", "'2024-02-00'")],
)
def test_a_zero_date_is_kept_as_text_and_is_an_error_in_parquet_and_in_postgresql(
    dms: Dms, mariadb: Database, other_postgresql: Database, kind: str, literal: str
) -> None:
    mariadb.run(f"CREATE TABLE odd (v {kind})", "INSERT INTO odd VALUES (NULL)")
    with contextlib.closing(mariadb.connect()) as connection, connection.cursor() as cursor:
        cursor.execute("SET sql_mode = ''")
        cursor.execute(f"INSERT INTO odd VALUES ({literal})")
    source, mine = dms.endpoint("source", **mariadb.endpoint()), include(schema=mariadb.name)

    dms.run(dms.task(source, dms.s3_target(), mine))
    assert dms.body(f"{mariadb.name}/odd/LOAD00000001.csv").decode() == f"NULL\n{literal.strip(chr(39))}\n"
    for target in (dms.s3_target(DataFormat="parquet"), dms.endpoint("target", **other_postgresql.endpoint())):
        task = dms.task(source, target, mine)
        ended = dms.run(task)
        assert dms.states(task) == {f"{mariadb.name}.odd": "Table error"}
        assert literal.strip("'") not in ended["LastFailureMessage"]


def test_a_number_too_large_for_the_type_that_dms_gives_postgresql_is_an_error_and_not_another_number(
    dms: Dms, mariadb: Database, other_postgresql: Database
) -> None:
    mariadb.run("CREATE TABLE odd (v BIGINT UNSIGNED)", "INSERT INTO odd VALUES (1), (18446744073709551615)")
    source, target = dms.endpoint("source", **mariadb.endpoint()), dms.endpoint("target", **other_postgresql.endpoint())
    task = dms.task(source, target, include(schema=mariadb.name), TargetMetadata={"TargetSchema": "public"})
    assert "NumericValueOutOfRange, SQLSTATE 22003" in dms.run(task)["LastFailureMessage"]
    assert other_postgresql.rows("SELECT to_regclass('public.odd')") == [(None,)]


def test_a_column_of_a_type_that_dms_does_not_migrate_is_left_out_and_named_in_the_log(
    dms: Dms, postgresql: Database
) -> None:
    postgresql.run("CREATE TABLE images (id integer, picture oid)", "INSERT INTO images VALUES (1, 4711)")
    task = dms.task(dms.endpoint("source", **postgresql.endpoint()), dms.s3_target())
    dms.run(task)
    assert dms.csv("public/images/LOAD00000001.csv") == [["1"]]
    logged = dms.aws.client("logs").get_log_events(
        logGroupName="dms-tasks-instance", logStreamName=f"dms-task-{task.rpartition(':')[2]}"
    )["events"]
    assert any("public.images" in line["message"] and "picture (oid)" in line["message"] for line in logged)


def test_a_table_with_an_array_and_no_primary_key_is_in_error(dms: Dms, postgresql: Database) -> None:
    postgresql.run("CREATE TABLE odd (v integer[])", "INSERT INTO odd VALUES ('{1}')")
    task = dms.task(dms.endpoint("source", **postgresql.endpoint()), dms.s3_target())
    assert "array column v (integer[]) and no primary key" in dms.run(task)["LastFailureMessage"]
    assert dms.states(task) == {"public.odd": "Table error"}


# NULL, quotes and the layout of files


def test_null_is_told_from_empty_text_and_from_the_text_null(dms: Dms, postgresql: Database) -> None:
    postgresql.run("CREATE TABLE t (id integer, v text)", "INSERT INTO t VALUES (1, NULL), (2, ''), (3, 'NULL')")
    source = dms.endpoint("source", **postgresql.endpoint())
    dms.run(dms.task(source, dms.s3_target(BucketFolder="default")))
    dms.run(dms.task(source, dms.s3_target(BucketFolder="empty", CsvNullValue="")))
    assert dms.body("default/public/t/LOAD00000001.csv") == b'1,NULL\n2,\n3,"NULL"\n'
    assert dms.body("empty/public/t/LOAD00000001.csv") == b'1,\n2,""\n3,NULL\n'


def test_files_follow_the_settings_of_the_endpoint(dms: Dms, postgresql: Database) -> None:
    postgresql.run("CREATE TABLE t (id integer, v text)", "INSERT INTO t VALUES (1, 'a|b'), (2, 'c\"d')")
    target = dms.s3_target(
        BucketFolder="a/b",
        CsvDelimiter="|",
        CsvRowDelimiter="\\r\\n",
        AddColumnName=True,
        IncludeOpForFullLoad=True,
        TimestampColumnName="copied",
        CompressionType="gzip",
        UseTaskStartTimeForFullLoadTimestamp=True,
        EncryptionMode="sse-kms",
        ServerSideEncryptionKmsKeyId="key",
    )
    dms.run(dms.task(dms.endpoint("source", **postgresql.endpoint()), target))
    key = "a/b/public/t/LOAD00000001.csv.gz"
    header, first, second, end = gzip.decompress(dms.body(key)).decode().split("\r\n")
    assert header == "Op|id|v|copied"
    assert first.startswith('I|1|"a|b"|20')
    assert second.startswith('I|2|"c""d"|20')
    assert end == ""
    stored = dms.s3.head_object(Bucket=dms.bucket, Key=key)
    assert (stored["ServerSideEncryption"], stored["SSEKMSKeyId"]) == ("aws:kms", "key")


def test_without_rfc_4180_values_are_written_as_they_are(dms: Dms, postgresql: Database) -> None:
    postgresql.run("CREATE TABLE t (id integer, v text)", "INSERT INTO t VALUES (1, 'a,\"b')")
    dms.run(dms.task(dms.endpoint("source", **postgresql.endpoint()), dms.s3_target(Rfc4180=False)))
    assert dms.body("public/t/LOAD00000001.csv") == b'1,a,"b\n'


@pytest.mark.parametrize("data_format", ["csv", "parquet"])
def test_a_large_table_is_split_into_files_with_hexadecimal_numbers(
    dms: Dms, postgresql: Database, data_format: str
) -> None:
    postgresql.run(
        "CREATE TABLE t (id integer, v text)",
        "INSERT INTO t SELECT n, repeat('x', 100) FROM generate_series(1, 3000) n",
    )
    task = dms.task(
        dms.endpoint("source", **postgresql.endpoint()), dms.s3_target(MaxFileSize=20, DataFormat=data_format)
    )
    dms.run(task)
    keys = dms.objects()
    assert keys[0] == f"public/t/LOAD00000001.{data_format}"
    assert f"public/t/LOAD0000000A.{data_format}" in keys
    if data_format == "csv":
        assert all(len(dms.body(key)) <= 24 * 1024 for key in keys)
        ids = [int(row[0]) for key in keys for row in dms.csv(key)]
    else:
        ids = [value for key in keys for value in pq.read_table(io.BytesIO(dms.body(key)))["id"].to_pylist()]
    assert sorted(ids) == list(range(1, 3001))
    assert dms.tables(task)["public.t"]["FullLoadRows"] == 3000


def test_timestamps_in_parquet_have_milliseconds_where_the_endpoint_says_so(dms: Dms, postgresql: Database) -> None:
    postgresql.run("CREATE TABLE t (v timestamp)", "INSERT INTO t VALUES ('2024-01-02 03:04:05.678')")
    settings = {"DataFormat": "parquet", "ParquetTimestampInMillisecond": True, "CompressionType": "gzip"}
    dms.run(dms.task(dms.endpoint("source", **postgresql.endpoint()), dms.s3_target(**settings)))
    written = pq.ParquetFile(io.BytesIO(dms.body("public/t/LOAD00000001.parquet")))
    assert str(written.schema_arrow.field("v").type) == "timestamp[ms]"
    assert written.metadata.row_group(0).column(0).compression == "GZIP"
    assert written.read().to_pylist()[0]["v"].isoformat() == "2024-01-02T03:04:05.678000"


def test_an_empty_table_is_completed_and_makes_no_file(dms: Dms, postgresql: Database) -> None:
    postgresql.run("CREATE TABLE t (id integer)")
    task = dms.task(dms.endpoint("source", **postgresql.endpoint()), dms.s3_target())
    dms.run(task)
    assert dms.states(task) == {"public.t": "Table completed"}
    assert dms.objects() == []


# Selection, filters, transformations

ORDERS = (
    "CREATE TABLE {}orders (id integer PRIMARY KEY, customer varchar(20), amount decimal(8,2), placed date)",
    """INSERT INTO {}orders VALUES (1, 'Ann', 10.50, '2024-01-01'), (2, NULL, 20, '2024-02-01'),
        (3, 'O''Hara', 30, '2024-03-01'), (10, '%s', 40, NULL)""",
)


@pytest.fixture
def shop(postgresql: Database) -> Database:
    postgresql.run(
        "CREATE SCHEMA shop",
        *(statement.format("shop.") for statement in ORDERS),
        "CREATE TABLE shop.order_lines (id integer)",
        "INSERT INTO shop.order_lines VALUES (1)",
        "CREATE TABLE shop.secrets (id integer)",
        "INSERT INTO shop.secrets VALUES (1)",
        "CREATE VIEW shop.large_orders AS SELECT id FROM shop.orders WHERE amount > 25",
        'CREATE TABLE shop."odd %s ""name" ("a % b" integer)',
        'INSERT INTO shop."odd %s ""name" VALUES (5), (6)',
    )
    return postgresql


def test_rules_include_and_exclude_tables_and_views_by_pattern(dms: Dms, shop: Database) -> None:
    def copied(*rules: dict[str, Any]) -> set[str]:
        task = dms.task(dms.endpoint("source", **shop.endpoint()), dms.s3_target(), *rules)
        dms.run(task)
        assert set(dms.states(task).values()) == {"Table completed"}
        return {name.removeprefix("shop.") for name in dms.states(task)}

    assert copied(include("order%", "shop")) == {"orders", "order_lines"}
    exclude = include("order[_]%", "shop", "2") | {"rule-action": "exclude"}
    assert copied(include("order%", "sho_"), exclude) == {"orders"}
    views = {"object-locator": {"schema-name": "shop", "table-name": "%", "table-type": "view"}}
    assert copied(include() | views) == {"large_orders"}
    assert copied(include("orders", "shop") | {"rule-action": "explicit"}) == {"orders"}


# What is asked of the rows → the ids of those that are copied.
FILTERS = {
    "eq": ([where("id", "eq", value="2")], [2]),
    "noteq": ([where("id", "noteq", value="2")], [1, 3, 10]),
    "gte": ([where("id", "gte", value="3")], [3, 10]),
    "lte": ([where("id", "lte", value="2")], [1, 2]),
    "ste": ([where("id", "ste", value="2")], [1, 2]),
    "between": ([where("id", "between", start_value="2", end_value="3")], [2, 3]),
    "notbetween": ([where("id", "notbetween", start_value="2", end_value="3")], [1, 10]),
    "null": ([where("customer", "null")], [2]),
    "notnull": ([where("customer", "notnull")], [1, 3, 10]),
    "a value with a quote": ([where("customer", "eq", value="O'Hara")], [3]),
    "a value like a placeholder": ([where("customer", "eq", value="%s")], [10]),
    "two": ([where("amount", "gte", value="20"), where("placed", "lte", value="2024-02-15")], [2]),
}


@pytest.mark.parametrize("kind", ["postgresql", "mariadb", "sqlite_file"])
def test_filters_choose_rows_and_their_values_are_bound(dms: Dms, request: pytest.FixtureRequest, kind: str) -> None:
    statements, database = [statement.format("") for statement in ORDERS], request.getfixturevalue(kind)
    if kind == "sqlite_file":
        members, schema = {"EngineName": "sqlite", "DatabaseName": str(database(*statements))}, "main"
    else:
        database.run(*statements)
        members, schema = database.endpoint(), database.name if kind == "mariadb" else "public"
    source, target = dms.endpoint("source", **members), dms.s3_target()

    def copied(filters: list[dict[str, Any]]) -> list[int]:
        ended = dms.run(dms.task(source, target, include("orders", schema, filters=filters)))
        assert ended["ReplicationTaskStats"]["TablesErrored"] == 0, ended
        return sorted(int(row[0]) for row in dms.csv(f"{schema}/orders/LOAD00000001.csv"))

    assert {name: copied(filters) for name, (filters, _) in FILTERS.items()} == {
        name: ids for name, (_, ids) in FILTERS.items()
    }


def test_conditions_of_one_filter_are_alternatives(dms: Dms, shop: Database) -> None:
    either = where("id", "lte", value="1")
    either["filter-conditions"] += where("id", "gte", value="10")["filter-conditions"]
    rule = include("orders", "shop", filters=[either])
    dms.run(dms.task(dms.endpoint("source", **shop.endpoint()), dms.s3_target(), rule))
    assert sorted(row[0] for row in dms.csv("shop/orders/LOAD00000001.csv")) == ["1", "10"]


def test_names_with_quotes_and_percent_signs_are_copied_and_filtered(dms: Dms, shop: Database) -> None:
    rule = include('odd [%]s "name', "shop", filters=[where("a % b", "gte", value="6")])
    dms.run(dms.task(dms.endpoint("source", **shop.endpoint()), dms.s3_target(AddColumnName=True), rule))
    assert dms.csv('shop/odd %s "name/LOAD00000001.csv') == [["a % b"], ["6"]]


def test_a_filter_that_does_not_fit_its_table_is_an_error_without_its_value(dms: Dms, shop: Database) -> None:
    for column, value in (("no_such", "x"), ("id", "hush-hush")):
        rule = include("orders", "shop", filters=[where(column, "eq", value=value)])
        task = dms.task(dms.endpoint("source", **shop.endpoint()), dms.s3_target(), rule)
        ended = dms.run(task)
        assert dms.states(task) == {"shop.orders": "Table error"}
        assert "hush-hush" not in ended["LastFailureMessage"]


def test_schemas_tables_and_columns_are_renamed_removed_and_added(
    dms: Dms, shop: Database, other_postgresql: Database
) -> None:
    rules = [
        include("orders", "shop"),
        transform("schema", "rename", "2", "archive", schema="shop"),
        transform("table", "add-prefix", "3", "old_"),
        transform("column", "convert-uppercase", "4", column="customer"),
        transform("column", "remove-column", "5", column="placed"),
        transform("column", "add-column", "6", "origin")
        | {"expression": "'it''s here'", "data-type": {"type": "string", "length": 20}},
        transform("column", "add-column", "7", "came_from") | {"expression": "$AR_M_SOURCE_SCHEMA"},
        transform("column", "add-column", "8", "copy") | {"expression": "$id"},
    ]
    source = dms.endpoint("source", **shop.endpoint())
    into_files = dms.task(source, dms.s3_target(AddColumnName=True), *rules)
    into_tables = dms.task(source, dms.endpoint("target", **other_postgresql.endpoint()), *rules)
    dms.run(into_files)
    dms.run(into_tables)
    header, *rows = dms.csv("archive/old_orders/LOAD00000001.csv")
    assert header == ["id", "CUSTOMER", "amount", "origin", "came_from", "copy"]
    assert sorted(rows)[0] == ["1", "Ann", "10.50", "it's here", "shop", "1"]
    query = 'SELECT id, "CUSTOMER", amount::text, origin, came_from, copy FROM archive.old_orders ORDER BY id LIMIT 1'
    assert other_postgresql.rows(query) == [(1, "Ann", "10.50", "it's here", "shop", 1)]


def test_only_included_columns_are_copied(dms: Dms, shop: Database) -> None:
    rules = [include("orders", "shop"), transform("column", "include-column", "2", column="amount")]
    dms.run(dms.task(dms.endpoint("source", **shop.endpoint()), dms.s3_target(AddColumnName=True), *rules))
    assert dms.csv("shop/orders/LOAD00000001.csv")[0] == ["amount"]


def test_two_rules_on_one_name_make_the_table_erroneous(dms: Dms, shop: Database) -> None:
    both = [transform("table", "add-prefix", "2", "a_"), transform("table", "rename", "3", "b")]
    task = dms.task(dms.endpoint("source", **shop.endpoint()), dms.s3_target(), include("orders", "shop"), *both)
    assert "The rules 2 and 3 both act on the name of table orders" in dms.run(task)["LastFailureMessage"]


def test_lobs_are_left_out_where_the_task_says_so(dms: Dms, postgresql: Database) -> None:
    postgresql.run(
        "CREATE TABLE t (id integer, v text, w bytea, x varchar(3))", "INSERT INTO t VALUES (1, 'a', 'b', 'c')"
    )
    source = dms.endpoint("source", **postgresql.endpoint())
    dms.run(dms.task(source, dms.s3_target(), TargetMetadata={"SupportLobs": False}))
    assert dms.csv("public/t/LOAD00000001.csv") == [["1", "c"]]


def test_views_are_found_on_mysql_and_as_with_dms_not_on_mariadb(dms: Dms, mariadb: Database) -> None:
    mariadb.run("CREATE TABLE t (id integer)", "INSERT INTO t VALUES (1)", "CREATE VIEW v AS SELECT id FROM t")
    every = {"object-locator": {"schema-name": mariadb.name, "table-name": "%", "table-type": "all"}}
    for engine, tables in (("mysql", {"t", "v"}), ("mariadb", {"t"})):
        source = dms.endpoint("source", **{**mariadb.endpoint(), "EngineName": engine})
        task = dms.task(source, dms.s3_target(), include() | every)
        dms.run(task)
        assert {name.partition(".")[2] for name in dms.states(task)} == tables


def test_settings_of_a_postgresql_source_say_how_booleans_and_char_travel(dms: Dms, postgresql: Database) -> None:
    postgresql.run("CREATE TABLE t (b boolean, c char(4))", "INSERT INTO t VALUES (true, 'ab')")
    settings = {"MapBooleanAsBoolean": True, "TrimSpaceInChar": False}
    source = dms.endpoint("source", **postgresql.endpoint(), PostgreSQLSettings=settings)
    dms.run(dms.task(source, dms.s3_target(DataFormat="parquet")))
    assert pq.read_table(io.BytesIO(dms.body("public/t/LOAD00000001.parquet"))).to_pylist() == [
        {"b": True, "c": "ab  "}
    ]


# SQLite


def test_sqlite_is_copied_by_its_declared_types(dms: Dms, sqlite_file: Callable[..., Path]) -> None:
    path = sqlite_file(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, name VARCHAR(20), price DECIMAL(8,2), ratio REAL, seen DATETIME, "
        "born DATE, at TIME, flag BOOLEAN, raw BLOB, note TEXT, many NUMERIC)",
        "INSERT INTO t VALUES (1, 'Ünï', 12.5, 0.1, '2024-01-02T03:04:05', '2024-01-02', '03:04', 1, x'00ff', '', 1.5)",
        "INSERT INTO t (id) VALUES (2)",
    )
    source = dms.endpoint("source", EngineName="sqlite", DatabaseName=str(path))
    dms.run(dms.task(source, dms.s3_target()))
    assert dms.csv("main/t/LOAD00000001.csv") == [
        ["1", "Ünï", "12.50", "0.1", "2024-01-02 03:04:05.000000", "2024-01-02", "03:04", "true", "00ff", "", "1.5"],
        ["2", *["NULL"] * 10],
    ]


@pytest.mark.parametrize(
    ("declared", "literal"),
    [
        ("INTEGER", "'four'"),
        ("DECIMAL(8,2)", "0.125"),
        ("DECIMAL(4,2)", "1000"),
        ("DATE", "'01/02/2024'"),
        ("DATETIME", "1700000000"),
        ("BOOLEAN", "2"),
        ("VARCHAR(3)", "x'00'"),
        ("REAL", "'much'"),
        ("BLOB", "'text'"),
    ],
)
def test_a_value_that_its_declared_type_does_not_hold_is_an_error_in_sqlite(
    dms: Dms, sqlite_file: Callable[..., Path], declared: str, literal: str
) -> None:
    path = sqlite_file(f"CREATE TABLE t (v {declared})", f"INSERT INTO t VALUES ({literal})")
    task = dms.task(dms.endpoint("source", EngineName="sqlite", DatabaseName=str(path)), dms.s3_target())
    assert f"which its declared type '{declared}' does not hold" in dms.run(task)["LastFailureMessage"]
    assert dms.objects() == []
