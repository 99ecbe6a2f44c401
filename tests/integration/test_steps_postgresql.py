"""Steps from and to a real PostgreSQL: bound values, writes that are all or nothing, errors that tell no value."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from contextlib import suppress
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runners.steps.ends import Encoding
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
)
from runners.steps.formats.csv import CANONICAL
from runners.steps.systems.postgresql import PostgreSqlSource, PostgreSqlTarget
from runners.testing.steps import DescribedConnections, MemoryCursors, run_step, step_context
from tests.integration.waiting import eventually, in_background

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runners.steps.context import StepContext
    from runners.steps.cursors import Cursor
    from tests.integration.databases import Database

PLANTED = "planted-value-4711"
SCHEMA = pa.schema([("id", pa.int64()), ("name", pa.string())])
ORDERS = "CREATE TABLE orders (id bigint PRIMARY KEY, name text)"


class StopEarly(Exception):  # noqa: N818
    """What a test stops with."""


def described(database: Database) -> dict[str, Any]:
    server = database.server
    return {
        "host": server.host,
        "port": server.port,
        "username": server.user,
        "password": server.password,
        "dbname": database.name,
    }


def context_of(database: Database, variables: dict[str, Any] | None = None, **more: Any) -> StepContext:
    return step_context({"shop": described(database)}, variables, **more)


def read(database: Database, query: str, **variables: Any) -> list[dict[str, Any]]:
    with PostgreSqlSource(ConnectionName="shop", Query=query).open(context_of(database, variables)) as rows:
        return pa.Table.from_batches(rows.batches(), rows.schema).to_pylist()


def batch(*rows: tuple[int | None, str | None], schema: pa.Schema = SCHEMA) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist([dict(zip(schema.names, row, strict=True)) for row in rows], schema)


def write(
    database: Database, *batches: pa.RecordBatch, context: StepContext | None = None, **parameters: Any
) -> dict[str, Any]:
    target = PostgreSqlTarget(ConnectionName="shop", **{"Table": "orders", **parameters})
    with target.open(batches[0].schema, context or context_of(database)) as sink:
        for one in batches:
            sink.write(one)
        return sink.commit()


def in_execution(database: Database, **more: Any) -> StepContext:
    return context_of(database, execution_id="arn:aws:states:eu-west-1:1:execution:shop:1", **more)


def told(error: BaseException) -> str:
    """All that an error tells anybody."""
    assert isinstance(error, StepError)
    return str(error) + error.cause() + repr(error.__cause__) + str(error.__suppress_context__)


class TestReading:
    def test_rows_come_in_the_order_of_the_query_in_several_batches(self, postgresql: Database) -> None:
        source = PostgreSqlSource(
            ConnectionName="shop",
            Query="SELECT i, repeat('x', 1000) t FROM generate_series(1, 20000) i ORDER BY i DESC",
        )
        with source.open(context_of(postgresql)) as rows:
            batches = list(rows.batches())

        assert len(batches) > 1
        assert [number for one in batches for number in one["i"].to_pylist()] == list(range(20_000, 0, -1))
        assert {len(text) for one in batches for text in one["t"].to_pylist()} == {1000}

    def test_an_empty_result_still_has_its_columns(self, postgresql: Database) -> None:
        with PostgreSqlSource(ConnectionName="shop", Query="SELECT 1 AS one WHERE false").open(
            context_of(postgresql)
        ) as rows:
            assert rows.schema == pa.schema([("one", pa.int32())])
            assert list(rows.batches()) == []

    def test_columns_of_a_table_are_chosen_by_name(self, postgresql: Database) -> None:
        postgresql.run('CREATE SCHEMA "My Shop"', 'CREATE TABLE "My Shop".t ("a%s" int, b int)')
        postgresql.run('INSERT INTO "My Shop".t VALUES (1, 2)')
        source = PostgreSqlSource(ConnectionName="shop", Table="My Shop.t", Columns=("a%s",))
        with source.open(context_of(postgresql)) as rows:
            assert [one.to_pylist() for one in rows.batches()] == [[{"a%s": 1}]]

    def test_what_comes_after_a_cursor_is_read(self, postgresql: Database) -> None:
        postgresql.run(
            "CREATE TABLE orders (id int, day date, at timestamptz, seen timestamp)",
            "INSERT INTO orders SELECT i, DATE '2020-01-01' + i, TIMESTAMPTZ '2020-01-01 00:00+00' + i * "
            "INTERVAL '1 day', TIMESTAMP '2020-01-01' + i * INTERVAL '1 day' FROM generate_series(1, 5) i",
        )
        since = {
            "id": 3,
            "day": date(2020, 1, 4),
            "at": datetime(2020, 1, 4, tzinfo=UTC),
            "seen": datetime(2020, 1, 4),  # noqa: DTZ001  # the column has no zone
        }
        for query in ({"Table": "orders"}, {"Query": "SELECT *, '100%' AS share FROM orders;"}):
            source = PostgreSqlSource(ConnectionName="shop", **query)
            for column, value in since.items():
                with source.after(column, value).open(context_of(postgresql)) as rows:
                    assert [row["id"] for one in rows.batches() for row in one.to_pylist()] == [4, 5]

    def test_a_source_only_reads(self, postgresql: Database) -> None:
        postgresql.run(
            ORDERS, "CREATE FUNCTION made() RETURNS int AS 'INSERT INTO orders VALUES (1); SELECT 1' LANGUAGE sql"
        )
        with pytest.raises(SourceFailed):
            read(postgresql, "SELECT made() FROM generate_series(1, 2)")
        assert postgresql.rows("SELECT * FROM orders") == []

    def test_two_columns_of_one_name_are_refused(self, postgresql: Database) -> None:
        with pytest.raises(SourceFailed, match="two columns a: give one of them another name"):
            read(postgresql, "SELECT 1 AS a, 2 AS a")

    def test_a_column_that_is_to_travel_as_text_must_be_there(self, postgresql: Database) -> None:
        source = PostgreSqlSource(ConnectionName="shop", Query="SELECT 1 AS a", AsText=("b",))
        with (
            pytest.raises(SourceFailed, match="AsText names the column 'b'"),
            source.open(context_of(postgresql)),
        ):
            pass

    def test_a_query_that_is_wrong_is_told_by_its_names_alone(self, postgresql: Database) -> None:
        with pytest.raises(SourceFailed, match=r'relation "nowhere" does not exist \(42P01\)'):
            read(postgresql, "SELECT * FROM nowhere")
        with pytest.raises(SourceFailed, match=r"invalid text representation \(22P02\)") as failed:
            read(postgresql, "SELECT {{ value }}::int AS a", value=PLANTED)
        assert PLANTED not in told(failed.value)
        with pytest.raises(SourceFailed, match=r"syntax error \(42601\), character \d+") as failed:
            read(postgresql, "SELECT 1 AS a FROM {{ value }} WHERE", value=PLANTED)
        assert PLANTED not in told(failed.value)

    def test_an_error_amid_the_rows_is_raised(self, postgresql: Database) -> None:
        query = "SELECT 1 / (15000 - i) AS a, repeat('x', 1000) AS b FROM generate_series(1, 20000) i"
        with pytest.raises(SourceFailed, match="division by zero"):
            read(postgresql, query)

    def test_a_server_that_goes_amid_the_rows_is_unavailable(self, postgresql: Database) -> None:
        query = "SELECT repeat('x', 1000) AS a FROM generate_series(1, 200000)"
        with PostgreSqlSource(ConnectionName="shop", Query=query).open(context_of(postgresql)) as rows:
            batches = rows.batches()
            next(batches)
            ended(postgresql)
            with pytest.raises(SourceUnavailable):
                list(batches)

    def test_a_reader_that_stops_early_leaves_nothing_running(self, postgresql: Database) -> None:
        query = "SELECT repeat('x', 1000) AS a FROM generate_series(1, 1000000)"
        with (
            suppress(StopEarly),
            PostgreSqlSource(ConnectionName="shop", Query=query).open(context_of(postgresql)) as rows,
        ):
            next(rows.batches())
            raise StopEarly
        eventually(lambda: not sessions(postgresql))


class TestCsv:
    def test_copy_writes_the_csv_itself_and_counts_the_rows(self, postgresql: Database) -> None:
        source = PostgreSqlSource(ConnectionName="shop", Query="VALUES (true, '', NULL), (false, 'a\"b,', 'c')")
        opened = source.encoded(CANONICAL, context_of(postgresql))
        assert opened is not None
        with opened as encoded:
            assert b"".join(encoded.chunks()) == b'column1,column2,column3\ntrue,"",\nfalse,"a""b,",c\n'
            assert encoded.rows == 2

    def test_other_delimiters_and_nulls_are_copys_options(self, postgresql: Database) -> None:
        form = Encoding("csv", (("delimiter", "'"), ("header", False), ("null", r"\N"), ("line_end", "\n")))
        source = PostgreSqlSource(ConnectionName="shop", Query="SELECT 1 AS a, NULL AS b, '' AS c")
        opened = source.encoded(form, context_of(postgresql))
        assert opened is not None
        with opened as encoded:
            assert b"".join(encoded.chunks()) == b"1'\\N'\n"

    @pytest.mark.parametrize(
        "encoding",
        [
            Encoding("parquet"),
            Encoding("csv", (("delimiter", ","), ("header", True), ("null", ""), ("line_end", "\r\n"))),
            Encoding("csv", (("delimiter", "ż"), ("header", True), ("null", ""), ("line_end", "\n"))),
            Encoding("csv", (("delimiter", "N"), ("header", True), ("null", r"\N"), ("line_end", "\n"))),
            Encoding("csv", (*CANONICAL.options, ("quote", "'"))),
        ],
    )
    def test_what_copy_cannot_write_goes_by_rows(self, encoding: Encoding, postgresql: Database) -> None:
        source = PostgreSqlSource(ConnectionName="shop", Query="SELECT 1 AS a")
        assert source.encoded(encoding, context_of(postgresql)) is None

    def test_an_empty_result_still_has_a_header(self, postgresql: Database) -> None:
        opened = PostgreSqlSource(ConnectionName="shop", Query='SELECT 1 AS "a""b", true AS c LIMIT 0').encoded(
            CANONICAL, context_of(postgresql)
        )
        assert opened is not None
        with opened as encoded:
            assert b"".join(encoded.chunks()) == b'"a""b",c\n'
            assert encoded.rows == 0


hostile = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40),
    st.sampled_from(
        [
            "'; DROP TABLE kept; --",
            "' OR 1=1 --",
            "\\' OR 1=1 --",
            "*/ DROP TABLE kept; /*",
            "$$; DROP TABLE kept; $$",
            "%s %(a)s %%",
            "{{ 7 * 7 }}{% raw %}",
            ") TO STDOUT; DROP TABLE kept; COPY (SELECT 1",
            "\u2019; --",
            "\\",
            "\n--\n",
        ]
    ),
)


class TestBoundValues:
    @settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        value=hostile,
        others=st.lists(hostile, min_size=1, max_size=4),
        number=st.integers(-(2**63), 2**63 - 1),
        double=st.floats(allow_nan=False),
    )
    def test_a_value_comes_back_as_it_was_and_never_changes_the_statement(
        self, value: str, others: list[str], number: int, double: float, postgresql: Database
    ) -> None:
        query = (
            "SELECT {{ value }}::text AS value, {{ value }} IN ({{ others }}) AS among, "
            "{{ number }}::bigint AS number, {{ number }}::text AS digits, {{ decimal }}::numeric::text AS decimal, "
            "{{ double }}::float8 AS double, '100%' AS share, "
            "CASE WHEN {{ value }} LIKE '%' THEN 1 END AS one -- the end"
        )
        decimal = Decimal(number) / 100
        expected = {"value": value, "among": value in others, "number": number, "digits": str(number)}
        expected |= {"decimal": f"{decimal:f}", "double": double, "share": "100%", "one": 1}
        variables = {"value": value, "others": others, "number": number, "decimal": decimal, "double": double}
        assert read(postgresql, query, **variables) == [expected]

    @pytest.mark.parametrize("value", [Decimal("NaN"), float("nan"), Decimal("-Infinity"), float("-inf")])
    def test_what_is_no_number_is_bound_all_the_same(self, value: float | Decimal, postgresql: Database) -> None:
        assert read(postgresql, "SELECT {{ value }}::text AS a", value=value) == [
            {"a": str(value).replace("inf", "Infinity").replace("nan", "NaN")}
        ]

    @pytest.mark.parametrize(
        "query", ["SELECT '{{ value }}' AS a", "SELECT 1 AS a -- {{ value }}", "SELECT 1 AS a /* {{ value }} */"]
    )
    def test_a_value_within_quotes_or_a_comment_is_refused(self, query: str, postgresql: Database) -> None:
        with pytest.raises(TemplateFailed):
            read(postgresql, query, value="\n' OR 1=1 */ --")

    @pytest.mark.parametrize("value", ["\0", "\ud800"])
    def test_a_text_that_postgresql_cannot_hold_is_refused(self, value: str, postgresql: Database) -> None:
        with pytest.raises(TemplateFailed, match="cannot be bound"):
            read(postgresql, "SELECT {{ value }}::text AS a", value=value)

    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(name=hostile)
    def test_a_name_is_quoted_or_refused(self, name: str, postgresql: Database) -> None:
        try:
            read(postgresql, "SELECT 1 AS a FROM {{ name | identifier }}", name=name)
        except TemplateFailed:
            return
        except SourceFailed as error:
            assert error.details["sqlstate"] in {"42P01", "3F000", "0A000", "42602"}  # noqa: PT017  # there is no such table
        else:
            pytest.fail("there is no such table")


class TestWriting:
    def test_append_adds_rows(self, postgresql: Database) -> None:
        postgresql.run(ORDERS, "INSERT INTO orders VALUES (1, 'there')")
        context = context_of(postgresql)
        assert write(postgresql, batch((2, ""), (3, None)), context=context) == {"table": "orders"}
        assert postgresql.rows("SELECT * FROM orders ORDER BY 1") == [(1, "there"), (2, ""), (3, None)]
        assert context.progress.bytes > 0

    def test_a_batch_that_is_very_large_is_sent_in_parts(self, postgresql: Database) -> None:
        postgresql.run(ORDERS)
        write(postgresql, batch(*((number, "x" * 1_000_000) for number in range(50))))
        assert postgresql.rows("SELECT count(*), sum(length(name)) FROM orders") == [(50, 50_000_000)]

    def test_columns_go_by_their_names_and_others_take_their_defaults(self, postgresql: Database) -> None:
        postgresql.run(
            "CREATE TABLE orders (name text, at timestamptz NOT NULL DEFAULT now(), "
            "id int GENERATED ALWAYS AS IDENTITY)"
        )
        write(postgresql, batch((7, "a")))
        assert postgresql.rows("SELECT name, id, at IS NOT NULL FROM orders") == [("a", 7, True)]

    def test_a_domain_is_what_it_is_made_of(self, postgresql: Database) -> None:
        postgresql.run(
            "CREATE DOMAIN code AS varchar(3) CHECK (VALUE <> 'bad')", "CREATE TABLE orders (id int, name code)"
        )
        write(postgresql, batch((7, "abc")))
        with pytest.raises(DataNotRepresentable, match="longer than the 3 characters of the column name"):
            write(postgresql, batch((7, "abcd")))
        with pytest.raises(DataQualityFailed, match="code_check"):
            write(postgresql, batch((7, "bad")))
        assert postgresql.rows("SELECT * FROM orders") == [(7, "abc")]

    @pytest.mark.parametrize("kind", ["text", "mood"])
    def test_nothing_is_to_be_seen_of_rows_that_are_not_committed(self, kind: str, postgresql: Database) -> None:
        postgresql.run("CREATE TYPE mood AS ENUM ('sad', 'glad')", f"CREATE TABLE orders (id int, name {kind})")
        postgresql.run("INSERT INTO orders VALUES (1, 'sad')")
        target = PostgreSqlTarget(ConnectionName="shop", Table="orders", Mode="overwrite")
        with target.open(SCHEMA, context_of(postgresql)) as sink:
            sink.write(batch((2, "glad")))
            assert postgresql.rows("SELECT * FROM orders") == [(1, "sad")]  # and nobody waits
        with suppress(StopEarly), target.open(SCHEMA, context_of(postgresql)) as sink:
            sink.write(batch((2, "glad")))
            sink.write(batch((3, "glad")))
            raise StopEarly
        eventually(lambda: not sessions(postgresql))
        assert postgresql.rows("SELECT * FROM orders") == [(1, "sad")]
        write(postgresql, batch((2, "glad")), Mode="overwrite")
        assert postgresql.rows("SELECT * FROM orders") == [(2, "glad")]

    def test_overwriting_with_nothing_empties_the_table(self, postgresql: Database) -> None:
        postgresql.run(ORDERS, "INSERT INTO orders VALUES (1, 'a')")
        write(postgresql, batch(), Mode="overwrite")
        assert postgresql.rows("SELECT * FROM orders") == []

    def test_two_overwrites_at_one_time_leave_the_rows_of_one(self, postgresql: Database) -> None:
        postgresql.run(ORDERS)
        target = PostgreSqlTarget(ConnectionName="shop", Table="orders", Mode="overwrite")
        with target.open(SCHEMA, context_of(postgresql)) as sink:
            sink.write(batch((1, "first")))
            second = in_background(lambda: write(postgresql, batch((2, "second")), Mode="overwrite"))
            eventually(lambda: waiting_for_a_lock(postgresql))
            sink.commit()
        second()
        assert postgresql.rows("SELECT * FROM orders") == [(2, "second")]

    def test_a_table_that_is_not_there_is_created_with_its_rows_or_not_at_all(self, postgresql: Database) -> None:
        schema = pa.schema([pa.field("id", pa.int64(), nullable=False), ("name", pa.string())])
        target = PostgreSqlTarget(ConnectionName="shop", Table="public.orders", CreateTable=True)
        with target.open(schema, context_of(postgresql)) as sink:
            sink.write(batch((1, "a"), schema=schema))
        assert postgresql.rows("SELECT to_regclass('orders')") == [(None,)]
        write(postgresql, batch((1, "a"), schema=schema), CreateTable=True, Mode="upsert", Key=("id",))
        write(postgresql, batch((1, "b"), schema=schema), CreateTable=True, Mode="upsert", Key=("id",))
        assert postgresql.rows("SELECT * FROM orders") == [(1, "b")]

    def test_what_is_refused_before_anything_is_written(self, postgresql: Database) -> None:
        with pytest.raises(TargetFailed, match="there is no table orders at shop: set CreateTable"):
            write(postgresql, batch((1, "a")))
        postgresql.run("CREATE TABLE orders (id int, names text, at date NOT NULL)")
        with pytest.raises(TargetFailed, match="has no column 'name'; did you mean names"):
            write(postgresql, batch((1, "a")))
        postgresql.run("ALTER TABLE orders RENAME names TO name")
        with pytest.raises(TargetFailed, match="needs the column at, which does not come; there are id, name"):
            write(postgresql, batch((1, "a")))
        postgresql.run("ALTER TABLE orders DROP at")
        with pytest.raises(TargetFailed, match=r"no primary key or unique index on id"):
            write(postgresql, batch((1, "a")), Mode="upsert", Key=("id",))
        with pytest.raises(TemplateFailed):
            write(postgresql, batch((1, "a")), Table='orders"; DROP TABLE orders; --')
        assert postgresql.rows("SELECT * FROM orders") == []


class TestUpsert:
    @pytest.fixture(autouse=True)
    def _orders(self, postgresql: Database) -> None:
        postgresql.run(ORDERS, "INSERT INTO orders VALUES (1, 'old'), (2, 'stays')")

    def test_rows_of_the_same_key_are_replaced_however_often_it_is_repeated(self, postgresql: Database) -> None:
        for _ in range(2):
            write(postgresql, batch((1, "new"), (3, None)), Mode="upsert", Key=("id",))
        assert postgresql.rows("SELECT * FROM orders ORDER BY 1") == [(1, "new"), (2, "stays"), (3, None)]

    def test_a_key_alone_is_added_where_it_is_missing(self, postgresql: Database) -> None:
        schema = pa.schema([("id", pa.int64())])
        rows = pa.RecordBatch.from_pylist([{"id": 1}, {"id": 5}], schema)
        write(postgresql, rows, Mode="upsert", Key=("id",))
        assert postgresql.rows("SELECT * FROM orders ORDER BY 1") == [(1, "old"), (2, "stays"), (5, None)]

    def test_two_rows_of_one_key_are_refused(self, postgresql: Database) -> None:
        with pytest.raises(DataQualityFailed, match="1 rows have the key id of another row"):
            write(postgresql, batch((1, "a"), (4, "b"), (1, "c")), Mode="upsert", Key=("id",))
        assert postgresql.rows("SELECT * FROM orders ORDER BY 1") == [(1, "old"), (2, "stays")]

    def test_a_row_without_a_key_is_refused(self, postgresql: Database) -> None:
        with pytest.raises(DataQualityFailed, match="1 rows have no value in the key id"):
            write(postgresql, batch((None, "a")), Mode="upsert", Key=("id",))


class TestRepeats:
    def test_a_repeat_of_an_append_adds_nothing(self, postgresql: Database) -> None:
        postgresql.run("CREATE SCHEMA shop", "CREATE TABLE shop.orders (id int, name text)")
        parameters = {"Table": "shop.orders"}
        context = in_execution(postgresql)
        assert write(postgresql, batch((1, "a")), context=context, **parameters) == {"table": "shop.orders"}
        assert write(postgresql, batch((1, "a")), context=context, **parameters) == {
            "table": "shop.orders",
            "repeated": True,
        }
        write(postgresql, batch((2, "b")), context=in_execution(postgresql, step_id="another"), **parameters)
        assert postgresql.rows("SELECT * FROM shop.orders ORDER BY 1") == [(1, "a"), (2, "b")]
        assert postgresql.rows("SELECT count(*) FROM shop.etl_runners_loads") == [(2,)]

    def test_a_load_that_failed_is_none(self, postgresql: Database) -> None:
        postgresql.run(ORDERS)
        context = in_execution(postgresql)
        with pytest.raises(DataQualityFailed):
            write(postgresql, batch((1, "a"), (1, "b")), context=context)
        write(postgresql, batch((1, "a")), context=context)
        assert postgresql.rows("SELECT * FROM orders") == [(1, "a")]

    def test_two_repeats_at_one_time_add_once(self, postgresql: Database) -> None:
        postgresql.run(ORDERS.replace(" PRIMARY KEY", ""))
        context = in_execution(postgresql)
        target = PostgreSqlTarget(ConnectionName="shop", Table="orders")
        with target.open(SCHEMA, context) as sink:
            sink.write(batch((1, "a")))
            second = in_background(lambda: write(postgresql, batch((1, "a")), context=context))
            eventually(lambda: waiting_for_a_lock(postgresql))
            sink.commit()
        assert second() == {"table": "orders", "repeated": True}
        assert postgresql.rows("SELECT * FROM orders") == [(1, "a")]

    def test_two_that_come_first_at_one_time_both_find_the_table_of_loads(self, postgresql: Database) -> None:
        postgresql.run(ORDERS)
        started = threading.Barrier(4)

        def load(number: int) -> dict[str, Any]:
            context = in_execution(postgresql, step_id=str(number))
            started.wait(10)
            return write(postgresql, batch((number, "a")), context=context)

        loads = [in_background(lambda number=number: load(number)) for number in range(4)]
        assert [one() for one in loads] == [{"table": "orders"}] * 4
        assert postgresql.rows("SELECT count(*) FROM orders") == [(4,)]


KILLED = """
import json, sys
from runners.testing.steps import run_step, step_context
step, parameters, connections, execution_id = json.loads(sys.argv[1])
context = step_context(connections, step_type=step, given=parameters, execution_id=execution_id)
print(json.dumps(run_step(step, parameters, context)))
"""


class TestKilled:
    def test_a_step_that_was_killed_amid_its_rows_is_repeated_without_harm(self, postgresql: Database) -> None:
        # The source stands still within its rows as long as the gate is closed.
        postgresql.run(
            "CREATE TABLE gate AS SELECT true AS closed",
            "CREATE FUNCTION passed() RETURNS text LANGUAGE plpgsql AS $$ BEGIN "
            "IF (SELECT closed FROM gate) THEN PERFORM pg_sleep(60); END IF; RETURN 'passed'; END $$",
            "CREATE TABLE orders (id int, name text)",
        )
        query = (
            "SELECT i AS id, CASE i WHEN 99000 THEN passed() ELSE repeat('x', 300) END AS name "
            "FROM generate_series(1, 100000) i"
        )
        parameters = {
            "Source": {"ConnectionName": "shop", "Query": query},
            "Target": {"ConnectionName": "shop", "Table": "orders"},
        }
        asked = ["PostgreSqlToPostgreSql", parameters, {"shop": described(postgresql)}, "execution-1"]
        command = [sys.executable, "-c", KILLED, json.dumps(asked)]

        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            eventually(lambda: copied_in(postgresql), 30)
        finally:
            process.kill()
            process.wait()
        postgresql.run("UPDATE gate SET closed = false")
        ended(postgresql)
        assert postgresql.rows("SELECT * FROM orders") == []

        results = [json.loads(subprocess.run(command, check=True, capture_output=True).stdout) for _ in range(2)]

        assert results == [
            {"rows": 100_000, "table": "orders"},
            {"rows": 100_000, "table": "orders", "repeated": True},
        ]
        assert postgresql.rows("SELECT count(*), count(DISTINCT id) FROM orders") == [(100_000, 100_000)]


class TestErrorsOfTheTarget:
    def test_a_broken_rule_is_told_by_its_name_without_the_row(self, postgresql: Database) -> None:
        postgresql.run(
            "CREATE TABLE orders (id int, name text CONSTRAINT short CHECK (length(name) < 5), UNIQUE (name))"
        )
        with pytest.raises(
            DataQualityFailed, match=r"check violation \(23514\), table orders.*, constraint short"
        ) as failed:
            write(postgresql, batch((1, PLANTED)))
        assert PLANTED not in told(failed.value)
        with pytest.raises(DataQualityFailed, match="constraint orders_name_key") as failed:
            write(postgresql, batch((1, "xyz"), (2, "xyz")))
        assert "xyz" not in told(failed.value)

    def test_a_text_that_is_none_of_the_columns_type_is_told_by_the_column(self, postgresql: Database) -> None:
        postgresql.run("CREATE TABLE orders (id int, name inet)")
        with pytest.raises(DataNotRepresentable, match=r"invalid text representation \(22P02\), column name") as failed:
            write(postgresql, batch((1, PLANTED)))
        assert PLANTED not in told(failed.value)
        assert failed.value.details["column"] == "name"

    def test_a_text_with_nul_is_refused(self, postgresql: Database) -> None:
        postgresql.run(ORDERS)
        with pytest.raises(DataNotRepresentable):
            write(postgresql, batch((1, "a\0b")))

    def test_a_server_that_goes_amid_the_rows_is_unavailable(self, postgresql: Database) -> None:
        postgresql.run(ORDERS)
        target = PostgreSqlTarget(ConnectionName="shop", Table="orders")
        with target.open(SCHEMA, context_of(postgresql)) as sink:
            sink.write(batch((1, "a")))
            ended(postgresql)
            with pytest.raises(TargetUnavailable):
                sink.commit()
        assert postgresql.rows("SELECT * FROM orders") == []

    def test_nobody_knows_of_an_append_outside_an_execution_that_breaks_in_its_commit(
        self, postgresql: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        import psycopg  # noqa: PLC0415

        def broken(_: Any) -> None:
            raise psycopg.OperationalError("the connection is closed")

        postgresql.run(ORDERS)
        for context, expected in (
            (context_of(postgresql), TargetFailed),
            (in_execution(postgresql), TargetUnavailable),
        ):
            target = PostgreSqlTarget(ConnectionName="shop", Table="orders")
            with target.open(SCHEMA, context) as sink, monkeypatch.context() as patch:
                sink.write(batch((1, "a")))
                patch.setattr(psycopg.Connection, "commit", broken)
                with pytest.raises(expected) as failed:
                    sink.commit()
                assert failed.type is expected


class TestConnecting:
    @pytest.fixture
    def role(self, postgresql: Database) -> Iterator[str]:
        """A role whose password the server does ask for."""
        ((path,),) = postgresql.rows("SHOW hba_file")
        file = Path(path)
        before = file.read_text()
        role = f"role_{postgresql.name}"
        postgresql.run(f"CREATE ROLE {role} LOGIN PASSWORD 'rotated'", f"GRANT {role} TO postgres")
        file.write_text(f"local all {role} scram-sha-256\n{before}")
        postgresql.rows("SELECT pg_reload_conf()")
        try:
            yield role
        finally:
            file.write_text(before)
            postgresql.run("SELECT pg_reload_conf()", f"DROP ROLE {role}")

    def test_a_password_that_was_rotated_is_read_anew_once(self, role: str, postgresql: Database) -> None:
        class Rotating(DescribedConnections):
            def up(self, name: str, *, anew: bool) -> Any:
                return {**super().up(name, anew=anew), "password": "rotated" if anew else PLANTED}

        place = Rotating({"shop": {**described(postgresql), "username": role}})
        context = context_of(postgresql)
        context.connections._place = place
        source = PostgreSqlSource(ConnectionName="shop", Query="SELECT current_user::text AS role")

        def role_read() -> list[dict[str, Any]]:
            with source.open(context) as rows:
                return [row for one in rows.batches() for row in one.to_pylist()]

        eventually(lambda: refused(postgresql, role))
        assert role_read() == [{"role": role}]
        assert place.read_anew == ["shop"]

    def test_a_wrong_password_is_told_without_it(self, role: str, postgresql: Database) -> None:
        eventually(lambda: refused(postgresql, role))
        failed = refused(postgresql, role)
        assert failed is not None
        assert PLANTED not in told(failed)

    @pytest.mark.parametrize(
        ("changed", "expected"),
        [
            ({"dbname": "nowhere"}, ConnectionFailed),
            ({"username": "nobody"}, AuthenticationFailed),
            ({"host": "host.invalid"}, ConnectionFailed),
            ({"host": "127.0.0.1", "port": 1}, SourceUnavailable),
        ],
    )
    def test_what_is_wrong_with_a_connection_is_told(
        self, changed: dict[str, Any], expected: type[StepError], postgresql: Database
    ) -> None:
        context = step_context({"shop": {**described(postgresql), **changed, "password": PLANTED}})
        source = PostgreSqlSource(ConnectionName="shop", Query="SELECT 1 AS a")
        with pytest.raises(expected) as failed, source.open(context):
            pass
        assert failed.type is expected
        assert PLANTED not in told(failed.value)


class CursorsOfTheDead(MemoryCursors):
    """Cursors of which the first that is moved is not, as whoever moves it dies."""

    died = False

    def move(self, *asked: Any) -> Cursor:
        if not self.died:
            self.died = True
            raise StopEarly
        return super().move(*asked)


class TestSteps:
    def test_rows_move_from_one_database_to_another(self, postgresql: Database, other_postgresql: Database) -> None:
        postgresql.run(ORDERS, "INSERT INTO orders SELECT i, 'name ' || i FROM generate_series(1, 1000) i")
        connections = {"shop": described(postgresql), "lake": described(other_postgresql)}
        cursors = MemoryCursors()
        parameters = {
            "Source": {"ConnectionName": "shop", "Query": "SELECT * FROM orders WHERE id <> {{ left_out }}"},
            "Target": {
                "ConnectionName": "lake",
                "Table": "orders",
                "Mode": "upsert",
                "Key": ["id"],
                "CreateTable": True,
            },
            "Incremental": {"Name": "orders", "Column": "id"},
        }

        def run() -> dict[str, Any]:
            return run_step(
                "PostgreSqlToPostgreSql", parameters, step_context(connections, {"left_out": 13}, cursors=cursors)
            )

        assert run() == {"rows": 999, "table": "orders", "cursor": "1000"}
        postgresql.run("INSERT INTO orders VALUES (1001, 'new')")
        assert run() == {"rows": 1, "table": "orders", "cursor": "1001"}
        assert cursors.kept["orders"].value == 1001
        assert other_postgresql.rows("SELECT count(*), max(id) FROM orders") == [(1000, 1001)]

    def test_a_step_that_died_before_its_cursor_moved_adds_nothing_twice(
        self, postgresql: Database, other_postgresql: Database
    ) -> None:
        postgresql.run(ORDERS, "INSERT INTO orders SELECT i, 'name ' || i FROM generate_series(1, 10) i")
        other_postgresql.run("CREATE TABLE orders (id bigint, name text)")
        cursors = CursorsOfTheDead()
        parameters = {
            "Source": {"ConnectionName": "shop", "Table": "orders"},
            "Target": {"ConnectionName": "lake", "Table": "orders"},
            "Incremental": {"Name": "orders", "Column": "id"},
        }

        def run(execution: str) -> dict[str, Any]:
            connections = {"shop": described(postgresql), "lake": described(other_postgresql)}
            context = step_context(connections, cursors=cursors, execution_id=execution, given=parameters)
            return run_step("PostgreSqlToPostgreSql", parameters, context)

        with pytest.raises(StopEarly):
            run("first")
        postgresql.run("INSERT INTO orders VALUES (11, 'new')")
        assert run("second") == {"rows": 1, "table": "orders", "cursor": "11"}
        assert other_postgresql.rows("SELECT count(*), count(DISTINCT id), max(id) FROM orders") == [(11, 11, 11)]

    def test_lineage_names_the_connection_and_nothing_of_it(self) -> None:
        source = PostgreSqlSource(ConnectionName="shop", Table="public.orders")
        assert source.place() == "postgresql://shop/public.orders"
        assert PostgreSqlSource(ConnectionName="shop", Query="SELECT 1").place() == "postgresql://shop"
        assert PostgreSqlTarget(ConnectionName="shop", Table="orders").place() == "postgresql://shop/orders"


def sessions(database: Database) -> list[tuple[Any, ...]]:
    """The sessions of steps."""
    return database.rows(
        f"SELECT pid FROM pg_stat_activity WHERE datname = '{database.name}' AND application_name = 'etl-runners'"
    )


def ended(database: Database) -> None:
    """End the sessions of steps, as an administrator or a failover does."""
    for (pid,) in sessions(database):
        database.rows(f"SELECT pg_terminate_backend({pid})")


def copied_in(database: Database) -> bool:
    """Whether rows have arrived that are not committed yet."""
    return bool(
        database.rows(
            f"SELECT 1 FROM pg_stat_progress_copy WHERE datname = '{database.name}' AND command = 'COPY FROM' "
            "AND tuples_processed > 0"
        )
    )


def waiting_for_a_lock(database: Database) -> bool:
    return bool(
        database.rows(
            f"SELECT 1 FROM pg_stat_activity WHERE datname = '{database.name}' AND application_name = 'etl-runners' "
            "AND wait_event_type = 'Lock'"
        )
    )


def refused(database: Database, role: str) -> AuthenticationFailed | None:
    """The error of a wrong password, once the server asks for one."""
    context = step_context({"shop": {**described(database), "username": role, "password": PLANTED}})
    try:
        with PostgreSqlSource(ConnectionName="shop", Query="SELECT 1 AS a").open(context):
            return None
    except AuthenticationFailed as error:
        return error
