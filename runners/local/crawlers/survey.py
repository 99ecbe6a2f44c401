"""Looks through the objects below a path and finds the tables that they are.

Reads S3 and writes nowhere; what looks wrong it says in the crawl's log.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from runners.local.crawlers import grouping, inference
from runners.local.crawlers.csv_files import LAZY
from runners.local.crawlers.exclusions import excluding
from runners.local.crawlers.grouping import FoundObject
from runners.local.crawlers.tables import Target
from runners.local.s3 import objects
from runners.local.s3.objects import S3Path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from mypy_boto3_s3 import S3Client

    from runners.local.crawlers.csv_files import Classifier


class Survey:
    """How the paths of one crawl are looked through."""

    def __init__(
        self,
        client: S3Client,
        classifiers: Sequence[Classifier],
        *,
        combine: bool,
        check: Callable[[], None],
        log: Callable[[str, str], None],
    ) -> None:
        """``check`` is called before each object and may raise; ``log`` takes a level and a message."""
        self._client = client
        self._classifiers = classifiers
        self._combine = combine
        self._check = check
        self._log = log

    def target(self, path: str, exclusions: Sequence[str]) -> Target:
        """Find the tables below a path, without the objects that the patterns exclude.

        Raises ``LocalAWSError`` or ``botocore``'s ``ClientError`` for what cannot be read.
        """
        place = S3Path.parse(path)
        names = objects.data_keys(self._client, place)
        found = list(self._objects(place.bucket, names, excluding(exclusions)))
        if not found:
            self._log("WARN", f"Nothing was found at {place}")
        location = str(place) if list(names) == [place.key] else f"s3://{place.bucket}/{place.prefix}"
        patterns = tuple(f"{location.rstrip('/')}/{pattern}" for pattern in exclusions)
        return Target(location, patterns, tuple(grouping.tables(found, combine=self._combine)))

    def _objects(self, bucket: str, names: dict[str, str], is_excluded: Callable[[str], bool]) -> Iterator[FoundObject]:
        for key, name in names.items():
            if is_excluded(name):
                continue
            self._check()
            schema, statistics = inference.look_at(self._client, bucket, key, self._classifiers)
            if not statistics.bytes:
                continue
            self._warn(f"s3://{bucket}/{key}", schema)
            *folders, last = name.split("/")
            yield FoundObject(tuple(folders), last, schema, statistics)

    def _warn(self, name: str, schema: inference.Schema) -> None:
        if schema.classification == inference.UNKNOWN:
            self._log("WARN", f"{name} is neither CSV nor JSON nor Parquet: its table has no columns")
        if schema.single_array:
            self._log("WARN", f"{name} is one JSON array, which Athena does not read: write one object a line")
        if schema.layout and schema.layout.quoted and schema.layout.serde == LAZY:
            self._log("WARN", f"{name} has quotes, which LazySimpleSerDe does not read: make a CSV classifier")
