from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runners.local.server import EmbeddedAWS


def test_of_many_conditional_writes_at_once_one_succeeds(embedded_aws: EmbeddedAWS) -> None:
    dynamodb = embedded_aws.client("dynamodb")
    dynamodb.create_table(
        TableName="table",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "key", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "key", "KeyType": "HASH"}],
    )

    def claim(number: int) -> bool:
        item = {"key": {"S": str(number // 16)}, "owner": {"N": str(number)}}
        try:
            dynamodb.put_item(
                TableName="table",
                Item=item,
                ConditionExpression="attribute_not_exists(#k)",
                ExpressionAttributeNames={"#k": "key"},
            )
        except dynamodb.exceptions.ConditionalCheckFailedException:
            return False
        return True

    with ThreadPoolExecutor(16) as claimants:
        claims = list(claimants.map(claim, range(160)))
    assert sum(claims) == 10
