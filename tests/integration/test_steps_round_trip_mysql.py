"""Which type of MySQL and MariaDB travels as what, and that every value comes back as it was or is refused."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa
import pytest

from runners.steps.ends import logical
from runners.steps.errors import DataNotRepresentable, DataQualityFailed
from runners.steps.systems.files import FolderSource, FolderTarget
from runners.steps.systems.mysql import MySqlSource, MySqlTarget
from runners.steps.systems.sqlite import SqliteSource, SqliteTarget
from runners.testing.steps import step_context

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from runners.steps.context import StepContext
    from runners.steps.ends import Source, Target
    from tests.integration.databases import Database, Server

STRICT = "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES', time_zone = '+00:00'"


class Case(NamedTuple):
    """A type of MySQL, what it travels as, and values at its edges, written in SQL."""

    type: str
    travels_as: str
    values: tuple[str, ...]


CASES = (
    Case("tinyint", "int8", ("-128", "127")),
    Case("tinyint(1)", "int8", ("0", "2", "-128")),
    Case("tinyint unsigned", "uint8", ("0", "255")),
    Case("smallint", "int16", ("-32768", "32767")),
    Case("smallint unsigned zerofill", "uint16", ("7", "65535")),
    Case("mediumint", "int32", ("-8388608", "8388607")),
    Case("mediumint unsigned", "uint32", ("16777215",)),
    Case("int", "int32", ("-2147483648", "2147483647")),
    Case("int unsigned", "uint32", ("4294967295",)),
    Case("bigint", "int64", ("-9223372036854775808", "9007199254740993", "9223372036854775807")),
    Case("bigint unsigned", "uint64", ("0", "18446744073709551615")),
    Case("year", "int16", ("0000", "1901", "2155")),
    Case("float", "float", ("0.1", "16777217", "3.4028234e38", "1.17549e-38", "-1.5")),
    Case("float(7,4)", "float", ("123.4567", "-0.0001")),
    Case("double", "double", ("0.1", "1e22", "1.7976931348623157e308", "2.2250738585072014e-308", "0.1+0.2")),
    Case("decimal(12,2)", "decimal128(12, 2)", ("9999999999.99", "-9999999999.99", "0.01", "0")),
    Case("decimal(5,5)", "decimal128(5, 5)", ("0.99999", "-0.00001")),
    Case("decimal(9,3) unsigned zerofill", "decimal128(9, 3)", ("1.5", "999999.999")),
    Case("decimal(38,0)", "decimal128(38, 0)", ("9" * 38, "-" + "9" * 38)),
    Case("decimal(65,30)", "decimal256(65, 30)", ("9" * 35 + "." + "9" * 30, "-0." + "0" * 29 + "1", "0")),
    Case("date", "date32[day]", ("'0001-01-01'", "'2020-02-29'", "'9999-12-31'")),
    Case("datetime", "timestamp[us]", ("'0001-01-01 00:00:00'", "'9999-12-31 23:59:59'", "'1969-12-31 23:59:59'")),
    Case("datetime(6)", "timestamp[us]", ("'2020-01-31 04:05:06.789001'", "'9999-12-31 23:59:59.999999'")),
    Case("timestamp(3) NULL", "timestamp[us, tz=UTC]", ("'1970-01-01 00:00:00.001'", "'2038-01-19 03:14:07.999'")),
    Case("time", "string time", ("'00:00:00'", "'-838:59:59'", "'838:59:59'", "'-00:00:01'", "'100:00:00'")),
    Case("time(6)", "string time", ("'12:34:56.000001'", "'-01:00:00.5'")),
    Case(
        "varchar(60)",
        "string",
        ("''", "' '", "'NULL'", r"'\\N'", r"'a\\b\tc\nd\re\0f\Z'", "'żółć 😀 \"x\" ''y'' , ;'", r"'\\'", "'ends '"),
    ),
    Case("varchar(20) character set latin1", "string", ("'é€'", "''")),
    Case("char(5)", "string", ("'12345'", "''", "'😀'")),
    Case("tinytext", "string", ("repeat('x', 255)", "repeat('é', 125)")),
    Case("text", "string", ("repeat('x', 250)", "repeat('y', 251)", "repeat('z', 253)", "repeat('w', 65535)")),
    Case("mediumtext", "string", ("repeat('v', 70000)", "repeat('é', 33000)")),
    Case("longtext", "string", ("repeat('u', 254)", "'short'")),
    Case("binary(4)", "binary", ("x'00ff5c0a'", "x'00000000'", "x'61622000'")),
    Case("varbinary(300)", "binary", ("''", "x'00'", r"'\\N'", "repeat(x'ff', 252)")),
    Case("blob", "binary", ("x'5c4e0a09'", "repeat(x'f0', 300)", "''")),
    Case("longblob", "binary", ("x'80'", "repeat(x'9f98', 40000)")),
    Case("bit(1)", "binary", ("b'0'", "b'1'")),
    Case("bit(64)", "binary", ("0", "18446744073709551615", "258")),
    Case("enum('a','B','it''s','1')", "string", ("'a'", "'B'", "'it''s'", "'1'")),
    Case("set('a','b','2')", "string", ("''", "'a,b'", "'2'")),
    Case("json", "string json", ('\'{"a": [1, null, "😀"]}\'', "'null'", "'1.10'")),
    Case("uuid", "string uuid", ("'123e4567-e89b-12d3-a456-426614174000'",)),
    Case("inet6", "string", ("'::1'", "'2001:db8::ff00:42:8329'")),
    Case("point", "binary", ("point(1.5, -2)",)),
)
"""Every one of them is also NULL once. A text of CHAR that ends with a space is one that the server itself cuts."""

ZERO_DATES = {
    "date": ("'0000-00-00'", "'2020-00-00'", "'2020-02-31'"),
    "datetime(3)": ("'0000-00-00'", "'2020-02-00 10:11:12.5'"),
    "timestamp NULL": ("'0000-00-00'",),
}


@pytest.fixture
def other_mariadb(mariadb_server: Server) -> Iterator[Database]:
    from tests.integration.databases import _database, _pymysql_connect  # noqa: PLC0415

    with _database(mariadb_server, _pymysql_connect) as database:
        yield database


def filled(database: Database, cases: tuple[Case, ...]) -> None:
    """Make a table ``here`` with a column for each case, and a row for each of its values."""
    columns = ", ".join(f"c{place} {case.type}" for place, case in enumerate(cases))
    with closing(database.connect()) as connection, connection.cursor() as cursor:
        cursor.execute(STRICT)
        cursor.execute(f"CREATE TABLE here (nth int, {columns}) CHARACTER SET utf8mb4 ROW_FORMAT=DYNAMIC")
        for row in range(max(len(case.values) for case in cases) + 1):
            values = ", ".join(case.values[row] if row < len(case.values) else "NULL" for case in cases)
            cursor.execute(f"INSERT INTO here VALUES ({row}, {values})")


def seen(database: Database, table: str, cases: tuple[Case, ...], form: str = "hex(c{0})") -> list[tuple[Any, ...]]:
    """What the server itself has of a table's values; of floats all digits."""
    forms = [
        ("concat(c{0} + 0e0, '')" if case.type.startswith(("float", "double")) else form).format(place)
        for place, case in enumerate(cases)
    ]
    columns = ", ".join(f"{one}, c{place} IS NULL" for place, one in enumerate(forms))
    return database.rows(f"SELECT nth, {columns} FROM {table} ORDER BY nth")


def described(database: Database) -> dict[str, Any]:
    server = database.server
    return {"host": server.host, "username": server.user, "password": server.password, "dbname": database.name}


def context_of(folder: Path, **databases: Database) -> StepContext:
    connections = {name: described(database) for name, database in databases.items()}
    lite = {"path": str(folder / "lite.db")}
    return step_context({**connections, "folder": {"root": str(folder)}, "lite": lite})


def moved(source: Source, target: Target, context: StepContext) -> None:
    with source.open(context) as rows, target.open(rows.schema, context) as sink:
        for batch in rows.batches():
            sink.write(batch)
        sink.commit()


def straight(source: Source, target: Target, context: StepContext) -> None:
    moved(source, target, context)


def through(path: str) -> Callable[[Source, Target, StepContext], None]:
    def way(source: Source, target: Target, context: StepContext) -> None:
        moved(source, FolderTarget(ConnectionName="folder", Path=path), context)
        moved(FolderSource(ConnectionName="folder", Path=path), target, context)

    way.__name__ = f"through {path}"
    return way


def through_sqlite(source: Source, target: Target, context: StepContext) -> None:
    moved(source, SqliteTarget(ConnectionName="lite", Table="between", CreateTable=True), context)
    moved(SqliteSource(ConnectionName="lite", Table="between"), target, context)


@pytest.mark.parametrize("way", [straight, through("file.parquet"), through("file.csv"), through_sqlite])
def test_every_value_comes_back_as_it_was(
    way: Callable[..., None], mariadb: Database, other_mariadb: Database, tmp_path: Path
) -> None:
    filled(mariadb, CASES)
    columns = ", ".join(f"c{place} {case.type}" for place, case in enumerate(CASES))
    other_mariadb.run(f"CREATE TABLE there (nth int, {columns}) CHARACTER SET utf8mb4 ROW_FORMAT=DYNAMIC")
    source = MySqlSource(ConnectionName="here", Table="here")
    target = MySqlTarget(ConnectionName="there", Table="there")

    way(source, target, context_of(tmp_path, here=mariadb, there=other_mariadb))

    assert seen(other_mariadb, "there", CASES) == seen(mariadb, "here", CASES)


def test_what_each_type_travels_as_is_declared(mariadb: Database, tmp_path: Path) -> None:
    filled(mariadb, CASES)
    with MySqlSource(ConnectionName="here", Table="here").open(context_of(tmp_path, here=mariadb)) as rows:
        found = [f"{field.type} {logical(field)}".strip() for field in rows.schema][1:]

    assert dict(zip((case.type for case in CASES), found, strict=True)) == {
        case.type: case.travels_as for case in CASES
    }


def test_a_table_that_is_created_holds_every_value(mariadb: Database, other_mariadb: Database, tmp_path: Path) -> None:
    filled(mariadb, CASES)

    moved(
        MySqlSource(ConnectionName="here", Table="here"),
        MySqlTarget(ConnectionName="there", Table="there", CreateTable=True),
        context_of(tmp_path, here=mariadb, there=other_mariadb),
    )

    # A new column of times has all digits of a second.
    dropped = [f"c{place}" for place, case in enumerate(CASES) if case.type.startswith("time(") or case.type == "time"]
    assert (
        read(other_mariadb, "there", tmp_path)
        .drop_columns(dropped)
        .equals(read(mariadb, "here", tmp_path).drop_columns(dropped))
    )


def read(database: Database, table: str, folder: Path) -> pa.Table:
    with MySqlSource(ConnectionName="here", Table=table).open(context_of(folder, here=database)) as rows:
        return pa.Table.from_batches(rows.batches(), rows.schema).sort_by("nth")


@pytest.mark.parametrize(("kind", "value"), [(kind, value) for kind, values in ZERO_DATES.items() for value in values])
def test_dates_that_no_calendar_has_are_refused_unless_it_is_said_what_becomes_of_them(
    kind: str, value: str, mariadb: Database, tmp_path: Path
) -> None:
    case = (Case(kind, "", (value, "'2020-01-02 03:04:05'" if kind != "date" else "'2020-01-02'")),)
    filled(mariadb, case)
    mariadb.run("CREATE TABLE there LIKE here")
    context = context_of(tmp_path, here=mariadb)
    source, target = MySqlSource(ConnectionName="here", Table="here"), MySqlTarget(ConnectionName="here", Table="there")

    with pytest.raises(DataNotRepresentable, match=r"no calendar has.*ZeroDatesAs"):
        moved(source, target, context)
    assert mariadb.rows("SELECT * FROM there") == []

    moved(source.model_copy(update={"ZeroDatesAs": "null"}), target, context)
    assert [row[1] is None for row in mariadb.rows("SELECT * FROM there ORDER BY nth")] == [True, False, True]
    mariadb.run("DELETE FROM there")

    as_text = source.model_copy(update={"ZeroDatesAs": "text"})
    if "02-31" in value:  # which only a server that is told so takes
        with pytest.raises(DataNotRepresentable):
            moved(as_text, target, context)
        return
    moved(as_text, target, context)
    assert seen(mariadb, "there", case) == seen(mariadb, "here", case)


# What the server would change without an error, by the type of the source and of the target.
CHANGED = (
    ("double", "1.5", "int"),
    ("varchar(9)", "'1.5'", "int"),
    ("varchar(9)", "'12abc'", "int"),
    ("decimal(5,2)", "1.25", "bigint"),
    ("bigint", "300", "tinyint"),
    ("int", "-1", "int unsigned"),
    ("int", "70", "year"),
    ("varchar(9)", "'1900'", "year"),
    ("decimal(5,3)", "1.235", "decimal(5,2)"),
    ("double", "1.235", "decimal(5,2)"),
    ("varchar(9)", "'1.235'", "decimal(5,2)"),
    ("double", "0.1234567", "float"),
    ("double", "1e300", "float"),
    ("decimal(20,2)", "12345678.25", "float"),
    ("decimal(20,2)", "123456789012345678.25", "double"),
    ("bigint", "9007199254740993", "double"),
    ("varchar(30)", "'0.12345678901234567890'", "double"),
    ("double", "1.23456", "float(7,4)"),
    ("datetime(6)", "'2020-01-01 00:00:00.000001'", "datetime"),
    ("datetime(6)", "'2020-01-01 00:00:00.123456'", "datetime(3)"),
    ("varchar(30)", "'2020-01-01 00:00:00.5'", "datetime"),
    ("varchar(30)", "'2020-01-01 00:00:00+02'", "datetime"),
    ("datetime", "'2020-01-01 00:00:01'", "date"),
    ("datetime", "'2040-01-01 00:00:00'", "timestamp NULL"),
    ("timestamp NULL", "'2020-01-01 00:00:00'", "datetime"),
    ("time(3)", "'01:02:03.5'", "time"),
    ("varchar(9)", "'abcd'", "varchar(3)"),
    ("varchar(9)", "'abc '", "varchar(3)"),
    ("varchar(9)", "'ab '", "char(3)"),
    ("varchar(9)", "'😀'", "varchar(3) character set latin1"),
    ("varchar(9)", "'1'", "enum('a','b')"),
    ("varchar(9)", "'A'", "enum('a','b')"),
    ("varchar(9)", "'b,a'", "set('a','b')"),
    ("varchar(9)", "'c'", "set('a','b')"),
    ("varbinary(9)", "'ab'", "binary(4)"),
    ("varbinary(9)", "'ab'", "varchar(9)"),
    ("varchar(9)", "'ab'", "varbinary(9)"),
    ("int", "-1", "bit(64)"),
    ("int", "2", "bit(1)"),
    ("varchar(9)", "'{bad'", "json"),
    ("varchar(9)", "'x'", "uuid"),
    ("date", "'2020-01-01'", "int"),
    ("int", "NULL", "int NOT NULL"),
)


@pytest.fixture
def changing(mariadb: Database) -> Database:
    """Tables ``here`` and ``there``, with the values of ``CHANGED`` and the columns that would change them."""
    sources = ", ".join(f"c{number} {kind}" for number, (kind, _, _) in enumerate(CHANGED))
    targets = ", ".join(f"c{number} {into}" for number, (_, _, into) in enumerate(CHANGED) if "NOT NULL" not in into)
    values = ", ".join(value for _, value, _ in CHANGED)
    mariadb.run(
        f"CREATE TABLE here ({sources}) CHARACTER SET utf8mb4",
        f"INSERT INTO here VALUES ({values})",
        f"CREATE TABLE there ({targets}) CHARACTER SET utf8mb4",
        f"CREATE TABLE needing (c{len(CHANGED) - 1} int NOT NULL)",
    )
    return mariadb


def refused(number: int, context: StepContext) -> None:
    kind, value, into = CHANGED[number]
    source = MySqlSource(ConnectionName="here", Table="here", Columns=(f"c{number}",))
    target = MySqlTarget(ConnectionName="here", Table="needing" if "NOT NULL" in into else "there")
    with pytest.raises(DataQualityFailed) as error:
        moved(source, target, context)
    assert len(value) < 6 or value.strip("'") not in str(error.value), (kind, into)


def test_what_the_server_would_change_is_refused_and_nothing_is_written(changing: Database, tmp_path: Path) -> None:
    context = context_of(tmp_path, here=changing)
    for number in range(len(CHANGED)):
        refused(number, context)
    assert changing.rows("SELECT * FROM there") == changing.rows("SELECT * FROM needing") == []


def test_it_is_so_where_the_server_takes_no_files_too(changing: Database, tmp_path: Path) -> None:
    context = context_of(tmp_path, here=changing)
    changing.run("SET GLOBAL local_infile = OFF")
    try:
        for number in range(len(CHANGED)):
            refused(number, context)
    finally:
        changing.run("SET GLOBAL local_infile = ON")
    assert changing.rows("SELECT * FROM there") == changing.rows("SELECT * FROM needing") == []


def test_booleans_are_read_where_it_is_asked_for(mariadb: Database, tmp_path: Path) -> None:
    mariadb.run("CREATE TABLE here (c boolean)", "INSERT INTO here VALUES (0), (1), (NULL)")
    source = MySqlSource(ConnectionName="here", Table="here", BooleansFromTinyint=True)
    context = context_of(tmp_path, here=mariadb)
    with source.open(context) as rows:
        found = [value for batch in rows.batches() for value in batch.column(0).to_pylist()]
    assert found == [False, True, None]

    mariadb.run("INSERT INTO here VALUES (2)")
    with source.open(context) as rows, pytest.raises(DataNotRepresentable, match="neither 0 nor 1"):
        list(rows.batches())
