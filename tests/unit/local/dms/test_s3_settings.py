from __future__ import annotations

from typing import Any

import botocore.session
import pytest

from runners.local.dms.errors import UnusableRequestError
from runners.local.dms.s3_settings import FOLLOWED, NOT_DONE, WITHOUT_EFFECT, S3Settings, from_attributes

NEEDED = {"BucketName": "b", "ServiceAccessRoleArn": "arn"}


def test_an_endpoint_that_says_nothing_has_the_settings_of_dms() -> None:
    settings = S3Settings.parse(NEEDED)
    assert (settings.delimiter, settings.row_delimiter, settings.null_value, settings.quotes) == (
        ",",
        "\n",
        "NULL",
        True,
    )
    assert (settings.parquet, settings.gzip, settings.header, settings.operation) == (False, False, False, False)
    assert (settings.max_file_bytes, settings.row_group_rows) == (1_048_576 * 1024, 10_000)
    assert settings.upload_arguments == {}


@pytest.mark.parametrize(
    ("given", "attribute", "value"),
    [
        ({"BucketFolder": "/a/b/"}, "folder", "a/b"),
        ({"CsvDelimiter": "\\t"}, "delimiter", "\t"),
        ({"CsvRowDelimiter": "\\r\\n"}, "row_delimiter", "\r\n"),
        ({"CsvNullValue": "''"}, "null_value", ""),
        ({"CsvNullValue": ""}, "null_value", ""),
        ({"DataFormat": "PARQUET"}, "parquet", True),
        ({"CompressionType": "GZIP"}, "gzip", True),
        ({"AddColumnName": "y"}, "header", True),
        ({"Rfc4180": "n"}, "quotes", False),
        ({"MaxFileSize": 2}, "max_file_bytes", 2048),
        ({"RowGroupLength": 20_000}, "row_group_rows", 20_000),
        ({"ParquetVersion": "PARQUET_2_0"}, "parquet_version", "V2"),
        ({"CannedAclForObjects": "BUCKET_OWNER_READ"}, "upload_arguments", {"ACL": "bucket-owner-read"}),
        ({"DatePartitionEnabled": False, "DataPageSize": 1}, "folder", ""),
    ],
)
def test_a_setting_is_followed(given: dict[str, Any], attribute: str, value: Any) -> None:
    assert getattr(S3Settings.parse(NEEDED | given), attribute) == value


@pytest.mark.parametrize(
    "given",
    [
        {"Colour": "red"},
        {"GlueCatalogGeneration": True},
        {"AddTrailingPaddingCharacter": True},
        {"Rfc4180": "perhaps"},
        {"DataFormat": "orc"},
        {"MaxFileSize": 0},
        {"MaxFileSize": "much"},
        {"MaxFileSize": 1_048_577},
        {"EncryptionMode": "sse-kms"},
    ],
)
def test_a_setting_that_is_not_followed_is_refused_by_name(given: dict[str, Any]) -> None:
    with pytest.raises(UnusableRequestError, match=next(iter(given))):
        S3Settings.parse(NEEDED | given)


def test_every_setting_of_the_api_is_followed_without_effect_or_refused() -> None:
    shape = botocore.session.get_session().get_service_model("dms").shape_for("S3Settings")
    refused = {*NOT_DONE, "ExpectedBucketOwner", "IgnoreHeaderRows"}
    assert {*shape.members} - FOLLOWED - WITHOUT_EFFECT <= refused
    assert not FOLLOWED & WITHOUT_EFFECT


def test_extra_connection_attributes_are_settings_in_any_case() -> None:
    given = from_attributes("dataFormat=parquet; CSVDELIMITER= ;")
    assert given == {"DataFormat": "parquet", "CsvDelimiter": " "}
    for wrong in ("colour=red", "dataFormat"):
        with pytest.raises(UnusableRequestError, match=wrong.partition("=")[0]):
            from_attributes(wrong)
