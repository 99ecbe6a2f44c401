"""Regular expressions and paths of JSON: checked part by part, and written for DuckDB, or refused.

DuckDB matches by RE2, Trino by Java's syntax. What both mean alike is let through. Where they differ for some texts
only (what a letter or a digit is beyond ASCII, a line break at the end), the text is checked when the query runs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from runners.local.athena.sql.errors import QueryError, not_run

ASCII_ONLY = r"[^\x00-\x7f]"  # the texts that \d, \w, \s, \b and (?i) may take otherwise
NO_BREAK_AT_END = r"\n\z"  # those that $ takes otherwise
NOTHING = r"[^\x00-\x{10ffff}]"

_PART = re.compile(
    r"""(?P<escape>\\[dDwWsSbBnrtf]|\\[^A-Za-z0-9])
    |(?P<class>\[\^?\]?(?:\\[dDwWsSnrtf]|\\[^A-Za-z0-9]|[^\[\]\\&])*\])
    |(?P<flag>\(\?i\))
    |(?P<open>\(\?:|\(\?<[A-Za-z][A-Za-z0-9]*>|\((?!\?))
    |(?P<close>\))
    |(?P<repeat>(?:[*+?]|\{\d+(?:,\d*)?\})\??(?!\+))
    |(?P<other>[|.^$])
    |(?P<plain>[^\\\[\](){}*+?|.^$])""",
    re.VERBOSE | re.DOTALL,
)
_SAMPLES = ("", "a", "A", "1", " ", "a b", "_", "-")


@dataclass(frozen=True)
class Regex:
    """A regular expression that both engines mean alike, its groups, and the texts for which it is not."""

    written: str
    groups: int
    forbidden: str


def pattern_of(pattern: str, *, finds_all: bool) -> Regex:
    """Check a regular expression; ``finds_all`` if all of its matches count, where empty ones differ."""
    position, groups, forbidden = 0, 0, set()
    while position < len(pattern):
        part = _PART.match(pattern, position)
        if part is None or (part["flag"] and position):
            raise not_run(f"the regular expression {pattern!r} (at {pattern[position : position + 5]!r})")
        groups += bool(part["open"]) and part["open"] != "(?:"
        if part["flag"] or re.search(r"\\[dDwWsSbB]", part[0]):
            forbidden.add(ASCII_ONLY)
        if part[0] == "$":
            forbidden.add(NO_BREAK_AT_END)
        position = part.end()
    _check(pattern, finds_all=finds_all)
    return Regex(re.sub(r"\(\?<([A-Za-z])", r"(?P<\1", pattern), groups, "|".join(sorted(forbidden)) or NOTHING)


def _check(pattern: str, *, finds_all: bool) -> None:
    try:
        known = re.compile(re.sub(r"\(\?<([A-Za-z])", r"(?P<\1", pattern))
    except re.error as error:
        raise QueryError("INVALID_FUNCTION_ARGUMENT", f"{error}: {pattern}") from None
    if finds_all and any(found[0] == "" for sample in _SAMPLES for found in known.finditer(sample)):
        raise not_run(f"all matches of the regular expression {pattern!r}, which matches nothing at all as well")


def replacement_of(replacement: str, groups: int) -> str:
    r"""Write what matches are replaced by: ``$1`` is a group, ``\$`` a dollar."""
    made, position = "", 0
    while position < len(replacement):
        part = re.compile(r"\$(\d)(?!\d)|\\(.)|([^$\\])", re.DOTALL).match(replacement, position)
        if part is None:
            raise not_run(f"the replacement {replacement!r}", "groups are written $1 to $9")
        if part[1] and int(part[1]) > groups:
            raise QueryError(
                "INVALID_FUNCTION_ARGUMENT", f"Illegal replacement sequence: unknown group {{ {part[1]} }}"
            )
        made += f"\\{part[1]}" if part[1] else (part[2] or part[3]).replace("\\", "\\\\")
        position = part.end()
    return made


def json_path(path: str) -> str:
    """Write a path of Trino's (``$.a[0]["b c"]``) for DuckDB."""
    made, position = "$", 1
    step = re.compile(r"""\.([A-Za-z_][\w-]*)|\[(\d+)\]|\[["']([^"'\\\[\]*]+)["']\]""")
    if not path.startswith("$"):
        raise QueryError("INVALID_FUNCTION_ARGUMENT", f"Invalid JSON path: '{path}'")
    while position < len(path):
        part = step.match(path, position)
        if part is None:
            raise not_run(f"the path of JSON {path!r}")
        made += f"[{part[2]}]" if part[2] else f'."{part[1] or part[3]}"'
        position = part.end()
    return made
