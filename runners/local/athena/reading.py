"""Makes the tables of one query readable in its DuckDB: finds their objects, brings them, and views them as rows.

Objects come from S3 into the query's own directory. Parquet is read as it is; text becomes, line by line, files of CSV
that DuckDB reads by one plain rule, and its values are made by the SerDe's rules in the view. Never writes to S3.
"""

from __future__ import annotations

import bz2
import gzip
import zlib
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import duckdb
from botocore.exceptions import ClientError
from sqlglot import exp

from runners.local.athena import serdes
from runners.local.athena.catalog import NULL_PARTITION, Table
from runners.local.athena.conversions import BAD_DATA, lazily
from runners.local.athena.projection import projection_of
from runners.local.athena.pruning import values_named
from runners.local.athena.results import csv_line
from runners.local.athena.sql.translation import QueryError, parse, translate
from runners.local.athena.sql.types import Type, is_number, is_whole, quoted, stored, type_of
from runners.local.s3 import objects
from runners.local.s3.objects import S3Path, S3PathError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import TextIO

    from mypy_boto3_s3 import S3Client

    from runners.local.athena.catalog import Catalog

PARTITIONS_SCHEMA = "$partitions"
FILE, PLACE = "$file", "$place"
LINES_BETWEEN_LOOKS = 5000  # whether the query was cancelled meanwhile
MAX_LINE_CHARACTERS = 100 << 20
"""A longer line fails the query, so that no object takes all memory."""
_USUAL_ROW_BYTES = 2_000_000  # DuckDB's own limit, which a longer row raises for its query
_OPENERS = {".gz": gzip.open, ".gzip": gzip.open, ".bz2": bz2.open}
_UNREADABLE = frozenset({".zst", ".snappy", ".lz4", ".lzo", ".deflate", ".bz", ".zip", ".xz"})


@dataclass(frozen=True)
class Found:
    """An object of a table."""

    bucket: str
    key: str
    values: tuple[str, ...] = ()
    """Of its partition."""


class Reading:
    """Brings tables into one connection. ``go_on`` is told how much was read, and raises when all is to end."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        client: S3Client,
        catalog: Catalog,
        directory: Path,
        go_on: Callable[[int], None],
    ) -> None:
        self._connection = connection
        self._client = client
        self._catalog = catalog
        self._directory = directory
        self._go_on = go_on
        self._files = 0
        self._longest_row_bytes = _USUAL_ROW_BYTES
        self.scanned_bytes = 0
        """The bytes of all objects that were brought: of a Parquet object all of it, whichever columns are read."""

    def add(self, table: Table, conditions: Sequence[exp.Expr]) -> None:
        """Make a table readable as ``"database"."table"``; conditions on its partitions may leave some out."""
        serdes.require_readable(table)
        self._connection.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(table.database)}")
        files: dict[str, tuple[str, ...]] = {}
        for found in self._objects(table, conditions):
            self._go_on(self.scanned_bytes)
            file = self._bring(table, found)
            if file is not None:
                files[str(file)] = found.values
        self._go_on(self.scanned_bytes)  # the last object counts too
        self._view(table, files)

    def _objects(self, table: Table, conditions: Sequence[exp.Expr]) -> Iterator[Found]:
        if not table.partition_columns:
            yield from (Found(bucket, key) for bucket, key in self._keys(table, table.location))
            return
        projection = projection_of(table)
        if projection is None:
            partitions = self._catalog.partitions(table)
            kept = self._kept(table, [partition.values for partition in partitions], conditions)
            for partition in partitions:
                if partition.values in kept:
                    for bucket, key in self._keys(table, partition.location):
                        yield Found(bucket, key, partition.values)
            return
        for name in projection.injected:
            _require_named(name, conditions)
        projected = [
            Found(bucket, key, values)
            for bucket, key in self._keys(table, projection.folder)
            if (values := projection.values_at(f"s3://{bucket}/{key}")) is not None
        ]
        kept = self._kept(table, [found.values for found in projected], conditions)
        yield from (found for found in projected if found.values in kept)

    def _keys(self, table: Table, location: str) -> list[tuple[str, str]]:
        try:
            path = S3Path.parse(location)
            return [(path.bucket, key) for key in objects.data_keys(self._client, path)]
        except (S3PathError, ClientError) as error:
            raise QueryError("HIVE_FILESYSTEM_ERROR", f"the location of {table} cannot be read: {error}") from error

    def _kept(
        self, table: Table, values: Sequence[tuple[str, ...]], conditions: Sequence[exp.Expr]
    ) -> set[tuple[str, ...]]:
        """Answer the partitions for which the conditions are true: DuckDB says it, as it would of the rows."""
        every = list(dict.fromkeys(values))
        if not conditions or not every:
            return set(every)
        name = f"{quoted(table.database)}.{quoted(table.name)}"
        columns = ", ".join(
            f"{_partition_value(f'list_of_values[{place}]', column.type)} AS {quoted(column.name)}"
            for place, column in enumerate(table.partition_columns, 1)
        )
        self._connection.execute(
            f"CREATE TABLE {name} AS SELECT {columns}, number AS {quoted(PLACE)} "  # noqa: S608 - names are quoted
            "FROM (SELECT unnest($1) AS list_of_values, unnest(range(len($1))) AS number)",
            [[list(one) for one in every]],
        )
        types = {column.name: column.type for column in table.partition_columns}
        try:
            query = parse(f"SELECT {quoted(PLACE)} FROM {name}")  # noqa: S608
            query.set("where", exp.Where(this=exp.and_(*conditions)))
            translated = translate(query, {(table.database, table.name): {**types, PLACE: "bigint"}}, table.database)
            return {every[place] for (place,) in self._connection.execute(translated.sql).fetchall()}
        except (QueryError, duckdb.Error):
            return set(every)  # the query itself will say what is wrong
        finally:
            self._connection.execute(f"DROP TABLE {name}")

    def _bring(self, table: Table, found: Found) -> Path | None:
        """Bring one object as a file that DuckDB reads; None if there is nothing in it."""
        self._files += 1
        name = PurePosixPath(found.key).name
        brought = self._directory / f"{self._files:06}{PurePosixPath(name).suffix}"
        try:
            self._client.download_file(found.bucket, found.key, str(brought))
        except ClientError as error:
            raise QueryError("HIVE_CANNOT_OPEN_SPLIT", f"s3://{found.bucket}/{found.key}: {error}") from error
        size = brought.stat().st_size
        self.scanned_bytes += size
        if size == 0 or serdes.is_parquet(table):
            return brought if size else None
        written = brought.with_suffix(".rows")
        try:
            with _opened(brought, name) as text, written.open("w", encoding="utf-8", newline="") as rows:
                count = self._write_rows(table, _lines(text, f"s3://{found.bucket}/{found.key}"), rows)
        except (EOFError, OSError, zlib.error) as error:
            raise QueryError(
                "HIVE_CURSOR_ERROR", f"s3://{found.bucket}/{found.key} cannot be unpacked: {error}"
            ) from error
        finally:
            brought.unlink()
        return written if count else None

    def _write_rows(self, table: Table, lines: Iterator[str], rows: TextIO) -> int:
        for _ in range(serdes.header_lines(table)):
            next(lines, None)
        count = 0
        for count, row in enumerate(serdes.line_reader(table).rows(lines), 1):
            written = csv_line([*row, ""])  # so that a row of one NULL is no empty line
            rows.write(written)
            if len(written) * 4 > _USUAL_ROW_BYTES:  # a character has at most four bytes
                self._longest_row_bytes = max(self._longest_row_bytes, len(written.encode()))
            if count % LINES_BETWEEN_LOOKS == 0:
                self._go_on(self.scanned_bytes)
        return count

    def _view(self, table: Table, files: Mapping[str, tuple[str, ...]]) -> None:
        name = f"{quoted(table.database)}.{quoted(table.name)}"
        rows = self._rows_of(table, files) if files else _no_rows(table)
        self._connection.execute(f"CREATE VIEW {name} AS {rows}")

    def _rows_of(self, table: Table, files: Mapping[str, tuple[str, ...]]) -> str:
        """Write the query that makes rows of files."""
        is_parquet = serdes.is_parquet(table)
        source = self._parquet(files) if is_parquet else _rows(files, len(table.columns), self._longest_row_bytes)
        values = self._parquet_values(table, source) if is_parquet else _text_values(table)
        own = [column.name for column in table.columns if column.name not in table.partition_names]
        selected = [f"{values[name]} AS {quoted(name)}" for name in own]
        join = ""
        if table.partition_columns:
            join = f" JOIN {self._partitions_of(files)} AS p ON f.{quoted(FILE)} = p.file"
            selected += [
                f"{_partition_value(f'p.list_of_values[{place}]', column.type)} AS {quoted(column.name)}"
                for place, column in enumerate(table.partition_columns, 1)
            ]
        return f"SELECT {', '.join(selected)} FROM {source} AS f{join}"  # noqa: S608 - made of quoted names

    def _partitions_of(self, files: Mapping[str, tuple[str, ...]]) -> str:
        """Keep the partition of each file in a table, and answer its name."""
        self._connection.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(PARTITIONS_SCHEMA)}")
        self._files += 1
        name = f"{quoted(PARTITIONS_SCHEMA)}.{quoted(f'of_{self._files}')}"
        self._connection.execute(
            f"CREATE TABLE {name} AS SELECT unnest($1) AS file, unnest($2) AS list_of_values",
            [list(files), [list(values) for values in files.values()]],
        )
        return name

    @staticmethod
    def _parquet(files: Mapping[str, tuple[str, ...]]) -> str:
        names = ", ".join(map(_text, files))
        return f"read_parquet([{names}], union_by_name = true, hive_partitioning = false, filename = {_text(FILE)})"

    def _parquet_values(self, table: Table, source: str) -> dict[str, str]:
        """Write how each column comes from Parquet: by its name; one that no file has is NULL."""
        try:
            described = self._connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()  # noqa: S608
        except duckdb.Error as error:
            if isinstance(error, duckdb.InterruptException):
                raise
            raise QueryError("HIVE_BAD_DATA", f"an object of {table} is no valid Parquet file") from error
        in_files = {name.lower(): (name, str(of)) for name, of, *_ in described}
        return {column.name: _parquet_value(column.name, type_of(column.type), in_files) for column in table.columns}


def _parquet_value(name: str, of: Type, in_files: Mapping[str, tuple[str, str]]) -> str:
    if name not in in_files:
        return f"CAST(NULL AS {stored(of)})"
    written, kind = in_files[name]
    column = f"f.{quoted(written)}"
    if kind == "BLOB" and of.name in {"varchar", "char"}:
        return f"decode({column})"
    if not _fits(kind, of):
        raise QueryError(
            BAD_DATA,
            f"Field {name}'s type {kind} in parquet file is incompatible with type {of} defined in table schema",
        )
    return f"CAST({column} AS {stored(of)})"


def _fits(kind: str, of: Type) -> bool:
    """Whether Athena reads a column of this type in the file (in DuckDB's words) as one of that in the catalog."""
    word = kind.partition("(")[0]
    if kind.endswith("[]"):
        return of.name == "array"
    if of.arguments:
        return {"MAP": "map", "STRUCT": "row"}.get(word) == of.name
    if word in {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT"}:
        return is_whole(of)
    if word.startswith("TIMESTAMP"):
        return of.name == "timestamp"
    same = {
        "FLOAT": {"real", "double"},
        "DOUBLE": {"double"},
        "DECIMAL": {"decimal"} if is_number(of) else set(),
        "VARCHAR": {"varchar", "char"},
        "BLOB": {"varbinary"},
        "DATE": {"date"},
        "BOOLEAN": {"boolean"},
    }
    return of.name in same.get(word, set())


def _no_rows(table: Table) -> str:
    columns = (f"CAST(NULL AS {stored(type_of(of))}) AS {quoted(name)}" for name, of in table.types.items())
    return f"SELECT {', '.join(columns)} WHERE false"


def _rows(files: Mapping[str, tuple[str, ...]], count: int, longest_bytes: int) -> str:
    names = ", ".join(map(_text, files))
    columns = ", ".join(f"'c{place}': 'VARCHAR'" for place in range(count + 1))
    options = (
        "header = false, auto_detect = false, delim = ',', quote = '\"', escape = '\"', nullstr = '', "
        f"allow_quoted_nulls = false, null_padding = false, hive_partitioning = false, max_line_size = {longest_bytes}"
    )
    return f"read_csv([{names}], columns = {{{columns}}}, filename = {_text(FILE)}, {options})"


def _text_values(table: Table) -> dict[str, str]:
    return {
        column.name: serdes.conversion(table, f"f.c{place}", type_of(column.type), column.name)
        for place, column in enumerate(table.columns)
    }


def _partition_value(text: str, hive_type: str) -> str:
    """Write how the text of a partition's value becomes one."""
    return lazily(f"nullif({text}, '{NULL_PARTITION}')", type_of(hive_type))


def _require_named(column: str, conditions: Sequence[exp.Expr]) -> None:
    if not values_named(conditions, column):
        raise QueryError(
            "CONSTRAINT_VIOLATION",
            f"For the injected projected partition column {column}, the WHERE clause must contain only static equality "
            "conditions, and at least one such condition must be present.",
        )


def _opened(file: Path, name: str) -> TextIO:
    """Open a text file; its name in S3 says how it is packed."""
    suffix = PurePosixPath(name).suffix.lower()
    if suffix in _UNREADABLE:
        raise QueryError(
            "NOT_SUPPORTED", f"the embedded Athena reads text as it is, by gzip and by bzip2, not {suffix}"
        )
    opener = _OPENERS.get(suffix, open)
    return opener(file, "rt", encoding="utf-8-sig", errors="replace")  # type: ignore[operator, no-any-return]


def _lines(text: TextIO, name: str) -> Iterator[str]:
    """Answer the lines of an object without their ends."""
    while line := text.readline(MAX_LINE_CHARACTERS + 1):
        if len(line) > MAX_LINE_CHARACTERS and not line.endswith("\n"):
            raise QueryError(
                "HIVE_CURSOR_ERROR",
                f"a line of {name} is longer than the {MAX_LINE_CHARACTERS:,} characters that this Athena reads",
            )
        yield line.removesuffix("\n")


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
