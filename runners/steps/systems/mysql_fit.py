"""How a column of rows fits a column of a MySQL table: as which text it is written, and which values are refused.

The server itself rounds, cuts, pads and reinterprets without a word: 1.5 into an ``int`` becomes 2, microseconds into
a ``datetime`` are dropped, ``'1'`` into an ``enum`` is its first member. Whatever it would change is refused here;
what it warns of is refused when it does (``mysql_refusals``).
"""

from __future__ import annotations

from binascii import hexlify
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from runners.steps.errors import DataNotRepresentable, DataQualityFailed
from runners.steps.formats.plain_text import plain_text, simplified
from runners.steps.systems.mysql_catalogue import TableColumn

_INTEGERS = frozenset({"tinyint", "smallint", "mediumint", "int", "bigint", "year"})
_TEXTS = frozenset({"char", "varchar", "tinytext", "text", "mediumtext", "longtext", "json"})
_BYTES = frozenset({"binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob"})
_SPATIAL = frozenset(
    {"geometry", "point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon"}
    | {"geometrycollection", "geomcollection"}
)
_NUMERIC = frozenset({"bool", "integer", "floating", "decimal", "text"})
_ACCEPTED: dict[str, frozenset[str]] = {
    **dict.fromkeys(_INTEGERS | {"decimal", "float", "double"}, _NUMERIC),
    **dict.fromkeys(_TEXTS, _NUMERIC | {"date", "time", "timestamp", "zoned"}),
    **dict.fromkeys(_BYTES, frozenset({"bytes", "text"})),
    **dict.fromkeys(_SPATIAL, frozenset({"bytes", "text"})),
    "bit": frozenset({"bool", "integer", "bytes", "text"}),
    "date": frozenset({"date", "timestamp", "text"}),
    "datetime": frozenset({"date", "timestamp", "text"}),
    "timestamp": frozenset({"date", "timestamp", "zoned", "text"}),
    "time": frozenset({"time", "text"}),
}
"""Which kinds of values a column's type takes; any other type takes texts."""

_HELD_AS_BYTES = _BYTES | _SPATIAL | {"bit"}
_HEXADECIMAL = r"^\\x([0-9a-fA-F]{2})*$"  # bytes as CSV files have them
_UTC = r"(\+00(:?00)?|Z)$"  # behind a time
_A_DAY = 86_400_000_000  # microseconds
_FIRST_YEAR = 1901  # of a column of years, besides the year 0


@dataclass(frozen=True)
class Fit:
    """How one column of the rows is written to the table.

    Attributes:
        source: the column's name in the rows.
        column: the table's column.
        kind: of values that the rows have, e.g. ``text``.

    """

    source: str
    column: TableColumn
    kind: str

    @property
    def any_text(self) -> bool:
        """Whether its texts may hold characters that end a field or a line."""
        return self.kind == "text" and not self._of_bytes

    @property
    def _of_bytes(self) -> bool:
        return self.kind == "bytes" or (self.kind == "text" and self.column.data_type in _HELD_AS_BYTES)

    def expression(self, text: str) -> str:
        """Return the SQL that makes the value of its text."""
        if self._of_bytes:
            return f"UNHEX({text})"
        return f"CAST({text} AS UNSIGNED)" if self.column.data_type == "bit" else text

    @property
    def direct(self) -> bool:
        """Whether the text is the value."""
        return self.expression("") == ""

    def texts(self, values: pa.Array, *, null_refused: bool) -> pa.Array:
        """Return the values as texts, which the server takes as exactly these values.

        Raises:
            DataNotRepresentable: it would change one of them.
            DataQualityFailed: one is NULL, which may not be.

        """
        if null_refused and values.null_count:
            raise DataQualityFailed(
                f"the column {self.source} has NULL, which the table's column may not have", column=self.source
            )
        values = simplified(values, self.source)
        if pa.types.is_null(values.type):
            return pa.nulls(len(values), pa.string())
        if self._of_bytes and self.kind == "text":
            values = _bytes(values, self.source)
        written = _WRITERS.get(self.column.data_type, _as_it_is)(values, self.column)
        if isinstance(written, str):
            raise DataNotRepresentable(
                f"a value of the column {self.source} {written}: the table's column is {self.column.data_type}",
                column=self.source,
            )
        return self._text(written)

    def _text(self, values: pa.Array) -> pa.Array:
        kind = values.type
        if pa.types.is_binary(kind):
            return _hexadecimal(values)
        if pa.types.is_boolean(kind) and not self.column.is_text:
            return values.cast(pa.uint8()).cast(pa.string())
        if pa.types.is_timestamp(kind) and not self.column.is_text:
            return values.cast(pa.string())  # the server takes zeros at the end of a fraction
        return plain_text(values, self.source)


def fit(field: pa.Field, column: TableColumn) -> Fit:
    """Return how a column is written.

    Raises:
        DataNotRepresentable: the table's column can take no such values.

    """
    kind = _kind(simplified(pa.nulls(0, field.type), field.name).type)
    accepted = _ACCEPTED.get(column.data_type, frozenset({"text"}))
    if kind in accepted or kind == "null":
        return Fit(field.name, column, kind)
    hint = ""
    if kind == "zoned" and "timestamp" in accepted:
        hint = ", which has no zone; cast it to timestamp by Transforms, and it is written in UTC"
    raise DataNotRepresentable(
        f"the column {field.name} is {field.type}, and the table's column is {column.column_type}{hint}",
        column=field.name,
    )


def _kind(kind: pa.DataType) -> str:
    if pa.types.is_timestamp(kind):
        return "zoned" if kind.tz is not None else "timestamp"
    named: dict[str, Callable[[pa.DataType], bool]] = {
        "bool": pa.types.is_boolean,
        "integer": pa.types.is_integer,
        "floating": pa.types.is_floating,
        "decimal": pa.types.is_decimal,
        "text": pa.types.is_string,
        "bytes": pa.types.is_binary,
        "date": pa.types.is_date,
        "time": pa.types.is_time,
        "null": pa.types.is_null,
    }
    return next((name for name, holds in named.items() if holds(kind)), "other")


# Each returns what is to be written of a column's values, or says what is wrong with one of them.


def _as_it_is(values: pa.Array, column: TableColumn) -> pa.Array | str:
    del column
    return values


def _integer(values: pa.Array, column: TableColumn) -> pa.Array | str:
    kind = values.type
    if pa.types.is_string(kind):
        found = values if _all(pc.match_substring_regex(values, r"^[+-]?[0-9]+$")) else None
    elif pa.types.is_floating(kind):
        found = _exactly(values, pa.int64())
    elif pa.types.is_decimal(kind):
        whole = pa.decimal256(76, 0) if pa.types.is_decimal256(kind) else pa.decimal128(38, 0)
        found = _exactly(values, whole)
    else:
        found = values
    if found is None:
        return "is no whole number"
    return _year(found) if column.data_type == "year" else found


def _year(values: pa.Array) -> pa.Array | str:
    """Write years in four digits: the server makes 2000 of a single zero, and 1970 of 70."""
    years = _exactly(values, pa.int64())
    if years is None or not _all(pc.or_(pc.equal(years, 0), pc.greater_equal(years, _FIRST_YEAR))):
        return "is no year"
    return pc.utf8_lpad(years.cast(pa.string()), 4, "0")


def _decimal(values: pa.Array, column: TableColumn) -> pa.Array | str:
    del column
    return "is NaN or infinite" if _not_finite(values) else values


def _floating(values: pa.Array, column: TableColumn) -> pa.Array | str:
    single = column.data_type == "float"
    if pa.types.is_boolean(values.type):
        return values
    if pa.types.is_string(values.type):
        return _written_so(values, pa.float32() if single else pa.float64())
    if _not_finite(values):
        return "is NaN or infinite"
    found = _single(values) if single else _double(values)
    if found is None or not _is_rounded(found, column.column_type):
        return "has more digits than are kept"
    return found.cast(pa.float64())  # in all digits: in as few as tell floats apart, the largest seems too large


def _double(values: pa.Array) -> pa.Array | None:
    """Return numbers as doubles; None if one is changed."""
    if pa.types.is_floating(values.type):
        return values.cast(pa.float64())
    if not pa.types.is_decimal(values.type):
        return _exactly(values, pa.float64())
    found = values.cast(pa.float64())
    return found if _same(_exactly(found.cast(pa.string()), values.type), values) else None


def _single(values: pa.Array) -> pa.Array | None:
    """Return numbers as floats of single precision; None if one is changed."""
    if pa.types.is_float32(values.type):
        return values
    if pa.types.is_decimal(values.type):
        found = values.cast(pa.float64()).cast(pa.float32(), safe=False)
        return found if _same(_exactly(found.cast(pa.string()), values.type), values) else None
    double = _double(values)
    found = None if double is None else double.cast(pa.float32(), safe=False)
    return found if found is not None and _same(found.cast(pa.float64()), double) else None


def _written_so(values: pa.Array, kind: pa.DataType) -> pa.Array | str:
    """Return texts that are numbers, if each is how such a float is written, with no digit that it would not keep."""
    found = _exactly(values, kind)
    if found is None or _not_finite(found):
        return "is no number"
    there = values.is_valid()
    other = pc.and_(there, pc.not_equal(found.cast(pa.string()), values))
    pairs = zip(values.filter(other).to_pylist(), found.filter(other).cast(pa.string()).to_pylist(), strict=True)
    same = all(Decimal(given) == Decimal(kept) for given, kept in pairs)
    return found.cast(pa.float64()) if same else "has more digits than are kept"


def _is_rounded(values: pa.Array, column_type: str) -> bool:
    """Whether values have no more digits than a type such as ``float(7,4)`` has, to which the server rounds."""
    _, comma, digits = column_type.partition(",")
    return not comma or _same(pc.round(values, int(digits.partition(")")[0])), values)


def _date(values: pa.Array, column: TableColumn) -> pa.Array | str:
    del column
    if not pa.types.is_timestamp(values.type):
        return values
    micros = _micros(values)
    if micros is None or np.any(micros % _A_DAY):
        return "has a time of day"
    return values.cast(pa.date32())


def _moment(values: pa.Array, column: TableColumn) -> pa.Array | str:
    """Return times, if they have no more digits of a second than their column, which drops the others."""
    cut = "has more digits of a second than are kept"
    if pa.types.is_string(values.type):
        if column.data_type == "timestamp":
            values = pc.replace_substring_regex(values, _UTC, "")  # in which the session is
        return cut if _any(pc.match_substring_regex(values, rf"\.[0-9]{{{column.digits}}}0*[1-9]")) else values
    if pa.types.is_date(values.type):
        return values
    micros = _micros(values)
    if micros is None or np.any(micros % 10 ** (6 - column.digits)):
        return cut
    if pa.types.is_time(values.type):
        return values
    return values.cast(pa.timestamp(values.type.unit)).cast(pa.timestamp("us"))


def _char(values: pa.Array, column: TableColumn) -> pa.Array | str:
    del column
    ends = pa.types.is_string(values.type) and _any(pc.ends_with(values, " "))
    return "ends with a space, which is not kept" if ends else values


def _binary(values: pa.Array, column: TableColumn) -> pa.Array | str:
    return values if _all(pc.equal(pc.binary_length(values), column.length)) else "would be filled up with zeros"


def _bit(values: pa.Array, column: TableColumn) -> pa.Array | str:
    del column
    negative = pa.types.is_integer(values.type) and _any(pc.less(values, 0))
    return "is negative" if negative else values


def _member(values: pa.Array, column: TableColumn) -> pa.Array | str:
    known = pc.is_in(values.drop_null(), pa.array(column.members, pa.string()))
    return values if _all(known) else "is no member"


def _members(values: pa.Array, column: TableColumn) -> pa.Array | str:
    """Return sets, if each names members in their order and once, which is how they are kept."""
    order = {member: place for place, member in enumerate(column.members)}
    for text in pc.unique(values.drop_null()).to_pylist():
        places = [order.get(member, -1) for member in text.split(",")] if text else []
        if -1 in places or places != sorted(set(places)):
            return "is no set of members in their order"
    return values


_WRITERS: dict[str, Callable[[pa.Array, TableColumn], pa.Array | str]] = {
    **dict.fromkeys(_INTEGERS, _integer),
    "decimal": _decimal,
    "float": _floating,
    "double": _floating,
    "date": _date,
    **dict.fromkeys(("datetime", "timestamp", "time"), _moment),
    "char": _char,
    "binary": _binary,
    "bit": _bit,
    "enum": _member,
    "set": _members,
}


def _exactly(values: pa.Array, kind: pa.DataType) -> pa.Array | None:
    """Return values as another type; None if one is changed by that."""
    try:
        return values.cast(kind)
    except pa.ArrowInvalid:
        return None


def _same(found: pa.Array | None, values: pa.Array) -> bool:
    return found is not None and _all(pc.equal(found, values))


def _micros(values: pa.Array) -> np.ndarray | None:
    """Return times as counts of microseconds, NULL as 0; None if one has nanoseconds."""
    unit = pa.time64("us") if pa.types.is_time(values.type) else pa.timestamp("us", values.type.tz)
    found = _exactly(values, unit)
    return None if found is None else np.asarray(found.view(pa.int64()).fill_null(0))


def _not_finite(values: pa.Array) -> bool:
    return bool(pa.types.is_floating(values.type)) and not _all(pc.is_finite(values))


def _all(holds: pa.Array) -> bool:
    return pc.all(holds).as_py() is not False


def _any(holds: pa.Array) -> bool:
    return pc.any(holds).as_py() is True


def _bytes(values: pa.Array, name: str) -> pa.Array:
    """Return the bytes of texts in which they are hexadecimal."""
    if not _all(pc.match_substring_regex(values, _HEXADECIMAL)):
        raise DataNotRepresentable(
            f"a value of the column {name} is a text, and the table's column holds bytes; write them as \\x and "
            "hexadecimal digits, or cast the column to binary by Transforms",
            column=name,
        )
    return pa.array([None if text is None else bytes.fromhex(text[2:]) for text in values.to_pylist()], pa.binary())


def _hexadecimal(values: pa.Array) -> pa.Array:
    _, offsets, data = values.buffers()
    ends = np.frombuffer(offsets, np.int32)[values.offset : values.offset + len(values) + 1]
    digits = hexlify(memoryview(data)[ends[0] : ends[-1]]) if data else b""
    doubled = ((ends.astype(np.int64) - ends[0]) * 2).astype(np.int32)
    valid = pc.is_valid(values).buffers()[1] if values.null_count else None
    return pa.Array.from_buffers(pa.string(), len(values), [valid, pa.py_buffer(doubled), pa.py_buffer(digits)])
