"""Which errors of AWS are worth another try, and how often: the tenacity policies of the package, all in one place.

The clients are built without botocore's own retries (see ``runners.clients``), so what stands here is all there is.
"""

from __future__ import annotations

from collections import Counter
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    IncompleteReadError,
    ReadTimeoutError,
)
from tenacity import retry, retry_if_exception, stop_after_attempt, wait_random_exponential

if TYPE_CHECKING:
    from collections.abc import Callable

    from tenacity import RetryCallState

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

IN_A_TRANSACTION = "TransactionConflictException"
"""DynamoDB's code for a write of a single item that did nothing, as somebody's transaction has the item just now."""

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
    lost = ReadTimeoutError | ConnectionClosedError | HTTPClientError | IncompleteReadError
    return isinstance(error, lost) and not is_unsent(error)


def is_unsent(error: BaseException) -> bool:
    """Whether the call never reached AWS."""
    return isinstance(error, EndpointConnectionError | ConnectTimeoutError)


def is_transient(error: BaseException) -> bool:
    """Whether the same call may succeed in a moment. Only for calls that may be made twice."""
    return is_throttled(error) or is_unclear(error) or is_unsent(error) or error_code(error) == IN_A_TRANSACTION


class Throttle(NamedTuple):
    """Who refused which call because of its rate, and with which code."""

    service: str
    """The service as botocore names it, e.g. ``glue``; empty where the call does not say whose it is."""

    operation: str
    """The call, e.g. ``StartJobRun``."""

    code: str
    """AWS's code, e.g. ``ThrottlingException``."""


class Throttles:
    """Counts the calls that AWS refused because of their rate; from any thread."""

    def __init__(self) -> None:
        self._counts: Counter[Throttle] = Counter()
        self._lock = Lock()

    def count(self, error: BaseException | None, service: str = "") -> None:
        """Count an error if it is such a refusal."""
        if isinstance(error, ClientError) and is_throttled(error):
            throttle = Throttle(service, str(error.operation_name), error_code(error))
            with self._lock:
                self._counts[throttle] += 1

    def counts(self) -> Counter[Throttle]:
        """Return the counts since the process began; they only grow."""
        with self._lock:
            return self._counts.copy()


THROTTLES = Throttles()
"""Of this process: every try of a call under the policies below, and whoever else counts."""


def _count_throttle(state: RetryCallState) -> None:
    if state.outcome is not None:
        THROTTLES.count(state.outcome.exception(), _service_of(state.fn))


def _service_of(call: Callable[..., object] | None) -> str:
    """Return whose call it is, if it is a method of a client."""
    client = getattr(getattr(call, "__wrapped__", call), "__self__", None)
    model = getattr(getattr(client, "meta", None), "service_model", None)
    return str(getattr(model, "service_name", ""))


repeated = retry(
    retry=retry_if_exception(is_transient),
    stop=stop_after_attempt(5),
    wait=wait_random_exponential(multiplier=0.5, max=5.0),  # seconds
    after=_count_throttle,
    reraise=True,
)
"""For calls that do no harm when made twice: reads, reports, heartbeats, conditional writes."""

when_throttled = retry(
    retry=retry_if_exception(lambda error: is_throttled(error) or is_unsent(error)),
    stop=stop_after_attempt(3),
    wait=wait_random_exponential(multiplier=0.5, max=2.0),  # seconds
    after=_count_throttle,
    reraise=True,
)
"""For calls that start something: repeated only when it is certain that nothing was started."""
