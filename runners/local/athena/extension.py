"""Athena's API as an extension of moto: the queries behind it really run.

moto's own queries succeed when they are looked at, with results that are made up beforehand. Here each operation is
answered by one function, from queries that ``running`` runs. What cannot be answered is refused.
"""

from __future__ import annotations

import json
import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol

from botocore.exceptions import ClientError
from moto.athena.responses import AthenaResponse
from moto.core.responses import ActionResult

from runners.local.athena import metadata_api, named_queries, statements, work_groups
from runners.local.athena.queries import FINAL, SUCCEEDED, Query, QueryRequest
from runners.local.athena.result_pages import page_of
from runners.local.athena.running import Running
from runners.local.athena.sql.translation import QueryError
from runners.local.athena.work_groups import InvalidRequest
from runners.local.replacements import Replacements
from runners.local.s3.objects import S3Path

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MAX_QUERIES_OF_ONE_BATCH = 50
MAX_QUERIES_OF_ONE_PAGE = 50
DEFAULT_DATABASE = "default"
CATALOG = "awsdatacatalog"
DEFAULT_REUSE_AGE_MINUTES = 60


class Surroundings(Protocol):
    """What the extension needs of the embedded AWS."""

    def client(self, service: str, region: str | None = None) -> Any:
        """Answer a boto3 client of this AWS."""


class Athena:
    """The extension. One for each embedded AWS."""

    def __init__(self) -> None:
        self._moto = Replacements()
        self._aws: Surroundings | None = None
        self._running: Running | None = None
        self._tokens: dict[tuple[str, str, str], tuple[str, str]] = {}
        """(account, region, token) → what was asked with it, and the id of the query that it started."""
        self._lock = threading.Lock()

    def start(self, aws: Surroundings) -> None:
        """Take the place of moto's queries."""
        self._aws = aws
        self._running = Running(aws.client)
        answers: dict[str, Callable[[Any, Mapping[str, Any]], Mapping[str, Any]]] = {
            "start_query_execution": self._start,
            "stop_query_execution": self._stop,
            "get_query_execution": self._get,
            "batch_get_query_execution": self._get_batch,
            "list_query_executions": self._list,
            "get_query_results": self._results,
            "get_query_runtime_statistics": _refuse_runtime_statistics,
            **named_queries.ANSWERS,
            **work_groups.ANSWERS,
            **metadata_api.answers(aws.client),
        }
        for name, answer in answers.items():
            take = self._moto.replace if name in vars(AthenaResponse) else self._moto.add
            take(AthenaResponse, name, _method(answer))

    def stop(self) -> None:
        """End every query, and give moto its own back."""
        if self._running is not None:
            self._running.stop()
        self._moto.undo()

    # Queries

    def _start(self, response: Any, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        assert self._running is not None  # noqa: S101 - requests come after start()
        backend = response.athena_backend
        query = self._made(backend, asked)
        token, meant = asked.get("ClientRequestToken"), json.dumps(asked, sort_keys=True)
        with self._lock:  # never held while a query is told of: who hears of it may start another
            known = self._tokens.get((backend.account_id, backend.region_name, token)) if token else None
            if known is None:
                earlier = list(backend.executions.values())[::-1]
                backend.executions[query.query_id] = query
                if token:
                    self._tokens[backend.account_id, backend.region_name, token] = (meant, query.query_id)
        if known is None:
            self._running.submit(query, backend.region_name, earlier)
            return {"QueryExecutionId": query.query_id}
        if known[0] != meant:
            raise InvalidRequest("Idempotent parameters do not match", "IDEMPOTENT_PARAMETER_MISMATCH")
        return {"QueryExecutionId": known[1]}

    def _made(self, backend: Any, asked: Mapping[str, Any]) -> Query:
        """Make a query of a request, or refuse it."""
        assert self._running is not None  # noqa: S101 - requests come after start()
        request = _request(backend, asked)
        self._require_bucket(request, backend.region_name)
        try:
            statement = statements.statement(request.sql)
        except QueryError as error:
            code = "MALFORMED_QUERY" if error.kind == "SYNTAX_ERROR" else "INVALID_INPUT"
            raise InvalidRequest(error.message, code) from error
        return Query(request, statement, self._running.announce(backend.account_id, backend.region_name))

    def _require_bucket(self, request: QueryRequest, region: str) -> None:
        assert self._aws is not None  # noqa: S101
        bucket = S3Path.parse(request.output).bucket
        try:
            self._aws.client("s3", region).head_bucket(Bucket=bucket)
        except ClientError as error:
            raise InvalidRequest(f"Unable to verify/create output bucket {bucket}") from error

    @staticmethod
    def _stop(response: Any, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        _query(response, asked["QueryExecutionId"]).cancel()
        return {}

    @staticmethod
    def _get(response: Any, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"QueryExecution": _query(response, asked["QueryExecutionId"]).as_dict()}

    @staticmethod
    def _get_batch(response: Any, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        ids = asked["QueryExecutionIds"]
        if not 1 <= len(ids) <= MAX_QUERIES_OF_ONE_BATCH:
            raise InvalidRequest(f"QueryExecutionIds has 1 to {MAX_QUERIES_OF_ONE_BATCH} ids")
        known = response.athena_backend.executions
        return {
            "QueryExecutions": [known[query_id].as_dict() for query_id in ids if query_id in known],
            "UnprocessedQueryExecutionIds": [
                {
                    "QueryExecutionId": query_id,
                    "ErrorCode": "INTERNAL_FAILURE",
                    "ErrorMessage": f"QueryExecution {query_id} was not found",
                }
                for query_id in ids
                if query_id not in known
            ],
        }

    @staticmethod
    def _list(response: Any, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        work_group = asked.get("WorkGroup") or "primary"
        work_groups.require(response.athena_backend, work_group)
        queries = list(response.athena_backend.executions.values())
        ids = [query.query_id for query in queries[::-1] if query.request.work_group == work_group]
        return work_groups.page(ids, "QueryExecutionIds", asked, MAX_QUERIES_OF_ONE_PAGE)

    def _results(self, response: Any, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        assert self._aws is not None  # noqa: S101
        query = _query(response, asked["QueryExecutionId"])
        if query.state not in FINAL:
            raise InvalidRequest(f"Query has not yet finished. Current state: {query.state}")
        if query.state != SUCCEEDED:
            raise InvalidRequest(f"Query did not finish successfully. Final query state: {query.state}")
        if asked.get("QueryResultType") == "DATA_MANIFEST":
            raise InvalidRequest("the embedded Athena answers the rows of results, and no manifests of them")
        client = self._aws.client("s3", response.athena_backend.region_name)
        return page_of(client, query.outcome, asked.get("NextToken"), asked.get("MaxResults"))


def _method(answer: Callable[[Any, Mapping[str, Any]], Mapping[str, Any]]) -> Callable[[Any], ActionResult]:
    """Make a method of moto's response, which finds functions alone, of what answers an operation."""
    return lambda response: ActionResult(answer(response, json.loads(response.body or "{}")))


def _query(response: Any, query_id: str) -> Query:
    query = response.athena_backend.executions.get(query_id)
    if query is None:
        raise InvalidRequest(f"QueryExecution {query_id} was not found")
    return query  # type: ignore[no-any-return]  # moto's dictionary


def _request(backend: Any, asked: Mapping[str, Any]) -> QueryRequest:
    work_group = work_groups.require(backend, asked.get("WorkGroup") or "primary")
    if work_group.state != "ENABLED":
        raise InvalidRequest(f"WorkGroup {work_group.name} is disabled.")
    context = asked.get("QueryExecutionContext") or {}
    catalog = context.get("Catalog") or CATALOG
    if catalog.lower() != CATALOG:
        raise InvalidRequest(f"the embedded Athena has the catalog AwsDataCatalog, and no {catalog}")
    configuration = work_groups.result_configuration(work_group.configuration, asked.get("ResultConfiguration"))
    reuse = (asked.get("ResultReuseConfiguration") or {}).get("ResultReuseByAgeConfiguration") or {}
    age = timedelta(minutes=reuse.get("MaxAgeInMinutes", DEFAULT_REUSE_AGE_MINUTES)) if reuse.get("Enabled") else None
    return QueryRequest(
        sql=asked["QueryString"],
        database=(context.get("Database") or DEFAULT_DATABASE).lower(),
        work_group=work_group.name,
        output=configuration["OutputLocation"],
        context=context,
        result_configuration=configuration,
        parameters=tuple(asked.get("ExecutionParameters") or ()),
        reuse_max_age=age,
        output_is_enforced=work_groups.is_enforced(work_group.configuration),
        scan_limit_bytes=work_group.configuration.get("BytesScannedCutoffPerQuery"),
    )


def _refuse_runtime_statistics(_: Any, __: Mapping[str, Any]) -> Mapping[str, Any]:
    raise InvalidRequest("the embedded Athena has no statistics of a query's stages: see GetQueryExecution")
