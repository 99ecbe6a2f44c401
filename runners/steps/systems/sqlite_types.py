"""What the declared types of SQLite's columns mean here: which Arrow types they are read as, and made for.

SQLite keeps any value in any column, and turns texts that look like numbers into numbers wherever a declared type has
no ``TEXT``, ``CHAR`` or ``CLOB`` in it. So the tables that are created here declare ``DECIMAL_TEXT(20,4)``,
``JSON_TEXT`` and the like: their values stay the texts that they are, and are read again as what they were.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import pyarrow as pa

from runners.steps.ends import LOGICAL_TYPES, as_text, logical
from runners.steps.formats.plain_text import simplified

_DECIMAL128, _MOST_DIGITS = 38, 76
_EXACT: dict[str, pa.DataType] = {
    "BOOL": pa.bool_(),
    "BOOLEAN": pa.bool_(),
    "DATE": pa.date32(),
    "DATETIME": pa.timestamp("us"),
    "TIMESTAMP": pa.timestamp("us"),
    "TIMESTAMPTZ": pa.timestamp("us", "UTC"),
}
_TEXTS = {"JSON": "json", "UUID": "uuid", "TIME": "time", "DECIMAL": "decimal", "NUMERIC": "decimal"}
_DECIMAL = re.compile(r"(?:DECIMAL|NUMERIC)(?:_TEXT)?\s*\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\)")
_CREATED: tuple[tuple[Callable[[pa.DataType], bool], str], ...] = (
    (pa.types.is_boolean, "BOOLEAN"),
    (pa.types.is_uint64, "DECIMAL_TEXT(20,0)"),
    (pa.types.is_integer, "INTEGER"),
    (pa.types.is_floating, "REAL"),
    (pa.types.is_binary, "BLOB"),
    (pa.types.is_date, "DATE"),
    (pa.types.is_time, "TIME_TEXT"),
)


def affinity(declared: str) -> str:
    """Return what SQLite prefers to keep in a column: INTEGER, TEXT, BLOB, REAL or NUMERIC (sqlite.org/datatype3)."""
    name = declared.upper()
    if "INT" in name:
        return "INTEGER"
    if any(word in name for word in ("CHAR", "CLOB", "TEXT")):
        return "TEXT"
    if not name or "BLOB" in name:
        return "BLOB"
    return "REAL" if any(word in name for word in ("REAL", "FLOA", "DOUB")) else "NUMERIC"


def declared_field(name: str, declared: str) -> pa.Field | None:
    """Return the field of a column with a declared type; None for a type that says too little."""
    upper = declared.upper().strip()
    bare = upper.removesuffix("_TEXT")
    if bare.lower() in LOGICAL_TYPES and upper.endswith("_TEXT"):
        return as_text(name, bare.lower())
    if (found := _DECIMAL.fullmatch(upper)) is not None:
        return _decimal(name, int(found[1]), int(found[2] or 0))
    if upper in _EXACT:
        return pa.field(name, _EXACT[upper])
    if upper in _TEXTS:
        return as_text(name, _TEXTS[upper])
    by_affinity = {"INTEGER": pa.int64(), "TEXT": pa.string(), "REAL": pa.float64()}
    if "BLOB" in upper:
        return pa.field(name, pa.binary())
    kind = by_affinity.get(affinity(upper))
    return None if kind is None else pa.field(name, kind)


def created_type(field: pa.Field) -> str:
    """Return the type to declare for a column of rows.

    Raises:
        DataNotRepresentable: its values cannot be kept.

    """
    kind = simplified(pa.nulls(0, field.type), field.name).type
    if logical(field):
        return f"{logical(field).upper()}_TEXT" if logical(field) != "text" else "TEXT"
    if pa.types.is_decimal(kind):
        return f"DECIMAL_TEXT({kind.precision - min(kind.scale, 0)},{max(kind.scale, 0)})"
    if pa.types.is_timestamp(kind):
        return "TIMESTAMP" if kind.tz is None else "TIMESTAMPTZ"
    return next((name for holds, name in _CREATED if holds(kind)), "TEXT")


def _decimal(name: str, precision: int, scale: int) -> pa.Field:
    if not 0 < max(precision, scale) <= _MOST_DIGITS:
        return as_text(name, "decimal")
    of = pa.decimal128 if precision <= _DECIMAL128 else pa.decimal256
    return pa.field(name, of(max(precision, scale), scale))
