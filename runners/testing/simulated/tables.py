"""Tables of the simulated DynamoDB: items in the order of their keys, indexes that follow with a lag, and the price.

Nothing here knows an expression or an error of the API.
"""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections import deque
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from runners.testing.simulated.account import NotSimulatedError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

WRITE_UNIT = 1_024  # bytes
READ_UNIT = 4_096  # bytes, strongly consistent

Item = dict[str, Any]
Key = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Record:
    """An item and its size in bytes."""

    item: Item
    size: int

    @classmethod
    def of(cls, item: Item) -> Record:
        """Return an item with its size."""
        return cls(item, size_of(item))


@dataclass(slots=True)
class Partition:
    """The items of one partition key, in the order of their sort keys."""

    order: list[Any] = field(default_factory=list)
    records: dict[Any, Record] = field(default_factory=dict)

    def put(self, sort: Any, record: Record) -> None:
        """Put an item in its place."""
        if sort not in self.records:
            insort(self.order, sort)
        self.records[sort] = record

    def delete(self, sort: Any) -> None:
        """Delete an item, if it is there."""
        if self.records.pop(sort, None) is not None:
            del self.order[bisect_left(self.order, sort)]


class Index:
    """A global secondary index, which follows its table with a lag."""

    def __init__(
        self, name: str, keys: Sequence[str], table_keys: Sequence[str], projection: Mapping[str, Any]
    ) -> None:
        self.name = name
        self.keys = tuple(keys)
        self.table_keys = tuple(table_keys)
        self.lag = timedelta(0)
        kind = projection.get("ProjectionType", "ALL")
        self._projected = None if kind == "ALL" else {*keys, *table_keys, *projection.get("NonKeyAttributes", ())}
        self._pending: deque[tuple[datetime, Key, Record | None]] = deque()
        self._shown: dict[Key, Record] = {}
        self.partitions: dict[Any, Partition] = {}

    def projected(self, record: Record | None) -> Record | None:
        """Return what the index has of an item; None if the item lacks a key of the index."""
        if record is None or any(key not in record.item for key in self.keys):
            return None
        if self._projected is None:
            return record
        return Record.of({name: value for name, value in record.item.items() if name in self._projected})

    def follow(self, now: datetime, key: Key, before: Record | None, after: Record | None) -> int:
        """Take over a write, and return its write units."""
        old, new = self.projected(before), self.projected(after)
        if old == new:
            return 0
        self._pending.append((now + self.lag, key, new))
        self.catch_up(now)
        moved = old and new and any(old.item[name] != new.item[name] for name in self.keys)
        return sum(units_of(one.size, WRITE_UNIT) for one in ([old, new] if moved else [new or old]) if one)

    def catch_up(self, now: datetime) -> None:
        """Show what is due."""
        while self._pending and self._pending[0][0] <= now:
            _, key, record = self._pending.popleft()
            self._show(key, record)

    def _show(self, key: Key, record: Record | None) -> None:
        if shown := self._shown.pop(key, None):
            partition_key = value_of(shown.item[self.keys[0]])
            self.partitions[partition_key].delete(self.sort_of(shown.item, key))
            if not self.partitions[partition_key].order:
                del self.partitions[partition_key]
        if record is not None:
            self._shown[key] = record
            partition = self.partitions.setdefault(value_of(record.item[self.keys[0]]), Partition())
            partition.put(self.sort_of(record.item, key), record)

    def sort_of(self, item: Item, key: Key) -> Key:
        """Return by what an item stands in its order; items of the same keys in the order of the table's."""
        return (*(value_of(item[name]) for name in self.keys[1:]), *key)


class Table:
    """A table, as a test sees it.

    Attributes:
        name: its name.
        indexes: by name; ``indexes["by_run"].lag`` is how long its index shows less than the table.
        write_units: that were used, as on-demand tables are billed, those of its indexes and of refused writes too.
        read_units: that were used.

    """

    def __init__(self, name: str, keys: Sequence[str], indexes: Mapping[str, Index]) -> None:
        self.name = name
        self.keys = tuple(keys)
        self.indexes = dict(indexes)
        self.write_units = 0.0
        self.read_units = 0.0
        self._partitions: dict[Any, Partition] = {}

    def items(self) -> list[Item]:
        """Return all items as they are now, partition by partition."""
        return [
            dict(partition.records[sort].item) for partition in self._partitions.values() for sort in partition.order
        ]

    def partition(self, index: str | None, value: Any) -> Partition | None:
        """Return the items with a partition key, of the table or of one of its indexes."""
        return (self._partitions if index is None else self.indexes[index].partitions).get(value)

    def key_of(self, item: Item) -> Key:
        """Return the values of an item's key."""
        return tuple(value_of(item[name]) for name in self.keys)

    def get(self, key: Key) -> Record | None:
        """Return the item with a key."""
        partition = self._partitions.get(key[0])
        return partition.records.get(key[1:]) if partition else None

    def write(self, key: Key, record: Record | None, now: datetime) -> float:
        """Put an item, or delete it if None, and return the write units."""
        before = self.get(key)
        partition = self._partitions.setdefault(key[0], Partition())
        if record is None:
            partition.delete(key[1:])
        else:
            partition.put(key[1:], record)
        largest = max(one.size if one else 0 for one in (before, record))
        of_indexes = sum(index.follow(now, key, before, record) for index in self.indexes.values())
        return units_of(largest, WRITE_UNIT) + of_indexes


def size_of(item: Mapping[str, Any]) -> int:
    """Return the size of an item in bytes, as DynamoDB counts it: its names and values."""
    return sum(_length(name) + _size(value) for name, value in item.items())


def _size(value: Mapping[str, Any]) -> int:
    ((kind, content),) = value.items()
    if kind == "S":
        return _length(content)
    if kind == "N":
        return (len(content.lstrip("-").replace(".", "").strip("0")) + 1) // 2 + 1
    if kind in {"BOOL", "NULL"}:
        return 1
    if kind == "B":
        return len(content)
    if kind == "L":
        return 3 + sum(1 + _size(one) for one in content)
    if kind == "M":
        return 3 + sum(1 + _length(name) + _size(one) for name, one in content.items())
    raise NotSimulatedError(f"the simulated DynamoDB does not know values of type {kind}")


def _length(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


def units_of(size: int, unit: int) -> int:
    """Return how many units a size in bytes is billed as: one at least."""
    return max(1, math.ceil(size / unit))


def value_of(value: Mapping[str, Any]) -> Any:
    """Return an attribute value by which items can be put in order."""
    ((kind, content),) = value.items()
    return float(content) if kind == "N" else content
