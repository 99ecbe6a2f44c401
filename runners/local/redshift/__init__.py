"""The Redshift Data API on a PostgreSQL: statements that really run, where one is configured."""
