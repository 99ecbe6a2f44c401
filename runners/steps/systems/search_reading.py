"""Reading documents: a point in time, pages of it one after the other, and columns of the index's mapping."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NamedTuple

from runners.steps.ends import Read, Rows
from runners.steps.errors import SourceFailed, StepError
from runners.steps.systems.http import Http
from runners.steps.systems.json_columns import Column, RecordColumns, batches, declared
from runners.steps.systems.json_values import at
from runners.steps.systems.search_asking import Said, ask

if TYPE_CHECKING:
    from runners.steps.context import StepContext

_KEEP_ALIVE = "10m"  # from page to page; a target may be slow
_TYPES: Mapping[str, str] = {
    **dict.fromkeys(["byte", "short", "integer", "long"], "int64"),
    **dict.fromkeys(["half_float", "float", "double"], "float64"),
    **dict.fromkeys(["unsigned_long", "scaled_float"], "decimal"),
    **dict.fromkeys(["keyword", "constant_keyword", "wildcard", "text", "match_only_text", "ip", "version"], "string"),
    **dict.fromkeys(["date", "date_nanos"], "string"),
    "boolean": "bool",
    "binary": "binary",
}
"""The columns' types by those of a mapping; of any other the value is JSON."""


class Engine(NamedTuple):
    """What differs between the two."""

    name: str
    point_in_time: str
    """The path below which points in time are made and deleted."""
    id_name: str
    """What an answer calls the id of a point in time."""
    order: str
    """What pages are ordered by."""


@dataclass(frozen=True)
class Search:
    """What is looked for."""

    index: str
    query: Mapping[str, Any]
    columns: Mapping[str, Column]
    id_column: str | None
    order: str | None
    page_size: int


@contextmanager
def reading(http: Http, engine: Engine, search: Search, context: StepContext) -> Iterator[Rows]:
    """Begin to read documents as they are now.

    Raises:
        SourceFailed: there is no such index, or the query is refused.

    """
    columns = _columns(http, search)
    with _point_in_time(http, engine, search.index) as point:
        pages = _pages(http, engine, search, point, context)
        yield Read(columns.schema, batches(pages, columns))


def mapped(mappings: Mapping[str, Any]) -> dict[str, Column]:
    """Return the columns of the mappings of indices; JSON where indices disagree."""
    types: dict[str, str] = {}
    for mapping in mappings.values():
        for name, field in (at(mapping, "mappings.properties") or {}).items():
            if field.get("type") == "alias":  # another name of a field, which no document has
                continue
            kind = _TYPES.get(field.get("type", "object"), "json")
            types[name] = kind if types.get(name, kind) == kind else "json"
    return {name: Column(Type=kind) for name, kind in types.items()}


def _columns(http: Http, search: Search) -> RecordColumns:
    own = {search.id_column: Column(Type="string")} if search.id_column else {}
    if search.columns:
        return declared({**own, **search.columns})
    mappings = {
        name: {"mappings": {"properties": at(mapping, "mappings.properties")}}
        for name, mapping in ask(http, "GET", f"{search.index}/_mapping").document.items()
        if isinstance(at(mapping, "mappings.properties"), dict)
    }
    if not mappings:
        raise SourceFailed(f"the index {search.index} has no mapping yet; declare the columns in Columns")
    return replace(declared({**own, **mapped(mappings)}), found=True)


@contextmanager
def _point_in_time(http: Http, engine: Engine, index: str) -> Iterator[_Point]:
    made = ask(http, "POST", f"{index}/{engine.point_in_time}", query={"keep_alive": _KEEP_ALIVE}).document
    point = _Point(str(made[engine.id_name]))
    try:
        yield point
    finally:
        body: dict[str, Any] = {engine.id_name: [point.id] if engine.id_name == "pit_id" else point.id}
        with suppress(StepError):  # it ends by itself, soon
            ask(http, "DELETE", engine.point_in_time, body, taken=[HTTPStatus.NOT_FOUND])


class _Point:
    """A point in time; its id may change from answer to answer."""

    def __init__(self, point_id: str) -> None:
        self.id = point_id


def _pages(
    http: Http, engine: Engine, search: Search, point: _Point, context: StepContext
) -> Iterator[tuple[Sequence[Any], int]]:
    after: Any = None
    while True:
        context.check_stop()
        body: dict[str, Any] = {
            "size": search.page_size,
            "query": search.query,
            "pit": {"id": point.id, "keep_alive": _KEEP_ALIVE},
            "sort": [{search.order or engine.order: "asc"}],
            "track_total_hits": False,
            **({} if after is None else {"search_after": after}),
        }
        said = ask(http, "POST", "_search", body, query={"allow_partial_search_results": "false"})
        hits = _hits(said)
        point.id = said.document.get("pit_id", point.id)
        if not hits:
            return
        yield [_record(hit, search.id_column) for hit in hits], said.size
        if hits[-1].get("sort") in (None, after):
            raise SourceFailed("the documents have no order: name a field in Order that differs in every document")
        after = hits[-1]["sort"]


def _hits(said: Said) -> list[Any]:
    """Return the documents of an answer, if none are missing."""
    failed = at(said.document, "_shards.failed")
    if said.document.get("timed_out") or (isinstance(failed, int) and failed):
        raise SourceFailed("the search did not reach all shards in time, so documents would be missing")
    hits = at(said.document, "hits.hits")
    if not isinstance(hits, list):
        raise SourceFailed("the search answered no list of hits")
    return hits


def _record(hit: Mapping[str, Any], id_column: str | None) -> Mapping[str, Any]:
    if "_source" not in hit:
        raise SourceFailed("the index does not keep the documents' source, which is what is read")
    source: Mapping[str, Any] = hit["_source"]
    return {**source, id_column: hit["_id"]} if id_column else source
