"""Parquet: columns with their exact types, in row groups that are written and read one by one.

The Arrow schema goes into the file, and with it what a text is (``ends.LOGICAL``), so that rows come back as they were.
"""

from __future__ import annotations

import io
from collections.abc import Collection, Generator, Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, BinaryIO, ClassVar, Literal, cast

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pydantic import Field

from runners.steps.ends import BATCH_BYTES, Read
from runners.steps.errors import DataNotRepresentable, SourceFailed
from runners.steps.formats.format import Format

if TYPE_CHECKING:
    from runners.steps.ends import Rows
    from runners.steps.formats.format import Out, Writer

_GROUP_ROWS = 50_000
_GROUP_BYTES = 32 << 20  # in memory, before they are encoded
_READ_WHOLE = 24 << 20  # bytes of row groups that are read at once; a larger one is read piece by piece
_READ_PIECE = _WRITE_PIECE = 1 << 20  # bytes
_REPEATED = 50  # rows for each value of a column that has few, at least
_SMALLEST_BATCH = 1_000  # rows


class Parquet(Format):
    """Apache Parquet."""

    suffixes: ClassVar[tuple[str, ...]] = (".parquet", ".pq")
    ranged: ClassVar[bool] = True

    Type: Literal["parquet"] = "parquet"

    Compression: Literal["zstd", "snappy", "gzip", "none"] = "zstd"
    """How columns are compressed: ``zstd`` makes files a quarter smaller than ``snappy``, and is about as quick;
    ``snappy`` is read by what is old, too."""

    RowGroupRows: int = Field(default=_GROUP_ROWS, ge=1_000, le=1_000_000)
    """Rows of a row group, at most; it ends sooner when its rows take 32 MB."""

    @contextmanager
    def writing(self, schema: pa.Schema, out: Out, name: str) -> Iterator[Writer]:
        """Begin to write rows."""
        del name
        counted = _Counted(out)
        try:
            self.file(pa.MockOutputStream(), schema, ()).close()
        except (pa.ArrowNotImplementedError, pa.ArrowInvalid) as error:
            raise DataNotRepresentable(f"Parquet has no form for these columns: {error}") from None
        writer = _ParquetWriter(self, schema, counted)
        try:
            yield writer
        finally:
            counted.over = True  # Arrow writes a footer whatever happened
            writer.abandon()

    @contextmanager
    def reading(self, file: BinaryIO, name: str) -> Iterator[Rows]:
        """Begin to read a file's rows."""
        window = _Window(file)
        with _explained(name):
            metadata = pq.read_metadata(pa.PythonFile(window, mode="r"))
            # Not by Arrow's own reading ahead: it reads in a thread that goes on when nobody wants its rows any more.
            opened = pq.ParquetFile(
                pa.PythonFile(window, mode="r"),
                metadata=metadata,
                pre_buffer=False,
                buffer_size=_READ_PIECE if max(map(_bytes, _groups(metadata)), default=0) > _READ_WHOLE else 0,
                page_checksum_verification=True,
            )
        with opened, closing(_batches(opened, window, name)) as batches:
            yield Read(opened.schema_arrow, batches)

    def file(self, out: pa.NativeFile, schema: pa.Schema, repeating: Collection[str]) -> pq.ParquetWriter:
        """Begin a file.

        Args:
            out: takes its bytes.
            schema: the rows' columns.
            repeating: the columns whose values are written once, and then their numbers.

        Raises:
            pa.ArrowNotImplementedError, pa.ArrowInvalid: Parquet has no form for a column.

        """
        return pq.ParquetWriter(
            out,
            schema,
            compression=self.Compression,
            use_dictionary=list(repeating),
            store_decimal_as_integer=True,  # where it has room
            write_page_checksum=True,
        )


class _ParquetWriter:
    """Gathers batches to row groups; begins the file once it has seen the first one."""

    def __init__(self, form: Parquet, schema: pa.Schema, out: _Counted) -> None:
        self._form = form
        self._schema = schema
        self._group_rows = form.RowGroupRows
        self._out = pa.BufferedOutputStream(pa.PythonFile(out, mode="w"), _WRITE_PIECE)
        self._begun: pq.ParquetWriter | None = None
        self._batches: list[pa.RecordBatch] = []
        self._rows = 0
        self._bytes = 0

    def write(self, batch: pa.RecordBatch) -> None:
        while self._rows + batch.num_rows >= self._group_rows:
            taken = self._group_rows - self._rows
            self._gather(batch.slice(0, taken))
            self._end_group()
            batch = batch.slice(taken)
        if batch.num_rows:
            self._gather(batch)
        if self._bytes >= _GROUP_BYTES:
            self._end_group()

    def close(self) -> None:
        if self._batches:
            self._end_group()
        self._file(()).close()
        self._out.close()

    def abandon(self) -> None:
        """Give back what it holds."""
        if self._begun is not None:
            self._begun.close()
        self._out.close()

    def _file(self, repeating: Collection[str]) -> pq.ParquetWriter:
        if self._begun is None:
            self._begun = self._form.file(self._out, self._schema, repeating)
        return self._begun

    def _gather(self, batch: pa.RecordBatch) -> None:
        self._batches.append(batch)
        self._rows += batch.num_rows
        self._bytes += batch.nbytes

    def _end_group(self) -> None:
        rows = pa.Table.from_batches(self._batches)
        file = self._file(() if self._begun else _repeating(rows))
        file.write_table(rows, row_group_size=self._group_rows)
        self._batches.clear()
        self._rows = self._bytes = 0


def _repeating(rows: pa.Table) -> list[str]:
    """Return the columns of few values, which come again and again.

    Of others Parquet would begin a dictionary, too, and give it up once it is too large: for larger files, and more
    time than all else takes.
    """
    return [
        name
        for name, values in zip(rows.column_names, rows.columns, strict=True)
        if not pa.types.is_nested(values.type) and _distinct(values) * _REPEATED <= len(values)
    ]


def _distinct(values: pa.ChunkedArray) -> int:
    if pa.types.is_dictionary(values.type):
        return max(len(chunk.dictionary) for chunk in values.chunks)
    return int(pc.count_distinct(values).as_py())


class _Counted(io.RawIOBase):
    """An ``Out`` as the file that Arrow writes to: it asks how much was written."""

    def __init__(self, out: Out) -> None:
        self._out = out
        self._written = 0
        self.over = False

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._written

    def write(self, data: object) -> int:
        view = memoryview(cast("bytes", data))
        if not self.over:
            self._out.write(view)
        self._written += view.nbytes
        return view.nbytes


class _Window(io.RawIOBase):
    """A file of which a part is held in memory, so that many small reads within it are one of the file."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._size = file.seek(0, io.SEEK_END)
        self._place = 0
        self._begin = 0
        self._held = b""

    def hold(self, begin: int, end: int) -> None:
        """Hold a part instead of the one before."""
        self._held = b""
        self._file.seek(begin)
        self._begin, self._held = begin, self._file.read(end - begin)

    def holds(self, begin: int, end: int) -> bool:
        """Whether a part is held."""
        return self._begin <= begin <= end <= self._begin + len(self._held)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._place = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._size}[whence] + offset
        return self._place

    def read(self, size: int = -1) -> bytes:
        end = self._size if size < 0 else min(self._place + size, self._size)
        if self.holds(self._place, end):
            data = self._held[self._place - self._begin : end - self._begin]
        else:
            self._file.seek(self._place)
            data = self._file.read(end - self._place)
        self._place += len(data)
        return data


def _batches(opened: pq.ParquetFile, window: _Window, name: str) -> Generator[pa.RecordBatch, None, None]:
    groups = _groups(opened.metadata)
    for place, group in enumerate(groups):
        rows = group.num_rows * BATCH_BYTES // max(group.total_byte_size, BATCH_BYTES)
        with _explained(name):
            _look_at(groups, place, window)
            yield from opened.iter_batches(max(_SMALLEST_BATCH, rows), row_groups=[place])


def _look_at(groups: list[pq.RowGroupMetaData], place: int, window: _Window) -> None:
    """Hold a row group, and those after it that are read with it; one that is large is read from the file."""
    begin, end = _extent(groups[place])
    if window.holds(begin, end) or end - begin > _READ_WHOLE:
        return
    for group in groups[place + 1 :]:
        _, further = _extent(group)
        if not end < further <= begin + _READ_WHOLE:
            break
        end = further
    window.hold(begin, end)


def _groups(metadata: pq.FileMetaData) -> list[pq.RowGroupMetaData]:
    return [metadata.row_group(place) for place in range(metadata.num_row_groups)]


def _extent(group: pq.RowGroupMetaData) -> tuple[int, int]:
    """Return where a row group begins and ends in its file."""
    columns = [group.column(place) for place in range(group.num_columns)]
    begins = [column.dictionary_page_offset or column.data_page_offset for column in columns]
    ends = [begin + column.total_compressed_size for begin, column in zip(begins, columns, strict=True)]
    return min(begins, default=0), max(ends, default=0)


def _bytes(group: pq.RowGroupMetaData) -> int:
    begin, end = _extent(group)
    return end - begin


@contextmanager
def _explained(name: str) -> Iterator[None]:
    try:
        yield
    except pa.ArrowInvalid:
        raise SourceFailed(f"{name} is no whole Parquet file", file=name) from None
    except OSError as error:
        if type(error) is not OSError:  # one of the storage's own
            raise
        raise SourceFailed(f"{name} is a damaged Parquet file", file=name) from None
