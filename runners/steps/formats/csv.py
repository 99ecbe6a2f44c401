"""CSV, as PostgreSQL's COPY writes it: NULL is an empty field, an empty text is ``""``, and so they stay apart.

Arrow writes it; only what it would write otherwise (fractions of times, zones, NaN, binary) becomes text before, and is
quoted as texts are. Which fields are quoted means nothing to a reader, but for the empty text.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Collection, Generator, Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, BinaryIO, ClassVar, Literal

import pyarrow as pa
import pyarrow.csv as arrow_csv
from pydantic import Field

from runners.steps.column_types import ColumnType, typed_column
from runners.steps.ends import Encoding, Read
from runners.steps.errors import DataQualityFailed, SourceFailed
from runners.steps.formats import compression  # a field has the name of its type
from runners.steps.formats.compression import CompressedOut, compressing, compression_of, decompressed
from runners.steps.formats.csv_lines import Lines
from runners.steps.formats.format import Format
from runners.steps.formats.plain_text import (
    check_dates,
    has_exponents,
    is_finite,
    plain_text,
    simplified,
    whole_seconds,
)
from runners.steps.formats.text_types import Conversions, found_types, is_parsed

if TYPE_CHECKING:
    from runners.steps.ends import Rows
    from runners.steps.formats.format import Out, Writer

_LINE_ENDS = {"lf": "\n", "crlf": "\r\n"}


class Csv(Format):
    """Comma-separated values: a row a line, with a header."""

    suffixes: ClassVar[tuple[str, ...]] = (".csv", ".txt")

    Type: Literal["csv"] = "csv"

    Delimiter: str = Field(default=",", pattern=r"^[^\"\r\n]$")
    """What stands between two fields: one character, such as ``;`` or a tabulator."""

    Header: bool = True
    """Whether the first line has the names of the columns."""

    Null: str = Field(default="", pattern=r"^[^\"\r\n]*$")
    """What stands for no value, unquoted. By default an empty field; an empty text is then quoted: ``""``."""

    Quotes: bool = True
    """Whether ``"`` encloses texts. False is for reading files in which it is a character like any other."""

    LineEnd: Literal["lf", "crlf"] = "lf"
    """How written lines end; files are read with either."""

    Compression: compression.Compression | None = None
    """none, gzip or zstd; if left out, as the name ends: ``.gz``, ``.zst``."""

    Columns: dict[str, ColumnType] = Field(default_factory=dict)
    """For reading: the types of columns by their names; others are texts. Without a header: of all, in their order."""

    Schema: Literal["text", "found"] = "text"
    """For reading, of columns without a type: ``text``, or ``found`` by the values in the first megabytes; a later
    value of another type then fails the step."""

    def encoding(self) -> Encoding:
        """Return what these bytes are: what PostgreSQL's COPY writes with the same options."""
        return Encoding(
            "csv",
            (
                ("delimiter", self.Delimiter),
                ("header", self.Header),
                ("null", self.Null),
                ("line_end", _LINE_ENDS[self.LineEnd]),
            ),
        )

    @contextmanager
    def writing(self, schema: pa.Schema, out: Out, name: str) -> Iterator[Writer]:
        """Begin to write rows."""
        with compressing(out, compression_of(name, self.Compression)) as compressed:
            yield _CsvWriter(self, schema, compressed)

    @contextmanager
    def reading(self, file: BinaryIO, name: str) -> Iterator[Rows]:
        """Read a file's rows."""
        with decompressed(file, name, compression_of(name, self.Compression)) as plain:
            text = Lines(plain, name)
            names = _names(self, text, name)
            with closing(_typed(self, text, names, name)) as batches:
                schema = next(batches).schema  # an empty batch comes first
                yield Read(schema, batches)

    def header(self, names: list[str]) -> bytes:
        """Return the line with the names of the columns, quoted where they must be."""
        special = re.compile(f'["\r\n{re.escape(self.Delimiter)}]')
        quoted = [
            '"' + name.replace('"', '""') + '"' if not name or name == self.Null or special.search(name) else name
            for name in names
        ]
        return (self.Delimiter.join(quoted) + _LINE_ENDS[self.LineEnd]).encode()


CANONICAL = Csv().encoding()
"""The encoding of a CSV file with nothing else said."""


class _CsvWriter:
    def __init__(self, form: Csv, schema: pa.Schema, out: CompressedOut) -> None:
        self._out = out
        self._options = arrow_csv.WriteOptions(
            include_header=False, delimiter=form.Delimiter, null_string=form.Null, eol=_LINE_ENDS[form.LineEnd]
        )
        if form.Header:
            out.write(form.header(schema.names))

    def write(self, batch: pa.RecordBatch) -> None:
        texts = [_writable(values, name) for values, name in zip(batch.columns, batch.schema.names, strict=True)]
        sink = pa.BufferOutputStream()
        arrow_csv.write_csv(pa.RecordBatch.from_arrays(texts, names=batch.schema.names), sink, self._options)
        self._out.write(memoryview(sink.getvalue()))

    def close(self) -> None:
        self._out.close()


def _writable(values: pa.Array, name: str) -> pa.Array:
    """Return a column that Arrow writes as it should be: as it is where it can be, else as text."""
    values = simplified(values, name)
    kind = values.type
    if pa.types.is_date(kind):
        check_dates(values, name)
        return values
    if pa.types.is_timestamp(kind) and kind.tz is None and whole_seconds(values):
        check_dates(values, name)
        return values.cast(pa.timestamp("s"))
    as_it_is = (
        pa.types.is_integer(kind)
        or pa.types.is_boolean(kind)
        or pa.types.is_string(kind)
        or pa.types.is_null(kind)
        or (pa.types.is_decimal(kind) and not has_exponents(kind))
        or (pa.types.is_floating(kind) and is_finite(values))
    )
    return values if as_it_is else plain_text(values, name)


def _names(form: Csv, text: Lines, name: str) -> list[str]:
    """Return the names of the columns, and leave the file where its first row begins."""
    line = text.header(quotes=form.Quotes)
    reader = csv.reader([line], delimiter=form.Delimiter, quoting=csv.QUOTE_MINIMAL if form.Quotes else csv.QUOTE_NONE)
    fields = next(reader, [])
    if not form.Header:
        text.put_back(line)
        return list(form.Columns) or [f"column_{place}" for place in range(1, len(fields) + 1)]
    if not fields:
        raise SourceFailed(f"{name} is empty: it has no header", file=name)
    twice = sorted({field for field in fields if fields.count(field) > 1})
    if twice:
        raise SourceFailed(f"{name} has two columns of the name {', '.join(twice)}", file=name)
    unknown = sorted(set(form.Columns) - set(fields))
    if unknown:
        raise SourceFailed(
            f"Columns names {', '.join(unknown)}, which {name} does not have; it has {', '.join(fields)}", file=name
        )
    return fields


def _typed(form: Csv, text: Lines, names: list[str], name: str) -> Generator[pa.RecordBatch, None, None]:
    """Yield an empty batch with the schema, and then the rows."""
    declared = {column_name: typed_column(column_name, kind) for column_name, kind in form.Columns.items()}
    fields = [declared.get(column_name, pa.field(column_name, pa.string())) for column_name in names]
    batches = _batches(form, text, pa.schema(fields), name)
    found: Collection[str] = ()
    if form.Schema == "found":
        first = next(batches, None)
        if first is not None:
            found = set(names) - set(declared)
            fields = [
                known if known.name in declared else new for known, new in zip(fields, found_types(first), strict=True)
            ]
            batches = _with_first(first, batches)
    conversions = Conversions(pa.schema(fields), name, found)
    yield conversions.empty()
    for batch in batches:
        yield conversions.apply(batch)


def _with_first(first: pa.RecordBatch, others: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    yield first
    yield from others


def _batches(form: Csv, text: Lines, schema: pa.Schema, name: str) -> Iterator[pa.RecordBatch]:
    parsing = arrow_csv.ParseOptions(
        delimiter=form.Delimiter,
        quote_char='"' if form.Quotes else False,
        newlines_in_values=form.Quotes,
        ignore_empty_lines=len(schema) > 1,
    )
    conversions = arrow_csv.ConvertOptions(
        column_types={field.name: field.type if is_parsed(field.type) else pa.string() for field in schema},
        null_values=[form.Null],
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
    )
    for rows in text.blocks(quotes=form.Quotes):
        # Not Arrow's own way to stream: it reads in a thread that goes on when nobody wants its rows any more.
        reading = arrow_csv.ReadOptions(column_names=schema.names, block_size=rows.nbytes + 1)
        try:
            table = arrow_csv.read_csv(pa.BufferReader(rows), reading, parsing, conversions)
        except pa.ArrowInvalid as error:
            raise _explained(error, schema, name) from None
        yield from table.to_batches()


def _explained(error: pa.ArrowInvalid, schema: pa.Schema, name: str) -> SourceFailed | DataQualityFailed:
    """Say what is wrong, without the value that Arrow repeats."""
    said = str(error)
    if "invalid UTF8" in said:
        return SourceFailed(f"{name} is no text in UTF-8", file=name)
    if found := re.match(r"In CSV column #(\d+):", said):
        field = schema.field(int(found[1]))
        return DataQualityFailed(f"a value of the column {field.name} of {name} is no {field.type}", column=field.name)
    if found := re.search(r"Expected (\d+) columns, got (\d+)", said):
        return SourceFailed(f"a row of {name} has {found[2]} fields, where it should have {found[1]}", file=name)
    return SourceFailed(f"{name} cannot be read as CSV: look at its delimiter and its quotes", file=name)
