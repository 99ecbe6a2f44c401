"""Objects of S3 as the control steps name them: one by its key, or many by a prefix and a glob."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from botocore.exceptions import BotoCoreError, ClientError
from pydantic import Field, model_validator

from runners import globs
from runners.retries import error_code, is_transient, repeated
from runners.steps.errors import SourceFailed, SourceUnavailable
from runners.steps.parameters import Parameters

if TYPE_CHECKING:
    from datetime import datetime

    from mypy_boto3_s3 import S3Client

_ABSENT = frozenset({"404", "NoSuchKey", "NotFound"})


class Found(NamedTuple):
    """An object that is there."""

    key: str
    size: int
    """Bytes."""
    etag: str
    """Without quotes."""
    modified: datetime


class Objects(Parameters):
    """Which objects of a bucket."""

    Bucket: str = Field(min_length=3, max_length=63)
    """The bucket."""

    Key: str | None = Field(default=None, min_length=1, max_length=1024)
    """One object's key."""

    Prefix: str | None = Field(default=None, max_length=1024)
    """What the keys begin with; an empty text stands for the whole bucket."""

    Pattern: str | None = Field(default=None, min_length=1, max_length=1024)
    """A glob over the whole key: ``*`` and ``?`` stay within one part of the path, ``**`` crosses parts."""

    @model_validator(mode="after")
    def _they_are_said_in_one_way(self) -> Self:
        if sum(way is not None for way in (self.Key, self.Prefix, self.Pattern)) != 1:
            raise ValueError("give one of Key, Prefix or Pattern")
        globs.check(self.Pattern or "")
        return self

    @property
    def words(self) -> str:
        """What they are, for people and for lineage: ``s3://bucket/prefix``."""
        return f"s3://{self.Bucket}/{self.Key or self.Prefix or self.Pattern or ''}"

    @property
    def folder(self) -> str:
        """The part of each key that says nothing of its own: up to the last slash before a glob or a prefix ends."""
        return self._beginning.rpartition("/")[0] + "/" if "/" in self._beginning else ""

    @property
    def _beginning(self) -> str:
        if self.Pattern is not None:
            return globs.beginning(self.Pattern)
        return self.Key or self.Prefix or ""

    def found(self, s3: S3Client) -> Iterator[Found]:
        """Yield the objects that are there, in the order of their keys; markers of folders are passed over."""
        if self.Key is not None:
            one = head(s3, self.Bucket, self.Key)
            if one is not None:
                yield one
            return
        query: dict[str, Any] = {"Bucket": self.Bucket, "Prefix": self._beginning}
        while True:
            page = repeated(s3.list_objects_v2)(**query)
            for item in page.get("Contents", []):
                if item["Key"].endswith("/") and not item["Size"]:
                    continue
                if self.Pattern is None or globs.matches(self.Pattern, item["Key"]):
                    yield Found(item["Key"], item["Size"], item["ETag"].strip('"'), item["LastModified"])
            if not page.get("IsTruncated"):
                return
            query["ContinuationToken"] = page["NextContinuationToken"]


def head(s3: S3Client, bucket: str, key: str) -> Found | None:
    """Return an object, or None if it is not there.

    Raises:
        SourceFailed: S3 does not let us see.
        SourceUnavailable: it does not answer just now.

    """
    try:
        answer = repeated(s3.head_object)(Bucket=bucket, Key=key)
    except (ClientError, BotoCoreError) as error:
        code = error_code(error) or type(error).__name__
        if code in _ABSENT:
            return None
        kind = SourceUnavailable if is_transient(error) else SourceFailed
        raise kind(f"S3 does not show s3://{bucket}/{key}: {code}", code=code) from None
    return Found(key, answer["ContentLength"], answer["ETag"].strip('"'), answer["LastModified"])
