"""Records of JSON as Arrow batches of declared columns, each value exactly what it was or refused.

Columns that nobody declares are found in the first records, by a rule that depends on JSON's own types alone: a number
is a decimal, as JSON knows no integers; true and false are bool; a text is a text, whatever it looks like; an object, a
list, a mixture, and what is always null are JSON text. A later record that does not fit fails the step.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Literal

import pyarrow as pa
from pydantic import BeforeValidator

from runners.steps.column_types import ColumnType, typed_column
from runners.steps.ends import BATCH_BYTES, as_text, logical
from runners.steps.errors import DataNotRepresentable
from runners.steps.parameters import Parameters
from runners.steps.systems.json_values import MISSING, at, text_of

_ANY_DECIMAL = "decimal"
_LONGEST_NUMBER = 1_000  # digits of a decimal, with its zeros written out
_TOO_FINE = re.compile(r"[.,]\d{7}")  # finer than microseconds, which would be cut
_DATE = 10  # characters of a date alone


class Column(Parameters):
    """A column: which type it has, and where its value stands in a record."""

    Type: Literal["decimal"] | ColumnType
    """bool, int32, int64, float64, decimal(p,s), decimal (a number of any size), string, date, time, timestamp (without
    a zone), timestamptz, binary (base64), json (anything, as JSON text)."""

    Path: str | None = None
    """Where it stands, e.g. ``customer.name`` or, as a JSON pointer, ``/customer/name``; the column's name if left
    out."""


Columns = dict[
    str, Annotated[Column, BeforeValidator(lambda given: {"Type": given} if isinstance(given, str) else given)]
]
"""Columns by name, each a type or ``{"Type": …, "Path": …}``."""


class _UnfitError(Exception):
    """A value is not of its column's type."""


@dataclass(frozen=True)
class RecordColumns:
    """How records become batches.

    Attributes:
        schema: the columns.
        paths: where the value of each stands in a record.
        found: whether they were found, not declared; then a record with another name in it is refused.

    """

    schema: pa.Schema
    paths: Sequence[str | None]
    readers: Sequence[Callable[[Any], Any]]
    found: bool

    def batch(self, records: Sequence[Any]) -> pa.RecordBatch:
        """Return a batch of records.

        Raises:
            DataNotRepresentable: a value is not of its column's type, or there is a column that was not found.

        """
        if self.found:
            self._check_names(records)
        arrays = [
            self._array(field, path, read, records)
            for field, path, read in zip(self.schema, self.paths, self.readers, strict=True)
        ]
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema)

    def _array(self, field: pa.Field, path: str | None, read: Callable[[Any], Any], records: Sequence[Any]) -> pa.Array:
        try:
            values = (_value(record, field.name, path) for record in records)
            return pa.array([None if value is None else read(value) for value in values], field.type)
        except (_UnfitError, pa.ArrowException, ValueError, TypeError, OverflowError):
            # What others say repeats the value.
            wanted = logical(field) or field.type
            raise DataNotRepresentable(
                f"a value of the column {field.name} is no {wanted} that is exactly the same; declare another type for "
                "it in Columns, json for one that takes anything",
                column=field.name,
            ) from None

    def _check_names(self, records: Sequence[Any]) -> None:
        known = set(self.schema.names)
        for record in records:
            if not isinstance(record, dict) or not record.keys() <= known:
                raise DataNotRepresentable(
                    "a record has a name for which no column was found; declare the columns in Columns"
                )


def declared(columns: Mapping[str, Column]) -> RecordColumns:
    """Return what makes batches of declared columns.

    Raises:
        ValidationFailed: a decimal has more than 76 digits.

    """
    fields, readers = [], []
    for name, column in columns.items():
        exact = column.Type == _ANY_DECIMAL
        fields.append(as_text(name, _ANY_DECIMAL) if exact else typed_column(name, column.Type))
        readers.append(_READERS.get(column.Type, _finite))  # what is not named is a decimal with a size
    return RecordColumns(pa.schema(fields), [column.Path for column in columns.values()], readers, found=False)


def found_in(records: Sequence[Any]) -> RecordColumns:
    """Return what makes batches of the columns that are found in the first records.

    Raises:
        DataNotRepresentable: there are no records, or they are no objects: what is in them has to be declared.

    """
    if not records or not all(isinstance(record, dict) for record in records):
        what = "are no objects" if records else "are none, in which columns could be found"
        raise DataNotRepresentable(f"the first records {what}; declare the columns in Columns")
    names = dict.fromkeys(name for record in records for name in record)
    types = {name: _found_type([record.get(name) for record in records]) for name in names}
    found = declared({name: Column(Type=kind) for name, kind in types.items()})
    return RecordColumns(found.schema, found.paths, found.readers, found=True)


def batches(pages: Iterable[tuple[Sequence[Any], int]], columns: RecordColumns) -> Iterator[pa.RecordBatch]:
    """Yield batches of about ``BATCH_BYTES`` of pages of records.

    Args:
        pages: records, and how many bytes they came in.
        columns: what makes batches of them.

    """
    kept: list[Any] = []
    size = 0
    for records, page_size in pages:
        kept += records
        size += page_size
        if size >= BATCH_BYTES:
            yield columns.batch(kept)
            kept, size = [], 0
    if kept:
        yield columns.batch(kept)


def _value(record: Any, name: str, path: str | None) -> Any:
    if path is None and not isinstance(record, dict):
        raise _UnfitError
    value = record.get(name) if path is None else at(record, path)
    return None if value is MISSING else value


def _found_type(values: Sequence[Any]) -> str:
    kinds = {_json_kind(value) for value in values if value is not None}
    return kinds.pop() if len(kinds) == 1 else "json"


def _json_kind(value: Any) -> str:
    match value:
        case bool():
            return "bool"
        case int() | Decimal():
            return "decimal"
        case str():
            return "string"
    return "json"


def _bool(value: Any) -> bool:
    if not isinstance(value, bool):
        raise _UnfitError
    return value


def _number(value: Any) -> Decimal:
    """Return a number, or one that stands as a text, as many APIs write decimals."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
        raise _UnfitError
    try:
        number = Decimal(value)
    except InvalidOperation:
        raise _UnfitError from None
    if number.is_finite() and abs(number.adjusted()) + len(number.as_tuple().digits) > _LONGEST_NUMBER:
        raise _UnfitError
    return number


def _finite(value: Any) -> Decimal:
    number = _number(value)
    if not number.is_finite():
        raise _UnfitError
    return number


def _integer(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    number = _finite(value)
    if number != number.to_integral_value():
        raise _UnfitError
    return int(number)


def _float(value: Any) -> float:
    """Return a float, if it is the same number, or the one that was printed with as many digits as floats have."""
    number = _number(value)
    nearest = float(number)
    if number.is_finite() and number not in {Decimal(repr(nearest)), Decimal(f"{nearest:.16e}")}:
        raise _UnfitError
    return nearest


def _decimal_text(value: Any) -> str:
    number = _number(value)
    return f"{number:f}" if number.is_finite() else str(number)


def _string(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, dict | list):
        raise _UnfitError
    return text_of(value)


def _date(value: Any) -> date:
    if not isinstance(value, str):
        raise _UnfitError
    return date.fromisoformat(value)


def _time_of_day(value: Any) -> time:
    if not isinstance(value, str) or _TOO_FINE.search(value):
        raise _UnfitError
    found = time.fromisoformat(value)
    if found.tzinfo is not None:
        raise _UnfitError
    return found


def _moment(value: Any) -> datetime:
    if not isinstance(value, str) or len(value) <= _DATE or _TOO_FINE.search(value):
        raise _UnfitError
    return datetime.fromisoformat(value)


def _timestamp(value: Any) -> datetime:
    found = _moment(value)
    if found.tzinfo is not None:
        raise _UnfitError
    return found


def _timestamp_with_zone(value: Any) -> datetime:
    found = _moment(value)
    if found.tzinfo is None:
        raise _UnfitError
    return found.astimezone(UTC)


def _binary(value: Any) -> bytes:
    if not isinstance(value, str):
        raise _UnfitError
    return base64.b64decode(value, validate=True)


_READERS: Mapping[str, Callable[[Any], Any]] = {
    "bool": _bool,
    "int32": _integer,
    "int64": _integer,
    "float64": _float,
    _ANY_DECIMAL: _decimal_text,
    "string": _string,
    "date": _date,
    "time": _time_of_day,
    "timestamp": _timestamp,
    "timestamptz": _timestamp_with_zone,
    "binary": _binary,
    "json": text_of,
}
"""What reads the values of each type."""
