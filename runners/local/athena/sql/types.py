"""The types of Trino, as values: read from what the catalog or a query says, written for DuckDB and for Athena.

It also knows which type two values have in common, and which type is turned into which without being asked. This
module looks at no expression.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from runners.local.athena.sql.errors import QueryError, not_run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Part = TypeVar("Part")

MOST_DIGITS = 38
MOST_FRACTION_DIGITS = 6  # of a second; DuckDB keeps microseconds


@dataclass(frozen=True)
class Type:
    """A type of Trino: ``Type("array", (Type("varchar", size=(3,)),))`` is array(varchar(3)).

    Attributes:
        name: in lower case, ``timestamp with time zone`` is one name.
        arguments: the types that it is made of: the element, the key and the value, or the fields of a row.
        size: its numbers: the length of a varchar, the digits of a decimal, those of a timestamp's fraction.
        fields: the names of a row's fields, in lower case; None for one without a name.
        zone: in which time zone a timestamp with time zone is shown; not a part of Trino's type.

    """

    name: str
    arguments: tuple[Type, ...] = ()
    size: tuple[int, ...] = ()
    fields: tuple[str | None, ...] = ()
    zone: str = ""

    def __str__(self) -> str:
        if self.name == "row":
            return f"row({', '.join(_field(*field) for field in zip(self.fields, self.arguments, strict=True))})"
        if self.name == "timestamp with time zone":
            return f"timestamp({self.size[0]}) with time zone"
        inner = ", ".join(map(str, self.arguments)) or ",".join(map(str, self.size))
        return f"{self.name}({inner})" if inner else self.name


def _field(name: str | None, of: Type) -> str:
    if name is None:
        return str(of)
    return f"{name} {of}" if re.fullmatch(r"[a-z_][a-z0-9_]*", name) else '"' + name.replace('"', '""') + f'" {of}'


UNKNOWN = Type("unknown")  # the type of NULL
BOOLEAN = Type("boolean")
TINYINT, SMALLINT, INTEGER, BIGINT = WHOLE = tuple(Type(name) for name in ("tinyint", "smallint", "integer", "bigint"))
REAL, DOUBLE = Type("real"), Type("double")
VARCHAR = Type("varchar")
VARBINARY = Type("varbinary")
DATE = Type("date")
TIMESTAMP = Type("timestamp", size=(3,))
JSON = Type("json")
DAYS_TO_SECONDS, YEARS_TO_MONTHS = Type("interval day to second"), Type("interval year to month")


def decimal(precision: int, scale: int = 0) -> Type:
    """Make a decimal of so many digits."""
    return Type("decimal", size=(precision, scale))


def varchar(length: int) -> Type:
    """Make a text of at most so many characters."""
    return Type("varchar", size=(length,))


def array(element: Type) -> Type:
    """Make an array."""
    return Type("array", (element,))


def mapping(key: Type, value: Type) -> Type:
    """Make a map."""
    return Type("map", (key, value))


def row(fields: Iterable[tuple[str | None, Type]]) -> Type:
    """Make a row of named, or nameless, fields."""
    made = tuple(fields)
    return Type("row", tuple(of for _, of in made), fields=tuple(name for name, _ in made))


def zoned(digits: int, zone: str) -> Type:
    """Make a timestamp with time zone, shown in this zone."""
    return Type("timestamp with time zone", size=(digits,), zone=zone)


# Reading

_TOKEN = re.compile(r'"(?:[^"]|"")*"|`[^`]*`|[^\s"`<>(),:]+|[<>(),:]')
_SYNONYMS = {"int": "integer", "string": "varchar", "float": "real", "binary": "varbinary", "struct": "row"}
_WITHOUT_SIZE = {
    "unknown", "boolean", "tinyint", "smallint", "integer", "bigint", "real", "double", "varbinary", "date", "json",
    "interval day to second", "interval year to month",
}  # fmt: skip
_NOT_KEPT = {"time", "time with time zone", "uuid", "ipaddress", "hyperloglog"}


def type_of(text: str) -> Type:
    """Read a type as Glue's catalog or a result of Athena's writes it; one that is unknown is a ``QueryError``.

    >>> str(type_of("struct<a:int,b:array<string>>"))
    'row(a integer, b array(varchar))'
    """
    reader = _Reader(text)
    made = reader.type()
    if reader.tokens:
        raise unknown_type(text)
    return made


def unknown_type(text: str) -> QueryError:
    """Say that there is no such type."""
    return QueryError("TYPE_NOT_FOUND", f"Unknown type: {text}")


def primitive(name: str, size: tuple[int, ...] = ()) -> Type:
    """Make a type that is made of no other, by Trino's name of it; an unknown one is a ``QueryError``."""
    match name, size:
        case "decimal", () | (_,) | (_, _):
            digits, scale = (*size, 0)[:2] if size else (MOST_DIGITS, 0)
            if 0 < digits <= MOST_DIGITS and scale <= digits:
                return decimal(digits, scale)
        case "varchar", () | (_,):
            return Type(name, size=size)
        case "char", () | (_,):
            return Type(name, size=size or (1,))
        case (("timestamp" | "timestamp with time zone"), () | (_,)):
            digits = size[0] if size else 3
            if digits > MOST_FRACTION_DIGITS:
                raise not_run(f"{name}({digits})", f"at most {MOST_FRACTION_DIGITS} digits are kept")
            return Type(name, size=(digits,)) if name == "timestamp" else zoned(digits, "UTC")
        case _, () if name in _WITHOUT_SIZE:
            return Type(name)
    if name in _NOT_KEPT:
        raise not_run(f"the type {name}")
    raise unknown_type(name)


class _Reader:
    """Reads one written type from its start to its end."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = _TOKEN.findall(text)

    def type(self) -> Type:
        word = self._take().lower()
        name = _SYNONYMS.get(word, word)
        if name == "row":
            return row(self._parts(self._field))
        if name in ("array", "map"):
            made = Type(name, tuple(self._parts(self.type)))
            if len(made.arguments) != (1 if name == "array" else 2):
                raise unknown_type(self.text)
            return made
        if name == "interval":
            name = " ".join([name, *(self._take().lower() for _ in range(3))])
        size = tuple(self._parts(self._number)) if self._next() == "(" else ()
        if self._next() == "with":
            name = " ".join([name, *(self._take().lower() for _ in range(3))])
        return primitive(name, size)

    def _field(self) -> tuple[str | None, Type]:
        following = self.tokens[1].lower() if len(self.tokens) > 1 else ""
        if following in {"(", "<", ")", ">", ",", "with"} or self._next() == "interval":
            return None, self.type()
        name = self._take()
        if self._next() == ":":
            self._take()
        return (name[1:-1].replace('""', '"') if name[0] in '"`' else name).lower(), self.type()

    def _number(self) -> int:
        token = self._take()
        if not token.isdigit():
            raise unknown_type(self.text)
        return int(token)

    def _parts(self, part: Callable[[], Part]) -> list[Part]:
        if self._take() not in "(<":
            raise unknown_type(self.text)
        found = [part()]
        while (sign := self._take()) == ",":
            found.append(part())
        if sign not in ")>":
            raise unknown_type(self.text)
        return found

    def _next(self) -> str:
        return self.tokens[0].lower() if self.tokens else ""

    def _take(self) -> str:
        if not self.tokens:
            raise unknown_type(self.text)
        token: str = self.tokens.pop(0)
        return token


# Writing


def duckdb_type(hive_type: str) -> str:
    """Say of which type DuckDB's column is, for a column that the catalog says is of ``hive_type``.

    >>> duckdb_type("struct<a:int,b:array<string>>")
    'STRUCT("a" INTEGER, "b" VARCHAR[])'
    """
    return stored(type_of(hive_type))


_STORED = {
    "unknown": "INTEGER", "boolean": "BOOLEAN", "tinyint": "TINYINT", "smallint": "SMALLINT", "integer": "INTEGER",
    "bigint": "BIGINT", "real": "FLOAT", "double": "DOUBLE", "varchar": "VARCHAR", "char": "VARCHAR",
    "varbinary": "BLOB", "date": "DATE", "timestamp": "TIMESTAMP", "timestamp with time zone": "TIMESTAMPTZ",
    "json": "VARCHAR", "interval day to second": "BIGINT", "interval year to month": "INTEGER",
}  # fmt: skip


def stored(of: Type) -> str:
    """Say as which type of DuckDB's a value is kept: JSON as its text, intervals as milliseconds and as months."""
    if of.name == "array":
        return f"{stored(of.arguments[0])}[]"
    if of.name == "map":
        return f"MAP({stored(of.arguments[0])}, {stored(of.arguments[1])})"
    if of.name == "row":
        fields = zip(field_names(of), of.arguments, strict=True)
        return f"STRUCT({', '.join(f'{quoted(name)} {stored(part)}' for name, part in fields)})"
    if of.name == "decimal":
        return f"DECIMAL({of.size[0]}, {of.size[1]})"
    return _STORED[of.name]


def field_names(of: Type) -> list[str]:
    """Name the fields of a row as DuckDB keeps them: one without a name by its place, ``field0``."""
    return [name if name is not None else f"field{place}" for place, name in enumerate(of.fields)]


def quoted(name: str) -> str:
    """Write a name for DuckDB."""
    return '"' + name.replace('"', '""') + '"'


# What is turned into what

_DECIMAL_DIGITS = {"tinyint": 3, "smallint": 5, "integer": 10, "bigint": 19}
_RANKS = {
    name: rank for rank, name in enumerate(("tinyint", "smallint", "integer", "bigint", "decimal", "real", "double"))
}


def is_number(of: Type) -> bool:
    """Whether its values are numbers."""
    return of.name in _RANKS


def is_whole(of: Type) -> bool:
    """Whether its values are whole numbers by their type."""
    return of in WHOLE


def digits_of(of: Type) -> tuple[int, int]:
    """Say how many digits a decimal has, and how many of them after the point; whole numbers as Trino takes them."""
    if of.name == "decimal":
        return of.size[0], of.size[1]
    return _DECIMAL_DIGITS[of.name], 0


def common(one: Type, other: Type) -> Type | None:  # noqa: PLR0911 - one a kind of types
    """Find the type that both turn into without being asked; None if there is none."""
    if other in (one, UNKNOWN):
        return one
    if one == UNKNOWN:
        return other
    if is_number(one) and is_number(other):
        return _common_number(one, other)
    names = {one.name, other.name}
    if names == {"varchar"}:
        return Type("varchar", size=(max(one.size[0], other.size[0]),) if one.size and other.size else ())
    if names <= {"date", "timestamp", "timestamp with time zone"}:
        return _common_time(one, other)
    if one.name == other.name and len(one.arguments) == len(other.arguments) > 0:
        return _common_parts(one, other)
    return None


def _common_number(one: Type, other: Type) -> Type:
    low, high = sorted((one, other), key=lambda of: _RANKS[of.name])
    if high.name != "decimal" or (is_whole(low) and digits_of(low) == digits_of(high)):
        return high
    (low_digits, low_scale), (high_digits, high_scale) = digits_of(low), digits_of(high)
    scale = max(low_scale, high_scale)
    whole = max(low_digits - low_scale, high_digits - high_scale)
    return decimal(min(MOST_DIGITS, whole + scale), scale)


def _common_time(one: Type, other: Type) -> Type | None:
    if "timestamp with time zone" in (one.name, other.name):
        zones = {of.zone for of in (one, other) if of.zone}
        if len(zones) > 1:
            raise not_run("one column of timestamps in several time zones", "bring them into one by AT TIME ZONE")
        return zoned(max(*one.size, *other.size, 0), zones.pop())
    return Type("timestamp", size=(max(*one.size, *other.size, 0),))


def _common_parts(one: Type, other: Type) -> Type | None:
    parts = [common(*pair) for pair in zip(one.arguments, other.arguments, strict=True)]
    if any(part is None for part in parts):
        return None
    names = tuple(a if a == b else None for a, b in zip(one.fields, other.fields, strict=True))
    return Type(one.name, tuple(part for part in parts if part is not None), fields=names)


def turns_into(one: Type, other: Type) -> bool:
    """Whether a value of the first type is taken as one of the second without being asked."""
    if one.name == other.name == "varchar" and not other.size:
        return True
    found = common(one, other)
    return found is not None and replace(found, zone="") == replace(other, zone="")


def common_of_all(types: Iterable[Type]) -> Type | None:
    """Find the type that all turn into; that of NULL where there are none."""
    found: Type | None = UNKNOWN
    for of in types:
        found = None if found is None else common(found, of)
    return found
