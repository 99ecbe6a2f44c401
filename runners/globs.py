"""Globs over whole keys of objects and paths of files: values, without I/O.

``*`` and ``?`` stay within one part of the path, ``**`` crosses parts, ``[a-c]`` is one of several characters.
"""

from __future__ import annotations

import re
from functools import lru_cache

MAX_CROSSINGS = 4  # of ** in a glob; each multiplies what there is to try

_WILDCARD = re.compile(r"[*?\[]")
_KEPT = 100  # globs; each is compiled once while it is used


def check(glob: str) -> None:
    """See that a text is a glob.

    Raises:
        ValueError: it is none, or takes too long to match.

    """
    try:
        _expression(glob)
    except re.error:
        raise ValueError("Pattern is no glob: a [...] in it is empty or has a range that runs backwards") from None
    if glob.count("**") > MAX_CROSSINGS:
        raise ValueError(f"Pattern has more than {MAX_CROSSINGS} of **, which takes too long to match")


def beginning(glob: str) -> str:
    """Return the longest text with which everything that matches begins."""
    return _WILDCARD.split(glob, maxsplit=1)[0]


def matches(glob: str, key: str) -> bool:
    """Whether a key is one that a glob stands for."""
    return _expression(glob).fullmatch(key) is not None


@lru_cache(_KEPT)
def _expression(glob: str) -> re.Pattern[str]:
    parts = re.split(r"(\*\*/|\*\*|\*|\?|\[[^\]]+\])", glob)
    return re.compile("".join(map(_part, parts)), re.DOTALL)


def _part(part: str) -> str:
    wildcards = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    if part in wildcards:
        return wildcards[part]
    if not (part.startswith("[") and part.endswith("]")):
        return re.escape(part)
    characters = part[1:-1]
    if characters == "!":
        raise re.error("a [...] in it excludes nothing")
    negation = "^/" if characters.startswith("!") else ""  # no wildcard but ** leaves its part of the path
    # Ranges stay ranges; "--" would be more than a range to a regular expression.
    allowed = re.escape(characters.removeprefix("!")).replace("\\-", "-").replace("--", "-\\-")
    return f"[{negation}{allowed}]"
