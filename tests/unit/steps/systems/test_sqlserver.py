"""SQL Server's ends at the border to pymssql: which statements with which values, and what becomes of the answers."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time
from decimal import Decimal

import pyarrow as pa
import pymssql
import pytest

from runners.steps.ends import as_text, logical
from runners.steps.errors import (
    AuthenticationFailed,
    ConnectionFailed,
    DataNotRepresentable,
    DataQualityFailed,
    SourceFailed,
    SourceUnavailable,
    TargetFailed,
    TargetUnavailable,
    TemplateFailed,
    ValidationFailed,
)
from runners.steps.sql_dialect import Statement
from runners.steps.systems.sqlserver import MsSqlSource, MsSqlTarget
from runners.steps.systems.sqlserver_session import batch, declarations
from runners.steps.systems.sqlserver_types import Column, type_of
from runners.testing.steps import step_context
from tests.unit.steps.systems.rows import abandoned, written
from tests.unit.steps.systems.rows import read as all_of
from tests.unit.steps.systems.sqlserver import SqlServer, error

SHOP = {"host": "sql.example", "username": "etl", "password": "planted", "dbname": "shop"}
EXECUTION = "arn:aws:states:eu-central-1:123456789012:execution:daily:1"
DESCRIBE = "dm_exec_describe"


@pytest.fixture
def server(monkeypatch):
    server = SqlServer()
    monkeypatch.setattr(pymssql, "connect", server.connect)
    return server


def context_of(variables=None, **more):
    return step_context({"shop": SHOP}, variables, **more)


def source(**asked):
    return MsSqlSource.checked({"ConnectionName": "shop", **asked})


def described(server, *columns):
    """Let the server describe each query as having columns: name, type, precision, scale."""
    server.answers(DESCRIBE, [(*column, *(0, 0)[len(column) - 2 :], True, None, None) for column in columns])


def read(server, kind, value, precision=0, scale=0, **asked):
    server.answers(DESCRIBE, [("x", kind, precision, scale, True, None, None)])
    server.answers(r"^SELECT .* FROM|^select", [(value,), (None,)])
    table = all_of(source(Query="select x from t", **asked), context_of())
    first, second = table["x"].to_pylist()
    assert second is None
    return table.schema.field("x"), first


# Connecting


def test_a_session_is_opened_with_the_connection_and_closed(server):
    described(server, ("n", "int"))
    all_of(source(Table="dbo.orders"), context_of())
    ((asked,), *_) = (server.connected,)
    expected = {"server": "sql.example", "port": "1433", "user": "etl", "password": "planted", "database": "shop"}
    assert expected.items() <= asked.items()
    assert asked["encryption"] == "require"
    assert any("XACT_ABORT" in setting for setting in asked["conn_properties"])
    assert server.statements()[-1] == "CLOSE"


@pytest.mark.parametrize(
    ("raised", "kind", "times"),
    [
        (error(18456, kind=pymssql.OperationalError), AuthenticationFailed, 2),
        (pymssql.OperationalError((18456, b"planted")), AuthenticationFailed, 2),
        (error(20009), ConnectionFailed, 1),
        (pymssql.InterfaceError("planted"), ConnectionFailed, 1),
    ],
)
def test_a_server_that_does_not_let_us_in_is_told_without_what_it_says(server, raised, kind, times):
    server.answers("CONNECT", raised)
    with pytest.raises(kind) as failed:
        all_of(source(Table="t"), context_of())
    assert "planted" not in str(failed.value)
    assert len(server.connected) == times


# Binding


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("a", "nvarchar(4000)"),
        ("🙂" * 2_001, "nvarchar(max)"),
        (None, "nvarchar(4000)"),
        (True, "bit"),
        (2**63 - 1, "bigint"),
        (2**63, "decimal(38, 0)"),
        (Decimal("1.50"), "decimal(38, 2)"),
        (0.1, "float"),
        (b"\x00'", "varbinary(max)"),
        (date(2020, 1, 31), "date"),
        (datetime(2020, 1, 31, tzinfo=UTC), "datetimeoffset(6)"),
        (datetime.fromisoformat("2020-01-31"), "datetime2(6)"),
        (time(4), "time(6)"),
    ],
)
def test_each_value_is_bound_with_its_type(value, kind):
    statement = Statement("SELECT @p1", (value,))
    assert declarations(statement) == f"@p1 {kind}"
    assert f"DECLARE @p1 {kind} = CAST(%s AS {kind});" in batch(statement, {})[0]


@pytest.mark.parametrize("value", [Decimal("NaN"), float("inf"), 10**38, Decimal("0." + "1" * 39), [1], object()])
def test_a_value_that_sql_server_does_not_have_is_refused(value):
    with pytest.raises(TemplateFailed):
        batch(Statement("SELECT @p1", (value,)), {})


@pytest.mark.parametrize("text", ["'; DROP TABLE t --", "%s %d %(a)s", "a\\\nb", "\x00", "🙂", "", "100 %"])
def test_no_text_changes_the_statement_and_each_arrives_as_it_is(server, text):
    described(server, ("n", "int"))
    query = "SELECT n FROM t WHERE a LIKE '100%s' -- c:\\\nAND b = {{ text }}"
    all_of(source(Query=query), context_of({"text": text}))
    ((statement, values),) = [one for one in server.asked if one[0].startswith("SELECT n FROM")]
    assert statement == "SELECT n FROM t WHERE a LIKE '100%s' -- c:\\\nAND b = @p1"
    assert values == (text,)


# Reading


@pytest.mark.parametrize(
    ("kind", "value", "expected", "arrow"),
    [
        ("bit", True, True, pa.bool_()),
        ("tinyint", 255, 255, pa.int16()),
        ("bigint", -(2**63), -(2**63), pa.int64()),
        ("real", 0.5, 0.5, pa.float32()),
        ("float", 0.1, 0.1, pa.float64()),
        ("nvarchar(50)", "é🙂", "é🙂", pa.string()),
        ("varchar(max)", "", "", pa.string()),
        ("varbinary(8)", b"\x00", b"\x00", pa.binary()),
        ("date", date(2020, 1, 31), date(2020, 1, 31), pa.date32()),
        ("datetime", datetime(2020, 1, 1, 0, 0, 0, 3333), datetime(2020, 1, 1, 0, 0, 0, 3333), pa.timestamp("us")),  # noqa: DTZ001
        ("money", Decimal("1.2345"), Decimal("1.2345"), pa.decimal128(19, 4)),
        ("hierarchyid", b"x", b"x", pa.binary()),
    ],
)
def test_each_type_has_its_column(server, kind, value, expected, arrow):
    field, found = read(server, kind, value)
    assert (field.type, found) == (arrow, expected)


def test_decimals_have_their_digits(server):
    field, found = read(server, "decimal(38,10)", Decimal("1.1"), 38, 10)
    assert (field.type, found) == (pa.decimal128(38, 10), Decimal("1.1000000000"))


@pytest.mark.parametrize(
    ("kind", "given", "expected", "means"),
    [
        ("uniqueidentifier", "ABCDEF00-0000-0000-0000-000000000000", "abcdef00-0000-0000-0000-000000000000", "uuid"),
        ("xml", "<a/>", "<a/>", "text"),
        ("json", "{}", "{}", "json"),
    ],
)
def test_what_arrow_does_not_know_is_text(server, kind, given, expected, means):
    field, found = read(server, kind, given)
    assert (logical(field), found) == (means, expected)


@pytest.mark.parametrize(
    ("kind", "scale", "given", "expected"),
    [
        ("datetime2(7)", 7, "2020-01-31 04:05:06.1234560", datetime(2020, 1, 31, 4, 5, 6, 123456)),  # noqa: DTZ001
        ("time(7)", 7, "04:05:06.1234560", time(4, 5, 6, 123456)),
        ("datetimeoffset(7)", 7, "2020-01-31 04:05:06.1234560 -01:30", datetime(2020, 1, 31, 5, 35, 6, 123456, UTC)),
        ("datetimeoffset(0)", 0, "2020-01-31 04:05:06 +00:00", datetime(2020, 1, 31, 4, 5, 6, tzinfo=UTC)),
    ],
)
def test_times_that_the_driver_would_change_come_as_text_and_become_times(server, kind, scale, given, expected):
    assert read(server, kind, given, 0, scale)[1] == expected
    (selected,) = set(server.statements(r"^SELECT CONVERT"))
    assert selected == "SELECT CONVERT(varchar(34), source.[x], 121) AS [x] FROM (\nselect x from t\n) AS source"


def test_a_seventh_digit_is_refused_or_text(server):
    with pytest.raises(DataNotRepresentable, match="finer than a microsecond: set FineTimesAs to text"):
        read(server, "datetime2(7)", "2020-01-31 04:05:06.1234567", 0, 7)
    field, found = read(server, "datetime2(7)", "2020-01-31 04:05:06.1234567", 0, 7, FineTimesAs="text")
    assert (logical(field), found) == ("timestamp", "2020-01-31 04:05:06.1234567")
    assert logical(read(server, "time(7)", "04:05:06.1234567", 0, 7, FineTimesAs="text")[0]) == "time"


def test_there_is_no_other_way_for_times():
    with pytest.raises(ValidationFailed, match="FineTimesAs"):
        source(Table="t", FineTimesAs="nanoseconds")


def test_an_offset_can_be_kept_as_text(server):
    given = "2020-01-31 04:05:06 +02:00"
    assert read(server, "datetimeoffset(0)", given, 0, 0, OffsetsAs="text")[1] == given


def test_a_time_that_the_driver_does_not_change_comes_as_it_is(server):
    value = datetime(2020, 1, 31, 4, 5, 6, 123456)  # noqa: DTZ001
    assert read(server, "datetime2(6)", value, 0, 6)[1] == value
    assert server.statements("^select") == ["select x from t"]


def test_a_query_that_cannot_be_part_of_another_is_told_what_to_do(server):
    server.answers(DESCRIBE, [("x", "datetime2(7)", 0, 7, True, None, None)])
    asked = server._answer

    def answer(text, values):
        if "dm_exec" in text and "AS source" in values[0]:
            asked(text, values)
            return [(None, None, None, None, None, 1033, "The ORDER BY clause is invalid")]
        return asked(text, values)

    server._answer = answer
    with pytest.raises(DataNotRepresentable, match="the driver would change values of x"):
        all_of(source(Query="SELECT x FROM t ORDER BY x"), context_of())


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ((None, None, 0, 0, None, 208, "Invalid object name 'nowhere'."), "error 208, Invalid object name 'nowhere'"),
        ((None, "int", 10, 0, True, None, None), "column 1 of the query has no name"),
        (("x", "sql_variant", 0, 0, True, None, None), "the column x is sql_variant, which cannot be read"),
        (("x", None, 0, 0, True, None, None), "of a type without a name"),
        (None, "the query has no result"),
    ],
)
def test_a_query_that_cannot_be_read_is_refused_before_it_runs(server, row, words):
    server.answers(DESCRIBE, [row] if row else [])
    with pytest.raises(SourceFailed, match=words):
        all_of(source(Query="SELECT 1"), context_of())
    assert server.statements("^SELECT 1") == []


def test_a_value_that_is_not_what_was_described_is_refused(server):
    with pytest.raises(DataNotRepresentable, match="a value of the column x is no int32"):
        read(server, "int", "planted")


def test_rows_come_in_batches_and_an_empty_result_has_its_columns(server):
    described(server, ("n", "int"))
    context = context_of()
    server.answers("^SELECT .* FROM .dbo", [(number,) for number in range(2_500)])
    with source(Table="dbo.t").open(context) as rows:
        assert [batch.num_rows for batch in rows.batches()] == [1_000, 1_500]
    assert context.progress.bytes > 0
    server.answers("^SELECT .* FROM .dbo", [])
    assert all_of(source(Table="dbo.t"), context_of()).schema == pa.schema({"n": pa.int32()})


@pytest.mark.parametrize(
    ("kind", "scale", "expected"),
    [("datetime", 3, "datetime"), ("datetime2(3)", 3, "datetime2(3)"), ("decimal(10,2)", 2, "decimal(10, 2)")],
)
def test_a_cursor_s_value_has_the_type_of_its_column(kind, scale, expected):
    after = source(Table="t").after("n", 5)
    statement = after.statement(context_of().templates)
    column = Column("n", type_of(kind), 10, scale, True)
    assert after.casts(statement, [column]) == {1: expected}
    assert f"DECLARE @p1 {expected} = CAST(CAST(%s AS bigint) AS {expected});" in batch(statement, {1: expected})[0]


def test_only_rows_after_a_value_are_read(server):
    described(server, ("n", "int"))
    all_of(source(Table="t").after("n", 5), context_of())
    assert server.values("WHERE .n. > @p1") == ("5",)


def test_a_column_of_text_is_compared_as_it_is(server):
    described(server, ("n", "varchar(5)"))
    all_of(source(Table="t").after("n", "a"), context_of())
    all_of(source(Table="t").after("absent", "a"), context_of())
    assert server.values("> @p1") == ("a",)


@pytest.mark.parametrize(
    ("raised", "kind", "words"),
    [
        (error(1205), SourceUnavailable, "error 1205"),
        (error(208, "Invalid object name 'nowhere'.DB-Lib error message 20018"), SourceFailed, "'nowhere'.$"),
        (error(50000), SourceFailed, "error 50000$"),
        (error(8114), DataNotRepresentable, "error 8114"),
        (error(515), SourceFailed, "error 515"),
        (pymssql.InterfaceError("planted"), SourceFailed, "error 0"),
    ],
)
def test_what_goes_wrong_while_reading_is_told_without_values(server, raised, kind, words):
    described(server, ("n", "int"))
    server.answers("^SELECT . FROM", raised)
    with pytest.raises(kind, match=words) as failed:
        all_of(source(Table="t"), context_of())
    assert "planted" not in str(failed.value)


# Writing


def column(name, kind, length=0, *, precision=0, scale=0, collation="", identity=0, computed=0):
    return (name, kind, length, precision, scale, collation, identity, computed)


def table(server, *columns):
    server.answers("FROM sys.columns", columns)
    server.answers("MAX", lambda text: [(0,) * text.count("CASE")])


def target(**asked):
    return MsSqlTarget.checked({"ConnectionName": "shop", "Table": "dbo.orders", **asked})


def write(rows, execution="", **asked):
    context = context_of(execution_id=execution, given=asked)
    return written(target(**asked), context, *rows.to_batches(), schema=rows.schema)


def sent(server):
    return json.loads(server.values("OPENJSON")[0])


TYPES = [
    (pa.array([True]), column("x", "bit"), "bit", "true"),
    (pa.array([1], pa.int8()), column("x", "int"), "bigint", "1"),
    (
        pa.array([2**64 - 1], pa.uint64()),
        column("x", "decimal", precision=20, scale=0),
        "decimal(20, 0)",
        str(2**64 - 1),
    ),
    (pa.array([0.1]), column("x", "float"), "float", "0.1"),
    (pa.array([0.1], pa.float32()), column("x", "real"), "real", "0.1"),
    (pa.array([Decimal("1.50")]), column("x", "money"), "decimal(3, 2)", "1.50"),
    (pa.array([date(2020, 1, 31)]), column("x", "date"), "date", "2020-01-31"),
    (pa.array([time(4, 5)]), column("x", "time", scale=6), "time(6)", "04:05:00"),
    (
        pa.array([datetime(2020, 1, 31, 4, tzinfo=UTC)], pa.timestamp("us", "UTC")),
        column("x", "datetimeoffset", scale=6),
        "datetimeoffset(6)",
        "2020-01-31 04:00:00+00:00",
    ),
    (
        pa.array([1_000], pa.timestamp("ns")),
        column("x", "datetime2", scale=6),
        "datetime2(6)",
        "1970-01-01 00:00:00.000001",
    ),
    (pa.array([b"\x00\xff"]), column("x", "varbinary", -1), "varbinary(max)", "00ff"),
    (pa.array(['é"\n🙂']), column("x", "nvarchar", -1, collation="Latin1_General_CI_AS"), "nvarchar(max)", 'é"\n🙂'),
    (pa.array([""]), column("x", "varchar", 10, collation="Latin1_General_CI_AS"), "nvarchar(max)", ""),
]


@pytest.mark.parametrize(("values", "into", "staged", "text"), TYPES)
def test_each_type_arrives_as_it_is(server, values, into, staged, text):
    table(server, into)
    batch = pa.RecordBatch.from_arrays([pa.concat_arrays([values, pa.nulls(1, values.type)])], ["x"])
    assert write(pa.Table.from_batches([batch])) == {"table": "dbo.orders"}
    assert sent(server) == [[text], [None]]
    (created,) = server.statements("^CREATE TABLE #")
    assert created.startswith(f"CREATE TABLE #etl_runners_arrived (c0 {staged}")
    assert server.statements()[-2:] == ["COMMIT", "CLOSE"]


def test_a_text_that_is_a_number_or_an_id_goes_into_columns_of_such(server):
    table(server, column("n", "decimal", precision=10, scale=2), column("u", "uniqueidentifier"))
    schema = pa.schema([as_text("n", "decimal"), as_text("u", "uuid")])
    write(pa.table([["1.5"], ["12345678-1234-5678-1234-567812345678"]], schema=schema))
    assert sent(server) == [["1.50", "12345678-1234-5678-1234-567812345678"]]
    assert "UPPER(CAST(CAST(c1 AS uniqueidentifier) AS nvarchar(max))) <> UPPER(c1)" in server.statements("MAX")[0]
    with pytest.raises(DataNotRepresentable, match="a value of the column n is no decimal"):
        write(pa.table([["1.555"], [None]], schema=schema))


def test_what_the_table_would_change_is_refused(server):
    table(
        server,
        column("n", "decimal", precision=5, scale=1),
        column("v", "varchar", 3, collation="Latin1_General_CI_AS"),
        column("c", "nchar", 6, collation="Latin1_General_CI_AS"),
        column("same", "bigint"),
        column("x", "xml"),
    )
    server.answers("MAX", [(1, 0, 1)])
    names = {"n": [Decimal("1.11")], "v": ["abcd"], "c": ["a"], "same": [1], "x": ["<a/>"]}
    with pytest.raises(DataNotRepresentable, match="would change a value of n, c: its type is too small"):
        write(pa.table(names))
    (check,) = server.statements("MAX")
    assert "CAST(CAST(c0 AS decimal(5, 1)) AS decimal(3, 2)) <> c0" in check
    assert (
        "CAST(CAST(c1 COLLATE Latin1_General_CI_AS AS varchar(3)) AS nvarchar(max)) + N'|' COLLATE Latin1_General_BIN2 "
        "<> c1 + N'|' COLLATE Latin1_General_BIN2"
    ) in check
    assert "AS nchar(3)) AS nvarchar(max)) COLLATE Latin1_General_BIN2 <> c2 COLLATE" in check
    assert check.count("CASE") == 3
    assert "COMMIT" not in server.statements()


@pytest.mark.parametrize(
    ("values", "into", "words"),
    [
        (pa.array([float("nan")]), column("x", "float"), "NaN or infinite"),
        (pa.array([1], pa.timestamp("ns")), column("x", "datetime2", scale=7), "is no datetime2"),
        (pa.array([Decimal(1)], pa.decimal256(40, 0)), column("x", "float"), "SQL Server has no type"),
        (pa.array([1]), column("x", "nvarchar", -1), "is int64, and the table's is nvarchar: cast it"),
        (pa.array(["1"]), column("x", "int"), "is string, and the table's is int: cast it"),
    ],
)
def test_a_value_without_an_exact_form_is_refused(server, values, into, words):
    table(server, into)
    with pytest.raises(DataNotRepresentable, match=words):
        write(pa.table({"x": values}))
    assert "COMMIT" not in server.statements()


@pytest.mark.parametrize(
    ("into", "words"),
    [
        ([column("price", "int")], "has no column prise; did you mean price"),
        ([column("other", "int")], "has no column prise; there are other"),
        ([column("prise", "int", computed=1)], "is computed by SQL Server"),
        ([column("prise", "timestamp")], "is computed by SQL Server"),
        ([column("PRISE", "char", collation="a b")], "a collation without a plain name"),
        ([], "there is no table dbo.orders"),
    ],
)
def test_columns_are_checked_before_anything_is_written(server, into, words):
    table(server, *into)
    with pytest.raises(TargetFailed, match=words):
        write(pa.table({"prise": [1]}))


def test_rows_go_in_pieces_of_a_megabyte(server):
    table(server, column("x", "nvarchar", -1))
    context = context_of()
    written(target(), context, pa.record_batch({"x": ["a" * 400_000] * 5}))
    assert len(server.statements("OPENJSON")) == 2
    assert context.progress.bytes > 2_000_000


def test_append_inserts_what_has_arrived(server):
    table(server, column("id", "int", identity=1), column("Name", "nvarchar", -1))
    write(pa.table({"id": [1], "name": ["a"]}))
    (insert,) = server.statements("INSERT INTO .dbo")
    assert insert == (
        "SET IDENTITY_INSERT [dbo].[orders] ON; INSERT INTO [dbo].[orders] ([id], [Name]) SELECT [id], [Name] FROM "
        "(SELECT CAST(c0 AS int) AS [id], CAST(c1 AS nvarchar(max)) AS [Name] FROM #etl_runners_arrived) AS s"
    )


def test_a_repeat_of_an_append_adds_nothing(server):
    table(server, column("x", "bigint"))
    server.answers("ROWCOUNT", [(1,)])
    assert write(pa.table({"x": [1]}), EXECUTION) == {"table": "dbo.orders"}
    (created,) = server.statements("CREATE TABLE .dbo")
    assert created.startswith("IF OBJECT_ID('[dbo].[etl_runners_loads]') IS NULL CREATE TABLE")
    key, name = server.values("@@ROWCOUNT")
    assert (len(key), name) == (64, "dbo.orders")
    server.asked.clear()
    server.answers("IS NOT NULL", [(1,)])
    server.answers("ROWCOUNT", [(0,)])
    assert write(pa.table({"x": [1]}), EXECUTION) == {"table": "dbo.orders", "repeated": True}
    assert server.values("@@ROWCOUNT")[0] == key
    assert not server.statements("CREATE TABLE|OPENJSON|COMMIT")


def test_overwrite_deletes_and_inserts_in_one_transaction(server):
    table(server, column("x", "bigint"))
    write(pa.table({"x": [1]}), EXECUTION, Mode="overwrite")
    last = [text.split()[0] for text in server.statements()][-4:]
    assert last == ["DELETE", "INSERT", "COMMIT", "CLOSE"]
    assert server.statements().count("COMMIT") == 1


def test_upsert_updates_and_inserts_by_key_under_a_lock(server):
    table(server, column("id", "bigint"), column("name", "nvarchar", -1), column("n", "int", identity=1))
    write(pa.table({"id": [1], "name": ["a"], "n": [1]}), Mode="upsert", Key=["id"])
    (update,) = server.statements("^UPDATE")
    assert update.startswith(
        "UPDATE t SET t.[name] = s.[name] FROM [dbo].[orders] AS t WITH (UPDLOCK, HOLDLOCK) JOIN (SELECT"
    )
    assert update.endswith("ON t.[id] = s.[id]")
    (insert,) = server.statements("INSERT INTO .dbo")
    assert insert.endswith(
        "WHERE NOT EXISTS (SELECT 1 FROM [dbo].[orders] AS t WITH (UPDLOCK, HOLDLOCK) WHERE t.[id] = s.[id])"
    )


def test_upsert_of_nothing_but_keys_updates_nothing(server):
    table(server, column("id", "bigint"))
    write(pa.table({"id": [1]}), Mode="upsert", Key=["id"])
    assert server.statements("^UPDATE") == []


@pytest.mark.parametrize(("pattern", "words"), [("IS NULL$", "no value in its key id"), ("HAVING", "the same key id")])
def test_rows_without_a_key_of_their_own_are_refused(server, pattern, words):
    table(server, column("id", "bigint"))
    server.answers(pattern, [(1,)])
    with pytest.raises(DataQualityFailed, match=words):
        write(pa.table({"id": [1]}), Mode="upsert", Key=["id"])
    assert "COMMIT" not in server.statements()


def test_a_key_that_is_no_column_is_refused_before_anything_is_touched(server):
    with pytest.raises(TargetFailed, match="there is no column id; there are n"):
        write(pa.table({"n": [1]}), Mode="upsert", Key=["id"])
    assert server.connected == []


def test_a_table_is_created_of_the_rows_types(server):
    answers = iter([[], [column("a", "bigint"), column("b", "uniqueidentifier"), column("c", "nvarchar", -1)]])
    asked = server._answer
    server._answer = lambda text, values: next(answers) if "sys.columns" in text else asked(text, values)
    schema = pa.schema([pa.field("a", pa.int64(), nullable=False), as_text("b", "uuid"), ("c", pa.string())])
    server.answers("MAX", lambda text: [(0,) * text.count("CASE")])
    write(pa.table([[1], [None], [None]], schema=schema), CreateTable=True)
    assert server.statements("CREATE TABLE .dbo") == [
        "CREATE TABLE [dbo].[orders] ([a] bigint NOT NULL, [b] uniqueidentifier, [c] nvarchar(max))"
    ]


@pytest.mark.parametrize(
    ("asked", "kind"),
    [
        ({}, TargetFailed),
        ({"execution": EXECUTION}, TargetUnavailable),
        ({"Mode": "overwrite"}, TargetUnavailable),
    ],
)
def test_rows_that_are_there_or_not_are_not_added_again_by_themselves(server, asked, kind):
    table(server, column("x", "bigint"))
    for question in ("IS NOT NULL", "ROWCOUNT"):  # whether there is a table of loads, and whether this one is new
        server.answers(question, [(1,)])
    server.answers("^COMMIT$", error(20047))
    with pytest.raises(kind, match="look before you run it again" if kind is TargetFailed else "20047"):
        write(pa.table({"x": [1]}), **asked)


def test_an_abandoned_load_commits_nothing(server):
    table(server, column("x", "bigint"))
    with abandoned(target(), context_of(), pa.record_batch({"x": [1]})):
        pass
    assert "COMMIT" not in server.statements()
    assert server.statements()[-1] == "CLOSE"


@pytest.mark.parametrize(
    ("raised", "kind", "words"),
    [
        (error(1205), TargetUnavailable, "error 1205"),
        (error(2627), DataQualityFailed, "same key, or one that is there"),
        (error(2628), DataNotRepresentable, "error 2628"),
        (error(50000), TargetFailed, "error 50000$"),
    ],
)
def test_what_goes_wrong_while_writing_is_told_without_values(server, raised, kind, words):
    table(server, column("x", "bigint"))
    server.answers("INSERT INTO .dbo", raised)
    with pytest.raises(kind, match=words) as failed:
        write(pa.table({"x": [1]}))
    assert "planted" not in str(failed.value)


def test_examples_are_valid_and_say_where_they_are():
    assert MsSqlSource.checked(MsSqlSource.example).place() == "mssql://shop/query"
    assert MsSqlTarget.checked(MsSqlTarget.example).place() == "mssql://shop/dbo.orders"
