"""What the DynamoDB tables have in common: queries that are read to their end, and conditions that did not hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runners.retries import error_code, repeated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def items_of(query: Callable[..., Any], **parameters: Any) -> Iterator[dict[str, Any]]:
    """Yield all items that a client's ``query`` finds, page by page."""
    while True:
        page = repeated(query)(**parameters)
        yield from page["Items"]
        if "LastEvaluatedKey" not in page:
            return
        parameters["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def condition_failed(error: BaseException) -> bool:
    """Whether a write was refused because its condition did not hold."""
    return error_code(error) == "ConditionalCheckFailedException"
