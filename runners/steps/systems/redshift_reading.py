"""Reading from Redshift: a result by pages, or for large ones the Parquet files that Redshift unloads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from typing import TYPE_CHECKING

from runners.steps.ends import Read
from runners.steps.systems.redshift_session import SOURCE, RedshiftConnection, Session, bound
from runners.steps.systems.redshift_types import batch_of, result_schema
from runners.steps.systems.staged_files import staged_folder

if TYPE_CHECKING:
    import pyarrow as pa

    from runners.steps.context import StepContext
    from runners.steps.ends import Rows
    from runners.steps.sql_dialect import Statement

_UNLOADED = "etl_runners_unloaded"  # a temporary table, of the session alone


@contextmanager
def reading_result(name: str, statement: Statement, context: StepContext) -> Iterator[Rows]:
    """Run a query, and read its result by pages."""
    session = Session(context.connections.get(name, RedshiftConnection), context, SOURCE)
    pages = session.pages(session.run(statement.text, values=bound(statement.parameters)))
    first = next(pages)
    schema = result_schema(first["ColumnMetadata"])

    def batches() -> Iterator[pa.RecordBatch]:
        for page in chain([first], pages):
            batch = batch_of(page["Records"], schema)
            context.progress.count(size=batch.nbytes)
            yield batch

    yield Read(schema, batches())


@contextmanager
def reading_unloaded(name: str, statement: Statement, context: StepContext) -> Iterator[Rows]:
    """Let Redshift write a query's rows into files, and read these.

    The rows go through a temporary table, as ``UNLOAD`` takes its query as a text, in which nothing can be bound.
    """
    described = context.connections.get(name, RedshiftConnection)
    session = Session(described, context, SOURCE)
    inner = statement.text.rstrip().rstrip(";")
    with staged_folder(described.staging(name), context) as folder:
        batch = session.run(
            f"CREATE TEMPORARY TABLE {_UNLOADED} AS (\n{inner}\n)",
            f"SELECT * FROM {_UNLOADED} LIMIT 0",  # noqa: S608  # a name of our own
            f"UNLOAD ('SELECT * FROM {_UNLOADED}') TO '{folder.place.url}' IAM_ROLE {described.role} FORMAT AS PARQUET",  # noqa: S608
            f"DROP TABLE {_UNLOADED}",
            values=bound(statement.parameters),
        )
        schema = result_schema(next(session.pages(f"{batch}:2"))["ColumnMetadata"])
        yield Read(schema, folder.batches(schema))
