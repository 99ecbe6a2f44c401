"""Rows as a table of plain text and as a file, for messages that people read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal, NamedTuple

import pyarrow as pa

from runners.steps.errors import DataQualityFailed
from runners.steps.formats.known import AnyFormat, format_of
from runners.steps.formats.plain_text import plain_text, simplified
from runners.steps.systems.spool import Spool

WhenEmpty = Literal["send", "skip", "fail"]
"""What to do without a row."""

_WIDEST = 40  # characters of a value that are shown
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


class Table(NamedTuple):
    """A table of plain text."""

    text: str
    """Its lines; empty where no row is shown."""
    shown: int
    """How many rows are in it."""


def is_sent(rows: int, when_empty: WhenEmpty) -> bool:
    """Whether to send a message about so many rows.

    Raises:
        DataQualityFailed: there are none, and that is a failure.

    """
    if rows == 0 and when_empty == "fail":
        raise DataQualityFailed("there are no rows, and WhenEmpty is fail: nothing was sent", rows=0)
    return rows > 0 or when_empty == "send"


def table_of(spool: Spool, most_rows: int, most_characters: int) -> Table:
    """Return the first rows as a table, of as many as fit. Long values are cut, marked by ``…``."""
    lines: list[list[str]] = []
    for batch in spool.batches():
        lines += islice(_lines(batch), most_rows - len(lines))
        if len(lines) >= most_rows:
            break
    if not lines or not most_rows:
        return Table("", 0)
    header = [_cell(name) for name in spool.schema.names]
    rights = [_is_number(field.type) for field in spool.schema]
    widths = [max(map(len, column)) for column in zip(header, *lines, strict=True)]
    rows = [_row(cells, widths, rights) for cells in lines]
    text = "\n".join([_row(header, widths, rights), "  ".join("-" * width for width in widths)])
    shown = 0
    for row in rows:
        if len(text) + 1 + len(row) > most_characters:
            break
        text, shown = f"{text}\n{row}", shown + 1
    return Table(text, shown) if shown else Table("", 0)


def told_of(table: Table, rows: int) -> str:
    """Return how many rows there are, and are shown."""
    if not rows:
        return "There are no rows."
    counted = f"{rows:,} {'row' if rows == 1 else 'rows'}"
    return counted if table.shown in (0, rows) else f"the first {table.shown:,} of {counted}"


@contextmanager
def file_of(spool: Spool, name: str, chosen: AnyFormat | None) -> Iterator[Path]:
    """Write the rows to a file, which is gone with the block.

    Raises:
        ValidationFailed: no format is chosen, and the name says none.
        DataNotRepresentable: the format has no exact form for a value.

    """
    with TemporaryDirectory(prefix="runners-file-") as folder:
        path = Path(folder, "file")
        with path.open("wb") as out, format_of(name, chosen).writing(spool.schema, out, name) as writer:
            for batch in spool.batches():
                writer.write(batch)
            writer.close()
        yield path


def _lines(batch: pa.RecordBatch) -> Iterator[list[str]]:
    columns = [
        plain_text(simplified(values, name), name).to_pylist()
        for values, name in zip(batch.columns, batch.schema.names, strict=True)
    ]
    for row in zip(*columns, strict=True):
        yield ["" if value is None else _cell(value) for value in row]


def _cell(value: str) -> str:
    text = _UNPRINTABLE.sub(" ", value)
    return text if len(text) <= _WIDEST else text[: _WIDEST - 1] + "…"


def _row(cells: Sequence[str], widths: Sequence[int], rights: Sequence[bool]) -> str:
    padded = (
        cell.rjust(width) if right else cell.ljust(width)
        for cell, width, right in zip(cells, widths, rights, strict=True)
    )
    return "  ".join(padded).rstrip()


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))
