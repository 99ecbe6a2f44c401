"""The table of completions in moto, for the tests of those who write it and of those who read it."""

from __future__ import annotations

from typing import Any

TABLE = "completions"


def create_table(dynamodb: Any, name: str = TABLE) -> None:
    dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "completion_key", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "completion_key", "AttributeType": "S"}],
    )


class LambdaContext:
    """What Lambda tells an invocation about itself, with five minutes left."""

    log_group_name = "/aws/lambda/loader"
    log_stream_name = "2026/01/31/[$LATEST]0123"

    def get_remaining_time_in_millis(self) -> int:
        return 300_000
