"""A file of CSV cut into its header and blocks of whole rows.

A line's end is the end of a row unless it is within quotes, and it is within them if the number of quotes before it is
odd, as one that is part of a text is doubled.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from runners.steps.ends import BATCH_BYTES
from runners.steps.errors import SourceFailed

_HEADER_BYTES = 1 << 20
_BLOCK_BYTES = BATCH_BYTES // 2  # as rows take more room than their text while they are read
_LONGEST_ROW = 64 << 20  # bytes


class Lines:
    """The lines of a file.

    Args:
        file: is read from the beginning to the end.
        name: its name, for errors.

    """

    def __init__(self, file: BinaryIO, name: str) -> None:
        self._file = file
        self._name = name
        self._begun = b""  # what was read, and is in no block yet

    def header(self, *, quotes: bool) -> str:
        """Return the first line; it is not part of the first block.

        Args:
            quotes: whether a name may be in quotes, with a line's end in it.

        Raises:
            SourceFailed: it is no text in UTF-8, or has no end within a megabyte.

        """
        end = 0
        while not end and len(self._begun) < _HEADER_BYTES and (piece := self._file.read(_HEADER_BYTES)):
            self._begun += piece
            end = _first_end(self._begun, quotes=quotes)
        if not end and len(self._begun) >= _HEADER_BYTES:
            raise SourceFailed(f"{self._name} has no line within its first megabyte, and so is no CSV", file=self._name)
        line, self._begun = (self._begun[:end], self._begun[end:]) if end else (self._begun, b"")
        try:
            return line.decode("utf-8-sig")
        except UnicodeDecodeError:
            raise SourceFailed(f"{self._name} is no text in UTF-8", file=self._name) from None

    def put_back(self, line: str) -> None:
        """Make the first line part of the first block after all."""
        self._begun = line.encode() + self._begun

    def blocks(self, *, quotes: bool) -> Iterator[memoryview]:
        """Yield whole rows of some megabytes.

        Raises:
            SourceFailed: a quote is never closed, or a row is too long to be one.

        """
        rest, self._begun = self._begun, b""
        while piece := self._file.read(_BLOCK_BYTES):
            rest += piece
            del piece  # so that it is not held while its rows are
            if end := _last_end(rest, quotes=quotes):
                yield memoryview(rest)[:end]
                rest = rest[end:]
            elif len(rest) > _LONGEST_ROW:
                raise self._wrong(f"a row has more than {_LONGEST_ROW >> 20} MB")
        if quotes and rest.count(b'"') % 2:
            raise self._wrong("the last row ends within quotes")
        if rest:
            yield memoryview(rest)

    def _wrong(self, what: str) -> SourceFailed:
        return SourceFailed(
            f"{self._name} has a quote that is never closed, as {what}; if quotes enclose nothing in it, set Quotes to "
            "false",
            file=self._name,
        )


def _first_end(data: bytes, *, quotes: bool) -> int:
    """Return where the first row ends; 0 if it does not."""
    newline = data.find(b"\n")
    while quotes and newline >= 0 and data.count(b'"', 0, newline) % 2:
        newline = data.find(b"\n", newline + 1)
    return newline + 1


def _last_end(data: bytes, *, quotes: bool) -> int:
    """Return where the last whole row ends; 0 if none does."""
    end, odd = len(data), bool(quotes and data.count(b'"') % 2)
    while (newline := data.rfind(b"\n", 0, end)) >= 0:
        odd ^= bool(quotes and data.count(b'"', newline, end) % 2)
        if not odd:
            return newline + 1
        end = newline
    return 0
