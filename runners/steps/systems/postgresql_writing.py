"""Writing: one transaction that ends with all the rows in the table, or with nothing changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from io import BytesIO
from typing import TYPE_CHECKING, Any

import psycopg
import pyarrow as pa

from runners.steps.ends import BATCH_BYTES
from runners.steps.errors import DataQualityFailed, StepError, TargetFailed
from runners.steps.formats.csv import Csv
from runners.steps.systems.postgresql_copy import CopyIn
from runners.steps.systems.postgresql_decoding import HEADER, TRAILER
from runners.steps.systems.postgresql_encoding import encoded
from runners.steps.systems.postgresql_fitting import Fitted, fitted
from runners.steps.systems.postgresql_reading import described, quoted_name
from runners.steps.systems.postgresql_session import TARGET, Session, begin, explained, explanation, session
from runners.steps.systems.postgresql_types import created_as
from runners.steps.systems.sql import LOADS_TABLE

if TYPE_CHECKING:
    from runners.steps.context import StepContext
    from runners.steps.ends import Sink
    from runners.steps.systems.sql import SqlTarget

_LARGEST_PART = BATCH_BYTES // 4
_STAGING = "etl_runners_staging"  # a temporary table, of this session alone


@contextmanager
def writing(target: SqlTarget, schema: pa.Schema, context: StepContext) -> Iterator[Sink]:
    """Begin to write rows into a table; leaving the block without a commit leaves all as it was."""
    with session(target.ConnectionName, context, TARGET) as opened:
        with explained(target.ConnectionName, TARGET):
            load = _begun(target, schema, context, opened)
        try:
            yield load
        finally:
            load.give_up()


def _begun(target: SqlTarget, schema: pa.Schema, context: StepContext, opened: Session) -> _Load | _Repeated:
    table = _Table(target, opened)
    if target.Mode == "append" and context.repeat_key and not table.first_load(context.repeat_key):
        return _Repeated(target.Table)
    if target.CreateTable:
        table.create(schema)
    fits = table.fitted(schema)
    into = table.prepared([fit.column.name for fit in fits])
    return _Load(table, into, fits, context)


class _Repeated:
    """Takes the rows of a repeat, which were written before, and writes nothing."""

    def __init__(self, table: str) -> None:
        self._table = table

    def write(self, batch: pa.RecordBatch) -> None:
        """Leave the rows out."""

    def commit(self) -> dict[str, Any]:
        """Say so."""
        return {"table": self._table, "repeated": True}

    def give_up(self) -> None:
        """Have nothing to give up."""


class _Load:
    """Rows that are on their way into a table."""

    def __init__(self, table: _Table, into: str, fits: Sequence[Fitted], context: StepContext) -> None:
        self._table = table
        self._fits = fits
        self._context = context
        self._columns = [fit.column for fit in fits]
        self._is_binary = all(fit.binary for fit in fits)
        names = ", ".join(quoted_name(column.name) for column in self._columns)
        form = "FORMAT binary" if self._is_binary else "FORMAT csv"
        self._copy = CopyIn(table.opened, f"COPY {into} ({names}) FROM STDIN ({form})")
        if self._is_binary:
            self._copy.write(HEADER)

    def write(self, batch: pa.RecordBatch) -> None:
        """Send a batch."""
        for part in _parts(batch):
            arrays = [fit.fit(values) for fit, values in zip(self._fits, part.columns, strict=True)]
            rows = encoded(arrays, self._columns) if self._is_binary else _as_csv(arrays, part.schema.names)
            with explained(self._table.connection, TARGET):
                self._copy.write(rows)
            self._context.progress.count(size=len(rows))

    def commit(self) -> dict[str, Any]:
        """Make the rows the table's."""
        with explained(self._table.connection, TARGET):
            if self._is_binary:
                self._copy.write(TRAILER)
            self._copy.end()
            self._table.merge([column.name for column in self._columns])
        self._table.commit(is_repeatable=bool(self._context.repeat_key))
        return {"table": self._table.name}

    def give_up(self) -> None:
        """End without the rows."""
        self._copy.give_up()


class _Table:
    """The table that is written to, and what is done to it in SQL."""

    def __init__(self, target: SqlTarget, opened: Session) -> None:
        self.opened = opened
        self.connection = target.ConnectionName
        self.name = target.Table
        self._target = target
        self._quoted = target.dialect.identifier(target.Table)
        schema, dot, _ = self._quoted.rpartition(".")
        self._loads = f"{schema}{dot}{quoted_name(LOADS_TABLE)}"

    def first_load(self, repeat_key: str) -> bool:
        """Write down the load's key; return False if it is there already.

        A repeat at the same time waits here until the first one has ended.
        """
        if not self._exists(self._loads):
            self._sql("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", LOADS_TABLE)
            self._sql(
                f"CREATE TABLE IF NOT EXISTS {self._loads} (repeat_key text PRIMARY KEY, table_name text NOT NULL, "
                "loaded_at timestamptz NOT NULL DEFAULT now())"
            )
            self.opened.commit()  # by itself, as others would wait for it until this load has ended
            begin(self.opened)
        written = self._sql(
            f"INSERT INTO {self._loads} (repeat_key, table_name) VALUES (%s, %s) ON CONFLICT DO NOTHING",  # noqa: S608  # a quoted name
            repeat_key,
            self.name,
        )
        return written.rowcount == 1

    def create(self, schema: pa.Schema) -> None:
        """Create the table if it is not there."""
        if self._exists(self._quoted):
            return
        self._sql("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", self._quoted)
        columns = [
            f"{quoted_name(field.name)} {created_as(field)}{'' if field.nullable else ' NOT NULL'}" for field in schema
        ]
        key = [f"PRIMARY KEY ({_names(self._target.Key)})"] if self._target.Key else []
        self._sql(f"CREATE TABLE IF NOT EXISTS {self._quoted} ({', '.join([*columns, *key])})")

    def fitted(self, schema: pa.Schema) -> list[Fitted]:
        """Return how the columns that come are made to fit.

        Raises:
            TargetFailed: there is no such table or column, or one that needs a value gets none.

        """
        if not self._exists(self._quoted):
            raise TargetFailed(
                f"there is no table {self.name} at {self.connection}: set CreateTable, or see whether it is spelt so",
                table=self.name,
            )
        fits = fitted(schema, described(self.opened, f"SELECT * FROM {self._quoted}"), self.name)  # noqa: S608
        lacking = sorted({name for name in [*self._needed(), *self._target.Key] if name not in schema.names})
        if lacking:
            near = get_close_matches(lacking[0], schema.names, n=1)
            meant = f"is it {near[0]}?" if near else f"there are {', '.join(schema.names)}"
            raise TargetFailed(f"the table {self.name} needs the column {lacking[0]}, which does not come; {meant}")
        return fits

    def prepared(self, names: Sequence[str]) -> str:
        """Make the table ready for rows, and return the quoted name of the one that COPY fills."""
        if self._target.Mode == "append":
            return self._quoted
        if self._target.Mode == "overwrite":
            # Of two that replace all rows at one time the second waits for the first. Who reads does not wait.
            self._sql(f"LOCK TABLE {self._quoted} IN SHARE ROW EXCLUSIVE MODE")
            self._sql(f"DELETE FROM {self._quoted}")  # noqa: S608  # TRUNCATE would empty what others read meanwhile
            return self._quoted
        self._sql(
            f"CREATE TEMPORARY TABLE {_STAGING} ON COMMIT DROP AS SELECT {_names(names)} FROM {self._quoted} "  # noqa: S608
            "WITH NO DATA"
        )
        try:
            self._sql(f"EXPLAIN {self._upsert(names)}")
        except psycopg.errors.InvalidColumnReference:
            key = ", ".join(self._target.Key)
            raise TargetFailed(
                f"the table {self.name} at {self.connection} has no primary key or unique index on {key}, which an "
                "upsert by this Key needs",
                table=self.name,
            ) from None
        return _STAGING

    def merge(self, names: Sequence[str]) -> None:
        """Bring what was staged into the table, if the mode is to upsert.

        Raises:
            DataQualityFailed: rows have the same key, or none.

        """
        key = self._target.Key
        if not key:
            return
        without = " OR ".join(f"{quoted_name(name)} IS NULL" for name in key)
        found = self._sql(
            f"SELECT count(*) FILTER (WHERE {without}), "  # noqa: S608  # quoted names
            f"count(*) - count(DISTINCT ({_names(key)})) FROM {_STAGING}"
        ).fetchone()
        nulls, doubles = found or (0, 0)
        if nulls:
            raise DataQualityFailed(f"{nulls} rows have no value in the key {', '.join(key)}", rows=nulls)
        if doubles:
            raise DataQualityFailed(
                f"{doubles} rows have the key {', '.join(key)} of another row, and it cannot be told which of them is "
                "to stay: make the query's rows unique",
                rows=doubles,
            )
        self._sql(self._upsert(names))

    def commit(self, *, is_repeatable: bool) -> None:
        """Commit.

        Args:
            is_repeatable: whether a repeat would find this load's key.

        """
        try:
            self.opened.commit()
        except psycopg.Error as error:
            failed: StepError = explanation(error, self.connection, TARGET)
            if failed.transient and self._target.Mode == "append" and not is_repeatable:
                failed = TargetFailed(
                    f"the connection {self.connection} broke in the commit, so the rows are in {self.name} or not; "
                    "look before you run it again"
                )
            raise failed from None

    def _exists(self, quoted: str) -> bool:
        found = self._sql("SELECT to_regclass(%s) IS NOT NULL", quoted).fetchone()
        return bool(found and found[0])

    def _needed(self) -> list[str]:
        """Return the columns that have to have a value, and get none by themselves."""
        return [
            name
            for (name,) in self._sql(
                "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped "
                "AND attnotnull AND NOT atthasdef AND attidentity = ''",
                self._quoted,
            )
        ]

    def _upsert(self, names: Sequence[str]) -> str:
        others = [name for name in names if name not in self._target.Key]
        kept = ", ".join(f"{quoted_name(name)} = EXCLUDED.{quoted_name(name)}" for name in others)
        return (
            f"INSERT INTO {self._quoted} ({_names(names)}) OVERRIDING SYSTEM VALUE "  # noqa: S608  # quoted names
            f"SELECT {_names(names)} FROM {_STAGING} ON CONFLICT ({_names(self._target.Key)}) "
            + (f"DO UPDATE SET {kept}" if kept else "DO NOTHING")
        )

    def _sql(self, statement: str, *values: Any) -> psycopg.Cursor[tuple[Any, ...]]:
        return self.opened.execute(statement.encode(), values or None)


def _names(names: Sequence[str]) -> str:
    return ", ".join(map(quoted_name, names))


def _parts(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """Cut a batch that is larger than those that sources here make."""
    rows = max(1, batch.num_rows * _LARGEST_PART // max(batch.nbytes, 1))
    for first in range(0, batch.num_rows, rows):
        yield batch.slice(first, rows)


def _as_csv(arrays: Sequence[pa.Array], names: Sequence[str]) -> memoryview:
    """Return rows as CSV for PostgreSQL to read."""
    batch = pa.RecordBatch.from_arrays(list(arrays), names=list(names))
    rows = BytesIO()
    with Csv(Header=False, Compression="none").writing(batch.schema, rows, "") as writer:
        writer.write(batch)
        writer.close()
    return rows.getbuffer()
