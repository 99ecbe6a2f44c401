"""Writes a query's rows as a table's objects: what CTAS, INSERT INTO and UNLOAD share.

All rows are computed and all files written in the query's own directory before the first object appears in S3; objects
of a query that fails after that are taken away again.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from runners.local.athena.catalog import NULL_PARTITION, Partition, Table, partition_location
from runners.local.athena.sql.translation import QueryError, text_of
from runners.local.athena.sql.types import quoted
from runners.local.s3 import objects
from runners.local.s3.objects import S3Path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    import duckdb
    from mypy_boto3_s3 import S3Client

    from runners.local.athena.file_formats import FileFormat
    from runners.local.athena.sql.types import Type

MAX_PARTITIONS_OF_ONE_QUERY = 100
ROWS = '"$rows"'


@dataclass(frozen=True)
class Written:
    """A file that is ready to become an object."""

    file: Path
    location: str
    """Of its partition."""
    values: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        """Where its object will be."""
        return f"{self.location}{self.file.name}"


def write_files(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    columns: Sequence[tuple[str, Type]],
    file_format: FileFormat,
    *,
    directory: Path,
    go_on: Callable[[], None],
) -> list[Written]:
    """Write what stands in the table ``ROWS`` of the connection, a file for each partition of ``table``.

    ``columns`` are all columns of the rows, those of the partitions last.
    """
    own = [column for column in columns if column[0] not in table.partition_names]
    selected = ", ".join(quoted(name) for name, _ in own)
    written: list[Written] = []
    for values, condition in _partitions(connection, table, columns[len(own) :]):
        go_on()
        name = f"{datetime.now(UTC):%Y%m%d_%H%M%S}_{len(written):05}_{secrets.token_hex(3)}{file_format.suffix}"
        file = directory / name
        file_format.write(connection, f"SELECT {selected} FROM {ROWS}{condition}", own, file, go_on)  # noqa: S608
        location = partition_location(table, values) if values else table.location.rstrip("/") + "/"
        written.append(Written(file, location, values))
    return written


def _partitions(
    connection: duckdb.DuckDBPyConnection, table: Table, columns: Sequence[tuple[str, Type]]
) -> Iterator[tuple[tuple[str, ...], str]]:
    """Answer the texts of each partition's values, and the condition by which its rows are found."""
    if not table.partition_columns:
        (count,) = connection.execute(f"SELECT count(*) FROM {ROWS}").fetchall()[0]  # noqa: S608
        if count:
            yield (), ""
        return
    names = ", ".join(quoted(name) for name, _ in columns)
    found = connection.execute(
        f'CREATE OR REPLACE TABLE "$parts" AS SELECT {names}, row_number() OVER () AS "$number" '  # noqa: S608
        f"FROM (SELECT DISTINCT {names} FROM {ROWS} ORDER BY ALL)"
    ).execute('SELECT * FROM "$parts" ORDER BY "$number"')
    rows = found.fetchall()
    if len(rows) > MAX_PARTITIONS_OF_ONE_QUERY:
        raise QueryError(
            "HIVE_TOO_MANY_OPEN_PARTITIONS",
            f"Exceeded limit of {MAX_PARTITIONS_OF_ONE_QUERY} open writers for partitions/buckets",
        )
    numbers: dict[tuple[str, ...], list[int]] = {}  # an empty text and NULL are one partition
    for *values, number in rows:
        texts = tuple(_partition_text(value, of) for value, (_, of) in zip(values, columns, strict=True))
        numbers.setdefault(texts, []).append(number)
    same = " AND ".join(f"p.{quoted(name)} IS NOT DISTINCT FROM {ROWS}.{quoted(name)}" for name, _ in columns)
    for texts, these in numbers.items():
        among = f'p."$number" IN ({", ".join(map(str, these))})'
        yield texts, f' WHERE EXISTS (SELECT 1 FROM "$parts" AS p WHERE {among} AND {same})'  # noqa: S608


def _partition_text(value: Any, of: Type) -> str:
    written = text_of(value, str(of))
    if written is None or written == "":
        return NULL_PARTITION
    return written.removesuffix(".000") if of.name == "timestamp" else written


def require_empty(client: S3Client, location: str, what: str) -> None:
    """Refuse to write where there are objects already."""
    path = S3Path.parse(location)
    found = client.list_objects_v2(Bucket=path.bucket, Prefix=path.prefix, MaxKeys=1)
    if found.get("Contents"):
        raise QueryError("HIVE_PATH_ALREADY_EXISTS", f"Target directory for {what} already exists: {location}")


def new_partitions(known: Sequence[Partition], written: Sequence[Written]) -> list[Partition]:
    """Answer the partitions that were written to and are not known yet."""
    values = {partition.values for partition in known}
    return [Partition(one.values, one.location) for one in written if one.values not in values]


class Upload:
    """Objects that appear together: what leaves this context with an error takes them away again.

    ``settings`` are arguments of PutObject, e.g. of encryption.
    """

    def __init__(self, client: S3Client, written: Sequence[Written], settings: Mapping[str, str]) -> None:
        self._client = client
        self._written = written
        self._settings = dict(settings)
        self._done: list[S3Path] = []

    def __enter__(self) -> Upload:
        try:
            for one in self._written:
                path = S3Path.parse(one.path)
                self._client.upload_file(str(one.file), path.bucket, path.key, ExtraArgs=self._settings or None)
                self._done.append(path)
        except BaseException:
            self._undo()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self._undo()

    def _undo(self) -> None:
        for bucket in {path.bucket for path in self._done}:
            objects.delete(self._client, bucket, [path.key for path in self._done if path.bucket == bucket])
