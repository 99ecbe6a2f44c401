"""JSON: one array of objects, streamed both ways."""

from __future__ import annotations

import codecs
import json
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from decimal import Decimal
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar, Literal

from runners.steps.errors import SourceFailed
from runners.steps.formats.compression import CompressedOut, compressing, compression_of, decompressed
from runners.steps.formats.json_lines import LONGEST_RECORD, PIECE_BYTES, JsonFormat, Page, rows_of
from runners.steps.formats.json_text import ObjectTexts

if TYPE_CHECKING:
    import pyarrow as pa

    from runners.steps.ends import Rows
    from runners.steps.formats.format import Out, Writer

_SPACE = " \t\r\n"


class Json(JsonFormat):
    """JSON: one array of objects."""

    suffixes: ClassVar[tuple[str, ...]] = (".json",)

    Type: Literal["json"] = "json"

    @contextmanager
    def writing(self, schema: pa.Schema, out: Out, name: str) -> Iterator[Writer]:
        """Begin to write rows."""
        with compressing(out, compression_of(name, self.Compression)) as compressed:
            yield _ArrayWriter(ObjectTexts(schema, ",\n", "", self.Decimals), compressed)

    @contextmanager
    def reading(self, file: BinaryIO, name: str) -> Iterator[Rows]:
        """Begin to read a file's rows."""
        with (
            decompressed(file, name, compression_of(name, self.Compression)) as plain,
            closing(_Array(plain, name).pages()) as pages,
        ):
            yield rows_of(self, pages)


class _ArrayWriter:
    def __init__(self, texts: ObjectTexts, out: CompressedOut) -> None:
        self._texts = texts
        self._out = out
        self._first = True

    def write(self, batch: pa.RecordBatch) -> None:
        if batch.num_rows:
            rows = self._texts.bytes_of(batch)
            self._out.write(b"[" + rows[1:] if self._first else rows)  # before the first one there is no comma
            self._first = False

    def close(self) -> None:
        self._out.write(b"[]\n" if self._first else b"\n]\n")
        self._out.close()


class _Array:
    """The records of one array, read piece by piece."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        self._file = file
        self._name = name
        self._text = ""
        self._place = 0
        self._ended = False
        self._utf8 = codecs.getincrementaldecoder("utf-8-sig")()
        self._decoder = json.JSONDecoder(parse_float=Decimal, parse_constant=Decimal)

    def pages(self) -> Generator[Page, None, None]:
        """Yield the records of some megabytes at a time."""
        if self._next() != "[":
            raise self._wrong("it does not begin with [")
        self._place += 1
        records: list[Any] = []
        began = self._place
        if self._next() == "]":
            return
        while True:
            records.append(self._record())
            mark = self._next()
            self._place += 1
            if mark == "]" or self._place - began >= PIECE_BYTES:
                yield records, self._place - began
                records = []
                self._text, self._place, began = self._text[self._place :], 0, 0
            if mark == "]":
                return
            if mark != ",":
                raise self._wrong("between two records there is no comma")
            self._next()

    def _record(self) -> Any:
        """Return the value that begins here, reading on until it is whole."""
        while True:
            try:
                value, end = self._decoder.raw_decode(self._text, self._place)
            except RecursionError:
                raise self._wrong("it is nested beyond reason") from None
            except ValueError:
                value, end = None, len(self._text)
            if end < len(self._text) or self._ended:  # what ends with the text may go on in the next piece
                if end >= len(self._text):
                    raise self._wrong("it ends amid a record, or has one that is no JSON")
                self._place = end
                return value
            if len(self._text) - self._place > LONGEST_RECORD:
                raise self._wrong(f"it has a record of more than {LONGEST_RECORD >> 20} MB, or one that is no JSON")
            self._read_on(max(PIECE_BYTES, len(self._text) - self._place))

    def _next(self) -> str:
        """Go to the next character that is no space, and return it; empty at the end."""
        while True:
            while self._place < len(self._text) and self._text[self._place] in _SPACE:
                self._place += 1
            if self._place < len(self._text):
                return self._text[self._place]
            if self._ended:
                return ""
            self._read_on(PIECE_BYTES)

    def _read_on(self, size: int) -> None:
        data = self._file.read(size)
        self._ended = not data
        try:
            self._text += self._utf8.decode(data, final=self._ended)
        except UnicodeDecodeError:
            raise self._wrong("it is no text in UTF-8") from None

    def _wrong(self, what: str) -> SourceFailed:
        return SourceFailed(f"{self._name} is no JSON array: {what}", file=self._name)
