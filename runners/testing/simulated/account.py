"""What all simulated services share: one time, one lock, what happens at its time, and how a call is made.

A call takes its latency, is counted, may be throttled, and then takes effect while no other does. Nothing here knows a
service.
"""

from __future__ import annotations

import heapq
import itertools
import threading
from collections import Counter, deque
from contextlib import contextmanager
from datetime import timedelta
from functools import cache, cached_property, wraps
from inspect import Parameter, signature
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import botocore.session
from botocore.exceptions import ParamValidationError

from runners.testing.faults import client_error, throttling
from runners.testing.simulated.quotas import Buckets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

    from botocore.exceptions import ClientError
    from botocore.model import ServiceModel

    from runners.testing.clock import Time
    from runners.testing.simulated.quotas import Quotas

ACCOUNT = "123456789012"
REGION = "us-east-1"

Answer = TypeVar("Answer", bound="Mapping[str, Any]")


class NotSimulatedError(BaseException):
    """The simulated AWS was asked for something that it does not have. No ``Exception``: nobody may survive it.

    Code that takes any error of AWS for a passing one would go on, and its test would prove nothing.
    """


class Account:
    """An account of the simulated AWS.

    Args:
        clock: the time of AWS.
        latency: how long each call takes, slept on the clock.
        quotas: how often each operation may be called; None for no limit.

    """

    def __init__(self, clock: Time, latency: timedelta, quotas: Quotas | None) -> None:
        self.clock = clock
        self.lock = threading.RLock()
        self.events: list[dict[str, Any]] = []
        """The events of EventBridge that the services have sent, oldest first; a test may take them away."""
        self.listeners: list[Callable[[dict[str, Any]], object]] = []
        self._undelivered: deque[dict[str, Any]] = deque()
        self._latency_seconds = latency.total_seconds()
        self._buckets = None if quotas is None else Buckets(quotas, clock)
        self._due: list[tuple[datetime, int, Callable[[], object]]] = []
        self._numbers = itertools.count(1)
        self._now: datetime | None = None  # while something happens at its time, which may have passed

    def now(self) -> datetime:
        """Return the time at which what happens just now happens."""
        return self._now or self.clock()

    def number(self) -> int:
        """Return the next of the numbers that make names unique."""
        return next(self._numbers)

    def at(self, moment: datetime, happen: Callable[[], object]) -> None:
        """Let something happen at its time, or as soon after as anybody looks."""
        heapq.heappush(self._due, (moment, self.number(), happen))

    def settle(self) -> None:
        """Let happen what was due until now, in the order of its times."""
        if self._due and self._due[0][0] <= self.clock():
            self._happen()

    @contextmanager
    def settled(self) -> Iterator[None]:
        """Let nothing else happen meanwhile; what was due has happened before, and what comes of it is told after."""
        with self.lock:
            self.settle()
            yield
        self.deliver()

    def seconds_to_next(self) -> float | None:
        """Return how long it is until something happens by itself."""
        return max(0.0, (self._due[0][0] - self.clock()).total_seconds()) if self._due else None

    def send(self, source: str, detail_type: str, detail: Mapping[str, Any], resources: tuple[str, ...] = ()) -> None:
        """Send an event of EventBridge."""
        number = self.number()
        event = {
            "version": "0",
            "id": f"00000000-0000-4000-8000-{number:012d}",
            "detail-type": detail_type,
            "source": source,
            "account": ACCOUNT,
            "time": self.now().strftime("%Y-%m-%dT%H:%M:%SZ"),
            "region": REGION,
            "resources": list(resources),
            "detail": dict(detail),
        }
        self.events.append(event)
        if self.listeners:
            self._undelivered.append(event)

    def deliver(self) -> None:
        """Give the listeners the events that came up; while nobody holds the lock, for they may call AWS."""
        while self._undelivered:
            try:
                event = self._undelivered.popleft()
            except IndexError:
                return  # another thread has just taken the last one
            for listener in self.listeners:
                listener(event)

    def arrives(self, service: str, operation: str) -> bool:
        """Let the latency of a call pass; False if it comes too soon after others."""
        if self._latency_seconds:
            self.clock.sleep(self._latency_seconds)
        return self._buckets is None or self._buckets.take(service, operation)

    def _happen(self) -> None:
        until = self.clock()
        while self._due and self._due[0][0] <= until:
            self._now, _, happen = heapq.heappop(self._due)
            try:
                happen()
            finally:
                self._now = None


class Meta:
    """What ``client.meta`` tells of a client."""

    region_name = REGION
    partition = "aws"

    def __init__(self, service: str, methods: Mapping[str, str]) -> None:
        self._service = service
        self.method_to_api_mapping = dict(methods)

    @cached_property
    def service_model(self) -> ServiceModel:
        """Botocore's model of the service."""
        return _model(self._service)


class Client:
    """A simulated client: its methods that are operations take and return what those of boto3 do."""

    service: ClassVar[str]
    """Botocore's name of the service."""

    def __init__(self, account: Account) -> None:
        self._account = account
        methods = {
            name: _api_name(name) for kind in type(self).__mro__ for name in vars(kind) if _is_operation(kind, name)
        }
        self.meta = Meta(self.service, methods)
        self.calls: Counter[str] = Counter()
        """How often each method was called, by name, throttled calls too."""
        self.throttled: Counter[str] = Counter()
        """How many of these calls were throttled."""

    def __getattr__(self, name: str) -> Any:
        """Refuse what is not simulated."""
        if name.startswith("_"):
            raise AttributeError(name)
        raise NotSimulatedError(f"the simulated {self.service} has no {name}; use moto for this test, or add it")

    def now(self) -> datetime:
        """Return AWS's time."""
        return self._account.now()

    def refusal(self, operation: str, code: str, message: str, **details: Any) -> ClientError:
        """Return the error with which AWS refuses a call of one of the methods."""
        return client_error(_api_name(operation), code, message, **details)


def operation(method: Callable[..., Answer]) -> Callable[..., Answer]:
    """Make a method an operation: keyword parameters only, one call at a time, counted, at the clock's time."""
    name = method.__name__
    known = list(signature(method).parameters.values())[1:]
    accepted = frozenset(one.name for one in known)
    required = [one.name for one in known if one.default is Parameter.empty]

    @wraps(method)
    def call(self: Client, **parameters: Any) -> Answer:
        if not accepted.issuperset(parameters):
            unknown = ", ".join(sorted(parameters.keys() - accepted))
            raise NotSimulatedError(f"the simulated {self.service} does not know these parameters of {name}: {unknown}")
        if missing := [one for one in required if one not in parameters]:
            raise ParamValidationError(report=f"Missing required parameter in input: {missing}")
        account = self._account
        try:
            allowed = account.arrives(self.service, name)
            with account.lock:
                self.calls[name] += 1
                if not allowed:
                    self.throttled[name] += 1
                    raise throttling(self.service, _api_name(name))
                account.settle()
                answer = method(self, **parameters)
        finally:
            account.deliver()
        answer["ResponseMetadata"] = {"HTTPStatusCode": 200, "RetryAttempts": 0}  # type: ignore[index]
        return answer

    call.is_operation = True  # type: ignore[attr-defined]
    return call


def _is_operation(kind: type, name: str) -> bool:
    return getattr(vars(kind)[name], "is_operation", False)


@cache
def _api_name(method: str) -> str:
    return "".join(word.capitalize() for word in method.split("_"))


@cache
def _model(service: str) -> ServiceModel:
    return botocore.session.get_session().get_service_model(service)
