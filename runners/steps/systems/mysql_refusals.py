"""What the server means when it does not take a row as it is: by its number, without the values that it quotes."""

from __future__ import annotations

import re
from collections.abc import Collection

from runners.steps.errors import DataNotRepresentable, DataQualityFailed, StepError, TargetFailed

_CHANGED = {
    1118: "is longer than a row may be",
    1264: "is beyond what its column holds",
    1265: "does not fit into its column",
    1292: "is none of its column's type",
    1301: "is longer than the server's max_allowed_packet",
    1366: "has what its column's type or character set has not",
    1406: "is longer than its column",
    1411: "is none of its column's type",
    3140: "is no JSON",
    4038: "is no JSON",
}
_WRONG = {
    1048: "is NULL in a column that may not be NULL",
    1062: "has a key that another row has, too",
    1263: "is NULL in a column that may not be NULL",
    1364: "is missing for a column without a default",
    1452: "names a row of another table that there is not",
    1526: "belongs into no partition of the table",
    1586: "has a key that another row has, too",
    3819: "breaks a CHECK of the table",
    4025: "breaks a CHECK of the table",
}
NUMBERS = frozenset({*_CHANGED, *_WRONG})
"""The numbers of the server's errors and warnings that speak of a row."""

_COLUMN = re.compile(r"column ['`](?:`?\w+`?\.)*`?(\w+)[`']", re.IGNORECASE)


def refusal(number: int, text: str, table: str, columns: Collection[str]) -> StepError:
    """Return the error for a row that was not taken.

    Args:
        number: the server's number.
        text: what it says; only a column's name is taken from it.
        table: where the row was to go.
        columns: the table's columns.

    """
    found = _COLUMN.search(text)
    column = found[1] if found and found[1] in columns else ""
    where = f"{table}, column {column}" if column else table
    details = {"table": table, "code": number} | ({"column": column} if column else {})
    end = "Nothing was written."
    if number in _CHANGED:
        return DataNotRepresentable(f"a value {_CHANGED[number]} ({where}). {end}", **details)
    if number in _WRONG:
        return DataQualityFailed(f"a row or value {_WRONG[number]} ({where}). {end}", **details)
    return TargetFailed(
        f"the server took a row otherwise than it is, with warning {number} ({where}). {end}", **details
    )
