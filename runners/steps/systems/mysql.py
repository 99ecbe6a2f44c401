"""MySQL and MariaDB: read in the binary protocol straight into Arrow, write by LOAD DATA in one transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from decimal import Decimal
from math import isfinite
from typing import TYPE_CHECKING, Any, ClassVar

import pyarrow as pa

from runners.steps.ends import Read, Rows, Sink
from runners.steps.errors import SourceFailed, TemplateFailed
from runners.steps.systems.mysql_catalogue import declared
from runners.steps.systems.mysql_rows import Decoder
from runners.steps.systems.mysql_session import READING, WRITING, MySqlConnection, errors_of, opened
from runners.steps.systems.mysql_types import ZeroDates, field
from runners.steps.systems.mysql_wire import Column, Packets, Prepared
from runners.steps.systems.mysql_writing import MySqlSink
from runners.steps.systems.sql import SqlSource, SqlTarget
from runners.steps.templates import MYSQL, SqlDialect, Statement

if TYPE_CHECKING:
    from pymysql.connections import Connection  # type: ignore[import-untyped]

    from runners.steps.context import StepContext

__all__ = ["MySqlConnection", "MySqlSource", "MySqlTarget"]


class MySqlSource(SqlSource):
    """Rows of a query, or of a table, in MySQL or MariaDB.

    Numbers, texts and bytes travel as what they are declared. ``TIMESTAMP`` is in UTC, ``DATETIME`` has no zone,
    ``TIME``, which may be negative or of 838 hours, travels as text, ``BIT`` and geometries as the server's own bytes.
    """

    example: ClassVar = {"ConnectionName": "shop", "Query": "SELECT id, total FROM orders WHERE placed_on = {{ ds }}"}

    # A prepared statement has question marks: the server itself puts the values in, whatever stands around them.
    dialect: ClassVar[SqlDialect] = replace(MYSQL, placeholder="qmark")

    BooleansFromTinyint: bool = False
    """Whether ``tinyint(1)``, which MySQL's ``BOOLEAN`` becomes, is read as true and false; other values than 0 and 1
    are then refused."""

    ZeroDatesAs: ZeroDates = "refused"
    """Dates that no calendar has, such as ``0000-00-00`` and ``2020-02-00``: ``refused``; ``text``, for which all dates
    and times travel as text; or ``null``, which loses them."""

    @contextmanager
    def open(self, context: StepContext) -> Iterator[Rows]:
        """Run the query; its rows wait in the server until they are asked for."""
        statement = self.statement(context.templates)
        with closing(opened(context, self.ConnectionName, READING)) as connection:
            with errors_of(self.ConnectionName, READING):
                prepared = _prepared(connection, statement)
                types = declared(connection, prepared.columns)
                columns, packets = prepared.run(_values(statement))
            schema = self._schema(columns, types)
            yield Read(schema, self._batches(Decoder(columns, schema, self.ZeroDatesAs), packets))

    def place(self) -> str:
        """Return the connection, and the table if it is one."""
        return f"mysql://{self.ConnectionName}/{self.Table or ''}".rstrip("/")

    def _schema(self, columns: list[Column], types: Mapping[tuple[str, str, str], str]) -> pa.Schema:
        twice = [name for name, count in Counter(column.name for column in columns).items() if count > 1]
        if twice:
            raise SourceFailed(f"the query gives two columns of the name {twice[0]!r}; give one another name by AS")
        return pa.schema(
            field(
                column,
                types.get((column.database, column.table, column.origin), ""),
                self.ZeroDatesAs,
                booleans=self.BooleansFromTinyint,
            )
            for column in columns
        )

    def _batches(self, decoder: Decoder, packets: Iterator[Packets]) -> Iterator[pa.RecordBatch]:
        with errors_of(self.ConnectionName, READING):
            for some in packets:
                yield decoder.batch(some)


class MySqlTarget(SqlTarget):
    r"""A table in MySQL or MariaDB, of an engine that knows transactions.

    Its columns are matched by name. Whatever the server would round, cut, pad or reinterpret is refused. A naive time
    into a ``TIMESTAMP`` is taken as UTC; bytes into a ``BIT`` as a number, the highest byte first; a text into bytes
    has to be ``\x`` and hexadecimal digits, as in CSV files. MySQL commits the making of a table by itself: a first
    load that is given up leaves it empty.
    """

    example: ClassVar = {"ConnectionName": "shop", "Table": "orders", "Mode": "upsert", "Key": ["id"]}

    dialect: ClassVar[SqlDialect] = MYSQL

    @contextmanager
    def open(self, schema: pa.Schema, context: StepContext) -> Iterator[Sink]:
        """Begin a transaction; without a commit it is rolled back."""
        with closing(opened(context, self.ConnectionName, WRITING)) as connection:
            with errors_of(self.ConnectionName, WRITING):
                sink = MySqlSink(self, connection, schema, context)
            try:
                yield sink
            finally:
                sink.abandon()

    def place(self) -> str:
        """Return the connection and the table."""
        return f"mysql://{self.ConnectionName}/{self.Table}"


def _prepared(connection: Connection, statement: Statement) -> Prepared:
    prepared = Prepared(connection, statement.text)
    if not prepared.columns:
        raise SourceFailed("the query has no rows to give; for a statement that only does something there is RunSql")
    if prepared.parameters != len(statement.parameters or ()):
        raise TemplateFailed(
            "a {{ value }} of the query stands within quotes or a comment, or it has a ? of its own; a value needs no "
            "quotes, as it is bound"
        )
    return prepared


def _values(statement: Statement) -> tuple[Any, ...]:
    values = statement.parameters or ()
    for value in values:
        if isinstance(value, float | Decimal) and not isfinite(value):
            raise TemplateFailed("a {{ value }} of the query is NaN or infinite, which MySQL has not")
    return values
