"""Snowflake's ends at the border to the connector: which statements and files, and what becomes of the answers."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from runners.steps.ends import as_text, logical
from runners.steps.errors import (
    AuthenticationFailed,
    ClientMissing,
    ConnectionFailed,
    DataNotRepresentable,
    DataQualityFailed,
    SourceFailed,
    SourceUnavailable,
    TargetFailed,
    TargetUnavailable,
    TemplateFailed,
)
from runners.steps.systems import snowflake_writing
from runners.steps.systems.snowflake import SnowflakeSource, SnowflakeTarget
from runners.steps.systems.snowflake_session import bound
from runners.steps.systems.snowflake_types import Column, created_as, fitted
from runners.testing.steps import step_context
from tests.unit.steps.systems.rows import abandoned, written
from tests.unit.steps.systems.rows import read as all_of
from tests.unit.steps.systems.snowflake import Error, OperationalError, ProgrammingError, Snowflake

SHOP = {"account": "org-shop", "username": "ETL", "password": "planted", "dbname": "SHOP"}
EXECUTION = "arn:aws:states:eu-central-1:123456789012:execution:daily:1"


@pytest.fixture
def snowflake(monkeypatch):
    return Snowflake(monkeypatch)


def context_of(variables=None, described=None, **more):
    return step_context({"shop": described or SHOP}, variables, **more)


def source(**asked):
    return SnowflakeSource.checked({"ConnectionName": "shop", **asked})


def read(snowflake, kind, *sizes, values, **asked):
    snowflake.columns = [("X", kind, *sizes)]
    snowflake.tables = [pa.table({"X": values})]
    table = all_of(source(Query="SELECT x FROM t", **asked), context_of())
    return table.schema.field("X"), table["X"].to_pylist()


# Connecting


def test_a_session_is_opened_with_the_connection_and_closed(snowflake):
    snowflake.columns = [("N", "REAL")]
    all_of(source(Table="T"), context_of(described={**SHOP, "warehouse": "SMALL"}))
    (asked,) = snowflake.connected
    expected = {"account": "org-shop", "user": "ETL", "password": "planted", "database": "SHOP", "schema": "PUBLIC"}
    assert (expected | {"warehouse": "SMALL", "paramstyle": "qmark"}).items() <= asked.items()
    assert asked["arrow_number_to_decimal"] is True
    assert "role" not in asked
    assert snowflake.statements()[-1] == "CLOSE"


def test_a_key_pair_lets_in_too(snowflake):
    key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    encrypted = serialization.BestAvailableEncryption(b"phrase")
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encrypted).decode()
    described = {name: value for name, value in SHOP.items() if name != "password"} | {"private_key": pem}
    snowflake.columns = [("N", "REAL")]
    all_of(source(Table="T"), context_of(described={**described, "private_key_passphrase": "phrase"}))
    given = serialization.load_der_private_key(snowflake.connected[0]["private_key"], None)
    assert given.private_numbers() == key.private_numbers()
    with pytest.raises(ConnectionFailed, match="no PEM, or its passphrase is wrong"):
        all_of(source(Table="T"), context_of(described={**described, "private_key_passphrase": "other"}))


@pytest.mark.parametrize("described", [{}, {"password": "a", "private_key": "b"}])
def test_there_is_one_way_in(described):
    given = {name: value for name, value in SHOP.items() if name != "password"} | described
    with pytest.raises(ConnectionFailed, match="give password or private_key"):
        all_of(source(Table="T"), context_of(described=given))


@pytest.mark.parametrize(
    ("raised", "kind", "times"),
    [
        (Error(errno=250_001), AuthenticationFailed, 2),
        (Error(errno=390_144), AuthenticationFailed, 2),
        (OperationalError(errno=250_003), ConnectionFailed, 1),
    ],
)
def test_a_server_that_does_not_let_us_in_is_told_without_what_it_says(snowflake, raised, kind, times):
    snowflake.answers("CONNECT", raised)
    with pytest.raises(kind) as failed:
        all_of(source(Table="T"), context_of())
    assert "planted" not in str(failed.value)
    assert len(snowflake.connected) == times


def test_without_the_connector_it_is_said_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "snowflake.connector", None)
    with pytest.raises(ClientMissing, match=r"etl-runners\[snowflake\]"):
        all_of(source(Table="T"), context_of())


# Reading


@pytest.mark.parametrize("text", ["'; DROP TABLE t --", "?", "%s", "🙂", ""])
def test_no_text_changes_the_statement_and_each_arrives_as_it_is(snowflake, text):
    snowflake.columns = [("X", "REAL")]
    all_of(source(Query="SELECT x FROM t WHERE a = {{ text }}"), context_of({"text": text}))
    assert snowflake.asked[1:3] == [
        ("DESCRIBE SELECT x FROM t WHERE a = ?", (text,)),
        ("SELECT x FROM t WHERE a = ?", (text,)),
    ]


def test_times_are_bound_with_their_types():
    local, at = datetime.fromisoformat("2020-01-31"), datetime(2020, 1, 31, tzinfo=UTC)
    assert bound(local) == ("TIMESTAMP_NTZ", local)
    assert bound(at) == ("TIMESTAMP_TZ", at)
    assert bound(date(2020, 1, 31)) == date(2020, 1, 31)
    for value in (float("nan"), Decimal("Infinity")):
        with pytest.raises(TemplateFailed):
            bound(value)


@pytest.mark.parametrize(
    ("kind", "sizes", "values", "arrow", "expected"),
    [
        ("FIXED", (18, 0), pa.array([1], pa.int8()), pa.int64(), [1]),
        ("FIXED", (38, 0), pa.array([1], pa.int8()), pa.decimal128(38, 0), [Decimal(1)]),
        ("FIXED", (10, 2), pa.array([Decimal("1.50")]), pa.decimal128(10, 2), [Decimal("1.50")]),
        ("REAL", (), pa.array([0.1]), pa.float64(), [0.1]),
        ("TEXT", (), pa.array(["", None, "é🙂"]), pa.string(), ["", None, "é🙂"]),
        ("BINARY", (), pa.array([b"\x00"]), pa.binary(), [b"\x00"]),
        ("BOOLEAN", (), pa.array([True]), pa.bool_(), [True]),
        ("DATE", (), pa.array([date(2020, 1, 31)]), pa.date32(), [date(2020, 1, 31)]),
        ("TIME", (), pa.array(["04:05:06.123456000", None]), pa.time64("us"), [time(4, 5, 6, 123456), None]),
        (
            "TIMESTAMP_NTZ",
            (),
            pa.array(["2020-01-31 04:05:06.123456000"]),
            pa.timestamp("us"),
            [datetime.fromisoformat("2020-01-31T04:05:06.123456")],
        ),
        (
            "TIMESTAMP_TZ",
            (),
            pa.array(["2020-01-31 04:05:06.000000000 -01:30"]),
            pa.timestamp("us", "UTC"),
            [datetime(2020, 1, 31, 5, 35, 6, tzinfo=UTC)],
        ),
    ],
)
def test_each_type_has_its_column(snowflake, kind, sizes, values, arrow, expected):  # noqa: PLR0917  # a table
    field, found = read(snowflake, kind, *sizes, values=values)
    assert (field.type, found) == (arrow, expected)


@pytest.mark.parametrize(
    ("kind", "selected"),
    [
        ("VARIANT", 'TO_JSON("X")'),
        ("TIMESTAMP_TZ", "TO_VARCHAR(\"X\", 'YYYY-MM-DD HH24:MI:SS.FF9 TZH:TZM')"),
        ("TIME", "TO_VARCHAR(\"X\", 'HH24:MI:SS.FF9')"),
    ],
)
def test_what_the_connector_would_change_comes_as_text(snowflake, kind, selected):
    read(snowflake, kind, values=pa.array([], pa.string()))
    assert snowflake.statements("^SELECT") == [f'SELECT {selected} AS "X" FROM (\nSELECT x FROM t\n) AS source']


def test_json_and_offsets_can_be_text(snowflake):
    field, found = read(snowflake, "ARRAY", values=pa.array(["[1]"]))
    assert (logical(field), found) == ("json", ["[1]"])
    text = "2020-01-31 04:05:06.000000000 -01:30"
    field, found = read(snowflake, "TIMESTAMP_TZ", values=pa.array([text]), OffsetsAs="text")
    assert (logical(field), found) == ("timestamp", [text])


def test_a_time_finer_than_a_microsecond_is_refused(snowflake):
    with pytest.raises(DataNotRepresentable, match="the column X is finer than a microsecond"):
        read(snowflake, "TIMESTAMP_NTZ", values=pa.array(["2020-01-31 04:05:06.123456001"]))


def test_a_value_that_is_none_of_its_column_is_refused_without_it(snowflake):
    with pytest.raises(DataNotRepresentable, match="a value of the column X is no int64") as refused:
        read(snowflake, "FIXED", 5, 0, values=pa.array(["planted"]))
    assert "planted" not in str(refused.value)


@pytest.mark.parametrize(("kind", "words"), [("GEOGRAPHY", "X is GEOGRAPHY"), ("NEW", "X is of an unknown type")])
def test_a_type_that_is_not_known_is_refused(snowflake, kind, words):
    with pytest.raises(SourceFailed, match=words):
        read(snowflake, kind, values=pa.array([]))


def test_a_statement_without_a_result_is_refused(snowflake):
    with pytest.raises(SourceFailed, match="the query has no result"):
        all_of(source(Query="DELETE FROM t"), context_of())
    assert not snowflake.statements("^DELETE")


def test_large_tables_come_in_batches_and_an_empty_result_has_its_columns(snowflake):
    snowflake.columns = [("X", "TEXT")]
    snowflake.tables = [pa.table({"X": ["x" * 1_000_000] * 20})]
    context = context_of()
    with source(Table="T").open(context) as rows:
        assert [batch.num_rows for batch in rows.batches()] == [8, 8, 4]
    assert context.progress.bytes > 20_000_000
    snowflake.tables = []
    assert all_of(source(Table="T"), context_of()).schema == pa.schema({"X": pa.string()})


@pytest.mark.parametrize(
    ("raised", "kind", "words"),
    [
        (OperationalError(errno=250_005), SourceUnavailable, "error 250005"),
        (ProgrammingError("Object 'T' does not exist.", 2003), SourceFailed, "error 2003, Object 'T' does not exist"),
        (ProgrammingError(errno=100_035), SourceFailed, "error 100035$"),
        (ProgrammingError(errno=100_038), DataNotRepresentable, "error 100038"),
    ],
)
def test_what_goes_wrong_while_reading_is_told_without_values(snowflake, raised, kind, words):
    snowflake.columns = [("N", "REAL")]
    snowflake.answers("^SELECT", raised)
    with pytest.raises(kind, match=words) as failed:
        all_of(source(Table="T"), context_of())
    assert "planted" not in str(failed.value)


# Writing


def target(**asked):
    return SnowflakeTarget.checked({"ConnectionName": "shop", "Table": "SALES.ORDERS", **asked})


def write(rows, execution="", **asked):
    context = context_of(execution_id=execution, given=asked)
    return written(target(**asked), context, *rows.to_batches(), schema=rows.schema)


def own_name(snowflake):
    (created,) = snowflake.statements("CREATE TEMPORARY STAGE")
    return created.removeprefix("CREATE TEMPORARY STAGE ")


def test_rows_go_through_a_stage_of_the_session_alone_and_are_merged_at_once(snowflake):
    snowflake.columns = [("ID", "FIXED", 38, 0), ("Name", "TEXT")]
    assert write(pa.table({"id": [1], "name": ["a"]})) == {"table": "SALES.ORDERS"}
    arrived = own_name(snowflake)
    assert arrived.startswith('"SALES"."ETL_RUNNERS_')
    made = "NULL::VARCHAR::NUMBER(38, 0) AS c0, NULL::VARCHAR AS c1"
    described, stage, table, put, begin, copy, insert, commit, close = snowflake.statements()[1:]
    assert described == 'DESCRIBE SELECT * FROM "SALES"."ORDERS"'
    assert stage == f"CREATE TEMPORARY STAGE {arrived}"
    assert table == f"CREATE TEMPORARY TABLE {arrived} AS SELECT {made} WHERE FALSE"
    assert put.endswith(f"/0.parquet' @{arrived} AUTO_COMPRESS = FALSE")
    assert begin == "BEGIN"
    assert copy.startswith(
        f"COPY INTO {arrived} FROM (SELECT $1:c0::VARCHAR::NUMBER(38, 0), $1:c1::VARCHAR FROM @{arrived}) FILE_FORMAT"
    )
    assert "NULL_IF = ()" in copy
    assert insert == f'INSERT INTO "SALES"."ORDERS" ("ID", "Name") SELECT s.c0, s.c1 FROM {arrived} AS s'
    assert (commit, close) == ("COMMIT", "CLOSE")
    assert snowflake.files[0].to_pylist() == [{"c0": "1", "c1": "a"}]
    assert not Path(put.split("'")[1].removeprefix("file://")).parent.exists()


def test_files_are_sent_as_soon_as_they_are_large_enough(snowflake, monkeypatch):
    monkeypatch.setattr(snowflake_writing, "FILE_BYTES", 100)
    snowflake.columns = [("X", "TEXT")]
    context = context_of()
    batches = [pa.record_batch({"x": ["y" * 60]}) for _ in range(3)]
    written(target(), context, *batches)
    assert [file.num_rows for file in snowflake.files] == [2, 1]
    assert context.progress.bytes > 0


def test_no_rows_need_no_file(snowflake):
    snowflake.columns = [("X", "TEXT")]
    write(pa.table({"x": pa.array([], pa.string())}), Mode="overwrite")
    assert snowflake.files == []
    assert not snowflake.statements("COPY")
    assert [text.split()[0] for text in snowflake.statements()[-4:]] == ["DELETE", "INSERT", "COMMIT", "CLOSE"]


def test_a_repeat_of_an_append_adds_nothing(snowflake):
    snowflake.columns = [("X", "TEXT")]
    snowflake.answers("MERGE INTO", 1)
    assert write(pa.table({"x": ["a"]}), EXECUTION) == {"table": "SALES.ORDERS"}
    (merge,) = [one for one in snowflake.asked if one[0].startswith("MERGE")]
    assert merge[0].startswith('MERGE INTO "SALES"."ETL_RUNNERS_LOADS" AS t USING (SELECT ? AS K, ? AS N)')
    assert (len(merge[1][0]), merge[1][1]) == (64, "SALES.ORDERS")
    snowflake.asked.clear()
    snowflake.answers("MERGE INTO", 0)
    assert write(pa.table({"x": ["a"]}), EXECUTION) == {"table": "SALES.ORDERS", "repeated": True}
    assert snowflake.statements()[-2:] == ["ROLLBACK", "CLOSE"]
    assert not snowflake.statements("COPY|INSERT INTO .SALES")


def test_upsert_merges_by_key(snowflake):
    snowflake.columns = [("ID", "FIXED", 38, 0), ("NAME", "TEXT")]
    write(pa.table({"id": [1], "name": ["a"]}), Mode="upsert", Key=["id"])
    (merge,) = snowflake.statements("^MERGE")
    assert merge == (
        f'MERGE INTO "SALES"."ORDERS" AS t USING {own_name(snowflake)} AS s ON t."ID" = s.c0 WHEN MATCHED THEN UPDATE '
        'SET "NAME" = s.c1 WHEN NOT MATCHED THEN INSERT ("ID", "NAME") VALUES (s.c0, s.c1)'
    )
    write(pa.table({"id": [1]}), Mode="upsert", Key=["id"])
    assert "UPDATE" not in snowflake.statements("^MERGE")[1]


def test_rows_without_a_key_of_their_own_are_refused(snowflake):
    snowflake.columns = [("ID", "FIXED", 38, 0)]
    snowflake.answers("HAVING", [(1,)])
    with pytest.raises(DataQualityFailed, match="two rows have the same key id"):
        write(pa.table({"id": [1]}), Mode="upsert", Key=["id"])
    assert snowflake.statements()[-2:] == ["ROLLBACK", "CLOSE"]
    with pytest.raises(DataQualityFailed, match="no value in its key id"):
        write(pa.table({"id": pa.array([None], pa.int64())}), Mode="upsert", Key=["id"])


TYPES = [
    (pa.field("x", pa.bool_()), ("BOOLEAN",), [True], "NULL::BOOLEAN", [True]),
    (pa.field("x", pa.uint64()), ("FIXED", 38, 2), [2**64 - 1], "NULL::VARCHAR::NUMBER(38, 2)", [f"{2**64 - 1}.00"]),
    (as_text("x", "decimal"), ("FIXED", 5, 1), ["1.50"], "NULL::VARCHAR::NUMBER(5, 1)", ["1.5"]),
    (pa.field("x", pa.float32()), ("REAL",), [0.5], "NULL::FLOAT", [0.5]),
    (pa.field("x", pa.large_string()), ("TEXT",), ["", None], "NULL::VARCHAR", ["", None]),
    (as_text("x", "json"), ("OBJECT",), ["{}"], "PARSE_JSON(NULL::VARCHAR)::OBJECT", ["{}"]),
    (pa.field("x", pa.binary()), ("BINARY",), [b"\x00\xff", None], "TO_BINARY(NULL::VARCHAR, 'HEX')", ["00ff", None]),
    (pa.field("x", pa.date32()), ("DATE",), [date(2020, 1, 31)], "NULL::VARCHAR::DATE", ["2020-01-31"]),
    (pa.field("x", pa.time64("us")), ("TIME", 0, 9), [time(4, 5)], "NULL::VARCHAR::TIME(9)", ["04:05:00"]),
    (
        pa.field("x", pa.timestamp("us")),
        ("TIMESTAMP_NTZ", 0, 3),
        [datetime.fromisoformat("2020-01-31T04:05:06.789")],
        "NULL::VARCHAR::TIMESTAMP_NTZ(3)",
        ["2020-01-31 04:05:06.789"],
    ),
    (
        pa.field("x", pa.timestamp("us", "UTC")),
        ("TIMESTAMP_TZ", 0, 9),
        [datetime(2020, 1, 31, 4, tzinfo=UTC), None],
        "NULL::VARCHAR::TIMESTAMP_TZ(9)",
        ["2020-01-31 04:00:00+00:00", None],
    ),
]


@pytest.mark.parametrize(("field", "kind", "values", "converted", "expected"), TYPES)
def test_each_type_fits_the_table_s(field, kind, values, converted, expected):
    fit = fitted(field, Column("X", *(*kind, 0, 0)[:3]))
    found = fit.fit(pa.array(values, field.type))
    assert (fit.converted.format("NULL"), found.type) == (converted, fit.stored)
    assert found.to_pylist() == expected


@pytest.mark.parametrize(
    ("field", "kind", "values"),
    [
        (pa.field("x", pa.decimal128(5, 3)), ("FIXED", 5, 2), [Decimal("1.111")]),
        (pa.field("x", pa.int64()), ("FIXED", 5, 0), [100_000]),
        (as_text("x", "decimal"), ("FIXED", 5, 0), ["NaN"]),
        (pa.field("x", pa.int64()), ("REAL",), [2**53 + 1]),
        (
            pa.field("x", pa.timestamp("us")),
            ("TIMESTAMP_NTZ", 0, 3),
            [datetime.fromisoformat("2020-01-31T04:05:06.789123")],
        ),
        (pa.field("x", pa.timestamp("ns")), ("TIMESTAMP_NTZ", 0, 9), [1]),
        (pa.field("x", pa.time64("us")), ("TIME", 0, 0), [time(4, 5, 6, 1)]),
    ],
)
def test_a_value_that_the_table_would_change_is_refused(field, kind, values):
    with pytest.raises(DataNotRepresentable, match="the column x"):
        fitted(field, Column("X", *(*kind, 0, 0)[:3])).fit(pa.array(values, field.type))


@pytest.mark.parametrize(
    ("field", "kind"),
    [
        (pa.field("x", pa.float64()), "FIXED"),
        (pa.field("x", pa.int64()), "TEXT"),
        (pa.field("x", pa.timestamp("us", "UTC")), "TIMESTAMP_NTZ"),
        (pa.field("x", pa.string()), "GEOGRAPHY"),
    ],
)
def test_a_column_of_another_kind_is_refused(field, kind):
    with pytest.raises(TargetFailed, match=f"and the table's is {kind}: cast it"):
        fitted(field, Column("X", kind, 0, 0))


def test_a_table_is_created_of_the_rows_types(snowflake):
    kinds = [pa.bool_(), pa.int64(), pa.uint64(), pa.float32(), pa.string(), pa.binary(), pa.date32(), pa.time64("us")]
    kinds += [pa.timestamp("us"), pa.timestamp("us", "UTC"), pa.decimal128(10, 2)]
    created = "BOOLEAN|NUMBER(19, 0)|NUMBER(20, 0)|FLOAT|VARCHAR|BINARY|DATE|TIME(6)|TIMESTAMP_NTZ(6)|TIMESTAMP_TZ(6)"
    assert [created_as(pa.field("x", kind)) for kind in kinds] == [*created.split("|"), "NUMBER(10, 2)"]
    snowflake.columns = [("a", "FIXED", 19, 0), ("b", "VARIANT")]
    schema = pa.schema([pa.field("a", pa.int64(), nullable=False), as_text("b", "json")])
    write(pa.table([[1], ["{}"]], schema=schema), CreateTable=True)
    assert snowflake.statements("CREATE TABLE") == [
        'CREATE TABLE IF NOT EXISTS "SALES"."ORDERS" ("a" NUMBER(19, 0) NOT NULL, "b" VARIANT)'
    ]
    with pytest.raises(DataNotRepresentable, match="Snowflake has no type"):
        created_as(pa.field("x", pa.decimal256(50, 0)))


@pytest.mark.parametrize(
    ("columns", "asked", "words"),
    [
        ([("price", "TEXT")], {}, "has no column prise; did you mean price"),
        ([("other", "TEXT")], {}, "has no column prise; there are other"),
        ([("PRISE", "TEXT"), ("Prise", "TEXT")], {}, "has no column prise"),
        ([], {"Mode": "upsert", "Key": ["id"]}, "there is no column id; there are prise"),
    ],
)
def test_columns_are_checked_before_anything_is_written(snowflake, columns, asked, words):
    snowflake.columns = columns
    with pytest.raises(TargetFailed, match=words):
        write(pa.table({"prise": ["a"]}), **asked)
    assert not snowflake.statements("CREATE|BEGIN")


def test_a_column_is_found_by_its_exact_name_first(snowflake):
    snowflake.columns = [("X", "TEXT"), ("x", "TEXT")]
    write(pa.table({"x": ["a"]}))
    assert 'INSERT INTO "SALES"."ORDERS" ("x")' in snowflake.statements("INSERT")[0]


def test_an_abandoned_load_changes_nothing(snowflake):
    snowflake.columns = [("X", "TEXT")]
    with abandoned(target(), context_of(), pa.record_batch({"x": ["a"]})):
        pass
    assert not snowflake.statements("BEGIN|COMMIT|INSERT")


@pytest.mark.parametrize(
    ("raised", "kind"),
    [
        (OperationalError(errno=1), TargetUnavailable),
        (ProgrammingError(errno=100_132), DataNotRepresentable),
        (ProgrammingError(errno=100_072), TargetFailed),
    ],
)
def test_a_load_that_fails_is_undone_and_told_without_values(snowflake, raised, kind):
    snowflake.columns = [("X", "TEXT")]
    snowflake.answers("COPY INTO", raised)
    with pytest.raises(kind) as failed:
        write(pa.table({"x": ["a"]}))
    assert "planted" not in str(failed.value)
    assert snowflake.statements()[-2:] == ["ROLLBACK", "CLOSE"]


def test_examples_are_valid_and_say_where_they_are():
    assert SnowflakeSource.checked(SnowflakeSource.example).place() == "snowflake://shop/SALES.ORDERS".replace(
        "shop", "warehouse"
    )
    assert SnowflakeTarget.checked(SnowflakeTarget.example).place() == "snowflake://warehouse/SALES.ORDERS"
