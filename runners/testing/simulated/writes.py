"""One write or check of the simulated DynamoDB, alone or in a transaction: its condition, its new item, its errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runners.testing.simulated import expressions
from runners.testing.simulated.account import NotSimulatedError
from runners.testing.simulated.expressions import ExpressionError
from runners.testing.simulated.tables import WRITE_UNIT, Record, units_of, value_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runners.testing.simulated.dynamodb import DynamoDB
    from runners.testing.simulated.tables import Item

LARGEST_ITEM = 409_600  # bytes

_FAILED = "ConditionalCheckFailedException"
_FAILED_TEXT = "The conditional request failed"


class Action:
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
        self.table = dynamodb.table(method, table)
        self._names, self._values = dict(names or {}), dict(values or {})
        self._condition = expressions.condition(condition) if condition else None
        self._update = expressions.update(update) if update else None
        dynamodb.no_placeholder_is_unused(method, f"{condition} {update}", self._names, self._values)
        if item is not None:
            self._record: Record | None = self._checked({name: dict(value) for name, value in item.items()})
            self.key = self.table.key_of(item)
        else:
            self._record = None
            self.key = dynamodb.key(method, self.table, key or {})
        self._given_key = key
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
            raise self._dynamodb.refusal(self._method, _FAILED, _FAILED_TEXT, **old)
        self.check_update()
        self.apply()
        if return_values == "ALL_OLD":
            return {"Attributes": dict(self.before.item)} if self.before else {}
        if return_values == "ALL_NEW" and self._update and self._record:
            return {"Attributes": dict(self._record.item)}
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
            self._record = self._checked(self._update(before, self._names, self._values))
        except ExpressionError as error:
            raise self._dynamodb.invalid(self._method, str(error)) from None
        if self.table.key_of(self._record.item) != self.key:
            raise self._dynamodb.invalid(self._method, "Cannot update attribute. This attribute is part of the key")

    def apply(self, times: int = 1) -> None:
        """Write, at that many times the price."""
        if self._writes:
            units = self.table.write(self.key, self._record, self._dynamodb.now())
        else:
            units = self.units_if_refused()
        self.table.write_units += times * units

    def units_if_refused(self) -> int:
        """Return the write units of an action whose condition does not hold."""
        return units_of(self.before.size if self.before else 0, WRITE_UNIT)

    def _checked(self, item: Item) -> Record:
        """Return an item with its size, if the table takes it."""
        for key in self.table.keys:
            if key not in item:
                raise self._dynamodb.invalid(
                    self._method, f"One or more parameter values were invalid: Missing the key {key} in the item"
                )
        keys = {*self.table.keys, *(key for index in self.table.indexes.values() for key in index.keys)}
        for key in keys & item.keys():
            if value_of(item[key]) == "":
                raise self._dynamodb.invalid(
                    self._method,
                    "One or more parameter values are not valid. "
                    f"The AttributeValue for a key attribute cannot contain an empty string value. Key: {key}",
                )
        record = Record.of(item)
        if record.size > LARGEST_ITEM:
            raise self._dynamodb.invalid(self._method, "Item size has exceeded the maximum allowed size")
        return record


def action_of(dynamodb: DynamoDB, write: Mapping[str, Any]) -> Action:
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
    return Action(
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
