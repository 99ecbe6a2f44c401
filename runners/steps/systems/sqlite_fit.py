"""How a column of rows fits a column of a SQLite table: what SQLite would turn into something else is refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from runners.steps.errors import DataNotRepresentable
from runners.steps.formats.plain_text import plain_text, simplified
from runners.steps.systems.sqlite_types import affinity

_NUMBER = r"^\s*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\s*$"
_WHOLE = r"^(0|-?[1-9][0-9]{0,17})$"  # as SQLite writes it, within 64 bits
_EXACT_DIGITS = 15  # of a number that a double always keeps


@dataclass(frozen=True)
class SqliteFit:
    """How one column of the rows is written.

    Attributes:
        source: the column's name in the rows.
        column: the table's.
        declared: the type that the table's column is declared with.

    """

    source: str
    column: str
    declared: str

    def values(self, values: pa.Array) -> list[Any]:
        """Return the values as Python's, which SQLite keeps as they are.

        Raises:
            DataNotRepresentable: it would turn one into another.

        """
        values = simplified(values, self.source)
        if pa.types.is_null(values.type):
            return [None] * len(values)
        kept = self._kept(values)
        if kept is None:
            raise DataNotRepresentable(
                f"a value of the column {self.source}, which is {values.type}, would not stay what it is in a column "
                f"that is declared {self.declared or 'without a type'}",
                column=self.source,
            )
        found: list[Any] = kept.to_pylist()
        return found

    def _kept(self, values: pa.Array) -> pa.Array | None:
        """Return what is to be written; None if SQLite would change one of the values."""
        prefers = affinity(self.declared)
        kind = values.type
        if pa.types.is_binary(kind):
            return values if prefers == "BLOB" else None
        if prefers == "TEXT":
            return plain_text(values, self.source)
        if pa.types.is_floating(kind):
            found = _fractions(values.cast(pa.float64()), prefers)
        elif pa.types.is_boolean(kind) or pa.types.is_integer(kind):
            found = _whole(values, prefers)
        elif pa.types.is_decimal(kind):
            found = _decimals(values, prefers)
        else:
            found = _texts(plain_text(values, self.source), prefers)
        return found


def _fractions(values: pa.Array, prefers: str) -> pa.Array | None:
    if _any(pc.is_nan(values)):
        return None  # it would become NULL
    return values if prefers != "INTEGER" or _exactly(values, pa.int64()) is not None else None


def _whole(values: pa.Array, prefers: str) -> pa.Array | None:
    whole = _exactly(values, pa.int64())
    return whole if whole is None or prefers != "REAL" else _exactly(whole, pa.float64())


def _decimals(values: pa.Array, prefers: str) -> pa.Array | None:
    """Return decimals as whole numbers, or as doubles if these are written alike."""
    if prefers == "BLOB":
        return None
    whole = _exactly(values, pa.int64())
    if whole is not None and prefers != "REAL":
        return whole
    doubles = values.cast(pa.float64())
    back = _exactly(doubles.cast(pa.string()), values.type)
    if prefers == "INTEGER" or back is None or pc.all(pc.equal(back, values)).as_py() is False:
        return None
    return doubles


def _texts(values: pa.Array, prefers: str) -> pa.Array | None:
    """Return texts that stay texts; of those that become numbers, the ones that are written the same again."""
    if prefers == "BLOB" or not _any(pc.match_substring_regex(values, _NUMBER)):
        return values if prefers in {"BLOB", "NUMERIC"} or not len(values.drop_null()) else None
    if prefers == "INTEGER":
        return values if pc.all(pc.match_substring_regex(values, _WHOLE)).as_py() is not False else None
    return None


def _exactly(values: pa.Array, kind: pa.DataType) -> pa.Array | None:
    try:
        return values.cast(kind)
    except pa.ArrowInvalid:
        return None


def _any(holds: pa.Array) -> bool:
    return pc.any(holds).as_py() is True
