"""A folder in S3 for Parquet files on their way between a step and a service; nothing of it stays.

Of a process that was killed the files stay: a lifecycle rule on the folder's prefix removes them.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import pyarrow as pa
from pydantic import Field

from runners.retries import repeated
from runners.steps.control.objects import Objects
from runners.steps.errors import DataNotRepresentable
from runners.steps.formats.parquet import Parquet
from runners.steps.storages.s3 import S3Storage
from runners.steps.storages.storage import StoredFile

if TYPE_CHECKING:
    from runners.steps.context import StepContext
    from runners.steps.formats.format import Writer

Location = Annotated[str, Field(pattern=r"^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/[^'\\\s]*$")]
"""A folder in S3, e.g. ``s3://bucket/staging/``."""

_DELETED_AT_ONCE = 1_000  # the most objects that DeleteObjects takes


class Place(NamedTuple):
    """Where something is in S3."""

    bucket: str
    """The bucket."""

    key: str
    """A key, or what keys begin with."""

    @classmethod
    def of(cls, url: str) -> Place:
        """Return the place of ``s3://bucket/key``."""
        bucket, _, key = url.removeprefix("s3://").partition("/")
        return cls(bucket, key)

    @property
    def folder(self) -> Place:
        """It with a slash at its end."""
        return self if not self.key or self.key.endswith("/") else Place(self.bucket, f"{self.key}/")

    @property
    def url(self) -> str:
        """It as ``s3://bucket/key``."""
        return f"s3://{self.bucket}/{self.key}"


class StagedFolder:
    """Parquet files of one step.

    Args:
        place: the folder.
        context: gives the client, and counts bytes.

    """

    def __init__(self, place: Place, context: StepContext) -> None:
        self.place = place
        self._s3 = context.client("s3")
        self._storage = storage(place.bucket, context)

    @contextmanager
    def writing(self, schema: pa.Schema) -> Iterator[StagedFile]:
        """Begin a file."""
        with parquet_file(self._storage, f"{self.place.key}rows.parquet", schema) as file:
            yield file

    def batches(self, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """Yield the rows of all files, with columns of a schema.

        Raises:
            DataNotRepresentable: a value is none of its column.

        """
        for found in Objects(Bucket=self.place.bucket, Prefix=self.place.key).found(self._s3):
            stored = StoredFile(found.key, found.size, found.etag)
            with self._storage.open(stored, ranged=True) as file, Parquet().reading(file, stored.name) as rows:
                for batch in rows.batches():
                    yield as_declared(batch, schema)

    def remove(self) -> None:
        """Delete all files."""
        remove(self._s3, self.place)


class StagedFile:
    """A file that is being written."""

    def __init__(self, writer: Writer, commit: Any) -> None:
        self._writer = writer
        self._commit = commit

    def write(self, batch: pa.RecordBatch) -> None:
        """Write a batch."""
        self._writer.write(batch)

    def close(self) -> None:
        """End the file, which is there from now on."""
        self._writer.close()
        self._commit()


@contextmanager
def staged_folder(location: str, context: StepContext) -> Iterator[StagedFolder]:
    """Give a new folder below a location, and remove it with all that is in it."""
    below = Place.of(location).folder
    folder = StagedFolder(Place(below.bucket, f"{below.key}{uuid.uuid4().hex}/"), context)
    try:
        yield folder
    finally:
        folder.remove()


@contextmanager
def parquet_file(into: S3Storage, key: str, schema: pa.Schema) -> Iterator[StagedFile]:
    """Begin a Parquet file, which is seen once it is closed."""
    with into.create(key) as file, Parquet().writing(schema, file, key) as writer:
        yield StagedFile(writer, file.commit)


def storage(bucket: str, context: StepContext) -> S3Storage:
    """Return a bucket whose bytes are counted."""
    return S3Storage(context.client("s3"), bucket, lambda size: context.progress.count(size=size))


def remove(s3: Any, place: Place) -> None:
    """Delete all objects whose keys begin so."""
    keys = [{"Key": found.key} for found in Objects(Bucket=place.bucket, Prefix=place.key).found(s3)]
    for start in range(0, len(keys), _DELETED_AT_ONCE):
        some = keys[start : start + _DELETED_AT_ONCE]
        repeated(s3.delete_objects)(Bucket=place.bucket, Delete={"Objects": some, "Quiet": True})


def as_declared(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """Return a batch with the types of a schema, column by column.

    Raises:
        DataNotRepresentable: a value is none of its column.

    """
    columns = []
    for field, column in zip(schema, batch.columns, strict=True):
        try:
            columns.append(column.cast(field.type))
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            # What Arrow says repeats a value.
            raise DataNotRepresentable(
                f"a value of the column {field.name}, which is {column.type}, is no {field.type}", column=field.name
            ) from None
    return pa.RecordBatch.from_arrays(columns, schema=schema)
