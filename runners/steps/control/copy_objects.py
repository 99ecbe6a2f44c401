"""``CopyObjects``: objects from one place in S3 to another, by S3 itself; no byte passes through here."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, ClassVar, Self

from boto3.exceptions import S3UploadFailedError
from botocore.exceptions import BotoCoreError, ClientError
from pydantic import Field, model_validator

from runners.retries import error_code, is_transient
from runners.steps.control.objects import Found, Objects, head
from runners.steps.errors import DataQualityFailed, SourceFailed, StepError, TargetFailed, TargetUnavailable
from runners.steps.parameters import Parameters
from runners.steps.step import Step

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from runners.steps.context import StepContext

_AT_ONCE = 8  # objects that are copied at one time
_KEYS_TOLD = 100  # in the result
_CHANGED = frozenset({"412", "PreconditionFailed"})


class CopyObjectsParameters(Parameters):
    """What is copied where."""

    Source: Objects
    """The objects."""

    TargetBucket: str = Field(min_length=3, max_length=63)
    """The bucket that they are copied to."""

    TargetPrefix: str | None = Field(default=None, max_length=1024)
    """What the new keys begin with; the rest of each is what its key has after the source's own prefix."""

    TargetKey: str | None = Field(default=None, min_length=1, max_length=1024)
    """The new key of the one object that ``Source.Key`` names."""

    MinObjects: int = Field(default=1, ge=0)
    """How many objects there must be."""

    @model_validator(mode="after")
    def _one_target(self) -> Self:
        if (self.TargetPrefix is None) == (self.TargetKey is None):
            raise ValueError("give TargetPrefix or TargetKey")
        if self.TargetKey is not None and self.Source.Key is None:
            raise ValueError("TargetKey goes with Source.Key; many objects need a TargetPrefix")
        return self

    def new_key(self, key: str) -> str:
        """Return the key that an object has at the target."""
        return self.TargetKey or f"{self.TargetPrefix}{key.removeprefix(self.Source.folder)}"

    @property
    def copies_onto_itself(self) -> bool:
        """Whether an object would be its own copy."""
        same = self.TargetKey == self.Source.Key if self.TargetKey else self.TargetPrefix == self.Source.folder
        return self.TargetBucket == self.Source.Bucket and same


class CopyObjects(Step):
    """Copies objects within S3, and sees that each copy has the size of its original."""

    Parameters = CopyObjectsParameters
    example: ClassVar[dict[str, Any]] = {
        "Source": {"Bucket": "my-data", "Pattern": "landing/*.csv"},
        "TargetBucket": "my-archive",
        "TargetPrefix": "2026/01/31/",
    }

    @property
    def source(self) -> str:
        """Where the objects are."""
        return str(self.parameters.Source.words)

    @property
    def target(self) -> str:
        """Where the copies are."""
        asked: CopyObjectsParameters = self.parameters
        return f"s3://{asked.TargetBucket}/{asked.TargetKey or asked.TargetPrefix}"

    def run(self, context: StepContext) -> dict[str, Any]:
        """Copy; a repeat copies again, over what is there."""
        found = self.copied(context)
        return {
            "objects": len(found),
            "bytes": sum(one.size for one in found),
            "keys": [self.parameters.new_key(one.key) for one in found[:_KEYS_TOLD]],
        }

    def copied(self, context: StepContext) -> list[Found]:
        """Copy the objects and return what they are at their source.

        Raises:
            SourceFailed: there are fewer than there must be, or one was changed since.
            TargetUnavailable, TargetFailed: a copy was not made; others may have been.
            DataQualityFailed: a copy has another size than its original.

        """
        asked: CopyObjectsParameters = self.parameters
        s3 = context.client("s3")
        found = list(asked.Source.found(s3))
        if len(found) < asked.MinObjects:
            raise SourceFailed(
                f"there are {len(found)} objects at {asked.Source.words}, and {asked.MinObjects} must be"
            )
        with ThreadPoolExecutor(_AT_ONCE) as threads:
            for _ in threads.map(lambda one: self._copy(s3, one, context), found):
                pass
        return found

    def _copy(self, s3: S3Client, one: Found, context: StepContext) -> None:
        asked: CopyObjectsParameters = self.parameters
        context.check_stop()
        original: Any = {"Bucket": asked.Source.Bucket, "Key": one.key}
        new_key = asked.new_key(one.key)
        try:
            # In parts where it is large, all of the object as it was found.
            s3.copy(original, asked.TargetBucket, new_key, ExtraArgs={"CopySourceIfMatch": f'"{one.etag}"'})
        except (ClientError, BotoCoreError, S3UploadFailedError) as error:
            raise _failed(error, f"s3://{asked.Source.Bucket}/{one.key}", asked.TargetBucket) from None
        copy = head(s3, asked.TargetBucket, new_key)
        if copy is None or copy.size != one.size:
            raise DataQualityFailed(
                f"the copy s3://{asked.TargetBucket}/{new_key} has {copy.size if copy else 'no'} bytes, its original "
                f"{one.size}: one of the two was changed meanwhile"
            )
        context.progress.count(rows=0, size=one.size)


def _failed(error: Exception, what: str, bucket: str) -> StepError:
    code = error_code(error)
    if code in _CHANGED:
        return SourceFailed(f"{what} was changed while it was copied: run the step again")
    kind = TargetUnavailable if is_transient(error) else TargetFailed
    return kind(f"{what} was not copied to s3://{bucket}: {code or type(error).__name__}")
