"""Which type of PostgreSQL travels as what, and that every value comes back as it was or is refused."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa
import pytest

from runners.steps.ends import logical
from runners.steps.errors import DataNotRepresentable
from runners.steps.formats.csv import CANONICAL, Csv
from runners.steps.systems.postgresql import PostgreSqlSource
from runners.testing.steps import run_step, step_context

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from runners.steps.context import StepContext
    from tests.integration.databases import Database


class Case(NamedTuple):
    """A type of PostgreSQL, what it travels as, and values at its edges, written in SQL."""

    type: str
    travels_as: str
    values: tuple[str, ...]


CASES = (
    Case("smallint", "int16", ("-32768", "0", "32767")),
    Case("integer", "int32", ("-2147483648", "0", "2147483647")),
    Case("bigint", "int64", ("-9223372036854775808", "9007199254740993", "9223372036854775807")),
    Case("real", "float", ("'-0'", "3.4028235e38", "1e-45", "0.1", "1e6", "'NaN'", "'Infinity'", "'-Infinity'")),
    Case(
        "double precision",
        "double",
        ("'-0'", "1.7976931348623157e308", "5e-324", "0.1", "1e22", "'NaN'", "'-Infinity'"),
    ),
    Case("numeric(12,2)", "decimal128(12, 2)", ("9999999999.99", "-9999999999.99", "0.01", "0", "-0.10")),
    Case("numeric(3,3)", "decimal128(3, 3)", ("0.999", "-0.001", "0")),
    Case("numeric(3,5)", "decimal128(5, 5)", ("0.00999", "-0.00001")),
    Case("numeric(3,-2)", "decimal128(5, 0)", ("99900", "-100", "0")),
    Case("numeric(18,0)", "decimal128(18, 0)", ("999999999999999999", "-999999999999999999")),
    Case("numeric(38,10)", "decimal128(38, 10)", ("9999999999999999999999999999.9999999999", "-0.0000000001", "10000")),
    Case("numeric(76,30)", "decimal256(76, 30)", ("9" * 46 + "." + "9" * 30, "-1e-30", "0")),
    Case("numeric(100,2)", "string decimal", ("9" * 98 + ".99", "-0.01", "'NaN'")),
    Case("numeric", "string decimal", ("1e-16", "123456789012345678901234567890.5", "0.10", "'NaN'", "'Infinity'")),
    Case("boolean", "bool", ("true", "false")),
    Case(
        "text",
        "string",
        ("''", "' '", "'NULL'", r"'\N'", "'a\"b''c,d'", "E'line\\nline\\r\\nend\\t'", "'żółć 😀'", r"'\.'"),
    ),
    Case("varchar(5)", "string", ("''", "'12345'", "'😀😀😀😀😀'", "'a  '")),
    Case("char(5)", "string", ("'ab'", "'12345'")),
    Case("name", "string", ("'pg_class'",)),
    Case("bytea", "binary", (r"'\x'", r"'\x00ff5c'", "convert_to('\\x', 'UTF8')")),
    Case("date", "date32[day]", ("'0001-01-01'", "'1970-01-01'", "'2000-02-29'", "'9999-12-31'")),
    Case(
        "timestamp",
        "timestamp[us]",
        ("'0001-01-01'", "'2020-01-31 04:05:06.789'", "'1969-12-31 23:59:59.999999'", "'9999-12-31 23:59:59.999999'"),
    ),
    Case("timestamp(3)", "timestamp[us]", ("'2020-01-31 04:05:06.789'",)),
    Case(
        "timestamptz",
        "timestamp[us, tz=UTC]",
        ("'2020-01-31 04:05:06.789+05:30'", "'0001-01-01 00:00+00'", "'9999-12-31 23:59:59.999999+00'"),
    ),
    Case("time", "string time", ("'00:00'", "'23:59:59.999999'", "'24:00'")),
    Case("timetz", "string timetz", ("'23:59:59.999999+05:30'", "'04:05:06-08'")),
    Case(
        "interval",
        "string interval",
        ("'1 year 2 mons -3 days 04:05:06.789'", "'-00:00:00.000001'", "'178000000 years'", "'0'"),
    ),
    Case("interval(3)", "string interval", ("'04:05:06.789'",)),
    Case("json", "string json", ('\'{"b": 1, "a":  [null, 1.10]}\'', "'null'", "'\"😀\"'")),
    Case("jsonb", "string json", ('\'{"b": 1, "a":  [null, 1.10]}\'', "'12345678901234567890.10'")),
    Case("uuid", "string uuid", ("'00000000-0000-0000-0000-000000000000'", "'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'")),
    Case("mood", "string text", ("'sad'", "'so \"so\", 😀'")),
    Case("integer[]", "string text", ("'{}'", "'{1,NULL,3}'", "'{{1,2},{3,4}}'")),
    Case("text[]", "string text", ('\'{"",NULL,"NULL","a,b"}\'',)),
    Case("int4range", "string text", ("'[1,5)'", "'empty'", "'(,)'")),
    Case("inet", "string text", ("'192.168.0.1/24'", "'::1'")),
    Case("bit(3)", "string text", ("'101'",)),
    Case("point", "string text", ("'(1.5,-2)'",)),
    Case("positive", "int32", ("1",)),
    Case("pair", "string text", ("ROW(1, 'a,\"b')::pair",)),
)
"""Every one of them is also NULL once."""

REFUSED = {
    "numeric(12,2)": ("'NaN'",),
    "date": ("'infinity'", "'-infinity'", "'0044-03-15 BC'", "'10000-01-01'"),
    "timestamp": ("'infinity'", "'-infinity'", "'0044-03-15 BC'", "'10000-01-01'"),
    "timestamptz": ("'infinity'", "'-infinity'", "'0044-03-15 BC'", "'10000-01-01'"),
}
"""Values that nothing in Arrow or in files holds; they travel as text where that is asked for."""

TYPES = (
    "CREATE TYPE mood AS ENUM ('sad', 'so \"so\", 😀')",
    "CREATE DOMAIN positive AS integer CHECK (VALUE > 0)",
    "CREATE TYPE pair AS (number integer, word text)",
)


def names(cases: Iterable[Case]) -> str:
    return ", ".join(f"c{place}" for place, _ in enumerate(cases))


def filled(database: Database, cases: tuple[Case, ...]) -> None:
    """Make a table ``here`` with a column for each case, and a row for each of its values."""
    columns = ", ".join(f"c{place} {case.type}" for place, case in enumerate(cases))
    database.run(*TYPES, f"CREATE TABLE here (row integer, {columns})")
    for row in range(max(len(case.values) for case in cases) + 1):
        values = ", ".join(case.values[row] if row < len(case.values) else "NULL" for case in cases)
        database.run(f"INSERT INTO here VALUES ({row}, {values})")


def texts(database: Database, table: str, cases: tuple[Case, ...]) -> list[tuple[Any, ...]]:
    """What PostgreSQL itself says of a table's values."""
    columns = ", ".join(f"format('%s|%s', c{place}, c{place} IS NULL)" for place, _ in enumerate(cases))
    return database.rows(f"SELECT row, {columns} FROM {table} ORDER BY row")


def connections(folder: Path | None = None, **databases: Database) -> StepContext:
    described: dict[str, dict[str, Any]] = {"folder": {"root": str(folder)}}
    described |= {
        name: {
            "host": database.server.host,
            "port": database.server.port,
            "username": database.server.user,
            "password": database.server.password,
            "dbname": database.name,
        }
        for name, database in databases.items()
    }
    return step_context(described)


HERE = {"ConnectionName": "here", "Table": "here"}
THERE = {"ConnectionName": "there", "Table": "there"}


def straight(context: StepContext) -> None:
    run_step("PostgreSqlToPostgreSql", {"Source": HERE, "Target": THERE}, context)


def through(path: str, checks: dict[str, Any], context: StepContext) -> None:
    """Go by a file in a folder."""
    file = {"ConnectionName": "folder", "Path": path}
    run_step("PostgreSqlToFolder", {"Source": HERE, "Target": file, "Checks": checks}, context)
    run_step("FolderToPostgreSql", {"Source": file, "Target": THERE}, context)


def copied(source: PostgreSqlSource, context: StepContext) -> bytes:
    opened = source.encoded(CANONICAL, context)
    assert opened is not None
    with opened as encoded:
        return b"".join(encoded.chunks())


WAYS: dict[str, Callable[[StepContext], None]] = {
    "straight": straight,
    "through Parquet": partial(through, "file.parquet", {}),
    # Checks look at the rows, and so the CSV is made of them; without, COPY's own is taken as it is.
    "through CSV": partial(through, "file.csv", {"NotNull": ["row"]}),
    "through COPY's own CSV": partial(through, "file.csv.gz", {}),
}


@pytest.mark.parametrize("way", WAYS)
def test_every_value_comes_back_as_it_was(
    way: str, postgresql: Database, other_postgresql: Database, tmp_path: Path
) -> None:
    filled(postgresql, CASES)
    columns = ", ".join(f"c{place} {case.type}" for place, case in enumerate(CASES))
    other_postgresql.run(*TYPES, f"CREATE TABLE there (row integer, {columns})")

    WAYS[way](connections(tmp_path, here=postgresql, there=other_postgresql))

    assert texts(other_postgresql, "there", CASES) == texts(postgresql, "here", CASES)


def test_what_each_type_travels_as_is_declared(postgresql: Database) -> None:
    filled(postgresql, CASES)
    with PostgreSqlSource(ConnectionName="here", Table="here").open(connections(here=postgresql)) as rows:
        found = [f"{field.type} {logical(field)}".strip() for field in rows.schema][1:]

    assert dict(zip((case.type for case in CASES), found, strict=True)) == {
        case.type: case.travels_as for case in CASES
    }


@pytest.mark.parametrize("path", [None, "file.parquet"])
def test_a_table_that_is_created_holds_every_value(
    path: str | None, postgresql: Database, other_postgresql: Database, tmp_path: Path
) -> None:
    cases = tuple(case for case in CASES if case.travels_as != "string text" and case.type not in {"char(5)", "jsonb"})
    filled(postgresql, cases)
    context = connections(tmp_path, here=postgresql, there=other_postgresql)
    created = {**THERE, "CreateTable": True}

    if path is None:
        run_step("PostgreSqlToPostgreSql", {"Source": HERE, "Target": created}, context)
    else:
        file = {"ConnectionName": "folder", "Path": path}
        run_step("PostgreSqlToFolder", {"Source": HERE, "Target": file}, context)
        run_step("FolderToPostgreSql", {"Source": file, "Target": created}, context)

    assert texts(other_postgresql, "there", cases) == texts(postgresql, "here", cases)


@pytest.mark.parametrize(("kind", "value"), [(kind, value) for kind, values in REFUSED.items() for value in values])
def test_what_nothing_holds_is_refused_unless_it_may_travel_as_text(
    kind: str, value: str, postgresql: Database
) -> None:
    postgresql.run(
        f"CREATE TABLE here (c {kind})", f"INSERT INTO here VALUES ({value})", "CREATE TABLE there (LIKE here)"
    )
    context = connections(here=postgresql, there=postgresql)

    with pytest.raises(DataNotRepresentable, match=r"the column c has .*AsText"):
        straight(context)
    assert postgresql.rows("SELECT * FROM there") == []

    run_step("PostgreSqlToPostgreSql", {"Source": {**HERE, "AsText": ["c"]}, "Target": THERE}, context)
    assert postgresql.rows("SELECT c::text FROM there") == postgresql.rows("SELECT c::text FROM here")


def test_csv_from_copy_is_what_the_csv_format_writes(postgresql: Database, tmp_path: Path) -> None:
    filled(postgresql, CASES)
    context = connections(here=postgresql)
    source = PostgreSqlSource(ConnectionName="here", Table="here")
    path = tmp_path / "file"
    with source.open(context) as rows, path.open("wb") as file, Csv().writing(rows.schema, file, path.name) as writer:
        for batch in rows.batches():
            writer.write(batch)
        writer.close()

    def read(data: bytes) -> dict[str, list[Any]]:
        with pa.BufferReader(data) as file, Csv().reading(file, "file") as rows:
            found = pa.Table.from_batches(rows.batches(), rows.schema).to_pydict()
        # Of 1e+06 and 1000000 both are right.
        for place, case in enumerate(CASES):
            if case.travels_as in {"float", "double"}:
                found[f"c{place}"] = [text and repr(float(text)) for text in found[f"c{place}"]]
        return found

    assert read(copied(source, context)) == read(path.read_bytes())
