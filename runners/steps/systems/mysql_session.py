"""A session with MySQL or MariaDB: how it is described, opened, set up, and what its errors mean.

Every session speaks UTC and utf8mb4. Errors of the server quote values and statements, so only their number, their
SQLSTATE, and the text of those that name tables and columns alone are passed on.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import pymysql  # type: ignore[import-untyped]
from pydantic import Field, SecretStr

from runners.steps.connections import Connection
from runners.steps.errors import (
    AuthenticationFailed,
    ConnectionFailed,
    SourceFailed,
    SourceUnavailable,
    StepError,
    TargetFailed,
    TargetUnavailable,
)
from runners.steps.systems.mysql_wire import keep_files

if TYPE_CHECKING:
    from runners.steps.context import StepContext

_PATIENCE = 3600  # seconds that the server waits for whoever reads or sends slowly, instead of 60 and 30
_IN_UTC = f"time_zone = '+00:00', net_read_timeout = {_PATIENCE}, net_write_timeout = {_PATIENCE}"
_STRICT = "sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION,NO_AUTO_VALUE_ON_ZERO'"

# Error numbers: mariadb.com/kb/en/mariadb-error-codes, dev.mysql.com/doc/mysql-errors.
_NOT_LET_IN = frozenset({1044, 1045, 1698, 1820, 1862, 3118, 4151})
_NO_SUCH_DATABASE = 1049
_TRANSIENT = frozenset(
    {
        *(1040, 1053, 1203, 1226),  # too many connections, shutting down, too much of a user
        *(1158, 1159, 1160, 1161),  # the network, as the server sees it
        *(1205, 1213, 1637),  # locked for too long, deadlock, too many transactions
        *(1290, 1836),  # read-only, as a cluster's old writer is
        *(1927, 4031),  # ended by the server
        *(2002, 2003, 2006, 2013, 2055),  # the network, as the client sees it
    }
)
_WITHOUT_VALUES = frozenset(
    {
        *(1046, 1050, 1051, 1052, 1054, 1055, 1056, 1060, 1072, 1091),
        *(1099, 1103, 1109, 1111, 1118, 1140, 1142, 1143, 1146, 1147),
    }
)


class MySqlConnection(Connection):
    """Where a MySQL or MariaDB server is, and who we are there."""

    host: str = Field(min_length=1)
    """The host, or the path of a socket, which begins with ``/``."""

    port: int = Field(default=3306, ge=1, le=65535)
    """The port."""

    username: str = Field(min_length=1)
    """The user."""

    password: SecretStr = SecretStr("")
    """The user's password."""

    dbname: str | None = Field(default=None, min_length=1)
    """The database that tables without one are in."""

    tls: Literal["preferred", "required", "verified", "off"] = "preferred"
    """``preferred`` encrypts if the server can; ``required`` in any case; ``verified`` only to a server whose
    certificate is good for its host; ``off`` never. A socket is never encrypted."""

    certificates: str | None = Field(default=None, min_length=1)
    """For ``verified``: a file of the certificates to trust, e.g. RDS's bundle; the system's own if left out."""

    connect_timeout: int = Field(default=10, ge=1, le=300)
    """Seconds to wait for a connection."""


@dataclass(frozen=True)
class Side:
    """Which errors a side of a transfer has."""

    unavailable: type[StepError]
    failed: type[StepError]


READING = Side(SourceUnavailable, SourceFailed)
WRITING = Side(TargetUnavailable, TargetFailed)


def opened(context: StepContext, name: str, side: Side) -> pymysql.connections.Connection:
    """Open a session by the name of its connection; it commits each statement until a transaction is begun.

    Raises:
        ConnectionFailed: it is not described, or the server does not let us in.
        SourceUnavailable, TargetUnavailable: by side, the server cannot be reached just now.

    """

    def connect(described: MySqlConnection) -> pymysql.connections.Connection:
        with errors_of(name, side):
            return _connected(described, side)

    return context.connections.opened(name, MySqlConnection, connect)


@contextmanager
def errors_of(name: str, side: Side) -> Iterator[None]:
    """Raise what the server or the network raises as errors of steps."""
    try:
        yield
    except pymysql.err.MySQLError as error:
        raise typed(error, name, side) from None
    except OSError as error:
        raise side.unavailable(
            f"the connection {name!r} broke off: {type(error).__name__}; try again", connection=name
        ) from None


def typed(error: pymysql.err.MySQLError, name: str, side: Side) -> StepError:
    """Return the step's error for one of the driver's."""
    number = error.args[0] if error.args and isinstance(error.args[0], int) else 0
    details = {"connection": name, "code": number}
    if number in _NOT_LET_IN:
        return AuthenticationFailed(
            f"the server of the connection {name!r} did not take its credentials, or its user may not use the "
            f"database (error {number}); see to its description",
            **details,
        )
    if isinstance(getattr(error, "original_exception", None), ssl.SSLError):
        return ConnectionFailed(
            f"the server of the connection {name!r} is not whom its certificate should say", **details
        )
    if number == _NO_SUCH_DATABASE:
        return ConnectionFailed(f"the connection {name!r} names a database that there is not", **details)
    if number in _TRANSIENT:
        return side.unavailable(
            f"the server of the connection {name!r} is not there for us (error {number})", **details
        )
    text = f": {error.args[1]}" if number in _WITHOUT_VALUES else ""
    return side.failed(
        f"the server of the connection {name!r} refused a statement with error {number}{text}", **details
    )


def _connected(described: MySqlConnection, side: Side) -> pymysql.connections.Connection:
    socket = described.host if described.host.startswith("/") else None
    encrypted = _encryption(described)
    connection = pymysql.connect(
        host=None if socket else described.host,
        port=described.port,
        unix_socket=socket,
        user=described.username,
        password=described.password.get_secret_value().encode(),  # PyMySQL would encode a text as Latin-1
        database=described.dbname,
        charset="utf8mb4",
        connect_timeout=described.connect_timeout,
        init_command=f"SET {_IN_UTC}" + (f", {_STRICT}" if side is WRITING else ""),
        autocommit=True,
        local_infile=side is WRITING,
        ssl=encrypted,
        ssl_disabled=socket is not None or described.tls == "off",
    )
    keep_files(connection)
    return connection


def _encryption(described: MySqlConnection) -> ssl.SSLContext | None:
    """Return how to encrypt; None leaves it to the server."""
    if described.tls not in {"required", "verified"}:
        return None
    try:
        encryption = ssl.create_default_context(cafile=described.certificates)
    except OSError:
        raise ConnectionFailed("the file of certificates that a connection names cannot be read") from None
    encryption.verify_flags &= ~ssl.VERIFY_X509_STRICT  # which certificates that servers make themselves do not meet
    if described.tls == "required":
        encryption.check_hostname = False
        encryption.verify_mode = ssl.CERT_NONE
    return encryption
