"""Rows as messages, and messages in batches of ten: what SQS and SNS have in common.

Each message has a number, so that a queue or topic that is FIFO knows one that comes again from a repeat of the step.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from tenacity import Retrying, retry_if_result, stop_after_attempt, wait_random_exponential

from runners.retries import repeated
from runners.steps.errors import TargetFailed, TargetUnavailable
from runners.steps.formats.json_text import objects

if TYPE_CHECKING:
    import pyarrow as pa

MESSAGES = 10  # of one call, at most
_TRIES = 5  # of messages that AWS failed to take
_NOT_CHARACTERS = {0xFFFE: "\\ufffe", 0xFFFF: "\\uffff"}  # which SQS refuses; within JSON they can be escaped


class Message(NamedTuple):
    """A message to be sent."""

    id: str
    """Tells it apart within its call."""
    body: str
    """Its text."""
    key: str
    """The same for the same message of a repeat of the step."""


SendBatch = Callable[[Sequence[Message]], Sequence[dict[str, Any]]]
"""Sends up to ten messages, and returns what AWS says of those that failed: ``Id``, ``Code``, ``SenderFault``."""


def messages(batches: Iterable[pa.RecordBatch], rows_each: int, repeat_key: str) -> Iterator[Message]:
    """Yield rows as messages: a JSON object for one row, a list of them for several.

    Args:
        batches: the rows.
        rows_each: rows of a message.
        repeat_key: of the step; if empty every run is one of its own.

    Raises:
        DataNotRepresentable: a value has no form in JSON.

    """
    run = repeat_key or uuid.uuid4().hex
    rows = (row.decode() for batch in batches for row in objects(batch))
    number = 0
    while taken := list(islice(rows, rows_each)):
        body = taken[0] if rows_each == 1 else "[" + ",".join(taken) + "]"
        key = hashlib.sha256(f"{run} {number}".encode()).hexdigest()
        yield Message(str(number), body.translate(_NOT_CHARACTERS), key)
        number += 1


def check_sizes(found: Iterable[Message], most: int) -> None:
    """See that no message is too large, and that every row has a form as JSON.

    Args:
        found: the messages.
        most: bytes of one.

    Raises:
        TargetFailed: one has more.
        DataNotRepresentable: a value has no form in JSON.

    """
    for message in found:
        size = len(message.body.encode())
        if size > most:
            raise TargetFailed(
                f"message {int(message.id) + 1} has {size:,} bytes, and may have {most:,}: put fewer rows or columns "
                "in each. None was sent"
            )


def send_all(found: Iterable[Message], send: SendBatch, most: int) -> tuple[int, int]:
    """Send messages, as many at a time as AWS takes; return how many they were, and their bytes.

    Args:
        found: the messages.
        send: sends some.
        most: bytes of all those of a call.

    Raises:
        TargetFailed: a message was refused.
        TargetUnavailable: AWS failed to take a message, however often it was tried.

    """
    count = sent = 0
    for batch, size in _batches(found, most):
        _persist(batch, send)
        count += len(batch)
        sent += size
    return count, sent


def _batches(found: Iterable[Message], most: int) -> Iterator[tuple[list[Message], int]]:
    batch: list[Message] = []
    total = 0
    for message in found:
        size = len(message.body.encode())
        if batch and (len(batch) == MESSAGES or total + size > most):
            yield batch, total
            batch, total = [], 0
        batch.append(message)
        total += size
    if batch:
        yield batch, total


def _persist(batch: Sequence[Message], send: SendBatch) -> None:
    """Send a batch; those that AWS failed to take again, those that it refused never."""
    left = list(batch)

    def send_left() -> int:
        failed = {each["Id"]: each for each in repeated(send)(left)}
        if refused := [each for each in failed.values() if each.get("SenderFault")]:
            code = refused[0].get("Code")
            raise TargetFailed(f"AWS refused {len(refused)} messages: {code}", code=code)
        left[:] = [message for message in left if message.id in failed]
        return len(left)

    tries = Retrying(
        retry=retry_if_result(bool),
        stop=stop_after_attempt(_TRIES),
        wait=wait_random_exponential(multiplier=0.2, max=5.0),  # seconds
        retry_error_callback=lambda state: state.outcome.result() if state.outcome else 0,
    )
    if unsent := tries(send_left):
        raise TargetUnavailable(f"AWS failed to take {unsent} messages, though they were sent {_TRIES} times")
