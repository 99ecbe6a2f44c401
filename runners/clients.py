"""The boto3 clients, made once a process, with the time-outs that each use needs and no retries of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_glue import GlueClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_stepfunctions import SFNClient

CONNECT_TIMEOUT = 5.0  # seconds
READ_TIMEOUT = 30.0  # seconds; well below the lease under which a job is started
POLL_READ_TIMEOUT = 70.0  # seconds; GetActivityTask holds the connection for up to 60
CONNECTIONS = 64  # of one client at a time


def _config(**changes: Any) -> Config:
    # One attempt: a poll that botocore repeats loses the task that was on the wire, and everything else is
    # repeated by the policies in runners.retries.
    settings: dict[str, Any] = {
        "connect_timeout": CONNECT_TIMEOUT,
        "read_timeout": READ_TIMEOUT,
        "max_pool_connections": CONNECTIONS,
        "retries": {"total_max_attempts": 1, "mode": "standard"},
    }
    return Config(**{**settings, **changes})


def step_functions() -> SFNClient:
    """Return a client for reports and heartbeats."""
    return boto3.client("stepfunctions", config=_config())


def step_functions_polls(polls: int) -> SFNClient:
    """Return a client for ``polls`` open polls at a time."""
    return boto3.client(
        "stepfunctions", config=_config(read_timeout=POLL_READ_TIMEOUT, max_pool_connections=max(polls, 1))
    )


def dynamodb() -> DynamoDBClient:
    """Return a client for the tables."""
    return boto3.client("dynamodb", config=_config())


def glue() -> GlueClient:
    """Return a client for Glue."""
    return boto3.client("glue", config=_config())


def s3() -> S3Client:
    """Return a client for S3."""
    return boto3.client("s3", config=_config())
