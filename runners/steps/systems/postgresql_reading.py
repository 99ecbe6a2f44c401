"""Reading: one query, described by the server first and then streamed by COPY, as Arrow batches or as CSV."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pyarrow as pa

from runners.steps.ends import Read, Rows
from runners.steps.errors import SourceFailed
from runners.steps.read_ahead import read_ahead
from runners.steps.systems.postgresql_copy import CopyOut, Piece, copy_out
from runners.steps.systems.postgresql_decoding import Decoder
from runners.steps.systems.postgresql_session import SOURCE, Session, bound, explained, session
from runners.steps.systems.postgresql_types import BOOL, Column, checked, comes_as_text, field_of, written_as_text

if TYPE_CHECKING:
    from runners.steps.context import StepContext
    from runners.steps.ends import Encoding
    from runners.steps.templates import Statement

_PIECE_BYTES = 4 << 20  # of rows that are made to a batch
_CSV_BYTES = 2 << 20  # of a chunk
_LINE_END = "\n"  # COPY's only one


@contextmanager
def rows_of(name: str, statement: Statement, texts: Collection[str], context: StepContext) -> Iterator[Rows]:
    """Run a query and read its rows as batches.

    Args:
        name: the connection's name.
        statement: the query.
        texts: the names of columns that travel as text whatever they are.
        context: looks the connection up.

    """
    with session(name, context, SOURCE) as opened, explained(name, SOURCE):
        query = _query(opened, statement)
        columns = checked(described(opened, query))
        unknown = sorted(set(texts) - {column.name for column in columns})
        if unknown:
            raise SourceFailed(f"AsText names the column {unknown[0]!r}, which the query does not have")
        schema = pa.schema([field_of(column, texts) for column in columns])
        as_texts = [comes_as_text(column, field) for column, field in zip(columns, schema, strict=True)]
        # The server goes on sending while what has come is being decoded.
        copied = f"COPY (\n{_converted(query, columns, as_texts)}\n) TO STDOUT (FORMAT binary)"
        with copy_out(opened, copied) as copy, read_ahead(copy.pieces(_PIECE_BYTES)) as pieces:
            yield Read(schema, _batches(name, Decoder(columns, schema), pieces))


class Csv:
    """Rows that are being read as CSV.

    Args:
        name: the connection's name.
        copy: gives them.

    """

    def __init__(self, name: str, copy: CopyOut) -> None:
        self._name = name
        self._copy = copy
        self.rows: int | None = None
        """How many there were, once all chunks were read."""

    def chunks(self) -> Iterator[bytes]:
        """Yield the bytes."""
        with explained(self._name, SOURCE):
            for piece in self._copy.pieces(_CSV_BYTES):
                yield piece.data
            self.rows = self._copy.rows


@contextmanager
def csv_of(name: str, statement: Statement, form: CsvForm, context: StepContext) -> Iterator[Csv]:
    """Run a query and read its rows as CSV.

    Args:
        name: the connection's name.
        statement: the query.
        form: what the CSV is like.
        context: looks the connection up.

    """
    with session(name, context, SOURCE) as opened, explained(name, SOURCE):
        query = _query(opened, statement)
        columns = checked(described(opened, query))
        # COPY writes t and f.
        as_texts = [column.oid == BOOL for column in columns]
        with copy_out(opened, f"COPY (\n{_converted(query, columns, as_texts)}\n) TO STDOUT ({form.options})") as copy:
            yield Csv(name, copy)


class CsvForm:
    """What CSV is like, in COPY's words.

    Args:
        encoding: the encoding of a target.

    """

    def __init__(self, encoding: Encoding) -> None:
        self._asked = dict(encoding.options)
        self._is_csv = encoding.format == "csv"

    @property
    def is_possible(self) -> bool:
        """Whether COPY can write it."""
        delimiter = self._asked.get("delimiter", "")
        return (
            self._is_csv
            and set(self._asked) == {"delimiter", "header", "null", "line_end"}
            and self._asked["line_end"] == _LINE_END
            and len(delimiter.encode()) == 1
            and delimiter not in self._asked["null"]
        )

    @property
    def options(self) -> str:
        """The options of COPY, in SQL."""
        header = "true" if self._asked["header"] else "false"
        delimiter, null = (_quoted_text(self._asked[option]) for option in ("delimiter", "null"))
        return f"FORMAT csv, HEADER {header}, DELIMITER {delimiter}, NULL {null}"


def described(opened: Session, query: str) -> list[Column]:
    """Return the columns of a query's result, without running it.

    Raises:
        psycopg.Error: the server refuses the query.

    """
    result = opened.execute(f"SELECT * FROM (\n{query}\n) AS source LIMIT 0".encode()).pgresult  # noqa: S608  # the step's own
    if result is None:
        return []
    return [
        Column((result.fname(place) or b"").decode(), result.ftype(place), result.fmod(place))
        for place in range(result.nfields)
    ]


def _query(opened: Session, statement: Statement) -> str:
    return bound(opened, statement).strip().rstrip(";")


def _batches(name: str, decoder: Decoder, pieces: Iterator[Piece]) -> Iterator[pa.RecordBatch]:
    with explained(name, SOURCE):
        yield from decoder.batches(pieces)


def _converted(query: str, columns: Collection[Column], as_texts: Collection[bool]) -> str:
    """Return a query some of whose columns the server writes as text."""
    if not any(as_texts):
        return query
    # Within, columns have names that no other has.
    inner = [f"c{place}" for place in range(len(columns))]
    outer = [
        f"{written_as_text(name, column) if as_text else name} AS {quoted_name(column.name)}"
        for name, column, as_text in zip(inner, columns, as_texts, strict=True)
    ]
    return f"SELECT {', '.join(outer)} FROM (\n{query}\n) AS source({', '.join(inner)})"  # noqa: S608  # quoted names


def quoted_name(name: str) -> str:
    """Return a name that a database has, quoted: whatever is in it."""
    return '"' + name.replace('"', '""') + '"'


def _quoted_text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
