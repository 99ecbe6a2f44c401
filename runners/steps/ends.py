"""The two ends of a transfer, as shapes: a source gives batches of rows, a target takes and publishes them at once.

Rows travel as Arrow record batches, of the types that the source's own catalogue declares, never inferred from values.
What Arrow has no exact type for travels as text; ``logical`` then says what the text is, so that a target which knows
that type takes it as such. An end is the model of its own parameters. Systems stand in ``runners.steps.systems``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, runtime_checkable

import pyarrow as pa

from runners.steps.parameters import Parameters

if TYPE_CHECKING:
    from runners.steps.context import StepContext

LOGICAL = b"runners.type"
"""The key of a field's metadata under which its logical type stands."""

LOGICAL_TYPES = frozenset({"decimal", "interval", "json", "uuid", "time", "timetz", "date", "timestamp", "text"})
"""What a text may be: ``decimal`` a number without bounds, or NaN or Infinity; ``time`` one of more than 24 hours;
``date`` and ``timestamp`` those that no calendar has, such as MySQL's zero date; ``text`` anything else."""

BATCH_BYTES = 8 << 20
"""About how large a batch is, in bytes: batches have as many rows as that takes."""


def logical(field: pa.Field) -> str:
    """Return the logical type of a field whose Arrow type says less; empty for one that says all."""
    return str((field.metadata or {}).get(LOGICAL, b"").decode())


def as_text(name: str, logical_type: str, *, nullable: bool = True) -> pa.Field:
    """Return a field of texts that are of a logical type."""
    return pa.field(name, pa.string(), nullable, {LOGICAL: logical_type.encode()})


class Rows(Protocol):
    """Rows that are being read."""

    @property
    def schema(self) -> pa.Schema:
        """Their columns; known before the first row, and so also of an empty result."""
        ...

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the rows, in batches of about ``BATCH_BYTES``, each read only when it is asked for."""
        ...


@runtime_checkable
class Acknowledged(Protocol):
    """Rows whose source has to be told that they are safe, such as the messages of a queue."""

    def committed(self) -> dict[str, Any]:
        """Take note that the target has committed the rows, and return what is to be known of it."""
        ...


@dataclass(frozen=True)
class Read:
    """Rows made of a schema and what yields batches of it: what most sources return."""

    schema: pa.Schema
    yields: Iterable[pa.RecordBatch]

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the rows."""
        yield from self.yields


@dataclass(frozen=True)
class Encoding:
    """The bytes that a target takes as they are, if the source can give just these.

    Attributes:
        format: ``csv``, ``jsonlines``, ``parquet``, or ``file`` for the bytes of whole files.
        options: what else they are like, e.g. ``(("delimiter", ","), ("header", True))``; must be equal.

    """

    format: str
    options: tuple[tuple[str, Any], ...] = ()


class Encoded(Protocol):
    """Rows that are being read in the bytes of an encoding."""

    rows: int | None
    """How many rows there were, once all chunks were read; None if nobody counts."""

    def chunks(self) -> Iterator[bytes | memoryview]:
        """Yield the bytes, in chunks of some megabytes."""
        ...


class Source(Parameters):
    """Where rows come from."""

    example: ClassVar[dict[str, Any]] = {}
    """One that is valid as it stands, for the documentation."""

    def open(self, context: StepContext) -> AbstractContextManager[Rows]:
        """Begin to read; the block's end gives back what it holds, however it ends.

        Raises:
            ConnectionFailed, SourceUnavailable, SourceFailed, DataNotRepresentable.

        """
        raise NotImplementedError

    def encoded(self, encoding: Encoding, context: StepContext) -> AbstractContextManager[Encoded] | None:
        """Begin to read in an encoding, if that is quicker and exact; else None, and ``open`` is asked."""
        del encoding, context
        return None

    def place(self) -> str:
        """Return what it reads, as lineage names it and without a secret: ``postgresql://shop/public.products``."""
        raise NotImplementedError


class Sink(Protocol):
    """What is being written. Nothing can be seen of it before ``commit``; a block that ends without one undoes it."""

    def write(self, batch: pa.RecordBatch) -> None:
        """Take a batch.

        Raises:
            TargetUnavailable, TargetFailed, DataNotRepresentable.

        """
        ...

    def commit(self) -> dict[str, Any]:
        """Publish all at once and return what is to be known of it, e.g. ``{"object": "s3://bucket/key"}``."""
        ...


class ByteSink(Protocol):
    """The same for bytes of the target's ``encoding``."""

    def write(self, chunk: bytes | memoryview) -> None:
        """Take a chunk."""
        ...

    def commit(self) -> dict[str, Any]:
        """Publish all at once."""
        ...


class Target(Parameters):
    """Where rows go."""

    example: ClassVar[dict[str, Any]] = {}
    """One that is valid as it stands, for the documentation."""

    @property
    def replaces(self) -> bool:
        """Whether the rows take the place of all that an earlier run has written."""
        return getattr(self, "Mode", "") == "overwrite"

    def open(self, schema: pa.Schema, context: StepContext) -> AbstractContextManager[Sink]:
        """Begin to write rows of a schema; leaving the block without a commit leaves nothing behind.

        Raises:
            ConnectionFailed, TargetUnavailable, TargetFailed, DataNotRepresentable.

        """
        raise NotImplementedError

    def encoding(self) -> Encoding | None:
        """Return the bytes that it takes as they are; None if it takes rows only."""
        return None

    def open_encoded(self, context: StepContext) -> AbstractContextManager[ByteSink]:
        """Begin to write bytes of ``encoding``."""
        raise NotImplementedError

    def place(self) -> str:
        """Return what it writes, as lineage names it and without a secret."""
        raise NotImplementedError
