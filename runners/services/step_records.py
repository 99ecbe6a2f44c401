"""What a service may write into the records of steps, which beat while they run: stopped, or given up as lost.

Both are written on a condition, and a step asks for its record before it publishes: so a step that was given up, and
is only slow, publishes nothing any more.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from runners.completions import CompletionStatus
from runners.retries import repeated
from runners.services.completion_records import CompletionRecords, key_of
from runners.tables import condition_failed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runners.job import Failed

_HAS_BEGUN = "#status = :begun"
_NEVER_BEAT = f"{_HAS_BEGUN} AND attribute_not_exists(beat_at)"
_DOES_NOT_PUBLISH = f"{_HAS_BEGUN} AND attribute_not_exists(finishing_at)"


class StepRecords(CompletionRecords):
    """The table of completions, for steps."""

    def stop(self, key: str) -> bool:
        """Keep a step from beginning, and from publishing if it has begun; False if it publishes, or has ended."""
        return self.cancel(key) or self._end(key, {"status": CompletionStatus.CANCELLED}, _DOES_NOT_PUBLISH)

    def give_up(self, key: str, seen: Mapping[str, str], failed: Failed) -> bool:
        """Write that a step is lost; False if something was heard of it since its record was read.

        Args:
            key: the step's.
            seen: its record as it was read; empty if there was none.
            failed: how its task is to fail.

        """
        said = {"status": CompletionStatus.FAILED, "error": failed.error, "cause": json.dumps(failed.cause)}
        if not seen:
            return self._end(key, said, "attribute_not_exists(completion_key)")
        if "beat_at" not in seen:
            return self._end(key, said, _NEVER_BEAT)
        return self._end(key, said, f"{_HAS_BEGUN} AND beat_at = :seen", seen["beat_at"])

    def _end(self, key: str, said: Mapping[str, str], condition: str, seen: str = "") -> bool:
        texts = {**said, "ended_at": self._now().isoformat()}
        compared = {":begun": CompletionStatus.BEGUN, ":seen": seen}
        told = {f":{name}": text for name, text in texts.items()}
        told |= {name: text for name, text in compared.items() if name in condition}  # DynamoDB refuses others
        values: dict[str, Any] = {name: {"S": text} for name, text in told.items()}
        assignments = ", ".join(f"#{name} = :{name}" for name in texts)
        try:
            repeated(self._dynamodb.update_item)(
                TableName=self._table,
                Key=key_of(key),
                UpdateExpression=f"SET {assignments}, expires_at = :expires_at",
                ConditionExpression=condition,
                ExpressionAttributeNames={f"#{name}": name for name in texts},
                ExpressionAttributeValues={**values, ":expires_at": self._expiry()},
            )
        except ClientError as error:
            if not condition_failed(error):
                raise
            return False
        return True
