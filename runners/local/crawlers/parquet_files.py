"""Parquet files, whose schema is written in them: read by DuckDB, named in the catalog's types.

Needs the whole file, on this machine's disk; knows neither S3 nor the catalog.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import duckdb

from runners.errors import LocalAWSError
from runners.local.crawlers.column_types import (
    BIGINT,
    BOOLEAN,
    DOUBLE,
    INT,
    STRING,
    Array,
    Column,
    Struct,
    Type,
    written,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NAMES = {
    "boolean": BOOLEAN,
    "tinyint": "tinyint",
    "smallint": "smallint",
    "integer": INT,
    "bigint": BIGINT,
    "utinyint": "smallint",
    "usmallint": INT,
    "uinteger": BIGINT,
    "ubigint": "decimal(20,0)",
    "float": "float",
    "double": DOUBLE,
    "varchar": STRING,
    "enum": STRING,
    "uuid": STRING,
    "blob": "binary",
    "date": "date",
    "timestamp": "timestamp",
    "timestamp_ms": "timestamp",
    "timestamp_ns": "timestamp",
    "timestamp_s": "timestamp",
    "timestamp with time zone": "timestamp",
}
"""DuckDB's types of one value → the catalog's."""


@dataclass(frozen=True)
class ParquetFile:
    """What the footer of a Parquet file says."""

    columns: tuple[Column, ...]
    rows: int


def read(file: Path, name: str) -> ParquetFile:
    """Read the schema of a file, called ``name`` in messages. Raises ``LocalAWSError`` for what cannot be read."""
    with duckdb.connect() as connection:
        try:
            relation = connection.read_parquet(str(file), hive_partitioning=False)
            counted = connection.execute("SELECT num_rows FROM parquet_file_metadata(?)", [str(file)]).fetchone()
        except duckdb.Error as error:
            raise LocalAWSError(f"{name} is no Parquet file that can be read: {error}") from error
        columns = zip(relation.columns, relation.types, strict=True)
        found = tuple(Column(column.lower(), _type(type_, f"column {column} of {name}")) for column, type_ in columns)
    return ParquetFile(found, int(counted[0]) if counted else 0)


def _type(type_: Any, place: str) -> Type:
    if type_.id in NAMES:
        return NAMES[type_.id]
    nested = _NESTED.get(type_.id)
    if nested is None:
        raise LocalAWSError(f"{place} has the type {type_}, for which the Glue catalog has no name: leave it out")
    return nested(dict(type_.children), place)


def _array(parts: dict[str, Any], place: str) -> Type:
    return Array(_type(parts["child"], place))


def _struct(parts: dict[str, Any], place: str) -> Type:
    return Struct(tuple((name.lower(), _type(part, place)) for name, part in parts.items()))


def _map(parts: dict[str, Any], place: str) -> Type:
    return f"map<{written(_type(parts['key'], place))},{written(_type(parts['value'], place))}>"


def _decimal(parts: dict[str, Any], _place: str) -> Type:
    return f"decimal({parts['precision']},{parts['scale']})"


_NESTED: dict[str, Callable[[dict[str, Any], str], Type]] = {
    "list": _array,
    "struct": _struct,
    "map": _map,
    "decimal": _decimal,
}
