"""The settings of an S3 endpoint, and of them those that the embedded DMS follows.

What it does not do is refused by its name. Settings that change how quickly a Parquet file is read, and those that
concern change capture, have no effect on what a full load writes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from runners.local.dms.errors import UnusableRequestError

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_FILE_SIZE_KIB = 1_048_576
ROWS_OF_A_GROUP = 10_000

# Settings that do not change what a full load writes.
WITHOUT_EFFECT = frozenset(
    {
        "CdcInsertsAndUpdates",
        "CdcInsertsOnly",
        "CdcMaxBatchInterval",
        "CdcMinFileSize",
        "CdcPath",
        "CsvNoSupValue",
        "DataPageSize",
        "DatePartitionDelimiter",
        "DatePartitionSequence",
        "DatePartitionTimezone",
        "DictPageSizeLimit",
        "EnableStatistics",
        "EncodingType",
        "PreserveTransactions",
        "ServiceAccessRoleArn",
        "UseCsvNoSupValue",
    }
)
NOT_DONE = ("AddTrailingPaddingCharacter", "DatePartitionEnabled", "GlueCatalogGeneration", "ExternalTableDefinition")
FOLLOWED = frozenset(
    {
        "AddColumnName",
        "BucketFolder",
        "BucketName",
        "CannedAclForObjects",
        "CompressionType",
        "CsvDelimiter",
        "CsvNullValue",
        "CsvRowDelimiter",
        "DataFormat",
        "EncryptionMode",
        "IncludeOpForFullLoad",
        "MaxFileSize",
        "ParquetTimestampInMillisecond",
        "ParquetVersion",
        "Rfc4180",
        "RowGroupLength",
        "ServerSideEncryptionKmsKeyId",
        "TimestampColumnName",
        "UseTaskStartTimeForFullLoadTimestamp",
    }
)
ESCAPES = {"\\n": "\n", "\\r": "\r", "\\r\\n": "\r\n", "\\t": "\t"}


@dataclass(frozen=True)
class S3Settings:
    """How tables are laid out in a bucket."""

    bucket: str
    folder: str
    parquet: bool
    """Parquet files, or else CSV files."""
    gzip: bool
    delimiter: str
    row_delimiter: str
    null_value: str
    """What stands for NULL in a CSV file."""
    header: bool
    """Whether a CSV file begins with the names of its columns."""
    quotes: bool
    """Whether fields of a CSV file are quoted as RFC 4180 says; else they are written as they are."""
    operation: bool
    """Whether a first column ``Op`` says ``I``, for insert."""
    timestamp_column: str
    """The name of a last column with the time of the copy; empty for none."""
    start_as_timestamp: bool
    """Whether that time is when the task was started."""
    milliseconds: bool
    """Whether timestamps in Parquet have milliseconds, in place of microseconds."""
    max_file_bytes: int
    row_group_rows: int
    parquet_version: str
    upload_arguments: dict[str, str]
    """What every upload to S3 says besides its key: encryption and access."""

    @classmethod
    def parse(cls, given: Mapping[str, Any]) -> S3Settings:
        """Read an endpoint's S3Settings; raises ``UnusableRequestError`` that names what cannot be used."""
        _require_done(given)
        if not given.get("BucketName"):
            raise UnusableRequestError("S3Settings needs a BucketName")
        if not given.get("ServiceAccessRoleArn"):
            raise UnusableRequestError(
                "S3Settings needs a ServiceAccessRoleArn, as DMS does; any role's ARN will do here"
            )
        delimiters = [_character(given, name, default) for name, default in _DELIMITERS.items()]
        null_value = given.get("CsvNullValue")
        return cls(
            bucket=given["BucketName"],
            folder=(given.get("BucketFolder") or "").strip("/"),
            parquet=_one_of(given, "DataFormat", "csv", "parquet") == "parquet",
            gzip=_one_of(given, "CompressionType", "none", "gzip") == "gzip",
            delimiter=delimiters[0],
            row_delimiter=delimiters[1],
            null_value="NULL" if null_value is None else "" if null_value == "''" else null_value,
            header=_flag(given, "AddColumnName"),
            quotes=_flag(given, "Rfc4180", default=True),
            operation=_flag(given, "IncludeOpForFullLoad"),
            timestamp_column=given.get("TimestampColumnName") or "",
            start_as_timestamp=_flag(given, "UseTaskStartTimeForFullLoadTimestamp"),
            milliseconds=_flag(given, "ParquetTimestampInMillisecond"),
            max_file_bytes=_number(given, "MaxFileSize", MAX_FILE_SIZE_KIB, MAX_FILE_SIZE_KIB) * 1024,
            row_group_rows=_number(given, "RowGroupLength", ROWS_OF_A_GROUP, 10**9),
            parquet_version=_PARQUET_VERSIONS[_one_of(given, "ParquetVersion", *_PARQUET_VERSIONS)],
            upload_arguments=_upload_arguments(given),
        )


_PARQUET_VERSIONS = {"parquet-1-0": "V1", "parquet-2-0": "V2"}
_DELIMITERS = {"CsvDelimiter": ",", "CsvRowDelimiter": "\n"}


def from_attributes(text: str) -> dict[str, str]:
    """Read extra connection attributes, ``name=value;…``, as settings; names are in any case."""
    names = {name.lower(): name for name in (*FOLLOWED, *WITHOUT_EFFECT, *NOT_DONE)}
    settings = {}
    for part in (part for part in text.split(";") if part.strip()):
        name, equals, value = part.partition("=")
        known = names.get(name.strip().lower())
        if not equals or not known:
            raise UnusableRequestError(f"The embedded DMS does not know the extra connection attribute {name.strip()}")
        settings[known] = value if known in _DELIMITERS else value.strip()
    return settings


def _require_done(given: Mapping[str, Any]) -> None:
    unknown = sorted(set(given) - FOLLOWED - WITHOUT_EFFECT - {*NOT_DONE})
    if unknown:
        raise UnusableRequestError(f"The embedded DMS does not do {', '.join(unknown)} of S3Settings")
    for name in NOT_DONE:
        if given.get(name) not in (None, "", False, "false", "n"):
            raise UnusableRequestError(f"The embedded DMS does not do {name} of S3Settings: leave it out")


def _flag(given: Mapping[str, Any], name: str, *, default: bool = False) -> bool:
    value = given.get(name)
    if value is None:
        return default
    if isinstance(value, bool):
        return value
    if str(value).lower() not in {"true", "false", "y", "n"}:
        raise UnusableRequestError(f"{name} of S3Settings is true or false")
    return str(value).lower() in {"true", "y"}


def _one_of(given: Mapping[str, Any], name: str, *values: str) -> str:
    value = str(given.get(name) or values[0]).lower().replace("_", "-")
    if value not in values:
        raise UnusableRequestError(f"{name} of S3Settings is one of {', '.join(values)}")
    return value


def _number(given: Mapping[str, Any], name: str, default: int, largest: int) -> int:
    value = given.get(name)
    try:
        number = default if value is None else int(value)
    except (TypeError, ValueError):
        number = 0
    if not 1 <= number <= largest:
        raise UnusableRequestError(f"{name} of S3Settings is a number from 1 to {largest}")
    return number


def _character(given: Mapping[str, Any], name: str, default: str) -> str:
    value = str(given.get(name) or default)
    return ESCAPES.get(value, value)


def _upload_arguments(given: Mapping[str, Any]) -> dict[str, str]:
    arguments: dict[str, str] = {}
    if _one_of(given, "EncryptionMode", "sse-s3", "sse-kms") == "sse-kms":
        if not given.get("ServerSideEncryptionKmsKeyId"):
            raise UnusableRequestError("EncryptionMode of S3Settings is sse-kms: it needs ServerSideEncryptionKmsKeyId")
        arguments |= {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": given["ServerSideEncryptionKmsKeyId"]}
    acl = str(given.get("CannedAclForObjects") or "none").lower().replace("_", "-")
    return arguments if acl == "none" else {**arguments, "ACL": acl}
