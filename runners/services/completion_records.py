"""The records of completions as a service reads them: what jobs have reported of themselves, many at a time.

What is written by those who do the work stands in ``runners.completions``; a service writes only that a job is not to
begin any more.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from runners.completions import KEPT_FOR, CompletionStatus, texts_of
from runners.errors import ConfigurationError
from runners.retries import repeated
from runners.tables import condition_failed

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from mypy_boto3_dynamodb import DynamoDBClient


AT_ONCE = 100
"""Records that one call reads, at most: BatchGetItem's limit."""

_utc_now = partial(datetime.now, UTC)


class CompletionRecords:
    """The table of completions, for a service.

    Args:
        table: its name.
        dynamodb: a client.
        now: the clock.

    Raises:
        ConfigurationError: no table is named.

    """

    def __init__(self, table: str, dynamodb: DynamoDBClient, now: Callable[[], datetime] = _utc_now) -> None:
        if not table:
            raise ConfigurationError("RUNNERS_COMPLETIONS_TABLE is not set: say where jobs report how they end")
        self._table = table
        self._dynamodb = dynamodb
        self._now = now

    def has(self, key: str) -> bool:
        """Whether a job has begun, or never will."""
        answer = repeated(self._dynamodb.get_item)(
            TableName=self._table, Key=key_of(key), ConsistentRead=True, ProjectionExpression="completion_key"
        )
        return "Item" in answer

    def read(self, keys: Collection[str]) -> dict[str, Mapping[str, str]]:
        """Return the record of each key, empty where there is none; without those that the table did not answer about.

        Args:
            keys: ``AT_ONCE`` at most.

        """
        records: dict[str, Mapping[str, str]] = {key: {} for key in keys}
        asked: Any = {self._table: {"Keys": [key_of(key) for key in records], "ConsistentRead": True}}
        while asked:
            answer = repeated(self._dynamodb.batch_get_item)(RequestItems=asked)
            found = [texts_of(item) for item in answer["Responses"].get(self._table, [])]
            records |= {record["completion_key"]: record for record in found}
            asked = answer.get("UnprocessedKeys")
            if asked and not found:  # the table is busy; a later sweep asks again
                unread = {texts_of(key)["completion_key"] for key in asked[self._table]["Keys"]}
                return {key: record for key, record in records.items() if key not in unread}
        return records

    def cancel(self, key: str) -> bool:
        """Keep a job from beginning; False if it has begun, or was cancelled before."""
        item = {
            **key_of(key),
            "status": {"S": CompletionStatus.CANCELLED},
            "ended_at": {"S": self._now().isoformat()},
            "expires_at": self._expiry(),
        }
        try:
            repeated(self._dynamodb.put_item)(
                TableName=self._table, Item=item, ConditionExpression="attribute_not_exists(completion_key)"
            )
        except ClientError as error:
            if not condition_failed(error):
                raise
            return False
        return True

    def _expiry(self) -> dict[str, str]:
        return {"N": str(int((self._now() + KEPT_FOR).timestamp()))}


def duration(record: Mapping[str, str]) -> float | None:
    """Return the seconds from the beginning of a job to its end; None before that."""
    begun, ended = record.get("begun_at"), record.get("ended_at")
    if begun is None or ended is None:
        return None
    return (datetime.fromisoformat(ended) - datetime.fromisoformat(begun)).total_seconds()


def key_of(key: str) -> dict[str, Any]:
    """Return the key of a record, as DynamoDB takes it."""
    return {"completion_key": {"S": key}}
