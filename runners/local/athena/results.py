"""Results as Athena lays them out in S3 and answers them: CSV with every value in quotes, DDL's text, metadata.

A NULL is an empty field without quotes, so that it is told from an empty text. Pure: writes and reads texts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from runners.errors import LocalAWSError
from runners.local.athena.sql.types import type_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from runners.local.athena.sql.translation import ResultColumn

_FIELD = re.compile(r'"((?:[^"]|"")*)"|([^,\n]*)')
_INTEGER_DIGITS = {"tinyint": 3, "smallint": 5, "integer": 10, "bigint": 19}
_DIGITS = {**_INTEGER_DIGITS, "real": 17, "float": 17, "double": 17, "date": 0, "timestamp": 3, "boolean": 0}
_LONGEST_TEXT = 2147483647


class UnreadableResultError(LocalAWSError):
    """What lies at the place of a result is none."""


@dataclass(frozen=True)
class ColumnInfo:
    """A column of a result, as ``GetQueryResults`` describes it."""

    name: str
    type: str
    """E.g. ``decimal``: without its numbers."""
    precision: int = 0
    scale: int = 0
    case_sensitive: bool = False

    @classmethod
    def of(cls, column: ResultColumn) -> ColumnInfo:
        """Describe a column of a query."""
        kind = type_of(column.type)
        if kind.name == "decimal":
            return cls(column.name, kind.name, kind.size[0], kind.size[1])
        if kind.name in {"varchar", "char"}:
            return cls(column.name, kind.name, kind.size[0] if kind.size else _LONGEST_TEXT, 0, case_sensitive=True)
        name = {"real": "float"}.get(kind.name, kind.name)
        return cls(column.name, name, _DIGITS.get(name, 0))

    def as_dict(self) -> dict[str, Any]:
        """Answer it as the API does."""
        return {
            "CatalogName": "hive",
            "SchemaName": "",
            "TableName": "",
            "Name": self.name,
            "Label": self.name,
            "Type": self.type,
            "Precision": self.precision,
            "Scale": self.scale,
            "Nullable": "UNKNOWN",
            "CaseSensitive": self.case_sensitive,
        }


def csv_line(row: Iterable[str | None]) -> str:
    """Write a row, e.g. ``"a",,""`` and an end of line for ``["a", None, ""]``."""
    return ",".join("" if value is None else '"' + value.replace('"', '""') + '"' for value in row) + "\n"


def csv_records(lines: Iterable[bytes]) -> Iterator[tuple[list[str | None], int]]:
    """Read what ``csv_line`` wrote: each row with how many bytes it takes; a value may have ends of lines in it."""
    record = b""
    for line in lines:
        record += line
        if record.count(b'"') % 2 == 0:  # else a quoted value goes on in the next line
            yield _csv_row(record.decode().removesuffix("\n")), len(record)
            record = b""
    if record:
        raise UnreadableResultError("the result ends within a quoted value")


def text_records(lines: Iterable[bytes]) -> Iterator[tuple[list[str | None], int]]:
    """Read a text result: each line is a row of one value."""
    return (([line.decode().removesuffix("\n")], len(line)) for line in lines)


def lines_of(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Cut chunks into lines, with their ends."""
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        yield from (line + b"\n" for line in lines)
    if rest:
        yield rest


def _csv_row(record: str) -> list[str | None]:
    row: list[str | None] = []
    at = 0
    while True:
        match = _FIELD.match(record, at)
        if match is None:  # pragma: no cover - the expression takes an empty field too
            raise UnreadableResultError("the result has a line that is no CSV")
        row.append(match[1].replace('""', '"') if match[1] is not None else match[2] or None)
        at = match.end()
        if at >= len(record):
            return row
        at += 1  # past the comma


def as_api_row(row: Iterable[str | None]) -> dict[str, Any]:
    """Answer a row as ``GetQueryResults`` does: a NULL has no value."""
    return {"Data": [{} if value is None else {"VarCharValue": value} for value in row]}


def metadata(query_id: str, columns: Sequence[ColumnInfo]) -> bytes:
    """Write the metadata that lies beside a result, in protobuf's wire format as Athena does."""
    return _field(1, query_id.encode()) + b"".join(_field(4, _column_message(column)) for column in columns)


def _column_message(column: ColumnInfo) -> bytes:
    texts = {1: "hive", 4: column.name, 5: column.name, 6: column.type}
    numbers = {7: column.precision, 8: column.scale, 9: 3, 10: int(column.case_sensitive)}
    written = b"".join(_field(number, text.encode()) for number, text in texts.items())
    return written + b"".join(_varint(number << 3) + _varint(value) for number, value in numbers.items() if value)


def _field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    written = bytearray()
    while value >= 1 << 7:
        written.append(value % (1 << 7) | 1 << 7)
        value >>= 7
    return bytes([*written, value])
