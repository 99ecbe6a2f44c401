"""JSON files as Glue's built-in classifier sees them: objects one after the other, or one array.

Looks at the beginning of a file as text, no more; knows neither S3 nor the catalog.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from runners.local.crawlers.column_types import Column, Struct, Type, merged, of_json

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_RECORDS = 1000
"""How many records of a file are looked at."""


@dataclass(frozen=True)
class JsonFile:
    """What the beginning of a JSON file says."""

    columns: tuple[Column, ...]
    paths: tuple[str, ...]
    """The names of the columns as the file has them."""
    records: int
    """How many records were looked at."""
    array: bool
    """Whether the records lie in one array, which no SerDe of Athena takes apart."""


def classify(text: str) -> JsonFile | None:
    """Read the beginning of a file, which ends with a whole line; nothing if it is not JSON."""
    types: dict[str, Type] = {}
    paths: dict[str, None] = {}
    records = 0
    for document in _documents(text):
        if isinstance(document, list) and not records:
            return JsonFile((Column("array", of_json(document)),), ("array",), len(document), array=True)
        if not isinstance(document, dict):
            return None
        type_ = of_json(document)
        assert isinstance(type_, Struct)  # noqa: S101 - as an object is
        types = merged(types, dict(type_.fields))
        paths.update(dict.fromkeys(document))
        records += 1
    if not records:
        return None
    return JsonFile(tuple(Column(*field) for field in types.items()), tuple(sorted(paths)), records, array=False)


def _documents(text: str) -> Iterator[Any]:
    """Yield the first documents; what follows the last whole one ends them."""
    decoder = json.JSONDecoder()
    at, found = 0, 0
    while found < MAX_RECORDS:
        at = _past_blanks(text, at)
        if at >= len(text):
            return
        try:
            document, at = decoder.raw_decode(text, at)
        except ValueError:
            return
        found += 1
        yield document


def _past_blanks(text: str, at: int) -> int:
    while at < len(text) and text[at].isspace():
        at += 1
    return at
