"""What a translated query needs of the DuckDB that runs it: settings, and Trino's rules as macros.

A macro fails by ``trino_fail``, which ``failures`` takes apart again. DuckDB's own ``error()`` would not do: TRY cannot
catch it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from runners.local.athena.sql.failures import MARK

if TYPE_CHECKING:
    import duckdb

SETTINGS = "SET TimeZone = 'UTC'; SET default_null_order = 'NULLS_LAST';"
MACROS = {
    # Fails, wherever any type is asked for: what reads the element of this list is never reached.
    "trino_fail(kind, message)": f"([NULL])[CAST('{MARK}' || kind || '|' || message AS INTEGER)]",
}


def install(connection: duckdb.DuckDBPyConnection) -> None:
    """Make a connection fit for translated queries. It may be done again."""
    connection.execute(SETTINGS)
    for signature, body in MACROS.items():
        connection.execute(f"CREATE OR REPLACE MACRO {signature} AS {body}")
