"""Asynchronous invocations: an event is taken at once, run later, tried again when it fails, and never lost silently.

As at Lambda, an event whose attempts all fail goes to the function's dead-letter queue and to its destination for
failures. Unlike at Lambda the waits between attempts are short. Whoever hands an event in is never made to wait.
"""

from __future__ import annotations

import json
import logging
import threading
from collections import defaultdict, deque
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from runners.errors import LocalAWSError
from runners.local.lambda_functions.pool import ThrottledError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import timedelta

    from runners.local.lambda_functions.sandbox import Invocation

MAX_AT_ONCE = 10  # events of one function that run at the same time; Lambda would start up to 1,000 sandboxes
DEFAULT_RETRIES = 2
JOIN_LIMIT_SECONDS = 10.0

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Ended:
    """What is told about an event whose last attempt is over."""

    event: Any
    request_id: str
    invocation: Invocation
    attempts: int


class AsynchronousInvocations:
    """The queues of events, one a function.

    ``find`` answers the function of an ARN, or None when it is gone; ``run`` invokes it; ``client`` answers a boto3
    client for the destinations.
    """

    def __init__(
        self,
        find: Callable[[str], Any],
        run: Callable[[Any, Any], tuple[str, Invocation]],
        client: Callable[[str], Any],
        retry_delays: Sequence[timedelta],
    ) -> None:
        self._find = find
        self._run = run
        self._client = client
        self._delays = [delay.total_seconds() for delay in retry_delays] or [0.0]
        self._lock = threading.Lock()
        self._events: defaultdict[str, deque[Any]] = defaultdict(deque)
        self._workers: defaultdict[str, set[threading.Thread]] = defaultdict(set)
        self._closing = threading.Event()

    def put(self, function_arn: str, event: Any) -> None:
        """Take an event; it runs as soon as one of the function's places is free."""
        with self._lock:
            if self._closing.is_set():
                return
            self._events[function_arn].append(event)
            workers = self._workers[function_arn]
            if len(workers) < MAX_AT_ONCE:
                worker = threading.Thread(target=self._work, args=(function_arn,), daemon=True)
                workers.add(worker)
                worker.start()

    def close(self) -> None:
        """Run nothing any more; what still waits is dropped."""
        with self._lock:
            self._closing.set()
            workers = [worker for of_function in self._workers.values() for worker in of_function]
        for worker in workers:
            worker.join(JOIN_LIMIT_SECONDS)

    def _work(self, function_arn: str) -> None:
        while True:
            with self._lock:
                queue = self._events[function_arn]
                if not queue or self._closing.is_set():
                    self._workers[function_arn].discard(threading.current_thread())
                    return
                event = queue.popleft()
            try:
                self._process(function_arn, event)
            except Exception:
                # No event may end the worker that others wait for.
                logger.exception("An event of %s was lost", function_arn, extra={"action": "event_lost"})

    def _process(self, function_arn: str, event: Any) -> None:
        attempts = 0
        while not self._closing.is_set():
            function = self._find(function_arn)
            if function is None:
                return
            try:
                request_id, invocation = self._run(function, event)
            except ThrottledError:  # Lambda keeps such an event for up to six hours
                self._closing.wait(self._delays[0])
                continue
            except LocalAWSError:
                if self._closing.is_set():
                    return
                raise
            attempts += 1
            if self._closing.is_set():  # the sandbox was ended, not the event
                return
            ended = _Ended(event, request_id, invocation, attempts)
            if not invocation.failed:
                self._tell_destination(function, "OnSuccess", ended)
                return
            if attempts > _retries(function):
                self._give_up(function, ended)
                return
            self._closing.wait(self._delays[min(attempts, len(self._delays)) - 1])

    def _give_up(self, function: Any, ended: _Ended) -> None:
        logger.warning(
            "%s failed %d times for one event: see %s",
            function.function_name,
            ended.attempts,
            f"/aws/lambda/{function.function_name}",
            extra={"action": "event_failed", "function": function.function_name},
        )
        self._tell_destination(function, "OnFailure", ended)
        letters = function.dead_letter_config.get("TargetArn")
        if letters:
            self._send_dead_letter(letters, ended)

    def _tell_destination(self, function: Any, condition: str, ended: _Ended) -> None:
        destination = _event_invoke_config(function).get("DestinationConfig", {}).get(condition, {}).get("Destination")
        if destination:
            self._send(destination, _destination_record(function, ended))

    def _send_dead_letter(self, target: str, ended: _Ended) -> None:
        answer = json.loads(ended.invocation.payload)
        attributes = {
            "RequestID": {"DataType": "String", "StringValue": ended.request_id},
            "ErrorCode": {"DataType": "Number", "StringValue": "200"},
            "ErrorMessage": {"DataType": "String", "StringValue": str(answer.get("errorMessage") or "-")[:1024]},
        }
        body = json.dumps(ended.event)
        if ":sqs:" in target:
            self._client("sqs").send_message(
                QueueUrl=self._queue_url(target), MessageBody=body, MessageAttributes=attributes
            )
        else:
            self._client("sns").publish(TopicArn=target, Message=body, MessageAttributes=attributes)

    def _send(self, destination: str, record: dict[str, Any]) -> None:
        service = destination.split(":")[2]
        if service == "sqs":
            self._client("sqs").send_message(QueueUrl=self._queue_url(destination), MessageBody=json.dumps(record))
        elif service == "sns":
            self._client("sns").publish(TopicArn=destination, Message=json.dumps(record))
        elif service == "lambda":
            self.put(destination, record)
        else:
            logger.warning(
                "The embedded AWS does not deliver to the destination %s", destination, extra={"action": "destination"}
            )

    def _queue_url(self, queue_arn: str) -> str:
        url: str = self._client("sqs").get_queue_url(QueueName=queue_arn.rpartition(":")[2])["QueueUrl"]
        return url


def _event_invoke_config(function: Any) -> dict[str, Any]:
    configs = function.event_invoke_config
    return configs[-1].config if configs else {}


def _retries(function: Any) -> int:
    return int(_event_invoke_config(function).get("MaximumRetryAttempts", DEFAULT_RETRIES))


def _destination_record(function: Any, ended: _Ended) -> dict[str, Any]:
    failed = ended.invocation.failed
    response: dict[str, Any] = {"statusCode": 200, "executedVersion": str(function.version)}
    if failed:
        response["functionError"] = "Unhandled"
    return {
        "version": "1.0",
        "timestamp": datetime.now(tz=UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "requestContext": {
            "requestId": ended.request_id,
            "functionArn": f"{function.function_arn}:{function.version}",
            "condition": "RetriesExhausted" if failed else "Success",
            "approximateInvokeCount": ended.attempts,
        },
        "requestPayload": ended.event,
        "responseContext": response,
        "responsePayload": json.loads(ended.invocation.payload),
    }
