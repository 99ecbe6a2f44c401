"""What all unit tests share: no way to reach AWS, no waiting between tries, and parts that are faked the same way."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

import boto3
import pytest
from moto import mock_aws

from runners.active_jobs import ActiveJobs
from runners.arrivals import Arrivals
from tests.unit.doubles import Clock

if TYPE_CHECKING:
    from collections.abc import Iterator

ACTIVE_JOBS = "active-jobs"
ARRIVALS = "arrivals"


@pytest.fixture(autouse=True)
def no_way_to_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")


@pytest.fixture(autouse=True)
def naps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that tenacity would have waited."""
    waited: list[float] = []
    monkeypatch.setattr("tenacity.nap.time", SimpleNamespace(sleep=waited.append))
    return waited


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def aws() -> Iterator[None]:
    """AWS in memory, empty."""
    with mock_aws():
        yield


@pytest.fixture
def dynamodb(aws: None):
    """A client, with both tables there."""
    client = boto3.client("dynamodb")
    key = {"AttributeType": "S"}
    client.create_table(
        TableName=ACTIVE_JOBS,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[
            {"AttributeName": "runner", "KeyType": "HASH"},
            {"AttributeName": "task_key", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[{"AttributeName": name, **key} for name in ("runner", "task_key", "run_id")],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by_run",
                "KeySchema": [{"AttributeName": "run_id", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
    )
    client.create_table(
        TableName=ARRIVALS,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "bucket", "KeyType": "HASH"}, {"AttributeName": "key", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": name, **key} for name in ("bucket", "key")],
    )
    return client


@pytest.fixture
def active_jobs(dynamodb) -> ActiveJobs:
    return ActiveJobs(ACTIVE_JOBS, dynamodb)


@pytest.fixture
def arrivals(dynamodb) -> Arrivals:
    return Arrivals(ARRIVALS, dynamodb)
