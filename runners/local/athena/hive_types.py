"""Writes types in Hive's words, as the Glue catalog has those of columns.

Pure. What types there are, and how they are read, is known to ``sql.types``.
"""

from __future__ import annotations

import re

from runners.local.athena.sql.translation import QueryError
from runners.local.athena.sql.types import Type, type_of

_WORDS = {
    "integer": "int",
    "real": "float",
    "varbinary": "binary",
    "boolean": "boolean",
    "tinyint": "tinyint",
    "smallint": "smallint",
    "bigint": "bigint",
    "double": "double",
    "date": "date",
    "timestamp": "timestamp",
}


def hive_name(of: Type) -> str:
    """Write a type in Hive's words; a ``QueryError`` for one that no table can have.

    >>> hive_name(type_of("array(row(a integer, b varchar))"))
    'array<struct<a:int,b:string>>'
    """
    if of.name == "varchar":
        return f"varchar({of.size[0]})" if of.size else "string"
    if of.name in {"char", "decimal"}:
        return f"{of.name}({','.join(map(str, of.size))})"
    if of.name == "row":
        names = [name if name is not None else f"field{place}" for place, name in enumerate(of.fields)]
        parts = zip(names, map(hive_name, of.arguments), strict=True)
        return f"struct<{','.join(f'{name}:{part}' for name, part in parts)}>"
    if of.arguments:
        return f"{of.name}<{','.join(map(hive_name, of.arguments))}>"
    if of.name not in _WORDS:
        raise QueryError("NOT_SUPPORTED", f"Unsupported Hive type: {of}")
    return _WORDS[of.name]


def as_in_catalog(written: str) -> str:
    """Write a type as the catalog keeps it: ``INTEGER`` as ``int``, a bare ``decimal`` as ``decimal(10,0)``."""
    return hive_name(type_of(re.sub(r"(?i)\bdecimal\b(?!\s*\()", "decimal(10,0)", written)))
