"""How CREATE EXTERNAL TABLE describes a table, in Hive's grammar: columns, SerDe, location, properties.

Pure: reads words, and answers what they say in the terms of the Glue catalog.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from runners.local.athena.hive_types import as_in_catalog
from runners.local.athena.sql.translation import QueryError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runners.local.athena.words import Words

LAZY_SIMPLE = "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"
OPEN_CSV = "org.apache.hadoop.hive.serde2.OpenCSVSerde"
OPENX_JSON = "org.openx.data.jsonserde.JsonSerDe"
HIVE_JSON = "org.apache.hive.hcatalog.data.JsonSerDe"
PARQUET = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"

_TEXT_INPUT = "org.apache.hadoop.mapred.TextInputFormat"
_TEXT_OUTPUT = "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat"


class Column(NamedTuple):
    """A column of a table."""

    name: str
    type: str
    """In Hive's words."""
    comment: str | None = None


class Formats(NamedTuple):
    """What ``STORED AS`` stands for."""

    input_format: str
    output_format: str
    serde: str


_ORC = "org.apache.hadoop.hive.ql.io.orc"
_AVRO = "org.apache.hadoop.hive.ql.io.avro.AvroContainer"
STORED_AS = {
    "TEXTFILE": Formats(_TEXT_INPUT, _TEXT_OUTPUT, LAZY_SIMPLE),
    "JSONFILE": Formats(_TEXT_INPUT, _TEXT_OUTPUT, HIVE_JSON),
    "PARQUET": Formats(
        "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
        "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
        PARQUET,
    ),
    # What can be described, as at Athena, and is refused when it is read.
    "ORC": Formats(f"{_ORC}.OrcInputFormat", f"{_ORC}.OrcOutputFormat", f"{_ORC}.OrcSerde"),
    "AVRO": Formats(f"{_AVRO}InputFormat", f"{_AVRO}OutputFormat", "org.apache.hadoop.hive.serde2.avro.AvroSerDe"),
}


@dataclass(frozen=True)
class Storage:
    """How the bytes of a table's objects become rows."""

    serde: str = LAZY_SIMPLE
    input_format: str = _TEXT_INPUT
    output_format: str = _TEXT_OUTPUT
    parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Description:
    """A table as a statement describes it."""

    columns: tuple[Column, ...]
    partition_columns: tuple[Column, ...]
    storage: Storage
    location: str
    properties: Mapping[str, str]
    comment: str | None


def description(words: Words) -> Description:
    """Read all that follows the table's name."""
    columns = _columns(words)
    comment = words.text() if words.takes("COMMENT") else None
    partition_columns = _columns(words) if words.takes("PARTITIONED", "BY") else ()
    if words.takes("CLUSTERED"):
        raise QueryError("NOT_SUPPORTED", "the embedded Athena has no bucketed tables: leave CLUSTERED BY out")
    serde, parameters = _row_format(words)
    formats = _stored_as(words)
    location = words.text() if words.takes("LOCATION") else None
    table_properties = properties(words) if words.takes("TBLPROPERTIES") else {}
    words.end()
    if location is None:
        raise QueryError("SYNTAX_ERROR", "No location was specified for table. An S3 location must be specified")
    storage = Storage(serde or formats.serde, formats.input_format, formats.output_format, parameters)
    return Description(columns, partition_columns, storage, location, table_properties, comment)


def properties(words: Words) -> dict[str, str]:
    """Read ``('name' = 'value', …)`` as Hive has it."""
    words.expect("(")
    found = {}
    while True:
        name = words.text()
        words.expect("=")
        found[name] = words.text()
        if not words.takes(","):
            break
    words.expect(")")
    return found


def _columns(words: Words) -> tuple[Column, ...]:
    words.expect("(")
    columns = [_column(words)]
    while words.takes(","):
        columns.append(_column(words))
    words.expect(")")
    names = [column.name for column in columns]
    if len(set(names)) < len(names):
        raise QueryError("SYNTAX_ERROR", "Duplicate column names in the table")
    return tuple(columns)


def _column(words: Words) -> Column:
    name = words.name()
    words.takes(":")
    start = words.peek().start
    end = _past_type(words)
    column_type = as_in_catalog(words.statement[start:end])
    return Column(name, column_type, words.text() if words.takes("COMMENT") else None)


def _past_type(words: Words) -> int:
    """Go past a type, with all that it holds in brackets; answer where it ends."""
    end, depth = words.next().end, 0
    while True:
        word = words.peek()
        if word.kind == "end" or (depth == 0 and word.value not in {"<", "("}):
            return end
        depth += {"<": 1, "(": 1, ">": -1, ")": -1}.get(word.value, 0)
        end = words.next().end


def _row_format(words: Words) -> tuple[str | None, dict[str, str]]:
    """Read ``ROW FORMAT``; answers the SerDe, if one is named, and its parameters."""
    if not words.takes("ROW", "FORMAT"):
        return None, {}
    if words.takes("SERDE"):
        serde = words.text()
        return serde, properties(words) if words.takes("WITH", "SERDEPROPERTIES") else {}
    words.expect("DELIMITED")
    parameters = {}
    for phrase, names in _DELIMITERS.items():
        if words.takes(*phrase.split()):
            parameters.update(dict.fromkeys(names, words.text()))
    return LAZY_SIMPLE, parameters


_DELIMITERS = {
    "FIELDS TERMINATED BY": ("field.delim", "serialization.format"),
    "ESCAPED BY": ("escape.delim",),
    "COLLECTION ITEMS TERMINATED BY": ("collection.delim",),
    "MAP KEYS TERMINATED BY": ("mapkey.delim",),
    "LINES TERMINATED BY": ("line.delim",),
    "NULL DEFINED AS": ("serialization.null.format",),
}


def _stored_as(words: Words) -> Formats:
    if not words.takes("STORED", "AS"):
        return STORED_AS["TEXTFILE"]
    if words.takes("INPUTFORMAT"):
        input_format = words.text()
        words.expect("OUTPUTFORMAT")
        return Formats(input_format, words.text(), LAZY_SIMPLE)
    name = words.next().value.upper()
    if name not in STORED_AS:
        raise QueryError(
            "NOT_SUPPORTED", f"the embedded Athena has no STORED AS {name}: use one of {', '.join(STORED_AS)}"
        )
    return STORED_AS[name]
