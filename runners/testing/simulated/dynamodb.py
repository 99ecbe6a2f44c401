"""DynamoDB, simulated as far as tables with a partition key, a sort key and indexes go; billed as AWS bills on demand.

Items are kept as boto3's client gives them (``{"S": "text"}``). Reads of a table show every write; an index shows it
after its lag, which a test may set.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right, insort
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from runners.testing.simulated import expressions
from runners.testing.simulated.account import ACCOUNT, REGION, Account, Client, NotSimulatedError, operation
from runners.testing.simulated.expressions import ExpressionError, Item

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from botocore.exceptions import ClientError

PAGE_BYTES = 1_048_576  # of a query
LARGEST_ITEM = 409_600  # bytes
MAX_TRANSACTION = 100  # actions
WRITE_UNIT = 1_024  # bytes
READ_UNIT = 4_096  # bytes, strongly consistent
TOKEN_LASTS = timedelta(minutes=10)  # of a transaction

_FAILED = "ConditionalCheckFailedException"
_FAILED_TEXT = "The conditional request failed"

Key = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class _Record:
    item: Item
    size: int  # bytes


@dataclass(slots=True)
class _Partition:
    """The items of one partition key, in the order of their sort keys."""

    order: list[Any] = field(default_factory=list)
    records: dict[Any, _Record] = field(default_factory=dict)

    def put(self, sort: Any, record: _Record) -> None:
        if sort not in self.records:
            insort(self.order, sort)
        self.records[sort] = record

    def delete(self, sort: Any) -> None:
        if self.records.pop(sort, None) is not None:
            del self.order[bisect_left(self.order, sort)]


class _Index:
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
        self._pending: deque[tuple[datetime, Key, Item | None]] = deque()
        self._shown: dict[Key, Item] = {}
        self.partitions: dict[Any, _Partition] = {}

    def projected(self, item: Item | None) -> Item | None:
        """Return what the index has of an item; None if the item lacks a key of the index."""
        if item is None or any(key not in item for key in self.keys):
            return None
        if self._projected is None:
            return item
        return {name: value for name, value in item.items() if name in self._projected}

    def follow(self, now: datetime, key: Key, before: Item | None, after: Item | None) -> int:
        """Take over a write, and return its write units."""
        old, new = self.projected(before), self.projected(after)
        if old == new:
            return 0
        self._pending.append((now + self.lag, key, new))
        moved = old and new and any(old[name] != new[name] for name in self.keys)
        return sum(_units(size_of(one), WRITE_UNIT) for one in ([old, new] if moved else [new or old]) if one)

    def catch_up(self, now: datetime) -> None:
        """Show what is due."""
        while self._pending and self._pending[0][0] <= now:
            _, key, item = self._pending.popleft()
            self._show(key, item)

    def _show(self, key: Key, item: Item | None) -> None:
        if shown := self._shown.pop(key, None):
            self.partitions[_value(shown[self.keys[0]])].delete(self.sort_of(shown, key))
        if item is not None:
            self._shown[key] = item
            partition = self.partitions.setdefault(_value(item[self.keys[0]]), _Partition())
            partition.put(self.sort_of(item, key), _Record(item, size_of(item)))

    def sort_of(self, item: Item, key: Key) -> Key:
        """Return by what an item stands in its order; items of the same keys in the order of the table's."""
        return (*(_value(item[name]) for name in self.keys[1:]), *key)


class Table:
    """A table, as a test sees it.

    Attributes:
        name: its name.
        indexes: by name; ``indexes["by_run"].lag`` is how long its index shows less than the table.
        write_units: that were used, as on-demand tables are billed, those of its indexes and of refused writes too.
        read_units: that were used.

    """

    def __init__(self, name: str, keys: Sequence[str], indexes: Mapping[str, _Index]) -> None:
        self.name = name
        self.keys = tuple(keys)
        self.indexes = dict(indexes)
        self.write_units = 0.0
        self.read_units = 0.0
        self._partitions: dict[Any, _Partition] = {}

    def items(self) -> list[Item]:
        """Return all items as they are now, partition by partition."""
        return [
            dict(partition.records[sort].item) for partition in self._partitions.values() for sort in partition.order
        ]

    def partition(self, index: str | None, value: Any) -> _Partition | None:
        """Return the items with a partition key, of the table or of one of its indexes."""
        return (self._partitions if index is None else self.indexes[index].partitions).get(value)

    def key_of(self, item: Item) -> Key:
        """Return the values of an item's key."""
        return tuple(_value(item[name]) for name in self.keys)

    def get(self, key: Key) -> _Record | None:
        """Return the item with a key."""
        partition = self._partitions.get(key[0])
        return partition.records.get(key[1:]) if partition else None

    def write(self, key: Key, item: Item | None, now: datetime) -> float:
        """Put an item, or delete it if None, and return the write units."""
        before = self.get(key)
        partition = self._partitions.setdefault(key[0], _Partition())
        size = 0
        if item is None:
            partition.delete(key[1:])
        else:
            size = size_of(item)
            partition.put(key[1:], _Record(item, size))
        old = None if before is None else before.item
        of_indexes = sum(index.follow(now, key, old, item) for index in self.indexes.values())
        return _units(max(size, before.size if before else 0), WRITE_UNIT) + of_indexes


class DynamoDB(Client):
    """The client of DynamoDB; ``tables`` shows a test what is in them and what they cost."""

    service = "dynamodb"

    def __init__(self, account: Account) -> None:
        super().__init__(account)
        self.tables: dict[str, Table] = {}
        """The tables by name."""
        self._transactions: dict[str, tuple[datetime, Any]] = {}

    @operation
    def create_table(
        self,
        *,
        TableName: str,  # noqa: N803
        KeySchema: Sequence[Mapping[str, str]],  # noqa: N803
        AttributeDefinitions: Sequence[Mapping[str, str]],  # noqa: ARG002, N803
        GlobalSecondaryIndexes: Sequence[Mapping[str, Any]] = (),  # noqa: N803
        BillingMode: str = "PAY_PER_REQUEST",  # noqa: ARG002, N803
    ) -> dict[str, Any]:
        """Create a table, which is there at once."""
        keys = _keys(KeySchema)
        indexes = {
            one["IndexName"]: _Index(one["IndexName"], _keys(one["KeySchema"]), keys, one.get("Projection", {}))
            for one in GlobalSecondaryIndexes
        }
        if TableName in self.tables:
            raise self._refusal("create_table", "ResourceInUseException", f"Table already exists: {TableName}")
        self.tables[TableName] = Table(TableName, keys, indexes)
        return {"TableDescription": {"TableName": TableName, "TableStatus": "ACTIVE"}}

    @operation
    def describe_table(self, *, TableName: str) -> dict[str, Any]:  # noqa: N803
        """Return that a table is there, and its key."""
        table = self._table("describe_table", TableName)
        schema = [
            {"AttributeName": name, "KeyType": kind} for name, kind in zip(table.keys, ("HASH", "RANGE"), strict=False)
        ]
        arn = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{TableName}"
        return {
            "Table": {"TableName": TableName, "TableStatus": "ACTIVE", "TableArn": arn, "KeySchema": schema},
        }

    @operation
    def get_item(
        self,
        *,
        TableName: str,  # noqa: N803
        Key: Item,  # noqa: N803
        ConsistentRead: bool = False,  # noqa: N803
    ) -> dict[str, Any]:
        """Return an item."""
        table = self._table("get_item", TableName)
        record = table.get(self._key("get_item", table, Key))
        table.read_units += _units(record.size if record else 0, READ_UNIT) * (1 if ConsistentRead else 0.5)
        return {} if record is None else {"Item": dict(record.item)}

    @operation
    def put_item(
        self,
        *,
        TableName: str,  # noqa: N803
        Item: Item,  # noqa: N803
        ConditionExpression: str = "",  # noqa: N803
        ExpressionAttributeNames: dict[str, str] | None = None,  # noqa: N803
        ExpressionAttributeValues: dict[str, Any] | None = None,  # noqa: N803
        ReturnValues: str = "NONE",  # noqa: N803
        ReturnValuesOnConditionCheckFailure: str = "NONE",  # noqa: N803
    ) -> dict[str, Any]:
        """Put an item in place of another with its key, if there is one."""
        action = _Action(
            self,
            "put_item",
            TableName,
            item=Item,
            condition=ConditionExpression,
            names=ExpressionAttributeNames,
            values=ExpressionAttributeValues,
            shows_old=ReturnValuesOnConditionCheckFailure == "ALL_OLD",
        )
        return action.alone(ReturnValues)

    @operation
    def delete_item(
        self,
        *,
        TableName: str,  # noqa: N803
        Key: Item,  # noqa: N803
        ConditionExpression: str = "",  # noqa: N803
        ExpressionAttributeNames: dict[str, str] | None = None,  # noqa: N803
        ExpressionAttributeValues: dict[str, Any] | None = None,  # noqa: N803
        ReturnValues: str = "NONE",  # noqa: N803
        ReturnValuesOnConditionCheckFailure: str = "NONE",  # noqa: N803
    ) -> dict[str, Any]:
        """Delete an item; one that is not there is no error."""
        action = _Action(
            self,
            "delete_item",
            TableName,
            key=Key,
            condition=ConditionExpression,
            names=ExpressionAttributeNames,
            values=ExpressionAttributeValues,
            shows_old=ReturnValuesOnConditionCheckFailure == "ALL_OLD",
        )
        return action.alone(ReturnValues)

    @operation
    def update_item(
        self,
        *,
        TableName: str,  # noqa: N803
        Key: Item,  # noqa: N803
        UpdateExpression: str,  # noqa: N803
        ConditionExpression: str = "",  # noqa: N803
        ExpressionAttributeNames: dict[str, str] | None = None,  # noqa: N803
        ExpressionAttributeValues: dict[str, Any] | None = None,  # noqa: N803
        ReturnValues: str = "NONE",  # noqa: N803
        ReturnValuesOnConditionCheckFailure: str = "NONE",  # noqa: N803
    ) -> dict[str, Any]:
        """Change some attributes of an item, which comes to be if it is not there."""
        action = _Action(
            self,
            "update_item",
            TableName,
            key=Key,
            update=UpdateExpression,
            condition=ConditionExpression,
            names=ExpressionAttributeNames,
            values=ExpressionAttributeValues,
            shows_old=ReturnValuesOnConditionCheckFailure == "ALL_OLD",
        )
        return action.alone(ReturnValues)

    @operation
    def transact_write_items(
        self,
        *,
        TransactItems: Sequence[Mapping[str, Any]],  # noqa: N803
        ClientRequestToken: str | None = None,  # noqa: N803
    ) -> dict[str, Any]:
        """Do all of up to a hundred writes and checks, or none."""
        method = "transact_write_items"
        if not 1 <= len(TransactItems) <= MAX_TRANSACTION:
            raise self.invalid(method, f"Member must have length less than or equal to {MAX_TRANSACTION}")
        if ClientRequestToken and self._done_before(ClientRequestToken, TransactItems):
            return {}
        actions = [_action_of(self, one) for one in TransactItems]
        if len({(action.table.name, action.key) for action in actions}) < len(actions):
            raise self.invalid(method, "Transaction request cannot include multiple operations on one item")
        reasons = [action.reason() for action in actions]
        for action in actions:
            action.check_update()
        if any(reason["Code"] != "None" for reason in reasons):
            for action in actions:
                action.table.write_units += 2 * action.units_if_refused()
            codes = ", ".join(reason["Code"] for reason in reasons)
            text = f"Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]"
            raise self._refusal(method, "TransactionCanceledException", text, CancellationReasons=reasons)
        for action in actions:
            action.apply(times=2)
        if ClientRequestToken:
            self._transactions[ClientRequestToken] = (self._account.now(), TransactItems)
        return {}

    @operation
    def query(
        self,
        *,
        TableName: str,  # noqa: N803
        KeyConditionExpression: str,  # noqa: N803
        ExpressionAttributeValues: dict[str, Any],  # noqa: N803
        ExpressionAttributeNames: dict[str, str] | None = None,  # noqa: N803
        IndexName: str | None = None,  # noqa: N803
        ConsistentRead: bool = False,  # noqa: N803
        ExclusiveStartKey: Item | None = None,  # noqa: N803
        ScanIndexForward: bool = True,  # noqa: N803
        Limit: int | None = None,  # noqa: N803
        Select: str = "ALL_ATTRIBUTES",  # noqa: N803
    ) -> dict[str, Any]:
        """Return the items with a partition key, a megabyte at a time, in the order of their sort key."""
        table = self._table("query", TableName)
        index = self._index(table, IndexName, ConsistentRead=ConsistentRead)
        names, values = ExpressionAttributeNames or {}, ExpressionAttributeValues
        self.no_placeholder_is_unused("query", KeyConditionExpression, names, values)
        asked = _Asked(index.keys if index else table.keys, KeyConditionExpression)
        try:
            partition = table.partition(IndexName, asked.partition(names, values)) or _Partition()
            start, end = asked.range(partition.order, names, values)
        except ExpressionError as error:
            raise self.invalid("query", str(error)) from None
        if ExclusiveStartKey is not None:
            key = table.key_of(ExclusiveStartKey)
            after = index.sort_of(ExclusiveStartKey, key) if index else key[1:]
            if ScanIndexForward:
                start = max(start, bisect_right(partition.order, after))
            else:
                end = min(end, bisect_left(partition.order, after))
        found = partition.order[start:end] if ScanIndexForward else partition.order[start:end][::-1]
        items, size, last = _page([partition.records[sort] for sort in found], Limit)
        table.read_units += _units(size, READ_UNIT) * (1 if ConsistentRead else 0.5)
        answer: dict[str, Any] = {"Count": len(items), "ScannedCount": len(items)}
        if Select != "COUNT":
            answer["Items"] = items
        if last is not None:
            answer["LastEvaluatedKey"] = {name: last[name] for name in {*table.keys, *(index.keys if index else ())}}
        return answer

    def _index(self, table: Table, name: str | None, *, ConsistentRead: bool) -> _Index | None:  # noqa: N803
        if name is None:
            return None
        if name not in table.indexes:
            raise self.invalid("query", f"The table does not have the specified index: {name}")
        if ConsistentRead:
            raise self.invalid("query", "Consistent reads are not supported on global secondary indexes")
        table.indexes[name].catch_up(self._account.now())
        return table.indexes[name]

    def delete_expired(self, table: str, attribute: str = "expires_at") -> int:
        """Delete the items whose time to live is over, as DynamoDB does some time later; return how many."""
        with self._account.changed:
            now = self._account.now()
            this = self.tables[table]
            gone = [
                item
                for item in this.items()
                if "N" in item.get(attribute, {}) and float(item[attribute]["N"]) <= now.timestamp()
            ]
            for item in gone:
                this.write(this.key_of(item), None, now)  # these deletes cost nothing
            return len(gone)

    def invalid(self, method: str, message: str) -> ClientError:
        """Return the error for a request that DynamoDB does not take."""
        return self._refusal(method, "ValidationException", message)

    def _table(self, method: str, name: str) -> Table:
        if name not in self.tables:
            raise self._refusal(method, "ResourceNotFoundException", "Requested resource not found")
        return self.tables[name]

    def _key(self, method: str, table: Table, key: Item) -> Key:
        if set(key) != set(table.keys):
            raise self.invalid(method, "The provided key element does not match the schema")
        return table.key_of(key)

    def _done_before(self, token: str, items: Any) -> bool:
        at, before = self._transactions.get(token, (None, None))
        if at is None or self._account.now() - at > TOKEN_LASTS:
            return False
        if before != items:
            raise self._refusal(
                "transact_write_items", "IdempotentParameterMismatchException", "The parameters differ from the first"
            )
        return True

    def no_placeholder_is_unused(
        self, method: str, text: str, names: Mapping[str, str], values: Mapping[str, Any]
    ) -> None:
        """Raise a ``ValidationException`` if there are names or values that the expressions do not use."""
        if unused := sorted({*names, *values} - expressions.used(text)):
            kind = "Values" if unused[0].startswith(":") else "Names"
            raise self.invalid(
                method, f"Value provided in ExpressionAttribute{kind} unused in expressions: keys: {{{unused[0]}}}"
            )


class _Action:
    """One write or check, alone or in a transaction."""

    def __init__(
        self,
        dynamodb: DynamoDB,
        method: str,
        table: str,
        *,
        key: Item | None = None,
        item: Item | None = None,
        update: str = "",
        condition: str = "",
        names: Mapping[str, str] | None = None,
        values: Mapping[str, Any] | None = None,
        shows_old: bool = False,
        writes: bool = True,
    ) -> None:
        self._dynamodb = dynamodb
        self._method = method
        self.table = dynamodb._table(method, table)
        self._names, self._values = dict(names or {}), dict(values or {})
        dynamodb.no_placeholder_is_unused(method, f"{condition} {update}", self._names, self._values)
        if item is not None:
            self._check_item(item)
            self._item: Item | None = {name: dict(value) for name, value in item.items()}
            self.key = self.table.key_of(item)
        else:
            self._item = None
            self.key = dynamodb._key(method, self.table, key or {})
        self._given_key = key
        self._condition = expressions.condition(condition) if condition else None
        self._update = expressions.update(update) if update else None
        self._shows_old = shows_old
        self._writes = writes
        self.before = self.table.get(self.key)

    def holds(self) -> bool:
        """Whether the condition holds."""
        if self._condition is None:
            return True
        try:
            return self._condition(self.before.item if self.before else {}, self._names, self._values)
        except ExpressionError as error:
            raise self._dynamodb.invalid(self._method, f"Invalid ConditionExpression: {error}") from None

    def alone(self, return_values: str) -> dict[str, Any]:
        """Do it, if its condition holds."""
        if not self.holds():
            self.table.write_units += self.units_if_refused()
            old = {"Item": dict(self.before.item)} if self._shows_old and self.before else {}
            raise self._dynamodb._refusal(self._method, _FAILED, _FAILED_TEXT, **old)
        self.check_update()
        self.apply()
        if return_values == "ALL_OLD":
            return {"Attributes": dict(self.before.item)} if self.before else {}
        if return_values == "ALL_NEW" and self._item is not None:
            return {"Attributes": dict(self._item)}
        if return_values != "NONE":
            raise NotSimulatedError(f"the simulated DynamoDB does not know ReturnValues={return_values!r} here")
        return {}

    def reason(self) -> dict[str, Any]:
        """Return why this cancels its transaction; the code ``None`` if it does not."""
        if self.holds():
            return {"Code": "None"}
        old = {"Item": dict(self.before.item)} if self._shows_old and self.before else {}
        return {"Code": "ConditionalCheckFailed", "Message": _FAILED_TEXT, **old}

    def check_update(self) -> None:
        """Make the new item of an update."""
        if self._update is None:
            return
        before = self.before.item if self.before else dict(self._given_key or {})
        try:
            self._item = self._update(before, self._names, self._values)
        except ExpressionError as error:
            raise self._dynamodb.invalid(self._method, str(error)) from None
        self._check_item(self._item)
        if self.table.key_of(self._item) != self.key:
            raise self._dynamodb.invalid(self._method, "Cannot update attribute. This attribute is part of the key")

    def apply(self, times: int = 1) -> None:
        """Write, at that many times the price."""
        if self._writes:
            units = self.table.write(self.key, self._item, self._dynamodb._account.now())
        else:
            units = self.units_if_refused()
        self.table.write_units += times * units

    def units_if_refused(self) -> int:
        """Return the write units of an action whose condition does not hold."""
        return _units(self.before.size if self.before else 0, WRITE_UNIT)

    def _check_item(self, item: Item) -> None:
        for key in self.table.keys:
            if key not in item:
                raise self._dynamodb.invalid(
                    self._method, f"One or more parameter values were invalid: Missing the key {key} in the item"
                )
        keys = {*self.table.keys, *(key for index in self.table.indexes.values() for key in index.keys)}
        for key in keys & item.keys():
            if _value(item[key]) == "":
                raise self._dynamodb.invalid(
                    self._method,
                    "One or more parameter values are not valid. "
                    f"The AttributeValue for a key attribute cannot contain an empty string value. Key: {key}",
                )
        if size_of(item) > LARGEST_ITEM:
            raise self._dynamodb.invalid(self._method, "Item size has exceeded the maximum allowed size")


def _action_of(dynamodb: DynamoDB, write: Mapping[str, Any]) -> _Action:
    """Return an element of a transaction as an action."""
    ((kind, parameters),) = write.items()
    known = {
        "TableName",
        "Key",
        "Item",
        "UpdateExpression",
        "ConditionExpression",
        "ExpressionAttributeNames",
        "ExpressionAttributeValues",
        "ReturnValuesOnConditionCheckFailure",
    }
    if kind not in {"Put", "Update", "Delete", "ConditionCheck"} or not known.issuperset(parameters):
        raise NotSimulatedError(f"the simulated DynamoDB does not know a transaction's {kind} of {sorted(parameters)}")
    return _Action(
        dynamodb,
        "transact_write_items",
        parameters["TableName"],
        key=parameters.get("Key"),
        item=parameters.get("Item"),
        update=parameters.get("UpdateExpression", ""),
        condition=parameters.get("ConditionExpression", ""),
        names=parameters.get("ExpressionAttributeNames"),
        values=parameters.get("ExpressionAttributeValues"),
        shows_old=parameters.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD",
        writes=kind != "ConditionCheck",
    )


class _Asked:
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
        return _value(values[placeholder])


def _page(records: Sequence[_Record], limit: int | None) -> tuple[list[Item], int, Item | None]:
    """Return the items of a page, their size, and the last of them if it is not the last of all."""
    size = 0
    for count, record in enumerate(records, 1):
        size += record.size
        if size >= PAGE_BYTES or count == limit:
            return [dict(one.item) for one in records[:count]], size, record.item
    return [dict(one.item) for one in records], size, None


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


def _units(size: int, unit: int) -> int:
    return max(1, math.ceil(size / unit))


def _value(value: Mapping[str, Any]) -> Any:
    ((kind, content),) = value.items()
    return float(content) if kind == "N" else content


def _keys(schema: Sequence[Mapping[str, str]]) -> list[str]:
    return [key["AttributeName"] for key in sorted(schema, key=lambda key: key["KeyType"])]  # HASH before RANGE
