"""The DynamoDB table of arrivals: the latest creation that was noticed of each object, for operators and audits.

It answers "did the event come, and when?". Waits are never released from it: S3 itself is asked (see
``runners.services.data_arrivals``), so an event that was lost, repeated or late cannot make a wait wrong.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from runners.arrival import Arrival
from runners.retries import repeated
from runners.tables import condition_failed, items_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_dynamodb import DynamoDBClient

KEPT_FOR = timedelta(days=90)  # then DynamoDB's time to live removes the record
_SEQUENCER_DIGITS = 64


class Arrivals:
    """The table: partition key ``bucket``, sort key ``key``, time to live ``expires_at``."""

    def __init__(self, table: str, dynamodb: DynamoDBClient) -> None:
        self._table = table
        self._dynamodb = dynamodb

    def record(self, arrival: Arrival, now: datetime) -> None:
        """Record an arrival; one that is older than what is recorded of its key changes nothing."""
        item: dict[str, Any] = {
            "bucket": {"S": arrival.bucket},
            "key": {"S": arrival.key},
            "size": {"N": str(arrival.size)},
            "etag": {"S": arrival.etag},
            "sequencer": {"S": _comparable(arrival.sequencer)},
            "arrived_at": {"S": arrival.time.isoformat()},
            "recorded_at": {"S": now.isoformat()},
            "expires_at": {"N": str(int((now + KEPT_FOR).timestamp()))},
        }
        if arrival.version_id is not None:
            item["version_id"] = {"S": arrival.version_id}
        try:
            self._put(item)
        except ClientError as error:
            if not condition_failed(error):
                raise

    def of_bucket(self, bucket: str, prefix: str = "") -> Iterator[Arrival]:
        """Yield what was noticed in a bucket, under a prefix, by key."""
        query: dict[str, Any] = {
            "TableName": self._table,
            "KeyConditionExpression": "#bucket = :bucket",
            "ExpressionAttributeNames": {"#bucket": "bucket"},
            "ExpressionAttributeValues": {":bucket": {"S": bucket}},
        }
        if prefix:
            query["KeyConditionExpression"] += " AND begins_with(#key, :prefix)"
            query["ExpressionAttributeNames"]["#key"] = "key"
            query["ExpressionAttributeValues"][":prefix"] = {"S": prefix}
        yield from map(_arrival_of, items_of(self._dynamodb.query, **query))

    @repeated
    def _put(self, item: dict[str, Any]) -> None:
        self._dynamodb.put_item(
            TableName=self._table,
            Item=item,
            ConditionExpression="attribute_not_exists(sequencer) OR sequencer <= :sequencer",
            ExpressionAttributeValues={":sequencer": item["sequencer"]},
        )


def _comparable(sequencer: str) -> str:
    # Sequencers have different lengths; filled up on the right with zeros they compare as texts (S3 User Guide,
    # "Event message structure").
    return sequencer.upper().ljust(_SEQUENCER_DIGITS, "0")


def _arrival_of(item: dict[str, Any]) -> Arrival:
    return Arrival(
        bucket=item["bucket"]["S"],
        key=item["key"]["S"],
        size=int(item["size"]["N"]),
        etag=item["etag"]["S"],
        version_id=item["version_id"]["S"] if "version_id" in item else None,
        sequencer=item["sequencer"]["S"],
        time=datetime.fromisoformat(item["arrived_at"]["S"]),
    )
