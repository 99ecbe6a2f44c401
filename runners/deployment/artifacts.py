"""What the stacks take from the artifact bucket: the Lambda package and the Glue scripts. It only ever adds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from runners.deployment.environment import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_s3 import S3Client

    from runners.deployment.packaging import Package
    from runners.deployment.progress import Progress

SCRIPTS = ROOT / "glue-scripts"
_SCRIPT_KINDS = (".py", ".sql")


def upload_package(s3: S3Client, bucket: str, package: Package, progress: Progress) -> None:
    """Upload a Lambda package, unless one with the very same contents is there."""
    where = f"s3://{bucket}/{package.key}"
    try:
        s3.head_object(Bucket=bucket, Key=package.key)
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("404", "NoSuchKey"):
            raise
    else:
        progress.say(f"{where}: uploaded already")
        return
    with progress.working(f"uploading {package.path.name}"), package.path.open("rb") as file:
        s3.put_object(Bucket=bucket, Key=package.key, Body=file)
    progress.say(f"{where}: uploaded")


def upload_scripts(s3: S3Client, bucket: str, prefix: str, progress: Progress, scripts: Path = SCRIPTS) -> None:
    """Upload the Glue scripts; the next run of a job takes the new ones."""
    found = sorted(path for path in scripts.rglob("*") if path.suffix in _SCRIPT_KINDS)
    with progress.working(f"uploading {len(found)} Glue scripts"):
        for path in found:
            key = prefix + path.relative_to(scripts).as_posix()
            s3.put_object(Bucket=bucket, Key=key, Body=path.read_bytes())
    progress.say(f"s3://{bucket}/{prefix}: {len(found)} Glue scripts uploaded")


def update_function(functions: LambdaClient, name: str, bucket: str, package: Package, progress: Progress) -> None:
    """Give a deployed Lambda function the package's code at once, and wait until it runs it."""
    with progress.working(f"updating the code of {name}"):
        functions.update_function_code(FunctionName=name, S3Bucket=bucket, S3Key=package.key)
        functions.get_waiter("function_updated_v2").wait(
            FunctionName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 120}
        )
    progress.say(f"{name}: runs {package.sha256[:12]}")
