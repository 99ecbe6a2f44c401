"""Named parameters of the Redshift Data API, ``:name``, as parameters of the driver's own: never pasted into SQL.

Knows of SQL only what hides a colon: texts, quoted names, comments, casts. Runs nothing.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_TOKENS = re.compile(
    r"""
      (?P<hidden>
          [eE]'(?:[^'\\]|\\.|'')*' | '(?:[^']|'')*' | "(?:[^"]|"")*"
        | \$(?P<tag>\w*)\$.*?\$(?P=tag)\$
        | --[^\n]* | /\*.*?\*/
        | ::
      )
    | :(?P<name>[A-Za-z_]\w*)
    """,
    re.DOTALL | re.VERBOSE,
)


def bound(sql: str, parameters: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """Answer a statement in the driver's style, and those of the parameters that it uses.

    A name that is not among the parameters stays as it is, for the database to judge.
    """
    used: dict[str, str] = {}

    def replaced(match: re.Match[str]) -> str:
        name = match["name"]
        if name is None or name not in parameters:
            return match[0].replace("%", "%%")
        used[name] = parameters[name]
        return f"%({name})s"

    parts, at = [], 0
    for match in _TOKENS.finditer(sql):
        parts += [sql[at : match.start()].replace("%", "%%"), replaced(match)]
        at = match.end()
    return "".join([*parts, sql[at:].replace("%", "%%")]), used
