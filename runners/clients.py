"""The boto3 clients, with the time-outs that each use needs and no retries of their own; who asks for one keeps it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_athena import AthenaClient
    from mypy_boto3_batch import BatchClient
    from mypy_boto3_databrew import GlueDataBrewClient
    from mypy_boto3_dms import DatabaseMigrationServiceClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_ecs import ECSClient
    from mypy_boto3_emr import EMRClient
    from mypy_boto3_emr_serverless import EMRServerlessClient
    from mypy_boto3_glue import GlueClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_redshift_data import RedshiftDataAPIServiceClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_stepfunctions import SFNClient

CONNECT_TIMEOUT = 5.0  # seconds
READ_TIMEOUT = 30.0  # seconds; well below the lease under which a job is started
POLL_READ_TIMEOUT = 70.0  # seconds; GetActivityTask holds the connection for up to 60
CONNECTIONS = 64  # of one client at a time
MAX_POLLS = 1_000  # open polls of one activity at a time; Step Functions' hard limit

_shared: dict[tuple[str, str], Any] | None = None
_connections = CONNECTIONS


@contextmanager
def shared(connections: int) -> Iterator[None]:
    """Give everybody who asks within this block the same client of a service, for a process with many runners.

    Clients may be used by many threads at a time.

    Args:
        connections: of one client at a time, at least.

    """
    global _shared, _connections
    before = _shared, _connections
    _shared, _connections = {}, connections
    try:
        yield
    finally:
        _shared, _connections = before


def _client(service: str, **changes: Any) -> Any:
    if _shared is None:
        return _made(service, **changes)
    key = (service, repr(changes))
    if key not in _shared:
        _shared[key] = _made(service, **changes)
    return _shared[key]


def _made(service: str, **changes: Any) -> Any:
    # One attempt: a poll that botocore repeats loses the task that was on the wire, and everything else is
    # repeated by the policies in runners.retries.
    settings: dict[str, Any] = {
        "connect_timeout": CONNECT_TIMEOUT,
        "read_timeout": READ_TIMEOUT,
        "max_pool_connections": CONNECTIONS,
        "retries": {"total_max_attempts": 1, "mode": "standard"},
    }
    settings |= changes
    settings["max_pool_connections"] = max(settings["max_pool_connections"], _connections)
    return boto3.client(service, config=Config(**settings))


def of(service: str) -> Any:
    """Return a client of a service that has no function of its own below, e.g. ``ssm``."""
    return _client(service)


def step_functions() -> SFNClient:
    """Return a client for reports and heartbeats."""
    client: SFNClient = _client("stepfunctions")
    return client


def step_functions_polls() -> SFNClient:
    """Return a client for polls, which wait for up to a minute."""
    client: SFNClient = _client("stepfunctions", read_timeout=POLL_READ_TIMEOUT, max_pool_connections=MAX_POLLS)
    return client


def dynamodb() -> DynamoDBClient:
    """Return a client for the tables."""
    client: DynamoDBClient = _client("dynamodb")
    return client


def glue() -> GlueClient:
    """Return a client for Glue."""
    client: GlueClient = _client("glue")
    return client


def s3() -> S3Client:
    """Return a client for S3."""
    client: S3Client = _client("s3")
    return client


def athena() -> AthenaClient:
    """Return a client for Athena."""
    client: AthenaClient = _client("athena")
    return client


def dms() -> DatabaseMigrationServiceClient:
    """Return a client for DMS."""
    client: DatabaseMigrationServiceClient = _client("dms")
    return client


def databrew() -> GlueDataBrewClient:
    """Return a client for Glue DataBrew."""
    client: GlueDataBrewClient = _client("databrew")
    return client


def emr() -> EMRClient:
    """Return a client for EMR on EC2."""
    client: EMRClient = _client("emr")
    return client


def emr_serverless() -> EMRServerlessClient:
    """Return a client for EMR Serverless."""
    client: EMRServerlessClient = _client("emr-serverless")
    return client


def redshift_data() -> RedshiftDataAPIServiceClient:
    """Return a client for the Redshift Data API."""
    client: RedshiftDataAPIServiceClient = _client("redshift-data")
    return client


def batch() -> BatchClient:
    """Return a client for Batch."""
    client: BatchClient = _client("batch")
    return client


def ecs() -> ECSClient:
    """Return a client for ECS."""
    client: ECSClient = _client("ecs")
    return client


def lambda_functions() -> LambdaClient:
    """Return a client for Lambda."""
    client: LambdaClient = _client("lambda")
    return client
