"""Compressed files: gzip and zstd, streamed both ways, chosen by a parameter or by the end of the file's name."""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO, Literal, cast

import pyarrow as pa

from runners.steps.errors import SourceFailed

if TYPE_CHECKING:
    from runners.steps.formats.format import Out

Compression = Literal["none", "gzip", "zstd"]

SUFFIXES: dict[str, Compression] = {".gz": "gzip", ".zst": "zstd"}
"""The compressions by the ends of names."""

_GZIP_LEVEL = 4  # three times as fast as zlib's own 6, for files that are a tenth larger
_GZIP_FRAME = 31  # zlib's number for the format of gzip files, with the largest window
_PIECE = 1 << 20  # bytes that are decompressed at a time


def compression_of(name: str, chosen: Compression | None) -> Compression:
    """Return the compression that was chosen, or else the one that a file's name says."""
    if chosen is not None:
        return chosen
    return next((found for suffix, found in SUFFIXES.items() if name.endswith(suffix)), "none")


def without_suffix(name: str) -> str:
    """Return a file's name without the suffix of a compression."""
    return next((name.removesuffix(suffix) for suffix in SUFFIXES if name.endswith(suffix)), name)


@contextmanager
def compressing(out: Out, compression: Compression) -> Iterator[CompressedOut]:
    """Begin to compress; what is written comes out once ``close`` was called, and not by the block's end."""
    stream = {"none": CompressedOut, "gzip": _Gzip, "zstd": _Zstd}[compression](out)
    try:
        yield stream
    finally:
        stream.abandon()


class CompressedOut:
    """Passes bytes on, compressed by those who derive from it.

    Args:
        out: takes what comes of them.

    """

    def __init__(self, out: Out) -> None:
        self._out = out

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Take bytes."""
        self._out.write(data)

    def close(self) -> None:
        """Write the end of the compressed bytes."""

    def abandon(self) -> None:
        """Write nothing more."""


class _Gzip(CompressedOut):
    def __init__(self, out: Out) -> None:
        super().__init__(out)
        self._zlib = zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, _GZIP_FRAME)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if compressed := self._zlib.compress(data):
            self._out.write(compressed)

    def close(self) -> None:
        self._out.write(self._zlib.flush())


class _Zstd(CompressedOut):
    def __init__(self, out: Out) -> None:
        super().__init__(out)
        self._raw = _Kept(out)
        self._stream = pa.CompressedOutputStream(pa.PythonFile(self._raw, mode="w"), "zstd")

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._stream.write(data)

    def close(self) -> None:
        self._stream.close()

    def abandon(self) -> None:
        self._raw.over = True  # Arrow writes an end whatever happened
        self._stream.close()


class _Kept(io.RawIOBase):
    """Passes on what Arrow writes, until it is over."""

    def __init__(self, out: Out) -> None:
        self._out = out
        self.over = False

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        view = memoryview(cast("bytes", data))
        if not self.over:
            self._out.write(view)
        return view.nbytes


@contextmanager
def decompressed(file: BinaryIO, name: str, compression: Compression) -> Iterator[BinaryIO]:
    """Read a compressed file as if it were not.

    Raises:
        SourceFailed: it is not compressed so, or ends before its end.

    """
    if compression == "none":
        yield file
        return
    with pa.PythonFile(file, mode="r") as raw, pa.CompressedInputStream(raw, compression) as stream:
        yield cast("BinaryIO", _Decompressed(stream, name, compression))


class _Decompressed(io.RawIOBase):
    def __init__(self, stream: pa.NativeFile, name: str, compression: str) -> None:
        self._stream = stream
        self._said = f"{name} is no whole file of {compression}: it is damaged, or not compressed so"

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        try:
            return bytes(self._stream.read(size if size >= 0 else None))
        except (pa.ArrowInvalid, OSError) as error:
            if type(error) not in (pa.ArrowInvalid, OSError):
                raise
            raise SourceFailed(self._said) from None
