"""One CSV file of a full load, as DMS writes it.

A field is quoted only where it must be: where it holds a quote, a delimiter or a line end, and where it would be taken
for NULL. NULL itself is never quoted, so that a reader which minds quotes tells it from the text of the same letters.
"""

from __future__ import annotations

import gzip
import re
from typing import IO, TYPE_CHECKING

from runners.local.dms.columns import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from runners.local.dms.columns import DmsType, Row
    from runners.local.dms.s3_settings import S3Settings

FRACTION_DIGITS = 6
"""DMS writes timestamps in CSV files with microseconds."""


class CsvFile:
    """A file that is being written."""

    def __init__(self, path: Path, columns: Sequence[tuple[str, DmsType]], settings: S3Settings) -> None:
        self.size = 0
        """Bytes written so far, before compression."""
        self._file: IO[bytes] | gzip.GzipFile = gzip.open(path, "wb") if settings.gzip else path.open("wb")  # noqa: SIM115  # closed by close()
        self._settings = settings
        special = {'"', "\n", "\r", settings.delimiter, settings.row_delimiter}
        self._special = re.compile("|".join(re.escape(each) for each in sorted(special)))
        self._forms = [
            (place, _timestamp)
            for place, (_, kind) in enumerate(columns)
            if kind.kind is Kind.DATETIME and kind.scale != 0
        ]
        if settings.header:
            self.write([tuple(name for name, _ in columns)], forms=())

    def write(self, rows: Sequence[Row], forms: Sequence[tuple[int, Callable[[str], str]]] | None = None) -> None:
        """Write rows."""
        settings, forms = self._settings, self._forms if forms is None else forms
        lines = []
        for row in rows:
            fields = list(row)
            for place, form in forms:
                if (value := fields[place]) is not None:
                    fields[place] = form(value)
            lines.append(settings.delimiter.join([self._field(value) for value in fields]) + settings.row_delimiter)
        written = "".join(lines).encode()
        self._file.write(written)
        self.size += len(written)

    def close(self) -> None:
        """End the file."""
        self._file.close()

    def discard(self) -> None:
        """Let go of the file, whole or not."""
        self._file.close()

    def _field(self, value: str | None) -> str:
        if value is None:
            return self._settings.null_value
        if self._settings.quotes and (value == self._settings.null_value or self._special.search(value)):
            return '"' + value.replace('"', '""') + '"'
        return value


def _timestamp(text: str) -> str:
    """Fill the fraction of a second up to microseconds; what is no usual timestamp stays as it is."""
    seconds, point, fraction = text.partition(".")
    if not seconds[-1:].isdigit() or not (fraction.isdigit() or not point):
        return text
    return f"{seconds}.{fraction.ljust(FRACTION_DIGITS, '0')}"
