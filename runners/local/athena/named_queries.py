"""Named queries, of which moto has some operations: those that it lacks, and those that break on an unknown id."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runners.local.athena import work_groups
from runners.local.athena.work_groups import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MAX_QUERIES_OF_ONE_BATCH = 50


def _get(response: Any, asked: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"NamedQuery": _as_dict(_named_query(response, asked["NamedQueryId"]))}


def _get_batch(response: Any, asked: Mapping[str, Any]) -> Mapping[str, Any]:
    ids = asked["NamedQueryIds"]
    if not 1 <= len(ids) <= MAX_QUERIES_OF_ONE_BATCH:
        raise InvalidRequest(f"NamedQueryIds has 1 to {MAX_QUERIES_OF_ONE_BATCH} ids")
    known = response.athena_backend.named_queries
    return {
        "NamedQueries": [_as_dict(known[query_id]) for query_id in ids if query_id in known],
        "UnprocessedNamedQueryIds": [
            {"NamedQueryId": query_id, "ErrorCode": "INTERNAL_FAILURE", "ErrorMessage": "NamedQuery was not found"}
            for query_id in ids
            if query_id not in known
        ],
    }


def _list(response: Any, asked: Mapping[str, Any]) -> Mapping[str, Any]:
    work_group = asked.get("WorkGroup") or "primary"
    work_groups.require(response.athena_backend, work_group)
    queries = response.athena_backend.named_queries.values()
    ids = [query.id for query in queries if query.workgroup.name == work_group]
    return work_groups.page(ids, "NamedQueryIds", asked, MAX_QUERIES_OF_ONE_BATCH)


def _create(response: Any, asked: Mapping[str, Any]) -> Mapping[str, Any]:
    backend = response.athena_backend
    work_group = work_groups.require(backend, asked.get("WorkGroup") or "primary")
    query_id = backend.create_named_query(
        asked["Name"], asked.get("Description", ""), asked["Database"], asked["QueryString"], work_group.name
    )
    return {"NamedQueryId": query_id}


def _update(response: Any, asked: Mapping[str, Any]) -> Mapping[str, Any]:
    query = _named_query(response, asked["NamedQueryId"])
    query.name, query.query_string = asked["Name"], asked["QueryString"]
    query.description = asked.get("Description", query.description)
    return {}


def _delete(response: Any, asked: Mapping[str, Any]) -> Mapping[str, Any]:
    query = _named_query(response, asked["NamedQueryId"])
    del response.athena_backend.named_queries[query.id]
    return {}


ANSWERS: dict[str, Callable[[Any, Mapping[str, Any]], Mapping[str, Any]]] = {
    "create_named_query": _create,
    "get_named_query": _get,
    "batch_get_named_query": _get_batch,
    "list_named_queries": _list,
    "update_named_query": _update,
    "delete_named_query": _delete,
}
"""The operations, by the names that moto's responses have for them."""


def _named_query(response: Any, query_id: str) -> Any:
    query = response.athena_backend.named_queries.get(query_id)
    if query is None:
        raise InvalidRequest(f"NamedQuery {query_id} does not exist")
    return query


def _as_dict(query: Any) -> dict[str, Any]:
    return {
        "Name": query.name,
        "Description": query.description,
        "Database": query.database,
        "QueryString": query.query_string,
        "NamedQueryId": query.id,
        "WorkGroup": query.workgroup.name,
    }
