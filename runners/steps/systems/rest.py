"""A REST API as a source: its records, page by page, each number exactly what it was."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from itertools import chain
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field, JsonValue, PrivateAttr, field_validator, model_validator

from runners.steps.ends import Read, Rows, Source, logical
from runners.steps.errors import SourceFailed, ValidationFailed
from runners.steps.systems import json_columns, rest_pages  # fields have the names of what they hold
from runners.steps.systems.http import READING, Answer, Http, HttpConnection, Request, opened
from runners.steps.systems.json_columns import RecordColumns, batches, declared, found_in
from runners.steps.systems.json_values import MISSING, at, text_of
from runners.steps.systems.rest_pages import Next, NoCircle

if TYPE_CHECKING:
    from runners.steps.context import StepContext
    from runners.steps.cursors import CursorValue

_SECRET_HEADER = re.compile(r"authorization|cookie|token|secret|api-?key", re.IGNORECASE)
_MEGABYTE = 1 << 20

Page = tuple[Sequence[Any], int]
"""Records, and how many bytes they came in."""


class ApiSource(Source):
    """Records of a REST API that answers in JSON."""

    example: ClassVar = {
        "ConnectionName": "shop-api",
        "Path": "/orders",
        "Query": {"since": "{{ ds }}"},
        "Records": "data.orders",
        "Pagination": {"Type": "cursor", "Parameter": "after", "At": "data.next"},
        "Columns": {"id": "int64", "total": "decimal(12,2)", "city": {"Type": "string", "Path": "customer.city"}},
    }

    ConnectionName: str = Field(min_length=1)
    """The connection, by its name."""

    Path: str = ""
    """What is asked for, below the connection's address, e.g. ``/orders``."""

    Method: Literal["GET", "POST"] = "GET"
    """How it is asked; it must be a question only, as it is asked again when an answer is lost."""

    Query: dict[str, str | int | float | bool | list[str]] = Field(default_factory=dict)
    """Parameters of the query, e.g. ``{"updated_since": "{{ ds }}"}``."""

    Headers: dict[str, str] = Field(default_factory=dict)
    """Headers besides those that say who asks, which the connection does."""

    Body: JsonValue = None
    """The JSON that is sent with POST."""

    Records: str = ""
    """Where in an answer the records stand, e.g. ``data.items`` or ``/data/items``; the answer itself if left out. A
    list of records, or a single one."""

    Pagination: rest_pages.Pagination = rest_pages.SinglePage()
    """How answers follow each other; one answer has all if left out."""

    PaginationIn: Literal["query", "body"] = "query"
    """Where the parameters of the pagination go; ``body`` needs a ``Body`` that is an object."""

    Columns: json_columns.Columns = Field(default_factory=dict)
    """The columns by name, each a type or ``{"Type": …, "Path": …}``. Without them they are found in the first records:
    numbers as decimals, texts as texts, objects and lists as JSON; then a later record that does not fit fails the
    step, and so does an empty result."""

    SinceParameter: str | None = None
    """For an incremental step: the parameter of the query that takes the cursor's value."""

    MaxAnswerMegabytes: int = Field(default=16, ge=1, le=256)
    """Megabytes of one answer, at most; it takes some ten times that in memory."""

    _after: tuple[str, Any] | None = PrivateAttr(default=None)

    @field_validator("Headers")
    @classmethod
    def _hold_no_secret(cls, headers: dict[str, str]) -> dict[str, str]:
        if secret := [name for name in headers if _SECRET_HEADER.search(name)]:
            raise ValueError(f"{', '.join(secret)} says who asks; that is told by the connection's authentication")
        return headers

    @model_validator(mode="after")
    def _the_body_takes_them(self) -> Self:
        if self.Body is not None and self.Method == "GET":
            raise ValueError("Body goes with Method POST")
        if self.PaginationIn == "body" and not isinstance(self.Body, dict):
            raise ValueError("PaginationIn body needs a Body that is an object")
        return self

    def after(self, column: str, value: CursorValue | str) -> Self:
        """Return the same source without the records whose column is at most that value.

        Raises:
            ValidationFailed: no parameter takes the value.

        """
        if self.SinceParameter is None:
            raise ValidationFailed("an API is read incrementally only with SinceParameter, which takes the cursor")
        since = value.isoformat() if isinstance(value, date) else value
        copy = self.model_copy(update={"Query": {**self.Query, self.SinceParameter: since}})
        copy._after = (column, value)
        return copy

    @contextmanager
    def open(self, context: StepContext) -> Iterator[Rows]:
        """Begin to read; without ``Columns`` the first records are asked for at once."""
        with opened(context, self.ConnectionName, HttpConnection, READING) as http:
            columns, pages = with_columns(declared(self.Columns) if self.Columns else None, self._pages(http, context))
            found = batches(pages, columns)
            yield Read(columns.schema, found if self._after is None else _newer(found, *self._after))

    def place(self) -> str:
        """Return the API as lineage names it."""
        return f"api://{self.ConnectionName}/{self.Path.lstrip('/')}"

    def _pages(self, http: Http, context: StepContext) -> Iterator[Page]:
        circle = NoCircle()
        going_to: Next | None = self.Pagination.first()
        for _ in range(self.Pagination.MaxPages):
            assert going_to is not None  # noqa: S101  # mypy
            context.check_stop()
            answer = http.send(self._request(going_to))
            document = answer.json()
            records = records_at(document, self.Records, answer)
            going_to = self.Pagination.following(going_to, answer, document, records)
            circle.see(going_to, records, answer.shown)
            yield records, len(answer.body)
            if going_to is None:
                return
        raise SourceFailed(
            f"there are more than the {self.Pagination.MaxPages} answers that Pagination.MaxPages allows; "
            "raise it, or ask for larger ones"
        )

    def _request(self, going_to: Next) -> Request:
        query, body = dict(self.Query), self.Body
        if self.PaginationIn == "query":
            query |= going_to.parameters
        elif isinstance(body, dict):
            body = body | going_to.parameters
        sends = {"Content-Type": "application/json"} if body is not None else {}
        return Request(
            self.Method,
            going_to.address or self.Path,
            query={} if going_to.address else query,
            headers={"Accept": "application/json", **sends, **self.Headers},
            body=text_of(body).encode() if body is not None else b"",
            most=self.MaxAnswerMegabytes * _MEGABYTE,
        )


def with_columns(columns: RecordColumns | None, pages: Iterator[Page]) -> tuple[RecordColumns, Iterator[Page]]:
    """Return columns and the pages they are of; where none are declared they are found in the first records."""
    if columns is not None:
        return columns, pages
    first = next((page for page in pages if page[0]), ((), 0))
    return found_in(first[0]), chain([first], pages)


def records_at(document: Any, path: str, answer: Answer) -> list[Any]:
    """Return the records of an answer: a list of them, a single object, none for null.

    Raises:
        SourceFailed: there is nothing of the kind at the path.

    """
    found = at(document, path)
    if isinstance(found, dict):
        return [found]
    if found is None or isinstance(found, list):
        return found or []
    what = "nothing" if found is MISSING else "neither a list nor an object"
    raise SourceFailed(f"{answer.shown} answered {what} at {path or 'its top'}, where Records should be")


def _newer(found: Iterator[pa.RecordBatch], column: str, value: CursorValue | str) -> Iterator[pa.RecordBatch]:
    """Yield batches without the rows at the cursor, which many APIs answer once more."""
    for batch in found:
        place = batch.schema.get_field_index(column)
        if place < 0 or logical(batch.schema.field(place)):
            raise ValidationFailed(
                f"Incremental.Column {column!r} needs a type in Columns, such as int64 or timestamptz"
            )
        try:
            newer = pc.greater(batch.column(place), pa.scalar(value, batch.schema.field(place).type))
        except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):
            raise ValidationFailed(f"the cursor is of another type than the column {column!r}") from None
        yield batch.filter(newer)
