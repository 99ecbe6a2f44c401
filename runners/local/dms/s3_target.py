"""S3 as a target: a folder for each table, in it files that are named and split as DMS does.

A file is written to the local disk first and uploaded when it is whole, so that no key ever holds half of one. An
empty table makes no file, as with DMS.
"""

from __future__ import annotations

import shutil
import tempfile
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from runners.local.dms.columns import DmsType, Kind
from runners.local.dms.csv_file import CsvFile
from runners.local.dms.errors import EndpointError, TableError
from runners.local.dms.parquet_file import ParquetFile
from runners.local.s3.objects import S3Path, S3PathError, delete, keys_below

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from runners.local.dms.columns import Row, TargetTable
    from runners.local.dms.s3_settings import S3Settings
    from runners.local.dms.targets import Write

OPERATION = ("Op", DmsType(Kind.STRING, length=1))
INSERTED = "I"
TIMESTAMP_FORMAT = "%Y-%m-%d %H:%M:%S.%f"


class S3Target:
    """A bucket, with how tables are laid out in it."""

    reads_native = False

    def __init__(self, client: Any, settings: S3Settings, endpoint: str, preparation: str, started: datetime) -> None:
        """Remember where to write; ``preparation`` is the task's TargetTablePrepMode, ``started`` its start."""
        self._client = client
        self._settings = settings
        self._endpoint = endpoint
        self._preparation = preparation
        self._started = started

    def check(self) -> None:
        """Raise ``EndpointError`` if the bucket is not there."""
        try:
            self._client.head_bucket(Bucket=self._settings.bucket)
        except (ClientError, BotoCoreError):
            raise EndpointError(
                f"The endpoint {self._endpoint} cannot be reached: there is no bucket {self._settings.bucket}"
            ) from None

    @contextmanager
    def writing(self, table: TargetTable) -> Iterator[Write]:
        """Remove the table's old files, unless it is to be left as it is, and write new ones."""
        folder = "/".join(part for part in (self._settings.folder, table.schema, table.name) if part)
        with tempfile.TemporaryDirectory(prefix="runners-dms-") as directory, self._reported(table):
            if self._preparation != "DO_NOTHING":
                delete(
                    self._client, self._settings.bucket, keys_below(self._client, S3Path(self._settings.bucket, folder))
                )
            files = _Files(self._client, self._settings, f"{folder}/", self._columns(table), Path(directory))
            try:
                yield lambda rows: files.write(self._extended(rows))
                files.close()
            finally:
                files.discard()

    def cancel(self) -> None:
        """Do nothing: a file takes a moment, and the next rows are not written."""

    @contextmanager
    def _reported(self, table: TargetTable) -> Iterator[None]:
        try:
            yield
        except (ClientError, BotoCoreError, S3PathError) as error:
            code = error.response["Error"]["Code"] if isinstance(error, ClientError) else type(error).__name__
            raise TableError(f"Writing {table} to s3://{self._settings.bucket} failed: {code}") from error

    def _columns(self, table: TargetTable) -> list[tuple[str, DmsType]]:
        columns = [(column.name, column.type) for column in table.columns]
        if self._settings.operation:
            columns.insert(0, OPERATION)
        if self._settings.timestamp_column:
            columns.append((self._settings.timestamp_column, DmsType(Kind.STRING, length=26)))
        return columns

    def _extended(self, rows: Sequence[Row]) -> Sequence[Row]:
        """Put before and after the values what DMS adds to them."""
        before: Row = (INSERTED,) if self._settings.operation else ()
        after: Row = ()
        if self._settings.timestamp_column:
            moment = self._started if self._settings.start_as_timestamp else datetime.now(UTC)
            after = (moment.strftime(TIMESTAMP_FORMAT),)
        return [(*before, *row, *after) for row in rows] if before or after else rows


class _Files:
    """The files of one table, one after the other."""

    def __init__(
        self, client: Any, settings: S3Settings, prefix: str, columns: Sequence[tuple[str, DmsType]], directory: Path
    ) -> None:
        self._client = client
        self._settings = settings
        self._prefix = prefix
        self._columns = columns
        self._directory = directory
        self._number = 0
        self._path = directory
        self._file: CsvFile | ParquetFile | None = None

    def write(self, rows: Sequence[Row]) -> None:
        """Write rows, to the next file where one is full."""
        if self._file is None:
            self._file = self._next()
        # Half a batch at a time near the limit, so that a file passes it by little.
        for part in _parts(rows, self._settings.max_file_bytes):
            if self._file is not None and self._file.size >= self._settings.max_file_bytes:
                self.close()
            self._file = self._file or self._next()
            self._file.write(part)

    def close(self) -> None:
        """Upload the file that is being written, if there is one."""
        if self._file is None:
            return
        self._file.close()
        self._file = None
        arguments = self._settings.upload_arguments
        self._client.upload_file(
            str(self._path), self._settings.bucket, f"{self._prefix}{self._path.name}", ExtraArgs=arguments or None
        )
        shutil.rmtree(self._path.parent)

    def discard(self) -> None:
        """Let go of a file that was not uploaded."""
        if self._file is not None:
            self._file.discard()

    def _next(self) -> CsvFile | ParquetFile:
        self._number += 1
        settings = self._settings
        ending = "parquet" if settings.parquet else "csv.gz" if settings.gzip else "csv"
        self._path = self._directory / str(self._number) / f"LOAD{self._number:08X}.{ending}"
        self._path.parent.mkdir()
        make: Callable[..., CsvFile | ParquetFile] = ParquetFile if settings.parquet else CsvFile
        return make(self._path, self._columns, settings)


def _parts(rows: Sequence[Row], max_file_bytes: int) -> Iterator[Sequence[Row]]:
    """Cut a batch so that one part is small beside a file."""
    at, part, size = 0, 0, 0
    for at, row in enumerate(rows, start=1):
        size += sum(len(value) for value in row if value)
        if size * 8 >= max_file_bytes:
            yield rows[part:at]
            part, size = at, 0
    if part < at:
        yield rows[part:at]
