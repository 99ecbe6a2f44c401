"""The one door to PySpark: without it, the message says how to get it."""

from __future__ import annotations

try:
    from pyspark import SparkContext
    from pyspark.sql import Column, DataFrame, DataFrameReader, DataFrameWriter, Row, SparkSession, functions
    from pyspark.sql.types import StringType, StructField, StructType
except ImportError as error:
    raise ModuleNotFoundError(
        "GlueContext and DynamicFrame need PySpark: pip install -e '.[spark]' (and Java 17)",
        name=error.name,
    ) from error

__all__ = [
    "Column",
    "DataFrame",
    "DataFrameReader",
    "DataFrameWriter",
    "Row",
    "SparkContext",
    "SparkSession",
    "StringType",
    "StructField",
    "StructType",
    "functions",
]
