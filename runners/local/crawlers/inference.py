"""What an object in S3 is: its format, its compression and its columns, from as little of it as Glue reads.

The formats are CSV, JSON and Parquet, plain or in gzip. One that Glue knows and this module does not is refused by
its name; anything else is UNKNOWN, as it is to Glue. Knows nothing of folders, tables or the catalog.
"""

from __future__ import annotations

import tempfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from runners.errors import LocalAWSError
from runners.local.crawlers import csv_files, json_files, parquet_files
from runners.local.crawlers.csv_files import BUILT_IN, Classifier, Layout

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mypy_boto3_s3 import S3Client

    from runners.local.crawlers.column_types import Column

SAMPLE = 1 << 20  # bytes of a file, uncompressed, that are looked at
CSV, JSON, PARQUET, UNKNOWN = "csv", "json", "parquet", "UNKNOWN"
PLAIN, GZIP = "none", "gzip"

_MAGIC_OF_PARQUET = b"PAR1"
_MAGIC_OF_GZIP = b"\x1f\x8b"
_REFUSED = {
    b"Obj\x01": "Avro",
    b"ORC": "ORC",
    b"<": "XML",
    b"PK\x03\x04": "ZIP",
    b"BZh": "BZIP2",
    b"\x04\x22\x4d\x18": "LZ4",
    b"\xff\x06\x00\x00sNaPpY": "Snappy",
    b"\xe0\x01\x00\xea": "Ion",
}


@dataclass(frozen=True)
class Statistics:
    """How much there is, as the catalog counts it; records are estimated from the beginning of a file."""

    bytes: int
    records: int
    objects: int = 1

    def __add__(self, other: Statistics) -> Statistics:
        """Answer both together."""
        return Statistics(self.bytes + other.bytes, self.records + other.records, self.objects + other.objects)


@dataclass(frozen=True)
class Schema:
    """What an object holds."""

    classification: str
    columns: tuple[Column, ...] = ()
    compression: str = PLAIN
    layout: Layout | None = None
    """For CSV."""
    paths: tuple[str, ...] = ()
    """For JSON: its fields as they are written there."""
    single_array: bool = False
    """For JSON: whether all records lie in one array."""

    def compatible(self, other: Schema) -> bool:
        """Whether one table can read both, given the columns of both."""
        mine = (self.classification, self.compression, self.layout and self.layout.delimiter, self._has_header)
        return mine == (
            other.classification,
            other.compression,
            other.layout and other.layout.delimiter,
            other._has_header,
        )

    @property
    def _has_header(self) -> bool:
        return bool(self.layout and self.layout.has_header)


def look_at(client: S3Client, bucket: str, key: str, classifiers: Sequence[Classifier]) -> tuple[Schema, Statistics]:
    """Read the beginning of an object (all of a Parquet file), with these classifiers before the built-in ones.

    Raises ``LocalAWSError`` for what Glue can read and the embedded Glue cannot.
    """
    name = f"s3://{bucket}/{key}"
    answer = client.get_object(Bucket=bucket, Key=key)
    size, body = answer["ContentLength"], answer["Body"]
    sample = body.read(SAMPLE)
    body.close()
    if sample.startswith(_MAGIC_OF_PARQUET):
        return _parquet(client, bucket, key, size)
    compressed = sample.startswith(_MAGIC_OF_GZIP)
    beginning = _unpacked(sample, name) if compressed else sample
    whole = len(sample) == size and len(beginning) < SAMPLE
    for magic, kind in _REFUSED.items():
        if beginning.startswith(magic):
            raise LocalAWSError(f"{name} is {kind}, which the embedded Glue does not crawl: exclude it")
    schema, records, looked_at = _text(beginning, classifiers, whole=whole)
    if schema.classification == CSV:
        _require_names_of_their_own(schema.columns, name)
    if compressed:
        schema = Schema(**{**vars(schema), "compression": GZIP})
        size_of_text = len(beginning) if whole else size * len(beginning) // len(sample)
    else:
        size_of_text = size
    return schema, Statistics(size, records if whole else _estimate(records, looked_at, size_of_text))


def _require_names_of_their_own(columns: Sequence[Column], name: str) -> None:
    """Refuse columns of one name: they have places in the file, and a table that lacks one shifts all after it."""
    names = [column.name for column in columns]
    repeated = sorted({column for column in names if names.count(column) > 1})
    if repeated:
        raise LocalAWSError(
            f"{name} has several columns {', '.join(repeated)}, in lower case, as the catalog has names: name them by "
            "the Header of a CSV classifier, or exclude the object"
        )


def _parquet(client: S3Client, bucket: str, key: str, size: int) -> tuple[Schema, Statistics]:
    with tempfile.TemporaryDirectory(prefix="runners-crawl-") as directory:
        file = Path(directory) / "file.parquet"
        client.download_file(bucket, key, str(file))
        found = parquet_files.read(file, f"s3://{bucket}/{key}")
    return Schema(PARQUET, found.columns), Statistics(size, found.rows)


def _unpacked(sample: bytes, name: str) -> bytes:
    try:
        return zlib.decompressobj(wbits=31).decompress(sample, SAMPLE)
    except zlib.error as error:
        raise LocalAWSError(f"{name} begins like gzip but cannot be unpacked: replace it") from error


def _text(sample: bytes, classifiers: Sequence[Classifier], *, whole: bool) -> tuple[Schema, int, int]:
    """Classify text; answers its schema, the records that were looked at, and how many bytes they are."""
    text, length = _lines(sample, whole=whole)
    if text is None:
        return Schema(UNKNOWN), 0, length
    for classifier in classifiers:
        if made := csv_files.classify(text, classifier):
            return Schema(CSV, made.columns, layout=made.layout), *_looked_at(text, made.rows, length)
    if documents := json_files.classify(text):
        schema = Schema(JSON, documents.columns, paths=documents.paths, single_array=documents.array)
        return schema, *_looked_at(text, documents.records, length)
    if found := csv_files.classify(text, BUILT_IN):
        return Schema(CSV, found.columns, layout=found.layout), *_looked_at(text, found.rows, length)
    return Schema(UNKNOWN), 0, length


def _lines(sample: bytes, *, whole: bool) -> tuple[str | None, int]:
    """Answer the whole lines of a sample as text, if it is UTF-8, and how many bytes they are."""
    if not whole and b"\n" in sample:
        sample = sample[: sample.rindex(b"\n") + 1]
    try:
        text = sample.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None, len(sample)
    return (None if "\0" in text else text), len(sample)


def _looked_at(text: str, records: int, length: int) -> tuple[int, int]:
    """Answer all records of a text, where there may be more than were looked at, and how many bytes they are."""
    if records < csv_files.MAX_RECORDS - 1:
        return records, length
    return len(text.splitlines()), length


def _estimate(records: int, looked_at: int, size: int) -> int:
    return round(records * size / looked_at) if looked_at else 0
