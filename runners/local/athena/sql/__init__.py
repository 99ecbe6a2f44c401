"""Athena's queries, which are Trino's, run on DuckDB with Trino's meaning."""
