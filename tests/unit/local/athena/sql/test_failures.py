"""What DuckDB finds wrong while a query runs, in Athena's words."""

from __future__ import annotations

import duckdb
import pytest

from runners.local.athena.sql.failures import explained
from tests.unit.local.athena.sql.tables import connect


@pytest.mark.parametrize(
    ("sql", "kind", "message"),
    [
        ("SELECT trino_fail('SOME_KIND', 'it''s | wrong')", "SOME_KIND", "it's | wrong"),
        ("SELECT trino_fail('SOME_KIND', NULL)", "SOME_KIND", ""),
        (
            "SELECT 2147483647::INTEGER * 2::INTEGER",
            "NUMERIC_VALUE_OUT_OF_RANGE",
            "integer multiplication overflow: 2147483647 * 2",
        ),
        (
            "SELECT - x FROM (VALUES (CAST('-9223372036854775808' AS BIGINT))) t(x)",
            "NUMERIC_VALUE_OUT_OF_RANGE",
            "negation overflow",
        ),
        ("SELECT 300::INTEGER::TINYINT", "NUMERIC_VALUE_OUT_OF_RANGE", "Out of range for TINYINT: 300"),
        ("SELECT 1e300::DOUBLE::BIGINT", "INVALID_CAST_ARGUMENT", "Unable to cast 1e+300 to BIGINT"),
        (
            "SELECT 12345.6::DECIMAL(10,1)::DECIMAL(3,1)",
            "INVALID_CAST_ARGUMENT",
            "Cannot cast DECIMAL '12345.6' to DECIMAL(3,1)",
        ),
        (
            "SELECT (SELECT x FROM (VALUES (1), (2)) t(x))",
            "SUBQUERY_MULTIPLE_ROWS",
            "Scalar sub-query has returned multiple rows",
        ),
        ("SELECT MAP([1, 1], [2, 3])", "INVALID_FUNCTION_ARGUMENT", "Duplicate map keys are not allowed"),
        (
            "SELECT quantile_disc(x, y) FROM (VALUES (1, 0.5)) t(x, y)",
            "NOT_SUPPORTED",
            "An argument that is no literal, where DuckDB wants one, is not run by the embedded Athena",
        ),
        ("SELECT MAP([NULL], [2])", "INVALID_FUNCTION_ARGUMENT", "map key cannot be null"),
    ],
)
def test_an_error_is_explained_in_athenas_words(sql: str, kind: str, message: str) -> None:
    with connect() as connection, pytest.raises(duckdb.Error) as raised:
        connection.execute(sql).fetchall()
    found = explained(raised.value)
    assert (found.kind, found.message) == (kind, message)


def test_what_is_not_known_is_no_error_of_athenas_and_shows_none_of_duckdbs_words() -> None:
    with connect() as connection, pytest.raises(duckdb.Error) as raised:
        connection.execute("SELECT secret_column FROM shop.sales")
    found = explained(raised.value)
    assert found.kind == "GENERIC_INTERNAL_ERROR"
    assert "secret_column" not in found.message
    assert "embedded engine" in found.message
