"""S3 as a storage: one version of an object is read, and new ones are uploads that are completed at the end."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from botocore.exceptions import BotoCoreError, ClientError, IncompleteReadError, ResponseStreamingError

from runners.retries import error_code, is_transient, repeated
from runners.steps.control.objects import Found, Objects, head
from runners.steps.errors import SourceFailed, SourceUnavailable, StepError
from runners.steps.storages.blocks import Blocks, Ranges
from runners.steps.storages.s3_upload import Upload
from runners.steps.storages.storage import Count, Digest, StoredFile

if TYPE_CHECKING:
    from botocore.response import StreamingBody
    from mypy_boto3_s3 import S3Client

_CHANGED = "PreconditionFailed"


class S3Storage:
    """A bucket.

    Args:
        s3: a client.
        bucket: its name.
        count: is told of the bytes that are read or written.
        given: what new objects are given besides: members of PutObject and CreateMultipartUpload.

    """

    def __init__(self, s3: S3Client, bucket: str, count: Count, given: Mapping[str, Any] | None = None) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._count = count
        self._given = dict(given or {})

    def look(self, name: str) -> StoredFile:
        """Return an object."""
        found = head(self._s3, self._bucket, name)
        if found is None:
            raise SourceFailed(f"there is no object {self.place(name)}")
        return _stored(found)

    def find(self, pattern: str) -> Sequence[StoredFile]:
        """Return the objects whose keys match a glob."""
        try:
            return [_stored(found) for found in Objects(Bucket=self._bucket, Pattern=pattern).found(self._s3)]
        except (ClientError, BotoCoreError) as error:
            raise _failed(error, f"s3://{self._bucket}") from None

    def digest(self, file: StoredFile) -> Digest | None:
        """Return the checksum that S3 keeps of an object, unless it is one of its parts' checksums."""
        try:
            answer = repeated(self._s3.head_object)(Bucket=self._bucket, Key=file.name, ChecksumMode="ENABLED")
        except (ClientError, BotoCoreError) as error:
            raise _failed(error, self.place(file.name)) from None
        for algorithm, text in (("sha256", answer.get("ChecksumSHA256")), ("crc32", answer.get("ChecksumCRC32"))):
            if text and answer.get("ChecksumType") == "FULL_OBJECT":
                return Digest(algorithm, b64decode(text))
        return None

    @contextmanager
    def open(self, file: StoredFile, *, ranged: bool = False) -> Iterator[BinaryIO]:
        """Open an object; one that was changed since it was found fails."""
        reader = (_Ranged if ranged else _Streamed)(self._s3, self._bucket, file)
        with closing(reader), ThreadPoolExecutor(reader.at_once, "s3 read") as threads:

            def fetch(begin: int, length: int) -> Future[bytes]:
                return threads.submit(self._fetched, reader, file, begin, length)

            opened = (Ranges if ranged else Blocks)(file.size, fetch)
            try:
                yield cast("BinaryIO", opened)
            finally:
                opened.close()

    def create(self, name: str) -> Upload:
        """Begin a new object."""
        return Upload(self._s3, self._bucket, name, self._count, self._given)

    def place(self, name: str) -> str:
        """Return an object's address."""
        return f"s3://{self._bucket}/{name}"

    def _fetched(self, reader: _Ranged, file: StoredFile, begin: int, length: int) -> bytes:
        try:
            data = reader.read(begin, length)
        except (ClientError, BotoCoreError) as error:
            raise _failed(error, self.place(file.name)) from None
        self._count(len(data))
        return data


class _Ranged:
    """Reads of one version of an object, by a request for each range."""

    at_once = 2  # requests

    def __init__(self, s3: S3Client, bucket: str, file: StoredFile) -> None:
        self._s3 = s3
        self._version: Any = {"Bucket": bucket, "Key": file.name, "IfMatch": f'"{file.version}"'}

    @repeated
    def read(self, begin: int, length: int) -> bytes:
        """Return a range; one whose connection breaks amid it is asked for again."""
        asked = f"bytes={begin}-{begin + length - 1}"
        return _whole(self._s3.get_object(**self._version, Range=asked)["Body"], length)

    def close(self) -> None:
        """Hold nothing."""


class _Streamed(_Ranged):
    """Reads from the beginning to the end, by one request as long as its connection holds, then by one for the rest."""

    at_once = 1

    def __init__(self, s3: S3Client, bucket: str, file: StoredFile) -> None:
        super().__init__(s3, bucket, file)
        self._body: StreamingBody | None = None

    @repeated
    def read(self, begin: int, length: int) -> bytes:
        """Return what comes next."""
        if self._body is None:
            since: Any = {"Range": f"bytes={begin}-"} if begin else {}  # of a whole object botocore checks the checksum
            self._body = self._s3.get_object(**self._version, **since)["Body"]
        try:
            return _whole(self._body, length)
        except BotoCoreError:
            self._body = None
            raise

    def close(self) -> None:
        """Hang up, however much is left."""
        if self._body is not None:
            self._body.close()


def _whole(body: StreamingBody, length: int) -> bytes:
    """Return as many bytes of an answer, or say that its connection broke."""
    try:
        data: bytes = body.read(length)
    except IncompleteReadError as error:
        raise ResponseStreamingError(error=error) from None
    if len(data) < length:
        raise ResponseStreamingError(error=f"{len(data)} bytes of {length}")
    return data


def _stored(found: Found) -> StoredFile:
    return StoredFile(found.key, found.size, found.etag)


def _failed(error: Exception, place: str) -> StepError:
    code = error_code(error) or type(error).__name__
    if code == _CHANGED:
        return SourceFailed(f"{place} was changed while it was read: run the step again", code=code)
    kind = SourceUnavailable if is_transient(error) else SourceFailed
    return kind(f"S3 did not give {place}: {code}", code=code)
