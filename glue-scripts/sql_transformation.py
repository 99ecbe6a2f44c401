"""Runs one SQL transformation as a Glue job: inputs become views, one query runs, its rows go to each output.

The query is written once, in Spark's dialect, in a ``.sql`` file beside this script. Inside Glue (5.0: Spark 3.5)
it runs on Spark. Under the embedded AWS, which sets ``RUNNERS_SQL_ENGINE=duckdb``, the same query runs on DuckDB,
through ``runners.local.spark_sql.sql_on_duckdb``. The script knows nothing of what the query is about.

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

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import boto3
from awsglue.utils import getResolvedOptions

FORMATS = {"csv", "parquet"}
CSV_OPTIONS = {
    "header": True,
    "quote": '"',
    "escape": '"',
    "multiLine": True,
    "enforceSchema": False,  # compare each file's header with the first one's
    "mode": "FAILFAST",
}
CSV_WRITE_OPTIONS = {
    "header": True,
    "quote": '"',
    "escape": '"',
    "ignoreLeadingWhiteSpace": False,
    "ignoreTrailingWhiteSpace": False,
}
SPARK_SETTINGS = {
    "spark.sql.ansi.enabled": "false",  # a CAST of what is no number gives NULL
    "spark.sql.legacy.timeParserPolicy": "CORRECTED",  # to_date of what is no date gives NULL
    "spark.sql.csv.parser.columnPruning.enabled": "false",  # notice a malformed record wherever it is
    "spark.sql.parquet.compression.codec": "snappy",
}


def main(arguments: list[str]) -> None:
    """Run the transformation that the job's arguments describe."""
    options = getResolvedOptions(arguments, ["transformation", "inputs", "outputs"])
    inputs = read_list(options["inputs"], "--inputs", {"view", "format", "path"})
    outputs = read_list(options["outputs"], "--outputs", {"format", "path"})
    refuse_overlaps([item["path"] for item in inputs], [item["path"] for item in outputs])
    query = read_text(options["transformation"])
    if os.environ.get("RUNNERS_SQL_ENGINE") == "duckdb":
        from runners.local.spark_sql.sql_on_duckdb import run  # noqa: PLC0415 - does not exist inside Glue
    else:
        run = run_on_spark
    run(query, inputs, outputs)


def read_list(text: str, argument: str, keys: set[str]) -> list[dict[str, str]]:
    """Read one of the two JSON arguments; each item has exactly the keys, and a format that is known."""
    try:
        items = json.loads(text)
    except ValueError:
        items = None
    if not items or not isinstance(items, list) or any(set(item) != keys for item in items):
        raise ValueError(f"{argument} must be a JSON list of objects with the keys {', '.join(sorted(keys))}")
    for item in items:
        if item["format"] not in FORMATS:
            raise ValueError(f"{argument} has the format {item['format']!r}: write csv or parquet")
        if not item.get("view", "view").isidentifier():
            raise ValueError(f"{argument} has the view {item['view']!r}: write a name of letters, digits and _")
    return items


def refuse_overlaps(inputs: list[str], outputs: list[str]) -> None:
    """Raise if an output would replace what is read, or what another output wrote."""
    for number, output in enumerate(outputs):
        for other in inputs + outputs[:number]:
            one, another = output.rstrip("/") + "/", other.rstrip("/") + "/"
            if one.startswith(another) or another.startswith(one):
                raise ValueError(f"the output {output} overlaps with {other}: give each a path of its own")


def read_text(path: str) -> str:
    """Read a small text from S3, or from a local file."""
    if not path.startswith("s3://"):
        return Path(path).read_text(encoding="utf-8")
    bucket, _, key = path.removeprefix("s3://").partition("/")
    return boto3.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read().decode("utf-8")


def run_on_spark(query: str, inputs: list[dict[str, str]], outputs: list[dict[str, str]]) -> None:
    """Run the query on Spark: inside Glue, or locally with PySpark."""
    from pyspark.sql import SparkSession  # noqa: PLC0415 - DuckDB's way needs no PySpark

    spark = SparkSession.builder.getOrCreate()
    for name, value in SPARK_SETTINGS.items():
        spark.conf.set(name, value)
    for item in inputs:
        reader = spark.read.option("recursiveFileLookup", True)
        options = CSV_OPTIONS if item["format"] == "csv" else {}
        reader.options(**options).format(item["format"]).load(item["path"]).createOrReplaceTempView(item["view"])
    rows = spark.sql(query)
    if len(outputs) > 1:
        rows = rows.cache()
    for item in outputs:
        options = CSV_WRITE_OPTIONS if item["format"] == "csv" else {}
        rows.write.mode("overwrite").options(**options).format(item["format"]).save(item["path"])


if __name__ == "__main__":
    main(sys.argv)
