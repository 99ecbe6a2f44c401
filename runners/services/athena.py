"""Amazon Athena: start a query under the task's key, ask for 50 at once, stop them.

Athena starts one query for one ``ClientRequestToken`` and answers a repeated start with the query that there is, so
nothing has to be searched for after a crash. How long it keeps a token is not documented; tokens of a week ago were
seen to be known (github.com/ankane/blazer/issues/254), and a start is repeated within minutes, or as soon as any
process of the runner works again. The token is good for the same parameters only, so a named query, which may be
changed between two starts, is read once and recorded as the job's mark. Results are never read here.
"""

from __future__ import annotations

import json
import logging
import math
import re
from typing import TYPE_CHECKING, Any, Literal

from botocore.exceptions import ClientError
from pydantic import BaseModel, ConfigDict, Field, model_validator

from runners.errors import StartLaterError, StartRefusedError, StopFailedError
from runners.job import Failed, Running, Succeeded, Unknown
from runners.links import page_link
from runners.retries import error_code, error_message, repeated
from runners.services import Service, checked, iso, run_told_by
from runners.services.calls import CLOCK_SKEW, batches, described, starting, under_key
from runners.services.messages import without_values

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mypy_boto3_athena import AthenaClient
    from mypy_boto3_athena.type_defs import NamedQueryTypeDef, QueryExecutionTypeDef

    from runners.job import ActiveJob, Status

log = logging.getLogger(__name__)

FAILED = "AthenaQueryFailedError"

RUNNING_STATES = frozenset({"QUEUED", "RUNNING"})  # a query may go back from RUNNING to QUEUED
SUCCEEDED_STATES = frozenset({"SUCCEEDED"})
FAILED_STATES = frozenset({"FAILED", "CANCELLED"})

PRICE_PER_TB_USD = 5.00
"""Of data scanned, in us-east-1 (aws.amazon.com/athena/pricing); a TB has 1,024 x 1,024 MB."""

_SMALLEST_CHARGE_MB = 10  # for each query; more is rounded up to the MB
_MB = 1024 * 1024  # bytes
_BATCH = 50  # the most query executions, and named queries, that a call takes
_MAX_PAGES = 10  # of the latest queries, among which one is looked for
_LARGEST_RECORD = 390_000  # bytes of a request with its mark; with all else less than the 400 KB of a DynamoDB item
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_NO_SUCH = "InvalidRequestException"  # Athena's answer about an id that it does not know, among others


class AthenaRequest(BaseModel):
    """The input of a task for Athena: a query with its database, or a named query."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    AthenaQueryString: str | None = Field(default=None, min_length=1, max_length=262_144)
    """The SQL; needs ``AthenaDatabase``."""

    AthenaDatabase: str | None = Field(default=None, min_length=1, max_length=255)
    """The database in which the SQL's tables are looked up."""

    AthenaNamedQuery: str | None = Field(default=None, min_length=1, max_length=128)
    """A saved query's id, or its name if only one query of the work group has it; it has a database of its own."""

    AthenaResultOutputLocation: str | None = Field(default=None, min_length=6, pattern=r"^s3://")
    """Where the result goes, such as ``s3://bucket/prefix/``; the work group's location if absent."""

    AthenaResultEncryptionOption: Literal["SSE_S3", "SSE_KMS", "CSE_KMS"] | None = None
    """How the result is encrypted; as the work group says if absent."""

    AthenaResultKmsKey: str | None = Field(default=None, min_length=1)
    """The ARN or id of the key, for ``SSE_KMS`` and ``CSE_KMS``; passed on exactly as given."""

    WorkGroup: str | None = Field(default=None, pattern=r"^[a-zA-Z0-9._-]{1,128}$")
    """The work group; if absent, that of the named query, otherwise ``primary``."""

    Catalog: str | None = Field(default=None, min_length=1, max_length=256)
    """The data catalog; ``AwsDataCatalog`` if absent."""

    ExecutionParameters: list[str] | None = Field(default=None, min_length=1)
    """Values for the ``?`` of the query, in their order, each written as in SQL; Athena binds them."""

    ResultReuseMaxAgeInMinutes: int | None = Field(default=None, ge=0, le=10_080)
    """An earlier result of the same query that is not older than this serves as well; none does if absent."""

    @model_validator(mode="after")
    def _there_is_one_query(self) -> AthenaRequest:
        if (self.AthenaQueryString is None) == (self.AthenaNamedQuery is None):
            raise ValueError("give AthenaQueryString with AthenaDatabase, or AthenaNamedQuery")
        if self.AthenaQueryString is not None and self.AthenaDatabase is None:
            raise ValueError("AthenaQueryString needs AthenaDatabase")
        if self.AthenaNamedQuery is not None and self.AthenaDatabase is not None:
            raise ValueError("a named query has a database of its own; leave AthenaDatabase out")
        return self

    @model_validator(mode="after")
    def _a_key_goes_with_its_option(self) -> AthenaRequest:
        needs_key = self.AthenaResultEncryptionOption in {"SSE_KMS", "CSE_KMS"}
        if needs_key and self.AthenaResultKmsKey is None:
            raise ValueError(
                f"AthenaResultEncryptionOption {self.AthenaResultEncryptionOption} needs AthenaResultKmsKey"
            )
        if self.AthenaResultKmsKey is not None and not needs_key:
            raise ValueError("AthenaResultKmsKey goes with AthenaResultEncryptionOption SSE_KMS or CSE_KMS only")
        return self

    def call(self, task_key: str, named_query: Mapping[str, Any]) -> dict[str, Any]:
        """Return the parameters of StartQueryExecution.

        Args:
            task_key: becomes the start token.
            named_query: ``QueryString``, ``Database`` and ``WorkGroup`` of the named query, if it is one.

        """
        encryption = {"EncryptionOption": self.AthenaResultEncryptionOption, "KmsKey": self.AthenaResultKmsKey}
        reuse = {"Enabled": True, "MaxAgeInMinutes": self.ResultReuseMaxAgeInMinutes}
        reuses = self.ResultReuseMaxAgeInMinutes is not None
        return _given(
            QueryString=named_query.get("QueryString", self.AthenaQueryString),
            ClientRequestToken=task_key,
            QueryExecutionContext=_given(
                Database=named_query.get("Database", self.AthenaDatabase), Catalog=self.Catalog
            ),
            ResultConfiguration=_given(
                OutputLocation=self.AthenaResultOutputLocation, EncryptionConfiguration=_given(**encryption)
            ),
            WorkGroup=self.WorkGroup or named_query.get("WorkGroup"),
            ExecutionParameters=self.ExecutionParameters,
            ResultReuseConfiguration={"ResultReuseByAgeConfiguration": reuse} if reuses else None,
        )


class Athena(Service):
    """Athena as a service."""

    name = "athena"
    asked_for = ("AthenaNamedQuery", "AthenaDatabase", "WorkGroup")
    starts_per_second = 20.0  # "Service quotas" in Athena's user guide: StartQueryExecution, 20 a second
    starts_at_once = 80  # and the burst of the same row

    def __init__(self, athena: AthenaClient) -> None:
        self._athena = athena
        self._region = athena.meta.region_name

    def validate(self, request: Mapping[str, Any]) -> None:
        """Check a task's input."""
        checked(AthenaRequest, request)

    def mark(self, job: ActiveJob) -> dict[str, Any]:
        """Read a named query, so that each start of the job is for the same SQL."""
        request = checked(AthenaRequest, job.request)
        if request.AthenaNamedQuery is None:
            return {}
        with starting("Athena", lambda reason: _not_started(job, reason)):
            found = self._named_queries(request.AthenaNamedQuery, request.WorkGroup)
        if len(found) != 1:
            group = request.WorkGroup or "primary"
            what = f"{len(found)} named queries have the name {request.AthenaNamedQuery} in the work group {group}"
            raise _not_started(job, f"{what}; give the id of one instead")
        mark = {name: found[0].get(name) for name in ("QueryString", "Database", "WorkGroup")}
        if len(json.dumps(mark)) + len(json.dumps(job.request)) > _LARGEST_RECORD:
            raise _not_started(job, "the SQL of this named query is too long to be recorded; give AthenaQueryString")
        return mark

    def start(self, job: ActiveJob) -> str:
        """Start the query under the task's key; a repeated start gives the same query."""
        call = checked(AthenaRequest, job.request).call(job.task_key, job.mark or {})
        with starting("Athena", lambda reason: _not_started(job, reason)):
            return under_key(self._athena.start_query_execution)(**call)["QueryExecutionId"]

    def find(self, job: ActiveJob) -> str | None:  # noqa: ARG002  # Athena finds it by the token
        """Return None: Athena cannot be asked for a token, but starting again under it finds the query."""
        return None

    def was_submitted(self, job: ActiveJob) -> bool:
        """Return whether anybody has submitted a job's SQL since its claim, as far as the latest queries show."""
        call = checked(AthenaRequest, job.request).call(job.task_key, job.mark or {})
        since = job.claimed_at - CLOCK_SKEW
        query: dict[str, Any] = {"MaxResults": _BATCH, **_given(WorkGroup=call.get("WorkGroup"))}
        for _ in range(_MAX_PAGES):
            page = repeated(self._athena.list_query_executions)(**query)
            ids = page.get("QueryExecutionIds", [])
            if not ids:
                return False
            answer = repeated(self._athena.batch_get_query_execution)(QueryExecutionIds=ids)
            if answer.get("UnprocessedQueryExecutionIds"):
                return True  # it cannot be told
            recent = [one for one in answer["QueryExecutions"] if one["Status"]["SubmissionDateTime"] >= since]
            if any(one["Query"] == call["QueryString"] for one in recent):
                return True
            if not recent or not page.get("NextToken"):
                return False
            query["NextToken"] = page["NextToken"]
        return True  # there are too many to tell

    def describe(self, jobs: Sequence[ActiveJob]) -> dict[str, Status]:
        """Return the status of each query, up to 50 a call."""
        return described("Athena", batches(jobs, _BATCH), self._describe_batch)

    def stop(self, jobs: Sequence[ActiveJob]) -> None:
        """Stop queries, one a call; one that has ended is no error.

        Raises:
            StopFailedError: a query goes on; the others were stopped.

        """
        going_on = [job.run_id for job in jobs if job.run_id and not self._stopped(job, job.run_id)]
        if going_on:
            raise StopFailedError(f"Athena did not stop {', '.join(going_on)}")

    def run_of_event(self, event: Mapping[str, Any]) -> str | None:
        """Return the query of an ``Athena Query State Change``."""
        return run_told_by(event, "aws.athena", "Athena Query State Change", "queryExecutionId")

    def _named_queries(self, name: str, work_group: str | None) -> list[NamedQueryTypeDef]:
        """Return the named queries with an id or a name; names are no keys, and are looked up in a work group."""
        if _UUID.fullmatch(name):
            return [repeated(self._athena.get_named_query)(NamedQueryId=name)["NamedQuery"]]
        found: list[NamedQueryTypeDef] = []
        unread = 0
        query = _given(WorkGroup=work_group, MaxResults=_BATCH)
        while True:
            page = repeated(self._athena.list_named_queries)(**query)
            if page.get("NamedQueryIds"):
                answer = repeated(self._athena.batch_get_named_query)(NamedQueryIds=page["NamedQueryIds"])
                found += [one for one in answer.get("NamedQueries", []) if one["Name"] == name]
                unread += len(answer.get("UnprocessedNamedQueryIds", []))
            if not page.get("NextToken"):
                break
            query["NextToken"] = page["NextToken"]
        if unread and not found:
            raise StartLaterError(f"Athena did not give {unread} named queries, of which one may be {name}")
        return found

    def _describe_batch(self, jobs: Sequence[ActiveJob]) -> dict[str, Status]:
        by_run = {str(job.run_id): job for job in jobs}
        answer = repeated(self._athena.batch_get_query_execution)(QueryExecutionIds=list(by_run))
        statuses = {
            by_run[execution["QueryExecutionId"]].task_key: self._status(execution)
            for execution in answer.get("QueryExecutions", [])
        }
        # Why one was left out is said in words only; asked for by itself, it answers with an error that can be told.
        unprocessed = (by_run[one["QueryExecutionId"]] for one in answer.get("UnprocessedQueryExecutionIds", []))
        return statuses | described("Athena", ([job] for job in unprocessed), self._describe_one)

    def _describe_one(self, jobs: Sequence[ActiveJob]) -> dict[str, Status]:
        (job,) = jobs
        run_id = str(job.run_id)
        try:
            execution = repeated(self._athena.get_query_execution)(QueryExecutionId=run_id)["QueryExecution"]
        except ClientError as error:
            if error_code(error) != _NO_SUCH:
                raise
            reason = f"Athena does not know this query (any more): {error_message(error)}"
            return {job.task_key: Unknown(FAILED, _cause(run_id, "UNKNOWN", reason))}
        return {job.task_key: self._status(execution)}

    def _status(self, execution: QueryExecutionTypeDef) -> Status:
        state = execution["Status"]["State"]
        if state in SUCCEEDED_STATES:
            return Succeeded(self._output(execution))
        if state in FAILED_STATES:
            return Failed(FAILED, self._cause_of(execution))
        # A state that AWS adds later is taken as running: the task's own time-out has the last word.
        return Running(state)

    def _output(self, execution: QueryExecutionTypeDef) -> dict[str, Any]:
        statistics = execution.get("Statistics", {})
        return {
            "AthenaQueryString": execution.get("Query"),
            **_cause(execution["QueryExecutionId"], execution["Status"]["State"], _reason(execution)),
            "AthenaQuerySubmissionDateTime": iso(execution["Status"].get("SubmissionDateTime")),
            "AthenaQueryCompletionDateTime": iso(execution["Status"].get("CompletionDateTime")),
            "AthenaQueryEngineExecutionTimeInMillis": statistics.get("EngineExecutionTimeInMillis"),
            "AthenaQueryQueueTimeInMillis": statistics.get("QueryQueueTimeInMillis"),
            "AthenaQueryPlanningTimeInMillis": statistics.get("QueryPlanningTimeInMillis"),
            "AthenaQueryTotalExecutionTimeInMillis": statistics.get("TotalExecutionTimeInMillis"),
            "AthenaQueryDataScannedInBytes": statistics.get("DataScannedInBytes"),
            "AthenaResultReused": _reused(execution),
            "AthenaResultOutputLocation": execution.get("ResultConfiguration", {}).get("OutputLocation"),
            "AthenaEstimatedCostUSD": estimated_cost_usd(execution),
            "ConsoleLink": self._link(execution),
        }

    def _cause_of(self, execution: QueryExecutionTypeDef) -> dict[str, Any]:
        error = execution["Status"].get("AthenaError", {})
        return {
            **_cause(execution["QueryExecutionId"], execution["Status"]["State"], _reason(execution)),
            "AthenaError": {
                name: error.get(name) for name in ("ErrorCategory", "ErrorType", "Retryable", "ErrorMessage")
            },
            "AthenaQueryCompletionDateTime": iso(execution["Status"].get("CompletionDateTime")),
            "AthenaQueryDataScannedInBytes": execution.get("Statistics", {}).get("DataScannedInBytes"),
            "AthenaEstimatedCostUSD": estimated_cost_usd(execution),
            "ConsoleLink": self._link(execution),
        }

    def _link(self, execution: QueryExecutionTypeDef) -> str:
        page = f"athena/home?region={self._region}#/query-editor/history/{execution['QueryExecutionId']}"
        return page_link(self._region, page)

    def _stopped(self, job: ActiveJob, run_id: str) -> bool:
        try:
            repeated(self._athena.stop_query_execution)(QueryExecutionId=run_id)
        except ClientError as error:
            reason = f"{error_code(error)}: {error_message(error)}"
            told = {"action": "stop_refused", "run_id": run_id, "reason": reason}
            log.info("Athena did not stop a query", extra=told)
            status = described("Athena", [[job]], self._describe_one).get(job.task_key)
            return isinstance(status, Succeeded | Failed)
        return True


def estimated_cost_usd(execution: QueryExecutionTypeDef) -> float:
    """Return what a query costs by the data that it scanned, at the price of us-east-1.

    Free are failed queries, DDL and statements that manage partitions, and reused results; a cancelled query is
    charged for what it has scanned (aws.amazon.com/athena/pricing). A work group with reserved capacity pays that
    instead.
    """
    scanned = execution.get("Statistics", {}).get("DataScannedInBytes", 0)
    state = execution["Status"]["State"]
    has_smallest_charge = state == "SUCCEEDED" and execution.get("StatementType") == "DML"
    if state == "FAILED" or _reused(execution) or (scanned == 0 and not has_smallest_charge):
        return 0.0
    megabytes = max(_SMALLEST_CHARGE_MB, math.ceil(scanned / _MB))
    return round(megabytes * PRICE_PER_TB_USD / _MB, 8)  # a TB has as many MB as a MB has bytes


def _reused(execution: QueryExecutionTypeDef) -> bool:
    information = execution.get("Statistics", {}).get("ResultReuseInformation", {})
    return bool(information.get("ReusedPreviousResult", False))


def _reason(execution: QueryExecutionTypeDef) -> str | None:
    return execution["Status"].get("StateChangeReason")


def _cause(run_id: str, state: str, reason: str | None) -> dict[str, Any]:
    return {
        "AthenaQueryExecutionId": run_id,
        "AthenaQueryExecutionState": state,
        "AthenaQueryExecutionStateChangeReason": reason,
    }


def _not_started(job: ActiveJob, reason: str) -> StartRefusedError:
    """Return the error of a start that will never be; what Athena says of the SQL stays, its whole text does not."""
    request = job.request
    secrets = [request.get("AthenaQueryString") or "", *(request.get("ExecutionParameters") or [])]
    named = _given(AthenaNamedQuery=request.get("AthenaNamedQuery"))
    return StartRefusedError(FAILED, {**_cause("", "NOT_STARTED", without_values(reason, secrets)), **named})


def _given(**values: Any) -> dict[str, Any]:
    """Return the values that there are: nothing that is None or an empty object."""
    return {name: value for name, value in values.items() if value is not None and value != {}}
