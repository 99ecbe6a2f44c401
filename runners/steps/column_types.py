"""The names of the types that parameters give columns, and the Arrow types that they stand for."""

from __future__ import annotations

import re
from typing import Annotated

import pyarrow as pa
from pydantic import Field

from runners.steps.ends import as_text
from runners.steps.errors import ValidationFailed

_TYPES: dict[str, pa.DataType] = {
    "bool": pa.bool_(),
    "int32": pa.int32(),
    "int64": pa.int64(),
    "float64": pa.float64(),
    "string": pa.string(),
    "date": pa.date32(),
    "time": pa.time64("us"),
    "timestamp": pa.timestamp("us"),
    "timestamptz": pa.timestamp("us", "UTC"),
    "binary": pa.binary(),
}
_DECIMAL = r"decimal\(([1-9][0-9]?), ?([0-9]{1,2})\)"
_DECIMAL128 = 38  # digits
_JSON = "json"

ColumnType = Annotated[str, Field(pattern=rf"^({'|'.join(_TYPES)}|{_JSON}|{_DECIMAL})$")]
"""A type by its name: bool, int32, int64, float64, decimal(p,s), string, date, time, timestamp, timestamptz, binary;
``json`` is a text that is JSON."""


def arrow_type(name: str) -> pa.DataType:
    """Return the Arrow type of a name.

    Raises:
        ValidationFailed: a decimal of more than 76 digits.

    """
    if name == _JSON:
        return pa.string()
    if (found := re.fullmatch(_DECIMAL, name)) is None:
        return _TYPES[name]
    precision, scale = int(found[1]), int(found[2])
    try:
        return pa.decimal128(precision, scale) if precision <= _DECIMAL128 else pa.decimal256(precision, scale)
    except ValueError:
        raise ValidationFailed(f"there is no {name}: it has 76 digits at most") from None


def typed_column(name: str, type_name: str) -> pa.Field:
    """Return a column of a type.

    Raises:
        ValidationFailed: as ``arrow_type``.

    """
    return as_text(name, _JSON) if type_name == _JSON else pa.field(name, arrow_type(type_name))
