"""Rows kept on disk until they may be sent: what cannot be unsent is sent only once all rows have been read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryFile
from typing import IO

import pyarrow as pa

from runners.steps.errors import TargetFailed

SPOOL_BYTES = 256 << 20  # of rows, at most; half of what a Lambda has on disk by default


class Spool:
    """Rows in a temporary file.

    Args:
        file: where they are kept.
        schema: their columns.
        most_rows: rows, at most; None for as many as fit.

    """

    def __init__(self, file: IO[bytes], schema: pa.Schema, most_rows: int | None = None) -> None:
        self._file = file
        self._writer = pa.ipc.new_stream(file, schema)
        self._most_rows = most_rows
        self.schema = schema
        self.rows = 0

    def write(self, batch: pa.RecordBatch) -> None:
        """Keep a batch.

        Raises:
            TargetFailed: there are more rows, or bytes, than the target sends.

        """
        self.rows += batch.num_rows
        if self._most_rows is not None and self.rows > self._most_rows:
            raise TargetFailed(f"there are more than {self._most_rows:,} rows, which is the most that is sent")
        self._writer.write_batch(batch)
        if self._file.tell() > SPOOL_BYTES:
            raise TargetFailed(f"the rows take more than {SPOOL_BYTES >> 20} MB, which is the most that is sent")

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the rows, once all are there; may be called again."""
        self._writer.close()
        self._file.seek(0)
        yield from pa.ipc.open_stream(self._file)


@contextmanager
def spooled(schema: pa.Schema, most_rows: int | None = None) -> Iterator[Spool]:
    """Make a spool, which is gone with the block.

    Raises:
        TargetFailed: as ``Spool.write``.

    """
    with TemporaryFile(prefix="runners-spool-") as file:
        yield Spool(file, schema, most_rows)
