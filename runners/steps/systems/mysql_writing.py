"""Rows into a table of MySQL's, in one transaction: all are seen at its commit, and none before or without it.

What MySQL commits by itself, creating a table, is done before the transaction begins; an aborted load may so leave a
table behind that is empty. Rows to upsert go into a temporary table first, of which the key is unique.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pymysql  # type: ignore[import-untyped]

from runners.steps.ends import BATCH_BYTES
from runners.steps.errors import DataQualityFailed, TargetFailed, ValidationFailed
from runners.steps.systems.mysql_catalogue import Table, described, exists, has_unique_key, is_mariadb, setting
from runners.steps.systems.mysql_creation import creation, loads_creation
from runners.steps.systems.mysql_fit import Fit, fit
from runners.steps.systems.mysql_load import Inserts, Load, LoadData
from runners.steps.systems.mysql_refusals import NUMBERS, refusal
from runners.steps.systems.mysql_session import WRITING, errors_of, typed
from runners.steps.systems.mysql_wire import Loaded, insert, warning
from runners.steps.systems.sql import LOADS_TABLE, SqlTarget

if TYPE_CHECKING:
    import pyarrow as pa
    from pymysql.connections import Connection  # type: ignore[import-untyped]

    from runners.steps.context import Progress, StepContext

_DUPLICATE = 1062  # the number of MySQL's error for a key that there is
_STAGE = "etl_runners_stage"
_PIECE = BATCH_BYTES // 4  # bytes of rows that are made texts at once


class MySqlSink:
    """What is being written to a table.

    Args:
        target: what is asked for.
        connection: an open session.
        schema: of the rows.
        context: the step's.

    """

    def __init__(self, target: SqlTarget, connection: Connection, schema: pa.Schema, context: StepContext) -> None:
        self._target = target
        self._connection = connection
        self._progress: Progress = context.progress
        self._quoted = target.dialect.identifier
        if target.CreateTable and not exists(connection, target.Table):
            made = creation(target.Table, schema, target.Key, target.dialect, mariadb=is_mariadb(connection))
            self._run(made)
        self._table = described(connection, target.Table)
        self._name = f"{self._quoted(self._table.database)}.{self._quoted(self._table.name)}"
        self._fits = fits(schema, self._table, target.Table)
        self._key = self._key_columns() if target.Mode == "upsert" else []
        self._repeated = False
        self._repeatable = bool(context.repeat_key)
        self._begin(context.repeat_key)
        self._load = self._chosen_load()

    def write(self, batch: pa.RecordBatch) -> None:
        """Send a batch.

        Raises:
            DataNotRepresentable, DataQualityFailed: the table does not take a row as it is.
            TargetUnavailable, TargetFailed: the server does not take it.

        """
        if self._repeated or not batch.num_rows:
            return
        at_once = max(1, batch.num_rows * _PIECE // max(batch.nbytes, 1))
        with self._errors():
            for start in range(0, batch.num_rows, at_once):
                rows = batch.slice(start, at_once)
                columns = [
                    one.texts(values, null_refused=self._refuses_null(one))
                    for one, values in zip(self._fits, rows.columns, strict=True)
                ]
                self._progress.count(size=self._load.write(columns))
                self._written += rows.num_rows

    def commit(self) -> dict[str, Any]:
        """Publish the rows."""
        result: dict[str, Any] = {"table": self._target.Table, "mode": self._target.Mode}
        if self._repeated:
            return result | {"repeated": True}
        with self._errors():
            self._judge(self._load.finish())
            if self._target.Mode == "upsert":
                self._merge()
            self._publish()
        return result | {"written_by": self._load.words}

    def _publish(self) -> None:
        try:
            self._connection.commit()
        except pymysql.err.MySQLError as error:
            failed = typed(error, self._target.ConnectionName, WRITING)
            if failed.transient and self._target.Mode == "append" and not self._repeatable:
                raise TargetFailed(
                    f"the connection {self._target.ConnectionName!r} broke in the commit, and {self._target.Table!r} "
                    "may have the rows or not: look, before you run it again"
                ) from None
            raise

    def abandon(self) -> None:
        """Undo what was written, unless it was published; the connection is of no more use."""
        self._load.abandon()

    def _begin(self, repeat_key: str) -> None:
        """Begin the transaction, and see whether an earlier try has published the same rows."""
        self._written = 0
        appends_once = self._target.Mode == "append" and repeat_key
        loads = f"{self._quoted(self._table.database)}.{self._quoted(LOADS_TABLE)}"
        if appends_once and not exists(self._connection, f"{self._table.database}.{LOADS_TABLE}"):
            self._run(loads_creation(loads))
        if self._target.Mode == "upsert":
            self._run(self._stage_creation())
        self._connection.begin()
        if appends_once:
            try:
                # Whoever does the same at the same time waits here for the other to end.
                insertion = f"INSERT INTO {loads} (repeat_key, table_name) VALUES (%s, %s)"  # noqa: S608  # quoted name
                self._run(insertion, repeat_key, self._target.Table)
            except pymysql.err.IntegrityError as error:
                if error.args[0] != _DUPLICATE:
                    raise
                self._repeated = True
        if self._target.Mode == "overwrite":
            self._run(f"DELETE FROM {self._name}")  # noqa: S608  # TRUNCATE would commit

    def _chosen_load(self) -> Load:
        into = self._quoted(_STAGE) if self._target.Mode == "upsert" else self._name
        kind = LoadData if setting(self._connection, "local_infile") else Inserts
        packet = int(setting(self._connection, "max_allowed_packet"))
        return kind(self._connection, into, self._fits, self._names(), packet)

    def _names(self) -> list[str]:
        return [self._quoted(one.column.name) for one in self._fits]

    def _refuses_null(self, one: Fit) -> bool:
        return one.column.name in self._key or not (one.column.nullable or one.column.numbered)

    def _key_columns(self) -> list[str]:
        """Return the key's columns as the table spells them, once it is seen that they tell rows apart."""
        written = {one.source: one.column.name for one in self._fits}
        missing = [name for name in self._target.Key if name not in written]
        if missing:
            raise ValidationFailed(f"Key names {missing[0]!r}, which the rows have not; they have {', '.join(written)}")
        key = [written[name] for name in self._target.Key]
        if not has_unique_key(self._connection, self._table, key):
            raise TargetFailed(
                f"the table {self._target.Table!r} has no primary key or unique index on just {', '.join(key)}; "
                "without one a row cannot be replaced",
                table=self._target.Table,
            )
        return key

    def _stage_creation(self) -> str:
        key = ", ".join(map(self._quoted, self._key))
        return (
            f"CREATE TEMPORARY TABLE {self._quoted(_STAGE)} (UNIQUE KEY ({key})) ENGINE = InnoDB "  # noqa: S608
            f"SELECT {', '.join(self._names())} FROM {self._name} LIMIT 0"
        )

    def _merge(self) -> None:
        """Replace the rows that there are, and add the others.

        Not by ON DUPLICATE KEY UPDATE, which takes any unique index for the key, and so may replace another row.
        """
        stage, name = self._quoted(_STAGE), self._name
        same = " AND ".join(f"old.{column} = new.{column}" for column in map(self._quoted, self._key))
        changed = [column for column in self._names() if column not in set(map(self._quoted, self._key))]
        if changed:
            set_to = ", ".join(f"old.{column} = new.{column}" for column in changed)
            insert(self._connection, f"UPDATE {name} AS old JOIN {stage} AS new ON {same} SET {set_to}")  # noqa: S608
        columns = ", ".join(self._names())
        news = ", ".join(f"new.{column}" for column in self._names())
        insert(
            self._connection,
            f"INSERT INTO {name} ({columns}) SELECT {news} FROM {stage} AS new "  # noqa: S608  # quoted names
            f"LEFT JOIN {name} AS old ON {same} WHERE old.{self._quoted(self._key[0])} IS NULL",
        )

    def _judge(self, loaded: Loaded) -> None:
        """See that all rows were taken as they are: where LOAD DATA cannot take one so, it changes it and warns."""
        if loaded.warnings:
            raise refusal(*warning(self._connection), self._target.Table, self._column_names())
        if loaded.rows != self._written:
            raise DataQualityFailed(
                f"of {self._written} rows the server has taken {loaded.rows}; nothing was written", table=self._name
            )

    def _column_names(self) -> list[str]:
        return [column.name for column in self._table.columns]

    def _errors(self) -> _RowErrors:
        return _RowErrors(self._target, self._column_names())

    def _run(self, statement: str, *values: str) -> None:
        with self._connection.cursor() as cursor:
            cursor.execute(statement, values or None)


class _RowErrors:
    """Raises what the server raises as errors of steps, and what speaks of a row without the row's values."""

    def __init__(self, target: SqlTarget, columns: list[str]) -> None:
        self._table = target.Table
        self._columns = columns
        self._others = errors_of(target.ConnectionName, WRITING)

    def __enter__(self) -> None:
        self._others.__enter__()

    def __exit__(self, kind: Any, error: Any, trace: Any) -> bool | None:
        number = error.args[0] if isinstance(error, pymysql.err.MySQLError) and error.args else 0
        if number in NUMBERS:
            raise refusal(number, str(error.args[1]), self._table, self._columns) from None
        return self._others.__exit__(kind, error, trace)


def fits(schema: pa.Schema, table: Table, name: str) -> list[Fit]:
    """Return how each column of the rows is written.

    Raises:
        TargetFailed: a column is not in the table, or is computed there, or rows lack one that they need.
        DataNotRepresentable: a column of the table can take no such values.

    """
    by_name = {column.name.lower(): column for column in table.columns}
    unknown = [field.name for field in schema if field.name.lower() not in by_name]
    if unknown:
        known = ", ".join(column.name for column in table.columns)
        raise TargetFailed(f"the table {name!r} has no column {', '.join(unknown)}; it has {known}", table=name)
    found = [fit(field, by_name[field.name.lower()]) for field in schema]
    given = [one.column.name for one in found]
    twice = sorted({column for column in given if given.count(column) > 1})
    generated = [one.source for one in found if one.column.generated]
    needed = [column.name for column in table.columns if column.needed and column.name not in given]
    if twice:
        raise TargetFailed(f"two columns of the rows would go into {twice[0]} of the table {name!r}", table=name)
    if generated:
        raise TargetFailed(f"the table {name!r} computes {generated[0]} itself; drop it by Transforms", table=name)
    if needed:
        raise TargetFailed(f"rows have no {', '.join(needed)}, which the table {name!r} needs", table=name)
    return found
