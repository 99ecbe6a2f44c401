"""A query of the simulated DynamoDB: which items its key condition means, and how many of them are a page."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING, Any

from runners.testing.simulated.account import NotSimulatedError
from runners.testing.simulated.expressions import ExpressionError
from runners.testing.simulated.tables import value_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from runners.testing.simulated.tables import Item, Record

PAGE_BYTES = 1_048_576


class KeyCondition:
    """A key condition: a partition key that equals a value, and perhaps a comparison of the sort key."""

    def __init__(self, keys: Sequence[str], text: str) -> None:
        parts = [part.split() for part in text.strip().split(" AND ")]
        if len(parts) > 2 or any(len(part) != 3 for part in parts) or parts[0][1] != "=":  # noqa: PLR2004
            raise NotSimulatedError(f"the simulated DynamoDB does not understand the key condition {text!r}")
        self._keys = keys
        self._text = text
        self._parts = parts

    def partition(self, names: Mapping[str, str], values: Mapping[str, Any]) -> Any:
        """Return the partition key's value."""
        name, _, placeholder = self._parts[0]
        if names.get(name, name) != self._keys[0]:
            raise ExpressionError(f"Query condition missed key schema element: {self._keys[0]}")
        return self._given(placeholder, values)

    def range(self, order: list[Any], names: Mapping[str, str], values: Mapping[str, Any]) -> tuple[int, int]:
        """Return between which places in the order of sort keys the items stand."""
        if len(self._parts) == 1:
            return 0, len(order)
        name, comparison, placeholder = self._parts[1]
        if len(self._keys) == 1 or names.get(name, name) != self._keys[1]:
            raise ExpressionError("Query key condition not supported")
        value = self._given(placeholder, values)
        first = bisect_left(order, value, key=lambda sort: sort[0])
        after = bisect_right(order, value, key=lambda sort: sort[0])
        places = {
            "=": (first, after),
            "<": (0, first),
            "<=": (0, after),
            ">": (after, len(order)),
            ">=": (first, len(order)),
        }
        if comparison not in places:
            raise NotSimulatedError(f"the simulated DynamoDB does not understand the key condition {self._text!r}")
        return places[comparison]

    def _given(self, placeholder: str, values: Mapping[str, Any]) -> Any:
        if placeholder not in values:
            raise ExpressionError(
                "Invalid KeyConditionExpression: An expression attribute value used in expression is not defined; "
                f"attribute value: {placeholder}"
            )
        return value_of(values[placeholder])


def page_of(records: Sequence[Record], limit: int | None) -> tuple[list[Item], int, Item | None]:
    """Return the items of a page, their size, and the last of them if it is not the last of all."""
    size = 0
    for count, record in enumerate(records, 1):
        size += record.size
        if size >= PAGE_BYTES or count == limit:
            return [dict(one.item) for one in records[:count]], size, record.item
    return [dict(one.item) for one in records], size, None
