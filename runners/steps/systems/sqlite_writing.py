"""Writing SQLite: one transaction, in which tables are created, too; without a commit nothing is left of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from runners.steps.ends import BATCH_BYTES
from runners.steps.errors import DataQualityFailed, TargetFailed, ValidationFailed
from runners.steps.systems.sql import LOADS_TABLE, SqlTarget
from runners.steps.systems.sqlite_fit import SqliteFit
from runners.steps.systems.sqlite_types import created_type

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    import pyarrow as pa

    from runners.steps.context import StepContext

_STAGE = "etl_runners_stage"
_PIECE = BATCH_BYTES // 4  # bytes of rows that are made Python's values at once


class SqliteSink:
    """What is being written to a table.

    Args:
        target: what is asked for.
        connection: an open one, which leaves transactions to whoever uses it.
        schema: of the rows.
        context: the step's.
        explained: raises SQLite's errors as those of steps.

    """

    def __init__(
        self,
        target: SqlTarget,
        connection: sqlite3.Connection,
        schema: pa.Schema,
        context: StepContext,
        explained: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._target = target
        self._connection = connection
        self._explained = explained
        self._quoted = target.dialect.identifier
        self._name = self._quoted(target.Table)
        connection.execute("BEGIN IMMEDIATE")
        self._repeated = bool(target.Mode == "append" and context.repeat_key and self._is_repeat(context.repeat_key))
        if target.CreateTable:
            connection.execute(self._creation(schema))
        self._fits = self._fitted(schema)
        if target.Mode == "overwrite":
            connection.execute(f"DELETE FROM {self._name}")  # noqa: S608  # a quoted name
        if target.Mode == "upsert":
            self._stage()
        columns = self._columns()
        marks = ", ".join("?" * len(columns))
        into = self._quoted(_STAGE) if target.Mode == "upsert" else self._name
        self._insert = f"INSERT INTO {into} ({', '.join(columns)}) VALUES ({marks})"  # noqa: S608  # quoted names

    def write(self, batch: pa.RecordBatch) -> None:
        """Write a batch.

        Raises:
            DataNotRepresentable: a value would not stay what it is.
            DataQualityFailed: a row breaks a constraint of the table.
            TargetUnavailable, TargetFailed: SQLite does not take it.

        """
        if self._repeated or not batch.num_rows:
            return
        at_once = max(1, batch.num_rows * _PIECE // max(batch.nbytes, 1))
        for start in range(0, batch.num_rows, at_once):
            rows = batch.slice(start, at_once)
            self._check_key(rows)
            columns = [fit.values(values) for fit, values in zip(self._fits, rows.columns, strict=True)]
            with self._explained():
                self._connection.executemany(self._insert, zip(*columns, strict=True))

    def commit(self) -> dict[str, Any]:
        """Publish the rows."""
        result: dict[str, Any] = {"table": self._target.Table}
        with self._explained():
            if self._target.Mode == "upsert":
                self._connection.execute(self._merge())
            self._connection.execute("COMMIT")
        return result | {"repeated": True} if self._repeated else result

    def abandon(self) -> None:
        """Undo what was not published."""
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def _check_key(self, rows: pa.RecordBatch) -> None:
        for fit, values in zip(self._fits, rows.columns, strict=True):
            if values.null_count and self._quoted(fit.column) in self._quoted_key():
                raise DataQualityFailed(f"the column {fit.source} of the key has NULL", column=fit.source)

    def _is_repeat(self, repeat_key: str) -> bool:
        """Write down the load's key; return whether it is there already."""
        schema, dot, _ = self._name.rpartition(".")
        loads = f"{schema}{dot}{self._quoted(LOADS_TABLE)}"
        self._connection.execute(
            f"CREATE TABLE IF NOT EXISTS {loads} (repeat_key TEXT PRIMARY KEY, table_name TEXT NOT NULL, "
            "loaded_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP)"
        )
        written = self._connection.execute(
            f"INSERT INTO {loads} (repeat_key, table_name) VALUES (?, ?) ON CONFLICT DO NOTHING",  # noqa: S608
            (repeat_key, self._target.Table),
        )
        return written.rowcount == 0

    def _creation(self, schema: pa.Schema) -> str:
        columns = [f"{self._quoted(field.name)} {created_type(field)}" for field in schema]
        if self._target.Key:
            columns.append(f"PRIMARY KEY ({self._key()})")
        return f"CREATE TABLE IF NOT EXISTS {self._name} ({', '.join(columns)})"

    def _fitted(self, schema: pa.Schema) -> list[SqliteFit]:
        database, _, table = self._target.Table.rpartition(".")
        columns = self._connection.execute(
            'SELECT name, type, hidden, "notnull" AND dflt_value IS NULL AND NOT pk FROM pragma_table_xinfo(?, ?)',
            (table, database or "main"),
        ).fetchall()
        if not columns:
            raise TargetFailed(f"there is no table {self._target.Table!r}; create it, or set CreateTable")
        return fits(schema, columns, self._target)

    def _stage(self) -> None:
        """Make a temporary table of which the key is unique, and see that the table's own is, too."""
        stage = self._quoted(_STAGE)
        columns = ", ".join(self._columns())
        self._connection.execute(f"CREATE TEMP TABLE {stage} AS SELECT {columns} FROM {self._name} LIMIT 0")  # noqa: S608
        self._connection.execute(f"CREATE UNIQUE INDEX temp.etl_runners_key ON {stage} ({self._key()})")
        try:
            self._connection.execute(f"EXPLAIN {self._merge()}")
        except sqlite3.OperationalError as error:
            if "ON CONFLICT" not in str(error):
                raise
            raise TargetFailed(
                f"the table {self._target.Table!r} has no primary key or unique index on just "
                f"{', '.join(self._target.Key)}; without one a row cannot be replaced"
            ) from None

    def _merge(self) -> str:
        columns = self._columns()
        changed = [f"{column} = excluded.{column}" for column in columns if column not in self._quoted_key()]
        update = f"UPDATE SET {', '.join(changed)}" if changed else "NOTHING"
        return (
            f"INSERT INTO {self._name} ({', '.join(columns)}) SELECT {', '.join(columns)} "  # noqa: S608
            f"FROM temp.{self._quoted(_STAGE)} WHERE true ON CONFLICT ({self._key()}) DO {update}"
        )

    def _columns(self) -> list[str]:
        return [self._quoted(fit.column) for fit in self._fits]

    def _quoted_key(self) -> set[str]:
        """Return the key's columns as the table spells them."""
        key = {name.lower() for name in self._target.Key}
        return {self._quoted(fit.column) for fit in self._fits if fit.column.lower() in key}

    def _key(self) -> str:
        return ", ".join(map(self._quoted, self._target.Key))


def fits(schema: pa.Schema, columns: Sequence[tuple[str, str, int, int]], target: SqlTarget) -> list[SqliteFit]:
    """Return how each column of the rows is written.

    Args:
        schema: of the rows.
        columns: the table's: name, declared type, whether it is computed, whether rows need a value for it.
        target: what is asked for.

    Raises:
        TargetFailed: a column is not in the table, or is computed there, or rows lack one that they need.
        ValidationFailed: the key names a column that the rows have not.

    """
    by_name = {column[0].lower(): column for column in columns}
    table = target.Table
    unknown = [field.name for field in schema if field.name.lower() not in by_name]
    if unknown:
        known = ", ".join(column[0] for column in columns)
        raise TargetFailed(f"the table {table!r} has no column {', '.join(unknown)}; it has {known}")
    given = [by_name[field.name.lower()] for field in schema]
    names = [column[0] for column in given]
    computed = [column[0] for column in given if column[2]]
    needed = [column[0] for column in columns if column[3] and column[0] not in names]
    lacking = [name for name in target.Key if name.lower() not in {given.lower() for given in names}]
    if len(set(names)) < len(names):
        raise TargetFailed(f"two columns of the rows would go into one of the table {table!r}")
    if computed:
        raise TargetFailed(f"the table {table!r} computes {computed[0]} itself; drop it by Transforms")
    if needed:
        raise TargetFailed(f"rows have no {', '.join(needed)}, which the table {table!r} needs")
    if lacking:
        raise ValidationFailed(f"Key names {lacking[0]!r}, which the rows have not; they have {', '.join(names)}")
    return [SqliteFit(field.name, column[0], column[1]) for field, column in zip(schema, given, strict=True)]
