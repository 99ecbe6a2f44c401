"""Writing to Snowflake: Parquet files in a temporary stage, copied beside the target and merged in one transaction."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from runners.steps.errors import DataQualityFailed, StepError, TargetFailed
from runners.steps.sql_dialect import SNOWFLAKE, Statement
from runners.steps.systems.snowflake_session import TARGET, Session, session
from runners.steps.systems.snowflake_types import Column, Fitted, created_as, fitted
from runners.steps.systems.sql import LOADS_TABLE

if TYPE_CHECKING:
    from runners.steps.context import StepContext
    from runners.steps.ends import Sink
    from runners.steps.systems.sql import SqlTarget

FILE_BYTES = 64 << 20
"""Of a Parquet file in memory, before it is compressed; one at a time is on the disk."""

_FORMAT = "TYPE = PARQUET, NULL_IF = (), TRIM_SPACE = FALSE, BINARY_AS_TEXT = FALSE"


@contextmanager
def writing(target: SqlTarget, schema: pa.Schema, context: StepContext) -> Iterator[Sink]:
    """Begin to write rows into a table; leaving the block without a commit leaves all as it was."""
    missing = [name for name in target.Key if name not in schema.names]
    if missing:
        raise TargetFailed(f"there is no column {', '.join(missing)}; there are {', '.join(schema.names)}")
    with (
        session(target.ConnectionName, context, TARGET) as opened,
        tempfile.TemporaryDirectory(prefix="etl-runners-") as folder,
    ):
        table = _Table(target, opened, context.repeat_key if target.Mode == "append" else "")
        yield _Load(table, table.fitted(schema), Path(folder), context)


class _Load:
    """Rows that are on their way into a table."""

    def __init__(self, table: _Table, fits: Sequence[Fitted], folder: Path, context: StepContext) -> None:
        self._table = table
        self._fits = fits
        self._folder = folder
        self._context = context
        self._schema = pa.schema([pa.field(f"c{place}", fit.stored) for place, fit in enumerate(fits)])
        self._batches: list[pa.RecordBatch] = []
        self._size = 0
        self._files = 0
        table.prepare(fits)

    def write(self, batch: pa.RecordBatch) -> None:
        """Gather a batch, and send a file once there is enough for one."""
        for name in self._table.key:
            if batch.column(name).null_count:
                raise DataQualityFailed(f"a row has no value in its key {name}")
        columns = [fit.fit(column) for fit, column in zip(self._fits, batch.columns, strict=True)]
        self._batches.append(pa.RecordBatch.from_arrays(columns, schema=self._schema))
        self._size += self._batches[-1].nbytes
        if self._size >= FILE_BYTES:
            self._send()

    def commit(self) -> dict[str, Any]:
        """Make the rows the table's."""
        self._send()
        return self._table.take(self._fits, has_rows=bool(self._files))

    def _send(self) -> None:
        if not self._batches:
            return
        file = self._folder / f"{self._files}.parquet"
        pq.write_table(pa.Table.from_batches(self._batches), file)
        self._batches, self._size = [], 0
        self._context.progress.count(size=file.stat().st_size)
        self._table.put(file)
        file.unlink()
        self._files += 1


class _Table:
    """The table that is written to, and what is done to it in SQL."""

    def __init__(self, target: SqlTarget, opened: Session, repeat_key: str) -> None:
        self.key = target.Key
        self._target = target
        self._opened = opened
        self._repeat_key = repeat_key
        self._quoted = SNOWFLAKE.identifier(target.Table)
        schema, dot, _ = self._quoted.rpartition(".")
        self._loads = f"{schema}{dot}{SNOWFLAKE.identifier(LOADS_TABLE.upper())}"
        own = f"ETL_RUNNERS_{uuid.uuid4().hex.upper()}"
        self._arrived = f"{schema}{dot}{SNOWFLAKE.identifier(own)}"
        self._stage = f"@{self._arrived}"

    def fitted(self, schema: pa.Schema) -> list[Fitted]:
        """Return how the rows fit the table, which is created if it is to be."""
        if self._target.CreateTable:
            listed = ", ".join(
                f"{SNOWFLAKE.identifier(field.name)} {created_as(field)}{'' if field.nullable else ' NOT NULL'}"
                for field in schema
            )
            self._opened.run(f"CREATE TABLE IF NOT EXISTS {self._quoted} ({listed})")
        every = Statement(f"SELECT * FROM {self._quoted}", None)  # noqa: S608  # a quoted name
        columns = [Column.of(column) for column in self._opened.described(every)]
        return [fitted(field, self._named(field.name, columns)) for field in schema]

    def prepare(self, fits: Sequence[Fitted]) -> None:
        """Make what is of this session alone. Each such statement commits, so it comes before the transaction."""
        self._opened.run(f"CREATE TEMPORARY STAGE {self._arrived}")
        made = ", ".join(f"{fit.converted.format('NULL')} AS c{place}" for place, fit in enumerate(fits))
        self._opened.run(f"CREATE TEMPORARY TABLE {self._arrived} AS SELECT {made} WHERE FALSE")
        if self._repeat_key:
            self._opened.run(
                f"CREATE TABLE IF NOT EXISTS {self._loads} (REPEAT_KEY VARCHAR NOT NULL, TABLE_NAME VARCHAR NOT NULL, "
                "LOADED_AT TIMESTAMP_LTZ DEFAULT CURRENT_TIMESTAMP())"
            )

    def put(self, file: Path) -> None:
        """Send a file to the stage."""
        self._opened.run(f"PUT 'file://{file.as_posix()}' {self._stage} AUTO_COMPRESS = FALSE")

    def take(self, fits: Sequence[Fitted], *, has_rows: bool) -> dict[str, Any]:
        """Make the rows of the files the table's, in one transaction."""
        self._opened.run("BEGIN")
        try:
            if self._repeat_key and not self._first_load():
                self._opened.run("ROLLBACK")
                return {"table": self._target.Table, "repeated": True}
            if has_rows:
                made = ", ".join(fit.converted.format(f"$1:c{place}") for place, fit in enumerate(fits))
                self._opened.run(
                    f"COPY INTO {self._arrived} FROM (SELECT {made} FROM {self._stage}) FILE_FORMAT = ({_FORMAT})"  # noqa: S608
                )
            self._merge(fits)
        except StepError:
            self._opened.run("ROLLBACK")
            raise
        self._opened.run("COMMIT")
        return {"table": self._target.Table}

    def _first_load(self) -> bool:
        """Write down the load's key; return False if it is there already."""
        return bool(
            self._opened.run(
                f"MERGE INTO {self._loads} AS t USING (SELECT ? AS K, ? AS N) AS s ON t.REPEAT_KEY = s.K "  # noqa: S608
                "WHEN NOT MATCHED THEN INSERT (REPEAT_KEY, TABLE_NAME) VALUES (s.K, s.N)",
                (self._repeat_key, self._target.Table),
            )
        )

    def _merge(self, fits: Sequence[Fitted]) -> None:
        names = [SNOWFLAKE.identifier(fit.name) for fit in fits]
        listed, values = ", ".join(names), ", ".join(f"s.c{place}" for place in range(len(fits)))
        if not self.key:
            if self._target.Mode == "overwrite":
                self._opened.run(f"DELETE FROM {self._quoted}")  # noqa: S608  # not TRUNCATE, which commits
            self._opened.run(f"INSERT INTO {self._quoted} ({listed}) SELECT {values} FROM {self._arrived} AS s")  # noqa: S608
            return
        keys = [place for place, fit in enumerate(fits) if self._is_key(fit)]
        grouped = ", ".join(f"c{place}" for place in keys)
        if self._opened.rows(f"SELECT 1 FROM {self._arrived} GROUP BY {grouped} HAVING COUNT(*) > 1 LIMIT 1"):  # noqa: S608
            raise DataQualityFailed(f"two rows have the same key {', '.join(self.key)}")
        same = " AND ".join(f"t.{names[place]} = s.c{place}" for place in keys)
        changed = ", ".join(f"{name} = s.c{place}" for place, name in enumerate(names) if place not in keys)
        update = f"WHEN MATCHED THEN UPDATE SET {changed} " if changed else ""
        self._opened.run(
            f"MERGE INTO {self._quoted} AS t USING {self._arrived} AS s ON {same} {update}"  # noqa: S608  # quoted names
            f"WHEN NOT MATCHED THEN INSERT ({listed}) VALUES ({values})"
        )

    def _is_key(self, fit: Fitted) -> bool:
        return fit.name.casefold() in {name.casefold() for name in self.key}

    def _named(self, name: str, columns: Sequence[Column]) -> Column:
        """Return the column of a name, or the only one that differs in capital letters alone."""
        alike = [column for column in columns if column.name.casefold() == name.casefold()]
        exact = [column for column in alike if column.name == name]
        found = exact or alike
        if len(found) == 1:
            return found[0]
        near = get_close_matches(name, [column.name for column in columns], n=1)
        meant = f"did you mean {near[0]}?" if near else f"there are {', '.join(column.name for column in columns)}"
        raise TargetFailed(f"the table {self._target.Table} has no column {name}; {meant}")
