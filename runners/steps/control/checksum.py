"""``Checksum``: an object's bytes, as they are in S3 now, against the sum that was promised."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from botocore.exceptions import BotoCoreError, ClientError
from pydantic import Field, model_validator

from runners.retries import error_code, is_transient, repeated
from runners.steps.errors import DataQualityFailed, SourceFailed, SourceUnavailable
from runners.steps.parameters import Parameters
from runners.steps.step import Step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runners.steps.context import StepContext

_PIECE = 8 << 20  # bytes that are read at a time
_LARGEST_SUMS = 1 << 20  # bytes of an object with sums


class ChecksumParameters(Parameters):
    """Which object, and what its sum should be."""

    Bucket: str = Field(min_length=3, max_length=63)
    """The bucket."""

    Key: str = Field(min_length=1, max_length=1024)
    """The object's key."""

    Algorithm: Literal["md5", "sha1", "sha256", "sha512"] = "sha256"
    """How the sum is made."""

    Expected: str | None = Field(default=None, pattern=r"^[0-9A-Fa-f]{32,128}$")
    """The sum in hexadecimal; without it, and without ``ExpectedKey``, the sum is only told."""

    ExpectedKey: str | None = Field(default=None, min_length=1, max_length=1024)
    """An object of the same bucket that has the sum as ``sha256sum`` writes it, ``<sum>  <name>``, or the sum alone."""

    @model_validator(mode="after")
    def _one_promise(self) -> Self:
        if self.Expected is not None and self.ExpectedKey is not None:
            raise ValueError("give Expected or ExpectedKey, not both")
        digits = hashlib.new(self.Algorithm, usedforsecurity=False).digest_size * 2
        if self.Expected is not None and len(self.Expected) != digits:
            raise ValueError(f"Expected has {len(self.Expected)} digits, and a {self.Algorithm} has {digits}")
        return self


class Checksum(Step):
    """Reads an object through and compares its sum with what was promised."""

    Parameters = ChecksumParameters
    example: ClassVar[dict[str, Any]] = {
        "Bucket": "my-data",
        "Key": "landing/orders.csv",
        "ExpectedKey": "landing/orders.csv.sha256",
    }

    @property
    def source(self) -> str:
        """The object."""
        return f"s3://{self.parameters.Bucket}/{self.parameters.Key}"

    def run(self, context: StepContext) -> dict[str, Any]:
        """Read and compare.

        Raises:
            DataQualityFailed: the sum is another, or the object with the sums has none for this one.
            SourceFailed, SourceUnavailable: an object cannot be read.

        """
        asked: ChecksumParameters = self.parameters
        digest, size = hashlib.new(asked.Algorithm, usedforsecurity=False), 0
        for piece in _read(context, asked.Bucket, asked.Key):
            context.check_stop()
            digest.update(piece)
            size += len(piece)
            context.progress.count(size=len(piece))
        found = digest.hexdigest()
        expected = asked.Expected or self._promised(context)
        if expected is not None and expected.lower() != found:
            raise DataQualityFailed(
                f"the {asked.Algorithm} of {self.source} is {found}, and {expected.lower()} was promised",
                found=found,
                expected=expected.lower(),
            )
        return {"algorithm": asked.Algorithm, "checksum": found, "bytes": size, "compared": expected is not None}

    def _promised(self, context: StepContext) -> str | None:
        asked: ChecksumParameters = self.parameters
        if asked.ExpectedKey is None:
            return None
        text = b""
        for piece in _read(context, asked.Bucket, asked.ExpectedKey):
            text += piece
            if len(text) > _LARGEST_SUMS:
                raise DataQualityFailed(f"s3://{asked.Bucket}/{asked.ExpectedKey} is too large to hold sums only")
        found = promised_in(text.decode("utf-8", "replace"), asked.Key)
        if found is None:
            raise DataQualityFailed(f"s3://{asked.Bucket}/{asked.ExpectedKey} has no sum of {asked.Key}")
        return found


def promised_in(text: str, key: str) -> str | None:
    """Return the sum of an object out of a text such as ``sha256sum`` writes; None if it has none."""
    lines = [line.split(maxsplit=1) for line in text.splitlines() if line.strip()]
    if len(lines) == 1 and len(lines[0]) == 1 and re.fullmatch("[0-9A-Fa-f]+", lines[0][0]):
        return lines[0][0]
    name = key.rpartition("/")[2]
    for first, *rest in lines:
        if rest and rest[0].lstrip("*").rpartition("/")[2] == name:
            return first
    return None


def _read(context: StepContext, bucket: str, key: str) -> Iterator[bytes]:
    try:
        body = repeated(context.client("s3").get_object)(Bucket=bucket, Key=key)["Body"]
        yield from body.iter_chunks(_PIECE)
    except (ClientError, BotoCoreError) as error:
        kind = SourceUnavailable if is_transient(error) else SourceFailed
        raise kind(f"s3://{bucket}/{key} cannot be read: {error_code(error) or type(error).__name__}") from None
