"""Where connections are described: Parameter Store, Secrets Manager, or a file on a laptop; remembered for minutes.

A description is a JSON object. One whose credentials AWS keeps elsewhere, as RDS does, names that place:
``{"host": "…", "dbname": "shop", "credentials": "secretsmanager:rds!db-1"}``.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from difflib import get_close_matches
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, NoReturn

from botocore.exceptions import BotoCoreError, ClientError

from runners import clients
from runners.retries import error_code, is_transient, repeated
from runners.steps.errors import ConnectionFailed, SourceUnavailable

if TYPE_CHECKING:
    from runners.steps.connections import Looks
    from runners.steps.settings import StepSettings

KEPT = timedelta(minutes=5)
"""How long a description is remembered; a rotated password is read anew at once, as it is refused."""

SECRETS_MANAGER = "secretsmanager:"
"""What the name of a connection in Secrets Manager begins with."""

CREDENTIALS = "credentials"
"""The field by which a description names another one that has its credentials."""

_NAME = r"[\w-][\w.-]*(/[\w-][\w.-]*)*"
_SECRET_NAME = r"[\w/+=.@!:-]+"  # or its ARN  # noqa: S105
_DENIED = frozenset({"AccessDenied", "AccessDeniedException"})
_MISSING = frozenset({"ParameterNotFound", "ResourceNotFoundException"})
_ON_A_LAPTOP = "on a laptop, describe the connection in a file that RUNNERS_CONNECTIONS_FILE or --connections names"
_WITHOUT_AWS = {
    "NoRegionError": f"; set AWS_DEFAULT_REGION, or, {_ON_A_LAPTOP}",
    "NoCredentialsError": f"; log in to AWS, or, {_ON_A_LAPTOP}",
}


@dataclass(frozen=True)
class ParameterStore:
    """SSM Parameter Store: a parameter of the type SecureString for each connection.

    Attributes:
        environment: whose connections; they stand under ``/etl/{environment}/connections/``.
        client: makes a boto3 client of a service.

    """

    environment: str
    client: Callable[..., Any] = clients.of

    def up(self, name: str, *, anew: bool) -> Mapping[str, Any]:  # noqa: ARG002  # it remembers nothing
        """Return the description that a parameter holds.

        Raises:
            ConnectionFailed: there is no such parameter, it may not be read, or it is no JSON object.
            SourceUnavailable: Parameter Store does not answer just now.

        """
        _check(name, _NAME)
        path = f"/etl/{self.environment}/connections/"
        what, right = f"the parameter {path}{name}", "ssm:GetParameter, and kms:Decrypt for its key"
        try:
            ssm = self.client("ssm")
            answer = repeated(ssm.get_parameter)(Name=f"{path}{name}", WithDecryption=True)
        except (ClientError, BotoCoreError) as error:
            _refuse(error, name, what, right, lambda: self._names(path))
        return _described(answer["Parameter"]["Value"], name, what)

    def _names(self, path: str) -> list[str]:
        filters = [{"Key": "Name", "Option": "BeginsWith", "Values": [path]}]
        found = self.client("ssm").describe_parameters(ParameterFilters=filters, MaxResults=50)
        return [one["Name"].removeprefix(path) for one in found["Parameters"]]


@dataclass(frozen=True)
class SecretsManager:
    """Secrets Manager: secrets as it makes them for databases, or any JSON object.

    Attributes:
        client: makes a boto3 client of a service.

    """

    client: Callable[..., Any] = clients.of

    def up(self, name: str, *, anew: bool) -> Mapping[str, Any]:  # noqa: ARG002  # it remembers nothing
        """Return the description that a secret holds, of a name with or without ``secretsmanager:`` before it.

        Raises:
            ConnectionFailed: there is no such secret, it may not be read, or it is no JSON object.
            SourceUnavailable: Secrets Manager does not answer just now.

        """
        secret = name.removeprefix(SECRETS_MANAGER)
        _check(secret, _SECRET_NAME)
        what, right = f"the secret {secret}", "secretsmanager:GetSecretValue, and kms:Decrypt for its key"
        try:
            answer = repeated(self.client("secretsmanager").get_secret_value)(SecretId=secret)
        except (ClientError, BotoCoreError) as error:
            _refuse(error, name, what, right, list)
        return _described(answer.get("SecretString", ""), name, what)


@dataclass(frozen=True)
class ConnectionsFile:
    """A file with all connections by their names, as JSON; it is for a laptop, and never committed.

    Attributes:
        path: the file.

    """

    path: Path

    def up(self, name: str, *, anew: bool) -> Mapping[str, Any]:  # noqa: ARG002  # it is read each time
        """Return a description.

        Raises:
            ConnectionFailed: there is no such file, it is no JSON, or it names no such connection.

        """
        try:
            text = self.path.read_text(encoding="utf-8")
        except OSError as error:
            raise ConnectionFailed(
                f"the file of connections {self.path} cannot be read: {error.strerror}", connection=name
            ) from None
        everything = _described(text, name, f"the file {self.path}")
        if name not in everything:
            raise _missing(name, f"the connection {name!r} in {self.path}", list(everything))
        found = everything[name]
        if not isinstance(found, dict):
            raise ConnectionFailed(f"the connection {name!r} in {self.path} is no JSON object", connection=name)
        return found


@dataclass(frozen=True)
class Places:
    """All places together: which one is asked is said by the name.

    Attributes:
        named: where plain names are looked up.
        secrets: where names that begin with ``secretsmanager:`` are.

    """

    named: Looks
    secrets: Looks

    def up(self, name: str, *, anew: bool) -> Mapping[str, Any]:
        """Return a description, with the credentials that it has elsewhere."""
        found = (self.secrets if name.startswith(SECRETS_MANAGER) else self.named).up(name, anew=anew)
        elsewhere = found.get(CREDENTIALS)
        if not isinstance(elsewhere, str) or not elsewhere.startswith(SECRETS_MANAGER):
            return found
        own = {key: value for key, value in found.items() if key != CREDENTIALS}
        return {**self.secrets.up(elsewhere, anew=anew), **own}


@dataclass
class Remembered:
    """Remembers descriptions for a while; from any thread.

    Attributes:
        place: where they come from.
        kept: how long.
        clock: seconds that only grow.

    """

    place: Looks
    kept: timedelta = KEPT
    clock: Callable[[], float] = time.monotonic
    _found: dict[str, tuple[float, Mapping[str, Any]]] = field(default_factory=dict, init=False, repr=False)
    _lock: Lock = field(default_factory=Lock, init=False, repr=False)

    def up(self, name: str, *, anew: bool) -> Mapping[str, Any]:
        """Return a description, from before unless it is to be ``anew`` or was found too long ago."""
        with self._lock:
            at, found = self._found.get(name, (float("-inf"), {}))
        if not anew and self.clock() - at < self.kept.total_seconds():
            return found
        found = self.place.up(name, anew=anew)
        with self._lock:
            self._found[name] = (self.clock(), found)
        return found


def place_of(settings: StepSettings, client: Callable[..., Any] = clients.of) -> Looks:
    """Return where the settings say that connections are."""
    file = settings.connections_file
    named: Looks = ConnectionsFile(Path(file)) if file else ParameterStore(settings.environment, client)
    return Remembered(Places(named, SecretsManager(client)))


def _check(name: str, pattern: str) -> None:
    if not re.fullmatch(pattern, name, re.ASCII):
        raise ConnectionFailed("the name of a connection has letters, digits, '-', '_', '.' and '/'", connection=name)


def _described(text: str, name: str, what: str) -> Mapping[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:  # its text may hold a secret
        found = None
    if not isinstance(found, dict):
        raise ConnectionFailed(f"{what} holds no JSON object, which describes a connection", connection=name)
    return found


def _refuse(error: Exception, name: str, what: str, right: str, names: Callable[[], list[str]]) -> NoReturn:
    code = error_code(error) or type(error).__name__
    if code in _MISSING:
        raise _missing(name, what, _listed(names)) from None
    if code in _DENIED:
        raise ConnectionFailed(f"{what} may not be read: give the role {right}", connection=name, code=code) from None
    if is_transient(error):
        raise SourceUnavailable(f"{what} could not be read just now: {code}", connection=name, code=code) from None
    wants = _WITHOUT_AWS.get(code, "")
    raise ConnectionFailed(f"{what} could not be read: {code}{wants}", connection=name, code=code) from None


def _listed(names: Callable[[], list[str]]) -> list[str]:
    """Return what names there are; none where they may not be listed, as that is only for a suggestion."""
    try:
        return names()
    except (ClientError, BotoCoreError):
        return []


def _missing(name: str, what: str, names: list[str]) -> ConnectionFailed:
    near = get_close_matches(name, names, n=1)
    meant = f"; did you mean {near[0]}?" if near else ""
    return ConnectionFailed(f"there is no connection {name!r}: {what} does not exist{meant}", connection=name)
