"""Reading from Snowflake: a query is described first, and comes as Arrow."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pyarrow as pa

from runners.steps.ends import BATCH_BYTES, Read
from runners.steps.errors import SourceFailed
from runners.steps.sql_dialect import SNOWFLAKE
from runners.steps.systems.snowflake_session import SOURCE, session
from runners.steps.systems.snowflake_types import Column, batch_of, reading

if TYPE_CHECKING:
    from runners.steps.context import StepContext
    from runners.steps.ends import Rows
    from runners.steps.systems.snowflake import SnowflakeSource


@contextmanager
def reading_rows(source: SnowflakeSource, context: StepContext) -> Iterator[Rows]:
    """Begin to read the rows of a source."""
    statement = source.statement(context.templates)
    with session(source.ConnectionName, context, SOURCE) as opened:
        readings = [reading(Column.of(column), source.OffsetsAs) for column in opened.described(statement)]
        if not readings:
            raise SourceFailed("the query has no result")
        text = statement.text
        if any(read.selected != "{}" for read in readings):
            names = [SNOWFLAKE.identifier(read.field.name) for read in readings]
            listed = ", ".join(
                f"{read.selected.format(name)} AS {name}" for read, name in zip(readings, names, strict=True)
            )
            inner = text.rstrip().rstrip(";")
            text = f"SELECT {listed} FROM (\n{inner}\n) AS source"  # noqa: S608  # quoted names
        opened.run(text, statement.parameters or ())
        schema = pa.schema([read.field for read in readings])

        def batches() -> Iterator[pa.RecordBatch]:
            for table in opened.tables():
                rows = max(1, table.num_rows * BATCH_BYTES // max(table.nbytes, BATCH_BYTES))
                for some in table.to_batches(rows):
                    batch = batch_of(some, readings, schema)
                    context.progress.count(size=batch.nbytes)
                    yield batch

        yield Read(schema, batches())
