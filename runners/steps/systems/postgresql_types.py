"""PostgreSQL's types and Arrow's: what a column of a result travels as, and what a column of Arrow's is created as.

Both are declared: a result's columns by the server before the first row, never inferred from values. What has no exact
type in Arrow travels as the text that PostgreSQL itself writes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from runners.steps.ends import as_text, logical
from runners.steps.errors import DataNotRepresentable, SourceFailed
from runners.steps.systems.postgresql_numerics import is_short

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

# Numbers of types, the same in every PostgreSQL (pg_type.dat).
BOOL, BYTEA, QUOTED_CHAR, NAME, INT8, INT2, INT4, TEXT = 16, 17, 18, 19, 20, 21, 23, 25
JSON, FLOAT4, FLOAT8, MONEY, BPCHAR, VARCHAR, DATE, TIME = 114, 700, 701, 790, 1042, 1043, 1082, 1083
TIMESTAMP, TIMESTAMPTZ, INTERVAL, TIMETZ, NUMERIC, UUID, JSONB = 1114, 1184, 1186, 1266, 1700, 2950, 3802

TEXTS = frozenset({TEXT, VARCHAR, BPCHAR, NAME, JSON})
"""Types whose binary form is their text."""

NUMBERS: dict[int, pa.DataType] = {
    BOOL: pa.bool_(),
    INT2: pa.int16(),
    INT4: pa.int32(),
    INT8: pa.int64(),
    FLOAT4: pa.float32(),
    FLOAT8: pa.float64(),
    DATE: pa.date32(),
    TIMESTAMP: pa.timestamp("us"),
    TIMESTAMPTZ: pa.timestamp("us", "UTC"),
}
"""Types whose binary form is one number, and what they are in Arrow."""

_LOGICAL = {
    NUMERIC: "decimal",
    INTERVAL: "interval",
    JSON: "json",
    JSONB: "json",
    UUID: "uuid",
    TIME: "time",
    TIMETZ: "timetz",
    DATE: "date",
    TIMESTAMP: "timestamp",
}
_CREATED = {  # of texts, by their logical type
    "decimal": "numeric",
    "interval": "interval",
    "json": "json",  # it keeps the text; jsonb keeps what the text means
    "uuid": "uuid",
    "time": "time",
    "timetz": "timetz",
    "date": "date",
    "timestamp": "timestamp",
}
_DECIMAL128 = 38  # digits
_DECIMAL256 = 76  # digits
_MODIFIER_HEADER = 4  # what PostgreSQL adds to the length that was declared


@dataclass(frozen=True)
class Column:
    """A column as the server describes it.

    Attributes:
        name: its name.
        oid: the number of its type; of a domain the type that it is made of.
        modifier: what was declared beside the type, such as a length, as PostgreSQL packs it; -1 for nothing.

    """

    name: str
    oid: int
    modifier: int = -1

    @property
    def length(self) -> int | None:
        """Characters of a text, at most."""
        if self.oid in {VARCHAR, BPCHAR} and self.modifier >= 0:
            return self.modifier - _MODIFIER_HEADER
        return {QUOTED_CHAR: 1, NAME: 63}.get(self.oid)

    @property
    def digits(self) -> tuple[int, int] | None:
        """Precision and scale of a numeric, if they were declared."""
        if self.oid != NUMERIC or self.modifier < 0:
            return None
        packed = self.modifier - _MODIFIER_HEADER
        return packed >> 16 & 0xFFFF, (packed & 0x7FF ^ 1024) - 1024

    @property
    def fraction(self) -> int | None:
        """Digits of a second's fraction, if they were declared."""
        if self.oid in {TIME, TIMETZ, TIMESTAMP, TIMESTAMPTZ} and self.modifier >= 0:
            return self.modifier
        # Of an interval the upper half says which of its fields there are.
        if self.oid == INTERVAL and self.modifier >= 0 and self.modifier & 0xFFFF != 0xFFFF:  # noqa: PLR2004  # all
            return self.modifier & 0xFFFF
        return None

    @property
    def decimal(self) -> pa.DataType | None:
        """The decimal that holds each number of a numeric; None if none does."""
        if self.digits is None:
            return None
        precision, scale = self.digits
        # numeric(3,5) is 0.00999 at most, and numeric(3,-2) has two zeros at its end.
        precision, scale = max(precision, scale) - min(scale, 0), max(scale, 0)
        if precision > _DECIMAL256:
            return None
        return pa.decimal128(precision, scale) if precision <= _DECIMAL128 else pa.decimal256(precision, scale)


def checked(columns: Sequence[Column]) -> Sequence[Column]:
    """Return columns that can be told apart.

    Raises:
        SourceFailed: two have one name, or there is none.

    """
    names = [column.name for column in columns]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise SourceFailed(f"the query has two columns {', '.join(twice)}: give one of them another name by AS")
    if not columns:
        raise SourceFailed("the query has no columns")
    return columns


def field_of(column: Column, texts: Collection[str] = ()) -> pa.Field:
    """Return what a column travels as.

    Args:
        column: the column.
        texts: the names of columns that travel as text whatever they are.

    """
    name, oid = column.name, column.oid
    if column.name not in texts:
        if oid in NUMBERS:
            return pa.field(name, NUMBERS[oid])
        if oid == BYTEA:
            return pa.field(name, pa.binary())
        if column.decimal is not None:
            return pa.field(name, column.decimal)
    if oid in TEXTS - {JSON}:
        return pa.field(name, pa.string())
    return as_text(name, _LOGICAL.get(oid, "text"))


def comes_as_text(column: Column, field: pa.Field) -> bool:
    """Whether the server is to write a column's values as text, as its binary form is not read here."""
    if column.oid == NUMERIC:
        return not is_short(field.type)
    return column.oid not in TEXTS | {BYTEA, UUID, JSONB} and not (column.oid in NUMBERS and not logical(field))


def written_as_text(expression: str, column: Column) -> str:
    """Return SQL for a column's values as text, as PostgreSQL writes them in results."""
    if column.oid == BOOL:  # no text has to be made for it
        return f"CASE WHEN {expression} THEN 'true' WHEN NOT {expression} THEN 'false' END"
    if column.oid in NUMBERS or column.oid in _LOGICAL:
        return f"{expression}::text"
    # Of another type that cast may be a function that writes something else, as of inet.
    return f"CASE WHEN {expression} IS NOT NULL THEN concat({expression}) END"


def created_as(field: pa.Field) -> str:
    """Return the type with which a column is created, in SQL.

    Raises:
        DataNotRepresentable: PostgreSQL has none for it.

    """
    kind = field.type
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if pa.types.is_decimal(kind):
        precision, scale = kind.precision - min(kind.scale, 0), max(kind.scale, 0)
        return f"numeric({precision},{scale})"
    if pa.types.is_string(kind):
        return _CREATED.get(logical(field), "text")
    if pa.types.is_timestamp(kind):
        return "timestamptz" if kind.tz is not None else "timestamp"
    for is_kind, name in _TYPES_OF_KINDS:
        if is_kind(kind):
            return name
    raise DataNotRepresentable(
        f"the column {field.name} is {kind}, for which PostgreSQL has no type here; let the source give it as a text",
        column=field.name,
    )


_TYPES_OF_KINDS = (
    (pa.types.is_boolean, "boolean"),
    (pa.types.is_int8, "smallint"),
    (pa.types.is_int16, "smallint"),
    (pa.types.is_uint8, "smallint"),
    (pa.types.is_int32, "integer"),
    (pa.types.is_uint16, "integer"),
    (pa.types.is_int64, "bigint"),
    (pa.types.is_uint32, "bigint"),
    (pa.types.is_uint64, "numeric(20,0)"),
    (pa.types.is_float16, "real"),
    (pa.types.is_float32, "real"),
    (pa.types.is_float64, "double precision"),
    (pa.types.is_date, "date"),
    (pa.types.is_time, "time"),
    (pa.types.is_binary, "bytea"),
    (pa.types.is_large_binary, "bytea"),
    (pa.types.is_binary_view, "bytea"),
    (pa.types.is_fixed_size_binary, "bytea"),
    (pa.types.is_large_string, "text"),
    (pa.types.is_string_view, "text"),
    (pa.types.is_null, "text"),
)
