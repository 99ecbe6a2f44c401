"""Reads a statement word by word: what ``statements`` needs of SQL beyond the queries that sqlglot reads.

Athena has two grammars: Trino's, where ``"x"`` is a name, and Hive's for DDL, where ``"x"`` is a text, names stand in
backquotes, and a backslash escapes. Pure, and knows no statement.
"""

from __future__ import annotations

import re
from typing import NamedTuple, NoReturn

from runners.local.athena.sql.translation import QueryError

_SKIPPED = re.compile(r"(?:\s+|--[^\n]*|/\*.*?\*/)*", re.DOTALL)
_WORD = re.compile(r"[^\W\d]\w*")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_TEXT = re.compile(r"'(?:[^']|'')*'")
_HIVE_TEXT = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"", re.DOTALL)
_NAME = re.compile(r'"(?:[^"]|"")+"|`(?:[^`]|``)+`')
_HIVE_NAME = re.compile(r"`(?:[^`]|``)+`")
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|[0-3][0-7]{2}|.)", re.DOTALL)
_ESCAPES = {"t": "\t", "n": "\n", "r": "\r", "b": "\b", "0": "\0", "Z": "\x1a"}


class Word(NamedTuple):
    """One word of a statement."""

    kind: str
    """``word``, ``name`` (quoted), ``text``, ``number``, ``symbol``, or ``end``."""
    value: str
    """Without its quotes."""
    start: int
    end: int


class Words:
    """The words of a statement, from the first to the last, each read once. Raises ``QueryError`` of bad syntax."""

    def __init__(self, statement: str, *, hive: bool = False) -> None:
        self.statement = statement
        self.hive = hive
        self._at = 0

    def peek(self) -> Word:
        """Answer the next word, and leave it there."""
        start = _end_of(_SKIPPED, self.statement, self._at)
        kinds = [
            ("text", _HIVE_TEXT if self.hive else _TEXT),
            ("name", _HIVE_NAME if self.hive else _NAME),
            ("word", _WORD),
            ("number", _NUMBER),
        ]
        for kind, pattern in kinds:
            match = pattern.match(self.statement, start)
            if match:
                return Word(kind, self._value(kind, match[0]), start, match.end())
        if start == len(self.statement):
            return Word("end", "<EOF>", start, start)
        return Word("symbol", self.statement[start], start, start + 1)

    def next(self) -> Word:
        """Answer the next word, and go on."""
        word = self.peek()
        self._at = word.end
        return word

    def takes(self, *words: str) -> bool:
        """Go past these words if they stand here, one after the other."""
        before = self._at
        for wanted in words:
            found = self.next()
            if found.kind not in {"word", "symbol"} or found.value.upper() != wanted:
                self._at = before
                return False
        return True

    def expect(self, *words: str) -> None:
        """Go past these words, which must stand here."""
        for word in words:
            if not self.takes(word):
                self.fail(word)

    def name(self) -> str:
        """Read a name, in lower case as the catalog has it."""
        word = self.next()
        if word.kind not in {"word", "name"}:
            self.fail("<identifier>", word)
        return word.value.lower()

    def text(self) -> str:
        """Read a text in quotes."""
        word = self.next()
        if word.kind != "text":
            self.fail("<string>", word)
        return word.value

    def names(self) -> tuple[str, ...]:
        """Read names in parentheses."""
        self.expect("(")
        found = [self.name()]
        while self.takes(","):
            found.append(self.name())
        self.expect(")")
        return tuple(found)

    def in_parentheses(self) -> str:
        """Go past a part in parentheses, and answer what stands in them."""
        self.expect("(")
        start, depth = self._at, 1
        while depth:
            word = self.next()
            if word.kind == "end":
                self.fail(")", word)
            depth += {"(": 1, ")": -1}.get(word.value, 0) if word.kind == "symbol" else 0
        return self.statement[start : self._at - 1]

    def rest(self) -> str:
        """Answer all that is left, without a semicolon at its end."""
        rest, self._at = self.statement[self._at :], len(self.statement)
        return rest.strip().removesuffix(";").strip()

    def end(self) -> None:
        """Require that nothing is left but a semicolon."""
        self.takes(";")
        if self.peek().kind != "end":
            self.fail("<EOF>")

    def fail(self, expected: str, found: Word | None = None) -> NoReturn:
        """Raise that something else was expected, as Athena words it."""
        word = found or self.peek()
        line = self.statement.count("\n", 0, word.start) + 1
        column = word.start - (self.statement.rfind("\n", 0, word.start) + 1) + 1
        shown = "" if word.kind == "text" else f" '{word.value}'"  # a text may be anybody's
        raise QueryError("SYNTAX_ERROR", f"line {line}:{column}: mismatched input{shown}. Expecting: {expected}")

    def _value(self, kind: str, written: str) -> str:
        if kind == "text":
            return _unescaped(written[1:-1]) if self.hive else written[1:-1].replace("''", "'")
        if kind == "name":
            return written[1:-1].replace(written[0] * 2, written[0])
        return written


def _end_of(pattern: re.Pattern[str], text: str, at: int) -> int:
    match = pattern.match(text, at)
    return match.end() if match else at


def _unescaped(text: str) -> str:
    """Answer what a text of Hive's means."""

    def character(match: re.Match[str]) -> str:
        escaped = match[1]
        if escaped[0] == "u" and len(escaped) > 1:
            return chr(int(escaped[1:], 16))
        if len(escaped) > 1:
            return chr(int(escaped, 8))
        return _ESCAPES.get(escaped, escaped)

    return _ESCAPE.sub(character, text)
