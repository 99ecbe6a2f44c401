"""SQL written for Spark, run on DuckDB with Spark's meaning."""
