"""SNS: rows as messages of a topic, published once all have been read and checked.

A message that was published cannot be taken back. A repeat of the step publishes to a FIFO topic nothing that came
within the last five minutes; to a standard topic, it may publish all again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

from botocore.exceptions import ClientError
from pydantic import Field

from runners.retries import error_code
from runners.steps.ends import Sink, Target
from runners.steps.errors import TargetFailed
from runners.steps.systems.message_batches import Message, check_sizes, messages, send_all
from runners.steps.systems.spool import Spool, spooled

if TYPE_CHECKING:
    import pyarrow as pa
    from mypy_boto3_sns import SNSClient

    from runners.steps.context import StepContext

MESSAGE_BYTES = 256 << 10  # of a message, and of all those of a call


class SnsTarget(Target):
    """A topic that rows are published to as JSON, once all have been read."""

    example: ClassVar = {"TopicArn": "arn:aws:sns:eu-central-1:111122223333:orders"}

    TopicArn: str = Field(pattern=r"^arn:[\w-]+:sns:[\w-]*:\d*:[\w.-]+$")
    """The topic."""

    RowsPerMessage: int = Field(default=1, ge=1, le=10_000)
    """Rows of a message: 1 for a JSON object, more for a list of objects."""

    Subject: str | None = Field(default=None, min_length=1, max_length=100)
    """The subject of the messages, for subscribers by e-mail."""

    GroupId: str = Field(default="runners", min_length=1, max_length=128)
    """For a FIFO topic: the group of the messages, within which they keep their order."""

    @contextmanager
    def open(self, schema: pa.Schema, context: StepContext) -> Iterator[Sink]:
        """Begin to keep rows, which the commit publishes."""
        with spooled(schema) as spool:
            yield _SnsSink(self, spool, context)

    def place(self) -> str:
        """Return the topic as lineage names it."""
        return f"sns://{self.TopicArn.rpartition(':')[2]}"


class _SnsSink:
    def __init__(self, target: SnsTarget, spool: Spool, context: StepContext) -> None:
        self._target = target
        self._client: SNSClient = context.client("sns")
        self._context = context
        self._spool = spool
        self.write = spool.write

    def commit(self) -> dict[str, Any]:
        check_sizes(self._messages(), MESSAGE_BYTES)  # before any is sent
        try:
            count, size = send_all(self._messages(), self._send, MESSAGE_BYTES)
        except ClientError as error:
            if error_code(error) in {"NotFound", "NotFoundException"}:
                raise TargetFailed(f"there is no topic {self._target.TopicArn}, or it may not be seen") from None
            raise
        self._context.progress.count(size=size)
        return {"topic": self._target.TopicArn, "messages": count}

    def _messages(self) -> Iterator[Message]:
        return messages(self._spool.batches(), self._target.RowsPerMessage, self._context.repeat_key)

    def _send(self, batch: Sequence[Message]) -> Sequence[dict[str, Any]]:
        entries: list[Any] = [{"Id": message.id, "Message": message.body} for message in batch]
        for entry, message in zip(entries, batch, strict=True):
            if self._target.Subject:
                entry["Subject"] = self._target.Subject
            if self._target.TopicArn.endswith(".fifo"):
                entry |= {"MessageGroupId": self._target.GroupId, "MessageDeduplicationId": message.key}
        answer = self._client.publish_batch(TopicArn=self._target.TopicArn, PublishBatchRequestEntries=entries)
        return [dict(failed) for failed in answer.get("Failed", [])]
