"""What MySQL's catalogue, ``information_schema``, says of tables."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from runners.steps.errors import TargetFailed
from runners.steps.systems.mysql_wire import Column

if TYPE_CHECKING:
    from pymysql.connections import Connection  # type: ignore[import-untyped]

_TEXT_TYPES = frozenset({"char", "varchar", "tinytext", "text", "mediumtext", "longtext"})


@dataclass(frozen=True)
class TableColumn:
    """A column of a table.

    Attributes:
        name: as the table spells it.
        data_type: e.g. ``varchar``.
        column_type: e.g. ``varchar(20)``, ``enum('a','b')``.
        nullable: whether it may be NULL.
        needed: whether rows must come with a value for it: it has no default and is not numbered by the server.
        generated: whether the server computes it.
        numbered: whether the server numbers rows in it.
        digits: of a second's fraction, for times.

    """

    name: str
    data_type: str
    column_type: str
    nullable: bool
    needed: bool
    generated: bool
    numbered: bool
    digits: int

    @property
    def is_text(self) -> bool:
        """Whether it holds any text."""
        return self.data_type in _TEXT_TYPES

    @property
    def length(self) -> int:
        """The number in its type's parentheses; 0 without one."""
        found = re.search(r"\((\d+)", self.column_type)
        return int(found[1]) if found else 0

    @property
    def members(self) -> tuple[str, ...]:
        """The values of an ``enum`` or a ``set``."""
        return tuple(member.replace("''", "'") for member in re.findall(r"'((?:[^']|'')*)'", self.column_type))


@dataclass(frozen=True)
class Table:
    """A table that rows are written to.

    Attributes:
        database: where it is.
        name: its name.
        columns: its columns in their order.

    """

    database: str
    name: str
    columns: tuple[TableColumn, ...]


def is_mariadb(connection: Connection) -> bool:
    """Whether the server is MariaDB."""
    return "mariadb" in str(connection.get_server_info()).lower()


def setting(connection: Connection, name: str) -> Any:
    """Return a variable of the server, such as ``max_allowed_packet``."""
    return _rows(connection, f"SELECT @@{name}", ())[0][0]  # the name is one of ours


def declared(connection: Connection, columns: Iterable[Column]) -> dict[tuple[str, str, str], str]:
    """Return the types of a result's columns that only MariaDB's catalogue tells: ``json`` and ``uuid``.

    MySQL tells of JSON in the result itself. The key is the database, the table and the column.
    """
    origins = {(column.database, column.table) for column in columns if column.table and column.origin}
    if not origins or not is_mariadb(connection):
        return {}
    where = ", ".join(["(%s, %s)"] * len(origins))
    named = [part for origin in sorted(origins) for part in origin]
    uuids = _rows(
        connection,
        "SELECT table_schema, table_name, column_name FROM information_schema.columns "  # noqa: S608  # only marks
        f"WHERE (table_schema, table_name) IN ({where}) AND data_type = 'uuid'",
        named,
    )
    checks = _rows(
        connection,
        "SELECT constraint_schema, table_name, check_clause FROM information_schema.check_constraints "  # noqa: S608
        f"WHERE (constraint_schema, table_name) IN ({where}) AND check_clause LIKE 'json_valid(%%'",
        named,
    )
    found: dict[tuple[str, str, str], str] = dict.fromkeys(uuids, "uuid")
    for database, table, clause in checks:
        if column := re.fullmatch(r"json_valid\(`(.+)`\)", clause):
            found[database, table, column[1]] = "json"
    return found


def exists(connection: Connection, table: str) -> bool:
    """Whether there is a table of a name, with its database or in the session's."""
    database, name = split(connection, table)
    asked = "SELECT 1 FROM information_schema.tables WHERE table_schema = %s AND table_name = %s"
    return bool(_rows(connection, asked, (database, name)))


def split(connection: Connection, table: str) -> tuple[str, str]:
    """Return a table's database and name.

    Raises:
        TargetFailed: neither the name nor the session names a database.

    """
    database, point, name = table.partition(".")
    if point:
        return database, name
    found = _rows(connection, "SELECT database()", ())[0][0]
    if found is None:
        raise TargetFailed(
            f"the table {table!r} is in no database: name it as database.table, or give the connection a dbname"
        )
    return str(found), table


def described(connection: Connection, table: str) -> Table:
    """Return a table that rows can be written to in a transaction.

    Raises:
        TargetFailed: there is none of that name, it is a view, or its engine knows no transactions.

    """
    database, name = split(connection, table)
    found = _rows(
        connection,
        "SELECT t.table_type, t.engine, e.transactions FROM information_schema.tables t LEFT JOIN "
        "information_schema.engines e ON e.engine = t.engine WHERE t.table_schema = %s AND t.table_name = %s",
        (database, name),
    )
    if not found:
        raise TargetFailed(f"there is no table {table!r}; create it, or set CreateTable", table=table)
    kind, engine, transactions = found[0]
    if kind != "BASE TABLE" or transactions != "YES":
        what = f"kept by {engine}, which knows no transactions" if kind == "BASE TABLE" else f"a {kind.lower()}"
        raise TargetFailed(
            f"{table!r} is {what}: rows could not be published all at once; write to a table of InnoDB", table=table
        )
    columns = _rows(
        connection,
        "SELECT column_name, data_type, column_type, is_nullable, column_default, extra, datetime_precision "
        "FROM information_schema.columns WHERE table_schema = %s AND table_name = %s ORDER BY ordinal_position",
        (database, name),
    )
    return Table(database, name, tuple(map(_column, columns)))


def has_unique_key(connection: Connection, table: Table, key: Iterable[str]) -> bool:
    """Whether a primary key or a unique index is on exactly these columns, each in full."""
    indexes: dict[str, set[str]] = {}
    partial: set[str] = set()
    for index, column, part in _rows(
        connection,
        "SELECT index_name, column_name, sub_part FROM information_schema.statistics "
        "WHERE table_schema = %s AND table_name = %s AND non_unique = 0",
        (table.database, table.name),
    ):
        indexes.setdefault(index, set()).add(str(column).lower())
        if part is not None:
            partial.add(index)
    wanted = {column.lower() for column in key}
    return any(columns == wanted for index, columns in indexes.items() if index not in partial)


def _column(row: tuple[Any, ...]) -> TableColumn:
    name, data_type, column_type, is_nullable, default, extra, digits = row
    more = extra.lower()
    nullable = is_nullable == "YES"
    generated = "generated" in more.replace("default_generated", "")
    numbered = "auto_increment" in more
    needed = not (nullable or generated or numbered or default is not None or "default_generated" in more)
    return TableColumn(name, data_type.lower(), column_type, nullable, needed, generated, numbered, digits or 0)


def _rows(connection: Connection, statement: str, values: Iterable[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, tuple(values) or None)
        return list(cursor.fetchall())
