"""The rows that the benchmark of steps moves: ten mixed columns, made by PostgreSQL, the same for every way."""

from __future__ import annotations

import csv
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psycopg
import pymysql

_PATIENCE = 120.0  # seconds until a server that does not flush has failed
_FLUSHING = {
    "innodb_io_capacity_max": 100_000,  # pages a second; by itself it writes some hundreds
    "innodb_io_capacity": 100_000,
    "innodb_max_dirty_pages_pct": 0,
}
_FEW_PAGES = 100
COLUMNS = "id, customer, name, note, amount, ratio, active, day, at, seen"

_POSTGRESQL = """CREATE {kind} TABLE {name} (
    id bigint {key}, customer integer, name varchar(60), note text, amount numeric(12, 2), ratio double precision,
    active boolean, day date, at timestamp, seen timestamptz
)"""
_MARIADB = """CREATE TABLE {name} (
    id bigint {key}, customer integer, name varchar(60), note text, amount decimal(12, 2), ratio double,
    active tinyint, day date, at datetime, seen timestamp(6) NULL
)"""
_ROWS = """INSERT INTO {name} SELECT
    i, (i * 7919) % 100000, 'Customer ' || left(md5(i::text), 16), CASE WHEN i % 20 > 0 THEN
        repeat('words of a note, ', 1 + (i % 3)::integer) || i END,
    (i % 1000000) / 7.0, i / 3.0, i % 3 = 0, date '2020-01-01' + (i % 2000)::integer,
    timestamp '2020-01-01' + i * interval '1 second', timestamptz '2020-01-01 00:00+00' + i * interval '1.001 second'
FROM generate_series(1, {rows}::bigint) AS i"""


def postgresql(described: dict[str, Any]) -> psycopg.Connection[Any]:
    """Connect to the PostgreSQL."""
    return psycopg.connect(
        host=described["host"], user=described["username"], dbname=described["dbname"], autocommit=True
    )


def mariadb(described: dict[str, Any], **more: Any) -> pymysql.Connection[Any]:
    """Connect to the MariaDB."""
    return pymysql.connect(
        unix_socket=described["host"], user=described["username"], password=described["password"],
        database=described["dbname"], charset="utf8mb4", local_infile=True, autocommit=True,
        init_command="SET time_zone = '+00:00'", **more,
    )  # fmt: skip


def name_of(rows: int) -> str:
    """Return the name of the table with so many rows."""
    return f"rows_{rows}"


def fill_postgresql(described: dict[str, Any], rows: int) -> None:
    """Make a table with so many rows."""
    with postgresql(described) as connection:
        connection.execute(_POSTGRESQL.format(kind="UNLOGGED", name=name_of(rows), key="PRIMARY KEY"))  # type: ignore[arg-type]
        connection.execute(_ROWS.format(name=name_of(rows), rows=rows))  # type: ignore[arg-type]
        connection.execute(f"VACUUM ANALYZE {name_of(rows)}")  # type: ignore[arg-type]


def fill_mariadb(described: dict[str, Any], rows: int, file: Path) -> None:
    """Make the same table out of a file that ``tab_separated`` has written."""
    with mariadb(described) as connection, connection.cursor() as cursor:
        cursor.execute(_MARIADB.format(name=name_of(rows), key="PRIMARY KEY"))
        load_data(cursor, name_of(rows), file)


def load_data(cursor: Any, table: str, file: Path) -> None:
    """Load a file by MariaDB's own ``LOAD DATA LOCAL INFILE``."""
    cursor.execute(
        f"LOAD DATA LOCAL INFILE '{file}' INTO TABLE {table} CHARACTER SET utf8mb4"  # our own names
        " (id, customer, name, note, amount, ratio, @active, day, at, @seen)"
        " SET active = @active = 't', seen = LEFT(@seen, LENGTH(@seen) - 3)"
    )


def tab_separated(described: dict[str, Any], rows: int, file: Path) -> None:
    """Write a table as PostgreSQL's own ``COPY`` text, which MariaDB reads too."""
    _copy_out(described, f"COPY {name_of(rows)} TO STDOUT", file)


def comma_separated(described: dict[str, Any], rows: int, file: Path) -> None:
    """Write a table as CSV."""
    _copy_out(described, f"COPY {name_of(rows)} TO STDOUT (FORMAT csv)", file)


def _copy_out(described: dict[str, Any], statement: str, file: Path) -> None:
    with (
        postgresql(described) as connection,
        connection.cursor() as cursor,
        cursor.copy(statement) as copy,  # type: ignore[arg-type]
        file.open("wb") as out,
    ):
        for data in copy:
            out.write(data)


def empty_postgresql(described: dict[str, Any], name: str) -> None:
    """Make an empty table, over one that is there."""
    with postgresql(described) as connection:
        connection.execute(f"DROP TABLE IF EXISTS {name}")  # type: ignore[arg-type]
        connection.execute(_POSTGRESQL.format(kind="", name=name, key=""))  # type: ignore[arg-type]
        connection.execute("CHECKPOINT")


def empty_mariadb(described: dict[str, Any], name: str) -> None:
    """Make an empty table, over one that is there."""
    with mariadb(described) as connection, connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS {name}")
        cursor.execute(_MARIADB.format(name=name, key=""))
        # What was written before goes to the disk now, not while the next way is measured.
        before = {setting: _asked(cursor, f"SELECT @@GLOBAL.{setting}")[0] for setting in reversed(_FLUSHING)}
        _set(cursor, _FLUSHING)
        deadline = time.monotonic() + _PATIENCE
        while _dirty_pages(cursor) > _FEW_PAGES:
            if time.monotonic() > deadline:
                raise SystemExit(f"MariaDB has not written its pages to the disk in {_PATIENCE:.0f} seconds")
            time.sleep(0.1)
        _set(cursor, before)


def _set(cursor: Any, settings: Mapping[str, float]) -> None:
    for setting, value in settings.items():
        cursor.execute(f"SET GLOBAL {setting} = {value}")


def _asked(cursor: Any, query: str) -> Any:
    cursor.execute(query)
    return cursor.fetchone()


def _dirty_pages(cursor: Any) -> int:
    return int(_asked(cursor, "SHOW GLOBAL STATUS LIKE 'Innodb_buffer_pool_pages_dirty'")[1])


def naive_out(connection: Any, cursor_class: dict[str, Any], rows: int, s3: Any) -> int:
    """Move rows as people write it: a dictionary cursor, fetchall, csv.DictWriter, put_object."""
    import io  # noqa: PLC0415  # of this way alone

    with connection.cursor(**cursor_class) as cursor:
        cursor.execute(f"SELECT {COLUMNS} FROM {name_of(rows)}")  # noqa: S608  # our own names
        found = cursor.fetchall()
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS.split(", "))
    writer.writeheader()
    writer.writerows(found)
    s3.put_object(Bucket="bench", Key="naive.csv", Body=text.getvalue().encode())
    return len(found)
