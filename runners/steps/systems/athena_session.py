"""Athena: a query with its values as literals, which Athena binds, awaited to its end, or stopped with the step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError
from pydantic import Field

from runners.retries import error_code, error_message, is_transient, repeated
from runners.steps.connections import Connection
from runners.steps.errors import SourceFailed, SourceUnavailable, TemplateFailed
from runners.steps.systems.awaited import awaited
from runners.steps.systems.staged_files import Location, Place

if TYPE_CHECKING:
    from runners.steps.context import StepContext
    from runners.steps.sql_dialect import Statement

_RUNNING = frozenset({"QUEUED", "RUNNING"})
_SUCCEEDED = "SUCCEEDED"
_SYSTEM_FAULT = 1  # an ErrorCategory; 2 is the user's, 3 other


class AthenaConnection(Connection):
    """Where Athena runs queries, and where their results go. It holds no secret: the step's role is who asks."""

    work_group: str = "primary"
    """The work group."""

    dbname: str = Field(min_length=1)
    """The database in which tables without one are looked up."""

    catalog: str | None = None
    """The data catalog; ``AwsDataCatalog`` if left out."""

    output_location: Location | None = None
    """Where results go, if the work group does not say."""

    staging_location: Location | None = None
    """Where large results go that Athena unloads."""


class Session:
    """Runs queries.

    Args:
        described: where.
        context: gives the client, and says whether to stop.

    """

    def __init__(self, described: AthenaConnection, context: StepContext) -> None:
        self._described = described
        self._context = context
        self._athena = context.client("athena")

    def run(self, statement: Statement) -> Query:
        """Run a query to its end.

        Raises:
            SourceFailed, SourceUnavailable: it failed; StepStopped.

        """
        asked: dict[str, Any] = {
            "QueryString": statement.text,
            "WorkGroup": self._described.work_group,
            "QueryExecutionContext": {"Database": self._described.dbname},
        }
        if self._described.catalog:
            asked["QueryExecutionContext"]["Catalog"] = self._described.catalog
        if self._described.output_location:
            asked["ResultConfiguration"] = {"OutputLocation": self._described.output_location}
        if statement.parameters:
            asked["ExecutionParameters"] = [literal(value) for value in statement.parameters]
        with explained():
            query_id = str(self._athena.start_query_execution(**asked)["QueryExecutionId"])
            stop = partial(self._athena.stop_query_execution, QueryExecutionId=query_id)
            found = awaited(partial(self._ended, query_id), stop, self._context)
        return Query(self._athena, found)

    def _ended(self, query_id: str) -> dict[str, Any] | None:
        found: dict[str, Any] = repeated(self._athena.get_query_execution)(QueryExecutionId=query_id)["QueryExecution"]
        status = found["Status"]
        if status["State"] in _RUNNING:
            return None
        if status["State"] == _SUCCEEDED:
            return found
        said = f"Athena's query {query_id} {status['State'].lower()}: {status.get('StateChangeReason', 'no reason')}"
        fault = status.get("AthenaError", {})
        is_for_now = fault.get("Retryable") or fault.get("ErrorCategory") == _SYSTEM_FAULT
        raise (SourceUnavailable if is_for_now else SourceFailed)(said, query=query_id)


class Query:
    """A query that has succeeded."""

    def __init__(self, athena: Any, found: dict[str, Any]) -> None:
        self._athena = athena
        self._found = found

    @property
    def result(self) -> Place:
        """Where its result is."""
        return Place.of(self._found["ResultConfiguration"]["OutputLocation"])

    def columns(self) -> list[dict[str, Any]]:
        """Return its columns, as GetQueryResults describes them."""
        query_id = self._found["QueryExecutionId"]
        with explained():
            answer = repeated(self._athena.get_query_results)(QueryExecutionId=query_id, MaxResults=1)
        return list(answer["ResultSet"]["ResultSetMetadata"]["ColumnInfo"])


@contextmanager
def explained() -> Iterator[None]:
    """Raise what AWS says as an error of steps."""
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        code = error_code(error) or type(error).__name__
        kind = SourceUnavailable if is_transient(error) else SourceFailed
        raise kind(f"Athena refused the query: {code}, {error_message(error)}", code=code) from None


def literal(value: Any) -> str:
    """Return a value as Athena's SQL writes it; Athena puts it in the place of a question mark as one value.

    Raises:
        TemplateFailed: Athena has no such value.

    """
    if value is None:
        return "NULL"
    for kinds, written in _LITERALS:
        if isinstance(value, kinds):
            return written(value)
    raise TemplateFailed(f"Athena has no value for one that is bound: {type(value).__name__}")


def _text(value: str) -> str:
    doubled = value.replace("'", "''")
    return f"'{doubled}'"


def _moment(value: datetime) -> str:
    if value.tzinfo is None:
        return f"TIMESTAMP '{value.isoformat(' ')}'"
    return f"TIMESTAMP '{value.astimezone(UTC).replace(tzinfo=None).isoformat(' ')} UTC'"


_LITERALS: tuple[tuple[type, Callable[[Any], str]], ...] = (
    (bool, lambda value: str(value).lower()),  # before int, of which it is one
    (int, str),
    (Decimal, lambda value: f"DECIMAL '{value:f}'"),
    (float, lambda value: f"DOUBLE '{value!r}'"),
    (str, _text),
    (bytes, lambda value: f"X'{value.hex()}'"),
    (datetime, _moment),  # before date, of which it is one
    (date, lambda value: f"DATE '{value.isoformat()}'"),
    (time, lambda value: f"TIME '{value.isoformat()}'"),
)
