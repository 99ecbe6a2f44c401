"""S3 buckets: the one of artifacts is made here, as it must be there before the first stack; all are emptied here.

It never makes the data bucket: that is the work of its stack.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from runners.errors import ConfigurationError, DeploymentError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from runners.deployment.progress import Progress

_DEFAULT_REGION = "us-east-1"  # S3 wants this one not to be named
_ABSENT = frozenset({"NoSuchBucket", "404"})
_FOREIGN = frozenset({"403", "301", "AccessDenied"})


def create(s3: S3Client, name: str, *, region: str, partition: str, old_version_days: int, progress: Progress) -> None:
    """Make a bucket that is encrypted, versioned, private and TLS-only, or make one that exists so.

    Raises:
        ConfigurationError: somebody else has a bucket of this name.

    """
    if _exists(s3, name):
        progress.say(f"{name}: exists already")
    else:
        location: Any = (
            {} if region == _DEFAULT_REGION else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        )
        s3.create_bucket(Bucket=name, **location)
        progress.say(f"{name}: created")
    _protect(s3, name, partition, old_version_days)


def _exists(s3: S3Client, name: str) -> bool:
    try:
        s3.head_bucket(Bucket=name)
    except ClientError as error:
        if error.response["Error"]["Code"] in _ABSENT:
            return False
        if error.response["Error"]["Code"] in _FOREIGN:
            raise ConfigurationError(
                f"the bucket {name} belongs to another AWS account, or these credentials may not use it. Choose "
                "another name in config/: `artifact_bucket: …`."
            ) from None
        raise
    return True


def _protect(s3: S3Client, name: str, partition: str, old_version_days: int) -> None:
    s3.put_public_access_block(
        Bucket=name,
        PublicAccessBlockConfiguration={
            "BlockPublicAcls": True,
            "IgnorePublicAcls": True,
            "BlockPublicPolicy": True,
            "RestrictPublicBuckets": True,
        },
    )
    s3.put_bucket_encryption(
        Bucket=name,
        ServerSideEncryptionConfiguration={
            "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
        },
    )
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_lifecycle_configuration(
        Bucket=name,
        LifecycleConfiguration={
            "Rules": [
                {
                    "ID": "ForgetWhatIsOld",
                    "Status": "Enabled",
                    "Filter": {"Prefix": ""},
                    "NoncurrentVersionExpiration": {"NoncurrentDays": old_version_days},
                    "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
                }
            ]
        },
    )
    arn = f"arn:{partition}:s3:::{name}"
    only_over_tls = {
        "Sid": "OnlyOverTLS",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [arn, f"{arn}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps({"Version": "2012-10-17", "Statement": [only_over_tls]}))


def holds_objects(s3: S3Client, name: str) -> bool:
    """Say whether a bucket holds an object; one that does not exist holds none."""
    try:
        return bool(s3.list_objects_v2(Bucket=name, MaxKeys=1).get("KeyCount"))
    except ClientError as error:
        if error.response["Error"]["Code"] in _ABSENT:
            return False
        raise


def empty(s3: S3Client, name: str, progress: Progress) -> bool:
    """Delete all versions of all objects, all delete markers and all unfinished uploads.

    Return whether there is such a bucket.

    Raises:
        DeploymentError: an object cannot be deleted.

    """
    try:
        with progress.working(f"{name}: emptying"):
            deleted = _delete_versions(s3, name)
            _abort_uploads(s3, name)
    except ClientError as error:
        if error.response["Error"]["Code"] in _ABSENT:
            progress.say(f"{name}: there is none")
            return False
        raise
    progress.say(f"{name}: emptied, {deleted} versions")
    return True


def delete(s3: S3Client, name: str, progress: Progress) -> None:
    """Empty a bucket and delete it; one that does not exist is fine."""
    if empty(s3, name, progress):
        s3.delete_bucket(Bucket=name)
        progress.say(f"{name}: deleted")


def _delete_versions(s3: S3Client, name: str) -> int:
    deleted = 0
    # Always the first page, until it is empty: what is written meanwhile goes too.
    while versions := _first_versions(s3, name):
        answer = s3.delete_objects(Bucket=name, Delete={"Objects": versions, "Quiet": True})
        for error in answer.get("Errors", []):
            raise DeploymentError(
                f"{name}: {error.get('Key')} cannot be deleted: {error.get('Code')} {error.get('Message')}. "
                "Mend that, then type the same command again."
            )
        deleted += len(versions)
    return deleted


def _first_versions(s3: S3Client, name: str) -> list[Any]:
    page = s3.list_object_versions(Bucket=name)
    found: list[Any] = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
    return [{"Key": version["Key"], "VersionId": version["VersionId"]} for version in found]


def _abort_uploads(s3: S3Client, name: str) -> None:
    for page in s3.get_paginator("list_multipart_uploads").paginate(Bucket=name):
        for upload in page.get("Uploads", []):
            s3.abort_multipart_upload(Bucket=name, Key=upload["Key"], UploadId=upload["UploadId"])
