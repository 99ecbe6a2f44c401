"""The DynamoDB table of completions: what functions report of the jobs that they were started for.

A function that a runner starts finds a ``CompletionKey`` in its event. Under this key it says that it has begun, and
once how it ended; what it has started may say so in its place. This module is made to be put into the zip of such a
function, with ``runners/__init__.py``, ``errors.py`` and ``limits.py``; of other packages it needs boto3 only::

    from runners.completions import completing

    @completing
    def handler(event, context):
        return {"Rows": load(event["Day"])}

The function needs the variable ``RUNNERS_COMPLETIONS_TABLE``, the rights ``dynamodb:PutItem`` and
``dynamodb:UpdateItem`` on that table, and ``events:PutEvents`` on the default bus. The module never starts anything,
nor does it decide what becomes of a report: that is ``runners.services.lambda_function``.
"""

from __future__ import annotations

import json
import logging
import os
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cache, partial, wraps
from typing import TYPE_CHECKING, Any, Protocol, overload

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from runners.errors import ConfigurationError
from runners.limits import fit_json, fit_text

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_events import EventBridgeClient

log = logging.getLogger(__name__)

Handler = Callable[[Any, Any], Any]

KEY = "CompletionKey"  # in a function's event
TABLE_VARIABLE = "RUNNERS_COMPLETIONS_TABLE"
EVENT_SOURCE = "etl.runners"
EVENT_TYPE = "Job Completion"
KEPT_FOR = timedelta(days=90)  # then DynamoDB's time to live removes the record
# Characters, all ASCII: somewhat less than a state's output, cause and error may have, and together less than an item.
MAX_OUTPUT = 250_000
MAX_CAUSE = 32_000
MAX_ERROR = 256

# Seconds; a function pays for the time that it waits.
_IMPATIENT = Config(connect_timeout=3, read_timeout=5, retries={"total_max_attempts": 4, "mode": "standard"})

_utc_now = partial(datetime.now, UTC)


class CompletionStatus(StrEnum):
    """How far a job has come, as its function reports it."""

    BEGUN = "BEGUN"
    """An invocation has begun, and no other will."""
    SUCCEEDED = "SUCCEEDED"
    """It was reported as done, with an output."""
    FAILED = "FAILED"
    """It was reported as failed, with an error and a cause."""
    CANCELLED = "CANCELLED"
    """The runner stopped waiting before any invocation had begun, and none will; a step that has begun ends."""


class Context(Protocol):
    """What is read of the context of a Lambda invocation."""

    log_group_name: str
    log_stream_name: str

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds until Lambda ends the invocation."""


class Completions:
    """The table: partition key ``completion_key``, time to live ``expires_at``; every other attribute is a text.

    Of two reports the first counts, and repeating one does no harm. The key alone is needed to report, so whatever
    a function has started may do it: another function, a container, a script.

    Args:
        table: the table's name.
        dynamodb: a client that repeats what fails for a moment, as boto3's do unless told otherwise.
        events: by which the runner is told of a report at once; without it, the runner's next sweep finds it.
        now: the clock.

    """

    def __init__(
        self,
        table: str,
        dynamodb: DynamoDBClient,
        events: EventBridgeClient | None = None,
        now: Callable[[], datetime] = _utc_now,
    ) -> None:
        self._table = table
        self._dynamodb = dynamodb
        self._events = events
        self._now = now

    @classmethod
    def of_environment(cls) -> Completions:
        """Return the completions that the environment names, with clients of its region.

        Raises:
            ConfigurationError: it names none.

        """
        table = os.environ.get(TABLE_VARIABLE)
        if not table:
            raise ConfigurationError(
                f"{TABLE_VARIABLE} is not set: give the function the name of the completions table"
            )
        return cls(table, boto3.client("dynamodb", config=_IMPATIENT), boto3.client("events", config=_IMPATIENT))

    def begin(self, key: str, context: Context | None = None) -> bool:
        """Take a job on; True for the first caller only, so that a repeated invocation does not work twice.

        With Lambda's context the record says where the invocation logs and when it must have ended: if there is no
        report by then, the runner takes the job as failed, unless it was handed over.
        """
        item = {
            **_key(key),
            "status": {"S": CompletionStatus.BEGUN},
            "begun_at": {"S": self._now().isoformat()},
            "begun_by": {"S": uuid.uuid4().hex},
            "expires_at": self._expiry(),
        }
        if context is not None:
            ends_at = self._now() + timedelta(milliseconds=context.get_remaining_time_in_millis())
            item |= {
                "ends_at": {"S": ends_at.isoformat()},
                "log_group": {"S": context.log_group_name},
                "log_stream": {"S": context.log_stream_name},
            }
        try:
            self._dynamodb.put_item(
                TableName=self._table,
                Item=item,
                ConditionExpression="attribute_not_exists(completion_key)",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            if not _condition_failed(error):
                raise
            return error.response.get("Item") == item  # ours, if the client repeated it because its answer was lost
        return True

    def hand_over(self, key: str) -> None:
        """Say that a job goes on after its invocation: something else will report how it ends."""
        if not self._update(key, "REMOVE ends_at", {}, "#status = :begun"):
            _log_repeated(key)

    def beat(self, key: str, **said: object) -> bool:
        """Say that a job goes on, and what there is to say of it, such as ``rows=1000``.

        False if it must not go on: it was cancelled, or given up because nothing was heard of it.
        """
        values = {"beat_at": {"S": self._now().isoformat()}}
        values |= {name: {"S": str(value)} for name, value in said.items()}
        return self._set(key, values, "#status = :begun")

    def finish(self, key: str) -> bool:
        """Say, just before, that a job publishes what it has done: from then on it is no longer cancelled.

        False if it must not, as after ``beat``.
        """
        now = {"S": self._now().isoformat()}
        return self._set(key, {"beat_at": now, "finishing_at": now}, "#status = :begun")

    def succeed(self, key: str, output: Any) -> None:
        """Report that a job is done, with any JSON as its output; too long an output is shortened, never refused."""
        document = fit_json({"Payload": _as_json(output)}, MAX_OUTPUT)
        self._report(key, CompletionStatus.SUCCEEDED, {"output": document})

    def fail(self, key: str, error: str, cause: Mapping[str, Any]) -> None:
        """Report that a job has failed, with the error's name and what there is to say about it, a JSON object."""
        document = fit_json(_as_json(dict(cause)), MAX_CAUSE)
        self._report(key, CompletionStatus.FAILED, {"error": fit_text(error, MAX_ERROR), "cause": document})

    def _report(self, key: str, status: CompletionStatus, attributes: Mapping[str, str]) -> None:
        values = {"status": {"S": status}, "ended_at": {"S": self._now().isoformat()}, "expires_at": self._expiry()}
        values |= {name: {"S": text} for name, text in attributes.items()}
        if self._set(key, values, "attribute_not_exists(completion_key) OR #status = :begun"):
            self._tell(key, status)
        else:
            _log_repeated(key)

    def _set(self, key: str, values: Mapping[str, Any], condition: str) -> bool:
        assignments = ", ".join(f"#{name} = :{name}" for name in values)
        return self._update(key, f"SET {assignments}", values, condition)

    def _update(self, key: str, expression: str, values: Mapping[str, Any], condition: str) -> bool:
        """Change a record; False if the condition did not hold."""
        try:
            self._dynamodb.update_item(
                TableName=self._table,
                Key=_key(key),
                UpdateExpression=expression,
                ConditionExpression=condition,
                ExpressionAttributeNames={f"#{name}": name for name in {"status", *values}},
                ExpressionAttributeValues={
                    ":begun": {"S": CompletionStatus.BEGUN},
                    **{f":{name}": value for name, value in values.items()},
                },
            )
        except ClientError as error:
            if not _condition_failed(error):
                raise
            return False
        return True

    def _tell(self, key: str, status: CompletionStatus) -> None:
        """Send an event about a report. It is a hint: whether it arrives or not, the table says how the job ended."""
        if self._events is None:
            return
        detail = json.dumps({"completionKey": key, "status": status})
        entry = {"Source": EVENT_SOURCE, "DetailType": EVENT_TYPE, "Detail": detail}
        try:
            answer = self._events.put_events(Entries=[entry])  # type: ignore[list-item]
            problem = answer["Entries"][0].get("ErrorCode")
        except (ClientError, BotoCoreError) as error:
            problem = type(error).__name__
        if problem:
            extra = {"action": "completion_event_failed", "completion_key": key, "error": problem}
            log.warning("an event of a completion was not sent; the next sweep will find the report", extra=extra)

    def _expiry(self) -> dict[str, str]:
        return {"N": str(int((self._now() + KEPT_FOR).timestamp()))}


@overload
def completing(handler: Handler) -> Handler: ...


@overload
def completing(*, hand_over: bool) -> Callable[[Handler], Handler]: ...


def completing(handler: Handler | None = None, *, hand_over: bool = False) -> Any:
    """Let a Lambda handler report how it ends: what it returns is the job's output, what it raises its failure.

    An invocation whose job another one has begun does nothing. An exception is raised again once it is reported, so
    that Lambda's logs and metrics show it; Lambda's retries of it then do nothing. An event without a
    ``CompletionKey`` is handled as if this were not there.

    Args:
        handler: the handler.
        hand_over: the handler only starts the work, and hands the key on to what will report; a handler that returns
            is not reported, one that raises is.

    """
    if handler is None:
        return partial(completing, hand_over=hand_over)

    @wraps(handler)
    def reporting(event: Any, context: Any) -> Any:
        key = event.get(KEY) if isinstance(event, dict) else None
        if key is None:
            return handler(event, context)
        completions = _of_environment()
        if not completions.begin(key, context):
            log.info("a job was begun before", extra={"action": "completion_begun_before", "completion_key": key})
            return None
        try:
            output = handler(event, context)
            if hand_over:
                completions.hand_over(key)
            else:
                completions.succeed(key, output)
        except BaseException as error:  # also sys.exit, and an output that is no JSON
            completions.fail(key, type(error).__name__, {"ErrorMessage": str(error)})
            raise
        return output

    return reporting


@cache
def _of_environment() -> Completions:
    return Completions.of_environment()


def texts_of(item: Mapping[str, Any]) -> dict[str, str]:
    """Return the attributes of a record as the table has it, apart from its expiry."""
    return {name: value["S"] for name, value in item.items() if "S" in value}


def _key(key: str) -> dict[str, Any]:
    return {"completion_key": {"S": key}}


def _log_repeated(key: str) -> None:
    log.info("a job was reported on before", extra={"action": "completion_repeated", "completion_key": key})


def _condition_failed(error: ClientError) -> bool:
    return error.response.get("Error", {}).get("Code") == "ConditionalCheckFailedException"


def _as_json(value: Any) -> Any:
    """Return a value as plain JSON: what JSON does not know, such as a date or ``NaN``, becomes a text."""
    return json.loads(json.dumps(value, default=str), parse_constant=str)
