"""Reading JSON and YAML with the position of each value, so that a finding can say where it is.

``${Name}``, which CloudFormation replaces, is taken for a text also where JSON wants a value. Nothing here knows what
a state machine is.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn

import yaml

from runners.errors import RunnersError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Path = tuple[str | int, ...]
"""Where a value is: the names and indexes that lead to it."""

_LARGEST = 1_000_000  # values; YAML's aliases can make a short text mean more than fits into memory
_SUBSTITUTION = re.compile(r"\$\{[^}\n]*\}")
_BLANK = re.compile(r"[ \t\r\n]*")
_SHORT_FORMS = {"!Ref": "Ref", "!Condition": "Condition"}  # every other !Name is Fn::Name


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in a text; the first line and the first column are 1."""

    line: int
    column: int


START = Position(1, 1)


class UnreadableError(RunnersError):
    """A text is no JSON or YAML, or not what it should be.

    Attributes:
        position: where that shows.

    """

    def __init__(self, message: str, position: Position = START) -> None:
        self.position = position
        super().__init__(message)


@dataclass(frozen=True)
class Document:
    """A value with the positions of its parts.

    Attributes:
        value: what was read, made of dict, list, str, int, float, bool and None.
        positions: where its parts begin, by their paths; a member of an object begins with its name.
        blocks: where YAML's literal blocks have their first letter, by their paths.
        repeated: the paths of names that stand in one object more than once; the last has the value.

    """

    value: Any
    positions: Mapping[Path, Position]
    blocks: Mapping[Path, Position] = field(default_factory=dict)
    repeated: tuple[tuple[Path, Position], ...] = ()

    def position(self, path: Path) -> Position:
        """Return where a value is; the nearest around it, if that is not known."""
        while path and path not in self.positions:
            path = path[:-1]
        return self.positions.get(path, START)

    def at(self, path: Path, value: Any) -> Document:
        """Return what is at a path as a document of its own, with the positions of this one and another value."""
        length = len(path)

        def below(place: Path) -> bool:
            return place[:length] == path

        return Document(
            value,
            {place[length:]: where for place, where in self.positions.items() if below(place)},
            {place[length:]: where for place, where in self.blocks.items() if below(place)},
            tuple((place[length:], where) for place, where in self.repeated if below(place)),
        )

    def position_in_text(self, path: Path, inner: Position) -> Position:
        """Return where in the document a place in one of its texts is; the text's beginning, unless it is a block."""
        block = self.blocks.get(path)
        if block is None:
            return self.position(path)
        return Position(block.line + inner.line - 1, block.column + inner.column - 1)

    def text_at(self, path: Path, text: str) -> Document:
        """Read the text at a path, which holds JSON or YAML, with its positions in this document.

        Raises:
            UnreadableError: it holds neither.

        """
        try:
            inner = read(text)
        except UnreadableError as error:
            raise UnreadableError(str(error), self.position_in_text(path, error.position)) from None
        return Document(
            inner.value,
            {place: self.position_in_text(path, where) for place, where in inner.positions.items()},
            repeated=tuple((place, self.position_in_text(path, where)) for place, where in inner.repeated),
        )


def read(text: str, *, is_yaml: bool | None = None) -> Document:
    """Read a text.

    Args:
        text: JSON or YAML.
        is_yaml: which of the two; if not said, what begins with a curly bracket is JSON.

    Raises:
        UnreadableError: it is empty, or breaks the rules of its format; with the place where that shows.

    """
    text = text.removeprefix("\ufeff")
    if not text.strip():
        raise UnreadableError("the file is empty")
    if is_yaml is None:
        is_yaml = not text.lstrip().startswith("{")
    try:
        return _Yaml(text).document() if is_yaml else _Json(text).document()
    except RecursionError:
        raise UnreadableError("its values are nested too deeply to be read") from None


class _Json:
    """Reads one JSON text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._positions: dict[Path, Position] = {}
        self._repeated: list[tuple[Path, Position]] = []
        self._line_ends = [found.start() for found in re.finditer("\n", text)]
        self._scalars = json.JSONDecoder(parse_constant=self._no_constant)

    def document(self) -> Document:
        value = self._value(())
        if self._next():
            self._fail("there is more after the end of the JSON value")
        return Document(value, self._positions, repeated=tuple(self._repeated))

    def _value(self, path: Path) -> Any:
        character = self._next()
        self._positions.setdefault(path, self._position())
        if character == "{":
            return dict(self._members(path))
        if character == "[":
            return list(self._items(path))
        if found := _SUBSTITUTION.match(self._text, self._at):
            self._at = found.end()
            return found.group()
        return self._scalar()

    def _scalar(self) -> Any:
        try:
            value, self._at = self._scalars.raw_decode(self._text, self._at)
        except json.JSONDecodeError as error:
            self._at = error.pos
            self._fail(f"{error.msg[0].lower()}{error.msg[1:]}")
        except ValueError:  # a number of thousands of digits
            self._fail("this number is too long")
        return value

    def _members(self, path: Path) -> Iterator[tuple[str, Any]]:
        names: set[str] = set()
        while not self._closed("}", first=not names):
            if self._next() != '"':
                self._fail("a name in double quotes is expected")
            where = self._position()
            name = self._scalar()
            member = (*path, name)
            if name in names:
                self._repeated.append((member, where))
            names.add(name)
            self._positions[member] = where
            if self._next() != ":":
                self._fail(f"a colon is expected after the name {json.dumps(name)}")
            self._at += 1
            yield name, self._value(member)

    def _items(self, path: Path) -> Iterator[Any]:
        index = 0
        while not self._closed("]", first=index == 0):
            yield self._value((*path, index))
            index += 1

    def _closed(self, bracket: str, *, first: bool) -> bool:
        """Go past a bracket that opens, a comma or the bracket that closes, and say whether it is the last."""
        if first:
            self._at += 1
            if self._next() == bracket:
                self._at += 1
                return True
            return False
        character = self._next()
        if character not in (bracket, ","):
            self._fail(f"a comma or {bracket} is expected")
        self._at += 1
        if character == "," and self._next() == bracket:
            self._fail(f"there is a comma before {bracket}")
        return character == bracket

    def _next(self) -> str:
        """Go past blanks and return the character that follows; none at the end."""
        blank = _BLANK.match(self._text, self._at)
        self._at = blank.end() if blank else self._at
        return self._text[self._at : self._at + 1]

    def _position(self) -> Position:
        line = bisect_left(self._line_ends, self._at)
        begin = self._line_ends[line - 1] + 1 if line else 0
        return Position(line + 1, self._at - begin + 1)

    def _fail(self, message: str) -> NoReturn:
        if self._at >= len(self._text):
            message = f"the text ends too early: {message}"
        raise UnreadableError(f"this is not JSON: {message}", self._position())

    def _no_constant(self, name: str) -> NoReturn:
        self._fail(f"JSON has no {name}")


class _Yaml:
    """Reads one YAML text; a tag of CloudFormation becomes what it is short for, ``!Ref X`` an object with ``Ref``."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._lines = text.splitlines()
        self._positions: dict[Path, Position] = {}
        self._blocks: dict[Path, Position] = {}
        self._repeated: list[tuple[Path, Position]] = []
        self._values = 0

    def document(self) -> Document:
        try:
            self._loader = yaml.SafeLoader(self._text)
            node = self._loader.get_single_node()
            value = self._value(node, ())
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            raise UnreadableError(f"this is not YAML: {error.problem or error.context}", _position(mark)) from None
        except (yaml.YAMLError, ValueError) as error:
            raise UnreadableError(f"this is not YAML: {error}") from None
        return Document(value, self._positions, self._blocks, tuple(self._repeated))

    def _value(self, node: Any, path: Path) -> Any:
        self._values += 1
        if self._values > _LARGEST:
            raise UnreadableError("its aliases make it too large to be read")
        self._positions.setdefault(path, _position(node.start_mark if node else None))
        if node is not None and node.tag.startswith("!") and len(node.tag) > 1:
            name = _SHORT_FORMS.get(node.tag, f"Fn::{node.tag[1:]}")
            return {name: self._content(node, (*path, name))}
        return self._content(node, path)

    def _content(self, node: Any, path: Path) -> Any:
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self._value(item, (*path, index)) for index, item in enumerate(node.value)]
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, path)
        return None

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        names = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        for index, (key, _) in enumerate(node.value):
            if isinstance(key, yaml.ScalarNode) and key.value in names[:index]:
                self._repeated.append(((*path, key.value), _position(key.start_mark)))
        self._loader.flatten_mapping(node)  # merges what << names
        members = {}
        for key, item in node.value:
            name = str(key.value)
            self._positions[(*path, name)] = _position(key.start_mark)
            members[name] = self._value(item, (*path, name))
        return members

    def _scalar(self, node: yaml.ScalarNode, path: Path) -> Any:
        if node.style == "|":
            self._blocks[path] = self._first_letter(node.start_mark.line + 1)
        if node.tag.removeprefix("tag:yaml.org,2002:") in ("int", "float", "bool", "null"):
            return self._loader.construct_object(node)
        return node.value  # a date too, which JSON does not know

    def _first_letter(self, line: int) -> Position:
        """Return where a literal block begins: after the indentation of its first line that is not blank."""
        for text in self._lines[line:]:
            if text.strip():
                return Position(line + 1, len(text) - len(text.lstrip(" ")) + 1)
        return Position(line + 1, 1)


def _position(mark: Any) -> Position:
    return Position(mark.line + 1, mark.column + 1) if mark else START
