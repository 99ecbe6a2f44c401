"""Tables and partitions in the words of the Glue catalog: locations, formats, SerDes, and the counts that Glue adds.

Pure: it is given what was found, and answers what ``CreateTable`` and ``CreatePartition`` take.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from runners.local.crawlers import inference
from runners.local.crawlers.csv_files import OPEN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runners.local.crawlers.csv_files import Layout
    from runners.local.crawlers.grouping import FoundPartition, FoundTable
    from runners.local.crawlers.inference import Schema, Statistics

OWNER = "UPDATED_BY_CRAWLER"

_TEXT = {
    "InputFormat": "org.apache.hadoop.mapred.TextInputFormat",
    "OutputFormat": "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
}
_FORMATS: dict[str, dict[str, str]] = {
    inference.CSV: _TEXT,
    inference.JSON: _TEXT,
    inference.PARQUET: {
        "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
        "OutputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
    },
    inference.UNKNOWN: {},
}


@dataclass(frozen=True)
class Target:
    """A path that was crawled, and the tables below it."""

    location: str
    """``s3://bucket/key/``; of an object without the slash."""
    exclusions: tuple[str, ...]
    tables: tuple[FoundTable, ...]


def location(target: Target, table: FoundTable) -> str:
    """Answer where a table lies: a folder ends with a slash, an object does not."""
    if not table.place:
        return target.location
    joined = "/".join((target.location.rstrip("/"), *table.place))
    return joined if table.single_object else f"{joined}/"


def table_input(name: str, location: str, crawler: str, target: Target, table: FoundTable) -> dict[str, Any]:
    """Answer the table as ``CreateTable`` takes it."""
    parameters = {
        OWNER: crawler,
        **_parameters(table.schema, table.statistics),
        **({"partition_filtering.enabled": "true"} if table.keys else {}),
        **({"exclusions": json.dumps(target.exclusions)} if target.exclusions else {}),
    }
    return {
        "Name": name,
        "Owner": "owner",
        "Retention": 0,
        "TableType": "EXTERNAL_TABLE",
        "Parameters": parameters,
        "PartitionKeys": [{"Name": key, "Type": "string"} for key in table.keys],
        "StorageDescriptor": _descriptor(location, table.schema, parameters),
    }


def partition_input(location: str, found: FoundPartition, inherited: Mapping[str, Any] | None) -> dict[str, Any]:
    """Answer a partition as ``CreatePartition`` takes it; where a descriptor of its table is given, by that."""
    place = "/".join((location.rstrip("/"), *found.folders)) + "/"
    if inherited is None:
        parameters = _parameters(found.schema, found.statistics)
        descriptor = _descriptor(place, found.schema, parameters)
    else:
        parameters = {**inherited["Parameters"], **_counted(found.statistics)}
        descriptor = {**inherited, "Location": place, "Parameters": parameters}
    return {"Values": list(found.values), "StorageDescriptor": descriptor, "Parameters": parameters}


def _descriptor(location: str, schema: Schema, parameters: Mapping[str, str]) -> dict[str, Any]:
    return {
        "Columns": [column.written() for column in schema.columns],
        "Location": location,
        **_FORMATS[schema.classification],
        "Compressed": schema.compression != inference.PLAIN,
        "NumberOfBuckets": -1,
        "SerdeInfo": _serde(schema),
        "BucketColumns": [],
        "SortColumns": [],
        "Parameters": dict(parameters),
        "StoredAsSubDirectories": False,
    }


def _serde(schema: Schema) -> dict[str, Any]:
    if schema.layout:
        return _serde_of_csv(schema.layout)
    if schema.classification == inference.JSON:
        library, parameters = "org.openx.data.jsonserde.JsonSerDe", {"paths": ",".join(schema.paths)}
    elif schema.classification == inference.PARQUET:
        library = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
        parameters = {"serialization.format": "1"}
    else:
        return {}
    return {"SerializationLibrary": library, "Parameters": parameters}


def _serde_of_csv(layout: Layout) -> dict[str, Any]:
    if layout.serde == OPEN:
        parameters = {"separatorChar": layout.delimiter, "quoteChar": layout.quote, "escapeChar": "\\"}
        return {"SerializationLibrary": "org.apache.hadoop.hive.serde2.OpenCSVSerde", "Parameters": parameters}
    return {
        "SerializationLibrary": "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe",
        "Parameters": {"field.delim": layout.delimiter},
    }


def _parameters(schema: Schema, statistics: Statistics) -> dict[str, str]:
    parameters = {
        "CrawlerSchemaDeserializerVersion": "1.0",
        "CrawlerSchemaSerializerVersion": "1.0",
        "classification": schema.classification,
        "compressionType": schema.compression,
        "typeOfData": "file",
        **_counted(statistics),
    }
    if schema.layout:
        parameters |= {
            "areColumnsQuoted": str(schema.layout.quoted).lower(),
            "columnsOrdered": "true",
            "delimiter": schema.layout.delimiter,
        }
        if schema.layout.has_header:
            parameters["skip.header.line.count"] = "1"
    return parameters


def _counted(statistics: Statistics) -> dict[str, str]:
    records = statistics.records
    return {
        "sizeKey": str(statistics.bytes),
        "objectCount": str(statistics.objects),
        "recordCount": str(records),
        "averageRecordSize": str(statistics.bytes // records if records else 0),
    }
