"""What becomes of the columns of a transfer on the way: kept, dropped, renamed, cast, added. No code, only values.

What needs more than this is SQL's work, at the source or in Athena.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import reduce
from typing import Annotated, Literal

import pyarrow as pa
from pydantic import Field, JsonValue

from runners.steps.column_types import ColumnType, typed_column
from runners.steps.errors import DataNotRepresentable, ValidationFailed
from runners.steps.parameters import Parameters

_LONGEST_INTEGER = 38  # digits that a decimal of 128 bits holds, and so any integer


class Keep(Parameters):
    """Keeps these columns, in this order, and drops all others."""

    Type: Literal["keep"]
    Columns: tuple[str, ...] = Field(min_length=1)
    """The names of the columns."""


class Drop(Parameters):
    """Drops columns."""

    Type: Literal["drop"]
    Columns: tuple[str, ...] = Field(min_length=1)
    """The names of the columns."""


class Rename(Parameters):
    """Gives columns other names."""

    Type: Literal["rename"]
    Columns: dict[str, str] = Field(min_length=1)
    """The new names by the old ones."""


class Cast(Parameters):
    """Makes columns another type; a value that does not fit fails the step, and is never cut."""

    Type: Literal["cast"]
    Columns: dict[str, ColumnType] = Field(min_length=1)
    """The types by the columns' names: bool, int32, int64, float64, decimal(p,s), string, date, time, timestamp,
    timestamptz, binary, json."""


class Add(Parameters):
    """Adds a column with the same value in every row, such as the day that was loaded."""

    Type: Literal["add"]
    Column: str = Field(min_length=1)
    """The name of the column."""
    Value: JsonValue
    """Its value: a text, a number, true, false or null."""


Transform = Annotated[Keep | Drop | Rename | Cast | Add, Field(discriminator="Type")]


@dataclass(frozen=True)
class Transformed:
    """What transforms make of a schema, and of each batch of it."""

    result: pa.Schema
    """The schema of what ``apply`` returns."""

    transforms: Sequence[Transform]

    def apply(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return what becomes of a batch.

        Raises:
            DataNotRepresentable: a value does not fit into the type that its column is cast to.

        """
        return reduce(_applied, self.transforms, batch)


def transformed(schema: pa.Schema, transforms: Sequence[Transform]) -> Transformed:
    """Return what transforms make of a schema.

    Raises:
        ValidationFailed: a transform names a column that there is not, or makes two of one name.

    """
    empty = pa.RecordBatch.from_arrays([pa.array([], field.type) for field in schema], schema=schema)
    return Transformed(reduce(_applied, transforms, empty).schema, transforms)


def _applied(batch: pa.RecordBatch, transform: Transform) -> pa.RecordBatch:
    match transform:
        case Keep(Columns=names):
            return batch.select([_place(batch, name) for name in names])
        case Drop(Columns=names):
            dropped = {_place(batch, name) for name in names}
            return batch.select([place for place in range(batch.num_columns) if place not in dropped])
        case Rename(Columns=names):
            places = {_place(batch, old): new for old, new in names.items()}
            renamed = [field.with_name(places.get(place, field.name)) for place, field in enumerate(batch.schema)]
            return _made(renamed, batch.columns)
        case Cast(Columns=types):
            fields, columns = list(batch.schema), list(batch.columns)
            for name, type_name in types.items():
                place = _place(batch, name)
                fields[place] = typed_column(name, type_name).with_nullable(fields[place].nullable)
                columns[place] = _cast(name, columns[place], fields[place].type, type_name)
            return _made(fields, columns)
        case Add(Column=name, Value=value):
            added = pa.repeat(pa.scalar(value), batch.num_rows)
            return _made([*batch.schema, pa.field(name, added.type)], [*batch.columns, added])


def _place(batch: pa.RecordBatch, name: str) -> int:
    names = batch.schema.names
    if name not in names:
        near = get_close_matches(name, names, n=1)
        meant = f"did you mean {near[0]}?" if near else f"there are {', '.join(names)}"
        raise ValidationFailed(f"a transform names the column {name!r}, which there is not; {meant}")
    return int(names.index(name))


def _made(fields: Sequence[pa.Field], columns: Sequence[pa.Array]) -> pa.RecordBatch:
    names = [field.name for field in fields]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValidationFailed(f"after a transform there would be two columns {', '.join(twice)}")
    return pa.RecordBatch.from_arrays(list(columns), schema=pa.schema(fields))


def _cast(name: str, column: pa.Array, to: pa.DataType, type_name: str) -> pa.Array:
    try:
        if pa.types.is_integer(column.type) and pa.types.is_decimal(to):
            column = column.cast(pa.decimal128(_LONGEST_INTEGER, 0))  # Arrow wants room for every integer that there is
        return column.cast(to)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        # What Arrow says repeats a value.
        raise DataNotRepresentable(
            f"a value of the column {name}, which is {column.type}, is no {type_name}", column=name
        ) from None
