"""DynamoDB's expressions, as far as the runners use them: conditions and updates. Anything else is refused loudly.

An expression is read once and becomes a function, so that the same text costs little the next time. What it says of
items is all here; nothing here stores one. That a name is one of DynamoDB's reserved words is not noticed.
"""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from runners.testing.simulated.account import NotSimulatedError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Item = dict[str, Any]
Names = dict[str, str]
Values = dict[str, Any]

_TOKENS = re.compile(r"\s*(?P<token><=|>=|<>|[=<>(),+-]|:[A-Za-z0-9_]+|#[A-Za-z0-9_]+|[A-Za-z_][A-Za-z0-9_]*|\S)")
_COMPARISONS = frozenset({"=", "<>", "<", "<=", ">", ">="})
_WORDS = frozenset({"AND", "OR", "NOT"})
_CLAUSES = frozenset({"SET", "REMOVE"})
_ORDERED = frozenset({"S", "N", "B"})


class ExpressionError(Exception):
    """DynamoDB refuses the expression, with a ``ValidationException`` of this message."""


class _Reader:
    """The tokens of an expression, one after the other."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._tokens = [match["token"] for match in _TOKENS.finditer(text)]
        self._next = 0

    def peek(self) -> str:
        """Return the next token as it stands; empty at the end."""
        return self._tokens[self._next] if self._next < len(self._tokens) else ""

    def word(self) -> str:
        """Return the next token in capitals."""
        return self.peek().upper()

    def take(self) -> str:
        """Return the next token and go on."""
        token = self.peek()
        self._next += 1
        return token

    def expect(self, token: str) -> None:
        """Go on over a token that must be there."""
        if self.peek() != token:
            raise self.not_simulated()
        self._next += 1

    def not_simulated(self) -> NotSimulatedError:
        """Return the error for what is not understood."""
        return NotSimulatedError(
            f"the simulated DynamoDB does not understand {self.peek() or 'the end'!r} in {self.text!r}; "
            "it knows comparisons, attribute_exists, attribute_not_exists, AND, OR, NOT, brackets, SET and REMOVE"
        )


@lru_cache(maxsize=1024)
def condition(text: str) -> Callable[[Mapping[str, Any], Names, Values], bool]:
    """Return a condition as a function of an item, the attribute names and the attribute values."""
    reader = _Reader(text)
    test = _either(reader)
    if reader.peek():
        raise reader.not_simulated()
    return test


@lru_cache(maxsize=1024)
def update(text: str) -> Callable[[Mapping[str, Any], Names, Values], Item]:
    """Return an update as a function that gives the new item."""
    reader = _Reader(text)
    sets: list[tuple[Callable[[Names], str], Callable[[Mapping[str, Any], Names, Values], Any]]] = []
    removes: list[Callable[[Names], str]] = []
    while reader.peek():
        clause = reader.word()
        if clause not in _CLAUSES:
            raise reader.not_simulated()
        reader.take()
        while True:
            name = _name(reader)
            if clause == "SET":
                reader.expect("=")
                sets.append((name, _sum(reader)))
            else:
                removes.append(name)
            if reader.peek() != ",":
                break
            reader.take()

    def updated(item: Mapping[str, Any], names: Names, values: Values) -> Item:
        changes = {name(names): read(item, names, values) for name, read in sets}
        gone = {name(names) for name in removes}
        return {key: value for key, value in {**item, **changes}.items() if key not in gone}

    return updated


@lru_cache(maxsize=1024)
def used(text: str) -> frozenset[str]:
    """Return the placeholders that expressions use, such as ``:version`` and ``#runner``."""
    return frozenset(re.findall(r"[:#][A-Za-z0-9_]+", text))


def _either(reader: _Reader) -> Callable[[Mapping[str, Any], Names, Values], bool]:
    tests = [_both(reader)]
    while reader.word() == "OR":
        reader.take()
        tests.append(_both(reader))
    if len(tests) == 1:
        return tests[0]
    return lambda item, names, values: any(test(item, names, values) for test in tests)


def _both(reader: _Reader) -> Callable[[Mapping[str, Any], Names, Values], bool]:
    tests = [_negated(reader)]
    while reader.word() == "AND":
        reader.take()
        tests.append(_negated(reader))
    if len(tests) == 1:
        return tests[0]
    return lambda item, names, values: all(test(item, names, values) for test in tests)


def _negated(reader: _Reader) -> Callable[[Mapping[str, Any], Names, Values], bool]:
    if reader.word() == "NOT":
        reader.take()
        test = _negated(reader)
        return lambda item, names, values: not test(item, names, values)
    if reader.peek() == "(":
        reader.take()
        test = _either(reader)
        reader.expect(")")
        return test
    if reader.peek() in {"attribute_exists", "attribute_not_exists"}:
        wanted = reader.take() == "attribute_exists"
        reader.expect("(")
        name = _name(reader)
        reader.expect(")")
        return lambda item, names, values: (name(names) in item) is wanted  # noqa: ARG005
    return _comparison(reader)


def _comparison(reader: _Reader) -> Callable[[Mapping[str, Any], Names, Values], bool]:
    left = _operand(reader)
    comparison = reader.peek()
    if comparison not in _COMPARISONS:
        raise reader.not_simulated()
    reader.take()
    right = _operand(reader)
    return lambda item, names, values: compare(comparison, left(item, names, values), right(item, names, values))


def _operand(reader: _Reader) -> Callable[[Mapping[str, Any], Names, Values], Any]:
    if reader.peek().startswith(":"):
        placeholder = reader.take()

        def value(item: Mapping[str, Any], names: Names, values: Values) -> Any:  # noqa: ARG001
            if placeholder not in values:
                raise ExpressionError(
                    f"An expression attribute value used in expression is not defined; attribute value: {placeholder}"
                )
            return values[placeholder]

        return value
    name = _name(reader)
    return lambda item, names, values: item.get(name(names))  # noqa: ARG005


def _name(reader: _Reader) -> Callable[[Names], str]:
    token = reader.peek()
    if token.startswith("#"):
        reader.take()

        def placeholder(names: Names) -> str:
            if token not in names:
                raise ExpressionError(
                    f"An expression attribute name used in the document path is not defined; attribute name: {token}"
                )
            return names[token]

        return placeholder
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", token) or token.upper() in _WORDS | _CLAUSES:
        raise reader.not_simulated()
    reader.take()
    return lambda names: token  # noqa: ARG005


def _sum(reader: _Reader) -> Callable[[Mapping[str, Any], Names, Values], Any]:
    left = _set_operand(reader)
    sign = reader.peek()
    if sign not in {"+", "-"}:
        return left
    reader.take()
    right = _set_operand(reader)

    def total(item: Mapping[str, Any], names: Names, values: Values) -> Any:
        one, other = left(item, names, values), right(item, names, values)
        if set(one) != {"N"} or set(other) != {"N"}:
            raise ExpressionError("An operand in the update expression has an incorrect data type")
        number = Decimal(one["N"]) + Decimal(other["N"]) * (1 if sign == "+" else -1)
        return {"N": str(number)}

    return total


def _set_operand(reader: _Reader) -> Callable[[Mapping[str, Any], Names, Values], Any]:
    if reader.peek() == "if_not_exists":
        reader.take()
        reader.expect("(")
        name = _name(reader)
        reader.expect(",")
        otherwise = _set_operand(reader)
        reader.expect(")")
        return lambda item, names, values: item.get(name(names)) or otherwise(item, names, values)
    operand = _operand(reader)

    def there(item: Mapping[str, Any], names: Names, values: Values) -> Any:
        value = operand(item, names, values)
        if value is None:
            raise ExpressionError("The provided expression refers to an attribute that does not exist in the item")
        return value

    return there


def compare(comparison: str, left: Any, right: Any) -> bool:
    """Compare two attribute values; what is missing or of another type is only unequal."""
    if left is None or right is None:
        return comparison == "<>" and left is not right
    ((left_type, left_value),) = left.items()
    ((right_type, right_value),) = right.items()
    if left_type == right_type == "N":
        left_value, right_value = Decimal(left_value), Decimal(right_value)
    if comparison == "=":
        return bool(left_type == right_type and left_value == right_value)
    if comparison == "<>":
        return bool(left_type != right_type or left_value != right_value)
    if left_type != right_type or left_type not in _ORDERED:
        return False
    if comparison in {"<", "<="}:
        return bool(left_value < right_value or (comparison == "<=" and left_value == right_value))
    return bool(left_value > right_value or (comparison == ">=" and left_value == right_value))
