"""Parquet: columns with their exact types, in row groups that are written and read one by one.

The Arrow schema goes into the file, and with it what a text is (``ends.LOGICAL``), so that rows come back as they were.
"""

from __future__ import annotations

import io
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, BinaryIO, ClassVar, Literal, cast

import pyarrow as pa
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
_READ_WHOLE = 32 << 20  # bytes of a row group up to which it is read at once, and beyond which piece by piece
_READ_PIECE = 1 << 20  # bytes
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
            file = pq.ParquetWriter(
                pa.PythonFile(counted, mode="w"), schema, compression=self.Compression, write_page_checksum=True
            )
        except (pa.ArrowNotImplementedError, pa.ArrowInvalid) as error:
            raise DataNotRepresentable(f"Parquet has no form for these columns: {error}") from None
        try:
            yield _ParquetWriter(file, self.RowGroupRows)
        finally:
            counted.over = True  # Arrow writes a footer whatever happened
            file.close()

    @contextmanager
    def reading(self, file: BinaryIO, name: str) -> Iterator[Rows]:
        """Begin to read a file's rows."""
        with _explained(name):
            opened = _opened(file)
        with opened, closing(_batches(opened, name)) as batches:
            yield Read(opened.schema_arrow, batches)


class _ParquetWriter:
    """Gathers batches to row groups."""

    def __init__(self, file: pq.ParquetWriter, group_rows: int) -> None:
        self._file = file
        self._group_rows = group_rows
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
        self._file.close()

    def _gather(self, batch: pa.RecordBatch) -> None:
        self._batches.append(batch)
        self._rows += batch.num_rows
        self._bytes += batch.nbytes

    def _end_group(self) -> None:
        self._file.write_table(pa.Table.from_batches(self._batches), row_group_size=self._group_rows)
        self._batches.clear()
        self._rows = self._bytes = 0


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


def _opened(file: BinaryIO) -> pq.ParquetFile:
    """Open a file so that little of it is in memory, and yet few requests are made."""
    metadata = pq.read_metadata(pa.PythonFile(file, mode="r"))
    groups = [metadata.row_group(place) for place in range(metadata.num_row_groups)]
    small = max(map(_compressed, groups), default=0) <= _READ_WHOLE
    return pq.ParquetFile(
        pa.PythonFile(file, mode="r"),
        metadata=metadata,
        pre_buffer=small,
        buffer_size=0 if small else _READ_PIECE,
        page_checksum_verification=True,
    )


def _batches(opened: pq.ParquetFile, name: str) -> Generator[pa.RecordBatch, None, None]:
    for place in range(opened.num_row_groups):
        group = opened.metadata.row_group(place)
        rows = group.num_rows * BATCH_BYTES // max(group.total_byte_size, BATCH_BYTES)
        with _explained(name):
            yield from opened.iter_batches(max(_SMALLEST_BATCH, rows), row_groups=[place])


def _compressed(group: pq.RowGroupMetaData) -> int:
    return sum(group.column(place).total_compressed_size for place in range(group.num_columns))


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
