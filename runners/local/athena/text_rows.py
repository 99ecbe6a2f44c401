"""Lines of text become rows of texts, by the rules of the SerDes that Athena reads CSV and JSON with.

A row has one text or None a column; arrays, maps and structs are JSON texts. What a text means as a number or a date
is said in ``conversions``. Pure: reads lines that it is given.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from runners.local.athena.conversions import BAD_DATA
from runners.local.athena.sql.translation import QueryError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from runners.local.athena.sql.types import Type

Row = list[str | None]


class LineReader(Protocol):
    """Reads the rows of a file."""

    def rows(self, lines: Iterable[str]) -> Iterator[Row]:
        """Answer the row of each line; a line has no end of line."""


@dataclass(frozen=True)
class LazySimple:
    """LazySimpleSerDe: text between delimiters, without quotes."""

    types: Sequence[Type]
    separators: Sequence[str]
    """Between fields, items, and keys and values; deeper ones after them."""
    escape: str | None
    null: str

    @classmethod
    def of(cls, types: Sequence[Type], parameters: Mapping[str, str]) -> LazySimple:
        """Read the SerDe's parameters."""
        field = _character(parameters.get("field.delim") or parameters.get("serialization.format"), "\x01")
        item = _character(parameters.get("collection.delim") or parameters.get("colelction.delim"), "\x02")
        key = _character(parameters.get("mapkey.delim"), "\x03")
        deeper = [chr(level) for level in range(4, 9)]
        escape = parameters.get("escape.delim")
        null = parameters.get("serialization.null.format", "\\N")
        return cls(types, (field, item, key, *deeper), _character(escape, "\\") if escape is not None else None, null)

    def rows(self, lines: Iterable[str]) -> Iterator[Row]:
        """Answer the row of each line: fields that a line lacks are None, and those that are too many are left out."""
        count = len(self.types)
        nested = [place for place, of in enumerate(self.types) if of.arguments]
        for line in lines:
            fields = self._split(line, self.separators[0])
            row: Row = [None if field == self.null else self._plain(field) for field in fields[:count]]
            for place in nested:
                if place < len(row) and row[place] is not None:
                    row[place] = json.dumps(self._value(fields[place], self.types[place], 1))
            yield row + [None] * (count - len(row))

    def _split(self, text: str, separator: str) -> list[str]:
        if self.escape is None or self.escape not in text:
            return text.split(separator)
        parts, start, at = [], 0, 0
        while at < len(text):
            if text[at] == self.escape:
                at += 1
            elif text[at] == separator:
                parts.append(text[start:at])
                start = at + 1
            at += 1
        return [*parts, text[start:]]

    def _plain(self, text: str) -> str:
        """Answer a text without its escapes."""
        if self.escape is None or self.escape not in text:
            return text
        parts, at = [], 0
        while at < len(text):
            if text[at] == self.escape and at + 1 < len(text):
                at += 1
            parts.append(text[at])
            at += 1
        return "".join(parts)

    def _value(self, text: str, of: Type, level: int) -> Any:
        if text == self.null:
            return None
        if not of.arguments:
            return self._plain(text)
        if level >= len(self.separators):
            raise QueryError("NOT_SUPPORTED", f"LazySimpleSerDe has no delimiter for the depth of {of}")
        items = self._split(text, self.separators[level]) if text else []
        if of.name == "array":
            return [self._value(item, of.arguments[0], level + 1) for item in items]
        if of.name == "map":
            pairs = [self._split(item, self.separators[level + 1]) for item in items]
            return {
                self._plain(pair[0]): self._value(pair[1], of.arguments[1], level + 2) if len(pair) > 1 else None
                for pair in pairs
            }
        fields = zip(of.fields, of.arguments, items, strict=False)
        return {str(name): self._value(item, part, level + 1) for name, part, item in fields}


@dataclass(frozen=True)
class OpenCSV:
    """OpenCSVSerde: quoted fields, one record a line."""

    count: int
    """How many columns the table has."""
    separator: str
    quote: str
    escape: str

    @classmethod
    def of(cls, types: Sequence[Type], parameters: Mapping[str, str]) -> OpenCSV:
        """Read the SerDe's parameters."""
        return cls(
            len(types),
            _character(parameters.get("separatorChar"), ","),
            _character(parameters.get("quoteChar"), '"'),
            _character(parameters.get("escapeChar"), "\\"),
        )

    def rows(self, lines: Iterable[str]) -> Iterator[Row]:
        """Answer the row of each line: fields that a line lacks are None, and those that are too many are left out."""
        for line in lines:
            if not line:
                yield [None] * self.count
                continue
            fields: Row = list(line.split(self.separator) if self._is_plain(line) else self._parsed(line))
            yield fields[: self.count] + [None] * (self.count - len(fields))

    def _is_plain(self, line: str) -> bool:
        return self.quote not in line and self.escape not in line

    def _parsed(self, line: str) -> Iterator[str | None]:
        """Split a line with quotes or escapes. In quotes a quote is written twice or escaped."""
        buffer: list[str] = []
        in_quotes = in_field = False
        at = 0
        while at < len(line):
            character, following = line[at], line[at + 1 : at + 2]
            if character == self.escape:
                if (in_quotes or in_field) and following in {self.quote, self.escape} - {""}:
                    buffer.append(following)
                    at += 1
            elif character == self.quote and (in_quotes or in_field) and following == self.quote:
                buffer.append(following)
                at += 1
                in_field = not in_field
            elif character == self.quote:
                self._take_quote(buffer, line, at)
                in_quotes, in_field = not in_quotes, not in_field
            elif character == self.separator and not in_quotes:
                yield "".join(buffer)
                buffer.clear()
                in_field = False
            else:
                buffer.append(character)
                in_field = True
            at += 1
        # A field whose quote does not end has no value.
        yield None if in_quotes else "".join(buffer)

    def _take_quote(self, buffer: list[str], line: str, at: int) -> None:
        """Keep a quote in the midst of a field, as the SerDe does past the line's first three characters."""
        in_the_midst = at > 2 and line[at - 1] != self.separator and line[at + 1 : at + 2] not in {"", self.separator}  # noqa: PLR2004
        if not in_the_midst:
            return
        if buffer and not "".join(buffer).strip():
            buffer.clear()
        else:
            buffer.append(self.quote)


@dataclass(frozen=True)
class Json:
    """The JSON SerDes: an object a line."""

    names: Sequence[str]
    types: Sequence[Type]
    keys: Mapping[str, str]
    """The key in the objects of each column that has another one than its name."""
    ignores_malformed: bool = False
    """Whether a line that is no JSON is a row of nothing."""
    ignores_case: bool = True
    dots_in_keys: bool = False
    """Whether a column ``a_b`` is filled by a key ``a.b``."""

    @classmethod
    def of(cls, names: Sequence[str], types: Sequence[Type], parameters: Mapping[str, str]) -> Json:
        """Read the SerDe's parameters."""

        def on(key: str, default: str) -> bool:
            return parameters.get(key, default).lower() == "true"

        mapping = {name: parameters[f"mapping.{name}"] for name in names if f"mapping.{name}" in parameters}
        ignores_case = on("case.insensitive", "true")
        keys = {name: key.lower() if ignores_case else key for name, key in mapping.items()}
        return cls(names, types, keys, on("ignore.malformed.json", "false"), ignores_case, on("dots.in.keys", "false"))

    def rows(self, lines: Iterable[str]) -> Iterator[Row]:
        """Answer the row of each line."""
        for line in lines:
            values = self._read(line)
            if isinstance(values, list):
                by_name = dict(zip(self.names, values, strict=False))
            else:
                found = self._with_keys(values)
                by_name = {name: found.get(self.keys.get(name, name)) for name in self.names}
            yield [_text(by_name.get(name), of) for name, of in zip(self.names, self.types, strict=True)]

    def _read(self, line: str) -> Any:
        try:
            values = json.loads(line, parse_float=_Number, parse_int=_Number, parse_constant=_Number)
        except (ValueError, RecursionError):
            values = None
        if isinstance(values, dict | list):
            return values
        if self.ignores_malformed:
            return {}
        raise QueryError("HIVE_CURSOR_ERROR", "Row is not a valid JSON Object")

    def _with_keys(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        if self.dots_in_keys:
            values = {key.replace(".", "_"): value for key, value in values.items()}
        return {key.lower(): value for key, value in values.items()} if self.ignores_case else values


class _Number(str):
    """A number of JSON, with the digits that it was written with."""

    __slots__ = ()


def _text(value: Any, of: Type) -> str | None:
    """Answer the text of a JSON value for a column; what is nested as JSON in which only the type's keys are left."""
    if value is None:
        return None
    if of.arguments:
        return json.dumps(_shaped(value, of))
    return _scalar(value)


def _scalar(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str) else _as_json(value)


def _as_json(value: Any) -> str:
    """Write a value as JSON again, its numbers as they were."""
    if isinstance(value, dict):
        pairs = (f"{json.dumps(key, ensure_ascii=False)}:{_as_json(item)}" for key, item in value.items())
        return "{" + ",".join(pairs) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_as_json, value)) + "]"
    return value if isinstance(value, _Number) else json.dumps(value, ensure_ascii=False)


def _shaped(value: Any, of: Type) -> Any:
    if value is None:
        return None
    if not of.arguments:
        return _scalar(value)
    if of.name == "array" and isinstance(value, list):
        return [_shaped(item, of.arguments[0]) for item in value]
    if of.name == "map" and isinstance(value, dict):
        return {key: _shaped(item, of.arguments[1]) for key, item in value.items()}
    if of.name == "row" and isinstance(value, list):
        value = dict(zip(map(str, of.fields), value, strict=False))
    if of.name == "row" and isinstance(value, dict):
        lowered = {key.lower(): item for key, item in value.items()}
        fields = zip(of.fields, of.arguments, strict=True)
        return {str(name): _shaped(lowered.get(str(name)), part) for name, part in fields}
    raise QueryError(BAD_DATA, f"Error parsing a JSON value: it is no {of}")


def _character(written: str | None, default: str) -> str:
    """Read a delimiter as tables have it: a character, or the number of one."""
    if not written:
        return default
    escapes = {"\\t": "\t", "\\n": "\n", "\\\\": "\\"}
    if written in escapes:
        return escapes[written]
    if written.startswith("\\u"):
        return chr(int(written[2:], 16))
    if written.lstrip("\\").isdigit() and len(written) > 1:
        return chr(int(written.lstrip("\\"), 8 if written.startswith("\\") else 10))
    return written[0]
