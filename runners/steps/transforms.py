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
import pyarrow.compute as pc
from pydantic import Field

from runners.steps.column_types import ColumnType, typed_column
from runners.steps.errors import DataNotRepresentable, ValidationFailed
from runners.steps.parameters import Parameters
from runners.steps.systems.exact_casts import is_text

_LONGEST_INTEGER = 38  # digits that a decimal of 128 bits holds, and so any integer
_INFINITY = r"^[+-]?inf(inity)?$"


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
    """Makes columns another type; a value that does not fit fails the step, and is never rounded or cut."""

    Type: Literal["cast"]
    Columns: dict[str, ColumnType] = Field(min_length=1)
    """The types by the columns' names: bool, int32, int64, float64, decimal(p,s), string, date, time, timestamp,
    timestamptz, binary, json. Between timestamp and timestamptz, the former is in UTC."""


class Add(Parameters):
    """Adds a column with the same value in every row, such as the day that was loaded."""

    Type: Literal["add"]
    Column: str = Field(min_length=1)
    """The name of the column."""
    Value: str | int | float | bool | None
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
            places = [_place(batch, name) for name in names]
            return _made([batch.schema.field(place) for place in places], [batch.column(place) for place in places])
        case Drop(Columns=names):
            dropped = {_place(batch, name) for name in names}
            return batch.select([place for place in range(batch.num_columns) if place not in dropped])
        case Rename(Columns=names):
            new_names = {_place(batch, old): new for old, new in names.items()}
            renamed = [field.with_name(new_names.get(place, field.name)) for place, field in enumerate(batch.schema)]
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
        made = _made_of(column, to)
        if is_text(to) or _says_the_same(made, column):
            return made
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        pass  # what Arrow says repeats a value
    raise DataNotRepresentable(f"a value of the column {name}, which is {column.type}, is no {type_name}", column=name)


def _made_of(column: pa.Array, to: pa.DataType) -> pa.Array:
    if pa.types.is_integer(column.type) and pa.types.is_decimal(to):
        return column.cast(pa.decimal128(_LONGEST_INTEGER, 0)).cast(to)  # Arrow wants room for every integer there is
    if {_number(column.type), _number(to)} == {"decimal", "float"}:
        return column.cast(pa.string()).cast(to)  # in the digits that tell a float from its neighbours
    return column.cast(to)


def _number(kind: pa.DataType) -> str:
    return "decimal" if pa.types.is_decimal(kind) else "float" if pa.types.is_floating(kind) else ""


def _says_the_same(made: pa.Array, column: pa.Array) -> bool:
    """Whether values are the same in another type, as Arrow rounds some and cuts others without a word."""
    if is_text(column.type):  # which Arrow reads strictly, apart from a number that is beyond all floats
        infinite = pc.is_inf(made) if pa.types.is_floating(made.type) else pa.scalar(value=False)
        return not pc.any(pc.and_not(infinite, pc.match_substring_regex(column, _INFINITY, ignore_case=True))).as_py()
    back = _made_of(made, column.type)
    differs = pc.not_equal(back, column)
    if pa.types.is_floating(column.type):
        differs = pc.and_not(differs, pc.and_(pc.is_nan(column), pc.is_nan(back)))
    return not pc.any(differs).as_py()
