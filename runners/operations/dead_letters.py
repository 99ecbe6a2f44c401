"""The dead-letter queue: events that a function failed to handle, each given to its function again.

A message is deleted only after Lambda has accepted its event. What interrupts this leaves messages in the queue, where
they can be seen again after a few minutes; an event may then be handled twice, which does no harm here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import timedelta

    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

_ACCEPTED = 202  # HTTP status of an asynchronous invocation
_AT_ONCE = 10  # the most that ReceiveMessage gives
_TICK = "Scheduled Event"


@dataclass(frozen=True)
class DeadLetter:
    """A message of the queue."""

    receipt: str
    """By which it is deleted."""

    function: str
    """The ARN of the function that failed; empty if the message does not tell."""

    kind: str
    """What the event is, such as ``Glue Job State Change`` or ``s3:ObjectCreated:Put``."""

    failed_at: str
    """When the function failed for the last time (ISO 8601), if the message tells."""

    reason: str
    """Why: the error's name, or Lambda's condition such as ``RetriesExhausted``."""

    payload: str
    """The event, as JSON; what stands there is nobody's to print."""

    @property
    def is_tick(self) -> bool:
        """Whether it is a tick of a schedule: the next one has come since, and it carries nothing."""
        return self.kind == _TICK

    @property
    def function_name(self) -> str:
        """The function's name."""
        return self.function.partition(":function:")[2].partition(":")[0]


def received(sqs: SQSClient, queue_url: str, hidden_for: timedelta) -> list[DeadLetter]:
    """Return the messages that can be seen now; for so long they are hidden from other readers."""
    letters: list[DeadLetter] = []
    while True:
        messages = sqs.receive_message(
            QueueUrl=queue_url,
            MaxNumberOfMessages=_AT_ONCE,
            VisibilityTimeout=int(hidden_for.total_seconds()),
            WaitTimeSeconds=1,  # asks all of the queue's servers
            MessageAttributeNames=["All"],
        ).get("Messages", [])
        if not messages:
            return letters
        letters += map(read, messages)


def put_back(sqs: SQSClient, queue_url: str, letters: Iterable[DeadLetter]) -> None:
    """Let messages be seen again at once."""
    for letter in letters:
        sqs.change_message_visibility(QueueUrl=queue_url, ReceiptHandle=letter.receipt, VisibilityTimeout=0)


def redeliver(sqs: SQSClient, functions: LambdaClient, queue_url: str, letter: DeadLetter) -> bool:
    """Give an event to its function again, and delete its message once Lambda has accepted it; False if it has not.

    A tick of a schedule is not given again, only deleted.
    """
    if not letter.is_tick:
        answer = functions.invoke(FunctionName=letter.function, InvocationType="Event", Payload=letter.payload.encode())
        if answer["StatusCode"] != _ACCEPTED:
            return False
    sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=letter.receipt)
    return True


def read(message: MessageTypeDef) -> DeadLetter:
    """Read a message: Lambda's record of a failed invocation, or an event that EventBridge could not deliver."""
    body = _document(message["Body"])
    attributes = {name: value.get("StringValue", "") for name, value in message.get("MessageAttributes", {}).items()}
    context = body.get("requestContext")
    if isinstance(context, dict) and "requestPayload" in body:
        event = body["requestPayload"]
        answer = body.get("responsePayload")
        error = answer.get("errorType") if isinstance(answer, dict) else None
        function = str(context.get("functionArn", "")).removesuffix(":$LATEST")
        failed_at, reason = str(body.get("timestamp", "")), str(error or context.get("condition", ""))
    else:
        event, failed_at = body, str(body.get("time", ""))
        function, reason = attributes.get("TARGET_ARN", ""), attributes.get("ERROR_CODE", "")
    return DeadLetter(
        receipt=message["ReceiptHandle"],
        function=function if ":function:" in function else "",
        kind=_kind(event),
        failed_at=failed_at,
        reason=reason,
        payload=json.dumps(event),
    )


def _kind(event: Any) -> str:
    if not isinstance(event, dict):
        return "?"
    records = event.get("Records")
    if isinstance(records, list) and records and isinstance(records[0], dict):
        return str(records[0].get("eventName", "?"))
    return str(event.get("detail-type", "?"))


def _document(text: str) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}
