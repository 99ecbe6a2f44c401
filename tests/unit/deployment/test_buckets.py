"""Buckets: how the artifact bucket is protected, and that emptying leaves nothing behind."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber
from moto import mock_aws

from runners.deployment import buckets
from runners.deployment.progress import Progress
from runners.errors import ConfigurationError, DeploymentError

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME = "some-bucket"


@pytest.fixture
def s3() -> Iterator[Any]:
    with mock_aws():
        yield boto3.client("s3", region_name="us-east-1")


def create(s3: Any, progress: Progress, region: str = "us-east-1", partition: str = "aws") -> None:
    buckets.create(s3, NAME, region=region, partition=partition, old_version_days=30, progress=progress)


def test_a_new_bucket_is_private_encrypted_versioned_and_forgets_old_versions(s3: Any, progress: Progress) -> None:
    create(s3, progress)
    assert set(s3.get_public_access_block(Bucket=NAME)["PublicAccessBlockConfiguration"].values()) == {True}
    rules = s3.get_bucket_encryption(Bucket=NAME)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rules[0]["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    assert s3.get_bucket_versioning(Bucket=NAME)["Status"] == "Enabled"
    rule = s3.get_bucket_lifecycle_configuration(Bucket=NAME)["Rules"][0]
    assert rule["NoncurrentVersionExpiration"] == {"NoncurrentDays": 30}


def test_a_new_bucket_is_reached_over_tls_only(s3: Any, progress: Progress) -> None:
    create(s3, progress, partition="aws-cn")
    statement = json.loads(s3.get_bucket_policy(Bucket=NAME)["Policy"])["Statement"][0]
    assert statement["Effect"] == "Deny"
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert statement["Resource"] == [f"arn:aws-cn:s3:::{NAME}", f"arn:aws-cn:s3:::{NAME}/*"]


def test_a_bucket_is_made_in_the_environments_region(progress: Progress) -> None:
    with mock_aws():
        s3 = boto3.client("s3", region_name="eu-central-1")
        create(s3, progress, region="eu-central-1")
        assert s3.get_bucket_location(Bucket=NAME)["LocationConstraint"] == "eu-central-1"


def test_making_a_bucket_that_exists_protects_it_anew(s3: Any, progress: Progress, shown: io.StringIO) -> None:
    create(s3, progress)
    s3.put_bucket_versioning(Bucket=NAME, VersioningConfiguration={"Status": "Suspended"})
    create(s3, progress)
    assert s3.get_bucket_versioning(Bucket=NAME)["Status"] == "Enabled"
    assert shown.getvalue().splitlines() == [f"{NAME}: created", f"{NAME}: exists already"]


def test_a_name_that_somebody_else_has_is_told(s3: Any, progress: Progress) -> None:
    with Stubber(s3) as stubber:
        stubber.add_client_error("head_bucket", "403")
        with pytest.raises(ConfigurationError, match="artifact_bucket"):
            create(s3, progress)


def test_other_errors_of_s3_are_not_taken_for_a_missing_bucket(s3: Any, progress: Progress) -> None:
    for action, operation in (
        (lambda: create(s3, progress), "head_bucket"),
        (lambda: buckets.holds_objects(s3, NAME), "list_objects_v2"),
        (lambda: buckets.empty(s3, NAME, progress), "list_object_versions"),
    ):
        with Stubber(s3) as stubber:
            stubber.add_client_error(operation, "SlowDown")
            with pytest.raises(ClientError, match="SlowDown"):
                action()


def test_a_bucket_holds_objects_only_if_there_is_one(s3: Any) -> None:
    assert not buckets.holds_objects(s3, NAME)
    s3.create_bucket(Bucket=NAME)
    assert not buckets.holds_objects(s3, NAME)
    s3.put_object(Bucket=NAME, Key="a", Body=b"")
    assert buckets.holds_objects(s3, NAME)


def test_deleting_a_bucket_takes_all_versions_delete_markers_and_unfinished_uploads(
    s3: Any, progress: Progress, shown: io.StringIO
) -> None:
    s3.create_bucket(Bucket=NAME)
    s3.put_bucket_versioning(Bucket=NAME, VersioningConfiguration={"Status": "Enabled"})
    for _ in range(2):
        s3.put_object(Bucket=NAME, Key="a", Body=b"")
    s3.delete_object(Bucket=NAME, Key="a")
    s3.create_multipart_upload(Bucket=NAME, Key="b")
    buckets.delete(s3, NAME, progress)
    assert s3.list_buckets()["Buckets"] == []
    assert f"{NAME}: emptied, 3 versions" in shown.getvalue()


def test_emptying_goes_on_until_nothing_is_left(s3: Any, progress: Progress, shown: io.StringIO) -> None:
    with Stubber(s3) as stubber:
        for key in ("first", "written-meanwhile"):
            version = {"Key": key, "VersionId": "1"}
            stubber.add_response("list_object_versions", {"IsTruncated": True, "Versions": [version]}, {"Bucket": NAME})
            stubber.add_response(
                "delete_objects", {}, {"Bucket": NAME, "Delete": {"Objects": [version], "Quiet": True}}
            )
        stubber.add_response("list_object_versions", {})
        stubber.add_response("list_multipart_uploads", {})
        buckets.empty(s3, NAME, progress)
        stubber.assert_no_pending_responses()
    assert f"{NAME}: emptied, 2 versions" in shown.getvalue()


def test_deleting_a_bucket_that_does_not_exist_is_fine(s3: Any, progress: Progress, shown: io.StringIO) -> None:
    buckets.delete(s3, NAME, progress)
    assert f"{NAME}: there is none" in shown.getvalue()


def test_an_object_that_cannot_be_deleted_is_named(s3: Any, progress: Progress) -> None:
    with Stubber(s3) as stubber:
        stubber.add_response(
            "list_object_versions", {"IsTruncated": False, "Versions": [{"Key": "locked", "VersionId": "1"}]}
        )
        stubber.add_response("delete_objects", {"Errors": [{"Key": "locked", "Code": "AccessDenied", "Message": "No"}]})
        with pytest.raises(DeploymentError, match="locked cannot be deleted: AccessDenied No"):
            buckets.empty(s3, NAME, progress)
