"""What can become of a call to AWS: a client whose calls go wrong as a test decides, and every place to stop a process.

It wraps any boto3 client, a real one, moto's or a simulated one, and knows no service.
"""

from __future__ import annotations

import threading
from collections import Counter
from enum import Enum
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError, ConnectTimeoutError, EndpointConnectionError, ReadTimeoutError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_ENDPOINT = "https://aws.invalid"
_THROTTLED = 400  # HTTP status, unless the service has one of its own
_INTERNAL = 500
# How those services refuse a call because of its rate that do not say ThrottlingException with 400.
_THROTTLINGS: dict[str, tuple[str, int]] = {
    "batch": ("TooManyRequestsException", 429),
    "lambda": ("TooManyRequestsException", 429),
    "s3": ("SlowDown", 503),
}


class Crash(BaseException):
    """The process is gone, with all that it had in memory. The code under test must not catch it: no ``Exception``."""


class Fault(Enum):
    """What goes wrong with a call."""

    CRASH_BEFORE = "the process stops before the call"
    CRASH_AFTER = "the process stops after the call, which took effect"
    ANSWER_LOST = "the call takes effect, and its answer does not come: ReadTimeoutError"
    NOT_SENT = "the call never reaches AWS: EndpointConnectionError"
    NOT_CONNECTED = "the call never reaches AWS: ConnectTimeoutError"
    THROTTLED = "AWS refuses the call because of its rate"
    SERVER_ERROR = "AWS fails on its side, without effect: status 500"
    SERVER_ERROR_AFTER = "AWS fails on its side after the call took effect: status 500"

    @property
    def takes_effect(self) -> bool:
        """Whether the call is made all the same."""
        return self in _EFFECTIVE

    @property
    def crashes(self) -> bool:
        """Whether the process that calls is gone."""
        return self in {Fault.CRASH_BEFORE, Fault.CRASH_AFTER}

    def error(self, service: str, operation: str) -> BaseException:
        """Return what is raised in place of an answer.

        Args:
            service: botocore's name of the service, e.g. ``stepfunctions``.
            operation: the API's name of the operation, e.g. ``GetActivityTask``.

        """
        if self.crashes:
            return Crash(f"{self.value}: {operation}")
        if self is Fault.ANSWER_LOST:
            return ReadTimeoutError(endpoint_url=_ENDPOINT)
        if self is Fault.NOT_SENT:
            return EndpointConnectionError(endpoint_url=_ENDPOINT)
        if self is Fault.NOT_CONNECTED:
            return ConnectTimeoutError(endpoint_url=_ENDPOINT)
        if self is Fault.THROTTLED:
            return throttling(service, operation)
        return client_error(operation, "InternalServerError", "We encountered an internal error", _INTERNAL)


_EFFECTIVE = frozenset({Fault.CRASH_AFTER, Fault.ANSWER_LOST, Fault.SERVER_ERROR_AFTER})

if TYPE_CHECKING:
    Decide = Callable[[str, Mapping[str, Any]], Fault | Exception | None]


def client_error(operation: str, code: str, message: str, status: int = 400, **details: Any) -> ClientError:
    """Return an error as boto3 raises it when AWS refuses a call.

    Args:
        operation: the API's name of the operation, e.g. ``PutItem``.
        code: e.g. ``ConditionalCheckFailedException``.
        message: what AWS says.
        status: of HTTP.
        details: what else the answer contains, e.g. ``Item``.

    """
    answer: Any = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status},
        **details,
    }
    return ClientError(answer, operation)


def throttling(service: str, operation: str) -> ClientError:
    """Return the error by which a service refuses a call because of its rate, which took no effect."""
    code, status = _THROTTLINGS.get(service, ("ThrottlingException", _THROTTLED))
    return client_error(operation, code, "Rate exceeded", status)


class FaultyClient:
    """A boto3 client that asks before each call what is to become of it, and counts the calls by name.

    Args:
        client: any client of boto3, or of the same shape.
        decide: is given the method's name, e.g. ``put_item``, and its parameters, and returns a ``Fault``; or an
            exception, which is raised in place of the call; or None for a call that goes well.

    """

    def __init__(self, client: Any, decide: Decide) -> None:
        self._client = client
        self._decide = decide
        self._lock = threading.Lock()
        self.calls: Counter[str] = Counter()
        """How often each method was called, by name, whatever became of it."""

    def __getattr__(self, name: str) -> Any:
        """Return a method of the client with its faults, or anything else of the client as it is."""
        attribute = getattr(self._client, name)
        operation = self._client.meta.method_to_api_mapping.get(name)
        if operation is None:
            return attribute
        service = self._client.meta.service_model.service_name

        def call(**parameters: Any) -> Any:
            with self._lock:
                self.calls[name] += 1
            fault = self._decide(name, parameters)
            if fault is None:
                return attribute(**parameters)
            if isinstance(fault, Exception):
                raise fault
            if fault.takes_effect:
                attribute(**parameters)
            raise fault.error(service, operation)

        self.__dict__[name] = call  # asked for once
        return call


class KillPoint:
    """A place at which a process stops: before or after the n-th of its calls. It decides for ``FaultyClient``.

    All clients of the process share it. Once the process is gone, no thread of it makes another call.

    Args:
        number: of the call, from 0; None to let all calls go well and see which there are.
        fault: what becomes of that call, usually ``CRASH_BEFORE`` or ``CRASH_AFTER``.

    """

    def __init__(self, number: int | None = None, fault: Fault = Fault.CRASH_BEFORE) -> None:
        self.number = number
        self.fault = fault
        self.calls: list[str] = []
        """The calls that were made, by name, in their order."""
        self._gone = False
        self._lock = threading.Lock()

    def __call__(self, operation: str, parameters: Mapping[str, Any]) -> Fault | None:  # noqa: ARG002
        """Say what becomes of the next call."""
        with self._lock:
            if self._gone:
                return Fault.CRASH_BEFORE
            self.calls.append(operation)
            if len(self.calls) - 1 != self.number:
                return None
            self._gone = self.fault.crashes
            return self.fault

    @property
    def reached(self) -> bool:
        """Whether the process came to this point."""
        return self.number is not None and len(self.calls) > self.number

    def __repr__(self) -> str:
        """Return it as Python that can be pasted."""
        return f"KillPoint({self.number}, {self.fault})"


def kill_points(
    run: Callable[[KillPoint], object], faults: tuple[Fault, ...] = (Fault.CRASH_BEFORE, Fault.CRASH_AFTER)
) -> Iterator[KillPoint]:
    """Yield each place at which a process can stop: before and after every call that it makes.

    Args:
        run: does once what is examined, over clients whose calls are decided by what it is given. It is called here
            once, for the calls to be counted; to run it again for each point is the caller's.
        faults: what becomes of each call in turn.

    """
    all_goes_well = KillPoint()
    run(all_goes_well)
    for number in range(len(all_goes_well.calls)):
        for fault in faults:
            yield KillPoint(number, fault)
