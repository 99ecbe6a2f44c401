"""The DuckDB of one query: bounded in memory, and closed to all but the query's own files.

Nothing that a query's text says can reach a file, the network or an extension; not even its settings can be changed.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import duckdb

from runners.local.athena.sql.translation import install

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MEMORY_LIMIT = "512MB"
THREADS = 2


@contextmanager
def session(directory: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a database in memory that reads and writes below ``directory`` alone, and spills into it."""
    spilled = directory / "spilled"
    spilled.mkdir()
    connection = duckdb.connect(
        config={
            "memory_limit": MEMORY_LIMIT,
            "threads": THREADS,
            "temp_directory": str(spilled),
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "python_enable_replacements": False,
        }
    )
    try:
        install(connection)
        allowed = str(directory).replace("'", "''")
        connection.execute(f"SET allowed_directories = ['{allowed}/']")
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
        yield connection
    finally:
        connection.close()
