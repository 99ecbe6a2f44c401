"""Writing to SQL Server: rows arrive in a temporary table, and go into the target's in one transaction."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from runners.steps.errors import DataNotRepresentable, DataQualityFailed, TargetFailed, TargetUnavailable
from runners.steps.sql_dialect import SQLSERVER, Statement
from runners.steps.systems.sql import LOADS_TABLE
from runners.steps.systems.sqlserver_fitting import Fitted, TableColumn, created_as, fitted
from runners.steps.systems.sqlserver_session import TARGET, Session, session

if TYPE_CHECKING:
    from runners.steps.context import StepContext
    from runners.steps.ends import Sink
    from runners.steps.systems.sql import SqlTarget

_ARRIVED = "#etl_runners_arrived"  # of this session alone
_PIECE = 1 << 20  # characters of JSON that go at one time
_ROWS_AT_ONCE = 10_000  # that are JSON in memory
_COLUMNS = """\
SELECT c.name, TYPE_NAME(c.system_type_id), c.max_length, c.precision, c.scale, COALESCE(c.collation_name, ''),
c.is_identity, c.is_computed FROM sys.columns AS c WHERE c.object_id = OBJECT_ID(@p1) ORDER BY c.column_id"""


@contextmanager
def writing(target: SqlTarget, schema: pa.Schema, context: StepContext) -> Iterator[Sink]:
    """Begin to write rows into a table; leaving the block without a commit leaves all as it was."""
    missing = [name for name in target.Key if name not in schema.names]
    if missing:
        raise TargetFailed(f"there is no column {', '.join(missing)}; there are {', '.join(schema.names)}")
    with session(target.ConnectionName, context, TARGET) as opened:
        table = _Table(target, opened)
        if target.Mode == "append" and context.repeat_key and not table.first_load(context.repeat_key):
            yield _Repeated(target.Table)
        else:
            yield _Load(table, table.fitted(schema), context)


class _Repeated:
    """Takes the rows of a repeat, which were written before, and writes nothing."""

    def __init__(self, table: str) -> None:
        self._table = table

    def write(self, batch: pa.RecordBatch) -> None:
        """Leave the rows out."""

    def commit(self) -> dict[str, Any]:
        """Say so."""
        return {"table": self._table, "repeated": True}


class _Load:
    """Rows that are on their way into a table."""

    def __init__(self, table: _Table, fits: Sequence[Fitted], context: StepContext) -> None:
        self._table = table
        self._fits = fits
        self._context = context
        self._insert = table.arrivals(fits)

    def write(self, batch: pa.RecordBatch) -> None:
        """Send a batch, in pieces."""
        for start in range(0, batch.num_rows, _ROWS_AT_ONCE):
            self._write(batch.slice(start, _ROWS_AT_ONCE))

    def _write(self, batch: pa.RecordBatch) -> None:
        columns = [self._texts(fit, column) for fit, column in zip(self._fits, batch.columns, strict=True)]
        piece: list[str] = []
        size = 0
        for row in zip(*columns, strict=True):
            piece.append(f"[{','.join(row)}]")
            size += len(piece[-1])
            if size >= _PIECE:
                self._send(piece)
                piece, size = [], 0
        if piece:
            self._send(piece)

    def commit(self) -> dict[str, Any]:
        """Make the rows the table's."""
        self._table.check(self._fits)
        self._table.merge(self._fits)
        self._table.commit(is_repeatable=bool(self._context.repeat_key))
        return {"table": self._table.name}

    def _send(self, piece: Sequence[str]) -> None:
        rows = f"[{','.join(piece)}]"
        self._table.opened.ask(Statement(self._insert, (rows,)))
        self._context.progress.count(size=len(rows))

    def _texts(self, fit: Fitted, column: pa.Array) -> Sequence[str]:
        try:
            return fit.write(column)
        except pa.ArrowException:
            # What Arrow says repeats a value.
            name = fit.column.name
            raise DataNotRepresentable(f"a value of the column {name} is no {fit.column.sized}", column=name) from None


class _Table:
    """The table that is written to, and what is done to it in SQL."""

    def __init__(self, target: SqlTarget, opened: Session) -> None:
        self.opened = opened
        self.name = target.Table
        self._target = target
        self._quoted = SQLSERVER.identifier(target.Table)
        schema, dot, _ = self._quoted.rpartition(".")
        self._loads = f"{schema}{dot}{SQLSERVER.identifier(LOADS_TABLE)}"

    def first_load(self, repeat_key: str) -> bool:
        """Write down the load's key; return False if it is there already.

        A repeat at the same time waits here until the first one has ended.
        """
        if not self.opened.rows(Statement("SELECT 1 WHERE OBJECT_ID(@p1) IS NOT NULL", (self._loads,))):
            self.opened.run(
                f"IF OBJECT_ID('{self._loads}') IS NULL CREATE TABLE {self._loads} (repeat_key char(64) NOT NULL "
                "PRIMARY KEY, table_name nvarchar(400) NOT NULL, loaded_at datetime2(6) NOT NULL DEFAULT "
                "SYSUTCDATETIME())"
            )
            self.opened.commit()  # by itself, as others would wait for it until this load has ended
        written = self.opened.rows(
            Statement(
                f"SET NOCOUNT ON; INSERT INTO {self._loads} (repeat_key, table_name) SELECT @p1, @p2 WHERE NOT EXISTS "  # noqa: S608  # a quoted name
                f"(SELECT 1 FROM {self._loads} WITH (UPDLOCK, HOLDLOCK) WHERE repeat_key = @p1); SELECT @@ROWCOUNT",
                (repeat_key, self.name),
            )
        )
        return bool(written[0][0])

    def commit(self, *, is_repeatable: bool) -> None:
        """Commit.

        Args:
            is_repeatable: whether a repeat would find this load's key.

        """
        try:
            self.opened.commit()
        except TargetUnavailable:
            if self._target.Mode != "append" or is_repeatable:
                raise
            raise TargetFailed(
                f"the connection {self._target.ConnectionName} broke in the commit, so the rows are in {self.name} or "
                "not; look before you run it again"
            ) from None

    def fitted(self, schema: pa.Schema) -> list[Fitted]:
        """Return how the rows fit the table, which is created if it is to be."""
        columns = self._columns()
        if not columns and self._target.CreateTable:
            listed = [
                f"{SQLSERVER.identifier(field.name)} {created_as(field)}{'' if field.nullable else ' NOT NULL'}"
                for field in schema
            ]
            self.opened.run(f"CREATE TABLE {self._quoted} ({', '.join(listed)})")
            columns = self._columns()
        if not columns:
            raise TargetFailed(f"there is no table {self.name}, or no right to see it; CreateTable creates it")
        return fitted(schema, columns, self.name)

    def arrivals(self, fits: Sequence[Fitted]) -> str:
        """Make the temporary table, and return what inserts rows into it, which come as JSON."""
        columns = ", ".join(
            f"c{place} {fit.staged}{' COLLATE DATABASE_DEFAULT' if fit.staged == 'nvarchar(max)' else ''} NULL"
            for place, fit in enumerate(fits)
        )
        self.opened.run(f"CREATE TABLE {_ARRIVED} ({columns})")
        is_binary = [fit.staged == "varbinary(max)" for fit in fits]
        read = ", ".join(
            f"c{place} {'nvarchar(max)' if binary else fit.staged} '$[{place}]'"
            for place, (fit, binary) in enumerate(zip(fits, is_binary, strict=True))
        )
        selected = ", ".join(
            f"CONVERT(varbinary(max), c{place}, 2)" if binary else f"c{place}" for place, binary in enumerate(is_binary)
        )
        return f"SET NOCOUNT ON; INSERT INTO {_ARRIVED} SELECT {selected} FROM OPENJSON(@p1) WITH ({read})"  # noqa: S608  # names of our own

    def check(self, fits: Sequence[Fitted]) -> None:
        """See whether the rows can be the table's.

        Raises:
            DataNotRepresentable: a value would be changed.
            DataQualityFailed: two rows have the same key, or one has none.

        """
        changes = {fit.column.name: fit.changed.replace("{}", f"c{place}") for place, fit in enumerate(fits)}
        changes = {name: condition for name, condition in changes.items() if condition}
        if changes:
            counts = ", ".join(f"MAX(CASE WHEN {condition} THEN 1 ELSE 0 END)" for condition in changes.values())
            found = self.opened.rows(Statement(f"SELECT {counts} FROM {_ARRIVED}", None))[0]  # noqa: S608  # names of our own
            changed = [name for name, is_changed in zip(changes, found, strict=True) if is_changed]
            if changed:
                raise DataNotRepresentable(
                    f"the table {self.name} would change a value of {', '.join(changed)}: its type is too small",
                    columns=changed,
                )
        if self._target.Key:
            self._check_key(fits)

    def merge(self, fits: Sequence[Fitted]) -> None:
        """Put the rows into the table."""
        names = {fit.column.name: SQLSERVER.identifier(fit.column.name) for fit in fits}
        rows = self._rows(fits)
        if self._target.Mode == "overwrite":
            self.opened.run(f"DELETE FROM {self._quoted}")  # noqa: S608  # a quoted name
        condition = ""
        if self._target.Key:
            keys = [names[fit.column.name] for fit in self._keys(fits)]
            same = " AND ".join(f"t.{key} = s.{key}" for key in keys)
            others = [fit for fit in fits if not fit.column.is_identity and names[fit.column.name] not in keys]
            changed = ", ".join(f"t.{names[fit.column.name]} = s.{names[fit.column.name]}" for fit in others)
            if changed:
                self.opened.run(
                    f"UPDATE t SET {changed} FROM {self._quoted} AS t WITH (UPDLOCK, HOLDLOCK) JOIN {rows} ON {same}"  # noqa: S608  # quoted names
                )
            condition = f" WHERE NOT EXISTS (SELECT 1 FROM {self._quoted} AS t WITH (UPDLOCK, HOLDLOCK) WHERE {same})"  # noqa: S608  # quoted names
        listed = ", ".join(names.values())
        insert = f"INSERT INTO {self._quoted} ({listed}) SELECT {listed} FROM {rows}{condition}"  # noqa: S608  # quoted names
        counted = any(fit.column.is_identity for fit in fits)
        self.opened.run(f"SET IDENTITY_INSERT {self._quoted} ON; {insert}" if counted else insert)

    def _columns(self) -> list[TableColumn]:
        rows = self.opened.rows(Statement(_COLUMNS, (self._quoted,)))
        return [
            TableColumn(
                name, str(kind or "").lower(), length, precision, scale, collation, bool(counted), bool(computed)
            )
            for name, kind, length, precision, scale, collation, counted, computed in rows
        ]

    def _keys(self, fits: Sequence[Fitted]) -> list[Fitted]:
        wanted = {name.casefold() for name in self._target.Key}
        return [fit for fit in fits if fit.column.name.casefold() in wanted]

    def _rows(self, fits: Sequence[Fitted]) -> str:
        """Return the rows as they become the table's, as a table ``s``."""
        listed = ", ".join(
            f"{fit.converted.replace('{}', f'c{place}')} AS {SQLSERVER.identifier(fit.column.name)}"
            for place, fit in enumerate(fits)
        )
        return f"(SELECT {listed} FROM {_ARRIVED}) AS s"  # noqa: S608  # quoted names

    def _check_key(self, fits: Sequence[Fitted]) -> None:
        keys = [SQLSERVER.identifier(fit.column.name) for fit in self._keys(fits)]
        rows = self._rows(fits)
        empty = " OR ".join(f"s.{key} IS NULL" for key in keys)
        if self.opened.rows(Statement(f"SELECT TOP 1 1 FROM {rows} WHERE {empty}", None)):  # noqa: S608  # quoted names
            raise DataQualityFailed(f"a row has no value in its key {', '.join(self._target.Key)}")
        listed = ", ".join(f"s.{key}" for key in keys)
        twice = f"SELECT TOP 1 1 FROM {rows} GROUP BY {listed} HAVING COUNT(*) > 1"  # noqa: S608  # quoted names
        if self.opened.rows(Statement(twice, None)):
            raise DataQualityFailed(f"two rows have the same key {', '.join(self._target.Key)}")
