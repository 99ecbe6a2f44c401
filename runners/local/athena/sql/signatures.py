"""The functions that are known, as data: what they take, what they give, and DuckDB's SQL for them.

A signature is written as Trino's documentation writes it: ``element_at(array(E), bigint) -> E``. A single capital
letter stands for a type, some only for types of a kind (``KINDS``). This module knows no function.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from runners.local.athena.sql.types import (
    UNKNOWN,
    VARCHAR,
    Type,
    common,
    is_number,
    is_whole,
    primitive,
    row,
    stored,
    turns_into,
)
from runners.local.athena.sql.values import Value

# What a capital letter stands for, where not for any type.
KINDS: dict[str, Callable[[Type], bool]] = {
    "N": is_number,
    "W": is_whole,
    "D": lambda of: of.name == "decimal",
    "F": lambda of: of.name in ("real", "double"),
    "C": lambda of: of.name == "varchar",
    "M": lambda of: of.name in ("date", "timestamp", "timestamp with time zone"),
    "Z": lambda of: of.name in ("timestamp", "timestamp with time zone"),
    "O": lambda of: of.name not in ("json", "map", "row", "array", "char"),
}
_SHOWN = {
    "N": "number", "W": "bigint", "D": "decimal(p,s)", "F": "double", "C": "varchar(x)", "M": "timestamp(p)",
    "Z": "timestamp(p)", "O": "T", "_": "any",
}  # fmt: skip
ANY = "_"  # any type, whatever the other arguments are

Bindings = dict[str, Type]
Writes = Callable[..., str]  # (the bindings, each argument as a ``Value``) → DuckDB's SQL
Gives = Callable[[Bindings, Sequence[Value]], Type]


@dataclass(frozen=True)
class Pattern:
    """A type as a signature writes it: ``array(E)``, or ``function(S, T, S)`` for a lambda."""

    name: str
    arguments: tuple[Pattern, ...] = ()

    def __str__(self) -> str:
        name = _SHOWN.get(self.name, self.name)
        return f"{name}({', '.join(map(str, self.arguments))})" if self.arguments else name

    @property
    def is_variable(self) -> bool:
        """Whether it stands for a type that the arguments decide."""
        return len(self.name) == 1


@dataclass(frozen=True)
class Function:
    """One way to call a function.

    Attributes:
        name: in lower case.
        parameters: what it takes.
        repeats: whether the last parameter may come any number of times, at least once.
        result: what it gives.
        sql: DuckDB's SQL; ``{0}`` is the first argument, ``{T}`` the type that T stands for, as DuckDB keeps it. Or a
            function that writes it.
        gives: says the type of the result, where the signature cannot.

    """

    name: str
    parameters: tuple[Pattern, ...]
    repeats: bool
    result: Pattern
    sql: str | Writes
    gives: Gives | None = None

    def __str__(self) -> str:
        return f"{self.name}({', '.join(map(str, self.parameters))}{', ...' if self.repeats else ''})"

    def expected(self, count: int) -> tuple[Pattern, ...] | None:
        """Say what so many arguments must be; None if it does not take so many."""
        if not self.repeats:
            return self.parameters if len(self.parameters) == count else None
        if count < len(self.parameters):
            return None
        return self.parameters + self.parameters[-1:] * (count - len(self.parameters))

    def type(self, bindings: Bindings, arguments: Sequence[Value]) -> Type:
        """Say of which type the result is."""
        return self.gives(bindings, arguments) if self.gives else made(self.result, bindings)

    def write(self, bindings: Bindings, arguments: Sequence[Value]) -> str:
        """Write a call for DuckDB."""
        if not isinstance(self.sql, str):
            return self.sql(bindings, *arguments)
        written = {letter: stored(of) for letter, of in bindings.items()}
        texts = [argument.sql for argument in arguments]
        return self.sql.format(*texts, **written, all=", ".join(texts))


_WORD = re.compile(r"[A-Za-z_$]\w*|[(),]|->|\.\.\.")
_LONG = ("timestamp with time zone", "interval day to second", "interval year to month")


def function(signature: str, sql: str | Writes, gives: Gives | None = None) -> Function:
    """Read a signature: ``function("strpos(varchar, varchar) -> bigint", "instr({0}, {1})")``."""
    for name in _LONG:
        signature = signature.replace(name, name.replace(" ", "_"))
    words = _WORD.findall(signature)
    name, parameters, repeats = words.pop(0), [], False
    words.pop(0)
    while words[0] != ")":
        if words[0] == "...":
            repeats = True
            words.pop(0)
        else:
            parameters.append(_pattern(words))
        if words[0] == ",":
            words.pop(0)
    words = words[2:]
    return Function(name, tuple(parameters), repeats, _pattern(words), sql, gives)


def _pattern(words: list[str]) -> Pattern:
    word = words.pop(0)
    name = word if word == ANY else word.replace("_", " ")
    arguments = []
    if words and words[0] == "(":
        words.pop(0)
        while words[0] != ")":
            arguments.append(_pattern(words))
            if words[0] == ",":
                words.pop(0)
        words.pop(0)
    return Pattern(name, tuple(arguments))


def table(*functions: Function) -> dict[str, tuple[Function, ...]]:
    """Put functions under their names, in the order in which they are tried."""
    found: dict[str, tuple[Function, ...]] = {}
    for one in functions:
        found[one.name] = (*found.get(one.name, ()), one)
    return found


def also(functions: dict[str, tuple[Function, ...]], **names: str) -> dict[str, tuple[Function, ...]]:
    """Add other names of functions: ``also(found, pow="power")``."""
    more = {name: tuple(replace(one, name=name) for one in functions[known]) for name, known in names.items()}
    return {**functions, **more}


def made(pattern: Pattern, bindings: Bindings) -> Type:
    """Give the type that a pattern stands for."""
    if pattern.is_variable:
        return bindings[pattern.name]
    if pattern.name == "row":
        return row((None, made(part, bindings)) for part in pattern.arguments)
    if pattern.arguments:
        return Type(pattern.name, tuple(made(part, bindings) for part in pattern.arguments))
    return primitive(pattern.name)


def bound(pattern: Pattern, of: Type, bindings: Bindings) -> bool:
    """Take a type as what a pattern asks for, deciding on its variables; whether that fits."""
    if pattern.is_variable:
        return pattern.name == ANY or _bound_variable(pattern.name, of, bindings)
    if pattern.arguments:
        if of == UNKNOWN:
            return all(bound(part, UNKNOWN, bindings) for part in pattern.arguments)
        return (
            of.name == pattern.name
            and len(of.arguments) == len(pattern.arguments)
            and all(bound(*pair, bindings) for pair in zip(pattern.arguments, of.arguments, strict=True))
        )
    return of == UNKNOWN or _turns(of, primitive(pattern.name))


def _turns(of: Type, wanted: Type) -> bool:
    if of.name == wanted.name and of.name in ("timestamp", "timestamp with time zone", "decimal"):
        return True
    return turns_into(of, wanted)


def _bound_variable(letter: str, of: Type, bindings: Bindings) -> bool:
    known = bindings.get(letter)
    found = of if known is None else common(known, of)
    if found is None or (found != UNKNOWN and not KINDS.get(letter, bool)(found)):
        return False
    bindings[letter] = found
    return True


@dataclass
class Matched:
    """A function that takes these arguments, and what its letters stand for."""

    function: Function
    expected: tuple[Pattern, ...]
    bindings: Bindings = field(default_factory=dict)

    def wanted(self, place: int, of: Type) -> Type:
        """Say which type an argument is turned into; times and decimals keep their digits."""
        pattern = self.expected[place]
        if pattern.name == ANY or any(part.name == ANY for part in pattern.arguments):
            return of
        if not pattern.is_variable and not pattern.arguments and of.name == pattern.name:
            return of
        wanted = made(pattern, self.bindings)
        return VARCHAR if wanted == VARCHAR else wanted


def matching(functions: Sequence[Function], types: Sequence[Type | None]) -> Matched | None:
    """Find the first way to call a function that takes arguments of these types; None is that of a lambda."""
    for exact in (True, False):
        for one in functions:
            expected = one.expected(len(types))
            if expected is None:
                continue
            tried = Matched(one, expected)
            if all(
                _fits(pattern, of, tried.bindings, exact=exact) for pattern, of in zip(expected, types, strict=True)
            ):
                return tried
    return None


def _fits(pattern: Pattern, of: Type | None, bindings: Bindings, *, exact: bool) -> bool:
    if of is None or pattern.name == "function":
        return of is None and pattern.name == "function"
    if exact and not pattern.is_variable and of.name not in (pattern.name, "unknown"):
        return False
    return bound(pattern, of, bindings)
