"""The DynamoDB table of active jobs: what was claimed, what runs, what is still to be reported.

Every change is a conditional write on the record's version, so that of two processes with the same idea one
finds out that the other was quicker. Nothing here knows what a job is or whether it should be started.
"""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.exceptions import ClientError

from runners.job import ActiveJob, Failed, Outcome, Stage, Succeeded
from runners.retries import error_code, repeated
from runners.tables import condition_failed, items_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

log = logging.getLogger(__name__)

BY_RUN = "by_run"  # the index by run id
# What a runner has besides its jobs stands in partitions of its own, so that no sweep comes across it.
HOLDS = ".singletons"
ADMISSIONS = ".admissions"
SWEEPS = ".sweeps"
EVENTS = ".events"
EVENTS_KEPT = timedelta(hours=1)  # for a record that was not there yet; most events are of runs that are not ours

_CONTESTED = frozenset({"None", "ConditionalCheckFailed", "TransactionConflict"})

_serialize = TypeSerializer().serialize
_deserialize = TypeDeserializer().deserialize


class ActiveJobs:
    """The table: partition key ``runner``, sort key ``task_key``, index ``by_run`` with partition key ``run_id``."""

    def __init__(self, table: str, dynamodb: DynamoDBClient) -> None:
        self._table = table
        self._dynamodb = dynamodb

    def claim(self, job: ActiveJob) -> bool:
        """Record a new job, before anything is started for it. False if its task was claimed before.

        A claim whose answer got lost is repeated and then finds itself: that counts as a success.
        """
        item = _written(job)
        try:
            self._put(item, "attribute_not_exists(task_key)", {}, ReturnValuesOnConditionCheckFailure="ALL_OLD")
        except ClientError as error:
            if not condition_failed(error):
                raise
            return error.response.get("Item") == item
        return True

    def advance(self, job: ActiveJob) -> bool:
        """Replace the record by ``job``, whose version is one more than what it was made from.

        False if the record has changed or gone since: somebody else was quicker, and ``job`` is out of date.
        """
        item = _written(job)
        condition = "version = :before"
        try:
            self._put(item, condition, {":before": _serialize(job.version - 1)})
        except ClientError as error:
            if not condition_failed(error):
                raise
            # Our own write may have taken effect while its answer got lost.
            return self._get(_key_of(job)) == item
        return True

    def read(self, job: ActiveJob) -> ActiveJob | None:
        """Return the record as it is now, or None if it was closed."""
        item = self._get(_key_of(job))
        return None if item is None else _job_of(item)

    @repeated
    def close(self, job: ActiveJob) -> bool:
        """Delete the record: the outcome was acknowledged, or nobody waits for it any more.

        A record that has changed since ``job`` was read stays: it may tell of a run that ``job`` does not know. False
        if it stays, or had gone before.
        """
        try:
            self._dynamodb.delete_item(
                TableName=self._table,
                Key=_key_of(job),
                ConditionExpression="version = :version",
                ExpressionAttributeValues={":version": _serialize(job.version)},
            )
        except ClientError as error:
            if not condition_failed(error):
                raise
            return False
        return True

    def of_runner(self, runner: str) -> Iterator[ActiveJob]:
        """Yield all active jobs of a runner, page by page, as they are now (strongly consistent)."""
        items = items_of(
            self._dynamodb.query,
            TableName=self._table,
            KeyConditionExpression="runner = :runner",
            ExpressionAttributeValues={":runner": {"S": runner}},
            ConsistentRead=True,
        )
        yield from filter(None, map(_readable, items))

    def of_run(self, runner: str, run_id: str) -> list[ActiveJob]:
        """Return the active jobs of a run, usually one, as they are now.

        An index tells which they are, a moment late: a new record may be missing yet.
        """
        items = items_of(
            self._dynamodb.query,
            TableName=self._table,
            IndexName=BY_RUN,
            KeyConditionExpression="run_id = :run_id",
            ExpressionAttributeValues={":run_id": {"S": run_id}},
        )
        keys = [item["task_key"] for item in items if item["runner"] == {"S": runner}]
        found = (self._get({"runner": {"S": runner}, "task_key": key}) for key in keys)
        return [job for item in found if item is not None and (job := _readable(item)) is not None]

    def park(self, runner: str, run_id: str, now: datetime) -> None:
        """Keep word of an event whose run has no record yet; the table forgets it after an hour."""
        self._keep({**_event_key(runner, run_id), "expires_at": _serialize(int((now + EVENTS_KEPT).timestamp()))})

    def was_parked(self, runner: str, run_id: str) -> bool:
        """Return whether an event of a run came before its record."""
        return self._get(_event_key(runner, run_id)) is not None

    def swept_at(self, runner: str) -> datetime | None:
        """Return when the last sweep was that has kept all jobs alive, as far as somebody has noted it."""
        item = self._get(_sweep_key(runner))
        return None if item is None else _moment(str(_deserialize(item["swept_at"])))

    def note_sweep(self, runner: str, at: datetime) -> None:
        """Note that a sweep has kept all jobs alive."""
        self._keep({**_sweep_key(runner), "swept_at": _serialize(at.isoformat())})

    def admissions(self, runner: str) -> int:
        """Return how often jobs of a runner were admitted; read it before the jobs that decide on the next time."""
        item = self._get(_admissions_key(runner))
        return 0 if item is None else int(_deserialize(item["version"]))

    def admit(self, jobs: Sequence[ActiveJob], admissions: int) -> bool:
        """Replace the records of jobs that were waiting, on the condition that nobody else has admitted any since.

        All of them or none. False if there was somebody, or a record has changed: then what was decided is out of date.

        Args:
            jobs: at most 99, with the right to start them taken.
            admissions: how often jobs had been admitted before the jobs were read that this was decided by.

        """
        items = {job.task_key: _written(job) for job in jobs}
        counter = {**_admissions_key(jobs[0].runner), "version": _serialize(admissions + 1)}
        puts = [
            self._conditional(counter, "attribute_not_exists(version) OR version = :before", admissions),
            *(self._conditional(items[job.task_key], "version = :before", job.version - 1) for job in jobs),
        ]
        try:
            repeated(self._dynamodb.transact_write_items)(TransactItems=puts)
        except ClientError as error:
            if not _contested(error):
                raise
            # Our own transaction may have taken effect while its answer got lost.
            return self._get(_key_of(jobs[0])) == items[jobs[0].task_key]
        return True

    def _conditional(self, item: dict[str, Any], condition: str, before: int) -> TransactWriteItemTypeDef:
        return {
            "Put": {
                "TableName": self._table,
                "Item": item,
                "ConditionExpression": condition,
                "ExpressionAttributeValues": {":before": _serialize(before)},
            }
        }

    def hold(self, job: ActiveJob, singleton: str) -> bool:
        """Take a singleton of the service for a job, until ``release``; False while another active job has it.

        A hold whose job is gone, because its process died between closing and releasing, counts for nothing.
        """
        item = {**_hold_key(job, singleton), "holder": _serialize(job.task_key)}
        while True:
            try:
                self._put(
                    item,
                    "attribute_not_exists(holder) OR holder = :holder",
                    {":holder": item["holder"]},
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                )
            except ClientError as error:
                if not condition_failed(error):
                    raise
                other = str(_deserialize(error.response["Item"]["holder"]))  # type: ignore[typeddict-item]
            else:
                return True
            if self._get(_key_of(replace(job, task_key=other))) is not None:
                return False
            self._let_go(_hold_key(job, singleton), other)

    def release(self, job: ActiveJob, singleton: str) -> None:
        """Give back a singleton; one that another job has by now stays with it."""
        self._let_go(_hold_key(job, singleton), job.task_key)

    def release_lost(self, runner: str, active: Collection[str]) -> None:
        """Give back the singletons whose jobs are gone, as a process died between closing and releasing.

        Args:
            runner: whose.
            active: the task keys of its active jobs, as they were a moment ago.

        """
        holds = items_of(
            self._dynamodb.query,
            TableName=self._table,
            KeyConditionExpression="runner = :runner",
            ExpressionAttributeValues={":runner": {"S": f"{runner}{HOLDS}"}},
            ConsistentRead=True,
        )
        for hold in holds:
            holder = hold["holder"]["S"]
            if holder not in active and self._get({"runner": {"S": runner}, "task_key": hold["holder"]}) is None:
                self._let_go({"runner": hold["runner"], "task_key": hold["task_key"]}, holder)

    @repeated
    def _let_go(self, key: dict[str, Any], holder: str) -> None:
        try:
            self._dynamodb.delete_item(
                TableName=self._table,
                Key=key,
                ConditionExpression="holder = :holder",
                ExpressionAttributeValues={":holder": _serialize(holder)},
            )
        except ClientError as error:
            if not condition_failed(error):
                raise

    @repeated
    def _put(self, item: dict[str, Any], condition: str, values: dict[str, Any], **options: Any) -> None:
        if values:
            options["ExpressionAttributeValues"] = values
        self._dynamodb.put_item(TableName=self._table, Item=item, ConditionExpression=condition, **options)

    @repeated
    def _keep(self, item: dict[str, Any]) -> None:
        self._dynamodb.put_item(TableName=self._table, Item=item)

    @repeated
    def _get(self, key: dict[str, Any]) -> dict[str, Any] | None:
        answer = self._dynamodb.get_item(TableName=self._table, Key=key, ConsistentRead=True)
        return answer.get("Item")


def _contested(error: ClientError) -> bool:
    """Whether a transaction was refused because of another write, and not for what would refuse it again."""
    reasons: Any = error.response.get("CancellationReasons", [])
    refused = error_code(error) == "TransactionCanceledException"
    return refused and {reason.get("Code", "None") for reason in reasons} <= _CONTESTED


def _key_of(job: ActiveJob) -> dict[str, Any]:
    return {"runner": {"S": job.runner}, "task_key": {"S": job.task_key}}


def _hold_key(job: ActiveJob, singleton: str) -> dict[str, Any]:
    return {"runner": {"S": f"{job.runner}{HOLDS}"}, "task_key": {"S": singleton}}


def _event_key(runner: str, run_id: str) -> dict[str, Any]:
    return {"runner": {"S": f"{runner}{EVENTS}"}, "task_key": {"S": run_id}}


def _sweep_key(runner: str) -> dict[str, Any]:
    return {"runner": {"S": f"{runner}{SWEEPS}"}, "task_key": {"S": "last"}}


def _admissions_key(runner: str) -> dict[str, Any]:
    return {"runner": {"S": f"{runner}{ADMISSIONS}"}, "task_key": {"S": "all"}}


def _written(job: ActiveJob) -> dict[str, Any]:
    """Return a job as an item that tells this write from any other.

    Else two processes that take a lease in the same microsecond would write the same, and each take it for its own.
    """
    return {**_item_of(job), "written_as": {"S": uuid4().hex}}


def _item_of(job: ActiveJob) -> dict[str, Any]:
    values: dict[str, Any] = {
        "runner": job.runner,
        "task_key": job.task_key,
        "token": job.token,
        "request": json.dumps(job.request, ensure_ascii=False),  # an item may have 400 KB, an input 256
        "claimed_at": job.claimed_at.isoformat(),
        "lease_expires_at": job.lease_expires_at.isoformat(),
        "maybe_started": job.maybe_started,
        "stage": job.stage.value,
        "version": job.version,
        "attempt": job.attempt,
    }
    if job.priority:
        values["priority"] = job.priority
    if job.execution is not None:
        values["execution"] = job.execution
    if job.started_at is not None:
        values["started_at"] = job.started_at.isoformat()
    if job.mark is not None:
        values["mark"] = json.dumps(job.mark)
    if job.singleton is not None:
        values["singleton"] = job.singleton
    if job.run_id is not None:
        values["run_id"] = job.run_id
    if job.outcome is not None:
        values["outcome"] = json.dumps(_document_of(job.outcome), default=str)
    return {name: _serialize(value) for name, value in values.items()}


def _readable(item: dict[str, Any]) -> ActiveJob | None:
    """Return a record as a job; one that nobody can read must not keep the others from their sweep."""
    try:
        return _job_of(item)
    except (KeyError, TypeError, ValueError):
        log.exception(
            "a record of an active job cannot be read; look at it and delete it",
            extra={"action": "record_unreadable", "task_key": item.get("task_key", {}).get("S")},
        )
        return None


def _job_of(item: dict[str, Any]) -> ActiveJob:
    values = {name: _deserialize(value) for name, value in item.items()}
    return ActiveJob(
        runner=values["runner"],
        task_key=values["task_key"],
        token=values["token"],
        request=json.loads(values["request"]),
        claimed_at=_moment(values["claimed_at"]),
        lease_expires_at=_moment(values["lease_expires_at"]),
        maybe_started=values["maybe_started"],
        stage=Stage(values["stage"]),
        version=int(values["version"]),
        mark=json.loads(values["mark"]) if "mark" in values else None,
        singleton=values.get("singleton"),
        run_id=values.get("run_id"),
        started_at=_moment(values["started_at"]) if "started_at" in values else None,
        priority=int(values.get("priority", 0)),
        execution=values.get("execution"),
        attempt=int(values.get("attempt", 1)),
        outcome=_outcome_of(json.loads(values["outcome"])) if "outcome" in values else None,
    )


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def _document_of(outcome: Outcome) -> dict[str, Any]:
    if isinstance(outcome, Succeeded):
        return {"output": outcome.output}
    return {"error": outcome.error, "cause": outcome.cause}


def _outcome_of(document: dict[str, Any]) -> Outcome:
    if "output" in document:
        return Succeeded(document["output"])
    return Failed(document["error"], document["cause"])
