r"""The patterns by which a target leaves objects out: globs relative to its path, with Glue's meaning.

``*`` and ``?`` stay within a folder, ``**`` does not; ``[a-z]``, ``[!a]``, ``{one,other}`` and ``\\`` are known too.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from runners.errors import LocalAWSError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_TOKENS = re.compile(r"\*\*|\*|\?|\\.|\[!?[^\]]+\]|[{},]|.", re.DOTALL)


def excluding(patterns: Sequence[str]) -> Callable[[str], bool]:
    """Answer a function that tells whether a name, relative to the target's path, is left out.

    Raises ``LocalAWSError`` for a pattern that is none.
    """
    expressions = [_expression(pattern.strip()) for pattern in patterns]
    return lambda name: any(expression.fullmatch(name) for expression in expressions)


def _expression(pattern: str) -> re.Pattern[str]:
    depth = 0
    parts = []
    for piece in _TOKENS.findall(pattern):
        depth += {"{": 1, "}": -1}.get(piece, 0)
        parts.append(_part(piece, in_group=depth > 0))
    try:
        return re.compile("".join(parts), re.DOTALL)
    except re.error as error:
        raise LocalAWSError(f"the exclude pattern {pattern!r} is no glob ({error}): correct it") from error


def _part(piece: str, *, in_group: bool) -> str:
    known = {"**": ".*", "*": "[^/]*", "?": "[^/]", "{": "(?:", "}": ")"}
    if piece in known:
        return known[piece]
    if piece == "," and in_group:
        return "|"
    if len(piece) > 1 and piece.startswith("["):
        inside = piece[1:-1].replace("\\", "\\\\")
        return f"[^{inside[1:]}]" if inside.startswith("!") else f"[{inside}]"
    return re.escape(piece[-1])
