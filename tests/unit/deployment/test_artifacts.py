"""What is uploaded for the stacks to take, and functions that get new code."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber
from moto import mock_aws

from runners.deployment import artifacts
from runners.deployment.packaging import Package
from runners.deployment.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Iterator

BUCKET = "artifacts"


@pytest.fixture
def s3() -> Iterator[Any]:
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket=BUCKET)
        yield client


@pytest.fixture
def built(tmp_path: Path) -> Package:
    path = tmp_path / "lambda.zip"
    path.write_bytes(b"zip")
    return Package(path, "abc")


def test_the_package_is_uploaded_under_its_hash(s3: Any, built: Package, progress: Progress) -> None:
    artifacts.upload_package(s3, BUCKET, built, progress)
    assert s3.get_object(Bucket=BUCKET, Key="lambda/abc.zip")["Body"].read() == b"zip"


def test_the_same_package_is_not_uploaded_twice(
    s3: Any, built: Package, progress: Progress, shown: io.StringIO
) -> None:
    artifacts.upload_package(s3, BUCKET, built, progress)
    built.path.unlink()
    artifacts.upload_package(s3, BUCKET, built, progress)
    assert shown.getvalue().splitlines()[-1] == "s3://artifacts/lambda/abc.zip: uploaded already"


def test_another_answer_than_missing_is_not_taken_for_missing(s3: Any, built: Package, progress: Progress) -> None:
    with Stubber(s3) as stubber:
        stubber.add_client_error("head_object", "403")
        with pytest.raises(ClientError, match="403"):
            artifacts.upload_package(s3, BUCKET, built, progress)


def test_scripts_and_queries_are_uploaded_below_the_prefix_and_nothing_else(
    s3: Any, progress: Progress, shown: io.StringIO, tmp_path: Path
) -> None:
    for name in ("job.py", "query.sql", "part/other.py", "notes.txt", "__pycache__/job.pyc"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name, encoding="utf-8")
    artifacts.upload_scripts(s3, BUCKET, "scripts/", progress, tmp_path)
    keys = [found["Key"] for found in s3.list_objects_v2(Bucket=BUCKET)["Contents"]]
    assert keys == ["scripts/job.py", "scripts/part/other.py", "scripts/query.sql"]
    assert "3 Glue scripts uploaded" in shown.getvalue()


def test_new_scripts_replace_the_old_ones(s3: Any, progress: Progress, tmp_path: Path) -> None:
    for text in ("old", "new"):
        (tmp_path / "query.sql").write_text(text, encoding="utf-8")
        artifacts.upload_scripts(s3, BUCKET, "scripts/", progress, tmp_path)
    assert s3.get_object(Bucket=BUCKET, Key="scripts/query.sql")["Body"].read() == b"new"


def test_a_function_gets_the_package_and_is_waited_for(built: Package, progress: Progress, shown: io.StringIO) -> None:
    functions: Any = boto3.client(
        "lambda", region_name="us-east-1", aws_access_key_id="none", aws_secret_access_key="none"
    )
    with Stubber(functions) as stubber:
        stubber.add_response(
            "update_function_code",
            {},
            {"FunctionName": "gluerunner", "S3Bucket": BUCKET, "S3Key": "lambda/abc.zip"},
        )
        stubber.add_response(
            "get_function", {"Configuration": {"LastUpdateStatus": "Successful"}}, {"FunctionName": "gluerunner"}
        )
        artifacts.update_function(functions, "gluerunner", BUCKET, built, progress)
        stubber.assert_no_pending_responses()
    assert "gluerunner: runs abc" in shown.getvalue()
