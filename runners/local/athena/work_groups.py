"""Work groups: what one says about its queries, how its settings change, and the operations on them.

moto forgets when a work group was made, changes none, and breaks on an unknown one; its records are kept.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from moto.core.exceptions import ServiceException

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

MAX_WORK_GROUPS_OF_ONE_PAGE = 50
_BEGINNING = datetime(2017, 5, 18, tzinfo=UTC)  # of the work group that every account has


class InvalidRequest(ServiceException):
    """What Athena refuses at once, as it says it."""

    code = "InvalidRequestException"

    def __init__(self, message: str, athena_error_code: str = "INVALID_INPUT") -> None:
        super().__init__(message)
        self.AthenaErrorCode = athena_error_code  # by the name that the API's description has for it


def result_configuration(work_group: Mapping[str, Any], asked: Mapping[str, Any] | None) -> dict[str, Any]:
    """Lay a work group's settings and those of a query over each other: where its results go, and how.

    Raises ``InvalidRequest`` if nobody says where, or for what is not done here.
    """
    of_group = work_group.get("ResultConfiguration") or {}
    if (work_group.get("ManagedQueryResultsConfiguration") or {}).get("Enabled"):
        raise InvalidRequest(
            "the embedded Athena keeps no managed query results: give the work group an output location"
        )
    chosen = dict(of_group if is_enforced(work_group) else {**of_group, **(asked or {})})
    location = chosen.get("OutputLocation")
    if not location:
        raise InvalidRequest(
            "No output location provided. An output location is required either through the Workgroup result "
            "configuration setting or as an API input."
        )
    if not location.startswith("s3://") or not location.removeprefix("s3://").partition("/")[0]:
        raise InvalidRequest("outputLocation is not a valid S3 path.")
    _require_possible(chosen.get("EncryptionConfiguration") or {})
    return {**chosen, "OutputLocation": location.rstrip("/") + "/"}


def is_enforced(work_group: Mapping[str, Any]) -> bool:
    """Whether a work group's settings override those of its queries."""
    return bool(work_group.get("EnforceWorkGroupConfiguration"))


def updated(work_group: Mapping[str, Any], updates: Mapping[str, Any]) -> dict[str, Any]:
    """Answer a work group's settings after ``UpdateWorkGroup``."""
    changed = dict(work_group)
    for name, value in updates.items():
        if name == "ResultConfigurationUpdates":
            changed["ResultConfiguration"] = _without_removed(changed.get("ResultConfiguration") or {}, value)
        elif name.startswith("Remove"):
            if value:
                changed.pop(name.removeprefix("Remove"), None)
        else:
            changed[name.removesuffix("Updates")] = value
    return changed


def _without_removed(settings: Mapping[str, Any], updates: Mapping[str, Any]) -> dict[str, Any]:
    removed = {name.removeprefix("Remove") for name, value in updates.items() if name.startswith("Remove") and value}
    given = {name: value for name, value in updates.items() if not name.startswith("Remove")}
    return {name: value for name, value in {**settings, **given}.items() if name not in removed}


def _require_possible(encryption: Mapping[str, Any]) -> None:
    option = encryption.get("EncryptionOption")
    if option == "CSE_KMS":
        raise InvalidRequest("the embedded Athena encrypts no results on the client's side: use SSE_S3 or SSE_KMS")
    if option == "SSE_KMS" and not encryption.get("KmsKey"):
        raise InvalidRequest("KmsKey is required for the encryption option SSE_KMS")


# Operations


def require(backend: Any, name: str) -> Any:
    """Answer moto's record of a work group; ``InvalidRequest`` if there is none."""
    work_group = backend.work_groups.get(name)
    if work_group is None:
        raise InvalidRequest(f"WorkGroup {name} is not found.")
    return work_group


def page(items: Sequence[Any], name: str, asked: Mapping[str, Any], most: int) -> dict[str, Any]:
    """Answer one page of a list, e.g. of ``QueryExecutionIds``; its token is the place where the next one begins."""
    token = asked.get("NextToken") or "0"
    if not token.isdigit():
        raise InvalidRequest("NextToken is none that this operation has answered")
    start, count = int(token), min(asked.get("MaxResults") or most, most)
    answer: dict[str, Any] = {name: list(items[start : start + count])}
    if start + count < len(items):
        answer["NextToken"] = str(start + count)
    return answer


def _create(response: Any, asked: Mapping[str, Any]) -> Mapping[str, Any]:
    configuration = dict(asked.get("Configuration") or {})
    made = response.athena_backend.create_work_group(
        asked["Name"], configuration, asked.get("Description", ""), asked.get("Tags") or []
    )
    if made is None:
        raise InvalidRequest(f"WorkGroup {asked['Name']} is already created")
    made.created_at = datetime.now(UTC)
    return {}


def _get(response: Any, asked: Mapping[str, Any]) -> Mapping[str, Any]:
    work_group = require(response.athena_backend, asked["WorkGroup"])
    described = {key: value for key, value in _summary(work_group).items() if key != "EngineVersion"}
    return {"WorkGroup": {**described, "Configuration": work_group.configuration}}


def _list(response: Any, asked: Mapping[str, Any]) -> Mapping[str, Any]:
    summaries = [_summary(work_group) for work_group in response.athena_backend.work_groups.values()]
    return page(summaries, "WorkGroups", asked, MAX_WORK_GROUPS_OF_ONE_PAGE)


def _summary(work_group: Any) -> dict[str, Any]:
    return {
        "Name": work_group.name,
        "State": work_group.state,
        "Description": work_group.description,
        "CreationTime": getattr(work_group, "created_at", _BEGINNING),
        "EngineVersion": work_group.configuration["EngineVersion"],
    }


def _update(response: Any, asked: Mapping[str, Any]) -> Mapping[str, Any]:
    work_group = require(response.athena_backend, asked["WorkGroup"])
    work_group.configuration = updated(work_group.configuration, asked.get("ConfigurationUpdates") or {})
    work_group.description = asked.get("Description", work_group.description)
    work_group.state = asked.get("State", work_group.state)
    return {}


def _delete(response: Any, asked: Mapping[str, Any]) -> Mapping[str, Any]:
    backend = response.athena_backend
    work_group = require(backend, asked["WorkGroup"])
    if work_group.name == "primary":
        raise InvalidRequest("primary workGroup could not be deleted")
    named = [query.id for query in backend.named_queries.values() if query.workgroup is work_group]
    started = any(query.request.work_group == work_group.name for query in backend.executions.values())
    if (named or started) and not asked.get("RecursiveDeleteOption"):
        raise InvalidRequest(f"WorkGroup {work_group.name} is not empty")
    for query_id in named:
        del backend.named_queries[query_id]
    backend.delete_work_group(work_group.name)
    return {}


ANSWERS: dict[str, Callable[[Any, Mapping[str, Any]], Mapping[str, Any]]] = {
    "create_work_group": _create,
    "get_work_group": _get,
    "list_work_groups": _list,
    "update_work_group": _update,
    "delete_work_group": _delete,
}
"""The operations, by the names that moto's responses have for them."""
