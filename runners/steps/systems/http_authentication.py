"""How a request over HTTP says who asks: by nothing, a password, a token, a key, OAuth 2, or a signature of AWS's.

Secrets come from the connection alone. A token that was fetched is kept until shortly before it expires, and is kept
out of the log like any secret.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from functools import cache
from typing import Annotated, Literal
from urllib.parse import urlsplit

import boto3
import httpx
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from pydantic import AfterValidator, Field, SecretStr

from runners.log import SECRETS
from runners.steps.connections import Connection
from runners.steps.errors import AuthenticationFailed

Sign = Callable[[httpx.Request], None]
"""Adds to a request who asks."""

ExchangeToken = Callable[[str, dict[str, str], dict[str, str]], dict[str, object]]
"""Posts a form to an address with headers, and returns the JSON object that is answered."""

_EARLY = 30.0  # seconds before a token expires, from when on a new one is fetched
_LIFETIME = 300.0  # seconds of a token whose answer does not say how long it lives


def address(url: str) -> str:
    """Return an address without a slash at its end, if it is one that a connection may name.

    Raises:
        ValueError: it is none, or holds a user, a query or a fragment.

    """
    try:
        parts = urlsplit(url)
        known = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        known = False
    if not known:
        raise ValueError("give an address that begins with https:// or http://")
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ValueError("an address has no user, query or fragment; who asks is told by authentication")
    return url.rstrip("/")


Address = Annotated[str, AfterValidator(address)]
"""The address of a server, or of what lies there."""


class NoAuthentication(Connection):
    """The API asks for nothing."""

    type: Literal["none"] = "none"

    def sign(self, request: httpx.Request) -> None:
        """Leave the request as it is."""


class BasicAuthentication(Connection):
    """A user name and a password."""

    type: Literal["basic"]
    username: str
    """The user."""
    password: SecretStr
    """The password."""

    def sign(self, request: httpx.Request) -> None:
        """Add the header."""
        request.headers["Authorization"] = _basic(self.username, self.password.get_secret_value())


class BearerAuthentication(Connection):
    """A token that is sent as it is."""

    type: Literal["bearer"]
    token: SecretStr
    """The token."""

    def sign(self, request: httpx.Request) -> None:
        """Add the header."""
        request.headers["Authorization"] = f"Bearer {self.token.get_secret_value()}"


class ApiKeyAuthentication(Connection):
    """A key in a header, or in the query."""

    type: Literal["api_key"]
    key: SecretStr
    """The key."""
    name: str = Field(default="X-Api-Key", min_length=1)
    """The name of the header, or of the parameter of the query."""
    place: Literal["header", "query"] = "header"
    """Where it is sent. In the query it stands in the logs of whoever is in between: take the header if you may."""
    prefix: str = ""
    """What stands before the key in the header, e.g. ``ApiKey`` for Elasticsearch."""

    def sign(self, request: httpx.Request) -> None:
        """Add the key."""
        key = self.key.get_secret_value()
        if self.place == "header":
            request.headers[self.name] = f"{self.prefix} {key}".lstrip()
        else:
            request.url = request.url.copy_merge_params({self.name: key})


class OAuth2Authentication(Connection):
    """OAuth 2 with client credentials: a token is fetched, and again when it expires."""

    type: Literal["oauth2"]
    issuer_url: Address
    """Where tokens are given out."""
    client_id: str
    """Who asks."""
    client_secret: SecretStr
    """The secret of who asks."""
    scope: str | None = None
    """What is asked for, separated by spaces."""
    audience: str | None = None
    """For which API, where the server wants to know."""
    client_authentication: Literal["basic", "body"] = "basic"
    """Where the secret is sent: in a header, as the standard prefers, or in the form."""


class AwsAuthentication(Connection):
    """A signature of AWS's (version 4) with the credentials of the process, such as those of a Lambda's role."""

    type: Literal["aws"] = "aws"
    region: str | None = None
    """The region; that of the process if left out."""
    service: str = "es"
    """The service that is signed for: ``es`` for OpenSearch, ``aoss`` for OpenSearch Serverless."""

    def sign(self, request: httpx.Request) -> None:
        """Add the headers of the signature.

        Raises:
            AuthenticationFailed: the process has no credentials, or no region is known.

        """
        session = _session(self.region)
        credentials = session.get_credentials()
        if credentials is None or session.region_name is None:
            raise AuthenticationFailed("there are no credentials of AWS to sign with, or no region is named")
        body = request.read()
        signed = AWSRequest(method=request.method, url=str(request.url), data=body, headers={})
        signer = SigV4Auth(credentials, self.service, session.region_name)
        signed.headers["X-Amz-Content-SHA256"] = signer.payload(signed)
        signer.add_auth(signed)
        request.headers.update(dict(signed.headers.items()))


Authentication = Annotated[
    NoAuthentication
    | BasicAuthentication
    | BearerAuthentication
    | ApiKeyAuthentication
    | OAuth2Authentication
    | AwsAuthentication,
    Field(discriminator="type"),
]
"""The ways to say who asks, by ``type``."""


class AccessToken:
    """A token of OAuth 2, fetched when it is needed first and when it expires.

    Args:
        asked: for whom and where.
        exchange: posts the form.
        clock: seconds that only grow.

    """

    def __init__(self, asked: OAuth2Authentication, exchange: ExchangeToken, clock: Callable[[], float]) -> None:
        self._asked = asked
        self._exchange = exchange
        self._clock = clock
        self._token = ""
        self._expires = float("-inf")

    def sign(self, request: httpx.Request) -> None:
        """Add the token.

        Raises:
            AuthenticationFailed: none was given out.

        """
        if self._clock() >= self._expires - _EARLY:
            self._fetch()
        request.headers["Authorization"] = f"Bearer {self._token}"

    def _fetch(self) -> None:
        asked = self._asked
        form = {"grant_type": "client_credentials"}
        form |= {"scope": asked.scope} if asked.scope else {}
        form |= {"audience": asked.audience} if asked.audience else {}
        secret = asked.client_secret.get_secret_value()
        headers = {}
        if asked.client_authentication == "basic":
            headers["Authorization"] = _basic(asked.client_id, secret)
        else:
            form |= {"client_id": asked.client_id, "client_secret": secret}
        answer = self._exchange(asked.issuer_url, form, headers)
        token = answer.get("access_token")
        if not isinstance(token, str) or not token:
            raise AuthenticationFailed(f"{asked.issuer_url} gave out no access_token")
        SECRETS.add_text(token)
        self._token = token
        self._expires = self._clock() + _seconds(answer.get("expires_in"))


@cache
def _session(region: str | None) -> boto3.Session:
    """Return a session, which looks for credentials once and renews them itself."""
    return boto3.Session(region_name=region)


def _seconds(expires_in: object) -> float:
    """Return how long a token lives; some servers say it as a text."""
    try:
        return float(str(expires_in))
    except ValueError:
        return _LIFETIME


def _basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
