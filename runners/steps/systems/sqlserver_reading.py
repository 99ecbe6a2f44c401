"""Reading from SQL Server: a query is described first, so that its columns have the types of the catalogue."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pyarrow as pa

from runners.steps.ends import Read
from runners.steps.errors import DataNotRepresentable, SourceFailed
from runners.steps.sql_dialect import SQLSERVER, Statement
from runners.steps.systems.adaptive_batches import adaptive_batches
from runners.steps.systems.sqlserver_session import SOURCE, Session, declarations, session
from runners.steps.systems.sqlserver_types import Column, Reading, batch_of, reading, type_of

if TYPE_CHECKING:
    from runners.steps.context import StepContext
    from runners.steps.ends import Rows
    from runners.steps.systems.sqlserver import MsSqlSource

_DESCRIBED = """\
SELECT name, COALESCE(system_type_name, user_type_name), precision, scale, is_nullable, error_number, error_message
FROM sys.dm_exec_describe_first_result_set(@p1, @p2, 0) WHERE is_hidden = 0 OR error_number IS NOT NULL
ORDER BY column_ordinal"""


@contextmanager
def reading_rows(source: MsSqlSource, context: StepContext) -> Iterator[Rows]:
    """Begin to read the rows of a source."""
    statement = source.statement(context.templates)
    with session(source.ConnectionName, context, SOURCE) as opened:
        columns = described(opened, statement)
        readings = [reading(column, source.FineTimesAs, source.OffsetsAs) for column in columns]
        selected = _selected(opened, statement, readings)
        opened.ask(selected, source.casts(statement, columns))
        schema = pa.schema([read.field for read in readings])

        def batches() -> Iterator[pa.RecordBatch]:
            for batch in adaptive_batches(opened.some, lambda rows: batch_of(rows, readings, schema)):
                context.progress.count(size=batch.nbytes)
                yield batch

        yield Read(schema, batches())


def described(opened: Session, statement: Statement) -> Sequence[Column]:
    """Return the columns of a statement's result.

    Raises:
        SourceFailed: it has none, or SQL Server refuses the statement.

    """
    rows = opened.rows(Statement(_DESCRIBED, (statement.text, declarations(statement))))
    columns: list[Column] = []
    for name, kind, precision, scale, nullable, error, said in rows:
        if error:
            raise SourceFailed(f"SQL Server refused the query: error {error}, {said}", number=error)
        if not name:
            raise SourceFailed(f"column {len(columns) + 1} of the query has no name: give it one by AS")
        columns.append(Column(name, type_of(kind or ""), precision, scale, bool(nullable)))
    if not columns:
        raise SourceFailed("the query has no result")
    return columns


def _selected(opened: Session, statement: Statement, readings: Sequence[Reading]) -> Statement:
    """Return a statement that lets SQL Server convert what the driver would change; itself, if there is no such."""
    if all(read.selected == "{}" for read in readings):
        return statement
    names = [SQLSERVER.identifier(read.field.name) for read in readings]
    listed = ", ".join(
        f"{read.selected.format(f'source.{name}')} AS {name}" for read, name in zip(readings, names, strict=True)
    )
    inner = statement.text.rstrip().rstrip(";")
    converted = Statement(f"SELECT {listed} FROM (\n{inner}\n) AS source", statement.parameters)  # noqa: S608  # quoted names
    try:
        described(opened, converted)
    except SourceFailed:
        changed = ", ".join(read.field.name for read in readings if read.selected != "{}")
        raise DataNotRepresentable(
            f"the driver would change values of {changed}, which SQL Server cannot convert around this query, as one "
            "with WITH or ORDER BY cannot be a part of another: leave these out, or cast the columns in the query to "
            "datetime2(6), time(6), decimal or nvarchar"
        ) from None
    return converted
