"""Runs queries on the threads of a small pool, and tells EventBridge of their states.

Queries beyond the pool wait in the order in which they came. Nothing here knows of requests to the API.
"""

from __future__ import annotations

import logging
import re
import tempfile
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
from botocore.exceptions import ClientError

from runners.local.athena.catalog import Catalog
from runners.local.athena.execution import Execution
from runners.local.athena.queries import SUCCEEDED, Outcome, Query
from runners.local.athena.sessions import session
from runners.local.athena.sql.translation import QueryError
from runners.local.athena.statements import Select
from runners.local.events import service_events
from runners.local.s3.objects import S3Path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from runners.local.athena.queries import Change

CONCURRENT_QUERIES = 4
"""How many queries run at once; the others are QUEUED."""
INTERRUPT_INTERVAL_SECONDS = 0.05
# Functions whose answer is another one each time, so that no earlier result stands for a query which has them.
_CHANGING = re.compile(r"\b(rand|random|uuid|shuffle|now|current_\w+|localtime\w*)\b", re.IGNORECASE)

logger = logging.getLogger(__name__)


class Running:
    """The pool of one embedded AWS. ``client`` answers a boto3 client of a service in a region."""

    def __init__(self, client: Callable[[str, str], Any]) -> None:
        self._client = client
        self._pool = ThreadPoolExecutor(CONCURRENT_QUERIES, thread_name_prefix="athena-query")
        self._unfinished: dict[str, Query] = {}
        self._lock = threading.Lock()
        self._ending = False

    def submit(self, query: Query, region: str, earlier: Iterable[Query]) -> None:
        """Let a query run once there is room; ``earlier`` are those whose results it may take."""
        with self._lock:
            self._unfinished[query.query_id] = query
        reusable = [one for one in earlier if _may_stand_for(one, query)]
        query.submit()
        self._pool.submit(self._run, query, region, reusable)

    def stop(self) -> None:
        """End all queries, and wait until they have ended."""
        self._ending = True
        with self._lock:
            unfinished = list(self._unfinished.values())
        for query in unfinished:
            query.cancel()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def announce(self, account: str, region: str) -> Callable[[Query, Change], None]:
        """Answer what tells EventBridge of a query's changes."""

        def tell(query: Query, change: Change) -> None:
            if not self._ending:
                _send_event(account, region, query, change)

        return tell

    def _run(self, query: Query, region: str, reusable: Iterable[Query]) -> None:
        """Give a query its whole life, on a thread of the pool."""
        try:
            with (
                tempfile.TemporaryDirectory(prefix="runners-athena-", ignore_cleanup_errors=True) as name,
                session(Path(name)) as connection,
            ):
                self._carry_out(query, region, reusable, connection, Path(name))
        except Exception as error:
            where = traceback.extract_tb(error.__traceback__)[-1]  # the words of an error may be the query's own
            logger.error(  # noqa: TRY400 - as said
                "a query of Athena's broke the engine",
                extra={
                    "action": "athena_query_broke",
                    "query_id": query.query_id,
                    "error": type(error).__name__,
                    "where": f"{Path(where.filename).name}:{where.lineno}",
                },
            )
            query.fail(QueryError("GENERIC_INTERNAL_ERROR", f"The embedded engine broke: {type(error).__name__}"))
        finally:
            with self._lock:
                self._unfinished.pop(query.query_id, None)

    def _carry_out(
        self,
        query: Query,
        region: str,
        reusable: Iterable[Query],
        connection: duckdb.DuckDBPyConnection,
        directory: Path,
    ) -> None:
        if not query.run(lambda: _interrupt(query, connection)):
            return
        client = self._client("s3", region)
        earlier = next((one for one in reusable if _is_there(client, one)), None)
        if earlier is not None:
            query.succeed(replace(earlier.outcome, scanned_bytes=0, is_reused=True))
            return
        execution = Execution(query, connection, client, Catalog(self._client("glue", region)), directory)
        try:
            outcome: Outcome = execution.run()
        except QueryError as error:
            query.fail(error, execution.scanned_bytes)
        except ClientError as error:
            query.fail(_refused_by_aws(error), execution.scanned_bytes)
        else:
            query.succeed(outcome)


def _interrupt(query: Query, connection: duckdb.DuckDBPyConnection) -> None:
    """Interrupt a query again and again until it has ended: DuckDB forgets an interrupt that finds it at rest."""

    def insist() -> None:
        while not query.ended.is_set():
            try:
                connection.interrupt()
            except duckdb.Error:  # it is closed
                return
            query.ended.wait(INTERRUPT_INTERVAL_SECONDS)

    threading.Thread(target=insist, name=f"athena-cancel-{query.query_id[:8]}", daemon=True).start()


def _may_stand_for(earlier: Query, query: Query) -> bool:
    """Whether the result of one query may be taken as that of another."""
    age = query.request.reuse_max_age
    if age is None or not isinstance(query.statement, Select) or _CHANGING.search(query.request.sql):
        return False
    ended = earlier.completed_at
    one, other = earlier.request, query.request
    return (
        earlier.state == SUCCEEDED
        and ended is not None
        and query.submitted_at - ended <= age
        and not earlier.outcome.is_reused
        and (one.sql, one.database, one.work_group, one.parameters)
        == (other.sql, other.database, other.work_group, other.parameters)
        and one.encryption == other.encryption
    )


def _is_there(client: Any, query: Query) -> bool:
    """Whether the result of a query still lies where it was put."""
    path = S3Path.parse(query.outcome.output)
    try:
        client.head_object(Bucket=path.bucket, Key=path.key)
    except ClientError:
        return False
    return True


def _refused_by_aws(error: ClientError) -> QueryError:
    described = error.response.get("Error", {})
    return QueryError("HIVE_METASTORE_ERROR", f"{error.operation_name}: {described.get('Message')}")


def _send_event(account: str, region: str, query: Query, change: Change) -> None:
    detail: dict[str, Any] = {
        "versionId": "0",
        "currentState": change.current,
        "previousState": change.previous,
        "statementType": query.statement.statement_type,
        "queryExecutionId": query.query_id,
        "workgroupName": query.request.work_group,
        "sequenceNumber": str(change.number),
    }
    given = {key: value for key, value in detail.items() if value is not None}
    service_events.send(account, region, "aws.athena", "Athena Query State Change", given)
