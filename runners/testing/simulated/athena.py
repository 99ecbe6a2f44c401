# ruff: noqa: N803  # parameters are named as boto3 names them
"""Athena, simulated as far as queries and saved queries go; no SQL is read, and every query runs until it is ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import ParamValidationError

from runners.testing.simulated.account import Account, operation
from runners.testing.simulated.runs import Run, Runs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from botocore.exceptions import ClientError

BATCH = 50  # queries, or saved ones
SHORTEST_TOKEN = 32  # characters

_INVALID = "InvalidRequestException"
_SHOWN = (
    "QueryExecutionContext",
    "ResultConfiguration",
    "ResultReuseConfiguration",
    "ExecutionParameters",
)


class Athena(Runs):
    """The client of Athena, and what a test does with its queries."""

    service = "athena"

    def __init__(self, account: Account) -> None:
        super().__init__(account)
        self._by_token: dict[str, Run] = {}
        self._saved: dict[str, dict[str, Any]] = {}

    @operation
    def start_query_execution(
        self,
        *,
        QueryString: str,
        ClientRequestToken: str | None = None,
        QueryExecutionContext: Mapping[str, str] | None = None,
        ResultConfiguration: Mapping[str, Any] | None = None,
        WorkGroup: str = "primary",
        ExecutionParameters: Sequence[str] | None = None,
        ResultReuseConfiguration: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Start a query; a second start under the same token is the same query."""
        parameters = {
            "QueryString": QueryString,
            "QueryExecutionContext": QueryExecutionContext,
            "ResultConfiguration": ResultConfiguration,
            "WorkGroup": WorkGroup,
            "ExecutionParameters": ExecutionParameters,
            "ResultReuseConfiguration": ResultReuseConfiguration,
        }
        if ClientRequestToken is not None:
            if len(ClientRequestToken) < SHORTEST_TOKEN:
                raise ParamValidationError(
                    report=f"Invalid length for parameter ClientRequestToken, value: {len(ClientRequestToken)}, "
                    f"valid min length: {SHORTEST_TOKEN}"
                )
            if same := self._by_token.get(ClientRequestToken):
                if same.parameters != parameters:
                    raise self._invalid("start_query_execution", "Idempotent parameters do not match")
                return {"QueryExecutionId": same.id}
        number = self._account.number()
        run_id = f"00000000-0000-4000-8000-{number:012x}"
        run = Run(run_id, WorkGroup, ClientRequestToken, parameters, self._account.now(), "RUNNING", number)
        if ClientRequestToken is not None:
            self._by_token[ClientRequestToken] = run
        self._started(run)
        self._tell(run, "QUEUED")
        return {"QueryExecutionId": run.id}

    @operation
    def get_query_execution(self, *, QueryExecutionId: str) -> dict[str, Any]:
        """Return a query."""
        return {"QueryExecution": self._described(self._run("get_query_execution", QueryExecutionId))}

    @operation
    def batch_get_query_execution(self, *, QueryExecutionIds: Sequence[str]) -> dict[str, Any]:
        """Return up to fifty queries, and the ids of those that there are not."""
        if not 1 <= len(QueryExecutionIds) <= BATCH:
            raise self._invalid("batch_get_query_execution", f"give 1 to {BATCH} QueryExecutionIds")
        unknown = [
            {"QueryExecutionId": one, "ErrorCode": "INVALID_INPUT", "ErrorMessage": _not_found(one)}
            for one in QueryExecutionIds
            if one not in self._runs
        ]
        found = [self._described(self._runs[one]) for one in QueryExecutionIds if one in self._runs]
        return {"QueryExecutions": found, "UnprocessedQueryExecutionIds": unknown}

    @operation
    def list_query_executions(
        self,
        *,
        WorkGroup: str = "primary",
        MaxResults: int = BATCH,
        NextToken: str | None = None,
    ) -> dict[str, Any]:
        """Return the ids of a work group's queries, the newest first."""
        ids = [run.id for run in reversed(self._runs.values()) if run.name == WorkGroup]
        start = int(NextToken or 0)
        end = start + MaxResults
        page: dict[str, Any] = {"QueryExecutionIds": ids[start:end]}
        return {**page, "NextToken": str(end)} if end < len(ids) else page

    @operation
    def stop_query_execution(self, *, QueryExecutionId: str) -> dict[str, Any]:
        """Cancel a query; one that has ended stays as it is."""
        run = self._run("stop_query_execution", QueryExecutionId)
        if run.live:
            self._stop(run, run.state, "CANCELLED", StateChangeReason="Query was cancelled by user")
        return {}

    @operation
    def create_named_query(
        self,
        *,
        Name: str,
        Database: str,
        QueryString: str,
        WorkGroup: str = "primary",
    ) -> dict[str, Any]:
        """Save a query; names are no keys."""
        query_id = f"00000000-0000-4000-9000-{self._account.number():012x}"
        self._saved[query_id] = {
            "NamedQueryId": query_id,
            "Name": Name,
            "Database": Database,
            "QueryString": QueryString,
            "WorkGroup": WorkGroup,
        }
        return {"NamedQueryId": query_id}

    @operation
    def get_named_query(self, *, NamedQueryId: str) -> dict[str, Any]:
        """Return a saved query."""
        if NamedQueryId not in self._saved:
            raise self._invalid("get_named_query", f"NamedQuery {NamedQueryId} was not found")
        return {"NamedQuery": dict(self._saved[NamedQueryId])}

    @operation
    def list_named_queries(
        self,
        *,
        WorkGroup: str = "primary",
        MaxResults: int = BATCH,
        NextToken: str | None = None,
    ) -> dict[str, Any]:
        """Return the ids of the saved queries of a work group."""
        ids = [query_id for query_id, saved in self._saved.items() if saved["WorkGroup"] == WorkGroup]
        start = int(NextToken or 0)
        end = start + MaxResults
        page: dict[str, Any] = {"NamedQueryIds": ids[start:end]}
        return {**page, "NextToken": str(end)} if end < len(ids) else page

    @operation
    def batch_get_named_query(self, *, NamedQueryIds: Sequence[str]) -> dict[str, Any]:
        """Return up to fifty saved queries."""
        if not 1 <= len(NamedQueryIds) <= BATCH:
            raise self._invalid("batch_get_named_query", f"give 1 to {BATCH} NamedQueryIds")
        found = [dict(self._saved[one]) for one in NamedQueryIds if one in self._saved]
        unknown = [{"NamedQueryId": one} for one in NamedQueryIds if one not in self._saved]
        return {"NamedQueries": found, "UnprocessedNamedQueryIds": unknown}

    def _run(self, method: str, run_id: str) -> Run:
        if run_id not in self._runs:
            raise self._invalid(method, _not_found(run_id))
        return self._runs[run_id]

    def _invalid(self, method: str, message: str) -> ClientError:
        return self.refusal(method, _INVALID, message)

    def _described(self, run: Run) -> dict[str, Any]:
        status: dict[str, Any] = {"State": run.state, "SubmissionDateTime": run.started_at}
        statistics = {"EngineExecutionTimeInMillis": 0, "DataScannedInBytes": 0, **run.details.get("Statistics", {})}
        if run.ended_at is not None:
            status["CompletionDateTime"] = run.ended_at
            statistics["TotalExecutionTimeInMillis"] = int((run.ended_at - run.started_at).total_seconds() * 1000)
        status |= {name: value for name, value in run.details.items() if name in {"StateChangeReason", "AthenaError"}}
        shown = {name: run.parameters[name] for name in _SHOWN if run.parameters[name] is not None}
        return {
            "QueryExecutionId": run.id,
            "Query": run.parameters["QueryString"],
            "StatementType": "DML",
            "WorkGroup": run.name,
            "Status": status,
            "Statistics": statistics,
            **shown,
        }

    def _ended(self, run: Run, before: str) -> None:
        self._tell(run, before)

    def _tell(self, run: Run, before: str) -> None:
        detail = {
            "versionId": "0",
            "currentState": run.state,
            "previousState": before,
            "statementType": "DML",
            "queryExecutionId": run.id,
            "workgroupName": run.name,
            "sequenceNumber": "2" if run.live else "3",
        }
        self._account.send("aws.athena", "Athena Query State Change", detail)


def _not_found(run_id: str) -> str:
    return f"QueryExecution {run_id} was not found"
