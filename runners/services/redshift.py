"""Statements of the Redshift Data API: run one or several, ask for many at once, cancel them, find one never recorded.

A start carries the task's key as its client token, so it may be repeated. As the Data API does not show the token
again, the key also stands at the end of the statement's name, by which ``find`` recognises it. No text of SQL and no
parameter gets into a log, a cause or an output.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from botocore.exceptions import ClientError
from pydantic import BaseModel, ConfigDict, Field, model_validator

from runners.errors import StartRefusedError, StopFailedError
from runners.job import Failed, Running, Succeeded, Unknown
from runners.links import page_link
from runners.log import job_fields
from runners.retries import error_code, error_message, repeated
from runners.services import Service, checked, iso, run_told_by
from runners.services.calls import CLOCK_SKEW, described, grouped, starting, under_key
from runners.services.keyed_names import ROOM, is_keyed, keyed
from runners.services.messages import without_values

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mypy_boto3_redshift_data import RedshiftDataAPIServiceClient
    from mypy_boto3_redshift_data.type_defs import (
        DescribeStatementResponseTypeDef,
        StatementDataTypeDef,
        SubStatementDataTypeDef,
    )

    from runners.job import ActiveJob, Status

log = logging.getLogger(__name__)

FAILED = "RedshiftStatementFailedError"

RUNNING_STATES = frozenset({"SUBMITTED", "PICKED", "STARTED"})
SUCCEEDED_STATES = frozenset({"FINISHED"})
FAILED_STATES = frozenset({"ABORTED", "FAILED"})
FILTERS = frozenset({"ALL"})
"""What stands in the API's enum and is no state: a filter."""

_LATER = frozenset({"ActiveStatementsExceededException", "ActiveSessionsExceededException"})
_MAX_NAME = 2048  # characters
_PAGE = 100  # statements; the most that ListStatements gives
_MAX_PAGES = 10  # of a database's statements, newest first, before single ones are asked for
# Jobs of one database, up to which each is asked for by itself. ListStatements takes no ids and also gives what others
# run, with its whole SQL, so it is worth its call for many only.
_FEW = 20
_UNNAMED = "etl-runners"  # what a statement is called if the task does not say
_NANOSECONDS = 1_000_000_000  # in a second
# The Data API answers the second about an id that it cannot have given, and to cancel a statement that has ended.
_UNKNOWN = frozenset({"ResourceNotFoundException", "ValidationException"})

_STRICT = ConfigDict(extra="forbid", frozen=True)


class Parameter(BaseModel):
    """A parameter of a statement."""

    model_config = _STRICT

    name: str = Field(pattern=r"^[0-9a-zA-Z_]+$")
    """Its name, ``:name`` in the SQL."""

    value: str = Field(min_length=1)
    """Its value; Redshift converts it to the type that is needed."""


class RedshiftRequest(BaseModel):
    """The input of a task for Redshift: the parameters of ExecuteStatement, or of BatchExecuteStatement."""

    model_config = _STRICT

    Sql: str | None = Field(default=None, min_length=1)
    """One statement; this or ``Sqls``."""

    Sqls: tuple[str, ...] | None = Field(default=None, min_length=1, max_length=40)
    """Statements that run one after the other in one transaction; this or ``Sql``."""

    Database: str = Field(min_length=1)
    """The database."""

    ClusterIdentifier: str | None = Field(default=None, pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=63)
    """The cluster; this or ``WorkgroupName``."""

    WorkgroupName: str | None = Field(default=None, min_length=3, max_length=128)
    """The serverless workgroup, by name or ARN; this or ``ClusterIdentifier``."""

    DbUser: str | None = Field(default=None, min_length=1)
    """The user of a cluster, who gets temporary credentials; not with ``SecretArn``. Without either, the statement runs
    as the database user that belongs to the runner's IAM role."""

    SecretArn: str | None = Field(default=None, min_length=1)
    """The secret that holds the user and the password."""

    Parameters: tuple[Parameter, ...] | None = Field(default=None, min_length=1)
    """Parameters of ``Sql``."""

    StatementName: str = Field(default=_UNNAMED, min_length=1, max_length=_MAX_NAME - ROOM)
    """The statement's name, to which the task's key is added."""

    @model_validator(mode="after")
    def _fields_go_together(self) -> RedshiftRequest:
        if (self.Sql is None) == (self.Sqls is None):
            raise ValueError("give Sql or Sqls, one of the two")
        if self.Parameters is not None and self.Sql is None:
            raise ValueError("Parameters go with Sql only")
        if (self.ClusterIdentifier is None) == (self.WorkgroupName is None):
            raise ValueError("give ClusterIdentifier or WorkgroupName, one of the two")
        if self.DbUser is not None and self.ClusterIdentifier is None:
            raise ValueError("DbUser goes with ClusterIdentifier only")
        if self.DbUser is not None and self.SecretArn is not None:
            raise ValueError("give DbUser or SecretArn, not both")
        return self

    def call(self, task_key: str) -> dict[str, Any]:
        """Return the parameters of ExecuteStatement or BatchExecuteStatement."""
        return {
            **self.model_dump(exclude_none=True),
            "StatementName": keyed(self.StatementName, task_key),
            "ClientToken": task_key,
            "WithEvent": True,
        }


class Redshift(Service):
    """The Redshift Data API as a service."""

    name = "redshift"
    asked_for = ("ClusterIdentifier", "WorkgroupName", "Database", "StatementName")

    def __init__(self, redshift_data: RedshiftDataAPIServiceClient) -> None:
        self._redshift_data = redshift_data
        self._region = redshift_data.meta.region_name

    def validate(self, request: Mapping[str, Any]) -> None:
        """Check a task's input."""
        checked(RedshiftRequest, request)

    def start(self, job: ActiveJob) -> str:
        """Run the SQL under the task's key; started again under the same key, it is the same statement."""
        call = checked(RedshiftRequest, job.request).call(job.task_key)
        with starting("Redshift", lambda reason: _not_started(job, reason), _LATER):
            if "Sqls" in call:
                return under_key(self._redshift_data.batch_execute_statement)(**call)["Id"]
            return under_key(self._redshift_data.execute_statement)(**call)["Id"]

    def find(self, job: ActiveJob) -> str | None:
        """Look for a statement by its name, which carries the task's key."""
        name = str(job.request.get("StatementName", _UNNAMED))
        for statement in self._statements([job], StatementName=keyed(name, job.task_key)):
            if is_keyed(statement.get("StatementName", ""), job.task_key):
                return statement["Id"]
        return None

    def describe(self, jobs: Sequence[ActiveJob]) -> dict[str, Status]:
        """Return the status of each statement: few are asked for one by one, many of a database together."""
        return described("Redshift", grouped(jobs, _place).values(), self._describe_statements)

    def stop(self, jobs: Sequence[ActiveJob]) -> None:
        """Cancel statements; one that has ended is no error.

        Raises:
            StopFailedError: a statement goes on.

        """
        for job in jobs:
            if job.run_id:
                self._cancel(job, job.run_id)

    def run_of_event(self, event: Mapping[str, Any]) -> str | None:
        """Return the statement of a ``Redshift Data Statement Status Change``."""
        statement = run_told_by(event, "aws.redshift-data", "Redshift Data Statement Status Change", "statementId")
        return statement and statement.partition(":")[0]  # one of several has a number after a colon

    def _cancel(self, job: ActiveJob, statement: str) -> None:
        try:
            if repeated(self._redshift_data.cancel_statement)(Id=statement)["Status"]:
                return
            reason = "it answered false"
        except ClientError as error:
            if error_code(error) not in _UNKNOWN:
                raise
            reason = error_message(error)
        log.info(
            "Redshift did not stop a statement",
            extra={"action": "stop_refused", **job_fields(job), "reason": reason},
        )
        status = self._describe_statement(job)
        if isinstance(status, Running):
            raise StopFailedError(f"Redshift did not cancel statement {statement}, which is {status.state}: {reason}")

    def _describe_statements(self, jobs: Sequence[ActiveJob]) -> dict[str, Status]:
        """Return the status of statements of one database."""
        states = self._states(jobs) if len(jobs) > _FEW else {}
        running: dict[str, Status] = {
            job.task_key: Running(states[str(job.run_id)])
            for job in jobs
            if states.get(str(job.run_id)) in RUNNING_STATES
        }
        others = ([job] for job in jobs if job.task_key not in running)
        return running | described("Redshift", others, lambda one: {one[0].task_key: self._describe_statement(one[0])})

    def _states(self, jobs: Sequence[ActiveJob]) -> dict[str, str]:
        """Return the state of those statements that a list shows."""
        wanted = {job.run_id for job in jobs}
        states: dict[str, str] = {}
        for statement in self._statements(jobs):
            if statement["Id"] in wanted:
                states[statement["Id"]] = statement.get("Status", "")
                if len(states) == len(wanted):
                    break
        return states

    def _statements(self, jobs: Sequence[ActiveJob], **narrower: Any) -> Iterator[StatementDataTypeDef]:
        """Yield a database's statements, newest first, back to the oldest claim, bounded by a number of pages.

        None where there is no such cluster or workgroup any more; single statements can be asked for even then.
        """
        oldest = min(job.claimed_at for job in jobs) - CLOCK_SKEW
        place = {name: value for name, value in _place_of(jobs[0]).items() if value}
        query: dict[str, Any] = {**place, **narrower, "Status": "ALL", "RoleLevel": True, "MaxResults": _PAGE}
        for _ in range(_MAX_PAGES):
            try:
                page = repeated(self._redshift_data.list_statements)(**query)
            except ClientError as error:
                if error_code(error) not in _UNKNOWN:
                    raise
                return
            for statement in page["Statements"]:
                if "CreatedAt" in statement and statement["CreatedAt"] < oldest:
                    return
                yield statement
            if not page.get("NextToken"):
                return
            query["NextToken"] = page["NextToken"]

    def _describe_statement(self, job: ActiveJob) -> Status:
        try:
            statement = repeated(self._redshift_data.describe_statement)(Id=str(job.run_id))
        except ClientError as error:
            if error_code(error) not in _UNKNOWN:
                raise
            message = "Redshift does not know this statement (any more); it keeps them for a day"
            return Unknown(FAILED, _cause(job, "UNKNOWN", message))
        return self._status(job, statement)

    def _status(self, job: ActiveJob, statement: DescribeStatementResponseTypeDef) -> Status:
        state = str(statement["Status"])
        if state in SUCCEEDED_STATES:
            return Succeeded(self._output(job, statement))
        if state in FAILED_STATES:
            message = _without_input(job, statement.get("Error", "")) or f"the statement ended as {state}"
            return Failed(FAILED, {**_cause(job, state, message), **self._end(job, statement)})
        # A state that AWS adds later is taken as running: the task's own time-out has the last word.
        return Running(state)

    def _output(self, job: ActiveJob, statement: DescribeStatementResponseTypeDef) -> dict[str, Any]:
        return {
            "Id": statement["Id"],
            "Status": statement["Status"],
            **{name: value for name, value in _place_of(job).items() if value},
            "HasResultSet": statement.get("HasResultSet", False),
            **_figures(statement),
            **self._end(job, statement),
        }

    def _end(self, job: ActiveJob, statement: DescribeStatementResponseTypeDef) -> dict[str, Any]:
        """Return what is told of a statement that has ended, however it did."""
        return {
            "CreatedAt": iso(statement.get("CreatedAt")),
            "UpdatedAt": iso(statement.get("UpdatedAt")),
            "DurationSeconds": _seconds(statement.get("Duration")),
            "SubStatements": [_sub_statement(job, part) for part in statement.get("SubStatements", [])],
            "ConsoleLink": page_link(self._region, f"redshiftv2/home?region={self._region}#{_page(job)}"),
        }


def _place_of(job: ActiveJob) -> dict[str, str]:
    """Return where a statement runs; what is not said is empty."""
    return {name: str(job.request.get(name) or "") for name in ("ClusterIdentifier", "WorkgroupName", "Database")}


def _place(job: ActiveJob) -> tuple[str, ...]:
    return tuple(_place_of(job).values())


def _page(job: ActiveJob) -> str:
    """Return the page of the console for where a statement ran."""
    place = _place_of(job)
    if place["ClusterIdentifier"]:
        return f"cluster-details?cluster={quote(place['ClusterIdentifier'])}"
    return f"serverless-workgroup?workgroup={quote(place['WorkgroupName'], safe='')}"


def _sub_statement(job: ActiveJob, part: SubStatementDataTypeDef) -> dict[str, Any]:
    error = {"ErrorMessage": _without_input(job, part["Error"])} if part.get("Error") else {}
    seconds = _seconds(part.get("Duration"))
    return {"Id": part["Id"], "Status": part.get("Status"), "DurationSeconds": seconds, **_figures(part), **error}


def _figures(statement: DescribeStatementResponseTypeDef | SubStatementDataTypeDef) -> dict[str, int | None]:
    return {
        "ResultRows": _known(statement.get("ResultRows")),
        "ResultSizeBytes": _known(statement.get("ResultSize")),
        "RedshiftQueryId": _known(statement.get("RedshiftQueryId")),
    }


def _known(number: int | None) -> int | None:
    """Return a number, or None where Redshift says by -1 that there is none."""
    return None if number is None or number < 0 else number


def _seconds(nanoseconds: int | None) -> float | None:
    known = _known(nanoseconds)
    return None if known is None else known / _NANOSECONDS


def _not_started(job: ActiveJob, reason: str) -> StartRefusedError:
    return StartRefusedError(FAILED, _cause(job, "NOT_STARTED", _without_input(job, reason)))


def _without_input(job: ActiveJob, message: str) -> str:
    """Return what Redshift says without the task's SQL and without its parameters."""
    request = job.request
    parameters = [str(parameter.get("value", "")) for parameter in request.get("Parameters") or []]
    return without_values(message, [request.get("Sql") or "", *(request.get("Sqls") or []), *parameters])


def _cause(job: ActiveJob, state: str, message: str) -> dict[str, Any]:
    return {
        "Id": job.run_id or "",
        "Status": state,
        **{name: value for name, value in _place_of(job).items() if value},
        "ErrorMessage": message,
    }
