from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime, time
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runners.steps.ends import as_text, logical
from runners.steps.errors import (
    ConnectionFailed,
    DataNotRepresentable,
    DataQualityFailed,
    SourceFailed,
    TargetFailed,
    TargetUnavailable,
    TemplateFailed,
    ValidationFailed,
)
from runners.steps.systems import sqlite, sqlite_reading
from runners.steps.systems.sqlite import SqliteSource, SqliteTarget
from runners.steps.systems.sqlite_types import affinity
from runners.testing.steps import run_step, step_context

SHOP = pa.schema([("id", pa.int64()), ("name", pa.string())])
HOSTILE = st.text(st.characters(codec="utf-8"), max_size=20) | st.sampled_from(
    ["'; DROP TABLE shop; --", '"', "?", "\x00"]
)


@pytest.fixture
def shop(tmp_path):
    """A file with a table."""
    path = tmp_path / "shop.db"
    run(
        path,
        "CREATE TABLE shop (id INTEGER PRIMARY KEY, name TEXT, extra INT DEFAULT 7)",
        "INSERT INTO shop VALUES (1, 'one', 1), (2, 'two', 2)",
    )
    return path


def run(path, *statements):
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        return [connection.execute(statement).fetchall() for statement in statements][-1]


def context_of(path, variables=None, **more):
    return step_context({"shop": {"path": str(path)}}, variables, **more)


def read(path, variables=None, **asked):
    source = SqliteSource(ConnectionName="shop", **asked)
    with source.open(context_of(path, variables)) as rows:
        return pa.Table.from_batches(rows.batches(), rows.schema)


def write(context, batch, **asked):
    target = SqliteTarget(**{"ConnectionName": "shop", "Table": "shop", **asked})
    with target.open(batch.schema, context) as sink:
        sink.write(batch)
        return sink.commit()


def shelf(*rows):
    return pa.RecordBatch.from_pylist([{"id": key, "name": name} for key, name in rows], SHOP)


# Reading


def test_a_table_is_read_as_it_is_declared(shop):
    found = read(shop, Table="shop", Columns=("name", "id"))
    assert found.schema == pa.schema([("name", pa.string()), ("id", pa.int64())])
    assert found.to_pylist() == [{"name": "one", "id": 1}, {"name": "two", "id": 2}]


def test_only_what_comes_after_a_value_is_read(shop):
    run(
        shop,
        "CREATE TABLE log (at TIMESTAMP)",
        "INSERT INTO log VALUES ('2020-01-01 00:00:00'), ('2020-01-02 00:00:00')",
    )
    source = SqliteSource(ConnectionName="shop", Table="log").after("at", datetime(2020, 1, 1, tzinfo=UTC))
    with source.open(context_of(shop)) as rows:
        assert rows.schema.field("at").type == pa.timestamp("us")
        assert [batch.to_pylist() for batch in rows.batches()] == [[{"at": datetime(2020, 1, 2)}]]  # noqa: DTZ001


def test_rows_come_in_batches(shop, monkeypatch):
    monkeypatch.setattr(sqlite_reading, "_FIRST_ROWS", 1)
    monkeypatch.setattr(sqlite_reading, "_MOST_ROWS", 1)
    assert read(shop, Table="shop").column("id").num_chunks == 2


def test_what_is_computed_is_of_the_type_of_all_its_values(shop):
    query = "SELECT count(*) AS n, avg(id) AS mean, max(name) AS last, zeroblob(1) AS b, NULL AS empty, id FROM shop"
    found = read(shop, Query=query)
    assert [str(kind) for kind in found.schema.types] == ["int64", "double", "string", "binary", "string", "int64"]
    assert found.to_pylist() == [{"n": 2, "mean": 1.5, "last": "two", "b": b"\x00", "empty": None, "id": 2}]


def test_a_computed_column_of_several_types_needs_to_be_given_one(shop):
    query = "SELECT CASE id WHEN 1 THEN 1 ELSE 'x' END AS c FROM shop"
    with pytest.raises(DataNotRepresentable, match=r"integer, text; say in Types"):
        read(shop, Query=query)
    assert read(shop, Query="SELECT CAST(id AS TEXT) AS c FROM shop", Types={"c": "string"}).column(
        "c"
    ).to_pylist() == [
        "1",
        "2",
    ]


DECLARED = [
    ("INTEGER", "(-9223372036854775808), (9223372036854775807)", "int64"),
    ("BIGINT UNSIGNED", "(1)", "int64"),
    ("VARCHAR(9)", "(''), ('é😀'), (CAST(x'6100' AS TEXT))", "string"),
    ("REAL", "(0.1), (9e999), (2)", "double"),
    ("BLOB", "(x''), (x'00ff')", "binary"),
    ("BOOLEAN", "(0), (1)", "bool"),
    ("DATE", "('0001-01-01'), ('9999-12-31')", "date32[day]"),
    ("DATETIME", "('2020-01-01'), ('2020-01-01 01:02:03.000004'), ('2020-01-01T01:02:03')", "timestamp[us]"),
    ("TIMESTAMPTZ", "('2020-01-01 01:02:03+00'), ('2020-01-01T01:02:03Z')", "timestamp[us, tz=UTC]"),
    ("DECIMAL(10,2)", "(1.1), (12345678.91), (5), ('2.50')", "decimal128(10, 2)"),
    ("NUMERIC(50)", "(5)", "decimal256(50, 0)"),
    ("DECIMAL_TEXT(20,4)", "('1234567890123456.7890')", "decimal128(20, 4)"),
    ("DECIMAL_TEXT", "('1e-40')", "string decimal"),
    ("JSON", "('{}')", "string json"),
    ("TIME_TEXT", "('100:00:00')", "string time"),
]


@pytest.mark.parametrize(("declared", "values", "kind"), DECLARED)
def test_a_declared_type_is_kept_on_the_way_to_another_table(shop, declared, values, kind):
    run(shop, f"CREATE TABLE t (c {declared})", f"INSERT INTO t VALUES {values}, (NULL)")
    found = read(shop, Table="t")
    assert f"{found.schema.types[0]} {logical(found.schema.field(0))}".strip() == kind

    (batch,) = found.combine_chunks().to_batches()
    for table, more in (("same", {}), ("made", {"CreateTable": True})):
        if table == "same":
            run(shop, f"CREATE TABLE same (c {declared})")
        write(context_of(shop), batch, Table=table, **more)
        assert read(shop, Table=table).equals(found)


@pytest.mark.parametrize(
    ("declared", "value"),
    [
        ("INTEGER", "1.5"),
        ("INTEGER", "'x'"),
        ("TEXT", "x'00'"),
        ("REAL", "'x'"),
        ("BLOB", "'x'"),
        ("BOOLEAN", "2"),
        ("BOOLEAN", "'yes'"),
        ("DATE", "'2020-02-30'"),
        ("DATE", "20200101"),
        ("DATETIME", "'2020-01-01 00:00:00+01'"),
        ("DATETIME", "'2020-01-01 00:00:00.1234567'"),
        ("DECIMAL(5,2)", "1.005"),
        ("DECIMAL(5,2)", "1234.5"),
        ("DECIMAL(5,2)", "x'00'"),
        ("TEXT", "CAST(x'ff' AS TEXT)"),
    ],
)
def test_a_value_that_is_not_as_declared_is_refused(shop, declared, value):
    run(shop, f"CREATE TABLE t (c {declared})", f"INSERT INTO t VALUES ({value})")
    with pytest.raises(DataNotRepresentable):
        read(shop, Table="t")


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("SELECT id, id FROM shop", "two columns of the name 'id'"),
        ("SELECT * FROM nowhere", "no such table: nowhere"),
        ("DELETE FROM shop", "no SELECT"),
        ("SELECT 'secret' FRM shop", "no SELECT"),
    ],
)
def test_a_query_that_is_wrong_is_refused_without_its_values(shop, query, said):
    with pytest.raises(SourceFailed, match=said) as error:
        read(shop, Query=query)
    assert "secret" not in error.value.cause()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=HOSTILE, texts=st.lists(HOSTILE, min_size=1, max_size=3), number=st.integers(-(1 << 63), (1 << 63) - 1))
def test_no_value_changes_a_statement(shop, text, texts, number):
    variables = {"text": text, "texts": texts, "number": number}
    query = "SELECT {{ text }} AS text, {{ number }} AS number, {{ text }} IN ({{ texts }}) AS there FROM shop LIMIT 1"
    (row,) = read(shop, variables, Query=query).to_pylist()
    assert row == {"text": text, "number": number, "there": text in texts}
    assert len(run(shop, "SELECT * FROM shop")) == 2


def test_values_of_other_types_are_bound_as_sqlite_keeps_them(shop):
    variables = {"d": Decimal("1.50"), "day": date(2020, 1, 2), "b": b"\x00", "n": None, "yes": True}
    query = ", ".join(f"{{{{ {name} }}}} AS {name}" for name in variables)
    (row,) = read(shop, variables, Query=f"SELECT {query}").to_pylist()
    assert row == {"d": "1.50", "day": "2020-01-02", "b": b"\x00", "n": None, "yes": 1}


@pytest.mark.parametrize("value", [float("nan"), 1 << 63])
def test_a_value_that_sqlite_has_not_is_refused(shop, value):
    with pytest.raises(TemplateFailed):
        read(shop, {"x": value}, Query="SELECT {{ x }} AS x")


def test_a_file_that_is_not_there_is_not_made(tmp_path):
    with pytest.raises(ConnectionFailed, match="is not there"):
        read(tmp_path / "no.db", Table="shop")
    with pytest.raises(ConnectionFailed, match="is not there"):
        write(context_of(tmp_path / "no.db"), shelf((1, "one")))
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_database_is_refused(tmp_path):
    (tmp_path / "no.db").write_text("hello " * 1000)
    with pytest.raises(SourceFailed, match="SQLITE_NOTADB"):
        read(tmp_path / "no.db", Table="shop")


# Writing


def test_rows_are_appended_replaced_and_upserted(shop):
    assert write(context_of(shop), shelf((3, None), (4, ""))) == {"table": "shop"}
    assert run(shop, "SELECT * FROM shop WHERE id > 2") == [(3, None, 7), (4, "", 7)]
    write(context_of(shop), shelf((2, "second"), (5, "five")), Mode="upsert", Key=("id",))
    assert run(shop, "SELECT * FROM shop WHERE id IN (2, 5)") == [(2, "second", 2), (5, "five", 7)]
    write(context_of(shop), pa.RecordBatch.from_pydict({"id": [2, 6]}), Mode="upsert", Key=("id",))
    assert len(run(shop, "SELECT * FROM shop")) == 6
    write(context_of(shop), shelf((9, "nine")), Mode="overwrite")
    assert run(shop, "SELECT id FROM shop") == [(9,)]


def test_a_repeat_of_an_append_adds_nothing(shop):
    context = context_of(shop, execution_id="arn:execution")
    with pytest.raises(DataQualityFailed, match=r"UNIQUE constraint failed: shop\.id"):
        write(context, shelf((1, "one")))
    assert "repeated" not in write(context, shelf((3, "three")))
    assert write(context, shelf((3, "three")))["repeated"] is True
    assert len(run(shop, "SELECT * FROM shop")) == 3


def aborted(context, **asked):
    target = SqliteTarget(**{"ConnectionName": "shop", "Table": "shop", "CreateTable": True, **asked})
    with target.open(SHOP, context) as sink:
        sink.write(shelf((3, "three")))
        raise KeyError


@pytest.mark.parametrize("asked", [{}, {"Mode": "overwrite"}, {"Mode": "upsert", "Key": ("id",)}, {"Table": "new"}])
def test_an_aborted_load_leaves_all_as_it_was(shop, asked):
    before = run(shop, "SELECT * FROM sqlite_master"), run(shop, "SELECT * FROM shop")
    with pytest.raises(KeyError):
        aborted(context_of(shop, execution_id="arn"), **asked)
    assert before == (run(shop, "SELECT * FROM sqlite_master"), run(shop, "SELECT * FROM shop"))


def test_an_aborted_load_into_a_new_file_leaves_no_file(tmp_path):
    with pytest.raises(KeyError):
        aborted(context_of(tmp_path / "new.db"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("rows", "said"), [([(3, "a"), (3, "b")], "UNIQUE constraint failed"), ([(3, "a"), (3, "a")], "UNIQUE")]
)
def test_rows_that_a_key_does_not_tell_apart_are_refused(shop, rows, said):
    with pytest.raises(DataQualityFailed, match=said):
        write(context_of(shop), shelf(*rows), Mode="upsert", Key=("id",))


def test_null_in_a_key_is_refused(shop):
    with pytest.raises(DataQualityFailed, match="has NULL"):
        write(context_of(shop), shelf((None, "a")), Mode="upsert", Key=("id",))


@pytest.mark.parametrize(
    ("creation", "asked", "error", "said"),
    [
        ("SELECT 1", {}, TargetFailed, "there is no table 'odd'"),
        ("CREATE TABLE odd (id)", {}, TargetFailed, "has no column name; it has id"),
        ("CREATE TABLE odd (id, name, more NOT NULL)", {}, TargetFailed, "rows have no more"),
        ("CREATE TABLE odd (id, name AS (id))", {}, TargetFailed, "computes name itself"),
        ("CREATE TABLE odd (id, name)", {"Mode": "upsert", "Key": ("id",)}, TargetFailed, "no primary key or unique"),
        ("CREATE TABLE odd (id, name)", {"Mode": "upsert", "Key": ("x",)}, ValidationFailed, "Key names 'x'"),
        ("CREATE TABLE odd (id CHECK (id < 3), name)", {}, DataQualityFailed, "breaks a constraint"),
        ("CREATE TABLE odd (id, name NOT NULL)", {}, DataQualityFailed, "NOT NULL constraint failed: odd.name"),
    ],
)
def test_a_table_that_cannot_take_the_rows_is_refused(shop, creation, asked, error, said):
    run(shop, creation)
    with pytest.raises(error, match=said):
        write(context_of(shop), shelf((3, None)), Table="odd", **asked)


def test_columns_that_would_meet_in_one_are_refused(shop):
    with pytest.raises(TargetFailed, match="two columns"):
        write(context_of(shop), pa.RecordBatch.from_pydict({"id": [1], "ID": [2]}))


def test_a_file_that_another_writes_to_is_unavailable(shop, monkeypatch):
    monkeypatch.setattr(sqlite, "_WAIT", 0.0)
    with closing(sqlite3.connect(shop, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(TargetUnavailable, match="locked by another"):
            write(context_of(shop), shelf((3, "three")))


@pytest.mark.parametrize(
    ("values", "declared", "kept"),
    [
        (pa.array(["12", "-7", "0"]), "INTEGER", [12, -7, 0]),
        (pa.array([1.0, None]), "INTEGER", [1, None]),
        (pa.array([True]), "INTEGER", [1]),
        (pa.array([5]), "REAL", [5.0]),
        (pa.array([Decimal("1.50")]), "REAL", [1.5]),
        (pa.array([Decimal("1.50")]), "DECIMAL(5,2)", [1.5]),
        (pa.array([Decimal("2.00")]), "NUMERIC", [2]),
        (pa.array([12, None]), "TEXT", ["12", None]),
        (pa.array([time(1, 2, 3)]), "TIME", ["01:02:03"]),
        (pa.array([datetime(2020, 1, 1, tzinfo=UTC)]), "TEXT", ["2020-01-01 00:00:00+00"]),
        (pa.array(["x", "1"]), "", ["x", "1"]),
        (pa.array([b"x"]), "BLOB", [b"x"]),
        (pa.nulls(1), "INTEGER", [None]),
        (pa.array([None], pa.string()), "REAL", [None]),
    ],
)
def test_values_are_kept_as_they_are(shop, values, declared, kept):
    run(shop, f"CREATE TABLE t (c {declared})")
    write(context_of(shop), pa.RecordBatch.from_arrays([values], names=["c"]), Table="t")
    assert [row[0] for row in run(shop, "SELECT c FROM t")] == kept


@pytest.mark.parametrize(
    ("values", "declared"),
    [
        (pa.array(["012"]), "INTEGER"),
        (pa.array(["x"]), "INTEGER"),
        (pa.array(["1.50"]), "NUMERIC"),
        (pa.array(["1.50"]), "REAL"),
        (pa.array([1.5]), "INTEGER"),
        (pa.array([float("nan")]), "REAL"),
        (pa.array([(1 << 53) + 1]), "REAL"),
        (pa.array([(1 << 64) - 1], pa.uint64()), "INTEGER"),
        (pa.array([Decimal("1.50")]), "INTEGER"),
        (pa.array([Decimal("1.50")]), "BLOB"),
        (pa.array([Decimal("1234567890123456.78")]), "DECIMAL(20,2)"),
        (pa.array([b"x"]), "TEXT"),
        (pa.array([[1]]), "TEXT"),
    ],
)
def test_what_sqlite_would_change_is_refused(shop, values, declared):
    run(shop, f"CREATE TABLE t (c {declared})")
    with pytest.raises(DataNotRepresentable):
        write(context_of(shop), pa.RecordBatch.from_arrays([values], names=["c"]), Table="t")
    assert run(shop, "SELECT * FROM t") == []


def test_a_table_is_made_for_every_type(shop):
    schema = pa.schema(
        [
            pa.field("yes", pa.bool_()),
            pa.field("large", pa.uint64()),
            pa.field("half", pa.float32()),
            pa.field("wide", pa.decimal256(60, 10)),
            pa.field("thousands", pa.decimal128(5, -3)),
            pa.field("day", pa.date32()),
            pa.field("at", pa.timestamp("us")),
            pa.field("zoned", pa.timestamp("us", "UTC")),
            pa.field("clock", pa.time64("us")),
            as_text("uuid", "uuid"),
            as_text("any", "text"),
            pa.field("nothing", pa.null()),
        ]
    )
    row = {
        "yes": True,
        "large": (1 << 64) - 1,
        "half": 0.5,
        "wide": Decimal("12345678901234567890.0123456789"),
        "thousands": Decimal(5000),
        "day": date(2020, 1, 1),
        "at": datetime(2020, 1, 1, 2, 3, 4, 5),  # noqa: DTZ001
        "zoned": datetime(2020, 1, 1, tzinfo=UTC),
        "clock": time(1, 2),
        "uuid": "123e4567-e89b-12d3-a456-426614174000",
        "any": "1.50",
        "nothing": None,
    }
    write(context_of(shop), pa.RecordBatch.from_pylist([row], schema), Table="made", CreateTable=True)
    (found,) = read(shop, Table="made").to_pylist()
    assert found == {**row, "clock": "01:02:00"}


@pytest.mark.parametrize(
    ("declared", "kept"),
    [("POINT", "INTEGER"), ("CLOB", "TEXT"), ("", "BLOB"), ("DOUBLE PRECISION", "REAL"), ("STRING", "NUMERIC")],
)
def test_a_declared_type_says_what_sqlite_prefers(declared, kept):
    assert affinity(declared) == kept


def test_a_step_moves_rows_and_says_where_from(shop):
    run(shop, "CREATE TABLE copy (id INTEGER, name TEXT)")
    asked = {
        "Source": {"ConnectionName": "shop", "Query": "SELECT id, name FROM shop WHERE id > {{ least }}"},
        "Target": {"ConnectionName": "shop", "Table": "copy"},
    }
    # A reader in another connection sees what was there before the writer's commit.
    run(shop, "PRAGMA journal_mode = WAL")
    assert run_step("SqliteToSqlite", asked, context_of(shop, {"least": 1}))["rows"] == 1
    assert run(shop, "SELECT * FROM copy") == [(2, "two")]
    assert SqliteSource(ConnectionName="shop", Table="shop").place() == "sqlite://shop/shop"
    assert SqliteTarget(ConnectionName="shop", Table="copy").place() == "sqlite://shop/copy"
