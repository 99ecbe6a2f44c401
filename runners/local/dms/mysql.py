"""MySQL and MariaDB as a source: types from ``information_schema``, rows as the bytes that the server sends.

The driver's own conversions are off, because they lose what a laptop should not lose: zero dates, times beyond a day,
bits. ``FLOAT`` is read as the double that it is, since the server shortens it to six digits when it writes it.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

from runners.local.dms.columns import INTEGER_KINDS, Column, DmsType, Kind, SourceTable, TableName
from runners.local.dms.errors import EndpointError, TableError
from runners.local.dms.sources import ROWS_OF_A_BATCH, condition_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from runners.local.dms.columns import Row
    from runners.local.dms.table_mappings import Filter

CONNECT_TIMEOUT_SECONDS = 10
SYSTEM_SCHEMAS = ("mysql", "information_schema", "performance_schema", "sys")
LOST = frozenset({2003, 2006, 2013, 1040, 1044, 1045, 1049, 1053, 1130, 1152, 1927})
"""Errors of the connection: lost, refused, too many, not let in, ended."""
MAY_QUOTE_VALUES = frozenset({1048, 1062, 1264, 1292, 1366, 1367, 1406, 1411, 1525})

INTEGERS = {"tinyint": "1", "smallint": "2", "mediumint": "4", "int": "4", "bigint": "8"}
SIMPLE_TYPES: dict[str, DmsType] = {
    "float": DmsType(Kind.REAL8),
    "double": DmsType(Kind.REAL8),
    "date": DmsType(Kind.DATE),
    "time": DmsType(Kind.STRING, length=17),
    "year": DmsType(Kind.INT2),
    "tinyblob": DmsType(Kind.BYTES, length=255),
    "blob": DmsType(Kind.BYTES, length=65535),
    "mediumblob": DmsType(Kind.BLOB),
    "longblob": DmsType(Kind.BLOB),
    "tinytext": DmsType(Kind.WSTRING, length=255),
    "text": DmsType(Kind.WSTRING, length=65535),
    "mediumtext": DmsType(Kind.NCLOB),
    "longtext": DmsType(Kind.NCLOB),
    "json": DmsType(Kind.CLOB),
    **dict.fromkeys(
        (
            "geometry",
            "point",
            "linestring",
            "polygon",
            "multipoint",
            "multilinestring",
            "multipolygon",
            "geometrycollection",
            "geomcollection",
        ),
        DmsType(Kind.BLOB),
    ),
    # Types of MariaDB that the user guide does not list, as their text.
    "uuid": DmsType(Kind.STRING, length=36),
    "inet4": DmsType(Kind.STRING, length=50),
    "inet6": DmsType(Kind.STRING, length=50),
}
TABLES = """
    SELECT table_schema, table_name, table_type FROM information_schema.tables
    WHERE table_type IN ('BASE TABLE', 'VIEW') AND table_schema NOT IN %s ORDER BY 1, 2
"""
COLUMNS = """
    SELECT column_name, data_type, column_type, character_maximum_length, numeric_precision, numeric_scale,
           datetime_precision, is_nullable
    FROM information_schema.columns WHERE table_schema = %s AND table_name = %s ORDER BY ordinal_position
"""
PRIMARY_KEY = """
    SELECT column_name FROM information_schema.statistics
    WHERE table_schema = %s AND table_name = %s AND index_name = 'PRIMARY' ORDER BY seq_in_index
"""
MARK = "\0"
"""Where a value is bound: a character that no name can hold."""
SESSION = "SET NAMES utf8mb4, SESSION time_zone = '+00:00', SESSION sql_mode = ''"


@contextmanager
def reported(endpoint: str, doing: str) -> Iterator[None]:
    """Turn the driver's errors into those of a load, without a value of a row."""
    import pymysql  # type: ignore[import-untyped]  # noqa: PLC0415  # the driver takes time to import

    try:
        yield
    except pymysql.MySQLError as error:
        number = error.args[0] if error.args and isinstance(error.args[0], int) else 0
        said = f"error {number}" if number in MAY_QUOTE_VALUES else f"error {number}: {error.args[-1]}"
        if number in LOST or isinstance(error, pymysql.InterfaceError):
            raise EndpointError(f"The endpoint {endpoint} cannot be reached: {said}") from None
        raise TableError(f"{doing} failed: {said}") from None
    except (OSError, UnicodeError) as error:
        raise TableError(f"{doing} failed: {type(error).__name__}") from None


class MysqlSource:
    """One connection to a MySQL or MariaDB server; a schema of DMS is one of its databases."""

    def __init__(self, parameters: Mapping[str, Any], endpoint: str, *, views: bool = True) -> None:
        """Connect. ``views``: whether views are to be found, which DMS does not do with MariaDB."""
        self._parameters = parameters
        self._endpoint = endpoint
        self._views = views
        with reported(endpoint, "Connecting"):
            self._connection = self._connect()

    def tables(self) -> list[TableName]:
        """Answer the tables, and the views, of all databases but the server's own."""
        found = self._query(TABLES, (SYSTEM_SCHEMAS,), "Reading the catalogue")
        names = [TableName(schema, name, is_view=kind == "VIEW") for schema, name, kind in found]
        return [name for name in names if self._views or not name.is_view]

    def describe(self, name: TableName) -> SourceTable:
        """Answer a table's columns."""
        asked, doing = (name.schema, name.name), f"Reading the catalogue for {name}"
        columns = tuple(_column(name, _Described(*row)) for row in self._query(COLUMNS, asked, doing))
        return SourceTable(name, columns, tuple(part for (part,) in self._query(PRIMARY_KEY, asked, doing)))

    def read(
        self,
        table: SourceTable,
        columns: Sequence[Column],
        filters: Sequence[Filter],
        *,
        native: bool = False,  # noqa: ARG002  # PostgreSQL's own
    ) -> Iterator[list[Row]]:
        """Read the rows as the server sends them."""
        import pymysql  # noqa: PLC0415

        where, bound = condition_of(table, filters, "`", MARK)
        values = [_bound(table.name, column, value) for column, value in bound]
        selected = ", ".join(column.expression for column in columns)
        relation = f"{_quoted(table.name.schema)}.{_quoted(table.name.name)}"
        statement = f"SELECT {selected} FROM {relation}{where}".replace("%", "%%").replace(MARK, "%s")  # noqa: S608
        forms = [(place, form) for place, column in enumerate(columns) if (form := _form(column)) is not None]
        cursor = self._connection.cursor(pymysql.cursors.SSCursor)
        try:
            with reported(self._endpoint, f"Reading {table.name}"):
                cursor.execute(statement, values)
                while rows := cursor.fetchmany(ROWS_OF_A_BATCH):
                    yield _formed(rows, forms)
        finally:
            # A cursor that is closed before its last row reads the rest of a table; one without connection does not.
            cursor.connection = None
            self.close()

    def cancel(self) -> None:
        """Have the server end the connection, asked over another one."""
        with reported(self._endpoint, "Stopping a read"):
            other = self._connect()
            try:
                other.kill(self._connection.thread_id())
            finally:
                other.close()

    def close(self) -> None:
        """End the connection."""
        if self._connection.open:
            self._connection.close()

    def _connect(self) -> Any:
        import pymysql  # noqa: PLC0415
        from pymysql.converters import conversions  # type: ignore[import-untyped]  # noqa: PLC0415

        # Kept: how values are quoted in a statement. Left out: how answers become Python's own types.
        quoting = {kind: convert for kind, convert in conversions.items() if not isinstance(kind, int)}
        return pymysql.connect(
            **self._parameters,
            charset="utf8mb4",
            conv=quoting,
            connect_timeout=CONNECT_TIMEOUT_SECONDS,
            init_command=SESSION,
            autocommit=True,
            program_name="embedded-dms",
        )

    def _query(self, statement: str, values: tuple[Any, ...], doing: str) -> list[tuple[Any, ...]]:
        with reported(self._endpoint, doing), self._connection.cursor() as cursor:
            cursor.execute(statement, values)
            return list(cursor.fetchall())


class _Described(NamedTuple):
    """A row of the catalogue, as ``COLUMNS`` answers it."""

    name: str
    data_type: str
    column_type: str
    length: str | None
    precision: str | None
    scale: str | None
    fraction: str | None
    nullable: str


def _column(table: TableName, described: _Described) -> Column:
    base, quoted = described.data_type.lower(), _quoted(described.name)
    sized = _SIZED.get(base)
    kind = sized(described) if sized else SIMPLE_TYPES.get(base)
    if kind is None:
        raise TableError(
            f"{table} has the column {described.name} of the type {described.column_type}, which the embedded DMS does "
            "not copy"
        )
    expression = f"{quoted} + 0e0" if base in {"float", "double"} else quoted
    return Column(described.name, kind, described.column_type, expression, nullable=described.nullable == "YES")


def _integer(described: _Described) -> DmsType:
    sign = "UINT" if "unsigned" in described.column_type.lower() else "INT"
    return DmsType(Kind(f"{sign}{INTEGERS[described.data_type.lower()]}"))


def _bits(described: _Described) -> DmsType:
    bits = int(described.precision or 1)
    return DmsType(Kind.BOOLEAN) if bits == 1 else DmsType(Kind.BYTES, length=(bits + 7) // 8)


def _sized_as(kind: Kind) -> Callable[[_Described], DmsType]:
    return lambda described: DmsType(kind, length=int(described.length or 0))


def _moment(described: _Described) -> DmsType:
    return DmsType(Kind.DATETIME, scale=int(described.fraction or 0))


# Types that the catalogue says more of than their name.
_SIZED: dict[str, Callable[[_Described], DmsType]] = {
    **dict.fromkeys(INTEGERS, _integer),
    **dict.fromkeys(("char", "varchar", "enum", "set"), _sized_as(Kind.WSTRING)),
    **dict.fromkeys(("binary", "varbinary"), _sized_as(Kind.BYTES)),
    **dict.fromkeys(("datetime", "timestamp"), _moment),
    "decimal": lambda described: DmsType.decimal(int(described.precision or 0), int(described.scale or 0)),
    "bit": _bits,
}


def _form(column: Column) -> Callable[[Any], str] | None:
    """Answer how what the server sends becomes the form of a type; None where it is that already."""
    source_type = column.source_type.lower()
    if column.type.kind is Kind.BOOLEAN:
        return lambda sent: "true" if sent == b"\x01" else "false"
    if column.type.kind in {Kind.BYTES, Kind.BLOB}:
        return lambda sent: (sent if isinstance(sent, bytes) else sent.encode()).hex()
    if column.type.kind in INTEGER_KINDS and ("zerofill" in source_type or source_type.startswith("year")):
        return lambda sent: str(int(sent))
    if "zerofill" in source_type and column.type.kind in {Kind.NUMERIC, Kind.STRING}:
        return lambda sent: re.sub(r"^0+(?=\d)", "", sent)
    if column.type.kind not in {Kind.STRING, Kind.WSTRING, Kind.CLOB, Kind.NCLOB}:
        return None
    # Columns of a binary character set say text and send bytes.
    return lambda sent: sent.decode() if isinstance(sent, bytes) else sent


def _formed(rows: Sequence[tuple[Any, ...]], forms: Sequence[tuple[int, Callable[[Any], str]]]) -> list[Row]:
    if not forms:
        return list(rows)
    formed = []
    for row in rows:
        values = list(row)
        for place, form in forms:
            if values[place] is not None:
                values[place] = form(values[place])
        formed.append(tuple(values))
    return formed


def _bound(table: TableName, column: Column, value: str) -> Any:
    """Answer a filter's value as a number for a column of numbers: MySQL compares text to them as doubles."""
    try:
        if column.type.kind in INTEGER_KINDS:
            return int(value)
        return Decimal(value) if column.type.kind is Kind.NUMERIC else value
    except (ValueError, ArithmeticError):
        raise TableError(f"A filter on {column.name} of {table} has a value that is no number") from None


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"
