"""A session with Snowflake by its connector: who asks, values bound by the server, and errors without values."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from decimal import Decimal
from math import isfinite
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from pydantic import Field, SecretStr, model_validator

from runners.steps.connections import Connection
from runners.steps.errors import (
    AuthenticationFailed,
    ConnectionFailed,
    DataNotRepresentable,
    SourceFailed,
    SourceUnavailable,
    StepError,
    TargetFailed,
    TargetUnavailable,
    TemplateFailed,
)
from runners.steps.libraries import library

if TYPE_CHECKING:
    from runners.steps.context import StepContext
    from runners.steps.sql_dialect import Statement

_EXTRA = "snowflake"
_CONNECTOR = "snowflake.connector"
_NOT_LET_IN = range(390_100, 390_400)
_NOT_CONNECTED = 250_001  # also where the password is wrong
_FOR_NOW = ("OperationalError", "InternalServerError", "ServiceUnavailableError", "GatewayTimeoutError")
_ABOUT_SQL = frozenset({904, 1003, 2003, 2043, 3001})
"""Errors whose text quotes nothing but the statement, and names in it."""

_NOT_REPRESENTABLE = frozenset({100_038, 100_039, 100_040, 100_069, 100_078, 100_096, 100_132})


class SnowflakeConnection(Connection):
    """Where a Snowflake is, and who asks: by a password, or by a key pair."""

    account: str = Field(min_length=1)
    """The account, e.g. ``organization-account``."""

    username: str
    """The user."""

    password: SecretStr | None = None
    """The password; this or ``private_key``."""

    private_key: SecretStr | None = None
    """The private key of the user's key pair, as PEM."""

    private_key_passphrase: SecretStr | None = None
    """What the private key is encrypted with."""

    warehouse: str | None = None
    """The warehouse that does the work; the user's own if left out."""

    dbname: str = Field(min_length=1)
    """The database."""

    schema_name: str = "PUBLIC"
    """The schema in which tables without one are looked up."""

    role: str | None = None
    """The role; the user's own if left out."""

    connect_timeout_seconds: int = Field(default=60, ge=1, le=900)
    """Seconds to wait for a session."""

    @model_validator(mode="after")
    def _there_is_one(self) -> Self:
        if (self.password is None) == (self.private_key is None):
            raise ValueError("give password or private_key")
        return self

    def opened(self) -> Any:
        """Return a connection.

        Raises:
            AuthenticationFailed, ConnectionFailed.

        """
        connector = library(_CONNECTOR, _EXTRA)
        given = {"warehouse": self.warehouse, "role": self.role, **self._credentials()}
        try:
            return connector.connect(
                account=self.account,
                user=self.username,
                database=self.dbname,
                schema=self.schema_name,
                login_timeout=self.connect_timeout_seconds,
                application="etl_runners",
                paramstyle="qmark",
                arrow_number_to_decimal=True,  # else numbers with a fraction come as floats
                session_parameters={"TIMEZONE": "UTC", "QUERY_TAG": "etl-runners", "BINARY_OUTPUT_FORMAT": "HEX"},
                **{name: value for name, value in given.items() if value is not None},
            )
        except library(f"{_CONNECTOR}.errors", _EXTRA).Error as error:
            number = getattr(error, "errno", None) or 0
            if number in _NOT_LET_IN or number == _NOT_CONNECTED:
                raise AuthenticationFailed(f"Snowflake did not let the user in: error {number}") from None
            raise ConnectionFailed(f"Snowflake could not be reached: error {number}") from None

    def _credentials(self) -> dict[str, Any]:
        if self.password is not None:
            return {"password": self.password.get_secret_value()}
        serialization = library("cryptography.hazmat.primitives.serialization", _EXTRA)
        secret, phrase = self.private_key, self.private_key_passphrase
        try:
            key = serialization.load_pem_private_key(
                secret.get_secret_value().encode() if secret else b"",
                phrase.get_secret_value().encode() if phrase else None,
            )
        except (ValueError, TypeError):
            raise ConnectionFailed("the private_key of the connection is no PEM, or its passphrase is wrong") from None
        form = serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        return {"private_key": key.private_bytes(*form)}


class Side(NamedTuple):
    """Whose errors are raised."""

    unavailable: type[StepError]
    failed: type[StepError]


SOURCE = Side(SourceUnavailable, SourceFailed)
TARGET = Side(TargetUnavailable, TargetFailed)


class Session:
    """A connection with one cursor.

    Args:
        connection: the connector's.
        side: whose errors are raised.

    """

    def __init__(self, connection: Any, side: Side) -> None:
        self._side = side
        self._cursor = connection.cursor()

    def run(self, text: str, values: Sequence[Any] = ()) -> int:
        """Run a statement with its values bound, and return how many rows it was about."""
        with explained(self._side):
            self._cursor.execute(text, tuple(map(bound, values)) or None)
            return int(self._cursor.rowcount or 0)

    def rows(self, text: str) -> Sequence[tuple[Any, ...]]:
        """Run a statement and return its few rows."""
        self.run(text)
        with explained(self._side):
            return self._cursor.fetchall()  # type: ignore[no-any-return]

    def described(self, statement: Statement) -> Sequence[Any]:
        """Return the columns of a statement's result, without running it: name, type code, …, precision, scale, …."""
        with explained(self._side):
            values = tuple(map(bound, statement.parameters or ())) or None
            return self._cursor.describe(statement.text, values) or ()

    def tables(self) -> Iterator[Any]:
        """Yield the result of the last statement as Arrow tables."""
        with explained(self._side):
            yield from self._cursor.fetch_arrow_batches()


@contextmanager
def session(name: str, context: StepContext, side: Side) -> Iterator[Session]:
    """Open a session; what it has not committed is undone at the end, and temporary tables and stages are gone."""
    connection = context.connections.opened(name, SnowflakeConnection, SnowflakeConnection.opened)
    try:
        yield Session(connection, side)
    finally:
        with suppress(Exception):  # it may be broken already; Snowflake ends the session
            connection.close()


def bound(value: Any) -> Any:
    """Return a value as the connector binds it.

    Raises:
        TemplateFailed: Snowflake has no such value.

    """
    if isinstance(value, float | Decimal) and not isfinite(value):
        raise TemplateFailed("a number that is bound is NaN or infinite: write it into the statement")
    if isinstance(value, datetime):
        return ("TIMESTAMP_TZ" if value.tzinfo else "TIMESTAMP_NTZ"), value
    return value


@contextmanager
def explained(side: Side) -> Iterator[None]:
    """Raise what the connector raises as an error of steps, without the values that Snowflake quotes."""
    errors = library(f"{_CONNECTOR}.errors", _EXTRA)
    try:
        yield
    except errors.Error as error:
        raise _explanation(error, side, lambda name: getattr(errors, name, ())) from None


def _explanation(error: Any, side: Side, kind: Callable[[str], Any]) -> StepError:
    number = getattr(error, "errno", None) or 0
    if any(isinstance(error, kind(name)) for name in _FOR_NOW):
        return side.unavailable(f"Snowflake does not answer just now: error {number}", number=number)
    if number in _NOT_REPRESENTABLE:
        return DataNotRepresentable(
            f"a value does not fit into the type that it is to have: error {number} of Snowflake", number=number
        )
    said = f", {getattr(error, 'raw_msg', None) or getattr(error, 'msg', '')}" if number in _ABOUT_SQL else ""
    return side.failed(f"Snowflake refused the statement: error {number}{said}", number=number)
