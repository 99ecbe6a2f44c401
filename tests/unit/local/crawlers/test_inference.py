from __future__ import annotations

import gzip
import io
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from runners.errors import LocalAWSError
from runners.local.crawlers import inference
from runners.local.crawlers.csv_files import OPEN, PRESENT, Classifier
from runners.local.crawlers.inference import Schema, Statistics, look_at

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def look(aws: None) -> Callable[..., tuple[Schema, Statistics]]:
    client = boto3.client("s3")
    client.create_bucket(Bucket="bucket")

    def put_and_look(content: bytes, *classifiers: Classifier) -> tuple[Schema, Statistics]:
        client.put_object(Bucket="bucket", Key="folder/file", Body=content)
        return look_at(client, "bucket", "folder/file", classifiers)

    return put_and_look


def written(schema: Schema) -> dict[str, str]:
    return {column.name: column.written()["Type"] for column in schema.columns}


def test_csv_is_counted(look: Callable[..., tuple[Schema, Statistics]]) -> None:
    schema, statistics = look(b"id,name\n1,a\n2,b\n")
    assert (schema.classification, schema.compression) == ("csv", "none")
    assert statistics == Statistics(16, 2, 1)


def test_a_byte_order_mark_is_no_part_of_the_first_name(look: Callable[..., tuple[Schema, Statistics]]) -> None:
    assert written(look(b"\xef\xbb\xbfid,name\n1,a\n")[0]) == {"id": "bigint", "name": "string"}


@pytest.mark.parametrize(
    ("content", "repeated"),
    [(b"A,a,b\n1,2,3\n", "a"), (b"b, b,a,A\n1,2,3,4\n", "a, b"), (b"col1,\n1,\n2,\n", "col1")],
)
def test_columns_of_one_name_are_refused_and_never_shifted(
    look: Callable[..., tuple[Schema, Statistics]], content: bytes, repeated: str
) -> None:
    with pytest.raises(LocalAWSError, match=f"s3://bucket/folder/file has several columns {repeated}, in lower case"):
        look(content)


def test_a_classifier_gives_columns_of_one_name_others(look: Callable[..., tuple[Schema, Statistics]]) -> None:
    named = Classifier(header=PRESENT, names=("x", "y", "z"))
    assert written(look(b"A,a,b\n1,2,3\n", named)[0]) == {"x": "bigint", "y": "bigint", "z": "bigint"}
    with pytest.raises(LocalAWSError, match="several columns x"):
        look(b"A,a,b\n1,2,3\n", Classifier(header=PRESENT, names=("x", "X", "z")))


def test_gzip_is_looked_into(look: Callable[..., tuple[Schema, Statistics]]) -> None:
    content = gzip.compress(b'{"a": 1}\n{"a": 2}\n')
    schema, statistics = look(content)
    assert (schema.classification, schema.compression, statistics) == ("json", "gzip", Statistics(len(content), 2))


def test_gzip_that_is_broken_is_refused(look: Callable[..., tuple[Schema, Statistics]]) -> None:
    with pytest.raises(LocalAWSError, match="cannot be unpacked"):
        look(b"\x1f\x8b" + b"x" * 40)


def test_the_records_of_a_long_file_are_estimated(
    look: Callable[..., tuple[Schema, Statistics]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inference, "SAMPLE", 1000)
    content = b'{"a": 12345}\n' * 1000
    schema, statistics = look(content)
    assert (schema.classification, statistics) == ("json", Statistics(13_000, 1000))
    packed = gzip.compress(content)
    assert look(packed)[1].records >= 70


def test_a_line_that_the_sample_cuts_does_not_count(
    look: Callable[..., tuple[Schema, Statistics]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inference, "SAMPLE", 20)
    assert written(look(b"id,name\n1,a\n2,b\nno number,c\n")[0]) == {"id": "bigint", "name": "string"}


def test_a_classifier_of_ones_own_comes_first(look: Callable[..., tuple[Schema, Statistics]]) -> None:
    schema, _ = look(b"id,name\n1,a\n", Classifier(header="ABSENT", serde=OPEN))
    assert written(schema) == {"col0": "string", "col1": "string"}
    assert look(b'{"a": 1}\n', Classifier(delimiter="|"))[0].classification == "json"


@pytest.mark.parametrize("content", [b"some words\nand more\n", b"\x00\x01\x02", b"\xff\xfe\xfd", b""])
def test_what_nobody_knows_is_unknown(look: Callable[..., tuple[Schema, Statistics]], content: bytes) -> None:
    schema, statistics = look(content)
    assert (schema.classification, schema.columns, statistics.records) == ("UNKNOWN", (), 0)


@pytest.mark.parametrize(
    ("content", "name"), [(b"Obj\x01rest", "Avro"), (b"ORCrest", "ORC"), (b"<?xml?>", "XML"), (b"PK\x03\x04", "ZIP")]
)
def test_what_glue_knows_and_this_engine_does_not_is_refused_by_name(
    look: Callable[..., tuple[Schema, Statistics]], content: bytes, name: str
) -> None:
    with pytest.raises(LocalAWSError, match=f"s3://bucket/folder/file is {name}"):
        look(content)


def parquet(columns: dict[str, Any]) -> bytes:
    stream = io.BytesIO()
    pq.write_table(pa.table(columns), stream)
    return stream.getvalue()


def test_the_types_of_parquet_are_those_in_the_file(look: Callable[..., tuple[Schema, Statistics]]) -> None:
    columns = {
        "Id": pa.array([1, 2], pa.int32()),
        "big": pa.array([1, 2]),
        "small": pa.array([1, 2], pa.int16()),
        "unsigned": pa.array([1, 2], pa.uint32()),
        "real": pa.array([1.0, 2.0], pa.float32()),
        "yes": pa.array([True, False]),
        "text": pa.array(["a", "b"]),
        "bytes": pa.array([b"a", b"b"]),
        "day": pa.array([date(2014, 3, 1)] * 2),
        "moment": pa.array([datetime(2014, 3, 1, tzinfo=UTC)] * 2),
        "price": pa.array([Decimal("1.20")] * 2, pa.decimal128(10, 2)),
        "list": pa.array([[1], []]),
        "struct": pa.array([{"X": 1, "y": ["s"]}] * 2),
        "map": pa.array([[("a", 1)], []], pa.map_(pa.string(), pa.int64())),
    }
    content = parquet(columns)
    schema, statistics = look(content)
    assert (schema.classification, schema.compression, statistics) == ("parquet", "none", Statistics(len(content), 2))
    assert written(schema) == {
        "id": "int",
        "big": "bigint",
        "small": "smallint",
        "unsigned": "bigint",
        "real": "float",
        "yes": "boolean",
        "text": "string",
        "bytes": "binary",
        "day": "date",
        "moment": "timestamp",
        "price": "decimal(10,2)",
        "list": "array<bigint>",
        "struct": "struct<x:bigint,y:array<string>>",
        "map": "map<string,bigint>",
    }


def test_a_type_that_the_catalog_has_no_name_for_is_refused(look: Callable[..., tuple[Schema, Statistics]]) -> None:
    with pytest.raises(LocalAWSError, match="column t of s3://bucket/folder/file has the type TIME"):
        look(parquet({"t": pa.array([datetime(2014, 3, 1, tzinfo=UTC).time()])}))


def test_a_parquet_file_that_is_broken_is_refused(look: Callable[..., tuple[Schema, Statistics]]) -> None:
    with pytest.raises(LocalAWSError, match="is no Parquet file that can be read"):
        look(b"PAR1 and no more")
