"""Messages that were received: held while their rows are on the way, then deleted, or given back.

A thread prolongs the time for which nobody else sees them, so that a slow target does not make them come again.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from itertools import islice
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING, Any, Self

from botocore.exceptions import BotoCoreError, ClientError

from runners.retries import repeated
from runners.steps.systems.message_batches import MESSAGES

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

log = logging.getLogger(__name__)


class ReceivedMessages:
    """Messages of a queue that this step holds, as a block; what it still holds at the end is given back.

    Args:
        client: of SQS.
        url: the queue.
        visibility: seconds for which nobody else sees a message.

    """

    def __init__(self, client: SQSClient, url: str, visibility: int) -> None:
        self._client = client
        self._url = url
        self._visibility = visibility
        self._handles: dict[str, str] = {}  # by the messages' ids
        self._lock = Lock()
        self._over = Event()
        self._thread = Thread(target=self._prolong_again_and_again, name="visibility", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._see_to(0)

    def __len__(self) -> int:
        return len(self._handles)

    def receive(self, most: int, wait: int) -> list[MessageTypeDef] | None:
        """Receive messages; those that are held already, which SQS may deliver twice, are left out.

        Args:
            most: how many, at most.
            wait: seconds to wait for the first.

        Returns:
            The messages; None if there were none.

        """
        answer = repeated(self._client.receive_message)(
            QueueUrl=self._url,
            MaxNumberOfMessages=most,
            WaitTimeSeconds=wait,
            VisibilityTimeout=self._visibility,
            MessageSystemAttributeNames=["SentTimestamp", "MessageGroupId"],
            MessageAttributeNames=["All"],
        )
        came = answer.get("Messages", [])
        with self._lock:
            new = [message for message in came if message["MessageId"] not in self._handles]
            self._handles.update({message["MessageId"]: message["ReceiptHandle"] for message in came})
        return new if came else None

    def delete(self) -> int:
        """Delete all that are held, and return how many were. One that SQS does not delete comes again."""
        deleted = 0
        for entries in self._entries():
            answer = repeated(self._client.delete_message_batch)(QueueUrl=self._url, Entries=entries)
            failed = answer.get("Failed", [])
            deleted += len(entries) - len(failed)
        left = len(self._handles) - deleted
        if left:
            log.warning("messages were not deleted", extra={"action": "messages_not_deleted", "messages": left})
        with self._lock:
            self._handles.clear()
        return deleted

    def prolong(self) -> None:
        """Let nobody else see the messages for another while."""
        self._see_to(self._visibility)

    def _see_to(self, seconds: int) -> None:
        """Let the messages be seen again in so many seconds. Where it fails they come again when their time is over."""
        for entries in self._entries(VisibilityTimeout=seconds):
            try:
                self._client.change_message_visibility_batch(QueueUrl=self._url, Entries=entries)
            except (ClientError, BotoCoreError) as error:
                log.warning(
                    "the visibility of messages was not changed",
                    extra={"action": "visibility_not_changed", "reason": type(error).__name__},
                )

    def _prolong_again_and_again(self) -> None:
        while not self._over.wait(self._visibility / 3):
            self.prolong()

    def _entries(self, **more: Any) -> Iterator[Sequence[Any]]:
        """Yield entries of calls for all messages that are held, ten at a time."""
        with self._lock:
            handles = iter(list(self._handles.values()))
        while some := list(islice(handles, MESSAGES)):
            yield [{"Id": str(number), "ReceiptHandle": handle, **more} for number, handle in enumerate(some)]
