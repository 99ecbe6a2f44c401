"""Connections: where a system is and by which credentials, looked up by name, typed, and never shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from runners.log import HIDDEN, SECRETS
from runners.steps.connection_secrets import is_named_secret, secrets_of
from runners.steps.errors import AuthenticationFailed, ConnectionFailed

Kind = TypeVar("Kind", bound="Connection")
Opened = TypeVar("Opened")


class Connection(BaseModel):
    """A described connection; the base of each system's model, which stands in the system's module.

    Its fields are named as in the secrets that AWS makes for databases (``host``, ``port``, ``username``, ``password``,
    ``dbname``); what is secret is a ``SecretStr``. Its ``repr`` hides what is named like a secret, too.
    """

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True, use_attribute_docstrings=True)

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        for name, value in super().__repr_args__():
            yield name, HIDDEN if name and value is not None and is_named_secret(name) else value


class Looks(Protocol):
    """Where descriptions come from."""

    def up(self, name: str, *, anew: bool) -> Mapping[str, Any]:
        """Return the description of a connection, ``anew`` for one that is not from the cache.

        Raises:
            ConnectionFailed: there is none of that name, or it may not be read.

        """
        ...


class Connections:
    """Looks connections up by name; every secret that it sees is hidden from then on, in logs, errors and results.

    Args:
        place: where their descriptions are.

    """

    def __init__(self, place: Looks) -> None:
        self._place = place

    def get(self, name: str, kind: type[Kind], *, anew: bool = False) -> Kind:
        """Return a connection.

        Raises:
            ConnectionFailed: there is none of that name, or it does not describe this kind.

        """
        described = dict(self._place.up(name, anew=anew))
        _hide(described)
        try:
            connection = kind.model_validate(described)
        except ValidationError as error:
            fields = ", ".join(
                ".".join(map(str, one["loc"])) + ": " + one["msg"] for one in error.errors(include_input=False)
            )
            raise ConnectionFailed(
                f"the connection {name!r} is not described fully: {fields}", connection=name
            ) from None
        _hide(connection)
        return connection

    def opened(self, name: str, kind: type[Kind], connect: Callable[[Kind], Opened]) -> Opened:
        """Connect, with credentials read anew once if they are not taken: they may have been rotated.

        Raises:
            ConnectionFailed: as ``get``, or what ``connect`` raises.

        """
        try:
            return connect(self.get(name, kind))
        except AuthenticationFailed:
            return connect(self.get(name, kind, anew=True))


def _hide(described: Mapping[str, Any] | Connection) -> None:
    for secret in secrets_of(described):
        SECRETS.add_text(secret)
