"""Questions to Elasticsearch or OpenSearch in JSON, and what it means when they are refused.

Of a refusal only the type is told, such as ``mapper_parsing_exception``; its reason repeats values.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from http import HTTPStatus
from typing import Any, NamedTuple

from runners.steps.systems.http import Http, Request
from runners.steps.systems.json_values import MISSING, NotJsonError, at, parsed, text_of

_JUDGED = frozenset({400, 404, 405, 409, 413})
_TYPE = re.compile(r"[a-z0-9_]{1,100}")


class Said(NamedTuple):
    """An answer."""

    status: int
    document: Any
    size: int
    """Its bytes."""


def ask(
    http: Http,
    method: str,
    path: str,
    body: Any = None,
    *,
    query: Mapping[str, Any] | None = None,
    taken: Collection[int] = (),
) -> Said:
    """Ask with JSON, or with lines of it where the body is bytes, and return what is answered.

    Args:
        http: the server.
        method: e.g. ``POST``.
        path: below the server's address.
        body: a JSON value, bytes of JSON lines, or None.
        query: parameters.
        taken: statuses of refusals that are no errors here.

    Raises:
        SourceFailed, TargetFailed: it was refused.

    """
    lines = isinstance(body, bytes)
    content = body if isinstance(body, bytes) else b"" if body is None else text_of(body).encode()
    headers = {"Content-Type": "application/x-ndjson" if lines else "application/json"} if content else {}
    answer = http.send(Request(method, path, query=query or {}, headers=headers, body=content, taken=_JUDGED))
    if answer.status < HTTPStatus.BAD_REQUEST:
        return Said(answer.status, answer.json() if answer.body else {}, len(answer.body))
    if answer.status in taken:
        return Said(answer.status, {}, len(answer.body))
    kind = error_type(answer.body)
    raise http.side.failed(f"{answer.shown} answered {answer.status}: {kind}", status=answer.status, type=kind)


def error_type(answer: bytes | Any) -> str:
    """Return the type of an error of an answer, or of a part of one, if it looks like a type: no value does.

    Args:
        answer: the bytes of a refusal, which may come from a server in between and be no JSON; or a JSON value with
            ``error`` in it.

    """
    try:
        kind = at(parsed(answer) if isinstance(answer, bytes) else answer, "error.type")
    except NotJsonError:
        kind = MISSING
    return kind if isinstance(kind, str) and _TYPE.fullmatch(kind) else "an error without a type"
