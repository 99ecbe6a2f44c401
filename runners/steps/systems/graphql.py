"""A GraphQL API as a source: the records of a connection, page by page."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pydantic import Field, JsonValue, model_validator

from runners.steps.ends import Read, Rows, Source
from runners.steps.errors import SourceFailed
from runners.steps.parameters import VerbatimText
from runners.steps.systems import json_columns  # a field has the name of what it holds
from runners.steps.systems.http import READING, Answer, Http, HttpConnection, Request, opened
from runners.steps.systems.json_columns import batches, declared
from runners.steps.systems.json_values import MISSING, at, text_of
from runners.steps.systems.rest import Page, records_at, with_columns
from runners.steps.systems.rest_pages import Next, NoCircle

if TYPE_CHECKING:
    from runners.steps.context import StepContext

_SHOWN = 3  # messages of errors, at most
_LONGEST_MESSAGE = 300  # characters
_REFUSED = frozenset({400, 422})  # statuses with which some servers send errors of the query


class GraphQlSource(Source):
    """Records that a GraphQL query answers."""

    example: ClassVar[dict[str, Any]] = {
        "ConnectionName": "shop-graphql",
        "Query": "query ($after: String) { products(first: 100, after: $after) { nodes { id name price } "
        "pageInfo { hasNextPage endCursor } } }",
        "Records": "products.nodes",
        "PageInfo": "products.pageInfo",
        "Columns": {"id": "string", "name": "string", "price": "decimal(12,2)"},
    }

    ConnectionName: str = Field(min_length=1)
    """The connection, by its name."""

    Path: str = ""
    """What is asked, below the connection's address, e.g. ``/graphql``."""

    Query: VerbatimText
    """The query. No template is rendered in it: what changes from run to run goes into ``Variables``."""

    Variables: dict[str, JsonValue] = Field(default_factory=dict)
    """The values of the query's variables, e.g. ``{"since": "{{ ds }}"}``."""

    Records: str = Field(min_length=1)
    """Where in the answer's ``data`` the records stand, e.g. ``products.nodes``, or ``products.edges`` with columns
    such as ``node.id``."""

    PageInfo: str | None = None
    """Where in the answer's ``data`` ``hasNextPage`` and ``endCursor`` stand, e.g. ``products.pageInfo``; without it
    one answer has all."""

    CursorVariable: str = "after"
    """The variable that takes ``endCursor``."""

    MaxPages: int = Field(default=10_000, ge=1)
    """Answers, at most; where there would be more the step fails, as rows would be missing."""

    Columns: json_columns.Columns = Field(default_factory=dict)
    """The columns by name, each a type or ``{"Type": …, "Path": …}``; without them they are found, as of a REST API."""

    MaxAnswerMegabytes: int = Field(default=16, ge=1, le=256)
    """Megabytes of one answer, at most; it takes some ten times that in memory."""

    @model_validator(mode="after")
    def _the_query_takes_the_cursor(self) -> Self:
        if self.PageInfo is not None and f"${self.CursorVariable}" not in self.Query:
            raise ValueError(f"PageInfo needs a Query with the variable ${self.CursorVariable}")
        return self

    @contextmanager
    def open(self, context: StepContext) -> Iterator[Rows]:
        """Begin to read; without ``Columns`` the first records are asked for at once."""
        with opened(context, self.ConnectionName, HttpConnection, READING) as http:
            columns, pages = with_columns(declared(self.Columns) if self.Columns else None, self._pages(http, context))
            yield Read(columns.schema, batches(pages, columns))

    def place(self) -> str:
        """Return the API as lineage names it."""
        return f"graphql://{self.ConnectionName}/{self.Records}"

    def _pages(self, http: Http, context: StepContext) -> Iterator[Page]:
        circle = NoCircle()
        cursor: str | None = None
        for _ in range(self.MaxPages):
            context.check_stop()
            answer = http.send(self._request(cursor))
            data = _data(answer)
            records = records_at(data, self.Records, answer)
            cursor = self._next(data, answer)
            circle.see(None if cursor is None else Next({self.CursorVariable: cursor}), records, answer.shown)
            yield records, len(answer.body)
            if cursor is None:
                return
        raise SourceFailed(f"there are more than the {self.MaxPages} answers that MaxPages allows; raise it")

    def _request(self, cursor: str | None) -> Request:
        variables = self.Variables if cursor is None else {**self.Variables, self.CursorVariable: cursor}
        return Request(
            "POST",
            self.Path,
            headers={"Accept": "application/json", "Content-Type": "application/json"},
            body=text_of({"query": self.Query, "variables": variables}).encode(),
            taken=_REFUSED,
            most=self.MaxAnswerMegabytes << 20,
        )

    def _next(self, data: Any, answer: Answer) -> str | None:
        """Return the cursor of the next page, None after the last."""
        if self.PageInfo is None:
            return None
        more, cursor = (at(data, f"{self.PageInfo}.{name}") for name in ("hasNextPage", "endCursor"))
        if more is MISSING or (more and not isinstance(cursor, str)):
            raise SourceFailed(f"{answer.shown} answered no hasNextPage, or no endCursor, at {self.PageInfo}")
        return str(cursor) if more else None


def _data(answer: Answer) -> Any:
    """Return the data of an answer.

    Raises:
        SourceFailed: there are errors, whose messages it repeats, or no data. What was found beside errors is not
            taken, as something would be missing.

    """
    document = answer.json()
    errors = at(document, "errors")
    if isinstance(errors, list) and errors:
        texts = [
            text[:_LONGEST_MESSAGE] for text in (at(error, "message") for error in errors) if isinstance(text, str)
        ]
        said = "; ".join(texts[:_SHOWN]) or "without a message"
        raise SourceFailed(f"{answer.shown} answered {len(errors)} errors: {said}", errors=len(errors))
    data = at(document, "data")
    if not isinstance(data, dict):
        raise SourceFailed(f"{answer.shown} answered no data", status=answer.status)
    return data
