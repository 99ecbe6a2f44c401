"""Who is on watch: of all invocations that run at the same time, one opens polls for a runner.

A record in the table of active jobs says until when polls are open. It spares cost and is no lock: that two are on
watch, or nobody for a minute, does no harm. While the table is away nobody goes on watch, as no task could be claimed.
Nothing here knows what a poll is.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from runners.retries import repeated
from runners.tables import condition_failed

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_dynamodb import DynamoDBClient

log = logging.getLogger(__name__)

PARTITION = ".turn"  # ends the partition of a runner's record, so that no sweep comes across it
WATCH_LASTS = timedelta(seconds=60)  # as long as a poll that stays empty
LONGEST_WITHOUT = timedelta(hours=3)
"""After so long without an open poll, one is opened whatever is known of executions: what cannot be seen may wait."""


class Watch:
    """The record of one runner: partition ``{runner}.turn``, sort key ``watch``.

    Args:
        runner: the runner's name.
        table: the table of active jobs.
        dynamodb: a client.
        now: the clock.

    """

    def __init__(
        self,
        runner: str,
        table: str,
        dynamodb: DynamoDBClient,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._key: dict[str, Any] = {"runner": {"S": f"{runner}{PARTITION}"}, "task_key": {"S": "watch"}}
        self._table = table
        self._dynamodb = dynamodb
        self._now = now
        self._mine: dict[str, str] | None = None

    def is_kept(self, so_long: timedelta) -> bool:
        """Whether polls of somebody will be open at least so long."""
        now = self._now()
        return self._time("open_until", otherwise=now) >= now + so_long

    def is_overdue(self) -> bool:
        """Whether nobody has polled for ``LONGEST_WITHOUT``."""
        now = self._now()
        return now - self._time("polled_at", otherwise=now) > LONGEST_WITHOUT

    def take(self, unless_kept: timedelta) -> bool:
        """Go on watch. False if somebody else is, and will be at least so long."""
        now = self._now()
        until = _number(now + WATCH_LASTS)
        needed = _number(now + unless_kept)
        taken = self._put(until, now, "attribute_not_exists(open_until) OR open_until < :needed", {":needed": needed})
        self._mine = until if taken else None
        return taken

    def end(self) -> None:
        """Say that our polls are open no more; whoever has gone on watch after us stays."""
        if self._mine is not None:
            now = self._now()
            self._put(_number(now), now, "open_until = :mine", {":mine": self._mine})
            self._mine = None

    def _put(self, until: dict[str, str], polled_at: datetime, condition: str, values: dict[str, Any]) -> bool:
        try:
            repeated(self._dynamodb.put_item)(
                TableName=self._table,
                Item={**self._key, "open_until": until, "polled_at": _number(polled_at)},
                ConditionExpression=condition,
                ExpressionAttributeValues=values,
            )
        except (ClientError, BotoCoreError) as error:
            if not condition_failed(error):
                log.exception("the watch could not be changed", extra={"action": "watch_failed"})
            return False
        return True

    def _time(self, name: str, otherwise: datetime) -> datetime:
        try:
            answer = repeated(self._dynamodb.get_item)(TableName=self._table, Key=self._key, ConsistentRead=True)
        except (ClientError, BotoCoreError):
            log.exception("the watch could not be read", extra={"action": "watch_failed"})
            return otherwise
        return datetime.fromtimestamp(float(answer.get("Item", {}).get(name, {}).get("N", "0")), UTC)


def _number(moment: datetime) -> dict[str, str]:
    return {"N": str(round(Decimal(moment.timestamp()), 3))}
