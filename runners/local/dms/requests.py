"""What the operations of the DMS API have in common: faults, filters, pages, identifiers."""

from __future__ import annotations

import json
import re
import secrets
import string
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from moto.core.responses import ActionResult
from moto.dms.exceptions import DmsClientError

from runners.local.dms.errors import UnusableRequestError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

DEFAULT_RECORDS = 100
MIN_RECORDS = 20
IDENTIFIER = re.compile(r"[A-Za-z](?:-?[A-Za-z0-9])*")
ALPHABET = string.ascii_uppercase + string.digits
RESOURCE_ID_LENGTH = 26

T = TypeVar("T")

Clients = Callable[[str, str], Any]
"""Answers a boto3 client of a service of this AWS in a region."""


class InvalidParameterValueException(DmsClientError):  # noqa: N818 - AWS's name
    """A value in a request is not valid, or asks for what the embedded DMS does not do."""

    def __init__(self, message: str) -> None:
        super().__init__("InvalidParameterValueException", message)


def answering(operation: Callable[[Any, dict[str, Any]], Mapping[str, Any]]) -> Callable[[Any], ActionResult]:
    """Make a method of moto's responses of an operation, which is given the response and the request."""

    def answer(response: Any) -> ActionResult:
        try:
            return ActionResult(without_none(operation(response, body(response))))
        except UnusableRequestError as error:
            raise InvalidParameterValueException(str(error)) from None

    return answer


def body(response: Any) -> dict[str, Any]:
    """Answer the request's JSON object."""
    request: dict[str, Any] = json.loads(response.body or "{}")
    return request


def without_none(value: Any) -> Any:
    """Answer a document without its members that are None."""
    if isinstance(value, dict):
        return {name: without_none(part) for name, part in value.items() if part is not None}
    if isinstance(value, list):
        return [without_none(part) for part in value]
    return value


def new_arn(response: Any, kind: str, resource_id: str | None) -> str:
    """Answer an ARN of a kind, e.g. ``task`` or ``endpoint``, with a random id where none is given."""
    name = resource_id or "".join(secrets.choice(ALPHABET) for _ in range(RESOURCE_ID_LENGTH))
    return f"arn:aws:dms:{response.region}:{response.current_account}:{kind}:{name}"


def require_identifier(name: str, value: Any) -> str:
    """Answer an identifier in lower case, as DMS keeps it, or raise what DMS raises."""
    if not isinstance(value, str) or not IDENTIFIER.fullmatch(value) or len(value) > 255:  # noqa: PLR2004  # DMS's limit
        raise InvalidParameterValueException(
            f"{name} begins with a letter and has up to 255 letters, digits and single hyphens"
        )
    return value.lower()


def filtered(
    items: Iterable[T], filters: Sequence[Mapping[str, Any]], read: Mapping[str, Callable[[T], Any]]
) -> list[T]:
    """Answer the items that fit every filter: for each, one of its values. ``read`` answers values by filter's name."""
    left = list(items)
    for each in filters:
        name, values = str(each.get("Name")), each.get("Values") or ()
        if name not in read:
            raise InvalidParameterValueException(f"There is no filter {name}: use one of {', '.join(sorted(read))}")
        left = [item for item in left if not _values(read[name](item)).isdisjoint(values)]
    return left


def _values(value: Any) -> set[Any]:
    return set(value) if isinstance(value, tuple) else {value}


def page(items: Sequence[T], request: Mapping[str, Any], largest: int = DEFAULT_RECORDS) -> tuple[list[T], str | None]:
    """Answer the page that a request asks for, and the marker of the next one if there is more."""
    size = request.get("MaxRecords") or DEFAULT_RECORDS
    if not MIN_RECORDS <= size <= largest:
        raise InvalidParameterValueException(f"MaxRecords is a number from {MIN_RECORDS} to {largest}")
    marker = request.get("Marker") or "0"
    if not marker.isdecimal():
        raise InvalidParameterValueException("The Marker is none that an earlier answer held")
    start = int(marker)
    return list(items[start : start + size]), str(start + size) if start + size < len(items) else None
