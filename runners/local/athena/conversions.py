"""How a text becomes a value of a column: in DuckDB's SQL, by the rules of the SerDes that Athena reads with.

A text that is no value of its type is NULL to the lazy ones, and an error of bad data to the strict ones. Pure: it
only writes expressions, which need the macros of ``sql``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from runners.local.athena.sql.types import stored

if TYPE_CHECKING:
    from runners.local.athena.sql.types import Type

BAD_DATA = "HIVE_BAD_DATA"

# What a text must look like, and which part of it is read: whole numbers may have a fraction, which is cut off.
_WHOLE_NUMBER = r"^([+-]?\d+)(?:\.\d*)?$"
_NUMBER = r"^\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*$"
_DATE = r"^(\d{4}-\d{2}-\d{2})(?: .*)?$"
_TIMESTAMP = r"^(\d{4}-\d{2}-\d{2}(?: \d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?)?)$"
_PATTERNS = {
    "tinyint": _WHOLE_NUMBER,
    "smallint": _WHOLE_NUMBER,
    "integer": _WHOLE_NUMBER,
    "bigint": _WHOLE_NUMBER,
    "decimal": _NUMBER,
    "date": _DATE,
    "timestamp": _TIMESTAMP,
}
_WORDS_OF_DOUBLES = "'nan', 'infinity', '-infinity', '+infinity'"


def lazily(column: str, of: Type) -> str:
    """Write how LazySimpleSerDe reads a text of ``column``, an expression of DuckDB's: what does not fit is NULL."""
    wanted = stored(of)
    if of.arguments:
        return f"TRY_CAST(CAST({column} AS JSON) AS {wanted})"
    match of.name:
        case "varchar":
            value = f"left({column}, {of.size[0]})" if of.size else column
        case "char":
            value = f"rpad(left({column}, {of.size[0]}), {of.size[0]}, ' ')"
        case "boolean":
            value = f"CASE lower({column}) WHEN 'true' THEN true WHEN 'false' THEN false END"
        case "varbinary":
            value = f"from_base64({column})"
        case "real" | "double":
            is_one = f"regexp_matches({column}, '{_NUMBER}') OR lower({column}) IN ({_WORDS_OF_DOUBLES})"
            value = f"CASE WHEN {is_one} THEN TRY_CAST({column} AS {wanted}) END"
        case _:
            value = f"TRY_CAST(nullif(regexp_extract({column}, '{_PATTERNS[of.name]}', 1), '') AS {wanted})"
    return value


def strictly(column: str, of: Type, name: str) -> str:
    """Write how a strict SerDe reads a text: what does not fit is an error that names the column, not the value."""
    if of.name in {"varchar", "char"}:
        return lazily(column, of)
    value = lazily(column, of)
    return f"CASE WHEN {column} IS NOT NULL AND {value} IS NULL THEN {_bad_data(name, of)} ELSE {value} END"


def as_opencsv(column: str, of: Type, name: str) -> str:
    """Write how OpenCSVSerde's texts become values: dates are days, and timestamps milliseconds, since 1970."""
    number = f"TRY_CAST(nullif(regexp_extract({column}, '^-?\\d+$'), '') AS BIGINT)"
    if of.name == "date":
        value = f"DATE '1970-01-01' + CAST({number} AS INTEGER)"
    elif of.name == "timestamp":
        value = f"make_timestamp({number} * 1000)"
    else:
        return strictly(column, of, name)
    return f"CASE WHEN {column} IS NOT NULL AND {number} IS NULL THEN {_bad_data(name, of)} ELSE {value} END"


def _bad_data(name: str, of: Type) -> str:
    message = f"Error parsing a value of the column {name}: it is no {of}".replace("'", "''")
    return f"trino_fail('{BAD_DATA}', '{message}')"
