"""SQS: rows as messages of a queue, and messages of a queue as rows.

A message that was sent cannot be taken back, so rows are kept on disk until all were read and checked. A repeat of the
step sends to a FIFO queue nothing that came within the last five minutes; to a standard queue, it may send all again.

A message that was received is deleted once its row is safe in the target, and given back at once if it never will be.
So each comes at least once: after a crash between the commit and the deletion, once more.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import TYPE_CHECKING, Any, ClassVar

import pyarrow as pa
from botocore.exceptions import ClientError
from pydantic import Field

from runners.retries import error_code, repeated
from runners.steps.ends import Rows, Sink, Source, Target, as_text
from runners.steps.errors import SourceFailed, StepError, TargetFailed
from runners.steps.systems import json_columns  # a field has the name of what it holds
from runners.steps.systems.json_columns import RecordColumns, batches, declared
from runners.steps.systems.json_values import NotJsonError, parsed, text_of
from runners.steps.systems.message_batches import MESSAGES, Message, check_sizes, messages, send_all
from runners.steps.systems.spool import Spool, spooled
from runners.steps.systems.sqs_messages import ReceivedMessages

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

    from runners.steps.context import StepContext

_GONE = frozenset({"AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist", "InvalidAddress"})
_MESSAGE_COLUMNS = pa.schema(
    [
        pa.field("message_id", pa.string()),
        pa.field("sent_at", pa.timestamp("us", "UTC")),
        pa.field("group_id", pa.string()),
        pa.field("body", pa.string()),
        as_text("attributes", "json"),
    ]
)


class SqsTarget(Target):
    """A queue that rows are sent to as JSON, once all have been read."""

    example: ClassVar = {"Queue": "orders", "RowsPerMessage": 100}

    Queue: str = Field(min_length=1)
    """The queue: its name, or its address."""

    RowsPerMessage: int = Field(default=1, ge=1, le=10_000)
    """Rows of a message: 1 for a JSON object, more for a list of objects."""

    GroupId: str = Field(default="runners", min_length=1, max_length=128)
    """For a FIFO queue: the group of the messages, within which they keep their order."""

    @contextmanager
    def open(self, schema: pa.Schema, context: StepContext) -> Iterator[Sink]:
        """Begin to keep rows, which the commit sends."""
        client: SQSClient = context.client("sqs")
        url = _address(client, self.Queue, TargetFailed)
        with spooled(schema) as spool:
            yield _SqsSink(self, spool, client, url, context)

    def place(self) -> str:
        """Return the queue as lineage names it."""
        return _place(self.Queue)


class _SqsSink:
    def __init__(self, target: SqsTarget, spool: Spool, client: SQSClient, url: str, context: StepContext) -> None:
        self._target = target
        self._client = client
        self._url = url
        self._context = context
        self._spool = spool
        self.write = spool.write

    def commit(self) -> dict[str, Any]:
        attributes = repeated(self._client.get_queue_attributes)(
            QueueUrl=self._url, AttributeNames=["MaximumMessageSize"]
        )["Attributes"]
        most = int(attributes["MaximumMessageSize"])
        check_sizes(self._messages(), most)  # before any is sent
        count, size = send_all(self._messages(), self._send, most)
        self._context.progress.count(size=size)
        return {"queue": self._url, "messages": count}

    def _messages(self) -> Iterator[Message]:
        return messages(self._spool.batches(), self._target.RowsPerMessage, self._context.repeat_key)

    def _send(self, batch: Sequence[Message]) -> Sequence[dict[str, Any]]:
        entries: list[Any] = [{"Id": message.id, "MessageBody": message.body} for message in batch]
        if self._url.endswith(".fifo"):
            for entry, message in zip(entries, batch, strict=True):
                entry |= {"MessageGroupId": self._target.GroupId, "MessageDeduplicationId": message.key}
        answer = self._client.send_message_batch(QueueUrl=self._url, Entries=entries)
        return [dict(failed) for failed in answer.get("Failed", [])]


class SqsSource(Source):
    """Messages of a queue, until it is empty. They are deleted once the target has committed.

    Of a FIFO queue no more than ten messages of a group come in one run, as SQS holds back the others meanwhile. A
    message that cannot be read fails the step: give the queue one for dead letters.
    """

    example: ClassVar = {"Queue": "orders", "Columns": {"id": "int64", "total": "decimal(12,2)"}}

    Queue: str = Field(min_length=1)
    """The queue: its name, or its address."""

    MaxMessages: int = Field(default=10_000, ge=1, le=100_000)
    """Messages, at most; the others stay for the next run."""

    MaxSeconds: int = Field(default=300, ge=1)
    """Seconds of receiving, at most."""

    WaitSeconds: int = Field(default=5, ge=0, le=20)
    """Seconds to wait for a message before the queue is taken to be empty. With 0 SQS looks at a part of it only."""

    VisibilitySeconds: int = Field(default=120, ge=10, le=43_200)
    """Seconds for which nobody else sees the messages; they are prolonged while the step runs."""

    Columns: json_columns.Columns = Field(default_factory=dict)
    """The columns by name, each a type or ``{"Type": …, "Path": …}``, of messages that are JSON objects. Without them
    a row has ``message_id``, ``sent_at``, ``group_id``, ``body`` and ``attributes``."""

    @contextmanager
    def open(self, context: StepContext) -> Iterator[Rows]:
        """Begin to receive; messages that no target has committed are given back when the block ends."""
        client: SQSClient = context.client("sqs")
        url = _address(client, self.Queue, SourceFailed)
        with ReceivedMessages(client, url, self.VisibilitySeconds) as received:
            yield _SqsRows(self, received, context)

    def place(self) -> str:
        """Return the queue as lineage names it."""
        return _place(self.Queue)


class _SqsRows:
    """Rows of messages; told by ``committed`` that they are safe."""

    def __init__(self, source: SqsSource, received: ReceivedMessages, context: StepContext) -> None:
        self._source = source
        self._received = received
        self._context = context
        self._columns = declared(source.Columns) if source.Columns else None
        self.schema = self._columns.schema if self._columns else _MESSAGE_COLUMNS

    def batches(self) -> Iterator[pa.RecordBatch]:
        if self._columns:
            yield from batches(self._pages(_json_of), self._columns)
        else:
            whole = RecordColumns(self.schema, [None] * len(self.schema), [_as_it_is] * len(self.schema), found=False)
            yield from batches(self._pages(_row_of), whole)

    def committed(self) -> dict[str, Any]:
        return {"deleted": self._received.delete()}

    def _pages(self, record_of: Any) -> Iterator[tuple[list[Any], int]]:
        source, end = self._source, monotonic() + self._source.MaxSeconds
        while (left := source.MaxMessages - len(self._received)) > 0 and monotonic() < end:
            self._context.check_stop()
            came = self._received.receive(min(MESSAGES, left), source.WaitSeconds)
            if came is None:
                return
            size = sum(len(message["Body"]) for message in came)
            self._context.progress.count(size=size)
            yield [record_of(message) for message in came], size


def _json_of(message: MessageTypeDef) -> Any:
    try:
        return parsed(message["Body"])
    except NotJsonError:
        raise SourceFailed("a message is no JSON", message_id=message["MessageId"]) from None


def _row_of(message: MessageTypeDef) -> dict[str, Any]:
    attributes = message.get("Attributes", {})
    sent = timedelta(milliseconds=int(attributes["SentTimestamp"]))
    return {
        "message_id": message["MessageId"],
        "sent_at": datetime(1970, 1, 1, tzinfo=UTC) + sent,
        "group_id": attributes.get("MessageGroupId"),
        "body": message["Body"],
        "attributes": text_of(
            {
                name: attribute.get("StringValue")
                for name, attribute in message.get("MessageAttributes", {}).items()
                if "StringValue" in attribute
            }
        ),
    }


def _as_it_is(value: Any) -> Any:
    return value


def _address(client: SQSClient, queue: str, failed: type[StepError]) -> str:
    """Return the address of a queue.

    Raises:
        SourceFailed, TargetFailed: there is none of that name.

    """
    if "://" in queue:
        return queue
    try:
        return repeated(client.get_queue_url)(QueueName=queue)["QueueUrl"]
    except ClientError as error:
        if error_code(error) in _GONE:
            raise failed(f"there is no queue {queue!r}, or it may not be seen", queue=queue) from None
        raise


def _place(queue: str) -> str:
    return f"sqs://{queue.rstrip('/').rpartition('/')[2]}"
