"""Tables that queries of Athena's are tried on, and the translation, run: for tests, here and in tests/integration."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb

from runners.local.athena.sql.translation import duckdb_type, explained, install, parse, text_of, translate

if TYPE_CHECKING:
    from runners.local.athena.sql.translation import Translated

COLUMNS = {
    ("shop", "sales"): {
        "id": "int", "name": "string", "price": "decimal(10,2)", "day": "date", "at": "timestamp",
        "tags": "array<string>", "stock": "map<string,int>", "place": "struct<city:string,code:int>", "rate": "double",
        "code": "char(3)", "photo": "binary",
    },
    ("shop", "visits"): {"id": "int", "page": "varchar(10)", "length": "bigint"},
}  # fmt: skip
ROWS = """
INSERT INTO shop.sales VALUES
    (1, 'apple', 1.50, '2024-01-31', '2024-01-31 10:00:00.123', ['red', 'sweet'], MAP {'here': 1, 'there': 2},
     {'city': 'Bern', 'code': 3000}, 0.5, 'ab', 'hi'),
    (2, 'pear', 2.25, '2024-02-01', '2024-02-01 00:00:00', [], MAP {}, NULL, NULL, NULL, NULL),
    (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'nan', 'c', NULL);
INSERT INTO shop.visits VALUES (1, 'home', 10), (1, 'cart', 5), (4, 'home', NULL);
"""


def connect() -> duckdb.DuckDBPyConnection:
    """Open a database with the tables."""
    connection = duckdb.connect(config={"autoinstall_known_extensions": False, "python_enable_replacements": False})
    install(connection)
    connection.execute("CREATE SCHEMA shop")
    for (database, table), columns in COLUMNS.items():
        listed = ", ".join(f'"{name}" {duckdb_type(of)}' for name, of in columns.items())
        connection.execute(f'CREATE TABLE "{database}"."{table}" ({listed})')
    connection.execute(ROWS)
    return connection


def translated(query: str, *parameters: str) -> Translated:
    """Translate a query over the tables."""
    return translate(parse(query), COLUMNS, "shop", parameters)


def rows(connection: duckdb.DuckDBPyConnection, query: str, *parameters: str) -> list[tuple[str | None, ...]]:
    """Run a query, and give its rows as Athena writes them; what goes wrong comes as Athena's error."""
    made = translated(query, *parameters)
    try:
        found = connection.cursor().execute(made.sql).fetchall()
    except duckdb.Error as error:
        raise explained(error) from None
    return [tuple(text_of(value, of.type) for value, of in zip(row, made.columns, strict=True)) for row in found]
