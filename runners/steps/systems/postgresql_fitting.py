"""Fitting Arrow's columns to a table's: each value arrives as it is, or the step is refused before anything is changed.

A column whose Arrow type is, or is exactly made, the table's own goes in binary. All else goes as text for PostgreSQL
to read, which would round, cut or add a zone without a word: so texts have to look as the column's type keeps them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from runners.steps.ends import logical
from runners.steps.errors import DataNotRepresentable, TargetFailed
from runners.steps.formats.plain_text import plain_text, simplified
from runners.steps.systems.postgresql_encoding import ENCODED
from runners.steps.systems.postgresql_types import (
    BPCHAR,
    BYTEA,
    DATE,
    FLOAT4,
    FLOAT8,
    INTERVAL,
    JSONB,
    MONEY,
    NUMBERS,
    NUMERIC,
    TEXTS,
    TIME,
    TIMESTAMP,
    TIMESTAMPTZ,
    TIMETZ,
    UUID,
    Column,
)

_EXACT_DIGITS = {FLOAT4: 6, FLOAT8: 15}
"""Digits of a decimal that such a number gives back as they were."""

_DAY = r"\d{4,}-\d\d-\d\d"
_CLOCK = r"\d\d?:\d\d(:\d\d{fraction})?"
_ZONE = r" ?([+-]\d\d?(:?\d\d(:?\d\d)?)?|Z|UTC)"
_FORMS = {
    DATE: rf"{_DAY}( BC)?|-?infinity",
    TIME: _CLOCK,
    TIMETZ: _CLOCK + _ZONE,
    TIMESTAMP: rf"{_DAY}([ T]{_CLOCK})?( BC)?|-?infinity",
    TIMESTAMPTZ: rf"{_DAY}[ T]{_CLOCK}{_ZONE}( BC)?|-?infinity",
    INTERVAL: r"[^.]*{fraction}([^.\d][^.]*)?",
    NUMERIC: r"[+-]?(\d+{fraction}|\.\d+)|NaN|[+-]?Infinity",
    MONEY: r"[^.]*(\.\d{0,2})?[^.\d]*",
    BYTEA: r"\\x([0-9a-fA-F]{2})*",
}
"""What texts of types look like that PostgreSQL would take otherwise, and change."""

_MICROSECONDS = 6  # digits of a fraction


@dataclass(frozen=True)
class Fitted:
    """A column that is made to fit.

    Attributes:
        column: the table's.
        binary: whether ``fit`` returns what the binary format is made of, rather than texts for PostgreSQL to read.
        fit: makes its values fit; raises DataNotRepresentable where one does not.

    """

    column: Column
    binary: bool
    fit: Callable[[pa.Array], pa.Array]


def fitted(schema: pa.Schema, columns: Sequence[Column], table: str) -> list[Fitted]:
    """Return how each column is made to fit the table's column of its name.

    Raises:
        TargetFailed: there is no such column.
        DataNotRepresentable: it is of a type that can never be.

    """
    known = {column.name: column for column in columns}
    for name in schema.names:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            meant = f"did you mean {near[0]}?" if near else f"it has {', '.join(known)}"
            raise TargetFailed(f"the table {table} has no column {name!r}; {meant}", column=name)
    return [_fitted(field, known[field.name]) for field in schema]


def _fitted(field: pa.Field, column: Column) -> Fitted:
    kind = simplified(pa.array([], field.type), field.name).type
    if column.oid in TEXTS | {JSONB, UUID}:
        if pa.types.is_binary(kind) or (column.oid in {JSONB, UUID} and not _is_texts(kind)):
            raise _misfit(field, column)
        return Fitted(column, column.oid in ENCODED, lambda values: _as_text(values, column))
    own = _own_type(kind, column)
    if own is not None:
        return Fitted(column, True, lambda values: _as_own(values, own, column))  # its only meaning
    if pa.types.is_binary(kind):
        raise _misfit(field, column)
    is_decimal = logical(field) == "decimal" or pa.types.is_decimal(kind)
    return Fitted(column, False, lambda values: _to_be_read(values, column, is_decimal))


def _own_type(kind: pa.DataType, column: Column) -> pa.DataType | None:
    """Return the column's own Arrow type if Arrow casts values of a kind to it without a loss or not at all."""
    own: pa.DataType | None = NUMBERS.get(column.oid)
    is_number = pa.types.is_integer(kind) or pa.types.is_decimal(kind)
    if column.oid == NUMERIC:
        own = column.decimal
        if own is None and column.digits is None and is_number:
            own = _plain_decimal(kind)
        return own if own is not None and (is_number or pa.types.is_null(kind)) else None
    if column.oid == BYTEA:
        own = pa.binary()
    if column.oid == TIME:
        own = pa.time64("us")
    if own is None or pa.types.is_null(kind):
        return own
    same = (
        (pa.types.is_integer(own) and is_number)
        or (pa.types.is_floating(own) and (pa.types.is_floating(kind) or pa.types.is_integer(kind)))
        or (pa.types.is_timestamp(own) and pa.types.is_timestamp(kind) and (own.tz is None) == (kind.tz is None))
        or (pa.types.is_time(own) and pa.types.is_time(kind))
        or own == kind
    )
    return own if same else None


def _plain_decimal(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_integer(kind):
        return pa.decimal128(20, 0)
    scale = max(kind.scale, 0)
    precision = max(kind.precision - min(kind.scale, 0), scale)
    return pa.decimal128(precision, scale) if precision <= 38 else pa.decimal256(precision, scale)  # noqa: PLR2004


def _as_own(values: pa.Array, own: pa.DataType, column: Column) -> pa.Array:
    values = simplified(values, column.name)
    try:
        cast = _cast(values, own)
    except pa.ArrowInvalid:
        # What Arrow says repeats a value.
        raise _value_misfits(column) from None
    if pa.types.is_floating(own) and pa.types.is_floating(values.type) and own.bit_width < values.type.bit_width:
        back = cast.cast(values.type)
        if pc.any(pc.and_(pc.not_equal(back, values), pc.invert(pc.is_nan(values)))).as_py():
            raise _value_misfits(column)
    if column.fraction is not None and column.fraction < _MICROSECONDS:
        ticks = np.asarray(cast.view(pa.int64()).fill_null(0))
        if np.any(ticks % 10 ** (_MICROSECONDS - column.fraction)):
            raise _value_misfits(column)
    return cast


def _cast(values: pa.Array, own: pa.DataType) -> pa.Array:
    if values.type == own:
        return values
    if pa.types.is_decimal(own) and pa.types.is_integer(values.type):
        values = values.cast(pa.decimal256(20, 0))  # Arrow wants room for every integer that there is
    if pa.types.is_decimal128(own) and pa.types.is_decimal256(values.type):
        # Between the two Arrow rescales first, and finds what has no room.
        return values.cast(pa.decimal256(own.precision, own.scale)).cast(own)
    return values.cast(own)


def _as_text(values: pa.Array, column: Column) -> pa.Array:
    values = simplified(values, column.name)
    texts = values if pa.types.is_string(values.type) else plain_text(values, column.name)
    _check_lengths(texts, column)
    return texts


def _check_lengths(texts: pa.Array, column: Column) -> None:
    longest = column.length
    if longest is not None:
        counted = pc.utf8_rtrim(texts, " ") if column.oid == BPCHAR else texts  # whose spaces mean nothing
        if (pc.max(pc.utf8_length(counted)).as_py() or 0) > longest:
            raise DataNotRepresentable(
                f"a text is longer than the {longest} characters of the column {column.name}", column=column.name
            )


def _to_be_read(values: pa.Array, column: Column, is_decimal: bool) -> pa.Array:
    texts = _as_text(values, column)
    form = _form(column)
    if form is not None and pc.all(pc.match_substring_regex(texts, f"^({form})$")).as_py() is False:
        raise _value_misfits(column)
    most = _EXACT_DIGITS.get(column.oid)
    if most is not None and is_decimal:
        digits = pc.utf8_length(pc.replace_substring_regex(texts, r"^[+-]?[0.]*|[^0-9]", ""))
        if (pc.max(digits).as_py() or 0) > most:
            raise _value_misfits(column)
    return texts


def _form(column: Column) -> str | None:
    """Return what texts look like that the column keeps as they are, as a regular expression; None if it says no."""
    form = _FORMS.get(column.oid)
    if form is None or (column.oid in {NUMERIC, INTERVAL} and column.modifier < 0):
        return None
    digits = column.digits[1] if column.digits else column.fraction
    digits = _MICROSECONDS if digits is None else max(digits, 0)
    return form.replace("{fraction}", rf"(\.\d{{0,{digits}}}0*)?")


def _is_texts(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_null(kind))


def _misfit(field: pa.Field, column: Column) -> DataNotRepresentable:
    return DataNotRepresentable(
        f"the column {field.name} is {field.type}, which the table's column cannot hold: cast it by a transform",
        column=column.name,
    )


def _value_misfits(column: Column) -> DataNotRepresentable:
    return DataNotRepresentable(
        f"a value of the column {column.name} would be changed by the table's column, or is none of its type: "
        "widen the column, or cast it by a transform",
        column=column.name,
    )
