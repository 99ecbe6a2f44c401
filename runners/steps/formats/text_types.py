"""Columns of texts as columns of their types: those that are given, or those that are found in the first rows."""

from __future__ import annotations

from binascii import Error as NotHexadecimal
from binascii import unhexlify

import pyarrow as pa
import pyarrow.compute as pc

from runners.steps.ends import as_text, logical
from runners.steps.errors import DataQualityFailed

_EXACT_DIGITS = 15  # of a number, that a double always keeps
_FOUND: tuple[tuple[str, pa.DataType], ...] = (
    (r"^(true|false)$", pa.bool_()),
    (r"^-?(0|[1-9][0-9]{0,17})$", pa.int64()),
    (r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?$", pa.float64()),
    (r"^[0-9]{4}-[01][0-9]-[0-3][0-9]$", pa.date32()),
    (r"^[0-9]{4}-[01][0-9]-[0-3][0-9][ T][0-2][0-9]:[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?$", pa.timestamp("us")),
)
"""What texts of which form become. A number with zeros before it stays a text: it is rather a code."""


def is_parsed(kind: pa.DataType) -> bool:
    """Whether Arrow's reader of CSV makes values of a type itself; else they are read as texts."""
    return not (pa.types.is_binary(kind) or pa.types.is_decimal256(kind))


def found_types(batch: pa.RecordBatch) -> list[pa.Field]:
    """Return the columns of a batch of texts with the types that all values in it have."""
    return [
        _found(field, values) if pa.types.is_string(field.type) and not logical(field) else field
        for field, values in zip(batch.schema, batch.columns, strict=True)
    ]


def _found(field: pa.Field, values: pa.Array) -> pa.Field:
    if values.null_count == len(values):
        return field
    for form, kind in _FOUND:
        if pc.all(pc.match_substring_regex(values, form)).as_py():
            return _number(field, values) if pa.types.is_floating(kind) else pa.field(field.name, kind)
    return field


def _number(field: pa.Field, values: pa.Array) -> pa.Field:
    """Return a column of numbers with a point: doubles where they keep all digits, else decimals as texts."""
    digits = pc.utf8_length(pc.replace_substring_regex(values, r"[-.]", ""))
    if pc.max(digits).as_py() <= _EXACT_DIGITS:
        return pa.field(field.name, pa.float64())
    return as_text(field.name, "decimal")


class Conversions:
    """Makes batches, some of whose columns are still texts, into batches of a schema.

    Args:
        schema: what they become.
        name: the file's name, for errors.

    """

    def __init__(self, schema: pa.Schema, name: str) -> None:
        self._schema = schema
        self._name = name

    def empty(self) -> pa.RecordBatch:
        """Return a batch of the schema without rows."""
        return pa.RecordBatch.from_pylist([], self._schema)

    def apply(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return a batch of the schema.

        Raises:
            DataQualityFailed: a text is not of its column's type.

        """
        columns = [self._converted(values, field) for values, field in zip(batch.columns, self._schema, strict=True)]
        return pa.RecordBatch.from_arrays(columns, schema=self._schema)

    def _converted(self, values: pa.Array, field: pa.Field) -> pa.Array:
        if values.type == field.type:
            return values
        try:
            return _bytes(values) if pa.types.is_binary(field.type) else values.cast(field.type)
        except (pa.ArrowInvalid, NotHexadecimal):
            raise DataQualityFailed(
                f"a value of the column {field.name} of {self._name} is no {field.type}", column=field.name
            ) from None


def _bytes(values: pa.Array) -> pa.Array:
    r"""Return what texts of ``\x`` and hexadecimal digits stand for."""
    if pc.all(pc.match_substring_regex(values, r"^\\x([0-9a-fA-F]{2})*$")).as_py() is False:
        raise NotHexadecimal
    digits = pc.utf8_slice_codeunits(values, 2).to_pylist()
    return pa.array([None if text is None else unhexlify(text) for text in digits], pa.binary())
