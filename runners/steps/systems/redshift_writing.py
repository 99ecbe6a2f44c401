"""Writing to Redshift: a Parquet file in S3, copied beside the target and from there into it, in one transaction."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from runners.steps.errors import DataQualityFailed, TargetFailed
from runners.steps.sql_dialect import REDSHIFT
from runners.steps.systems.redshift_session import TARGET, RedshiftConnection, Session, StatementFailedError
from runners.steps.systems.redshift_types import Fitted, TableColumn, created_as, fitted
from runners.steps.systems.sql import LOADS_TABLE
from runners.steps.systems.staged_files import staged_folder

if TYPE_CHECKING:
    from runners.steps.context import StepContext
    from runners.steps.ends import Sink
    from runners.steps.systems.sql import SqlTarget
    from runners.steps.systems.staged_files import StagedFile

_ARRIVED = "etl_runners_arrived"  # a temporary table, of the session alone
_COLUMNS = """\
SELECT column_name, data_type, character_maximum_length, numeric_precision, numeric_scale
FROM information_schema.columns WHERE table_schema = :schema AND table_name = :table ORDER BY ordinal_position"""
_NONE = "SELECT 1 / (CASE WHEN COUNT(*) = 0 THEN 1 ELSE 0 END) FROM {}"
"""Fails the transaction if there is a row: nothing else in a batch of the Data API can."""


@contextmanager
def writing(target: SqlTarget, schema: pa.Schema, context: StepContext) -> Iterator[Sink]:
    """Begin to write rows into a table; leaving the block without a commit leaves all as it was."""
    missing = [name for name in target.Key if name not in schema.names]
    if missing:
        raise TargetFailed(f"there is no column {', '.join(missing)}; there are {', '.join(schema.names)}")
    described = context.connections.get(target.ConnectionName, RedshiftConnection)
    table = _Table(target, described, context)
    fits = table.fitted(schema)
    stored = pa.schema([pa.field(f"c{place}", fit.stored) for place, fit in enumerate(fits)])
    with staged_folder(described.staging(target.ConnectionName), context) as folder, folder.writing(stored) as file:
        yield _Load(table, fits, file, folder.place.url, stored)


class _Load:
    """Rows that are on their way into a table."""

    def __init__(self, table: _Table, fits: Sequence[Fitted], file: StagedFile, url: str, stored: pa.Schema) -> None:
        self._table = table
        self._fits = fits
        self._file = file
        self._url = url
        self._stored = stored

    def write(self, batch: pa.RecordBatch) -> None:
        """Write a batch."""
        for name in self._table.key:
            if batch.column(name).null_count:
                raise DataQualityFailed(f"a row has no value in its key {name}")
        columns = [fit.fit(column) for fit, column in zip(self._fits, batch.columns, strict=True)]
        self._file.write(pa.RecordBatch.from_arrays(columns, schema=self._stored))

    def commit(self) -> dict[str, Any]:
        """Make the rows the table's."""
        self._file.close()
        return self._table.take(self._fits, self._url)


class _Table:
    """The table that is written to, and what is done to it in SQL."""

    def __init__(self, target: SqlTarget, described: RedshiftConnection, context: StepContext) -> None:
        self.key = target.Key
        self._target = target
        self._described = described
        self._session = Session(described, context, TARGET)
        self._repeat_key = context.repeat_key if target.Mode == "append" else ""
        self._quoted = REDSHIFT.identifier(target.Table)
        schema, dot, _ = self._quoted.rpartition(".")
        self._loads = f"{schema}{dot}{REDSHIFT.identifier(LOADS_TABLE)}"
        self._created = ""

    def fitted(self, schema: pa.Schema) -> list[Fitted]:
        """Return how the rows fit the table, or one that is created for them."""
        columns = self._columns()
        if not columns and self._target.CreateTable:
            listed = ", ".join(
                f"{REDSHIFT.identifier(field.name)} {created_as(field)}{'' if field.nullable else ' NOT NULL'}"
                for field in schema
            )
            self._created = f"CREATE TABLE IF NOT EXISTS {self._quoted} ({listed})"
            columns = [_new_column(field) for field in schema]
        if not columns:
            raise TargetFailed(f"there is no table {self._target.Table}, or no right to see it; CreateTable creates it")
        return [fitted(field, self._named(field.name, columns)) for field in schema]

    def take(self, fits: Sequence[Fitted], url: str) -> dict[str, Any]:
        """Copy the files and make their rows the table's, in one transaction."""
        first_load = self._first_load() if self._repeat_key else []
        twice = self._twice(fits)
        arrives = ", ".join(f"c{place} {fit.arrives}" for place, fit in enumerate(fits))
        statements = [
            *first_load,
            *([self._created] if self._created else []),
            f"CREATE TEMPORARY TABLE {_ARRIVED} ({arrives})",
            f"COPY {_ARRIVED} FROM '{url}' IAM_ROLE {self._described.role} FORMAT AS PARQUET",
            *twice,
            *self._merged(fits),
            f"DROP TABLE {_ARRIVED}",
        ]
        values = {"repeat_key": self._repeat_key, "table_name": self._target.Table} if self._repeat_key else None
        try:
            self._session.tried(*statements, values=values)
        except StatementFailedError as error:
            there_is_a_row = "by zero" in error.failure.message
            if there_is_a_row and statements[error.place] in first_load:
                return {"table": self._target.Table, "repeated": True}
            if there_is_a_row and statements[error.place] in twice:
                raise DataQualityFailed(f"two rows have the same key {', '.join(self.key)}") from None
            raise error.failure from None
        return {"table": self._target.Table}

    def _first_load(self) -> list[str]:
        """Return what writes down the load's key, and fails if it is there already.

        A repeat at the same time waits for the lock until the first one has ended.
        """
        return [
            f"CREATE TABLE IF NOT EXISTS {self._loads} (repeat_key varchar(64) NOT NULL, table_name varchar(400))",
            f"LOCK TABLE {self._loads}",
            _NONE.format(f"{self._loads} WHERE repeat_key = :repeat_key"),
            f"INSERT INTO {self._loads} (repeat_key, table_name) VALUES (:repeat_key, :table_name)",  # noqa: S608  # a quoted name
        ]

    def _twice(self, fits: Sequence[Fitted]) -> list[str]:
        if not self.key:
            return []
        keys = ", ".join(f"c{place}" for place, fit in enumerate(fits) if self._is_key(fit))
        twice = f"SELECT 1 AS found FROM {_ARRIVED} GROUP BY {keys} HAVING COUNT(*) > 1"  # noqa: S608  # names of our own
        return [_NONE.format(f"({twice}) AS twice")]

    def _merged(self, fits: Sequence[Fitted]) -> list[str]:
        """Return what puts the rows into the table."""
        names = [REDSHIFT.identifier(fit.name) for fit in fits]
        made = [fit.converted.replace("{}", f"s.c{place}") for place, fit in enumerate(fits)]
        listed = f"INSERT INTO {self._quoted} ({', '.join(names)}) SELECT {', '.join(made)} FROM {_ARRIVED} AS s"  # noqa: S608
        if self._target.Mode == "overwrite":
            return [f"DELETE FROM {self._quoted}", listed]  # noqa: S608  # not TRUNCATE, which commits
        if not self.key:
            return [listed]
        columns = list(zip(fits, names, made, strict=True))
        same = " AND ".join(f"{self._quoted}.{name} = {value}" for fit, name, value in columns if self._is_key(fit))
        changed = ", ".join(f"{name} = {value}" for fit, name, value in columns if not self._is_key(fit))
        update = [f"UPDATE {self._quoted} SET {changed} FROM {_ARRIVED} AS s WHERE {same}"] if changed else []  # noqa: S608
        return [*update, f"{listed} WHERE NOT EXISTS (SELECT 1 FROM {self._quoted} WHERE {same})"]  # noqa: S608  # quoted names

    def _is_key(self, fit: Fitted) -> bool:
        return fit.name.casefold() in {name.casefold() for name in self.key}

    def _columns(self) -> list[TableColumn]:
        schema, _, table = self._target.Table.rpartition(".")
        # As names are folded to small letters, unless the cluster is told to tell them apart.
        values = {"schema": (schema or "public").lower(), "table": table.lower()}
        rows = self._session.rows(_COLUMNS, values)
        return [TableColumn(name, kind, *(number or 0 for number in numbers)) for name, kind, *numbers in rows]

    def _named(self, name: str, columns: Sequence[TableColumn]) -> TableColumn:
        found = next((column for column in columns if column.name.casefold() == name.casefold()), None)
        if found is None:
            near = get_close_matches(name, [column.name for column in columns], n=1)
            meant = f"did you mean {near[0]}?" if near else f"there are {', '.join(column.name for column in columns)}"
            raise TargetFailed(f"the table {self._target.Table} has no column {name}; {meant}")
        return found


def _new_column(field: pa.Field) -> TableColumn:
    """Return a column of a table that is created, as ``information_schema`` will describe it."""
    kind, _, sizes = created_as(field).rstrip(")").partition("(")
    numbers = [int(size) for size in sizes.split(",") if size]
    if kind == "decimal":
        return TableColumn(field.name, "numeric", 0, *numbers)
    return TableColumn(field.name, _DESCRIBED.get(kind, kind), numbers[0] if numbers else 0, 0, 0)


_DESCRIBED = {
    "varchar": "character varying",
    "varbyte": "binary varying",
    "time": "time without time zone",
    "timestamp": "timestamp without time zone",
    "timestamptz": "timestamp with time zone",
}
