"""MySQL and MariaDB as source and target of steps, against a real server."""

from __future__ import annotations

import threading
from contextlib import closing
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pymysql
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runners.steps.connections import Connections
from runners.steps.errors import (
    AuthenticationFailed,
    ConnectionFailed,
    DataNotRepresentable,
    DataQualityFailed,
    SourceFailed,
    SourceUnavailable,
    StepError,
    TargetFailed,
    TargetUnavailable,
    TemplateFailed,
    ValidationFailed,
)
from runners.steps.systems import mysql_load, mysql_wire
from runners.steps.systems.mysql import MySqlSource, MySqlTarget
from runners.steps.systems.mysql_session import WRITING, opened
from runners.testing.steps import DescribedConnections, run_step, step_context
from tests.integration.waiting import eventually, in_background

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runners.steps.context import StepContext
    from tests.integration.databases import Database

SHOP = pa.schema([("id", pa.int64()), ("name", pa.string())])
HOSTILE = st.text(st.characters(codec="utf-8"), max_size=20) | st.sampled_from(
    ["'; DROP TABLE shop; --", "\\", "\\'", '"', "`", "%s", "?", "%(x)s", "\x00", "{{ 1 }}", "' OR 1=1 #", "\\' OR 1=1"]
)


def described(database: Database, **more: Any) -> dict[str, Any]:
    server = database.server
    return {"host": server.host, "username": server.user, "password": server.password, "dbname": database.name, **more}


@pytest.fixture
def shop(mariadb: Database) -> Database:
    mariadb.run(
        "CREATE TABLE shop (id bigint PRIMARY KEY, name varchar(60), extra int DEFAULT 7) CHARACTER SET utf8mb4",
        "INSERT INTO shop VALUES (1, 'one', 1), (2, 'two', 2)",
    )
    return mariadb


@pytest.fixture(params=["load data", "inserts"])
def written_by(request: pytest.FixtureRequest, mariadb: Database) -> Iterator[str]:
    mariadb.run(f"SET GLOBAL local_infile = {'ON' if request.param == 'load data' else 'OFF'}")
    yield request.param
    mariadb.run("SET GLOBAL local_infile = ON")


def context_of(database: Database, variables: dict[str, Any] | None = None, **more: Any) -> StepContext:
    return step_context({"shop": described(database)}, variables, **more)


def shelf(*rows: tuple[Any, Any]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist([{"id": key, "name": name} for key, name in rows], SHOP)


def read(source: MySqlSource, context: StepContext) -> list[dict[str, Any]]:
    with source.open(context) as rows:
        return pa.Table.from_batches(rows.batches(), rows.schema).to_pylist()


def write(context: StepContext, *batches: pa.RecordBatch, **asked: Any) -> dict[str, Any]:
    target = MySqlTarget(**{"ConnectionName": "shop", "Table": "shop", **asked})
    with target.open(batches[0].schema, context) as sink:
        for batch in batches:
            sink.write(batch)
        return sink.commit()


def query(text: str) -> MySqlSource:
    return MySqlSource(ConnectionName="shop", Query=text)


# Reading


def test_a_table_is_read_by_its_columns(shop: Database) -> None:
    source = MySqlSource(ConnectionName="shop", Table="shop", Columns=("name", "id"))
    assert read(source, context_of(shop)) == [{"name": "one", "id": 1}, {"name": "two", "id": 2}]
    assert source.place() == "mysql://shop/shop"
    assert query("SELECT 1 AS x").place() == "mysql://shop"


def test_an_empty_result_has_its_columns(shop: Database) -> None:
    with query("SELECT id, name FROM shop WHERE false").open(context_of(shop)) as rows:
        assert rows.schema == SHOP
        assert list(rows.batches()) == []


def test_only_what_comes_after_a_value_is_read(shop: Database) -> None:
    source = MySqlSource(ConnectionName="shop", Table="shop").after("id", 1)
    assert [row["id"] for row in read(source, context_of(shop))] == [2]
    asked = query("SELECT id, name FROM shop WHERE name <> {{ name }};").after("id", 0)
    assert [row["id"] for row in read(asked, context_of(shop, {"name": "two"}))] == [1]


def test_values_of_any_type_are_bound(shop: Database) -> None:
    values = {
        "big": 1 << 70,
        "whole": -5,
        "yes": True,
        "half": 0.5,
        "none": None,
        "long": "x" * 300,
        "longer": "y" * 70_000,
        "bytes": b"\xff\x00",
    }
    asked = ", ".join(f"{{{{ {name} }}}} AS `{name}`" for name in values)
    (row,) = read(query(f"SELECT {asked}"), context_of(shop, values))
    assert row == {**values, "yes": 1}


def test_a_time_with_a_zone_is_bound_in_utc(shop: Database) -> None:
    at = datetime(2020, 1, 1, 2, tzinfo=timezone(timedelta(hours=2)))
    (row,) = read(query("SELECT CAST({{ at }} AS datetime) AS at"), context_of(shop, {"at": at}))
    assert row == {"at": datetime(2020, 1, 1)}  # noqa: DTZ001


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=HOSTILE, texts=st.lists(HOSTILE, min_size=1, max_size=3), number=st.integers(-(1 << 63), (1 << 63) - 1))
def test_no_value_changes_a_statement(shop: Database, text: str, texts: list[str], number: int) -> None:
    variables = {"text": text, "texts": texts, "number": number}
    asked = "SELECT {{ text }} AS text, {{ number }} AS number, {{ text }} IN ({{ texts }}) AS there FROM shop LIMIT 1"
    (row,) = read(query(asked), context_of(shop, variables))
    assert (row["text"], row["number"]) == (text, number)
    assert row["there"] or text not in texts
    assert len(shop.rows("SELECT * FROM shop")) == 2


@pytest.mark.parametrize("text", ["SELECT '{{ x }}' AS x", "SELECT 1 AS x -- {{ x }}", "SELECT 1 AS x /* {{ x }} */"])
def test_a_value_within_quotes_or_a_comment_is_refused(shop: Database, text: str) -> None:
    with pytest.raises(TemplateFailed):
        read(query(text), context_of(shop, {"x": "' OR 1=1 -- "}))


def test_a_question_mark_of_the_query_s_own_is_refused(shop: Database) -> None:
    with pytest.raises(TemplateFailed, match="a value needs no quotes"):
        read(query("SELECT id FROM shop WHERE id = ?"), context_of(shop))


def test_a_value_that_mysql_has_not_is_refused(shop: Database) -> None:
    with pytest.raises(TemplateFailed, match="NaN"):
        read(query("SELECT {{ x }} AS x"), context_of(shop, {"x": float("nan")}))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("DELETE FROM shop", "no rows to give"),
        ("SELECT id, id FROM shop", "two columns of the name 'id'"),
        ("SELECT nothing FROM shop", r"error 1054: Unknown column"),
        ("SELECT id FROM nowhere", r"error 1146: Table"),
        ("SELEC 'secret'", r"error 1064$"),
    ],
)
def test_a_query_that_is_wrong_is_refused_without_its_values(shop: Database, text: str, said: str) -> None:
    with pytest.raises(SourceFailed, match=said) as error:
        read(query(text), context_of(shop))
    assert "secret" not in error.value.cause()
    assert len(shop.rows("SELECT * FROM shop")) == 2


def test_an_error_amid_the_rows_is_the_step_s(shop: Database) -> None:
    with (
        query("SELECT id, (SELECT id FROM shop AS b WHERE b.id <= a.id) AS x FROM shop AS a").open(
            context_of(shop)
        ) as rows,
        pytest.raises(SourceFailed, match="1242"),
    ):
        list(rows.batches())


def test_rows_longer_than_a_packet_and_than_the_buffer_are_whole(shop: Database) -> None:
    shop.run("SET GLOBAL max_allowed_packet = 67108864")
    full = (1 << 24) - 1
    # Of a row, 1 + 1 bytes stand before the first text, and 4 tell its length.
    sizes = [3, full - 6, full - 7, 2 * full - 6, 20_000_000, 5]
    union = " UNION ALL ".join(f"SELECT repeat('x', {size}) AS text" for size in sizes)
    with query(union).open(context_of(shop)) as rows:
        found = [len(value) for batch in rows.batches() for value in batch.column(0).to_pylist()]
    assert found == sizes


def test_what_pymysql_reads_is_what_is_read(shop: Database) -> None:
    """Many rows in many packets, with every length and NULL at random places: against PyMySQL's own way."""
    shop.run("CREATE TABLE many (id int PRIMARY KEY, a bigint, b varchar(300), c double, d varbinary(300), e date)")
    random = np.random.default_rng(1)
    rows = []
    for key in range(3_000):
        values = [
            str(random.integers(-(1 << 62), 1 << 62)),
            f"repeat('é', {random.integers(0, 270)})",
            repr(float(random.normal())),
            f"repeat(x'00ff', {random.integers(0, 140)})",
            f"date '2000-01-01' + interval {random.integers(0, 9999)} day",
        ]
        rows.append(f"({key}, {', '.join('NULL' if random.random() < 0.2 else value for value in values)})")
    shop.run(f"INSERT INTO many VALUES {', '.join(rows)}")
    found = read(MySqlSource(ConnectionName="shop", Table="many"), context_of(shop))
    assert [tuple(row.values()) for row in found] == shop.rows("SELECT * FROM many")


def test_batches_are_of_a_size_whatever_there_is(shop: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mysql_wire, "MOST_ROWS", 1000)
    with query("SELECT seq, repeat('x', seq % 7) AS text FROM seq_1_to_30000").open(context_of(shop)) as rows:
        table = pa.Table.from_batches(rows.batches(), rows.schema)
    assert table.column("seq").to_pylist() == list(range(1, 30001))
    assert max(map(len, table.to_batches())) < 30_000
    with query("SELECT seq, repeat('x', 1000) AS text FROM seq_1_to_30000").open(context_of(shop)) as rows:
        sizes = [batch.nbytes for batch in rows.batches()]
    assert len(sizes) > 1
    assert max(sizes) < 12 << 20


def test_a_block_that_ends_early_gives_the_connection_back(shop: Database) -> None:
    with query("SELECT seq, repeat('x', 1000) AS text FROM seq_1_to_1000000").open(context_of(shop)) as rows:
        assert next(rows.batches()).num_rows
    here = f"SELECT 1 FROM information_schema.processlist WHERE db = '{shop.name}' AND info LIKE '%seq_1_to_1000000'"
    eventually(lambda: not shop.rows(here))


# Connecting


def test_credentials_that_were_rotated_are_read_anew_once(shop: Database) -> None:
    good = described(shop)

    class Rotated(DescribedConnections):
        def up(self, name: str, *, anew: bool) -> Any:
            return super().up(name, anew=anew) if anew else {**good, "password": "gone"}

    place = Rotated({"shop": good})
    context = step_context()
    object.__setattr__(context, "connections", Connections(place))
    assert len(read(query("SELECT id FROM shop"), context)) == 2
    assert place.read_anew == ["shop"]


def test_wrong_credentials_are_said_to_be_so_without_them(shop: Database) -> None:
    context = step_context({"shop": described(shop, password="planted-secret")})
    with pytest.raises(AuthenticationFailed, match="1045") as error:
        read(query("SELECT 1 AS x"), context)
    assert "planted-secret" not in error.value.cause()
    assert "root" not in error.value.cause()


@pytest.mark.parametrize(
    ("more", "kind"),
    [
        ({"host": "/nowhere/socket"}, "Unavailable"),
        ({"host": "127.0.0.1", "port": 1, "connect_timeout": 1}, "Unavailable"),
        ({"dbname": "nowhere"}, "ConnectionFailed"),
        ({"host": "127.0.0.1", "tls": "verified", "certificates": "/nowhere"}, "ConnectionFailed"),
        ({"port": 0}, "ConnectionFailed"),
    ],
)
def test_a_server_that_cannot_be_reached_is_said_to_be_so(shop: Database, more: dict[str, Any], kind: str) -> None:
    context = step_context({"shop": described(shop, **more)})
    with pytest.raises(SourceUnavailable if kind == "Unavailable" else ConnectionFailed):
        read(query("SELECT 1 AS x"), context)
    with pytest.raises(TargetUnavailable if kind == "Unavailable" else ConnectionFailed):
        write(context, shelf((3, "three")))


def test_a_server_cannot_ask_for_a_file(shop: Database) -> None:
    """The local files of whoever loads are nobody's business, not even of a server that answers a query by asking."""
    with (
        closing(opened(context_of(shop), "shop", WRITING)) as connection,
        connection.cursor() as cursor,
        pytest.raises(RuntimeError, match="local_infile option is false"),
    ):
        cursor.execute("LOAD DATA LOCAL INFILE '/etc/hostname' INTO TABLE shop")


# Writing


def test_rows_are_appended(shop: Database, written_by: str) -> None:
    texts = ["", None, "\\N", "NULL", "a\tb\\\nc\r\x00", "żółć 😀 'x' \"y\"", "%s {} ?", "\\"]
    batch = shelf(*((place + 10, text) for place, text in enumerate(texts)))
    told = write(context_of(shop), batch, shelf((99, "last")), shelf())
    assert told == {"table": "shop", "mode": "append", "written_by": written_by}
    found = shop.rows("SELECT name, extra FROM shop WHERE id >= 10 ORDER BY id")
    assert found == [*((text, 7) for text in texts), ("last", 7)]


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(st.none() | HOSTILE, min_size=1, max_size=20))
def test_any_text_is_written_as_it_is(shop: Database, texts: list[str | None]) -> None:
    write(context_of(shop), shelf(*enumerate(texts)), Mode="overwrite")
    assert [row[0] for row in shop.rows("SELECT name FROM shop ORDER BY id")] == texts


def test_rows_are_replaced(shop: Database, written_by: str) -> None:
    write(context_of(shop), shelf((1, "new"), (5, None)), Mode="overwrite")
    assert shop.rows("SELECT * FROM shop ORDER BY id") == [(1, "new", 7), (5, None, 7)]


def test_a_table_may_be_emptied(shop: Database) -> None:
    write(context_of(shop), shelf(), Mode="overwrite")
    assert shop.rows("SELECT * FROM shop") == []


def test_rows_are_upserted_by_key(shop: Database, written_by: str) -> None:
    write(context_of(shop), shelf((2, "second"), (3, None)), Mode="upsert", Key=("id",))
    assert shop.rows("SELECT * FROM shop ORDER BY id") == [(1, "one", 1), (2, "second", 2), (3, None, 7)]


def test_upsert_does_not_take_another_unique_index_for_the_key(shop: Database) -> None:
    shop.run("CREATE UNIQUE INDEX names ON shop (name)")
    with pytest.raises(DataQualityFailed, match="key that another row has"):
        write(context_of(shop), shelf((3, "one")), Mode="upsert", Key=("id",))
    assert shop.rows("SELECT * FROM shop ORDER BY id") == [(1, "one", 1), (2, "two", 2)]


def test_rows_that_are_a_key_alone_are_added(shop: Database) -> None:
    keys = pa.RecordBatch.from_pydict({"ID": [2, 3]})
    write(context_of(shop), keys, Mode="upsert", Key=("ID",))
    assert shop.rows("SELECT id, name FROM shop ORDER BY id") == [(1, "one"), (2, "two"), (3, None)]


@pytest.mark.parametrize(
    ("rows", "said"), [([(3, "a"), (3, "b")], "key that another row has"), ([(None, "a")], "has NULL")]
)
def test_rows_that_a_key_does_not_tell_apart_are_refused(
    shop: Database, rows: list[tuple[Any, Any]], said: str, written_by: str
) -> None:
    with pytest.raises(DataQualityFailed, match=said):
        write(context_of(shop), shelf(*rows), Mode="upsert", Key=("id",))
    assert len(shop.rows("SELECT * FROM shop")) == 2


def test_upsert_needs_a_unique_index_on_just_its_key(shop: Database) -> None:
    with pytest.raises(TargetFailed, match="no primary key or unique index on just name"):
        write(context_of(shop), shelf((3, "a")), Mode="upsert", Key=("name",))
    with pytest.raises(ValidationFailed, match="Key names 'extra'"):
        write(context_of(shop), shelf((3, "a")), Mode="upsert", Key=("extra",))


def test_a_repeat_of_an_append_adds_nothing(shop: Database) -> None:
    context = context_of(shop, execution_id="arn:execution")
    assert "repeated" not in write(context, shelf((3, "three")))
    assert write(context, shelf((3, "three")))["repeated"] is True
    assert write(context_of(shop, execution_id="arn:another"), shelf((4, "four")))["written_by"]
    assert [row[0] for row in shop.rows("SELECT id FROM shop ORDER BY id")] == [1, 2, 3, 4]


def test_two_repeats_at_one_time_add_once(shop: Database) -> None:
    context = context_of(shop, execution_id="arn:execution")
    shop.run("CREATE TABLE log (id bigint, name varchar(60))")
    with MySqlTarget(ConnectionName="shop", Table="log").open(SHOP, context) as first:
        first.write(shelf((3, "three")))
        second = in_background(lambda: write(context, shelf((3, "three")), Table="log"))
        waits = "SELECT 1 FROM information_schema.processlist WHERE info LIKE 'INSERT INTO%etl_runners_loads%'"
        eventually(lambda: shop.rows(waits))
        first.commit()
    assert second()["repeated"] is True
    assert shop.rows("SELECT * FROM log") == [(3, "three")]


def test_a_try_that_failed_does_not_count_as_written(shop: Database) -> None:
    context = context_of(shop, execution_id="arn:execution")
    with pytest.raises(DataQualityFailed, match="key that another row has"):
        write(context, shelf((1, "one")))
    assert "repeated" not in write(context, shelf((3, "three")))


class Aborted(Exception):  # noqa: N818
    """What ends a load before its end."""


def large(rows: int, start: int = 0) -> pa.RecordBatch:
    first = 100 + start
    return pa.RecordBatch.from_pydict({"id": list(range(first, first + rows)), "name": ["x" * 60] * rows}, SHOP)


def aborted(database: Database, mode: str) -> None:
    context = context_of(database)
    with MySqlTarget(ConnectionName="shop", Table="shop", Mode=mode, Key=("id",) if mode == "upsert" else ()).open(
        SHOP, context
    ) as sink:
        for start in range(3):
            sink.write(large(8_000, start * 8_000))
        assert eventually(lambda: transactions(database))
        raise Aborted


@pytest.mark.parametrize("mode", ["append", "overwrite", "upsert"])
def test_an_aborted_load_leaves_the_table_as_it_was(shop: Database, mode: str, written_by: str) -> None:
    with pytest.raises(Aborted):  # some megabytes have been sent, and the server is amid them
        aborted(shop, mode)
    # No lock is left, either.
    eventually(lambda: not transactions(shop))
    assert shop.rows("SELECT * FROM shop ORDER BY id") == [(1, "one", 1), (2, "two", 2)]


def transactions(database: Database) -> list[tuple[Any, ...]]:
    """The transactions that are open in this database; the server is other tests', too."""
    return database.rows(
        "SELECT trx_state, info FROM information_schema.innodb_trx"
        " JOIN information_schema.processlist ON processlist.id = innodb_trx.trx_mysql_thread_id"
        f" WHERE processlist.db = '{database.name}'"
    )


def test_a_server_that_ends_amid_a_load_is_said_to_be_unavailable(shop: Database) -> None:
    with MySqlTarget(ConnectionName="shop", Table="shop").open(SHOP, context_of(shop)) as sink:
        sink.write(shelf((3, "three")))
        (loading,) = eventually(
            lambda: shop.rows("SELECT id FROM information_schema.processlist WHERE info LIKE 'LOAD DATA LOCAL%'")
        )
        shop.run(f"KILL {loading[0]}")
        with pytest.raises(TargetUnavailable):
            eventually(lambda: sink.write(large(20_000)))
    assert len(shop.rows("SELECT * FROM shop")) == 2


def test_a_lock_of_another_is_transient(shop: Database) -> None:
    shop.run("SET GLOBAL innodb_lock_wait_timeout = 1")
    try:
        with closing(shop.connect()) as other, other.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("SELECT * FROM shop FOR UPDATE")
            with pytest.raises(TargetUnavailable, match="1205"):
                write(context_of(shop), shelf((3, "three")), Mode="overwrite")
    finally:
        shop.run("SET GLOBAL innodb_lock_wait_timeout = 50")


@pytest.mark.parametrize(
    ("creation", "said"),
    [
        ("CREATE TABLE odd (id int, name text) ENGINE = MyISAM", "knows no transactions"),
        ("CREATE VIEW odd AS SELECT id, name FROM shop", "a view"),
        ("CREATE TABLE odd (id int)", "has no column name; it has id"),
        ("CREATE TABLE odd (id int, name text, more int NOT NULL)", "rows have no more"),
        ("CREATE TABLE odd (id int, name text AS (id) VIRTUAL)", "computes name itself"),
        ("SELECT 1", "there is no table 'odd'"),
    ],
)
def test_a_table_that_cannot_take_the_rows_is_refused_before_any_is_written(
    shop: Database, creation: str, said: str
) -> None:
    shop.run(creation)
    with pytest.raises(TargetFailed, match=said):
        write(context_of(shop), shelf((3, "three")), Table="odd")


def test_columns_that_would_meet_in_one_are_refused(shop: Database) -> None:
    with pytest.raises(TargetFailed, match="two columns"):
        write(context_of(shop), pa.RecordBatch.from_pydict({"id": [1], "ID": [2]}))


def test_a_connection_without_a_database_needs_the_table_s(shop: Database) -> None:
    context = step_context({"shop": described(shop, dbname=None)})
    with pytest.raises(TargetFailed, match="in no database"):
        write(context, shelf((3, "three")))
    write(context, shelf((3, "three")), Table=f"{shop.name}.shop")
    assert len(shop.rows("SELECT * FROM shop")) == 3


def test_a_row_that_breaks_a_check_is_refused(shop: Database, written_by: str) -> None:
    shop.run("ALTER TABLE shop ADD CONSTRAINT few CHECK (id < 100)")
    with pytest.raises(DataQualityFailed, match="breaks a CHECK"):
        write(context_of(shop), shelf((3, "three"), (1234, "secret")))
    assert len(shop.rows("SELECT * FROM shop")) == 2


def test_zero_is_no_number_to_give_and_null_is(shop: Database) -> None:
    shop.run("CREATE TABLE numbered (id bigint PRIMARY KEY AUTO_INCREMENT, name varchar(9))")
    write(context_of(shop), shelf((0, "zero"), (None, "next")), Table="numbered")
    assert shop.rows("SELECT * FROM numbered ORDER BY id") == [(0, "zero"), (1, "next")]


def test_a_created_table_tells_keys_apart(shop: Database) -> None:
    schema = pa.schema([("code", pa.string()), ("part", pa.binary()), ("at", pa.timestamp("us", "UTC"))])
    rows = [{"code": code, "part": part, "at": None} for code in ("a", "A", "a ", "ä") for part in (b"", b"\x00")]
    batch = pa.RecordBatch.from_pylist(rows, schema)
    asked = {"Table": "coded", "Mode": "upsert", "Key": ("code", "part"), "CreateTable": True}
    for _ in range(2):
        write(context_of(shop), batch, **asked)
    assert shop.rows("SELECT count(*) FROM coded") == [(8,)]


def test_kinds_of_arrow_that_mysql_s_source_does_not_give_are_written(shop: Database) -> None:
    columns = {
        "word": pa.array(["a", "b", "a"]).dictionary_encode(),
        "large": pa.array(["x", None, "y"], pa.large_string()),
        "view": pa.array(["x", None, "y"], pa.string_view()),
        "fixed": pa.array([b"ab", None, b"cd"], pa.binary(2)),
        "half": pa.array(np.array([1.5, 2.5, -0.25], np.float16)),
        "yes": pa.array([True, None, False]),
        "seconds": pa.array([0, None, 86399], pa.time32("s")),
        "millis": pa.array([datetime(2020, 1, 1, 1, 2, 3, 4000)] * 3, pa.timestamp("ms")),  # noqa: DTZ001
        "nanos": pa.array([1_000] * 3, pa.timestamp("ns")),
        "day": pa.array([date(2020, 1, 1)] * 3, pa.date64()),
        "thousands": pa.array([Decimal(5000), None, Decimal(0)], pa.decimal128(5, -3)),
        "nothing": pa.nulls(3),
    }
    write(context_of(shop), pa.RecordBatch.from_pydict(columns), Table="kinds", CreateTable=True)
    found = read(MySqlSource(ConnectionName="shop", Table="kinds", BooleansFromTinyint=True), context_of(shop))
    assert found[0] == {
        "word": "a",
        "large": "x",
        "view": "x",
        "fixed": b"ab",
        "half": 1.5,
        "yes": True,
        "seconds": "00:00:00.000000",
        "millis": datetime(2020, 1, 1, 1, 2, 3, 4000),  # noqa: DTZ001
        "nanos": datetime(1970, 1, 1, 0, 0, 0, 1),  # noqa: DTZ001
        "day": date(2020, 1, 1),
        "thousands": Decimal(5000),
        "nothing": None,
    }
    assert [row["large"] for row in found] == ["x", None, "y"]


@pytest.mark.parametrize(
    ("values", "into"),
    [
        (pa.array([1], pa.timestamp("ns")), "datetime(6)"),
        (pa.array([float("nan")]), "double"),
        (pa.array([float("inf")]), "decimal(9,2)"),
        (pa.array([[1]]), "text"),
        (pa.array([b"x"]), "text"),
        (pa.array([1 << 63], pa.uint64()), "bigint"),
    ],
)
def test_what_mysql_has_not_is_refused(shop: Database, values: pa.Array, into: str) -> None:
    shop.run(f"CREATE TABLE odd (c {into})")
    with pytest.raises(DataNotRepresentable):
        write(context_of(shop), pa.RecordBatch.from_arrays([values], names=["c"]), Table="odd")
    assert shop.rows("SELECT * FROM odd") == []


def test_a_decimal_that_mysql_cannot_keep_makes_no_table(shop: Database) -> None:
    batch = pa.RecordBatch.from_arrays([pa.nulls(1, pa.decimal256(76, 2))], names=["c"])
    with pytest.raises(DataNotRepresentable, match="65 digits"):
        write(context_of(shop), batch, Table="wide", CreateTable=True)


def test_inserts_keep_below_what_the_server_takes_at_once(shop: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.run("SET GLOBAL local_infile = OFF")
    monkeypatch.setattr(mysql_load, "_STATEMENT", 500)
    try:
        write(context_of(shop), large(100))
    finally:
        shop.run("SET GLOBAL local_infile = ON")
    assert len(shop.rows("SELECT * FROM shop")) == 102


def test_a_commit_whose_answer_is_lost_is_no_reason_to_append_again(
    shop: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(connection: Any) -> None:
        raise pymysql.err.OperationalError(2013, "lost")

    for execution, kind in (("", TargetFailed), ("arn:execution", TargetUnavailable)):
        with MySqlTarget(ConnectionName="shop", Table="shop").open(
            SHOP, context_of(shop, execution_id=execution)
        ) as sink:
            sink.write(shelf((3, "three")))
            monkeypatch.setattr(pymysql.connections.Connection, "commit", lost)
            with pytest.raises(kind):
                sink.commit()


def test_bytes_are_counted(shop: Database) -> None:
    context = context_of(shop)
    write(context, shelf((3, "three")))
    assert context.progress.bytes == len("3\tthree\n")


def test_a_step_moves_rows_from_one_table_to_another(shop: Database) -> None:
    shop.run("CREATE TABLE copy LIKE shop")
    asked = {
        "Source": {"ConnectionName": "shop", "Query": "SELECT id, name FROM shop WHERE id > {{ least }}"},
        "Target": {"ConnectionName": "shop", "Table": "copy", "Mode": "overwrite"},
        "Checks": {"MinRows": 1},
    }
    told = run_step("MySqlToMySql", asked, context_of(shop, {"least": 1}))
    assert told["rows"] == 1
    assert shop.rows("SELECT id, name FROM copy") == [(2, "two")]


def test_threads_of_loads_end(shop: Database) -> None:
    write(context_of(shop), shelf((3, "three")))
    with pytest.raises(StepError):
        write(context_of(shop), shelf((3, "three")))
    assert "load data" not in {thread.name for thread in threading.enumerate()}
