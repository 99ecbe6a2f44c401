"""Files as sources and targets: objects in S3, files on SFTP servers and in folders, in any format.

What is common stands in ``FileSource`` and ``FileTarget``; each kind says only where its storage is. Several files of
one source are read one after the other, in the order of their names, and must have the same columns.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from runners import globs
from runners.steps.ends import ByteSink, Encoding, Read, Sink, Source, Target
from runners.steps.errors import SourceFailed, ValidationFailed
from runners.steps.formats.compression import compressing, compression_of
from runners.steps.formats.excel import Excel
from runners.steps.formats.known import AnyFormat, format_of
from runners.steps.storages.folder import FolderConnection, FolderStorage
from runners.steps.storages.s3 import S3Storage
from runners.steps.storages.sftp import SftpConnection, SftpStorage

if TYPE_CHECKING:
    import pyarrow as pa

    from runners.steps.context import StepContext
    from runners.steps.ends import Rows
    from runners.steps.formats.compression import CompressedOut
    from runners.steps.formats.format import Format as FileFormat
    from runners.steps.formats.format import Writer
    from runners.steps.storages.storage import Count, NewFile, Storage, StoredFile


class FileSource(Source):
    """Rows of one file, or of several with the same columns."""

    Format: AnyFormat | None = None
    """How the files are written, e.g. ``{"Type": "csv", "Delimiter": ";"}``. If left out, as the name ends: ``.csv``,
    ``.json``, ``.jsonl``, ``.parquet``, ``.xlsx``, also with ``.gz`` or ``.zst`` behind it."""

    @property
    def named(self) -> str | None:
        """The one file's name, or None where a glob says which."""
        raise NotImplementedError

    @property
    def glob(self) -> str:
        """Which files, as a glob over their names."""
        raise NotImplementedError

    def storage(self, context: StepContext, count: Count) -> Any:
        """Open the storage: a context manager that gives a ``Storage``."""
        raise NotImplementedError

    def found(self, storage: Storage) -> Sequence[StoredFile]:
        """Return the files.

        Raises:
            SourceFailed: there are none.

        """
        if self.named is not None:
            return [storage.look(self.named)]
        files = storage.find(self.glob)
        if not files:
            raise SourceFailed(f"there is no file {storage.place(self.glob)}; to await one there is WaitForObject")
        return files

    @contextmanager
    def open(self, context: StepContext) -> Iterator[Rows]:
        """Begin to read the files."""
        with (
            self.storage(context, lambda size: context.progress.count(size=size)) as storage,
            closing(_rows_of(self, storage)) as batches,
        ):
            schema = next(batches)
            yield Read(schema, batches)


class FileTarget(Target):
    """A file of rows, which is seen only once it is whole, in the place of one of the same name."""

    Format: AnyFormat | None = None
    """How the file is written; if left out, as its name ends."""

    @property
    def replaces(self) -> bool:
        """A file takes the place of the one of its name."""
        return True

    @property
    def named(self) -> str:
        """The file's name; with a slash at its end it is a folder for the files that are copied to it."""
        raise NotImplementedError

    def storage(self, context: StepContext, count: Count) -> Any:
        """Open the storage: a context manager that gives a ``Storage``."""
        raise NotImplementedError

    @contextmanager
    def open(self, schema: pa.Schema, context: StepContext) -> Iterator[Sink]:
        """Begin to write rows."""
        form = self._form()
        with (
            self._new_file(context) as file,
            form.writing(schema, file, self.named) as writer,
        ):
            yield _RowsOut(writer, file)

    def encoding(self) -> Encoding | None:
        """Return what CSV that PostgreSQL writes, if it is that."""
        return self._form().encoding()

    @contextmanager
    def open_encoded(self, context: StepContext) -> Iterator[ByteSink]:
        """Begin to write bytes of the encoding, which are compressed if the file is."""
        compression = compression_of(self.named, getattr(self._form(), "Compression", None))
        with self._new_file(context) as file, compressing(file, compression) as compressed:
            yield _BytesOut(compressed, file)

    def _form(self) -> FileFormat:
        if self.named.endswith("/"):
            raise ValidationFailed(f"{self.place()} is a folder: give the name of the file that the rows go to")
        return format_of(self.named, self.Format)

    @contextmanager
    def _new_file(self, context: StepContext) -> Iterator[NewFile]:
        with (
            self.storage(context, lambda size: context.progress.count(size=size)) as storage,
            storage.create(self.named) as file,
        ):
            yield file


class S3Source(FileSource):
    """Objects in S3."""

    example: ClassVar = {"Bucket": "landing", "Pattern": "orders/{{ ds }}/*.csv.gz"}

    Bucket: str = Field(min_length=3, max_length=63)
    """The bucket."""

    Key: str | None = Field(default=None, min_length=1, max_length=1024)
    """One object's key."""

    Prefix: str | None = Field(default=None, max_length=1024)
    """Many objects: what their keys begin with."""

    Pattern: str | None = Field(default=None, min_length=1, max_length=1024)
    """Many objects: a glob over the key, or over what follows a Prefix. ``*`` and ``?`` stay within one part of the
    path, ``**`` crosses parts."""

    @model_validator(mode="after")
    def _they_are_said_in_one_way(self) -> Self:
        if (self.Key is None) == (self.Prefix is None and self.Pattern is None):
            raise ValueError("give Key, or Prefix or Pattern or both of them")
        globs.check(self.glob)
        return self

    @property
    def named(self) -> str | None:
        """The key."""
        return self.Key

    @property
    def glob(self) -> str:
        """The prefix and the pattern."""
        return _literal(self.Prefix or "") + (self.Pattern or "**")

    @contextmanager
    def storage(self, context: StepContext, count: Count) -> Iterator[Storage]:
        """Open the bucket."""
        yield S3Storage(context.client("s3"), self.Bucket, count)

    def place(self) -> str:
        """Return the objects' address."""
        return f"s3://{self.Bucket}/{self.Key or (self.Prefix or '') + (self.Pattern or '')}"


class S3Target(FileTarget):
    """An object in S3."""

    example: ClassVar = {"Bucket": "lake", "Key": "orders/{{ ds }}.parquet"}

    Bucket: str = Field(min_length=3, max_length=63)
    """The bucket."""

    Key: str = Field(min_length=1, max_length=1024)
    """The object's key. Where files are copied as they are, one that ends with ``/`` keeps their names behind it."""

    StorageClass: (
        Literal["STANDARD", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER_IR", "GLACIER", "DEEP_ARCHIVE"]
        | None
    ) = None
    """S3's storage class; the bucket's own if left out."""

    Encryption: Literal["AES256", "aws:kms"] | None = None
    """S3's encryption; the bucket's own if left out."""

    KmsKey: str | None = Field(default=None, min_length=1)
    """The key's ARN, with ``aws:kms``; the account's own key for S3 if left out."""

    Metadata: dict[str, str] = Field(default_factory=dict)
    """What else S3 keeps with the object."""

    @model_validator(mode="after")
    def _a_key_goes_with_kms(self) -> Self:
        if self.KmsKey is not None and self.Encryption != "aws:kms":
            raise ValueError("KmsKey goes with Encryption aws:kms")
        return self

    @property
    def named(self) -> str:
        """The key."""
        return self.Key

    @contextmanager
    def storage(self, context: StepContext, count: Count) -> Iterator[Storage]:
        """Open the bucket."""
        given = {
            "StorageClass": self.StorageClass,
            "ServerSideEncryption": self.Encryption,
            "SSEKMSKeyId": self.KmsKey,
            "Metadata": self.Metadata or None,
        }
        asked = {name: value for name, value in given.items() if value is not None}
        yield S3Storage(context.client("s3"), self.Bucket, count, asked)

    def place(self) -> str:
        """Return the object's address."""
        return f"s3://{self.Bucket}/{self.Key}"


class PathSource(FileSource):
    """Files below the folder of a connection."""

    scheme: ClassVar[str]
    """What its place begins with, as lineage names it."""

    ConnectionName: str = Field(min_length=1)
    """The connection, by its name."""

    Path: str | None = Field(default=None, min_length=1)
    """One file's path, from the connection's folder on."""

    Pattern: str | None = Field(default=None, min_length=1)
    """Many files: a glob over the path. Hidden files are passed over."""

    @model_validator(mode="after")
    def _they_are_said_in_one_way(self) -> Self:
        if (self.Path is None) == (self.Pattern is None):
            raise ValueError("give Path or Pattern")
        globs.check(self.glob)
        return self

    @property
    def named(self) -> str | None:
        """The path."""
        return self.Path

    @property
    def glob(self) -> str:
        """The pattern."""
        return (self.Pattern or "").lstrip("/")

    def place(self) -> str:
        """Return the files' place."""
        return f"{self.scheme}://{self.ConnectionName}/{(self.Path or self.glob).lstrip('/')}"


class PathTarget(FileTarget):
    """A file below the folder of a connection."""

    scheme: ClassVar[str]
    """What its place begins with, as lineage names it."""

    ConnectionName: str = Field(min_length=1)
    """The connection, by its name."""

    Path: str = Field(min_length=1)
    """The file's path, from the connection's folder on; folders are made. Where files are copied as they are, one that
    ends with ``/`` keeps their names behind it."""

    @property
    def named(self) -> str:
        """The path."""
        return self.Path

    def place(self) -> str:
        """Return the file's place."""
        return f"{self.scheme}://{self.ConnectionName}/{self.Path.lstrip('/')}"


class _OnSftp:
    """What both ends of an SFTP server have in common."""

    scheme: ClassVar = "sftp"

    @contextmanager
    def storage(self: PathSource | PathTarget, context: StepContext, count: Count) -> Iterator[Storage]:  # type: ignore[misc]
        """Connect."""
        with sftp_storage(context, self.ConnectionName, count) as storage:
            yield storage


class _InFolder:
    """What both ends of a folder have in common."""

    scheme: ClassVar = "file"

    @contextmanager
    def storage(self: PathSource | PathTarget, context: StepContext, count: Count) -> Iterator[Storage]:  # type: ignore[misc]
        """Open the folder."""
        yield folder_storage(context, self.ConnectionName, count)


class SftpSource(_OnSftp, PathSource):
    """Files on an SFTP server."""

    example: ClassVar = {"ConnectionName": "partner", "Path": "outgoing/orders-{{ ds }}.csv"}


class SftpTarget(_OnSftp, PathTarget):
    """A file on an SFTP server."""

    example: ClassVar = {"ConnectionName": "partner", "Path": "incoming/orders-{{ ds }}.csv"}


class FolderSource(_InFolder, PathSource):
    """Files in a local or network folder."""

    example: ClassVar = {"ConnectionName": "share", "Pattern": "orders/*.csv"}


class FolderTarget(_InFolder, PathTarget):
    """A file in a local or network folder."""

    example: ClassVar = {"ConnectionName": "share", "Path": "orders/{{ ds }}.csv"}


class ExcelSource(S3Source):
    """Excel workbooks in S3."""

    example: ClassVar = {"Bucket": "landing", "Key": "prices.xlsx", "Format": {"Sheet": "Prices"}}

    Format: Excel = Field(default_factory=Excel)
    """Which sheet, and where its header is."""


class ExcelTarget(S3Target):
    """An Excel workbook in S3."""

    example: ClassVar = {"Bucket": "reports", "Key": "orders-{{ ds }}.xlsx"}

    Format: Excel = Field(default_factory=Excel)
    """The sheet's name."""


@contextmanager
def sftp_storage(context: StepContext, name: str, count: Count) -> Iterator[SftpStorage]:
    """Connect to an SFTP server by its connection's name.

    Raises:
        ConnectionFailed.

    """
    with closing(
        context.connections.opened(name, SftpConnection, lambda found: SftpStorage(found, name, count))
    ) as storage:
        yield storage


def folder_storage(context: StepContext, name: str, count: Count) -> FolderStorage:
    """Open a folder by its connection's name.

    Raises:
        ConnectionFailed.

    """
    return FolderStorage(context.connections.get(name, FolderConnection), name, count)


class _RowsOut:
    def __init__(self, writer: Writer, file: NewFile) -> None:
        self.write = writer.write
        self._writer = writer
        self._file = file

    def commit(self) -> dict[str, Any]:
        self._writer.close()
        return self._file.commit()


class _BytesOut:
    def __init__(self, compressed: CompressedOut, file: NewFile) -> None:
        self.write = compressed.write
        self._compressed = compressed
        self._file = file

    def commit(self) -> dict[str, Any]:
        self._compressed.close()
        return self._file.commit()


def _rows_of(source: FileSource, storage: Storage) -> Generator[pa.Schema | pa.RecordBatch, None, None]:
    """Yield the schema of the first file, and then the rows of all, each file opened when it is its turn."""
    schema: pa.Schema | None = None
    for file in source.found(storage):
        form = format_of(file.name, source.Format)
        place = storage.place(file.name)
        with storage.open(file, ranged=form.ranged) as opened, form.reading(opened, place) as rows:
            if schema is None:
                schema = rows.schema
                yield schema
            elif not rows.schema.equals(schema):
                raise SourceFailed(
                    f"{place} has other columns than the file before it: {_difference(schema, rows.schema)}"
                )
            yield from rows.batches()


def _difference(before: pa.Schema, after: pa.Schema) -> str:
    had, has = ({f"{field.name} {field.type}" for field in schema} for schema in (before, after))
    if had == has:
        return "in another order"
    return f"not {', '.join(sorted(had - has)) or 'less'}, but {', '.join(sorted(has - had)) or 'no more'}"


def _literal(prefix: str) -> str:
    """Return a text as the glob that stands for itself."""
    return "".join(f"[{character}]" if character in "*?[" else character for character in prefix)
