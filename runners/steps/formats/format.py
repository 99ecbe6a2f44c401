"""What a format is: it reads rows out of a file's bytes, and writes rows as bytes, batch by batch.

A format knows nothing of where a file lies, and a storage nothing of what is in it.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, BinaryIO, ClassVar, Protocol

from runners.steps.parameters import Parameters

if TYPE_CHECKING:
    import pyarrow as pa

    from runners.steps.ends import Encoding, Rows


class Out(Protocol):
    """Takes the bytes of a file one after the other, such as a file that a storage is writing."""

    def write(self, data: bytes | bytearray | memoryview) -> object:
        """Take bytes; they may be changed once it has returned."""
        ...


class Writer(Protocol):
    """Rows that are being written to an ``Out``."""

    def write(self, batch: pa.RecordBatch) -> None:
        """Write a batch.

        Raises:
            DataNotRepresentable: the format has no exact form for a value.

        """
        ...

    def close(self) -> None:
        """Write what comes after the last row. Without a row there is still a header or a schema."""
        ...


class Format(Parameters):
    """How rows are written in a file; the base of every format, whose ``Type`` tells it apart."""

    suffixes: ClassVar[tuple[str, ...]]
    """How names of such files end, without the suffix of a compression."""

    ranged: ClassVar[bool] = False
    """Whether it reads here and there in a file, rather than from the beginning to the end."""

    def reading(self, file: BinaryIO, name: str) -> AbstractContextManager[Rows]:
        """Begin to read a file's rows.

        Args:
            file: is read from the beginning to the end; of a ranged format it can seek.
            name: the file's name, for its compression and for errors.

        Raises:
            SourceFailed: it is no such file.
            DataQualityFailed: a value is not of its column's type.

        """
        raise NotImplementedError

    def writing(self, schema: pa.Schema, out: Out, name: str) -> AbstractContextManager[Writer]:
        """Begin to write rows; the block's end gives back what the writer holds, and writes nothing more.

        Args:
            schema: the rows' columns.
            out: takes the bytes.
            name: the file's name, for its compression.

        Raises:
            DataNotRepresentable: the format has no exact form for a column.

        """
        raise NotImplementedError

    def encoding(self) -> Encoding | None:
        """Return what the bytes are before they are compressed, where a source may be able to give just these."""
        return None
