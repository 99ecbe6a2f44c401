"""Making documents fit into the sizes that Step Functions accepts, without making them unreadable.

A job that succeeded must not fail because its output is long. Long fields are shortened, the longest first, and
the document says which ones.
"""

from __future__ import annotations

import json
from typing import Any

TRUNCATED = "TruncatedFields"
_SHORT = 64  # characters; fields of at most this size are left alone


def fit_json(document: dict[str, Any], limit: int) -> str:
    """Render a JSON object in at most ``limit`` characters, all ASCII, so characters are bytes.

    Top-level fields are shortened, the largest first: lists and objects lose their tail, texts their end, anything
    else is replaced by ``null``. Their names stand under ``TruncatedFields``.
    """
    text = _dump(document)
    if len(text) <= limit:
        return text
    shortened = dict(document)
    truncated: list[str] = []
    by_size = sorted(document, key=lambda name: len(_dump(document[name])), reverse=True)
    for name in by_size:
        truncated.append(name)
        excess = len(_dump({**shortened, TRUNCATED: truncated})) - limit
        shortened[name] = _shorten(document[name], max(_SHORT, len(_dump(document[name])) - excess))
        text = _dump({**shortened, TRUNCATED: truncated})
        if len(text) <= limit:
            return text
    return _dump({TRUNCATED: ["(all)"]})


def fit_text(text: str, limit: int) -> str:
    """Cut a text to ``limit`` characters, marking the cut."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _shorten(value: Any, size: int) -> Any:
    """Return a prefix of ``value`` whose JSON has at most ``size`` characters, or None where it has no prefix."""
    if isinstance(value, dict):
        return dict(_shorten(list(value.items()), size) or [])
    if not isinstance(value, str | list):
        return None
    low, high = 0, len(value)
    while low < high:
        middle = (low + high + 1) // 2
        if len(_dump(value[:middle])) <= size:
            low = middle
        else:
            high = middle - 1
    return value[:low]


def _dump(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), default=str)
