"""PostgreSQL as a source: types from its catalogue, rows through ``COPY``.

Rows leave the server as the text that PostgreSQL writes for every type, so nothing is converted on the way. The types
are mapped as the DMS user guide does, with two exceptions for the sake of the values: an unconstrained ``numeric``
travels as text (DMS rounds it to six places), and types that the guide does not list travel as their text.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from runners.local.dms.columns import Column, DmsType, Kind, SourceTable, TableName
from runners.local.dms.errors import EndpointError, TableError
from runners.local.dms.sources import batches, condition_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from runners.local.dms.columns import Row
    from runners.local.dms.table_mappings import Filter

CONNECT_TIMEOUT_SECONDS = 10
CANCEL_TIMEOUT_SECONDS = 5.0

# How PostgreSQL writes values: the same on every server, and so that each reads back equal.
SESSION = (
    "SET DateStyle = 'ISO, YMD'; SET IntervalStyle = 'postgres'; SET TimeZone = 'UTC'; SET bytea_output = 'hex'; "
    "SET extra_float_digits = 1; SET xmloption = 'content'; SET statement_timeout = 0"
)
SIMPLE_TYPES: dict[str, DmsType] = {
    "int2": DmsType(Kind.INT2),
    "int4": DmsType(Kind.INT4),
    "int8": DmsType(Kind.INT8),
    "float4": DmsType(Kind.REAL4),
    "float8": DmsType(Kind.REAL8),
    "money": DmsType(Kind.NUMERIC, precision=38, scale=4),
    "text": DmsType(Kind.NCLOB),
    "bytea": DmsType(Kind.BLOB),
    "date": DmsType(Kind.DATE),
    "cidr": DmsType(Kind.STRING, length=50),
    "inet": DmsType(Kind.STRING, length=50),
    "macaddr": DmsType(Kind.STRING, length=18),
    "uuid": DmsType(Kind.STRING, length=36),
    "interval": DmsType(Kind.STRING, length=128),
    "tsvector": DmsType(Kind.CLOB),
    "tsquery": DmsType(Kind.CLOB),
    "xml": DmsType(Kind.CLOB),
    "path": DmsType(Kind.CLOB),
    "polygon": DmsType(Kind.CLOB),
    "point": DmsType(Kind.STRING, length=255),
    "line": DmsType(Kind.STRING, length=255),
    "lseg": DmsType(Kind.STRING, length=255),
    "box": DmsType(Kind.STRING, length=255),
    "circle": DmsType(Kind.STRING, length=255),
    "json": DmsType(Kind.NCLOB),
    "jsonb": DmsType(Kind.NCLOB),
    "int4range": DmsType(Kind.STRING, length=255),
    "int8range": DmsType(Kind.STRING, length=255),
    "numrange": DmsType(Kind.STRING, length=255),
    "char": DmsType(Kind.WSTRING, length=1),
}
# Types whose value in the form of DMS is not simply their text; ``{}`` is the column.
EXPRESSIONS = {
    "bytea": "encode({}, 'hex')",
    "money": "{}::numeric::text",
    "timestamptz": "({} AT TIME ZONE 'UTC')::text",
    "line": "translate({}::text, '{{}}', '()')",
    "lseg": "translate({}::text, '[]', '()')",
    "box": "'(' || {}::text || ')'",
    "circle": "translate({}::text, '<>', '')",
}
NOT_MIGRATED = frozenset({"oid"})
"""The user guide: the OID LOB data type isn't migrated to the target."""
POSTGIS = frozenset({"geometry", "geography", "raster"})
MARK = "\0"
"""Where a value is bound: a character that no name and no type can hold."""
ENUM, COMPOSITE = "e", "c"
MICROSECOND_DIGITS = 6
HEADER = 4
"""What PostgreSQL adds to the length of a text type, or to the digits of a numeric, in a type modifier."""

TABLES = """
    SELECT n.nspname, c.relname, c.relkind = 'v'
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
      AND n.nspname NOT LIKE 'pg\\_toast%' AND c.relpersistence <> 't'
    ORDER BY 1, 2
"""
# A domain is followed to the type that it stands for.
COLUMNS = """
    WITH RECURSIVE described AS (
        SELECT a.attnum, a.attname, a.attnotnull, a.atttypid AS type, a.atttypmod AS modifier
        FROM pg_catalog.pg_attribute a
        JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
        JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = %(schema)s AND c.relname = %(name)s AND a.attnum > 0 AND NOT a.attisdropped
        UNION ALL
        SELECT d.attnum, d.attname, d.attnotnull, t.typbasetype, t.typtypmod
        FROM described d JOIN pg_catalog.pg_type t ON t.oid = d.type WHERE t.typtype = 'd'
    )
    SELECT d.attname, pg_catalog.format_type(d.type, d.modifier), t.typname, d.modifier, NOT d.attnotnull,
           t.typtype::text, t.typcategory = 'A', n.nspname = 'pg_catalog'
    FROM described d
    JOIN pg_catalog.pg_type t ON t.oid = d.type
    JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
    WHERE t.typtype <> 'd'
    ORDER BY d.attnum
"""
PRIMARY_KEY = """
    SELECT a.attname
    FROM pg_catalog.pg_index i
    JOIN pg_catalog.pg_class c ON c.oid = i.indrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY AS k (attnum, place)
    JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum
    WHERE n.nspname = %(schema)s AND c.relname = %(name)s AND i.indisprimary
    ORDER BY k.place
"""


def connect(parameters: Mapping[str, Any], endpoint: str) -> Any:
    """Open a connection; raises ``EndpointError``, which holds no password."""
    import psycopg  # noqa: PLC0415  # the driver takes time to import

    try:
        connection = psycopg.connect(
            **parameters,
            connect_timeout=CONNECT_TIMEOUT_SECONDS,
            client_encoding="utf8",
            application_name="embedded-dms",
        )
        connection.execute(SESSION)
        connection.commit()
    except psycopg.Error as error:
        raise EndpointError(f"The endpoint {endpoint} cannot be reached: {_said(error)}") from None
    return connection


@contextmanager
def reported(endpoint: str, doing: str) -> Iterator[None]:
    """Turn the driver's errors into those of a load, without a value of a row."""
    import psycopg  # noqa: PLC0415

    try:
        yield
    except psycopg.OperationalError as error:
        if error.sqlstate and not error.sqlstate.startswith(("08", "57P")):
            raise TableError(f"{doing} failed: {_said(error)}") from None
        raise EndpointError(f"The connection to the endpoint {endpoint} was lost: {_said(error)}") from None
    except psycopg.Error as error:
        raise TableError(f"{doing} failed: {_said(error)}") from None


def _said(error: Any) -> str:
    """Answer what PostgreSQL said, unless it may quote a value: errors of data and of constraints do."""
    kind, state = type(error).__name__, error.sqlstate
    if state and not state.startswith(("22", "23", "P0", "XX")):
        return f"{error.diag.message_primary} ({kind}, SQLSTATE {state})"
    if state:
        column = f", column {error.diag.column_name}" if error.diag.column_name else ""
        return f"{kind}, SQLSTATE {state}{column}"
    return " ".join(str(error).split()) if kind in {"OperationalError", "ConnectionTimeout"} else kind


class PostgresqlSource:
    """One connection to a PostgreSQL database."""

    def __init__(
        self, parameters: Mapping[str, Any], endpoint: str, *, booleans: bool = False, trims_char: bool = True
    ) -> None:
        """Connect. ``booleans``: DMS's MapBooleanAsBoolean; ``trims_char``: its TrimSpaceInChar."""
        self._endpoint = endpoint
        self._booleans = booleans
        self._trims_char = trims_char
        self._connection = connect(parameters, endpoint)

    def tables(self) -> list[TableName]:
        """Answer tables, partitioned tables with their partitions, and views."""
        with reported(self._endpoint, "Reading the catalogue"):
            found = self._connection.execute(TABLES).fetchall()
            self._connection.commit()
        return [TableName(*row) for row in found]

    def describe(self, name: TableName) -> SourceTable:
        """Answer a table's columns; raises ``TableError`` for what DMS suspends a table for."""
        asked = {"schema": name.schema, "name": name.name}
        with reported(self._endpoint, f"Reading the catalogue for {name}"):
            found = [_Described(*row) for row in self._connection.execute(COLUMNS, asked).fetchall()]
            key = tuple(part for (part,) in self._connection.execute(PRIMARY_KEY, asked).fetchall())
            self._connection.commit()
        _require_possible(name, found, key)
        return SourceTable(
            name,
            tuple(self._column(column) for column in found if column.base not in NOT_MIGRATED),
            key,
            tuple(f"{column.name} ({column.full})" for column in found if column.base in NOT_MIGRATED),
        )

    def read(
        self, table: SourceTable, columns: Sequence[Column], filters: Sequence[Filter], *, native: bool = False
    ) -> Iterator[list[Row]]:
        """Read the rows by COPY; filters are quoted by the driver, as values of the columns' types."""
        selected = ", ".join(column.native_expression if native else column.expression for column in columns)
        where, bound = condition_of(table, filters, '"', MARK)
        relation = f"{_quoted(table.name.schema)}.{_quoted(table.name.name)}"
        statement = f"COPY (SELECT {selected} FROM {relation}{where}) TO STDOUT"  # noqa: S608
        values = [value for _, value in bound]
        if values:
            # The driver takes a percent sign for a placeholder once there is something to bind.
            statement = statement.replace("%", "%%").replace(MARK, "%s")
        with reported(self._endpoint, f"Reading {table.name}"), self._connection.cursor() as cursor:
            with cursor.copy(statement, values) as copy:
                yield from batches(copy.rows())
            self._connection.commit()

    def cancel(self) -> None:
        """Have the server end what the connection does."""
        self._connection.cancel_safe(timeout=CANCEL_TIMEOUT_SECONDS)

    def close(self) -> None:
        """End the connection."""
        self._connection.close()

    def _column(self, described: _Described) -> Column:
        quoted, base = _quoted(described.name), described.base
        # Arrays and composites travel as the text that PostgreSQL makes of them.
        as_text = described.is_array or described.group == COMPOSITE
        text = "{}::text" if as_text or not described.built_in else EXPRESSIONS.get(base, "{}::text")
        if base == "bpchar" and not self._trims_char and described.modifier > HEADER:
            text = f"rpad({{}}::text, {described.modifier - HEADER})"
        return Column(
            name=described.name,
            type=DmsType(Kind.NCLOB) if as_text else self._type(described),
            source_type=described.full,
            expression=text.format(quoted),
            nullable=described.nullable,
            # The user guide: the same type, but "character varying" for types that users define.
            native_type=described.full if described.built_in else "character varying",
            native_expression=f"{quoted}::numeric" if base == "money" else quoted,
        )

    def _type(self, described: _Described) -> DmsType:
        if described.group == ENUM:
            return DmsType(Kind.STRING, length=64)
        if not described.built_in:
            return DmsType(Kind.NCLOB)
        if described.base == "bool":
            return DmsType(Kind.BOOLEAN) if self._booleans else DmsType(Kind.STRING, length=5)
        sized = _SIZED.get(described.base)
        return sized(described.modifier) if sized else SIMPLE_TYPES.get(described.base, DmsType(Kind.STRING))


class _Described(NamedTuple):
    """A row of the catalogue, as ``COLUMNS`` answers it."""

    name: str
    full: str
    base: str
    modifier: int
    nullable: bool
    group: str
    is_array: bool
    built_in: bool


def _numeric(modifier: int) -> DmsType:
    if modifier < 0:
        return DmsType.decimal(None, None)
    digits = modifier - HEADER
    # The scale has eleven bits, the highest of them for its sign.
    return DmsType.decimal(digits >> 16 & 0xFFFF, ((digits & 0x7FF) ^ 1024) - 1024)


def _sized_as(kind: Kind, header: int = 0) -> Callable[[int], DmsType]:
    return lambda modifier: DmsType(kind, length=modifier - header if modifier >= 0 else None)


def _moment(kind: Kind) -> Callable[[int], DmsType]:
    return lambda modifier: DmsType(kind, scale=modifier if modifier >= 0 else MICROSECOND_DIGITS)


# Types that say more by their modifier.
_SIZED: dict[str, Callable[[int], DmsType]] = {
    "numeric": _numeric,
    "varchar": _sized_as(Kind.WSTRING, HEADER),
    "bpchar": _sized_as(Kind.WSTRING, HEADER),
    "bit": _sized_as(Kind.STRING),
    "varbit": _sized_as(Kind.STRING),
    "time": _moment(Kind.TIME),
    "timestamp": _moment(Kind.DATETIME),
    "timestamptz": _moment(Kind.DATETIME),
}


def _require_possible(name: TableName, columns: Sequence[_Described], key: Sequence[str]) -> None:
    for column in columns:
        if column.is_array and not key:
            raise TableError(
                f"{name} has the array column {column.name} ({column.full}) and no primary key: DMS suspends "
                "such a table"
            )
        if column.base in POSTGIS:
            raise TableError(
                f"{name} has the PostGIS column {column.name} ({column.full}), which the embedded DMS does not copy"
            )


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
