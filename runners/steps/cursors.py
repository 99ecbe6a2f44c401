"""How far incremental steps have come: one item a step in a DynamoDB table, written conditionally.

Table: partition key ``step``; the attributes ``value`` (a text), ``kind`` (``int``, ``text``, ``timestamp``, ``date``),
``version``, ``execution`` and ``moved_at``. A cursor is moved on after the target has committed, never before. How far
it will be moved, and by which repeat key, is noted right before the commit, in ``publishing_value``,
``publishing_kind`` and ``publishing_key``: whoever dies in between leaves word of what may be in the target already,
and the next run completes just that, by the same key.

What a step from a queue has published is noted here as well, under the names of its ends (``runners.steps.handover``).
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

_PUBLISHING = "publishing_"  # what the names of attributes begin with that tell of a run about to publish

_utc_now = partial(datetime.now, UTC)


@dataclass(frozen=True)
class Publishing:
    """A run that was about to publish, of which nothing was heard since.

    Attributes:
        value: how far it came.
        key: the repeat key of what it wrote.
        execution: the ARN of the execution that asked; empty on a laptop.

    """

    value: CursorValue
    key: str
    execution: str = ""


@dataclass(frozen=True)
class Cursor:
    """How far a step has come.

    Attributes:
        value: the largest value of the cursor's column that was moved; None before the first rows.
        version: counts the writes.
        publishing: the run that has not said whether it has published.

    """

    value: CursorValue | None
    version: int
    publishing: Publishing | None = None


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
        begun = _value_in(item, _PUBLISHING)
        key, execution = item.get(f"{_PUBLISHING}key", {}).get("S", ""), item["execution"]["S"]
        publishing = None if begun is None else Publishing(begun, key, execution)
        return Cursor(_value_in(item), int(item["version"]["N"]), publishing)

    def publish(self, step: str, publishing: Publishing, seen: Cursor | None) -> Cursor:
        """Note, right before it publishes, how far a run has come; return the cursor as it is now.

        Args:
            step: the cursor's name.
            publishing: where the cursor is to be moved once the rows are published, and what they are known by.
            seen: the cursor as it was read.

        Raises:
            StepFailed: somebody else has moved it meanwhile, or is about to publish as well.

        """
        before = seen or Cursor(None, 0)
        cursor = Cursor(before.value, before.version + 1, publishing)
        return self._write(step, cursor, seen, publishing.execution)

    def move(self, step: str, value: CursorValue, seen: Cursor | None, execution: str = "") -> Cursor:
        """Move a step's cursor on, from the one that was read; return it as it is now.

        Raises:
            StepFailed: somebody else has moved it meanwhile: two runs of one step at the same time.

        """
        return self._write(step, Cursor(value, seen.version + 1 if seen else 1), seen, execution)

    def _write(self, step: str, cursor: Cursor, seen: Cursor | None, execution: str) -> Cursor:
        call: dict[str, Any] = {"TableName": self._table, "Item": self._item(step, cursor, execution)}
        if seen is None:
            call["ConditionExpression"] = "attribute_not_exists(step)"
        else:
            call |= {
                "ConditionExpression": "#version = :before",
                "ExpressionAttributeNames": {"#version": "version"},
                "ExpressionAttributeValues": {":before": {"N": str(seen.version)}},
            }
        try:
            repeated(self._dynamodb.put_item)(**call)
        except ClientError as error:
            # A try whose answer was lost finds its own write.
            if condition_failed(error) and self.read(step) != cursor:
                raise moved_meanwhile(step, cursor) from None
            if not condition_failed(error):
                raise
        return cursor

    def _item(self, step: str, cursor: Cursor, execution: str) -> dict[str, Any]:
        item = {
            "step": {"S": step},
            "version": {"N": str(cursor.version)},
            "moved_at": {"S": self._now().isoformat()},
            "execution": {"S": execution},
        }
        if cursor.value is not None:
            item |= _attributes_of(cursor.value)
        if cursor.publishing:
            item |= _attributes_of(cursor.publishing.value, _PUBLISHING)
            item[f"{_PUBLISHING}key"] = {"S": cursor.publishing.key}
        return item


def moved_meanwhile(step: str, meant: Cursor) -> StepFailed:
    """Return the error of a run that finds the cursor elsewhere than it has read it.

    Args:
        step: the cursor's name.
        meant: what it would have written.

    """
    done = "Nothing was published" if meant.publishing else "The rows were written"
    return StepFailed(
        f"the cursor of {step!r} was moved by somebody else meanwhile: two runs of it at one time. {done}; run it "
        "again, alone"
    )


class UnsetCursors(Cursors):
    """Stands where no table is named: whoever needs one is told so."""

    def __init__(self) -> None:
        """Need nothing."""

    def read(self, step: str) -> Cursor | None:
        """Refuse."""
        raise ValidationFailed(
            f"how far {step!r} has come has to be kept, and no table of cursors is named: set RUNNERS_CURSORS_TABLE"
        )


def _attributes_of(value: CursorValue, prefix: str = "") -> dict[str, dict[str, str]]:
    """Return a value as attributes of an item, whose names begin with a prefix."""
    kind, text = _text_of(value)
    return {f"{prefix}kind": {"S": kind}, f"{prefix}value": {"S": text}}


def _value_in(item: Any, prefix: str = "") -> CursorValue | None:
    """Return the value that attributes of an item are; None if it has none."""
    if f"{prefix}value" not in item:
        return None
    return _value_of(item[f"{prefix}kind"]["S"], item[f"{prefix}value"]["S"])


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
