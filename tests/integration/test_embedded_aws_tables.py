from __future__ import annotations

import contextlib
import threading
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from moto.dynamodb.models import table

from tests.integration.waiting import in_background

if TYPE_CHECKING:
    import pytest

    from runners.local.server import EmbeddedAWS


def test_of_two_conditional_writes_at_once_one_succeeds(
    embedded_aws: EmbeddedAWS, monkeypatch: pytest.MonkeyPatch
) -> None:
    dynamodb = embedded_aws.client("dynamodb")
    dynamodb.create_table(
        TableName="table",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )
    both_have_read = threading.Barrier(2)
    read_condition = table.get_filter_expression

    def slow_condition(*arguments: Any) -> Any:
        def holds(item: Any) -> bool:
            held = bool(read_condition(*arguments).expr(item))
            # Who evaluates a condition waits for another who does, in vain if they come one after another.
            with contextlib.suppress(threading.BrokenBarrierError):
                both_have_read.wait(0.3)
            return held

        return SimpleNamespace(expr=holds)

    monkeypatch.setattr(table, "get_filter_expression", slow_condition)

    def claim() -> bool:
        try:
            dynamodb.put_item(
                TableName="table", Item={"id": {"S": "task"}}, ConditionExpression="attribute_not_exists(id)"
            )
        except dynamodb.exceptions.ConditionalCheckFailedException:
            return False
        return True

    claims = [in_background(claim) for _ in range(2)]
    assert sorted(result() for result in claims) == [False, True]
