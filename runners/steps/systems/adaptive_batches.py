"""Batches of rows that come one by one or a few at a time: as many rows as the last ones' size allows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from runners.steps.ends import BATCH_BYTES

if TYPE_CHECKING:
    import pyarrow as pa

FIRST_ROWS = 1_000
"""Rows of the first batch, before it is known how large they are."""

MOST_ROWS = 20_000
"""Rows of a batch, at most: narrow ones take some times as much memory before they are a batch."""


def adaptive_batches(
    take: Callable[[int], Sequence[Any]], made: Callable[[Sequence[Any]], pa.RecordBatch]
) -> Iterator[pa.RecordBatch]:
    """Yield batches of about ``BATCH_BYTES``.

    Args:
        take: returns the next rows, at most as many as it is told; none at the end.
        made: makes a batch of rows.

    """
    count = FIRST_ROWS
    while rows := take(count):
        batch = made(rows)
        count = max(1, min(MOST_ROWS, BATCH_BYTES * len(rows) // max(1, batch.nbytes)))
        yield batch
