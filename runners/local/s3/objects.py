"""Moves whole sets of objects between S3 and a local directory, for the engines that cannot read S3 themselves.

The engines of the embedded Glue read and write local files; this module brings the objects below an ``s3://`` path
to them and their files back, through boto3. It reads object names the way Spark does: names that begin with ``_`` or
``.`` are no data. It never looks into an object.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

from runners.errors import LocalAWSError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from mypy_boto3_s3 import S3Client

SCHEMES = ("s3://", "s3a://", "s3n://")
MAX_KEYS_IN_ONE_DELETE = 1000


class S3PathError(LocalAWSError):
    """An ``s3://`` path cannot be used: it is malformed, or there is nothing below it."""


class S3Path(NamedTuple):
    """A bucket and the key, or the beginning of the keys, that a path names."""

    bucket: str
    key: str

    @classmethod
    def parse(cls, path: str) -> S3Path:
        """Read ``s3://bucket/key`` (also ``s3a`` and ``s3n``, as Hadoop calls it)."""
        scheme = next((scheme for scheme in SCHEMES if path.startswith(scheme)), None)
        if scheme is None:
            raise S3PathError(f"{path!r} is not an S3 path: write s3://bucket/key")
        bucket, _, key = path.removeprefix(scheme).partition("/")
        if not bucket:
            raise S3PathError(f"{path!r} names no bucket: write s3://bucket/key")
        return cls(bucket, key)

    @property
    def prefix(self) -> str:
        """What the keys below this path begin with."""
        return self.key if not self.key or self.key.endswith("/") else f"{self.key}/"

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


def is_s3_path(path: str) -> bool:
    """Whether a path speaks of S3."""
    return path.startswith(SCHEMES)


def keys_below(client: S3Client, path: S3Path) -> list[str]:
    """All keys below a path, sorted; none if there is nothing. The object that the path itself names is not below."""
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=path.bucket, Prefix=path.prefix)
    return sorted(item["Key"] for page in pages for item in page.get("Contents", ()))


def data_keys(client: S3Client, path: S3Path) -> dict[str, str]:
    """Find the objects that a path stands for: key → name relative to the path.

    A path that is a key stands for that object, any other for all objects below it except hidden ones.
    """
    below = {key: key.removeprefix(path.prefix) for key in keys_below(client, path)}
    data = {key: name for key, name in below.items() if not _is_hidden(name)}
    if data or not path.key or path.key.endswith("/"):
        return data
    single = client.list_objects_v2(Bucket=path.bucket, Prefix=path.key, MaxKeys=1).get("Contents", ())
    return {item["Key"]: PurePosixPath(path.key).name for item in single if item["Key"] == path.key}


def download(client: S3Client, path: str, directory: Path) -> dict[str, Path]:
    """Bring the objects that a path stands for into a directory; answers key → file, sorted by key.

    Raises ``S3PathError`` if there are none, or if a key could be written outside of the directory.
    """
    location = S3Path.parse(path)
    names = data_keys(client, location)
    if not names:
        raise S3PathError(f"there are no objects at {location}: upload them, or correct the path")
    return {key: _download_one(client, location.bucket, key, directory, name) for key, name in names.items()}


def upload(client: S3Client, files: Mapping[str, Path], path: str) -> None:
    """Put files below a path: name relative to the path → file."""
    location = S3Path.parse(path)
    for name, file in files.items():
        client.upload_file(str(file), location.bucket, f"{location.prefix}{name}")


def replace(client: S3Client, files: Mapping[str, Path], path: str) -> None:
    """Put files below a path in place of what was there: first the new objects appear, then the older ones go."""
    location = S3Path.parse(path)
    if not location.prefix:
        raise S3PathError(f"{location} is a whole bucket, which is never overwritten: name a prefix in it")
    older = set(keys_below(client, location))
    upload(client, files, path)
    delete(client, location.bucket, sorted(older - {f"{location.prefix}{name}" for name in files}))


def delete(client: S3Client, bucket: str, keys: Iterable[str]) -> None:
    """Delete objects, many at a time; raises ``S3PathError`` if S3 keeps one."""
    left = list(keys)
    while left:
        now, left = left[:MAX_KEYS_IN_ONE_DELETE], left[MAX_KEYS_IN_ONE_DELETE:]
        answer = client.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key} for key in now], "Quiet": True})
        for error in answer.get("Errors", ()):
            raise S3PathError(f"s3://{bucket}/{error.get('Key')} was not deleted: {error.get('Message')}")


def _is_hidden(name: str) -> bool:
    """Whether Spark skips it: directory markers, and what lies in or is a name that begins with ``_`` or ``.``."""
    parts = name.split("/")
    return parts[-1] == "" or any(part[:1] in {"_", "."} and "=" not in part for part in parts)


def _download_one(client: S3Client, bucket: str, key: str, directory: Path, name: str) -> Path:
    if "" in name.split("/"):  # what begins with a dot is hidden, and never comes here
        raise S3PathError(f"the key of s3://{bucket}/{key} is no relative path: copy the object to another key")
    target = directory / name
    target.parent.mkdir(parents=True, exist_ok=True)
    client.download_file(bucket, key, str(target))
    return target
