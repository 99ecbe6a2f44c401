"""Which errors of AWS are worth another try, and how often: the tenacity policies of the package, all in one place.

The clients are built without botocore's own retries (see ``runners.clients``), so what stands here is all there is.
"""

from __future__ import annotations

from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    ReadTimeoutError,
)
from tenacity import retry, retry_if_exception, stop_after_attempt, wait_random_exponential

THROTTLED = frozenset(
    {
        "BandwidthLimitExceeded",
        "LimitExceededException",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionInProgressException",
    }
)
"""Error codes by which AWS says that it did nothing because it was asked too often (botocore's retry handlers)."""

_SERVER_ERROR = 500  # HTTP status


def error_code(error: BaseException) -> str:
    """Return AWS's code of an error, such as ``ThrottlingException``; empty for an error without one."""
    return str(error.response.get("Error", {}).get("Code", "")) if isinstance(error, ClientError) else ""


def error_message(error: BaseException) -> str:
    """Return AWS's message of an error, or its text where it has none."""
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Message", error))
    return str(error)


def is_throttled(error: BaseException) -> bool:
    """Whether AWS refused the call because of its rate, so that the call took no effect."""
    return error_code(error) in THROTTLED


def is_unclear(error: BaseException) -> bool:
    """Whether the call may or may not have taken effect: the answer was lost, or AWS failed on its side."""
    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return status >= _SERVER_ERROR and not is_throttled(error)
    return isinstance(error, ReadTimeoutError | ConnectionClosedError | HTTPClientError) and not is_unsent(error)


def is_unsent(error: BaseException) -> bool:
    """Whether the call never reached AWS."""
    return isinstance(error, EndpointConnectionError | ConnectTimeoutError)


def is_transient(error: BaseException) -> bool:
    """Whether the same call may succeed in a moment. Only for calls that may be made twice."""
    return is_throttled(error) or is_unclear(error) or is_unsent(error)


repeated = retry(
    retry=retry_if_exception(is_transient),
    stop=stop_after_attempt(5),
    wait=wait_random_exponential(multiplier=0.5, max=5.0),  # seconds
    reraise=True,
)
"""For calls that do no harm when made twice: reads, reports, heartbeats, conditional writes."""

when_throttled = retry(
    retry=retry_if_exception(lambda error: is_throttled(error) or is_unsent(error)),
    stop=stop_after_attempt(3),
    wait=wait_random_exponential(multiplier=0.5, max=2.0),  # seconds
    reraise=True,
)
"""For calls that start something: repeated only when it is certain that nothing was started."""
