"""Reading from Athena: a result in CSV, or for large ones the Parquet files that Athena unloads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pyarrow as pa
from pyarrow import csv

from runners.steps.ends import BATCH_BYTES, Read
from runners.steps.errors import ConnectionFailed, SourceFailed
from runners.steps.sql_dialect import Statement
from runners.steps.systems.athena_session import AthenaConnection, Query, Session
from runners.steps.systems.athena_types import result_schema, typed
from runners.steps.systems.staged_files import staged_folder, storage

if TYPE_CHECKING:
    from runners.steps.context import StepContext
    from runners.steps.ends import Rows


@contextmanager
def reading_result(name: str, statement: Statement, context: StepContext) -> Iterator[Rows]:
    """Run a query, and read its result."""
    query = Session(context.connections.get(name, AthenaConnection), context).run(statement)
    schema = result_schema(query.columns())
    yield Read(schema, _csv(query, schema, context))


@contextmanager
def reading_unloaded(name: str, statement: Statement, context: StepContext) -> Iterator[Rows]:
    """Let Athena write a query's rows into many files at a time, and read these."""
    described = context.connections.get(name, AthenaConnection)
    if described.staging_location is None:
        raise ConnectionFailed(f"Unload needs staging_location in the connection {name!r}", connection=name)
    session = Session(described, context)
    inner = statement.text.rstrip().rstrip(";")
    none = Statement(f"SELECT * FROM (\n{inner}\n) AS source LIMIT 0", statement.parameters)  # noqa: S608  # bound values
    # Without a row there is no file, and so no schema: Athena tells it of a query that reads nothing.
    schema = result_schema(session.run(none).columns())
    with staged_folder(described.staging_location, context) as folder:
        session.run(
            Statement(
                f"UNLOAD (\n{inner}\n) TO '{folder.place.url}' WITH (format = 'PARQUET', compression = 'SNAPPY')",
                statement.parameters,
            )
        )
        yield Read(schema, folder.batches(schema))


def _csv(query: Query, schema: pa.Schema, context: StepContext) -> Iterator[pa.RecordBatch]:
    at = query.result
    files = storage(at.bucket, context)
    convert = csv.ConvertOptions(
        column_types={name: pa.string() for name in schema.names},
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
        null_values=[""],
    )
    with files.open(files.look(at.key)) as file:
        try:
            reader = csv.open_csv(
                pa.PythonFile(file, mode="r"),
                csv.ReadOptions(block_size=BATCH_BYTES, use_threads=False),
                csv.ParseOptions(newlines_in_values=True),
                convert,
            )
            for batch in reader:
                yield typed(batch, schema)
        except pa.ArrowInvalid:
            raise SourceFailed(f"the result of Athena at {at.url} is no CSV that can be read") from None
