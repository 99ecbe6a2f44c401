"""How far incremental steps have come: one item a step in a DynamoDB table, moved on conditionally.

Table: partition key ``step``; the attributes ``value`` (a text), ``kind`` (``int``, ``text``, ``timestamp``, ``date``),
``version``, ``execution`` and ``moved_at``. It is written after the target has committed, never before: whoever dies
in between moves the same rows again, which upserts and overwrites take without harm.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from runners.retries import repeated
from runners.steps.errors import StepFailed, ValidationFailed
from runners.tables import condition_failed

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

CursorValue = int | str | date | datetime

_utc_now = partial(datetime.now, UTC)


@dataclass(frozen=True)
class Cursor:
    """How far a step has come.

    Attributes:
        value: the largest value of the cursor's column that was moved.
        version: counts the writes.

    """

    value: CursorValue
    version: int


class Cursors:
    """The table of cursors.

    Args:
        table: its name.
        dynamodb: a client.
        now: the clock.

    """

    def __init__(self, table: str, dynamodb: DynamoDBClient, now: Callable[[], datetime] = _utc_now) -> None:
        self._table = table
        self._dynamodb = dynamodb
        self._now = now

    def read(self, step: str) -> Cursor | None:
        """Return how far a step has come; None if it has never been run."""
        answer = repeated(self._dynamodb.get_item)(
            TableName=self._table, Key={"step": {"S": step}}, ConsistentRead=True
        )
        item = answer.get("Item")
        if item is None:
            return None
        return Cursor(_value_of(item["kind"]["S"], item["value"]["S"]), int(item["version"]["N"]))

    def move(self, step: str, value: CursorValue, seen: Cursor | None, execution: str = "") -> None:
        """Move a step's cursor on, from the one that was read.

        Raises:
            StepFailed: somebody else has moved it meanwhile: two runs of one step at the same time.

        """
        kind, text = _text_of(value)
        before = {"before": {"N": str(seen.version)}} if seen else {}
        item: dict[str, Any] = {
            "step": {"S": step},
            "kind": {"S": kind},
            "value": {"S": text},
            "version": {"N": str(seen.version + 1 if seen else 1)},
            "moved_at": {"S": self._now().isoformat()},
            "execution": {"S": execution},
        }
        call: dict[str, Any] = {"TableName": self._table, "Item": item}
        if seen is None:
            call["ConditionExpression"] = "attribute_not_exists(step)"
        else:
            call |= {
                "ConditionExpression": "#version = :before",
                "ExpressionAttributeNames": {"#version": "version"},
                "ExpressionAttributeValues": {f":{name}": number for name, number in before.items()},
            }
        try:
            repeated(self._dynamodb.put_item)(**call)
        except ClientError as error:
            # A try whose answer was lost finds its own write.
            if condition_failed(error) and self.read(step) != Cursor(value, (seen.version if seen else 0) + 1):
                raise StepFailed(
                    f"the cursor of {step!r} was moved by somebody else meanwhile: two runs of it at one time. The "
                    "rows were written; run it again, alone"
                ) from None
            if not condition_failed(error):
                raise


class UnsetCursors(Cursors):
    """Stands where no table is named: whoever needs one is told so."""

    def __init__(self) -> None:
        """Need nothing."""

    def read(self, step: str) -> Cursor | None:
        """Refuse."""
        raise ValidationFailed(
            f"the step {step!r} is incremental, and no table of cursors is named: set RUNNERS_CURSORS_TABLE"
        )


def _text_of(value: CursorValue) -> tuple[str, str]:
    if isinstance(value, datetime):
        return "timestamp", value.isoformat()
    if isinstance(value, date):
        return "date", value.isoformat()
    return ("int", str(value)) if isinstance(value, int) else ("text", value)


def _value_of(kind: str, text: str) -> CursorValue:
    readers: dict[str, Callable[[str], CursorValue]] = {
        "int": int,
        "timestamp": datetime.fromisoformat,
        "date": date.fromisoformat,
        "text": str,
    }
    return readers[kind](text)
