"""How rows come to SQL Server as JSON, and into a table's columns, without a value being changed on the way.

SQL Server rounds, cuts and replaces letters without a word where a value goes into a smaller type. So every column
whose type is another than that of its values is turned there and back on the server, and has to be the same.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from runners.steps.ends import logical
from runners.steps.errors import DataNotRepresentable, TargetFailed
from runners.steps.formats.plain_text import is_finite, plain_text, simplified

_DIGITS = 38
_TEXT = "nvarchar(max)"
_UNICODE = frozenset({"nchar", "nvarchar", "ntext", "xml"})
_TEXTS = _UNICODE | {"char", "varchar", "text"}
_NUMBERS = frozenset({"decimal", "numeric", "money", "smallmoney"})
_EXACTLY = "Latin1_General_BIN2"  # a collation that tells apart all that is not the same
_COLLATION = re.compile(r"\w+")


class TableColumn(NamedTuple):
    """A column of the table."""

    name: str
    """Its name."""

    kind: str
    """Its type without sizes."""

    length: int
    """Bytes of it, -1 for ``max``."""

    precision: int
    """Digits of a number."""

    scale: int
    """Digits of a fraction."""

    collation: str
    """How its texts are compared, and by it which letters they have; empty for what is no text."""

    is_identity: bool
    """Whether SQL Server counts its values."""

    is_computed: bool
    """Whether SQL Server computes its values."""

    @property
    def sized(self) -> str:
        """Its type with its sizes."""
        if self.kind in {"decimal", "numeric"}:
            return f"{self.kind}({self.precision}, {self.scale})"
        if self.kind in {"datetime2", "datetimeoffset", "time"}:
            return f"{self.kind}({self.scale})"
        if self.kind in {"char", "varchar", "nchar", "nvarchar", "binary", "varbinary"}:
            length = self.length // (2 if self.kind in _UNICODE else 1)
            return f"{self.kind}({'max' if self.length < 0 else length})"
        return self.kind


class Fitted(NamedTuple):
    """A column that is made to fit."""

    column: TableColumn
    """The table's."""

    staged: str
    """The type in which its values arrive."""

    write: Callable[[pa.Array], Sequence[str]]
    """Makes JSON of its values."""

    @property
    def converted(self) -> str:
        """What makes the table's type of an arrived value; ``{}`` is its name."""
        if self.column.kind in _TEXTS and self.column.collation:
            return f"CAST({{}} COLLATE {self.column.collation} AS {self.column.sized})"
        return f"CAST({{}} AS {self.column.sized})"

    @property
    def changed(self) -> str:
        """A condition that is true where the table's type would change a value; empty where it cannot."""
        if self.staged == self.column.sized or self.column.kind == "xml":  # which writes itself in its own way
            return ""
        back = f"CAST({self.converted} AS {self.staged})"
        if self.staged != _TEXT:
            return f"{back} <> {{}}"
        if self.column.kind == "uniqueidentifier":
            return f"UPPER({back}) <> UPPER({{}})"
        end = "" if self.column.kind in {"char", "nchar"} else " + N'|'"  # blanks at the end count, but for these
        return f"{back}{end} COLLATE {_EXACTLY} <> {{}}{end} COLLATE {_EXACTLY}"


def fitted(schema: pa.Schema, columns: Sequence[TableColumn], table: str) -> list[Fitted]:
    """Return how each column is made to fit the table's column of its name.

    Raises:
        TargetFailed: the table has no such column, or one that takes no values.
        DataNotRepresentable: no value of the column's type is one of the table's.

    """
    return [_fit(field, _named(field.name, columns, table)) for field in schema]


def created_as(field: pa.Field) -> str:
    """Return the type of a column that is created for a field.

    Raises:
        DataNotRepresentable: SQL Server has none.

    """
    if logical(field) == "uuid":
        return "uniqueidentifier"
    if pa.types.is_string(field.type) or pa.types.is_large_string(field.type):
        return _TEXT
    return _staged(field.name, field.type)


def _named(name: str, columns: Sequence[TableColumn], table: str) -> TableColumn:
    found = next((column for column in columns if column.name.casefold() == name.casefold()), None)
    if found is None:
        near = get_close_matches(name, [column.name for column in columns], n=1)
        meant = f"did you mean {near[0]}?" if near else f"there are {', '.join(column.name for column in columns)}"
        raise TargetFailed(f"the table {table} has no column {name}; {meant}")
    if found.is_computed or found.kind in {"timestamp", "rowversion"}:
        raise TargetFailed(f"the column {name} of {table} is computed by SQL Server: leave it out")
    if found.collation and not _COLLATION.fullmatch(found.collation):
        raise TargetFailed(f"the column {name} of {table} has a collation without a plain name")
    return found


def _fit(field: pa.Field, column: TableColumn) -> Fitted:
    kind = field.type
    is_text = pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    if is_text and column.kind in _NUMBERS and logical(field) == "decimal":
        exact = pa.decimal128(_DIGITS, column.scale)
        return Fitted(column, f"decimal({_DIGITS}, {column.scale})", lambda values: _written(values.cast(exact), field))
    if is_text != (column.kind in _TEXTS) and not (is_text and column.kind == "uniqueidentifier"):
        raise DataNotRepresentable(
            f"the column {field.name} is {logical(field) or kind}, and the table's is {column.kind}: cast it",
            column=field.name,
        )
    staged = _TEXT if is_text else _staged(field.name, kind)
    return Fitted(column, staged, lambda values: _written(values, field))


def _staged(name: str, kind: pa.DataType) -> str:
    """Return the type that holds every value of an Arrow type."""
    for holds, staged in _STAGED:
        if holds(kind):
            return staged
    if pa.types.is_decimal(kind) and kind.precision <= _DIGITS and kind.scale >= 0:
        return f"decimal({kind.precision}, {kind.scale})"
    raise DataNotRepresentable(f"the column {name} is {kind}, for which SQL Server has no type: cast it", column=name)


def _written(values: pa.Array, field: pa.Field) -> Sequence[str]:
    """Return a column's values as JSON, each in quotes, as numbers of JSON are taken for floats."""
    values = simplified(values, field.name)
    kind = values.type
    if pa.types.is_floating(kind) and not is_finite(values):
        raise DataNotRepresentable(
            f"a value of the column {field.name} is NaN or infinite, which SQL Server does not know", column=field.name
        )
    if pa.types.is_timestamp(kind) and kind.unit == "ns":
        values = values.cast(pa.timestamp("us", kind.tz))  # raises where that would cut
    texts = plain_text(values, field.name)
    if pa.types.is_binary(kind):
        texts = pc.utf8_slice_codeunits(texts, 2)  # without the mark of hexadecimal digits
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        texts = pc.binary_join_element_wise(texts, pa.scalar(":00"), "")
    quoted = json.dumps if pa.types.is_string(kind) else '"{}"'.format
    return ["null" if text is None else quoted(text) for text in texts.to_pylist()]


_STAGED: tuple[tuple[Callable[[pa.DataType], bool], str], ...] = (
    (pa.types.is_boolean, "bit"),
    (pa.types.is_uint64, "decimal(20, 0)"),
    (pa.types.is_integer, "bigint"),
    (pa.types.is_float64, "float"),
    (pa.types.is_floating, "real"),
    (pa.types.is_date, "date"),
    (pa.types.is_time, "time(6)"),
    (lambda kind: pa.types.is_timestamp(kind) and kind.tz is None, "datetime2(6)"),
    (pa.types.is_timestamp, "datetimeoffset(6)"),
    (lambda kind: pa.types.is_binary(kind) or pa.types.is_large_binary(kind), "varbinary(max)"),
    (pa.types.is_fixed_size_binary, "varbinary(max)"),
)
"""The types in which values arrive."""
