"""HTTP, once for all steps that speak it: time limits, patience, a pace, who asks, and errors that tell no secret.

A request is tried again when the server is busy (429, 502, 503, 504) or the connection breaks; how long to wait the
server may say by ``Retry-After``. One that must not be made twice is tried again only where it was surely not taken.
Redirects are not followed, as they would carry credentials to wherever they point.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cache
from http import HTTPStatus
from pathlib import Path
from ssl import SSLContext
from typing import TYPE_CHECKING, Any, NamedTuple, cast
from urllib.parse import quote, urlsplit

import httpx
from pydantic import Field
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from runners.pace import Pace
from runners.steps.connections import Connection
from runners.steps.errors import (
    AuthenticationFailed,
    SourceFailed,
    SourceUnavailable,
    StepError,
    TargetFailed,
    TargetUnavailable,
)
from runners.steps.systems.http_authentication import (
    AccessToken,
    Address,
    Authentication,
    NoAuthentication,
    OAuth2Authentication,
    Sign,
)
from runners.steps.systems.json_values import NotJsonError, parsed

if TYPE_CHECKING:
    from runners.steps.context import StepContext

# They log whole addresses, in which there may be a key.
logging.getLogger("httpx").setLevel(logging.WARNING)
logging.getLogger("httpcore").setLevel(logging.WARNING)

TRIES = 5  # of one request
LONGEST_WAIT = 60.0  # seconds between two tries; a server that asks for more makes the step fail for now
ANSWER_BYTES = 16 << 20  # of one answer, unless a request allows other
_BUSY = frozenset({429, 502, 503, 504})
_NOT_TAKEN = frozenset({429, 503})  # by which a server says that it did nothing
_CHUNK = 1 << 20  # bytes of a file, sent at a time


class HttpConnection(Connection):
    """Where an API is, and who asks."""

    url: Address
    """Its address, below which all paths are, e.g. ``https://api.example.com/v1``."""

    authentication: Authentication = NoAuthentication()
    """Who asks; ``{"type": "none"}`` if left out."""

    requests_per_second: float | None = Field(default=None, gt=0)
    """Requests in a second, at most; without it, as fast as the server answers."""

    timeout_seconds: float = Field(default=30.0, gt=0, le=900)
    """Seconds to wait for a connection, and for each next piece of an answer."""


class Side(NamedTuple):
    """Whose errors are raised, and which bytes are counted."""

    unavailable: type[StepError]
    failed: type[StepError]
    reads: bool


READING = Side(SourceUnavailable, SourceFailed, reads=True)
WRITING = Side(TargetUnavailable, TargetFailed, reads=False)


@dataclass(frozen=True)
class Request:
    """What is asked.

    Attributes:
        method: e.g. ``GET``.
        path: below the connection's address; or a whole address of the same server.
        signed: whether it says who asks. One that does not may go to any server.
        query: parameters of the query.
        headers: headers besides those that say who asks.
        body: bytes, or a file whose bytes are sent.
        repeatable: whether it may be made twice.
        taken: statuses beside those of success that are no errors to whoever asks.
        shown: what errors call it; method and address, without the query, if left out.
        most: bytes of an answer, at most.

    """

    method: str
    path: str = ""
    signed: bool = True
    query: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | Path = b""
    repeatable: bool = True
    taken: frozenset[int] = frozenset()
    shown: str = ""
    most: int = ANSWER_BYTES


class Answer(NamedTuple):
    """What is answered."""

    status: int
    url: str
    """Where it came from, with what the query may hold of secrets: not for errors."""
    headers: httpx.Headers
    body: bytes
    shown: str
    """What errors call the request."""
    side: Side

    def json(self) -> Any:
        """Return the body as JSON, its numbers exact.

        Raises:
            SourceFailed, TargetFailed: it is none.

        """
        try:
            return parsed(self.body)
        except NotJsonError:
            raise self.side.failed(f"{self.shown} answered what is no JSON") from None


class _BusyError(Exception):
    """The server asks for patience, or the connection broke."""

    def __init__(self, why: str, *, wait: float | None = None, again: bool = True) -> None:
        super().__init__(why)
        self.wait = wait
        self.again = again and (wait is None or wait <= LONGEST_WAIT)


class Http:
    """A client of one server.

    Args:
        connection: the server.
        side: whose errors are raised.
        renewed: reads the connection anew, as its secrets may have been rotated; without it a 401 is final at once,
            but for a token that can be fetched again.
        counted: takes the bytes of each answer, or request, that went over the wire.
        sleep: waits so many seconds.
        clock: seconds that only grow.
        now: the time of day.

    """

    def __init__(
        self,
        connection: HttpConnection,
        side: Side,
        *,
        renewed: Callable[[], HttpConnection] | None = None,
        counted: Callable[[int], None] = lambda _: None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.side = side
        self._renewed = renewed
        self._counted = counted
        self._sleep = sleep
        self._clock = clock
        self._now = now
        self._client = httpx.Client(verify=_tls(), timeout=connection.timeout_seconds, follow_redirects=False)
        self._pace = Pace(connection.requests_per_second, now=now, sleep=sleep)
        self._use(connection)

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()

    def send(self, request: Request) -> Answer:
        """Ask, and return what is answered.

        Raises:
            AuthenticationFailed: it was refused who asks, also with credentials read anew.
            SourceUnavailable, TargetUnavailable: the server stayed busy or away, however often it was tried.
            SourceFailed, TargetFailed: any other refusal; the answer is too long; it is not known whether a request
                was taken that must not be made twice.

        """
        try:
            return self._persisted(request)
        except AuthenticationFailed:
            self._use(self._renewed() if self._renewed else self._connection)
            return self._persisted(request)

    def pause(self, tries: int) -> None:
        """Wait before what the server has put off is sent again: half a second, and twice as long after each try."""
        self._sleep(min(LONGEST_WAIT, 0.5 * 2**tries))

    def address(self, path: str) -> str:
        """Return the whole address of a path.

        Raises:
            SourceFailed, TargetFailed: it is that of another server, which must not see the credentials.

        """
        if "://" not in path:
            return f"{self._connection.url}/{path.lstrip('/')}" if path else self._connection.url
        if _origin(path) != _origin(self._connection.url):
            raise self.side.failed(f"an address leads to another server than that of {self._connection.url}")
        return path

    def _use(self, connection: HttpConnection) -> None:
        self._connection = connection
        asked = connection.authentication
        self._sign: Sign = (
            AccessToken(asked, self._token, self._clock).sign if isinstance(asked, OAuth2Authentication) else asked.sign
        )

    def _token(self, url: str, form: dict[str, str], headers: dict[str, str]) -> dict[str, object]:
        body = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in form.items()).encode()
        kind = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        request = Request("POST", url, signed=False, headers=kind | headers, body=body, taken=frozenset({400}))
        answer = self._persisted(request)
        document = answer.json() if answer.status == HTTPStatus.OK else None
        if not isinstance(document, dict):
            raise AuthenticationFailed(f"{url} gave out no token for these client credentials")
        return document

    def _persisted(self, request: Request) -> Answer:
        tries = Retrying(
            retry=retry_if_exception(lambda error: isinstance(error, _BusyError) and error.again),
            stop=stop_after_attempt(TRIES),
            wait=_wait,
            sleep=self._sleep,
            reraise=True,
        )
        try:
            return tries(self._sent, request)
        except _BusyError as error:
            raise self.side.unavailable(str(error)) from None

    def _sent(self, request: Request) -> Answer:
        self._pace.take(timedelta.max)
        url = self.address(request.path) if request.signed else request.path
        shown = request.shown or f"{request.method} {_without_query(url)}"
        built = self._built(request, url)
        if request.signed:
            self._sign(built)
        try:
            with _streamed(self._client, built) as response:
                body = self._read(response, request.most, shown)
        except httpx.TransportError as error:
            raise self._broken(error, request, shown) from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise self.side.failed(f"{shown} failed: {type(error).__name__}") from None
        if not self.side.reads:
            self._counted(int(built.headers.get("Content-Length", 0)))
        self._judge(response, request, shown)
        return Answer(response.status_code, url, response.headers, body, shown, self.side)

    def _built(self, request: Request, url: str) -> httpx.Request:
        content: bytes | Iterator[bytes] = request.body if isinstance(request.body, bytes) else _pieces(request.body)
        size = len(request.body) if isinstance(request.body, bytes) else request.body.stat().st_size
        headers = {"Content-Length": str(size), **request.headers} if size else dict(request.headers)
        try:
            built = self._client.build_request(request.method, url, headers=headers, content=content)
        except (httpx.InvalidURL, UnicodeEncodeError, TypeError, ValueError):
            raise self.side.failed(f"{request.method} has an address or a header that is none") from None
        if request.query:
            built.url = built.url.copy_merge_params(dict(request.query))
        return built

    def _read(self, response: httpx.Response, most: int, shown: str) -> bytes:
        pieces, size = [], 0
        for piece in response.iter_bytes():
            size += len(piece)
            if size > most:
                raise self.side.failed(f"{shown} answered more than {most:,} bytes: ask for less at a time")
            pieces.append(piece)
        if self.side.reads:
            self._counted(response.num_bytes_downloaded)
        return b"".join(pieces)

    def _judge(self, response: httpx.Response, request: Request, shown: str) -> None:
        """Raise what a status means, unless it is one of success, or one that whoever asks takes."""
        status = response.status_code
        if response.is_success or status in request.taken:
            return
        said = f"{shown} answered {status} {response.reason_phrase}".rstrip()
        if status == HTTPStatus.UNAUTHORIZED:
            raise AuthenticationFailed(f"{said}: the credentials of the connection were not taken")
        if status in _BUSY:
            self._unclear_if(request, status not in _NOT_TAKEN, said)
            wait = _seconds_to_wait(response.headers.get("Retry-After", ""), self._now())
            asks = "" if wait is None else f", and asks to wait {wait:.0f} seconds"
            raise _BusyError(said + asks, wait=wait)
        if response.is_redirect:
            said += ", which is not followed: let the connection name the address that answers itself"
        if status == HTTPStatus.FORBIDDEN:
            said += ": the connection's user may not do this"
        raise self.side.failed(said, status=status)

    def _broken(self, error: httpx.TransportError, request: Request, shown: str) -> Exception:
        """Return what is to be raised for a connection that broke or never was."""
        said = f"{shown} failed: {type(error).__name__}"
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            return self.side.failed(f"{shown} failed: the server's certificate cannot be verified")
        if isinstance(error, httpx.UnsupportedProtocol | httpx.LocalProtocolError):
            return self.side.failed(said)
        unsent = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)
        self._unclear_if(request, not unsent, said)
        return _BusyError(said)

    def _unclear_if(self, request: Request, unclear: bool, said: str) -> None:
        if unclear and not request.repeatable:
            raise self.side.failed(f"{said}; it may have been taken, and is not sent again by itself")


@contextmanager
def opened(context: StepContext, name: str, kind: type[HttpConnection], side: Side) -> Iterator[Http]:
    """Open a client of a connection for a step; it waits no longer than the step may run.

    Raises:
        ConnectionFailed: there is no such connection, or it is described wrongly.

    """
    http = Http(
        context.connections.get(name, kind),
        side,
        renewed=lambda: context.connections.get(name, kind, anew=True),
        counted=lambda size: context.progress.count(size=size),
        sleep=lambda seconds: _patiently(seconds, context),
    )
    try:
        yield http
    finally:
        http.close()


@cache
def _tls() -> SSLContext:
    """Return what verifies servers' certificates; it takes a while to make, and may be shared."""
    return httpx.create_ssl_context()


def _patiently(seconds: float, context: StepContext) -> None:
    """Wait, and look each second whether the step is to stop."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        context.check_stop()
        time.sleep(min(1.0, left))


@contextmanager
def _streamed(client: httpx.Client, request: httpx.Request) -> Iterator[httpx.Response]:
    response = client.send(request, stream=True)
    try:
        yield response
    finally:
        response.close()


def _pieces(file: Path) -> Iterator[bytes]:
    with file.open("rb") as opened_file:
        while piece := opened_file.read(_CHUNK):
            yield piece


_backoff = wait_random_exponential(multiplier=0.5, max=20.0)  # seconds


def _wait(state: RetryCallState) -> float:
    """Return the seconds to the next try: what the server says, or else ever longer ones."""
    error = state.outcome.exception() if state.outcome else None
    asked = cast("_BusyError", error).wait
    return _backoff(state) if asked is None else asked


def _seconds_to_wait(retry_after: str, now: datetime) -> float | None:
    """Return the seconds that ``Retry-After`` asks for, which says seconds or a date; None if it says neither."""
    if retry_after.strip().isdigit():
        return float(retry_after)
    try:
        due = parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    return max(0.0, (due.replace(tzinfo=due.tzinfo or UTC) - now).total_seconds())


def _origin(url: str) -> tuple[str, str, int]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


def _without_query(url: str) -> str:
    return url.partition("?")[0].partition("#")[0]
