"""Columns of texts as columns of their types: those that are given, or those that are found in the first rows."""

from __future__ import annotations

from binascii import Error as NotHexadecimal
from binascii import unhexlify
from collections.abc import Collection

import pyarrow as pa
import pyarrow.compute as pc

from runners.steps.ends import as_text, logical
from runners.steps.errors import DataQualityFailed

_EXACT_DIGITS = 15  # of a number, that a double always keeps
_WHOLE = r"^-?(0|[1-9][0-9]*)$"
_NUMBER = r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?$"
_BOOLEAN = r"^(true|false)$"
_DOUBLE = r"^(NaN|-?((0|[1-9][0-9]*)(\.[0-9]+)?|\.[0-9]+)([eE][-+]?[0-9]{1,2})?)$"
"""A later number among doubles: one that is huge enough to be infinite has no such exponent."""
_FOUND: tuple[tuple[str, pa.DataType], ...] = (
    (_BOOLEAN, pa.bool_()),
    (r"^-?(0|[1-9][0-9]{0,17})$", pa.int64()),
    (_NUMBER, pa.float64()),
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
    return pa.field(field.name, pa.float64()) if _fit_doubles(values) else as_text(field.name, "decimal")


def _fit_doubles(numbers: pa.Array) -> bool:
    digits = pc.utf8_length(pc.replace_substring_regex(numbers, r"[eE].*$|[-.]", ""))
    return (pc.max(digits).as_py() or 0) <= _EXACT_DIGITS


def _keep_all(values: pa.Array, field: pa.Field) -> bool:
    """Whether texts keep every digit in the type that was found for those before them."""
    if pa.types.is_boolean(field.type):
        return _are(values, _BOOLEAN)
    if pa.types.is_integer(field.type):
        return _are(values, _WHOLE)
    if pa.types.is_floating(field.type):
        return _are(values, _DOUBLE) and _fit_doubles(values)
    return logical(field) != "decimal" or _are(values, _NUMBER)


def _are(values: pa.Array, form: str) -> bool:
    return pc.all(pc.match_substring_regex(values, form)).as_py() is not False


class Conversions:
    """Makes batches, some of whose columns are still texts, into batches of a schema.

    Args:
        schema: what they become.
        name: the file's name, for errors.
        found: the columns whose types were found in the first rows: a later number that would lose a digit, or a zero
            before it, is of another type.

    """

    def __init__(self, schema: pa.Schema, name: str, found: Collection[str] = ()) -> None:
        self._schema = schema
        self._name = name
        self._found = frozenset(found)

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
        if field.name in self._found and not _keep_all(values, field):
            raise DataQualityFailed(
                f"a value of the column {field.name} of {self._name} is no {logical(field) or field.type}, as those "
                "before it are: name the column's type in Columns",
                column=field.name,
            )
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
