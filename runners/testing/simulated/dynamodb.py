# ruff: noqa: N803  # parameters are named as boto3 names them
"""DynamoDB, simulated as far as tables with a partition key, a sort key and indexes go; billed as AWS bills on demand.

Items are kept as boto3's client gives them (``{"S": "text"}``). Reads of a table show every write; an index shows it
after its lag, which a test may set.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from runners.testing.simulated import expressions
from runners.testing.simulated.account import ACCOUNT, REGION, Account, Client, operation
from runners.testing.simulated.expressions import ExpressionError
from runners.testing.simulated.queries import KeyCondition, page_of
from runners.testing.simulated.tables import READ_UNIT, Index, Partition, Table, units_of
from runners.testing.simulated.writes import Action, action_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from botocore.exceptions import ClientError

    from runners.testing.simulated.tables import Item, Key

MAX_TRANSACTION = 100  # actions
TOKEN_LASTS = timedelta(minutes=10)  # of a transaction


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
        TableName: str,
        KeySchema: Sequence[Mapping[str, str]],
        AttributeDefinitions: Sequence[Mapping[str, str]],  # noqa: ARG002
        GlobalSecondaryIndexes: Sequence[Mapping[str, Any]] = (),
        BillingMode: str = "PAY_PER_REQUEST",  # noqa: ARG002
    ) -> dict[str, Any]:
        """Create a table, which is there at once."""
        keys = _keys(KeySchema)
        indexes = {
            one["IndexName"]: Index(one["IndexName"], _keys(one["KeySchema"]), keys, one.get("Projection", {}))
            for one in GlobalSecondaryIndexes
        }
        if TableName in self.tables:
            raise self.refusal("create_table", "ResourceInUseException", f"Table already exists: {TableName}")
        self.tables[TableName] = Table(TableName, keys, indexes)
        return {"TableDescription": {"TableName": TableName, "TableStatus": "ACTIVE"}}

    @operation
    def describe_table(self, *, TableName: str) -> dict[str, Any]:
        """Return that a table is there, and its key."""
        table = self.table("describe_table", TableName)
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
        TableName: str,
        Key: Item,
        ConsistentRead: bool = False,
    ) -> dict[str, Any]:
        """Return an item."""
        table = self.table("get_item", TableName)
        record = table.get(self.key("get_item", table, Key))
        table.read_units += units_of(record.size if record else 0, READ_UNIT) * (1 if ConsistentRead else 0.5)
        return {} if record is None else {"Item": dict(record.item)}

    @operation
    def put_item(
        self,
        *,
        TableName: str,
        Item: Item,
        ConditionExpression: str = "",
        ExpressionAttributeNames: dict[str, str] | None = None,
        ExpressionAttributeValues: dict[str, Any] | None = None,
        ReturnValues: str = "NONE",
        ReturnValuesOnConditionCheckFailure: str = "NONE",
    ) -> dict[str, Any]:
        """Put an item in place of another with its key, if there is one."""
        action = Action(
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
        TableName: str,
        Key: Item,
        ConditionExpression: str = "",
        ExpressionAttributeNames: dict[str, str] | None = None,
        ExpressionAttributeValues: dict[str, Any] | None = None,
        ReturnValues: str = "NONE",
        ReturnValuesOnConditionCheckFailure: str = "NONE",
    ) -> dict[str, Any]:
        """Delete an item; one that is not there is no error."""
        action = Action(
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
        TableName: str,
        Key: Item,
        UpdateExpression: str,
        ConditionExpression: str = "",
        ExpressionAttributeNames: dict[str, str] | None = None,
        ExpressionAttributeValues: dict[str, Any] | None = None,
        ReturnValues: str = "NONE",
        ReturnValuesOnConditionCheckFailure: str = "NONE",
    ) -> dict[str, Any]:
        """Change some attributes of an item, which comes to be if it is not there."""
        action = Action(
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
        TransactItems: Sequence[Mapping[str, Any]],
        ClientRequestToken: str | None = None,
    ) -> dict[str, Any]:
        """Do all of up to a hundred writes and checks, or none."""
        method = "transact_write_items"
        if not 1 <= len(TransactItems) <= MAX_TRANSACTION:
            raise self.invalid(method, f"Member must have length less than or equal to {MAX_TRANSACTION}")
        if ClientRequestToken and self._done_before(ClientRequestToken, TransactItems):
            return {}
        actions = [action_of(self, one) for one in TransactItems]
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
            raise self.refusal(method, "TransactionCanceledException", text, CancellationReasons=reasons)
        for action in actions:
            action.apply(times=2)
        if ClientRequestToken:
            self._transactions[ClientRequestToken] = (self._account.now(), TransactItems)
        return {}

    @operation
    def query(
        self,
        *,
        TableName: str,
        KeyConditionExpression: str,
        ExpressionAttributeValues: dict[str, Any],
        ExpressionAttributeNames: dict[str, str] | None = None,
        IndexName: str | None = None,
        ConsistentRead: bool = False,
        ExclusiveStartKey: Item | None = None,
        ScanIndexForward: bool = True,
        Limit: int | None = None,
        Select: str = "ALL_ATTRIBUTES",
    ) -> dict[str, Any]:
        """Return the items with a partition key, a megabyte at a time, in the order of their sort key."""
        table = self.table("query", TableName)
        index = self._index(table, IndexName, ConsistentRead=ConsistentRead)
        names, values = ExpressionAttributeNames or {}, ExpressionAttributeValues
        self.no_placeholder_is_unused("query", KeyConditionExpression, names, values)
        asked = KeyCondition(index.keys if index else table.keys, KeyConditionExpression)
        try:
            partition = table.partition(IndexName, asked.partition(names, values)) or Partition()
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
        items, size, last = page_of([partition.records[sort] for sort in found], Limit)
        table.read_units += units_of(size, READ_UNIT) * (1 if ConsistentRead else 0.5)
        answer: dict[str, Any] = {"Count": len(items), "ScannedCount": len(items)}
        if Select != "COUNT":
            answer["Items"] = items
        if last is not None:
            answer["LastEvaluatedKey"] = {name: last[name] for name in {*table.keys, *(index.keys if index else ())}}
        return answer

    def _index(self, table: Table, name: str | None, *, ConsistentRead: bool) -> Index | None:
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
        with self._account.lock:
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
        return self.refusal(method, "ValidationException", message)

    def table(self, method: str, name: str) -> Table:
        """Return a table, or raise a ``ResourceNotFoundException``."""
        if name not in self.tables:
            raise self.refusal(method, "ResourceNotFoundException", "Requested resource not found")
        return self.tables[name]

    def key(self, method: str, table: Table, key: Item) -> Key:
        """Return a key's values, or raise a ``ValidationException`` if it is none of the table."""
        if set(key) != set(table.keys):
            raise self.invalid(method, "The provided key element does not match the schema")
        return table.key_of(key)

    def _done_before(self, token: str, items: Any) -> bool:
        at, before = self._transactions.get(token, (None, None))
        if at is None or self._account.now() - at > TOKEN_LASTS:
            return False
        if before != items:
            raise self.refusal(
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


def _keys(schema: Sequence[Mapping[str, str]]) -> list[str]:
    return [key["AttributeName"] for key in sorted(schema, key=lambda key: key["KeyType"])]  # HASH before RANGE
