"""In what format, and with which partitions, a query's rows are written: from properties, or as a table has it.

Pure. What Athena writes and this one does not is refused here, by its name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runners.local.athena import file_formats
from runners.local.athena.catalog import Table
from runners.local.athena.ddl_tables import LAZY_SIMPLE, OPENX_JSON, PARQUET, STORED_AS, Column, Storage
from runners.local.athena.hive_types import hive_name
from runners.local.athena.serdes import JSON_SERDES, header_lines
from runners.local.athena.sql.translation import QueryError
from runners.local.athena.sql.types import Type, quoted, stored, turns_into, type_of
from runners.local.athena.text_rows import LazySimple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from runners.local.athena.file_formats import FileFormat
    from runners.local.athena.sql.translation import Translated

_OF_CTAS = frozenset(
    {
        "format",
        "external_location",
        "partitioned_by",
        "write_compression",
        "parquet_compression",
        "field_delimiter",
        "table_type",
        "is_external",
    }
)
_OF_UNLOAD = frozenset({"format", "partitioned_by", "compression", "field_delimiter"})
_UNNAMED = re.compile(r"_col\d+")


@dataclass(frozen=True)
class Target:
    """Where rows go, and as what."""

    file_format: FileFormat
    storage: Storage
    location: str | None = None
    partitioned_by: tuple[str, ...] = ()

    def table(self, database: str, name: str, location: str, columns: Sequence[tuple[str, Type]]) -> Table:
        """Describe the table that the rows become."""
        count = len(columns) - len(self.partitioned_by)
        last = tuple(column for column, _ in columns[count:])
        if last != self.partitioned_by or count < 1:
            raise QueryError(
                "HIVE_COLUMN_ORDER_MISMATCH",
                "Partition keys must be the last columns in the table and in the same order as the table properties: "
                f"[{', '.join(self.partitioned_by)}]",
            )
        described = [Column(column, hive_name(of)) for column, of in columns]
        return Table(
            database,
            name,
            tuple(described[:count]),
            tuple(described[count:]),
            location,
            self.storage,
            {"EXTERNAL": "TRUE", "has_encrypted_data": "false"},
        )


def target_of_new_table(properties: Mapping[str, str | tuple[str, ...]]) -> Target:
    """Read the properties of CREATE TABLE AS."""
    _require_known(properties, _OF_CTAS)
    if _one(properties, "table_type", "HIVE").upper() != "HIVE":
        raise QueryError("NOT_SUPPORTED", "the embedded Athena makes tables of the type HIVE alone")
    compression = _one(properties, "write_compression") or _one(properties, "parquet_compression")
    return _target(properties, _one(properties, "format", "PARQUET"), compression)


def target_of_unload(properties: Mapping[str, str | tuple[str, ...]]) -> Target:
    """Read the properties of UNLOAD."""
    _require_known(properties, _OF_UNLOAD)
    if "format" not in properties:
        raise QueryError("SYNTAX_ERROR", "UNLOAD needs the property format")
    return _target(properties, _one(properties, "format"), _one(properties, "compression"))


def target_of_table(table: Table) -> Target:
    """Answer how rows are added to a table."""
    given = {**table.storage.parameters, **table.properties}
    compression = next(
        (given[key] for key in ("write.compression", "write_compression", "parquet.compression") if key in given), None
    )
    serde = table.storage.serde
    if serde == PARQUET:
        return Target(file_formats.parquet(compression), table.storage)
    if header_lines(table) > 0:
        raise QueryError(
            "NOT_SUPPORTED",
            f"{table} skips header lines (skip.header.line.count), which the inserted files would not have: "
            "their first rows would be lost",
        )
    if serde in JSON_SERDES:
        return Target(file_formats.json_lines(compression), table.storage)
    if serde == LAZY_SIMPLE:
        return Target(_text(compression, table.storage), table.storage)
    raise QueryError("NOT_SUPPORTED", f"{table} has {serde}, which nothing is written with")


def _target(properties: Mapping[str, str | tuple[str, ...]], name: str, compression: str | None) -> Target:
    delimiter = _one(properties, "field_delimiter", "\x01")
    location = _one(properties, "external_location") or None
    partitioned_by = properties.get("partitioned_by", ())
    columns = (partitioned_by,) if isinstance(partitioned_by, str) else tuple(map(str.lower, partitioned_by))
    match name.upper():
        case "PARQUET":
            return Target(file_formats.parquet(compression), _storage("PARQUET"), location, columns)
        case "JSON":
            return Target(file_formats.json_lines(compression), _storage("TEXTFILE", OPENX_JSON), location, columns)
        case "TEXTFILE":
            storage = _storage("TEXTFILE", parameters={"field.delim": delimiter, "serialization.format": delimiter})
            return Target(_text(compression, storage), storage, location, columns)
    raise QueryError("NOT_SUPPORTED", f"the embedded Athena writes PARQUET, JSON and TEXTFILE, not {name.upper()}")


def _text(compression: str | None, storage: Storage) -> FileFormat:
    """Write with the delimiters that the table will be read with."""
    lazy = LazySimple.of([], storage.parameters)
    return file_formats.text(compression, "".join(lazy.separators[:3]), lazy.null, lazy.escape)


def _storage(stored_as: str, serde: str | None = None, parameters: Mapping[str, str] | None = None) -> Storage:
    formats = STORED_AS[stored_as]
    written = parameters or {"serialization.format": "1"}
    return Storage(serde or formats.serde, formats.input_format, formats.output_format, written)


def _one(properties: Mapping[str, str | tuple[str, ...]], name: str, default: str = "") -> str:
    value = properties.get(name, default)
    if isinstance(value, tuple):
        raise QueryError("INVALID_TABLE_PROPERTY", f"{name} is one value, and no array")
    return value


def _require_known(properties: Mapping[str, str | tuple[str, ...]], known: frozenset[str]) -> None:
    unknown = sorted(set(properties) - known)
    if unknown:
        raise QueryError("NOT_SUPPORTED", f"the embedded Athena does not have the properties {', '.join(unknown)}")


# Columns of the rows


def named_columns(translated: Translated) -> list[tuple[str, Type]]:
    """Answer the columns of a query that makes a table: each has a name of its own."""
    names = [column.name.lower() for column in translated.columns]
    for place, name in enumerate(names, 1):
        if _UNNAMED.fullmatch(name):
            raise QueryError("MISSING_COLUMN_NAME", f"Column name not specified at position {place}")
        if names.index(name) < place - 1:
            raise QueryError("DUPLICATE_COLUMN_NAME", f"Column name '{name}' specified more than once")
    return [(name, type_of(column.type)) for name, column in zip(names, translated.columns, strict=True)]


def as_columns_of(translated: Translated, columns: Sequence[tuple[str, Type]], listed: Sequence[str]) -> str:
    """Write the query with the table's columns, in their order; those that are not ``listed`` are NULL."""
    types = dict(columns)
    names = list(listed) or [name for name, _ in columns]
    unknown = [name for name in names if name not in types]
    if unknown:
        raise QueryError("COLUMN_NOT_FOUND", f"Insert column name does not exist in target table: {unknown[0]}")
    given = [type_of(column.type) for column in translated.columns]
    wanted = [types[name] for name in names]
    fits = len(given) == len(wanted) and all(_fits(one, other) for one, other in zip(given, wanted, strict=True))
    if not fits:
        table, query = (", ".join(map(str, of)) for of in (wanted, given))
        raise QueryError(
            "TYPE_MISMATCH", f"Insert query has mismatched column types: Table: [{table}], Query: [{query}]"
        )
    places = {name: f"c{place}" for place, name in enumerate(names)}
    selected = ", ".join(f"CAST({places.get(name, 'NULL')} AS {stored(of)}) AS {quoted(name)}" for name, of in columns)
    return f"SELECT {selected} FROM ({translated.sql}) AS q({', '.join(places.values())})"  # noqa: S608


def _fits(one: Type, other: Type) -> bool:
    texts = {"varchar", "char"}
    return turns_into(one, other) or {one.name, other.name} <= texts
