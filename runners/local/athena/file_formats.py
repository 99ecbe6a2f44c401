"""Writes the rows of a table in DuckDB into local files, in the formats of CTAS, INSERT INTO and UNLOAD.

Parquet is DuckDB's own work. Text and JSON are written value by value, so that they read again at Athena as what they
were. Knows nothing of S3 and of the catalog.
"""

from __future__ import annotations

import base64
import gzip
import json
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from runners.local.athena.sql.results import floating
from runners.local.athena.sql.translation import QueryError, text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path
    from typing import TextIO

    import duckdb

    from runners.local.athena.sql.types import Type

ROWS_AT_A_TIME = 2000
_PARQUET_CODECS = {
    "GZIP": "gzip",
    "SNAPPY": "snappy",
    "ZSTD": "zstd",
    "NONE": "uncompressed",
    "UNCOMPRESSED": "uncompressed",
}
_TEXT_CODECS = {"GZIP": ".gz", "NONE": "", "UNCOMPRESSED": ""}
_BARE_IN_JSON = frozenset({"tinyint", "smallint", "integer", "bigint", "decimal", "boolean"})


class FileFormat(Protocol):
    """One format of files."""

    @property
    def suffix(self) -> str:
        """What a file's name ends with."""

    def write(
        self,
        connection: duckdb.DuckDBPyConnection,
        query: str,
        columns: Sequence[tuple[str, Type]],
        file: Path,
        go_on: Callable[[], None],
    ) -> None:
        """Write the rows of a query of DuckDB's; ``go_on`` raises when all is to end."""


def parquet(compression: str | None) -> FileFormat:
    """Answer Parquet, compressed in this way or by gzip; ``QueryError`` of what is not written here."""
    return _Parquet(_codec(_PARQUET_CODECS, "Parquet", compression))


def text(
    compression: str | None, separators: str = "\x01\x02\x03", null: str = "\\N", escape: str | None = None
) -> FileFormat:
    """Answer text between delimiters: of fields, of items, of keys; ``escape`` stands before those within texts.

    A delimiter that is not escaped, or a line break, within a value fails the query with ``HIVE_WRITER_DATA_ERROR``.
    """
    return _Text(_codec(_TEXT_CODECS, "text", compression), separators, null, escape)


def json_lines(compression: str | None) -> FileFormat:
    """Answer JSON, an object a line."""
    return _JsonLines(_codec(_TEXT_CODECS, "JSON", compression))


def _codec(known: dict[str, str], of: str, compression: str | None) -> str:
    codec = known.get((compression or "GZIP").upper())
    if codec is None:
        raise QueryError(
            "NOT_SUPPORTED", f"the embedded Athena compresses {of} by {', '.join(known)}, not {compression}"
        )
    return codec


@dataclass(frozen=True)
class _Parquet:
    codec: str
    suffix: str = ""

    def write(
        self,
        connection: duckdb.DuckDBPyConnection,
        query: str,
        columns: Sequence[tuple[str, Type]],  # noqa: ARG002 - DuckDB knows them
        file: Path,
        go_on: Callable[[], None],
    ) -> None:
        go_on()
        target = str(file).replace("'", "''")
        connection.execute(f"COPY ({query}) TO '{target}' (FORMAT parquet, COMPRESSION {self.codec})")


class _Lines:
    """What text and JSON have in common: a line a row."""

    def __init__(self, suffix: str) -> None:
        self.suffix = suffix

    def write(
        self,
        connection: duckdb.DuckDBPyConnection,
        query: str,
        columns: Sequence[tuple[str, Type]],
        file: Path,
        go_on: Callable[[], None],
    ) -> None:
        rows = connection.execute(query)
        with self._opened(file) as lines:
            while some := rows.fetchmany(ROWS_AT_A_TIME):
                go_on()
                lines.writelines(self.line(columns, row) for row in some)

    def line(self, columns: Sequence[tuple[str, Type]], row: Sequence[Any]) -> str:
        """Write one row."""
        raise NotImplementedError

    @contextmanager
    def _opened(self, file: Path) -> Iterator[TextIO]:
        opener = gzip.open if self.suffix else open
        with opener(file, "wt", encoding="utf-8", newline="") as lines:
            yield lines


class _Text(_Lines):
    """What LazySimpleSerDe reads. It escapes delimiters in texts alone, and never a line break."""

    def __init__(self, suffix: str, separators: str, null: str, escape: str | None) -> None:
        super().__init__(suffix)
        self._separators = separators + "".join(map(chr, range(4, 9)))
        self._null = null
        self._escape = escape
        self._escapes = {ord(one): f"{escape}{one}" for one in f"{self._separators}{escape}"} if escape else {}

    def line(self, columns: Sequence[tuple[str, Type]], row: Sequence[Any]) -> str:
        """Write the fields, with their delimiter between them."""
        fields = (self._column(name, value, of) for value, (name, of) in zip(row, columns, strict=True))
        return self._separators[0].join(fields) + "\n"

    def _column(self, name: str, value: Any, of: Type) -> str:
        try:
            return self._field(value, of, 1)
        except _UnwritableError as error:
            raise QueryError("HIVE_WRITER_DATA_ERROR", f"column {name}: {error}") from None

    def _field(self, value: Any, of: Type, level: int) -> str:
        if value is None:
            return self._null
        if not of.arguments:
            return self._escaped(_scalar(value, of), of, level)
        if self._separators[level] in self._separators[:level]:
            raise _UnwritableError("its items would be parted by the delimiter of what they stand in: use another one")
        if of.name == "map":
            pairs = (
                self._separators[level + 1].join(
                    (self._field(key, of.arguments[0], level + 2), self._field(item, of.arguments[1], level + 2))
                )
                for key, item in value.items()
            )
            return self._separators[level].join(pairs)
        items = value if of.name == "array" else value.values()
        types = of.arguments * len(value) if of.name == "array" else of.arguments
        parts = (self._field(item, part, level + 1) for item, part in zip(items, types, strict=True))
        return self._separators[level].join(parts)

    def _escaped(self, written: str, of: Type, level: int) -> str:
        """Write a value at a depth, whose delimiters are those of what it stands in."""
        if "\n" in written or "\r" in written:
            raise _UnwritableError("a value has a line break, which text cannot hold: replace it or use another format")
        if self._escape and of.name in {"varchar", "char"}:
            return written.translate(self._escapes)
        if any(one in written for one in self._separators[:level] + (self._escape or "")):
            remedy = "use another delimiter" if self._escape else "use another one, or a table with ESCAPED BY"
            raise _UnwritableError(f"a value has a delimiter in it, and would be read as two: {remedy}")
        return written


class _UnwritableError(Exception):
    """A value that text cannot hold; never shows it."""


class _JsonLines(_Lines):
    def line(self, columns: Sequence[tuple[str, Type]], row: Sequence[Any]) -> str:
        """Write an object; a column that is NULL is left out, as the SerDe does."""
        pairs = (
            f"{json.dumps(name, ensure_ascii=False)}:{_json(value, of)}"
            for (name, of), value in zip(columns, row, strict=True)
            if value is not None
        )
        return "{" + ",".join(pairs) + "}\n"


def _json(value: Any, of: Type) -> str:
    if value is None:
        return "null"
    if of.name == "array":
        return "[" + ",".join(_json(item, of.arguments[0]) for item in value) + "]"
    if of.name == "map":
        key_type, item_type = of.arguments
        pairs = ((_scalar(key, key_type), _json(item, item_type)) for key, item in value.items())
    elif of.name == "row":
        named = zip(of.fields, of.arguments, value.values(), strict=True)
        pairs = ((str(name), _json(item, part)) for name, part, item in named)
    elif of.name in _BARE_IN_JSON:
        return _scalar(value, of)
    elif of.name in {"real", "double"}:
        written = floating(value, single=of.name == "real")
        return json.dumps(written) if written[-1].isalpha() else written  # NaN and Infinity are no numbers of JSON
    else:
        return json.dumps(_scalar(value, of), ensure_ascii=False)
    return "{" + ",".join(f"{json.dumps(key, ensure_ascii=False)}:{item}" for key, item in pairs) + "}"


def _scalar(value: Any, of: Type) -> str:
    if of.name == "varbinary":
        return base64.b64encode(value).decode()
    return str(text_of(value, str(of)))
