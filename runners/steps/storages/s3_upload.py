"""A new object of S3: sent in parts by two threads, and completed at the end; a small one is put in one request.

Before the upload is completed S3 shows nothing of it, and one that is not completed is aborted. Of a process that was
killed the parts stay, unseen and paid for: a lifecycle rule ``AbortIncompleteMultipartUpload`` removes them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from threading import BoundedSemaphore
from typing import TYPE_CHECKING, Any, Self

from botocore.exceptions import BotoCoreError, ClientError

from runners.retries import error_code, is_transient, repeated
from runners.steps.errors import StepError, TargetFailed, TargetUnavailable

if TYPE_CHECKING:
    from types import TracebackType

    from mypy_boto3_s3 import S3Client

    from runners.steps.storages.storage import Count

log = logging.getLogger(__name__)

PART_BYTES = 8 << 20
"""Of each of the first thousand parts; the next thousand are twice as large, and so on."""

_MOST_PARTS = 10_000  # of one upload; with these sizes more than the 5 TB that an object has at most
_SAME_SIZE = 1_000  # parts
_SENDERS = 2  # threads; each holds a part, and a third one is being filled


def part_bytes(number: int) -> int:
    """Return the size of a part: 1 is the first."""
    return int(PART_BYTES << (number - 1) // _SAME_SIZE)


class Upload:
    """An object that is being written; a context manager, which leaves nothing behind without a ``commit``.

    Args:
        s3: a client.
        bucket: where to.
        key: its key.
        count: is told of the bytes that were sent.
        given: other members of PutObject and CreateMultipartUpload, such as ``StorageClass``.

    """

    def __init__(self, s3: S3Client, bucket: str, key: str, count: Count, given: Mapping[str, Any]) -> None:
        self._s3 = s3
        self._where: Any = {"Bucket": bucket, "Key": key}
        self._count = count
        self._given = {**given, "ChecksumAlgorithm": "CRC32"}
        self._filling = bytearray()
        self._size = 0
        self._upload_id = ""
        self._parts: list[Future[dict[str, Any]]] = []
        self._failure: StepError | None = None
        self._room = BoundedSemaphore(_SENDERS)
        self._threads = ThreadPoolExecutor(_SENDERS, "s3 upload")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._threads.shutdown(cancel_futures=True)
        self._filling = bytearray()
        if self._upload_id:
            self._abort()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Take bytes; waits while two parts are on their way."""
        view = memoryview(data).cast("B")
        while view:
            room = part_bytes(len(self._parts) + 1) - len(self._filling)
            self._filling += view[:room]
            view = view[room:]
            if len(self._filling) == part_bytes(len(self._parts) + 1):
                self._send()

    def commit(self) -> dict[str, Any]:
        """Publish the object."""
        if self._parts:
            etag = self._completed()
        else:
            self._size = len(self._filling)
            call = {**self._where, **self._given, "Body": self._filling}
            etag = self._called(self._s3.put_object, **call)["ETag"]
            self._count(self._size)
        return {
            "object": f"s3://{self._where['Bucket']}/{self._where['Key']}",
            "bytes": self._size,
            "etag": etag.strip('"'),
        }

    def _send(self) -> None:
        """Send the part that is full."""
        if not self._upload_id:
            begun = self._called(self._s3.create_multipart_upload, **self._where, **self._given)
            self._upload_id = begun["UploadId"]
        number = len(self._parts) + 1
        if number > _MOST_PARTS:
            raise TargetFailed(f"{self._said()} would be larger than the 5 TB that S3 takes: split it")
        self._room.acquire()
        if self._failure is not None:
            raise self._failure
        part, self._filling = self._filling, bytearray()
        self._size += len(part)
        self._parts.append(self._threads.submit(self._sent, number, part))

    def _sent(self, number: int, part: bytearray) -> dict[str, Any]:
        try:
            if self._failure is not None:
                raise self._failure
            answer = self._called(
                self._s3.upload_part,
                **self._where,
                UploadId=self._upload_id,
                PartNumber=number,
                Body=part,
                ChecksumAlgorithm="CRC32",
            )
        except StepError as error:
            self._failure = error
            raise
        finally:
            self._room.release()
        self._count(len(part))
        return {"PartNumber": number, "ETag": answer["ETag"], "ChecksumCRC32": answer["ChecksumCRC32"]}

    def _completed(self) -> str:
        if self._filling:
            self._send()
        parts = [part.result() for part in self._parts]
        try:
            answer = self._called(
                self._s3.complete_multipart_upload,
                **self._where,
                UploadId=self._upload_id,
                MultipartUpload={"Parts": parts},
            )
        except TargetFailed as error:
            if error.details.get("code") != "NoSuchUpload":
                raise
            answer = self._as_completed(error, len(parts))
        self._upload_id = ""
        return str(answer["ETag"])

    def _as_completed(self, error: TargetFailed, parts: int) -> Mapping[str, Any]:
        """Return the object of an upload that is gone: a try whose answer was lost has completed it.

        Raises:
            TargetFailed: the given one; there is no such object, so somebody has ended the upload.

        """
        try:
            found = repeated(self._s3.head_object)(**self._where)
        except (ClientError, BotoCoreError):
            raise error from None
        if found["ContentLength"] != self._size or not found["ETag"].strip('"').endswith(f"-{parts}"):
            raise error
        return found

    def _abort(self) -> None:
        try:
            repeated(self._s3.abort_multipart_upload)(**self._where, UploadId=self._upload_id)
        except (ClientError, BotoCoreError) as error:
            if error_code(error) == "NoSuchUpload":
                return  # it was completed, though the answer was lost
            log.warning(
                "an upload could not be aborted: its parts stay until a lifecycle rule removes them",
                extra={"action": "upload_left", "object": self._said(), "code": error_code(error)},
            )

    def _called(self, call: Callable[..., Any], **members: Any) -> Any:
        try:
            return repeated(call)(**members)
        except (ClientError, BotoCoreError) as error:
            kind = TargetUnavailable if is_transient(error) else TargetFailed
            code = error_code(error) or type(error).__name__
            raise kind(f"S3 did not take {self._said()}: {code}", code=code) from None

    def _said(self) -> str:
        return f"s3://{self._where['Bucket']}/{self._where['Key']}"
