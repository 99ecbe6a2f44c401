"""Athena of the embedded AWS: queries that really run, on DuckDB, over the Glue catalog's tables in S3."""
