"""Which SerDe reads a table: how its objects' bytes become texts, and its texts values.

What Athena reads and this one does not is refused here, by its name. Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from runners.local.athena import conversions
from runners.local.athena.ddl_tables import HIVE_JSON, LAZY_SIMPLE, OPEN_CSV, OPENX_JSON, PARQUET
from runners.local.athena.sql.translation import QueryError
from runners.local.athena.sql.types import type_of
from runners.local.athena.text_rows import Json, LazySimple, LineReader, OpenCSV

if TYPE_CHECKING:
    from runners.local.athena.catalog import Table
    from runners.local.athena.sql.types import Type

JSON_SERDES = frozenset({OPENX_JSON, HIVE_JSON, "org.apache.hadoop.hive.serde2.JsonSerDe"})
_TABLE_TYPES = frozenset({"iceberg", "hudi", "delta"})


def require_readable(table: Table) -> None:
    """Refuse a table that is kept in a way which the embedded Athena does not read."""
    properties = {key.lower(): value.lower() for key, value in table.properties.items()}
    kind = properties.get("table_type") or properties.get("spark.sql.sources.provider") or ""
    if kind in _TABLE_TYPES or "hudi" in table.storage.input_format.lower():
        raise QueryError(
            "NOT_SUPPORTED", f"{table} is a table of {kind or 'hudi'}, which the embedded Athena does not read"
        )
    if table.storage.serde not in {LAZY_SIMPLE, OPEN_CSV, PARQUET, *JSON_SERDES}:
        named = table.storage.serde or "no SerDe"
        raise QueryError(
            "NOT_SUPPORTED",
            f"{table} has {named}; the embedded Athena reads LazySimpleSerDe, OpenCSVSerde, JSON and Parquet",
        )


def is_parquet(table: Table) -> bool:
    """Whether a table's objects are Parquet."""
    return table.storage.serde == PARQUET


def line_reader(table: Table) -> LineReader:
    """Answer what reads the lines of a table that is not Parquet."""
    names = [column.name for column in table.columns]
    types = [type_of(column.type) for column in table.columns]
    parameters = table.storage.parameters
    if table.storage.serde == OPEN_CSV:
        return OpenCSV.of(types, parameters)
    if table.storage.serde in JSON_SERDES:
        return Json.of(names, types, parameters)
    return LazySimple.of(types, parameters)


def header_lines(table: Table) -> int:
    """Say how many lines a text file of the table begins with that are no rows."""
    written = table.properties.get("skip.header.line.count") or table.storage.parameters.get("skip.header.line.count")
    try:
        return int(written or 0)
    except ValueError:
        raise QueryError("INVALID_TABLE_PROPERTY", f"skip.header.line.count of {table} is no number") from None


def conversion(table: Table, column: str, of: Type, name: str) -> str:
    """Write how a text of ``column``, an expression, becomes a value of the table's column ``name``."""
    nulls = {**table.storage.parameters, **table.properties}.get("use.null.for.invalid.data", "").lower() == "true"
    if table.storage.serde == LAZY_SIMPLE or nulls:
        return conversions.lazily(column, of)
    if table.storage.serde == OPEN_CSV:
        return conversions.as_opencsv(column, of, name)
    return conversions.strictly(column, of, name)
