"""Runs one SQL transformation as a Glue job: inputs become views, one query runs, its rows go to each output.

The query is written once, in Spark's dialect, in a ``.sql`` file beside this script. Inside Glue (5.0: Spark 3.5)
it runs on Spark. Under the embedded AWS, which sets ``RUNNERS_SQL_ENGINE=duckdb``, the same query runs on DuckDB,
through ``runners.local.sql_on_duckdb``. The script knows nothing of what the query is about.

Job arguments (``DefaultArguments`` of the Glue job):

``--transformation``
    Where the query lies, e.g. ``s3://artifacts/scripts/process_sales_data.sql``.
``--inputs``
    JSON list. One view for each item, over every object below the path::

        [{"view": "sales", "format": "csv", "path": "s3://data/sales/"}]

``--outputs``
    JSON list. The rows of the query replace what lies below each path (mode overwrite)::

        [{"format": "parquet", "path": "s3://data/output/joined/parquet/"},
         {"format": "csv", "path": "s3://data/output/joined/csv/"}]

``format`` is ``csv`` or ``parquet``. Parquet is compressed by snappy.

CSV is read the same way by both engines: the first record of each file is its header, and the files of one input
agree on it; every column is a string, and the query casts it; an empty cell is NULL; a quote inside a quoted cell
is doubled; a quoted cell may hold line breaks (so one file is read by one Spark task: give Spark several files
where a file gets large); a record with more or fewer cells than the header fails the job. CSV is written with a
header, NULL as an empty cell.
"""
