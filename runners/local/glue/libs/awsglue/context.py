"""``GlueContext`` over a Spark session: reading and writing DynamicFrames at S3 and by the Data Catalog.

Connections to databases and streams are refused by name. ``s3://`` paths are plain Spark paths to this module; that
they work is ``runners.local.scripts.spark_staging``'s part.
"""
# ruff: noqa: A002, N802 - the names are Glue's

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import boto3

from ._pyspark import (
    DataFrame,
    DataFrameReader,
    DataFrameWriter,
    SparkContext,
    SparkSession,
    StringType,
    StructField,
    StructType,
    functions,
)
from ._warnings import warn
from .dynamicframe import DynamicFrame, spark_type

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

READABLE = frozenset({"csv", "json", "parquet", "orc"})
WRITABLE = {"csv": "csv", "json": "json", "parquet": "parquet", "glueparquet": "parquet", "orc": "orc"}
# A part of the name of a table's serialization library → its format.
SERIALIZATIONS = {"parquet": "parquet", "orc": "orc", "json": "json", "csv": "csv", "lazysimple": "csv"}
CSV_READING = {"separator": "sep", "quoteChar": "quote", "escaper": "escape", "multiLine": "multiLine"}
CSV_WRITING = {"separator": "sep", "quoteChar": "quote", "escaper": "escape", "writeHeader": "header"}


class CatalogTable(NamedTuple):
    """What the Data Catalog says of a table."""

    location: str
    format: str
    types: dict[str, str]
    """Of the columns that lie in the files, in their order."""
    partition_keys: list[str]
    options: dict[str, Any]
    """For Spark's reader and writer."""


class GlueContext:
    """A Spark session with Glue's ways to read and write."""

    def __init__(self, sparkContext: SparkContext, *_: Any, **__: Any) -> None:  # noqa: N803 - Glue's name
        self._sc = sparkContext
        self.spark_session: SparkSession = SparkSession.builder.getOrCreate()
        self.create_dynamic_frame = _FrameReader(
            self.create_dynamic_frame_from_options, self.create_dynamic_frame_from_catalog
        )
        self.create_data_frame = _FrameReader(self.create_data_frame_from_options, self.create_data_frame_from_catalog)
        self.write_dynamic_frame = _FrameWriter(self)
        self.write_data_frame = self.write_dynamic_frame

    def __getattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"GlueContext.{name} is not in the awsglue of the embedded Glue")

    def getSource(self, connection_type: str, *_: Any, **__: Any) -> NoReturn:
        """Refuse: read by ``create_dynamic_frame.from_options``."""
        raise NotImplementedError(
            f"GlueContext.getSource({connection_type!r}) is not in the awsglue of the embedded Glue: read by "
            "create_dynamic_frame.from_options"
        )

    def get_logger(self) -> logging.Logger:
        """Answer a logger; what it logs goes to the run's error stream."""
        logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
        return logging.getLogger("glue")

    def create_dynamic_frame_from_options(
        self,
        connection_type: str,
        connection_options: Mapping[str, Any] | None = None,
        format: str | None = None,
        format_options: Mapping[str, Any] | None = None,
        transformation_ctx: str = "",
        *_: Any,
        **__: Any,
    ) -> DynamicFrame:
        """Read objects at S3: ``{"paths": [...], "recurse": True}``; no objects, no rows."""
        frame = self.create_data_frame_from_options(connection_type, connection_options, format, format_options)
        return DynamicFrame(frame, self, transformation_ctx)

    def create_data_frame_from_options(
        self,
        connection_type: str,
        connection_options: Mapping[str, Any] | None = None,
        format: str | None = None,
        format_options: Mapping[str, Any] | None = None,
        *_: Any,
        **__: Any,
    ) -> DataFrame:
        """Read objects at S3 into a DataFrame."""
        options = dict(connection_options or {})
        _require_s3(connection_type)
        paths = options.pop("paths", None) or [options.pop("path", "")]
        if format not in READABLE:
            raise NotImplementedError(f"the embedded Glue reads {', '.join(sorted(READABLE))}, not {format!r}")
        reader = self.spark_session.read.option("recursiveFileLookup", bool(options.pop("recurse", False)))
        if options:
            warn(f"connection_options that the embedded Glue leaves aside: {', '.join(sorted(options))}")
        return self._load(reader, format, paths, format_options or {})

    def _load(
        self, reader: DataFrameReader, kind: str, paths: Sequence[str], format_options: Mapping[str, Any]
    ) -> DataFrame:
        if kind != "csv":
            return reader.format(kind).load(list(paths))
        has_header = bool(format_options.get("withHeader", False))
        for name, value in {"escaper": '"', **format_options}.items():
            if name in CSV_READING and value != -1:
                reader = reader.option(CSV_READING[name], value)
        frame = reader.option("header", has_header).format(kind).load(list(paths))
        # Glue counts the columns of a file without a header from col0 on.
        return frame if has_header else frame.toDF(*(f"col{number}" for number in range(len(frame.columns))))

    def create_dynamic_frame_from_catalog(
        self,
        database: str,
        table_name: str,
        redshift_tmp_dir: str = "",
        transformation_ctx: str = "",
        push_down_predicate: str = "",
        *_: Any,
        **__: Any,
    ) -> DynamicFrame:
        """Read a table of the Data Catalog that lies at S3."""
        if redshift_tmp_dir:
            raise NotImplementedError("the embedded Glue reads no table of Redshift")
        frame = self.create_data_frame_from_catalog(database, table_name, push_down_predicate=push_down_predicate)
        return DynamicFrame(frame, self, transformation_ctx)

    def create_data_frame_from_catalog(
        self, database: str, table_name: str, *_: Any, push_down_predicate: str = "", **__: Any
    ) -> DataFrame:
        """Read a table of the Data Catalog into a DataFrame, its columns named and typed as the catalog says."""
        table = self._table(database, table_name)
        reader = self.spark_session.read.options(**table.options)
        if table.format == "csv":
            reader = reader.schema(StructType([StructField(name, StringType()) for name in table.types]))
        frame = reader.format(table.format).load(table.location)
        for name, kind in table.types.items():
            if name in frame.columns:
                frame = frame.withColumn(name, functions.col(f"`{name}`").cast(spark_type(kind)))
        return frame.where(push_down_predicate) if push_down_predicate else frame

    def write_dynamic_frame_from_options(
        self,
        frame: DynamicFrame | DataFrame,
        connection_type: str,
        connection_options: Mapping[str, Any] | None = None,
        format: str | None = None,
        format_options: Mapping[str, Any] | None = None,
        *_: Any,
        **__: Any,
    ) -> DynamicFrame | DataFrame:
        """Add objects at S3: ``{"path": ..., "partitionKeys": [...]}``; what lies there stays, as inside Glue."""
        _require_s3(connection_type)
        options = dict(connection_options or {})
        path, partition_keys = options.pop("path"), options.pop("partitionKeys", [])
        kind = WRITABLE.get(format or "")
        if kind is None:
            raise NotImplementedError(f"the embedded Glue writes {', '.join(sorted(WRITABLE))}, not {format!r}")
        writer = _writer(frame)
        if options.get("compression"):
            writer = writer.option("compression", options["compression"])
        if kind == "csv":
            for name, value in {"writeHeader": True, "escaper": '"', **(format_options or {})}.items():
                if name in CSV_WRITING and value != -1:
                    writer = writer.option(CSV_WRITING[name], value)
        writer.mode("append").partitionBy(*partition_keys).format(kind).save(path)
        return frame

    def write_dynamic_frame_from_catalog(
        self, frame: DynamicFrame | DataFrame, database: str, table_name: str, *_: Any, **__: Any
    ) -> DynamicFrame | DataFrame:
        """Add objects to a table of the Data Catalog that lies at S3."""
        table = self._table(database, table_name)
        writer = _writer(frame).mode("append").partitionBy(*table.partition_keys)
        writer.options(**table.options).format(table.format).save(table.location)
        return frame

    def getSink(self, connection_type: str, **options: Any) -> _Sink:
        """Make a sink for S3: ``getSink(connection_type="s3", path=..., partitionKeys=[...])``."""
        _require_s3(connection_type)
        if options.get("enableUpdateCatalog"):
            warn("the embedded Glue's sinks do not update the Data Catalog")
        return _Sink(self, options)

    def catalog_types(self, database: str, table_name: str) -> dict[str, str]:
        """Answer the columns of a table with their types, by the Data Catalog."""
        return self._table(database, table_name).types

    def _table(self, database: str, table_name: str) -> CatalogTable:
        table = boto3.client("glue").get_table(DatabaseName=database, Name=table_name)["Table"]
        storage = table.get("StorageDescriptor", {})
        parameters = {**table.get("Parameters", {}), **storage.get("SerdeInfo", {}).get("Parameters", {})}
        kind = _format(parameters, storage.get("SerdeInfo", {}).get("SerializationLibrary", ""))
        if not storage.get("Location", "").startswith("s3"):
            raise NotImplementedError(f"the table {database}.{table_name} does not lie at S3")
        if kind is None:
            raise NotImplementedError(f"the table {database}.{table_name} has a format that is not known here")
        has_header = int(parameters.get("skip.header.line.count", 0)) > 0
        separator = parameters.get("separatorChar") or parameters.get("field.delim") or ","
        return CatalogTable(
            storage["Location"],
            kind,
            {column["Name"]: column.get("Type", "string") for column in storage.get("Columns", [])},
            [key["Name"] for key in table.get("PartitionKeys", [])],
            {"header": has_header, "sep": separator, "escape": '"'} if kind == "csv" else {},
        )


class _FrameReader:
    """``create_dynamic_frame`` and ``create_data_frame``: the ways to read, as attributes."""

    def __init__(self, from_options: Callable[..., Any], from_catalog: Callable[..., Any]) -> None:
        self.from_options = from_options
        self.from_catalog = from_catalog

    def __getattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"reading {name} is not in the awsglue of the embedded Glue")


class _FrameWriter:
    """``write_dynamic_frame``: the ways to write, as attributes."""

    def __init__(self, context: GlueContext) -> None:
        self.from_options = context.write_dynamic_frame_from_options
        self.from_catalog = context.write_dynamic_frame_from_catalog

    def __getattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"writing {name} is not in the awsglue of the embedded Glue")


class _Sink:
    """Where ``writeFrame`` adds objects."""

    def __init__(self, context: GlueContext, options: Mapping[str, Any]) -> None:
        self._context = context
        self._options = {name: options[name] for name in ("path", "partitionKeys") if name in options}
        self._format: str | None = None
        self._format_options: dict[str, Any] = {}

    def setFormat(self, format: str, **format_options: Any) -> None:
        """Choose the format."""
        self._format, self._format_options = format, format_options

    def setCatalogInfo(self, catalogDatabase: str, catalogTableName: str) -> None:  # noqa: N803 - Glue's names
        """Warn that the table is not made or changed."""
        warn(f"the table {catalogDatabase}.{catalogTableName} is not updated by the embedded Glue")

    def writeFrame(self, dynamic_frame: DynamicFrame, info: str = "") -> DynamicFrame | DataFrame:  # noqa: ARG002
        """Add the rows."""
        return self._context.write_dynamic_frame_from_options(
            dynamic_frame, "s3", self._options, self._format, self._format_options
        )


def _require_s3(connection_type: str) -> None:
    if connection_type != "s3":
        raise NotImplementedError(f"the embedded Glue reaches S3 alone, not connections of type {connection_type!r}")


def _writer(frame: DynamicFrame | DataFrame) -> DataFrameWriter:
    return (frame.toDF() if isinstance(frame, DynamicFrame) else frame).write


def _format(parameters: Mapping[str, str], library: str) -> str | None:
    """Find a table's format, by its classification or by its serialization library."""
    classification = parameters.get("classification", "").lower()
    if classification in READABLE:
        return classification
    return next((kind for part, kind in SERIALIZATIONS.items() if part in library.lower()), None)
