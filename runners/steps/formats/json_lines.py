"""JSON Lines: an object a line. Numbers keep all their digits, both ways."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import chain
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar, Literal

from pydantic import Field

from runners.steps.ends import Read
from runners.steps.errors import SourceFailed
from runners.steps.formats import compression, json_text  # fields have the names of their types
from runners.steps.formats.compression import CompressedOut, compressing, compression_of, decompressed
from runners.steps.formats.format import Format
from runners.steps.formats.json_text import ObjectTexts
from runners.steps.systems import json_columns
from runners.steps.systems.json_columns import batches, declared, found_in
from runners.steps.systems.json_values import NotJsonError, parsed

if TYPE_CHECKING:
    import pyarrow as pa

    from runners.steps.ends import Rows
    from runners.steps.formats.format import Out, Writer

PIECE_BYTES = 4 << 20
LONGEST_RECORD = 64 << 20  # bytes

Page = tuple[Sequence[Any], int]
"""Records, and how many bytes they were."""


class JsonFormat(Format):
    """What files of JSON have in common."""

    Compression: compression.Compression | None = None
    """none, gzip or zstd; if left out, as the name ends: ``.gz``, ``.zst``."""

    Columns: json_columns.Columns = Field(default_factory=dict)
    """For reading: the columns, each by its type or as ``{"Type": …, "Path": …}``. If left out they are found in the
    first megabytes: numbers are decimals, objects and lists JSON texts; a later record with other names fails."""

    Decimals: json_text.Decimals = "number"
    """For writing: whether decimals are numbers with all their digits, or texts (``string``), for readers that make
    doubles of all numbers."""


class JsonLines(JsonFormat):
    """JSON Lines: an object a line."""

    suffixes: ClassVar[tuple[str, ...]] = (".jsonl", ".ndjson")

    Type: Literal["jsonlines"] = "jsonlines"

    @contextmanager
    def writing(self, schema: pa.Schema, out: Out, name: str) -> Iterator[Writer]:
        """Begin to write rows."""
        with compressing(out, compression_of(name, self.Compression)) as compressed:
            yield _LinesWriter(ObjectTexts(schema, "", "\n", self.Decimals), compressed)

    @contextmanager
    def reading(self, file: BinaryIO, name: str) -> Iterator[Rows]:
        """Begin to read a file's rows."""
        with (
            decompressed(file, name, compression_of(name, self.Compression)) as plain,
            closing(_pages(plain, name)) as pages,
        ):
            yield rows_of(self, pages)


def rows_of(form: JsonFormat, pages: Iterator[Page]) -> Rows:
    """Return rows of pages of records.

    Raises:
        DataNotRepresentable: the columns are not declared, and there is nothing to find them in.

    """
    if form.Columns:
        columns = declared(form.Columns)
    else:
        first = next(pages, ((), 0))
        columns = found_in(first[0])
        pages = chain([first], pages)
    return Read(columns.schema, batches(pages, columns))


class _LinesWriter:
    def __init__(self, texts: ObjectTexts, out: CompressedOut) -> None:
        self._texts = texts
        self._out = out

    def write(self, batch: pa.RecordBatch) -> None:
        self._out.write(self._texts.bytes_of(batch))

    def close(self) -> None:
        self._out.close()


def _pages(file: BinaryIO, name: str) -> Generator[Page, None, None]:
    """Yield the records of some megabytes of lines at a time."""
    rest = b""
    number = 0  # of lines before
    while piece := file.read(PIECE_BYTES):
        whole, end, rest = (rest + piece).rpartition(b"\n")
        if len(rest) > LONGEST_RECORD:
            raise SourceFailed(f"{name} has a line of more than {LONGEST_RECORD >> 20} MB, and so is no JSON Lines")
        if end:
            lines = whole.split(b"\n")
            yield _records(lines, name, number), len(whole)
            number += len(lines)
    if rest.strip():
        yield _records([rest], name, number), len(rest)


def _records(lines: list[bytes], name: str, before: int) -> list[Any]:
    filled = [line for line in lines if line.strip()]
    try:
        records = parsed(b"[" + b",".join(filled) + b"]")  # all at once is much quicker than one by one
        if len(records) == len(filled):
            return list(records)
    except NotJsonError:
        pass
    raise SourceFailed(f"line {before + _wrong_line(lines)} of {name} is no JSON", file=name)


def _wrong_line(lines: list[bytes]) -> int:
    for number, line in enumerate(lines, 1):
        try:
            parsed(line.strip() or b"null")
        except NotJsonError:
            return number
    return len(lines)
