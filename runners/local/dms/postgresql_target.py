"""PostgreSQL as a target: each table in one transaction of its own, filled by ``COPY``.

A table that fails stays as it was before. From a PostgreSQL source the columns keep their types; from another one they
get those that the DMS user guide gives to its data types.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from runners.local.dms.columns import BINARY_KINDS, DmsType, Kind
from runners.local.dms.postgresql import CANCEL_TIMEOUT_SECONDS, connect, reported

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from runners.local.dms.columns import Row, TargetColumn, TargetTable
    from runners.local.dms.targets import Write

TYPES = {
    Kind.BOOLEAN: "boolean",
    Kind.BYTES: "bytea",
    Kind.BLOB: "bytea",
    Kind.DATE: "date",
    Kind.TIME: "time",
    Kind.DATETIME: "timestamp",
    Kind.INT1: "smallint",
    Kind.INT2: "smallint",
    Kind.INT4: "integer",
    Kind.INT8: "bigint",
    Kind.UINT1: "smallint",
    Kind.UINT2: "integer",
    Kind.UINT4: "bigint",
    Kind.UINT8: "bigint",
    Kind.REAL4: "real",
    Kind.REAL8: "double precision",
    Kind.CLOB: "text",
    Kind.NCLOB: "text",
}
BYTES_OF_A_CHARACTER = 3
MAX_STRING = 21_845
"""Characters up to which a string has its own length, in bytes; a longer one has ``MAX_VARCHAR``."""
MAX_VARCHAR = 65_535


class PostgresqlTarget:
    """A PostgreSQL database that is written to over one connection for each table."""

    def __init__(
        self,
        parameters: Mapping[str, Any],
        endpoint: str,
        preparation: str,
        *,
        from_postgresql: bool,
        keys_after_load: bool = False,
    ) -> None:
        """Remember where to write; ``preparation`` is the task's TargetTablePrepMode."""
        self.reads_native = from_postgresql
        self._parameters = parameters
        self._endpoint = endpoint
        self._preparation = preparation
        self._keys_after_load = keys_after_load
        self._lock = threading.Lock()
        self._connections: set[Any] = set()

    def check(self) -> None:
        """Raise ``EndpointError`` if the database cannot be reached."""
        connect(self._parameters, self._endpoint).close()

    @contextmanager
    def writing(self, table: TargetTable) -> Iterator[Write]:
        """Make or empty the table, and take its rows; all of it counts when the context ends, or nothing."""
        connection = connect(self._parameters, self._endpoint)
        with self._lock:
            self._connections.add(connection)
        try:
            with reported(self._endpoint, f"Writing {table}"), connection.cursor() as cursor:
                cursor.execute("SET lc_monetary = 'C'")
                self._make_schema(connection, cursor, table.schema)
                made = self._prepare(cursor, table)
                names = ", ".join(_quoted(column.name) for column in table.columns)
                with cursor.copy(f"COPY {_relation(table)} ({names}) FROM STDIN") as copy:
                    yield _writer(
                        copy, [place for place, column in enumerate(table.columns) if self._is_binary(column)]
                    )
                if made and self._keys_after_load and table.primary_key:
                    cursor.execute(f"ALTER TABLE {_relation(table)} ADD {_key(table)}")
                connection.commit()
        finally:
            with self._lock:
                self._connections.discard(connection)
            connection.close()

    def cancel(self) -> None:
        """Have the server end every write."""
        with self._lock:
            connections = list(self._connections)
        for connection in connections:
            connection.cancel_safe(timeout=CANCEL_TIMEOUT_SECONDS)

    def _make_schema(self, connection: Any, cursor: Any, schema: str) -> None:
        """Make a schema that is not there; committed at once, because other tables' transactions need it too."""
        with self._lock:
            if not cursor.execute("SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = %s", [schema]).fetchone():
                cursor.execute(f"CREATE SCHEMA {_quoted(schema)}")
            connection.commit()

    def _prepare(self, cursor: Any, table: TargetTable) -> bool:
        """Make the table ready for its rows; answers whether it was made."""
        found = cursor.execute("SELECT to_regclass(%s)", [_relation(table)]).fetchone()
        exists = found[0] is not None
        if exists and self._preparation == "DROP_AND_CREATE":
            cursor.execute(f"DROP TABLE {_relation(table)}")
            exists = False
        if exists and self._preparation == "TRUNCATE_BEFORE_LOAD":
            cursor.execute(f"TRUNCATE TABLE {_relation(table)}")
        if not exists:
            cursor.execute(f"CREATE TABLE {_relation(table)} ({self._definitions(table)})")
        return not exists

    def _definitions(self, table: TargetTable) -> str:
        parts = [self._definition(column) for column in table.columns]
        if table.primary_key and not self._keys_after_load:
            parts.append(_key(table))
        return ", ".join(parts)

    def _definition(self, column: TargetColumn) -> str:
        kind = (self.reads_native and column.native_type) or type_of(column.type)
        required = " NOT NULL" if column.source and not column.source.nullable else ""
        return f"{_quoted(column.name)} {kind}{required}"

    def _is_binary(self, column: TargetColumn) -> bool:
        return column.type.kind in BINARY_KINDS and not (self.reads_native and column.source)


def type_of(kind: DmsType) -> str:
    """Answer the type that holds a DMS type."""
    if kind.kind is Kind.NUMERIC:
        return f"numeric({kind.precision},{kind.scale})"
    if kind.kind is Kind.DATETIME and kind.scale is not None:
        return f"timestamp({kind.scale})"
    if kind.kind not in {Kind.STRING, Kind.WSTRING}:
        return TYPES[kind.kind]
    if not kind.length:
        return "character varying"
    size = kind.length * BYTES_OF_A_CHARACTER if kind.length <= MAX_STRING else MAX_VARCHAR
    return f"character varying({size})"


def _writer(copy: Any, binary: Sequence[int]) -> Write:
    def write(rows: Sequence[Row]) -> None:
        for row in rows:
            if not binary:
                copy.write_row(row)
                continue
            values = list(row)
            for place in binary:
                if values[place] is not None:
                    values[place] = f"\\x{values[place]}"
            copy.write_row(values)

    return write


def _key(table: TargetTable) -> str:
    return f"PRIMARY KEY ({', '.join(_quoted(name) for name in table.primary_key)})"


def _relation(table: TargetTable) -> str:
    return f"{_quoted(table.schema)}.{_quoted(table.name)}"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
