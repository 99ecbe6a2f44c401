"""Tables and columns as a source describes them, in the data types of DMS.

Every value travels as text, in one form for each type, so that no driver's own types come between a source and a
target. Types come from the catalogue of a database, and never from values.

The form: whole numbers and decimals as digits, floating point as the shortest text that reads back equal, ``true`` and
``false``, dates and times as ISO 8601 with a space, binary as lowercase hexadecimal digits, text as it is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

Row = tuple[str | None, ...]
"""The values of a row, in the order of the columns asked for; None is NULL."""

MAX_NUMERIC_PRECISION = 38
"""The digits that the DMS type NUMERIC holds; wider decimals travel as STRING, as DMS has it."""


class Kind(StrEnum):
    """The data types of DMS."""

    BOOLEAN = "BOOLEAN"
    BYTES = "BYTES"
    DATE = "DATE"
    TIME = "TIME"
    DATETIME = "DATETIME"
    INT1 = "INT1"
    INT2 = "INT2"
    INT4 = "INT4"
    INT8 = "INT8"
    UINT1 = "UINT1"
    UINT2 = "UINT2"
    UINT4 = "UINT4"
    UINT8 = "UINT8"
    NUMERIC = "NUMERIC"
    REAL4 = "REAL4"
    REAL8 = "REAL8"
    STRING = "STRING"
    WSTRING = "WSTRING"
    BLOB = "BLOB"
    CLOB = "CLOB"
    NCLOB = "NCLOB"


BINARY_KINDS = frozenset({Kind.BYTES, Kind.BLOB})
LOB_KINDS = frozenset({Kind.BLOB, Kind.CLOB, Kind.NCLOB})
INTEGER_KINDS = frozenset(kind for kind in Kind if kind.startswith(("INT", "UINT")))


@dataclass(frozen=True)
class DmsType:
    """A data type of DMS with what makes it exact."""

    kind: Kind
    length: int | None = None
    """Characters or bytes that a value has at most; None if unlimited."""
    precision: int | None = None
    """Digits of a NUMERIC."""
    scale: int | None = None
    """Digits after the point of a NUMERIC, or of a second of a DATETIME."""

    @classmethod
    def decimal(cls, precision: int | None, scale: int | None) -> DmsType:
        """Answer NUMERIC where it holds every value of a decimal type, else STRING."""
        if precision is None or scale is None:
            return cls(Kind.STRING)
        # A scale below zero or above the precision, as PostgreSQL 15 has it, takes more digits than the precision says.
        needed, scale = max(precision - min(scale, 0), scale), max(scale, 0)
        if needed > MAX_NUMERIC_PRECISION:
            # A sign, a zero and a point besides the digits.
            return cls(Kind.STRING, length=needed + 3)
        return cls(Kind.NUMERIC, precision=needed, scale=scale)


@dataclass(frozen=True)
class Column:
    """A column of a source's table."""

    name: str
    type: DmsType
    source_type: str
    """The type as the source's catalogue names it, e.g. ``numeric(10,2)``."""
    expression: str
    """SQL for the source that answers the column's value in the form of its DMS type."""
    nullable: bool = True
    native_type: str = ""
    """The type that a PostgreSQL target gives the column of a PostgreSQL source; empty for other sources."""
    native_expression: str = ""
    """SQL for a PostgreSQL source that answers the value as PostgreSQL itself writes and reads it."""


@dataclass(frozen=True)
class TableName:
    """What a source calls a table or a view."""

    schema: str
    name: str
    is_view: bool = False

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}"


@dataclass(frozen=True)
class SourceTable:
    """A table with its columns."""

    name: TableName
    columns: tuple[Column, ...]
    primary_key: tuple[str, ...] = ()
    not_copied: tuple[str, ...] = field(default=())
    """Columns of types that DMS does not migrate, each with its type, e.g. ``image (oid)``."""


@dataclass(frozen=True)
class TargetColumn:
    """A column of a target's table, and where its values come from."""

    name: str
    type: DmsType
    source: Column | None = None
    constant: str | None = None
    """The value of every row where there is no source column."""

    @property
    def native_type(self) -> str:
        """The type in a PostgreSQL target when the source is PostgreSQL too; else empty."""
        return self.source.native_type if self.source else ""


@dataclass(frozen=True)
class TargetTable:
    """A table as it is to be at the target."""

    schema: str
    name: str
    columns: tuple[TargetColumn, ...]
    primary_key: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}"
